/* SPDX-License-Identifier: BSD-2-Clause */
/* tree.c: one tree, two forms; widths, units, and what never reaches a terminal. */
#include "admin/internal.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void expect_text(const char *json, const char *text) {
	json_t *tree = json_loads(json, JSON_DECODE_ANY, NULL);
	struct buf out = { 0 };
	assert_non_null(tree);
	admin_render_text(&out, tree);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, text);
	buf_fini(&out);
	json_decref(tree);
}

static void test_tables(void **state) {
	(void)state;
	expect_text("[]", "none\n");
	expect_text("\"a\\nb\"", "a\nb\n");
	expect_text("[{\"name\":\"a\",\"n_active\":7},{\"name\":\"long\",\"n_active\":1234}]", "NAME  N ACTIVE\n"
	                                                                                       "a            7\n"
	                                                                                       "long      1234\n");
	/* Columns count characters, not bytes. */
	expect_text("[{\"a\":\"\\u00e9\\u00e9\",\"b\":\"x\"},{\"a\":\"eee\",\"b\":\"y\"}]",
	            "A    B\n\xc3\xa9\xc3\xa9   x\neee  y\n");
	/* A row without a key of the first row shows "-". */
	expect_text("[{\"a\":1,\"b\":true},{\"a\":null,\"b\":[\"x\",\"y\"]}]", "A  B\n1  yes\n-  x, y\n");
}

static void test_objects(void **state) {
	(void)state;
	expect_text("{\"name\":\"x\",\"since_s\":75,\"servers\":[{\"a\":\"b\"}]}", "name   x\nsince  1m15s\n\nservers:\nA\nb\n");
	expect_text("{\"why\":[\"one reason that is long enough to need a line\",\"and another one as well\"]}",
	            "\nwhy:\n- one reason that is long enough to need a line\n- and another one as well\n");
	expect_text("{\"sites\":[\"a\",\"b\"],\"none\":[]}", "sites  a, b\nnone   -\n");
}

static void test_units(void **state) {
	(void)state;
	expect_text("{\"x_us\":0}", "x  0us\n");
	expect_text("{\"x_us\":999}", "x  999us\n");
	expect_text("{\"x_us\":1500}", "x  1.5ms\n");
	expect_text("{\"x_us\":99000}", "x  99ms\n");
	expect_text("{\"x_ms\":0}", "x  0ms\n");
	expect_text("{\"x_ms\":1500}", "x  1.5s\n");
	expect_text("{\"x_ms\":300000}", "x  5m00s\n");
	expect_text("{\"x_s\":0}", "x  0s\n");
	expect_text("{\"x_s\":3}", "x  3s\n");
	expect_text("{\"x_s\":3661}", "x  1h01m\n");
	expect_text("{\"x_s\":200000}", "x  2d07h\n");
}

/* Evidence comes from servers: an escape sequence in it must not reach the operator's terminal. */
static void test_control_bytes(void **state) {
	(void)state;
	expect_text("{\"x\":\"a\\u001b[2Jb\\nc\\u009bd\\u007f\"}", "x  a?[2Jb?c?d?\n");
	json_t *j = tree_str(STR("a\xff"
	                         "b"));
	assert_string_equal(json_string_value(j), "a?b");
	json_decref(j);
}

static void test_json(void **state) {
	(void)state;
	json_t *o = json_object();
	struct buf out = { 0 };
	tree_put_str(o, "z", STR("1"));
	tree_put_text(o, "a", NULL);
	tree_put_int(o, "n", UINT64_C(1) << 53);
	tree_put_bool(o, "b", true);
	admin_render_json(&out, o);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, "{\n  \"z\": \"1\",\n  \"a\": null,\n  \"n\": 9007199254740992,\n  \"b\": true\n}\n");
	buf_fini(&out);
	json_decref(o);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables), cmocka_unit_test(test_objects),       cmocka_unit_test(test_units),
		cmocka_unit_test(test_json),   cmocka_unit_test(test_control_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
