/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The health room against servers that die, hang, flap and come back by a seeded script, on a virtual clock: the real loop, fleet
 * and targets, a kind of check that asks the script. Each reading of the clock moves time by 5 ms, and the loop's timer fires at
 * once, so that minutes pass in a fraction of a second.
 */
#include "unit/health/house.h"

#include "steerway/base/rand.h"
#include "steerway/metric.h"

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define STEP_US UINT64_C(5000)
#define SLACK_US (200 * USEC_PER_MSEC) /* of the steps of all targets */
#define SERVERS 24
#define PHASES 64
#define FIRST_PORT 10000
#define RUN_US (90 * USEC_PER_SEC)

/* ---- time ---- */

static uint64_t virtual_us;

static uint64_t tick(void) {
	return virtual_us += STEP_US;
}

/* In the place of libc's: the loop's timer fires at once, for its times are virtual. */
int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *old) {
	(void)flags;
	(void)when;
	(void)old;
	const struct itimerspec now = { .it_value = { 0, 1 } };
	return (int)syscall(SYS_timerfd_settime, fd, 0, &now, NULL);
}

static void on_run_end(struct deadline *d) {
	loop_stop(d->loop);
}

static void run_until(struct house *h, uint64_t at_us) {
	deadline_init(&h->look, h->loop, on_run_end);
	deadline_set(&h->look, at_us);
	loop_run(h->loop);
	deadline_fini(&h->look);
}

/* ---- the scripted servers ---- */

enum behaviour { ANSWERS, REFUSES, IS_SILENT };

struct phase {
	uint64_t from_us;
	enum behaviour behaviour;
};
struct change {
	uint64_t at_us;
	enum fleet_verdict to;
};
static struct node {
	struct phase phases[PHASES];
	size_t n_phases;
	struct change changes[4 * PHASES];
	size_t n_changes;
	uint64_t last_start_us, least_gap_us, most_gap_us;
	unsigned n_probes;
	bool is_probed; /* now */
} nodes[SERVERS];

static enum behaviour behaviour_at(const struct node *n, uint64_t at_us) {
	enum behaviour b = ANSWERS;
	for (size_t i = 0; i < n->n_phases && n->phases[i].from_us <= at_us; i++)
		b = n->phases[i].behaviour;
	return b;
}

static struct node *node_of(const struct probe *p) {
	return &nodes[addr_port(&p->address) - FIRST_PORT];
}

static enum step ask(struct probe *p) {
	struct node *n = node_of(p);
	assert_false(n->is_probed); /* probes of one target never overlap */
	n->is_probed = true;
	uint64_t gap = p->started_us - n->last_start_us;
	if (n->n_probes++ > 0) {
		n->least_gap_us = gap < n->least_gap_us ? gap : n->least_gap_us;
		n->most_gap_us = gap > n->most_gap_us ? gap : n->most_gap_us;
	}
	n->last_start_us = p->started_us;
	switch (behaviour_at(n, p->started_us)) {
	case ANSWERS:
		return probe_succeed(p, "answered");
	case REFUSES:
		return probe_vote(p, VOTE_FAILURE, "refused");
	default:
		return STEP_WAIT;
	}
}

static void asked(struct probe *p) {
	node_of(p)->is_probed = false;
}

static const struct check_step script_steps[] = { { ask, "silent for" } };
static const struct check_kind script_kind = { .name = "script", .steps = script_steps, .end = asked };

static const struct check_kind *find_script(enum cfg_check_type type) {
	(void)type;
	return &script_kind;
}

/* ---- what fleet is told ---- */

static struct house house;

static void on_publish(struct fleet_subscriber *s) {
	(void)s;
	struct fleet_pool *pool = fleet_pool_find(house.fleet, STR("p"));
	LIST_EACH(it, &pool->servers) {
		struct fleet_server *server = CONTAINER_OF(it, struct fleet_server, link);
		struct node *n = &nodes[addr_port(&server->address) - FIRST_PORT];
		enum fleet_verdict v = (enum fleet_verdict)atomic_load(&server->verdict);
		enum fleet_verdict known = n->n_changes > 0 ? n->changes[n->n_changes - 1].to : FLEET_UNKNOWN;
		if (v == known)
			continue;
		assert_true(n->n_changes < COUNT_OF(n->changes));
		n->changes[n->n_changes++] = (struct change){ clock_now_us(), v };
	}
}

static enum fleet_verdict verdict_at(const struct node *n, uint64_t at_us) {
	enum fleet_verdict v = FLEET_UNKNOWN;
	for (size_t i = 0; i < n->n_changes && n->changes[i].at_us <= at_us; i++)
		v = n->changes[i].to;
	return v;
}

static bool went_down_between(const struct node *n, uint64_t from_us, uint64_t until_us) {
	for (size_t i = 0; i < n->n_changes; i++)
		if (n->changes[i].to == FLEET_DOWN && n->changes[i].at_us >= from_us && n->changes[i].at_us <= until_us)
			return true;
	return false;
}

static struct fleet_subscriber subscriber = { .on_publish = on_publish };

static void sim_open(const char *check, unsigned n_servers, uint64_t seed) {
	static char text[8192];
	int n = snprintf(text, sizeof text,
	                 "sites: { s: {} }\nchecks:\n  c: { type: tcp, %s }\npools:\n  p:\n    check: c\n    servers:\n", check);
	for (unsigned i = 0; i < n_servers; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "      - { name: s%u, address: \"127.0.0.1:%u\", site: s }\n", i,
		              FIRST_PORT + i);
	clock_set_source(tick);
	virtual_us = USEC_PER_SEC;
	house_open(&house);
	house.health->find_kind = find_script;
	rand_seed(&house.health->rand, seed);
	fleet_subscribe(house.fleet, &subscriber);
	house_load(&house, text);
}

static void sim_close(void) {
	house_close(&house);
	clock_set_source(NULL);
}

/* ---- bounds of detection ---- */

struct terms {
	const char *text;
	uint64_t interval_us, fast_us, down_us, timeout_us;
	unsigned rise, fall, jitter_percent;
};
static const struct terms all_terms[] = {
	{ "interval: 2s, timeout: 1s, rise: 2, fall: 3, jitter: 10%", 2000000, 2000000, 2000000, 1000000, 2, 3, 10 },
	{ "interval: 2s, fast_interval: 500ms, down_interval: 4s, timeout: 1s, rise: 3, fall: 4, jitter: 50%", 2000000, 500000,
	  4000000, 1000000, 3, 4, 50 },
	{ "interval: 1s, timeout: 200ms, rise: 1, fall: 1, jitter: 0%", 1000000, 1000000, 1000000, 200000, 1, 1, 0 },
};

static void script_nodes(struct rand *r) {
	memset(nodes, 0, sizeof nodes);
	for (size_t i = 0; i < SERVERS; i++) {
		struct node *n = &nodes[i];
		uint64_t at = 0;
		n->least_gap_us = UINT64_MAX;
		n->phases[n->n_phases++] = (struct phase){ 0, rand_below(r, 4) == 0 ? REFUSES : ANSWERS };
		while (n->n_phases < PHASES && at < RUN_US) {
			/* Half of the phases are flaps, the others long enough for any verdict. */
			at += rand_below(r, 2) ? 20000 + rand_below(r, 3500000) : 10000000 + rand_below(r, 10000000);
			enum behaviour last = n->phases[n->n_phases - 1].behaviour;
			enum behaviour next = last == ANSWERS ? (rand_below(r, 2) ? REFUSES : IS_SILENT) : ANSWERS;
			n->phases[n->n_phases++] = (struct phase){ USEC_PER_SEC + at, next };
		}
	}
}

/* Returns how many phases were long enough to say something. */
static unsigned check_node(const struct node *n, const struct terms *t, uint64_t end_us) {
	uint64_t up_bound = t->down_us + t->timeout_us + (t->rise - 1) * t->fast_us + SLACK_US;
	unsigned checked = 0;
	for (size_t i = 0; i + 1 < n->n_phases && n->phases[i + 1].from_us < end_us; i++) {
		uint64_t from = n->phases[i].from_us, until = n->phases[i + 1].from_us;
		bool is_bad = n->phases[i].behaviour != ANSWERS;
		uint64_t down_bound =
		    t->fall * t->interval_us + (n->phases[i].behaviour == IS_SILENT ? t->timeout_us : 0) + SLACK_US;
		if (i > 0 && until - from > (is_bad ? down_bound : up_bound)) {
			assert_int_equal(verdict_at(n, from + (is_bad ? down_bound : up_bound)), is_bad ? FLEET_DOWN : FLEET_UP);
			assert_int_equal(verdict_at(n, until), is_bad ? FLEET_DOWN : FLEET_UP);
			checked++;
		}
		/* Too short for `fall` probes, between two long good phases: it may not be seen as down. */
		bool is_flap = is_bad && until - from < (t->fall - 1) * t->fast_us * (100 - t->jitter_percent) / 100;
		if (i > 0 && is_flap && from - n->phases[i - 1].from_us > up_bound &&
		    (i + 2 >= n->n_phases || n->phases[i + 2].from_us - until > 3 * t->timeout_us)) {
			assert_false(went_down_between(n, from, until + 2 * t->timeout_us));
			checked++;
		}
	}
	return checked;
}

static void test_detection_bounds(void **state) {
	(void)state;
	for (size_t k = 0; k < COUNT_OF(all_terms); k++) {
		for (uint64_t seed = 1; seed <= 2; seed++) {
			const struct terms *t = &all_terms[k];
			struct rand r;
			rand_seed(&r, seed * 1000 + k);
			script_nodes(&r);
			sim_open(t->text, SERVERS, seed);
			run_until(&house, USEC_PER_SEC + RUN_US);
			unsigned checked = 0;
			for (size_t i = 0; i < SERVERS; i++) {
				checked += check_node(&nodes[i], t, virtual_us);
				uint64_t longest = t->down_us > t->interval_us ? t->down_us : t->interval_us;
				assert_true(nodes[i].most_gap_us <= longest + SLACK_US);
				assert_true(nodes[i].least_gap_us + 4 * STEP_US >= t->fast_us * (100 - t->jitter_percent) / 100);
			}
			assert_true(checked > 2 * SERVERS);
			sim_close();
		}
	}
}

/* All servers have had their first probe after a short time, one by one. */
static void test_first_probes(void **state) {
	(void)state;
	memset(nodes, 0, sizeof nodes);
	sim_open("interval: 1h, timeout: 1s", SERVERS, 1);
	uint64_t began = virtual_us;
	run_until(&house, began + 5 * USEC_PER_MSEC * SERVERS + SLACK_US);
	assert_true(health_is_ready(house.health));
	for (size_t i = 0; i < SERVERS; i++) {
		assert_int_equal(nodes[i].n_probes, 1);
		assert_true(i == 0 || nodes[i].last_start_us > nodes[i - 1].last_start_us);
	}
	sim_close();
}

/* Silence takes a server down; the same silence while this daemon itself stood still does not. */
static void silence(uint64_t stall_us, enum fleet_verdict expected, unsigned expected_blind) {
	memset(nodes, 0, sizeof nodes);
	int64_t unknown = metric_sum(METRIC_health_probes_unknown_total);
	sim_open("interval: 2s, timeout: 1s, rise: 1, fall: 1, jitter: 0%", 2, 1);
	run_until(&house, virtual_us + USEC_PER_SEC);
	assert_int_equal(house_verdict(&house, "p/s0"), FLEET_UP);
	uint64_t from = virtual_us;
	for (size_t i = 0; i < 2; i++) {
		nodes[i].phases[0] = (struct phase){ from, IS_SILENT };
		nodes[i].phases[1] = (struct phase){ from + 1500 * USEC_PER_MSEC, ANSWERS };
		nodes[i].n_phases = 2;
	}
	while (!nodes[0].is_probed || !nodes[1].is_probed)
		run_until(&house, virtual_us + 10 * USEC_PER_MSEC);
	virtual_us += stall_us;
	run_until(&house, virtual_us + 1200 * USEC_PER_MSEC);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(verdict_at(&nodes[i], virtual_us), expected);
		assert_int_equal(went_down_between(&nodes[i], 0, virtual_us), expected == FLEET_DOWN);
	}
	assert_int_equal(metric_sum(METRIC_health_probes_unknown_total) - unknown, expected_blind);
	/* Two probes without a vote are one episode. */
	assert_int_equal(house_logged(&house, "health_blind"), expected_blind > 0);
	assert_int_equal(house_logged(&house, "no vote: this daemon was "), expected_blind > 0);
	/* And none of them is shown as a failure. */
	struct health_explanation x;
	unsigned n_blind = 0;
	health_explain(house.health, fleet_server_find(house.fleet, STR("p/s0")), &x);
	for (size_t i = 0; i < x.n_probes; i++)
		n_blind += !x.probes[i].has_vote && !x.probes[i].is_success;
	assert_int_equal(n_blind, expected_blind / 2);
	sim_close();
}

static void test_own_lag(void **state) {
	(void)state;
	silence(0, FLEET_DOWN, 0);
	silence(3 * USEC_PER_SEC, FLEET_UP, 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detection_bounds),
		cmocka_unit_test(test_first_probes),
		cmocka_unit_test(test_own_lag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
