/* SPDX-License-Identifier: BSD-2-Clause */
/* response.c: each answer cut in two at every place, and a byte at a time, ends as it does in one piece; evidence stays printable. */
#include "health/response.h"

#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static struct cfg_status_range ranges[] = { { 200, 204 }, { 304, 304 } };

static const struct row {
	struct str in, body;
	bool is_cut_off, is_success;
	const char *evidence;
} rows[] = {
	{ STR_INIT("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), STR_INIT(""), false, true, "HTTP 200" },
	{ STR_INIT("HTTP/1.1 304 Not Modified\r\n\r\n"), STR_INIT(""), false, true, "HTTP 304" },
	{ STR_INIT("HTTP/1.1 205 Reset\r\n\r\n"), STR_INIT(""), false, false, "HTTP 205, expected 200-204,304" },
	{ STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), STR_INIT(""), false, true, "HTTP 204" },
	{ STR_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), STR_INIT(""), false, false,
	  "HTTP 101, expected 200-204,304" },
	{ STR_INIT(""), STR_INIT(""), false, false, "closed before the response head" },
	{ STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"), STR_INIT(""), false, false, "closed before the response head" },
	{ STR_INIT("HTTP/1.1 200 OK\r\n"), STR_INIT(""), false, false, "closed within the response head" },
	{ STR_INIT("HTTP/1.1 200 OK\r\r\nX: y"), STR_INIT(""), false, false, "malformed response: " },
	{ STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall ok"), STR_INIT("all ok"), false, true, "HTTP 200" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall no ok, beyond"), STR_INIT("ok"), false, false,
	  "HTTP 200, body lacks \"ok\" (6 bytes)" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall"), STR_INIT("ok"), false, false,
	  "HTTP 200, closed within the body" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), STR_INIT("ok"), false, false,
	  "HTTP 200, body lacks \"ok\" (0 bytes)" },
	{ STR_INIT("HTTP/1.1 204 No Content\r\n\r\nok"), STR_INIT("ok"), false, false, "HTTP 204, body lacks \"ok\" (0 bytes)" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\n\r\n"), STR_INIT("ok"),
	  false, true, "HTTP 200" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokBAD"), STR_INIT("ok"), false, true, "HTTP 200" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\nok"), STR_INIT("ok"), false, false,
	  "HTTP 200, body lacks \"ok\" (2 bytes)" },
	{ STR_INIT("HTTP/1.0 200 OK\r\n\r\nfine"), STR_INIT("ok"), false, false, "HTTP 200, body lacks \"ok\" (4 bytes)" },
	{ STR_INIT("HTTP/1.0 200 OK\r\n\r\nfine"), STR_INIT("ok"), true, false,
	  "HTTP 200, body cut off: closed without close_notify" },
	{ STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"), STR_INIT(""), false, false,
	  "malformed response: " },
	{ STR_INIT("HTTP/1.0 200 OK\r\n\r\n"), STR_INIT("a text that is far too long for one line of a log\n"), false, false,
	  "HTTP 200, body lacks \"a text that is far too long for one line...\" (0 bytes)" },
};

static void judge(struct response *r, const struct expectation *x, const struct row *row, size_t first, size_t piece) {
	struct str in = row->in;
	response_init(r, x, HTTP_METHOD_GET);
	while (in.n > 0) {
		size_t n = first < in.n ? first : in.n;
		if (n > 0)
			response_feed(r, str_slice(in.p, n));
		in = str_skip(in, n);
		first = piece;
	}
	response_end(r, !row->is_cut_off);
	response_fini(r);
}

static void test_cut_anywhere(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct expectation x = { .status = { ranges, COUNT_OF(ranges) }, .body = row->body };
		expectation_describe(&x);
		for (size_t cut = 0; cut <= row->in.n + 1; cut++) {
			struct response r;
			if (cut <= row->in.n)
				judge(&r, &x, row, cut, SIZE_MAX);
			else
				judge(&r, &x, row, 1, 1);
			if (r.is_success != row->is_success || strncmp(r.evidence, row->evidence, strlen(row->evidence)) != 0)
				fail_msg("row %zu, cut %zu: %d \"%s\", expected \"%s\"", i, cut, r.is_success, r.evidence,
				         row->evidence);
		}
	}
}

/* The text begins in the last bytes that are looked at; one byte later it is out of sight. */
static void test_window(void **state) {
	(void)state;
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	const struct expectation x = { .status = { ranges, COUNT_OF(ranges) }, .body = STR("needle") };
	for (size_t late = 0; late < 2; late++) {
		struct buf in = { 0 };
		struct response r;
		buf_add(&in, str_from(head));
		memset(buf_reserve(&in, RESPONSE_BODY_BYTES), '.', RESPONSE_BODY_BYTES);
		in.n += RESPONSE_BODY_BYTES - x.body.n + late;
		buf_add(&in, x.body);
		response_init(&r, &x, HTTP_METHOD_GET);
		assert_true(response_feed(&r, buf_str(&in)));
		assert_int_equal(r.is_success, !late);
		assert_string_equal(r.evidence, late ? "HTTP 200, body lacks \"needle\" (first 64 KiB)" : "HTTP 200");
		response_fini(&r);
		buf_fini(&in);
	}
}

/* The text alone is enough to decide, though the body goes on. */
static void test_early(void **state) {
	(void)state;
	const struct expectation x = { .status = { ranges, COUNT_OF(ranges) }, .body = STR("ok") };
	struct response r;
	response_init(&r, &x, HTTP_METHOD_GET);
	assert_false(response_feed(&r, STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n..o")));
	assert_true(response_feed(&r, STR("k")));
	assert_true(r.is_success);
	response_fini(&r);
}

static void test_status_text_is_clipped(void **state) {
	(void)state;
	struct cfg_status_range many[40];
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct cfg_status_range){ 200, 200 };
	struct expectation x = { .status = { many, COUNT_OF(many) } };
	expectation_describe(&x);
	assert_true(strlen(x.status_text) < sizeof x.status_text);
	assert_true(str_ends(str_from(x.status_text), STR("200...")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_status_text_is_clipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
