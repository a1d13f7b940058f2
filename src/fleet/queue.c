/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that wait while the pool, or every usable server, is at its limit. Each waits in its own worker; limits and the queue's
 * length hold over all workers. First come, first served within a class and a worker; workers take turns.
 *
 * No wake-up is lost. Who makes room gives back first (G), then looks at `waiting` (L), with a full fence between them. Who waits
 * first raises `waiting` (R), then tries to pick (P), with a fence between them. If L came before R, then G came before P, which so
 * finds the room; if R came before L, the giver sees a waiter and wakes. R raises its own worker's count before `waiting`, so that
 * the giver finds that worker.
 *
 * Only the first of all waiters (R found 0) makes the attempt P: a later one does not pass those before it. It is woken, since whoever
 * leaves the queue and leaves others behind wakes the next, unless he just found that all are busy; and from a pick that found that
 * on, the rule above holds again. A wake-up that is posted already will still see what was given back: its worker clears the mark
 * before it looks.
 */
#include "private.h"
#include "steerway/base/clock.h"
#include "steerway/metric.h"

#include <urcu/urcu-memb.h>

#define WAITER_OF(it) CONTAINER_OF(it, struct fleet_waiter, link)

/* ThreadSanitizer knows no fences: for it the same by a variable that all of them write. */
static void fence(void) {
#ifdef FLEET_TSAN
	static _Atomic unsigned all;
	atomic_fetch_add(&all, 1);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

uint32_t fleet_waiting(const struct fleet_pool *p) {
	return atomic_load_explicit(&p->bound->waiting, memory_order_relaxed);
}

/* ---- waking ---- */

static void wake_post(struct fleet_queue *q) {
	if (atomic_exchange_explicit(&q->wake_is_posted, true, memory_order_acq_rel))
		return;
	if (q->pool->fleet->workers) /* in tests the caller runs it */
		loop_post(workers_loop(q->pool->fleet->workers, q->worker), &q->wake);
}

static void wake_next(struct fleet_pool *p) {
	unsigned n = p->fleet->n_slots;
	unsigned start = atomic_fetch_add_explicit(&p->bound->next_wake, 1, memory_order_relaxed);
	for (unsigned class = 0; class < FLEET_CLASSES; class ++)
		for (unsigned i = 0; i < n; i++) {
			struct fleet_queue *q = &p->cells[(start + i) % n].queue;
			if (atomic_load_explicit(&q->n_waiting[class], memory_order_acquire) > 0) {
				wake_post(q);
				return;
			}
		}
	/* Who waited has just left, and looks himself whether others wait. */
}

void queue_wake(struct fleet_pool *p) {
	fence();
	if (atomic_load_explicit(&p->bound->waiting, memory_order_acquire) > 0)
		wake_next(p);
}

void queue_wake_all(struct fleet_pool *p) {
	fence();
	for (unsigned i = 0; i < p->fleet->n_slots && fleet_waiting(p) > 0; i++)
		wake_post(&p->cells[i].queue);
}

void fleet_connection_offer(struct fleet_server *s, unsigned worker) {
	/* Of use to this worker alone, so no one else has to be asked. */
	struct fleet_queue *q = &s->pool->cells[worker].queue;
	for (unsigned class = 0; class < FLEET_CLASSES; class ++)
		if (!list_is_empty(&q->waiters[class])) {
			wake_post(q);
			return;
		}
}

bool queue_is_held(const struct fleet_pool *p) {
	if (atomic_load_explicit(&p->bound->waiting, memory_order_acquire) > 0)
		return true;
	for (unsigned i = 0; i < p->fleet->n_slots; i++)
		if (atomic_load_explicit(&p->cells[i].queue.wake_is_posted, memory_order_acquire))
			return true;
	return false;
}

/* ---- one worker's queue ---- */

static void queue_arm(struct fleet_queue *q) {
	uint64_t first_us = UINT64_MAX;
	for (unsigned class = 0; class < FLEET_CLASSES; class ++)
		if (!list_is_empty(&q->waiters[class])) {
			uint64_t until_us = WAITER_OF(q->waiters[class].next)->until_us;
			first_us = until_us < first_us ? until_us : first_us;
		}
	if (!q->deadline.loop)
		return;
	if (first_us == UINT64_MAX)
		deadline_fini(
		    &q->deadline); /* the pool may go as soon as nobody waits, and must not stand in the loop's heap then */
	else
		deadline_set(&q->deadline, first_us);
}

/* Takes it out; the caller looks whether others are to be woken. */
static void leave(struct fleet_queue *q, struct fleet_waiter *w) {
	list_remove(&w->link);
	queue_arm(q);
	atomic_fetch_sub_explicit(&q->n_waiting[w->class], 1, memory_order_acq_rel);
	atomic_fetch_sub_explicit(&q->pool->bound->waiting, 1, memory_order_acq_rel);
	metric_add(METRIC_fleet_queue, -1);
}

void fleet_wait_end(struct fleet_waiter *w) {
	if (!w->link.next || list_is_empty(&w->link))
		return;
	struct fleet_pool *p = w->pool;
	leave(&p->cells[w->worker].queue, w);
	queue_wake(p);
}

static void give_up(struct fleet_queue *q, struct fleet_waiter *w, enum fleet_pick result) {
	leave(q, w);
	metric_add(METRIC_fleet_shed_total, 1);
	w->on_turn(w, result, NULL);
}

/* Until all are busy, or nobody is left. */
static bool serve(struct fleet_queue *q) {
	for (unsigned class = 0; class < FLEET_CLASSES; class ++)
		while (!list_is_empty(&q->waiters[class])) {
			struct fleet_waiter *w = WAITER_OF(q->waiters[class].next);
			struct fleet_server *s = NULL;
			enum fleet_pick result = fleet_pick(q->pool, q->worker, w->request, &s);
			if (result == FLEET_ALL_BUSY)
				return false;
			leave(q, w);
			w->on_turn(w, result, s);
			class = 0; /* who came meanwhile may go first */
		}
	return true;
}

void queue_run(struct fleet_pool *p, unsigned worker) {
	struct fleet_queue *q = &p->cells[worker].queue;
	urcu_memb_read_lock(); /* before the mark is cleared: with it the pool's last hold may go */
	atomic_exchange_explicit(&q->wake_is_posted, false, memory_order_acq_rel);
	bool all_served = serve(q);
	if (all_served)
		queue_wake(p);
	/* Others wait, perhaps for connections that are kept idle here. */
	if (p->fleet->scarce && all_served && fleet_waiting(p) > 0)
		p->fleet->scarce(p->fleet->scarce_arg, p, worker);
	urcu_memb_read_unlock();
}

void queue_expire(struct fleet_pool *p, unsigned worker) {
	struct fleet_queue *q = &p->cells[worker].queue;
	urcu_memb_read_lock();
	for (unsigned class = 0; class < FLEET_CLASSES; class ++)
		while (!list_is_empty(&q->waiters[class]) && WAITER_OF(q->waiters[class].next)->until_us <= clock_now_us())
			give_up(q, WAITER_OF(q->waiters[class].next), FLEET_QUEUE_TIMEOUT);
	queue_arm(q);
	queue_wake(p);
	urcu_memb_read_unlock();
}

static void on_wake(struct loop_task *task) {
	struct fleet_queue *q = CONTAINER_OF(task, struct fleet_queue, wake);
	queue_run(q->pool, q->worker);
}

static void on_deadline(struct deadline *d) {
	struct fleet_queue *q = CONTAINER_OF(d, struct fleet_queue, deadline);
	queue_expire(q->pool, q->worker);
}

void queue_init(struct fleet_pool *p) {
	struct workers *workers = p->fleet->workers;
	for (unsigned i = 0; i < p->fleet->n_slots; i++) {
		struct fleet_queue *q = &p->cells[i].queue;
		for (unsigned class = 0; class < FLEET_CLASSES; class ++)
			list_init(&q->waiters[class]);
		q->pool = p;
		q->worker = i;
		q->wake.run = on_wake;
		if (workers)
			deadline_init(&q->deadline, workers_loop(workers, i), on_deadline);
	}
}

/* ---- entering ---- */

/* Raises the count of all workers below `length`; *before: what it was. */
static bool place_take(struct fleet_pool *p, uint64_t length, uint32_t *before) {
	*before = atomic_load_explicit(&p->bound->waiting, memory_order_relaxed);
	do
		if (*before >= length)
			return false;
	while (!atomic_compare_exchange_weak_explicit(&p->bound->waiting, before, *before + 1, memory_order_acq_rel,
	                                              memory_order_relaxed));
	return true;
}

/* The youngest of the least urgent that wait in this worker makes room for a more urgent one. */
static bool displace(struct fleet_queue *q, unsigned class) {
	for (unsigned other = FLEET_CLASSES - 1; other > class; other--)
		if (!list_is_empty(&q->waiters[other])) {
			give_up(q, WAITER_OF(q->waiters[other].prev), FLEET_QUEUE_FULL);
			return true;
		}
	return false;
}

static bool enter(struct fleet_queue *q, struct fleet_waiter *w, const struct cfg_queue *cfg, uint32_t *before) {
	atomic_fetch_add_explicit(&q->n_waiting[w->class], 1, memory_order_acq_rel);
	while (!place_take(q->pool, cfg->length, before))
		if (!displace(q, w->class)) {
			atomic_fetch_sub_explicit(&q->n_waiting[w->class], 1, memory_order_acq_rel);
			metric_add(METRIC_fleet_shed_total, 1);
			return false;
		}
	w->until_us = clock_now_us() + cfg->timeout_ms * USEC_PER_MSEC;
	list_append(&q->waiters[w->class], &w->link);
	queue_arm(q);
	metric_add(METRIC_fleet_queue, 1);
	return true;
}

enum fleet_pick fleet_pick_or_wait(struct fleet_pool *p, unsigned worker, struct fleet_waiter *w, struct fleet_server **out) {
	struct fleet_queue *q = &p->cells[worker].queue;
	enum fleet_pick result = FLEET_ALL_BUSY;
	uint32_t before;
	if (fleet_waiting(p) == 0)
		result = fleet_pick(p, worker, w->request, out);
	if (result != FLEET_ALL_BUSY)
		return result;
	const struct cfg_queue *cfg = &atomic_load_explicit(&p->cfg, memory_order_acquire)->queue;
	if (cfg->length == 0)
		return fleet_pick(p, worker, w->request, out); /* those that wait are from before a reload */
	w->pool = p;
	w->worker = worker;
	if (!enter(q, w, cfg, &before))
		return FLEET_QUEUE_FULL;
	if (before == 0) {
		fence();
		result = fleet_pick(p, worker, w->request, out);
		if (result != FLEET_ALL_BUSY) {
			leave(q, w);
			queue_wake(p);
			return result;
		}
	}
	metric_add(METRIC_fleet_queued_total, 1);
	if (atomic_load_explicit(&p->bound->connections, memory_order_relaxed) > 0 && p->fleet->scarce)
		queue_wake_all(p); /* connections that other workers keep idle would serve */
	return FLEET_WAITING;
}
