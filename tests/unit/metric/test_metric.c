/* SPDX-License-Identifier: BSD-2-Clause */
#include "steerway/metric.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "steerway/base/mem.h"

static void test_sum_starts_at_zero_and_follows(void **state) {
	(void)state;
	assert_int_equal(metric_sum(METRIC_admin_commands_total), 0);
	metric_add(METRIC_admin_commands_total, 2);
	metric_add(METRIC_admin_commands_total, 1);
	assert_int_equal(metric_sum(METRIC_admin_commands_total), 3);
	assert_int_equal(metric_sum(METRIC_main_reloads_total), 0);
	assert_int_equal((uintptr_t)metric_thread_cells() % 64, 0);
	assert_ptr_equal(metric_thread_cells(), metric_cells_here);
}

enum { THREADS = 8, ADDS = 100000 };

static void *add(void *cells) {
	for (int i = 0; i < ADDS; i++) {
		metric_add(METRIC_proxy_requests_total, 1);
		metric_add(METRIC_proxy_sessions, i % 2 ? -1 : 1);
	}
	metric_add(METRIC_proxy_sessions, 1);
	*(struct metric_cells **)cells = metric_cells_here;
	return NULL;
}

static void *take_down(void *unused) {
	metric_add(METRIC_proxy_sessions, -THREADS);
	return unused;
}

/* The reader sums while they count: no value that it sees is above the end's, nor below one seen before. */
static void test_threads_add_up(void **state) {
	(void)state;
	pthread_t threads[THREADS];
	struct metric_cells *cells[THREADS];
	int64_t last = 0;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, &cells[i]), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = metric_sum(METRIC_proxy_requests_total);
		assert_true(now >= last && now <= THREADS * ADDS);
		last = now;
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(metric_sum(METRIC_proxy_requests_total), THREADS * ADDS); /* though its threads are gone */
	assert_int_equal(metric_sum(METRIC_proxy_sessions), THREADS);
	pthread_t t; /* a gauge goes down on another thread than it went up */
	assert_int_equal(pthread_create(&t, NULL, take_down, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(metric_sum(METRIC_proxy_sessions), 0);
}

static void test_cells_of_ended_threads_are_used_again(void **state) {
	(void)state;
	struct metric_cells *first = NULL, *now = NULL;
	int64_t before = metric_sum(METRIC_proxy_requests_total);
	for (int i = 0; i < 100; i++) {
		pthread_t t;
		assert_int_equal(pthread_create(&t, NULL, add, &now), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
		if (first == NULL)
			first = now;
		assert_ptr_equal(now, first);
		assert_ptr_not_equal(now, metric_cells_here);
	}
	assert_int_equal(metric_sum(METRIC_proxy_requests_total) - before, 100 * ADDS);
}

static void test_rows(void **state) {
	(void)state;
	struct buf b = { 0 };
	metric_add(METRIC_fleet_changes_total, 7);
	metric_write(&b);
	buf_add_char(&b, '\0');
	assert_non_null(strstr(b.p, "# HELP steerway_fleet_changes_total Health snapshots published (epochs).\n"
	                            "# TYPE steerway_fleet_changes_total counter\n"
	                            "steerway_fleet_changes_total 7\n"));
	assert_non_null(strstr(b.p, "# TYPE steerway_proxy_sessions gauge\n"));
	assert_string_equal(metric_name(METRIC_fleet_changes_total), "fleet_changes_total");
	assert_string_equal(metric_help(METRIC_fleet_changes_total), "Health snapshots published (epochs).");
	size_t samples = 0;
	struct str rest = str_from(b.p), line;
	while (str_next(&rest, '\n', &line))
		samples += str_starts(line, STR("steerway_"));
	assert_int_equal(samples, METRIC_COUNT);
	buf_fini(&b);
}

/* Exposition format 0.0.4: label values escape \ " and line feed; help texts escape \ and line feed. */
static void test_labelled_text(void **state) {
	(void)state;
	struct buf b = { 0 };
	struct metric_label labels[] = { { "server", STR("app/c1") }, { "odd", STR("a\"b\\c\nd{}=,") } };
	metric_family(&b, "server_up", METRIC_GAUGE, "Is it \"up\"?\nC:\\");
	metric_sample(&b, "server_up", labels, 2, 1);
	metric_sample(&b, "server_up", labels, 1, 0.1);
	metric_sample(&b, "server_up", NULL, 0, -3);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, "# HELP steerway_server_up Is it \"up\"?\\nC:\\\\\n"
	                         "# TYPE steerway_server_up gauge\n"
	                         "steerway_server_up{server=\"app/c1\",odd=\"a\\\"b\\\\c\\nd{}=,\"} 1\n"
	                         "steerway_server_up{server=\"app/c1\"} 0.10000000000000001\n"
	                         "steerway_server_up -3\n");
	buf_fini(&b);
}

static void test_values(void **state) {
	(void)state;
	static const struct {
		double value;
		const char *text;
	} rows[] = { { NAN, "NaN" }, { INFINITY, "+Inf" },         { -INFINITY, "-Inf" },
		     { 0, "0" },     { 1e15, "1000000000000000" }, { 1e300, "1.0000000000000001e+300" },
		     { 0.5, "0.5" } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = { 0 };
		char expected[64];
		metric_sample(&b, "x", NULL, 0, rows[i].value);
		buf_add_char(&b, '\0');
		str_copy(expected, sizeof expected, STR("steerway_x "));
		strcat(strcat(expected, rows[i].text), "\n");
		assert_string_equal(b.p, expected);
		buf_fini(&b);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum_starts_at_zero_and_follows),
		cmocka_unit_test(test_threads_add_up),
		cmocka_unit_test(test_cells_of_ended_threads_are_used_again),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_labelled_text),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
