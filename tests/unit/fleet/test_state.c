/* SPDX-License-Identifier: BSD-2-Clause */
/* Who takes requests: every combination of verdict and three words, against a table read cell by cell. */
#include "house.h"

static const struct state_word words[] = {
	{ FLEET_READY, FLEET_PHASE_NONE },     { FLEET_FORCED_UP, FLEET_PHASE_NONE }, { FLEET_FORCED_DOWN, FLEET_PHASE_NONE },
	{ FLEET_MAINT, FLEET_PHASE_NONE },     { FLEET_DRAIN, FLEET_PHASE_DNS },      { FLEET_DRAIN, FLEET_PHASE_REQUESTS },
	{ FLEET_DRAIN, FLEET_PHASE_SESSIONS }, { FLEET_DRAIN, FLEET_PHASE_DRAINED },
};
/* What each word says: '.' nothing, '+' yes, '-' no. */
static const char says[] = ".+--.---";

static void test_truth_table(void **state) {
	(void)state;
	unsigned n_true = 0;
	for (unsigned v = FLEET_UNKNOWN; v <= FLEET_DOWN; v++)
		for (unsigned a = 0; a < COUNT_OF(words); a++)
			for (unsigned b = 0; b < COUNT_OF(words); b++)
				for (unsigned c = 0; c < COUNT_OF(words); c++) {
					char said[] = { says[a], says[b], says[c], 0 };
					bool expected = strchr(said, '-') ? false : strchr(said, '+') ? true : v != FLEET_DOWN;
					bool is = state_takes_requests((enum fleet_verdict)v, words[a], words[b], words[c]);
					n_true += is;
					if (is != expected)
						fail_msg("verdict %u words %u %u %u: %d", v, a, b, c, is);
				}
	/* Of 3 words for each level that do not say no, 27 combinations; with verdict down the 8 without a yes fall out. */
	assert_int_equal(n_true, 27 * 3 - 8);
}

static void test_answerable(void **state) {
	(void)state;
	static const bool expected[] = { true, true, false, false, false, false, false, false };
	for (unsigned i = 0; i < COUNT_OF(words); i++)
		assert_int_equal(state_is_answerable(words[i]), expected[i]);
}

static void test_texts(void **state) {
	(void)state;
	assert_string_equal(fleet_verdict_text(FLEET_UP), "up");
	assert_string_equal(fleet_admin_text(FLEET_FORCED_DOWN), "down");
	assert_string_equal(fleet_phase_text(FLEET_PHASE_DRAINED), "drained");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth_table),
		cmocka_unit_test(test_answerable),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
