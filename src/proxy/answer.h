/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that the proxy makes itself: one head and one body, built once, whatever protocol then sends them. Pure but for the
 * clock of Date.
 */
#ifndef STEERWAY_PROXY_ANSWER_H
#define STEERWAY_PROXY_ANSWER_H

#include "steerway/cfg.h"
#include "steerway/http.h"
#include "steerway/proxy.h"

#include "proxy/page.h"

/* Configured pages, and the proxy's own for what has none. Compiled in a snapshot's arena. */
struct page_rule {
	struct cfg_status statuses; /* none: by end alone */
	int end;                    /* enum proxy_end; -1: by status alone */
	struct page pages[ANSWER_FORM_COUNT];
};
struct answer_pages {
	struct page_rule *rules; /* the first that fits wins; those by end stand before those by status */
	size_t n;
	struct page own[2][ANSWER_FORM_COUNT]; /* [1]: with a request id */
	uint32_t retry_after_s;                /* of 429 and 503; 0: none */
};
/* -1: a file can't be read, or a reason is none. */
int answer_pages_compile(struct answer_pages *out, struct arena *a, const struct cfg_answers *cfg, struct err *e);

struct answer_facts {
	enum proxy_end end;
	unsigned status;
	const char *detail; /* what is wrong, for people; never the client's own bytes */
	enum http_method method;
	enum answer_form form;
	struct str request_id, node; /* may be empty */
	uint32_t retry_after_s;      /* 0: as configured for all */
};

enum { ANSWER_FIELDS_MAX = 8 };
struct answer {
	struct http_head head; /* its fields are those below; there is room for more */
	struct http_framing framing;
	struct str body; /* empty for HEAD */
	struct http_field fields[ANSWER_FIELDS_MAX + 4];
	char date[HTTP_DATE_BYTES], length[20], number[20], grpc_status[2];
};
/* Bytes that answer_build writes to `store`. */
size_t answer_bound(const struct answer_pages *pages, const struct answer_facts *f);
/* The body goes to `store`; `out` must stay where it is while its head is used. */
void answer_build(struct answer *out, const struct answer_pages *pages, const struct answer_facts *f, char *store);
/* What the end of a transaction comes to in gRPC. */
unsigned answer_grpc_status(enum proxy_end end, unsigned status);
/* A call that ends in its middle: grpc-status and grpc-message as trailers, or (is_head) as a response of trailers alone. They live in
 * `out` and `store`, of answer_grpc_bound bytes. */
void answer_build_grpc_end(struct answer *out, enum proxy_end end, bool is_head, char *store);
size_t answer_grpc_bound(enum proxy_end end);

#endif
