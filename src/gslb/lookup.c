/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which answer a query gets: the entry of its name, or the closest one above it; of a steered name the variant that its policy
 * has in force; with DNSSEC the proofs of what is not there. Refused: other classes, transfers, names outside of the zones.
 * Everything found belongs to the snapshot.
 */
#include "gslb/acme.h"
#include "gslb/dnssec.h"

#include "steerway/base/rand.h"

/* Each once: one NSEC may prove several things. That a steered name has no such record is told by its own form of the record, which
 * the answer holds; the chain's, which speaks of all its sites, must not stand beside it. */
static void found_prove(struct found *out, const struct denial *d, uint32_t proof) {
	const struct answer *fragment = d->fragments[proof];
	if (out->steered && out->answer->needs & NEEDS_OWN && proof == denial_match(d, out->steered->node))
		return;
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

/* The client as routing sees it: what its resolver says of it, or the resolver itself, also when that says nothing (RFC 7871 7.1.2). */
static __attribute__((noinline)) unsigned find_class(const struct client_map *map, const struct dns_query *q,
                                                     const struct addr *from, uint8_t *scope) {
	struct client_net net;
	if (q->n_ecs > 0 && q->ecs_net.n_bits > 0)
		return client_map_find(map, &q->ecs_net, scope);
	client_net_read(&net, from);
	return client_map_find(map, &net, scope);
}

static inline void find_steered(const struct rules *r, unsigned slot, const struct dns_query *q, const struct addr *from,
                                uint64_t now_us, struct found *out) {
	const struct steered *s = r->steered;
	const struct steered_set *set = atomic_load_explicit(&s->current, memory_order_acquire);
	unsigned class = set->map ? find_class(set->map, q, from, &out->scope) : 0;
	const struct choice *c = set->choices[class];
	const struct variant *v = choice_draw(c);
	uint32_t ttl_s = steered_ttl(s, set, now_us);
	if (ttl_s < s->cfg->ttl.max_s || s->cfg->order == CFG_ORDER_ROTATE)
		out->ttl_s = ttl_s;
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

/* SLOT_COUNT, whose bit is never set, for types that none has. */
static inline unsigned slot_of(uint16_t type) {
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
		return SLOT_COUNT;
	}
}

static inline const struct answer *answer_at(const struct entry *e, unsigned i, bool wants_dnssec) {
	return entry_answer(e, wants_dnssec && e->is_signed ? i + e->n_answers : i);
}

/* Minimal, as RFC 8482 4 allows. NULL: nothing is there, the name is delegated, or what is there is steered. */
static const struct answer *any_of(const struct entry *e, const struct rules *r, bool wants_dnssec) {
	if (e->n_answers == 0 && !r->steered_slots)
		return NULL;
	if (!r->any[wants_dnssec] && r->is_any_first && e->n_answers > 0)
		return answer_at(e, 0, wants_dnssec);
	return r->any[wants_dnssec];
}

/* What of the name does not follow health. Returns SLOT_NONE, or the slot that answers in its place. */
enum { SLOT_NONE = SLOT_COUNT };
static inline unsigned find_static(const struct entry *e, const struct rules *r, const struct dns_query *q, struct found *out) {
	if (entry_type_bits(e) >> q->type % 16 & 1)
		for (unsigned i = 0; i < e->n_answers; i++) {
			const struct answer *a = entry_answer(e, i);
			if (a->type == q->type) {
				out->answer = q->wants_dnssec ? answer_at(e, i, true) : a;
				return SLOT_NONE;
			}
		}
	if (q->type == DNS_TYPE_ANY) {
		out->answer = any_of(e, r, q->wants_dnssec);
		if (out->answer)
			return SLOT_NONE;
		if (r->is_any_first && r->steered_slots)
			return SLOT_A;
	}
	if (q->wants_dnssec && r->steered_slots >> SLOT_OTHER & 1)
		return SLOT_OTHER;
	out->answer = r->otherwise[q->wants_dnssec];
	if (out->answer->needs & NEEDS_OWN)
		found_prove(out, r->zone->denial, r->zone->denial->places[entry_place(e)].match);
	return SLOT_NONE;
}

/* What the entry answers, whether the question's name is its own or one that it covers as a wildcard. */
static inline void find_at(const struct entry *e, const struct dns_query *q, const struct addr *from, uint64_t now_us,
                           struct found *out) {
	const struct rules *r = entry_rules(e);
	unsigned slot = slot_of(q->type);
	if (!(r->steered_slots >> slot & 1))
		slot = find_static(e, r, q, out);
	if (slot != SLOT_NONE)
		find_steered(r, slot, q, from, now_us, out);
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
	found_prove(out, d, denial_cover(d, entry_place(e), &q->name, below));
}

/* The name has no entry: the closest one above it, which ends before label `below`, knows. */
struct closest {
	const struct entry *entry; /* NULL: none */
	unsigned below;
};
static struct closest find_closest(const struct zones *zs, const struct dns_query *q) {
	unsigned labels = q->name.n_labels, i = labels > zs->max_labels ? labels - zs->max_labels : 1;
	for (; i <= labels; i++) {
		const struct entry *e = zones_find_suffix(zs, &q->name, i);
		if (e)
			return (struct closest){ e, i - 1 };
	}
	return (struct closest){ NULL, 0 };
}

/* What the closest entry knows of names below it (RFC 4592 3.3.1, RFC 1034 4.3.2). Returns it when its wildcard answers, else `out` has
 * the answer. Not in line, nor is what follows: names that are there would pay for its registers. */
static __attribute__((noinline)) struct closest find_below(const struct zones *zs, const struct dns_query *q, struct found *out) {
	struct closest c = find_closest(zs, q), none = { NULL, 0 };
	if (!c.entry) {
		out->answer = &answer_refused;
		out->ede = DNS_EDE_NOT_AUTHORITATIVE;
		return none;
	}
	const struct rules *r = entry_rules(c.entry);
	if (!r->below[0])
		return c;
	out->answer = r->below[q->wants_dnssec];
	out->dname = r->dname;
	if (out->answer->needs)
		prove_absence(c.entry, out->answer->needs, q, c.below, out);
	return none;
}

/* A wildcard has answered: that the name itself is not there. */
static __attribute__((noinline)) void prove_wildcard(struct closest c, const struct dns_query *q, struct found *out) {
	const struct denial *d = entry_rules(c.entry)->zone->denial;
	if (d && q->wants_dnssec)
		prove_absence(c.entry, d->is_nsec3 ? out->answer->needs & NEEDS_OWN : 0u, q, c.below, out);
}

void lookup(const struct zones *zs, const struct dns_query *q, const struct addr *from, uint64_t now_us, struct found *out) {
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
	struct closest closest = { NULL, 0 };
	if (o && overlay_find(o, q, e != NULL, out))
		return;
	if (!e) {
		closest = find_below(zs, q, out);
		if (!closest.entry)
			return;
		e = entry_rules(closest.entry)->wildcard;
	}
	find_at(e, q, from, now_us, out);
	if (closest.entry)
		prove_wildcard(closest, q, out);
}
