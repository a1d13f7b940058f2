/* SPDX-License-Identifier: BSD-2-Clause */
/* Server cookies: the examples of RFC 9018 appendix A, what time and changes do to them, and files of secrets. */
#include "steerway/base/buf.h"
#include "steerway/base/mem.h"
#include "steerway/dns.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void from_hex(uint8_t *out, const char *hex) {
	for (unsigned byte; *hex; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		*out++ = (uint8_t)byte;
	}
}

static struct str address(const char *text) {
	static uint8_t bytes[16];
	bool is_v6 = strchr(text, ':');
	assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, text, bytes), 1);
	return str_slice((const char *)bytes, is_v6 ? 16 : 4);
}

/* RFC 9018 appendix A; the old cookie of A.3 has its reserved bytes set, which is nothing to refuse it for (4.2). */
static void test_examples(void **state) {
	(void)state;
	static const struct {
		const char *secret, *client, *server, *address;
		uint32_t time;
	} examples[] = {
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "010000005cf79f111f8130c3eee29480", "198.51.100.100",
		  1559731985 },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "010000005cf7a871d4a564a1442aca77", "198.51.100.100",
		  1559734385 },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb86", "010000005cf7a9acf73a7810aca2381e", "203.0.113.203",
		  1559734700 },
		{ "dd3bdf9344b678b185a6f5cb60fca715", "22681ab97d52c298", "010000005cf7c57926556bd0934c72f8",
		  "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741817 },
		{ "445536bcd2513298075a5d379663c962", "22681ab97d52c298", "010000005cf7c609a6bb79d16625507a",
		  "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961 },
	};
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		uint8_t cookie[24], expected[16];
		struct dns_cookie_keys keys = { .n = 1 };
		from_hex(keys.keys[0], examples[i].secret);
		from_hex(cookie, examples[i].client);
		from_hex(expected, examples[i].server);
		dns_cookie_make(cookie + 8, keys.keys[0], cookie, address(examples[i].address), examples[i].time);
		assert_memory_equal(cookie + 8, expected, 16);
		assert_int_equal(dns_cookie_check(&keys, cookie, 24, address(examples[i].address), examples[i].time),
		                 DNS_COOKIE_GOOD);
	}
	uint8_t reserved[24];
	struct dns_cookie_keys keys = { .n = 1 };
	from_hex(keys.keys[0], "e5e973e5a6b2a43f48e7dc849e37bfcf");
	from_hex(reserved, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
	assert_int_equal(dns_cookie_check(&keys, reserved, 24, address("203.0.113.203"), 0x5cf78f71), DNS_COOKIE_GOOD);
}

/* RFC 9018 4.3: an hour back, five minutes ahead, a new one after half an hour; also where the 32 bits of seconds go round. */
static void test_time(void **state) {
	(void)state;
	static const uint32_t starts[] = { 1559731985, UINT32_MAX - 100, 100 };
	struct dns_cookie_keys keys = { .n = 1 };
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		uint8_t cookie[24] = "clientck";
		uint32_t t = starts[i];
		dns_cookie_make(cookie + 8, keys.keys[0], cookie, address("192.0.2.1"), t);
		static const struct {
			int32_t after;
			enum dns_cookie_verdict verdict;
		} then[] = { { 0, DNS_COOKIE_GOOD },    { 1800, DNS_COOKIE_GOOD },    { 1801, DNS_COOKIE_AGED },
			     { 3600, DNS_COOKIE_AGED }, { 3601, DNS_COOKIE_BAD },     { -300, DNS_COOKIE_GOOD },
			     { -301, DNS_COOKIE_BAD },  { INT32_MAX, DNS_COOKIE_BAD } };
		for (size_t k = 0; k < COUNT_OF(then); k++)
			assert_int_equal(dns_cookie_check(&keys, cookie, 24, address("192.0.2.1"), t + (uint32_t)then[k].after),
			                 then[k].verdict);
	}
}

static void test_every_bit_counts(void **state) {
	(void)state;
	struct dns_cookie_keys keys = { .n = 2, .keys = { "a secret of 16 b", "an older secret" } };
	uint8_t cookie[40] = "clientck";
	dns_cookie_make(cookie + 8, keys.keys[0], cookie, address("192.0.2.1"), 1000);
	for (unsigned bit = 0; bit < 24 * 8; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(dns_cookie_check(&keys, cookie, 24, address("192.0.2.1"), 1000), DNS_COOKIE_BAD);
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(dns_cookie_check(&keys, cookie, 24, address("192.0.2.1"), 1000), DNS_COOKIE_GOOD);
	assert_int_equal(dns_cookie_check(&keys, cookie, 24, address("192.0.2.2"), 1000), DNS_COOKIE_BAD);
	for (size_t n = 8; n <= 40; n++)
		if (n != 24)
			assert_int_equal(dns_cookie_check(&keys, cookie, n, address("192.0.2.1"), 1000), DNS_COOKIE_BAD);
}

/* RFC 9018 5: after a change of the secret the old one is known still, and its clients get a new cookie. */
static void test_rollover(void **state) {
	(void)state;
	struct dns_cookie_keys old = { .n = 1, .keys = { "the old secret.." } },
			       both = { .n = 2, .keys = { "the new secret..", "the old secret.." } },
			       new = { .n = 1, .keys = { "the new secret.." } };
	uint8_t cookie[24] = "clientck";
	dns_cookie_make(cookie + 8, old.keys[0], cookie, address("192.0.2.1"), 1000);
	assert_int_equal(dns_cookie_check(&both, cookie, 24, address("192.0.2.1"), 1000), DNS_COOKIE_AGED);
	assert_int_equal(dns_cookie_check(&new, cookie, 24, address("192.0.2.1"), 1000), DNS_COOKIE_BAD);
}

static void test_secrets(void **state) {
	(void)state;
	struct dns_cookie_keys k;
	struct err e;
	uint8_t first[16];
	from_hex(first, "e5e973e5a6b2a43f48e7dc849e37bfcf");
	assert_int_equal(
	    dns_cookie_keys_parse(&k, STR("e5e973e5A6B2a43f48e7dc849e37bfcf\r\n\n 445536bcd2513298075a5d379663c962"), &e), 0);
	assert_int_equal(k.n, 2);
	assert_memory_equal(k.keys[0], first, 16);
	assert_int_equal(dns_cookie_keys_parse(&k, STR("\n"), &e), -1);
	assert_string_equal(e.text, "holds no secret; write one with `openssl rand -hex 16`");
	assert_int_equal(dns_cookie_keys_parse(&k, STR("445536bcd2513298075a5d379663c962\n445536bcd2513298075a5d379663c9\n"), &e),
	                 -1);
	assert_string_equal(e.text, "line 2 is no secret; write 32 hexadecimal digits, as `openssl rand -hex 16` does");
	assert_int_equal(dns_cookie_keys_parse(&k, STR("g45536bcd2513298075a5d379663c962\n"), &e), -1);
	struct buf many = { 0 };
	for (int i = 0; i < 5; i++)
		buf_add(&many, STR("445536bcd2513298075a5d379663c962\n"));
	assert_int_equal(dns_cookie_keys_parse(&k, buf_str(&many), &e), -1);
	assert_string_equal(e.text, "line 5 is one too many; keep at most 4 secrets");
	buf_fini(&many);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples), cmocka_unit_test(test_time),    cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_rollover), cmocka_unit_test(test_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
