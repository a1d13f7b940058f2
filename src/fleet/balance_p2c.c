/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random of two choices: of two places of the schedule drawn at random (so by weight) the server with fewer requests of this
 * worker for its weight.
 */
#include "balance.h"
#include "steerway/base/rand.h"

static struct fleet_server *p2c_pick(const struct level *l, const struct pick *p) {
	uint32_t first, second;
	draw_two(l->n_schedule, &first, &second);
	const struct level_server *a = &l->servers[l->schedule[first]], *b = &l->servers[l->schedule[second]];
	if ((uint64_t)slot_active(b->server, p->worker) * a->weight < (uint64_t)slot_active(a->server, p->worker) * b->weight) {
		const struct level_server *lighter = b;
		b = a;
		a = lighter;
	}
	return balance_first_of(l, p, a, b, l->schedule[first]);
}

const struct balance_ops balance_p2c = { .build = balance_build_schedule, .pick = p2c_pick };
