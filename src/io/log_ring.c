/* SPDX-License-Identifier: BSD-2-Clause */
/* See log_ring.h. The producer reads the consumer's line only when its last sight of it leaves too little room. */
#include "log_ring.h"

#include "steerway/base/mem.h"

void log_ring_init(struct log_ring *r, size_t size) {
	atomic_init(&r->head, 0);
	atomic_init(&r->tail, 0);
	r->tail_seen = r->target = 0;
	r->size = size;
	r->bytes = mem_alloc(size);
}

void log_ring_fini(struct log_ring *r) {
	mem_free(r->bytes);
}

bool log_ring_put(struct log_ring *r, struct str record, bool *is_filling) {
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t used = head - r->tail_seen;
	if (record.n > r->size)
		return false;
	if (used + record.n > r->size / 2) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		used = head - r->tail_seen;
		if (used + record.n > r->size)
			return false;
	}
	size_t at = head & (r->size - 1), until_end = r->size - at;
	size_t first = record.n < until_end ? record.n : until_end;
	memcpy(r->bytes + at, record.p, first);
	memcpy(r->bytes, record.p + first, record.n - first);
	*is_filling = used + record.n > r->size / 2;
	/* Sequentially consistent, because the caller looks next whether the writer sleeps, and the writer looks here after it
	 * said that it does: one of the two must see the other. */
	atomic_store_explicit(&r->head, head + record.n, memory_order_seq_cst);
	return true;
}

int log_ring_pieces(const struct log_ring *r, struct iovec out[2]) {
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t n = (size_t)(r->target - tail), at = tail & (r->size - 1);
	size_t first = n < r->size - at ? n : r->size - at;
	out[0] = (struct iovec){ r->bytes + at, first };
	out[1] = (struct iovec){ r->bytes, n - first };
	return (first > 0) + (n > first);
}

bool log_ring_consume(struct log_ring *r, uint64_t n) {
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed) + n;
	bool is_whole = r->bytes[(tail - 1) & (r->size - 1)] == '\n';
	atomic_store_explicit(&r->tail, tail, memory_order_release);
	return is_whole;
}

uint64_t log_ring_drop(struct log_ring *r) {
	struct iovec pieces[2];
	uint64_t records = 0;
	for (int i = 0, n = log_ring_pieces(r, pieces); i < n; i++) {
		struct str rest = str_slice(pieces[i].iov_base, pieces[i].iov_len);
		for (size_t at; (at = str_find_char(rest, '\n')) < rest.n; rest = str_skip(rest, at + 1))
			records++;
	}
	atomic_store_explicit(&r->tail, r->target, memory_order_release);
	return records;
}
