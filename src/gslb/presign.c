/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of steered names in signed zones, made before they are wanted: for each state of health that may come next, what the policy
 * would answer with is rendered and signed, so that a failover signs nothing. Of few sites that is every state; of many those that
 * one change leads to, and the extremes. States that come to the same answers share them.
 */
#include "gslb/zone.h"

enum { PRESIGN_STEPS = 64 }; /* between looks at the clock: some 10 us, and a few signatures at most */

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

bool steered_presign(struct steered *s, uint64_t usable, struct render *r, uint64_t until_us) {
	uint64_t states[PRESIGN_STATES_MAX], all = s->policy->n_sites < 64 ? (UINT64_C(1) << s->policy->n_sites) - 1 : UINT64_MAX;
	unsigned n = presign_states(states, s->policy->n_sites, usable), n_steps = n * s->policy->n_classes;
	/* The states by class, and not the classes by state: those of one class come to the same few answers. */
	for (unsigned i = 0; s->n_presigned < n_steps && s->n_variants < STEERED_VARIANTS_MAX; i++, s->n_presigned++) {
		struct policy_choice c;
		if (i % PRESIGN_STEPS == PRESIGN_STEPS - 1 && clock_update() > until_us)
			return false;
		/* What was usable last matters when nothing is: any of the other states, which are here for themselves. */
		policy_choose(s->policy, states[s->n_presigned % n], all, s->n_presigned / n, &c);
		for (unsigned j = 0; j < c.n && s->n_variants < STEERED_VARIANTS_MAX; j++) {
			bool fits; /* steered_check saw that it does */
			variant_get(s, &c.alternatives[j], r, &fits);
		}
	}
	return true;
}
