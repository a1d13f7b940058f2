/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The access log: one record a transaction, built on the stack and handed to the log writer, which never blocks. Times are
 * microseconds: TLS handshake (told by a connection's first transaction), queue (head to chosen server), connect, first byte (of the
 * response, since connected), total (since the first byte of the request).
 */
#include "proxy/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The worst record has some 7500 bytes: 638 that a proxy before us may have passed on as they came, each six when escaped, and a
 * target of quotes, each two. */
enum { RECORD_BYTES = 8192, TARGET_SHOWN = 1024, NAME_SHOWN = 255, VECTOR_BYTES = 16 };

/* A record in the making; is_json decides how a pair is written. */
struct record {
	size_t n;
	bool is_json;
	char bytes[RECORD_BYTES + VECTOR_BYTES]; /* looked at in whole vectors */
};

/* The bounds of the parts keep a record below its size. */
static inline bool has_room(const struct record *r, size_t n) {
	return n <= RECORD_BYTES - 2 - r->n;
}

static inline void put(struct record *r, const char *p, size_t n) {
	if (n == 0 || !has_room(r, n))
		return;
	memcpy(r->bytes + r->n, p, n);
	r->n += n;
}

/* A key in both forms, of known length: a few moves. The first one's comma becomes the brace, its space is skipped. */
#define PUT_KEY(r, key) ((r)->is_json ? put(r, ",\"" key "\":", sizeof(key) + 3) : put(r, " " key "=", sizeof(key) + 1))
#define PUT_TEXT(r, key, s, shown) (PUT_KEY(r, key), put_text(r, s, shown))
#define PUT_NUMBER(r, key, n) (PUT_KEY(r, key), put_number(r, n))

static bool is_plain(char c) {
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* How many of the n bytes at p, a place in a record, are printable from `first` (0x20 or 0x21) on and need no escape. */
static size_t plain_bytes(const char *p, size_t n, char first) {
	size_t i = 0;
#ifdef __SSE2__
	for (; i < n; i += VECTOR_BYTES) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		/* The comparison is signed: bytes from 0x80 are below. */
		__m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(first)), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		unsigned bits = (unsigned)_mm_movemask_epi8(odd);
		bits &= n - i < VECTOR_BYTES ? (1U << (n - i)) - 1 : 0xffff;
		if (bits)
			return i + (unsigned)__builtin_ctz(bits);
	}
	return n;
#else
	while (i < n && (is_plain(p[i]) || p[i] == first))
		i++;
	return i;
#endif
}

static void put_escaped(struct record *r, struct str s) {
	static const char hex[] = "0123456789abcdef";
	put(r, "\"", 1);
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i]) || s.p[i] == ' ')
			continue;
		put(r, s.p + from, i - from);
		from = i + 1;
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			put(r, (char[]){ '\\', s.p[i] }, 2);
		else
			put(r, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	put(r, s.p + from, s.n - from);
	put(r, "\"", 1);
}

/* In JSON quoted; in text quoted when it has to be. What is not printable ASCII is escaped in both. Written first and looked at
 * then, since nearly all is plain. */
static void put_text(struct record *r, struct str s, size_t shown) {
	if (s.n > shown)
		s.n = shown;
	size_t quote = r->is_json;
	char *to = r->bytes + r->n;
	if (s.n > 0 && has_room(r, s.n + 2)) {
		to[0] = '"';
		memcpy(to + quote, s.p, s.n);
		if (plain_bytes(to + quote, s.n, r->is_json ? 0x20 : 0x21) == s.n) {
			to[quote + s.n] = '"';
			r->n += s.n + 2 * quote;
			return;
		}
	}
	put_escaped(r, s);
}

static void put_number(struct record *r, uint64_t n) {
	char digits[20];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	put(r, digits + at, sizeof(digits) - at);
}

static uint64_t between(uint64_t from, uint64_t to) {
	return from && to > from ? to - from : 0;
}

static void put_request(struct record *r, const struct txn *t) {
	char ip[ADDR_TEXT_BYTES];
	PUT_TEXT(r, "listener", t->listener->cfg.id, NAME_SHOWN);
	PUT_TEXT(r, "client", addr_format(&t->session->peer, ip), sizeof(ip));
	const struct proxied *proxied = t->session->proxied;
	if (proxied) {
		PUT_TEXT(r, "via", addr_format(&proxied->via, ip), sizeof(ip));
		PUT_TEXT(r, "via_unique_id", proxied->unique_id, 128);
		PUT_TEXT(r, "via_sni", proxied->authority, NAME_SHOWN);
		PUT_TEXT(r, "via_alpn", proxied->alpn, NAME_SHOWN);
	}
	PUT_TEXT(r, "protocol", str_from(t->front->protocol), NAME_SHOWN);
	const SSL *ssl = t->session->stream.ssl;
	if (ssl) {
		PUT_TEXT(r, "tls", str_from(SSL_get_version(ssl)), NAME_SHOWN);
		PUT_TEXT(r, "cipher", str_from(SSL_get_cipher_name(ssl)), NAME_SHOWN);
	}
	PUT_TEXT(r, "method", t->method_name, 32);
	PUT_TEXT(r, "host", t->host, NAME_SHOWN);
	/* As it came: they lie side by side. */
	PUT_TEXT(r, "path", str_slice(t->path.p, t->path.n + t->query.n), TARGET_SHOWN);
	if (t->names.request_id.n > 0)
		PUT_TEXT(r, "request_id", t->names.request_id, REQUEST_ID_MAX);
	if (t->names.trace_id.n > 0)
		PUT_TEXT(r, "trace_id", t->names.trace_id, TRACE_ID_BYTES);
}

static void put_server(struct record *r, const struct txn *t) {
	PUT_TEXT(r, "pool", t->pool ? t->pool->name : STR_NONE, NAME_SHOWN);
	PUT_TEXT(r, "server", t->server ? t->server->name : STR_NONE, NAME_SHOWN);
	PUT_TEXT(r, "site", t->server ? t->server->site->name : STR_NONE, NAME_SHOWN);
	PUT_TEXT(r, "server_protocol", t->server ? str_from(t->back->protocol) : STR_NONE, NAME_SHOWN);
	PUT_NUMBER(r, "retries", t->n_retries);
	PUT_NUMBER(r, "reused", t->is_reused);
}

static void put_times(struct record *r, const struct txn *t) {
	if (t->session->tls_us > 0)
		PUT_NUMBER(r, "handshake_us", t->session->tls_us);
	PUT_NUMBER(r, "queue_us", between(t->head_us, t->picked_us));
	PUT_NUMBER(r, "connect_us", between(t->picked_us, t->connected_us));
	PUT_NUMBER(r, "first_byte_us", between(t->connected_us, t->first_byte_us));
	PUT_NUMBER(r, "total_us", between(t->start_us, clock_now_us()));
	PUT_NUMBER(r, "bytes_in", t->bytes_in);
	PUT_NUMBER(r, "bytes_out", t->bytes_out);
	PUT_NUMBER(r, "epoch", t->epoch);
}

void access_log_write(const struct txn *t) {
	if (!t->conf->access_log)
		return;
	struct record r;
	char time[LOG_TIME_BYTES];
	r.n = 0;
	r.is_json = t->conf->access_format == CFG_LOG_FORMAT_JSON;
	log_format_time(time, clock_wall_us());
	PUT_TEXT(&r, "ts", str_slice(time, sizeof(time)), sizeof(time));
	put_request(&r, t);
	PUT_NUMBER(&r, "status", t->status);
	PUT_TEXT(&r, "end", str_from(proxy_end_name(t->end)), NAME_SHOWN);
	if (t->fault != HTTP_FAULT_NONE)
		PUT_TEXT(&r, "fault", str_from(http_fault_text(t->fault)), NAME_SHOWN);
	put_server(&r, t);
	put_times(&r, t);
	/* put leaves room for these. */
	if (r.is_json) {
		r.bytes[0] = '{';
		r.bytes[r.n++] = '}';
	}
	r.bytes[r.n++] = '\n';
	size_t skipped = !r.is_json;
	log_output_write(t->conf->access_log, str_slice(r.bytes + skipped, r.n - skipped));
}
