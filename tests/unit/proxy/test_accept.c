/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of an answer by Accept (RFC 9110 12.5.1), and what marks and bounds a gRPC request. */
#include "proxy/accept.h"

#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *accept;
	enum answer_form form;
} forms[] = {
	{ "", ANSWER_TEXT },
	{ "*/*", ANSWER_TEXT },
	{ "text/plain", ANSWER_TEXT },
	{ "text/*", ANSWER_TEXT },
	{ "text/html", ANSWER_HTML },
	{ "TEXT/HTML", ANSWER_HTML },
	{ "application/json", ANSWER_JSON },
	{ "application/problem+json", ANSWER_JSON },
	{ "application/*", ANSWER_JSON },
	/* browsers */
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", ANSWER_HTML },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7", ANSWER_HTML },
	{ "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", ANSWER_TEXT },
	/* libraries */
	{ "application/json, text/plain, */*", ANSWER_JSON },
	{ "application/json, */*;q=0.5", ANSWER_JSON },
	{ "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", ANSWER_HTML },
	/* q decides before the order, the exact range before the wide one */
	{ "text/html;q=0.5, application/json;q=0.9", ANSWER_JSON },
	{ "text/html;q=0.5,application/json;q=0.501", ANSWER_JSON },
	{ "*/*, text/plain;q=0.1, application/*;q=0.2", ANSWER_HTML },
	{ "text/*;q=1, text/plain;q=0", ANSWER_HTML },
	{ "application/json;q=0.000, */*;q=0.001", ANSWER_TEXT },
	{ "text/html;level=1;q=0.4, application/json;q=0.3", ANSWER_HTML },
	{ "text/html;Q=0.1, text/plain;q=0.2", ANSWER_TEXT },
	{ "text/html ; q=0.9 , application/json ; q=1", ANSWER_JSON },
	/* quoted strings hide what would separate */
	{ "text/html;a=\",application/json\";q=0.2, text/plain;q=0.1", ANSWER_HTML },
	{ "text/html;a=\"\\\"\";q=0.2, text/plain;q=0.1", ANSWER_HTML },
	{ "text/html;a=\"", ANSWER_HTML },
	/* nothing that we have */
	{ "image/png", ANSWER_TEXT },
	{ "text/html;q=0, application/json;q=0, */*;q=0", ANSWER_TEXT },
	/* malformed ranges count for nothing, the others do */
	{ "html, text/, /html, */json, ;q=1, ,, application/json", ANSWER_JSON },
	{ "text/html;q=2, application/json;q=0.1", ANSWER_JSON },
	{ "text/html;q=1.001, application/json;q=0.1", ANSWER_JSON },
	{ "text/html;q=0.1234, application/json;q=0.1", ANSWER_JSON },
	{ "text/html;q=-1, application/json;q=0.1", ANSWER_JSON },
	{ "text/html;q=, application/json;q=0.1", ANSWER_JSON },
	{ "text/html;q=0x1, application/json;q=0.1", ANSWER_JSON },
	{ "text/html;q=1.000, application/json;q=0.999", ANSWER_HTML },
};

static void test_form(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (accept_choose(str_from(forms[i].accept)) != forms[i].form)
			fail_msg("%s", forms[i].accept);
}

/* Work is bounded: what stands behind the 32nd range is not looked at. */
static void test_bound(void **state) {
	(void)state;
	char accept[4096] = "";
	for (int i = 0; i < 31; i++)
		strcat(accept, "image/png,");
	size_t n = strlen(accept);
	strcpy(accept + n, "text/html");
	assert_int_equal(accept_choose(str_from(accept)), ANSWER_HTML);
	strcpy(accept + n, "image/png,text/html");
	assert_int_equal(accept_choose(str_from(accept)), ANSWER_TEXT);
}

static void test_grpc_content_type(void **state) {
	(void)state;
	static const char *const yes[] = { "application/grpc", "application/grpc+proto", "Application/GRPC+json",
		                           "application/grpc;x=1", "application/grpc ; x" };
	static const char *const no[] = { "",
		                          "application/grp",
		                          "application/grpc-web",
		                          "application/grpc-web+proto",
		                          "application/grpcx",
		                          "application/json" };
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		assert_true(grpc_is_content_type(str_from(yes[i])));
	for (size_t i = 0; i < COUNT_OF(no); i++)
		assert_false(grpc_is_content_type(str_from(no[i])));
}

static void test_grpc_timeout(void **state) {
	(void)state;
	static const struct {
		const char *text;
		uint64_t us;
	} good[] = {
		{ "1S", 1000000 },
		{ "1H", 3600000000 },
		{ "2M", 120000000 },
		{ "100m", 100000 },
		{ "5u", 5 },
		{ "1n", 1 },
		{ "1000n", 1 },
		{ "1001n", 2 },
		{ "0m", 0 },
		{ "00000001S", 1000000 },
		{ "99999999H", UINT64_C(359999996400000000) },
	};
	static const char *const bad[] = { "",    "S",   "1",    "1s",         "1 S", " 1S", "1S ",
		                           "-1S", "+1S", "1.5S", "123456789S", "1SS", "1h",  "x1S" };
	uint64_t us;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(grpc_timeout_parse(str_from(good[i].text), &us));
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(grpc_timeout_parse(str_from(bad[i]), &us));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_grpc_content_type),
		cmocka_unit_test(test_grpc_timeout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
