/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets to listen on, and the acceptor that takes connections from one of them for one loop. */
#include "io/private.h"

#include "steerway/base/clock.h"
#include "steerway/metric.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ACCEPTS_A_TURN = 64,            /* then the other connections have their turn */
	PAUSE_US = 100 * 1000,          /* after EMFILE: connections wait in the kernel meanwhile */
	FULL_PAUSE_US = 20 * 1000,      /* at a connection limit */
	UDP_BUFFER_BYTES = 1024 * 1024, /* rides out 5 ms at 400,000 queries of 512 bytes a second */
};

static int socket_bind(const struct addr *at, int type, struct err *e) {
	char text[ADDR_TEXT_BYTES];
	addr_format(at, text);
	int fd = socket(at->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "socket for %s", text);
	int one = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    (addr_is_v6(at) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0) ||
	    bind(fd, &at->sa, addr_len(at)) < 0) {
		err_errno(e, "bind %s", text);
		close(fd);
		return -1;
	}
	return fd;
}

int socket_listen_tcp(const struct addr *at, int backlog, struct err *e) {
	int fd = socket_bind(at, SOCK_STREAM, e), one = 1;
	if (fd >= 0) /* accepted sockets inherit it: one call less for each */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fd >= 0 && listen(fd, backlog) < 0) {
		char text[ADDR_TEXT_BYTES];
		addr_format(at, text);
		err_errno(e, "listen on %s", text);
		close(fd);
		fd = -1;
	}
	return fd;
}

int socket_bind_udp(const struct addr *at, struct err *e) {
	int fd = socket_bind(at, SOCK_DGRAM, e);
	if (fd < 0)
		return -1;
	int bytes = UDP_BUFFER_BYTES, one = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* the kernel's bound may be lower: then that */
	/* Bound to any address, the kernel would choose the source of an answer: ask for the address that was asked. */
	if (addr_is_v6(at) && IN6_IS_ADDR_UNSPECIFIED(&at->in6.sin6_addr))
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	else if (!addr_is_v6(at) && at->in.sin_addr.s_addr == INADDR_ANY)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	/* Fragments can be forged (RFC 9715): answers are small enough to do without path MTU discovery's promises. */
	int discover = addr_is_v6(at) ? IPV6_PMTUDISC_OMIT : IP_PMTUDISC_OMIT;
	setsockopt(fd, addr_is_v6(at) ? IPPROTO_IPV6 : IPPROTO_IP, addr_is_v6(at) ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
	           &discover, sizeof(discover));
	return fd;
}

int socket_listen_unix(const char *path, uint32_t mode, struct err *e) {
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(e, "%s: longer than the %zu bytes that a socket's path may have", path, sizeof(at.sun_path) - 1);
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "socket for %s", path);
	/* A socket that still answers belongs to a daemon that runs. */
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
		close(fd);
		return err_set(e, "%s: in use by another process; stop it or choose another path", path);
	}
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	/* The mode by umask, so that the path is never looked up again: someone else could have put a link there. */
	mode_t old = umask(0777 & ~(mode_t)mode);
	int bound = bind(fd, (struct sockaddr *)&at, sizeof(at));
	umask(old);
	if (bound < 0 || listen(fd, 64) < 0) {
		err_errno(e, "listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static void acceptor_pause(struct acceptor *a, uint64_t pause_us) {
	event_del(&a->event);
	a->is_paused = true;
	deadline_set(&a->resume, clock_now_us() + pause_us);
}

static void on_resume(struct deadline *d) {
	acceptor_resume((struct acceptor *)((char *)d - offsetof(struct acceptor, resume)));
}

/* How many connections are to be taken, one having rung. Asking is cheap beside an accept4 that finds none: that makes a socket, with
 * inode and file, before it looks (measured: 0.7 us against 8; a new clear-text connection costs 0.98 of what it did). */
static unsigned count_waiting(int fd) {
	struct tcp_info info = { 0 };
	socklen_t n = offsetof(struct tcp_info, tcpi_unacked) + sizeof(info.tcpi_unacked);
	/* Of a socket that listens it is the length of its queue; one that is not TCP's rings again for the next one. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 || info.tcpi_unacked == 0)
		return 1;
	return info.tcpi_unacked < ACCEPTS_A_TURN ? info.tcpi_unacked : ACCEPTS_A_TURN;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg) {
	(void)what;
	struct acceptor *a = arg;
	loop_enter(a->resume.loop);
	for (unsigned left = count_waiting(fd); left > 0 && a->fd >= 0; left--) {
		if (a->has_room && !a->has_room(a)) {
			acceptor_pause(a, FULL_PAUSE_US);
			return;
		}
		struct addr peer = { 0 };
		socklen_t n = sizeof(peer);
		int connection = accept4(fd, &peer.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (connection >= 0) {
			metric_add(METRIC_io_accepted_total, 1);
			a->on_accept(a, connection, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			metric_add(METRIC_io_accept_pauses_total, 1);
			acceptor_pause(a, PAUSE_US);
			return;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* ECONNABORTED and what accept(2) lists as errors of the new connection: the next one may be well. */
	}
}

int acceptor_start(struct acceptor *a, struct loop *l, int listening_fd,
                   void (*on_accept)(struct acceptor *, int, const struct addr *), bool (*has_room)(struct acceptor *),
                   struct err *e) {
	memset(a, 0, sizeof(*a));
	a->fd = listening_fd;
	a->on_accept = on_accept;
	a->has_room = has_room;
	deadline_init(&a->resume, l, on_resume);
	/* Level-triggered: a turn takes at most ACCEPTS_A_TURN, and what is left must ring again. */
	event_assign(&a->event, loop_base(l), listening_fd, EV_READ | EV_PERSIST, on_acceptable, a);
	if (event_add(&a->event, NULL) == 0)
		return 0;
	err_errno(e, "cannot watch a listening socket");
	deadline_fini(&a->resume);
	a->fd = -1;
	a->on_accept = NULL;
	return -1;
}

void acceptor_resume(struct acceptor *a) {
	if (!a->is_paused || a->fd < 0)
		return;
	a->is_paused = false;
	event_add(&a->event, NULL);
}

void acceptor_stop(struct acceptor *a) {
	if (!a->on_accept || a->fd < 0)
		return;
	if (!a->is_paused)
		event_del(&a->event);
	deadline_fini(&a->resume);
	close(a->fd);
	a->fd = -1;
}
