/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Documentation can't go stale: the files in the tree equal what the rows print, the sample loads, and each key that it shows
 * commented out is one that loads too. `make docs` writes the files anew.
 */
#include "unit/cfg/cfg_test.h"

#include "cfg/schema.h"

static void compare(enum cfg_docs form, const char *path) {
	struct buf want = { 0 }, have = { 0 };
	cfg_write_docs(&want, form);
	file_text(path, &have);
	if (!str_eq(buf_str(&want), buf_str(&have)))
		fail_msg("%s is stale: run `make docs`", path);
	buf_fini(&want);
	buf_fini(&have);
}

static void test_files_are_fresh(void **state) {
	(void)state;
	compare(CFG_DOCS_SAMPLE, "conf/steerway.yaml.sample");
	compare(CFG_DOCS_MAN, "contrib/man/steerway.yaml.5");
}

static struct folder folder;

/* The files that the sample names. */
static int setup(void **state) {
	(void)state;
	folder_create(&folder);
	mkdir("tls", 0700);
	mkdir("zones", 0700);
	mkdir("conf.d", 0700);
	file_write("tls/site.pem", "");
	file_write("tls/ca.pem", "");
	file_write("tls/ca.crl", "");
	file_write("tls/ticket.keys", "");
	file_write("tls/sticky.secret", "");
	file_write("zones/example.org.zone", "");
	mkdir("maps", 0700);
	file_write("maps/networks.txt", "");
	file_write("maps/times.txt", "");
	mkdir("pages", 0700);
	file_write("pages/5xx.html", "");
	file_write("pages/5xx.json", "");
	file_write("pages/5xx.txt", "");
	return 0;
}

static int teardown(void **state) {
	(void)state;
	folder_destroy(&folder);
	return 0;
}

static void assert_loads(struct str yaml) {
	struct buf errors = { 0 };
	struct cfg *c = cfg_load_text(yaml, "sample", "", &errors);
	if (!c)
		fail_msg("%s%.*s", buf_text(&errors), STR_ARG(yaml));
	cfg_destroy(c);
	buf_fini(&errors);
}

static void test_sample_loads(void **state) {
	struct buf sample = { 0 };
	(void)state;
	cfg_write_docs(&sample, CFG_DOCS_SAMPLE);
	assert_loads(buf_str(&sample));
	buf_fini(&sample);
}

/* The position of the '#' of a line that is a key commented out, or the line's length. */
static size_t commented_key(struct str line) {
	size_t at = str_find_char(line, '#');
	return at + 1 < line.n && line.p[at + 1] >= 'a' && line.p[at + 1] <= 'z' ? at : line.n;
}

/* These contradict what the sample shows instead of them. */
static bool is_alternative(struct str key) {
	static const char *const keys[] = { "hash_key:",   "hash_name:", "load_factor:", "split:",   "split_by:",
		                            "body_regex:", "redirect:",  "answer:",      "rewrite:", "max_streams:",
		                            "use:",        "map:",       "cases:",       "sites:",   "fallback:" };
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (str_starts(key, str_from(keys[i])))
			return true;
	return false;
}

static void test_sample_keys_load_one_by_one(void **state) {
	struct buf sample = { 0 };
	size_t n_tried = 0;
	(void)state;
	cfg_write_docs(&sample, CFG_DOCS_SAMPLE);
	struct str rest = buf_str(&sample), line;
	while (str_next(&rest, '\n', &line)) {
		size_t at = commented_key(line);
		if (at == line.n || is_alternative(str_skip(line, at + 1)))
			continue;
		char *hash = sample.p + (line.p - sample.p) + at;
		/* Removing the '#' must not move the key. */
		struct buf yaml = { 0 };
		buf_add(&yaml, str_slice(sample.p, (size_t)(hash - sample.p)));
		buf_add(&yaml, str_slice(hash + 1, sample.n - (size_t)(hash + 1 - sample.p)));
		assert_loads(buf_str(&yaml));
		buf_fini(&yaml);
		n_tried++;
	}
	assert_true(n_tried > 40);
	buf_fini(&sample);
}

/* Each form has each row's documentation (its first words, before any line break). */
static void test_every_row_is_documented(void **state) {
	(void)state;
	for (unsigned form = CFG_DOCS_TEXT; form <= CFG_DOCS_MAN; form++) {
		struct buf docs = { 0 };
		cfg_write_docs(&docs, form);
		for (unsigned id = 0; id < SCHEMA_SECTION_COUNT; id++) {
			const struct schema_section *s = schema_section(id);
			for (size_t i = 0; i < s->n_rows; i++) {
				char key[64];
				snprintf(key, sizeof(key),
				         form == CFG_DOCS_MAN    ? "\\fB%s\\fR ("
				         : form == CFG_DOCS_TEXT ? "%s"
				                                 : "%s:",
				         s->rows[i].key);
				if (str_find(buf_str(&docs), str_from(key)) == docs.n)
					fail_msg("%s.%s is missing in form %u", s->name, s->rows[i].key, form);
			}
		}
		buf_fini(&docs);
	}
}

/* The example of the manual page, read back out of its roff. */
static void test_manual_example_loads(void **state) {
	struct buf page = { 0 }, yaml = { 0 };
	(void)state;
	cfg_write_docs(&page, CFG_DOCS_MAN);
	struct str all = buf_str(&page), end;
	struct str text = str_skip(all, str_find(all, STR(".SH EXAMPLE")));
	text = str_skip(text, str_find(text, STR("listeners:")));
	end = str_skip(text, str_find(text, STR("\n.RE")));
	assert_true(end.n > 0);
	for (size_t i = 0; i < text.n - end.n; i++)
		if (text.p[i] != '\\')
			buf_add_char(&yaml, text.p[i]);
	assert_loads(buf_str(&yaml));
	buf_fini(&page);
	buf_fini(&yaml);
}

static void test_minimal_loads(void **state) {
	struct buf errors = { 0 };
	(void)state;
	struct cfg *c = cfg_load("conf/minimal.yaml", &errors);
	assert_string_equal(buf_text(&errors), "");
	assert_non_null(c);
	assert_int_equal(cfg_root(c)->pools.n, 1);
	cfg_destroy(c);
	buf_fini(&errors);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_are_fresh),      IN_FOLDER(test_sample_loads),
		IN_FOLDER(test_sample_keys_load_one_by_one), cmocka_unit_test(test_every_row_is_documented),
		IN_FOLDER(test_manual_example_loads),        cmocka_unit_test(test_minimal_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
