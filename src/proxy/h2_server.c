/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/2 towards the client: requests in, responses out, each stream an end of one transaction (RFC 9113).
 *
 * A malformed request gets its status on its stream; a connection that breaks the rules of framing gets a GOAWAY and a close. Going
 * away takes two steps, so that no request is lost on its way: a notice, and when the client has answered a PING the last stream that
 * is served (RFC 9113 6.8).
 */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

enum {
	NOTICE_US = 2 * 1000 * 1000, /* a client that answers no PING by then is told the last stream anyway */
	LOOK_US =
	    1000 * 1000, /* a reset that came with the last frames no event tells (EPOLLERR): looked for once, so long after */
};

static uint64_t after_ms(uint64_t ms) {
	return clock_now_us() + ms * USEC_PER_MSEC;
}

static struct session *session_of(const struct h2_conn *c) {
	return c->owner;
}

/* What the transaction waits for on this side. */
static bool waits_for(const struct h2_stream *s, enum way way) {
	bool is_sending = s->out || (s->out_is_last && !s->out_has_ended);
	return way == WAY_SEND ? is_sending : !is_sending && s->wants_body && !s->txn->is_tunnel;
}

static uint64_t moved(const struct h2_stream *s, enum way way) {
	return way == WAY_SEND ? s->moved : s->txn->body_in;
}

/* The deadline that fits it. */
static void arm(struct h2_stream *s) {
	uint64_t now = clock_now_us(), at = UINT64_MAX;
	for (enum way way = WAY_BODY; way <= WAY_SEND; way++) {
		struct pace *p = &s->txn->paces[way];
		if (!waits_for(s, way)) {
			pace_rest(p, now);
			continue;
		}
		struct pace_bounds bounds = patience_of(s->txn, way, s->conn->n_streams);
		at = pace_wait(p, &bounds, moved(s, way), now);
	}
	if (at == UINT64_MAX)
		deadline_clear(&s->deadline);
	else
		deadline_set(&s->deadline, at);
}

/* ---- request ---- */

static struct h2_stream *on_begin(struct h2_conn *c, int32_t id) {
	(void)id;
	struct session *s = session_of(c);
	struct conf *conf = conf_here(c->worker->proxy);
	const struct listener_conf *lc = conf_listener(conf, s->listener);
	if (!lc || s->state != SESSION_H2)
		return NULL;
	struct txn *t = txn_create(s, &h2_server_end, conf, lc, clock_now_us());
	t->front_stream = h2_stream_create(c, t);
	deadline_set(&s->deadline, after_ms(lc->cfg.timeouts.head_ms));
	return t->front_stream;
}

static void refuse(struct h2_stream *s, enum http_fault fault) {
	if (s->txn->is_ending) /* the answer waits for the client: what else comes does not take it back */
		return;
	s->txn->fault = fault;
	txn_fail(s->txn, PROXY_END_BAD_REQUEST, http_fault_status(fault));
}

/* RFC 8441: what HTTP/1.1 asks for with GET and Upgrade. The stream's bytes belong to the tunnel, not to the request. */
static enum http_fault take_extended_connect(struct txn *t, struct http_head *h, struct str protocol, bool is_last) {
	if (is_last)
		return HTTP_FAULT_PROTOCOL_BAD;
	t->is_extended_connect = true;
	t->extended_protocol = txn_keep(t, protocol);
	t->method = h->method = HTTP_METHOD_GET;
	h->method_name = STR("GET");
	t->request.body = HTTP_BODY_NONE;
	return HTTP_FAULT_NONE;
}

static void on_head(struct h2_stream *s, struct http_head *h, enum http_fault fault, bool is_last) {
	struct txn *t = s->txn;
	t->bytes_in = s->conn->head_bytes;
	t->method = h->method;
	if (fault == HTTP_FAULT_NONE)
		fault = h2_request_framing(h, is_last, &t->request);
	s->has_length = t->request.body == HTTP_BODY_LENGTH;
	s->left = t->request.length;
	if (fault == HTTP_FAULT_NONE && s->conn->builder.protocol.n > 0)
		fault = take_extended_connect(t, h, s->conn->builder.protocol, is_last);
	if (h->method == HTTP_METHOD_CONNECT && !is_last)
		t->request.body = HTTP_BODY_NONE;
	if (fault != HTTP_FAULT_NONE)
		refuse(s, fault);
	else
		txn_start(t, h);
}

static void on_data(struct h2_stream *s, struct str span, bool is_last) {
	s->txn->bytes_in += span.n;
	s->txn->body_in += span.n;
	h2_stream_take(s, span, is_last);
}

static void on_trailers(struct h2_stream *s, struct http_head *h, enum http_fault fault) {
	h2_stream_take_trailers(s, h, fault);
}

static void on_reset(struct h2_stream *s, uint32_t error) {
	(void)error;
	txn_fail(s->txn, PROXY_END_CLIENT_ABORT, 0);
}

/* It can't go on for what other streams do: the socket is full (which the session's deadline bounds), or other servers do not take
 * what the connection's window is full of. */
static bool is_held_back(const struct h2_stream *s, enum way way) {
	const struct h2_conn *c = s->conn;
	if (way == WAY_SEND)
		return c->out || c->stream->unsent;
	return nghttp2_session_get_local_window_size(c->ng) < H2_FRAME_BYTES;
}

static void on_expire(struct h2_stream *s) {
	uint64_t now = clock_now_us();
	for (enum way way = WAY_BODY; way <= WAY_SEND; way++) {
		struct pace *p = &s->txn->paces[way];
		if (!waits_for(s, way)) /* it has left since: a flush does not move deadlines */
			continue;
		if (is_held_back(s, way)) {
			pace_excuse(p, now);
			continue;
		}
		struct pace_bounds bounds = patience_of(s->txn, way, s->conn->n_streams);
		enum proxy_end end = patience_end(way, pace_judge(p, &bounds, moved(s, way), moved(s, way), now));
		if (end != PROXY_END_COMPLETE) {
			txn_fail(s->txn, end, 0);
			return;
		}
	}
	arm(s);
}

static void on_sent(struct h2_stream *s) {
	s->is_full = false;
	txn_on_response_drained(s->txn);
	if (s->txn)
		arm(s);
}

/* ---- response ---- */

static size_t put_status(nghttp2_nv *nv, unsigned status, char text[3]) {
	text[0] = (char)('0' + status / 100);
	text[1] = (char)('0' + status / 10 % 10);
	text[2] = (char)('0' + status % 10);
	nv[0] = h2_nv(STR(":status"), str_slice(text, 3));
	return 1;
}

static void submit(struct h2_stream *s, const nghttp2_nv *nv, size_t n, bool has_body) {
	nghttp2_data_provider body = h2_stream_provider(s);
	if (!s->is_closed && !s->conn->is_broken)
		nghttp2_submit_response(s->conn->ng, s->id, nv, n, has_body ? &body : NULL);
	h2_conn_mark(s->conn);
}

static void front_send_head(struct txn *t, struct http_head *h, const struct http_framing *in) {
	struct h2_stream *s = t->front_stream;
	struct session *session = t->session;
	nghttp2_nv nv[H2_NV_MAX];
	char status[3];
	forward_strip_response(h);
	size_t n = h2_nv_of_head(nv, put_status(nv, h->status, status), h);
	if (h->status < 200) {
		if (!s->is_closed)
			nghttp2_submit_headers(s->conn->ng, NGHTTP2_FLAG_NONE, s->id, NULL, nv, n, NULL);
		h2_conn_mark(s->conn);
		return;
	}
	submit(s, nv, n, in->body != HTTP_BODY_NONE);
	if (session->winds_down || fleet_node_drains(session->worker->proxy->fleet))
		h2_server_wind_down(session);
}

static enum end_state front_send_body(struct txn *t, struct str span, bool is_last) {
	struct h2_stream *s = t->front_stream;
	t->bytes_out += span.n;
	if (!t->response_is_begun) /* behind an interim head */
		return END_READY;
	if (!s->out)
		pace_forget(&t->paces[WAY_SEND]);
	enum end_state state = h2_stream_send(s, span, is_last ? t->trailers : NULL, is_last);
	arm(s);
	return state;
}

static void front_resume(struct txn *t) {
	struct h2_stream *s = t->front_stream;
	s->wants_body = true;
	h2_stream_deliver(s);
	if (!s->txn)
		return;
	arm(s);
	/* In the middle of a read more may come at once; else what was laid ready for the server leaves alone. */
	if (s->conn->is_reading)
		s->conn->has_begun = s->has_begun = true;
	else
		txn_flush_request(t);
}

static size_t front_room(const struct txn *t) {
	return h2_stream_room(t->front_stream);
}

/* A call that can't go on ends with a status for gRPC's clients, which says more to them than a reset: whether to try again. */
static bool end_call(struct txn *t, struct h2_stream *s) {
	if (!t->is_grpc || t->end == PROXY_END_CLIENT_ABORT || s->out_is_last || s->is_closed || s->conn->is_broken)
		return false;
	struct answer a;
	answer_build_grpc_end(&a, t->end, !t->response_is_begun, txn_reserve(t, answer_grpc_bound(t->end)));
	if (t->response_is_begun) {
		h2_stream_conclude(s, &a.head);
		return true;
	}
	nghttp2_nv nv[H2_NV_MAX];
	char status[3];
	submit(s, nv, h2_nv_of_head(nv, put_status(nv, a.head.status, status), &a.head), false);
	h2_stream_conclude(s, NULL);
	return true;
}

static void front_finish(struct txn *t, bool is_clean) {
	struct h2_stream *s = t->front_stream;
	t->front_stream = NULL;
	if (!is_clean && end_call(t, s))
		return;
	h2_stream_forget(s, is_clean                           ? NGHTTP2_NO_ERROR
	                    : t->end == PROXY_END_BAD_REQUEST  ? NGHTTP2_PROTOCOL_ERROR
	                    : t->end == PROXY_END_CLIENT_ABORT ? NGHTTP2_CANCEL
	                                                       : NGHTTP2_INTERNAL_ERROR);
	h2_conn_mark(s->conn); /* the connection may be idle now */
}

const struct end_ops h2_server_end = {
	.protocol = "h2",
	.send_head = front_send_head,
	.send_body = front_send_body,
	.resume = front_resume,
	.room = front_room,
	.finish = front_finish,
};

/* ---- the connection ---- */

static void end_streams(struct h2_conn *c, enum proxy_end end) {
	while (!list_is_empty(&c->streams)) {
		struct h2_stream *s = CONTAINER_OF(c->streams.next, struct h2_stream, link);
		if (s->txn)
			txn_fail(s->txn, end, 0);
		else
			h2_stream_free(s);
	}
}

void h2_server_cut(struct session *s, enum proxy_end end) {
	s->h2->is_broken = true;
	end_streams(s->h2, end);
}

static void go_away(struct h2_conn *c) {
	c->closing = H2_CLOSING_FINAL;
	nghttp2_submit_goaway(c->ng, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(c->ng), NGHTTP2_NO_ERROR, NULL,
	                      0);
	h2_conn_mark(c);
}

void h2_server_wind_down(struct session *s) {
	struct h2_conn *c = s->h2;
	if (c->closing != H2_CLOSING_NOT)
		return;
	c->closing = H2_CLOSING_NOTICED;
	nghttp2_submit_shutdown_notice(c->ng);
	nghttp2_submit_ping(c->ng, NGHTTP2_FLAG_NONE, NULL);
	deadline_set(&s->deadline, clock_now_us() + NOTICE_US);
	h2_conn_mark(c);
}

static void on_ping_answer(struct h2_conn *c) {
	if (c->closing == H2_CLOSING_NOTICED)
		go_away(c);
}

static size_t waiting(const struct h2_conn *c) {
	return pending_str(c->out).n + stream_unsent(c->stream);
}

/* The session's deadline: of a header block, of a client that takes nothing, of the time between requests. */
static void arm_session(struct session *s, struct h2_conn *c) {
	const struct listener_conf *lc = conf_listener(conf_here(s->worker->proxy), s->listener);
	if (c->closing == H2_CLOSING_NOTICED)
		return;
	static const struct cfg_listener dropped = { .timeouts = { .head_ms = 5000, .send_idle_ms = 5000 } }; /* by a reload */
	const struct cfg_listener *cfg = lc ? &lc->cfg : &dropped;
	const struct cfg_listener_timeouts *limits = &cfg->timeouts;
	size_t waits = waiting(c);
	bool was_idle = s->is_h2_idle;
	s->is_h2_idle = c->n_streams == 0 && waits == 0;
	if (waits == 0)
		pace_rest(&c->pace, clock_now_us());
	if (waits > 0) {
		struct pace_bounds bounds = patience_of_listener(cfg, WAY_SEND);
		if (pace_is_fresh(&c->pace))
			pace_begin(&c->pace, c->gathered - waits - stream_unacknowledged(&s->stream));
		deadline_set(&s->deadline, pace_wait(&c->pace, &bounds, c->gathered - waits, clock_now_us()));
	} else if (c->heading) {
		if (s->deadline.at_us == UINT64_MAX)
			deadline_set(&s->deadline, after_ms(limits->head_ms));
	} else if (!s->is_h2_idle) {
		deadline_clear(&s->deadline);
	} else if (!was_idle) {
		c->idle_until_us = after_ms(limits->keep_alive_ms);
		uint64_t look_us = clock_now_us() + LOOK_US;
		deadline_set(&s->deadline, look_us < c->idle_until_us ? look_us : c->idle_until_us);
	}
}

static void on_settled(struct h2_conn *c) {
	struct session *s = session_of(c);
	if (s->state != SESSION_H2)
		return;
	if (c->is_broken) {
		end_streams(c, PROXY_END_CLIENT_ABORT);
		session_close(s, true);
		return;
	}
	bool waits = c->out || s->stream.unsent;
	if (c->closing == H2_CLOSING_FINAL && c->n_streams == 0 && !waits && nghttp2_session_want_read(c->ng)) {
		h2_conn_terminate(c, NGHTTP2_NO_ERROR);
		return;
	}
	if (nghttp2_session_want_read(c->ng) || nghttp2_session_want_write(c->ng) || waits) {
		arm_session(s, c);
		return;
	}
	/* Said all, and heard enough. Streams that are left had to do with a client that broke the rules. */
	c->is_broken = true;
	end_streams(c, PROXY_END_H2_ERROR);
	session_linger(s);
}

static const struct h2_role role = {
	.is_server = true,
	.on_begin = on_begin,
	.on_head = on_head,
	.on_trailers = on_trailers,
	.pass = txn_on_request_span,
	.refuse = refuse,
	.arm = arm,
	.on_data = on_data,
	.on_sent = on_sent,
	.on_reset = on_reset,
	.on_ping_answer = on_ping_answer,
	.on_expire = on_expire,
	.on_settled = on_settled,
};

int h2_server_start(struct session *s, const struct listener_conf *lc) {
	const struct cfg_listener_http2 *cfg = &lc->cfg.http2;
	const struct h2_options o = { .max_streams = (uint32_t)cfg->max_streams,
		                      .stream_window = (uint32_t)cfg->stream_window_bytes,
		                      .connection_window = (uint32_t)cfg->connection_window_bytes,
		                      .limits = { (uint32_t)lc->cfg.max_head_bytes, (uint32_t)lc->cfg.max_target_bytes },
		                      .max_fields = (uint32_t)lc->cfg.max_fields,
		                      .max_idle_frames = (uint32_t)cfg->max_idle_frames };
	s->h2 = mem_zalloc(sizeof(*s->h2));
	s->state = SESSION_H2;
	deadline_set(&s->deadline, after_ms(lc->cfg.timeouts.head_ms));
	return h2_conn_init(s->h2, &role, s, &s->stream, s->worker, &o);
}

/* Requests whose head was laid ready for the server while a read was under way. */
static void flush_begun(struct h2_conn *c) {
	if (!c->has_begun)
		return;
	c->has_begun = false;
	LIST_EACH(it, &c->streams) {
		struct h2_stream *s = CONTAINER_OF(it, struct h2_stream, link);
		bool has_begun = s->has_begun;
		s->has_begun = false;
		if (has_begun && s->txn)
			txn_flush_request(s->txn);
	}
}

void h2_server_run(struct session *s) {
	struct h2_conn *c = s->h2;
	if (s->in) { /* what was read before it was known to be HTTP/2 */
		struct pending *held = s->in;
		s->in = NULL;
		c->is_broken = h2_conn_receive(c, pending_str(held)) < 0 && c->closing != H2_CLOSING_OVER;
		mem_free(held);
	}
	int r = h2_conn_read(c);
	flush_begun(c);
	if (r == H2_EOF || (r == STREAM_ERROR && c->closing != H2_CLOSING_OVER))
		c->is_broken = true;
	h2_conn_mark(c);
}

/* It takes nothing, or too little, of what its streams want to send all together. */
static void judge(struct session *s, struct h2_conn *c) {
	const struct listener_conf *lc = conf_listener(conf_here(s->worker->proxy), s->listener);
	enum proxy_end end = PROXY_END_SEND_TIMEOUT;
	if (lc) {
		struct pace_bounds bounds = patience_of_listener(&lc->cfg, WAY_SEND);
		uint64_t sent = c->gathered - waiting(c), taken = sent - stream_unacknowledged(&s->stream);
		end = patience_end(WAY_SEND, pace_judge(&c->pace, &bounds, sent, taken, clock_now_us()));
	}
	if (end == PROXY_END_COMPLETE) {
		arm_session(s, c);
		return;
	}
	h2_server_cut(s, end);
	session_close(s, true);
}

void h2_server_expire(struct session *s) {
	struct h2_conn *c = s->h2;
	if (c->closing == H2_CLOSING_NOTICED) {
		go_away(c);
	} else if (waiting(c) > 0) {
		judge(s, c);
	} else if (s->is_h2_idle && clock_now_us() < c->idle_until_us) {
		deadline_set(&s->deadline, c->idle_until_us);
		if (stream_is_stale(&s->stream))
			stream_ring(&s->stream);
	} else {
		if (c->heading && c->heading->txn)
			txn_fail(c->heading->txn, PROXY_END_HEAD_TIMEOUT, 0);
		h2_conn_terminate(c, NGHTTP2_NO_ERROR);
	}
}
