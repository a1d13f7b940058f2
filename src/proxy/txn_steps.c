/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transaction's way from the parsed head to a server, as one list of steps. A step goes on, waits for an event, goes back to
 * choose a server anew, or ends the transaction. All that looks at the client's own bytes happens before the first wait.
 */
#include "proxy/affinity.h"
#include "proxy/h2.h"
#include "proxy/tunnel.h"
#include "proxy/txn.h"

#include "steerway/base/clock.h"

enum step txn_end_step(struct txn *t, enum proxy_end end) {
	txn_fail(t, end, 0);
	return STEP_END;
}

static enum step refuse(struct txn *t, enum http_fault fault) {
	t->fault = fault;
	t->close_front = true; /* where the framing or the target is in doubt, nothing more is read from this connection */
	txn_fail(t, PROXY_END_BAD_REQUEST, http_fault_status(fault));
	return STEP_END;
}

/* Target, host and path. What the log and later steps need of the client's own bytes is copied: they are gone when txn_start has
 * ended. */
static enum step step_head(struct txn *t) {
	struct http_head *h = t->head;
	struct http_target target;
	struct str host = STR_NONE, authority;
	uint16_t port;
	enum http_fault fault = http_target_parse(h->target, h->method, &target);
	if (fault != HTTP_FAULT_NONE)
		return refuse(t, fault);
	const struct http_field *host_field = http_field_find(h, HTTP_FIELD_HOST);
	authority = target.authority.n > 0 ? target.authority : host_field ? host_field->value : STR_NONE; /* RFC 9112 3.2.2 */
	if (target.authority.n == 0 && t->request.host.n > 0)
		host = t->request.host;
	else if (authority.n > 0 && (fault = http_authority_parse(authority, &host, &port)) != HTTP_FAULT_NONE)
		return refuse(t, fault);
	t->request.host = STR_NONE;
	char *copy = txn_reserve(t, target.path.n + target.query.n);
	struct str path = target.path;
	if (str_starts(path, STR("/")) && (fault = http_path_normalize(target.path, copy, &path)) != HTTP_FAULT_NONE)
		return refuse(t, fault); /* "*", and CONNECT's none, stay as they are */
	if (path.n > 0 && path.p != copy)
		memcpy(copy, path.p, path.n);
	if (target.query.n > 0)
		memcpy(copy + path.n, target.query.p, target.query.n);
	t->target = str_slice(copy, path.n + target.query.n);
	t->path = str_slice(copy, path.n);
	t->query = str_skip(t->target, t->path.n);
	t->method_name = txn_keep(t, h->method_name);
	t->authority = txn_keep(t, authority);
	t->host = host.n > 0 ? str_slice(t->authority.p + (host.p - authority.p), host.n) : STR_NONE;
	if (target.form == HTTP_TARGET_AUTHORITY) { /* CONNECT: routed by its host */
		t->target = t->authority;
		t->path = STR("/");
	}
	if (t->listener->cfg.tls.client.is_given && peer_is_misdirected(t)) {
		t->close_front = true;
		return txn_end_step(t, PROXY_END_MISDIRECTED);
	}
	if (t->conf->tells_peers) /* before routes and their rules look at the fields */
		peer_tell(t, h);
	return STEP_NEXT;
}

static enum step step_route(struct txn *t) {
	enum proxy_end end = action_route(t);
	if (end != PROXY_END_COMPLETE)
		return txn_end_step(t, end);
	t->pool = action_pool(t);
	if (!t->pool) {
		action_answer(t);
		return STEP_END;
	}
	if (t->pool->is_hashed)
		t->wanted.hash = affinity_hash(t);
	if (t->pool->is_sticky)
		t->wanted.home = affinity_home(t);
	t->back = t->pool->back;
	end = tunnel_ask(t);
	if (end != PROXY_END_COMPLETE)
		return txn_end_step(t, end);
	if (t->pool->timeouts.request_ms > 0)
		txn_bound(t, t->pool->timeouts.request_ms * USEC_PER_MSEC);
	if (t->request_by_us > 0)
		txn_arm(t);
	return STEP_NEXT;
}

static enum step step_size(struct txn *t) {
	uint64_t max = t->listener->cfg.max_body_bytes;
	if (max > 0 && t->request.body == HTTP_BODY_LENGTH && t->request.length > max)
		return txn_end_step(t, PROXY_END_BODY_TOO_LARGE);
	return STEP_NEXT;
}

/* The head as it goes to the server, in the store: the client's own bytes are gone when txn_start has ended. */
static enum step step_forward(struct txn *t) {
	struct session *s = t->session;
	char ip[ADDR_TEXT_BYTES], local[ADDR_TEXT_BYTES];
	struct forward f = { .mode = t->listener->cfg.forwarded,
		             .client_ip = addr_format_ip(&s->peer, ip),
		             .client_is_v6 = addr_is_v6(&s->peer),
		             .is_tls = s->stream.ssl != NULL,
		             /* An HTTP/1.0 client may send none; many servers refuse an empty one. */
		             .host = t->authority.n > 0 ? t->authority : session_local_address(s, local),
		             .host_is_given = t->authority.n > 0,
		             .asked_host = t->authority,
		             .target = t->target };
	if (!t->is_connect && !action_forward(t, &f))
		return txn_end_step(t, PROXY_END_REWRITE_FAILED);
	tunnel_forward(t, t->head, &f);
	t->wants_trailers =
	    http_head_has(t->head, HTTP_FIELD_TE) && http_field_has_token(t->head, HTTP_FIELD_TE, STR("trailers"));
	char *out = txn_reserve(t, forward_request_bound(t->head, &f));
	enum http_body body = t->back->codes_chunks ? t->request.body : HTTP_BODY_NONE;
	t->request_head = str_slice(out, forward_request(out, t->head, &f, body));
	/* What may not be done twice is sent again only when a server says that it did not begin, as HTTP/2 lets it. */
	if (t->pool->retries.attempts > 0 && (http_method_is_idempotent(t->method) || !t->back->codes_chunks))
		t->replay_bytes = t->pool->retries.buffer_bytes;
	return STEP_NEXT;
}

static bool was_tried(const struct txn *t, const struct fleet_server *s) {
	for (unsigned i = 0; i < t->n_tried; i++)
		if (t->tried[i] == s)
			return true;
	return false;
}

static enum step balanced(struct txn *t, enum fleet_pick result) {
	static const enum proxy_end ends[] = { [FLEET_NO_SERVER] = PROXY_END_NO_SERVER,
		                               [FLEET_ALL_BUSY] = PROXY_END_SERVER_LIMIT,
		                               [FLEET_QUEUE_FULL] = PROXY_END_QUEUE_FULL,
		                               [FLEET_QUEUE_TIMEOUT] = PROXY_END_QUEUE_TIMEOUT };
	if (result == FLEET_WAITING)
		return STEP_WAIT;
	if (result == FLEET_NO_SERVER && action_maintain(t))
		return STEP_END;
	if (result != FLEET_PICKED)
		return txn_end_step(t, ends[result]);
	t->picked_us = clock_now_us();
	t->epoch = fleet_epoch(t->worker->proxy->fleet);
	return STEP_NEXT;
}

static void txn_run(struct txn *t);

_Static_assert(FLEET_CLASSES == CFG_URGENCY_LOW + 1, "a class an urgency");

/* A request that waited for room has its answer. */
static void on_turn(struct fleet_waiter *waiter, enum fleet_pick result, struct fleet_server *s) {
	struct txn *t = CONTAINER_OF(waiter, struct txn, waiter);
	struct proxy_worker *w = t->worker;
	worker_enter(w);
	t->server = s;
	if (balanced(t, result) == STEP_NEXT) {
		t->step++;
		txn_run(t);
	}
	worker_leave(w);
}

static enum step step_balance(struct txn *t) {
	t->wanted.tried = t->tried;
	t->wanted.n_tried = t->n_tried;
	bool is_last = t->n_retries > 0 && t->n_retries >= t->pool->retries.attempts;
	t->wanted.avoid_sites = is_last ? t->tried_sites : 0; /* when several servers of a site failed, it may be the site */
	const struct upstream *own = t->pool->proxy_protocol == CFG_PROXY_PROTOCOL_OFF ? NULL : t->session->own_upstream;
	t->wanted.own = own ? own->server : NULL;
	t->waiter.request = &t->wanted;
	t->waiter.on_turn = on_turn;
	t->waiter.class = t->route->urgency;
	return balanced(t, fleet_pick_or_wait(t->pool->fleet, t->worker->index, &t->waiter, &t->server));
}

static enum step step_connect(struct txn *t) {
	switch (upstream_acquire(t)) {
	case ACQUIRE_IDLE:
		return STEP_NEXT;
	case ACQUIRE_CONNECTING:
		return STEP_WAIT;
	case ACQUIRE_FAILED:
		return txn_try_again(t, PROXY_END_CONNECT_FAILED);
	case ACQUIRE_AT_LIMIT:
		break;
	}
	struct fleet_server *full = t->server;
	txn_release_server(t);
	if (!t->wants_fresh)
		return STEP_BALANCE_AGAIN; /* another worker was faster: by now it looks as full as it is */
	if (was_tried(t, full) || t->n_tried == TXN_TRIED_MAX)
		return txn_end_step(t, PROXY_END_SERVER_LIMIT);
	t->tried[t->n_tried++] = full;
	return STEP_BALANCE_AGAIN;
}

/* What left before leaves again. Returns whether the rest of the body may follow. */
static bool send_again(struct txn *t) {
	struct str kept = replay_str(&t->replay);
	if (kept.n == 0 && !t->request_is_done)
		return true;
	struct http_field fields[TRAILERS_MAX];
	struct http_head trailers = { .fields = fields, .cap_fields = TRAILERS_MAX };
	if (t->kept_trailers && h2_head_of_lines(&trailers, pending_str(t->kept_trailers)))
		t->trailers = &trailers;
	enum end_state back = t->back->send_body(t, kept, t->request_is_done);
	t->trailers = NULL;
	if (kept.n > t->replay_bytes)
		replay_give_up(&t->replay); /* a span came between two tries: too much to be kept any longer */
	return back == END_READY && !t->request_is_done;
}

static enum step step_send(struct txn *t) {
	t->connected_us = clock_now_us();
	t->request_is_raw = t->request.body == HTTP_BODY_CHUNKED && t->front->codes_chunks && t->back->codes_chunks;
	t->back->send_head(t, NULL, &t->request);
	t->head_is_sent = true;
	bool wants_more = send_again(t);
	if (t->request_is_done)
		txn_await_response(t);
	else if (wants_more)
		t->front->resume(t); /* a malformed body may end the transaction in here */
	return STEP_WAIT;
}

/* A request's way to its server. */
enum { AT_HEAD, AT_ROUTE, AT_SIZE, AT_FORWARD, AT_BALANCE, AT_CONNECT, AT_SEND };
static enum step (*const steps[])(struct txn *t) = {
	[AT_HEAD] = step_head,       [AT_ROUTE] = step_route,     [AT_SIZE] = step_size, [AT_FORWARD] = step_forward,
	[AT_BALANCE] = step_balance, [AT_CONNECT] = step_connect, [AT_SEND] = step_send,
};

static void txn_run(struct txn *t) {
	for (;;) {
		switch (steps[t->step](t)) {
		case STEP_NEXT:
			t->step++;
			break;
		case STEP_BALANCE_AGAIN:
			t->step = AT_BALANCE;
			break;
		case STEP_WAIT:
		case STEP_END:
			return; /* t may be gone */
		}
	}
}

/* What an answer of the proxy's own would have to look like: nobody can tell later. */
static void note_form(struct txn *t, const struct http_head *h) {
	uint64_t us;
	if (http_head_has(h, HTTP_FIELD_CONTENT_TYPE))
		t->is_grpc = grpc_is_content_type(http_field_find(h, HTTP_FIELD_CONTENT_TYPE)->value);
	if (t->is_grpc && http_head_has(h, HTTP_FIELD_GRPC_TIMEOUT) &&
	    grpc_timeout_parse(http_field_find(h, HTTP_FIELD_GRPC_TIMEOUT)->value, &us))
		txn_bound(t, us);
	if (!http_head_has(h, HTTP_FIELD_ACCEPT))
		return;
	size_t n = 0;
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == HTTP_FIELD_ACCEPT)
			n += h->fields[i].value.n + 1;
	char *at = txn_reserve(t, n);
	t->accept = str_slice(at, n);
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct str value = h->fields[i].value;
		if (h->fields[i].id != HTTP_FIELD_ACCEPT)
			continue;
		if (value.n > 0)
			memcpy(at, value.p, value.n);
		at[value.n] = ',';
		at += value.n + 1;
	}
}

void txn_start(struct txn *t, struct http_head *h) {
	t->head = h;
	t->method = h->method;
	t->minor = h->minor;
	t->head_us = clock_now_us();
	t->request_is_done = t->request.body == HTTP_BODY_NONE;
	note_form(t, h);
	const struct cfg_tracing *tracing = &t->listener->cfg.tracing;
	if (trace_is_due(h, tracing))
		t->names = trace_request(h, tracing, rand_thread(), txn_reserve(t, TRACE_STORE_BYTES));
	txn_run(t);
}

void txn_on_connected(struct txn *t) {
	t->step = AT_SEND;
	txn_run(t);
}

void txn_balance_again(struct txn *t) {
	t->step = AT_BALANCE;
	txn_run(t);
}
