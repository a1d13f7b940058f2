/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids are random, not secret: they name a request in the logs of many machines. What a client brings is kept only when it can't
 * break a log line, a page or a field, whoever reads it.
 */
#include "proxy/trace.h"

static const char hex_digits[] = "0123456789abcdef";

static void put_hex(char *out, uint64_t bits) {
	for (int i = 15; i >= 0; i--, bits >>= 4)
		out[i] = hex_digits[bits & 15];
}

/* Lower case alone (W3C 2.2.2). *is_zero: nothing but zeros. */
static bool is_hex(const char *p, size_t n, bool *is_zero) {
	char bits = 0;
	for (size_t i = 0; i < n; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
		bits |= (char)(p[i] ^ '0');
	}
	*is_zero = bits == 0;
	return true;
}

bool trace_parent_parse(struct str value, struct str *trace_id) {
	enum { VERSION = 0, TRACE = 3, PARENT = 36, FLAGS = 53 };
	const char *p = value.p;
	bool is_version_0, trace_is_zero, parent_is_zero, has_no_flag;
	if (value.n < TRACE_PARENT_BYTES || p[TRACE - 1] != '-' || p[PARENT - 1] != '-' || p[FLAGS - 1] != '-')
		return false;
	if (!is_hex(p + VERSION, 2, &is_version_0) || !is_hex(p + TRACE, TRACE_ID_BYTES, &trace_is_zero) ||
	    !is_hex(p + PARENT, 16, &parent_is_zero) || !is_hex(p + FLAGS, 2, &has_no_flag))
		return false;
	if (trace_is_zero || parent_is_zero || (p[0] == 'f' && p[1] == 'f'))
		return false;
	if (value.n > TRACE_PARENT_BYTES && (is_version_0 || p[TRACE_PARENT_BYTES] != '-'))
		return false;
	*trace_id = str_slice(p + TRACE, TRACE_ID_BYTES);
	return true;
}

void trace_parent_create(char out[TRACE_PARENT_BYTES], struct rand *r, bool is_sampled) {
	memcpy(out, "00-", 3);
	put_hex(out + 3, rand_next(r) | 1); /* neither id may be zero; samplers look at the last seven bytes of this one */
	put_hex(out + 19, rand_next(r));
	out[35] = '-';
	put_hex(out + 36, rand_next(r) | 1);
	memcpy(out + 52, is_sampled ? "-01" : "-00", 3);
}

void request_id_create(char out[REQUEST_ID_BYTES], struct rand *r) {
	put_hex(out, rand_next(r));
	put_hex(out + 16, rand_next(r));
}

bool request_id_is_valid(struct str s) {
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_alnum && (c == '\0' || !strchr("-_.:/+=@~", c)))
			return false;
	}
	return s.n > 0 && s.n <= REQUEST_ID_MAX;
}
