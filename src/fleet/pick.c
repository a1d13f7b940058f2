/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hot path: which server takes this request. Reads the pool's view and this worker's own counts; no lock, no allocation, and
 * without bounds on requests no locked instruction. Prefers, in this order: a server of the level that the shares chose, one of
 * another level, one that was tried before.
 *
 * Bounds hold over all workers: what pick_may saw is only a hint, the compare-and-swap in bound_take decides. It never goes
 * above the bound, not even for a moment: a failed attempt could else keep another one out, and nobody would wake that.
 */
#include "private.h"
#include "steerway/base/rand.h"
#include "steerway/metric.h"

/* Retries that are always allowed, so that a quiet pool can retry at all. */
#define RETRIES_MIN 3

/* Of a counter that only this worker writes: a plain load and store. Release, so that who sees it reach zero (sweep) sees all
 * that was done before. */
static inline void count_u32(_Atomic uint32_t *counter, uint32_t delta) {
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + delta, memory_order_release);
}

static inline void count_u64(_Atomic uint64_t *counter) {
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static const struct level *level_choose(const struct fleet_view *v, const struct fleet_request *r) {
	if (v->is_single)
		return &v->levels[0];
	/* Another mix than the ring's, or the level would choose among a part of the ring only. */
	uint64_t draw = (v->ops->is_keyed ? hash_mix(r->hash ^ UINT64_C(0x6c6576656c)) : rand_next(rand_thread())) >> 32;
	const struct level *l = v->levels;
	while (draw >= l->until)
		l++;
	return l;
}

static struct fleet_server *pick_in_others(const struct fleet_view *v, const struct level *chosen, const struct pick *p) {
	struct fleet_server *s = NULL;
	for (unsigned i = 0; !s && i < v->n_levels; i++)
		if (&v->levels[i] != chosen)
			s = v->ops->pick(&v->levels[i], p);
	return s;
}

static struct fleet_server *pick_anywhere(const struct fleet_view *v, const struct level *chosen, const struct pick *p) {
	struct fleet_server *s = v->ops->pick(chosen, p);
	return s ? s : pick_in_others(v, chosen, p);
}

/* When the level that the shares chose has none. */
static __attribute__((noinline, cold)) struct fleet_server *pick_elsewhere(const struct fleet_view *v, const struct level *chosen,
                                                                           struct pick *p) {
	struct fleet_server *s = pick_in_others(v, chosen, p);
	if (s || p->request->n_tried == 0)
		return s;
	p->may_stay = true;
	if (p->request->avoid_sites && (s = pick_anywhere(v, chosen, p)))
		return s;
	p->may_repeat = true;
	return pick_anywhere(v, chosen, p);
}

/* One more below `max`. *n_bounded (this worker's) tells how many it has to give back, for a bound may come and go by a reload
 * while requests are in progress. */
static bool bound_take(_Atomic uint32_t *count, uint32_t max, uint32_t *n_bounded) {
	uint32_t n = atomic_load_explicit(count, memory_order_relaxed);
	do
		if (n >= max)
			return false;
	while (!atomic_compare_exchange_weak_explicit(count, &n, n + 1, memory_order_acq_rel, memory_order_relaxed));
	++*n_bounded;
	return true;
}

static bool bound_give(_Atomic uint32_t *count, uint32_t *n_bounded) {
	if (*n_bounded == 0)
		return false;
	--*n_bounded;
	atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel);
	return true;
}

/* Both bounds of requests, or none. */
static bool take(struct fleet_pool *pool, struct fleet_server *s, const struct pick *p) {
	uint32_t of_server = atomic_load_explicit(&s->max_requests, memory_order_relaxed);
	uint32_t of_pool = atomic_load_explicit(&pool->max_requests, memory_order_relaxed);
	if (of_server != 0 && !bound_take(&s->in_progress, of_server, &s->slots[p->worker].n_bounded))
		return false;
	if (of_pool == 0 || bound_take(&pool->bound->in_progress, of_pool, &p->cell->n_bounded))
		return true;
	if (of_server != 0 && bound_give(&s->in_progress, &s->slots[p->worker].n_bounded))
		queue_wake(pool);
	return false;
}

static struct fleet_server *pick_home(const struct fleet_pool *pool, const struct pick *p) {
	struct fleet_server *s = p->request->home != 0 ? sticky_find(pool, p->request->home) : NULL;
	return s && pick_may(p, s) ? s : NULL;
}

static struct fleet_server *pick_server(const struct fleet_view *v, struct pick *p) {
	if (v->n_levels == 0)
		return NULL;
	const struct level *chosen = level_choose(v, p->request);
	struct fleet_server *s = v->ops->pick(chosen, p);
	return s ? s : pick_elsewhere(v, chosen, p);
}

enum fleet_pick fleet_pick(struct fleet_pool *pool, unsigned worker, const struct fleet_request *r, struct fleet_server **out) {
	const struct fleet_view *v = atomic_load_explicit(&pool->view, memory_order_acquire);
	struct pick p = { .request = r, .cell = &pool->cells[worker], .worker = worker };
	enum fleet_pick result = FLEET_ALL_BUSY;
	p.needs_idle = is_at(&pool->bound->connections, &pool->max_connections);
	while (result == FLEET_ALL_BUSY && !is_at(&pool->bound->in_progress, &pool->max_requests)) {
		struct fleet_server *s = pick_home(pool, &p);
		bool is_home = s != NULL;
		s = s ? s : pick_server(v, &p);
		if (!s)
			break;
		if (!take(pool, s, &p))
			continue; /* another worker was faster: each round that fails is one that another won */
		count_u32(&s->slots[worker].active, 1);
		count_u64(&s->slots[worker].requests);
		count_u32(&p.cell->active, 1);
		p.cell->site_active[s->site->index]++;
		if (r->home != 0)
			metric_add(is_home ? METRIC_fleet_sticky_hits_total : METRIC_fleet_sticky_misses_total, 1);
		else if (v->spilled >> s->site->index & 1)
			count_u64(&p.cell->spilled);
		*out = s;
		result = FLEET_PICKED;
	}
	if (result == FLEET_ALL_BUSY && v->n_levels == 0 && !sticky_find(pool, r->home))
		result = FLEET_NO_SERVER;
	VIEW_READ_END(v);
	return result;
}

void fleet_request_end(struct fleet_server *s, unsigned worker) {
	struct fleet_pool *pool = s->pool;
	struct fleet_cell *cell = &pool->cells[worker];
	struct fleet_slot *slot = &s->slots[worker];
	cell->site_active[s->site->index]--;
	count_u32(&cell->active, UINT32_MAX);
	bool is_room = bound_give(&s->in_progress, &slot->n_bounded);
	is_room |= bound_give(&pool->bound->in_progress, &cell->n_bounded);
	if (is_room)
		queue_wake(pool);
	count_u32(&slot->active, UINT32_MAX); /* last: at zero the server may be freed, and the pool with it */
}

/* Always counted, since connections outlive reloads; compared only where there is a bound. */
static bool connection_take(_Atomic uint32_t *count, uint32_t max) {
	uint32_t n = atomic_load_explicit(count, memory_order_relaxed);
	do
		if (max != 0 && n >= max)
			return false;
	while (!atomic_compare_exchange_weak_explicit(count, &n, n + 1, memory_order_acq_rel, memory_order_relaxed));
	return true;
}

bool fleet_connection_take(struct fleet_server *s, unsigned worker) {
	struct fleet_pool *pool = s->pool;
	if (!connection_take(&s->connections, atomic_load_explicit(&s->max_connections, memory_order_relaxed)))
		return false;
	if (!connection_take(&pool->bound->connections, atomic_load_explicit(&pool->max_connections, memory_order_relaxed))) {
		atomic_fetch_sub_explicit(&s->connections, 1, memory_order_acq_rel);
		queue_wake(pool);
		return false;
	}
	count_u32(&s->slots[worker].open, 1);
	return true;
}

void fleet_connection_release(struct fleet_server *s, unsigned worker) {
	struct fleet_pool *pool = s->pool;
	atomic_fetch_sub_explicit(&s->connections, 1, memory_order_acq_rel);
	atomic_fetch_sub_explicit(&pool->bound->connections, 1, memory_order_acq_rel);
	queue_wake(pool);
	count_u32(&s->slots[worker].open, UINT32_MAX);
}

bool fleet_connections_are_scarce(const struct fleet_server *s) {
	return is_at(&s->connections, &s->max_connections) || is_at(&s->pool->bound->connections, &s->pool->max_connections);
}

void fleet_suspect(struct fleet *f, struct fleet_server *s) {
	if (atomic_exchange_explicit(&s->is_suspected, true, memory_order_acq_rel))
		return;
	if (f->control)
		loop_post(f->control, &s->suspicion);
	else
		s->suspicion.run(&s->suspicion);
}

bool fleet_retry_take(struct fleet_pool *p) {
	uint64_t active = 0;
	for (unsigned i = 0; i < p->fleet->n_slots; i++)
		active += atomic_load_explicit(&p->cells[i].active, memory_order_relaxed);
	uint64_t budget = active * atomic_load_explicit(&p->cfg, memory_order_acquire)->retries.budget_percent / 100;
	if (atomic_fetch_add_explicit(&p->retrying, 1, memory_order_relaxed) < (budget > RETRIES_MIN ? budget : RETRIES_MIN))
		return true;
	fleet_retry_end(p);
	return false;
}

void fleet_retry_end(struct fleet_pool *p) {
	atomic_fetch_sub_explicit(&p->retrying, 1, memory_order_release);
}

bool fleet_node_drains(const struct fleet *f) {
	return atomic_load_explicit(&f->node_drains, memory_order_relaxed);
}
