/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/2 heads (RFC 9113 8.2, 8.3, 8.5; RFC 8441): decoded fields, one at a time, to a head as an HTTP/1.1 parse would have given.
 *
 * Holds HTTP/2 to what HTTP/1.1 could carry: a name is a token, a value has no control byte, a target no space. What passes here can be
 * written down in either protocol and read back the same. The caller lends the memory that names and values are copied into.
 */
#include "http/private.h"

#define METHOD_BYTES_MAX 32

enum pseudo { METHOD, SCHEME, AUTHORITY, PATH, PROTOCOL, STATUS };
#define BIT(pseudo) (1u << (pseudo))
#define REQUEST_PSEUDO (BIT(METHOD) | BIT(SCHEME) | BIT(AUTHORITY) | BIT(PATH) | BIT(PROTOCOL))

static const struct {
	struct str name;
	unsigned kinds; /* of heads that may have it */
} pseudos[] = {
	[METHOD] = { STR_INIT(":method"), BIT(H2_REQUEST) },       [SCHEME] = { STR_INIT(":scheme"), BIT(H2_REQUEST) },
	[AUTHORITY] = { STR_INIT(":authority"), BIT(H2_REQUEST) }, [PATH] = { STR_INIT(":path"), BIT(H2_REQUEST) },
	[PROTOCOL] = { STR_INIT(":protocol"), BIT(H2_REQUEST) },   [STATUS] = { STR_INIT(":status"), BIT(H2_RESPONSE) },
};

static enum http_fault bad(struct h2_head_builder *b, enum http_fault fault) {
	b->head->fault = fault;
	return fault;
}

/* n bytes of the lent memory, or NULL. */
static char *reserve(struct h2_head_builder *b, size_t n) {
	if (n > b->cap - b->used)
		return NULL;
	char *p = b->bytes + b->used;
	b->used += n;
	return p;
}

static bool keep(struct h2_head_builder *b, struct str s, struct str *out) {
	char *p = reserve(b, s.n);
	if (!p)
		return false;
	if (s.n)
		memcpy(p, s.p, s.n);
	*out = str_slice(p, s.n);
	return true;
}

static bool is_token(struct str s) {
	size_t i = 0;
	while (i < s.n && http_is(s.p[i], HTTP_CHAR_TOKEN))
		i++;
	return i > 0 && i == s.n;
}

/* RFC 9113 8.2.1: no white space at either end; and no control byte, as in HTTP/1.1. */
static bool is_value(struct str s) {
	if (s.n == 0)
		return true;
	return !http_is_space(s.p[0]) && !http_is_space(s.p[s.n - 1]) && http_scan_text(s.p, s.p + s.n) == s.p + s.n;
}

void h2_head_begin(struct h2_head_builder *b, struct http_head *out, enum h2_head_kind kind, char *bytes,
                   const struct h1_limits *limits) {
	*b = (struct h2_head_builder){
		.head = out, .kind = kind, .bytes = bytes, .cap = limits->head_bytes, .target_max = limits->target_bytes
	};
	struct http_field *fields = out->fields;
	uint16_t cap = out->cap_fields;
	/* A request's first field is Host, wherever its value comes from: many servers look there, and a router asks for it first. */
	*out = (struct http_head){ .fields = fields, .cap_fields = cap, .minor = 1, .n_fields = kind == H2_REQUEST };
	if (out->n_fields && cap)
		fields[0].id = HTTP_FIELD_OTHER;
}

/* ---- pseudo-header fields ---- */

static enum http_fault status_add(struct http_head *h, struct str value) {
	unsigned status = 0;
	if (value.n != 3)
		return HTTP_FAULT_BAD_STATUS;
	for (size_t i = 0; i < 3; i++) {
		if (!http_is_digit(value.p[i]))
			return HTTP_FAULT_BAD_STATUS;
		status = status * 10 + (unsigned)(value.p[i] - '0');
	}
	h->status = (uint16_t)status;
	/* 101 does not exist in HTTP/2: RFC 9113 8.6. */
	return status < 100 || status > 599 || status == 101 ? HTTP_FAULT_BAD_STATUS : HTTP_FAULT_NONE;
}

/* What is wrong with the value of one, looked at alone. */
static enum http_fault pseudo_check(struct h2_head_builder *b, enum pseudo which, struct str value) {
	struct str host;
	uint16_t port;
	switch (which) {
	case METHOD:
		b->head->method = http_method_lookup(value);
		return is_token(value) && value.n <= METHOD_BYTES_MAX ? HTTP_FAULT_NONE : HTTP_FAULT_BAD_METHOD;
	case SCHEME:
		return str_eq(value, STR("https")) || str_eq(value, STR("http")) ? HTTP_FAULT_NONE : HTTP_FAULT_SCHEME_BAD;
	case AUTHORITY:
		return http_authority_parse(value, &host, &port);
	case PATH:
		if (value.n > b->target_max)
			return HTTP_FAULT_TARGET_TOO_LONG;
		return value.n > 0 && http_scan_visible(value.p, value.p + value.n) == value.p + value.n ? HTTP_FAULT_NONE
		                                                                                         : HTTP_FAULT_TARGET_BAD;
	case PROTOCOL:
		return is_token(value) ? HTTP_FAULT_NONE : HTTP_FAULT_PROTOCOL_BAD;
	case STATUS:
		return status_add(b->head, value);
	}
	return HTTP_FAULT_PSEUDO_UNKNOWN;
}

static enum http_fault pseudo_add(struct h2_head_builder *b, struct str name, struct str value) {
	struct str *const slots[] = {
		[METHOD] = &b->head->method_name, [SCHEME] = &b->scheme,     [AUTHORITY] = &b->authority,
		[PATH] = &b->head->target,        [PROTOCOL] = &b->protocol, [STATUS] = NULL,
	};
	for (unsigned i = 0; i < sizeof pseudos / sizeof *pseudos; i++) {
		if (!str_eq(name, pseudos[i].name))
			continue;
		if (!(pseudos[i].kinds & BIT(b->kind)))
			break;
		if (b->pseudo_seen & BIT(i))
			return HTTP_FAULT_PSEUDO_REPEATED;
		if (b->has_regular)
			return HTTP_FAULT_PSEUDO_LATE;
		b->pseudo_seen |= BIT(i);
		enum http_fault fault = pseudo_check(b, (enum pseudo)i, value);
		if (fault == HTTP_FAULT_NONE && slots[i] && !keep(b, value, slots[i]))
			return HTTP_FAULT_HEAD_TOO_LARGE;
		return fault;
	}
	return HTTP_FAULT_PSEUDO_UNKNOWN;
}

/* ---- regular fields ---- */

/* RFC 9113 8.2.3: crumbs of Cookie are one list again. The last one's value grows in place while nothing was stored behind it; else it
 * moves, and its old bytes count against the bound. */
static enum http_fault cookie_join(struct h2_head_builder *b, struct str crumb) {
	struct http_field *f = b->head->fields;
	while (f->id != HTTP_FIELD_COOKIE)
		f++;
	if (crumb.n == 0)
		return HTTP_FAULT_NONE;
	if (f->value.n == 0)
		return keep(b, crumb, &f->value) ? HTTP_FAULT_NONE : HTTP_FAULT_HEAD_TOO_LARGE;
	if (f->value.p + f->value.n != b->bytes + b->used && !keep(b, f->value, &f->value))
		return HTTP_FAULT_HEAD_TOO_LARGE;
	char *p = reserve(b, crumb.n + 2);
	if (!p)
		return HTTP_FAULT_HEAD_TOO_LARGE;
	memcpy(p, "; ", 2);
	memcpy(p + 2, crumb.p, crumb.n);
	f->value.n += crumb.n + 2;
	return HTTP_FAULT_NONE;
}

static enum http_fault name_check(struct str name, enum http_field_id id) {
	if (id != HTTP_FIELD_OTHER && memcmp(name.p, http_field_names[id], name.n) == 0)
		return HTTP_FAULT_NONE;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return HTTP_FAULT_FIELD_NAME_UPPER_CASE;
	return is_token(name) ? HTTP_FAULT_NONE : HTTP_FAULT_BAD_FIELD_NAME;
}

/* Fields with rules of their own: RFC 9113 8.2.2, RFC 9110 6.5.1. */
static enum http_fault field_check(const struct h2_head_builder *b, enum http_field_id id, struct str value) {
	switch (id) {
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_KEEP_ALIVE:
	case HTTP_FIELD_PROXY_CONNECTION:
	case HTTP_FIELD_TRANSFER_ENCODING:
	case HTTP_FIELD_UPGRADE:
		return HTTP_FAULT_CONNECTION_SPECIFIC;
	case HTTP_FIELD_TE:
		if (!http_word_is(value, STR("trailers")))
			return HTTP_FAULT_CONNECTION_SPECIFIC;
		break;
	default:
		break;
	}
	if (b->kind == H2_TRAILERS && http_field_flags(id) & HTTP_FIELD_NOT_IN_TRAILER)
		return HTTP_FAULT_TRAILER_BAD;
	return HTTP_FAULT_NONE;
}

static enum http_fault field_add(struct h2_head_builder *b, struct str name, struct str value) {
	struct http_head *h = b->head;
	enum http_field_id id = http_field_lookup(name);
	enum http_fault fault = name_check(name, id);
	if (fault == HTTP_FAULT_NONE)
		fault = is_value(value) ? field_check(b, id, value) : HTTP_FAULT_BAD_FIELD_VALUE;
	if (fault != HTTP_FAULT_NONE)
		return fault;
	if (b->kind == H2_REQUEST && id == HTTP_FIELD_COOKIE && http_head_has(h, id))
		return cookie_join(b, value);
	bool is_host = b->kind == H2_REQUEST && id == HTTP_FIELD_HOST;
	if (is_host && http_head_has(h, id))
		return HTTP_FAULT_HOST_REPEATED;
	if (!is_host && h->n_fields >= h->cap_fields)
		return HTTP_FAULT_TOO_MANY_FIELDS;
	struct http_field *f = is_host ? h->fields : &h->fields[h->n_fields++];
	*f = (struct http_field){ .id = (uint8_t)id, .name = http_field_name(id) };
	if ((id == HTTP_FIELD_OTHER && !keep(b, name, &f->name)) || !keep(b, value, &f->value))
		return HTTP_FAULT_HEAD_TOO_LARGE;
	h->seen[id / 64] |= UINT64_C(1) << id % 64;
	return HTTP_FAULT_NONE;
}

enum http_fault h2_head_add(struct h2_head_builder *b, struct str name, struct str value) {
	if (b->head->fault != HTTP_FAULT_NONE)
		return b->head->fault;
	if (b->kind == H2_REQUEST && b->head->cap_fields == 0)
		return bad(b, HTTP_FAULT_TOO_MANY_FIELDS);
	if (name.n && name.p[0] == ':')
		return bad(b, pseudo_add(b, name, value));
	b->has_regular = true;
	return bad(b, field_add(b, name, value));
}

/* ---- the whole ---- */

/* RFC 9113 8.3.1, 8.5; RFC 8441 4: which of them a request has, by its method. */
static enum http_fault pseudo_set_check(const struct h2_head_builder *b) {
	unsigned seen = b->pseudo_seen, needed = BIT(METHOD) | BIT(SCHEME) | BIT(PATH), optional = BIT(AUTHORITY);
	if (b->head->method == HTTP_METHOD_CONNECT) {
		bool is_extended = seen & BIT(PROTOCOL);
		needed = is_extended ? REQUEST_PSEUDO : BIT(METHOD) | BIT(AUTHORITY);
		optional = 0;
	}
	if ((seen & needed) != needed)
		return HTTP_FAULT_PSEUDO_MISSING;
	return seen & ~(needed | optional) ? HTTP_FAULT_PSEUDO_FORBIDDEN : HTTP_FAULT_NONE;
}

/* Host first, with the value of :authority: RFC 9113 8.3.1. */
static enum http_fault host_settle(struct h2_head_builder *b) {
	struct http_head *h = b->head;
	bool has_host = http_head_has(h, HTTP_FIELD_HOST);
	if (!(b->pseudo_seen & BIT(AUTHORITY)))
		return has_host ? HTTP_FAULT_NONE : HTTP_FAULT_HOST_MISSING;
	if (has_host && !http_word_is(h->fields[0].value, b->authority))
		return HTTP_FAULT_AUTHORITY_AND_HOST;
	h->fields[0] =
	    (struct http_field){ .id = HTTP_FIELD_HOST, .name = http_field_name(HTTP_FIELD_HOST), .value = b->authority };
	h->seen[HTTP_FIELD_HOST / 64] |= UINT64_C(1) << HTTP_FIELD_HOST % 64;
	return HTTP_FAULT_NONE;
}

static enum http_fault request_end(struct h2_head_builder *b) {
	struct http_head *h = b->head;
	enum http_fault fault = pseudo_set_check(b);
	if (fault == HTTP_FAULT_NONE)
		fault = host_settle(b);
	if (fault != HTTP_FAULT_NONE)
		return fault;
	if (h->method == HTTP_METHOD_CONNECT && b->protocol.n == 0) {
		h->target = b->authority;
		return HTTP_FAULT_NONE;
	}
	/* Only a path: an absolute URI here would be a second opinion about scheme and host. */
	bool is_asterisk = h->method == HTTP_METHOD_OPTIONS && str_eq(h->target, STR("*"));
	return h->target.p[0] == '/' || is_asterisk ? HTTP_FAULT_NONE : HTTP_FAULT_TARGET_BAD;
}

enum http_fault h2_head_end(struct h2_head_builder *b) {
	if (b->head->fault != HTTP_FAULT_NONE)
		return b->head->fault;
	switch (b->kind) {
	case H2_REQUEST:
		return bad(b, request_end(b));
	case H2_RESPONSE:
		return bad(b, b->pseudo_seen ? HTTP_FAULT_NONE : HTTP_FAULT_PSEUDO_MISSING);
	case H2_TRAILERS:
		break;
	}
	return HTTP_FAULT_NONE;
}

/* ---- framing ---- */

/* A length that no field tells is that of the DATA frames; with END_STREAM in the head there are none (RFC 9113 8.1.1). */
enum http_fault h2_request_framing(const struct http_head *h, bool is_end, struct http_framing *out) {
	enum http_fault fault = http_request_framing(h, out);
	if (fault != HTTP_FAULT_NONE)
		return fault;
	out->keep_alive = true;
	if (is_end && out->length > 0)
		return HTTP_FAULT_LENGTH_WRONG;
	if (!is_end && out->body == HTTP_BODY_NONE)
		out->body = HTTP_BODY_CHUNKED;
	out->expect_continue = !is_end && http_head_has(h, HTTP_FIELD_EXPECT);
	return HTTP_FAULT_NONE;
}

enum http_fault h2_response_framing(const struct http_head *h, enum http_method method, bool is_end, struct http_framing *out) {
	enum http_fault fault = http_response_framing(h, method, out);
	if (fault != HTTP_FAULT_NONE)
		return fault;
	out->keep_alive = true;
	if (h->status < 200)
		return is_end ? HTTP_FAULT_BAD_STATUS : HTTP_FAULT_NONE; /* RFC 9113 8.1: the final one is missing */
	if (is_end && out->length > 0)
		return HTTP_FAULT_LENGTH_WRONG;
	if (out->body == HTTP_BODY_UNTIL_CLOSE)
		out->body = is_end ? HTTP_BODY_LENGTH : HTTP_BODY_CHUNKED;
	return HTTP_FAULT_NONE;
}
