/* SPDX-License-Identifier: BSD-2-Clause */
/* One configured route to its compiled form. */
#ifndef STEERWAY_PROXY_ROUTE_COMPILE_H
#define STEERWAY_PROXY_ROUTE_COMPILE_H

#include "proxy/route.h"

struct route_compiler {
	struct route_table *table; /* keeps the regular expressions */
	struct arena *arena;
	const struct pool_conf *(*pool_of)(void *arg, const struct cfg_pool *p);
	void *arg;
};

/* NULL with the reason. */
struct route *route_compile(struct route_compiler *c, const struct cfg_route *from, uint32_t index, struct err *e);

#endif
