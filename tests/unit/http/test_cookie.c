/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookies found among what clients send, hostile ones too, and the one that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "steerway/base/mem.h"
#include "steerway/http.h"

static void test_find(void **state) {
	(void)state;
	static const struct {
		const char *field, *value; /* NULL: not there */
	} rows[] = {
		{ "s=1", "1" },
		{ "a=b; s=1", "1" },
		{ "a=b;s=1", "1" },
		{ "a=b;  s=1 ; c=d", "1" },
		{ "s=", "" },
		{ "s=a=b", "a=b" },
		{ "s=\"quoted\"", "quoted" },
		{ "s=\"", "\"" },
		{ "s=\"open", "\"open" },
		{ "s=1; s=2", "1" }, /* the more exact path stands first, RFC 6265 5.4 */
		{ "s =1", "1" },
		{ ";;;s=1;;;", "1" },
		{ "", NULL },
		{ ";", NULL },
		{ "s", NULL },
		{ "=s", NULL },
		{ "S=1", NULL },
		{ "as=1", NULL },
		{ "a=s=1", NULL },
		{ "sa=1", NULL },
		{ "a=\"; s=1", "1" }, /* quotes hide nothing: servers differ there, and no cookie of ours holds one */
		{ "s; s=1", "1" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str value = STR_NONE;
		bool is_found = http_cookie_find(str_from(rows[i].field), STR("s"), &value);
		if (is_found != (rows[i].value != NULL) || (is_found && !str_eq(value, str_from(rows[i].value))))
			fail_msg("%s: %d \"%.*s\"", rows[i].field, is_found, STR_ARG(value));
	}
}

static void test_get_over_fields(void **state) {
	(void)state;
	struct http_field fields[] = {
		{ .name = STR("x"), .value = STR("s=no") },
		{ .name = STR("cookie"), .value = STR("a=b"), .id = HTTP_FIELD_COOKIE },
		{ .name = STR("cookie"), .value = STR("s=yes"), .id = HTTP_FIELD_COOKIE },
	};
	struct http_head h = { .fields = fields, .n_fields = 3 };
	struct str value;
	assert_false(http_cookie_get(&h, STR("s"), &value));
	h.seen[HTTP_FIELD_COOKIE / 64] |= UINT64_C(1) << HTTP_FIELD_COOKIE % 64;
	assert_true(http_cookie_get(&h, STR("s"), &value));
	assert_true(str_eq(value, STR("yes")));
}

static void test_write(void **state) {
	(void)state;
	static const struct {
		uint64_t age;
		bool is_secure;
		const char *text;
	} rows[] = {
		{ 0, false, "n=v; Path=/; HttpOnly; SameSite=Lax" },
		{ 0, true, "n=v; Path=/; HttpOnly; SameSite=Lax; Secure" },
		{ 31536000, true, "n=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=31536000" },
		{ UINT64_MAX, true, "n=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=18446744073709551615" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char out[2 + HTTP_SET_COOKIE_BYTES];
		struct http_set_cookie c = { STR("n"), STR("v"), rows[i].age, rows[i].is_secure };
		size_t n = http_set_cookie_write(out, &c);
		assert_true(n <= sizeof(out));
		assert_true(str_eq(str_slice(out, n), str_from(rows[i].text)));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_get_over_fields),
		cmocka_unit_test(test_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
