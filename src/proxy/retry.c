/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request is sent again only when no server can have seen it, when the server said that it did nothing, or when doing it twice is
 * the same as doing it once (RFC 9110 9.2.2) and it can be repeated whole. A malformed response is never a reason: what made one
 * server say that may make the next one.
 */
#include "proxy/retry.h"

#include "steerway/base/mem.h"

/* May a try that a server saw, and that ended so, be repeated at all? */
static bool is_retryable(const struct retry_facts *f) {
	switch (f->failed) {
	case PROXY_END_COMPLETE: /* a status that counts as a failure */
	case PROXY_END_CONNECT_FAILED:
	case PROXY_END_CONNECT_TIMEOUT:
	case PROXY_END_SERVER_CLOSED:
		return true;
	case PROXY_END_SERVER_TIMEOUT:
		return f->is_try_timeout;
	default:
		return false;
	}
}

enum retry retry_decide(const struct retry_facts *f) {
	bool is_unseen = f->is_unsent || f->is_unprocessed;
	if (f->is_response_begun || !f->is_body_whole || !is_retryable(f))
		return RETRY_NO;
	if (!is_unseen && !f->is_idempotent)
		return RETRY_NO;
	/* An idle connection may have been closed at any time, and the request crossed the close on its way. */
	if (f->is_reused && !f->is_unprocessed && f->failed == PROXY_END_SERVER_CLOSED)
		return RETRY_FRESH;
	if (f->n_retries >= f->attempts)
		return RETRY_NO;
	return is_unseen ? RETRY_UNSEEN : RETRY_BUDGET;
}

uint64_t retry_backoff_us(uint64_t base_ms, uint64_t max_ms, unsigned n, struct rand *r) {
	unsigned doublings = n > 0 ? n - 1 : 0;
	uint64_t most = doublings < 32 && base_ms << doublings < max_ms ? base_ms << doublings : max_ms;
	return base_ms > 0 ? rand_below(r, most * 1000 + 1) : 0;
}

void replay_give_up(struct replay *r) {
	replay_fini(r);
	r->is_lost = true;
}

void replay_add(struct replay *r, struct str span, size_t max_bytes) {
	if (r->is_lost || span.n == 0)
		return;
	if (r->n > max_bytes || span.n > max_bytes - r->n) {
		replay_give_up(r);
		return;
	}
	if (r->n + span.n > r->cap) {
		size_t cap = r->n + span.n > 2 * r->cap ? r->n + span.n : 2 * r->cap;
		r->cap = cap < max_bytes ? cap : max_bytes;
		r->bytes = mem_realloc_array(r->bytes, r->cap, 1);
	}
	memcpy(r->bytes + r->n, span.p, span.n);
	r->n += span.n;
}

void replay_fini(struct replay *r) {
	mem_free(r->bytes);
	*r = (struct replay){ 0 };
}
