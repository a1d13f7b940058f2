/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What leaves towards a server must be read by it as we read it: a head that was accepted is forwarded within its bound, and
 * parses again to the same method, framing and one Host, with no hop-by-hop field left. The first byte chooses the side and the
 * mode of X-Forwarded-*.
 */
#include "proxy/private.h"

#include "http_fuzz.h"

enum { FIELDS = 128 };

/* Of the forwarded head: no field that belongs to the connection it came from, but what was written anew. */
static void must_be_end_to_end(const struct http_head *h, bool is_chunked) {
	unsigned hosts = 0, codings = 0;
	for (unsigned i = 0; i < h->n_fields; i++) {
		hosts += h->fields[i].id == HTTP_FIELD_HOST;
		codings += h->fields[i].id == HTTP_FIELD_TRANSFER_ENCODING;
		MUST(h->fields[i].id == HTTP_FIELD_TRANSFER_ENCODING ||
		     !(http_field_flags(h->fields[i].id) & HTTP_FIELD_HOP_BY_HOP));
	}
	MUST(h->method_name.n == 0 || hosts == 1);
	MUST(codings == is_chunked);
}

static void fuzz_request(struct str in, enum cfg_forwarded mode) {
	static const struct h1_limits limits = { 65536, 8192 }, wide = { 1 << 20, 1 << 20 };
	struct http_field fields[FIELDS], again[FIELDS + 8];
	struct http_head h = { .fields = fields, .cap_fields = FIELDS }, out_head = { .fields = again, .cap_fields = FIELDS + 8 };
	struct http_framing framing, out_framing;
	struct http_target target;
	size_t scanned = 0, used = 0;
	if (h1_request_parse(&h, in, &limits, &scanned, &used) != PARSE_DONE ||
	    http_request_framing(&h, &framing) != HTTP_FAULT_NONE ||
	    http_target_parse(h.target, h.method, &target) != HTTP_FAULT_NONE || target.form == HTTP_TARGET_AUTHORITY)
		return;
	const struct http_field *host = http_field_find(&h, HTTP_FIELD_HOST);
	struct str authority = target.authority.n > 0 ? target.authority : host ? host->value : STR_NONE, name;
	uint16_t port;
	if (authority.n > 0 && http_authority_parse(authority, &name, &port) != HTTP_FAULT_NONE)
		return;
	char *normal = malloc(target.path.n + 1), *sent = malloc(target.path.n + target.query.n + 1);
	struct str path = target.path;
	if (target.form == HTTP_TARGET_ASTERISK || http_path_normalize(target.path, normal, &path) == HTTP_FAULT_NONE) {
		memcpy(sent, path.p, path.n);
		memcpy(sent + path.n, target.query.p ? target.query.p : "", target.query.n);
		struct forward f = { .mode = mode,
			             .client_ip = STR("2001:db8::1"),
			             .client_is_v6 = true,
			             .host = authority.n > 0 ? authority : STR("192.0.2.1:80"),
			             .host_is_given = authority.n > 0,
			             .asked_host = authority,
			             .target = str_slice(sent, path.n + target.query.n) };
		struct str method = h.method_name;
		size_t bound = forward_request_bound(&h, &f);
		char *out = malloc(bound);
		size_t n = forward_request(out, &h, &f, framing.body);
		MUST(n <= bound);
		scanned = used = 0;
		MUST(h1_request_parse(&out_head, str_slice(out, n), &wide, &scanned, &used) == PARSE_DONE && used == n);
		MUST(str_eq(out_head.method_name, method) && str_eq(out_head.target, f.target) && out_head.minor == 1);
		must_be_end_to_end(&out_head, framing.body == HTTP_BODY_CHUNKED);
		MUST(http_request_framing(&out_head, &out_framing) == HTTP_FAULT_NONE);
		MUST(out_framing.body == framing.body && out_framing.length == framing.length);
		free(out);
	}
	free(normal);
	free(sent);
}

static void fuzz_response(struct str in, enum http_method method) {
	static const struct h1_limits limits = { 65536, 0 }, wide = { 1 << 20, 0 };
	struct http_field fields[FIELDS], again[FIELDS + 8];
	struct http_head h = { .fields = fields, .cap_fields = FIELDS }, out_head = { .fields = again, .cap_fields = FIELDS + 8 };
	struct http_framing framing, out_framing;
	size_t scanned = 0, used = 0;
	if (h1_response_parse(&h, in, &limits, &scanned, &used) != PARSE_DONE ||
	    http_response_framing(&h, method, &framing) != HTTP_FAULT_NONE)
		return;
	bool is_chunked = framing.body == HTTP_BODY_CHUNKED || framing.body == HTTP_BODY_UNTIL_CLOSE;
	forward_strip_response(&h);
	size_t bound = forward_response_bound(&h);
	char *out = malloc(bound);
	size_t n = forward_response(out, &h, is_chunked, STR_NONE, STR_NONE);
	MUST(n <= bound);
	scanned = used = 0;
	MUST(h1_response_parse(&out_head, str_slice(out, n), &wide, &scanned, &used) == PARSE_DONE && used == n);
	MUST(out_head.status == h.status && str_eq(out_head.reason, h.reason));
	must_be_end_to_end(&out_head, is_chunked);
	MUST(http_response_framing(&out_head, method, &out_framing) == HTTP_FAULT_NONE);
	MUST(out_framing.body == (is_chunked ? HTTP_BODY_CHUNKED : framing.body));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0)
		return 0;
	struct str in = str_slice((const char *)data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		fuzz_request(in, CFG_FORWARDED_APPEND);
		break;
	case 1:
		fuzz_request(in, CFG_FORWARDED_REPLACE);
		break;
	case 2:
		fuzz_request(in, CFG_FORWARDED_OFF);
		break;
	case 3:
		fuzz_response(in, HTTP_METHOD_GET);
		break;
	default:
		fuzz_response(in, HTTP_METHOD_HEAD);
	}
	return 0;
}
