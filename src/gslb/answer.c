/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A query's way (DESIGN 3): parse, look the name up, copy the answer behind the question. No allocation, no lock, no call of
 * libc. What is refused: other classes and transfers, other opcodes, names outside of the zones; what is not answered at all:
 * responses and what is shorter than a header.
 */
#include "gslb/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/rand.h"
#include "steerway/metric.h"

/* The whole answer for each code that needs no zone. */
#define PLAIN(rcode)                                                                                                             \
	{                                                                                                                        \
		.counts = { { 0, 1 }, { 0, 1, 0, 0, 0, 0, 0, 1 } }, .counts_bare = { { 0, 1 }, { 0, 1, 0, 0, 0, 0, 0, 1 } },     \
		.flags = (rcode)&0xf                                                                                             \
	}
static const struct answer plain_formerr = PLAIN(DNS_FORMERR), plain_notimp = PLAIN(DNS_NOTIMP),
			   plain_refused = PLAIN(DNS_REFUSED), plain_badvers = PLAIN(DNS_BADVERS);

/* Copies 16 bytes at a time, the last ones overlapping: answers are short, and a call would cost as much as the copy. */
static inline void copy(char *to, const void *source, size_t n) {
	const char *from = source;
	if (n < 16) {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
		return;
	}
	for (size_t i = 0; i + 16 < n; i += 16)
		memcpy(to + i, from + i, 16);
	memcpy(to + n - 16, from + n - 16, 16);
}

/* ---- which answer ---- */

static const struct answer *steered_answer(const struct node *n, bool is_v6) {
	const struct steered_set *set = atomic_load_explicit(&n->steered->current, memory_order_acquire);
	const struct alternative *a = set->alternatives;
	if (set->n > 1) {
		uint64_t drawn = rand_below(rand_thread(), set->total);
		while (drawn >= a->until)
			a++;
	}
	uint64_t until_us = clock_now_us() + set->ttl_us;
	for (uint32_t i = 0; i < a->n_sites; i++)
		fleet_site_answered(a->sites[i], until_us);
	metric_add(METRIC_gslb_steered_total, 1);
	SNAPSHOT_READ_END(set);
	return a->answers[2 * n->view + is_v6];
}

static inline const struct answer *node_answer(const struct node *n, uint16_t type) {
	for (unsigned i = 0; i < n->n_types; i++)
		if (n->types[i] == type) {
			const struct answer *a = n->answers[i];
			return a ? a : steered_answer(n, type == DNS_TYPE_AAAA);
		}
	return n->otherwise;
}

/* The name has no node: the closest one above it knows (RFC 4592 3.3.1, RFC 1034 4.3.2). */
static const struct answer *closest_answer(const struct zones *zs, const struct dns_query *q) {
	unsigned labels = q->name.n_labels, i = labels > zs->max_labels ? labels - zs->max_labels : 1;
	for (; i <= labels; i++) {
		struct str suffix = dns_name_suffix(&q->name, i);
		const uint8_t *wire = (const uint8_t *)suffix.p;
		const struct node *n = zones_find(zs, dns_name_hash(wire, suffix.n), wire, suffix.n);
		if (n)
			return n->below ? n->below : node_answer(n->wildcard, q->type);
	}
	return &plain_refused;
}

static inline const struct answer *find_answer(const struct zones *zs, const struct dns_query *q) {
	if (q->class != DNS_CLASS_IN || !zs)
		return &plain_refused;
	/* RFC 6895 3.1: 128-255 are no types of records but kinds of questions. Transfers are not for everyone. */
	if ((q->type & 0xff80) == 0x80 && q->type != DNS_TYPE_ANY)
		return q->type == DNS_TYPE_AXFR || q->type == DNS_TYPE_IXFR ? &plain_refused : &plain_notimp;
	const struct node *n = zones_find(zs, q->hash, q->name.wire, q->name.n);
	return n ? node_answer(n, q->type) : closest_answer(zs, q);
}

/* ---- its bytes ---- */

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

/* The question is none that could be echoed: a header alone. */
static size_t write_header(const struct dns_query *q, unsigned flags, char *out) {
	dns_put16(out, q->id);
	dns_put16(out + 2, flags);
	memset(out + 4, 0, 8);
	return DNS_HEADER_BYTES;
}

static void write_opt(const struct dns_query *q, bool is_badvers, char *out) {
	static const uint8_t opt[DNS_OPT_BYTES] = { 0, 0, DNS_TYPE_OPT, DNS_EDNS_BYTES >> 8, DNS_EDNS_BYTES & 0xff };
	memcpy(out, opt, sizeof(opt));
	out[5] = is_badvers ? DNS_BADVERS >> 4 : 0;
	out[7] = (char)(q->wants_dnssec ? 0x80 : 0); /* RFC 3225 3: DO is copied */
}

/* Behind a question longer than the one that the answer was rendered for, everything stands later: see dns_writer. */
static void raise_pointers(const struct answer *a, size_t n, unsigned by, char *body) {
	for (unsigned i = 0; i < a->n_pointers && a->pointers[i] < n; i++)
		dns_put16(body + a->pointers[i], dns_get16(body + a->pointers[i]) + by);
}

static inline size_t write_answer(const struct dns_query *q, const struct answer *a, struct str in, size_t limit, char *out) {
	size_t question = DNS_HEADER_BYTES + q->name.n + 4u, opt = q->has_edns ? DNS_OPT_BYTES : 0, n = a->n;
	bool is_badvers = a == &plain_badvers;
	unsigned flags = DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | a->flags;
	const uint8_t *counts = a->counts[q->has_edns];
	if (question + n + opt > limit) {
		n = a->n_bare;
		counts = a->counts_bare[q->has_edns];
		if (question + n + opt > limit) { /* RFC 2181 9: no half RRset; the client asks again over TCP */
			n = 0;
			counts = plain_refused.counts[q->has_edns];
			flags |= DNS_FLAG_TC;
		}
	}
	copy(out, in.p, question);
	dns_put16(out + 2, flags);
	memcpy(out + 4, counts, 8);
	if (n > 0) {
		copy(out + question, a->bytes, n);
		if (a->base_n != q->name.n)
			raise_pointers(a, n, q->name.n - a->base_n, out + question);
	}
	if (opt)
		write_opt(q, is_badvers, out + question + n);
	count_answer(flags, is_badvers);
	return question + n + opt;
}

static size_t limit_of(const struct dns_query *q, bool is_tcp) {
	if (is_tcp)
		return DNS_MESSAGE_MAX;
	if (q->udp_bytes <= DNS_UDP_BYTES) /* RFC 6891 6.2.3 */
		return DNS_UDP_BYTES;
	return q->udp_bytes < DNS_EDNS_BYTES ? q->udp_bytes : DNS_EDNS_BYTES;
}

size_t gslb_answer(struct gslb *g, struct str in, bool is_tcp, char *out, size_t out_size) {
	struct dns_query q;
	enum dns_rcode rcode = dns_query_parse(&q, in);
	metric_add(is_tcp ? METRIC_gslb_tcp_queries_total : METRIC_gslb_udp_queries_total, 1);
	if (rcode == DNS_SILENCE || out_size < DNS_UDP_BYTES) {
		metric_add(METRIC_gslb_dropped_total, 1);
		return 0;
	}
	const struct answer *a = rcode == DNS_BADVERS ? &plain_badvers : rcode == DNS_NOTIMP ? &plain_notimp : &plain_formerr;
	if (!q.has_question) {
		count_answer(a->flags, false);
		return write_header(&q, DNS_FLAG_QR | (q.flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | a->flags, out);
	}
	const struct zones *zs = atomic_load_explicit(&g->zones, memory_order_acquire);
	if (rcode == DNS_NOERROR)
		a = find_answer(zs, &q);
	size_t limit = limit_of(&q, is_tcp);
	size_t n = write_answer(&q, a, in, limit < out_size ? limit : out_size, out);
	SNAPSHOT_READ_END(zs);
	return n;
}
