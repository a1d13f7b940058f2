/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a client is waited for: see pace.h. */
#include "proxy/pace.h"

#include "steerway/base/clock.h"

void pace_begin(struct pace *p, uint64_t taken) {
	p->base = p->taken = taken;
	p->has_base = true;
	p->waited_us = 0;
}

uint64_t pace_wait(struct pace *p, const struct pace_bounds *b, uint64_t moved, uint64_t now_us) {
	if (!p->has_base)
		pace_begin(p, moved);
	if (p->since_us == 0 || moved != p->moved)
		p->stirred_us = now_us;
	if (p->since_us == 0)
		p->since_us = now_us;
	p->moved = moved;
	uint64_t idle_at = p->stirred_us + b->idle_us;
	if (b->rate == 0)
		return idle_at;
	uint64_t left_us = b->window_us > p->waited_us ? b->window_us - p->waited_us : 0;
	return p->since_us + left_us < idle_at ? p->since_us + left_us : idle_at;
}

void pace_excuse(struct pace *p, uint64_t now_us) {
	p->since_us = p->stirred_us = now_us;
	pace_begin(p, p->taken);
}

enum pace_verdict pace_judge(struct pace *p, const struct pace_bounds *b, uint64_t moved, uint64_t taken, uint64_t now_us) {
	if (p->since_us == 0)
		return PACE_GOES_ON;
	/* What our kernel sent on since the last look tells no time: the pause is taken to begin now. */
	if (moved != p->moved || taken != p->taken)
		p->stirred_us = now_us;
	p->moved = moved;
	p->taken = taken;
	if (now_us - p->stirred_us >= b->idle_us)
		return PACE_IDLE;
	uint64_t waited_us = p->waited_us + (now_us - p->since_us);
	if (b->rate == 0 || waited_us < b->window_us)
		return PACE_GOES_ON;
	uint64_t got = (int64_t)(taken - p->base) > 0 ? taken - p->base : 0;
	if (got < b->rate * (waited_us / USEC_PER_MSEC) / 1000)
		return PACE_SLOW;
	pace_begin(p, taken);
	p->since_us = now_us;
	return PACE_GOES_ON;
}
