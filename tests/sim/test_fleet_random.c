/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random lives: verdicts, words, drains, reloads and requests in any order. Whatever comes, a pick gives a server that takes
 * requests, and none only when there is none; usable sites are what their definition says; at the end all can be freed.
 */
#include "unit/fleet/house.h"

#define STEPS 4000
#define SERVERS 12
#define HELD 64

struct life {
	struct house *h;
	struct fleet_server *held[HELD];
	unsigned n_held;
	struct rand r;
};

static unsigned roll(struct life *l, unsigned n) {
	return (unsigned)rand_below(&l->r, n);
}

static struct fleet_target any_target(struct life *l) {
	unsigned pool = roll(l, 2);
	switch (roll(l, 4)) {
	case 0:
		return TARGET_SITE(house_site(l->h, roll(l, 3)));
	case 1:
		return TARGET_POOL(house_pool(l->h, pool));
	default:
		return TARGET_SERVER(house_server(l->h, pool, roll(l, SERVERS / 2)));
	}
}

static void do_verdict(struct life *l) {
	fleet_set_verdict(l->h->fleet, house_server(l->h, roll(l, 2), roll(l, SERVERS / 2)), (enum fleet_verdict)roll(l, 3),
	                  roll(l, 2), STR("rolled"));
}

static void do_word(struct life *l) {
	/* Mostly back to ready, or soon all is down for good. */
	fleet_set_admin(l->h->fleet, any_target(l), roll(l, 3) ? FLEET_READY : (enum fleet_admin)roll(l, FLEET_FORCED_DOWN + 1));
}

static void do_drain(struct life *l) {
	struct err e;
	const struct fleet_drain_options o = { .deadline_ms = roll(l, 3000), .force = roll(l, 2) };
	fleet_drain(l->h->fleet, any_target(l), &o, &e);
}

/* The first half of the servers stays; of the rest some; sometimes the algorithm and the preference change. */
static void do_reload(struct life *l) {
	for (unsigned p = 0; p < 2; p++) {
		struct cfg_pool *cfg = &l->h->pools[p];
		cfg->servers.n = SERVERS / 2 + roll(l, SERVERS / 2 + 1);
		cfg->balance = (enum cfg_balance)roll(l, CFG_BALANCE_EWMA + 1);
		cfg->prefer.n = roll(l, 4);
		cfg->split.n = cfg->prefer.n ? 0 : roll(l, 4);
		cfg->max_connections = roll(l, 2) * 1000;
		cfg->min_up = 1 + roll(l, 3);
	}
	house_commit(l->h);
}

static void do_pick(struct life *l) {
	if (l->n_held == HELD || (l->n_held > 0 && roll(l, 2))) {
		unsigned at = roll(l, l->n_held);
		fleet_request_end(l->held[at], 0);
		l->held[at] = l->held[--l->n_held];
		return;
	}
	unsigned pool = roll(l, 2);
	bool has_any = false;
	LIST_EACH(it, &house_pool(l->h, pool)->servers)
		has_any |= SERVER_OF(it)->takes_requests;
	struct fleet_server *s = NULL;
	const struct fleet_request r = { .hash = rand_next(&l->r), .tried = l->held, .n_tried = roll(l, 3) ? 0 : l->n_held };
	assert_int_equal(fleet_pick(house_pool(l->h, pool), 0, &r, &s), has_any ? FLEET_PICKED : FLEET_NO_SERVER);
	if (!s)
		return;
	assert_true(s->takes_requests);
	l->held[l->n_held++] = s;
}

static void do_time(struct life *l) {
	house_sleep_ms(roll(l, 400));
	drain_advance_all(l->h->fleet);
	rate_sample(l->h->fleet);
	if (roll(l, 4) == 0)
		fleet_sweep(l->h->fleet);
	fleet_site_answered(house_site(l->h, roll(l, 3)), clock_now_us() + roll(l, 1000000));
}

static bool is_blocked(enum fleet_admin admin, const struct fleet_drain *d) {
	return admin == FLEET_MAINT || admin == FLEET_FORCED_DOWN || d->phase >= FLEET_PHASE_REQUESTS;
}

static void check_pool(struct life *l, struct fleet_pool *p) {
	uint64_t usable = 0;
	bool is_settled = true;
	LIST_EACH(site_it, &l->h->fleet->sites) {
		struct fleet_site *site = SITE_OF(site_it);
		unsigned up = 0;
		LIST_EACH(it, &p->servers) {
			struct fleet_server *s = SERVER_OF(it);
			bool is_up = s->verdict != FLEET_DOWN || s->admin == FLEET_FORCED_UP || p->admin == FLEET_FORCED_UP ||
			             s->site->admin == FLEET_FORCED_UP;
			is_up &= !is_blocked(s->admin, &s->drain) && !is_blocked(p->admin, &p->drain) &&
			         !is_blocked(s->site->admin, &s->site->drain);
			assert_int_equal(s->takes_requests, is_up);
			up += s->site == site && is_up;
			is_settled &= s->changes_at_us == 0;
		}
		if (up >= p->cfg->min_up && up > 0 && !is_blocked(site->admin, &site->drain) &&
		    site->drain.phase == FLEET_PHASE_NONE)
			usable |= UINT64_C(1) << site->index;
	}
	assert_int_equal(p->usable_sites, usable);
	assert_int_equal(p->is_settled, is_settled);
}

static void live(uint64_t seed) {
	static void (*const steps[])(struct life *) = { do_verdict, do_verdict, do_verdict, do_word, do_word, do_drain, do_reload,
		                                        do_pick,    do_pick,    do_pick,    do_pick, do_pick, do_time };
	struct life *l = mem_zalloc(sizeof(*l));
	rand_seed(&l->r, seed);
	l->h = house_create(3, 2);
	for (unsigned p = 0; p < 2; p++) {
		for (unsigned i = 0; i < SERVERS; i++)
			house_add(l->h, p, i % 3, 1 + i % 4);
		house_prefer(l->h, p, 3);
		for (unsigned i = 0; i < 3; i++)
			l->h->split[p][i] = (struct cfg_weight){ .site = &l->h->sites[i], .weight = i * 10 }; /* the first: 0 */
	}
	house_commit(l->h);
	for (unsigned i = 0; i < STEPS; i++) {
		steps[roll(l, COUNT_OF(steps))](l);
		check_pool(l, house_pool(l->h, 0));
		check_pool(l, house_pool(l->h, 1));
	}
	uint64_t active = 0;
	for (unsigned i = 0; i < 3; i++)
		active += fleet_active(l->h->fleet, TARGET_SITE(house_site(l->h, i)));
	assert_int_equal(active, l->n_held);
	while (l->n_held > 0)
		fleet_request_end(l->held[--l->n_held], 0);
	assert_false(fleet_sweep(l->h->fleet));
	assert_int_equal(house_pool(l->h, 0)->cells[0].active, 0);
	house_destroy(l->h);
	mem_free(l);
}

static void test_lives(void **state) {
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++)
		live(seed);
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };
	return cmocka_run_group_tests(tests, house_quiet, NULL);
}
