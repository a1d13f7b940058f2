/* SPDX-License-Identifier: BSD-2-Clause */
/* rooms.c: all at once or not at all, in the table's order, with rooms that are played here. */
#include "main/rooms.c"

#include "steerway/base/buf.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static struct buf said;
static const char *failing; /* the room that refuses */

#define PLAYED(room)                                                                                                             \
	struct room##_plan *room##_prepare(struct room *r, const struct cfg_root *cfg, struct err *e) {                          \
		(void)r;                                                                                                         \
		(void)cfg;                                                                                                       \
		buf_add(&said, STR("+" #room " "));                                                                              \
		if (failing && strcmp(failing, #room) == 0) {                                                                    \
			err_set(e, "no");                                                                                        \
			return NULL;                                                                                             \
		}                                                                                                                \
		return (struct room##_plan *)#room;                                                                              \
	}                                                                                                                        \
	void room##_commit(struct room##_plan *p) {                                                                              \
		assert_string_equal((const char *)p, #room);                                                                     \
		buf_add(&said, STR("=" #room " "));                                                                              \
	}                                                                                                                        \
	void room##_discard(struct room##_plan *p) {                                                                             \
		assert_string_equal((const char *)p, #room);                                                                     \
		buf_add(&said, STR("-" #room " "));                                                                              \
	}
PLAYED(fleet)
PLAYED(state)
PLAYED(health)
PLAYED(proxy)
PLAYED(gslb)

static void expect(int (*act)(struct daemon *, const struct cfg_root *, struct err *), const char *fails, const char *story,
                   const char *error) {
	struct daemon d = { 0 };
	struct cfg_root cfg = { 0 };
	struct err e = { "" };
	said.n = 0;
	failing = fails;
	assert_int_equal(act(&d, &cfg, &e), fails ? -1 : 0);
	buf_add_char(&said, '\0');
	assert_string_equal(said.p, story);
	assert_string_equal(e.text, error);
}

static void test_switch(void **state) {
	(void)state;
	expect(rooms_switch, NULL, "+fleet +state +health +proxy +gslb =fleet =state =health =proxy =gslb ", "");
	expect(rooms_switch, "fleet", "+fleet ", "fleet: no");
	expect(rooms_switch, "proxy", "+fleet +state +health +proxy -health -state -fleet ", "proxy: no");
	expect(rooms_switch, "gslb", "+fleet +state +health +proxy +gslb -proxy -health -state -fleet ", "gslb: no");
}

static void test_try(void **state) {
	(void)state;
	expect(rooms_try, NULL, "+fleet +state +health +proxy +gslb -gslb -proxy -health -state -fleet ", "");
	expect(rooms_try, "health", "+fleet +state +health -state -fleet ", "health: no");
	buf_fini(&said);
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_switch), cmocka_unit_test(test_try) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
