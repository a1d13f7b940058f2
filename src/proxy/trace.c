/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids are random, not secret: they name a request in the logs of many machines. What a client brings is kept only when it can't
 * break a log line, a page or a field, whoever reads it.
 */
#include "proxy/trace.h"

static const char hex_digits[] = "0123456789abcdef";

static void put_hex(char *out, uint64_t bits) {
	for (int i = 15; i >= 0; i--, bits >>= 4)
		out[i] = hex_digits[bits & 15];
}

/* Lower case alone (W3C 2.2.2). *is_zero: nothing but zeros. */
static bool is_hex(const char *p, size_t n, bool *is_zero) {
	char bits = 0;
	for (size_t i = 0; i < n; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
		bits |= (char)(p[i] ^ '0');
	}
	*is_zero = bits == 0;
	return true;
}

bool trace_parent_parse(struct str value, struct str *trace_id) {
	enum { VERSION = 0, TRACE = 3, PARENT = 36, FLAGS = 53 };
	const char *p = value.p;
	bool is_version_0, trace_is_zero, parent_is_zero, has_no_flag;
	if (value.n < TRACE_PARENT_BYTES || p[TRACE - 1] != '-' || p[PARENT - 1] != '-' || p[FLAGS - 1] != '-')
		return false;
	if (!is_hex(p + VERSION, 2, &is_version_0) || !is_hex(p + TRACE, TRACE_ID_BYTES, &trace_is_zero) ||
	    !is_hex(p + PARENT, 16, &parent_is_zero) || !is_hex(p + FLAGS, 2, &has_no_flag))
		return false;
	if (trace_is_zero || parent_is_zero || (p[0] == 'f' && p[1] == 'f'))
		return false;
	if (value.n > TRACE_PARENT_BYTES && (is_version_0 || p[TRACE_PARENT_BYTES] != '-'))
		return false;
	*trace_id = str_slice(p + TRACE, TRACE_ID_BYTES);
	return true;
}

void trace_parent_create(char out[TRACE_PARENT_BYTES], struct rand *r, bool is_sampled) {
	memcpy(out, "00-", 3);
	put_hex(out + 3, rand_next(r) | 1); /* neither id may be zero; samplers look at the last seven bytes of this one */
	put_hex(out + 19, rand_next(r));
	out[35] = '-';
	put_hex(out + 36, rand_next(r) | 1);
	memcpy(out + 52, is_sampled ? "-01" : "-00", 3);
}

void request_id_create(char out[REQUEST_ID_BYTES], struct rand *r) {
	put_hex(out, rand_next(r));
	put_hex(out + 16, rand_next(r));
}

bool request_id_is_valid(struct str s) {
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_alnum && (c == '\0' || !strchr("-_.:/+=@~", c)))
			return false;
	}
	return s.n > 0 && s.n <= REQUEST_ID_MAX;
}

/* The only field with the id, or NULL: who sends two can't have meant both. */
static const struct http_field *find_single(const struct http_head *h, enum http_field_id id) {
	const struct http_field *found = NULL;
	for (unsigned i = 0; i < h->n_fields && http_head_has(h, id); i++) {
		if (h->fields[i].id != id)
			continue;
		if (found)
			return NULL;
		found = &h->fields[i];
	}
	return found;
}

static struct str name_request(struct http_head *h, enum cfg_request_id mode, struct rand *r, char store[REQUEST_ID_MAX]) {
	const struct http_field *given = mode == CFG_REQUEST_ID_KEEP ? find_single(h, HTTP_FIELD_X_REQUEST_ID) : NULL;
	if (given && request_id_is_valid(given->value))
		return str_slice(memcpy(store, given->value.p, given->value.n), given->value.n);
	http_head_drop(h, HTTP_FIELD_X_REQUEST_ID);
	request_id_create(store, r);
	struct str id = str_slice(store, REQUEST_ID_BYTES);
	http_head_add(h, HTTP_FIELD_X_REQUEST_ID, STR("X-Request-Id"), id);
	return id;
}

static struct str name_trace(struct http_head *h, const struct cfg_tracing *cfg, struct rand *r, char store[TRACE_PARENT_BYTES]) {
	const struct http_field *given = find_single(h, HTTP_FIELD_TRACEPARENT);
	struct str id;
	if (given && trace_parent_parse(given->value, &id))
		return str_slice(memcpy(store, id.p, id.n), id.n);
	if (cfg->traceparent != CFG_TRACEPARENT_CREATE)
		return STR_NONE;
	http_head_drop(h, HTTP_FIELD_TRACEPARENT);
	http_head_drop(h, HTTP_FIELD_TRACESTATE); /* of a trace that nobody knows (W3C 4.2) */
	trace_parent_create(store, r, rand_below(r, 100) < cfg->sampled_percent);
	http_head_add(h, HTTP_FIELD_TRACEPARENT, STR("traceparent"), str_slice(store, TRACE_PARENT_BYTES));
	return str_slice(store + 3, TRACE_ID_BYTES);
}

struct trace_names trace_request(struct http_head *h, const struct cfg_tracing *cfg, struct rand *r,
                                 char store[TRACE_STORE_BYTES]) {
	struct trace_names names = { .trace_id = name_trace(h, cfg, r, store + REQUEST_ID_MAX) };
	if (cfg->request_id != CFG_REQUEST_ID_OFF)
		names.request_id = name_request(h, cfg->request_id, r, store);
	return names;
}
