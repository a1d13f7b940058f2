/* SPDX-License-Identifier: BSD-2-Clause */
/* Names outside of queries: read, hashed, compared. The caller owns all memory. */
#include "dns/name.h"

bool dns_name_read(struct dns_name *out, struct str in) {
	size_t n = name_walk(out, (const uint8_t *)in.p, in.n);
	if (n == 0)
		return false;
	memset(out->wire, 0, sizeof(out->wire));
	memcpy(out->wire, in.p, n);
	for (size_t i = 0; i < n; i += 8) {
		uint64_t w = word_lower(word_load(out->wire + i));
		memcpy(out->wire + i, &w, sizeof(w));
	}
	return true;
}

uint64_t dns_name_hash(const uint8_t *wire, size_t n) {
	uint64_t h = n;
	for (size_t i = 0; i < n; i += 8)
		h = word_hash(h, word_load(wire + i));
	return h;
}
