/* SPDX-License-Identifier: BSD-2-Clause */
/* The phases of a drain as a pure step on facts; and what may not be drained. */
#include "house.h"

#define S USEC_PER_SEC

static void check(const struct fleet_drain *d, enum fleet_phase phase, uint64_t until_us) {
	assert_int_equal(d->phase, phase);
	assert_int_equal(d->phase_until_us, until_us);
}

static void test_all_phases(void **state) {
	(void)state;
	struct fleet_drain d = { 0 };
	drain_begin(&d, true, 100 * S, 60000);
	check(&d, FLEET_PHASE_DNS, 100 * S);
	/* Out of DNS when the last answer has run out, and a second more. */
	assert_false(drain_step(&d, &(struct drain_facts){ 100 * S, 105 * S, 9 }));
	check(&d, FLEET_PHASE_DNS, 106 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 105 * S, 107 * S, 9 })); /* a late answer moves it */
	check(&d, FLEET_PHASE_DNS, 108 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 108 * S - 1, 107 * S, 9 }));
	check(&d, FLEET_PHASE_DNS, 108 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 108 * S, 107 * S, 9 }));
	check(&d, FLEET_PHASE_REQUESTS, 118 * S);
	assert_int_equal(d.deadline_us, 168 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 118 * S - 1, 107 * S, 1 }));
	check(&d, FLEET_PHASE_REQUESTS, 118 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 118 * S, 107 * S, 1 }));
	check(&d, FLEET_PHASE_SESSIONS, 168 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 168 * S - 1, 107 * S, 1 }));
	assert_true(drain_step(&d, &(struct drain_facts){ 168 * S, 107 * S, 1 }));
	check(&d, FLEET_PHASE_SESSIONS, 169 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 169 * S - 1, 107 * S, 1 }));
	assert_true(drain_step(&d, &(struct drain_facts){ 169 * S, 107 * S, 1 })); /* still there: again */
	assert_false(drain_step(&d, &(struct drain_facts){ 169 * S, 107 * S, 0 }));
	check(&d, FLEET_PHASE_DRAINED, 0);
	assert_false(drain_step(&d, &(struct drain_facts){ 999 * S, 107 * S, 1 }));
	check(&d, FLEET_PHASE_DRAINED, 0);
}

static void test_nothing_to_wait_for(void **state) {
	(void)state;
	static const enum fleet_phase phases[] = { FLEET_PHASE_REQUESTS, FLEET_PHASE_SESSIONS, FLEET_PHASE_DRAINED };
	/* Never answered, and answered long ago. */
	static const uint64_t answered[] = { 0, 50 * S };
	for (size_t a = 0; a < 2; a++) {
		struct fleet_drain d = { 0 };
		drain_begin(&d, true, 100 * S, 60000);
		for (size_t i = 0; i < COUNT_OF(phases); i++) {
			assert_false(drain_step(&d, &(struct drain_facts){ 100 * S, answered[a], 0 }));
			assert_int_equal(d.phase, phases[i]);
		}
	}
}

static void test_deadlines(void **state) {
	(void)state;
	struct fleet_drain d = { 0 };
	drain_begin(&d, false, 100 * S, 3000); /* a server: no DNS phase; the deadline is shorter than the phase */
	check(&d, FLEET_PHASE_REQUESTS, 103 * S);
	drain_begin(&d, false, 100 * S, 0);
	check(&d, FLEET_PHASE_REQUESTS, 100 * S);
	assert_false(drain_step(&d, &(struct drain_facts){ 100 * S, 0, 1 }));
	assert_true(drain_step(&d, &(struct drain_facts){ 100 * S, 0, 1 }));
	drain_begin(&d, false, 100 * S, UINT64_MAX);
	assert_true(d.deadline_us > 100 * S);
}

static void check_refused(struct house *h, struct fleet_target t, const char *why) {
	struct err e = { "" };
	const struct fleet_drain_options plain = { .deadline_ms = 1000 }, force = { .deadline_ms = 1000, .force = true };
	uint64_t epoch = fleet_epoch(h->fleet);
	assert_int_equal(fleet_drain(h->fleet, t, &plain, &e), -1);
	if (!strstr(e.text, why))
		fail_msg("%s", e.text);
	assert_int_equal(fleet_epoch(h->fleet), epoch);
	assert_int_equal(*target_part(t).admin, FLEET_READY);
	assert_int_equal(fleet_drain(h->fleet, t, &force, &e), 0);
	assert_int_equal(*target_part(t).admin, FLEET_DRAIN);
	fleet_set_admin(h->fleet, t, FLEET_READY);
}

static void test_refused(void **state) {
	(void)state;
	struct house *h = house_create(3, 2);
	struct err e;
	const struct fleet_drain_options plain = { .deadline_ms = 1000 };
	h->sites[0].capacity_rps = 8000;
	h->sites[1].capacity_rps = 300;
	h->sites[2].capacity_rps = 150;
	for (unsigned i = 0; i < 3; i++)
		house_add(h, 0, i, 1);
	house_commit(h);
	unsigned counts[3] = { 0 };
	house_count(h, 0, 500, counts);
	check_refused(h, TARGET_SITE(house_site(h, 0)), "capacity for 450 requests a second in 2 sites, but 500 arrive");
	/* A site that is down has nothing to offer, and nothing to lose. */
	house_verdict(h, 0, 1, FLEET_DOWN);
	check_refused(h, TARGET_SITE(house_site(h, 0)), "capacity for 150 requests a second in 1 site, but 500 arrive");
	assert_int_equal(fleet_drain(h->fleet, TARGET_SITE(house_site(h, 1)), &plain, &e), 0);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 1)), FLEET_READY);
	/* Of a site without a stated capacity it can't be said. */
	h->sites[2].capacity_rps = 0;
	assert_int_equal(fleet_drain(h->fleet, TARGET_SITE(house_site(h, 0)), &plain, &e), 0);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_READY);
	house_verdict(h, 0, 2, FLEET_DOWN);
	check_refused(h, TARGET_SITE(house_site(h, 0)), "site s0 is the only usable site of pool p0");
	check_refused(h, TARGET_SERVER(house_server(h, 0, 0)), "server p0/v0 is the only one of 3");
	assert_int_equal(fleet_drain(h->fleet, TARGET_SERVER(house_server(h, 0, 2)), &plain, &e), 0); /* it is down */
	assert_int_equal(fleet_drain(h->fleet, TARGET_POOL(house_pool(h, 0)), &plain, &e), 0);
	house_destroy(h);
}

struct taker {
	struct fleet_subscriber subscriber;
	struct fleet_server *server;
	unsigned n_taking; /* publishes in which it took requests */
};

static void on_publish_taken(struct fleet_subscriber *s) {
	struct taker *t = CONTAINER_OF(s, struct taker, subscriber);
	t->n_taking += t->server->takes_requests;
}

/* A site out of service, or one whose drain is past the DNS phase, is drained (again, with another deadline): no request meanwhile. */
static void test_no_request_comes_back(void **state) {
	(void)state;
	struct house *h = house_create(2, 1);
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 1000 };
	for (unsigned i = 0; i < 2; i++)
		house_add(h, 0, i, 1);
	house_commit(h);
	struct fleet_target site = TARGET_SITE(house_site(h, 0));
	struct fleet_server *s = house_pick(h, 0, NULL);
	while (s->site != site.site) {
		fleet_request_end(s, 0);
		s = house_pick(h, 0, NULL);
	}
	struct taker t = { .server = s, .subscriber = { .on_publish = on_publish_taken } };
	static const enum fleet_admin before[] = { FLEET_MAINT, FLEET_FORCED_DOWN, FLEET_DRAIN };
	for (size_t i = 0; i < COUNT_OF(before); i++) {
		fleet_set_admin(h->fleet, site, FLEET_READY);
		if (before[i] == FLEET_DRAIN)
			assert_int_equal(fleet_drain(h->fleet, site, &o, &e), 0); /* a request is in progress: not drained */
		else
			fleet_set_admin(h->fleet, site, before[i]);
		t.n_taking = 0;
		fleet_subscribe(h->fleet, &t.subscriber);
		assert_int_equal(fleet_drain(h->fleet, site, &o, &e), 0);
		fleet_unsubscribe(&t.subscriber);
		assert_int_equal(t.n_taking, 0);
		assert_int_equal(site.site->drain.phase, FLEET_PHASE_REQUESTS);
	}
	fleet_request_end(s, 0);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_phases), cmocka_unit_test(test_nothing_to_wait_for),   cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_no_request_comes_back),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
