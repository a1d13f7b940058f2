/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a client connection: accepted, TLS handshake, requests one after the other, lingering, closed. What is said on it
 * is the protocol's (h1_server.c). Idle, it holds no buffers and no transaction.
 */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

#include <unistd.h>

enum {
	LINGER_US = 2 * 1000 * 1000, /* a client that has not seen our FIN by then loses the answer */
	LINGER_BYTES = 1024 * 1024,
};

static void on_ready(struct stream *stream) {
	struct session *s = CONTAINER_OF(stream, struct session, stream);
	struct proxy_worker *w = s->worker;
	worker_enter(w);
	if (stream->unsent && s->state != SESSION_TXN && s->state != SESSION_H2)
		(void)stream_flush(stream); /* what failed to leave, the next read tells */
	session_run(s);
	worker_leave(w);
}

static void on_expire(struct deadline *d) {
	struct session *s = CONTAINER_OF(d, struct session, deadline);
	struct proxy_worker *w = s->worker;
	worker_enter(w);
	switch (s->state) {
	case SESSION_PROXY_HEADER:
		proxied_refuse(s, "it did not arrive in time");
		session_close(s, true);
		break;
	case SESSION_HANDSHAKE:
		metric_add(METRIC_io_tls_failed_total, 1);
		session_close(s, true);
		break;
	case SESSION_HEAD:
		h1_server_head_timeout(s);
		break;
	case SESSION_TXN:
		h1_server_expire(s);
		break;
	case SESSION_H2:
		h2_server_expire(s);
		break;
	case SESSION_IDLE:
	case SESSION_LINGER:
		session_close(s, false);
		break;
	case SESSION_DEAD:
		break;
	}
	worker_leave(w);
}

static void set_deadline(struct session *s, uint64_t ms) {
	deadline_set(&s->deadline, clock_now_us() + ms * USEC_PER_MSEC);
}

/* The first bytes of the protocol come next. Holds `c` for TLS, if it is not held yet, and gives it back otherwise. */
static bool begin(struct session *s, struct conf *c, const struct listener_conf *lc) {
	if (!lc->tls) {
		s->state = SESSION_IDLE;
		set_deadline(s, lc->cfg.timeouts.head_ms);
		if (s->handshake_conf)
			conf_put(s->handshake_conf, s->worker->index);
		s->handshake_conf = NULL;
		return true;
	}
	if (stream_start_tls_server(&s->stream, lc->tls) < 0) {
		session_close(s, true);
		return false;
	}
	if (!s->handshake_conf)
		s->handshake_conf = conf_hold(c, s->worker->index);
	s->tls_us = clock_now_us();
	s->state = SESSION_HANDSHAKE;
	set_deadline(s, lc->cfg.timeouts.handshake_ms);
	return true;
}

void session_accept(struct proxy_acceptor *a, int fd, const struct addr *peer) {
	struct proxy_worker *w = a->worker;
	struct conf *c = conf_here(w->proxy);
	const struct listener_conf *lc = conf_listener(c, a->listener);
	struct err e;
	struct session *s = lc ? mem_zalloc(sizeof(*s)) : NULL;
	if (!s) { /* a reload has just dropped the listener */
		close(fd);
		return;
	}
	if (stream_open(&s->stream, w->loop, fd, on_ready, &e) < 0) {
		mem_free(s);
		return;
	}
	s->worker = w;
	s->listener = a->listener;
	s->peer = *peer;
	list_append(&w->sessions, &s->link);
	deadline_init(&s->deadline, w->loop, on_expire);
	atomic_fetch_add_explicit(&a->listener->connections, 1, memory_order_relaxed);
	metric_add(METRIC_proxy_sessions, 1);
	if (!proxied_is_expected(lc, peer)) {
		(void)begin(s, c, lc);
		return;
	}
	s->handshake_conf = conf_hold(c, w->index);
	s->state = SESSION_PROXY_HEADER;
	set_deadline(s, lc->cfg.timeouts.head_ms);
}

static bool run_proxy_header(struct session *s) {
	int r = proxied_read(s);
	if (r == STREAM_ERROR)
		session_close(s, true);
	return r == 0 && begin(s, s->handshake_conf, conf_listener(s->handshake_conf, s->listener));
}

static bool run_handshake(struct session *s) {
	int r = stream_handshake(&s->stream);
	if (r == STREAM_AGAIN)
		return false;
	if (r != 0) {
		metric_add(METRIC_io_tls_failed_total, 1);
		session_close(s, false);
		return false;
	}
	const struct listener_conf *lc = conf_listener(s->handshake_conf, s->listener);
	s->tls_us = clock_now_us() - s->tls_us;
	deadline_set(&s->deadline, clock_now_us() + lc->cfg.timeouts.head_ms * USEC_PER_MSEC);
	s->state = SESSION_IDLE;
	if (stream_alpn_is_h2(&s->stream) && h2_server_start(s, lc) < 0)
		session_close(s, true);
	conf_put(s->handshake_conf, s->worker->index);
	s->handshake_conf = NULL;
	return s->state != SESSION_DEAD;
}

static bool run_linger(struct session *s) {
	int waits = stream_flush(&s->stream);
	if (waits == STREAM_ERROR)
		session_close(s, false);
	if (waits != 0)
		return false;
	while (s->stream.can_read) {
		ssize_t n = stream_recv(&s->stream, io_shared_buffer(), IO_SHARED_BYTES);
		if (n == STREAM_AGAIN)
			return false;
		if (n <= 0 || (s->lingered_bytes += (uint32_t)n) > LINGER_BYTES) {
			session_close(s, false);
			return false;
		}
	}
	return false;
}

void session_run(struct session *s) {
	struct proxy_worker *w = s->worker;
	if (s->is_running)
		return;
	if (w->running) { /* what it read may stand in the thread's shared buffer */
		stream_ring(&s->stream);
		return;
	}
	s->is_running = true;
	w->running = s;
	for (bool goes_on = true; goes_on;) {
		switch (s->state) {
		case SESSION_PROXY_HEADER:
			goes_on = run_proxy_header(s);
			break;
		case SESSION_HANDSHAKE:
			goes_on = run_handshake(s);
			break;
		case SESSION_IDLE:
		case SESSION_HEAD:
			goes_on = h1_server_read_head(s);
			break;
		case SESSION_TXN:
			goes_on = h1_server_run_txn(s);
			break;
		case SESSION_H2:
			h2_server_run(s);
			goes_on = false;
			break;
		case SESSION_LINGER:
			goes_on = run_linger(s);
			break;
		default:
			goes_on = false;
		}
	}
	s->is_running = false;
	w->running = NULL;
}

struct addr session_local(const struct session *s) {
	struct addr a = s->listener->address;
	socklen_t n = sizeof(a);
	(void)getsockname(s->stream.fd, &a.sa, &n); /* failing, the listener's own is left */
	return a;
}

struct str session_local_address(const struct session *s, char out[ADDR_TEXT_BYTES]) {
	struct addr a = session_local(s);
	return addr_format(&a, out);
}

void session_await(struct session *s) {
	const struct listener_conf *lc = conf_listener(conf_here(s->worker->proxy), s->listener);
	s->state = SESSION_IDLE;
	s->wants_body = false;
	s->scanned = 0;
	deadline_set(&s->deadline, clock_now_us() + (lc ? lc->cfg.timeouts.keep_alive_ms * USEC_PER_MSEC : 0));
	if (!s->is_running && (s->in || s->stream.can_read))
		session_run(s);
}

void session_linger(struct session *s) {
	s->state = SESSION_LINGER;
	s->wants_body = false;
	while (s->in)
		s->in = pending_consume(s->in, s->in->n - s->in->at);
	stream_shutdown_write(&s->stream);
	s->stream.can_read = true;
	deadline_set(&s->deadline, clock_now_us() + LINGER_US);
	if (!s->is_running)
		session_run(s);
}

void session_close(struct session *s, bool is_abort) {
	if (s->state == SESSION_DEAD)
		return;
	s->state = SESSION_DEAD;
	if (s->own_upstream)
		upstream_retire(s->own_upstream);
	if (is_abort)
		stream_abort(&s->stream);
	else
		stream_close(&s->stream);
	list_remove(&s->link);
	list_append(&s->worker->dead_sessions, &s->link);
}

void session_free(struct session *s) {
	if (s->handshake_conf)
		conf_put(s->handshake_conf, s->worker->index);
	deadline_fini(&s->deadline);
	if (s->h2)
		h2_conn_fini(s->h2);
	mem_free(s->h2);
	mem_free(s->in);
	mem_free(s->out);
	mem_free(s->proxied);
	metric_add(METRIC_proxy_sessions, -1);
	listener_release(s->listener, s->worker);
	mem_free(s);
}

void session_cut(struct session *s, enum proxy_end end) {
	if (s->h2)
		h2_server_cut(s, end);
	if (s->txn)
		txn_fail(s->txn, end, 0);
	session_close(s, true);
}

void session_wind_down(struct session *s) {
	s->winds_down = true;
	if (s->state == SESSION_H2)
		h2_server_wind_down(s);
	else if (s->state == SESSION_IDLE && !s->in)
		session_close(s, false);
}
