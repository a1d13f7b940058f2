/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of requests: X-Request-Id, and the W3C's trace context (level 1). Pure. */
#ifndef STEERWAY_PROXY_TRACE_H
#define STEERWAY_PROXY_TRACE_H

#include "steerway/base/rand.h"
#include "steerway/cfg.h"
#include "steerway/http.h"

enum {
	TRACE_PARENT_BYTES = 55, /* "00-" trace-id "-" parent-id "-" flags, of version 00 */
	TRACE_ID_BYTES = 32,
	REQUEST_ID_BYTES = 32,
	REQUEST_ID_MAX = 128, /* of one that a client may bring */
};

/* Is this a traceparent (2.2.2 of the recommendation; a higher version's may go on behind another dash)? *trace_id is a slice of it. */
bool trace_parent_parse(struct str value, struct str *trace_id);
/* A new one: nobody's child, ids drawn from `r`. */
void trace_parent_create(char out[TRACE_PARENT_BYTES], struct rand *r, bool is_sampled);

/* 128 bits as hex digits. */
void request_id_create(char out[REQUEST_ID_BYTES], struct rand *r);
/* May a client's own be kept: 1 to REQUEST_ID_MAX letters, digits and -_.:/+=@~ ? */
bool request_id_is_valid(struct str s);

/* What a request is called; empty: nothing. Slices of the store. */
struct trace_names {
	struct str request_id, trace_id;
};
enum { TRACE_STORE_BYTES = REQUEST_ID_MAX + TRACE_PARENT_BYTES, TRACE_FIELDS = 2 };
/* Is there anything to name, or to note? */
static inline bool trace_is_due(const struct http_head *h, const struct cfg_tracing *cfg) {
	return cfg->request_id != CFG_REQUEST_ID_OFF || cfg->traceparent != CFG_TRACEPARENT_PASS ||
	       http_head_has(h, HTTP_FIELD_TRACEPARENT);
}
/* Names a request as its listener says: drops what is not to be passed on, and adds up to TRACE_FIELDS fields, whose values stand in
 * `store` as long as the head is used. */
struct trace_names trace_request(struct http_head *h, const struct cfg_tracing *cfg, struct rand *r,
                                 char store[TRACE_STORE_BYTES]);

#endif
