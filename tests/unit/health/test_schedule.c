/* SPDX-License-Identifier: BSD-2-Clause */
/* schedule.c: which interval, jitter within its bound and used in full, never before now, spread of the first probes, lag. */
#include "health/schedule.h"

#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define MS UINT64_C(1000)

static struct schedule make(uint64_t fast_ms, uint64_t down_ms, uint32_t jitter) {
	const struct cfg_check cfg = {
		.interval_ms = 2000,
		.fast_interval_ms = fast_ms,
		.down_interval_ms = down_ms,
		.timeout_ms = 1000,
		.jitter_percent = jitter,
	};
	struct schedule s;
	schedule_init(&s, &cfg);
	return s;
}

static void test_intervals(void **state) {
	(void)state;
	static const struct {
		struct verdict v;
		uint64_t fast_ms, down_ms, gap_ms;
	} rows[] = {
		{ { FLEET_UP, 5, 0 }, 500, 8000, 2000 },                                                /* settled */
		{ { FLEET_UP, 0, 1 }, 500, 8000, 500 },                                                 /* in transition */
		{ { FLEET_DOWN, 0, 9 }, 500, 8000, 8000 },                                              /* settled and down */
		{ { FLEET_DOWN, 1, 0 }, 500, 8000, 500 },  { { FLEET_UNKNOWN, 0, 0 }, 500, 8000, 500 }, /* no vote yet */
		{ { FLEET_UP, 0, 1 }, 0, 0, 2000 }, /* not given: the interval */
		{ { FLEET_DOWN, 0, 9 }, 0, 0, 2000 },
	};
	struct rand r;
	rand_seed(&r, 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct schedule s = make(rows[i].fast_ms, rows[i].down_ms, 0);
		assert_int_equal(schedule_next(&s, &rows[i].v, 10 * MS, 12 * MS, &r), 10 * MS + rows[i].gap_ms * MS);
	}
}

static void test_change(void **state) {
	(void)state;
	static const struct {
		struct verdict v;
		uint32_t jitter;
		uint64_t at_ms;
	} rows[] = {
		{ { FLEET_UP, 5, 0 }, 0, 0 },     { { FLEET_DOWN, 0, 9 }, 0, 0 },   { { FLEET_UNKNOWN, 0, 0 }, 0, 100 },
		{ { FLEET_UP, 0, 1 }, 0, 1100 },  { { FLEET_UP, 0, 2 }, 0, 600 },   { { FLEET_UP, 0, 3 }, 0, 100 },
		{ { FLEET_DOWN, 1, 0 }, 0, 100 }, { { FLEET_UP, 0, 1 }, 10, 1000 }, /* jitter only shortens */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct schedule s = make(500, 8000, rows[i].jitter);
		assert_int_equal(schedule_change(&s, &rows[i].v, 2, 4, 100 * MS), rows[i].at_ms * MS);
	}
}

static void test_jitter(void **state) {
	(void)state;
	struct schedule s = make(0, 0, 10);
	const struct verdict up = { FLEET_UP, 1, 0 };
	struct rand r;
	rand_seed(&r, 42);
	uint64_t least = UINT64_MAX, most = 0;
	for (int i = 0; i < 20000; i++) {
		uint64_t gap = schedule_next(&s, &up, 0, 0, &r);
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
	}
	assert_in_range(least, 1800 * MS, 1801 * MS); /* never more than a tenth early, and all of the tenth is used */
	assert_in_range(most, 1999 * MS, 2000 * MS);  /* never late: detection hangs on it */
}

static void test_never_before_now(void **state) {
	(void)state;
	struct schedule s = make(10, 0, 0);
	const struct verdict leaning = { FLEET_UP, 0, 1 };
	struct rand r;
	rand_seed(&r, 7);
	/* The probe took a second, the fast interval is 10 ms. */
	assert_int_equal(schedule_next(&s, &leaning, 0, 1000 * MS, &r), 1000 * MS);
}

static void test_first(void **state) {
	(void)state;
	struct schedule s = make(0, 0, 10);
	/* Few: at once, one after the other. */
	assert_int_equal(schedule_first(&s, 0, 3, 100), 100);
	assert_int_equal(schedule_first(&s, 2, 3, 100), 100 + 10 * MS);
	/* Many: over one second, though the interval is two. */
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(schedule_first(&s, i, 10000, 0), i * 100);
	/* An interval below a second bounds it. */
	s.interval_us = 100 * MS;
	assert_int_equal(schedule_first(&s, 9999, 10000, 0) / MS, 99);
}

static void test_suspect(void **state) {
	(void)state;
	struct schedule s = make(0, 0, 10);
	assert_int_equal(schedule_suspect(&s, 1900 * MS, 100 * MS, 500 * MS), 500 * MS); /* at once */
	assert_int_equal(schedule_suspect(&s, 1900 * MS, 450 * MS, 500 * MS), 550 * MS); /* 100 ms after the last one */
	assert_int_equal(schedule_suspect(&s, 520 * MS, 450 * MS, 500 * MS), 520 * MS);  /* never later than planned */
	s = make(20, 0, 10);
	assert_int_equal(schedule_suspect(&s, 1900 * MS, 490 * MS, 500 * MS), 510 * MS); /* a fast interval below that */
}

static void test_lag(void **state) {
	(void)state;
	struct schedule s = make(0, 0, 10);
	assert_false(schedule_is_lag(&s, 500 * MS));
	assert_true(schedule_is_lag(&s, 501 * MS));
	s.timeout_us = 100 * MS; /* the floor holds */
	assert_false(schedule_is_lag(&s, 250 * MS));
	assert_true(schedule_is_lag(&s, 251 * MS));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals), cmocka_unit_test(test_change),
		cmocka_unit_test(test_jitter),    cmocka_unit_test(test_never_before_now),
		cmocka_unit_test(test_first),     cmocka_unit_test(test_suspect),
		cmocka_unit_test(test_lag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
