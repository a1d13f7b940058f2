/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a message ends and whether its connection lives on (RFC 9112 6, 9). Refuses every head whose length two parsers could
 * understand differently: that is what request smuggling lives on.
 */
#include "http/private.h"

/* What the framing fields of a head say, gathered in one pass. */
struct gathered {
	unsigned lengths, hosts, options;
	bool has_coding, has_close, has_keep_alive, has_upgrade, has_expectation;
	uint64_t length;
	struct str host;
};

/* 1*DIGIT up to 2^63-1, without leading zeros: what reads numbers in C style takes those for octal. */
static bool length_parse(struct str s, uint64_t *out) {
	uint64_t v = 0;
	if (s.n == 0 || s.n > 19 || (s.p[0] == '0' && s.n > 1))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!http_is_digit(s.p[i]))
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0'); /* 19 digits do not overflow */
	}
	*out = v;
	return v <= INT64_MAX;
}

/* One Transfer-Encoding line. `has_coding`: an earlier line had one. */
static enum http_fault coding_check(struct str value, bool has_coding) {
	if (!has_coding && http_word_is(value, STR("chunked")))
		return HTTP_FAULT_NONE;
	/* Why it is refused: an unknown coding is the server's lack, all else is malformed. */
	bool is_chunked_seen = has_coding, is_unknown_seen = false;
	struct str coding;
	while (http_list_next(&value, &coding)) {
		for (size_t i = 0; i < coding.n; i++)
			if (!http_is(coding.p[i], HTTP_CHAR_TOKEN))
				return HTTP_FAULT_CODING_BAD;
		if (is_chunked_seen)
			return HTTP_FAULT_CODING_BAD;
		is_chunked_seen = http_word_is(coding, STR("chunked"));
		is_unknown_seen |= !is_chunked_seen;
	}
	return is_unknown_seen ? HTTP_FAULT_CODING_UNSUPPORTED : HTTP_FAULT_CODING_BAD;
}

static enum http_fault connection_read(struct str value, struct gathered *g) {
	struct str option;
	if (g->options == 0 && http_word_is(value, STR("keep-alive"))) { /* what servers and clients mostly say */
		g->options = 1;
		g->has_keep_alive = true;
		return HTTP_FAULT_NONE;
	}
	while (http_list_next(&value, &option)) {
		if (g->options++ == HTTP_CONNECTION_OPTIONS_MAX)
			return HTTP_FAULT_CONNECTION_BAD;
		g->has_close |= http_word_is(option, STR("close"));
		g->has_keep_alive |= http_word_is(option, STR("keep-alive"));
		g->has_upgrade |= http_word_is(option, STR("upgrade"));
	}
	return HTTP_FAULT_NONE;
}

#define BIT(id) (UINT64_C(1) << HTTP_FIELD_##id)
static const uint64_t FRAMING_FIELDS = BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING) | BIT(CONNECTION) | BIT(HOST) | BIT(EXPECT);
#undef BIT

static enum http_fault field_read(const struct http_field *f, struct gathered *g, bool is_request) {
	enum http_fault fault = HTTP_FAULT_NONE;
	uint16_t port;
	switch (f->id) {
	case HTTP_FIELD_CONTENT_LENGTH:
		if (g->lengths++)
			return HTTP_FAULT_CONTENT_LENGTH_REPEATED;
		return length_parse(f->value, &g->length) ? HTTP_FAULT_NONE : HTTP_FAULT_CONTENT_LENGTH_BAD;
	case HTTP_FIELD_TRANSFER_ENCODING:
		fault = coding_check(f->value, g->has_coding);
		g->has_coding = true;
		return fault;
	case HTTP_FIELD_CONNECTION:
		return connection_read(f->value, g);
	case HTTP_FIELD_HOST:
		if (!is_request)
			return HTTP_FAULT_NONE;
		return g->hosts++ ? HTTP_FAULT_HOST_REPEATED : http_authority_parse(f->value, &g->host, &port);
	case HTTP_FIELD_EXPECT:
		if (is_request && !http_word_is(f->value, STR("100-continue")))
			return HTTP_FAULT_EXPECTATION_UNSUPPORTED;
		g->has_expectation = true;
		return HTTP_FAULT_NONE;
	default:
		return HTTP_FAULT_NONE;
	}
}

static enum http_fault fields_read(const struct http_head *h, struct gathered *g, bool is_request) {
	*g = (struct gathered){ 0 };
	for (unsigned i = 0; i < h->n_fields; i++) {
		if (h->fields[i].id < 64 && !(FRAMING_FIELDS >> h->fields[i].id & 1))
			continue;
		enum http_fault fault = field_read(&h->fields[i], g, is_request);
		if (fault != HTTP_FAULT_NONE)
			return fault;
	}
	if (g->lengths && g->has_coding)
		return HTTP_FAULT_LENGTH_AND_CODING;
	if (g->has_coding && h->minor == 0)
		return HTTP_FAULT_CODING_WITH_HTTP10;
	return HTTP_FAULT_NONE;
}

static void framing_fill(const struct http_head *h, const struct gathered *g, struct http_framing *out) {
	*out = (struct http_framing){
		.body = g->has_coding ? HTTP_BODY_CHUNKED
		        : g->lengths  ? HTTP_BODY_LENGTH
		                      : HTTP_BODY_NONE,
		.length = g->length,
		.host = g->host,
		.keep_alive = !g->has_close && (h->minor >= 1 || g->has_keep_alive),
		/* HTTP/1.0 knows no Upgrade: RFC 9110 7.8. */
		.has_upgrade = g->has_upgrade && h->minor >= 1 && http_head_has(h, HTTP_FIELD_UPGRADE),
	};
}

enum http_fault http_request_framing(const struct http_head *h, struct http_framing *out) {
	struct gathered g;
	enum http_fault fault = fields_read(h, &g, true);
	if (fault != HTTP_FAULT_NONE)
		return fault;
	if (g.hosts == 0 && h->minor >= 1)
		return HTTP_FAULT_HOST_MISSING;
	framing_fill(h, &g, out);
	/* Ignored from HTTP/1.0 clients, and void without a body (RFC 9110 10.1.1). */
	bool has_body = out->body == HTTP_BODY_CHUNKED || out->length > 0;
	out->expect_continue = g.has_expectation && h->minor >= 1 && has_body;
	return HTTP_FAULT_NONE;
}

enum http_fault http_response_framing(const struct http_head *h, enum http_method method, struct http_framing *out) {
	struct gathered g;
	enum http_fault fault = fields_read(h, &g, false);
	if (fault != HTTP_FAULT_NONE)
		return fault;
	framing_fill(h, &g, out);
	bool is_bodiless = method == HTTP_METHOD_HEAD || h->status < 200 || h->status == 204 || h->status == 304 ||
	                   (method == HTTP_METHOD_CONNECT && h->status < 300);
	if (is_bodiless) {
		out->body = HTTP_BODY_NONE;
		out->length = 0;
	} else if (out->body == HTTP_BODY_NONE) {
		out->body = HTTP_BODY_UNTIL_CLOSE;
		out->keep_alive = false;
	}
	return HTTP_FAULT_NONE;
}
