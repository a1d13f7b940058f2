/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are written whole. */
#ifndef STEERWAY_BASE_FILE_H
#define STEERWAY_BASE_FILE_H

#include "steerway/base/err.h"
#include "steerway/base/str.h"

/* Puts the text in the place of the file, or leaves it as it was: written beside (as `path`.new), synced, renamed, also across a power
 * cut. -1 with `e`: "path: No space left on device". */
int file_replace(const char *path, struct str text, unsigned mode, struct err *e);

#endif
