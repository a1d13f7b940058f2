/* SPDX-License-Identifier: BSD-2-Clause */
/* Admin states to text and back, and text that should be ignored. */
#include "house.h"

static struct house *state_house(void) {
	struct house *h = house_create(2, 1);
	house_add(h, 0, 0, 1);
	house_add(h, 0, 1, 1);
	house_commit(h);
	return h;
}

static void test_round_trip(void **state) {
	(void)state;
	struct house *h = state_house();
	struct buf first = { 0 }, second = { 0 };
	fleet_state_write(h->fleet, &first);
	assert_int_equal(first.n, 0); /* all ready: nothing to keep */
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 1000 };
	atomic_store(&house_site(h, 0)->answered_until_us, clock_now_us() + 5000000);
	assert_int_equal(fleet_drain(h->fleet, TARGET_SITE(house_site(h, 0)), &o, &e), 0);
	fleet_set_admin(h->fleet, TARGET_SERVER(house_server(h, 0, 1)), FLEET_MAINT);
	fleet_set_admin(h->fleet, TARGET_POOL(house_pool(h, 0)), FLEET_FORCED_UP);
	fleet_state_write(h->fleet, &first);
	assert_true(str_eq(buf_str(&first), STR("site s0 drain\npool p0 up\nserver p0/v1 maint\n")));
	house_destroy(h);

	h = state_house();
	uint64_t epoch = fleet_epoch(h->fleet);
	fleet_state_read(h->fleet, buf_str(&first));
	assert_int_equal(fleet_epoch(h->fleet), epoch + 1);
	assert_int_equal(house_site(h, 0)->admin, FLEET_DRAIN);
	assert_int_equal(house_site(h, 0)->drain.phase, FLEET_PHASE_DRAINED);
	assert_int_equal(house_server(h, 0, 1)->admin, FLEET_MAINT);
	assert_null(house_pick(h, 0, NULL));
	fleet_state_write(h->fleet, &second);
	assert_true(str_eq(buf_str(&first), buf_str(&second)));
	buf_fini(&first);
	buf_fini(&second);
	house_destroy(h);
}

static void test_unknown_is_left_out(void **state) {
	(void)state;
	struct house *h = state_house();
	uint64_t epoch = fleet_epoch(h->fleet);
	log_set_level(LOG_LEVEL_ERROR);
	fleet_state_read(h->fleet, STR("site gone drain\nserver p0/gone maint\nserver p0 maint\nrack s0 drain\nsite s0 asleep\n"
	                               "site s0\nsite\n\n   \nsite  drain\nsite drain\n\x00\xff\npool p0 ready"));
	assert_int_equal(fleet_epoch(h->fleet), epoch);
	fleet_state_read(h->fleet, STR("junk\nsite s1 down\r"));
	assert_int_equal(fleet_epoch(h->fleet), epoch); /* "down\r" is no word */
	fleet_state_read(h->fleet, STR("junk\n site s1 down "));
	assert_int_equal(house_site(h, 1)->admin, FLEET_FORCED_DOWN);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_unknown_is_left_out),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
