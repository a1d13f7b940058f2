/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The access log: one record a transaction, built on the stack and handed to the log writer, which never blocks. Times are
 * microseconds: TLS handshake (told by a connection's first transaction), queue (head to chosen server), connect, first byte (of the
 * response, since connected), total (since the first byte of the request).
 */
#include "proxy/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <stdio.h>

enum { RECORD_BYTES = 4096, TARGET_SHOWN = 1024, NAME_SHOWN = 255 };

/* A record in the making; is_json decides how a pair is written. */
struct record {
	size_t n;
	bool is_json;
	char bytes[RECORD_BYTES];
};

static void put(struct record *r, const char *p, size_t n) {
	/* The bounds of the parts keep a record below its size; if not, it is the record that must suffer. */
	if (n == 0 || n > RECORD_BYTES - 2 - r->n)
		return;
	memcpy(r->bytes + r->n, p, n);
	r->n += n;
}

static void put_key(struct record *r, const char *key) {
	if (r->is_json)
		put(r, r->n > 1 ? ",\"" : "\"", r->n > 1 ? 2 : 1);
	else if (r->n > 0)
		put(r, " ", 1);
	put(r, key, strlen(key));
	put(r, r->is_json ? "\":" : "=", r->is_json ? 2 : 1);
}

static bool is_plain(char c) {
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* In JSON quoted; in text quoted when it has to be. What is not printable ASCII is escaped in both. */
static void put_text(struct record *r, const char *key, struct str s, size_t shown) {
	put_key(r, key);
	if (s.n > shown)
		s.n = shown;
	bool is_quoted = r->is_json || s.n == 0;
	for (size_t i = 0; i < s.n && !is_quoted; i++)
		is_quoted = !is_plain(s.p[i]);
	if (is_quoted)
		put(r, "\"", 1);
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i]) || s.p[i] == ' ')
			continue;
		put(r, s.p + from, i - from);
		from = i + 1;
		static const char hex[] = "0123456789abcdef";
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			put(r, (char[]){ '\\', s.p[i] }, 2);
		else
			put(r, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	put(r, s.p + from, s.n - from);
	if (is_quoted)
		put(r, "\"", 1);
}

static void put_number(struct record *r, const char *key, uint64_t n) {
	char digits[20];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	put_key(r, key);
	put(r, digits + at, sizeof(digits) - at);
}

static uint64_t between(uint64_t from, uint64_t to) {
	return from && to > from ? to - from : 0;
}

static void put_request(struct record *r, const struct txn *t) {
	char ip[ADDR_TEXT_BYTES];
	put_text(r, "listener", t->listener->cfg.id, NAME_SHOWN);
	put_text(r, "client", addr_format(&t->session->peer, ip), sizeof(ip));
	put_text(r, "protocol", str_from(t->front->protocol), NAME_SHOWN);
	const SSL *ssl = t->session->stream.ssl;
	if (ssl) {
		put_text(r, "tls", str_from(SSL_get_version(ssl)), NAME_SHOWN);
		put_text(r, "cipher", str_from(SSL_get_cipher_name(ssl)), NAME_SHOWN);
	}
	put_text(r, "method", t->method_name, 32);
	put_text(r, "host", t->host, NAME_SHOWN);
	/* As it came: they lie side by side. */
	put_text(r, "path", str_slice(t->path.p, t->path.n + t->query.n), TARGET_SHOWN);
	if (t->names.request_id.n > 0)
		put_text(r, "request_id", t->names.request_id, REQUEST_ID_MAX);
	if (t->names.trace_id.n > 0)
		put_text(r, "trace_id", t->names.trace_id, TRACE_ID_BYTES);
}

static void put_server(struct record *r, const struct txn *t) {
	put_text(r, "pool", t->pool ? t->pool->name : STR_NONE, NAME_SHOWN);
	put_text(r, "server", t->server ? t->server->name : STR_NONE, NAME_SHOWN);
	put_text(r, "site", t->server ? t->server->site->name : STR_NONE, NAME_SHOWN);
	put_text(r, "server_protocol", t->server ? str_from(t->back->protocol) : STR_NONE, NAME_SHOWN);
	put_number(r, "retries", t->n_retries);
	put_number(r, "reused", t->is_reused);
}

static void put_times(struct record *r, const struct txn *t) {
	if (t->session->handshake_us > 0)
		put_number(r, "handshake_us", t->session->handshake_us);
	put_number(r, "queue_us", between(t->head_us, t->picked_us));
	put_number(r, "connect_us", between(t->picked_us, t->connected_us));
	put_number(r, "first_byte_us", between(t->connected_us, t->first_byte_us));
	put_number(r, "total_us", between(t->start_us, clock_now_us()));
	put_number(r, "bytes_in", t->bytes_in);
	put_number(r, "bytes_out", t->bytes_out);
	put_number(r, "epoch", t->epoch);
}

void access_log_write(const struct txn *t) {
	if (!t->conf->access_log)
		return;
	struct record r;
	char time[LOG_TIME_BYTES];
	r.n = 0;
	r.is_json = t->conf->access_format == CFG_LOG_FORMAT_JSON;
	log_format_time(time, clock_wall_us());
	if (r.is_json)
		put(&r, "{", 1);
	put_text(&r, "ts", str_slice(time, sizeof(time)), sizeof(time));
	put_request(&r, t);
	put_number(&r, "status", t->status);
	put_text(&r, "end", str_from(proxy_end_name(t->end)), NAME_SHOWN);
	if (t->fault != HTTP_FAULT_NONE)
		put_text(&r, "fault", str_from(http_fault_text(t->fault)), NAME_SHOWN);
	put_server(&r, t);
	put_times(&r, t);
	put(&r, &"}\n"[!r.is_json], 2 - !r.is_json);
	log_output_write(t->conf->access_log, str_slice(r.bytes, r.n));
}
