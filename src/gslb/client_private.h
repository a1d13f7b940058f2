/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of a client map, for the two files that make and read it. */
#ifndef STEERWAY_GSLB_CLIENT_PRIVATE_H
#define STEERWAY_GSLB_CLIENT_PRIVATE_H

#include "gslb/client_map.h"

__extension__ typedef unsigned __int128 client_key;

/* A value: class << 8 | prefix length. */
struct client_map {
	struct {
		uint32_t *starts, *values;
		uint32_t *top; /* entries by parts of the space between the first prefix and the last: client_map.c */
		uint32_t n, n_top;
		uint32_t first; /* where the first part begins */
		unsigned shift; /* a part has 1 << shift addresses */
	} v4;
	struct {
		client_key *starts;
		uint32_t *values;
		uint32_t *top;
		uint32_t n, n_top;
		client_key first;
		unsigned shift;
	} v6;
	uint16_t *bucket_class; /* NULL: not spread over buckets */
	unsigned n_bucket_classes;
	unsigned n_classes; /* before spreading */
};

static inline client_key client_key_of(const struct client_net *c) {
	return (client_key)c->high << 64 | c->low;
}
/* The bits behind a prefix. IPv4 stands in the top 32 bits of a key, and the 96 below belong to none of its prefixes. */
static inline client_key client_key_below(unsigned n_bits) {
	return n_bits == 0 ? ~(client_key)0 : n_bits >= 128 ? 0 : ~(client_key)0 >> n_bits;
}

/* From entries in order, which are copied. */
struct client_entry {
	client_key start;
	uint32_t class;
	uint8_t n_bits;
};
struct client_map *client_map_create(const struct client_entry *v4, size_t n_v4, const struct client_entry *v6, size_t n_v6,
                                     unsigned n_classes);
/* The i-th entry of a family. */
struct client_entry client_map_entry(const struct client_map *m, bool is_v6, size_t i);

#endif
