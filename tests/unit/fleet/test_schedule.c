/* SPDX-License-Identifier: BSD-2-Clause */
/* Smooth weighted round robin: the known order, equality with the textbook loop, exactness, and coarse weights. */
#include "house.h"

static size_t schedule_make(const uint32_t *weights, size_t n, uint32_t *out) {
	uint32_t *reduced = mem_zalloc_array(n, sizeof(*reduced));
	size_t length = schedule_reduce(weights, n, reduced);
	assert_true(length <= SCHEDULE_MAX + n);
	schedule_fill(reduced, n, out);
	mem_free(reduced);
	return length;
}

static void test_known_order(void **state) {
	(void)state;
	static const uint32_t expected[] = { 0, 0, 1, 0, 2, 0, 0 };
	uint32_t out[7];
	assert_int_equal(schedule_make((uint32_t[]){ 5, 1, 1 }, 3, out), 7);
	assert_memory_equal(out, expected, sizeof(expected));
	/* What is common to all weights makes no longer round. */
	assert_int_equal(schedule_make((uint32_t[]){ 500, 100, 100 }, 3, out), 7);
	assert_memory_equal(out, expected, sizeof(expected));
	assert_int_equal(schedule_make((uint32_t[]){ 9 }, 1, out), 1);
	assert_int_equal(out[0], 0);
}

/* The textbook: each step everyone gains its weight, the highest is chosen and pays the sum. */
static void textbook(const uint32_t *weights, size_t n, uint32_t *out, size_t length) {
	int64_t current[64] = { 0 };
	for (size_t t = 0; t < length; t++) {
		size_t best = 0;
		for (size_t i = 0; i < n; i++) {
			current[i] += weights[i];
			if (current[i] > current[best])
				best = i;
		}
		current[best] -= (int64_t)length;
		out[t] = (uint32_t)best;
	}
}

static void test_equals_textbook(void **state) {
	(void)state;
	static uint32_t out[SCHEDULE_MAX + 64], expected[SCHEDULE_MAX + 64];
	struct rand r;
	rand_seed(&r, 7);
	for (unsigned round = 0; round < 300; round++) {
		uint32_t weights[64], counts[64] = { 0 };
		size_t n = 1 + rand_below(&r, 64), sum = 0;
		uint64_t bound = 1 + rand_below(&r, 40);
		for (size_t i = 0; i < n; i++)
			sum += weights[i] = 1 + (uint32_t)rand_below(&r, bound);
		weights[0] += sum % 2 == 0; /* often coprime */
		uint32_t reduced[64];
		size_t length = schedule_reduce(weights, n, reduced);
		schedule_fill(reduced, n, out);
		textbook(reduced, n, expected, length);
		assert_memory_equal(out, expected, length * sizeof(*out));
		for (size_t t = 0; t < length; t++)
			counts[out[t]]++;
		for (size_t i = 0; i < n; i++)
			assert_int_equal((uint64_t)counts[i] * weights[0], (uint64_t)counts[0] * weights[i]);
	}
}

static void test_coarse(void **state) {
	(void)state;
	static uint32_t weights[1000], out[SCHEDULE_MAX + 1000], counts[1000];
	uint64_t sum = 0;
	for (uint32_t i = 0; i < 1000; i++)
		sum += weights[i] = i + 1;
	size_t length = schedule_make(weights, 1000, out);
	for (size_t t = 0; t < length; t++)
		counts[out[t]]++;
	for (size_t i = 0; i < 1000; i++) {
		assert_true(counts[i] > 0);
		/* Off by at most one place of the round, and what the least ones were given beyond their due. */
		assert_true(fabs((double)counts[i] / (double)length - (double)weights[i] / (double)sum) < 1.5 / SCHEDULE_MAX);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_order),
		cmocka_unit_test(test_equals_textbook),
		cmocka_unit_test(test_coarse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
