/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients of the admin socket and of admin HTTP: reads into a bounded buffer, lets the protocol answer, writes the answer out
 * before it looks at the next request, so that a slow reader holds one answer at most. Refuses more than ADMIN_CLIENTS_MAX
 * clients, and closes those that send no whole request, or take no byte of an answer, for a minute. A service owns its clients.
 */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <unistd.h>

#define PATIENCE_US (60 * USEC_PER_SEC)
/* After an answer that ends the connection, unread bytes would turn the close into a reset that may take the answer with it. */
#define LINGER_US (1 * USEC_PER_SEC)
/* Requests of one client answered in one turn of the loop: probes and deadlines get their turn too. */
#define TURN_REQUESTS 8

struct admin_service {
	struct admin *admin;
	const struct admin_protocol *protocol;
	struct acceptor acceptor;
	struct list clients;
	unsigned n_clients;
};

struct client {
	struct list link;
	struct admin_service *service;
	struct stream stream;
	struct deadline patience, turn;
	struct buf out;
	size_t sent; /* of out */
	size_t n_in;
	bool is_ending;    /* the answer in `out` is the last */
	bool is_lingering; /* it is sent; what comes is thrown away */
	char in[];
};

static void client_close(struct client *c) {
	struct admin_service *s = c->service;
	stream_close(&c->stream);
	deadline_fini(&c->patience);
	deadline_fini(&c->turn);
	list_remove(&c->link);
	buf_fini(&c->out);
	mem_free(c);
	s->n_clients--;
}

static void patience_renew(struct client *c) {
	deadline_set(&c->patience, clock_now_us() + PATIENCE_US);
}

/* False: the client waits for the socket, or is gone. */
static bool answer_send(struct client *c) {
	while (c->sent < c->out.n) {
		struct iovec rest = { c->out.p + c->sent, c->out.n - c->sent };
		ssize_t n = c->stream.can_write ? stream_send(&c->stream, &rest, 1) : STREAM_AGAIN;
		if (n == STREAM_AGAIN)
			return false;
		if (n < 0) {
			client_close(c);
			return false;
		}
		c->sent += (size_t)n;
		patience_renew(c);
	}
	buf_fini(&c->out);
	c->out = (struct buf){ 0 };
	c->sent = 0;
	if (c->is_ending && !c->is_lingering) {
		c->is_lingering = true;
		stream_shutdown_write(&c->stream);
		deadline_set(&c->patience, clock_now_us() + LINGER_US);
	}
	return true;
}

/* False: nothing more to read now, or the client is gone. */
static bool input_read(struct client *c) {
	if (c->is_lingering)
		c->n_in = 0;
	size_t room = c->service->protocol->input_bytes - c->n_in;
	/* Until STREAM_AGAIN, not until a short read: of a reset behind the last bytes no further edge would tell. */
	ssize_t n = stream_recv(&c->stream, c->in + c->n_in, room);
	if (n == STREAM_AGAIN)
		return false;
	if (n <= 0) {
		client_close(c);
		return false;
	}
	c->n_in += (size_t)n;
	return true;
}

/* Answers the request at the front of the input, if it is whole. */
static bool request_take(struct client *c) {
	size_t used = 0;
	enum admin_next next = c->service->protocol->take(c->service->admin, str_slice(c->in, c->n_in), &used, &c->out);
	if (next == ADMIN_MORE)
		return false;
	c->is_ending = next == ADMIN_CLOSE;
	c->n_in -= used;
	memmove(c->in, c->in + used, c->n_in);
	patience_renew(c);
	return true;
}

static void client_run(struct client *c) {
	unsigned answered = 0;
	while (answer_send(c)) {
		if (!c->is_lingering && c->n_in > 0 && request_take(c)) {
			if (++answered < TURN_REQUESTS)
				continue;
			if (answer_send(c))
				deadline_set(&c->turn, clock_now_us() + 1); /* what expires now would run in this turn still */
			return;
		}
		if (!input_read(c))
			return;
	}
}

static void on_ready(struct stream *s) {
	client_run(CONTAINER_OF(s, struct client, stream));
}

static void on_turn(struct deadline *d) {
	client_run(CONTAINER_OF(d, struct client, turn));
}

static void on_impatience(struct deadline *d) {
	client_close(CONTAINER_OF(d, struct client, patience));
}

static void on_accept(struct acceptor *acceptor, int fd, const struct addr *peer) {
	(void)peer;
	struct admin_service *s = CONTAINER_OF(acceptor, struct admin_service, acceptor);
	if (s->n_clients == ADMIN_CLIENTS_MAX) {
		/* A fresh socket takes this whole; if not, the close says it all. */
		ssize_t ignored = send(fd, s->protocol->too_many.p, s->protocol->too_many.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)ignored;
		close(fd);
		return;
	}
	struct client *c = mem_zalloc(sizeof(*c) + s->protocol->input_bytes);
	struct err e;
	c->service = s;
	if (stream_open(&c->stream, s->admin->house.control, fd, on_ready, &e) < 0) {
		log_warn("admin_client_failed", LOG_CSTR("error", e.text)); /* the descriptor is closed */
		mem_free(c);
		return;
	}
	deadline_init(&c->patience, s->admin->house.control, on_impatience);
	deadline_init(&c->turn, s->admin->house.control, on_turn);
	patience_renew(c);
	list_append(&s->clients, &c->link);
	s->n_clients++;
}

struct admin_service *admin_service_start(struct admin *a, const struct admin_protocol *protocol, int fd, struct err *e) {
	struct admin_service *s = mem_zalloc(sizeof(*s));
	s->admin = a;
	s->protocol = protocol;
	list_init(&s->clients);
	if (acceptor_start(&s->acceptor, a->house.control, fd, on_accept, NULL, e) < 0) {
		close(fd);
		mem_free(s);
		return NULL;
	}
	return s;
}

void admin_service_stop(struct admin_service *s) {
	if (s == NULL)
		return;
	acceptor_stop(&s->acceptor);
	LIST_EACH(it, &s->clients)
		client_close(CONTAINER_OF(it, struct client, link));
	mem_free(s);
}
