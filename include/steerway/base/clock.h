/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time. Monotonic time is read once a loop turn (clock_gettime is a real system call on some machines) and cached per thread;
 * tests replace the source and move time by hand.
 */
#ifndef STEERWAY_BASE_CLOCK_H
#define STEERWAY_BASE_CLOCK_H

#include <stdint.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)

/* Monotonic microseconds as of this thread's last clock_update (which the first call makes). */
uint64_t clock_now_us(void);
/* Reads the source and refreshes this thread's cache; returns monotonic microseconds. */
uint64_t clock_update(void);
/* Microseconds since 1970-01-01 UTC, as of the last clock_update. */
uint64_t clock_wall_us(void);
/* Reads the wall clock now and leaves the cache alone: for threads without a loop, and for rare records. */
uint64_t clock_wall_fresh_us(void);
/* Replaces the source for the whole process (NULL: the real one). Wall time then is monotonic time plus a constant. For tests. */
void clock_set_source(uint64_t (*monotonic_us)(void));

#endif
