/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams: a TCP connection with its readiness latched. Registered once, edge-triggered; then only recv and send are called, and
 * only when there is reason to. The owner embeds the stream and decides what to do with it; TLS stands in tls_stream.c.
 */
#include "io/private.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local char *shared_buffer;

char *io_shared_buffer(void) {
	if (!shared_buffer)
		shared_buffer = mem_alloc(IO_SHARED_BYTES);
	return shared_buffer;
}

void stream_thread_fini(void) {
	mem_free(shared_buffer);
	shared_buffer = NULL;
}

static void on_event(evutil_socket_t fd, short what, void *arg) {
	(void)fd;
	struct stream *s = arg;
	loop_enter(s->loop);
	if (what & (EV_READ | EV_CLOSED))
		s->can_read = true;
	if (what & EV_CLOSED)
		s->has_hup = true;
	if (what & EV_WRITE)
		s->can_write = true;
	s->on_ready(s);
}

static int stream_register(struct stream *s) {
	event_assign(&s->event, loop_base(s->loop), s->fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event, s);
	return event_add(&s->event, NULL);
}

static void stream_init(struct stream *s, struct loop *l, int fd, void (*on_ready)(struct stream *)) {
	memset(s, 0, sizeof(*s));
	s->loop = l;
	s->fd = fd;
	s->on_ready = on_ready;
}

int stream_open(struct stream *s, struct loop *l, int fd, void (*on_ready)(struct stream *), struct err *e) {
	stream_init(s, l, fd, on_ready);
	s->can_write = true;
	if (stream_register(s) == 0)
		return 0;
	err_errno(e, "cannot watch a connection");
	close(fd);
	s->fd = -1;
	return -1;
}

int stream_connect(struct stream *s, struct loop *l, const struct addr *to, void (*on_ready)(struct stream *), struct err *e) {
	stream_init(s, l, socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on_ready);
	if (s->fd < 0)
		return err_errno(e, "socket");
	int one = 1;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->is_connecting = true;
	if ((connect(s->fd, &to->sa, addr_len(to)) == 0 || errno == EINPROGRESS) && stream_register(s) == 0)
		return 0;
	s->error = errno;
	err_errno(e, "connect");
	close(s->fd);
	s->fd = -1;
	return -1;
}

int stream_connect_result(struct stream *s) {
	if (!s->is_connecting)
		return 0;
	if (!s->can_write && !s->can_read)
		return STREAM_AGAIN;
	socklen_t n = sizeof(s->error);
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &s->error, &n) < 0)
		s->error = errno;
	if (s->error)
		return STREAM_ERROR;
	s->is_connecting = false;
	return 0;
}

/*
 * recv and send as bare system calls: libc's are points where a thread may be cancelled, which nobody does here, and announce
 * that with two locked instructions and 40 others each. The sanitizers know libc's.
 */
#if defined(SYS_recvfrom) && defined(SYS_sendto) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static ssize_t bare_recv(int fd, void *to, size_t n) {
	return (ssize_t)syscall(SYS_recvfrom, fd, to, n, 0, NULL, NULL);
}

static ssize_t bare_send(int fd, const void *from, size_t n, int flags) {
	return (ssize_t)syscall(SYS_sendto, fd, from, n, flags, NULL, 0);
}
#else
static ssize_t bare_recv(int fd, void *to, size_t n) {
	return recv(fd, to, n, 0);
}

static ssize_t bare_send(int fd, const void *from, size_t n, int flags) {
	return send(fd, from, n, flags);
}
#endif

ssize_t stream_peek(struct stream *s, void *to, size_t n) {
	ssize_t got;
	do
		got = recv(s->fd, to, n, MSG_PEEK | MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	s->can_read = false;
	if (got > 0)
		return got;
	if (got == 0) {
		s->has_eof = true;
		return STREAM_EOF;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_AGAIN;
	s->error = errno;
	return STREAM_ERROR;
}

ssize_t stream_recv(struct stream *s, void *to, size_t n) {
	if (s->ssl)
		return tls_stream_recv(s, to, n);
	ssize_t got;
	do
		got = bare_recv(s->fd, to, n);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		/* A short read emptied the socket, unless a FIN stands behind the bytes, of which no further edge tells. */
		if ((size_t)got < n && !s->has_hup)
			s->can_read = false;
		return got;
	}
	if (got == 0) {
		s->has_eof = true;
		return STREAM_EOF;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->can_read = false;
		return STREAM_AGAIN;
	}
	s->error = errno;
	return STREAM_ERROR;
}

ssize_t stream_send(struct stream *s, const struct iovec *iov, int n_iov) {
	if (s->ssl)
		return tls_stream_send(s, iov, n_iov);
	ssize_t sent;
	int flags = s->is_last_send ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
	do {
		if (n_iov == 1) { /* send is the cheaper call of the two */
			sent = bare_send(s->fd, iov->iov_base, iov->iov_len, flags);
		} else {
			struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n_iov };
			sent = sendmsg(s->fd, &m, flags);
		}
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->can_write = false;
		return STREAM_AGAIN;
	}
	s->error = errno;
	return STREAM_ERROR;
}

size_t stream_unacknowledged(const struct stream *s) {
	int n = 0;
	return ioctl(s->fd, SIOCOUTQ, &n) == 0 ? (size_t)n : 0;
}

bool stream_is_stale(struct stream *s) {
	char byte;
	return s->has_hup || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void stream_ring(struct stream *s) {
	event_active(&s->event, EV_READ, 0);
}

void stream_set_low_water(struct stream *s, int bytes) {
	if (s->low_water == bytes || (s->low_water == 0 && bytes == 1))
		return;
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0)
		s->low_water = bytes;
}

void stream_shutdown_write(struct stream *s) {
	if (s->fd < 0)
		return;
	if (s->ssl)
		tls_stream_bye(s);
	shutdown(s->fd, SHUT_WR);
}

static void stream_drop(struct stream *s) {
	event_del(&s->event);
	close(s->fd);
	s->fd = -1;
	tls_stream_fini(s);
}

void stream_close(struct stream *s) {
	if (s->fd < 0 || !s->on_ready)
		return;
	if (s->ssl && !s->error && !s->is_handshaking)
		tls_stream_bye(s);
	stream_drop(s);
}

void stream_abort(struct stream *s) {
	if (s->fd < 0 || !s->on_ready)
		return;
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	stream_drop(s);
}

struct str stream_error(const struct stream *s, char out[128]) {
	if (!s->error && s->ssl)
		return tls_stream_error(s, out);
	char text[96];
	snprintf(out, 128, "%s", s->error ? strerror_r(s->error, text, sizeof(text)) : "closed by the peer");
	return str_from(out);
}
