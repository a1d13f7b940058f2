/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the usable sites of a pool may change at the earliest, by the verdicts that votes are under way for. A server more or less
 * changes nothing while enough others are up, and a verdict that the operator's word overrules changes nothing at all.
 */
#include "private.h"

#include <stdlib.h>

bool fleet_server_would_take(struct fleet_server *s, enum fleet_verdict v) {
	return state_takes_requests(v, target_word(target_part(TARGET_SERVER(s))), target_word(target_part(TARGET_POOL(s->pool))),
	                            target_word(target_part(TARGET_SITE(s->site))));
}

static bool may_turn(struct fleet_server *s) {
	return s->changes_at_us != 0 && fleet_server_would_take(s, FLEET_UP) != fleet_server_would_take(s, FLEET_DOWN);
}

static int time_compare(const void *left, const void *right) {
	const uint64_t *a = left, *b = right;
	return *a < *b ? -1 : *a > *b;
}

uint64_t transition_changes_at(struct fleet_pool *p) {
	uint64_t up[FLEET_SITES_MAX] = { 0 }, earliest = 0;
	uint64_t *times = mem_zalloc_array(p->layout->n_servers + 1, sizeof(*times));
	for (size_t i = 0; i < p->layout->n_servers; i++)
		up[p->layout->servers[i].server->site->index] += p->layout->servers[i].server->is_up;
	for (unsigned site = 0; site < FLEET_SITES_MAX; site++) {
		const struct cfg_pool *cfg = p->cfg;
		bool is_usable = up[site] >= cfg->min_up;
		uint64_t needs = is_usable ? up[site] - cfg->min_up + 1 : cfg->min_up - up[site], n = 0;
		for (size_t i = 0; i < p->layout->n_servers; i++) {
			struct fleet_server *s = p->layout->servers[i].server;
			if (s->site->index == site && s->is_up == is_usable && may_turn(s) &&
			    state_is_answerable(target_word(target_part(TARGET_SITE(s->site)))))
				times[n++] = s->changes_at_us;
		}
		if (n < needs)
			continue;
		qsort(times, n, sizeof(*times), time_compare);
		earliest = earliest == 0 || times[needs - 1] < earliest ? times[needs - 1] : earliest;
	}
	mem_free(times);
	return earliest;
}
