/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes of all kinds on a real loop against an origin that behaves as each row says: the vote and its evidence. */
#include "health/check.h"
#include "unit/health/origin.h"

#include "steerway/base/clock.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/resource.h>

static struct cfg_status_range ok_range = { 200, 299 };

struct outcome {
	struct loop *loop;
	bool has_ended;
	struct probe_result result;
};

static void on_end(void *owner, const struct probe_result *r) {
	struct outcome *o = owner;
	assert_false(o->has_ended);
	o->has_ended = true;
	o->result = *r;
	loop_stop(o->loop);
}

static struct cfg_check config(enum cfg_check_type type, uint64_t timeout_ms) {
	return (struct cfg_check){
		.type = type,
		.method = STR("GET"),
		.path = STR("/health?x=1"),
		.expect = { .status = { &ok_range, 1 } },
		.tls = { .verify = true },
		.interval_ms = 2000,
		.timeout_ms = timeout_ms,
		.rise = 1,
		.fall = 1,
	};
}

/* One probe, from start to result. */
static struct probe_result probe(const struct cfg_check *cfg, const struct addr *to) {
	struct err e;
	struct check *c = check_create(check_kind_find(cfg->type), cfg, &e);
	if (c == NULL)
		fail_msg("%s", e.text);
	struct outcome o = { .loop = loop_create(&e) };
	struct probe *p = NULL;
	clock_update();
	probe_start(&p, c, o.loop, to, on_end, &o);
	check_release(c); /* the probe holds its own */
	while (!o.has_ended)
		loop_run(o.loop);
	assert_null(p);
	loop_destroy(o.loop);
	return o.result;
}

/* expected: a prefix. */
static void expect_result(const char *what, const struct probe_result *r, enum vote vote, const char *expected) {
	if (r->vote != vote || strncmp(r->evidence, expected, strlen(expected)) != 0)
		fail_msg("%s: vote %d \"%s\", expected %d \"%s\"", what, r->vote, r->evidence, vote, expected);
}

#define KIB_OF_X "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" /* 64 bytes */

static const struct row {
	const char *what;
	struct origin_answer answer;
	struct str method, body, regex;
	uint64_t timeout_ms; /* 0: ample */
	enum vote vote;
	const char *evidence;
} rows[] = {
	{ "status alone",
	  { .bytes = STR_INIT("HTTP/1.1 204 No Content\r\n\r\n"), .end = ORIGIN_CLOSES },
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 204 in " },
	{ "decided by the head, the server stays",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), .end = ORIGIN_HOLDS },
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "a byte at a time",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), .is_piecemeal = true },
	  .body = STR_INIT("ok"),
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "wrong status",
	  { .bytes = STR_INIT("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") },
	  .vote = VOTE_FAILURE,
	  .evidence = "HTTP 503, expected 200-299" },
	{ "interim answers",
	  { .bytes =
	        STR_INIT("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") },
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "HEAD",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), .end = ORIGIN_HOLDS },
	  .method = STR_INIT("HEAD"),
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "slow head",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\n"), .end = ORIGIN_HOLDS },
	  .timeout_ms = 500,
	  .vote = VOTE_FAILURE,
	  .evidence = "no response head within 500 ms" },
	{ "slow body",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwait"), .end = ORIGIN_HOLDS },
	  .body = STR_INIT("ok"),
	  .timeout_ms = 500,
	  .vote = VOTE_FAILURE,
	  .evidence = "response body not complete within 500 ms" },
	{ "closes at once",
	  { .bytes = STR_INIT(""), .end = ORIGIN_CLOSES },
	  .vote = VOTE_FAILURE,
	  .evidence = "closed before the response head" },
	{ "closes early",
	  { .bytes = STR_INIT("HTTP/1.1 2"), .end = ORIGIN_CLOSES },
	  .vote = VOTE_FAILURE,
	  .evidence = "closed within the response head" },
	{ "resets",
	  { .bytes = STR_INIT(""), .end = ORIGIN_RESETS },
	  .vote = VOTE_FAILURE,
	  .evidence = "read: Connection reset by peer" },
	{ "garbage",
	  { .bytes = STR_INIT("SSH-2.0-OpenSSH_9.2\r\n\r\n") },
	  .vote = VOTE_FAILURE,
	  .evidence = "malformed response: " },
	{ "two lengths",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") },
	  .vote = VOTE_FAILURE,
	  .evidence = "malformed response: " },
	{ "text in a chunked body",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhea\r\n4\r\nlthy\r\n0\r\n\r\n") },
	  .body = STR_INIT("healthy"),
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "text in a body until close",
	  { .bytes = STR_INIT("HTTP/1.0 200 OK\r\n\r\nall is ok") },
	  .body = STR_INIT("ok"),
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "text missing",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine") },
	  .body = STR_INIT("ok"),
	  .vote = VOTE_FAILURE,
	  .evidence = "HTTP 200, body lacks \"ok\" (4 bytes)" },
	{ "body cut short",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nfine") },
	  .body = STR_INIT("ok"),
	  .vote = VOTE_FAILURE,
	  .evidence = "HTTP 200, closed within the body" },
	{ "bad chunk",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), .end = ORIGIN_HOLDS },
	  .body = STR_INIT("ok"),
	  .vote = VOTE_FAILURE,
	  .evidence = "malformed response: " },
	{ "huge body without the text",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), .filler = STR_INIT(KIB_OF_X), .times = 200000, .end = ORIGIN_HOLDS },
	  .body = STR_INIT("ok"),
	  .vote = VOTE_FAILURE,
	  .evidence = "HTTP 200, body lacks \"ok\" (first 64 KiB)" },
	{ "huge body, nobody looks",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), .filler = STR_INIT(KIB_OF_X), .times = 200000, .end = ORIGIN_HOLDS },
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "huge head",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nX: "), .filler = STR_INIT(KIB_OF_X), .times = 200000, .end = ORIGIN_HOLDS },
	  .vote = VOTE_FAILURE,
	  .evidence = "malformed response: " },
	{ "interim answers for ever",
	  { .bytes = STR_INIT(""),
	    .filler = STR_INIT("HTTP/1.1 100 Continue\r\nX-Filler: " KIB_OF_X "\r\n\r\n"),
	    .times = 200000,
	    .end = ORIGIN_HOLDS },
	  .vote = VOTE_FAILURE,
	  .evidence = "malformed response: more than 512 KiB without an answer" },
	{ "expression matches",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\": \"ok\"") },
	  .regex = STR_INIT("\"status\":\\s*\"ok\""),
	  .vote = VOTE_SUCCESS,
	  .evidence = "HTTP 200 in " },
	{ "expression does not match",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine") },
	  .regex = STR_INIT("^ok$"),
	  .vote = VOTE_FAILURE,
	  .evidence = "HTTP 200, body does not match /^ok$/ (4 bytes)" },
	{ "a body made to burn time",
	  { .bytes = STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), .filler = STR_INIT(KIB_OF_X), .times = 200000, .end = ORIGIN_HOLDS },
	  .regex = STR_INIT("(x+x+)+[yz]"),
	  .vote = VOTE_FAILURE,
	  .evidence = "HTTP 200, /(x+x+)+[yz]/ gave up: match limit exceeded" },
};

static void test_rows(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct origin o;
		origin_start(&o, &row->answer, NULL);
		struct cfg_check cfg = config(CFG_CHECK_TYPE_HTTP, row->timeout_ms ? row->timeout_ms : 20000);
		if (row->method.n > 0)
			cfg.method = row->method;
		cfg.expect.body = row->body;
		cfg.expect.body_regex = row->regex;
		struct probe_result r = probe(&cfg, &o.address);
		origin_stop(&o);
		expect_result(row->what, &r, row->vote, row->evidence);
	}
}

static void test_request(void **state) {
	(void)state;
	static const struct origin_answer answer = { .bytes = STR_INIT("HTTP/1.1 200 OK\r\n\r\n") };
	char expected[512];
	struct origin o;
	origin_start(&o, &answer, NULL);
	struct cfg_check cfg = config(CFG_CHECK_TYPE_HTTP, 20000);
	struct probe_result r = probe(&cfg, &o.address);
	origin_stop(&o);
	assert_int_equal(r.vote, VOTE_SUCCESS);
	snprintf(expected, sizeof expected, "GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: steerway/",
	         addr_port(&o.address));
	assert_memory_equal(o.request, expected, strlen(expected));
	assert_non_null(strstr(o.request, "\r\nAccept: */*\r\nConnection: close\r\n\r\n"));

	origin_start(&o, &answer, NULL);
	cfg.method = STR("POST");
	cfg.host = STR("app.example.org");
	probe(&cfg, &o.address);
	origin_stop(&o);
	assert_non_null(strstr(o.request, "POST /health?x=1 HTTP/1.1\r\nHost: app.example.org\r\n"));
	assert_non_null(strstr(o.request, "\r\nContent-Length: 0\r\n\r\n"));
}

static void test_connect(void **state) {
	(void)state;
	struct addr at;
	int fd = origin_listen(&at);
	struct cfg_check cfg = config(CFG_CHECK_TYPE_TCP, 20000);
	struct probe_result r = probe(&cfg, &at);
	expect_result("tcp", &r, VOTE_SUCCESS, "connected in ");
	close(fd);
	r = probe(&cfg, &at);
	expect_result("tcp refused", &r, VOTE_FAILURE, "connect: Connection refused");
	cfg.type = CFG_CHECK_TYPE_HTTP;
	r = probe(&cfg, &at);
	expect_result("http refused", &r, VOTE_FAILURE, "connect: Connection refused");
}

/* A listener whose queue is full drops SYNs: a blackhole without a network. */
static void test_connect_timeout(void **state) {
	(void)state;
	struct addr at;
	int fd = origin_listen(&at), fill[8];
	listen(fd, 0);
	for (size_t i = 0; i < COUNT_OF(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], &at.sa, sizeof at.in);
	}
	struct cfg_check cfg = config(CFG_CHECK_TYPE_TCP, 80);
	struct probe_result r = probe(&cfg, &at);
	expect_result("blackhole", &r, VOTE_FAILURE, "connect: timed out after 80 ms");
	assert_true(r.duration_us >= 80000);
	for (size_t i = 0; i < COUNT_OF(fill); i++)
		close(fill[i]);
	close(fd);
}

/* Running out of descriptors is this machine's trouble, not the server's. */
static void test_own_shortage(void **state) {
	(void)state;
	struct addr at;
	struct err e;
	int fd = origin_listen(&at);
	struct cfg_check cfg = config(CFG_CHECK_TYPE_TCP, 1000);
	struct check *c = check_create(check_kind_find(cfg.type), &cfg, &e);
	struct outcome o = { .loop = loop_create(&e) };
	struct probe *p = NULL;
	struct rlimit old, none_left;
	int next = dup(fd);
	close(next);
	getrlimit(RLIMIT_NOFILE, &old);
	none_left = old;
	none_left.rlim_cur = (rlim_t)next;
	setrlimit(RLIMIT_NOFILE, &none_left);
	probe_start(&p, c, o.loop, &at, on_end, &o);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(o.has_ended);
	expect_result("EMFILE", &o.result, VOTE_NONE, "no vote: connect: Too many open files");
	check_release(c);
	loop_destroy(o.loop);
	close(fd);
}

static void test_cancel(void **state) {
	(void)state;
	static const struct origin_answer answer = { .bytes = STR_INIT(""), .end = ORIGIN_HOLDS };
	struct err e;
	struct origin o;
	origin_start(&o, &answer, NULL);
	struct cfg_check cfg = config(CFG_CHECK_TYPE_HTTP, 20000);
	struct check *c = check_create(check_kind_find(cfg.type), &cfg, &e);
	struct outcome out = { .loop = loop_create(&e) };
	struct probe *p = NULL;
	probe_start(&p, c, out.loop, &o.address, on_end, &out);
	assert_non_null(p);
	probe_cancel(&p);
	assert_null(p);
	probe_cancel(&p);
	assert_false(out.has_ended);
	check_release(c);
	loop_destroy(out.loop);
	origin_stop(&o);
}

static void test_tls(void **state) {
	(void)state;
	static const struct origin_answer answer = { .bytes = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") };
	struct origin_identity mine, other;
	origin_identity_create(&mine, "app.test");
	origin_identity_create(&other, "app.test");
	SSL_CTX *server = origin_identity_server(&mine);
	const struct {
		const char *what;
		struct str ca, host, server_name;
		bool verify;
		enum vote vote;
		const char *evidence;
	} tls_rows[] = {
		{ "own authority", str_from(mine.path), STR("app.test"), STR(""), true, VOTE_SUCCESS, "HTTP 200 in " },
		{ "host with a port", str_from(mine.path), STR("app.test:8443"), STR(""), true, VOTE_SUCCESS, "HTTP 200 in " },
		{ "server_name wins over host", str_from(mine.path), STR("other.test"), STR("app.test"), true, VOTE_SUCCESS,
		  "HTTP 200 in " },
		{ "the address is verified when no name is known", str_from(mine.path), STR(""), STR(""), true, VOTE_SUCCESS,
		  "HTTP 200 in " },
		{ "wrong name", str_from(mine.path), STR("other.test"), STR(""), true, VOTE_FAILURE,
		  "tls: certificate verify failed: hostname mismatch" },
		{ "wrong authority", str_from(other.path), STR("app.test"), STR(""), true, VOTE_FAILURE,
		  "tls: certificate verify failed: self-signed certificate" },
		{ "the system's authorities", STR(""), STR("app.test"), STR(""), true, VOTE_FAILURE,
		  "tls: certificate verify failed: self-signed certificate" },
		{ "not verified", STR(""), STR("other.test"), STR(""), false, VOTE_SUCCESS, "HTTP 200 in " },
	};
	for (size_t i = 0; i < COUNT_OF(tls_rows); i++) {
		struct origin o;
		origin_start(&o, &answer, server);
		struct cfg_check cfg = config(CFG_CHECK_TYPE_HTTPS, 20000);
		cfg.host = tls_rows[i].host;
		cfg.tls.server_name = tls_rows[i].server_name;
		cfg.tls.ca = tls_rows[i].ca;
		cfg.tls.verify = tls_rows[i].verify;
		cfg.expect.body = STR("ok");
		struct probe_result r = probe(&cfg, &o.address);
		origin_stop(&o);
		expect_result(tls_rows[i].what, &r, tls_rows[i].vote, tls_rows[i].evidence);
	}
	SSL_CTX_free(server);
	origin_identity_destroy(&mine);
	origin_identity_destroy(&other);
}

/* TLS spoken to a server that speaks none, and one that says nothing. */
static void test_tls_not_spoken(void **state) {
	(void)state;
	struct addr at;
	int fd = origin_listen(&at);
	struct cfg_check cfg = config(CFG_CHECK_TYPE_HTTPS, 80);
	cfg.tls.verify = false;
	struct probe_result r = probe(&cfg, &at);
	expect_result("silence", &r, VOTE_FAILURE, "tls: no handshake within 80 ms");
	close(fd);
}

/* What can't become one request is refused when it is compiled, and says which key. */
static void test_refused(void **state) {
	(void)state;
	static const struct {
		struct str method, path, host, regex, ca;
		const char *error;
	} bad[] = {
		{ .method = STR_INIT("GE T"), .error = "method" },
		{ .method = STR_INIT("CONNECT"), .error = "method" },
		{ .path = STR_INIT("/a b"), .error = "path" },
		{ .path = STR_INIT("/a\r\nX: y"), .error = "path" },
		{ .host = STR_INIT("a\nb"), .error = "host" },
		{ .regex = STR_INIT("(unclosed"), .error = "expect.body_regex: missing closing parenthesis" },
		{ .ca = STR_INIT("/nonexistent/ca.pem"), .error = "tls.ca: /nonexistent/ca.pem" },
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct err e = { "" };
		struct cfg_check cfg = config(CFG_CHECK_TYPE_HTTPS, 1000);
		cfg.id = STR("app");
		cfg.mark = (struct cfg_mark){ STR("site.yaml"), 7, 3 };
		if (bad[i].method.n > 0)
			cfg.method = bad[i].method;
		if (bad[i].path.n > 0)
			cfg.path = bad[i].path;
		cfg.host = bad[i].host;
		cfg.expect.body_regex = bad[i].regex;
		cfg.tls.ca = bad[i].ca;
		assert_null(check_create(check_kind_find(cfg.type), &cfg, &e));
		assert_non_null(strstr(e.text, bad[i].error));
		assert_memory_equal(e.text, "site.yaml:7: checks.app: ", strlen("site.yaml:7: checks.app: "));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),         cmocka_unit_test(test_request),
		cmocka_unit_test(test_connect),      cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_own_shortage), cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_tls),          cmocka_unit_test(test_tls_not_spoken),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
