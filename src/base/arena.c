/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bump allocator. Chunks stand newest first, and only the first is handed out from; an object too large for a normal chunk
 * gets one of its own, put behind the first so that the space left there is not lost. Everything is freed at once.
 */
#include "steerway/base/arena.h"

#include "steerway/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size, used; /* bytes behind this head */
};

/* The head's size, rounded up so that what follows is aligned. */
#define HEAD_BYTES ((sizeof(struct arena_chunk) + ALIGN - 1) & ~(size_t)(ALIGN - 1))

/* Where the next object of that alignment would stand in the chunk; it may be behind its end. */
static size_t place(const struct arena_chunk *c, size_t align) {
	return (c->used + align - 1) & ~(align - 1);
}

static void *take(struct arena *a, struct arena_chunk *c, size_t at, size_t bytes) {
	a->used_bytes += at + bytes - c->used;
	c->used = at + bytes;
	return (char *)c + HEAD_BYTES + at;
}

static struct arena_chunk *chunk_create(size_t size) {
	struct arena_chunk *c = mem_alloc(HEAD_BYTES + size);
	*c = (struct arena_chunk){ .size = size };
	return c;
}

void arena_init(struct arena *a, size_t chunk_bytes) {
	*a = (struct arena){ .chunk_bytes = chunk_bytes };
}

static void *alloc(struct arena *a, size_t bytes, size_t align) {
	if (bytes > SIZE_MAX / 2)
		bytes = SIZE_MAX / 2; /* the sums below can't overflow, and no allocator has it either: mem aborts */
	bytes = bytes > 0 ? (bytes + align - 1) & ~(align - 1) : align;
	struct arena_chunk *first = a->chunks;
	if (first != NULL && place(first, align) <= first->size && bytes <= first->size - place(first, align))
		return take(a, first, place(first, align), bytes);
	/* A normal chunk is chunk_bytes with its head, so that it fills a size class of the allocator. */
	size_t normal = a->chunk_bytes > HEAD_BYTES ? a->chunk_bytes - HEAD_BYTES : 0;
	bool is_large = bytes > normal;
	struct arena_chunk *c = chunk_create(is_large ? bytes : normal);
	if (is_large && first != NULL) {
		c->next = first->next;
		first->next = c;
	} else {
		c->next = first;
		a->chunks = c;
	}
	return take(a, c, 0, bytes);
}

void *arena_alloc(struct arena *a, size_t bytes) {
	return alloc(a, bytes, ALIGN);
}

void *arena_alloc_packed(struct arena *a, size_t bytes) {
	return alloc(a, bytes, 2);
}

void *arena_zalloc(struct arena *a, size_t bytes) {
	return memset(arena_alloc(a, bytes), 0, bytes);
}

struct str arena_str(struct arena *a, struct str s) {
	return str_slice(str_copy(arena_alloc(a, s.n + 1), s.n + 1, s), s.n);
}

struct str arena_printf(struct arena *a, const char *format, ...) {
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		abort(); /* only a format that is itself wrong */
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	return str_slice(p, (size_t)n);
}

void arena_fini(struct arena *a) {
	for (struct arena_chunk *c = a->chunks, *next; c != NULL; c = next) {
		next = c->next;
		mem_free(c);
	}
	a->chunks = NULL;
	a->used_bytes = 0;
}
