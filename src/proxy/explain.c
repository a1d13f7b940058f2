/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would happen to a request, for `explain route`: it is put into bytes and goes through the same parser, table and rules as any
 * other, so that the explanation can't differ from the deed. Control thread.
 */
#include "proxy/private.h"

#include <stdio.h>

enum { CANDIDATES_MAX = 1024, FIELDS_MAX = 128, HEAD_BYTES = 64 * 1024 };

struct asked {
	struct buf bytes;
	struct http_head head;
	struct http_field fields[FIELDS_MAX + 64]; /* room for what rules add */
	struct http_target target;
	struct str host, path;
	struct addr client;
	struct arena arena;
	struct pattern_scratch *scratch;
};

static int asked_read(struct asked *a, const struct proxy_question *q, struct err *e) {
	static const struct h1_limits limits = { HEAD_BYTES, HEAD_BYTES };
	size_t scanned = 0, used = 0;
	uint16_t port;
	enum http_method method = http_method_lookup(q->method);
	if (http_target_parse(q->url, method, &a->target) != HTTP_FAULT_NONE || a->target.form != HTTP_TARGET_ABSOLUTE)
		return err_set(e, "\"%.*s\" is no URL; write it as https://app.example.org/path?query", STR_ARG(q->url));
	buf_printf(&a->bytes, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n", STR_ARG(q->method), STR_ARG(q->url),
	           STR_ARG(a->target.authority));
	for (size_t i = 0; i < q->n_fields; i++)
		buf_printf(&a->bytes, "%.*s\r\n", STR_ARG(q->fields[i]));
	buf_add(&a->bytes, STR("\r\n"));
	a->head = (struct http_head){ .fields = a->fields, .cap_fields = FIELDS_MAX };
	struct str bytes = buf_str(&a->bytes);
	enum parse p = h1_request_parse(&a->head, bytes, &limits, &scanned, &used);
	if (p != PARSE_DONE || used != bytes.n)
		return err_set(e, "the request is malformed: %s",
		               p == PARSE_BAD ? http_fault_text(a->head.fault) : "not one head");
	a->head.cap_fields = (uint16_t)(sizeof(a->fields) / sizeof(a->fields[0]));
	http_target_parse(a->head.target, method, &a->target);
	http_authority_parse(a->target.authority, &a->host, &port);
	if (http_path_normalize(a->target.path, arena_alloc(&a->arena, a->target.path.n), &a->path) != HTTP_FAULT_NONE)
		return err_set(e, "a request with this path is refused: %s", http_fault_text(HTTP_FAULT_PATH_BAD));
	return addr_parse_ip(&a->client, q->client) ? 0 : err_set(e, "\"%.*s\" is no IP address", STR_ARG(q->client));
}

/* ---- candidates ---- */

static void condition_text(char *out, size_t n, const char *what, const struct condition *c) {
	static const char *const lacks[] = { [CONDITION_PRESENT] = "is not there",
		                             [CONDITION_ABSENT] = "is there",
		                             [CONDITION_EXACT] = "is not",
		                             [CONDITION_PREFIX] = "does not begin with",
		                             [CONDITION_REGEX] = "does not match" };
	snprintf(out, n, "%s %.*s %s%s%.*s", what, STR_ARG(c->name), lacks[c->kind], c->text.n > 0 ? " " : "", STR_ARG(c->text));
}

static void miss_text(char *out, size_t n, enum route_miss miss, const struct route_request *q, const struct condition *at) {
	char ip[ADDR_TEXT_BYTES];
	switch (miss) {
	case ROUTE_MATCHES:
		snprintf(out, n, "takes it");
		break;
	case ROUTE_MISS_PATH:
		snprintf(out, n, "the path does not match");
		break;
	case ROUTE_MISS_SCHEME:
		snprintf(out, n, "the request comes %s", q->is_tls ? "over TLS" : "in clear text");
		break;
	case ROUTE_MISS_METHOD:
		snprintf(out, n, "method %.*s is not among its methods", STR_ARG(q->method_name));
		break;
	case ROUTE_MISS_CLIENT:
		snprintf(out, n, "client %s is in none of its networks", addr_format_ip(q->client, ip).p);
		break;
	case ROUTE_MISS_FIELD:
		condition_text(out, n, "field", at);
		break;
	case ROUTE_MISS_QUERY:
		condition_text(out, n, "parameter", at);
		break;
	case ROUTE_GAVE_UP:
		snprintf(out, n, "a regular expression takes too long: the request is refused");
		break;
	}
}

/* All candidates to `out`; returns the one that takes the request, or NULL. */
static const struct route *candidates_tell(const struct route_table *t, const struct route_request *q, struct arena *arena,
                                           const struct proxy_explained *out) {
	static const char *const kinds[] = {
		[ROUTE_PATH_EXACT] = "exactly ", [ROUTE_PATH_REGEX] = "regex ", [ROUTE_PATH_PREFIX] = ""
	};
	const struct route **list = arena_alloc(arena, CANDIDATES_MAX * sizeof(*list)), *taken = NULL;
	size_t n = route_table_candidates(t, q, list, CANDIDATES_MAX);
	bool is_over = false;
	for (size_t i = 0; i < n; i++) {
		const struct route *r = list[i];
		const struct condition *at;
		char name[32], place[256], path[512], why[512] = "not looked at: an earlier one decides";
		enum route_miss miss = is_over ? ROUTE_MISS_PATH : route_match(r, q, &at);
		if (!is_over)
			miss_text(why, sizeof(why), miss, q, at);
		taken = miss == ROUTE_MATCHES ? r : taken;
		is_over = is_over || miss == ROUTE_MATCHES || miss == ROUTE_GAVE_UP;
		snprintf(name, sizeof(name), "routes[%u]", r->index);
		snprintf(place, sizeof(place), "%.*s:%u:%u", STR_ARG(r->mark.file), r->mark.line, r->mark.column);
		snprintf(path, sizeof(path), "%s%.*s", kinds[r->path_kind], STR_ARG(r->path));
		out->candidate(out->arg, &(struct proxy_candidate){ .name = name,
		                                                    .place = place,
		                                                    .host = r->host.n > 0 ? r->host.p : "any",
		                                                    .path = path,
		                                                    .priority = r->priority,
		                                                    .is_taken = taken == r,
		                                                    .why = why });
	}
	return taken;
}

/* ---- what the one that takes it does ---- */

static char *reserve(void *arena, size_t n) {
	return arena_alloc(arena, n + 1);
}

static void tell(const struct proxy_explained *out, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void tell(const struct proxy_explained *out, const char *what, const char *format, ...) {
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	out->effect(out->arg, what, text);
}

static void rules_tell(const struct field_rules *rules, const char *what, const struct variables *v, struct arena *arena,
                       const struct proxy_explained *out) {
	static const char *const kinds[] = { [FIELD_REMOVE] = "remove", [FIELD_SET] = "set", [FIELD_ADD] = "add" };
	for (size_t i = 0; rules && i < rules->n; i++) {
		const struct field_rule *r = &rules->items[i];
		struct str value = template_render(reserve(arena, template_bound(&r->value, v)), &r->value, v, TEMPLATE_FIELD);
		if (r->kind == FIELD_REMOVE)
			tell(out, what, "remove %.*s", STR_ARG(r->name));
		else
			tell(out, what, value.n > 0 ? "%s %.*s: %.*s" : "%s %.*s, but its value is empty: left out%.*s",
			     kinds[r->kind], STR_ARG(r->name), STR_ARG(value));
	}
}

static void pools_tell(const struct route *r, const struct proxy_explained *out) {
	uint64_t before = 0;
	if (r->action == ROUTE_POOL)
		tell(out, "pool", "%.*s", STR_ARG(r->pool->name));
	for (size_t i = 0; i < r->n_shares; i++) {
		tell(out, "pool", "%.*s, for %llu of %llu %ss", STR_ARG(r->shares[i].pool->name),
		     (unsigned long long)(r->shares[i].up_to - before), (unsigned long long)r->shares[r->n_shares - 1].up_to,
		     cfg_split_by_text(r->split_by));
		before = r->shares[i].up_to;
	}
	if (r->maintenance)
		tell(out, "without a usable server", "answer %u", r->maintenance->status);
}

static void own_answer_tell(const struct route *r, struct variables *v, struct rewriting *w, const struct proxy_explained *out) {
	struct str location;
	tell(out, "answer", "%u %s", r->answer.status, http_status_text(r->answer.status));
	if (r->action == ROUTE_REDIRECT && route_location(r, v, w, &location))
		tell(out, "location", "%.*s", STR_ARG(location));
	if (r->answer.body.n > 0)
		tell(out, "body", "%zu bytes of %.*s", r->answer.body.n, STR_ARG(r->answer.content_type));
}

static void effects_tell(const struct route *r, struct asked *a, const struct route_request *q,
                         const struct proxy_explained *out) {
	char ip[ADDR_TEXT_BYTES];
	struct variables v = { .head = &a->head };
	struct rewriting w = { .path = a->path, .reserve = reserve, .arg = &a->arena, .scratch = a->scratch };
	v.values[CFG_VARIABLE_CLIENT_IP] = addr_format_ip(&a->client, ip);
	v.values[CFG_VARIABLE_HOST] = a->host;
	v.values[CFG_VARIABLE_PATH] = a->path;
	v.values[CFG_VARIABLE_QUERY] = a->target.query;
	v.values[CFG_VARIABLE_METHOD] = q->method_name;
	v.values[CFG_VARIABLE_SCHEME] = q->is_tls ? STR("https") : STR("http");
	/* What is known only when the request is there. */
	v.values[CFG_VARIABLE_REQUEST_ID] = STR("(request_id)");
	v.values[CFG_VARIABLE_LISTENER] = STR("(listener)");
	v.values[CFG_VARIABLE_TLS_VERSION] = q->is_tls ? STR("(tls_version)") : STR("");
	v.values[CFG_VARIABLE_POOL] = r->pool ? r->pool->name : STR("(pool)");
	v.values[CFG_VARIABLE_SERVER] = STR("(server)");
	v.values[CFG_VARIABLE_SITE] = STR("(site)");
	if (r->action == ROUTE_POOL || r->action == ROUTE_SPLIT) {
		pools_tell(r, out);
		if (r->rewrite && !route_rewrite(r, &v, &w)) {
			tell(out, "answer", "500: the rewriting leaves no path or host that may be sent on");
			return;
		}
		tell(out, "target", "%.*s%.*s", STR_ARG(w.path), STR_ARG(a->target.query));
		tell(out, "host", "%.*s", STR_ARG(w.host.n > 0 ? w.host : a->target.authority));
		rules_tell(r->request_rules, "request field", &v, &a->arena, out);
	} else {
		own_answer_tell(r, &v, &w, out);
	}
	v.head = NULL; /* fields of a response that is not there */
	rules_tell(r->response_rules, "response field", &v, &a->arena, out);
}

int proxy_explain_route(struct proxy *p, const struct proxy_question *question, const struct proxy_explained *out,
                        struct err *e) {
	const struct conf *c = conf_here(p);
	struct asked a = { 0 };
	arena_init(&a.arena, 16 * 1024);
	a.scratch = pattern_scratch_create();
	int status = asked_read(&a, question, e);
	if (status == 0) {
		const struct route_request q = { .host = a.host,
			                         .path = a.path,
			                         .query = a.target.query,
			                         .method = a.head.method,
			                         .method_name = a.head.method_name,
			                         .head = &a.head,
			                         .client = &a.client,
			                         .is_tls = str_eq_nocase(a.target.scheme, STR("https")),
			                         .scratch = a.scratch };
		const struct route *r = candidates_tell(&c->routes, &q, &a.arena, out);
		if (r)
			effects_tell(r, &a, &q, out);
	}
	pattern_scratch_destroy(a.scratch);
	buf_fini(&a.bytes);
	arena_fini(&a.arena);
	return status;
}
