/* SPDX-License-Identifier: BSD-2-Clause */
/* Message bodies on HTTP/1.1 connections: reading one by its framing, and writing with what the socket leaves over kept. */
#ifndef STEERWAY_PROXY_BODY_H
#define STEERWAY_PROXY_BODY_H

#include "steerway/http.h"
#include "steerway/io.h"

/* Bytes that wait: read ahead, or not taken by a socket. Owned by a connection, allocated only while there are any. */
struct pending {
	size_t at, n, cap; /* the bytes are [at, n) */
	char bytes[];
};
/* Appends; NULL stands for none. Returns the object, which may have moved. */
struct pending *pending_add(struct pending *p, struct str bytes);
/* Drops the first n; frees and returns NULL when that empties it. */
struct pending *pending_consume(struct pending *p, size_t n);
static inline struct str pending_str(const struct pending *p) {
	return p ? (struct str){ p->bytes + p->at, p->n - p->at } : STR_NONE;
}

/* Sends the spans; what the socket does not take is appended to *out. 0: all taken; STREAM_AGAIN: some waits; STREAM_ERROR. */
int pending_send(struct stream *s, struct pending **out, struct iovec *iov, int n_iov);
/* Sends what waits. Same answers. */
int pending_flush(struct stream *s, struct pending **out);
/* How much of a body to read for a peer at once: 64 KiB at first, up to 256 KiB as it takes them, and 512 KiB once it has taken 4 MiB in a
 * row, which is more than a socket holds of what nobody reads. From the start again when it lets some wait: all that it can have wait
 * is what was read at once. */
enum { ROOM_LEAST = 64 * 1024 };
size_t pending_room(const struct stream *s);

/* The fields that are not dropped, as lines "name: value\r\n"; NULL: none. */
struct pending *pending_lines(const struct http_head *h);

/* The body spans of a message that leaves: a head before the first one, chunk framing around each where the body leaves chunked;
 * with the last span trailers, as lines. */
int h1_send_span(struct stream *s, struct pending **out, struct str head, struct str span, bool is_chunked, bool is_last,
                 struct str trailers);

struct body_reader {
	enum http_body kind;
	bool is_raw;   /* chunked: spans are the coded bytes, to be forwarded as they are */
	uint64_t left; /* of HTTP_BODY_LENGTH */
	struct h1_chunked chunked;
	struct pending *trailers; /* the trailer section of a body that is decoded, so far */
};
/* Behind PARSE_DONE: the trailers of a decoded body into `h`, whose fields the caller lends; their memory, to be freed, or NULL. */
struct pending *body_reader_trailers(struct body_reader *b, struct http_head *h);
void body_reader_fini(struct body_reader *b); /* harmless on a zeroed one */
/* b is zeroed before its first use. */
void body_reader_init(struct body_reader *b, const struct http_framing *in, bool is_raw);
/* The next span of the body in `in`: *used bytes are consumed. PARSE_DONE: the body ends with this span. PARSE_MORE: go on with
 * in+*used while *used > 0. PARSE_BAD: b->chunked.fault says why. */
enum parse body_reader_next(struct body_reader *b, struct str in, size_t *used, struct str *span);

#endif
