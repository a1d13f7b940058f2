/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of policies: how each chooses among its members. A kind is one function and one row of the table at the end. */
#include "gslb/policy_tree.h"

#include "steerway/base/mem.h"

/* The next usable member of the row at or behind *i; NULL: none. */
static const struct policy_member *next_usable(const struct policy_view *v, const struct policy_node *n, unsigned *i) {
	const struct policy_row *row = policy_row_of(v, n);
	for (; *i < row->n; ++*i) {
		const struct policy_member *m = &n->members[row->members[*i]];
		if (policy_member_is_usable(v, m)) {
			++*i;
			return m;
		}
	}
	return NULL;
}

/* ---- failover: the first usable ones ---- */

static void choose_failover(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	unsigned i = 0;
	policy_member_choose(v, next_usable(v, n, &i), out);
}

/* ---- weighted: one of the usable ones ---- */

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

/* The answers of a member, at its share of the whole. */
static void add_share(struct policy_choice *out, const struct policy_choice *part, uint64_t weight, uint64_t total) {
	for (unsigned i = 0; i < part->n && out->n < POLICY_ALTERNATIVES_MAX; i++) {
		struct policy_alternative *a = &out->alternatives[out->n++];
		*a = part->alternatives[i];
		a->weight = a->weight * weight / total;
		a->weight += a->weight == 0;
	}
}

static void choose_weighted(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	const struct policy_member *from[UINT8_MAX];
	unsigned n_from = draw_from(v, n, from);
	uint64_t total = 0;
	for (unsigned i = 0; i < n_from; i++)
		total += from[i]->weight > 0 ? from[i]->weight : 1;
	out->n = 0;
	for (unsigned i = 0; i < n_from; i++) {
		struct policy_choice part;
		policy_member_choose(v, from[i], &part);
		add_share(out, &part, from[i]->weight > 0 ? from[i]->weight : 1, total);
	}
}

/* ---- the registry ---- */

static const struct policy_kind kinds[] = {
	[CFG_POLICY_FAILOVER] = { choose_failover },
	[CFG_POLICY_WEIGHTED] = { choose_weighted },
};

const struct policy_kind *policy_kind_find(enum cfg_policy kind) {
	return &kinds[kind];
}
