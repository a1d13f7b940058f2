/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of one thread: libevent for descriptors, one timerfd for all deadlines, one eventfd for tasks from other
 * threads. Time is read once a turn, at its first callback.
 *
 * The deadlines stand on a timerfd and not on libevent's timers, which would read the clock twice more a turn.
 */
#include "io/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct loop {
	struct event_base *base;
	struct heap deadlines;
	uint64_t armed_us; /* when the timerfd fires; UINT64_MAX: not armed */
	int timer_fd, wake_fd;
	struct event timer, wake;
	_Atomic(struct loop_task *) posted; /* newest first */
	struct loop_task *deferred;         /* to the end of this turn; newest first */
	_Atomic bool stops;
	bool is_fresh; /* the clock was read in this turn */
};

void loop_enter(struct loop *l) {
	if (l->is_fresh)
		return;
	l->is_fresh = true;
	clock_update();
}

static void loop_arm(struct loop *l) {
	struct heap_node *min = heap_min(&l->deadlines);
	if (!min || min->key >= l->armed_us)
		return; /* it fires early enough already; firing for nothing is cheaper than setting it again */
	l->armed_us = min->key;
	uint64_t at = min->key ? min->key : 1; /* 0 would disarm */
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(at / USEC_PER_SEC),
		                                 .tv_nsec = (long)(at % USEC_PER_SEC * 1000) } };
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
	(void)what;
	struct loop *l = arg;
	uint64_t expirations;
	if (read(fd, &expirations, sizeof(expirations)) < 0 && errno == EAGAIN)
		return;
	l->is_fresh = false;
	loop_enter(l);
	l->armed_us = UINT64_MAX;
	uint64_t now = clock_now_us();
	for (struct heap_node *min; (min = heap_min(&l->deadlines)) && min->key <= now;) {
		struct deadline *d = CONTAINER_OF(min, struct deadline, node);
		if (d->at_us > now && d->at_us != UINT64_MAX) { /* it was moved later meanwhile */
			min->key = d->at_us;
			heap_update(&l->deadlines, min);
			continue;
		}
		heap_remove(&l->deadlines, min);
		if (d->at_us == UINT64_MAX)
			continue;
		d->at_us = UINT64_MAX;
		d->on_expire(d);
	}
	loop_arm(l);
}

static void run_tasks(struct loop_task *newest) {
	struct loop_task *oldest = NULL;
	while (newest) {
		struct loop_task *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct loop_task *task = oldest;
		oldest = task->next;
		task->run(task); /* the task may be gone, or posted again, after this */
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
	(void)what;
	struct loop *l = arg;
	uint64_t count;
	(void)!read(fd, &count, sizeof(count));
	loop_enter(l);
	run_tasks(atomic_exchange_explicit(&l->posted, NULL, memory_order_acquire));
}

static void wake(struct loop *l) {
	uint64_t one = 1;
	(void)!write(l->wake_fd, &one, sizeof(one)); /* only fails when a wake-up is pending anyway */
}

void loop_post(struct loop *l, struct loop_task *task) {
	struct loop_task *newest = atomic_load_explicit(&l->posted, memory_order_relaxed);
	do
		task->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&l->posted, &newest, task, memory_order_release, memory_order_relaxed));
	if (!newest)
		wake(l);
}

void loop_defer(struct loop *l, struct loop_task *task) {
	task->next = l->deferred;
	l->deferred = task;
}

void loop_undefer(struct loop *l, struct loop_task *task) {
	for (struct loop_task **at = &l->deferred; *at; at = &(*at)->next)
		if (*at == task) {
			*at = task->next;
			return;
		}
}

static void activate(struct loop_task *task) {
	event_active(CONTAINER_OF(task, struct loop_again, task)->event, EV_READ, 0);
}

void loop_again(struct loop *l, struct loop_again *a, struct event *e) {
	loop_undefer(l, &a->task);
	*a = (struct loop_again){ .task.run = activate, .event = e };
	loop_defer(l, &a->task);
}

/* A deferred task may defer another, which then runs in the same turn. */
static void run_deferred(struct loop *l) {
	while (l->deferred) {
		struct loop_task *newest = l->deferred;
		l->deferred = NULL;
		run_tasks(newest);
	}
}

struct loop *loop_create(struct err *e) {
	struct loop *l = mem_zalloc(sizeof(*l));
	l->timer_fd = l->wake_fd = -1;
	l->armed_us = UINT64_MAX;
	struct event_config *config = event_config_new();
	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
		event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
		event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
		l->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (!l->base) {
		err_set(e, "cannot create an event loop: libevent has no edge-triggered backend here");
		goto fail;
	}
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->timer_fd < 0 || l->wake_fd < 0) {
		err_errno(e, "cannot create an event loop");
		goto fail;
	}
	event_assign(&l->timer, l->base, l->timer_fd, EV_READ | EV_PERSIST, on_timer, l);
	event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	if (event_add(&l->timer, NULL) < 0 || event_add(&l->wake, NULL) < 0) {
		err_errno(e, "cannot watch an event loop's own descriptors");
		goto fail;
	}
	return l;
fail:
	loop_destroy(l);
	return NULL;
}

void loop_destroy(struct loop *l) {
	if (!l)
		return;
	if (l->base) {
		if (event_initialized(&l->timer))
			event_del(&l->timer);
		if (event_initialized(&l->wake))
			event_del(&l->wake);
		event_base_free(l->base);
	}
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	heap_fini(&l->deadlines);
	mem_free(l);
}

void loop_run(struct loop *l) {
	while (!atomic_exchange_explicit(&l->stops, false, memory_order_acquire)) {
		l->is_fresh = false;
		event_base_loop(l->base, EVLOOP_ONCE);
		run_deferred(l);
	}
}

void loop_stop(struct loop *l) {
	atomic_store_explicit(&l->stops, true, memory_order_release);
	wake(l);
}

struct event_base *loop_base(struct loop *l) {
	return l->base;
}

void deadline_init(struct deadline *d, struct loop *l, void (*on_expire)(struct deadline *)) {
	*d = (struct deadline){ .at_us = UINT64_MAX, .loop = l, .on_expire = on_expire };
}

void deadline_set(struct deadline *d, uint64_t at_us) {
	d->at_us = at_us;
	if (d->node.index == 0) {
		d->node.key = at_us;
		heap_insert(&d->loop->deadlines, &d->node);
	} else if (at_us < d->node.key) {
		d->node.key = at_us;
		heap_update(&d->loop->deadlines, &d->node);
	} else {
		return;
	}
	loop_arm(d->loop);
}

void deadline_clear(struct deadline *d) {
	d->at_us = UINT64_MAX; /* the loop takes it out when it looks at it next */
}

void deadline_fini(struct deadline *d) {
	if (d->node.index != 0)
		heap_remove(&d->loop->deadlines, &d->node);
	d->at_us = UINT64_MAX;
}
