/* SPDX-License-Identifier: BSD-2-Clause */
/* What a good configuration becomes: every type, defaults, references, what is filled in from elsewhere. */
#include "unit/cfg/cfg_test.h"

#include "cfg/scalar.h"

#include <sched.h>

static void assert_str(struct str s, const char *want) {
	char text[256];
	assert_string_equal(str_copy(text, sizeof(text), s), want);
}

static const char whole[] =
    "node: { name: edge-1, site: onprem }\n"
    "workers: 3\n"
    "user: steerway\n"
    "drain_timeout: 2m\n"
    "listeners:\n"
    "  web:\n"
    "    bind: [\"0.0.0.0:80\", \"[::]:80\"]\n"
    "    tls: { certificates: [LICENSE, \"configure.a[c]\"], min_version: 1.3, tickets: false }\n"
    "    max_head: 16KiB\n"
    "    max_body: 10MB\n"
    "    timeouts: { head: 250ms }\n"
    "  dns: { bind: \"127.0.0.1:53\", protocol: dns }\n"
    "sites:\n"
    "  cloud: { addresses: [198.51.100.10, \"2001:db8::10\"], capacity: 8000rps }\n"
    "  onprem: { addresses: 192.0.2.10, role: standby }\n"
    "checks:\n"
    "  app: { type: http, host: a.example, expect: { status: \"200,204,300-399\", body: \"a\\tb\" }, interval: 4s, jitter: 5% }\n"
    "  re: { type: http, expect: { status: [200, 404], body_regex: \"^o+k$\" }, fast_interval: 50ms, down_interval: 1h }\n"
    "  tls: { type: https, host: b.example, tls: { server_name: c.example } }\n"
    "pools:\n"
    "  app:\n"
    "    balance: hash\n"
    "    load_factor: 1.5\n"
    "    check: app\n"
    "    prefer: [onprem, cloud]\n"
    "    max_connections: 7\n"
    "    max_requests: 9\n"
    "    servers:\n"
    "      - { name: c1, address: \"10.1.1.11:8080\", site: cloud }\n"
    "      - { name: p1, address: \"[2001:db8::1]:80\", site: onprem, weight: 5, max_connections: 0 }\n"
    "  two:\n"
    "    split: { cloud: 70 }\n"
    "    servers: [{ name: c1, address: \"10.1.1.11:8080\", site: cloud }]\n"
    "routes:\n"
    "  - { host: App.Example.ORG., path: /api/, pool: app }\n"
    "  - { pool: two }\n"
    "zones:\n"
    "  Example.org.:\n"
    "    file: LICENSE\n"
    "    names:\n"
    "      App: { pool: app, sites: [onprem, cloud], ttl: 30s }\n"
    "      \"@\": { policy: weighted, pool: app, sites: { cloud: 70, onprem: 0 }, all_down: first, order: rotate }\n"
    "admin:\n"
    "  socket: { mode: \"0660\", group: ops }\n"
    "  http: { bind: \"127.0.0.1:8404\" }\n"
    "log: { access: { path: \"-\" }, level: debug }\n";

static void check_listeners(const struct cfg_root *r) {
	assert_int_equal(r->listeners.n, 2);
	const struct cfg_listener *web = &r->listeners.items[0], *dns = &r->listeners.items[1];
	char text[ADDR_TEXT_BYTES];
	assert_str(web->id, "web");
	assert_int_equal(web->bind.n, 2);
	assert_str(addr_format(&web->bind.items[1], text), "[::]:80");
	assert_true(web->tls.is_given);
	assert_int_equal(web->tls.certificates.n, 2);
	assert_string_equal(web->tls.certificates.items[1].p, "configure.ac");
	assert_int_equal(web->tls.min_version, CFG_TLS_VERSION_1_3);
	assert_false(web->tls.tickets);
	assert_int_equal(web->max_head_bytes, 16384);
	assert_int_equal(web->max_body_bytes, 10000000);
	assert_int_equal(web->timeouts.head_ms, 250);
	assert_int_equal(web->timeouts.keep_alive_ms, 60000);
	assert_false(dns->tls.is_given);
	assert_int_equal(dns->protocol, CFG_PROTOCOL_DNS);
	assert_int_equal(dns->bind.n, 1);
	/* An absent section holds its defaults. */
	assert_false(dns->timeouts.is_given);
	assert_int_equal(dns->timeouts.head_ms, 10000);
	assert_true(dns->tls.tickets);
}

static void check_checks(const struct cfg_root *r) {
	const struct cfg_check *app = &r->checks.items[0], *re = &r->checks.items[1], *tls = &r->checks.items[2];
	assert_int_equal(app->expect.status.n, 3);
	assert_int_equal(app->expect.status.items[2].first, 300);
	assert_int_equal(app->expect.status.items[2].last, 399);
	assert_str(app->expect.body, "a\tb");
	assert_int_equal(app->jitter_percent, 5);
	assert_int_equal(app->timeout_ms, 1000);
	assert_int_equal(app->fast_interval_ms, 4000);
	assert_int_equal(app->down_interval_ms, 4000);
	assert_int_equal(re->expect.status.n, 2);
	assert_int_equal(re->expect.status.items[1].first, 404);
	assert_int_equal(re->fast_interval_ms, 50);
	assert_int_equal(re->down_interval_ms, 3600000);
	assert_str(app->tls.server_name, "a.example");
	assert_str(tls->tls.server_name, "c.example");
	assert_true(tls->tls.verify);
}

static void check_pools(const struct cfg_root *r) {
	const struct cfg_pool *app = &r->pools.items[0], *two = &r->pools.items[1];
	const struct cfg_site *cloud = &r->sites.items[0], *onprem = &r->sites.items[1];
	assert_int_equal(cloud->addresses.n, 2);
	assert_int_equal(cloud->capacity_rps, 8000);
	assert_int_equal(onprem->role, CFG_SITE_ROLE_STANDBY);
	assert_ptr_equal(r->node.site, onprem);
	assert_ptr_equal(app->check, &r->checks.items[0]);
	assert_null(two->check);
	assert_true(app->load_factor > 1.4999 && app->load_factor < 1.5001);
	assert_int_equal(app->prefer.n, 2);
	assert_ptr_equal(app->prefer.items[0], onprem);
	assert_int_equal(app->retries.attempts, 2);
	assert_int_equal(app->retries.budget_percent, 20);
	assert_int_equal(app->servers.items[0].max_connections, 7);
	assert_int_equal(app->servers.items[1].max_connections, 0);
	assert_int_equal(app->servers.items[0].max_requests, 9);
	assert_int_equal(app->servers.items[1].weight, 5);
	assert_true(addr_is_v6(&app->servers.items[1].address));
	assert_int_equal(app->servers.items[1].mark.line, 30);
	assert_int_equal(app->servers.items[1].mark.column, 9);
	assert_int_equal(two->split.n, 1);
	assert_ptr_equal(two->split.items[0].site, cloud);
	assert_int_equal(two->split.items[0].weight, 70);
}

static void check_names(const struct cfg_root *r) {
	const struct cfg_zone *z = &r->zones.items[0];
	assert_str(z->id, "example.org");
	assert_string_equal(z->file.p, "LICENSE");
	assert_str(z->names.items[0].id, "app");
	assert_int_equal(z->names.items[0].policy, CFG_POLICY_FAILOVER);
	assert_ptr_equal(z->names.items[0].sites.items[0].site, &r->sites.items[1]);
	assert_int_equal(z->names.items[0].sites.items[0].weight, 1);
	assert_int_equal(z->names.items[0].ttl.min_s, 30);
	assert_int_equal(z->names.items[0].ttl.max_s, 30);
	assert_int_equal(z->names.items[1].ttl.min_s, 5);
	assert_int_equal(z->names.items[1].ttl.max_s, 60);
	assert_int_equal(z->names.items[1].sites.items[0].weight, 70);
	assert_int_equal(z->names.items[1].all_down, CFG_ALL_DOWN_FIRST);
	assert_int_equal(z->names.items[0].order, CFG_ORDER_FIXED);
	assert_int_equal(z->names.items[1].order, CFG_ORDER_ROTATE);
}

static void test_whole(void **state) {
	(void)state;
	struct cfg *c = load_good(whole);
	const struct cfg_root *r = cfg_root(c);
	assert_str(r->node.name, "edge-1");
	assert_int_equal(r->workers, 3);
	assert_int_equal(r->drain_timeout_ms, 120000);
	assert_str(r->user, "steerway");
	assert_int_equal(r->group.n, 0);
	check_listeners(r);
	check_checks(r);
	check_pools(r);
	assert_str(r->routes.items[0].host, "app.example.org");
	assert_str(r->routes.items[0].path, "/api/");
	assert_str(r->routes.items[1].path, "/");
	assert_ptr_equal(r->routes.items[1].pool, &r->pools.items[1]);
	check_names(r);
	assert_true(r->admin.socket.is_given);
	assert_int_equal(r->admin.socket.mode, 0660);
	assert_string_equal(r->admin.socket.path.p, "/run/steerway/admin.sock");
	assert_str(r->log.access.path, "-");
	assert_int_equal(r->log.level, CFG_LOG_LEVEL_DEBUG);
	cfg_destroy(c);
}

static void test_defaults_of_nothing(void **state) {
	cpu_set_t set;
	(void)state;
	struct cfg *c = load_good("");
	const struct cfg_root *r = cfg_root(c);
	assert_str(r->node.name, "steerway");
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(r->workers, CPU_COUNT(&set) > 256 ? 256 : CPU_COUNT(&set));
	assert_int_equal(r->drain_timeout_ms, 30000);
	assert_int_equal(r->admin.socket.mode, 0600);
	assert_false(r->log.access.is_given);
	assert_null(r->node.site);
	cfg_destroy(c);
}

static void test_relative_paths(void **state) {
	struct buf errors = { 0 };
	(void)state;
	struct cfg *c = cfg_load_text(STR("log: { path: error.log, access: { path: /a/b } }\n"), "t.yaml", "conf", &errors);
	assert_non_null(c);
	assert_string_equal(cfg_root(c)->log.path.p, "conf/error.log");
	assert_string_equal(cfg_root(c)->log.access.path.p, "/a/b");
	cfg_destroy(c);
	buf_fini(&errors);
}

/* Every default and bound of every row is right for its own type. */
static void test_rows_are_sound(void **state) {
	struct arena arena;
	size_t n_rows = 0;
	(void)state;
	arena_init(&arena, 4096);
	for (unsigned id = 0; id < SCHEMA_SECTION_COUNT; id++) {
		const struct schema_section *s = schema_section(id);
		for (size_t i = 0; i < s->n_rows; i++, n_rows++) {
			const struct schema_row *row = &s->rows[i];
			const char *texts[] = { schema_is_required(row) ? NULL : row->dflt, row->min, row->max };
			char *object = mem_zalloc(s->bytes);
			for (size_t t = 0; t < COUNT_OF(texts); t++) {
				struct err why = { "" };
				struct scalar scalar = { row, texts[t] ? str_from(texts[t]) : STR_NONE, STR_NONE, &arena, &why };
				if (texts[t] && !scalar_type(row->type)->parse(&scalar, object + row->offset))
					fail_msg("%s.%s: %s: %s", s->name, row->key, texts[t], why.text);
			}
			assert_true(strlen(row->doc) > 5);
			assert_true(row->type != SCHEMA_REF || schema_home(row->param) != NULL);
			mem_free(object);
		}
	}
	assert_true(n_rows > 90);
	arena_fini(&arena);
}

static void test_durations_are_written_as_read(void **state) {
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = { { 0, "0s" },        { 1, "1ms" },      { 250, "250ms" },    { 1000, "1s" },
		      { 1500, "1500ms" }, { 60000, "60s" },  { 90000, "90s" },    { 120000, "2m" },
		      { 3600000, "60m" }, { 7200000, "2h" }, { 86400000, "24h" }, { 604800000, "7d" } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = { 0 };
		scalar_format_msec(cases[i].ms, &b);
		assert_string_equal(buf_text(&b), cases[i].text);
		buf_fini(&b);
	}
}

static void test_enum_texts(void **state) {
	(void)state;
	assert_string_equal(cfg_balance_text(CFG_BALANCE_P2C), "p2c");
	assert_string_equal(cfg_tls_version_text(CFG_TLS_VERSION_1_2), "1.2");
	assert_string_equal(cfg_policy_kind_text((enum cfg_policy_kind)99), "?");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults_of_nothing),
		cmocka_unit_test(test_relative_paths),
		cmocka_unit_test(test_rows_are_sound),
		cmocka_unit_test(test_durations_are_written_as_read),
		cmocka_unit_test(test_enum_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
