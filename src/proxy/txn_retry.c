/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only step back: a try that failed, took too long, or brought a status that counts as a failure, and what becomes of the
 * request. The decision is retry.c's, and pure; here are the facts, the budget, the pause, and the transaction's clock.
 */
#include "proxy/txn.h"

#include "steerway/base/clock.h"

enum { FAILURE_US = 1000000 /* of latency, that a failed request counts for in addition (balance: ewma) */ };

static void on_expire(struct deadline *d);

void txn_arm(struct txn *t) {
	const uint64_t times[] = { t->request_by_us, t->try_by_us, t->again_at_us };
	uint64_t first = UINT64_MAX;
	for (size_t i = 0; i < COUNT_OF(times); i++)
		if (times[i] > 0 && times[i] < first)
			first = times[i];
	if (first == UINT64_MAX)
		return;
	if (!t->deadline.on_expire)
		deadline_init(&t->deadline, t->worker->loop, on_expire);
	deadline_set(&t->deadline, first);
}

/* From the request's head; the nearest bound holds. */
void txn_bound(struct txn *t, uint64_t us) {
	uint64_t by = t->head_us + us;
	if (t->request_by_us == 0 || by < t->request_by_us)
		t->request_by_us = by;
}

static struct retry_facts facts_of(const struct txn *t, enum proxy_end failed) {
	return (struct retry_facts){ .failed = failed,
		                     .n_retries = t->n_retries,
		                     .attempts = (uint8_t)t->pool->retries.attempts,
		                     .is_reused = t->is_reused && !t->wants_fresh,
		                     .is_unsent = !t->head_is_sent,
		                     .is_unprocessed = t->is_unprocessed,
		                     .is_response_begun = t->response_is_begun || t->n_interim > 0,
		                     .is_idempotent = http_method_is_idempotent(t->method),
		                     .is_body_whole = !t->replay.is_lost };
}

/* The budget keeps retries from multiplying the load of servers in trouble. A request that no server has seen adds none: when a
 * whole site dies, all of its requests may go elsewhere at once. */
static bool retry_is_granted(struct txn *t, enum retry r) {
	if (r == RETRY_NO || r == RETRY_FRESH)
		return r == RETRY_FRESH;
	if (t->n_tried == TXN_TRIED_MAX)
		return false;
	if (r == RETRY_BUDGET && !t->holds_retry)
		t->holds_retry = fleet_retry_take(t->pool->fleet);
	return r == RETRY_UNSEEN || t->holds_retry;
}

static void note_failure(struct txn *t, bool is_suspect) {
	txn_count(&t->server->slots[t->worker->index].failures);
	if (t->pool->is_measured && is_suspect) /* one that refuses at once must not look fast */
		fleet_observe(t->server, t->worker->index, clock_now_us() - t->picked_us + FAILURE_US);
	if (is_suspect)
		fleet_suspect(t->worker->proxy->fleet, t->server);
}

/* Leaves this try for the next one. */
static enum step start_again(struct txn *t, enum retry r) {
	struct fleet_server *failed = t->server;
	txn_give_back(t, false);
	t->head_is_sent = t->is_reused = t->is_unprocessed = false;
	t->try_by_us = 0;
	if (r == RETRY_FRESH) {
		t->wants_fresh = true;
		txn_release_server(t);
		return STEP_BALANCE_AGAIN;
	}
	t->tried[t->n_tried++] = failed;
	t->tried_sites |= UINT64_C(1) << failed->site->index;
	t->n_retries++;
	txn_count(&failed->slots[t->worker->index].retries);
	metric_add(METRIC_proxy_retries_total, 1);
	const struct cfg_retries *cfg = &t->pool->retries;
	uint64_t wait_us =
	    cfg->backoff_ms > 0 ? retry_backoff_us(cfg->backoff_ms, cfg->backoff_max_ms, t->n_retries, rand_thread()) : 0;
	if (wait_us == 0) {
		txn_release_server(t);
		return STEP_BALANCE_AGAIN;
	}
	t->again_at_us = clock_now_us() + wait_us; /* the server is kept until then, and the pool with it */
	txn_arm(t);
	return STEP_WAIT;
}

enum step txn_try_again(struct txn *t, enum proxy_end end) {
	struct retry_facts facts = facts_of(t, end);
	enum retry r = retry_decide(&facts);
	/* A connection that had been idle may have been closed at any time: that says nothing about the server. */
	bool is_stale = facts.is_reused && end == PROXY_END_SERVER_CLOSED;
	note_failure(t, !is_stale && !t->is_unprocessed && end != PROXY_END_SERVER_BAD_RESPONSE);
	return retry_is_granted(t, r) ? start_again(t, r) : txn_end_step(t, end);
}

void txn_on_back_failed(struct txn *t, enum proxy_end end) {
	if (txn_try_again(t, end) == STEP_BALANCE_AGAIN)
		txn_balance_again(t);
}

/* From here on the server is thinking: another one may be asked when that takes too long. */
void txn_await_response(struct txn *t) {
	uint64_t ms = t->pool->retries.try_timeout_ms;
	if (ms == 0 || t->n_retries >= t->pool->retries.attempts || t->response_is_begun)
		return;
	t->try_by_us = clock_now_us() + ms * USEC_PER_MSEC;
	txn_arm(t);
}

/* What can't be sent again goes on waiting. */
static void try_timed_out(struct txn *t) {
	struct retry_facts facts = facts_of(t, PROXY_END_SERVER_TIMEOUT);
	facts.is_try_timeout = true;
	enum retry r = retry_decide(&facts);
	if (!retry_is_granted(t, r))
		return;
	note_failure(t, true);
	if (start_again(t, r) == STEP_BALANCE_AGAIN)
		txn_balance_again(t);
}

bool txn_counts_as_failure(const struct txn *t, unsigned status) {
	const struct cfg_status *statuses = &t->pool->retries.statuses;
	for (size_t i = 0; i < statuses->n; i++)
		if (status >= statuses->items[i].first && status <= statuses->items[i].last)
			return true;
	return false;
}

/* A status that counts as a failure: true when another server is asked instead. */
bool txn_status_failed(struct txn *t) {
	struct retry_facts facts = facts_of(t, PROXY_END_COMPLETE);
	enum retry r = retry_decide(&facts);
	note_failure(t, true);
	if (!retry_is_granted(t, r))
		return false;
	if (start_again(t, r) == STEP_BALANCE_AGAIN)
		txn_balance_again(t);
	return true;
}

static void on_expire(struct deadline *d) {
	struct txn *t = CONTAINER_OF(d, struct txn, deadline);
	struct proxy_worker *w = t->worker;
	uint64_t now = clock_now_us();
	worker_enter(w);
	if (t->is_ending || t->response_is_done) {
		/* only the client is waited for, which has a bound of its own */
	} else if (t->request_by_us > 0 && now >= t->request_by_us) {
		txn_fail(t, PROXY_END_REQUEST_TIMEOUT, 0);
	} else if (t->again_at_us > 0 && now >= t->again_at_us) {
		t->again_at_us = 0;
		txn_arm(t);
		txn_release_server(t);
		txn_balance_again(t);
	} else if (t->try_by_us > 0 && now >= t->try_by_us) {
		t->try_by_us = 0;
		txn_arm(t);
		try_timed_out(t);
	} else {
		txn_arm(t);
	}
	worker_leave(w);
}
