/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The errors of one load: collected from every phase, then written in the order of the files. Also where a thing stands, and
 * which of the known names a mistyped one is nearest to.
 */
#ifndef STEERWAY_CFG_REPORT_H
#define STEERWAY_CFG_REPORT_H

#include "steerway/base/buf.h"
#include "steerway/base/str.h"

#include <sys/types.h>

/* One file; lives as long as the load. */
struct source {
	struct str name;             /* as messages show it */
	struct str directory;        /* what its relative paths are relative to; NUL-terminated */
	unsigned index;              /* in the order of reading; 0 is the main file */
	const struct source *parent; /* that includes it; NULL: the main file */
	dev_t device;                /* with inode: which file it is; both 0 for text from memory */
	ino_t inode;
	struct source *next;
};

struct place {
	const struct source *source;
	uint32_t line, column; /* 1-based; line 0: the file as a whole */
};

struct report_line {
	unsigned file;
	uint32_t line, column;
	size_t sequence;
	char *text;
};

/* A zeroed one is empty. */
struct report {
	struct report_line *lines;
	size_t n, cap;
	size_t n_lost; /* above REPORT_MAX */
};
/* Lines that are kept: a file of garbage must not become a log of garbage. */
#define REPORT_MAX 1000

/* "file:line:col: path: text"; an empty path is left out, control bytes become '?'. */
void report_add(struct report *r, struct place at, struct str path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Writes the lines, sorted by place, and empties the report. Returns how many errors there were. */
size_t report_flush(struct report *r, struct buf *out);

/* A value in a message: cut where it would drown the message. For "%.*s%s". */
#define REPORT_VALUE_MAX 60
#define REPORT_VALUE(s)                                                                                                          \
	(int)((s).n < REPORT_VALUE_MAX ? (s).n : REPORT_VALUE_MAX), (s).n ? (s).p : "", (s).n > REPORT_VALUE_MAX ? "..." : ""

/* Finds the candidate nearest to what was typed. */
struct nearest {
	struct str typed, best;
	size_t distance;
	struct buf all; /* the first candidates, for when none is near */
	size_t n;
};
void nearest_init(struct nearest *n, struct str typed);
void nearest_offer(struct nearest *n, struct str candidate);
/* Appends `did you mean "x"?`, or `<label> a, b, c`, or `<none>` when nothing was offered; releases what it holds. */
void nearest_finish(struct nearest *n, struct buf *out, const char *label, const char *none);

#endif
