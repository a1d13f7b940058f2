/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frees what workers might still have been looking at: views that were replaced, and sites, pools and servers that a reload
 * removed. After a grace period no one finds them any more; a server then lives until its last request and connection has ended,
 * a pool until its last server and retry has, a site until its last server has.
 */
#include "private.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

#define SWEEP_TICK_US UINT64_C(100000)

void sweep_arm(struct fleet *f) {
	if (!f->control || f->is_sweep_armed)
		return;
	f->is_sweep_armed = true;
	deadline_set(&f->sweep_tick, clock_now_us() + SWEEP_TICK_US);
}

void sweep_server_free(struct fleet_server *s) {
	mem_free((char *)s->path.p);
	mem_free((char *)s->cause.p);
	mem_free(s);
}

void sweep_pool_free(struct fleet_pool *p) {
	view_destroy(atomic_load_explicit(&p->view, memory_order_relaxed));
	layout_destroy(p->layout);
	sticky_table_free(atomic_load_explicit(&p->sticky, memory_order_relaxed));
	sticky_keys_free(p->sticky_keys);
	mem_free(p->cells);
	mem_free(p->bound);
	if (p->is_removed)
		mem_free((void *)atomic_load_explicit(&p->cfg, memory_order_relaxed));
	mem_free((char *)p->name.p);
	mem_free(p);
}

void sweep_site_free(struct fleet_site *s) {
	mem_free((char *)s->name.p);
	mem_free(s);
}

static bool server_is_held(const struct fleet_server *s) {
	for (unsigned i = 0; i < s->pool->fleet->n_slots; i++)
		if (atomic_load_explicit(&s->slots[i].active, memory_order_acquire) != 0 ||
		    atomic_load_explicit(&s->slots[i].open, memory_order_acquire) != 0)
			return true;
	return atomic_load_explicit(&s->is_suspected, memory_order_acquire);
}

static bool any_server(struct fleet *f, const struct fleet_pool *p, const struct fleet_site *site) {
	LIST_EACH(it, &f->removed_servers)
		if (SERVER_OF(it)->pool == p || SERVER_OF(it)->site == site)
			return true;
	return false;
}

static void views_free(struct fleet *f) {
	for (struct fleet_view *v = f->retired, *next; v; v = next) {
		next = v->next;
		view_destroy(v);
	}
	f->retired = NULL;
	sticky_tables_free(f);
}

static void server_forget(struct fleet *f, struct fleet_server *s) {
	log_info("server_removed", LOG_STR("server", s->path));
	if (f->forget)
		f->forget(f->forget_arg, s);
	list_remove(&s->link);
	sweep_server_free(s);
}

static void servers_sweep(struct fleet *f) {
	struct list candidates;
	list_init(&candidates);
	LIST_EACH(it, &f->removed_servers)
		if (!server_is_held(SERVER_OF(it))) {
			list_remove(it);
			list_append(&candidates, it);
		}
	if (list_is_empty(&candidates))
		return;
	/* Who gave back the last hold may still be within the read lock, and may even have reported a suspicion there. */
	urcu_memb_synchronize_rcu();
	LIST_EACH(it, &candidates) {
		if (!server_is_held(SERVER_OF(it))) {
			server_forget(f, SERVER_OF(it));
			continue;
		}
		list_remove(it);
		list_append(&f->removed_servers, it);
	}
}

bool fleet_sweep(struct fleet *f) {
	if (f->retired || f->retired_tables || f->needs_grace)
		urcu_memb_synchronize_rcu();
	views_free(f);
	f->needs_grace = false;
	servers_sweep(f);
	LIST_EACH(it, &f->removed_pools) {
		struct fleet_pool *p = POOL_OF(it);
		if (any_server(f, p, NULL) || atomic_load_explicit(&p->retrying, memory_order_acquire) != 0 || queue_is_held(p))
			continue;
		urcu_memb_synchronize_rcu(); /* for the one who left its queue last */
		list_remove(it);
		sweep_pool_free(p);
	}
	LIST_EACH(it, &f->removed_sites)
		if (!any_server(f, NULL, SITE_OF(it))) {
			list_remove(it);
			sweep_site_free(SITE_OF(it));
		}
	return !list_is_empty(&f->removed_servers) || !list_is_empty(&f->removed_pools) || !list_is_empty(&f->removed_sites);
}
