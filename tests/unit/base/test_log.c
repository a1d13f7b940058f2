/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the log, the clock that stamps them, and err. JSON is judged by jansson, not by this program's own idea of it. */
#include "steerway/base/clock.h"
#include "steerway/base/err.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/base/rand.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char line[8192];
static size_t line_bytes;
static int lines;

static void keep(struct str s) {
	assert_in_range(s.n, 1, 4096);
	str_copy(line, sizeof line, s);
	line_bytes = s.n;
	lines++;
	/* One record, one line, whatever is in it. */
	assert_int_equal(str_find_char(s, '\n'), s.n - 1);
	for (size_t i = 0; i < s.n - 1; i++)
		assert_true((unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
}

static int set_up(void **state) {
	(void)state;
	log_set_sink(keep);
	log_set_format(LOG_FORMAT_TEXT);
	log_set_level(LOG_LEVEL_INFO);
	lines = 0;
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	log_set_sink(NULL);
	clock_set_source(NULL);
	return 0;
}

static uint64_t test_now;
static uint64_t test_source(void) {
	return test_now;
}

/* What follows the time. */
static const char *after_time(void) {
	return line + LOG_TIME_BYTES;
}

static void test_text(void **state) {
	(void)state;
	clock_set_source(test_source);
	test_now = 123456;
	log_info("server_down", LOG_CSTR("server", "app/c1"), LOG_U64("fails", 3));
	assert_string_equal(line, "2023-11-14T22:13:20.123456Z info server_down server=app/c1 fails=3\n");
	log_warn("e", LOG_I64("i", INT64_MIN), LOG_U64("u", UINT64_MAX), LOG_BOOL("t", true), LOG_BOOL("f", false),
	         LOG_F64("d", 0.25));
	assert_string_equal(after_time(), " warn e i=-9223372036854775808 u=18446744073709551615 t=true f=false d=0.25\n");
	log_error("e", LOG_CSTR("empty", ""), LOG_CSTR("space", "a b"), LOG_CSTR("quote", "a\"b"), LOG_CSTR("equal", "a=b"),
	          LOG_CSTR("slash", "a\\b"), LOG_CSTR("feed", "a\nb"), LOG_CSTR("escape", "\x1b[1m"),
	          LOG_CSTR("utf8", "\xc3\xa9"), LOG_STR("nul", str_slice("\0", 1)), LOG_STR("none", STR_NONE));
	assert_string_equal(after_time(),
	                    " error e empty=\"\" space=\"a b\" quote=\"a\\\"b\" equal=\"a=b\" slash=\"a\\\\b\" feed=\"a\\nb\" "
	                    "escape=\"\\u001b[1m\" utf8=\"\xc3\xa9\" nul=\"\\u0000\" none=\"\"\n");
}

static void test_levels(void **state) {
	(void)state;
	log_debug("hidden", LOG_U64("x", 1));
	assert_int_equal(lines, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("seen", LOG_U64("x", 1));
	assert_int_equal(lines, 1);
	log_set_level(LOG_LEVEL_ERROR);
	assert_false(log_enabled(LOG_LEVEL_WARN));
	log_warn("hidden", LOG_U64("x", 1));
	log_error("seen", LOG_U64("x", 1));
	assert_int_equal(lines, 2);
}

static json_t *parse_line(void) {
	json_error_t e;
	json_t *j = json_loadb(line, line_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	if (j == NULL)
		fail_msg("%s in %s", e.text, line);
	return j;
}

static const char *member(const json_t *j, const char *key) {
	const char *s = json_string_value(json_object_get(j, key));
	assert_non_null(s);
	return s;
}

static void test_json(void **state) {
	(void)state;
	log_set_format(LOG_FORMAT_JSON);
	clock_set_source(test_source);
	test_now = 1;
	log_info("server_down", LOG_CSTR("server", "app/c1"), LOG_U64("fails", 3), LOG_I64("i", -3), LOG_BOOL("b", true),
	         LOG_F64("d", 1.5));
	assert_string_equal(
	    line, "{\"ts\":\"2023-11-14T22:13:20.000001Z\",\"level\":\"info\",\"event\":\"server_down\",\"server\":\"app/c1\","
		  "\"fails\":3,\"i\":-3,\"b\":true,\"d\":1.5}\n");
	log_info("odd", LOG_F64("nan", NAN), LOG_F64("inf", -INFINITY), LOG_F64("tiny", 1e-300), LOG_F64("huge", -1e300));
	json_t *j = parse_line();
	assert_true(json_is_null(json_object_get(j, "nan")));
	assert_true(json_is_null(json_object_get(j, "inf")));
	json_decref(j);
}

static void test_hostile_bytes(void **state) {
	(void)state;
	static const char telling[] = "\"\\\n\r\x1b\x7f\x80\xc2\xe0\xed\xf0\xf4\xff={}";
	struct rand r;
	rand_seed(&r, 7);
	for (int round = 0; round < 3000; round++) {
		char bytes[300];
		size_t n = rand_below(&r, sizeof bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = rand_below(&r, 2) ? (char)rand_next(&r) : telling[rand_below(&r, sizeof telling)];
		log_set_format(round % 2 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
		log_info("hostile", LOG_STR("bytes", str_slice(bytes, n)), LOG_CSTR("after", "intact"));
		assert_int_equal(lines, round + 1);
		if (round % 2) {
			json_t *j = parse_line();
			assert_string_equal(member(j, "after"), "intact");
			json_decref(j);
		} else {
			assert_non_null(strstr(line, " after=intact\n"));
		}
	}
}

/* Values of every length around the buffer's end, of every kind of character: valid, one line, and it says so when it was cut. */
static void test_truncation_stays_valid(void **state) {
	(void)state;
	static const char *const fills[] = { "x", "\"", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff", " " };
	static char value[5000];
	for (size_t f = 0; f < COUNT_OF(fills); f++) {
		size_t unit = strlen(fills[f]);
		for (size_t n = 500; n + unit<sizeof value; n += n> 3900 && n < 4100 ? 1 : 37) {
			for (size_t i = 0; i < n; i += unit)
				memcpy(value + i, fills[f], unit);
			for (int json = 0; json < 2; json++) {
				log_set_format(json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
				log_info("long", LOG_STR("v", str_slice(value, n)), LOG_I64("last", INT64_MAX));
				bool is_cut = strstr(line, json ? ",\"truncated\":true}\n" : " truncated=true\n") != NULL;
				bool is_whole = strstr(line, json ? "\"last\":9223372036854775807}\n"
				                                  : " last=9223372036854775807\n") != NULL;
				assert_true(is_cut != is_whole);
				if (json)
					json_decref(parse_line());
			}
		}
	}
	/* Many fields that fit by themselves: the rest is left out whole. */
	struct log_field fields[400];
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		fields[i] = LOG_U64("number", 1234567890);
	log_set_format(LOG_FORMAT_TEXT);
	log_record(LOG_LEVEL_INFO, "many", fields, COUNT_OF(fields));
	assert_non_null(strstr(line, " number=1234567890 truncated=true\n"));
	assert_true(line_bytes > 4000);
}

static void test_time(void **state) {
	(void)state;
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },          { 951782399, "2000-02-28T23:59:59.000000Z" },
		{ 951782400, "2000-02-29T00:00:00.000000Z" },  { 4107542399, "2100-02-28T23:59:59.000000Z" },
		{ 4107542400, "2100-03-01T00:00:00.000000Z" }, { 253402300799, "9999-12-31T23:59:59.000000Z" },
	};
	char out[LOG_TIME_BYTES + 1] = "";
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		log_format_time(out, rows[i].seconds * USEC_PER_SEC);
		assert_string_equal(out, rows[i].text);
	}
	log_format_time(out, UINT64_MAX);
	assert_string_equal(out, "9999-12-31T23:59:59.999999Z");
	/* Against libc, over 400 years. */
	struct rand r;
	rand_seed(&r, 8);
	for (int i = 0; i < 20000; i++) {
		time_t t = (time_t)rand_below(&r, UINT64_C(12622780800));
		struct tm tm;
		char expected[64];
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000042Z", gmtime_r(&t, &tm));
		log_format_time(out, (uint64_t)t * USEC_PER_SEC + 42);
		assert_string_equal(out, expected);
	}
}

static void test_clock(void **state) {
	(void)state;
	test_now = 5;
	clock_set_source(test_source);
	assert_int_equal(clock_now_us(), 5); /* the first call reads */
	test_now = 9;
	assert_int_equal(clock_now_us(), 5);
	uint64_t wall = clock_wall_us();
	assert_int_equal(clock_update(), 9);
	assert_int_equal(clock_now_us(), 9);
	assert_int_equal(clock_wall_us() - wall, 4);
	test_now = 19;
	assert_int_equal(clock_wall_fresh_us() - clock_wall_us(), 10);
	assert_int_equal(clock_now_us(), 9); /* which was left alone */
	clock_set_source(NULL);
	struct timespec t;
	uint64_t a = clock_update(), b = clock_update();
	assert_true(b >= a && a > 19);
	clock_gettime(CLOCK_REALTIME, &t);
	int64_t apart = (int64_t)(clock_wall_us() - (uint64_t)t.tv_sec * USEC_PER_SEC);
	assert_true(apart > -2 * (int64_t)USEC_PER_SEC && apart < 3 * (int64_t)USEC_PER_SEC);
}

static void test_standard_error_is_the_first_sink(void **state) {
	(void)state;
	int ends[2], saved = dup(STDERR_FILENO);
	char got[256] = "";
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_set_sink(NULL);
	log_info("to_stderr", LOG_U64("x", 1));
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(read(ends[0], got, sizeof got - 1) > 0);
	close(ends[0]);
	close(ends[1]);
	assert_string_equal(got + LOG_TIME_BYTES, " info to_stderr x=1\n");
}

static void test_err(void **state) {
	(void)state;
	struct err e;
	assert_int_equal(err_set(&e, "port %d is taken", 80), -1);
	assert_string_equal(e.text, "port 80 is taken");
	assert_int_equal(err_context(&e, "listener %s", "web"), -1);
	assert_string_equal(e.text, "listener web: port 80 is taken");
	err_set(&e, "again: %s", e.text); /* an argument that is the err's own text */
	assert_string_equal(e.text, "again: listener web: port 80 is taken");
	errno = ENOENT;
	assert_int_equal(err_errno(&e, "open %s", "x"), -1);
	assert_string_equal(e.text, "open x: No such file or directory");
	char longest[600];
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	err_set(&e, "%s", longest);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	for (int i = 0; i < 4; i++) {
		err_set(&e, "fact");
		err_context(&e, "%.*s", (int)sizeof e.text - 4 + i, longest);
		assert_true(strlen(e.text) < sizeof e.text);
	}
	err_set(&e, "fact");
	err_context(&e, "%s", longest);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncation_stays_valid, set_up, tear_down),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_clock),
		cmocka_unit_test_setup_teardown(test_standard_error_is_the_first_sink, set_up, tear_down),
		cmocka_unit_test(test_err),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
