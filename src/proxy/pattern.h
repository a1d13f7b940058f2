/* SPDX-License-Identifier: BSD-2-Clause */
/* Regular expressions of routes over what a client sent: compiled once (JIT), matched whole, within a bound of work. */
#ifndef STEERWAY_PROXY_PATTERN_H
#define STEERWAY_PROXY_PATTERN_H

#include "steerway/base/err.h"
#include "steerway/base/str.h"

struct pattern;
/* Matches the whole subject or not at all. NULL with `e`: PCRE2's reason and the place in the pattern. */
struct pattern *pattern_create(struct str pattern, struct err *e);
void pattern_destroy(struct pattern *r); /* NULL is harmless */
/* How many captures it has. */
unsigned pattern_captures(const struct pattern *r);

/* What matching needs to write to: one a thread. */
struct pattern_scratch;
struct pattern_scratch *pattern_scratch_create(void);
void pattern_scratch_destroy(struct pattern_scratch *s); /* NULL is harmless */

enum { PATTERN_CAPTURES = 10 };
enum pattern_match { PATTERN_MATCHES, PATTERN_FAILS, PATTERN_GAVE_UP };
/* GAVE_UP: the match would have cost more than the bound. captures (may be NULL): [0] the whole, slices of the subject, empty when
 * unset. */
enum pattern_match pattern_match(const struct pattern *r, struct pattern_scratch *s, struct str subject,
                                 struct str captures[PATTERN_CAPTURES]);

#endif
