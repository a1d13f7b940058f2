/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo-random numbers (xoshiro256**), a generator a thread; not for secrets. Tests seed their own. */
#ifndef STEERWAY_BASE_RAND_H
#define STEERWAY_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rand {
	uint64_t s[4];
};

void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_next(struct rand *r);
/* Uniform in [0, bound), bound > 0. */
uint64_t rand_below(struct rand *r, uint64_t bound);
/* This thread's generator, seeded by getrandom at first use. */
struct rand *rand_thread(void);

#endif
