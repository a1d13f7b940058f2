/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All zones together: which of two nested ones owns a name, and the one hash table that a query looks into. Owns everything
 * that was made for the snapshot.
 */
#include "gslb/dnssec.h"
#include "gslb/maps.h"

static struct zone *zone_of_apex(const struct zones *zs, struct str wire) {
	for (struct zone *z = zs->first; z; z = z->next)
		if (z->apex && str_eq(node_name(z->apex), wire))
			return z;
	return NULL;
}

/* The closest served zone above this one. */
static struct zone *zone_above(const struct zones *zs, const struct zone *below) {
	struct dns_name name;
	dns_name_read(&name, node_name(below->apex));
	for (unsigned i = 1; i <= name.n_labels; i++) {
		struct zone *z = zone_of_apex(zs, dns_name_suffix(&name, i));
		if (z)
			return z;
	}
	return NULL;
}

static int load_all(struct zones *zs, const struct cfg_root *cfg, struct err *e) {
	for (size_t i = 0; i < cfg->zones.n; i++) {
		const struct cfg_zone *c = &cfg->zones.items[i];
		struct zone *z = zone_load(zs, c, e);
		if (!z ||
		    (zone_of_apex(zs, node_name(z->apex)) != z && err_set(e, "the zone stands twice in the configuration") < 0))
			return err_context(e, "zones.%.*s", STR_ARG(c->id));
		if (zone_add_names(z, zs->maps, e) < 0)
			return -1;
	}
	return 0;
}

/* What a zone holds at and below the apex of another one that is served too is that other zone's. */
static void hide_nested(struct zones *zs) {
	for (struct zone *z = zs->first; z; z = z->next) {
		struct zone *above = zone_above(zs, z);
		struct dns_name name;
		if (!above || !dns_name_read(&name, node_name(z->apex)))
			continue;
		struct node *n = zone_node(above, &name, 0, 0);
		n->is_hidden = true;
		z->parent = above;
		z->parent_cut = node_rrset(n, DNS_TYPE_NS) ? n : NULL;
	}
}

static int index_all(struct zones *zs, struct err *e) {
	size_t n = 0;
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct node *it = z->first; it; it = it->next)
			n += it->entry != NULL;
	/* Half full while it fits the caches; of very many names four fifths, which costs a name that is not there some slots more. */
	zs->n_slots = n < 4096 ? 2 * n + 2 : n + n / 4;
	if (zs->n_slots > UINT32_MAX)
		return err_set(e, "more than %u names in all zones together", UINT32_MAX / 5 * 4);
	zs->table = mem_zalloc_array(zs->n_slots, sizeof(*zs->table));
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct node *it = z->first; it; it = it->next) {
			if (!it->entry)
				continue;
			uint64_t hash = it->hash;
			size_t i = zones_slot(zs, hash);
			while (zs->table[i])
				i = i + 1 == zs->n_slots ? 0 : i + 1;
			zs->table[i] = hash >> 48 << 48 | (uintptr_t)it->entry;
			if (it->n_labels > zs->max_labels)
				zs->max_labels = it->n_labels;
		}
	return 0;
}

static int build(struct zones *zs, const struct cfg_root *cfg, struct render *r, struct err *e) {
	if (load_all(zs, cfg, e) < 0)
		return -1;
	hide_nested(zs);
	for (struct zone *z = zs->first; z; z = z->next)
		if (zone_check(z, e) < 0)
			return -1;
	for (struct zone *z = zs->first; z; z = z->next)
		if (zone_sign(z, e) < 0)
			return -1;
	for (struct zone *z = zs->first; z; z = z->next)
		if (zone_render_negative(z, r, e) < 0)
			return -1;
	for (struct zone *z = zs->first; z; z = z->next)
		if (zone_render(z, r, e) < 0)
			return -1;
	if (index_all(zs, e) < 0)
		return -1;
	for (struct zone *z = zs->first; z; z = z->next)
		zone_unload(z);
	return 0;
}

struct zones *zones_create(const struct cfg_root *cfg, const struct zones *before, struct err *e) {
	struct zones *zs = mem_zalloc(sizeof(*zs));
	struct render *r = mem_zalloc(sizeof(*r));
	zs->tail = &zs->first;
	zs->maps = maps_create(cfg, before ? before->maps : NULL, NULL, e);
	int result = zs->maps ? build(zs, cfg, r, e) : -1;
	mem_free(r);
	mem_give_back();
	if (result == 0)
		return zs;
	zones_destroy(zs);
	return NULL;
}

void zone_unload(struct zone *z) {
	if (z->steered || z->is_signed)
		return;
	mem_free(z->nodes.slots);
	z->nodes = (struct node_table){ .n = 0 };
	arena_fini(&z->load);
	z->apex = z->first = z->parent_cut = NULL;
	z->soa = NULL;
	z->files = NULL;
	z->n_files = 0;
}

void zone_destroy(struct zone *z) {
	for (struct steered *s = z->steered; s; s = s->next)
		steered_fini(s);
	zone_sign_fini(z);
	mem_free(z->nodes.slots);
	arena_fini(&z->arena);
	arena_fini(&z->load);
	mem_free(z);
}

void zones_destroy(struct zones *zs) {
	if (!zs)
		return;
	SNAPSHOT_FREE_BEGIN(zs);
	for (struct zone *z = zs->first, *next; z; z = next) {
		next = z->next;
		zone_destroy(z);
	}
	maps_destroy(zs->maps);
	mem_free(zs->table);
	mem_free(zs);
}
