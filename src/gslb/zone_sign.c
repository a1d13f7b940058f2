/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone is signed: the apex gets the records of its keys, the names get their chain, and every set that is the zone's own to give
 * gets signatures. Refused: keys that can't sign, and a zone below that the signed one does not delegate, which every validator
 * would take for a forgery.
 */
#include "gslb/dnssec.h"

#include "steerway/base/clock.h"

#define DIGEST_SHA256 2 /* RFC 4509 */

/* Not as of the loop's turn: a thread without a loop signs, too. */
static int64_t now_s(void) {
	return (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC);
}

/* ---- records of the apex ---- */

static void apex_add(struct zone *z, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t n) {
	struct rrset *s = node_rrset(z->apex, type);
	if (!s) {
		s = arena_zalloc(&z->load, sizeof(*s));
		*s = (struct rrset){ .type = type, .ttl = ttl, .line = z->soa->line, .next = z->apex->sets };
		z->apex->sets = s;
	}
	for (const struct rdata *d = s->first; d; d = d->next)
		if (d->n == n && memcmp(d->bytes, rdata, n) == 0) /* it stands in the zone file, too */
			return;
	struct rdata *d = arena_alloc(&z->load, sizeof(*d) + n);
	d->next = NULL;
	d->n = (uint16_t)n;
	memcpy(d->bytes, rdata, n);
	*(s->last ? &s->last->next : &s->first) = d;
	s->last = d;
	s->n++;
}

/* RFC 7344 4: what the parent's DS records shall be. */
static void add_sync(struct zone *z, const struct key *k) {
	uint8_t cds[4 + 32];
	dns_put16(cds, k->tag);
	cds[2] = k->algorithm->number;
	cds[3] = DIGEST_SHA256;
	key_digest(cds + 4, node_name(z->apex), k->rdata, k->n_rdata);
	apex_add(z, DNS_TYPE_CDS, z->soa->ttl, cds, sizeof(cds));
	apex_add(z, DNS_TYPE_CDNSKEY, z->soa->ttl, k->rdata, k->n_rdata);
}

static bool is_synced(enum cfg_cds cds, const struct keys *keys, size_t i, int64_t now) {
	switch (cds) {
	case CFG_CDS_TIMED:
		return key_state_at(&keys->items[i].times, now) & KEY_IS_SYNCED;
	case CFG_CDS_ALWAYS:
		return keys_role(keys, i, now) & KEY_SIGNS_KEYS;
	case CFG_CDS_DELETE:
		break;
	}
	return false;
}

/* Keys that sign beyond their time stay published, and their successors are all the same. */
static bool is_published(const struct signer *s, const struct key *k) {
	return (key_state_at(&k->times, signer_began(s)) | key_state_at(&k->times, signer_made(s))) & KEY_IS_PUBLISHED;
}

static void add_keys(struct zone *z) {
	const struct keys *keys = signer_keys(z->signer);
	enum cfg_cds cds = z->cfg->dnssec.cds;
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *k = &keys->items[i];
		if (is_published(z->signer, k))
			apex_add(z, DNS_TYPE_DNSKEY, z->soa->ttl, k->rdata, k->n_rdata);
		if (is_synced(cds, keys, i, signer_began(z->signer)))
			add_sync(z, k);
	}
	if (cds == CFG_CDS_DELETE) { /* RFC 8078 4 */
		static const uint8_t delete_ds[] = { 0, 0, 0, 0, 0 }, delete_key[] = { 0, 0, 3, 0, 0 };
		apex_add(z, DNS_TYPE_CDS, z->soa->ttl, delete_ds, sizeof(delete_ds));
		apex_add(z, DNS_TYPE_CDNSKEY, z->soa->ttl, delete_key, sizeof(delete_key));
	}
	if (z->cfg->dnssec.denial == CFG_DENIAL_NSEC3) {
		static const uint8_t param[] = { 1, 0, 0, 0, 0 }; /* SHA-1, no further iterations, no salt (RFC 9276 3.1) */
		apex_add(z, DNS_TYPE_NSEC3PARAM, 0, param, sizeof(param));
	}
}

/* ---- everything else ---- */

/* Of a cut the delegation is the child's to sign (RFC 4035 2.2). */
static bool set_is_signed(const struct node *n, const struct rrset *s) {
	return !n->is_cut || s->type == DNS_TYPE_DS || s->type == DNS_TYPE_NSEC;
}

static void add_sets(struct zone *z) {
	for (struct node *n = z->first; n; n = n->next)
		for (struct rrset *s = denial_has(n) ? n->sets : NULL; s; s = s->next)
			if (set_is_signed(n, s)) {
				canonical_unique(s);
				signer_add(z->signer, sign_owner_of(n), s, &z->load);
			}
	for (uint32_t i = 0; z->denial->is_nsec3 && i < z->denial->n; i++)
		signer_add(z->signer, z->denial->proofs[i].owner, z->denial->proofs[i].set, &z->load);
}

static int check_nested(struct zone *z, struct err *e) {
	for (const struct node *n = z->first; n; n = n->next) {
		bool is_apex_below = n->is_hidden && !n->is_cut && n->parent && !n->parent->is_hidden && !n->parent->is_cut;
		if (is_apex_below)
			return err_set(
			    e,
			    "%s: %.*s is a zone of its own, but this signed zone does not delegate it, so that resolvers would "
			    "take its answers for forgeries; add its NS (and DS) records here",
			    z->cfg->file.p, STR_ARG(zone_name_text(z, node_name(n))));
	}
	return 0;
}

int zone_sign(struct zone *z, const struct sign_how *how, struct err *e) {
	if (!z->cfg->dnssec.is_given)
		return 0;
	int64_t now = now_s();
	z->signer = check_nested(z, e) == 0 ? signer_create(z, how, now, e) : NULL;
	if (!z->signer)
		return err_context(e, "zones.%.*s.dnssec", STR_ARG(z->cfg->id));
	add_keys(z);
	z->denial = denial_create(z, z->cfg->dnssec.denial == CFG_DENIAL_NSEC3);
	add_sets(z);
	if (signer_run(z->signer, now, e) < 0)
		return err_context(e, "zones.%.*s.dnssec", STR_ARG(z->cfg->id));
	z->is_signed = true;
	return 0;
}

void zone_sign_fini(struct zone *z) {
	signer_destroy(z->signer);
	z->signer = NULL;
}

int64_t zone_sign_at(const struct zone *z) {
	int64_t change = keys_next_change(signer_keys(z->signer), signer_made(z->signer));
	int64_t refresh = signer_first_end(z->signer) - (int64_t)(z->cfg->dnssec.refresh_ms / 1000);
	return change < refresh ? change : refresh;
}

/* ---- while it serves ---- */

struct rdata *zone_sign_rrset(const struct zone *z, const struct node *owner, const struct rrset *set, struct arena *arena) {
	return z->signer ? signer_sign(z->signer, sign_owner_of(owner), set, now_s(), arena) : NULL;
}

void zone_deny(const struct zone *z, const struct node *n, bool has_a, bool has_aaaa, struct proof *out, struct arena *arena) {
	const struct denial *d = z->denial;
	uint32_t at = denial_match(d, n), next = at + 1 < d->n ? at + 1 : 0;
	uint16_t types[NSEC_TYPES_MAX];
	size_t n_types = nsec_types(types, n, has_a, has_aaaa, d->is_nsec3);
	out->owner = d->proofs[at].owner;
	if (d->is_nsec3) /* the next hash stands in the record of the load, behind its head */
		out->set = nsec3_rrset(d->proofs[at].set->first->bytes + 6, types, n_types, z->negative_ttl, arena);
	else
		out->set = nsec_rrset(d->proofs[next].owner.name, types, n_types, z->negative_ttl, arena);
	out->set->sigs = signer_sign(z->signer, out->owner, out->set, now_s(), arena);
}
