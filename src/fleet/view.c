/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds the immutable view that workers pick from: the levels with usable servers, their shares of the traffic, and what the
 * balance algorithm wants laid out. Pure: a layout and who takes requests in, one allocation's worth of arrays out.
 */
#include "private.h"

#define DRAW_END (UINT64_C(1) << 32)

/* A level's servers that still ramp up count for as much as they take, so that a site that comes back is not handed all of its
 * traffic at once. */
static void view_shares(const struct fleet_layout *l, const uint8_t *ramp, double *share) {
	struct share_level levels[FLEET_LEVELS_MAX] = { 0 };
	for (size_t i = 0; i < l->n_servers; i++) {
		struct share_level *level = &levels[l->servers[i].level];
		level->total += (uint64_t)l->servers[i].weight * 100;
		level->usable += (uint64_t)l->servers[i].weight * ramp[i];
	}
	for (size_t i = 0; i < l->n_levels; i++)
		levels[i].weight = l->level_weights[i];
	shares_compute(l->rule, l->overprovision, levels, l->n_levels, share);
}

/* index_in_level[i]: where layout->servers[i] stands in this level; UINT32_MAX: not in it. */
static void level_build(struct fleet_view *v, struct level *level, const struct fleet_layout *l, const uint8_t *ramp,
                        uint32_t *index_in_level) {
	uint64_t weights = 0;
	for (size_t i = 0; i < l->n_servers; i++) {
		bool is_in = ramp[i] > 0 && l->servers[i].level == level->number;
		index_in_level[i] = is_in ? level->n++ : UINT32_MAX;
		weights += is_in ? l->servers[i].weight * ramp[i] : 0;
		level->sites |= is_in ? UINT64_C(1) << l->servers[i].server->site->index : 0;
	}
	level->mean_weight = (float)weights / (float)level->n;
	level->servers = arena_zalloc(&v->arena, level->n * sizeof(*level->servers));
	for (size_t i = 0; i < l->n_servers; i++)
		if (index_in_level[i] != UINT32_MAX)
			level->servers[index_in_level[i]] = (struct level_server){
				.server = l->servers[i].server,
				.weight = l->servers[i].weight * ramp[i], /* at most 100000 */
				.ramp = ramp[i],
				.bound = l->load_factor * l->servers[i].weight * ramp[i] / (double)weights,
			};
	v->ops->build(l, index_in_level, level, &v->arena);
}

struct fleet_view *view_create(const struct fleet_layout *l, const uint8_t *ramp) {
	double share[FLEET_LEVELS_MAX];
	view_shares(l, ramp, share);
	bool has_usable[FLEET_LEVELS_MAX] = { false };
	for (size_t i = 0; i < l->n_servers; i++)
		has_usable[l->servers[i].level] |= ramp[i] > 0;

	struct fleet_view *v = mem_zalloc(sizeof(*v) + l->n_levels * sizeof(v->levels[0]));
	uint32_t *index_in_level = mem_zalloc_array(l->n_servers + 1, sizeof(*index_in_level));
	arena_init(&v->arena, 4096);
	v->ops = balance_ops_of(l->balance);
	double until = 0;
	for (unsigned i = 0; i < l->n_levels; i++) {
		if (!has_usable[i])
			continue;
		struct level *level = &v->levels[v->n_levels++];
		until += share[i];
		*level = (struct level){ .number = i, .share = share[i], .until = (uint64_t)(until * (double)DRAW_END + 0.5) };
		level_build(v, level, l, ramp, index_in_level);
		if (i > 0 && l->rule == SHARE_SPILL)
			v->spilled |= level->sites;
	}
	/* Whatever rounding left over belongs to the last level that has traffic; it is tiny, but a draw has to end somewhere. */
	for (unsigned i = v->n_levels; i-- > 0;) {
		v->levels[i].until = DRAW_END;
		if (v->levels[i].share > 0)
			break;
	}
	v->is_single = v->n_levels > 0 && v->levels[0].until == DRAW_END;
	mem_free(index_in_level);
	return v;
}

void view_destroy(struct fleet_view *v) {
	if (!v)
		return;
	VIEW_FREE_BEGIN(v);
	arena_fini(&v->arena);
	mem_free(v);
}
