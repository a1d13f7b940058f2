/* SPDX-License-Identifier: BSD-2-Clause */
/* One verdict, a thousand steered names: when the publish returns every one of them answers with the other site, each is told of once, and
 * a name that the verdict does not concern keeps what it has. Says what the publish cost; how much it may is a matter of `make bench-dns`. */
#include "unit/gslb/fixture.h"

#include "steerway/base/log.h"

#include <time.h>

#define NAMES 1000
#define CLOUD "198.51.100.10"
#define ONPREM "192.0.2.10"

static const char zone[] = "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n";

/* `alone` goes by a pool of its own. */
static char *configuration(void) {
	struct buf yaml = { 0 };
	buf_printf(&yaml, "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES
	                  "  alone: { check: app, servers: [ { name: c1, address: '127.0.0.1:4', site: cloud },"
	                  " { name: p1, address: '127.0.0.1:5', site: onprem } ] }\n"
	                  "zones:\n  example.org:\n    file: example.org.zone\n    names:\n"
	                  "      alone: { pool: alone, sites: [cloud, onprem], ttl: 60s }\n");
	for (int i = 0; i < NAMES; i++)
		buf_printf(&yaml, "      n%d: { policy: failover, pool: app, sites: [cloud, onprem], ttl: 5s..60s }\n", i);
	buf_add_char(&yaml, '\0');
	return yaml.p;
}

static void verdict(struct fixture *x, const char *server, enum fleet_verdict v) {
	fleet_set_verdict(x->fleet, fleet_server_find(x->fleet, str_from(server)), v, false, STR("test"));
}

static double thread_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int n_switched;

static void on_line(struct str line) {
	n_switched += memmem(line.p, line.n, " name_switched ", 15) != NULL;
}

/* What one verdict and its publish cost this thread. Without a loop it is published at once. */
static double publish(struct fixture *x, const char *server, enum fleet_verdict v) {
	n_switched = 0;
	double before = thread_ms();
	verdict(x, server, v);
	return thread_ms() - before;
}

/* Of all names: how many answer with this address alone. */
static int answered_with(struct fixture *x, const char *address) {
	int n = 0;
	for (int i = 0; i < NAMES; i++) {
		char name[32], line[96];
		snprintf(name, sizeof(name), "n%d.example.org", i);
		const char *text = ask(x, name, 1);
		const char *ttl = strstr(text, ".example.org. ");
		assert_non_null(ttl);
		snprintf(line, sizeof(line), "NOERROR aa\nan %s. %d IN A %s\n", name, atoi(ttl + 14), address);
		n += strcmp(text, line) == 0;
	}
	return n;
}

static void test_all_at_once(void **state) {
	(void)state;
	log_set_sink(on_line);
	struct fixture *x = fixture_create();
	struct err e;
	char *yaml = configuration();
	fixture_file(x, "example.org.zone", zone);
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
	mem_free(yaml);
	verdict(x, "app/p1", FLEET_UP);
	verdict(x, "alone/c1", FLEET_UP);
	verdict(x, "alone/p1", FLEET_UP);
	publish(x, "app/c1", FLEET_UP);
	assert_int_equal(answered_with(x, CLOUD), NAMES);
	assert_int_equal(n_switched, 0);
	uint64_t epoch = fleet_epoch(x->fleet);
	double first = publish(x, "app/c1", FLEET_DOWN);
	assert_int_equal(fleet_epoch(x->fleet), epoch + 1);
	assert_int_equal(n_switched, NAMES);
	assert_int_equal(answered_with(x, ONPREM), NAMES);
	assert_string_equal(ask(x, "alone.example.org", 1), "NOERROR aa\nan alone.example.org. 60 IN A " CLOUD "\n");
	double back = publish(x, "app/c1", FLEET_UP);
	assert_int_equal(answered_with(x, CLOUD), NAMES);
	assert_int_equal(n_switched, NAMES);
	double again = publish(x, "app/c1", FLEET_DOWN);
	assert_int_equal(answered_with(x, ONPREM), NAMES);
	double alone = publish(x, "alone/c1", FLEET_DOWN);
	assert_int_equal(n_switched, 1);
	assert_string_equal(ask(x, "alone.example.org", 1), "NOERROR aa\nan alone.example.org. 60 IN A " ONPREM "\n");
	print_message("switched %d names: first %.3f ms, back %.3f ms, again %.3f ms; one of them %.3f ms\n", NAMES, first, back,
	              again, alone);
	fixture_destroy(x);
	log_set_sink(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_at_once) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
