/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drains, phase by phase. What comes next is a pure step on facts; the actor carries it out, logs each phase, and looks again
 * every 50 ms while a drain is in progress.
 *
 *	dns       a site only: until the last answer that named it has run out, and a second more
 *	requests  its servers take none any more but of their sticky sessions; those in progress get up to 10 s (or the deadline), and
 *	          sticky sessions half of the deadline's time
 *	sessions  what lasts longer, until the deadline; then it is cut
 *	drained   until the operator says ready
 */
#include "private.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

/* Some 30 years: the sum with a time can't overflow. */
#define DEADLINE_MAX_MS UINT64_C(1000000000000)

static uint64_t min_u64(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static enum fleet_phase phase_of(const struct fleet_drain *d) {
	return (enum fleet_phase)atomic_load_explicit(&d->phase, memory_order_relaxed);
}

static void enter(struct fleet_drain *d, enum fleet_phase phase, uint64_t until_us) {
	d->phase_until_us = until_us;
	atomic_store_explicit(&d->phase, phase, memory_order_relaxed);
}

static void enter_requests(struct fleet_drain *d, uint64_t now_us) {
	d->deadline_us = now_us + min_u64(d->deadline_ms, DEADLINE_MAX_MS) * USEC_PER_MSEC;
	/* With sticky sessions half of the time is for those who come back. */
	uint64_t most_us = d->has_sessions ? (d->deadline_us - now_us) / 2 : DRAIN_REQUESTS_MAX_US;
	enter(d, FLEET_PHASE_REQUESTS, min_u64(d->deadline_us, now_us + most_us));
}

void drain_begin(struct fleet_drain *d, bool has_dns, uint64_t now_us, uint64_t deadline_ms) {
	d->started_us = now_us;
	d->deadline_ms = deadline_ms;
	d->deadline_us = 0;
	if (has_dns)
		enter(d, FLEET_PHASE_DNS, now_us);
	else
		enter_requests(d, now_us);
}

bool drain_step(struct fleet_drain *d, const struct drain_facts *facts) {
	switch (phase_of(d)) {
	case FLEET_PHASE_DNS:
		/* Looked up each time: an answer that was on its way when the drain began may still move it. */
		d->phase_until_us = facts->answered_until_us > 0 ? facts->answered_until_us + DRAIN_DNS_SLACK_US : d->started_us;
		if (facts->now_us >= d->phase_until_us)
			enter_requests(d, facts->now_us);
		return false;
	case FLEET_PHASE_REQUESTS:
		if ((facts->active == 0 && !d->has_sessions) || facts->now_us >= d->phase_until_us)
			enter(d, FLEET_PHASE_SESSIONS, d->deadline_us);
		return false;
	case FLEET_PHASE_SESSIONS:
		if (facts->active == 0) {
			enter(d, FLEET_PHASE_DRAINED, 0);
			return false;
		}
		if (facts->now_us < d->phase_until_us)
			return false;
		d->phase_until_us = facts->now_us + DRAIN_CUT_AGAIN_US;
		return true;
	case FLEET_PHASE_NONE:
	case FLEET_PHASE_DRAINED:
		break;
	}
	return false;
}

/* Publishes the phase, and returns when no worker acts on the one before. */
static void phase_announce(struct fleet *f, struct fleet_target t) {
	struct target_part part = target_part(t);
	log_info(part.drain_event, LOG_STR(part.kind, part.name), LOG_CSTR("phase", fleet_phase_text(phase_of(part.drain))),
	         LOG_U64("active", fleet_active(f, t)),
	         LOG_U64("since_ms", (clock_now_us() - part.drain->started_us) / USEC_PER_MSEC));
	fleet_touch(f, t);
	fleet_publish(f);
	urcu_memb_synchronize_rcu();
}

struct cutting {
	struct fleet *fleet;
	uint64_t n;
};

static void cut_active(void *arg, struct fleet_server *s) {
	struct cutting *c = arg;
	uint64_t active = fleet_active(c->fleet, TARGET_SERVER(s));
	c->n += active;
	if (active > 0 && c->fleet->cut)
		c->fleet->cut(c->fleet->cut_arg, s);
}

static void drain_cut(struct fleet *f, struct fleet_target t) {
	struct target_part part = target_part(t);
	struct cutting c = { .fleet = f };
	target_each(f, t, cut_active, &c);
	log_warn("drain_cut", LOG_STR(part.kind, part.name), LOG_U64("requests", c.n));
}

static void drain_advance(struct fleet *f, struct fleet_target t) {
	struct fleet_drain *d = target_part(t).drain;
	for (;;) {
		struct drain_facts facts = { .now_us = clock_now_us(), .active = fleet_active(f, t) };
		if (t.kind == FLEET_SITE)
			facts.answered_until_us = atomic_load_explicit(&t.site->answered_until_us, memory_order_relaxed);
		enum fleet_phase before = phase_of(d);
		if (drain_step(d, &facts))
			drain_cut(f, t);
		if (phase_of(d) == before)
			return;
		phase_announce(f, t);
	}
}

struct advancing {
	struct fleet *fleet;
	bool is_unfinished;
};

static void advance_if_draining(void *arg, struct fleet_target t) {
	struct advancing *a = arg;
	struct fleet_drain *d = target_part(t).drain;
	if (phase_of(d) != FLEET_PHASE_NONE && phase_of(d) != FLEET_PHASE_DRAINED)
		drain_advance(a->fleet, t);
	a->is_unfinished |= phase_of(d) != FLEET_PHASE_NONE && phase_of(d) != FLEET_PHASE_DRAINED;
}

void drain_advance_all(struct fleet *f) {
	struct advancing a = { .fleet = f };
	target_each_known(f, advance_if_draining, &a);
	if (a.is_unfinished && f->control)
		deadline_set(&f->drain_tick, clock_now_us() + DRAIN_TICK_US);
}

static void note_sessions(void *arg, struct fleet_server *s) {
	bool *has_sessions = arg;
	*has_sessions |= atomic_load_explicit(&s->pool->cfg, memory_order_relaxed)->sticky.is_given;
}

int fleet_drain(struct fleet *f, struct fleet_target t, const struct fleet_drain_options *o, struct err *e) {
	struct target_part part = target_part(t);
	fleet_publish_due(f); /* what the others can take is judged by the last verdicts */
	if (phase_of(part.drain) == FLEET_PHASE_DRAINED)
		return 0;
	if (!o->force && capacity_check(f, t, e) < 0)
		return -1;
	/* What takes no requests any more (maint, down, a drain with another deadline before) must not take them again for the time
	 * of the DNS phase. */
	bool has_dns = t.kind == FLEET_SITE && !state_is_against(target_word(part));
	*part.admin = FLEET_DRAIN;
	part.drain->has_sessions = false;
	target_each(f, t, note_sessions, &part.drain->has_sessions);
	drain_begin(part.drain, has_dns, clock_now_us(), o->deadline_ms);
	phase_announce(f, t);
	drain_advance_all(f);
	return 0;
}
