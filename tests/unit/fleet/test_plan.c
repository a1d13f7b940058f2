/* SPDX-License-Identifier: BSD-2-Clause */
/* Reload: what stays by identity, what is refused, and when what was removed is freed. */
#include "house.h"

static unsigned n_forgotten;
static void on_forget(void *arg, struct fleet_server *s) {
	(void)arg;
	(void)s;
	n_forgotten++;
}

static struct house *plan_house(void) {
	struct house *h = house_create(2, 2);
	for (unsigned i = 0; i < 3; i++)
		house_add(h, 0, i % 2, 1);
	house_add(h, 1, 0, 1);
	house_commit(h);
	n_forgotten = 0;
	fleet_on_forget(h->fleet, on_forget, NULL);
	return h;
}

/* Takes server i out of the configuration of pool 0. */
static void config_remove(struct house *h, unsigned i) {
	struct cfg_server *items = h->servers[0];
	memmove(&items[i], &items[i + 1], (h->pools[0].servers.n - i - 1) * sizeof(*items));
	h->pools[0].servers.n--;
}

static void test_identity(void **state) {
	(void)state;
	struct house *h = plan_house();
	struct fleet_server *s = house_server(h, 0, 1);
	struct fleet_pool *p = house_pool(h, 0);
	unsigned site_index = house_site(h, 1)->index;
	fleet_set_verdict(h->fleet, s, FLEET_DOWN, true, STR("refused"));
	fleet_set_admin(h->fleet, TARGET_SERVER(s), FLEET_FORCED_UP);
	fleet_set_admin(h->fleet, TARGET_POOL(p), FLEET_FORCED_UP);
	struct fleet_server *held = house_pick(h, 0, NULL);
	uint64_t epoch = fleet_epoch(h->fleet);
	/* The same in another order, with another weight and limit. */
	struct cfg_server swap = h->servers[0][0];
	h->servers[0][0] = h->servers[0][1];
	h->servers[0][1] = swap;
	h->servers[0][0].weight = 7;
	h->servers[0][0].max_connections = 9;
	house_commit(h);
	assert_int_equal(fleet_epoch(h->fleet), epoch + 1);
	assert_ptr_equal(house_server(h, 0, 1), s);
	assert_ptr_equal(house_pool(h, 0), p);
	assert_ptr_equal(SERVER_OF(p->servers.next), s); /* in the order of the file */
	assert_int_equal(house_site(h, 1)->index, site_index);
	assert_int_equal(s->verdict, FLEET_DOWN);
	assert_true(s->changes_at_us > 0);
	assert_true(str_eq(s->cause, STR("refused")));
	assert_int_equal(s->admin, FLEET_FORCED_UP);
	assert_int_equal(p->admin, FLEET_FORCED_UP);
	assert_int_equal(s->weight, 7);
	assert_int_equal(s->max_connections, 9);
	assert_int_equal(fleet_active(h->fleet, TARGET_POOL(p)), 1);
	fleet_request_end(held, 0);
	unsigned counts[3] = { 0 };
	house_count(h, 0, 90, counts);
	assert_int_equal(counts[1], 70);
	house_destroy(h);
}

static void test_other_address_is_another_server(void **state) {
	(void)state;
	struct house *h = plan_house();
	struct fleet_server *s = house_server(h, 0, 0);
	house_verdict(h, 0, 0, FLEET_DOWN);
	addr_set_port(&h->servers[0][0].address, 81);
	house_commit(h);
	assert_ptr_not_equal(house_server(h, 0, 0), s);
	assert_int_equal(house_server(h, 0, 0)->verdict, FLEET_UNKNOWN);
	assert_true(s->is_removed);
	assert_false(fleet_sweep(h->fleet));
	assert_int_equal(n_forgotten, 1);
	house_destroy(h);
}

/* What the operator said of app/c1 is said of that name, as in the state file: a new address does not put it into service. */
static void test_operators_word_goes_by_name(void **state) {
	(void)state;
	struct house *h = plan_house();
	fleet_set_admin(h->fleet, TARGET_SERVER(house_server(h, 0, 0)), FLEET_MAINT);
	fleet_set_admin(h->fleet, TARGET_SERVER(house_server(h, 0, 1)), FLEET_DRAIN);
	for (unsigned i = 0; i < 2; i++)
		addr_set_port(&h->servers[0][i].address, 81);
	house_commit(h);
	assert_int_equal(house_server(h, 0, 0)->admin, FLEET_MAINT);
	assert_int_equal(house_server(h, 0, 1)->admin, FLEET_DRAIN);
	assert_int_equal(house_server(h, 0, 1)->drain.phase, FLEET_PHASE_DRAINED);
	for (unsigned i = 0; i < 2; i++)
		assert_false(house_server(h, 0, i)->takes_requests);
	house_destroy(h);
}

/* A server that no check looks after has no cause. */
static void test_cause_goes_with_the_check(void **state) {
	(void)state;
	struct house *h = plan_house();
	house_verdict(h, 0, 0, FLEET_DOWN);
	h->pools[0].check = NULL;
	house_commit(h);
	assert_int_equal(house_server(h, 0, 0)->verdict, FLEET_UP);
	assert_int_equal(house_server(h, 0, 0)->cause.n, 0);
	house_destroy(h);
}

static void test_removed_server_lives_as_long_as_it_is_held(void **state) {
	(void)state;
	struct house *h = plan_house();
	struct fleet_server *s = house_server(h, 0, 2), *picked;
	while ((picked = house_pick(h, 0, NULL)) != s)
		fleet_request_end(picked, 0);
	assert_true(fleet_connection_take(s, 0));
	config_remove(h, 2);
	house_commit(h);
	assert_false(s->takes_requests);
	assert_null(fleet_server_find(h->fleet, STR("p0/v2")));
	for (unsigned i = 0; i < 10; i++) {
		picked = house_pick(h, 0, NULL);
		assert_ptr_not_equal(picked, s);
		fleet_request_end(picked, 0);
	}
	assert_true(fleet_sweep(h->fleet));
	fleet_request_end(s, 0);
	assert_true(fleet_sweep(h->fleet));
	assert_int_equal(n_forgotten, 0);
	fleet_connection_release(s, 0);
	atomic_store(&s->is_suspected, true);
	assert_true(fleet_sweep(h->fleet)); /* its report is on its way */
	s->suspicion.run(&s->suspicion);
	assert_false(fleet_sweep(h->fleet));
	assert_int_equal(n_forgotten, 1);
	house_destroy(h);
}

static void test_removed_pool(void **state) {
	(void)state;
	struct house *h = plan_house();
	h->pools[1].timeouts.response_ms = 1234;
	struct fleet_pool *p = house_pool(h, 1);
	struct fleet_server *s = house_pick(h, 1, NULL), *none = NULL;
	h->root.pools.n = 1;
	house_commit(h);
	h->pools[1].timeouts.response_ms = 0;
	assert_null(fleet_pool_find(h->fleet, STR("p1")));
	assert_int_equal(fleet_pick(p, 0, &(struct fleet_request){ 0 }, &none), FLEET_NO_SERVER);
	/* A request in progress still knows its timeouts, and may ask for a retry. */
	assert_int_equal(p->cfg->timeouts.response_ms, 1234);
	assert_true(fleet_retry_take(p));
	fleet_request_end(s, 0);
	assert_true(fleet_sweep(h->fleet));
	fleet_retry_end(p);
	assert_false(fleet_sweep(h->fleet));
	house_destroy(h);
}

static void test_removed_site_keeps_its_bit(void **state) {
	(void)state;
	struct house *h = plan_house();
	struct fleet_server *s = house_server(h, 0, 1);
	struct fleet_site *site = s->site;
	unsigned index = site->index;
	assert_true(fleet_connection_take(s, 0));
	config_remove(h, 1); /* the only one in s1 */
	h->root.sites.n = 1;
	house_commit(h);
	assert_true(fleet_sweep(h->fleet));
	assert_true(site->is_removed);
	assert_true(str_eq(s->site->name, STR("s1")));
	/* Another site gets another bit while the old one is still spoken of; afterwards it is free again. */
	h->sites[1].id = STR("new");
	h->root.sites.n = 2;
	house_commit(h);
	assert_int_not_equal(fleet_site_find(h->fleet, STR("new"))->index, index);
	fleet_connection_release(s, 0);
	assert_false(fleet_sweep(h->fleet));
	h->sites[2].id = STR("newer");
	h->root.sites.n = 3;
	house_commit(h);
	assert_int_equal(fleet_site_find(h->fleet, STR("newer"))->index, index);
	house_destroy(h);
}

static void test_prepare_and_discard_change_nothing(void **state) {
	(void)state;
	struct house *h = plan_house();
	struct err e;
	uint64_t epoch = fleet_epoch(h->fleet);
	house_add(h, 0, 1, 1);
	h->sites[2].id = STR("third");
	h->root.sites.n = 3;
	h->pools[2].servers.n = 0;
	h->root.pools.n = 3;
	struct fleet_plan *plan = fleet_prepare(h->fleet, &h->root, &e);
	assert_non_null(plan);
	fleet_discard(plan);
	fleet_discard(NULL);
	assert_int_equal(fleet_epoch(h->fleet), epoch);
	assert_null(fleet_site_find(h->fleet, STR("third")));
	assert_null(fleet_pool_find(h->fleet, STR("p2")));
	assert_null(fleet_server_find(h->fleet, STR("p0/v3")));
	assert_false(fleet_sweep(h->fleet));
	house_destroy(h);
}

static void test_too_many_sites(void **state) {
	(void)state;
	struct house *h = house_create(0, 0);
	static struct cfg_site sites[FLEET_SITES_MAX + 1];
	static char names[FLEET_SITES_MAX + 1][8];
	for (unsigned i = 0; i < COUNT_OF(sites); i++) {
		snprintf(names[i], sizeof(names[i]), "x%u", i);
		sites[i].id = str_from(names[i]);
	}
	struct err e;
	h->root.sites.items = sites;
	h->root.sites.n = COUNT_OF(sites);
	assert_null(fleet_prepare(h->fleet, &h->root, &e));
	assert_non_null(strstr(e.text, "x64"));
	h->root.sites.n = FLEET_SITES_MAX;
	house_commit(h);
	house_destroy(h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_other_address_is_another_server),
		cmocka_unit_test(test_operators_word_goes_by_name),
		cmocka_unit_test(test_cause_goes_with_the_check),
		cmocka_unit_test(test_removed_server_lives_as_long_as_it_is_held),
		cmocka_unit_test(test_removed_pool),
		cmocka_unit_test(test_removed_site_keeps_its_bit),
		cmocka_unit_test(test_prepare_and_discard_change_nothing),
		cmocka_unit_test(test_too_many_sites),
	};
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
