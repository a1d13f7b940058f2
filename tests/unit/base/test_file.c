/* SPDX-License-Identifier: BSD-2-Clause */
/* Files written whole: what is there afterwards, and that a failure changes nothing. */
#include "steerway/base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/steerway-file-XXXXXX", path[64], beside[64];

static int setup(void **state) {
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/state", folder);
	snprintf(beside, sizeof(beside), "%s/state.new", folder);
	return 0;
}

static int teardown(void **state) {
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void assert_holds(const char *text) {
	char got[64] = { 0 };
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	assert_int_equal(n, strlen(text));
	assert_string_equal(got, text);
}

static void test_replace(void **state) {
	(void)state;
	struct err e;
	struct stat st;
	umask(0);
	assert_int_equal(file_replace(path, STR("first, and longer"), 0640, &e), 0);
	assert_holds("first, and longer");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_replace(path, STR("second"), 0600, &e), 0);
	assert_holds("second");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_replace(path, STR(""), 0600, &e), 0);
	assert_holds("");
	assert_int_equal(access(beside, F_OK), -1);
}

/* What stands beside is never written through: it may be a link that someone else made. */
static void test_left_behind(void **state) {
	(void)state;
	struct err e;
	char other[64];
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(file_replace(other, STR("not touched"), 0600, &e), 0);
	assert_int_equal(symlink(other, beside), 0);
	assert_int_equal(file_replace(path, STR("text"), 0600, &e), 0);
	assert_holds("text");
	assert_int_equal(rename(other, path), 0);
	assert_holds("not touched");
}

static void test_failure(void **state) {
	(void)state;
	struct err e;
	assert_int_equal(file_replace(path, STR("kept"), 0600, &e), 0);
	assert_int_equal(file_replace("/nowhere/state", STR("x"), 0600, &e), -1);
	assert_string_equal(e.text, "/nowhere/state: No such file or directory");
	assert_int_equal(mkdir(beside, 0700), 0); /* in the way, and no file */
	assert_int_equal(file_replace(path, STR("x"), 0600, &e), -1);
	assert_int_equal(rmdir(beside), 0);
	assert_holds("kept");
	/* The folder itself can't be replaced by a file: what was written beside goes again. */
	char rest[64];
	snprintf(rest, sizeof(rest), "%s.new", folder);
	assert_int_equal(file_replace(folder, STR("x"), 0600, &e), -1);
	assert_int_equal(access(rest, F_OK), -1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_failure),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
