/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Least requests: the server with the fewest requests of this worker for its weight. Equals take turns by the schedule, so that
 * idle servers share by weight, too. A server without requests can't be beaten and ends the search.
 */
#include "balance.h"

static struct fleet_server *least_pick(const struct level *l, const struct pick *p) {
	uint32_t start = l->schedule[cursor_step(&p->cell->cursors[l->number], l->n_schedule)];
	const struct level_server *best = NULL;
	uint64_t best_active = 0;
	for (uint32_t i = 0, at = start; i < l->n; i++) {
		const struct level_server *s = &l->servers[at];
		uint64_t active = slot_active(s->server, p->worker);
		if ((!best || active * best->weight < best_active * s->weight) && pick_may(p, s->server)) {
			best = s;
			best_active = active;
			if (active == 0)
				break;
		}
		at = at + 1 < l->n ? at + 1 : 0;
	}
	return best ? best->server : NULL;
}

const struct balance_ops balance_least = { .build = balance_build_schedule, .pick = least_pick };
