/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone signed: what zone_sign() leaves in it, and how proofs are found. Nothing here happens on a query but denial_cover().
 *
 *	canonical.c  canonical form and order (RFC 4034 6)
 *	sign.c       RRSIG records; some threads while a zone is loaded
 *	denial.c     the chain of what exists, NSEC or NSEC3, and how the record that covers a name is found
 *	nsec.c       NSEC (RFC 4034 4) and NSEC3 (RFC 5155) records; sha1.c the hash of the latter
 *	zone_sign.c  all of it in order; what the apex gets: DNSKEY, CDS, CDNSKEY, NSEC3PARAM
 *
 * The order at load: zone_load, zone_add_names, zone_check, zone_sign, zone_render. zone_sign
 *	- adds RRsets to the apex (of the types above), and with NSEC to each name that has one,
 *	- sets rrset->sigs of every RRset that is the zone's own to give: not of NS at a cut, nor of what is below one. RRSIG records
 *	  have the TTL and the owner of the RRset that they cover,
 *	- sets zone->is_signed, zone->denial and node->place.
 *
 * Which proofs an answer needs (each is an index into denial->proofs and denial->fragments; the same one at most once an answer):
 *
 *	NXDOMAIN, closest encloser `ce`     NSEC: denial_cover(ce, name), denial_no_wildcard(ce); NSEC3: also denial_match(ce)
 *	NODATA of `n`                       denial_match(n) (NSEC: of an empty non-terminal the record that covers it)
 *	answer of the wildcard below `ce`   denial_cover(ce, name)
 *	NODATA of that wildcard `w`         denial_cover(ce, name), denial_match(w); NSEC3: also denial_match(ce)
 *	referral without DS, or no DS       denial_match(cut)
 *
 * A steered name's record in the chain says that A and AAAA exist when any of its sites has such an address: right where the record
 * covers another name, and at most cautious. NODATA of the name itself needs the record of what exists now: zone_deny().
 */
#ifndef STEERWAY_GSLB_DNSSEC_H
#define STEERWAY_GSLB_DNSSEC_H

#include "gslb/keys.h"
#include "gslb/zone.h"

/* ---- zone_sign.c ---- */

struct sign_how {
	const struct keys *keys;          /* NULL: read anew from their directory */
	const _Atomic bool *is_cancelled; /* NULL, or set by another thread: give up */
	int64_t last_began;               /* keys of which none is active now sign on as of then; 0: they are refused */
	unsigned max_threads;             /* 0: as many as there are processors */
};
/* Signs the zone when its configuration says so. When it fails with no signer, nothing of the zone has changed. */
int zone_sign(struct zone *z, const struct sign_how *how, struct err *e);
/* Seconds since 1970 at which it wants to be signed anew: its first signature gets too old, or a key's time comes. */
int64_t zone_sign_at(const struct zone *z);
void zone_sign_fini(struct zone *z);
/* RRSIG data of an RRset that is made while the zone serves: in `arena`, chained; NULL in a zone that is not signed. The owner is
 * the node's name (of a wildcard its own). One thread at a time. */
struct rdata *zone_sign_rrset(const struct zone *z, const struct node *owner, const struct rrset *set, struct arena *arena);
/* The NSEC or NSEC3 record of a steered name, signed, that says which of A and AAAA exist besides what its node has. */
struct proof;
void zone_deny(const struct zone *z, const struct node *n, bool has_a, bool has_aaaa, struct proof *out, struct arena *arena);

/* ---- sign.c ---- */

#define SIGN_KEYS_MAX 16

/* The keys of a zone, and until when what they sign holds. */
struct signer;
struct signer *signer_create(struct zone *z, const struct sign_how *how, int64_t now, struct err *e);
void signer_destroy(struct signer *s);
const struct keys *signer_keys(const struct signer *s);
/* A wire name in lower case, and how many labels RRSIG tells (RFC 4034 3.1.3): without the root's and a leading "*". */
struct sign_owner {
	struct str name;
	unsigned labels;
};
struct sign_owner sign_owner_of(const struct node *n);
/* Makes room for the set's signatures, which signer_run fills in. */
void signer_add(struct signer *s, struct sign_owner owner, struct rrset *set, struct arena *arena);
int signer_run(struct signer *s, int64_t now, struct err *e);
/* At once; the set is left alone. */
struct rdata *signer_sign(struct signer *s, struct sign_owner owner, const struct rrset *set, int64_t now, struct arena *arena);
/* What a signature is made over (RFC 4034 3.1.8.1): the first n_head bytes of RRSIG data, with the signer's name in lower case,
 * and the set in canonical form and order. */
void sign_data(struct buf *out, const uint8_t *head, size_t n_head, struct str owner, const struct rrset *set);
/* Seconds since 1970 at which the first signature made so far ends; INT64_MAX: there is none. */
int64_t signer_first_end(const struct signer *s);
int64_t signer_made(const struct signer *s);
/* As of when its keys have their roles: when it was made, but for a fault; and that, or NULL. */
int64_t signer_began(const struct signer *s);
const char *signer_fault(const struct signer *s);

/* ---- denial.c ---- */

/* A record of the chain. */
struct proof {
	struct sign_owner owner;
	struct rrset *set; /* NSEC or NSEC3, with its sigs */
};
/* A node as a closest encloser. */
struct place {
	uint32_t match; /* its own proof; of an empty non-terminal with NSEC the last one before it */
	uint32_t child; /* first of its children among `keys` and their like; NSEC */
	uint32_t n_children;
	uint32_t no_wildcard; /* the proof that covers "*" below it; of a node with that child its own */
};
struct denial {
	bool is_nsec3;
	uint32_t n;                      /* proofs, in the chain's order; at least one */
	const struct answer **fragments; /* zone_render.c's: the proofs in final form */
	struct place *places;            /* by node->place */
	/* NSEC: the first 8 bytes of each child's label; NSEC3: of each proof's hash. As numbers, sorted. */
	uint64_t *keys;
	/* NSEC: the last proof at or below a child, and where its label stands in `labels`. */
	uint32_t *last, *label_at;
	uint8_t *labels;
	/* NSEC3: all hashes in 2^(64 - shift) equal parts, and the first one in each. */
	uint32_t *starts;
	unsigned shift;
	struct proof *proofs; /* of the load */
};
/* The record that covers the name of which all from label `below` + 1 on is the encloser at `place`, while nothing exists at
 * `below`: NSEC, of the name itself; NSEC3, of what starts at `below`. Reads nothing that changes. */
uint32_t denial_cover(const struct denial *d, uint32_t place, const struct dns_name *name, unsigned below);
static inline uint32_t denial_match(const struct denial *d, const struct node *n) {
	return d->places[n->place].match;
}
static inline uint32_t denial_no_wildcard(const struct denial *d, const struct node *encloser) {
	return d->places[encloser->place].no_wildcard;
}
/* Makes the chain of a zone that was checked. Its records are not signed yet. */
struct denial *denial_create(struct zone *z, bool is_nsec3);
/* Is the name, or what stands below it, the zone's to tell of: not below a cut? */
bool denial_has(const struct node *n);

/* ---- nsec.c ---- */

/* Types that exist at a node, for the bitmap of its record: sorted, each once. Of a cut what the zone itself has. */
#define NSEC_TYPES_MAX 264
size_t nsec_types(uint16_t out[NSEC_TYPES_MAX], const struct node *n, bool has_a, bool has_aaaa, bool is_nsec3);
/* Does any site of the steered name have an address of that family? */
bool nsec_has_address(const struct steered *s, bool is_v6);
/* One record: the name, or the hash, of the next one; and the bitmap. */
struct rrset *nsec_rrset(struct str next, const uint16_t *types, size_t n_types, uint32_t ttl, struct arena *arena);
struct rrset *nsec3_rrset(const uint8_t next[20], const uint16_t *types, size_t n_types, uint32_t ttl, struct arena *arena);
/* RFC 5155 5, without salt and further iterations (RFC 9276 3.1), of a lower-case wire name. */
void nsec3_hash(uint8_t out[20], const uint8_t *name, size_t n);
/* "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom" and the zone, as a wire name. */
#define NSEC3_NAME_BYTES(z) (33 + (z)->apex->n_name)
struct str nsec3_name(uint8_t *out, const uint8_t hash[20], const struct zone *z);

/* ---- canonical.c ---- */

/* Order of names (RFC 4034 6.1): <0, 0, >0. */
int canonical_compare(const struct node *a, const struct node *b);
/* Data with the names in it in lower case (RFC 4034 6.2, RFC 6840 5.1), in place. */
void canonical_rdata(uint16_t type, uint8_t *rdata, size_t n);
/* Drops records that differ from another one in the case of names alone: they are one record (RFC 4034 6.3), and not every
 * validator finds that out for itself. */
void canonical_unique(struct rrset *set);

/* ---- sha1.c ---- */

/* The digest of at most 255 bytes. Of our own, because it is wanted on the way of a query: OpenSSL's takes 2,000 instructions
 * before it begins. */
void sha1_short(uint8_t out[20], const uint8_t *p, size_t n);

#endif
