/* SPDX-License-Identifier: BSD-2-Clause */
/* Borrowed byte slices: a str never owns its bytes and need not end in NUL. */
#ifndef STEERWAY_BASE_STR_H
#define STEERWAY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal)                                                                                                        \
	{ "" literal, sizeof(literal) - 1 } /* for static tables */
#define STR_NONE ((struct str){ NULL, 0 })
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_from(const char *c_string) {
	return (struct str){ c_string, strlen(c_string) };
}

static inline struct str str_slice(const char *p, size_t n) {
	return (struct str){ p, n };
}

static inline struct str str_skip(struct str s, size_t n) {
	return (struct str){ s.p + n, s.n - n };
}

static inline bool str_eq(struct str a, struct str b) {
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix) {
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix) {
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* ASCII case is ignored, as in field names and domain names. */
bool str_eq_nocase(struct str a, struct str b);
/* <0, 0, >0 as memcmp, a shorter string first. */
int str_cmp(struct str a, struct str b);
/* Position of the first `c`, or s.n when there is none. */
size_t str_find_char(struct str s, char c);
/* Position of the first `needle`, or s.n when there is none; an empty needle is at 0. */
size_t str_find(struct str s, struct str needle);
/* Without leading and trailing SP and HTAB. */
struct str str_trim(struct str s);
/* Cuts the next part off *rest at `separator`; false when nothing is left. "a,,b" gives "a", "", "b". */
bool str_next(struct str *rest, char separator, struct str *part);
/* Decimal digits alone; false when empty, not digits, or above UINT64_MAX. */
bool str_to_u64(struct str s, uint64_t *out);
/* Copies into dst with a NUL, cutting at size-1; returns dst. */
char *str_copy(char *dst, size_t size, struct str s);
/* Levenshtein distance, ASCII case ignored, for "did you mean"; strings above 64 bytes count as far apart (SIZE_MAX). */
size_t str_distance(struct str a, struct str b);

#endif
