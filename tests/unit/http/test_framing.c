/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9112 6 (body length), 9 (persistence), RFC 9110 7.2 (Host), 7.8 (Upgrade), 10.1.1 (Expect). */
#include "http_case.h"

struct row {
	const char *name;
	struct str in; /* request: the field lines behind a request line, response: the whole head without its empty line */
	enum http_fault fault;
	enum http_body body;
	uint64_t length;
	char flags[8]; /* k keep-alive, e expect-continue, u upgrade */
	enum http_method method;
};

#define HOST "Host: a\r\n"
#define R11 "GET / HTTP/1.1\r\n"
#define R10 "GET / HTTP/1.0\r\n"
#define OK(name, in, body, length, flags)                                                                                        \
	{ name, STR_INIT(in), HTTP_FAULT_NONE, HTTP_BODY_##body, length, flags, HTTP_METHOD_GET }
#define BAD(name, in, fault)                                                                                                     \
	{ name, STR_INIT(in), HTTP_FAULT_##fault, HTTP_BODY_NONE, 0, "", HTTP_METHOD_GET }
#define TO(method, name, in, body, length, flags)                                                                                \
	{ name, STR_INIT(in), HTTP_FAULT_NONE, HTTP_BODY_##body, length, flags, HTTP_METHOD_##method }

static const struct row requests[] = {
	OK("6.3 neither", R11 HOST, NONE, 0, "k"),
	OK("6.2 length", R11 HOST "Content-Length: 42\r\n", LENGTH, 42, "k"),
	OK("6.2 length 0", R11 HOST "Content-Length: 0\r\n", LENGTH, 0, "k"),
	OK("6.2 the largest length", R11 HOST "Content-Length: 9223372036854775807\r\n", LENGTH, INT64_MAX, "k"),
	BAD("6.2 2^63", R11 HOST "Content-Length: 9223372036854775808\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 2^64 + 5", R11 HOST "Content-Length: 18446744073709551621\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 empty", R11 HOST "Content-Length:\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 list", R11 HOST "Content-Length: 5, 5\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 plus", R11 HOST "Content-Length: +5\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 minus", R11 HOST "Content-Length: -5\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 hexadecimal", R11 HOST "Content-Length: 0x5\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 junk behind", R11 HOST "Content-Length: 5a\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 space within", R11 HOST "Content-Length: 5 6\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 leading zero", R11 HOST "Content-Length: 010\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 fraction", R11 HOST "Content-Length: 5.0\r\n", CONTENT_LENGTH_BAD),
	BAD("6.2 quoted", R11 HOST "Content-Length: \"5\"\r\n", CONTENT_LENGTH_BAD),
	BAD("6.3 two that differ", R11 HOST "Content-Length: 5\r\nContent-Length: 6\r\n", CONTENT_LENGTH_REPEATED),
	BAD("6.3 two that agree", R11 HOST "Content-Length: 5\r\ncontent-length: 5\r\n", CONTENT_LENGTH_REPEATED),
	OK("6.1 chunked", R11 HOST "Transfer-Encoding: chunked\r\n", CHUNKED, 0, "k"),
	OK("6.1 case", R11 HOST "Transfer-Encoding: CHUNKED\r\n", CHUNKED, 0, "k"),
	BAD("6.1 with a length", R11 HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LENGTH_AND_CODING),
	BAD("6.1 with a length behind", R11 HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LENGTH_AND_CODING),
	BAD("6.1 gzip", R11 HOST "Transfer-Encoding: gzip\r\n", CODING_UNSUPPORTED),
	BAD("6.1 identity", R11 HOST "Transfer-Encoding: identity\r\n", CODING_UNSUPPORTED),
	BAD("6.1 gzip, chunked", R11 HOST "Transfer-Encoding: gzip, chunked\r\n", CODING_UNSUPPORTED),
	BAD("6.1 xchunked", R11 HOST "Transfer-Encoding: xchunked\r\n", CODING_UNSUPPORTED),
	BAD("6.1 chunked, gzip", R11 HOST "Transfer-Encoding: chunked, gzip\r\n", CODING_BAD),
	BAD("6.1 chunked twice", R11 HOST "Transfer-Encoding: chunked, chunked\r\n", CODING_BAD),
	BAD("6.1 chunked in two lines", R11 HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CODING_BAD),
	BAD("6.1 chunked, then identity", R11 HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CODING_BAD),
	BAD("6.1 identity, then chunked", R11 HOST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
	    CODING_UNSUPPORTED),
	BAD("6.1 empty", R11 HOST "Transfer-Encoding:\r\n", CODING_BAD),
	BAD("6.1 comma behind", R11 HOST "Transfer-Encoding: chunked,\r\n", CODING_BAD),
	BAD("6.1 comma before", R11 HOST "Transfer-Encoding: ,chunked\r\n", CODING_BAD),
	BAD("6.1 parameter", R11 HOST "Transfer-Encoding: chunked;a=b\r\n", CODING_BAD),
	BAD("6.1 quoted", R11 HOST "Transfer-Encoding: \"chunked\"\r\n", CODING_BAD),
	BAD("6.1 space within", R11 HOST "Transfer-Encoding: chunked x\r\n", CODING_BAD),
	BAD("6.1 HTTP/1.0", R10 HOST "Transfer-Encoding: chunked\r\n", CODING_WITH_HTTP10),
	BAD("3.2 no Host", R11, HOST_MISSING),
	OK("3.2 no Host in HTTP/1.0", R10, NONE, 0, ""),
	BAD("3.2 two Hosts", R11 HOST HOST, HOST_REPEATED),
	BAD("3.2 two Hosts in HTTP/1.0", R10 HOST HOST, HOST_REPEATED),
	BAD("3.2 empty Host", R11 "Host:\r\n", HOST_BAD),
	BAD("3.2 list of hosts", R11 "Host: a, b\r\n", HOST_BAD),
	BAD("3.2 host with a path", R11 "Host: a/b\r\n", HOST_BAD),
	BAD("3.2 host with a user", R11 "Host: u@a\r\n", HOST_BAD),
	OK("3.2 host and port", R11 "Host: a.example:8080\r\n", NONE, 0, "k"),
	OK("9.3 close", R11 HOST "Connection: close\r\n", NONE, 0, ""),
	OK("9.3 Close in a list", R11 HOST "Connection: x, Close\r\n", NONE, 0, ""),
	OK("9.3 close in a second line", R11 HOST "Connection: keep-alive\r\nConnection: close\r\n", NONE, 0, ""),
	OK("9.3 closed is another word", R11 HOST "Connection: closed\r\n", NONE, 0, "k"),
	OK("9.3 HTTP/1.0 keep-alive", R10 "Connection: Keep-Alive\r\n", NONE, 0, "k"),
	OK("9.3 HTTP/1.0 both", R10 "Connection: keep-alive, close\r\n", NONE, 0, ""),
	OK("10.1.1 expect", R11 HOST "Expect: 100-continue\r\nContent-Length: 5\r\n", LENGTH, 5, "ke"),
	OK("10.1.1 case", R11 HOST "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", CHUNKED, 0, "ke"),
	OK("10.1.1 no body", R11 HOST "Expect: 100-continue\r\n", NONE, 0, "k"),
	OK("10.1.1 HTTP/1.0", R10 HOST "Expect: 100-continue\r\nContent-Length: 5\r\n", LENGTH, 5, ""),
	BAD("10.1.1 other", R11 HOST "Expect: 200-ok\r\n", EXPECTATION_UNSUPPORTED),
	BAD("10.1.1 one of two", R11 HOST "Expect: 100-continue\r\nExpect: x\r\n", EXPECTATION_UNSUPPORTED),
	OK("7.8 upgrade", R11 HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n", NONE, 0, "ku"),
	OK("7.8 not named", R11 HOST "Upgrade: websocket\r\n", NONE, 0, "k"),
	OK("7.8 nothing named", R11 HOST "Connection: upgrade\r\n", NONE, 0, "k"),
	OK("7.8 HTTP/1.0", R10 HOST "Connection: upgrade, keep-alive\r\nUpgrade: websocket\r\n", NONE, 0, "k"),
	OK("32 options", R11 HOST "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,close\r\n", NONE, 0,
	   ""),
	BAD("33 options", R11 HOST "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n",
	    CONNECTION_BAD),
};

#define S(status) "HTTP/1.1 " status " x\r\n"
static const struct row responses[] = {
	OK("6.3 length", S("200") "Content-Length: 3\r\n", LENGTH, 3, "k"),
	OK("6.3 chunked", S("200") "Transfer-Encoding: chunked\r\n", CHUNKED, 0, "k"),
	OK("6.3 until close", S("200"), UNTIL_CLOSE, 0, ""),
	OK("6.3 until close in spite of keep-alive", "HTTP/1.0 200 x\r\nConnection: keep-alive\r\n", UNTIL_CLOSE, 0, ""),
	OK("9.3 HTTP/1.0 keep-alive", "HTTP/1.0 200 x\r\nConnection: keep-alive\r\nContent-Length: 3\r\n", LENGTH, 3, "k"),
	OK("9.3 close", S("200") "Content-Length: 3\r\nConnection: close\r\n", LENGTH, 3, ""),
	OK("6.3 204", S("204"), NONE, 0, "k"),
	OK("6.3 204 with a length", S("204") "Content-Length: 3\r\n", NONE, 0, "k"),
	OK("6.3 304 with a length", S("304") "Content-Length: 3\r\n", NONE, 0, "k"),
	OK("6.3 100", S("100"), NONE, 0, "k"),
	OK("6.3 101", S("101") "Connection: upgrade\r\nUpgrade: websocket\r\n", NONE, 0, "ku"),
	TO(HEAD, "6.3 answer to HEAD", S("200") "Content-Length: 3\r\n", NONE, 0, "k"),
	TO(HEAD, "6.3 chunked answer to HEAD", S("200") "Transfer-Encoding: chunked\r\n", NONE, 0, "k"),
	TO(CONNECT, "6.3 2xx to CONNECT", S("200") "Content-Length: 3\r\n", NONE, 0, "k"),
	TO(CONNECT, "6.3 4xx to CONNECT", S("403") "Content-Length: 3\r\n", LENGTH, 3, "k"),
	OK("a Host in a response has no say", S("200") "Content-Length: 3\r\nHost: ,,\r\nHost: b\r\nExpect: x\r\n", LENGTH, 3,
	   "k"),
	BAD("6.3 both", S("200") "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", LENGTH_AND_CODING),
	BAD("6.3 two lengths", S("200") "Content-Length: 3\r\nContent-Length: 3\r\n", CONTENT_LENGTH_REPEATED),
	BAD("6.2 list", S("200") "Content-Length: 3, 3\r\n", CONTENT_LENGTH_BAD),
	BAD("6.1 gzip, chunked", S("200") "Transfer-Encoding: gzip, chunked\r\n", CODING_UNSUPPORTED),
	BAD("6.1 HTTP/1.0", "HTTP/1.0 200 x\r\nTransfer-Encoding: chunked\r\n", CODING_WITH_HTTP10),
	BAD("6.2 odd length in a 304", S("304") "Content-Length: x\r\n", CONTENT_LENGTH_BAD),
};

static void rows_check(head_parser parser, const struct row *rows, size_t n) {
	for (size_t i = 0; i < n; i++) {
		char text[1024];
		struct head_case c;
		struct http_framing f = { 0 };
		int bytes = snprintf(text, sizeof text, "%.*s\r\n", STR_ARG(rows[i].in));
		head_case_parse(&c, parser, str_slice(text, (size_t)bytes), &limits_usual);
		if (c.result != PARSE_DONE)
			fail_msg("%s: the head is refused: %s", rows[i].name, http_fault_text(c.head.fault));
		enum http_fault fault = parser == h1_request_parse ? http_request_framing(&c.head, &f)
		                                                   : http_response_framing(&c.head, rows[i].method, &f);
		if (fault != rows[i].fault)
			fail_msg("%s: fault: %s", rows[i].name, http_fault_text(fault));
		char flags[8] = "";
		snprintf(flags, sizeof flags, "%s%s%s", f.keep_alive ? "k" : "", f.expect_continue ? "e" : "",
		         f.has_upgrade ? "u" : "");
		if (fault == HTTP_FAULT_NONE &&
		    (f.body != rows[i].body || f.length != rows[i].length || strcmp(flags, rows[i].flags) != 0))
			fail_msg("%s: body %d, length %llu, flags %s", rows[i].name, (int)f.body, (unsigned long long)f.length,
			         flags);
		head_case_fini(&c);
	}
}

static void test_requests(void **state) {
	(void)state;
	rows_check(h1_request_parse, requests, COUNT_OF(requests));
}

static void test_responses(void **state) {
	(void)state;
	rows_check(h1_response_parse, responses, COUNT_OF(responses));
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_requests), cmocka_unit_test(test_responses) };
	return cmocka_run_group_tests_name("http/framing", tests, NULL, NULL);
}
