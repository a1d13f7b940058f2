/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of a query's OPT record, in one pass (RFC 6891 6.1.2). Known ones are read strictly, each by its own RFC; of unknown
 * ones (and of padding, RFC 7830, which says nothing) only the length is looked at. What is kept points into the message.
 */
#include "dns/edns.h"

void client_net_cut(struct client_net *c, unsigned n_bits) {
	if (n_bits >= c->n_bits)
		return;
	c->n_bits = (uint8_t)n_bits;
	if (n_bits > 64) {
		c->low &= ~UINT64_C(0) << (128 - n_bits);
		return;
	}
	c->low = 0;
	c->high &= n_bits > 0 ? ~UINT64_C(0) << (64 - n_bits) : 0;
}

/* RFC 7871 6: as many bytes of address as the source prefix needs, no bit set behind it, a scope of 0. Family 0 stands for "none"
 * (7.1.2 leaves the family of an empty prefix open). Two such options could contradict each other: malformed, as BIND has it. */
static bool parse_ecs(struct dns_query *q, const uint8_t *p, size_t n) {
	static const uint8_t longest[] = { 0, 32, 128 }; /* by family */
	if (q->n_ecs > 0 || n < 4)
		return false;
	unsigned family = dns_get16(p), source = p[2], scope = p[3];
	if (family >= sizeof(longest) || source > longest[family] || scope != 0 || n - 4 != (source + 7) / 8)
		return false;
	if (source % 8 > 0 && p[n - 1] & 0xff >> source % 8)
		return false;
	/* The address's last 8 bytes are read as one word; where it has fewer, the word begins in what stands before it. */
	size_t n_address = n - 4;
	uint64_t last = n_address > 0 ? dns_get64(p + n - 8) << (-n_address & 7) * 8 : 0;
	q->ecs_net.n_bits = (uint8_t)source;
	q->ecs_net.is_v6 = family == 2;
	q->ecs_net.high = n_address <= 8 ? last : dns_get64(p + 4);
	q->ecs_net.low = n_address <= 8 ? 0 : last;
	q->ecs = p;
	q->n_ecs = (uint8_t)n;
	return true;
}

/* RFC 7873 5.2: of several the first counts. */
static bool parse_cookie(struct dns_query *q, const uint8_t *p, size_t n) {
	if (q->n_cookie > 0)
		return true;
	if (n != DNS_COOKIE_CLIENT_BYTES && (n < 2 * DNS_COOKIE_CLIENT_BYTES || n > DNS_COOKIE_MAX))
		return false;
	q->cookie = p;
	q->n_cookie = (uint8_t)n;
	return true;
}

static bool parse_option(struct dns_query *q, unsigned code, const uint8_t *p, size_t n) {
	switch (code) {
	case DNS_OPTION_NSID: /* RFC 5001 2.1: its data has no meaning in a query */
		q->wants_nsid = true;
		break;
	case DNS_OPTION_ECS:
		if (!parse_ecs(q, p, n))
			return false;
		break;
	case DNS_OPTION_COOKIE:
		if (!parse_cookie(q, p, n))
			return false;
		break;
	case DNS_OPTION_KEEPALIVE: /* RFC 7828 3.2.1: a client sends no timeout */
		q->keepalive = n == 0 ? DNS_KEEPALIVE_ASKED : DNS_KEEPALIVE_MALFORMED;
		break;
	default:
		return true;
	}
	q->has_options = true;
	return true;
}

bool edns_options_parse(struct dns_query *q, const uint8_t *p, size_t n) {
	while (n > 0) {
		if (n < 4 || n - 4 < dns_get16(p + 2))
			return false;
		size_t n_data = dns_get16(p + 2);
		if (!parse_option(q, dns_get16(p), p + 4, n_data))
			return false;
		p += 4 + n_data;
		n -= 4 + n_data;
	}
	return true;
}
