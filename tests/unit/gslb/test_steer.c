/* SPDX-License-Identifier: BSD-2-Clause */
/* Steered names: what they answer as health and operators change, at once, with which TTL, and what fleet is told of it. */
#include "unit/gslb/fixture.h"

#include "steerway/base/rand.h"

#define SOA(ttl) "ns example.org. " ttl " IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 300\n"
#define LISTENER "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"

static const char zone[] = "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n"
			   "@ 3600 NS ns1\n"
			   "@ 3600 MX 10 app\n"
			   "ns1 3600 A 192.0.2.1\n"
			   "app 3600 TXT \"x\"\n"
			   "www 3600 CNAME app\n"
			   "far 3600 CNAME www\n"
			   "any.one 3600 CNAME deep.wild\n"
			   "*.alias 3600 CNAME app\n";

static const char yaml[] = LISTENER FIXTURE_SITES
    "zones:\n"
    "  example.org:\n"
    "    file: example.org.zone\n"
    "    names:\n"
    "      app: { policy: failover, pool: app, sites: [cloud, onprem, dr], ttl: 5s..60s, all_down: all }\n"
    "      first: { pool: app, sites: [onprem, dr], ttl: 30s, all_down: first }\n"
    "      none: { pool: app, sites: [onprem], ttl: 5s..60s, all_down: none }\n"
    "      '@': { pool: app, sites: [cloud], ttl: 400s }\n"
    "      weighted: { policy: weighted, pool: app, sites: { cloud: 70, onprem: 30, dr: 900 }, ttl: 60s }\n";

static void site_set(struct fixture *x, const char *site, enum fleet_admin a) {
	struct fleet_target t = { .kind = FLEET_SITE, .site = fleet_site_find(x->fleet, str_from(site)) };
	assert_non_null(t.site);
	fleet_set_admin(x->fleet, t, a);
}
static void server_set(struct fixture *x, const char *server, enum fleet_verdict v, bool is_transition) {
	fleet_set_verdict(x->fleet, fleet_server_find(x->fleet, str_from(server)), v, is_transition, STR("test"));
}

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct err e;
	fixture_file(x, "example.org.zone", zone);
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
	server_set(x, "app/c1", FLEET_UP, false);
	server_set(x, "app/p1", FLEET_UP, false);
	server_set(x, "app/d1", FLEET_UP, false);
	*state = x;
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

static void test_failover(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_steered_total);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\nan app.example.org. 60 IN A 198.51.100.10\n");
	assert_string_equal(ask(x, "app.example.org", 28), "NOERROR aa\nan app.example.org. 60 IN AAAA 2001:db8:1::10\n");
	server_set(x, "app/c1", FLEET_DOWN, false);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\nan app.example.org. 5 IN A 192.0.2.10\n");
	/* The site has no IPv6 address: no records, remembered for no longer than one would be. */
	assert_string_equal(ask(x, "app.example.org", 28), "NOERROR aa\n" SOA("5"));
	site_set(x, "onprem", FLEET_MAINT);
	assert_string_equal(ask(x, "app.example.org", 1),
	                    "NOERROR aa\nan app.example.org. 5 IN A 203.0.113.10\nan app.example.org. 5 IN A 203.0.113.11\n");
	server_set(x, "app/c1", FLEET_UP, false);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\nan app.example.org. 5 IN A 198.51.100.10\n");
	site_set(x, "onprem", FLEET_READY);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\nan app.example.org. 60 IN A 198.51.100.10\n");
	assert_int_equal(metric_sum(METRIC_gslb_steered_total), before + 7);
}

static void test_ttl_while_in_transition(void **state) {
	struct fixture *x = *state;
	server_set(x, "app/d1", FLEET_UP, true);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\nan app.example.org. 5 IN A 198.51.100.10\n");
	server_set(x, "app/d1", FLEET_UP, false);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\nan app.example.org. 60 IN A 198.51.100.10\n");
}

static void test_all_down(void **state) {
	struct fixture *x = *state;
	static const char *const sites[] = { "cloud", "onprem", "dr" };
	for (size_t i = 0; i < COUNT_OF(sites); i++)
		site_set(x, sites[i], FLEET_FORCED_DOWN);
	assert_string_equal(ask(x, "app.example.org", 1), "NOERROR aa\n"
	                                                  "an app.example.org. 5 IN A 198.51.100.10\n"
	                                                  "an app.example.org. 5 IN A 192.0.2.10\n"
	                                                  "an app.example.org. 5 IN A 203.0.113.10\n"
	                                                  "an app.example.org. 5 IN A 203.0.113.11\n");
	assert_string_equal(ask(x, "first.example.org", 1), "NOERROR aa\nan first.example.org. 30 IN A 192.0.2.10\n");
	assert_string_equal(ask(x, "none.example.org", 1), "NOERROR aa\n" SOA("5"));
	assert_string_equal(ask(x, "none.example.org", 28), "NOERROR aa\n" SOA("5"));
	for (size_t i = 0; i < COUNT_OF(sites); i++)
		site_set(x, sites[i], FLEET_READY);
	assert_string_equal(ask(x, "none.example.org", 1), "NOERROR aa\nan none.example.org. 60 IN A 192.0.2.10\n");
}

/* Static records of other types beside the steered ones, at the apex too; the negative TTL is the zone's. */
static void test_beside_static_records(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "example.org", 1), "NOERROR aa\nan example.org. 400 IN A 198.51.100.10\n");
	assert_string_equal(ask(x, "example.org", 15), "NOERROR aa\nan example.org. 3600 IN MX 10 app.example.org.\n");
	assert_string_equal(ask(x, "app.example.org", 16), "NOERROR aa\nan app.example.org. 3600 IN TXT \"x\"\n");
	assert_string_equal(ask(x, "app.example.org", 15), "NOERROR aa\n" SOA("300"));
	assert_string_equal(ask(x, "app.example.org", 255), "NOERROR aa\nan app.example.org. 3600 IN HINFO \"RFC8482\" \"\"\n");
	assert_string_equal(ask(x, "x.app.example.org", 1), "NXDOMAIN aa\n" SOA("300"));
}

static void test_aliases_follow(void **state) {
	struct fixture *x = *state;
	assert_string_equal(ask(x, "www.example.org", 1), "NOERROR aa\n"
	                                                  "an www.example.org. 3600 IN CNAME app.example.org.\n"
	                                                  "an app.example.org. 60 IN A 198.51.100.10\n");
	server_set(x, "app/c1", FLEET_DOWN, false);
	assert_string_equal(ask(x, "far.example.org", 1), "NOERROR aa\n"
	                                                  "an far.example.org. 3600 IN CNAME www.example.org.\n"
	                                                  "an www.example.org. 3600 IN CNAME app.example.org.\n"
	                                                  "an app.example.org. 5 IN A 192.0.2.10\n");
	assert_string_equal(ask(x, "far.example.org", 28), "NOERROR aa\n"
	                                                   "an far.example.org. 3600 IN CNAME www.example.org.\n"
	                                                   "an www.example.org. 3600 IN CNAME app.example.org.\n" SOA("5"));
	assert_string_equal(ask(x, "some.name.alias.example.org", 1),
	                    "NOERROR aa\n"
	                    "an some.name.alias.example.org. 3600 IN CNAME app.example.org.\n"
	                    "an app.example.org. 5 IN A 192.0.2.10\n");
	assert_string_equal(ask(x, "www.example.org", 16), "NOERROR aa\n"
	                                                   "an www.example.org. 3600 IN CNAME app.example.org.\n"
	                                                   "an app.example.org. 3600 IN TXT \"x\"\n");
	server_set(x, "app/c1", FLEET_UP, false);
}

static unsigned count_of(struct fixture *x, const char *name, const char *part, unsigned n) {
	unsigned hits = 0;
	for (unsigned i = 0; i < n; i++)
		hits += strstr(ask(x, name, 1), part) != NULL;
	return hits;
}

/* 70:30 of the active sites; the standby site, for all its weight, only when they are gone. */
static void test_weighted(void **state) {
	struct fixture *x = *state;
	enum { DRAWS = 4000 };
	rand_seed(rand_thread(), 7);
	unsigned cloud = count_of(x, "weighted.example.org", "198.51.100.10", DRAWS);
	/* sigma = sqrt(4000 * 0.7 * 0.3) = 29; 5 of them */
	assert_in_range(cloud, DRAWS * 7 / 10 - 145, DRAWS * 7 / 10 + 145);
	assert_int_equal(count_of(x, "weighted.example.org", "203.0.113", 200), 0);
	site_set(x, "cloud", FLEET_FORCED_DOWN);
	assert_int_equal(count_of(x, "weighted.example.org", "192.0.2.10", 200), 200);
	site_set(x, "onprem", FLEET_FORCED_DOWN);
	assert_int_equal(count_of(x, "weighted.example.org", "203.0.113.1", 200), 200);
	site_set(x, "cloud", FLEET_READY);
	site_set(x, "onprem", FLEET_READY);
}

static uint64_t now_us = 1000 * USEC_PER_SEC;
static uint64_t test_clock(void) {
	return now_us;
}

/* A drain waits until the last answer with the site has run out. */
static void test_fleet_is_told(void **state) {
	struct fixture *x = *state;
	struct fleet_site *cloud = fleet_site_find(x->fleet, STR("cloud")), *onprem = fleet_site_find(x->fleet, STR("onprem"));
	clock_set_source(test_clock);
	clock_update();
	atomic_store(&cloud->answered_until_us, 0);
	atomic_store(&onprem->answered_until_us, 0);
	ask(x, "app.example.org", 1);
	assert_in_range(atomic_load(&cloud->answered_until_us), now_us + 60 * USEC_PER_SEC, now_us + 61 * USEC_PER_SEC);
	assert_int_equal(atomic_load(&onprem->answered_until_us), 0);
	ask(x, "first.example.org", 1);
	assert_in_range(atomic_load(&onprem->answered_until_us), now_us + 30 * USEC_PER_SEC, now_us + 31 * USEC_PER_SEC);
	clock_set_source(NULL);
	clock_update();
}

/* While a verdict may change: no longer than until then, within the configured bounds. */
static void test_ttl_until_a_change(void **state) {
	struct fixture *x = *state;
	struct fleet_server *d1 = fleet_server_find(x->fleet, STR("app/d1"));
	static const struct {
		uint64_t left_s;
		const char *want;
	} cases[] = { { 20, " 20 IN A " }, { 3, " 5 IN A " }, { 90, " 60 IN A " }, { 0, " 5 IN A " } };
	clock_set_source(test_clock);
	clock_update();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fleet_set_verdict(x->fleet, d1, FLEET_UP, now_us + cases[i].left_s * USEC_PER_SEC, STR("test"));
		assert_non_null(strstr(ask(x, "app.example.org", 1), cases[i].want));
	}
	fleet_set_verdict(x->fleet, d1, FLEET_UP, now_us + 20 * USEC_PER_SEC, STR("test"));
	now_us += 8 * USEC_PER_SEC;
	clock_update();
	assert_non_null(strstr(ask(x, "app.example.org", 1), " 12 IN A "));
	fleet_set_verdict(x->fleet, d1, FLEET_UP, 0, STR("test"));
	assert_non_null(strstr(ask(x, "app.example.org", 1), " 60 IN A "));
	clock_set_source(NULL);
	clock_update();
}

/* ---- what it says of itself ---- */

struct seen {
	const char *name;
	struct gslb_name_state state;
};
static void look(void *arg, const struct gslb_name_state *n) {
	struct seen *s = arg;
	if (str_eq(n->name, str_from(s->name)))
		s->state = *n;
}
static uint64_t bit(struct fixture *x, const char *site) {
	return UINT64_C(1) << fleet_site_find(x->fleet, str_from(site))->index;
}
static void look_zone(void *arg, const struct gslb_zone_state *z) {
	assert_true(str_eq(z->name, STR("example.org.")));
	assert_int_equal(z->serial, 1);
	assert_int_equal(z->n_rrsets, 9);
	assert_int_equal(z->n_steered, 5);
	assert_null(z->fault);
	++*(int *)arg;
}

static void test_explained(void **state) {
	struct fixture *x = *state;
	struct seen s = { .name = "app.example.org." };
	int n_zones = 0;
	server_set(x, "app/c1", FLEET_DOWN, false);
	gslb_each_name(x->gslb, look, &s);
	assert_true(str_eq(s.state.zone, STR("example.org.")));
	assert_int_equal(s.state.usable_sites, bit(x, "onprem") | bit(x, "dr"));
	assert_int_equal(s.state.answered_sites, bit(x, "onprem"));
	assert_int_equal(s.state.ttl_s, 5);
	assert_false(s.state.is_all_down);
	server_set(x, "app/p1", FLEET_DOWN, false);
	server_set(x, "app/d1", FLEET_DOWN, false);
	gslb_each_name(x->gslb, look, &s);
	assert_true(s.state.is_all_down);
	assert_int_equal(s.state.usable_sites, 0);
	assert_int_equal(s.state.answered_sites, bit(x, "cloud") | bit(x, "onprem") | bit(x, "dr"));
	server_set(x, "app/c1", FLEET_UP, false);
	server_set(x, "app/p1", FLEET_UP, false);
	server_set(x, "app/d1", FLEET_UP, false);
	gslb_each_zone(x->gslb, look_zone, &n_zones);
	assert_int_equal(n_zones, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_ttl_while_in_transition),
		cmocka_unit_test(test_ttl_until_a_change),
		cmocka_unit_test(test_all_down),
		cmocka_unit_test(test_beside_static_records),
		cmocka_unit_test(test_aliases_follow),
		cmocka_unit_test(test_weighted),
		cmocka_unit_test(test_fleet_is_told),
		cmocka_unit_test(test_explained),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
