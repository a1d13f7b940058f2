/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values that a file can spell: one parser and one writer a type. Knows types, no keys and no tree.
 */
#ifndef STEERWAY_CFG_SCALAR_H
#define STEERWAY_CFG_SCALAR_H

#include "cfg/schema.h"

#include "steerway/base/arena.h"
#include "steerway/base/err.h"

struct scalar {
	const struct schema_row *row; /* its type, bounds and enum */
	struct str text;              /* one value; NUL-terminated */
	struct str directory;         /* what relative paths are relative to */
	struct arena *arena;          /* for what the member points to */
	struct err *why;              /* "what is wrong; how to mend it" */
};

struct scalar_type {
	const char *name; /* for documentation and messages: "a duration" is `duration` */
	bool is_list;     /* takes one value or a list of them; parse then appends */
	bool (*parse)(const struct scalar *s, void *field);
	/* As it would stand in the file. */
	void (*format)(const struct schema_row *row, const void *field, struct buf *out);
};

/* NULL parse: a type that load.c takes apart. */
const struct scalar_type *scalar_type(enum schema_type type);

/* For messages of cross-checks. */
void scalar_format_msec(uint64_t ms, struct buf *out);

/* How many captures a regular expression has; -1: it is none, with the reason. */
int scalar_regex_captures(struct str pattern, struct err *why);

/* A file that can be read: 0, else -1 with the reason. */
int file_check(const char *path, struct err *why);

#endif
