/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which answer a query gets: the node of its name, or the closest one above it; of a steered name the alternative that its policy
 * has in force. Refused: other classes, transfers, names outside of the zones. Everything found belongs to the snapshot.
 */
#include "gslb/zone.h"

#include "steerway/base/clock.h"
#include "steerway/base/rand.h"
#include "steerway/metric.h"

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
	return &answer_refused;
}

void lookup(const struct zones *zs, const struct dns_query *q, const struct client_net *c, struct found *out) {
	(void)c; /* no policy looks at it yet */
	if (q->class != DNS_CLASS_IN || !zs) {
		out->answer = &answer_refused;
		return;
	}
	/* RFC 6895 3.1: 128-255 are no types of records but kinds of questions. Transfers are not for everyone. */
	if ((q->type & 0xff80) == 0x80 && q->type != DNS_TYPE_ANY) {
		out->answer = q->type == DNS_TYPE_AXFR || q->type == DNS_TYPE_IXFR ? &answer_refused : &answer_notimp;
		return;
	}
	const struct node *n = zones_find(zs, q->hash, q->name.wire, q->name.n);
	out->answer = n ? node_answer(n, q->type) : closest_answer(zs, q);
}
