/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits and the queue: what is never exceeded, who goes first, who has to go; and with real workers that no wake-up is lost: a
 * waiter that nobody wakes would leave by its timeout, and that is counted.
 */
#include "house.h"

#include "steerway/io.h"

#include <semaphore.h>
#include <urcu/urcu-memb.h>

static const struct fleet_request plain = { 0 };

struct guest {
	struct fleet_waiter waiter;
	enum fleet_pick result;
	struct fleet_server *server;
	unsigned order; /* 1: the first that had its turn */
};
static unsigned turns;

static void on_turn(struct fleet_waiter *w, enum fleet_pick result, struct fleet_server *s) {
	struct guest *g = CONTAINER_OF(w, struct guest, waiter);
	g->result = result;
	g->server = s;
	g->order = ++turns;
}

static enum fleet_pick come(struct house *h, struct guest *g, unsigned class) {
	*g = (struct guest){ .waiter = { .request = &plain, .class = class, .on_turn = on_turn } };
	g->result = fleet_pick_or_wait(house_pool(h, 0), 0, &g->waiter, &g->server);
	return g->result;
}

static void go(struct house *h, struct guest *g) {
	assert_int_equal(g->result, FLEET_PICKED);
	fleet_request_end(g->server, 0);
	queue_run(house_pool(h, 0), 0);
}

/* Two servers of one request each, and a queue of three. */
static struct house *small_house(void) {
	struct house *h = house_create(1, 1);
	for (unsigned i = 0; i < 2; i++)
		house_add(h, 0, 0, 1)->max_requests = 1;
	h->pools[0].queue = (struct cfg_queue){ .length = 3, .timeout_ms = 1000 };
	house_commit(h);
	turns = 0;
	return h;
}

static void test_first_come_first_served(void **state) {
	(void)state;
	struct house *h = small_house();
	struct guest g[6];
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(come(h, &g[i], 0), FLEET_PICKED);
	assert_ptr_not_equal(g[0].server, g[1].server);
	for (unsigned i = 2; i < 5; i++)
		assert_int_equal(come(h, &g[i], 0), FLEET_WAITING);
	assert_int_equal(fleet_waiting(house_pool(h, 0)), 3);
	assert_int_equal(come(h, &g[5], 0), FLEET_QUEUE_FULL);
	go(h, &g[0]);
	assert_int_equal(g[2].result, FLEET_PICKED);
	assert_int_equal(g[3].result, FLEET_WAITING);
	/* Who comes now does not pass those who wait. */
	assert_int_equal(come(h, &g[5], 0), FLEET_WAITING);
	for (unsigned i = 1; i < 4; i++)
		go(h, &g[i]);
	assert_int_equal(g[3].order, 2);
	assert_int_equal(g[4].order, 3);
	assert_int_equal(g[5].order, 4);
	go(h, &g[4]);
	go(h, &g[5]);
	assert_int_equal(fleet_waiting(house_pool(h, 0)), 0);
	house_destroy(h);
}

static void test_classes(void **state) {
	(void)state;
	struct house *h = small_house();
	struct guest busy[2], low[2], high, higher, last;
	for (unsigned i = 0; i < 2; i++)
		come(h, &busy[i], 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(come(h, &low[i], 2), FLEET_WAITING);
	assert_int_equal(come(h, &high, 1), FLEET_WAITING);
	/* The queue is full: the youngest of the lowest class has to go. */
	assert_int_equal(come(h, &higher, 0), FLEET_WAITING);
	assert_int_equal(low[1].result, FLEET_QUEUE_FULL);
	assert_int_equal(come(h, &last, 2), FLEET_QUEUE_FULL);
	go(h, &busy[0]);
	assert_int_equal(higher.result, FLEET_PICKED);
	assert_int_equal(high.result, FLEET_WAITING);
	go(h, &busy[1]);
	assert_int_equal(high.result, FLEET_PICKED);
	assert_int_equal(low[0].result, FLEET_WAITING);
	go(h, &higher);
	assert_int_equal(low[0].result, FLEET_PICKED);
	go(h, &high);
	go(h, &low[0]);
	house_destroy(h);
}

static void test_timeout_and_abort(void **state) {
	(void)state;
	struct house *h = small_house();
	struct guest g[5];
	for (unsigned i = 0; i < 4; i++)
		come(h, &g[i], 0);
	house_sleep_ms(600);
	come(h, &g[4], 0);
	queue_expire(house_pool(h, 0), 0);
	assert_int_equal(g[2].result, FLEET_WAITING);
	fleet_wait_end(&g[3].waiter); /* its client went */
	fleet_wait_end(&g[3].waiter);
	house_sleep_ms(401);
	queue_expire(house_pool(h, 0), 0);
	assert_int_equal(g[2].result, FLEET_QUEUE_TIMEOUT);
	assert_int_equal(g[3].result, FLEET_WAITING);
	assert_int_equal(g[4].result, FLEET_WAITING);
	assert_int_equal(fleet_waiting(house_pool(h, 0)), 1);
	go(h, &g[0]);
	assert_int_equal(g[4].result, FLEET_PICKED);
	go(h, &g[1]);
	go(h, &g[4]);
	house_destroy(h);
}

/* Whoever waits hears of servers that die, come up, or get another limit. */
static void test_publishes(void **state) {
	(void)state;
	struct house *h = small_house();
	struct guest g[4];
	house_verdict(h, 0, 1, FLEET_DOWN);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(come(h, &g[i], 0), i == 0 ? FLEET_PICKED : FLEET_WAITING);
	house_verdict(h, 0, 1, FLEET_UP);
	assert_true(queue_is_held(house_pool(h, 0)));
	queue_run(house_pool(h, 0), 0);
	assert_int_equal(g[1].result, FLEET_PICKED);
	assert_int_equal(g[2].result, FLEET_WAITING);
	h->servers[0][0].max_requests = 2;
	house_commit(h);
	queue_run(house_pool(h, 0), 0);
	assert_int_equal(g[2].result, FLEET_PICKED);
	house_verdict(h, 0, 0, FLEET_DOWN);
	house_verdict(h, 0, 1, FLEET_DOWN);
	queue_run(house_pool(h, 0), 0);
	assert_int_equal(g[3].result, FLEET_NO_SERVER);
	for (unsigned i = 0; i < 3; i++)
		go(h, &g[i]);
	house_destroy(h);
}

/* A removed pool stays until nobody waits there. */
static void test_removed_pool(void **state) {
	(void)state;
	struct house *h = small_house();
	struct guest g[3];
	struct fleet_pool *p = house_pool(h, 0);
	for (unsigned i = 0; i < 3; i++)
		come(h, &g[i], 0);
	h->root.pools.n = 0;
	house_commit(h);
	for (unsigned i = 0; i < 2; i++)
		fleet_request_end(g[i].server, 0);
	assert_true(fleet_sweep(h->fleet));
	queue_run(p, 0);
	assert_int_equal(g[2].result, FLEET_NO_SERVER);
	assert_false(fleet_sweep(h->fleet));
	house_destroy(h);
}

static void test_pool_limits(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	struct guest g[3];
	for (unsigned i = 0; i < 4; i++)
		house_add(h, 0, 0, 1);
	h->pools[0].limits.requests = 2;
	h->pools[0].limits.connections = 3;
	house_commit(h);
	for (unsigned i = 0; i < 3; i++) /* no queue: at once */
		assert_int_equal(come(h, &g[i], 0), i < 2 ? FLEET_PICKED : FLEET_ALL_BUSY);
	go(h, &g[0]);
	assert_int_equal(come(h, &g[2], 0), FLEET_PICKED);
	go(h, &g[1]);
	go(h, &g[2]);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fleet_connection_take(house_server(h, 0, i), 0), i < 3);
	assert_int_equal(come(h, &g[0], 0), FLEET_ALL_BUSY);
	house_server(h, 0, 2)->slots[0].n_idle = 1; /* what needs no new connection goes on */
	assert_int_equal(come(h, &g[0], 0), FLEET_PICKED);
	assert_int_equal(house_number(g[0].server), 2);
	go(h, &g[0]);
	fleet_connection_release(house_server(h, 0, 0), 0);
	assert_true(fleet_connection_take(house_server(h, 0, 3), 0));
	house_destroy(h);
}

/* A bound that comes while requests are in progress counts those after it, and one that goes leaves nothing behind. */
static void test_limits_over_reload(void **state) {
	(void)state;
	struct house *h = house_create(1, 1);
	struct guest g[4];
	house_add(h, 0, 0, 1);
	house_commit(h);
	come(h, &g[0], 0);
	h->pools[0].limits.requests = h->servers[0][0].max_requests = 1;
	house_commit(h);
	assert_int_equal(come(h, &g[1], 0), FLEET_PICKED);
	assert_int_equal(come(h, &g[2], 0), FLEET_ALL_BUSY);
	h->pools[0].limits.requests = h->servers[0][0].max_requests = 0;
	house_commit(h);
	assert_int_equal(come(h, &g[2], 0), FLEET_PICKED);
	for (unsigned i = 0; i < 3; i++)
		go(h, &g[i]);
	assert_int_equal(house_server(h, 0, 0)->in_progress, 0);
	h->pools[0].limits.requests = 1;
	house_commit(h);
	assert_int_equal(come(h, &g[0], 0), FLEET_PICKED);
	assert_int_equal(come(h, &g[1], 0), FLEET_ALL_BUSY);
	go(h, &g[0]);
	house_destroy(h);
}

/* ---- with workers ---- */

enum { WORKERS = 3, ACTORS = 24, REQUESTS = 1500, LIMIT = 2, SERVERS = 2 };

static struct {
	struct workers *workers;
	struct fleet_pool *pool;
	_Atomic unsigned in_progress, most, per_server[SERVERS], timeouts, done, finished;
	_Atomic bool is_over_limit;
	sem_t all_finished;
} play;

struct actor {
	struct fleet_waiter waiter;
	struct loop_task task;
	struct fleet_server *server;
	unsigned worker, left;
	struct rand rand;
};

static void actor_next(struct actor *a);

static void actor_hold(struct actor *a, struct fleet_server *s) {
	a->server = s;
	if (atomic_fetch_add(&play.per_server[house_number(s)], 1) >= LIMIT)
		atomic_store(&play.is_over_limit, true);
	loop_post(workers_loop(play.workers, a->worker), &a->task);
}

static void actor_end(struct loop_task *task) {
	struct actor *a = CONTAINER_OF(task, struct actor, task);
	urcu_memb_read_lock();
	if (a->server) {
		atomic_fetch_sub(&play.per_server[house_number(a->server)], 1);
		fleet_request_end(a->server, a->worker);
		a->server = NULL;
		atomic_fetch_add(&play.done, 1);
	}
	actor_next(a);
	urcu_memb_read_unlock();
}

static void actor_turn(struct fleet_waiter *w, enum fleet_pick result, struct fleet_server *s) {
	struct actor *a = CONTAINER_OF(w, struct actor, waiter);
	if (result == FLEET_PICKED) {
		actor_hold(a, s);
		return;
	}
	atomic_fetch_add(&play.timeouts, 1);
	loop_post(workers_loop(play.workers, a->worker), &a->task);
}

static void actor_next(struct actor *a) {
	if (a->left-- == 0) {
		if (atomic_fetch_add(&play.finished, 1) + 1 == ACTORS)
			sem_post(&play.all_finished);
		return;
	}
	a->waiter.class = (unsigned)rand_below(&a->rand, FLEET_CLASSES);
	struct fleet_server *s;
	enum fleet_pick result = fleet_pick_or_wait(play.pool, a->worker, &a->waiter, &s);
	if (result == FLEET_PICKED)
		actor_hold(a, s);
	else if (result == FLEET_WAITING && rand_below(&a->rand, 8) == 0) { /* an impatient client */
		fleet_wait_end(&a->waiter);
		loop_post(workers_loop(play.workers, a->worker), &a->task);
	}
}

static void start_here(void *arg, unsigned worker, struct loop *l) {
	struct actor *actors = arg;
	(void)l;
	for (unsigned i = worker; i < ACTORS; i += WORKERS)
		actor_end(&actors[i].task);
}

static void test_no_wakeup_is_lost(void **state) {
	(void)state;
	static struct actor actors[ACTORS];
	struct house *h = house_create(1, 1);
	struct err e;
	clock_set_source(NULL);
	play.workers = workers_create(WORKERS, &e);
	assert_non_null(play.workers);
	fleet_destroy(h->fleet);
	h->fleet = fleet_create(NULL, play.workers, &e);
	for (unsigned i = 0; i < SERVERS; i++)
		house_add(h, 0, 0, 1)->max_requests = LIMIT;
	h->pools[0].limits.requests = 3; /* both bounds matter: 2 + 2 > 3 */
	h->pools[0].queue = (struct cfg_queue){ .length = ACTORS, .timeout_ms = 20000 };
	house_commit(h);
	play.pool = house_pool(h, 0);
	sem_init(&play.all_finished, 0, 0);
	for (unsigned i = 0; i < ACTORS; i++) {
		actors[i] = (struct actor){ .worker = i % WORKERS, .left = REQUESTS };
		actors[i].waiter.request = &plain;
		actors[i].waiter.on_turn = actor_turn;
		actors[i].task.run = actor_end;
		rand_seed(&actors[i].rand, i);
	}
	workers_call(play.workers, start_here, actors);
	for (unsigned i = 0; i < 200; i++) /* servers come and go meanwhile, but never all */
		house_verdict(h, 0, i / 2 % 2, i % 2 ? FLEET_UP : FLEET_DOWN);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 40;
	assert_int_equal(sem_timedwait(&play.all_finished, &until), 0);
	assert_int_equal(atomic_load(&play.timeouts), 0);
	assert_false(atomic_load(&play.is_over_limit));
	assert_true(atomic_load(&play.done) > ACTORS * REQUESTS / 2);
	assert_int_equal(fleet_waiting(play.pool), 0);
	workers_destroy(play.workers);
	house_destroy(h);
	clock_set_source(house_clock);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_come_first_served),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_timeout_and_abort),
		cmocka_unit_test(test_publishes),
		cmocka_unit_test(test_removed_pool),
		cmocka_unit_test(test_pool_limits),
		cmocka_unit_test(test_limits_over_reload),
		cmocka_unit_test(test_no_wakeup_is_lost),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
