/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests a second, from totals sampled once a second over the last ten. A fresh server starts at zero, and counts from there. */
#include "private.h"
#include "steerway/base/clock.h"

static uint64_t requests_of(const struct fleet_server *s) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->pool->fleet->n_slots; i++)
		sum += atomic_load_explicit(&s->slots[i].requests, memory_order_relaxed);
	return sum;
}

void rate_sample(struct fleet *f) {
	unsigned i = f->sample_next;
	f->sample_us[i] = clock_now_us();
	LIST_EACH(pool, &f->pools)
		LIST_EACH(it, &POOL_OF(pool)->servers)
			SERVER_OF(it)->samples[i] = requests_of(SERVER_OF(it));
	f->sample_next = (i + 1) % (unsigned)FLEET_SAMPLES;
}

struct rate_sum {
	unsigned oldest;
	uint64_t requests;
};

static void rate_add(void *arg, struct fleet_server *s) {
	struct rate_sum *sum = arg;
	sum->requests += s->is_removed ? 0 : requests_of(s) - s->samples[sum->oldest];
}

uint64_t fleet_rate(struct fleet *f, struct fleet_target t) {
	struct rate_sum sum = { .oldest = f->sample_next };
	target_each(f, t, rate_add, &sum);
	uint64_t elapsed_us = clock_now_us() - f->sample_us[sum.oldest];
	/* In the first second a handful of requests is not yet a rate. */
	elapsed_us = elapsed_us > USEC_PER_SEC ? elapsed_us : USEC_PER_SEC;
	return (sum.requests * USEC_PER_SEC + elapsed_us / 2) / elapsed_us;
}
