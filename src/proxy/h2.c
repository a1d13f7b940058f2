/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of an HTTP/2 connection in and out: see h2.h. Header blocks become heads by the rules of RFC 9113 8 (struct
 * h2_head_builder), which also say what nghttp2's own checks would: those are off, so that there is one judge.
 *
 * What a peer can make grow is bounded: streams by SETTINGS, bodies by windows that are given back only for bytes that were passed
 * on, header blocks by max_head, and frames that are of no use to anyone (PING, SETTINGS, PRIORITY, empty DATA, resets...) by an
 * allowance that time refills.
 */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

enum {
	READ_BYTES = 128 * 1024,
	ROUNDS = 8,                      /* of flushes a connection and turn */
	RUN_BYTES = 128 * 1024,          /* a write gathers so much, */
	RUN_SPARE = 128 * 1024,          /* and one more frame with a header block of nghttp2's largest (64 KiB) */
	ALLOWANCE_US = 10 * 1000 * 1000, /* the allowance is full again after so long */
	BYTES_AN_UPDATE = 256,  /* of body sent earn the peer a WINDOW_UPDATE (on stream and connection it needs two) or PING, */
	BYTES_OF_A_FRAME = 512, /* and a frame of it, however small it was, as much as these */
	TINY_BYTES = 16,        /* a frame of DATA with less is as dear as a large one */
	PADDING_BYTES = 256,    /* how much of a padded one may be nothing (RFC 9113 6.1) */
};

/* ---- frames out ---- */

/* The stream's role is told behind the flush. */
static void tell(struct h2_stream *s) {
	if (list_is_empty(&s->told))
		list_append(&s->conn->told, &s->told);
}

static ssize_t on_source(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                         nghttp2_data_source *source, void *user_data) {
	(void)buf;
	(void)user_data;
	struct h2_stream *s = source->ptr;
	size_t n = pending_str(s->out).n;
	if (n == 0 && !s->out_is_last) {
		s->is_deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	length = length < H2_FRAME_BYTES ? length : H2_FRAME_BYTES;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n > length)
		return (ssize_t)length;
	if (s->out_is_last) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->tail) {
			nghttp2_nv nv[H2_NV_MAX];
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			nghttp2_submit_trailer(ng, id, nv, h2_nv_of_lines(nv, 0, pending_str(s->tail)));
		}
	}
	return (ssize_t)n;
}

static int on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
                        nghttp2_data_source *source, void *user_data) {
	(void)ng;
	(void)frame;
	struct h2_conn *c = user_data;
	struct h2_stream *s = source->ptr;
	struct h2_run *run = c->worker->h2_run;
	if (pending_str(s->out).n < length) /* the transaction ended since the frame was begun: a reset stands behind it */
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (run->n >= RUN_BYTES)
		return NGHTTP2_ERR_WOULDBLOCK; /* asked again for the next run */
	memcpy(run->bytes + run->n, head, 9);
	run->n += 9;
	if (length > 0) {
		memcpy(run->bytes + run->n, pending_str(s->out).p, length);
		run->n += length;
		s->out = pending_consume(s->out, length);
		c->out_bytes -= length;
		s->moved += length;
		c->update_credit += length > BYTES_OF_A_FRAME ? length : BYTES_OF_A_FRAME;
	}
	if (s->is_full && !s->out_is_last && !h2_stream_is_full(s))
		tell(s);
	return 0;
}

static int on_frame_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user_data) {
	struct h2_conn *c = user_data;
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) || (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS))
		return 0;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (s) {
		s->out_has_ended = true;
		c->update_credit += BYTES_OF_A_FRAME;
		if (s->txn)
			tell(s);
		else if (!s->in_is_last) /* of h2_stream_conclude */
			h2_stream_reset(s, NGHTTP2_NO_ERROR);
	}
	return 0;
}

nghttp2_data_provider h2_stream_provider(struct h2_stream *s) {
	return (nghttp2_data_provider){ .source.ptr = s, .read_callback = on_source };
}

/* Frames until a write's worth. */
static int gather(struct h2_conn *c, struct h2_run *run) {
	run->n = 0;
	while (run->n < RUN_BYTES) {
		const uint8_t *bytes;
		ssize_t n = nghttp2_session_mem_send(c->ng, &bytes);
		if (n < 0)
			return STREAM_ERROR;
		if (n == 0)
			break;
		memcpy(run->bytes + run->n, bytes, (size_t)n);
		run->n += (size_t)n;
	}
	c->gathered += run->n;
	return 0;
}

static int send_all(struct h2_conn *c) {
	struct h2_run *run = c->worker->h2_run;
	if (!run)
		run = c->worker->h2_run = mem_alloc(sizeof(*run) + RUN_BYTES + RUN_SPARE);
	for (;;) {
		int r = pending_flush(c->stream, &c->out);
		if (r != 0)
			return r;
		if (gather(c, run) < 0)
			return STREAM_ERROR;
		if (run->n == 0)
			return 0;
		struct iovec iov = { run->bytes, run->n };
		r = pending_send(c->stream, &c->out, &iov, 1);
		if (r != 0)
			return r;
	}
}

int h2_conn_flush(struct h2_conn *c) {
	c->wants_flush = false;
	if (c->stream->is_connecting || c->stream->is_handshaking)
		return STREAM_AGAIN; /* told when it is open */
	int r = c->is_broken ? STREAM_ERROR : send_all(c);
	if (r != 0)
		return r;
	while (!list_is_empty(&c->told)) {
		struct h2_stream *s = CONTAINER_OF(c->told.next, struct h2_stream, told);
		list_remove(&s->told);
		if (s->txn)
			c->role->on_sent(s);
	}
	return 0;
}

void h2_conn_mark(struct h2_conn *c) {
	struct proxy_worker *w = c->worker;
	if (c->wants_flush)
		return;
	c->wants_flush = true;
	list_append(&w->h2_marked, &c->flush_link);
	if (w->flush_is_deferred)
		return;
	w->flush_is_deferred = true;
	loop_defer(w->loop, &w->flush);
}

static void flush_one(struct h2_conn *c) {
	list_remove(&c->flush_link);
	c->wants_flush = false;
	int r = h2_conn_flush(c);
	if (r == STREAM_ERROR && !c->role->is_server && !c->is_broken &&
	    c->stream->fd >= 0) { /* a server's last words may stand behind its close */
		c->stream->can_read = true;
		(void)h2_conn_read(c);
	}
	if (r == STREAM_ERROR)
		c->is_broken = true;
	c->role->on_settled(c);
}

/* What one flush makes room for may be marked again at once, for as long as origins are as fast as clients: the rest is for the
 * next turn, so that nobody waits for that. */
static void put_off(struct h2_conn *c) {
	list_remove(&c->flush_link);
	c->wants_flush = false;
	bool is_open = c->stream->fd >= 0 && !c->stream->is_connecting && !c->stream->is_handshaking;
	if (is_open) /* else marked when it is */
		stream_ring(c->stream);
}

void h2_flush_marked(struct loop_task *task) {
	struct proxy_worker *w = CONTAINER_OF(task, struct proxy_worker, flush);
	worker_enter(w);
	w->flush_is_deferred = false;
	unsigned budget = 0;
	LIST_EACH(it, &w->h2_marked)
		budget += ROUNDS;
	for (; !list_is_empty(&w->h2_marked); budget -= budget > 0) {
		struct h2_conn *c = CONTAINER_OF(w->h2_marked.next, struct h2_conn, flush_link);
		if (budget > 0 || w->is_stopping)
			flush_one(c);
		else
			put_off(c);
	}
	worker_leave(w);
}

/* ---- frames in ---- */

static void calm(struct h2_conn *c) {
	metric_add(METRIC_proxy_h2_floods_total, 1);
	h2_conn_terminate(c, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A frame that brings nobody on costs from an allowance; without any left the peer is told to calm down (RFC 9113 10.5). */
static int spend(struct h2_conn *c) {
	uint64_t now = clock_now_us();
	uint64_t gained = (now - c->allowed_us) * c->max_allowance / ALLOWANCE_US;
	if (gained > 0) {
		uint64_t sum = c->allowance + gained;
		c->allowance = sum < c->max_allowance ? (uint32_t)sum : c->max_allowance;
		c->allowed_us = now;
	}
	if (c->allowance == 0) {
		if (c->closing != H2_CLOSING_OVER)
			calm(c);
		return -1;
	}
	c->allowance--;
	return 0;
}

/* A message of a WebSocket or of gRPC may be a frame of its own, thousands of them a second. */
static bool is_of_use(const struct h2_conn *c, const nghttp2_frame_hd *data) {
	const struct h2_stream *s = nghttp2_session_get_stream_user_data(c->ng, data->stream_id);
	bool has_messages = s && s->txn && (s->txn->is_tunnel || s->txn->is_extended_connect || s->txn->is_grpc);
	size_t least = (has_messages ? 1 : TINY_BYTES) + (data->flags & NGHTTP2_FLAG_PADDED ? PADDING_BYTES : 0);
	return data->length >= least || (data->flags & NGHTTP2_FLAG_END_STREAM);
}

static bool use_credit(struct h2_conn *c) {
	bool has_credit = c->update_credit >= BYTES_AN_UPDATE;
	c->update_credit -= has_credit ? BYTES_AN_UPDATE : 0;
	return has_credit;
}

static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *user_data) {
	(void)ng;
	struct h2_conn *c = user_data;
	bool is_useful = false;
	switch (hd->type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_GOAWAY:
		is_useful = true;
		break;
	case NGHTTP2_DATA:
		c->data_left = hd->flags & NGHTTP2_FLAG_PADDED ? UINT32_MAX : (uint32_t)hd->length;
		is_useful = is_of_use(c, hd);
		break;
	case NGHTTP2_PING:          /* gRPC's clients measure with them while they are sent much */
	case NGHTTP2_WINDOW_UPDATE: /* the peer takes what was sent, unless it is a trickle */
		is_useful = use_credit(c);
		break;
	case NGHTTP2_PRIORITY: /* ignored unseen by nghttp2, with the rule that it keeps for others */
		if (hd->stream_id == 0) {
			h2_conn_terminate(c, NGHTTP2_PROTOCOL_ERROR);
			return NGHTTP2_ERR_CALLBACK_FAILURE;
		}
		break;
	default:
		break;
	}
	return is_useful || spend(c) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user_data) {
	struct h2_conn *c = user_data;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	bool is_request = c->role->is_server && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
	if (is_request) {
		s = c->role->on_begin(c, frame->hd.stream_id);
		if (!s)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		s->id = frame->hd.stream_id;
		nghttp2_session_set_stream_user_data(ng, s->id, s);
	}
	c->heading = s && s->txn ? s : NULL;
	if (!c->heading)
		return 0;
	enum h2_head_kind kind = is_request ? H2_REQUEST : !c->role->is_server && !s->head_is_done ? H2_RESPONSE : H2_TRAILERS;
	if (!c->worker->h2_block)
		c->worker->h2_block = mem_alloc(sizeof(struct h2_block));
	struct h2_block *b = c->worker->h2_block;
	c->head = (struct http_head){ .fields = b->fields, .cap_fields = (uint16_t)c->max_fields };
	c->head_bytes = 0;
	h2_head_begin(&c->builder, &c->head, kind, b->bytes, &c->limits);
	return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name, size_t name_n, const uint8_t *value,
                     size_t value_n, uint8_t flags, void *user_data) {
	(void)ng;
	(void)frame;
	(void)flags;
	struct h2_conn *c = user_data;
	if (!c->heading || !c->heading->txn)
		return 0;
	c->head_bytes += (uint32_t)(name_n + value_n + 32);
	h2_head_add(&c->builder, str_slice((const char *)name, name_n), str_slice((const char *)value, value_n));
	return 0;
}

/* A slice of one block as that of its copy. */
static void move(struct str *s, const struct h2_block *from, struct h2_block *to) {
	if (s->p >= from->bytes && s->p < from->bytes + sizeof(from->bytes))
		s->p = to->bytes + (s->p - from->bytes);
}

/* A header block that goes on in a later read: the worker's memory may serve others meanwhile. */
static void keep_block(struct h2_conn *c) {
	const struct h2_block *from = c->worker->h2_block;
	if (!c->heading || c->kept_block)
		return;
	struct h2_block *to = c->kept_block = mem_alloc(sizeof(*to));
	memcpy(to->bytes, from->bytes, c->builder.used);
	memcpy(to->fields, from->fields, c->head.n_fields * sizeof(to->fields[0]));
	for (unsigned i = 0; i < c->head.n_fields; i++) {
		move(&to->fields[i].name, from, to);
		move(&to->fields[i].value, from, to);
	}
	struct h2_head_builder *b = &c->builder;
	struct str *slices[] = {
		&c->head.method_name, &c->head.target, &c->head.reason, &b->scheme, &b->authority, &b->protocol
	};
	for (size_t i = 0; i < sizeof(slices) / sizeof(*slices); i++)
		move(slices[i], from, to);
	c->head.fields = to->fields;
	b->bytes = to->bytes;
}

static void head_done(struct h2_conn *c, const nghttp2_frame *frame) {
	struct h2_stream *s = c->heading;
	bool is_last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	c->heading = NULL;
	if (s && s->txn) {
		enum http_fault fault = h2_head_end(&c->builder);
		if (is_last)
			h2_stream_in_ended(s);
		c->head.cap_fields = sizeof(((struct h2_block *)0)->fields) / sizeof(c->head.fields[0]); /* room for ours */
		if (c->builder.kind != H2_TRAILERS)
			c->role->on_head(s, &c->head, fault, is_last);
		else /* RFC 9113 8.1: trailers are the end */
			c->role->on_trailers(s, &c->head, is_last ? fault : HTTP_FAULT_TRAILERS_NOT_LAST);
	}
	mem_free(c->kept_block);
	c->kept_block = NULL;
}

static int on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n, void *user_data) {
	struct h2_conn *c = user_data;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);
	if (c->data_left != UINT32_MAX)
		c->data_left -= (uint32_t)n;
	if (!s || !s->txn) {
		nghttp2_session_consume(ng, id, n);
		return 0;
	}
	bool is_last = c->data_left == 0 && (flags & NGHTTP2_FLAG_END_STREAM);
	if (is_last)
		h2_stream_in_ended(s);
	c->role->on_data(s, str_slice((const char *)bytes, n), is_last);
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user_data) {
	struct h2_conn *c = user_data;
	struct h2_stream *s;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		head_done(c, frame);
		break;
	case NGHTTP2_DATA:
		s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
		if (s && s->txn && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !s->in_is_last) {
			h2_stream_in_ended(s);
			c->role->on_data(s, STR_NONE, true);
		}
		break;
	case NGHTTP2_GOAWAY:
		if (c->role->on_goaway)
			c->role->on_goaway(c);
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && c->role->on_ping_answer)
			c->role->on_ping_answer(c);
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error, void *user_data) {
	struct h2_conn *c = user_data;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);
	if (!s)
		return 0;
	s->is_closed = true;
	if (!s->txn) {
		h2_stream_free(s);
		return 0;
	}
	if (s->out_has_ended && s->in_is_last) /* its last bytes are on their way: on_sent ends it */
		return 0;
	if (c->role->is_server && error != NGHTTP2_NO_ERROR && spend(c) < 0)
		return c->is_reading ? NGHTTP2_ERR_CALLBACK_FAILURE
		                     : 0; /* opened and reset again: CVE-2023-44487, CVE-2025-8671 */
	c->role->on_reset(s, error);
	return 0;
}

/* Frames of types that nobody knows are dropped; that nghttp2 asks is what makes it announce them, so that they are counted. */
static int on_unknown_frame(nghttp2_session *ng, void **payload, const nghttp2_frame_hd *hd, void *user_data) {
	(void)ng;
	(void)payload;
	(void)hd;
	(void)user_data;
	return NGHTTP2_ERR_CANCEL;
}

int h2_conn_receive(struct h2_conn *c, struct str in) {
	if (c->closing == H2_CLOSING_OVER)
		return 0;
	c->is_reading = true;
	ssize_t used = nghttp2_session_mem_recv(c->ng, (const uint8_t *)in.p, in.n);
	c->is_reading = false;
	keep_block(c);
	h2_conn_mark(c);
	/* nghttp2's own bounds: frames to answer that pile up, CONTINUATION frames (CVE-2024-28182). */
	if (used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		calm(c);
	return used < 0 ? -1 : 0;
}

int h2_conn_read(struct h2_conn *c) {
	struct proxy_worker *w = c->worker;
	if (!w->h2_in)
		w->h2_in = mem_alloc(READ_BYTES);
	/* Within a client's message until there is no more: a reset that came along with its last bytes no event tells. */
	for (bool looks = false; (c->stream->can_read || looks) && !c->is_broken;) {
		ssize_t n = stream_recv(c->stream, w->h2_in, READ_BYTES);
		if (n == STREAM_AGAIN)
			return 0;
		if (n == STREAM_EOF)
			return H2_EOF;
		if (n < 0 || h2_conn_receive(c, str_slice(w->h2_in, (size_t)n)) < 0)
			return STREAM_ERROR;
		looks = c->role->is_server && c->n_incoming > 0;
	}
	return c->is_broken ? STREAM_ERROR : 0;
}

void h2_conn_terminate(struct h2_conn *c, uint32_t error) {
	c->closing = H2_CLOSING_OVER;
	nghttp2_session_terminate_session(c->ng, error);
	h2_conn_mark(c);
}

/* ---- life ---- */

static _Thread_local nghttp2_session_callbacks *callbacks;
static _Thread_local nghttp2_option *options;

void h2_thread_fini(struct proxy_worker *w) {
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	callbacks = NULL;
	options = NULL;
	mem_free(w->h2_in);
	mem_free(w->h2_run);
	mem_free(w->h2_block);
	w->h2_in = NULL;
	w->h2_run = NULL;
	w->h2_block = NULL;
}

static int thread_init(void) {
	if (callbacks)
		return 0;
	if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&options) != 0)
		return -1;
	nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, on_unknown_frame);
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; type++)
		nghttp2_option_set_user_recv_extension_type(options, (uint8_t)type);
	nghttp2_option_set_no_auto_window_update(options, 1);
	nghttp2_option_set_no_http_messaging(options, 1);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_max_send_header_block_length(options, 256 * 1024);
	return 0;
}

int h2_conn_init(struct h2_conn *c, const struct h2_role *role, void *owner, struct stream *stream, struct proxy_worker *w,
                 const struct h2_options *o) {
	list_init(&c->flush_link);
	list_init(&c->streams);
	list_init(&c->told);
	c->role = role;
	c->owner = owner;
	c->stream = stream;
	c->worker = w;
	c->limits = o->limits;
	c->max_fields = o->max_fields;
	c->allowance = c->max_allowance = o->max_idle_frames;
	c->allowed_us = clock_now_us();
	if (thread_init() < 0)
		return -1;
	if ((role->is_server ? nghttp2_session_server_new2(&c->ng, callbacks, c, options)
	                     : nghttp2_session_client_new2(&c->ng, callbacks, c, options)) != 0)
		return -1;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->max_streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->stream_window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, o->limits.head_bytes },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
		{ role->is_server ? NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL : NGHTTP2_SETTINGS_ENABLE_PUSH, role->is_server },
	};
	if (nghttp2_submit_settings(c->ng, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(*settings)) != 0 ||
	    nghttp2_session_set_local_window_size(c->ng, NGHTTP2_FLAG_NONE, 0, (int32_t)o->connection_window) != 0)
		return -1;
	h2_conn_mark(c);
	return 0;
}

void h2_conn_fini(struct h2_conn *c) {
	if (!c->role)
		return;
	list_remove(&c->flush_link);
	nghttp2_session_del(c->ng);
	c->ng = NULL;
	mem_free(c->out);
	mem_free(c->kept_block);
	c->out = NULL;
	c->kept_block = NULL;
}
