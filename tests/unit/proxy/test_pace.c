/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a client is waited for: pauses, rates over windows, and waiting that is not the client's. Time is moved by hand. */
#include "proxy/pace.h"

#include "steerway/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S USEC_PER_SEC

static const struct pace_bounds bounds = { .idle_us = 10 * S, .rate = 100, .window_us = 30 * S };

/* A client that brings `piece` bytes every `every_us`, while its owner looks at each deadline. When and how it ends, within an hour. */
static enum pace_verdict run(const struct pace_bounds *b, uint64_t piece, uint64_t every_us, uint64_t *at_us) {
	struct pace p = { 0 };
	uint64_t now = S, moved = 0, next = now + every_us;
	uint64_t due = pace_wait(&p, b, moved, now);
	while (now < 3600 * S) {
		bool is_due = due < next;
		now = is_due ? due : next;
		if (is_due) {
			enum pace_verdict v = pace_judge(&p, b, moved, moved, now);
			*at_us = now - S;
			if (v != PACE_GOES_ON)
				return v;
		} else {
			moved += piece;
			next += every_us;
		}
		due = pace_wait(&p, b, moved, now);
		assert_true(due >= now);
	}
	return PACE_GOES_ON;
}

static void test_steady_clients(void **state) {
	(void)state;
	uint64_t at;
	assert_int_equal(run(&bounds, 100, S, &at), PACE_GOES_ON);
	assert_int_equal(run(&bounds, 1000, 9 * S, &at), PACE_GOES_ON);
	assert_int_equal(run(&bounds, 99, S, &at), PACE_SLOW);
	assert_int_equal(at, 30 * S);
	assert_int_equal(run(&bounds, 1, S / 99, &at), PACE_SLOW);
	assert_int_equal(run(&bounds, 1, S / 100, &at), PACE_GOES_ON);
	assert_int_equal(run(&bounds, 1000000, 11 * S, &at), PACE_IDLE);
	assert_int_equal(at, 10 * S);
}

static void test_no_rate(void **state) {
	(void)state;
	struct pace_bounds b = bounds;
	uint64_t at;
	b.rate = 0;
	assert_int_equal(run(&b, 1, 9 * S, &at), PACE_GOES_ON);
	assert_int_equal(run(&b, 1, 11 * S, &at), PACE_IDLE);
}

static void test_pause_and_window_end_together(void **state) {
	(void)state;
	struct pace_bounds b = { .idle_us = 30 * S, .rate = 1, .window_us = 30 * S };
	uint64_t at;
	assert_int_equal(run(&b, 1, 31 * S, &at), PACE_IDLE);
}

/* What the server takes its time with counts for nothing; nor does going on for a moment begin a window anew. */
static void test_only_waiting_counts(void **state) {
	(void)state;
	struct pace p = { 0 };
	uint64_t now = S;
	for (unsigned i = 0; i < 29; i++) { /* a second of waiting, an hour of the server's */
		assert_int_equal(pace_wait(&p, &bounds, 0, now), i < 20 ? now + 10 * S : now + (30 - i) * S);
		now += S;
		pace_rest(&p, now);
		now += 3600 * S;
		assert_int_equal(pace_judge(&p, &bounds, 0, 0, now), PACE_GOES_ON);
	}
	assert_int_equal(pace_wait(&p, &bounds, 0, now), now + S);
	assert_int_equal(pace_judge(&p, &bounds, 0, 0, now + S - 1), PACE_GOES_ON);
	assert_int_equal(pace_judge(&p, &bounds, 0, 0, now + S), PACE_SLOW);
}

static void test_windows_are_judged_each(void **state) {
	(void)state;
	struct pace p = { 0 };
	struct pace_bounds b = bounds;
	b.idle_us = 3600 * S;
	pace_wait(&p, &b, 0, S);
	assert_int_equal(pace_judge(&p, &b, 1000000, 1000000, 31 * S),
	                 PACE_GOES_ON); /* much in the first buys nothing in the second */
	assert_int_equal(pace_wait(&p, &b, 1000000, 31 * S), 61 * S);
	assert_int_equal(pace_judge(&p, &b, 1002999, 1002999, 61 * S), PACE_SLOW);
}

/* Our kernel had taken all of it, and the client none; later it takes what the kernel held, of which no event tells. */
static void test_what_the_kernel_holds(void **state) {
	(void)state;
	struct pace p = { 0 };
	assert_true(pace_is_fresh(&p));
	pace_begin(&p, UINT64_MAX - 999); /* earlier responses lie in the kernel, too: only differences count */
	assert_false(pace_is_fresh(&p));
	pace_wait(&p, &bounds, 100000, S);
	assert_int_equal(pace_judge(&p, &bounds, 100000, UINT64_MAX - 999, 11 * S), PACE_IDLE);
	p = (struct pace){ 0 };
	pace_begin(&p, UINT64_MAX - 999);
	pace_wait(&p, &bounds, 100000, S);
	assert_int_equal(pace_judge(&p, &bounds, 100000, 500, 11 * S), PACE_GOES_ON);
	assert_int_equal(pace_wait(&p, &bounds, 100000, 11 * S), 21 * S);
	assert_int_equal(pace_judge(&p, &bounds, 100000, 600, 21 * S), PACE_GOES_ON);
	assert_int_equal(pace_judge(&p, &bounds, 100000, 1999, 31 * S), PACE_SLOW);
	p.since_us = S;
	assert_int_equal(pace_judge(&p, &bounds, 100000, 2000, 31 * S), PACE_GOES_ON);
}

static void test_excuse_and_forget(void **state) {
	(void)state;
	struct pace p = { 0 };
	pace_wait(&p, &bounds, 7, S);
	pace_excuse(&p, 100 * S);
	assert_int_equal(pace_judge(&p, &bounds, 7, 7, 110 * S - 1), PACE_GOES_ON);
	assert_int_equal(pace_judge(&p, &bounds, 7, 7, 110 * S), PACE_IDLE);
	pace_forget(&p);
	assert_true(pace_is_fresh(&p));
	assert_int_equal(pace_judge(&p, &bounds, 7, 7, 3600 * S), PACE_GOES_ON);
	assert_int_equal(pace_wait(&p, &bounds, 7, 3600 * S), 3610 * S);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady_clients),
		cmocka_unit_test(test_no_rate),
		cmocka_unit_test(test_pause_and_window_end_together),
		cmocka_unit_test(test_only_waiting_counts),
		cmocka_unit_test(test_windows_are_judged_each),
		cmocka_unit_test(test_what_the_kernel_holds),
		cmocka_unit_test(test_excuse_and_forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
