/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client may take its time with, by its listener, and how a transaction ends when it takes more. Rates are not asked of
 * tunnels, nor of the bodies of exchanges where both sides talk: once the response has begun, and gRPC to servers that speak HTTP/2.
 * Those are bounded by their pauses alone.
 */
#include "proxy/private.h"

#include "steerway/base/clock.h"

struct pace_bounds patience_of_listener(const struct cfg_listener *l, enum way way) {
	bool is_body = way == WAY_BODY;
	return (struct pace_bounds){ .idle_us = (is_body ? l->timeouts.body_idle_ms : l->timeouts.send_idle_ms) * USEC_PER_MSEC,
		                     .rate = is_body ? l->min_rates.body_bytes : l->min_rates.send_bytes,
		                     .window_us = l->min_rates.window_ms * USEC_PER_MSEC };
}

struct pace_bounds patience_of(const struct txn *t, enum way way, unsigned sharers) {
	struct pace_bounds b = patience_of_listener(&t->listener->cfg, way);
	bool is_exchange = t->response_is_begun || (t->is_grpc && t->back == &h2_client_end);
	if (t->is_tunnel || (way == WAY_BODY && is_exchange))
		b.rate = 0;
	if (sharers > 1 && b.rate > 0)
		b.rate = b.rate > sharers ? b.rate / sharers : 1;
	return b;
}

enum proxy_end patience_end(enum way way, enum pace_verdict v) {
	static const enum proxy_end ends[2][3] = {
		[WAY_BODY] = { [PACE_IDLE] = PROXY_END_BODY_TIMEOUT, [PACE_SLOW] = PROXY_END_BODY_TOO_SLOW },
		[WAY_SEND] = { [PACE_IDLE] = PROXY_END_SEND_TIMEOUT, [PACE_SLOW] = PROXY_END_SEND_TOO_SLOW },
	};
	return ends[way][v];
}
