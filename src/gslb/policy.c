/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy tree evaluated: what is usable, what that comes to, and what happens when nothing is. Pure; each kind's own rule stands in
 * policy_kinds.c.
 */
#include "gslb/policy_tree.h"

#include "steerway/base/mem.h"

const struct policy_row *policy_row_of(const struct policy_view *v, const struct policy_node *n) {
	(void)v;
	return &n->rows[0];
}

static bool node_is_usable(const struct policy_view *v, const struct policy_node *n) {
	const struct policy_row *row = policy_row_of(v, n);
	unsigned up = 0;
	for (unsigned i = 0; i < row->n && up < n->min_up; i++)
		up += policy_member_is_usable(v, &n->members[row->members[i]]);
	return up >= n->min_up;
}

bool policy_member_is_usable(const struct policy_view *v, const struct policy_member *m) {
	return m->node ? node_is_usable(v, m->node) : v->usable >> m->place & 1;
}

static void choose_site(unsigned place, struct policy_choice *out) {
	out->n = 1;
	out->alternatives[0].weight = POLICY_WHOLE;
	out->alternatives[0].sites = UINT64_C(1) << place;
	out->alternatives[0].n = 1;
	out->alternatives[0].order[0] = (uint8_t)place;
}

void policy_member_choose(const struct policy_view *v, const struct policy_member *m, struct policy_choice *out) {
	if (m->node)
		m->node->kind->choose(v, m->node, out);
	else
		choose_site(m->place, out);
}

/* ---- nothing is usable ---- */

static void choose_nothing(struct policy_choice *out) {
	out->n = 1;
	out->alternatives[0] = (struct policy_alternative){ .weight = POLICY_WHOLE };
}

static void choose_all(uint64_t sites, struct policy_choice *out) {
	struct policy_alternative *a = &out->alternatives[0];
	choose_nothing(out);
	a->sites = sites;
	for (unsigned i = 0; i < POLICY_SITES_MAX; i++)
		if (sites >> i & 1)
			a->order[a->n++] = (uint8_t)i;
}

static void choose_first(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	const struct policy_member *m = &n->members[policy_row_of(v, n)->members[0]];
	if (m->node)
		choose_first(v, m->node, out);
	else
		choose_site(m->place, out);
}

static void choose_all_down(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	switch (v->policy->cfg->all_down) {
	case CFG_ALL_DOWN_ALL:
		choose_all(n->sites, out);
		break;
	case CFG_ALL_DOWN_FIRST:
		choose_first(v, n, out);
		break;
	case CFG_ALL_DOWN_NONE:
		choose_nothing(out);
		break;
	}
}

/* ---- the front door ---- */

void policy_choose(const struct policy *p, uint64_t usable, uint64_t last, unsigned class, struct policy_choice *out) {
	struct policy_view v = { .policy = p, .usable = usable };
	(void)last;
	(void)class;
	out->is_all_down = !node_is_usable(&v, p->root);
	out->is_fallback = false;
	if (out->is_all_down)
		choose_all_down(&v, p->root, out);
	else
		p->root->kind->choose(&v, p->root, out);
}

void policy_choose_all(const struct policy *p, struct policy_choice *out) {
	choose_all(p->root->sites, out);
	out->is_all_down = out->is_fallback = false;
}

bool policy_choice_eq(const struct policy_choice *a, const struct policy_choice *b) {
	if (a->n != b->n || a->is_fallback != b->is_fallback)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct policy_alternative *x = &a->alternatives[i], *y = &b->alternatives[i];
		if (x->n != y->n || x->weight != y->weight || memcmp(x->order, y->order, x->n) != 0)
			return false;
	}
	return true;
}

uint64_t policy_choice_sites(const struct policy_choice *c) {
	uint64_t sites = 0;
	for (unsigned i = 0; i < c->n; i++)
		sites |= c->alternatives[i].sites;
	return sites;
}

/* ---- for people ---- */

static void say_sites(const struct policy *p, const struct policy_choice *c, struct buf *out) {
	uint64_t sites = policy_choice_sites(c);
	unsigned n = 0;
	for (unsigned i = 0; i < p->n_sites; i++)
		if (sites >> i & 1)
			buf_printf(out, "%s%.*s", n++ ? "," : "", STR_ARG(p->sites[i]->id));
	if (n == 0)
		buf_add(out, c->is_fallback ? STR("fallback") : STR("none"));
}

void policy_explain(const struct policy *p, uint64_t usable, uint64_t last, unsigned class, struct buf *out) {
	struct policy_choice c;
	policy_choose(p, usable, last, class, &c);
	if (c.is_all_down)
		buf_printf(out, "all_down %s: ", cfg_all_down_text(p->cfg->all_down));
	else
		buf_printf(out, "%s: ", cfg_policy_text(p->cfg->policy));
	say_sites(p, &c, out);
}
