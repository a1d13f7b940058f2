/* SPDX-License-Identifier: BSD-2-Clause */
/* PROXY protocol headers: any part of one is MORE or BAD, bytes behind change nothing, and what is accepted is written anew and read back. */
#include "http_fuzz.h"

static enum parse parse_part(struct proxy_header *h, const uint8_t *data, size_t n, size_t *used) {
	char *copy = exact_copy(data, n);
	enum parse r = proxy_header_parse(h, str_slice(copy, n), used);
	struct str in = { copy, *used };
	MUST(*used <= n && *used <= PROXY_HEADER_BYTES_MAX && (r == PARSE_DONE) == (*used > 0));
	if (r == PARSE_DONE) {
		MUST(is_inside(h->alpn, in) && is_inside(h->authority, in) && is_inside(h->unique_id, in));
		MUST(is_inside(h->tls_version, in) && is_inside(h->common_name, in));
		MUST(!h->is_verified || h->has_certificate);
		MUST(h->alpn.n <= 255 && h->authority.n <= 255 && h->unique_id.n <= 128);
	}
	MUST(r != PARSE_MORE || n < PROXY_HEADER_BYTES_MAX);
	free(copy);
	return r;
}

static void again_check(const struct proxy_header *h) {
	char out[PROXY_HEADER_WRITE_BYTES];
	struct proxy_header again;
	size_t n = proxy_header_write(out, h), used;
	MUST(n <= sizeof out && proxy_header_parse(&again, str_slice(out, n), &used) == PARSE_DONE && used == n);
	MUST(again.version == h->version && again.has_addresses == h->has_addresses);
	if (!h->has_addresses)
		return;
	MUST(addr_eq(&again.source, &h->source) && addr_eq(&again.destination, &h->destination));
	MUST(h->version == 1 || (str_eq(again.alpn, h->alpn) && str_eq(again.authority, h->authority)));
	MUST(again.has_checksum == h->has_checksum && (h->version == 1 || str_eq(again.unique_id, h->unique_id)));
}

static void part_check(const struct proxy_header *h, enum parse whole, size_t used, const uint8_t *data, size_t n) {
	struct proxy_header part;
	size_t part_used;
	enum parse r = parse_part(&part, data, n, &part_used);
	MUST(r == PARSE_MORE || r == whole);
	if (r == PARSE_DONE)
		MUST(n >= used && part_used == used && part.has_addresses == h->has_addresses);
	else if (whole == PARSE_DONE)
		MUST(n < used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	struct proxy_header h;
	size_t used;
	enum parse whole = parse_part(&h, data, n, &used);
	/* Every part of a short input; of a long one a sample that begins where the bytes say, and those around the end. */
	size_t step = 1 + n / 24;
	for (size_t i = n > 0 ? data[n / 2] % step : 0; i < n; i += step)
		part_check(&h, whole, used, data, i);
	for (size_t i = used > 0 ? used - 1 : 0; i < n && i < used + 2; i++)
		part_check(&h, whole, used, data, i);
	if (whole == PARSE_DONE) {
		char *copy = exact_copy(data, n);
		MUST(proxy_header_parse(&h, str_slice(copy, n), &used) == PARSE_DONE);
		again_check(&h);
		free(copy);
	}
	return 0;
}
