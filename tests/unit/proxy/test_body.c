/* SPDX-License-Identifier: BSD-2-Clause */
/* Body readers: any split of the input gives the same body and the same end. Spans on a socket: what it does not take waits. */
#include "proxy/body.h"

#include "steerway/base/buf.h"
#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct body_case {
	struct http_framing framing;
	bool is_raw;
	struct str in, body;
	size_t used; /* bytes of `in` that belong to the body */
	enum parse ends;
};

static const struct body_case cases[] = {
	{ { .body = HTTP_BODY_NONE }, false, STR_INIT("GET /"), STR_INIT(""), 0, PARSE_DONE },
	{ { .body = HTTP_BODY_LENGTH, .length = 5 }, false, STR_INIT("helloGET /"), STR_INIT("hello"), 5, PARSE_DONE },
	{ { .body = HTTP_BODY_LENGTH, .length = 9 }, false, STR_INIT("hello"), STR_INIT("hello"), 5, PARSE_MORE },
	{ { .body = HTTP_BODY_UNTIL_CLOSE }, false, STR_INIT("hello"), STR_INIT("hello"), 5, PARSE_MORE },
	{ { .body = HTTP_BODY_CHUNKED },
	  false,
	  STR_INIT("5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\nGET /"),
	  STR_INIT("hello!"),
	  31,
	  PARSE_DONE },
	{ { .body = HTTP_BODY_CHUNKED },
	  true,
	  STR_INIT("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET /"),
	  STR_INIT("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"),
	  21,
	  PARSE_DONE },
	{ { .body = HTTP_BODY_CHUNKED },
	  true,
	  STR_INIT("5\r\nhello\r\n1\r\n!"),
	  STR_INIT("5\r\nhello\r\n1\r\n!"),
	  14,
	  PARSE_MORE },
};

/* Reads `in` in pieces of `step` bytes, as they would arrive. */
static enum parse read_in_steps(const struct body_case *c, size_t step, struct buf *body, size_t *consumed) {
	struct body_reader r = { 0 };
	body_reader_init(&r, &c->framing, c->is_raw);
	enum parse p = PARSE_MORE;
	size_t at = 0, have = 0;
	while (p == PARSE_MORE && have < c->in.n) {
		have = have + step < c->in.n ? have + step : c->in.n;
		size_t used;
		do {
			struct str span;
			used = 0;
			p = body_reader_next(&r, str_slice(c->in.p + at, have - at), &used, &span);
			buf_add(body, span);
			at += used;
		} while (p == PARSE_MORE && used > 0 && at < have);
	}
	body_reader_fini(&r);
	*consumed = at;
	return p;
}

static void test_any_split_gives_the_same_body(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (size_t step = 1; step <= cases[i].in.n; step++) {
			struct buf body = { 0 };
			size_t consumed = 0;
			assert_int_equal(read_in_steps(&cases[i], step, &body, &consumed), cases[i].ends);
			assert_int_equal(consumed, cases[i].used);
			assert_true(str_eq(buf_str(&body), cases[i].body));
			buf_fini(&body);
		}
	}
}

static void test_bad_chunk_is_bad(void **state) {
	(void)state;
	struct body_case c = { .framing = { .body = HTTP_BODY_CHUNKED }, .is_raw = true, .in = STR("5\r\nhelloX") };
	struct buf body = { 0 };
	size_t consumed;
	assert_int_equal(read_in_steps(&c, 3, &body, &consumed), PARSE_BAD);
	buf_fini(&body);
}

static void test_pending(void **state) {
	(void)state;
	struct pending *p = NULL;
	assert_true(str_eq(pending_str(p), STR("")));
	p = pending_add(p, STR("hello"));
	p = pending_consume(p, 2);
	for (int i = 0; i < 1000; i++)
		p = pending_add(p, STR("abc"));
	assert_int_equal(pending_str(p).n, 3003);
	assert_true(str_starts(pending_str(p), STR("lloabc")));
	assert_null(pending_consume(p, 3003));
}

static void on_ready(struct stream *s) {
	(void)s;
}

/* A peer that does not read: everything that was given must arrive, in order, once it does. */
static void test_spans_wait_for_a_slow_peer(void **state) {
	(void)state;
	struct err e;
	struct loop *l = loop_create(&e);
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	struct stream s;
	assert_int_equal(stream_open(&s, l, fds[0], on_ready, &e), 0);
	static char payload[300 * 1000];
	memset(payload, 'p', sizeof(payload));
	struct pending *out = NULL;
	struct buf expected = { 0 };
	int r = 0;
	for (int i = 0; i < 4; i++) {
		r = h1_send_span(&s, &out, i == 0 ? STR("HEAD") : STR_NONE, str_slice(payload, sizeof(payload)), true, i == 3, STR_NONE);
		if (i == 0)
			buf_add(&expected, STR("HEAD"));
		buf_add(&expected, STR("493e0\r\n"));
		buf_add(&expected, str_slice(payload, sizeof(payload)));
		buf_add(&expected, i == 3 ? STR("\r\n0\r\n\r\n") : STR("\r\n"));
	}
	assert_int_equal(r, STREAM_AGAIN);
	assert_non_null(out);
	struct buf got = { 0 };
	while (got.n < expected.n) {
		ssize_t n = recv(fds[1], buf_reserve(&got, 65536), 65536, MSG_DONTWAIT);
		if (n > 0)
			got.n += (size_t)n;
		r = pending_flush(&s, &out);
		assert_true(r == 0 || r == STREAM_AGAIN);
		assert_true(n > 0 || out);
	}
	assert_null(out);
	assert_true(str_eq(buf_str(&got), buf_str(&expected)));
	buf_fini(&got);
	buf_fini(&expected);
	stream_close(&s);
	close(fds[1]);
	loop_destroy(l);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_split_gives_the_same_body),
		cmocka_unit_test(test_bad_chunk_is_bad),
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_spans_wait_for_a_slow_peer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
