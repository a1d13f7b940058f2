/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listeners: a bound address with one listening socket a worker (SO_REUSEPORT). They live by name and address, so that a reload
 * that keeps them keeps their sockets and what waits in the kernel's queues.
 */
#include "proxy/private.h"

#include "steerway/base/log.h"

#include <unistd.h>

struct proxy_listener *listener_create(struct proxy *p, const struct cfg_listener *cfg, const struct addr *at, struct err *e) {
	struct proxy_listener *l = mem_zalloc_lines(sizeof(*l) + p->n_workers * sizeof(l->acceptors[0]));
	list_init(&l->link);
	l->name = mem_strdup(cfg->id);
	l->address = *at;
	l->id = p->next_listener_id++;
	l->is_used = true;
	l->n_acceptors = p->n_workers;
	for (unsigned i = 0; i < l->n_acceptors; i++)
		l->acceptors[i] = (struct proxy_acceptor){ .listener = l, .worker = &p->workers[i], .fd = -1 };
	for (unsigned i = 0; i < l->n_acceptors; i++) {
		l->acceptors[i].fd = socket_listen_tcp(at, (int)cfg->backlog, e);
		if (l->acceptors[i].fd < 0) {
			err_context(e, "listeners.%s.bind", l->name);
			listener_destroy(l);
			return NULL;
		}
	}
	return l;
}

void listener_destroy(struct proxy_listener *l) {
	list_remove(&l->link);
	for (unsigned i = 0; i < l->n_acceptors; i++)
		if (l->acceptors[i].fd >= 0)
			close(l->acceptors[i].fd);
	mem_free(l->name);
	mem_free(l);
}

static bool has_room(struct acceptor *a) {
	const struct proxy_listener *l = CONTAINER_OF(a, struct proxy_acceptor, acceptor)->listener;
	if (atomic_load_explicit(&l->connections, memory_order_relaxed) <
	    atomic_load_explicit(&l->max_connections, memory_order_relaxed))
		return true;
	metric_add(METRIC_proxy_listener_full_total, 1);
	return false;
}

static void on_accept(struct acceptor *a, int fd, const struct addr *peer) {
	struct proxy_acceptor *here = CONTAINER_OF(a, struct proxy_acceptor, acceptor);
	struct proxy_worker *w = here->worker;
	worker_enter(w);
	session_accept(here, fd, peer);
	worker_leave(w);
}

void listener_start_here(struct proxy_listener *l, struct proxy_worker *w) {
	struct proxy_acceptor *a = &l->acceptors[w->index];
	if (a->fd < 0)
		return; /* runs already */
	struct err e;
	int fd = a->fd;
	a->fd = -1;
	if (acceptor_start(&a->acceptor, w->loop, fd, on_accept, has_room, &e) < 0) {
		log_error("listener_failed", LOG_CSTR("listener", l->name), LOG_CSTR("cause", e.text));
		close(fd);
	}
}

void listener_stop_here(struct proxy_listener *l, struct proxy_worker *w) {
	struct proxy_acceptor *a = &l->acceptors[w->index];
	acceptor_stop(&a->acceptor);
}

void listener_release(struct proxy_listener *l, struct proxy_worker *w) {
	struct acceptor *a = &l->acceptors[w->index].acceptor;
	bool resumes = a->is_paused && a->fd >= 0;
	/* When it was stopped here, nothing of it may be touched behind this. */
	atomic_fetch_sub_explicit(&l->connections, 1, memory_order_release);
	if (resumes && atomic_load_explicit(&l->connections, memory_order_relaxed) <
	                   atomic_load_explicit(&l->max_connections, memory_order_relaxed))
		acceptor_resume(a);
}
