/* SPDX-License-Identifier: BSD-2-Clause */
/* Where requests go over many of them: each algorithm's distribution, and the shares of sites, within bounds of chance. */
#include "unit/fleet/house.h"

#define PICKS 60000

static const unsigned weights[] = { 1, 2, 3, 4 };
#define WEIGHTS_SUM 10

static struct house *weighted_house(enum cfg_balance b) {
	struct house *h = house_create(1, 1);
	h->pools[0].balance = b;
	for (unsigned i = 0; i < COUNT_OF(weights); i++)
		house_add(h, 0, 0, weights[i]);
	house_commit(h);
	return h;
}

static void exact_by_weight(enum cfg_balance b) {
	struct house *h = weighted_house(b);
	unsigned total[COUNT_OF(weights)] = { 0 };
	/* In every window of one round, wherever it starts. */
	for (unsigned round = 0; round < 50; round++) {
		unsigned counts[COUNT_OF(weights)] = { 0 };
		house_count(h, 0, WEIGHTS_SUM, counts);
		for (unsigned i = 0; i < COUNT_OF(weights); i++)
			assert_int_equal(counts[i], weights[i]);
		house_count(h, 0, 3, total);
	}
	house_destroy(h);
}

static void test_round_robin(void **state) {
	(void)state;
	exact_by_weight(CFG_BALANCE_ROUND_ROBIN);
}

/* Where all are idle, the least loaded is a matter of turns. */
static void test_least_requests_idle(void **state) {
	(void)state;
	exact_by_weight(CFG_BALANCE_LEAST_REQUESTS);
}

static void chance_by_weight(enum cfg_balance b) {
	struct house *h = weighted_house(b);
	unsigned counts[COUNT_OF(weights)] = { 0 };
	house_count(h, 0, PICKS, counts);
	for (unsigned i = 0; i < COUNT_OF(weights); i++)
		assert_share(counts[i], PICKS, weights[i] / (double)WEIGHTS_SUM);
	house_destroy(h);
}

static void test_random(void **state) {
	(void)state;
	chance_by_weight(CFG_BALANCE_RANDOM);
}

static void test_p2c_idle(void **state) {
	(void)state;
	chance_by_weight(CFG_BALANCE_P2C);
}

/* Requests stay for a while, and on server 0 ten times as long: how many more does it hold than the others, at most? */
static unsigned worst_pile(enum cfg_balance b) {
	enum { SERVERS = 20, HELD = 400 };
	struct house *h = house_create(1, 1);
	h->pools[0].balance = b;
	for (unsigned i = 0; i < SERVERS; i++)
		house_add(h, 0, 0, 1);
	house_commit(h);
	static struct fleet_server *held[HELD];
	unsigned worst = 0;
	for (unsigned n = 0; n < PICKS; n++) {
		unsigned at = n < HELD ? n : (unsigned)rand_below(rand_thread(), HELD);
		if (n >= HELD) {
			if (house_number(held[at]) == 0 && rand_below(rand_thread(), 10) > 0)
				continue;
			fleet_request_end(held[at], 0);
		}
		held[at] = house_pick(h, 0, NULL);
		unsigned active = slot_active(house_server(h, 0, 0), 0);
		worst = active > worst ? active : worst;
	}
	house_destroy(h);
	return worst;
}

static void test_slow_server(void **state) {
	(void)state;
	unsigned rr = worst_pile(CFG_BALANCE_ROUND_ROBIN), p2c = worst_pile(CFG_BALANCE_P2C),
		 least = worst_pile(CFG_BALANCE_LEAST_REQUESTS);
	/* On average each holds 20. The slow one: about 10 times the others in turns, hardly more than they by load. */
	assert_true(least <= 22);
	assert_true(p2c <= 30);
	assert_true(rr > 80);
}

/* With so many servers that not all are looked at, load still is level. */
static void test_least_of_many(void **state) {
	(void)state;
	enum { SERVERS = 1000, HELD = 5000 };
	struct house *h = house_create(1, 1);
	h->pools[0].balance = CFG_BALANCE_LEAST_REQUESTS;
	for (unsigned i = 0; i < SERVERS; i++)
		house_add(h, 0, 0, 1);
	house_commit(h);
	static struct fleet_server *held[HELD];
	unsigned worst = 0;
	for (unsigned n = 0; n < PICKS; n++) {
		unsigned at = n < HELD ? n : (unsigned)rand_below(rand_thread(), HELD);
		if (n >= HELD)
			fleet_request_end(held[at], 0);
		held[at] = house_pick(h, 0, NULL);
		assert_non_null(held[at]);
		uint64_t active = fleet_active(h->fleet, TARGET_SERVER(held[at]));
		worst = active > worst ? (unsigned)active : worst;
	}
	assert_true(worst <= 7); /* 5 on average */
	house_destroy(h);
}

/* Shares of three sites under `prefer` as servers of the first, then of the second die; two servers of eight weigh a quarter. */
static void test_spill(void **state) {
	(void)state;
	static const struct {
		unsigned usable[3];
		double share[3];
	} rows[] = {
		{ { 100, 100, 100 }, { 1, 0, 0 } },          { { 72, 72, 100 }, { 1, 0, 0 } },
		{ { 50, 50, 100 }, { 0.7, 0.3, 0 } },        { { 25, 25, 100 }, { 0.35, 0.35, 0.3 } },
		{ { 25, 25, 20 }, { 0.357, 0.357, 0.286 } }, { { 0, 0, 1 }, { 0, 0, 1 } },
	};
	for (int b = 0; b <= CFG_BALANCE_EWMA; b++) {
		struct house *h = house_create(3, 1);
		h->pools[0].balance = (enum cfg_balance)b;
		h->pools[0].load_factor = 10;
		for (unsigned i = 0; i < 300; i++)
			house_add(h, 0, i / 100, 1);
		house_prefer(h, 0, 3);
		house_commit(h);
		for (size_t r = 0; r < COUNT_OF(rows); r++) {
			for (unsigned i = 0; i < 300; i++)
				house_verdict(h, 0, i, i % 100 < rows[r].usable[i / 100] ? FLEET_UP : FLEET_DOWN);
			unsigned counts[3] = { 0 }, n = 5000;
			for (unsigned i = 0; i < n; i++) {
				struct fleet_server *s =
				    house_pick(h, 0, &(struct fleet_request){ .hash = rand_next(rand_thread()) });
				counts[house_number(s) / 100]++;
				fleet_request_end(s, 0);
			}
			for (unsigned i = 0; i < 3; i++)
				assert_share(counts[i], n, rows[r].share[i]);
		}
		house_destroy(h);
	}
}

static void test_split(void **state) {
	(void)state;
	struct house *h = house_create(3, 1);
	static const unsigned split[] = { 50, 30, 20 };
	for (unsigned i = 0; i < 3; i++)
		h->split[0][i] = (struct cfg_weight){ .site = &h->sites[i], .weight = split[i] };
	h->pools[0].split.n = 3;
	/* The split counts, not how many servers a site has. */
	for (unsigned i = 0; i < 6; i++)
		house_add(h, 0, i == 0 ? 0 : i < 3 ? 1 : 2, 1);
	house_commit(h);
	unsigned counts[6] = { 0 };
	house_count(h, 0, PICKS, counts);
	assert_share(counts[0], PICKS, 0.5);
	assert_share(counts[1] + counts[2], PICKS, 0.3);
	assert_share(counts[3] + counts[4] + counts[5], PICKS, 0.2);
	house_verdict(h, 0, 0, FLEET_DOWN);
	memset(counts, 0, sizeof(counts));
	house_count(h, 0, PICKS, counts);
	assert_share(counts[1] + counts[2], PICKS, 0.6);
	assert_share(counts[3] + counts[4] + counts[5], PICKS, 0.4);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_robin), cmocka_unit_test(test_least_requests_idle),
		cmocka_unit_test(test_random),      cmocka_unit_test(test_p2c_idle),
		cmocka_unit_test(test_slow_server), cmocka_unit_test(test_least_of_many),
		cmocka_unit_test(test_spill),       cmocka_unit_test(test_split),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
