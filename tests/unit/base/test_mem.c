/* SPDX-License-Identifier: BSD-2-Clause */
/* mem, arena and buf. */
#include "steerway/base/arena.h"
#include "steerway/base/buf.h"
#include "steerway/base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "steerway/base/rand.h"

/* NULL where jemalloc is not linked. */
int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes) __attribute__((weak));

/* The size is not a constant to the compiler, which would rightly warn of it. */
static volatile size_t too_much = SIZE_MAX / 2;

static void ask_for_too_much(void) {
	mem_free(mem_alloc(too_much));
}
static void ask_for_an_overflowing_product(void) {
	mem_free(mem_zalloc_array(too_much, 4));
}
static void ask_for_an_overflowing_growth(void) {
	mem_free(mem_realloc_array(NULL, too_much, 4));
}
static void ask_for_too_many_lines(void) {
	mem_free(mem_zalloc_lines(too_much));
}
static void ask_an_arena_for_too_much(void) {
	struct arena a;
	arena_init(&a, 4096);
	arena_alloc(&a, SIZE_MAX - too_much / 2);
}

/* In a child: it must abort, and say on standard error what it asked for. */
static void assert_aborts(void (*ask)(void)) {
	int ends[2];
	char said[256] = "";
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("ASAN_OPTIONS", "", 1);
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		ask();
		_exit(0);
	}
	close(ends[1]);
	size_t n = 0;
	for (ssize_t got; n < sizeof said - 1 && (got = read(ends[0], said + n, sizeof said - 1 - n)) > 0;)
		n += (size_t)got;
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they refuse such sizes themselves, with a report */
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(said, "out of memory: "));
#endif
}

static void test_running_out_aborts(void **state) {
	(void)state;
	assert_aborts(ask_for_too_much);
	assert_aborts(ask_for_an_overflowing_product);
	assert_aborts(ask_for_an_overflowing_growth);
	assert_aborts(ask_for_too_many_lines);
	assert_aborts(ask_an_arena_for_too_much);
}

static void test_mem(void **state) {
	(void)state;
	mem_free(mem_alloc(0));
	mem_free(mem_zalloc(0));
	mem_free(mem_zalloc_array(0, 8));
	mem_free(mem_zalloc_array(8, 0));
	mem_free(NULL);
	uint32_t *numbers = mem_zalloc_array(100, sizeof *numbers);
	for (int i = 0; i < 100; i++)
		assert_int_equal(numbers[i], 0);
	numbers[99] = 7;
	numbers = mem_realloc_array(numbers, 1000, sizeof *numbers);
	assert_int_equal(numbers[99], 7);
	mem_free(numbers);
	for (size_t n = 0; n < 200; n += 33) {
		char *lines = mem_zalloc_lines(n);
		assert_int_equal((uintptr_t)lines % 64, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(lines[i], 0);
		mem_free(lines);
	}
	char *copy = mem_strdup(str_slice("abcdef", 3));
	assert_string_equal(copy, "abc");
	mem_free(copy);
	copy = mem_strdup(STR_NONE);
	assert_string_equal(copy, "");
	mem_free(copy);
}

/* Blocks of random sizes, each filled with its own byte: aligned, and no two overlap. */
static void test_arena_blocks_are_apart(void **state) {
	(void)state;
	enum { BLOCKS = 400 };
	struct {
		unsigned char *p;
		size_t n;
	} blocks[BLOCKS];
	struct rand r;
	struct arena a;
	rand_seed(&r, 2);
	arena_init(&a, 1024);
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i].n = rand_below(&r, rand_below(&r, 10) > 0 ? 100 : 5000);
		blocks[i].p = arena_alloc(&a, blocks[i].n);
		assert_int_equal((uintptr_t)blocks[i].p % 16, 0);
		memset(blocks[i].p, i, blocks[i].n);
	}
	for (int i = 0; i < BLOCKS; i++)
		for (size_t j = 0; j < blocks[i].n; j++)
			assert_int_equal(blocks[i].p[j], i & 0xff);
	arena_fini(&a);
	assert_null(a.chunks);
	assert_int_equal(a.used_bytes, 0);
	assert_int_equal(*(char *)arena_zalloc(&a, 1), 0); /* usable again */
	arena_fini(&a);
}

static void test_a_large_block_does_not_waste_the_chunk(void **state) {
	(void)state;
	struct arena a;
	arena_init(&a, 1024);
	char *first = arena_alloc(&a, 16);
	arena_alloc(&a, 100000);
	assert_ptr_equal(arena_alloc(&a, 16), first + 16);
	assert_int_equal(a.used_bytes, 16 + 100000 + 16);
	arena_fini(&a);
	arena_init(&a, 0); /* every block is a large one */
	char *x = arena_zalloc(&a, 10), *y = arena_zalloc(&a, 10);
	assert_ptr_not_equal(x, y);
	arena_fini(&a);
}

static void test_arena_texts(void **state) {
	(void)state;
	struct arena a;
	arena_init(&a, 256);
	struct str s = arena_str(&a, str_slice("abc", 2));
	assert_string_equal(s.p, "ab");
	assert_int_equal(s.n, 2);
	assert_string_equal(arena_str(&a, STR_NONE).p, "");
	s = arena_printf(&a, "%0*d/%s", 500, 1, "x");
	assert_int_equal(s.n, 502);
	assert_string_equal(s.p + 499, "1/x");
	arena_fini(&a);
}

static void test_buf(void **state) {
	(void)state;
	struct buf b = { 0 };
	buf_add(&b, STR_NONE);
	assert_int_equal(b.n, 0);
	assert_null(b.p);
	buf_add(&b, STR("abc"));
	buf_add_char(&b, '-');
	buf_printf(&b, "%d", 42);
	buf_printf(&b, "%s", "");
	assert_true(str_eq(buf_str(&b), STR("abc-42")));
	buf_consume(&b, 4);
	assert_true(str_eq(buf_str(&b), STR("42")));
	buf_consume(&b, 2);
	assert_int_equal(b.n, 0);
	buf_printf(&b, "%0*d", 100000, 7); /* grows in the middle of a printf */
	assert_int_equal(b.n, 100000);
	assert_int_equal(b.p[99999], '7');
	char *to = buf_reserve(&b, 300000);
	memset(to, 'x', 300000);
	b.n += 300000;
	assert_int_equal(b.p[99999], '7');
	buf_fini(&b);
	assert_null(b.p);
	buf_fini(&b);
}

static void test_buf_json(void **state) {
	(void)state;
	static const struct {
		struct str in;
		const char *out;
	} rows[] = {
		{ STR_INIT(""), "\"\"" },
		{ STR_INIT("plain /~"), "\"plain /~\"" },
		{ STR_INIT("q\"b\\"), "\"q\\\"b\\\\\"" },
		{ STR_INIT("\b\t\n\f\r\v"), "\"\\b\\t\\n\\f\\r\\u000b\"" },
		{ STR_INIT("\0\x1f\x7f"), "\"\\u0000\\u001f\\u007f\"" },
		{ STR_INIT("\xc2\x9b\xc2\xa0"), "\"\\u009b\xc2\xa0\"" }, /* C1: CSI of terminals */
		{ STR_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ STR_INIT("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"" },
		{ STR_INIT("\xff"), "\"\xef\xbf\xbd\"" },
		{ STR_INIT("\x80x"), "\"\xef\xbf\xbdx\"" },                                               /* no beginning */
		{ STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                                 /* no end */
		{ STR_INIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                                 /* overlong */
		{ STR_INIT("\xe0\x9f\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
		{ STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* surrogate */
		{ STR_INIT("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* above U+10FFFF */
		{ STR_INIT("\xf0\x8f\xbf\xbf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* overlong */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = { 0 };
		buf_add_json(&b, rows[i].in);
		buf_add_char(&b, '\0');
		assert_string_equal(b.p, rows[i].out);
		buf_fini(&b);
	}
}

/* Packed things stand one behind the other; what comes next is aligned again. */
static void test_arena_packed(void **state) {
	(void)state;
	struct arena a;
	arena_init(&a, 1024);
	char *first = arena_alloc_packed(&a, 3), *second = arena_alloc_packed(&a, 5);
	assert_ptr_equal(second, first + 4);
	char *third = arena_alloc(&a, 1);
	assert_ptr_equal(third, first + 16);
	assert_ptr_equal(arena_alloc_packed(&a, 0), third + 16);
	for (size_t n = 0; n < 2000; n++) { /* around the end of chunks, and larger than one */
		char *p = arena_alloc_packed(&a, n);
		memset(p, 1, n);
		assert_int_equal((uintptr_t)p % 2, 0);
		p = arena_alloc(&a, n);
		memset(p, 2, n);
		assert_int_equal((uintptr_t)p % 16, 0);
	}
	arena_fini(&a);
	mem_give_back();
}

static size_t resident_bytes(void) {
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A large table costs what of it is used. */
static void test_large_lines_are_not_touched(void **state) {
	(void)state;
	enum { BYTES = 64 << 20 };
	if (!mallctl)
		skip(); /* the sanitizers' allocator has no such call */
	size_t before = resident_bytes();
	unsigned char *lines = mem_zalloc_lines(BYTES);
	assert_in_range(resident_bytes(), 0, before + BYTES / 64);
	assert_int_equal((uintptr_t)lines % 64, 0);
	for (size_t i = 0; i < BYTES; i += 4096)
		assert_int_equal(lines[i], 0);
	mem_free(lines);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_lines_are_not_touched),
		cmocka_unit_test(test_running_out_aborts),
		cmocka_unit_test(test_mem),
		cmocka_unit_test(test_arena_packed),
		cmocka_unit_test(test_arena_blocks_are_apart),
		cmocka_unit_test(test_a_large_block_does_not_waste_the_chunk),
		cmocka_unit_test(test_arena_texts),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_buf_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
