/* SPDX-License-Identifier: BSD-2-Clause */
/* xoshiro256** (Blackman, Vigna), seeded through splitmix64 so that seeds 1, 2, 3 give unrelated sequences. Not for secrets. */
#include "steerway/base/rand.h"

#include "steerway/base/hash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

__extension__ typedef unsigned __int128 u128;

void rand_seed(struct rand *r, uint64_t seed) {
	for (int i = 0; i < 4; i++)
		r->s[i] = hash_mix(seed += UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t rotate(uint64_t x, int bits) {
	return x << bits | x >> (64 - bits);
}

uint64_t rand_next(struct rand *r) {
	uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* Lemire's multiplication: the high half is the result; low halves under 2^64 mod bound would be one too many, and are drawn again. */
uint64_t rand_below(struct rand *r, uint64_t bound) {
	u128 product = (u128)rand_next(r) * bound;
	if ((uint64_t)product < bound) {
		uint64_t excess = (0 - bound) % bound;
		while ((uint64_t)product < excess)
			product = (u128)rand_next(r) * bound;
	}
	return (uint64_t)(product >> 64);
}

struct rand *rand_thread(void) {
	static _Thread_local struct rand mine;
	static _Thread_local bool is_seeded;
	if (!is_seeded) {
		uint64_t seed;
		if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
			abort(); /* no kernel that steerway runs on fails here once it has booted */
		rand_seed(&mine, seed);
		is_seeded = true;
	}
	return &mine;
}
