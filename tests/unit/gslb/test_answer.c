/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers from static records: what each RFC wants, by its number. */
#include "unit/gslb/fixture.h"

static const char zone[] = "$ORIGIN example.org.\n"
			   "$TTL 3600\n"
			   "@ IN SOA ns1 hostmaster 7 7200 900 1209600 300\n"
			   "  NS ns1\n"
			   "  NS ns.sub.example.org.\n"
			   "  MX 10 mail\n"
			   "  MX 20 Mail2.Example.Org.\n"
			   "  TXT \"v=spf1 -all\"\n"
			   "ns1 A 192.0.2.1\n"
			   "    AAAA 2001:db8::1\n"
			   "mail A 192.0.2.2\n"
			   "mail2 A 192.0.2.3\n"
			   "www CNAME web\n"
			   "web 60 A 192.0.2.4\n"
			   "web 60 TXT \"x\"\n"
			   "chain CNAME www\n"
			   "out CNAME www.example.com.\n"
			   "gone CNAME nothing\n"
			   "loop CNAME pool\n"
			   "pool CNAME loop\n"
			   "into CNAME host.sub\n"
			   "deep.er.ent A 192.0.2.5\n"
			   "*.wild A 192.0.2.6\n"
			   "*.wild MX 5 mail\n"
			   "here.wild TXT \"here\"\n"
			   "*.cwild CNAME web\n"
			   "*.self CNAME x.self\n"
			   "sub NS ns.sub\n"
			   "sub NS ns1\n"
			   "sub NS ns.elsewhere.net.\n"
			   "sub DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n"
			   "ns.sub A 192.0.2.7\n"
			   "nods NS ns.elsewhere.net.\n"
			   "_sip._tcp SRV 1 2 5060 mail\n"
			   "hinfo HINFO \"PDP\" \"ITS\"\n"
			   "other TYPE65280 \\# 3 010203\n";

#define SOA "ns example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 7 7200 900 1209600 300\n"
#define YAML                                                                                                                     \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones: { example.org: { file: example.org.zone } }\n"

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct err e;
	fixture_file(x, "example.org.zone", zone);
	if (!fixture_reload(x, YAML, &e))
		fail_msg("%s", e.text);
	*state = x;
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

static void test_static_records(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "web.example.org", 1), "NOERROR aa\nan web.example.org. 60 IN A 192.0.2.4\n");
	assert_string_equal(ask(x, "ns1.example.org", 28), "NOERROR aa\nan ns1.example.org. 3600 IN AAAA 2001:db8::1\n");
	assert_string_equal(ask(x, "other.example.org", 65280),
	                    "NOERROR aa\nan other.example.org. 3600 IN TYPE65280 \\# 3 010203\n");
	assert_string_equal(
	    ask(x, "example.org", 6),
	    "NOERROR aa\nan example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 7 7200 900 1209600 300\n");
}

static void test_additional_addresses(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "example.org", 15), "NOERROR aa\n"
	                                               "an example.org. 3600 IN MX 10 mail.example.org.\n"
	                                               "an example.org. 3600 IN MX 20 Mail2.example.org.\n"
	                                               "ar mail.example.org. 3600 IN A 192.0.2.2\n"
	                                               "ar Mail2.example.org. 3600 IN A 192.0.2.3\n");
	/* Glue below a cut is not the zone's own. */
	assert_string_equal(ask(x, "example.org", 2), "NOERROR aa\n"
	                                              "an example.org. 3600 IN NS ns1.example.org.\n"
	                                              "an example.org. 3600 IN NS ns.sub.example.org.\n"
	                                              "ar ns1.example.org. 3600 IN A 192.0.2.1\n"
	                                              "ar ns1.example.org. 3600 IN AAAA 2001:db8::1\n");
	assert_string_equal(ask(x, "_sip._tcp.example.org", 33),
	                    "NOERROR aa\n"
	                    "an _sip._tcp.example.org. 3600 IN SRV 1 2 5060 mail.example.org.\n"
	                    "ar mail.example.org. 3600 IN A 192.0.2.2\n");
}

/* RFC 2308 2.1, 2.2, 3: the TTL is the lower one of the SOA's own and its MINIMUM. */
static void test_negative(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_nxdomain_total);
	assert_string_equal(ask(x, "nothing.example.org", 1), "NXDOMAIN aa\n" SOA);
	assert_string_equal(ask(x, "a.b.c.d.web.example.org", 1), "NXDOMAIN aa\n" SOA);
	assert_int_equal(metric_sum(METRIC_gslb_nxdomain_total), before + 2);
	assert_string_equal(ask(x, "web.example.org", 28), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "example.org", 1), "NOERROR aa\n" SOA);
}

/* RFC 8020, RFC 4592 2.2.2: a name with nothing but names below it exists. */
static void test_empty_non_terminal(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "ent.example.org", 1), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "er.ent.example.org", 255), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "x.ent.example.org", 1), "NXDOMAIN aa\n" SOA);
	assert_string_equal(ask(x, "_tcp.example.org", 33), "NOERROR aa\n" SOA);
}

/* RFC 4592 2.2.1, 3.3.1 */
static void test_wildcard(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "a.wild.example.org", 1), "NOERROR aa\nan a.wild.example.org. 3600 IN A 192.0.2.6\n");
	assert_string_equal(ask(x, "a.b.c.wild.example.org", 1), "NOERROR aa\nan a.b.c.wild.example.org. 3600 IN A 192.0.2.6\n");
	assert_string_equal(ask(x, "a.wild.example.org", 28), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "*.wild.example.org", 1), "NOERROR aa\nan *.wild.example.org. 3600 IN A 192.0.2.6\n");
	/* Pointers into the question and into the answer move with the question's length. */
	assert_string_equal(ask(x, "long-label.wild.example.org", 15),
	                    "NOERROR aa\n"
	                    "an long-label.wild.example.org. 3600 IN MX 5 mail.example.org.\n"
	                    "ar mail.example.org. 3600 IN A 192.0.2.2\n");
	/* A name that exists blocks the wildcard, for itself and below. */
	assert_string_equal(ask(x, "here.wild.example.org", 1), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "x.here.wild.example.org", 1), "NXDOMAIN aa\n" SOA);
	/* The wildcard itself is an encloser without a wildcard of its own. */
	assert_string_equal(ask(x, "x.*.wild.example.org", 1), "NXDOMAIN aa\n" SOA);
	assert_string_equal(ask(x, "wild.example.org", 1), "NOERROR aa\n" SOA);
}

/* RFC 1034 3.6.2, RFC 6604 */
static void test_cname(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "www.example.org", 1), "NOERROR aa\n"
	                                                  "an www.example.org. 3600 IN CNAME web.example.org.\n"
	                                                  "an web.example.org. 60 IN A 192.0.2.4\n");
	assert_string_equal(ask(x, "chain.example.org", 16), "NOERROR aa\n"
	                                                     "an chain.example.org. 3600 IN CNAME www.example.org.\n"
	                                                     "an www.example.org. 3600 IN CNAME web.example.org.\n"
	                                                     "an web.example.org. 60 IN TXT \"x\"\n");
	assert_string_equal(ask(x, "www.example.org", 28),
	                    "NOERROR aa\nan www.example.org. 3600 IN CNAME web.example.org.\n" SOA);
	assert_string_equal(ask(x, "www.example.org", 5), "NOERROR aa\nan www.example.org. 3600 IN CNAME web.example.org.\n");
	assert_string_equal(ask(x, "out.example.org", 1), "NOERROR aa\nan out.example.org. 3600 IN CNAME www.example.com.\n");
	assert_string_equal(ask(x, "gone.example.org", 1),
	                    "NXDOMAIN aa\nan gone.example.org. 3600 IN CNAME nothing.example.org.\n" SOA);
	assert_string_equal(ask(x, "loop.example.org", 1), "NOERROR aa\n"
	                                                   "an loop.example.org. 3600 IN CNAME pool.example.org.\n"
	                                                   "an pool.example.org. 3600 IN CNAME loop.example.org.\n");
	assert_string_equal(ask(x, "a.b.cwild.example.org", 1), "NOERROR aa\n"
	                                                        "an a.b.cwild.example.org. 3600 IN CNAME web.example.org.\n"
	                                                        "an web.example.org. 60 IN A 192.0.2.4\n");
	assert_string_equal(ask(x, "y.self.example.org", 1), "NOERROR aa\n"
	                                                     "an y.self.example.org. 3600 IN CNAME x.self.example.org.\n"
	                                                     "an x.self.example.org. 3600 IN CNAME x.self.example.org.\n");
	assert_string_equal(ask(x, "into.example.org", 1), "NOERROR aa\n"
	                                                   "an into.example.org. 3600 IN CNAME host.sub.example.org.\n"
	                                                   "ns sub.example.org. 3600 IN NS ns.sub.example.org.\n"
	                                                   "ns sub.example.org. 3600 IN NS ns1.example.org.\n"
	                                                   "ns sub.example.org. 3600 IN NS ns.elsewhere.net.\n"
	                                                   "ar ns.sub.example.org. 3600 IN A 192.0.2.7\n"
	                                                   "ar ns1.example.org. 3600 IN A 192.0.2.1\n"
	                                                   "ar ns1.example.org. 3600 IN AAAA 2001:db8::1\n");
}

/* RFC 1034 4.3.2 3b, RFC 9471 */
static void test_referral(void **state) {
	struct fixture *x = *state;
	static const char referral[] = "NOERROR\n"
				       "ns sub.example.org. 3600 IN NS ns.sub.example.org.\n"
				       "ns sub.example.org. 3600 IN NS ns1.example.org.\n"
				       "ns sub.example.org. 3600 IN NS ns.elsewhere.net.\n"
				       "ar ns.sub.example.org. 3600 IN A 192.0.2.7\n"
				       "ar ns1.example.org. 3600 IN A 192.0.2.1\n"
				       "ar ns1.example.org. 3600 IN AAAA 2001:db8::1\n";
	assert_string_equal(ask(x, "sub.example.org", 1), referral);
	assert_string_equal(ask(x, "sub.example.org", 2), referral);
	assert_string_equal(ask(x, "a.b.sub.example.org", 28), referral);
	assert_string_equal(ask(x, "ns.sub.example.org", 1), referral);
	assert_string_equal(ask(x, "x.sub.example.org", 43), referral);
	/* RFC 4035 3.1.4.1: DS is the parent's. */
	assert_string_equal(ask(x, "sub.example.org", 43), "NOERROR aa\nan sub.example.org. 3600 IN DS 12345 13 2 "
	                                                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
	assert_string_equal(ask(x, "nods.example.org", 43), "NOERROR aa\n" SOA);
}

/* RFC 8482 4.2 */
static void test_any(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "example.org", 255), "NOERROR aa\nan example.org. 3600 IN HINFO \"RFC8482\" \"\"\n");
	assert_string_equal(ask(x, "q.wild.example.org", 255),
	                    "NOERROR aa\nan q.wild.example.org. 3600 IN HINFO \"RFC8482\" \"\"\n");
	assert_string_equal(ask(x, "hinfo.example.org", 255),
	                    "NOERROR aa\nan hinfo.example.org. 3600 IN HINFO \"PDP\" \"ITS\"\n");
	assert_string_equal(ask(x, "www.example.org", 255), "NOERROR aa\nan www.example.org. 3600 IN CNAME web.example.org.\n");
}

static void test_refused(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_refused_total);
	assert_string_equal(ask(x, "example.com", 1), "REFUSED\n");
	assert_string_equal(ask(x, "org", 1), "REFUSED\n");
	assert_string_equal(ask(x, "", 2), "REFUSED\n");
	assert_string_equal(ask(x, "xexample.org", 1), "REFUSED\n");
	assert_string_equal(ask(x, "example.org", 252), "REFUSED\n");
	assert_string_equal(ask(x, "example.org", 251), "REFUSED\n");
	assert_string_equal(ask(x, "example.org", 250), "NOTIMPL\n");
	query_begin(x, "version.bind", 16);
	x->query[x->n_query - 1] = 3; /* CH */
	query_send(x, false, 4096);
	assert_string_equal(answer_text(x), "REFUSED\n");
	assert_int_equal(metric_sum(METRIC_gslb_refused_total), before + 7);
}

static void test_case_is_kept(void **state) {
	struct fixture *x = *state;
	query_begin(x, "wEb.EXAMPLE.oRg", 1);
	query_send(x, false, 4096);
	static const uint8_t expected[] = { 0x12, 0x34, 0x85, 0x00, 0,   1,   0,   1, 0,   0,   0,   0,   3, 'w', 'E', 'b', 7,
		                            'E',  'X',  'A',  'M',  'P', 'L', 'E', 3, 'o', 'R', 'g', 0,   0, 1,   0,   1,   0xc0,
		                            0x0c, 0,    1,    0,    1,   0,   0,   0, 60,  0,   4,   192, 0, 2,   4 };
	assert_int_equal(x->n_answer, sizeof(expected));
	assert_memory_equal(x->answer, expected, sizeof(expected));
}

/* RFC 1035 4.1.4: MX behind a wildcard, byte by byte. */
static void test_compression(void **state) {
	struct fixture *x = *state;
	ask(x, "AB.wild.example.org", 15);
	static const uint8_t expected[] = { 0xc0, 0x0c, 0,    15,   0, 1, 0, 0, 14, 16, 0,  9,  0, 5, 4,   'm', 'a', 'i', 'l',
		                            0xc0, 0x14, 0xc0, 0x33, 0, 1, 0, 1, 0,  0,  14, 16, 0, 4, 192, 0,   2,   2 };
	size_t question = 12 + 21 + 4;
	assert_int_equal(x->n_answer, question + sizeof(expected));
	assert_memory_equal(x->answer + question, expected, sizeof(expected));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_records), cmocka_unit_test(test_additional_addresses),
		cmocka_unit_test(test_negative),       cmocka_unit_test(test_empty_non_terminal),
		cmocka_unit_test(test_wildcard),       cmocka_unit_test(test_cname),
		cmocka_unit_test(test_referral),       cmocka_unit_test(test_any),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_case_is_kept),
		cmocka_unit_test(test_compression),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
