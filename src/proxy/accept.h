/* SPDX-License-Identifier: BSD-2-Clause */
/* The form that a client wants an answer of the proxy's own in (RFC 9110 12.5.1), and what gRPC adds. Pure. */
#ifndef STEERWAY_PROXY_ACCEPT_H
#define STEERWAY_PROXY_ACCEPT_H

#include "steerway/base/str.h"

enum answer_form { ANSWER_TEXT, ANSWER_JSON, ANSWER_HTML, ANSWER_GRPC, ANSWER_FORM_COUNT };

/* accept: the value of Accept, several lines joined by commas; empty: none was sent. Never ANSWER_GRPC. What accepts none of the
 * forms gets text, as RFC 9110 15.5.7 allows: an answer that can't be read tells more than none. */
enum answer_form accept_choose(struct str accept);

/* Is this Content-Type gRPC's: application/grpc, alone or with +proto, +json...? Not gRPC-Web. */
bool grpc_is_content_type(struct str value);
/* Value of grpc-timeout: at most eight digits and one of H M S m u n. False: malformed. Nanoseconds are rounded up. */
bool grpc_timeout_parse(struct str value, uint64_t *us);
/* Codes of gRPC's own (its core statuscodes.md); what a status of HTTP comes to (http-grpc-status-mapping.md). */
enum {
	GRPC_UNKNOWN = 2,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};
unsigned grpc_status_of_http(unsigned status);

#endif
