/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the lanes of one output to its descriptor: many rings in one writev, short writes continued, a record never mixed with another.
 * An error other than EAGAIN and EINTR drops what the pass holds and counts it; the first one and the recovery are logged.
 */
#include "log_output.h"

#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECES = 64 };

/* ---- opening ---- */

/* O_NONBLOCK: a FIFO without a reader is an error (ENXIO) instead of a wait, and a full one says so. Files do not mind. */
static int open_path(const char *path) {
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

/*
 * Standard error, without changing its mode for those who share it: a pipe or terminal is opened anew, non-blocking. A file is
 * not, because others write to it at the offset of the description that they share.
 */
static int open_stderr(bool *is_socket) {
	struct stat st;
	if (fstat(STDERR_FILENO, &st) < 0)
		return -1;
	*is_socket = S_ISSOCK(st.st_mode);
	int fd = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)
	             ? open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
	             : -1;
	return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static bool is_stderr(const char *path) {
	return str_eq(str_from(path), STR("-"));
}

struct log_output *log_output_create(const char *path, struct err *e) {
	bool is_socket = false;
	int fd = is_stderr(path) ? open_stderr(&is_socket) : open_path(path);
	if (fd < 0) {
		err_errno(e, "can't open log %s", is_stderr(path) ? "standard error" : path);
		return NULL;
	}
	struct log_output *o = mem_zalloc(sizeof *o);
	o->path = mem_strdup(str_from(path));
	o->fd = fd;
	o->is_socket = is_socket;
	return o;
}

void log_output_reopen_if_wanted(struct log_output *o) {
	if (!o->wants_reopen || o->begun != NULL)
		return;
	o->wants_reopen = false;
	if (is_stderr(o->path))
		return;
	int fd = open_path(o->path);
	if (fd < 0) {
		log_error("log_reopen_failed", LOG_CSTR("path", o->path), LOG_CSTR("error", strerror(errno)));
		return;
	}
	close(o->fd);
	o->fd = fd;
	o->is_torn = false;
}

void log_lane_destroy(struct log_lane *lane) {
	log_ring_fini(&lane->ring);
	mem_free(lane);
}

void log_output_destroy(struct log_output *o) {
	for (struct log_lane *lane = atomic_load_explicit(&o->lanes, memory_order_acquire), *next; lane != NULL; lane = next) {
		next = lane->next;
		log_lane_destroy(lane);
	}
	close(o->fd);
	mem_free(o->path);
	mem_free(o);
}

/* ---- a pass ---- */

static struct log_lane *first_lane(const struct log_output *o) {
	return atomic_load_explicit(&o->lanes, memory_order_seq_cst);
}

bool log_output_has_records(const struct log_output *o) {
	for (struct log_lane *lane = first_lane(o); lane != NULL; lane = lane->next)
		if (atomic_load_explicit(&lane->ring.head, memory_order_seq_cst) !=
		    atomic_load_explicit(&lane->ring.tail, memory_order_relaxed))
			return true;
	return false;
}

void log_output_aim(struct log_output *o) {
	for (struct log_lane *lane = first_lane(o); lane != NULL; lane = lane->next)
		log_ring_aim(&lane->ring);
}

static void count_lost(struct log_output *o, uint64_t records) {
	o->lost += records;
	metric_add(METRIC_io_log_lost_total, (int64_t)records);
}

static void drop(struct log_output *o) {
	for (struct log_lane *lane = first_lane(o); lane != NULL; lane = lane->next)
		count_lost(o, log_ring_drop(&lane->ring));
	o->is_torn |= o->begun != NULL;
	o->begun = NULL;
	o->is_stuck = false;
}

/* What one writev takes: the end of a torn line, the lane that is begun, then the others. */
struct batch {
	struct iovec pieces[PIECES];
	struct log_lane *lanes[PIECES]; /* of each piece; NULL: of none */
	int n;
};

static void batch_add_lane(struct batch *b, struct log_lane *lane) {
	if (b->n + 2 > PIECES)
		return;
	int n = log_ring_pieces(&lane->ring, &b->pieces[b->n]);
	for (int i = 0; i < n; i++)
		b->lanes[b->n++] = lane;
}

static void batch_fill(struct batch *b, const struct log_output *o) {
	static char line_feed[] = "\n";
	b->n = 0;
	if (o->is_torn) {
		b->pieces[0] = (struct iovec){ line_feed, 1 };
		b->lanes[b->n++] = NULL;
	}
	if (o->begun != NULL)
		batch_add_lane(b, o->begun);
	for (struct log_lane *lane = first_lane(o); lane != NULL; lane = lane->next)
		if (lane != o->begun)
			batch_add_lane(b, lane);
}

static void batch_written(const struct batch *b, struct log_output *o, size_t n) {
	o->begun = NULL;
	for (int i = 0; i < b->n && n > 0; i++) {
		size_t took = n < b->pieces[i].iov_len ? n : b->pieces[i].iov_len;
		n -= took;
		if (b->lanes[i] == NULL)
			o->is_torn = false;
		else
			o->begun = log_ring_consume(&b->lanes[i]->ring, took) ? NULL : b->lanes[i];
	}
}

static ssize_t send_batch(const struct log_output *o, struct batch *b) {
	struct msghdr message = { .msg_iov = b->pieces, .msg_iovlen = (size_t)b->n };
	ssize_t n;
	do {
		n = o->is_socket ? sendmsg(o->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) : writev(o->fd, b->pieces, b->n);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* A record of the failure goes to the error log; when that is this output it will be lost and counted like the others. */
static void fail(struct log_output *o, int error) {
	if (!o->is_failing)
		log_error("log_write_failed", LOG_CSTR("path", o->path), LOG_CSTR("error", strerror(error)));
	o->is_failing = true;
	drop(o);
}

void log_output_give_up(struct log_output *o) {
	fail(o, EAGAIN);
}

static void recover(struct log_output *o) {
	if (o->is_failing)
		log_warn("log_write_recovered", LOG_CSTR("path", o->path), LOG_U64("lost", o->lost));
	o->is_failing = false;
	o->lost = 0;
}

void log_output_drain(struct log_output *o) {
	struct batch b;
	bool has_written = false;
	o->is_stuck = false;
	for (batch_fill(&b, o); b.n > (o->is_torn ? 1 : 0); batch_fill(&b, o)) {
		ssize_t n = send_batch(o, &b);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			o->is_stuck = true;
			return;
		}
		if (n <= 0) {
			fail(o, n < 0 ? errno : EIO);
			return;
		}
		batch_written(&b, o, (size_t)n);
		has_written = true;
	}
	if (has_written)
		recover(o);
}
