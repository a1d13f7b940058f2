/* SPDX-License-Identifier: BSD-2-Clause */
/* An intrusive binary min-heap on a 64-bit key (deadlines). Nodes belong to the caller. */
#ifndef STEERWAY_BASE_HEAP_H
#define STEERWAY_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;
	uint32_t index; /* 1-based place in the heap; 0: in none */
};

struct heap {
	struct heap_node **nodes;
	uint32_t n, cap;
};

void heap_fini(struct heap *h);
void heap_insert(struct heap *h, struct heap_node *node);
/* Of a node that is in this heap. */
void heap_remove(struct heap *h, struct heap_node *node);
/* After node->key changed. */
void heap_update(struct heap *h, struct heap_node *node);
static inline struct heap_node *heap_min(const struct heap *h) {
	return h->n > 0 ? h->nodes[0] : NULL;
}

#endif
