/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reply's OPT record says: nothing that was not asked for, and what was asked for exactly; questions about the server itself. */
#include "unit/gslb/fixture.h"

#define BASE                                                                                                                     \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones: { example.org: { file: example.org.zone } }\n"
#define YAML BASE "dns: { nsid: edge-1, identity: edge-1.example.org, version: none of yours }\n"

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct err e;
	struct buf zone = { 0 };
	buf_printf(&zone, "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\nweb 60 A 192.0.2.4\n");
	for (int i = 0; i < 28; i++) /* 12 + 25 + 28 * 16 + 11 = 496 bytes: fits 512, but not with a cookie */
		buf_printf(&zone, "tight 60 A 192.0.3.%d\n", i);
	buf_add_char(&zone, '\0');
	fixture_file(x, "example.org.zone", zone.p);
	buf_fini(&zone);
	fixture_file(x, "secrets", "e5e973e5a6b2a43f48e7dc849e37bfcf\n445536bcd2513298075a5d379663c962\n");
	if (!fixture_reload(x, YAML, &e))
		fail_msg("%s", e.text);
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
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
}

static unsigned rcode(const struct fixture *x) {
	unsigned high = 0;
	ldns_pkt *p = NULL;
	assert_int_equal(ldns_wire2pkt(&p, (const uint8_t *)x->answer, x->n_answer), LDNS_STATUS_OK);
	if (ldns_pkt_edns(p))
		high = ldns_pkt_edns_extended_rcode(p);
	ldns_pkt_free(p);
	return high << 4 | (x->answer[3] & 15);
}

static const uint8_t *ask_option(struct fixture *x, const char *name, unsigned code, const void *data, size_t n, size_t *n_out) {
	query_begin(x, name, 1);
	query_edns(x, 1232, 0, 0);
	query_option(x, code, data, n);
	query_send(x, false, 4096);
	return answer_option(x, code, n_out);
}

static void test_nsid(void **state) {
	struct fixture *x = *state;
	size_t n;
	const uint8_t *nsid = ask_option(x, "web.example.org", DNS_OPTION_NSID, "", 0, &n);
	assert_non_null(nsid);
	assert_int_equal(n, 6);
	assert_memory_equal(nsid, "edge-1", 6);
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	query_send(x, false, 4096);
	assert_null(answer_option(x, DNS_OPTION_NSID, &n)); /* RFC 5001 2.2: only when asked */
	reload(x, BASE);
	assert_null(ask_option(x, "web.example.org", DNS_OPTION_NSID, "", 0, &n));
	reload(x, YAML);
}

/* RFC 7871 7.2.1 */
static void test_client_subnet(void **state) {
	struct fixture *x = *state;
	static const struct {
		const char *option;
		size_t n;
	} asked[] = { { "\0\1\30\0\306\63\144", 7 },
		      { "\0\1\40\0\306\63\144\1", 8 },
		      { "\0\1\0\0", 4 },
		      { "\0\2\70\0\x20\1\x0d\xb8\1\2\3", 11 },
		      { "\0\0\0\0", 4 } };
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		size_t n;
		const uint8_t *ecs = ask_option(x, "web.example.org", DNS_OPTION_ECS, asked[i].option, asked[i].n, &n);
		assert_non_null(ecs);
		assert_int_equal(n, asked[i].n);
		assert_memory_equal(ecs, asked[i].option, n); /* scope 0: a static answer holds for all */
	}
	size_t n;
	assert_non_null(ask_option(x, "nowhere.example.org", DNS_OPTION_ECS, "\0\1\30\0\306\63\144", 7, &n));
	assert_int_equal(rcode(x), DNS_NXDOMAIN);
	assert_null(ask_option(x, "web.example.org", DNS_OPTION_ECS, "\0\1\30\1\306\63\144", 7, &n));
	assert_int_equal(rcode(x), DNS_FORMERR);
	reload(x, BASE "dns: { ecs: { enabled: false } }\n");
	assert_null(ask_option(x, "web.example.org", DNS_OPTION_ECS, "\0\1\30\0\306\63\144", 7, &n));
	assert_int_equal(rcode(x), DNS_NOERROR);
	reload(x, YAML);
}

static uint64_t test_time_us = 1000 * USEC_PER_SEC;
static uint64_t test_clock(void) {
	return test_time_us;
}
static void pass(unsigned seconds) {
	test_time_us += seconds * USEC_PER_SEC;
	clock_update();
}

/* RFC 7873 5.2, RFC 9018 */
static void test_cookies(void **state) {
	struct fixture *x = *state;
	uint8_t mine[24], old[24];
	size_t n;
	clock_set_source(test_clock);
	clock_update();
	reload(x, YAML);
	const uint8_t *cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, "clientck", 8, &n);
	assert_int_equal(n, 24);
	assert_memory_equal(cookie, "clientck", 8);
	memcpy(mine, cookie, 24);
	cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, mine, 24, &n);
	assert_memory_equal(cookie, mine, 24); /* fresh: the same again */
	pass(1801);
	memcpy(old, mine, 24);
	cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, mine, 24, &n);
	assert_memory_not_equal(cookie + 8, mine + 8, 16);
	memcpy(mine, cookie, 24);
	reload(x, YAML); /* the random secret outlives a reload */
	cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, mine, 24, &n);
	assert_memory_equal(cookie, mine, 24);
	x->client.in.sin_addr.s_addr ^= 1; /* another client may not use it */
	cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, mine, 24, &n);
	assert_memory_not_equal(cookie + 8, mine + 8, 16);
	x->client.in.sin_addr.s_addr ^= 1;
	reload(x, BASE "dns: { cookies: { enabled: false } }\n");
	assert_null(ask_option(x, "web.example.org", DNS_OPTION_COOKIE, "clientck", 8, &n));
	assert_int_equal(rcode(x), DNS_NOERROR);
	reload(x, YAML);
	clock_set_source(NULL);
}

/* Nodes with the same file know each other's cookies, and those of the secret before (RFC 9018 5). */
static void test_shared_secret(void **state) {
	struct fixture *x = *state;
	uint8_t mine[24];
	size_t n;
	reload(x, BASE "dns: { cookies: { secret: secrets, require: true } }\n");
	memcpy(mine, "clientck", 8);
	static const uint8_t second[16] = { 0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98,
		                            0x07, 0x5a, 0x5d, 0x37, 0x96, 0x63, 0xc9, 0x62 };
	dns_cookie_make(mine + 8, second, mine, str_slice((const char *)&x->client.in.sin_addr, 4),
	                (uint32_t)(clock_wall_us() / USEC_PER_SEC));
	const uint8_t *cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, mine, 24, &n);
	assert_int_equal(rcode(x), DNS_NOERROR);
	assert_memory_not_equal(cookie + 8, mine + 8, 16); /* by the first */
	reload(x, YAML);
}

/* RFC 7873 5.2.3, 5.2.4: who speaks cookies but shows none of ours gets one, and asks again. */
static void test_required_cookies(void **state) {
	struct fixture *x = *state;
	size_t n;
	uint8_t mine[24];
	int64_t before = metric_sum(METRIC_gslb_badcookie_total);
	reload(x, BASE "dns: { cookies: { require: true } }\n");
	const uint8_t *cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, "clientck", 8, &n);
	assert_int_equal(rcode(x), DNS_BADCOOKIE);
	assert_int_equal(dns_get16(x->answer + 6), 0);
	assert_int_equal(metric_sum(METRIC_gslb_badcookie_total), before + 1);
	memcpy(mine, cookie, 24);
	cookie = ask_option(x, "web.example.org", DNS_OPTION_COOKIE, mine, 24, &n);
	assert_int_equal(rcode(x), DNS_NOERROR);
	assert_int_equal(dns_get16(x->answer + 6), 1);
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	query_option(x, DNS_OPTION_COOKIE, "clientck", 8);
	query_send(x, true, 65535); /* over TCP the address is proven */
	assert_int_equal(rcode(x), DNS_NOERROR);
	ask(x, "web.example.org", 1); /* one that speaks no cookies is answered as ever */
	assert_int_equal(rcode(x), DNS_NOERROR);
	reload(x, YAML);
}

/* RFC 7873 5.4: no question, just a cookie. */
static void test_cookie_alone(void **state) {
	struct fixture *x = *state;
	size_t n;
	x->n_query = 0;
	query_add(x, "\x12\x34\1\0\0\0\0\0\0\0\0\0", 12);
	query_edns(x, 1232, 0, 0);
	query_option(x, DNS_OPTION_COOKIE, "clientck", 8);
	query_send(x, false, 4096);
	const uint8_t *cookie = answer_option(x, DNS_OPTION_COOKIE, &n);
	assert_non_null(cookie);
	assert_int_equal(n, 24);
	assert_int_equal(rcode(x), DNS_NOERROR);
	assert_int_equal(dns_get16(x->answer + 4), 0);
}

/* Options count: what does not fit beside them is truncated (RFC 6891 6.2.3). */
static void test_options_take_room(void **state) {
	struct fixture *x = *state;
	size_t n;
	query_begin(x, "tight.example.org", 1);
	query_edns(x, 512, 0, 0);
	query_send(x, false, 4096);
	assert_false(x->answer[2] & 2);
	assert_int_equal(x->n_answer, 12 + 23 + 28 * 16 + 11);
	query_option(x, DNS_OPTION_COOKIE, "clientck", 8);
	query_send(x, false, 4096);
	assert_true(x->answer[2] & 2);
	assert_non_null(answer_option(x, DNS_OPTION_COOKIE, &n));
}

/* RFC 7828: over TCP alone, and a client says no time. */
static void test_keepalive(void **state) {
	struct fixture *x = *state;
	size_t n;
	assert_null(ask_option(x, "web.example.org", DNS_OPTION_KEEPALIVE, "", 0, &n));
	assert_int_equal(rcode(x), DNS_NOERROR);
	ask_option(x, "web.example.org", DNS_OPTION_KEEPALIVE, "\0\1", 2, &n);
	assert_int_equal(rcode(x), DNS_NOERROR);
	query_send(x, true, 65535);
	assert_int_equal(rcode(x), DNS_FORMERR);
	ask_option(x, "web.example.org", DNS_OPTION_KEEPALIVE, "", 0, &n);
	struct gslb_client client = { .from = &x->client, .is_tcp = true, .idle_ds = 300 };
	x->n_answer = gslb_answer(x->gslb, &client, str_slice(x->query, x->n_query), x->answer, sizeof(x->answer));
	const uint8_t *idle = answer_option(x, DNS_OPTION_KEEPALIVE, &n);
	assert_int_equal(n, 2);
	assert_int_equal(dns_get16(idle), 300);
}

/* Whatever is asked for at once, with the longest name: room for a header's answer stays in 512 bytes. */
static void test_all_at_once(void **state) {
	struct fixture *x = *state;
	char name[256];
	size_t n;
	memset(name, 'x', sizeof(name));
	for (int i = 63; i < 250; i += 64)
		name[i] = '.';
	strcpy(name + 241, ".example.org");
	query_begin(x, name, 1);
	query_edns(x, 512, 0, 0x8000);
	query_option(x, DNS_OPTION_ECS, "\0\2\x80\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 20);
	query_option(x, DNS_OPTION_COOKIE, "clientck", 8);
	query_option(x, DNS_OPTION_NSID, "", 0);
	query_option(x, DNS_OPTION_KEEPALIVE, "", 0);
	query_send(x, false, 512);
	assert_true(x->n_answer <= 512);
	assert_int_equal(rcode(x), DNS_NXDOMAIN);
	assert_non_null(answer_option(x, DNS_OPTION_ECS, &n));
	assert_non_null(answer_option(x, DNS_OPTION_COOKIE, &n));
	assert_non_null(answer_option(x, DNS_OPTION_NSID, &n));
	assert_null(answer_option(x, DNS_OPTION_KEEPALIVE, &n));
}

/* RFC 4892; and nothing else of class CH. */
static const char *ask_chaos(struct fixture *x, const char *name, unsigned type) {
	query_begin(x, name, type);
	x->query[x->n_query - 1] = DNS_CLASS_CH;
	query_send(x, false, 4096);
	return answer_text(x);
}
static void test_chaos(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask_chaos(x, "version.bind", 16), "NOERROR aa\nan version.bind. 0 CH TXT \"none of yours\"\n");
	assert_string_equal(ask_chaos(x, "VERSION.Server", 16), "NOERROR aa\nan VERSION.Server. 0 CH TXT \"none of yours\"\n");
	assert_string_equal(ask_chaos(x, "id.server", 16), "NOERROR aa\nan id.server. 0 CH TXT \"edge-1.example.org\"\n");
	assert_string_equal(ask_chaos(x, "hostname.bind", 16), "NOERROR aa\nan hostname.bind. 0 CH TXT \"edge-1.example.org\"\n");
	assert_string_equal(ask_chaos(x, "hostname.bind", 1), "REFUSED\n");
	assert_string_equal(ask_chaos(x, "authors.bind", 16), "REFUSED\n");
	assert_string_equal(ask_chaos(x, "web.example.org", 1), "REFUSED\n");
	reload(x, BASE);
	assert_string_equal(ask_chaos(x, "version.bind", 16), "REFUSED\n");
	assert_string_equal(ask_chaos(x, "id.server", 16), "REFUSED\n");
	reload(x, YAML);
}

static void refuse(struct fixture *x, const char *yaml, const char *why) {
	struct err e;
	assert_false(fixture_reload(x, yaml, &e));
	if (!strstr(e.text, why))
		fail_msg("%s", e.text);
}
static void test_bad_settings(void **state) {
	struct fixture *x = *state;
	fixture_file(x, "bad", "not hexadecimal\n");
	refuse(x, BASE "dns: { cookies: { secret: bad } }\n", "/bad: line 1 is no secret; write 32 hexadecimal digits");
	refuse(x, BASE "dns: { nsid: '0123456789012345678901234567890123456789012345678901234567890123456789' }\n",
	       "dns.nsid: 70 bytes are more than 64; shorten it");
	assert_string_equal(ask_chaos(x, "id.server", 16), "NOERROR aa\nan id.server. 0 CH TXT \"edge-1.example.org\"\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsid),
		cmocka_unit_test(test_client_subnet),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_shared_secret),
		cmocka_unit_test(test_required_cookies),
		cmocka_unit_test(test_cookie_alone),
		cmocka_unit_test(test_options_take_room),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_chaos),
		cmocka_unit_test(test_bad_settings),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
