/* SPDX-License-Identifier: BSD-2-Clause */
/* Names by words: lower-cased as RFC 4343 says, hashed and compared alike wherever they stand. */
#include "steerway/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define WIRE(literal) str_slice(literal, sizeof(literal)) /* the literal's NUL is the root label */

/* Every byte in every place of a word: only A-Z change. */
static void test_lower_case(void **state) {
	(void)state;
	for (unsigned place = 1; place <= 16; place++)
		for (unsigned c = 0; c < 256; c++) {
			char in[18] = { 16 };
			memset(in + 1, 'x', 16);
			in[place] = (char)c;
			struct dns_name name;
			assert_true(dns_name_read(&name, str_slice(in, sizeof(in))));
			assert_int_equal(name.n, 18);
			unsigned expected = c >= 'A' && c <= 'Z' ? c + 32 : c;
			assert_int_equal(name.wire[place], expected);
			name.wire[place] = 'x';
			in[place] = 'x';
			assert_memory_equal(name.wire, in, sizeof(in));
		}
}

static void test_labels(void **state) {
	(void)state;
	struct dns_name name;
	assert_true(dns_name_read(&name, WIRE("\3wWw\7Example\3org")));
	assert_int_equal(name.n, 17);
	assert_int_equal(name.n_labels, 3);
	assert_true(str_eq(dns_name_suffix(&name, 1), WIRE("\7example\3org")));
	assert_true(str_eq(dns_name_suffix(&name, 3), WIRE("")));
	assert_true(dns_name_read(&name, WIRE("")));
	assert_int_equal(name.n, 1);
	assert_int_equal(name.n_labels, 0);
	assert_true(str_eq(dns_name_suffix(&name, 0), WIRE("")));
}

static void test_refused(void **state) {
	(void)state;
	struct dns_name name;
	assert_false(dns_name_read(&name, STR_NONE));
	assert_false(dns_name_read(&name, str_slice("\3www", 4)));        /* no root */
	assert_false(dns_name_read(&name, str_slice("\4www", 5)));        /* beyond the end */
	assert_false(dns_name_read(&name, str_slice("\xc0\x00\x00", 3))); /* a pointer */
	assert_false(dns_name_read(&name, str_slice("\x40x\x00", 3)));    /* a label type of the past */
	char longest[300];
	memset(longest, 1, sizeof(longest));
	longest[254] = 0;
	assert_true(dns_name_read(&name, str_slice(longest, sizeof(longest))));
	assert_int_equal(name.n, 255);
	assert_int_equal(name.n_labels, 127);
	longest[254] = 1;
	longest[256] = 0;
	assert_false(dns_name_read(&name, str_slice(longest, sizeof(longest))));
}

/* The hash of a suffix is that of the same name alone, and the query parser's; another name has another one. */
static void test_hash(void **state) {
	(void)state;
	struct dns_name name;
	char in[255], query[12 + 255 + 4];
	for (unsigned n_labels = 0; n_labels <= 60; n_labels++) {
		size_t n = 0;
		for (unsigned i = 0; i < n_labels; i++)
			n += (size_t)snprintf(in + n, sizeof(in) - n, "%c%c%c", 2, 'A' + i % 26, '0' + i % 10);
		in[n++] = 0;
		assert_true(dns_name_read(&name, str_slice(in, n)));
		memset(query, 0, sizeof(query));
		query[5] = 1;
		memcpy(query + 12, in, n);
		query[12 + n + 1] = query[12 + n + 3] = 1;
		struct dns_query q;
		assert_int_equal(dns_query_parse(&q, str_slice(query, 12 + n + 4)), DNS_NOERROR);
		assert_int_equal(q.hash, dns_name_hash(name.wire, name.n));
		assert_true(str_eq(dns_name_suffix(&q.name, 0), dns_name_suffix(&name, 0)));
		for (unsigned i = 1; i <= n_labels; i++) {
			struct str suffix = dns_name_suffix(&q.name, i);
			struct dns_name alone;
			assert_true(dns_name_read(&alone, suffix));
			assert_int_equal(dns_name_hash((const uint8_t *)suffix.p, suffix.n), dns_name_hash(alone.wire, alone.n));
			assert_true(dns_name_eq((const uint8_t *)suffix.p, alone.wire, alone.n));
			assert_true(dns_name_hash(alone.wire, alone.n) != q.hash);
			alone.wire[alone.n - 1] ^= 1;
			assert_false(dns_name_eq((const uint8_t *)suffix.p, alone.wire, alone.n));
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower_case),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
