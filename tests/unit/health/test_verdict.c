/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.c against a table, and against a model that looks at the whole history for each vote. */
#include "health/verdict.h"

#include "steerway/base/mem.h"
#include "steerway/base/rand.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define VOTES_MAX 400

static enum vote vote_of(char c) {
	return c == '+' ? VOTE_SUCCESS : c == '-' ? VOTE_FAILURE : VOTE_NONE;
}

static char letter(enum fleet_verdict v) {
	return v == FLEET_UP ? 'U' : v == FLEET_DOWN ? 'D' : '?';
}

/* votes: + success, - failure, . none; states: after each, capital when settled, small in transition. */
static const struct row {
	const char *what;
	unsigned rise, fall;
	const char *votes, *states;
} rows[] = {
	{ "the first vote decides", 2, 3, "+", "U" },
	{ "the first vote decides, whatever fall is", 5, 5, "-", "D" },
	{ "fall failures in a row", 2, 3, "+---", "UuuD" },
	{ "a success breaks the row", 2, 3, "+--+---", "UuuUuuD" },
	{ "rise successes in a row", 2, 3, "-++", "DdU" },
	{ "a failure breaks the row", 3, 3, "-++-+++", "DddDddU" },
	{ "no vote changes no streak", 2, 3, "+-.-.-", "UuuuuD" },
	{ "no vote decides nothing at start", 1, 1, "..+", "??U" },
	{ "one is enough", 1, 1, "+-+-", "UDUD" },
	{ "flapping below both bounds stays up", 2, 2, "+-+-+-+-", "UuUuUuUu" },
	{ "and stays down", 2, 2, "-+-+-+-+", "DdDdDdDd" },
};

static void test_table(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *r = &rows[i];
		struct verdict v = { 0 };
		for (size_t k = 0; r->votes[k] != '\0'; k++) {
			enum fleet_verdict before = v.state;
			bool changed = verdict_vote(&v, vote_of(r->votes[k]), r->rise, r->fall);
			char is = letter(v.state);
			if (verdict_is_transition(&v) && is != '?')
				is = (char)(is + ('a' - 'A'));
			if (is != r->states[k])
				fail_msg("%s: after vote %zu of \"%s\": %c, expected %c", r->what, k, r->votes, is, r->states[k]);
			assert_int_equal(changed, v.state != before);
		}
	}
}

/* How many of the last votes before `end` are `what`, those without a vote left out. */
static unsigned run_length(const enum vote *votes, size_t end, enum vote what) {
	unsigned n = 0;
	for (size_t i = end; i-- > 0;) {
		if (votes[i] == VOTE_NONE)
			continue;
		if (votes[i] != what)
			break;
		n++;
	}
	return n;
}

static enum fleet_verdict model(const enum vote *votes, size_t n, unsigned rise, unsigned fall) {
	enum fleet_verdict v = FLEET_UNKNOWN;
	for (size_t end = 1; end <= n; end++) {
		enum vote last = votes[end - 1];
		if (last == VOTE_NONE)
			continue;
		if (v == FLEET_UNKNOWN)
			v = last == VOTE_SUCCESS ? FLEET_UP : FLEET_DOWN;
		else if (run_length(votes, end, VOTE_SUCCESS) >= rise)
			v = FLEET_UP;
		else if (run_length(votes, end, VOTE_FAILURE) >= fall)
			v = FLEET_DOWN;
	}
	return v;
}

static void test_against_model(void **state) {
	(void)state;
	struct rand r;
	for (uint64_t seed = 0; seed < 150; seed++) {
		rand_seed(&r, seed);
		unsigned rise = 1 + (unsigned)rand_below(&r, 5), fall = 1 + (unsigned)rand_below(&r, 5);
		uint64_t bias = rand_below(&r, 100);
		enum vote votes[VOTES_MAX];
		struct verdict v = { 0 };
		for (size_t n = 0; n < VOTES_MAX; n++) {
			votes[n] = rand_below(&r, 10) == 0 ? VOTE_NONE : rand_below(&r, 100) < bias ? VOTE_SUCCESS : VOTE_FAILURE;
			verdict_vote(&v, votes[n], rise, fall);
			assert_int_equal(v.state, model(votes, n + 1, rise, fall));
			assert_int_equal(v.successes, run_length(votes, n + 1, VOTE_SUCCESS));
			assert_int_equal(v.failures, run_length(votes, n + 1, VOTE_FAILURE));
			bool leans = v.state == FLEET_UP ? v.failures > 0 : v.state == FLEET_DOWN ? v.successes > 0 : true;
			assert_int_equal(verdict_is_transition(&v), leans);
		}
	}
}

static void test_streak_saturates(void **state) {
	(void)state;
	struct verdict v = { .state = FLEET_UP, .successes = UINT32_MAX };
	assert_false(verdict_vote(&v, VOTE_SUCCESS, 2, 3));
	assert_int_equal(v.successes, UINT32_MAX);
	assert_int_equal(v.state, FLEET_UP);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_streak_saturates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
