/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a client's network to a class: disjoint prefixes that together cover all of IPv4 and IPv6, each with a small number. Since
 * no prefix overlaps another, the scope of an answer (RFC 7871 7.2.1) is the length of the prefix that was found.
 */
#ifndef STEERWAY_GSLB_CLIENT_MAP_H
#define STEERWAY_GSLB_CLIENT_MAP_H

#include "steerway/dns.h"

struct client_map;

/* The class of a client, below client_map_n_classes(); *scope: how many bits of the address it hangs on. */
unsigned client_map_find(const struct client_map *m, const struct client_net *c, uint8_t *scope);
unsigned client_map_n_classes(const struct client_map *m);

#endif
