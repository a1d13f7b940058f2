/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a client's network to a class: disjoint prefixes that together cover all of IPv4 and IPv6, each with a small number. Since
 * no prefix overlaps another, the scope of an answer (RFC 7871 7.2.1) is the length of the prefix that was found.
 *
 *	client_map.c   the form that is looked up in
 *	client_cut.c   prefixes that overlap, or whole maps, cut and merged into such a form
 */
#ifndef STEERWAY_GSLB_CLIENT_MAP_H
#define STEERWAY_GSLB_CLIENT_MAP_H

#include "steerway/base/addr.h"
#include "steerway/dns.h"

struct client_map;

#define CLIENT_CLASSES_MAX (1u << 24)

/* The class of a client, below client_map_n_classes(); *scope: how many bits of its address decided. */
unsigned client_map_find(const struct client_map *m, const struct client_net *c, uint8_t *scope);
unsigned client_map_n_classes(const struct client_map *m);
size_t client_map_n_prefixes(const struct client_map *m);
size_t client_map_bytes(const struct client_map *m);
void client_map_destroy(struct client_map *m);

/* Calls `each` for every prefix, IPv4 first, in order. */
void client_map_each(const struct client_map *m, void (*each)(void *arg, const struct client_net *prefix, unsigned class),
                     void *arg);

/* ---- making them ---- */

/* The same number for both: bits beyond n_bits are cleared. */
struct client_net client_net_of(const struct addr *a, unsigned n_bits);
/* "192.0.2.0/24", for messages. */
struct str client_net_format(const struct client_net *c, char out[ADDR_TEXT_BYTES]);

/* Their order: IPv4 first, by address, a network before those in it. */
static inline int client_net_compare(const struct client_net *a, const struct client_net *b) {
	if (a->is_v6 != b->is_v6)
		return a->is_v6 ? 1 : -1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return (int)a->n_bits - (int)b->n_bits;
}

struct client_prefix {
	struct client_net net;
	uint32_t class;
	uint32_t line; /* where it comes from, for messages about it; 0: from no line, it takes the place of one from a line */
};
/* Prefixes that may lie in each other, in any order (they are sorted in place): the longest one that holds a client decides; `rest`
 * is the class of clients in none. NULL: two of them are the same, and of lines; *twice is the second of that pair, which stands behind
 * the first. */
struct client_map *client_map_cut(struct client_prefix *prefixes, size_t n, uint32_t rest, const struct client_prefix **twice);

/* For a source that is disjoint and in order already: IPv4 first, without gaps. */
struct client_cut;
struct client_cut *client_cut_create(void);
void client_cut_add(struct client_cut *c, const struct client_net *net, uint32_t class);
/* Frees the cut. */
struct client_map *client_cut_finish(struct client_cut *c);
void client_cut_destroy(struct client_cut *c);

/* The same with other classes: class_of[old class]. */
struct client_map *client_map_relabel(const struct client_map *m, const uint32_t *class_of);
/* One look-up instead of n (>= 1): each class of the result stands for one combination of theirs, (*tuples)[class * n + i]. The caller
 * frees the tuples. NULL: more than CLIENT_CLASSES_MAX combinations. */
struct client_map *client_map_combine(const struct client_map *const *maps, unsigned n, uint32_t **tuples);

/* Clients spread over buckets by a hash of their network, whose size is what resolvers commonly tell (RFC 7871 11.1). */
#define CLIENT_BUCKETS 1024
#define CLIENT_BUCKET_BITS_V4 24
#define CLIENT_BUCKET_BITS_V6 56
/* From here on the class is: class as before * n + class_of[bucket]; class_of's values are below n. */
void client_map_spread(struct client_map *m, const uint16_t class_of[CLIENT_BUCKETS], unsigned n);

#endif
