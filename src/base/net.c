/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Networks in CIDR notation. Bits behind the prefix are refused: "10.1.2.3/8" may mean the network or the host, and a rule that
 * guesses is a rule that lets in more than its writer meant.
 */
#include "steerway/base/addr.h"

static const unsigned char *ip_octets(const struct addr *a, unsigned *bits) {
	struct str wire = addr_wire(a);
	*bits = 8 * (unsigned)wire.n;
	return (const unsigned char *)wire.p;
}

/* Are the first `bits` bits the same? */
static bool prefix_eq(const unsigned char *a, const unsigned char *b, unsigned bits) {
	for (unsigned n; bits > 0; bits -= n, a += 4, b += 4) {
		uint32_t x, y;
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		n = bits < 32 ? bits : 32;
		if (ntohl(x ^ y) >> (32 - n))
			return false;
	}
	return true;
}

bool addr_net_parse(struct addr_net *out, struct str text) {
	size_t slash = str_find_char(text, '/');
	struct addr a;
	unsigned most;
	uint64_t bits;
	if (!addr_parse_ip(&a, str_slice(text.p, slash)))
		return false;
	const unsigned char *octets = ip_octets(&a, &most);
	bits = most;
	if (slash < text.n && (text.n - slash > 4 || !str_to_u64(str_skip(text, slash + 1), &bits) || bits > most))
		return false;
	for (unsigned i = (unsigned)bits; i < most; i++)
		if (octets[i / 8] >> (7 - i % 8) & 1)
			return false;
	*out = (struct addr_net){ a, (uint8_t)bits };
	return true;
}

struct str addr_net_format(const struct addr_net *n, char out[ADDR_TEXT_BYTES]) {
	struct str text = addr_format_ip(&n->address, out);
	char *end = out + text.n;
	*end++ = '/';
	if (n->bits >= 100)
		*end++ = '1';
	if (n->bits >= 10)
		*end++ = (char)('0' + n->bits / 10 % 10);
	*end++ = (char)('0' + n->bits % 10);
	*end = '\0';
	return str_slice(out, (size_t)(end - out));
}

bool addr_net_has(const struct addr_net *n, const struct addr *a) {
	unsigned net_bits, bits;
	const unsigned char *net = ip_octets(&n->address, &net_bits), *octets = ip_octets(a, &bits);
	if (bits == 128 && net_bits == 32 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		octets += 12;
		bits = 32;
	}
	return bits == net_bits && prefix_eq(net, octets, n->bits);
}
