/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections to servers: a worker keeps its own idle ones, newest first (FIFO measured 10 % dearer: cold caches). Each counts
 * against its server's bound as long as it is open. One that began with a PROXY header takes the requests of its client's session
 * alone: such wait there instead, one a session.
 */
#include "proxy/h2.h"

#include "steerway/base/clock.h"

static void on_ready(struct stream *stream) {
	struct upstream *u = CONTAINER_OF(stream, struct upstream, stream);
	struct proxy_worker *w = u->worker;
	worker_enter(w);
	if (u->h2 && u->state != UPSTREAM_DEAD) {
		h2_client_run(u);
	} else if (u->state == UPSTREAM_IDLE) {
		/* Closed by the server, or bytes that nobody asked for: unusable either way. The event may be older than the idling, though: it
		 * came in one turn with the client's, which made us read all that it tells of. */
		if (stream->can_read && stream_is_stale(stream))
			upstream_close(u);
		else
			stream->can_read = false;
	} else if (u->state != UPSTREAM_DEAD) {
		h1_client_run(u);
	}
	worker_leave(w);
}

static void on_expire(struct deadline *d) {
	struct upstream *u = CONTAINER_OF(d, struct upstream, deadline);
	struct proxy_worker *w = u->worker;
	worker_enter(w);
	if (u->h2 && u->n_txns > 0 && u->state == UPSTREAM_BUSY)
		h2_client_look(u);
	else if (u->h2 && u->n_txns > 0)
		h2_client_fail(u, PROXY_END_CONNECT_TIMEOUT);
	else if (u->h2 || u->state == UPSTREAM_IDLE)
		upstream_close(u);
	else if (u->txn && u->txn->is_tunnel)
		txn_fail(u->txn, clock_now_us() >= u->tunnel_until_us ? PROXY_END_TUNNEL_LIFETIME : PROXY_END_TUNNEL_IDLE, 0);
	else if (u->txn && !h1_client_lower_water(u))
		txn_on_back_failed(u->txn, u->state == UPSTREAM_CONNECTING || u->state == UPSTREAM_HANDSHAKE
		                               ? PROXY_END_CONNECT_TIMEOUT
		                               : PROXY_END_SERVER_TIMEOUT);
	worker_leave(w);
}

/* ---- those that can take a request: of HTTP/1.1 the idle ones, of HTTP/2 those with room for another ---- */

static struct upstream *listed_first(const struct txn *t) {
	const struct fleet_slot *slot = &t->server->slots[t->worker->index];
	if (t->pool->proxy_protocol != CFG_PROXY_PROTOCOL_OFF)
		return t->session->own_upstream;
	return slot->n_idle > 0 ? CONTAINER_OF(slot->idle.next, struct upstream, link) : NULL;
}

static void list_for_all(struct upstream *u) {
	struct fleet_slot *slot = &u->server->slots[u->worker->index];
	if (!slot->idle.next)
		list_init(&slot->idle);
	list_insert_after(&slot->idle, &u->link);
	slot->n_idle++;
}

static void list_for_owner(struct upstream *u) {
	if (u->owner->own_upstream)
		upstream_retire(u->owner->own_upstream);
	u->owner->own_upstream = u;
}

/* Its owner, if it has one, lives. */
static void list_it(struct upstream *u) {
	if (u->is_listed)
		return;
	if (u->owner)
		list_for_owner(u);
	else
		list_for_all(u);
	u->is_listed = true;
	list_insert_after(&u->worker->idle_upstreams, &u->idle_link);
	metric_add(METRIC_proxy_upstream_idle, 1);
	fleet_connection_offer(u->server, u->worker->index);
}

void upstream_unlist(struct upstream *u) {
	if (!u->is_listed)
		return;
	u->is_listed = false;
	list_remove(&u->idle_link);
	if (u->owner) {
		u->owner->own_upstream = NULL;
	} else {
		list_remove(&u->link);
		u->server->slots[u->worker->index].n_idle--;
	}
	metric_add(METRIC_proxy_upstream_idle, -1);
}

static bool is_orphan(const struct upstream *u) {
	return u->owner && u->owner->state == SESSION_DEAD;
}

/* ---- connections ---- */

static void bind_to(struct upstream *u, struct txn *t) {
	t->is_reused = u->has_served;
	if (u->has_served)
		metric_add(METRIC_proxy_upstream_reuses_total, 1);
	u->has_served = true;
	if (u->h2) {
		h2_client_bind(u, t);
		uint32_t max = h2_client_max_streams(u);
		if (++u->n_txns >= (max < t->pool->max_streams ? max : t->pool->max_streams))
			upstream_unlist(u);
		return;
	}
	u->txn = t;
	t->upstream = u;
	u->scanned = 0;
	u->opens_tunnel = u->is_shutting = false;
	u->head_is_done = u->is_paused = u->send_is_broken = u->is_reusable = false;
}

static enum acquire upstream_connect(struct txn *t) {
	struct proxy_worker *w = t->worker;
	if (!fleet_connection_take(t->server, w->index))
		return ACQUIRE_AT_LIMIT;
	struct upstream *u = mem_zalloc(sizeof(*u));
	struct err e;
	if (stream_connect(&u->stream, w->loop, &t->server->address, on_ready, &e) < 0) {
		fleet_connection_release(t->server, w->index);
		mem_free(u);
		metric_add(METRIC_proxy_upstream_connect_failures_total, 1);
		return ACQUIRE_FAILED;
	}
	metric_add(METRIC_proxy_upstream_connects_total, 1);
	u->worker = w;
	u->server = t->server;
	u->tls_key = t->pool->tls_key;
	u->owner = t->pool->proxy_protocol != CFG_PROXY_PROTOCOL_OFF ? t->session : NULL;
	u->state = UPSTREAM_CONNECTING;
	list_init(&u->link);
	list_init(&u->idle_link);
	if (t->pool->back == &h2_client_end) {
		if (h2_client_start(u, t->pool->max_streams) < 0) {
			upstream_close(u);
			return ACQUIRE_FAILED;
		}
		list_it(u);
	}
	deadline_init(&u->deadline, w->loop, on_expire);
	deadline_set(&u->deadline, clock_now_us() + t->pool->timeouts.connect_ms * USEC_PER_MSEC);
	bind_to(u, t);
	return ACQUIRE_CONNECTING;
}

/* Of a connection that is opening: some transaction waits for it. */
static const struct pool_conf *pool_of(const struct upstream *u) {
	return u->h2 ? h2_client_pool(u) : u->txn->pool;
}

static int start_handshake(struct upstream *u) {
	const struct pool_conf *pool = pool_of(u);
	u->state = UPSTREAM_HANDSHAKE;
	return stream_start_tls_client(&u->stream, pool->tls, pool->tls_name) < 0 ? STREAM_ERROR : 0;
}

int upstream_open(struct upstream *u) {
	int r = 0;
	if (u->state == UPSTREAM_CONNECTING) {
		r = stream_connect_result(&u->stream);
		if (r == 0 && u->owner)
			r = proxied_announce(u, pool_of(u)->proxy_protocol == CFG_PROXY_PROTOCOL_V1 ? 1 : 2);
		if (r == 0 && pool_of(u)->tls)
			r = start_handshake(u);
	}
	if (r == 0 && u->state == UPSTREAM_HANDSHAKE)
		r = stream_handshake(&u->stream);
	if (r == STREAM_ERROR)
		metric_add(METRIC_proxy_upstream_connect_failures_total, 1);
	return r;
}

void upstream_retire(struct upstream *u) {
	u->is_retired = true;
	if (u->n_txns == 0)
		upstream_close(u);
	else
		upstream_unlist(u);
}

/* One that serves others already, or is about to. */
static enum acquire share(struct upstream *u, struct txn *t) {
	bool is_open = u->state == UPSTREAM_BUSY;
	bind_to(u, t);
	if (is_open)
		deadline_clear(&u->deadline);
	return is_open ? ACQUIRE_IDLE : ACQUIRE_CONNECTING;
}

enum acquire upstream_acquire(struct txn *t) {
	struct upstream *u;
	/* One that is being opened is fresh to all who wait for it. */
	while ((u = listed_first(t)) && (!t->wants_fresh || (u->h2 && u->state != UPSTREAM_BUSY))) {
		/* A session's own may lead elsewhere; or a reload changed how servers are to be trusted. */
		if (u->server != t->server || u->tls_key != t->pool->tls_key) {
			upstream_retire(u);
			continue;
		}
		if (u->h2)
			return share(u, t);
		upstream_unlist(u);
		/* What can't be sent again must not go out on a connection that is closed already; the rest may find out by trying. */
		bool is_replayable = t->request.body == HTTP_BODY_NONE && http_method_is_idempotent(t->method);
		if (u->stream.can_read || (!is_replayable && stream_is_stale(&u->stream))) {
			upstream_close(u);
			continue;
		}
		u->state = UPSTREAM_BUSY;
		bind_to(u, t);
		return ACQUIRE_IDLE;
	}
	return upstream_connect(t);
}

static void drop_buffers(struct upstream *u) {
	body_reader_fini(&u->body);
	mem_free(u->in);
	mem_free(u->out);
	u->in = u->out = NULL;
	u->staged = STR_NONE;
}

void upstream_release(struct upstream *u, bool is_reusable) {
	uint64_t idle_ms = u->txn->pool->timeouts.idle_ms;
	const struct fleet_server *s = u->server;
	u->txn->upstream = NULL;
	u->txn = NULL;
	/* At a bound connections are scarce: another worker may need the place. */
	bool is_scarce = u->worker->proxy->n_workers > 1 && fleet_connections_are_scarce(s);
	bool is_quiet = !u->in && !u->out && !u->stream.has_hup && !u->stream.has_eof;
	/* A read that filled the buffer to its end leaves open whether more stands behind it. */
	is_quiet = is_quiet && !(u->stream.can_read && stream_is_stale(&u->stream));
	if (is_reusable && is_quiet && !is_scarce && !is_orphan(u) && idle_ms > 0 && !u->worker->is_stopping &&
	    atomic_load_explicit(&s->takes_requests, memory_order_relaxed)) {
		u->stream.can_read = false; /* the message ended with what was read; more of it would ring */
		stream_set_low_water(&u->stream, 1);
		u->state = UPSTREAM_IDLE;
		list_it(u);
		deadline_set(&u->deadline, clock_now_us() + idle_ms * USEC_PER_MSEC);
	} else {
		upstream_close(u);
	}
}

void upstream_unbind(struct upstream *u, uint64_t idle_ms) {
	u->n_txns--;
	if (u->state == UPSTREAM_DEAD)
		return;
	bool is_kept = u->state == UPSTREAM_BUSY && !u->is_retired && !is_orphan(u) && !u->h2->is_broken && idle_ms > 0 &&
	               !u->worker->is_stopping && atomic_load_explicit(&u->server->takes_requests, memory_order_relaxed);
	if (is_kept)
		list_it(u);
	else if (u->state == UPSTREAM_BUSY || u->n_txns == 0)
		upstream_unlist(u);
	if (u->n_txns > 0)
		return;
	u->is_retired = u->is_retired || !is_kept;
	deadline_set(&u->deadline, clock_now_us() + (is_kept ? idle_ms * USEC_PER_MSEC : 0));
	h2_conn_mark(u->h2); /* a retired one is closed when what it says has left */
}

void upstream_close(struct upstream *u) {
	if (u->state == UPSTREAM_DEAD)
		return;
	upstream_unlist(u);
	u->state = UPSTREAM_DEAD;
	stream_close(&u->stream);
	if (u->h2)
		h2_conn_drop_streams(u->h2);
	drop_buffers(u);
	fleet_connection_release(u->server, u->worker->index);
	u->server = NULL;
	list_append(&u->worker->dead_upstreams, &u->link);
}

void upstream_free(struct upstream *u) {
	deadline_fini(&u->deadline);
	if (u->h2)
		h2_conn_fini(u->h2);
	mem_free(u->h2);
	mem_free(u);
}

void upstream_yield(struct proxy_worker *w, const struct fleet_pool *p, unsigned n) {
	struct list *oldest = w->idle_upstreams.prev;
	while (n > 0 && oldest != &w->idle_upstreams) {
		struct upstream *u = CONTAINER_OF(oldest, struct upstream, idle_link);
		oldest = oldest->prev;
		if (u->server->pool == p && u->n_txns == 0) {
			upstream_close(u);
			n--;
		}
	}
}

void upstream_sweep(struct proxy_worker *w, bool all) {
	LIST_EACH(it, &w->idle_upstreams) {
		struct upstream *u = CONTAINER_OF(it, struct upstream, idle_link);
		if (!all && atomic_load_explicit(&u->server->takes_requests, memory_order_relaxed))
			continue;
		upstream_retire(u);
	}
}
