/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the names of a zone are to each other: cuts and what they hide, wildcards, aliases and where they lead; and what can't be:
 * a CNAME beside other data, anything below a DNAME, a steered name that is also static, a zone without SOA or NS. Everything is the
 * snapshot's.
 */
#include "gslb/zone.h"

static int fault_at(struct zone *z, uint16_t file, int line, struct err *e, const char *what, const struct node *n) {
	char place[ZONE_PLACE_BYTES];
	struct str text = zone_name_text(z, node_name(n));
	return err_set(e, "%s: %.*s: %s", zone_place(z, file, line, place), STR_ARG(text), what);
}

static int fault(struct zone *z, const struct rrset *s, struct err *e, const char *what, const struct node *n) {
	return fault_at(z, s->file, s->line, e, what, n);
}

static int name_fault(const struct cfg_name *c, const struct zone *z, struct err *e) {
	return err_context(e, "%.*s:%u:%u: zones.%.*s.names.%.*s", STR_ARG(c->mark.file), c->mark.line, c->mark.column,
	                   STR_ARG(z->cfg->id), STR_ARG(c->id));
}

/* ---- steered names ---- */

/* What the policy is compiled to goes with its name, from the moment on that it is in the zone's list. */
static int add_policy(struct steered *s, struct maps *maps, struct err *e) {
	s->policy = policy_create(maps, s->cfg, e);
	if (!s->policy)
		return -1;
	s->last = mem_zalloc_array(s->policy->n_classes, sizeof(*s->last));
	for (unsigned i = 0; i < s->policy->n_sites; i++)
		if (s->policy->sites[i]->addresses.n == 0)
			return err_set(e, "site %.*s has no addresses to answer with; give it some",
			               STR_ARG(s->policy->sites[i]->id));
	return 0;
}

static int add_name(struct zone *z, struct maps *maps, const struct cfg_name *c, struct steered ***tail, struct err *e) {
	struct dns_name name;
	if (zone_name_parse(&name, c->id, z, e) < 0)
		return -1;
	if (!zone_contains(z, &name))
		return err_set(e, "outside of zone %.*s", STR_ARG(z->text));
	struct node *n = zone_node(z, &name, 0, 0);
	if (n->steered)
		return err_set(e, "stands twice in this zone");
	static const uint16_t exclusive[] = { DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_CNAME };
	for (size_t i = 0; i < COUNT_OF(exclusive); i++) {
		const struct rrset *s = node_rrset(n, exclusive[i]);
		char place[ZONE_PLACE_BYTES];
		if (s)
			return err_set(e, "the zone file has a static %s record of this name (%s); remove one of the two",
			               dns_type_find(exclusive[i])->name, zone_place(z, s->file, s->line, place));
	}
	struct steered *s = arena_zalloc(&z->arena, sizeof(*s));
	s->zone = z;
	s->cfg = c;
	s->policy_kind = c->use ? c->use->policy : c->policy;
	s->node = n;
	s->text = zone_name_text(z, node_name(n));
	s->views_tail = &s->views;
	n->steered = s;
	**tail = s;
	*tail = &s->next;
	z->n_steered++;
	return add_policy(s, maps, e);
}

int zone_add_names(struct zone *z, struct maps *maps, struct err *e) {
	struct steered **tail = &z->steered;
	for (size_t i = 0; i < z->cfg->names.n; i++)
		if (add_name(z, maps, &z->cfg->names.items[i], &tail, e) < 0)
			return name_fault(&z->cfg->names.items[i], z, e);
	return 0;
}

/* ---- relations ---- */

static bool is_below_cut(const struct node *n) {
	for (const struct node *p = n->parent; p; p = p->parent)
		if (p->is_cut || p->is_hidden)
			return true;
	return false;
}

static int check_apex(struct zone *z, struct err *e) {
	z->soa = node_rrset(z->apex, DNS_TYPE_SOA);
	if (!z->soa)
		return err_set(e, "%s: no SOA record of %.*s; add one", z->cfg->file.p, STR_ARG(z->text));
	if (z->soa->n > 1)
		return fault(z, z->soa, e, "more than one SOA record; remove all but one", z->apex);
	if (!node_rrset(z->apex, DNS_TYPE_NS))
		return err_set(e, "%s: no NS record of %.*s; add one", z->cfg->file.p, STR_ARG(z->text));
	const struct rdata *d = z->soa->first;
	uint32_t minimum = dns_get32(d->bytes + d->n - 4);
	z->serial = dns_get32(d->bytes + d->n - 20);
	z->negative_ttl = minimum < z->soa->ttl ? minimum : z->soa->ttl; /* RFC 2308 5 */
	return 0;
}

/* What a name can't have, by its types. */
static int check_sets(struct zone *z, const struct node *n, struct err *e) {
	const struct rrset *cname = node_rrset(n, DNS_TYPE_CNAME), *soa = node_rrset(n, DNS_TYPE_SOA);
	const struct rrset *dname = node_rrset(n, DNS_TYPE_DNAME), *ds = node_rrset(n, DNS_TYPE_DS);
	if (soa && n != z->apex)
		return fault(z, soa, e, "a SOA record below the zone's apex; remove it, or make this a zone of its own", n);
	if (cname && cname->n > 1) /* RFC 1034 3.6.2 */
		return fault(z, cname, e, "more than one CNAME record; remove all but one", n);
	if (cname && n->sets->next)
		return fault(z, cname, e, "a CNAME record beside other records; remove it, or them", n);
	if (dname && dname->n > 1) /* RFC 6672 2.4 */
		return fault(z, dname, e, "more than one DNAME record; remove all but one", n);
	if (dname && n->is_cut)
		return fault(z, dname, e, "a DNAME record where NS records delegate the name away; remove one of the two", n);
	if (dname && node_is_wildcard(n)) /* RFC 6672 3.3: without meaning */
		return fault(z, dname, e, "a wildcard can't have a DNAME record; give it to the name above", n);
	if (n->is_cut && node_is_wildcard(n)) /* RFC 4592 4.2: without meaning */
		return fault(z, node_rrset(n, DNS_TYPE_NS), e, "a wildcard can't be delegated; write the names out", n);
	if (ds && !n->is_cut && !n->is_hidden) /* RFC 4035 2.4 */
		return fault(z, ds, e,
		             n == z->apex ? "a DS record at the zone's apex; it belongs into the zone above"
		                          : "a DS record without NS records beside it; add them, or remove it",
		             n);
	return 0;
}

/* The closest DNAME record above, within the zone. */
static const struct node *dname_above(const struct node *n) {
	for (const struct node *p = n->parent; p; p = p->parent)
		if (node_rrset(p, DNS_TYPE_DNAME))
			return p;
	return NULL;
}

/* RFC 6672 2.4: nothing is below a DNAME record. */
static int check_dname(struct zone *z, const struct node *n, struct err *e) {
	const struct node *above = dname_above(n);
	char place[ZONE_PLACE_BYTES];
	if (!above)
		return 0;
	const struct rrset *s = node_rrset(above, DNS_TYPE_DNAME);
	zone_place(z, s->file, s->line, place);
	if (n->steered) {
		err_set(e, "the name is below a DNAME record (%s), which leads elsewhere; remove one of the two", place);
		return name_fault(n->steered->cfg, z, e);
	}
	if (n->line == 0) /* the apex of another zone */
		return err_set(e, "%s: a DNAME record above another zone that is served; remove it", place);
	struct str text = zone_name_text(z, node_name(n));
	char here[ZONE_PLACE_BYTES];
	return err_set(e, "%s: %.*s: the name is below a DNAME record (%s), which leads elsewhere; remove one of the two",
	               zone_place(z, n->file, n->line, here), STR_ARG(text), place);
}

static int check_node(struct zone *z, const struct node *n, struct err *e) {
	if (n->sets && check_sets(z, n, e) < 0)
		return -1;
	if (n->steered && (n->is_cut || n->is_hidden)) {
		err_set(e, "the name is delegated away by NS records in %s, or in another zone", z->cfg->file.p);
		return name_fault(n->steered->cfg, z, e);
	}
	return z->has_dname ? check_dname(z, n, e) : 0;
}

int zone_check(struct zone *z, struct err *e) {
	if (check_apex(z, e) < 0)
		return -1;
	for (struct node *n = z->first; n; n = n->next) {
		n->is_cut = n->parent && node_rrset(n, DNS_TYPE_NS);
		z->has_dname = z->has_dname || node_rrset(n, DNS_TYPE_DNAME);
	}
	/* A node stands behind its parent in the list, so that hiding is inherited in one pass. */
	for (struct node *n = z->first; n; n = n->next) {
		n->is_hidden = n->is_hidden || is_below_cut(n);
		if (check_node(z, n, e) < 0)
			return -1;
		if (node_is_wildcard(n) && n->parent && !n->is_hidden)
			n->parent->wildcard = n;
	}
	return 0;
}

/* ---- look-up at load ---- */

struct node *zone_lookup(const struct zone *z, const struct dns_name *name, enum chain_end *end, struct node **encloser) {
	unsigned deepest = name->n_labels - z->apex->n_labels;
	struct node *n = z->apex;
	unsigned i = deepest;
	*encloser = NULL;
	for (; i > 0; i--) {
		struct node *child = zone_find(z, name, i - 1);
		if (!child)
			break;
		n = child;
		if (n->is_cut)
			break;
		if (n->is_hidden) { /* in another zone that is served here */
			*end = CHAIN_OUTSIDE;
			return NULL;
		}
	}
	*end = n->is_cut ? CHAIN_DELEGATED : CHAIN_FOUND;
	if (n->is_cut || i == 0)
		return n;
	if (node_rrset(n, DNS_TYPE_DNAME)) { /* who asks for the alias's target is told where that leads */
		*end = CHAIN_OUTSIDE;
		return NULL;
	}
	*encloser = n;
	if (!n->wildcard)
		*end = CHAIN_NOWHERE;
	return n->wildcard;
}

static bool chain_has(const struct chain *c, const struct node *start, const struct dns_name *name) {
	if (str_eq(node_name(start), dns_name_suffix(name, 0)))
		return true;
	for (unsigned i = 0; i < c->n; i++) {
		struct dns_name owner;
		if (c->hops[i].owner.n > 0 && dns_name_read(&owner, c->hops[i].owner) &&
		    str_eq(dns_name_suffix(&owner, 0), dns_name_suffix(name, 0)))
			return true;
	}
	return false;
}

void zone_chase(const struct zone *z, const struct node *start, struct chain *c) {
	*c = (struct chain){ .end = CHAIN_OUTSIDE };
	const struct node *n = start;
	struct str owner = STR_NONE;
	const struct rrset *cname;
	while ((cname = node_rrset(n, DNS_TYPE_CNAME))) {
		c->hops[c->n++] = (struct hop){ .owner = owner, .cname = cname, .encloser = c->encloser };
		owner = str_slice((const char *)cname->first->bytes, cname->first->n);
		struct dns_name name;
		enum chain_end end = CHAIN_OUTSIDE;
		struct node *target = NULL, *encloser = NULL;
		if (c->n < CHAIN_MAX && dns_name_read(&name, owner) && zone_contains(z, &name) && !chain_has(c, start, &name))
			target = zone_lookup(z, &name, &end, &encloser);
		c->end = end;
		c->target = target;
		c->owner = owner;
		c->encloser = encloser;
		if (end != CHAIN_FOUND)
			return;
		n = target;
	}
}
