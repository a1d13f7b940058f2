/* SPDX-License-Identifier: BSD-2-Clause */
/* hash and rand: no proof of quality, but every gross fault (dead bits, ignored bytes, bias) fails here. Seeds are fixed. */
#include "steerway/base/hash.h"
#include "steerway/base/mem.h"
#include "steerway/base/rand.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every bit of every byte matters, at every length: half of the output changes on average, and each output bit changes sometimes. */
static void test_every_input_bit_avalanches(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 5);
	for (size_t n = 1; n <= 150; n++) {
		unsigned char bytes[150];
		uint64_t flipped = 0, changes = 0, flips = 0;
		for (int round = 0; round < 4; round++) {
			for (size_t i = 0; i < n; i++)
				bytes[i] = (unsigned char)rand_next(&r);
			uint64_t seed = rand_next(&r), h = hash_bytes(bytes, n, seed);
			for (size_t bit = 0; bit < n * 8; bit++, flips++) {
				bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
				uint64_t change = h ^ hash_bytes(bytes, n, seed);
				bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
				assert_true(__builtin_popcountll(change) >= 8); /* fewer: 1 in 10^10 */
				flipped |= change;
				changes += (uint64_t)__builtin_popcountll(change);
			}
		}
		double mean = (double)changes / (double)flips;
		assert_true(mean > 28 && mean < 36);
		if (n >= 4)
			assert_true(flipped == UINT64_MAX);
	}
}

static int compare(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Inputs that differ little: zeros of every length, counters, one name with numbers. 2^17 values of 64 bits collide 1 time in 2^31. */
static void test_similar_inputs_do_not_collide(void **state) {
	(void)state;
	enum { N = 1 << 17, ZEROS = 4096 };
	uint64_t *hashes = mem_zalloc_array(N, sizeof *hashes);
	char *zeros = mem_zalloc(ZEROS);
	for (uint64_t i = 0; i < N; i++) {
		char name[32];
		if (i < ZEROS)
			hashes[i] = hash_bytes(zeros, i, 0);
		else if (i % 2)
			hashes[i] = hash_bytes(&i, sizeof i, 0);
		else
			hashes[i] =
			    hash_bytes(name, (size_t)snprintf(name, sizeof name, "server-%u.example.org", (unsigned)i), 0);
	}
	qsort(hashes, N, sizeof *hashes, compare);
	for (size_t i = 1; i < N; i++)
		assert_true(hashes[i] != hashes[i - 1]);
	mem_free(zeros);
	mem_free(hashes);
}

/* Tables use the low bits: sequential names must fill buckets evenly (chi-squared over 256, mean 255, deviation 22.6). */
static void test_low_bits_are_even(void **state) {
	(void)state;
	enum { BUCKETS = 256, N = BUCKETS * 100 };
	unsigned low[BUCKETS] = { 0 }, high[BUCKETS] = { 0 };
	for (unsigned i = 0; i < N; i++) {
		char name[32];
		uint64_t h = hash_bytes(name, (size_t)snprintf(name, sizeof name, "10.0.%u.%u:80", i / 256, i % 256), 1);
		low[h % BUCKETS]++;
		high[h >> 56]++;
	}
	double chi_low = 0, chi_high = 0;
	for (int i = 0; i < BUCKETS; i++) {
		chi_low += (low[i] - 100.0) * (low[i] - 100.0) / 100;
		chi_high += (high[i] - 100.0) * (high[i] - 100.0) / 100;
	}
	assert_true(chi_low < 400 && chi_high < 400);
}

static void test_seed_and_place(void **state) {
	(void)state;
	char text[64] = "xxxxthe same bytes at any alignment", moved[64];
	uint64_t h = hash_bytes(text + 4, 31, 9);
	for (size_t shift = 0; shift < 16; shift++) {
		memcpy(moved + shift, text + 4, 31);
		assert_true(hash_bytes(moved + shift, 31, 9) == h);
	}
	assert_true(hash_bytes(text + 4, 31, 8) != h);
	assert_true(hash_bytes(NULL, 0, 1) != hash_bytes(NULL, 0, 2));
	assert_true(hash_str(STR("ab"), 1) == hash_bytes("ab", 2, 1));
	assert_true(hash_process_seed() == hash_process_seed());
	assert_true(hash_process_seed() != 0); /* 1 time in 2^64 */
}

static void test_rand_repeats_and_differs(void **state) {
	(void)state;
	struct rand a, b, c;
	rand_seed(&a, 1);
	rand_seed(&b, 1);
	rand_seed(&c, 2);
	int same = 0;
	for (int i = 0; i < 100; i++) {
		uint64_t x = rand_next(&a);
		assert_true(x == rand_next(&b));
		same += x == rand_next(&c);
	}
	assert_int_equal(same, 0);
	/* The generator's first output after the state 1, 2, 3, 4 is known: rotl(2 * 5, 7) * 9. */
	struct rand known = { { 1, 2, 3, 4 } };
	assert_int_equal(rand_next(&known), 11520);
	assert_int_equal(rand_next(&known), 0);
	assert_int_equal(rand_next(&known), 1509978240);
}

static void test_rand_below(void **state) {
	(void)state;
	struct rand r;
	unsigned counts[6] = { 0 };
	rand_seed(&r, 6);
	for (int i = 0; i < 60000; i++)
		counts[rand_below(&r, COUNT_OF(counts))]++;
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		assert_in_range(counts[i], 9500, 10500);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(rand_below(&r, 1), 0);
		assert_true(rand_below(&r, UINT64_MAX) < UINT64_MAX);
	}
	/* With a bound of 3/4 of the range, plain multiplication would give a third of the values twice as often. */
	uint64_t bound = UINT64_C(3) << 62, low = 0;
	for (int i = 0; i < 30000; i++)
		low += rand_below(&r, bound) % 3 == 0;
	assert_in_range(low, 9500, 10500);
}

static void *draw(void *out) {
	*(uint64_t *)out = rand_next(rand_thread());
	return NULL;
}

static void test_threads_draw_apart(void **state) {
	(void)state;
	uint64_t here, there;
	pthread_t t;
	draw(&here);
	assert_int_equal(pthread_create(&t, NULL, draw, &there), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(here != there);
	assert_ptr_equal(rand_thread(), rand_thread());
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_input_bit_avalanches), cmocka_unit_test(test_similar_inputs_do_not_collide),
		cmocka_unit_test(test_low_bits_are_even),          cmocka_unit_test(test_seed_and_place),
		cmocka_unit_test(test_rand_repeats_and_differs),   cmocka_unit_test(test_rand_below),
		cmocka_unit_test(test_threads_draw_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
