/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the codec share: character classes, scans over many bytes at once, known names, comma lists. */
#ifndef STEERWAY_HTTP_PRIVATE_H
#define STEERWAY_HTTP_PRIVATE_H

#include "steerway/http.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Classes of bytes, http_chars[byte] & HTTP_CHAR_x. */
#define HTTP_CHAR_TOKEN 1       /* tchar, RFC 9110 5.6.2 */
#define HTTP_CHAR_TEXT 2        /* of a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5) */
#define HTTP_CHAR_QDTEXT 4      /* of a quoted string, RFC 9110 5.6.4 */
#define HTTP_CHAR_UNRESERVED 8  /* RFC 3986 2.3 */
#define HTTP_CHAR_PATH 16       /* visible ASCII without '?', '#' and '\\' */
#define HTTP_CHAR_QUERY 32      /* visible ASCII without '#' */
extern const uint8_t http_chars[256];

static inline bool http_is(char c, unsigned char_class) {
	return http_chars[(uint8_t)c] & char_class;
}

static inline bool http_is_space(char c) {
	return c == ' ' || c == '\t';
}

static inline bool http_is_digit(char c) {
	return c >= '0' && c <= '9';
}

/* 0 to 15, or -1. */
static inline int http_hex_value(char c) {
	if (http_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The first byte from p that is not HTTP_CHAR_TEXT, or end. HTAB interrupts the wide scan: values hold few of them. */
static inline const char *http_scan_text(const char *p, const char *end) {
	for (;;) {
#ifdef __SSE2__
		const __m128i last_control = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f);
		for (; end - p >= 16; p += 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
			__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v), _mm_cmpeq_epi8(v, del));
			unsigned bits = (unsigned)_mm_movemask_epi8(stop);
			if (bits) {
				p += __builtin_ctz(bits);
				break;
			}
		}
#else
		const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
		for (; end - p >= 8; p += 8) {
			uint64_t v, x;
			memcpy(&v, p, 8);
			x = v ^ ones * 0x7f;
			if ((((v - ones * 0x20) & ~v) | ((x - ones) & ~x)) & tops)
				break;
		}
#endif
		while (p < end && http_is(*p, HTTP_CHAR_TEXT) && *p != '\t')
			p++;
		if (p == end || *p != '\t')
			return p;
		p++;
	}
}

/* The first byte from p that is not visible ASCII (0x21 to 0x7e), or end. */
static inline const char *http_scan_visible(const char *p, const char *end) {
#ifdef __SSE2__
	const __m128i first = _mm_set1_epi8(0x21), del = _mm_set1_epi8(0x7f);
	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* The comparison is signed: bytes from 0x80 count as below it. */
		__m128i stop = _mm_or_si128(_mm_cmpgt_epi8(first, v), _mm_cmpeq_epi8(v, del));
		unsigned bits = (unsigned)_mm_movemask_epi8(stop);
		if (bits)
			return p + __builtin_ctz(bits);
	}
#else
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	for (; end - p >= 8; p += 8) {
		uint64_t v, x;
		memcpy(&v, p, 8);
		x = v ^ ones * 0x7f;
		if (((v - ones * 0x21) | v | ((x - ones) & ~x)) & tops)
			break;
	}
#endif
	while (p < end && *p > ' ' && *p < 0x7f)
		p++;
	return p;
}

/* Where the first ':' is in the 32 bytes at p, or 32. */
static inline size_t http_find_colon32(const char *p) {
#ifdef __SSE2__
	const __m128i colon = _mm_set1_epi8(':');
	unsigned low = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), colon));
	unsigned high = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16)), colon));
	unsigned bits = low | high << 16;
	return bits ? (size_t)__builtin_ctz(bits) : 32;
#else
	const char *colon = memchr(p, ':', 32);
	return colon ? (size_t)(colon - p) : 32;
#endif
}

/* Id of the name of n bytes at p, where 32 bytes can be read. */
enum http_field_id http_field_lookup32(const char *p, size_t n);

/* Cuts the next element off a comma list (RFC 9110 5.6.1): trimmed, empty elements skipped; false at the end. */
static inline bool http_list_next(struct str *rest, struct str *element) {
	while (rest->n) {
		const char *comma = memchr(rest->p, ',', rest->n);
		const char *p = rest->p, *end = comma ? comma : rest->p + rest->n;
		*rest = comma ? str_skip(*rest, (size_t)(comma + 1 - rest->p)) : STR_NONE;
		while (p < end && http_is_space(*p))
			p++;
		while (end > p && http_is_space(end[-1]))
			end--;
		if (p < end) {
			*element = str_slice(p, (size_t)(end - p));
			return true;
		}
	}
	return false;
}

/* How many options the Connection fields of a head may name; more is refused with the framing, so that matching each against
 * each field stays cheap. */
#define HTTP_CONNECTION_OPTIONS_MAX 32

#endif
