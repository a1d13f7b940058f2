/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cross-checks of routes: keys that contradict each other, texts with variables that are none or that nobody knows yet where they
 * stand, fields that a rule may not touch, and routes that no request can reach.
 */
#include "cfg/checks.h"

#include "cfg/scalar.h"

#include "steerway/base/mem.h"

#include <stdio.h>

enum { RULES_MAX = 64 }; /* of one section: each may take a place in a head */

#define TOKEN_CHARS "!#$%&'*+-.^_`|~"

/* ---- match ---- */

static bool has_dot_segment(struct str path) {
	struct str part;
	while (str_next(&path, '/', &part))
		if (str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return true;
	return false;
}

static void check_path(struct loader *l, const struct instance *i) {
	const struct cfg_route *r = i->object;
	struct err why_regex;
	if (r->match == CFG_PATH_MATCH_REGEX) {
		if (scalar_regex_captures(r->path, &why_regex) < 0)
			fault(l, i, "path", "%s", why_regex.text);
		return;
	}
	const char *why = checks_path_fault(r->path);
	if (!why && memchr(r->path.p, '?', r->path.n))
		why = "holds a query; a route looks at the path here, and at parameters under query";
	if (!why && has_dot_segment(r->path))
		why = "holds . or .. segments, which no routed path has; write the path without them";
	if (why)
		fault(l, i, "path", "%s", why);
}

static void check_host(struct loader *l, const struct instance *i) {
	const struct cfg_route *r = i->object;
	struct str host = str_starts(r->host, STR("*.")) ? str_skip(r->host, 2) : r->host;
	if (r->host.n == 0 || checks_domain_is_valid(host))
		return;
	if (memchr(host.p, '*', host.n))
		fault(l, i, "host", "a wildcard stands for whole labels at the start; write it as *.example.org");
	else
		fault(l, i, "host", "\"%.*s%s\" is no host name; write it without scheme, port and path", REPORT_VALUE(r->host));
}

/* Methods are case-sensitive (RFC 9110 9.1), so `get` would take no request that anyone sends. */
static bool is_lower_case(struct str s) {
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return false;
	return s.n > 0;
}

static void check_methods(struct loader *l, const struct instance *i) {
	const struct cfg_route *r = i->object;
	for (size_t n = 0; n < r->methods.n; n++) {
		struct place place = checks_item_place(i, "methods", n);
		struct str m = r->methods.items[n];
		if (!checks_all_of(m, TOKEN_CHARS) || m.n > 32)
			checks_fault(l, i, "methods", &place, "\"%.*s%s\" is no HTTP method; write one as GET", REPORT_VALUE(m));
		else if (is_lower_case(m))
			checks_fault(l, i, "methods", &place,
			             "\"%.*s%s\" takes no request, for methods are in upper case; write one as GET",
			             REPORT_VALUE(m));
	}
}

/* Servers of HTTP/2 are asked for no tunnel. */
static void check_tunnels(struct loader *l, const struct instance *i) {
	const struct cfg_route *r = i->object;
	bool may_open = r->pool && r->pool->protocol == CFG_SERVER_PROTOCOL_HTTP1;
	for (size_t n = 0; n < r->split.n; n++)
		may_open = may_open || r->split.items[n].pool->protocol == CFG_SERVER_PROTOCOL_HTTP1;
	if (may_open || (!r->pool && r->split.n == 0))
		return;
	if (node_find(i->node, "upgrade") && !str_eq(r->upgrade, STR("none")))
		fault(l, i, "upgrade",
		      "has no effect with servers of protocol: http2, which are asked for no tunnels; remove it");
	if (r->connect)
		fault(l, i, "connect",
		      "has no effect with servers of protocol: http2, which are asked for no tunnels; remove it");
}

static void check_condition(struct loader *l, const struct instance *i) {
	const struct cfg_condition *c = i->object;
	bool is_field = str_ends(str_slice(i->path.p, i->path.n - c->id.n), STR(".headers."));
	unsigned n = (c->exact.n > 0) + (c->prefix.n > 0) + (c->regex.n > 0);
	if (n > 1)
		fault(l, i, NULL, "exact, prefix and regex can't stand beside each other; keep one of them");
	else if (n == 1 && node_find(i->node, "present"))
		fault(l, i, "present", "can't stand beside exact, prefix or regex; remove it");
	if (is_field && !checks_all_of(c->id, TOKEN_CHARS))
		fault(l, i, NULL, "is no field name; write one as X-Version");
}

/* ---- texts with variables ---- */

struct text_place {
	const struct instance *i;
	const char *key;
	const struct place *place; /* NULL: of the key */
	enum cfg_known known;      /* from when on the text is needed */
	int captures;              /* of the regular expression; -1: there is none */
	const char *allowed;       /* beside letters and digits, in what is no variable; NULL: all */
};

static bool text_part_check(struct loader *l, const struct text_place *t, const struct cfg_template_part *p) {
	static const char *const since[] = { "", "a pool is chosen", "a server answered" };
	if (p->variable == CFG_VARIABLE_TEXT) {
		if (!t->allowed || checks_all_of(p->text, t->allowed))
			return true;
		checks_fault(l, t->i, t->key, t->place, "\"%.*s%s\" holds characters that can't stand there; percent-encode them",
		             REPORT_VALUE(p->text));
	} else if (p->variable == CFG_VARIABLE_CAPTURE) {
		if ((int)p->capture <= t->captures)
			return true;
		checks_fault(l, t->i, t->key, t->place, "${%u} is no capture: %s", p->capture,
		             t->captures < 0 ? "there is no regular expression here that has any"
		                             : "the regular expression has fewer");
	} else {
		if (cfg_variable_known(p->variable) <= t->known)
			return true;
		checks_fault(l, t->i, t->key, t->place, "a variable in it is known only when %s; remove it",
		             since[cfg_variable_known(p->variable)]);
	}
	return false;
}

static void text_check(struct loader *l, const struct text_place *t, struct str text) {
	struct cfg_template_part part;
	struct err why;
	int n;
	while ((n = cfg_template_next(&text, &part, &why)) > 0)
		if (!text_part_check(l, t, &part))
			return;
	if (n < 0)
		checks_fault(l, t->i, t->key, t->place, "%s", why.text);
}

/* Of the route's own path; -1: it is no regular expression. */
static int route_captures(const struct instance *route) {
	const struct cfg_route *r = route->object;
	struct err why;
	if (!checks_are_sound(route, "path match") || r->match != CFG_PATH_MATCH_REGEX)
		return -1;
	return scalar_regex_captures(r->path, &why);
}

/* ---- actions ---- */

static void check_actions(struct loader *l, const struct instance *i) {
	static const char *const actions[] = { "pool", "split", "redirect", "answer" };
	static const char *const of_pools[] = { "maintenance", "urgency", "upgrade", "connect", "rewrite", "request_headers" };
	const struct cfg_route *r = i->object;
	const char *found = NULL;
	for (size_t n = 0; n < COUNT_OF(actions); n++) {
		const struct node *node = node_find(i->node, actions[n]);
		if (node && found)
			fault(l, i, actions[n], "can't stand beside %s: a route does one thing; remove one of them", found);
		found = node ? actions[n] : found;
	}
	if (!found)
		fault(l, i, NULL, "does nothing; add pool, split, redirect or answer");
	for (size_t n = 0; n < COUNT_OF(of_pools) && found && !node_find(i->node, "pool") && !node_find(i->node, "split"); n++)
		if (node_find(i->node, of_pools[n]))
			fault(l, i, of_pools[n], "has no effect with %s, for no server gets the request; remove it", found);
	if (node_find(i->node, "split_by") && !node_find(i->node, "split"))
		fault(l, i, "split_by", "has no effect without split; remove it");
	if (r->split.n > 0 && checks_weights_sum(&r->split) == 0)
		fault(l, i, "split", "all shares are 0; give one pool at least 1");
	if (r->redirect.https && r->scheme != CFG_SCHEME_ANY)
		fault(l, i, "scheme", "can't stand beside redirect.https, which is for requests in clear text; remove it");
}

static void check_redirect(struct loader *l, const struct instance *i) {
	const struct cfg_redirect *r = i->object;
	if (r->https && r->location.n > 0)
		fault(l, i, "https", "can't stand beside location; keep one of them");
	else if (!r->https && r->location.n == 0)
		fault(l, i, NULL, "leads nowhere; add location, or https: true");
	if (r->status > 303 && r->status < 307)
		fault(l, i, "status", "%llu is no redirect; write 301, 302, 303, 307 or 308", (unsigned long long)r->status);
	struct text_place t = {
		.i = i, .key = "location", .captures = route_captures(i->parent), .allowed = TOKEN_CHARS "/:?=;,()[]@"
	};
	text_check(l, &t, r->location);
}

static void check_own_answer(struct loader *l, const struct instance *i, uint64_t status, struct str body) {
	if (body.n > 0 && (status == 204 || status == 304))
		fault(l, i, "body", "an answer with status %llu has none; remove it", (unsigned long long)status);
	if (body.n == 0 && node_find(i->node, "content_type"))
		fault(l, i, "content_type", "has no effect without body; remove it");
}

static void check_answer(struct loader *l, const struct instance *i) {
	const struct cfg_answer *a = i->object;
	check_own_answer(l, i, a->status, a->body);
}

static void check_maintenance(struct loader *l, const struct instance *i) {
	const struct cfg_maintenance *m = i->object;
	check_own_answer(l, i, m->status, m->body);
}

static void check_rewrite(struct loader *l, const struct instance *i) {
	const struct cfg_rewrite *r = i->object;
	struct err why;
	if ((r->strip_prefix.n > 0) + (r->path.n > 0) + (r->regex.n > 0) > 1)
		fault(l, i, NULL, "strip_prefix, path and regex can't stand beside each other; keep one of them");
	if ((r->regex.n > 0) != (r->replace.n > 0))
		fault(l, i, NULL, "regex and replace belong together; add the other one");
	if (r->strip_prefix.n + r->path.n + r->regex.n + r->host.n == 0)
		fault(l, i, NULL, "rewrites nothing; add strip_prefix, path, regex or host");
	const char *path_why = r->strip_prefix.n > 0 ? checks_path_fault(r->strip_prefix) : NULL;
	if (path_why)
		fault(l, i, "strip_prefix", "%s", path_why);
	struct text_place path = {
		.i = i, .key = "path", .captures = route_captures(i->parent), .allowed = TOKEN_CHARS "/:=;,()@"
	};
	struct text_place replace = path, host = { .i = i, .key = "host", .captures = -1, .allowed = "-._:[]" };
	replace.key = "replace";
	replace.captures = r->regex.n > 0 ? scalar_regex_captures(r->regex, &why) : -1;
	text_check(l, &path, r->path);
	text_check(l, &replace, r->replace);
	text_check(l, &host, r->host);
}

/* ---- rules for fields ---- */

/* Framing, routing and connections are the proxy's own business. */
static const char *field_refusal(struct str name, bool is_request) {
	static const char *const own[] = { "connection",
		                           "content-length",
		                           "expect",
		                           "http2-settings",
		                           "keep-alive",
		                           "proxy-authenticate",
		                           "proxy-authentication-info",
		                           "proxy-authorization",
		                           "proxy-connection",
		                           "te",
		                           "trailer",
		                           "transfer-encoding",
		                           "upgrade" };
	if (!checks_all_of(name, TOKEN_CHARS))
		return "is no field name; write one as X-Version";
	if (is_request && str_eq_nocase(name, STR("host")))
		return "is set by rewrite.host; use that";
	for (size_t i = 0; i < COUNT_OF(own); i++)
		if (str_eq_nocase(name, str_from(own[i])))
			return "is the proxy's own, on which framing or the connection hangs; remove it";
	return NULL;
}

static void check_pairs(struct loader *l, const struct instance *i, const char *key, const struct cfg_pairs *pairs,
                        bool is_request) {
	struct map taken = { 0 };
	for (size_t n = 0; n < pairs->n; n++) {
		const struct cfg_pair *p = &pairs->items[n];
		struct place place = checks_item_place(i, key, n);
		const char *why = field_refusal(p->name, is_request);
		if (why)
			checks_fault(l, i, key, &place, "%.*s%s %s", REPORT_VALUE(p->name), why);
		struct text_place t = { i, key, &place, is_request ? CFG_KNOWN_POOL : CFG_KNOWN_SERVER, -1, NULL };
		text_check(l, &t, p->value);
		char *lower = arena_alloc(l->tree, p->name.n + 1);
		for (size_t c = 0; c < p->name.n; c++)
			lower[c] = (char)(p->name.p[c] >= 'A' && p->name.p[c] <= 'Z' ? p->name.p[c] + 32 : p->name.p[c]);
		if (map_put(&taken, str_slice(lower, p->name.n), lower))
			checks_fault(l, i, key, &place, "%.*s%s is given twice; remove one", REPORT_VALUE(p->name));
	}
	map_fini(&taken);
}

static void check_field_rules(struct loader *l, const struct instance *i) {
	const struct cfg_field_rules *r = i->object;
	bool is_request = str_ends(i->path, STR(".request_headers"));
	size_t n_rules = r->remove.n + r->set.n + r->add.n;
	if (n_rules == 0 || n_rules > RULES_MAX)
		fault(l, i, NULL, "holds %zu rules; give 1 to %d under remove, set and add", n_rules, RULES_MAX);
	for (size_t n = 0; n < r->remove.n; n++) {
		struct place place = checks_item_place(i, "remove", n);
		const char *why = field_refusal(r->remove.items[n], is_request);
		if (why)
			checks_fault(l, i, "remove", &place, "%.*s%s %s", REPORT_VALUE(r->remove.items[n]), why);
	}
	check_pairs(l, i, "set", &r->set, is_request);
	check_pairs(l, i, "add", &r->add, is_request);
}

/* ---- all routes together ---- */

static void write_conditions(struct buf *out, const struct cfg_condition *c, size_t n, const char *what) {
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s %.*s%s\"%.*s%.*s%.*s\"", what, STR_ARG(c[i].id),
		           c[i].exact.n    ? "="
		           : c[i].prefix.n ? "^"
		           : c[i].regex.n  ? "~"
		           : c[i].present  ? "+"
		                           : "-",
		           STR_ARG(c[i].exact), STR_ARG(c[i].prefix), STR_ARG(c[i].regex));
}

static bool has_conditions(const struct cfg_route *r) {
	return r->methods.n + r->headers.n + r->query.n + r->clients.n > 0 || r->scheme != CFG_SCHEME_ANY || r->redirect.https;
}

/* What requests it takes, as text: two routes of one text are the same. */
static struct str match_text(struct loader *l, const struct cfg_route *r) {
	struct buf b = { 0 };
	if (r->host.n > 0)
		buf_add(&b, r->host);
	else
		buf_add(&b, STR("any host, "));
	buf_add(&b, r->match == CFG_PATH_MATCH_EXACT ? STR(" =") : r->match == CFG_PATH_MATCH_REGEX ? STR(" ~") : STR(""));
	buf_add(&b, r->path);
	for (size_t i = 0; i < r->methods.n; i++)
		buf_printf(&b, " %.*s", STR_ARG(r->methods.items[i]));
	for (size_t i = 0; i < r->clients.n; i++) {
		char text[ADDR_TEXT_BYTES];
		buf_printf(&b, " from %s", addr_net_format(&r->clients.items[i], text).p);
	}
	if (r->scheme != CFG_SCHEME_ANY || r->redirect.https)
		buf_printf(&b, " over %s", r->redirect.https ? "http" : cfg_scheme_text(r->scheme));
	write_conditions(&b, r->headers.items, r->headers.n, " field");
	write_conditions(&b, r->query.items, r->query.n, " parameter");
	struct str text = arena_str(l->tree, buf_str(&b));
	buf_fini(&b);
	return text;
}

/* Where a route without conditions stands that takes a whole prefix of this host, above `priority`; NULL: nowhere. */
static const struct instance *cover_find(struct loader *l, const struct map *covers, struct str host, struct str path,
                                         uint64_t priority) {
	for (size_t n = path.n; n > 0; n--) {
		if (n != path.n && path.p[n] != '/' && path.p[n - 1] != '/')
			continue;
		const struct instance *i = map_get(covers, arena_printf(l->tree, "%.*s %.*s", STR_ARG(host), (int)n, path.p));
		if (i && ((const struct cfg_route *)i->object)->priority > priority)
			return i;
	}
	return NULL;
}

/* A route is never reached when one of a higher priority takes every request that it could: without conditions, a prefix of its
 * path, and its host or one above. */
static void check_cover(struct loader *l, const struct map *covers, const struct instance *i) {
	const struct cfg_route *r = i->object;
	struct str path = r->match == CFG_PATH_MATCH_REGEX ? STR("/") : r->path;
	const struct instance *by = cover_find(l, covers, r->host, path, r->priority);
	for (size_t n = 0; !by && n < r->host.n; n++)
		if (r->host.p[n] == '.' && !(n == 1 && r->host.p[0] == '*'))
			by = cover_find(l, covers, arena_printf(l->tree, "*%.*s", STR_ARG(str_skip(r->host, n))), path,
			                r->priority);
	if (!by)
		by = cover_find(l, covers, STR(""), path, r->priority);
	if (by && by != i)
		fault(l, i, NULL,
		      "is never reached: %.*s at %.*s:%u:%u takes all of its requests first; raise its priority or remove it",
		      STR_ARG(by->path), STR_ARG(by->at.source->name), by->at.line, by->at.column);
}

static void check_routes(struct loader *l) {
	struct map taken = { 0 }, covers = { 0 };
	bool has_priorities = false;
	EACH_OF(i, l, SCHEMA_SECTION_route) {
		const struct cfg_route *r = i->object;
		if (!checks_are_sound(i, "host path match methods headers query clients scheme"))
			continue;
		checks_claim(l, &taken, match_text(l, r), i, NULL, NULL, "route");
		has_priorities = has_priorities || r->priority > 0;
		if (!has_conditions(r) && r->match == CFG_PATH_MATCH_PREFIX)
			map_put(&covers, arena_printf(l->tree, "%.*s %.*s", STR_ARG(r->host), STR_ARG(r->path)),
			        (void *)(uintptr_t)i);
	}
	if (has_priorities)
		EACH_OF(i, l, SCHEMA_SECTION_route)
	if (checks_are_sound(i, "host path match priority"))
		check_cover(l, &covers, i);
	map_fini(&taken);
	map_fini(&covers);
}

/* ---- the table ---- */

static const struct {
	enum schema_section_id section;
	void (*run)(struct loader *l, const struct instance *i);
	const char *reads;
} checks[] = {
	{ SCHEMA_SECTION_route, check_path, "path match" },
	{ SCHEMA_SECTION_route, check_host, "host" },
	{ SCHEMA_SECTION_route, check_methods, "methods" },
	{ SCHEMA_SECTION_route, check_actions, "split" },
	{ SCHEMA_SECTION_route, check_tunnels, "pool split upgrade connect" },
	{ SCHEMA_SECTION_condition, check_condition, "" },
	{ SCHEMA_SECTION_redirect, check_redirect, "status location https" },
	{ SCHEMA_SECTION_answer, check_answer, "status body" },
	{ SCHEMA_SECTION_maintenance, check_maintenance, "status body" },
	{ SCHEMA_SECTION_rewrite, check_rewrite, "strip_prefix path regex replace host" },
	{ SCHEMA_SECTION_field_rules, check_field_rules, "remove set add" },
};

void checks_run_route(struct loader *l, const struct instance *i) {
	if (i->section == SCHEMA_SECTION_root)
		check_routes(l);
	for (size_t k = 0; k < COUNT_OF(checks); k++)
		if (checks[k].section == i->section && checks_are_sound(i, checks[k].reads))
			checks[k].run(l, i);
}
