/* SPDX-License-Identifier: BSD-2-Clause
 * Latencies that a load saw. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

/* Log-linear: 64 buckets a power of two, so a value is off by 1.6 % at most. */
struct histogram {
	uint64_t total, count[64 * 60];
};

void histogram_add(struct histogram *h, uint64_t ns);
double histogram_us(const struct histogram *h, double quantile); /* upper end of its bucket; 0 of an empty one */

#endif
