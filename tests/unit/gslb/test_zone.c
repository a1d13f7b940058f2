/* SPDX-License-Identifier: BSD-2-Clause */
/* Zone files: what is refused, in which words and with which line; that the old zone then serves on; nested zones. */
#include "unit/gslb/fixture.h"

#define HEAD "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n"
#define LISTENER "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
#define YAML LISTENER "zones: { example.org: { file: example.org.zone } }\n"
#define YAML_STEERED(name)                                                                                                       \
	LISTENER FIXTURE_SITES "zones: { example.org: { file: example.org.zone, names: { " name                                  \
			       ": { pool: app, sites: [cloud] } } } }\n"

static int setup(void **state) {
	*state = fixture_create();
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

static void assert_refused(struct fixture *x, const char *yaml, const char *zone, const char *why) {
	struct err e = { "" };
	fixture_file(x, "example.org.zone", zone);
	assert_false(fixture_reload(x, yaml, &e));
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_errors_name_file_and_line(void **state) {
	struct fixture *x = *state;
	static const struct {
		const char *zone, *why;
	} rows[] = {
		{ HEAD "bad 60 A 300.1.1.1\n", "example.org.zone:4: " },
		{ HEAD "\n\n; comment\nbad 60 A\n", "example.org.zone:7: " },
		{ HEAD "web 60 TXT (\n \"a\"\n \"b\" )\nbad 60 NOSUCHTYPE x\n", "example.org.zone:7: " },
		{ HEAD "www.example.com. 60 A 192.0.2.1\n",
		  "example.org.zone:4: www.example.com. is outside of zone example.org." },
		{ HEAD "$INCLUDE other.zone\n", "example.org.zone:4: $INCLUDE" },
		{ HEAD "x 60 CH TXT \"x\"\n", "example.org.zone:4: only class IN" },
		{ HEAD "x 60 DNAME y\n", "example.org.zone:4: DNAME is not supported" },
		{ HEAD "x 60 MX \\# 0\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 MX \\# 2 000a\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 SRV \\# 6 000100020003\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 NS \\# 0\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 TYPE33 \\# 4 00010002\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 SOA \\# 0\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 SOA \\# 10 00000000000100000002\n",
		  "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 TXT \\# 0\n", "example.org.zone:4: the record's data ends before its last field" },
		{ HEAD "x 60 NSEC y A\n", "example.org.zone:4: the zone is signed" },
		{ HEAD "x 60 CNAME y\nx 60 A 192.0.2.1\n",
		  "example.org.zone:4: x.example.org.: a CNAME record beside other records" },
		{ HEAD "x 60 A 192.0.2.1\nx 60 CNAME y\n",
		  "example.org.zone:5: x.example.org.: a CNAME record beside other records" },
		{ HEAD "x 60 CNAME y\nx 60 CNAME z\n", "example.org.zone:4: x.example.org.: more than one CNAME record" },
		{ HEAD "@ 3600 SOA ns2 hostmaster 1 2 3 4 5\n", "example.org.zone:1: example.org.: more than one SOA record" },
		{ HEAD "sub 3600 SOA ns2 hostmaster 1 2 3 4 5\n", "example.org.zone:4: sub.example.org.: a SOA record below" },
		{ HEAD "*.sub 3600 NS ns1\n", "example.org.zone:4: *.sub.example.org.: a wildcard can't be delegated" },
		{ "@ 3600 IN NS ns1\n", "example.org.zone: no SOA record of example.org." },
		{ "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n", "example.org.zone: no NS record of example.org." },
		{ "", "example.org.zone: no SOA record of example.org." },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_refused(x, YAML, rows[i].zone, rows[i].why);
}

static void test_steered_names_refused(void **state) {
	struct fixture *x = *state;
	assert_refused(x, YAML_STEERED("app"), HEAD "app 60 A 192.0.2.9\n",
	               "zones.example.org.names.app: the zone file has a static A record");
	assert_refused(x, YAML_STEERED("app"), HEAD "app 60 A 192.0.2.9\n", "example.org.zone:4); remove one of the two");
	assert_refused(x, YAML_STEERED("app"), HEAD "app 60 AAAA 2001:db8::9\n", "static AAAA record");
	assert_refused(x, YAML_STEERED("app"), HEAD "app 60 CNAME ns1\n", "static CNAME record");
	assert_refused(x, YAML_STEERED("app.sub"), HEAD "sub 60 NS ns1\n", "names.app.sub: the name is delegated away");
	assert_refused(x, YAML_STEERED("sub"), HEAD "sub 60 NS ns1\n", "names.sub: the name is delegated away");
}

static void test_old_zone_serves_on(void **state) {
	struct fixture *x = *state;
	struct err e;
	fixture_file(x, "example.org.zone", HEAD "web 60 A 192.0.2.9\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "web.example.org", 1), "NOERROR aa\nan web.example.org. 60 IN A 192.0.2.9\n");
	fixture_file(x, "example.org.zone", HEAD "web 60 A 192.0.2\n");
	assert_false(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "web.example.org", 1), "NOERROR aa\nan web.example.org. 60 IN A 192.0.2.9\n");
	fixture_file(x, "example.org.zone", HEAD "web 60 A 192.0.2.10\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "web.example.org", 1), "NOERROR aa\nan web.example.org. 60 IN A 192.0.2.10\n");
}

/* RFC 1035 5.1, RFC 2308 4, RFC 2181 5: $ORIGIN, $TTL, inherited owners, parentheses, duplicates, differing TTLs, case. */
static void test_master_format(void **state) {
	struct fixture *x = *state;
	struct err e;
	fixture_file(x, "example.org.zone",
	             "$TTL 1h\n"
	             "@ IN SOA ns1 hostmaster (\n 1 ; serial\n 2 3 4 300 )\n"
	             "  NS NS1\n"
	             "NS1 A 192.0.2.1\n"
	             "    A 192.0.2.1\n"
	             "$ORIGIN sub.example.org.\n"
	             "two 60 A 192.0.2.2\n"
	             "TWO 30 A 192.0.2.3\n"
	             "a\\.b A 192.0.2.4\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "ns1.example.org", 1), "NOERROR aa\nan ns1.example.org. 3600 IN A 192.0.2.1\n");
	assert_string_equal(ask(x, "two.sub.example.org", 1),
	                    "NOERROR aa\nan two.sub.example.org. 30 IN A 192.0.2.2\nan two.sub.example.org. 30 IN A 192.0.2.3\n");
	assert_string_equal(ask(x, "b.sub.example.org", 1),
	                    "NXDOMAIN aa\nns example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 300\n");
	query_begin(x, "", 1);
	x->n_query = 12;
	query_add(x, "\3a.b", 4);
	query_add_name(x, "sub.example.org");
	query_add(x, "\0\1\0\1", 4);
	query_send(x, false, 4096);
	assert_string_equal(answer_text(x), "NOERROR aa\nan a\\.b.sub.example.org. 3600 IN A 192.0.2.4\n");
}

/* Two zones, one inside the other: each name is answered by the closest; DS by the upper one (RFC 4035 3.1.4.1). */
static void test_nested_zones(void **state) {
	struct fixture *x = *state;
	struct err e;
	fixture_file(x, "example.org.zone",
	             HEAD "in.sub 60 A 192.0.2.9\nsub 60 NS ns1\nsub 60 DS 1 13 2 00\ninto 60 CNAME web.sub\n"
	                  "bare 60 A 192.0.2.10\nto-bare 60 CNAME x.y.bare2\n");
	fixture_file(x, "sub.zone", HEAD "web 60 A 192.0.2.8\n");
	assert_true(fixture_reload(x,
	                           LISTENER
	                           "zones: { sub.example.org: { file: sub.zone }, example.org: { file: example.org.zone }, "
	                           "y.bare2.example.org: { file: sub.zone } }\n",
	                           &e));
	assert_string_equal(ask(x, "web.sub.example.org", 1), "NOERROR aa\nan web.sub.example.org. 60 IN A 192.0.2.8\n");
	assert_string_equal(
	    ask(x, "in.sub.example.org", 1),
	    "NXDOMAIN aa\nns sub.example.org. 300 IN SOA ns1.sub.example.org. hostmaster.sub.example.org. 1 2 3 4 300\n");
	assert_string_equal(
	    ask(x, "sub.example.org", 2),
	    "NOERROR aa\nan sub.example.org. 3600 IN NS ns1.sub.example.org.\nar ns1.sub.example.org. 3600 IN A 192.0.2.1\n");
	assert_string_equal(ask(x, "sub.example.org", 43), "NOERROR aa\nan sub.example.org. 60 IN DS 1 13 2 00\n");
	assert_string_equal(ask(x, "ns1.example.org", 1), "NOERROR aa\nan ns1.example.org. 3600 IN A 192.0.2.1\n");
	assert_string_equal(ask(x, "into.example.org", 1), "NOERROR aa\n"
	                                                   "an into.example.org. 60 IN CNAME web.sub.example.org.\n"
	                                                   "ns sub.example.org. 60 IN NS ns1.example.org.\n"
	                                                   "ar ns1.example.org. 3600 IN A 192.0.2.1\n");
	/* Without a delegation the upper zone does not deny what is in the lower one. */
	assert_string_equal(ask(x, "to-bare.example.org", 1),
	                    "NOERROR aa\nan to-bare.example.org. 60 IN CNAME x.y.bare2.example.org.\n");
}

static void test_many_names(void **state) {
	struct fixture *x = *state;
	struct err e;
	struct buf b = { 0 };
	buf_printf(&b, HEAD);
	for (int i = 0; i < 20000; i++)
		buf_printf(&b, "host-%d.rack-%d 60 A 10.0.%d.%d\n", i, i % 100, i / 256, i % 256);
	buf_add_char(&b, '\0');
	fixture_file(x, "example.org.zone", b.p);
	buf_fini(&b);
	assert_true(fixture_reload(x, YAML, &e));
	for (int i = 0; i < 20000; i += 7) {
		char name[64], expected[128];
		snprintf(name, sizeof(name), "host-%d.rack-%d.example.org", i, i % 100);
		snprintf(expected, sizeof(expected), "NOERROR aa\nan %s. 60 IN A 10.0.%d.%d\n", name, i / 256, i % 256);
		assert_string_equal(ask(x, name, 1), expected);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_name_file_and_line),
		cmocka_unit_test(test_steered_names_refused),
		cmocka_unit_test(test_old_zone_serves_on),
		cmocka_unit_test(test_master_format),
		cmocka_unit_test(test_nested_zones),
		cmocka_unit_test(test_many_names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
