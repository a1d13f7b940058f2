/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration made by hand for fleet's tests: sites s0, s1... and pools p0, p1... with servers v0, v1..., without YAML.
 * Test programs are single files, so all of it is static.
 */
#ifndef TESTS_FLEET_HOUSE_H
#define TESTS_FLEET_HOUSE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fleet/private.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/rand.h"

#define HOUSE_SITES 8
#define HOUSE_POOLS 4
#define HOUSE_SERVERS 1000

struct house {
	struct cfg_root root;
	struct cfg_site sites[HOUSE_SITES];
	struct cfg_pool pools[HOUSE_POOLS];
	struct cfg_server *servers[HOUSE_POOLS];
	struct cfg_site *prefer[HOUSE_POOLS][HOUSE_SITES];
	struct cfg_weight split[HOUSE_POOLS][HOUSE_SITES];
	struct cfg_check check;
	char names[HOUSE_SERVERS][8];
	char site_names[HOUSE_SITES][8];
	char pool_names[HOUSE_POOLS][8];
	struct fleet *fleet;
};

static __attribute__((unused)) struct house *house_create(unsigned n_sites, unsigned n_pools) {
	struct house *h = mem_zalloc(sizeof(*h));
	h->root.sites.items = h->sites;
	h->root.sites.n = n_sites;
	h->root.pools.items = h->pools;
	h->root.pools.n = n_pools;
	for (unsigned i = 0; i < HOUSE_SERVERS; i++)
		snprintf(h->names[i], sizeof(h->names[i]), "v%u", i);
	for (unsigned i = 0; i < HOUSE_SITES; i++) {
		snprintf(h->site_names[i], sizeof(h->site_names[i]), "s%u", i);
		h->sites[i].id = str_from(h->site_names[i]);
	}
	for (unsigned i = 0; i < HOUSE_POOLS; i++) {
		struct cfg_pool *p = &h->pools[i];
		snprintf(h->pool_names[i], sizeof(h->pool_names[i]), "p%u", i);
		p->id = str_from(h->pool_names[i]);
		p->check = &h->check;
		p->min_up = 1;
		p->load_factor = 1.25;
		p->overprovision = 1.4;
		p->retries.attempts = 2;
		p->retries.budget_percent = 20;
		h->servers[i] = mem_zalloc_array(HOUSE_SERVERS, sizeof(struct cfg_server));
		p->servers.items = h->servers[i];
		p->prefer.items = h->prefer[i];
		p->split.items = h->split[i];
	}
	struct err e;
	h->fleet = fleet_create(NULL, NULL, &e);
	return h;
}

/* One more server, named by its number in the pool. */
static __attribute__((unused)) struct cfg_server *house_add(struct house *h, unsigned pool, unsigned site, unsigned weight) {
	struct cfg_pool *p = &h->pools[pool];
	struct cfg_server *s = &h->servers[pool][p->servers.n];
	char address[ADDR_TEXT_BYTES];
	snprintf(address, sizeof(address), "10.%u.%zu.%zu:80", pool, p->servers.n / 250, p->servers.n % 250 + 1);
	assert_true(addr_parse(&s->address, str_from(address)));
	s->name = str_from(h->names[p->servers.n]);
	s->site = &h->sites[site];
	s->weight = weight;
	p->servers.n++;
	return s;
}

static __attribute__((unused)) void house_prefer(struct house *h, unsigned pool, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		h->prefer[pool][i] = &h->sites[i];
	h->pools[pool].prefer.n = n;
}

static __attribute__((unused)) void house_commit(struct house *h) {
	struct err e;
	struct fleet_plan *plan = fleet_prepare(h->fleet, &h->root, &e);
	assert_non_null(plan);
	fleet_commit(plan);
}

static __attribute__((unused)) void house_destroy(struct house *h) {
	fleet_destroy(h->fleet);
	for (unsigned i = 0; i < HOUSE_POOLS; i++)
		mem_free(h->servers[i]);
	mem_free(h);
}

static __attribute__((unused)) struct fleet_site *house_site(struct house *h, unsigned i) {
	struct fleet_site *s = fleet_site_find(h->fleet, str_from(h->site_names[i]));
	assert_non_null(s);
	return s;
}

static __attribute__((unused)) struct fleet_pool *house_pool(struct house *h, unsigned i) {
	struct fleet_pool *p = fleet_pool_find(h->fleet, str_from(h->pool_names[i]));
	assert_non_null(p);
	return p;
}

static __attribute__((unused)) struct fleet_server *house_server(struct house *h, unsigned pool, unsigned i) {
	char name[32];
	snprintf(name, sizeof(name), "p%u/v%u", pool, i);
	struct fleet_server *s = fleet_server_find(h->fleet, str_from(name));
	assert_non_null(s);
	return s;
}

static __attribute__((unused)) void house_verdict(struct house *h, unsigned pool, unsigned i, enum fleet_verdict v) {
	fleet_set_verdict(h->fleet, house_server(h, pool, i), v, false, STR("as the test says"));
}

static __attribute__((unused)) struct fleet_server *house_pick(struct house *h, unsigned pool, const struct fleet_request *r) {
	static const struct fleet_request plain = { 0 };
	struct fleet_server *s = NULL;
	return fleet_pick(house_pool(h, pool), 0, r ? r : &plain, &s) == FLEET_PICKED ? s : NULL;
}

/* The number in the name. */
static __attribute__((unused)) unsigned house_number(const struct fleet_server *s) {
	return (unsigned)atoi(s->name.p + 1);
}

/* Picks n times, ending each request at once; counts by the number of the server. */
static __attribute__((unused)) void house_count(struct house *h, unsigned pool, unsigned n, unsigned *counts) {
	for (unsigned i = 0; i < n; i++) {
		struct fleet_server *s = house_pick(h, pool, NULL);
		assert_non_null(s);
		counts[house_number(s)]++;
		fleet_request_end(s, 0);
	}
}

/* Is `seen` of n draws with probability p within 5 standard deviations, and one? By chance it is not once in 1.7 million. */
static __attribute__((unused)) void assert_share(unsigned seen, unsigned n, double p) {
	double off = fabs(seen - n * p) - 1;
	if (off > 0 && off * off > 25 * n * p * (1 - p))
		fail_msg("%u of %u is not a share of %g", seen, n, p);
}

/* ---- a clock that the test moves ---- */

static uint64_t house_now_us = UINT64_C(1000000000);
static __attribute__((unused)) uint64_t house_clock(void) {
	return house_now_us;
}
static __attribute__((unused)) void house_sleep_ms(uint64_t ms) {
	house_now_us += ms * USEC_PER_MSEC;
	clock_update();
}

static __attribute__((unused)) int house_quiet(void **state) {
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	clock_set_source(house_clock);
	clock_update();
	rand_seed(rand_thread(), 42);
	return 0;
}

#endif
