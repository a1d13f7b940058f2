/* SPDX-License-Identifier: BSD-2-Clause */
/* Names by words. Inline, because a query does all of it once. */
#ifndef STEERWAY_DNS_NAME_H
#define STEERWAY_DNS_NAME_H

#include "steerway/dns.h"

static inline uint64_t word_load(const uint8_t *p) {
	uint64_t w;
	memcpy(&w, p, sizeof(w));
	return w;
}

/* Sets 0x20 in each byte between 'A' and 'Z', as many at a time as a vector register has; bytes above 0x7f stay. */
typedef uint8_t bytes8 __attribute__((vector_size(8)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
#define BYTES_LOWER(type, b) ((b) | ((type)((type)((b) - 'A') < 26) & 0x20))

static inline uint64_t word_lower(uint64_t w) {
	return (uint64_t)BYTES_LOWER(bytes8, (bytes8)w);
}
static inline void bytes16_lower(uint8_t *to, const uint8_t *from) {
	bytes16 b;
	memcpy(&b, from, sizeof(b));
	b = BYTES_LOWER(bytes16, b);
	memcpy(to, &b, sizeof(b));
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
	size_t at = 0, n = 0;
	unsigned length;
	if (limit > DNS_NAME_MAX)
		limit = DNS_NAME_MAX;
	for (;;) {
		if (at >= limit)
			return 0;
		length = p[at];
		if (length - 1 >= DNS_LABEL_MAX)
			break;
		out->label_at[n++] = (uint8_t)at;
		at += length + 1;
	}
	if (length != 0) /* a pointer, or a label type of the past */
		return 0;
	out->n_labels = (uint8_t)n;
	out->n = (uint8_t)(at + 1);
	return at + 1;
}

#endif
