/* SPDX-License-Identifier: BSD-2-Clause */
/* The balance algorithms, and what several of them share. One row and one file make another algorithm. */
#include "balance.h"
#include "steerway/base/rand.h"

static const struct balance_ops *const algorithms[] = {
	[CFG_BALANCE_ROUND_ROBIN] = &balance_rr, [CFG_BALANCE_LEAST_REQUESTS] = &balance_least,
	[CFG_BALANCE_P2C] = &balance_p2c,        [CFG_BALANCE_HASH] = &balance_hash,
	[CFG_BALANCE_RANDOM] = &balance_random,  [CFG_BALANCE_EWMA] = &balance_ewma,
};

const struct balance_ops *balance_ops_of(enum cfg_balance b) {
	return algorithms[b];
}

void balance_build_schedule(const struct fleet_layout *layout, const uint32_t *index_in_level, struct level *l, struct arena *a) {
	(void)layout;
	(void)index_in_level;
	uint32_t *weights = mem_zalloc_array(l->n, 2 * sizeof(*weights));
	uint32_t *reduced = weights + l->n;
	for (uint32_t i = 0; i < l->n; i++)
		weights[i] = l->servers[i].weight;
	l->n_schedule = (uint32_t)schedule_reduce(weights, l->n, reduced);
	l->schedule = arena_alloc(a, l->n_schedule * sizeof(*l->schedule));
	schedule_fill(reduced, l->n, l->schedule);
	mem_free(weights);
}

void draw_two(uint32_t n, uint32_t *first, uint32_t *second) {
	uint64_t draw = rand_next(rand_thread());
	*first = *second = draw_below(draw >> 32, n);
	if (n > 1) {
		*second = draw_below(draw & UINT32_MAX, n - 1);
		*second += *second >= *first;
	}
}

struct fleet_server *balance_first_of(const struct level *l, const struct pick *p, const struct level_server *a,
                                      const struct level_server *b, uint32_t start) {
	if (pick_may(p, a->server))
		return a->server;
	if (pick_may(p, b->server))
		return b->server;
	return balance_scan(l, p, start);
}

struct fleet_server *balance_scan(const struct level *l, const struct pick *p, uint32_t start) {
	for (uint32_t i = start; i < l->n; i++)
		if (pick_may(p, l->servers[i].server))
			return l->servers[i].server;
	for (uint32_t i = 0; i < start; i++)
		if (pick_may(p, l->servers[i].server))
			return l->servers[i].server;
	return NULL;
}
