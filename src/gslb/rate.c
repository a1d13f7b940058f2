/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key finds one cache line of four buckets, and has the one with its tag. When none has, it takes the one that has rested longest:
 * a flood from many forged networks can push a bucket out, which gives that network a burst more, and costs no memory.
 */
#include "gslb/rate.h"

#include "steerway/base/mem.h"

enum { WAYS = 4 };

struct bucket {
	uint32_t tag; /* 0: free */
	uint32_t tokens;
	uint32_t then_ms;
	uint32_t n_refused; /* in a row */
};
struct rate_table {
	size_t mask;
	struct bucket (*lines)[WAYS];
};

struct rate_table *rate_table_create(size_t n) {
	struct rate_table *t = mem_zalloc(sizeof(*t));
	size_t n_lines = 1;
	while (n_lines * WAYS < n)
		n_lines *= 2;
	t->mask = n_lines - 1;
	t->lines = mem_zalloc_lines(n_lines * sizeof(*t->lines));
	return t;
}

void rate_table_destroy(struct rate_table *t) {
	if (!t)
		return;
	mem_free(t->lines);
	mem_free(t);
}

static struct bucket *bucket_find(struct bucket line[WAYS], uint32_t tag, uint32_t full, uint32_t now_ms) {
	struct bucket *oldest = &line[0];
	for (unsigned i = 0; i < WAYS; i++) {
		struct bucket *b = &line[i];
		if (b->tag == tag)
			return b;
		if (oldest->tag != 0 && (b->tag == 0 || now_ms - b->then_ms > now_ms - oldest->then_ms))
			oldest = b;
	}
	*oldest = (struct bucket){ .tag = tag, .tokens = full, .then_ms = now_ms };
	return oldest;
}

uint32_t rate_take(struct rate_table *t, uint64_t key, uint32_t per_second, uint32_t units, uint32_t now_ms) {
	uint64_t full = (uint64_t)per_second * RATE_BURST_MS, cost = (uint64_t)units * RATE_WHOLE;
	struct bucket *b = bucket_find(t->lines[key & t->mask], (uint32_t)(key >> 32) | 1, (uint32_t)full, now_ms);
	uint64_t tokens = b->tokens + (uint64_t)per_second * (now_ms - b->then_ms);
	if (tokens > full)
		tokens = full;
	b->then_ms = now_ms;
	b->tokens = (uint32_t)tokens;
	if (tokens < cost)
		return ++b->n_refused;
	b->tokens -= (uint32_t)cost;
	b->n_refused = 0;
	return 0;
}
