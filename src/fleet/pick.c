/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hot path: which server takes this request. Reads the pool's view and this worker's own counts; no lock, no allocation, no
 * locked instruction. Prefers, in this order: a server of the level that the shares chose, one of another level, one that was
 * tried before.
 */
#include "private.h"
#include "steerway/base/rand.h"

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

/* When the level that the shares chose has none. */
static __attribute__((noinline, cold)) struct fleet_server *pick_elsewhere(const struct fleet_view *v, const struct level *chosen,
                                                                           struct pick *p) {
	struct fleet_server *s = pick_in_others(v, chosen, p);
	if (s || p->request->n_tried == 0)
		return s;
	p->may_repeat = true;
	s = v->ops->pick(chosen, p);
	return s ? s : pick_in_others(v, chosen, p);
}

enum fleet_pick fleet_pick(struct fleet_pool *pool, unsigned worker, const struct fleet_request *r, struct fleet_server **out) {
	const struct fleet_view *v = atomic_load_explicit(&pool->view, memory_order_acquire);
	enum fleet_pick result = FLEET_NO_SERVER;
	if (v->n_levels > 0) {
		struct pick p = { .request = r, .cell = &pool->cells[worker], .worker = worker };
		const struct level *chosen = level_choose(v, r);
		struct fleet_server *s = v->ops->pick(chosen, &p);
		if (!s)
			s = pick_elsewhere(v, chosen, &p);
		result = s ? FLEET_PICKED : FLEET_ALL_BUSY;
		if (s) {
			count_u32(&s->slots[worker].active, 1);
			count_u64(&s->slots[worker].requests);
			count_u32(&p.cell->active, 1);
			p.cell->site_active[s->site->index]++;
			*out = s;
		}
	}
	VIEW_READ_END(v);
	return result;
}

void fleet_request_end(struct fleet_server *s, unsigned worker) {
	/* The server last: at zero it may be freed, and the pool with it. */
	struct fleet_cell *cell = &s->pool->cells[worker];
	cell->site_active[s->site->index]--;
	count_u32(&cell->active, UINT32_MAX);
	count_u32(&s->slots[worker].active, UINT32_MAX);
}

bool fleet_connection_take(struct fleet_server *s, unsigned worker) {
	uint32_t max = atomic_load_explicit(&s->max_connections, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&s->connections, 1, memory_order_relaxed) >= max && max != 0) {
		atomic_fetch_sub_explicit(&s->connections, 1, memory_order_relaxed);
		return false;
	}
	count_u32(&s->slots[worker].open, 1);
	return true;
}

void fleet_connection_release(struct fleet_server *s, unsigned worker) {
	atomic_fetch_sub_explicit(&s->connections, 1, memory_order_relaxed);
	count_u32(&s->slots[worker].open, UINT32_MAX);
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
