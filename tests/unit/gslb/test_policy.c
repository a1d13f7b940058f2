/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies: what each kind chooses as sites come and go, for which clients, and what it says of it. */
#include "gslb/maps.h"
#include "gslb/policy.h"
#include "steerway/base/buf.h"
#include "steerway/base/mem.h"
#include "steerway/base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a policy by its YAML ---- */

static const char sites[] = "listeners: { dns: { bind: ['127.0.0.1:53'], protocol: dns } }\n"
			    "sites:\n"
			    "  a: { addresses: [192.0.2.1], location: [53.3, -6.2] }\n"               /* Dublin */
			    "  b: { addresses: [192.0.2.2], location: [50.1, 8.6] }\n"                /* Frankfurt */
			    "  c: { addresses: [192.0.2.3], location: [40.7, -74.0] }\n"              /* New York */
			    "  d: { addresses: [192.0.2.4], location: [35.7, 139.7] }\n"              /* Tokyo */
			    "  s: { addresses: [192.0.2.5], location: [48.9, 2.3], role: standby }\n" /* Paris */
			    "pools:\n"
			    "  p:\n"
			    "    servers:\n"
			    "      - { name: a, address: '127.0.0.1:1', site: a }\n"
			    "      - { name: b, address: '127.0.0.1:2', site: b }\n"
			    "      - { name: c, address: '127.0.0.1:3', site: c }\n"
			    "      - { name: d, address: '127.0.0.1:4', site: d }\n"
			    "      - { name: s, address: '127.0.0.1:5', site: s }\n";

struct subject {
	struct cfg *cfg;
	struct maps *maps;
	struct policy *policy;
};
static char folder[] = "/tmp/steerway-policy-XXXXXX";

static void file_write(const char *name, const char *text) {
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* `name` is the steered name's value; `more` stands at the top of the file. */
static bool subject_try(struct subject *x, const char *more, const char *name, struct err *e) {
	struct buf yaml = { 0 }, errors = { 0 };
	buf_printf(&yaml, "%s%szones: { example.org: { file: zone, names: { x: { pool: p, %s } } } }\n", sites, more, name);
	x->cfg = cfg_load_text(buf_str(&yaml), "t.yaml", folder, &errors);
	if (!x->cfg)
		fail_msg("%.*s", STR_ARG(buf_str(&errors)));
	buf_fini(&yaml);
	buf_fini(&errors);
	x->maps = maps_create(cfg_root(x->cfg), NULL, NULL, NULL, e);
	x->policy = x->maps ? policy_create(x->maps, &cfg_root(x->cfg)->zones.items[0].names.items[0], e) : NULL;
	return x->policy;
}
static struct subject subject(const char *more, const char *name) {
	struct subject x;
	struct err e;
	if (!subject_try(&x, more, name, &e))
		fail_msg("%s", e.text);
	return x;
}
static void subject_end(struct subject *x) {
	policy_destroy(x->policy);
	maps_destroy(x->maps);
	cfg_destroy(x->cfg);
}

static uint64_t mask_of(const struct subject *x, const char *ids) {
	uint64_t mask = 0;
	for (unsigned i = 0; i < x->policy->n_sites; i++)
		if (strchr(ids, x->policy->sites[i]->id.p[0]))
			mask |= UINT64_C(1) << i;
	return mask;
}
static unsigned class_of(const struct subject *x, const char *client, uint8_t *scope) {
	struct addr_net n;
	assert_true(addr_net_parse(&n, str_from(client)));
	struct client_net c = client_net_of(&n.address, n.bits);
	*scope = 0;
	return x->policy->map ? client_map_find(x->policy->map, &c, scope) : 0;
}

/* "ab 70, c 30": the alternatives in order of their sites' names, with percentages; "-" no sites, "f" the fallback, "!" behind it: all
 * down. */
static const char *choice_text(const struct subject *x, const struct policy_choice *c) {
	static char text[1024];
	size_t n = 0;
	double total = 0;
	for (unsigned i = 0; i < c->n; i++)
		total += (double)c->alternatives[i].weight;
	for (unsigned i = 0; i < c->n; i++) {
		const struct policy_alternative *a = &c->alternatives[i];
		uint64_t sum = 0;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "",
		                      a->is_fallback ? "f"
		                      : a->n == 0    ? "-"
		                                     : "");
		for (unsigned k = 0; k < a->n; k++) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", x->policy->sites[a->order[k]]->id.p);
			sum |= UINT64_C(1) << a->order[k];
		}
		assert_int_equal(sum, a->sites);
		if (c->n > 1)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %.0f", (double)a->weight * 100 / total);
	}
	snprintf(text + n, sizeof(text) - n, "%s", c->is_all_down ? "!" : "");
	return text;
}
static const char *choose_last(const struct subject *x, const char *usable, const char *last, const char *client) {
	struct policy_choice c;
	uint8_t scope;
	policy_choose(x->policy, mask_of(x, usable), mask_of(x, last), class_of(x, client, &scope), &c);
	return choice_text(x, &c);
}
static const char *choose(const struct subject *x, const char *usable, const char *client) {
	return choose_last(x, usable, "", client);
}
static const char *explain(const struct subject *x, const char *usable, const char *client) {
	static struct buf out;
	uint8_t scope;
	out.n = 0;
	policy_explain(x->policy, mask_of(x, usable), 0, class_of(x, client, &scope), &out);
	buf_add_char(&out, '\0');
	return out.p;
}
static unsigned scope_of(const struct subject *x, const char *client) {
	uint8_t scope;
	class_of(x, client, &scope);
	return scope;
}
#define ANYONE "192.0.2.99"

/* ---- those that look at no client ---- */

static void test_failover(void **state) {
	(void)state;
	struct subject x = subject("", "sites: [a, b, s]");
	assert_null(x.policy->map);
	assert_int_equal(x.policy->n_classes, 1);
	assert_string_equal(choose(&x, "abs", ANYONE), "a");
	assert_string_equal(choose(&x, "bs", ANYONE), "b");
	assert_string_equal(choose(&x, "s", ANYONE), "s");
	assert_string_equal(choose(&x, "", ANYONE), "abs!");
	assert_string_equal(explain(&x, "bs", ANYONE), "failover: b");
	assert_string_equal(explain(&x, "", ANYONE), "failover: nothing usable; all_down all: a b s");
	subject_end(&x);
	x = subject("", "sites: [a, b, c], answers: 2, min_up: 2");
	assert_string_equal(choose(&x, "abc", ANYONE), "ab");
	assert_string_equal(choose(&x, "ac", ANYONE), "ac");
	assert_string_equal(choose(&x, "c", ANYONE), "abc!");
	subject_end(&x);
}

static void test_weighted(void **state) {
	(void)state;
	struct subject x = subject("", "policy: weighted, sites: { a: 70, b: 30, c: 0, s: 900 }");
	assert_string_equal(choose(&x, "abcs", ANYONE), "a 70, b 30");
	assert_string_equal(choose(&x, "bcs", ANYONE), "b");
	assert_string_equal(choose(&x, "cs", ANYONE), "c"); /* a weight of 0: before a standby site, behind the others */
	assert_string_equal(choose(&x, "s", ANYONE), "s");
	assert_string_equal(explain(&x, "abc", ANYONE), "weighted: a 70, b 30, c 0");
	subject_end(&x);
	/* Two of three without putting back: P(ab) = 0.6 * 0.3 / 0.4 + 0.3 * 0.6 / 0.7 */
	x = subject("", "policy: weighted, sites: { a: 6, b: 3, c: 1 }, answers: 2");
	assert_string_equal(choose(&x, "abc", ANYONE), "ab 71, ac 22, bc 8");
	assert_string_equal(choose(&x, "ac", ANYONE), "ac");
	assert_string_equal(choose(&x, "c", ANYONE), "c");
	subject_end(&x);
}

/* Shares of a nested policy's answers are shares of its share. */
static void test_nested(void **state) {
	(void)state;
	struct subject x = subject("policies:\n"
	                           "  old: { policy: weighted, sites: { a: 1, b: 1 } }\n"
	                           "  new: { policy: all, sites: [c, d], min_up: 2 }\n",
	                           "policy: weighted, sites: { old: 80, new: 20 }");
	assert_string_equal(choose(&x, "abcd", ANYONE), "a 40, b 40, cd 20");
	assert_string_equal(choose(&x, "bcd", ANYONE), "b 80, cd 20");
	assert_string_equal(choose(&x, "abd", ANYONE), "a 50, b 50"); /* `new` has too few */
	assert_string_equal(choose(&x, "cd", ANYONE), "cd");
	assert_string_equal(choose(&x, "d", ANYONE), "abcd!");
	assert_string_equal(explain(&x, "bcd", ANYONE), "weighted: weighted old: b 1 80, all new: c, d 20");
	subject_end(&x);
	x = subject("policies: { pair: { policy: weighted, sites: { a: 3, b: 1 } } }\n", "policy: all, sites: [pair, c]");
	assert_string_equal(choose(&x, "abc", ANYONE), "ac 75, bc 25");
	assert_string_equal(choose(&x, "ab", ANYONE), "a 75, b 25");
	subject_end(&x);
	x = subject("policies: { both: { policy: all, sites: [a, b] } }\n", "sites: [both, c], min_up: 1, answers: 2");
	assert_string_equal(choose(&x, "abc", ANYONE), "abc");
	subject_end(&x);
	/* A name by a policy of its own, and one that both stand for the same. */
	x = subject("policies: { mine: { policy: failover, sites: [b, a] } }\n", "use: mine");
	assert_string_equal(choose(&x, "ab", ANYONE), "b");
	assert_string_equal(explain(&x, "a", ANYONE), "failover mine: a");
	subject_end(&x);
}

static void test_all(void **state) {
	(void)state;
	struct subject x = subject("", "policy: all, sites: [b, a, s, c]");
	assert_string_equal(choose(&x, "abcs", ANYONE), "bac");
	assert_string_equal(choose(&x, "as", ANYONE), "a");
	assert_string_equal(choose(&x, "s", ANYONE), "s");
	subject_end(&x);
	x = subject("", "policy: all, sites: [b, a, c], answers: 2");
	assert_string_equal(choose(&x, "abc", ANYONE), "ba");
	assert_string_equal(choose(&x, "ac", ANYONE), "ac");
	subject_end(&x);
}

static void test_all_down(void **state) {
	(void)state;
	struct subject x = subject("", "sites: [a, b], all_down: first");
	assert_string_equal(choose(&x, "", ANYONE), "a!");
	subject_end(&x);
	x = subject("", "sites: [a, b], all_down: none");
	assert_string_equal(choose(&x, "", ANYONE), "-!");
	subject_end(&x);
	x = subject("", "sites: [a, b], all_down: fallback, fallback: [192.0.2.80]");
	assert_string_equal(choose(&x, "", ANYONE), "f!");
	assert_string_equal(choose(&x, "b", ANYONE), "b");
	subject_end(&x);
	x = subject("", "sites: [a, b, c], all_down: last, answers: 2");
	assert_string_equal(choose_last(&x, "", "bc", ANYONE), "bc!");
	assert_string_equal(choose_last(&x, "", "", ANYONE), "abc!");
	subject_end(&x);
}

static void test_too_many_answers(void **state) {
	(void)state;
	struct buf yaml = { 0 };
	struct subject x;
	struct err e;
	for (unsigned i = 0; i < 8; i++)
		buf_printf(&yaml, "%sw%u: { policy: weighted, sites: { a: 1, b: %u } }", i ? ", " : "policies: { ", i, i + 1);
	buf_printf(&yaml, " }\n%c", '\0');
	assert_false(subject_try(&x, yaml.p, "policy: all, sites: [w0, w1, w2, w3, w4, w5, w6, w7]", &e));
	assert_string_equal(e.text,
	                    "may have 256 different answers at a time, more than 128; lower answers, or draw from fewer members");
	subject_end(&x);
	buf_fini(&yaml);
}

/* ---- by client ---- */

#define NETS "maps: { nets: { type: subnet, file: nets.txt } }\n"
static const char nets[] = "# ours\n"
			   "10.0.0.0/8 office\n"
			   "10.1.0.0/16 lab  # in it\n"
			   "2001:db8::/32\toffice\r\n"
			   "\n"
			   "198.51.100.0/24 partner\n";

static void test_subnet(void **state) {
	(void)state;
	file_write("nets.txt", nets);
	struct subject x = subject(NETS, "policy: subnet, map: nets, cases: { office: [a, b], lab: b, default: [c, a] }");
	assert_string_equal(choose(&x, "abc", "10.2.3.4"), "a");
	assert_string_equal(choose(&x, "abc", "2001:db8:1::/48"), "a");
	assert_string_equal(choose(&x, "abc", "10.1.3.4"), "b");
	assert_string_equal(choose(&x, "abc", ANYONE), "c");
	assert_string_equal(choose(&x, "abc", "198.51.100.1"), "c"); /* a value without a case */
	assert_string_equal(choose(&x, "bc", "10.2.3.4"), "b");
	assert_string_equal(choose(&x, "ac", "10.1.3.4"), "c"); /* the case's are down: those of default */
	assert_string_equal(choose(&x, "", "10.1.3.4"), "abc!");
	assert_int_equal(scope_of(&x, "10.1.3.4"), 16);
	assert_int_equal(scope_of(&x, "10.2.3.4"), 15);
	assert_int_equal(scope_of(&x, "2001:db8:1::/48"), 32);
	assert_string_equal(explain(&x, "abc", "10.1.3.4"), "subnet (map nets, lab): b");
	assert_int_equal(x.policy->n_classes, 3);
	subject_end(&x);
}

/* Nobody sees what is another's, also when nothing is usable there. */
static void test_view(void **state) {
	(void)state;
	file_write("nets.txt", nets);
	struct subject x =
	    subject(NETS "policies: { inside: { sites: [a, b] } }\n",
	            "policy: view, map: nets, cases: { office: inside, lab: inside, default: [c, d] }, all_down: last");
	assert_string_equal(choose(&x, "abcd", "10.2.3.4"), "a");
	assert_string_equal(choose(&x, "bcd", "10.1.3.4"), "b");
	assert_string_equal(choose(&x, "abcd", ANYONE), "c");
	assert_string_equal(choose(&x, "abd", ANYONE), "d");
	assert_string_equal(choose(&x, "cd", "10.2.3.4"), "ab!");
	assert_string_equal(choose_last(&x, "cd", "bcd", "10.2.3.4"), "b!");
	assert_string_equal(choose(&x, "ab", ANYONE), "cd!");
	assert_string_equal(explain(&x, "abcd", "10.2.3.4"), "view (map nets, office): failover inside: a");
	subject_end(&x);
}

#define RTT "maps: { rtt: { type: latency, file: rtt.txt } }\n"
static void test_latency(void **state) {
	(void)state;
	file_write("rtt.txt", "10.0.0.0/8 a=30ms b=12.5ms s=1ms\n10.1.0.0/16 c=1ms   a=2ms\n2001:db8::/32 b=9.001ms a=9ms\n");
	struct subject x = subject(RTT, "policy: latency, map: rtt, sites: [d, a, b, c, s], answers: 5");
	assert_string_equal(choose(&x, "abcds", "10.2.3.4"), "badcs"); /* measured ones first; a standby site last */
	assert_string_equal(choose(&x, "acds", "10.2.3.4"), "adcs");
	assert_string_equal(choose(&x, "abcds", "10.1.3.4"), "cadbs");
	assert_string_equal(choose(&x, "abcds", "2001:db8::1"), "abdcs");
	assert_string_equal(choose(&x, "abcds", ANYONE), "dabcs");
	subject_end(&x);
}

/* The writer of MaxMind DBs is tests/box/mmdb.py. */
static void mmdb_write(const char *name, const char *lines, const char *version) {
	char command[256];
	snprintf(command, sizeof(command), "python3 tests/box/mmdb.py %s/%s %s", folder, name, version);
	FILE *p = popen(command, "w");
	assert_non_null(p);
	fputs(lines, p);
	assert_int_equal(pclose(p), 0);
}
#define GEO "maps: { world: { type: geo, file: world.mmdb } }\n"
#define PLACE(net, continent, country, region, lat, lon)                                                                         \
	net " {\"continent\": {\"code\": \"" continent "\"}, \"country\": {\"iso_code\": \"" country                             \
	    "\"}, \"subdivisions\": [{\"iso_code\": \"" region "\"}], \"location\": {\"latitude\": " lat ", \"longitude\": " lon \
	    "}}\n"
static const char world[] = PLACE("10.0.0.0/8", "EU", "DE", "BY", "48.1", "11.6") /* Munich */
    PLACE("10.128.0.0/9", "EU", "GB", "ENG", "51.5", "-0.1")                      /* London */
    PLACE("172.16.0.0/12", "NA", "US", "CA", "37.8", "-122.4")                    /* San Francisco */
    PLACE("172.24.0.0/13", "NA", "US", "NY", "42.9", "-78.9")                     /* Buffalo */
    PLACE("2001:db8::/32", "AS", "JP", "13", "34.7", "135.5")                     /* Osaka */
    "192.168.0.0/16 {\"autonomous_system_number\": 64500, \"continent\": {\"code\": \"EU\"}}\n";

static void test_geo_by_case(void **state) {
	(void)state;
	static const char name[] = "policy: geo, map: world, cases: { continent/EU: a, country/DE: [b, c], region/US-CA: [d, c], "
				   "country/US: c, asn/64500: d, default: [a, b] }";
	static const char *const versions[] = { "6", "4" };
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct buf lines = { 0 };
		struct str rest = str_from(world), line;
		while (str_next(&rest, '\n', &line))
			if (versions[i][0] == '6' || !str_starts(line, STR("2001")))
				buf_printf(&lines, "%.*s\n", STR_ARG(line));
		buf_add_char(&lines, '\0');
		mmdb_write("world.mmdb", lines.p, versions[i]);
		buf_fini(&lines);
		struct subject x = subject(GEO, name);
		assert_string_equal(choose(&x, "abcd", "10.1.1.1"), "b");
		assert_string_equal(choose(&x, "acd", "10.1.1.1"), "c");
		assert_string_equal(choose(&x, "ad", "10.1.1.1"), "a");
		assert_string_equal(choose(&x, "abcd", "10.200.1.1"), "a");
		assert_string_equal(choose(&x, "abcd", "172.16.1.1"), "d");
		assert_string_equal(choose(&x, "abcd", "172.25.1.1"), "c");
		assert_string_equal(choose(&x, "abcd", "192.168.1.1"), "d");
		assert_string_equal(choose(&x, "abcd", "2001:db8::1"), "a");
		assert_string_equal(choose(&x, "bcd", "8.8.8.8"), "b");
		assert_string_equal(choose(&x, "abcd", "::ffff:10.1.1.1"), "a"); /* such addresses come from nowhere */
		assert_int_equal(scope_of(&x, "10.1.1.1"), 9);
		assert_int_equal(scope_of(&x, "172.16.1.1"), 13);
		assert_string_equal(explain(&x, "abcd", "172.16.1.1"), "geo (map world, region/US-CA): d");
		assert_string_equal(explain(&x, "abcd", "8.8.8.8"), "geo (map world, default): a");
		subject_end(&x);
	}
}

static void test_geo_by_distance(void **state) {
	(void)state;
	mmdb_write("world.mmdb", world, "6");
	struct subject x = subject(GEO, "policy: geo, map: world, sites: [d, c, b, a, s], answers: 5");
	assert_string_equal(choose(&x, "abcds", "10.1.1.1"), "bacds");
	assert_string_equal(choose(&x, "acds", "10.1.1.1"), "acds");
	assert_string_equal(choose(&x, "abcds", "10.200.1.1"), "abcds");
	assert_string_equal(choose(&x, "abcds", "172.25.1.1"), "cabds");
	assert_string_equal(choose(&x, "abcds", "2001:db8::1"), "dbacs");
	assert_string_equal(choose(&x, "abcds", "8.8.8.8"), "dcbas"); /* nobody knows where: the order of the configuration */
	assert_string_equal(explain(&x, "ab", "10.1.1.1"), "geo (map world): b, a");
	subject_end(&x);
}

static void test_maps_combined(void **state) {
	(void)state;
	mmdb_write("world.mmdb", world, "6");
	file_write("nets.txt", nets);
	struct subject x = subject("maps: { world: { type: geo, file: world.mmdb }, nets: { type: subnet, file: nets.txt } }\n"
	                           "policies:\n"
	                           "  places: { policy: geo, map: world, sites: [a, b, c] }\n"
	                           "  sticky: { policy: consistent, sites: [c, d] }\n",
	                           "policy: subnet, map: nets, cases: { office: places, partner: sticky, default: d }");
	assert_string_equal(choose(&x, "abcd", "10.2.3.4"), "b");
	assert_string_equal(choose(&x, "abcd", "10.200.3.4"), "a");
	assert_string_equal(choose(&x, "d", "10.200.3.4"), "d");
	assert_string_equal(choose(&x, "abcd", "8.8.8.8"), "d");
	assert_string_equal(choose(&x, "abc", "198.51.100.1"), "c");
	assert_string_equal(explain(&x, "abcd", "10.2.3.4"), "subnet (map nets, office): geo places (map world): b");
	subject_end(&x);
}

/* ---- consistent, over many clients ---- */

enum { CLIENTS = 20000 };
static const char *client_text(unsigned i) {
	static char text[32];
	snprintf(text, sizeof(text), "%u.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256, i % 251);
	return text;
}

static void test_consistent(void **state) {
	(void)state;
	struct subject x = subject("", "policy: consistent, sites: { a: 1, b: 1, c: 2, s: 5 }");
	unsigned n_before[128] = { 0 }, n_after[128] = { 0 };
	for (unsigned i = 0; i < CLIENTS; i++) {
		char before = choose(&x, "abcs", client_text(i))[0], after = choose(&x, "acs", client_text(i))[0];
		n_before[(unsigned char)before]++;
		n_after[(unsigned char)after]++;
		if (before != 'b') /* only those of the site that went have moved */
			assert_int_equal(after, before);
	}
	/* 1024 buckets: sigma of a quarter of them is 13.9, 1.4 % of all; 5 of them */
	assert_in_range(n_before['a'], CLIENTS * 18 / 100, CLIENTS * 32 / 100);
	assert_in_range(n_before['b'], CLIENTS * 18 / 100, CLIENTS * 32 / 100);
	assert_in_range(n_before['c'], CLIENTS * 42 / 100, CLIENTS * 58 / 100);
	assert_int_equal(n_before['s'] + n_after['s'], 0);
	/* Those of b went to both others, by their weights: about 1/3 and 2/3 of a quarter. */
	assert_in_range(n_after['a'] - n_before['a'], n_before['b'] * 15 / 100, n_before['b'] * 55 / 100);
	assert_int_equal(scope_of(&x, "192.0.2.1"), 24);
	assert_int_equal(scope_of(&x, "2001:db8::1"), 56);
	subject_end(&x);
}

/* A site more takes its share, and nobody else moves. */
static void test_consistent_grows(void **state) {
	(void)state;
	struct subject few = subject("", "policy: consistent, sites: [a, b, c]"),
		       more = subject("", "policy: consistent, sites: [d, c, b, a]");
	unsigned n_moved = 0;
	for (unsigned i = 0; i < CLIENTS; i++) {
		char before = choose(&few, "abcd", client_text(i))[0], after = choose(&more, "abcd", client_text(i))[0];
		n_moved += before != after;
		assert_true(before == after || after == 'd');
	}
	assert_in_range(n_moved, CLIENTS * 18 / 100, CLIENTS * 32 / 100);
	subject_end(&few);
	subject_end(&more);
}

/* ---- maps with faults ---- */

static void test_map_faults(void **state) {
	(void)state;
	static const struct {
		const char *more, *text, *want;
	} cases[] = {
		{ NETS, "10.0.0.0/8 a\n10.0.0.1/8 b\n",
		  "maps.nets: DIR/map:2: \"10.0.0.1/8\" is no network; write it as 192.0.2.0/24 or 2001:db8::/32, with no bit "
		  "set behind "
		  "the prefix" },
		{ NETS, "\n10.0.0.0/8   # x\n",
		  "maps.nets: DIR/map:2: nothing stands behind 10.0.0.0/8; say what it is, or remove the line" },
		{ NETS, "10.0.0.0/8 a b\n",
		  "maps.nets: DIR/map:1: more than one word behind the network; write one, as in \"192.0.2.0/24 office\"" },
		{ NETS, "::/0 x\n10.0.0.0/8 a\n\n10.0.0.0/8 b\n",
		  "maps.nets: DIR/map:4: 10.0.0.0/8 stands in line 2 already; remove one of them" },
		{ RTT, "10.0.0.0/8 a=5\n",
		  "maps.rtt: DIR/map:1: \"a=5\" is no round-trip time of a site; write it as cloud=12ms or cloud=12.5ms" },
		{ RTT, "10.0.0.0/8 a=5ms b=1ms a=7ms\n", "maps.rtt: DIR/map:1: site a stands twice in this line; remove one" },
		{ RTT, "10.0.0.0/8 a=5ms dublin=1ms\n",
		  "maps.rtt: DIR/map: no site \"dublin\"; add it under sites, or mend the name" },
		{ GEO, "not one\n",
		  "maps.world: DIR/map: no usable MaxMind DB: The MaxMind DB file contains invalid metadata; fetch it anew" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct subject x;
		struct err e;
		struct buf more = { 0 }, want = { 0 };
		struct str rest = str_from(cases[i].more), part;
		file_write("map", cases[i].text);
		str_next(&rest, ' ', &part);
		size_t at = str_find(str_from(cases[i].more), STR("file: ")) + 6;
		buf_printf(&more, "%.*smap } }\n%c", (int)at, cases[i].more, '\0');
		at = str_find(str_from(cases[i].want), STR("DIR"));
		buf_printf(&want, "%.*s%s%s%c", (int)at, cases[i].want, folder, cases[i].want + at + 3, '\0');
		assert_false(subject_try(&x, more.p, "sites: [a]", &e));
		assert_string_equal(e.text, want.p);
		subject_end(&x);
		buf_fini(&more);
		buf_fini(&want);
	}
}

/* ---- reload ---- */

/* What did not change is not read again; what has a fault is kept where that was asked for. */
static void test_maps_shared(void **state) {
	(void)state;
	struct err e;
	size_t kept = 0;
	file_write("nets.txt", nets);
	struct subject x = subject(NETS, "policy: subnet, map: nets, cases: { lab: a, default: b }");
	struct maps *same = maps_create(cfg_root(x.cfg), x.maps, NULL, &kept, &e);
	assert_ptr_equal(maps_find(same, STR("nets")), maps_find(x.maps, STR("nets")));
	file_write("nets.txt", "10.1.0.0/16 lab\n10.1.0.0/16 lab\n");
	struct maps *faulty = maps_create(cfg_root(x.cfg), x.maps, NULL, &kept, &e);
	assert_int_equal(kept, 1);
	assert_ptr_equal(maps_find(faulty, STR("nets")), maps_find(x.maps, STR("nets")));
	assert_null(maps_create(cfg_root(x.cfg), x.maps, NULL, NULL, &e));
	assert_non_null(strstr(e.text, "nets.txt:2: 10.1.0.0/16 stands in line 1 already"));
	file_write("nets.txt", "10.1.0.0/16 lab\n10.2.0.0/16 lab\n");
	struct maps *other = maps_create(cfg_root(x.cfg), x.maps, NULL, &kept, &e);
	assert_ptr_not_equal(maps_find(other, STR("nets")), maps_find(x.maps, STR("nets")));
	/* Policies keep nothing of the maps that they came from. */
	struct policy *p = policy_create(other, &cfg_root(x.cfg)->zones.items[0].names.items[0], &e);
	maps_destroy(other);
	policy_destroy(x.policy);
	x.policy = p;
	assert_string_equal(choose(&x, "ab", "10.2.0.1"), "a");
	maps_destroy(same);
	maps_destroy(faulty);
	subject_end(&x);
}

static int setup(void **state) {
	(void)state;
	assert_non_null(mkdtemp(folder));
	file_write("zone", "");
	return 0;
}
static int teardown(void **state) {
	char command[64];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failover),        cmocka_unit_test(test_weighted),
		cmocka_unit_test(test_nested),          cmocka_unit_test(test_all),
		cmocka_unit_test(test_all_down),        cmocka_unit_test(test_too_many_answers),
		cmocka_unit_test(test_subnet),          cmocka_unit_test(test_view),
		cmocka_unit_test(test_latency),         cmocka_unit_test(test_geo_by_case),
		cmocka_unit_test(test_geo_by_distance), cmocka_unit_test(test_maps_combined),
		cmocka_unit_test(test_consistent),      cmocka_unit_test(test_consistent_grows),
		cmocka_unit_test(test_map_faults),      cmocka_unit_test(test_maps_shared),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
