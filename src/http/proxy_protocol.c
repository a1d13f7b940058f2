/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): who the client is, told by a proxy before it.
 *
 * Exact: what deviates from the specification is refused at the first byte that shows it, never guessed at. Repeated TLVs are refused,
 * since two readers could take different ones. Nothing is copied; the answer's slices point into the input.
 */
#include "http/private.h"

#include "steerway/base/addr.h"

#define V1_BYTES_MAX 107 /* the worst case of section 2.1, with CR LF */
#define V2_FIXED_BYTES 16
#define UNIQUE_ID_BYTES_MAX 128 /* section 2.2.5 */
#define NAME_BYTES_MAX 255      /* of ALPN (RFC 7301 3.1) and of a host name */

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";
static const char v1_start[6] = "PROXY ";

enum tlv {
	TLV_ALPN = 0x01,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21,
	TLV_SSL_CN = 0x22,
};

static unsigned get16(const char *p) {
	return (unsigned)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

static uint32_t get32(const char *p) {
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* CRC-32C (RFC 4960, appendix B), a bit at a time: a header is short, and one a connection. */
static uint32_t crc32c(uint32_t crc, const char *p, size_t n) {
	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

/* Of a whole header whose own checksum is the 4 bytes at `hole`: they count as zeros. */
static uint32_t checksum(struct str header, const char *hole) {
	uint32_t crc = crc32c(UINT32_MAX, header.p, (size_t)(hole - header.p));
	crc = crc32c(crc, "\0\0\0", 4);
	return ~crc32c(crc, hole + 4, (size_t)(header.p + header.n - hole - 4));
}

/* An IPv4 address in IPv6's form is that IPv4 address: else it would slip past every rule about networks. */
static void unmap(struct addr *a) {
	if (!addr_is_v6(a) || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = a->in6.sin6_port };
	memcpy(&in.sin_addr, (const char *)&a->in6.sin6_addr + 12, 4);
	*a = (struct addr){ .in = in };
}

/* ---- version 1 ---- */

static bool port_parse(struct str s, uint16_t *port) {
	uint64_t v;
	if (s.n > 5 || (s.n > 1 && s.p[0] == '0') || !str_to_u64(s, &v) || v > UINT16_MAX)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* " source destination source-port destination-port", one space each. */
static bool v1_addresses_parse(struct str rest, bool is_v6, struct proxy_header *out) {
	struct str part[4];
	uint16_t port[2];
	for (unsigned i = 0; i < 4; i++) {
		if (rest.n == 0 || rest.p[0] != ' ')
			return false;
		rest = str_skip(rest, 1);
		size_t n = str_find_char(rest, ' ');
		part[i] = str_slice(rest.p, n);
		rest = str_skip(rest, n);
	}
	struct addr *to[2] = { &out->source, &out->destination };
	for (unsigned i = 0; i < 2; i++) {
		if (!addr_parse_ip(to[i], part[i]) || addr_is_v6(to[i]) != is_v6 || !port_parse(part[2 + i], &port[i]))
			return false;
		addr_set_port(to[i], port[i]);
		unmap(to[i]);
	}
	out->has_addresses = true;
	return rest.n == 0;
}

static enum parse v1_parse(struct proxy_header *out, struct str in, size_t *used) {
	size_t n = 0, max = in.n < V1_BYTES_MAX ? in.n : V1_BYTES_MAX;
	/* Printable ASCII up to CR LF: what cannot become a line is refused without waiting for more. */
	while (n < max && in.p[n] >= ' ' && in.p[n] < 0x7f)
		n++;
	if (n + 1 >= V1_BYTES_MAX || (n < in.n && in.p[n] != '\r') || (n + 1 < in.n && in.p[n + 1] != '\n'))
		return PARSE_BAD;
	if (n + 2 > in.n)
		return PARSE_MORE;
	out->version = 1;
	*used = n + 2;
	struct str line = str_skip(str_slice(in.p, n), sizeof v1_start);
	if (str_starts(line, STR("TCP4 ")))
		return v1_addresses_parse(str_skip(line, 4), false, out) ? PARSE_DONE : PARSE_BAD;
	if (str_starts(line, STR("TCP6 ")))
		return v1_addresses_parse(str_skip(line, 4), true, out) ? PARSE_DONE : PARSE_BAD;
	/* What follows UNKNOWN is to be ignored. */
	return str_eq(line, STR("UNKNOWN")) || str_starts(line, STR("UNKNOWN ")) ? PARSE_DONE : PARSE_BAD;
}

/* ---- version 2 ---- */

/* Cuts the next TLV off *rest; false when what is left is none. */
static bool tlv_next(struct str *rest, unsigned *type, struct str *value) {
	if (rest->n < 3)
		return false;
	*type = (uint8_t)rest->p[0];
	size_t n = get16(rest->p + 1);
	if (n > rest->n - 3)
		return false;
	*value = str_slice(rest->p + 3, n);
	*rest = str_skip(*rest, 3 + n);
	return true;
}

/* Takes a value that may come once, of at most `max` bytes. */
static bool take_once(struct str *slot, struct str value, size_t max) {
	if (slot->p || value.n > max)
		return false;
	*slot = value;
	return true;
}

static bool ssl_parse(struct str value, struct proxy_header *out) {
	if (out->has_tls_info || value.n < 5)
		return false;
	unsigned client = (uint8_t)value.p[0], type;
	out->has_tls_info = true;
	out->is_tls = client & 1;
	out->has_certificate = client & 6; /* on this connection or in its session */
	out->is_verified = out->has_certificate && get32(value.p + 1) == 0;
	struct str rest = str_skip(value, 5), v;
	while (rest.n)
		if (!tlv_next(&rest, &type, &v) ||
		    (type == TLV_SSL_VERSION && !take_once(&out->tls_version, v, NAME_BYTES_MAX)) ||
		    (type == TLV_SSL_CN && !take_once(&out->common_name, v, NAME_BYTES_MAX)))
			return false;
	return true;
}

static bool tlv_take(struct proxy_header *out, struct str header, unsigned type, struct str value) {
	switch (type) {
	case TLV_ALPN:
		return take_once(&out->alpn, value, NAME_BYTES_MAX);
	case TLV_AUTHORITY:
		return take_once(&out->authority, value, NAME_BYTES_MAX);
	case TLV_UNIQUE_ID:
		return take_once(&out->unique_id, value, UNIQUE_ID_BYTES_MAX);
	case TLV_CRC32C:
		if (out->has_checksum || value.n != 4)
			return false;
		out->has_checksum = true;
		return checksum(header, value.p) == get32(value.p);
	case TLV_SSL:
		return ssl_parse(value, out);
	default: /* padding, types that we do not know, and nobody else's are to be skipped */
		return true;
	}
}

static void v2_address(struct addr *a, const char *ip, const char *port, bool is_v6) {
	*a = (struct addr){ 0 };
	if (is_v6) {
		a->in6.sin6_family = AF_INET6;
		memcpy(&a->in6.sin6_addr, ip, 16);
	} else {
		a->in.sin_family = AF_INET;
		memcpy(&a->in.sin_addr, ip, 4);
	}
	addr_set_port(a, (uint16_t)get16(port));
	unmap(a);
}

static enum parse v2_body_parse(struct proxy_header *out, struct str header) {
	static const size_t address_bytes[] = { 0, 12, 36, 216 }; /* by family: unspecified, IPv4, IPv6, UNIX */
	unsigned family = (uint8_t)header.p[13] >> 4, protocol = (uint8_t)header.p[13] & 15, type;
	struct str rest = str_skip(header, V2_FIXED_BYTES), value;
	/* LOCAL: all that follows is to be discarded, the family too. */
	if ((header.p[12] & 15) == 0)
		return PARSE_DONE;
	if (address_bytes[family] > rest.n)
		return PARSE_BAD;
	if ((family == 1 || family == 2) && protocol == 1) {
		size_t n = family == 2 ? 16 : 4;
		v2_address(&out->source, rest.p, rest.p + 2 * n, family == 2);
		v2_address(&out->destination, rest.p + n, rest.p + 2 * n + 2, family == 2);
		out->has_addresses = true;
	}
	if (family == 0)
		return PARSE_DONE; /* what its address block holds is unspecified, so where TLVs start is too */
	rest = str_skip(rest, address_bytes[family]);
	while (rest.n)
		if (!tlv_next(&rest, &type, &value) || !tlv_take(out, header, type, value))
			return PARSE_BAD;
	return PARSE_DONE;
}

static enum parse v2_parse(struct proxy_header *out, struct str in, size_t *used) {
	unsigned version_command = in.n > 12 ? (uint8_t)in.p[12] : 0x20;
	unsigned family_protocol = in.n > 13 ? (uint8_t)in.p[13] : 0;
	bool is_local = version_command == 0x20;
	if (!is_local && version_command != 0x21)
		return PARSE_BAD;
	if (!is_local && (family_protocol >> 4 > 3 || (family_protocol & 15) > 2))
		return PARSE_BAD;
	if (in.n < V2_FIXED_BYTES)
		return PARSE_MORE;
	size_t bytes = V2_FIXED_BYTES + get16(in.p + 14);
	if (bytes > PROXY_HEADER_BYTES_MAX)
		return PARSE_BAD;
	if (in.n < bytes)
		return PARSE_MORE;
	out->version = 2;
	*used = bytes;
	return v2_body_parse(out, str_slice(in.p, bytes));
}

enum parse proxy_header_parse(struct proxy_header *out, struct str in, size_t *used) {
	*out = (struct proxy_header){ 0 };
	*used = 0;
	bool is_v2 = in.n > 0 && in.p[0] == v2_signature[0];
	struct str start = is_v2 ? str_slice(v2_signature, sizeof v2_signature) : str_slice(v1_start, sizeof v1_start);
	size_t n = in.n < start.n ? in.n : start.n;
	if (n > 0 && memcmp(in.p, start.p, n) != 0)
		return PARSE_BAD;
	if (in.n < start.n)
		return PARSE_MORE;
	enum parse r = is_v2 ? v2_parse(out, in, used) : v1_parse(out, in, used);
	if (r != PARSE_DONE)
		*used = 0;
	return r;
}

/* ---- writing ---- */

static void put16(char *p, size_t v) {
	p[0] = (char)(v >> 8);
	p[1] = (char)v;
}

/* IPv4 in IPv6's form, for a pair of two families. */
static struct in6_addr as_v6(const struct addr *a) {
	if (addr_is_v6(a))
		return a->in6.sin6_addr;
	struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(&mapped.s6_addr[12], &a->in.sin_addr, 4);
	return mapped;
}

static char *put_text(char *at, struct str s) {
	memcpy(at, s.p, s.n);
	return at + s.n;
}

static char *put_number(char *at, unsigned v) {
	char digits[5];
	unsigned n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*at++ = digits[--n];
	return at;
}

static size_t v1_write(char *out, const struct proxy_header *h) {
	if (!h->has_addresses)
		return (size_t)(put_text(out, STR("PROXY UNKNOWN\r\n")) - out);
	const struct addr *pair[2] = { &h->source, &h->destination };
	bool is_v6 = addr_is_v6(pair[0]) || addr_is_v6(pair[1]);
	char *at = put_text(out, is_v6 ? STR("PROXY TCP6") : STR("PROXY TCP4")), text[ADDR_TEXT_BYTES];
	for (unsigned i = 0; i < 2; i++) {
		struct addr a = *pair[i];
		if (is_v6)
			a = (struct addr){ .in6 = { .sin6_family = AF_INET6, .sin6_addr = as_v6(pair[i]) } };
		*at++ = ' ';
		at = put_text(at, addr_format_ip(&a, text));
	}
	for (unsigned i = 0; i < 2; i++) {
		*at++ = ' ';
		at = put_number(at, addr_port(pair[i]));
	}
	return (size_t)(put_text(at, STR("\r\n")) - out);
}

static char *put_tlv(char *at, enum tlv type, struct str value, size_t max) {
	if (value.n == 0 || value.n > max)
		return at;
	*at = (char)type;
	put16(at + 1, value.n);
	return put_text(at + 3, value);
}

static char *put_addresses(char *at, const struct proxy_header *h, bool is_v6) {
	const struct addr *pair[2] = { &h->source, &h->destination };
	for (unsigned i = 0; i < 2; i++) {
		struct in6_addr wide = as_v6(pair[i]);
		at = put_text(at,
		              is_v6 ? str_slice((const char *)wide.s6_addr, 16) : str_slice((const char *)wide.s6_addr + 12, 4));
	}
	for (unsigned i = 0; i < 2; i++, at += 2)
		put16(at, addr_port(pair[i]));
	return at;
}

static size_t v2_write(char *out, const struct proxy_header *h) {
	char *at = put_text(out, str_slice(v2_signature, sizeof v2_signature)) + 4, *sum;
	bool is_v6 = h->has_addresses && (addr_is_v6(&h->source) || addr_is_v6(&h->destination));
	out[12] = h->has_addresses ? 0x21 : 0x20;
	out[13] = (char)(!h->has_addresses ? 0 : is_v6 ? 0x21 : 0x11);
	if (h->has_addresses) {
		at = put_addresses(at, h, is_v6);
		at = put_tlv(at, TLV_ALPN, h->alpn, NAME_BYTES_MAX);
		at = put_tlv(at, TLV_AUTHORITY, h->authority, NAME_BYTES_MAX);
		at = put_tlv(at, TLV_UNIQUE_ID, h->unique_id, UNIQUE_ID_BYTES_MAX);
	}
	sum = at + 3;
	if (h->has_addresses && h->has_checksum)
		at = put_tlv(at, TLV_CRC32C, STR("\0\0\0\0"), 4);
	put16(out + 14, (size_t)(at - out) - V2_FIXED_BYTES);
	if (h->has_addresses && h->has_checksum) {
		uint32_t crc = checksum(str_slice(out, (size_t)(at - out)), sum);
		put16(sum, crc >> 16);
		put16(sum + 2, crc & 0xffff);
	}
	return (size_t)(at - out);
}

size_t proxy_header_write(char out[PROXY_HEADER_WRITE_BYTES], const struct proxy_header *h) {
	return h->version == 1 ? v1_write(out, h) : v2_write(out, h);
}
