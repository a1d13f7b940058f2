/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time, cached per thread. Wall time is monotonic time plus an offset, which each thread reads anew at most once a second: a step
 * of the system's clock shows within that second, and a loop turn costs one clock_gettime, not two.
 */
#include "steerway/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* 2023-11-14 22:13:20 UTC: what a test's wall time is counted from. */
static const uint64_t test_wall_offset_us = UINT64_C(1700000000) * USEC_PER_SEC;

typedef uint64_t (*clock_source)(void);
static _Atomic(clock_source) source; /* NULL: the real clocks */

static _Thread_local struct {
	uint64_t now_us, wall_offset_us, wall_read_us;
	bool is_set, has_wall;
} here;

static uint64_t read_clock(clockid_t id) {
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_update(void) {
	clock_source read = atomic_load_explicit(&source, memory_order_relaxed);
	uint64_t now = read != NULL ? read() : read_clock(CLOCK_MONOTONIC);
	here.now_us = now;
	here.is_set = true;
	if (read != NULL) {
		here.wall_offset_us = test_wall_offset_us;
		here.has_wall = false;
	} else if (!here.has_wall || now - here.wall_read_us >= USEC_PER_SEC) {
		/* The sum wraps when the wall clock is behind the monotonic one, and wraps back when they are added. */
		here.wall_offset_us = read_clock(CLOCK_REALTIME) - now;
		here.wall_read_us = now;
		here.has_wall = true;
	}
	return now;
}

uint64_t clock_now_us(void) {
	return here.is_set ? here.now_us : clock_update();
}

uint64_t clock_wall_us(void) {
	uint64_t now = clock_now_us();
	return now + here.wall_offset_us;
}

uint64_t clock_wall_fresh_us(void) {
	clock_source read = atomic_load_explicit(&source, memory_order_relaxed);
	return read != NULL ? read() + test_wall_offset_us : read_clock(CLOCK_REALTIME);
}

void clock_set_source(uint64_t (*monotonic_us)(void)) {
	atomic_store_explicit(&source, monotonic_us, memory_order_relaxed);
	here.is_set = here.has_wall = false;
}
