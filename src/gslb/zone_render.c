/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every answer that a zone can give, rendered beforehand: for each name, each of its types, and rules for what is not there. A
 * name with a CNAME answers with the whole chain inside the zone (RFC 1034 3.6.2, 4.3.2). ANY gets one made-up HINFO record
 * (RFC 8482 4.2), in a signed zone one of its RRsets (4.1), since what is made up has no signature.
 */
#include "gslb/zone.h"

static const struct chain no_chain = { .end = CHAIN_FOUND };

/* RFC 8482 6: long, so that it is not asked for often. */
#define ANY_TTL 3600
static const char any_hinfo[] = { 7, 'R', 'F', 'C', '8', '4', '8', '2', 0 };

static int too_long(struct zone *z, const struct node *n, const struct rrset *s, struct err *e) {
	struct str text = zone_name_text(z, node_name(n));
	char place[ZONE_PLACE_BYTES];
	zone_place(z, s ? s->file : n->file, s ? s->line : n->line, place);
	return err_set(e, "%s: %.*s: more records than an answer can hold (65535 bytes); remove some", place, STR_ARG(text));
}

/* A pair without and with DNSSEC; of an unsigned zone both are the same. */
struct pair {
	const struct answer *of[2];
};
static int pair_set(struct pair *to, struct zone *z, struct render *r, enum dns_rcode rcode, bool is_authoritative,
                    unsigned needs, const struct node *n, const struct rrset *s, struct err *e) {
	const struct answer *a = render_end(r, rcode, is_authoritative, r->with_dnssec ? needs : 0, &z->arena);
	if (!a)
		return too_long(z, n, s, e);
	to->of[1] = a;
	if (!r->with_dnssec)
		to->of[0] = a;
	return 0;
}

int zone_render_negative(struct zone *z, struct render *r, struct err *e) {
	unsigned no_name = NEEDS_NO_NAME | NEEDS_NO_WILDCARD;
	struct pair nodata, nxdomain;
	RENDER_EACH(r, z) {
		render_begin(r, z, z->apex, 0);
		render_soa(r);
		if (pair_set(&nodata, z, r, DNS_NOERROR, true, NEEDS_OWN, z->apex, z->soa, e) < 0 ||
		    pair_set(&nxdomain, z, r, DNS_NXDOMAIN, true, no_name, z->apex, z->soa, e) < 0)
			return -1;
	}
	memcpy(z->nodata, nodata.of, sizeof(z->nodata));
	memcpy(z->nxdomain, nxdomain.of, sizeof(z->nxdomain));
	z->rules = (struct rules){ .zone = z };
	memcpy(z->rules.otherwise, z->nodata, sizeof(z->nodata));
	memcpy(z->rules.below, z->nxdomain, sizeof(z->nxdomain));
	return 0;
}

/* ---- a name's types ---- */

struct types {
	struct pair pair[UINT8_MAX];
	unsigned n;
	struct rules rules;
};

static struct pair *types_add(struct types *t) {
	return &t->pair[t->n++];
}

static int render_type(struct pair *to, struct zone *z, struct render *r, const struct node *n, const struct chain *c,
                       const struct rrset *s, uint16_t type, struct err *e) {
	RENDER_EACH(r, z) {
		render_begin(r, z, n, type);
		render_chain(r, c);
		render_rrset(r, RENDER_ANSWER, c->owner, s);
		render_additional(r, s);
		if (pair_set(to, z, r, DNS_NOERROR, true, 0, n, s, e) < 0)
			return -1;
	}
	return 0;
}

static int render_any(struct pair *to, struct zone *z, struct render *r, const struct node *n, struct err *e) {
	const struct rrset *own = node_rrset(n, DNS_TYPE_HINFO);
	if (!own && z->is_signed)
		own = n->sets;
	if (own)
		return render_type(to, z, r, n, &no_chain, own, DNS_TYPE_ANY, e);
	RENDER_EACH(r, z) {
		render_begin(r, z, n, DNS_TYPE_ANY);
		render_record(r, RENDER_ANSWER, STR_NONE, DNS_TYPE_HINFO, ANY_TTL, str_slice(any_hinfo, sizeof(any_hinfo)));
		if (pair_set(to, z, r, DNS_NOERROR, true, 0, n, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int render_sets(struct types *t, struct zone *z, struct render *r, const struct node *n, const struct chain *c,
                       const struct node *target, struct err *e) {
	for (const struct rrset *s = target->sets; s; s = s->next) {
		if (t->n == COUNT_OF(t->pair) - 4)
			return too_long(z, target, s, e);
		if (render_type(types_add(t), z, r, n, c, s, s->type, e) < 0)
			return -1;
	}
	return 0;
}

static void view_add(struct types *t, struct zone *z, struct node *n, struct steered *s, const struct chain *c) {
	struct view *v = arena_zalloc(&z->arena, sizeof(*v));
	v->node = n;
	v->chain = *c;
	*s->views_tail = v;
	s->views_tail = &v->next;
	n->view = (uint16_t)s->n_views++;
	t->rules.steered = s;
	t->rules.steered_slots = 1 << SLOT_A | 1 << SLOT_AAAA;
}

/* The answer at a cut for DS, which is the parent's to give (RFC 4035 3.1.4.1). */
static int render_ds(struct types *t, struct zone *parent, struct render *r, const struct node *cut, struct err *e) {
	const struct rrset *ds = node_rrset(cut, DNS_TYPE_DS);
	struct pair *to = types_add(t);
	if (ds)
		return render_type(to, parent, r, cut, &no_chain, ds, DNS_TYPE_DS, e);
	RENDER_EACH(r, parent) {
		render_begin(r, parent, cut, DNS_TYPE_DS);
		render_soa(r);
		if (pair_set(to, parent, r, DNS_NOERROR, true, 0, cut, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int render_cut(struct types *t, struct zone *z, struct render *r, struct node *n, struct err *e) {
	struct pair referral;
	RENDER_EACH(r, z) {
		render_begin(r, z, n, 0);
		render_referral(r, n);
		if (pair_set(&referral, z, r, DNS_NOERROR, false, 0, n, node_rrset(n, DNS_TYPE_NS), e) < 0)
			return -1;
	}
	memcpy(t->rules.otherwise, referral.of, sizeof(referral.of));
	memcpy(t->rules.below, referral.of, sizeof(referral.of));
	return render_ds(t, z, r, n, e);
}

/* What the chain's end answers for types that it does not have, with the proofs of that: the end is known, so they are, too. */
static int render_chain_end(struct pair *to, struct zone *z, struct render *r, const struct node *n, const struct chain *c,
                            const struct rrset *cname, struct err *e) {
	RENDER_EACH(r, z) {
		render_begin(r, z, n, 0);
		render_chain(r, c);
		if (c->end == CHAIN_DELEGATED)
			render_referral(r, c->target);
		else if (c->end != CHAIN_OUTSIDE)
			render_soa(r);
		/* RFC 6604 3: the code is that of the last name. */
		enum dns_rcode rcode = c->end == CHAIN_NOWHERE ? DNS_NXDOMAIN : DNS_NOERROR;
		if (pair_set(to, z, r, rcode, true, 0, n, cname, e) < 0)
			return -1;
	}
	return 0;
}

static int render_alias(struct types *t, struct zone *z, struct render *r, struct node *n, const struct rrset *cname,
                        struct err *e) {
	struct chain c;
	struct pair end;
	zone_chase(z, n, &c);
	if (c.end == CHAIN_FOUND) {
		struct steered *s = c.target->steered;
		if (s && s->n_views == UINT16_MAX)
			return too_long(z, n, cname, e);
		if (render_sets(t, z, r, n, &c, c.target, e) < 0)
			return -1;
		if (s)
			view_add(t, z, n, s, &c);
	}
	/* Asked for itself, the alias is not followed. */
	if (render_type(types_add(t), z, r, n, &no_chain, cname, DNS_TYPE_CNAME, e) < 0 ||
	    render_type(types_add(t), z, r, n, &no_chain, cname, DNS_TYPE_ANY, e) < 0 ||
	    render_chain_end(&end, z, r, n, &c, cname, e) < 0)
		return -1;
	memcpy(t->rules.otherwise, end.of, sizeof(end.of));
	return 0;
}

/* ---- entries ---- */

/* Names without anything special share their zone's rules. */
static const struct rules *rules_store(struct zone *z, const struct rules *rules) {
	if (memcmp(rules, &z->rules, sizeof(*rules)) == 0)
		return &z->rules;
	struct rules *own = arena_alloc(&z->arena, sizeof(*own));
	memcpy(own, rules, sizeof(*own));
	return own;
}

static void entry_store(struct zone *z, struct node *n, const struct types *t) {
	size_t name_bytes = (n->n_name + 7u) & ~7u, n_answers = t->n << z->is_signed;
	struct entry *it = arena_zalloc(&z->arena, sizeof(*it) + name_bytes + n_answers * sizeof(struct answer *));
	it->n_name = n->n_name;
	it->n_labels = n->n_labels;
	it->n_answers = (uint8_t)t->n;
	it->is_signed = z->is_signed;
	it->view = n->view;
	it->rules = rules_store(z, &t->rules);
	memcpy(it->name, n->name, n->n_name);
	const struct answer **answers = (const struct answer **)(uintptr_t)entry_answers(it);
	for (unsigned i = 0; i < t->n; i++) {
		answers[i] = t->pair[i].of[0];
		if (z->is_signed)
			answers[t->n + i] = t->pair[i].of[1];
		it->type_bits |= (uint16_t)(1u << t->pair[i].of[0]->type % 16);
	}
	n->entry = it;
}

static int render_node(struct zone *z, struct render *r, struct types *t, struct node *n, struct err *e) {
	const struct rrset *cname = node_rrset(n, DNS_TYPE_CNAME);
	t->n = 0;
	t->rules = z->rules;
	if (n->wildcard)
		t->rules.below[0] = t->rules.below[1] = NULL;
	if (n->is_cut) {
		if (render_cut(t, z, r, n, e) < 0)
			return -1;
	} else if (cname) {
		if (render_alias(t, z, r, n, cname, e) < 0)
			return -1;
	} else if (n->sets || n->steered) {
		if (n->steered)
			view_add(t, z, n, n->steered, &no_chain);
		if (render_sets(t, z, r, n, &no_chain, n, e) < 0 || render_any(types_add(t), z, r, n, e) < 0)
			return -1;
		if (n == z->apex && z->parent_cut && render_ds(t, z->parent, r, z->parent_cut, e) < 0)
			return -1;
	}
	entry_store(z, n, t);
	return 0;
}

/* The entry of a wildcard is known only when all are made. */
static void link_wildcards(struct zone *z) {
	for (struct node *n = z->first; n; n = n->next)
		if (n->entry && n->wildcard)
			((struct rules *)(uintptr_t)n->entry->rules)->wildcard = n->wildcard->entry;
}

int zone_render(struct zone *z, struct render *r, struct err *e) {
	struct types t;
	for (struct node *n = z->first; n; n = n->next)
		if (!n->is_hidden && render_node(z, r, &t, n, e) < 0)
			return -1;
	link_wildcards(z);
	for (struct steered *s = z->steered; s; s = s->next)
		if (steered_check(s, r, e) < 0)
			return -1;
	return 0;
}
