/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May this be drained? Refuses, with the numbers: a site whose pools would have no other usable site, a site whose traffic the
 * other usable sites could not take, and the last server of a pool that takes requests. A pool is drained as a whole because
 * that is wanted: nothing could stand in for it.
 */
#include "private.h"

static int check_pools(struct fleet *f, const struct fleet_site *site, struct err *e) {
	uint64_t bit = UINT64_C(1) << site->index;
	LIST_EACH(it, &f->pools) {
		struct fleet_pool *p = POOL_OF(it);
		/* Where it serves nothing now, nothing is lost. */
		if ((p->usable_sites & bit) != 0 && (p->usable_sites & ~bit) == 0)
			return err_set(e, "site %.*s is the only usable site of pool %.*s", STR_ARG(site->name),
			               STR_ARG(p->name));
	}
	return 0;
}

static void rate_add(void *arg, struct fleet_target t) {
	uint64_t *sum = arg;
	if (t.kind == FLEET_POOL)
		*sum += fleet_rate(t.pool->fleet, t);
}

static int check_capacity(struct fleet *f, const struct fleet_site *site, struct err *e) {
	uint64_t usable = 0, capacity = 0, n = 0, rate = 0;
	LIST_EACH(it, &f->pools)
		usable |= POOL_OF(it)->usable_sites;
	LIST_EACH(it, &f->sites) {
		const struct fleet_site *other = SITE_OF(it);
		if (other == site || (usable >> other->index & 1) == 0)
			continue;
		if (other->cfg->capacity_rps == 0)
			return 0; /* unknown, so it can't be said to lack any */
		capacity += other->cfg->capacity_rps;
		n++;
	}
	target_each_known(f, rate_add, &rate);
	if (n == 0 || rate <= capacity)
		return 0;
	return err_set(e, "without site %.*s there is capacity for %llu requests a second in %llu site%s, but %llu arrive",
	               STR_ARG(site->name), (unsigned long long)capacity, (unsigned long long)n, n == 1 ? "" : "s",
	               (unsigned long long)rate);
}

static int check_server(const struct fleet_server *s, struct err *e) {
	if (!atomic_load_explicit(&s->takes_requests, memory_order_relaxed))
		return 0;
	size_t others = 0, n = 0;
	LIST_EACH(it, &s->pool->servers) {
		n++;
		others += SERVER_OF(it) != s && atomic_load_explicit(&SERVER_OF(it)->takes_requests, memory_order_relaxed);
	}
	if (others > 0)
		return 0;
	return err_set(e, "server %.*s is the only one of %zu in its pool that takes requests", STR_ARG(s->path), n);
}

int capacity_check(struct fleet *f, struct fleet_target t, struct err *e) {
	if (t.kind == FLEET_SERVER)
		return check_server(t.server, e);
	if (t.kind == FLEET_POOL)
		return 0;
	return check_pools(f, t.site, e) < 0 ? -1 : check_capacity(f, t.site, e);
}
