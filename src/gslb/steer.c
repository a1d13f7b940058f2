/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steered names on the control thread: when fleet publishes, each gets its choice of sites anew, and the set of answers for that
 * choice: one that was rendered before, or a new one. Workers see it by one pointer. Sets live as long as their snapshot, but for
 * the oldest when there are more than STEERED_SETS_MAX; those go after a grace period.
 */
#include "gslb/zone.h"

#include "steerway/base/buf.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

/* ---- rendering ---- */

static bool address_is_repeated(const struct cfg_name *name, uint64_t sites, unsigned site, size_t address) {
	const struct addr *a = &name->sites.items[site].site->addresses.items[address];
	for (unsigned i = 0; i <= site; i++) {
		const struct cfg_addrs *list = &name->sites.items[i].site->addresses;
		for (size_t j = 0; sites >> i & 1 && j < (i == site ? address : list->n); j++)
			if (addr_eq(&list->items[j], a))
				return true;
	}
	return false;
}

static void render_sites(struct render *r, const struct steered *s, struct str owner, uint64_t sites, bool is_v6,
                         uint32_t ttl_s) {
	for (unsigned i = 0; i < s->cfg->sites.n; i++) {
		const struct cfg_addrs *list = &s->cfg->sites.items[i].site->addresses;
		for (size_t j = 0; sites >> i & 1 && j < list->n; j++) {
			const struct addr *a = &list->items[j];
			if (addr_is_v6(a) != is_v6 || address_is_repeated(s->cfg, sites, i, j))
				continue;
			struct str rdata =
			    is_v6 ? str_slice((const char *)&a->in6.sin6_addr, 16) : str_slice((const char *)&a->in.sin_addr, 4);
			render_record(r, RENDER_ANSWER, owner, is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A, ttl_s, rdata);
		}
	}
}

static const struct answer *render_view(struct render *r, const struct steered *s, const struct view *v, uint64_t sites,
                                        bool is_v6, uint32_t ttl_s, struct arena *arena) {
	render_begin(r, s->zone, v->node);
	render_chain(r, &v->chain);
	unsigned before = r->count[RENDER_ANSWER];
	render_sites(r, s, v->chain.owner, sites, is_v6, ttl_s);
	if (r->count[RENDER_ANSWER] == before) /* "none" must not be remembered for longer than an address */
		render_soa(r, ttl_s);
	return render_end(r, DNS_NOERROR, true, arena);
}

/* False when an answer is too long for a message. */
static bool alternative_init(struct alternative *a, struct steered_set *set, struct steered *s, uint64_t sites,
                             struct render *r) {
	bool fits = true;
	a->n_sites = (uint32_t)__builtin_popcountll(sites);
	a->sites = arena_alloc(&set->arena, a->n_sites * sizeof(struct fleet_site *));
	a->answers = arena_alloc(&set->arena, 2 * s->n_views * sizeof(struct answer *));
	unsigned n = 0;
	for (unsigned i = 0; i < s->cfg->sites.n; i++)
		if (sites >> i & 1)
			a->sites[n++] = s->sites[i];
	for (const struct view *v = s->views; v; v = v->next)
		for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
			const struct answer *answer = render_view(r, s, v, sites, is_v6, set->ttl_s, &set->arena);
			a->answers[2 * v->node->view + is_v6] = answer;
			fits &= answer != NULL;
		}
	return fits;
}

static void set_destroy(struct steered_set *set) {
	SNAPSHOT_FREE_BEGIN(set);
	arena_fini(&set->arena);
	mem_free(set);
}

static struct steered_set *set_create(struct steered *s, const struct policy_choice *c, uint32_t ttl_s, struct render *r,
                                      bool *fits) {
	unsigned n = c->is_together ? 1 : (unsigned)__builtin_popcountll(c->sites);
	struct steered_set *set = mem_zalloc(sizeof(*set) + n * sizeof(set->alternatives[0]));
	arena_init(&set->arena, 1024);
	set->sites = c->sites;
	set->is_together = c->is_together;
	set->ttl_s = ttl_s;
	set->ttl_us = ttl_s * USEC_PER_SEC;
	set->n = n;
	if (c->is_together) {
		*fits = alternative_init(&set->alternatives[0], set, s, c->sites, r);
		return set;
	}
	n = 0;
	*fits = true;
	for (unsigned i = 0; i < s->cfg->sites.n; i++) {
		if (!(c->sites >> i & 1))
			continue;
		set->total += policy_weight(s->cfg, c, i);
		set->alternatives[n].until = set->total;
		*fits &= alternative_init(&set->alternatives[n++], set, s, UINT64_C(1) << i, r);
	}
	return set;
}

int steered_check(struct steered *s, struct render *r, struct err *e) {
	bool fits = true;
	struct policy_choice all = { .sites = s->cfg->sites.n < 64 ? (UINT64_C(1) << s->cfg->sites.n) - 1 : UINT64_MAX,
		                     .is_together = true };
	set_destroy(set_create(s, &all, s->cfg->ttl.max_s, r, &fits));
	return fits ? 0 : err_set(e, "%.*s: more addresses than an answer can hold (65535 bytes)", STR_ARG(s->text));
}

void steered_fini(struct steered *s) {
	for (struct steered_set *set = s->sets, *next; set; set = next) {
		next = set->next;
		set_destroy(set);
	}
}

/* ---- choosing ---- */

uint64_t steered_mask(const struct steered *s, uint64_t places) {
	uint64_t mask = 0;
	for (unsigned i = 0; i < s->cfg->sites.n; i++)
		if (places >> i & 1 && s->sites[i])
			mask |= UINT64_C(1) << s->sites[i]->index;
	return mask;
}

static uint64_t usable_places(struct steered *s, struct fleet *f, const struct fleet_pool *pool) {
	uint64_t places = 0;
	for (unsigned i = 0; i < s->cfg->sites.n; i++) {
		if (!s->sites[i])
			s->sites[i] = fleet_site_find(f, s->cfg->sites.items[i].site->id);
		if (s->sites[i] && pool && pool->usable_sites >> s->sites[i]->index & 1)
			places |= UINT64_C(1) << i;
	}
	return places;
}

static struct steered_set *set_get(struct steered *s, const struct policy_choice *c, uint32_t ttl_s, struct render *r) {
	for (struct steered_set *set = s->sets; set; set = set->next)
		if (set->sites == c->sites && set->is_together == c->is_together && set->ttl_s == ttl_s)
			return set;
	bool fits;
	struct steered_set *set = set_create(s, c, ttl_s, r, &fits); /* steered_check saw that it fits */
	set->next = s->sets;
	s->sets = set;
	s->n_sets++;
	return set;
}

static void sets_trim(struct steered *s, const struct steered_set *current) {
	if (s->n_sets <= STEERED_SETS_MAX)
		return;
	struct steered_set **oldest = NULL;
	for (struct steered_set **it = &s->sets; *it; it = &(*it)->next)
		if (*it != current)
			oldest = it;
	if (!oldest)
		return;
	struct steered_set *set = *oldest;
	*oldest = set->next;
	s->n_sets--;
	urcu_memb_synchronize_rcu();
	set_destroy(set);
}

static void log_switch(const struct steered *s, const struct steered_set *set) {
	struct buf sites = { 0 };
	for (unsigned i = 0; i < s->cfg->sites.n; i++)
		if (set->sites >> i & 1)
			buf_printf(&sites, "%s%.*s", sites.n ? "," : "", STR_ARG(s->cfg->sites.items[i].site->id));
	log_info("name_switched", LOG_STR("name", s->text), LOG_STR("sites", sites.n ? buf_str(&sites) : STR("none")),
	         LOG_BOOL("all_down", s->is_all_down), LOG_U64("ttl", set->ttl_s));
	buf_fini(&sites);
}

static void steered_refresh(struct steered *s, struct fleet *f, struct render *r) {
	struct steered_set *before = atomic_load_explicit(&s->current, memory_order_relaxed);
	const struct fleet_pool *pool = fleet_pool_find(f, s->cfg->pool->id);
	if (!pool && before) /* a reload is under way that removes the pool, and with it this name: hold until it has */
		return;
	uint64_t usable = usable_places(s, f, pool);
	struct policy_choice c = policy_choose(s->cfg, usable);
	bool is_calm = pool && pool->is_settled && (unsigned)__builtin_popcountll(usable) == s->cfg->sites.n;
	struct steered_set *set = set_get(s, &c, is_calm ? s->cfg->ttl.max_s : s->cfg->ttl.min_s, r);
	bool is_switched =
	    !before || before->sites != c.sites || before->is_together != c.is_together || s->is_all_down != c.is_all_down;
	s->usable = usable;
	s->is_all_down = c.is_all_down;
	atomic_store_explicit(&s->current, set, memory_order_release);
	if (is_switched)
		log_switch(s, set);
	sets_trim(s, set);
}

void steer_refresh(struct zones *zs, struct fleet *f, struct render *r) {
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct steered *s = z->steered; s; s = s->next)
			steered_refresh(s, f, r);
}
