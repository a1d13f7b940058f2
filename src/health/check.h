/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of checks, and one run of one: a probe. A kind is a table of functions and one file; check.c has the registry's line.
 */
#ifndef STEERWAY_HEALTH_CHECK_H
#define STEERWAY_HEALTH_CHECK_H

#include "health/schedule.h"
#include "steerway/base/buf.h"
#include "steerway/health.h"
#include "steerway/io.h"

struct check;
struct probe;

enum step {
	STEP_NEXT, /* done: the next step runs at once */
	STEP_WAIT, /* again when the stream is ready */
	STEP_END,  /* probe_vote has been called */
};

/* What a probe does, in order; the last one ends with STEP_END. */
struct check_step {
	enum step (*run)(struct probe *p);
	const char *late; /* evidence when the time is up within this step; " N ms" follows */
};

struct check_kind {
	const char *name;
	size_t own_bytes; /* of a probe's own state (probe_own), zeroed at its start */
	const struct check_step *steps;
	/* Reads what it wants of the configuration into c->own; -1 with `e`. May be NULL, as the next two. */
	int (*compile)(struct check *c, const struct cfg_check *cfg, struct err *e);
	void (*release)(struct check *c);
	void (*end)(struct probe *p); /* frees what probe_own points to; the stream is closed by the probe */
};

/* A configured check, compiled. Owns all it points to: it outlives its configuration as long as a target or probe holds it. */
struct check {
	unsigned refs;
	const struct check_kind *kind;
	void *own; /* the kind's */
	struct schedule schedule;
	unsigned rise, fall;
	uint16_t port;         /* 0: the server's */
	uint8_t proxy_version; /* of the PROXY header that each connection begins with; 0: none */
	struct buf question;   /* what is asked, as bytes: equal bytes, equal probes */
	struct buf terms;      /* how often, how long, rise and fall */
};

extern const struct check_kind check_tcp, check_http, check_https;
const struct check_kind *check_kind_find(enum cfg_check_type type);
/* NULL with `e`: says which key is at fault. Holds one reference. */
struct check *check_create(const struct check_kind *kind, const struct cfg_check *cfg, struct err *e);
/* Right after check_create. */
void check_set_proxy_version(struct check *c, unsigned version);
struct check *check_hold(struct check *c);
void check_release(struct check *c); /* NULL is harmless */

struct probe_result {
	enum vote vote;
	uint64_t wall_us, duration_us;
	char evidence[sizeof(((struct health_probe *)0)->evidence)];
};

struct probe {
	struct check *check; /* a reference */
	struct addr address;
	struct stream stream;
	struct deadline deadline;
	uint64_t started_us, expires_us;
	const struct check_step *step;
	struct probe **slot;
	uint64_t late_us; /* not 0: the time is up, noticed this late; the loop gets one more turn to see what has arrived */
	struct probe_result result;
	void (*on_end)(void *owner, const struct probe_result *r);
	void *owner;
	_Alignas(max_align_t) char own[];
};

/* Starts a probe and keeps it in *slot until it has ended: *slot is NULL again when on_end is called, which may be before this
 * returns. */
void probe_start(struct probe **slot, struct check *c, struct loop *l, const struct addr *to,
                 void (*on_end)(void *owner, const struct probe_result *r), void *owner);
/* Ends it without a result; harmless on an empty slot. */
void probe_cancel(struct probe **slot);

/* ---- for kinds ---- */

static inline void *probe_own(struct probe *p) {
	return p->own;
}
/* Sets vote and evidence; returns STEP_END. */
enum step probe_vote(struct probe *p, enum vote vote, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A success; " in N ms" is added. */
enum step probe_succeed(struct probe *p, const char *what);
/* A failure, or (of an errno that tells of a shortage of this machine) no vote: "what: reason". */
enum step probe_fail_errno(struct probe *p, const char *what, int error);
/* A failure of the stream: "what: reason". */
enum step probe_fail_stream(struct probe *p, const char *what);
/* The step that connects. */
enum step probe_connect(struct probe *p);
#define PROBE_CONNECT                                                                                                            \
	{ probe_connect, "connect: timed out after" }

#endif
