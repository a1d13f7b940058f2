/* SPDX-License-Identifier: BSD-2-Clause */
/* The log writer against real files, pipes and a full device: nothing is torn, nothing is lost uncounted, nothing blocks. */
#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/io.h"
#include "steerway/metric.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { RING_BYTES = 1024 * 1024 }; /* as log_writer.c has it */

static char folder[] = "/tmp/steerway-log-XXXXXX";

static const char *path_of(const char *name) {
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static struct log_output *open_output(const char *path) {
	struct err e;
	struct log_output *o = log_output_open(path, &e);
	if (o == NULL)
		fail_msg("%s", e.text);
	return o;
}

static void start(void) {
	struct err e;
	if (log_writer_start(&e) < 0)
		fail_msg("%s", e.text);
}

/* The whole file with a NUL; free with mem_free. */
static char *slurp(const char *path, size_t *n) {
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	char *text = mem_zalloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	*n = (size_t)st.st_size;
	return text;
}

static void assert_file(const char *path, const char *expected) {
	size_t n;
	char *text = slurp(path, &n);
	assert_string_equal(text, expected);
	mem_free(text);
}

static int64_t lost(void) {
	return metric_sum(METRIC_io_log_lost_total);
}

/* Makes a FIFO in the folder; returns its reading end, non-blocking. */
static int make_fifo(const char *name) {
	assert_int_equal(mkfifo(path_of(name), 0600), 0);
	int fd = open(path_of(name), O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

/* ---- tests ---- */

static void test_records_arrive_in_order(void **state) {
	(void)state;
	start();
	struct log_output *o = open_output(path_of("order"));
	assert_true(log_output_write(o, STR("one\n")));
	assert_true(log_output_write(o, STR("two\n")));
	log_writer_flush();
	assert_file(path_of("order"), "one\ntwo\n");
	assert_true(log_output_write(o, STR("three\n")));
	log_writer_stop();
	assert_file(path_of("order"), "one\ntwo\nthree\n");
}

static void test_records_from_before_the_start_are_kept(void **state) {
	(void)state;
	struct log_output *o = open_output(path_of("early"));
	assert_true(log_output_write(o, STR("early\n")));
	log_writer_flush(); /* returns: nobody could write it now */
	start();
	log_writer_stop();
	assert_file(path_of("early"), "early\n");
}

static void test_a_file_is_appended_to(void **state) {
	(void)state;
	for (int i = 0; i < 2; i++) {
		start();
		log_output_write(open_output(path_of("append")), STR("again\n"));
		log_writer_stop();
	}
	assert_file(path_of("append"), "again\nagain\n");
	struct stat st;
	assert_int_equal(stat(path_of("append"), &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
}

static void test_one_path_is_one_output(void **state) {
	(void)state;
	struct log_output *o = open_output(path_of("same"));
	assert_ptr_equal(o, open_output(path_of("same")));
	assert_ptr_not_equal(o, open_output(path_of("other")));
	log_writer_stop();
}

static void test_a_path_that_cannot_be_opened_is_an_error(void **state) {
	(void)state;
	struct err e;
	assert_null(log_output_open(path_of("no/such/folder"), &e));
	assert_non_null(strstr(e.text, "no/such/folder: No such file or directory"));
	char fifo[128];
	snprintf(fifo, sizeof fifo, "%s", path_of("unread"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(log_output_open(fifo, &e)); /* and does not wait for a reader */
}

static void test_a_full_ring_counts_what_it_loses(void **state) {
	(void)state;
	/* Nobody drains it: the writer does not run yet. */
	struct log_output *o = open_output(path_of("full"));
	char record[1024];
	memset(record, 'x', sizeof record);
	record[sizeof record - 1] = '\n';
	int64_t before = lost();
	size_t taken = 0, refused = 0;
	for (int i = 0; i < 2000; i++)
		*(log_output_write(o, str_slice(record, sizeof record)) ? &taken : &refused) += 1;
	assert_int_equal(taken, RING_BYTES / sizeof record);
	assert_int_equal(refused, 2000 - taken);
	assert_int_equal(lost() - before, refused);
	start();
	log_writer_flush();
	assert_true(log_output_write(o, STR("room again\n")));
	log_writer_stop();
	size_t n;
	char *text = slurp(path_of("full"), &n);
	assert_int_equal(n, taken * sizeof record + strlen("room again\n"));
	assert_string_equal(text + taken * sizeof record, "room again\n");
	mem_free(text);
}

static void test_a_record_larger_than_the_ring_is_lost(void **state) {
	(void)state;
	struct log_output *o = open_output(path_of("large"));
	size_t n = RING_BYTES + 1;
	char *record = mem_zalloc(n);
	int64_t before = lost();
	assert_false(log_output_write(o, str_slice(record, n)));
	assert_int_equal(lost() - before, 1);
	mem_free(record);
	log_writer_stop();
}

static void test_a_full_disk_loses_counts_and_does_not_block(void **state) {
	(void)state;
	start();
	struct log_output *full = open_output("/dev/full"), *good = open_output(path_of("beside_full"));
	int64_t before = lost();
	uint64_t from = clock_update();
	for (int i = 0; i < 5000; i++) {
		assert_true(log_output_write(full, STR("nowhere\n")));
		assert_true(log_output_write(good, STR("somewhere\n")));
		if (i % 1000 == 0)
			log_writer_flush();
	}
	log_writer_flush();
	assert_true(clock_update() - from < 10 * USEC_PER_SEC);
	assert_int_equal(lost() - before, 5000);
	log_writer_stop();
	size_t n;
	char *text = slurp(path_of("beside_full"), &n);
	assert_int_equal(n, 5000 * strlen("somewhere\n"));
	mem_free(text);
}

/* A file that may not grow beyond 10 bytes takes the first half of a record. What comes when it may again starts on a line of its own. */
static void test_a_torn_record_gets_its_line_ended(void **state) {
	(void)state;
	struct rlimit small, before_limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before_limit), 0);
	small = before_limit;
	small.rlim_cur = 10;
	start();
	struct log_output *o = open_output(path_of("torn"));
	int64_t before = lost();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_output_write(o, STR("0123456\n"));
	log_output_write(o, STR("abcdefg\n"));
	log_writer_flush();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before_limit), 0);
	assert_int_equal(lost() - before, 1);
	log_output_write(o, STR("whole\n"));
	log_writer_stop();
	assert_file(path_of("torn"), "0123456\nab\nwhole\n");
}

static void test_reopen_after_rename_splits_without_loss(void **state) {
	(void)state;
	char moved[128], path[128];
	snprintf(moved, sizeof moved, "%s", path_of("rotated.1"));
	snprintf(path, sizeof path, "%s", path_of("rotated"));
	start();
	struct log_output *o = open_output(path);
	for (int round = 0; round < 20; round++) {
		char before[32], after[32];
		snprintf(before, sizeof before, "before %d\n", round);
		snprintf(after, sizeof after, "after %d\n", round);
		log_output_write(o, str_from(before));
		log_writer_flush();
		assert_int_equal(rename(path, moved), 0);
		log_writer_reopen();
		log_output_write(o, str_from(after)); /* no flush between: it must go to the new file all the same */
		log_writer_flush();
		assert_file(path, after);
		size_t n;
		char *text = slurp(moved, &n);
		assert_string_equal(text + n - strlen(before), before);
		mem_free(text);
		assert_int_equal(truncate(path, 0), 0);
	}
	log_writer_stop();
}

static char last_event[256];
static void keep_event(struct str line) {
	str_copy(last_event, sizeof last_event, line);
}

static void test_a_reopen_that_fails_keeps_the_old_file(void **state) {
	(void)state;
	char path[128], moved[128];
	snprintf(path, sizeof path, "%s", path_of("gone/log"));
	snprintf(moved, sizeof moved, "%s", path_of("gone_moved"));
	assert_int_equal(mkdir(path_of("gone"), 0700), 0);
	start();
	struct log_output *o = open_output(path);
	assert_int_equal(rename(path_of("gone"), moved), 0);
	log_set_sink(keep_event);
	log_writer_reopen();
	log_output_write(o, STR("still here\n"));
	log_writer_flush();
	log_set_sink(NULL);
	assert_non_null(strstr(last_event, " error log_reopen_failed "));
	assert_non_null(strstr(last_event, "gone/log"));
	log_writer_stop();
	assert_file(path_of("gone_moved/log"), "still here\n");
}

/* ---- many threads ---- */

enum { THREADS = 6, RECORDS = 20000 };

struct producer {
	struct log_output *output;
	int number;
	uint64_t refused;
	pthread_t thread;
};

/* Records of 20 to 139 bytes that say who wrote them, which one it is, and how long it is. */
static void *produce(void *arg) {
	struct producer *p = arg;
	for (int i = 0; i < RECORDS; i++) {
		char record[160];
		int padding = i * 7 % 120;
		int n = snprintf(
		    record, sizeof record, "t%d %06d %03d %.*s\n", p->number, i, padding, padding,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
		    "abcdefghijklmnopqrstuvwxyz");
		p->refused += !log_output_write(p->output, str_slice(record, (size_t)n));
	}
	return NULL;
}

/* Every line whole, each thread's in order; returns how many there are. */
static uint64_t check_lines(struct str text) {
	int last[THREADS];
	uint64_t lines = 0;
	struct str line;
	for (int i = 0; i < THREADS; i++)
		last[i] = -1;
	for (; str_next(&text, '\n', &line); lines++) {
		int thread, number, padding, at = 0;
		char copy[200];
		assert_int_equal(sscanf(str_copy(copy, sizeof copy, line), "t%d %d %d %n", &thread, &number, &padding, &at), 3);
		assert_in_range(thread, 0, THREADS - 1);
		assert_true(number > last[thread]);
		last[thread] = number;
		assert_int_equal(line.n, 14 + padding);
	}
	return lines;
}

static void run_producers(struct producer *producers, struct log_output *o) {
	for (int i = 0; i < THREADS; i++) {
		producers[i] = (struct producer){ .output = o, .number = i };
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
}

static void test_records_of_many_threads_stay_whole(void **state) {
	(void)state;
	struct producer producers[THREADS];
	int64_t before = lost();
	uint64_t refused = 0;
	start();
	run_producers(producers, open_output(path_of("many")));
	log_writer_stop(); /* their threads have ended: what they left is written all the same */
	for (int i = 0; i < THREADS; i++)
		refused += producers[i].refused;
	size_t n;
	char *text = slurp(path_of("many"), &n);
	assert_int_equal(text[n - 1], '\n');
	assert_int_equal(check_lines(str_slice(text, n)) + refused, THREADS * RECORDS);
	assert_int_equal(lost() - before, refused);
	mem_free(text);
}

/* A pipe takes writes in parts; a reader that sips makes the writer stop in the middle of records all the time. */
struct reader {
	int fd;
	struct buf got;
	pthread_t thread;
};

static void *sip(void *arg) {
	struct reader *r = arg;
	ssize_t n;
	while ((n = read(r->fd, buf_reserve(&r->got, 1777), 1777)) > 0)
		r->got.n += (size_t)n;
	return NULL;
}

static void test_short_writes_to_a_pipe_do_not_mix_records(void **state) {
	(void)state;
	struct producer producers[THREADS];
	struct reader r = { 0 };
	int64_t before = lost();
	r.fd = make_fifo("sipped");
	start();
	struct log_output *o = open_output(path_of("sipped"));
	assert_int_equal(fcntl(r.fd, F_SETFL, 0), 0); /* a writer has come: the reads may block now */
	assert_int_equal(pthread_create(&r.thread, NULL, sip, &r), 0);
	run_producers(producers, o);
	log_writer_stop(); /* closes the pipe: the reader sees its end */
	assert_int_equal(pthread_join(r.thread, NULL), 0);
	close(r.fd);
	assert_int_equal(check_lines(buf_str(&r.got)) + (uint64_t)(lost() - before), THREADS * RECORDS);
	buf_fini(&r.got);
}

static void test_a_stuck_pipe_holds_up_neither_others_nor_the_end(void **state) {
	(void)state;
	char record[1024];
	int unread = make_fifo("stuck"), beside = make_fifo("beside_stuck");
	start();
	struct log_output *stuck = open_output(path_of("stuck")), *good = open_output(path_of("beside_stuck"));
	memset(record, 'x', sizeof record);
	record[sizeof record - 1] = '\n';
	int64_t before = lost();
	for (int i = 0; i < 200; i++) /* a pipe holds 64 KiB */
		assert_true(log_output_write(stuck, str_slice(record, sizeof record)));
	assert_true(log_output_write(good, STR("passes\n")));
	struct pollfd readable = { .fd = beside, .events = POLLIN };
	assert_int_equal(poll(&readable, 1, 20000), 1);
	assert_int_equal(read(beside, record, sizeof record), strlen("passes\n"));
	assert_int_equal(lost() - before, 0);
	uint64_t from = clock_update();
	log_writer_stop();
	assert_true(clock_update() - from < 20 * USEC_PER_SEC);
	assert_true(lost() - before >= 200 - 64);
	close(unread);
	close(beside);
}

static void test_a_pipe_without_reader_is_counted(void **state) {
	(void)state;
	int reader = make_fifo("broken");
	start();
	struct log_output *o = open_output(path_of("broken"));
	close(reader);
	int64_t before = lost();
	log_output_write(o, STR("nobody\n")); /* SIGPIPE would end this test */
	log_writer_flush();
	assert_int_equal(lost() - before, 1);
	log_writer_stop();
}

static void *write_one(void *output) {
	log_output_write(output, STR("one\n"));
	return NULL;
}

static void test_threads_that_come_and_go_leave_nothing_behind(void **state) {
	(void)state;
	start();
	struct log_output *o = open_output(path_of("churn"));
	for (int i = 0; i < 500; i++) {
		pthread_t t;
		assert_int_equal(pthread_create(&t, NULL, write_one, o), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
		if (i % 50 == 0)
			log_writer_flush();
	}
	log_writer_stop();
	size_t n;
	char *text = slurp(path_of("churn"), &n);
	assert_int_equal(n, 500 * strlen("one\n"));
	mem_free(text);
}

static int remove_all(void **state) {
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static int make_folder(void **state) {
	(void)state;
	return mkdtemp(folder) == NULL;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_arrive_in_order),
		cmocka_unit_test(test_records_from_before_the_start_are_kept),
		cmocka_unit_test(test_a_file_is_appended_to),
		cmocka_unit_test(test_one_path_is_one_output),
		cmocka_unit_test(test_a_path_that_cannot_be_opened_is_an_error),
		cmocka_unit_test(test_a_full_ring_counts_what_it_loses),
		cmocka_unit_test(test_a_record_larger_than_the_ring_is_lost),
		cmocka_unit_test(test_a_full_disk_loses_counts_and_does_not_block),
		cmocka_unit_test(test_a_torn_record_gets_its_line_ended),
		cmocka_unit_test(test_reopen_after_rename_splits_without_loss),
		cmocka_unit_test(test_a_reopen_that_fails_keeps_the_old_file),
		cmocka_unit_test(test_records_of_many_threads_stay_whole),
		cmocka_unit_test(test_short_writes_to_a_pipe_do_not_mix_records),
		cmocka_unit_test(test_a_stuck_pipe_holds_up_neither_others_nor_the_end),
		cmocka_unit_test(test_a_pipe_without_reader_is_counted),
		cmocka_unit_test(test_threads_that_come_and_go_leave_nothing_behind),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_all);
}
