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

/* Does the address stand before the j-th of the i-th site? */
static bool address_is_repeated(const struct policy *p, const struct policy_alternative *from, unsigned i, size_t j) {
	const struct addr *a = &p->sites[from->order[i]]->addresses.items[j];
	for (unsigned k = 0; k <= i; k++) {
		const struct cfg_addrs *list = &p->sites[from->order[k]]->addresses;
		for (size_t l = 0; l < (k == i ? j : list->n); l++)
			if (addr_eq(&list->items[l], a))
				return true;
	}
	return false;
}

static void render_sites(struct render *r, const struct steered *s, struct str owner, const struct policy_alternative *from,
                         bool is_v6, uint32_t ttl_s) {
	for (unsigned i = 0; i < from->n; i++) {
		const struct cfg_addrs *list = &s->policy->sites[from->order[i]]->addresses;
		for (size_t j = 0; j < list->n; j++) {
			const struct addr *a = &list->items[j];
			if (addr_is_v6(a) != is_v6 || address_is_repeated(s->policy, from, i, j))
				continue;
			struct str rdata =
			    is_v6 ? str_slice((const char *)&a->in6.sin6_addr, 16) : str_slice((const char *)&a->in.sin_addr, 4);
			render_record(r, RENDER_ANSWER, owner, is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A, ttl_s, rdata);
		}
	}
}

static const struct answer *render_view(struct render *r, const struct steered *s, const struct view *v,
                                        const struct policy_alternative *from, bool is_v6, uint32_t ttl_s, struct arena *arena) {
	render_begin(r, s->zone, v->node);
	render_chain(r, &v->chain);
	unsigned before = r->count[RENDER_ANSWER];
	render_sites(r, s, v->chain.owner, from, is_v6, ttl_s);
	if (r->count[RENDER_ANSWER] == before) /* "none" must not be remembered for longer than an address */
		render_soa(r, ttl_s);
	return render_end(r, DNS_NOERROR, true, arena);
}

/* False when an answer is too long for a message. */
static bool alternative_init(struct alternative *a, struct steered_set *set, struct steered *s,
                             const struct policy_alternative *from, struct render *r) {
	bool fits = true;
	a->n_sites = from->n;
	a->sites = arena_alloc(&set->arena, a->n_sites * sizeof(struct fleet_site *));
	a->answers = arena_alloc(&set->arena, 2 * s->n_views * sizeof(struct answer *));
	for (unsigned i = 0; i < from->n; i++)
		a->sites[i] = s->sites[from->order[i]];
	for (const struct view *v = s->views; v; v = v->next)
		for (unsigned is_v6 = 0; is_v6 < 2; is_v6++) {
			const struct answer *answer = render_view(r, s, v, from, is_v6, set->ttl_s, &set->arena);
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

/* The choice as it is kept: with the alternatives that it has alone. */
static const struct policy_choice *choice_keep(struct arena *a, const struct policy_choice *c) {
	size_t bytes = offsetof(struct policy_choice, alternatives) + c->n * sizeof(c->alternatives[0]);
	return memcpy(arena_alloc(a, bytes), c, bytes);
}

static struct steered_set *set_create(struct steered *s, const struct policy_choice *c, uint32_t ttl_s, struct render *r,
                                      bool *fits) {
	struct steered_set *set = mem_zalloc(sizeof(*set) + c->n * sizeof(set->alternatives[0]));
	arena_init(&set->arena, 1024);
	set->choice = choice_keep(&set->arena, c);
	set->ttl_s = ttl_s;
	set->ttl_us = ttl_s * USEC_PER_SEC;
	set->n = c->n;
	*fits = true;
	for (unsigned i = 0; i < c->n; i++) {
		set->total += c->alternatives[i].weight;
		set->alternatives[i].until = set->total;
		*fits &= alternative_init(&set->alternatives[i], set, s, &c->alternatives[i], r);
	}
	return set;
}

int steered_check(struct steered *s, struct render *r, struct err *e) {
	bool fits = true;
	struct policy_choice all;
	policy_choose_all(s->policy, &all);
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
	for (unsigned i = 0; i < s->policy->n_sites; i++)
		if (places >> i & 1 && s->sites[i])
			mask |= UINT64_C(1) << s->sites[i]->index;
	return mask;
}

static uint64_t usable_places(struct steered *s, struct fleet *f, const struct fleet_pool *pool) {
	uint64_t places = 0;
	for (unsigned i = 0; i < s->policy->n_sites; i++) {
		if (!s->sites[i])
			s->sites[i] = fleet_site_find(f, s->policy->sites[i]->id);
		if (s->sites[i] && pool && pool->usable_sites >> s->sites[i]->index & 1)
			places |= UINT64_C(1) << i;
	}
	return places;
}

static struct steered_set *set_get(struct steered *s, const struct policy_choice *c, uint32_t ttl_s, struct render *r) {
	for (struct steered_set *set = s->sets; set; set = set->next)
		if (set->ttl_s == ttl_s && policy_choice_eq(set->choice, c))
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
	uint64_t chosen = policy_choice_sites(set->choice);
	for (unsigned i = 0; i < s->policy->n_sites; i++)
		if (chosen >> i & 1)
			buf_printf(&sites, "%s%.*s", sites.n ? "," : "", STR_ARG(s->policy->sites[i]->id));
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
	struct policy_choice c;
	policy_choose(s->policy, usable, 0, 0, &c);
	bool is_calm = pool && pool->is_settled && (unsigned)__builtin_popcountll(usable) == s->policy->n_sites;
	struct steered_set *set = set_get(s, &c, is_calm ? s->cfg->ttl.max_s : s->cfg->ttl.min_s, r);
	bool is_switched = !before || !policy_choice_eq(before->choice, &c) || s->is_all_down != c.is_all_down;
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
