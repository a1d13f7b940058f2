/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams of an HTTP/2 connection, of either side: their life, and the body in both directions between a transaction and the frames
 * of h2.c. What nobody takes yet is kept, and its window withheld; what waits to leave is bounded a stream and a connection.
 */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

enum {
	STREAM_OUT_BYTES = 64 * 1024,  /* a stream is full above */
	CONN_OUT_BYTES = 1024 * 1024,  /* with so much on all streams, each is full with anything */
	CONCLUDE_US = 2 * 1000 * 1000, /* trailers that no window lets follow the body by then do not follow */
};

/* Only a whole response may be followed by a reset that is no error (RFC 9113 8.1): to a server it would not say that we gave up. */
void h2_stream_reset(struct h2_stream *s, uint32_t error) {
	bool is_whole = s->conn->role->is_server && s->out_has_ended;
	nghttp2_submit_rst_stream(s->conn->ng, NGHTTP2_FLAG_NONE, s->id, is_whole ? NGHTTP2_NO_ERROR : error);
	h2_conn_mark(s->conn);
}

static void on_stream_deadline(struct deadline *d) {
	struct h2_stream *s = CONTAINER_OF(d, struct h2_stream, deadline);
	struct proxy_worker *w = s->conn->worker;
	worker_enter(w);
	if (s->txn)
		s->conn->role->on_expire(s);
	else if (!s->is_closed)
		h2_stream_reset(s, NGHTTP2_CANCEL);
	worker_leave(w);
}

struct h2_stream *h2_stream_create(struct h2_conn *c, struct txn *t) {
	struct h2_stream *s = mem_zalloc(sizeof(*s));
	s->conn = c;
	s->txn = t;
	list_init(&s->told);
	list_append(&c->streams, &s->link);
	c->n_streams++;
	c->n_incoming++;
	deadline_init(&s->deadline, c->worker->loop, on_stream_deadline);
	return s;
}

static void drop_buffers(struct h2_stream *s) {
	s->conn->out_bytes -= pending_str(s->out).n;
	mem_free(s->out);
	mem_free(s->in);
	mem_free(s->tail);
	mem_free(s->in_tail);
	s->out = s->in = s->tail = s->in_tail = NULL;
}

void h2_stream_free(struct h2_stream *s) {
	struct h2_conn *c = s->conn;
	if (s->id && c->ng)
		nghttp2_session_set_stream_user_data(c->ng, s->id, NULL);
	if (c->heading == s)
		c->heading = NULL;
	drop_buffers(s);
	deadline_fini(&s->deadline);
	list_remove(&s->told);
	list_remove(&s->link);
	c->n_streams--;
	c->n_incoming -= !s->in_is_last;
	list_append(&c->worker->dead_streams, &s->link);
}

void h2_stream_in_ended(struct h2_stream *s) {
	s->conn->n_incoming -= !s->in_is_last;
	s->in_is_last = true;
}

void h2_conn_drop_streams(struct h2_conn *c) {
	while (!list_is_empty(&c->streams))
		h2_stream_free(CONTAINER_OF(c->streams.next, struct h2_stream, link));
}

/* From its transaction. */
static void part(struct h2_stream *s) {
	size_t withheld = pending_str(s->in).n;
	s->txn = NULL;
	if (withheld > 0 && s->conn->ng)
		nghttp2_session_consume_connection(s->conn->ng, withheld);
	drop_buffers(s);
	s->wants_body = false;
	deadline_clear(&s->deadline);
}

void h2_stream_forget(struct h2_stream *s, uint32_t error) {
	part(s);
	if (s->is_closed || s->id == 0)
		h2_stream_free(s);
	else if (!s->out_has_ended || !s->in_is_last)
		h2_stream_reset(s, error);
}

void h2_stream_conclude(struct h2_stream *s, const struct http_head *trailers) {
	part(s);
	s->tail = pending_lines(trailers);
	s->out_is_last = true;
	if (s->is_deferred)
		nghttp2_session_resume_data(s->conn->ng, s->id);
	s->is_deferred = false;
	deadline_set(&s->deadline, clock_now_us() + CONCLUDE_US);
	h2_conn_mark(s->conn);
}

size_t h2_stream_room(const struct h2_stream *s) {
	size_t waits = pending_str(s->out).n;
	if (waits >= STREAM_OUT_BYTES || s->conn->out_bytes >= CONN_OUT_BYTES)
		return H2_FRAME_BYTES;
	return STREAM_OUT_BYTES + H2_FRAME_BYTES - waits;
}

bool h2_stream_is_full(const struct h2_stream *s) {
	return pending_str(s->out).n >= STREAM_OUT_BYTES || (s->out && s->conn->out_bytes >= CONN_OUT_BYTES);
}

enum end_state h2_stream_send(struct h2_stream *s, struct str span, const struct http_head *trailers, bool is_last) {
	struct h2_conn *c = s->conn;
	if (s->is_closed || c->is_broken)
		return END_BROKEN;
	s->out = pending_add(s->out, span);
	c->out_bytes += span.n;
	if (trailers && trailers->n_fields > 0)
		s->tail = pending_lines(trailers);
	s->out_is_last = s->out_is_last || is_last;
	if (s->is_deferred && (s->out || s->out_is_last)) {
		s->is_deferred = false;
		nghttp2_session_resume_data(c->ng, s->id);
	}
	h2_conn_mark(c);
	s->is_full = is_last || h2_stream_is_full(s);
	return s->is_full ? END_FULL : END_READY;
}

void h2_stream_consume(struct h2_stream *s, size_t n) {
	if (n == 0 || s->conn->is_broken)
		return;
	if (s->is_closed)
		nghttp2_session_consume_connection(s->conn->ng, n);
	else
		nghttp2_session_consume(s->conn->ng, s->id, n);
	h2_conn_mark(s->conn);
}

/* ---- body in ---- */

/* Passes body on, and gives its window back. */
static void pass(struct h2_stream *s, struct str span, bool is_last) {
	if (is_last)
		s->wants_body = false;
	enum end_state other = s->conn->role->pass(s->txn, span, is_last);
	h2_stream_consume(s, span.n);
	if (!s->txn)
		return;
	s->txn->trailers = NULL;
	if (other != END_READY)
		s->wants_body = false;
}

void h2_stream_deliver(struct h2_stream *s) {
	if (!s->wants_body || (!s->in && !s->in_is_last))
		return;
	struct pending *held = s->in, *tail = s->in_tail;
	struct http_field fields[TRAILERS_MAX];
	struct http_head trailers = { .fields = fields, .cap_fields = TRAILERS_MAX };
	s->in = s->in_tail = NULL;
	if (tail && h2_head_of_lines(&trailers, pending_str(tail)))
		s->txn->trailers = &trailers;
	pass(s, pending_str(held), s->in_is_last);
	mem_free(held);
	mem_free(tail);
}

void h2_stream_take(struct h2_stream *s, struct str span, bool is_last) {
	if (s->has_length && (span.n > s->left || (is_last && span.n < s->left))) {
		h2_stream_consume(s, span.n);
		s->conn->role->refuse(s, HTTP_FAULT_LENGTH_WRONG);
		return;
	}
	s->left -= s->has_length ? span.n : 0;
	if (!s->wants_body || s->in)
		s->in = pending_add(s->in, span);
	else
		pass(s, span, is_last);
	if (s->txn)
		s->conn->role->arm(s);
}

void h2_stream_take_trailers(struct h2_stream *s, const struct http_head *h, enum http_fault fault) {
	if (fault == HTTP_FAULT_NONE && s->has_length && s->left > 0)
		fault = HTTP_FAULT_LENGTH_WRONG;
	if (fault != HTTP_FAULT_NONE) {
		s->conn->role->refuse(s, fault);
		return;
	}
	s->in_tail = pending_lines(h);
	h2_stream_deliver(s);
	if (s->txn)
		s->conn->role->arm(s);
}

/* ---- fields ---- */

size_t h2_nv_of_head(nghttp2_nv *nv, size_t n, const struct http_head *h) {
	for (unsigned i = 0; i < h->n_fields && n < H2_NV_MAX; i++)
		if (!h->fields[i].is_dropped)
			nv[n++] = h2_nv(h->fields[i].name, h->fields[i].value);
	return n;
}

size_t h2_nv_of_lines(nghttp2_nv *nv, size_t n, struct str lines) {
	while (lines.n > 0 && n < H2_NV_MAX) {
		struct str line = str_slice(lines.p, str_find_char(lines, '\r'));
		lines = str_skip(lines, line.n + 2);
		size_t colon = str_find_char(line, ':');
		if (colon < line.n)
			nv[n++] = h2_nv(str_slice(line.p, colon), str_skip(line, colon + 2));
	}
	return n;
}

bool h2_head_of_lines(struct http_head *h, struct str lines) {
	while (lines.n > 0 && h->n_fields < h->cap_fields) {
		struct str line = str_slice(lines.p, str_find_char(lines, '\r'));
		lines = str_skip(lines, line.n + 2);
		size_t colon = str_find_char(line, ':');
		if (colon < line.n)
			h->fields[h->n_fields++] =
			    (struct http_field){ .name = str_slice(line.p, colon), .value = str_skip(line, colon + 2) };
	}
	return lines.n == 0;
}
