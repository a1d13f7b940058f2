/* SPDX-License-Identifier: BSD-2-Clause */
/* regex.c: matches over window borders, bytes of any value, and bodies that are made to burn time. */
#include "health/regex.h"

#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>

#define BODY_BYTES (64 * 1024)

static enum regex_match match(const char *pattern, struct str subject, const char **why) {
	struct err e;
	struct regex *r = regex_create(str_from(pattern), &e);
	if (r == NULL)
		fail_msg("%s: %s", pattern, e.text);
	enum regex_match m = regex_match(r, subject, why);
	regex_destroy(r);
	return m;
}

static void test_rows(void **state) {
	(void)state;
	static const struct {
		const char *pattern;
		struct str subject;
		enum regex_match expected;
	} rows[] = {
		{ "ok", STR_INIT("all ok"), REGEX_MATCHES },
		{ "^ok$", STR_INIT("ok"), REGEX_MATCHES },
		{ "^ok$", STR_INIT("not ok"), REGEX_FAILS },
		{ "^$", STR_INIT(""), REGEX_MATCHES },
		{ "x", STR_INIT(""), REGEX_FAILS },
		{ "(?i)OK", STR_INIT("ok"), REGEX_MATCHES },
		{ "a.b",
		  STR_INIT("a\xff"
		           "b"),
		  REGEX_MATCHES },
		{ "a\\x00b", STR_INIT("a\0b"), REGEX_MATCHES },
	};
	const char *why;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(match(rows[i].pattern, rows[i].subject, &why), rows[i].expected);
}

/* A match is found wherever it starts, windows or not; anchors and look-behind see the whole subject. */
static void test_everywhere(void **state) {
	(void)state;
	char subject[300];
	const char *why;
	for (size_t at = 1; at + 4 <= sizeof subject; at++) {
		memset(subject, '.', sizeof subject);
		memcpy(subject + at, "b ok", 4);
		struct str s = { subject, sizeof subject };
		assert_int_equal(match("(?<=b )ok", s, &why), REGEX_MATCHES);
		assert_int_equal(match("\\.b ok(\\.*)$", s, &why), REGEX_MATCHES);
		assert_int_equal(match("^b ok", s, &why), REGEX_FAILS);
		assert_int_equal(match("(?<!b )ok", s, &why), REGEX_FAILS);
	}
}

static void test_hostile(void **state) {
	(void)state;
	static const struct {
		const char *pattern;
		enum regex_match expected;
	} rows[] = {
		{ "(a+a+)+[bc]", REGEX_GAVE_UP }, /* exponential at its first start: the match limit */
		{ "a.*[bc]", REGEX_GAVE_UP },     /* quadratic: no start reaches the limit, the CPU bound does */
		{ ".*.*.*[bc]", REGEX_GAVE_UP },  { "aaaa", REGEX_MATCHES }, { "b", REGEX_FAILS },
	};
	char *body = mem_alloc(BODY_BYTES);
	memset(body, 'a', BODY_BYTES);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *why = NULL;
		struct timespec from, to;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		enum regex_match m = match(rows[i].pattern, str_slice(body, BODY_BYTES), &why);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		int64_t ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
		if (m != rows[i].expected)
			fail_msg("%s: %d (%s)", rows[i].pattern, m, why ? why : "");
		assert_int_equal(m == REGEX_GAVE_UP, why != NULL);
		assert_in_range(ms, 0, 400); /* 20 ms and one window, with room for sanitizers and slow machines */
	}
	mem_free(body);
}

static void test_bad_pattern(void **state) {
	(void)state;
	struct err e;
	assert_null(regex_create(STR("a("), &e));
	assert_string_equal(e.text, "missing closing parenthesis at offset 2");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_everywhere),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bad_pattern),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
