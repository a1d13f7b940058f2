/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: what is included and how it merges, whose place a fault names, and the bounds. */
#include "unit/cfg/cfg_test.h"

static struct folder folder;

static int setup(void **state) {
	(void)state;
	folder_create(&folder);
	return 0;
}

static int teardown(void **state) {
	(void)state;
	folder_destroy(&folder);
	return 0;
}

static struct cfg *file_good(const char *path) {
	struct buf errors = { 0 };
	struct cfg *c = cfg_load(path, &errors);
	assert_string_equal(buf_text(&errors), "");
	assert_non_null(c);
	buf_fini(&errors);
	return c;
}

static void file_bad(const char *path, const char *want) {
	struct buf errors = { 0 };
	assert_null(cfg_load(path, &errors));
	assert_string_equal(buf_text(&errors), want);
	buf_fini(&errors);
}

static void assert_str(struct str s, const char *want) {
	char text[256];
	assert_string_equal(str_copy(text, sizeof(text), s), want);
}

static void test_include_merges(void **state) {
	(void)state;
	mkdir("conf", 0700);
	mkdir("conf/pools.d", 0700);
	file_write("conf/main.yaml", "include: [sites.yaml, pools.d/*.yaml]\n"
	                             "sites: { first: {} }\n"
	                             "log: { level: warn }\n"
	                             "pools:\n"
	                             "routes:\n"
	                             "  - { host: a.example, pool: a }\n"
	                             "listeners: { web: { bind: \"127.0.0.1:80\" } }\n");
	file_write("conf/sites.yaml", "sites: { second: {} }\nlog: { format: json }\n");
	file_write("conf/pools.d/a.yaml", "pools: { a: { servers: [{ name: x, address: \"127.0.0.1:1\", site: second }] } }\n");
	file_write("conf/pools.d/b.yaml", "include: ../more.yaml\n"
	                                  "pools: { b: { servers: [{ name: x, address: \"127.0.0.1:1\", site: first }] } }\n"
	                                  "routes: [{ pool: b }]\n");
	file_write("conf/more.yaml", "sites:\nadmin: { state_file: state }\n");
	struct cfg *c = file_good("conf/main.yaml");
	const struct cfg_root *r = cfg_root(c);
	assert_int_equal(r->sites.n, 2);
	assert_str(r->sites.items[0].id, "first");
	assert_str(r->sites.items[1].id, "second");
	assert_int_equal(r->pools.n, 2);
	assert_ptr_equal(r->pools.items[0].servers.items[0].site, &r->sites.items[1]);
	assert_int_equal(r->routes.n, 2);
	assert_ptr_equal(r->routes.items[1].pool, &r->pools.items[1]);
	assert_int_equal(r->log.level, CFG_LOG_LEVEL_WARN);
	assert_int_equal(r->log.format, CFG_LOG_FORMAT_JSON);
	/* Places and relative paths are those of the file that holds them. */
	assert_str(r->pools.items[1].mark.file, "conf/pools.d/b.yaml");
	assert_int_equal(r->pools.items[1].mark.line, 2);
	assert_int_equal(r->pools.items[1].mark.column, 10);
	assert_str(r->admin.state_file, "conf/pools.d/../state");
	assert_int_equal(r->include.n, 4);
	assert_str(r->include.items[3], "conf/pools.d/../more.yaml");
	cfg_destroy(c);
}

static void test_include_of_nothing(void **state) {
	(void)state;
	file_write("main.yaml", "include: [none.d/*.yaml, empty.yaml, comment.yaml]\n");
	file_write("empty.yaml", "");
	file_write("comment.yaml", "# nothing\n");
	cfg_destroy(file_good("main.yaml"));
}

static void test_key_in_two_files(void **state) {
	(void)state;
	file_write("main.yaml", "include: other.yaml\nworkers: 2\nsites:\n  a: {}\n");
	file_write("other.yaml", "workers: 3\nsites:\n  b: {}\n  a: {}\nlog: { level: info }\n");
	file_bad("main.yaml", "other.yaml:1:1: workers: given twice, first at main.yaml:2:1; remove one\n"
	                      "other.yaml:4:3: sites.a: given twice, first at main.yaml:4:3; remove one\n");
}

/* Errors come in the order of the files, each with its own name. */
static void test_errors_of_all_files(void **state) {
	(void)state;
	file_write("main.yaml", "include: [one.yaml, two.yaml]\nworkers: 0\n");
	file_write("one.yaml", "\ncheks: {}\n");
	file_write("two.yaml", "\n\ncheck: {}\n");
	file_bad("main.yaml", "main.yaml:2:10: workers: 0 is below the smallest allowed value; write at least 1\n"
	                      "one.yaml:2:1: cheks: unknown key; did you mean \"checks\"?\n"
	                      "two.yaml:3:1: check: unknown key; did you mean \"checks\"?\n");
}

static void test_syntax_of_all_files(void **state) {
	(void)state;
	file_write("main.yaml", "include: [one.yaml, two.yaml]\nworkers: 0\n");
	file_write("one.yaml", "a: [\n");
	file_write("two.yaml", "b: *c\n");
	file_bad("main.yaml",
	         "one.yaml:2:1: not valid YAML: did not find expected node content while parsing a flow node; check indentation, "
	         "quotes and brackets\n"
	         "two.yaml:1:4: aliases (*name) are not supported; write the value out\n");
}

static void test_include_loops(void **state) {
	(void)state;
	file_write("self.yaml", "include: \"*.yaml\"\n");
	file_bad("self.yaml",
	         "self.yaml:1:10: include: cannot read self.yaml: it would include itself; mend the path or remove it\n");
	mkdir("d", 0700);
	file_write("d/main.yaml", "include: a.yml\n");
	file_write("d/a.yml", "include:\n  - b.yml\n");
	file_write("d/b.yml", "include: main.yaml\n");
	file_bad("d/main.yaml",
	         "d/b.yml:1:10: include: cannot read d/main.yaml: it would include itself; mend the path or remove it\n");
}

static void test_include_of_what_is_no_file(void **state) {
	(void)state;
	mkdir("folder", 0700);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	file_write("main.yaml", "include: [folder, pipe, ~, \"\"]\n");
	file_bad("main.yaml",
	         "main.yaml:1:11: include: cannot read folder: is a directory; mend the path or remove it\n"
	         "main.yaml:1:19: include: cannot read pipe: not a regular file; mend the path or remove it\n"
	         "main.yaml:1:25: include: expected a path or a list of paths, found nothing; write \"include: conf.d/*.yaml\"\n"
	         "main.yaml:1:28: include: expected a path or a list of paths, found an unusable one; write \"include: "
	         "conf.d/*.yaml\"\n");
}

static void test_main_file_missing(void **state) {
	(void)state;
	file_bad("nowhere.yaml", "nowhere.yaml: cannot read it: No such file or directory\n");
	file_bad(".", ".: cannot read it: is a directory\n");
}

static void test_includes_are_bounded(void **state) {
	char name[32];
	(void)state;
	mkdir("d", 0700);
	for (int i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "d/%03d.yaml", i);
		file_write(name, "sites:\n");
	}
	file_write("main.yaml", "include: d/*.yaml\n");
	cfg_destroy(file_good("main.yaml"));
	file_write("d/zzz.yaml", "sites:\n");
	file_bad(
	    "main.yaml",
	    "main.yaml:1:10: include: cannot read d/zzz.yaml: more than 256 files are included; mend the path or remove it\n");
}

static void test_size_is_bounded(void **state) {
	struct buf text = { 0 }, errors = { 0 };
	(void)state;
	memset(buf_reserve(&text, 16u << 20), '#', 16u << 20);
	text.n = 16u << 20;
	struct cfg *c = cfg_load_text(buf_str(&text), "t.yaml", "", &errors);
	assert_non_null(c);
	cfg_destroy(c);
	buf_add_char(&text, '#');
	assert_null(cfg_load_text(buf_str(&text), "t.yaml", "", &errors));
	assert_string_equal(buf_text(&errors), "t.yaml: larger than 16 MiB\n");
	file_write("main.yaml", "include: big.yaml\n");
	file_write("big.yaml", buf_text(&text));
	file_bad("main.yaml", "main.yaml:1:10: include: cannot read big.yaml: larger than 16 MiB; mend the path or remove it\n");
	buf_fini(&text);
	buf_fini(&errors);
}

static void test_depth_is_bounded(void **state) {
	char yaml[80] = "";
	(void)state;
	memset(yaml, '[', 70);
	load_bad(yaml, "t.yaml:1:33: nested deeper than 32 levels; nothing in this file needs that\n");
}

static void test_nothing_is_a_configuration(void **state) {
	static const char *const texts[] = {
		"", "# nothing\n", "~\n", "---\n...\n", "pools:\nsites:\nroutes:\nlog:\n", "\xef\xbb\xbfsites: {}\n"
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		cfg_destroy(load_good(texts[i]));
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_include_merges),
		IN_FOLDER(test_include_of_nothing),
		IN_FOLDER(test_key_in_two_files),
		IN_FOLDER(test_errors_of_all_files),
		IN_FOLDER(test_syntax_of_all_files),
		IN_FOLDER(test_include_loops),
		IN_FOLDER(test_include_of_what_is_no_file),
		IN_FOLDER(test_main_file_missing),
		IN_FOLDER(test_includes_are_bounded),
		IN_FOLDER(test_size_is_bounded),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_nothing_is_a_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
