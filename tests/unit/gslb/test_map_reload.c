/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of maps that change while they are in force: all names that go by them follow at once, or none does. */
#include "unit/gslb/fixture.h"

#include "gslb/private.h"
#include "steerway/base/log.h"

#define SITES 8
#define CASES 80

static char logged[4096];
static void log_keep(struct str line) {
	str_copy(logged, sizeof(logged), line);
}

static int setup(void **state) {
	struct fixture *x = fixture_create();
	fixture_file(x, "zone", "@ 3600 IN SOA ns h 7 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.1\n");
	log_set_level(LOG_LEVEL_ERROR);
	*state = x;
	return 0;
}

static int teardown(void **state) {
	fixture_destroy(*state);
	log_set_sink(NULL);
	return 0;
}

/* By map `nets`: name `two` leads clients of case c0 to s0, others to s1; name `all` has each case of each client's own order. */
static void load(struct fixture *x) {
	struct buf yaml = { 0 };
	struct err e;
	buf_printf(&yaml, "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nsites:\n");
	for (unsigned i = 0; i < SITES; i++)
		buf_printf(&yaml, "  s%u: { addresses: [192.0.2.%u] }\n", i, 10 + i);
	buf_printf(&yaml, "pools:\n  app:\n    servers:\n");
	for (unsigned i = 0; i < SITES; i++)
		buf_printf(&yaml, "      - { name: p%u, address: '127.0.0.1:%u', site: s%u }\n", i, 1 + i, i);
	buf_printf(&yaml, "policies: { sticky: { policy: consistent, sites: [s0, s1, s2, s3, s4, s5, s6, s7] } }\n"
	                  "maps: { nets: { type: subnet, file: nets } }\n"
	                  "zones: { example: { file: zone, names: {\n"
	                  "  two: { pool: app, policy: subnet, map: nets, cases: { c0: s0, default: s1 }, all_down: first },\n"
	                  "  all: { pool: app, policy: subnet, map: nets, cases: { default: sticky");
	for (unsigned i = 0; i < CASES; i++)
		buf_printf(&yaml, ", c%u: sticky", i);
	buf_printf(&yaml, " }, all_down: first } } } }\n");
	buf_add_char(&yaml, '\0');
	if (!fixture_reload(x, yaml.p, &e))
		fail_msg("%s", e.text);
	buf_fini(&yaml);
}

#define IS_AT(address) assert_string_equal(ask(x, "two.example", 1), "NOERROR aa\nan two.example. 60 IN A " address "\n")

static void test_follows(void **state) {
	struct fixture *x = *state;
	fixture_file(x, "nets", "198.51.100.0/24 c0\n");
	load(x);
	IS_AT("192.0.2.10");
	fixture_file(x, "nets", "198.51.0.0/20 c0\n");
	gslb_reload_maps(x->gslb);
	IS_AT("192.0.2.11");
	fixture_file(x, "nets", "198.51.100.0/33 c0\n");
	log_set_sink(log_keep);
	gslb_reload_maps(x->gslb);
	assert_non_null(strstr(logged, "error map_refused map=nets why="));
	IS_AT("192.0.2.11");
}

/* A readable file that one name can't go by is no one's. */
static void test_too_many_classes(void **state) {
	struct fixture *x = *state;
	struct buf many = { 0 };
	fixture_file(x, "nets", "198.51.100.0/24 c0\n");
	load(x);
	for (unsigned i = 0; i < CASES; i++)
		buf_printf(&many, "10.0.%u.0/24 c%u\n", i, i);
	buf_add_char(&many, '\0');
	fixture_file(x, "nets", many.p);
	log_set_sink(log_keep);
	struct maps *before = zones_now(x->gslb)->maps;
	gslb_reload_maps(x->gslb);
	assert_non_null(strstr(logged, "error map_refused name=all.example. why=\"clients fall into "));
	assert_non_null(strstr(logged, "then=\"all old ones serve on\""));
	assert_ptr_equal(zones_now(x->gslb)->maps, before);
	IS_AT("192.0.2.10");
	/* Mended, it is taken. */
	fixture_file(x, "nets", "198.51.0.0/20 c0\n");
	gslb_reload_maps(x->gslb);
	IS_AT("192.0.2.11");
	buf_fini(&many);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_follows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_classes, setup, teardown),
	};
	return cmocka_run_group_tests_name("gslb/map_reload", tests, NULL, NULL);
}
