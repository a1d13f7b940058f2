/* SPDX-License-Identifier: BSD-2-Clause */
/* What went wrong on a cold path: the origin states the fact, callers put context before it. Functions return -1 beside it. */
#ifndef STEERWAY_BASE_ERR_H
#define STEERWAY_BASE_ERR_H

struct err {
	char text[512];
};

/* Both return -1, so that `return err_set(e, ...)` reads well. */
int err_set(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "context: " before the text. */
int err_context(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The fact is errno's: "what: No such file or directory". */
int err_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
