/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a request is sent again, when, and the bytes of its body that this takes. Pure. */
#ifndef STEERWAY_PROXY_RETRY_H
#define STEERWAY_PROXY_RETRY_H

#include "steerway/base/rand.h"
#include "steerway/base/str.h"
#include "steerway/proxy.h"

struct retry_facts {
	enum proxy_end failed; /* how this try ended; PROXY_END_COMPLETE: with a status that the pool counts as a failure */
	uint8_t n_retries, attempts;
	bool is_reused;         /* its connection had idled before, and no fresh one was tried since */
	bool is_unsent;         /* no server can have seen anything of it */
	bool is_unprocessed;    /* the server said that it did not begin with it (RFC 9113 8.7) */
	bool is_response_begun; /* the client has seen something of a response, interim ones included */
	bool is_idempotent;     /* RFC 9110 9.2.2 */
	bool is_body_whole;     /* it has none, or all that left of it can be sent again */
	bool is_try_timeout;    /* PROXY_END_SERVER_TIMEOUT by retries.try_timeout, not by timeouts.response */
};
enum retry {
	RETRY_NO,
	RETRY_FRESH,  /* on a fresh connection; says nothing about the server and counts for nothing */
	RETRY_UNSEEN, /* elsewhere; adds no load, since no server has worked on it */
	RETRY_BUDGET, /* elsewhere, when the pool's budget has room */
};
enum retry retry_decide(const struct retry_facts *f);

/* How long to wait before retry n (1, 2...): drawn evenly between 0 and the smaller of max_ms and base_ms * 2^(n-1). */
uint64_t retry_backoff_us(uint64_t base_ms, uint64_t max_ms, unsigned n, struct rand *r);

/* The body so far, in case that it has to be sent again. Owned by a transaction; zeroed: empty. */
struct replay {
	char *bytes;
	size_t n, cap;
	bool is_lost; /* too large: what was sent can't be sent again */
};
/* Keeps a span. Above max_bytes in all, the body is given up for good. */
void replay_add(struct replay *r, struct str span, size_t max_bytes);
void replay_give_up(struct replay *r);
void replay_fini(struct replay *r);
static inline struct str replay_str(const struct replay *r) {
	return str_slice(r->bytes, r->n);
}

#endif
