/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of a check: connects, walks the kind's list of steps, and ends with a vote and its evidence, or at the timeout. When
 * this daemon itself was late the timeout gives no vote. Owns the connection and the probe's memory; both are gone before the
 * result is told.
 */
#include "health/check.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "steerway/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* A timeout that fires this late says that the loop was busy: what arrived meanwhile deserves a look. */
#define GRACE_LATE_US (5 * USEC_PER_MSEC)

static void probe_free(struct probe *p) {
	*p->slot = NULL;
	deadline_fini(&p->deadline);
	/* RST where the server has not closed first: who closes first keeps the TIME_WAIT, 60 s for each probe. */
	if (p->stream.has_eof)
		stream_close(&p->stream);
	else
		stream_abort(&p->stream);
	if (p->check->kind->end != NULL)
		p->check->kind->end(p);
	check_release(p->check);
	mem_free(p);
}

static void probe_finish(struct probe *p) {
	struct probe_result r = p->result;
	void (*on_end)(void *, const struct probe_result *) = p->on_end;
	void *owner = p->owner;
	r.wall_us = clock_wall_us();
	r.duration_us = clock_now_us() - p->started_us;
	probe_free(p);
	on_end(owner, &r);
}

static void probe_run(struct probe *p) {
	for (;;) {
		switch (p->step->run(p)) {
		case STEP_NEXT:
			p->step++;
			continue;
		case STEP_WAIT:
			return;
		case STEP_END:
			probe_finish(p);
			return;
		}
	}
}

static void on_ready(struct stream *s) {
	probe_run(CONTAINER_OF(s, struct probe, stream));
}

static void on_expire(struct deadline *d) {
	struct probe *p = CONTAINER_OF(d, struct probe, deadline);
	uint64_t now = clock_update(), late = now - p->expires_us;
	if (p->late_us == 0 && late >= GRACE_LATE_US) {
		p->late_us = late;
		deadline_set(&p->deadline, now + USEC_PER_MSEC);
		return;
	}
	const struct schedule *s = &p->check->schedule;
	if (schedule_is_lag(s, p->late_us))
		probe_vote(p, VOTE_NONE, "no vote: this daemon was %llu ms late",
		           (unsigned long long)(p->late_us / USEC_PER_MSEC));
	else
		probe_vote(p, VOTE_FAILURE, "%s %llu ms", p->step->late, (unsigned long long)(s->timeout_us / USEC_PER_MSEC));
	probe_finish(p);
}

void probe_start(struct probe **slot, struct check *c, struct loop *l, const struct addr *to,
                 void (*on_end)(void *owner, const struct probe_result *r), void *owner) {
	struct probe *p = mem_zalloc(sizeof *p + c->kind->own_bytes);
	p->check = check_hold(c);
	p->address = *to;
	p->stream.fd = -1;
	p->slot = slot;
	p->on_end = on_end;
	p->owner = owner;
	p->step = c->kind->steps;
	p->started_us = clock_update();
	p->expires_us = p->started_us + c->schedule.timeout_us;
	*slot = p;
	deadline_init(&p->deadline, l, on_expire);
	deadline_set(&p->deadline, p->expires_us);
	probe_run(p);
}

void probe_cancel(struct probe **slot) {
	if (*slot != NULL)
		probe_free(*slot);
}

enum step probe_vote(struct probe *p, enum vote vote, const char *format, ...) {
	va_list args;
	va_start(args, format);
	p->result.vote = vote;
	vsnprintf(p->result.evidence, sizeof p->result.evidence, format, args);
	va_end(args);
	return STEP_END;
}

enum step probe_succeed(struct probe *p, const char *what) {
	uint64_t us = clock_update() - p->started_us;
	if (us < USEC_PER_MSEC)
		return probe_vote(p, VOTE_SUCCESS, "%s in 0.%llu ms", what, (unsigned long long)(us / 100));
	return probe_vote(p, VOTE_SUCCESS, "%s in %llu ms", what, (unsigned long long)(us / USEC_PER_MSEC));
}

/* Descriptors, memory or ports that this machine ran out of say nothing about the server. */
static bool is_own_shortage(int error) {
	static const int own[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN };
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		if (error == own[i])
			return true;
	}
	return false;
}

enum step probe_fail_errno(struct probe *p, const char *what, int error) {
	char reason[96];
	bool is_own = is_own_shortage(error);
	return probe_vote(p, is_own ? VOTE_NONE : VOTE_FAILURE, "%s%s: %s", is_own ? "no vote: " : "", what,
	                  strerror_r(error, reason, sizeof reason));
}

enum step probe_fail_stream(struct probe *p, const char *what) {
	char reason[128];
	struct str text = stream_error(&p->stream, reason);
	return probe_vote(p, VOTE_FAILURE, "%s: %.*s", what, STR_ARG(text));
}

/* A server that waits for PROXY headers waits for a probe's too. LOCAL in version 2; version 1 has no such word that every server
 * takes, so the specification wants the connection's own addresses there (2.1). */
static enum step announce(struct probe *p) {
	char bytes[PROXY_HEADER_WRITE_BYTES];
	struct proxy_header h = { .version = p->check->proxy_version, .destination = p->address };
	socklen_t n = sizeof h.source;
	h.has_addresses = h.version == 1 && getsockname(p->stream.fd, &h.source.sa, &n) == 0;
	struct iovec iov = { bytes, proxy_header_write(bytes, &h) };
	/* An empty socket buffer takes so few bytes at once. */
	return stream_send(&p->stream, &iov, 1) == (ssize_t)iov.iov_len ? STEP_NEXT : probe_fail_stream(p, "send");
}

enum step probe_connect(struct probe *p) {
	struct stream *s = &p->stream;
	struct err e;
	if (s->fd < 0) {
		errno = 0;
		if (stream_connect(s, p->deadline.loop, &p->address, on_ready, &e) < 0)
			return probe_fail_errno(p, "connect", s->error ? s->error : errno);
		return STEP_WAIT;
	}
	switch (stream_connect_result(s)) {
	case 0:
		return p->check->proxy_version > 0 ? announce(p) : STEP_NEXT;
	case STREAM_AGAIN:
		return STEP_WAIT;
	default:
		return probe_fail_errno(p, "connect", s->error);
	}
}
