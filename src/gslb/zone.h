/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The zones as they are served: an immutable snapshot, but for the pointers of steered names, which follow fleet. Loading makes
 * nodes with RRsets; what queries see is entries with answers.
 *
 *	zone_load.c    zone file -> nodes with RRsets        (its text: see zone_text.h)
 *	zone_check.c   nodes -> what they are to each other  (cuts, wildcards, conflicts)
 *	dnssec.h       nodes -> signatures, and proofs of what is not there
 *	zone_render.c  nodes -> entries and answers, through render.c
 *	zones.c        all zones -> one hash table
 *	steer.c        steered names -> what they answer, switched when fleet publishes; policy.h decides which,
 *	               variant.c renders it
 *	lookup.c       a query -> an answer
 *	reply.h        an answer -> a reply's bytes; dname.c writes what hangs on the question's name
 *	answer.c       all of it in order
 */
#ifndef STEERWAY_GSLB_ZONE_H
#define STEERWAY_GSLB_ZONE_H

#include "gslb/policy.h"

#include "steerway/base/arena.h"
#include "steerway/base/clock.h"
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
	struct rdata *sigs; /* RRSIG records over it; NULL: none */
	uint32_t ttl;
	uint16_t type, n;
	uint16_t file; /* of its first record: see zone_place() */
	int line;
	size_t n_bytes; /* of RDATA */
};

/* ---- answers: what a query is answered with, in its final form ---- */

/* What a reply with DNSSEC adds to an answer (RFC 4035 3.1.3, RFC 5155 7.2). */
enum answer_needs {
	NEEDS_OWN = 1,         /* what the name itself has: the NSEC or NSEC3 that matches it */
	NEEDS_NO_WILDCARD = 2, /* that the question's name does not exist, and no wildcard covers it */
};

/* The body of a reply, ready to be copied behind a question. Most of those that there may be millions of are an address or two, which
 * need no more than this. */
struct answer {
	uint16_t n;           /* bytes */
	uint16_t flags;       /* AA and the response code */
	uint16_t type;        /* of the records asked for; 0: of none */
	uint16_t counts[3];   /* answer, authority, additional */
	uint8_t needs : 2;    /* bits of answer_needs */
	uint8_t has_more : 1; /* struct answer_more stands behind the body, at an even address */
	uint8_t base_n;       /* length of the name that the pointers were written for */
	uint8_t bytes[];
};
struct answer_more {
	uint16_t n_bare;          /* bytes without the additional records that may be left out */
	uint16_t bare_additional; /* records that stay */
	uint16_t n_pointers, n_ttls;
	uint16_t places
	    []; /* of pointers, then of TTLs of steered records, which shrink when the answer may change soon; in the body */
};
_Static_assert(offsetof(struct answer, bytes) % 2 == 0, "answer_more_at()");
static inline size_t answer_more_at(size_t n) {
	return offsetof(struct answer, bytes) + ((n + 1) & ~(size_t)1);
}
/* Of one that has it. */
static inline const struct answer_more *answer_more(const struct answer *a) {
	return (const void *)((const char *)a + answer_more_at(a->n));
}
static inline const uint16_t *answer_ttls(const struct answer_more *more) {
	return more->places + more->n_pointers;
}

/* ---- names as they are served ---- */

struct entry;
struct steered;
struct zone;
struct denial;
struct signer;
struct zone_file;
struct overlay;

/* How a name answers what it has no records for. Most names of a zone share one; pairs: without and with DNSSEC. */
struct rules {
	const struct answer *otherwise[2]; /* types that are not there; at a cut: the referral */
	const struct answer *any[2];       /* type ANY of a name with records; NULL: is_any_first says */
	const struct answer *below[2];     /* names below it that have no entry: NXDOMAIN, or the referral; NULL: */
	const struct entry *wildcard;      /* the child "*" answers */
	const struct zone *zone;
	const struct dname *dname; /* names below go elsewhere; NULL: no */
	struct steered *steered;   /* an alias of a steered name shares its */
	uint16_t view;             /* which of the steered name's views it is */
	uint8_t steered_slots;     /* bits of enum slot: what is steered of its types */
	bool is_any_first;         /* ANY gets the name's first RRset; otherwise what any type that is not there gets */
};

/*
 * A name, without any padding, since there may be millions: fixed fields, the name, and what leads to its answers. Those mostly
 * stand right before it in the arena, so that a distance of 16 bits is enough; otherwise (is_far) they are pointers. Nothing in it
 * is aligned to more than two bytes.
 */
struct entry {
	uint8_t n_name, n_answers;
	bool is_signed : 1; /* behind the plain answers stand as many with DNSSEC, and the name's place in the chain of proofs */
	bool is_far : 1;
	uint8_t word[8]; /* of 64 bits, the machine's order: above, a pointer to rules in 48 bits; below, type_bits */
	uint8_t name[];  /* lower case */
};
/* 1 << type % 16 of each answer: most questions for what is not there end here. */
static inline uint16_t entry_type_bits(const struct entry *e) {
	uint64_t word;
	memcpy(&word, e->word, sizeof(word));
	return (uint16_t)word;
}
static inline const struct rules *entry_rules(const struct entry *e) {
	uint64_t word;
	memcpy(&word, e->word, sizeof(word));
	return (const struct rules *)(uintptr_t)(word >> 16);
}
static inline size_t entry_answers_at(size_t n_name) {
	return (offsetof(struct entry, name) + n_name + 1) & ~(size_t)1;
}
static inline const struct answer *entry_answer(const struct entry *e, unsigned i) {
	const char *at = (const char *)e + entry_answers_at(e->n_name);
	if (!e->is_far) {
		uint16_t distance;
		memcpy(&distance, at + sizeof(distance) * i, sizeof(distance));
		return (const void *)((const char *)e - 2 * (size_t)distance);
	}
	const struct answer *far;
	memcpy(&far, at + sizeof(far) * i, sizeof(far));
	return far;
}

/* Of a signed zone's name. */
static inline size_t entry_place_at(const struct entry *e) {
	return entry_answers_at(e->n_name) + 2u * e->n_answers * (e->is_far ? sizeof(struct answer *) : sizeof(uint16_t));
}
static inline uint32_t entry_place(const struct entry *e) {
	uint32_t place;
	memcpy(&place, (const char *)e + entry_place_at(e), sizeof(place));
	return place;
}

/* ---- names as they are loaded ---- */

struct node {
	bool is_cut;    /* delegated: NS, not the apex */
	bool is_hidden; /* below a cut, or in a zone of its own: never found by a query; glue */
	uint8_t n_name, n_labels;
	uint16_t view;
	uint32_t place;             /* in the chain of a signed zone: dnssec.h */
	uint32_t mark;              /* last rendering that put its addresses into the additional section */
	struct node *parent, *next; /* parent NULL: the apex; next: in the order of the file */
	struct node *wildcard;      /* its child "*" */
	struct rrset *sets;
	struct steered *steered;
	struct entry *entry;
	uint64_t hash; /* dns_name_hash of its name */
	int line;      /* where it stands first */
	uint16_t file;
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

/* All nodes of a zone by name: pointers in 48 bits, 16 bits of the hash above; 0: free. At most three quarters full. */
struct node_table {
	uint64_t *slots;
	size_t n, cap;
};

/* A zone of a snapshot. Its unit is where what it serves stands: itself, or the zone that an earlier snapshot made. */
struct zone {
	struct zone *next;
	struct zone *unit;
	const struct cfg_zone *cfg; /* of a unit that is held by later snapshots it is gone */
	size_t index;               /* by place in the configuration */
	char *fault;                /* why its files are not what it serves, but their last good version; NULL: they are */
	bool is_kept_for_keys;      /* the fault is of its key files alone */
	bool is_nested;             /* another zone is above or below it */
	bool is_unloaded;           /* see zone_unload() */
	bool keeps_load;            /* its answers hang on those of a signed zone, which are made anew */
	/* Of a unit. */
	unsigned n_holds;
	const struct zones *held_by; /* the snapshot in the making that holds it, too */
	bool is_held_nested;         /* and has other zones above or below it */
	struct arena arena;          /* what is served */
	struct arena load;           /* nodes, RRsets and texts: gone when nothing will be rendered anew, see zone_unload() */
	struct str text;             /* "example.org." */
	struct str name;             /* its wire form, in lower case */
	unsigned n_labels;
	struct node_table nodes;
	struct node *apex, *first, **tail;
	struct rrset *soa;
	struct node *parent_cut; /* its delegation in a zone above that is served too */
	struct zone *parent;     /* that zone */
	uint32_t serial, negative_ttl;
	struct zone_file *files; /* the zone's, and those that it includes */
	uint16_t n_files;
	bool has_dname;
	bool is_signed;
	struct signer *signer; /* of a signed zone: its keys */
	struct denial *denial; /* and its chain of NSEC or NSEC3 */
	const struct answer *nodata[2], *nxdomain[2];
	const struct answer *any[2]; /* of an unsigned zone: what is made up */
	struct rules rules;          /* of most names */
	struct steered *steered;     /* in the order of the configuration */
	size_t n_rrsets, n_steered;
};

/* ---- steered names ---- */

#define STEERED_VARIANTS_MAX 320 /* kept of a name: all subsets of 8 sites, and what an odd order of events asks for */

/* What of a steered name follows health. */
enum slot {
	SLOT_A,
	SLOT_AAAA,
	SLOT_SVCB, /* where hints are the name's addresses */
	SLOT_HTTPS,
	SLOT_OTHER, /* in a signed zone: the proof of which types are there */
	SLOT_COUNT
};
static inline uint16_t slot_type(enum slot s) {
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_SVCB, DNS_TYPE_HTTPS, 0 };
	return types[s];
}

/* How the name is reached: itself, or by a chain of aliases in front of it. */
struct hop {
	struct str owner; /* empty: the question's name */
	const struct rrset *cname;
	struct node *encloser; /* as below */
};
#define CHAIN_MAX 16
enum chain_end { CHAIN_FOUND, CHAIN_NOWHERE, CHAIN_DELEGATED, CHAIN_OUTSIDE };
struct chain {
	enum chain_end end; /* OUTSIDE: also a loop, or too long; the resolver sees to it */
	unsigned n;
	struct node *target;   /* of FOUND; the cut of DELEGATED */
	struct str owner;      /* the target's name as asked for; empty: the question's */
	struct node *encloser; /* where a wildcard stands for the target, or NOWHERE: the closest name above it that exists */
	struct hop hops[CHAIN_MAX];
};
struct view {
	struct view *next;
	const struct node *node;   /* whose answers these are */
	const struct node *target; /* the end of the chain, whose records they are */
	unsigned slots;            /* bits */
	struct chain chain;
};

/* The answers of a name with the records of some of its sites. Immutable. */
struct variant {
	struct variant *next;
	struct arena arena;
	const struct answer **answers; /* by variant_answer */
	bool is_used;                  /* by the set in force; control thread */
	bool is_fallback;              /* the addresses of `fallback`; no sites */
	uint8_t n_sites;
	uint8_t order[]; /* the key, with is_fallback: sites by place */
};
static inline const struct answer *variant_answer(const struct variant *v, unsigned view, unsigned slot, bool wants_dnssec) {
	return v->answers[(view * SLOT_COUNT + slot) * 2 + wants_dnssec];
}
/* What clients of one class get: one of some variants, by weight. */
struct choice {
	uint64_t total; /* of the weights */
	uint32_t n;
	bool is_all_down; /* nothing usable: `all_down` chose */
	struct {
		uint64_t until; /* a draw below this takes it, or one before it */
		const struct variant *variant;
	} of[];
};
/* What a name answers until the next change. Immutable, but for the time of that. */
struct steered_set {
	struct steered_set *next; /* among those that wait for a grace period */
	struct arena arena;
	_Atomic uint64_t
	    changes_at_us; /* clock_now_us's time when the answer may change at the earliest; 0: not known of any change */
	const struct client_map *map; /* NULL: all clients are of class 0 */
	uint32_t n_classes;
	const struct choice *choices[]; /* by class of client */
};
struct steered {
	struct steered *next;
	struct zone *zone;
	const struct cfg_name *cfg;
	struct policy *policy;
	enum cfg_policy_kind policy_kind;
	struct str text;
	struct node *node;
	struct view *views, **views_tail;
	unsigned n_views;
	struct fleet_site *sites[POLICY_SITES_MAX]; /* by place in policy->sites */
	_Atomic(struct steered_set *) current;
	struct variant *variants; /* newest first */
	unsigned n_variants;
	uint64_t *last;            /* by class of client: what was usable when it last had a usable answer */
	uint64_t usable, answered; /* by place; answered: to any class */
	bool is_all_down;          /* for any class */
	bool is_known;             /* answered and is_all_down were in force before */
	bool is_presigned;         /* for the states next to the present one */
	unsigned n_presigned;      /* steps of that so far */
};
/* TTL of its records now: longest while nothing is about to change. */
static inline uint32_t steered_ttl(const struct steered *s, const struct steered_set *set, uint64_t now_us) {
	uint64_t changes_at_us = atomic_load_explicit(&set->changes_at_us, memory_order_relaxed);
	if (changes_at_us == 0)
		return s->cfg->ttl.max_s;
	uint64_t left_s = changes_at_us > now_us ? (changes_at_us - now_us) / USEC_PER_SEC : 0;
	return left_s < s->cfg->ttl.min_s ? s->cfg->ttl.min_s : left_s > s->cfg->ttl.max_s ? s->cfg->ttl.max_s : (uint32_t)left_s;
}

/* ---- the snapshot ---- */

_Static_assert(sizeof(void *) == 8, "the table of names holds pointers in 48 bits");

struct zones {
	struct zone *first, **tail;
	struct map by_name; /* the same; keys are wire names of the zones' units */
	const struct cfg_root *cfg;
	struct maps *maps; /* what policies were compiled from */
	/* Open addressing by a name's hash: a pointer to its entry in 48 bits, and the hash's upper 16 above; 0: free. Eight of them
	 * fill a cache line, and hardly any other entry is looked at. The lower half of the hash says where it starts. */
	uint64_t *table;
	uint64_t n_slots;                  /* below 2^32 */
	_Atomic(struct overlay *) overlay; /* acme.h; NULL mostly */
	unsigned max_labels;               /* of any name: a longer question need not be looked up whole */
};

static inline const struct entry *zones_entry(uint64_t slot) {
	return (const struct entry *)(uintptr_t)(slot << 16 >> 16);
}
static inline size_t zones_slot(const struct zones *zs, uint64_t hash) {
	return (size_t)((hash & UINT32_MAX) * zs->n_slots >> 32);
}
static inline const struct entry *zones_find(const struct zones *zs, uint64_t hash, const uint8_t *wire, size_t n) {
	for (size_t i = zones_slot(zs, hash);; i = i + 1 == zs->n_slots ? 0 : i + 1) {
		uint64_t at = zs->table[i];
		if (!at)
			return NULL;
		if ((at ^ hash) >> 48)
			continue;
		const struct entry *e = zones_entry(at);
		if (e->n_name == n && dns_name_eq(e->name, wire, n))
			return e;
	}
}
/* The name's suffix that starts at label i. */
static inline const struct entry *zones_find_suffix(const struct zones *zs, const struct dns_name *name, unsigned i) {
	struct str suffix = dns_name_suffix(name, i);
	const uint8_t *wire = (const uint8_t *)suffix.p;
	return zones_find(zs, dns_name_hash(wire, suffix.n), wire, suffix.n);
}
/* Ahead of zones_find, with time between: the place in the table, then what it points to. */
static inline void zones_prefetch_slot(const struct zones *zs, uint64_t hash) {
	__builtin_prefetch(&zs->table[zones_slot(zs, hash)]);
}
static inline void zones_prefetch_entry(const struct zones *zs, uint64_t hash) {
	uint64_t at = zs->table[zones_slot(zs, hash)];
	if ((at ^ hash) >> 48)
		return;
	const char *e = (const char *)(uintptr_t)(at << 16 >> 16);
	__builtin_prefetch(e);
	__builtin_prefetch(e + 64);
}

/* lookup.c: within rcu_read_lock. */

#define FOUND_PROOFS_MAX 4
struct found {
	const struct answer *answer;                   /* never NULL */
	const struct answer *proofs[FOUND_PROOFS_MAX]; /* to be appended: RRsets of the authority section */
	unsigned n_proofs;
	uint32_t ttl_s;                /* of the steered records; UINT32_MAX: they are as rendered, in order, too */
	const struct dname *dname;     /* the question's name is below it, and leads elsewhere; NULL: not so */
	const struct steered *steered; /* NULL: static data */
	const struct variant *variant; /* what it chose; of a steered name alone */
	uint8_t scope;                 /* bits of the client's address that the answer hangs on */
	uint16_t ede;                  /* why it is what it is (RFC 8914); DNS_EDE_NONE */
};
/* What is to be told of an answer as it was rendered; the proofs stay as they are, since none counts. */
static inline void found_begin(struct found *f) {
	f->n_proofs = 0;
	f->ttl_s = UINT32_MAX;
	f->dname = NULL;
	f->steered = NULL;
	f->scope = 0;
	f->ede = DNS_EDE_NONE;
}
/* Behind found_begin(). Who asks (`from`) and when (clock_now_us) is looked at where an answer hangs on it. */
void lookup(const struct zones *zs, const struct dns_query *q, const struct addr *from, uint64_t now_us, struct found *out);
/* dname.c: where names below a DNAME record lead, with the TTL of that. */
struct dname {
	uint32_t ttl;
	uint8_t n_owner, n_target; /* bytes of the names */
	uint8_t target[];
};
const struct dname *dname_create(const struct node *owner, const struct rrset *set, struct arena *arena);
/* Of the CNAME record that leads the question's name there; 0: the new name is too long for any (YXDOMAIN). */
size_t dname_cname_bytes(const struct dname *d, const struct dns_query *q);
/* Writes it; `in` is the query, whose case is kept. */
void dname_cname_put(const struct dname *d, const struct dns_query *q, struct str in, char *to);

/* answer.c: the whole answers that need no zone. */
extern const struct answer answer_refused, answer_notimp;

/* NULL with `e`: "zones/example.org.zone:14: ...". `old`, the snapshot in force or NULL, lends what did not change, and the last good
 * version of zones that are faulty now (see zone.fault): only one that it does not have makes this fail. `told`: rows of maps by
 * command, or NULL. */
struct latency;
struct zones *zones_create(const struct cfg_root *cfg, const struct zones *old, const struct latency *told, struct err *e);
/* The same zones made anew of what `old` keeps in memory, with new signatures; no file of a zone or map is read, and no key file but
 * those of `reads_keys` (which may be NULL). */
struct renewal {
	const struct zone *reads_keys;
	const _Atomic bool *is_cancelled;
};
struct zones *zones_renew(const struct cfg_root *cfg, const struct zones *old, const struct renewal *how, struct err *e);
void zones_destroy(struct zones *zs);
/* The zone that a lower-case wire name, padded as dns_name's, is in; NULL: none. */
struct zone *zones_zone_of(const struct zones *zs, struct str wire);

/* zone_load.c: the configured name and its file, or the texts of another zone's files. The nodes of the names that stand in the
 * file, and those above them. */
struct zone *zone_load(const struct cfg_zone *cfg, const struct zone *texts_of, struct err *e);
/* The node of a name in the zone, made (and those above it) when it does not exist; where: 0 when no file says so. */
struct node *zone_node(struct zone *z, const struct dns_name *name, uint16_t file, int line);
/* The node of the name's suffix that starts at label i, NULL when there is none. */
struct node *zone_find(const struct zone *z, const struct dns_name *name, unsigned i);
#define ZONE_PLACE_BYTES 320
/* "zones/example.org.zone:14" */
const char *zone_place(const struct zone *z, uint16_t file, int line, char out[ZONE_PLACE_BYTES]);
bool zone_contains(const struct zone *z, const struct dns_name *name);
/* "app.example.org." of a wire name; in the arena of the load. */
struct str zone_name_text(struct zone *z, struct str wire);
/* Drops what only rendering needs, unless that may happen again: the zone has steered names, or is signed. */
void zone_unload(struct zone *z);
void zone_destroy(struct zone *z);
/* A name as configured ("app", "@", "app.example.org."), below `origin`; origin NULL: absolute. */
int zone_name_parse(struct dns_name *out, struct str text, const struct zone *origin, struct err *e);

/* zone_check.c */
int zone_add_names(struct zone *z, struct maps *maps, struct err *e);
int zone_check(struct zone *z, struct err *e);
/* Where a name leads, within the zone: the node that answers for it (exactly or as wildcard), the cut, or nothing. *encloser: the
 * closest name above it that exists, when it does not itself; else NULL. */
struct node *zone_lookup(const struct zone *z, const struct dns_name *name, enum chain_end *end, struct node **encloser);
/* The chain that starts at a node with a CNAME. */
void zone_chase(const struct zone *z, const struct node *n, struct chain *out);

/* zone_render.c */
struct render;
/* First for all zones: their names refer to these. */
int zone_render_negative(struct zone *z, struct render *r, struct err *e);
int zone_render(struct zone *z, struct render *r, struct err *e);

/* render.c: one answer at a time, with the writer that it holds (64 KiB: made once for many). */
enum render_section { RENDER_ANSWER, RENDER_AUTHORITY, RENDER_ADDITIONAL };
#define RENDER_TTLS_MAX (DNS_MESSAGE_MAX / 16) /* no steered record is shorter than an address */
#define RENDER_PROOFS_MAX (2 * CHAIN_MAX + 4)
struct render {
	const struct zone *zone;
	unsigned with_dnssec; /* 1: signatures go with their RRsets */
	uint16_t type;
	uint16_t count[3];
	uint16_t bare_additional;
	size_t bare_n;
	uint32_t mark;
	uint16_t ttl_at[RENDER_TTLS_MAX];
	unsigned n_ttls;
	uint32_t proofs[RENDER_PROOFS_MAX];
	unsigned n_proofs;
	struct dns_writer w;
};
/* An answer without and, in a signed zone, one with DNSSEC. */
#define RENDER_EACH(r, z) for ((r)->with_dnssec = 0; (r)->with_dnssec <= (z)->is_signed; (r)->with_dnssec++)
/* type: of the records asked for; 0: none are there. */
void render_begin(struct render *r, const struct zone *z, const struct node *n, uint16_t type);
void render_chain(struct render *r, const struct chain *c);
void render_rrset(struct render *r, enum render_section section, struct str owner, const struct rrset *set);
void render_record(struct render *r, enum render_section section, struct str owner, uint16_t type, uint32_t ttl,
                   struct str rdata);
/* A record whose TTL a reply may shorten. */
void render_steered(struct render *r, enum render_section section, struct str owner, uint16_t type, uint32_t ttl,
                    struct str rdata);
/* The SOA of negative answers (RFC 2308 3). */
void render_soa(struct render *r);
/* The same, for at most `max_ttl` seconds, and for less when a reply says so. */
void render_steered_soa(struct render *r, uint32_t max_ttl);
/* NSEC or NSEC3 record of the zone's chain, once an answer. */
void render_proof(struct render *r, uint32_t proof);
/* The proofs of what the chain did not find: names that wildcards stand for, its end. has_type false: that has no such type, whose
 * own record is the caller's to give. */
void render_chain_proofs(struct render *r, const struct chain *c, bool has_type);
/* The delegation: its servers, and DS or that there is none; and with the addresses of the servers in the zone. */
void render_delegation(struct render *r, const struct node *cut);
void render_referral(struct render *r, const struct node *cut);
/* Addresses of the hosts that the RRset names, as far as they fit. */
void render_additional(struct render *r, const struct rrset *set);
/* NULL: longer than a message can be. */
const struct answer *render_end(struct render *r, enum dns_rcode rcode, bool is_authoritative, unsigned needs,
                                struct arena *arena);

/* steer.c: control thread. */
/* Chooses anew for every steered name; `f` says what is usable. */
void steer_refresh(struct zones *zs, struct fleet *f, struct render *r);
/* Before the first refresh: what names know that were there before (old may be NULL), for `all_down: last` and for the log. */
void steer_inherit(struct zones *zs, const struct zones *old);
void steered_fini(struct steered *s);

/* service.c: which of the slots SVCB and HTTPS at the node follow a steered name: the one in *follows, or found there. */
unsigned service_slots(const struct zone *z, const struct node *n, struct steered **follows);
/* The RRset with the hints of now; addresses: of type A, and AAAA. Without signatures. */
struct rrset service_rrset(const struct steered *s, const struct node *n, uint16_t type, const struct rrset addresses[2],
                           struct arena *arena);

/* presign.c: control thread. */
#define PRESIGN_SITES_MAX 8
#define PRESIGN_STATES_MAX 256
/* States of health (masks of usable sites, by place) to be prepared for, each once: of up to PRESIGN_SITES_MAX sites all; of more
 * `usable`, each that differs from it by one site, all, none. Returns how many. */
unsigned presign_states(uint64_t out[PRESIGN_STATES_MAX], unsigned n_sites, uint64_t usable);
/* The answers in all of these, from where it stopped the last time; false: until_us (clock_now_us) came before the end. */
bool steered_presign(struct steered *s, uint64_t usable, struct render *r, uint64_t until_us);

/* variant.c: control thread. */
/* The answers with these sites, rendered when they are asked for first. `fits` false: an answer is too long for a message. */
struct variant *variant_get(struct steered *s, const struct policy_alternative *from, struct render *r, bool *fits);
void variant_destroy(struct variant *v);
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
