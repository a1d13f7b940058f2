/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides when to probe. Intervals run from start to start, and jitter only shortens them: a server that dies is down within
 * fall * interval + timeout, whatever the generator says.
 */
#include "health/schedule.h"

#include "steerway/base/clock.h"

/* New targets start this far apart while they are few; many share one interval, at most a second, so that a start is fast. */
#define FIRST_GAP_US (5 * USEC_PER_MSEC)
#define FIRST_SPREAD_US USEC_PER_SEC
/* Passive reports come with every failed request: they may not turn into a flood of probes. */
#define SUSPECT_GAP_US (100 * USEC_PER_MSEC)
/* Below this a late loop is jitter of the machine, whatever the check's timeout. */
#define LAG_FLOOR_US (500 * USEC_PER_MSEC)

static uint64_t min_u64(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

void schedule_init(struct schedule *s, const struct cfg_check *cfg) {
	s->interval_us = cfg->interval_ms * USEC_PER_MSEC;
	s->fast_us = cfg->fast_interval_ms > 0 ? cfg->fast_interval_ms * USEC_PER_MSEC : s->interval_us;
	s->down_us = cfg->down_interval_ms > 0 ? cfg->down_interval_ms * USEC_PER_MSEC : s->interval_us;
	s->timeout_us = cfg->timeout_ms * USEC_PER_MSEC;
	s->suspect_gap_us = min_u64(SUSPECT_GAP_US, s->fast_us);
	s->jitter_percent = cfg->jitter_percent;
}

uint64_t schedule_next(const struct schedule *s, const struct verdict *v, uint64_t started_us, uint64_t now_us, struct rand *r) {
	uint64_t gap = verdict_is_transition(v) ? s->fast_us : v->state == FLEET_DOWN ? s->down_us : s->interval_us;
	gap -= rand_below(r, gap * s->jitter_percent / 100 + 1);
	uint64_t at = started_us + gap;
	return at > now_us ? at : now_us;
}

uint64_t schedule_change(const struct schedule *s, const struct verdict *v, unsigned rise, unsigned fall, uint64_t next_us) {
	unsigned needs = v->state == FLEET_UP ? fall : rise, has = v->state == FLEET_UP ? v->failures : v->successes;
	if (!verdict_is_transition(v))
		return 0;
	if (v->state == FLEET_UNKNOWN || has >= needs) /* the next vote decides */
		return next_us;
	return next_us + (needs - has - 1) * (s->fast_us - s->fast_us * s->jitter_percent / 100);
}

uint64_t schedule_first(const struct schedule *s, size_t i, size_t n, uint64_t now_us) {
	uint64_t spread = min_u64(min_u64(s->interval_us, FIRST_SPREAD_US), FIRST_GAP_US * n);
	return now_us + spread * i / (n > 0 ? n : 1);
}

uint64_t schedule_suspect(const struct schedule *s, uint64_t planned_us, uint64_t ended_us, uint64_t now_us) {
	uint64_t at = ended_us + s->suspect_gap_us;
	return min_u64(planned_us, at > now_us ? at : now_us);
}

bool schedule_is_lag(const struct schedule *s, uint64_t late_us) {
	uint64_t bound = s->timeout_us > LAG_FLOOR_US ? s->timeout_us : LAG_FLOOR_US;
	return late_us > bound / 2;
}
