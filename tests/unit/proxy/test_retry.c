/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a request is sent again (RFC 9110 9.2.2), how long it waits, and what is kept of its body. */
#include "proxy/retry.h"

#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* What can be told of a try, as letters: u unsent, p unprocessed, r reused, b response begun, i idempotent, w body whole, t try timeout,
 * x out of attempts. */
static struct retry_facts facts_of(enum proxy_end failed, const char *letters) {
	return (struct retry_facts){ .failed = failed,
		                     .attempts = 2,
		                     .n_retries = strchr(letters, 'x') ? 2 : 1,
		                     .is_unsent = strchr(letters, 'u'),
		                     .is_unprocessed = strchr(letters, 'p'),
		                     .is_reused = strchr(letters, 'r'),
		                     .is_response_begun = strchr(letters, 'b'),
		                     .is_idempotent = strchr(letters, 'i'),
		                     .is_body_whole = strchr(letters, 'w'),
		                     .is_try_timeout = strchr(letters, 't') };
}

static const struct {
	enum proxy_end failed;
	const char *letters;
	enum retry want;
} decisions[] = {
	/* nothing was sent: any method */
	{ PROXY_END_CONNECT_FAILED, "uw", RETRY_UNSEEN },
	{ PROXY_END_CONNECT_FAILED, "uwi", RETRY_UNSEEN },
	{ PROXY_END_CONNECT_TIMEOUT, "uw", RETRY_UNSEEN },
	{ PROXY_END_CONNECT_FAILED, "uwx", RETRY_NO },
	/* the server may have acted on it: only what may be done twice */
	{ PROXY_END_SERVER_CLOSED, "w", RETRY_NO },
	{ PROXY_END_SERVER_CLOSED, "wi", RETRY_BUDGET },
	{ PROXY_END_SERVER_CLOSED, "i", RETRY_NO },
	{ PROXY_END_SERVER_CLOSED, "wix", RETRY_NO },
	{ PROXY_END_SERVER_CLOSED, "wib", RETRY_NO },
	/* the server said that it did nothing */
	{ PROXY_END_SERVER_CLOSED, "wp", RETRY_UNSEEN },
	{ PROXY_END_SERVER_CLOSED, "wpr", RETRY_UNSEEN },
	{ PROXY_END_SERVER_CLOSED, "p", RETRY_NO },
	{ PROXY_END_SERVER_CLOSED, "wpb", RETRY_NO },
	/* an idle connection that was closed: at once, whatever the attempts */
	{ PROXY_END_SERVER_CLOSED, "wir", RETRY_FRESH },
	{ PROXY_END_SERVER_CLOSED, "wirx", RETRY_FRESH },
	{ PROXY_END_SERVER_CLOSED, "wr", RETRY_NO },
	{ PROXY_END_SERVER_CLOSED, "ir", RETRY_NO },
	{ PROXY_END_SERVER_CLOSED, "wirb", RETRY_NO },
	{ PROXY_END_COMPLETE, "wir", RETRY_BUDGET },
	/* time */
	{ PROXY_END_SERVER_TIMEOUT, "wi", RETRY_NO },
	{ PROXY_END_SERVER_TIMEOUT, "wit", RETRY_BUDGET },
	{ PROXY_END_SERVER_TIMEOUT, "wt", RETRY_NO },
	{ PROXY_END_SERVER_TIMEOUT, "witr", RETRY_BUDGET },
	/* a status that counts as a failure */
	{ PROXY_END_COMPLETE, "wi", RETRY_BUDGET },
	{ PROXY_END_COMPLETE, "w", RETRY_NO },
	{ PROXY_END_COMPLETE, "i", RETRY_NO },
	{ PROXY_END_COMPLETE, "wix", RETRY_NO },
	/* never */
	{ PROXY_END_SERVER_BAD_RESPONSE, "wi", RETRY_NO },
	{ PROXY_END_CLIENT_ABORT, "wi", RETRY_NO },
	{ PROXY_END_BODY_TIMEOUT, "wi", RETRY_NO },
	{ PROXY_END_DRAIN_DEADLINE, "uwi", RETRY_NO },
};

static void test_decide(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(decisions); i++) {
		struct retry_facts f = facts_of(decisions[i].failed, decisions[i].letters);
		if (retry_decide(&f) != decisions[i].want)
			fail_msg("%s, %s: %d", proxy_end_name(decisions[i].failed), decisions[i].letters, retry_decide(&f));
	}
}

/* Whatever else is true: nothing goes out twice that a server may have acted on, unless that is the same as once. */
static void test_never_unsafe(void **state) {
	(void)state;
	for (unsigned end = 0; end < PROXY_END_COUNT; end++)
		for (unsigned bits = 0; bits < 256; bits++) {
			char letters[9];
			size_t n = 0;
			for (unsigned i = 0; i < 8; i++)
				if (bits >> i & 1)
					letters[n++] = "uprbiwtx"[i];
			letters[n] = '\0';
			struct retry_facts f = facts_of((enum proxy_end)end, letters);
			enum retry r = retry_decide(&f);
			if (r == RETRY_NO)
				continue;
			assert_true(f.is_body_whole && !f.is_response_begun);
			assert_true(f.is_idempotent || f.is_unsent || f.is_unprocessed);
			assert_true(r == RETRY_FRESH || f.n_retries < f.attempts);
			assert_true(r != RETRY_UNSEEN || f.is_unsent || f.is_unprocessed);
		}
}

static void test_backoff(void **state) {
	(void)state;
	static const struct {
		uint64_t base_ms, max_ms;
		unsigned n;
		uint64_t most_us;
	} cases[] = {
		{ 0, 1000, 1, 0 },    { 10, 1000, 1, 10000 }, { 10, 1000, 2, 20000 },       { 10, 1000, 4, 80000 },
		{ 10, 50, 4, 50000 }, { 10, 5, 1, 5000 },     { 10, 3600000, 10, 5120000 }, { 1, 60000, 200, 60000000 },
	};
	struct rand r;
	rand_seed(&r, 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t most = 0, sum = 0;
		for (int k = 0; k < 4000; k++) {
			uint64_t us = retry_backoff_us(cases[i].base_ms, cases[i].max_ms, cases[i].n, &r);
			assert_true(us <= cases[i].most_us);
			most = us > most ? us : most;
			sum += us;
		}
		assert_true(most >= cases[i].most_us * 99 / 100);
		assert_true(sum / 4000 >= cases[i].most_us * 45 / 100 && sum / 4000 <= cases[i].most_us * 55 / 100);
	}
}

static void test_replay(void **state) {
	(void)state;
	struct replay r = { 0 };
	replay_add(&r, STR("hello"), 16);
	replay_add(&r, STR_NONE, 16);
	replay_add(&r, STR(", world"), 16);
	assert_true(str_eq(replay_str(&r), STR("hello, world")));
	assert_true(r.cap <= 16);
	replay_add(&r, STR("1234"), 16);
	assert_true(str_eq(replay_str(&r), STR("hello, world1234")));
	assert_false(r.is_lost);
	replay_add(&r, STR("5"), 16);
	assert_true(r.is_lost);
	assert_null(r.bytes);
	replay_add(&r, STR("5"), 16); /* what came before is gone for good */
	assert_int_equal(replay_str(&r).n, 0);
	replay_fini(&r);
	assert_false(r.is_lost);
	replay_add(&r, STR("x"), 0);
	assert_true(r.is_lost);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_never_unsafe),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_replay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
