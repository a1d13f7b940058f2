/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams in batches: recvmmsg until a small batch, one sendmmsg a batch. The buffers belong to the thread (they are empty
 * between callbacks). An answer leaves from the address that was asked: where the socket is bound to any address, the kernel's packet
 * info goes back with it; where it is bound to one, nothing has to be asked for.
 */
#include "io/private.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <unistd.h>

enum { BATCHES_A_TURN = 16, BUSY_BATCH = 16, CONTROL_BYTES = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

struct udp_socket {
	struct event event;
	struct loop_again again;
	struct loop *loop;
	udp_answer answer;
	void *context;
	int fd;
	bool has_any_address, is_watched;
};

static _Thread_local struct udp_buffers {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH], out_iov[UDP_BATCH];
	struct udp_message messages[UDP_BATCH];
	struct addr from[UDP_BATCH];
	_Alignas(struct cmsghdr) char control[UDP_BATCH][CONTROL_BYTES];
	char query[UDP_BATCH][UDP_MAX_BYTES], reply[UDP_BATCH][UDP_MAX_BYTES];
	bool has_control; /* `in` asks for packet info */
} * buffers;

void udp_thread_fini(void) {
	mem_free(buffers);
	buffers = NULL;
}

/* What the kernel overwrites. */
static inline void buffers_reset(struct udp_buffers *b, unsigned i) {
	b->in[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
	b->in[i].msg_hdr.msg_controllen = b->has_control ? CONTROL_BYTES : 0;
}

static void buffers_set_control(struct udp_buffers *b, bool has_control) {
	b->has_control = has_control;
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		b->in[i].msg_hdr.msg_control = has_control ? b->control[i] : NULL;
		b->out[i].msg_hdr.msg_control = NULL;
		b->out[i].msg_hdr.msg_controllen = 0;
		buffers_reset(b, i);
	}
}

static struct udp_buffers *buffers_create(void) {
	struct udp_buffers *b = mem_zalloc(sizeof(*b));
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		b->in_iov[i] = (struct iovec){ b->query[i], UDP_MAX_BYTES };
		b->in[i].msg_hdr = (struct msghdr){ .msg_name = &b->from[i], .msg_iov = &b->in_iov[i], .msg_iovlen = 1 };
		b->out[i].msg_hdr = (struct msghdr){ .msg_iov = &b->out_iov[i], .msg_iovlen = 1 };
		b->messages[i] = (struct udp_message){ .from = &b->from[i], .in.p = b->query[i], .out = b->reply[i] };
	}
	buffers_set_control(b, false);
	return b;
}

/* The interface is the routing table's choice, unless the address means nothing without it (link-local). */
static void forget_interface(struct msghdr *m) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(c);
			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		}
	}
}

/* The reply to message i as the next one out. */
static inline void put_reply(struct udp_buffers *b, unsigned i, unsigned n_out) {
	struct msghdr *in = &b->in[i].msg_hdr, *out = &b->out[n_out].msg_hdr;
	b->out_iov[n_out] = (struct iovec){ b->reply[i], b->messages[i].n_out };
	out->msg_name = in->msg_name;
	out->msg_namelen = in->msg_namelen;
	if (b->has_control) {
		forget_interface(in);
		out->msg_control = in->msg_control;
		out->msg_controllen = in->msg_controllen;
	}
}

static unsigned answer_batch(struct udp_socket *u, struct udp_buffers *b, unsigned n_in) {
	unsigned n_out = 0;
	for (unsigned i = 0; i < n_in; i++) {
		bool is_cut = b->in[i].msg_hdr.msg_flags & MSG_TRUNC; /* longer than any query: as good as empty */
		b->messages[i].in.n = is_cut ? 0 : b->in[i].msg_len;
		b->messages[i].n_out = 0;
	}
	u->answer(u->context, b->messages, n_in);
	for (unsigned i = 0; i < n_in; i++) {
		if (b->messages[i].n_out > 0)
			put_reply(b, i, n_out++);
		buffers_reset(b, i);
	}
	return n_out;
}

static void send_batch(int fd, struct mmsghdr *out, unsigned n) {
	while (n > 0) {
		int sent = sendmmsg(fd, out, n, MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
			return; /* the socket is full: the clients ask again, as with any lost datagram */
		unsigned done = sent > 0 ? (unsigned)sent : 1; /* an error is the first one's own: skip it */
		out += done;
		n -= done;
	}
}

/*
 * While much comes, epoll forgets the socket. Otherwise each datagram's leaving (its memory is free again: the socket is writable)
 * and each one's coming walks through epoll's callback and its locks, only to find that nobody asked: 0.2 us of 2.5 us a query.
 * From BUSY_BATCH datagrams on that outweighs the two epoll_ctl(), of 0.4 us each, and one looks again before one waits: more have come
 * while so many were answered (0.96 of the time at three quarters of the load that a CPU can bear).
 */
static void unwatch(struct udp_socket *u) {
	if (u->is_watched)
		u->is_watched = event_del(&u->event) < 0;
}

static void watch(struct udp_socket *u) {
	if (!u->is_watched)
		u->is_watched = event_add(&u->event, NULL) == 0;
	if (!u->is_watched)
		loop_again(u->loop, &u->again, &u->event); /* the kernel has no memory for it, or the user no watches left */
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
	(void)fd, (void)what;
	struct udp_socket *u = arg;
	loop_enter(u->loop);
	if (!buffers)
		buffers = buffers_create();
	struct udp_buffers *b = buffers;
	if (b->has_control != u->has_any_address)
		buffers_set_control(b, u->has_any_address);
	for (int turn = 0, n = BUSY_BATCH; turn < BATCHES_A_TURN && n >= BUSY_BATCH; turn++) {
		n = recvmmsg(u->fd, b->in, UDP_BATCH, MSG_DONTWAIT, NULL);
		if (n >= BUSY_BATCH)
			unwatch(u);
		if (n > 0)
			send_batch(u->fd, b->out, answer_batch(u, b, (unsigned)n));
	}
	watch(u);
}

static bool is_any_address(int fd) {
	struct addr at = { 0 };
	socklen_t n = sizeof(at);
	if (getsockname(fd, &at.sa, &n) < 0)
		return true; /* packet info costs little, and is never wrong */
	return addr_is_v6(&at) ? IN6_IS_ADDR_UNSPECIFIED(&at.in6.sin6_addr) : at.in.sin_addr.s_addr == INADDR_ANY;
}

struct udp_socket *udp_socket_start(struct loop *l, int fd, udp_answer answer, void *context, struct err *e) {
	struct udp_socket *u = mem_zalloc(sizeof(*u));
	u->loop = l;
	u->fd = fd;
	u->answer = answer;
	u->context = context;
	u->has_any_address = is_any_address(fd);
	/* Level-triggered: after BATCHES_A_TURN what is left must ring again. */
	event_assign(&u->event, loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, u);
	u->is_watched = event_add(&u->event, NULL) == 0;
	if (u->is_watched)
		return u;
	err_errno(e, "cannot watch a UDP socket");
	mem_free(u);
	return NULL;
}

void udp_socket_stop(struct udp_socket *u) {
	if (!u)
		return;
	event_del(&u->event);
	loop_undefer(u->loop, &u->again.task);
	close(u->fd);
	mem_free(u);
}
