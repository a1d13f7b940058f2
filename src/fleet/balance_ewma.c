/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peak-EWMA: of two places of the schedule drawn at random (so by weight) the server with the lower latency times outstanding
 * requests, for its weight. A latency above the average replaces it at once (a server in trouble is felt with its first slow answer);
 * lower ones draw it down with time, and so does silence, so that a server that was slow is tried again. Each worker has its own
 * measure, in a line that only it writes: with few requests it knows less, but it shares nothing.
 *
 * Only two are compared, as Finagle does: if all went to the best, the best would be swamped before its latency told.
 */
#include "balance.h"
#include "steerway/base/clock.h"
#include "steerway/base/rand.h"

#define TAU_MS 10000.0F /* after so long without a sample an average counts a third */
/* Faster ones are all alike: the noise of schedulers is as large, and one hiccup would tell more than the server. */
#define FLOOR_US 1000.0F
/* Of a server that was never measured but has a request: one at a time until it has answered. */
#define UNKNOWN_US 1e9F

static uint32_t now_ms(void) {
	return (uint32_t)(clock_now_us() / USEC_PER_MSEC);
}

/* exp(-age/TAU), within 7 %, and without libm: falls steadily from 1 to 0, which is all that is wanted of it. */
static float decay(const struct fleet_slot *s) {
	float x = (float)(now_ms() - s->latency_ms) / TAU_MS;
	return 1.0F / (1.0F + x + x * x / 2.0F);
}

void fleet_observe(struct fleet_server *s, unsigned worker, uint64_t latency_us) {
	struct fleet_slot *slot = &s->slots[worker];
	float sample = latency_us > 0 ? (float)latency_us : 1.0F;
	float kept = decay(slot);
	slot->latency_us = sample > slot->latency_us ? sample : slot->latency_us * kept + sample * (1.0F - kept);
	slot->latency_ms = now_ms();
}

/* The draw goes by weight, so idle servers need no more of it; requests in progress weigh less on a heavy one. */
static float cost(const struct level_server *s, unsigned worker, float mean_weight) {
	const struct fleet_slot *slot = &s->server->slots[worker];
	float outstanding = (float)slot_active(s->server, worker);
	if (slot->latency_us <= 0)
		return outstanding > 0 ? UNKNOWN_US * outstanding : 0;
	float latency_us = slot->latency_us * decay(slot);
	latency_us = latency_us > FLOOR_US ? latency_us : FLOOR_US;
	return latency_us * (outstanding * mean_weight / (float)s->weight + 1);
}

static struct fleet_server *ewma_pick(const struct level *l, const struct pick *p) {
	uint32_t first, second;
	draw_two(l->n_schedule, &first, &second);
	const struct level_server *a = &l->servers[l->schedule[first]], *b = &l->servers[l->schedule[second]];
	if (cost(b, p->worker, l->mean_weight) < cost(a, p->worker, l->mean_weight)) {
		const struct level_server *lighter = b;
		b = a;
		a = lighter;
	}
	return balance_first_of(l, p, a, b, l->schedule[first]);
}

const struct balance_ops balance_ewma = { .build = balance_build_schedule, .pick = ewma_pick };
