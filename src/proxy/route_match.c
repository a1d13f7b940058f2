/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conditions of one route against one request. The cheap ones come first. A regular expression that takes too long is no
 * mismatch: a route may be there to refuse, and nobody shall walk around it by a value that is hard to match.
 */
#include "proxy/route.h"

enum {
	VALUE_BYTES = 4096, /* of a decoded value, for regular expressions */
	/* Of one name that a regular expression looks at: the bound of a match bounds nothing when a request brings it 500 values.
	 * Measured, (a+a+)+[bc] took 5 ms of a query of 8 KiB. */
	VALUES_MAX = 32,
};

static enum pattern_match text_match(const struct condition *c, struct pattern_scratch *s, struct str value) {
	switch (c->kind) {
	case CONDITION_PRESENT:
	case CONDITION_ABSENT:
		return PATTERN_MATCHES;
	case CONDITION_EXACT:
		return str_eq(value, c->text) ? PATTERN_MATCHES : PATTERN_FAILS;
	case CONDITION_PREFIX:
		return str_starts(value, c->text) ? PATTERN_MATCHES : PATTERN_FAILS;
	case CONDITION_REGEX:
		return pattern_match(c->regex, s, value, NULL);
	}
	return PATTERN_FAILS;
}

static bool is_too_many(const struct condition *c, unsigned n) {
	return c->kind == CONDITION_REGEX && n >= VALUES_MAX;
}

static bool field_is_named(const struct http_field *f, const struct condition *c) {
	return f->id == c->field_id && !f->is_dropped && (f->id != HTTP_FIELD_OTHER || str_eq_nocase(f->name, c->name));
}

/* Any one of the values is enough; CONDITION_ABSENT: there must be none. What was dropped (peer.c) is no longer there. */
static enum pattern_match field_match(const struct condition *c, const struct route_request *q) {
	const struct http_head *h = q->head;
	enum pattern_match found = PATTERN_FAILS;
	unsigned n = 0;
	bool may_have = h && (c->field_id == HTTP_FIELD_OTHER || http_head_has(h, c->field_id));
	for (unsigned i = 0; may_have && found == PATTERN_FAILS && i < h->n_fields; i++)
		if (field_is_named(&h->fields[i], c))
			found = is_too_many(c, n++) ? PATTERN_GAVE_UP : text_match(c, q->scratch, h->fields[i].value);
	if (c->kind == CONDITION_ABSENT)
		return found == PATTERN_FAILS ? PATTERN_MATCHES : PATTERN_FAILS;
	return found;
}

/* ---- the query ---- */

static int hex_value(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cuts the next character off: %-encoding and '+' decoded as in forms; what is broken stands for itself. */
static char decoded_next(struct str *s) {
	char c = s->p[0];
	int high = c == '%' && s->n >= 3 ? hex_value(s->p[1]) : -1, low = high >= 0 ? hex_value(s->p[2]) : -1;
	*s = str_skip(*s, low >= 0 ? 3 : 1);
	if (low >= 0)
		return (char)(high << 4 | low);
	return c == '+' ? ' ' : c;
}

/* Does the decoded text begin with `prefix` (is_whole: is it)? */
static bool decoded_starts(struct str encoded, struct str prefix, bool is_whole) {
	for (size_t i = 0; i < prefix.n; i++)
		if (encoded.n == 0 || decoded_next(&encoded) != prefix.p[i])
			return false;
	return !is_whole || encoded.n == 0;
}

static enum pattern_match parameter_match(const struct condition *c, struct pattern_scratch *s, struct str value) {
	if (c->kind == CONDITION_EXACT || c->kind == CONDITION_PREFIX)
		return decoded_starts(value, c->text, c->kind == CONDITION_EXACT) ? PATTERN_MATCHES : PATTERN_FAILS;
	if (c->kind != CONDITION_REGEX)
		return PATTERN_MATCHES;
	char decoded[VALUE_BYTES];
	size_t n = 0;
	while (value.n > 0 && n < sizeof(decoded))
		decoded[n++] = decoded_next(&value);
	return value.n > 0 ? PATTERN_GAVE_UP : pattern_match(c->regex, s, str_slice(decoded, n), NULL);
}

static enum pattern_match query_match(const struct condition *c, const struct route_request *q) {
	struct str rest = q->query.n > 0 ? str_skip(q->query, 1) : STR(""), part;
	enum pattern_match found = PATTERN_FAILS;
	unsigned n = 0;
	while (found == PATTERN_FAILS && str_next(&rest, '&', &part)) {
		size_t name = str_find_char(part, '=');
		struct str value = str_skip(part, name < part.n ? name + 1 : name);
		if (part.n > 0 && decoded_starts(str_slice(part.p, name), c->name, true))
			found = is_too_many(c, n++) ? PATTERN_GAVE_UP : parameter_match(c, q->scratch, value);
	}
	if (c->kind == CONDITION_ABSENT)
		return found == PATTERN_FAILS ? PATTERN_MATCHES : PATTERN_FAILS;
	return found;
}

/* ---- all of it ---- */

static bool method_matches(const struct route *r, const struct route_request *q) {
	if (r->methods == 0)
		return true;
	if (!(r->methods >> q->method & 1))
		return false;
	if (q->method != HTTP_METHOD_OTHER)
		return true;
	for (size_t i = 0; i < r->other_methods.n; i++)
		if (str_eq(r->other_methods.items[i], q->method_name))
			return true;
	return false;
}

static bool client_matches(const struct route *r, const struct route_request *q) {
	for (size_t i = 0; i < r->clients.n; i++)
		if (addr_net_has(&r->clients.items[i], q->client))
			return true;
	return r->clients.n == 0;
}

static enum route_miss conditions_match(const struct route *r, const struct route_request *q, const struct condition **at) {
	for (size_t i = 0; i < r->fields.n; i++) {
		enum pattern_match m = field_match(*at = &r->fields.items[i], q);
		if (m != PATTERN_MATCHES)
			return m == PATTERN_GAVE_UP ? ROUTE_GAVE_UP : ROUTE_MISS_FIELD;
	}
	for (size_t i = 0; i < r->query.n; i++) {
		enum pattern_match m = query_match(*at = &r->query.items[i], q);
		if (m != PATTERN_MATCHES)
			return m == PATTERN_GAVE_UP ? ROUTE_GAVE_UP : ROUTE_MISS_QUERY;
	}
	return ROUTE_MATCHES;
}

enum route_miss route_match(const struct route *r, const struct route_request *q, const struct condition **at) {
	*at = NULL;
	if (r->n_conditions == 0 && !r->regex)
		return ROUTE_MATCHES;
	if (r->scheme != CFG_SCHEME_ANY && (r->scheme == CFG_SCHEME_HTTPS) != q->is_tls)
		return ROUTE_MISS_SCHEME;
	if (!method_matches(r, q))
		return ROUTE_MISS_METHOD;
	if (!client_matches(r, q))
		return ROUTE_MISS_CLIENT;
	if (r->regex) {
		enum pattern_match m = pattern_match(r->regex, q->scratch, q->path, NULL);
		if (m != PATTERN_MATCHES)
			return m == PATTERN_GAVE_UP ? ROUTE_GAVE_UP : ROUTE_MISS_PATH;
	}
	return conditions_match(r, q, at);
}
