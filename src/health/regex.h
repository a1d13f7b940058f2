/* SPDX-License-Identifier: BSD-2-Clause */
/* Regular expressions over bytes that a server chose: compiled once (JIT), matched within a bound of work. */
#ifndef STEERWAY_HEALTH_REGEX_H
#define STEERWAY_HEALTH_REGEX_H

#include "steerway/base/err.h"
#include "steerway/base/str.h"

struct regex;
/* NULL with `e`: PCRE2's reason and the place in the pattern. */
struct regex *regex_create(struct str pattern, struct err *e);
void regex_destroy(struct regex *r); /* NULL is harmless */

enum regex_match { REGEX_MATCHES, REGEX_FAILS, REGEX_GAVE_UP };
/* GAVE_UP: the match would have cost more than the bound; *why says which. REGEX_TOO_SLOW is the one that depends on the machine, since
 * it is CPU time: the same subject may be within it one time and beyond it another. */
#define REGEX_TOO_SLOW "too slow on this body"
enum regex_match regex_match(struct regex *r, struct str subject, const char **why);

#endif
