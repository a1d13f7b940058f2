/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy as a whole, on the control thread: prepare, commit and discard of a configuration, stopping, and what the admin
 * commands ask. Refuses nothing itself; owns listeners and snapshots.
 */
#include "proxy/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

enum { RETIRED_SWEEP_US = 100 * 1000 };

struct proxy_plan {
	struct proxy *proxy;
	const struct cfg_root *cfg;
	struct conf *conf;
	struct file_set *files; /* looked at before they are read, so that no change falls between */
};

/* ---- life ---- */

static void sweep_retired(struct deadline *d) {
	struct proxy *p = CONTAINER_OF(d, struct proxy, sweep_retired);
	LIST_EACH(it, &p->retired) {
		struct conf *c = CONTAINER_OF(it, struct conf, link);
		if (conf_is_held(c))
			continue;
		list_remove(it);
		conf_destroy(c);
	}
	if (!list_is_empty(&p->retired))
		deadline_set(d, clock_now_us() + RETIRED_SWEEP_US);
}

static void on_publish(struct fleet_subscriber *s) {
	struct proxy *p = CONTAINER_OF(s, struct proxy, subscriber);
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_post_sweep(&p->workers[i]);
}

struct cut {
	struct proxy *proxy;
	const struct fleet_server *server;
};

static void cut_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct cut *c = arg;
	worker_cut_here(&c->proxy->workers[worker], c->server, PROXY_END_DRAIN_DEADLINE);
}

static void on_cut(void *arg, struct fleet_server *s) {
	struct cut c = { arg, s };
	workers_call(c.proxy->threads, cut_here, &c);
}

static void on_scarce(void *arg, struct fleet_pool *pool, unsigned worker) {
	struct proxy *p = arg;
	struct proxy_worker *w = &p->workers[worker];
	worker_enter(w);
	upstream_yield(w, pool, fleet_waiting(pool));
	worker_leave(w);
}

static void on_files_changed(void *arg);

struct proxy *proxy_create(struct fleet *f, struct workers *w, struct loop *control, struct err *e) {
	(void)e;
	struct proxy *p = mem_zalloc(sizeof(*p));
	p->fleet = f;
	p->threads = w;
	p->control = control;
	p->n_workers = workers_count(w);
	p->workers = mem_zalloc_lines(p->n_workers * sizeof(*p->workers));
	list_init(&p->listeners);
	list_init(&p->retired);
	deadline_init(&p->sweep_retired, control, sweep_retired);
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_init(&p->workers[i], p, i);
	p->subscriber.on_publish = on_publish;
	fleet_subscribe(f, &p->subscriber);
	fleet_on_cut(f, on_cut, p);
	fleet_on_scarce(f, on_scarce, p);
	p->watch = file_watch_create(control, on_files_changed, p);
	return p;
}

static void fini_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct proxy *p = arg;
	worker_fini(&p->workers[worker]);
}

void proxy_destroy(struct proxy *p) {
	if (!p)
		return;
	file_watch_destroy(p->watch);
	fleet_unsubscribe(&p->subscriber);
	workers_call(p->threads, fini_here, p);
	LIST_EACH(it, &p->listeners)
		listener_destroy(CONTAINER_OF(it, struct proxy_listener, link));
	deadline_fini(&p->sweep_retired);
	LIST_EACH(it, &p->retired)
		conf_destroy(CONTAINER_OF(it, struct conf, link));
	conf_destroy(p->conf);
	mem_free(p->workers);
	mem_free(p);
}

/* ---- reload ---- */

static struct proxy_listener *listener_find(struct proxy *p, struct str name, const struct addr *at) {
	LIST_EACH(it, &p->listeners) {
		struct proxy_listener *l = CONTAINER_OF(it, struct proxy_listener, link);
		if (!l->is_stopped && addr_eq(&l->address, at) && str_eq(str_from(l->name), name))
			return l;
	}
	return NULL;
}

static int listeners_prepare(struct proxy *p, const struct cfg_root *cfg, struct err *e) {
	for (size_t i = 0; i < cfg->listeners.n; i++) {
		const struct cfg_listener *from = &cfg->listeners.items[i];
		for (size_t k = 0; from->protocol == CFG_PROTOCOL_HTTP && k < from->bind.n; k++) {
			struct proxy_listener *l = listener_find(p, from->id, &from->bind.items[k]);
			if (!l) {
				l = listener_create(p, from, &from->bind.items[k], e);
				if (!l)
					return -1;
				l->is_new = true;
				list_append(&p->listeners, &l->link);
			}
			l->is_used = true;
		}
	}
	return 0;
}

struct proxy_plan *proxy_prepare(struct proxy *p, const struct cfg_root *cfg, struct err *e) {
	struct proxy_plan *plan = mem_zalloc(sizeof(*plan));
	plan->proxy = p;
	plan->cfg = cfg;
	LIST_EACH(it, &p->listeners)
		CONTAINER_OF(it, struct proxy_listener, link)->is_used = false;
	if (!p->access_log && cfg->log.access.is_given) {
		p->access_log = log_output_open(cfg->log.access.path.p, e);
		if (!p->access_log) {
			err_context(e, "log.access.path");
			goto fail;
		}
	}
	if (listeners_prepare(p, cfg, e) < 0)
		goto fail;
	plan->files = conf_tls_files(cfg);
	plan->conf = conf_create(p, cfg, p->conf, NULL, e);
	if (plan->conf)
		return plan;
fail:
	proxy_discard(plan);
	return NULL;
}

static void apply_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct proxy *p = arg;
	LIST_EACH(it, &p->listeners) {
		struct proxy_listener *listener = CONTAINER_OF(it, struct proxy_listener, link);
		if (listener->is_used)
			listener_start_here(listener, &p->workers[worker]);
		else
			listener_stop_here(listener, &p->workers[worker]);
	}
}

/* Sessions point to their listener: one that the configuration dropped stays until the last of them ended. */
static void listeners_forget(struct proxy *p) {
	LIST_EACH(it, &p->listeners) {
		struct proxy_listener *l = CONTAINER_OF(it, struct proxy_listener, link);
		l->is_new = false;
		l->is_stopped = !l->is_used;
		if (!l->is_used && atomic_load(&l->connections) == 0)
			listener_destroy(l);
	}
}

static void retire(struct proxy *p, struct conf *old) {
	urcu_memb_synchronize_rcu(); /* from here on nobody takes hold of it anew */
	list_append(&p->retired, &old->link);
	sweep_retired(&p->sweep_retired);
}

/* Certificates and the like were replaced: the same configuration once more, over the files as they are now. */
static void on_files_changed(void *arg) {
	struct proxy *p = arg;
	struct conf *old = p->conf;
	struct err e;
	size_t n_kept = 0;
	struct conf *fresh = conf_create(p, p->cfg, old, &n_kept, &e);
	if (!fresh) {
		metric_add(METRIC_proxy_tls_refused_total, 1);
		log_error("tls_files_refused", LOG_CSTR("why", e.text), LOG_CSTR("then", "the old ones serve on"));
		return;
	}
	conf_link(fresh, p->fleet);
	atomic_store_explicit(&p->conf, fresh, memory_order_release);
	retire(p, old);
	metric_add(METRIC_proxy_tls_reloads_total, 1);
	metric_add(METRIC_proxy_tls_refused_total, (int64_t)n_kept);
	log_info("tls_files_reloaded", LOG_U64("kept_old", n_kept));
}

void proxy_commit(struct proxy_plan *plan) {
	struct proxy *p = plan->proxy;
	struct conf *old = p->conf;
	conf_link(plan->conf, p->fleet);
	LIST_EACH(it, &p->listeners) {
		struct proxy_listener *l = CONTAINER_OF(it, struct proxy_listener, link);
		const struct listener_conf *lc = conf_listener(plan->conf, l);
		l->is_tls = lc && lc->tls;
		atomic_store(&l->max_connections, lc ? lc->cfg.max_connections : 0);
	}
	atomic_store_explicit(&p->conf, plan->conf, memory_order_release);
	workers_call(p->threads, apply_here, p);
	listeners_forget(p);
	if (old)
		retire(p, old);
	p->cfg = plan->cfg;
	file_watch_set(p->watch, plan->files);
	mem_free(plan);
}

void proxy_discard(struct proxy_plan *plan) {
	if (!plan)
		return;
	conf_destroy(plan->conf);
	file_set_destroy(plan->files);
	LIST_EACH(it, &plan->proxy->listeners) {
		struct proxy_listener *l = CONTAINER_OF(it, struct proxy_listener, link);
		if (l->is_new)
			listener_destroy(l);
		else
			l->is_used = !l->is_stopped;
	}
	mem_free(plan);
}

/* ---- stopping ---- */

static void stop_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct proxy *p = arg;
	worker_stop_here(&p->workers[worker]);
}

void proxy_stop(struct proxy *p, uint64_t deadline_ms, void (*done)(void *arg), void *arg) {
	p->on_stopped = done;
	p->on_stopped_arg = arg;
	p->stop_at_us = clock_now_us() + deadline_ms * USEC_PER_MSEC;
	workers_call(p->threads, stop_here, p);
}

/* ---- what admin asks ---- */

void proxy_each_listener(struct proxy *p, void (*each)(void *arg, const struct proxy_listener_state *l), void *arg) {
	LIST_EACH(it, &p->listeners) {
		struct proxy_listener *l = CONTAINER_OF(it, struct proxy_listener, link);
		if (!l->is_used)
			continue;
		struct proxy_listener_state state = { .name = str_from(l->name),
			                              .address = l->address,
			                              .is_tls = l->is_tls,
			                              .connections = atomic_load(&l->connections),
			                              .max_connections = atomic_load(&l->max_connections) };
		each(arg, &state);
	}
}

uint64_t proxy_end_count(const struct proxy *p, enum proxy_end e) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < p->n_workers; i++)
		sum += atomic_load_explicit(&p->workers[i].ends[e], memory_order_relaxed);
	return sum;
}
