/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder as its own files see it. */
#ifndef STEERWAY_GSLB_PRIVATE_H
#define STEERWAY_GSLB_PRIVATE_H

#include "gslb/zone.h"

struct gslb {
	_Atomic(struct zones *) zones; /* NULL before the first commit */
	struct fleet *fleet;
	struct workers *workers;
	struct fleet_subscriber subscriber;
	struct render *render; /* the control thread's */
	struct list endpoints; /* served now */
};

/* ---- endpoint.c: an address that is served, over UDP and TCP, by every worker ---- */

struct tcp_server;
struct endpoint {
	struct list link;
	struct gslb *gslb;
	struct addr at;
	_Atomic unsigned max_connections; /* a worker's share */
	int backlog;
	bool is_kept; /* by the plan under way */
	struct endpoint_part {
		struct endpoint *endpoint;
		unsigned worker;
		int udp_fd, tcp_fd; /* -1: taken over by `udp` and `server`, or closed */
		struct udp_socket *udp;
		struct tcp_server *server;
	} * parts; /* one a worker */
};
/* Opens the sockets; nothing is served yet. */
struct endpoint *endpoint_create(struct gslb *g, const struct addr *at, const struct cfg_listener *cfg, struct err *e);
/* Of one that does not serve. */
void endpoint_destroy(struct endpoint *n);
void endpoint_configure(struct endpoint *n, const struct cfg_listener *cfg);
/* On all workers; from the control thread. */
void endpoint_start(struct endpoint *n);
void endpoint_stop(struct endpoint *n);

/* ---- tcp.c: DNS over TCP (RFC 7766), a server an endpoint and worker ---- */

struct tcp_server *tcp_server_start(struct endpoint_part *p, struct loop *l, int fd, struct err *e);
/* Closes its connections, too. */
void tcp_server_stop(struct tcp_server *s);
void tcp_server_set_backlog(struct tcp_server *s, int backlog);

#endif
