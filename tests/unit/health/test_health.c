/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room as a whole on a real loop, with fleet: verdicts reach every server that shares a target, live through reloads, are logged and
 * put in the journal; passive reports bring a probe at once. TCP checks against listeners that the test opens and closes.
 */
#include "unit/health/house.h"
#include "unit/health/origin.h"

#include "steerway/metric.h"

struct listener {
	struct addr at;
	int fd;
};

static struct listener a, b;

static void listener_open(struct listener *l) {
	l->fd = origin_listen(&l->at);
}

static void listener_close(struct listener *l) {
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* The same port again. */
static void listener_reopen(struct listener *l) {
	int one = 1;
	l->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	assert_int_equal(bind(l->fd, &l->at.sa, sizeof l->at.in), 0);
	assert_int_equal(listen(l->fd, 1024), 0);
}

static int setup(void **state) {
	listener_open(&a);
	listener_open(&b);
	struct house *h = mem_zalloc(sizeof *h);
	house_open(h);
	*state = h;
	return 0;
}

static int teardown(void **state) {
	house_close(*state);
	mem_free(*state);
	listener_close(&a);
	listener_close(&b);
	return 0;
}

/* check: the keys of check `c`; pools: two that share a server's address, or what is given. */
static const char *text_of(const char *check, const char *pools) {
	static char text[4096];
	char at_a[ADDR_TEXT_BYTES], at_b[ADDR_TEXT_BYTES], shared[1024];
	addr_format(&a.at, at_a);
	addr_format(&b.at, at_b);
	snprintf(
	    shared, sizeof shared,
	    "  one: { check: c, servers: [ { name: a, address: \"%s\", site: s }, { name: b, address: \"%s\", site: s } ] }\n"
	    "  two: { check: c, servers: [ { name: a, address: \"%s\", site: s } ] }\n",
	    at_a, at_b, at_a);
	snprintf(text, sizeof text, "sites: { s: {} }\nchecks:\n  c: { %s }\npools:\n%s", check, pools != NULL ? pools : shared);
	return text;
}

#define CALM "type: tcp, interval: 1h, timeout: 10s, jitter: 0%"
#define QUICK "type: tcp, interval: 500ms, fast_interval: 10ms, timeout: 500ms, rise: 2, fall: 3"

static bool is_ready(struct house *h) {
	return health_is_ready(h->health);
}

static bool one_a_is_down(struct house *h) {
	return house_verdict(h, "one/a") == FLEET_DOWN;
}

static bool one_b_is_up(struct house *h) {
	return house_verdict(h, "one/b") == FLEET_UP;
}

static bool all_up(struct house *h) {
	return house_verdict(h, "one/a") == FLEET_UP && house_verdict(h, "one/b") == FLEET_UP &&
	       house_verdict(h, "two/a") == FLEET_UP;
}

static struct health_explanation explain(struct house *h, const char *name) {
	struct health_explanation x;
	health_explain(h->health, house_server(h, name), &x);
	return x;
}

static void test_first_result_decides(void **state) {
	struct house *h = *state;
	listener_close(&b);
	house_load(h, text_of(CALM, NULL));
	assert_false(health_is_ready(h->health));
	assert_int_equal(house_verdict(h, "one/a"), FLEET_UNKNOWN);
	assert_true(house_until(h, is_ready, 20000));
	assert_int_equal(house_verdict(h, "one/a"), FLEET_UP);
	assert_int_equal(house_verdict(h, "two/a"), FLEET_UP);
	assert_int_equal(house_verdict(h, "one/b"), FLEET_DOWN);
	/* One probe served both servers at address a. */
	assert_int_equal(h->health->targets.n, 2);
	struct health_explanation x = explain(h, "one/b");
	assert_int_equal(x.verdict, FLEET_DOWN);
	assert_int_equal(x.failures, 1);
	assert_int_equal(x.n_probes, 1);
	assert_false(x.is_probing);
	assert_true(x.next_us > clock_now_us());
	assert_false(x.probes[0].is_success);
	assert_string_equal(x.probes[0].evidence, "connect: Connection refused");
	assert_true(str_eq(x.check->id, STR("c")));
}

static void test_log_and_journal(void **state) {
	struct house *h = *state;
	listener_close(&b);
	int64_t changes = metric_sum(METRIC_health_verdict_changes_total);
	house_load(h, text_of(CALM, NULL));
	assert_true(house_until(h, is_ready, 20000));
	assert_int_equal(metric_sum(METRIC_health_verdict_changes_total) - changes, 3);
	assert_int_equal(house_logged(h, "server_up"), 2);
	assert_int_equal(house_logged(h, "server_down"), 1);
	assert_int_equal(
	    house_logged(h, "server=one/b site=s from=unknown to=down cause=\"connect: Connection refused\" fails=1"), 1);
	assert_int_equal(house_logged(h, "check=c epoch="), 3);
	const struct health_change *c = NULL;
	size_t n = 0;
	for (; health_journal(h->health, n) != NULL; n++)
		if (strcmp(health_journal(h->health, n)->server, "one/b") == 0)
			c = health_journal(h->health, n);
	assert_int_equal(n, 3);
	assert_non_null(c);
	assert_int_equal(c->from, FLEET_UNKNOWN);
	assert_int_equal(c->to, FLEET_DOWN);
	assert_string_equal(c->cause, "connect: Connection refused");
	assert_true(c->epoch > 0 && c->epoch <= fleet_epoch(h->fleet));
	assert_true(c->wall_us > UINT64_C(1600000000) * USEC_PER_SEC);
}

static void test_down_and_up_again(void **state) {
	struct house *h = *state;
	house_load(h, text_of(QUICK, NULL));
	assert_true(house_until(h, all_up, 20000));
	listener_close(&a);
	assert_true(house_until(h, one_a_is_down, 20000));
	assert_int_equal(house_verdict(h, "two/a"), FLEET_DOWN);
	assert_int_equal(house_verdict(h, "one/b"), FLEET_UP);
	assert_int_equal(house_logged(h, "server=one/a site=s from=up to=down cause=\"connect: Connection refused\" fails=3"), 1);
	assert_true(str_eq(house_server(h, "one/a")->cause, STR("connect: Connection refused")));
	listener_reopen(&a);
	assert_true(house_until(h, all_up, 20000));
	assert_int_equal(house_logged(h, "server=one/a site=s from=down to=up cause=\"connected in "), 1);
	struct health_explanation x = explain(h, "one/a");
	assert_in_range(x.n_probes, 6, HEALTH_EVIDENCE); /* newest first: rise, after at least fall, after the first */
	assert_true(x.probes[0].is_success && x.probes[1].is_success && !x.probes[2].is_success);
	for (size_t i = 1; i < x.n_probes; i++)
		assert_true(x.probes[i].wall_us <= x.probes[i - 1].wall_us);
}

static void test_reload_keeps_verdicts(void **state) {
	struct house *h = *state;
	house_load(h, text_of(CALM, NULL));
	assert_true(house_until(h, all_up, 20000));
	int64_t probes = metric_sum(METRIC_health_probes_total);
	for (int i = 0; i < 20; i++) {
		house_load(h, text_of(CALM, NULL));
		assert_true(all_up(h) && health_is_ready(h->health));
	}
	/* Other terms, same question: history and verdict go on. */
	house_load(h, text_of(CALM ", fall: 7", NULL));
	assert_true(all_up(h) && health_is_ready(h->health));
	assert_int_equal(explain(h, "one/a").n_probes, 1);
	assert_int_equal(house_logged(h, "server_up"), 3);
	assert_int_equal(h->health->targets.n, 2);
	assert_int_equal(metric_sum(METRIC_health_probes_total), probes);
	/* Another question begins anew, and until it is answered the servers stay as they are. */
	char pools[512], other[ADDR_TEXT_BYTES], keys[256];
	addr_format(&a.at, other);
	snprintf(pools, sizeof pools, "  one: { check: c, servers: [ { name: a, address: \"%s\", site: s } ] }\n", other);
	snprintf(keys, sizeof keys, "%s, port: %u", CALM, addr_port(&b.at));
	listener_close(&b);
	house_load(h, text_of(keys, pools));
	assert_int_equal(house_verdict(h, "one/a"), FLEET_UP);
	assert_int_equal(explain(h, "one/a").verdict, FLEET_UNKNOWN);
	assert_int_equal(h->health->targets.n, 1);
	assert_true(health_is_ready(h->health));
	assert_true(house_until(h, one_a_is_down, 20000));
}

static void test_join_gets_verdict_at_once(void **state) {
	struct house *h = *state;
	char pools[512], at[ADDR_TEXT_BYTES];
	addr_format(&a.at, at);
	snprintf(pools, sizeof pools, "  one: { check: c, servers: [ { name: a, address: \"%s\", site: s } ] }\n", at);
	listener_close(&a);
	house_load(h, text_of(CALM, pools));
	assert_true(house_until(h, one_a_is_down, 20000));
	house_load(h, text_of(CALM, NULL));
	assert_int_equal(house_verdict(h, "two/a"), FLEET_DOWN);
	assert_int_equal(
	    house_logged(h, "server=two/a site=s from=unknown to=down cause=\"connect: Connection refused\" fails=1"), 1);
	assert_int_equal(house_verdict(h, "one/b"), FLEET_UNKNOWN);
}

static void test_server_without_check(void **state) {
	struct house *h = *state;
	char pools[512], at[ADDR_TEXT_BYTES];
	addr_format(&a.at, at);
	snprintf(pools, sizeof pools, "  one: { servers: [ { name: a, address: \"%s\", site: s } ] }\n", at);
	house_load(h, text_of(CALM, pools));
	assert_true(health_is_ready(h->health));
	assert_int_equal(h->health->targets.n, 0);
	assert_int_equal(house_verdict(h, "one/a"), FLEET_UP);
	assert_null(explain(h, "one/a").check);
	/* It gets a check, and loses it again. */
	house_load(h, text_of(CALM, NULL));
	assert_int_equal(h->health->subscriptions.n, 3);
	house_load(h, text_of(CALM, pools));
	assert_int_equal(h->health->subscriptions.n, 0);
	assert_int_equal(h->health->targets.n, 0);
}

/* The interval is an hour: only the passive report can bring the probe. */
static void test_suspicion(void **state) {
	struct house *h = *state;
	house_load(h, text_of(CALM ", fall: 1", NULL));
	assert_true(house_until(h, all_up, 20000));
	listener_close(&a);
	fleet_suspect(h->fleet, house_server(h, "one/a"));
	assert_true(house_until(h, one_a_is_down, 20000));
	assert_int_equal(house_verdict(h, "two/a"), FLEET_DOWN);
	assert_int_equal(house_verdict(h, "one/b"), FLEET_UP);
}

/* A flood of reports brings one probe in 100 ms, not one each. */
static uint64_t flood_until_us;
static bool flood_is_over(struct house *h) {
	fleet_suspect(h->fleet, house_server(h, "one/a"));
	return clock_now_us() >= flood_until_us;
}
static void test_suspicion_is_limited(void **state) {
	struct house *h = *state;
	house_load(h, text_of(CALM, NULL));
	assert_true(house_until(h, all_up, 20000));
	int64_t probes = metric_sum(METRIC_health_probes_total);
	flood_until_us = clock_update() + 450 * USEC_PER_MSEC;
	house_until(h, flood_is_over, 20000);
	assert_in_range(metric_sum(METRIC_health_probes_total) - probes, 1, 6);
	assert_int_equal(house_verdict(h, "one/a"), FLEET_UP);
}

/* Prepare that is discarded, or fails, leaves everything as it was. */
static void test_discard(void **state) {
	struct house *h = *state;
	struct err e;
	house_load(h, text_of(CALM, NULL));
	assert_true(house_until(h, all_up, 20000));
	struct cfg *other = house_cfg(text_of("type: http", NULL));
	struct health_plan *p = health_prepare(h->health, cfg_root(other), &e);
	assert_non_null(p);
	health_discard(p);
	health_discard(NULL);
	cfg_destroy(other);
	other = house_cfg(text_of("type: https, host: x, tls: { ca: /etc/passwd }", NULL));
	assert_null(health_prepare(h->health, cfg_root(other), &e));
	assert_non_null(strstr(e.text, "checks.c: tls.ca: /etc/passwd"));
	cfg_destroy(other);
	assert_true(all_up(h));
	assert_int_equal(h->health->targets.n, 2);
	assert_int_equal(explain(h, "one/a").n_probes, 1);
}

/* Reloads and the end of the room while probes are in flight. */
static void test_end_in_flight(void **state) {
	struct house *h = *state;
	listen(a.fd, 0);
	int fill[4];
	for (size_t i = 0; i < COUNT_OF(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], &a.at.sa, sizeof a.at.in);
	}
	house_load(h, text_of(CALM, NULL));
	assert_true(house_until(h, one_b_is_up, 20000));
	assert_false(house_until(h, is_ready, 50)); /* a's probe hangs */
	assert_true(explain(h, "one/a").is_probing);
	house_load(h, text_of(CALM, NULL));
	assert_true(explain(h, "one/a").is_probing);
	house_load(h, text_of(CALM ", rise: 9", NULL));
	assert_int_equal(h->health->targets.n, 2);
	assert_int_equal(house_verdict(h, "one/b"), FLEET_UP);
	for (size_t i = 0; i < COUNT_OF(fill); i++)
		close(fill[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_first_result_decides),
		TEST(test_log_and_journal),
		TEST(test_down_and_up_again),
		TEST(test_reload_keeps_verdicts),
		TEST(test_join_gets_verdict_at_once),
		TEST(test_server_without_check),
		TEST(test_suspicion),
		TEST(test_suspicion_is_limited),
		TEST(test_discard),
		TEST(test_end_in_flight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
