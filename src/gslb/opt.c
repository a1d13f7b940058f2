/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The OPT record of a reply (RFC 6891): there when the query has one, with an option only where the query asks for it; extended errors
 * alone come unasked (RFC 8914 3). Whether there is room is reply.c's decision: this one comes first, so that its bytes count.
 */
#include "gslb/private.h"
#include "gslb/reply.h"

static inline __attribute__((always_inline)) uint8_t *put_option(uint8_t *p, unsigned code, const void *data, size_t n) {
	dns_put16(p, code);
	dns_put16(p + 2, (unsigned)n);
	copy_short(p + 4, data, n);
	return p + 4 + n;
}

/* RFC 7871 7.2.1: family, source prefix and address as they came, and for which prefix the answer holds. */
static inline uint8_t *put_ecs(uint8_t *p, const struct exchange *x) {
	const struct dns_query *q = &x->q;
	unsigned most = x->batch->settings->ecs_bits[q->ecs_net.is_v6];
	uint8_t *end = put_option(p, DNS_OPTION_ECS, q->ecs, q->n_ecs);
	/* An answer for a prefix that is empty or of no family was chosen by the resolver's address. */
	unsigned scope = q->ecs_net.n_bits > 0 ? x->found.scope : 0;
	p[4 + 3] = (uint8_t)(scope < most ? scope : most);
	return end;
}

/* Options that few replies have stay out of line: their arrays would cost each reply registers and a guarded stack. */
#define RARE static __attribute__((noinline))

RARE uint8_t *put_cookie(uint8_t *p, const struct exchange *x) {
	uint8_t cookie[DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES];
	memcpy(cookie, x->q.cookie, x->cookie == COOKIE_GOOD ? sizeof(cookie) : DNS_COOKIE_CLIENT_BYTES);
	if (x->cookie != COOKIE_GOOD)
		dns_cookie_make(cookie + DNS_COOKIE_CLIENT_BYTES, x->batch->settings->cookie_keys.keys[0], cookie,
		                addr_wire(x->message->from), (uint32_t)(clock_wall_us() / USEC_PER_SEC));
	return put_option(p, DNS_OPTION_COOKIE, cookie, sizeof(cookie));
}

RARE uint8_t *put_ede(uint8_t *p, unsigned code) {
	struct str text = dns_ede_text(code);
	uint8_t data[2 + OPT_EDE_TEXT_MAX];
	dns_put16(data, code);
	memcpy(data + 2, text.n > 0 ? text.p : "", text.n);
	return put_option(p, DNS_OPTION_EDE, data, 2 + text.n);
}

/* RFC 7828 3.3.2 */
RARE uint8_t *put_keepalive(uint8_t *p, const struct exchange *x) {
	uint8_t idle[2];
	dns_put16(idle, x->batch->client->idle_ds);
	return put_option(p, DNS_OPTION_KEEPALIVE, idle, sizeof(idle));
}

static inline uint8_t *put_options(uint8_t *p, const struct exchange *x, bool is_bare) {
	const struct settings *s = x->batch->settings;
	const struct dns_query *q = &x->q;
	if (q->n_cookie > 0 && s->has_cookies)
		p = put_cookie(p, x);
	if (x->rcode != DNS_NOERROR || is_bare)
		return p;
	if (q->n_ecs > 0)
		p = put_ecs(p, x);
	if (q->wants_nsid && s->n_nsid > 0)
		p = put_option(p, DNS_OPTION_NSID, s->nsid, s->n_nsid);
	if (q->keepalive == DNS_KEEPALIVE_ASKED && x->batch->client->is_tcp)
		p = put_keepalive(p, x);
	if (x->found.ede != DNS_EDE_NONE)
		p = put_ede(p, x->found.ede);
	return p;
}

size_t opt_write(const struct exchange *x, bool is_bare, uint8_t out[OPT_BYTES_MAX]) {
	opt_write_plain(&x->q, (char *)out);
	out[5] = (uint8_t)((unsigned)x->rcode >> 4);
	uint8_t *end = put_options(out + DNS_OPT_BYTES, x, is_bare);
	dns_put16(out + 9, (unsigned)(end - out - DNS_OPT_BYTES));
	return (size_t)(end - out);
}
