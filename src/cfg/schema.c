/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns the rows of tables/config.h into tables with offsets. All of it is constant data; refuses at compile time a section
 * whose common members stand elsewhere than in the others, or that has more keys than `given` has bits.
 */
#include "cfg/schema.h"

#include "steerway/base/mem.h"

#include <stddef.h>

/* The struct member of a row: cfg.h puts the unit behind the key. */
#define FIELD_BOOL(k) k
#define FIELD_UINT(k) k
#define FIELD_WORKERS(k) k
#define FIELD_MSEC(k) k##_ms
#define FIELD_SIZE(k) k##_bytes
#define FIELD_PERCENT(k) k##_percent
#define FIELD_RATE(k) k##_rps
#define FIELD_DECIMAL(k) k
#define FIELD_MODE(k) k
#define FIELD_STR(k) k
#define FIELD_TEXT(k) k
#define FIELD_PATH(k) k
#define FIELD_PATHS(k) k
#define FIELD_REGEX(k) k
#define FIELD_ADDR(k) k
#define FIELD_ADDRS(k) k
#define FIELD_IPS(k) k
#define FIELD_NETS(k) k
#define FIELD_STRS(k) k
#define FIELD_PAIRS(k) k
#define FIELD_STATUS(k) k
#define FIELD_TTL(k) k
#define FIELD_ENUM(k) k
#define FIELD_ENUMS(k) k##_bits
#define FIELD_INCLUDE(k) k
#define FIELD_WEIGHTS(k) k
#define FIELD_MEMBERS(k) k
#define FIELD_CASES(k) k
#define FIELD_LOCATION(k) k
#define FIELD_OBJECT(k) k
#define FIELD_REF(k) k
#define FIELD_REFS(k) k
#define FIELD_MAP(k) k
#define FIELD_LIST(k) k

#define PARAM_BOOL(p) 0
#define PARAM_UINT(p) 0
#define PARAM_WORKERS(p) 0
#define PARAM_MSEC(p) 0
#define PARAM_SIZE(p) 0
#define PARAM_PERCENT(p) 0
#define PARAM_RATE(p) 0
#define PARAM_DECIMAL(p) 0
#define PARAM_MODE(p) 0
#define PARAM_STR(p) 0
#define PARAM_TEXT(p) 0
#define PARAM_PATH(p) 0
#define PARAM_PATHS(p) 0
#define PARAM_REGEX(p) 0
#define PARAM_ADDR(p) 0
#define PARAM_ADDRS(p) 0
#define PARAM_IPS(p) 0
#define PARAM_NETS(p) 0
#define PARAM_STRS(p) 0
#define PARAM_PAIRS(p) 0
#define PARAM_STATUS(p) 0
#define PARAM_TTL(p) 0
#define PARAM_ENUM(p) SCHEMA_ENUM_##p
#define PARAM_ENUMS(p) SCHEMA_ENUM_##p
#define PARAM_INCLUDE(p) 0
#define PARAM_WEIGHTS(p) SCHEMA_SECTION_##p
#define PARAM_MEMBERS(p) 0
#define PARAM_CASES(p) 0
#define PARAM_LOCATION(p) 0
#define PARAM_OBJECT(p) SCHEMA_SECTION_##p
#define PARAM_REF(p) SCHEMA_SECTION_##p
#define PARAM_REFS(p) SCHEMA_SECTION_##p
#define PARAM_MAP(p) SCHEMA_SECTION_##p
#define PARAM_LIST(p) SCHEMA_SECTION_##p

#define RESTART_LIVE false
#define RESTART_RESTART true

#define ROW(k, TYPE, p, d, lo, hi, reload, text)                                                                                 \
	{ .key = #k,                                                                                                             \
	  .type = SCHEMA_##TYPE,                                                                                                 \
	  .param = PARAM_##TYPE(p),                                                                                              \
	  .is_restart = RESTART_##reload,                                                                                        \
	  .offset = offsetof(self, FIELD_##TYPE(k)),                                                                             \
	  .dflt = d,                                                                                                             \
	  .min = lo,                                                                                                             \
	  .max = hi,                                                                                                             \
	  .doc = text },

/* A function a section, because only a block can give the section's type the one name that ROW uses. */
#define DEFINE_SECTION(section, KEYS)                                                                                            \
	static const struct schema_section *section_##section(void) {                                                            \
		typedef struct cfg_##section self;                                                                               \
		static const struct schema_row rows[] = { KEYS(ROW) };                                                           \
		static const struct schema_section here = { #section, sizeof(self), rows, COUNT_OF(rows) };                      \
		_Static_assert(COUNT_OF(rows) <= 64, "more keys than bits in given");                                            \
		_Static_assert(offsetof(self, id) == offsetof(struct cfg_root, id), "id");                                       \
		_Static_assert(offsetof(self, mark) == offsetof(struct cfg_root, mark), "mark");                                 \
		_Static_assert(offsetof(self, is_given) == offsetof(struct cfg_root, is_given), "is_given");                     \
		_Static_assert(offsetof(self, given) == offsetof(struct cfg_root, given), "given");                              \
		return &here;                                                                                                    \
	}
CFG_SECTIONS(DEFINE_SECTION)

const struct schema_section *schema_section(enum schema_section_id id) {
#define SECTION_ENTRY(name, KEYS) section_##name,
	static const struct schema_section *(*const all[])(void) = { CFG_SECTIONS(SECTION_ENTRY) };
	return all[id]();
}

#define ENUM_TEXT(v, text) text,
#define DEFINE_ENUM(name, VALUES, NAME)                                                                                          \
	static const char *const texts_##name[] = { VALUES(ENUM_TEXT) };                                                         \
	_Static_assert(sizeof(enum cfg_##name) == sizeof(unsigned), "enum members are written as unsigned");                     \
	const char *cfg_##name##_text(enum cfg_##name value) {                                                                   \
		return (size_t)value < COUNT_OF(texts_##name) ? texts_##name[value] : "?";                                       \
	}
CFG_ENUMS(DEFINE_ENUM)

const struct schema_enum *schema_enum(enum schema_enum_id id) {
#define ENUM_ENTRY(name, VALUES, NAME) { texts_##name, COUNT_OF(texts_##name) },
	static const struct schema_enum all[] = { CFG_ENUMS(ENUM_ENTRY) };
	return &all[id];
}

const struct schema_row *schema_find(const struct schema_section *s, struct str key) {
	for (size_t i = 0; i < s->n_rows; i++)
		if (str_eq(str_from(s->rows[i].key), key))
			return &s->rows[i];
	return NULL;
}

const struct schema_row *schema_home(enum schema_section_id id) {
	const struct schema_section *root = schema_section(SCHEMA_SECTION_root);
	for (size_t i = 0; i < root->n_rows; i++)
		if (root->rows[i].type == SCHEMA_MAP && root->rows[i].param == id)
			return &root->rows[i];
	return NULL;
}

bool schema_has_required(const struct schema_section *s) {
	for (size_t i = 0; i < s->n_rows; i++)
		if (schema_is_required(&s->rows[i]))
			return true;
	return false;
}

struct str *schema_id(void *object) {
	return (struct str *)((char *)object + offsetof(struct cfg_root, id));
}

struct cfg_mark *schema_mark(void *object) {
	return (struct cfg_mark *)((char *)object + offsetof(struct cfg_root, mark));
}

bool *schema_is_given(void *object) {
	return (bool *)((char *)object + offsetof(struct cfg_root, is_given));
}

uint64_t *schema_given(void *object) {
	return (uint64_t *)((char *)object + offsetof(struct cfg_root, given));
}

bool schema_key_is_given(const struct schema_section *s, const struct schema_row *row, const void *object) {
	const uint64_t *given = (const uint64_t *)((const char *)object + offsetof(struct cfg_root, given));
	return *given >> (row - s->rows) & 1;
}

struct schema_items schema_items_of(const void *object, const struct schema_row *row) {
	struct schema_items items;
	memcpy(&items, schema_field_const(object, row), sizeof(items));
	return items;
}
