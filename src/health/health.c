/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room's front door: reloads in two steps, and what fleet asks of health. Prepare compiles every check (regular expressions,
 * authorities) and touches nothing else; commit can't fail: it walks fleet's servers, keeps targets of the same identity with all
 * that they know, starts new ones and ends those that no server goes by any more.
 */
#include "health/target.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"

struct health_plan {
	struct health *health;
	struct check **checks; /* of each configured check one for every version of the PROXY protocol; NULL: no pool needs it */
	size_t n_checks;
	struct map by_name;
};

/* ---- from fleet ---- */

static void on_suspect(void *arg, struct fleet_server *s) {
	struct subscription *sub = subscription_find(arg, &s);
	if (sub != NULL)
		target_suspect(sub->target);
}

static void on_forget(void *arg, struct fleet_server *s) {
	struct subscription *sub = subscription_find(arg, &s);
	if (sub != NULL)
		subscription_destroy(arg, sub);
}

/* ---- reload ---- */

_Static_assert(CFG_PROXY_PROTOCOL_OFF == 0 && CFG_PROXY_PROTOCOL_V1 == 1 && CFG_PROXY_PROTOCOL_V2 == 2, "values are versions");
enum { PROXY_VERSIONS = 3 };

static bool is_variant_used(const struct cfg_root *cfg, const struct cfg_check *check, unsigned version) {
	for (size_t i = 0; i < cfg->pools.n; i++)
		if (cfg->pools.items[i].check == check && (unsigned)cfg->pools.items[i].proxy_protocol == version)
			return true;
	return false;
}

struct health_plan *health_prepare(struct health *h, const struct cfg_root *cfg, struct err *e) {
	struct health_plan *p = mem_zalloc(sizeof *p);
	p->health = h;
	p->n_checks = cfg->checks.n * PROXY_VERSIONS;
	p->checks = mem_zalloc_array(p->n_checks, sizeof *p->checks);
	for (size_t i = 0; i < p->n_checks; i++) {
		const struct cfg_check *check = &cfg->checks.items[i / PROXY_VERSIONS];
		unsigned version = (unsigned)(i % PROXY_VERSIONS);
		if (version == 0)
			map_put(&p->by_name, check->id, &p->checks[i]);
		else if (!is_variant_used(cfg, check, version))
			continue;
		p->checks[i] = check_create(h->find_kind(check->type), check, e);
		if (p->checks[i] == NULL) {
			health_discard(p);
			return NULL;
		}
		check_set_proxy_version(p->checks[i], version);
	}
	return p;
}

void health_discard(struct health_plan *p) {
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_checks; i++)
		check_release(p->checks[i]);
	mem_free(p->checks);
	map_fini(&p->by_name);
	mem_free(p);
}

/* A commit at work. */
struct changeover {
	struct health *health;
	struct map identities; /* old targets, by their key without the terms */
	struct buf key;        /* scratch */
	struct target **fresh; /* to be started */
	size_t n_fresh, cap_fresh;
};

static struct target *add_target(struct changeover *o, struct check *c, const struct addr *probed, struct str identity) {
	struct target *t = target_create(o->health, c, probed);
	const struct target *same_question = map_get(&o->identities, identity);
	if (same_question != NULL)
		target_inherit(t, same_question);
	map_put(&o->health->targets, t->key, t);
	if (o->n_fresh == o->cap_fresh) {
		o->cap_fresh = o->cap_fresh > 0 ? o->cap_fresh * 2 : 64;
		o->fresh = mem_realloc_array(o->fresh, o->cap_fresh, sizeof(struct target *));
	}
	o->fresh[o->n_fresh++] = t;
	return t;
}

static struct target *find_or_add_target(struct changeover *o, struct check *c, const struct addr *server) {
	struct addr probed = target_address(c, server);
	size_t identity_bytes;
	o->key.n = 0;
	target_key(&o->key, &identity_bytes, c, &probed);
	struct target *t = map_get(&o->health->targets, buf_str(&o->key));
	if (t == NULL)
		t = add_target(o, c, &probed, str_slice(o->key.p, identity_bytes));
	else if (t->check != c) {
		/* The same by content; compiled anew, so that a changed file of authorities takes effect. */
		check_release(t->check);
		t->check = check_hold(c);
	}
	t->is_kept = true;
	return t;
}

static void commit_server(struct changeover *o, struct check *c, struct fleet_server *s) {
	struct health *h = o->health;
	struct subscription *sub = subscription_find(h, &s);
	if (sub == NULL)
		sub = subscription_create(h, s);
	sub->is_kept = true;
	subscription_move(sub, find_or_add_target(o, c, &s->address));
}

static void commit_servers(struct changeover *o, const struct health_plan *p) {
	LIST_EACH(at_pool, fleet_pools(o->health->fleet)) {
		struct fleet_pool *pool = CONTAINER_OF(at_pool, struct fleet_pool, link);
		struct check **variants = pool->cfg->check != NULL ? map_get(&p->by_name, pool->cfg->check->id) : NULL;
		struct check *c = variants != NULL ? variants[pool->cfg->proxy_protocol] : NULL;
		if (c == NULL)
			continue;
		LIST_EACH(at, &pool->servers) {
			struct fleet_server *s = CONTAINER_OF(at, struct fleet_server, link);
			if (!s->is_removed)
				commit_server(o, c, s);
		}
	}
}

/* Ends what was not met. Removing while iterating: the map gives the next entry only after one that still stands. */
static void sweep(struct health *h) {
	size_t n = 0;
	void **gone = mem_zalloc_array(h->subscriptions.n + h->targets.n, sizeof *gone);
	for (struct map_entry *e = NULL; (e = map_next(&h->subscriptions, e));) {
		struct subscription *s = e->value;
		if (!s->is_kept)
			gone[n++] = s;
		s->is_kept = false;
	}
	while (n > 0)
		subscription_destroy(h, gone[--n]);
	for (struct map_entry *e = NULL; (e = map_next(&h->targets, e));) {
		struct target *t = e->value;
		if (!t->is_kept)
			gone[n++] = t;
		t->is_kept = false;
	}
	while (n > 0) {
		struct target *t = gone[--n];
		map_del(&h->targets, t->key);
		target_destroy(t);
	}
	mem_free(gone);
}

static void start_fresh(struct changeover *o) {
	uint64_t now = clock_update();
	for (size_t i = 0; i < o->n_fresh; i++)
		target_start(o->fresh[i], schedule_first(&o->fresh[i]->check->schedule, i, o->n_fresh, now));
}

void health_commit(struct health_plan *p) {
	struct health *h = p->health;
	struct changeover o = { .health = h };
	for (struct map_entry *e = NULL; (e = map_next(&h->targets, e));) {
		struct target *t = e->value;
		map_put(&o.identities, str_slice(t->key.p, t->identity_bytes), t);
	}
	commit_servers(&o, p);
	map_fini(&o.identities);
	sweep(h);
	start_fresh(&o);
	/* A server that joins a target which has voted before gets its verdict now. */
	for (struct map_entry *e = NULL; (e = map_next(&h->subscriptions, e));)
		subscription_tell(e->value);
	fleet_publish_due(h->fleet); /* what the next rooms commit, and the reload's answer, is by these */
	if (h->n_first_pending == 0)
		h->is_ready = true;
	buf_fini(&o.key);
	mem_free(o.fresh);
	health_discard(p); /* the targets hold what they need of it */
}

/* ---- life ---- */

struct health *health_create(struct loop *control, struct fleet *f, struct err *e) {
	(void)e;
	struct health *h = mem_zalloc(sizeof *h);
	h->loop = control;
	h->fleet = f;
	h->find_kind = check_kind_find;
	rand_seed(&h->rand, rand_next(rand_thread()));
	h->journal = journal_create();
	fleet_on_suspect(f, on_suspect, h);
	fleet_on_forget(f, on_forget, h);
	return h;
}

void health_destroy(struct health *h) {
	if (h == NULL)
		return;
	fleet_on_suspect(h->fleet, NULL, NULL);
	fleet_on_forget(h->fleet, NULL, NULL);
	sweep(h); /* nothing is kept */
	map_fini(&h->subscriptions);
	map_fini(&h->targets);
	journal_destroy(h->journal);
	mem_free(h);
}

bool health_is_ready(const struct health *h) {
	return h->is_ready;
}
