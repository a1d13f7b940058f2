/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cells that threads count in. They stand in a list that only grows at its head and are never freed, so the reader walks it
 * without a lock. Cells of a thread that ended keep their sums and go to the next thread that starts, so memory
 * is bounded by the most threads that ever ran at once.
 */
#include "steerway/metric.h"

#include "steerway/base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct holder {
	struct metric_cells cells; /* first: holder and cells share an address, which is a cache line's start */
	struct holder *next;       /* constant once it is in the list */
	_Atomic bool is_taken;
};

_Thread_local struct metric_cells *metric_cells_here;
static _Atomic(struct holder *) holders;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void on_thread_exit(void *arg) {
	struct holder *h = arg;
	metric_cells_here = NULL; /* a destructor that runs later and counts takes cells anew */
	atomic_store_explicit(&h->is_taken, false, memory_order_release);
}

static void create_exit_key(void) {
	if (pthread_key_create(&exit_key, on_thread_exit) != 0)
		abort(); /* 1024 keys a process, and steerway makes a handful */
}

static struct holder *take_left_over(void) {
	for (struct holder *h = atomic_load_explicit(&holders, memory_order_acquire); h != NULL; h = h->next)
		if (!atomic_load_explicit(&h->is_taken, memory_order_relaxed) &&
		    !atomic_exchange_explicit(&h->is_taken, true, memory_order_acquire))
			return h;
	return NULL;
}

static struct holder *create(void) {
	struct holder *h = mem_zalloc_lines(sizeof *h);
	atomic_init(&h->is_taken, true);
	h->next = atomic_load_explicit(&holders, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&holders, &h->next, h, memory_order_release, memory_order_relaxed)) {
	}
	return h;
}

struct metric_cells *metric_thread_cells(void) {
	if (metric_cells_here == NULL) {
		pthread_once(&exit_once, create_exit_key);
		struct holder *h = take_left_over();
		if (h == NULL)
			h = create();
		pthread_setspecific(exit_key, h);
		metric_cells_here = &h->cells;
	}
	return metric_cells_here;
}

/* Wraps around like the cells do, so that a gauge whose ups and downs fell on different threads still comes out right. */
int64_t metric_sum(enum metric m) {
	uint64_t sum = 0;
	for (struct holder *h = atomic_load_explicit(&holders, memory_order_acquire); h != NULL; h = h->next)
		sum += atomic_load_explicit(&h->cells.value[m], memory_order_relaxed);
	return (int64_t)sum;
}
