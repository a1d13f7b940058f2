/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fleet's files share. Three stages, each a pure function of the one before:
 *
 *	configuration -> layout (levels of sites, hash ring)    on a commit
 *	layout + who takes requests -> view (shares, schedules)  on a change
 *	view + this worker's counts -> one server                on a request
 *
 * Layouts belong to their pool, views to fleet, which frees them a grace period after they were replaced.
 */
#ifndef STEERWAY_FLEET_PRIVATE_H
#define STEERWAY_FLEET_PRIVATE_H

#include "steerway/base/arena.h"
#include "steerway/base/hash.h"
#include "steerway/base/mem.h"
#include "steerway/fleet.h"

#define FLEET_SITES_MAX 64
#define FLEET_LEVELS_MAX (FLEET_SITES_MAX + 1) /* one a site, and one for the sites that `prefer` or `split` leave out */
#define FLEET_SAMPLES COUNT_OF(((struct fleet_server *)0)->samples)

/* A grace period is invisible to ThreadSanitizer: tell it who read a view before it is freed. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FLEET_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define FLEET_TSAN 1
#endif
#ifdef FLEET_TSAN
void __tsan_acquire(void *p);
void __tsan_release(void *p);
#define VIEW_READ_END(v) __tsan_release((void *)(v))
#define VIEW_FREE_BEGIN(v) __tsan_acquire((void *)(v))
#else
#define VIEW_READ_END(v) ((void)0)
#define VIEW_FREE_BEGIN(v) ((void)0)
#endif

/* ---- state.c: who takes requests ---- */

struct state_word {
	enum fleet_admin admin;
	enum fleet_phase phase;
};
/* Does this word alone keep requests away? */
bool state_is_against(struct state_word w);
/* Of a server, by its verdict and the words of itself, its pool and its site. */
bool state_takes_requests(enum fleet_verdict v, struct state_word server, struct state_word pool, struct state_word site);
/* transition.c: what comes of a server with that verdict; and when the pool's usable sites may change (0: not by what is known). */
bool fleet_server_would_take(struct fleet_server *s, enum fleet_verdict v);
uint64_t transition_changes_at(struct fleet_pool *p);
/* Of its own sticky sessions: a drain keeps them up to its requests phase. */
bool state_takes_sticky(enum fleet_verdict v, struct state_word server, struct state_word pool, struct state_word site);
/* What percentage of its weight a server gets that came up `since_us` ago: from RAMP_MIN to 100 over the pool's slow_start. */
#define RAMP_MIN 10
unsigned state_ramp(uint64_t since_us, uint64_t slow_start_us);
/* May DNS hand the site out, as far as the operator is concerned? */
bool state_is_answerable(struct state_word site);

/* ---- shares.c ---- */

enum share_rule {
	SHARE_SPILL, /* by priority: a level takes what its healthy share times `overprovision` covers, the rest goes to the next */
	SHARE_SPLIT, /* by fixed weights */
};
struct share_level {
	uint64_t weight;        /* SHARE_SPLIT: of the level; 0: only when no level with a weight is usable */
	uint64_t usable, total; /* weights of its servers */
};
/* Writes each level's share; they add up to 1, or are all 0 when nothing is usable. */
void shares_compute(enum share_rule rule, double overprovision, const struct share_level *levels, size_t n, double *share);
struct panic_level {
	uint32_t up, allowed; /* servers that are up; servers that the operator does not keep out */
};
/* Are fewer than `percent` of the servers up in every level that has any? Then their verdicts are worth less than their sum. */
bool shares_panic(unsigned percent, const struct panic_level *levels, size_t n);

/* ---- schedule.c: smooth weighted round robin, laid out beforehand ---- */

#define SCHEDULE_MAX 16384
/* Writes the weights that the schedule realises (reduced; coarser where their sum would exceed SCHEDULE_MAX, but at least 1), and
 * returns its length. */
size_t schedule_reduce(const uint32_t *weights, size_t n, uint32_t *reduced);
/* `out` takes as many indexes as schedule_reduce said. */
void schedule_fill(const uint32_t *reduced, size_t n, uint32_t *out);

/* ---- ring.c: consistent hashing ---- */

#define RING_POINTS_MAX 65536
#define RING_POINTS_A_WEIGHT 100
struct ring_point {
	uint32_t hash, index;
};
struct ring_node {
	uint64_t identity; /* a hash that does not depend on the neighbours */
	uint32_t weight;
};
/* Sorted points of all nodes in an array of *n; free with mem_free. */
struct ring_point *ring_build(const struct ring_node *nodes, size_t n_nodes, size_t *n);

/* ---- layout.c ---- */

struct layout_server {
	struct fleet_server *server;
	uint32_t weight;
	uint32_t level;
};
struct fleet_layout {
	enum cfg_balance balance;
	double load_factor, overprovision;
	enum share_rule rule;
	unsigned n_levels;
	uint32_t level_weights[FLEET_LEVELS_MAX];
	uint8_t level_of_site[FLEET_SITES_MAX];
	size_t n_servers;
	struct layout_server *servers; /* in the pool's order */
	struct ring_point *ring;       /* of `servers`; only where the algorithm wants one */
	size_t n_ring;
};
/* Points of all its servers; free with mem_free. */
struct ring_point *layout_ring(const struct fleet_layout *l, size_t *n);
/* Of the pool's servers and configuration as they are. */
struct fleet_layout *layout_create(struct fleet *f, struct fleet_pool *p);
void layout_destroy(struct fleet_layout *l);

/* ---- view.c ---- */

struct level_server {
	struct fleet_server *server;
	uint32_t weight;
	uint32_t ramp; /* percentage of its weight that it gets for now; `weight` has it in it */
	double bound;  /* requests that it may have at most, for each one of the worker's in the level (hash) */
};
struct level {
	uint64_t until; /* a draw of 32 bits below this chooses the level, or one before it */
	double share;
	unsigned number; /* in the layout: cursors keep their place over publishes by it */
	uint64_t sites;  /* mask of those that its servers stand in */
	uint32_t n;
	float mean_weight;
	struct level_server *servers;
	uint32_t *schedule;
	uint32_t n_schedule;
	struct ring_point *ring;
	uint32_t n_ring;
	uint32_t *buckets; /* index of the first point at or above (bucket << bucket_shift) */
	unsigned bucket_shift;
};
struct fleet_view {
	struct fleet_view *next; /* of those that wait to be freed */
	struct arena arena;
	const struct balance_ops *ops;
	bool is_single;    /* the first level has all the traffic */
	uint64_t spilled;  /* mask of sites whose traffic was meant for a level before theirs */
	unsigned n_levels; /* with a usable server */
	struct level levels[];
};
/* ramp[i]: the percentage of its weight that layout->servers[i] takes; 0: no requests. */
struct fleet_view *view_create(const struct fleet_layout *l, const uint8_t *ramp);
void view_destroy(struct fleet_view *v);

/* ---- balance.c and balance_*.c ---- */

/* Requests that wait in one worker (queue.c). */
struct fleet_queue {
	struct list waiters[FLEET_CLASSES];        /* of struct fleet_waiter, the first to come first */
	_Atomic uint32_t n_waiting[FLEET_CLASSES]; /* read by who wakes */
	_Atomic bool wake_is_posted;
	struct loop_task wake;
	struct deadline deadline; /* of the first to give up */
	struct fleet_pool *pool;
	unsigned worker;
};

/* Written by its worker alone; lines of its own. */
struct fleet_cell {
	_Alignas(64) _Atomic uint32_t active; /* requests in progress; retries of other workers read it */
	uint32_t n_bounded;                   /* of them: counted in the pool's bound */
	_Atomic uint64_t spilled;             /* requests that a later level took, since the first had no room or no servers */
	uint32_t cursors[FLEET_LEVELS_MAX];   /* places in the schedules */
	struct fleet_queue queue;
	uint32_t site_active[FLEET_SITES_MAX]; /* the same requests, by the site of their server */
};
struct fleet_bound {
	_Alignas(64) _Atomic uint32_t in_progress; /* requests; counted while there is a bound */
	_Atomic uint32_t connections;
	_Atomic uint32_t waiting;   /* requests, in the queues of all workers */
	_Atomic uint32_t next_wake; /* worker to begin with */
};
struct pick {
	const struct fleet_request *request;
	struct fleet_cell *cell;
	unsigned worker;
	bool may_stay;   /* sites to avoid are allowed */
	bool may_repeat; /* tried servers are allowed */
	bool needs_idle; /* the pool is at its bound of connections */
};
struct balance_ops {
	/* What pick needs beside level->servers. */
	void (*build)(const struct fleet_layout *layout, const uint32_t *index_in_level, struct level *l, struct arena *a);
	/* A server that pick_may allows, or NULL when the level has none. */
	struct fleet_server *(*pick)(const struct level *l, const struct pick *p);
	bool is_keyed; /* equal request hashes should come to equal servers: the level is chosen by the hash, too */
};
const struct balance_ops *balance_ops_of(enum cfg_balance b);
void balance_build_schedule(const struct fleet_layout *layout, const uint32_t *index_in_level, struct level *l, struct arena *a);
/* The first allowed server from index `start` on. */
struct fleet_server *balance_scan(const struct level *l, const struct pick *p, uint32_t start);
/* a when it is allowed, else b, else as balance_scan. */
struct fleet_server *balance_first_of(const struct level *l, const struct pick *p, const struct level_server *a,
                                      const struct level_server *b, uint32_t start);
/* Two places of n at random; different ones where there are two. */
void draw_two(uint32_t n, uint32_t *first, uint32_t *second);

static inline uint32_t slot_active(const struct fleet_server *s, unsigned worker) {
	return atomic_load_explicit(&s->slots[worker].active, memory_order_relaxed);
}
static inline bool is_at(const _Atomic uint32_t *count, const _Atomic uint32_t *max) {
	uint32_t most = atomic_load_explicit(max, memory_order_relaxed);
	return most != 0 && atomic_load_explicit(count, memory_order_relaxed) >= most;
}
static inline bool pick_may(const struct pick *p, const struct fleet_server *s) {
	/* At its bound a server can still take what goes over an idle connection of this worker. */
	if ((p->needs_idle || is_at(&s->connections, &s->max_connections)) && s->slots[p->worker].n_idle == 0 && s != p->request->own)
		return false;
	if (is_at(&s->in_progress, &s->max_requests))
		return false;
	if (p->request->n_tried == 0 || p->may_repeat)
		return true;
	for (unsigned i = 0; i < p->request->n_tried; i++)
		if (p->request->tried[i] == s)
			return false;
	return p->may_stay || !(p->request->avoid_sites >> s->site->index & 1);
}
/* x of [0, 2^32) to [0, n). */
static inline uint32_t draw_below(uint64_t x32, uint32_t n) {
	return (uint32_t)(x32 * n >> 32);
}
/* The cursor's place in a round of n, which may have been another n before; moves it on. */
static inline uint32_t cursor_step(uint32_t *cursor, uint32_t n) {
	uint32_t at = *cursor < n ? *cursor : *cursor % n;
	*cursor = at + 1;
	return at;
}

/* ---- sticky.c ---- */

/* A file with a secret a line: the first signs, the others are still known. */
struct sticky_keys *sticky_keys_read(const char *path, struct err *e);
void sticky_keys_free(struct sticky_keys *k);
void sticky_sign(struct str key, struct str pool, struct str server, char out[FLEET_STICKY_BYTES]);
/* Of the pool's layout and keys; NULL where there are no sticky sessions. */
struct sticky_table *sticky_table_create(const struct fleet_pool *p);
void sticky_table_free(struct sticky_table *t);
/* The server that takes a session's requests now, or NULL. */
struct fleet_server *sticky_find(const struct fleet_pool *p, uint64_t home);
/* Puts a table among those that wait for a grace period. */
void sticky_table_retire(struct fleet *f, struct sticky_table *t);
void sticky_tables_free(struct fleet *f);

/* ---- queue.c: requests that wait, since all are busy ---- */

void queue_init(struct fleet_pool *p);
/* Room was made: someone who waits in the pool is looked at again. Any worker, within the read lock. */
void queue_wake(struct fleet_pool *p);
/* Everybody is: who takes requests, or a limit, has changed. */
void queue_wake_all(struct fleet_pool *p);
/* Waits anyone, or is anyone on the way to look? */
bool queue_is_held(const struct fleet_pool *p);
/* What a wake-up does on its worker. */
void queue_run(struct fleet_pool *p, unsigned worker);
/* Those whose time is over leave; what the worker's deadline does. */
void queue_expire(struct fleet_pool *p, unsigned worker);

/* ---- drain.c ---- */

#define DRAIN_DNS_SLACK_US UINT64_C(1000000)
#define DRAIN_REQUESTS_MAX_US UINT64_C(10000000)
#define DRAIN_CUT_AGAIN_US UINT64_C(1000000)
#define DRAIN_TICK_US UINT64_C(50000)
void drain_begin(struct fleet_drain *d, bool has_dns, uint64_t now_us, uint64_t deadline_ms);
struct drain_facts {
	uint64_t now_us;
	uint64_t answered_until_us; /* 0: never answered */
	uint64_t active;
};
/* Advances by at most one phase. True: what is still in progress must be cut now. */
bool drain_step(struct fleet_drain *d, const struct drain_facts *facts);
/* Looks at all drains in progress; what the tick does. */
void drain_advance_all(struct fleet *f);
/* May the target be drained? 0, or -1 with `e`: what the others lack. */
int capacity_check(struct fleet *f, struct fleet_target t, struct err *e);

/* ---- fleet.c ---- */

struct fleet {
	struct loop *control;    /* NULL in tests */
	struct workers *workers; /* likewise */
	unsigned n_slots;
	_Atomic uint64_t epoch;
	_Atomic bool node_drains;
	struct list sites, pools, subscribers;
	struct list removed_sites, removed_pools, removed_servers;
	struct fleet_view *retired;
	struct sticky_table *retired_tables;
	/* Verdicts wait for the end of the control loop's turn, so that thousands of results make one snapshot. */
	struct event publish_event;
	bool is_publish_due;
	bool needs_grace; /* objects were unlinked since the last grace period */
	bool is_sweep_armed;
	struct deadline drain_tick, rate_tick, sweep_tick, ramp_tick;
	uint64_t sample_us[10]; /* when fleet_server.samples were taken */
	unsigned sample_next;
	void (*cut)(void *arg, struct fleet_server *s);
	void (*suspect)(void *arg, struct fleet_server *s);
	void (*forget)(void *arg, struct fleet_server *s);
	void (*scarce)(void *arg, struct fleet_pool *p, unsigned worker);
	void *cut_arg, *suspect_arg, *forget_arg, *scarce_arg;
};

/* The common part of a site, pool or server. */
struct target_part {
	struct str name; /* of a server its path */
	enum fleet_admin *admin;
	struct fleet_drain *drain;
	const char *kind, *drain_event, *admin_event; /* "site", "site_drain", "site_admin" */
};
struct state_word target_word(struct target_part part);
struct target_part target_part(struct fleet_target t);
#define TARGET_SITE(s) ((struct fleet_target){ .kind = FLEET_SITE, .site = (s) })
#define TARGET_POOL(p) ((struct fleet_target){ .kind = FLEET_POOL, .pool = (p) })
#define TARGET_SERVER(s) ((struct fleet_target){ .kind = FLEET_SERVER, .server = (s) })
#define SITE_OF(it) CONTAINER_OF(it, struct fleet_site, link)
#define POOL_OF(it) CONTAINER_OF(it, struct fleet_pool, link)
#define SERVER_OF(it) CONTAINER_OF(it, struct fleet_server, link)
/* By kind and name; false when there is none. */
bool target_find(struct fleet *f, struct str kind, struct str name, struct fleet_target *out);
/* Servers of the target, those included that a reload removed but that still have requests. */
void target_each(struct fleet *f, struct fleet_target t, void (*each)(void *arg, struct fleet_server *s), void *arg);
/* Every site, pool and server that is in force. */
void target_each_known(struct fleet *f, void (*each)(void *arg, struct fleet_target t), void *arg);

/* The next publish looks at the pools that the target has to do with. */
void fleet_touch(struct fleet *f, struct fleet_target t);
/* Recomputes the touched pools, raises the epoch, tells the subscribers. */
void fleet_publish(struct fleet *f);
/* At the end of the control loop's turn; without a loop at once. */
void fleet_publish_soon(struct fleet *f);
/* Sets the word without publishing; returns false when it was so already. */
bool admin_apply(struct fleet *f, struct fleet_target t, enum fleet_admin a);
/* Raises the shares of servers that came up; true while there are any left. What the tick does. */
#define RAMP_TICK_US UINT64_C(100000)
#define RAMP_STEP 5 /* percent: so often at most a view is made anew for it */
bool fleet_ramp(struct fleet *f);
/* One more sample; what the tick does each second. */
void rate_sample(struct fleet *f);

/* ---- sweep.c ---- */

/* Frees what was replaced or removed and is held by no one; true when something is left for another time. */
bool fleet_sweep(struct fleet *f);
void sweep_arm(struct fleet *f);
void sweep_server_free(struct fleet_server *s);
void sweep_pool_free(struct fleet_pool *p);
void sweep_site_free(struct fleet_site *s);

#endif
