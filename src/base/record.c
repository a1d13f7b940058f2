/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of log records. Nearly all of them are plain, so a text is copied first and looked at then. */
#include "steerway/base/record.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_plain(char c) {
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* How many of the n bytes at p, a place in a record, are printable from `first` (0x20 or 0x21) on and need no escape. */
static size_t plain_bytes(const char *p, size_t n, char first) {
	size_t i = 0;
#ifdef __SSE2__
	for (; i < n; i += RECORD_VECTOR_BYTES) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		/* The comparison is signed: bytes from 0x80 are below. */
		__m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(first)), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
		unsigned bits = (unsigned)_mm_movemask_epi8(odd);
		bits &= n - i < RECORD_VECTOR_BYTES ? (1U << (n - i)) - 1 : 0xffff;
		if (bits)
			return i + (unsigned)__builtin_ctz(bits);
	}
	return n;
#else
	while (i < n && (is_plain(p[i]) || p[i] == first))
		i++;
	return i;
#endif
}

static void put_escaped(struct record *r, struct str s) {
	static const char hex[] = "0123456789abcdef";
	record_put(r, "\"", 1);
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i]) || s.p[i] == ' ')
			continue;
		record_put(r, s.p + from, i - from);
		from = i + 1;
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			record_put(r, (char[]){ '\\', s.p[i] }, 2);
		else
			record_put(r, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	record_put(r, s.p + from, s.n - from);
	record_put(r, "\"", 1);
}

void record_text(struct record *r, struct str s, size_t shown) {
	if (s.n > shown)
		s.n = shown;
	size_t quote = r->is_json;
	char *to = r->bytes + r->n;
	if (s.n > 0 && record_has_room(r, s.n + 2)) {
		to[0] = '"';
		memcpy(to + quote, s.p, s.n);
		if (plain_bytes(to + quote, s.n, r->is_json ? 0x20 : 0x21) == s.n) {
			to[quote + s.n] = '"';
			r->n += s.n + 2 * quote;
			return;
		}
	}
	put_escaped(r, s);
}

void record_number(struct record *r, uint64_t n) {
	char digits[20];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	record_put(r, digits + at, sizeof(digits) - at);
}

struct str record_end(struct record *r) {
	/* record_put leaves room for these. */
	if (r->is_json) {
		r->bytes[0] = '{';
		r->bytes[r->n++] = '}';
	}
	r->bytes[r->n++] = '\n';
	size_t skipped = !r->is_json;
	return str_slice(r->bytes + skipped, r->n - skipped);
}
