/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashing by folded multiplication: 64 x 64 -> 128 bits, the halves xored. Each 16 bytes take one multiplication; above 64
 * bytes two lanes run side by side, so that one's multiplication hides the other's latency. Reads are memcpy:
 * no alignment is assumed. The value differs between byte orders and is not for storage.
 */
#include "steerway/base/hash.h"

#include <stdlib.h>
#include <sys/random.h>

/* Odd, with half of their bits set and no pattern: the digits of the square roots of 2, 3, 5 and 7. */
static const uint64_t K0 = UINT64_C(0x6a09e667f3bcc909), K1 = UINT64_C(0xbb67ae8584caa73b), K2 = UINT64_C(0x3c6ef372fe94f82b),
		      K3 = UINT64_C(0xa54ff53a5f1d36f1);

__extension__ typedef unsigned __int128 u128;

static inline uint64_t fold(uint64_t a, uint64_t b) {
	u128 product = (u128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t read8(const unsigned char *p) {
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t read4(const unsigned char *p) {
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed) {
	const unsigned char *p = bytes;
	uint64_t a = 0, b = 0;
	uint64_t h = seed ^ fold(seed ^ K0, K1);
	size_t left = n;
	if (left > 64) {
		uint64_t h2 = h;
		for (; left > 64; left -= 32, p += 32) {
			h = fold(read8(p) ^ K1, read8(p + 8) ^ h);
			h2 = fold(read8(p + 16) ^ K2, read8(p + 24) ^ h2);
		}
		h ^= h2;
	}
	for (; left > 16; left -= 16, p += 16)
		h = fold(read8(p) ^ K2, read8(p + 8) ^ h);
	/* The last 1-16 bytes as two words that may overlap; the length, mixed in below, tells such readings apart. */
	if (left >= 8) {
		a = read8(p);
		b = read8(p + left - 8);
	} else if (left >= 4) {
		a = read4(p);
		b = read4(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
	}
	return fold(K3 ^ n, fold(a ^ K1, b ^ h) ^ K0);
}

static uint64_t process_seed;

/* Before main, so that no thread can see it change. */
__attribute__((constructor)) static void seed_process(void) {
	if (getrandom(&process_seed, sizeof process_seed, 0) != sizeof process_seed)
		abort(); /* no kernel that steerway runs on fails here once it has booted */
}

uint64_t hash_process_seed(void) {
	return process_seed;
}
