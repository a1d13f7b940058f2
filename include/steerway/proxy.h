/* SPDX-License-Identifier: BSD-2-Clause */
/* The L7 proxy: sessions, transactions, routes, connections to servers, access log. */
#ifndef STEERWAY_PROXY_H
#define STEERWAY_PROXY_H

#include "steerway/fleet.h"

struct proxy;
struct proxy *proxy_create(struct fleet *f, struct workers *w, struct loop *control, struct err *e);
/* After proxy_stop. */
void proxy_destroy(struct proxy *p);

/* prepare compiles routes, loads certificates and opens new listening sockets; commit switches. */
struct proxy_plan;
struct proxy_plan *proxy_prepare(struct proxy *p, const struct cfg_root *cfg, struct err *e);
void proxy_commit(struct proxy_plan *plan);
void proxy_discard(struct proxy_plan *plan);
/* Loads what the listeners' TLS hangs on, and drops it: certificates, keys of tickets, authorities, revocation lists. */
int proxy_check_tls(const struct cfg_root *cfg, struct err *e);

/* Stops accepting, closes idle connections; requests in progress may finish until `deadline_ms` from now, then they are cut.
 * Calls `done` on the control thread when no session is left. */
void proxy_stop(struct proxy *p, uint64_t deadline_ms, void (*done)(void *arg), void *arg);

/* For `show listeners`; control thread. */
struct proxy_listener_state {
	struct str name;
	struct addr address;
	bool is_tls;
	uint64_t connections, max_connections;
};
void proxy_each_listener(struct proxy *p, void (*each)(void *arg, const struct proxy_listener_state *l), void *arg);

/* For `explain route`: what would happen to a request. Control thread. */
struct proxy_question {
	struct str method, url, client; /* an absolute URL; an IP address */
	const struct str *fields;       /* as "Name: value" */
	size_t n_fields;
};
struct proxy_candidate {
	const char *name, *place; /* "routes[3]", "site.yaml:14:5" */
	const char *host, *path;
	uint32_t priority;
	bool is_taken;
	const char *why;
};
struct proxy_explained {
	void (*candidate)(void *arg, const struct proxy_candidate *c); /* in the order in which they are looked at */
	void (*effect)(void *arg, const char *what, const char *text); /* of the one that takes it */
	void *arg;
};
/* -1: the question is no request. */
int proxy_explain_route(struct proxy *p, const struct proxy_question *q, const struct proxy_explained *out, struct err *e);

/* How transactions ended. Rows in tables/ends.h. */
enum proxy_end {
#define PROXY_END(id, name, status, text) PROXY_END_##id,
#include "steerway/tables/ends.h"
#undef PROXY_END
	PROXY_END_COUNT
};
const char *proxy_end_name(enum proxy_end e); /* "no_server" */
const char *proxy_end_text(enum proxy_end e); /* "no usable server in the pool" */
/* Transactions that ended so, over all workers. */
uint64_t proxy_end_count(const struct proxy *p, enum proxy_end e);

#endif
