/* SPDX-License-Identifier: BSD-2-Clause */
/* Methods, statuses, faults and dates. */
#include "http_case.h"

#include <time.h>

static void test_methods(void **state) {
	(void)state;
	assert_int_equal(http_method_lookup(STR("GET")), HTTP_METHOD_GET);
	assert_int_equal(http_method_lookup(STR("PATCH")), HTTP_METHOD_PATCH);
	assert_int_equal(http_method_lookup(STR("get")), HTTP_METHOD_OTHER); /* RFC 9110 9.1: case matters */
	assert_int_equal(http_method_lookup(STR("GETS")), HTTP_METHOD_OTHER);
	assert_int_equal(http_method_lookup(STR_NONE), HTTP_METHOD_OTHER);
	assert_true(http_method_is_safe(HTTP_METHOD_HEAD) && !http_method_is_safe(HTTP_METHOD_PUT));
	assert_true(http_method_is_idempotent(HTTP_METHOD_PUT) && !http_method_is_idempotent(HTTP_METHOD_POST));
	assert_false(http_method_is_safe(HTTP_METHOD_OTHER) || http_method_is_idempotent(HTTP_METHOD_OTHER));
}

static void test_faults(void **state) {
	(void)state;
	for (unsigned f = HTTP_FAULT_NONE + 1; f < HTTP_FAULT_COUNT; f++) {
		assert_true(http_fault_status(f) >= 400 && http_fault_status(f) <= 599);
		assert_string_not_equal(http_status_text(http_fault_status(f)), "Unknown");
		assert_true(strlen(http_fault_text(f)) > 8);
	}
	assert_int_equal(http_fault_status(HTTP_FAULT_VERSION_UNSUPPORTED), 505);
	assert_int_equal(http_fault_status(HTTP_FAULT_HEAD_TOO_LARGE), 431);
	assert_int_equal(http_fault_status(HTTP_FAULT_NONE), 0);
	assert_string_equal(http_status_text(404), "Not Found");
	assert_string_equal(http_status_text(299), "Unknown");
}

static void date_check(uint64_t seconds, const char *expected) {
	char out[HTTP_DATE_BYTES];
	http_format_date(out, seconds);
	if (memcmp(out, expected, HTTP_DATE_BYTES) != 0)
		fail_msg("%llu: %.*s, not %s", (unsigned long long)seconds, HTTP_DATE_BYTES, out, expected);
}

static void test_dates(void **state) {
	char expected[64];
	(void)state;
	date_check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
	date_check(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 5.6.7 */
	date_check(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
	date_check(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT");
	date_check(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
	date_check(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
	date_check(UINT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
	for (uint64_t t = 0; t < 253402300800; t += 86400 * 13 + 3607) {
		struct tm tm;
		time_t time = (time_t)t;
		assert_non_null(gmtime_r(&time, &tm));
		strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		date_check(t, expected);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_methods), cmocka_unit_test(test_faults),
		                            cmocka_unit_test(test_dates) };
	return cmocka_run_group_tests_name("http/status", tests, NULL, NULL);
}
