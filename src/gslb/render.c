/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One answer is put together from RRsets and stored in its final form. What may be left out when it does not fit (addresses
 * that only spare the resolver a query) stands last, so that leaving it out is a shorter copy.
 */
#include "gslb/dnssec.h"

void render_begin(struct render *r, const struct zone *z, const struct node *n, uint16_t type) {
	r->zone = z;
	r->type = type;
	memset(r->count, 0, sizeof(r->count));
	r->bare_additional = 0;
	r->bare_n = 0;
	r->n_ttls = r->n_proofs = 0;
	r->mark++;
	dns_write_begin(&r->w, node_name(node_base(n)));
}

void render_record(struct render *r, enum render_section section, struct str owner, uint16_t type, uint32_t ttl,
                   struct str rdata) {
	dns_write_record(&r->w, owner, type, ttl, rdata);
	r->count[section]++;
}

void render_steered(struct render *r, enum render_section section, struct str owner, uint16_t type, uint32_t ttl,
                    struct str rdata) {
	render_record(r, section, owner, type, ttl, rdata);
	if (r->n_ttls == RENDER_TTLS_MAX) /* a set has one TTL (RFC 2181 5.2): those beyond could not be shortened with it */
		r->w.is_full = true;
	else if (!r->w.is_full)
		r->ttl_at[r->n_ttls++] = (uint16_t)(dns_write_ttl_at(&r->w) - r->w.body);
}

static struct str rdata_str(const struct rdata *d) {
	return str_slice((const char *)d->bytes, d->n);
}

void render_rrset(struct render *r, enum render_section section, struct str owner, const struct rrset *set) {
	for (const struct rdata *d = set->first; d; d = d->next)
		render_record(r, section, owner, set->type, set->ttl, rdata_str(d));
	for (const struct rdata *d = r->with_dnssec ? set->sigs : NULL; d; d = d->next)
		render_record(r, section, owner, DNS_TYPE_RRSIG, set->ttl, rdata_str(d));
}

void render_chain(struct render *r, const struct chain *c) {
	for (unsigned i = 0; i < c->n; i++)
		render_rrset(r, RENDER_ANSWER, c->hops[i].owner, c->hops[i].cname);
}

void render_soa(struct render *r) {
	struct rrset negative = *r->zone->soa;
	negative.ttl = r->zone->negative_ttl;
	render_rrset(r, RENDER_AUTHORITY, node_name(r->zone->apex), &negative);
}

void render_steered_soa(struct render *r, uint32_t max_ttl) {
	const struct zone *z = r->zone;
	uint32_t ttl = z->negative_ttl < max_ttl ? z->negative_ttl : max_ttl;
	struct str owner = node_name(z->apex);
	render_steered(r, RENDER_AUTHORITY, owner, DNS_TYPE_SOA, ttl, rdata_str(z->soa->first));
	for (const struct rdata *d = r->with_dnssec ? z->soa->sigs : NULL; d; d = d->next)
		render_steered(r, RENDER_AUTHORITY, owner, DNS_TYPE_RRSIG, ttl, rdata_str(d));
}

/* ---- proofs ---- */

void render_proof(struct render *r, uint32_t proof) {
	for (unsigned i = 0; i < r->n_proofs; i++)
		if (r->proofs[i] == proof)
			return;
	if (r->n_proofs < RENDER_PROOFS_MAX)
		r->proofs[r->n_proofs++] = proof;
	const struct proof *p = &r->zone->denial->proofs[proof];
	render_rrset(r, RENDER_AUTHORITY, p->owner.name, p->set);
}

/* That nothing stands at `name` below its closest encloser (RFC 4035 3.1.3.3). */
static void render_no_name(struct render *r, const struct node *encloser, struct str wire) {
	struct dns_name name;
	if (dns_name_read(&name, wire))
		render_proof(r, denial_cover(r->zone->denial, encloser->place, &name, name.n_labels - encloser->n_labels - 1u));
}

void render_chain_proofs(struct render *r, const struct chain *c, bool has_type) {
	const struct denial *d = r->zone->denial;
	if (!r->with_dnssec)
		return;
	for (unsigned i = 0; i < c->n; i++)
		if (c->hops[i].encloser)
			render_no_name(r, c->hops[i].encloser, c->hops[i].owner);
	if (c->n > 0 && c->encloser)
		render_no_name(r, c->encloser, c->owner);
	if (c->end == CHAIN_NOWHERE)
		render_proof(r, denial_no_wildcard(d, c->encloser));
	if (c->encloser && !has_type && d->is_nsec3)
		render_proof(r, denial_match(d, c->encloser));
}

/* ---- additional section ---- */

/* The node of a host that the record names, when it is in the zone (and, unless glue is wanted, the zone's own). */
static struct node *host_node(const struct render *r, const struct rdata *d, int at, bool wants_glue) {
	struct dns_name name;
	if (!dns_name_read(&name, str_slice((const char *)d->bytes + at, d->n - (size_t)at)) || !zone_contains(r->zone, &name))
		return NULL;
	struct node *n = zone_find(r->zone, &name, 0);
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

void render_delegation(struct render *r, const struct node *cut) {
	const struct rrset *ns = node_rrset(cut, DNS_TYPE_NS), *ds = node_rrset(cut, DNS_TYPE_DS);
	render_rrset(r, RENDER_AUTHORITY, node_name(cut), ns);
	if (ds && r->with_dnssec) /* RFC 4035 3.1.4: or that there is none */
		render_rrset(r, RENDER_AUTHORITY, node_name(cut), ds);
	else if (r->with_dnssec)
		render_proof(r, denial_match(r->zone->denial, cut));
}

void render_referral(struct render *r, const struct node *cut) {
	const struct rrset *ns = node_rrset(cut, DNS_TYPE_NS);
	render_delegation(r, cut);
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

const struct answer *render_end(struct render *r, enum dns_rcode rcode, bool is_authoritative, unsigned needs,
                                struct arena *arena) {
	if (r->w.is_full)
		return NULL;
	struct str body = dns_write_body(&r->w);
	struct answer_more more = { .n_bare = (uint16_t)(r->bare_n ? r->bare_n - r->w.body : body.n),
		                    .bare_additional = r->bare_n ? r->bare_additional : r->count[RENDER_ADDITIONAL],
		                    .n_pointers = r->w.n_pointers,
		                    .n_ttls = (uint16_t)r->n_ttls };
	bool has_more = more.n_bare < body.n || more.n_pointers > 0 || more.n_ttls > 0;
	size_t places = 2 * ((size_t)more.n_pointers + more.n_ttls), more_at = answer_more_at(body.n);
	struct answer *a = arena_alloc_packed(arena, more_at + (has_more ? sizeof(more) + places : 0));
	*a = (struct answer){ .n = (uint16_t)body.n,
		              .flags = (uint16_t)((is_authoritative ? DNS_FLAG_AA : 0) | (unsigned)rcode),
		              .type = r->type,
		              .counts = { r->count[0], r->count[1], r->count[2] },
		              .needs = (uint8_t)(needs & 3),
		              .has_more = has_more,
		              .base_n = (uint8_t)(r->w.body - DNS_HEADER_BYTES - 4) };
	memcpy(a->bytes, body.p, body.n);
	if (has_more) {
		char *to = (char *)a + more_at;
		memcpy(to, &more, sizeof(more));
		memcpy(to + sizeof(more), r->w.pointers, more.n_pointers * sizeof(uint16_t));
		memcpy(to + sizeof(more) + more.n_pointers * sizeof(uint16_t), r->ttl_at, more.n_ttls * sizeof(uint16_t));
	}
	return a;
}
