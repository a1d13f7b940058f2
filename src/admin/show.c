/* SPDX-License-Identifier: BSD-2-Clause */
/* The `show` commands: what fleet, proxy, gslb and health say, as trees. They change nothing. */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <stdio.h>

void admin_server_load(const struct admin *a, const struct fleet_server *s, struct admin_load *out) {
	unsigned n = a->house.workers ? workers_count(a->house.workers) : 1;
	*out = (struct admin_load){ 0 };
	for (unsigned i = 0; i < n; i++) {
		const struct fleet_slot *slot = &s->slots[i];
		out->active += atomic_load_explicit(&slot->active, memory_order_relaxed);
		out->open += atomic_load_explicit(&slot->open, memory_order_relaxed);
		out->requests += atomic_load_explicit(&slot->requests, memory_order_relaxed);
		out->failures += atomic_load_explicit(&slot->failures, memory_order_relaxed);
		out->retries += atomic_load_explicit(&slot->retries, memory_order_relaxed);
	}
}

json_t *admin_sites_in(struct admin *a, uint64_t mask) {
	json_t *names = json_array();
	LIST_EACH(it, fleet_sites(a->house.fleet))
		if (mask >> SITE_OF(it)->index & 1)
			json_array_append_new(names, tree_str(SITE_OF(it)->name));
	return names;
}

void tree_put_server_name(json_t *object, const char *key, const struct fleet_server *s) {
	struct buf name = { 0 };
	buf_printf(&name, "%.*s/%.*s", STR_ARG(s->pool->name), STR_ARG(s->name));
	tree_put_str(object, key, buf_str(&name));
	buf_fini(&name);
}

static void put_phase(json_t *o, const struct fleet_drain *d) {
	enum fleet_phase phase = (enum fleet_phase)atomic_load_explicit(&d->phase, memory_order_relaxed);
	tree_put_text(o, "phase", phase == FLEET_PHASE_NONE ? NULL : fleet_phase_text(phase));
}

static void put_left(json_t *o, const char *key, uint64_t until_us) {
	uint64_t now = clock_now_us();
	json_object_set_new(o, key, until_us > now ? json_integer((json_int_t)((until_us - now) / USEC_PER_SEC)) : json_null());
}

/* Counts the servers of a site (or of all sites: NULL) in one pool. */
static void servers_count(struct fleet_pool *p, const struct fleet_site *site, uint64_t *n, uint64_t *taking) {
	LIST_EACH(it, &p->servers) {
		struct fleet_server *s = SERVER_OF(it);
		if (site != NULL && s->site != site)
			continue;
		++*n;
		*taking += atomic_load_explicit(&s->takes_requests, memory_order_relaxed);
	}
}

json_t *admin_site_tree(struct admin *a, struct fleet_site *s) {
	struct fleet *f = a->house.fleet;
	struct fleet_target t = { .kind = FLEET_SITE, .site = s };
	uint64_t n = 0, taking = 0;
	LIST_EACH(it, fleet_pools(f))
		servers_count(POOL_OF(it), s, &n, &taking);
	json_t *o = json_object(), *addresses = json_array();
	tree_put_str(o, "name", s->name);
	tree_put_text(o, "role", cfg_site_role_text(s->cfg->role));
	tree_put_text(o, "admin", fleet_admin_text(s->admin));
	put_phase(o, &s->drain);
	tree_put_int(o, "servers", n);
	tree_put_int(o, "in_service", taking);
	tree_put_int(o, "active", fleet_active(f, t));
	tree_put_int(o, "rps", fleet_rate(f, t));
	json_object_set_new(o, "capacity_rps",
	                    s->cfg->capacity_rps ? json_integer((json_int_t)s->cfg->capacity_rps) : json_null());
	/* Caches may hold this site's addresses for so long. */
	put_left(o, "cached_s", atomic_load_explicit(&s->answered_until_us, memory_order_relaxed));
	for (size_t i = 0; i < s->cfg->addresses.n; i++) {
		char text[ADDR_TEXT_BYTES];
		json_array_append_new(addresses, tree_str(addr_format_ip(&s->cfg->addresses.items[i], text)));
	}
	json_object_set_new(o, "addresses", addresses);
	return o;
}

json_t *admin_pool_tree(struct admin *a, struct fleet_pool *p) {
	struct fleet *f = a->house.fleet;
	struct fleet_target t = { .kind = FLEET_POOL, .pool = p };
	uint64_t n = 0, taking = 0;
	servers_count(p, NULL, &n, &taking);
	json_t *o = json_object();
	tree_put_str(o, "name", p->name);
	tree_put_text(o, "balance", cfg_balance_text(p->cfg->balance));
	tree_put_str(o, "check", p->cfg->check ? p->cfg->check->id : STR_NONE);
	tree_put_text(o, "admin", fleet_admin_text(p->admin));
	put_phase(o, &p->drain);
	tree_put_int(o, "servers", n);
	tree_put_int(o, "in_service", taking);
	json_object_set_new(o, "usable_sites", admin_sites_in(a, p->usable_sites));
	tree_put_bool(o, "panic", p->is_panicking);
	tree_put_int(o, "active", fleet_active(f, t));
	tree_put_int(o, "waiting", fleet_waiting(p));
	tree_put_int(o, "rps", fleet_rate(f, t));
	return o;
}

/* Of its weight: below 100 % while it ramps up. */
static void put_share(json_t *o, const struct fleet_server *s) {
	char text[8];
	snprintf(text, sizeof(text), "%u%%", fleet_ramp_percent(s));
	tree_put_text(o, "share", text);
}

json_t *admin_server_tree(struct admin *a, struct fleet_server *s) {
	char address[ADDR_TEXT_BYTES];
	struct admin_load load;
	admin_server_load(a, s, &load);
	json_t *o = json_object();
	tree_put_server_name(o, "name", s);
	tree_put_str(o, "site", s->site->name);
	tree_put_str(o, "address", addr_format(&s->address, address));
	tree_put_text(o, "verdict",
	              fleet_verdict_text((enum fleet_verdict)atomic_load_explicit(&s->verdict, memory_order_relaxed)));
	tree_put_text(o, "admin", fleet_admin_text(s->admin));
	put_phase(o, &s->drain);
	tree_put_bool(o, "in_service", atomic_load_explicit(&s->takes_requests, memory_order_relaxed));
	tree_put_int(o, "weight", s->weight);
	put_share(o, s);
	tree_put_int(o, "active", load.active);
	tree_put_int(o, "connections", load.open);
	tree_put_int(o, "requests", load.requests);
	tree_put_int(o, "failures", load.failures);
	json_object_set_new(o, "since_s",
	                    s->changed_us ? json_integer((json_int_t)((clock_now_us() - s->changed_us) / USEC_PER_SEC))
	                                  : json_null());
	tree_put_str(o, "cause", s->cause);
	return o;
}

json_t *admin_name_tree(struct admin *a, const struct gslb_name_state *n) {
	json_t *o = json_object();
	tree_put_str(o, "name", n->name);
	tree_put_text(o, "policy", cfg_policy_kind_text(n->cfg->use ? n->cfg->use->policy : n->cfg->policy));
	tree_put_str(o, "pool", n->cfg->pool->id);
	json_object_set_new(o, "answers", admin_sites_in(a, n->answered_sites));
	json_object_set_new(o, "usable", admin_sites_in(a, n->usable_sites));
	tree_put_int(o, "ttl_s", n->ttl_s);
	tree_put_bool(o, "all_down", n->is_all_down);
	return o;
}

int cmd_show_sites(struct admin_call *c) {
	c->answer = json_array();
	LIST_EACH(it, fleet_sites(c->admin->house.fleet))
		json_array_append_new(c->answer, admin_site_tree(c->admin, SITE_OF(it)));
	return 0;
}

int cmd_show_pools(struct admin_call *c) {
	c->answer = json_array();
	LIST_EACH(it, fleet_pools(c->admin->house.fleet))
		json_array_append_new(c->answer, admin_pool_tree(c->admin, POOL_OF(it)));
	return 0;
}

int cmd_show_servers(struct admin_call *c) {
	struct fleet *f = c->admin->house.fleet;
	const struct str *pool = admin_option(c, "--pool"), *site = admin_option(c, "--site");
	if (pool != NULL && fleet_pool_find(f, *pool) == NULL)
		return err_set(&c->err, "there is no pool `%.*s`; see `show pools`", STR_ARG(*pool));
	if (site != NULL && fleet_site_find(f, *site) == NULL)
		return err_set(&c->err, "there is no site `%.*s`; see `show sites`", STR_ARG(*site));
	c->answer = json_array();
	LIST_EACH(p, fleet_pools(f)) {
		if (pool != NULL && !str_eq(POOL_OF(p)->name, *pool))
			continue;
		LIST_EACH(it, &POOL_OF(p)->servers)
			if (site == NULL || str_eq(SERVER_OF(it)->site->name, *site))
				json_array_append_new(c->answer, admin_server_tree(c->admin, SERVER_OF(it)));
	}
	return 0;
}

static void on_listener(void *arg, const struct proxy_listener_state *l) {
	char address[ADDR_TEXT_BYTES];
	json_t *o = json_object();
	tree_put_str(o, "name", l->name);
	tree_put_str(o, "address", addr_format(&l->address, address));
	tree_put_text(o, "protocol", l->is_tls ? "https" : "http");
	tree_put_int(o, "connections", l->connections);
	tree_put_int(o, "max_connections", l->max_connections);
	json_array_append_new(arg, o);
}

int cmd_show_listeners(struct admin_call *c) {
	const struct cfg_root *root = c->admin->house.config(c->admin->house.arg);
	c->answer = json_array();
	proxy_each_listener(c->admin->house.proxy, on_listener, c->answer);
	for (size_t i = 0; i < root->listeners.n; i++) {
		const struct cfg_listener *l = &root->listeners.items[i];
		for (size_t k = 0; l->protocol == CFG_PROTOCOL_DNS && k < l->bind.n; k++) {
			char address[ADDR_TEXT_BYTES];
			json_t *o = json_object();
			tree_put_str(o, "name", l->id);
			tree_put_str(o, "address", addr_format(&l->bind.items[k], address));
			tree_put_text(o, "protocol", "dns");
			tree_put_text(o, "connections", NULL);
			tree_put_text(o, "max_connections", NULL);
			json_array_append_new(c->answer, o);
		}
	}
	return 0;
}

static void on_zone(void *arg, const struct gslb_zone_state *z) {
	json_t *o = json_object();
	tree_put_str(o, "name", z->name);
	tree_put_int(o, "serial", z->serial);
	tree_put_int(o, "static_rrsets", z->n_rrsets);
	tree_put_int(o, "steered_names", z->n_steered);
	tree_put_text(o, "fault", z->fault);
	json_array_append_new(arg, o);
}

int cmd_show_zones(struct admin_call *c) {
	c->answer = json_array();
	gslb_each_zone(c->admin->house.gslb, on_zone, c->answer);
	return 0;
}

static void on_name(void *arg, const struct gslb_name_state *n) {
	struct admin_call *c = arg;
	json_array_append_new(c->answer, admin_name_tree(c->admin, n));
}

int cmd_show_names(struct admin_call *c) {
	c->answer = json_array();
	gslb_each_name(c->admin->house.gslb, on_name, c);
	return 0;
}

/* One row of `show drains`. steerctl --wait reads it: keep kind, name, phase and active. */
static void drain_add(struct admin_call *c, struct fleet_target t, enum fleet_admin admin, const struct fleet_drain *d) {
	static const char *const kinds[] = { [FLEET_SITE] = "site", [FLEET_POOL] = "pool", [FLEET_SERVER] = "server" };
	if (admin != FLEET_DRAIN)
		return;
	json_t *o = json_object();
	tree_put_text(o, "kind", kinds[t.kind]);
	if (t.kind == FLEET_SERVER)
		tree_put_server_name(o, "name", t.server);
	else
		tree_put_str(o, "name", t.kind == FLEET_SITE ? t.site->name : t.pool->name);
	put_phase(o, d);
	tree_put_int(o, "active", fleet_active(c->admin->house.fleet, t));
	tree_put_int(o, "since_s", (clock_now_us() - d->started_us) / USEC_PER_SEC);
	put_left(o, "phase_left_s", d->phase_until_us);
	json_array_append_new(c->answer, o);
}

int cmd_show_drains(struct admin_call *c) {
	struct fleet *f = c->admin->house.fleet;
	c->answer = json_array();
	LIST_EACH(it, fleet_sites(f))
		drain_add(c, (struct fleet_target){ .kind = FLEET_SITE, .site = SITE_OF(it) }, SITE_OF(it)->admin,
		          &SITE_OF(it)->drain);
	LIST_EACH(it, fleet_pools(f)) {
		struct fleet_pool *p = POOL_OF(it);
		drain_add(c, (struct fleet_target){ .kind = FLEET_POOL, .pool = p }, p->admin, &p->drain);
		LIST_EACH(s, &p->servers)
			drain_add(c, (struct fleet_target){ .kind = FLEET_SERVER, .server = SERVER_OF(s) }, SERVER_OF(s)->admin,
			          &SERVER_OF(s)->drain);
	}
	return 0;
}

#define EVENTS_DEFAULT 20
int cmd_show_events(struct admin_call *c) {
	const struct str *last = admin_option(c, "--last");
	uint64_t n = EVENTS_DEFAULT, have = 0;
	if (last != NULL && (!str_to_u64(*last, &n) || n == 0))
		return err_set(&c->err, "--last takes a number of events, not `%.*s`", STR_ARG(*last));
	while (have < n && health_journal(c->admin->house.health, (size_t)have) != NULL)
		have++;
	c->answer = json_array();
	while (have > 0) {
		const struct health_change *h = health_journal(c->admin->house.health, (size_t)--have);
		char time[LOG_TIME_BYTES];
		log_format_time(time, h->wall_us);
		json_t *o = json_object();
		tree_put_str(o, "time", str_slice(time, LOG_TIME_BYTES));
		tree_put_int(o, "epoch", h->epoch);
		tree_put_str(o, "server", str_from(h->server));
		tree_put_text(o, "from", fleet_verdict_text(h->from));
		tree_put_text(o, "to", fleet_verdict_text(h->to));
		tree_put_str(o, "cause", str_from(h->cause));
		json_array_append_new(c->answer, o);
	}
	return 0;
}

static void stat_add(json_t *rows, const char *prefix, const char *name, json_int_t value, const char *help) {
	struct buf full = { 0 };
	json_t *o = json_object();
	buf_printf(&full, "%s%s", prefix, name);
	tree_put_str(o, "name", buf_str(&full));
	json_object_set_new(o, "value", json_integer(value));
	tree_put_text(o, "help", help);
	json_array_append_new(rows, o);
	buf_fini(&full);
}

int cmd_show_stats(struct admin_call *c) {
	c->answer = json_array();
	stat_add(c->answer, "", "fleet_epoch", (json_int_t)fleet_epoch(c->admin->house.fleet),
	         "Number of the published health snapshot.");
	for (int m = 0; m < METRIC_COUNT; m++)
		stat_add(c->answer, "", metric_name((enum metric)m), metric_sum((enum metric)m), metric_help((enum metric)m));
	for (int e = 0; e < PROXY_END_COUNT; e++)
		stat_add(c->answer, "proxy_ends_", proxy_end_name((enum proxy_end)e),
		         (json_int_t)proxy_end_count(c->admin->house.proxy, (enum proxy_end)e),
		         proxy_end_text((enum proxy_end)e));
	return 0;
}
