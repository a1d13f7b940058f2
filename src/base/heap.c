/* SPDX-License-Identifier: BSD-2-Clause */
/* A binary min-heap of pointers to the callers' nodes; each node knows its place, so that any can be taken out in O(log n). */
#include "steerway/base/heap.h"

#include "steerway/base/mem.h"

void heap_fini(struct heap *h) {
	for (uint32_t i = 0; i < h->n; i++)
		h->nodes[i]->index = 0;
	mem_free(h->nodes);
	*h = (struct heap){ 0 };
}

static void place(struct heap *h, uint32_t at, struct heap_node *node) {
	h->nodes[at] = node;
	node->index = at + 1;
}

static void sift_up(struct heap *h, uint32_t at, struct heap_node *node) {
	for (; at > 0 && h->nodes[(at - 1) / 2]->key > node->key; at = (at - 1) / 2)
		place(h, at, h->nodes[(at - 1) / 2]);
	place(h, at, node);
}

static void sift_down(struct heap *h, uint32_t at, struct heap_node *node) {
	for (;;) {
		uint64_t child = (uint64_t)at * 2 + 1;
		if (child >= h->n)
			break;
		if (child + 1 < h->n && h->nodes[child + 1]->key < h->nodes[child]->key)
			child++;
		if (h->nodes[child]->key >= node->key)
			break;
		place(h, at, h->nodes[child]);
		at = (uint32_t)child;
	}
	place(h, at, node);
}

/* Puts the node where its key belongs, from a place whose former owner is gone. */
static void settle(struct heap *h, uint32_t at, struct heap_node *node) {
	if (at > 0 && h->nodes[(at - 1) / 2]->key > node->key)
		sift_up(h, at, node);
	else
		sift_down(h, at, node);
}

void heap_insert(struct heap *h, struct heap_node *node) {
	if (h->n == h->cap) {
		h->cap = h->cap > 0 ? h->cap * 2 : 16;
		h->nodes = mem_realloc_array(h->nodes, h->cap, sizeof *h->nodes);
	}
	sift_up(h, h->n++, node);
}

void heap_remove(struct heap *h, struct heap_node *node) {
	uint32_t at = node->index - 1;
	struct heap_node *last = h->nodes[--h->n];
	node->index = 0;
	if (last != node)
		settle(h, at, last);
}

void heap_update(struct heap *h, struct heap_node *node) {
	settle(h, node->index - 1, node);
}
