/* SPDX-License-Identifier: BSD-2-Clause */
/* When a target is probed next: pure functions of times, the verdict and a generator. All times are clock_now_us's. */
#ifndef STEERWAY_HEALTH_SCHEDULE_H
#define STEERWAY_HEALTH_SCHEDULE_H

#include "health/verdict.h"
#include "steerway/base/rand.h"
#include "steerway/cfg.h"

struct schedule {
	uint64_t interval_us, fast_us, down_us; /* from start to start: settled, in transition, settled and down */
	uint64_t timeout_us;
	uint64_t suspect_gap_us; /* from the end of a probe to one that a passive report asks for */
	uint32_t jitter_percent;
};

void schedule_init(struct schedule *s, const struct cfg_check *cfg);
/* After a probe that started at started_us and ended at now_us; never before now_us, so that probes do not overlap. */
uint64_t schedule_next(const struct schedule *s, const struct verdict *v, uint64_t started_us, uint64_t now_us, struct rand *r);
/* When the state may change at the earliest, should all votes from the next probe on (at next_us) be for it and none of them brought
 * forward by a passive report; 0: no vote for it is there yet. */
uint64_t schedule_change(const struct schedule *s, const struct verdict *v, unsigned rise, unsigned fall, uint64_t next_us);
/* First probe of the i-th of n new targets. */
uint64_t schedule_first(const struct schedule *s, size_t i, size_t n, uint64_t now_us);
/* A live request failed: the probe planned for planned_us comes earlier, unless the last one ended (ended_us) just now. */
uint64_t schedule_suspect(const struct schedule *s, uint64_t planned_us, uint64_t ended_us, uint64_t now_us);
/* A timeout that fired late_us after its time: was it this daemon that was slow? */
bool schedule_is_lag(const struct schedule *s, uint64_t late_us);

#endif
