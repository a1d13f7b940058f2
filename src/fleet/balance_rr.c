/* SPDX-License-Identifier: BSD-2-Clause */
/* Weighted round robin: the next place of the schedule, a cursor a worker. */
#include "balance.h"

/* Places of the schedule that are tried before the servers are looked at one by one: with heavy neighbours a long stretch of the
 * schedule can belong to servers that are busy. */
#define RR_TRIES 16

static struct fleet_server *rr_pick(const struct level *l, const struct pick *p) {
	uint32_t *cursor = &p->cell->cursors[l->number];
	uint32_t at = 0;
	for (unsigned i = 0; i < RR_TRIES; i++) {
		at = l->schedule[cursor_step(cursor, l->n_schedule)];
		if (pick_may(p, l->servers[at].server))
			return l->servers[at].server;
	}
	return balance_scan(l, p, at);
}

const struct balance_ops balance_rr = { .build = balance_build_schedule, .pick = rr_pick };
