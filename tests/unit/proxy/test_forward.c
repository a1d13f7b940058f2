/* SPDX-License-Identifier: BSD-2-Clause */
/* Heads as they are sent on: what is dropped, what is added, and that the bound given beforehand holds. */
#include "proxy/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct h1_limits limits = { 65536, 8192 };

static struct forward forward_default(void) {
	return (struct forward){ .mode = CFG_FORWARDED_APPEND,
		                 .client_ip = STR("192.0.2.7"),
		                 .is_tls = true,
		                 .host = STR("app.example.org"),
		                 .host_is_given = true,
		                 .asked_host = STR("app.example.org"),
		                 .target = STR("/a?b=1") };
}

static void check_request(const char *in, const struct forward *f, enum http_body body, const char *expected) {
	struct http_field fields[64];
	struct http_head h = { .fields = fields, .cap_fields = 64 };
	size_t scanned = 0, used = 0;
	assert_int_equal(h1_request_parse(&h, str_from(in), &limits, &scanned, &used), PARSE_DONE);
	size_t bound = forward_request_bound(&h, f);
	char *out = malloc(bound);
	size_t n = forward_request(out, &h, f, body);
	assert_true(n <= bound);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(out, expected, n);
	free(out);
}

static void test_request_append(void **state) {
	(void)state;
	struct forward f = forward_default();
	check_request("GET /a?b=1 HTTP/1.1\r\nAccept: */*\r\nHost: app.example.org\r\nX-Forwarded-For: 10.0.0.1\r\n"
	              "X-Forwarded-Proto: http\r\nForwarded: for=10.0.0.1\r\n\r\n",
	              &f, HTTP_BODY_NONE,
	              "GET /a?b=1 HTTP/1.1\r\nHost: app.example.org\r\nX-Forwarded-For: 10.0.0.1, 192.0.2.7\r\n"
	              "Forwarded: for=10.0.0.1, for=\"192.0.2.7\";host=\"app.example.org\";proto=https\r\n"
	              "X-Forwarded-Host: app.example.org\r\nAccept: */*\r\nX-Forwarded-Proto: http\r\n\r\n");
}

/* A rule that removes them makes an end of what the client says, and not of what the proxy says. */
static void test_request_append_after_rules(void **state) {
	static const enum http_field_id ids[] = { HTTP_FIELD_X_FORWARDED_FOR, HTTP_FIELD_X_FORWARDED_PROTO,
		                                  HTTP_FIELD_X_FORWARDED_HOST, HTTP_FIELD_FORWARDED };
	static const char expected[] = "GET /a?b=1 HTTP/1.1\r\nHost: app.example.org\r\nX-Forwarded-For: set, 192.0.2.7\r\n"
	                               "Forwarded: for=\"192.0.2.7\";host=\"app.example.org\";proto=https\r\n"
	                               "X-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.org\r\n\r\n";
	struct forward f = forward_default();
	struct http_field fields[8];
	struct http_head h = { .fields = fields, .cap_fields = 8 };
	size_t scanned = 0, used = 0;
	char out[4096];
	(void)state;
	assert_int_equal(h1_request_parse(&h, STR("GET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n"
	                                          "X-Forwarded-Host: evil\r\nForwarded: for=10.0.0.1\r\n\r\n"),
	                                  &limits, &scanned, &used),
	                 PARSE_DONE);
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		http_head_drop(&h, ids[i]);
	assert_true(http_head_add(&h, HTTP_FIELD_X_FORWARDED_FOR, STR("X-Forwarded-For"), STR("set")));
	assert_true(forward_request_bound(&h, &f) <= sizeof(out));
	size_t n = forward_request(out, &h, &f, HTTP_BODY_NONE);
	if (!str_eq(str_slice(out, n), str_from(expected)))
		fail_msg("%.*s", (int)n, out);
}

static void test_request_replace(void **state) {
	(void)state;
	struct forward f = forward_default();
	f.mode = CFG_FORWARDED_REPLACE;
	f.client_ip = STR("2001:db8::7");
	f.client_is_v6 = true;
	check_request("GET /a?b=1 HTTP/1.1\r\nHost: app.example.org\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n"
	              "X-Forwarded-Host: evil\r\nForwarded: for=10.0.0.1\r\n\r\n",
	              &f, HTTP_BODY_NONE,
	              "GET /a?b=1 HTTP/1.1\r\nHost: app.example.org\r\nX-Forwarded-For: 2001:db8::7\r\n"
	              "Forwarded: for=\"[2001:db8::7]\";host=\"app.example.org\";proto=https\r\n"
	              "X-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example.org\r\n\r\n");
}

static void test_request_off_and_hop_by_hop(void **state) {
	(void)state;
	struct forward f = forward_default();
	f.mode = CFG_FORWARDED_OFF;
	check_request(
	    "POST /a?b=1 HTTP/1.1\r\nHost: app.example.org\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"
	    "TE: trailers\r\nUpgrade: websocket\r\nProxy-Connection: x\r\nTransfer-Encoding: chunked\r\nX-Kept: 2\r\n\r\n",
	    &f, HTTP_BODY_CHUNKED,
	    "POST /a?b=1 HTTP/1.1\r\nHost: app.example.org\r\nX-Kept: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void test_request_without_host(void **state) {
	(void)state;
	struct forward f = forward_default();
	f.mode = CFG_FORWARDED_OFF;
	f.host = STR("192.0.2.1:80");
	f.host_is_given = false;
	check_request("GET /a?b=1 HTTP/1.0\r\n\r\n", &f, HTTP_BODY_NONE, "GET /a?b=1 HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n");
}

/* Many list fields are written twice at most: the bound must hold for the worst of heads. */
static void test_request_bound(void **state) {
	(void)state;
	struct http_field fields[50];
	struct http_head h = { .fields = fields, .cap_fields = 50, .n_fields = 50, .method_name = STR("GET") };
	char value[500];
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 50; i++)
		fields[i] =
		    (struct http_field){ .name = STR("forwarded"), .value = str_slice(value, 500), .id = HTTP_FIELD_FORWARDED };
	h.seen[HTTP_FIELD_FORWARDED / 64] |= UINT64_C(1) << HTTP_FIELD_FORWARDED % 64;
	struct forward f = forward_default();
	f.host = f.asked_host = str_slice(value, 300);
	size_t bound = forward_request_bound(&h, &f);
	char *out = malloc(bound);
	assert_true(forward_request(out, &h, &f, HTTP_BODY_NONE) <= bound);
	free(out);
}

static void test_response(void **state) {
	(void)state;
	static const struct {
		const char *in, *out;
		bool is_chunked;
		struct str connection;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\nServer: x\r\n\r\n",
		  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nServer: x\r\n\r\n", false, STR_INIT("") },
		{ "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", "HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		  true, STR_INIT("") },
		{ "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
		  false, STR_INIT("close") },
		{ "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 0\r\n\r\n",
		  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", false, STR_INIT("") },
		{ "HTTP/1.1 304 \r\nContent-Length: 30\r\n\r\n", "HTTP/1.1 304 \r\nContent-Length: 30\r\n\r\n", false,
		  STR_INIT("") },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_field fields[16];
		struct http_head h = { .fields = fields, .cap_fields = 16 };
		size_t scanned = 0, used = 0;
		assert_int_equal(h1_response_parse(&h, str_from(cases[i].in), &limits, &scanned, &used), PARSE_DONE);
		forward_strip_response(&h);
		size_t bound = forward_response_bound(&h);
		char *out = malloc(bound);
		size_t n = forward_response(out, &h, cases[i].is_chunked, cases[i].connection, STR_NONE);
		assert_true(n <= bound);
		assert_int_equal(n, strlen(cases[i].out));
		assert_memory_equal(out, cases[i].out, n);
		free(out);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_append),
		cmocka_unit_test(test_request_append_after_rules),
		cmocka_unit_test(test_request_replace),
		cmocka_unit_test(test_request_off_and_hop_by_hop),
		cmocka_unit_test(test_request_without_host),
		cmocka_unit_test(test_request_bound),
		cmocka_unit_test(test_response),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
