/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The responder's life: reload in two steps, following fleet, and what it says about itself. A plan owns the new zones and the
 * new sockets until its commit; the old zones go after a grace period.
 */
#include "gslb/dnssec.h"
#include "gslb/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/metric.h"

#include <sys/random.h>
#include <urcu/urcu-memb.h>

static struct settings *settings_now(const struct gslb *g) {
	return atomic_load_explicit(&g->settings, memory_order_relaxed);
}

static void on_publish(struct fleet_subscriber *s) {
	struct gslb *g = CONTAINER_OF(s, struct gslb, subscriber);
	if (zones_now(g))
		steer_refresh(zones_now(g), g->fleet, g->render);
}

static void on_acme_expire(struct deadline *d) {
	struct gslb *g = CONTAINER_OF(d, struct gslb, acme.expiry);
	acme_expire(&g->acme, zones_now(g));
}

struct gslb *gslb_create(struct fleet *f, struct workers *w, struct err *e) {
	struct gslb *g = mem_zalloc(sizeof(*g));
	struct cfg_root nothing = { .dns = { .max_udp = DNS_EDNS_BYTES } };
	g->n_workers = w ? workers_count(w) : 1;
	if (getrandom(g->cookie_secret, sizeof(g->cookie_secret), 0) != sizeof(g->cookie_secret)) {
		err_errno(e, "getrandom");
		mem_free(g);
		return NULL;
	}
	g->counts = mem_zalloc_lines(g->n_workers * sizeof(*g->counts));
	/* Until the first commit. */
	atomic_init(&g->settings, settings_create(&nothing, g, e));
	g->fleet = f;
	g->workers = w;
	g->render = mem_zalloc(sizeof(*g->render));
	acme_init(&g->acme, g->render, fleet_control(f), on_acme_expire);
	latency_init(g, fleet_control(f));
	g->resign = resign_create(g, NULL, e);
	list_init(&g->endpoints);
	g->subscriber.on_publish = on_publish;
	fleet_subscribe(f, &g->subscriber);
	return g;
}

static void endpoints_end(struct list *endpoints, bool do_serve) {
	LIST_EACH(it, endpoints) {
		struct endpoint *n = CONTAINER_OF(it, struct endpoint, link);
		list_remove(it);
		if (do_serve)
			endpoint_stop(n);
		endpoint_destroy(n);
	}
}

void gslb_destroy(struct gslb *g) {
	if (!g)
		return;
	fleet_unsubscribe(&g->subscriber);
	file_watch_destroy(g->watch);
	resign_destroy(g->resign);
	endpoints_end(&g->endpoints, true);
	acme_fini(&g->acme);
	deadline_fini(&g->latency_due);
	latency_fini(&g->latency);
	zones_destroy(zones_now(g));
	settings_destroy(settings_now(g));
	mem_free(g->counts);
	mem_free(g->render);
	metric_add(METRIC_gslb_zones_kept, -(int64_t)g->n_zones_kept);
	mem_free(g);
}

/* ---- reload ---- */

struct gslb_plan {
	struct gslb *gslb;
	const struct cfg_root *cfg;
	struct zones *zones;
	struct settings *settings;
	struct list endpoints; /* new ones */
	struct {
		struct endpoint *endpoint;
		const struct cfg_listener *cfg;
	} * kept;
	size_t n_kept;
};

static struct endpoint *endpoint_find(struct list *endpoints, const struct addr *at) {
	LIST_EACH(it, endpoints)
		if (addr_eq(&CONTAINER_OF(it, struct endpoint, link)->at, at))
			return CONTAINER_OF(it, struct endpoint, link);
	return NULL;
}

static int plan_address(struct gslb_plan *p, const struct cfg_listener *cfg, const struct addr *at, struct err *e) {
	char text[ADDR_TEXT_BYTES];
	struct endpoint *old = endpoint_find(&p->gslb->endpoints, at);
	if ((old && old->is_kept) || endpoint_find(&p->endpoints, at)) /* SO_REUSEPORT would let it through */
		return err_set(e, "%.*s stands twice; remove one", STR_ARG(addr_format(at, text)));
	if (old) {
		old->is_kept = true;
		p->kept = mem_realloc_array(p->kept, p->n_kept + 1, sizeof(*p->kept));
		p->kept[p->n_kept].endpoint = old;
		p->kept[p->n_kept++].cfg = cfg;
		return 0;
	}
	struct endpoint *n = endpoint_create(p->gslb, at, cfg, e);
	if (!n)
		return -1;
	list_append(&p->endpoints, &n->link);
	return 0;
}

static int plan_endpoints(struct gslb_plan *p, const struct cfg_root *cfg, struct err *e) {
	LIST_EACH(it, &p->gslb->endpoints)
		CONTAINER_OF(it, struct endpoint, link)->is_kept = false;
	for (size_t i = 0; i < cfg->listeners.n; i++) {
		const struct cfg_listener *l = &cfg->listeners.items[i];
		for (size_t j = 0; l->protocol == CFG_PROTOCOL_DNS && j < l->bind.n; j++)
			if (plan_address(p, l, &l->bind.items[j], e) < 0)
				return err_context(e, "listeners.%.*s", STR_ARG(l->id));
	}
	return 0;
}

struct gslb_plan *gslb_prepare(struct gslb *g, const struct cfg_root *cfg, struct err *e) {
	struct gslb_plan *p = mem_zalloc(sizeof(*p));
	p->gslb = g;
	p->cfg = cfg;
	resign_cancel(g->resign);
	list_init(&p->endpoints);
	p->settings = settings_create(cfg, g, e);
	p->zones = p->settings ? zones_create(cfg, zones_now(g), &g->latency, e) : NULL;
	if (p->zones && (!g->workers || plan_endpoints(p, cfg, e) == 0))
		return p;
	gslb_discard(p);
	return NULL;
}

void gslb_discard(struct gslb_plan *p) {
	if (!p)
		return;
	resign_schedule(p->gslb->resign);
	endpoints_end(&p->endpoints, false);
	zones_destroy(p->zones);
	settings_destroy(p->settings);
	mem_free(p->kept);
	mem_free(p);
}

static void commit_endpoints(struct gslb_plan *p) {
	struct gslb *g = p->gslb;
	struct list gone;
	list_init(&gone);
	LIST_EACH(it, &g->endpoints)
		if (!CONTAINER_OF(it, struct endpoint, link)->is_kept) {
			list_remove(it);
			list_append(&gone, it);
		}
	for (size_t i = 0; i < p->n_kept; i++)
		endpoint_configure(p->kept[i].endpoint, p->kept[i].cfg);
	LIST_EACH(it, &p->endpoints) {
		list_remove(it);
		list_append(&g->endpoints, it);
		endpoint_start(CONTAINER_OF(it, struct endpoint, link));
	}
	endpoints_end(&gone, true);
}

void gslb_count_kept(struct gslb *g, const struct zones *zs) {
	unsigned n = 0;
	for (const struct zone *z = zs->first; z; z = z->next)
		n += z->fault != NULL;
	metric_add(METRIC_gslb_zones_kept, (int64_t)n - (int64_t)g->n_zones_kept);
	g->n_zones_kept = n;
}

/* Loud: who changed the file has to know that it is not served. */
static void tell_kept(struct gslb *g, const struct zones *zs) {
	for (const struct zone *z = zs->first; z; z = z->next)
		if (z->fault) {
			metric_add(METRIC_gslb_zone_faults_total, 1);
			log_error("zone_kept", LOG_STR("zone", z->text), LOG_U64("serial", z->serial), LOG_CSTR("why", z->fault));
		}
	gslb_count_kept(g, zs);
}

void gslb_commit(struct gslb_plan *p) {
	struct gslb *g = p->gslb;
	struct zones *old = zones_now(g);
	struct settings *old_settings = settings_now(g);
	g->cfg = p->cfg;
	latency_forget(&g->latency, p->cfg);
	steer_inherit(p->zones, old);
	steer_refresh(p->zones, g->fleet, g->render);
	acme_publish(&g->acme, p->zones);
	atomic_store_explicit(&g->zones, p->zones, memory_order_release);
	atomic_store_explicit(&g->settings, p->settings, memory_order_release);
	commit_endpoints(p);
	tell_kept(g, p->zones);
	if (g->watch)
		file_watch_set(g->watch, map_files(p->zones->cfg));
	urcu_memb_synchronize_rcu();
	counts_forget_sites(g); /* nobody counts for them any more */
	zones_destroy(old);
	settings_destroy(old_settings);
	resign_schedule(g->resign);
	mem_free(p->kept);
	mem_free(p);
}

/* ---- signed zones ---- */

int gslb_keep_signed(struct gslb *g, struct loop *control, struct err *e) {
	struct resign *s = resign_create(g, control, e);
	if (!s)
		return -1;
	resign_destroy(g->resign);
	g->resign = s;
	resign_schedule(s);
	return 0;
}

static struct zone *zone_named(const struct gslb *g, struct str zone) {
	const struct zones *zs = zones_now(g);
	for (struct zone *z = zs ? zs->first : NULL; z; z = z->next)
		if (str_eq_nocase(z->cfg->id, zone) && z->is_signed)
			return z;
	return NULL;
}

int gslb_sign_zone(struct gslb *g, struct str zone, struct err *e) {
	struct zone *z = zone_named(g, zone);
	if (!z)
		return err_set(e, "zone %.*s is not signed now; give it `dnssec` in the configuration, and reload",
		               STR_ARG(zone));
	return resign_zone(g->resign, z, e);
}

void gslb_each_key(struct gslb *g, void (*each)(void *arg, struct str zone, const struct key_info *k), void *arg) {
	const struct zones *zs = zones_now(g);
	int64_t now = (int64_t)(clock_wall_us() / USEC_PER_SEC);
	for (const struct zone *z = zs ? zs->first : NULL; z; z = z->next)
		for (size_t i = 0; z->is_signed && i < signer_keys(z->signer)->n; i++) {
			struct key_info info;
			key_info_fill(&info, signer_keys(z->signer), i, now);
			each(arg, z->text, &info);
		}
}

static uint32_t zone_longest_ttl(const struct zone *z) {
	uint32_t longest = z->negative_ttl;
	for (const struct node *n = z->first; n; n = n->next)
		for (const struct rrset *s = n->sets; s; s = s->next)
			longest = s->ttl > longest ? s->ttl : longest;
	for (const struct steered *s = z->steered; s; s = s->next)
		longest = s->cfg->ttl.max_s > longest ? s->cfg->ttl.max_s : longest;
	return longest;
}

static void signing_fill(struct gslb_signing *out, const struct zone *z) {
	const struct keys *k = signer_keys(z->signer);
	*out = (struct gslb_signing){ .zone = z->text,
		                      .first_end_s = signer_first_end(z->signer),
		                      .next_s = zone_sign_at(z),
		                      .ttls = { .dnskey_s = z->soa->ttl, .zone_s = zone_longest_ttl(z) } };
	for (size_t i = 0; i < k->n; i++)
		out->has_zsk |= keys_role(k, i, signer_began(z->signer)) == KEY_SIGNS_ZONE;
}

void gslb_each_signing(struct gslb *g, void (*each)(void *arg, const struct gslb_signing *s), void *arg) {
	const struct zones *zs = zones_now(g);
	for (const struct zone *z = zs ? zs->first : NULL; z; z = z->next) {
		struct gslb_signing s;
		if (!z->is_signed)
			continue;
		signing_fill(&s, z);
		each(arg, &s);
	}
}

bool gslb_signing_find(struct gslb *g, struct str zone, struct gslb_signing *out) {
	const struct zone *z = zone_named(g, zone);
	if (z)
		signing_fill(out, z);
	return z != NULL;
}

/* ---- what it answers, and why ---- */

/* How the choice comes about for a client of whom no map knows anything: 0.0.0.0/8 is nobody's. */
static void say_policy(const struct steered *s, struct buf *out) {
	struct client_net nobody = { .n_bits = 32 };
	uint8_t scope;
	unsigned class = s->policy->map ? client_map_find(s->policy->map, &nobody, &scope) : 0;
	policy_explain(s->policy, s->usable, s->last[class], class, out);
}

static void tell_name(const struct steered *s, void (*each)(void *arg, const struct gslb_name_state *n), void *arg) {
	const struct steered_set *set = atomic_load_explicit(&s->current, memory_order_relaxed);
	struct buf policy = { 0 };
	say_policy(s, &policy);
	struct gslb_name_state state = { .name = s->text,
		                         .zone = s->zone->text,
		                         .cfg = s->cfg,
		                         .sites = s->policy->sites,
		                         .n_sites = s->policy->n_sites,
		                         .n_classes = s->policy->n_classes,
		                         .policy = buf_str(&policy),
		                         .usable_sites = steered_mask(s, s->usable),
		                         .answered_sites = steered_mask(s, s->answered),
		                         .ttl_s = steered_ttl(s, set, clock_now_us()),
		                         .is_all_down = s->is_all_down };
	each(arg, &state);
	buf_fini(&policy);
}

void gslb_each_name(struct gslb *g, void (*each)(void *arg, const struct gslb_name_state *n), void *arg) {
	struct zones *zs = zones_now(g);
	for (struct zone *z = zs ? zs->first : NULL; z; z = z->next)
		for (struct steered *s = z->steered; s; s = s->next)
			tell_name(s, each, arg);
}

void gslb_each_zone(struct gslb *g, void (*each)(void *arg, const struct gslb_zone_state *z), void *arg) {
	struct zones *zs = zones_now(g);
	for (struct zone *z = zs ? zs->first : NULL; z; z = z->next) {
		struct gslb_zone_state state = { .name = z->text,
			                         .serial = z->serial,
			                         .n_rrsets = z->n_rrsets,
			                         .n_steered = z->n_steered,
			                         .fault = z->fault };
		each(arg, &state);
	}
}

/* ---- ACME ---- */

int gslb_acme_set(struct gslb *g, struct str name, const struct acme_record *r, struct err *e) {
	return acme_set(&g->acme, zones_now(g), name, r, e);
}

int gslb_acme_clear(struct gslb *g, struct str name, struct str text, struct err *e) {
	return acme_clear(&g->acme, zones_now(g), name, text, e);
}

void gslb_each_acme(struct gslb *g, void (*each)(void *arg, const struct acme_record *r), void *arg) {
	acme_each(&g->acme, each, arg);
}
