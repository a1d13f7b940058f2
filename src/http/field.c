/* SPDX-License-Identifier: BSD-2-Clause */
/* Field names by number, questions about the fields of a head, and which of them may be forwarded (RFC 9110 7.6.1). */
#include "http/private.h"

const char http_field_names[HTTP_FIELD_COUNT][HTTP_FIELD_NAME_BYTES] __attribute__((aligned(64))) = {
#define HTTP_FIELD(id, name, flags) [HTTP_FIELD_##id] = name,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
};
const uint8_t http_field_name_bytes[HTTP_FIELD_COUNT] = {
#define HTTP_FIELD(id, name, flags) [HTTP_FIELD_##id] = sizeof(name) - 1,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
};
static const uint8_t field_flags[HTTP_FIELD_COUNT] = {
#define HTTP_FIELD(id, name, flags) [HTTP_FIELD_##id] = flags,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
};
const uint8_t http_field_slots[1 << (32 - FIELD_HASH_SHIFT)] = { FIELD_SLOTS };
_Static_assert(HTTP_FIELD_COUNT <= 128, "http_head.seen has 128 bits");

enum http_field_id http_field_lookup(struct str name) {
	char padded[HTTP_FIELD_NAME_BYTES] = { 0 };
	if (name.n >= sizeof padded)
		return HTTP_FIELD_OTHER;
	if (name.n)
		memcpy(padded, name.p, name.n);
	return http_field_lookup32(padded, name.n);
}

struct str http_field_name(enum http_field_id id) {
	return str_slice(http_field_names[id], http_field_name_bytes[id]);
}

unsigned http_field_flags(enum http_field_id id) {
	return field_flags[id];
}

const struct http_field *http_field_find(const struct http_head *h, enum http_field_id id) {
	if (!http_head_has(h, id))
		return NULL;
	const struct http_field *f = h->fields;
	while (f->id != id)
		f++;
	return f;
}

bool http_head_add(struct http_head *h, enum http_field_id id, struct str name, struct str value) {
	if (h->n_fields >= h->cap_fields)
		return false;
	h->fields[h->n_fields++] = (struct http_field){ .name = name, .value = value, .id = (uint8_t)id };
	h->seen[id / 64] |= UINT64_C(1) << id % 64;
	return true;
}

void http_head_drop(struct http_head *h, enum http_field_id id) {
	if (!http_head_has(h, id))
		return;
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == id)
			h->fields[i].is_dropped = true;
}

bool http_field_has_token(const struct http_head *h, enum http_field_id id, struct str token) {
	if (!http_head_has(h, id))
		return false;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct str list = h->fields[i].value, element;
		if (h->fields[i].id != id)
			continue;
		while (http_list_next(&list, &element))
			if (str_eq_nocase(element, token))
				return true;
	}
	return false;
}

/* Drops the fields that one option of Connection names. */
static void drop_named(struct http_head *h, struct str option) {
	enum http_field_id id = http_field_lookup(option);
	if (field_flags[id] & (HTTP_FIELD_PROTECTED | HTTP_FIELD_HOP_BY_HOP) || !http_head_has(h, id))
		return;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];
		if (f->id == id && (id != HTTP_FIELD_OTHER || str_eq_nocase(f->name, option)))
			f->is_dropped = true;
	}
}

/* The known hop-by-hop fields, as http_head.seen has them. */
#define BIT(id, flags, half)                                                                                                     \
	(HTTP_FIELD_##id / 64 == half && ((flags)&HTTP_FIELD_HOP_BY_HOP) ? UINT64_C(1) << HTTP_FIELD_##id % 64 : 0)
static const uint64_t hop_by_hop[2] = {
#define HTTP_FIELD(id, name, flags) BIT(id, flags, 0) |
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
	0,
#define HTTP_FIELD(id, name, flags) BIT(id, flags, 1) |
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
	0,
};
#undef BIT

void http_drop_hop_by_hop(struct http_head *h) {
	unsigned options = 0;
	if (!(h->seen[0] & hop_by_hop[0]) && !(h->seen[1] & hop_by_hop[1]))
		return;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];
		if (field_flags[f->id] & HTTP_FIELD_HOP_BY_HOP)
			f->is_dropped = true;
		if (f->id != HTTP_FIELD_CONNECTION)
			continue;
		struct str list = f->value, option;
		if (http_word_is(list, STR("keep-alive")) || http_word_is(list, STR("close"))) /* mostly: names no field */
			continue;
		while (options++ < HTTP_CONNECTION_OPTIONS_MAX && http_list_next(&list, &option))
			drop_named(h, option);
	}
}
