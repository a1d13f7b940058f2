/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every answer that a zone can give, rendered beforehand: for each name, each of its types and "every other type". A name with a
 * CNAME answers with the whole chain inside the zone (RFC 1034 3.6.2, 4.3.2). ANY gets one made-up HINFO record (RFC 8482 4.2).
 */
#include "gslb/zone.h"

static const struct chain no_chain = { .end = CHAIN_FOUND };

/* RFC 8482 6: long, so that it is not asked for often. */
#define ANY_TTL 3600
static const char any_hinfo[] = { 7, 'R', 'F', 'C', '8', '4', '8', '2', 0 };

static int too_long(const struct zone *z, const struct node *n, const struct rrset *s, struct err *e) {
	struct str text = zone_name_text(z->zones, node_name(n));
	return err_set(e, "%s:%d: %.*s: more records than an answer can hold (65535 bytes)", z->cfg->file.p,
	               s ? s->line : n->line, STR_ARG(text));
}

static int finish(const struct answer **slot, struct render *r, enum dns_rcode rcode, bool is_authoritative, const struct node *n,
                  const struct rrset *s, struct err *e) {
	struct zones *zs = r->zone->zones;
	*slot = render_end(r, rcode, is_authoritative, &zs->arena);
	return *slot ? 0 : too_long(r->zone, n, s, e);
}

int zone_render_negative(struct zone *z, struct render *r, struct err *e) {
	render_begin(r, z, z->apex);
	render_soa(r, UINT32_MAX);
	if (finish(&z->nodata, r, DNS_NOERROR, true, z->apex, z->soa, e) < 0)
		return -1;
	return finish(&z->nxdomain, r, DNS_NXDOMAIN, true, z->apex, z->soa, e);
}

static int render_type(const struct answer **slot, struct zone *z, struct render *r, const struct node *n, const struct chain *c,
                       const struct rrset *s, struct err *e) {
	render_begin(r, z, n);
	render_chain(r, c);
	render_rrset(r, RENDER_ANSWER, c->owner, s);
	render_additional(r, s);
	return finish(slot, r, DNS_NOERROR, true, n, s, e);
}

static int render_any(const struct answer **slot, struct zone *z, struct render *r, const struct node *n, struct err *e) {
	const struct rrset *own = node_rrset(n, DNS_TYPE_HINFO);
	if (own)
		return render_type(slot, z, r, n, &no_chain, own, e);
	render_begin(r, z, n);
	render_record(r, RENDER_ANSWER, STR_NONE, DNS_TYPE_HINFO, ANY_TTL, str_slice(any_hinfo, sizeof(any_hinfo)));
	return finish(slot, r, DNS_NOERROR, true, n, NULL, e);
}

/* ---- a name's types ---- */

struct types {
	uint16_t type[UINT8_MAX + 1];
	const struct answer *answer[UINT8_MAX + 1];
	unsigned n;
};

static const struct answer **types_add(struct types *t, uint16_t type) {
	t->type[t->n] = type;
	t->answer[t->n] = NULL;
	return &t->answer[t->n++];
}

static void types_store(struct zone *z, struct node *n, const struct types *t) {
	uint16_t *types = arena_alloc(&z->zones->arena, t->n * sizeof(*types));
	const struct answer **answers = arena_alloc(&z->zones->arena, t->n * sizeof(struct answer *));
	memcpy(types, t->type, t->n * sizeof(*types));
	memcpy(answers, t->answer, t->n * sizeof(struct answer *));
	n->types = types;
	n->answers = answers;
	n->n_types = (uint16_t)t->n;
}

static int render_sets(struct types *t, struct zone *z, struct render *r, const struct node *n, const struct chain *c,
                       const struct node *target, struct err *e) {
	if (target->steered) { /* what A and AAAA answer is steer.c's; they come first, being asked for most */
		types_add(t, DNS_TYPE_A);
		types_add(t, DNS_TYPE_AAAA);
	}
	for (const struct rrset *s = target->sets; s; s = s->next) {
		if (t->n == COUNT_OF(t->type) - 4)
			return too_long(z, target, s, e);
		if (render_type(types_add(t, s->type), z, r, n, c, s, e) < 0)
			return -1;
	}
	return 0;
}

static void view_add(struct zone *z, struct node *n, struct steered *s, const struct chain *c) {
	struct view *v = arena_zalloc(&z->zones->arena, sizeof(*v));
	v->node = n;
	v->chain = *c;
	*s->views_tail = v;
	s->views_tail = &v->next;
	n->steered = s;
	n->view = (uint16_t)s->n_views++;
}

/* The answer at a cut for DS, which is the parent's to give (RFC 4035 3.1.4.1). */
static int render_ds(const struct answer **slot, struct zone *parent, struct render *r, const struct node *cut, struct err *e) {
	const struct rrset *ds = node_rrset(cut, DNS_TYPE_DS);
	if (ds)
		return render_type(slot, parent, r, cut, &no_chain, ds, e);
	*slot = parent->nodata;
	return 0;
}

static int render_cut(struct types *t, struct zone *z, struct render *r, struct node *n, struct err *e) {
	render_begin(r, z, n);
	render_referral(r, n);
	if (finish(&n->otherwise, r, DNS_NOERROR, false, n, node_rrset(n, DNS_TYPE_NS), e) < 0)
		return -1;
	return render_ds(types_add(t, DNS_TYPE_DS), z, r, n, e);
}

static int render_alias(struct types *t, struct zone *z, struct render *r, struct node *n, const struct rrset *cname,
                        struct err *e) {
	struct chain c;
	zone_chase(z, n, &c);
	if (c.end == CHAIN_FOUND) {
		struct steered *s = c.target->steered;
		if (s && s->n_views == UINT16_MAX)
			return too_long(z, n, cname, e);
		if (render_sets(t, z, r, n, &c, c.target, e) < 0)
			return -1;
		if (s)
			view_add(z, n, s, &c);
	}
	/* Asked for itself, the alias is not followed. */
	const struct answer **own = types_add(t, DNS_TYPE_CNAME);
	if (render_type(own, z, r, n, &no_chain, cname, e) < 0)
		return -1;
	*types_add(t, DNS_TYPE_ANY) = *own;
	render_begin(r, z, n);
	render_chain(r, &c);
	if (c.end == CHAIN_DELEGATED)
		render_referral(r, c.target);
	else if (c.end != CHAIN_OUTSIDE)
		render_soa(r, UINT32_MAX);
	/* RFC 6604 3: the code is that of the last name. */
	return finish(&n->otherwise, r, c.end == CHAIN_NOWHERE ? DNS_NXDOMAIN : DNS_NOERROR, true, n, cname, e);
}

static int render_node(struct zone *z, struct render *r, struct node *n, struct err *e) {
	struct types t = { .n = 0 };
	const struct rrset *cname = node_rrset(n, DNS_TYPE_CNAME);
	n->otherwise = z->nodata;
	if (n->is_cut) {
		if (render_cut(&t, z, r, n, e) < 0)
			return -1;
	} else if (cname) {
		if (render_alias(&t, z, r, n, cname, e) < 0)
			return -1;
	} else if (n->sets || n->steered) {
		if (render_sets(&t, z, r, n, &no_chain, n, e) < 0 || render_any(types_add(&t, DNS_TYPE_ANY), z, r, n, e) < 0)
			return -1;
		if (n == z->apex && z->parent_cut && render_ds(types_add(&t, DNS_TYPE_DS), z->parent, r, z->parent_cut, e) < 0)
			return -1;
	}
	types_store(z, n, &t);
	n->below = n->is_cut ? n->otherwise : n->wildcard ? NULL : z->nxdomain;
	return 0;
}

int zone_render(struct zone *z, struct render *r, struct err *e) {
	for (struct steered *s = z->steered; s; s = s->next)
		view_add(z, s->node, s, &no_chain);
	for (struct node *n = z->first; n; n = n->next)
		if (!n->is_hidden && render_node(z, r, n, e) < 0)
			return -1;
	for (struct steered *s = z->steered; s; s = s->next)
		if (steered_check(s, r, e) < 0)
			return -1;
	return 0;
}
