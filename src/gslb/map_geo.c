/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of type geo: the search tree of a MaxMind DB, walked once. A record is a place, as much of it as policies ask for: networks whose
 * places differ in nothing else become one. The file is trusted no further than libmaxminddb checks it: a tree that is too deep or
 * leads back into itself ends the walk.
 */
#include "gslb/maps.h"

#include "steerway/base/hash.h"
#include "steerway/base/mem.h"

#include <maxminddb.h>

/* Ten times the largest that is sold. */
#define STEPS_MAX 100000000u
#define DATA_SEPARATOR 16 /* bytes between search tree and data, which pointers count */

struct walk {
	MMDB_s db;
	struct map_source *source;
	struct client_cut *cut;
	struct map places; /* content -> record + 1 */
	uint32_t *offsets; /* hash table of data offsets + 1; 0: free */
	uint32_t *records; /* theirs */
	size_t mask, n_offsets;
	uint32_t places_cap;
	uint64_t n_steps;
	bool is_v6;
};

/* ---- places ---- */

static struct str text_at(MMDB_entry_s *at, const char *const *path) {
	MMDB_entry_data_s d;
	if (MMDB_aget_value(at, &d, path) != MMDB_SUCCESS || !d.has_data || d.type != MMDB_DATA_TYPE_UTF8_STRING)
		return STR("");
	return str_slice(d.utf8_string, d.data_size);
}

static bool number_at(MMDB_entry_s *at, const char *const *path, float *out) {
	MMDB_entry_data_s d;
	if (MMDB_aget_value(at, &d, path) != MMDB_SUCCESS || !d.has_data)
		return false;
	*out = d.type == MMDB_DATA_TYPE_FLOAT ? d.float_value : (float)d.double_value;
	return d.type == MMDB_DATA_TYPE_DOUBLE || d.type == MMDB_DATA_TYPE_FLOAT;
}

static const char *const continent_path[] = { "continent", "code", NULL };
static const char *const country_path[] = { "country", "iso_code", NULL };
static const char *const region_path[] = { "subdivisions", "0", "iso_code", NULL };
static const char *const asn_path[] = { "autonomous_system_number", NULL };
static const char *const latitude_path[] = { "location", "latitude", NULL };
static const char *const longitude_path[] = { "location", "longitude", NULL };

static void place_read(struct map_place *p, MMDB_entry_s *at, unsigned wants) {
	MMDB_entry_data_s d;
	char country[sizeof(p->country)];
	if (wants & MAP_WANTS_CONTINENT)
		str_copy(p->continent, sizeof(p->continent), text_at(at, continent_path));
	if (wants & (MAP_WANTS_COUNTRY | MAP_WANTS_REGION))
		str_copy(country, sizeof(country), text_at(at, country_path));
	if (wants & MAP_WANTS_COUNTRY)
		str_copy(p->country, sizeof(p->country), str_from(country));
	struct str region = wants & MAP_WANTS_REGION ? text_at(at, region_path) : STR("");
	if (region.n > 0 && region.n <= 3 && strlen(country) == 2) {
		memcpy(p->region, country, 2);
		p->region[2] = '-';
		memcpy(p->region + 3, region.p, region.n);
	}
	if (wants & MAP_WANTS_ASN && MMDB_aget_value(at, &d, asn_path) == MMDB_SUCCESS && d.has_data &&
	    d.type == MMDB_DATA_TYPE_UINT32)
		p->asn = d.uint32;
	if (wants & MAP_WANTS_LOCATION)
		p->has_location = number_at(at, latitude_path, &p->degrees[0]) && number_at(at, longitude_path, &p->degrees[1]);
}

/* The record of a place, a new one for a new place; UINT32_MAX: there are too many. */
static uint32_t place_record(struct walk *w, const struct map_place *p) {
	struct map_source *s = w->source;
	struct str key = str_slice((const char *)p, sizeof(*p));
	uintptr_t known = (uintptr_t)map_get(&w->places, key);
	if (known)
		return (uint32_t)known - 1;
	if (s->n_records == CLIENT_CLASSES_MAX - 1)
		return UINT32_MAX;
	if (s->n_records == w->places_cap) {
		w->places_cap = w->places_cap ? w->places_cap * 2 : 256;
		s->places = mem_realloc_array(s->places, w->places_cap, sizeof(*s->places));
	}
	s->places[s->n_records++] = *p;
	map_put(&w->places, arena_str(&s->arena, key), (void *)(uintptr_t)s->n_records);
	return s->n_records - 1;
}

static void offsets_put(struct walk *w, uint32_t offset, uint32_t record) {
	size_t i = hash_mix(offset) & w->mask;
	while (w->offsets[i] != 0)
		i = (i + 1) & w->mask;
	w->offsets[i] = offset + 1;
	w->records[i] = record;
}

static void offsets_grow(struct walk *w) {
	uint32_t *offsets = w->offsets, *records = w->records;
	size_t n = offsets ? w->mask + 1 : 0;
	w->mask = n ? n * 2 - 1 : 1023;
	w->offsets = mem_zalloc_array(w->mask + 1, sizeof(*w->offsets));
	w->records = mem_zalloc_array(w->mask + 1, sizeof(*w->records));
	for (size_t i = 0; i < n; i++)
		if (offsets[i] != 0)
			offsets_put(w, offsets[i] - 1, records[i]);
	mem_free(offsets);
	mem_free(records);
}

/* Many networks share data: each is read once. */
static uint32_t record_of(struct walk *w, MMDB_entry_s at) {
	if (w->n_offsets >= w->mask / 2)
		offsets_grow(w);
	for (size_t i = hash_mix(at.offset) & w->mask; w->offsets[i] != 0; i = (i + 1) & w->mask)
		if (w->offsets[i] == at.offset + 1)
			return w->records[i];
	struct map_place p;
	memset(&p, 0, sizeof(p)); /* padding, too: places are compared by their bytes */
	place_read(&p, &at, w->source->wants);
	uint32_t record = place_record(w, &p);
	w->n_offsets++;
	offsets_put(w, at.offset, record);
	return record;
}

/* ---- the tree ---- */

static int walk_fault(const struct walk *w, struct err *e, const char *why) {
	return err_set(e, "%.*s: no usable MaxMind DB: %s; fetch it anew", STR_ARG(w->source->path), why);
}

static int put(struct walk *w, const struct client_net *at, uint32_t record, struct err *e) {
	if (record == UINT32_MAX)
		return walk_fault(w, e, "more different places than can be told apart");
	client_cut_add(w->cut, at, record);
	return 0;
}

static int walk_node(struct walk *w, uint32_t node, struct client_net at, struct err *e);

/* What stands at one side of a node. */
static int walk_record(struct walk *w, uint8_t type, uint64_t value, MMDB_entry_s entry, struct client_net at, struct err *e) {
	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		/* All of IPv4 stands in the tree of IPv6, and aliases lead there (::ffff:0:0/96, 2002::/16): it is walked on its own. */
		if (w->is_v6 && value == w->db.ipv4_start_node.node_value)
			return put(w, &at, 0, e);
		return walk_node(w, (uint32_t)value, at, e);
	case MMDB_RECORD_TYPE_EMPTY:
		return put(w, &at, 0, e);
	case MMDB_RECORD_TYPE_DATA:
		return put(w, &at, record_of(w, entry), e);
	default:
		return walk_fault(w, e, "its search tree is damaged");
	}
}

static int walk_node(struct walk *w, uint32_t node, struct client_net at, struct err *e) {
	MMDB_search_node_s n;
	if (at.n_bits == (w->is_v6 ? 128 : 32) || ++w->n_steps > STEPS_MAX || MMDB_read_node(&w->db, node, &n) != MMDB_SUCCESS)
		return walk_fault(w, e, "its search tree is damaged");
	unsigned bit = at.n_bits++;
	if (walk_record(w, n.left_record_type, n.left_record, n.left_record_entry, at, e) < 0)
		return -1;
	if (bit < 64)
		at.high |= UINT64_C(1) << (63 - bit);
	else
		at.low |= UINT64_C(1) << (127 - bit);
	return walk_record(w, n.right_record_type, n.right_record, n.right_record_entry, at, e);
}

static int walk_v4(struct walk *w, struct err *e) {
	uint32_t n = w->db.metadata.node_count, start = w->db.metadata.ip_version == 4 ? 0 : w->db.ipv4_start_node.node_value;
	struct client_net all = { .is_v6 = false };
	w->is_v6 = false;
	if (start < n)
		return walk_node(w, start, all, e);
	if (start == n)
		return put(w, &all, 0, e);
	/* The tree ends before IPv4 begins: one record for all of it. */
	MMDB_entry_s entry = { .mmdb = &w->db, .offset = start - n - DATA_SEPARATOR };
	if (entry.offset >= w->db.data_section_size)
		return walk_fault(w, e, "its search tree is damaged");
	return put(w, &all, record_of(w, entry), e);
}

static int walk_v6(struct walk *w, struct err *e) {
	struct client_net all = { .is_v6 = true };
	w->is_v6 = true;
	return w->db.metadata.ip_version == 4 ? put(w, &all, 0, e) : walk_node(w, 0, all, e);
}

int map_geo_read(struct map_source *s, struct err *e) {
	struct walk w = { .source = s };
	struct map_place nowhere;
	int result = stat(s->path.p, &s->file);
	if (result < 0)
		return err_errno(e, "%s", s->path.p);
	int status = MMDB_open(s->path.p, MMDB_MODE_MMAP, &w.db);
	if (status != MMDB_SUCCESS)
		return walk_fault(&w, e, MMDB_strerror(status));
	w.cut = client_cut_create();
	memset(&nowhere, 0, sizeof(nowhere));
	place_record(&w, &nowhere);
	result = walk_v4(&w, e) < 0 ? -1 : walk_v6(&w, e);
	if (result == 0)
		s->prefixes = client_cut_finish(w.cut);
	else
		client_cut_destroy(w.cut);
	MMDB_close(&w.db);
	map_fini(&w.places);
	mem_free(w.offsets);
	mem_free(w.records);
	return result;
}
