/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts and words in, usable sites, epochs and calls to subscribers out. */
#include "house.h"

struct watcher {
	struct fleet_subscriber subscriber;
	struct fleet *fleet;
	unsigned n;
	uint64_t epoch;
};

static void on_publish(struct fleet_subscriber *s) {
	struct watcher *w = CONTAINER_OF(s, struct watcher, subscriber);
	w->n++;
	w->epoch = fleet_epoch(w->fleet);
}

static uint64_t site_bit(struct house *h, unsigned i) {
	return UINT64_C(1) << house_site(h, i)->index;
}

static void test_epochs(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	struct watcher w = { .subscriber.on_publish = on_publish, .fleet = h->fleet };
	fleet_subscribe(h->fleet, &w.subscriber);
	house_add(h, 0, 0, 1);
	house_commit(h);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.epoch, 1);
	struct fleet_server *s = house_server(h, 0, 0);
	assert_int_equal(s->verdict, FLEET_UNKNOWN);
	assert_true(s->takes_requests);
	house_sleep_ms(1000);
	fleet_set_verdict(h->fleet, s, FLEET_UP, false, STR("HTTP 200"));
	assert_int_equal(w.epoch, 2);
	assert_int_equal(s->changed_us, clock_now_us());
	assert_true(str_eq(s->cause, STR("HTTP 200")));
	fleet_set_verdict(h->fleet, s, FLEET_UP, false, STR("HTTP 204"));
	assert_int_equal(w.n, 2); /* nothing changed but the evidence */
	assert_true(str_eq(s->cause, STR("HTTP 204")));
	fleet_set_verdict(h->fleet, s, FLEET_UP, true, STR("HTTP 503"));
	assert_int_equal(w.n, 3);
	assert_false(house_pool(h, 0)->is_settled);
	fleet_set_verdict(h->fleet, s, FLEET_DOWN, false, STR("HTTP 503"));
	assert_int_equal(w.n, 4);
	assert_true(house_pool(h, 0)->is_settled);
	assert_false(s->takes_requests);
	fleet_set_admin(h->fleet, TARGET_SERVER(s), FLEET_READY);
	assert_int_equal(w.n, 4);
	fleet_unsubscribe(&w.subscriber);
	fleet_set_admin(h->fleet, TARGET_SERVER(s), FLEET_FORCED_UP);
	assert_int_equal(w.n, 4);
	assert_int_equal(fleet_epoch(h->fleet), 5);
	assert_true(s->takes_requests);
	house_destroy(h);
}

/* The earliest time at which enough servers may have turned to change a site. */
static void test_changes_at(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	for (unsigned i = 0; i < 4; i++) /* three in s0, one in s1 */
		house_add(h, 0, i / 3, 1);
	h->pools[0].min_up = 2;
	house_commit(h);
	for (unsigned i = 0; i < 4; i++)
		house_verdict(h, 0, i, FLEET_UP);
	struct fleet_pool *p = house_pool(h, 0);
	assert_int_equal(p->changes_at_us, 0);
	struct fleet_server *v[4];
	for (unsigned i = 0; i < 4; i++)
		v[i] = house_server(h, 0, i);
	fleet_set_verdict(h->fleet, v[0], FLEET_UP, 7000, STR("x"));
	assert_int_equal(p->changes_at_us, 0); /* one of three may go */
	assert_false(p->is_settled);
	fleet_set_verdict(h->fleet, v[1], FLEET_UP, 9000, STR("x"));
	assert_int_equal(p->changes_at_us, 9000); /* with the second the site */
	fleet_set_verdict(h->fleet, v[2], FLEET_UP, 8000, STR("x"));
	assert_int_equal(p->changes_at_us, 8000);
	fleet_set_admin(h->fleet, TARGET_SERVER(v[2]), FLEET_FORCED_UP); /* whatever probes say */
	assert_int_equal(p->changes_at_us, 9000);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_MAINT);
	assert_int_equal(p->changes_at_us, 0); /* not in DNS either way */
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_READY);
	fleet_set_admin(h->fleet, TARGET_SERVER(v[2]), FLEET_READY);
	fleet_set_verdict(h->fleet, v[0], FLEET_DOWN, 0, STR("x"));
	fleet_set_verdict(h->fleet, v[1], FLEET_DOWN, 0, STR("x"));
	fleet_set_verdict(h->fleet, v[2], FLEET_UP, 0, STR("x"));
	assert_int_equal(p->changes_at_us, 0);
	assert_true(p->is_settled);
	fleet_set_verdict(h->fleet, v[1], FLEET_DOWN, 12000, STR("x")); /* on its way up again */
	assert_int_equal(p->changes_at_us, 12000);
	fleet_set_verdict(h->fleet, v[0], FLEET_DOWN, 11000, STR("x"));
	assert_int_equal(p->changes_at_us, 11000);
	fleet_set_verdict(h->fleet, v[3], FLEET_UP, 5000, STR("x")); /* its site has too few in any case */
	assert_int_equal(p->changes_at_us, 11000);
	house_destroy(h);
}

static void test_usable_sites(void **state) {
	(void)state;
	struct house *h = house_create(3, 1);
	for (unsigned i = 0; i < 6; i++)
		house_add(h, 0, i / 2, 1);
	h->pools[0].min_up = 2;
	house_commit(h);
	struct fleet_pool *p = house_pool(h, 0);
	uint64_t s0 = site_bit(h, 0), s1 = site_bit(h, 1), s2 = site_bit(h, 2);
	assert_int_equal(p->usable_sites, s0 | s1 | s2);
	house_verdict(h, 0, 0, FLEET_DOWN); /* one of two is fewer than min_up */
	assert_int_equal(p->usable_sites, s1 | s2);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 1)), FLEET_MAINT);
	assert_int_equal(p->usable_sites, s2);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_FORCED_UP);
	assert_int_equal(p->usable_sites, s0 | s2);
	fleet_set_admin(h->fleet, TARGET_POOL(p), FLEET_FORCED_DOWN);
	assert_int_equal(p->usable_sites, 0);
	assert_null(house_pick(h, 0, NULL));
	fleet_set_admin(h->fleet, TARGET_POOL(p), FLEET_READY);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 1)), FLEET_READY);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_READY);
	assert_int_equal(p->usable_sites, s1 | s2);
	house_destroy(h);
}

static void test_no_check_is_up(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	h->pools[0].check = NULL;
	house_add(h, 0, 0, 1);
	house_commit(h);
	assert_int_equal(house_server(h, 0, 0)->verdict, FLEET_UP);
	house_verdict(h, 0, 0, FLEET_DOWN);
	assert_int_equal(house_server(h, 0, 0)->verdict, FLEET_UP);
	h->pools[0].check = &h->check;
	house_commit(h);
	assert_int_equal(house_server(h, 0, 0)->verdict, FLEET_UNKNOWN);
	fleet_set_verdict(h->fleet, house_server(h, 0, 0), FLEET_DOWN, true, STR("refused"));
	assert_false(house_pool(h, 0)->is_settled);
	h->pools[0].check = NULL;
	house_commit(h);
	assert_true(house_pool(h, 0)->is_settled);
	assert_true(house_server(h, 0, 0)->takes_requests);
	house_destroy(h);
}

static void on_suspect(void *arg, struct fleet_server *s) {
	struct fleet_server **seen = arg;
	assert_null(*seen);
	assert_false(s->is_suspected);
	*seen = s;
}

static void test_suspicion(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	house_add(h, 0, 0, 1);
	house_commit(h);
	struct fleet_server *seen = NULL, *s = house_server(h, 0, 0);
	fleet_on_suspect(h->fleet, on_suspect, &seen);
	atomic_store(&s->is_suspected, true); /* one is on its way: no second */
	fleet_suspect(h->fleet, s);
	assert_null(seen);
	atomic_store(&s->is_suspected, false);
	fleet_suspect(h->fleet, s);
	assert_ptr_equal(seen, s);
	house_destroy(h);
}

static void test_rate(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	house_add(h, 0, 0, 1);
	house_commit(h);
	struct fleet_target pool = TARGET_POOL(house_pool(h, 0));
	unsigned counts[1] = { 0 };
	house_count(h, 0, 7, counts);
	assert_int_equal(fleet_rate(h->fleet, pool), 7); /* within the first second, as if it were one */
	for (unsigned second = 0; second < 30; second++) {
		house_count(h, 0, second < 20 ? 100 : 50, counts);
		house_sleep_ms(1000);
		rate_sample(h->fleet);
		if (second == 4)
			assert_int_equal(fleet_rate(h->fleet, pool), 101); /* 507 in 5 s */
		if (second == 19)
			assert_int_equal(fleet_rate(h->fleet, pool), 100);
	}
	assert_int_equal(fleet_rate(h->fleet, TARGET_SITE(house_site(h, 0))), 50);
	house_destroy(h);
}

static void test_node_drains(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	house_add(h, 0, 0, 1);
	house_add(h, 0, 1, 1);
	h->root.node.site = &h->sites[1];
	house_commit(h);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_DRAIN);
	assert_false(fleet_node_drains(h->fleet));
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 1)), FLEET_DRAIN);
	assert_true(fleet_node_drains(h->fleet));
	h->root.node.site = NULL;
	house_commit(h);
	assert_false(fleet_node_drains(h->fleet));
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epochs),         cmocka_unit_test(test_changes_at), cmocka_unit_test(test_usable_sites),
		cmocka_unit_test(test_no_check_is_up), cmocka_unit_test(test_suspicion),  cmocka_unit_test(test_rate),
		cmocka_unit_test(test_node_drains),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
