/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of JSON strings (RFC 8259 section 7) from bytes that may be anything. UTF-8 is judged by RFC 3629: overlong
 * forms, surrogates and what lies above U+10FFFF are not characters, and each of their bytes becomes one U+FFFD.
 */
#include "json.h"

static bool is_plain(unsigned char c) {
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

size_t json_plain(struct str s) {
	size_t n = 0;
	while (n < s.n && is_plain((unsigned char)s.p[n]))
		n++;
	return n;
}

/* Length of the valid sequence that s begins with, 0 when there is none. The second byte carries every special range. */
static size_t utf8_length(struct str s) {
	static const struct {
		unsigned char first_low, first_high, second_low, second_high, length;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *p = (const unsigned char *)s.p;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		if (p[0] < rows[r].first_low || p[0] > rows[r].first_high)
			continue;
		if (s.n < rows[r].length)
			return 0;
		if (rows[r].length > 1 && (p[1] < rows[r].second_low || p[1] > rows[r].second_high))
			return 0;
		for (size_t i = 2; i < rows[r].length; i++)
			if (p[i] < 0x80 || p[i] > 0xbf)
				return 0;
		return rows[r].length;
	}
	return 0;
}

static size_t escape_control(unsigned char c, char out[JSON_CHAR_BYTES]) {
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btnvfr"; /* 0x08-0x0d; JSON has no \v */
	if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
		out[0] = '\\';
		out[1] = letters[c - 0x08];
		return 2;
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

size_t json_escape(struct str *rest, char out[JSON_CHAR_BYTES]) {
	struct str s = *rest;
	unsigned char c = (unsigned char)s.p[0];
	size_t n = utf8_length(s);
	*rest = str_skip(s, n > 0 ? n : 1);
	if (n == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	if (n == 1 && (c == '"' || c == '\\')) {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (n == 1 && !is_plain(c))
		return escape_control(c, out);
	if (n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
		return escape_control((unsigned char)s.p[1], out);
	memcpy(out, s.p, n);
	return n;
}
