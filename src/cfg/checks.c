/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What no single value shows: keys that contradict each other or would have no effect, names that are taken twice, files that can't
 * be read. Two tables at the end list them all, each with the keys it looks at: when one of those is at fault already the check is
 * skipped, for what follows from a fault is no news.
 */
#include "cfg/checks.h"

#include "cfg/scalar.h"

#include "steerway/base/map.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#define SITES_MAX 64 /* fleet keeps sites as bits of a word */

/* ---- reporting ---- */

void checks_fault(struct loader *l, const struct instance *i, const char *key, const struct place *place, const char *format,
                  ...) {
	char what[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	const struct node *n = key ? node_find(i->node, key) : NULL;
	struct str path = i->path;
	if (key)
		path = arena_printf(l->tree, "%.*s%s%s", STR_ARG(path), path.n ? "." : "", key);
	report_add(l->report, place ? *place : n ? n->at : i->at, path, "%s", what);
}

bool checks_are_sound(const struct instance *i, const char *keys) {
	const struct schema_section *s = schema_section(i->section);
	struct str rest = str_from(keys), key;
	if (i->faulty == UINT64_MAX)
		return false;
	while (str_next(&rest, ' ', &key))
		if (i->faulty >> (schema_find(s, key) - s->rows) & 1)
			return false;
	return true;
}

struct place checks_item_place(const struct instance *i, const char *key, size_t n) {
	const struct node *list = node_find(i->node, key);
	if (!list)
		return i->at;
	const struct node *item = list->kind == NODE_LIST || list->kind == NODE_MAP ? list->first : list;
	while (item && n-- > 0)
		item = item->next;
	return item ? node_place(item) : list->at;
}

const struct instance *checks_next_of(const struct instance *i, enum schema_section_id id) {
	while (i && i->section != id)
		i = i->next;
	return i;
}

void checks_claim(struct loader *l, struct map *taken, struct str name, const struct instance *i, const char *key,
                  const struct place *place, const char *what) {
	name = arena_str(l->tree, name);
	const struct instance *earlier = map_get(taken, name);
	if (!earlier)
		map_put(taken, name, (void *)(uintptr_t)i);
	else
		checks_fault(l, i, key, place, "%s %.*s%s is taken by %.*s at %.*s:%u:%u; change one of them", what,
		             REPORT_VALUE(name), STR_ARG(earlier->path), STR_ARG(earlier->at.source->name), earlier->at.line,
		             earlier->at.column);
}

/* ---- syntax of names ---- */

static bool is_alnum(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool checks_all_of(struct str s, const char *others) {
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && !(s.p[i] && strchr(others, s.p[i])))
			return false;
	return s.n > 0;
}

/* Names that operators type and that logs and metrics carry: "pool/server" must stay one word with one slash. */
static bool id_is_valid(struct str s) {
	return s.n <= 63 && checks_all_of(s, "_.-") && is_alnum(s.p[0]);
}

bool checks_domain_is_valid(struct str s) {
	struct str label;
	if (s.n == 0 || s.n > 253 || s.p[s.n - 1] == '.')
		return false;
	while (str_next(&s, '.', &label))
		if (label.n > 63 || !checks_all_of(label, "-_") || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
	return true;
}

const char *checks_path_fault(struct str s) {
	if (!str_starts(s, STR("/")))
		return "does not begin with /; write it as /path";
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '#')
			return "holds characters that no request path has; percent-encode them";
	return NULL;
}

#define ID_RULE "is no usable name; begin with a letter or digit, use letters, digits, _ . and - only, at most 63"

static void check_id(struct loader *l, const struct instance *i) {
	if (!id_is_valid(*schema_id(i->object)))
		fault(l, i, NULL, ID_RULE);
}

static void check_node_name(struct loader *l, const struct instance *i) {
	if (!id_is_valid(((const struct cfg_node *)i->object)->name))
		fault(l, i, "name", ID_RULE);
}

/* ---- checks ---- */

static struct str msec_text(struct loader *l, uint64_t ms) {
	struct buf b = { 0 };
	scalar_format_msec(ms, &b);
	struct str s = arena_str(l->tree, buf_str(&b));
	buf_fini(&b);
	return s;
}

static void check_intervals(struct loader *l, const struct instance *i) {
	const struct cfg_check *c = i->object;
	const struct {
		const char *key;
		uint64_t ms;
	} bounded[] = { { "timeout", c->timeout_ms }, { "fast_interval", c->fast_interval_ms } };
	for (size_t k = 0; k < COUNT_OF(bounded); k++)
		if (bounded[k].ms > c->interval_ms)
			fault(l, i, bounded[k].key, "%.*s exceeds interval %.*s; lower it or raise interval",
			      STR_ARG(msec_text(l, bounded[k].ms)), STR_ARG(msec_text(l, c->interval_ms)));
}

static void check_request(struct loader *l, const struct instance *i) {
	const struct cfg_check *c = i->object;
	const char *why = checks_path_fault(c->path);
	if (why)
		fault(l, i, "path", "%s", why);
	if (!checks_all_of(c->method, "!#$%&'*+-.^_`|~") || c->method.n > 32)
		fault(l, i, "method", "\"%.*s%s\" is no HTTP method; write one as GET", REPORT_VALUE(c->method));
	if (c->host.n > 0 && !checks_all_of(c->host, "-._:[]"))
		fault(l, i, "host", "\"%.*s%s\" is no host; write a name or address", REPORT_VALUE(c->host));
	if (str_eq(c->method, STR("HEAD")) && (c->expect.body.n > 0 || c->expect.body_regex.n > 0))
		fault(l, i, "method", "an answer to HEAD has no body, but expect looks for one; use GET");
}

static void check_tls_name(struct loader *l, const struct instance *i) {
	const struct cfg_check *c = i->object;
	if (c->type != CFG_CHECK_TYPE_HTTPS)
		return;
	if (c->tls.verify && c->tls.server_name.n == 0)
		fault(l, i, NULL, "type https has no name to verify; add host or tls.server_name, or set tls.verify: false");
	else if (c->tls.server_name.n > 0 && c->tls.is_given && !checks_domain_is_valid(c->tls.server_name))
		fault(l, i, "tls", "server_name \"%.*s%s\" is no host name; write a name without port",
		      REPORT_VALUE(c->tls.server_name));
}

static void check_file(struct loader *l, const struct instance *i, const char *key, struct str path) {
	struct err why;
	if (path.n > 0 && file_check(path.p, &why) < 0)
		fault(l, i, key, "%s; mend the path or its mode", why.text);
}

static void check_ca(struct loader *l, const struct instance *i) {
	check_file(l, i, "ca", ((const struct cfg_check_tls *)i->object)->ca);
}

static void check_listener_tls(struct loader *l, const struct instance *i) {
	check_file(l, i, "ticket_keys", ((const struct cfg_listener_tls *)i->object)->ticket_keys);
}

static void check_listener_client(struct loader *l, const struct instance *i) {
	const struct cfg_listener_client *c = i->object;
	check_file(l, i, "ca", c->ca);
	check_file(l, i, "crl", c->crl);
}

static void check_pool_tls(struct loader *l, const struct instance *i) {
	const struct cfg_pool_tls *t = i->object;
	struct addr ip;
	check_file(l, i, "ca", t->ca);
	check_file(l, i, "certificate", t->certificate);
	if (t->server_name.n > 0 && !checks_domain_is_valid(t->server_name) && !addr_parse_ip(&ip, t->server_name))
		fault(l, i, "server_name", "\"%.*s%s\" is no host name; write a name without port", REPORT_VALUE(t->server_name));
}

/* ---- listeners ---- */

static void check_binds(struct loader *l, const struct instance *root) {
	struct map taken = { 0 };
	char text[ADDR_TEXT_BYTES];
	(void)root;
	EACH_OF(i, l, SCHEMA_SECTION_listener) {
		const struct cfg_listener *it = i->object;
		for (size_t n = 0; checks_are_sound(i, "bind") && n < it->bind.n; n++) {
			struct place place = checks_item_place(i, "bind", n);
			if (addr_port(&it->bind.items[n]) != 0)
				checks_claim(l, &taken, addr_format(&it->bind.items[n], text), i, "bind", &place, "address");
		}
	}
	EACH_OF(i, l, SCHEMA_SECTION_admin_http) {
		const struct cfg_admin_http *it = i->object;
		if (i->node && checks_are_sound(i, "bind") && addr_port(&it->bind) != 0)
			checks_claim(l, &taken, addr_format(&it->bind, text), i, "bind", NULL, "address");
	}
	map_fini(&taken);
}

/* What is served needs a listener, and a listener something to serve. */
static void check_listener_use(struct loader *l, const struct instance *root) {
	const struct cfg_root *r = root->object;
	const struct {
		enum cfg_protocol protocol;
		const char *key;
		size_t n;
	} uses[] = { { CFG_PROTOCOL_HTTP, "routes", r->routes.n }, { CFG_PROTOCOL_DNS, "zones", r->zones.n } };
	EACH_OF(i, l, SCHEMA_SECTION_listener)
	if (!checks_are_sound(i, "protocol"))
		return;
	for (size_t u = 0; u < COUNT_OF(uses); u++) {
		const char *text = cfg_protocol_text(uses[u].protocol);
		bool has_listener = false;
		EACH_OF(i, l, SCHEMA_SECTION_listener) {
			if (((const struct cfg_listener *)i->object)->protocol != uses[u].protocol)
				continue;
			has_listener = true;
			if (uses[u].n == 0)
				fault(l, i, NULL, "has nothing to serve; add %s, or remove it", uses[u].key);
		}
		if (uses[u].n > 0 && !has_listener)
			fault(l, root, uses[u].key, "no listener serves them; add one with protocol: %s, or remove them", text);
	}
}

/* Asked for by name, and switched off as well. */
static void check_alpn(struct loader *l, const struct instance *i) {
	const struct cfg_listener *it = i->object;
	const struct node *tls = node_find(i->node, "tls"), *alpn = tls ? node_find(tls, "alpn") : NULL;
	if (alpn && it->tls.alpn_bits >> CFG_ALPN_H2 & 1 && !it->http2.enabled)
		checks_fault(l, i, "tls", &alpn->at,
		             "alpn offers h2, which http2.enabled: false switches off; remove one of them");
}

/* ---- sites, pools, servers ---- */

static void check_site_count(struct loader *l, const struct instance *root) {
	const struct cfg_root *r = root->object;
	if (r->sites.n > SITES_MAX)
		fault(l, root, "sites", "%zu sites are more than the %d that are supported; remove some", r->sites.n, SITES_MAX);
}

static size_t servers_in(const struct cfg_pool *p, const struct cfg_site *site) {
	size_t n = 0;
	for (size_t i = 0; i < p->servers.n; i++)
		n += p->servers.items[i].site == site;
	return n;
}

bool checks_sites_are_known(const struct cfg_pool *p) {
	return p->servers.n > 0 && servers_in(p, NULL) == 0;
}

bool checks_pool_serves(const struct cfg_pool *p, const struct cfg_site *site) {
	return servers_in(p, site) > 0;
}

uint64_t checks_weights_sum(const struct cfg_weights *w) {
	uint64_t sum = 0;
	for (size_t i = 0; i < w->n; i++)
		sum += w->items[i].weight;
	return sum;
}

static void check_pool(struct loader *l, const struct instance *i) {
	const struct cfg_pool *p = i->object;
	size_t most = 0;
	for (size_t s = 0; s < p->servers.n; s++) {
		size_t n = servers_in(p, p->servers.items[s].site);
		most = n > most ? n : most;
	}
	if (p->min_up > most && checks_sites_are_known(p))
		fault(l, i, "min_up", "%llu exceeds the servers of every site (at most %zu); lower it or add servers",
		      (unsigned long long)p->min_up, most);
	if (p->split.n > 0 && checks_weights_sum(&p->split) == 0)
		fault(l, i, "split", "all weights are 0; give one site at least 1");
}

#define TOKEN_BYTES "!#$%&'*+-.^_`|~" /* beside letters and digits, RFC 9110 5.6.2 */

static void check_hash_name(struct loader *l, const struct instance *i) {
	const struct cfg_pool *p = i->object;
	if (p->balance != CFG_BALANCE_HASH || (p->hash_key != CFG_HASH_KEY_HEADER && p->hash_key != CFG_HASH_KEY_COOKIE))
		return;
	if (p->hash_name.n == 0)
		fault(l, i, "hash_key", "%s needs a name; add hash_name", cfg_hash_key_text(p->hash_key));
	else if (!checks_all_of(p->hash_name, TOKEN_BYTES))
		fault(l, i, "hash_name", "\"%.*s%s\" is no name of a header field or cookie", REPORT_VALUE(p->hash_name));
}

static void check_sticky(struct loader *l, const struct instance *i) {
	const struct cfg_sticky *s = i->object;
	struct err why;
	if (s->by != CFG_STICKY_BY_COOKIE)
		return;
	if (!checks_all_of(s->cookie, TOKEN_BYTES) || s->cookie.n > 64)
		fault(l, i, "cookie", "\"%.*s%s\" is no name of a cookie; use letters, digits, - and _, at most 64",
		      REPORT_VALUE(s->cookie));
	if (s->secret.n == 0)
		fault(l, i, NULL, "by: cookie needs a secret; add secret, or set by: source");
	else if (file_check(s->secret.p, &why) < 0)
		fault(l, i, "secret", "%s; mend the path or its mode", why.text);
}

static void check_server_names(struct loader *l, const struct instance *root) {
	struct map taken = { 0 };
	const struct instance *pool = NULL;
	(void)root;
	EACH_OF(i, l, SCHEMA_SECTION_server) {
		const struct cfg_server *s = i->object;
		if (i->parent != pool)
			map_fini(&taken);
		pool = i->parent;
		if (s->name.n > 0)
			checks_claim(l, &taken, s->name, i, "name", NULL, "name");
	}
	map_fini(&taken);
}

static void check_server_name(struct loader *l, const struct instance *i) {
	if (!id_is_valid(((const struct cfg_server *)i->object)->name))
		fault(l, i, "name", ID_RULE);
}

static void check_server_port(struct loader *l, const struct instance *i) {
	const struct cfg_server *s = i->object;
	if (addr_port(&s->address) == 0)
		fault(l, i, "address", "port 0 can't be connected to; write the server's port");
}

static void check_server_site(struct loader *l, const struct instance *i) {
	const struct cfg_server *s = i->object;
	const struct cfg_pool *p = i->parent->object;
	if (!checks_are_sound(i->parent, "prefer split") || (p->prefer.n == 0 && p->split.n == 0))
		return;
	for (size_t n = 0; n < p->prefer.n; n++)
		if (p->prefer.items[n] == s->site)
			return;
	for (size_t n = 0; n < p->split.n; n++)
		if (p->split.items[n].site == s->site)
			return;
	fault(l, i, "site", "%.*s is not in the pool's %s, so this server would never get traffic; add the site there",
	      STR_ARG(s->site->id), p->prefer.n > 0 ? "prefer" : "split");
}

/* ---- zones and steered names ---- */

static void check_zone_name(struct loader *l, const struct instance *i) {
	if (!checks_domain_is_valid(((const struct cfg_zone *)i->object)->id))
		fault(l, i, NULL, "is no zone name; write it as example.org");
}

static void check_zone_file(struct loader *l, const struct instance *i) {
	const struct cfg_zone *z = i->object;
	struct err why;
	if (file_check(z->file.p, &why) < 0)
		fault(l, i, "file", "%s; mend the path or its mode", why.text);
}

static void check_refresh(struct loader *l, const struct instance *i) {
	const struct cfg_dnssec *d = i->object;
	if (2 * d->refresh_ms > d->validity_ms)
		fault(l, i, "refresh", "%.*s exceeds half of validity %.*s; lower it or raise validity",
		      STR_ARG(msec_text(l, d->refresh_ms)), STR_ARG(msec_text(l, d->validity_ms)));
}

/* Names are compared without case and final dot, so the document could not find these. */
static void check_domain_repeats(struct loader *l, const struct instance *root) {
	static const enum schema_section_id kinds[] = { SCHEMA_SECTION_zone, SCHEMA_SECTION_name };
	(void)root;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		struct map taken = { 0 };
		const struct instance *parent = NULL;
		EACH_OF(i, l, kinds[k]) {
			if (i->parent != parent)
				map_fini(&taken);
			parent = i->parent;
			checks_claim(l, &taken, *schema_id(i->object), i, NULL, NULL, "name");
		}
		map_fini(&taken);
	}
}

/* The first label may be an asterisk: a wildcard (RFC 4592 2.1.1). */
static bool name_is_valid(struct str s) {
	if (str_starts(s, STR("*.")))
		s = str_slice(s.p + 2, s.n - 2);
	return str_eq(s, STR("*")) || checks_domain_is_valid(s);
}

static void check_name(struct loader *l, const struct instance *i) {
	const struct cfg_name *n = i->object;
	const struct cfg_zone *z = i->parent->object;
	struct str zone = arena_printf(l->tree, ".%.*s", STR_ARG(z->id));
	if (str_eq(n->id, STR("@")))
		return;
	if (str_ends(i->node->key, STR(".")) || str_ends(n->id, zone) || str_eq(n->id, z->id)) {
		struct str relative = n->id;
		relative.n -= str_ends(n->id, zone) ? zone.n : 0;
		fault(l, i, NULL, "names are relative to their zone; write \"%.*s\"",
		      STR_ARG(str_eq(n->id, z->id) ? STR("@") : relative));
	} else if (!name_is_valid(n->id) || n->id.n + zone.n > 253) {
		fault(l, i, NULL,
		      "is no usable DNS name; use labels of letters, digits, - and _, the first may be *, or \"@\" for the zone "
		      "itself");
	}
}

/* ---- admin ---- */

static void check_socket_path(struct loader *l, const struct instance *i) {
	const struct cfg_admin_socket *s = i->object;
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (s->path.n > most)
		fault(l, i, "path", "%zu bytes are too long for a UNIX socket (at most %zu); shorten the path", s->path.n, most);
}

/* ---- keys that would have no effect ---- */

static bool listener_is_dns(const struct instance *i) {
	return ((const struct cfg_listener *)i->object)->protocol == CFG_PROTOCOL_DNS;
}
static bool listener_is_clear(const struct instance *i) {
	return !((const struct cfg_listener *)i->parent->object)->tls.is_given;
}
static bool check_is_tcp(const struct instance *i) {
	return ((const struct cfg_check *)i->object)->type == CFG_CHECK_TYPE_TCP;
}
static bool check_is_not_https(const struct instance *i) {
	return ((const struct cfg_check *)i->object)->type != CFG_CHECK_TYPE_HTTPS;
}
static bool listener_is_modern(const struct instance *i) {
	return ((const struct cfg_listener_tls *)i->object)->policy == CFG_TLS_POLICY_MODERN;
}
static bool listener_has_no_tickets(const struct instance *i) {
	return !((const struct cfg_listener_tls *)i->object)->tickets;
}
static bool pool_tls_is_unverified(const struct instance *i) {
	return !((const struct cfg_pool_tls *)i->object)->verify;
}
static bool tls_is_unverified(const struct instance *i) {
	return !((const struct cfg_check_tls *)i->object)->verify;
}
static bool http2_is_off(const struct instance *i) {
	return !((const struct cfg_listener_http2 *)i->object)->enabled;
}
static bool pool_is_http1(const struct instance *i) {
	return ((const struct cfg_pool *)i->object)->protocol == CFG_SERVER_PROTOCOL_HTTP1;
}
static bool pool_of_times_is_http2(const struct instance *i) {
	return checks_are_sound(i->parent, "protocol") && !pool_is_http1(i->parent);
}
static bool queue_has_no_bound(const struct instance *i) {
	const struct cfg_pool *p = i->parent->object;
	bool has_bound = p->max_connections + p->max_requests + p->limits.connections + p->limits.requests > 0;
	for (size_t n = 0; n < p->servers.n; n++)
		has_bound = has_bound || p->servers.items[n].max_connections + p->servers.items[n].max_requests > 0;
	return !has_bound && checks_are_sound(i->parent, "max_connections max_requests limits servers") &&
	       ((const struct cfg_queue *)i->object)->length > 0;
}
static bool expect_has_body(const struct instance *i) {
	return ((const struct cfg_expect *)i->object)->body.n > 0;
}
static bool pool_is_not_hash(const struct instance *i) {
	return ((const struct cfg_pool *)i->object)->balance != CFG_BALANCE_HASH;
}
static bool pool_has_no_prefer(const struct instance *i) {
	return ((const struct cfg_pool *)i->object)->prefer.n == 0;
}
static bool pool_has_prefer(const struct instance *i) {
	return ((const struct cfg_pool *)i->object)->prefer.n > 0;
}
static bool hash_has_no_name(const struct instance *i) {
	const struct cfg_pool *p = i->object;
	return p->balance != CFG_BALANCE_HASH || (p->hash_key != CFG_HASH_KEY_HEADER && p->hash_key != CFG_HASH_KEY_COOKIE);
}
static bool sticky_is_by_source(const struct instance *i) {
	return ((const struct cfg_sticky *)i->object)->by == CFG_STICKY_BY_SOURCE;
}
static bool queue_is_off(const struct instance *i) {
	return ((const struct cfg_queue *)i->object)->length == 0;
}
static bool retries_are_off(const struct instance *i) {
	return ((const struct cfg_retries *)i->object)->attempts == 0;
}
static bool traceparent_passes(const struct instance *i) {
	return ((const struct cfg_tracing *)i->object)->traceparent == CFG_TRACEPARENT_PASS;
}
static bool request_id_is_off(const struct instance *i) {
	return ((const struct cfg_tracing *)i->object)->request_id == CFG_REQUEST_ID_OFF;
}
static bool backoff_is_off(const struct instance *i) {
	return ((const struct cfg_retries *)i->object)->backoff_ms == 0;
}
static bool root_has_user(const struct instance *i) {
	const struct cfg_root *r = i->object;
	return r->user.n > 0 && r->run_as_root;
}

#define DNS_LISTENER "has no effect with protocol: dns; remove it"
#define WITHOUT_RETRIES "has no effect with attempts: 0; remove it"
#define WITHOUT_HTTP2 "has no effect with enabled: false; remove it"
#define NO_TUNNELS "has no effect with protocol: http2, whose servers are asked for no tunnels; remove it"
#define TCP_CHECK "has no effect with type: tcp; remove it, or set type: http"

static const struct {
	enum schema_section_id section;
	const char *key;
	const char *reads; /* keys that is_ignored looks at */
	bool (*is_ignored)(const struct instance *i);
	const char *text;
} ignored[] = {
	{ SCHEMA_SECTION_root, "run_as_root", "user run_as_root", root_has_user, "contradicts user; remove one of them" },
	{ SCHEMA_SECTION_listener, "tls", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "forwarded", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "max_head", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "max_target", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "max_fields", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "max_body", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "timeouts", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "min_rates", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "proxy_protocol", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener, "http2", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_listener_http2, "max_streams", "enabled", http2_is_off, WITHOUT_HTTP2 },
	{ SCHEMA_SECTION_listener_http2, "stream_window", "enabled", http2_is_off, WITHOUT_HTTP2 },
	{ SCHEMA_SECTION_listener_http2, "connection_window", "enabled", http2_is_off, WITHOUT_HTTP2 },
	{ SCHEMA_SECTION_listener_http2, "max_idle_frames", "enabled", http2_is_off, WITHOUT_HTTP2 },
	{ SCHEMA_SECTION_pool, "max_streams", "protocol", pool_is_http1,
	  "has an effect with protocol: http2 only; remove it, or set that" },
	{ SCHEMA_SECTION_pool_timeouts, "tunnel_idle", "", pool_of_times_is_http2, NO_TUNNELS },
	{ SCHEMA_SECTION_pool_timeouts, "tunnel_lifetime", "", pool_of_times_is_http2, NO_TUNNELS },
	{ SCHEMA_SECTION_queue, "length", "length", queue_has_no_bound,
	  "has no effect where nothing is bounded; remove it, or add max_requests, max_connections or limits" },
	{ SCHEMA_SECTION_listener_timeouts, "handshake", "", listener_is_clear, "has no effect without tls; remove it" },
	{ SCHEMA_SECTION_listener_tls, "min_version", "policy", listener_is_modern,
	  "has no effect with policy: modern, which is TLS 1.3 alone; remove it" },
	{ SCHEMA_SECTION_listener_tls, "ticket_keys", "tickets", listener_has_no_tickets,
	  "has no effect with tickets: false; remove one of them" },
	{ SCHEMA_SECTION_pool_tls, "ca", "verify", pool_tls_is_unverified,
	  "has no effect with verify: false; remove one of them" },
	{ SCHEMA_SECTION_check, "method", "type", check_is_tcp, TCP_CHECK },
	{ SCHEMA_SECTION_check, "path", "type", check_is_tcp, TCP_CHECK },
	{ SCHEMA_SECTION_check, "host", "type", check_is_tcp, TCP_CHECK },
	{ SCHEMA_SECTION_check, "expect", "type", check_is_tcp, TCP_CHECK },
	{ SCHEMA_SECTION_check, "tls", "type", check_is_not_https,
	  "has an effect with type: https only; remove it, or set that type" },
	{ SCHEMA_SECTION_check_tls, "ca", "verify", tls_is_unverified, "has no effect with verify: false; remove one of them" },
	{ SCHEMA_SECTION_expect, "body_regex", "body", expect_has_body, "can't stand beside body; keep one of them" },
	{ SCHEMA_SECTION_pool, "hash_key", "balance", pool_is_not_hash,
	  "has an effect with balance: hash only; remove it, or set that" },
	{ SCHEMA_SECTION_pool, "load_factor", "balance", pool_is_not_hash,
	  "has an effect with balance: hash only; remove it, or set that" },
	{ SCHEMA_SECTION_pool, "overprovision", "prefer", pool_has_no_prefer,
	  "has no effect without prefer; remove it, or add that" },
	{ SCHEMA_SECTION_pool, "split", "prefer", pool_has_prefer, "can't stand beside prefer; keep one of them" },
	{ SCHEMA_SECTION_pool, "hash_name", "balance hash_key", hash_has_no_name,
	  "has an effect with balance: hash and hash_key: header or cookie only; remove it, or set those" },
	{ SCHEMA_SECTION_sticky, "cookie", "by", sticky_is_by_source, "has no effect with by: source; remove it" },
	{ SCHEMA_SECTION_sticky, "secret", "by", sticky_is_by_source, "has no effect with by: source; remove it" },
	{ SCHEMA_SECTION_sticky, "ttl", "by", sticky_is_by_source, "has no effect with by: source; remove it" },
	{ SCHEMA_SECTION_queue, "retry_after", "length", queue_is_off, "has no effect without length; remove it, or add that" },
	{ SCHEMA_SECTION_queue, "timeout", "length", queue_is_off, "has no effect without length; remove it, or add that" },
	{ SCHEMA_SECTION_listener, "tracing", "protocol", listener_is_dns, DNS_LISTENER },
	{ SCHEMA_SECTION_tracing, "sampled", "traceparent", traceparent_passes,
	  "has no effect with traceparent: pass; remove it, or set traceparent: create" },
	{ SCHEMA_SECTION_tracing, "return_request_id", "request_id", request_id_is_off,
	  "has no effect with request_id: off; remove it, or set request_id" },
	{ SCHEMA_SECTION_retries, "budget", "attempts", retries_are_off, WITHOUT_RETRIES },
	{ SCHEMA_SECTION_retries, "try_timeout", "attempts", retries_are_off, WITHOUT_RETRIES },
	{ SCHEMA_SECTION_retries, "statuses", "attempts", retries_are_off, WITHOUT_RETRIES },
	{ SCHEMA_SECTION_retries, "backoff", "attempts", retries_are_off, WITHOUT_RETRIES },
	{ SCHEMA_SECTION_retries, "buffer", "attempts", retries_are_off, WITHOUT_RETRIES },
	{ SCHEMA_SECTION_retries, "backoff_max", "backoff", backoff_is_off,
	  "has no effect without backoff; remove it, or add that" },
};

static void check_ignored(struct loader *l, const struct instance *i) {
	for (size_t k = 0; k < COUNT_OF(ignored); k++)
		if (ignored[k].section == i->section && node_find(i->node, ignored[k].key) &&
		    checks_are_sound(i, ignored[k].reads) && ignored[k].is_ignored(i)) {
			struct place place = node_place(node_find(i->node, ignored[k].key));
			checks_fault(l, i, ignored[k].key, &place, "%s", ignored[k].text);
		}
}

static void check_page(struct loader *l, const struct instance *i) {
	const struct cfg_page *p = i->object;
	struct err why;
	const struct {
		const char *key;
		struct str path;
	} files[] = { { "text", p->text }, { "json", p->json }, { "html", p->html } };
	for (size_t k = 0; k < COUNT_OF(files); k++)
		if (files[k].path.n > 0 && file_check(files[k].path.p, &why) < 0)
			fault(l, i, files[k].key, "%s; mend the path or its mode", why.text);
	if (p->text.n + p->json.n + p->html.n == 0)
		fault(l, i, NULL, "has no file; give it text, json or html");
}

static void check_try_timeout(struct loader *l, const struct instance *i) {
	const struct cfg_pool *p = i->object;
	if (p->retries.try_timeout_ms < p->timeouts.response_ms)
		return;
	fault(l, i, "retries", "try_timeout %.*s is not below timeouts.response %.*s; lower it or raise that",
	      STR_ARG(msec_text(l, p->retries.try_timeout_ms)), STR_ARG(msec_text(l, p->timeouts.response_ms)));
}

/* For each section of the kind. Those of the root look through other sections and mind themselves what is at fault there. */
static const struct {
	enum schema_section_id section;
	void (*run)(struct loader *l, const struct instance *i);
	const char *reads;
} checks[] = {
	{ SCHEMA_SECTION_root, check_binds, "" },
	{ SCHEMA_SECTION_root, check_listener_use, "listeners" },
	{ SCHEMA_SECTION_root, check_site_count, "" },
	{ SCHEMA_SECTION_root, check_server_names, "" },
	{ SCHEMA_SECTION_root, check_domain_repeats, "" },
	{ SCHEMA_SECTION_node, check_node_name, "name" },
	{ SCHEMA_SECTION_listener, check_id, "" },
	{ SCHEMA_SECTION_listener, check_alpn, "tls http2" },
	{ SCHEMA_SECTION_site, check_id, "" },
	{ SCHEMA_SECTION_map, check_id, "" },
	{ SCHEMA_SECTION_policy, check_id, "" },
	{ SCHEMA_SECTION_check, check_id, "" },
	{ SCHEMA_SECTION_check, check_intervals, "interval fast_interval timeout" },
	{ SCHEMA_SECTION_check, check_request, "method path host" },
	{ SCHEMA_SECTION_check, check_tls_name, "type host" },
	{ SCHEMA_SECTION_check_tls, check_ca, "ca" },
	{ SCHEMA_SECTION_listener_tls, check_listener_tls, "ticket_keys" },
	{ SCHEMA_SECTION_listener_client, check_listener_client, "ca crl" },
	{ SCHEMA_SECTION_pool_tls, check_pool_tls, "ca certificate server_name" },
	{ SCHEMA_SECTION_pool, check_id, "" },
	{ SCHEMA_SECTION_pool, check_try_timeout, "retries timeouts" },
	{ SCHEMA_SECTION_pool, check_pool, "min_up split servers" },
	{ SCHEMA_SECTION_pool, check_hash_name, "balance hash_key hash_name" },
	{ SCHEMA_SECTION_sticky, check_sticky, "by cookie secret" },
	{ SCHEMA_SECTION_server, check_server_name, "name" },
	{ SCHEMA_SECTION_server, check_server_port, "address" },
	{ SCHEMA_SECTION_server, check_server_site, "site" },
	{ SCHEMA_SECTION_page, check_page, "text json html" },
	{ SCHEMA_SECTION_zone, check_zone_name, "" },
	{ SCHEMA_SECTION_zone, check_zone_file, "file" },
	{ SCHEMA_SECTION_dnssec, check_refresh, "validity refresh" },
	{ SCHEMA_SECTION_name, check_name, "" },
	{ SCHEMA_SECTION_admin_socket, check_socket_path, "path" },
};

void checks_run(struct loader *l) {
	for (const struct instance *i = l->instances; i; i = i->next) {
		/* An absent section has nothing in it that its writer could mend. */
		if (!i->node)
			continue;
		for (size_t k = 0; k < COUNT_OF(checks); k++)
			if (checks[k].section == i->section && checks_are_sound(i, checks[k].reads))
				checks[k].run(l, i);
		check_ignored(l, i);
		checks_run_route(l, i);
		checks_run_policy(l, i);
	}
}
