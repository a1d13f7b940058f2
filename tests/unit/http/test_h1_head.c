/* SPDX-License-Identifier: BSD-2-Clause */
/* Request and response heads by the sections of RFC 9112; each case whole, cut at every byte, and byte by byte. */
#include "http_case.h"

struct row {
	const char *name;
	struct str in;
	enum http_fault fault; /* HTTP_FAULT_NONE: DONE, or MORE when `is_more` */
	bool is_more;
};

#define OK(name, in)                                                                                                             \
	{ name, STR_INIT(in), HTTP_FAULT_NONE, false }
#define MORE(name, in)                                                                                                           \
	{ name, STR_INIT(in), HTTP_FAULT_NONE, true }
#define BAD(name, in, fault)                                                                                                     \
	{ name, STR_INIT(in), HTTP_FAULT_##fault, false }
#define REQ "GET / HTTP/1.1\r\n"
#define RES "HTTP/1.1 200 OK\r\n"
#define X32 "abcdefghijklmnopqrstuvwxyzABCDEF"
#define X128 X32 X32 X32 X32
#define X512 X128 X128 X128 X128
#define F4 "a:1\r\nb:2\r\nc:3\r\nd:4\r\n"
#define F16 F4 F4 F4 F4

static const struct row requests[] = {
	OK("3 plain", REQ "Host: a\r\n\r\n"),
	OK("3 no field", REQ "\r\n"),
	OK("3 HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
	OK("3 other method", "PROPFIND /x HTTP/1.1\r\n\r\n"),
	OK("3.1 method of 32 bytes", X32 " / HTTP/1.1\r\n\r\n"),
	OK("3.1 every kind of tchar", "!#$%&'*+-.^_`|~09 / HTTP/1.1\r\n\r\n"),
	OK("3.2 asterisk", "OPTIONS * HTTP/1.1\r\n\r\n"),
	OK("3.2 target of 512 bytes", "GET " X512 " HTTP/1.1\r\n\r\n"),
	OK("2.2 one empty line before", "\r\n" REQ "\r\n"),
	OK("2.2 two empty lines before", "\r\n\r\n" REQ "\r\n"),
	OK("2.1 body bytes behind", REQ "\r\n\0\n\rxyz"),
	OK("5 empty value", REQ "A:\r\nB: \r\nC:\t \r\n\r\n"),
	OK("5 white space around the value", REQ "A: \t b c\t \r\n\r\n"),
	OK("5 HTAB within the value", REQ "A: b\tc\r\n\r\n"),
	OK("5.5 obs-text", REQ "A: \x80\xff\r\n\r\n"),
	OK("5 colon in the value", REQ "A: b:c:d\r\n\r\n"),
	OK("5 long name", REQ X128 ": x\r\n\r\n"),
	OK("5 name of 31 bytes", REQ "abcdefghijklmnopqrstuvwxyz12345: x\r\n\r\n"),
	OK("5 name of 32 bytes", REQ X32 ": x\r\n\r\n"),
	OK("5 name of 33 bytes", REQ X32 "g: x\r\n\r\n"),
	OK("5 16 fields fill the table", REQ F16 "\r\n"),

	MORE("empty", ""),
	MORE("half an empty line", "\r"),
	MORE("one empty line", "\r\n"),
	MORE("two empty lines", "\r\n\r\n"),
	MORE("method", "GET"),
	MORE("other method", "PROPF"),
	MORE("method and space", "GET "),
	MORE("target", "GET /abc"),
	MORE("before the version", "GET /abc "),
	MORE("half a version", "GET /abc HTTP/1"),
	MORE("version", "GET /abc HTTP/1.1"),
	MORE("version and CR", "GET /abc HTTP/1.1\r"),
	MORE("request line", REQ),
	MORE("half a name", REQ "Hos"),
	MORE("name", REQ "Host:"),
	MORE("half a value", REQ "Host: a"),
	MORE("value and CR", REQ "Host: a\r"),
	MORE("field line", REQ "Host: a\r\n"),
	MORE("half an end", REQ "Host: a\r\n\r"),

	BAD("TLS ClientHello", "\x16", BAD_METHOD),
	BAD("TLS ClientHello, more of it", "\x16\x03\x01\x02\x00", BAD_METHOD),
	BAD("NUL at the start", "\0", BAD_METHOD),
	BAD("SSH client", "SSH-2.0-x\r\n", BAD_METHOD),
	BAD("3 space at the start", " GET / HTTP/1.1\r\n\r\n", BAD_METHOD),
	BAD("3.1 method of 33 bytes", X32 "g", BAD_METHOD),
	BAD("3.1 delimiter in the method", "GE(T / HTTP/1.1\r\n\r\n", BAD_METHOD),
	BAD("3.1 HTAB after the method", "GET\t/ HTTP/1.1\r\n\r\n", BAD_METHOD),
	BAD("2.2 three empty lines before", "\r\n\r\n\r\n" REQ "\r\n", BAD_METHOD),
	BAD("2.2 empty line with a bare LF", "\n" REQ "\r\n", BARE_LF),
	BAD("2.2 bare CR before the request", "\rGET / HTTP/1.1\r\n\r\n", BARE_CR),
	BAD("3 HTTP/0.9", "GET /\r\n", BAD_REQUEST_LINE),
	BAD("3 HTTP/0.9 with LF", "GET /\n", BARE_LF),
	BAD("3 two spaces", "GET  / HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3 HTAB in the target", "GET /a\tb HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3 space in the target", "GET /a b HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3.2 DEL in the target", "GET /a\x7f HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3.2 NUL in the target", "GET /a\0 HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3.2 UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3.2 UTF-8 far in the target", "GET /0123456789abcdef0123\xc3\xa4 HTTP/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3.2 target of 513 bytes", "GET " X512 "g HTTP/1.1\r\n\r\n", TARGET_TOO_LONG),
	BAD("2.3 HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION_UNSUPPORTED),
	BAD("2.3 HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", VERSION_UNSUPPORTED),
	BAD("2.3 HTTP/0.9 written out", "GET / HTTP/0.9\r\n\r\n", VERSION_UNSUPPORTED),
	BAD("2.3 HTTP/3.0", "GET / HTTP/3.0\r\n\r\n", VERSION_UNSUPPORTED),
	BAD("2.3 HTTP/10.1", "GET / HTTP/10.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("2.3 HTTP/1.10", "GET / HTTP/1.10\r\n\r\n", BAD_REQUEST_LINE),
	BAD("2.3 HTTP/1.", "GET / HTTP/1.\r\n\r\n", BAD_REQUEST_LINE),
	BAD("2.3 http/1.1", "GET / http/1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("2.3 sign in the version", "GET / HTTP/+1.1\r\n\r\n", BAD_REQUEST_LINE),
	BAD("2.3 another protocol", "GET / RTSP/1.0\r\n\r\n", BAD_REQUEST_LINE),
	BAD("3 space after the version", "GET / HTTP/1.1 \r\n\r\n", BAD_REQUEST_LINE),
	BAD("3 bare LF after the version", "GET / HTTP/1.1\n\r\n", BARE_LF),
	BAD("3 bare CR after the version", "GET / HTTP/1.1\rHost: a\r\n\r\n", BARE_CR),
	BAD("2.2 all lines end in LF", "GET / HTTP/1.1\nHost: a\n\n", BARE_LF),
	BAD("2.2 bare LF after a field", REQ "Host: a\nB: c\r\n\r\n", BARE_LF),
	BAD("2.2 bare LF as the end", REQ "Host: a\r\n\n", BARE_LF),
	BAD("2.2 bare CR in a value", REQ "Host: a\rb\r\n\r\n", BARE_CR),
	BAD("2.2 two CR", REQ "Host: a\r\r\n\r\n", BARE_CR),
	BAD("2.2 bare CR as the end", REQ "Host: a\r\n\rX", BARE_CR),
	BAD("2.2 white space before the first field", REQ " Host: a\r\n\r\n", OBS_FOLD),
	BAD("5.2 obs-fold with a space", REQ "A: b\r\n c\r\n\r\n", OBS_FOLD),
	BAD("5.2 obs-fold with HTAB", REQ "A: b\r\n\tc: d\r\n\r\n", OBS_FOLD),
	BAD("5.2 line of white space", REQ "A: b\r\n \r\n\r\n", OBS_FOLD),
	BAD("5.1 space before the colon", REQ "Host : a\r\n\r\n", SPACE_BEFORE_COLON),
	BAD("5.1 HTAB before the colon", REQ "Content-Length\t: 5\r\n\r\n", SPACE_BEFORE_COLON),
	BAD("5.1 space within the name", REQ "Ho st: a\r\n\r\n", SPACE_BEFORE_COLON),
	BAD("5.1 empty name", REQ ": a\r\n\r\n", BAD_FIELD_NAME),
	BAD("5 no colon", REQ "Host\r\n\r\n", BAD_FIELD_NAME),
	BAD("5 no colon, long line behind", REQ "Host\r\nA: 0123456789012345678901234567890123456789\r\n\r\n", BAD_FIELD_NAME),
	BAD("5.1 control byte in the name", REQ "Ho\x01st: a\r\n\r\n", BAD_FIELD_NAME),
	BAD("5.1 CR for the hyphen of a known name", REQ "Content\rLength: 0123456789012345678901234567890123456789\r\n\r\n",
	    BAD_FIELD_NAME),
	BAD("5.1 NUL in the name", REQ "Ho\0st: a\r\n\r\n", BAD_FIELD_NAME),
	BAD("5.1 obs-text in the name", REQ "H\xf6st: a\r\n\r\n", BAD_FIELD_NAME),
	BAD("5.1 delimiter in the name", REQ "Host(): a\r\n\r\n", BAD_FIELD_NAME),
	BAD("5.5 NUL in the value", REQ "A: b\0c\r\n\r\n", BAD_FIELD_VALUE),
	BAD("5.5 DEL in the value", REQ "A: b\x7f\r\n\r\n", BAD_FIELD_VALUE),
	BAD("5.5 VT in the value", REQ "A: \x0b chunked\r\n\r\n", BAD_FIELD_VALUE),
	BAD("5.5 control byte far in the value", REQ "A: 0123456789abcdef0123456789abcdef012\x1f\r\n\r\n", BAD_FIELD_VALUE),
	BAD("5.5 control byte after HTAB", REQ "A: 0123456789\tabcdef0123456789abcdef012\x1f\r\n\r\n", BAD_FIELD_VALUE),
	BAD("17 fields", REQ F16 "e:5\r\n\r\n", TOO_MANY_FIELDS),
	OK("head of 2048 bytes", REQ "A: " X512 X512 X512 "\r\nB: " X128 X128 X128 X32 X32 X32 "1234\r\n\r\n"),
	BAD("head of 2049 bytes", REQ "A: " X512 X512 X512 "\r\nB: " X128 X128 X128 X32 X32 X32 "12345\r\n\r\n", HEAD_TOO_LARGE),
	BAD("fault before the limit of the head", REQ "A: \x01" X512 X512 X512 X512 "\r\n\r\n", BAD_FIELD_VALUE),
};

static const struct row responses[] = {
	OK("4 plain", RES "Server: x\r\n\r\n"),
	OK("4 empty reason", "HTTP/1.1 204 \r\n\r\n"),
	OK("4 no reason, no space", "HTTP/1.1 204\r\n\r\n"),
	OK("4 obs-text and HTAB in the reason", "HTTP/1.0 200 \xe9\tb\r\n\r\n"),
	OK("4 100", "HTTP/1.1 100 Continue\r\n\r\n"),
	OK("4 599", "HTTP/1.1 599 x\r\n\r\n"),
	MORE("4 half a status", "HTTP/1.1 20"),
	MORE("4 status", "HTTP/1.1 200"),
	MORE("4 status and space", "HTTP/1.1 200 "),
	MORE("4 no end", RES "A: b\r\n"),
	BAD("4 099", "HTTP/1.1 099 x\r\n\r\n", BAD_STATUS),
	BAD("4 600", "HTTP/1.1 600 x\r\n\r\n", BAD_STATUS),
	BAD("4 four digits", "HTTP/1.1 2000 x\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 two digits", "HTTP/1.1 20 x\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 sign", "HTTP/1.1 +20 x\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 two spaces before the status", "HTTP/1.1  200 x\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 HTAB before the status", "HTTP/1.1\t200 x\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 no status", "HTTP/1.1\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 reason without a space", "HTTP/1.1 200OK\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 control byte in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 bare LF", "HTTP/1.1 200 OK\n\n", BARE_LF),
	BAD("4 bare CR", "HTTP/1.1 200 O\rK\r\n\r\n", BARE_CR),
	BAD("4 ICY", "ICY 200 OK\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", VERSION_UNSUPPORTED),
	BAD("4 empty line before", "\r\nHTTP/1.1 200 OK\r\n\r\n", BAD_STATUS_LINE),
	BAD("4 body without a head", "<html>", BAD_STATUS_LINE),
	BAD("5 space before the colon", RES "A : b\r\n\r\n", SPACE_BEFORE_COLON),
	BAD("5 obs-fold", RES "A: b\r\n c\r\n\r\n", OBS_FOLD),
	BAD("5 NUL", RES "A: \0\r\n\r\n", BAD_FIELD_VALUE),
	BAD("17 fields", RES F16 "e:5\r\n\r\n", TOO_MANY_FIELDS),
};

static void rows_check(head_parser parser, const struct row *rows, size_t n) {
	for (size_t i = 0; i < n; i++) {
		struct head_case c;
		head_case_parse(&c, parser, rows[i].in, &limits_usual);
		enum parse expected = rows[i].fault ? PARSE_BAD : rows[i].is_more ? PARSE_MORE : PARSE_DONE;
		if (c.result != expected || (expected == PARSE_BAD && c.head.fault != rows[i].fault))
			fail_msg("%s: result %d, fault: %s", rows[i].name, (int)c.result, http_fault_text(c.head.fault));
		if (expected == PARSE_DONE)
			assert_true(c.used > 4 && c.used <= rows[i].in.n);
		head_case_split(&c, parser, rows[i].in, &limits_usual);
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

#define ASSERT_STR(actual, expected)                                                                                             \
	do {                                                                                                                     \
		struct str a_ = (actual);                                                                                        \
		assert_int_equal(a_.n, sizeof(expected) - 1);                                                                    \
		assert_memory_equal(a_.p, expected, a_.n);                                                                       \
	} while (0)

static void test_slices(void **state) {
	static const char in[] = "\r\nPOST /a?b=c HTTP/1.0\r\nhOST: ex.org \r\nX-Odd:1\r\nContent-Length:\t 3\r\n\r\nabc";
	struct head_case c;
	(void)state;
	head_case_parse(&c, h1_request_parse, str_slice(in, sizeof in - 1), &limits_usual);
	assert_int_equal(c.result, PARSE_DONE);
	assert_int_equal(c.used, sizeof in - 1 - 3);
	assert_int_equal(c.head.method, HTTP_METHOD_POST);
	ASSERT_STR(c.head.method_name, "POST");
	ASSERT_STR(c.head.target, "/a?b=c");
	assert_int_equal(c.head.minor, 0);
	assert_int_equal(c.head.n_fields, 3);
	assert_int_equal(c.fields[0].id, HTTP_FIELD_HOST);
	ASSERT_STR(c.fields[0].name, "hOST");
	ASSERT_STR(c.fields[0].value, "ex.org");
	assert_int_equal(c.fields[1].id, HTTP_FIELD_OTHER);
	ASSERT_STR(c.fields[1].name, "X-Odd");
	assert_int_equal(c.fields[2].id, HTTP_FIELD_CONTENT_LENGTH);
	ASSERT_STR(c.fields[2].value, "3");
	assert_true(http_head_has(&c.head, HTTP_FIELD_HOST) && http_head_has(&c.head, HTTP_FIELD_CONTENT_LENGTH));
	assert_false(http_head_has(&c.head, HTTP_FIELD_TRANSFER_ENCODING));
	assert_ptr_equal(http_field_find(&c.head, HTTP_FIELD_CONTENT_LENGTH), &c.fields[2]);
	assert_null(http_field_find(&c.head, HTTP_FIELD_COOKIE));
	head_case_fini(&c);

	head_case_parse(&c, h1_response_parse, STR("HTTP/1.1 404 Not Found\r\n\r\n"), &limits_usual);
	assert_int_equal(c.result, PARSE_DONE);
	assert_int_equal(c.head.status, 404);
	assert_int_equal(c.head.minor, 1);
	ASSERT_STR(c.head.reason, "Not Found");
	head_case_fini(&c);
}

/* A head of exactly the limit passes, whatever lies behind it; one byte more does not. */
static void test_head_limit(void **state) {
	static const char in[] = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
	struct h1_limits l = { .head_bytes = sizeof in - 1, .target_bytes = 100 };
	struct head_case c;
	(void)state;
	head_case_parse(&c, h1_request_parse, STR("GET / HTTP/1.1\r\nA: b\r\n\r\nGET /next"), &l);
	assert_int_equal(c.result, PARSE_DONE);
	assert_int_equal(c.used, l.head_bytes);
	head_case_fini(&c);
	l.head_bytes--;
	head_case_parse(&c, h1_request_parse, str_slice(in, sizeof in - 1), &l);
	assert_int_equal(c.result, PARSE_BAD);
	assert_int_equal(c.head.fault, HTTP_FAULT_HEAD_TOO_LARGE);
	head_case_split(&c, h1_request_parse, str_slice(in, sizeof in - 1), &l);
	head_case_fini(&c);
}

/* Every byte value at every place of a long name and value, beside what the grammar says: the wide scans agree with it. */
static void test_every_byte_everywhere(void **state) {
	char in[128];
	const size_t name_at = sizeof REQ - 1, name_bytes = 37, value_at = name_at + name_bytes + 1, value_bytes = 37;
	(void)state;
	memcpy(in, REQ, name_at);
	memset(in + name_at, 'n', name_bytes);
	in[name_at + name_bytes] = ':';
	memset(in + value_at, 'v', value_bytes);
	memcpy(in + value_at + value_bytes, "\r\n\r\n", 4);
	size_t n = value_at + value_bytes + 4;
	for (unsigned b = 0; b < 256; b++) {
		bool is_token = b > 0x20 && b < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", (int)b);
		bool is_text = b == '\t' || (b >= 0x20 && b != 0x7f);
		for (size_t i = name_at; i < value_at + value_bytes; i++) {
			struct head_case c;
			if (i == name_at + name_bytes)
				continue;
			char kept = in[i];
			in[i] = (char)b;
			head_case_parse(&c, h1_request_parse, str_slice(in, n), &limits_usual);
			bool is_right = i >= value_at ? is_text : is_token || (b == ':' && i > name_at);
			assert_int_equal(c.result, is_right ? PARSE_DONE : PARSE_BAD);
			in[i] = kept;
			head_case_fini(&c);
		}
	}
}

/* A head that comes byte by byte costs a bounded number of looks at each byte: after a call without an answer all but the
 * newest bytes may be unreadable garbage unless the length passed a power of two. */
static void test_scan_is_linear(void **state) {
	static const char in[] = "GET / HTTP/1.1\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	char garbage[sizeof in];
	struct http_field fields[4];
	struct http_head h = { .fields = fields, .cap_fields = 4 };
	size_t scanned = 0, used;
	(void)state;
	assert_int_equal(h1_request_parse(&h, str_slice(in, 33), &limits_usual, &scanned, &used), PARSE_MORE);
	assert_int_equal(scanned, 33);
	memset(garbage, 0, sizeof garbage);
	for (size_t n = 34; n < 64; n++) {
		memset(garbage + n - 1, 'b', 1);
		assert_int_equal(h1_request_parse(&h, str_slice(garbage, n), &limits_usual, &scanned, &used), PARSE_MORE);
		assert_int_equal(scanned, n);
	}
	assert_int_equal(h1_request_parse(&h, str_slice(garbage, 64), &limits_usual, &scanned, &used), PARSE_BAD);
}

/* Clients that end lines in LF alone would wait for ever for an answer to a head whose end never comes. */
static void test_bare_lf_is_told_at_once(void **state) {
	static const char in[] = REQ "Host: a\n";
	struct http_field fields[4];
	struct http_head h = { .fields = fields, .cap_fields = 4 };
	size_t scanned = 0, used;
	(void)state;
	assert_int_equal(h1_request_parse(&h, str_slice(in, sizeof in - 2), &limits_usual, &scanned, &used), PARSE_MORE);
	assert_int_equal(h1_request_parse(&h, str_slice(in, sizeof in - 1), &limits_usual, &scanned, &used), PARSE_BAD);
	assert_int_equal(h.fault, HTTP_FAULT_BARE_LF);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_every_byte_everywhere),
		cmocka_unit_test(test_scan_is_linear),
		cmocka_unit_test(test_bare_lf_is_told_at_once),
	};
	return cmocka_run_group_tests_name("http/h1_head", tests, NULL, NULL);
}
