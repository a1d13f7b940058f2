/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration of a steered name to its policy tree, in the snapshot's arena. */
#include "gslb/policy_tree.h"

static const struct policy_row *row_of_all(struct arena *arena, unsigned n) {
	struct policy_row *row = arena_alloc(arena, sizeof(*row));
	uint16_t *members = arena_alloc(arena, n * sizeof(*members));
	for (unsigned i = 0; i < n; i++)
		members[i] = (uint16_t)i;
	*row = (struct policy_row){ (uint16_t)n, members };
	return row;
}

struct policy *policy_create(struct arena *arena, const struct cfg_name *cfg, struct err *e) {
	if (cfg->sites.n == 0 || cfg->sites.n > POLICY_SITES_MAX) {
		err_set(e, "takes 1 to %d sites, not %zu", POLICY_SITES_MAX, cfg->sites.n);
		return NULL;
	}
	struct policy *p = arena_zalloc(arena, sizeof(*p));
	struct policy_node *root = arena_zalloc(arena, sizeof(*root));
	struct policy_member *members = arena_zalloc(arena, cfg->sites.n * sizeof(*members));
	for (unsigned i = 0; i < cfg->sites.n; i++) {
		const struct cfg_weight *w = &cfg->sites.items[i];
		p->sites[i] = w->site;
		members[i] = (struct policy_member){ .place = (uint8_t)i,
			                             .is_standby = w->site->role == CFG_SITE_ROLE_STANDBY,
			                             .weight = w->weight };
		root->sites |= UINT64_C(1) << i;
	}
	p->n_sites = (unsigned)cfg->sites.n;
	p->n_classes = 1;
	p->cfg = cfg;
	p->root = root;
	root->kind = policy_kind_find(cfg->policy);
	root->n = (uint16_t)cfg->sites.n;
	root->answers = root->min_up = 1;
	root->members = members;
	root->rows = row_of_all(arena, root->n);
	return p;
}
