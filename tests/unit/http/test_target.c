/* SPDX-License-Identifier: BSD-2-Clause */
/* Request targets (RFC 9112 3.2), authorities (RFC 3986 3.2), path normalisation (RFC 3986 6.2.2). */
#include "http_case.h"

struct target_row {
	enum http_method method;
	struct str in;
	enum http_fault fault;
	enum http_target_form form;
	const char *scheme, *authority, *path, *query;
};

#define OK(method, in, form, scheme, authority, path, query)                                                                     \
	{ HTTP_METHOD_##method, STR_INIT(in), HTTP_FAULT_NONE, HTTP_TARGET_##form, scheme, authority, path, query }
#define BAD(method, in)                                                                                                          \
	{ HTTP_METHOD_##method, STR_INIT(in), HTTP_FAULT_TARGET_BAD, HTTP_TARGET_ORIGIN, "", "", "", "" }

static const struct target_row targets[] = {
	OK(GET, "/", ORIGIN, "", "", "/", ""),
	OK(GET, "/a/b?c=d", ORIGIN, "", "", "/a/b", "?c=d"),
	OK(GET, "/?", ORIGIN, "", "", "/", "?"),
	OK(GET, "/a?b?c", ORIGIN, "", "", "/a", "?b?c"),
	OK(GET, "//a//b", ORIGIN, "", "", "//a//b", ""),
	OK(GET, "/a?q={\"a\"|\\}", ORIGIN, "", "", "/a", "?q={\"a\"|\\}"),
	OK(GET, "http://a", ABSOLUTE, "http", "a", "/", ""),
	OK(GET, "HTTPS://A.example:8443/b?c", ABSOLUTE, "HTTPS", "A.example:8443", "/b", "?c"),
	OK(GET, "http://a?c", ABSOLUTE, "http", "a", "/", "?c"),
	OK(GET, "http://[::1]:80/", ABSOLUTE, "http", "[::1]:80", "/", ""),
	OK(OPTIONS, "*", ASTERISK, "", "", "*", ""),
	OK(OPTIONS, "/a", ORIGIN, "", "", "/a", ""),
	OK(OPTIONS, "http://a:1", ASTERISK, "http", "a:1", "*", ""),
	OK(OPTIONS, "http://a/", ABSOLUTE, "http", "a", "/", ""),
	OK(CONNECT, "a:443", AUTHORITY, "", "a:443", "", ""),
	BAD(GET, ""),
	BAD(GET, "*"),
	BAD(GET, "a"),
	BAD(GET, "a:443"),
	BAD(GET, "?a"),
	BAD(GET, "/a#b"),
	BAD(GET, "/a?b#c"),
	BAD(GET, "/a\\b"),
	BAD(GET, "/a b"),
	BAD(GET, "/a\xc3\xa4"),
	BAD(GET, "/a\x7f"),
	BAD(GET, "/a?\0"),
	BAD(GET, "http:/a"),
	BAD(GET, "http:///a"),
	BAD(GET, "http://"),
	BAD(GET, "http://u@a/"),
	BAD(GET, "http://a:/b#c"),
	BAD(GET, "http://a:99999/"),
	BAD(GET, "http://a\\b/"),
	BAD(GET, "ftp://a/"),
	BAD(GET, "httpx://a/"),
	BAD(OPTIONS, "**"),
	BAD(CONNECT, "a"),
	BAD(CONNECT, "a:"),
	BAD(CONNECT, "/"),
	BAD(CONNECT, "http://a/"),
	BAD(CONNECT, ""),
};

static void test_targets(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		const struct target_row *r = &targets[i];
		struct http_target t;
		struct str in = exact_copy(r->in);
		enum http_fault fault = http_target_parse(in, r->method, &t);
		bool is_right = fault == r->fault;
		if (is_right && fault == HTTP_FAULT_NONE)
			is_right = t.form == r->form && str_eq(t.scheme, str_from(r->scheme)) &&
			           str_eq(t.authority, str_from(r->authority)) && str_eq(t.path, str_from(r->path)) &&
			           str_eq(t.query, str_from(r->query));
		if (!is_right)
			fail_msg("'%.*s': fault %s, form %d, authority '%.*s', path '%.*s', query '%.*s'", STR_ARG(r->in),
			         http_fault_text(fault), (int)t.form, STR_ARG(t.authority), STR_ARG(t.path), STR_ARG(t.query));
		free((char *)in.p);
	}
}

static const struct {
	struct str in;
	const char *host; /* NULL: refused */
	unsigned port;
} authorities[] = {
	{ STR_INIT("a"), "a", 0 },
	{ STR_INIT("a.example.org"), "a.example.org", 0 },
	{ STR_INIT("a.example.org."), "a.example.org", 0 },
	{ STR_INIT("a.example.org.:80"), "a.example.org", 80 },
	{ STR_INIT("A-b_c~d.9"), "A-b_c~d.9", 0 },
	{ STR_INIT("192.0.2.1:8080"), "192.0.2.1", 8080 },
	{ STR_INIT("[2001:db8::1]"), "[2001:db8::1]", 0 },
	{ STR_INIT("[2001:DB8::1]:65535"), "[2001:DB8::1]", 65535 },
	{ STR_INIT("[::ffff:192.0.2.1]:1"), "[::ffff:192.0.2.1]", 1 },
	{ STR_INIT("a:"), "a", 0 },
	{ STR_INIT(""), NULL, 0 },
	{ STR_INIT(":80"), NULL, 0 },
	{ STR_INIT("."), NULL, 0 },
	{ STR_INIT(".a"), NULL, 0 },
	{ STR_INIT("a..b"), NULL, 0 },
	{ STR_INIT("a.."), NULL, 0 },
	{ STR_INIT("a b"), NULL, 0 },
	{ STR_INIT("a,b"), NULL, 0 },
	{ STR_INIT("a/b"), NULL, 0 },
	{ STR_INIT("u@a"), NULL, 0 },
	{ STR_INIT("u:p@a"), NULL, 0 },
	{ STR_INIT("a%41"), NULL, 0 },
	{ STR_INIT("a\0b"), NULL, 0 },
	{ STR_INIT("\xc3\xa4"), NULL, 0 },
	{ STR_INIT("a:0"), NULL, 0 },
	{ STR_INIT("a:080"), NULL, 0 },
	{ STR_INIT("a:65536"), NULL, 0 },
	{ STR_INIT("a:999999"), NULL, 0 },
	{ STR_INIT("a:80x"), NULL, 0 },
	{ STR_INIT("a:-1"), NULL, 0 },
	{ STR_INIT("a:80:81"), NULL, 0 },
	{ STR_INIT("::1"), NULL, 0 },
	{ STR_INIT("["), NULL, 0 },
	{ STR_INIT("[]"), NULL, 0 },
	{ STR_INIT("[::1"), NULL, 0 },
	{ STR_INIT("[::1]80"), NULL, 0 },
	{ STR_INIT("[::1]."), NULL, 0 },
	{ STR_INIT("[::1%25lo]"), NULL, 0 },
	{ STR_INIT("[192.0.2.1]"), NULL, 0 },
	{ STR_INIT("[v1.a]"), NULL, 0 },
	{ STR_INIT("[1:2:3]"), NULL, 0 },
};

static void test_authorities(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(authorities); i++) {
		struct str in = exact_copy(authorities[i].in), host;
		uint16_t port;
		enum http_fault fault = http_authority_parse(in, &host, &port);
		if (authorities[i].host
		        ? fault != HTTP_FAULT_NONE || !str_eq(host, str_from(authorities[i].host)) || port != authorities[i].port
		        : fault != HTTP_FAULT_HOST_BAD)
			fail_msg("'%.*s': %s, host '%.*s', port %u", STR_ARG(in), http_fault_text(fault), STR_ARG(host), port);
		free((char *)in.p);
	}
}

static void test_long_host(void **state) {
	char host[256];
	struct str out;
	uint16_t port;
	(void)state;
	memset(host, 'a', sizeof host);
	assert_int_equal(http_authority_parse(str_slice(host, 253), &out, &port), HTTP_FAULT_NONE);
	assert_int_equal(http_authority_parse(str_slice(host, 254), &out, &port), HTTP_FAULT_HOST_BAD);
	host[253] = '.';
	assert_int_equal(http_authority_parse(str_slice(host, 254), &out, &port), HTTP_FAULT_NONE);
	assert_int_equal(out.n, 253);
}

static const struct {
	struct str in;
	const char *out; /* NULL: refused */
} paths[] = {
	{ STR_INIT("/"), "/" },
	{ STR_INIT("/a/b.c"), "/a/b.c" },
	{ STR_INIT("/a//b"), "/a//b" },
	{ STR_INIT("/.a/..b/c../..."), "/.a/..b/c../..." },
	{ STR_INIT("/a;b=c/;d"), "/a;b=c/;d" },
	{ STR_INIT("/a%20b%C3%A4"), "/a%20b%C3%A4" },
	{ STR_INIT("/a%c3%a4%3a"), "/a%C3%A4%3A" },
	{ STR_INIT("/%61%2D%7e%5f"), "/a-~_" },
	{ STR_INIT("/%2561"), "/%2561" },
	{ STR_INIT("/."), "/" },
	{ STR_INIT("/.."), "/" },
	{ STR_INIT("/./"), "/" },
	{ STR_INIT("/../"), "/" },
	{ STR_INIT("/../../a"), "/a" },
	{ STR_INIT("/a/."), "/a/" },
	{ STR_INIT("/a/./b"), "/a/b" },
	{ STR_INIT("/a/.."), "/" },
	{ STR_INIT("/a/../"), "/" },
	{ STR_INIT("/a/../b"), "/b" },
	{ STR_INIT("/a/b/../../c/"), "/c/" },
	{ STR_INIT("/a//../b"), "/a/b" },
	{ STR_INIT("//.."), "/" },
	{ STR_INIT("/a/%2e%2E/b"), "/b" },
	{ STR_INIT("/a/.%2e"), "/" },
	{ STR_INIT("/%2e"), "/" },
	{ STR_INIT("/a/b/c/./../../g"), "/a/g" }, /* RFC 3986 5.2.4 */
	{ STR_INIT("/a/%2e%2e/%61/./b%2f"), NULL },
	{ STR_INIT(""), NULL },
	{ STR_INIT("a"), NULL },
	{ STR_INIT("*"), NULL },
	{ STR_INIT("/a?b"), NULL },
	{ STR_INIT("/a#b"), NULL },
	{ STR_INIT("/a\\b"), NULL },
	{ STR_INIT("/a b"), NULL },
	{ STR_INIT("/\xc3"), NULL },
	{ STR_INIT("/%00"), NULL },
	{ STR_INIT("/a%2Fb"), NULL },
	{ STR_INIT("/a%2fb"), NULL },
	{ STR_INIT("/a%5Cb"), NULL },
	{ STR_INIT("/a%5cb"), NULL },
	{ STR_INIT("/%"), NULL },
	{ STR_INIT("/%4"), NULL },
	{ STR_INIT("/%4g"), NULL },
	{ STR_INIT("/%%41"), NULL },
	{ STR_INIT("/%u0041"), NULL },
	{ STR_INIT("/..;/a"), NULL },
	{ STR_INIT("/a/.;b/c"), NULL },
	{ STR_INIT("/a/%2e%2e;x/b"), NULL },
	{ STR_INIT("/a/..%3bx/b"), "/a/..%3Bx/b" },
};

static void test_paths(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct str in = exact_copy(paths[i].in), normal, again;
		char *out = malloc(in.n ? in.n : 1), *out_again = malloc(in.n ? in.n : 1);
		enum http_fault fault = http_path_normalize(in, out, &normal);
		if (paths[i].out ? fault != HTTP_FAULT_NONE || !str_eq(normal, str_from(paths[i].out))
		                 : fault != HTTP_FAULT_PATH_BAD)
			fail_msg("'%.*s': %s, '%.*s'", STR_ARG(in), http_fault_text(fault), STR_ARG(normal));
		if (fault == HTTP_FAULT_NONE) {
			assert_int_equal(normal.p == in.p, str_eq(in, normal));
			assert_int_equal(http_path_normalize(normal, out_again, &again), HTTP_FAULT_NONE);
			assert_ptr_equal(again.p, normal.p);
		}
		free(out);
		free(out_again);
		free((char *)in.p);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_long_host),
		cmocka_unit_test(test_paths),
	};
	return cmocka_run_group_tests_name("http/target", tests, NULL, NULL);
}
