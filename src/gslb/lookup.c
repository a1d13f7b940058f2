/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which answer a query gets: the entry of its name, or the closest one above it; of a steered name the variant that its policy
 * has in force; with DNSSEC the proofs of what is not there. Refused: other classes, transfers, names outside of the zones.
 * Everything found belongs to the snapshot.
 */
#include "gslb/acme.h"
#include "gslb/dnssec.h"

#include "steerway/base/clock.h"
#include "steerway/base/rand.h"
#include "steerway/metric.h"

/* Each once: one NSEC may prove several things. */
static void found_prove(struct found *out, const struct denial *d, uint32_t proof) {
	const struct answer *fragment = d->fragments[proof];
	for (unsigned i = 0; i < out->n_proofs; i++)
		if (out->proofs[i] == fragment)
			return;
	out->proofs[out->n_proofs++] = fragment;
}

/* ---- steered names ---- */

static const struct variant *choice_draw(const struct choice *c) {
	if (c->n == 1)
		return c->of[0].variant;
	uint64_t drawn = rand_below(rand_thread(), c->total);
	unsigned i = 0;
	while (drawn >= c->of[i].until)
		i++;
	return c->of[i].variant;
}

static void find_steered(const struct rules *r, enum slot slot, const struct dns_query *q, const struct client_net *client,
                         struct found *out) {
	const struct steered *s = r->steered;
	const struct steered_set *set = atomic_load_explicit(&s->current, memory_order_acquire);
	unsigned class = set->map ? client_map_find(set->map, client, &out->scope) : 0;
	const struct choice *c = set->choices[class];
	const struct variant *v = choice_draw(c);
	uint64_t now_us = clock_now_us();
	out->ttl_s = steered_ttl(s, set, now_us);
	for (uint32_t i = 0; i < v->n_sites; i++)
		fleet_site_answered(s->sites[v->order[i]], now_us + out->ttl_s * USEC_PER_SEC);
	metric_add(METRIC_gslb_steered_total, 1);
	out->steered = s;
	out->variant = v;
	if (c->is_all_down)
		out->ede = DNS_EDE_FALLBACK;
	out->answer = variant_answer(v, r->view, slot, q->wants_dnssec);
	if (q->type == DNS_TYPE_ANY && out->answer->counts[0] == 0) /* RFC 8482 4.1: one RRset that is there */
		out->answer = variant_answer(v, r->view, SLOT_AAAA, q->wants_dnssec);
	SNAPSHOT_READ_END(v);
	SNAPSHOT_READ_END(set);
}

/* ---- names ---- */

static inline int slot_of(uint16_t type) {
	switch (type) {
	case DNS_TYPE_A:
		return SLOT_A;
	case DNS_TYPE_AAAA:
		return SLOT_AAAA;
	case DNS_TYPE_SVCB:
		return SLOT_SVCB;
	case DNS_TYPE_HTTPS:
		return SLOT_HTTPS;
	default:
		return -1;
	}
}

static inline const struct answer *answer_at(const struct entry *e, unsigned i, bool wants_dnssec) {
	return entry_answer(e, wants_dnssec && e->is_signed ? i + e->n_answers : i);
}

/* Minimal, as RFC 8482 4 allows. False: nothing is there, or the name is delegated. */
static bool find_any(const struct entry *e, const struct rules *r, const struct dns_query *q, const struct client_net *client,
                     struct found *out) {
	if (e->n_answers == 0 && !r->steered_slots)
		return false;
	out->answer = r->any[q->wants_dnssec];
	if (out->answer)
		return true;
	if (!r->is_any_first)
		return false;
	if (e->n_answers > 0)
		out->answer = answer_at(e, 0, q->wants_dnssec);
	else
		find_steered(r, SLOT_A, q, client, out);
	return true;
}

/* What the entry answers, whether the question's name is its own or one that it covers as a wildcard. */
static inline void find_at(const struct entry *e, const struct dns_query *q, const struct client_net *client, struct found *out) {
	const struct rules *r = entry_rules(e);
	int slot = slot_of(q->type);
	if (slot >= 0 && r->steered_slots >> slot & 1) {
		find_steered(r, slot, q, client, out);
		return;
	}
	if (entry_type_bits(e) >> q->type % 16 & 1)
		for (unsigned i = 0; i < e->n_answers; i++)
			if (entry_answer(e, i)->type == q->type) {
				out->answer = answer_at(e, i, q->wants_dnssec);
				return;
			}
	if (q->type == DNS_TYPE_ANY && find_any(e, r, q, client, out))
		return;
	if (q->wants_dnssec && r->steered_slots >> SLOT_OTHER & 1) {
		find_steered(r, SLOT_OTHER, q, client, out);
		return;
	}
	out->answer = r->otherwise[q->wants_dnssec];
	if (out->answer->needs & NEEDS_OWN)
		found_prove(out, r->zone->denial, r->zone->denial->places[entry_place(e)].match);
}

/* With DNSSEC: that there is no name at label `below`, where a wildcard stands for it or nothing does (RFC 4035 3.1.3). */
static void prove_absence(const struct entry *e, unsigned needs, const struct dns_query *q, unsigned below, struct found *out) {
	const struct rules *r = entry_rules(e);
	const struct denial *d = r->zone->denial;
	const struct place *place = &d->places[entry_place(e)];
	if (needs & NEEDS_OWN)
		found_prove(out, d, place->match);
	if (needs & NEEDS_NO_WILDCARD)
		found_prove(out, d, place->no_wildcard);
	uint32_t cover = denial_cover(d, entry_place(e), &q->name, below);
	/* Where the wildcard is a steered name, the answer may hold its own form of this record. */
	bool is_held = out->steered && out->answer->needs & NEEDS_OWN && out->steered->node->entry == r->wildcard &&
	               cover == d->places[entry_place(r->wildcard)].match;
	if (!is_held)
		found_prove(out, d, cover);
}

/* The name has no entry: the closest one above it, which ends before label `below`, knows (RFC 4592 3.3.1, RFC 1034 4.3.2). */
static void find_below(const struct entry *e, const struct dns_query *q, const struct client_net *client, unsigned below,
                       struct found *out) {
	const struct rules *r = entry_rules(e);
	unsigned needs;
	if (r->below[0]) {
		out->answer = r->below[q->wants_dnssec];
		out->dname = r->dname;
		needs = out->answer->needs;
	} else {
		const struct denial *d = r->zone->denial;
		find_at(r->wildcard, q, client, out);
		needs = d && q->wants_dnssec ? NEEDS_NO_NAME | (d->is_nsec3 ? out->answer->needs & NEEDS_OWN : 0u) : 0;
	}
	if (needs)
		prove_absence(e, needs, q, below, out);
}

static void find_closest(const struct zones *zs, const struct dns_query *q, const struct client_net *client, struct found *out) {
	unsigned labels = q->name.n_labels, i = labels > zs->max_labels ? labels - zs->max_labels : 1;
	for (; i <= labels; i++) {
		struct str suffix = dns_name_suffix(&q->name, i);
		const uint8_t *wire = (const uint8_t *)suffix.p;
		const struct entry *e = zones_find(zs, dns_name_hash(wire, suffix.n), wire, suffix.n);
		if (e) {
			find_below(e, q, client, i - 1, out);
			return;
		}
	}
	out->answer = &answer_refused;
	out->ede = DNS_EDE_NOT_AUTHORITATIVE;
}

void lookup(const struct zones *zs, const struct dns_query *q, const struct client_net *client, struct found *out) {
	if (q->class != DNS_CLASS_IN || !zs) {
		out->answer = &answer_refused;
		return;
	}
	/* RFC 6895 3.1: 128-255 are no types of records but kinds of questions. Transfers are not for everyone. */
	if ((q->type & 0xff80) == 0x80 && q->type != DNS_TYPE_ANY) {
		out->answer = q->type == DNS_TYPE_AXFR || q->type == DNS_TYPE_IXFR ? &answer_refused : &answer_notimp;
		return;
	}
	const struct entry *e = zones_find(zs, q->hash, q->name.wire, q->name.n);
	const struct overlay *o = atomic_load_explicit(&zs->overlay, memory_order_acquire);
	if (o && overlay_find(o, q, e != NULL, out))
		return;
	if (e)
		find_at(e, q, client, out);
	else
		find_closest(zs, q, client, out);
}
