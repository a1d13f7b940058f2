/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the codec share: heads parsed from an exact-size heap copy (so that a sanitizer sees every byte read past
 * the end), whole and in pieces. */
#ifndef TESTS_HTTP_CASE_H
#define TESTS_HTTP_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "steerway/base/mem.h"
#include "steerway/http.h"

typedef enum parse (*head_parser)(struct http_head *, struct str, const struct h1_limits *, size_t *, size_t *);

#define FIELDS_CAP 16

struct head_case {
	struct http_head head;
	struct http_field fields[FIELDS_CAP];
	enum parse result;
	size_t used;
	char *bytes; /* what the slices point into */
};

static const struct h1_limits limits_usual = { .head_bytes = 2048, .target_bytes = 512 };

static inline struct str exact_copy(struct str in) {
	char *p = malloc(in.n ? in.n : 1);
	assert_non_null(p);
	if (in.n)
		memcpy(p, in.p, in.n);
	return str_slice(p, in.n);
}

static inline void head_case_call(struct head_case *c, head_parser parser, struct str in, const struct h1_limits *l,
                                  size_t *scanned) {
	free(c->bytes);
	struct str copy = exact_copy(in);
	c->bytes = (char *)copy.p;
	c->head.fields = c->fields;
	c->head.cap_fields = FIELDS_CAP;
	c->result = parser(&c->head, copy, l, scanned, &c->used);
}

static inline void head_case_parse(struct head_case *c, head_parser parser, struct str in, const struct h1_limits *l) {
	size_t scanned = 0;
	memset(c, 0, sizeof *c);
	head_case_call(c, parser, in, l, &scanned);
}

static inline void head_case_fini(struct head_case *c) {
	free(c->bytes);
	c->bytes = NULL;
}

static inline void assert_heads_equal(const struct http_head *a, const struct http_head *b) {
	assert_int_equal(a->method, b->method);
	assert_true(str_eq(a->method_name, b->method_name));
	assert_true(str_eq(a->target, b->target));
	assert_int_equal(a->status, b->status);
	assert_true(str_eq(a->reason, b->reason));
	assert_int_equal(a->minor, b->minor);
	assert_int_equal(a->n_fields, b->n_fields);
	assert_memory_equal(a->seen, b->seen, sizeof a->seen);
	for (unsigned i = 0; i < a->n_fields; i++) {
		assert_int_equal(a->fields[i].id, b->fields[i].id);
		assert_true(str_eq(a->fields[i].name, b->fields[i].name));
		assert_true(str_eq(a->fields[i].value, b->fields[i].value));
	}
}

/* Feeds `in` so that calls see the lengths first, first + every, ... and all of it; checks the answer against `whole`. */
static inline void head_case_pieces(const struct head_case *whole, head_parser parser, struct str in, const struct h1_limits *l,
                                    size_t first, size_t every) {
	struct head_case c = { 0 };
	size_t scanned = 0;
	for (size_t n = first;; n = n + every < in.n ? n + every : in.n) {
		head_case_call(&c, parser, str_slice(in.p, n), l, &scanned);
		if (c.result != PARSE_MORE || n == in.n)
			break;
	}
	/* A fault that is not the end's may be told later, when the length has doubled. */
	if (whole->result == PARSE_BAD && c.result == PARSE_MORE) {
		struct str longer = str_slice(calloc(2, in.n), 2 * in.n);
		memcpy((char *)longer.p, in.p, in.n);
		head_case_call(&c, parser, longer, l, &scanned);
		free((char *)longer.p);
	}
	assert_int_equal(c.result, whole->result);
	if (whole->result == PARSE_BAD)
		assert_int_equal(c.head.fault, whole->head.fault);
	if (whole->result != PARSE_MORE)
		assert_int_equal(scanned, 0);
	if (whole->result == PARSE_DONE) {
		assert_int_equal(c.used, whole->used);
		assert_heads_equal(&c.head, &whole->head);
	}
	head_case_fini(&c);
}

/* The same answer for every cut into two and byte by byte. */
static inline void head_case_split(const struct head_case *whole, head_parser parser, struct str in, const struct h1_limits *l) {
	if (in.n == 0)
		return;
	for (size_t cut = 1; cut < in.n; cut++)
		head_case_pieces(whole, parser, in, l, cut, in.n);
	head_case_pieces(whole, parser, in, l, 1, 1);
	head_case_pieces(whole, parser, in, l, 1, 7);
}

#endif
