/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking a client up: the space that nearly all prefixes are in is divided into equal parts, and the part leads to a short run of
 * prefixes; a binary search without branches ends it. So prefixes side by side (of a company's networks) are found as fast as such all
 * over the space. Starts and values stand apart, so that the search touches few cache lines.
 */
#include "gslb/client_private.h"

#include "steerway/base/hash.h"
#include "steerway/base/mem.h"

/* At most so many bits of an address choose a part: 256 KiB. */
#define TOP_BITS_MAX 16

static unsigned bucket_of(const struct client_net *c) {
	uint64_t network = c->high >> (64 - (c->is_v6 ? CLIENT_BUCKET_BITS_V6 : CLIENT_BUCKET_BITS_V4));
	return (unsigned)hash_mix(network * 2 + c->is_v6) % CLIENT_BUCKETS;
}

/*
 * The class and the scope that go with a prefix. The scope is the prefix's length also where the client told fewer bits than that:
 * its network then spans several prefixes, and RFC 7871 7.2.1 has the scope say how many bits a good answer takes; the caller has cut
 * what it asks about to what it told, and gets the answer of the first address in there. A network of 0 bits tells nothing and asks
 * for nothing.
 */
static inline unsigned finish(const struct client_map *m, const struct client_net *c, uint32_t value, uint8_t *scope) {
	unsigned n_bits = value & 0xff, class = value >> 8;
	if (m->bucket_class) {
		unsigned at_least = c->is_v6 ? CLIENT_BUCKET_BITS_V6 : CLIENT_BUCKET_BITS_V4;
		class = class * m->n_bucket_classes + m->bucket_class[bucket_of(c)];
		n_bits = n_bits > at_least ? n_bits : at_least;
	}
	*scope = (uint8_t)(c->n_bits == 0 ? 0 : n_bits);
	return class;
}

/* The last of the starts that is not above the key: between the first entry of its part and the one that the next part begins in. */
#define SEARCH(family, key, out)                                                                                                 \
	do {                                                                                                                     \
		__typeof__(key) part_ = (key) > (family).first ? ((key) - (family).first) >> (family).shift : 0;                 \
		if (part_ > (family).n_top - 1)                                                                                  \
			part_ = (family).n_top - 1;                                                                              \
		const uint32_t *top_ = (family).top + (size_t)part_;                                                             \
		const __typeof__(*(family).starts) *base_ = (family).starts + top_[0];                                           \
		for (uint32_t n_ = top_[1] - top_[0] + 1, half_; n_ > 1; n_ -= half_) {                                          \
			half_ = n_ / 2;                                                                                          \
			base_ += base_[half_] <= (key) ? half_ : 0;                                                              \
		}                                                                                                                \
		(out) = (family).values[base_ - (family).starts];                                                                \
	} while (0)

unsigned client_map_find(const struct client_map *m, const struct client_net *c, uint8_t *scope) {
	uint32_t value;
	if (c->is_v6) {
		client_key key = client_key_of(c);
		SEARCH(m->v6, key, value);
	} else {
		uint32_t key = (uint32_t)(c->high >> 32);
		SEARCH(m->v4, key, value);
	}
	return finish(m, c, value, scope);
}

/* ---- life ---- */

/* As many bits as leave about one prefix a part, were they spread evenly. */
static unsigned top_bits(size_t n) {
	unsigned bits = 1;
	while (bits < TOP_BITS_MAX && n >> (bits + 1) > 0)
		bits++;
	return bits;
}

/* So that 1 << bits parts hold `span`. */
static unsigned top_shift(client_key span, unsigned bits) {
	unsigned shift = 0;
	while (span >> shift >> bits > 0)
		shift++;
	return shift;
}

/* top[p]: the entry that holds the first key of part p; one more at the end, so that every run has its end. What is before and behind all
 * prefixes is cut into at most as many of them as an address has bits, on either side: they belong to the first and the last part. A part
 * that begins below the first one begins behind the end of all addresses, of 128 bits. */
#define TOP_MAKE(family, n_key_bits)                                                                                             \
	do {                                                                                                                     \
		uint32_t last_ = (family).n - 1, entry_ = 0, outer_ = last_ / 4 < (n_key_bits) ? last_ / 4 : (n_key_bits);       \
		unsigned bits_ = top_bits((family).n);                                                                           \
		(family).first = (family).starts[outer_];                                                                        \
		(family).shift = top_shift((family).starts[last_ - outer_] - (family).first, bits_);                             \
		(family).n_top = (uint32_t)1 << bits_;                                                                           \
		(family).top = mem_zalloc_array((size_t)(family).n_top + 1, sizeof(*(family).top));                              \
		for (uint32_t p_ = 1; p_ < (family).n_top; p_++) {                                                               \
			client_key at_ = (client_key)(family).first + ((client_key)p_ << (family).shift);                        \
			while (entry_ < last_ && (at_ < (family).first || (family).starts[entry_ + 1] <= at_))                   \
				entry_++;                                                                                        \
			(family).top[p_] = entry_;                                                                               \
		}                                                                                                                \
		(family).top[(family).n_top] = last_;                                                                            \
	} while (0)

struct client_map *client_map_create(const struct client_entry *v4, size_t n_v4, const struct client_entry *v6, size_t n_v6,
                                     unsigned n_classes) {
	struct client_map *m = mem_zalloc(sizeof(*m));
	m->n_classes = n_classes;
	m->v4.n = (uint32_t)n_v4;
	m->v4.starts = mem_zalloc_array(n_v4, sizeof(*m->v4.starts));
	m->v4.values = mem_zalloc_array(n_v4, sizeof(*m->v4.values));
	for (size_t i = 0; i < n_v4; i++) {
		m->v4.starts[i] = (uint32_t)(v4[i].start >> 96);
		m->v4.values[i] = v4[i].class << 8 | v4[i].n_bits;
	}
	m->v6.n = (uint32_t)n_v6;
	m->v6.starts = mem_zalloc_array(n_v6, sizeof(*m->v6.starts));
	m->v6.values = mem_zalloc_array(n_v6, sizeof(*m->v6.values));
	for (size_t i = 0; i < n_v6; i++) {
		m->v6.starts[i] = v6[i].start;
		m->v6.values[i] = v6[i].class << 8 | v6[i].n_bits;
	}
	TOP_MAKE(m->v4, 32);
	TOP_MAKE(m->v6, 128);
	return m;
}

void client_map_destroy(struct client_map *m) {
	if (!m)
		return;
	mem_free(m->v4.starts);
	mem_free(m->v4.values);
	mem_free(m->v4.top);
	mem_free(m->v6.starts);
	mem_free(m->v6.values);
	mem_free(m->v6.top);
	mem_free(m->bucket_class);
	mem_free(m);
}

void client_map_spread(struct client_map *m, const uint16_t class_of[CLIENT_BUCKETS], unsigned n) {
	m->bucket_class = mem_zalloc_array(CLIENT_BUCKETS, sizeof(*m->bucket_class));
	memcpy(m->bucket_class, class_of, CLIENT_BUCKETS * sizeof(*class_of));
	m->n_bucket_classes = n;
}

/* ---- what it is ---- */

unsigned client_map_n_classes(const struct client_map *m) {
	return m->bucket_class ? m->n_classes * m->n_bucket_classes : m->n_classes;
}

size_t client_map_n_prefixes(const struct client_map *m) {
	return (size_t)m->v4.n + m->v6.n;
}

size_t client_map_bytes(const struct client_map *m) {
	return sizeof(*m) + (size_t)m->v4.n * 8 + (size_t)m->v6.n * 20 +
	       ((size_t)m->v4.n_top + m->v6.n_top + 2) * sizeof(uint32_t) +
	       (m->bucket_class ? CLIENT_BUCKETS * sizeof(*m->bucket_class) : 0);
}

struct client_entry client_map_entry(const struct client_map *m, bool is_v6, size_t i) {
	uint32_t value = is_v6 ? m->v6.values[i] : m->v4.values[i];
	return (struct client_entry){ .start = is_v6 ? m->v6.starts[i] : (client_key)m->v4.starts[i] << 96,
		                      .class = value >> 8,
		                      .n_bits = (uint8_t)value };
}

void client_map_each(const struct client_map *m, void (*each)(void *arg, const struct client_net *prefix, unsigned class),
                     void *arg) {
	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++)
		for (size_t i = 0; i < (is_v6 ? m->v6.n : m->v4.n); i++) {
			struct client_entry at = client_map_entry(m, is_v6, i);
			struct client_net net = {
				.high = (uint64_t)(at.start >> 64), .low = (uint64_t)at.start, .n_bits = at.n_bits, .is_v6 = is_v6
			};
			each(arg, &net, at.class);
		}
}

/* ---- networks ---- */

struct client_net client_net_of(const struct addr *a, unsigned n_bits) {
	struct client_net c;
	client_net_read(&c, a);
	client_net_cut(&c, n_bits);
	return c;
}

struct str client_net_format(const struct client_net *c, char out[ADDR_TEXT_BYTES]) {
	struct addr_net net = { .bits = c->n_bits };
	if (c->is_v6) {
		net.address.in6.sin6_family = AF_INET6;
		dns_put32(&net.address.in6.sin6_addr.s6_addr[0], (uint32_t)(c->high >> 32));
		dns_put32(&net.address.in6.sin6_addr.s6_addr[4], (uint32_t)c->high);
		dns_put32(&net.address.in6.sin6_addr.s6_addr[8], (uint32_t)(c->low >> 32));
		dns_put32(&net.address.in6.sin6_addr.s6_addr[12], (uint32_t)c->low);
	} else {
		net.address.in.sin_family = AF_INET;
		net.address.in.sin_addr.s_addr = htonl((uint32_t)(c->high >> 32));
	}
	return addr_net_format(&net, out);
}
