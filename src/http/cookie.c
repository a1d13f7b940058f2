/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cookies (RFC 6265): one found among those that a client sends, one written for it. Clients write what they like: whatever is no
 * "name=value" is passed over, and names are compared byte by byte.
 */
#include "http/private.h"

bool http_cookie_find(struct str field, struct str name, struct str *value) {
	struct str pair;
	while (str_next(&field, ';', &pair)) {
		pair = str_trim(pair);
		size_t n = str_find_char(pair, '=');
		if (n == pair.n || !str_eq(str_trim(str_slice(pair.p, n)), name))
			continue;
		*value = str_trim(str_skip(pair, n + 1));
		if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
			*value = str_slice(value->p + 1, value->n - 2);
		return true;
	}
	return false;
}

bool http_cookie_get(const struct http_head *h, struct str name, struct str *value) {
	if (!http_head_has(h, HTTP_FIELD_COOKIE))
		return false;
	for (unsigned i = 0; i < h->n_fields; i++) /* HTTP/2 may send each pair as a field of its own (RFC 9113 8.2.3) */
		if (h->fields[i].id == HTTP_FIELD_COOKIE && http_cookie_find(h->fields[i].value, name, value))
			return true;
	return false;
}

static char *put(char *out, struct str s) {
	memcpy(out, s.p, s.n);
	return out + s.n;
}

size_t http_set_cookie_write(char *out, const struct http_set_cookie *c) {
	char digits[20], *at = put(put(put(out, c->name), STR("=")), c->value);
	size_t first = sizeof(digits);
	at = put(at, STR("; Path=/; HttpOnly; SameSite=Lax"));
	if (c->is_secure)
		at = put(at, STR("; Secure"));
	if (c->max_age_s > 0) {
		for (uint64_t n = c->max_age_s; n > 0; n /= 10)
			digits[--first] = (char)('0' + n % 10);
		at = put(put(at, STR("; Max-Age=")), str_slice(digits + first, sizeof(digits) - first));
	}
	return (size_t)(at - out);
}
