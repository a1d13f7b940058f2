/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of maps that change while they are in force: read anew, and the steered names that go by maps get new policies, without a look
 * at zones or configuration. A file with a fault leaves its old map in force. Control thread.
 */
#include "gslb/private.h"

#include "gslb/maps.h"

#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

struct replaced {
	struct policy **policies; /* old ones, for after a grace period */
	size_t n, cap;
};

static void replace(struct steered *s, struct maps *maps, struct replaced *old) {
	struct err e;
	struct policy *p = policy_create(maps, s->cfg, &e);
	if (!p) {
		log_error("map_refused", LOG_STR("name", s->text), LOG_CSTR("why", e.text),
		          LOG_CSTR("then", "the old one serves on"));
		return;
	}
	if (old->n == old->cap) {
		old->cap = old->cap ? old->cap * 2 : 16;
		old->policies = mem_realloc_array(old->policies, old->cap, sizeof(struct policy *));
	}
	old->policies[old->n++] = s->policy;
	if (p->n_classes != s->policy->n_classes) { /* they are others: nothing is known of what was last usable for them */
		mem_free(s->last);
		s->last = mem_zalloc_array(p->n_classes, sizeof(*s->last));
	}
	s->policy = p;
	s->is_presigned = false;
	s->n_presigned = 0;
}

static bool maps_are_same(const struct maps *a, const struct maps *b) {
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i] != b->items[i])
			return false;
	return true;
}

void gslb_reload_maps(struct gslb *g) {
	struct zones *zs = atomic_load_explicit(&g->zones, memory_order_relaxed);
	struct replaced old = { 0 };
	struct err e;
	size_t n_kept = 0;
	resign_cancel(g->resign);
	struct maps *maps = zs ? maps_create(zs->cfg, zs->maps, &n_kept, &e) : NULL;
	if (!maps || maps_are_same(maps, zs->maps)) {
		maps_destroy(maps);
		resign_schedule(g->resign);
		return;
	}
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct steered *s = z->steered; s; s = s->next)
			if (s->policy->map)
				replace(s, maps, &old);
	steer_refresh(zs, g->fleet, g->render);
	urcu_memb_synchronize_rcu();
	for (size_t i = 0; i < old.n; i++)
		policy_destroy(old.policies[i]);
	mem_free(old.policies);
	maps_destroy(zs->maps);
	zs->maps = maps;
	resign_schedule(g->resign);
	log_info("maps_reloaded", LOG_U64("names", old.n), LOG_U64("refused", n_kept));
}

static void on_files_changed(void *arg) {
	gslb_reload_maps(arg);
}

void gslb_watch(struct gslb *g, struct loop *control) {
	g->watch = file_watch_create(control, on_files_changed, g);
}

struct file_set *map_files(const struct cfg_root *cfg) {
	struct str *paths = mem_zalloc_array(cfg->maps.n + 1, sizeof(*paths));
	for (size_t i = 0; i < cfg->maps.n; i++)
		paths[i] = cfg->maps.items[i].file;
	struct file_set *set = file_set_create(paths, cfg->maps.n);
	mem_free(paths);
	return set;
}
