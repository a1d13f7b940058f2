/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation that does not return NULL: what a peer can make grow is bounded by configuration, so running out of memory is a
 * mistake of sizing that no code path could mend; the process logs the size asked for and aborts.
 */
#ifndef STEERWAY_BASE_MEM_H
#define STEERWAY_BASE_MEM_H

#include "steerway/base/str.h"

#include <stdlib.h>

void *mem_alloc(size_t bytes) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zalloc(size_t bytes) __attribute__((malloc, alloc_size(1), returns_nonnull));
/* count * size, aborting when the product overflows. */
void *mem_zalloc_array(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *mem_realloc_array(void *p, size_t count, size_t size) __attribute__((alloc_size(2, 3), returns_nonnull));
/* Aligned to a cache line (64), zeroed; free with mem_free. */
void *mem_zalloc_lines(size_t bytes) __attribute__((malloc, alloc_size(1), returns_nonnull));
/* Asks for NULL itself: on the way of a request there mostly is nothing to free, and the call would cost 45 instructions. */
static inline void mem_free(void *p) {
	if (p != NULL)
		free(p);
}
/* Gives memory that was freed back to the system at once, when the allocator can: after something large. */
void mem_give_back(void);
/* Is it an allocator with few sizes (jemalloc, each an eighth to a fourth greater than the one before)? */
bool mem_rounds_up(void);
/* A NUL-terminated copy; free with mem_free. */
char *mem_strdup(struct str s) __attribute__((returns_nonnull));

/* The object that holds `member` at address `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
