/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers "why is it in this state?": copies what is known of a server's target. Changes nothing. */
#include "health/target.h"

void health_explain(struct health *h, struct fleet_server *s, struct health_explanation *out) {
	*out = (struct health_explanation){ .verdict = FLEET_UNKNOWN };
	const struct subscription *sub = subscription_find(h, &s);
	if (sub == NULL)
		return;
	const struct target *t = sub->target;
	out->check = s->pool->cfg->check;
	out->verdict = t->verdict.state;
	out->successes = t->verdict.successes;
	out->failures = t->verdict.failures;
	out->is_probing = t->probe != NULL;
	out->next_us = t->probe != NULL ? 0 : t->next.at_us;
	out->n_probes = t->n_probes < HEALTH_EVIDENCE ? (size_t)t->n_probes : HEALTH_EVIDENCE;
	for (size_t i = 0; i < out->n_probes; i++)
		out->probes[i] = t->history[(t->n_probes - 1 - i) % HEALTH_EVIDENCE];
}

const struct health_change *health_journal(const struct health *h, size_t i) {
	return journal_get(h->journal, i);
}
