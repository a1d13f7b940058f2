/* SPDX-License-Identifier: BSD-2-Clause */
/* From votes to a verdict: a pure function, no clock, no memory but the counters. */
#ifndef STEERWAY_HEALTH_VERDICT_H
#define STEERWAY_HEALTH_VERDICT_H

#include "steerway/fleet.h"

enum vote {
	VOTE_NONE, /* the probe says nothing about the server (this daemon was late, or short of descriptors) */
	VOTE_SUCCESS,
	VOTE_FAILURE,
};

struct verdict {
	enum fleet_verdict state;     /* zeroed: FLEET_UNKNOWN */
	unsigned successes, failures; /* in a row; one of them is 0 */
};

/* Counts one vote. True when the state changed. The first vote of an unknown state decides alone; after that `rise` successes in
 * a row bring it up and `fall` failures in a row take it down (both >= 1). */
bool verdict_vote(struct verdict *v, enum vote vote, unsigned rise, unsigned fall);
/* Are votes under way that could change the state? Unknown always is in transition. */
bool verdict_is_transition(const struct verdict *v);

#endif
