/* SPDX-License-Identifier: BSD-2-Clause */
/* Request heads: cutting the input changes nothing, slices stay inside, an accepted head written anew is the same head, and
 * what the framing accepts can be read in one way only. */
#include "http_fuzz.h"

static void fields_drop(struct http_head *h) {
	http_drop_hop_by_hop(h);
	for (unsigned i = 0; i < h->n_fields; i++) {
		unsigned flags = http_field_flags(h->fields[i].id);
		MUST(!(flags & HTTP_FIELD_HOP_BY_HOP) || h->fields[i].is_dropped);
		MUST(!(flags & HTTP_FIELD_PROTECTED) || flags & HTTP_FIELD_HOP_BY_HOP || !h->fields[i].is_dropped);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	struct head_run r = { 0 };
	struct http_framing f;
	struct http_target t;
	if (head_check(&r, h1_request_parse, data, n)) {
		if (http_request_framing(&r.head, &f) == HTTP_FAULT_NONE) {
			framing_check(&r.head, &f);
			MUST(f.body != HTTP_BODY_UNTIL_CLOSE);
			MUST(r.head.minor == 0 || http_head_has(&r.head, HTTP_FIELD_HOST));
			MUST(!f.expect_continue || (r.head.minor == 1 && http_head_has(&r.head, HTTP_FIELD_EXPECT)));
		}
		http_target_parse(r.head.target, r.head.method, &t);
		fields_drop(&r.head);
	}
	free(r.bytes);
	return 0;
}
