/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String -> pointer: open addressing, linear probing, at most 3/4 full, deletion by shifting the run back (no tombstones, so a
 * table that lives for months does not slow down). The hash is seeded per process: keys may be a peer's choice.
 */
#include "steerway/base/map.h"

#include "steerway/base/hash.h"
#include "steerway/base/mem.h"

enum { SMALLEST = 16 };

void map_fini(struct map *m) {
	mem_free(m->slots);
	*m = (struct map){ 0 };
}

/* The entry of the key, or the empty slot where it belongs. cap > n, so there is one. */
static struct map_entry *find(const struct map *m, struct str key, uint64_t hash) {
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *e = &m->slots[i];
		if (e->value == NULL || (e->hash == hash && str_eq(e->key, key)))
			return e;
	}
}

static void grow(struct map *m) {
	struct map old = *m;
	m->cap = old.cap > 0 ? old.cap * 2 : SMALLEST;
	m->slots = mem_zalloc_array(m->cap, sizeof *m->slots);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value != NULL)
			*find(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
	mem_free(old.slots);
}

void *map_get(const struct map *m, struct str key) {
	return m->n > 0 ? find(m, key, hash_str(key, hash_process_seed()))->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value) {
	uint64_t hash = hash_str(key, hash_process_seed());
	if (m->cap == 0 || m->n + 1 > m->cap / 4 * 3)
		grow(m);
	struct map_entry *e = find(m, key, hash);
	void *before = e->value;
	m->n += before == NULL;
	*e = (struct map_entry){ .key = key, .value = value, .hash = hash };
	return before;
}

void *map_del(struct map *m, struct str key) {
	if (m->n == 0)
		return NULL;
	struct map_entry *e = find(m, key, hash_str(key, hash_process_seed()));
	void *value = e->value;
	if (value == NULL)
		return NULL;
	size_t mask = m->cap - 1, hole = (size_t)(e - m->slots);
	/* What follows in the run moves into the hole, unless its home lies behind the hole. */
	for (size_t i = (hole + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_entry){ 0 };
	m->n--;
	return value;
}

struct map_entry *map_next(const struct map *m, struct map_entry *after) {
	for (size_t i = after != NULL ? (size_t)(after - m->slots) + 1 : 0; i < m->cap; i++)
		if (m->slots[i].value != NULL)
			return &m->slots[i];
	return NULL;
}
