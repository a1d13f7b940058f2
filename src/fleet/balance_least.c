/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Least requests: the server with the fewest requests of this worker for its weight. Equals take turns by the schedule, so that
 * idle servers share by weight, too. A server without requests can't be beaten and ends the search.
 */
#include "balance.h"

/* Servers that are looked at, from the one on whose turn it is. The least loaded of 16 is hardly busier than that of a thousand (the
 * best of d random ones is within log log n / log d of it), and costs at most 520 instructions a request where the first alone costs
 * 240; all of 10000 would cost 180000, when none is idle. */
#define LEAST_LOOKS 16

static struct fleet_server *least_pick(const struct level *l, const struct pick *p) {
	uint32_t start = l->schedule[cursor_step(&p->cell->cursors[l->number], l->n_schedule)];
	const struct level_server *best = NULL;
	uint64_t best_active = 0;
	uint32_t looks = l->n < LEAST_LOOKS ? l->n : LEAST_LOOKS;
	for (uint32_t at = start; looks > 0; looks--) {
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
	return best ? best->server : balance_scan(l, p, start);
}

const struct balance_ops balance_least = { .build = balance_build_schedule, .pick = least_pick };
