/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pool's configuration alone decides: which level each site belongs to, how levels share the traffic, and the hash ring
 * of all servers. Made on a commit; owned by the pool.
 *
 *	prefer: a level a listed site, in order; split: a level a listed site, with weights; in both the sites that are not listed
 *	form one level behind them. Else the active sites form one level, and the standby sites a second.
 */
#include "private.h"

#include <math.h>

/* Equal on every node and after every start, so that all send a key to the same server. */
#define IDENTITY_SEED UINT64_C(0x7374656572776179)

static void levels_from_prefer(struct fleet *f, const struct cfg_pool *cfg, struct fleet_layout *l) {
	for (size_t i = 0; i < cfg->prefer.n && l->n_levels < FLEET_SITES_MAX; i++) {
		struct fleet_site *site = fleet_site_find(f, cfg->prefer.items[i]->id);
		if (site)
			l->level_of_site[site->index] = (uint8_t)l->n_levels++;
	}
	l->overprovision = cfg->overprovision;
}

static void levels_from_split(struct fleet *f, const struct cfg_pool *cfg, struct fleet_layout *l) {
	for (size_t i = 0; i < cfg->split.n && l->n_levels < FLEET_SITES_MAX; i++) {
		struct fleet_site *site = fleet_site_find(f, cfg->split.items[i].site->id);
		if (!site)
			continue;
		l->level_weights[l->n_levels] = cfg->split.items[i].weight;
		l->level_of_site[site->index] = (uint8_t)l->n_levels++;
	}
	l->rule = SHARE_SPLIT;
}

static void levels_from_roles(struct fleet *f, struct fleet_layout *l) {
	LIST_EACH(it, &f->sites) {
		struct fleet_site *site = SITE_OF(it);
		if (site->cfg->role == CFG_SITE_ROLE_ACTIVE)
			l->level_of_site[site->index] = 0;
	}
	l->n_levels = 1;
	l->overprovision = HUGE_VAL;
}

static void layout_levels(struct fleet *f, const struct cfg_pool *cfg, struct fleet_layout *l) {
	const uint8_t unlisted = UINT8_MAX;
	memset(l->level_of_site, unlisted, sizeof(l->level_of_site));
	l->rule = SHARE_SPILL;
	if (cfg->prefer.n > 0)
		levels_from_prefer(f, cfg, l);
	else if (cfg->split.n > 0)
		levels_from_split(f, cfg, l);
	else
		levels_from_roles(f, l);
	for (size_t i = 0; i < FLEET_SITES_MAX; i++)
		if (l->level_of_site[i] == unlisted)
			l->level_of_site[i] = (uint8_t)l->n_levels;
	l->n_levels++;
}

struct ring_point *layout_ring(const struct fleet_layout *l, size_t *n) {
	struct ring_node *nodes = mem_zalloc_array(l->n_servers + 1, sizeof(*nodes));
	for (size_t i = 0; i < l->n_servers; i++)
		nodes[i] = (struct ring_node){ hash_str(l->servers[i].server->name, IDENTITY_SEED), l->servers[i].weight };
	struct ring_point *ring = ring_build(nodes, l->n_servers, n);
	mem_free(nodes);
	return ring;
}

struct fleet_layout *layout_create(struct fleet *f, struct fleet_pool *p) {
	const struct cfg_pool *cfg = p->cfg;
	struct fleet_layout *l = mem_zalloc(sizeof(*l));
	l->balance = cfg->balance;
	l->load_factor = cfg->load_factor;
	layout_levels(f, cfg, l);
	LIST_EACH(it, &p->servers)
		l->n_servers++;
	l->servers = mem_zalloc_array(l->n_servers + 1, sizeof(*l->servers));
	size_t i = 0;
	LIST_EACH(it, &p->servers) {
		struct fleet_server *s = SERVER_OF(it);
		l->servers[i++] = (struct layout_server){ s, s->weight, l->level_of_site[s->site->index] };
	}
	if (balance_ops_of(l->balance)->is_keyed)
		l->ring = layout_ring(l, &l->n_ring);
	return l;
}

void layout_destroy(struct fleet_layout *l) {
	if (!l)
		return;
	mem_free(l->ring);
	mem_free(l->servers);
	mem_free(l);
}
