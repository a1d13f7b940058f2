/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker picks while the control thread publishes, reloads and sweeps: for ThreadSanitizer to watch, and for AddressSanitizer to
 * see that nothing is used after it was freed. Bounded by a number of publishes, not by time.
 */
#include "house.h"

#include <pthread.h>
#include <sched.h>
#include <urcu/urcu-memb.h>

#define ROUNDS 1500
#define SERVERS 8

struct worker {
	struct fleet_pool *pools[CFG_BALANCE_EWMA + 1];
	_Atomic bool is_over;
	uint64_t n_picked, n_none;
};

static void worker_round(struct worker *w, struct fleet_pool *p, struct rand *r) {
	struct fleet_server *s = NULL, *second = NULL;
	urcu_memb_read_lock();
	bool is_picked = fleet_pick(p, 0, &(struct fleet_request){ .hash = rand_next(r) }, &s) == FLEET_PICKED;
	urcu_memb_read_unlock();
	w->n_none += !is_picked;
	if (!is_picked)
		return;
	w->n_picked++;
	/* Held by the request, and then by the connection, it can't go. */
	bool has_connection = fleet_connection_take(s, 0);
	assert_true(s->pool == p && s->name.n > 0);
	if (fleet_retry_take(p)) {
		urcu_memb_read_lock();
		const struct fleet_request again = { .tried = &s, .n_tried = 1 };
		is_picked = fleet_pick(p, 0, &again, &second) == FLEET_PICKED;
		urcu_memb_read_unlock();
		fleet_request_end(s, 0);
		if (is_picked)
			fleet_request_end(second, 0);
		fleet_retry_end(p);
	} else {
		fleet_request_end(s, 0);
	}
	if (has_connection)
		fleet_connection_release(s, 0);
}

static void *worker_run(void *arg) {
	struct worker *w = arg;
	struct rand r;
	rand_seed(&r, 3);
	urcu_memb_register_thread();
	while (!atomic_load(&w->is_over))
		worker_round(w, w->pools[rand_below(&r, COUNT_OF(w->pools))], &r);
	urcu_memb_unregister_thread();
	return NULL;
}

/* Reloads a pool of the configuration with one server more or less: the odd ones come and go. */
static void reload(struct house *h, struct rand *r) {
	for (unsigned p = 0; p < h->root.pools.n; p++)
		h->pools[p].servers.n = SERVERS - rand_below(r, 3);
	house_commit(h);
}

static void test_pick_against_publish(void **state) {
	(void)state;
	static struct house *h; /* static: in reach of the leak check if an assertion jumps out */
	struct rand r;
	rand_seed(&r, 5);
	h = house_create(2, HOUSE_POOLS);
	struct worker w = { 0 };
	for (unsigned p = 0; p < HOUSE_POOLS; p++) {
		h->pools[p].balance = (enum cfg_balance)p;
		h->pools[p].max_connections = 2;
		for (unsigned i = 0; i < SERVERS; i++)
			house_add(h, p, i % 2, 1 + i);
		house_prefer(h, p, p % 2 * 2);
	}
	house_commit(h);
	for (unsigned i = 0; i < COUNT_OF(w.pools); i++)
		w.pools[i] = house_pool(h, i % HOUSE_POOLS);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, worker_run, &w), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned p = (unsigned)rand_below(&r, HOUSE_POOLS), s = (unsigned)rand_below(&r, SERVERS - 2);
		house_verdict(h, p, s, rand_below(&r, 2) ? FLEET_DOWN : FLEET_UP);
		if (i % 8 == 0)
			reload(h, &r);
		if (i % 4 == 0)
			fleet_sweep(h->fleet);
		if (i % 16 == 0)
			fleet_rate(h->fleet, TARGET_POOL(house_pool(h, p)));
		sched_yield();
	}
	atomic_store(&w.is_over, true);
	pthread_join(thread, NULL);
	assert_true(w.n_picked > 0);
	for (unsigned p = 0; p < HOUSE_POOLS; p++)
		assert_int_equal(fleet_active(h->fleet, TARGET_POOL(house_pool(h, p))), 0);
	assert_false(fleet_sweep(h->fleet)); /* nothing is held, so nothing is left */
	house_destroy(h);
}

struct late {
	struct fleet_server *server;
	_Atomic bool is_reading;
};

/* A worker that chose the server just before the drain began, and counts its request only now. */
static void *late_run(void *arg) {
	struct late *late = arg;
	urcu_memb_register_thread();
	urcu_memb_read_lock();
	atomic_store(&late->is_reading, true);
	while (atomic_load(&late->server->drain.phase) != FLEET_PHASE_REQUESTS)
		sched_yield();
	for (unsigned i = 0; i < 1000; i++)
		sched_yield();
	atomic_store(&late->server->slots[0].active, 1);
	urcu_memb_read_unlock();
	urcu_memb_unregister_thread();
	return NULL;
}

static void test_drain_waits_for_who_was_picking(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	house_add(h, 0, 0, 1);
	house_add(h, 0, 0, 1);
	house_commit(h);
	struct late late = { .server = house_server(h, 0, 0) };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, late_run, &late), 0);
	while (!atomic_load(&late.is_reading))
		sched_yield();
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 60000 };
	assert_int_equal(fleet_drain(h->fleet, TARGET_SERVER(late.server), &o, &e), 0);
	int phase = late.server->drain.phase;
	atomic_store(&late.server->drain.phase, FLEET_PHASE_REQUESTS); /* lets the thread end, if it was not waited for */
	pthread_join(thread, NULL);
	assert_int_equal(phase, FLEET_PHASE_REQUESTS);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pick_against_publish),
		cmocka_unit_test(test_drain_waits_for_who_was_picking),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
