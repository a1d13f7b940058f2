/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every answer that a zone can give, rendered beforehand: for each name, each of its types, and rules for what is not there. A
 * name with a CNAME answers with the whole chain inside the zone (RFC 1034 3.6.2, 4.3.2). ANY gets one made-up HINFO record
 * (RFC 8482 4.2), in a signed zone one of its RRsets (4.1), since what is made up has no signature.
 */
#include "gslb/dnssec.h"

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

/* What is made up for ANY fits every name: its only record is the question's. */
static int render_any(struct zone *z, struct render *r, struct err *e) {
	struct pair any;
	RENDER_EACH(r, z) {
		render_begin(r, z, z->apex, DNS_TYPE_ANY);
		render_record(r, RENDER_ANSWER, STR_NONE, DNS_TYPE_HINFO, ANY_TTL, str_slice(any_hinfo, sizeof(any_hinfo)));
		if (pair_set(&any, z, r, DNS_NOERROR, true, 0, z->apex, NULL, e) < 0)
			return -1;
	}
	memcpy(z->any, any.of, sizeof(z->any));
	memcpy(z->rules.any, z->any, sizeof(z->any));
	return 0;
}

/* The records of the chain, to be appended to whatever needs them. */
static int render_proofs(struct zone *z, struct render *r, struct err *e) {
	struct denial *d = z->denial;
	r->with_dnssec = 1;
	for (uint32_t i = 0; d && i < d->n; i++) {
		render_begin(r, z, z->apex, 0);
		r->w.is_fragment = true;
		render_proof(r, i);
		d->fragments[i] = render_end(r, DNS_NOERROR, true, 0, &z->arena);
		if (!d->fragments[i])
			return too_long(z, z->apex, NULL, e);
	}
	return 0;
}

int zone_render_negative(struct zone *z, struct render *r, struct err *e) {
	unsigned no_name = NEEDS_NO_WILDCARD | (z->denial && z->denial->is_nsec3 ? NEEDS_OWN : 0);
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
	z->rules.is_any_first = z->is_signed;
	return z->is_signed ? 0 : render_any(z, r, e);
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
		render_chain_proofs(r, c, true);
		render_additional(r, s);
		if (pair_set(to, z, r, DNS_NOERROR, true, 0, n, s, e) < 0)
			return -1;
	}
	return 0;
}

/* What of a name follows a steered one: bits of slots, and which one. */
static unsigned steered_slots(const struct zone *z, const struct node *n, struct steered **s) {
	*s = n->steered;
	unsigned services = service_slots(z, n, s);
	return services | (n->steered ? 1u << SLOT_A | 1u << SLOT_AAAA | (unsigned)z->is_signed << SLOT_OTHER : 0);
}

static bool slots_have(unsigned slots, uint16_t type) {
	for (unsigned i = 0; i < SLOT_OTHER; i++)
		if (slots >> i & 1 && slot_type(i) == type)
			return true;
	return false;
}

static int view_add(struct types *t, struct zone *z, struct node *n, const struct node *target, struct steered *s, unsigned slots,
                    const struct chain *c, struct err *e) {
	if (s->n_views == UINT16_MAX)
		return too_long(z, n, NULL, e);
	struct view *v = arena_zalloc(&z->arena, sizeof(*v));
	*v = (struct view){ .node = n, .target = target, .slots = slots, .chain = *c };
	*s->views_tail = v;
	s->views_tail = &v->next;
	n->view = t->rules.view = (uint16_t)s->n_views++;
	t->rules.steered = s;
	t->rules.steered_slots = (uint8_t)slots;
	return 0;
}

static int render_sets(struct types *t, struct zone *z, struct render *r, struct node *n, const struct chain *c,
                       const struct node *target, struct err *e) {
	struct steered *steered;
	unsigned slots = steered_slots(z, target, &steered);
	if (slots && view_add(t, z, n, target, steered, slots, c, e) < 0)
		return -1;
	for (const struct rrset *s = target->sets; s; s = s->next) {
		if (slots_have(slots, s->type) || (s->type == DNS_TYPE_NSEC && n != target)) /* an alias has its own */
			continue;
		if (t->n == COUNT_OF(t->pair) - 4)
			return too_long(z, target, s, e);
		struct pair *to = types_add(t);
		if (render_type(to, z, r, n, c, s, s->type, e) < 0)
			return -1;
		if (s->type == DNS_TYPE_HINFO && !z->is_signed)
			memcpy(t->rules.any, to->of, sizeof(to->of));
	}
	return 0;
}

/* Who asks for RRSIG alone gets the signatures of one RRset, as with ANY (RFC 8482 4.1): the name's record in the chain says that
 * there are some. */
static int render_signatures(struct types *t, struct zone *z, struct render *r, const struct node *n, struct err *e) {
	const struct rrset *s = n->sets;
	while (s && !s->sigs)
		s = s->next;
	if (!s)
		return 0;
	struct rrset signatures = { .type = DNS_TYPE_RRSIG, .ttl = s->ttl, .first = s->sigs };
	return render_type(types_add(t), z, r, n, &no_chain, &signatures, DNS_TYPE_RRSIG, e);
}

/* The answer at a cut for DS, which is the parent's to give (RFC 4035 3.1.4.1). */
static int render_ds(struct types *t, struct zone *z, struct zone *parent, struct render *r, const struct node *cut,
                     struct err *e) {
	const struct rrset *ds = node_rrset(cut, DNS_TYPE_DS);
	struct pair *to = types_add(t);
	RENDER_EACH(r, parent) {
		render_begin(r, parent, cut, DNS_TYPE_DS);
		if (ds)
			render_rrset(r, RENDER_ANSWER, STR_NONE, ds);
		else
			render_soa(r);
		if (!ds && r->with_dnssec)
			render_proof(r, denial_match(parent->denial, cut));
		if (pair_set(to, z, r, DNS_NOERROR, true, 0, cut, ds, e) < 0)
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
	t->rules.any[0] = t->rules.any[1] = NULL;
	t->rules.is_any_first = false;
	return render_ds(t, z, z, r, n, e);
}

/* What the chain's end answers for types that it does not have, with the proofs of that: the end is known, so they are, too. */
static int render_chain_end(struct pair *to, struct zone *z, struct render *r, const struct node *n, const struct chain *c,
                            const struct rrset *cname, struct err *e) {
	RENDER_EACH(r, z) {
		render_begin(r, z, n, 0);
		render_chain(r, c);
		/* With DNSSEC proofs follow, of which some are added on a query: no addresses can stand in front of them. */
		if (c->end == CHAIN_DELEGATED && r->with_dnssec)
			render_delegation(r, c->target);
		else if (c->end == CHAIN_DELEGATED)
			render_referral(r, c->target);
		else if (c->end != CHAIN_OUTSIDE)
			render_soa(r);
		render_chain_proofs(r, c, false);
		if (r->with_dnssec && c->end == CHAIN_FOUND)
			render_proof(r, denial_match(z->denial, c->target));
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
	if (c.end == CHAIN_FOUND && render_sets(t, z, r, n, &c, c.target, e) < 0)
		return -1;
	/* Asked for itself, the alias is not followed. */
	struct pair *own = types_add(t);
	if (render_type(own, z, r, n, &no_chain, cname, DNS_TYPE_CNAME, e) < 0 ||
	    render_chain_end(&end, z, r, n, &c, cname, e) < 0)
		return -1;
	memcpy(t->rules.any, own->of, sizeof(own->of));
	memcpy(t->rules.otherwise, end.of, sizeof(end.of));
	const struct rrset *nsec = node_rrset(n, DNS_TYPE_NSEC); /* the one type that stands beside CNAME (RFC 4034 4) */
	return nsec ? render_type(types_add(t), z, r, n, &no_chain, nsec, DNS_TYPE_NSEC, e) : 0;
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

/* Of the answer before the entry, in units of two bytes; 0: too far away, or behind. */
static uint16_t distance_of(const struct entry *e, const struct answer *a) {
	uintptr_t at = (uintptr_t)e, to = (uintptr_t)a;
	return to < at && (at - to) / 2 <= UINT16_MAX ? (uint16_t)((at - to) / 2) : 0;
}

/* `answers` stand where the entry will look for them. */
static void answers_store(struct entry *it, const struct answer *const *answers, unsigned n) {
	char *to = (char *)it + entry_answers_at(it->n_name);
	for (unsigned i = 0; i < n; i++) {
		uint16_t distance = distance_of(it, answers[i]);
		if (it->is_far)
			memcpy(to + sizeof(answers[i]) * i, &answers[i], sizeof(answers[i]));
		else
			memcpy(to + sizeof(distance) * i, &distance, sizeof(distance));
	}
}

static void entry_store(struct zone *z, struct node *n, const struct types *t) {
	const struct answer *answers[2 * COUNT_OF(t->pair)];
	/* Of a zone that is not signed the apex answers for DS as its signed parent does. */
	bool is_signed = z->is_signed || (n == z->apex && z->parent_cut && z->parent->is_signed);
	unsigned n_answers = t->n << is_signed;
	size_t place_bytes = is_signed ? sizeof(n->place) : 0;
	for (unsigned i = 0; i < t->n; i++) {
		answers[i] = t->pair[i].of[0];
		if (is_signed)
			answers[t->n + i] = t->pair[i].of[1];
	}
	/* As if all were near; when one is not, that little is lost. */
	uint64_t word = (uint64_t)(uintptr_t)rules_store(z, &t->rules) << 16;
	size_t head = entry_answers_at(n->n_name);
	struct entry *it = arena_alloc_packed(&z->arena, head + n_answers * sizeof(uint16_t) + place_bytes);
	bool is_far = false;
	for (unsigned i = 0; i < n_answers; i++)
		is_far = is_far || distance_of(it, answers[i]) == 0;
	if (is_far)
		it = arena_alloc_packed(&z->arena, head + n_answers * sizeof(answers[0]) + place_bytes);
	*it = (struct entry){ .n_name = n->n_name, .n_answers = (uint8_t)t->n, .is_signed = is_signed, .is_far = is_far };
	for (unsigned i = 0; i < t->n; i++)
		word |= UINT64_C(1) << answers[i]->type % 16;
	memcpy(it->word, &word, sizeof(word));
	memcpy(it->name, n->name, n->n_name);
	answers_store(it, answers, n_answers);
	memcpy((char *)it + entry_place_at(it), &n->place, place_bytes);
	n->entry = it;
}

/* Names below are led elsewhere, whatever is asked of them; the CNAME that says where is dname.c's. */
static int render_dname(struct types *t, struct zone *z, struct render *r, const struct node *n, const struct rrset *dname,
                        struct err *e) {
	struct pair below;
	RENDER_EACH(r, z) {
		render_begin(r, z, n, 0);
		render_rrset(r, RENDER_ANSWER, node_name(n), dname);
		if (pair_set(&below, z, r, DNS_NOERROR, true, 0, n, dname, e) < 0)
			return -1;
	}
	memcpy(t->rules.below, below.of, sizeof(below.of));
	t->rules.dname = dname_create(n, dname, &z->arena);
	return 0;
}

static int render_node(struct zone *z, struct render *r, struct types *t, struct node *n, struct err *e) {
	const struct rrset *cname = node_rrset(n, DNS_TYPE_CNAME);
	const struct rrset *dname = z->has_dname ? node_rrset(n, DNS_TYPE_DNAME) : NULL;
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
		if (render_sets(t, z, r, n, &no_chain, n, e) < 0)
			return -1;
		if (dname && render_dname(t, z, r, n, dname, e) < 0)
			return -1;
		if (n == z->apex && z->parent_cut && render_ds(t, z, z->parent, r, z->parent_cut, e) < 0)
			return -1;
	}
	if (z->is_signed && !n->is_cut && render_signatures(t, z, r, n, e) < 0)
		return -1;
	entry_store(z, n, t);
	return 0;
}

/* The entry of a wildcard is known only when all are made. */
static void link_wildcards(struct zone *z) {
	for (struct node *n = z->first; n; n = n->next)
		if (n->entry && n->wildcard)
			((struct rules *)(uintptr_t)entry_rules(n->entry))->wildcard = n->wildcard->entry;
}

/* Of a name: by far enough for every state of 8 sites, but for a map of thousands of classes. The rest is for the publishes. */
#define PRESIGN_LOAD_US (2 * USEC_PER_SEC)

int zone_render(struct zone *z, struct render *r, struct err *e) {
	struct types t;
	if (render_proofs(z, r, e) < 0)
		return -1;
	for (struct node *n = z->first; n; n = n->next)
		if (!n->is_hidden && render_node(z, r, &t, n, e) < 0)
			return -1;
	link_wildcards(z);
	for (struct steered *s = z->steered; s; s = s->next) {
		if (steered_check(s, r, e) < 0)
			return -1;
		s->is_presigned = !z->is_signed || steered_presign(s, UINT64_MAX, r, clock_update() + PRESIGN_LOAD_US);
	}
	return 0;
}
