/* SPDX-License-Identifier: BSD-2-Clause */
/* A bump allocator for objects that end together: a transaction or a configuration snapshot. Single-threaded. */
#ifndef STEERWAY_BASE_ARENA_H
#define STEERWAY_BASE_ARENA_H

#include "steerway/base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t chunk_bytes;         /* size of a normal chunk */
	size_t used_bytes;          /* handed out since the last reset */
};

void arena_init(struct arena *a, size_t chunk_bytes);
/* 16-byte aligned, not zeroed; never NULL (see mem.h). */
void *arena_alloc(struct arena *a, size_t bytes) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t bytes) __attribute__((returns_nonnull));
/* Likewise, but 2-byte aligned, directly behind what was allocated before: for very many small things. */
void *arena_alloc_packed(struct arena *a, size_t bytes) __attribute__((returns_nonnull));
/* A copy that ends in NUL (not counted in n). */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees every chunk; the arena can be used again and holds no memory until then. */
void arena_fini(struct arena *a);

#endif
