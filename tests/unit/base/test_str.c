/* SPDX-License-Identifier: BSD-2-Clause */
#include "steerway/base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "steerway/base/rand.h"

static void test_compare(void **state) {
	(void)state;
	assert_true(str_eq(STR_NONE, STR("")));
	assert_false(str_eq(STR("a"), STR("A")));
	assert_true(str_eq_nocase(STR("Host"), STR("hOST")));
	assert_false(str_eq_nocase(STR("a["), STR("a{"))); /* differ by the case bit, but are no letters */
	assert_false(str_eq_nocase(STR("a"), STR("ab")));
	assert_true(str_eq_nocase(STR_NONE, STR_NONE));
	assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
	assert_true(str_cmp(STR("b"), STR("abc")) > 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
	assert_true(str_starts(STR("abc"), STR_NONE));
	assert_false(str_starts(STR("ab"), STR("abc")));
	assert_true(str_ends(STR("abc"), STR("bc")));
	assert_false(str_ends(STR("c"), STR("bc")));
}

static void test_find(void **state) {
	(void)state;
	assert_int_equal(str_find_char(STR("a:b:"), ':'), 1);
	assert_int_equal(str_find_char(STR("ab"), ':'), 2);
	assert_int_equal(str_find_char(STR_NONE, ':'), 0);
	assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
	assert_int_equal(str_find(STR("ab"), STR("abc")), 2);
	assert_int_equal(str_find(STR("ab"), STR("")), 0);
	assert_int_equal(str_find(STR_NONE, STR_NONE), 0);
	assert_int_equal(str_find(STR("a\0b"), STR("\0b")), 1);
}

static void test_trim(void **state) {
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
	assert_int_equal(str_trim(STR(" \t")).n, 0);
	assert_int_equal(str_trim(STR_NONE).n, 0);
	assert_true(str_eq(str_trim(STR("\na\n")), STR("\na\n"))); /* line ends are no blanks */
}

static void test_next(void **state) {
	(void)state;
	static const struct {
		const char *text;
		const char *parts[4];
		size_t n;
	} rows[] = {
		{ "a,,b", { "a", "", "b" }, 3 },
		{ "", { NULL }, 0 },
		{ "a", { "a" }, 1 },
		{ ",", { "" }, 1 },
		{ "a,", { "a" }, 1 },
		{ ",a", { "", "a" }, 2 },
	};
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		struct str rest = str_from(rows[r].text), part;
		size_t n = 0;
		while (str_next(&rest, ',', &part)) {
			assert_in_range(n, 0, rows[r].n - 1);
			assert_true(str_eq(part, str_from(rows[r].parts[n])));
			n++;
		}
		assert_int_equal(n, rows[r].n);
	}
}

static void test_to_u64(void **state) {
	(void)state;
	uint64_t v = 7;
	assert_true(str_to_u64(STR("0"), &v));
	assert_int_equal(v, 0);
	assert_true(str_to_u64(STR("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	assert_true(str_to_u64(STR("0000000000000000000000000042"), &v));
	assert_int_equal(v, 42);
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "1a", "0x1", "18446744073709551616", "99999999999999999999", "1.0"
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(str_to_u64(str_from(bad[i]), &v));
	assert_false(str_to_u64(STR("1\0"), &v));
	assert_int_equal(v, 42); /* untouched */
}

static void test_copy(void **state) {
	(void)state;
	char to[4] = "xyz";
	assert_string_equal(str_copy(to, sizeof to, STR("ab")), "ab");
	assert_string_equal(str_copy(to, sizeof to, STR("abcdef")), "abc");
	assert_string_equal(str_copy(to, 1, STR("abc")), "");
	assert_string_equal(str_copy(to, sizeof to, STR_NONE), "");
	to[0] = 'q';
	str_copy(to, 0, STR("abc"));
	assert_int_equal(to[0], 'q');
}

static void test_distance(void **state) {
	(void)state;
	assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
	assert_int_equal(str_distance(STR("TIMEOUT"), STR("timeout")), 0);
	assert_int_equal(str_distance(STR(""), STR("abc")), 3);
	assert_int_equal(str_distance(STR_NONE, STR_NONE), 0);
	char longest[65];
	memset(longest, 'a', sizeof longest);
	assert_int_equal(str_distance(str_slice(longest, 64), STR("")), 64);
	assert_true(str_distance(str_slice(longest, 65), STR("")) == SIZE_MAX);
	assert_true(str_distance(STR(""), str_slice(longest, 65)) == SIZE_MAX);
}

/* A distance: symmetric, and no detour is shorter. */
static void test_distance_is_a_metric(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 1);
	for (int round = 0; round < 2000; round++) {
		char text[3][8];
		struct str s[3];
		for (int i = 0; i < 3; i++) {
			s[i] = str_slice(text[i], rand_below(&r, 8));
			for (size_t j = 0; j < s[i].n; j++)
				text[i][j] = (char)('a' + rand_below(&r, 3));
		}
		size_t ab = str_distance(s[0], s[1]), bc = str_distance(s[1], s[2]), ac = str_distance(s[0], s[2]);
		assert_int_equal(ab, str_distance(s[1], s[0]));
		assert_true(ac <= ab + bc);
		assert_int_equal(ab == 0, str_eq(s[0], s[1]));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),  cmocka_unit_test(test_find),
		cmocka_unit_test(test_trim),     cmocka_unit_test(test_next),
		cmocka_unit_test(test_to_u64),   cmocka_unit_test(test_copy),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_distance_is_a_metric),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
