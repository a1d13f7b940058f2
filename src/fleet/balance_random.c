/* SPDX-License-Identifier: BSD-2-Clause */
/* Weighted random: any place of the schedule. */
#include "balance.h"
#include "steerway/base/rand.h"

#define RANDOM_TRIES 4

static struct fleet_server *random_pick(const struct level *l, const struct pick *p) {
	uint32_t at = 0;
	for (unsigned i = 0; i < RANDOM_TRIES; i++) {
		at = l->schedule[draw_below(rand_next(rand_thread()) >> 32, l->n_schedule)];
		if (pick_may(p, l->servers[at].server))
			return l->servers[at].server;
	}
	return balance_scan(l, p, at);
}

const struct balance_ops balance_random = { .build = balance_build_schedule, .pick = random_pick };
