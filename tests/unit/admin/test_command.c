/* SPDX-License-Identifier: BSD-2-Clause */
/* command.c: the table is free of ambiguity, refusals say what would be right, and steerctl(1) is not stale. */
#include "admin/internal.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void refused(const char *line, const char *text) {
	struct admin a = { 0 };
	char store[256];
	struct str words[ADMIN_WORDS_MAX];
	size_t n;
	struct err e;
	json_t *answer;
	assert_int_equal(admin_words_split(str_from(line), store, words, &n, &e), 0);
	assert_int_equal(admin_run(&a, words, n, &answer), -1);
	assert_string_equal(json_string_value(answer), text);
	json_decref(answer);
}

static void test_rows(void **state) {
	(void)state;
	for (size_t i = 0; i < admin_n_rows; i++) {
		const struct admin_row *r = &admin_rows[i];
		size_t n = strlen(r->help);
		assert_true(n > 0 && r->help[n - 1] == '.');
		unsigned n_words = 0; /* as many as a call has place for */
		for (const char *at = r->arguments; (at = strchr(at, '<')); at++)
			n_words++;
		assert_true(n_words <= 3);
		for (size_t k = 0; k < admin_n_rows; k++) {
			size_t words = strlen(admin_rows[k].words);
			/* The first that fits is taken: "explain" before "explain route" would hide it. */
			if (k < i && strncmp(r->words, admin_rows[k].words, words) == 0)
				assert_true(r->words[words] != '\0' && r->words[words] != ' ');
		}
	}
}

static void test_refusals(void **state) {
	(void)state;
	refused("drian site x", "no such command; did you mean `drain site`? `help` lists all");
	refused("hepl", "no such command; did you mean `help`? `help` lists all");
	refused("drain", "drain what? One of: site, pool, server");
	refused("drain everything", "drain can't take `everything`; one of: site, pool, server");
	refused("drain site", "a name is missing; usage: drain site <site> [--force] [--deadline DURATION]");
	refused("drain site ''", "the name is empty; usage: drain site <site> [--force] [--deadline DURATION]");
	refused("drain site a b", "one word too many: `b`; usage: drain site <site> [--force] [--deadline DURATION]");
	refused("drain site a --forced", "no such option: `--forced`; usage: drain site <site> [--force] [--deadline DURATION]");
	refused("drain site a --deadline",
	        "no value stands behind `--deadline`; usage: drain site <site> [--force] [--deadline DURATION]");
	refused("drain site a --deadline soon", "--deadline takes a duration as 30s, 5m or 1h, not `soon`");
	refused("help me", "one word too many: `me`; usage: help");
	refused("latency", "latency what? One of: set, clear");
	refused("latency set", "a name is missing; usage: latency set <map> <network> <times>");
	refused("latency set rtt 10.0.0.0/8", "a word is missing; usage: latency set <map> <network> <times>");
	refused("latency set rtt 10.0.0.0/8 a=1ms b=1ms",
	        "one word too many: `b=1ms`; usage: latency set <map> <network> <times>");
	refused("latency clear", "a name is missing; usage: latency clear <map> [<network>]");
	refused("latency clear rtt 10.0.0.0/8 a=1ms", "one word too many: `a=1ms`; usage: latency clear <map> [<network>]");
	refused("show events --last 0", "--last takes a number of events, not `0`");
	refused("ready site a --", "no such option: `--`; usage: ready site <site>");
	refused("drain site a --force --force --force --force --force --force --force --force --force",
	        "too many options; usage: drain site <site> [--force] [--deadline DURATION]");
}

static void test_durations(void **state) {
	(void)state;
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{ "250ms", 250 },  { "0s", 0 },
		{ "30s", 30000 },  { "5m", 300000 },
		{ "2h", 7200000 }, { "", -1 },
		{ "s", -1 },       { "5", -1 },
		{ "-5s", -1 },     { "5 s", -1 },
		{ "5d", -1 },      { "1.5s", -1 },
		{ "5sx", -1 },     { "9999999999999999h", -1 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t ms = 0;
		assert_int_equal(admin_duration_parse(str_from(rows[i].text), &ms), rows[i].ms < 0 ? -1 : 0);
		if (rows[i].ms >= 0)
			assert_int_equal(ms, rows[i].ms);
	}
}

/* The manual's list of commands is this output, word for word. */
static void test_manual(void **state) {
	(void)state;
	struct buf page = { 0 }, rows = { 0 };
	FILE *f = fopen("contrib/man/steerctl.1", "r");
	assert_non_null(f);
	for (size_t n = 1; n > 0; page.n += n)
		n = fread(buf_reserve(&page, 4096), 1, 4096, f);
	fclose(f);
	admin_write_man(&rows);
	if (str_find(buf_str(&page), buf_str(&rows)) == page.n)
		fail_msg("contrib/man/steerctl.1 is stale: put the output of `build/steerway command-reference` between its "
		         "BEGIN and END");
	buf_fini(&page);
	buf_fini(&rows);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
