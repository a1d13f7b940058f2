/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of routes against a slow reference: every route looked at, its conditions spelled out, the best by the documented order.
 * The bytes choose routes from small vocabularies, so that hosts, prefixes and conditions meet, then requests.
 */
#include "http_fuzz.h"

#include "proxy/private.h"

enum { ROUTES_MAX = 16, ASKED_MAX = 32 };

static const char *const hosts[] = { "", "a", "*.a", "b.a", "*.b.a", "x.b.a", "*.x.b.a", "c" };
static const char *const asked_hosts[] = { "", "a", "b.a", "x.b.a", "y.x.b.a", "A", "z.a", "c", "q.c", "d" };
static const char *const paths[] = { "/", "/a", "/a/", "/a/b", "/b", "/a/b/c", "/ab", "/a//b" };
static const char *const asked_paths[] = { "/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/a/b/c/d", "/c", "/a//b", "/a//b/", "*" };
static const char *const patterns[] = { "/a.*", "/[ab]/b", "/.*c", "/" };
static const char *const methods[] = { "GET", "POST", "BREW" };
static const char *const values[] = { "1", "12", "x" };
static const char *const queries[] = { "", "?", "?v=1", "?v=12&w", "?w=%31&v=x", "?%76=1", "?v" };

struct input {
	const uint8_t *p;
	size_t n;
};

static unsigned take(struct input *in, unsigned bound) {
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++ % bound;
}
#define PICK(in, list) (list)[take(in, sizeof(list) / sizeof((list)[0]))]

struct spec {
	struct cfg_route cfg;
	struct str method;
	struct cfg_condition field, parameter;
	struct addr_net net;
};

static void condition_take(struct input *in, struct cfg_condition *c, const char *name) {
	*c = (struct cfg_condition){ .id = str_from(name), .present = true };
	unsigned kind = take(in, 5);
	struct str value = str_from(PICK(in, values));
	if (kind == 1)
		c->present = false;
	else if (kind == 2)
		c->exact = value;
	else if (kind == 3)
		c->prefix = value;
	else if (kind == 4)
		c->regex = STR("[0-9]+");
}

static void route_take(struct input *in, struct spec *s, struct cfg_pool *pool) {
	*s = (struct spec){ .cfg = { .pool = pool, .mark = { .file = STR("t"), .line = 1, .column = 1 } } };
	struct cfg_route *r = &s->cfg;
	r->host = str_from(PICK(in, hosts));
	unsigned match = take(in, 16); /* expressions are dear to compile: few */
	r->match = match == 0 ? CFG_PATH_MATCH_REGEX : match % 2 ? CFG_PATH_MATCH_PREFIX : CFG_PATH_MATCH_EXACT;
	r->path = str_from(r->match == CFG_PATH_MATCH_REGEX ? PICK(in, patterns) : PICK(in, paths));
	r->priority = take(in, 8) == 0 ? take(in, 3) : 0;
	unsigned bits = take(in, 32);
	if (bits & 1) {
		s->method = str_from(PICK(in, methods));
		r->methods.items = &s->method;
		r->methods.n = 1;
	}
	if (bits & 2) {
		condition_take(in, &s->field, take(in, 2) ? "X-V" : "accept");
		r->headers.items = &s->field;
		r->headers.n = 1;
	}
	if (bits & 4) {
		condition_take(in, &s->parameter, take(in, 2) ? "v" : "w");
		r->query.items = &s->parameter;
		r->query.n = 1;
	}
	if (bits & 8) {
		addr_net_parse(&s->net, take(in, 2) ? STR("10.0.0.0/8") : STR("2001:db8::/32"));
		r->clients.items = &s->net;
		r->clients.n = 1;
	}
	if (bits & 16)
		r->scheme = take(in, 2) ? CFG_SCHEME_HTTP : CFG_SCHEME_HTTPS;
}

/* ---- the reference ---- */

static bool digits(struct str s) {
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static bool value_fits(const struct cfg_condition *c, struct str v) {
	return c->exact.n ? str_eq(v, c->exact) : c->prefix.n ? str_starts(v, c->prefix) : c->regex.n ? digits(v) : true;
}

static bool pattern_fits(struct str pattern, struct str path) {
	if (str_eq(pattern, STR("/")))
		return str_eq(path, STR("/"));
	if (str_eq(pattern, STR("/a.*")))
		return str_starts(path, STR("/a"));
	if (str_eq(pattern, STR("/.*c")))
		return str_starts(path, STR("/")) && path.n > 1 && str_ends(path, STR("c"));
	return str_eq(path, STR("/a/b")) || str_eq(path, STR("/b/b"));
}

static bool host_fits(struct str have, struct str asked) {
	if (have.n == 0)
		return true;
	if (have.p[0] != '*')
		return str_eq_nocase(have, asked);
	return asked.n > have.n - 1 && str_eq_nocase(str_skip(have, 1), str_skip(asked, asked.n - (have.n - 1)));
}

static bool path_fits(const struct cfg_route *r, struct str path) {
	if (r->match == CFG_PATH_MATCH_REGEX)
		return pattern_fits(r->path, path);
	if (path.p[0] != '/')
		path = STR("/");
	if (r->match == CFG_PATH_MATCH_EXACT)
		return str_eq(path, r->path);
	return str_starts(path, r->path) && (path.n == r->path.n || path.p[r->path.n] == '/' || r->path.p[r->path.n - 1] == '/');
}

/* The values of the parameters, decoded: those that the vocabulary has. */
static bool parameter_fits(const struct cfg_condition *c, struct str query) {
	static const struct {
		const char *query, *name, *value;
	} has[] = { { "?v=1", "v", "1" },       { "?v=12&w", "v", "12" }, { "?v=12&w", "w", "" }, { "?w=%31&v=x", "w", "1" },
		    { "?w=%31&v=x", "v", "x" }, { "?%76=1", "v", "1" },   { "?v", "v", "" } };
	bool found = false;
	for (size_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
		found = found || (str_eq(query, str_from(has[i].query)) && str_eq(c->id, str_from(has[i].name)) &&
		                  value_fits(c, str_from(has[i].value)));
	return c->present ? found : !found;
}

static bool field_fits(const struct cfg_condition *c, const struct http_head *h) {
	bool found = false;
	for (unsigned i = 0; i < h->n_fields; i++)
		found = found || (str_eq_nocase(h->fields[i].name, c->id) && value_fits(c, h->fields[i].value));
	return c->present ? found : !found;
}

static bool fits(const struct cfg_route *r, const struct route_request *q) {
	return host_fits(r->host, q->host) && path_fits(r, q->path) &&
	       (r->methods.n == 0 || str_eq(r->methods.items[0], q->method_name)) &&
	       (r->headers.n == 0 || field_fits(&r->headers.items[0], q->head)) &&
	       (r->query.n == 0 || parameter_fits(&r->query.items[0], q->query)) &&
	       (r->clients.n == 0 || addr_net_has(&r->clients.items[0], q->client)) &&
	       (r->scheme == CFG_SCHEME_ANY || (r->scheme == CFG_SCHEME_HTTPS) == q->is_tls);
}

/* The documented order, as one number a key: the larger first. */
static uint64_t order_key(const struct cfg_route *r) {
	uint64_t host = r->host.n == 0 ? 0 : r->host.p[0] == '*' ? r->host.n : 200;
	uint64_t kind = r->match == CFG_PATH_MATCH_EXACT ? 2 : r->match == CFG_PATH_MATCH_REGEX ? 1 : 0;
	uint64_t length = r->match == CFG_PATH_MATCH_PREFIX ? r->path.n : 0;
	uint64_t conditions = r->methods.n + r->headers.n + r->query.n + r->clients.n + (r->scheme != CFG_SCHEME_ANY);
	return r->priority << 40 | host << 24 | kind << 16 | length << 8 | conditions;
}

static int reference(const struct cfg_route *routes, size_t n, const struct route_request *q) {
	int best = -1;
	for (size_t i = 0; i < n; i++)
		if (fits(&routes[i], q) && (best < 0 || order_key(&routes[i]) > order_key(&routes[best])))
			best = (int)i;
	return best;
}

/* ---- */

static const struct pool_conf *no_pool(void *arg, const struct cfg_pool *p) {
	(void)p;
	return arg;
}

static void ask(struct input *in, const struct route_table *t, const struct cfg_root *root, struct pattern_scratch *scratch) {
	struct http_field fields[3];
	struct http_head h = { .fields = fields, .cap_fields = 3 };
	struct addr client;
	for (unsigned n = take(in, 3); n > 0; n--)
		if (take(in, 2))
			http_head_add(&h, HTTP_FIELD_ACCEPT, STR("Accept"), str_from(PICK(in, values)));
		else
			http_head_add(&h, HTTP_FIELD_OTHER, STR("x-v"), str_from(PICK(in, values)));
	addr_parse_ip(&client, take(in, 2) ? STR("10.1.2.3") : STR("2001:db8::1"));
	struct str method = str_from(PICK(in, methods));
	struct route_request q = { .host = str_from(PICK(in, asked_hosts)),
		                   .path = str_from(PICK(in, asked_paths)),
		                   .query = str_from(PICK(in, queries)),
		                   .method = http_method_lookup(method),
		                   .method_name = method,
		                   .head = &h,
		                   .client = &client,
		                   .is_tls = take(in, 2),
		                   .scratch = scratch };
	bool gave_up;
	const struct route *found = route_table_find(t, &q, &gave_up), *list[ROUTES_MAX], *first = NULL;
	MUST(!gave_up);
	MUST((found ? (int)found->index : -1) == reference(root->routes.items, root->routes.n, &q));
	/* The candidates that are explained are in the order of deciding, and lead to the same. */
	size_t n = route_table_candidates(t, &q, list, ROUTES_MAX);
	const struct condition *at;
	for (size_t i = 0; i < n; i++) {
		MUST(i == 0 || list[i - 1]->rank < list[i]->rank);
		if (!first && route_match(list[i], &q, &at) == ROUTE_MATCHES)
			first = list[i];
	}
	MUST(first == found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	struct input in = { data, n };
	static struct spec specs[ROUTES_MAX];
	static struct cfg_route routes[ROUTES_MAX];
	static struct pattern_scratch *scratch;
	struct cfg_pool pool = { .id = STR("p") };
	struct pool_conf compiled = { .name = STR("p") };
	struct cfg_root root = { .routes = { routes, 0 } };
	struct arena arena;
	struct route_table t;
	struct err e;
	if (!scratch)
		scratch = pattern_scratch_create();
	for (root.routes.n = take(&in, ROUTES_MAX); in.n > 0 && root.routes.n > 0;) {
		size_t count = root.routes.n;
		for (size_t i = 0; i < count; i++) {
			route_take(&in, &specs[i], &pool);
			routes[i] = specs[i].cfg;
		}
		break;
	}
	if (in.n == 0)
		return 0;
	arena_init(&arena, 16384);
	MUST(route_table_init(&t, &arena, &root, no_pool, &compiled, &e) == 0);
	for (unsigned i = 0; i < ASKED_MAX && in.n > 0; i++)
		ask(&in, &t, &root, scratch);
	route_table_fini(&t);
	arena_fini(&arena);
	return 0;
}
