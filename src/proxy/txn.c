/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request and its response: the steps from the parsed head to the server, then the relay between two ends whose protocols it
 * does not know. A retry goes back to the balance step; every way out carries one end reason (tables/ends.h).
 *
 * Owned by the end towards the client. After txn_fail, or a last span, the transaction is gone: callers look at their own `txn` pointer.
 */
#include "proxy/tunnel.h"
#include "proxy/action.h"
#include "proxy/ends.h"
#include "proxy/h2.h"

#include "steerway/base/clock.h"
#include "steerway/base/hash.h"
#include "steerway/base/rand.h"

enum {
	FREE_TXNS_MAX = 256,  /* a worker keeps so many for re-use: 1 MiB */
	FAILURE_US = 1000000, /* of latency, that a failed request counts for in addition (balance: ewma) */
};

enum step { STEP_NEXT, STEP_WAIT, STEP_BALANCE_AGAIN, STEP_END };

/* ---- life ---- */

struct txn_overflow {
	struct txn_overflow *next;
	char bytes[];
};

struct txn *txn_create(struct session *s, const struct end_ops *front, struct conf *c, const struct listener_conf *l,
                       uint64_t start_us) {
	struct proxy_worker *w = s->worker;
	struct txn *t = w->free_txns;
	if (t) {
		w->free_txns = t->next_free;
		w->n_free_txns--;
	} else {
		t = mem_alloc(sizeof(*t));
	}
	memset(t, 0, offsetof(struct txn, store));
	t->session = s;
	t->worker = w;
	t->front = front;
	list_append(&w->txns, &t->link);
	t->conf = conf_hold(c, w->index);
	t->listener = l;
	t->start_us = start_us;
	t->minor = 1;
	metric_add(METRIC_proxy_requests_active, 1);
	return t;
}

char *txn_reserve(struct txn *t, size_t n) {
	if (n <= TXN_STORE_BYTES - t->store_used) {
		char *p = t->store + t->store_used;
		t->store_used += n;
		return p;
	}
	struct txn_overflow *o = mem_alloc(sizeof(*o) + n);
	o->next = t->overflow;
	t->overflow = o;
	return o->bytes;
}

struct str txn_keep(struct txn *t, struct str s) {
	if (s.n == 0)
		return STR_NONE;
	return str_slice(memcpy(txn_reserve(t, s.n), s.p, s.n), s.n);
}

void txn_widen_head(struct txn *t, struct http_head *h, size_t more) {
	if (h->n_fields + more <= h->cap_fields)
		return;
	size_t cap = h->n_fields + more, align = _Alignof(struct http_field);
	uintptr_t at = (uintptr_t)txn_reserve(t, cap * sizeof(struct http_field) + align);
	struct http_field *fields = (struct http_field *)((at + align - 1) / align * align);
	memcpy(fields, h->fields, h->n_fields * sizeof(*fields));
	h->fields = fields;
	h->cap_fields = (uint16_t)cap;
}

static void release_server(struct txn *t) {
	if (!t->server)
		return;
	fleet_request_end(t->server, t->worker->index);
	t->server = NULL;
}

static void txn_destroy(struct txn *t) {
	struct proxy_worker *w = t->worker;
	list_remove(&t->link);
	fleet_wait_end(&t->waiter);
	deadline_fini(&t->deadline);
	replay_fini(&t->replay);
	mem_free(t->kept_trailers);
	release_server(t);
	if (t->holds_retry)
		fleet_retry_end(t->pool->fleet);
	conf_put(t->conf, w->index);
	while (t->overflow) {
		struct txn_overflow *next = t->overflow->next;
		mem_free(t->overflow);
		t->overflow = next;
	}
	metric_add(METRIC_proxy_requests_active, -1);
	if (w->n_free_txns >= FREE_TXNS_MAX) {
		mem_free(t);
		return;
	}
	t->next_free = w->free_txns;
	w->free_txns = t;
	w->n_free_txns++;
}

void txn_free_all(struct proxy_worker *w) {
	while (w->free_txns) {
		struct txn *next = w->free_txns->next_free;
		mem_free(w->free_txns);
		w->free_txns = next;
	}
	w->n_free_txns = 0;
}

/* A counter that only this worker writes. */
static void count(_Atomic uint64_t *counter) {
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void account(struct txn *t) {
	count(&t->worker->ends[t->end]);
	metric_add(METRIC_proxy_requests_total, 1);
	metric_add(METRIC_proxy_bytes_in_total, (int64_t)t->bytes_in);
	metric_add(METRIC_proxy_bytes_out_total, (int64_t)t->bytes_out);
	access_log_write(t);
	t->session->handshake_us = 0; /* a connection's first transaction tells it */
}

static void give_back(struct txn *t, bool is_clean) {
	if (t->upstream)
		t->back->finish(t, is_clean);
}

/* The one way out. */
static void txn_end(struct txn *t, enum proxy_end end, bool is_clean) {
	t->end = end;
	account(t);
	give_back(t, is_clean && t->request_is_done);
	t->front->finish(t, is_clean);
	txn_destroy(t);
}

static void return_request_id(struct txn *t, struct http_head *h) {
	if (!t->listener->cfg.tracing.return_request_id || t->names.request_id.n == 0)
		return;
	txn_widen_head(t, h, 1);
	http_head_drop(h, HTTP_FIELD_X_REQUEST_ID);
	http_head_add(h, HTTP_FIELD_X_REQUEST_ID, STR("X-Request-Id"), t->names.request_id);
}

void txn_answer(struct txn *t, enum proxy_end end, struct http_head *h, const struct http_framing *in, struct str body) {
	t->is_ending = true;
	give_back(t, false);
	if (!t->request_is_done)
		t->close_front = true;
	t->response_is_begun = true;
	t->status = h->status;
	t->end = end;
	return_request_id(t, h);
	t->front->send_head(t, h, in);
	enum end_state sent = t->front->send_body(t, body, true);
	t->response_is_done = true;
	if (sent != END_FULL)
		txn_end(t, end, sent == END_READY);
}

void txn_fail(struct txn *t, enum proxy_end end, unsigned status) {
	if (t->is_ending) { /* not even the proxy's own answer got through */
		txn_end(t, t->end, false);
		return;
	}
	t->is_ending = true;
	fleet_wait_end(&t->waiter);
	if (status == 0)
		status = proxy_end_status(end);
	if (t->response_is_begun || status == 0) {
		give_back(t, false);
		txn_end(t, end, false);
		return;
	}
	bool is_fault = t->fault != HTTP_FAULT_NONE && end == PROXY_END_BAD_REQUEST;
	struct answer_facts f = { .end = end,
		                  .status = status,
		                  .detail = is_fault ? http_fault_text(t->fault) : proxy_end_text(end),
		                  .method = t->method,
		                  .form = t->is_grpc ? ANSWER_GRPC : accept_choose(t->accept),
		                  .request_id = t->names.request_id,
		                  .node = t->conf->node_name };
	if (end == PROXY_END_QUEUE_FULL || end == PROXY_END_QUEUE_TIMEOUT)
		f.retry_after_s = t->pool->queue_retry_after_s;
	struct answer a;
	answer_build(&a, &t->conf->answers, &f, txn_reserve(t, answer_bound(&t->conf->answers, &f)));
	txn_answer(t, end, &a.head, &a.framing, a.body);
}

/* ---- steps ---- */

static enum step fail(struct txn *t, enum proxy_end end) {
	txn_fail(t, end, 0);
	return STEP_END;
}

static enum step refuse(struct txn *t, enum http_fault fault) {
	t->fault = fault;
	t->close_front = true; /* where the framing or the target is in doubt, nothing more is read from this connection */
	txn_fail(t, PROXY_END_BAD_REQUEST, http_fault_status(fault));
	return STEP_END;
}

static uint64_t hash_of_client(const struct txn *t) {
	struct addr ip = t->session->peer;
	addr_set_port(&ip, 0);
	return addr_hash(&ip, 0);
}

/* ---- time ---- */

static void on_expire(struct deadline *d);

static void arm(struct txn *t) {
	const uint64_t times[] = { t->request_by_us, t->try_by_us, t->again_at_us };
	uint64_t first = UINT64_MAX;
	for (size_t i = 0; i < COUNT_OF(times); i++)
		if (times[i] > 0 && times[i] < first)
			first = times[i];
	if (first == UINT64_MAX)
		return;
	if (!t->deadline.on_expire)
		deadline_init(&t->deadline, t->worker->loop, on_expire);
	deadline_set(&t->deadline, first);
}

/* From the request's head; the nearest bound holds. */
static void bound_request(struct txn *t, uint64_t us) {
	uint64_t by = t->head_us + us;
	if (t->request_by_us == 0 || by < t->request_by_us)
		t->request_by_us = by;
}

/* ---- the first steps ---- */

static uint64_t hash_of(const struct txn *t) {
	struct str value;
	switch (t->pool->hash_key) {
	case CFG_HASH_KEY_HOST:
		return hash_str(t->host, 0);
	case CFG_HASH_KEY_URI:
		return hash_str(t->path, 0);
	case CFG_HASH_KEY_HEADER:
		for (unsigned i = 0; i < t->head->n_fields; i++)
			if (str_eq_nocase(t->head->fields[i].name, t->pool->hash_name))
				return hash_str(t->head->fields[i].value, 0);
		break;
	case CFG_HASH_KEY_COOKIE:
		if (http_cookie_get(t->head, t->pool->hash_name, &value))
			return hash_str(value, 0);
		break;
	case CFG_HASH_KEY_CLIENT:
		break;
	}
	return hash_of_client(t);
}

static uint64_t home_of(const struct txn *t) {
	struct str value;
	if (t->pool->sticky_by == CFG_STICKY_BY_SOURCE)
		return hash_of_client(t) | 1; /* 0 is none */
	return http_cookie_get(t->head, t->pool->sticky_cookie, &value) ? fleet_sticky_home(t->pool->fleet, value) : 0;
}

/* Tells the client the server of its session, where it does not know it yet. */
static void put_cookie(struct txn *t, struct http_head *h) {
	char text[FLEET_STICKY_BYTES];
	if (!fleet_sticky_cookie(t->pool->fleet, t->wanted.home, t->server, text))
		return;
	txn_widen_head(t, h, 1);
	struct http_set_cookie c = { .name = t->pool->sticky_cookie,
		                     .value = str_slice(text, sizeof(text)),
		                     .max_age_s = t->pool->sticky_age_s,
		                     .is_secure = t->session->stream.ssl != NULL };
	char *out = txn_reserve(t, c.name.n + c.value.n + HTTP_SET_COOKIE_BYTES);
	h->fields[h->n_fields++] = (struct http_field){ .name = STR("Set-Cookie"),
		                                        .value = str_slice(out, http_set_cookie_write(out, &c)),
		                                        .id = HTTP_FIELD_SET_COOKIE };
	h->seen[HTTP_FIELD_SET_COOKIE / 64] |= UINT64_C(1) << HTTP_FIELD_SET_COOKIE % 64;
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
	t->path = target.path;
	if (str_starts(target.path, STR("/")) && (fault = http_path_normalize(target.path, copy, &t->path)) != HTTP_FAULT_NONE)
		return refuse(t, fault); /* "*", and CONNECT's none, stay as they are */
	if (t->path.n > 0 && t->path.p != copy)
		memcpy(copy, t->path.p, t->path.n);
	if (target.query.n > 0)
		memcpy(copy + t->path.n, target.query.p, target.query.n);
	t->target = str_slice(copy, t->path.n + target.query.n);
	t->path = str_slice(copy, t->path.n);
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
		return fail(t, PROXY_END_MISDIRECTED);
	}
	if (t->conf->tells_peers) /* before routes and their rules look at the fields */
		peer_tell(t, h);
	return STEP_NEXT;
}

static enum step step_route(struct txn *t) {
	enum proxy_end end = action_route(t);
	if (end != PROXY_END_COMPLETE)
		return fail(t, end);
	t->pool = action_pool(t);
	if (!t->pool) {
		action_answer(t);
		return STEP_END;
	}
	if (t->pool->is_hashed)
		t->wanted.hash = hash_of(t);
	if (t->pool->is_sticky)
		t->wanted.home = home_of(t);
	t->back = t->pool->back;
	end = tunnel_ask(t);
	if (end != PROXY_END_COMPLETE)
		return fail(t, end);
	if (t->pool->timeouts.request_ms > 0)
		bound_request(t, t->pool->timeouts.request_ms * USEC_PER_MSEC);
	if (t->request_by_us > 0)
		arm(t);
	return STEP_NEXT;
}

static enum step step_size(struct txn *t) {
	uint64_t max = t->listener->cfg.max_body_bytes;
	if (max > 0 && t->request.body == HTTP_BODY_LENGTH && t->request.length > max)
		return fail(t, PROXY_END_BODY_TOO_LARGE);
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
		return fail(t, PROXY_END_REWRITE_FAILED);
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
		return fail(t, ends[result]);
	t->picked_us = clock_now_us();
	t->epoch = fleet_epoch(t->worker->proxy->fleet);
	return STEP_NEXT;
}

_Static_assert(FLEET_CLASSES == CFG_URGENCY_LOW + 1, "a class an urgency");

static void txn_run(struct txn *t);

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
	t->waiter.request = &t->wanted;
	t->waiter.on_turn = on_turn;
	t->waiter.class = t->route->urgency;
	return balanced(t, fleet_pick_or_wait(t->pool->fleet, t->worker->index, &t->waiter, &t->server));
}

static enum step back_failed(struct txn *t, enum proxy_end end);
static void await_response(struct txn *t);

static enum step step_connect(struct txn *t) {
	switch (upstream_acquire(t)) {
	case ACQUIRE_IDLE:
		return STEP_NEXT;
	case ACQUIRE_CONNECTING:
		return STEP_WAIT;
	case ACQUIRE_FAILED:
		return back_failed(t, PROXY_END_CONNECT_FAILED);
	case ACQUIRE_AT_LIMIT:
		break;
	}
	struct fleet_server *full = t->server;
	release_server(t);
	if (!t->wants_fresh)
		return STEP_BALANCE_AGAIN; /* another worker was faster: by now it looks as full as it is */
	if (was_tried(t, full) || t->n_tried == TXN_TRIED_MAX)
		return fail(t, PROXY_END_SERVER_LIMIT);
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
		await_response(t);
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
		bound_request(t, us);
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

/* ---- retry: the only step back ---- */

static struct retry_facts facts_of(const struct txn *t, enum proxy_end failed) {
	return (struct retry_facts){ .failed = failed,
		                     .n_retries = t->n_retries,
		                     .attempts = (uint8_t)t->pool->retries.attempts,
		                     .is_reused = t->is_reused && !t->wants_fresh,
		                     .is_unsent = !t->head_is_sent,
		                     .is_unprocessed = t->is_unprocessed,
		                     .is_response_begun = t->response_is_begun || t->n_interim > 0,
		                     .is_idempotent = http_method_is_idempotent(t->method),
		                     .is_body_whole = !t->replay.is_lost };
}

/* The budget keeps retries from multiplying the load of servers in trouble. A request that no server has seen adds none: when a
 * whole site dies, all of its requests may go elsewhere at once. */
static bool retry_is_granted(struct txn *t, enum retry r) {
	if (r == RETRY_NO || r == RETRY_FRESH)
		return r == RETRY_FRESH;
	if (t->n_tried == TXN_TRIED_MAX)
		return false;
	if (r == RETRY_BUDGET && !t->holds_retry)
		t->holds_retry = fleet_retry_take(t->pool->fleet);
	return r == RETRY_UNSEEN || t->holds_retry;
}

static void note_failure(struct txn *t, bool is_suspect) {
	count(&t->server->slots[t->worker->index].failures);
	if (t->pool->is_measured && is_suspect) /* one that refuses at once must not look fast */
		fleet_observe(t->server, t->worker->index, clock_now_us() - t->picked_us + FAILURE_US);
	if (is_suspect)
		fleet_suspect(t->worker->proxy->fleet, t->server);
}

/* Leaves this try for the next one. */
static enum step start_again(struct txn *t, enum retry r) {
	struct fleet_server *failed = t->server;
	give_back(t, false);
	t->head_is_sent = t->is_reused = t->is_unprocessed = false;
	t->try_by_us = 0;
	if (r == RETRY_FRESH) {
		t->wants_fresh = true;
		release_server(t);
		return STEP_BALANCE_AGAIN;
	}
	t->tried[t->n_tried++] = failed;
	t->tried_sites |= UINT64_C(1) << failed->site->index;
	t->n_retries++;
	count(&failed->slots[t->worker->index].retries);
	metric_add(METRIC_proxy_retries_total, 1);
	const struct cfg_retries *cfg = &t->pool->retries;
	uint64_t wait_us =
	    cfg->backoff_ms > 0 ? retry_backoff_us(cfg->backoff_ms, cfg->backoff_max_ms, t->n_retries, rand_thread()) : 0;
	if (wait_us == 0) {
		release_server(t);
		return STEP_BALANCE_AGAIN;
	}
	t->again_at_us = clock_now_us() + wait_us; /* the server is kept until then, and the pool with it */
	arm(t);
	return STEP_WAIT;
}

static enum step back_failed(struct txn *t, enum proxy_end end) {
	struct retry_facts facts = facts_of(t, end);
	enum retry r = retry_decide(&facts);
	/* A connection that had been idle may have been closed at any time: that says nothing about the server. */
	bool is_stale = facts.is_reused && end == PROXY_END_SERVER_CLOSED;
	note_failure(t, !is_stale && !t->is_unprocessed && end != PROXY_END_SERVER_BAD_RESPONSE);
	return retry_is_granted(t, r) ? start_again(t, r) : fail(t, end);
}

static void balance_again(struct txn *t) {
	t->step = AT_BALANCE;
	txn_run(t);
}

void txn_on_back_failed(struct txn *t, enum proxy_end end) {
	if (back_failed(t, end) == STEP_BALANCE_AGAIN)
		balance_again(t);
}

/* From here on the server is thinking: another one may be asked when that takes too long. */
static void await_response(struct txn *t) {
	uint64_t ms = t->pool->retries.try_timeout_ms;
	if (ms == 0 || t->n_retries >= t->pool->retries.attempts || t->response_is_begun)
		return;
	t->try_by_us = clock_now_us() + ms * USEC_PER_MSEC;
	arm(t);
}

/* What can't be sent again goes on waiting. */
static void try_timed_out(struct txn *t) {
	struct retry_facts facts = facts_of(t, PROXY_END_SERVER_TIMEOUT);
	facts.is_try_timeout = true;
	enum retry r = retry_decide(&facts);
	if (!retry_is_granted(t, r))
		return;
	note_failure(t, true);
	if (start_again(t, r) == STEP_BALANCE_AGAIN)
		balance_again(t);
}

static bool is_failure(const struct cfg_status *statuses, unsigned status) {
	for (size_t i = 0; i < statuses->n; i++)
		if (status >= statuses->items[i].first && status <= statuses->items[i].last)
			return true;
	return false;
}

/* A status that counts as a failure: true when another server is asked instead. */
static bool status_failed(struct txn *t) {
	struct retry_facts facts = facts_of(t, PROXY_END_COMPLETE);
	enum retry r = retry_decide(&facts);
	note_failure(t, true);
	if (!retry_is_granted(t, r))
		return false;
	if (start_again(t, r) == STEP_BALANCE_AGAIN)
		balance_again(t);
	return true;
}

static void on_expire(struct deadline *d) {
	struct txn *t = CONTAINER_OF(d, struct txn, deadline);
	struct proxy_worker *w = t->worker;
	uint64_t now = clock_now_us();
	worker_enter(w);
	if (t->is_ending || t->response_is_done) {
		/* only the client is waited for, which has a bound of its own */
	} else if (t->request_by_us > 0 && now >= t->request_by_us) {
		txn_fail(t, PROXY_END_REQUEST_TIMEOUT, 0);
	} else if (t->again_at_us > 0 && now >= t->again_at_us) {
		t->again_at_us = 0;
		arm(t);
		release_server(t);
		balance_again(t);
	} else if (t->try_by_us > 0 && now >= t->try_by_us) {
		t->try_by_us = 0;
		arm(t);
		try_timed_out(t);
	} else {
		arm(t);
	}
	worker_leave(w);
}

/* ---- relay ---- */

/* In case that it has to leave again; between two tries nothing may be lost. */
static void keep_span(struct txn *t, struct str span) {
	replay_add(&t->replay, span, t->head_is_sent ? t->replay_bytes : SIZE_MAX);
	if (t->request_is_done && t->trailers && !t->replay.is_lost)
		t->kept_trailers = pending_lines(t->trailers);
}

enum end_state txn_on_request_span(struct txn *t, struct str span, bool is_last) {
	if (t->is_ending || t->response_is_done) { /* the answer waits for the client: nobody takes more of the body */
		t->request_is_done = is_last;
		return END_FULL;
	}
	uint64_t max = t->listener->cfg.max_body_bytes;
	if (max > 0 && t->body_in > max && t->request.body == HTTP_BODY_CHUNKED) { /* counts the coding's own bytes too */
		txn_fail(t, PROXY_END_BODY_TOO_LARGE, 0);
		return END_BROKEN;
	}
	t->request_is_done = is_last;
	if (!t->response_is_begun)
		keep_span(t, span);
	if (!t->head_is_sent) /* between two tries: the next one begins with what came */
		return END_FULL;
	enum end_state back = t->back->send_body(t, span, is_last);
	if (is_last)
		await_response(t);
	return back;
}

void txn_flush_request(struct txn *t) {
	if (t->head_is_sent && !t->request_is_done && t->upstream)
		t->back->send_body(t, STR_NONE, false);
}

void txn_on_request_drained(struct txn *t) {
	if (!t->request_is_done)
		t->front->resume(t);
}

void txn_on_interim_head(struct txn *t, struct http_head *h) {
	t->n_interim++;
	if (t->minor == 0)
		return; /* HTTP/1.0 knows none (RFC 9110 15.2) */
	struct http_framing none = { .body = HTTP_BODY_NONE };
	t->front->send_head(t, h, &none);
	if (t->front->send_body(t, STR_NONE, false) == END_BROKEN)
		txn_fail(t, PROXY_END_CLIENT_ABORT, 0);
}

void txn_on_response_head(struct txn *t, struct http_head *h, const struct http_framing *in) {
	if (is_failure(&t->pool->retries.statuses, h->status) && status_failed(t))
		return;
	replay_fini(&t->replay);
	t->try_by_us = 0;
	if (h->status == 101 || t->method == HTTP_METHOD_CONNECT)
		t->request_by_us = 0; /* a tunnel has bounds of its own */
	t->status = h->status;
	t->first_byte_us = clock_now_us();
	t->response_is_begun = true;
	if (t->pool->is_measured)
		fleet_observe(t->server, t->worker->index, t->first_byte_us - t->connected_us);
	if (!t->request_is_done) /* the client may go on sending what nobody reads: this connection can't be used again */
		t->close_front = true;
	action_respond(t, h);
	return_request_id(t, h);
	if (t->pool->is_sticky)
		put_cookie(t, h); /* behind the route's rules, which are about the server's own cookies */
	t->front->send_head(t, h, in);
}

enum end_state txn_on_response_span(struct txn *t, struct str span, bool is_last) {
	enum end_state front = t->front->send_body(t, span, is_last);
	if (front == END_BROKEN) {
		txn_fail(t, PROXY_END_CLIENT_ABORT, 0);
		return END_BROKEN;
	}
	if (!is_last)
		return front;
	t->response_is_done = true;
	if (front == END_READY) {
		txn_end(t, PROXY_END_COMPLETE, true);
		return END_BROKEN;
	}
	give_back(t, t->request_is_done); /* the connection is free while the client takes its time */
	return END_BROKEN;
}

void txn_on_response_drained(struct txn *t) {
	if (t->response_is_done)
		txn_end(t, t->is_ending ? t->end : PROXY_END_COMPLETE, true);
	else if (t->upstream)
		t->back->resume(t);
}
