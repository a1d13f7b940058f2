/* SPDX-License-Identifier: BSD-2-Clause */
/* What sites, pools and servers have in common when an operator speaks of them; and the servers that each comes to. */
#include "private.h"

struct target_part target_part(struct fleet_target t) {
	switch (t.kind) {
	case FLEET_SITE:
		return (struct target_part){ t.site->name, &t.site->admin, &t.site->drain, "site", "site_drain", "site_admin" };
	case FLEET_POOL:
		return (struct target_part){ t.pool->name, &t.pool->admin, &t.pool->drain, "pool", "pool_drain", "pool_admin" };
	case FLEET_SERVER:
		break;
	}
	return (
	    struct target_part){ t.server->path, &t.server->admin, &t.server->drain, "server", "server_drain", "server_admin" };
}

struct state_word target_word(struct target_part part) {
	return (struct state_word){ *part.admin,
		                    (enum fleet_phase)atomic_load_explicit(&part.drain->phase, memory_order_relaxed) };
}

struct fleet_site *fleet_site_find(struct fleet *f, struct str name) {
	LIST_EACH(it, &f->sites)
		if (str_eq(SITE_OF(it)->name, name))
			return SITE_OF(it);
	return NULL;
}

struct fleet_pool *fleet_pool_find(struct fleet *f, struct str name) {
	LIST_EACH(it, &f->pools)
		if (str_eq(POOL_OF(it)->name, name))
			return POOL_OF(it);
	return NULL;
}

struct fleet_server *fleet_server_find(struct fleet *f, struct str name) {
	LIST_EACH(pool, &f->pools) {
		if (!str_starts(name, POOL_OF(pool)->name))
			continue;
		LIST_EACH(it, &POOL_OF(pool)->servers)
			if (str_eq(SERVER_OF(it)->path, name))
				return SERVER_OF(it);
	}
	return NULL;
}

bool target_find(struct fleet *f, struct str kind, struct str name, struct fleet_target *out) {
	if (str_eq(kind, STR("site"))) {
		*out = TARGET_SITE(fleet_site_find(f, name));
		return out->site;
	}
	if (str_eq(kind, STR("pool"))) {
		*out = TARGET_POOL(fleet_pool_find(f, name));
		return out->pool;
	}
	*out = TARGET_SERVER(fleet_server_find(f, name));
	return str_eq(kind, STR("server")) && out->server;
}

static bool target_has(struct fleet_target t, const struct fleet_server *s) {
	switch (t.kind) {
	case FLEET_SITE:
		return s->site == t.site;
	case FLEET_POOL:
		return s->pool == t.pool;
	case FLEET_SERVER:
		break;
	}
	return s == t.server;
}

void target_each(struct fleet *f, struct fleet_target t, void (*each)(void *arg, struct fleet_server *s), void *arg) {
	LIST_EACH(pool, &f->pools)
		LIST_EACH(it, &POOL_OF(pool)->servers)
			if (target_has(t, SERVER_OF(it)))
				each(arg, SERVER_OF(it));
	LIST_EACH(it, &f->removed_servers)
		if (target_has(t, SERVER_OF(it)))
			each(arg, SERVER_OF(it));
}

void target_each_known(struct fleet *f, void (*each)(void *arg, struct fleet_target t), void *arg) {
	LIST_EACH(it, &f->sites)
		each(arg, TARGET_SITE(SITE_OF(it)));
	LIST_EACH(pool, &f->pools) {
		each(arg, TARGET_POOL(POOL_OF(pool)));
		LIST_EACH(it, &POOL_OF(pool)->servers)
			each(arg, TARGET_SERVER(SERVER_OF(it)));
	}
}

static void active_add(void *arg, struct fleet_server *s) {
	uint64_t *sum = arg;
	for (unsigned i = 0; i < s->pool->fleet->n_slots; i++)
		*sum += atomic_load_explicit(&s->slots[i].active, memory_order_acquire);
}

uint64_t fleet_active(struct fleet *f, struct fleet_target t) {
	uint64_t sum = 0;
	target_each(f, t, active_add, &sum);
	return sum;
}
