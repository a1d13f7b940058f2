/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides up or down from votes. Refuses nothing and owns nothing. A probe without a vote changes nothing, not even a streak:
 * what this daemon could not see says neither that the server answered nor that it did not.
 */
#include "health/verdict.h"

#include <limits.h>

static void count(unsigned *streak, unsigned *other) {
	*other = 0;
	if (*streak < UINT_MAX)
		++*streak;
}

bool verdict_vote(struct verdict *v, enum vote vote, unsigned rise, unsigned fall) {
	enum fleet_verdict before = v->state;
	switch (vote) {
	case VOTE_NONE:
		return false;
	case VOTE_SUCCESS:
		count(&v->successes, &v->failures);
		if (before == FLEET_UNKNOWN || v->successes >= rise)
			v->state = FLEET_UP;
		break;
	case VOTE_FAILURE:
		count(&v->failures, &v->successes);
		if (before == FLEET_UNKNOWN || v->failures >= fall)
			v->state = FLEET_DOWN;
		break;
	}
	return v->state != before;
}

bool verdict_is_transition(const struct verdict *v) {
	switch (v->state) {
	case FLEET_UP:
		return v->failures > 0;
	case FLEET_DOWN:
		return v->successes > 0;
	default:
		return true;
	}
}
