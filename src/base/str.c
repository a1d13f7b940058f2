/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Borrowed byte slices. Nothing here allocates, and no function reads beyond s.n or needs a NUL; a slice of length 0 may
 * have a NULL pointer, which libc's mem functions do not take, so each one asks for the length first.
 */
#include "steerway/base/str.h"

#include <stdint.h>

static unsigned char lower(char c) {
	unsigned char u = (unsigned char)c;
	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool str_eq_nocase(struct str a, struct str b) {
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b) {
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;
	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

size_t str_find_char(struct str s, char c) {
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_find(struct str s, struct str needle) {
	if (needle.n == 0)
		return 0;
	const char *at = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

struct str str_trim(struct str s) {
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool str_next(struct str *rest, char separator, struct str *part) {
	if (rest->n == 0)
		return false;
	size_t n = str_find_char(*rest, separator);
	*part = str_slice(rest->p, n);
	*rest = str_skip(*rest, n < rest->n ? n + 1 : n);
	return true;
}

bool str_to_u64(struct str s, uint64_t *out) {
	uint64_t value = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (s.n == 0)
		return false;
	*out = value;
	return true;
}

char *str_copy(char *dst, size_t size, struct str s) {
	if (size == 0)
		return dst;
	size_t n = s.n < size - 1 ? s.n : size - 1;
	if (n > 0)
		memcpy(dst, s.p, n);
	dst[n] = '\0';
	return dst;
}

/* One row of the matrix is kept: row[j] is the distance of a's first i bytes to b's first j. */
size_t str_distance(struct str a, struct str b) {
	enum { LONGEST = 64 };
	uint8_t row[LONGEST + 1];
	if (a.n > LONGEST || b.n > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = (uint8_t)j;
	for (size_t i = 1; i <= a.n; i++) {
		uint8_t diagonal = row[0];
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned best = diagonal + (lower(a.p[i - 1]) != lower(b.p[j - 1]));
			if (row[j] + 1U < best)
				best = row[j] + 1U;
			if (row[j - 1] + 1U < best)
				best = row[j - 1] + 1U;
			diagonal = row[j];
			row[j] = (uint8_t)best;
		}
	}
	return row[b.n];
}
