/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets of the HTTP codec share: promises that end the process when broken, and the properties of a head. */
#ifndef TESTS_HTTP_FUZZ_H
#define TESTS_HTTP_FUZZ_H

#include "steerway/http.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(promise)                                                                                                            \
	do {                                                                                                                     \
		if (!(promise)) {                                                                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);                                    \
			abort();                                                                                                 \
		}                                                                                                                \
	} while (0)

/* A copy of exactly the size, so that a sanitizer sees a read past its end. */
static inline char *exact_copy(const void *p, size_t n) {
	char *copy = malloc(n ? n : 1);
	MUST(copy != NULL);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

static inline bool is_inside(struct str s, struct str of) {
	return s.n == 0 || (s.p >= of.p && s.p + s.n <= of.p + of.n);
}

/* Small bounds, so that short inputs reach them. */
#define FIELDS_CAP 12
static const struct h1_limits fuzz_limits = { .head_bytes = 1024, .target_bytes = 128 };

typedef enum parse (*head_parser)(struct http_head *, struct str, const struct h1_limits *, size_t *, size_t *);

struct head_run {
	struct http_head head;
	struct http_field fields[FIELDS_CAP];
	enum parse result;
	size_t used, scanned;
	char *bytes;
};

static inline void head_run_call(struct head_run *r, head_parser parser, const void *p, size_t n) {
	free(r->bytes);
	r->bytes = exact_copy(p, n);
	r->head.fields = r->fields;
	r->head.cap_fields = FIELDS_CAP;
	r->result = parser(&r->head, str_slice(r->bytes, n), &fuzz_limits, &r->scanned, &r->used);
	MUST(r->used <= n && r->used <= fuzz_limits.head_bytes && r->scanned <= n);
	MUST((r->result == PARSE_DONE) == (r->used > 0));
	MUST((r->result == PARSE_BAD) == (r->head.fault != HTTP_FAULT_NONE));
}

static inline void heads_compare(const struct http_head *a, const struct http_head *b) {
	MUST(a->method == b->method && str_eq(a->method_name, b->method_name) && str_eq(a->target, b->target));
	MUST(a->status == b->status && str_eq(a->reason, b->reason) && a->minor == b->minor);
	MUST(a->n_fields == b->n_fields && memcmp(a->seen, b->seen, sizeof a->seen) == 0);
	for (unsigned i = 0; i < a->n_fields; i++) {
		MUST(a->fields[i].id == b->fields[i].id && str_eq(a->fields[i].name, b->fields[i].name));
		MUST(str_eq(a->fields[i].value, b->fields[i].value));
	}
}

/* The same answer when the bytes come in pieces; a fault may be told later, when the length has doubled. */
static inline void head_split_check(const struct head_run *whole, head_parser parser, const uint8_t *data, size_t n, size_t first,
                                    size_t every) {
	struct head_run r = { 0 };
	for (size_t have = first;; have = have + every < n ? have + every : n) {
		head_run_call(&r, parser, data, have);
		if (r.result != PARSE_MORE || have == n)
			break;
	}
	if (whole->result == PARSE_BAD && r.result == PARSE_MORE) {
		char *longer = calloc(2, n);
		MUST(longer != NULL);
		memcpy(longer, data, n);
		head_run_call(&r, parser, longer, 2 * n);
		free(longer);
	}
	MUST(r.result == whole->result && r.head.fault == whole->head.fault);
	if (r.result == PARSE_DONE) {
		MUST(r.used == whole->used);
		heads_compare(&r.head, &whole->head);
	}
	free(r.bytes);
}

static inline void head_slices_check(const struct head_run *r) {
	const struct http_head *h = &r->head;
	struct str in = { r->bytes, r->used };
	uint64_t seen[2] = { 0, 0 };
	MUST(h->n_fields <= FIELDS_CAP && h->minor <= 1);
	MUST(is_inside(h->method_name, in) && is_inside(h->target, in) && is_inside(h->reason, in));
	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];
		MUST(f->name.n > 0 && is_inside(f->name, in) && is_inside(f->value, in) && !f->is_dropped);
		MUST(f->id == http_field_lookup(f->name));
		for (size_t k = 0; k < f->name.n; k++)
			MUST(f->name.p[k] > ' ' && f->name.p[k] < 0x7f && f->name.p[k] != ':');
		for (size_t k = 0; k < f->value.n; k++)
			MUST(f->value.p[k] != '\r' && f->value.p[k] != '\n' && f->value.p[k] != '\0');
		seen[f->id / 64] |= UINT64_C(1) << f->id % 64;
	}
	MUST(memcmp(seen, h->seen, sizeof seen) == 0);
}

/* A head that was accepted, written down anew by its parts, is the same head. */
static inline void head_again_check(const struct head_run *r, head_parser parser) {
	const struct http_head *h = &r->head;
	char text[2 * 1024 + 256];
	int n = h->status ? snprintf(text, sizeof text, "HTTP/1.%u %u %.*s\r\n", h->minor, h->status, STR_ARG(h->reason))
	                  : snprintf(text, sizeof text, "%.*s %.*s HTTP/1.%u\r\n", STR_ARG(h->method_name), STR_ARG(h->target),
	                             h->minor);
	for (unsigned i = 0; i < h->n_fields; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "%.*s:%.*s\r\n", STR_ARG(h->fields[i].name),
		              STR_ARG(h->fields[i].value));
	n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
	MUST((size_t)n < sizeof text);
	if ((size_t)n > fuzz_limits.head_bytes)
		return; /* "HTTP/1.1 200" has gained the space before its empty reason */
	struct head_run again = { 0 };
	head_run_call(&again, parser, text, (size_t)n);
	MUST(again.result == PARSE_DONE && again.used == (size_t)n);
	heads_compare(&again.head, h);
	free(again.bytes);
}

/* Runs all of it; true when there is a head in *r. The caller frees r->bytes. */
static inline bool head_check(struct head_run *r, head_parser parser, const uint8_t *data, size_t n) {
	head_run_call(r, parser, data, n);
	if (n > 0) {
		size_t cut = 1 + (data[n - 1] * (size_t)256 + data[n / 2]) % n;
		head_split_check(r, parser, data, n, cut, n);
		head_split_check(r, parser, data, n, 1, n > 256 ? 17 : 1);
	}
	if (r->result != PARSE_DONE)
		return false;
	head_slices_check(r);
	head_again_check(r, parser);
	return true;
}

static inline void framing_check(const struct http_head *h, const struct http_framing *f) {
	bool has_length = http_head_has(h, HTTP_FIELD_CONTENT_LENGTH),
	     has_coding = http_head_has(h, HTTP_FIELD_TRANSFER_ENCODING);
	MUST(!(has_length && has_coding));
	MUST(f->body != HTTP_BODY_CHUNKED || (has_coding && h->minor == 1));
	MUST(f->body != HTTP_BODY_LENGTH || (has_length && f->length <= INT64_MAX));
	MUST(f->body == HTTP_BODY_LENGTH || f->length == 0);
	MUST(f->body != HTTP_BODY_UNTIL_CLOSE || !f->keep_alive);
	unsigned lengths = 0, codings = 0;
	for (unsigned i = 0; i < h->n_fields; i++) {
		lengths += h->fields[i].id == HTTP_FIELD_CONTENT_LENGTH;
		codings += h->fields[i].id == HTTP_FIELD_TRANSFER_ENCODING;
	}
	MUST(lengths <= 1 && codings <= 1);
}

#endif
