/* SPDX-License-Identifier: BSD-2-Clause */
/* Routing: the most exact host with a matching path wins, then the longest prefix on segment borders. */
#include "proxy/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A pool is only a pointer to the table: these stand for six of them. */
static char pools[6];
#define POOL(i) ((const struct pool_conf *)(const void *)&pools[i])

struct fixture {
	struct arena arena;
	struct route_table table;
};

static void fixture_init(struct fixture *f) {
	arena_init(&f->arena, 1024);
	f->table = (struct route_table){ 0 };
	route_table_add(&f->table, &f->arena, STR("App.example.org"), STR("/"), POOL(0));
	route_table_add(&f->table, &f->arena, STR("app.example.org"), STR("/api"), POOL(1));
	route_table_add(&f->table, &f->arena, STR("app.example.org"), STR("/api/v2/"), POOL(2));
	route_table_add(&f->table, &f->arena, STR("static.example.org"), STR("/img"), POOL(3));
	route_table_add(&f->table, &f->arena, STR_NONE, STR("/status"), POOL(4));
	route_table_add(&f->table, &f->arena, STR_NONE, STR("/img/logo"), POOL(5));
}

static void test_find(void **state) {
	(void)state;
	struct fixture f;
	fixture_init(&f);
	static const struct {
		struct str host, path;
		int pool; /* -1: no route */
	} cases[] = {
		{ STR_INIT("app.example.org"), STR_INIT("/"), 0 },
		{ STR_INIT("APP.EXAMPLE.ORG"), STR_INIT("/x"), 0 },
		{ STR_INIT("app.example.org"), STR_INIT("/api"), 1 },
		{ STR_INIT("app.example.org"), STR_INIT("/api/"), 1 },
		{ STR_INIT("app.example.org"), STR_INIT("/api/v2"), 1 },
		{ STR_INIT("app.example.org"), STR_INIT("/api/v2/"), 2 },
		{ STR_INIT("app.example.org"), STR_INIT("/api/v2/x/y"), 2 },
		{ STR_INIT("app.example.org"), STR_INIT("/apix"), 0 }, /* not on a segment border */
		{ STR_INIT("app.example.org"), STR_INIT("/status"),
		  0 },                                             /* the exact host wins, though the other's path is longer */
		{ STR_INIT("app.example.org"), STR_INIT("*"), 0 }, /* OPTIONS * */
		{ STR_INIT("static.example.org"), STR_INIT("/img/a.png"), 3 },
		{ STR_INIT("static.example.org"), STR_INIT("/status"), 4 }, /* no path of that host matches: any host's */
		{ STR_INIT("static.example.org"), STR_INIT("/img/logo"), 3 },
		{ STR_INIT("other.example.org"), STR_INIT("/img/logo"), 5 },
		{ STR_INIT("other.example.org"), STR_INIT("/"), -1 },
		{ STR_INIT(""), STR_INIT("/status"), 4 },
		{ STR_INIT(""), STR_INIT("/"), -1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct route *r = route_table_find(&f.table, cases[i].host, cases[i].path);
		if (cases[i].pool < 0)
			assert_null(r);
		else
			assert_ptr_equal(r ? r->pool : NULL, POOL(cases[i].pool));
	}
	route_table_fini(&f.table);
	arena_fini(&f.arena);
}

static void test_host_too_long_has_no_route(void **state) {
	(void)state;
	struct fixture f;
	fixture_init(&f);
	char host[1000];
	memset(host, 'a', sizeof(host));
	assert_null(route_table_find(&f.table, str_slice(host, sizeof(host)), STR("/")));
	assert_non_null(route_table_find(&f.table, str_slice(host, sizeof(host)), STR("/status")));
	route_table_fini(&f.table);
	arena_fini(&f.arena);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_host_too_long_has_no_route),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
