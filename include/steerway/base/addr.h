/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv4 and IPv6 addresses with a port. */
#ifndef STEERWAY_BASE_ADDR_H
#define STEERWAY_BASE_ADDR_H

#include "steerway/base/str.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/* "[2001:db8::1]:65535" and its NUL. */
#define ADDR_TEXT_BYTES 54

/* "192.0.2.1:80" or "[2001:db8::1]:80"; false otherwise. */
bool addr_parse(struct addr *out, struct str text);
/* "192.0.2.1" or "2001:db8::1"; the port is 0. */
bool addr_parse_ip(struct addr *out, struct str text);
/* Writes text with a NUL; returns it as a slice of `out`. With the port. */
struct str addr_format(const struct addr *a, char out[ADDR_TEXT_BYTES]);
/* Without the port; IPv6 has no brackets. */
struct str addr_format_ip(const struct addr *a, char out[ADDR_TEXT_BYTES]);
socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b);
uint64_t addr_hash(const struct addr *a, uint64_t seed);
static inline bool addr_is_v6(const struct addr *a) {
	return a->sa.sa_family == AF_INET6;
}
/* Its 4 or 16 bytes in the order of the wire, without the port; a slice of `a`. */
static inline struct str addr_wire(const struct addr *a) {
	return addr_is_v6(a) ? str_slice((const char *)&a->in6.sin6_addr, 16) : str_slice((const char *)&a->in.sin_addr, 4);
}

/* A network: the first `bits` of the address count, the others are 0. */
struct addr_net {
	struct addr address;
	uint8_t bits;
};
/* "10.0.0.0/8", "2001:db8::/32", or one address; false otherwise, and when bits behind the prefix are set. */
bool addr_net_parse(struct addr_net *out, struct str text);
/* Writes text with a NUL; returns it as a slice of `out`. */
struct str addr_net_format(const struct addr_net *n, char out[ADDR_TEXT_BYTES]);
/* An IPv4-mapped IPv6 address counts as the IPv4 address that it carries. */
bool addr_net_has(const struct addr_net *n, const struct addr *a);

#endif
