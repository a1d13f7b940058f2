/* SPDX-License-Identifier: BSD-2-Clause */
/* On a real loop with real workers: the drain's tick, the sweep, the rate's sample, and reports that come from a worker. */
#include "house.h"

#define WORKERS 2

struct ticking {
	struct house *house;
	struct loop *loop;
	struct workers *workers;
	struct deadline too_late, voting;
	struct fleet_subscriber subscriber;
	struct fleet_server *server; /* waited for */
	unsigned n_suspected;
};

static void on_too_late(struct deadline *d) {
	(void)d;
	fail_msg("nothing happened for 20 s");
}

static void ticking_start(struct ticking *t) {
	struct err e;
	*t = (struct ticking){ .loop = loop_create(&e), .workers = workers_create(WORKERS, &e) };
	assert_non_null(t->loop);
	assert_non_null(t->workers);
	t->house = house_create(1, 1);
	fleet_destroy(t->house->fleet);
	t->house->fleet = fleet_create(t->loop, t->workers, &e);
	for (unsigned i = 0; i < 3; i++)
		house_add(t->house, 0, 0, 1);
	house_commit(t->house);
	t->server = house_server(t->house, 0, 2);
	deadline_init(&t->too_late, t->loop, on_too_late);
	deadline_set(&t->too_late, clock_update() + 20 * USEC_PER_SEC);
}

static void ticking_end(struct ticking *t) {
	workers_destroy(t->workers);
	deadline_fini(&t->too_late);
	house_destroy(t->house);
	loop_destroy(t->loop);
}

static void stop_when_drained(struct fleet_subscriber *s) {
	struct ticking *t = CONTAINER_OF(s, struct ticking, subscriber);
	if (t->server->drain.phase == FLEET_PHASE_DRAINED)
		loop_stop(t->loop);
}

static void take_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct ticking *t = arg;
	struct fleet_server *s = NULL;
	while (s != t->server) {
		if (s)
			fleet_request_end(s, worker);
		assert_int_equal(fleet_pick(t->server->pool, worker, &(struct fleet_request){ 0 }, &s), FLEET_PICKED);
	}
}

static void end_here(void *arg, unsigned worker, struct loop *l) {
	(void)l;
	struct ticking *t = arg;
	fleet_request_end(t->server, worker);
}

static void test_drain_ticks(void **state) {
	(void)state;
	static struct ticking t;
	ticking_start(&t);
	workers_call(t.workers, take_here, &t);
	assert_int_equal(fleet_active(t.house->fleet, TARGET_SERVER(t.server)), WORKERS);
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 60000 };
	assert_int_equal(fleet_drain(t.house->fleet, TARGET_SERVER(t.server), &o, &e), 0);
	assert_int_equal(t.server->drain.phase, FLEET_PHASE_REQUESTS);
	t.subscriber.on_publish = stop_when_drained;
	fleet_subscribe(t.house->fleet, &t.subscriber);
	workers_call(t.workers, end_here, &t);
	loop_run(t.loop);
	assert_int_equal(t.server->drain.phase, FLEET_PHASE_DRAINED);
	fleet_unsubscribe(&t.subscriber);
	ticking_end(&t);
}

static void stop_when_forgotten(void *arg, struct fleet_server *s) {
	struct ticking *t = arg;
	assert_ptr_equal(s, t->server);
	loop_stop(t->loop);
}

static void test_sweep_ticks(void **state) {
	(void)state;
	static struct ticking t;
	ticking_start(&t);
	fleet_on_forget(t.house->fleet, stop_when_forgotten, &t);
	t.house->pools[0].servers.n = 2;
	house_commit(t.house);
	loop_run(t.loop);
	assert_true(list_is_empty(&t.house->fleet->removed_servers));
	assert_null(t.house->fleet->retired);
	ticking_end(&t);
}

static void suspect_here(void *arg, unsigned worker, struct loop *l) {
	(void)worker;
	(void)l;
	struct ticking *t = arg;
	fleet_suspect(t->house->fleet, t->server);
}

static void stop_when_suspected(void *arg, struct fleet_server *s) {
	struct ticking *t = arg;
	assert_ptr_equal(s, t->server);
	t->n_suspected++;
	loop_stop(t->loop);
}

static void test_suspicion_comes_over(void **state) {
	(void)state;
	static struct ticking t;
	ticking_start(&t);
	fleet_on_suspect(t.house->fleet, stop_when_suspected, &t);
	workers_call(t.workers, suspect_here, &t); /* all of them, but one report at a time */
	loop_run(t.loop);
	assert_int_equal(t.n_suspected, 1);
	workers_call(t.workers, suspect_here, &t);
	loop_run(t.loop);
	assert_int_equal(t.n_suspected, 2);
	ticking_end(&t);
}

static void stop_when_published(struct fleet_subscriber *s) {
	struct ticking *t = CONTAINER_OF(s, struct ticking, subscriber);
	loop_stop(t->loop);
}

static void vote_all(struct deadline *d) {
	struct ticking *t = CONTAINER_OF(d, struct ticking, voting);
	struct fleet *f = t->house->fleet;
	uint64_t epoch = fleet_epoch(f);
	assert_int_equal(fleet_epoch_due(f), epoch);
	for (unsigned i = 0; i < 3; i++) {
		fleet_set_verdict(f, house_server(t->house, 0, i), i == 2 ? FLEET_DOWN : FLEET_UP, false,
		                  STR("as the test says"));
		assert_int_equal(fleet_epoch(f), epoch);
		assert_int_equal(fleet_epoch_due(f), epoch + 1);
	}
}

/* Thousands of results that come in one turn are one snapshot, published before the turn ends. */
static void test_verdicts_of_a_turn(void **state) {
	(void)state;
	static struct ticking t;
	ticking_start(&t);
	uint64_t epoch = fleet_epoch(t.house->fleet);
	deadline_init(&t.voting, t.loop, vote_all);
	deadline_set(&t.voting, clock_now_us());
	t.subscriber.on_publish = stop_when_published;
	fleet_subscribe(t.house->fleet, &t.subscriber);
	loop_run(t.loop);
	assert_int_equal(fleet_epoch(t.house->fleet), epoch + 1);
	assert_int_equal(fleet_epoch_due(t.house->fleet), epoch + 1);
	assert_false(t.server->takes_requests);
	/* What the operator says at once takes along what is due, and nothing is published twice. */
	fleet_set_verdict(t.house->fleet, t.server, FLEET_UP, false, STR("better"));
	fleet_set_admin(t.house->fleet, TARGET_POOL(t.server->pool), FLEET_MAINT);
	assert_int_equal(fleet_epoch(t.house->fleet), epoch + 2);
	deadline_fini(&t.voting);
	fleet_unsubscribe(&t.subscriber);
	ticking_end(&t);
}

static int real_clock(void **state) {
	house_quiet(state);
	clock_set_source(NULL);
	clock_update();
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain_ticks),
		cmocka_unit_test(test_sweep_ticks),
		cmocka_unit_test(test_suspicion_comes_over),
		cmocka_unit_test(test_verdicts_of_a_turn),
	};
	return cmocka_run_group_tests(tests, real_clock, NULL);
}
