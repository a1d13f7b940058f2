/* SPDX-License-Identifier: BSD-2-Clause */
/* Loop, fleet and health under a configuration given as text, as the daemon puts them together. */
#ifndef TESTS_HEALTH_HOUSE_H
#define TESTS_HEALTH_HOUSE_H

#include "health/target.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <urcu.h>

struct house {
	struct loop *loop;
	struct fleet *fleet;
	struct health *health;
	struct cfg *cfg;
	struct buf log;       /* what the rooms logged */
	struct deadline look; /* of house_until */
	bool (*is_reached)(struct house *);
	uint64_t give_up_us;
};

static struct house *house_of_log;

static void house_log(struct str line) {
	buf_add(&house_of_log->log, line);
}

static inline struct cfg *house_cfg(const char *text) {
	struct buf errors = { 0 };
	struct cfg *c = cfg_load_text(str_from(text), "test.yaml", "/", &errors);
	if (c == NULL)
		fail_msg("%.*s", STR_ARG(buf_str(&errors)));
	buf_fini(&errors);
	return c;
}

static inline void house_open(struct house *h) {
	struct err e;
	memset(h, 0, sizeof *h);
	rcu_register_thread();
	h->loop = loop_create(&e);
	h->fleet = fleet_create(h->loop, NULL, &e);
	h->health = health_create(h->loop, h->fleet, &e);
	assert_non_null(h->health);
	house_of_log = h;
	log_set_sink(house_log);
}

/* A reload: both rooms prepare, both commit, the old snapshot goes. */
static inline void house_load(struct house *h, const char *text) {
	struct err e;
	struct cfg *cfg = house_cfg(text);
	struct fleet_plan *f = fleet_prepare(h->fleet, cfg_root(cfg), &e);
	if (f == NULL)
		fail_msg("%s", e.text);
	struct health_plan *p = health_prepare(h->health, cfg_root(cfg), &e);
	if (p == NULL)
		fail_msg("%s", e.text);
	fleet_commit(f);
	health_commit(p);
	cfg_destroy(h->cfg);
	h->cfg = cfg;
}

static inline void house_close(struct house *h) {
	health_destroy(h->health);
	fleet_destroy(h->fleet);
	deadline_fini(&h->look);
	loop_destroy(h->loop);
	cfg_destroy(h->cfg);
	log_set_sink(NULL);
	buf_fini(&h->log);
	rcu_unregister_thread();
}

static void house_look(struct deadline *d) {
	struct house *h = CONTAINER_OF(d, struct house, look);
	if (h->is_reached(h) || clock_now_us() >= h->give_up_us)
		loop_stop(h->loop);
	else
		deadline_set(d, clock_now_us() + 2 * USEC_PER_MSEC);
}

/* Runs the loop until the condition holds; false when it does not within the time. */
static inline bool house_until(struct house *h, bool (*is_reached)(struct house *), uint64_t within_ms) {
	deadline_init(&h->look, h->loop, house_look);
	h->is_reached = is_reached;
	h->give_up_us = clock_update() + within_ms * USEC_PER_MSEC;
	deadline_set(&h->look, clock_now_us());
	loop_run(h->loop);
	deadline_fini(&h->look);
	return is_reached(h);
}

static inline struct fleet_server *house_server(struct house *h, const char *name) {
	struct fleet_server *s = fleet_server_find(h->fleet, str_from(name));
	if (s == NULL)
		fail_msg("no server %s", name);
	return s;
}

static inline enum fleet_verdict house_verdict(struct house *h, const char *name) {
	return (enum fleet_verdict)atomic_load(&house_server(h, name)->verdict);
}

/* How often `text` occurs in the log. */
static inline unsigned house_logged(const struct house *h, const char *text) {
	unsigned n = 0;
	struct str rest = buf_str(&h->log), what = str_from(text);
	for (size_t at; rest.n > 0 && (at = str_find(rest, what)) < rest.n; n++)
		rest = str_skip(rest, at + what.n);
	return n;
}

#endif
