/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One answer is put together from RRsets and stored in its final form. What may be left out when it does not fit (addresses
 * that only spare the resolver a query) stands last, so that leaving it out is a shorter copy.
 */
#include "gslb/zone.h"

void render_begin(struct render *r, const struct zone *z, const struct node *n) {
	r->zone = z;
	memset(r->count, 0, sizeof(r->count));
	r->bare_additional = 0;
	r->bare_n = 0;
	r->mark++;
	dns_write_begin(&r->w, node_name(node_base(n)));
}

void render_record(struct render *r, enum render_section section, struct str owner, uint16_t type, uint32_t ttl,
                   struct str rdata) {
	dns_write_record(&r->w, owner, type, ttl, rdata);
	r->count[section]++;
}

void render_rrset(struct render *r, enum render_section section, struct str owner, const struct rrset *set) {
	for (const struct rdata *d = set->first; d; d = d->next)
		render_record(r, section, owner, set->type, set->ttl, str_slice((const char *)d->bytes, d->n));
}

void render_chain(struct render *r, const struct chain *c) {
	for (unsigned i = 0; i < c->n; i++)
		render_rrset(r, RENDER_ANSWER, c->hops[i].owner, c->hops[i].cname);
}

void render_soa(struct render *r, uint32_t max_ttl) {
	const struct zone *z = r->zone;
	const struct rdata *d = z->soa->first;
	uint32_t ttl = z->negative_ttl < max_ttl ? z->negative_ttl : max_ttl;
	render_record(r, RENDER_AUTHORITY, node_name(z->apex), DNS_TYPE_SOA, ttl, str_slice((const char *)d->bytes, d->n));
}

/* ---- additional section ---- */

/* The node of a host that the record names, when it is in the zone (and, unless glue is wanted, the zone's own). */
static struct node *host_node(const struct render *r, const struct rdata *d, int at, bool wants_glue) {
	struct dns_name name;
	if (!dns_name_read(&name, str_slice((const char *)d->bytes + at, d->n - (size_t)at)) || !zone_contains(r->zone, &name))
		return NULL;
	struct node *n = map_get(&r->zone->nodes, dns_name_suffix(&name, 0));
	return n && (wants_glue || (!n->is_cut && !n->is_hidden)) ? n : NULL;
}

static void render_addresses(struct render *r, struct node *n) {
	if (n->mark == r->mark)
		return;
	n->mark = r->mark;
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const struct rrset *s = node_rrset(n, types[i]);
		if (s)
			render_rrset(r, RENDER_ADDITIONAL, node_name(n), s);
	}
}

static bool is_at_or_below(const struct node *n, const struct node *above) {
	while (n && n != above)
		n = n->parent;
	return n;
}

/* Everything before this is needed; what follows may be left out. */
static void render_optional(struct render *r) {
	r->bare_n = r->w.n;
	r->bare_additional = r->count[RENDER_ADDITIONAL];
}

/* Drops what was optional when the message has no room for it. */
static void render_optional_end(struct render *r) {
	if (!r->w.is_full || r->bare_n == 0)
		return;
	r->w.is_full = false;
	r->w.n = r->bare_n;
	r->count[RENDER_ADDITIONAL] = r->bare_additional;
	while (r->w.n_pointers > 0 && r->w.pointers[r->w.n_pointers - 1] + r->w.body >= r->bare_n)
		r->w.n_pointers--;
}

void render_additional(struct render *r, const struct rrset *set) {
	const struct dns_type_row *row = dns_type_find(set->type);
	if (!row || row->target < 0 || r->w.is_full)
		return;
	render_optional(r);
	for (const struct rdata *d = set->first; d; d = d->next) {
		struct node *n = host_node(r, d, row->target, false);
		if (n)
			render_addresses(r, n);
	}
	render_optional_end(r);
}

void render_referral(struct render *r, const struct node *cut) {
	const struct rrset *ns = node_rrset(cut, DNS_TYPE_NS);
	render_rrset(r, RENDER_AUTHORITY, node_name(cut), ns);
	/* Addresses at or below the cut can be had nowhere else: they are needed (RFC 9471); those of other hosts are not. */
	for (int is_needed = 1; is_needed >= 0; is_needed--) {
		for (const struct rdata *d = ns->first; d; d = d->next) {
			struct node *n = host_node(r, d, 0, true);
			if (n && (!is_needed || is_at_or_below(n, cut)))
				render_addresses(r, n);
		}
		if (r->w.is_full && is_needed)
			return;
		if (is_needed)
			render_optional(r);
	}
	render_optional_end(r);
}

/* ---- the final form ---- */

static void counts_set(uint8_t wire[8], const struct render *r, unsigned additional) {
	dns_put16(wire, 1);
	dns_put16(wire + 2, r->count[RENDER_ANSWER]);
	dns_put16(wire + 4, r->count[RENDER_AUTHORITY]);
	dns_put16(wire + 6, additional);
}

const struct answer *render_end(struct render *r, enum dns_rcode rcode, bool is_authoritative, struct arena *arena) {
	if (r->w.is_full)
		return NULL;
	struct str body = dns_write_body(&r->w);
	uint16_t *pointers = arena_alloc(arena, r->w.n_pointers * sizeof(*pointers));
	struct answer *a = arena_zalloc(arena, sizeof(*a) + body.n);
	memcpy(pointers, r->w.pointers, r->w.n_pointers * sizeof(*pointers));
	memcpy(a->bytes, body.p, body.n);
	a->pointers = pointers;
	a->n_pointers = r->w.n_pointers;
	a->n = (uint16_t)body.n;
	a->n_bare = (uint16_t)(r->bare_n ? r->bare_n - r->w.body : body.n);
	a->base_n = (uint16_t)(r->w.body - DNS_HEADER_BYTES - 4);
	a->flags = (uint16_t)((is_authoritative ? DNS_FLAG_AA : 0) | (unsigned)rcode);
	unsigned bare = r->bare_n ? r->bare_additional : r->count[RENDER_ADDITIONAL];
	for (unsigned opt = 0; opt < 2; opt++) {
		counts_set(a->counts[opt], r, r->count[RENDER_ADDITIONAL] + opt);
		counts_set(a->counts_bare[opt], r, bare + opt);
	}
	return a;
}
