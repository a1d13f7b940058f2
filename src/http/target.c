/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Request targets (RFC 9112 3.2) and authorities (RFC 3986 3.2).
 *
 * Narrower than the RFCs on purpose: no user information, no fragment, no '\' in a path, and in a host only what DNS names and
 * addresses need (no %-encoding, no sub-delims), since two parsers read the rest differently.
 */
#include "http/private.h"

#include "steerway/base/addr.h"

#define HOST_BYTES_MAX 253 /* of a DNS name in text, RFC 1035 2.3.4 */

/* Path up to '?', then the query; false for a byte that has no place in them. */
static bool path_and_query_split(struct str s, struct http_target *out) {
	size_t i = 0;
	while (i < s.n && http_is(s.p[i], HTTP_CHAR_PATH))
		i++;
	out->path = str_slice(s.p, i);
	out->query = str_skip(s, i);
	if (i < s.n && s.p[i] != '?')
		return false;
	while (i < s.n && http_is(s.p[i], HTTP_CHAR_QUERY))
		i++;
	return i == s.n;
}

static enum http_fault authority_check(struct str authority, uint16_t *port) {
	struct str host;
	return http_authority_parse(authority, &host, port) == HTTP_FAULT_NONE ? HTTP_FAULT_NONE : HTTP_FAULT_TARGET_BAD;
}

static enum http_fault absolute_parse(struct str target, enum http_method method, struct http_target *out) {
	static const struct str schemes[] = { STR_INIT("http"), STR_INIT("https") };
	uint16_t port;
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		struct str scheme = schemes[i];
		struct str start = str_slice(target.p, scheme.n);
		if (target.n < scheme.n + 3 || memcmp(target.p + scheme.n, "://", 3) != 0 || !str_eq_nocase(start, scheme))
			continue;
		struct str rest = str_skip(target, scheme.n + 3);
		size_t n = 0;
		while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
			n++;
		out->form = HTTP_TARGET_ABSOLUTE;
		out->scheme = start;
		out->authority = str_slice(rest.p, n);
		if (!path_and_query_split(str_skip(rest, n), out))
			return HTTP_FAULT_TARGET_BAD;
		if (out->path.n == 0 && out->query.n == 0 && method == HTTP_METHOD_OPTIONS) {
			out->form = HTTP_TARGET_ASTERISK; /* RFC 9112 3.2.4 */
			out->path = STR("*");
		} else if (out->path.n == 0) {
			out->path = STR("/");
		}
		return authority_check(out->authority, &port);
	}
	return HTTP_FAULT_TARGET_BAD;
}

enum http_fault http_target_parse(struct str target, enum http_method method, struct http_target *out) {
	uint16_t port;
	*out = (struct http_target){ 0 };
	if (method == HTTP_METHOD_CONNECT) {
		out->form = HTTP_TARGET_AUTHORITY;
		out->authority = target;
		enum http_fault fault = authority_check(target, &port);
		return fault != HTTP_FAULT_NONE ? fault : port ? HTTP_FAULT_NONE : HTTP_FAULT_TARGET_BAD;
	}
	if (target.n && target.p[0] == '/')
		return path_and_query_split(target, out) ? HTTP_FAULT_NONE : HTTP_FAULT_TARGET_BAD;
	if (method == HTTP_METHOD_OPTIONS && str_eq(target, STR("*"))) {
		out->form = HTTP_TARGET_ASTERISK;
		out->path = target;
		return HTTP_FAULT_NONE;
	}
	return absolute_parse(target, method, out);
}

/* 1 to 65535 without leading zeros; nothing behind the colon is no port (RFC 3986 3.2.3). */
static bool port_parse(struct str s, uint16_t *port) {
	unsigned v = 0;
	*port = 0;
	if (s.n == 0)
		return true;
	if (s.n > 5 || s.p[0] == '0')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!http_is_digit(s.p[i]))
			return false;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	*port = (uint16_t)v;
	return v <= UINT16_MAX;
}

/* Length of a DNS name or IPv4 address at the start of s, with its trailing dot; 0 when a label is empty. */
static size_t name_length(struct str s) {
	size_t i = 0;
	for (; i < s.n && http_is(s.p[i], HTTP_CHAR_UNRESERVED); i++)
		if (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.'))
			return 0;
	return i;
}

/* Length of "[address]" at the start of s, or 0. */
static size_t literal_length(struct str s) {
	size_t i = 1;
	while (i < s.n && (http_hex_value(s.p[i]) >= 0 || s.p[i] == ':' || s.p[i] == '.'))
		i++;
	struct addr a;
	if (i >= s.n || s.p[i] != ']' || !addr_parse_ip(&a, str_slice(s.p + 1, i - 1)) || !addr_is_v6(&a))
		return 0;
	return i + 1;
}

enum http_fault http_authority_parse(struct str authority, struct str *host, uint16_t *port) {
	bool is_literal = authority.n && authority.p[0] == '[';
	size_t n = is_literal ? literal_length(authority) : name_length(authority);
	struct str rest = str_skip(authority, n);
	*host = str_slice(authority.p, n);
	*port = 0;
	if (n == 0)
		return HTTP_FAULT_HOST_BAD;
	if (!is_literal && authority.p[n - 1] == '.')
		host->n--;
	if (host->n > HOST_BYTES_MAX || (rest.n && (rest.p[0] != ':' || !port_parse(str_skip(rest, 1), port))))
		return HTTP_FAULT_HOST_BAD;
	return HTTP_FAULT_NONE;
}
