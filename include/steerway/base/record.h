/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record of a log in the making: pairs of keys and values as JSON or as text, on the stack of whoever logs. What does not fit is left
 * out: callers bound their parts so that all of it fits.
 */
#ifndef STEERWAY_BASE_RECORD_H
#define STEERWAY_BASE_RECORD_H

#include "steerway/base/str.h"

enum { RECORD_BYTES = 8192, RECORD_VECTOR_BYTES = 16 };

struct record {
	size_t n;
	bool is_json;                                   /* decides how a pair is written */
	char bytes[RECORD_BYTES + RECORD_VECTOR_BYTES]; /* looked at in whole vectors */
};

static inline void record_begin(struct record *r, bool is_json) {
	r->n = 0;
	r->is_json = is_json;
}

static inline bool record_has_room(const struct record *r, size_t n) {
	return n <= RECORD_BYTES - 2 - r->n;
}

static inline void record_put(struct record *r, const char *p, size_t n) {
	if (n == 0 || !record_has_room(r, n))
		return;
	memcpy(r->bytes + r->n, p, n);
	r->n += n;
}

/* In JSON quoted; in text quoted when it has to be. What is not printable ASCII is escaped in both. At most `shown` bytes of it. */
void record_text(struct record *r, struct str s, size_t shown);
void record_number(struct record *r, uint64_t n);
/* The whole line, with its '\n'. */
struct str record_end(struct record *r);

/* A key in both forms, of known length: a few moves. The first one's comma becomes the brace, its space is skipped. */
#define RECORD_KEY(r, key)                                                                                                       \
	((r)->is_json ? record_put(r, ",\"" key "\":", sizeof(key) + 3) : record_put(r, " " key "=", sizeof(key) + 1))
#define RECORD_TEXT(r, key, s, shown) (RECORD_KEY(r, key), record_text(r, s, shown))
#define RECORD_NUMBER(r, key, n) (RECORD_KEY(r, key), record_number(r, n))

#endif
