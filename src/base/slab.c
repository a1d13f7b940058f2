/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bit a place says whether it is taken, a bit a slab whether all of its places are. The lowest free place is taken first, so that
 * the upper slabs become empty; of those a few keep their pages for what comes next, the others' go back to the system.
 */
#include "steerway/base/slab.h"

#include "steerway/base/mem.h"

#include <pthread.h>
#include <sys/mman.h>

enum { PLACES = 15, ALL_TAKEN = (1 << PLACES) - 1, HAS_PAGES = 1 << PLACES, PAGE_BYTES = 4096, SPARE_MAX = 16 };

struct slabs {
	pthread_mutex_t lock;
	char *base;
	size_t object_bytes, slab_bytes, n_words; /* n_words: 64 slabs each */
	size_t lowest;                            /* word of `full`; those before it are full */
	unsigned n_spare;                         /* empty slabs that have pages */
	uint64_t *full;                           /* a bit a slab */
	uint16_t *taken;                          /* of each slab: a bit a place, and HAS_PAGES */
};

static size_t range_bytes(const struct slabs *s) {
	return s->n_words * 64 * s->slab_bytes;
}

struct slabs *slabs_create(size_t object_bytes, size_t n) {
	struct slabs *s = mem_zalloc(sizeof(*s));
	s->object_bytes = object_bytes;
	s->slab_bytes = (PLACES * object_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	s->n_words = (n + 64 * PLACES - 1) / (64 * PLACES);
	s->base = mmap(NULL, range_bytes(s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->base == MAP_FAILED) {
		mem_free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->full = mem_zalloc_array(s->n_words, sizeof(*s->full));
	s->taken = mem_zalloc_array(s->n_words * 64, sizeof(*s->taken));
	return s;
}

void slabs_destroy(struct slabs *s) {
	if (!s)
		return;
	munmap(s->base, range_bytes(s));
	pthread_mutex_destroy(&s->lock);
	mem_free(s->full);
	mem_free(s->taken);
	mem_free(s);
}

uintptr_t slabs_range(const struct slabs *s, size_t *bytes) {
	*bytes = range_bytes(s);
	return (uintptr_t)s->base;
}

static void *take_lowest(struct slabs *s) {
	while (s->lowest < s->n_words && s->full[s->lowest] == UINT64_MAX)
		s->lowest++;
	if (s->lowest == s->n_words)
		return NULL;
	size_t slab = s->lowest * 64 + (size_t)__builtin_ctzll(~s->full[s->lowest]);
	size_t place = (size_t)__builtin_ctz(~(unsigned)s->taken[slab]);
	if (s->taken[slab] == HAS_PAGES)
		s->n_spare--;
	s->taken[slab] = (uint16_t)(s->taken[slab] | HAS_PAGES | 1U << place);
	if ((s->taken[slab] & ALL_TAKEN) == ALL_TAKEN)
		s->full[slab / 64] |= UINT64_C(1) << slab % 64;
	return s->base + slab * s->slab_bytes + place * s->object_bytes;
}

static void give_back(struct slabs *s, size_t at) {
	size_t slab = at / s->slab_bytes, place = at % s->slab_bytes / s->object_bytes;
	s->taken[slab] = (uint16_t)(s->taken[slab] & ~(1U << place));
	s->full[slab / 64] &= ~(UINT64_C(1) << slab % 64);
	if (slab / 64 < s->lowest)
		s->lowest = slab / 64;
	if (s->taken[slab] != HAS_PAGES)
		return;
	if (s->n_spare >= SPARE_MAX && madvise(s->base + slab * s->slab_bytes, s->slab_bytes, MADV_DONTNEED) == 0)
		s->taken[slab] = 0;
	else
		s->n_spare++;
}

void *slabs_take(struct slabs *s) {
	pthread_mutex_lock(&s->lock);
	void *object = take_lowest(s);
	pthread_mutex_unlock(&s->lock);
	return object;
}

void slabs_give(struct slabs *s, void *object) {
	pthread_mutex_lock(&s->lock);
	give_back(s, (size_t)((char *)object - s->base));
	pthread_mutex_unlock(&s->lock);
}
