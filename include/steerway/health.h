/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes and verdicts, on the control thread. One probe serves every server with the same check and address; its verdict
 * (a pure function of votes) goes to fleet with the evidence. Keeps a journal, so that "why is it down?" has an answer.
 */
#ifndef STEERWAY_HEALTH_H
#define STEERWAY_HEALTH_H

#include "steerway/fleet.h"

struct health;
struct health *health_create(struct loop *control, struct fleet *f, struct err *e);
void health_destroy(struct health *h);

/* After fleet's own prepare and commit, in the same order. Probes and their verdicts survive by identity (check content +
 * address). */
struct health_plan;
struct health_plan *health_prepare(struct health *h, const struct cfg_root *cfg, struct err *e);
void health_commit(struct health_plan *p);
void health_discard(struct health_plan *p);

/* Has every target had its first vote (for /readyz)? Stays true from then on: what a reload adds does not make the node unready. */
bool health_is_ready(const struct health *h);

/* The last probes of a server, newest first. */
#define HEALTH_EVIDENCE 8
struct health_probe {
	uint64_t wall_us; /* when it ended */
	uint64_t duration_us;
	bool is_success;
	bool has_vote;      /* false: this daemon itself was late or short of something, and the probe says nothing */
	char evidence[160]; /* "HTTP 503, expected 200-299", "connect: Connection refused" */
};
struct health_explanation {
	const struct cfg_check *check; /* NULL: the server has none */
	enum fleet_verdict verdict;
	unsigned successes, failures; /* in a row */
	bool is_probing;              /* a probe runs now; next_us is 0 then */
	uint64_t next_us;             /* when the next probe starts; clock_now_us's time */
	size_t n_probes;
	struct health_probe probes[HEALTH_EVIDENCE];
};
void health_explain(struct health *h, struct fleet_server *s, struct health_explanation *out);

/* Changes of verdicts, newest last. */
struct health_change {
	uint64_t wall_us, epoch;
	enum fleet_verdict from, to;
	char server[128]; /* "pool/server" */
	char cause[160];
};
/* The i-th newest (0 is the newest); NULL when there is none. */
const struct health_change *health_journal(const struct health *h, size_t i);

#endif
