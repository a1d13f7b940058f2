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
