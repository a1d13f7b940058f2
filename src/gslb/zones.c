/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All zones together: which of two nested ones owns a name, and the one hash table that a query looks into. A snapshot owns what
 * was made for it; zones whose files did not change it shares with the one before. A zone that is faulty now keeps its last good
 * version: what was made of it, or its text to be read again where something else of it hangs on the configuration; and its keys.
 */
#include "gslb/acme.h"
#include "gslb/dnssec.h"
#include "gslb/maps.h"
#include "gslb/zone_text.h"

/* One attempt at a snapshot. */
struct build {
	struct zones *zones;
	const struct cfg_root *cfg;
	const struct zones *old;       /* NULL at start */
	const struct renewal *renewal; /* NULL: files are read */
	const struct latency *told;    /* rows of maps; with a renewal NULL: they are another thread's */
	bool *is_nested;               /* by place in the configuration: see find_nested() */
	char **faults; /* by place in the configuration: what is wrong with the zone as it stands; NULL: nothing yet */
	size_t at;     /* the zone at work, whose fault it is when the attempt fails; SIZE_MAX: that of none */
};

static struct zone *zone_of_apex(const struct zones *zs, struct str wire) {
	return map_get(&zs->by_name, wire);
}

/* The closest served zone above this one. */
static struct zone *zone_above(const struct zones *zs, struct str wire) {
	struct dns_name name;
	dns_name_read(&name, wire);
	for (unsigned i = 1; i <= name.n_labels; i++) {
		struct zone *z = zone_of_apex(zs, dns_name_suffix(&name, i));
		if (z)
			return z;
	}
	return NULL;
}

struct zone *zones_zone_of(const struct zones *zs, struct str wire) {
	struct zone *z = zone_of_apex(zs, wire);
	return z ? z : zone_above(zs, wire);
}

/* ---- zones that are kept ---- */

/* Which have another zone above or below them, by place in the configuration: their answers hang on that one, and they are made anew
 * with it. */
static bool *find_nested(const struct cfg_root *cfg) {
	bool *is_nested = mem_zalloc_array(cfg->zones.n, sizeof(*is_nested));
	struct arena names;
	struct map places = { 0 };
	struct dns_name name;
	struct err e;
	arena_init(&names, 64 * 1024);
	for (size_t i = 0; i < cfg->zones.n; i++)
		if (zone_name_parse(&name, cfg->zones.items[i].id, NULL, &e) == 0)
			map_put(&places, arena_str(&names, dns_name_suffix(&name, 0)), &is_nested[i]);
	for (size_t i = 0; i < cfg->zones.n; i++) {
		bool is_name = zone_name_parse(&name, cfg->zones.items[i].id, NULL, &e) == 0;
		for (unsigned k = 1; is_name && k <= name.n_labels; k++) {
			bool *above = map_get(&places, dns_name_suffix(&name, k));
			if (above)
				*above = is_nested[i] = true;
		}
	}
	map_fini(&places);
	arena_fini(&names);
	return is_nested;
}

static bool files_are_unchanged(const struct zone *z, const struct cfg_zone *c) {
	if (z->n_files == 0 || !str_eq(z->files[0].path, c->file))
		return false;
	for (size_t i = 0; i < z->n_files; i++)
		if (!zone_file_is_unchanged(&z->files[i]))
			return false;
	return true;
}

/* Does nothing in its answers hang on the configuration, so that they can serve on? */
static bool is_plain(const struct zone *z, const struct cfg_zone *c) {
	return z->is_unloaded && c->names.n == 0 && !c->dnssec.is_given;
}

static struct zone *hold(struct zone *old, const struct cfg_zone *c) {
	struct zone *unit = old->unit, *z = mem_zalloc(sizeof(*z));
	unit->n_holds++;
	*z = (struct zone){ .unit = unit,
		            .cfg = c,
		            .text = unit->text,
		            .name = unit->name,
		            .files = unit->files,
		            .n_files = unit->n_files,
		            .serial = unit->serial,
		            .negative_ttl = unit->negative_ttl,
		            .n_rrsets = unit->n_rrsets,
		            .is_unloaded = true };
	return z;
}

/* The zone as it should be, or as it was when it is known to be faulty. */
static struct zone *zone_make(const struct build *b, size_t i, struct zone *old, struct err *e) {
	const struct cfg_zone *c = &b->cfg->zones.items[i];
	if (old && is_plain(old, c)) {
		bool is_same = !old->fault && !old->is_nested && !b->is_nested[i] && files_are_unchanged(old, c);
		if (b->faults[i] || b->renewal || is_same)
			return hold(old, c);
	}
	return zone_load(c, b->faults[i] || b->renewal ? old : NULL, e);
}

/* Most faults show when a file is read: no other zone has to be made again then. */
static struct zone *zone_get(struct build *b, size_t i, struct err *e) {
	struct str id = b->cfg->zones.items[i].id;
	struct dns_name name;
	if (zone_name_parse(&name, id, NULL, e) < 0)
		return NULL;
	struct zone *old = b->old ? zone_of_apex(b->old, dns_name_suffix(&name, 0)) : NULL;
	struct zone *z = zone_make(b, i, old, e);
	if (z || !old || b->faults[i] || b->renewal)
		return z;
	err_context(e, "zones.%.*s", STR_ARG(id));
	b->faults[i] = mem_strdup(str_from(e->text));
	return zone_make(b, i, old, e);
}

/* ---- building ---- */

static int load_all(struct build *b, struct err *e) {
	for (b->at = 0; b->at < b->cfg->zones.n; b->at++) {
		const struct cfg_zone *c = &b->cfg->zones.items[b->at];
		struct zone *z = zone_get(b, b->at, e);
		if (!z)
			return err_context(e, "zones.%.*s", STR_ARG(c->id));
		z->index = b->at;
		z->is_nested = b->is_nested[b->at];
		*b->zones->tail = z;
		b->zones->tail = &z->next;
		if (map_put(&b->zones->by_name, z->name, z)) {
			b->at = SIZE_MAX;
			return err_set(e, "zones.%.*s: the zone stands twice in the configuration", STR_ARG(c->id));
		}
		if (z->unit == z && zone_add_names(z, b->zones->maps, e) < 0)
			return -1;
	}
	return 0;
}

/* What a zone holds at and below the apex of another one that is served too is that other zone's. */
static void hide_nested(struct zones *zs) {
	for (struct zone *z = zs->first; z; z = z->next) {
		struct zone *above = z->is_nested ? zone_above(zs, z->name) : NULL;
		struct dns_name name;
		if (!above || above->is_unloaded || !dns_name_read(&name, z->name))
			continue;
		struct node *n = zone_node(above, &name, 0, 0);
		n->is_hidden = true;
		z->parent = above;
		z->parent_cut = node_rrset(n, DNS_TYPE_NS) ? n : NULL;
	}
}

static int step_check(struct zone *z, struct render *r, struct err *e) {
	(void)r;
	return zone_check(z, e);
}

/* One step for every zone, since the next one looks at what others came to. */
static int each_zone(struct build *b, int (*step)(struct zone *z, struct render *r, struct err *e), struct render *r,
                     struct err *e) {
	for (struct zone *z = b->zones->first; z; z = z->next) {
		b->at = z->index;
		if (z->unit == z && step(z, r, e) < 0)
			return -1;
	}
	return 0;
}

/* With keys read anew, but for a renewal. A zone that is kept as it was signs on as it did, when its key files are what is faulty. */
static int sign(const struct build *b, struct zone *z, struct err *e) {
	const struct zone *old = b->old ? zone_of_apex(b->old, z->name) : NULL;
	const struct signer *last = old ? old->signer : NULL;
	bool is_kept = b->faults[z->index] && !b->renewal;
	struct sign_how how = { .last_began = last && (is_kept || b->renewal) ? signer_began(last) : 0 };
	if (b->renewal) {
		how.is_cancelled = b->renewal->is_cancelled;
		how.max_threads = 1; /* nobody waits for it */
		how.keys = last && old != b->renewal->reads_keys ? signer_keys(last) : NULL;
	}
	int result = zone_sign(z, &how, e);
	z->is_kept_for_keys = b->renewal && old && old->is_kept_for_keys && b->faults[z->index];
	if (result < 0 && last && is_kept && !z->signer) {
		how.keys = signer_keys(last);
		result = zone_sign(z, &how, e);
		z->is_kept_for_keys = true;
	}
	return result;
}

static int sign_all(struct build *b, struct err *e) {
	for (struct zone *z = b->zones->first; z; z = z->next) {
		b->at = z->index;
		if (z->unit == z && sign(b, z, e) < 0)
			return -1;
	}
	return 0;
}

static bool has_signed(const struct zones *zs) {
	for (const struct zone *z = zs->first; z; z = z->next)
		if (z->is_signed)
			return true;
	return false;
}

/* ---- the table ---- */

static void table_add(struct zones *zs, const struct entry *entry, uint64_t hash, unsigned n_labels) {
	size_t i = zones_slot(zs, hash);
	while (zs->table[i])
		i = i + 1 == zs->n_slots ? 0 : i + 1;
	zs->table[i] = hash >> 48 << 48 | (uintptr_t)entry;
	if (n_labels > zs->max_labels)
		zs->max_labels = n_labels;
}

/* Is the entry of a zone that this snapshot holds, too? A faulty one may still have names that became another zone's. */
static bool is_held(const struct zones *zs, const struct entry *e) {
	const struct zone *unit = entry_rules(e)->zone;
	if (unit->held_by != zs)
		return false;
	if (!unit->is_held_nested)
		return true;
	struct str wire = str_slice((const char *)e->name, e->n_name);
	return zones_zone_of(zs, wire)->unit == unit;
}

/* Those of held zones have no list but the old table. Counts them; adds them when there is a table. */
static size_t index_held(struct zones *zs, const struct zones *old) {
	size_t n = 0;
	for (size_t i = 0; old && i < old->n_slots; i++) {
		const struct entry *e = zones_entry(old->table[i]);
		struct dns_name name;
		if (!e || !is_held(zs, e))
			continue;
		n++;
		if (zs->table && dns_name_read(&name, str_slice((const char *)e->name, e->n_name)))
			table_add(zs, e, dns_name_hash(name.wire, name.n), name.n_labels);
	}
	return n;
}

static size_t index_made(struct zones *zs) {
	size_t n = 0;
	for (struct zone *z = zs->first; z; z = z->next)
		for (struct node *it = z->first; it; it = it->next) {
			n += it->entry != NULL;
			if (zs->table && it->entry)
				table_add(zs, it->entry, it->hash, it->n_labels);
		}
	return n;
}

static int index_all(struct build *b, struct err *e) {
	struct zones *zs = b->zones;
	bool has_held = false;
	for (struct zone *z = b->old ? b->old->first : NULL; z; z = z->next)
		z->unit->held_by = NULL; /* it may say an attempt of before, at the same address */
	for (struct zone *z = zs->first; z; z = z->next)
		if (z->unit != z) {
			z->unit->held_by = zs;
			z->unit->is_held_nested = z->is_nested;
			has_held = true;
		}
	size_t n = index_made(zs) + (has_held ? index_held(zs, b->old) : 0);
	/* Half full while it fits the caches; of very many names four fifths, which costs a name that is not there some slots more. */
	zs->n_slots = n < 4096 ? 2 * n + 2 : n + n / 4;
	b->at = SIZE_MAX;
	if (zs->n_slots > UINT32_MAX)
		return err_set(e, "more than %u names in all zones together", UINT32_MAX / 5 * 4);
	zs->table = mem_zalloc_array(zs->n_slots, sizeof(*zs->table));
	index_made(zs);
	if (has_held)
		index_held(zs, b->old);
	return 0;
}

/* ---- attempts ---- */

static int build(struct build *b, struct render *r, struct err *e) {
	b->at = SIZE_MAX;
	const struct maps *old = b->old ? b->old->maps : NULL;
	b->zones->maps = b->renewal ? maps_hold(old) : maps_create(b->cfg, old, b->told, NULL, e);
	if (!b->zones->maps || load_all(b, e) < 0)
		return -1;
	hide_nested(b->zones);
	if (each_zone(b, step_check, r, e) < 0 || sign_all(b, e) < 0 || each_zone(b, zone_render_negative, r, e) < 0 ||
	    each_zone(b, zone_render, r, e) < 0 || index_all(b, e) < 0)
		return -1;
	bool is_any_signed = has_signed(b->zones);
	for (struct zone *z = b->zones->first; z; z = z->next) {
		if (b->faults[z->index])
			z->fault = mem_strdup(str_from(b->faults[z->index]));
		z->keeps_load = z->is_nested && is_any_signed;
		if (z->unit == z)
			zone_unload(z);
	}
	return 0;
}

/* Builds until all zones are right, or kept as they were last when they were. */
static struct zones *build_or_keep(struct build *b, struct render *r, struct err *e) {
	for (;;) {
		b->zones = mem_zalloc(sizeof(*b->zones));
		b->zones->tail = &b->zones->first;
		b->zones->cfg = b->cfg;
		if (build(b, r, e) == 0)
			return b->zones;
		zones_destroy(b->zones);
		if (b->at == SIZE_MAX || !b->old || b->renewal)
			return NULL;
		if (b->faults[b->at]) { /* neither as it is, nor as it was */
			err_set(e, "%s", b->faults[b->at]);
			return NULL;
		}
		b->faults[b->at] = mem_strdup(str_from(e->text));
	}
}

/* When its keys are read anew, they are right, or the renewal comes to nothing. */
static bool is_cured(const struct zone *z, const struct renewal *renewal) {
	return z == renewal->reads_keys && z->is_kept_for_keys && files_are_unchanged(z, z->cfg);
}

static struct zones *create(const struct cfg_root *cfg, const struct zones *old, const struct renewal *renewal,
                            const struct latency *told, struct err *e) {
	struct build b = { .cfg = cfg,
		           .old = old,
		           .renewal = renewal,
		           .told = told,
		           .is_nested = find_nested(cfg),
		           .faults = mem_zalloc_array(cfg->zones.n, sizeof(*b.faults)) };
	struct render *r = mem_zalloc(sizeof(*r));
	for (const struct zone *z = renewal ? old->first : NULL; z; z = z->next)
		b.faults[z->index] = z->fault && !is_cured(z, renewal) ? mem_strdup(str_from(z->fault)) : NULL;
	struct zones *zs = build_or_keep(&b, r, e);
	for (size_t i = 0; i < cfg->zones.n; i++)
		mem_free(b.faults[i]);
	mem_free(b.faults);
	mem_free(b.is_nested);
	mem_free(r);
	mem_give_back();
	return zs;
}

struct zones *zones_create(const struct cfg_root *cfg, const struct zones *old, const struct latency *told, struct err *e) {
	return create(cfg, old, NULL, told, e);
}

struct zones *zones_renew(const struct cfg_root *cfg, const struct zones *old, const struct renewal *how, struct err *e) {
	return create(cfg, old, how, NULL, e);
}

/* ---- the end ---- */

void zone_unload(struct zone *z) {
	if (z->steered || z->is_signed || z->keeps_load)
		return;
	mem_free(z->nodes.slots);
	z->nodes = (struct node_table){ .n = 0 };
	for (size_t i = 0; i < z->n_files; i++)
		z->files[i].text = STR_NONE;
	arena_fini(&z->load);
	z->apex = z->first = z->parent_cut = NULL;
	z->soa = NULL;
	z->is_unloaded = true;
}

static void unit_release(struct zone *unit) {
	if (--unit->n_holds > 0)
		return;
	for (struct steered *s = unit->steered; s; s = s->next)
		steered_fini(s);
	zone_sign_fini(unit);
	mem_free(unit->nodes.slots);
	arena_fini(&unit->arena);
	arena_fini(&unit->load);
	mem_free(unit);
}

void zone_destroy(struct zone *z) {
	struct zone *unit = z->unit;
	mem_free(z->fault);
	z->fault = NULL;
	if (unit != z)
		mem_free(z);
	unit_release(unit);
}

void zones_destroy(struct zones *zs) {
	if (!zs)
		return;
	SNAPSHOT_FREE_BEGIN(zs);
	map_fini(&zs->by_name);
	for (struct zone *z = zs->first, *next; z; z = next) {
		next = z->next;
		zone_destroy(z);
	}
	maps_destroy(zs->maps);
	overlay_destroy(atomic_load_explicit(&zs->overlay, memory_order_relaxed));
	mem_free(zs->table);
	mem_free(zs);
}
