/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room io without a kernel, for programs that drive the proxy in one thread: wires in place of sockets, a virtual clock, a loop
 * that is turned by hand. What stands here takes the place of loop.c, stream.c, socket.c, worker.c and watch.c; the linker then
 * leaves those out. The semantics are theirs: edges, latched readiness, deferred tasks behind the callbacks of a turn.
 */
#ifndef TESTS_FAKE_IO_H
#define TESTS_FAKE_IO_H

#include "steerway/base/buf.h"
#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "steerway/base/rand.h"
#include "steerway/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(promise)                                                                                                            \
	do {                                                                                                                     \
		if (!(promise)) {                                                                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);                                    \
			abort();                                                                                                 \
		}                                                                                                                \
	} while (0)

/* ---- time and the loop ---- */

#define FAKE_START_US (UINT64_C(1000) * USEC_PER_SEC)
static uint64_t fake_now_us = FAKE_START_US;

struct loop {
	struct heap deadlines;
	struct loop_task *posted, *deferred; /* newest first */
};
static struct loop fake_loop;

static uint64_t fake_clock(void) {
	return fake_now_us;
}

void loop_post(struct loop *l, struct loop_task *task) {
	task->next = l->posted;
	l->posted = task;
}

void loop_defer(struct loop *l, struct loop_task *task) {
	task->next = l->deferred;
	l->deferred = task;
}

void loop_undefer(struct loop *l, struct loop_task *task) {
	for (struct loop_task **at = &l->deferred; *at; at = &(*at)->next)
		if (*at == task) {
			*at = task->next;
			return;
		}
}

struct event_base *loop_base(struct loop *l) {
	(void)l;
	return NULL;
}

static bool fake_run(struct loop_task **list) {
	struct loop_task *newest = *list, *oldest = NULL;
	*list = NULL;
	while (newest) {
		struct loop_task *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	bool any = oldest != NULL;
	while (oldest) {
		struct loop_task *task = oldest;
		oldest = task->next;
		task->run(task);
	}
	return any;
}

void deadline_init(struct deadline *d, struct loop *l, void (*on_expire)(struct deadline *)) {
	*d = (struct deadline){ .at_us = UINT64_MAX, .loop = l, .on_expire = on_expire };
}

void deadline_set(struct deadline *d, uint64_t at_us) {
	d->at_us = at_us;
	if (d->node.index == 0) {
		d->node.key = at_us;
		heap_insert(&d->loop->deadlines, &d->node);
	} else if (at_us < d->node.key) {
		d->node.key = at_us;
		heap_update(&d->loop->deadlines, &d->node);
	}
}

void deadline_clear(struct deadline *d) {
	d->at_us = UINT64_MAX;
}

void deadline_fini(struct deadline *d) {
	if (d->node.index != 0)
		heap_remove(&d->loop->deadlines, &d->node);
	d->at_us = UINT64_MAX;
}

/* ---- one worker, which is this thread ---- */

struct workers {
	struct loop *loop;
};
static struct workers fake_workers = { &fake_loop };

unsigned workers_count(const struct workers *w) {
	(void)w;
	return 1;
}

struct loop *workers_loop(const struct workers *w, unsigned i) {
	MUST(i == 0);
	return w->loop;
}

void workers_call(struct workers *w, void (*fn)(void *arg, unsigned worker, struct loop *l), void *arg) {
	fn(arg, 0, w->loop);
}

/* ---- wires: connections, with what the other side would be ---- */

enum { WIRES_MAX = 12, WIRE_FD = 1000000, FAKE_PORT_REFUSES = 1, FAKE_PORT_HANGS = 2 };

struct wire {
	struct stream *stream;              /* ours; NULL: closed */
	struct addr to;                     /* of a connection to a server */
	struct buf in;                      /* what the peer sent, */
	size_t read;                        /* and how much of it we did */
	struct buf out;                     /* what we sent */
	size_t room;                        /* how much more the peer takes */
	bool has_fin, is_reset, is_refused; /* by the peer */
	bool is_aborted, has_our_fin;
	bool is_short;                       /* we were told that there is no room */
	bool has_news, has_opened, has_rung; /* edges that on_ready does not know yet */
};
static struct wire wires[WIRES_MAX];
static unsigned n_wires;
/* How many of the bytes that are there a read gives, while more stay readable, as TLS does with its records; NULL: all. */
static size_t (*fake_piece)(size_t n);

static struct wire *wire_of(const struct stream *s) {
	MUST(s->fd >= WIRE_FD && (unsigned)(s->fd - WIRE_FD) < n_wires);
	return &wires[s->fd - WIRE_FD];
}

/* A new one; its index is its descriptor's. */
static struct wire *wire_add(void) {
	struct wire *w = &wires[n_wires++];
	struct buf in = w->in, out = w->out; /* keep their memory */
	in.n = out.n = 0;
	*w = (struct wire){ .in = in, .out = out, .room = SIZE_MAX };
	return w;
}

static void stream_init(struct stream *s, struct loop *l, unsigned wire, void (*on_ready)(struct stream *)) {
	memset(s, 0, sizeof(*s));
	s->loop = l;
	s->fd = WIRE_FD + (int)wire;
	s->on_ready = on_ready;
	wires[wire].stream = s;
}

int stream_open(struct stream *s, struct loop *l, int fd, void (*on_ready)(struct stream *), struct err *e) {
	(void)e;
	stream_init(s, l, (unsigned)(fd - WIRE_FD), on_ready);
	s->can_write = true;
	return 0;
}

int stream_connect(struct stream *s, struct loop *l, const struct addr *to, void (*on_ready)(struct stream *), struct err *e) {
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	if (n_wires == WIRES_MAX)
		return err_set(e, "no descriptors are left");
	struct wire *w = wire_add();
	stream_init(s, l, (unsigned)(w - wires), on_ready);
	uint16_t port = addr_port(to);
	w->to = *to;
	w->is_refused = port == FAKE_PORT_REFUSES;
	w->has_opened = port != FAKE_PORT_HANGS;
	s->is_connecting = true;
	return 0;
}

int stream_connect_result(struct stream *s) {
	if (!s->is_connecting)
		return 0;
	if (!s->can_write && !s->can_read)
		return STREAM_AGAIN;
	if (wire_of(s)->is_refused) {
		s->error = ECONNREFUSED;
		return STREAM_ERROR;
	}
	s->is_connecting = false;
	return 0;
}

static ssize_t wire_give(struct stream *s, struct wire *w, void *to, size_t n) {
	size_t there = w->in.n - w->read;
	if (w->is_reset) {
		s->error = ECONNRESET;
		return STREAM_ERROR;
	}
	if (there == 0 && w->has_fin) {
		s->has_eof = true;
		return STREAM_EOF;
	}
	if (there == 0) {
		s->can_read = false;
		return STREAM_AGAIN;
	}
	n = there < n ? there : n;
	memcpy(to, w->in.p + w->read, n);
	return (ssize_t)n;
}

ssize_t stream_recv(struct stream *s, void *to, size_t n) {
	struct wire *w = wire_of(s);
	size_t there = w->in.n - w->read, most = n;
	if (fake_piece && there > 0) {
		size_t piece = fake_piece(there);
		most = piece < n ? piece : n;
	}
	ssize_t got = wire_give(s, w, to, most);
	if (got <= 0)
		return got;
	w->read += (size_t)got;
	if (w->read == w->in.n && (size_t)got < n && !s->has_hup)
		s->can_read = false;
	return got;
}

ssize_t stream_peek(struct stream *s, void *to, size_t n) {
	ssize_t got = wire_give(s, wire_of(s), to, n);
	s->can_read = false;
	return got;
}

ssize_t stream_send(struct stream *s, const struct iovec *iov, int n_iov) {
	if (s->fd < 0) { /* closed earlier in this turn */
		s->error = EBADF;
		return STREAM_ERROR;
	}
	struct wire *w = wire_of(s);
	size_t sent = 0;
	MUST(!s->is_connecting && !w->has_our_fin);
	if (w->is_reset) {
		s->error = EPIPE;
		return STREAM_ERROR;
	}
	for (int i = 0; i < n_iov; i++) {
		size_t n = iov[i].iov_len < w->room ? iov[i].iov_len : w->room;
		buf_add(&w->out, str_slice(iov[i].iov_base, n));
		w->room -= w->room != SIZE_MAX ? n : 0;
		sent += n;
		if (n < iov[i].iov_len) {
			w->is_short = true;
			break;
		}
	}
	if (sent > 0 || !w->is_short)
		return (ssize_t)sent;
	s->can_write = false;
	return STREAM_AGAIN;
}

size_t stream_unacknowledged(const struct stream *s) {
	(void)s;
	return 0;
}

bool stream_is_stale(struct stream *s) {
	const struct wire *w = wire_of(s);
	return s->has_hup || w->read < w->in.n || w->has_fin || w->is_reset;
}

void stream_ring(struct stream *s) {
	wire_of(s)->has_rung = true;
}

void stream_set_low_water(struct stream *s, int bytes) {
	s->low_water = bytes;
}

void stream_shutdown_write(struct stream *s) {
	if (s->fd >= 0)
		wire_of(s)->has_our_fin = true;
}

void stream_close(struct stream *s) {
	if (s->fd < 0 || !s->on_ready)
		return;
	wire_of(s)->stream = NULL;
	s->fd = -1;
}

void stream_abort(struct stream *s) {
	if (s->fd >= 0 && s->on_ready)
		wire_of(s)->is_aborted = true;
	stream_close(s);
}

char *io_shared_buffer(void) {
	static char *buffer;
	if (!buffer)
		buffer = mem_alloc(IO_SHARED_BYTES);
	return buffer;
}

/* ---- what the peer of a wire does ---- */

static void wire_send(struct wire *w, struct str bytes) {
	if (!w->stream || w->has_fin || w->is_reset)
		return;
	buf_add(&w->in, bytes);
	w->has_news = true;
}

static void wire_fin(struct wire *w) {
	w->has_fin = w->has_news = true;
}

static void wire_reset(struct wire *w) {
	w->is_reset = w->has_news = true;
}

/* The peer takes so much more. */
static void wire_take(struct wire *w, size_t n) {
	w->room = n;
	if (n > 0 && w->is_short)
		w->has_rung = true;
}

/* ---- turns ---- */

static bool wire_tell(struct wire *w) {
	struct stream *s = w->stream;
	bool is_open = !s->is_connecting || w->has_opened;
	size_t low = s->low_water > 1 ? (size_t)s->low_water : 1;
	bool reads = w->has_news && is_open && (w->has_fin || w->is_reset || w->in.n - w->read >= low);
	if (!reads && !w->has_opened && !w->has_rung)
		return false;
	if (w->has_opened || (w->is_short && w->room > 0)) {
		s->can_write = true;
		w->is_short = false;
	}
	if (reads || w->has_rung || w->is_refused)
		s->can_read = true;
	if (w->has_fin || w->is_reset)
		s->has_hup = s->has_hup || is_open;
	w->has_opened = w->has_rung = false;
	w->has_news = w->has_news && !reads;
	s->on_ready(s);
	return true;
}

/* Until nothing more happens without the peers or time. */
static void fake_turn(void) {
	bool any = true;
	for (unsigned turns = 0; any; turns++) {
		MUST(turns < 10000);
		any = false;
		for (unsigned i = 0; i < n_wires; i++)
			if (wires[i].stream && wire_tell(&wires[i]))
				any = true;
		any = fake_run(&fake_loop.posted) || any;
		while (fake_run(&fake_loop.deferred))
			any = true;
	}
}

static void fake_advance(uint64_t us) {
	struct loop *l = &fake_loop;
	fake_now_us += us;
	clock_update();
	uint64_t now = clock_now_us();
	for (struct heap_node *min; (min = heap_min(&l->deadlines)) && min->key <= now;) {
		struct deadline *d = CONTAINER_OF(min, struct deadline, node);
		if (d->at_us > now && d->at_us != UINT64_MAX) {
			min->key = d->at_us;
			heap_update(&l->deadlines, min);
			continue;
		}
		heap_remove(&l->deadlines, min);
		if (d->at_us == UINT64_MAX)
			continue;
		d->at_us = UINT64_MAX;
		d->on_expire(d);
	}
	while (fake_run(&l->deferred))
		;
}

/* ---- listening and watching, which nobody does here ---- */

int socket_listen_tcp(const struct addr *at, int backlog, struct err *e) {
	(void)at;
	(void)backlog;
	(void)e;
	return WIRE_FD - 1;
}

int acceptor_start(struct acceptor *a, struct loop *l, int listening_fd,
                   void (*on_accept)(struct acceptor *, int, const struct addr *), bool (*has_room)(struct acceptor *),
                   struct err *e) {
	(void)l;
	(void)e;
	*a = (struct acceptor){ .fd = listening_fd, .on_accept = on_accept, .has_room = has_room };
	return 0;
}

void acceptor_resume(struct acceptor *a) {
	a->is_paused = false;
}

void acceptor_stop(struct acceptor *a) {
	a->fd = -1;
}

struct file_set *file_set_create(const struct str *paths, size_t n) {
	(void)paths;
	(void)n;
	return NULL;
}

void file_set_destroy(struct file_set *set) {
	(void)set;
}

struct file_watch *file_watch_create(struct loop *l, void (*on_change)(void *arg), void *arg) {
	(void)l;
	(void)on_change;
	(void)arg;
	return NULL;
}

void file_watch_set(struct file_watch *w, struct file_set *set) {
	(void)w;
	(void)set;
}

void file_watch_destroy(struct file_watch *w) {
	(void)w;
}

#endif
