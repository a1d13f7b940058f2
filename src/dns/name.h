/* SPDX-License-Identifier: BSD-2-Clause */
/* Names by 64-bit words. Inline, because a query does all of it once. */
#ifndef STEERWAY_DNS_NAME_H
#define STEERWAY_DNS_NAME_H

#include "steerway/dns.h"

static inline uint64_t word_load(const uint8_t *p) {
	uint64_t w;
	memcpy(&w, p, sizeof(w));
	return w;
}

/* Sets 0x20 in each byte between 'A' and 'Z', eight at a time; bytes above 0x7f stay. */
static inline uint64_t word_lower(uint64_t w) {
	const uint64_t ones = UINT64_C(0x0101010101010101), low7 = ones * 0x7f;
	uint64_t above_z = (w & low7) + ones * (0x7f - 'Z'), from_a = (w & low7) + ones * (0x80 - 'A');
	return w | ((from_a ^ above_z) & ~w & ones * 0x80) >> 2;
}

/* The last n bytes (1-7) of a word in memory, moved to its front, with zeros behind. */
static inline uint64_t word_tail(uint64_t w, size_t n) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return w >> 8 * (8 - n);
#else
	return w << 8 * (8 - n);
#endif
}

/* One multiplication a word; the tables that this is for hold the zones' names, so a peer can't fill a slot. */
static inline uint64_t word_hash(uint64_t h, uint64_t w) {
	h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Finds the labels of a name of at most `limit` bytes; its length, 0 when it is none. Writes label_at and n_labels. */
static inline size_t name_walk(struct dns_name *out, const uint8_t *p, size_t limit) {
	size_t at = 0;
	unsigned n = 0;
	if (limit > DNS_NAME_MAX)
		limit = DNS_NAME_MAX;
	for (;;) {
		if (at >= limit)
			return 0;
		unsigned length = p[at];
		if (length == 0)
			break;
		if (length > DNS_LABEL_MAX) /* a pointer, or a label type of the past */
			return 0;
		out->label_at[n++] = (uint8_t)at;
		at += length + 1;
	}
	out->n_labels = (uint8_t)n;
	out->n = (uint8_t)(at + 1);
	return at + 1;
}

#endif
