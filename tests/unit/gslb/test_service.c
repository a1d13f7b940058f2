/* SPDX-License-Identifier: BSD-2-Clause */
/* SVCB and HTTPS records whose hints are a steered name's addresses (RFC 9460 7.3): they follow health as A and AAAA do. */
#include "unit/gslb/fixture.h"

static const char zone[] = "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n"
			   "@ 3600 NS ns1\n"
			   "ns1 3600 A 192.0.2.1\n"
			   "@ 3600 HTTPS 0 app\n"
			   "app 3600 HTTPS 1 . alpn=h2 ipv4hint=9.9.9.9 ipv6hint=2001:db8::9\n"
			   "app 3600 HTTPS 2 other.example.net. ipv4hint=9.9.9.8\n"
			   "far 30 HTTPS 1 app mandatory=ipv6hint,port port=8443 ipv6hint=2001:db8::9\n"
			   "still 3600 HTTPS 1 ns1 ipv4hint=192.0.2.1\n"
			   "www 3600 CNAME app\n"
			   "_x.app 3600 SVCB 1 app ipv4hint=9.9.9.9 key667=z\n";

static const char yaml[] = "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES
			   "zones:\n"
			   "  example.org:\n"
			   "    file: example.org.zone\n"
			   "    names: { app: { policy: failover, pool: app, sites: [cloud, dr], ttl: 5s..60s } }\n";

#define HTTPS 65
#define SVCB 64

static void server_set(struct fixture *x, const char *server, enum fleet_verdict v) {
	fleet_set_verdict(x->fleet, fleet_server_find(x->fleet, str_from(server)), v, false, STR("test"));
}

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct err e;
	fixture_file(x, "example.org.zone", zone);
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
	server_set(x, "app/c1", FLEET_UP);
	server_set(x, "app/d1", FLEET_UP);
	*state = x;
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

#define OTHER(owner, ttl) "an " owner " " ttl " IN HTTPS 2 other.example.net. ipv4hint=9.9.9.8\n"

static void test_hints_follow(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "app.example.org", HTTPS),
	                    "NOERROR aa\nan app.example.org. 60 IN HTTPS 1 . alpn=h2 ipv4hint=198.51.100.10 "
	                    "ipv6hint=2001:db8:1::10\n" OTHER("app.example.org.", "60"));
	server_set(x, "app/c1", FLEET_DOWN);
	/* dr has two addresses, and none of IPv6. */
	assert_string_equal(ask(x, "app.example.org", HTTPS),
	                    "NOERROR aa\nan app.example.org. 5 IN HTTPS 1 . alpn=h2 ipv4hint=203.0.113.10,203.0.113.11\n" OTHER(
				"app.example.org.", "5"));
	assert_string_equal(ask(x, "www.example.org", HTTPS),
	                    "NOERROR aa\nan www.example.org. 3600 IN CNAME app.example.org.\n"
	                    "an app.example.org. 5 IN HTTPS 1 . alpn=h2 ipv4hint=203.0.113.10,203.0.113.11\n" OTHER("app.example.org.",
	                                                                                                       "5"));
}

/* A record of another name that leads to it, with a TTL of its own that is shorter; a hint that must be understood but is gone. */
static void test_other_owners_follow(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "far.example.org", HTTPS), "NOERROR aa\nan far.example.org. 30 IN HTTPS 1 app.example.org. "
	                                                      "mandatory=port,ipv6hint port=8443 ipv6hint=2001:db8:1::10\n");
	assert_string_equal(ask(x, "_x.app.example.org", SVCB),
	                    "NOERROR aa\nan _x.app.example.org. 60 IN SVCB 1 app.example.org. ipv4hint=198.51.100.10 key667=z\n");
	server_set(x, "app/c1", FLEET_DOWN);
	assert_string_equal(ask(x, "far.example.org", HTTPS),
	                    "NOERROR aa\nan far.example.org. 5 IN HTTPS 1 app.example.org. mandatory=port port=8443\n");
	/* Of what is not steered nothing else changes. */
	assert_string_equal(ask(x, "far.example.org", 1),
	                    "NOERROR aa\nns example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 300\n");
}

static void test_others_stay(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "still.example.org", HTTPS), "NOERROR aa\nan still.example.org. 3600 IN HTTPS 1 ns1.example.org. "
	                                                        "ipv4hint=192.0.2.1\nar ns1.example.org. 3600 IN A 192.0.2.1\n");
	assert_string_equal(ask(x, "example.org", HTTPS), "NOERROR aa\nan example.org. 3600 IN HTTPS 0 app.example.org.\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hints_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_owners_follow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_stay, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
