/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps of a configuration: which are read anew, which are shared with the configuration before, and what happens when a file has a
 * fault. Control thread.
 */
#include "gslb/maps.h"

#include "gslb/latency.h"
#include "gslb/policy_tree.h"

#include "steerway/base/buf.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

/* ---- sources ---- */

static int (*const readers[])(struct map_source *s, struct err *e) = {
	[CFG_MAP_TYPE_SUBNET] = map_subnet_read,
	[CFG_MAP_TYPE_LATENCY] = map_latency_read,
	[CFG_MAP_TYPE_GEO] = map_geo_read,
};

struct map_source *map_source_read(const struct cfg_map *cfg, unsigned wants, struct str told, struct err *e) {
	struct map_source *s = mem_zalloc(sizeof(*s));
	arena_init(&s->arena, 4096);
	s->n_holders = 1;
	s->type = cfg->type;
	s->wants = wants;
	s->name = arena_str(&s->arena, cfg->id);
	s->path = arena_str(&s->arena, cfg->file);
	s->told = arena_str(&s->arena, told);
	if (readers[s->type](s, e) == 0)
		return s;
	map_source_release(s);
	return NULL;
}

struct map_source *map_source_hold(struct map_source *s) {
	s->n_holders++;
	return s;
}

void map_source_release(struct map_source *s) {
	if (!s || --s->n_holders > 0)
		return;
	client_map_destroy(s->prefixes);
	mem_free(s->values);
	mem_free(s->times);
	mem_free(s->times_at);
	mem_free(s->places);
	arena_fini(&s->arena);
	mem_free(s);
}

/* ---- what policies ask of a map ---- */

static unsigned wants_of_case(struct str key) {
	static const struct {
		struct str prefix;
		unsigned bit;
	} rows[] = { { STR_INIT("continent/"), MAP_WANTS_CONTINENT },
		     { STR_INIT("country/"), MAP_WANTS_COUNTRY },
		     { STR_INIT("region/"), MAP_WANTS_REGION },
		     { STR_INIT("asn/"), MAP_WANTS_ASN } };
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (str_starts(key, rows[i].prefix))
			return rows[i].bit;
	return 0;
}

static unsigned wants_of_choice(const struct cfg_map *map, const struct cfg_map *its, const struct cfg_cases *cases) {
	unsigned wants = its == map && cases->n == 0 ? MAP_WANTS_LOCATION : 0;
	for (size_t i = 0; its == map && i < cases->n; i++)
		wants |= wants_of_case(cases->items[i].key);
	return wants;
}

static unsigned wants_of(const struct cfg_root *cfg, const struct cfg_map *map) {
	unsigned wants = 0;
	for (size_t i = 0; i < cfg->policies.n; i++)
		wants |= wants_of_choice(map, cfg->policies.items[i].map, &cfg->policies.items[i].cases);
	for (size_t i = 0; i < cfg->zones.n; i++)
		for (size_t j = 0; j < cfg->zones.items[i].names.n; j++) {
			const struct cfg_name *n = &cfg->zones.items[i].names.items[j];
			wants |= wants_of_choice(map, n->map, &n->cases);
		}
	return wants;
}

/* ---- the set ---- */

static bool file_is_same(const struct stat *a, const struct stat *b) {
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct map_source *source_find(const struct maps *m, struct str name) {
	for (size_t i = 0; m && i < m->n; i++)
		if (str_eq(m->items[i]->name, name))
			return m->items[i];
	return NULL;
}

static bool is_current(const struct map_source *s, const struct cfg_map *cfg, unsigned wants, struct str told) {
	struct stat now;
	return s->type == cfg->type && s->wants == wants && str_eq(s->told, told) && str_eq(s->path, cfg->file) &&
	       stat(cfg->file.p, &now) == 0 && file_is_same(&s->file, &now);
}

static struct map_source *source_read(const struct cfg_root *cfg, const struct cfg_map *c, const struct latency *told,
                                      struct map_source *old, struct err *e) {
	struct buf lines = { 0 };
	unsigned wants = wants_of(cfg, c);
	if (told && c->type == CFG_MAP_TYPE_LATENCY)
		latency_lines(told, cfg, c->id, &lines);
	struct map_source *s = old && is_current(old, c, wants, buf_str(&lines)) ? map_source_hold(old)
	                                                                         : map_source_read(c, wants, buf_str(&lines), e);
	buf_fini(&lines);
	return s;
}

/* A name that no site has is one that was mistyped: nothing would ever be routed by it. */
static int check_sites(const struct map_source *s, const struct cfg_root *cfg, struct err *e) {
	for (unsigned i = 0; i < s->n_sites; i++) {
		bool is_known = false;
		for (size_t k = 0; k < cfg->sites.n; k++)
			is_known |= str_eq(cfg->sites.items[k].id, s->sites[i]);
		if (!is_known)
			return err_set(e, "%.*s: no site \"%.*s\"; add it under sites, or mend the name", STR_ARG(s->path),
			               STR_ARG(s->sites[i]));
	}
	return 0;
}

static struct map_source *source_get(const struct cfg_root *cfg, const struct cfg_map *c, const struct maps *before,
                                     const struct latency *told, size_t *kept, struct err *e) {
	struct map_source *old = source_find(before, c->id);
	struct map_source *s = source_read(cfg, c, told, old, e);
	if (s && check_sites(s, cfg, e) == 0)
		return s;
	map_source_release(s);
	if (kept && old) {
		log_error("map_refused", LOG_STR("map", c->id), LOG_CSTR("why", e->text),
		          LOG_CSTR("then", "the old one serves on"));
		++*kept;
		return map_source_hold(old);
	}
	err_context(e, "maps.%.*s", STR_ARG(c->id));
	return NULL;
}

struct maps *maps_create(const struct cfg_root *cfg, const struct maps *old, const struct latency *told, size_t *kept,
                         struct err *e) {
	struct maps *m = mem_zalloc(sizeof(*m));
	m->items = mem_zalloc_array(cfg->maps.n + 1, sizeof(struct map_source *));
	for (size_t i = 0; i < cfg->maps.n; i++) {
		m->items[m->n] = source_get(cfg, &cfg->maps.items[i], old, told, kept, e);
		if (!m->items[m->n]) {
			maps_destroy(m);
			return NULL;
		}
		m->n++;
	}
	return m;
}

/* Trees too: what was compiled once is not compiled anew, and can't be refused. */
struct maps *maps_hold(const struct maps *from) {
	struct maps *m = mem_zalloc(sizeof(*m));
	m->items = mem_zalloc_array(from->n + 1, sizeof(struct map_source *));
	for (m->n = 0; m->n < from->n; m->n++)
		m->items[m->n] = map_source_hold(from->items[m->n]);
	for (struct map_entry *t = NULL; (t = map_next(&from->trees, t));)
		map_put(&m->trees, t->key, policy_tree_hold(t->value));
	return m;
}

const struct map_source *maps_find(const struct maps *m, struct str name) {
	return source_find(m, name);
}

void maps_destroy(struct maps *m) {
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		map_source_release(m->items[i]);
	for (struct map_entry *t = NULL; (t = map_next(&m->trees, t));)
		policy_tree_release(t->value);
	map_fini(&m->trees);
	mem_free(m->items);
	mem_free(m);
}
