/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a peer would read of what was sent to it, by readers that know nothing of the code under test but HTTP/1.1's parsers and
 * nghttp2's HPACK: each ends the process when it could be read in two ways, or breaks a rule of RFC 9113 or 9112. What they return
 * depends on what the messages say alone, not on how they were cut into frames or chunks. Included behind MUST.
 */
#ifndef TESTS_WIRE_READ_H
#define TESTS_WIRE_READ_H

#include "proxy/body.h"
#include "steerway/base/hash.h"
#include "steerway/http.h"

#include <nghttp2/nghttp2.h>

/* ---- HTTP/2 ---- */

enum { READ_STREAMS = 512 };

struct read_stream {
	bool has_head, has_length, has_ended, is_reset, is_bare;
	uint64_t length, body_bytes, hash;
};

struct h2_reader {
	nghttp2_hd_inflater *hpack;
	struct read_stream streams[READ_STREAMS];
	uint32_t n_streams;
	bool is_requests;
};

static uint64_t hash_add(uint64_t hash, struct str s) {
	return hash_bytes(s.p, s.n, hash);
}

static void read_field(struct h2_reader *r, struct read_stream *s, struct str name, struct str value, unsigned *status,
                       bool *has_regular) {
	static const char *const banned[] = { "connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection" };
	MUST(name.n > 0 && (name.p[0] != ':' || (!*has_regular && !s->has_head)));
	for (size_t i = 0; i < name.n; i++)
		MUST(name.p[i] > ' ' && name.p[i] < 0x7f && (name.p[i] < 'A' || name.p[i] > 'Z') && (i == 0 || name.p[i] != ':'));
	for (size_t i = 0; i < value.n; i++)
		MUST(value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != '\0');
	for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
		MUST(!str_eq(name, str_from(banned[i])));
	*has_regular = *has_regular || name.p[0] != ':';
	uint64_t number;
	if (str_eq(name, STR(":status"))) {
		MUST(!r->is_requests && *status == 0 && value.n == 3 && str_to_u64(value, &number));
		*status = (unsigned)number;
	} else if (str_eq(name, STR(":method"))) {
		MUST(r->is_requests && *status == 0);
		*status = str_eq(value, STR("CONNECT")) ? 2 : 1;
	} else if (str_eq(name, STR("content-length")) && !s->has_head) {
		MUST(str_to_u64(value, &number) && !s->has_length);
		s->has_length = true;
		s->length = number;
	}
	s->hash = hash_add(hash_add(s->hash, name), value);
}

static void read_end(struct read_stream *s) {
	MUST(!s->has_ended);
	s->has_ended = true;
	/* Without a body it may be an answer to HEAD, or a 304. */
	MUST(!s->has_length || s->body_bytes == 0 || s->body_bytes == s->length);
	MUST(!s->is_bare || s->body_bytes == 0);
	s->hash = hash_mix(s->hash + 1);
}

static void read_block(struct h2_reader *r, struct read_stream *s, struct str block, bool is_end) {
	unsigned status = 0;
	bool has_regular = false, has_length = s->has_length;
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(r->hpack, &nv, &flags, (const uint8_t *)block.p, block.n, 1);
		MUST(used >= 0);
		block = str_skip(block, (size_t)used);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			read_field(r, s, str_slice((const char *)nv.name, nv.namelen),
			           str_slice((const char *)nv.value, nv.valuelen), &status, &has_regular);
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
		MUST(block.n > 0 || flags & NGHTTP2_HD_INFLATE_EMIT);
	}
	nghttp2_hd_inflate_end_headers(r->hpack);
	if (s->has_head) {
		MUST(status == 0 && is_end); /* trailers */
	} else if (r->is_requests) {
		MUST(status != 0);
		s->has_head = true;
	} else if (status >= 200) {
		MUST(status <= 599);
		s->has_head = true;
		s->is_bare = status == 304; /* a 204 may open a tunnel */
	} else {
		MUST(status >= 100 && status != 101 && !is_end && s->has_length == has_length);
	}
	if (is_end)
		read_end(s);
}

static struct read_stream *read_stream(struct h2_reader *r, uint32_t id, bool opens) {
	MUST(id % 2 == 1 && id <= INT32_MAX);
	uint32_t at = id / 2;
	if (at >= READ_STREAMS)
		return NULL;
	MUST(!r->is_requests || at < r->n_streams || (opens && at >= r->n_streams));
	if (at >= r->n_streams)
		r->n_streams = at + 1;
	return &r->streams[at];
}

/* All that was sent on an HTTP/2 connection, the preface included; a last frame may be cut. */
static uint64_t h2_read(struct str in, bool is_requests) {
	static struct h2_reader r;
	static struct buf block;
	uint32_t block_id = 0;
	bool block_ends = false;
	uint64_t hash = 0;
	memset(r.streams, 0, r.n_streams * sizeof(r.streams[0]));
	r.n_streams = 0;
	r.is_requests = is_requests;
	block.n = 0;
	struct str magic = STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	if (is_requests) {
		MUST(in.n < magic.n || str_starts(in, magic));
		in = str_skip(in, magic.n < in.n ? magic.n : in.n);
	}
	MUST(nghttp2_hd_inflate_new(&r.hpack) == 0);
	for (bool is_first = true; in.n >= 9; is_first = false) {
		const uint8_t *h = (const uint8_t *)in.p;
		size_t n = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
		uint8_t type = h[3], flags = h[4];
		uint32_t id = (uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8];
		MUST(n <= 16384 && (!is_first || type == NGHTTP2_SETTINGS) && (block_id == 0) == (type != NGHTTP2_CONTINUATION));
		if (in.n - 9 < n)
			break;
		struct str payload = str_slice(in.p + 9, n);
		in = str_skip(in, 9 + n);
		bool is_ours = id > 0 && (id % 2 == 1 || type != NGHTTP2_RST_STREAM); /* a push may be refused */
		struct read_stream *s = is_ours ? read_stream(&r, id, type == NGHTTP2_HEADERS) : NULL;
		if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION) {
			MUST(type == NGHTTP2_HEADERS ? id > 0 : id == block_id);
			block_ends = type == NGHTTP2_HEADERS ? flags & NGHTTP2_FLAG_END_STREAM : block_ends;
			MUST(!(flags & NGHTTP2_FLAG_PADDED));
			size_t skip = type == NGHTTP2_HEADERS && flags & NGHTTP2_FLAG_PRIORITY ? 5 : 0;
			buf_add(&block, str_skip(payload, skip));
			block_id = id;
			MUST(!s || (!s->has_ended && !s->is_reset));
			if (!(flags & NGHTTP2_FLAG_END_HEADERS))
				continue;
			if (!s)
				break;
			read_block(&r, s, buf_str(&block), block_ends);
			block.n = 0;
			block_id = 0;
		} else if (type == NGHTTP2_DATA && s) {
			MUST(s->has_head && !s->has_ended && !s->is_reset);
			s->body_bytes += n;
			MUST(!s->has_length || s->body_bytes <= s->length);
			if (flags & NGHTTP2_FLAG_END_STREAM)
				read_end(s);
		} else if (type == NGHTTP2_RST_STREAM) {
			MUST(id > 0 && n == 4);
			if (s && !s->has_ended) { /* how much of it left before it was cut is chance */
				s->hash = hash_add(2, payload);
				s->body_bytes = 0;
			} /* else it only says that the rest need not come, which may have come already */
			if (s)
				s->is_reset = true;
		} else if (type == NGHTTP2_GOAWAY) {
			MUST(id == 0 &&
			     n >= 8); /* which reason is told of several: chance, too, once the client has said its own */
		} else {
			MUST(type == NGHTTP2_DATA || type == NGHTTP2_SETTINGS || type == NGHTTP2_PING ||
			     type == NGHTTP2_WINDOW_UPDATE);
		}
	}
	nghttp2_hd_inflate_del(r.hpack);
	for (uint32_t i = 0; i < r.n_streams; i++)
		hash = hash_mix(hash + r.streams[i].hash + r.streams[i].body_bytes);
	return hash;
}

/* ---- HTTP/1.1 requests ---- */

static void h1_requests_read(struct str in) {
	static const struct h1_limits wide = { 1 << 20, 1 << 20 };
	while (in.n > 0) {
		struct http_field fields[256];
		struct http_head h = { .fields = fields, .cap_fields = 256 };
		struct http_framing f;
		struct body_reader body = { 0 };
		size_t scanned = 0, used = 0;
		enum parse p = h1_request_parse(&h, in, &wide, &scanned, &used);
		MUST(p != PARSE_BAD);
		if (p == PARSE_MORE)
			break;
		MUST(http_request_framing(&h, &f) == HTTP_FAULT_NONE && http_head_has(&h, HTTP_FIELD_HOST));
		in = str_skip(in, used);
		if (h.method == HTTP_METHOD_CONNECT || http_head_has(&h, HTTP_FIELD_UPGRADE))
			break; /* what follows may be a tunnel's */
		if (f.body == HTTP_BODY_NONE)
			continue;
		body_reader_init(&body, &f, false);
		struct str span = STR_NONE;
		for (p = PARSE_MORE, used = 1; p == PARSE_MORE && used > 0; in = str_skip(in, used)) {
			p = body_reader_next(&body, in, &used, &span);
			MUST(p != PARSE_BAD);
		}
		body_reader_fini(&body);
		if (p != PARSE_DONE)
			break;
	}
}

#endif
