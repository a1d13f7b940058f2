/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone file becomes nodes with RRsets: its entries are directives, or records of names in the zone. Every fault has its file, line
 * and remedy. Refused: what stands outside of the zone, and types that no zone may hold. All memory is the
 * zone's arena of the load.
 */
#include "gslb/zone.h"
#include "gslb/zone_text.h"

#include "steerway/base/log.h"

#include <ldns/ldns.h>
#include <limits.h>
#include <stdio.h>

#define DEFAULT_TTL 3600 /* of records that have none of their own, before any $TTL and any record with one */
#define INCLUDE_DEPTH_MAX 16
#define FILES_MAX 4096
/* Chunks of a zone's arenas: of tens of thousands of small zones each would lay hands on pages of its own. */
#define CHUNK_BYTES 4096
#define CHUNK_BYTES_LARGE (64 * 1024) /* of a file longer than a chunk */
#define RRSET_BYTES_MAX 65535         /* of RDATA: more fits no answer */

struct rrset *node_rrset(const struct node *n, uint16_t type) {
	struct rrset *s = n->sets;
	while (s && s->type != type)
		s = s->next;
	return s;
}

bool zone_contains(const struct zone *z, const struct dns_name *name) {
	unsigned n = z->apex->n_labels;
	return name->n_labels >= n && str_eq(dns_name_suffix(name, name->n_labels - n), node_name(z->apex));
}

const char *zone_place(const struct zone *z, uint16_t file, int line, char out[ZONE_PLACE_BYTES]) {
	struct str name = z->files[file].path;
	if (name.n > ZONE_PLACE_BYTES - 16)
		name = str_skip(name, name.n - (ZONE_PLACE_BYTES - 16));
	snprintf(out, ZONE_PLACE_BYTES, "%.*s:%d", STR_ARG(name), line);
	return out;
}

/* ---- nodes ---- */

static struct node *slot_node(uint64_t slot) {
	return (struct node *)(uintptr_t)(slot << 16 >> 16);
}

static void table_put(struct node_table *t, struct node *n) {
	size_t i = n->hash & (t->cap - 1);
	while (t->slots[i])
		i = (i + 1) & (t->cap - 1);
	t->slots[i] = n->hash >> 48 << 48 | (uintptr_t)n;
}

static void table_grow(struct node_table *t, size_t cap) {
	struct node_table old = *t;
	t->cap = cap;
	t->slots = mem_zalloc_array(cap, sizeof(*t->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i])
			table_put(t, slot_node(old.slots[i]));
	mem_free(old.slots);
}

static void table_add(struct node_table *t, struct node *n) {
	if (4 * (t->n + 1) > 3 * t->cap)
		table_grow(t, 2 * t->cap);
	table_put(t, n);
	t->n++;
}

/* As large as the file's records need it mostly, so that it does not grow a name at a time: each growth visits every node. */
static void table_reserve(struct node_table *t, size_t file_bytes) {
	size_t cap = 64, most = file_bytes < 1 << 30 ? file_bytes / 24 : (1 << 30) / 24;
	while (cap < most)
		cap *= 2;
	if (cap > t->cap)
		table_grow(t, cap);
}

struct node *zone_find(const struct zone *z, const struct dns_name *name, unsigned i) {
	const struct node_table *t = &z->nodes;
	struct str wire = dns_name_suffix(name, i);
	uint64_t hash = dns_name_hash((const uint8_t *)wire.p, wire.n);
	for (size_t at = hash & (t->cap - 1); t->n > 0 && t->slots[at]; at = (at + 1) & (t->cap - 1)) {
		struct node *n = slot_node(t->slots[at]);
		if ((t->slots[at] ^ hash) >> 48 == 0 && n->hash == hash && str_eq(node_name(n), wire))
			return n;
	}
	return NULL;
}

static struct node *node_create(struct zone *z, const struct dns_name *name, unsigned i, uint16_t file, int line) {
	struct str wire = dns_name_suffix(name, i);
	struct node *n = arena_zalloc(&z->load, sizeof(*n) + wire.n + 16);
	memcpy(n->name, wire.p, wire.n);
	n->n_name = (uint8_t)wire.n;
	n->n_labels = (uint8_t)(name->n_labels - i);
	n->hash = dns_name_hash(n->name, n->n_name);
	n->file = file;
	n->line = line;
	*z->tail = n;
	z->tail = &n->next;
	table_add(&z->nodes, n);
	return n;
}

struct node *zone_node(struct zone *z, const struct dns_name *name, uint16_t file, int line) {
	unsigned deepest = name->n_labels - z->apex->n_labels, i = 0;
	struct node *parent = z->apex;
	for (; i < deepest; i++) { /* most have a parent that is there */
		struct node *n = zone_find(z, name, i);
		if (n) {
			parent = n;
			break;
		}
	}
	while (i-- > 0) {
		struct node *n = node_create(z, name, i, file, line);
		n->parent = parent;
		parent = n;
	}
	return parent;
}

struct str zone_name_text(struct zone *z, struct str wire) {
	ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire.n, wire.p);
	char *text = rdf ? ldns_rdf2str(rdf) : NULL;
	struct str out = arena_str(&z->load, text ? str_from(text) : STR("?"));
	LDNS_FREE(text);
	ldns_rdf_deep_free(rdf);
	return out;
}

int zone_name_parse(struct dns_name *out, struct str text, const struct zone *origin, struct err *e) {
	uint8_t wire[DNS_NAME_MAX];
	const char *why;
	size_t n = dns_name_from_text(wire, text, origin ? node_name(origin->apex) : STR_NONE, &why);
	if (n == 0)
		return err_set(e, "`%.*s` is not a domain name: %s", STR_ARG(text), why);
	dns_name_read(out, str_slice((const char *)wire, n));
	return 0;
}

/* ---- the state of reading ---- */

/* A file under way. Its fields are on the stack of the one that reads it. */
struct source {
	const struct source *above; /* that includes it */
	uint16_t file;              /* in zone.files */
	uint8_t origin[DNS_NAME_MAX];
	size_t n_origin;
	struct zone_scan scan;
};

struct loader {
	struct zone *zone;
	const struct zone *texts_of; /* NULL: files are read */
	uint32_t ttl;
	bool has_ttl;   /* $TTL said so; otherwise the last record's is inherited (RFC 1035 5.1, RFC 2308 4) */
	bool is_placed; /* the fault has its file and line */
	unsigned depth;
	struct dns_name owner; /* of the last record; n is 0 before the first */
	struct node *node;     /* the owner's, once it is known */
	uint64_t n_ttls_differ;
	char first_differing[ZONE_PLACE_BYTES];
	struct zone_entry entry;
	uint8_t rdata[UINT16_MAX + 1];
};

static struct str origin_of(const struct source *s) {
	return str_slice((const char *)s->origin, s->n_origin);
}

static int name_fault(struct str text, const char *why, struct err *e) {
	return err_set(e, "`%.*s` is not a domain name: %s", STR_ARG(text), why);
}

/* ---- records ---- */

static bool rrset_has(const struct rrset *s, const uint8_t *rdata, size_t n) {
	for (const struct rdata *it = s->first; it; it = it->next)
		if (it->n == n && memcmp(it->bytes, rdata, n) == 0)
			return true;
	return false;
}

static struct rrset *rrset_get(struct zone *z, struct node *n, uint16_t type, uint32_t ttl, uint16_t file, int line) {
	struct rrset *s = node_rrset(n, type);
	if (s)
		return s;
	s = arena_zalloc(&z->load, sizeof(*s));
	*s = (struct rrset){ .type = type, .ttl = ttl, .file = file, .line = line, .next = n->sets };
	n->sets = s;
	z->n_rrsets++;
	return s;
}

static int rrset_add(struct loader *l, struct rrset *s, uint32_t ttl, size_t n, uint16_t file, int line, struct err *e) {
	struct zone *z = l->zone;
	if (rrset_has(s, l->rdata, n)) /* RFC 2181 5: a set has no duplicates */
		return 0;
	if (s->ttl != ttl) { /* RFC 2181 5.2: one TTL a set; the lowest harms no one */
		if (l->n_ttls_differ++ == 0)
			zone_place(z, file, line, l->first_differing);
		s->ttl = ttl < s->ttl ? ttl : s->ttl;
	}
	s->n_bytes += n;
	if (s->n == UINT16_MAX || s->n_bytes > RRSET_BYTES_MAX)
		return err_set(e, "more records of this name and type than an answer can hold (65535 bytes); remove some");
	struct rdata *d = arena_alloc(&z->load, sizeof(*d) + n);
	d->next = NULL;
	d->n = (uint16_t)n;
	memcpy(d->bytes, l->rdata, n);
	*(s->last ? &s->last->next : &s->first) = d;
	s->last = d;
	s->n++;
	return 0;
}

static const char *type_refusal(uint16_t type) {
	switch (type) {
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_NSEC:
	case DNS_TYPE_NSEC3:
	case DNS_TYPE_NSEC3PARAM:
		return "the zone is signed, and signed zones are not supported; give the file from before signing";
	case 0:
	case DNS_TYPE_OPT:
		return "this type can't stand in a zone; remove the record";
	default:
		return type >= 128 && type <= 255 ? "this type can't stand in a zone; remove the record" : NULL;
	}
}

/* The record's name, or that of the one before it. */
static int owner_read(struct loader *l, const struct source *s, struct err *e) {
	const struct zone_word *w = l->entry.words;
	uint8_t wire[DNS_NAME_MAX];
	struct dns_name name;
	const char *why;
	if (l->entry.is_indented)
		return l->owner.n > 0
		           ? 0
		           : err_set(e, "the first record has no name; write it before the record, or `@` for the zone's");
	size_t n = dns_name_from_text(wire, w->text, origin_of(s), &why);
	if (n == 0 || w->is_quoted)
		return name_fault(w->text, n == 0 ? why : "it is quoted", e);
	dns_name_read(&name, str_slice((const char *)wire, n));
	if (name.n == l->owner.n && memcmp(name.wire, l->owner.wire, name.n) == 0)
		return 0;
	l->owner = name;
	l->node = NULL;
	return 0;
}

struct prefix {
	uint32_t ttl;
	bool has_ttl;
	struct str class; /* empty: none */
	size_t n;         /* words that it takes */
};

static bool is_class(struct str text) {
	static const struct str classes[] = { STR_INIT("IN"), STR_INIT("CH"), STR_INIT("HS"), STR_INIT("CS") };
	for (size_t i = 0; i < COUNT_OF(classes); i++)
		if (str_eq_nocase(classes[i], text))
			return true;
	return text.n > 5 && str_eq_nocase(str_slice(text.p, 5), STR("CLASS"));
}

/* RFC 2181 8: what has the uppermost of 32 bits set counts as 0. */
static bool ttl_from_text(struct str text, uint32_t *out) {
	if (!dns_ttl_from_text(text, out))
		return false;
	if (*out > INT32_MAX)
		*out = 0;
	return true;
}

/* TTL and class, in either order (RFC 1035 5.1). */
static int prefix_read(struct prefix *p, const struct zone_word *words, size_t n, struct err *e) {
	*p = (struct prefix){ .n = 0 };
	for (; p->n < n && p->n < 2; p->n++) {
		struct str text = words[p->n].text;
		if (p->class.n == 0 && is_class(text)) {
			p->class = text;
		} else if (!p->has_ttl && text.n > 0 && text.p[0] >= '0' && text.p[0] <= '9') {
			if (!ttl_from_text(text, &p->ttl))
				return err_set(e, "`%.*s` is not a TTL; write seconds, or 1h30m", STR_ARG(text));
			p->has_ttl = true;
		} else {
			break;
		}
	}
	return 0;
}

static int node_add(struct loader *l, const struct source *s, uint16_t type, uint32_t ttl, size_t n, struct err *e) {
	struct zone *z = l->zone;
	int line = l->entry.line;
	if (!l->node)
		l->node = zone_node(z, &l->owner, s->file, line);
	return rrset_add(l, rrset_get(z, l->node, type, ttl, s->file, line), ttl, n, s->file, line, e);
}

static int record_read(struct loader *l, const struct source *s, struct err *e) {
	struct zone *z = l->zone;
	struct prefix p;
	uint16_t type;
	if (owner_read(l, s, e) < 0)
		return -1;
	const struct zone_word *words = l->entry.words + !l->entry.is_indented, *end = l->entry.words + l->entry.n;
	if (prefix_read(&p, words, (size_t)(end - words), e) < 0)
		return -1;
	words += p.n;
	if (words == end)
		return err_set(e, "a record without a type");
	if (!zone_contains(z, &l->owner)) {
		struct str text = zone_name_text(z, dns_name_suffix(&l->owner, 0));
		return err_set(e, "%.*s is outside of zone %.*s; does the name before it, or $ORIGIN, lack a dot at its end?",
		               STR_ARG(text), STR_ARG(z->text));
	}
	if (p.class.n > 0 && !str_eq_nocase(p.class, STR("IN")) && !str_eq_nocase(p.class, STR("CLASS1")))
		return err_set(e, "only class IN is supported, not %.*s", STR_ARG(p.class));
	if (!zone_type_from_text(words->text, &type))
		return err_set(e, "`%.*s` is no type of record; use TYPEnnn and `\\#` for one that is not known (RFC 3597)",
		               STR_ARG(words->text));
	if (type_refusal(type))
		return err_set(e, "%s", type_refusal(type));
	if (p.has_ttl && !l->has_ttl)
		l->ttl = p.ttl;
	words++;
	int n = zone_rdata_from_words(type, words, (size_t)(end - words), origin_of(s), l->rdata, e);
	return n < 0 ? -1 : node_add(l, s, type, p.has_ttl ? p.ttl : l->ttl, (size_t)n, e);
}

/* ---- directives ---- */

static int file_read(struct loader *l, const struct source *above, struct str path, struct str origin, struct err *e);

/* $INCLUDE file [origin] (RFC 1035 5.1): neither the file's origin nor its last name outlive it; $TTL does (RFC 2308 4). */
static int include_read(struct loader *l, const struct source *s, const struct zone_word *words, size_t n, struct err *e) {
	char path[PATH_MAX];
	uint8_t origin[DNS_NAME_MAX];
	size_t n_origin = s->n_origin;
	const char *why = NULL;
	memcpy(origin, s->origin, s->n_origin);
	if (n > 1)
		n_origin = dns_name_from_text(origin, words[1].text, origin_of(s), &why);
	if (n_origin == 0)
		return name_fault(words[1].text, why, e);
	struct str file = words[0].text, folder = l->zone->files[s->file].path;
	while (folder.n > 0 && folder.p[folder.n - 1] != '/')
		folder.n--;
	if (str_starts(file, STR("/")))
		folder = STR_NONE;
	if (folder.n + file.n >= sizeof(path))
		return err_set(e, "the path of the file is too long");
	snprintf(path, sizeof(path), "%.*s%.*s", STR_ARG(folder), STR_ARG(file));
	struct dns_name owner = l->owner;
	struct node *node = l->node;
	int line = l->entry.line; /* the entry is the included file's from here on */
	int result = file_read(l, s, arena_str(&l->zone->load, str_from(path)), str_slice((const char *)origin, n_origin), e);
	l->owner = owner;
	l->node = node;
	l->entry.line = line;
	return result;
}

static int origin_read(struct source *s, const struct zone_word *words, struct err *e) {
	uint8_t origin[DNS_NAME_MAX];
	const char *why;
	size_t n = dns_name_from_text(origin, words[0].text, origin_of(s), &why);
	if (n == 0)
		return name_fault(words[0].text, why, e);
	memcpy(s->origin, origin, n);
	s->n_origin = n;
	return 0;
}

static int ttl_read(struct loader *l, const struct zone_word *words, struct err *e) {
	if (!ttl_from_text(words[0].text, &l->ttl))
		return err_set(e, "$TTL takes seconds, or a time as 1h30m, not `%.*s`", STR_ARG(words[0].text));
	l->has_ttl = true;
	return 0;
}

static int directive_read(struct loader *l, struct source *s, struct err *e) {
	struct str name = l->entry.words[0].text;
	const struct zone_word *words = l->entry.words + 1;
	size_t n = l->entry.n - 1;
	bool is_include = str_eq_nocase(name, STR("$INCLUDE")), is_origin = str_eq_nocase(name, STR("$ORIGIN"));
	if (!is_include && !is_origin && !str_eq_nocase(name, STR("$TTL")))
		return err_set(e, "`%.*s` is not supported ($ORIGIN, $TTL and $INCLUDE are); write its records out",
		               STR_ARG(name));
	if (n == 0 || n > (is_include ? 2 : 1))
		return err_set(e, "%.*s takes %s", STR_ARG(name), is_include ? "a file and, if need be, an origin" : "one value");
	if (is_include)
		return include_read(l, s, words, n, e);
	return is_origin ? origin_read(s, words, e) : ttl_read(l, words, e);
}

/* ---- files ---- */

/* Puts the place before a fault, once: that of an included file has its own. */
static int place_fault(struct loader *l, const struct source *s, struct err *e) {
	char place[ZONE_PLACE_BYTES];
	if (!l->is_placed)
		err_context(e, "%s", zone_place(l->zone, s->file, l->entry.line, place));
	l->is_placed = true;
	return -1;
}

static int entries_read(struct loader *l, struct source *s, struct err *e) {
	for (;;) {
		int result = zone_scan_next(&s->scan, &l->entry, e);
		if (result == 0)
			return 0;
		const struct zone_word *first = l->entry.words;
		if (result > 0 && !l->entry.is_indented && !first->is_quoted && str_starts(first->text, STR("$")))
			result = directive_read(l, s, e);
		else if (result > 0)
			result = record_read(l, s, e);
		if (result < 0)
			return place_fault(l, s, e);
	}
}

/* The file's text: as it is, or as it was in the zone that was made of it. */
static int text_get(struct loader *l, struct zone_file *out, struct str path, struct err *e) {
	struct zone *z = l->zone;
	path = arena_str(&z->arena, path);
	if (!l->texts_of)
		return zone_file_read(out, path, &z->load, e);
	*out = l->texts_of->files[z->n_files]; /* the same text includes the same files in the same order */
	out->path = path;
	out->text = arena_str(&z->load, out->text);
	return 0;
}

static void file_add(struct zone *z, const struct zone_file *file) {
	struct zone_file *files = arena_alloc(&z->arena, (z->n_files + 1u) * sizeof(*files));
	if (z->n_files > 0)
		memcpy(files, z->files, z->n_files * sizeof(*files));
	files[z->n_files++] = *file;
	z->files = files;
}

static int includes_itself(const struct zone *z, const struct source *above, const struct zone_file *f, struct err *e) {
	for (const struct source *it = above; it; it = it->above)
		if (z->files[it->file].device == f->device && z->files[it->file].inode == f->inode)
			return err_set(e, "%.*s includes itself; remove this line", STR_ARG(f->path));
	return 0;
}

/* A file that can't be read is a fault of the line that includes it. */
static int file_read(struct loader *l, const struct source *above, struct str path, struct str origin, struct err *e) {
	struct zone *z = l->zone;
	struct zone_file file;
	struct source s = { .above = above, .file = z->n_files, .n_origin = origin.n };
	if (l->depth == INCLUDE_DEPTH_MAX)
		return err_set(e, "files are included more than %d deep; write some of them into one", INCLUDE_DEPTH_MAX);
	if (z->n_files == FILES_MAX)
		return err_set(e, "more than %d files are included; write some of them into one", FILES_MAX);
	if (text_get(l, &file, path, e) < 0 || includes_itself(z, above, &file, e) < 0)
		return -1;
	file_add(z, &file);
	if (file.text.n > CHUNK_BYTES)
		z->arena.chunk_bytes = z->load.chunk_bytes = CHUNK_BYTES_LARGE;
	memcpy(s.origin, origin.p, origin.n);
	zone_scan_init(&s.scan, file.text);
	table_reserve(&z->nodes, file.text.n);
	l->depth++;
	int result = entries_read(l, &s, e);
	l->depth--;
	return result;
}

static int read_all(struct zone *z, const struct zone *texts_of, struct err *e) {
	struct loader *l = mem_alloc(sizeof(*l));
	l->zone = z;
	l->texts_of = texts_of;
	l->ttl = DEFAULT_TTL;
	l->has_ttl = l->is_placed = false;
	l->depth = 0;
	l->owner.n = 0;
	l->node = NULL;
	l->n_ttls_differ = 0;
	int result = file_read(l, NULL, texts_of ? texts_of->files[0].path : z->cfg->file, z->name, e);
	if (result == 0 && l->n_ttls_differ > 0)
		log_warn("zone_ttls_differ", LOG_STR("zone", z->text), LOG_CSTR("first", l->first_differing),
		         LOG_U64("records", l->n_ttls_differ), LOG_CSTR("used", "the lowest of each set"));
	mem_free(l);
	return result;
}

struct zone *zone_load(const struct cfg_zone *cfg, const struct zone *texts_of, struct err *e) {
	struct dns_name name;
	if (zone_name_parse(&name, cfg->id, NULL, e) < 0)
		return NULL;
	if (texts_of && texts_of->is_unloaded) {
		err_set(e, "the text of the zone's last good version is not kept");
		return NULL;
	}
	struct zone *z = mem_zalloc(sizeof(*z));
	z->unit = z;
	z->n_holds = 1;
	z->cfg = cfg;
	z->tail = &z->first;
	arena_init(&z->arena, CHUNK_BYTES);
	arena_init(&z->load, CHUNK_BYTES);
	z->name = arena_str(&z->arena, dns_name_suffix(&name, 0));
	z->n_labels = name.n_labels;
	z->text = arena_str(&z->arena, zone_name_text(z, z->name));
	table_grow(&z->nodes, 64);
	z->apex = node_create(z, &name, 0, 0, 0);
	if (read_all(z, texts_of, e) == 0)
		return z;
	zone_destroy(z);
	return NULL;
}
