/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of policies: how each chooses among its members. A kind is a row of the table at the end, and a function if it needs its own. */
#include "gslb/policy_tree.h"

#include "steerway/base/mem.h"

/* The next usable member of the row at or behind *i; NULL: none. */
static const struct policy_member *next_usable(const struct policy_view *v, const struct policy_node *n, unsigned *i) {
	const struct policy_row *row = policy_row_of(v, n);
	while (*i < row->n) {
		const struct policy_member *m = &n->members[row->members[(*i)++]];
		if (policy_member_is_usable(v, m))
			return m;
	}
	return NULL;
}

/* ---- answers put together ---- */

static void alternative_add(struct policy_choice *out, const struct policy_alternative *a) {
	for (unsigned i = 0; i < out->n; i++)
		if (out->alternatives[i].n == a->n && memcmp(out->alternatives[i].order, a->order, a->n) == 0) {
			out->alternatives[i].weight += a->weight;
			return;
		}
	if (out->n < POLICY_ALTERNATIVES_MAX) /* policy_tree.c saw that it is */
		out->alternatives[out->n++] = *a;
}

/* The sites of both, each once. */
static struct policy_alternative joined(const struct policy_alternative *a, const struct policy_alternative *b) {
	struct policy_alternative both = *a;
	both.weight = (uint64_t)((double)a->weight * (double)b->weight / (double)POLICY_WHOLE);
	both.weight += both.weight == 0;
	for (unsigned i = 0; i < b->n; i++)
		if (!(a->sites >> b->order[i] & 1))
			both.order[both.n++] = b->order[i];
	both.sites |= b->sites;
	return both;
}

static void copy_answers(struct policy_choice *to, const struct policy_choice *from) {
	to->n = from->n;
	memcpy(to->alternatives, from->alternatives, from->n * sizeof(from->alternatives[0]));
}

/* Every answer of `out` together with every one of the member. */
static void join_member(const struct policy_view *v, const struct policy_member *m, struct policy_choice *out) {
	struct policy_choice part, before;
	if (out->n == 0) {
		policy_member_choose(v, m, out);
		return;
	}
	policy_member_choose(v, m, &part);
	copy_answers(&before, out);
	out->n = 0;
	for (unsigned i = 0; i < before.n; i++)
		for (unsigned k = 0; k < part.n; k++) {
			struct policy_alternative both = joined(&before.alternatives[i], &part.alternatives[k]);
			alternative_add(out, &both);
		}
}

/* ---- the first usable ones ---- */

static void choose_first(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	const struct policy_member *m;
	unsigned i = 0, n_taken = 0;
	out->n = 0;
	while (n_taken++ < n->answers && (m = next_usable(v, n, &i)))
		join_member(v, m, out);
}

/* ---- all of them, or some by weight ---- */

/* Standby sites have their turn when no active one is usable; a weight of 0 likewise, when no other is left. */
static unsigned draw_from(const struct policy_view *v, const struct policy_node *n, const struct policy_member **out) {
	unsigned best = 0, n_out = 0;
	for (unsigned pass = 0; pass < 2; pass++) {
		const struct policy_member *m;
		for (unsigned i = 0; (m = next_usable(v, n, &i));) {
			unsigned rank = 1 + 2 * !m->is_standby + (m->weight > 0);
			if (pass == 0)
				best = rank > best ? rank : best;
			else if (rank == best)
				out[n_out++] = m;
		}
	}
	return n_out;
}

static void choose_all(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	const struct policy_member *from[POLICY_SITES_MAX];
	unsigned n_from = draw_from(v, n, from);
	out->n = 0;
	for (unsigned i = 0; i < n_from && i < n->answers; i++)
		join_member(v, from[i], out);
}

/* Sets of members by index, with the probability that they are drawn. */
struct draws {
	unsigned n;
	struct {
		uint64_t members;
		double probability;
	} sets[POLICY_ALTERNATIVES_MAX];
};

static void draws_add(struct draws *d, uint64_t members, double probability) {
	for (unsigned i = 0; i < d->n; i++)
		if (d->sets[i].members == members) {
			d->sets[i].probability += probability;
			return;
		}
	if (d->n < POLICY_ALTERNATIVES_MAX)
		d->sets[d->n++] = (__typeof__(d->sets[0])){ members, probability };
}

static uint64_t weight_of(const struct policy_member *m) {
	return m->weight > 0 ? m->weight : 1; /* when none of them has one: all alike */
}

/* One member more for every set, of those that are left (drawing without putting back). */
static void draw_one_more(struct draws *d, const struct policy_member *const *from, unsigned n_from) {
	struct draws more = { .n = 0 };
	for (unsigned i = 0; i < d->n; i++) {
		uint64_t left = 0;
		for (unsigned k = 0; k < n_from; k++)
			left += d->sets[i].members >> k & 1 ? 0 : weight_of(from[k]);
		for (unsigned k = 0; k < n_from; k++)
			if (!(d->sets[i].members >> k & 1))
				draws_add(&more, d->sets[i].members | UINT64_C(1) << k,
				          d->sets[i].probability * (double)weight_of(from[k]) / (double)left);
	}
	*d = more;
}

static void choose_weighted(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	const struct policy_member *from[POLICY_SITES_MAX];
	unsigned n_from = draw_from(v, n, from);
	struct draws d = { .n = 1, .sets = { { 0, 1 } } };
	for (unsigned i = 0; i < n->answers && i < n_from; i++)
		draw_one_more(&d, from, n_from);
	out->n = 0;
	for (unsigned i = 0; i < d.n; i++) {
		struct policy_choice part;
		part.n = 0;
		for (unsigned k = 0; k < n_from; k++)
			if (d.sets[i].members >> k & 1)
				join_member(v, from[k], &part);
		for (unsigned k = 0; k < part.n; k++) {
			struct policy_alternative a = part.alternatives[k];
			a.weight = (uint64_t)((double)a.weight * d.sets[i].probability + 0.5);
			a.weight += a.weight == 0;
			alternative_add(out, &a);
		}
	}
}

/* ---- the registry ---- */

static const struct policy_kind kinds[] = {
	[CFG_POLICY_FAILOVER] = { .name = "failover", .choose = choose_first },
	[CFG_POLICY_WEIGHTED] = { .name = "weighted", .choose = choose_weighted, .draws = true },
	[CFG_POLICY_ALL] = { .name = "all", .choose = choose_all, .takes_all = true },
	[CFG_POLICY_CONSISTENT] = { .name = "consistent", .choose = choose_first, .by = POLICY_BY_BUCKET },
	[CFG_POLICY_GEO] = { .name = "geo", .choose = choose_first, .by = POLICY_BY_MAP },
	[CFG_POLICY_SUBNET] = { .name = "subnet", .choose = choose_first, .by = POLICY_BY_MAP },
	[CFG_POLICY_LATENCY] = { .name = "latency", .choose = choose_first, .by = POLICY_BY_MAP },
	[CFG_POLICY_VIEW] = { .name = "view", .choose = choose_first, .by = POLICY_BY_MAP, .is_final = true },
};

const struct policy_kind *policy_kind_find(enum cfg_policy_kind kind) {
	return &kinds[kind];
}
