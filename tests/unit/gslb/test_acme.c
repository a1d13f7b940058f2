/* SPDX-License-Identifier: BSD-2-Clause */
/* Challenges of ACME: what they answer beside the zone, what is refused, that they outlive a reload and end. */
#include "unit/gslb/fixture.h"
#include "unit/gslb/signed.h"

#include "gslb/private.h"
#include "steerway/base/log.h"

#define HEAD                                                                                                                     \
	"@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n*.wild 60 A 192.0.2.2\n"                 \
	"_acme-challenge.alias 60 CNAME ns1\n_acme-challenge.text 60 TXT x\ncut 60 NS ns1\nd 60 DNAME example.net.\n"
#define SOA "ns example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 300\n"
#define YAML                                                                                                                     \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"                                                      \
	"zones: { example.org: { file: example.org.zone } }\n"

static uint64_t now_us = UINT64_C(1000) * USEC_PER_SEC;
static uint64_t fake_now(void) {
	return now_us;
}

static int setup(void **state) {
	struct fixture *x = *state = fixture_create();
	struct err e;
	clock_set_source(fake_now);
	clock_update();
	log_set_level(LOG_LEVEL_WARN);
	fixture_file(x, "example.org.zone", HEAD);
	assert_true(fixture_reload(x, YAML, &e));
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	clock_set_source(NULL);
	return 0;
}

static void set(struct fixture *x, const char *name, const char *text, uint32_t ttl_s, uint64_t expires_s) {
	struct err e;
	struct acme_record r = { .text = str_from(text), .ttl_s = ttl_s, .expires_us = expires_s * USEC_PER_SEC };
	if (gslb_acme_set(x->gslb, str_from(name), &r, &e) < 0)
		fail_msg("%s", e.text);
}

static void count(void *arg, const struct acme_record *r) {
	(void)r;
	++*(unsigned *)arg;
}
static unsigned number(struct fixture *x) {
	unsigned n = 0;
	gslb_each_acme(x->gslb, count, &n);
	return n;
}

static void test_answers(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "_acme-challenge.a.b.example.org", 16), "NXDOMAIN aa\n" SOA);
	set(x, "_acme-challenge.a.b.example.org", "one", 60, 60);
	set(x, "_ACME-challenge.A.b.example.org.", "two", 30, 60);
	assert_string_equal(ask(x, "_acme-challenge.a.b.example.org", 16),
	                    "NOERROR aa\n"
	                    "an _acme-challenge.a.b.example.org. 30 IN TXT \"one\"\n"
	                    "an _acme-challenge.a.b.example.org. 30 IN TXT \"two\"\n");
	/* Other types of it, and the names between, are there without data; names beside are not there. */
	assert_string_equal(ask(x, "_acme-challenge.a.b.example.org", 1), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "a.b.example.org", 2), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "b.example.org", 16), "NOERROR aa\n" SOA);
	assert_string_equal(ask(x, "c.b.example.org", 16), "NXDOMAIN aa\n" SOA);
	assert_string_equal(ask(x, "ns1.example.org", 1), "NOERROR aa\nan ns1.example.org. 3600 IN A 192.0.2.1\n");
	/* Before a wildcard, which answers the rest. */
	set(x, "_acme-challenge.www.wild.example.org", "w", 60, 60);
	assert_non_null(strstr(ask(x, "_acme-challenge.www.wild.example.org", 16), "60 IN TXT \"w\"\n"));
	assert_string_equal(ask(x, "other.wild.example.org", 1), "NOERROR aa\nan other.wild.example.org. 60 IN A 192.0.2.2\n");
	assert_string_equal(ask(x, "www.wild.example.org", 1), "NOERROR aa\nan www.wild.example.org. 60 IN A 192.0.2.2\n");
}

static void test_life(void **state) {
	struct fixture *x = *state;
	struct err e;
	set(x, "_acme-challenge.example.org", "short", 60, 10);
	set(x, "_acme-challenge.example.org", "long", 60, 100);
	set(x, "_acme-challenge.example.org", "short", 60, 20); /* its times anew */
	assert_int_equal(number(x), 2);
	fixture_file(x, "example.org.zone", HEAD "web 60 A 192.0.2.9\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_non_null(strstr(ask(x, "_acme-challenge.example.org", 16), "TXT \"short\"\n"));
	now_us += 20 * USEC_PER_SEC;
	clock_update();
	acme_expire(&x->gslb->acme, atomic_load(&x->gslb->zones));
	assert_string_equal(ask(x, "_acme-challenge.example.org", 16),
	                    "NOERROR aa\nan _acme-challenge.example.org. 60 IN TXT \"long\"\n");
	assert_int_equal(gslb_acme_clear(x->gslb, STR("_acme-challenge.example.org"), STR("short"), &e), -1);
	assert_non_null(strstr(e.text, "has no such text"));
	assert_int_equal(gslb_acme_clear(x->gslb, STR("_acme-challenge.example.org"), STR_NONE, &e), 0);
	assert_string_equal(ask(x, "_acme-challenge.example.org", 16), "NXDOMAIN aa\n" SOA);
	assert_int_equal(number(x), 0);
	assert_null(atomic_load(&atomic_load(&x->gslb->zones)->overlay));
}

/* What a reload brings has the last word: data of the zone file is not hidden, and a zone that is gone answers nothing. */
static void test_reload_changes(void **state) {
	struct fixture *x = *state;
	struct err e;
	set(x, "_acme-challenge.example.org", "t", 60, 100);
	fixture_file(x, "example.org.zone", HEAD "_acme-challenge 60 CNAME ns1\n");
	assert_true(fixture_reload(x, YAML, &e));
	assert_non_null(strstr(ask(x, "_acme-challenge.example.org", 16), " IN CNAME ns1.example.org.\n"));
	fixture_file(x, "other.zone", HEAD);
	assert_true(fixture_reload(x,
	                           "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
	                           "zones: { example.net: { file: other.zone } }\n",
	                           &e));
	assert_string_equal(ask(x, "_acme-challenge.example.org", 16), "REFUSED\n");
	fixture_file(x, "example.org.zone", HEAD);
	assert_true(fixture_reload(x, YAML, &e));
	assert_non_null(strstr(ask(x, "_acme-challenge.example.org", 16), "60 IN TXT \"t\"\n"));
}

static void test_refused(void **state) {
	struct fixture *x = *state;
	static char long_text[300];
	memset(long_text, 'x', 256);
	static const struct {
		const char *name, *text, *why;
	} rows[] = {
		{ "www.example.org", "t", "is not the name of a challenge" },
		{ "_acme-challenge", "t", "is in no zone that is served" },
		{ "_acme-challenge.example.com", "t", "is in no zone that is served" },
		{ "_acme-challenge..example.org", "t", "is not a domain name: it has an empty label" },
		{ "_acme-challenge.alias.example.org", "t", "has a CNAME record" },
		{ "_acme-challenge.text.example.org", "t", "has TXT records" },
		{ "_acme-challenge.cut.example.org", "t", "is delegated away" },
		{ "_acme-challenge.x.cut.example.org", "t", "is delegated away" },
		{ "_acme-challenge.x.d.example.org", "t", "is below a DNAME record" },
		{ "_acme-challenge.example.org", "", "a text takes 1 to 255 bytes, not 0" },
		{ "_acme-challenge.example.org", long_text, "a text takes 1 to 255 bytes, not 256" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err e = { "" };
		struct acme_record r = { .text = str_from(rows[i].text), .ttl_s = 60, .expires_us = USEC_PER_SEC };
		assert_int_equal(gslb_acme_set(x->gslb, str_from(rows[i].name), &r, &e), -1);
		if (!strstr(e.text, rows[i].why))
			fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].why);
	}
	assert_int_equal(number(x), 0);
}

static void test_bounds(void **state) {
	struct fixture *x = *state;
	struct err e;
	struct acme_record more = { .text = STR_INIT("more"), .ttl_s = 60, .expires_us = USEC_PER_SEC };
	char name[64], text[16];
	for (int i = 0; i < ACME_TEXTS_OF_NAME; i++) {
		snprintf(text, sizeof(text), "%d", i);
		set(x, "_acme-challenge.example.org", text, 60, 60);
	}
	assert_int_equal(gslb_acme_set(x->gslb, STR("_acme-challenge.example.org"), &more, &e), -1);
	assert_non_null(strstr(e.text, "there are 16 texts, 16 of them of this name"));
	for (int i = ACME_TEXTS_OF_NAME; i < ACME_TEXTS; i++) {
		snprintf(name, sizeof(name), "_acme-challenge.n%d.example.org", i);
		set(x, name, "t", 60, 60);
	}
	assert_int_equal(gslb_acme_set(x->gslb, STR("_acme-challenge.more.example.org"), &more, &e), -1);
	assert_non_null(strstr(e.text, "there are 1000 texts, 0 of them of this name"));
	assert_non_null(strstr(ask(x, "_acme-challenge.n777.example.org", 16), "60 IN TXT \"t\"\n"));
}

static ldns_rr_list *records(struct fixture *x, const char *name, unsigned type, ldns_rr_type of) {
	ldns_pkt *p = NULL;
	query_begin(x, name, type);
	query_edns(x, 4096, 0, 0x8000);
	query_send(x, true, DNS_MESSAGE_MAX);
	assert_int_equal(ldns_wire2pkt(&p, (const uint8_t *)x->answer, x->n_answer), LDNS_STATUS_OK);
	ldns_rr_list *list = ldns_pkt_rr_list_by_type(p, of, LDNS_SECTION_ANSWER);
	ldns_pkt_free(p);
	assert_non_null(list);
	return list;
}

/* In a signed zone it is signed, as ldns verifies by the zone's own key; also after a reload. */
static void test_signed(void **state) {
	struct fixture *x = *state;
	struct signed_zone *keys = signed_create();
	struct err e;
	char yaml[512];
	clock_set_source(NULL); /* signatures are of now */
	clock_update();
	signed_key(keys, 13, 257, (struct key_times){ { 0 } });
	snprintf(yaml, sizeof(yaml),
	         "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
	         "zones: { example: { file: example.org.zone, dnssec: { keys: %s/keys } } }\n",
	         keys->directory);
	fixture_file(x, "example.org.zone", "@ 3600 IN SOA ns1 h 1 2 3 4 300\n@ 3600 NS ns1\nns1 60 A 192.0.2.1\n");
	assert_true(fixture_reload(x, yaml, &e));
	set(x, "_acme-challenge.www.example", "b", 60, 60);
	set(x, "_acme-challenge.www.example", "a", 60, 60);
	for (int i = 0; i < 2; i++) {
		ldns_rr_list *dnskey = records(x, "example", 48, LDNS_RR_TYPE_DNSKEY);
		ldns_rr_list *txt = records(x, "_acme-challenge.www.example", 16, LDNS_RR_TYPE_TXT);
		ldns_rr_list *rrsig = records(x, "_acme-challenge.www.example", 16, LDNS_RR_TYPE_RRSIG);
		assert_int_equal(ldns_rr_list_rr_count(txt), 2);
		assert_int_equal(ldns_rr_list_rr_count(rrsig), 1);
		assert_int_equal(ldns_verify(txt, rrsig, dnskey, NULL), LDNS_STATUS_OK);
		ldns_rr_list_deep_free(dnskey);
		ldns_rr_list_deep_free(txt);
		ldns_rr_list_deep_free(rrsig);
		assert_true(fixture_reload(x, yaml, &e));
	}
	/* Without DO no signature. */
	assert_null(strstr(ask(x, "_acme-challenge.www.example", 16), "RRSIG"));
	signed_destroy(keys);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
