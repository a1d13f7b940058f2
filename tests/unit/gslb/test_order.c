/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `order: rotate`: each reply is the rendered circle of addresses from a drawn one on, whichever way the name is reached; TTLs, signatures,
 * and answers without several addresses are as they were.
 */
#include "unit/gslb/signed.h"

#include "steerway/base/rand.h"

static const char zone[] = "@ 3600 IN SOA ns h 7 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.53\n"
			   "alias IN CNAME rot\nfar.away IN CNAME alias\n*.wild IN CNAME rot\nrot IN HTTPS 1 . alpn=h2 "
			   "ipv4hint=192.0.2.9 ipv6hint=2001:db8::9\n";
#define NAMES                                                                                                                    \
	"{ rot: { policy: all, pool: app, sites: [a, b], ttl: 5s..60s, order: rotate },"                                         \
	" '*.star': { policy: all, pool: app, sites: [a, b], order: rotate },"                                                   \
	" usual: { policy: all, pool: app, sites: [a, b] }, fixed: { policy: all, pool: app, sites: [a, b], order: fixed },"     \
	" one: { pool: app, sites: [b], order: rotate }, v4: { policy: all, pool: app, sites: [c, b], order: rotate } }\n"
static const char yaml[] = "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
			   "checks: { app: { type: tcp } }\n"
			   "sites:\n"
			   "  a: { addresses: [192.0.2.1, 192.0.2.2, '2001:db8::1', '2001:db8::2'] }\n"
			   "  b: { addresses: [192.0.2.3] }\n"
			   "  c: { addresses: [192.0.2.4] }\n"
			   "pools:\n"
			   "  app:\n"
			   "    check: app\n"
			   "    servers:\n"
			   "      - { name: a, address: '127.0.0.1:1', site: a }\n"
			   "      - { name: b, address: '127.0.0.1:2', site: b }\n"
			   "      - { name: c, address: '127.0.0.1:3', site: c }\n"
			   "zones:\n"
			   "  plain: { file: zone, names: " NAMES " }\n"
			   "  example: { file: zone, dnssec: { keys: keys }, names: " NAMES " }\n";

static void server_set(struct fixture *x, const char *server, uint64_t changes_at_us) {
	fleet_set_verdict(x->fleet, fleet_server_find(x->fleet, str_from(server)), FLEET_UP, changes_at_us, STR("test"));
}

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct signed_zone keys; /* its directory is the fixture's: signed_key writes there */
	struct err e;
	strcpy(keys.directory, x->directory);
	fixture_file(x, "zone", zone);
	signed_key(&keys, 13, 257, (struct key_times){ { 0 } });
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
	server_set(x, "app/a", 0);
	server_set(x, "app/b", 0);
	server_set(x, "app/c", 0);
	*state = x;
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

/* ---- one reply ---- */

static ldns_pkt *ask_packet(struct fixture *x, const char *name, unsigned type, bool wants_dnssec) {
	ldns_pkt *p = NULL;
	query_begin(x, name, type);
	if (wants_dnssec)
		query_edns(x, 1232, 0, 0x8000);
	query_send(x, true, DNS_MESSAGE_MAX);
	assert_echo(x);
	assert_int_equal(ldns_wire2pkt(&p, (const uint8_t *)x->answer, x->n_answer), LDNS_STATUS_OK);
	return p;
}

static ldns_rr_list *answers_of(const ldns_pkt *p, unsigned type) {
	return ldns_pkt_rr_list_by_type(p, (ldns_rr_type)type, LDNS_SECTION_ANSWER);
}

static unsigned last_byte(const ldns_rr *rr) {
	const ldns_rdf *d = ldns_rr_rdf(rr, 0);
	return ldns_rdf_data(d)[ldns_rdf_size(d) - 1];
}

/* Addresses end in 1, 2, ..., n: those of the answer are a circle of these. Returns where it starts. */
static unsigned circle_start(const ldns_pkt *p, unsigned type, unsigned n, uint32_t ttl) {
	ldns_rr_list *list = answers_of(p, type);
	assert_int_equal(ldns_rr_list_rr_count(list), n);
	unsigned first = last_byte(ldns_rr_list_rr(list, 0)) - 1;
	assert_true(first < n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(last_byte(ldns_rr_list_rr(list, i)), (first + i) % n + 1);
		assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(list, i)), ttl);
	}
	ldns_rr_list_deep_free(list);
	return first;
}

/* ---- */

enum { DRAWS = 900 };

static const struct {
	const char *name;
	unsigned type, n;
} rotated[] = {
	{ "rot", 1, 3 },       { "rot", 28, 2 },           { "alias", 1, 3 },
	{ "far.away", 28, 2 }, { "some.name.wild", 1, 3 }, { "some.name.wild", 28, 2 },
	{ "x.star", 1, 3 },
};

static void check_draws(struct fixture *x, const char *name, unsigned type, unsigned n, bool wants_dnssec) {
	unsigned seen[3] = { 0 };
	for (unsigned i = 0; i < DRAWS; i++) {
		ldns_pkt *p = ask_packet(x, name, type, wants_dnssec);
		seen[circle_start(p, type, n, 60)]++;
		ldns_pkt_free(p);
	}
	/* sigma = sqrt(900 * 1/2 * 1/2) = 15; 5 of them */
	for (unsigned i = 0; i < n; i++)
		assert_in_range(seen[i], DRAWS / n - 75, DRAWS / n + 75);
}

static void test_each_stands_first(void **state) {
	static const char *const zones[] = { "plain", "example" };
	rand_seed(rand_thread(), 7);
	for (size_t i = 0; i < COUNT_OF(rotated); i++)
		for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
			char name[64];
			snprintf(name, sizeof(name), "%s.%s", rotated[i].name, zones[is_signed]);
			check_draws(*state, name, rotated[i].type, rotated[i].n, is_signed);
		}
}

/* Behind the addresses, one signature that ldns finds right in every order. */
static void check_signature(struct fixture *x, const char *name, unsigned type, unsigned n, const ldns_rr_list *keys) {
	unsigned seen = 0;
	for (unsigned i = 0; i < 200 && seen != (1u << n) - 1; i++) {
		ldns_pkt *p = ask_packet(x, name, type, true);
		ldns_rr_list *all = ldns_pkt_answer(p), *set = answers_of(p, type), *signature = ldns_rr_list_new();
		ldns_rr *last = ldns_rr_list_rr(all, ldns_rr_list_rr_count(all) - 1);
		seen |= 1u << circle_start(p, type, n, 60);
		assert_int_equal(ldns_rr_get_type(last), LDNS_RR_TYPE_RRSIG);
		assert_int_equal(ldns_rr_ttl(last), 60);
		ldns_rr_list_push_rr(signature, last);
		assert_int_equal(ldns_verify(set, signature, keys, NULL), LDNS_STATUS_OK);
		ldns_rr_list_free(signature);
		ldns_rr_list_deep_free(set);
		ldns_pkt_free(p);
	}
	assert_int_equal(seen, (1u << n) - 1);
}

static void test_signatures_hold(void **state) {
	struct fixture *x = *state;
	ldns_pkt *p = ask_packet(x, "example", LDNS_RR_TYPE_DNSKEY, true);
	ldns_rr_list *keys = answers_of(p, LDNS_RR_TYPE_DNSKEY);
	check_signature(x, "rot.example", 1, 3, keys);
	check_signature(x, "rot.example", 28, 2, keys);
	check_signature(x, "far.away.example", 1, 3, keys);
	ldns_rr_list_deep_free(keys);
	ldns_pkt_free(p);
}

static void test_ttls_shrink(void **state) {
	struct fixture *x = *state;
	unsigned seen = 0;
	server_set(x, "app/a", 1); /* may change: since long ago */
	for (unsigned i = 0; i < 200 && seen != 7; i++) {
		ldns_pkt *p = ask_packet(x, "rot.example", 1, true);
		ldns_rr_list *signatures = answers_of(p, LDNS_RR_TYPE_RRSIG);
		seen |= 1u << circle_start(p, 1, 3, 5);
		assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(signatures, 0)), 5);
		ldns_rr_list_deep_free(signatures);
		ldns_pkt_free(p);
	}
	assert_int_equal(seen, 7);
	server_set(x, "app/a", 0);
}

/* Names that do not say so, one address, no address, hints: every reply is the same. */
static void test_the_rest_stays(void **state) {
	static const struct {
		const char *name;
		unsigned type;
		const char *has; /* NULL: whatever */
	} cases[] = {
		{ "usual.example", 1,
		  "usual.example. 60 IN A 192.0.2.1\nan usual.example. 60 IN A 192.0.2.2\nan usual.example. 60 IN A "
		  "192.0.2.3\n" },
		{ "fixed.plain", 1,
		  "fixed.plain. 60 IN A 192.0.2.1\nan fixed.plain. 60 IN A 192.0.2.2\nan fixed.plain. 60 IN A 192.0.2.3\n" },
		{ "fixed.plain", 28, "IN AAAA 2001:db8::1\nan fixed.plain. 60 IN AAAA 2001:db8::2\n" },
		{ "one.plain", 1, "NOERROR aa\nan one.plain. 60 IN A 192.0.2.3\n" },
		{ "v4.plain", 28, "NOERROR aa\nns plain. 60 IN SOA " },
		{ "v4.example", 28, "NOERROR aa edns\nns example. 60 IN SOA " },
		{ "rot.plain", 65, "ipv4hint=192.0.2.1,192.0.2.2,192.0.2.3 ipv6hint=2001:db8::1,2001:db8::2" },
		{ "rot.example", 65, "ipv4hint=192.0.2.1,192.0.2.2,192.0.2.3 ipv6hint=2001:db8::1,2001:db8::2" },
		{ "rot.example", 16, NULL },
	};
	struct fixture *x = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool is_signed = strstr(cases[i].name, "example") != NULL;
		char first[512];
		ldns_pkt_free(ask_packet(x, cases[i].name, cases[i].type, is_signed));
		size_t n = x->n_answer;
		assert_true(n <= sizeof(first));
		memcpy(first, x->answer, n);
		if (cases[i].has && !strstr(answer_text(x), cases[i].has))
			fail_msg("%s %u: %s", cases[i].name, cases[i].type, x->text.p);
		for (unsigned k = 0; k < 40; k++) {
			ldns_pkt_free(ask_packet(x, cases[i].name, cases[i].type, is_signed));
			assert_int_equal(x->n_answer, n);
			assert_memory_equal(x->answer, first, n);
		}
	}
}

/* ---- as many as a message takes ---- */

enum { MANY = 1500 };

static struct fixture *many_create(void) {
	struct fixture *x = fixture_create();
	struct buf text = { 0 };
	struct err e;
	fixture_file(x, "zone", zone);
	buf_printf(&text, "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nchecks: { app: { type: tcp } "
	                  "}\nsites: { a: { addresses: [");
	for (unsigned i = 0; i < MANY; i++)
		buf_printf(&text, "%s192.0.%u.%u", i ? ", " : "", i / 250, i % 250);
	buf_printf(&text, "] } }\npools: { app: { check: app, servers: [{ name: a, address: '127.0.0.1:1', site: a }] } }\n"
	                  "zones: { plain: { file: zone, names: { rot: { pool: app, sites: [a], order: rotate } } } }\n");
	buf_add_char(&text, '\0');
	if (!fixture_reload(x, text.p, &e))
		fail_msg("%s", e.text);
	buf_fini(&text);
	return x;
}

/* Each once, and each with the TTL of now: a set has one (RFC 2181 5.2). */
static unsigned many_first(const ldns_pkt *p) {
	ldns_rr_list *list = answers_of(p, 1);
	bool seen[MANY] = { false };
	unsigned first = 0;
	assert_int_equal(ldns_rr_list_rr_count(list), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		const uint8_t *ip = ldns_rdf_data(ldns_rr_rdf(rr, 0));
		unsigned at = ip[2] * 250u + ip[3];
		assert_true(at < MANY && !seen[at]);
		seen[at] = true;
		first = i == 0 ? at : first;
		assert_int_equal(ldns_rr_ttl(rr), 5);
	}
	ldns_rr_list_deep_free(list);
	return first;
}

static void test_many(void **state) {
	struct fixture *x = many_create();
	unsigned parts = 0; /* fifths of them that were first */
	(void)state;
	server_set(x, "app/a", 1);
	for (unsigned i = 0; i < 100; i++) {
		ldns_pkt *p = ask_packet(x, "alias.plain", 1, false);
		parts |= 1u << many_first(p) / (MANY / 5);
		ldns_pkt_free(p);
	}
	assert_int_equal(parts, 31);
	/* What does not fit is asked for again over TCP. */
	assert_string_equal(ask(x, "rot.plain", 1), "NOERROR aa tc\n");
	fixture_destroy(x);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_stands_first),
		cmocka_unit_test(test_signatures_hold),
		cmocka_unit_test(test_ttls_shrink),
		cmocka_unit_test(test_the_rest_stays),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
