/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing text or byte builder for cold paths (answers of the admin socket, metrics, rendered zones). */
#ifndef STEERWAY_BASE_BUF_H
#define STEERWAY_BASE_BUF_H

#include "steerway/base/str.h"

struct buf {
	char *p;
	size_t n, cap;
};

/* A zeroed buf is an empty one. */
void buf_fini(struct buf *b);
/* Room for `more` bytes behind n; returns where they go. The caller adds to n. */
char *buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; bytes that are not valid UTF-8 become U+FFFD. */
void buf_add_json(struct buf *b, struct str s);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
static inline struct str buf_str(const struct buf *b) {
	return (struct str){ b->p, b->n };
}

#endif
