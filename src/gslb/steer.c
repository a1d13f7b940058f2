/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steered names on the control thread: when fleet publishes, each gets its choice of sites anew. What changed is one pointer to a
 * new set, whose answers were rendered before (variant.c) or are now. Sets that are no longer in force, and the oldest variants
 * above STEERED_VARIANTS_MAX, go after a grace period: one for all names that a publish changed.
 */
#include "gslb/zone.h"

#include "steerway/base/buf.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

#define PRESIGN_BUDGET_US 3000 /* of the control thread, after a switch */

int steered_check(struct steered *s, struct render *r, struct err *e) {
	bool fits, fallback_fits = true;
	struct policy_choice all;
	const struct policy_alternative fallback = { .is_fallback = true, .weight = 1 };
	policy_choose_all(s->policy, &all);
	variant_destroy(variant_get(s, &all.alternatives[0], r, &fits));
	s->variants = NULL;
	if (s->cfg->fallback.n > 0)
		variant_destroy(variant_get(s, &fallback, r, &fallback_fits));
	s->variants = NULL;
	s->n_variants = 0;
	return fits && fallback_fits
	           ? 0
	           : err_set(e, "%.*s: more addresses than an answer can hold (%d, with signatures, in 65535 bytes)",
	                     STR_ARG(s->text), RENDER_TTLS_MAX);
}

/* ---- sets ---- */

static void set_destroy(struct steered_set *set) {
	SNAPSHOT_FREE_BEGIN(set);
	struct arena arena = set->arena;
	arena_fini(&arena);
}

void steered_fini(struct steered *s) {
	struct steered_set *set = atomic_load_explicit(&s->current, memory_order_relaxed);
	if (set)
		set_destroy(set);
	for (struct variant *v = s->variants, *next; v; v = next) {
		next = v->next;
		variant_destroy(v);
	}
	policy_destroy(s->policy);
	mem_free(s->last);
}

static const struct choice *choice_create(struct steered *s, const struct policy_choice *c, struct arena *arena,
                                          struct render *r) {
	struct choice *out = arena_zalloc(arena, sizeof(*out) + c->n * sizeof(out->of[0]));
	out->n = c->n;
	out->is_all_down = c->is_all_down;
	for (unsigned i = 0; i < c->n; i++) {
		bool fits; /* steered_check saw that it does */
		out->total += c->alternatives[i].weight;
		out->of[i].until = out->total;
		out->of[i].variant = variant_get(s, &c->alternatives[i], r, &fits);
	}
	return out;
}

/* What each class of clients gets. */
static struct steered_set *set_create(struct steered *s, struct render *r) {
	struct arena arena;
	struct policy_choice c;
	unsigned n = s->policy->n_classes;
	arena_init(&arena, 512);
	struct steered_set *set = arena_zalloc(&arena, sizeof(*set) + n * sizeof(set->choices[0]));
	set->map = s->policy->map;
	set->n_classes = n;
	s->answered = 0;
	s->is_all_down = false;
	for (unsigned class = 0; class < n; class ++) {
		policy_choose(s->policy, s->usable, s->last[class], class, &c);
		if (!c.is_all_down)
			s->last[class] = s->usable;
		s->answered |= policy_choice_sites(&c);
		s->is_all_down |= c.is_all_down;
		set->choices[class] = choice_create(s, &c, &arena, r);
	}
	set->arena = arena;
	return set;
}

static bool choice_eq(const struct choice *a, const struct choice *b) {
	if (a->n != b->n || a->is_all_down != b->is_all_down)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->of[i].variant != b->of[i].variant || a->of[i].until != b->of[i].until)
			return false;
	return true;
}

static bool set_eq(const struct steered_set *a, const struct steered_set *b) {
	if (a->map != b->map || a->n_classes != b->n_classes)
		return false;
	for (uint32_t i = 0; i < a->n_classes; i++)
		if (!choice_eq(a->choices[i], b->choices[i]))
			return false;
	return true;
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

static void log_switch(const struct steered *s) {
	struct buf sites = { 0 };
	for (unsigned i = 0; i < s->policy->n_sites; i++)
		if (s->answered >> i & 1)
			buf_printf(&sites, "%s%.*s", sites.n ? "," : "", STR_ARG(s->policy->sites[i]->id));
	log_info("name_switched", LOG_STR("name", s->text), LOG_STR("sites", sites.n ? buf_str(&sites) : STR("none")),
	         LOG_BOOL("all_down", s->is_all_down));
	buf_fini(&sites);
}

static bool sites_are_same(const struct policy *a, const struct policy *b) {
	if (a->n_sites != b->n_sites || a->n_classes != b->n_classes)
		return false;
	for (unsigned i = 0; i < a->n_sites; i++)
		if (!str_eq(a->sites[i]->id, b->sites[i]->id))
			return false;
	return true;
}

static void steered_inherit(struct steered *s, const struct steered *from) {
	if (!sites_are_same(s->policy, from->policy))
		return;
	memcpy(s->last, from->last, s->policy->n_classes * sizeof(*s->last));
	s->answered = from->answered;
	s->is_all_down = from->is_all_down;
	s->is_known = from->is_known;
}

void steer_inherit(struct zones *zs, const struct zones *old) {
	for (struct zone *z = zs->first; old && z; z = z->next) {
		const struct zone *before = z->steered ? zones_zone_of(old, z->name) : NULL;
		if (!before || before->unit == z->unit || !str_eq(before->name, z->name))
			continue;
		/* Names mostly stand in the same order: from the one that was found last on, and around. */
		const struct steered *at = before->steered;
		for (struct steered *s = z->steered; s && at; s = s->next)
			for (size_t i = 0; i < before->n_steered; i++, at = at->next ? at->next : before->steered)
				if (str_eq(at->text, s->text)) {
					steered_inherit(s, at);
					break;
				}
	}
}

/* What nobody may reach any more, once a grace period is over. */
struct retired {
	struct steered_set *sets;
	struct variant *variants;
};

static void variants_mark(struct steered *s, const struct steered_set *set) {
	for (struct variant *v = s->variants; v; v = v->next)
		v->is_used = false;
	for (uint32_t i = 0; i < set->n_classes; i++)
		for (uint32_t j = 0; j < set->choices[i]->n; j++)
			((struct variant *)(uintptr_t)set->choices[i]->of[j].variant)->is_used = true;
}

/* The oldest of those that no set uses, until there are few enough. */
static void variants_trim(struct steered *s, const struct steered_set *set, struct retired *retired) {
	if (s->n_variants <= STEERED_VARIANTS_MAX)
		return;
	variants_mark(s, set);
	unsigned n_kept = 0;
	for (struct variant **it = &s->variants; *it;) {
		struct variant *v = *it;
		if (v->is_used || n_kept++ < STEERED_VARIANTS_MAX / 2) {
			it = &v->next;
			continue;
		}
		*it = v->next;
		s->n_variants--;
		v->next = retired->variants;
		retired->variants = v;
	}
}

/* True when another set is in force. */
static bool set_switch(struct steered *s, struct steered_set *set, struct retired *retired) {
	struct steered_set *before = atomic_load_explicit(&s->current, memory_order_relaxed);
	if (before && set_eq(before, set)) {
		atomic_store_explicit(&before->changes_at_us, set->changes_at_us, memory_order_relaxed);
		set_destroy(set);
		return false;
	}
	atomic_store_explicit(&s->current, set, memory_order_release);
	variants_trim(s, set, retired);
	if (before) {
		before->next = retired->sets;
		retired->sets = before;
	}
	return true;
}

static void steered_refresh(struct steered *s, struct fleet *f, struct render *r, struct retired *retired) {
	const struct fleet_pool *pool = fleet_pool_find(f, s->cfg->pool->id);
	if (!pool && atomic_load_explicit(&s->current, memory_order_relaxed))
		return; /* a reload is under way that removes the pool, and with it this name: hold until it has */
	s->usable = usable_places(s, f, pool);
	uint64_t answered = s->answered;
	bool is_all_down = s->is_all_down;
	struct steered_set *set = set_create(s, r);
	bool are_all_usable = pool && (unsigned)__builtin_popcountll(s->usable) == s->policy->n_sites;
	set->changes_at_us = are_all_usable ? pool->changes_at_us : 1; /* a site may come back at any time */
	if (set_switch(s, set, retired)) {
		if (!s->is_known || s->answered != answered || s->is_all_down != is_all_down)
			log_switch(s);
		s->is_known = true;
		if (s->policy->n_sites > PRESIGN_SITES_MAX) { /* other states are next to this one */
			s->is_presigned = false;
			s->n_presigned = 0;
		}
	}
}

/* Behind the switch: of names with many sites, what the next change may lead to. What does not fit the time waits for the next
 * publish, or is signed when it is wanted. */
static void presign_pending(struct zones *zs, struct render *r) {
	uint64_t until = clock_update() + PRESIGN_BUDGET_US;
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct steered *s = z->is_signed ? z->steered : NULL; s; s = s->next) {
			if (s->is_presigned)
				continue;
			s->is_presigned = steered_presign(s, s->usable, r, until);
			if (clock_update() > until)
				return;
		}
}

void steer_refresh(struct zones *zs, struct fleet *f, struct render *r) {
	struct retired retired = { 0 };
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct steered *s = z->steered; s; s = s->next)
			steered_refresh(s, f, r, &retired);
	presign_pending(zs, r);
	if (!retired.sets && !retired.variants)
		return;
	urcu_memb_synchronize_rcu();
	for (struct steered_set *it = retired.sets, *next; it; it = next) {
		next = it->next;
		set_destroy(it);
	}
	for (struct variant *it = retired.variants, *next; it; it = next) {
		next = it->next;
		variant_destroy(it);
	}
}
