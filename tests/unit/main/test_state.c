/* SPDX-License-Identifier: BSD-2-Clause */
/* state.c: what the operator said comes back after a restart; the file is replaced whole, follows its path, and is refused when strange. */
#include "main/state.c"

#include "steerway/base/clock.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>
#include <cmocka.h>

static const char text[] =
    "sites:\n"
    "  a: { addresses: [192.0.2.1] }\n"
    "  b: { addresses: [192.0.2.2] }\n"
    "pools:\n"
    "  p: { servers: [ { name: s, address: \"127.0.0.1:1\", site: a }, { name: t, address: \"127.0.0.1:2\", site: b } ] }\n";

struct life {
	struct loop *loop;
	struct cfg *cfg;
	struct fleet *fleet;
	struct state *state;
};
static char folder[] = "/tmp/steerway-test-state-XXXXXX";
static char path[128];

static int configure(struct life *l, const char *state_file) {
	struct cfg_root root = *cfg_root(l->cfg);
	struct err e;
	root.admin.state_file = state_file ? str_from(state_file) : STR_NONE;
	struct state_plan *p = state_prepare(l->state, &root, &e);
	if (p == NULL)
		return -1;
	state_commit(p);
	return 0;
}

static struct life start(void) {
	struct life l;
	struct buf errors = { 0 };
	struct err e;
	assert_non_null(l.cfg = cfg_load_text(str_from(text), "test", ".", &errors));
	assert_non_null(l.loop = loop_create(&e));
	assert_non_null(l.fleet = fleet_create(l.loop, NULL, &e));
	fleet_commit(fleet_prepare(l.fleet, cfg_root(l.cfg), &e));
	assert_non_null(l.state = state_create(l.fleet, &e));
	return l;
}

static void end(struct life *l) {
	state_destroy(l->state); /* waits for the writer */
	fleet_destroy(l->fleet);
	loop_destroy(l->loop);
	cfg_destroy(l->cfg);
}

static enum fleet_admin admin_of(struct life *l, const char *site) {
	return fleet_site_find(l->fleet, str_from(site))->admin;
}

static void say(struct life *l, const char *site, enum fleet_admin a) {
	fleet_set_admin(l->fleet, (struct fleet_target){ .kind = FLEET_SITE, .site = fleet_site_find(l->fleet, str_from(site)) },
	                a);
}

static void file_is(const char *file, const char *content) {
	struct buf b = { 0 };
	struct err e;
	assert_int_equal(file_read(file, &b, &e), 0);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, content);
	buf_fini(&b);
}

static void test_restart(void **state) {
	(void)state;
	struct life l = start();
	assert_int_equal(configure(&l, path), 0);
	assert_int_equal(access(path, F_OK), -1); /* nothing was said yet */
	say(&l, "a", FLEET_MAINT);
	say(&l, "b", FLEET_FORCED_UP);
	end(&l);
	file_is(path, "site a maint\nsite b up\n");
	l = start();
	assert_int_equal(configure(&l, path), 0);
	assert_int_equal(admin_of(&l, "a"), FLEET_MAINT);
	assert_int_equal(admin_of(&l, "b"), FLEET_FORCED_UP);
	say(&l, "a", FLEET_READY);
	say(&l, "b", FLEET_READY);
	end(&l);
	file_is(path, "");
}

static void test_path_moves(void **state) {
	(void)state;
	char other[160];
	snprintf(other, sizeof(other), "%s.other", path);
	struct life l = start();
	assert_int_equal(configure(&l, path), 0);
	say(&l, "a", FLEET_MAINT);
	assert_int_equal(configure(&l, other), 0); /* written there at once */
	end(&l);
	file_is(other, "site a maint\n");
	unlink(other);
}

static void test_none(void **state) {
	(void)state;
	unlink(path);
	struct life l = start();
	assert_int_equal(configure(&l, NULL), 0);
	say(&l, "a", FLEET_MAINT);
	end(&l);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_refused(void **state) {
	(void)state;
	struct life l = start();
	assert_int_equal(configure(&l, folder), -1);
	assert_int_equal(configure(&l, "/dev/null"), -1);
	end(&l);
}

static int setup(void **state) {
	(void)state;
	urcu_memb_register_thread();
	clock_update();
	log_set_level(LOG_LEVEL_ERROR);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/state", folder);
	return 0;
}

static int teardown(void **state) {
	(void)state;
	unlink(path);
	urcu_memb_unregister_thread();
	return rmdir(folder); /* fails when a temporary file was left */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_path_moves),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
