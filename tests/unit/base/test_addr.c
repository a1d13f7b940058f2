/* SPDX-License-Identifier: BSD-2-Clause */
#include "steerway/base/addr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "steerway/base/mem.h"

static void test_parse_and_format(void **state) {
	(void)state;
	static const struct {
		const char *in, *out, *ip;
		uint16_t port;
	} rows[] = {
		{ "192.0.2.1:80", "192.0.2.1:80", "192.0.2.1", 80 },
		{ "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0 },
		{ "255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255", 65535 },
		{ "[::]:443", "[::]:443", "::", 443 },
		{ "[2001:DB8:0:0::1]:00080", "[2001:db8::1]:80", "2001:db8::1", 80 },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535 },
		{ "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct addr a;
		char text[ADDR_TEXT_BYTES];
		assert_true(addr_parse(&a, str_from(rows[i].in)));
		struct str s = addr_format(&a, text);
		assert_string_equal(text, rows[i].out);
		assert_int_equal(s.n, strlen(rows[i].out));
		s = addr_format_ip(&a, text);
		assert_string_equal(text, rows[i].ip);
		assert_int_equal(s.n, strlen(rows[i].ip));
		assert_int_equal(addr_port(&a), rows[i].port);
	}
}

static void test_rejects(void **state) {
	(void)state;
	static const struct str bad[] = {
		STR_INIT(""),
		STR_INIT(":"),
		STR_INIT(":80"),
		STR_INIT("192.0.2.1"),
		STR_INIT("192.0.2.1:"),
		STR_INIT("192.0.2:80"),
		STR_INIT("192.0.2.1:65536"),
		STR_INIT("192.0.2.1:99999"),
		STR_INIT("192.0.2.1:000080"),
		STR_INIT("192.0.2.1:-1"),
		STR_INIT("192.0.2.1:+1"),
		STR_INIT("192.0.2.1: 1"),
		STR_INIT("192.0.2.1:1 "),
		STR_INIT(" 192.0.2.1:1"),
		STR_INIT("192.0.2.1 :1"),
		STR_INIT("192.0.2.01:1"),
		STR_INIT("192.0.2.256:1"),
		STR_INIT("0x7f.1:80"),
		STR_INIT("localhost:80"),
		STR_INIT("::1:80"),
		STR_INIT("2001:db8::1"),
		STR_INIT("[::1]"),
		STR_INIT("[::1]:"),
		STR_INIT("[::1]80"),
		STR_INIT("[::1"),
		STR_INIT("::1]:80"),
		STR_INIT("[192.0.2.1]:80"),
		STR_INIT("[fe80::1%eth0]:80"),
		STR_INIT("[::1]]:80"),
		STR_INIT("[[::1]:80"),
		STR_INIT("[]:80"),
		STR_INIT("192.0.2.1\0:80"),
		STR_INIT("192.0.2.1:80\0"),
		STR_INIT("192.0.2.1:8\0000"),
		STR_INIT("[::1\0]:80"),
		STR_INIT("[:::]:80"),
		STR_INIT("[1:2:3:4:5:6:7:8:9]:80"),
		STR_INIT("[12345::]:80"),
		STR_INIT("192.0.2.1:80:80"),
	};
	struct addr a;
	memset(&a, 0x5a, sizeof a);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(addr_parse(&a, bad[i]));
	static const struct str bad_ip[] = { STR_INIT(""),
		                             STR_INIT("192.0.2.1:80"),
		                             STR_INIT("[::1]"),
		                             STR_INIT("1.2.3"),
		                             STR_INIT("1.2.3.4\0"),
		                             STR_INIT("::1%lo"),
		                             STR_INIT("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555") };
	for (size_t i = 0; i < COUNT_OF(bad_ip); i++)
		assert_false(addr_parse_ip(&a, bad_ip[i]));
	for (size_t i = 0; i < sizeof a; i++)
		assert_int_equal(((unsigned char *)&a)[i], 0x5a); /* untouched */
}

static struct addr parsed(const char *text) {
	struct addr a;
	assert_true(addr_parse(&a, str_from(text)));
	return a;
}

static void test_equality_and_hash(void **state) {
	(void)state;
	static const char *const texts[] = { "192.0.2.1:80",     "192.0.2.1:81",     "192.0.2.2:80",          "[::]:80",
		                             "[2001:db8::1]:80", "[2001:db8::1]:81", "[::ffff:192.0.2.1]:80", "0.0.0.0:80" };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		for (size_t j = 0; j < COUNT_OF(texts); j++) {
			struct addr a = parsed(texts[i]), b = parsed(texts[j]);
			assert_int_equal(addr_eq(&a, &b), i == j);
			assert_int_equal(addr_hash(&a, 7) == addr_hash(&b, 7), i == j);
		}
	}
	struct addr a = parsed("[fe80::1]:80"), b = a;
	b.in6.sin6_scope_id = 2;
	assert_false(addr_eq(&a, &b));
	/* What the kernel leaves behind in the padding does not count. */
	a = parsed("192.0.2.1:80");
	b = a;
	memset(b.in.sin_zero, 0xff, sizeof b.in.sin_zero);
	assert_true(addr_eq(&a, &b));
	assert_true(addr_hash(&a, 1) == addr_hash(&b, 1));
}

static void test_parts(void **state) {
	(void)state;
	struct addr a;
	char text[ADDR_TEXT_BYTES];
	assert_true(addr_parse_ip(&a, STR("192.0.2.1")));
	assert_false(addr_is_v6(&a));
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
	assert_int_equal(addr_port(&a), 0);
	addr_set_port(&a, 258);
	assert_int_equal(a.in.sin_port, htons(258));
	assert_true(addr_parse_ip(&a, STR("2001:db8::1")));
	assert_true(addr_is_v6(&a));
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in6));
	addr_set_port(&a, 65535);
	assert_int_equal(addr_port(&a), 65535);
	a = (struct addr){ 0 };
	assert_true(str_eq(addr_format(&a, text), STR("-")));
	a.sa.sa_family = AF_UNIX;
	assert_true(str_eq(addr_format_ip(&a, text), STR("-")));
}

static void test_networks(void **state) {
	static const struct {
		const char *net, *text; /* NULL: refused */
		const char *in, *out;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", "10.255.1.2", "11.0.0.0" },
		{ "192.0.2.128/25", "192.0.2.128/25", "192.0.2.129", "192.0.2.127" },
		{ "0.0.0.0/0", "0.0.0.0/0", "255.1.2.3", "::1" },
		{ "192.0.2.1", "192.0.2.1/32", "192.0.2.1", "192.0.2.2" },
		{ "192.0.2.0/24", "192.0.2.0/24", "::ffff:192.0.2.7", "::ffff:192.0.3.7" },
		{ "2001:db8::/33", "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
		{ "::/0", "::/0", "2001::1", "1.2.3.4" },
		{ "::1", "::1/128", "::1", "::2" },
		{ "10.0.0.1/8", NULL, NULL, NULL },
		{ "10.0.0.0/33", NULL, NULL, NULL },
		{ "10.0.0.0/", NULL, NULL, NULL },
		{ "10.0.0.0/-1", NULL, NULL, NULL },
		{ "10.0.0.0/0008", NULL, NULL, NULL },
		{ "::/129", NULL, NULL, NULL },
		{ "example.org/8", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr_net net;
		struct addr in, out;
		char text[ADDR_TEXT_BYTES];
		assert_int_equal(addr_net_parse(&net, str_from(cases[i].net)), cases[i].text != NULL);
		if (!cases[i].text)
			continue;
		assert_string_equal(addr_net_format(&net, text).p, cases[i].text);
		assert_true(addr_parse_ip(&in, str_from(cases[i].in)) && addr_parse_ip(&out, str_from(cases[i].out)));
		assert_true(addr_net_has(&net, &in));
		assert_false(addr_net_has(&net, &out));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks), cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_rejects),  cmocka_unit_test(test_equality_and_hash),
		cmocka_unit_test(test_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
