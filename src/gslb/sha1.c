/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-1 (FIPS 180-4) of a short message, for NSEC3 alone: with the processor's instructions where it has them. */
#include "gslb/dnssec.h"

#include <stdatomic.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

static inline uint32_t rotate(uint32_t v, unsigned n) {
	return v << n | v >> (32 - n);
}

/* One block in plain C: 20 rounds a step, the message's schedule in a ring of 16 words. */
#define ROUND(a, b, c, d, e, f, k, i)                                                                                            \
	do {                                                                                                                     \
		uint32_t w_ =                                                                                                    \
		    (i) < 16 ? w[(i)&15]                                                                                         \
			     : (w[(i)&15] = rotate(w[((i) + 13) & 15] ^ w[((i) + 8) & 15] ^ w[((i) + 2) & 15] ^ w[(i)&15], 1));  \
		(e) += rotate(a, 5) + (f) + (k) + w_;                                                                            \
		(b) = rotate(b, 30);                                                                                             \
	} while (0)
#define CHOOSE(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define PARITY(b, c, d) ((b) ^ (c) ^ (d))
#define MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))
#define FIVE(f, k, i)                                                                                                            \
	ROUND(a, b, c, d, e, f(b, c, d), k, i);                                                                                  \
	ROUND(e, a, b, c, d, f(a, b, c), k, (i) + 1);                                                                            \
	ROUND(d, e, a, b, c, f(e, a, b), k, (i) + 2);                                                                            \
	ROUND(c, d, e, a, b, f(d, e, a), k, (i) + 3);                                                                            \
	ROUND(b, c, d, e, a, f(c, d, e), k, (i) + 4)
#define TWENTY(f, k, i)                                                                                                          \
	FIVE(f, k, i);                                                                                                           \
	FIVE(f, k, (i) + 5);                                                                                                     \
	FIVE(f, k, (i) + 10);                                                                                                    \
	FIVE(f, k, (i) + 15)

static void block_plain(uint32_t h[5], const uint8_t *p) {
	uint32_t w[16], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (unsigned i = 0; i < 16; i++)
		w[i] = dns_get32(p + 4 * i);
	TWENTY(CHOOSE, 0x5a827999, 0);
	TWENTY(PARITY, 0x6ed9eba1, 20);
	TWENTY(MAJORITY, 0x8f1bbcdc, 40);
	TWENTY(PARITY, 0xca62c1d6, 60);
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

#ifdef __x86_64__
/* Four rounds a step: the state is a, b, c, d in one register; each step's e comes of the a of the step before. */
__attribute__((target("sha,ssse3,sse4.1"))) static void block_sha_ni(uint32_t h[5], const uint8_t *p) {
	const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
	__m128i m[4];
	for (unsigned i = 0; i < 4; i++)
		m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(p + 16 * i)), reverse);
	const __m128i abcd0 = _mm_shuffle_epi32(_mm_loadu_si128((const void *)h), 0x1b), e0 = _mm_set_epi32((int)h[4], 0, 0, 0);
	__m128i abcd = abcd0, before = abcd0, e = _mm_add_epi32(e0, m[0]);
#define STEP(i, function)                                                                                                        \
	do {                                                                                                                     \
		if ((i) > 3)                                                                                                     \
			m[(i)&3] = _mm_sha1msg2_epu32(                                                                           \
			    _mm_xor_si128(_mm_sha1msg1_epu32(m[(i)&3], m[((i) + 1) & 3]), m[((i) + 2) & 3]), m[((i) + 3) & 3]);  \
		if ((i) > 0)                                                                                                     \
			e = _mm_sha1nexte_epu32(before, m[(i)&3]);                                                               \
		before = abcd;                                                                                                   \
		abcd = _mm_sha1rnds4_epu32(abcd, e, function);                                                                   \
	} while (0)
#define FIVE_STEPS(i, function)                                                                                                  \
	STEP(i, function);                                                                                                       \
	STEP((i) + 1, function);                                                                                                 \
	STEP((i) + 2, function);                                                                                                 \
	STEP((i) + 3, function);                                                                                                 \
	STEP((i) + 4, function)
	FIVE_STEPS(0, 0);
	FIVE_STEPS(5, 1);
	FIVE_STEPS(10, 2);
	FIVE_STEPS(15, 3);
	e = _mm_sha1nexte_epu32(before, e0);
	abcd = _mm_shuffle_epi32(_mm_add_epi32(abcd, abcd0), 0x1b);
	_mm_storeu_si128((void *)h, abcd);
	h[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

static bool has_sha_ni(void) {
	static _Atomic int known; /* 1: no, 2: yes; any thread may find out */
	int is = atomic_load_explicit(&known, memory_order_relaxed);
	if (is == 0) {
		unsigned a = 7, b = 0, c = 0, d = 0;
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		is = __builtin_cpu_supports("sse4.1") && b >> 29 & 1 ? 2 : 1;
		atomic_store_explicit(&known, is, memory_order_relaxed);
	}
	return is == 2;
}
#endif

static void block(uint32_t h[5], const uint8_t *p) {
#ifdef __x86_64__
	if (has_sha_ni()) {
		block_sha_ni(h, p);
		return;
	}
#endif
	block_plain(h, p);
}

void sha1_short(uint8_t out[20], const uint8_t *p, size_t n) {
	uint8_t padded[320];
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	size_t end = (n + 9 + 63) & ~(size_t)63;
	memcpy(padded, p, n);
	padded[n] = 0x80;
	memset(padded + n + 1, 0, end - n - 1);
	dns_put32(padded + end - 4, (uint32_t)(8 * n));
	for (size_t at = 0; at < end; at += 64)
		block(h, padded + at);
	for (unsigned i = 0; i < 5; i++)
		dns_put32(out + 4 * i, h[i]);
}
