/* SPDX-License-Identifier: BSD-2-Clause */
/* The chunked coding: cutting the input changes nothing, and the raw bytes of an accepted body mean the same to a receiver that
 * knows little of the grammar. */
#include "http_fuzz.h"

struct decoded {
	enum parse result;
	enum http_fault fault;
	size_t used, body_bytes;
	char *body;
};

/* Pieces of `first`, then `every` bytes. */
static struct decoded decode(const uint8_t *data, size_t n, size_t first, size_t every) {
	struct decoded d = { .result = PARSE_MORE, .body = exact_copy(data, n) };
	struct h1_chunked c = { 0 };
	for (size_t piece = first; d.result == PARSE_MORE && d.used < n; piece = every) {
		size_t left = piece < n - d.used ? piece : n - d.used;
		char *copy = exact_copy(data + d.used, left);
		struct str in = { copy, left }, body;
		while (d.result == PARSE_MORE && in.n) {
			size_t used;
			d.result = h1_chunked_next(&c, in, &used, &body);
			MUST(used <= in.n && is_inside(body, str_slice(in.p, used)));
			MUST(used > 0 || d.result == PARSE_BAD);
			memcpy(d.body + d.body_bytes, body.p, body.n);
			d.body_bytes += body.n;
			d.used += used;
			in = str_skip(in, used);
		}
		free(copy);
	}
	d.fault = c.fault;
	return d;
}

/* Hexadecimal digits, whatever up to LF, data, two bytes; lines up to an empty one. Cares for nothing else. */
static size_t decode_naively(const uint8_t *p, size_t n, char *body) {
	size_t i = 0, body_bytes = 0;
	for (;;) {
		size_t size = strtoull(memcpy((char[18]){ 0 }, p + i, n - i < 17 ? n - i : 17), NULL, 16);
		while (p[i++] != '\n')
			MUST(i < n);
		if (size == 0)
			break;
		MUST(size + 2 <= n - i);
		memcpy(body + body_bytes, p + i, size);
		body_bytes += size;
		i += size + 2;
	}
	for (size_t line = i; p[i] != '\r' || i != line;) {
		MUST(i + 1 < n);
		if (p[i++] == '\n')
			line = i;
	}
	MUST(i + 2 == n);
	return body_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	struct decoded whole = decode(data, n, n, n);
	if (n > 0) {
		size_t cut = 1 + (data[n - 1] * (size_t)256 + data[n / 2]) % n;
		for (unsigned i = 0; i < 2; i++) {
			struct decoded pieces = i ? decode(data, n, 1, 1 + n / 128) : decode(data, n, cut, n);
			MUST(pieces.fault == whole.fault && pieces.used == whole.used && pieces.body_bytes == whole.body_bytes);
			MUST((pieces.result == PARSE_DONE) == (whole.result == PARSE_DONE));
			MUST(memcmp(pieces.body, whole.body, whole.body_bytes) == 0);
			free(pieces.body);
		}
	}
	if (whole.result == PARSE_DONE) {
		char *body = exact_copy(data, n);
		MUST(decode_naively(data, whole.used, body) == whole.body_bytes &&
		     memcmp(body, whole.body, whole.body_bytes) == 0);
		free(body);
	}
	free(whole.body);
	return 0;
}
