/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams in batches: recvmmsg until a short batch, one sendmmsg a batch. The buffers belong to the thread (they are empty
 * between callbacks). An answer leaves from the address that was asked: the kernel's packet info goes back with it.
 */
#include "io/private.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <unistd.h>

enum { BATCHES_A_TURN = 16, CONTROL_BYTES = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

struct udp_socket {
	struct event event;
	struct loop *loop;
	udp_answer answer;
	void *context;
	int fd;
};

static _Thread_local struct udp_buffers {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH], out_iov[UDP_BATCH];
	struct addr from[UDP_BATCH];
	_Alignas(struct cmsghdr) char control[UDP_BATCH][CONTROL_BYTES];
	char query[UDP_BATCH][UDP_MAX_BYTES], reply[UDP_BATCH][UDP_MAX_BYTES];
} * buffers;

void udp_thread_fini(void) {
	mem_free(buffers);
	buffers = NULL;
}

static void buffers_reset(struct udp_buffers *b, unsigned i) {
	b->in_iov[i] = (struct iovec){ b->query[i], UDP_MAX_BYTES };
	b->in[i].msg_hdr = (struct msghdr){ .msg_name = &b->from[i],
		                            .msg_namelen = sizeof(b->from[i]),
		                            .msg_iov = &b->in_iov[i],
		                            .msg_iovlen = 1,
		                            .msg_control = b->control[i],
		                            .msg_controllen = CONTROL_BYTES };
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

static unsigned answer_batch(struct udp_socket *u, struct udp_buffers *b, unsigned n_in) {
	unsigned n_out = 0;
	for (unsigned i = 0; i < n_in; i++) {
		struct msghdr *in = &b->in[i].msg_hdr;
		if (in->msg_flags & MSG_TRUNC) /* longer than any query */
			continue;
		size_t n =
		    u->answer(u->context, &b->from[i], str_slice(b->query[i], b->in[i].msg_len), b->reply[n_out], UDP_MAX_BYTES);
		if (n == 0)
			continue;
		if (in->msg_controllen > 0)
			forget_interface(in);
		b->out_iov[n_out] = (struct iovec){ b->reply[n_out], n };
		b->out[n_out].msg_hdr = (struct msghdr){ .msg_name = in->msg_name,
			                                 .msg_namelen = in->msg_namelen,
			                                 .msg_iov = &b->out_iov[n_out],
			                                 .msg_iovlen = 1,
			                                 .msg_control = in->msg_controllen ? in->msg_control : NULL,
			                                 .msg_controllen = in->msg_controllen };
		n_out++;
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

static void on_readable(evutil_socket_t fd, short what, void *arg) {
	(void)what;
	struct udp_socket *u = arg;
	loop_enter(u->loop);
	if (!buffers) {
		buffers = mem_zalloc(sizeof(*buffers));
		for (unsigned i = 0; i < UDP_BATCH; i++)
			buffers_reset(buffers, i);
	}
	for (int turn = 0; turn < BATCHES_A_TURN; turn++) {
		int n = recvmmsg(fd, buffers->in, UDP_BATCH, MSG_DONTWAIT, NULL);
		if (n <= 0)
			return;
		send_batch(fd, buffers->out, answer_batch(u, buffers, (unsigned)n));
		for (unsigned i = 0; i < (unsigned)n; i++)
			buffers_reset(buffers, i);
		if (n < UDP_BATCH)
			return;
	}
}

struct udp_socket *udp_socket_start(struct loop *l, int fd, udp_answer answer, void *context, struct err *e) {
	struct udp_socket *u = mem_zalloc(sizeof(*u));
	u->loop = l;
	u->fd = fd;
	u->answer = answer;
	u->context = context;
	/* Level-triggered: after BATCHES_A_TURN what is left must ring again. */
	event_assign(&u->event, loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, u);
	if (event_add(&u->event, NULL) == 0)
		return u;
	err_errno(e, "cannot watch a UDP socket");
	mem_free(u);
	return NULL;
}

void udp_socket_stop(struct udp_socket *u) {
	if (!u)
		return;
	event_del(&u->event);
	close(u->fd);
	mem_free(u);
}
