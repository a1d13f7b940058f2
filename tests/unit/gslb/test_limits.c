/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates by network and kind of answer, slip, amplification, and who is beyond doubt; on a virtual clock. */
#include "unit/gslb/fixture.h"

#define BASE                                                                                                                     \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones: { example.org: { file: example.org.zone } }\n"

static uint64_t test_time_us = 1000 * USEC_PER_SEC;
static uint64_t test_clock(void) {
	return test_time_us;
}

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct buf zone = { 0 };
	clock_set_source(test_clock);
	buf_printf(&zone, "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\nweb 60 A 192.0.2.4\n"
	                  "cut 60 NS ns.cut\nns.cut 60 A 192.0.2.9\n");
	for (int i = 0; i < 20; i++)
		buf_printf(&zone, "long 60 A 192.0.3.%d\n", i);
	buf_add_char(&zone, '\0');
	fixture_file(x, "example.org.zone", zone.p);
	buf_fini(&zone);
	*state = x;
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	clock_set_source(NULL);
	return 0;
}
static void reload(struct fixture *x, const char *yaml) {
	struct err e;
	test_time_us += 100 * USEC_PER_SEC;
	clock_update();
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
}

static void from(struct fixture *x, const char *address) {
	assert_true(addr_parse(&x->client, str_from(address)));
}

struct seen {
	unsigned whole, truncated, silent;
};
static struct seen ask_often(struct fixture *x, const char *name, unsigned type, unsigned n) {
	struct seen s = { 0 };
	for (unsigned i = 0; i < n; i++) {
		query_begin(x, name, type);
		query_edns(x, 1232, 0, 0);
		query_send(x, false, 4096);
		if (x->n_answer == 0)
			s.silent++;
		else if (x->answer[2] & 2)
			s.truncated++;
		else
			s.whole++;
	}
	return s;
}
#define ASSERT_SEEN(s, a, b, c)                                                                                                  \
	do {                                                                                                                     \
		struct seen seen = s;                                                                                            \
		if (seen.whole != (a) || seen.truncated != (b) || seen.silent != (c))                                            \
			fail_msg("%u whole, %u truncated, %u silent", seen.whole, seen.truncated, seen.silent);                  \
	} while (0)

static void test_rates_by_kind(void **state) {
	struct fixture *x = *state;
	reload(x, BASE "dns: { limits: { positive: 5, nodata: 4, nxdomain: 3, referral: 2, error: 1 } }\n");
	int64_t dropped = metric_sum(METRIC_gslb_rate_dropped_total), slipped = metric_sum(METRIC_gslb_rate_slipped_total);
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 20), 10, 5, 5); /* two seconds' worth; then every second one truncated */
	ASSERT_SEEN(ask_often(x, "web.example.org", 28, 20), 8, 6, 6);
	ASSERT_SEEN(ask_often(x, "nowhere.example.org", 1, 20), 6, 7, 7);
	ASSERT_SEEN(ask_often(x, "x.cut.example.org", 1, 20), 4, 8, 8);
	ASSERT_SEEN(ask_often(x, "elsewhere.test", 1, 20), 2, 9, 9);
	assert_int_equal(metric_sum(METRIC_gslb_rate_dropped_total), dropped + 35);
	assert_int_equal(metric_sum(METRIC_gslb_rate_slipped_total), slipped + 35);
	test_time_us += USEC_PER_SEC;
	clock_update();
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 5), 5, 0, 0);
	assert_string_equal(answer_text(x), "NOERROR aa edns\nan web.example.org. 60 IN A 192.0.2.4\n");
	ask_often(x, "web.example.org", 1, 2);
	assert_string_equal(answer_text(x), "NOERROR aa tc edns\n"); /* whole, with OPT, without records */
}

static void test_slip(void **state) {
	struct fixture *x = *state;
	reload(x, BASE "dns: { limits: { positive: 5, slip: 0 } }\n");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 20), 10, 0, 10);
	reload(x, BASE "dns: { limits: { positive: 5, slip: 1 } }\n");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 20), 10, 10, 0);
}

/* A /24 or /56 is one client; its neighbour is another. */
static void test_networks(void **state) {
	struct fixture *x = *state;
	reload(x, BASE "dns: { limits: { positive: 5, slip: 0, exempt: [203.0.113.0/24] } }\n");
	from(x, "192.0.2.1:1000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 6), 6, 0, 0);
	from(x, "192.0.2.255:2000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 6), 4, 0, 2);
	from(x, "192.0.3.1:1000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 6), 6, 0, 0);
	from(x, "[2001:db8:1:200::1]:1000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 6), 6, 0, 0);
	from(x, "[2001:db8:1:2ff::1]:1000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 6), 4, 0, 2);
	from(x, "[2001:db8:1:300::1]:1000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 6), 6, 0, 0);
	from(x, "203.0.113.7:1000");
	ASSERT_SEEN(ask_often(x, "web.example.org", 1, 50), 50, 0, 0);
	from(x, "198.51.100.200:5353");
}

/* Prefixes of every kind, also those of no bits and of all. */
static void test_exempt(void **state) {
	static const struct {
		const char *nets, *in, *out;
	} cases[] = {
		{ "203.0.113.0/25", "203.0.113.127:1", "203.0.113.128:1" },
		{ "198.51.100.1/32, 203.0.113.8/31", "203.0.113.9:1", "203.0.113.10:1" },
		{ "2001:db8::/33", "[2001:db8:7fff::1]:1", "[2001:db8:8000::1]:1" },
		{ "2001:db8::/32, 0.0.0.0/0", "203.0.113.1:1", "[2001:db9::1]:1" },
		{ "192.0.2.0/24, '::/0'", "[2001:db8::1]:1", "203.0.113.1:1" },
	};
	struct fixture *x = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char yaml[1024];
		snprintf(yaml, sizeof yaml, BASE "dns: { limits: { positive: 5, slip: 0, exempt: [%s] } }\n", cases[i].nets);
		reload(x, yaml);
		from(x, cases[i].in);
		ASSERT_SEEN(ask_often(x, "web.example.org", 1, 20), 20, 0, 0);
		from(x, cases[i].out);
		ASSERT_SEEN(ask_often(x, "web.example.org", 1, 20), 10, 0, 10);
	}
	from(x, "198.51.100.200:5353");
}

/* RFC 7873 4.2: who shows a valid cookie gets its answers through any flood in its name. TCP, too. */
static void test_beyond_doubt(void **state) {
	struct fixture *x = *state;
	uint8_t mine[24];
	size_t n;
	reload(x, BASE "dns: { limits: { positive: 5, slip: 0, amplification_allowance: 0 } }\n");
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	query_option(x, DNS_OPTION_COOKIE, "clientck", 8);
	query_send(x, false, 4096);
	memcpy(mine, answer_option(x, DNS_OPTION_COOKIE, &n), 24);
	ask_often(x, "web.example.org", 1, 20);
	for (int i = 0; i < 20; i++) {
		query_begin(x, "long.example.org", 1);
		query_edns(x, 1232, 0, 0);
		query_option(x, DNS_OPTION_COOKIE, mine, 24);
		query_send(x, false, 4096);
		assert_int_equal(dns_get16(x->answer + 6), 20);
		query_send(x, true, 65535);
		assert_int_equal(dns_get16(x->answer + 6), 20);
	}
	mine[23] ^= 1;
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	query_option(x, DNS_OPTION_COOKIE, mine, 24);
	query_send(x, false, 4096);
	assert_int_equal(x->n_answer, 0);
}

/* No more than three times the query, whatever is asked and however: each answer when the bound is strict. */
static void test_strict_amplification(void **state) {
	struct fixture *x = *state;
	static const char *const names[] = { "web.example.org",     "long.example.org",  "example.org",
		                             "nowhere.example.org", "x.cut.example.org", "",
		                             "elsewhere.test" };
	static const unsigned types[] = { 1, 2, 6, 15, 28, 255 };
	reload(x, BASE "dns: { nsid: '0123456789012345678901234567890123456789012345678901234567890123', "
	               "limits: { amplification_allowance: 0 } }\n");
	int64_t before = metric_sum(METRIC_gslb_amplification_truncated_total);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		for (size_t k = 0; k < COUNT_OF(types); k++)
			for (int options = 0; options < 3; options++) {
				query_begin(x, names[i], types[k]);
				if (options > 0)
					query_edns(x, 4096, 0, 0x8000);
				if (options > 1)
					query_option(x, DNS_OPTION_NSID, "", 0);
				query_send(x, false, 4096);
				assert_in_range(x->n_answer, 12, 3 * x->n_query);
				assert_echo(x);
				answer_text(x); /* well-formed */
			}
	assert_true(metric_sum(METRIC_gslb_amplification_truncated_total) > before);
	ASSERT_SEEN(ask_often(x, "long.example.org", 1, 3), 0, 3, 0);
	query_send(x, true, 65535);
	assert_int_equal(dns_get16(x->answer + 6), 20);
}

/* A resolver that asks now and then gets its long answers over UDP; a flood gets 3 times its bytes and the allowance. */
static void test_allowance(void **state) {
	struct fixture *x = *state;
	reload(x, BASE "dns: { limits: { amplification_allowance: 4KiB } }\n");
	for (int i = 0; i < 20; i++) {
		ASSERT_SEEN(ask_often(x, "long.example.org", 1, 10), 10, 0, 0);
		test_time_us += USEC_PER_SEC;
		clock_update();
	}
	size_t sent = 0, got = 0;
	for (int i = 0; i < 1000; i++) {
		ask_often(x, "long.example.org", 1, 1);
		got += x->n_query;
		sent += x->n_answer;
	}
	assert_in_range(sent, 0, 3 * got + 2 * 4096);
	reload(x, BASE "dns: { limits: { amplification: 0 } }\n");
	ASSERT_SEEN(ask_often(x, "long.example.org", 1, 10000), 10000, 0, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_by_kind), cmocka_unit_test(test_slip),
		cmocka_unit_test(test_networks),      cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_beyond_doubt),  cmocka_unit_test(test_strict_amplification),
		cmocka_unit_test(test_allowance),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
