/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of requests: X-Request-Id, and the W3C's trace context (level 1). Pure. */
#ifndef STEERWAY_PROXY_TRACE_H
#define STEERWAY_PROXY_TRACE_H

#include "steerway/base/rand.h"
#include "steerway/base/str.h"

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

#endif
