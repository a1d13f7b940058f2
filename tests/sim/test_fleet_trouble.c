/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Servers in trouble, on a virtual clock: one that is slow (ewma), those that come back (slow start), most of them down (panic), and
 * sites that spill.
 */
#include "unit/fleet/house.h"

#include "steerway/base/heap.h"

/* ---- ewma: requests arrive at a steady pace and end after their server's latency ---- */

enum { SERVERS = 10, PACE_US = 500 };

struct ending {
	struct heap_node node; /* by time */
	struct fleet_server *server;
	uint64_t started_us;
};

struct traffic {
	struct house *h;
	struct heap endings;
	uint64_t latency_us[SERVERS];
	unsigned counts[SERVERS];
};

static void endings_run(struct traffic *t, uint64_t until_us) {
	for (struct heap_node *min; (min = heap_min(&t->endings)) && min->key <= until_us;) {
		struct ending *e = CONTAINER_OF(min, struct ending, node);
		house_now_us = min->key;
		clock_update();
		heap_remove(&t->endings, min);
		fleet_observe(e->server, 0, house_now_us - e->started_us);
		fleet_request_end(e->server, 0);
		mem_free(e);
	}
	house_now_us = until_us;
	clock_update();
}

static void traffic_run(struct traffic *t, unsigned n) {
	memset(t->counts, 0, sizeof(t->counts));
	for (unsigned i = 0; i < n; i++) {
		endings_run(t, house_now_us + PACE_US);
		struct ending *e = mem_zalloc(sizeof(*e));
		e->server = house_pick(t->h, 0, NULL);
		assert_non_null(e->server);
		unsigned number = house_number(e->server);
		t->counts[number]++;
		e->started_us = house_now_us;
		e->node.key = house_now_us + t->latency_us[number] * (50 + rand_below(rand_thread(), 100)) / 100;
		heap_insert(&t->endings, &e->node);
	}
}

static void traffic_end(struct traffic *t) {
	endings_run(t, house_now_us + UINT64_C(3600000000));
	heap_fini(&t->endings);
	house_destroy(t->h);
}

static struct traffic traffic_create(enum cfg_balance b, bool is_weighted) {
	struct traffic t = { .h = house_create(1, 1) };
	t.h->pools[0].balance = b;
	for (unsigned i = 0; i < SERVERS; i++) {
		house_add(t.h, 0, 0, is_weighted && i >= SERVERS / 2 ? 3 : 1);
		t.latency_us[i] = 4000;
	}
	house_commit(t.h);
	return t;
}

static void test_ewma_avoids_the_slow(void **state) {
	(void)state;
	struct traffic t = traffic_create(CFG_BALANCE_EWMA, false);
	traffic_run(&t, 20000);
	for (unsigned i = 0; i < SERVERS; i++) /* equals share evenly */
		assert_true(t.counts[i] > 1600 && t.counts[i] < 2400);
	t.latency_us[3] = 40000;
	traffic_run(&t, 200000);         /* 100 s */
	assert_true(t.counts[3] < 6000); /* a tenth as fast: less than a third of its even share */
	assert_true(t.counts[3] > 2);    /* but it is tried again and again */
	t.latency_us[3] = 4000;
	traffic_run(&t, 120000);
	traffic_run(&t, 20000);
	assert_true(t.counts[3] > 1400); /* and comes back */
	traffic_end(&t);
}

static void test_ewma_peak(void **state) {
	(void)state;
	struct traffic t = traffic_create(CFG_BALANCE_EWMA, false);
	traffic_run(&t, 5000);
	/* One bad answer is enough to be passed over for a while. */
	fleet_observe(house_server(t.h, 0, 5), 0, 2000000);
	traffic_run(&t, 1000);
	assert_true(t.counts[5] <= 2);
	traffic_end(&t);
}

static void test_ewma_weights(void **state) {
	(void)state;
	struct traffic t = traffic_create(CFG_BALANCE_EWMA, true);
	traffic_run(&t, 40000);
	unsigned light = 0, heavy = 0;
	for (unsigned i = 0; i < SERVERS; i++)
		*(i < SERVERS / 2 ? &light : &heavy) += t.counts[i];
	assert_true(heavy > 2 * light && heavy < 6 * light);
	traffic_end(&t);
}

/* A server that nobody has measured gets one request at a time, not all of them. */
static void test_ewma_newcomer(void **state) {
	(void)state;
	struct traffic t = traffic_create(CFG_BALANCE_EWMA, false);
	traffic_run(&t, 5000);
	endings_run(&t, house_now_us + 1000000);
	house_server(t.h, 0, 2)->slots[0].latency_us = 0;
	t.latency_us[2] = 10000000;
	traffic_run(&t, 2000);
	assert_int_equal(slot_active(house_server(t.h, 0, 2), 0), 1);
	traffic_end(&t);
}

/* ---- slow start ---- */

static struct house *ramp_house(enum cfg_balance b, unsigned n) {
	struct house *h = house_create(1, 1);
	h->pools[0].balance = b;
	h->pools[0].slow_start_ms = 60000;
	h->pools[0].load_factor = 10;
	for (unsigned i = 0; i < n; i++)
		house_add(h, 0, 0, 1);
	house_commit(h);
	return h;
}

static double share_of_first(struct house *h, unsigned n) {
	unsigned first = 0;
	for (unsigned i = 0; i < n; i++) {
		struct fleet_server *s = house_pick(h, 0, &(struct fleet_request){ .hash = rand_next(rand_thread()) });
		first += house_number(s) == 0;
		fleet_request_end(s, 0);
	}
	return first / (double)n;
}

static void ramp_with(enum cfg_balance b) {
	struct house *h = ramp_house(b, 5);
	double even = share_of_first(h, 20000); /* a hash's share is not exactly a fifth */
	assert_false(fleet_ramp(h->fleet));     /* what a pool begins with is not slowed */
	house_verdict(h, 0, 0, FLEET_DOWN);
	house_sleep_ms(1000);
	house_verdict(h, 0, 0, FLEET_UP);
	double last = 0;
	for (unsigned at = 0; at <= 60; at += 10) {
		bool is_unfinished = fleet_ramp(h->fleet);
		double weight = at < 60 ? (10 + 1.5 * at) / 100 : 1, share = share_of_first(h, 20000);
		double expected = weight * even / (weight * even + 1 - even);
		assert_int_equal(is_unfinished, at < 60);
		if (fabs(share - expected) > 0.025)
			fail_msg("%s at %u s: %g instead of %g", cfg_balance_text(b), at, share, expected);
		assert_true(share > last - 0.01);
		last = share;
		house_sleep_ms(10000);
	}
	house_destroy(h);
}

static void test_slow_start(void **state) {
	(void)state;
	/* least_requests goes by weight where all are idle; ewma draws by it, too, and all cost nothing before they were measured. */
	for (int b = 0; b <= CFG_BALANCE_EWMA; b++)
		ramp_with((enum cfg_balance)b);
}

/* Down again while it ramps: it begins anew. A server that a reload adds ramps, too. */
static void test_slow_start_anew(void **state) {
	(void)state;
	struct house *h = ramp_house(CFG_BALANCE_ROUND_ROBIN, 4);
	house_verdict(h, 0, 0, FLEET_DOWN);
	house_verdict(h, 0, 0, FLEET_UP);
	house_sleep_ms(50000);
	house_verdict(h, 0, 0, FLEET_DOWN);
	assert_false(fleet_ramp(h->fleet));
	house_verdict(h, 0, 0, FLEET_UP);
	assert_true(share_of_first(h, 5000) < 0.05);
	house_add(h, 0, 0, 1);
	house_commit(h);
	assert_true(house_server(h, 0, 4)->ramp_from_us != 0);
	house_sleep_ms(60000);
	assert_false(fleet_ramp(h->fleet));
	assert_share((unsigned)(share_of_first(h, 5000) * 5000 + 0.5), 5000, 0.2);
	house_destroy(h);
}

/* A site that comes back takes its traffic back as its servers' shares rise, not at once. */
static void test_slow_start_of_a_site(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	h->pools[0].slow_start_ms = 60000;
	for (unsigned i = 0; i < 8; i++)
		house_add(h, 0, i / 4, 1);
	house_prefer(h, 0, 2);
	house_commit(h);
	for (unsigned i = 0; i < 4; i++)
		house_verdict(h, 0, i, FLEET_DOWN);
	for (unsigned i = 0; i < 4; i++)
		house_verdict(h, 0, i, FLEET_UP);
	double last = -1;
	for (unsigned at = 0; at <= 60; at += 20) {
		unsigned counts[8] = { 0 };
		fleet_ramp(h->fleet);
		house_count(h, 0, 10000, counts);
		double first = (counts[0] + counts[1] + counts[2] + counts[3]) / 10000.0;
		assert_true(fabs(first - fmin(1, 1.4 * (at < 60 ? (10 + 1.5 * at) / 100 : 1))) < 0.05);
		assert_true(first >= last);
		last = first;
		house_sleep_ms(20000);
	}
	house_destroy(h);
}

/* ---- panic ---- */

static void test_panic(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	unsigned counts[10] = { 0 };
	h->pools[0].panic_percent = 50;
	for (unsigned i = 0; i < 10; i++)
		house_add(h, 0, 0, 1);
	house_commit(h);
	fleet_set_admin(h->fleet, TARGET_SERVER(house_server(h, 0, 9)), FLEET_MAINT);
	for (unsigned i = 0; i < 4; i++)
		house_verdict(h, 0, i, FLEET_DOWN);
	assert_false(house_pool(h, 0)->is_panicking); /* 5 of 9 */
	house_verdict(h, 0, 4, FLEET_DOWN);
	assert_true(house_pool(h, 0)->is_panicking);
	house_count(h, 0, 900, counts);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(counts[i], 100);
	assert_int_equal(counts[9], 0); /* the operator's word holds */
	fleet_set_admin(h->fleet, TARGET_SERVER(house_server(h, 0, 8)), FLEET_FORCED_DOWN);
	for (unsigned i = 5; i < 8; i++) /* even with none */
		house_verdict(h, 0, i, FLEET_DOWN);
	memset(counts, 0, sizeof(counts));
	house_count(h, 0, 800, counts);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(counts[i], 100);
	assert_int_equal(house_pool(h, 0)->usable_sites, 0); /* DNS has no panic */
	for (unsigned i = 0; i < 4; i++)
		house_verdict(h, 0, i, FLEET_UP);
	assert_false(house_pool(h, 0)->is_panicking);
	memset(counts, 0, sizeof(counts));
	house_count(h, 0, 400, counts);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(counts[i], 100);
	house_destroy(h);
}

/* No panic while one level stands: its servers take the traffic. */
static void test_panic_by_level(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	h->pools[0].panic_percent = 60;
	for (unsigned i = 0; i < 10; i++)
		house_add(h, 0, i / 5, 1);
	house_prefer(h, 0, 2);
	house_commit(h);
	for (unsigned i = 0; i < 7; i++) {
		house_verdict(h, 0, i, FLEET_DOWN);
		assert_false(house_pool(h, 0)->is_panicking);
	}
	house_verdict(h, 0, 7, FLEET_DOWN);
	assert_true(house_pool(h, 0)->is_panicking);
	house_verdict(h, 0, 7, FLEET_UP);
	assert_false(house_pool(h, 0)->is_panicking);
	house_destroy(h);
}

static void test_panic_off(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	house_add(h, 0, 0, 1);
	house_commit(h);
	house_verdict(h, 0, 0, FLEET_DOWN);
	assert_null(house_pick(h, 0, NULL));
	house_destroy(h);
}

/* ---- spill ---- */

static void test_spilled(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	unsigned counts[10] = { 0 };
	for (unsigned i = 0; i < 10; i++)
		house_add(h, 0, i / 5, 1);
	house_prefer(h, 0, 2);
	house_commit(h);
	house_count(h, 0, 1000, counts);
	assert_int_equal(fleet_spilled(house_pool(h, 0)), 0);
	for (unsigned i = 0; i < 3; i++)
		house_verdict(h, 0, i, FLEET_DOWN);
	memset(counts, 0, sizeof(counts));
	house_count(h, 0, 10000, counts);
	unsigned second = counts[5] + counts[6] + counts[7] + counts[8] + counts[9];
	assert_share(second, 10000, 1 - 1.4 * 0.4);
	assert_int_equal(fleet_spilled(house_pool(h, 0)), second);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ewma_avoids_the_slow),
		cmocka_unit_test(test_ewma_peak),
		cmocka_unit_test(test_ewma_weights),
		cmocka_unit_test(test_ewma_newcomer),
		cmocka_unit_test(test_slow_start),
		cmocka_unit_test(test_slow_start_anew),
		cmocka_unit_test(test_slow_start_of_a_site),
		cmocka_unit_test(test_panic),
		cmocka_unit_test(test_panic_by_level),
		cmocka_unit_test(test_panic_off),
		cmocka_unit_test(test_spilled),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
