/* SPDX-License-Identifier: BSD-2-Clause */
/* Shares of levels: the tables of Envoy's documentation ("Priority levels", overprovisioning 1.4), failover, and split. */
#include "house.h"

static void check_spill(const struct share_level *levels, size_t n, double overprovision, const double *percent, double slack) {
	double share[FLEET_LEVELS_MAX], sum = 0;
	shares_compute(SHARE_SPILL, overprovision, levels, n, share);
	for (size_t i = 0; i < n; i++) {
		sum += share[i];
		if (fabs(share[i] * 100 - percent[i]) > slack)
			fail_msg("level %zu: %g instead of %g %%", i, share[i] * 100, percent[i]);
	}
	assert_true(fabs(sum - 1) < 1e-9 || sum == 0);
}

static void test_envoy_tables(void **state) {
	(void)state;
	static const struct {
		unsigned n, healthy[3];
		double percent[3];
	} rows[] = {
		{ 2, { 100, 100 }, { 100, 0 } },         { 2, { 72, 100 }, { 100, 0 } },
		{ 2, { 71, 100 }, { 99, 1 } },           { 2, { 50, 100 }, { 70, 30 } },
		{ 2, { 25, 100 }, { 35, 65 } },          { 2, { 0, 100 }, { 0, 100 } },
		{ 2, { 72, 72 }, { 100, 0 } },           { 2, { 71, 71 }, { 99, 1 } },
		{ 2, { 50, 50 }, { 70, 30 } },           { 2, { 25, 25 }, { 50, 50 } },
		{ 3, { 100, 100, 100 }, { 100, 0, 0 } }, { 3, { 72, 72, 100 }, { 100, 0, 0 } },
		{ 3, { 71, 71, 100 }, { 99, 1, 0 } },    { 3, { 50, 50, 100 }, { 70, 30, 0 } },
		{ 3, { 25, 100, 100 }, { 35, 65, 0 } },  { 3, { 25, 25, 100 }, { 35, 35, 30 } },
		{ 3, { 25, 25, 20 }, { 36, 36, 28 } },
	};
	for (size_t r = 0; r < COUNT_OF(rows); r++) {
		struct share_level levels[3] = { 0 };
		for (unsigned i = 0; i < rows[r].n; i++)
			levels[i] = (struct share_level){ .usable = rows[r].healthy[i], .total = 100 };
		/* Envoy counts whole percents, steerway does not. */
		check_spill(levels, rows[r].n, 1.4, rows[r].percent, 0.61);
	}
}

static void test_normalised(void **state) {
	(void)state;
	/* "health {20, 30} becomes load {40, 60}" */
	const struct share_level levels[] = { { .usable = 20, .total = 100 }, { .usable = 30, .total = 100 } };
	check_spill(levels, 2, 1, (double[]){ 40, 60 }, 1e-6);
}

static void test_failover(void **state) {
	(void)state;
	const struct share_level first[] = { { .usable = 1, .total = 100 }, { .usable = 100, .total = 100 } };
	check_spill(first, 2, HUGE_VAL, (double[]){ 100, 0 }, 1e-9);
	const struct share_level second[] = { { .usable = 0, .total = 100 }, { .usable = 3, .total = 100 } };
	check_spill(second, 2, HUGE_VAL, (double[]){ 0, 100 }, 1e-9);
	const struct share_level none[] = { { .usable = 0, .total = 100 }, { .usable = 0, .total = 0 } };
	check_spill(none, 2, HUGE_VAL, (double[]){ 0, 0 }, 1e-9);
}

static void check_split(const struct share_level *levels, size_t n, const double *expected) {
	double share[FLEET_LEVELS_MAX];
	shares_compute(SHARE_SPLIT, 1.4, levels, n, share);
	for (size_t i = 0; i < n; i++)
		assert_true(fabs(share[i] - expected[i]) < 1e-9);
}

static void test_split(void **state) {
	(void)state;
	struct share_level levels[] = { { 50, 1, 2 }, { 30, 2, 2 }, { 20, 1, 9 }, { 0, 5, 5 } };
	check_split(levels, 4, (double[]){ 0.5, 0.3, 0.2, 0 });
	levels[0].usable = 0; /* 30 : 20 remains */
	check_split(levels, 4, (double[]){ 0, 0.6, 0.4, 0 });
	levels[1].usable = levels[2].usable = 0;
	check_split(levels, 4, (double[]){ 0, 0, 0, 1 });
	levels[3].usable = 0;
	check_split(levels, 4, (double[]){ 0, 0, 0, 0 });
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envoy_tables),
		cmocka_unit_test(test_normalised),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
