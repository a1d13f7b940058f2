/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/2 towards the server: many requests on one connection, each stream an end of one transaction (RFC 9113).
 *
 * A server may be as hostile as a client: a malformed response is not passed on. What a server says it has not processed (a GOAWAY
 * below the stream, REFUSED_STREAM) may be sent again, whatever the method (RFC 9113 8.7).
 */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

enum {
	HEAD_BYTES = 64 * 1024, /* of a response */
	FIELDS_MAX = 256,
	INTERIM_MAX = 16, /* 1xx answers to one request */
	STREAM_WINDOW_BYTES = 256 * 1024,
	IDLE_FRAMES = 10000,
	DOUBT_US = 50 * 1000,
};

static uint64_t after_ms(uint64_t ms) {
	return clock_now_us() + ms * USEC_PER_MSEC;
}

static void arm(struct h2_stream *s) {
	const struct txn *t = s->txn;
	const struct cfg_pool_timeouts *limits = &t->pool->timeouts;
	bool is_paused = s->head_is_done && !s->wants_body;
	s->moved_seen = s->moved;
	if (is_paused)
		deadline_clear(&s->deadline); /* the client's deadline runs */
	else if (s->head_is_done || s->out)
		deadline_set(&s->deadline, after_ms(limits->body_idle_ms));
	else if (t->request_is_done)
		deadline_set(&s->deadline, s->response_by_us); /* for the whole head: a slow one does not move it */
	else
		deadline_clear(&s->deadline);
}

/* ---- request ---- */

static void back_send_head(struct txn *t, struct http_head *h, const struct http_framing *in) {
	(void)h;
	struct h2_stream *s = t->back_stream;
	nghttp2_nv nv[H2_NV_MAX];
	struct str head = t->request_head; /* "GET /path HTTP/1.1", then the fields, of which Host is the first */
	struct str method = str_slice(head.p, str_find_char(head, ' ')), path = str_skip(head, method.n + 1);
	struct str lines = str_skip(head, str_find_char(head, '\n') + 1);
	size_t host_n = str_find_char(lines, '\r');
	static const char host[] = "Host: ";
	nv[0] = h2_nv(STR(":method"), method);
	nv[1] = h2_nv(STR(":scheme"), t->session->stream.ssl ? STR("https") : STR("http"));
	nv[2] = h2_nv(STR(":authority"), str_skip(str_slice(lines.p, host_n), sizeof(host) - 1));
	nv[3] = h2_nv(STR(":path"), str_slice(path.p, str_find_char(path, ' ')));
	size_t n = h2_nv_of_lines(nv, 4, str_skip(lines, host_n + 2));
	if (t->wants_trailers && n < H2_NV_MAX)
		nv[n++] = h2_nv(STR("te"), STR("trailers"));
	nghttp2_data_provider body = h2_stream_provider(s);
	s->id = nghttp2_submit_request(s->conn->ng, NULL, nv, n, in->body == HTTP_BODY_NONE ? NULL : &body, s);
	s->has_no_body = in->body == HTTP_BODY_NONE;
	if (s->id < 0) { /* out of stream numbers, after 2^30 requests: on_settled finds another connection */
		s->id = 0;
		t->upstream->h2->is_broken = true;
	}
	h2_conn_mark(s->conn);
}

static enum end_state back_send_body(struct txn *t, struct str span, bool is_last) {
	struct h2_stream *s = t->back_stream;
	enum end_state state = END_READY;
	if (!s->has_no_body && (span.n > 0 || is_last) && !s->is_closed)
		state = h2_stream_send(s, span, is_last ? t->trailers : NULL, is_last);
	if (is_last)
		s->response_by_us = after_ms(t->pool->timeouts.response_ms);
	arm(s);
	return state == END_BROKEN ? END_READY : state; /* the response, or the reset, tells */
}

static void on_sent(struct h2_stream *s) {
	s->is_full = false;
	txn_on_request_drained(s->txn);
	if (s->txn)
		arm(s);
}

/* ---- response ---- */

static void refuse(struct h2_stream *s, enum http_fault fault) {
	s->txn->fault = fault;
	txn_on_back_failed(s->txn, PROXY_END_SERVER_BAD_RESPONSE);
}

static enum http_fault frame_response(struct h2_stream *s, struct http_head *h, struct http_framing *in, bool is_last) {
	const struct txn *t = s->txn;
	enum http_fault fault = h2_response_framing(h, t->method, is_last, in);
	s->has_length = in->body != HTTP_BODY_CHUNKED;
	s->left = in->length;
	if (!is_last || fault != HTTP_FAULT_NONE)
		return fault;
	/* It ends here, perhaps without a length, which HTTP/1.1 can't tell but by one. In HTTP/2 it has to end with its head there, too:
	 * to gRPC's clients these fields are trailers then. */
	if (in->body == HTTP_BODY_LENGTH && t->front->codes_chunks && !http_head_has(h, HTTP_FIELD_CONTENT_LENGTH))
		h->fields[h->n_fields++] =
		    (struct http_field){ .name = STR("content-length"), .value = STR("0"), .id = HTTP_FIELD_CONTENT_LENGTH };
	in->body = HTTP_BODY_NONE;
	return HTTP_FAULT_NONE;
}

static void on_head(struct h2_stream *s, struct http_head *h, enum http_fault fault, bool is_last) {
	struct txn *t = s->txn;
	struct http_framing framing = { 0 };
	bool is_interim = h->status < 200;
	if (fault == HTTP_FAULT_NONE && is_interim && (is_last || h->status == 101 || t->n_interim == INTERIM_MAX))
		fault = HTTP_FAULT_BAD_STATUS;
	if (fault == HTTP_FAULT_NONE && !is_interim)
		fault = frame_response(s, h, &framing, is_last);
	if (fault != HTTP_FAULT_NONE) {
		refuse(s, fault);
		return;
	}
	if (is_interim) {
		txn_on_interim_head(t, h);
		return;
	}
	s->head_is_done = s->wants_body = true;
	txn_on_response_head(t, h, &framing);
	if (!s->txn)
		return;
	if (is_last || framing.body == HTTP_BODY_NONE)
		txn_on_response_span(t, STR_NONE, true);
	else
		arm(s);
}

static void on_data(struct h2_stream *s, struct str span, bool is_last) {
	if (s->head_is_done) {
		h2_stream_take(s, span, is_last);
		return;
	}
	h2_stream_consume(s, span.n);
	refuse(s, HTTP_FAULT_LENGTH_WRONG);
}

static void on_trailers(struct h2_stream *s, struct http_head *h, enum http_fault fault) {
	h2_stream_take_trailers(s, h, fault);
}

static void on_reset(struct h2_stream *s, uint32_t error) {
	if (s->in_is_last) /* the response is whole: the server only wants no more of the request (RFC 9113 8.1) */
		return;
	if (error == NGHTTP2_REFUSED_STREAM)
		s->txn->is_unprocessed = true;
	txn_on_back_failed(s->txn, PROXY_END_SERVER_CLOSED);
}

static void on_expire(struct h2_stream *s) {
	if (s->moved != s->moved_seen) { /* a flush does not move deadlines */
		arm(s);
		return;
	}
	txn_on_back_failed(s->txn, PROXY_END_SERVER_TIMEOUT);
}

static void back_resume(struct txn *t) {
	struct h2_stream *s = t->back_stream;
	if (!s->head_is_done || s->wants_body)
		return;
	s->wants_body = true;
	h2_stream_deliver(s);
	if (s->txn)
		arm(s);
}

static size_t back_room(const struct txn *t) {
	return h2_stream_room(t->back_stream);
}

static void back_finish(struct txn *t, bool is_clean) {
	(void)is_clean;
	struct h2_stream *s = t->back_stream;
	struct upstream *u = t->upstream;
	t->back_stream = NULL;
	t->upstream = NULL;
	h2_stream_forget(s, NGHTTP2_CANCEL);
	upstream_unbind(u, t->pool->timeouts.idle_ms);
}

const struct end_ops h2_client_end = {
	.protocol = "h2",
	.send_head = back_send_head,
	.send_body = back_send_body,
	.resume = back_resume,
	.room = back_room,
	.finish = back_finish,
};

/* ---- the connection ---- */

/* A response that is whole waits for its client alone. */
static struct h2_stream *find_unfinished(const struct h2_conn *c) {
	LIST_EACH(it, &c->streams) {
		struct h2_stream *s = CONTAINER_OF(it, struct h2_stream, link);
		if (s->txn && !s->in_is_last)
			return s;
	}
	return NULL;
}

static void fail_all(struct h2_conn *c, enum proxy_end end) {
	c->is_broken = true;
	for (struct h2_stream *s; (s = find_unfinished(c));)
		txn_on_back_failed(s->txn, end);
}

void h2_client_fail(struct upstream *u, enum proxy_end end) {
	u->is_retired = true;
	upstream_unlist(u);
	fail_all(u->h2, end);
	if (u->n_txns == 0)
		upstream_close(u);
}

static void on_goaway(struct h2_conn *c) {
	struct upstream *u = c->owner;
	u->is_retired = true;
	upstream_unlist(u);
}

static void on_settled(struct h2_conn *c) {
	struct upstream *u = c->owner;
	if (u->state == UPSTREAM_DEAD)
		return;
	bool is_over = !nghttp2_session_want_read(c->ng) && !nghttp2_session_want_write(c->ng);
	if (c->is_broken || is_over)
		h2_client_fail(u, PROXY_END_SERVER_CLOSED);
	else if (u->is_retired && u->n_txns == 0)
		upstream_close(u);
}

static const struct h2_role role = {
	.on_head = on_head,
	.on_trailers = on_trailers,
	.pass = txn_on_response_span,
	.refuse = refuse,
	.arm = arm,
	.on_data = on_data,
	.on_sent = on_sent,
	.on_reset = on_reset,
	.on_goaway = on_goaway,
	.on_expire = on_expire,
	.on_settled = on_settled,
};

int h2_client_start(struct upstream *u, uint32_t max_streams) {
	/* All streams' windows together: slow clients must not hold up the others. */
	uint64_t window = (uint64_t)max_streams * STREAM_WINDOW_BYTES;
	const struct h2_options o = { .max_streams = 0, /* no pushes */
		                      .stream_window = STREAM_WINDOW_BYTES,
		                      .connection_window = window < INT32_MAX ? (uint32_t)window : INT32_MAX,
		                      .limits = { HEAD_BYTES, 0 },
		                      .max_fields = FIELDS_MAX,
		                      .max_idle_frames = IDLE_FRAMES };
	u->h2 = mem_zalloc(sizeof(*u->h2));
	return h2_conn_init(u->h2, &role, u, &u->stream, u->worker, &o);
}

uint32_t h2_client_max_streams(const struct upstream *u) {
	return nghttp2_session_get_remote_settings(u->h2->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

const struct pool_conf *h2_client_pool(const struct upstream *u) {
	LIST_EACH(it, &u->h2->streams)
		if (CONTAINER_OF(it, struct h2_stream, link)->txn)
			return CONTAINER_OF(it, struct h2_stream, link)->txn->pool;
	return NULL;
}

void h2_client_bind(struct upstream *u, struct txn *t) {
	t->upstream = u;
	t->back_stream = h2_stream_create(u->h2, t);
}

/* All that waited for the connection go on. */
static void run_opening(struct upstream *u) {
	int r = upstream_open(u);
	if (r == STREAM_ERROR)
		h2_client_fail(u, PROXY_END_CONNECT_FAILED);
	if (r != 0)
		return;
	u->state = UPSTREAM_BUSY;
	deadline_clear(&u->deadline);
	h2_conn_mark(u->h2);
	LIST_EACH(it, &u->h2->streams) {
		struct h2_stream *s = CONTAINER_OF(it, struct h2_stream, link);
		if (s->txn && s->id == 0)
			txn_on_connected(s->txn);
	}
}

static void read_frames(struct upstream *u) {
	if (h2_conn_read(u->h2) != 0)
		u->h2->is_broken = true;
	h2_conn_mark(u->h2);
}

void h2_client_look(struct upstream *u) {
	u->stream.can_read = true;
	read_frames(u);
}

void h2_client_run(struct upstream *u) {
	if (u->n_txns == 0 && u->state != UPSTREAM_BUSY) { /* who waited for it is gone */
		upstream_close(u);
		return;
	}
	if (u->state == UPSTREAM_CONNECTING || u->state == UPSTREAM_HANDSHAKE)
		run_opening(u);
	if (u->state != UPSTREAM_BUSY)
		return;
	read_frames(u);
	/* A reset that came with the last bytes is not told from readiness (EPOLLERR), and rings no more: look once again. */
	if (u->n_txns > 0)
		deadline_set(&u->deadline, clock_now_us() + DOUBT_US);
}
