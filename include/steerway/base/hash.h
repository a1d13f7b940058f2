/* SPDX-License-Identifier: BSD-2-Clause */
/* 64-bit hashing of bytes. Fast, seeded; not for secrets. */
#ifndef STEERWAY_BASE_HASH_H
#define STEERWAY_BASE_HASH_H

#include "steerway/base/str.h"

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
static inline uint64_t hash_str(struct str s, uint64_t seed) {
	return hash_bytes(s.p, s.n, seed);
}
/* The splitmix64 finaliser: every input bit changes half of the output bits. */
static inline uint64_t hash_mix(uint64_t x) {
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}
/* Random at process start (getrandom): for tables whose keys a peer chooses. */
uint64_t hash_process_seed(void);

#endif
