/* SPDX-License-Identifier: BSD-2-Clause */
/* Zone files: what is refused, in which words and with which line; that the old zone then serves on; nested zones. */
#include "unit/gslb/fixture.h"

#include <sys/stat.h>

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
	gslb_destroy(x->gslb); /* as at start: there is no older version to keep */
	x->gslb = gslb_create(x->fleet, NULL, &e);
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
		{ HEAD "$INCLUDE nowhere.zone\n", "nowhere.zone: No such file or directory" },
		{ HEAD "$INCLUDE nowhere.zone\n", "example.org.zone:4: " },
		{ HEAD "$INCLUDE example.org.zone\n", "example.org.zone includes itself; remove this line" },
		{ HEAD "$INCLUDE ../\n", "not a regular file" },
		{ HEAD "$INCLUDE\n", "example.org.zone:4: $INCLUDE takes a file" },
		{ HEAD "$INCLUDE a b c\n", "example.org.zone:4: $INCLUDE takes a file" },
		{ HEAD "$INCLUDE a b..c\n", "example.org.zone:4: `b..c` is not a domain name: it has an empty label" },
		{ HEAD "$ORIGIN\n", "example.org.zone:4: $ORIGIN takes one value" },
		{ HEAD "$ORIGIN a..b\n", "example.org.zone:4: `a..b` is not a domain name" },
		{ HEAD "$ORIGIN com.\nx 60 A 192.0.2.1\n", "example.org.zone:5: x.com. is outside of zone example.org." },
		{ HEAD "$TTL 1x\n", "example.org.zone:4: $TTL takes" },
		{ HEAD "$GENERATE 1-2 a A 192.0.2.$\n", "example.org.zone:4: `$GENERATE` is not supported" },
		{ HEAD "x 4294967296 A 192.0.2.1\n", "example.org.zone:4: `4294967296` is not a TTL" },
		{ HEAD "x 60 60 A 192.0.2.1\n", "example.org.zone:4: `60` is no type of record" },
		{ HEAD "x 60 IN\n", "example.org.zone:4: a record without a type" },
		{ HEAD "\"x\" 60 A 192.0.2.1\n", "example.org.zone:4: `x` is not a domain name: it is quoted" },
		{ " 60 A 192.0.2.1\n", "example.org.zone:1: the first record has no name" },
		{ HEAD "x 60 ( A\n", "example.org.zone:4: a parenthesis is not closed" },
		{ HEAD "@ 60 DS 1 13 2 00\n", "example.org.zone:4: example.org.: a DS record at the zone's apex" },
		{ HEAD "x 60 DS 1 13 2 00\n", "example.org.zone:4: x.example.org.: a DS record without NS records" },
		{ HEAD "x 60 CH TXT \"x\"\n", "example.org.zone:4: only class IN" },
		{ HEAD "x 60 OPT \\# 0\n", "example.org.zone:4: this type can't stand in a zone" },
		{ HEAD "x 60 TYPE0 \\# 0\n", "example.org.zone:4: this type can't stand in a zone" },
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
		{ "@ 3600 IN NS ns1\n", "example.org.zone: no SOA record of example.org.; add one" },
		{ "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n", "example.org.zone: no NS record of example.org." },
		{ "", "example.org.zone: no SOA record of example.org.; add one" },
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

/* RFC 1035 5.1: a file's origin and last name do not outlive it; RFC 2308 4: $TTL does. Paths are relative to the including file. */
static void test_include(void **state) {
	struct fixture *x = *state;
	struct err e;
	char folder[64];
	snprintf(folder, sizeof(folder), "%s/parts", x->directory);
	mkdir(folder, 0700);
	fixture_file(x, "example.org.zone",
	             HEAD "$TTL 100\n"
	                  "a A 192.0.2.1\n"
	                  "$INCLUDE parts/one.zone sub\n"
	                  "  TXT \"still a\"\n"
	                  "b A 192.0.2.2\n"
	                  "$INCLUDE \"parts/two.zone\" ; c\n");
	fixture_file(x, "parts/one.zone",
	             "  A 192.0.2.9\nc A 192.0.2.3\n$TTL 200\n$ORIGIN deep\nd A 192.0.2.4\n$INCLUDE two.zone\n");
	fixture_file(x, "parts/two.zone", "e CNAME @\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "a.example.org", 1),
	                    "NOERROR aa\nan a.example.org. 100 IN A 192.0.2.1\nan a.example.org. 100 IN A 192.0.2.9\n");
	assert_string_equal(ask(x, "a.example.org", 16), "NOERROR aa\nan a.example.org. 200 IN TXT \"still a\"\n");
	assert_string_equal(ask(x, "b.example.org", 1), "NOERROR aa\nan b.example.org. 200 IN A 192.0.2.2\n");
	assert_string_equal(ask(x, "c.sub.example.org", 1), "NOERROR aa\nan c.sub.example.org. 100 IN A 192.0.2.3\n");
	assert_string_equal(ask(x, "d.deep.sub.example.org", 1), "NOERROR aa\nan d.deep.sub.example.org. 200 IN A 192.0.2.4\n");
	assert_string_equal(ask(x, "e.deep.sub.example.org", 5),
	                    "NOERROR aa\nan e.deep.sub.example.org. 200 IN CNAME deep.sub.example.org.\n");
	assert_string_equal(ask(x, "e.example.org", 5), "NOERROR aa\nan e.example.org. 200 IN CNAME example.org.\n");
}

static void test_include_errors(void **state) {
	struct fixture *x = *state;
	fixture_file(x, "other.zone", "\nx 60 A 192.0.2\n");
	assert_refused(x, YAML, HEAD "$INCLUDE other.zone\n", "/other.zone:2: `192.0.2` is not an IPv4 address");
	fixture_file(x, "other.zone", "\nx 60 CNAME a\n");
	assert_refused(x, YAML, HEAD "$INCLUDE other.zone\nx 60 A 192.0.2.1\n",
	               "/other.zone:2: x.example.org.: a CNAME record beside other records");
	fixture_file(x, "other.zone", "\n$INCLUDE third.zone\n");
	fixture_file(x, "third.zone", "\n\n$INCLUDE other.zone\n");
	assert_refused(x, YAML, HEAD "$INCLUDE other.zone\n", "/third.zone:3: ");
	assert_refused(x, YAML, HEAD "$INCLUDE other.zone\n", "/other.zone includes itself");
	for (int i = 0; i < 20; i++) {
		char name[32], text[48];
		snprintf(name, sizeof(name), "%d.zone", i);
		snprintf(text, sizeof(text), "$INCLUDE %d.zone\n", i + 1);
		fixture_file(x, name, text);
	}
	assert_refused(x, YAML, HEAD "$INCLUDE 0.zone\n", "/14.zone:1: files are included more than 16 deep");
}

/* TTL and class in either order; a TTL that is not said is $TTL, or else the last one that was said (RFC 1035 5.1, RFC 2308 4). */
static void test_ttl_and_class(void **state) {
	struct fixture *x = *state;
	struct err e;
	fixture_file(x, "example.org.zone",
	             "@ SOA ns1 hostmaster 1 2 3 4 300\n@ NS ns1\nns1 IN 1h A 192.0.2.1\n"
	             "a in 1m TXT a\nb TXT b\nc CLASS1 TXT c\nin 5 TXT d\n$TTL 77\n60 TXT e\ntxt 6 TXT f\nf TXT f\nhigh "
	             "2147483648 TXT g\n");
	assert_true(fixture_reload(x, YAML, &e));
	static const struct {
		const char *name;
		unsigned ttl;
	} rows[] = { { "example.org", 3600 }, { "a.example.org", 60 },  { "b.example.org", 60 }, { "c.example.org", 60 },
		     { "in.example.org", 5 }, { "60.example.org", 77 }, { "f.example.org", 77 }, { "high.example.org", 0 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char expected[64];
		snprintf(expected, sizeof(expected), "an %s. %u IN ", rows[i].name, rows[i].ttl);
		if (!strstr(ask(x, rows[i].name, i == 0 ? 2 : 16), expected))
			fail_msg("%s: %s", rows[i].name, x->text.p);
	}
}

/* RFC 9460 4.1, and every other type with a host's name: its addresses go into the additional section. */
static void test_additional(void **state) {
	struct fixture *x = *state;
	struct err e;
	fixture_file(x, "example.org.zone",
	             HEAD "h 60 HTTPS 1 ns1 alpn=h2\ns 60 SVCB 0 ns1\nk 60 KX 10 ns1\nf 60 AFSDB 1 ns1\nr 60 RT 1 ns1\n"
	                  "v 60 SRV 1 2 3 ns1\nm 60 MX 1 ns1\n@ 60 HTTPS 0 svc.example.net.\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "h.example.org", 65), "NOERROR aa\nan h.example.org. 60 IN HTTPS 1 ns1.example.org. alpn=h2\n"
	                                                 "ar ns1.example.org. 3600 IN A 192.0.2.1\n");
	static const struct {
		const char *name;
		unsigned type;
	} rows[] = { { "s", 64 }, { "k", 36 }, { "f", 18 }, { "r", 21 }, { "v", 33 }, { "m", 15 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char name[32];
		snprintf(name, sizeof(name), "%s.example.org", rows[i].name);
		if (!strstr(ask(x, name, rows[i].type), "\nar ns1.example.org. 3600 IN A 192.0.2.1\n"))
			fail_msg("%s: %s", name, x->text.p);
	}
	assert_string_equal(ask(x, "example.org", 65), "NOERROR aa\nan example.org. 60 IN HTTPS 0 svc.example.net.\n");
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

/* A name with more, and longer, answers than distances of 16 bits can reach. */
static void test_large_name(void **state) {
	struct fixture *x = *state;
	struct err e;
	struct buf b = { 0 };
	buf_printf(&b, HEAD);
	for (int type = 0; type < 100; type++)
		for (int i = 0; i < 20; i++)
			buf_printf(&b, "big 60 TYPE%d \\# 200 %0400d\n", 65280 + type, i);
	buf_printf(&b, "small 60 A 192.0.2.1\n");
	buf_add_char(&b, '\0');
	fixture_file(x, "example.org.zone", b.p);
	buf_fini(&b);
	assert_true(fixture_reload(x, YAML, &e));
	for (unsigned type = 0; type < 100; type++) {
		query_begin(x, "big.example.org", 65280 + type);
		query_send(x, true, DNS_MESSAGE_MAX);
		assert_int_equal(dns_get16(x->answer + 6), 20);
		assert_int_equal(dns_get16(x->answer + 12 + 21 + 2), 65280 + type);
	}
	assert_string_equal(ask(x, "small.example.org", 1), "NOERROR aa\nan small.example.org. 60 IN A 192.0.2.1\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_name_file_and_line),
		cmocka_unit_test(test_steered_names_refused),
		cmocka_unit_test(test_master_format),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_include_errors),
		cmocka_unit_test(test_ttl_and_class),
		cmocka_unit_test(test_additional),
		cmocka_unit_test(test_nested_zones),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_large_name),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
