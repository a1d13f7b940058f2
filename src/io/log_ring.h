/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of bytes with one producer and one consumer. Records are put in whole or not at all, so whatever the consumer sees ends
 * with a record's end. Positions count bytes since the ring's creation and wrap around at 2^64, never at the ring's size.
 */
#ifndef STEERWAY_SRC_IO_LOG_RING_H
#define STEERWAY_SRC_IO_LOG_RING_H

#include "steerway/base/str.h"

#include <stdatomic.h>
#include <sys/uio.h>

struct log_ring {
	/* The producer's line: what it writes, and where it last saw the consumer. */
	_Alignas(64) _Atomic uint64_t head;
	uint64_t tail_seen;
	/* The consumer's line. */
	_Alignas(64) _Atomic uint64_t tail;
	uint64_t target; /* how far the pass in progress goes */
	/* Constant. */
	_Alignas(64) char *bytes;
	size_t size; /* a power of two */
};

void log_ring_init(struct log_ring *r, size_t size);
void log_ring_fini(struct log_ring *r);

/* Producer. False when there is no room. *is_filling: more than half is used after it. */
bool log_ring_put(struct log_ring *r, struct str record, bool *is_filling);

/* Consumer. Notes how far the producer is; what comes later belongs to the next pass. */
static inline void log_ring_aim(struct log_ring *r) {
	r->target = atomic_load_explicit(&r->head, memory_order_acquire);
}
static inline uint64_t log_ring_waiting(const struct log_ring *r) {
	return r->target - atomic_load_explicit(&r->tail, memory_order_relaxed);
}
/* Consumer. Bytes of this pass as 0, 1 or 2 pieces. */
int log_ring_pieces(const struct log_ring *r, struct iovec out[2]);
/* Consumer. Gives back the first n bytes of this pass; tells whether they ended with a record's end. */
bool log_ring_consume(struct log_ring *r, uint64_t n);
/* Consumer. Gives back the rest of this pass; returns how many records end in it. */
uint64_t log_ring_drop(struct log_ring *r);

#endif
