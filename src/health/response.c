/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judges a response: framing as strict as the proxy's own, then status, then (only when wanted) the first 64 KiB of the body. A
 * success is told as soon as nothing more can change it. Refuses: malformed heads and bodies, bodies cut short, and more than 512
 * KiB without a decision. Owns its two buffers, bounded by the constants in response.h.
 */
#include "health/response.h"

#include <stdarg.h>
#include <stdio.h>

#define FIELDS_MAX 128

void expectation_describe(struct expectation *x) {
	size_t n = 0;
	x->status_text[0] = '\0';
	for (size_t i = 0; i < x->status.n; i++) {
		const struct cfg_status_range *range = &x->status.items[i];
		char one[16];
		int len = range->first == range->last
		              ? snprintf(one, sizeof one, "%s%u", i > 0 ? "," : "", range->first)
		              : snprintf(one, sizeof one, "%s%u-%u", i > 0 ? "," : "", range->first, range->last);
		if (n + (size_t)len + sizeof "..." > sizeof x->status_text) {
			memcpy(x->status_text + n, "...", sizeof "...");
			return;
		}
		memcpy(x->status_text + n, one, (size_t)len + 1);
		n += (size_t)len;
	}
}

void response_init(struct response *r, const struct expectation *expect, enum http_method method) {
	*r = (struct response){ .expect = expect, .method = method };
}

void response_fini(struct response *r) {
	buf_fini(&r->head);
	buf_fini(&r->body);
}

__attribute__((format(printf, 3, 4))) static void decide(struct response *r, bool is_success, const char *format, ...) {
	va_list args;
	va_start(args, format);
	r->state = RESPONSE_DECIDED;
	r->is_success = is_success;
	vsnprintf(r->evidence, sizeof r->evidence, format, args);
	va_end(args);
}

static void decide_malformed(struct response *r, enum http_fault fault) {
	decide(r, false, "malformed response: %s", http_fault_text(fault));
}

static bool is_status_right(const struct expectation *x, unsigned status) {
	for (size_t i = 0; i < x->status.n; i++) {
		if (status >= x->status.items[i].first && status <= x->status.items[i].last)
			return true;
	}
	return x->status.n == 0;
}

/* What the operator wrote, for one log line: clipped, without control bytes. */
static const char *quote(struct str s, char out[48]) {
	size_t n = s.n < 40 ? s.n : 40;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i];
	memcpy(out + n, s.n > n ? "..." : "", s.n > n ? 4 : 1);
	return out;
}

/* Nothing more of the body will be looked at. */
static void judge_body(struct response *r, bool is_cut) {
	const struct expectation *x = r->expect;
	char text[48], seen[32];
	const char *why = NULL;
	snprintf(seen, sizeof seen, is_cut ? "first %zu KiB" : "%zu bytes", is_cut ? r->body.n / 1024 : r->body.n);
	if (x->body.n > 0 && !r->has_body_text) {
		decide(r, false, "HTTP %u, body lacks \"%s\" (%s)", r->status, quote(x->body, text), seen);
		return;
	}
	switch (x->regex != NULL ? regex_match(x->regex, buf_str(&r->body), &why) : REGEX_MATCHES) {
	case REGEX_MATCHES:
		decide(r, true, "HTTP %u", r->status);
		break;
	case REGEX_FAILS:
		decide(r, false, "HTTP %u, body does not match /%s/ (%s)", r->status, quote(x->regex_text, text), seen);
		break;
	case REGEX_GAVE_UP:
		decide(r, false, "HTTP %u, /%s/ gave up: %s (%s)", r->status, quote(x->regex_text, text), why, seen);
		break;
	}
}

/* Decoded bytes of the body. */
static void take_body(struct response *r, struct str data) {
	const struct expectation *x = r->expect;
	size_t room = RESPONSE_BODY_BYTES - r->body.n, before = r->body.n;
	buf_add(&r->body, str_slice(data.p, data.n < room ? data.n : room));
	if (x->body.n > 0 && !r->has_body_text) {
		/* The text may have begun in the bytes that were there before. */
		size_t from = before < x->body.n ? 0 : before - x->body.n + 1;
		struct str fresh = str_skip(buf_str(&r->body), from);
		r->has_body_text = str_find(fresh, x->body) < fresh.n;
		if (r->has_body_text && x->regex == NULL) {
			decide(r, true, "HTTP %u", r->status);
			return;
		}
	}
	if (r->body.n == RESPONSE_BODY_BYTES)
		judge_body(r, true);
}

static void feed_chunked(struct response *r, struct str in) {
	while (in.n > 0 && r->state == RESPONSE_BODY) {
		size_t used = 0;
		struct str data = STR_NONE;
		enum parse p = h1_chunked_next(&r->chunked, in, &used, &data);
		if (data.n > 0)
			take_body(r, data);
		if (r->state == RESPONSE_DECIDED)
			return;
		if (p == PARSE_BAD)
			decide_malformed(r, r->chunked.fault);
		else if (p == PARSE_DONE)
			judge_body(r, false);
		in = str_skip(in, used);
	}
}

static void feed_body(struct response *r, struct str in) {
	switch (r->framing.body) {
	case HTTP_BODY_NONE:
		break;
	case HTTP_BODY_LENGTH: {
		struct str part = { in.p, in.n < r->left ? in.n : (size_t)r->left };
		r->left -= part.n;
		if (part.n > 0)
			take_body(r, part);
		if (r->state == RESPONSE_BODY && r->left == 0)
			judge_body(r, false);
		break;
	}
	case HTTP_BODY_CHUNKED:
		feed_chunked(r, in);
		break;
	case HTTP_BODY_UNTIL_CLOSE:
		if (in.n > 0)
			take_body(r, in);
		break;
	}
}

/* A whole head that is not an interim one. */
static void judge_head(struct response *r, const struct http_head *h) {
	const struct expectation *x = r->expect;
	enum http_fault fault = http_response_framing(h, r->method, &r->framing);
	r->status = h->status;
	if (fault != HTTP_FAULT_NONE)
		decide_malformed(r, fault);
	else if (!is_status_right(x, r->status))
		decide(r, false, "HTTP %u, expected %s", r->status, x->status_text);
	else if (x->body.n == 0 && x->regex == NULL)
		decide(r, true, "HTTP %u", r->status);
	else
		r->state = RESPONSE_BODY;
	if (r->state != RESPONSE_BODY)
		return;
	r->left = r->framing.length;
	if (r->framing.body == HTTP_BODY_NONE)
		judge_body(r, false);
}

static void feed_head(struct response *r, struct str in) {
	static const struct h1_limits limits = { .head_bytes = RESPONSE_HEAD_BYTES, .target_bytes = 0 };
	buf_add(&r->head, in);
	while (r->state == RESPONSE_HEAD) {
		struct http_field fields[FIELDS_MAX];
		struct http_head h = { .fields = fields, .cap_fields = FIELDS_MAX };
		size_t used = 0;
		enum parse p = h1_response_parse(&h, buf_str(&r->head), &limits, &r->scanned, &used);
		if (p == PARSE_MORE)
			return;
		if (p == PARSE_BAD) {
			decide_malformed(r, h.fault);
			return;
		}
		/* 1xx is skipped (RFC 9110 15.2), but 101: nobody asked to switch, so it is an answer like any other. */
		if (h.status >= 200 || h.status == 101)
			judge_head(r, &h);
		buf_consume(&r->head, used);
		r->scanned = 0;
	}
	if (r->state == RESPONSE_BODY)
		feed_body(r, buf_str(&r->head));
	buf_fini(&r->head);
	r->head = (struct buf){ 0 };
}

bool response_feed(struct response *r, struct str in) {
	struct str part = in;
	if (part.n > RESPONSE_MAX_BYTES - r->taken)
		part.n = RESPONSE_MAX_BYTES - r->taken;
	r->taken += part.n;
	if (r->state == RESPONSE_HEAD)
		feed_head(r, part);
	else if (r->state == RESPONSE_BODY)
		feed_body(r, part);
	if (r->state != RESPONSE_DECIDED && part.n < in.n)
		decide(r, false, "malformed response: more than %d KiB without an answer", RESPONSE_MAX_BYTES / 1024);
	return r->state == RESPONSE_DECIDED;
}

void response_end(struct response *r, bool is_clean) {
	if (r->state == RESPONSE_HEAD && r->head.n > 0) {
		r->scanned = 0; /* the parser puts faults off while more may come */
		feed_head(r, STR_NONE);
	}
	if (r->state == RESPONSE_HEAD)
		decide(r, false, r->head.n > 0 ? "closed within the response head" : "closed before the response head");
	else if (r->state == RESPONSE_BODY && r->framing.body != HTTP_BODY_UNTIL_CLOSE)
		decide(r, false, "HTTP %u, closed within the body", r->status);
	else if (r->state == RESPONSE_BODY && !is_clean)
		decide(r, false, "HTTP %u, body cut off: closed without close_notify", r->status);
	else if (r->state == RESPONSE_BODY)
		judge_body(r, false);
}
