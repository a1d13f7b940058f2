/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1.1 towards the client: request heads and bodies in, responses out. One of a transaction's ends.
 *
 * A head is parsed where it arrived, in the thread's shared buffer; only what must outlive the callback (a partial head,
 * pipelined requests) is kept by the session. What malforms a message gets its status and a close, since nothing behind it can be
 * trusted (RFC 9112 2.2, 6.3).
 */
#include "proxy/private.h"

#include "steerway/base/clock.h"

enum {
	READ_BYTES = 64 * 1024,  /* a read for a head takes at most so much of what follows it */
	AHEAD_BYTES = 64 * 1024, /* a client may pipeline so much while a response is under way */
	FIELDS_MAX = 1000,       /* the row's bound of max_fields */
};

/* Keeps what was read, but not yet used, for later. */
static void keep(struct session *s, struct str rest) {
	s->in = pending_add(s->in, rest);
}

static uint64_t after_ms(uint64_t ms) {
	return clock_now_us() + ms * USEC_PER_MSEC;
}

static size_t waiting(const struct session *s) {
	return pending_str(s->out).n + stream_unsent(&s->stream);
}

/* The deadline that fits what the transaction waits for on this side. Only bytes that moved count: a client that sends, but takes
 * nothing, is idle as far as sending to it goes. */
static void arm(struct session *s) {
	struct txn *t = s->txn;
	uint64_t now = clock_now_us();
	size_t waits = waiting(s);
	bool wants_body = waits == 0 && s->wants_body && !t->is_tunnel; /* the server's side has the clock of a tunnel */
	if (waits == 0)
		pace_rest(&t->paces[WAY_SEND], now);
	if (!wants_body)
		pace_rest(&t->paces[WAY_BODY], now);
	if (waits == 0 && !wants_body) {
		deadline_clear(&s->deadline);
		return;
	}
	enum way way = wants_body ? WAY_BODY : WAY_SEND;
	struct pace_bounds bounds = patience_of(t, way, 1);
	uint64_t moved = wants_body ? t->body_in : t->bytes_out - waits;
	if (waits > 0 && pace_is_fresh(&t->paces[way]))
		pace_begin(&t->paces[way], moved - stream_unacknowledged(&s->stream));
	deadline_set(&s->deadline, pace_wait(&t->paces[way], &bounds, moved, now));
}

void h1_server_expire(struct session *s) {
	struct txn *t = s->txn;
	size_t waits = waiting(s);
	enum way way = waits > 0 ? WAY_SEND : WAY_BODY;
	struct pace_bounds bounds = patience_of(t, way, 1);
	uint64_t moved = waits > 0 ? t->bytes_out - waits : t->body_in;
	uint64_t taken = waits > 0 ? moved - stream_unacknowledged(&s->stream) : moved;
	enum proxy_end end = patience_end(way, pace_judge(&t->paces[way], &bounds, moved, taken, clock_now_us()));
	if (end != PROXY_END_COMPLETE)
		txn_fail(t, end, 0);
	else
		arm(s);
}

/* ---- request ---- */

/* A span of the body, the last one with the trailers. */
static enum end_state pass(struct session *s, struct txn *t, struct str span, bool is_last) {
	if (!is_last || !t->h1.body.trailers)
		return txn_on_request_span(t, span, is_last);
	struct http_field fields[TRAILERS_MAX];
	struct http_head trailers = { .fields = fields, .cap_fields = TRAILERS_MAX };
	struct pending *held = body_reader_trailers(&t->h1.body, &trailers);
	t->trailers = held ? &trailers : NULL;
	enum end_state back = txn_on_request_span(t, span, is_last);
	if (s->txn == t)
		t->trailers = NULL;
	mem_free(held);
	return back;
}

/* Gives the transaction body spans of `in`; returns how much of it was used. */
static size_t feed(struct session *s, struct str in) {
	size_t total = 0;
	while (s->wants_body) {
		struct txn *t = s->txn;
		size_t used = 0;
		struct str span;
		enum parse p = body_reader_next(&t->h1.body, str_skip(in, total), &used, &span);
		total += used;
		t->bytes_in += used;
		t->body_in += used;
		if (p == PARSE_BAD) {
			t->fault = t->h1.body.chunked.fault;
			t->close_front = true;
			txn_fail(t, PROXY_END_BAD_REQUEST, http_fault_status(t->fault));
			break;
		}
		if (p == PARSE_MORE && used == 0)
			break;
		if (p == PARSE_DONE)
			s->wants_body = false;
		if (p == PARSE_MORE && span.n == 0)
			continue;
		enum end_state back = pass(s, t, span, p == PARSE_DONE);
		if (s->txn != t)
			break;
		if (back != END_READY && p != PARSE_DONE) {
			s->wants_body = false; /* until resumed */
			break;
		}
	}
	return total;
}

/* Makes a transaction of a head, or of what is wrong with one. The head's bytes are the caller's. */
static void begin(struct session *s, struct conf *c, const struct listener_conf *lc, struct http_head *h, enum http_fault fault,
                  size_t head_bytes) {
	struct txn *t = s->txn = txn_create(s, &h1_server_end, c, lc, s->head_us);
	s->state = SESSION_TXN;
	s->scanned = 0;
	t->bytes_in = head_bytes;
	if (fault == HTTP_FAULT_NONE)
		fault = http_request_framing(h, &t->request);
	if (fault != HTTP_FAULT_NONE) {
		t->fault = fault;
		t->close_front = true;
		t->method = h->method;
		txn_fail(t, PROXY_END_BAD_REQUEST, http_fault_status(fault));
		return;
	}
	deadline_clear(&s->deadline);
	if (t->request.body == HTTP_BODY_LENGTH && t->request.length == 0)
		t->request.body = HTTP_BODY_NONE;
	body_reader_init(&t->h1.body, &t->request, false);
	txn_start(t, h);
}

/* RFC 9113 3.3, 3.4: prior knowledge. "PRI" is no method of HTTP/1.1. */
static bool is_h2_preface(struct str in, const struct listener_conf *lc) {
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	size_t n = in.n < sizeof(preface) - 1 ? in.n : sizeof(preface) - 1;
	return lc->cfg.http2.enabled && n >= 4 && memcmp(in.p, preface, n) == 0;
}

static bool begin_h2(struct session *s, const struct listener_conf *lc, struct str in) {
	if (!s->in)
		keep(s, in);
	if (h2_server_start(s, lc) == 0)
		return true;
	session_close(s, true);
	return false;
}

bool h1_server_read_head(struct session *s) {
	struct conf *c = conf_here(s->worker->proxy);
	const struct listener_conf *lc = conf_listener(c, s->listener);
	if (!lc || (s->winds_down && s->state == SESSION_IDLE && !s->in)) {
		session_close(s, false);
		return false;
	}
	struct str in = pending_str(s->in);
	if (in.n == 0 || s->needs_more) {
		if (!s->stream.can_read && s->state == SESSION_IDLE)
			return false;
		ssize_t n = stream_recv(&s->stream, io_shared_buffer(), READ_BYTES);
		if (n == STREAM_AGAIN)
			return false;
		if (n <= 0) {
			session_close(s, false);
			return false;
		}
		in = str_slice(io_shared_buffer(), (size_t)n);
		if (s->in) {
			keep(s, in);
			in = pending_str(s->in);
		}
	}
	s->needs_more = false;
	if (!s->has_asked && in.p[0] == 'P' && is_h2_preface(in, lc))
		return begin_h2(s, lc, in);
	if (s->state == SESSION_IDLE && s->scanned == 0) {
		s->state = SESSION_HEAD;
		s->head_us = clock_now_us();
		deadline_set(&s->deadline, after_ms(lc->cfg.timeouts.head_ms));
	}

	struct http_field fields[FIELDS_MAX + HEAD_ROOM];
	struct http_head head = { .fields = fields, .cap_fields = (uint16_t)lc->cfg.max_fields };
	struct h1_limits limits = { (uint32_t)lc->cfg.max_head_bytes, (uint32_t)lc->cfg.max_target_bytes };
	size_t used = 0;
	enum parse p = h1_request_parse(&head, in, &limits, &s->scanned, &used);
	if (p == PARSE_MORE) {
		if (!s->in)
			keep(s, in);
		s->needs_more = true;
		return true;
	}
	head.cap_fields = COUNT_OF(fields);
	/* The head's slices point into `in`: what the session holds must not move before the transaction has copied them. */
	struct pending *held = s->in;
	s->in = NULL;
	s->has_asked = true;
	s->holds_rest = in.n > used;
	begin(s, c, lc, &head, p == PARSE_BAD ? head.fault : HTTP_FAULT_NONE, used);
	struct str rest = str_skip(in, used);
	if (s->state == SESSION_TXN && s->wants_body)
		rest = str_skip(rest, feed(s, rest));
	s->holds_rest = false;
	if (s->state != SESSION_DEAD && s->state != SESSION_LINGER)
		keep(s, rest);
	mem_free(held);
	return s->state != SESSION_DEAD;
}

void h1_server_head_timeout(struct session *s) {
	struct conf *c = conf_here(s->worker->proxy);
	const struct listener_conf *lc = conf_listener(c, s->listener);
	if (!lc) {
		session_close(s, false);
		return;
	}
	struct txn *t = s->txn = txn_create(s, &h1_server_end, c, lc, s->head_us);
	t->bytes_in = pending_str(s->in).n;
	t->close_front = true;
	s->state = SESSION_TXN;
	txn_fail(t, PROXY_END_HEAD_TIMEOUT, 0);
}

/* Reads body for a transaction that wants it. Returns whether something was read. */
static bool read_body(struct session *s) {
	if (s->in) {
		struct pending *held = s->in;
		s->in = NULL;
		size_t used = feed(s, pending_str(held));
		struct str rest = str_skip(pending_str(held), used);
		if (s->state != SESSION_DEAD && s->state != SESSION_LINGER)
			keep(s, rest);
		mem_free(held);
		return used > 0;
	}
	ssize_t n = stream_recv(&s->stream, io_shared_buffer(), txn_request_room(s->txn));
	if (n == STREAM_AGAIN)
		return false;
	if (n == STREAM_EOF && s->txn->is_tunnel) { /* half of it closes */
		s->wants_body = false;
		txn_on_request_span(s->txn, STR_NONE, true);
		return false;
	}
	if (n <= 0) {
		txn_fail(s->txn, PROXY_END_CLIENT_ABORT, 0);
		return false;
	}
	struct str in = str_slice(io_shared_buffer(), (size_t)n);
	struct str rest = str_skip(in, feed(s, in));
	if (s->state != SESSION_DEAD && s->state != SESSION_LINGER)
		keep(s, rest);
	return true;
}

/* While the client should be waiting: a RST ends the transaction, a FIN is only a half-close (the answer may still be wanted),
 * bytes are the next request. */
static bool read_ahead(struct session *s) {
	if (!s->stream.can_read || s->stream.has_eof || pending_str(s->in).n >= AHEAD_BYTES)
		return false;
	ssize_t n = stream_recv(&s->stream, io_shared_buffer(), AHEAD_BYTES);
	if (n == STREAM_ERROR) {
		txn_fail(s->txn, PROXY_END_CLIENT_ABORT, 0);
		return false;
	}
	if (n <= 0)
		return false;
	keep(s, str_slice(io_shared_buffer(), (size_t)n));
	return true;
}

bool h1_server_run_txn(struct session *s) {
	struct txn *t = s->txn;
	if ((s->out || s->stream.unsent) && s->stream.can_write) {
		int r = pending_flush(&s->stream, &s->out);
		if (r == STREAM_ERROR) {
			txn_fail(t, PROXY_END_CLIENT_ABORT, 0);
			return false;
		}
		if (r == 0)
			txn_on_response_drained(t);
		if (s->txn != t)
			return s->state != SESSION_DEAD;
	}
	bool went_on = s->wants_body ? read_body(s) : read_ahead(s);
	if (s->txn != t)
		return s->state != SESSION_DEAD;
	if (went_on)
		return true;
	txn_flush_request(t);
	if (s->txn == t)
		arm(s);
	return false;
}

/* ---- response ---- */

/* The client sent FIN, and nothing of what it sent before is left. */
static bool is_last_request(const struct session *s) {
	return s->stream.has_eof && !s->in && !s->holds_rest;
}

static void front_send_head(struct txn *t, struct http_head *h, const struct http_framing *in) {
	struct session *s = t->session;
	if (t->is_tunnel) {
		t->close_front = true;
		char *out = txn_reserve(t, forward_response_bound(h));
		forward_strip_response(h);
		t->h1.staged =
		    str_slice(out, forward_response(out, h, false, t->upgrade.n > 0 ? STR("Upgrade") : STR_NONE, t->upgrade));
		return;
	}
	if (h->status < 200) { /* 100, 103: nothing of it concerns the connection */
		char *out = txn_reserve(t, forward_response_bound(h));
		forward_strip_response(h);
		t->h1.staged = str_slice(out, forward_response(out, h, false, STR_NONE, STR_NONE));
		return;
	}
	bool has_chunks = (in->body == HTTP_BODY_CHUNKED || in->body == HTTP_BODY_UNTIL_CLOSE) && t->minor == 1;
	if (in->body == HTTP_BODY_UNTIL_CLOSE || in->body == HTTP_BODY_CHUNKED)
		t->close_front = t->close_front || t->minor == 0; /* a 1.0 client reads until the end of the connection */
	if (!t->request.keep_alive || s->winds_down || is_last_request(s) || fleet_node_drains(s->worker->proxy->fleet))
		t->close_front = true;
	t->response_is_raw = in->body == HTTP_BODY_CHUNKED && has_chunks && t->back->codes_chunks;
	t->h1.is_chunked = has_chunks && !t->response_is_raw;
	char *out = txn_reserve(t, forward_response_bound(h));
	struct str connection = t->close_front ? STR("close") : t->minor == 0 ? STR("keep-alive") : STR_NONE;
	forward_strip_response(h);
	t->h1.staged = str_slice(out, forward_response(out, h, has_chunks, connection, STR_NONE));
}

static enum end_state front_send_body(struct txn *t, struct str span, bool is_last) {
	struct session *s = t->session;
	t->bytes_out += t->h1.staged.n + span.n;
	bool is_chunked = t->h1.is_chunked && t->response_is_begun;
	s->stream.is_last_send = is_last && t->close_front && t->response_is_begun;
	struct pending *trailers = is_chunked && is_last ? pending_lines(t->trailers) : NULL;
	int r = h1_send_span(&s->stream, &s->out, t->h1.staged, span, is_chunked, is_last && t->response_is_begun,
	                     pending_str(trailers));
	mem_free(trailers);
	t->h1.staged = STR_NONE;
	if (r == STREAM_ERROR)
		return END_BROKEN;
	if (r == 0)
		return END_READY;
	if (!s->is_running)
		arm(s);
	return END_FULL;
}

static void front_resume(struct txn *t) {
	struct session *s = t->session;
	s->wants_body = true;
	t->h1.body.is_raw = t->request_is_raw; /* known now that there is a server */
	if (t->is_tunnel)
		t->h1.body.kind = HTTP_BODY_UNTIL_CLOSE;
	session_run(s);
}

static size_t front_room(const struct txn *t) {
	return pending_room(&t->session->stream);
}

static void front_finish(struct txn *t, bool is_clean) {
	struct session *s = t->session;
	body_reader_fini(&t->h1.body);
	s->txn = NULL;
	s->wants_body = false;
	if (s->state == SESSION_DEAD)
		return;
	if (!is_clean)
		session_close(s, t->response_is_begun);
	else if (!t->close_front && t->request_is_done && !s->winds_down)
		session_await(s);
	/* What the client has on its way must not meet a closed socket: a reset would take the answer along (RFC 9112 9.6). Without a
	 * word from it that this is its last request, there may be another. */
	else if (!t->request_is_done || s->in || s->stream.can_read || t->request.keep_alive)
		session_linger(s);
	else
		session_close(s, false);
}

const struct end_ops h1_server_end = {
	.protocol = "h1",
	.codes_chunks = true,
	.send_head = front_send_head,
	.send_body = front_send_body,
	.resume = front_resume,
	.room = front_room,
	.finish = front_finish,
};
