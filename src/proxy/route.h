/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pool takes a request: the most exact host that has a matching path wins, then the longest path prefix. */
#ifndef STEERWAY_PROXY_ROUTE_H
#define STEERWAY_PROXY_ROUTE_H

#include "steerway/base/arena.h"
#include "steerway/base/map.h"

struct pool_conf;

struct route {
	struct str path; /* prefix on segment borders; "/" takes all */
	const struct pool_conf *pool;
	struct route *next; /* of the same host, no longer prefix */
};

struct route_host {
	struct route *routes; /* longest path first */
};

struct route_table {
	struct map hosts; /* lower case -> struct route_host */
	struct route_host any;
};

/* host empty: any. The strings and the rows live in the arena. */
void route_table_add(struct route_table *t, struct arena *a, struct str host, struct str path, const struct pool_conf *pool);
/* host: without port, in any case; path: normalised. NULL: no route. */
const struct route *route_table_find(const struct route_table *t, struct str host, struct str path);
void route_table_fini(struct route_table *t);

#endif
