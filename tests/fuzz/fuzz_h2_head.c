/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP/2 heads. The first byte chooses the kind; then "name value" lines. What is accepted, written down as HTTP/1.1, parses to the same
 * head: nothing can be said in HTTP/2 that means something else behind the proxy. */
#include "http_fuzz.h"

#define HEAD_BYTES 512

static size_t write_h1(const struct http_head *h, enum h2_head_kind kind, char *text, size_t size) {
	int n = 0;
	if (kind == H2_REQUEST)
		n = snprintf(text, size, "%.*s %.*s HTTP/1.1\r\n", STR_ARG(h->method_name), STR_ARG(h->target));
	else if (kind == H2_RESPONSE)
		n = snprintf(text, size, "HTTP/1.1 %u \r\n", h->status);
	for (unsigned i = 0; i < h->n_fields; i++)
		n += snprintf(text + n, size - (size_t)n, "%.*s: %.*s\r\n", STR_ARG(h->fields[i].name),
		              STR_ARG(h->fields[i].value));
	n += snprintf(text + n, size - (size_t)n, "\r\n");
	MUST((size_t)n < size);
	return (size_t)n;
}

static void again_check(const struct http_head *h, enum h2_head_kind kind) {
	char text[HEAD_BYTES + FIELDS_CAP * 40 + 64];
	struct http_field fields[FIELDS_CAP];
	struct http_head again = { .fields = fields, .cap_fields = FIELDS_CAP };
	const struct h1_limits limits = { .head_bytes = sizeof text, .target_bytes = HEAD_BYTES };
	size_t n = write_h1(h, kind, text, sizeof text), scanned = 0, used = n;
	enum parse r = kind == H2_REQUEST    ? h1_request_parse(&again, str_slice(text, n), &limits, &scanned, &used)
	               : kind == H2_RESPONSE ? h1_response_parse(&again, str_slice(text, n), &limits, &scanned, &used)
	                                     : h1_trailers_parse(&again, str_slice(text, n));
	MUST(r == PARSE_DONE && used == n);
	heads_compare(h, &again);
}

static void promises_check(const struct h2_head_builder *b) {
	const struct http_head *h = b->head;
	struct str lent = { b->bytes, b->used };
	MUST(b->used <= HEAD_BYTES && h->n_fields <= FIELDS_CAP);
	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];
		MUST(is_inside(f->value, lent) && (f->id != HTTP_FIELD_OTHER || is_inside(f->name, lent)));
		MUST(f->id != HTTP_FIELD_CONNECTION && f->id != HTTP_FIELD_TRANSFER_ENCODING && f->id != HTTP_FIELD_UPGRADE);
		MUST((b->kind == H2_REQUEST && i == 0) == (f->id == HTTP_FIELD_HOST) || b->kind == H2_RESPONSE);
		for (size_t k = 0; k < f->name.n; k++)
			MUST(f->name.p[k] != ':' && (f->name.p[k] < 'A' || f->name.p[k] > 'Z'));
	}
	if (b->kind == H2_REQUEST)
		MUST(h->target.n > 0 &&
		     (h->target.p[0] == '/' || h->method == HTTP_METHOD_CONNECT || str_eq(h->target, STR("*"))));
	struct http_framing f;
	if (b->kind == H2_REQUEST && h2_request_framing(h, false, &f) == HTTP_FAULT_NONE)
		MUST(f.keep_alive && f.body != HTTP_BODY_UNTIL_CLOSE && f.body != HTTP_BODY_NONE);
	if (b->kind == H2_RESPONSE && h2_response_framing(h, HTTP_METHOD_GET, true, &f) == HTTP_FAULT_NONE)
		MUST(f.length == 0 && f.body != HTTP_BODY_CHUNKED && f.body != HTTP_BODY_UNTIL_CLOSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	if (n == 0)
		return 0;
	enum h2_head_kind kind = (enum h2_head_kind)(data[0] % 3);
	const struct h1_limits limits = { .head_bytes = HEAD_BYTES, .target_bytes = 128 };
	struct http_field fields[FIELDS_CAP];
	struct http_head head = { .fields = fields, .cap_fields = FIELDS_CAP };
	struct h2_head_builder b;
	char *bytes = malloc(HEAD_BYTES);
	MUST(bytes != NULL);
	h2_head_begin(&b, &head, kind, bytes, &limits);
	struct str rest = str_slice((const char *)data + 1, n - 1), line;
	enum http_fault fault = HTTP_FAULT_NONE;
	while (str_next(&rest, '\n', &line)) {
		size_t space = str_find_char(line, ' ');
		size_t skip = space < line.n ? space + 1 : space;
		char *name = exact_copy(line.p, space), *value = exact_copy(line.p + skip, line.n - skip);
		enum http_fault before = fault;
		fault = h2_head_add(&b, str_slice(name, space), str_slice(value, line.n - skip));
		MUST(before == HTTP_FAULT_NONE || fault == before);
		free(name);
		free(value);
	}
	MUST(fault == HTTP_FAULT_NONE || h2_head_end(&b) == fault);
	if (h2_head_end(&b) == HTTP_FAULT_NONE) {
		promises_check(&b);
		again_check(&head, kind);
	}
	free(bytes);
	return 0;
}
