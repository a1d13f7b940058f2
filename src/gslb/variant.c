/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answers of a steered name with the records of some of its sites, for each way in which the name is reached. Rendered with
 * the longest TTL, which a reply may shorten, and kept: what was answered once is answered again by a pointer.
 */
#include "gslb/zone.h"

static const struct cfg_addrs *addresses_of(const struct steered *s, const struct variant *v, unsigned i) {
	return &s->policy->sites[v->order[i]]->addresses;
}

/* Does the j-th address of the i-th site stand before? */
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

static void render_addresses(struct render *r, const struct steered *s, const struct variant *v, struct str owner, bool is_v6) {
	for (unsigned i = 0; i < v->n_sites; i++) {
		const struct cfg_addrs *list = addresses_of(s, v, i);
		for (size_t j = 0; j < list->n; j++) {
			const struct addr *a = &list->items[j];
			if (addr_is_v6(a) != is_v6 || address_is_repeated(s, v, i, j))
				continue;
			struct str rdata =
			    is_v6 ? str_slice((const char *)&a->in6.sin6_addr, 16) : str_slice((const char *)&a->in.sin_addr, 4);
			render_steered(r, RENDER_ANSWER, owner, is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A, s->cfg->ttl.max_s, rdata);
		}
	}
}

static const struct answer *render_slot(struct render *r, const struct steered *s, const struct view *view, struct variant *v,
                                        enum slot slot) {
	bool is_v6 = slot == SLOT_AAAA;
	render_begin(r, s->zone, view->node, is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A);
	render_chain(r, &view->chain);
	unsigned before = r->count[RENDER_ANSWER];
	render_addresses(r, s, v, view->chain.owner, is_v6);
	if (r->count[RENDER_ANSWER] == before) /* "none" must not be remembered for longer than an address */
		render_steered_soa(r, s->cfg->ttl.max_s);
	return render_end(r, DNS_NOERROR, true, 0, &v->arena);
}

static struct variant *variant_create(struct steered *s, const struct policy_alternative *from, struct render *r, bool *fits) {
	struct variant *v = mem_zalloc(sizeof(*v) + from->n);
	arena_init(&v->arena, 1024);
	v->n_sites = from->n;
	memcpy(v->order, from->order, from->n);
	v->sites = arena_alloc(&v->arena, v->n_sites * sizeof(struct fleet_site *));
	v->answers = arena_alloc(&v->arena, s->n_views * SLOT_COUNT * 2 * sizeof(struct answer *));
	for (unsigned i = 0; i < v->n_sites; i++)
		v->sites[i] = s->sites[v->order[i]];
	for (const struct view *it = s->views; it; it = it->next)
		for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
			const struct answer **to = &v->answers[(it->node->view * SLOT_COUNT + slot) * 2];
			RENDER_EACH(r, s->zone) {
				to[1] = render_slot(r, s, it, v, slot);
				if (!r->with_dnssec)
					to[0] = to[1];
				*fits &= to[1] != NULL;
			}
		}
	return v;
}

struct variant *variant_get(struct steered *s, const struct policy_alternative *from, struct render *r, bool *fits) {
	*fits = true;
	for (struct variant *v = s->variants; v; v = v->next)
		if (v->n_sites == from->n && memcmp(v->order, from->order, from->n) == 0)
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
