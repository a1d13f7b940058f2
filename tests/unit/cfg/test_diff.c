/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload says that it changes. */
#include "unit/cfg/cfg_test.h"

#define BASE                                                                                                                     \
	"sites: { a: { addresses: 192.0.2.1 }, b: { addresses: 192.0.2.2 } }\n"                                                  \
	"checks: { app: { interval: 2s } }\n"
#define POOL(rest)                                                                                                               \
	"pools: { app: { " rest                                                                                                  \
	", servers: [{ name: x, address: \"127.0.0.1:1\", site: a }, { name: y, address: \"127.0.0.1:2\", site: b }] } }\n"

static const struct {
	const char *name, *old, *new, *lines;
	size_t n_restart;
} cases[] = {
	{ "nothing", BASE POOL("min_up: 1"), BASE POOL("min_up: 1"), "", 0 },
	{ "the same in other words", "drain_timeout: 2m\n", "drain_timeout: 120s\n", "", 0 },
	{ "a default written out", "", "drain_timeout: 30s\n", "", 0 },
	{ "a duration", "", "drain_timeout: 1h\n", "drain_timeout: 30s -> 60m\n", 0 },
	{ "a key that takes a restart", "workers: 1\n", "workers: 2\n", "workers: 1 -> 2 (takes a restart)\n", 1 },
	{ "two of them, one given and one gone", "user: a\n", "group: b\n",
	  "user: a -> absent (takes a restart)\n"
	  "group: absent -> b (takes a restart)\n",
	  2 },
	{ "an enum", "log: { level: info }\n", "log: { level: debug }\n", "log.level: info -> debug\n", 0 },
	{ "a section of the map comes, another goes", "sites: { a: {}, b: {} }\n", "sites: { c: {}, b: {} }\n",
	  "sites.a: removed\n"
	  "sites.c: added\n",
	  0 },
	{ "the order of a map means nothing", "sites: { a: {}, b: {} }\n", "sites: { b: {}, a: {} }\n", "", 0 },
	{ "addresses", "sites: { a: { addresses: [192.0.2.1] } }\n",
	  "sites: { a: { addresses: [192.0.2.1, \"2001:db8::1\"] } }\n",
	  "sites.a.addresses: [192.0.2.1] -> [192.0.2.1, 2001:db8::1]\n", 0 },
	{ "rate, mode, percentage", "sites: { a: { capacity: 1rps } }\nadmin: { socket: { mode: \"600\" } }\nchecks: { c: {} }\n",
	  "sites: { a: { capacity: 2rps } }\nadmin: { socket: { mode: \"660\" } }\nchecks: { c: { jitter: 3% } }\n",
	  "sites.a.capacity: 1rps -> 2rps\n"
	  "checks.c.jitter: 10% -> 3%\n"
	  "admin.socket.mode: 0600 -> 0660 (takes a restart)\n",
	  1 },
	{ "status codes and text", "checks: { c: { type: http, expect: { status: 200 } } }\n",
	  "checks: { c: { type: http, expect: { status: \"200,300-399\", body: \"a\\nb\" } } }\n",
	  "checks.c.expect.status: 200 -> 200,300-399\n"
	  "checks.c.expect.body: absent -> \"a\\nb\"\n",
	  0 },
	{ "references", BASE POOL("check: app, prefer: [a, b]"), BASE POOL("split: { a: 1, b: 2 }"),
	  "pools.app.check: app -> absent\n"
	  "pools.app.prefer: [a, b] -> absent\n"
	  "pools.app.split: absent -> { a: 1, b: 2 }\n",
	  0 },
	{ "what another key fills in is told once", BASE POOL("max_connections: 5"), BASE POOL("max_connections: 6"),
	  "pools.app.max_connections: 5 -> 6\n", 0 },
	{ "decimals", BASE POOL("prefer: [a, b]"), BASE POOL("prefer: [a, b], overprovision: 1.25"),
	  "pools.app.overprovision: 1.4 -> 1.25\n", 0 },
	{ "servers by name",
	  BASE "pools: { app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }, { name: y, address: \"127.0.0.1:2\", "
	       "site: b }] } }\n",
	  BASE "pools: { app: { servers: [{ name: y, address: \"127.0.0.1:3\", site: b, weight: 5 }, { name: z, address: "
	       "\"127.0.0.1:4\", site: a }] } }\n",
	  "pools.app.servers.x: removed\n"
	  "pools.app.servers.y.address: 127.0.0.1:2 -> 127.0.0.1:3\n"
	  "pools.app.servers.y.weight: 1 -> 5\n"
	  "pools.app.servers.z: added\n",
	  0 },
	{ "routes by index",
	  BASE POOL("min_up: 1") "listeners: { w: { bind: \"127.0.0.1:80\" } }\nroutes: [{ pool: app }, { host: b.example, pool: "
	                         "app }]\n",
	  BASE POOL("min_up: 1") "listeners: { w: { bind: \"127.0.0.1:80\" } }\nroutes: [{ pool: app, path: /x }]\n",
	  "routes[0].path: / -> /x\n"
	  "routes[1]: removed\n",
	  0 },
	{ "a section that is more than its defaults", "", "admin: { http: { bind: \"127.0.0.1:8404\" } }\n",
	  "admin.http: added (takes a restart)\n", 1 },
	{ "and the other way", "log: { access: { path: x } }\n", "log: {}\n", "log.access: removed (takes a restart)\n", 1 },
	{ "a section of defaults", "", "admin: { socket: {} }\n", "admin.socket: added (takes a restart)\n", 1 },
	{ "a path", "log: { path: x }\n", "log: { path: /y }\n", "log.path: x -> /y (takes a restart)\n", 1 },
	{ "TTL and weights",
	  BASE POOL("min_up: 1") "listeners: { d: { bind: \"127.0.0.1:53\", protocol: dns } }\n"
	                         "zones: { e.org: { file: LICENSE, names: { w: { policy: weighted, pool: app, sites: { a: 1, b: "
	                         "2 } } } } }\n",
	  BASE POOL("min_up: 1") "listeners: { d: { bind: \"127.0.0.1:53\", protocol: dns } }\n"
	                         "zones: { e.org: { file: LICENSE, names: { w: { policy: weighted, pool: app, sites: { a: 1, b: "
	                         "0 }, ttl: 9s } } } }\n",
	  "zones.e.org.names.w.sites: { a: 1, b: 2 } -> { a: 1, b: 0 }\n"
	  "zones.e.org.names.w.ttl: 5s..60s -> 9s\n",
	  0 },
};

static void test_diff(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf lines = { 0 };
		print_message("  %s\n", cases[i].name);
		struct cfg *old = load_good(cases[i].old), *new = load_good(cases[i].new);
		size_t n = cfg_diff(old, new, &lines);
		assert_string_equal(buf_text(&lines), cases[i].lines);
		assert_int_equal(n, cases[i].n_restart);
		cfg_destroy(old);
		cfg_destroy(new);
		buf_fini(&lines);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
