/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies of replies: compression (RFC 1035 4.1.4, RFC 3597 4), pointers that can be raised, and what does not fit. */
#include "steerway/base/mem.h"
#include "steerway/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define WIRE(literal) str_slice(literal, sizeof(literal)) /* the literal's NUL is the root label */

static int setup(void **state) {
	*state = mem_zalloc(sizeof(struct dns_writer));
	return 0;
}
static int teardown(void **state) {
	mem_free(*state);
	return 0;
}

static void assert_body(const struct dns_writer *w, const char *expected, size_t n) {
	struct str body = dns_write_body(w);
	assert_false(w->is_full);
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, expected, n);
}
#define ASSERT_BODY(w, literal) assert_body(w, literal, sizeof(literal) - 1)

static void test_question_owner(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE("\3app\7example\3org"));
	dns_write_record(w, STR_NONE, DNS_TYPE_A, 60, str_slice("\300\0\2\1", 4));
	ASSERT_BODY(w, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\300\0\2\1");
	assert_int_equal(w->n_pointers, 0); /* it stays where it is behind any question */
}

/* Against the question and against what was written before, in any case, by the longest suffix. */
static void test_compression(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE("\7example\3org"));
	dns_write_record(w, STR_NONE, DNS_TYPE_MX, 1, str_slice("\0\5\4Mail\7EXAMPLE\3org", 20));
	dns_write_record(w, WIRE("\4mail\7example\3org"), DNS_TYPE_A, 1, str_slice("wxyz", 4));
	dns_write_record(w, WIRE("\1x\4mail\7example\3org"), DNS_TYPE_NS, 1, WIRE("\1y\3org"));
	ASSERT_BODY(w, "\xc0\x0c\0\17\0\1\0\0\0\1\0\11\0\5\4Mail\xc0\x0c"
	               "\xc0\x2b\0\1\0\1\0\0\0\1\0\4wxyz"
	               "\1x\xc0\x2b\0\2\0\1\0\0\0\1\0\4\1y\xc0\x14");
	static const uint16_t pointers[] = { 19, 21, 39, 53 };
	assert_int_equal(w->n_pointers, COUNT_OF(pointers));
	assert_memory_equal(w->pointers, pointers, sizeof(pointers));
}

/* RFC 3597 4, RFC 2782: names in RDATA of newer types are never compressed. */
static void test_uncompressed_types(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE("\7example\3org"));
	dns_write_record(w, STR_NONE, DNS_TYPE_SRV, 1, str_slice("\0\1\0\2\0\3\1a\7example\3org", 21));
	ASSERT_BODY(w, "\xc0\x0c\0\41\0\1\0\0\0\1\0\25\0\1\0\2\0\3\1a\7example\3org\0");
}

static void test_soa(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE("\3org"));
	dns_write_record(w, WIRE("\3org"), DNS_TYPE_SOA, 1, str_slice("\2ns\3org\0\1h\3org\0aaaabbbbccccddddeeee", 35));
	ASSERT_BODY(w, "\xc0\x0c\0\6\0\1\0\0\0\1\0\35\2ns\xc0\x0c\1h\xc0\x0c"
	               "aaaabbbbccccddddeeee");
	assert_int_equal(w->n_pointers, 3);
}

/* A name at the root has nothing to point to. */
static void test_root(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE(""));
	dns_write_record(w, WIRE(""), DNS_TYPE_NS, 1, WIRE(""));
	ASSERT_BODY(w, "\0\0\2\0\1\0\0\0\1\0\1\0");
}

/* Pointers have 14 bits: beyond what they reach names are written out. The whole stays within a message. */
static void test_limits(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE("\3org"));
	static const char filler[30000];
	dns_write_record(w, STR_NONE, DNS_TYPE_TXT, 1, str_slice(filler, 20000));
	size_t before = w->n;
	dns_write_record(w, STR_NONE, DNS_TYPE_NS, 1, WIRE("\4far1\3net"));
	dns_write_record(w, STR_NONE, DNS_TYPE_NS, 1, WIRE("\4far1\3net"));
	assert_int_equal(w->n - before, 2 * (12 + 10));
	dns_write_record(w, STR_NONE, DNS_TYPE_TXT, 1, str_slice(filler, 20000));
	dns_write_record(w, STR_NONE, DNS_TYPE_TXT, 1, str_slice(filler, 65535 - 12 - w->n));
	assert_false(w->is_full);
	assert_int_equal(w->n, 65535);
	dns_write_record(w, STR_NONE, DNS_TYPE_TXT, 1, STR_NONE);
	assert_true(w->is_full);
	dns_write_begin(w, WIRE("\3org"));
	assert_false(w->is_full);
}

/* Thousands of names: the tables of places fill up, and what comes then is written out. */
static void test_many_names(void **state) {
	struct dns_writer *w = *state;
	dns_write_begin(w, WIRE("\3org"));
	for (int i = 0; i < 3000; i++) {
		char name[16];
		int n = snprintf(name, sizeof(name), "%cn%04d%corg", 5, i, 3);
		dns_write_record(w, STR_NONE, DNS_TYPE_NS, 1, str_slice(name, (size_t)n + 1));
	}
	assert_false(w->is_full);
	assert_true(w->n_names <= DNS_WRITER_NAMES);
	assert_true(w->n_pointers <= DNS_WRITER_POINTERS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question_owner),
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_uncompressed_types),
		cmocka_unit_test(test_soa),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
