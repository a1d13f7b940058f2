/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drains lived through on a virtual clock, with requests of random length going on all the while: the phases come in order, no
 * request is refused, none reaches a server that was emptied, and what outstays the deadline is cut.
 */
#include "unit/fleet/house.h"

#define IN_PROGRESS_MAX 4096

struct request {
	struct fleet_server *server;
	uint64_t ends_us;
};
struct drain_sim {
	struct house *house;
	struct request requests[IN_PROGRESS_MAX];
	unsigned n, n_cut, n_phases;
	enum fleet_phase phases[8]; /* as subscribers saw them */
	struct fleet_site *site;
	struct fleet_subscriber subscriber;
};

static void on_publish(struct fleet_subscriber *subscriber) {
	struct drain_sim *sim = CONTAINER_OF(subscriber, struct drain_sim, subscriber);
	enum fleet_phase phase = (enum fleet_phase)atomic_load(&sim->site->drain.phase);
	if ((sim->n_phases == 0 || sim->phases[sim->n_phases - 1] != phase) && sim->n_phases < COUNT_OF(sim->phases))
		sim->phases[sim->n_phases++] = phase;
}

static void on_cut(void *arg, struct fleet_server *s) {
	struct drain_sim *sim = arg;
	for (unsigned i = 0; i < sim->n;) {
		if (sim->requests[i].server != s) {
			i++;
			continue;
		}
		fleet_request_end(s, 0);
		sim->requests[i] = sim->requests[--sim->n];
		sim->n_cut++;
	}
}

static void sim_start(struct drain_sim *sim) {
	struct house *h = house_create(3, 1);
	*sim = (struct drain_sim){ .house = h, .subscriber.on_publish = on_publish };
	for (unsigned i = 0; i < 9; i++)
		house_add(h, 0, i / 3, 1);
	house_prefer(h, 0, 3);
	house_commit(h);
	sim->site = house_site(h, 0);
	fleet_subscribe(h->fleet, &sim->subscriber);
	fleet_on_cut(h->fleet, on_cut, sim);
}

static void sim_end(struct drain_sim *sim) {
	while (sim->n > 0)
		fleet_request_end(sim->requests[--sim->n].server, 0);
	fleet_unsubscribe(&sim->subscriber);
	house_destroy(sim->house);
}

/* 10 ms: requests end and begin. */
static void sim_turn(struct drain_sim *sim, uint64_t longest_ms) {
	house_sleep_ms(10);
	for (unsigned i = 0; i < sim->n;) {
		if (sim->requests[i].ends_us > clock_now_us()) {
			i++;
			continue;
		}
		fleet_request_end(sim->requests[i].server, 0);
		sim->requests[i] = sim->requests[--sim->n];
	}
	for (unsigned i = 0; i < 5; i++) {
		struct fleet_server *s = house_pick(sim->house, 0, NULL);
		assert_non_null(s);
		/* From the requests phase on nothing new comes to the site; before, all of it does. */
		assert_int_equal(s->site == sim->site, atomic_load(&sim->site->drain.phase) < FLEET_PHASE_REQUESTS);
		assert_true(sim->n < IN_PROGRESS_MAX);
		uint64_t length_ms = rand_below(rand_thread(), 20) > 0 ? 50 : rand_below(rand_thread(), longest_ms);
		sim->requests[sim->n++] = (struct request){ s, clock_now_us() + length_ms * USEC_PER_MSEC };
	}
	if (house_now_us % DRAIN_TICK_US == 0)
		drain_advance_all(sim->house->fleet);
}

/* Turns until the site is in this phase; returns the time in ms. */
static uint64_t sim_until(struct drain_sim *sim, enum fleet_phase phase, uint64_t longest_ms) {
	uint64_t start = clock_now_us();
	while (atomic_load(&sim->site->drain.phase) != (int)phase) {
		sim_turn(sim, longest_ms);
		assert_true(clock_now_us() - start < 600 * USEC_PER_SEC);
	}
	return (clock_now_us() - start) / USEC_PER_MSEC;
}

static void drain_start(struct drain_sim *sim, uint64_t deadline_ms) {
	struct err e = { "" };
	const struct fleet_drain_options o = { .deadline_ms = deadline_ms };
	if (fleet_drain(sim->house->fleet, TARGET_SITE(sim->site), &o, &e) < 0)
		fail_msg("%s", e.text);
}

static bool is_usable(struct drain_sim *sim) {
	return house_pool(sim->house, 0)->usable_sites >> sim->site->index & 1;
}

static void test_whole_drain(void **state) {
	(void)state;
	static struct drain_sim sim;
	sim_start(&sim);
	for (unsigned i = 0; i < 200; i++)
		sim_turn(&sim, 3000);
	fleet_site_answered(sim.site, clock_now_us() + 5 * USEC_PER_SEC);
	drain_start(&sim, 60000);
	assert_false(is_usable(&sim)); /* out of DNS at once, though its servers still take requests */
	assert_true(house_server(sim.house, 0, 0)->takes_requests);
	assert_int_equal(sim.site->drain.phase, FLEET_PHASE_DNS);
	uint64_t dns_ms = sim_until(&sim, FLEET_PHASE_REQUESTS, 3000);
	assert_true(dns_ms >= 6000 && dns_ms <= 7100);
	assert_false(house_server(sim.house, 0, 0)->takes_requests);
	sim_until(&sim, FLEET_PHASE_DRAINED, 3000);
	assert_int_equal(fleet_active(sim.house->fleet, TARGET_SITE(sim.site)), 0);
	assert_int_equal(sim.n_cut, 0);
	static const enum fleet_phase expected[] = { FLEET_PHASE_DNS, FLEET_PHASE_REQUESTS, FLEET_PHASE_SESSIONS,
		                                     FLEET_PHASE_DRAINED };
	assert_int_equal(sim.n_phases, COUNT_OF(expected));
	assert_memory_equal(sim.phases, expected, sizeof(expected));
	/* It stays drained until the operator says otherwise. */
	for (unsigned i = 0; i < 1000; i++)
		sim_turn(&sim, 3000);
	fleet_set_admin(sim.house->fleet, TARGET_SITE(sim.site), FLEET_READY);
	assert_true(is_usable(&sim));
	for (unsigned i = 0; i < 100; i++)
		sim_turn(&sim, 3000);
	sim_end(&sim);
}

static void test_cut_at_the_deadline(void **state) {
	(void)state;
	static struct drain_sim sim;
	sim_start(&sim);
	const uint64_t forever_ms = 3600 * 1000;
	for (unsigned i = 0; i < 200; i++)
		sim_turn(&sim, forever_ms);
	drain_start(&sim, 20000);
	uint64_t sessions_ms = sim_until(&sim, FLEET_PHASE_SESSIONS, forever_ms);
	assert_true(sessions_ms >= 10000 && sessions_ms <= 10060);
	assert_int_equal(sim.n_cut, 0);
	uint64_t held = fleet_active(sim.house->fleet, TARGET_SITE(sim.site));
	assert_true(held > 0);
	uint64_t drained_ms = sim_until(&sim, FLEET_PHASE_DRAINED, forever_ms);
	assert_true(sessions_ms + drained_ms >= 20000 && sessions_ms + drained_ms <= 20200);
	/* Nothing else: the requests of the other sites go on. */
	assert_true(sim.n_cut > 0 && sim.n_cut <= held);
	assert_true(sim.n > 0);
	sim_end(&sim);
}

static void test_abort(void **state) {
	(void)state;
	static const enum fleet_phase when[] = { FLEET_PHASE_DNS, FLEET_PHASE_REQUESTS, FLEET_PHASE_SESSIONS,
		                                 FLEET_PHASE_DRAINED };
	for (size_t i = 0; i < COUNT_OF(when); i++) {
		static struct drain_sim sim;
		sim_start(&sim);
		for (unsigned j = 0; j < 200; j++)
			sim_turn(&sim, 30000);
		fleet_site_answered(sim.site, clock_now_us() + USEC_PER_SEC);
		drain_start(&sim, 20000);
		sim_until(&sim, when[i], 30000);
		fleet_set_admin(sim.house->fleet, TARGET_SITE(sim.site), FLEET_READY);
		assert_int_equal(sim.site->drain.phase, FLEET_PHASE_NONE);
		assert_true(is_usable(&sim));
		unsigned cut = sim.n_cut;
		for (unsigned j = 0; j < 3000; j++)
			sim_turn(&sim, 30000);
		assert_int_equal(sim.n_cut, cut); /* the deadline of a drain that was given up cuts nothing */
		sim_end(&sim);
	}
}

static void test_server_and_pool(void **state) {
	(void)state;
	static struct drain_sim sim;
	sim_start(&sim);
	struct house *h = sim.house;
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 5000 };
	struct fleet_server *held = house_pick(h, 0, NULL);
	assert_int_equal(fleet_drain(h->fleet, TARGET_SERVER(held), &o, &e), 0);
	assert_int_equal(held->drain.phase, FLEET_PHASE_REQUESTS);
	assert_false(held->takes_requests);
	assert_true(is_usable(&sim));
	fleet_request_end(held, 0);
	drain_advance_all(h->fleet);
	assert_int_equal(held->drain.phase, FLEET_PHASE_DRAINED);
	assert_int_equal(fleet_drain(h->fleet, TARGET_SERVER(held), &o, &e), 0); /* it is already */
	/* A pool that drains takes no requests anywhere: DNS names none of its sites. */
	struct fleet_pool *p = house_pool(h, 0);
	assert_int_equal(fleet_drain(h->fleet, TARGET_POOL(p), &o, &e), 0);
	assert_int_equal(p->drain.phase, FLEET_PHASE_DRAINED);
	assert_int_equal(p->usable_sites, 0);
	assert_null(house_pick(h, 0, NULL));
	sim_end(&sim);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_drain),
		cmocka_unit_test(test_cut_at_the_deadline),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_server_and_pool),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
