/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of cross-checks share: reporting, and the syntax of names and paths. */
#ifndef STEERWAY_CFG_CHECKS_H
#define STEERWAY_CFG_CHECKS_H

#include "cfg/load.h"

#include "steerway/base/map.h"

/* key: of this section, NULL for the section itself. place NULL: where the key stands, or else the section. */
void checks_fault(struct loader *l, const struct instance *i, const char *key, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
#define fault(l, i, key, ...) checks_fault(l, i, key, NULL, __VA_ARGS__)

/* Is none of these keys (a list with blanks) at fault? */
bool checks_are_sound(const struct instance *i, const char *keys);
/* Of the n-th value of a list (or map) that stands under `key`. */
struct place checks_item_place(const struct instance *i, const char *key, size_t n);

const struct instance *checks_next_of(const struct instance *i, enum schema_section_id id);
#define EACH_OF(i, l, id) for (const struct instance *i = checks_next_of((l)->instances, id); i; i = checks_next_of(i->next, id))

/* Reports `i` when another took `name` before; `key` is where that name stands. `what`: "address", for the message. */
void checks_claim(struct loader *l, struct map *taken, struct str name, const struct instance *i, const char *key,
                  const struct place *place, const char *what);

/* Letters, digits and `others` alone, and at least one. */
bool checks_all_of(struct str s, const char *others);
/* Labels of letters, digits, '-' and '_' (RFC 1035 2.3.1, with '_' as RFC 8552 uses it). */
bool checks_domain_is_valid(struct str s);
/* A path as requests carry it, without query: NULL, or what is wrong. */
const char *checks_path_fault(struct str s);
uint64_t checks_weights_sum(const struct cfg_weights *w);

/* Does every server of the pool have its site? Else counts by site say nothing. */
bool checks_sites_are_known(const struct cfg_pool *p);
bool checks_pool_serves(const struct cfg_pool *p, const struct cfg_site *site);

/* checks_policies.c: those of one map, policy or steered name, if it is one. */
void checks_run_policy(struct loader *l, const struct instance *i);
/* checks_routes.c: those of one section of a route, if it is one; with the root's, those of all routes together. */
void checks_run_route(struct loader *l, const struct instance *i);

#endif
