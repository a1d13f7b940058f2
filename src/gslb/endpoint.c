/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An address that DNS is served on: a UDP and a TCP socket for each worker, opened on the control thread (so that a port that is
 * taken is an error of the reload) and handed to the workers.
 */
#include "gslb/private.h"

#include "steerway/base/log.h"

#include <unistd.h>
#include <urcu/urcu-memb.h>

void endpoint_configure(struct endpoint *n, const struct cfg_listener *cfg) {
	uint64_t share = cfg->max_connections / workers_count(n->gslb->workers);
	atomic_store_explicit(&n->max_connections, share > 0 ? (unsigned)share : 1, memory_order_relaxed);
	if (n->backlog != (int)cfg->backlog) {
		n->backlog = (int)cfg->backlog;
		for (unsigned i = 0; i < workers_count(n->gslb->workers); i++)
			if (n->parts[i].server)
				tcp_server_set_backlog(n->parts[i].server, n->backlog);
	}
}

struct endpoint *endpoint_create(struct gslb *g, const struct addr *at, const struct cfg_listener *cfg, struct err *e) {
	unsigned n_parts = workers_count(g->workers);
	struct endpoint *n = mem_zalloc(sizeof(*n));
	n->gslb = g;
	n->at = *at;
	n->parts = mem_zalloc_array(n_parts, sizeof(*n->parts));
	n->clients = mem_zalloc_array(ENDPOINT_CLIENTS, sizeof(*n->clients));
	list_init(&n->link);
	endpoint_configure(n, cfg);
	for (unsigned i = 0; i < n_parts; i++)
		n->parts[i] = (struct endpoint_part){ .endpoint = n, .worker = i, .udp_fd = -1, .tcp_fd = -1 };
	for (unsigned i = 0; i < n_parts; i++) {
		struct endpoint_part *p = &n->parts[i];
		p->udp_fd = socket_bind_udp(at, e);
		if (p->udp_fd < 0)
			goto fail;
		p->tcp_fd = socket_listen_tcp(at, n->backlog, e);
		if (p->tcp_fd < 0)
			goto fail;
	}
	return n;
fail:
	endpoint_destroy(n);
	return NULL;
}

void endpoint_destroy(struct endpoint *n) {
	for (unsigned i = 0; i < workers_count(n->gslb->workers); i++) {
		if (n->parts[i].udp_fd >= 0)
			close(n->parts[i].udp_fd);
		if (n->parts[i].tcp_fd >= 0)
			close(n->parts[i].tcp_fd);
	}
	mem_free(n->parts);
	mem_free(n->clients);
	mem_free(n);
}

static void on_datagrams(void *context, struct udp_message *messages, unsigned n) {
	const struct endpoint_part *p = context;
	urcu_memb_read_lock();
	gslb_answer_batch(p->endpoint->gslb, p->worker, messages, n);
	urcu_memb_read_unlock();
}

static void start_here(void *arg, unsigned worker, struct loop *l) {
	struct endpoint *n = arg;
	struct endpoint_part *p = &n->parts[worker];
	struct err e;
	p->udp = udp_socket_start(l, p->udp_fd, on_datagrams, p, &e);
	if (p->udp)
		p->udp_fd = -1;
	else
		log_error("listener_failed", LOG_CSTR("protocol", "udp"), LOG_CSTR("cause", e.text));
	p->server = tcp_server_start(p, l, p->tcp_fd, &e);
	if (p->server)
		p->tcp_fd = -1;
	else
		log_error("listener_failed", LOG_CSTR("protocol", "tcp"), LOG_CSTR("cause", e.text));
}

void endpoint_start(struct endpoint *n) {
	workers_call(n->gslb->workers, start_here, n);
}

static void stop_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct endpoint_part *p = &((struct endpoint *)arg)->parts[worker];
	udp_socket_stop(p->udp);
	tcp_server_stop(p->server);
	p->udp = NULL;
	p->server = NULL;
}

void endpoint_stop(struct endpoint *n) {
	workers_call(n->gslb->workers, stop_here, n);
}
