/* SPDX-License-Identifier: BSD-2-Clause */
/* The PROXY protocol, sections 2.1 and 2.2 of its specification: each case whole, and with every number of bytes missing. */
#include "http_case.h"

struct row {
	const char *name;
	struct str in;
	const char *source, *destination; /* NULL: none told */
	size_t behind;                    /* bytes that follow the header */
};

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x50\x01\xbb"
#define IPV6                                                                                                                     \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                                             \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"                                                                             \
	"\x00\x50\x01\xbb"
#define MAPPED                                                                                                                   \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01"                                                                               \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02"                                                                               \
	"\x00\x50\x01\xbb"
#define X12 "xxxxxxxxxxxx"
#define X36 X12 X12 X12
#define X216 X36 X36 X36 X36 X36 X36
#define A "10.0.0.1:80"
#define B "10.0.0.2:443"
#define A6 "[2001:db8::1]:80"
#define B6 "[2001:db8::2]:443"
#define ADDRESSES(name, in, source, destination, behind)                                                                         \
	{ name, STR_INIT(in), source, destination, behind }
#define NONE(name, in, behind)                                                                                                   \
	{ name, STR_INIT(in), NULL, NULL, behind }

static const struct row good[] = {
	ADDRESSES("2.1 TCP4", "PROXY TCP4 10.0.0.1 10.0.0.2 80 443\r\n", A, B, 0),
	ADDRESSES("2.1 and a request behind", "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n",
	          "192.168.0.1:56324", "192.168.0.11:443", 16),
	ADDRESSES("2.1 longest TCP4", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535",
	          "255.255.255.255:65535", 0),
	ADDRESSES("2.1 port 0", "PROXY TCP4 10.0.0.1 10.0.0.2 0 443\r\n", "10.0.0.1:0", B, 0),
	ADDRESSES("2.1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 80 443\r\n", A6, B6, 0),
	ADDRESSES("2.1 longest TCP6",
	          "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	          "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 0),
	ADDRESSES("2.1 IPv4 in IPv6's form", "PROXY TCP6 ::ffff:10.0.0.1 ::ffff:10.0.0.2 80 443\r\n", A, B, 0),
	NONE("2.1 UNKNOWN", "PROXY UNKNOWN\r\n\r\n", 2),
	NONE("2.1 UNKNOWN and anything",
	     "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", 0),

	NONE("2.2 LOCAL", SIGNATURE "\x20\x00\x00\x00", 0),
	NONE("2.2 LOCAL with a block",
	     SIGNATURE "\x20\xff\x00\x03"
	               "abcGET",
	     3),
	ADDRESSES("2.2 TCP over IPv4", SIGNATURE "\x21\x11\x00\x0c" IPV4 "GET", A, B, 3),
	ADDRESSES("2.2 TCP over IPv6", SIGNATURE "\x21\x21\x00\x24" IPV6 "\x16", A6, B6, 1),
	ADDRESSES("2.2 IPv4 in IPv6's form", SIGNATURE "\x21\x21\x00\x24" MAPPED, A, B, 0),
	NONE("2.2 UDP over IPv4", SIGNATURE "\x21\x12\x00\x0c" IPV4, 0),
	NONE("2.2 unspecified protocol", SIGNATURE "\x21\x10\x00\x0c" IPV4, 0),
	NONE("2.2 UNIX stream", SIGNATURE "\x21\x31\x00\xd8" X216, 0),
	NONE("2.2 unspecified",
	     SIGNATURE "\x21\x00\x00\x02"
	               "xx",
	     0),
	ADDRESSES("2.2.4 padding",
	          SIGNATURE "\x21\x11\x00\x11" IPV4 "\x04\x00\x02"
	                    "xx",
	          A, B, 0),
	ADDRESSES("2.2.8 custom type",
	          SIGNATURE "\x21\x11\x00\x14" IPV4 "\xe0\x00\x02"
	                    "xx"
	                    "\x30\x00\x00",
	          A, B, 0),
	/* Computed elsewhere, by a program that gives RFC 3720's e3069283 for "123456789". */
	ADDRESSES("2.2.3 checksum",
	          SIGNATURE "\x21\x11\x00\x13" IPV4 "\x03\x00\x04"
	                    "\x01\x92\x42\x1c",
	          A, B, 0),
};

static const struct {
	const char *name;
	struct str in;
	size_t needed; /* bytes after which it must be refused; 0: with the last */
} hostile[] = {
	{ "a request", STR_INIT("GET / HTTP/1.1\r\n"), 1 },
	{ "TLS", STR_INIT("\x16\x03\x01"), 1 },
	{ "lower case", STR_INIT("PROXy TCP4 10.0.0.1 10.0.0.2 80 443\r\n"), 5 },
	{ "another method", STR_INIT("PROXYX"), 6 },
	{ "no protocol", STR_INIT("PROXY \r\n"), 0 },
	{ "nothing behind PROXY", STR_INIT("PROXY\r\n"), 6 },
	{ "two spaces", STR_INIT("PROXY  TCP4 10.0.0.1 10.0.0.2 80 443\r\n"), 0 },
	{ "UDP4", STR_INIT("PROXY UDP4 10.0.0.1 10.0.0.2 80 443\r\n"), 0 },
	{ "TCP4X", STR_INIT("PROXY TCP4X 10.0.0.1 10.0.0.2 80 443\r\n"), 0 },
	{ "UNKNOWNX", STR_INIT("PROXY UNKNOWNX\r\n"), 0 },
	{ "family and address differ", STR_INIT("PROXY TCP4 ::1 ::2 80 443\r\n"), 0 },
	{ "families differ", STR_INIT("PROXY TCP6 ::1 10.0.0.2 80 443\r\n"), 0 },
	{ "no ports", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2\r\n"), 0 },
	{ "one port", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 80\r\n"), 0 },
	{ "three ports", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 80 443 1\r\n"), 0 },
	{ "space at the end", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 80 443 \r\n"), 0 },
	{ "empty port", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2  443\r\n"), 0 },
	{ "port 65536", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 65536 443\r\n"), 0 },
	{ "port +80", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 +80 443\r\n"), 0 },
	{ "port 080", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 080 443\r\n"), 0 },
	{ "address 010.0.0.1", STR_INIT("PROXY TCP4 010.0.0.1 10.0.0.2 80 443\r\n"), 0 },
	{ "address 10.1", STR_INIT("PROXY TCP4 10.1 10.0.0.2 80 443\r\n"), 0 },
	{ "a zone", STR_INIT("PROXY TCP6 fe80::1%1 ::2 80 443\r\n"), 0 },
	{ "bare LF", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 80 443\n"), 0 },
	{ "bare CR", STR_INIT("PROXY TCP4 10.0.0.1 10.0.0.2 80 443\rG"), 0 },
	{ "NUL", STR_INIT("PROXY TCP4 10.0.0.1\0"), 0 },
	{ "tab", STR_INIT("PROXY TCP4\t"), 0 },
	{ "108 bytes", STR_INIT("PROXY UNKNOWN " X36 X36 X12 X12 "\r\n"), 0 },

	{ "signature broken", STR_INIT("\r\n\r\n\0\r\nQUIT\r"), 12 },
	{ "two empty lines, then a request", STR_INIT("\r\n\r\nG"), 5 },
	{ "version 1", STR_INIT(SIGNATURE "\x11"), 13 },
	{ "version 3", STR_INIT(SIGNATURE "\x31"), 13 },
	{ "command 2", STR_INIT(SIGNATURE "\x22"), 13 },
	{ "family 4", STR_INIT(SIGNATURE "\x21\x41"), 14 },
	{ "protocol 3", STR_INIT(SIGNATURE "\x21\x13"), 14 },
	{ "no room for the addresses",
	  STR_INIT(SIGNATURE "\x21\x11\x00\x0b"
	                     "xxxxxxxxxxx"),
	  0 },
	{ "IPv6 without room", STR_INIT(SIGNATURE "\x21\x21\x00\x0c" IPV4), 0 },
	{ "UNIX without room", STR_INIT(SIGNATURE "\x21\x31\x00\x0c" IPV4), 0 },
	{ "too long", STR_INIT(SIGNATURE "\x20\x00\x10\x00"), 16 },
	{ "half a TLV", STR_INIT(SIGNATURE "\x21\x11\x00\x0e" IPV4 "\x04\x00"), 0 },
	{ "TLV longer than the header", STR_INIT(SIGNATURE "\x21\x11\x00\x10" IPV4 "\x04\x00\x02x"), 0 },
	{ "ALPN twice",
	  STR_INIT(SIGNATURE "\x21\x11\x00\x14" IPV4 "\x01\x00\x01x"
	                     "\x01\x00\x01x"),
	  0 },
	{ "authority twice, once empty",
	  STR_INIT(SIGNATURE "\x21\x11\x00\x13" IPV4 "\x02\x00\x00"
	                     "\x02\x00\x01x"),
	  0 },
	{ "checksum of 3 bytes", STR_INIT(SIGNATURE "\x21\x11\x00\x12" IPV4 "\x03\x00\x03xxx"), 0 },
	{ "wrong checksum", STR_INIT(SIGNATURE "\x21\x11\x00\x13" IPV4 "\x03\x00\x04xxxx"), 0 },
	{ "SSL of 4 bytes", STR_INIT(SIGNATURE "\x21\x11\x00\x13" IPV4 "\x20\x00\x04\x01\0\0\0"), 0 },
	{ "half a TLV within SSL", STR_INIT(SIGNATURE "\x21\x11\x00\x16" IPV4 "\x20\x00\x07\x01\0\0\0\0\x21\0"), 0 },
	{ "TLS version twice", STR_INIT(SIGNATURE "\x21\x11\x00\x1c" IPV4 "\x20\x00\x0d\x01\0\0\0\0\x21\0\x01x\x21\0\x01y"), 0 },
};

static enum parse parse_exact(struct proxy_header *h, struct str in, size_t *used) {
	struct str copy = exact_copy(in);
	enum parse r = proxy_header_parse(h, copy, used);
	free((char *)copy.p); /* addresses stay; the slices are looked at elsewhere */
	return r;
}

static void assert_addr(const struct addr *a, const char *expected) {
	char text[ADDR_TEXT_BYTES];
	assert_true(str_eq(addr_format(a, text), str_from(expected)));
}

static void row_check(const struct row *r, struct str in) {
	struct proxy_header h;
	size_t used;
	for (size_t n = 0; n <= in.n; n++) {
		enum parse got = parse_exact(&h, str_slice(in.p, n), &used);
		if (got != (n < in.n - r->behind ? PARSE_MORE : PARSE_DONE))
			fail_msg("%s: %d with %zu bytes", r->name, (int)got, n);
		assert_int_equal(used, got == PARSE_DONE ? in.n - r->behind : 0);
	}
	assert_int_equal(h.version, in.p[0] == 'P' ? 1 : 2);
	assert_int_equal(h.has_addresses, r->source != NULL);
	if (r->source) {
		assert_addr(&h.source, r->source);
		assert_addr(&h.destination, r->destination);
	}
}

static void test_good(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		row_check(&good[i], good[i].in);
}

static void test_hostile(void **state) {
	struct proxy_header h;
	size_t used;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(hostile); i++) {
		struct str in = hostile[i].in;
		size_t needed = hostile[i].needed ? hostile[i].needed : in.n;
		bool was_bad = false;
		for (size_t n = 0; n <= in.n; n++) {
			enum parse got = parse_exact(&h, str_slice(in.p, n), &used);
			if (got == PARSE_DONE || (was_bad && got != PARSE_BAD) || (n >= needed && got != PARSE_BAD))
				fail_msg("%s: %d with %zu bytes", hostile[i].name, (int)got, n);
			was_bad = got == PARSE_BAD;
			assert_int_equal(used, 0);
		}
	}
}

static void test_tlvs(void **state) {
	static const struct str in = STR_INIT(SIGNATURE "\x21\x11\x00\x43" IPV4 "\x01\x00\x02h2"
	                                                "\x02\x00\x09"
	                                                "a.example"
	                                                "\x05\x00\x03"
	                                                "\x00\x01\xff"
	                                                "\x20\x00\x1d"
	                                                "\x03\x00\x00\x00\x00"
	                                                "\x21\x00\x07"
	                                                "TLSv1.3"
	                                                "\x23\x00\x02"
	                                                "xy"
	                                                "\x22\x00\x06"
	                                                "client");
	struct proxy_header h;
	size_t used;
	(void)state;
	assert_int_equal(proxy_header_parse(&h, in, &used), PARSE_DONE);
	assert_int_equal(used, in.n);
	assert_true(str_eq(h.alpn, STR("h2")) && str_eq(h.authority, STR("a.example")));
	assert_true(str_eq(h.unique_id, STR("\x00\x01\xff")));
	assert_true(h.has_tls_info && h.is_tls && h.has_certificate && h.is_verified && !h.has_checksum);
	assert_true(str_eq(h.tls_version, STR("TLSv1.3")) && str_eq(h.common_name, STR("client")));

	/* No certificate: nothing was verified, whatever the field says. */
	assert_int_equal(proxy_header_parse(&h, STR(SIGNATURE "\x21\x11\x00\x14" IPV4 "\x20\x00\x05\x01\0\0\0\0"), &used),
	                 PARSE_DONE);
	assert_true(h.is_tls && !h.has_certificate && !h.is_verified);
	assert_int_equal(proxy_header_parse(&h, STR(SIGNATURE "\x21\x11\x00\x14" IPV4 "\x20\x00\x05\x07\0\0\0\x01"), &used),
	                 PARSE_DONE);
	assert_true(h.has_certificate && !h.is_verified);
}

static void test_unique_id_bound(void **state) {
	char in[16 + 12 + 3 + 129] = SIGNATURE "\x21\x11\x00\x8f" IPV4 "\x05\x00\x80";
	struct proxy_header h;
	size_t used;
	(void)state;
	assert_int_equal(proxy_header_parse(&h, str_slice(in, sizeof in - 1), &used), PARSE_DONE);
	assert_int_equal(h.unique_id.n, 128);
	in[15]++;
	in[16 + 12 + 2]++;
	assert_int_equal(proxy_header_parse(&h, str_slice(in, sizeof in), &used), PARSE_BAD);
}

static struct proxy_header header_of(uint8_t version, const char *source, const char *destination) {
	struct proxy_header h = { .version = version, .has_addresses = true };
	assert_true(addr_parse(&h.source, str_from(source)) && addr_parse(&h.destination, str_from(destination)));
	return h;
}

static void assert_writes(const struct proxy_header *h, struct str expected) {
	char out[PROXY_HEADER_WRITE_BYTES];
	size_t n = proxy_header_write(out, h);
	assert_true(str_eq(str_slice(out, n), expected));
}

static void test_write(void **state) {
	struct proxy_header h = header_of(1, A, B);
	(void)state;
	assert_writes(&h, STR("PROXY TCP4 10.0.0.1 10.0.0.2 80 443\r\n"));
	h.version = 2;
	assert_writes(&h, STR(SIGNATURE "\x21\x11\x00\x0c" IPV4));
	h.has_checksum = true;
	h.alpn = STR("h2");
	h.authority = STR("a");
	h.unique_id = STR("xyz");
	char out[PROXY_HEADER_WRITE_BYTES];
	struct proxy_header again;
	size_t n = proxy_header_write(out, &h), used;
	assert_int_equal(n, 16 + 12 + 5 + 4 + 6 + 7);
	assert_int_equal(proxy_header_parse(&again, str_slice(out, n), &used), PARSE_DONE);
	assert_true(again.has_checksum && str_eq(again.alpn, h.alpn) && str_eq(again.authority, h.authority) &&
	            str_eq(again.unique_id, h.unique_id));

	h = header_of(1, A6, B6);
	assert_writes(&h, STR("PROXY TCP6 2001:db8::1 2001:db8::2 80 443\r\n"));
	h.version = 2;
	assert_writes(&h, STR(SIGNATURE "\x21\x21\x00\x24" IPV6));
	h = header_of(1, A, B6);
	assert_writes(&h, STR("PROXY TCP6 ::ffff:10.0.0.1 2001:db8::2 80 443\r\n"));
	h = (struct proxy_header){ .version = 1 };
	assert_writes(&h, STR("PROXY UNKNOWN\r\n"));
	h = (struct proxy_header){ .version = 2, .has_checksum = true, .alpn = STR("h2") };
	assert_writes(&h, STR(SIGNATURE "\x20\x00\x00\x00"));

	/* The longest that is ever written. */
	static const char x[256];
	h = header_of(2, A6, B6);
	h.has_checksum = true;
	h.alpn = h.authority = str_slice(x, 255);
	h.unique_id = str_slice(x, 128);
	n = proxy_header_write(out, &h);
	assert_int_equal(n, 16 + 36 + 258 + 258 + 131 + 7);
	assert_int_equal(proxy_header_parse(&again, str_slice(out, n), &used), PARSE_DONE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),  cmocka_unit_test(test_hostile),         cmocka_unit_test(test_tlvs),
		cmocka_unit_test(test_write), cmocka_unit_test(test_unique_id_bound),
	};
	return cmocka_run_group_tests_name("http/proxy_protocol", tests, NULL, NULL);
}
