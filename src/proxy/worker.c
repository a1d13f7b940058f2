/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker's part of the proxy: brackets of callbacks, sweeping of idle connections, cutting, stopping. */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

#ifndef __SANITIZE_THREAD__ /* which knows the library's own functions, but not these */
#define _LGPL_SOURCE        /* inline read_lock and read_unlock, for sources whose licence goes with theirs */
#endif
#include <urcu/urcu-memb.h>

/* The last session of a stopping worker ended: says so, once. */
static void tell_stopped(struct proxy_worker *w) {
	if (!w->is_stopping || w->stopped_is_posted || !list_is_empty(&w->sessions))
		return;
	w->stopped_is_posted = true;
	loop_post(w->proxy->control, &w->stopped);
}

void worker_enter(struct proxy_worker *w) {
	if (w->depth++ == 0)
		urcu_memb_read_lock();
}

void worker_leave(struct proxy_worker *w) {
	if (--w->depth > 0)
		return;
	LIST_EACH(it, &w->dead_streams)
		mem_free(CONTAINER_OF(it, struct h2_stream, link));
	list_init(&w->dead_streams);
	LIST_EACH(it, &w->dead_upstreams)
		upstream_free(CONTAINER_OF(it, struct upstream, link));
	list_init(&w->dead_upstreams);
	if (!list_is_empty(&w->dead_sessions)) {
		LIST_EACH(it, &w->dead_sessions)
			session_free(CONTAINER_OF(it, struct session, link));
		list_init(&w->dead_sessions);
		tell_stopped(w);
	}
	urcu_memb_read_unlock();
}

static void on_sweep(struct loop_task *task) {
	struct proxy_worker *w = CONTAINER_OF(task, struct proxy_worker, sweep);
	atomic_store(&w->sweep_is_posted, false);
	worker_enter(w);
	upstream_sweep(w, false);
	worker_leave(w);
}

void worker_post_sweep(struct proxy_worker *w) {
	if (!atomic_exchange(&w->sweep_is_posted, true))
		loop_post(w->loop, &w->sweep);
}

static void cut_all(struct proxy_worker *w, enum proxy_end end) {
	LIST_EACH(it, &w->sessions)
		session_cut(CONTAINER_OF(it, struct session, link), end);
}

static void on_stop_deadline(struct deadline *d) {
	struct proxy_worker *w = CONTAINER_OF(d, struct proxy_worker, stop_deadline);
	worker_enter(w);
	cut_all(w, PROXY_END_STOP_DEADLINE);
	worker_leave(w);
}

static void on_stopped(struct loop_task *task) {
	struct proxy *p = CONTAINER_OF(task, struct proxy_worker, stopped)->proxy;
	if (++p->n_stopped == p->n_workers && p->on_stopped)
		p->on_stopped(p->on_stopped_arg);
}

void worker_init(struct proxy_worker *w, struct proxy *p, unsigned index) {
	w->proxy = p;
	w->index = index;
	w->loop = workers_loop(p->threads, index);
	list_init(&w->sessions);
	list_init(&w->txns);
	list_init(&w->idle_upstreams);
	list_init(&w->dead_sessions);
	list_init(&w->dead_upstreams);
	w->pattern_scratch = pattern_scratch_create();
	list_init(&w->dead_streams);
	list_init(&w->h2_marked);
	w->flush.run = h2_flush_marked;
	w->sweep.run = on_sweep;
	w->stopped.run = on_stopped;
	deadline_init(&w->stop_deadline, w->loop, on_stop_deadline);
}

void worker_stop_here(struct proxy_worker *w) {
	worker_enter(w);
	w->is_stopping = true;
	LIST_EACH(it, &w->proxy->listeners)
		listener_stop_here(CONTAINER_OF(it, struct proxy_listener, link), w);
	LIST_EACH(it, &w->sessions)
		session_wind_down(CONTAINER_OF(it, struct session, link));
	deadline_set(&w->stop_deadline, w->proxy->stop_at_us);
	worker_leave(w);
	tell_stopped(w);
}

static struct txn *find_served_by(const struct proxy_worker *w, const struct fleet_server *server) {
	LIST_EACH(it, &w->txns)
		if (CONTAINER_OF(it, struct txn, link)->server == server)
			return CONTAINER_OF(it, struct txn, link);
	return NULL;
}

void worker_cut_here(struct proxy_worker *w, const struct fleet_server *server, enum proxy_end end) {
	worker_enter(w);
	for (struct txn *t; (t = find_served_by(w, server));)
		txn_fail(t, end, 0); /* may end others that share its connection: look anew */
	worker_leave(w);
}

void worker_fini(struct proxy_worker *w) {
	worker_enter(w);
	LIST_EACH(it, &w->proxy->listeners) /* still open when the daemon did not get as far as to serve */
		listener_stop_here(CONTAINER_OF(it, struct proxy_listener, link), w);
	cut_all(w, PROXY_END_STOP_DEADLINE);
	upstream_sweep(w, true);
	worker_leave(w);
	h2_flush_marked(&w->flush); /* closes those to servers that served a request until now */
	loop_undefer(w->loop, &w->flush);
	deadline_fini(&w->stop_deadline);
	txn_free_all(w);
	pattern_scratch_destroy(w->pattern_scratch);
	h2_thread_fini(w);
}
