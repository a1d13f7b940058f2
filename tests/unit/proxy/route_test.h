/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of routes share: a table from routes in YAML, with pools p0 to p9, and requests to it. */
#ifndef ROUTE_TEST_H
#define ROUTE_TEST_H

#include "proxy/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
	struct cfg *cfg;
	struct arena arena;
	struct route_table table;
	struct pool_conf pools[10];
	struct pattern_scratch *scratch;
};

static inline const struct pool_conf *fixture_pool(void *arg, const struct cfg_pool *p) {
	struct fixture *f = arg;
	return &f->pools[p->id.p[1] - '0'];
}

static inline int fixture_try(struct fixture *f, const char *routes, struct err *e) {
	struct buf yaml = { 0 }, errors = { 0 };
	memset(f, 0, sizeof(*f));
	buf_printf(&yaml, "listeners: { web: { bind: \"127.0.0.1:80\" } }\nsites: { s: {} }\npools:\n");
	for (int i = 0; i < 10; i++) {
		static char names[10][16];
		snprintf(names[i], sizeof(names[i]), "p%d", i);
		f->pools[i].name = str_from(names[i]);
		buf_printf(&yaml, "  p%d: { servers: [{ name: a, address: \"127.0.0.1:1\", site: s }] }\n", i);
	}
	buf_printf(&yaml, "routes:\n%s", routes);
	f->cfg = cfg_load_text(buf_str(&yaml), "t.yaml", "", &errors);
	if (!f->cfg)
		fail_msg("%.*s", STR_ARG(buf_str(&errors)));
	buf_fini(&yaml);
	buf_fini(&errors);
	arena_init(&f->arena, 4096);
	f->scratch = pattern_scratch_create();
	return route_table_init(&f->table, &f->arena, cfg_root(f->cfg), fixture_pool, f, e);
}

static inline void fixture_init(struct fixture *f, const char *routes) {
	struct err e;
	if (fixture_try(f, routes, &e) < 0)
		fail_msg("%s", e.text);
}

static inline void fixture_fini(struct fixture *f) {
	route_table_fini(&f->table);
	pattern_scratch_destroy(f->scratch);
	arena_fini(&f->arena);
	cfg_destroy(f->cfg);
}

static inline const char *pool_name(const struct fixture *f, const struct route *r) {
	(void)f;
	return r->pool->name.p;
}

struct request {
	struct route_request q;
	struct http_head head;
	struct http_field fields[64];
	struct addr client;
	char bytes[1024];
};

/* NULL: GET, no fields, 192.0.2.1. */
static inline void request_init(struct request *r, const struct fixture *f, const char *host, const char *path, const char *query,
                                const char *method, const char *fields, const char *client, bool is_tls) {
	static const struct h1_limits limits = { 65536, 65536 };
	size_t scanned = 0, used;
	method = method ? method : "GET";
	snprintf(r->bytes, sizeof(r->bytes), "%s / HTTP/1.1\r\n%s\r\n", method, fields ? fields : "");
	r->head = (struct http_head){ .fields = r->fields, .cap_fields = 64 };
	assert_int_equal(h1_request_parse(&r->head, str_from(r->bytes), &limits, &scanned, &used), PARSE_DONE);
	assert_true(addr_parse_ip(&r->client, str_from(client ? client : "192.0.2.1")));
	r->q = (struct route_request){ .host = str_from(host),
		                       .path = str_from(path),
		                       .query = str_from(query ? query : ""),
		                       .method = http_method_lookup(str_from(method)),
		                       .method_name = str_from(method),
		                       .head = &r->head,
		                       .client = &r->client,
		                       .is_tls = is_tls,
		                       .scratch = f->scratch };
}

#endif
