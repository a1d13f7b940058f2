/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy compiled: what policy_tree.c and policy_rows.c make of configuration and maps, and policy.c and policy_kinds.c choose by.
 * Steered names with the same policy share one; it belongs to a configuration and a set of maps.
 */
#ifndef STEERWAY_GSLB_POLICY_TREE_H
#define STEERWAY_GSLB_POLICY_TREE_H

#include "gslb/maps.h"
#include "gslb/policy.h"

struct policy_member {
	const struct policy_node *node; /* a policy of its own; NULL: a site */
	struct str id;
	uint8_t place;   /* of a site */
	bool is_standby; /* its turn comes when no other is usable, where the configuration gives no order */
	uint32_t weight;
};
/* Members to look at, by index, the preferred ones first; and of which clients it is the row. */
struct policy_row {
	uint16_t n;
	const uint16_t *members;
	struct str why; /* "country/DE"; empty: the order says it */
};
enum policy_by {
	POLICY_BY_NOTHING, /* one row for all clients */
	POLICY_BY_MAP,
	POLICY_BY_BUCKET, /* a hash of the client's network */
};
struct policy_node {
	const struct policy_kind *kind;
	struct str id;  /* of `policies`; empty: the name's own */
	struct str map; /* the map that decides; empty: none */
	uint64_t sites; /* of it and all below */
	uint16_t n;
	uint16_t answers;   /* members that go into an answer at most */
	uint16_t min_up;    /* usable ones that it takes for the policy to be usable */
	uint16_t dimension; /* which of a class's values is its row */
	enum policy_by by;
	const struct policy_member *members;
	const struct policy_row *rows;
	unsigned n_rows;
};

#define POLICY_CLASSES_MAX 65536

struct policy_tree {
	unsigned n_holders;
	struct arena arena;
	unsigned n_sites;
	const struct cfg_site *sites[POLICY_SITES_MAX];
	const struct policy_node *root;
	struct client_map *map; /* NULL: no client matters */
	unsigned n_classes, n_bucket_classes;
	unsigned n_map_values, n_bucket_values; /* rows that a class stands for, from each source */
	uint16_t *map_values, *bucket_values;   /* [class * n + dimension] */
};
struct policy_tree *policy_tree_get(struct maps *maps, const struct cfg_name *cfg, struct err *e);
struct policy_tree *policy_tree_hold(struct policy_tree *t);
void policy_tree_release(struct policy_tree *t);

/* What a steered name and a section of `policies` have in common. */
struct policy_source {
	struct str id;
	enum cfg_policy_kind kind;
	const struct cfg_members *sites;
	const struct cfg_map *map;
	const struct cfg_cases *cases;
	uint64_t answers, min_up;
};

/* ---- policy_rows.c: which members a client gets, for each of what may be known of it ---- */

/* The rows of a node that is filled in but for them, and row_of[record] (or row_of[bucket]). -1: too many rows. */
int policy_rows_make(struct arena *arena, struct policy_node *n, const struct policy_source *from, const struct map_source *map,
                     uint32_t *row_of, struct err *e);
/* The index of a member of the node. */
unsigned policy_member_index(const struct policy_node *n, const struct cfg_member *m);

/* ---- policy_kinds.c: the registry ---- */

/* What is evaluated against. */
struct policy_view {
	const struct policy_tree *tree;
	uint64_t usable;
	unsigned map_class, bucket_class;
	enum cfg_all_down all_down;
};
struct policy_kind {
	const char *name;
	enum policy_by by; /* of geo, whatever it has, of the map */
	bool takes_all;    /* without `answers` all members go into an answer, instead of one */
	bool is_final;     /* what it chose is all there is, also when that is not usable */
	bool draws;        /* one of the members, by weight: several alternatives */
	/* Of a usable node: the answers, their weights adding up to about POLICY_WHOLE. */
	void (*choose)(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out);
};
#define POLICY_WHOLE (UINT64_C(1) << 32)

const struct policy_kind *policy_kind_find(enum cfg_policy_kind kind);

/* ---- policy.c ---- */

/* The members to look at, for this class of clients. */
const struct policy_row *policy_row_of(const struct policy_view *v, const struct policy_node *n);
bool policy_member_is_usable(const struct policy_view *v, const struct policy_member *m);
void policy_member_choose(const struct policy_view *v, const struct policy_member *m, struct policy_choice *out);

#endif
