/* SPDX-License-Identifier: BSD-2-Clause */
/* Consistent hashing: who comes or goes moves its own keys only, weights count, the bound on load holds. */
#include "house.h"

#define KEYS 20000

static struct house *hash_house(unsigned n, unsigned weight) {
	struct house *h = house_create(1, 1);
	h->pools[0].balance = CFG_BALANCE_HASH;
	for (unsigned i = 0; i < n; i++)
		house_add(h, 0, 0, weight);
	house_commit(h);
	return h;
}

static unsigned owner_of(struct house *h, uint64_t key) {
	struct fleet_server *s = house_pick(h, 0, &(struct fleet_request){ .hash = key });
	assert_non_null(s);
	fleet_request_end(s, 0);
	return house_number(s);
}

static void test_stable_over_verdicts(void **state) {
	(void)state;
	struct house *h = hash_house(10, 1);
	static unsigned before[KEYS];
	unsigned moved = 0;
	for (uint64_t k = 0; k < KEYS; k++)
		before[k] = owner_of(h, k);
	house_verdict(h, 0, 3, FLEET_DOWN);
	for (uint64_t k = 0; k < KEYS; k++) {
		unsigned now = owner_of(h, k);
		assert_int_not_equal(now, 3);
		if (before[k] != 3)
			assert_int_equal(now, before[k]);
		moved += before[k] == 3;
	}
	assert_true(moved > KEYS / 20 && moved < KEYS / 5); /* about a tenth */
	house_verdict(h, 0, 3, FLEET_UP);
	for (uint64_t k = 0; k < KEYS; k++)
		assert_int_equal(owner_of(h, k), before[k]);
	house_destroy(h);
}

static void test_stable_over_reload(void **state) {
	(void)state;
	struct house *h = hash_house(10, 1);
	static unsigned before[KEYS];
	for (uint64_t k = 0; k < KEYS; k++)
		before[k] = owner_of(h, k);
	house_add(h, 0, 0, 1);
	house_commit(h);
	unsigned moved = 0;
	for (uint64_t k = 0; k < KEYS; k++) {
		unsigned now = owner_of(h, k);
		moved += now == 10;
		if (now != 10)
			assert_int_equal(now, before[k]);
	}
	assert_true(moved > KEYS / 22 && moved < KEYS / 6); /* about an eleventh */
	house_destroy(h);
}

static void test_weights(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	h->pools[0].balance = CFG_BALANCE_HASH;
	h->pools[0].load_factor = 10;
	house_add(h, 0, 0, 10);
	house_add(h, 0, 0, 30);
	house_commit(h);
	unsigned counts[2] = { 0 };
	for (uint64_t k = 0; k < KEYS; k++)
		counts[owner_of(h, k)]++;
	assert_true(fabs(counts[1] / (double)KEYS - 0.75) < 0.05);
	house_destroy(h);
}

/* After each pick no server holds more than ceil(factor * requests * share of the weight): less than one more than without ceil. */
static void check_bound(struct house *h, double factor, bool is_one_key) {
	static struct fleet_server *held[3000];
	uint64_t weights = 0;
	unsigned n_held = 0;
	LIST_EACH(it, &house_pool(h, 0)->servers)
		weights += SERVER_OF(it)->weight;
	for (unsigned i = 0; i < 6000; i++) {
		if (n_held == COUNT_OF(held) || (n_held > 0 && rand_below(rand_thread(), 3) == 0)) {
			unsigned at = (unsigned)rand_below(rand_thread(), n_held);
			fleet_request_end(held[at], 0);
			held[at] = held[--n_held];
			continue;
		}
		struct fleet_server *s =
		    house_pick(h, 0, &(struct fleet_request){ .hash = is_one_key ? 1 : rand_next(rand_thread()) });
		assert_non_null(s);
		held[n_held++] = s;
		double bound = factor * n_held * s->weight / (double)weights;
		assert_true((double)fleet_active(h->fleet, TARGET_SERVER(s)) < bound + 1 + 1e-6);
	}
	while (n_held > 0)
		fleet_request_end(held[--n_held], 0);
}

static void test_bounded_load(void **state) {
	(void)state;
	static const struct {
		unsigned n, heavy;
		double factor;
	} cases[] = { { 3, 1, 1.25 }, { 50, 1, 1.05 }, { 5, 1000, 1.25 }, { 1000, 1, 1.25 } };
	for (size_t c = 0; c < COUNT_OF(cases); c++)
		for (unsigned is_one_key = 0; is_one_key < 2; is_one_key++) {
			struct house *h = house_create(1, 1);
			h->pools[0].balance = CFG_BALANCE_HASH;
			h->pools[0].load_factor = cases[c].factor;
			for (unsigned i = 0; i < cases[c].n; i++)
				house_add(h, 0, 0, i == 0 ? cases[c].heavy : 1);
			house_commit(h);
			check_bound(h, cases[c].factor, is_one_key);
			house_destroy(h);
		}
}

/* A key that is all the traffic of its site is spread over that site, whatever the others do. */
static void test_bound_within_a_level(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	h->pools[0].balance = CFG_BALANCE_HASH;
	for (unsigned i = 0; i < 2; i++)
		h->split[0][i] = (struct cfg_weight){ .site = &h->sites[i], .weight = 50 };
	h->pools[0].split.n = 2;
	for (unsigned i = 0; i < 8; i++)
		house_add(h, 0, i % 2, 1);
	house_commit(h);
	uint64_t key = 0;
	while (owner_of(h, key) % 2 == owner_of(h, 0) % 2)
		key++;
	/* The other site is busy, too; that must not widen the bound. */
	for (unsigned i = 0; i < 1000; i++)
		assert_non_null(house_pick(h, 0, &(struct fleet_request){ .hash = key }));
	for (unsigned n = 1; n <= 400; n++) {
		struct fleet_server *s = house_pick(h, 0, &(struct fleet_request){ .hash = 0 });
		assert_non_null(s);
		assert_true((double)fleet_active(h->fleet, TARGET_SERVER(s)) < 1.25 * n / 4 + 1 + 1e-6);
	}
	house_destroy(h);
}

static void test_ring_is_bounded(void **state) {
	(void)state;
	static struct ring_node nodes[1000];
	for (unsigned i = 0; i < COUNT_OF(nodes); i++)
		nodes[i] = (struct ring_node){ hash_mix(i), 1 + i };
	size_t n;
	struct ring_point *ring = ring_build(nodes, COUNT_OF(nodes), &n);
	static unsigned points[COUNT_OF(nodes)];
	assert_true(n <= RING_POINTS_MAX + COUNT_OF(nodes));
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || ring[i - 1].hash <= ring[i].hash);
		points[ring[i].index]++;
	}
	for (unsigned i = 0; i < COUNT_OF(nodes); i++)
		assert_true(points[i] >= 1);
	assert_true(points[999] >= 128 && points[999] <= 132); /* 1000 of 500500 of 65536 */
	mem_free(ring);
}

/* With split the site is chosen by the key, too: a key keeps its server. */
static void test_split_keeps_keys(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	h->pools[0].balance = CFG_BALANCE_HASH;
	h->split[0][0] = (struct cfg_weight){ .site = &h->sites[0], .weight = 70 };
	h->split[0][1] = (struct cfg_weight){ .site = &h->sites[1], .weight = 30 };
	h->pools[0].split.n = 2;
	for (unsigned i = 0; i < 10; i++)
		house_add(h, 0, i % 2, 1);
	house_commit(h);
	unsigned odd = 0;
	for (uint64_t k = 0; k < KEYS; k++) {
		unsigned first = owner_of(h, hash_mix(k));
		assert_int_equal(owner_of(h, hash_mix(k)), first);
		odd += first % 2;
	}
	assert_share(odd, KEYS, 0.3);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stable_over_verdicts),
		cmocka_unit_test(test_stable_over_reload),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_bounded_load),
		cmocka_unit_test(test_bound_within_a_level),
		cmocka_unit_test(test_ring_is_bounded),
		cmocka_unit_test(test_split_keeps_keys),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
