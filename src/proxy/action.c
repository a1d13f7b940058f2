/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes and transactions: the facts that rules and texts are about, and what comes of them. The decisions themselves are pure and
 * stand in route.c, route_match.c, rewrite.c and rules.c. A plain route to a pool costs nothing here but the look-up.
 */
#include "proxy/action.h"

#include "steerway/base/clock.h"
#include "steerway/base/hash.h"
#include "steerway/base/rand.h"

enum proxy_end action_route(struct txn *t) {
	const struct route_request q = { .host = t->host,
		                         .path = t->path,
		                         .query = t->query,
		                         .method = t->method,
		                         .method_name = t->method_name,
		                         .head = t->head,
		                         .client = &t->session->peer,
		                         .is_tls = t->session->stream.ssl != NULL,
		                         .scratch = t->worker->pattern_scratch };
	bool gave_up;
	t->route = route_table_find(&t->conf->routes, &q, &gave_up);
	return t->route ? PROXY_END_COMPLETE : gave_up ? PROXY_END_ROUTE_LIMIT : PROXY_END_NO_ROUTE;
}

const struct pool_conf *action_pool(const struct txn *t) {
	const struct route *r = t->route;
	if (r->action != ROUTE_SPLIT)
		return r->pool;
	if (r->split_by == CFG_SPLIT_BY_REQUEST)
		return route_split_pick(r, rand_next(rand_thread()));
	/* Seed 0: the same on all nodes, and after a restart. */
	struct addr ip = t->session->peer;
	addr_set_port(&ip, 0);
	return route_split_pick(r, hash_mix(addr_hash(&ip, 0)));
}

/* ---- facts ---- */

struct facts {
	struct variables v;
	char ip[ADDR_TEXT_BYTES], local[ADDR_TEXT_BYTES];
};

/* Of a client that sent no Host: the address that it came to. */
static struct str host_of(const struct txn *t, char local[ADDR_TEXT_BYTES]) {
	if (t->host.n > 0)
		return t->host;
	struct str address = session_local_address(t->session, local);
	while (address.n > 0 && address.p[address.n - 1] != ':')
		address.n--;
	address.n -= address.n > 0;
	return address;
}

static void facts_fill(struct facts *f, const struct txn *t, const struct http_head *h) {
	const SSL *ssl = t->session->stream.ssl;
	memset(&f->v, 0, sizeof(f->v));
	struct str *values = f->v.values;
	f->v.head = h;
	values[CFG_VARIABLE_CLIENT_IP] = addr_format_ip(&t->session->peer, f->ip);
	values[CFG_VARIABLE_HOST] = host_of(t, f->local);
	values[CFG_VARIABLE_PATH] = t->path;
	values[CFG_VARIABLE_QUERY] = t->query;
	values[CFG_VARIABLE_METHOD] = t->method_name;
	values[CFG_VARIABLE_SCHEME] = ssl ? STR("https") : STR("http");
	values[CFG_VARIABLE_TLS_VERSION] = ssl ? str_from(SSL_get_version(ssl)) : STR("");
	values[CFG_VARIABLE_REQUEST_ID] = t->names.request_id;
	values[CFG_VARIABLE_LISTENER] = t->listener->cfg.id;
	values[CFG_VARIABLE_POOL] = t->pool ? t->pool->name : STR("");
	values[CFG_VARIABLE_SERVER] = t->server ? t->server->name : STR("");
	values[CFG_VARIABLE_SITE] = t->server ? t->server->site->name : STR("");
}

static char *reserve(void *txn, size_t n) {
	return txn_reserve(txn, n);
}

static struct rewriting rewriting_of(struct txn *t) {
	return (struct rewriting){ .path = t->path, .reserve = reserve, .arg = t, .scratch = t->worker->pattern_scratch };
}

/* ---- fields ---- */

/* What Connection names is dropped before a rule adds anything: a client must not have a field taken away that the route sets. */
static void connection_settle(struct http_head *h) {
	if (!http_head_has(h, HTTP_FIELD_CONNECTION))
		return;
	http_drop_hop_by_hop(h);
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == HTTP_FIELD_CONNECTION)
			h->fields[i].value = STR("");
}

static void rules_apply(struct txn *t, const struct field_rules *rules, struct http_head *h, const struct variables *v) {
	connection_settle(h);
	txn_widen_head(t, h, rules->n_values);
	field_rules_apply(rules, h, v, txn_reserve(t, field_rules_bound(rules, v)));
}

static bool rewrite(struct txn *t, struct variables *v, struct forward *f) {
	struct rewriting w = rewriting_of(t);
	if (!route_rewrite(t->route, v, &w))
		return false;
	if (w.path.p != t->path.p || w.path.n != t->path.n) {
		char *target = txn_reserve(t, w.path.n + t->query.n);
		memcpy(target, w.path.p, w.path.n);
		if (t->query.n > 0)
			memcpy(target + w.path.n, t->query.p, t->query.n);
		f->target = t->target = str_slice(target, w.path.n + t->query.n);
	}
	if (w.host.n > 0)
		f->host = w.host;
	return true;
}

bool action_forward(struct txn *t, struct forward *f) {
	const struct route *r = t->route;
	if (!r->rewrite && !r->request_rules)
		return true;
	struct facts facts;
	facts_fill(&facts, t, t->head);
	if (r->rewrite && t->path.n > 0 && t->path.p[0] == '/' && !rewrite(t, &facts.v, f))
		return false;
	if (r->request_rules)
		rules_apply(t, r->request_rules, t->head, &facts.v);
	return true;
}

void action_respond(struct txn *t, struct http_head *h) {
	if (!t->route || !t->route->response_rules)
		return;
	struct facts facts;
	facts_fill(&facts, t, h);
	rules_apply(t, t->route->response_rules, h, &facts.v);
}

/* ---- answers of the route's own ---- */

enum { ANSWER_FIELDS = 8 }; /* five of ours, and what others add */

struct own {
	struct http_head head;
	struct http_framing framing;
	struct http_field fields[ANSWER_FIELDS];
	char date[HTTP_DATE_BYTES], length[20], retry_after[20];
};

static struct str decimal(char out[20], uint64_t n) {
	size_t at = 20;
	do
		out[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return str_slice(out + at, 20 - at);
}

static void own_add(struct own *o, enum http_field_id id, const char *name, struct str value) {
	if (value.n > 0)
		http_head_add(&o->head, id, str_from(name), value);
}

static void own_send(struct txn *t, enum proxy_end end, const struct route_answer *a, struct str location) {
	struct own o = { .head = { .status = a->status,
		                   .reason = str_from(http_status_text(a->status)),
		                   .minor = 1,
		                   .cap_fields = ANSWER_FIELDS } };
	bool has_body = a->status != 204 && a->status != 304;
	o.head.fields = o.fields;
	http_format_date(o.date, clock_wall_us() / USEC_PER_SEC);
	own_add(&o, HTTP_FIELD_DATE, "Date", str_slice(o.date, sizeof(o.date)));
	own_add(&o, HTTP_FIELD_LOCATION, "Location", location);
	if (a->retry_after_s > 0)
		own_add(&o, HTTP_FIELD_RETRY_AFTER, "Retry-After", decimal(o.retry_after, a->retry_after_s));
	if (a->body.n > 0)
		own_add(&o, HTTP_FIELD_CONTENT_TYPE, "Content-Type", a->content_type);
	if (has_body)
		own_add(&o, HTTP_FIELD_CONTENT_LENGTH, "Content-Length", decimal(o.length, a->body.n));
	action_respond(t, &o.head);
	bool sends_body = has_body && a->body.n > 0 && t->method != HTTP_METHOD_HEAD;
	o.framing.body = sends_body ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
	o.framing.length = sends_body ? a->body.n : 0;
	txn_answer(t, end, &o.head, &o.framing, sends_body ? a->body : STR_NONE);
}

void action_answer(struct txn *t) {
	const struct route *r = t->route;
	struct str location = STR_NONE;
	if (r->action == ROUTE_REDIRECT) {
		struct facts facts;
		struct rewriting w = rewriting_of(t);
		facts_fill(&facts, t, t->head);
		if (!route_location(r, &facts.v, &w, &location)) {
			txn_fail(t, PROXY_END_ROUTE_LIMIT, 0);
			return;
		}
	}
	own_send(t, r->action == ROUTE_REDIRECT ? PROXY_END_REDIRECTED : PROXY_END_ANSWERED, &r->answer, location);
}

bool action_maintain(struct txn *t) {
	if (!t->route->maintenance)
		return false;
	own_send(t, PROXY_END_MAINTENANCE, t->route->maintenance, STR_NONE);
	return true;
}
