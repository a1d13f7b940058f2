/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one health truth: sites, pools and servers with their verdicts, admin states and drains; what proxy and DNS read to
 * decide. Health sets verdicts, admin sets admin states, both on the control thread; every change recomputes the views of the
 * pools concerned, publishes them (RCU) and raises the epoch. Workers read views only.
 *
 * Sites, pools and servers live by identity (name; for a server pool + name + address + site) and outlive reloads that keep them.
 *
 * A worker may hold on to a server while it counts an active request or an open connection there, to a pool while it holds such a
 * server or a retry of the pool or waits in its queue, and else within the read lock (urcu_memb_read_lock) that it found them in.
 */
#ifndef STEERWAY_FLEET_H
#define STEERWAY_FLEET_H

#include "steerway/base/addr.h"
#include "steerway/base/err.h"
#include "steerway/base/list.h"
#include "steerway/cfg.h"
#include "steerway/io.h"

#include <stdatomic.h>

enum fleet_verdict { FLEET_UNKNOWN, FLEET_UP, FLEET_DOWN };
enum fleet_admin { FLEET_READY, FLEET_DRAIN, FLEET_MAINT, FLEET_FORCED_UP, FLEET_FORCED_DOWN };
/* A drain's phases in order. Only a site has the DNS phase (DESIGN 7). */
enum fleet_phase { FLEET_PHASE_NONE, FLEET_PHASE_DNS, FLEET_PHASE_REQUESTS, FLEET_PHASE_SESSIONS, FLEET_PHASE_DRAINED };
const char *fleet_verdict_text(enum fleet_verdict v); /* "up" */
const char *fleet_admin_text(enum fleet_admin a);     /* "ready", "drain", "maint", "up", "down" */
const char *fleet_phase_text(enum fleet_phase p);     /* "dns" */

/* One worker's part of a server; a cache line that only this worker writes. */
struct fleet_slot {
	_Alignas(64) _Atomic uint32_t active; /* requests in progress; also keeps the server from being freed */
	_Atomic uint32_t open;                /* connections open, idle ones included; likewise */
	_Atomic uint64_t requests;            /* total; fleet_pick counts it */
	_Atomic uint64_t failures, retries;   /* totals; the proxy counts them */
	struct list idle;                     /* the proxy's idle connections, newest first; {NULL,NULL} until first used */
	uint32_t n_idle;                      /* connections that take another request without a new one being opened */
	uint32_t n_bounded;                   /* of `active`: counted in the server's in_progress */
	float latency_us;                     /* peak-EWMA as of latency_ms; 0: none measured */
	uint32_t latency_ms;                  /* clock_now_us in ms, wrapping */
};
_Static_assert(sizeof(struct fleet_slot) == 64, "a line each");

struct fleet_drain {
	_Atomic int phase; /* enum fleet_phase */
	uint64_t started_us;
	uint64_t phase_until_us; /* when the phase ends at the latest; 0: open end */
	uint64_t deadline_ms;    /* as asked for; runs from the start of the requests phase */
	bool has_sessions;       /* sticky ones: clients come back, so the requests phase does not end with the last request */
	uint64_t deadline_us;    /* when what is still in progress is cut; 0: not known before the requests phase */
};

struct fleet_site {
	struct str name;
	struct list link; /* fleet's */
	unsigned index;   /* 0..63: its bit in masks of sites */
	const struct cfg_site *cfg;
	enum fleet_admin admin;
	struct fleet_drain drain;
	_Atomic uint64_t answered_until_us; /* when the last DNS answer that named this site runs out; clock_now_us's time */
	bool is_own;                        /* node.site */
	bool is_removed;                    /* by a reload: freed with the last server that stands in it */
};

struct fleet_server {
	struct str name;
	struct str path; /* "pool/server" */
	struct addr address;
	struct list link; /* its pool's servers, in the order of the file */
	struct fleet_pool *pool;
	struct fleet_site *site;
	uint32_t weight;
	_Atomic uint32_t max_connections; /* 0: no bound */
	_Atomic uint32_t connections;     /* open over all workers, for the bound */
	_Atomic uint32_t max_requests;    /* 0: no bound */
	_Atomic uint32_t in_progress;     /* requests over all workers; counted while there is a bound */
	_Atomic int verdict;              /* enum fleet_verdict; a server without check is always up */
	enum fleet_admin admin;
	struct fleet_drain drain;
	_Atomic bool
	    takes_requests; /* what all of the above come to, or the pool's panic; workers close idle connections when false */
	bool has_check;
	_Atomic bool takes_sticky;  /* those of its own sessions: also while it drains, up to the sessions phase */
	_Atomic uint64_t sticky_id; /* names it in its pool's sticky table */
	bool is_up;                 /* what all of the above come to, panic aside */
	uint64_t ramp_from_us;      /* when it came up, while its share of the traffic still rises (slow_start); else 0 */
	uint64_t changed_us;        /* when the verdict last changed */
	struct str cause;           /* of the verdict: the probe's evidence, one line; owned */
	uint64_t changes_at_us;     /* when votes under way may change the verdict at the earliest; 0: none are */
	_Atomic bool is_suspected;  /* a passive report is on its way */
	struct loop_task suspicion;
	bool is_removed;           /* by a reload: freed when no slot holds it */
	uint64_t samples[10];      /* total of requests at each of the last 10 seconds, for fleet_rate */
	struct fleet_slot slots[]; /* one a worker */
};

struct fleet;
struct fleet_view;   /* who takes the requests of a pool, now; private to fleet */
struct fleet_layout; /* what of that follows from the configuration alone; private to fleet */
struct fleet_cell;   /* a worker's part of a pool; private to fleet */
struct sticky_table; /* which server a session's cookie names; private to fleet */
struct sticky_keys;
struct fleet_bound; /* counts over all workers; private to fleet */

struct fleet_pool {
	struct str name;
	struct list link;
	struct list servers;
	struct fleet *fleet;
	/* Workers read it within the read lock. Of a removed pool a copy of its scalars (timeouts, retries) without check, sites
	 * and servers, so that requests in progress can end by them. */
	const struct cfg_pool *_Atomic cfg;
	enum fleet_admin admin;
	struct fleet_drain drain;
	struct fleet_view *_Atomic view; /* RCU */
	struct fleet_layout *layout;
	struct sticky_table *_Atomic sticky; /* RCU; NULL: no sticky sessions */
	struct sticky_keys *sticky_keys;
	struct fleet_cell *cells;         /* one a worker */
	_Atomic uint32_t max_requests;    /* of the whole pool; 0: no bound */
	_Atomic uint32_t max_connections; /* likewise */
	struct fleet_bound *bound;        /* what is in use of those two, and who waits */
	bool is_panicking;                /* verdicts are ignored, since too few servers are up */
	bool is_ramping;                  /* some of its servers are (ramp_from_us) */
	uint64_t ramp_mark;               /* sum of what they get, for finding out that the view is behind */
	uint64_t usable_sites;            /* mask: sites with min_up servers that take requests, not withdrawn from DNS */
	bool is_settled;                  /* no verdict of its servers is in transition */
	uint64_t changes_at_us;           /* when such verdicts may change its usable sites at the earliest; 0: they can't */
	_Atomic uint32_t retrying;        /* retries in progress, for the budget */
	bool is_dirty;                    /* the next publish looks at it */
	bool is_reshaped;                 /* and makes its layout anew */
	bool is_removed;                  /* by a reload: freed with its last server */
};

/* In tests workers may be NULL (one slot), and so may control (nothing then happens by time). */
struct fleet *fleet_create(struct loop *control, struct workers *workers, struct err *e);
/* The control thread's loop; NULL in tests without one. */
struct loop *fleet_control(const struct fleet *f);
/* Once no worker reads it any more. */
void fleet_destroy(struct fleet *f);

/* Reload in two steps (DESIGN 3): prepare builds beside what serves, commit switches, discard forgets. `cfg` must outlive the
 * next commit, and a grace period after it. */
struct fleet_plan;
struct fleet_plan *fleet_prepare(struct fleet *f, const struct cfg_root *cfg, struct err *e);
void fleet_commit(struct fleet_plan *p);
void fleet_discard(struct fleet_plan *p);

uint64_t fleet_epoch(const struct fleet *f); /* any thread */
/* The epoch that carries every verdict set so far; control thread. */
uint64_t fleet_epoch_due(const struct fleet *f);
/* NULL: no such name. */
struct fleet_site *fleet_site_find(struct fleet *f, struct str name);
struct fleet_pool *fleet_pool_find(struct fleet *f, struct str name);
/* "pool/server". */
struct fleet_server *fleet_server_find(struct fleet *f, struct str name);
struct list *fleet_sites(struct fleet *f); /* of struct fleet_site, by link */
struct list *fleet_pools(struct fleet *f);

/* ---- the control thread, outside of any read lock (some wait for a grace period) ---- */

/* From health. `cause` is copied. changes_at_us: when votes under way may change it at the earliest; 0: none are. What changed is published before the
 * control loop's turn ends, together with the other verdicts of the turn (at once without a loop). */
void fleet_set_verdict(struct fleet *f, struct fleet_server *s, enum fleet_verdict v, uint64_t changes_at_us, struct str cause);

/* Publishes what waits for the end of the turn, now. */
void fleet_publish_due(struct fleet *f);

enum fleet_kind { FLEET_SITE, FLEET_POOL, FLEET_SERVER };
struct fleet_target {
	enum fleet_kind kind;
	union {
		struct fleet_site *site;
		struct fleet_pool *pool;
		struct fleet_server *server;
	};
};
/* Takes effect at once; anything also aborts a drain in progress. FLEET_DRAIN is the end of a drain: out of DNS, no requests, and
 * no waiting (fleet_drain waits). */
void fleet_set_admin(struct fleet *f, struct fleet_target t, enum fleet_admin a);
struct fleet_drain_options {
	uint64_t deadline_ms; /* for requests that do not end: they are cut then */
	bool force;           /* also when the others lack the capacity */
};
/* Starts a drain. -1 with `e`: refused, with the numbers. */
int fleet_drain(struct fleet *f, struct fleet_target t, const struct fleet_drain_options *o, struct err *e);
/* Requests in progress on its servers, over all workers. */
uint64_t fleet_active(struct fleet *f, struct fleet_target t);
/* The percentage of its weight that a server takes: less than 100 while it ramps up. */
unsigned fleet_ramp_percent(const struct fleet_server *s);
/* Requests a second over the last 10 s on its servers. */
uint64_t fleet_rate(struct fleet *f, struct fleet_target t);

/* Admin states, as text for the state file, and back; unknown names are kept out with a log line. */
void fleet_state_write(struct fleet *f, struct buf *out);
void fleet_state_read(struct fleet *f, struct str text);

/* Called on the control thread after each publish, in the order of subscription. */
struct fleet_subscriber {
	struct list link;
	void (*on_publish)(struct fleet_subscriber *s);
};
void fleet_subscribe(struct fleet *f, struct fleet_subscriber *s);
void fleet_unsubscribe(struct fleet_subscriber *s); /* before its memory goes; harmless on a zeroed one */
/* Called when a drain's deadline passes with requests in progress on this server: the proxy cuts them. Again every second while
 * there are any left. */
void fleet_on_cut(struct fleet *f, void (*cut)(void *arg, struct fleet_server *s), void *arg);
/* Called for each passive report (see fleet_suspect): health probes at once. */
void fleet_on_suspect(struct fleet *f, void (*suspect)(void *arg, struct fleet_server *s), void *arg);
/* Called before a removed server is freed; nothing may point to it afterwards. */
void fleet_on_forget(struct fleet *f, void (*forget)(void *arg, struct fleet_server *s), void *arg);

/* Called on a worker for a pool at a bound of connections whose requests wait in other workers: one idle connection of this worker
 * should be closed. */
void fleet_on_scarce(struct fleet *f, void (*scarce)(void *arg, struct fleet_pool *p, unsigned worker), void *arg);

/* ---- workers, within urcu_memb_read_lock ---- */

enum fleet_pick {
	FLEET_PICKED,
	FLEET_NO_SERVER,
	FLEET_ALL_BUSY,
	/* fleet_pick_or_wait alone: */
	FLEET_WAITING,
	FLEET_QUEUE_FULL,
	FLEET_QUEUE_TIMEOUT,
};
struct fleet_request {
	uint64_t hash;                     /* for balance: hash */
	uint64_t home;                     /* the session's: from fleet_sticky_home, or a hash of the client by source; 0: none */
	struct fleet_server *const *tried; /* not these, while there are others */
	unsigned n_tried;
	uint64_t avoid_sites;           /* mask, with n_tried > 0: nor in these sites, while there are others */
	const struct fleet_server *own; /* to it the asker has an idle connection that nobody else may use; NULL: none */
};
/* On FLEET_PICKED the server counts one more active request of this worker, until fleet_request_end. ALL_BUSY: the pool or every
 * usable server is at its limit of requests, or of connections where this worker has no idle one. */
enum fleet_pick fleet_pick(struct fleet_pool *p, unsigned worker, const struct fleet_request *r, struct fleet_server **out);
void fleet_request_end(struct fleet_server *s, unsigned worker);
/*
 * Waiting for room. Requests wait in their own worker, and only while the pool, or every usable server, is at its limit; the pool's
 * queue.length bounds them over all workers.
 */
enum { FLEET_CLASSES = 3 }; /* of urgency: all of a lower number go first */
struct fleet_waiter {
	struct list link; /* {NULL,NULL} or in no list: does not wait */
	struct fleet_pool *pool;
	const struct fleet_request *request;
	uint64_t until_us;
	unsigned worker;
	unsigned class;
	/* The end of waiting: PICKED (s as from fleet_pick), NO_SERVER, QUEUE_TIMEOUT, or QUEUE_FULL (one of a lower class took the
	 * place). Runs on the worker, from its loop, within the read lock; the waiter may be gone afterwards. */
	void (*on_turn)(struct fleet_waiter *w, enum fleet_pick result, struct fleet_server *s);
};
/*
 * Sticky sessions. The server that `home` names takes the request, also while it drains, as long as its pool's words and verdicts
 * let it; else the balance algorithm chooses.
 */
#define FLEET_STICKY_BYTES 32
/* What a client's cookie names; 0: it is not one of the pool's. */
uint64_t fleet_sticky_home(const struct fleet_pool *p, struct str cookie);
/* Should the client that was served by `s` get this cookie? Not when it has that one, or one whose server it was only for once not
 * served by. */
bool fleet_sticky_cookie(const struct fleet_pool *p, uint64_t home, const struct fleet_server *s, char out[FLEET_STICKY_BYTES]);

/* As fleet_pick; but where all are busy, or others wait already, `w` waits (FLEET_WAITING), if the pool has a queue. The caller has set
 * request, class and on_turn, and keeps what they point to. */
enum fleet_pick fleet_pick_or_wait(struct fleet_pool *p, unsigned worker, struct fleet_waiter *w, struct fleet_server **out);
/* Leaves the queue; harmless when it does not wait. */
void fleet_wait_end(struct fleet_waiter *w);
/* This worker has a connection to the server again that takes another request. */
void fleet_connection_offer(struct fleet_server *s, unsigned worker);
uint32_t fleet_waiting(const struct fleet_pool *p); /* in all workers */
uint64_t fleet_spilled(const struct fleet_pool *p); /* requests that went to a later level than the first */

/* balance: ewma. Time to the first byte of an answer; of a failure what it should count as. */
void fleet_observe(struct fleet_server *s, unsigned worker, uint64_t latency_us);
/* Takes one connection of the server's and the pool's bound; false at either. */
bool fleet_connection_take(struct fleet_server *s, unsigned worker);
void fleet_connection_release(struct fleet_server *s, unsigned worker);
/* Is the server, or its pool, at its bound of connections? */
bool fleet_connections_are_scarce(const struct fleet_server *s);
/* A refused or broken connection: asks for an immediate probe (at most one report on its way at a time). */
void fleet_suspect(struct fleet *f, struct fleet_server *s);
/* May the pool have one more retry now? Takes it from the budget; fleet_retry_end gives it back. Before the request_end of the
 * attempt that failed, so that the pool can't go in between. */
bool fleet_retry_take(struct fleet_pool *p);
void fleet_retry_end(struct fleet_pool *p);
/* Should client connections of this node be closed after their answer, because its own site is draining? */
bool fleet_node_drains(const struct fleet *f);
/* gslb handed out an answer with this site that runs out at `until_us`. */
static inline void fleet_site_answered(struct fleet_site *s, uint64_t until_us) {
	/* Rounded up to whole seconds, so that the shared line is written once a second and not once a query: what is there is a whole
	 * second, and the next one behind until_us if it is later. */
	uint64_t seen = atomic_load_explicit(&s->answered_until_us, memory_order_relaxed);
	if (seen > until_us)
		return;
	uint64_t rounded = (until_us / 1000000 + 1) * 1000000;
	while (seen < rounded && !atomic_compare_exchange_weak_explicit(&s->answered_until_us, &seen, rounded,
	                                                                memory_order_relaxed, memory_order_relaxed))
		;
}

#endif
