/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request and its response: its life, the relay between two ends whose protocols it does not know, and the one way out, which carries
 * an end reason (tables/ends.h). Its way to a server stands in txn_steps.c, the step back in txn_retry.c.
 *
 * Owned by the end towards the client. After txn_fail, or a last span, the transaction is gone: callers look at their own `txn` pointer.
 */
#include "proxy/affinity.h"
#include "proxy/ends.h"
#include "proxy/h2.h"
#include "proxy/txn.h"

#include "steerway/base/clock.h"

enum {
	FREE_TXNS_MAX = 256, /* a worker keeps so many for re-use: 1 MiB */
};

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

void txn_release_server(struct txn *t) {
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
	txn_release_server(t);
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

static void account(struct txn *t) {
	txn_count(&t->worker->ends[t->end]);
	metric_add(METRIC_proxy_requests_total, 1);
	metric_add(METRIC_proxy_bytes_in_total, (int64_t)t->bytes_in);
	metric_add(METRIC_proxy_bytes_out_total, (int64_t)t->bytes_out);
	access_log_write(t);
	t->session->tls_us = 0; /* a connection's first transaction tells it */
}

void txn_give_back(struct txn *t, bool is_clean) {
	if (t->upstream)
		t->back->finish(t, is_clean);
}

/* The one way out. */
static void txn_end(struct txn *t, enum proxy_end end, bool is_clean) {
	t->end = end;
	account(t);
	txn_give_back(t, is_clean && t->request_is_done);
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
	txn_give_back(t, false);
	if (!t->request_is_done)
		t->close_front = true;
	t->response_is_begun = true;
	t->status = h->status;
	t->end = end;
	return_request_id(t, h);
	t->trailers = NULL; /* the request's, when its last span is what is answered */
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
		txn_give_back(t, false);
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
		txn_await_response(t);
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
	if (txn_counts_as_failure(t, h->status) && txn_status_failed(t))
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
		affinity_tell(t, h); /* behind the route's rules, which are about the server's own cookies */
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
	txn_give_back(t, t->request_is_done); /* the connection is free while the client takes its time */
	return END_BROKEN;
}

void txn_on_response_drained(struct txn *t) {
	if (t->response_is_done)
		txn_end(t, t->is_ending ? t->end : PROXY_END_COMPLETE, true);
	else if (t->upstream)
		t->back->resume(t);
}
