/* SPDX-License-Identifier: BSD-2-Clause */
/* The query parser, field by field; what the responder makes of malformed ones stands in unit/gslb/test_wire.c. */
#include "steerway/base/mem.h"
#include "steerway/dns.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Parsed from the heap at its exact size, so that a sanitizer sees every byte read beyond. */
static enum dns_rcode parse(struct dns_query *q, const char *bytes, size_t n) {
	char *in = memcpy(mem_alloc(n), bytes, n);
	enum dns_rcode rcode = dns_query_parse(q, str_slice(in, n));
	mem_free(in);
	return rcode;
}
#define PARSE(q, literal) parse(q, literal, sizeof(literal) - 1)

#define HEAD(counts) "\xab\xcd\x01\x20" counts
#define QUESTION "\1A\2bC\0\0\34\0\1"

static void test_fields(void **state) {
	(void)state;
	struct dns_query q;
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\0\0\0") QUESTION), DNS_NOERROR);
	assert_int_equal(q.id, 0xabcd);
	assert_int_equal(q.flags, 0x0120);
	assert_int_equal(q.type, DNS_TYPE_AAAA);
	assert_int_equal(q.class, DNS_CLASS_IN);
	assert_true(q.has_question);
	assert_false(q.has_edns);
	assert_int_equal(q.udp_bytes, 0);
	assert_int_equal(q.name.n, 6);
	assert_memory_equal(q.name.wire, "\1a\2bc", 6);
}

static void test_edns(void **state) {
	(void)state;
	struct dns_query q;
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\0\0\1") QUESTION "\0\0\x29\x04\xd0\0\0\x80\0\0\0"), DNS_NOERROR);
	assert_true(q.has_edns);
	assert_true(q.wants_dnssec);
	assert_int_equal(q.udp_bytes, 1232);
	assert_int_equal(
	    PARSE(&q, HEAD("\0\1\0\0\0\0\0\1") QUESTION "\0\0\x29\x02\0\0\0\x7f\xff\0\x0d\0\14\0\2hi\xff\xff\0\3abc"),
	    DNS_NOERROR);
	assert_false(q.wants_dnssec);
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\0\0\1") QUESTION "\0\0\x29\x02\0\0\1\0\0\0\0"), DNS_BADVERS);
	assert_true(q.has_edns);
}

/* Other records are stepped over, whatever their owner looks like; OPT may stand in the additional section alone. */
static void test_other_records(void **state) {
	(void)state;
	struct dns_query q;
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\1\0\1\0\2") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\4wxyz" /* answer */
	                                                             "\1x\xc0\x0c\0\2\0\1\0\0\0\0\0\0"  /* authority */
	                                                             "\1x\0\0\xfa\0\xff\0\0\0\0\0\2zz"  /* additional: TSIG */
	                                                             "\0\0\x29\x04\xd0\0\0\0\0\0\0"),
	                 DNS_NOERROR);
	assert_true(q.has_edns);
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\1\0\0") QUESTION "\0\0\x29\x04\xd0\0\0\0\0\0\0"), DNS_FORMERR);
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\0\0\1") QUESTION "\xc0"), DNS_FORMERR);
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\0\0\1") QUESTION "\0\0\1\0\1\0\0\0\0\0\4xyz"), DNS_FORMERR);
	assert_int_equal(PARSE(&q, HEAD("\0\1\0\0\0\0\xff\xff") QUESTION), DNS_FORMERR);
	assert_int_equal(PARSE(&q, HEAD("\0\1\xff\xff\xff\xff\xff\xff") QUESTION "\0\0\1\0\1\0\0\0\0\0\0"), DNS_FORMERR);
	assert_true(q.has_question);
}

/* Any byte of a good query may be anything: the parser says something, and never reads beyond (seen by sanitizers). */
static void test_every_byte(void **state) {
	(void)state;
	static const char good[] = HEAD("\0\1\0\0\0\0\0\1") QUESTION "\0\0\x29\x04\xd0\0\0\x80\0\0\6\0\3\0\2hi";
	struct dns_query q;
	unsigned seen[17] = { 0 }, n_silent = 0;
	for (size_t i = 0; i < sizeof(good) - 1; i++)
		for (unsigned c = 0; c < 256; c++) {
			char bad[sizeof(good)];
			memcpy(bad, good, sizeof(good));
			bad[i] = (char)c;
			enum dns_rcode rcode = parse(&q, bad, sizeof(good) - 1);
			if (rcode == DNS_SILENCE)
				n_silent++;
			else
				seen[rcode]++;
		}
	assert_int_equal(n_silent, 128);
	assert_int_equal(seen[DNS_BADVERS], 255);
	assert_int_equal(seen[DNS_NOTIMP], 128 - 8);
	assert_true(seen[DNS_NOERROR] > 0);
	assert_true(seen[DNS_FORMERR] > 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_edns),
		cmocka_unit_test(test_other_records),
		cmocka_unit_test(test_every_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
