/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answers of a steered name with the records of some of its sites, for each way in which the name is reached. Rendered with
 * the longest TTL, which a reply may shorten, and kept: what was answered once is answered again by a pointer.
 */
#include "gslb/dnssec.h"

/* Addresses stand in groups: a site's, or those of `fallback`. */
static unsigned n_groups(const struct variant *v) {
	return v->is_fallback ? 1 : v->n_sites;
}

static const struct cfg_addrs *addresses_of(const struct steered *s, const struct variant *v, unsigned i) {
	if (v->is_fallback)
		return &s->cfg->fallback;
	return &s->policy->sites[v->order[i]]->addresses;
}

/* Does the j-th address of the i-th group stand before? */
static bool address_is_repeated(const struct steered *s, const struct variant *v, unsigned i, size_t j) {
	const struct addr *a = &addresses_of(s, v, i)->items[j];
	for (unsigned k = 0; k <= i; k++) {
		const struct cfg_addrs *list = addresses_of(s, v, k);
		for (size_t l = 0; l < (k == i ? j : list->n); l++)
			if (addr_eq(&list->items[l], a))
				return true;
	}
	return false;
}

/* The addresses of one family, as an RRset. */
static struct rrset addresses(const struct steered *s, const struct variant *v, bool is_v6, struct arena *arena) {
	struct rrset set = { .type = is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A, .ttl = s->cfg->ttl.max_s };
	for (unsigned i = 0; i < n_groups(v); i++) {
		const struct cfg_addrs *list = addresses_of(s, v, i);
		for (size_t j = 0; j < list->n; j++) {
			const struct addr *a = &list->items[j];
			if (addr_is_v6(a) != is_v6 || address_is_repeated(s, v, i, j))
				continue;
			struct rdata *d = arena_zalloc(arena, sizeof(*d) + 16);
			d->n = is_v6 ? 16 : 4;
			memcpy(d->bytes, is_v6 ? (const void *)&a->in6.sin6_addr : (const void *)&a->in.sin_addr, d->n);
			*(set.last ? &set.last->next : &set.first) = d;
			set.last = d;
			set.n++;
		}
	}
	return set;
}

static void render_steered_rrset(struct render *r, enum render_section section, struct str owner, const struct rrset *set) {
	for (const struct rdata *d = set->first; d; d = d->next)
		render_steered(r, section, owner, set->type, set->ttl, str_slice((const char *)d->bytes, d->n));
	for (const struct rdata *d = r->with_dnssec ? set->sigs : NULL; d; d = d->next)
		render_steered(r, section, owner, DNS_TYPE_RRSIG, set->ttl, str_slice((const char *)d->bytes, d->n));
}

/* What the variant says of the name itself, signed once for all views. */
struct content {
	struct rrset sets[2]; /* A, AAAA */
	struct proof denial;  /* which of them are there */
};
static void content_init(struct content *c, const struct steered *s, struct variant *v) {
	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
		c->sets[is_v6] = addresses(s, v, is_v6, &v->arena);
		if (s->zone->is_signed && c->sets[is_v6].n > 0)
			c->sets[is_v6].sigs = zone_sign_rrset(s->zone, s->node, &c->sets[is_v6], &v->arena);
	}
	if (!s->zone->is_signed)
		return;
	zone_deny(s->zone, s->node, c->sets[0].n > 0, c->sets[1].n > 0, &c->denial, &v->arena);
	if (c->denial.set->ttl > s->cfg->ttl.max_s)
		c->denial.set->ttl = s->cfg->ttl.max_s;
}

static struct rrset slot_rrset(const struct steered *s, const struct view *view, const struct content *c, enum slot slot,
                               struct arena *arena) {
	if (slot <= SLOT_AAAA)
		return c->sets[slot];
	if (slot == SLOT_OTHER)
		return (struct rrset){ 0 };
	struct rrset set = service_rrset(s, view->target, slot_type(slot), c->sets, arena);
	if (s->zone->is_signed)
		set.sigs = zone_sign_rrset(s->zone, view->target, &set, arena);
	return set;
}

static const struct answer *render_slot(struct render *r, const struct steered *s, const struct view *view,
                                        const struct content *c, const struct rrset *set, enum slot slot, struct arena *arena) {
	render_begin(r, s->zone, view->node, slot_type(slot));
	render_chain(r, &view->chain);
	if (set->n > 0) {
		render_steered_rrset(r, RENDER_ANSWER, view->chain.owner, set);
	} else { /* "none" must not be remembered for longer than an address */
		render_steered_soa(r, s->cfg->ttl.max_s);
		if (r->with_dnssec) { /* in the place of the chain's record of the name, which speaks of all its sites */
			render_steered_rrset(r, RENDER_AUTHORITY, c->denial.owner.name, c->denial.set);
			r->proofs[r->n_proofs++] = denial_match(s->zone->denial, s->node);
		}
	}
	render_chain_proofs(r, &view->chain, set->n > 0);
	return render_end(r, DNS_NOERROR, true, set->n > 0 ? 0 : NEEDS_OWN, arena);
}

/* The pair for one slot of one view; false when an answer is too long for a message. */
static bool render_pair(struct render *r, const struct steered *s, const struct view *view, const struct content *c,
                        enum slot slot, struct variant *v) {
	const struct answer **to = &v->answers[(view->node->view * SLOT_COUNT + slot) * 2];
	struct rrset set = slot_rrset(s, view, c, slot, &v->arena);
	RENDER_EACH(r, s->zone) {
		to[1] = render_slot(r, s, view, c, &set, slot, &v->arena);
		if (!r->with_dnssec)
			to[0] = to[1];
		if (!to[1])
			return false;
	}
	return true;
}

static struct variant *variant_create(struct steered *s, const struct policy_alternative *from, struct render *r, bool *fits) {
	struct variant *v = mem_zalloc(sizeof(*v) + from->n);
	arena_init(&v->arena, 1024);
	v->n_sites = from->n;
	v->is_fallback = from->is_fallback;
	memcpy(v->order, from->order, from->n);
	v->answers = arena_alloc(&v->arena, s->n_views * SLOT_COUNT * 2 * sizeof(struct answer *));
	struct content content;
	content_init(&content, s, v);
	for (const struct view *it = s->views; it; it = it->next)
		for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
			if (it->slots >> slot & 1)
				*fits &= render_pair(r, s, it, &content, slot, v);
	return v;
}

struct variant *variant_get(struct steered *s, const struct policy_alternative *from, struct render *r, bool *fits) {
	*fits = true;
	for (struct variant *v = s->variants; v; v = v->next)
		if (v->n_sites == from->n && v->is_fallback == from->is_fallback && memcmp(v->order, from->order, from->n) == 0)
			return v;
	struct variant *v = variant_create(s, from, r, fits);
	v->next = s->variants;
	s->variants = v;
	s->n_variants++;
	return v;
}

void variant_destroy(struct variant *v) {
	SNAPSHOT_FREE_BEGIN(v);
	arena_fini(&v->arena);
	mem_free(v);
}
