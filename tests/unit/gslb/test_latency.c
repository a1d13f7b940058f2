/* SPDX-License-Identifier: BSD-2-Clause */
/* Round-trip times told by command: what they change, in place of what, with which scopes; that they outlive reloads; what is refused. */
#include "unit/gslb/signed.h"

#include "gslb/maps.h"
#include "gslb/private.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

#define HEAD "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n"
#define TIMES "10.0.0.0/8 cloud=5ms onprem=30ms\n10.1.0.0/16 onprem=5ms cloud=6ms\n2001:db8::/32 cloud=1ms\n"
#define RTT "rtt: { type: latency, file: rtt.txt }"
#define BASE(maps, zone)                                                                                                         \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES "maps: { " maps                        \
	", nets: { type: subnet, file: nets.txt } }\nzones: { example: { file: zone, " zone " } }\n"
#define NAME "names: { near: { policy: latency, map: rtt, pool: app, sites: [onprem, cloud], all_down: all } }"
#define YAML BASE(RTT, NAME)

static void reload(struct fixture *x, const char *yaml) {
	static const char *const servers[] = { "app/c1", "app/p1" };
	struct err e;
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < COUNT_OF(servers); i++)
		fleet_set_verdict(x->fleet, fleet_server_find(x->fleet, str_from(servers[i])), FLEET_UP, false, STR("test"));
}

static unsigned n_remade;
static void on_log(struct str line) {
	n_remade += str_find(line, STR("maps_reloaded")) < line.n;
}

static void files(struct fixture *x) {
	log_set_sink(on_log);
	n_remade = 0;
	fixture_file(x, "zone", HEAD);
	fixture_file(x, "nets.txt", "10.0.0.0/8 lab\n");
	fixture_file(x, "rtt.txt", TIMES);
}

static int setup(void **state) {
	struct fixture *x = *state = fixture_create();
	urcu_memb_register_thread();
	files(x);
	reload(x, YAML);
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	urcu_memb_unregister_thread();
	log_set_sink(NULL);
	return 0;
}

static int try_set(struct fixture *x, const char *map, const char *network, const char *times, struct err *e) {
	struct gslb_latency row = { .map = str_from(map), .network = str_from(network), .times = str_from(times) };
	return gslb_latency_set(x->gslb, &row, e);
}
static void set(struct fixture *x, const char *network, const char *times) {
	struct err e;
	if (try_set(x, "rtt", network, times, &e) < 0)
		fail_msg("%s", e.text);
}
/* How many rows went. */
static unsigned clear(struct fixture *x, const char *network) {
	struct err e;
	unsigned n;
	if (gslb_latency_clear(x->gslb, STR("rtt"), str_from(network), &n, &e) < 0)
		fail_msg("%s", e.text);
	return n;
}

static void add_row(void *arg, const struct gslb_latency *row) {
	buf_printf(arg, "%.*s %.*s %.*s\n", STR_ARG(row->map), STR_ARG(row->network), STR_ARG(row->times));
}
/* "rtt 10.1.0.0/16 cloud=1ms\n..."; overwritten by the next call. */
static const char *rows(struct fixture *x) {
	static struct buf out;
	out.n = 0;
	gslb_each_latency(x->gslb, add_row, &out);
	buf_add_char(&out, '\0');
	return out.p;
}

/* Whom the clients of an IPv4 /24 or of an IPv6 /48 get, and the scope: "cloud 16". */
static const char *near(struct fixture *x, const char *network) {
	static char text[32];
	struct addr_net net;
	uint8_t option[4 + 6];
	size_t n;
	assert_true(addr_net_parse(&net, str_from(network)));
	struct str wire = addr_wire(&net.address);
	dns_put16(option, wire.n == 4 ? 1 : 2);
	option[2] = net.bits;
	option[3] = 0;
	memcpy(option + 4, wire.p, net.bits / 8);
	query_begin(x, "near.example", 1);
	query_edns(x, 1232, 0, 0);
	query_option(x, DNS_OPTION_ECS, option, 4 + net.bits / 8);
	query_send(x, false, 4096);
	const uint8_t *told = answer_option(x, DNS_OPTION_ECS, &n);
	assert_non_null(told);
	const char *answer = answer_text(x);
	snprintf(text, sizeof(text), "%s %u",
	         strstr(answer, " A 198.51.100.10") ? "cloud"
	         : strstr(answer, " A 192.0.2.10")  ? "onprem"
	                                            : "none",
	         told[3]);
	return text;
}

static void test_set_and_clear(void **state) {
	struct fixture *x = *state;
	assert_string_equal(near(x, "10.1.2.0/24"), "onprem 16");
	set(x, "10.1.0.0/16", "cloud=12ms,onprem=30.5ms");
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 8"); /* as around it: merged */
	set(x, "10.1.2.0/24", " onprem=1ms , cloud=1.5ms");
	assert_string_equal(near(x, "10.1.2.0/24"), "onprem 24");
	assert_string_equal(near(x, "10.1.3.0/24"), "cloud 24");
	assert_string_equal(near(x, "10.1.128.0/24"), "cloud 17");
	set(x, "2001:DB8:1::/48", "onprem=40ms"); /* the whole row: cloud is not measured */
	assert_string_equal(near(x, "2001:db8:1::/48"), "onprem 48");
	assert_string_equal(near(x, "2001:db8:2::/48"), "cloud 47");
	set(x, "10.1.0.0/16", "onprem=2ms");
	assert_string_equal(near(x, "10.1.3.0/24"), "onprem 16");
	assert_string_equal(rows(x), "rtt 10.1.0.0/16 onprem=2ms\n"
	                             "rtt 10.1.2.0/24 onprem=1ms,cloud=1.5ms\n"
	                             "rtt 2001:db8:1::/48 onprem=40ms\n");
	set(x, "10.1.0.0/16", "cloud=2ms");
	assert_int_equal(clear(x, "10.1.0.0/16"), 1);
	assert_string_equal(near(x, "10.1.3.0/24"), "onprem 16");
	assert_int_equal(clear(x, ""), 2);
	assert_string_equal(rows(x), "");
	assert_string_equal(near(x, "10.1.2.0/24"), "onprem 16");
	assert_string_equal(near(x, "2001:db8:1::/48"), "cloud 32");
	assert_int_equal(clear(x, ""), 0);
}

/* RFC 7871 7.2.1: one after the other the scopes cover everything, and none reaches into what another has answered. */
static void test_scopes(void **state) {
	struct fixture *x = *state;
	unsigned n = 0, n_onprem = 0;
	set(x, "10.1.2.0/23", "cloud=1ms");
	set(x, "10.1.3.0/24", "onprem=1ms");
	set(x, "10.0.0.0/8", "onprem=1ms");
	set(x, "10.2.0.0/15", "cloud=1ms");
	for (uint32_t at = UINT32_C(10) << 24; at < UINT32_C(11) << 24; n++) {
		char network[32], word[8];
		unsigned scope;
		snprintf(network, sizeof(network), "%u.%u.%u.0/24", at >> 24, at >> 16 & 255, at >> 8 & 255);
		assert_int_equal(sscanf(near(x, network), "%7s %u", word, &scope), 2);
		assert_in_range(scope, 8, 24);
		uint32_t size = UINT32_C(1) << (32 - scope);
		assert_int_equal(at % size, 0);
		n_onprem += word[0] == 'o' ? size >> 8 : 0;
		at += size;
	}
	assert_true(n < 40);
	assert_int_equal(n_onprem, 65536 - 512 - 1); /* in /24: all but 10.2.0.0/15 and 10.1.2.0/24 */
}

static void test_reloads(void **state) {
	struct fixture *x = *state;
	set(x, "10.1.0.0/16", "cloud=1ms");
	/* Of the configuration, with and without a change of the file; the map is not read again where nothing changed. */
	const struct map_source *before = maps_find(zones_now(x->gslb)->maps, STR("rtt"));
	reload(x, YAML);
	assert_ptr_equal(maps_find(zones_now(x->gslb)->maps, STR("rtt")), before);
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 8");
	fixture_file(x, "rtt.txt", TIMES "10.3.0.0/16 onprem=1ms\n");
	reload(x, YAML);
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 15");
	assert_string_equal(near(x, "10.3.2.0/24"), "onprem 16");
	/* Of the file alone. */
	fixture_file(x, "rtt.txt", "10.1.0.0/16 onprem=1ms\n10.4.0.0/16 onprem=4ms cloud=3.001ms # longer\n");
	gslb_reload_maps(x->gslb);
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 16");
	assert_string_equal(near(x, "10.4.2.0/24"), "cloud 16");
	assert_int_equal(clear(x, "10.1.0.0/16"), 1);
	assert_string_equal(near(x, "10.1.2.0/24"), "onprem 14");
}

/* A fault in the file keeps the map as it was, and what is told holds as soon as the file is right. */
static void test_faulty_file(void **state) {
	struct fixture *x = *state;
	struct err e;
	set(x, "10.1.0.0/16", "cloud=1ms");
	fixture_file(x, "rtt.txt", "10.5.0.0/16 onprem=1ms\n10.1.0.0/16 onprem=1ms\n10.1.0.0/16 cloud=1ms\n");
	set(x, "10.2.0.0/16", "onprem=1ms");
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 8");
	assert_string_equal(near(x, "10.2.2.0/24"), "cloud 8");
	assert_false(fixture_reload(x, YAML, &e));
	assert_non_null(strstr(e.text, "rtt.txt:3: 10.1.0.0/16 stands in line 2 already"));
	assert_string_equal(near(x, "10.2.2.0/24"), "cloud 8");
	fixture_file(x, "rtt.txt", "10.5.0.0/16 cloud=1ms\n");
	gslb_reload_maps(x->gslb);
	assert_string_equal(near(x, "10.2.2.0/24"), "onprem 15");
	assert_string_equal(near(x, "10.5.2.0/24"), "cloud 16");
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 16");
}

/* What a reload takes from the configuration takes the rows along, and nothing else does. */
static void test_configuration(void **state) {
	struct fixture *x = *state;
	struct err e;
	set(x, "10.1.0.0/16", "cloud=1ms");
	set(x, "10.2.0.0/16", "cloud=1ms,dr=2ms");
	assert_false(fixture_reload(x, BASE("rtt: { type: latency, file: nets.txt }", NAME), &e));
	assert_int_equal(x->gslb->latency.n, 2);
	fixture_file(x, "rtt.txt", "10.1.0.0/16 onprem=5ms\n");
	reload(x, "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
	          "sites: { cloud: { addresses: [198.51.100.10] }, onprem: { addresses: [192.0.2.10] } }\n"
	          "pools: { app: { servers: [ { name: c1, address: '127.0.0.1:1', site: cloud }, "
	          "{ name: p1, address: '127.0.0.1:2', site: onprem } ] } }\n"
	          "maps: { " RTT " }\nzones: { example: { file: zone, " NAME " } }\n");
	assert_string_equal(rows(x), "rtt 10.1.0.0/16 cloud=1ms\n");
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 16");
	assert_string_equal(near(x, "10.2.2.0/24"),
	                    "onprem 15"); /* its row went with dr: without a time the first of the name's list */
	reload(x, BASE("rtt: { type: subnet, file: nets.txt }", "names: {}"));
	assert_string_equal(rows(x), "");
	reload(x, YAML);
	assert_string_equal(near(x, "10.1.2.0/24"), "onprem 0");
}

static void test_refused(void **state) {
	struct fixture *x = *state;
	static const struct {
		const char *map, *network, *times, *why;
	} cases[] = {
		{ "ttr", "10.1.0.0/16", "cloud=1ms", "there is no map `ttr`; name one of `maps` in the configuration" },
		{ "nets", "10.1.0.0/16", "cloud=1ms", "map nets is of type subnet; name one of type latency" },
		{ "rtt", "10.1.0.1/16", "cloud=1ms",
		  "\"10.1.0.1/16\" is no network; write it as 192.0.2.0/24 or 2001:db8::/32, with no bit set behind the prefix" },
		{ "rtt", "10.1.0.0/16", "cloud=1ms,onprem",
		  "\"onprem\" is no round-trip time of a site; write it as cloud=12ms or cloud=12.5ms" },
		{ "rtt", "10.1.0.0/16", "cloud=1ms onprem=2ms",
		  "\"cloud=1ms onprem=2ms\" is no round-trip time of a site; write it as cloud=12ms or cloud=12.5ms" },
		{ "rtt", "10.1.0.0/16", "cloud=1ms,,onprem=1ms",
		  "\"\" is no round-trip time of a site; write it as cloud=12ms or cloud=12.5ms" },
		{ "rtt", "10.1.0.0/16", "", "\"\" is no round-trip time of a site; write it as cloud=12ms or cloud=12.5ms" },
		{ "rtt", "10.1.0.0/16", "moon=1ms", "there is no site `moon`; see `show sites`" },
		{ "rtt", "10.1.0.0/16", "cloud=1ms,dr=2ms,cloud=1ms", "site cloud stands twice; tell one time of it" },
	};
	struct err e;
	unsigned n;
	set(x, "10.1.0.0/16", "cloud=1ms");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(try_set(x, cases[i].map, cases[i].network, cases[i].times, &e), -1);
		assert_string_equal(e.text, cases[i].why);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(gslb_latency_clear(x->gslb, str_from(cases[i].map), str_from(cases[i].network), &n, &e), -1);
		assert_string_equal(e.text, cases[i].why);
	}
	assert_int_equal(gslb_latency_clear(x->gslb, STR("rtt"), STR("10.1.0.0/17"), &n, &e), -1);
	assert_string_equal(e.text, "nothing was told of 10.1.0.0/17 in map rtt; see `show latency`");
	assert_string_equal(rows(x), "rtt 10.1.0.0/16 cloud=1ms\n");
}

static void test_bound(void **state) {
	struct fixture *x = *state;
	struct err e;
	char network[32];
	struct latency *l = &x->gslb->latency;
	for (unsigned i = 0; i < LATENCY_ROWS; i++) { /* maps are made once, at the end */
		struct gslb_latency row = { .map = STR("rtt"), .times = STR("cloud=1ms") };
		snprintf(network, sizeof(network), "172.%u.%u.0/24", 16 + (i * 7 % LATENCY_ROWS >> 8),
		         i * 7 % LATENCY_ROWS & 255);
		row.network = str_from(network);
		assert_int_equal(latency_set(l, cfg_root(x->cfg), &row, &e), 0);
	}
	assert_int_equal(try_set(x, "rtt", "10.1.0.0/16", "cloud=1ms", &e), -1);
	assert_string_equal(e.text,
	                    "4096 rows were told, which is as many as there may be; `latency clear` some, or write them into "
	                    "the file of the map");
	set(x, "172.16.7.0/24", "onprem=1ms"); /* one that is there may change */
	assert_string_equal(near(x, "172.16.7.0/24"), "onprem 24");
	assert_int_equal(clear(x, ""), LATENCY_ROWS);
}

/* ---- with a loop ---- */

static struct loop *control;

static int setup_loop(void **state) {
	struct fixture *x = *state = fixture_create();
	struct err e;
	urcu_memb_register_thread();
	files(x);
	gslb_destroy(x->gslb);
	fleet_destroy(x->fleet);
	assert_non_null(control = loop_create(&e));
	assert_non_null(x->fleet = fleet_create(control, NULL, &e));
	assert_non_null(x->gslb = gslb_create(x->fleet, NULL, &e));
	return 0;
}
static int teardown_loop(void **state) {
	int result = teardown(state);
	loop_destroy(control);
	return result;
}

static void run_until(struct fixture *x, const char *network, const char *want) {
	while (strcmp(near(x, network), want) != 0)
		event_base_loop(loop_base(control), EVLOOP_ONCE);
}

/* What is told in a turn of the loop makes the maps anew once, behind it; what follows waits for a moment, and shares one, too. */
static void test_many_at_once(void **state) {
	struct fixture *x = *state;
	reload(x, YAML);
	run_until(x, "10.1.2.0/24", "onprem 16");
	set(x, "10.1.0.0/16", "cloud=1ms");
	set(x, "10.2.0.0/16", "onprem=1ms");
	assert_string_equal(near(x, "10.1.2.0/24"), "onprem 16");
	run_until(x, "10.2.2.0/24", "onprem 16");
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 15");
	assert_int_equal(n_remade, 1);
	uint64_t earliest_us = x->gslb->latency_earliest_us;
	assert_true(earliest_us > clock_now_us());
	assert_int_equal(clear(x, "10.1.0.0/16"), 1);
	set(x, "10.3.0.0/16", "onprem=1ms");
	set(x, "10.3.0.0/16", "cloud=1ms");
	run_until(x, "10.1.2.0/24", "onprem 16");
	assert_true(clock_update() >= earliest_us);
	assert_string_equal(near(x, "10.3.2.0/24"), "cloud 16");
	assert_int_equal(n_remade, 2);
}

/* A zone that is being signed is not disturbed: what is told holds when it is done. */
static void test_beside_signing(void **state) {
	struct fixture *x = *state;
	struct signed_zone keys = { .directory = "" };
	struct err e;
	strcpy(keys.directory, x->directory);
	signed_key(&keys, 13, 257, (struct key_times){ { 0 } });
	assert_int_equal(gslb_keep_signed(x->gslb, control, &e), 0);
	reload(x, BASE(RTT, "dnssec: { keys: keys }, " NAME));
	run_until(x, "10.1.2.0/24", "onprem 16");
	const struct zones *before = zones_now(x->gslb);
	assert_int_equal(gslb_sign_zone(x->gslb, STR("example"), &e), 0);
	set(x, "10.1.0.0/16", "cloud=1ms");
	run_until(x, "10.1.2.0/24", "cloud 8");
	assert_ptr_not_equal(zones_now(x->gslb), before);
	assert_false(resign_is_busy(x->gslb->resign));
	/* And signed anew of what is in force, it still holds. */
	assert_int_equal(resign_now(x->gslb->resign, NULL, &e), 0);
	assert_string_equal(near(x, "10.1.2.0/24"), "cloud 8");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_set_and_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scopes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reloads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faulty_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup_loop, teardown_loop),
		cmocka_unit_test_setup_teardown(test_beside_signing, setup_loop, teardown_loop),
	};
	return cmocka_run_group_tests_name("gslb/latency", tests, NULL, NULL);
}
