/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The access log: one record a transaction, built on the stack and handed to the log writer, which never blocks. Times are
 * microseconds: TLS handshake (told by a connection's first transaction), queue (head to chosen server), connect, first byte (of the
 * response, since connected), total (since the first byte of the request).
 */
#include "proxy/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/record.h"

/* The worst record has some 7500 bytes: 638 that a proxy before us may have passed on as they came, each six when escaped, and a
 * target of quotes, each two. A record holds 8192. */
enum { TARGET_SHOWN = 1024, NAME_SHOWN = 255 };

static uint64_t between(uint64_t from, uint64_t to) {
	return from && to > from ? to - from : 0;
}

static void put_request(struct record *r, const struct txn *t) {
	char ip[ADDR_TEXT_BYTES];
	RECORD_TEXT(r, "listener", t->listener->cfg.id, NAME_SHOWN);
	RECORD_TEXT(r, "client", addr_format(&t->session->peer, ip), sizeof(ip));
	const struct proxied *proxied = t->session->proxied;
	if (proxied) {
		RECORD_TEXT(r, "via", addr_format(&proxied->via, ip), sizeof(ip));
		RECORD_TEXT(r, "via_unique_id", proxied->unique_id, 128);
		RECORD_TEXT(r, "via_sni", proxied->authority, NAME_SHOWN);
		RECORD_TEXT(r, "via_alpn", proxied->alpn, NAME_SHOWN);
	}
	RECORD_TEXT(r, "protocol", str_from(t->front->protocol), NAME_SHOWN);
	const SSL *ssl = t->session->stream.ssl;
	if (ssl) {
		RECORD_TEXT(r, "tls", str_from(SSL_get_version(ssl)), NAME_SHOWN);
		RECORD_TEXT(r, "cipher", str_from(SSL_get_cipher_name(ssl)), NAME_SHOWN);
	}
	RECORD_TEXT(r, "method", t->method_name, 32);
	RECORD_TEXT(r, "host", t->host, NAME_SHOWN);
	/* As it came: they lie side by side. */
	RECORD_TEXT(r, "path", str_slice(t->path.p, t->path.n + t->query.n), TARGET_SHOWN);
	if (t->names.request_id.n > 0)
		RECORD_TEXT(r, "request_id", t->names.request_id, REQUEST_ID_MAX);
	if (t->names.trace_id.n > 0)
		RECORD_TEXT(r, "trace_id", t->names.trace_id, TRACE_ID_BYTES);
}

static void put_server(struct record *r, const struct txn *t) {
	RECORD_TEXT(r, "pool", t->pool ? t->pool->name : STR_NONE, NAME_SHOWN);
	RECORD_TEXT(r, "server", t->server ? t->server->name : STR_NONE, NAME_SHOWN);
	RECORD_TEXT(r, "site", t->server ? t->server->site->name : STR_NONE, NAME_SHOWN);
	RECORD_TEXT(r, "server_protocol", t->server ? str_from(t->back->protocol) : STR_NONE, NAME_SHOWN);
	RECORD_NUMBER(r, "retries", t->n_retries);
	RECORD_NUMBER(r, "reused", t->is_reused);
}

static void put_times(struct record *r, const struct txn *t) {
	if (t->session->tls_us > 0)
		RECORD_NUMBER(r, "handshake_us", t->session->tls_us);
	RECORD_NUMBER(r, "queue_us", between(t->head_us, t->picked_us));
	RECORD_NUMBER(r, "connect_us", between(t->picked_us, t->connected_us));
	RECORD_NUMBER(r, "first_byte_us", between(t->connected_us, t->first_byte_us));
	RECORD_NUMBER(r, "total_us", between(t->start_us, clock_now_us()));
	RECORD_NUMBER(r, "bytes_in", t->bytes_in);
	RECORD_NUMBER(r, "bytes_out", t->bytes_out);
	RECORD_NUMBER(r, "epoch", t->epoch);
}

void access_log_write(const struct txn *t) {
	if (!t->conf->access_log)
		return;
	struct record r;
	char time[LOG_TIME_BYTES];
	record_begin(&r, t->conf->access_format == CFG_LOG_FORMAT_JSON);
	log_format_time(time, clock_wall_us());
	RECORD_TEXT(&r, "ts", str_slice(time, sizeof(time)), sizeof(time));
	put_request(&r, t);
	RECORD_NUMBER(&r, "status", t->status);
	RECORD_TEXT(&r, "end", str_from(proxy_end_name(t->end)), NAME_SHOWN);
	if (t->fault != HTTP_FAULT_NONE)
		RECORD_TEXT(&r, "fault", str_from(http_fault_text(t->fault)), NAME_SHOWN);
	put_server(&r, t);
	put_times(&r, t);
	log_output_write(t->conf->access_log, record_end(&r));
}
