/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An HTTP/2 connection (RFC 9113), towards clients or towards servers: nghttp2's session (framing, HPACK, flow control) between a
 * stream of io and the streams of the connection, each an end of one transaction. h2.c moves frames; what they mean is its role's:
 * h2_server.c, h2_client.c.
 *
 * One flush a connection a loop turn: what callbacks submit leaves when the turn ends, in as few writes as the socket takes.
 */
#ifndef STEERWAY_PROXY_H2_H
#define STEERWAY_PROXY_H2_H

#include "proxy/private.h"

#include <nghttp2/nghttp2.h>

struct h2_stream {
	struct list link; /* its connection's */
	struct list told; /* among those that on_sent is called for behind the flush */
	struct h2_conn *conn;
	struct txn *txn;                /* NULL: it ended before the stream did */
	struct pending *out;            /* body that waits for the flush, or for the peer's window */
	struct pending *in;             /* body that the other end does not take yet; its window is withheld */
	struct pending *tail, *in_tail; /* trailers behind `out` and `in`, as lines "name: value\r\n" */
	struct deadline deadline;
	uint64_t left;           /* of a content-length, to come */
	uint64_t moved;          /* bytes of body sent */
	uint64_t moved_seen;     /* towards servers: what had moved when its deadline was set */
	uint64_t response_by_us; /* towards servers: when the response head must be there */
	int32_t id;              /* 0: not submitted yet */
	bool has_length;
	bool wants_body;    /* the other end takes what arrives */
	bool is_full;       /* said END_FULL; on_sent when there is room again */
	bool is_deferred;   /* nghttp2 waits for more of `out` */
	bool out_is_last;   /* nothing follows `out` and `tail` */
	bool out_has_ended; /* END_STREAM has left */
	bool in_is_last;    /* END_STREAM came */
	bool head_is_done;  /* towards servers: the final head came */
	bool has_no_body;   /* towards servers: the request ended with its head */
	bool has_begun;     /* towards clients: its head was laid ready for the server during a read */
	bool is_closed;     /* nghttp2 forgot it */
};

enum { H2_FRAME_BYTES = 16 * 1024 /* of DATA: as large as every peer must take (RFC 9113 4.2) */ };
/* FINAL: the streams that are left go on. OVER: they don't, and nothing that the peer says matters. */
enum { H2_CLOSING_NOT, H2_CLOSING_NOTICED, H2_CLOSING_FINAL, H2_CLOSING_OVER };

struct h2_conn {
	nghttp2_session *ng;
	struct stream *stream;
	struct proxy_worker *worker;
	const struct h2_role *role;
	void *owner; /* struct session or struct upstream */
	struct list flush_link;
	struct list streams, told;
	struct pending *out;       /* frames that the socket did not take */
	size_t out_bytes;          /* of all streams' `out` */
	uint64_t gathered;         /* bytes of frames, to be written or written */
	struct pace pace;          /* towards clients: of what the socket did not take */
	struct h2_stream *heading; /* whose header block is coming in; NULL: none */
	struct h2_head_builder builder;
	struct http_head head;
	struct h2_block *kept_block; /* of a head that came in part; NULL: the worker's holds it */
	uint32_t head_bytes;         /* of the header list (RFC 9113 10.5.1) */
	struct h1_limits limits;
	uint32_t max_fields;
	uint32_t data_left; /* of the DATA frame that is coming in; UINT32_MAX: padded, so unknown */
	uint32_t n_streams;
	uint32_t n_incoming; /* of them, those whose END_STREAM has not come */
	uint32_t allowance;  /* frames without use to anyone that the peer may still send; refilled by time */
	uint32_t max_allowance;
	uint64_t allowed_us;
	uint64_t update_credit; /* bytes of body sent that the peer may still answer with WINDOW_UPDATE */
	uint64_t idle_until_us; /* towards clients: when a connection without streams has had its time */
	uint8_t closing;
	bool is_broken, is_reading, wants_flush, has_begun;
};

/* What the frames of a connection mean to its side. */
struct h2_role {
	bool is_server;
	/* A server's side: a new stream, whose txn has been made; NULL: refused. */
	struct h2_stream *(*on_begin)(struct h2_conn *c, int32_t id);
	/* A whole head, or what is wrong with it. is_last: no body follows. */
	void (*on_head)(struct h2_stream *s, struct http_head *h, enum http_fault fault, bool is_last);
	/* Trailers: the body ends with them. */
	void (*on_trailers)(struct h2_stream *s, struct http_head *h, enum http_fault fault);
	void (*on_data)(struct h2_stream *s, struct str span, bool is_last);
	/* For h2_stream_take: the transaction takes a span of body; what is wrong with it; the deadline that now fits. */
	enum end_state (*pass)(struct txn *t, struct str span, bool is_last);
	void (*refuse)(struct h2_stream *s, enum http_fault fault);
	void (*arm)(struct h2_stream *s);
	/* The flush took its last bytes (out_has_ended), or there is room again. */
	void (*on_sent)(struct h2_stream *s);
	/* Reset by the peer, or by what nghttp2 made of its frames; error: an error code of RFC 9113 7. Not called behind a regular end. */
	void (*on_reset)(struct h2_stream *s, uint32_t error);
	void (*on_goaway)(struct h2_conn *c);      /* or NULL */
	void (*on_ping_answer)(struct h2_conn *c); /* or NULL */
	void (*on_expire)(struct h2_stream *s);    /* its deadline passed */
	/* After a read or a flush: is the connection still wanted? */
	void (*on_settled)(struct h2_conn *c);
};

struct h2_options {
	uint32_t max_streams;       /* that the peer may open at once */
	uint32_t stream_window;     /* bytes that a peer may send ahead on a stream */
	uint32_t connection_window; /* and on all */
	struct h1_limits limits;
	uint32_t max_fields;
	uint32_t max_idle_frames;
};
int h2_conn_init(struct h2_conn *c, const struct h2_role *role, void *owner, struct stream *stream, struct proxy_worker *w,
                 const struct h2_options *o);
void h2_conn_fini(struct h2_conn *c); /* its streams are gone; harmless on a zeroed one */
/* Takes bytes of the peer. -1: the connection is of no more use (what was submitted, a GOAWAY, may still be flushed). */
int h2_conn_receive(struct h2_conn *c, struct str in);
/* Reads until the socket is empty. 0, H2_EOF, or STREAM_ERROR. */
enum { H2_EOF = -3 };
int h2_conn_read(struct h2_conn *c);
/* Has the turn's end flush it. */
void h2_conn_mark(struct h2_conn *c);
/* Sends what is ready. 0: all has left; STREAM_AGAIN; STREAM_ERROR. */
int h2_conn_flush(struct h2_conn *c);
/* Nothing more will be said or heard after what is submitted: GOAWAY with an error code. */
void h2_conn_terminate(struct h2_conn *c, uint32_t error);
/* Runs at the end of a turn: flushes all marked connections of a worker. */
void h2_flush_marked(struct loop_task *task);

struct h2_stream *h2_stream_create(struct h2_conn *c, struct txn *t);
/* Its memory stays until the outermost callback ends. */
void h2_stream_free(struct h2_stream *s);
/* Those of a connection that nobody will flush any more; their transactions are over. */
void h2_conn_drop_streams(struct h2_conn *c);
/* The transaction is over: resets the stream unless both sides ended it; frees it when nghttp2 has let it go. */
void h2_stream_forget(struct h2_stream *s, uint32_t error);
/* The same, but the peer still gets `trailers` behind what has left already, in place of what waits. Not on a closed one. */
void h2_stream_conclude(struct h2_stream *s, const struct http_head *trailers);
/* Copies body for the flush. */
enum end_state h2_stream_send(struct h2_stream *s, struct str span, const struct http_head *trailers, bool is_last);
/* END_STREAM came. */
void h2_stream_in_ended(struct h2_stream *s);
void h2_stream_reset(struct h2_stream *s, uint32_t error);
bool h2_stream_is_full(const struct h2_stream *s);
/* A span of body that arrived, or trailers: checked against the length, passed on or kept. May end the transaction. */
void h2_stream_take(struct h2_stream *s, struct str span, bool is_last);
void h2_stream_take_trailers(struct h2_stream *s, const struct http_head *h, enum http_fault fault);
/* What was kept while nobody took it. */
void h2_stream_deliver(struct h2_stream *s);
/* Gives the peer back the window of `n` body bytes that were taken. */
void h2_stream_consume(struct h2_stream *s, size_t n);
size_t h2_stream_room(const struct h2_stream *s);
/* The source of a stream's body. */
nghttp2_data_provider h2_stream_provider(struct h2_stream *s);
/* Header fields for nghttp2, which copies them. Dropped fields are left out; names need not be lower case. */
enum { H2_NV_MAX = 1152 }; /* pseudo-header fields, the row of max_fields, HEAD_ROOM, FIELD_VALUES_MAX, and what forward.c adds */
static inline nghttp2_nv h2_nv(struct str name, struct str value) {
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n, NGHTTP2_NV_FLAG_NONE };
}
size_t h2_nv_of_head(nghttp2_nv *nv, size_t n, const struct http_head *h);
/* Of lines "name: value\r\n". */
size_t h2_nv_of_lines(nghttp2_nv *nv, size_t n, struct str lines);
bool h2_head_of_lines(struct http_head *h, struct str lines);
void h2_thread_fini(struct proxy_worker *w);

#endif
