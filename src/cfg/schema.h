/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of tables/config.h as data: what key stands in what section, of what type, at what offset of its struct. Everything
 * else in this room (load, diff, docs) walks these tables and knows no key by name; only the cross-checks do.
 */
#ifndef STEERWAY_CFG_SCHEMA_H
#define STEERWAY_CFG_SCHEMA_H

#include "steerway/cfg.h"

enum schema_type {
	SCHEMA_BOOL,
	SCHEMA_UINT,
	SCHEMA_WORKERS,
	SCHEMA_MSEC,
	SCHEMA_SIZE,
	SCHEMA_PERCENT,
	SCHEMA_RATE,
	SCHEMA_DECIMAL,
	SCHEMA_MODE,
	SCHEMA_STR,
	SCHEMA_TEXT,
	SCHEMA_PATH,
	SCHEMA_PATHS,
	SCHEMA_REGEX,
	SCHEMA_ADDR,
	SCHEMA_ADDRS,
	SCHEMA_IPS,
	SCHEMA_NETS,
	SCHEMA_STRS,
	SCHEMA_STATUS,
	SCHEMA_TTL,
	SCHEMA_LOCATION,
	SCHEMA_ENUM,
	SCHEMA_ENUMS,
	/* Not single values: load.c takes these apart. */
	SCHEMA_INCLUDE,
	SCHEMA_WEIGHTS,
	SCHEMA_MEMBERS,
	SCHEMA_CASES,
	SCHEMA_PAIRS,
	SCHEMA_OBJECT,
	SCHEMA_REF,
	SCHEMA_REFS,
	SCHEMA_MAP,
	SCHEMA_LIST,
	SCHEMA_TYPE_COUNT
};

#define SCHEMA_SECTION_ID(name, KEYS) SCHEMA_SECTION_##name,
enum schema_section_id { CFG_SECTIONS(SCHEMA_SECTION_ID) SCHEMA_SECTION_COUNT };
#undef SCHEMA_SECTION_ID

#define SCHEMA_ENUM_ID(name, VALUES, NAME) SCHEMA_ENUM_##name,
enum schema_enum_id { CFG_ENUMS(SCHEMA_ENUM_ID) SCHEMA_ENUM_COUNT };
#undef SCHEMA_ENUM_ID

struct schema_row {
	const char *key;
	enum schema_type type;
	unsigned param; /* section id of OBJECT, MAP, LIST, REF, REFS, WEIGHTS; enum id of ENUM */
	bool is_restart;
	size_t offset;
	const char *dflt, *min, *max, *doc; /* dflt: CFG_REQUIRED, text, or NULL */
};

struct schema_section {
	const char *name;
	size_t bytes;
	const struct schema_row *rows; /* at most 64: `given` has a bit for each */
	size_t n_rows;
};

struct schema_enum {
	const char *const *texts; /* by value */
	size_t n;
};

/* What MAP, LIST and REFS members look like, whatever they hold; copied in and out with memcpy. */
struct schema_items {
	void *items;
	size_t n;
};

const struct schema_section *schema_section(enum schema_section_id id);
const struct schema_enum *schema_enum(enum schema_enum_id id);
/* NULL: no such key. */
const struct schema_row *schema_find(const struct schema_section *s, struct str key);
/* The root's MAP row that holds sections of this id (what a reference to one means). */
const struct schema_row *schema_home(enum schema_section_id id);
/* Does its absence mean something else than its defaults: has it a required key? */
bool schema_has_required(const struct schema_section *s);
static inline bool schema_is_required(const struct schema_row *row) {
	return row->dflt && strcmp(row->dflt, CFG_REQUIRED) == 0;
}

/* Members that every section begins with, of an object whose type only the schema knows. */
struct str *schema_id(void *object);
struct cfg_mark *schema_mark(void *object);
bool *schema_is_given(void *object);
uint64_t *schema_given(void *object);
/* Does the key of this row stand in the file? */
bool schema_key_is_given(const struct schema_section *s, const struct schema_row *row, const void *object);
static inline void *schema_field(void *object, const struct schema_row *row) {
	return (char *)object + row->offset;
}
static inline const void *schema_field_const(const void *object, const struct schema_row *row) {
	return (const char *)object + row->offset;
}
struct schema_items schema_items_of(const void *object, const struct schema_row *row);

#endif
