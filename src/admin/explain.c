/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `explain`: from the probe's bytes to the DNS answer, in the order in which they decide. A word may name several things (a site and
 * a pool of one name): all of them are explained.
 */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

static void say(json_t *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(json_t *why, const char *format, ...) {
	char text[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	json_array_append_new(why, tree_str(str_from(text)));
}

/* What the operator said, at one level; nothing when it is ready. */
static void say_admin(json_t *why, const char *kind, struct str name, enum fleet_admin admin, const struct fleet_drain *d) {
	enum fleet_phase phase = (enum fleet_phase)atomic_load_explicit(&d->phase, memory_order_relaxed);
	if (admin == FLEET_DRAIN)
		say(why, "%s %.*s is being drained by the operator (phase: %s)", kind, STR_ARG(name), fleet_phase_text(phase));
	else if (admin != FLEET_READY)
		say(why, "the operator set %s %.*s to `%s`, which overrides health", kind, STR_ARG(name),
		    fleet_admin_text(admin));
}

static void say_health(json_t *why, const struct fleet_server *s, const struct health_explanation *x) {
	if (x->check == NULL) {
		say(why, "its pool has no check: it counts as up");
		return;
	}
	switch (x->verdict) {
	case FLEET_UP:
		say(why,
		    "check %.*s finds it up: %u successes in a row (rise %u); a further %u failures in a row would take it down",
		    STR_ARG(x->check->id), x->successes, (unsigned)x->check->rise,
		    (unsigned)x->check->fall - x->failures % (unsigned)x->check->fall);
		break;
	case FLEET_DOWN:
		say(why, "check %.*s finds it down: %.*s; %u failures in a row (fall %u), %u of %u successes to come back",
		    STR_ARG(x->check->id), STR_ARG(s->cause), x->failures, (unsigned)x->check->fall, x->successes,
		    (unsigned)x->check->rise);
		break;
	case FLEET_UNKNOWN:
		/* After a reload with another check the verdict of the one before holds until the first vote. */
		if (atomic_load_explicit(&s->verdict, memory_order_relaxed) == FLEET_DOWN)
			say(why, "check %.*s has no verdict yet: it stays down, as found before (%.*s)", STR_ARG(x->check->id),
			    STR_ARG(s->cause));
		else
			say(why, "check %.*s has no verdict yet: it counts as up until there is one", STR_ARG(x->check->id));
		break;
	}
}

static json_t *check_tree(const struct health_explanation *x) {
	uint64_t now = clock_now_us();
	json_t *o = json_object();
	tree_put_str(o, "name", x->check->id);
	tree_put_text(o, "type", cfg_check_type_text(x->check->type));
	tree_put_int(o, "interval_ms", x->check->interval_ms);
	tree_put_int(o, "timeout_ms", x->check->timeout_ms);
	tree_put_int(o, "rise", x->check->rise);
	tree_put_int(o, "fall", x->check->fall);
	tree_put_int(o, "successes_in_a_row", x->successes);
	tree_put_int(o, "failures_in_a_row", x->failures);
	tree_put_int(o, "next_probe_ms", x->next_us > now ? (x->next_us - now) / USEC_PER_MSEC : 0);
	return o;
}

static json_t *probes_tree(const struct health_explanation *x) {
	json_t *rows = json_array();
	for (size_t i = 0; i < x->n_probes; i++) {
		const struct health_probe *p = &x->probes[i];
		char time[LOG_TIME_BYTES];
		log_format_time(time, p->wall_us);
		json_t *o = json_object();
		tree_put_str(o, "time", str_slice(time, LOG_TIME_BYTES));
		tree_put_text(o, "result", !p->has_vote ? "no vote" : p->is_success ? "success" : "failure");
		tree_put_int(o, "took_us", p->duration_us);
		tree_put_str(o, "evidence", str_from(p->evidence));
		json_array_append_new(rows, o);
	}
	return rows;
}

/* Rows about the names that may answer with a site: of one pool, or of all (NULL). */
struct name_search {
	struct admin *admin;
	const struct fleet_site *site; /* NULL: any */
	const struct fleet_pool *pool; /* NULL: any */
	struct str wanted;             /* a name, with or without its last dot; n = 0: any */
	json_t *rows;
};

static bool has_site(const struct gslb_name_state *n, struct str site) {
	for (unsigned i = 0; i < n->n_sites; i++)
		if (str_eq(n->sites[i]->id, site))
			return true;
	return false;
}

static void on_name_of_site(void *arg, const struct gslb_name_state *n) {
	struct name_search *q = arg;
	if (q->pool != NULL && !str_eq(n->cfg->pool->id, q->pool->name))
		return;
	if (q->site != NULL && !has_site(n, q->site->name))
		return;
	json_t *o = admin_name_tree(q->admin, n);
	if (q->site != NULL) {
		tree_put_bool(o, "usable_here", n->usable_sites >> q->site->index & 1);
		tree_put_bool(o, "answers_with_it", n->answered_sites >> q->site->index & 1);
	}
	json_array_append_new(q->rows, o);
}

static json_t *names_of(struct admin *a, const struct fleet_site *site, const struct fleet_pool *pool) {
	struct name_search q = { .admin = a, .site = site, .pool = pool, .rows = json_array() };
	gslb_each_name(a->house.gslb, on_name_of_site, &q);
	return q.rows;
}

static json_t *server_explain(struct admin *a, struct fleet_server *s) {
	struct health_explanation x;
	json_t *o = admin_server_tree(a, s), *why = json_array();
	health_explain(a->house.health, s, &x);
	tree_put_int(o, "epoch", fleet_epoch(a->house.fleet));
	say_admin(why, "server", s->name, s->admin, &s->drain);
	say_admin(why, "pool", s->pool->name, s->pool->admin, &s->pool->drain);
	say_admin(why, "site", s->site->name, s->site->admin, &s->site->drain);
	say_health(why, s, &x);
	say(why, "%s",
	    atomic_load_explicit(&s->takes_requests, memory_order_relaxed) ? "so it takes requests"
	                                                                   : "so it takes no new requests");
	json_object_set_new(o, "why", why);
	if (x.check != NULL) {
		json_object_set_new(o, "check", check_tree(&x));
		json_object_set_new(o, "probes", probes_tree(&x));
	}
	json_object_set_new(o, "dns", names_of(a, s->site, s->pool));
	return o;
}

/* Why DNS may (not) hand out a site for a pool. */
static void say_site_in_pool(json_t *why, const struct fleet_site *site, struct fleet_pool *p) {
	uint64_t n = 0, taking = 0;
	LIST_EACH(it, &p->servers)
		if (SERVER_OF(it)->site == site) {
			n++;
			taking += atomic_load_explicit(&SERVER_OF(it)->takes_requests, memory_order_relaxed);
		}
	if (n == 0)
		return;
	const char *so = "so the site is not usable for it";
	if (p->usable_sites >> site->index & 1)
		so = "so the site is usable for it";
	else if (taking >= p->cfg->min_up)
		so = "but the operator took the site out of DNS, so it is not usable for it";
	say(why, "pool %.*s: %u of %u servers of site %.*s take requests (min_up %u), %s", STR_ARG(p->name), (unsigned)taking,
	    (unsigned)n, STR_ARG(site->name), (unsigned)p->cfg->min_up, so);
}

static json_t *servers_where(struct admin *a, const struct fleet_site *site, const struct fleet_pool *pool) {
	json_t *rows = json_array();
	LIST_EACH(p, fleet_pools(a->house.fleet))
		LIST_EACH(it, &POOL_OF(p)->servers)
			if ((site == NULL || SERVER_OF(it)->site == site) && (pool == NULL || POOL_OF(p) == pool))
				json_array_append_new(rows, admin_server_tree(a, SERVER_OF(it)));
	return rows;
}

static json_t *site_explain(struct admin *a, struct fleet_site *s) {
	json_t *o = admin_site_tree(a, s), *why = json_array();
	tree_put_int(o, "epoch", fleet_epoch(a->house.fleet));
	say_admin(why, "site", s->name, s->admin, &s->drain);
	LIST_EACH(it, fleet_pools(a->house.fleet))
		say_site_in_pool(why, s, POOL_OF(it));
	json_object_set_new(o, "why", why);
	json_object_set_new(o, "servers_here", servers_where(a, s, NULL));
	json_object_set_new(o, "dns", names_of(a, s, NULL));
	return o;
}

static json_t *pool_explain(struct admin *a, struct fleet_pool *p) {
	json_t *o = admin_pool_tree(a, p), *why = json_array();
	tree_put_int(o, "epoch", fleet_epoch(a->house.fleet));
	say_admin(why, "pool", p->name, p->admin, &p->drain);
	LIST_EACH(it, fleet_sites(a->house.fleet)) {
		say_admin(why, "site", SITE_OF(it)->name, SITE_OF(it)->admin, &SITE_OF(it)->drain);
		say_site_in_pool(why, SITE_OF(it), p);
	}
	json_object_set_new(o, "why", why);
	json_object_set_new(o, "members", servers_where(a, NULL, p));
	json_object_set_new(o, "dns", names_of(a, NULL, p));
	return o;
}

static void say_answer(json_t *why, struct admin *a, const struct gslb_name_state *n) {
	for (unsigned i = 0; i < n->n_sites; i++) {
		struct fleet_site *site = fleet_site_find(a->house.fleet, n->sites[i]->id);
		struct fleet_pool *pool = fleet_pool_find(a->house.fleet, n->cfg->pool->id);
		if (site == NULL || pool == NULL)
			continue;
		say_admin(why, "site", site->name, site->admin, &site->drain);
		say_site_in_pool(why, site, pool);
	}
	if (n->is_all_down)
		say(why, "no site is usable: `all_down: %s` decides", cfg_all_down_text(n->cfg->all_down));
	say(why, "policy %.*s", STR_ARG(n->policy));
	if (n->cfg->order == CFG_ORDER_ROTATE)
		say(why, "order rotate: each reply begins with another one of its addresses");
	if (n->n_classes > 1)
		say(why, "clients fall into %u classes; `resolve %.*s --client` tells what one gets", n->n_classes,
		    STR_ARG(n->name));
	say(why, "TTL %u s, of %u..%u: shorter while a site is not usable, or may soon not be", n->ttl_s, n->cfg->ttl.min_s,
	    n->cfg->ttl.max_s);
}

static bool name_is(struct str name, struct str wanted) {
	if (wanted.n > 0 && wanted.p[wanted.n - 1] != '.' && name.n > 0)
		name.n--;
	return str_eq_nocase(name, wanted);
}

static void on_name_wanted(void *arg, const struct gslb_name_state *n) {
	struct name_search *q = arg;
	if (!name_is(n->name, q->wanted))
		return;
	json_t *o = admin_name_tree(q->admin, n), *why = json_array(), *sites = json_array();
	tree_put_int(o, "epoch", fleet_epoch(q->admin->house.fleet));
	tree_put_str(o, "zone", n->zone);
	say_answer(why, q->admin, n);
	for (unsigned i = 0; i < n->n_sites; i++) {
		struct fleet_site *s = fleet_site_find(q->admin->house.fleet, n->sites[i]->id);
		if (s == NULL)
			continue;
		json_t *row = admin_site_tree(q->admin, s);
		tree_put_bool(row, "usable", n->usable_sites >> s->index & 1);
		tree_put_bool(row, "answered", n->answered_sites >> s->index & 1);
		json_array_append_new(sites, row);
	}
	json_object_set_new(o, "why", why);
	json_object_set_new(o, "sites", sites);
	json_array_append_new(q->rows, o);
}

/* One thing is the answer itself; several stand under their kinds. */
static void found_add(json_t *found, const char *kind, json_t *what) {
	json_t *o = json_object();
	tree_put_text(o, "kind", kind);
	json_object_update(o, what);
	json_decref(what);
	json_object_set_new(found, kind, o);
}

int cmd_explain(struct admin_call *c) {
	struct admin *a = c->admin;
	struct fleet_server *server = fleet_server_find(a->house.fleet, c->target);
	struct fleet_site *site = fleet_site_find(a->house.fleet, c->target);
	struct fleet_pool *pool = fleet_pool_find(a->house.fleet, c->target);
	struct name_search q = { .admin = a, .wanted = c->target, .rows = json_array() };
	json_t *found = json_object();
	if (server != NULL)
		found_add(found, "server", server_explain(a, server));
	if (site != NULL)
		found_add(found, "site", site_explain(a, site));
	if (pool != NULL)
		found_add(found, "pool", pool_explain(a, pool));
	gslb_each_name(a->house.gslb, on_name_wanted, &q);
	if (json_array_size(q.rows) > 0)
		found_add(found, "name", json_incref(json_array_get(q.rows, 0)));
	json_decref(q.rows);
	if (json_object_size(found) == 1)
		c->answer = json_incref(json_object_iter_value(json_object_iter(found)));
	else if (json_object_size(found) > 1)
		c->answer = json_incref(found);
	json_decref(found);
	if (c->answer == NULL)
		return err_set(
		    &c->err,
		    "there is no server (pool/server), site, pool or steered name `%.*s`; see `show servers`, `show names`",
		    STR_ARG(c->target));
	return 0;
}
