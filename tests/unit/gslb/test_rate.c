/* SPDX-License-Identifier: BSD-2-Clause */
/* Token buckets on a virtual clock. */
#include "gslb/rate.h"
#include "steerway/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEY UINT64_C(0x123456789abcdef0)

static unsigned granted(struct rate_table *t, uint64_t key, unsigned per_second, unsigned asked, uint32_t now_ms) {
	unsigned n = 0;
	for (unsigned i = 0; i < asked; i++)
		n += rate_take(t, key, per_second, 1, now_ms) == 0;
	return n;
}

static void test_burst_and_rate(void **state) {
	(void)state;
	struct rate_table *t = rate_table_create(64);
	assert_int_equal(granted(t, KEY, 10, 100, 5000), 20); /* two seconds' worth at once */
	assert_int_equal(granted(t, KEY, 10, 100, 5000), 0);
	assert_int_equal(granted(t, KEY, 10, 100, 5099), 0); /* not yet a whole one */
	assert_int_equal(granted(t, KEY, 10, 100, 5100), 1);
	assert_int_equal(granted(t, KEY, 10, 100, 6100), 10);
	assert_int_equal(granted(t, KEY, 10, 100, 60000), 20); /* no more than the burst, however long it rested */
	unsigned n = 0;
	for (uint32_t ms = 0; ms < 10000; ms++) /* ten times too much, for ten seconds */
		n += granted(t, KEY, 10, 1, 60000 + ms);
	assert_in_range(n, 99, 100);
	rate_table_destroy(t);
}

static void test_refusals_are_counted(void **state) {
	(void)state;
	struct rate_table *t = rate_table_create(64);
	granted(t, KEY, 1, 2, 1);
	for (uint32_t i = 1; i < 10; i++)
		assert_int_equal(rate_take(t, KEY, 1, 1, 1), i);
	assert_int_equal(rate_take(t, KEY, 1, 1, 1001), 0);
	assert_int_equal(rate_take(t, KEY, 1, 1, 1001), 1); /* a grant ends the row */
	rate_table_destroy(t);
}

/* What is dear is refused while what is cheap still passes, and takes nothing. */
static void test_units(void **state) {
	(void)state;
	struct rate_table *t = rate_table_create(64);
	assert_int_equal(rate_take(t, KEY, 1000, 1500, 1), 0);
	assert_int_equal(rate_take(t, KEY, 1000, 501, 1), 1);
	assert_int_equal(rate_take(t, KEY, 1000, 500, 1), 0);
	assert_int_equal(rate_take(t, KEY, 1000, 1, 1), 1);
	assert_int_equal(rate_take(t, KEY, 0, 0, 1), 0);
	assert_int_equal(rate_take(t, KEY + 1, 0, 1, 1), 1); /* a rate of nothing has no burst either */
	assert_int_equal(granted(t, KEY + 2, RATE_MAX, 1, 1), 1);
	assert_int_equal(rate_take(t, KEY + 2, RATE_MAX, 2 * RATE_MAX - 1, 1), 0); /* the largest one does not overflow */
	assert_int_equal(rate_take(t, KEY + 2, RATE_MAX, 1, 1), 1);
	rate_table_destroy(t);
}

static void test_clock_goes_round(void **state) {
	(void)state;
	struct rate_table *t = rate_table_create(64);
	granted(t, KEY, 10, 20, UINT32_MAX - 49);
	assert_int_equal(granted(t, KEY, 10, 100, 50), 1); /* 100 ms later */
	rate_table_destroy(t);
}

/* Keys do not share buckets; when there are too many, those that rested longest are forgotten, and the table stays as large. */
static void test_many_keys(void **state) {
	(void)state;
	enum { BUCKETS = 4096 };
	struct rate_table *t = rate_table_create(BUCKETS);
	unsigned n = 0;
	for (uint64_t i = 0; i < BUCKETS / 8; i++)
		n += granted(t, hash_mix(i), 1, 10, 1);
	assert_int_equal(n, 2 * BUCKETS / 8);
	n = 0;
	for (uint64_t i = 0; i < BUCKETS / 8; i++)
		n += granted(t, hash_mix(i), 1, 10, 1);
	assert_in_range(n, 0, 2 * BUCKETS / 8 / 50); /* hardly a line was full */
	assert_int_equal(granted(t, KEY, 1, 10, 2), 2);
	for (uint64_t i = 0; i < 8; i++) { /* the flood in its line is older than it each time */
		assert_int_equal(granted(t, KEY + ((i + 1) << 32 << 1), 1, 10, 3 + (uint32_t)i), 2);
		assert_int_equal(granted(t, KEY, 1, 10, 3 + (uint32_t)i), 0);
	}
	rate_table_destroy(t);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_and_rate), cmocka_unit_test(test_refusals_are_counted),
		cmocka_unit_test(test_units),          cmocka_unit_test(test_clock_goes_round),
		cmocka_unit_test(test_many_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
