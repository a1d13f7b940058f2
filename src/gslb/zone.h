/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The zones as they are served: an immutable snapshot in one arena, but for the pointers of steered names, which follow fleet.
 *
 *	zone_load.c    zone file -> nodes with RRsets        (ldns)
 *	zone_check.c   nodes -> what they are to each other  (cuts, wildcards, conflicts)
 *	zone_render.c  nodes -> answers, through render.c
 *	zones.c        all zones -> one hash table
 *	steer.c        steered names -> sets of answers, switched when fleet publishes; policy.h decides which
 *	lookup.c       a query -> an answer
 *	reply.c        an answer -> a reply's bytes
 *	answer.c       all of it in order
 */
#ifndef STEERWAY_GSLB_ZONE_H
#define STEERWAY_GSLB_ZONE_H

#include "gslb/policy.h"

#include "steerway/base/arena.h"
#include "steerway/base/map.h"
#include "steerway/base/mem.h"
#include "steerway/dns.h"
#include "steerway/gslb.h"

#include <stdatomic.h>

/* ---- records ---- */

struct rdata {
	struct rdata *next;
	uint16_t n;
	uint8_t bytes[]; /* not compressed */
};
struct rrset {
	struct rrset *next;
	struct rdata *first, *last;
	struct rdata *sigs; /* RRSIG data over it; NULL: not signed */
	uint32_t ttl;
	uint16_t type, n;
	int line; /* of its first record */
};

/* ---- answers ---- */

/* The body of a reply, ready to be copied behind a question. */
struct answer {
	uint8_t counts[2][8];      /* QD, AN, NS, AR as they stand on the wire; [1]: with an OPT record more */
	uint8_t counts_bare[2][8]; /* the same, without what may be left out */
	const uint16_t *pointers;
	uint16_t n_pointers;
	uint16_t flags;  /* AA and the response code */
	uint16_t n;      /* bytes */
	uint16_t n_bare; /* of them without the additional records that may be left out */
	uint16_t base_n; /* length of the name that the pointers were written for */
	uint8_t bytes[];
};

/* ---- names ---- */

struct denial;
struct signer;
struct steered;
struct zone;

struct node {
	/* What a query needs. */
	const uint16_t *types;
	const struct answer **answers;  /* of each type; NULL: steered->current knows */
	const struct answer *otherwise; /* of every other type; at a cut: the referral */
	const struct answer *below;     /* of names below it that have no node: does not exist, or the referral; NULL: */
	struct node *wildcard;          /* the child "*" answers */
	struct steered *steered;        /* of A and AAAA; an alias of a steered name shares its */
	uint16_t view;                  /* which of its views this node is */
	uint16_t n_types;
	uint8_t n_name, n_labels;
	bool is_cut; /* delegated: NS, not the apex */
	/* What loading needs. */
	bool is_hidden;             /* below a cut, or in a zone of its own: never found by a query; glue */
	uint32_t place;             /* of the chain of a signed zone: dnssec.h */
	uint32_t mark;              /* last rendering that put its addresses into the additional section */
	struct node *parent, *next; /* parent NULL: the apex; next: in the order of the file */
	struct rrset *sets;
	int line;                   /* where it stands first in the file */
	_Alignas(8) uint8_t name[]; /* lower case, zero-padded as dns_name's */
};
static inline struct str node_name(const struct node *n) {
	return str_slice((const char *)n->name, n->n_name);
}
static inline bool node_is_wildcard(const struct node *n) {
	return n->name[0] == 1 && n->name[1] == '*';
}
/* The name that its answers are written for: what every question that they answer ends in. */
static inline const struct node *node_base(const struct node *n) {
	return node_is_wildcard(n) && n->parent ? n->parent : n;
}
struct rrset *node_rrset(const struct node *n, uint16_t type);

struct zone {
	struct zone *next;
	const struct cfg_zone *cfg;
	struct zones *zones;
	struct str text;  /* "example.org." */
	struct map nodes; /* by node_name */
	struct node *apex, *first, **tail;
	struct rrset *soa;
	struct node *parent_cut; /* its delegation in a zone above that is served too */
	struct zone *parent;     /* that zone */
	uint32_t serial, negative_ttl;
	const struct answer *nodata, *nxdomain;
	struct signer *signer; /* NULL: the zone is not signed; dnssec.h */
	struct denial *denial;
	struct steered *steered; /* in the order of the configuration */
	size_t n_rrsets, n_steered;
};

/* ---- steered names ---- */

#define STEERED_SETS_MAX 32 /* kept of a name; an odd order of events on many sites could ask for 2^64 */

/* How the name is reached: itself, or by a chain of aliases in front of it. */
struct hop {
	struct str owner; /* empty: the question's name */
	const struct rrset *cname;
};
#define CHAIN_MAX 16
enum chain_end { CHAIN_FOUND, CHAIN_NOWHERE, CHAIN_DELEGATED, CHAIN_OUTSIDE };
struct chain {
	enum chain_end end; /* OUTSIDE: also a loop, or too long; the resolver sees to it */
	unsigned n;
	struct node *target; /* of FOUND; the cut of DELEGATED */
	struct str owner;    /* the target's name as asked for; empty: the question's */
	struct hop hops[CHAIN_MAX];
};
struct view {
	struct view *next;
	const struct node *node;
	struct chain chain;
};

struct alternative {
	uint64_t until; /* a draw below this chooses it, or one before it */
	uint32_t n_sites;
	struct fleet_site **sites;
	const struct answer **answers; /* [view * 2 + is AAAA] */
};
struct steered_set {
	struct steered_set *next;
	struct arena arena;
	const struct policy_choice *choice; /* the key, with the TTL */
	uint32_t ttl_s;
	uint64_t ttl_us;
	uint64_t total; /* of the weights */
	unsigned n;
	struct alternative alternatives[];
};
struct steered {
	struct steered *next;
	struct zone *zone;
	const struct cfg_name *cfg;
	const struct policy *policy;
	struct str text;
	struct node *node;
	struct view *views, **views_tail;
	unsigned n_views;
	struct fleet_site *sites[POLICY_SITES_MAX]; /* by place in policy->sites */
	_Atomic(struct steered_set *) current;
	struct steered_set *sets; /* newest first */
	unsigned n_sets;
	uint64_t usable; /* by place */
	bool is_all_down;
};

/* ---- the snapshot ---- */

struct slot {
	uint64_t hash;
	struct node *node; /* NULL: free */
};
struct zones {
	struct arena arena;
	struct zone *first, **tail;
	struct slot *slots;
	size_t mask;
	unsigned max_labels; /* of any name: a longer question need not be looked up whole */
};

static inline struct node *zones_find(const struct zones *zs, uint64_t hash, const uint8_t *wire, size_t n) {
	for (size_t i = hash & zs->mask;; i = (i + 1) & zs->mask) {
		const struct slot *s = &zs->slots[i];
		if (!s->node)
			return NULL;
		if (s->hash == hash && s->node->n_name == n && dns_name_eq(s->node->name, wire, n))
			return s->node;
	}
}

/* lookup.c: within rcu_read_lock. */
struct found {
	const struct answer *answer; /* never NULL */
	uint8_t scope;               /* ECS: scope prefix length; 0: the answer does not depend on the client */
	uint16_t ede;                /* EDE info code (RFC 8914) that explains the answer; DNS_EDE_NONE: none */
};
/* Fills in what is to be told of the answer; the caller has set `out` to "nothing" before. */
void lookup(const struct zones *zs, const struct dns_query *q, const struct client_net *c, struct found *out);
/* reply.c: header, question and answer, of at most `limit` bytes with the n_opt of an OPT record that the caller writes behind it
 * (0: none; it is counted here). Returns its length without OPT; the header's flags in *flags. */
size_t reply_write(const struct dns_query *q, const struct found *found, struct str in, size_t n_opt, size_t limit, char *out,
                   unsigned *flags);

/* answer.c: the whole answers that need no zone. */
extern const struct answer answer_refused, answer_notimp;

/* NULL with `e`: "zones/example.org.zone:14: ...". */
struct zones *zones_create(const struct cfg_root *cfg, struct err *e);
void zones_destroy(struct zones *zs);

/* zone_load.c: the configured name and its file. The nodes of the names that stand in the file, and those above them. */
struct zone *zone_load(struct zones *zs, const struct cfg_zone *cfg, struct err *e);
/* The node of a name in the zone, made (and those above it) when it does not exist. */
struct node *zone_node(struct zone *z, const struct dns_name *name, int line);
bool zone_contains(const struct zone *z, const struct dns_name *name);
/* "app.example.org." of a wire name; in the arena. */
struct str zone_name_text(struct zones *zs, struct str wire);
/* A name as configured ("app", "@", "app.example.org."), below `origin`; origin NULL: absolute. */
int zone_name_parse(struct dns_name *out, struct str text, const struct zone *origin, struct err *e);

/* zone_check.c */
int zone_add_names(struct zone *z, struct err *e);
int zone_check(struct zone *z, struct err *e);
/* Where a name leads, within the zone: the node that answers for it (exactly or as wildcard), the cut, or nothing. */
struct node *zone_lookup(const struct zone *z, const struct dns_name *name, enum chain_end *end);
/* The chain that starts at a node with a CNAME. */
void zone_chase(const struct zone *z, const struct node *n, struct chain *out);

/* zone_render.c */
struct render;
/* First for all zones: their names refer to these. */
int zone_render_negative(struct zone *z, struct render *r, struct err *e);
int zone_render(struct zone *z, struct render *r, struct err *e);

/* render.c: one answer at a time, with the writer that it holds (64 KiB: made once for many). */
enum render_section { RENDER_ANSWER, RENDER_AUTHORITY, RENDER_ADDITIONAL };
struct render {
	const struct zone *zone;
	uint16_t count[3];
	uint16_t bare_additional;
	size_t bare_n;
	uint32_t mark;
	struct dns_writer w;
};
void render_begin(struct render *r, const struct zone *z, const struct node *n);
void render_chain(struct render *r, const struct chain *c);
void render_rrset(struct render *r, enum render_section section, struct str owner, const struct rrset *set);
void render_record(struct render *r, enum render_section section, struct str owner, uint16_t type, uint32_t ttl,
                   struct str rdata);
/* The SOA of negative answers (RFC 2308 3), for at most `max_ttl` seconds. */
void render_soa(struct render *r, uint32_t max_ttl);
/* The delegation, with the addresses of its servers in the zone. */
void render_referral(struct render *r, const struct node *cut);
/* Addresses of the hosts that the RRset names, as far as they fit. */
void render_additional(struct render *r, const struct rrset *set);
/* NULL: longer than a message can be. */
const struct answer *render_end(struct render *r, enum dns_rcode rcode, bool is_authoritative, struct arena *arena);

/* steer.c: control thread. */
/* Chooses anew for every steered name; `f` says what is usable. */
void steer_refresh(struct zones *zs, struct fleet *f, struct render *r);
void steered_fini(struct steered *s);
/* Would its longest answer fit a message? */
int steered_check(struct steered *s, struct render *r, struct err *e);
/* By fleet_site.index. */
uint64_t steered_mask(const struct steered *s, uint64_t places);

/* A grace period is invisible to ThreadSanitizer: tell it who read a snapshot before it is freed. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GSLB_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define GSLB_TSAN 1
#endif
#ifdef GSLB_TSAN
void __tsan_acquire(void *p);
void __tsan_release(void *p);
#define SNAPSHOT_READ_END(p) __tsan_release((void *)(uintptr_t)(p))
#define SNAPSHOT_FREE_BEGIN(p) __tsan_acquire(p)
#else
#define SNAPSHOT_READ_END(p) ((void)0)
#define SNAPSHOT_FREE_BEGIN(p) ((void)0)
#endif

#endif
