/* SPDX-License-Identifier: BSD-2-Clause */
/* Which states of health are prepared for, and that in none of them anything is left to be signed. */
#include "unit/gslb/signed.h"

static bool has(const uint64_t *states, unsigned n, uint64_t state) {
	unsigned seen = 0;
	for (unsigned i = 0; i < n; i++)
		seen += states[i] == state;
	assert_in_range(seen, 0, 1); /* each once */
	return seen == 1;
}

static void test_states(void **state) {
	(void)state;
	uint64_t states[PRESIGN_STATES_MAX];
	for (unsigned sites = 1; sites <= 8; sites++) {
		assert_int_equal(presign_states(states, sites, 1), 1u << sites);
		for (uint64_t i = 0; i < 1u << sites; i++)
			assert_true(has(states, 1u << sites, i));
	}
	/* Many: now, each neighbour, all, none. */
	assert_int_equal(presign_states(states, 9, 0x0f), 12);
	assert_true(has(states, 12, 0x0f));
	assert_true(has(states, 12, 0x1ff));
	assert_true(has(states, 12, 0));
	for (unsigned i = 0; i < 9; i++)
		assert_true(has(states, 12, 0x0f ^ 1u << i));
	assert_int_equal(presign_states(states, 9, 0x1ff), 11);
	assert_int_equal(presign_states(states, 64, UINT64_MAX), 66);
	assert_int_equal(presign_states(states, 64, 1), 66); /* none is a neighbour of one */
}

static const char text[] = "@ 3600 IN SOA ns h 7 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.1\nalias IN CNAME app\n";

/* Every answer that the policy can come to stands ready: to ask for it makes none. */
static void test_nothing_left(void **state) {
	struct signed_zone *x = *state;
	struct render *r = mem_zalloc(sizeof(*r));
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	strcpy(x->names, "app: { pool: app, sites: [cloud, onprem, dr], all_down: none }, "
	                 "www: { policy: weighted, pool: app, sites: { cloud: 1, onprem: 2, dr: 1 } }");
	signed_must_load(x, text);
	for (struct steered *s = x->zone->steered; s; s = s->next) {
		unsigned before = s->n_variants;
		assert_in_range(before, 3, 5); /* each site; all or none of them */
		for (uint64_t usable = 0; usable < 8; usable++)
			for (uint64_t last = 0; last < 8; last++) {
				struct policy_choice c;
				policy_choose(s->policy, usable, last, 0, &c);
				for (unsigned i = 0; i < c.n; i++) {
					bool fits = false;
					const struct variant *v = variant_get(s, &c.alternatives[i], r, &fits);
					assert_true(fits);
					assert_non_null(variant_answer(v, 0, SLOT_A, true));
				}
			}
		assert_int_equal(s->n_variants, before);
	}
	mem_free(r);
}

/* Where nothing is signed, answers are made when they are wanted. */
static void test_unsigned(void **state) {
	struct fixture *x = fixture_create();
	struct err e;
	(void)state;
	fixture_file(x, "zone", text);
	struct buf errors = { 0 };
	struct cfg *cfg =
	    cfg_load_text(STR("listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES
	                      "zones: { example: { file: zone, names: { app: { pool: app, sites: [cloud, onprem] } } } }\n"),
	                  "test.yaml", x->directory, &errors);
	assert_non_null(cfg);
	struct zones *zs = zones_create(cfg_root(cfg), NULL, NULL, &e);
	assert_non_null(zs);
	assert_int_equal(zs->first->steered->n_variants, 0);
	zones_destroy(zs);
	cfg_destroy(cfg);
	fixture_destroy(x);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test_setup_teardown(test_nothing_left, signed_setup, signed_teardown),
		cmocka_unit_test(test_unsigned),
	};
	return cmocka_run_group_tests_name("gslb/presign", tests, NULL, NULL);
}
