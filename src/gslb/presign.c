/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of steered names in signed zones, made before they are wanted: for each state of health that may come next, what the policy
 * would answer with is rendered and signed, so that a failover signs nothing. Of few sites that is every state; of many those that
 * one change leads to, and the extremes. States that come to the same answers share them.
 */
#include "gslb/zone.h"

static unsigned state_add(uint64_t out[PRESIGN_STATES_MAX], unsigned n, uint64_t state) {
	for (unsigned i = 0; i < n; i++)
		if (out[i] == state)
			return n;
	out[n] = state;
	return n + 1;
}

unsigned presign_states(uint64_t out[PRESIGN_STATES_MAX], unsigned n_sites, uint64_t usable) {
	uint64_t all = n_sites < 64 ? (UINT64_C(1) << n_sites) - 1 : UINT64_MAX;
	unsigned n = 0;
	usable &= all;
	if (n_sites <= PRESIGN_SITES_MAX) {
		for (uint64_t state = 0; state <= all; state++)
			out[n++] = state;
		return n;
	}
	n = state_add(out, n, usable);
	for (unsigned i = 0; i < n_sites; i++)
		n = state_add(out, n, usable ^ UINT64_C(1) << i);
	n = state_add(out, n, all);
	return state_add(out, n, 0);
}

void steered_presign(struct steered *s, uint64_t usable, struct render *r) {
	uint64_t states[PRESIGN_STATES_MAX], all = s->policy->n_sites < 64 ? (UINT64_C(1) << s->policy->n_sites) - 1 : UINT64_MAX;
	unsigned n = presign_states(states, s->policy->n_sites, usable);
	for (unsigned i = 0; i < n; i++)
		for (unsigned class = 0; class < s->policy->n_classes; class ++) {
			struct policy_choice c;
			/* What was usable last matters when nothing is: any of the other states, which are here for themselves. */
			policy_choose(s->policy, states[i], all, class, &c);
			for (unsigned j = 0; j < c.n && s->n_variants < STEERED_VARIANTS_MAX; j++) {
				bool fits; /* steered_check saw that it does */
				variant_get(s, &c.alternatives[j], r, &fits);
			}
		}
}
