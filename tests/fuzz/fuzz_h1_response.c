/* SPDX-License-Identifier: BSD-2-Clause */
/* Response heads, from servers that may be hostile: the properties of fuzz_h1_request.c. */
#include "http_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	static const enum http_method methods[] = { HTTP_METHOD_GET, HTTP_METHOD_HEAD, HTTP_METHOD_CONNECT };
	struct head_run r = { 0 };
	struct http_framing f;
	if (head_check(&r, h1_response_parse, data, n)) {
		unsigned status = r.head.status;
		MUST(status >= 100 && status <= 599);
		for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
			if (http_response_framing(&r.head, methods[i], &f) != HTTP_FAULT_NONE)
				continue;
			framing_check(&r.head, &f);
			bool is_bodiless = methods[i] == HTTP_METHOD_HEAD || status < 200 || status == 204 || status == 304;
			MUST(!is_bodiless || f.body == HTTP_BODY_NONE);
			MUST(is_bodiless || methods[i] == HTTP_METHOD_CONNECT || f.body != HTTP_BODY_NONE);
		}
		http_drop_hop_by_hop(&r.head);
	}
	free(r.bytes);
	return 0;
}
