/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One configured route to its compiled form: everything that a request would otherwise have to work out. What can be told from the
 * file alone was refused by cfg; here fails what takes the codec or PCRE2 to see.
 */
#include "proxy/route_compile.h"

#include "steerway/base/mem.h"

static const struct pattern *regex_keep(struct route_compiler *c, const char *key, struct str pattern, struct err *e) {
	struct pattern *r = pattern_create(pattern, e);
	if (!r) {
		err_context(e, "%s", key);
		return NULL;
	}
	struct route_table *t = c->table;
	if ((t->n_regexes & (t->n_regexes - 1)) == 0)
		t->regexes = mem_realloc_array(t->regexes, t->n_regexes > 0 ? 2 * t->n_regexes : 1, sizeof(*t->regexes));
	t->regexes[t->n_regexes++] = r;
	return r;
}

/* ---- match ---- */

static int path_compile(struct route_compiler *c, struct route *r, const struct cfg_route *from, struct err *e) {
	static const enum route_path kinds[] = { [CFG_PATH_MATCH_PREFIX] = ROUTE_PATH_PREFIX,
		                                 [CFG_PATH_MATCH_EXACT] = ROUTE_PATH_EXACT,
		                                 [CFG_PATH_MATCH_REGEX] = ROUTE_PATH_REGEX };
	r->path_kind = kinds[from->match];
	if (r->path_kind == ROUTE_PATH_REGEX) {
		r->path = arena_str(c->arena, from->path);
		r->regex = regex_keep(c, "path", from->path, e);
		return r->regex ? 0 : -1;
	}
	struct str normal;
	if (http_path_normalize(from->path, arena_alloc(c->arena, from->path.n), &normal) != HTTP_FAULT_NONE)
		return err_set(e, "path: \"%.*s\" is no path that a request can have; mend its %%-encoding", STR_ARG(from->path));
	r->path = arena_str(c->arena, normal);
	return 0;
}

static int conditions_compile(struct route_compiler *c, struct conditions *out, const struct cfg_condition *from, size_t n,
                              bool are_fields, struct err *e) {
	out->items = arena_zalloc(c->arena, (n + 1) * sizeof(*out->items));
	for (size_t i = 0; i < n; i++) {
		struct condition *it = &out->items[out->n++];
		it->name = arena_str(c->arena, from[i].id);
		it->field_id = are_fields ? (uint8_t)http_field_lookup(it->name) : 0;
		it->kind = from[i].present ? CONDITION_PRESENT : CONDITION_ABSENT;
		if (from[i].exact.n > 0) {
			it->kind = CONDITION_EXACT;
			it->text = arena_str(c->arena, from[i].exact);
		} else if (from[i].prefix.n > 0) {
			it->kind = CONDITION_PREFIX;
			it->text = arena_str(c->arena, from[i].prefix);
		} else if (from[i].regex.n > 0) {
			it->kind = CONDITION_REGEX;
			it->text = arena_str(c->arena, from[i].regex);
			it->regex = regex_keep(c, are_fields ? "headers" : "query", from[i].regex, e);
			if (!it->regex)
				return -1;
		}
	}
	return 0;
}

static void methods_compile(struct route_compiler *c, struct route *r, const struct cfg_strs *from) {
	r->other_methods.items = arena_zalloc(c->arena, (from->n + 1) * sizeof(struct str));
	for (size_t i = 0; i < from->n; i++) {
		enum http_method m = http_method_lookup(from->items[i]);
		r->methods |= (uint16_t)(1u << m);
		if (m == HTTP_METHOD_OTHER)
			r->other_methods.items[r->other_methods.n++] = arena_str(c->arena, from->items[i]);
	}
}

static int match_compile(struct route_compiler *c, struct route *r, const struct cfg_route *from, struct err *e) {
	r->host = arena_str(c->arena, from->host);
	r->upgrade = arena_str(c->arena, from->upgrade);
	r->connect = from->connect;
	r->priority = (uint32_t)from->priority;
	/* A request that came over TLS has what this redirect is for. */
	r->scheme = from->redirect.https ? CFG_SCHEME_HTTP : from->scheme;
	methods_compile(c, r, &from->methods);
	r->clients.n = from->clients.n;
	r->clients.items = arena_zalloc(c->arena, (from->clients.n + 1) * sizeof(*r->clients.items));
	for (size_t i = 0; i < from->clients.n; i++)
		r->clients.items[i] = from->clients.items[i];
	if (path_compile(c, r, from, e) < 0 ||
	    conditions_compile(c, &r->fields, from->headers.items, from->headers.n, true, e) < 0 ||
	    conditions_compile(c, &r->query, from->query.items, from->query.n, false, e) < 0)
		return -1;
	r->n_conditions =
	    (uint32_t)((r->methods != 0) + (r->scheme != CFG_SCHEME_ANY) + (r->clients.n > 0) + r->fields.n + r->query.n);
	return 0;
}

/* ---- actions ---- */

static int field_rules_compile(struct route_compiler *c, const struct field_rules **out, const struct cfg_field_rules *from,
                               struct err *e) {
	const struct {
		enum field_rule_kind kind;
		const struct cfg_pairs *pairs;
	} parts[] = { { FIELD_SET, &from->set }, { FIELD_ADD, &from->add } };
	size_t n = from->remove.n + from->set.n + from->add.n;
	if (n == 0)
		return 0;
	struct field_rules *rules = arena_zalloc(c->arena, sizeof(*rules));
	rules->items = arena_zalloc(c->arena, n * sizeof(*rules->items));
	for (size_t i = 0; i < from->remove.n; i++)
		rules->items[rules->n++] = (struct field_rule){ .kind = FIELD_REMOVE, .name = from->remove.items[i] };
	for (size_t p = 0; p < COUNT_OF(parts); p++)
		for (size_t i = 0; i < parts[p].pairs->n; i++) {
			struct field_rule *rule = &rules->items[rules->n++];
			*rule = (struct field_rule){ .kind = parts[p].kind, .name = parts[p].pairs->items[i].name };
			if (template_compile(&rule->value, c->arena, parts[p].pairs->items[i].value, e) < 0)
				return err_context(e, "%.*s", STR_ARG(rule->name));
			rules->n_values++;
		}
	for (size_t i = 0; i < rules->n; i++) {
		rules->items[i].name = arena_str(c->arena, rules->items[i].name);
		rules->items[i].id = (uint8_t)http_field_lookup(rules->items[i].name);
	}
	*out = rules;
	return 0;
}

static int rewrite_compile(struct route_compiler *c, struct route *r, const struct cfg_rewrite *from, struct err *e) {
	if (!from->is_given)
		return 0;
	struct rewrite *w = arena_zalloc(c->arena, sizeof(*w));
	w->strip_prefix = arena_str(c->arena, from->strip_prefix);
	struct str path = from->regex.n > 0 ? from->replace : from->path;
	if (from->regex.n > 0 && !(w->regex = regex_keep(c, "rewrite.regex", from->regex, e)))
		return -1;
	if ((path.n > 0 && template_compile(&w->path, c->arena, path, e) < 0) ||
	    (from->host.n > 0 && template_compile(&w->host, c->arena, from->host, e) < 0))
		return err_context(e, "rewrite");
	r->rewrite = w;
	return 0;
}

static void split_compile(struct route_compiler *c, struct route *r, const struct cfg_route *from) {
	uint64_t sum = 0;
	r->action = ROUTE_SPLIT;
	r->split_by = from->split_by;
	r->shares = arena_zalloc(c->arena, from->split.n * sizeof(*r->shares));
	for (size_t i = 0; i < from->split.n; i++) {
		if (from->split.items[i].weight == 0)
			continue;
		sum += from->split.items[i].weight;
		r->shares[r->n_shares++] = (struct route_share){ c->pool_of(c->arg, from->split.items[i].pool), sum };
	}
}

static struct str str_keep(struct route_compiler *c, struct str s) {
	return s.n > 0 ? arena_str(c->arena, s) : STR("");
}

static int action_compile(struct route_compiler *c, struct route *r, const struct cfg_route *from, struct err *e) {
	r->urgency = from->urgency;
	if (from->pool) {
		r->pool = c->pool_of(c->arg, from->pool);
	} else if (from->split.n > 0) {
		split_compile(c, r, from);
	} else if (from->redirect.is_given) {
		r->action = ROUTE_REDIRECT;
		r->answer.status = (uint16_t)from->redirect.status;
		struct str location = from->redirect.https ? STR("https://${host}${path}${query}") : from->redirect.location;
		if (template_compile(&r->location, c->arena, location, e) < 0)
			return err_context(e, "redirect.location");
	} else {
		r->action = ROUTE_ANSWER;
		r->answer = (struct route_answer){ .status = (uint16_t)from->answer.status,
			                           .body = str_keep(c, from->answer.body),
			                           .content_type = str_keep(c, from->answer.content_type) };
	}
	return 0;
}

static void maintenance_compile(struct route_compiler *c, struct route *r, const struct cfg_maintenance *from) {
	if (!from->is_given)
		return;
	struct route_answer *m = arena_zalloc(c->arena, sizeof(*m));
	*m = (struct route_answer){ .status = (uint16_t)from->status,
		                    .body = str_keep(c, from->body),
		                    .content_type = str_keep(c, from->content_type),
		                    .retry_after_s = (uint32_t)((from->retry_after_ms + 999) / 1000) };
	r->maintenance = m;
}

struct route *route_compile(struct route_compiler *c, const struct cfg_route *from, uint32_t index, struct err *e) {
	struct route *r = arena_zalloc(c->arena, sizeof(*r));
	r->index = index;
	r->mark = from->mark;
	r->mark.file = arena_str(c->arena, from->mark.file);
	maintenance_compile(c, r, &from->maintenance);
	if (match_compile(c, r, from, e) < 0 || action_compile(c, r, from, e) < 0 || rewrite_compile(c, r, &from->rewrite, e) < 0)
		return NULL;
	if (field_rules_compile(c, &r->request_rules, &from->request_headers, e) < 0) {
		err_context(e, "request_headers");
		return NULL;
	}
	if (field_rules_compile(c, &r->response_rules, &from->response_headers, e) < 0) {
		err_context(e, "response_headers");
		return NULL;
	}
	return r;
}
