/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What decides the form of an own answer and names a request: any Accept, grpc-timeout, traceparent or request id gives an answer, reads
 * nothing outside, and what may be kept is as harmless as it promises. The first byte chooses the parser.
 */
#include "proxy/accept.h"
#include "proxy/page.h"
#include "proxy/trace.h"

#include "http_fuzz.h"

static void fuzz_accept(struct str in) {
	enum answer_form form = accept_choose(in);
	MUST(form == ANSWER_TEXT || form == ANSWER_JSON || form == ANSWER_HTML);
	/* A range of nothing that we have changes nothing. */
	char *more = malloc(in.n + 16);
	memcpy(more, "image/png;q=1,", 14);
	if (in.n > 0)
		memcpy(more + 14, in.p, in.n);
	size_t commas = 0;
	for (size_t i = 0; i < in.n; i++)
		commas += in.p[i] == ',';
	MUST(commas > 30 || accept_choose(str_slice(more, in.n + 14)) == form);
	free(more);
}

static void fuzz_trace(struct str in) {
	struct str id;
	if (!trace_parent_parse(in, &id))
		return;
	MUST(is_inside(id, in) && id.n == TRACE_ID_BYTES && in.n >= TRACE_PARENT_BYTES);
	for (size_t i = 0; i < TRACE_PARENT_BYTES; i++)
		MUST(in.p[i] == '-' || (in.p[i] >= '0' && in.p[i] <= '9') || (in.p[i] >= 'a' && in.p[i] <= 'f'));
	MUST(memcmp(in.p, "ff", 2) != 0 && request_id_is_valid(id));
}

static void fuzz_request_id(struct str in) {
	if (!request_id_is_valid(in))
		return;
	MUST(in.n > 0 && in.n <= REQUEST_ID_MAX);
	for (size_t i = 0; i < in.n; i++)
		MUST(in.p[i] > ' ' && in.p[i] < 0x7f && !strchr("\"\\<>&'{}$,;", in.p[i]));
}

static void fuzz_page(struct str in, enum answer_form form) {
	struct arena a;
	struct page p;
	struct err e;
	arena_init(&a, 1024);
	if (page_compile(&p, &a, in, form, &e) == 0) {
		struct str values[PAGE_VARIABLE_COUNT];
		for (int i = 0; i < PAGE_VARIABLE_COUNT; i++)
			values[i] = STR("<\"\\\x01\xff&'>");
		size_t n = page_size(&p, values);
		char *out = malloc(n + 1);
		MUST(page_write(out, &p, values) == out + n);
		free(out);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0)
		return 0;
	char *copy = exact_copy(data + 1, size - 1);
	struct str in = str_slice(copy, size - 1);
	uint64_t us = 0;
	switch (data[0] % 7) {
	case 0:
		fuzz_accept(in);
		break;
	case 1:
		MUST(!grpc_timeout_parse(in, &us) || (in.n <= 9 && us <= UINT64_C(99999999) * 3600000000));
		break;
	case 2:
		MUST(!grpc_is_content_type(in) || in.n >= 16);
		break;
	case 3:
		fuzz_trace(in);
		break;
	case 4:
		fuzz_request_id(in);
		break;
	case 5:
		fuzz_page(in, ANSWER_HTML);
		break;
	default:
		fuzz_page(in, ANSWER_JSON);
	}
	free(copy);
	return 0;
}
