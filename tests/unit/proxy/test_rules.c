/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts with variables, rewriting, and rules for fields: what they write, and what they never let through. */
#include "unit/proxy/route_test.h"

struct texts {
	struct arena arena;
	struct variables v;
	struct http_head head;
	struct http_field fields[32];
};

static void texts_init(struct texts *t) {
	static const struct http_field came[] = {
		{ .name = STR_INIT("User-Agent"), .value = STR_INIT("a b"), .id = HTTP_FIELD_USER_AGENT },
		{ .name = STR_INIT("X-Own"), .value = STR_INIT("first") },
		{ .name = STR_INIT("x-own"), .value = STR_INIT("second") },
		{ .name = STR_INIT("X-Bad"), .value = STR_INIT(" a\r\nInjected: 1\x7f\0 ") },
	};
	memset(t, 0, sizeof(*t));
	arena_init(&t->arena, 1024);
	memcpy(t->fields, came, sizeof(came));
	t->head = (struct http_head){ .fields = t->fields, .n_fields = COUNT_OF(came), .cap_fields = 32 };
	t->head.seen[HTTP_FIELD_USER_AGENT / 64] |= UINT64_C(1) << HTTP_FIELD_USER_AGENT % 64;
	t->v.head = &t->head;
	t->v.values[CFG_VARIABLE_PATH] = STR("/a%20b/c");
	t->v.values[CFG_VARIABLE_QUERY] = STR("?q=1");
	t->v.values[CFG_VARIABLE_HOST] = STR("[2001:db8::1]");
	t->v.values[CFG_VARIABLE_METHOD] = STR("GET");
	t->v.captures[1] = STR("cap/1");
}

static void test_templates(void **state) {
	static const struct {
		const char *text, *field, *uri; /* field NULL: refused */
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "${method}", "GET", "GET" },
		{ "a${method}b${method}", "aGETbGET", "aGETbGET" },
		{ "${path}${query}", "/a%20b/c?q=1", "/a%20b/c?q=1" },
		{ "https://${host}/", "https://[2001:db8::1]/", "https://[2001:db8::1]/" },
		{ "${header:user-agent}", "a b", "a%20b" },
		{ "${header:X-OWN}", "first", "first" },
		{ "${header:x-none}.", ".", "." },
		{ "${header:x-bad}", "aInjected: 1", "%20a%0D%0AInjected%3A%201%7F%00%20" },
		{ "  ${header:x-none}  ", "", "    " },
		{ "$$", "$", "$" },
		{ "$${method}", "${method}", "${method}" },
		{ "5$ $a $", "5$ $a $", "5$ $a $" },
		{ "${1}", "cap/1", "cap/1" },
		{ "${2}", "", "" },
		{ "", "", "" },
		{ "${", NULL, NULL },
		{ "${}", NULL, NULL },
		{ "${nope}", NULL, NULL },
		{ "${header:}", NULL, NULL },
		{ "${METHOD}", NULL, NULL },
		{ "${11}", NULL, NULL },
	};
	struct texts t;
	(void)state;
	texts_init(&t);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct template c;
		struct err e;
		char out[256];
		int r = template_compile(&c, &t.arena, str_from(cases[i].text), &e);
		assert_int_equal(r, cases[i].field ? 0 : -1);
		if (r < 0)
			continue;
		assert_true(template_bound(&c, &t.v) < sizeof(out));
		struct str field = template_render(out, &c, &t.v, TEMPLATE_FIELD);
		if (!str_eq(field, str_from(cases[i].field)))
			fail_msg("%s: \"%.*s\"", cases[i].text, STR_ARG(field));
		struct str uri = template_render(out, &c, &t.v, TEMPLATE_URI);
		if (!str_eq(uri, str_from(cases[i].uri)))
			fail_msg("%s: \"%.*s\"", cases[i].text, STR_ARG(uri));
	}
	arena_fini(&t.arena);
}

static void test_field_rules(void **state) {
	struct fixture f;
	struct texts t;
	char out[512], got[512] = "";
	(void)state;
	texts_init(&t);
	fixture_init(
	    &f, "- { pool: p0, request_headers: { remove: [x-bad, X-None], set: { X-Own: \"${header:x-own}!\", user-agent: x, "
		"X-Empty: \"${header:x-none}\" }, add: { X-OWN: \"${header:x-own}+\", X-None: new } } }\n");
	const struct field_rules *rules = f.table.routes[0]->request_rules;
	assert_true(field_rules_bound(rules, &t.v) <= sizeof(out));
	field_rules_apply(rules, &t.head, &t.v, out);
	for (unsigned i = 0; i < t.head.n_fields; i++)
		if (!t.head.fields[i].is_dropped)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s=%.*s;", STR_ARG(t.head.fields[i].name),
			         STR_ARG(t.head.fields[i].value));
	/* Values tell what came, and what is added stays though its name is set or removed beside it. */
	assert_string_equal(got, "X-Own=first!;user-agent=x;X-OWN=first+;X-None=new;");
	fixture_fini(&f);
	arena_fini(&t.arena);
}

/* The proxy's own fields: what the codec knows as hop-by-hop, no configuration may name in a rule. */
static void test_hop_by_hop_fields_are_refused(void **state) {
	static const enum http_field_id others[] = { HTTP_FIELD_CONTENT_LENGTH, HTTP_FIELD_EXPECT, HTTP_FIELD_TRAILER };
	unsigned n = 0;
	(void)state;
	for (unsigned id = 1; id < HTTP_FIELD_COUNT; id++) {
		bool is_own = http_field_flags((enum http_field_id)id) & HTTP_FIELD_HOP_BY_HOP;
		for (size_t i = 0; i < COUNT_OF(others); i++)
			is_own = is_own || others[i] == id;
		if (!is_own)
			continue;
		struct buf yaml = { 0 }, errors = { 0 };
		buf_printf(&yaml,
		           "listeners: { web: { bind: \"127.0.0.1:80\" } }\nsites: { s: {} }\n"
		           "pools: { p: { servers: [{ name: a, address: \"127.0.0.1:1\", site: s }] } }\n"
		           "routes: [{ pool: p, response_headers: { set: { \"%.*s\": x } } }]\n",
		           STR_ARG(http_field_name((enum http_field_id)id)));
		struct cfg *c = cfg_load_text(buf_str(&yaml), "t.yaml", "", &errors);
		if (c || str_find(buf_str(&errors), STR("is the proxy's own")) == errors.n)
			fail_msg("%.*s%.*s", STR_ARG(buf_str(&yaml)), STR_ARG(buf_str(&errors)));
		buf_fini(&yaml);
		buf_fini(&errors);
		n++;
	}
	assert_true(n > 10);
}

static char *reserve(void *arena, size_t n) {
	return arena_alloc(arena, n + 1);
}

static void test_rewrite(void **state) {
	static const struct {
		int route;
		const char *path, *where, *want, *host; /* want NULL: refused */
	} cases[] = {
		{ 0, "/api/x", "", "/x", NULL },         { 0, "/api", "", "/", NULL },         { 0, "/apix", "", "/apix", NULL },
		{ 0, "/x/api", "", "/x/api", NULL },     { 1, "/v2/a/b", "", "/a/b/2", NULL }, { 1, "/v2", "", "/v2", NULL },
		{ 2, "/any", "ok", "/f/ok", "ok.test" }, { 2, "/any", "..", "/", NULL }, /* no host: two dots in a row */
		{ 2, "/any", "a/b", "/f/a%2Fb", NULL },  { 3, "/p/1/2", "", "/2/1", NULL },
	};
	struct fixture f;
	(void)state;
	fixture_init(&f,
	             "- { path: /a, pool: p0, rewrite: { strip_prefix: /api/ } }\n"
	             "- { path: /b, pool: p0, rewrite: { regex: \"/v([0-9]+)/(.*)\", replace: \"/${2}/${1}\" } }\n"
	             "- { path: /c, pool: p0, rewrite: { path: \"/f/${header:x-where}\", host: \"${header:x-where}.test\" } }\n"
	             "- { path: \"/p/(.)/(.)\", match: regex, pool: p0, rewrite: { path: \"/${2}/${1}\" } }\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_field field = { .name = STR("X-Where"), .value = str_from(cases[i].where) };
		struct http_head head = { .fields = &field, .n_fields = 1, .cap_fields = 1 };
		struct variables v = { .head = &head };
		struct rewriting w = {
			.path = str_from(cases[i].path), .reserve = reserve, .arg = &f.arena, .scratch = f.scratch
		};
		const struct route *r = NULL;
		for (size_t k = 0; k < f.table.n; k++)
			if ((int)f.table.routes[k]->index == cases[i].route)
				r = f.table.routes[k];
		bool is_good = route_rewrite(r, &v, &w);
		bool wants_host = cases[i].route == 2;
		if (is_good != (!wants_host || cases[i].host != NULL))
			fail_msg("case %zu: %d", i, is_good);
		if (is_good)
			assert_true(str_eq(w.path, str_from(cases[i].want)));
		if (is_good && wants_host)
			assert_true(str_eq(w.host, str_from(cases[i].host)));
	}
	fixture_fini(&f);
}

/* No path of a client's choice names a host; what the route's own text names stands. */
static void test_location(void **state) {
	static const struct {
		const char *host, *path, *want;
	} cases[] = {
		{ "capture", "/old/x", "/x" },
		{ "capture", "/old//evil.test/x", "/evil.test/x" },
		{ "capture", "/old////evil.test", "/evil.test" },
		{ "path", "//evil.test/", "/evil.test/" },
		{ "below", "//evil.test/", "/n//evil.test/" },
		{ "slash", "/a", "/a" },
		{ "absolute", "//a", "https://w.test//a" },
		{ "relative", "/a", "//w.test/a" },
	};
	struct fixture f;
	(void)state;
	fixture_init(&f, "- { host: capture, path: \"/old/(.*)\", match: regex, redirect: { location: \"/${1}\" } }\n"
	                 "- { host: path, redirect: { location: \"${path}\" } }\n"
	                 "- { host: below, redirect: { location: \"/n${path}\" } }\n"
	                 "- { host: slash, redirect: { location: \"/${path}\" } }\n"
	                 "- { host: absolute, redirect: { location: \"https://w.test${path}\" } }\n"
	                 "- { host: relative, redirect: { location: \"//w.test${path}\" } }\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request q;
		struct str location;
		bool gave_up;
		request_init(&q, &f, cases[i].host, cases[i].path, NULL, NULL, NULL, NULL, false);
		const struct route *r = route_table_find(&f.table, &q.q, &gave_up);
		struct variables v = { .head = &q.head, .values = { [CFG_VARIABLE_PATH] = q.q.path } };
		struct rewriting w = { .path = q.q.path, .reserve = reserve, .arg = &f.arena, .scratch = f.scratch };
		assert_non_null(r);
		assert_true(route_location(r, &v, &w, &location));
		if (!str_eq(location, str_from(cases[i].want)))
			fail_msg("%s: \"%.*s\"", cases[i].path, STR_ARG(location));
	}
	fixture_fini(&f);
}

/* What a client may not say is no value either. */
static void test_dropped_fields_have_no_value(void **state) {
	struct texts t;
	struct template c;
	struct err e;
	char out[64];
	(void)state;
	texts_init(&t);
	t.fields[0].is_dropped = t.fields[1].is_dropped = true;
	assert_int_equal(template_compile(&c, &t.arena, STR("${header:user-agent}.${header:x-own}"), &e), 0);
	assert_true(str_eq(template_render(out, &c, &t.v, TEMPLATE_FIELD), STR(".second")));
	arena_fini(&t.arena);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_location),
		cmocka_unit_test(test_dropped_fields_have_no_value),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_field_rules),
		cmocka_unit_test(test_hop_by_hop_fields_are_refused),
		cmocka_unit_test(test_rewrite),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
