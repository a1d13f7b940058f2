/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1.1 towards the server: requests out, responses in. One of a transaction's ends.
 *
 * A server may be as hostile as a client: a response whose framing is in doubt is not passed on, bytes that nobody asked for end
 * the connection. A failing send is no verdict: the server may have answered before it closed, so the response is read first.
 */
#include "proxy/tunnel.h"

#include "steerway/base/clock.h"

enum {
	HEAD_BYTES = 64 * 1024, /* of a response */
	FIELDS_MAX = 256,
	INTERIM_MAX = 16,             /* 1xx answers to one request */
	FAST_BYTES = 64 * 1024,       /* a read of so much says that the server is faster than we are */
	FAST_ROOM_BYTES = 192 * 1024, /* and so much room that the client is no slower */
	LOW_WATER_US = 20 * 1000,     /* how long bytes may wait for the low-water mark */
};

static uint64_t after_ms(uint64_t ms) {
	return clock_now_us() + ms * USEC_PER_MSEC;
}

/* Bytes of the request, in clear or as TLS records, that the socket did not take. */
static size_t waiting(const struct upstream *u) {
	return pending_str(u->out).n + stream_unsent(&u->stream);
}

void h1_client_arm(struct upstream *u) {
	struct txn *t = u->txn;
	const struct cfg_pool_timeouts *limits = &t->pool->timeouts;
	uint64_t idle_us = after_ms(limits->tunnel_idle_ms);
	if (t->is_tunnel)
		deadline_set(&u->deadline, idle_us < u->tunnel_until_us ? idle_us : u->tunnel_until_us);
	else if (u->is_paused)
		deadline_clear(&u->deadline); /* the client's deadline runs */
	else if (u->stream.low_water > 1)
		deadline_set(&u->deadline, clock_now_us() + LOW_WATER_US); /* see set_low_water */
	else if (u->head_is_done || waiting(u) > 0)
		deadline_set(&u->deadline, after_ms(limits->body_idle_ms));
	else if (t->request_is_done)
		deadline_set(&u->deadline, u->response_by_us); /* for the whole head: a slow one does not move it */
	else
		deadline_clear(&u->deadline);
}

/* ---- request ---- */

static void back_send_head(struct txn *t, struct http_head *h, const struct http_framing *in) {
	(void)h;
	struct upstream *u = t->upstream;
	u->staged = t->request_head;
	u->out_is_chunked = in->body == HTTP_BODY_CHUNKED && !t->request_is_raw;
}

/* The client has said all: so does a tunnel's other half, behind what waits. */
static void shut_tunnel(struct upstream *u) {
	u->is_shutting = waiting(u) > 0;
	if (!u->is_shutting)
		stream_shutdown_write(&u->stream);
}

static enum end_state back_send_body(struct txn *t, struct str span, bool is_last) {
	struct upstream *u = t->upstream;
	if (u->send_is_broken || (u->staged.n == 0 && span.n == 0 && !is_last)) /* nobody to send to, or nothing to send */
		return END_READY;
	struct pending *trailers = u->out_is_chunked && is_last ? pending_lines(t->trailers) : NULL;
	int r = h1_send_span(&u->stream, &u->out, u->staged, span, u->out_is_chunked, is_last, pending_str(trailers));
	mem_free(trailers);
	u->staged = STR_NONE;
	if (r == STREAM_ERROR) {
		u->send_is_broken = true;
		/* The event that tells of it may have come before, with the last answer's bytes: a reset behind them (EPOLLERR) is not
		 * told from readiness. Only this reads the server's last words then. */
		stream_ring(&u->stream);
	}
	if (is_last && t->is_tunnel)
		shut_tunnel(u);
	if (is_last)
		u->response_by_us = after_ms(t->pool->timeouts.response_ms);
	h1_client_arm(u);
	return r == STREAM_AGAIN ? END_FULL : END_READY;
}

/* ---- response ---- */

static void fail_with(struct upstream *u, enum http_fault fault) {
	u->txn->fault = fault;
	txn_on_back_failed(u->txn, PROXY_END_SERVER_BAD_RESPONSE);
}

/* From here on both ways are bytes. What the client has to send is asked for when this read is over. */
static void begin_tunnel(struct upstream *u) {
	struct txn *t = u->txn;
	t->is_tunnel = true;
	t->request_is_done = false;
	t->request_is_raw = false;
	u->out_is_chunked = false;
	uint64_t lifetime_ms = t->pool->timeouts.tunnel_lifetime_ms;
	u->tunnel_until_us = lifetime_ms > 0 ? after_ms(lifetime_ms) : UINT64_MAX;
	u->opens_tunnel = true;
}

/* Reads heads off *in, up to and with the final one. Returns whether the body may follow. */
static bool take_head(struct upstream *u, struct str *in, bool *is_partial) {
	struct http_field fields[FIELDS_MAX + HEAD_ROOM];
	const struct h1_limits limits = { HEAD_BYTES, 0 };
	for (;;) {
		struct txn *t = u->txn;
		struct http_head head = { .fields = fields, .cap_fields = FIELDS_MAX };
		struct http_framing framing = { 0 };
		size_t used = 0;
		enum parse p = h1_response_parse(&head, *in, &limits, &u->scanned, &used);
		*is_partial = p == PARSE_MORE;
		if (p == PARSE_MORE)
			return false;
		u->scanned = 0;
		enum http_fault fault = p == PARSE_BAD ? head.fault : http_response_framing(&head, t->method, &framing);
		bool opens = fault == HTTP_FAULT_NONE && tunnel_opens(t, &head, &framing, &fault);
		if (!opens && head.status < 200 && t->n_interim == INTERIM_MAX)
			fault = HTTP_FAULT_BAD_STATUS;
		if (fault != HTTP_FAULT_NONE) {
			fail_with(u, fault);
			return false;
		}
		*in = str_skip(*in, used);
		head.cap_fields = COUNT_OF(fields);
		if (head.status < 200 && !opens) {
			txn_on_interim_head(t, &head);
			if (u->txn != t)
				return false;
			continue;
		}
		u->head_is_done = true;
		if (opens)
			begin_tunnel(u);
		u->is_reusable = framing.keep_alive && framing.body != HTTP_BODY_UNTIL_CLOSE;
		txn_on_response_head(t, &head, &framing);
		if (u->txn != t)
			return false;
		body_reader_init(&u->body, &framing, t->response_is_raw);
		return true;
	}
}

/* A span of the body, the last one with the trailers. */
static enum end_state pass(struct upstream *u, struct str span, bool is_last) {
	struct txn *t = u->txn;
	if (!is_last || !u->body.trailers)
		return txn_on_response_span(t, span, is_last);
	struct http_field fields[TRAILERS_MAX];
	struct http_head trailers = { .fields = fields, .cap_fields = TRAILERS_MAX };
	struct pending *held = body_reader_trailers(&u->body, &trailers);
	t->trailers = held ? &trailers : NULL;
	enum end_state front = txn_on_response_span(t, span, is_last); /* the last: the ends have copied them */
	mem_free(held);
	return front;
}

/* Passes spans on until the bytes are used, the body ends, or the client is full. Returns what was not used. */
static struct str take_body(struct upstream *u, struct str in, bool is_first) {
	for (;;) {
		struct txn *t = u->txn;
		size_t used = 0;
		struct str span;
		enum parse p = body_reader_next(&u->body, in, &used, &span);
		in = str_skip(in, used);
		if (p == PARSE_BAD) {
			fail_with(u, u->body.chunked.fault);
			return in;
		}
		bool is_last = p == PARSE_DONE;
		if (is_last && in.n > 0)
			u->is_reusable = false; /* more than was asked for: nothing on this connection can be trusted */
		if (span.n > 0 || is_last || is_first) {
			enum end_state front = pass(u, span, is_last);
			if (is_last || u->txn != t)
				return STR_NONE;
			u->is_paused = front == END_FULL;
		}
		is_first = false;
		if (u->is_paused || used == 0 || in.n == 0)
			return in;
	}
}

/* A response in `in`, from where the last one left off. */
static void take(struct upstream *u, struct str in) {
	struct pending *held = u->in;
	if (held) {
		if (in.n > 0)
			held = pending_add(held, in);
		in = pending_str(held);
		u->in = NULL;
	}
	bool is_first = !u->head_is_done, is_partial = false;
	struct txn *t = u->txn;
	if (u->head_is_done || take_head(u, &in, &is_partial))
		in = take_body(u, in, is_first);
	if (u->state == UPSTREAM_BUSY && u->txn == t && (is_partial || u->head_is_done))
		u->in = pending_add(u->in, in);
	mem_free(held);
}

static void take_end(struct upstream *u, bool is_error) {
	if (u->head_is_done && u->body.kind == HTTP_BODY_UNTIL_CLOSE && !is_error)
		txn_on_response_span(u->txn, STR_NONE, true);
	else
		txn_on_back_failed(u->txn, PROXY_END_SERVER_CLOSED);
}

/*
 * Large bodies from a fast server to a fast client: let the socket fill to half of what is read at once before it rings, instead of
 * ringing for every segment (1 MiB in clear text: 0.77 of the CPU time). A server that then turns slow would be held back by the mark,
 * so a deadline takes it away again.
 */
static void set_low_water(struct upstream *u, size_t got) {
	size_t room = u->txn->front->room(u->txn);
	bool is_worth = got >= FAST_BYTES && room >= FAST_ROOM_BYTES && u->head_is_done && u->body.kind == HTTP_BODY_LENGTH &&
	                u->body.left >= room;
	stream_set_low_water(&u->stream, is_worth ? (int)(room / 2) : 1);
}

static void read_response(struct upstream *u) {
	struct txn *t = u->txn;
	while (u->state == UPSTREAM_BUSY && u->txn == t && !u->is_paused) {
		ssize_t n = stream_recv(&u->stream, io_shared_buffer(), t->front->room(t));
		if (n == STREAM_AGAIN)
			break;
		if (n <= 0) {
			take_end(u, n < 0);
			return;
		}
		take(u, str_slice(io_shared_buffer(), (size_t)n));
		if (u->state == UPSTREAM_BUSY && u->txn == t)
			set_low_water(u, (size_t)n);
	}
	if (u->state == UPSTREAM_BUSY && u->txn == t)
		h1_client_arm(u);
}

bool h1_client_lower_water(struct upstream *u) {
	if (u->stream.low_water <= 1)
		return false;
	stream_set_low_water(&u->stream, 1);
	read_response(u);
	return true;
}

static void run_opening(struct upstream *u) {
	int r = upstream_open(u);
	if (r == STREAM_ERROR)
		txn_on_back_failed(u->txn, PROXY_END_CONNECT_FAILED);
	if (r != 0)
		return;
	u->state = UPSTREAM_BUSY;
	txn_on_connected(u->txn);
}

/* Sends what waits; the transaction may go on when none does. */
static void flush_request(struct upstream *u) {
	size_t before = waiting(u);
	int r = pending_flush(&u->stream, &u->out);
	if (r == STREAM_ERROR)
		u->send_is_broken = true;
	if (r != STREAM_AGAIN || waiting(u) < before)
		h1_client_arm(u);
	if (u->is_shutting && r != STREAM_AGAIN)
		shut_tunnel(u);
	if (r != STREAM_AGAIN)
		txn_on_request_drained(u->txn);
}

void h1_client_run(struct upstream *u) {
	if (u->state == UPSTREAM_CONNECTING || u->state == UPSTREAM_HANDSHAKE) {
		run_opening(u);
		if (u->state == UPSTREAM_BUSY && u->stream.can_read) /* a server that spoke at once */
			read_response(u);
		return;
	}
	struct txn *t = u->txn;
	if (waiting(u) > 0 && u->stream.can_write)
		flush_request(u);
	if (u->state == UPSTREAM_BUSY && u->txn == t && u->stream.can_read)
		read_response(u);
	if (u->state == UPSTREAM_BUSY && u->txn == t && u->opens_tunnel) {
		u->opens_tunnel = false;
		t->front->resume(t);
	}
}

static void back_resume(struct txn *t) {
	struct upstream *u = t->upstream;
	if (!u->is_paused)
		return;
	u->is_paused = false;
	if (u->in)
		take(u, STR_NONE);
	if (u->state == UPSTREAM_BUSY && u->txn == t && !u->is_paused)
		read_response(u);
}

static void back_finish(struct txn *t, bool is_clean) {
	struct upstream *u = t->upstream;
	upstream_release(u, is_clean && u->is_reusable && u->head_is_done && !u->send_is_broken);
}

static size_t back_room(const struct txn *t) {
	return pending_room(&t->upstream->stream);
}

const struct end_ops h1_client_end = {
	.protocol = "h1",
	.codes_chunks = true,
	.send_head = back_send_head,
	.send_body = back_send_body,
	.resume = back_resume,
	.room = back_room,
	.finish = back_finish,
};
