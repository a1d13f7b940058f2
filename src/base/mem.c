/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation that does not return NULL, over libc's malloc (which is jemalloc's where that is linked). An allocation of 0 bytes is
 * one of 1, so that it has an address. Running out says how much was asked for on standard error, past the log
 * (whose sink may itself allocate), and aborts.
 */
#include "steerway/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES = 64 };

/* jemalloc's; NULL where it is not linked (sanitizers bring an allocator of their own). */
int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes) __attribute__((weak));
/* Of a large table, pages that nobody has touched stay the kernel's, which memset() would take. */
void *mallocx(size_t bytes, int flags) __attribute__((weak));
enum { LINES_ZEROED = 6 | 0x40 }; /* MALLOCX_LG_ALIGN(6) | MALLOCX_ZERO */

static _Noreturn void die(size_t count, size_t size) {
	char text[128];
	int n = snprintf(text, sizeof text, "steerway: out of memory: %zu * %zu bytes asked for\n", count, size);
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		abort(); /* nobody listens: abort all the same */
	abort();
}

static void *checked(void *p, size_t count, size_t size) {
	if (p == NULL)
		die(count, size);
	return p;
}

void *mem_alloc(size_t bytes) {
	return checked(malloc(bytes > 0 ? bytes : 1), 1, bytes);
}

void *mem_zalloc(size_t bytes) {
	return checked(calloc(1, bytes > 0 ? bytes : 1), 1, bytes);
}

void *mem_zalloc_array(size_t count, size_t size) {
	if (count == 0 || size == 0)
		return mem_zalloc(1);
	return checked(calloc(count, size), count, size); /* calloc refuses a product that overflows */
}

void *mem_realloc_array(void *p, size_t count, size_t size) {
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		die(count, size);
	return checked(realloc(p, bytes > 0 ? bytes : 1), count, size);
}

void *mem_zalloc_lines(size_t bytes) {
	if (bytes > SIZE_MAX - LINE_BYTES)
		die(1, bytes);
	size_t rounded = bytes > 0 ? (bytes + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1) : LINE_BYTES;
	if (mallocx)
		return checked(mallocx(rounded, LINES_ZEROED), 1, bytes);
	return memset(checked(aligned_alloc(LINE_BYTES, rounded), 1, bytes), 0, rounded);
}

char *mem_strdup(struct str s) {
	if (s.n == SIZE_MAX)
		die(1, s.n);
	char *copy = mem_alloc(s.n + 1);
	return str_copy(copy, s.n + 1, s);
}

void mem_give_back(void) {
	if (mallctl)
		mallctl("arena.4096.purge", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
}

bool mem_rounds_up(void) {
	return mallctl != NULL;
}
