/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Field names by number, questions about the fields of a head, and which of them may be forwarded (RFC 9110 7.6.1).
 *
 * The look-up is a perfect hash over length and three bytes, then one comparison of 32 bytes that ignores case.
 */
#include "http/private.h"

#include "http/field_slots.h"

#define NAME_BYTES 32 /* with at least one zero */

/* Half a cache line each, padded with zeros. */
static const char names[HTTP_FIELD_COUNT][NAME_BYTES] __attribute__((aligned(64))) = {
#define HTTP_FIELD(id, name, flags) [HTTP_FIELD_##id] = name,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
};
static const uint8_t name_bytes[HTTP_FIELD_COUNT] = {
#define HTTP_FIELD(id, name, flags) [HTTP_FIELD_##id] = sizeof(name) - 1,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
};
static const uint8_t field_flags[HTTP_FIELD_COUNT] = {
#define HTTP_FIELD(id, name, flags) [HTTP_FIELD_##id] = flags,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
};
_Static_assert(HTTP_FIELD_COUNT <= 128, "http_head.seen has 128 bits");

/* Do the first n bytes at p equal the known name, case ignored? The known byte tells whether case counts: among letters,
 * digits and '-' only letters have bit 6, and folding by it cannot make another byte equal to a digit or '-'. */
static inline bool name_equals(const char *p, const char *known, size_t n) {
#ifdef __SSE2__
	const __m128i bit6 = _mm_set1_epi8(0x40);
	__m128i k0 = _mm_load_si128((const __m128i *)(const void *)known), k1 = _mm_load_si128((const __m128i *)(const void *)(known + 16));
	__m128i v0 = _mm_loadu_si128((const __m128i *)(const void *)p), v1 = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
	v0 = _mm_or_si128(v0, _mm_srli_epi16(_mm_and_si128(k0, bit6), 1));
	v1 = _mm_or_si128(v1, _mm_srli_epi16(_mm_and_si128(k1, bit6), 1));
	uint32_t equal = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v0, k0)) | (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v1, k1)) << 16;
	return ~equal << (NAME_BYTES - n) == 0;
#else
	uint64_t v, k;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		memcpy(&v, p + i, 8);
		memcpy(&k, known + i, 8);
		if ((v | (k & UINT64_C(0x4040404040404040)) >> 1) != k)
			return false;
	}
	for (; i < n; i++)
		if ((p[i] | (known[i] & 0x40) >> 1) != known[i])
			return false;
	return true;
#endif
}

enum http_field_id http_field_lookup32(const char *p, size_t n) {
	if (n < 2 || n >= NAME_BYTES)
		return HTTP_FIELD_OTHER;
	uint8_t first = (uint8_t)(p[0] | 0x20), middle = (uint8_t)(p[n / 2] | 0x20), last = (uint8_t)(p[n - 2] | 0x20);
	uint32_t key = (uint32_t)n | (uint32_t)first << 8 | (uint32_t)middle << 16 | (uint32_t)last << 24;
	enum http_field_id id = field_slots[key * FIELD_HASH_FACTOR >> FIELD_HASH_SHIFT];
	return name_bytes[id] == n && name_equals(p, names[id], n) ? id : HTTP_FIELD_OTHER;
}

enum http_field_id http_field_lookup(struct str name) {
	char padded[NAME_BYTES] = { 0 };
	if (name.n >= sizeof padded)
		return HTTP_FIELD_OTHER;
	if (name.n)
		memcpy(padded, name.p, name.n);
	return http_field_lookup32(padded, name.n);
}

struct str http_field_name(enum http_field_id id) {
	return str_slice(names[id], name_bytes[id]);
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
	if (id != HTTP_FIELD_OTHER && (field_flags[id] & HTTP_FIELD_PROTECTED || !http_head_has(h, id)))
		return;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];
		if (f->id == id && (id != HTTP_FIELD_OTHER || str_eq_nocase(f->name, option)))
			f->is_dropped = true;
	}
}

void http_drop_hop_by_hop(struct http_head *h) {
	unsigned options = 0;
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct http_field *f = &h->fields[i];
		if (field_flags[f->id] & HTTP_FIELD_HOP_BY_HOP)
			f->is_dropped = true;
		if (f->id != HTTP_FIELD_CONNECTION)
			continue;
		struct str list = f->value, option;
		while (options++ < HTTP_CONNECTION_OPTIONS_MAX && http_list_next(&list, &option))
			drop_named(h, option);
	}
}
