/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of OPT, each by its RFC: what is taken, what is malformed, what is passed over. */
#include "steerway/base/mem.h"
#include "steerway/dns.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char *message; /* of the last parse, at its exact size: a sanitizer sees every byte read beyond */

/* A query for "a." A with these options. */
static enum dns_rcode parse(struct dns_query *q, const char *options, size_t n) {
	static const char head[] = "\xab\xcd\1\0\0\1\0\0\0\0\0\1\1a\0\0\1\0\1\0\0\x29\x04\xd0\0\0\0\0";
	size_t n_head = sizeof(head) - 1;
	mem_free(message);
	message = mem_alloc(n_head + 2 + n);
	memcpy(message, head, n_head);
	dns_put16(message + n_head, (unsigned)n);
	memcpy(message + n_head + 2, options, n);
	return dns_query_parse(q, str_slice(message, n_head + 2 + n));
}
#define PARSE(q, literal) parse(q, literal, sizeof(literal) - 1)

/* RFC 7871 6 */
static void test_client_subnet(void **state) {
	(void)state;
	static const struct {
		const char *option;
		size_t n;
		uint64_t high, low;
		unsigned bits;
		bool is_v6;
	} good[] = {
#define OK(text, ...) { text, sizeof(text) - 1, __VA_ARGS__ }
		OK("\0\10\0\7\0\1\30\0\306\63\144", UINT64_C(0xc633640000000000), 0, 24, false),
		OK("\0\10\0\10\0\1\31\0\306\63\144\200", UINT64_C(0xc633648000000000), 0, 25, false),
		OK("\0\10\0\10\0\1\40\0\306\63\144\1", UINT64_C(0xc633640100000000), 0, 32, false),
		OK("\0\10\0\4\0\1\0\0", 0, 0, 0, false),
		OK("\0\10\0\4\0\0\0\0", 0, 0, 0, false),
		OK("\0\10\0\4\0\2\0\0", 0, 0, 0, true),
		OK("\0\10\0\13\0\2\70\0\x20\1\x0d\xb8\1\2\3", UINT64_C(0x20010db801020300), 0, 56, true),
		OK("\0\10\0\15\0\2\x41\0\x20\1\x0d\xb8\0\0\0\0\x80", UINT64_C(0x20010db800000000), UINT64_C(0x8000000000000000),
		   65, true),
		OK("\0\10\0\24\0\2\x80\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", UINT64_C(0x20010db800000000), 1, 128, true),
#undef OK
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dns_query q;
		assert_int_equal(parse(&q, good[i].option, good[i].n), DNS_NOERROR);
		assert_int_equal(q.n_ecs, good[i].n - 4);
		assert_memory_equal(q.ecs, good[i].option + 4, q.n_ecs);
		assert_true(q.ecs_net.high == good[i].high && q.ecs_net.low == good[i].low);
		assert_int_equal(q.ecs_net.n_bits, good[i].bits);
		assert_int_equal(q.ecs_net.is_v6, good[i].is_v6);
	}
	struct dns_query q;
	assert_int_equal(PARSE(&q, ""), DNS_NOERROR);
	assert_int_equal(q.n_ecs, 0);
}

static void test_malformed_client_subnet(void **state) {
	(void)state;
	struct dns_query q;
	assert_int_equal(PARSE(&q, "\0\10\0\0"), DNS_FORMERR);                          /* empty */
	assert_int_equal(PARSE(&q, "\0\10\0\3\0\1\0"), DNS_FORMERR);                    /* cut short */
	assert_int_equal(PARSE(&q, "\0\10\0\7\0\1\30\1\306\63\144"), DNS_FORMERR);      /* a scope */
	assert_int_equal(PARSE(&q, "\0\10\0\6\0\1\30\0\306\63"), DNS_FORMERR);          /* address too short */
	assert_int_equal(PARSE(&q, "\0\10\0\10\0\1\30\0\306\63\144\0"), DNS_FORMERR);   /* too long */
	assert_int_equal(PARSE(&q, "\0\10\0\7\0\1\27\0\306\63\145"), DNS_FORMERR);      /* bits behind 23 */
	assert_int_equal(PARSE(&q, "\0\10\0\11\0\1\41\0\306\63\144\1\0"), DNS_FORMERR); /* IPv4 of 33 bits */
	assert_int_equal(PARSE(&q, "\0\10\0\25\0\2\x81\0\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), DNS_FORMERR); /* IPv6 of 129 */
	assert_int_equal(PARSE(&q, "\0\10\0\7\0\3\30\0\306\63\144"), DNS_FORMERR);                            /* no such family */
	assert_int_equal(PARSE(&q, "\0\10\0\5\0\0\10\0\306"), DNS_FORMERR);             /* family 0, some bits */
	assert_int_equal(PARSE(&q, "\0\10\0\4\0\1\0\0\0\10\0\4\0\1\0\0"), DNS_FORMERR); /* twice */
	assert_true(q.has_question && q.has_edns);
}

/* RFC 7873 5.2: 8 bytes of the client, or 16 to 40 with the server's; the first counts. */
static void test_cookie(void **state) {
	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		char option[64] = { 0, 10, 0, (char)n };
		struct dns_query q;
		memset(option + 4, 'c', n);
		bool is_good = n == 8 || (n >= 16 && n <= 40);
		assert_int_equal(parse(&q, option, 4 + n), is_good ? DNS_NOERROR : DNS_FORMERR);
		if (is_good) {
			assert_int_equal(q.n_cookie, n);
			assert_memory_equal(q.cookie, option + 4, n);
		}
	}
	struct dns_query q;
	assert_int_equal(PARSE(&q, "\0\12\0\10firstone\0\12\0\10secondly\0\12\0\1x"), DNS_NOERROR);
	assert_memory_equal(q.cookie, "firstone", 8);
}

static void test_small_options(void **state) {
	(void)state;
	struct dns_query q;
	assert_int_equal(PARSE(&q, "\0\3\0\0"), DNS_NOERROR);
	assert_true(q.wants_nsid);
	assert_int_equal(q.keepalive, DNS_KEEPALIVE_NONE);
	assert_int_equal(PARSE(&q, "\0\13\0\0"), DNS_NOERROR);
	assert_int_equal(q.keepalive, DNS_KEEPALIVE_ASKED);
	assert_false(q.wants_nsid);
	assert_int_equal(PARSE(&q, "\0\13\0\2\0\1"), DNS_NOERROR);
	assert_int_equal(q.keepalive, DNS_KEEPALIVE_MALFORMED);
	assert_int_equal(PARSE(&q, "\0\14\0\3\0\0\0\xff\xff\0\1x\0\3\0\0"), DNS_NOERROR); /* padding, unknown, NSID */
	assert_true(q.wants_nsid);
	assert_int_equal(PARSE(&q, "\0\14\0\3\0\0"), DNS_FORMERR);
	assert_int_equal(PARSE(&q, "\0\14\0"), DNS_FORMERR);
}

/* RFC 7873 5.4: no question, but a cookie. */
static void test_no_question(void **state) {
	(void)state;
	static const char asks[] = "\xab\xcd\0\0\0\0\0\0\0\0\0\1\0\0\x29\x04\xd0\0\0\0\0\0\14\0\12\0\10clientck";
	struct dns_query q;
	assert_int_equal(dns_query_parse(&q, str_slice(asks, sizeof(asks) - 1)), DNS_NOERROR);
	assert_false(q.has_question);
	assert_int_equal(q.n_cookie, 8);
	static const char without[] = "\xab\xcd\0\0\0\0\0\0\0\0\0\1\0\0\x29\x04\xd0\0\0\0\0\0\0";
	assert_int_equal(dns_query_parse(&q, str_slice(without, sizeof(without) - 1)), DNS_FORMERR);
	assert_int_equal(dns_query_parse(&q, str_slice(without, DNS_HEADER_BYTES)), DNS_FORMERR);
}

static void test_net_cut(void **state) {
	(void)state;
	struct addr address = { .in6.sin6_family = AF_INET6 };
	memset(&address.in6.sin6_addr, 0xff, sizeof(address.in6.sin6_addr));
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct client_net c;
		client_net_read(&c, &address);
		client_net_cut(&c, bits);
		assert_int_equal(c.n_bits, bits);
		assert_int_equal(__builtin_popcountll(c.high) + __builtin_popcountll(c.low), bits);
		assert_true(bits == 0 || c.high >> 63);
		assert_true(c.low == 0 || ~c.high == 0);
		client_net_cut(&c, 200); /* never more than there were */
		assert_int_equal(c.n_bits, bits);
	}
}

static int teardown(void **state) {
	(void)state;
	mem_free(message);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_subnet), cmocka_unit_test(test_malformed_client_subnet),
		cmocka_unit_test(test_cookie),        cmocka_unit_test(test_small_options),
		cmocka_unit_test(test_no_question),   cmocka_unit_test(test_net_cut),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
