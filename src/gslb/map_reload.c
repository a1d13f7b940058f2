/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps that change while they are in force, since their files do, or what operators tell of them: made anew, and the steered names that
 * go by maps get new policies, without a look at zones or configuration. A file with a fault leaves its old map in force; maps that no
 * policy can be made of leave all of them in force. While zones are signed anew, which holds the maps, changes wait: what changes each
 * minute must not keep signatures from being made. Control thread.
 */
#include "gslb/private.h"

#include "gslb/latency.h"
#include "gslb/maps.h"

#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

/* A name that goes by maps, and its policy: the one to come, then the one that was, for after a grace period. */
struct replaced {
	struct steered *steered;
	struct policy *policy;
};
struct replacement {
	struct replaced *items;
	size_t n, cap;
};

static void replacement_end(struct replacement *r) {
	for (size_t i = 0; i < r->n; i++)
		policy_destroy(r->items[i].policy);
	mem_free(r->items);
}

static bool policy_make(struct replacement *r, struct steered *s, struct maps *maps) {
	struct err e;
	struct policy *p = policy_create(maps, s->cfg, &e);
	if (!p) {
		log_error("map_refused", LOG_STR("name", s->text), LOG_CSTR("why", e.text),
		          LOG_CSTR("then", "all old ones serve on"));
		return false;
	}
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->items = mem_realloc_array(r->items, r->cap, sizeof(*r->items));
	}
	r->items[r->n++] = (struct replaced){ s, p };
	return true;
}

/* All of them before the first is in force: names that go by one file shall not disagree over it. */
static bool policies_make(struct replacement *r, const struct zones *zs, struct maps *maps) {
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct steered *s = z->steered; s; s = s->next)
			if (s->policy->map && !policy_make(r, s, maps))
				return false;
	return true;
}

static void policy_switch(struct replaced *r) {
	struct steered *s = r->steered;
	struct policy *old = s->policy;
	if (r->policy->n_classes != old->n_classes) { /* they are others: nothing is known of what was last usable for them */
		mem_free(s->last);
		s->last = mem_zalloc_array(r->policy->n_classes, sizeof(*s->last));
	}
	s->policy = r->policy;
	s->is_presigned = false;
	s->n_presigned = 0;
	r->policy = old;
}

static bool maps_are_same(const struct maps *a, const struct maps *b) {
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i] != b->items[i])
			return false;
	return true;
}

static void maps_switch(struct gslb *g, struct zones *zs, struct maps *maps, struct replacement *r) {
	for (size_t i = 0; i < r->n; i++)
		policy_switch(&r->items[i]);
	steer_refresh(zs, g->fleet, g->render);
	urcu_memb_synchronize_rcu();
	maps_destroy(zs->maps);
	zs->maps = maps;
}

void gslb_reload_maps(struct gslb *g) {
	g->do_maps_wait = resign_is_busy(g->resign);
	if (g->do_maps_wait)
		return;
	struct zones *zs = zones_now(g);
	struct replacement r = { 0 };
	struct err e;
	size_t n_kept = 0;
	struct maps *maps = zs ? maps_create(zs->cfg, zs->maps, &g->latency, &n_kept, &e) : NULL;
	if (maps && !maps_are_same(maps, zs->maps) && policies_make(&r, zs, maps)) {
		maps_switch(g, zs, maps, &r);
		log_info("maps_reloaded", LOG_U64("names", r.n), LOG_U64("refused", n_kept), LOG_U64("told", g->latency.n));
	} else {
		maps_destroy(maps);
	}
	replacement_end(&r);
}

void maps_catch_up(struct gslb *g) {
	if (g->do_maps_wait)
		gslb_reload_maps(g);
}

/* ---- what is told by command ---- */

/* A program that tells measurements tells many rows in a row. */
#define TOLD_PAUSE_US (USEC_PER_SEC / 5)
/* Maps of a million networks take a second: probes and zones need the thread, too. */
#define TOLD_PAUSE_TIMES 4

static void on_told(struct deadline *d) {
	struct gslb *g = CONTAINER_OF(d, struct gslb, latency_due);
	uint64_t began_us = clock_update();
	gslb_reload_maps(g);
	uint64_t now_us = clock_update(), pause_us = (now_us - began_us) * TOLD_PAUSE_TIMES;
	g->latency_earliest_us = now_us + (pause_us > TOLD_PAUSE_US ? pause_us : TOLD_PAUSE_US);
}

/* At the end of this turn, the first time. */
static void remake_soon(struct gslb *g) {
	uint64_t now_us = clock_now_us();
	if (!g->latency_due.loop)
		gslb_reload_maps(g);
	else
		deadline_set(&g->latency_due, now_us > g->latency_earliest_us ? now_us : g->latency_earliest_us);
}

void latency_init(struct gslb *g, struct loop *control) {
	if (control)
		deadline_init(&g->latency_due, control, on_told);
}

int gslb_latency_set(struct gslb *g, const struct gslb_latency *row, struct err *e) {
	if (latency_set(&g->latency, g->cfg, row, e) < 0)
		return -1;
	log_debug("latency_set", LOG_STR("map", row->map), LOG_STR("network", row->network), LOG_STR("times", row->times));
	remake_soon(g);
	return 0;
}

int gslb_latency_clear(struct gslb *g, struct str map, struct str network, unsigned *n, struct err *e) {
	if (latency_clear(&g->latency, g->cfg, map, network, n, e) < 0)
		return -1;
	if (*n == 0)
		return 0;
	log_info("latency_cleared", LOG_STR("map", map), LOG_U64("rows", *n));
	remake_soon(g);
	return 0;
}

void gslb_each_latency(struct gslb *g, void (*each)(void *arg, const struct gslb_latency *row), void *arg) {
	latency_each(&g->latency, each, arg);
}

/* ---- files ---- */

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
