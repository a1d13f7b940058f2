/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Consistent hashing with bounded load: the first server on the ring from the request's hash on that has not yet its share times
 * load_factor of the worker's requests in the level (counting the new one). Refuses none that is allowed otherwise: when those
 * below their bound are not, the first on the ring takes it.
 */
#include "balance.h"

/* Points that are walked before the servers are looked at one by one. Three heavy servers can own most of the ring. */
#define RING_WALK_MAX 512

static void ring_index(struct level *l, struct arena *a) {
	unsigned bits = 0;
	while ((UINT32_C(1) << bits) < l->n_ring)
		bits++;
	uint32_t n_buckets = UINT32_C(1) << bits;
	l->bucket_shift = 32 - bits;
	l->buckets = arena_alloc(a, n_buckets * sizeof(*l->buckets));
	uint32_t point = 0;
	for (uint32_t b = 0; b < n_buckets; b++) {
		while (point < l->n_ring && (uint64_t)l->ring[point].hash >> l->bucket_shift < b)
			point++;
		l->buckets[b] = point;
	}
}

/* Of a server that ramps up the first points by a mix of their own: it gains keys and loses none meanwhile. */
static bool has_point(const struct level *l, uint32_t index, const struct ring_point *p) {
	return index != UINT32_MAX && draw_below(hash_mix(p->hash) >> 32, 100) < l->servers[index].ramp;
}

static void hash_build(const struct fleet_layout *layout, const uint32_t *index_in_level, struct level *l, struct arena *a) {
	for (size_t i = 0; i < layout->n_ring; i++)
		l->n_ring += has_point(l, index_in_level[layout->ring[i].index], &layout->ring[i]);
	l->ring = arena_alloc(a, l->n_ring * sizeof(*l->ring));
	struct ring_point *next = l->ring;
	for (size_t i = 0; i < layout->n_ring; i++) {
		uint32_t index = index_in_level[layout->ring[i].index];
		if (has_point(l, index, &layout->ring[i]))
			*next++ = (struct ring_point){ layout->ring[i].hash, index };
	}
	ring_index(l, a);
}

static double requests_with_this(const struct level *l, const struct pick *p) {
	uint64_t sum = 1;
	for (uint64_t sites = l->sites; sites != 0; sites &= sites - 1)
		sum += p->cell->site_active[__builtin_ctzll(sites)];
	return (double)sum;
}

/* active + 1 <= ceil(bound * requests), without the ceil. */
static bool is_within_bound(const struct level_server *s, const struct pick *p, double requests) {
	return slot_active(s->server, p->worker) < s->bound * requests;
}

static struct fleet_server *hash_pick(const struct level *l, const struct pick *p) {
	uint32_t hash = (uint32_t)(hash_mix(p->request->hash) >> 32);
	uint32_t at = l->buckets[(uint64_t)hash >> l->bucket_shift];
	while (at < l->n_ring && l->ring[at].hash < hash)
		at++;
	const struct level_server *first_allowed = NULL;
	double requests = requests_with_this(l, p);
	for (uint32_t i = 0; i < l->n_ring && i < RING_WALK_MAX; i++, at++) {
		at = at < l->n_ring ? at : 0;
		const struct level_server *s = &l->servers[l->ring[at].index];
		if (!pick_may(p, s->server))
			continue;
		if (is_within_bound(s, p, requests))
			return s->server;
		first_allowed = first_allowed ? first_allowed : s;
	}
	uint32_t start = draw_below(hash, l->n);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct level_server *s = &l->servers[(start + i) % l->n];
		if (is_within_bound(s, p, requests) && pick_may(p, s->server))
			return s->server;
	}
	return first_allowed ? first_allowed->server : balance_scan(l, p, start);
}

const struct balance_ops balance_hash = { .build = hash_build, .pick = hash_pick, .is_keyed = true };
