/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy tree evaluated: what is usable, what that comes to for a class of clients, and what happens when nothing is. Pure; each kind's
 * own rule stands in policy_kinds.c.
 */
#include "gslb/policy_tree.h"

#include "steerway/base/mem.h"

struct policy *policy_create(struct maps *maps, const struct cfg_name *cfg, struct err *e) {
	struct policy_tree *t = policy_tree_get(maps, cfg, e);
	if (!t)
		return NULL;
	struct policy *p = mem_zalloc(sizeof(*p));
	*p = (struct policy){
		.n_sites = t->n_sites, .sites = t->sites, .map = t->map, .n_classes = t->n_classes, .cfg = cfg, .tree = t
	};
	return p;
}

void policy_destroy(struct policy *p) {
	if (!p)
		return;
	policy_tree_release(p->tree);
	mem_free(p);
}

/* ---- what is usable ---- */

const struct policy_row *policy_row_of(const struct policy_view *v, const struct policy_node *n) {
	const struct policy_tree *t = v->tree;
	switch (n->by) {
	case POLICY_BY_MAP:
		return &n->rows[t->map_values[v->map_class * t->n_map_values + n->dimension]];
	case POLICY_BY_BUCKET:
		return &n->rows[t->bucket_values[v->bucket_class * t->n_bucket_values + n->dimension]];
	case POLICY_BY_NOTHING:
		break;
	}
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
	struct policy_alternative *a = &out->alternatives[0];
	out->n = a->n = 1;
	a->weight = POLICY_WHOLE;
	a->is_fallback = false;
	a->sites = UINT64_C(1) << place;
	a->order[0] = (uint8_t)place;
}

void policy_member_choose(const struct policy_view *v, const struct policy_member *m, struct policy_choice *out) {
	if (m->node)
		m->node->kind->choose(v, m->node, out);
	else
		choose_site(m->place, out);
}

/* ---- nothing is usable ---- */

static void choose_nothing(struct policy_choice *out) {
	struct policy_alternative *a = &out->alternatives[0];
	out->n = 1;
	a->weight = POLICY_WHOLE;
	a->sites = a->n = 0;
	a->is_fallback = false;
}

static void choose_sites(uint64_t sites, struct policy_choice *out) {
	struct policy_alternative *a = &out->alternatives[0];
	choose_nothing(out);
	a->sites = sites;
	for (unsigned i = 0; i < POLICY_SITES_MAX; i++)
		if (sites >> i & 1)
			a->order[a->n++] = (uint8_t)i;
}

/* All that this class may ever get: of a view, what is in its case. */
static uint64_t sites_of(const struct policy_view *v, const struct policy_node *n) {
	const struct policy_row *row = policy_row_of(v, n);
	uint64_t sites = 0;
	if (!n->kind->is_final)
		return n->sites;
	for (unsigned i = 0; i < row->n; i++) {
		const struct policy_member *m = &n->members[row->members[i]];
		sites |= m->node ? sites_of(v, m->node) : UINT64_C(1) << m->place;
	}
	return sites;
}

static void choose_first(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out) {
	const struct policy_row *row = policy_row_of(v, n);
	if (row->n == 0) {
		choose_nothing(out);
		return;
	}
	const struct policy_member *m = &n->members[row->members[0]];
	if (m->node)
		choose_first(v, m->node, out);
	else
		choose_site(m->place, out);
}

static void choose_all_down(const struct policy_view *v, uint64_t last, struct policy_choice *out) {
	const struct policy_node *root = v->tree->root;
	struct policy_view then = *v;
	then.usable = last;
	switch (v->all_down) {
	case CFG_ALL_DOWN_LAST:
		if (node_is_usable(&then, root)) {
			root->kind->choose(&then, root, out);
			break;
		}
		choose_sites(sites_of(v, root), out);
		break;
	case CFG_ALL_DOWN_ALL:
		choose_sites(sites_of(v, root), out);
		break;
	case CFG_ALL_DOWN_FIRST:
		choose_first(v, root, out);
		break;
	case CFG_ALL_DOWN_FALLBACK:
		choose_nothing(out);
		out->alternatives[0].is_fallback = true;
		break;
	case CFG_ALL_DOWN_NONE:
		choose_nothing(out);
		break;
	}
}

/* ---- the front door ---- */

static struct policy_view view_of(const struct policy *p, uint64_t usable, unsigned class) {
	return (struct policy_view){ .tree = p->tree,
		                     .usable = usable,
		                     .map_class = class / p->tree->n_bucket_classes,
		                     .bucket_class = class % p->tree->n_bucket_classes,
		                     .all_down = p->cfg->all_down };
}

void policy_choose(const struct policy *p, uint64_t usable, uint64_t last, unsigned class, struct policy_choice *out) {
	struct policy_view v = view_of(p, usable, class);
	const struct policy_node *root = p->tree->root;
	out->is_all_down = !node_is_usable(&v, root);
	if (out->is_all_down)
		choose_all_down(&v, last, out);
	else
		root->kind->choose(&v, root, out);
}

void policy_choose_all(const struct policy *p, struct policy_choice *out) {
	choose_sites(p->tree->root->sites, out);
	out->is_all_down = false;
}

uint64_t policy_choice_sites(const struct policy_choice *c) {
	uint64_t sites = 0;
	for (unsigned i = 0; i < c->n; i++)
		sites |= c->alternatives[i].sites;
	return sites;
}

/* ---- for people ---- */

static void say_node(const struct policy_view *v, const struct policy_node *n, struct buf *out) {
	const struct policy_row *row = policy_row_of(v, n);
	unsigned n_said = 0;
	buf_add(out, str_from(n->kind->name));
	if (n->id.n > 0)
		buf_printf(out, " %.*s", STR_ARG(n->id));
	if (n->map.n > 0)
		buf_printf(out, " (map %.*s%s%.*s)", STR_ARG(n->map), row->why.n > 0 ? ", " : "", STR_ARG(row->why));
	buf_add_char(out, ':');
	for (unsigned i = 0; i < row->n; i++) {
		const struct policy_member *m = &n->members[row->members[i]];
		if (!policy_member_is_usable(v, m) || (n_said == n->answers && !n->kind->draws))
			continue;
		buf_add(out, n_said++ ? STR(", ") : STR(" "));
		if (m->node)
			say_node(v, m->node, out);
		else
			buf_add(out, m->id);
		if (n->kind->draws)
			buf_printf(out, " %u", m->weight);
	}
	if (n_said == 0)
		buf_add(out, STR(" nothing usable"));
}

void policy_explain(const struct policy *p, uint64_t usable, uint64_t last, unsigned class, struct buf *out) {
	struct policy_view v = view_of(p, usable, class);
	struct policy_choice c;
	say_node(&v, p->tree->root, out);
	policy_choose(p, usable, last, class, &c);
	if (!c.is_all_down)
		return;
	uint64_t sites = policy_choice_sites(&c);
	buf_printf(out, "; all_down %s:", cfg_all_down_text(p->cfg->all_down));
	for (unsigned i = 0; i < p->n_sites; i++)
		if (sites >> i & 1)
			buf_printf(out, " %.*s", STR_ARG(p->sites[i]->id));
}
