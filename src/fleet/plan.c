/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reload. prepare matches the new configuration with what is there, by identity, and makes what is new beside it: nothing that
 * anyone sees changes, and all that can be refused is refused here. commit links and unlinks, and publishes once. The plan owns
 * the new objects until then.
 */
#include "private.h"
#include "steerway/base/clock.h"
#include "steerway/base/map.h"

struct plan_site {
	const struct cfg_site *cfg;
	struct fleet_site *site;
	bool is_new;
};
struct plan_server {
	const struct cfg_server *cfg;
	struct fleet_server *server;
	const struct fleet_server *before; /* of the same name at another address or site: the operator's word goes by name */
	bool is_new;
};
struct plan_pool {
	const struct cfg_pool *cfg;
	struct fleet_pool *pool;
	bool is_new;
	struct plan_server *servers;
	size_t n_servers;
	struct sticky_keys *sticky_keys;
};
struct fleet_plan {
	struct fleet *fleet;
	const struct cfg_root *cfg;
	struct plan_site *sites;
	size_t n_sites;
	struct plan_pool *pools;
	size_t n_pools;
};

/* ---- prepare ---- */

static struct str name_copy(struct str name) {
	return (struct str){ mem_strdup(name), name.n };
}

/* Bits of all sites that exist, those included that wait to be freed. */
static uint64_t sites_taken(struct fleet *f) {
	uint64_t taken = 0;
	LIST_EACH(it, &f->sites)
		taken |= UINT64_C(1) << SITE_OF(it)->index;
	LIST_EACH(it, &f->removed_sites)
		taken |= UINT64_C(1) << SITE_OF(it)->index;
	return taken;
}

static int plan_sites(struct fleet_plan *plan, struct err *e) {
	uint64_t taken = sites_taken(plan->fleet);
	plan->sites = mem_zalloc_array(plan->cfg->sites.n + 1, sizeof(*plan->sites));
	for (size_t i = 0; i < plan->cfg->sites.n; i++) {
		const struct cfg_site *cfg = &plan->cfg->sites.items[i];
		struct plan_site *ps = &plan->sites[plan->n_sites];
		*ps = (struct plan_site){ .cfg = cfg, .site = fleet_site_find(plan->fleet, cfg->id) };
		if (!ps->site) {
			if (taken == UINT64_MAX)
				return err_set(
				    e,
				    "sites.%.*s: more than %d sites at once (removed ones count until their last request "
				    "has ended)",
				    STR_ARG(cfg->id), FLEET_SITES_MAX);
			ps->is_new = true;
			ps->site = mem_zalloc(sizeof(*ps->site));
			ps->site->name = name_copy(cfg->id);
			list_init(&ps->site->link);
			ps->site->index = (unsigned)__builtin_ctzll(~taken);
			taken |= UINT64_C(1) << ps->site->index;
		}
		plan->n_sites++;
	}
	return 0;
}

static struct fleet_site *plan_site_find(const struct fleet_plan *plan, const struct cfg_site *cfg) {
	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].cfg == cfg || str_eq(plan->sites[i].site->name, cfg->id))
			return plan->sites[i].site;
	return NULL;
}

static void on_suspicion(struct loop_task *task) {
	struct fleet_server *s = CONTAINER_OF(task, struct fleet_server, suspicion);
	struct fleet *f = s->pool->fleet;
	bool is_removed = s->is_removed;
	atomic_store_explicit(&s->is_suspected, false, memory_order_release);
	if (!is_removed && f->suspect)
		f->suspect(f->suspect_arg, s);
}

static struct fleet_server *server_create(struct fleet_pool *p, struct fleet_site *site, const struct cfg_server *cfg) {
	size_t slots_bytes = p->fleet->n_slots * sizeof(struct fleet_slot);
	struct fleet_server *s = mem_zalloc_lines(sizeof(*s) + slots_bytes);
	struct buf path = { 0 };
	buf_printf(&path, "%.*s/%.*s", STR_ARG(p->name), STR_ARG(cfg->name));
	s->path = name_copy(buf_str(&path));
	buf_fini(&path);
	s->name = str_skip(s->path, p->name.n + 1);
	s->address = cfg->address;
	s->pool = p;
	s->site = site;
	s->suspicion.run = on_suspicion;
	s->changed_us = clock_now_us();
	list_init(&s->link);
	return s;
}

static struct fleet_pool *pool_create(struct fleet *f, struct str name) {
	struct fleet_pool *p = mem_zalloc(sizeof(*p));
	p->name = name_copy(name);
	p->fleet = f;
	list_init(&p->link);
	list_init(&p->servers);
	p->cells = mem_zalloc_lines(f->n_slots * sizeof(*p->cells));
	p->bound = mem_zalloc_lines(sizeof(*p->bound));
	queue_init(p);
	/* Workers start at different places, or all would send their first requests to the same server. */
	for (unsigned i = 0; i < f->n_slots; i++)
		for (unsigned j = 0; j < FLEET_LEVELS_MAX; j++)
			p->cells[i].cursors[j] = i * UINT32_C(0x9e3779b9);
	return p;
}

static int plan_servers(struct fleet_plan *plan, struct plan_pool *pp, struct err *e) {
	struct map old = { 0 };
	int result = 0;
	LIST_EACH(it, &pp->pool->servers)
		map_put(&old, SERVER_OF(it)->name, SERVER_OF(it));
	pp->servers = mem_zalloc_array(pp->cfg->servers.n + 1, sizeof(*pp->servers));
	for (size_t i = 0; i < pp->cfg->servers.n && result == 0; i++) {
		const struct cfg_server *cfg = &pp->cfg->servers.items[i];
		struct fleet_site *site = plan_site_find(plan, cfg->site);
		if (!site) {
			result = err_set(e, "pools.%.*s.servers: %.*s stands in a site that is not configured",
			                 STR_ARG(pp->cfg->id), STR_ARG(cfg->name));
			break;
		}
		struct fleet_server *s = map_get(&old, cfg->name);
		bool is_same = s && addr_eq(&s->address, &cfg->address) && s->site == site;
		pp->servers[pp->n_servers++] =
		    (struct plan_server){ cfg, is_same ? s : server_create(pp->pool, site, cfg), is_same ? NULL : s, !is_same };
	}
	map_fini(&old);
	return result;
}

static int plan_sticky(struct plan_pool *pp, struct err *e) {
	const struct cfg_sticky *cfg = &pp->cfg->sticky;
	if (!cfg->is_given || cfg->by != CFG_STICKY_BY_COOKIE)
		return 0;
	pp->sticky_keys = sticky_keys_read(cfg->secret.p, e);
	if (pp->sticky_keys)
		return 0;
	err_context(e, "pools.%.*s.sticky.secret", STR_ARG(pp->cfg->id));
	return -1;
}

static int plan_pools(struct fleet_plan *plan, struct err *e) {
	plan->pools = mem_zalloc_array(plan->cfg->pools.n + 1, sizeof(*plan->pools));
	for (size_t i = 0; i < plan->cfg->pools.n; i++) {
		struct plan_pool *pp = &plan->pools[plan->n_pools++];
		pp->cfg = &plan->cfg->pools.items[i];
		pp->pool = fleet_pool_find(plan->fleet, pp->cfg->id);
		pp->is_new = !pp->pool;
		if (pp->is_new)
			pp->pool = pool_create(plan->fleet, pp->cfg->id);
		if (plan_servers(plan, pp, e) < 0 || plan_sticky(pp, e) < 0)
			return -1;
	}
	return 0;
}

struct fleet_plan *fleet_prepare(struct fleet *f, const struct cfg_root *cfg, struct err *e) {
	struct fleet_plan *plan = mem_zalloc(sizeof(*plan));
	plan->fleet = f;
	plan->cfg = cfg;
	if (plan_sites(plan, e) < 0 || plan_pools(plan, e) < 0) {
		fleet_discard(plan);
		return NULL;
	}
	return plan;
}

static void plan_free(struct fleet_plan *plan) {
	for (size_t i = 0; i < plan->n_pools; i++)
		mem_free(plan->pools[i].servers);
	mem_free(plan->pools);
	mem_free(plan->sites);
	mem_free(plan);
}

void fleet_discard(struct fleet_plan *plan) {
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_pools; i++) {
		struct plan_pool *pp = &plan->pools[i];
		for (size_t j = 0; j < pp->n_servers; j++)
			if (pp->servers[j].is_new)
				sweep_server_free(pp->servers[j].server);
		sticky_keys_free(pp->sticky_keys);
		if (pp->is_new)
			sweep_pool_free(pp->pool);
	}
	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].is_new)
			sweep_site_free(plan->sites[i].site);
	plan_free(plan);
}

/* ---- commit ---- */

/* Moves all of `from` to the end of `to`. */
static void list_move_all(struct list *from, struct list *to) {
	LIST_EACH(it, from) {
		list_remove(it);
		list_append(to, it);
	}
}

static void commit_sites(struct fleet_plan *plan) {
	struct fleet *f = plan->fleet;
	struct list old;
	list_init(&old);
	list_move_all(&f->sites, &old);
	for (size_t i = 0; i < plan->n_sites; i++) {
		struct fleet_site *site = plan->sites[i].site;
		list_remove(&site->link);
		list_append(&f->sites, &site->link);
		site->cfg = plan->sites[i].cfg;
		site->is_own = plan->cfg->node.site && str_eq(plan->cfg->node.site->id, site->name);
	}
	LIST_EACH(it, &old) {
		SITE_OF(it)->is_removed = true;
		SITE_OF(it)->is_own = false;
		SITE_OF(it)->cfg = NULL;
		f->needs_grace = true;
	}
	list_move_all(&old, &f->removed_sites);
}

/* Takes them out of the pool; idle connections close as takes_requests turns false. */
static void servers_remove(struct fleet *f, struct list *servers) {
	LIST_EACH(it, servers) {
		SERVER_OF(it)->is_removed = true;
		atomic_store_explicit(&SERVER_OF(it)->takes_requests, false, memory_order_release);
		atomic_store_explicit(&SERVER_OF(it)->takes_sticky, false, memory_order_release);
		f->needs_grace = true;
	}
	list_move_all(servers, &f->removed_servers);
}

static void server_update(struct fleet_server *s, const struct cfg_server *cfg, const struct cfg_pool *pool, bool is_new) {
	s->weight = (uint32_t)cfg->weight;
	uint64_t max = cfg->max_connections > 0 ? cfg->max_connections : pool->max_connections;
	atomic_store_explicit(&s->max_connections, (uint32_t)max, memory_order_relaxed);
	max = cfg->max_requests > 0 ? cfg->max_requests : pool->max_requests;
	atomic_store_explicit(&s->max_requests, (uint32_t)max, memory_order_relaxed);
	bool has_check = pool->check != NULL;
	if (is_new || s->has_check != has_check) {
		atomic_store_explicit(&s->verdict, has_check ? FLEET_UNKNOWN : FLEET_UP, memory_order_relaxed);
		s->changed_us = clock_now_us();
		mem_free((char *)s->cause.p);
		s->cause = STR_NONE;
	}
	s->changes_at_us = has_check ? s->changes_at_us : 0;
	s->has_check = has_check;
}

/* As from the state file: nothing is in progress there yet, so a drain is at its end. */
static void server_admin_inherit(struct fleet_server *s, const struct fleet_server *before) {
	s->admin = before->admin;
	s->drain.started_us = before->drain.started_us;
	if (s->admin == FLEET_DRAIN)
		atomic_store_explicit(&s->drain.phase, FLEET_PHASE_DRAINED, memory_order_relaxed);
}

static void commit_servers(struct fleet *f, struct plan_pool *pp) {
	struct list old;
	list_init(&old);
	list_move_all(&pp->pool->servers, &old);
	for (size_t i = 0; i < pp->n_servers; i++) {
		struct fleet_server *s = pp->servers[i].server;
		list_remove(&s->link);
		list_append(&pp->pool->servers, &s->link);
		server_update(s, pp->servers[i].cfg, pp->cfg, pp->servers[i].is_new);
		if (pp->servers[i].before)
			server_admin_inherit(s, pp->servers[i].before);
	}
	servers_remove(f, &old);
}

/* Requests in progress still read its timeouts and retries, but the configuration goes. */
static const struct cfg_pool *cfg_of_removed(const struct fleet_pool *p) {
	struct cfg_pool *copy = mem_zalloc(sizeof(*copy));
	*copy = *atomic_load_explicit(&p->cfg, memory_order_relaxed);
	copy->id = p->name;
	copy->mark = (struct cfg_mark){ 0 };
	copy->check = NULL;
	copy->prefer.n = copy->split.n = copy->servers.n = 0;
	copy->prefer.items = NULL;
	copy->split.items = NULL;
	copy->servers.items = NULL;
	copy->sticky = (struct cfg_sticky){ .is_given = false };
	copy->retries.mark = copy->timeouts.mark = copy->mark;
	copy->retries.id = copy->timeouts.id = STR_NONE;
	return copy;
}

static void commit_pools(struct fleet_plan *plan) {
	struct fleet *f = plan->fleet;
	struct list old;
	list_init(&old);
	list_move_all(&f->pools, &old);
	for (size_t i = 0; i < plan->n_pools; i++) {
		struct fleet_pool *p = plan->pools[i].pool;
		list_remove(&p->link);
		list_append(&f->pools, &p->link);
		const struct cfg_pool *cfg = plan->pools[i].cfg;
		atomic_store_explicit(&p->cfg, cfg, memory_order_release);
		atomic_store_explicit(&p->max_requests, (uint32_t)cfg->limits.requests, memory_order_relaxed);
		atomic_store_explicit(&p->max_connections, (uint32_t)cfg->limits.connections, memory_order_relaxed);
		sticky_keys_free(p->sticky_keys);
		p->sticky_keys = plan->pools[i].sticky_keys;
		commit_servers(f, &plan->pools[i]);
		p->is_dirty = p->is_reshaped = true;
	}
	LIST_EACH(it, &old) {
		struct fleet_pool *p = POOL_OF(it);
		servers_remove(f, &p->servers);
		atomic_store_explicit(&p->cfg, cfg_of_removed(p), memory_order_release);
		p->is_removed = p->is_dirty = p->is_reshaped = true;
		f->needs_grace = true;
	}
	list_move_all(&old, &f->removed_pools);
}

void fleet_commit(struct fleet_plan *plan) {
	struct fleet *f = plan->fleet;
	commit_sites(plan);
	commit_pools(plan);
	plan_free(plan);
	fleet_publish(f);
	if (f->needs_grace)
		sweep_arm(f);
}
