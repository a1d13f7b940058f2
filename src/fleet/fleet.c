/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fleet itself: birth and end, who listens to it, and the publish: every pool that was touched gets its servers' states
 * recomputed and, where that changes who takes requests, a new view; then the epoch rises by one and the subscribers run.
 */
#include "private.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/metric.h"

static void on_drain_tick(struct deadline *d) {
	drain_advance_all(CONTAINER_OF(d, struct fleet, drain_tick));
}

static void on_rate_tick(struct deadline *d) {
	rate_sample(CONTAINER_OF(d, struct fleet, rate_tick));
	deadline_set(d, clock_now_us() + USEC_PER_SEC);
}

static void on_ramp_tick(struct deadline *d) {
	if (fleet_ramp(CONTAINER_OF(d, struct fleet, ramp_tick)))
		deadline_set(d, clock_now_us() + RAMP_TICK_US);
}

static void on_sweep_tick(struct deadline *d) {
	struct fleet *f = CONTAINER_OF(d, struct fleet, sweep_tick);
	f->is_sweep_armed = false;
	if (fleet_sweep(f))
		sweep_arm(f);
}

static void on_turn_end(evutil_socket_t fd, short what, void *arg) {
	(void)fd;
	(void)what;
	struct fleet *f = arg;
	clock_update(); /* libevent brought us here, not a descriptor of the loop's */
	fleet_publish_due(f);
}

struct loop *fleet_control(const struct fleet *f) {
	return f->control;
}

struct fleet *fleet_create(struct loop *control, struct workers *workers, struct err *e) {
	(void)e; /* nothing can fail yet; callers are right to look */
	struct fleet *f = mem_zalloc(sizeof(*f));
	f->control = control;
	f->workers = workers;
	f->n_slots = workers ? workers_count(workers) : 1;
	list_init(&f->sites);
	list_init(&f->pools);
	list_init(&f->subscribers);
	list_init(&f->removed_sites);
	list_init(&f->removed_pools);
	list_init(&f->removed_servers);
	for (unsigned i = 0; i < FLEET_SAMPLES; i++)
		f->sample_us[i] = clock_now_us();
	if (control) {
		event_assign(&f->publish_event, loop_base(control), -1, 0, on_turn_end, f);
		deadline_init(&f->drain_tick, control, on_drain_tick);
		deadline_init(&f->rate_tick, control, on_rate_tick);
		deadline_init(&f->sweep_tick, control, on_sweep_tick);
		deadline_init(&f->ramp_tick, control, on_ramp_tick);
		deadline_set(&f->rate_tick, clock_now_us() + USEC_PER_SEC);
	}
	return f;
}

static void servers_free(struct list *servers) {
	LIST_EACH(it, servers)
		sweep_server_free(SERVER_OF(it));
}

void fleet_destroy(struct fleet *f) {
	if (!f)
		return;
	if (f->control) {
		event_del(&f->publish_event);
		deadline_fini(&f->drain_tick);
		deadline_fini(&f->rate_tick);
		deadline_fini(&f->sweep_tick);
		deadline_fini(&f->ramp_tick);
	}
	servers_free(&f->removed_servers);
	struct list *pools[] = { &f->pools, &f->removed_pools };
	for (size_t i = 0; i < COUNT_OF(pools); i++)
		LIST_EACH(it, pools[i]) {
			servers_free(&POOL_OF(it)->servers);
			sweep_pool_free(POOL_OF(it));
		}
	struct list *sites[] = { &f->sites, &f->removed_sites };
	for (size_t i = 0; i < COUNT_OF(sites); i++)
		LIST_EACH(it, sites[i])
			sweep_site_free(SITE_OF(it));
	for (struct fleet_view *v = f->retired, *next; v; v = next) {
		next = v->next;
		view_destroy(v);
	}
	sticky_tables_free(f);
	mem_free(f);
}

uint64_t fleet_epoch(const struct fleet *f) {
	return atomic_load_explicit(&f->epoch, memory_order_relaxed);
}

uint64_t fleet_epoch_due(const struct fleet *f) {
	return fleet_epoch(f) + f->is_publish_due;
}

struct list *fleet_sites(struct fleet *f) {
	return &f->sites;
}

struct list *fleet_pools(struct fleet *f) {
	return &f->pools;
}

void fleet_subscribe(struct fleet *f, struct fleet_subscriber *s) {
	list_append(&f->subscribers, &s->link);
}

void fleet_unsubscribe(struct fleet_subscriber *s) {
	if (s->link.next)
		list_remove(&s->link);
}

void fleet_on_cut(struct fleet *f, void (*cut)(void *arg, struct fleet_server *s), void *arg) {
	f->cut = cut;
	f->cut_arg = arg;
}

void fleet_on_suspect(struct fleet *f, void (*suspect)(void *arg, struct fleet_server *s), void *arg) {
	f->suspect = suspect;
	f->suspect_arg = arg;
}

void fleet_on_forget(struct fleet *f, void (*forget)(void *arg, struct fleet_server *s), void *arg) {
	f->forget = forget;
	f->forget_arg = arg;
}

void fleet_on_scarce(struct fleet *f, void (*scarce)(void *arg, struct fleet_pool *p, unsigned worker), void *arg) {
	f->scarce = scarce;
	f->scarce_arg = arg;
}

uint64_t fleet_spilled(const struct fleet_pool *p) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < p->fleet->n_slots; i++)
		sum += atomic_load_explicit(&p->cells[i].spilled, memory_order_relaxed);
	return sum;
}

/* ---- publish ---- */

static bool site_has_servers(const struct fleet_site *site, struct fleet_pool *p) {
	LIST_EACH(it, &p->servers)
		if (SERVER_OF(it)->site == site)
			return true;
	return false;
}

void fleet_touch(struct fleet *f, struct fleet_target t) {
	if (t.kind == FLEET_SERVER)
		t.server->pool->is_dirty = true;
	else if (t.kind == FLEET_POOL)
		t.pool->is_dirty = true;
	else
		LIST_EACH(it, &f->pools)
			POOL_OF(it)->is_dirty |= site_has_servers(t.site, POOL_OF(it));
}

static uint64_t slow_start_us(const struct fleet_pool *p) {
	return atomic_load_explicit(&p->cfg, memory_order_relaxed)->slow_start_ms * USEC_PER_MSEC;
}

static bool server_would_take_sticky(struct fleet_server *s, enum fleet_verdict v) {
	return state_takes_sticky(v, target_word(target_part(TARGET_SERVER(s))), target_word(target_part(TARGET_POOL(s->pool))),
	                          target_word(target_part(TARGET_SITE(s->site))));
}

unsigned fleet_ramp_percent(const struct fleet_server *s) {
	return s->ramp_from_us != 0 ? state_ramp(clock_now_us() - s->ramp_from_us, slow_start_us(s->pool)) : 100;
}

/* The percentage of its weight that it takes, in steps; 0: no requests. */
static uint8_t server_ramp(struct fleet_server *s) {
	if (!atomic_load_explicit(&s->takes_requests, memory_order_relaxed))
		return 0;
	unsigned ramp = fleet_ramp_percent(s);
	if (ramp == 100)
		s->ramp_from_us = 0;
	return (uint8_t)(ramp - ramp % RAMP_STEP);
}

static void pool_switch_view(struct fleet *f, struct fleet_pool *p) {
	struct fleet_view *old = atomic_load_explicit(&p->view, memory_order_relaxed);
	uint8_t *ramp = mem_zalloc_array(p->layout->n_servers + 1, sizeof(*ramp));
	bool is_ramping = false;
	p->ramp_mark = 0;
	for (size_t i = 0; i < p->layout->n_servers; i++) {
		ramp[i] = server_ramp(p->layout->servers[i].server);
		p->ramp_mark += ramp[i];
		is_ramping |= p->layout->servers[i].server->ramp_from_us != 0;
	}
	p->is_ramping = is_ramping;
	atomic_store_explicit(&p->view, view_create(p->layout, ramp), memory_order_release);
	mem_free(ramp);
	if (is_ramping && f->control && f->ramp_tick.at_us == UINT64_MAX)
		deadline_set(&f->ramp_tick, clock_now_us() + RAMP_TICK_US);
	if (!old)
		return;
	old->next = f->retired;
	f->retired = old;
	sweep_arm(f);
}

static void log_sites(struct fleet *f, const struct fleet_pool *p, uint64_t epoch) {
	struct buf names = { 0 };
	LIST_EACH(it, &f->sites)
		if (p->usable_sites >> SITE_OF(it)->index & 1)
			buf_printf(&names, "%s%.*s", names.n > 0 ? "," : "", STR_ARG(SITE_OF(it)->name));
	log_info("pool_sites", LOG_STR("pool", p->name), LOG_STR("usable", names.n > 0 ? buf_str(&names) : STR("none")),
	         LOG_U64("epoch", epoch));
	buf_fini(&names);
}

bool fleet_ramp(struct fleet *f) {
	bool is_unfinished = false;
	LIST_EACH(it, &f->pools) {
		struct fleet_pool *p = POOL_OF(it);
		if (!p->is_ramping)
			continue;
		uint64_t mark = 0;
		for (size_t i = 0; i < p->layout->n_servers; i++)
			mark += server_ramp(p->layout->servers[i].server);
		if (mark != p->ramp_mark)
			pool_switch_view(f, p); /* no new epoch: nobody's state has changed */
		is_unfinished |= p->is_ramping;
	}
	return is_unfinished;
}

static bool pool_panics(struct fleet_pool *p) {
	struct panic_level levels[FLEET_LEVELS_MAX] = { 0 };
	unsigned percent = atomic_load_explicit(&p->cfg, memory_order_relaxed)->panic_percent;
	if (percent == 0)
		return false;
	for (size_t i = 0; i < p->layout->n_servers; i++) {
		struct panic_level *level = &levels[p->layout->servers[i].level];
		level->up += p->layout->servers[i].server->is_up;
		level->allowed += fleet_server_would_take(p->layout->servers[i].server, FLEET_UP);
	}
	return shares_panic(percent, levels, p->layout->n_levels);
}

/* Looks at the verdict and the words; returns whether what comes of them has changed. */
static bool server_judge(struct fleet_server *s) {
	bool was_up = s->is_up;
	s->is_up = fleet_server_would_take(s, (enum fleet_verdict)atomic_load_explicit(&s->verdict, memory_order_relaxed));
	if (!s->is_up)
		s->ramp_from_us = 0;
	else if (!was_up && atomic_load_explicit(&s->pool->view, memory_order_relaxed) && slow_start_us(s->pool) > 0)
		s->ramp_from_us = clock_now_us(); /* not those that a new pool begins with: all would be slow alike */
	return s->is_up != was_up;
}

static void pool_panic_set(struct fleet_pool *p, bool is_panicking, uint64_t epoch) {
	if (p->is_panicking == is_panicking)
		return;
	p->is_panicking = is_panicking;
	log_warn("pool_panic", LOG_STR("pool", p->name), LOG_CSTR("verdicts", is_panicking ? "ignored" : "followed"),
	         LOG_U64("epoch", epoch));
	metric_add(METRIC_fleet_panics_total, is_panicking);
}

static void pool_refresh(struct fleet *f, struct fleet_pool *p, uint64_t epoch) {
	bool is_changed = p->is_reshaped;
	if (p->is_reshaped) {
		layout_destroy(p->layout);
		p->layout = layout_create(f, p);
		sticky_table_retire(f, atomic_load_explicit(&p->sticky, memory_order_relaxed));
		atomic_store_explicit(&p->sticky, sticky_table_create(p), memory_order_release);
	}
	p->is_dirty = p->is_reshaped = false;
	p->is_settled = true;
	uint64_t up[FLEET_SITES_MAX] = { 0 }, usable = 0;
	for (size_t i = 0; i < p->layout->n_servers; i++)
		is_changed |= server_judge(p->layout->servers[i].server);
	pool_panic_set(p, pool_panics(p), epoch);
	for (size_t i = 0; i < p->layout->n_servers; i++) {
		struct fleet_server *s = p->layout->servers[i].server;
		bool takes = s->is_up || (p->is_panicking && fleet_server_would_take(s, FLEET_UP));
		is_changed |= takes != atomic_load_explicit(&s->takes_requests, memory_order_relaxed);
		atomic_store_explicit(&s->takes_requests, takes, memory_order_release);
		enum fleet_verdict v =
		    p->is_panicking ? FLEET_UP : (enum fleet_verdict)atomic_load_explicit(&s->verdict, memory_order_relaxed);
		atomic_store_explicit(&s->takes_sticky, server_would_take_sticky(s, v), memory_order_release);
		p->is_settled &= s->changes_at_us == 0;
		up[s->site->index] += s->is_up; /* panic is the proxy's matter: DNS has its own answer to it (all_down) */
		const struct cfg_pool *cfg = p->cfg;
		if (up[s->site->index] >= cfg->min_up && state_is_answerable(target_word(target_part(TARGET_SITE(s->site)))))
			usable |= UINT64_C(1) << s->site->index;
	}
	if (is_changed)
		pool_switch_view(f, p);
	p->changes_at_us = p->is_settled ? 0 : transition_changes_at(p);
	bool is_moved = usable != p->usable_sites;
	p->usable_sites = usable;
	if (is_moved && !p->is_removed)
		log_sites(f, p, epoch);
	queue_wake_all(p);
}

static bool own_site_drains(struct fleet *f) {
	LIST_EACH(it, &f->sites)
		if (SITE_OF(it)->is_own)
			return target_word(target_part(TARGET_SITE(SITE_OF(it)))).phase >= FLEET_PHASE_REQUESTS;
	return false;
}

void fleet_publish_soon(struct fleet *f) {
	if (!f->control) {
		fleet_publish(f);
		return;
	}
	if (!f->is_publish_due)
		event_active(&f->publish_event, EV_TIMEOUT, 0); /* behind what is active in this turn */
	f->is_publish_due = true;
}

void fleet_publish_due(struct fleet *f) {
	if (f->is_publish_due)
		fleet_publish(f);
}

void fleet_publish(struct fleet *f) {
	uint64_t epoch = fleet_epoch(f) + 1;
	f->is_publish_due = false;
	struct list *pools[] = { &f->pools, &f->removed_pools };
	for (size_t i = 0; i < COUNT_OF(pools); i++)
		LIST_EACH(it, pools[i])
			if (POOL_OF(it)->is_dirty)
				pool_refresh(f, POOL_OF(it), epoch);
	atomic_store_explicit(&f->node_drains, own_site_drains(f), memory_order_relaxed);
	atomic_store_explicit(&f->epoch, epoch, memory_order_release);
	metric_add(METRIC_fleet_changes_total, 1);
	LIST_EACH(it, &f->subscribers) {
		struct fleet_subscriber *s = CONTAINER_OF(it, struct fleet_subscriber, link);
		s->on_publish(s);
	}
}
