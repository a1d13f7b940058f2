/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and TTLs in text (RFC 1035 5.1). */
#include "steerway/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ORIGIN str_slice("\7example\3org", 13)

static void test_names(void **state) {
	(void)state;
	static const struct {
		const char *text;
		struct str wire;
	} rows[] = {
		{ "www", STR_INIT("\3www\7example\3org\0") },
		{ "WwW.", STR_INIT("\3WwW\0") },
		{ "a.b", STR_INIT("\1a\1b\7example\3org\0") },
		{ "@", STR_INIT("\7example\3org\0") },
		{ "\\@", STR_INIT("\1@\7example\3org\0") },
		{ "@.", STR_INIT("\1@\0") },
		{ ".", STR_INIT("\0") },
		{ "*.a.", STR_INIT("\1*\1a\0") },
		{ "a\\.b.", STR_INIT("\3a.b\0") },
		{ "a\\046b.", STR_INIT("\3a.b\0") },
		{ "\\000\\255.", STR_INIT("\2\0\xff\0") },
		{ "a\\\\b.", STR_INIT("\3a\\b\0") },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[DNS_NAME_MAX];
		const char *why = "";
		size_t n = dns_name_from_text(out, str_from(rows[i].text), ORIGIN, &why);
		if (n != rows[i].wire.n || memcmp(out, rows[i].wire.p, n) != 0)
			fail_msg("%s: %zu bytes, %s", rows[i].text, n, why);
	}
	/* And back, for every byte. */
	for (unsigned c = 0; c < 256; c++) {
		char wire[] = { 2, (char)c, 'x', 1, 'y', 0 }, text[DNS_NAME_TEXT_BYTES];
		uint8_t again[DNS_NAME_MAX];
		const char *why = "";
		struct str said = dns_name_to_text(str_slice(wire, sizeof(wire)), text);
		assert_int_equal(dns_name_from_text(again, said, STR_NONE, &why), sizeof(wire));
		assert_memory_equal(again, wire, sizeof(wire));
	}
	char text[DNS_NAME_TEXT_BYTES];
	assert_true(str_eq(dns_name_to_text(str_slice("", 1), text), STR(".")));
	assert_true(str_eq(dns_name_to_text(str_slice("\3a.b\1 ", 7), text), STR("a\\.b.\\032.")));
	uint8_t out[DNS_NAME_MAX];
	const char *why;
	assert_int_equal(dns_name_from_text(out, STR("a"), STR_NONE, &why), 3);
	assert_memory_equal(out, "\1a", 3);
	assert_int_equal(dns_name_from_text(out, STR("@"), STR_NONE, &why), 3); /* without an origin a name like others */
}

static void test_names_refused(void **state) {
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "it is empty" },
		{ "..", "it has an empty label" },
		{ ".a", "it has an empty label" },
		{ "a..b", "it has an empty label" },
		{ "a..", "it has an empty label" },
		{ "a\\", "a backslash" },
		{ "a\\2", "a backslash" },
		{ "a\\25", "a backslash" },
		{ "a\\256", "a backslash" },
		{ "a\\1x1", "a backslash" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[DNS_NAME_MAX];
		const char *why = "";
		assert_int_equal(dns_name_from_text(out, str_from(rows[i].text), ORIGIN, &why), 0);
		assert_int_equal(strncmp(why, rows[i].why, strlen(rows[i].why)), 0);
	}
}

/* 63 bytes a label, 255 a name, whether it ends in a dot or in the origin. */
static void test_lengths(void **state) {
	(void)state;
	uint8_t out[DNS_NAME_MAX];
	const char *why;
	char text[512];
	memset(text, 'a', sizeof(text));
	assert_int_equal(dns_name_from_text(out, str_slice(text, 63), ORIGIN, &why), 64 + 13);
	assert_int_equal(dns_name_from_text(out, str_slice(text, 64), ORIGIN, &why), 0);
	assert_string_equal(why, "a label has more than 63 bytes");
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = '.';
	for (size_t labels = 115; labels < 132; labels++) {
		size_t absolute = 2 * labels + 1, relative = 2 * labels + 13;
		assert_int_equal(dns_name_from_text(out, str_slice(text, 2 * labels), ORIGIN, &why),
		                 absolute <= 255 ? absolute : 0);
		assert_int_equal(dns_name_from_text(out, str_slice(text, 2 * labels - 1), ORIGIN, &why),
		                 relative <= 255 ? relative : 0);
		assert_int_equal(dns_name_from_text(out, str_slice(text, 2 * labels - 1), STR_NONE, &why),
		                 absolute <= 255 ? absolute : 0);
	}
	assert_string_equal(why, "it has more than 255 bytes");
}

/* A dot takes a byte, too: nothing is written behind the 255, wherever the labels end. */
static void test_bounds(void **state) {
	(void)state;
	uint8_t out[DNS_NAME_MAX + 64];
	char text[1024];
	for (unsigned last = 1; last <= 63; last++)
		for (unsigned more = 0; more < 40; more++) {
			const char *why = "";
			size_t n = 0;
			const unsigned labels[] = { 63, 63, 63, last };
			for (unsigned i = 0; i < 4; i++) {
				memset(text + n, 'x', labels[i]);
				n += labels[i];
				text[n++] = '.';
			}
			for (unsigned i = 0; i < more; i++, n += 2)
				memcpy(text + n, "y.", 2);
			size_t wire = n + 1;
			memset(out, 0xaa, sizeof(out));
			assert_int_equal(dns_name_from_text(out, str_slice(text, n), STR_NONE, &why),
			                 wire <= DNS_NAME_MAX ? wire : 0);
			for (size_t i = DNS_NAME_MAX; i < sizeof(out); i++)
				assert_int_equal(out[i], 0xaa);
		}
}

static void test_ttls(void **state) {
	(void)state;
	static const struct {
		const char *text;
		uint32_t seconds;
	} rows[] = { { "0", 0 },
		     { "300", 300 },
		     { "1h", 3600 },
		     { "1H30M", 5400 },
		     { "1w2d3h4m5s", 788645 },
		     { "1h30", 3630 },
		     { "4294967295", UINT32_MAX } };
	static const char *const bad[] = { "", "h", "1x", "1hh", "-1", "4294967296", "7102w", "1.5h", "99999999999999999999" };
	uint32_t v;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(dns_ttl_from_text(str_from(rows[i].text), &v));
		assert_int_equal(v, rows[i].seconds);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dns_ttl_from_text(str_from(bad[i]), &v))
			fail_msg("%s is %u", bad[i], v);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),  cmocka_unit_test(test_names), cmocka_unit_test(test_names_refused),
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_ttls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
