/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Points of consistent hashing. A server's points come from its identity alone, so that one that comes or goes moves only the
 * keys between its points and their predecessors. The points of all servers of a pool are laid out once; views leave out those
 * that take no requests, so a verdict never moves a key between two servers that stay.
 */
#include "private.h"

#include <stdlib.h>

static int point_compare(const void *a, const void *b) {
	const struct ring_point *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t points_of(uint32_t weight, uint64_t total_weight) {
	uint64_t points = (uint64_t)weight * RING_POINTS_A_WEIGHT;
	if (total_weight * RING_POINTS_A_WEIGHT > RING_POINTS_MAX)
		points = (uint64_t)weight * RING_POINTS_MAX / total_weight;
	return points > 0 ? (size_t)points : 1;
}

struct ring_point *ring_build(const struct ring_node *nodes, size_t n_nodes, size_t *n) {
	uint64_t total = 0;
	size_t n_points = 0;
	for (size_t i = 0; i < n_nodes; i++)
		total += nodes[i].weight;
	for (size_t i = 0; i < n_nodes; i++)
		n_points += points_of(nodes[i].weight, total);
	struct ring_point *points = mem_zalloc_array(n_points + 1, sizeof(*points));
	struct ring_point *next = points;
	for (size_t i = 0; i < n_nodes; i++)
		for (size_t j = 0, end = points_of(nodes[i].weight, total); j < end; j++)
			*next++ =
			    (struct ring_point){ (uint32_t)(hash_mix(nodes[i].identity + j * UINT64_C(0x9e3779b97f4a7c15)) >> 32),
				                 (uint32_t)i };
	qsort(points, n_points, sizeof(*points), point_compare);
	*n = n_points;
	return points;
}
