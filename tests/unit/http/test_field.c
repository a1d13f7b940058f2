/* SPDX-License-Identifier: BSD-2-Clause */
/* Known names, questions about fields, hop-by-hop rules (RFC 9110 7.6.1). */
#include "http_case.h"

#include <ctype.h>

/* Every row finds itself in any case: fails when field_slots.h is older than the table. */
static void test_known_names(void **state) {
	(void)state;
	for (unsigned id = HTTP_FIELD_OTHER + 1; id < HTTP_FIELD_COUNT; id++) {
		struct str name = http_field_name(id);
		char text[32];
		assert_true(name.n >= 2 && name.n < sizeof text);
		for (size_t i = 0; i < name.n; i++) {
			assert_true(islower(name.p[i]) || isdigit(name.p[i]) || name.p[i] == '-');
			text[i] = (char)toupper(name.p[i]);
		}
		if (http_field_lookup(name) != id || http_field_lookup(str_slice(text, name.n)) != id)
			fail_msg("%.*s is not found: run src/http/field_slots.py", STR_ARG(name));
	}
	assert_int_equal(http_field_name(HTTP_FIELD_OTHER).n, 0);
	assert_int_equal(http_field_flags(HTTP_FIELD_OTHER), 0);
}

/* No other byte may pass for one of the name: the case bit must not make CR a '-'. */
static void test_near_misses(void **state) {
	(void)state;
	for (unsigned id = HTTP_FIELD_OTHER + 1; id < HTTP_FIELD_COUNT; id++) {
		struct str name = http_field_name(id);
		char text[33] = "";
		memcpy(text, name.p, name.n);
		for (size_t i = 0; i < name.n; i++)
			for (int b = 0; b < 256; b++) {
				text[i] = (char)b;
				enum http_field_id found = http_field_lookup(str_slice(text, name.n));
				assert_true((found == id) == (tolower(b) == name.p[i]));
				assert_true(found == HTTP_FIELD_OTHER ||
				            str_eq_nocase(http_field_name(found), str_slice(text, name.n)));
				text[i] = name.p[i];
			}
		assert_int_not_equal(http_field_lookup(str_slice(text, name.n - 1)), id);
		text[name.n] = 'x';
		assert_int_not_equal(http_field_lookup(str_slice(text, name.n + 1)), id);
	}
	assert_int_equal(http_field_lookup(STR_NONE), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_lookup(STR("a")), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_lookup(STR("te\0")), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_lookup(STR("a-name-that-is-longer-than-any-known-name-is")), HTTP_FIELD_OTHER);
}

static void head_of(struct head_case *c, const char *fields) {
	char text[1024];
	int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", fields);
	head_case_parse(c, h1_request_parse, str_slice(text, (size_t)n), &limits_usual);
	assert_int_equal(c->result, PARSE_DONE);
}

static void test_tokens(void **state) {
	struct head_case c;
	(void)state;
	head_of(&c, "Connection: a ,, b\r\nTE: x\r\nConnection:\tTrailers\r\n");
	assert_true(http_field_has_token(&c.head, HTTP_FIELD_CONNECTION, STR("A")));
	assert_true(http_field_has_token(&c.head, HTTP_FIELD_CONNECTION, STR("b")));
	assert_true(http_field_has_token(&c.head, HTTP_FIELD_CONNECTION, STR("trailers")));
	assert_false(http_field_has_token(&c.head, HTTP_FIELD_CONNECTION, STR("")));
	assert_false(http_field_has_token(&c.head, HTTP_FIELD_CONNECTION, STR("x")));
	assert_false(http_field_has_token(&c.head, HTTP_FIELD_CONNECTION, STR("trailer")));
	assert_false(http_field_has_token(&c.head, HTTP_FIELD_TE, STR("a")));
	assert_false(http_field_has_token(&c.head, HTTP_FIELD_COOKIE, STR("a")));
	head_case_fini(&c);
}

/* Fields, and which are dropped: '-' dropped, '+' forwarded. */
static const struct {
	const char *name, *fields, *fate;
} drops[] = {
	{ "end to end", "Host: a\r\nX: y\r\nCookie: z\r\n", "+++" },
	{ "hop by hop",
	  "Connection: close\r\nKeep-Alive: 5\r\nTE: x\r\nUpgrade: y\r\nProxy-Connection: z\r\nTransfer-Encoding: chunked\r\n",
	  "------" },
	{ "proxy credentials", "Proxy-Authorization: x\r\nProxy-Authenticate: x\r\nHTTP2-Settings: x\r\n", "---" },
	{ "Trailer goes on", "Trailer: x\r\n", "+" },
	{ "named", "X-Hop: 1\r\nConnection: x-hop\r\nx-HOP: 2\r\nX-Hope: 3\r\n",
	  "--"
	  "-+" },
	{ "known and named", "DNT: 1\r\nConnection: dnt\r\n", "--" },
	{ "framing is protected", "Host: a\r\nContent-Length: 1\r\nConnection: host, content-length\r\n", "++-" },
	{ "identity is protected",
	  "Authorization: a\r\nCookie: b\r\nX-Forwarded-For: c\r\nForwarded: d\r\nConnection: authorization, cookie, "
	  "X-Forwarded-For, forwarded\r\n",
	  "++++-" },
	{ "meaning is protected", "Cache-Control: a\r\nRange: b\r\nConnection: cache-control, range\r\n", "++-" },
	{ "two lines", "A: 1\r\nB: 1\r\nC: 1\r\nConnection: a\r\nConnection: ,c\r\n", "-+---" },
	{ "names of absent fields", "A: 1\r\nConnection: b, keep-alive, dnt\r\n", "+-" },
};

static void test_drops(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(drops); i++) {
		struct head_case c;
		head_of(&c, drops[i].fields);
		http_drop_hop_by_hop(&c.head);
		assert_int_equal(c.head.n_fields, strlen(drops[i].fate));
		for (unsigned k = 0; k < c.head.n_fields; k++)
			if (c.fields[k].is_dropped != (drops[i].fate[k] == '-'))
				fail_msg("%s: %.*s", drops[i].name, STR_ARG(c.fields[k].name));
		head_case_fini(&c);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_names),
		cmocka_unit_test(test_near_misses),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_drops),
	};
	return cmocka_run_group_tests_name("http/field", tests, NULL, NULL);
}
