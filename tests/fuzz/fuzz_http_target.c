/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets, authorities and paths. The first byte chooses the method, the rest is the target. */
#include "http_fuzz.h"

static bool has_segment(struct str path, struct str segment) {
	struct str rest = path, part;
	while (rest.n) {
		const char *slash = memchr(rest.p, '/', rest.n);
		part = str_slice(rest.p, slash ? (size_t)(slash - rest.p) : rest.n);
		if (str_eq(part, segment))
			return true;
		rest = str_skip(rest, slash ? part.n + 1 : rest.n);
	}
	return false;
}

static void path_check(struct str path) {
	char *out = exact_copy(path.p, path.n), *out_again;
	struct str normal, again;
	memset(out, '#', path.n);
	if (http_path_normalize(path, out, &normal) == HTTP_FAULT_NONE) {
		MUST(normal.n > 0 && normal.n <= path.n && normal.p[0] == '/');
		MUST((normal.p == path.p) == str_eq(normal, path));
		MUST(normal.p != path.p || path.n == 0 || out[0] == '#');
		MUST(!has_segment(normal, STR(".")) && !has_segment(normal, STR("..")));
		for (size_t i = 0; i < normal.n; i++) {
			MUST(normal.p[i] > ' ' && normal.p[i] < 0x7f && !strchr("?#\\", normal.p[i]));
			if (normal.p[i] == '%') {
				MUST(i + 2 < normal.n && memcmp(normal.p + i, "%2F", 3) != 0 &&
				     memcmp(normal.p + i, "%2E", 3) != 0);
				MUST(memcmp(normal.p + i, "%00", 3) != 0 && memcmp(normal.p + i, "%5C", 3) != 0);
			}
		}
		out_again = exact_copy(normal.p, normal.n);
		MUST(http_path_normalize(normal, out_again, &again) == HTTP_FAULT_NONE && again.p == normal.p &&
		     again.n == normal.n);
		free(out_again);
	}
	free(out);
}

static void authority_check(struct str authority, bool is_needed) {
	struct str host, again;
	uint16_t port;
	enum http_fault fault = http_authority_parse(authority, &host, &port);
	MUST(!is_needed || fault == HTTP_FAULT_NONE);
	if (fault != HTTP_FAULT_NONE)
		return;
	MUST(host.n > 0 && host.n <= 253 && host.p == authority.p && host.n <= authority.n && host.p[host.n - 1] != '.');
	MUST(http_authority_parse(host, &again, &port) == HTTP_FAULT_NONE && str_eq(again, host) && port == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	struct http_target t;
	if (n == 0)
		return 0;
	enum http_method method = (enum http_method)(data[0] % HTTP_METHOD_COUNT);
	char *copy = exact_copy(data + 1, n - 1);
	struct str in = { copy, n - 1 };
	if (http_target_parse(in, method, &t) == HTTP_FAULT_NONE) {
		MUST(is_inside(t.scheme, in) && is_inside(t.authority, in) && is_inside(t.query, in));
		MUST(t.form != HTTP_TARGET_ORIGIN || (is_inside(t.path, in) && t.path.n + t.query.n == in.n));
		MUST((t.form == HTTP_TARGET_AUTHORITY) == (method == HTTP_METHOD_CONNECT));
		MUST(t.form == HTTP_TARGET_AUTHORITY || t.path.n > 0);
		MUST(t.query.n == 0 || t.query.p[0] == '?');
		if (t.authority.n)
			authority_check(t.authority, true);
		path_check(t.path);
	}
	authority_check(in, false);
	path_check(in);
	free(copy);
	return 0;
}
