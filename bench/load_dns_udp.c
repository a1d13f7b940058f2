/* SPDX-License-Identifier: BSD-2-Clause
 * The load over UDP: so many queries under way that the server always finds some in its socket, so few that none is dropped there.
 *
 * One connected socket, batches in both directions. It looks for answers again and again instead of sleeping: to wake it would be the
 * server's work, a system call's worth of it, and count as the server's.
 */
#include "load_dns.h"

#include <errno.h>
#include <immintrin.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUERY_MAX = 320, ANSWER_MAX = 4096, PAUSES = 64 };

static int fd;
static struct place {
	uint64_t sent_ns;
	uint16_t id;
	bool is_under_way;
} places[UNDER_WAY_MAX];
static uint16_t rest[UNDER_WAY_MAX]; /* places that nothing is under way in */
static unsigned n_rest, turn;

static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_iov[BATCH], out_iov[BATCH];
static uint8_t answers[BATCH][ANSWER_MAX], queries[BATCH][QUERY_MAX];

void udp_open(void) {
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bytes = 8 << 20;
	if (fd < 0 || connect(fd, (struct sockaddr *)&opt.address, sizeof(opt.address)) < 0)
		die("connect");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	for (unsigned i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ answers[i], ANSWER_MAX };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &in_iov[i], .msg_iovlen = 1 };
		out_iov[i].iov_base = queries[i];
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &out_iov[i], .msg_iovlen = 1 };
	}
	while (n_rest < opt.under_way) {
		rest[n_rest] = (uint16_t)n_rest;
		n_rest++;
	}
}

void udp_close(void) {
	close(fd);
}

static void send_batch(unsigned n) {
	uint64_t now = now_ns();
	for (unsigned i = 0; i < n; i++) {
		const struct question *q = question_next();
		struct place *p = &places[rest[--n_rest]];
		*p = (struct place){ .sent_ns = now,
			             .id = (uint16_t)((turn++ & 63) << 10 | (unsigned)(p - places)),
			             .is_under_way = true };
		memcpy(queries[i], q->bytes, q->n);
		put16(queries[i], p->id);
		out_iov[i].iov_len = q->n;
	}
	phase.begun += n;
	for (unsigned sent = 0; sent < n;) {
		int r = sendmmsg(fd, out + sent, n - sent, 0);
		if (r < 0 && errno != EINTR)
			die("sendmmsg");
		sent += r > 0 ? (unsigned)r : 0;
	}
}

/* Whole batches, as long as there is a reason to begin any. */
static void fill(uint64_t now) {
	while (n_rest > 0 && (n_rest >= BATCH || n_rest == opt.under_way) && phase_wants(now)) {
		unsigned n = n_rest < BATCH ? n_rest : BATCH;
		if (phase.wanted && phase.wanted - phase.begun < n)
			n = (unsigned)(phase.wanted - phase.begun);
		send_batch(n);
	}
}

static unsigned take(void) {
	int n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die("recvmmsg");
	uint64_t now = now_ns();
	for (int i = 0; i < n; i++) {
		struct place *p = &places[get16(answers[i]) & (UNDER_WAY_MAX - 1)];
		if (in[i].msg_len < 12 || !p->is_under_way || p->id != get16(answers[i])) {
			phase.errors++; /* nothing that was asked; or after it counted as lost */
			continue;
		}
		phase_add(answers[i], in[i].msg_len, p->sent_ns, now);
		p->is_under_way = false;
		rest[n_rest++] = (uint16_t)(p - places);
	}
	return n > 0 ? (unsigned)n : 0;
}

static void give_up(void) {
	for (unsigned i = 0; i < opt.under_way; i++) {
		if (!places[i].is_under_way)
			continue;
		phase.lost++;
		places[i].is_under_way = false;
		rest[n_rest++] = (uint16_t)i;
	}
}

void udp_run(void) {
	uint64_t heard_ns = now_ns();
	for (;;) {
		uint64_t now = now_ns();
		fill(now);
		if (n_rest == opt.under_way)
			return;
		if (take() > 0)
			heard_ns = now;
		else if (now - heard_ns > PATIENCE_NS)
			give_up();
		else
			for (unsigned i = 0; i < PAUSES; i++)
				_mm_pause();
	}
}
