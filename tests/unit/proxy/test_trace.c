/* SPDX-License-Identifier: BSD-2-Clause */
/* traceparent by the letter of the W3C's recommendation, level 1 (2.2); ids that can be kept and ids that are made. */
#include "proxy/trace.h"

#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void test_parse(void **state) {
	(void)state;
	static const char *const good[] = {
		"00-" TRACE "-" PARENT "-01",
		"00-" TRACE "-" PARENT "-00",
		"00-" TRACE "-" PARENT "-ff",
		"cc-" TRACE "-" PARENT "-01",
		"cc-" TRACE "-" PARENT "-01-what-comes",
		"01-" TRACE "-" PARENT "-09-",
	};
	static const char *const bad[] = {
		"",
		"00",
		"00-" TRACE "-" PARENT "-0",
		"00-" TRACE "-" PARENT "-01-",
		"00-" TRACE "-" PARENT "-01.",
		"00-" TRACE "-" PARENT "-011",
		"cc-" TRACE "-" PARENT "-01.what",
		"cc-" TRACE "-" PARENT "-011",
		"ff-" TRACE "-" PARENT "-01",
		"0-0" TRACE "-" PARENT "-01",
		"00_" TRACE "-" PARENT "-01",
		"00-" TRACE "_" PARENT "-01",
		"00-" TRACE "-" PARENT "_01",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00-" TRACE "-B7AD6B7169203331-01",
		"00-" TRACE "-" PARENT "-0A",
		"0A-" TRACE "-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c80319-" PARENT "x-01",
		"00-0af7651916cd43dd8448eb211c80319g-" PARENT "-01",
		" 0-" TRACE "-" PARENT "-01",
	};
	struct str id;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		if (!trace_parent_parse(str_from(good[i]), &id))
			fail_msg("%s", good[i]);
		assert_true(str_eq(id, STR(TRACE)));
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (trace_parent_parse(str_from(bad[i]), &id))
			fail_msg("%s", bad[i]);
}

static void test_create(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 7);
	char a[TRACE_PARENT_BYTES], b[TRACE_PARENT_BYTES];
	struct str id;
	trace_parent_create(a, &r, true);
	trace_parent_create(b, &r, false);
	assert_true(trace_parent_parse(str_slice(a, sizeof(a)), &id));
	assert_ptr_equal(id.p, a + 3);
	assert_true(trace_parent_parse(str_slice(b, sizeof(b)), &id));
	assert_memory_equal(a + 52, "-01", 3);
	assert_memory_equal(b + 52, "-00", 3);
	assert_memory_not_equal(a + 3, b + 3, TRACE_ID_BYTES);
	assert_memory_not_equal(a + 36, b + 36, 16);
}

static void test_request_id(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 7);
	char a[REQUEST_ID_BYTES], b[REQUEST_ID_BYTES], longest[REQUEST_ID_MAX + 1];
	request_id_create(a, &r);
	request_id_create(b, &r);
	assert_true(request_id_is_valid(str_slice(a, sizeof(a))));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_true(request_id_is_valid(STR("01890a5d-ac96-774b-bcce-b302099a8057")));
	assert_true(request_id_is_valid(STR("Root=1-67891233-abcdef012345678912345678")));
	memset(longest, 'x', sizeof(longest));
	assert_true(request_id_is_valid(str_slice(longest, REQUEST_ID_MAX)));
	assert_false(request_id_is_valid(str_slice(longest, REQUEST_ID_MAX + 1)));
	static const struct str bad[] = { STR_INIT(""),     STR_INIT("a b"), STR_INIT("a\"b"),      STR_INIT("<b>"),
		                          STR_INIT("a\0b"), STR_INIT("a,b"), STR_INIT("a\xc3\xa4"), STR_INIT("a;b"),
		                          STR_INIT("a\tb"), STR_INIT("${x}") };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(request_id_is_valid(bad[i]));
}

/* ---- heads ---- */

struct named {
	struct http_field fields[16];
	struct http_head head;
	struct rand rand;
	char store[TRACE_STORE_BYTES];
	struct trace_names names;
};

static void name(struct named *n, const char *request, struct cfg_tracing cfg) {
	static const struct h1_limits limits = { 4096, 4096 };
	size_t scanned = 0, used;
	n->head = (struct http_head){ .fields = n->fields, .cap_fields = COUNT_OF(n->fields) };
	assert_int_equal(h1_request_parse(&n->head, str_from(request), &limits, &scanned, &used), PARSE_DONE);
	rand_seed(&n->rand, 3);
	n->names = trace_request(&n->head, &cfg, &n->rand, n->store);
}

/* What is left of fields with the name: n of them, the last one's value. */
static unsigned left(const struct named *n, const char *field, struct str *value) {
	unsigned count = 0;
	for (unsigned i = 0; i < n->head.n_fields; i++)
		if (!n->head.fields[i].is_dropped && str_eq_nocase(n->head.fields[i].name, str_from(field))) {
			*value = n->head.fields[i].value;
			count++;
		}
	return count;
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define GOOD "00-" TRACE "-" PARENT "-01"
#define STATE "tracestate: a=1\r\n"

static void test_traceparent_passes(void **state) {
	(void)state;
	static const enum cfg_traceparent modes[] = { CFG_TRACEPARENT_PASS, CFG_TRACEPARENT_CREATE };
	struct named n;
	struct str value;
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		name(&n, GET "traceparent: " GOOD "\r\n" STATE "\r\n", (struct cfg_tracing){ .traceparent = modes[i] });
		assert_true(str_eq(n.names.trace_id, STR(TRACE)));
		assert_int_equal(left(&n, "traceparent", &value), 1);
		assert_true(str_eq(value, STR(GOOD)));
		assert_int_equal(left(&n, "tracestate", &value), 1);
	}
}

static void test_traceparent_created(void **state) {
	(void)state;
	static const char *const heads[] = { GET "\r\n", GET "traceparent: x\r\n" STATE "\r\n", GET STATE "\r\n",
		                             GET "traceparent: " GOOD "\r\n" STATE "traceparent: " GOOD "\r\n\r\n" };
	struct named n;
	struct str value, id;
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		name(&n, heads[i], (struct cfg_tracing){ .traceparent = CFG_TRACEPARENT_CREATE, .sampled_percent = 100 });
		assert_int_equal(left(&n, "traceparent", &value), 1);
		assert_true(trace_parent_parse(value, &id));
		assert_true(str_eq(id, n.names.trace_id));
		assert_true(str_ends(value, STR("-01")));
		assert_int_equal(left(&n, "tracestate", &value), 0);
		name(&n, heads[i], (struct cfg_tracing){ .traceparent = CFG_TRACEPARENT_CREATE, .sampled_percent = 0 });
		assert_int_equal(left(&n, "traceparent", &value), 1);
		assert_true(str_ends(value, STR("-00")));
		name(&n, heads[i], (struct cfg_tracing){ .traceparent = CFG_TRACEPARENT_PASS });
		assert_int_equal(n.names.trace_id.n, 0);
		for (unsigned k = 0; k < n.head.n_fields; k++)
			assert_false(n.head.fields[k].is_dropped);
	}
}

static void test_request_id_modes(void **state) {
	(void)state;
	static const char given[] = GET "X-Request-ID: abc-1\r\n\r\n", bad[] = GET "X-Request-ID: a<b\r\n\r\n",
			  two[] = GET "X-Request-ID: a\r\nX-Request-ID: b\r\n\r\n";
	struct named n;
	struct str value;
	name(&n, given, (struct cfg_tracing){ .request_id = CFG_REQUEST_ID_KEEP });
	assert_true(str_eq(n.names.request_id, STR("abc-1")));
	assert_int_equal(left(&n, "x-request-id", &value), 1);
	assert_true(str_eq(value, STR("abc-1")));
	const struct {
		const char *head;
		enum cfg_request_id mode;
	} replaced[] = { { given, CFG_REQUEST_ID_REPLACE },
		         { bad, CFG_REQUEST_ID_KEEP },
		         { two, CFG_REQUEST_ID_KEEP },
		         { GET "\r\n", CFG_REQUEST_ID_KEEP },
		         { GET "\r\n", CFG_REQUEST_ID_REPLACE } };
	for (size_t i = 0; i < COUNT_OF(replaced); i++) {
		name(&n, replaced[i].head, (struct cfg_tracing){ .request_id = replaced[i].mode });
		assert_int_equal(n.names.request_id.n, REQUEST_ID_BYTES);
		assert_int_equal(left(&n, "x-request-id", &value), 1);
		assert_true(str_eq(value, n.names.request_id));
	}
	name(&n, given, (struct cfg_tracing){ .request_id = CFG_REQUEST_ID_OFF });
	assert_int_equal(n.names.request_id.n, 0);
	assert_int_equal(left(&n, "x-request-id", &value), 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_request_id),
		cmocka_unit_test(test_traceparent_passes),
		cmocka_unit_test(test_traceparent_created),
		cmocka_unit_test(test_request_id_modes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
