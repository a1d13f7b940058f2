/* SPDX-License-Identifier: BSD-2-Clause */
/* fleet_pick for every algorithm: exclusion, limits, levels, and the counts that it keeps. */
#include "house.h"

#define N_ALGORITHMS (CFG_BALANCE_EWMA + 1)

static void each_algorithm(void (*fn)(enum cfg_balance b)) {
	for (int b = 0; b < N_ALGORITHMS; b++)
		fn((enum cfg_balance)b);
}

static void none_usable(enum cfg_balance b) {
	struct house *h = house_create(1, 2);
	h->pools[0].balance = b;
	house_add(h, 0, 0, 1);
	house_commit(h);
	struct fleet_server *s = NULL;
	const struct fleet_request r = { 0 };
	assert_int_equal(fleet_pick(house_pool(h, 1), 0, &r, &s), FLEET_NO_SERVER); /* has no servers at all */
	house_verdict(h, 0, 0, FLEET_DOWN);
	assert_int_equal(fleet_pick(house_pool(h, 0), 0, &r, &s), FLEET_NO_SERVER);
	assert_null(s);
	house_destroy(h);
}

static void test_none_usable(void **state) {
	(void)state;
	each_algorithm(none_usable);
}

static void tried_are_skipped(enum cfg_balance b) {
	struct house *h = house_create(2, 1);
	h->pools[0].balance = b;
	for (unsigned i = 0; i < 6; i++)
		house_add(h, 0, i / 3, 1 + i);
	house_prefer(h, 0, 2);
	house_commit(h);
	struct fleet_server *tried[6];
	bool seen[6] = { false };
	/* The first three are those of the preferred site, then the other site's: tried ones never, while there are others. */
	for (unsigned n = 0; n < 6; n++) {
		tried[n] = house_pick(h, 0, &(struct fleet_request){ .hash = 99, .tried = tried, .n_tried = n });
		assert_non_null(tried[n]);
		unsigned number = house_number(tried[n]);
		assert_false(seen[number]);
		assert_true(n < 3 ? number < 3 : number >= 3);
		seen[number] = true;
	}
	/* With none left, a tried one is better than none. */
	assert_non_null(house_pick(h, 0, &(struct fleet_request){ .tried = tried, .n_tried = 6 }));
	assert_int_equal(fleet_active(h->fleet, TARGET_POOL(house_pool(h, 0))), 7);
	house_destroy(h);
}

static void test_tried(void **state) {
	(void)state;
	each_algorithm(tried_are_skipped);
}

/* Sites to avoid: another site's server, whatever the levels say; then an untried one of those sites; then a tried one. */
static void sites_are_avoided(enum cfg_balance b, bool has_levels) {
	struct house *h = house_create(2, 1);
	h->pools[0].balance = b;
	for (unsigned i = 0; i < 4; i++)
		house_add(h, 0, i / 2, 1);
	if (has_levels)
		house_prefer(h, 0, 2);
	house_commit(h);
	struct fleet_server *tried[4] = { house_server(h, 0, 0) };
	struct fleet_request r = { .hash = 7, .tried = tried, .n_tried = 1, .avoid_sites = 1u << house_site(h, 0)->index };
	for (unsigned i = 0; i < 20; i++)
		assert_true(house_number(house_pick(h, 0, &r)) >= 2);
	house_verdict(h, 0, 2, FLEET_DOWN);
	house_verdict(h, 0, 3, FLEET_DOWN);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(house_number(house_pick(h, 0, &r)), 1);
	house_verdict(h, 0, 1, FLEET_DOWN);
	assert_int_equal(house_number(house_pick(h, 0, &r)), 0);
	house_destroy(h);
}

static void sites_are_avoided_by(enum cfg_balance b) {
	sites_are_avoided(b, false);
	sites_are_avoided(b, true);
}

static void test_avoided_sites(void **state) {
	(void)state;
	each_algorithm(sites_are_avoided_by);
}

static void busy_are_skipped(enum cfg_balance b) {
	struct house *h = house_create(1, 1);
	h->pools[0].balance = b;
	h->pools[0].max_connections = 2;
	for (unsigned i = 0; i < 3; i++)
		house_add(h, 0, 0, 1)->max_connections = i == 2 ? 3 : 0; /* the third says its own */
	house_commit(h);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < 3; j++)
			assert_int_equal(fleet_connection_take(house_server(h, 0, i), 0), j < (i == 2 ? 3 : 2));
	struct fleet_server *s = NULL, *free_one = house_server(h, 0, 1);
	const struct fleet_request r = { .hash = 5 };
	assert_int_equal(fleet_pick(house_pool(h, 0), 0, &r, &s), FLEET_ALL_BUSY);
	/* A tried one that has room is the only way left. */
	fleet_connection_release(free_one, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_ptr_equal(house_pick(h, 0, &(struct fleet_request){ .hash = i, .tried = &free_one, .n_tried = 1 }),
		                 free_one);
	assert_true(fleet_connection_take(free_one, 0));
	/* At the bound, but with a connection of this worker to spare. */
	house_server(h, 0, 2)->slots[0].n_idle = 1;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(house_number(house_pick(h, 0, &(struct fleet_request){ .hash = i })), 2);
	house_destroy(h);
}

static void test_busy(void **state) {
	(void)state;
	each_algorithm(busy_are_skipped);
}

static void test_levels_of_roles(void **state) {
	(void)state;
	struct house *h = house_create(3, 1);
	h->sites[0].role = CFG_SITE_ROLE_STANDBY;
	for (unsigned i = 0; i < 3; i++)
		house_add(h, 0, i, 1);
	house_commit(h);
	unsigned counts[3] = { 0 };
	house_count(h, 0, 100, counts);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 50);
	assert_int_equal(counts[2], 50);
	house_verdict(h, 0, 1, FLEET_DOWN);
	house_verdict(h, 0, 2, FLEET_DOWN);
	memset(counts, 0, sizeof(counts));
	house_count(h, 0, 100, counts);
	assert_int_equal(counts[0], 100);
	house_destroy(h);
}

static void test_unlisted_sites_come_last(void **state) {
	(void)state;
	struct house *h = house_create(3, 2);
	for (unsigned i = 0; i < 3; i++) {
		house_add(h, 0, i, 1);
		house_add(h, 1, i, 1);
	}
	house_prefer(h, 0, 2);
	h->split[1][0] = (struct cfg_weight){ .site = &h->sites[0], .weight = 1 };
	h->split[1][1] = (struct cfg_weight){ .site = &h->sites[1], .weight = 1 };
	h->pools[1].split.n = 2;
	house_commit(h);
	for (unsigned pool = 0; pool < 2; pool++) {
		unsigned counts[3] = { 0 };
		house_count(h, pool, 1000, counts);
		assert_int_equal(counts[2], 0);
		house_verdict(h, pool, 0, FLEET_DOWN);
		house_verdict(h, pool, 1, FLEET_DOWN);
		house_count(h, pool, 10, counts);
		assert_int_equal(counts[2], 10);
	}
	house_destroy(h);
}

static void test_round_goes_on_over_publishes(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	for (unsigned i = 0; i < 4; i++)
		house_add(h, 0, 0, 1);
	house_add(h, 0, 1, 1);
	house_prefer(h, 0, 2);
	house_commit(h);
	unsigned counts[5] = { 0 };
	for (unsigned i = 0; i < 100; i++) {
		house_count(h, 0, 1, counts);
		house_verdict(h, 0, 4, i % 2 ? FLEET_UP : FLEET_DOWN);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(counts[i], 25);
	house_destroy(h);
}

static void test_counts(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	house_add(h, 0, 0, 1);
	house_commit(h);
	struct fleet_server *s = house_pick(h, 0, NULL);
	assert_ptr_equal(house_pick(h, 0, NULL), s);
	assert_int_equal(fleet_active(h->fleet, TARGET_SERVER(s)), 2);
	fleet_request_end(s, 0);
	assert_int_equal(fleet_active(h->fleet, TARGET_SITE(house_site(h, 0))), 1);
	assert_int_equal(s->slots[0].requests, 2);
	fleet_request_end(s, 0);
	assert_int_equal(fleet_active(h->fleet, TARGET_POOL(s->pool)), 0);
	house_destroy(h);
}

static void test_retry_budget(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	house_add(h, 0, 0, 1);
	house_commit(h);
	struct fleet_pool *p = house_pool(h, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(fleet_retry_take(p)); /* a few are always allowed */
	assert_false(fleet_retry_take(p));
	for (unsigned i = 0; i < 30; i++)
		house_pick(h, 0, NULL);
	for (unsigned i = 3; i < 6; i++)
		assert_true(fleet_retry_take(p)); /* 20 % of 30 */
	assert_false(fleet_retry_take(p));
	fleet_retry_end(p);
	assert_true(fleet_retry_take(p));
	house_destroy(h);
}

static void test_least_takes_the_least(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	h->pools[0].balance = CFG_BALANCE_LEAST_REQUESTS;
	static const unsigned weights[] = { 1, 2, 4 };
	for (unsigned i = 0; i < 3; i++)
		house_add(h, 0, 0, weights[i]);
	house_commit(h);
	struct fleet_server *held[70];
	for (unsigned i = 0; i < 70; i++)
		held[i] = house_pick(h, 0, NULL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fleet_active(h->fleet, TARGET_SERVER(house_server(h, 0, i))), weights[i] * 10);
	/* Where one ends, the next begins. */
	for (unsigned i = 0; i < 70; i++) {
		fleet_request_end(held[i], 0);
		assert_ptr_equal(house_pick(h, 0, NULL), held[i]);
	}
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_usable),
		cmocka_unit_test(test_tried),
		cmocka_unit_test(test_avoided_sites),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_levels_of_roles),
		cmocka_unit_test(test_unlisted_sites_come_last),
		cmocka_unit_test(test_round_goes_on_over_publishes),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_retry_budget),
		cmocka_unit_test(test_least_takes_the_least),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
