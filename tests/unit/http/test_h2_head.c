/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP/2 heads, RFC 9113 8.2-8.5 and RFC 8441: fields in, a head or its fault out. Lines are "name value". */
#include "http_case.h"

struct row {
	const char *name, *lines;
	enum h2_head_kind kind;
	enum http_fault fault;
};

#define GET ":method GET\n:scheme https\n:authority a.example\n:path /x?y\n"
#define OK(name, kind, lines)                                                                                                    \
	{ name, lines, H2_##kind, HTTP_FAULT_NONE }
#define BAD(name, kind, lines, fault)                                                                                            \
	{ name, lines, H2_##kind, HTTP_FAULT_##fault }

static const struct row rows[] = {
	OK("8.3.1 request", REQUEST, GET),
	OK("8.3.1 any order", REQUEST, ":path /\n:authority a\n:scheme http\n:method PUT\n"),
	OK("8.3.1 Host instead of :authority", REQUEST, ":method GET\n:scheme http\n:path /\naccept */*\nhost a\n"),
	OK("8.3.1 Host beside :authority", REQUEST, GET "host A.example\n"),
	OK("8.3.1 asterisk", REQUEST, ":method OPTIONS\n:scheme http\n:authority a\n:path *\n"),
	OK("8.2.1 empty value", REQUEST, GET "x-a \n"),
	OK("8.2.1 bytes in a value", REQUEST, GET "x-a b \t\x80\xff\n"),
	OK("8.2.2 te", REQUEST, GET "te trailers\n"),
	OK("8.5 CONNECT", REQUEST, ":method CONNECT\n:authority a:443\n"),
	OK("8441 extended CONNECT", REQUEST, ":method CONNECT\n:protocol websocket\n:scheme https\n:authority a\n:path /chat\n"),
	OK("8.3.2 response", RESPONSE, ":status 200\nserver x\n"),
	OK("8.3.2 interim", RESPONSE, ":status 103\n"),
	OK("8.1 trailers", TRAILERS, "grpc-status 0\nx-sum 1\n"),
	OK("8.1 no trailers", TRAILERS, ""),

	BAD("8.3 unknown", REQUEST, ":method GET\n:foo x\n", PSEUDO_UNKNOWN),
	BAD("8.3 colon alone", REQUEST, ": x\n", PSEUDO_UNKNOWN),
	BAD("8.3 upper case", REQUEST, ":Method GET\n", PSEUDO_UNKNOWN),
	BAD("8.3 :status in a request", REQUEST, ":status 200\n", PSEUDO_UNKNOWN),
	BAD("8.3 :method in a response", RESPONSE, ":status 200\n:method GET\n", PSEUDO_UNKNOWN),
	BAD("8.1 pseudo in trailers", TRAILERS, ":status 200\n", PSEUDO_UNKNOWN),
	BAD("8.3 late", REQUEST, ":method GET\nx-a b\n:path /\n", PSEUDO_LATE),
	BAD("8.3 late in a response", RESPONSE, "x-a b\n:status 200\n", PSEUDO_LATE),
	BAD("8.3 repeated", REQUEST, GET ":path /\n", PSEUDO_REPEATED),
	BAD("8.3 repeated and equal", REQUEST, GET ":method GET\n", PSEUDO_REPEATED),
	BAD("8.3.1 nothing", REQUEST, "", PSEUDO_MISSING),
	BAD("8.3.1 no method", REQUEST, ":scheme https\n:authority a\n:path /\n", PSEUDO_MISSING),
	BAD("8.3.1 no scheme", REQUEST, ":method GET\n:authority a\n:path /\n", PSEUDO_MISSING),
	BAD("8.3.1 no path", REQUEST, ":method GET\n:scheme https\n:authority a\n", PSEUDO_MISSING),
	BAD("8.3.1 neither :authority nor Host", REQUEST, ":method GET\n:scheme https\n:path /\n", HOST_MISSING),
	BAD("8.3.2 no status", RESPONSE, "server x\n", PSEUDO_MISSING),
	BAD("8.3.1 empty method", REQUEST, ":method \n", BAD_METHOD),
	BAD("8.3.1 space in the method", REQUEST, ":method GET /\n", BAD_METHOD),
	BAD("8.3.1 method of 33 bytes", REQUEST, ":method ABCDEFGHABCDEFGHABCDEFGHABCDEFGHA\n", BAD_METHOD),
	BAD("8.3.1 empty path", REQUEST, ":method GET\n:path \n", TARGET_BAD),
	BAD("8.3.1 space in the path", REQUEST, ":path /a b\n", TARGET_BAD),
	BAD("8.3.1 request line in the path", REQUEST, ":path / HTTP/1.1\r\n", TARGET_BAD),
	BAD("8.3.1 control byte in the path", REQUEST, ":path /\x01\n", TARGET_BAD),
	BAD("8.3.1 absolute URI", REQUEST, ":method GET\n:scheme https\n:authority a\n:path https://b/\n", TARGET_BAD),
	BAD("8.3.1 relative path", REQUEST, ":method GET\n:scheme https\n:authority a\n:path a\n", TARGET_BAD),
	BAD("8.3.1 asterisk with GET", REQUEST, ":method GET\n:scheme https\n:authority a\n:path *\n", TARGET_BAD),
	BAD("8.3.1 another scheme", REQUEST, ":scheme ftp\n", SCHEME_BAD),
	BAD("8.3.1 a line in the scheme", REQUEST, ":scheme http://a/\r\n", SCHEME_BAD),
	BAD("8.3.1 space in the authority", REQUEST, ":authority a b\n", HOST_BAD),
	BAD("8.3.1 user information", REQUEST, ":authority u@a\n", HOST_BAD),
	BAD("8.3.1 empty authority", REQUEST, ":authority \n", HOST_BAD),
	BAD("8.3.1 CR in the authority", REQUEST, ":authority a\r\n", HOST_BAD),
	BAD("8.3.1 Host differs", REQUEST, GET "host b.example\n", AUTHORITY_AND_HOST),
	BAD("8.3.1 Host with a port", REQUEST, GET "host a.example:443\n", AUTHORITY_AND_HOST),
	BAD("8.3.1 two Hosts", REQUEST, GET "host a.example\nhost a.example\n", HOST_REPEATED),
	BAD("8.5 CONNECT with a path", REQUEST, ":method CONNECT\n:authority a:443\n:path /\n", PSEUDO_FORBIDDEN),
	BAD("8.5 CONNECT with a scheme", REQUEST, ":method CONNECT\n:authority a:443\n:scheme https\n", PSEUDO_FORBIDDEN),
	BAD("8.5 CONNECT without authority", REQUEST, ":method CONNECT\nhost a:443\n", PSEUDO_MISSING),
	BAD("8441 :protocol without CONNECT", REQUEST, GET ":protocol websocket\n", PSEUDO_FORBIDDEN),
	BAD("8441 no path", REQUEST, ":method CONNECT\n:protocol websocket\n:scheme https\n:authority a\n", PSEUDO_MISSING),
	BAD("8441 bad :protocol", REQUEST, ":protocol web socket\n", PROTOCOL_BAD),
	BAD("8.3.2 status of two digits", RESPONSE, ":status 20\n", BAD_STATUS),
	BAD("8.3.2 status of four digits", RESPONSE, ":status 0200\n", BAD_STATUS),
	BAD("8.3.2 status with text", RESPONSE, ":status 200 OK\n", BAD_STATUS),
	BAD("8.3.2 status +20", RESPONSE, ":status +20\n", BAD_STATUS),
	BAD("8.3.2 status 099", RESPONSE, ":status 099\n", BAD_STATUS),
	BAD("8.3.2 status 600", RESPONSE, ":status 600\n", BAD_STATUS),
	BAD("8.6 status 101", RESPONSE, ":status 101\n", BAD_STATUS),
	BAD("8.2.1 upper case in a known name", REQUEST, GET "Accept x\n", FIELD_NAME_UPPER_CASE),
	BAD("8.2.1 upper case in another name", REQUEST, GET "x-A x\n", FIELD_NAME_UPPER_CASE),
	BAD("8.2.1 empty name", REQUEST, GET " x\n", BAD_FIELD_NAME),
	BAD("8.2.1 colon in a name", REQUEST, GET "a:b x\n", BAD_FIELD_NAME),
	BAD("8.2.1 line end in a name", REQUEST, GET "a\r x\n", BAD_FIELD_NAME),
	BAD("8.2.1 obs-text in a name", REQUEST, GET "a\x80 x\n", BAD_FIELD_NAME),
	BAD("8.2.1 delimiter in a name", REQUEST, GET "a(b) x\n", BAD_FIELD_NAME),
	BAD("8.2.1 CR in a value", REQUEST, GET "x-a b\rc\n", BAD_FIELD_VALUE),
	BAD("8.2.1 control byte in a value", REQUEST, GET "x-a b\x01\n", BAD_FIELD_VALUE),
	BAD("8.2.1 space before a value", REQUEST, GET "x-a  b\n", BAD_FIELD_VALUE),
	BAD("8.2.1 tab behind a value", REQUEST, GET "x-a b\t\n", BAD_FIELD_VALUE),
	BAD("8.2.1 a value of one space", REQUEST, GET "x-a  \n", BAD_FIELD_VALUE),
	BAD("8.2.2 connection", REQUEST, GET "connection close\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 keep-alive", RESPONSE, ":status 200\nkeep-alive x\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 proxy-connection", REQUEST, GET "proxy-connection close\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 transfer-encoding", REQUEST, GET "transfer-encoding chunked\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 transfer-encoding in a response", RESPONSE, ":status 200\ntransfer-encoding chunked\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 transfer-encoding in trailers", TRAILERS, "transfer-encoding chunked\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 upgrade", REQUEST, GET "upgrade h2c\n", CONNECTION_SPECIFIC),
	BAD("8.2.2 te gzip", REQUEST, GET "te trailers, gzip\n", CONNECTION_SPECIFIC),
	BAD("9110 6.5.1 Content-Length as a trailer", TRAILERS, "content-length 1\n", TRAILER_BAD),
	BAD("9110 6.5.1 Host as a trailer", TRAILERS, "host a\n", TRAILER_BAD),
};

struct built {
	struct h2_head_builder builder;
	struct http_head head;
	struct http_field fields[FIELDS_CAP];
	char bytes[2048];
	enum http_fault fault;
};

static void build_into(struct built *b, const char *lines, enum h2_head_kind kind, const struct h1_limits *l, uint16_t fields) {
	struct str rest = str_from(lines), line;
	memset(b, 0xa5, sizeof *b);
	b->head.fields = b->fields;
	b->head.cap_fields = fields;
	h2_head_begin(&b->builder, &b->head, kind, b->bytes, l);
	while (str_next(&rest, '\n', &line)) {
		size_t n = str_find_char(line, ' ');
		/* Copies of exact size that go away: nothing but the builder's own memory may be pointed into. */
		struct str name = exact_copy(str_slice(line.p, n)), value = exact_copy(str_skip(line, n + 1));
		b->fault = h2_head_add(&b->builder, name, value);
		free((char *)name.p);
		free((char *)value.p);
	}
	b->fault = h2_head_end(&b->builder);
	assert_int_equal(b->fault, b->head.fault);
	assert_int_equal(h2_head_end(&b->builder), b->fault);
}

static const struct http_head *build(struct built *b, const char *lines, enum h2_head_kind kind) {
	build_into(b, lines, kind, &limits_usual, FIELDS_CAP);
	return &b->head;
}

static void test_rows(void **state) {
	static struct built b;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		build(&b, rows[i].lines, rows[i].kind);
		if (b.fault != rows[i].fault)
			fail_msg("%s: %s", rows[i].name, http_fault_text(b.fault));
	}
}

static void assert_str(struct str s, const char *expected) {
	if (!str_eq(s, str_from(expected)))
		fail_msg("'%.*s', not '%s'", STR_ARG(s), expected);
}

static void test_request(void **state) {
	static struct built b;
	(void)state;
	const struct http_head *h = build(&b, GET "accept */*\nhost A.EXAMPLE\nx-y z\n", H2_REQUEST);
	assert_int_equal(h->method, HTTP_METHOD_GET);
	assert_str(h->method_name, "GET");
	assert_str(h->target, "/x?y");
	assert_int_equal(h->minor, 1);
	assert_int_equal(h->n_fields, 3);
	assert_int_equal(h->fields[0].id, HTTP_FIELD_HOST);
	assert_str(h->fields[0].name, "host");
	assert_str(h->fields[0].value, "a.example");
	assert_int_equal(h->fields[1].id, HTTP_FIELD_ACCEPT);
	assert_str(h->fields[2].name, "x-y");
	assert_str(h->fields[2].value, "z");
	assert_false(h->fields[0].is_dropped || h->fields[1].is_dropped || h->fields[2].is_dropped);
	assert_true(http_head_has(h, HTTP_FIELD_HOST) && http_head_has(h, HTTP_FIELD_ACCEPT));
	assert_str(b.builder.scheme, "https");
	assert_str(b.builder.authority, "a.example");
	assert_int_equal(b.builder.protocol.n, 0);

	h = build(&b, ":method GET\n:scheme http\n:path /\naccept */*\nhost b\n", H2_REQUEST);
	assert_int_equal(h->n_fields, 2);
	assert_str(h->fields[0].value, "b");
	assert_int_equal(b.builder.authority.n, 0);

	h = build(&b, ":method CONNECT\n:authority a:443\n", H2_REQUEST);
	assert_str(h->target, "a:443");
	assert_str(h->fields[0].value, "a:443");

	h = build(&b, ":method CONNECT\n:protocol websocket\n:scheme https\n:authority a\n:path /chat\n", H2_REQUEST);
	assert_str(h->target, "/chat");
	assert_str(b.builder.protocol, "websocket");

	h = build(&b, ":status 404\nserver x\n", H2_RESPONSE);
	assert_int_equal(h->status, 404);
	assert_int_equal(h->n_fields, 1);
	assert_int_equal(h->fields[0].id, HTTP_FIELD_SERVER);
}

static void test_cookies(void **state) {
	static struct built b;
	static const char *const rows_of_cookies[] = {
		GET "cookie a=1\ncookie b=2\ncookie c=3\nx-y z\n",
		GET "cookie a=1\nx-y z\ncookie b=2\naccept */*\ncookie c=3\n",
		GET "x-y z\ncookie a=1\naccept */*\nhost a.example\ncookie b=2\ncookie c=3\n",
		GET "cookie \ncookie a=1\ncookie \ncookie b=2\nx-y z\ncookie c=3\ncookie \n",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows_of_cookies); i++) {
		const struct http_head *h = build(&b, rows_of_cookies[i], H2_REQUEST);
		assert_int_equal(b.fault, HTTP_FAULT_NONE);
		assert_str(http_field_find(h, HTTP_FIELD_COOKIE)->value, "a=1; b=2; c=3");
		for (unsigned k = 0; k < h->n_fields; k++)
			if (h->fields[k].id == HTTP_FIELD_OTHER)
				assert_str(h->fields[k].value, "z");
	}
	/* Responses have no crumbs. */
	assert_int_equal(build(&b, ":status 200\ncookie a\ncookie b\n", H2_RESPONSE)->n_fields, 2);
}

static void test_bounds(void **state) {
	static struct built b;
	const struct h1_limits l = { .head_bytes = 32, .target_bytes = 4 };
	(void)state;
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /123\n", H2_REQUEST, &l, 1);
	assert_int_equal(b.fault, HTTP_FAULT_NONE);
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /1234\n", H2_REQUEST, &l, 1);
	assert_int_equal(b.fault, HTTP_FAULT_TARGET_TOO_LONG);
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /\naccept x\n", H2_REQUEST, &l, 1);
	assert_int_equal(b.fault, HTTP_FAULT_TOO_MANY_FIELDS);
	build_into(&b, ":method GET\n", H2_REQUEST, &l, 0);
	assert_int_equal(b.fault, HTTP_FAULT_TOO_MANY_FIELDS);
	/* 9 bytes so far, 23 left; a known name takes none. */
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /\naccept 12345678901234567890123\n", H2_REQUEST, &l, 2);
	assert_int_equal(b.fault, HTTP_FAULT_NONE);
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /\naccept 123456789012345678901234\n", H2_REQUEST, &l, 2);
	assert_int_equal(b.fault, HTTP_FAULT_HEAD_TOO_LARGE);
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /\nx-y 123456789012345678901\n", H2_REQUEST, &l, 2);
	assert_int_equal(b.fault, HTTP_FAULT_HEAD_TOO_LARGE);
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /\ncookie 1234567890\ncookie 12345678901\n", H2_REQUEST,
	           &l, 2);
	assert_int_equal(b.fault, HTTP_FAULT_NONE);
	build_into(&b, ":method GET\n:scheme http\n:authority a\n:path /\ncookie 1234567890\ncookie 123456789012\n", H2_REQUEST,
	           &l, 2);
	assert_int_equal(b.fault, HTTP_FAULT_HEAD_TOO_LARGE);
}

static void test_fault_stays(void **state) {
	static struct built b;
	(void)state;
	build(&b, ":method GET\n:foo x\nConnection y\n", H2_REQUEST);
	assert_int_equal(b.fault, HTTP_FAULT_PSEUDO_UNKNOWN);
}

static void test_request_framing(void **state) {
	static const struct {
		const char *lines;
		bool is_end;
		enum http_fault fault;
		enum http_body body;
		uint64_t length;
		bool expect_continue;
	} cases[] = {
		{ GET, true, HTTP_FAULT_NONE, HTTP_BODY_NONE, 0, false },
		{ GET, false, HTTP_FAULT_NONE, HTTP_BODY_CHUNKED, 0, false },
		{ GET "content-length 7\n", false, HTTP_FAULT_NONE, HTTP_BODY_LENGTH, 7, false },
		{ GET "content-length 0\n", true, HTTP_FAULT_NONE, HTTP_BODY_LENGTH, 0, false },
		{ GET "content-length 7\n", true, HTTP_FAULT_LENGTH_WRONG, 0, 0, false },
		{ GET "content-length +7\n", false, HTTP_FAULT_CONTENT_LENGTH_BAD, 0, 0, false },
		{ GET "content-length 7\ncontent-length 7\n", false, HTTP_FAULT_CONTENT_LENGTH_REPEATED, 0, 0, false },
		{ GET "expect 100-continue\n", false, HTTP_FAULT_NONE, HTTP_BODY_CHUNKED, 0, true },
		{ GET "expect 100-continue\n", true, HTTP_FAULT_NONE, HTTP_BODY_NONE, 0, false },
		{ ":method GET\n:scheme http\n:path /\nhost u@a\n", true, HTTP_FAULT_HOST_BAD, 0, 0, false },
		{ GET "expect x\n", true, HTTP_FAULT_EXPECTATION_UNSUPPORTED, 0, 0, false },
	};
	static struct built b;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_framing f;
		build(&b, cases[i].lines, H2_REQUEST);
		assert_int_equal(b.fault, HTTP_FAULT_NONE);
		assert_int_equal(h2_request_framing(&b.head, cases[i].is_end, &f), cases[i].fault);
		if (cases[i].fault)
			continue;
		assert_int_equal(f.body, cases[i].body);
		assert_int_equal(f.length, cases[i].length);
		assert_int_equal(f.expect_continue, cases[i].expect_continue);
		assert_true(f.keep_alive && !f.has_upgrade);
	}
}

static void test_response_framing(void **state) {
	static const struct {
		const char *lines;
		enum http_method method;
		bool is_end;
		enum http_fault fault;
		enum http_body body;
		uint64_t length;
	} cases[] = {
		{ ":status 200\n", HTTP_METHOD_GET, false, HTTP_FAULT_NONE, HTTP_BODY_CHUNKED, 0 },
		{ ":status 200\n", HTTP_METHOD_GET, true, HTTP_FAULT_NONE, HTTP_BODY_LENGTH, 0 },
		{ ":status 200\ncontent-length 7\n", HTTP_METHOD_GET, false, HTTP_FAULT_NONE, HTTP_BODY_LENGTH, 7 },
		{ ":status 200\ncontent-length 7\n", HTTP_METHOD_GET, true, HTTP_FAULT_LENGTH_WRONG, 0, 0 },
		{ ":status 200\ncontent-length 7\n", HTTP_METHOD_HEAD, true, HTTP_FAULT_NONE, HTTP_BODY_NONE, 0 },
		{ ":status 304\ncontent-length 7\n", HTTP_METHOD_GET, true, HTTP_FAULT_NONE, HTTP_BODY_NONE, 0 },
		{ ":status 204\n", HTTP_METHOD_GET, true, HTTP_FAULT_NONE, HTTP_BODY_NONE, 0 },
		{ ":status 103\n", HTTP_METHOD_GET, false, HTTP_FAULT_NONE, HTTP_BODY_NONE, 0 },
		{ ":status 100\n", HTTP_METHOD_GET, true, HTTP_FAULT_BAD_STATUS, 0, 0 },
		{ ":status 200\ncontent-length x\n", HTTP_METHOD_GET, false, HTTP_FAULT_CONTENT_LENGTH_BAD, 0, 0 },
	};
	static struct built b;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_framing f;
		build(&b, cases[i].lines, H2_RESPONSE);
		assert_int_equal(b.fault, HTTP_FAULT_NONE);
		assert_int_equal(h2_response_framing(&b.head, cases[i].method, cases[i].is_end, &f), cases[i].fault);
		if (cases[i].fault)
			continue;
		assert_int_equal(f.body, cases[i].body);
		assert_int_equal(f.length, cases[i].length);
		assert_true(f.keep_alive);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_fault_stays),
		cmocka_unit_test(test_request_framing),
		cmocka_unit_test(test_response_framing),
	};
	return cmocka_run_group_tests_name("http/h2_head", tests, NULL, NULL);
}
