/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 and IPv6 addresses with a port. Parsing is strict: no names, no leading zeros in IPv4, no scope, no bare IPv6 with a port, no
 * blanks, a port of 1-5 digits. IPv4 is formatted by hand: it is in every access record, and inet_ntop goes through printf.
 */
#include "steerway/base/addr.h"

#include "steerway/base/hash.h"

#include <arpa/inet.h>

bool addr_parse_ip(struct addr *out, struct str text) {
	char copy[INET6_ADDRSTRLEN];
	if (text.n >= sizeof copy || str_find_char(text, '\0') < text.n)
		return false;
	str_copy(copy, sizeof copy, text);
	struct addr a = { .in6 = { .sin6_family = AF_INET6 } };
	if (inet_pton(AF_INET6, copy, &a.in6.sin6_addr) != 1) {
		a = (struct addr){ .in = { .sin_family = AF_INET } };
		if (inet_pton(AF_INET, copy, &a.in.sin_addr) != 1)
			return false;
	}
	*out = a;
	return true;
}

bool addr_parse(struct addr *out, struct str text) {
	bool has_brackets = str_starts(text, STR("["));
	struct str host = has_brackets ? str_skip(text, 1) : text;
	host.n = str_find_char(host, has_brackets ? ']' : ':');
	struct str rest = str_skip(text, host.n + (has_brackets ? 1U : 0U));
	struct str mark = has_brackets ? STR("]:") : STR(":");
	struct addr a;
	uint64_t port;
	if (!str_starts(rest, mark) || !addr_parse_ip(&a, host) || addr_is_v6(&a) != has_brackets)
		return false;
	struct str digits = str_skip(rest, mark.n);
	if (digits.n > 5 || !str_to_u64(digits, &port) || port > UINT16_MAX)
		return false;
	addr_set_port(&a, (uint16_t)port);
	*out = a;
	return true;
}

/* Returns where it ended. */
static char *put_decimal(char *to, unsigned value) {
	char digits[10];
	size_t n = 0;
	do {
		digits[n++] = (char)('0' + value % 10);
	} while ((value /= 10) > 0);
	while (n > 0)
		*to++ = digits[--n];
	return to;
}

/* An octet in decimal with a dot behind it, and how long that is: one copy of 4 bytes instead of divisions and a loop. */
struct octet {
	char text[4];
	uint8_t n;
};
#define OCTET(o)                                                                                                                 \
	{                                                                                                                        \
		{ '0' + ((o) >= 100  ? (o) / 100                                                                                 \
			 : (o) >= 10 ? (o) / 10                                                                                  \
			             : (o)),                                                                                     \
		  (o) >= 100  ? '0' + (o) / 10 % 10                                                                              \
		  : (o) >= 10 ? '0' + (o) % 10                                                                                   \
			      : '.',                                                                                             \
		  (o) >= 100 ? '0' + (o) % 10 : '.', '.' },                                                                      \
		    (o) >= 100  ? 4                                                                                              \
		    : (o) >= 10 ? 3                                                                                              \
				: 2                                                                                              \
	}
#define OCTETS4(o) OCTET(o), OCTET((o) + 1), OCTET((o) + 2), OCTET((o) + 3)
#define OCTETS16(o) OCTETS4(o), OCTETS4((o) + 4), OCTETS4((o) + 8), OCTETS4((o) + 12)
#define OCTETS64(o) OCTETS16(o), OCTETS16((o) + 16), OCTETS16((o) + 32), OCTETS16((o) + 48)
static const struct octet octet_texts[256] = { OCTETS64(0), OCTETS64(64), OCTETS64(128), OCTETS64(192) };

static char *put_ip(char *to, const struct addr *a) {
	if (a->sa.sa_family == AF_INET) {
		const unsigned char *octets = (const unsigned char *)&a->in.sin_addr;
		for (int i = 0; i < 4; i++) {
			memcpy(to, octet_texts[octets[i]].text, 4);
			to += octet_texts[octets[i]].n;
		}
		return to - 1;
	}
	if (addr_is_v6(a)) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, to, INET6_ADDRSTRLEN);
		return to + strlen(to);
	}
	*to = '-'; /* a socket without an IP address, or none yet */
	return to + 1;
}

static struct str finish(char *start, char *end) {
	*end = '\0';
	return str_slice(start, (size_t)(end - start));
}

struct str addr_format_ip(const struct addr *a, char out[ADDR_TEXT_BYTES]) {
	return finish(out, put_ip(out, a));
}

struct str addr_format(const struct addr *a, char out[ADDR_TEXT_BYTES]) {
	char *end = out;
	if (addr_is_v6(a))
		*end++ = '[';
	end = put_ip(end, a);
	if (addr_is_v6(a))
		*end++ = ']';
	if (addr_is_v6(a) || a->sa.sa_family == AF_INET) {
		*end++ = ':';
		end = put_decimal(end, addr_port(a));
	}
	return finish(out, end);
}

socklen_t addr_len(const struct addr *a) {
	return addr_is_v6(a) ? sizeof a->in6 : sizeof a->in;
}

uint16_t addr_port(const struct addr *a) {
	return ntohs(addr_is_v6(a) ? a->in6.sin6_port : a->in.sin_port);
}

void addr_set_port(struct addr *a, uint16_t port) {
	if (addr_is_v6(a))
		a->in6.sin6_port = htons(port);
	else
		a->in.sin_port = htons(port);
}

static struct str ip_bytes(const struct addr *a) {
	return addr_is_v6(a) ? str_slice((const char *)&a->in6.sin6_addr, sizeof a->in6.sin6_addr)
	                     : str_slice((const char *)&a->in.sin_addr, sizeof a->in.sin_addr);
}

bool addr_eq(const struct addr *a, const struct addr *b) {
	return a->sa.sa_family == b->sa.sa_family && addr_port(a) == addr_port(b) && str_eq(ip_bytes(a), ip_bytes(b)) &&
	       (!addr_is_v6(a) || a->in6.sin6_scope_id == b->in6.sin6_scope_id);
}

uint64_t addr_hash(const struct addr *a, uint64_t seed) {
	return hash_str(ip_bytes(a), seed ^ hash_mix(addr_port(a)));
}
