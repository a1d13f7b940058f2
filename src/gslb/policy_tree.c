/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration and maps to policy trees: members with their places, the rows of what clients get, and one map for all that the tree
 * asks of a client. Compiled once for all names with the same policy.
 */
#include "gslb/policy_tree.h"

#include "steerway/base/mem.h"

/* A node that looks at clients, and what its map or its buckets lead to. */
struct dependent {
	struct policy_node *node;
	struct policy_source from;
	struct client_map *map; /* of POLICY_BY_MAP: classes are rows */
	uint32_t row_of[CLIENT_BUCKETS];
};
struct builder {
	struct policy_tree *tree;
	const struct maps *maps;
	struct map nodes; /* of `policies`, by id: each is built once */
	struct dependent *dependents;
	unsigned n_dependents;
	struct err *err;
};

static struct policy_source source_of_policy(const struct cfg_policy *p) {
	return (struct policy_source){ p->id, p->policy, &p->sites, p->map, &p->cases, p->answers, p->min_up };
}

static struct policy_source source_of_name(const struct cfg_name *n) {
	if (n->use)
		return source_of_policy(n->use);
	return (struct policy_source){ STR(""), n->policy, &n->sites, n->map, &n->cases, n->answers, n->min_up };
}

/* ---- members ---- */

static int place_of(struct policy_tree *t, const struct cfg_site *site, struct err *e) {
	for (unsigned i = 0; i < t->n_sites; i++)
		if (t->sites[i] == site)
			return (int)i;
	if (t->n_sites == POLICY_SITES_MAX)
		return err_set(e, "more than %d sites", POLICY_SITES_MAX);
	t->sites[t->n_sites] = site;
	return (int)t->n_sites++;
}

static struct str member_id(const struct cfg_member *m) {
	return m->site ? m->site->id : m->policy->id;
}

unsigned policy_member_index(const struct policy_node *n, const struct cfg_member *m) {
	unsigned i = 0;
	while (i + 1 < n->n && !str_eq(n->members[i].id, member_id(m))) /* no policy has the name of a site */
		i++;
	return i;
}

static const struct policy_node *node_build(struct builder *b, const struct policy_source *from);

static int member_add(struct builder *b, struct policy_node *n, struct policy_member *members, const struct cfg_member *m) {
	struct policy_member *out = &members[n->n];
	for (unsigned i = 0; i < n->n; i++)
		if (str_eq(members[i].id, member_id(m)))
			return 0;
	*out = (struct policy_member){ .id = member_id(m), .weight = m->weight };
	if (m->site) {
		int place = place_of(b->tree, m->site, b->err);
		if (place < 0)
			return -1;
		out->place = (uint8_t)place;
		out->is_standby = m->site->role == CFG_SITE_ROLE_STANDBY;
		n->sites |= UINT64_C(1) << place;
	} else {
		struct policy_source below = source_of_policy(m->policy);
		out->node = node_build(b, &below);
		if (!out->node)
			return -1;
		n->sites |= out->node->sites;
	}
	n->n++;
	return 0;
}

static int members_add(struct builder *b, struct policy_node *n, const struct policy_source *from) {
	size_t most = from->sites->n;
	for (size_t i = 0; i < from->cases->n; i++)
		most += from->cases->items[i].members.n;
	struct policy_member *members = arena_zalloc(&b->tree->arena, (most + 1) * sizeof(*members));
	n->members = members;
	for (size_t i = 0; i < from->sites->n; i++)
		if (member_add(b, n, members, &from->sites->items[i]) < 0)
			return -1;
	for (size_t i = 0; i < from->cases->n; i++)
		for (size_t k = 0; k < from->cases->items[i].members.n; k++)
			if (member_add(b, n, members, &from->cases->items[i].members.items[k]) < 0)
				return -1;
	if (n->n == 0 || n->n > POLICY_SITES_MAX)
		return err_set(b->err, "takes 1 to %d members, not %u", POLICY_SITES_MAX, n->n);
	return 0;
}

/* ---- rows ---- */

static void rows_of_all(struct builder *b, struct policy_node *n) {
	struct policy_row *row = arena_alloc(&b->tree->arena, sizeof(*row));
	uint16_t *members = arena_alloc(&b->tree->arena, n->n * sizeof(*members));
	for (uint16_t i = 0; i < n->n; i++)
		members[i] = i;
	*row = (struct policy_row){ .n = n->n, .members = members };
	n->rows = row;
	n->n_rows = 1;
}

static int rows_by_client(struct builder *b, struct policy_node *n, const struct policy_source *from) {
	b->dependents = mem_realloc_array(b->dependents, b->n_dependents + 1, sizeof(*b->dependents));
	struct dependent *d = &b->dependents[b->n_dependents];
	*d = (struct dependent){ .node = n, .from = *from };
	if (n->by == POLICY_BY_BUCKET) {
		b->n_dependents++;
		n->dimension = (uint16_t)b->tree->n_bucket_values++;
		return policy_rows_make(&b->tree->arena, n, from, NULL, d->row_of, b->err);
	}
	const struct map_source *map = maps_find(b->maps, from->map->id);
	uint32_t *row_of = mem_zalloc_array(map->n_records, sizeof(*row_of));
	int result = policy_rows_make(&b->tree->arena, n, from, map, row_of, b->err);
	if (result == 0) {
		b->n_dependents++;
		n->map = arena_str(&b->tree->arena, from->map->id);
		n->dimension = (uint16_t)b->tree->n_map_values++;
		d->map = client_map_relabel(map->prefixes, row_of);
	}
	mem_free(row_of);
	return result;
}

static const struct policy_node *node_build(struct builder *b, const struct policy_source *from) {
	struct policy_node *n = from->id.n > 0 ? map_get(&b->nodes, from->id) : NULL;
	if (n)
		return n;
	n = arena_zalloc(&b->tree->arena, sizeof(*n));
	n->kind = policy_kind_find(from->kind);
	n->id = arena_str(&b->tree->arena, from->id);
	n->by = n->kind->by;
	if (members_add(b, n, from) < 0)
		return NULL;
	n->answers = (uint16_t)(from->answers > 0 ? from->answers : n->kind->takes_all ? n->n : 1);
	n->min_up = (uint16_t)from->min_up;
	if (n->by == POLICY_BY_NOTHING)
		rows_of_all(b, n);
	else if (rows_by_client(b, n, from) < 0)
		return NULL;
	if (from->id.n > 0)
		map_put(&b->nodes, n->id, n);
	return n;
}

/* ---- how many answers there can be at once ---- */

static unsigned choose_of(unsigned n, unsigned k) {
	double product = 1;
	for (unsigned i = 0; i < k; i++)
		product = product * (n - i) / (i + 1);
	return product > UINT16_MAX ? UINT16_MAX : (unsigned)(product + 0.5);
}

/* At most; UINT16_MAX: at least so many. */
static unsigned alternatives_of(const struct policy_node *n) {
	unsigned most[POLICY_SITES_MAX], k = n->answers < n->n ? n->answers : n->n;
	uint64_t product = 1, sum = 0;
	for (unsigned i = 0; i < n->n; i++) { /* sorted, the largest first */
		unsigned at = i, its = n->members[i].node ? alternatives_of(n->members[i].node) : 1;
		sum += its;
		for (; at > 0 && most[at - 1] < its; at--)
			most[at] = most[at - 1];
		most[at] = its;
	}
	for (unsigned i = 0; i < k && product < UINT16_MAX; i++)
		product *= most[i];
	if (n->kind->draws && k == 1)
		product = sum;
	else if (n->kind->draws) /* no step of drawing may have more sets than that either */
		product *= choose_of(n->n, k < n->n / 2 ? k : n->n / 2);
	return product < UINT16_MAX ? (unsigned)product : UINT16_MAX;
}

static int check_alternatives(const struct policy_node *root, struct err *e) {
	unsigned n = alternatives_of(root);
	return n <= POLICY_ALTERNATIVES_MAX
	           ? 0
	           : err_set(e,
	                     "may have %s%u different answers at a time, more than %d; lower answers, or draw from fewer members",
	                     n == UINT16_MAX ? "more than " : "", n, POLICY_ALTERNATIVES_MAX);
}

/* ---- classes of clients ---- */

/* Combinations of rows over all nodes by bucket: few, since each node has few rows. */
static int classes_of_buckets(struct builder *b, uint16_t class_of[CLIENT_BUCKETS]) {
	struct policy_tree *t = b->tree;
	struct map seen = { 0 };
	unsigned n = t->n_bucket_values;
	t->bucket_values = arena_alloc(&t->arena, (size_t)CLIENT_BUCKETS * n * sizeof(*t->bucket_values));
	for (unsigned bucket = 0; bucket < CLIENT_BUCKETS; bucket++) {
		uint16_t *values = &t->bucket_values[t->n_bucket_classes * n];
		for (unsigned i = 0; i < b->n_dependents; i++)
			if (b->dependents[i].node->by == POLICY_BY_BUCKET)
				values[b->dependents[i].node->dimension] = (uint16_t)b->dependents[i].row_of[bucket];
		struct str key = str_slice((const char *)values, n * sizeof(*values));
		uintptr_t known = (uintptr_t)map_get(&seen, key);
		if (!known) {
			known = ++t->n_bucket_classes;
			map_put(&seen, key, (void *)known);
		}
		class_of[bucket] = (uint16_t)(known - 1);
	}
	map_fini(&seen);
	return 0;
}

static int classes_of_maps(struct builder *b) {
	struct policy_tree *t = b->tree;
	const struct client_map *maps[POLICY_SITES_MAX];
	uint32_t *tuples;
	unsigned n = 0;
	if (t->n_map_values > COUNT_OF(maps))
		return err_set(b->err, "more than %zu policies look at maps", COUNT_OF(maps));
	for (unsigned i = 0; i < b->n_dependents; i++) /* in the order of their dimensions */
		if (b->dependents[i].map)
			maps[n++] = b->dependents[i].map;
	t->map = client_map_combine(maps, n, &tuples);
	if (t->map) {
		size_t n_values = (size_t)client_map_n_classes(t->map) * n;
		t->map_values = arena_alloc(&t->arena, n_values * sizeof(*t->map_values));
		for (size_t i = 0; i < n_values; i++)
			t->map_values[i] = (uint16_t)tuples[i];
	}
	mem_free(tuples);
	return t->map ? 0 : err_set(b->err, "clients fall into too many classes; name fewer sites or cases");
}

static int classes_make(struct builder *b) {
	struct policy_tree *t = b->tree;
	uint16_t class_of[CLIENT_BUCKETS];
	const struct client_prefix *twice;
	t->n_classes = t->n_bucket_classes = 0;
	if (b->n_dependents == 0) {
		t->n_classes = t->n_bucket_classes = 1;
		return 0;
	}
	if (t->n_map_values > 0 && classes_of_maps(b) < 0)
		return -1;
	if (!t->map)
		t->map = client_map_cut(NULL, 0, 0, &twice);
	if (t->n_bucket_values > 0 && classes_of_buckets(b, class_of) == 0)
		client_map_spread(t->map, class_of, t->n_bucket_classes);
	else
		t->n_bucket_classes = 1;
	t->n_classes = client_map_n_classes(t->map);
	return t->n_classes <= POLICY_CLASSES_MAX
	           ? 0
	           : err_set(b->err, "clients fall into %u classes, more than %d; name fewer sites or cases", t->n_classes,
	                     POLICY_CLASSES_MAX);
}

/* ---- life ---- */

struct policy_tree *policy_tree_hold(struct policy_tree *t) {
	t->n_holders++;
	return t;
}

void policy_tree_release(struct policy_tree *t) {
	if (!t || --t->n_holders > 0)
		return;
	client_map_destroy(t->map);
	arena_fini(&t->arena);
	mem_free(t);
}

static struct policy_tree *tree_create(const struct maps *maps, const struct policy_source *from, struct err *e) {
	struct policy_tree *t = mem_zalloc(sizeof(*t));
	struct builder b = { .tree = t, .maps = maps, .err = e };
	t->n_holders = 1;
	arena_init(&t->arena, 4096);
	t->root = node_build(&b, from);
	int result = !t->root || check_alternatives(t->root, e) < 0 || classes_make(&b) < 0 ? -1 : 0;
	for (unsigned i = 0; i < b.n_dependents; i++)
		client_map_destroy(b.dependents[i].map);
	mem_free(b.dependents);
	map_fini(&b.nodes);
	if (result == 0)
		return t;
	policy_tree_release(t);
	return NULL;
}

static void key_add_members(struct buf *out, const struct cfg_members *list) {
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, " %.*s:%u", STR_ARG(member_id(&list->items[i])), list->items[i].weight);
}

/* What tells one policy from another, below the same configuration. */
static void key_write(struct buf *out, const struct policy_source *from) {
	if (from->id.n > 0) {
		buf_printf(out, "use %.*s", STR_ARG(from->id));
		return;
	}
	buf_printf(out, "%s %llu %llu", policy_kind_find(from->kind)->name, (unsigned long long)from->answers,
	           (unsigned long long)from->min_up);
	key_add_members(out, from->sites);
	if (from->map)
		buf_printf(out, " map %.*s", STR_ARG(from->map->id));
	for (size_t i = 0; i < from->cases->n; i++) {
		buf_printf(out, "\n%.*s", STR_ARG(from->cases->items[i].key));
		key_add_members(out, &from->cases->items[i].members);
	}
}

struct policy_tree *policy_tree_get(struct maps *maps, const struct cfg_name *cfg, struct err *e) {
	struct policy_source from = source_of_name(cfg);
	struct buf key = { 0 };
	key_write(&key, &from);
	struct policy_tree *t = map_get(&maps->trees, buf_str(&key));
	if (!t) {
		t = tree_create(maps, &from, e);
		if (t)
			map_put(&maps->trees, arena_str(&t->arena, buf_str(&key)), t);
	}
	buf_fini(&key);
	return t ? policy_tree_hold(t) : NULL;
}
