/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy's snapshot of the configuration: what a transaction needs to know, compiled once a reload. Workers read the one in
 * force under RCU, and count what they hold beyond a callback, each in its own cache line; a retired snapshot is freed when no
 * worker holds it.
 */
#include "proxy/private.h"

static const struct pool_conf *pool_find(const struct conf *c, struct str name) {
	for (size_t i = 0; c && i < c->n_pools; i++)
		if (str_eq(c->pools[i].name, name))
			return &c->pools[i];
	return NULL;
}

/* A copy of its own: the snapshot may outlive the configuration. */
static struct cfg_status statuses_keep(struct arena *a, const struct cfg_status *from) {
	size_t bytes = from->n * sizeof(*from->items);
	struct cfg_status s = { arena_alloc(a, bytes + 1), from->n };
	if (bytes > 0)
		memcpy(s.items, from->items, bytes);
	return s;
}

static int pools_create(struct conf *c, const struct cfg_root *cfg, const struct conf *previous, size_t *n_kept, struct err *e) {
	c->n_pools = cfg->pools.n;
	c->pools = arena_zalloc(&c->arena, (cfg->pools.n + 1) * sizeof(*c->pools));
	for (size_t i = 0; i < cfg->pools.n; i++) {
		const struct cfg_pool *from = &cfg->pools.items[i];
		c->pools[i] = (struct pool_conf){ .name = arena_str(&c->arena, from->id),
			                          .retries = from->retries,
			                          .timeouts = from->timeouts,
			                          .hash_key = from->hash_key,
			                          .proxy_protocol = from->proxy_protocol,
			                          .is_hashed = from->balance == CFG_BALANCE_HASH,
			                          .hash_name = arena_str(&c->arena, from->hash_name),
			                          .is_sticky = from->sticky.is_given,
			                          .sticky_by = from->sticky.by,
			                          .sticky_cookie = arena_str(&c->arena, from->sticky.cookie),
			                          .sticky_age_s = (from->sticky.ttl_ms + 999) / 1000,
			                          .queue_retry_after_s = (uint32_t)((from->queue.retry_after_ms + 999) / 1000),
			                          .is_measured = from->balance == CFG_BALANCE_EWMA,
			                          .back = from->protocol == CFG_SERVER_PROTOCOL_HTTP2 ? &h2_client_end : &h1_client_end,
			                          .max_streams = (uint32_t)from->max_streams };
		c->pools[i].retries.statuses = statuses_keep(&c->arena, &from->retries.statuses);
		if (conf_pool_tls(&c->pools[i], &c->arena, from, pool_find(previous, from->id), n_kept, e) < 0)
			return -1;
	}
	return 0;
}

struct pool_map {
	const struct conf *conf;
	const struct cfg_root *cfg;
};

static const struct pool_conf *pool_of(void *arg, const struct cfg_pool *p) {
	const struct pool_map *m = arg;
	return &m->conf->pools[p - m->cfg->pools.items];
}

void conf_link(struct conf *c, struct fleet *f) {
	for (size_t i = 0; i < c->n_pools; i++)
		c->pools[i].fleet = fleet_pool_find(f, c->pools[i].name);
}

static struct tls_server *listener_tls(const struct cfg_listener *from, const struct conf *previous, uint32_t id, size_t *n_kept,
                                       struct err *e) {
	const struct listener_conf *old = previous && id < previous->n_by_listener ? previous->by_listener[id] : NULL;
	return conf_listener_tls(from, old ? old->tls : NULL, n_kept, e);
}

static struct cfg_nets nets_copy(struct arena *a, const struct cfg_nets *from) {
	struct cfg_nets copy = { arena_zalloc(a, (from->n + 1) * sizeof(*copy.items)), from->n };
	for (size_t i = 0; i < from->n; i++)
		copy.items[i] = from->items[i];
	return copy;
}

static int listeners_create(struct proxy *p, struct conf *c, const struct cfg_root *cfg, const struct conf *previous,
                            size_t *n_kept, struct err *e) {
	c->n_by_listener = p->next_listener_id;
	c->by_listener = arena_zalloc(&c->arena, (c->n_by_listener + 1) * sizeof(*c->by_listener));
	c->tls = mem_zalloc_array(cfg->listeners.n + 1, sizeof(*c->tls));
	for (size_t i = 0; i < cfg->listeners.n; i++) {
		const struct cfg_listener *from = &cfg->listeners.items[i];
		struct listener_conf *lc = NULL;
		LIST_EACH(it, &p->listeners) {
			struct proxy_listener *l = CONTAINER_OF(it, struct proxy_listener, link);
			if (!l->is_used || !str_eq(str_from(l->name), from->id))
				continue;
			if (!lc) {
				lc = arena_zalloc(&c->arena, sizeof(*lc));
				lc->cfg = *from;
				lc->cfg.id = arena_str(&c->arena, from->id);
				lc->cfg.proxy_protocol.from = nets_copy(&c->arena, &from->proxy_protocol.from);
				c->tells_peers = c->tells_peers || from->tls.client.is_given;
				if (from->tls.is_given) {
					lc->tls = c->tls[c->n_tls] = listener_tls(from, previous, l->id, n_kept, e);
					if (!lc->tls)
						return -1;
					c->n_tls++;
				}
			}
			c->by_listener[l->id] = lc;
		}
	}
	return 0;
}

struct conf *conf_create(struct proxy *p, const struct cfg_root *cfg, const struct conf *previous, size_t *n_kept,
                         struct err *e) {
	struct conf *c = mem_zalloc(sizeof(*c));
	arena_init(&c->arena, 16 * 1024);
	list_init(&c->link);
	c->n_workers = p->n_workers;
	c->refs = mem_zalloc_lines(p->n_workers * sizeof(*c->refs));
	c->node_name = arena_str(&c->arena, cfg->node.name);
	c->access_log = p->access_log;
	c->access_format = cfg->log.access.format;
	if (pools_create(c, cfg, previous, n_kept, e) < 0)
		goto fail;
	struct pool_map pools = { c, cfg };
	if (route_table_init(&c->routes, &c->arena, cfg, pool_of, &pools, e) == 0 &&
	    answer_pages_compile(&c->answers, &c->arena, &cfg->answers, e) == 0 &&
	    listeners_create(p, c, cfg, previous, n_kept, e) == 0)
		return c;
fail:
	conf_destroy(c);
	return NULL;
}

void conf_destroy(struct conf *c) {
	if (!c)
		return;
	for (size_t i = 0; i < c->n_tls; i++)
		tls_server_destroy(c->tls[i]);
	mem_free(c->tls);
	for (size_t i = 0; i < c->n_pools; i++)
		tls_client_destroy(c->pools[i].tls);
	route_table_fini(&c->routes);
	mem_free(c->refs);
	arena_fini(&c->arena);
	mem_free(c);
}

struct conf *conf_hold(struct conf *c, unsigned worker) {
	_Atomic uint64_t *count = &c->refs[worker].count;
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
	return c;
}

void conf_put(struct conf *c, unsigned worker) {
	_Atomic uint64_t *count = &c->refs[worker].count;
	/* Release: what the worker did with the snapshot comes before its freeing. */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) - 1, memory_order_release);
}

bool conf_is_held(const struct conf *c) {
	for (unsigned i = 0; i < c->n_workers; i++)
		if (atomic_load_explicit(&c->refs[i].count, memory_order_acquire) > 0)
			return true;
	return false;
}

const struct listener_conf *conf_listener(const struct conf *c, const struct proxy_listener *l) {
	return l->id < c->n_by_listener ? c->by_listener[l->id] : NULL;
}
