/* SPDX-License-Identifier: BSD-2-Clause */
/* DNAME by RFC 6672's sections: what is answered at, below and above its owner; what can't stand beside or below it. */
#include "unit/gslb/fixture.h"

#define HEAD "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n"
#define LISTENER "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
#define YAML LISTENER "zones: { example.org: { file: example.org.zone } }\n"
#define SOA "ns example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 300\n"

static int setup(void **state) {
	*state = fixture_create();
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

static void load(struct fixture *x, const char *records) {
	char text[2048];
	struct err e;
	snprintf(text, sizeof(text), HEAD "%s", records);
	fixture_file(x, "example.org.zone", text);
	if (!fixture_reload(x, YAML, &e))
		fail_msg("%s", e.text);
}

/* 2.2, 3.1, 5.3.1: the DNAME, and a CNAME with its TTL, whatever the type. */
static void test_below(void **state) {
	struct fixture *x = *state;
	load(x, "old 100 DNAME new.example.net.\nold 60 A 192.0.2.2\n");
	static const unsigned types[] = { 1, 28, 2, 5, 39, 43, 255, 65280 };
	for (size_t i = 0; i < COUNT_OF(types); i++)
		assert_string_equal(ask(x, "www.old.example.org", types[i]),
		                    "NOERROR aa\n"
		                    "an old.example.org. 100 IN DNAME new.example.net.\n"
		                    "an www.old.example.org. 100 IN CNAME www.new.example.net.\n");
	assert_string_equal(ask(x, "a.B.c.oLD.example.org", 1),
	                    "NOERROR aa\n"
	                    "an oLD.example.org. 100 IN DNAME new.example.net.\n"
	                    "an a.B.c.oLD.example.org. 100 IN CNAME a.B.c.new.example.net.\n");
}

/* 2.3: the owner itself is not redirected; what stands beside it is answered. */
static void test_owner(void **state) {
	struct fixture *x = *state;
	load(x, "old 100 DNAME new.example.net.\nold 60 A 192.0.2.2\n");
	assert_string_equal(ask(x, "old.example.org", 39), "NOERROR aa\nan old.example.org. 100 IN DNAME new.example.net.\n");
	assert_string_equal(ask(x, "old.example.org", 1), "NOERROR aa\nan old.example.org. 60 IN A 192.0.2.2\n");
	assert_string_equal(ask(x, "old.example.org", 28), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "xold.example.org", 1), "NXDOMAIN aa\n" SOA);
	/* At the apex everything below goes. */
	fixture_file(x, "example.org.zone", "@ 3600 IN SOA ns1.x. h.x. 1 2 3 4 300\n@ 3600 NS ns1.x.\n@ 60 DNAME example.net.\n");
	struct err e;
	assert_true(fixture_reload(x, YAML, &e));
	assert_string_equal(ask(x, "a.example.org", 1), "NOERROR aa\n"
	                                                "an example.org. 60 IN DNAME example.net.\n"
	                                                "an a.example.org. 60 IN CNAME a.example.net.\n");
	assert_string_equal(ask(x, "example.org", 2), "NOERROR aa\nan example.org. 3600 IN NS ns1.x.\n");
}

/* 2.1: the target may be the root, in the zone, or below another DNAME; whoever asks follows it. */
static void test_targets(void **state) {
	struct fixture *x = *state;
	load(x, "root 60 DNAME .\nin 60 DNAME web\na.web 60 A 192.0.2.3\ntwice 60 DNAME x.in\n"
	        "alias 60 CNAME a.in\n");
	assert_string_equal(ask(x, "a.root.example.org", 1), "NOERROR aa\n"
	                                                     "an root.example.org. 60 IN DNAME .\n"
	                                                     "an a.root.example.org. 60 IN CNAME a.\n");
	assert_string_equal(ask(x, "a.in.example.org", 1), "NOERROR aa\n"
	                                                   "an in.example.org. 60 IN DNAME web.example.org.\n"
	                                                   "an a.in.example.org. 60 IN CNAME a.web.example.org.\n");
	assert_string_equal(ask(x, "a.twice.example.org", 1), "NOERROR aa\n"
	                                                      "an twice.example.org. 60 IN DNAME x.in.example.org.\n"
	                                                      "an a.twice.example.org. 60 IN CNAME a.x.in.example.org.\n");
	/* An alias that leads below one says so, and neither that the name is there nor that it is not. */
	assert_string_equal(ask(x, "alias.example.org", 1), "NOERROR aa\nan alias.example.org. 60 IN CNAME a.in.example.org.\n");
}

/* 2.2: a name that would be longer than 255 bytes is YXDOMAIN, with the DNAME. */
static void test_too_long(void **state) {
	struct fixture *x = *state;
	char name[256], target[128] = "";
	for (int i = 0; i < 50; i++)
		strcat(target, "b.");
	char records[256];
	snprintf(records, sizeof(records), "d 60 DNAME %s\n", target); /* 101 bytes, of the owner 15 */
	load(x, records);
	for (size_t labels = 75; labels < 80; labels++) {
		name[0] = '\0';
		for (size_t i = 0; i < labels; i++)
			strcat(name, "a.");
		strcat(name, "d.example.org");
		bool fits = 2 * labels + 101 <= DNS_NAME_MAX;
		query_begin(x, name, 1);
		query_send(x, true, 4096);
		const char *said = answer_text(x);
		assert_non_null(strstr(said, "an d.example.org. 60 IN DNAME b."));
		assert_int_equal(strncmp(said, fits ? "NOERROR aa\n" : "YXDOMAIN aa\n", fits ? 11 : 12), 0);
		assert_int_equal(strstr(said, " IN CNAME a.") != NULL, fits);
	}
}

/* RFC 2181 9: both records or TC. */
static void test_truncated(void **state) {
	struct fixture *x = *state;
	char records[512] = "d 60 DNAME ";
	for (int i = 0; i < 3; i++)
		strcat(records, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.");
	strcat(records, "\n");
	load(x, records);
	query_begin(x, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.cccccccccccccccccccccccccccccc.d.example.org", 1);
	query_send(x, false, 4096);
	assert_string_equal(answer_text(x), "NOERROR aa tc\n");
	query_send(x, true, 4096);
	assert_non_null(strstr(answer_text(x), " IN CNAME aaaaaaaaaa"));
}

/* 2.4, 3.3 */
static void test_refused(void **state) {
	struct fixture *x = *state;
	static const struct {
		const char *records, *why;
	} rows[] = {
		{ "d 60 DNAME a\nd 60 DNAME b\n", "zone:4: d.example.org.: more than one DNAME record; remove all but one" },
		{ "d 60 DNAME a\nx.d 60 A 192.0.2.1\n", "zone:5: x.d.example.org.: the name is below a DNAME record (" },
		{ "x.y.d 60 A 192.0.2.1\nd 60 DNAME a\n", "example.org.zone:5), which leads elsewhere; remove one of the two" },
		{ "*.d 60 TXT x\nd 60 DNAME a\n", "zone:4: *.d.example.org.: the name is below a DNAME record (" },
		{ "d 60 DNAME a\nd 60 CNAME b\n", "zone:5: d.example.org.: a CNAME record beside other records" },
		{ "d 60 DNAME a\nd 60 NS ns1\n", "zone:4: d.example.org.: a DNAME record where NS records delegate" },
		{ "*.d 60 DNAME a\n", "zone:4: *.d.example.org.: a wildcard can't have a DNAME record" },
		{ "@ 60 DNAME example.net.\n", "zone:3: ns1.example.org.: the name is below a DNAME record (" },
		{ "d 60 DNAME a b\n", "zone:4: the record takes one name" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err e = { "" };
		char text[512];
		gslb_destroy(x->gslb);
		x->gslb = gslb_create(x->fleet, NULL, &e);
		snprintf(text, sizeof(text), HEAD "%s", rows[i].records);
		fixture_file(x, "example.org.zone", text);
		assert_false(fixture_reload(x, YAML, &e));
		if (!strstr(e.text, rows[i].why))
			fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].why);
	}
}

/* A steered name, or another zone, below. */
static void test_refused_by_configuration(void **state) {
	struct fixture *x = *state;
	struct err e = { "" };
	fixture_file(x, "example.org.zone", HEAD "d 60 DNAME a\n");
	fixture_file(x, "lower.zone", HEAD);
	gslb_destroy(x->gslb);
	x->gslb = gslb_create(x->fleet, NULL, &e);
	assert_false(
	    fixture_reload(x,
	                   LISTENER FIXTURE_SITES
	                   "zones: { example.org: { file: example.org.zone, names: { x.d: { pool: app, sites: [cloud] } } } }\n",
	                   &e));
	assert_non_null(strstr(e.text, "names.x.d: the name is below a DNAME record ("));
	assert_false(fixture_reload(
	    x, LISTENER "zones: { example.org: { file: example.org.zone }, x.d.example.org: { file: lower.zone } }\n", &e));
	assert_non_null(strstr(e.text, "example.org.zone:4: a DNAME record above another zone that is served; remove it"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_by_configuration),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
