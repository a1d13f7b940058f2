/* SPDX-License-Identifier: BSD-2-Clause */
/* Token buckets in a table of fixed size, one table a worker: no allocation, no lock. Time is the caller's. */
#ifndef STEERWAY_GSLB_RATE_H
#define STEERWAY_GSLB_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_WHOLE 1000    /* what one unit (an answer, a byte) costs: a bucket gets its rate each millisecond */
#define RATE_MAX 2000000   /* units a second */
#define RATE_BURST_MS 2000 /* a bucket holds what comes in this time */

struct rate_table;
/* At least n buckets. */
struct rate_table *rate_table_create(size_t n);
void rate_table_destroy(struct rate_table *t);
/* Takes `units` out of the key's bucket, which gets per_second of them, and is full when it is new. 0: they were there; else the
 * bucket stays as it is, and it is the how manyth time in a row that they were not. now_ms may go round. */
uint32_t rate_take(struct rate_table *t, uint64_t key, uint32_t per_second, uint32_t units, uint32_t now_ms);

#endif
