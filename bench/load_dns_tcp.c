/* SPDX-License-Identifier: BSD-2-Clause
 * The load over TCP, pipelined (RFC 7766 6.2.1.1): on each connection so many queries with one write, and the next when all are answered, in
 * whatever order. It looks for answers again and again, for the reason that load_dns_udp.c tells.
 */
#include "load_dns.h"

#include <errno.h>
#include <immintrin.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BURST_MAX = 64, QUERY_MAX = 320, ROOM = 2 * 65536, PAUSES = 64 };

static struct connection {
	int fd;
	unsigned n_under_way;
	uint64_t awaited; /* a bit a query: its id is its place */
	uint64_t sent_ns;
	size_t n_in;
	uint8_t *in;
} * connections;
static unsigned n_under_way;

static void connection_open(struct connection *c) {
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&opt.address, sizeof(opt.address)) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	c->n_under_way = 0;
	c->awaited = 0;
	c->n_in = 0;
}

void tcp_open(void) {
	if (opt.under_way > BURST_MAX)
		opt.under_way = BURST_MAX;
	connections = calloc(opt.connections, sizeof(*connections));
	for (unsigned i = 0; i < opt.connections; i++) {
		connections[i].in = malloc(ROOM);
		connection_open(&connections[i]);
	}
}

void tcp_close(void) {
	for (unsigned i = 0; i < opt.connections; i++) {
		close(connections[i].fd);
		free(connections[i].in);
	}
	free(connections);
}

static void connection_lose(struct connection *c) {
	phase.lost += c->n_under_way;
	n_under_way -= c->n_under_way;
	close(c->fd);
	connection_open(c);
}

static void send_burst(struct connection *c) {
	static uint8_t burst[BURST_MAX * (2 + QUERY_MAX)];
	size_t n = 0;
	unsigned wanted = opt.under_way;
	if (phase.wanted && phase.wanted - phase.begun < wanted)
		wanted = (unsigned)(phase.wanted - phase.begun);
	for (unsigned i = 0; i < wanted; i++) {
		const struct question *q = question_next();
		put16(burst + n, (unsigned)q->n);
		memcpy(burst + n + 2, q->bytes, q->n);
		put16(burst + n + 2, i);
		n += 2 + q->n;
	}
	phase.begun += wanted;
	n_under_way += wanted;
	c->n_under_way = wanted;
	c->awaited = wanted < 64 ? (UINT64_C(1) << wanted) - 1 : UINT64_MAX;
	c->sent_ns = now_ns();
	if (send(c->fd, burst, n, MSG_NOSIGNAL) != (ssize_t)n)
		connection_lose(c);
}

/* Whole messages at the start of what came. */
static void take_messages(struct connection *c, uint64_t now) {
	size_t at = 0;
	while (c->n_in - at >= 2 && c->n_in - at - 2 >= get16(c->in + at)) {
		const uint8_t *message = c->in + at + 2;
		size_t n = get16(c->in + at);
		at += 2 + n;
		unsigned id = n >= 12 ? get16(message) : BURST_MAX;
		if (id >= BURST_MAX || !(c->awaited >> id & 1)) {
			phase.errors++; /* nothing that was asked */
			continue;
		}
		c->awaited &= ~(UINT64_C(1) << id);
		phase_add(message, n, c->sent_ns, now);
		c->n_under_way--;
		n_under_way--;
	}
	c->n_in -= at;
	memmove(c->in, c->in + at, c->n_in);
}

/* Whether anything came. */
static bool take(struct connection *c) {
	ssize_t n = recv(c->fd, c->in + c->n_in, ROOM - c->n_in, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		connection_lose(c);
		return true;
	}
	c->n_in += (size_t)n;
	take_messages(c, now_ns());
	return true;
}

static void give_up(void) {
	for (unsigned i = 0; i < opt.connections; i++)
		if (connections[i].n_under_way > 0)
			connection_lose(&connections[i]);
}

void tcp_run(void) {
	uint64_t heard_ns = now_ns();
	for (;;) {
		uint64_t now = now_ns();
		bool has_come = false;
		for (unsigned i = 0; i < opt.connections; i++) {
			struct connection *c = &connections[i];
			if (c->n_under_way > 0)
				has_come |= take(c);
			if (c->n_under_way == 0 && phase_wants(now))
				send_burst(c);
		}
		if (n_under_way == 0)
			return;
		if (has_come)
			heard_ns = now;
		else if (now - heard_ns > PATIENCE_NS)
			give_up();
		else
			for (unsigned i = 0; i < PAUSES; i++)
				_mm_pause();
	}
}
