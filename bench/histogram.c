/* SPDX-License-Identifier: BSD-2-Clause
 * Latencies in log-linear buckets: adding is two shifts, reading a quantile one walk. */
#include "histogram.h"

#define SUB_BITS 6

static unsigned index_of(uint64_t value) {
	if (value < (1u << SUB_BITS))
		return (unsigned)value;
	unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
	return ((shift + 1) << SUB_BITS) + (unsigned)((value >> shift) & ((1u << SUB_BITS) - 1));
}

static uint64_t upper_end(unsigned index) {
	unsigned shift = index >> SUB_BITS;
	if (shift == 0)
		return index;
	uint64_t base = (1u << SUB_BITS) + (index & ((1u << SUB_BITS) - 1));
	return ((base + 1) << (shift - 1)) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns) {
	h->total++;
	h->count[index_of(ns)]++;
}

double histogram_us(const struct histogram *h, double quantile) {
	uint64_t seen = 0, wanted = (uint64_t)((double)h->total * quantile);
	for (unsigned i = 0; i < sizeof(h->count) / sizeof(h->count[0]); i++)
		if ((seen += h->count[i]) > wanted)
			return (double)upper_end(i) / 1000;
	return 0;
}
