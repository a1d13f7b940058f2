/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1 heads in place (RFC 9112 2-5): one pass, slices into the input, nothing copied or allocated.
 *
 * Refuses whatever two parsers could read in two ways: bare CR or LF, folded lines, white space around a name, control
 * bytes. Each decision hangs on the bytes up to it alone, so a head gets the same answer however it was cut on its way.
 */
#include "http/private.h"

#define METHOD_BYTES_MAX 32
/* A robust server skips empty lines before a request (RFC 9112 2.2); more than these is not robustness. */
#define EMPTY_LINES_MAX 2

static enum parse bad(struct http_head *h, enum http_fault fault) {
	h->fault = fault;
	return PARSE_BAD;
}

/* CR LF; `other` is the fault for any other byte in its place. */
static inline enum parse line_end_take(struct http_head *h, const char **at, const char *end, enum http_fault other) {
	const char *p = *at;
	if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
		*at = p + 2;
		return PARSE_DONE;
	}
	if (p == end)
		return PARSE_MORE;
	if (*p != '\r')
		return bad(h, *p == '\n' ? HTTP_FAULT_BARE_LF : other);
	return p + 1 == end ? PARSE_MORE : bad(h, HTTP_FAULT_BARE_CR);
}

/* "HTTP/1.0" or "HTTP/1.1". */
static inline enum parse version_take(struct http_head *h, const char **at, const char *end, enum http_fault malformed) {
	static const char form[] = "HTTP/1.1";
	const char *p = *at;
	if (end - p >= 8 && memcmp(p, form, 7) == 0 && (p[7] == '1' || p[7] == '0')) {
		h->minor = (uint8_t)(p[7] - '0');
		*at = p + 8;
		return PARSE_DONE;
	}
	for (unsigned i = 0; i < 8; i++) {
		if (p + i == end)
			return PARSE_MORE;
		if (http_is_digit(form[i]) ? !http_is_digit(p[i]) : p[i] != form[i])
			return bad(h, malformed);
	}
	return bad(h, HTTP_FAULT_VERSION_UNSUPPORTED);
}

static inline enum parse method_take(struct http_head *h, const char **at, const char *end) {
	const char *p = *at;
	if (end - p >= 4 && memcmp(p, "GET ", 4) == 0) {
		h->method = HTTP_METHOD_GET;
		h->method_name = str_slice(p, 3);
		*at = p + 4;
		return PARSE_DONE;
	}
	for (;; p++) {
		size_t n = (size_t)(p - *at);
		if (p == end)
			return PARSE_MORE;
		if (*p == ' ' && n > 0)
			break;
		if (n == METHOD_BYTES_MAX || !http_is(*p, HTTP_CHAR_TOKEN))
			return bad(h, *p == '\n' ? HTTP_FAULT_BARE_LF : HTTP_FAULT_BAD_METHOD);
	}
	h->method_name = str_slice(*at, (size_t)(p - *at));
	h->method = http_method_lookup(h->method_name);
	*at = p + 1;
	return PARSE_DONE;
}

static inline enum parse request_line_take(struct http_head *h, const char **at, const char *end, uint32_t target_max) {
	enum parse r;
	for (unsigned i = 0; i < EMPTY_LINES_MAX && *at < end && **at == '\r'; i++)
		if ((r = line_end_take(h, at, end, HTTP_FAULT_BAD_REQUEST_LINE)) != PARSE_DONE)
			return r;
	if ((r = method_take(h, at, end)) != PARSE_DONE)
		return r;
	const char *p = http_scan_visible(*at, end);
	h->target = str_slice(*at, (size_t)(p - *at));
	if (h->target.n > target_max)
		return bad(h, HTTP_FAULT_TARGET_TOO_LONG);
	if (p == end)
		return PARSE_MORE;
	if (*p != ' ' || h->target.n == 0)
		return bad(h, *p == '\n' ? HTTP_FAULT_BARE_LF : HTTP_FAULT_BAD_REQUEST_LINE);
	*at = p + 1;
	if ((r = version_take(h, at, end, HTTP_FAULT_BAD_REQUEST_LINE)) != PARSE_DONE)
		return r;
	return line_end_take(h, at, end, HTTP_FAULT_BAD_REQUEST_LINE);
}

static enum parse status_line_take(struct http_head *h, const char **at, const char *end) {
	enum parse r = version_take(h, at, end, HTTP_FAULT_BAD_STATUS_LINE);
	if (r != PARSE_DONE)
		return r;
	const char *p = *at;
	unsigned status = 0;
#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++, p++) {
		if (p == end)
			return PARSE_MORE;
		if (i == 0 ? *p != ' ' : !http_is_digit(*p))
			return bad(h, HTTP_FAULT_BAD_STATUS_LINE);
		status = i == 0 ? 0 : status * 10 + (unsigned)(*p - '0');
	}
	if (status < 100 || status > 599)
		return bad(h, HTTP_FAULT_BAD_STATUS);
	h->status = (uint16_t)status;
	/* The SP before an empty reason is required by the grammar and left out by many. */
	const char *reason = p < end && *p == ' ' ? p + 1 : p;
	p = reason == p ? p : http_scan_text(reason, end);
	h->reason = str_slice(reason, (size_t)(p - reason));
	*at = p;
	return line_end_take(h, at, end, HTTP_FAULT_BAD_STATUS_LINE);
}

static enum http_fault name_fault(char c, bool is_first) {
	switch (c) {
	case '\n':
		return HTTP_FAULT_BARE_LF;
	case ' ':
	case '\t':
		return is_first ? HTTP_FAULT_OBS_FOLD : HTTP_FAULT_SPACE_BEFORE_COLON;
	default:
		return HTTP_FAULT_BAD_FIELD_NAME;
	}
}

/*
 * Where the fields are read from: the input, or, near its end, a copy of its last bytes with zeros behind it. So names and values
 * are always looked at in whole vectors, and a zero stops every scan. Slices point into the input all the same.
 */
struct reader {
	const char *p, *end;
	const char *scan_end; /* scans may look so far: end, or behind it where the zeros are */
	uintptr_t shift;      /* from a byte to where it stands in the input */
};

enum { NEAR_END_BYTES = 64, ZERO_BYTES = HTTP_FIELD_NAME_BYTES };

static inline const char *in_input(const struct reader *r, const char *p) {
	return (const char *)((uintptr_t)p + r->shift);
}

static inline void go_on_in_copy(struct reader *r, char copy[NEAR_END_BYTES + ZERO_BYTES]) {
	size_t n = (size_t)(r->end - r->p);
	memcpy(copy, r->p, n);
	memset(copy + n, 0, ZERO_BYTES);
	*r = (struct reader){
		.p = copy, .end = copy + n, .scan_end = copy + n + ZERO_BYTES, .shift = (uintptr_t)r->p - (uintptr_t)copy
	};
}

/* A name and its colon. A known name needs no look at its bytes: it equals one that is right. */
static inline enum parse name_take(struct http_head *h, struct http_field *f, struct reader *r) {
	const char *p = r->p;
	size_t n = http_find_colon32(p);
	f->id = (uint8_t)http_field_lookup32(p, n);
	if (f->id == HTTP_FIELD_OTHER && !http_is_common_name(p, n)) {
		for (n = 0; p + n < r->end && http_is(p[n], HTTP_CHAR_TOKEN); n++)
			;
		if (p + n == r->end)
			return PARSE_MORE;
		if (p[n] != ':' || n == 0)
			return bad(h, name_fault(p[n], n == 0));
	}
	f->name = str_slice(in_input(r, p), n);
	r->p = p + n + 1;
	return PARSE_DONE;
}

static inline enum parse value_take(struct http_head *h, struct http_field *f, struct reader *r) {
	const char *p = r->p, *stop;
	/* What nearly all send: one space before the value, none behind it. */
	if (r->scan_end - p > 2 && p[0] == ' ' && (uint8_t)p[1] > ' ') {
		stop = http_scan_text(p + 1, r->scan_end);
		if (r->end - stop >= 2 && stop[0] == '\r' && stop[1] == '\n' && (uint8_t)stop[-1] > ' ') {
			f->value = str_slice(in_input(r, p + 1), (size_t)(stop - p - 1));
			f->is_line = true;
			r->p = stop + 2;
			return PARSE_DONE;
		}
	}
	while (p < r->end && http_is_space(*p))
		p++;
	r->p = stop = http_scan_text(p, r->scan_end);
	enum parse result = line_end_take(h, &r->p, r->end, HTTP_FAULT_BAD_FIELD_VALUE);
	if (result != PARSE_DONE)
		return result;
	while (stop > p && http_is_space(stop[-1]))
		stop--;
	f->value = str_slice(in_input(r, p), (size_t)(stop - p));
	f->is_line = false;
	return PARSE_DONE;
}

/* Field lines up to and with the empty line. */
static inline enum parse fields_take(struct http_head *h, const char **at, const char *end) {
	struct http_field *f = h->fields, *fields_end = f + h->cap_fields;
	struct reader r = { .p = *at, .end = end, .scan_end = end };
	char copy[NEAR_END_BYTES + ZERO_BYTES];
	uint64_t seen[2] = { 0, 0 };
	enum parse result;
	for (;; f++) {
		if (r.end - r.p < NEAR_END_BYTES && r.scan_end == r.end)
			go_on_in_copy(&r, copy);
		if (r.p == r.end)
			return PARSE_MORE;
		if (*r.p == '\r')
			break;
		if (f == fields_end)
			return bad(h, HTTP_FAULT_TOO_MANY_FIELDS);
		if ((result = name_take(h, f, &r)) != PARSE_DONE || (result = value_take(h, f, &r)) != PARSE_DONE)
			return result;
		f->is_dropped = false;
		seen[f->id / 64] |= UINT64_C(1) << f->id % 64;
	}
	h->n_fields = (uint16_t)(f - h->fields);
	h->seen[0] = seen[0];
	h->seen[1] = seen[1];
	*at = in_input(&r, r.p);
	return line_end_take(h, at, end, HTTP_FAULT_BAD_FIELD_NAME);
}

/*
 * Is it worth to parse the n bytes, of which the first `before` did not suffice? When they may hold the end or an obvious
 * fault: an empty line or a bare LF; and each time that n passes a power of two, which finds other faults early and keeps the
 * sum over all calls linear.
 */
static bool is_worth_parsing(const char *p, size_t before, size_t n) {
	if ((before ^ n) > before)
		return true;
	for (const char *lf = p + before; (lf = memchr(lf, '\n', (size_t)(p + n - lf))); lf++) {
		size_t i = (size_t)(lf - p);
		if (i == 0 || lf[-1] != '\r' || (i >= 2 && lf[-2] == '\n'))
			return true;
	}
	return false;
}

static inline enum parse head_parse(struct http_head *h, struct str in, const struct h1_limits *limits, size_t *scanned,
                                    size_t *used, bool is_request) {
	size_t n = in.n < limits->head_bytes ? in.n : limits->head_bytes;
	bool is_full = n == limits->head_bytes;
	if (!is_full && !is_worth_parsing(in.p, *scanned, n)) {
		*scanned = n;
		*used = 0;
		return PARSE_MORE;
	}
	h->n_fields = 0;
	h->seen[0] = h->seen[1] = 0;
	h->fault = HTTP_FAULT_NONE;
	const char *p = in.p, *end = in.p + n;
	enum parse r = is_request ? request_line_take(h, &p, end, limits->target_bytes) : status_line_take(h, &p, end);
	if (r == PARSE_DONE)
		r = fields_take(h, &p, end);
	if (r == PARSE_MORE && is_full)
		r = bad(h, HTTP_FAULT_HEAD_TOO_LARGE);
	*scanned = r == PARSE_MORE ? n : 0;
	*used = r == PARSE_DONE ? (size_t)(p - in.p) : 0;
	return r;
}

enum parse h1_request_parse(struct http_head *out, struct str in, const struct h1_limits *limits, size_t *scanned, size_t *used) {
	return head_parse(out, in, limits, scanned, used, true);
}

enum parse h1_response_parse(struct http_head *out, struct str in, const struct h1_limits *limits, size_t *scanned,
                             size_t *used) {
	out->method = HTTP_METHOD_OTHER;
	return head_parse(out, in, limits, scanned, used, false);
}

enum parse h1_trailers_parse(struct http_head *out, struct str section) {
	struct http_field *fields = out->fields;
	uint16_t cap = out->cap_fields;
	*out = (struct http_head){ .fields = fields, .cap_fields = cap, .minor = 1 };
	const char *p = section.p;
	enum parse r = fields_take(out, &p, section.p + section.n);
	for (unsigned i = 0; r == PARSE_DONE && i < out->n_fields; i++)
		if (http_field_flags(out->fields[i].id) & HTTP_FIELD_NOT_IN_TRAILER)
			r = bad(out, HTTP_FAULT_TRAILER_BAD);
	return r;
}
