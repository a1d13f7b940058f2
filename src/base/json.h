/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of JSON strings, shared by buf (which grows) and log (which does not). Pure; allocates nothing. */
#ifndef STEERWAY_SRC_BASE_JSON_H
#define STEERWAY_SRC_BASE_JSON_H

#include "steerway/base/str.h"

/* How many bytes from the start need no escape and no look at their encoding. */
size_t json_plain(struct str s);
/*
 * Takes one character, or one byte that begins no valid one, off *rest (not empty) and writes what stands for it; returns the
 * bytes written. Control characters (C0, DEL, C1: a terminal obeys them) are escaped, a byte that is not UTF-8 becomes U+FFFD.
 */
#define JSON_CHAR_BYTES 6
size_t json_escape(struct str *rest, char out[JSON_CHAR_BYTES]);

#endif
