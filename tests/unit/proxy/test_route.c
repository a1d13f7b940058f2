/* SPDX-License-Identifier: BSD-2-Clause */
/* Routing: which of several routes takes a request, in the order that the documentation of `priority` tells. */
#include "unit/proxy/route_test.h"

/* Each route has a pool of its own; the pools' names are what the cases want. */
struct find_case {
	const char *host, *path, *query, *method, *fields, *client;
	bool is_tls;
	const char *want; /* "": no route; "?": not known */
};

static void run(const char *routes, const struct find_case *cases, size_t n) {
	struct fixture f;
	fixture_init(&f, routes);
	for (size_t i = 0; i < n; i++) {
		const struct find_case *c = &cases[i];
		struct request r;
		bool gave_up;
		request_init(&r, &f, c->host, c->path, c->query, c->method, c->fields, c->client, c->is_tls);
		const struct route *found = route_table_find(&f.table, &r.q, &gave_up);
		const char *got = gave_up ? "?" : found ? pool_name(&f, found) : "";
		if (strcmp(got, c->want) != 0)
			fail_msg("%s %s%s: %s instead of %s", c->host, c->path, c->query ? c->query : "", got, c->want);
		/* What is explained is what happens. */
		const struct route *candidates[64];
		const struct condition *at;
		size_t n_candidates = route_table_candidates(&f.table, &r.q, candidates, COUNT_OF(candidates)), k = 0;
		while (k < n_candidates && route_match(candidates[k], &r.q, &at) != ROUTE_MATCHES &&
		       route_match(candidates[k], &r.q, &at) != ROUTE_GAVE_UP)
			k++;
		assert_ptr_equal(gave_up ? NULL : found, k < n_candidates && !gave_up ? candidates[k] : NULL);
	}
	fixture_fini(&f);
}
#define RUN(routes, cases) run(routes, cases, COUNT_OF(cases))

static void test_hosts_and_prefixes(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "app.example.org", "/", .want = "p0" },
		{ "APP.EXAMPLE.ORG", "/x", .want = "p0" },
		{ "app.example.org", "/api", .want = "p1" },
		{ "app.example.org", "/api/", .want = "p1" },
		{ "app.example.org", "/api/v2", .want = "p1" },
		{ "app.example.org", "/api/v2/", .want = "p2" },
		{ "app.example.org", "/api/v2/x/y", .want = "p2" },
		{ "app.example.org", "/apix", .want = "p0" },   /* not on a segment border */
		{ "app.example.org", "/status", .want = "p0" }, /* the exact host wins, though the other's path is longer */
		{ "app.example.org", "*", .want = "p0" },       /* OPTIONS * */
		{ "static.example.org", "/img/a.png", .want = "p3" },
		{ "static.example.org", "/status", .want = "p4" }, /* no path of that host matches: any host's */
		{ "static.example.org", "/img/logo", .want = "p3" },
		{ "other.example.org", "/img/logo", .want = "p5" },
		{ "other.example.org", "/", .want = "" },
		{ "", "/status", .want = "p4" },
		{ "", "/", .want = "" },
	};
	RUN("- { host: App.example.org, pool: p0 }\n"
	    "- { host: app.example.org, path: /api, pool: p1 }\n"
	    "- { host: app.example.org, path: /api/v2/, pool: p2 }\n"
	    "- { host: static.example.org, path: /img, pool: p3 }\n"
	    "- { path: /status, pool: p4 }\n"
	    "- { path: /img/logo, pool: p5 }\n",
	    cases);
}

static void test_wildcards(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "a.example.org", "/", .want = "p1" },
		{ "b.a.example.org", "/", .want = "p1" },
		{ "x.deep.example.org", "/", .want = "p2" },
		{ "deep.example.org", "/", .want = "p1" },
		{ "www.example.org", "/", .want = "p3" },
		{ "www.example.org", "/img/x", .want = "p1" }, /* the exact host has no such path */
		{ "example.org", "/", .want = "p0" },
		{ "notexample.org", "/", .want = "p0" },
		{ ".example.org", "/", .want = "p0" },
	};
	RUN("- { pool: p0 }\n"
	    "- { host: \"*.example.org\", pool: p1 }\n"
	    "- { host: \"*.deep.example.org\", pool: p2 }\n"
	    "- { host: www.example.org, path: /, match: exact, pool: p3 }\n",
	    cases);
}

static void test_path_kinds(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "h", "/a/b", .want = "p1" },         { "h", "/a/b/", .want = "p2" }, { "h", "/a/7", .want = "p3" },
		{ "h", "/a/7/x", .want = "p2" },       { "h", "/a/77", .want = "p3" }, { "h", "/b", .want = "p0" },
		{ "h", "/a/b/c/d", .want = "p4" },     { "h", "/~x", .want = "p5" },   { "h", "/a", .want = "p2" },
		{ "h", "/caf%C3%A9/x", .want = "p0" },
	};
	RUN("- { pool: p0 }\n"
	    "- { path: /a/b, match: exact, pool: p1 }\n"
	    "- { path: /a, pool: p2 }\n"
	    "- { path: \"/a/[0-9]+\", match: regex, pool: p3 }\n"
	    "- { path: /a/b/c, pool: p4 }\n"
	    "- { path: \"/%7ex\", pool: p5 }\n", /* compared in its one spelling */
	    cases);
}

static void test_conditions(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "h", "/", .method = "GET", .want = "p0" },
		{ "h", "/", .method = "POST", .want = "p1" },
		{ "h", "/", .method = "BREW", .want = "p1" },
		{ "h", "/", .method = "BREWS", .want = "p0" },
		{ "h", "/", .method = "POST", .fields = "X-Canary: yes\r\n", .want = "p2" },
		{ "h", "/", .fields = "x-canary: yes\r\n", .want = "p0" },
		{ "h", "/", .fields = "X-Version: v12\r\n", .want = "p3" },
		{ "h", "/", .fields = "X-Version: v12x\r\n", .want = "p0" },
		{ "h", "/", .fields = "X-Version: a\r\nX-Version: v1\r\n", .want = "p3" },
		{ "h", "/", .fields = "User-Agent: Bot/2\r\n", .want = "p4" },
		{ "h", "/", .fields = "User-Agent: xBot/2\r\n", .want = "p0" },
		{ "h", "/", .query = "?v=2", .want = "p5" },
		{ "h", "/", .query = "?a=1&v=%32", .want = "p5" },
		{ "h", "/", .query = "?v=2&v=3", .want = "p5" },
		{ "h", "/", .query = "?v=22", .want = "p0" },
		{ "h", "/", .query = "?vv=2", .want = "p0" },
		{ "h", "/", .query = "?v", .want = "p0" },
		{ "h", "/", .query = "?debug", .want = "p6" },
		{ "h", "/", .query = "?debug=", .want = "p6" },
		{ "h", "/", .query = "?d%65bug=%", .want = "p6" },
		{ "h", "/", .client = "10.1.2.3", .want = "p7" },
		{ "h", "/", .client = "11.1.2.3", .want = "p0" },
		{ "h", "/", .client = "2001:db8::5", .want = "p7" },
		{ "h", "/", .is_tls = true, .want = "p8" },
		{ "h", "/none", .want = "p9" },
		{ "h", "/none", .fields = "Authorization: x\r\n", .want = "p0" },
	};
	RUN("- { pool: p0 }\n"
	    "- { methods: [POST, BREW], pool: p1 }\n"
	    "- { methods: POST, headers: { x-canary: { exact: \"yes\" } }, pool: p2 }\n"
	    "- { headers: { X-Version: { regex: \"v[0-9]+\" } }, pool: p3 }\n"
	    "- { headers: { user-agent: { prefix: Bot/ } }, pool: p4 }\n"
	    "- { query: { v: { exact: \"2\" } }, pool: p5 }\n"
	    "- { query: { debug: {} }, pool: p6 }\n"
	    "- { clients: [10.0.0.0/8, \"2001:db8::/32\"], pool: p7 }\n"
	    "- { scheme: https, pool: p8 }\n"
	    "- { path: /none, headers: { authorization: { present: false } }, pool: p9 }\n",
	    cases);
}

static void test_order(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "h", "/a", .method = "GET", .fields = "X: 1\r\n",
		  .want = "p3" }, /* two conditions before one, and before the file */
		{ "h", "/a", .method = "GET", .want = "p1" },
		{ "h", "/a", .fields = "X: 1\r\n", .method = "PUT", .want = "p2" },
		{ "h", "/a", .method = "PUT", .want = "p0" },
		{ "h", "/high/x", .want = "p4" }, /* above the longer prefix of the exact host */
		{ "h", "/high/x/y", .want = "p4" },
		{ "h", "/other", .want = "" },
		{ "i", "/high", .want = "p4" },
	};
	RUN("- { host: h, path: /a, pool: p0 }\n"
	    "- { host: h, path: /a, methods: GET, pool: p1 }\n"
	    "- { host: h, path: /a, headers: { x: { exact: \"1\" } }, pool: p2 }\n"
	    "- { host: h, path: /a, methods: GET, headers: { x: { exact: \"1\" } }, pool: p3 }\n"
	    "- { path: /high, clients: 192.0.2.0/24, priority: 5, pool: p4 }\n"
	    "- { host: h, path: /high/x, priority: 1, pool: p5 }\n",
	    cases);
}

static void test_priority_within_a_host(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "h", "/a/b/c", .method = "GET", .want = "p1" },
		{ "h", "/a/b/c", .method = "PUT", .want = "p0" },
		{ "h", "/x", .method = "GET", .want = "p1" },
		{ "h", "/x", .method = "PUT", .want = "" },
	};
	RUN("- { host: h, path: /a/b/c, match: exact, pool: p0 }\n"
	    "- { host: h, path: /, methods: GET, priority: 1, pool: p1 }\n",
	    cases);
}

/* What another host's route left as the best so far does not end the search among prefixes of this one. */
static void test_priority_over_hosts(void **state) {
	(void)state;
	static const struct find_case cases[] = {
		{ "h", "/admin/x/y", .want = "p2" },
		{ "h", "/admin/x/y", .method = "PUT", .want = "p1" },
		{ "a.w", "/admin/x/y", .want = "p2" },
		{ "h", "/admin/z", .want = "p2" },
		{ "h", "/", .want = "p0" },
	};
	RUN("- { host: h, pool: p0 }\n"
	    "- { path: /admin/x, methods: PUT, priority: 10, pool: p1 }\n"
	    "- { path: /admin, priority: 10, pool: p2 }\n"
	    "- { host: \"*.w\", pool: p3 }\n",
	    cases);
}

/* A field that was dropped, since a client may not say it, is no field that a condition or a text sees. */
static void test_dropped_fields_do_not_match(void **state) {
	(void)state;
	struct fixture f;
	struct request r;
	bool gave_up;
	fixture_init(&f, "- { pool: p0 }\n"
	                 "- { headers: { x-ssl-client-verify: { exact: SUCCESS } }, pool: p1 }\n"
	                 "- { path: /none, headers: { x-ssl-client-verify: { present: false } }, pool: p2 }\n");
	request_init(&r, &f, "h", "/", NULL, NULL, "X-SSL-Client-Verify: SUCCESS\r\n", NULL, false);
	assert_string_equal(pool_name(&f, route_table_find(&f.table, &r.q, &gave_up)), "p1");
	http_head_drop(&r.head, HTTP_FIELD_X_SSL_CLIENT_VERIFY);
	assert_string_equal(pool_name(&f, route_table_find(&f.table, &r.q, &gave_up)), "p0");
	r.q.path = STR("/none");
	assert_string_equal(pool_name(&f, route_table_find(&f.table, &r.q, &gave_up)), "p2");
	fixture_fini(&f);
}

/* A pattern that is hard to match is no way around a route. */
static void test_regex_gives_up(void **state) {
	(void)state;
	char path[4096];
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	const struct find_case cases[] = {
		{ "h", path, .want = "?" },
		{ "h", "/aaa!", .want = "p0" },
		{ "exact", path, .want = "p2" },
	};
	RUN("- { pool: p0 }\n"
	    "- { path: \"/(a+a+)+[bc]\", match: regex, pool: p1 }\n"
	    "- { host: exact, pool: p2 }\n",
	    cases);
}

/* Nor are many values that are each matched in time. */
static void test_regex_gives_up_on_many_values(void **state) {
	(void)state;
	char query[2][256] = { "?", "?" }, fields[2][512] = { "", "" };
	for (int i = 0; i < 33; i++)
		for (int k = 0; k < 2; k++) {
			if (i == 32 && k == 0)
				continue;
			strcat(query[k], "v=1&");
			strcat(fields[k], "V: 1\r\n");
		}
	const struct find_case cases[] = {
		{ "h", "/", .query = query[0], .want = "p0" },     { "h", "/", .query = query[1], .want = "?" },
		{ "h", "/", .fields = fields[0], .want = "p0" },   { "h", "/", .fields = fields[1], .want = "?" },
		{ "exact", "/", .query = query[1], .want = "p0" },
	};
	RUN("- { pool: p0 }\n"
	    "- { host: h, query: { v: { regex: x } }, pool: p1 }\n"
	    "- { host: h, headers: { v: { regex: x } }, pool: p2 }\n"
	    "- { host: exact, query: { v: { exact: x } }, pool: p1 }\n",
	    cases);
}

static void test_host_too_long_has_no_route(void **state) {
	(void)state;
	char host[1000];
	memset(host, 'a', sizeof(host));
	host[sizeof(host) - 1] = '\0';
	const struct find_case cases[] = { { host, "/", .want = "" }, { host, "/status", .want = "p1" } };
	RUN("- { host: a, pool: p0 }\n"
	    "- { path: /status, pool: p1 }\n",
	    cases);
}

/* Ten thousand routes lead to as few candidates as three do. */
static void test_many_routes(void **state) {
	(void)state;
	struct buf routes = { 0 };
	buf_printf(&routes, "- { pool: p0 }\n- { host: one, pool: p1 }\n- { host: \"*.wild\", pool: p2 }\n");
	for (int i = 0; i < 3000; i++)
		buf_printf(&routes,
		           "- { host: one, path: /a/%d, pool: p3 }\n- { host: h%d, pool: p4 }\n- { host: one, path: /e/%d, "
		           "match: exact, "
		           "pool: p5 }\n- { host: \"*.w%d.wild\", pool: p6 }\n",
		           i, i, i, i);
	*buf_reserve(&routes, 1) = '\0';
	struct fixture f;
	fixture_init(&f, routes.p);
	static const struct {
		const char *host, *path, *want;
		size_t n;
	} cases[] = {
		{ "one", "/a/77/x", "p3", 3 }, { "h2999", "/", "p4", 2 },     { "one", "/e/5", "p5", 3 },
		{ "one", "/e/5/x", "p1", 2 },  { "a.w9.wild", "/", "p6", 3 }, { "other", "/", "p0", 1 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request r;
		bool gave_up;
		const struct route *list[8];
		request_init(&r, &f, cases[i].host, cases[i].path, NULL, NULL, NULL, NULL, false);
		assert_string_equal(pool_name(&f, route_table_find(&f.table, &r.q, &gave_up)), cases[i].want);
		assert_int_equal(route_table_candidates(&f.table, &r.q, list, COUNT_OF(list)), cases[i].n);
	}
	fixture_fini(&f);
	buf_fini(&routes);
}

static void test_split(void **state) {
	(void)state;
	struct fixture f;
	fixture_init(&f, "- { split: { p0: 5, p1: 95, p2: 0 } }\n");
	const struct route *r = f.table.routes[0];
	unsigned n[2] = { 0 };
	for (uint64_t draw = 0; draw < 1000; draw++)
		n[route_split_pick(r, draw) - f.pools]++;
	assert_int_equal(n[0], 50);
	assert_int_equal(n[1], 950);
	fixture_fini(&f);
}

static void test_bad_path_is_told_with_its_place(void **state) {
	(void)state;
	struct err e;
	struct fixture f;
	assert_int_equal(fixture_try(&f, "- { path: \"/a%2Fb\", pool: p0 }\n", &e), -1);
	assert_non_null(strstr(e.text, "routes[0]: path: \"/a%2Fb\" is no path"));
	fixture_fini(&f);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_and_prefixes),
		cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_path_kinds),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_priority_within_a_host),
		cmocka_unit_test(test_priority_over_hosts),
		cmocka_unit_test(test_dropped_fields_do_not_match),
		cmocka_unit_test(test_regex_gives_up),
		cmocka_unit_test(test_regex_gives_up_on_many_values),
		cmocka_unit_test(test_host_too_long_has_no_route),
		cmocka_unit_test(test_many_routes),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_bad_path_is_told_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
