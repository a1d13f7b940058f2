/* SPDX-License-Identifier: BSD-2-Clause */
/* line.c: words as a shell splits them; requests and answers by bytes. */
#include "admin/internal.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_words(void **state) {
	(void)state;
	static const struct {
		const char *line;
		size_t n;
		const char *words[4];
	} rows[] = {
		{ "", 0, { 0 } },
		{ " \t ", 0, { 0 } },
		{ "show sites", 2, { "show", "sites" } },
		{ "  show\t\tsites ", 2, { "show", "sites" } },
		{ "a 'b c' d", 3, { "a", "b c", "d" } },
		{ "a \"b c\"d", 2, { "a", "b cd" } },
		{ "'' \"\"", 2, { "", "" } },
		{ "x\\ y", 1, { "x y" } },
		{ "\"a\\\"b\\\\c\\d\"", 1, { "a\"b\\c\\d" } },
		{ "'a\\b'", 1, { "a\\b" } },
		{ "'it'\\''s'", 1, { "it's" } },
		{ "\xc3\xa9t\xc3\xa9", 1, { "\xc3\xa9t\xc3\xa9" } },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char store[64];
		struct str words[ADMIN_WORDS_MAX];
		size_t n;
		struct err e;
		assert_int_equal(admin_words_split(str_from(rows[i].line), store, words, &n, &e), 0);
		assert_int_equal(n, rows[i].n);
		for (size_t k = 0; k < n; k++)
			assert_true(str_eq(words[k], str_from(rows[i].words[k])));
	}
}

static void test_words_refused(void **state) {
	(void)state;
	static const struct {
		struct str line;
		const char *text;
	} rows[] = {
		{ STR_INIT("a 'b"), "a ' is not closed" },
		{ STR_INIT("a \"b"), "a \" is not closed" },
		{ STR_INIT("\"a\\\""), "a \" is not closed" },
		{ STR_INIT("a\\"), "nothing stands behind the last backslash" },
		{ STR_INIT("a\x1b[2J"), "byte 2 is a control byte (0x1b)" },
		{ STR_INIT("a\0b"), "byte 2 is a control byte (0x00)" },
		{ STR_INIT("\x7f"), "byte 1 is a control byte (0x7f)" },
		{ STR_INIT("1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3"), "more than 32 words" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char store[128];
		struct str words[ADMIN_WORDS_MAX];
		size_t n;
		struct err e;
		assert_int_equal(admin_words_split(rows[i].line, store, words, &n, &e), -1);
		assert_string_equal(e.text, rows[i].text);
	}
}

static void take(const char *in, enum admin_next next, size_t used, const char *answer) {
	struct admin a = { 0 };
	struct buf out = { 0 };
	size_t got = 0;
	assert_int_equal(admin_line_protocol.take(&a, str_from(in), &got, &out), next);
	assert_int_equal(got, used);
	buf_add_char(&out, '\0');
	if (answer != NULL)
		assert_string_equal(out.p, answer);
	buf_fini(&out);
}

static void test_requests(void **state) {
	(void)state;
	take("he", ADMIN_MORE, 0, "");
	take("help --jso", ADMIN_MORE, 0, "");
	take("'x\n", ADMIN_ANSWERED, 3, "error 18\na ' is not closed\n");
	take("'x\r\n", ADMIN_ANSWERED, 4, "error 18\na ' is not closed\n");
	take("zzzzzzzzzz\nhelp\n", ADMIN_ANSWERED, 11, "error 48\nno such command: `zzzzzzzzzz`; `help` lists all\n");
	take("zzzzzzzzzz --json\n", ADMIN_ANSWERED, 18,
	     "error 65\n{\n  \"error\": \"no such command: `zzzzzzzzzz`; `help` lists all\"\n}\n");
	take("\n", ADMIN_ANSWERED, 1, "error 46\nan empty line is no command; `help` lists all\n");
}

static void test_too_long(void **state) {
	(void)state;
	char *line = mem_alloc(ADMIN_LINE_BYTES + 1);
	memset(line, 'x', ADMIN_LINE_BYTES);
	line[ADMIN_LINE_BYTES] = '\0';
	take(line, ADMIN_CLOSE, ADMIN_LINE_BYTES, "error 35\nthe line is longer than 4096 bytes\n");
	line[ADMIN_LINE_BYTES - 1] = '\n';
	take(line, ADMIN_ANSWERED, ADMIN_LINE_BYTES, NULL);
	line[ADMIN_LINE_BYTES - 1] = '\0';
	take(line, ADMIN_MORE, 0, "");
	mem_free(line);
}

static void test_length_says_the_truth(void **state) {
	(void)state;
	struct admin a = { 0 };
	static const char *const lines[] = { "help\n", "help --json\n" };
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct buf out = { 0 };
		size_t used = 0, bytes = 0;
		admin_line_protocol.take(&a, str_from(lines[i]), &used, &out);
		size_t head = str_find_char(buf_str(&out), '\n') + 1;
		assert_true(str_starts(buf_str(&out), STR("ok ")));
		assert_true(str_to_u64(str_slice(out.p + 3, head - 4), &bytes));
		assert_int_equal(out.n - head, bytes);
		assert_int_equal(out.p[out.n - 1], '\n');
		buf_fini(&out);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),    cmocka_unit_test(test_words_refused),         cmocka_unit_test(test_requests),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_length_says_the_truth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
