/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies that look at the client: for each record of their map, or for each bucket, the members in the order in which that client
 * should get them. Records that come to the same order share a row, so that there are no more classes of clients than different answers.
 */
#include "gslb/policy_tree.h"

#include "steerway/base/hash.h"
#include "steerway/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct rows {
	struct arena *arena;
	const struct policy_node *node;
	struct policy_row *items;
	unsigned n, cap;
	struct map numbers; /* members and reason as bytes -> row + 1 */
	uint16_t *order;    /* of the row in hand */
	unsigned n_order;
	bool *has;        /* by member: is it in there? */
	struct map cases; /* of the policy, by key */
};

static void order_add(struct rows *r, unsigned member) {
	if (r->has[member])
		return;
	r->has[member] = true;
	r->order[r->n_order++] = (uint16_t)member;
}

/* The row of the order in hand, which is empty again afterwards. */
static uint32_t row_end(struct rows *r, struct str why) {
	struct buf key = { 0 };
	buf_add(&key, str_slice((const char *)r->order, r->n_order * sizeof(*r->order)));
	buf_add(&key, why);
	uintptr_t known = (uintptr_t)map_get(&r->numbers, buf_str(&key));
	if (!known) {
		if (r->n == r->cap) {
			r->cap = r->cap ? r->cap * 2 : 16;
			r->items = mem_realloc_array(r->items, r->cap, sizeof(*r->items));
		}
		struct str kept = arena_str(r->arena, buf_str(&key));
		r->items[r->n++] = (struct policy_row){ .n = (uint16_t)r->n_order,
			                                .members = (const uint16_t *)(const void *)kept.p,
			                                .why = str_skip(kept, r->n_order * sizeof(*r->order)) };
		map_put(&r->numbers, kept, (void *)(uintptr_t)r->n);
		known = r->n;
	}
	buf_fini(&key);
	memset(r->has, 0, r->node->n * sizeof(*r->has));
	r->n_order = 0;
	return (uint32_t)known - 1;
}

/* ---- by case ---- */

static uint32_t case_row(struct rows *r, const struct cfg_case *c) {
	const struct cfg_case *rest = map_get(&r->cases, STR("default"));
	const struct cfg_case *both[] = { c ? c : rest, r->node->kind->is_final ? NULL : rest };
	for (size_t k = 0; k < COUNT_OF(both); k++)
		for (size_t i = 0; both[k] && i < both[k]->members.n; i++)
			order_add(r, policy_member_index(r->node, &both[k]->members.items[i]));
	return row_end(r, both[0] ? both[0]->key : STR(""));
}

/* The most exact place that has a case. */
static const struct cfg_case *case_of_place(const struct rows *r, const struct map_place *p) {
	char text[4][24];
	snprintf(text[0], sizeof(text[0]), "asn/%u", p->asn);
	snprintf(text[1], sizeof(text[1]), "region/%s", p->region);
	snprintf(text[2], sizeof(text[2]), "country/%s", p->country);
	snprintf(text[3], sizeof(text[3]), "continent/%s", p->continent);
	for (size_t i = 0; i < COUNT_OF(text); i++) {
		const struct cfg_case *c = map_get(&r->cases, str_from(text[i]));
		if (c)
			return c;
	}
	return NULL;
}

static void rows_by_case(struct rows *r, const struct policy_source *from, const struct map_source *map, uint32_t *row_of) {
	for (size_t i = 0; i < from->cases->n; i++)
		map_put(&r->cases, from->cases->items[i].key, &from->cases->items[i]);
	for (uint32_t i = 0; i < map->n_records; i++)
		row_of[i] = case_row(r, map->type == CFG_MAP_TYPE_GEO ? case_of_place(r, &map->places[i])
		                                                      : map_get(&r->cases, map->values[i]));
}

/* ---- by distance, round-trip time or hash: members sorted by a number ---- */

struct ranked {
	double number; /* the least goes first */
	bool is_standby;
	uint16_t member;
};

static int ranked_compare(const void *left, const void *right) {
	const struct ranked *a = left, *b = right;
	if (a->is_standby != b->is_standby)
		return a->is_standby ? 1 : -1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->member < b->member ? -1 : 1;
}

static uint32_t ranked_row(struct rows *r, struct ranked *list) {
	for (uint16_t i = 0; i < r->node->n; i++) {
		list[i].member = i;
		list[i].is_standby = r->node->members[i].is_standby;
	}
	qsort(list, r->node->n, sizeof(*list), ranked_compare);
	for (uint16_t i = 0; i < r->node->n; i++)
		order_add(r, list[i].member);
	return row_end(r, STR(""));
}

/* Along a great circle, as a share of half of one (haversine); order is all that is asked for. */
static double distance(const double a[2], const double b[2]) {
	const double radians = 3.14159265358979323846 / 180;
	double north = sin((b[0] - a[0]) * radians / 2), east = sin((b[1] - a[1]) * radians / 2);
	return north * north + cos(a[0] * radians) * cos(b[0] * radians) * east * east;
}

/* So many go by the client's own distance; those behind them, whose turn comes when all of these are down, by the distance from the
 * first. Else every town would be a class of its own. */
#define NEAREST_EXACT 3

static void far_by_first(const struct policy_source *from, struct ranked *list, unsigned n) {
	struct ranked sorted[POLICY_SITES_MAX];
	memcpy(sorted, list, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), ranked_compare);
	for (unsigned i = NEAREST_EXACT; i < n; i++) /* distances are at most 1 */
		list[sorted[i].member].number = 2 + distance(from->sites->items[sorted[0].member].site->location.degrees,
		                                             from->sites->items[sorted[i].member].site->location.degrees);
}

static void rows_by_distance(struct rows *r, const struct policy_source *from, const struct map_source *map, uint32_t *row_of) {
	for (uint32_t i = 0; i < map->n_records; i++) {
		struct ranked list[POLICY_SITES_MAX] = { 0 }; /* a place without location: the order of the configuration */
		double at[2] = { map->places[i].degrees[0], map->places[i].degrees[1] };
		for (uint16_t k = 0; map->places[i].has_location && k < r->node->n; k++) {
			list[k].number = distance(at, from->sites->items[k].site->location.degrees);
			list[k].member = k;
			list[k].is_standby = r->node->members[k].is_standby;
		}
		if (map->places[i].has_location)
			far_by_first(from, list, r->node->n);
		row_of[i] = ranked_row(r, list);
	}
}

static void rows_by_latency(struct rows *r, const struct map_source *map, uint32_t *row_of) {
	int member_of[POLICY_SITES_MAX]; /* by the map's number of a site */
	for (unsigned i = 0; i < map->n_sites; i++) {
		member_of[i] = -1;
		for (unsigned k = 0; k < r->node->n; k++)
			if (str_eq(r->node->members[k].id, map->sites[i]))
				member_of[i] = (int)k;
	}
	for (uint32_t i = 0; i < map->n_records; i++) {
		struct ranked list[POLICY_SITES_MAX];
		for (unsigned k = 0; k < r->node->n; k++)
			list[k].number = INFINITY; /* not measured: behind, in the order of the configuration */
		for (uint32_t t = map->times_at[i]; t < map->times_at[i + 1]; t++)
			if (member_of[map->times[t].site] >= 0)
				list[member_of[map->times[t].site]].number = map->times[t].us;
		row_of[i] = ranked_row(r, list);
	}
}

/* Rendezvous: each bucket has its own order of all members, by weight, so that a member that goes leaves its buckets to the next of each,
 * and no other bucket moves. It hangs on names alone: all nodes with the configuration agree, over restarts, too. */
static void rows_by_bucket(struct rows *r, uint32_t *row_of) {
	for (uint32_t b = 0; b < CLIENT_BUCKETS; b++) {
		struct ranked list[POLICY_SITES_MAX];
		for (unsigned k = 0; k < r->node->n; k++) {
			uint64_t hash = hash_mix(hash_str(r->node->members[k].id, b));
			double unit = ((double)(hash >> 11) + 0.5) / 9007199254740992.0; /* in (0, 1) */
			uint32_t weight = r->node->members[k].weight;
			list[k].number = weight > 0 ? -log(unit) / weight : INFINITY;
		}
		row_of[b] = ranked_row(r, list);
	}
}

int policy_rows_make(struct arena *arena, struct policy_node *n, const struct policy_source *from, const struct map_source *map,
                     uint32_t *row_of, struct err *e) {
	struct rows r = { .arena = arena, .node = n };
	r.order = mem_zalloc_array(n->n, sizeof(*r.order));
	r.has = mem_zalloc_array(n->n, sizeof(*r.has));
	if (n->by == POLICY_BY_BUCKET)
		rows_by_bucket(&r, row_of);
	else if (from->cases->n > 0)
		rows_by_case(&r, from, map, row_of);
	else if (map->type == CFG_MAP_TYPE_GEO)
		rows_by_distance(&r, from, map, row_of);
	else
		rows_by_latency(&r, map, row_of);
	n->n_rows = r.n;
	n->rows = memcpy(arena_alloc(arena, r.n * sizeof(*r.items)), r.items, r.n * sizeof(*r.items));
	map_fini(&r.numbers);
	map_fini(&r.cases);
	mem_free(r.items);
	mem_free(r.order);
	mem_free(r.has);
	return r.n <= POLICY_CLASSES_MAX
	           ? 0
	           : err_set(e, "clients fall into more than %d orders of sites; name fewer", POLICY_CLASSES_MAX);
}
