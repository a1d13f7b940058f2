/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of zone files: entries and words (RFC 1035 5.1), and the RDATA of every kind of type, byte by byte, or why there is none. */
#include "gslb/zone_text.h"

#include "steerway/base/buf.h"
#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct zone_scan scan;
static struct zone_entry entry;
static char *copy; /* at its exact size, so that a sanitizer sees a read beyond */

static void begin(struct str text) {
	mem_free(copy);
	copy = mem_alloc(text.n);
	memcpy(copy, text.p, text.n);
	zone_scan_init(&scan, str_slice(copy, text.n));
}

/* "3 a|b c|" : the line (behind a "+" when the entry is indented), then words; quoted ones in quotes. */
static const char *next_entry(void) {
	static struct buf out;
	struct err e;
	int result = zone_scan_next(&scan, &entry, &e);
	out.n = 0;
	if (result == 0)
		return "end";
	if (result < 0) {
		buf_printf(&out, "%d %s", entry.line, e.text);
	} else {
		buf_printf(&out, "%s%d ", entry.is_indented ? "+" : "", entry.line);
		for (size_t i = 0; i < entry.n; i++)
			buf_printf(&out, entry.words[i].is_quoted ? "\"%.*s\"|" : "%.*s|", STR_ARG(entry.words[i].text));
	}
	buf_add_char(&out, '\0');
	return out.p;
}

static void test_entries(void **state) {
	(void)state;
	begin(STR("\n; c\n a b ; c\n\tc\r\nd(e\n ; c ) \n f) g\n  \n(\n h )\n\"a;(b\" \"\" x=\"y z\";q\na\\;b \\\" \\( c\\ d"));
	assert_string_equal(next_entry(), "+3 a|b|");
	assert_string_equal(next_entry(), "+4 c|");
	assert_string_equal(next_entry(), "5 d|e|f|g|");
	assert_string_equal(next_entry(), "+10 h|");
	assert_string_equal(next_entry(), "11 \"a;(b\"|\"\"|x=\"y z\"|");
	assert_string_equal(next_entry(), "12 a\\;b|\\\"|\\(|c\\ d|");
	assert_string_equal(next_entry(), "end");
	assert_string_equal(next_entry(), "end");
}

static void test_entries_refused(void **state) {
	(void)state;
	static const struct {
		struct str text;
		const char *why;
	} rows[] = {
		{ STR_INIT("a\nb (\nc\n"), "2 a parenthesis is not closed" },
		{ STR_INIT("a\n(\nc\n"), "2 a parenthesis is not closed" },
		{ STR_INIT("a\nb )\n"), "2 a `)` without its `(`" },
		{ STR_INIT("a\nb (\n \"c\nd\" )\n"), "3 a quote is not closed on its line" },
		{ STR_INIT("a\nb x=\"c\n"), "2 a quote is not closed on its line" },
		{ STR_INIT("a\nb \"c\\\n"), "2 a quote is not closed on its line" },
		{ STR_INIT("a\nb \"c"), "2 a quote is not closed on its line" },
		{ STR_INIT("a\nb c\\\n"), "2 a backslash at the end of a line" },
		{ STR_INIT("a\nb c\\"), "2 a backslash at the end of a line" },
		{ STR_INIT("a\nb\0c"), "2 a NUL byte" },
		{ STR_INIT("a\n\"b\0c\""), "2 a NUL byte" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin(rows[i].text);
		assert_string_equal(next_entry(), "1 a|");
		const char *said = next_entry();
		if (strncmp(said, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("row %zu: \"%s\"", i, said);
	}
}

/* Bounds. */
static void test_entries_long(void **state) {
	(void)state;
	struct buf text = { 0 };
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "name-%d \"q%d\" (\n x )\n", i, i);
	begin(buf_str(&text));
	for (int i = 0; i < 20000; i++) {
		char expected[64];
		snprintf(expected, sizeof(expected), "%d name-%d|\"q%d\"|x|", 2 * i + 1, i, i);
		assert_string_equal(next_entry(), expected);
	}
	assert_string_equal(next_entry(), "end");
	text.n = 0;
	for (int i = 0; i < ZONE_WORDS_MAX + 1; i++)
		buf_printf(&text, "a ");
	begin(buf_str(&text));
	assert_string_equal(next_entry(), "1 an entry of more than 16384 words; write its data with fewer blanks");
	text.n = 0;
	for (int i = 0; i < ZONE_ENTRY_BYTES; i++)
		buf_add_char(&text, 'a');
	begin(buf_str(&text));
	assert_string_equal(next_entry(), "1 an entry longer than any record can be; is a quote or parenthesis not closed?");
	text.n--;
	begin(buf_str(&text));
	next_entry();
	assert_int_equal(entry.n, 1);
	assert_int_equal(entry.words[0].text.n, ZONE_ENTRY_BYTES - 1);
	buf_fini(&text);
}

/* ---- RDATA ---- */

/* A type and its data to hexadecimal digits, or to the fault. Names stand below "o.". */
static const char *rdata_text(const char *record) {
	static char out[2 * UINT16_MAX + 1];
	static uint8_t rdata[UINT16_MAX];
	struct err e = { "" };
	uint16_t type;
	begin(str_from(record));
	assert_int_equal(zone_scan_next(&scan, &entry, &e), 1);
	if (!zone_type_from_text(entry.words[0].text, &type))
		return "no type";
	int n = zone_rdata_from_words(type, entry.words + 1, entry.n - 1, str_slice("\1o", 3), rdata, &e);
	if (n < 0) {
		snprintf(out, sizeof(out), "%s", e.text);
		return out;
	}
	for (int i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", rdata[i]);
	out[2 * n] = '\0';
	return out;
}

struct rdata_row {
	const char *record, *expected;
};

/* Digits are compared as a whole; of a fault, how it begins. */
static void rows_check(const struct rdata_row *rows, size_t n) {
	for (size_t i = 0; i < n; i++) {
		const char *said = rdata_text(rows[i].record), *expected = rows[i].expected;
		bool is_fault = strspn(expected, "0123456789abcdef") < strlen(expected);
		if (is_fault ? strncmp(said, expected, strlen(expected)) != 0 : strcmp(said, expected) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].record, said, expected);
	}
}

static void test_types(void **state) {
	(void)state;
	static const struct rdata_row rows[] = {
		{ "A 192.0.2.1", "c0000201" },
		{ "AAAA 2001:db8::1", "20010db8000000000000000000000001" },
		{ "aaaa ::ffff:192.0.2.1", "00000000000000000000ffffc0000201" },
		{ "NS a", "0161016f00" },
		{ "CNAME Aa.b.", "024161016200" },
		{ "PTR @", "016f00" },
		{ "DNAME .", "00" },
		{ "MX 10 a", "000a0161016f00" },
		{ "SOA a b 1 1h 2w 4d 5m", "0161016f000162016f000000000100000e1000127500000546000000012c" },
		{ "TXT a \"b c\" \"d\\\"e\" \\097\\;", "0161036220630364226502613b" },
		{ "TXT \"\"", "00" },
		{ "SRV 1 2 65535 a", "00010002ffff0161016f00" },
		{ "NAPTR 100 10 u E2U+sip \"!^.*$!sip:x!\" .", "0064000a0175074532552b7369700c215e2e2a24217369703a782100" },
		{ "LOC 42 21 54 N 71 06 18 W -24m 30m", "0033161389172dd070be15f000988d20" },
		{ "CAA 0 issue \"ca.example\"", "0005697373756563612e6578616d706c65" },
		{ "CAA 128 issue ca.example", "8005697373756563612e6578616d706c65" }, /* RFC 8659 4.1.1: quoted or not */
		{ "URI 10 1 \"ftp://x/\"", "000a00016674703a2f2f782f" },
		{ "URI 10 1 ftp://x/", "000a00016674703a2f2f782f" },
		{ "TLSA 3 1 1 01234567 89abcdef", "0301010123456789abcdef" },
		{ "SSHFP 4 2 0123 4567", "040201234567" },
		{ "DS 60485 13 2 3490A680", "ec450d023490a680" },
		{ "DNSKEY 257 3 13 AAAA BBBB", "0101030d000000041041" },
		{ "RP a b", "0161016f000162016f00" },
		{ "HINFO PC \"Linux x\"", "025043074c696e75782078" },
		{ "SMIMEA 3 1 1 0123", "0301010123" },
		{ "OPENPGPKEY AAAA", "000000" },
		{ "CERT PKIX 1 2 AAAA", "0001000102000000" },
		{ "IPSECKEY 10 1 2 192.0.2.38 AAAA", "0a0102c0000226000000" },
		{ "APL 1:192.168.32.0/21 !1:192.168.38.0/28", "00011503c0a82000011c83c0a826" },
		{ "EUI48 00-00-5e-00-53-2a", "00005e00532a" },
		{ "L64 10 2001:0DB8:1140:1000", "000a20010db811401000" },
		{ "CSYNC 66 3 A NS AAAA", "000000420003000460000008" },
		{ "AFSDB 1 a", "00010161016f00" },
		{ "DHCID AAIB", "000201" },
		{ "SPF v=spf1", "06763d73706631" },
		/* RFC 3597 5, of types with and without a name */
		{ "TYPE65280 \\# 4 0a00 0001", "0a000001" },
		{ "TYPE65280 \\# 0", "" },
		{ "A \\# 4 0A000001", "0a000001" },
		{ "TYPE1 \\# 4 0a000001", "0a000001" },
		{ "TYPE1 192.0.2.1", "c0000201" },
		{ "MX \\# 5 000a 0161 00", "000a016100" },
		{ "TXT \"\\#\" 4", "01230134" }, /* quoted: a text */
	};
	rows_check(rows, COUNT_OF(rows));
}

static void test_types_refused(void **state) {
	(void)state;
	static const struct rdata_row rows[] = {
		{ "NOSUCHTYPE x", "no type" },
		{ "TYPE65536 \\# 0", "no type" },
		{ "TYPE65280 x", "data of a type without a name is written as" },
		{ "TYPE65280", "data of a type without a name is written as" },
		{ "A", "an A record takes one address" },
		{ "A 192.0.2.1 192.0.2.2", "an A record takes one address" },
		{ "A 192.0.2.01", "`192.0.2.01` is not an IPv4 address" },
		{ "AAAA 192.0.2.1", "`192.0.2.1` is not an IPv6 address" },
		{ "NS a b", "the record takes one name" },
		{ "CNAME a..b", "`a..b` is not a domain name: it has an empty label" },
		{ "MX 70000 a", "`70000` is not a number from 0 to 65535" },
		{ "MX -1 a", "`-1` is not a number from 0 to 65535" },
		{ "MX 10", "the record's data ends before its last field" },
		{ "MX 10 a b", "the data of the MX record is malformed" },
		{ "MX 10 a..b", "`a..b` is not what field 2 of a MX record takes" },
		{ "SRV 1 2 65536 a", "`65536` is not a number from 0 to 65535" },
		{ "SOA a b 1 2 3 4", "the record's data ends before its last field" },
		{ "SOA a b 4294967296 2 3 4 5", "`4294967296` is not a number from 0 to 4294967295" },
		{ "SOA a b 1 2x 3 4 5", "`2x` is not a time in seconds" },
		{ "CAA 256 issue x", "`256` is not a number from 0 to 255" },
		{ "CAA 0 is-sue x", "`is-sue` is not what field 2 of a CAA record takes" },
		{ "TXT", "the record's data ends before its last field" },
		{ "DS 1 13 2 xyz", "`xyz` is not what field 4 of a DS record takes" },
		{ "A \\#", "behind `\\#` stands the length of the data" },
		{ "A \\# x", "behind `\\#` stands the length of the data" },
		{ "A \\# 65536 00", "behind `\\#` stands the length of the data" },
		{ "A \\# 4 0a0000", "6 hexadecimal digits are not the 4 bytes" },
		{ "A \\# 4 0a0000000", "9 hexadecimal digits are not the 4 bytes" },
		{ "A \\# 4 0a00000g", "`0a00000g` is not hexadecimal" },
		{ "SRV 1 2 30 \\# 2 0102", "`\\#`: `\\#` stands alone in front of generic data (RFC 3597)" },
		{ "TXT \\#x", "`\\#x`: `\\#` stands alone in front of generic data (RFC 3597)" },
		{ "A \\# 3 0a0000", "the record's data ends before its last field" },
		{ "A \\# 5 0a00000100", "the record's data has bytes behind its last field" },
		{ "TYPE28 \\# 4 0a000001", "the record's data ends before its last field" },
		{ "MX \\# 4 000ac000", "the record's data ends before its last field, or a field of it is malformed" },
		{ "MX \\# 6 000a 0161 c00b", "the record's data" },
		{ "SRV \\# 6 000100020003", "the record's data ends before its last field" },
		{ "TXT \\# 2 0561", "the record's data ends before its last field" },
		{ "HTTPS \\# 3 000100", "000100" },
		{ "HTTPS \\# 2 0001", "the record's data ends before its last field" },
	};
	rows_check(rows, COUNT_OF(rows));
	/* A character-string has at most 255 bytes (RFC 1035 3.3). */
	char text[400] = "TXT \"";
	memset(text + 5, 'a', 255);
	memcpy(text + 260, "\"", 2);
	assert_int_equal(strlen(rdata_text(text)), 512);
	memcpy(text + 260, "a\"", 3);
	assert_non_null(strstr(rdata_text(text), "is not what field 1 of a TXT record takes"));
}

/* RFC 9460 appendix D, with the numbers of its figures; names are shorter. */
static void test_svcb(void **state) {
	(void)state;
	static const struct rdata_row rows[] = {
		{ "HTTPS 0 foo.o.", "000003666f6f016f00" },                                          /* D.1 figure 2 */
		{ "SVCB 1 .", "000100" },                                                            /* D.2 figure 3 */
		{ "SVCB 16 f port=53", "00100166016f00000300020035" },                               /* 4 */
		{ "SVCB 1 f key667=hello", "00010166016f00029b000568656c6c6f" },                     /* 5 */
		{ "SVCB 1 f key667=\"hello\\210qoo\"", "00010166016f00029b000968656c6c6fd2716f6f" }, /* 6 */
		{ "SVCB 1 f ( ipv6hint=\"2001:db8::1,2001:db8::53:1\" )",
		  "00010166016f000006002020010db800000000000000000000000120010db8000000000000000000530001" }, /* 7 */
		{ "SVCB 1 f ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
		  "00010166016f000006001020010db80122034400000000c0000221" }, /* 8 */
		{ "SVCB 16 f ( alpn=h2,h3-19 mandatory=ipv4hint,alpn\n ipv4hint=192.0.2.1 )",
		  "00100166016f000000000400010004000100090268320568332d313900040004c0000201" },                    /* 9 */
		{ "SVCB 16 f alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", "00100166016f000001000c08665c6f6f2c626172026832" }, /* 10 */
		{ "SVCB 16 f alpn=f\\\\\\092oo\\092,bar,h2", "00100166016f000001000c08665c6f6f2c626172026832" },
		/* D.3: failures */
		{ "SVCB 1 f key123=abc key123=def", "key123: stands twice" },
		{ "SVCB 1 f mandatory", "mandatory takes names" },
		{ "SVCB 1 f alpn", "alpn takes protocols" },
		{ "SVCB 1 f port", "port takes a port" },
		{ "SVCB 1 f ipv4hint", "ipv4hint takes IPv4 addresses" },
		{ "SVCB 1 f ipv6hint", "ipv6hint takes IPv6 addresses" },
		{ "SVCB 1 f alpn=h2 no-default-alpn=abc", "no-default-alpn takes no value" },
		{ "SVCB 1 f mandatory=key123", "key123: `mandatory` names it, but it is not there" },
		{ "SVCB 1 f mandatory=mandatory", "mandatory takes names" },
		{ "SVCB 1 f mandatory=key123,key123 key123=abc", "mandatory takes names" },
		/* the rest of the text's rules */
		{ "HTTPS 1 . alpn=h2 no-default-alpn ech=AAEC", "000100000100030268320002000000050003000102" },
		{ "SVCB 1 f key1=\\002h2", "00010166016f0000010003026832" },
		{ "SVCB 1 . dohpath=/q{?dns} ohttp", "000100000700082f717b3f646e737d00080000" },
		{ "HTTPS 1 . no-default-alpn", "no-default-alpn takes alpn beside it" },
		{ "HTTPS 0 f alpn=h2", "priority 0 is an alias, which takes no parameters" },
		{ "HTTPS 65536 f", "`65536` is not a priority" },
		{ "HTTPS 1", "the record's data ends before its last field" },
		{ "HTTPS 1 a..b", "`a..b` is not a domain name" },
		{ "HTTPS 1 . key65535=x", "`key65535` is no parameter" },
		{ "HTTPS 1 . key01=x", "`key01` is no parameter" },
		{ "HTTPS 1 . bogus=x", "`bogus` is no parameter" },
		{ "HTTPS 1 . \"alpn=h2\"", "`alpn` is no parameter" },
		{ "HTTPS 1 . alpn=,h2", "alpn takes protocols" },
		{ "HTTPS 1 . alpn=h2,", "alpn takes protocols" },
		{ "HTTPS 1 . port=65536", "port takes a port" },
		{ "HTTPS 1 . ipv4hint=192.0.2.1,", "ipv4hint takes" },
		{ "HTTPS 1 . ech=A", "ech takes" },
		{ "HTTPS 1 . key9=\\300", "key9: a backslash takes" },
		/* on the wire, in RFC 3597's form */
		{ "HTTPS \\# 13 0001 00 0003 0002 01bb 0001 0000", "alpn: not in ascending order" },
		{ "HTTPS \\# 10 0001 00 0003 0003 01bb00", "port takes a port" },
		{ "HTTPS \\# 9 0001 00 0003 0003 01bb", "the record's data ends before its last field" },
		{ "HTTPS \\# 6 0001 00 0003 00", "the record's data ends before its last field" },
		{ "HTTPS \\# 7 0001 00 ffff 0000", "key65535: reserved" },
		{ "HTTPS \\# 10 0001 00 0001 0003 056832", "alpn takes protocols" },
		{ "HTTPS \\# 15 0001 00 0000 0004 00040001 0004 0000", "mandatory takes names" },
	};
	rows_check(rows, COUNT_OF(rows));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries), cmocka_unit_test(test_entries_refused), cmocka_unit_test(test_entries_long),
		cmocka_unit_test(test_types),   cmocka_unit_test(test_types_refused),   cmocka_unit_test(test_svcb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
