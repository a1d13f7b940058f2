/* SPDX-License-Identifier: BSD-2-Clause */
/* A reload of zones: a faulty one keeps its last good version and says so, others go on; what did not change is not made anew. */
#include "unit/gslb/fixture.h"

#include "gslb/private.h"
#include "steerway/base/log.h"

#include <limits.h>

#define HEAD "@ 3600 IN SOA ns1 hostmaster %d 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n"
#define LISTENER "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
#define PLAIN(name) name ": { file: " name ".zone }"
#define STEERED(name, steered) name ": { file: " name ".zone, names: { " steered ": { pool: app, sites: [cloud] } } }"
#define TWO LISTENER "zones: { " PLAIN("example.org") ", " PLAIN("example.net") " }\n"

static int setup(void **state) {
	*state = fixture_create();
	log_set_level(LOG_LEVEL_ERROR);
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	log_set_sink(NULL);
	return 0;
}

static void zone_write(const struct fixture *x, const char *file, int serial, const char *records) {
	char text[2048], *head;
	assert_true(asprintf(&head, HEAD, serial) > 0);
	snprintf(text, sizeof(text), "%s%s", head, records);
	free(head);
	fixture_file(x, file, text);
}

static void reload(struct fixture *x, const char *yaml) {
	struct err e;
	if (!fixture_reload(x, yaml, &e))
		fail_msg("%s", e.text);
}

struct seen {
	struct str name;
	struct gslb_zone_state state;
};
static void look(void *arg, const struct gslb_zone_state *z) {
	struct seen *s = arg;
	if (str_eq(z->name, s->name))
		s->state = *z;
}
static struct gslb_zone_state state_of(struct fixture *x, const char *name) {
	struct seen s = { .name = str_from(name) };
	gslb_each_zone(x->gslb, look, &s);
	return s.state;
}

static char logged[4096];
static void log_keep(struct str line) {
	str_copy(logged, sizeof(logged), line);
}

#define IS_AT(name, address) assert_string_equal(ask(x, name, 1), "NOERROR aa\nan " name ". 60 IN A " address "\n")

static void test_faulty_keeps(void **state) {
	struct fixture *x = *state;
	int64_t faults = metric_sum(METRIC_gslb_zone_faults_total);
	zone_write(x, "example.org.zone", 1, "web 60 A 192.0.2.9\n");
	zone_write(x, "example.net.zone", 1, "web 60 A 192.0.2.8\n");
	reload(x, TWO);
	zone_write(x, "example.org.zone", 2, "web 60 A 192.0.2\n");
	zone_write(x, "example.net.zone", 2, "web 60 A 192.0.2.7\n");
	log_set_sink(log_keep);
	for (int i = 1; i <= 2; i++) { /* also when the version before is itself one that was kept */
		reload(x, TWO);
		IS_AT("web.example.org", "192.0.2.9");
		IS_AT("web.example.net", "192.0.2.7");
		assert_int_equal(state_of(x, "example.org.").serial, 1);
		assert_non_null(
		    strstr(state_of(x, "example.org.").fault, "example.org.zone:4: `192.0.2` is not an IPv4 address"));
		assert_null(state_of(x, "example.net.").fault);
		assert_int_equal(metric_sum(METRIC_gslb_zones_kept), 1);
		assert_int_equal(metric_sum(METRIC_gslb_zone_faults_total), faults + i);
		assert_non_null(strstr(logged, "error zone_kept zone=example.org. serial=1 why="));
		assert_non_null(strstr(logged, "example.org.zone:4: "));
	}
	zone_write(x, "example.org.zone", 3, "web 60 A 192.0.2.10\n");
	reload(x, TWO);
	IS_AT("web.example.org", "192.0.2.10");
	assert_null(state_of(x, "example.org.").fault);
	assert_int_equal(metric_sum(METRIC_gslb_zones_kept), 0);
}

/* Every stage at which a file can turn out to be faulty; and a file that is gone. */
static void test_every_fault_keeps(void **state) {
	struct fixture *x = *state;
	static const char *const records[] = { "web 60 A 192.0.2\n", "web 60 CNAME a\nweb 60 A 192.0.2.1\n", "$INCLUDE nowhere\n",
		                               "web 60 NS ns1\nx.web 60 DS 1 13 2 00\n*.web 60 NS ns1\n@ 60 DS 1 13 2 00\n" };
	static const char *const configs[] = { TWO, LISTENER FIXTURE_SITES "zones: { " STEERED("example.org", "app") " }\n" };
	for (size_t c = 0; c < COUNT_OF(configs); c++)
		for (size_t i = 0; i < COUNT_OF(records) + 1; i++) {
			char path[128];
			zone_write(x, "example.org.zone", 1, "web 60 A 192.0.2.9\n");
			zone_write(x, "example.net.zone", 1, "");
			reload(x, configs[c]);
			assert_null(state_of(x, "example.org.").fault);
			if (i < COUNT_OF(records)) {
				zone_write(x, "example.org.zone", 2, records[i]);
			} else {
				snprintf(path, sizeof(path), "%s/example.org.zone", x->directory);
				assert_int_equal(unlink(path), 0);
				fixture_file(x, "example.org.zone", "");
			}
			reload(x, configs[c]);
			IS_AT("web.example.org", "192.0.2.9");
			assert_non_null(state_of(x, "example.org.").fault);
		}
}

/* Several at once, found at different stages: each keeps its own version, and says its own fault. */
static void test_many_faults_keep(void **state) {
	struct fixture *x = *state;
	static const char yaml[] = LISTENER "zones: { " PLAIN("a") ", " PLAIN("b") ", " PLAIN("c") ", " PLAIN("d") " }\n";
	static const struct {
		const char *file, *name, *records, *fault;
	} rows[] = {
		{ "a.zone", "a.", "web 60 A 192.0.2\n", "zones.a: " },
		{ "b.zone", "b.", "web 60 CNAME a\nweb 60 A 192.0.2.1\n",
		  "b.zone:4: web.b.: a CNAME record beside other records" },
		{ "c.zone", "c.", "web 60 A 192.0.2.300\n", "c.zone:4: `192.0.2.300` is not an IPv4 address" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		zone_write(x, rows[i].file, 1, "web 60 A 192.0.2.9\n");
	zone_write(x, "d.zone", 1, "web 60 A 192.0.2.9\n");
	reload(x, yaml);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		zone_write(x, rows[i].file, 2, rows[i].records);
	zone_write(x, "d.zone", 2, "web 60 A 192.0.2.8\n");
	log_set_sink(log_keep);
	reload(x, yaml);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_non_null(strstr(state_of(x, rows[i].name).fault, rows[i].fault));
		assert_int_equal(state_of(x, rows[i].name).serial, 1);
	}
	IS_AT("web.a", "192.0.2.9");
	IS_AT("web.b", "192.0.2.9");
	IS_AT("web.c", "192.0.2.9");
	IS_AT("web.d", "192.0.2.8");
	assert_int_equal(metric_sum(METRIC_gslb_zones_kept), COUNT_OF(rows));
}

/* The configuration is the new one, whatever the file is. */
static void test_names_change(void **state) {
	struct fixture *x = *state;
	struct err e;
	zone_write(x, "example.org.zone", 1, "web 60 A 192.0.2.9\n");
	reload(x, LISTENER FIXTURE_SITES "zones: { " STEERED("example.org", "app") " }\n");
	zone_write(x, "example.org.zone", 2, "web 60 A 192.0.2\n");
	reload(x, LISTENER FIXTURE_SITES "zones: { " STEERED("example.org", "other") " }\n");
	IS_AT("web.example.org", "192.0.2.9");
	assert_non_null(strstr(ask(x, "other.example.org", 1), " IN A 198.51.100.10\n"));
	assert_non_null(strstr(ask(x, "app.example.org", 1), "NXDOMAIN"));
	/* What fits neither the file nor its last good version is refused as a whole, for what is wrong with the file. */
	assert_false(fixture_reload(x, LISTENER FIXTURE_SITES "zones: { " STEERED("example.org", "web") " }\n", &e));
	assert_non_null(strstr(e.text, "example.org.zone:4: `192.0.2` is not an IPv4 address"));
	zone_write(x, "example.org.zone", 3, "web 60 A 192.0.2.10\n");
	assert_false(fixture_reload(x, LISTENER FIXTURE_SITES "zones: { " STEERED("example.org", "web") " }\n", &e));
	assert_non_null(strstr(e.text, "names.web: the zone file has a static A record"));
	IS_AT("web.example.org", "192.0.2.9");
}

/* A new zone below, or above, one that is faulty: its names are its own at once. */
static void test_nested(void **state) {
	struct fixture *x = *state;
	static const char lower[] = "sub.example.org: { file: lower.zone }";
	char yaml[512];
	zone_write(x, "example.org.zone", 1, "web 60 A 192.0.2.9\nweb.sub 60 A 192.0.2.8\n");
	reload(x, LISTENER "zones: { " PLAIN("example.org") " }\n");
	IS_AT("web.sub.example.org", "192.0.2.8");
	zone_write(x, "example.org.zone", 2, "web 60 A 192.0.2\n");
	zone_write(x, "lower.zone", 1, "web 60 A 192.0.2.7\n");
	snprintf(yaml, sizeof(yaml), LISTENER "zones: { " PLAIN("example.org") ", %s }\n", lower);
	reload(x, yaml);
	IS_AT("web.example.org", "192.0.2.9");
	IS_AT("web.sub.example.org", "192.0.2.7");
	assert_int_equal(state_of(x, "sub.example.org.").serial, 1);
	/* Then the lower one alone. */
	zone_write(x, "example.org.zone", 3, "web 60 A 192.0.2.10\n");
	reload(x, yaml);
	IS_AT("web.example.org", "192.0.2.10");
	zone_write(x, "lower.zone", 2, "web 60 A 192.0.2\n");
	zone_write(x, "example.org.zone", 4, "web 60 A 192.0.2.11\nweb.sub 60 A 192.0.2.8\n");
	reload(x, yaml);
	IS_AT("web.example.org", "192.0.2.11");
	IS_AT("web.sub.example.org", "192.0.2.7");
	reload(x, LISTENER "zones: { " PLAIN("example.org") " }\n");
	IS_AT("web.sub.example.org", "192.0.2.8");
}

/* Which zones hang on others, however many labels lie between them. */
static void test_nested_are_found(void **state) {
	struct fixture *x = *state;
	static const struct {
		const char *yaml;
		unsigned nested; /* bits, by place */
	} rows[] = {
		{ "example.org: { file: z }, example.net: { file: z }, org.example.net.x: { file: z }", 0 },
		{ "a.b.c.example.org: { file: z }, org: { file: z }, example.net: { file: z }", 3 },
		{ "xexample.org: { file: z }, example.org: { file: z }", 0 },
		{ "EXAMPLE.org.: { file: z }, net: { file: z }, a.example.ORG: { file: z }", 5 },
		{ "a.example.org: { file: z }, b.example.org: { file: z }, b.b.example.org: { file: z }", 6 },
	};
	zone_write(x, "z", 1, "");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char yaml[512];
		snprintf(yaml, sizeof(yaml), LISTENER "zones: { %s }\n", rows[i].yaml);
		reload(x, yaml);
		for (const struct zone *z = atomic_load(&x->gslb->zones)->first; z; z = z->next)
			assert_int_equal(z->is_nested, rows[i].nested >> z->index & 1);
	}
}

static struct zone *unit_of(struct fixture *x) {
	return atomic_load(&x->gslb->zones)->first->unit;
}

/* A file that has settled and is still the same is not read again; one that changed, or whose zone has steered names, is. */
static void test_unchanged_is_shared(void **state) {
	struct fixture *x = *state;
	char path[PATH_MAX], yaml[PATH_MAX + 256], steered[PATH_MAX + 1024];
	assert_non_null(realpath("conf/zones/example.org.zone", path)); /* older than a tick of any clock */
	snprintf(yaml, sizeof(yaml), LISTENER "zones: { example.org: { file: %s } }\n", path);
	snprintf(steered, sizeof(steered),
	         LISTENER FIXTURE_SITES "zones: { example.org: { file: %s, names: { xyz: { pool: app, sites: [cloud] } } } }\n",
	         path);
	reload(x, yaml);
	struct zone *first = unit_of(x);
	char *soa = mem_strdup(str_from(ask(x, "example.org", 6)));
	assert_non_null(strstr(soa, "NOERROR aa\nan example.org. "));
	reload(x, yaml);
	assert_ptr_equal(unit_of(x), first);
	assert_ptr_not_equal(atomic_load(&x->gslb->zones)->first, first);
	reload(x, yaml);
	assert_ptr_equal(unit_of(x), first);
	assert_int_equal(first->n_holds, 1); /* the first snapshot, which made it, is gone */
	assert_string_equal(ask(x, "example.org", 6), soa);
	reload(x, steered);
	assert_ptr_equal(unit_of(x), atomic_load(&x->gslb->zones)->first);
	assert_non_null(strstr(ask(x, "xyz.example.org", 1), "198.51.100.10"));
	/* Another path, and a file that was written just now. */
	zone_write(x, "example.org.zone", 1, "web 60 A 192.0.2.9\n");
	reload(x, LISTENER "zones: { " PLAIN("example.org") " }\n");
	IS_AT("web.example.org", "192.0.2.9");
	zone_write(x, "example.org.zone", 1, "web 60 A 192.0.2.8\n");
	reload(x, LISTENER "zones: { " PLAIN("example.org") " }\n");
	IS_AT("web.example.org", "192.0.2.8");
	mem_free(soa);
}

/* Of a zone with very many names nearly all memory is this: 14 + 16 bytes of answer, 11 + 22 of entry, 2 that lead from one to the other. */
static void test_bytes_a_name(void **state) {
	struct fixture *x = *state;
	enum { NAMES = 5000 };
	struct buf b = { 0 };
	buf_printf(&b, HEAD, 1);
	for (int i = 0; i < NAMES; i++)
		buf_printf(&b, "name%04d 60 A 192.0.2.%d\n", i, i % 256);
	buf_add_char(&b, '\0');
	fixture_file(x, "example.org.zone", b.p);
	buf_fini(&b);
	reload(x, LISTENER "zones: { " PLAIN("example.org") " }\n");
	IS_AT("name0300.example.org", "192.0.2.44");
	const struct zones *zs = atomic_load(&x->gslb->zones);
	assert_in_range(zs->first->arena.used_bytes, NAMES * 64, NAMES * 66 + 1024);
	assert_in_range(zs->n_slots, NAMES, NAMES * 5 / 4 + 16);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bytes_a_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faulty_keeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_fault_keeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_faults_keep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nested_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unchanged_is_shared, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
