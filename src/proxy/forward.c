/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heads as they are sent on: hop-by-hop fields dropped (RFC 9110 7.6.1), framing written anew, X-Forwarded-* and Forwarded
 * (RFC 7239) as the listener says. Pure: reads a head, writes bytes.
 *
 * A head is copied once into one run of bytes, which a retry needs anyway; measured, that costs less than a long iovec.
 */
#include "proxy/private.h"

static char *put(char *at, struct str s) {
	if (s.n > 0) /* an empty slice may have no address */
		memcpy(at, s.p, s.n);
	return at + s.n;
}

static char *put_field(char *at, struct str name, struct str value) {
	at = put(at, name);
	at = put(at, STR(": "));
	at = put(at, value);
	return put(at, STR("\r\n"));
}

static size_t fields_bound(const struct http_head *h) {
	size_t n = 0;
	for (unsigned i = 0; i < h->n_fields; i++)
		n += h->fields[i].name.n + h->fields[i].value.n + 4;
	return n;
}

/* Where the field's line ends in the input, if it stands there as put_field would write it; else NULL. */
static const char *line_end(const struct http_field *f) {
	const char *end = f->value.p + f->value.n;
	bool is_line = f->is_line && f->value.p == f->name.p + f->name.n + 2 && end[0] == '\r' && end[1] == '\n';
	return is_line ? end + 2 : NULL;
}

/* Fields that stay and stand side by side in the input leave by one copy. */
static char *put_fields(char *at, const struct http_head *h) {
	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];
		if (f->is_dropped)
			continue;
		const char *start = f->name.p, *end = line_end(f), *next;
		if (!end) {
			at = put_field(at, f->name, f->value);
			continue;
		}
		for (; i + 1 < h->n_fields && !f[1].is_dropped && f[1].name.p == end && (next = line_end(&f[1])); f++, i++)
			end = next;
		at = put(at, str_slice(start, (size_t)(end - start)));
	}
	return at;
}

/* ---- X-Forwarded-* and Forwarded ---- */

/* What a rule of the route took away is no longer there. */
static bool is_kept(const struct http_field *f, enum http_field_id id) {
	return f->id == id && !f->is_dropped;
}

static bool has_kept(const struct http_head *h, enum http_field_id id) {
	for (unsigned i = 0; i < h->n_fields && http_head_has(h, id); i++)
		if (is_kept(&h->fields[i], id))
			return true;
	return false;
}

/* All values of a list field, joined, and a last one. */
static char *put_list(char *at, const struct http_head *h, enum http_field_id id, struct str name, struct str last) {
	at = put(put(at, name), STR(": "));
	for (unsigned i = 0; i < h->n_fields && http_head_has(h, id); i++)
		if (is_kept(&h->fields[i], id) && h->fields[i].value.n > 0)
			at = put(put(at, h->fields[i].value), STR(", "));
	return put(put(at, last), STR("\r\n"));
}

/* A token, or a quoted string: an IPv6 address and a host with port need quotes (RFC 7239 4). */
static char *put_pair(char *at, struct str name, struct str value, bool is_v6) {
	at = put(at, name);
	at = put(at, is_v6 ? STR("=\"[") : STR("=\""));
	at = put(at, value);
	return put(at, is_v6 ? STR("]\"") : STR("\""));
}

static char *put_forwarded(char *at, struct http_head *h, const struct forward *f) {
	struct str proto = f->is_tls ? STR("https") : STR("http");
	char element[512];
	char *e = put_pair(element, STR("for"), f->client_ip, f->client_is_v6);
	if (f->host_is_given && f->asked_host.n <= 300)
		e = put_pair(e, STR(";host"), f->asked_host, false);
	e = put(put(e, STR(";proto=")), proto);
	bool appends = f->mode == CFG_FORWARDED_APPEND;
	static const struct http_head none;
	const struct http_head *before = appends ? h : &none;
	at = put_list(at, before, HTTP_FIELD_X_FORWARDED_FOR, STR("X-Forwarded-For"), f->client_ip);
	at = put_list(at, before, HTTP_FIELD_FORWARDED, STR("Forwarded"), str_slice(element, (size_t)(e - element)));
	http_head_drop(h, HTTP_FIELD_X_FORWARDED_FOR);
	http_head_drop(h, HTTP_FIELD_FORWARDED);
	if (!appends || !has_kept(h, HTTP_FIELD_X_FORWARDED_PROTO)) {
		http_head_drop(h, HTTP_FIELD_X_FORWARDED_PROTO);
		at = put_field(at, STR("X-Forwarded-Proto"), proto);
	}
	if (!appends || !has_kept(h, HTTP_FIELD_X_FORWARDED_HOST)) {
		http_head_drop(h, HTTP_FIELD_X_FORWARDED_HOST);
		if (f->host_is_given)
			at = put_field(at, STR("X-Forwarded-Host"), f->asked_host);
	}
	return at;
}

/* ---- heads ---- */

size_t forward_request_bound(const struct http_head *h, const struct forward *f) {
	/* Every value at most twice (an old list and its place), four fields of our own with host and address, and the lines' ends. */
	return h->method_name.n + f->target.n + fields_bound(h) * 2 + f->host.n + 2 * f->asked_host.n + f->upgrade.n + 1024 + 300;
}

size_t forward_request(char *out, struct http_head *h, const struct forward *f, enum http_body body) {
	char *at = put(put(out, h->method_name), STR(" "));
	at = put(put(at, f->target), STR(" HTTP/1.1\r\n"));
	http_drop_hop_by_hop(h);
	http_head_drop(h, HTTP_FIELD_HOST);
	at = put_field(at, STR("Host"), f->host); /* first (RFC 9112 3.2) */
	if (f->mode != CFG_FORWARDED_OFF)
		at = put_forwarded(at, h, f);
	at = put_fields(at, h);
	if (body == HTTP_BODY_CHUNKED)
		at = put_field(at, STR("Transfer-Encoding"), STR("chunked"));
	if (f->upgrade.n > 0)
		at = put_field(put_field(at, STR("Connection"), STR("Upgrade")), STR("Upgrade"), f->upgrade);
	return (size_t)(put(at, STR("\r\n")) - out);
}

void forward_strip_response(struct http_head *h) {
	http_drop_hop_by_hop(h);
	if (h->status < 200 || h->status == 204) /* these may not have one (RFC 9110 8.6) */
		http_head_drop(h, HTTP_FIELD_CONTENT_LENGTH);
}

size_t forward_response_bound(const struct http_head *h) {
	return h->reason.n + fields_bound(h) + 256;
}

size_t forward_response(char *out, struct http_head *h, bool is_chunked, struct str connection, struct str upgrade) {
	const char status[] = { (char)('0' + h->status / 100), (char)('0' + h->status / 10 % 10), (char)('0' + h->status % 10),
		                ' ' };
	char *at = put(put(out, STR("HTTP/1.1 ")), str_slice(status, sizeof(status)));
	at = put(put(at, h->reason), STR("\r\n"));
	at = put_fields(at, h);
	if (is_chunked)
		at = put_field(at, STR("Transfer-Encoding"), STR("chunked"));
	if (connection.n > 0)
		at = put_field(at, STR("Connection"), connection);
	if (upgrade.n > 0)
		at = put_field(at, STR("Upgrade"), upgrade);
	return (size_t)(put(at, STR("\r\n")) - out);
}
