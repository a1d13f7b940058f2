/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS over TCP (RFC 7766): messages with a length of two bytes before each, many a connection, pipelined. A connection at rest
 * holds no buffers. What it may hold else is bounded: one chunk of input, and the answers that did not fit the socket; while
 * there are such, it is not read. It is closed when it has not come to rest for `idle_timeout`: idle, sending a query slowly,
 * or not taking its answers. How many connections a client has is counted over all workers, in a table of fixed size: clients that
 * meet in a place of it are counted as one, which only matters to them when both have many.
 */
#include "gslb/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/hash.h"
#include "steerway/metric.h"

#include <sys/socket.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#define TCP_QUERY_MAX 4096 /* as over UDP; of a longer one the header alone is looked at */
#define TCP_IN_BYTES (16 * 1024)
#define TCP_OUT_BYTES (IO_SHARED_BYTES - TCP_IN_BYTES)
#define TCP_TURNS 16 /* chunks of one connection; then the others have their turn */

struct tcp_server {
	struct acceptor acceptor;
	struct endpoint *endpoint;
	unsigned worker;
	struct list connections;
	unsigned n_connections;
};

struct tcp_connection {
	struct stream stream;
	struct loop_again again;
	struct deadline deadline;
	struct list link;
	struct tcp_server *server;
	struct addr peer;
	_Atomic unsigned *n_of_client; /* connections of its client, this one included */
	size_t skip;                   /* bytes of a message that is too long, still to come */
	char *in, *out;                /* kept between turns; NULL: nothing */
	size_t n_in, n_out, at_out;
};

static void connection_end(struct tcp_connection *c) {
	struct tcp_server *s = c->server;
	atomic_fetch_sub_explicit(c->n_of_client, 1, memory_order_relaxed);
	deadline_fini(&c->deadline);
	loop_undefer(c->stream.loop, &c->again.task);
	stream_close(&c->stream);
	list_remove(&c->link);
	mem_free(c->in);
	mem_free(c->out);
	mem_free(c);
	s->n_connections--;
	acceptor_resume(&s->acceptor);
}

static void on_deadline(struct deadline *d) {
	connection_end(CONTAINER_OF(d, struct tcp_connection, deadline));
}

static bool has_room(struct acceptor *a) {
	const struct tcp_server *s = CONTAINER_OF(a, struct tcp_server, acceptor);
	return s->n_connections < atomic_load_explicit(&s->endpoint->max_connections, memory_order_relaxed);
}

/* Within the RCU read lock. */
static const struct settings *settings_of(const struct tcp_server *s) {
	return atomic_load_explicit(&s->endpoint->gslb->settings, memory_order_acquire);
}

static void wait_on(struct tcp_connection *c) {
	urcu_memb_read_lock();
	deadline_set(&c->deadline, clock_now_us() + settings_of(c->server)->tcp_idle_us);
	urcu_memb_read_unlock();
}

/* Answers the whole messages at the start of `in`, as long as there is room for the longest answer; returns the bytes used. */
static size_t answer_all(struct tcp_connection *c, struct str in, char *out, size_t *n_out) {
	struct gslb_client client = { .from = &c->peer, .is_tcp = true, .worker = c->server->worker };
	size_t used = 0;
	urcu_memb_read_lock();
	/* RFC 7828 3.4: when there is no room for others, who asks is told to go. */
	if (has_room(&c->server->acceptor))
		client.idle_ds = (uint16_t)(settings_of(c->server)->tcp_idle_us / (100 * USEC_PER_MSEC));
	while (used < in.n && TCP_OUT_BYTES - *n_out >= 2 + DNS_MESSAGE_MAX) {
		struct str left = str_skip(in, used);
		if (c->skip > 0) {
			size_t n = c->skip < left.n ? c->skip : left.n;
			c->skip -= n;
			used += n;
			continue;
		}
		if (left.n < 2)
			break;
		size_t n = dns_get16(left.p), looked_at = n <= TCP_QUERY_MAX ? n : DNS_HEADER_BYTES;
		if (left.n - 2 < looked_at)
			break;
		size_t n_answer = gslb_answer(c->server->endpoint->gslb, &client, str_slice(left.p + 2, looked_at),
		                              out + *n_out + 2, DNS_MESSAGE_MAX);
		if (n_answer > 0) {
			dns_put16(out + *n_out, (unsigned)n_answer);
			*n_out += 2 + n_answer;
		}
		used += 2 + looked_at;
		c->skip = n - looked_at;
	}
	urcu_memb_read_unlock();
	return used;
}

static char *keep(const char *p, size_t n) {
	return n > 0 ? memcpy(mem_alloc(n), p, n) : NULL;
}

/* 0: all sent; else STREAM_AGAIN (the rest is kept) or STREAM_ERROR. */
static int send_all(struct tcp_connection *c, const char *p, size_t n) {
	while (n > 0) {
		struct iovec iov = { (void *)(uintptr_t)p, n };
		ssize_t sent = stream_send(&c->stream, &iov, 1);
		if (sent == STREAM_ERROR)
			return STREAM_ERROR;
		if (sent == STREAM_AGAIN) {
			c->out = keep(p, n);
			c->n_out = n;
			c->at_out = 0;
			return STREAM_AGAIN;
		}
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int send_kept(struct tcp_connection *c) {
	while (c->out) {
		struct iovec iov = { c->out + c->at_out, c->n_out - c->at_out };
		ssize_t sent = c->stream.can_write ? stream_send(&c->stream, &iov, 1) : STREAM_AGAIN;
		if (sent < 0)
			return (int)sent;
		c->at_out += (size_t)sent;
		if (c->at_out == c->n_out) {
			mem_free(c->out);
			c->out = NULL;
		}
	}
	return 0;
}

/* Answers what is there and reads on. 0 or STREAM_AGAIN: wait for an edge (or, after TCP_TURNS, for the loop); else it is over.
 */
static int take_turns(struct tcp_connection *c, char *in, size_t *n_in) {
	char *out = in + TCP_IN_BYTES;
	for (int turn = 0; turn < TCP_TURNS;) {
		size_t n_out = 0;
		size_t used = answer_all(c, str_slice(in, *n_in), out, &n_out);
		*n_in -= used;
		memmove(in, in + used, *n_in);
		if (used > 0)
			wait_on(c);
		int result = send_all(c, out, n_out);
		if (result < 0)
			return result;
		if (used > 0)
			continue;
		/* Until STREAM_AGAIN, not until a short read: of a RST behind the last bytes no further edge would tell. */
		ssize_t got = stream_recv(&c->stream, in + *n_in, TCP_IN_BYTES - *n_in);
		if (got == STREAM_AGAIN)
			return STREAM_AGAIN;
		if (got <= 0)
			return STREAM_ERROR;
		*n_in += (size_t)got;
		turn++;
	}
	loop_again(c->stream.loop, &c->again, &c->stream.event);
	return 0;
}

static void on_ready(struct stream *s) {
	struct tcp_connection *c = CONTAINER_OF(s, struct tcp_connection, stream);
	int result = send_kept(c);
	if (result == STREAM_AGAIN)
		return;
	if (result == 0) {
		char *in = io_shared_buffer();
		size_t n_in = c->n_in;
		memcpy(in, c->in ? c->in : "", n_in);
		mem_free(c->in);
		c->in = NULL;
		c->n_in = 0;
		result = take_turns(c, in, &n_in);
		if (result == 0 || result == STREAM_AGAIN) {
			c->in = keep(in, n_in);
			c->n_in = n_in;
			return;
		}
	}
	connection_end(c);
}

/* An IPv6 client has a /64 to itself (RFC 6177). */
static _Atomic unsigned *count_of(struct endpoint *n, const struct addr *peer) {
	uint64_t hash = addr_is_v6(peer) ? hash_bytes(&peer->in6.sin6_addr, 8, hash_process_seed())
	                                 : hash_bytes(&peer->in.sin_addr, 4, hash_process_seed());
	return &n->clients[hash % ENDPOINT_CLIENTS];
}

/* Counts the connection in; false when its client has too many. */
static bool client_enter(struct tcp_server *s, const struct addr *peer, _Atomic unsigned *count) {
	urcu_memb_read_lock();
	const struct settings *set = settings_of(s);
	unsigned most = set->tcp_per_client, now = atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
	bool is_welcome = most == 0 || now < most || limits_exempt(&set->limits, peer);
	urcu_memb_read_unlock();
	if (!is_welcome) {
		atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
		metric_add(METRIC_gslb_tcp_refused_total, 1);
	}
	return is_welcome;
}

static void on_accept(struct acceptor *a, int fd, const struct addr *peer) {
	struct tcp_server *s = CONTAINER_OF(a, struct tcp_server, acceptor);
	_Atomic unsigned *count = count_of(s->endpoint, peer);
	if (!client_enter(s, peer, count)) {
		close(fd);
		return;
	}
	struct tcp_connection *c = mem_zalloc(sizeof(*c));
	struct err e;
	if (stream_open(&c->stream, a->resume.loop, fd, on_ready, &e) < 0) {
		atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
		mem_free(c); /* the kernel has no memory for it: the client sees a close, and comes again */
		return;
	}
	c->server = s;
	c->peer = *peer;
	c->n_of_client = count;
	list_append(&s->connections, &c->link);
	deadline_init(&c->deadline, a->resume.loop, on_deadline);
	wait_on(c);
	s->n_connections++;
}

struct tcp_server *tcp_server_start(struct endpoint_part *p, struct loop *l, int fd, struct err *e) {
	struct tcp_server *s = mem_zalloc(sizeof(*s));
	s->endpoint = p->endpoint;
	s->worker = p->worker;
	list_init(&s->connections);
	if (acceptor_start(&s->acceptor, l, fd, on_accept, has_room, e) == 0)
		return s;
	mem_free(s);
	return NULL;
}

void tcp_server_stop(struct tcp_server *s) {
	if (!s)
		return;
	LIST_EACH(it, &s->connections)
		connection_end(CONTAINER_OF(it, struct tcp_connection, link));
	acceptor_stop(&s->acceptor);
	mem_free(s);
}

void tcp_server_set_backlog(struct tcp_server *s, int backlog) {
	listen(s->acceptor.fd, backlog);
}
