/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the codec share: character classes, scans over many bytes at once, known names, comma lists. */
#ifndef STEERWAY_HTTP_PRIVATE_H
#define STEERWAY_HTTP_PRIVATE_H

#include "steerway/http.h"

#include "http/field_slots.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Classes of bytes, http_chars[byte] & HTTP_CHAR_x. */
#define HTTP_CHAR_TOKEN 1      /* tchar, RFC 9110 5.6.2 */
#define HTTP_CHAR_TEXT 2       /* of a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5) */
#define HTTP_CHAR_QDTEXT 4     /* of a quoted string, RFC 9110 5.6.4 */
#define HTTP_CHAR_UNRESERVED 8 /* RFC 3986 2.3 */
#define HTTP_CHAR_PATH 16      /* visible ASCII without '?', '#' and '\\' */
#define HTTP_CHAR_QUERY 32     /* visible ASCII without '#' */
#define HTTP_CHAR_PLAIN 64     /* of a path, where normalisation need not look closer: without '/', '%', ';' */
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
				if (*p != '\t')
					return p;
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
	while (p<end && * p> ' ' && *p < 0x7f)
		p++;
	return p;
}

/* Where the first ':' is in the 32 bytes at p, or 32. */
static inline size_t http_find_colon32(const char *p) {
#ifdef __SSE2__
	const __m128i colon = _mm_set1_epi8(':');
	unsigned low = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), colon));
	unsigned high =
	    (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16)), colon));
	unsigned bits = low | high << 16;
	return bits ? (size_t)__builtin_ctz(bits) : 32;
#else
	const char *colon = memchr(p, ':', 32);
	return colon ? (size_t)(colon - p) : 32;
#endif
}

/* The known names: half a cache line each, padded with at least one zero; and the perfect hash that finds them. */
#define HTTP_FIELD_NAME_BYTES 32
extern const char http_field_names[HTTP_FIELD_COUNT][HTTP_FIELD_NAME_BYTES];
extern const uint8_t http_field_name_bytes[HTTP_FIELD_COUNT];
extern const uint8_t http_field_slots[1 << (32 - FIELD_HASH_SHIFT)];

/* Do the first n bytes at p equal the known name, case ignored? The known byte tells whether case counts: among letters,
 * digits and '-' only letters have bit 6, and folding by it cannot make another byte equal to a digit or '-'. */
static inline bool http_field_name_is(const char *p, const char *known, size_t n) {
#ifdef __SSE2__
	const __m128i bit6 = _mm_set1_epi8(0x40);
	__m128i k0 = _mm_load_si128((const __m128i *)(const void *)known),
		k1 = _mm_load_si128((const __m128i *)(const void *)(known + 16));
	__m128i v0 = _mm_loadu_si128((const __m128i *)(const void *)p),
		v1 = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
	v0 = _mm_or_si128(v0, _mm_srli_epi16(_mm_and_si128(k0, bit6), 1));
	v1 = _mm_or_si128(v1, _mm_srli_epi16(_mm_and_si128(k1, bit6), 1));
	uint32_t equal = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v0, k0)) | (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v1, k1))
	                                                                           << 16;
	return ~equal << (HTTP_FIELD_NAME_BYTES - n) == 0;
#else
	uint64_t v, k;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		memcpy(&v, p + i, 8);
		memcpy(&k, known + i, 8);
		if ((v | (k & UINT64_C(0x4040404040404040)) >> 1) != k)
			return false;
	}
	for (; i < n; i++)
		if ((p[i] | (known[i] & 0x40) >> 1) != known[i])
			return false;
	return true;
#endif
}

/* Id of the name of n bytes at p, where 32 bytes can be read: a perfect hash over length and three bytes, then one comparison. */
static inline enum http_field_id http_field_lookup32(const char *p, size_t n) {
	if (n < 2 || n >= HTTP_FIELD_NAME_BYTES)
		return HTTP_FIELD_OTHER;
	uint8_t first = (uint8_t)p[0], middle = (uint8_t)p[n / 2], last = (uint8_t)p[n - 2];
	uint32_t key = (uint32_t)n | (uint32_t)first << 8 | (uint32_t)middle << 16 | (uint32_t)last << 24 | 0x20202000;
	enum http_field_id id = http_field_slots[key * FIELD_HASH_FACTOR >> FIELD_HASH_SHIFT];
	return http_field_name_bytes[id] == n && http_field_name_is(p, http_field_names[id], n) ? id : HTTP_FIELD_OTHER;
}

/* Are the n bytes at p, of which 32 can be read, a name of letters, digits, '-' and '_' alone, as nearly all are? n = 32: no. */
static inline bool http_is_common_name(const char *p, size_t n) {
#ifdef __SSE2__
	if (n == 0 || n >= 32)
		return false;
	uint32_t good = 0;
	for (unsigned half = 0; half < 2; half++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * half));
		__m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
		__m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
		__m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8('z' - 'a')), letter);
		__m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
		__m128i is_mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('-')), _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
		good |= (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_letter, is_digit), is_mark)) << 16 * half;
	}
	return ~good << (32 - n) == 0;
#else
	(void)p, (void)n;
	return false;
#endif
}

/* Case ignored. `word`: 4 bytes or more, of lower-case letters, digits and '-' alone: see http_field_name_is. */
static inline bool http_word_is(struct str s, struct str word) {
	if (s.n != word.n)
		return false;
	uint64_t v, w, folds = UINT64_C(0x4040404040404040);
	size_t i = 0;
	for (; i + 8 <= word.n; i += 8) {
		memcpy(&v, s.p + i, 8);
		memcpy(&w, word.p + i, 8);
		if ((v | (w & folds) >> 1) != w)
			return false;
	}
	if (i == word.n)
		return true;
	if (word.n >= 8) { /* the last 8 bytes, some of them again */
		memcpy(&v, s.p + word.n - 8, 8);
		memcpy(&w, word.p + word.n - 8, 8);
		return (v | (w & folds) >> 1) == w;
	}
	uint32_t v4[2], w4[2];
	memcpy(&v4[0], s.p, 4);
	memcpy(&w4[0], word.p, 4);
	memcpy(&v4[1], s.p + word.n - 4, 4);
	memcpy(&w4[1], word.p + word.n - 4, 4);
	return (v4[0] | (w4[0] & (uint32_t)folds) >> 1) == w4[0] && (v4[1] | (w4[1] & (uint32_t)folds) >> 1) == w4[1];
}

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
