/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Server cookies that all implementations of RFC 9018 make and know alike, so that the nodes behind an address can be of different
 * make: version, time and SipHash-2-4 of the client's cookie, both of these and its address. No state is kept of clients.
 */
#include "steerway/dns.h"

enum {
	VERSION = 1,
	/* RFC 9018 4.3 */
	PAST_S = 3600,
	FUTURE_S = 300,
	RENEW_S = 1800,
	/* Client's cookie, version, three reserved bytes, time. */
	HEAD_BYTES = DNS_COOKIE_CLIENT_BYTES + 8,
};

/* ---- SipHash-2-4 (Aumasson, Bernstein) ---- */

struct sip {
	uint64_t v[4];
};

static inline uint64_t rotate(uint64_t x, int bits) {
	return x << bits | x >> (64 - bits);
}

static inline uint64_t load64(const uint8_t *p) {
	uint64_t w;
	memcpy(&w, p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return w;
#else
	return __builtin_bswap64(w);
#endif
}

static inline void sip_rounds(struct sip *s, int n) {
	uint64_t *v = s->v;
	for (; n > 0; n--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static inline void sip_word(struct sip *s, uint64_t word) {
	s->v[3] ^= word;
	sip_rounds(s, 2);
	s->v[0] ^= word;
}

static uint64_t siphash(const uint8_t key[16], const uint8_t *p, size_t n) {
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	struct sip s = { { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		           k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) } };
	uint8_t last[8] = { 0 };
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		sip_word(&s, load64(p + i));
	memcpy(last, p + i, n - i);
	last[7] = (uint8_t)n;
	sip_word(&s, load64(last));
	s.v[2] ^= 0xff;
	sip_rounds(&s, 4);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

/* ---- cookies ---- */

/* head: client's cookie and the first 8 bytes of the server's. */
static uint64_t hash_cookie(const uint8_t key[16], const uint8_t *head, struct str address) {
	uint8_t input[HEAD_BYTES + 16];
	memcpy(input, head, HEAD_BYTES);
	memcpy(input + HEAD_BYTES, address.p, address.n);
	return siphash(key, input, HEAD_BYTES + address.n);
}

void dns_cookie_make(uint8_t out[DNS_COOKIE_SERVER_BYTES], const uint8_t key[16], const uint8_t *client, struct str address,
                     uint32_t now_s) {
	uint8_t head[HEAD_BYTES] = { 0 };
	memcpy(head, client, DNS_COOKIE_CLIENT_BYTES);
	head[DNS_COOKIE_CLIENT_BYTES] = VERSION;
	dns_put32(head + DNS_COOKIE_CLIENT_BYTES + 4, now_s);
	memcpy(out, head + DNS_COOKIE_CLIENT_BYTES, 8);
	uint64_t hash = hash_cookie(key, head, address);
	for (int i = 0; i < 8; i++, hash >>= 8)
		out[8 + i] = (uint8_t)hash;
}

enum dns_cookie_verdict dns_cookie_check(const struct dns_cookie_keys *k, const uint8_t *cookie, size_t n, struct str address,
                                         uint32_t now_s) {
	const uint8_t *server = cookie + DNS_COOKIE_CLIENT_BYTES;
	if (n != DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES || server[0] != VERSION)
		return DNS_COOKIE_BAD;
	/* In serial number arithmetic (RFC 1982): the clock of 32 bits goes round in 2106. */
	int32_t age_s = (int32_t)(now_s - dns_get32(server + 4));
	if (age_s > PAST_S || age_s < -FUTURE_S)
		return DNS_COOKIE_BAD;
	for (unsigned i = 0; i < k->n; i++)
		if (hash_cookie(k->keys[i], cookie, address) == load64(server + 8)) /* one comparison of words */
			return i > 0 || age_s > RENEW_S ? DNS_COOKIE_AGED : DNS_COOKIE_GOOD;
	return DNS_COOKIE_BAD;
}

/* ---- secrets ---- */

static int digit(char c) {
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_key(uint8_t out[16], struct str line) {
	if (line.n != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int high = digit(line.p[2 * i]), low = digit(line.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int dns_cookie_keys_parse(struct dns_cookie_keys *out, struct str text, struct err *e) {
	struct str line;
	out->n = 0;
	for (unsigned at = 1; str_next(&text, '\n', &line); at++) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n == 0)
			continue;
		if (out->n == DNS_COOKIE_KEYS_MAX)
			return err_set(e, "line %u is one too many; keep at most %d secrets", at, DNS_COOKIE_KEYS_MAX);
		/* What stands there may be a secret: it is not repeated. */
		if (!parse_key(out->keys[out->n], line))
			return err_set(e, "line %u is no secret; write 32 hexadecimal digits, as `openssl rand -hex 16` does",
			               at);
		out->n++;
	}
	return out->n > 0 ? 0 : err_set(e, "holds no secret; write one with `openssl rand -hex 16`");
}
