/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts with variables, rules for fields and rewriting, over whatever a client may have sent: no value ends a line, nothing is longer
 * than its bound, and a path that comes out is one. The input: lines, in turn the text, the path, the query, a field's value.
 */
#include "http_fuzz.h"

#include "proxy/private.h"

static char *reserve(void *arena, size_t n) {
	return arena_alloc(arena, n + 1);
}

static void template_check(const struct template *c, const struct variables *v, struct arena *a) {
	static const enum template_use uses[] = { TEMPLATE_FIELD, TEMPLATE_URI };
	for (size_t u = 0; u < 2; u++) {
		size_t bound = template_bound(c, v);
		char *out = arena_alloc(a, bound + 1);
		out[bound] = '#';
		struct str s = template_render(out, c, v, uses[u]);
		MUST(s.n <= bound && out[bound] == '#');
		for (size_t i = 0; i < s.n; i++)
			MUST(((uint8_t)s.p[i] >= 0x20 && s.p[i] != 0x7f) || s.p[i] == '\t');
		MUST(u == 1 || s.n == 0 || (s.p[0] != ' ' && s.p[s.n - 1] != ' '));
	}
}

static void rules_check(const struct template *c, const struct variables *v, struct arena *a) {
	struct field_rule items[] = { { .kind = FIELD_REMOVE, .name = STR("x-gone") },
		                      { .kind = FIELD_SET, .name = STR("X-In"), .value = *c },
		                      { .kind = FIELD_ADD, .name = STR("Via"), .id = HTTP_FIELD_VIA, .value = *c } };
	struct field_rules rules = { items, 3, 2 };
	struct http_field fields[6] = { { .name = STR("x-in"), .value = v->head->fields[0].value }, { .name = STR("X-Gone") } };
	struct http_head h = { .fields = fields, .n_fields = 2, .cap_fields = 6 };
	field_rules_apply(&rules, &h, v, arena_alloc(a, field_rules_bound(&rules, v) + 1));
	MUST(fields[0].is_dropped && fields[1].is_dropped);
	MUST(h.n_fields == 2 ||
	     (h.n_fields == 4 && str_eq(fields[2].value, fields[3].value) && http_head_has(&h, HTTP_FIELD_VIA)));
}

static void rewrite_check(const struct template *c, struct variables *v, struct arena *a, struct pattern_scratch *scratch,
                          const struct pattern *pattern) {
	struct rewrite variants[] = {
		{ .path = *c }, { .path = *c, .regex = pattern }, { .host = *c }, { .strip_prefix = STR("/a") }
	};
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct route r = { .rewrite = &variants[i], .regex = pattern, .location = *c };
		struct rewriting w = { .path = v->values[CFG_VARIABLE_PATH], .reserve = reserve, .arg = a, .scratch = scratch };
		struct str again, host, location;
		uint16_t port;
		if (!route_rewrite(&r, v, &w))
			continue;
		MUST(http_path_normalize(w.path, arena_alloc(a, w.path.n + 1), &again) == HTTP_FAULT_NONE && again.p == w.path.p);
		MUST(w.host.n == 0 || http_authority_parse(w.host, &host, &port) == HTTP_FAULT_NONE);
		if (c->n > 0 && c->parts[0].variable != CFG_VARIABLE_TEXT && route_location(&r, v, &w, &location))
			MUST(!str_starts(location, STR("//")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	static struct pattern_scratch *scratch;
	static struct pattern *pattern;
	struct err e;
	struct str rest = { (const char *)data, n }, text = STR(""), path = STR(""), query = STR("");
	struct arena a;
	if (!scratch) {
		scratch = pattern_scratch_create();
		pattern = pattern_create(STR("/([a-z]*)/?(.*)"), &e);
		MUST(pattern != NULL);
	}
	str_next(&rest, '\n', &text);
	str_next(&rest, '\n', &path);
	str_next(&rest, '\n', &query);
	arena_init(&a, 16384);
	struct http_field field = { .name = STR("X-In"), .value = rest };
	struct http_head head = { .fields = &field, .n_fields = 1, .cap_fields = 1 };
	struct variables v = { .head = &head };
	struct str normal = STR("/");
	struct http_target target;
	struct template c;
	if (http_target_parse(path, HTTP_METHOD_GET, &target) == HTTP_FAULT_NONE && target.form == HTTP_TARGET_ORIGIN &&
	    http_path_normalize(target.path, arena_alloc(&a, path.n + 1), &normal) != HTTP_FAULT_NONE)
		normal = STR("/");
	for (unsigned i = 0; i < CFG_VARIABLE_COUNT; i++)
		v.values[i] = query;
	v.values[CFG_VARIABLE_PATH] = normal;
	v.values[CFG_VARIABLE_QUERY] = STR("?q");
	if (template_compile(&c, &a, text, &e) == 0) {
		template_check(&c, &v, &a);
		rules_check(&c, &v, &a);
		rewrite_check(&c, &v, &a, scratch, pattern);
	}
	arena_fini(&a);
	return 0;
}
