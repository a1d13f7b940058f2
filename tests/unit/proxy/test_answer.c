/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the proxy's own: pages compiled, escaped and chosen; the fields that go with each form. */
#include "proxy/answer.h"

#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct str values[PAGE_VARIABLE_COUNT] = {
	[PAGE_STATUS] = STR_INIT("503"),       [PAGE_STATUS_TEXT] = STR_INIT("Service Unavailable"),
	[PAGE_REASON] = STR_INIT("no_server"), [PAGE_DETAIL] = STR_INIT("a <b> & \"c\" 'd' \\e\n"),
	[PAGE_REQUEST_ID] = STR_INIT("abc"),   [PAGE_NODE] = STR_INIT("edge-1"),
};

static void check_page(const char *text, enum answer_form form, const char *want) {
	struct arena a;
	struct page p;
	struct err e;
	arena_init(&a, 1024);
	assert_int_equal(page_compile(&p, &a, str_from(text), form, &e), 0);
	size_t n = page_size(&p, values);
	char *out = malloc(n + 1); /* exactly what was promised, for a sanitizer */
	assert_ptr_equal(page_write(out, &p, values), out + n);
	out[n] = '\0';
	assert_string_equal(out, want);
	free(out);
	arena_fini(&a);
}

static void test_page(void **state) {
	(void)state;
	check_page("", ANSWER_TEXT, "");
	check_page("plain", ANSWER_TEXT, "plain");
	check_page("$ {status} $$ }{", ANSWER_TEXT, "$ {status} $$ }{");
	check_page("${status}${reason}-${node}", ANSWER_TEXT, "503no_server-edge-1");
	check_page("$${status}$", ANSWER_TEXT, "$503$");
	check_page("[${detail}]", ANSWER_TEXT, "[a <b> & \"c\" 'd' \\e\n]");
	check_page("<p>${detail}</p>", ANSWER_HTML, "<p>a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; \\e\n</p>");
	check_page("{\"d\":\"${detail}\"}", ANSWER_JSON, "{\"d\":\"a <b> & \\u0022c\\u0022 'd' \\u005ce\\u000a\"}");
}

static void test_page_faults(void **state) {
	(void)state;
	static const char *const bad[] = { "${", "${}", "${statu}", "${status", "${Status}", "a ${ status}", "${status}${x}" };
	struct arena a;
	struct page p;
	struct err e;
	arena_init(&a, 1024);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(page_compile(&p, &a, str_from(bad[i]), ANSWER_TEXT, &e), -1);
		assert_non_null(strstr(e.text, "is no variable"));
	}
	assert_int_equal(page_load(&p, &a, "/nonexistent/page", ANSWER_TEXT, &e), -1);
	assert_string_equal(e.text, "/nonexistent/page: No such file or directory");
	assert_int_equal(page_load(&p, &a, "/", ANSWER_TEXT, &e), -1);
	assert_string_equal(e.text, "/: is no file");
	arena_fini(&a);
}

/* A file of n bytes in `path`. */
static void write_file(char path[32], const char *text, size_t n) {
	strcpy(path, "/tmp/steerway-page-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(write(fd, text + i % strlen(text), 1), 1);
	close(fd);
}

static void test_page_file(void **state) {
	(void)state;
	struct arena a;
	struct page p;
	struct err e;
	char path[32], out[64];
	arena_init(&a, 1024);
	write_file(path, "${status}!", 10);
	assert_int_equal(page_load(&p, &a, path, ANSWER_HTML, &e), 0);
	assert_int_equal(page_write(out, &p, values) - out, 4);
	assert_memory_equal(out, "503!", 4);
	assert_int_equal(truncate(path, PAGE_BYTES_MAX), 0);
	assert_int_equal(page_load(&p, &a, path, ANSWER_HTML, &e), 0);
	assert_int_equal(truncate(path, PAGE_BYTES_MAX + 1), 0);
	assert_int_equal(page_load(&p, &a, path, ANSWER_HTML, &e), -1);
	assert_non_null(strstr(e.text, "is larger than 256KiB"));
	unlink(path);
	arena_fini(&a);
}

/* ---- answers ---- */

struct fixture {
	struct arena arena;
	struct answer_pages pages;
	struct answer answer;
	char *store;
};

static void fixture_init(struct fixture *f, const struct cfg_answers *cfg) {
	struct err e;
	*f = (struct fixture){ 0 };
	arena_init(&f->arena, 1024);
	assert_int_equal(answer_pages_compile(&f->pages, &f->arena, cfg, &e), 0);
}

static void build(struct fixture *f, const struct answer_facts *facts) {
	free(f->store);
	size_t n = answer_bound(&f->pages, facts);
	f->store = malloc(n + 1);
	answer_build(&f->answer, &f->pages, facts, f->store);
	assert_true(f->answer.head.n_fields <= ANSWER_FIELDS_MAX);
}

static void fixture_fini(struct fixture *f) {
	free(f->store);
	arena_fini(&f->arena);
}

static void check_field(const struct fixture *f, const char *name, const char *want) {
	const struct http_field *found = NULL;
	for (unsigned i = 0; i < f->answer.head.n_fields; i++)
		if (str_eq(f->answer.head.fields[i].name, str_from(name)))
			found = &f->answer.head.fields[i];
	if (!want) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_int_equal(found->id, http_field_lookup(found->name));
	assert_true(http_head_has(&f->answer.head, found->id));
	if (!str_eq(found->value, str_from(want)))
		fail_msg("%s: %.*s, not %s", name, STR_ARG(found->value), want);
}

static void check_body(const struct fixture *f, const char *want) {
	if (!str_eq(f->answer.body, str_from(want)))
		fail_msg("%.*s", STR_ARG(f->answer.body));
	assert_int_equal(f->answer.framing.length, f->answer.body.n);
}

static const struct answer_facts no_server = {
	.end = PROXY_END_NO_SERVER, .status = 503, .detail = "no usable server in the pool", .method = HTTP_METHOD_GET
};

static void test_built_in(void **state) {
	(void)state;
	struct fixture f;
	struct answer_facts facts = no_server;
	fixture_init(&f, &(struct cfg_answers){ 0 });
	build(&f, &facts);
	assert_int_equal(f.answer.head.status, 503);
	assert_true(str_eq(f.answer.head.reason, STR("Service Unavailable")));
	check_field(&f, "Content-Type", "text/plain");
	check_field(&f, "Content-Length", "54");
	check_field(&f, "Cache-Control", "no-store");
	check_field(&f, "Retry-After", NULL);
	check_field(&f, "Allow", NULL);
	check_body(&f, "503 Service Unavailable: no usable server in the pool\n");

	facts.form = ANSWER_JSON;
	build(&f, &facts);
	check_field(&f, "Content-Type", "application/problem+json");
	check_body(&f, "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
	               "\"detail\":\"no usable server in the pool\",\"reason\":\"no_server\"}\n");
	facts.request_id = STR("0af7");
	build(&f, &facts);
	check_body(&f, "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
	               "\"detail\":\"no usable server in the pool\",\"reason\":\"no_server\",\"request_id\":\"0af7\"}\n");

	facts.form = ANSWER_HTML;
	build(&f, &facts);
	check_field(&f, "Content-Type", "text/html; charset=utf-8");
	assert_true(str_find(f.answer.body, STR("<h1>503 Service Unavailable</h1>")) < f.answer.body.n);
	fixture_fini(&f);
}

static void test_head_has_no_body(void **state) {
	(void)state;
	struct fixture f;
	struct answer_facts facts = no_server;
	facts.method = HTTP_METHOD_HEAD;
	fixture_init(&f, &(struct cfg_answers){ 0 });
	build(&f, &facts);
	assert_int_equal(f.answer.body.n, 0);
	assert_int_equal(f.answer.framing.body, HTTP_BODY_NONE);
	check_field(&f, "Content-Length", "54"); /* as GET would have it (RFC 9110 8.6) */
	fixture_fini(&f);
}

static void test_grpc(void **state) {
	(void)state;
	static const struct {
		enum proxy_end end;
		const char *code;
	} cases[] = {
		{ PROXY_END_NO_ROUTE, "12" },        { PROXY_END_NO_SERVER, "14" },     { PROXY_END_CONNECT_FAILED, "14" },
		{ PROXY_END_CONNECT_TIMEOUT, "14" }, { PROXY_END_SERVER_TIMEOUT, "4" }, { PROXY_END_BODY_TOO_LARGE, "8" },
		{ PROXY_END_BAD_REQUEST, "13" },     { PROXY_END_SERVER_CLOSED, "14" }, { PROXY_END_METHOD_REFUSED, "12" },
	};
	struct fixture f;
	fixture_init(&f, &(struct cfg_answers){ .retry_after_ms = 1000 });
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		static const unsigned statuses[] = { 404, 503, 502, 504, 504, 413, 400, 502, 405 };
		struct answer_facts facts = {
			.end = cases[i].end, .status = statuses[i], .detail = "50% of\t", .form = ANSWER_GRPC
		};
		build(&f, &facts);
		assert_int_equal(f.answer.head.status, 200);
		check_field(&f, "Content-Type", "application/grpc");
		check_field(&f, "Grpc-Status", cases[i].code);
		check_field(&f, "Grpc-Message", "50%25 of%09");
		check_body(&f, "");
	}
	fixture_fini(&f);
}

static void test_extra_fields(void **state) {
	(void)state;
	struct fixture f;
	struct answer_facts facts = no_server;
	fixture_init(&f, &(struct cfg_answers){ .retry_after_ms = 1001 });
	build(&f, &facts);
	check_field(&f, "Retry-After", "2");
	facts.status = 502;
	build(&f, &facts);
	check_field(&f, "Retry-After", NULL);
	facts.status = 405;
	build(&f, &facts);
	check_field(&f, "Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH");
	fixture_fini(&f);
}

static void test_configured(void **state) {
	(void)state;
	char general[32], special[32];
	write_file(general, "g ${status} ${node}", 19);
	write_file(special, "s ${reason}", 11);
	struct cfg_status_range server_faults = { 500, 599 };
	struct cfg_page items[] = {
		{ .status = { &server_faults, 1 }, .text = str_from(general), .json = str_from(general) },
		{ .reason = STR("no_server"), .text = str_from(special) },
	};
	struct fixture f;
	struct answer_facts facts = no_server;
	facts.node = STR("e1");
	fixture_init(&f, &(struct cfg_answers){ .pages = { items, 2 } });
	build(&f, &facts); /* a reason is more exact than a status, wherever it stands */
	check_field(&f, "Content-Type", "text/plain; charset=utf-8");
	check_body(&f, "s no_server");
	facts.form = ANSWER_JSON;
	build(&f, &facts);
	check_field(&f, "Content-Type", "application/json");
	check_body(&f, "g 503 e1");
	facts.form = ANSWER_TEXT;
	facts.end = PROXY_END_NO_ROUTE;
	facts.status = 404;
	build(&f, &facts);
	check_field(&f, "Content-Type", "text/plain");
	unlink(general);
	unlink(special);
	fixture_fini(&f);
}

static void test_configured_faults(void **state) {
	(void)state;
	struct arena a;
	struct answer_pages pages = { 0 };
	struct err e;
	struct cfg_page items[] = { { .reason = STR("no_servers"), .text = STR("/dev/null") } };
	arena_init(&a, 1024);
	assert_int_equal(answer_pages_compile(&pages, &a, &(struct cfg_answers){ .pages = { items, 1 } }, &e), -1);
	assert_non_null(strstr(e.text, "answers.pages[0]: \"no_servers\" is no end reason"));
	items[0] = (struct cfg_page){ .reason = STR("no_server") };
	pages.n = 0;
	assert_int_equal(answer_pages_compile(&pages, &a, &(struct cfg_answers){ .pages = { items, 1 } }, &e), -1);
	assert_string_equal(e.text, "answers.pages[0]: has no file; give it text, json or html");
	arena_fini(&a);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_page_faults),
		cmocka_unit_test(test_page_file),
		cmocka_unit_test(test_built_in),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_grpc),
		cmocka_unit_test(test_extra_fields),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_configured_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
