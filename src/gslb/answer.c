/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A query's way (DESIGN 3): parse, look the answer up (lookup.c), copy it behind the question. No allocation, no lock, no call of
 * libc. What is not answered at all: responses and what is shorter than a header.
 */
#include "gslb/private.h"

#include "steerway/metric.h"

/* The whole answer for each code that needs no zone. */
#define PLAIN(rcode)                                                                                                             \
	{ .flags = (rcode)&0xf }
static const struct answer plain_formerr = PLAIN(DNS_FORMERR), plain_badvers = PLAIN(DNS_BADVERS);
const struct answer answer_notimp = PLAIN(DNS_NOTIMP), answer_refused = PLAIN(DNS_REFUSED);

static void count_answer(unsigned flags, bool is_badvers) {
	switch (flags & 0xf) {
	case DNS_NOERROR:
		if (is_badvers)
			metric_add(METRIC_gslb_badvers_total, 1);
		break;
	case DNS_FORMERR:
		metric_add(METRIC_gslb_formerr_total, 1);
		break;
	case DNS_NXDOMAIN:
		metric_add(METRIC_gslb_nxdomain_total, 1);
		break;
	case DNS_NOTIMP:
		metric_add(METRIC_gslb_notimp_total, 1);
		break;
	case DNS_REFUSED:
		metric_add(METRIC_gslb_refused_total, 1);
		break;
	}
	if (flags & DNS_FLAG_TC)
		metric_add(METRIC_gslb_truncated_total, 1);
}

/* There is no question to be echoed: a header alone. */
static size_t write_header(const struct dns_query *q, unsigned rcode, size_t n_opt, char *out) {
	dns_put16(out, q->id);
	dns_put16(out + 2, DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | (rcode & 0xf));
	memset(out + 4, 0, 8);
	out[11] = n_opt > 0;
	return DNS_HEADER_BYTES;
}

static void write_opt(const struct dns_query *q, bool is_badvers, char *out) {
	static const uint8_t opt[DNS_OPT_BYTES] = { 0, 0, DNS_TYPE_OPT, DNS_EDNS_BYTES >> 8, DNS_EDNS_BYTES & 0xff };
	memcpy(out, opt, sizeof(opt));
	out[5] = is_badvers ? DNS_BADVERS >> 4 : 0;
	out[7] = (char)(q->wants_dnssec ? 0x80 : 0); /* RFC 3225 3: DO is copied */
}

static size_t limit_of(const struct dns_query *q, bool is_tcp) {
	if (is_tcp)
		return DNS_MESSAGE_MAX;
	if (q->udp_bytes <= DNS_UDP_BYTES) /* RFC 6891 6.2.3 */
		return DNS_UDP_BYTES;
	return q->udp_bytes < DNS_EDNS_BYTES ? q->udp_bytes : DNS_EDNS_BYTES;
}

/* The client as routing sees it: what its resolver says of it, or the resolver itself, also when that says nothing (RFC 7871 7.1.2). */
static void find_client(const struct dns_query *q, const struct addr *from, struct client_net *out) {
	if (q->n_ecs > 0 && q->ecs_net.n_bits > 0)
		*out = q->ecs_net;
	else if (addr_is_v6(from))
		client_net_read(out, from->in6.sin6_addr.s6_addr, true);
	else
		client_net_read(out, (const uint8_t *)&from->in.sin_addr, false);
}

static size_t answer_question(struct gslb *g, const struct gslb_client *c, const struct dns_query *q, enum dns_rcode rcode,
                              struct str in, char *out, size_t out_size) {
	const struct zones *zs = atomic_load_explicit(&g->zones, memory_order_acquire);
	struct found found = FOUND_NOTHING;
	if (rcode == DNS_NOERROR) {
		struct client_net net;
		find_client(q, c->from, &net);
		lookup(zs, q, &net, &found);
	} else {
		found.answer = rcode == DNS_BADVERS ? &plain_badvers : rcode == DNS_NOTIMP ? &answer_notimp : &plain_formerr;
	}
	size_t limit = limit_of(q, c->is_tcp), n_opt = q->has_edns ? DNS_OPT_BYTES : 0;
	unsigned flags;
	size_t n = reply_write(q, &found, in, n_opt, limit < out_size ? limit : out_size, out, &flags);
	SNAPSHOT_READ_END(zs);
	if (n_opt)
		write_opt(q, rcode == DNS_BADVERS, out + n);
	count_answer(flags, rcode == DNS_BADVERS);
	return n + n_opt;
}

size_t gslb_answer(struct gslb *g, const struct gslb_client *c, struct str in, char *out, size_t out_size) {
	struct dns_query q;
	enum dns_rcode rcode = dns_query_parse(&q, in);
	metric_add(c->is_tcp ? METRIC_gslb_tcp_queries_total : METRIC_gslb_udp_queries_total, 1);
	if (rcode == DNS_SILENCE || out_size < DNS_UDP_BYTES) {
		metric_add(METRIC_gslb_dropped_total, 1);
		return 0;
	}
	if (q.keepalive == DNS_KEEPALIVE_MALFORMED && c->is_tcp && rcode == DNS_NOERROR)
		rcode = DNS_FORMERR;
	if (q.has_question)
		return answer_question(g, c, &q, rcode, in, out, out_size);
	size_t n_opt = q.has_edns ? DNS_OPT_BYTES : 0, n = write_header(&q, rcode, n_opt, out);
	if (n_opt)
		write_opt(&q, rcode == DNS_BADVERS, out + n);
	count_answer(rcode & 0xf, rcode == DNS_BADVERS);
	return n + n_opt;
}
