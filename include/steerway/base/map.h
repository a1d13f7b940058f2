/* SPDX-License-Identifier: BSD-2-Clause */
/* String -> pointer, open addressing. Keys are borrowed: whatever holds them must live as long as their entry. */
#ifndef STEERWAY_BASE_MAP_H
#define STEERWAY_BASE_MAP_H

#include "steerway/base/str.h"

struct map_entry {
	struct str key;
	void *value; /* NULL: empty slot */
	uint64_t hash;
};

struct map {
	struct map_entry *slots;
	size_t n, cap; /* cap is 0 or a power of two */
};

/* A zeroed map is an empty one. */
void map_fini(struct map *m);
void *map_get(const struct map *m, struct str key);
/* value must not be NULL. Returns the value that stood there before, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
void *map_del(struct map *m, struct str key);
/* Iterates in no order: for (struct map_entry *e = NULL; (e = map_next(m, e));) */
struct map_entry *map_next(const struct map *m, struct map_entry *after);

#endif
