/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a client is waited for, in one direction of a transaction: it may pause for so long, and must bring (or take) so many bytes
 * in each window of waiting. Only time in which it is the client that is waited for counts, so that a server that takes its time harms
 * nobody, and a client can't begin a window anew by going on for a moment.
 *
 * Decides, and touches neither clock nor socket: owners say what time it is and what has moved, and look when a deadline passes. So
 * nothing is paid per byte or per read.
 */
#ifndef STEERWAY_PROXY_PACE_H
#define STEERWAY_PROXY_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace_bounds {
	uint64_t idle_us;   /* longest pause */
	uint64_t rate;      /* bytes a second, on average over a window; 0: none is asked */
	uint64_t window_us; /* of waiting */
};

/* Zeroed: nothing was waited for yet. */
struct pace {
	uint64_t since_us;   /* it has been waited for since; 0: it is not */
	uint64_t waited_us;  /* before that, in this window */
	uint64_t stirred_us; /* something moved, as far as is known */
	uint64_t moved;      /* as of then */
	uint64_t taken;      /* of that by the peer's machine, as far as is known */
	uint64_t base;       /* `taken` as the window began */
	bool has_base;
};

/*
 * The client is waited for, as of now or still. moved: bytes that it brought, or that the kernel took for it, from any point on (only
 * differences count, so it may wrap). Returns when to look (pace_judge).
 */
uint64_t pace_wait(struct pace *p, const struct pace_bounds *b, uint64_t moved, uint64_t now_us);
/* A window begins with the next pace_wait: where `taken` is not `moved`, the owner says it before (pace_begin). */
static inline bool pace_is_fresh(const struct pace *p) {
	return !p->has_base;
}
void pace_begin(struct pace *p, uint64_t taken);
/* The client had taken all that there was: the next wait is the first one. */
static inline void pace_forget(struct pace *p) {
	p->since_us = 0;
	p->has_base = false;
}

/* Something else is waited for. */
static inline void pace_rest(struct pace *p, uint64_t now_us) {
	if (p->since_us == 0)
		return;
	p->waited_us += now_us - p->since_us;
	p->since_us = 0;
}
/* It was not for the client to go on: waiting begins now. */
void pace_excuse(struct pace *p, uint64_t now_us);

enum pace_verdict { PACE_GOES_ON, PACE_IDLE, PACE_SLOW };
/* When a deadline has passed. taken: of `moved`, what does not lie in our kernel any more. A window that was long enough ends. */
enum pace_verdict pace_judge(struct pace *p, const struct pace_bounds *b, uint64_t moved, uint64_t taken, uint64_t now_us);

#endif
