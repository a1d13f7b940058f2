/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A response, judged as its bytes come in: bytes -> success or failure with evidence. No I/O, so that a hostile server can be
 * played by a fuzzer. How the bytes are split changes nothing, up to whether the expression was quick enough (regex.h).
 */
#ifndef STEERWAY_HEALTH_RESPONSE_H
#define STEERWAY_HEALTH_RESPONSE_H

#include "health/regex.h"
#include "steerway/base/buf.h"
#include "steerway/cfg.h"
#include "steerway/http.h"

struct expectation {
	struct cfg_status status; /* nothing: any status is right */
	char status_text[48];     /* "200-299,304", cut with "..." */
	struct str body;          /* empty: not looked for */
	struct regex *regex;      /* NULL: not looked for */
	struct str regex_text;
};
/* Fills status_text from status. */
void expectation_describe(struct expectation *x);

struct response {
	const struct expectation *expect;
	enum http_method method;
	enum { RESPONSE_HEAD, RESPONSE_BODY, RESPONSE_DECIDED } state;
	struct buf head; /* until the head is whole */
	struct buf body; /* decoded, at most RESPONSE_BODY_BYTES; only when it is looked at */
	size_t scanned;  /* of h1_response_parse */
	size_t taken;    /* bytes in, all in all */
	struct http_framing framing;
	uint64_t left; /* of a body with a length */
	struct h1_chunked chunked;
	unsigned status;
	bool has_body_text;
	bool is_success; /* when decided, with its evidence: */
	char evidence[128];
};

#define RESPONSE_HEAD_BYTES (16 * 1024)
#define RESPONSE_BODY_BYTES (64 * 1024)
#define RESPONSE_MAX_BYTES (512 * 1024) /* raw; chunked coding and 1xx answers can't make a probe read for ever */

/* expect: borrowed until response_fini. method: of the request. */
void response_init(struct response *r, const struct expectation *expect, enum http_method method);
void response_fini(struct response *r);
/* True once it is decided; further bytes change nothing. */
bool response_feed(struct response *r, struct str in);
/* The server closed the connection (is_clean: with FIN, and close_notify where there is TLS): decides. */
void response_end(struct response *r, bool is_clean);

#endif
