/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone signed: what zone_sign() leaves in it, and how proofs are found. Nothing here happens on a query but denial_cover().
 *
 *	canonical.c  canonical form and order (RFC 4034 6)
 *	sign.c       RRSIG records; a pool of threads while a zone is loaded
 *	denial.c     the chain of what exists, NSEC or NSEC3, and how the record that covers a name is found
 *	nsec.c       NSEC records (RFC 4034 4), nsec3.c NSEC3 records (RFC 5155); sha1.c their hash
 *	zone_sign.c  all of it in order; what the apex gets: DNSKEY, CDS, CDNSKEY, NSEC3PARAM
 *
 * The order at load: zone_load, zone_add_names, zone_check, zone_sign, zone_render. zone_sign
 *	- adds RRsets to the apex (of the types above), and
 *	- sets rrset->sigs of every RRset that is the zone's own to give: not of NS at a cut, nor of what is below one. RRSIG records
 *	  have the TTL of the RRset that they cover, and the same owner.
 *	- sets zone->denial, whose records every negative answer draws from, and node->place.
 *
 * Which proofs an answer needs (`d` is zone->denial; each gives a record with signatures, the same one at most once an answer):
 *
 *	NXDOMAIN, closest encloser `ce`     NSEC: denial_cover(d, ce, name), denial_cover_wildcard(d, ce)
 *	                                    NSEC3: likewise, and denial_match(d, ce)
 *	NODATA of `n`                       denial_match(d, n) (NSEC: of an empty non-terminal the record that covers it)
 *	answer of the wildcard below `ce`   denial_cover(d, ce, name)
 *	NODATA of that wildcard `w`         denial_cover(d, ce, name), denial_match(d, w), NSEC3: denial_match(d, ce)
 *	referral without DS, or no DS       denial_match(d, cut)
 *
 * A steered name's record in the chain says that A and AAAA exist when any of its sites has such an address: right where the record
 * covers another name, and at most cautious. NODATA of the name itself needs the record of what exists now: zone_deny_types().
 */
#ifndef STEERWAY_GSLB_DNSSEC_H
#define STEERWAY_GSLB_DNSSEC_H

#include "gslb/keys.h"
#include "gslb/zone.h"

/* ---- zone_sign.c ---- */

/* Signs the zone when its configuration says so, as of now (seconds since 1970), with keys read anew from their directory. */
int zone_sign(struct zone *z, int64_t now, struct err *e);
void zone_sign_fini(struct zone *z);
static inline bool zone_is_signed(const struct zone *z) {
	return z->signer != NULL;
}
/* RRSIG data of an RRset that is made while the zone serves: in `arena`, chained; NULL in a zone that is not signed. The owner is
 * the node's name (of a wildcard its own). Not from two threads at once. */
struct rdata *zone_sign_rrset(const struct zone *z, const struct node *owner, const struct rrset *set, struct arena *arena);
/* The NSEC or NSEC3 record of a steered name, signed, that says which of `types` (besides what its node has) exist; its owner in
 * *owner. */
struct rrset *zone_deny_types(const struct zone *z, const struct node *n, const uint16_t *types, size_t n_types,
                              struct str *owner, struct arena *arena);

/* ---- denial.c ---- */

/* A record of the chain. */
struct proof {
	const struct node *node;       /* whose name, or whose name's hash, it is of */
	struct str owner;              /* NSEC: the node's name; NSEC3: the hash as a name of the zone */
	struct rrset *set;             /* NSEC or NSEC3, with its sigs */
	const struct answer *fragment; /* zone_render.c's: it, in final form */
};
/* A node as a closest encloser: its children, by their labels. */
struct place {
	uint32_t at;    /* of the proof: NSEC, the node's own, or of the last name before it; NSEC3, the node's own */
	uint32_t child; /* first of its children in `labels` */
	uint32_t n_children;
	uint32_t wildcard; /* of the proof that covers "*" below it */
};
struct denial {
	bool is_nsec3;
	uint8_t n_salt, salt[255];
	size_t n; /* proofs, in the chain's order; at least one */
	struct proof *proofs;
	struct place *places; /* by node->place */
	/* NSEC: children of each place, in canonical order: the first 8 bytes of the label as a number, and the node's and last
	 * proof at or below it. */
	uint64_t *labels;
	const struct node **children;
	uint32_t *last;
	/* NSEC3: the first 8 bytes of each hash, and for each of 2^(64 - shift) equal parts of all hashes the first one in it. */
	uint64_t *hashes;
	uint32_t *starts;
	unsigned shift;
};
/* The record that covers the name below `encloser` (which exists, while the name does not): NSEC, of the name; NSEC3, of its
 * ancestor one label longer than the encloser. Quick enough for each query; reads nothing that changes. */
const struct proof *denial_cover(const struct denial *d, const struct node *encloser, const struct dns_name *name);
const struct proof *denial_match(const struct denial *d, const struct node *n);
const struct proof *denial_cover_wildcard(const struct denial *d, const struct node *encloser);

/* ---- canonical.c ---- */

/* Order of lower-case wire names (RFC 4034 6.1); <0, 0, >0. */
int canonical_compare(const struct node *a, const struct node *b);
/* The data with names in it in lower case (RFC 4034 6.2, RFC 6840 5.1), in place. */
void canonical_rdata(uint16_t type, uint8_t *rdata, size_t n);

#endif
