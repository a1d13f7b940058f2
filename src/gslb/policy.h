/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which sites a steered name answers with: a pure function of its policy tree, of what is usable, and of the client's class. Sites
 * go by their place in the policy's list.
 */
#ifndef STEERWAY_GSLB_POLICY_H
#define STEERWAY_GSLB_POLICY_H

#include "gslb/client_map.h"

#include "steerway/base/buf.h"
#include "steerway/base/err.h"
#include "steerway/cfg.h"

#define POLICY_SITES_MAX 64
#define POLICY_ALTERNATIVES_MAX 128

/* One answer: all of its sites together. */
struct policy_alternative {
	uint64_t weight;  /* its share of the draws, > 0 */
	uint64_t sites;   /* mask by place; 0: no site's addresses */
	bool is_fallback; /* the addresses of `fallback` instead of sites */
	uint8_t n;
	uint8_t order[POLICY_SITES_MAX]; /* the places, the preferred ones first */
};
/* At least one alternative; of several, one is drawn by weight for each query. */
struct policy_choice {
	unsigned n;
	bool is_all_down; /* nothing is usable: `all_down` chose */
	struct policy_alternative alternatives[POLICY_ALTERNATIVES_MAX];
};

struct maps;
struct policy_tree; /* compiled; policy_tree.h */

struct policy {
	unsigned n_sites;
	const struct cfg_site *const *sites; /* by place: each site of the tree once */
	/* What the answer depends on besides health. NULL: on nothing; n_classes is 1. */
	const struct client_map *map;
	unsigned n_classes;
	const struct cfg_name *cfg;
	struct policy_tree *tree;
};

/* NULL with `e`, which lacks the name's place. Borrows the configuration; keeps nothing of the maps. */
struct policy *policy_create(struct maps *maps, const struct cfg_name *cfg, struct err *e);
void policy_destroy(struct policy *p);

/* usable: mask by place. last: what was usable when the name last had a usable answer for this class, 0 when it never had (for
 * `all_down: last`). */
void policy_choose(const struct policy *p, uint64_t usable, uint64_t last, unsigned class, struct policy_choice *out);
/* One answer with all of its sites: the longest one that there can be. */
void policy_choose_all(const struct policy *p, struct policy_choice *out);
/* All sites that may be answered with, by place. */
uint64_t policy_choice_sites(const struct policy_choice *c);

/* How the choice comes about, for people and logs: "failover app: cloud". */
void policy_explain(const struct policy *p, uint64_t usable, uint64_t last, unsigned class, struct buf *out);

#endif
