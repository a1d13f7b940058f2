/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes: a map of hosts, and for each host its prefixes from long to short. Pure; owned by a snapshot's arena. */
#include "proxy/route.h"

enum { HOST_BYTES = 256 };

static struct str lower_case(struct str in, char out[HOST_BYTES]) {
	size_t n = in.n < HOST_BYTES ? in.n : 0; /* longer than a domain name can be: no route has it */
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(in.p[i] >= 'A' && in.p[i] <= 'Z' ? in.p[i] + 32 : in.p[i]);
	return str_slice(out, n);
}

void route_table_add(struct route_table *t, struct arena *a, struct str host, struct str path, const struct pool_conf *pool) {
	struct route_host *h = &t->any;
	if (host.n > 0) {
		char lower[HOST_BYTES];
		struct str key = arena_str(a, lower_case(host, lower));
		h = map_get(&t->hosts, key);
		if (!h) {
			h = arena_zalloc(a, sizeof(*h));
			map_put(&t->hosts, key, h);
		}
	}
	struct route *r = arena_zalloc(a, sizeof(*r));
	r->path = arena_str(a, path);
	r->pool = pool;
	struct route **at = &h->routes;
	while (*at && (*at)->path.n >= r->path.n)
		at = &(*at)->next;
	r->next = *at;
	*at = r;
}

static bool path_matches(struct str path, struct str prefix) {
	if (!str_starts(path, prefix))
		return false;
	return path.n == prefix.n || prefix.p[prefix.n - 1] == '/' || path.p[prefix.n] == '/';
}

static const struct route *find_path(const struct route_host *h, struct str path) {
	if (path.n == 0 || path.p[0] != '/')
		path = STR("/"); /* OPTIONS * asks about the server as a whole */
	for (const struct route *r = h->routes; r; r = r->next)
		if (path_matches(path, r->path))
			return r;
	return NULL;
}

const struct route *route_table_find(const struct route_table *t, struct str host, struct str path) {
	char lower[HOST_BYTES];
	const struct route_host *h = t->hosts.n > 0 && host.n > 0 ? map_get(&t->hosts, lower_case(host, lower)) : NULL;
	const struct route *found = h ? find_path(h, path) : NULL;
	return found ? found : find_path(&t->any, path);
}

void route_table_fini(struct route_table *t) {
	map_fini(&t->hosts);
}
