/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that deny: which types a name has, and NSEC and NSEC3 data with them. Pure; the caller's arena owns what is made. */
#include "gslb/dnssec.h"

#define HASH_BYTES 20
#define HASH_SHA1 1 /* RFC 5155 11 */

/* ---- types ---- */

static int types_compare(const void *a, const void *b) {
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

bool nsec_has_address(const struct steered *s, bool is_v6) {
	for (unsigned i = 0; i < s->policy->n_sites; i++)
		for (size_t j = 0; j < s->policy->sites[i]->addresses.n; j++)
			if (addr_is_v6(&s->policy->sites[i]->addresses.items[j]) == is_v6)
				return true;
	for (size_t j = 0; j < s->cfg->fallback.n; j++)
		if (addr_is_v6(&s->cfg->fallback.items[j]) == is_v6)
			return true;
	return false;
}

/* RFC 4035 2.3, RFC 5155 7.1: NS and DS alone are the zone's own at a cut. With NSEC each name has that and its signature; with
 * NSEC3 a name has RRSIG when something of it is signed, which of a cut only DS is. */
size_t nsec_types(uint16_t out[NSEC_TYPES_MAX], const struct node *n, bool has_a, bool has_aaaa, bool is_nsec3) {
	size_t count = 0;
	bool is_signed = !is_nsec3;
	for (const struct rrset *s = n->sets; s && count < NSEC_TYPES_MAX - 4; s = s->next) {
		if (s->type == DNS_TYPE_NSEC || (n->is_cut && s->type != DNS_TYPE_NS && s->type != DNS_TYPE_DS))
			continue;
		is_signed |= !n->is_cut || s->type == DNS_TYPE_DS;
		out[count++] = s->type;
	}
	if (has_a)
		out[count++] = DNS_TYPE_A;
	if (has_aaaa)
		out[count++] = DNS_TYPE_AAAA;
	if (is_signed || has_a || has_aaaa)
		out[count++] = DNS_TYPE_RRSIG;
	if (!is_nsec3)
		out[count++] = DNS_TYPE_NSEC;
	qsort(out, count, sizeof(*out), types_compare);
	return count;
}

/* ---- bitmaps (RFC 4034 4.1.2) ---- */

/* Of sorted types; at most 34 bytes for each block of 256 types. Returns the bytes written. */
static size_t bitmap_write(uint8_t *out, const uint16_t *types, size_t n_types) {
	size_t at = 0;
	for (size_t i = 0; i < n_types;) {
		uint8_t *bits = out + at + 2;
		unsigned window = types[i] >> 8, n = 0;
		memset(bits, 0, 32);
		for (; i < n_types && types[i] >> 8 == window; i++) {
			unsigned bit = types[i] & 0xff;
			bits[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
			n = bit / 8 + 1;
		}
		out[at] = (uint8_t)window;
		out[at + 1] = (uint8_t)n;
		at += 2 + n;
	}
	return at;
}

static struct rrset *record(uint16_t type, const uint8_t *head, size_t n_head, const uint16_t *types, size_t n_types,
                            uint32_t ttl, struct arena *arena) {
	uint8_t bitmap[34 * 256];
	size_t n_bitmap = bitmap_write(bitmap, types, n_types);
	struct rrset *s = arena_zalloc(arena, sizeof(*s));
	struct rdata *d = arena_alloc(arena, sizeof(*d) + n_head + n_bitmap);
	d->next = NULL;
	d->n = (uint16_t)(n_head + n_bitmap);
	memcpy(d->bytes, head, n_head);
	memcpy(d->bytes + n_head, bitmap, n_bitmap);
	*s = (struct rrset){ .first = d, .last = d, .ttl = ttl, .type = type, .n = 1 };
	return s;
}

struct rrset *nsec_rrset(struct str next, const uint16_t *types, size_t n_types, uint32_t ttl, struct arena *arena) {
	return record(DNS_TYPE_NSEC, (const uint8_t *)next.p, next.n, types, n_types, ttl, arena);
}

struct rrset *nsec3_rrset(const uint8_t next[HASH_BYTES], const uint16_t *types, size_t n_types, uint32_t ttl,
                          struct arena *arena) {
	/* Algorithm, flags (no opt-out), iterations, no salt, length of the hash. */
	uint8_t head[6 + HASH_BYTES] = { HASH_SHA1, 0, 0, 0, 0, HASH_BYTES };
	memcpy(head + 6, next, HASH_BYTES);
	return record(DNS_TYPE_NSEC3, head, sizeof(head), types, n_types, ttl, arena);
}

/* ---- hashes ---- */

void nsec3_hash(uint8_t out[HASH_BYTES], const uint8_t *name, size_t n) {
	sha1_short(out, name, n);
}

struct str nsec3_name(uint8_t *out, const uint8_t hash[HASH_BYTES], const struct zone *z) {
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv"; /* base32hex (RFC 4648 7) */
	out[0] = 32;
	for (unsigned i = 0; i < 32; i++) {
		unsigned bit = 5 * i, pair = (unsigned)hash[bit / 8] << 8 | (bit / 8 + 1 < HASH_BYTES ? hash[bit / 8 + 1] : 0);
		out[1 + i] = (uint8_t)digits[pair >> (11 - bit % 8) & 31];
	}
	memcpy(out + 33, z->apex->name, z->apex->n_name);
	return str_slice((const char *)out, 33u + z->apex->n_name);
}
