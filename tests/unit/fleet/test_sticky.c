/* SPDX-License-Identifier: BSD-2-Clause */
/* Sticky sessions: cookies that can't be made without the secret, and servers that keep theirs over drains but not over death. */
#include "house.h"

#include <unistd.h>

#define KEY "0123456789abcdef"

static char secret_path[] = "/tmp/steerway-sticky-XXXXXX";

static void secret_write(const char *text) {
	FILE *f = fopen(secret_path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static struct house *sticky_house(enum cfg_sticky_by by) {
	struct house *h = house_create(2, 2);
	for (unsigned p = 0; p < 2; p++) {
		h->pools[p].sticky = (struct cfg_sticky){ .is_given = true, .by = by, .secret = str_from(secret_path) };
		for (unsigned i = 0; i < 6; i++)
			house_add(h, p, i / 3, 1);
	}
	secret_write(KEY "\n");
	house_commit(h);
	return h;
}

static uint64_t home_of(struct house *h, unsigned pool, unsigned server, char cookie[FLEET_STICKY_BYTES]) {
	assert_true(fleet_sticky_cookie(house_pool(h, pool), 0, house_server(h, pool, server), cookie));
	uint64_t home = fleet_sticky_home(house_pool(h, pool), str_slice(cookie, FLEET_STICKY_BYTES));
	assert_true(home != 0);
	return home;
}

/* The server that serves the session, its request ended at once. */
static int serves(struct house *h, uint64_t home) {
	struct fleet_server *s = house_pick(h, 0, &(struct fleet_request){ .home = home });
	if (!s)
		return -1;
	fleet_request_end(s, 0);
	return (int)house_number(s);
}

static void test_sign(void **state) {
	(void)state;
	char out[FLEET_STICKY_BYTES];
	/* echo -ne 'app\0c1' | openssl dgst -sha256 -hmac 0123456789abcdef -binary | head -c24 | base64 | tr +/ -_ */
	sticky_sign(STR(KEY), STR("app"), STR("c1"), out);
	assert_memory_equal(out, "kLgt0xDyuJuR5pHNyhZ1Vi_UnB5BhFqP", sizeof(out));
	char other[FLEET_STICKY_BYTES];
	sticky_sign(STR(KEY), STR("ap"), STR("pc1"), other);
	assert_memory_not_equal(out, other, sizeof(out));
}

static void test_cookie_keeps_its_server(void **state) {
	(void)state;
	struct house *h = sticky_house(CFG_STICKY_BY_COOKIE);
	for (unsigned i = 0; i < 6; i++) {
		char cookie[FLEET_STICKY_BYTES], again[FLEET_STICKY_BYTES];
		uint64_t home = home_of(h, 0, i, cookie);
		for (unsigned n = 0; n < 10; n++)
			assert_int_equal(serves(h, home), i);
		assert_false(fleet_sticky_cookie(house_pool(h, 0), home, house_server(h, 0, i), again));
		/* Another pool's cookie says nothing here, though the server has the same name. */
		assert_int_equal(fleet_sticky_home(house_pool(h, 1), str_slice(cookie, sizeof(cookie))), 0);
	}
	house_destroy(h);
}

static void test_forged(void **state) {
	(void)state;
	struct house *h = sticky_house(CFG_STICKY_BY_COOKIE);
	char cookie[FLEET_STICKY_BYTES + 1] = { 0 };
	home_of(h, 0, 0, cookie);
	for (size_t n = 0; n < FLEET_STICKY_BYTES; n++)
		assert_int_equal(fleet_sticky_home(house_pool(h, 0), str_slice(cookie, n)), 0);
	assert_int_equal(fleet_sticky_home(house_pool(h, 0), str_slice(cookie, FLEET_STICKY_BYTES + 1)), 0);
	for (size_t i = 0; i < FLEET_STICKY_BYTES; i++) /* each bit counts, those of the look-up and those behind */
		for (unsigned bit = 0; bit < 8; bit++) {
			cookie[i] ^= (char)(1 << bit);
			assert_int_equal(fleet_sticky_home(house_pool(h, 0), str_slice(cookie, FLEET_STICKY_BYTES)), 0);
			cookie[i] ^= (char)(1 << bit);
		}
	assert_int_equal(fleet_sticky_home(house_pool(h, 0), str_slice((char[FLEET_STICKY_BYTES]){ 0 }, FLEET_STICKY_BYTES)), 0);
	assert_int_not_equal(serves(h, UINT64_C(0x4141414141414141)), -1); /* a home that is none: balanced */
	house_destroy(h);
}

static void test_over_drain_and_death(void **state) {
	(void)state;
	struct house *h = sticky_house(CFG_STICKY_BY_COOKIE);
	struct fleet_server *s = house_server(h, 0, 2);
	char cookie[FLEET_STICKY_BYTES], next[FLEET_STICKY_BYTES];
	uint64_t home = home_of(h, 0, 2, cookie);
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 20000 };
	assert_int_equal(fleet_drain(h->fleet, TARGET_SERVER(s), &o, &e), 0);
	assert_int_equal(s->drain.phase, FLEET_PHASE_REQUESTS);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(serves(h, home), 2);
		assert_int_not_equal(serves(h, 0), 2); /* nobody new */
	}
	house_sleep_ms(9000); /* it stays so though nothing is in progress, for half of the time */
	drain_advance_all(h->fleet);
	assert_int_equal(serves(h, home), 2);
	assert_false(fleet_sticky_cookie(house_pool(h, 0), home, s, next));
	house_sleep_ms(1000);
	drain_advance_all(h->fleet);
	assert_int_equal(s->drain.phase, FLEET_PHASE_DRAINED);
	int other = serves(h, home);
	assert_int_not_equal(other, 2);
	assert_true(fleet_sticky_cookie(house_pool(h, 0), home, house_server(h, 0, (unsigned)other), next));
	assert_memory_not_equal(next, cookie, sizeof(cookie));
	fleet_set_admin(h->fleet, TARGET_SERVER(s), FLEET_READY);
	assert_int_equal(serves(h, home), 2);
	/* Down, in maintenance, or its site is: another one. */
	house_verdict(h, 0, 2, FLEET_DOWN);
	assert_int_not_equal(serves(h, home), 2);
	house_verdict(h, 0, 2, FLEET_UP);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_MAINT);
	assert_int_not_equal(serves(h, home), 2);
	fleet_set_admin(h->fleet, TARGET_SITE(house_site(h, 0)), FLEET_READY);
	assert_int_equal(serves(h, home), 2);
	house_destroy(h);
}

/* The last server that is left drains: its sessions go on, the others get none. */
static void test_last_server_drains(void **state) {
	(void)state;
	struct house *h = sticky_house(CFG_STICKY_BY_COOKIE);
	char cookie[FLEET_STICKY_BYTES];
	uint64_t home = home_of(h, 0, 0, cookie);
	for (unsigned i = 1; i < 6; i++)
		house_verdict(h, 0, i, FLEET_DOWN);
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = 20000, .force = true };
	assert_int_equal(fleet_drain(h->fleet, TARGET_SERVER(house_server(h, 0, 0)), &o, &e), 0);
	assert_int_equal(serves(h, home), 0);
	assert_int_equal(serves(h, 0), -1);
	house_destroy(h);
}

/* At its limit, or after it failed: another one for this time, and the cookie stays. */
static void test_elsewhere_for_once(void **state) {
	(void)state;
	struct house *h = sticky_house(CFG_STICKY_BY_COOKIE);
	char cookie[FLEET_STICKY_BYTES];
	uint64_t home = home_of(h, 0, 1, cookie);
	struct fleet_server *own = house_server(h, 0, 1);
	struct fleet_server *s = house_pick(h, 0, &(struct fleet_request){ .home = home, .tried = &own, .n_tried = 1 });
	assert_ptr_not_equal(s, own);
	assert_false(fleet_sticky_cookie(house_pool(h, 0), home, s, cookie));
	fleet_request_end(s, 0);
	h->servers[0][1].max_requests = 1;
	house_commit(h);
	s = house_pick(h, 0, &(struct fleet_request){ .home = home });
	assert_ptr_equal(s, own);
	assert_int_not_equal(serves(h, home), 1);
	fleet_request_end(s, 0);
	assert_int_equal(serves(h, home), 1);
	house_destroy(h);
}

static void test_secrets_change(void **state) {
	(void)state;
	struct house *h = sticky_house(CFG_STICKY_BY_COOKIE);
	char old[FLEET_STICKY_BYTES], new[FLEET_STICKY_BYTES];
	home_of(h, 0, 3, old);
	secret_write("another secret, and longer\n\n" KEY "\r\n");
	house_commit(h);
	uint64_t home = fleet_sticky_home(house_pool(h, 0), str_slice(old, sizeof(old)));
	assert_int_equal(serves(h, home), 3);
	assert_true(fleet_sticky_cookie(house_pool(h, 0), home, house_server(h, 0, 3), new)); /* renewed */
	assert_memory_not_equal(old, new, sizeof(old));
	secret_write("another secret, and longer");
	house_commit(h);
	assert_int_equal(fleet_sticky_home(house_pool(h, 0), str_slice(old, sizeof(old))), 0);
	assert_int_equal(serves(h, fleet_sticky_home(house_pool(h, 0), str_slice(new, sizeof(new)))), 3);
	/* A reload whose secret can't be used is refused, and the old one stays. */
	static const char *const bad[] = { "", "\n\n", "too short\n", KEY "\n" KEY "1\n" KEY "2\n" KEY "3\n" KEY "4\n" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct err e;
		secret_write(bad[i]);
		assert_null(fleet_prepare(h->fleet, &h->root, &e));
	}
	assert_int_equal(serves(h, fleet_sticky_home(house_pool(h, 0), str_slice(new, sizeof(new)))), 3);
	fleet_sweep(h->fleet);
	h->pools[0].sticky.is_given = h->pools[1].sticky.is_given = false;
	house_commit(h);
	assert_int_equal(fleet_sticky_home(house_pool(h, 0), str_slice(new, sizeof(new))), 0);
	house_destroy(h);
}

static void test_source(void **state) {
	(void)state;
	enum { CLIENTS = 2000 };
	struct house *h = sticky_house(CFG_STICKY_BY_SOURCE);
	static int before[CLIENTS];
	unsigned counts[6] = { 0 };
	char none[FLEET_STICKY_BYTES];
	for (uint64_t c = 0; c < CLIENTS; c++) {
		before[c] = serves(h, c * 2 + 1);
		counts[before[c]]++;
	}
	for (unsigned i = 0; i < 6; i++)
		assert_true(counts[i] > CLIENTS / 12 && counts[i] < CLIENTS / 3);
	house_verdict(h, 0, 4, FLEET_DOWN);
	for (uint64_t c = 0; c < CLIENTS; c++)
		if (before[c] != 4)
			assert_int_equal(serves(h, c * 2 + 1), before[c]);
		else
			assert_int_not_equal(serves(h, c * 2 + 1), 4);
	house_verdict(h, 0, 4, FLEET_UP);
	for (uint64_t c = 0; c < CLIENTS; c++)
		assert_int_equal(serves(h, c * 2 + 1), before[c]);
	assert_false(fleet_sticky_cookie(house_pool(h, 0), 1, house_server(h, 0, 0), none));
	house_destroy(h);
}

static int setup(void **state) {
	int fd = mkstemp(secret_path);
	close(fd);
	return fd < 0 ? -1 : house_quiet(state);
}

static int teardown(void **state) {
	(void)state;
	return unlink(secret_path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_cookie_keeps_its_server),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_over_drain_and_death),
		cmocka_unit_test(test_last_server_drains),
		cmocka_unit_test(test_elsewhere_for_once),
		cmocka_unit_test(test_secrets_change),
		cmocka_unit_test(test_source),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
