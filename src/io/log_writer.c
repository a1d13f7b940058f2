/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log writer: one thread writes what the others hand it. Each producing thread has a ring of its own for each output, so
 * handing over is a copy and a store; after the first record it takes no lock, and it makes a system call only when the
 * writer sleeps. What an output does not take is dropped and counted: a full disk or a stuck pipe neither blocks a
 * producer nor grows memory, and never holds up the other outputs.
 *
 * Outputs live until log_writer_stop; by then nobody may write any more. A ring is freed by the writer once its thread has
 * ended and it is empty.
 */
#include "steerway/io.h"

#include "log_output.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	/* 60,000 records of 300 bytes a second fill it in 58 ms: longer than a busy machine lets the writer wait for a CPU. */
	RING_BYTES = 1024 * 1024,
	/* After a pass the writer lets records gather for this long without being woken: under load one writev takes what came
	 * in 10 ms, and a ring that gets half full in less wakes it. */
	GATHER_MS = 10,
	/* How long a flush or the stop waits for an output that takes nothing; then what is left is dropped. */
	PATIENCE_MS = 2000,
};

enum mood { AWAKE, GATHERING, ASLEEP };

static struct {
	pthread_mutex_t lock; /* of registration, of threads that end, and of flush */
	pthread_cond_t flushed;
	pthread_t thread;
	bool is_running;  /* under lock */
	int wake_fd;      /* an eventfd; constant while the thread runs */
	_Atomic int mood; /* whoever sets it back to AWAKE wakes the writer */
	_Atomic bool is_stopping, wants_reopen;
	_Atomic uint64_t flush_wanted, flush_done; /* waiters hold the lock */
	_Atomic unsigned generation;               /* of outputs and rings; the next one begins when they are freed */
	_Atomic(struct log_output *) outputs;
	bool has_exit_key;
	pthread_key_t exit_key;
} writer = { .lock = PTHREAD_MUTEX_INITIALIZER, .flushed = PTHREAD_COND_INITIALIZER, .wake_fd = -1 };

/* The rings of this thread, valid in one generation. */
static _Thread_local struct {
	struct log_lane *lanes;
	unsigned generation;
} here;

/* Async-signal-safe. */
static void wake(void) {
	if (atomic_exchange_explicit(&writer.mood, AWAKE, memory_order_seq_cst) != AWAKE) {
		uint64_t one = 1;
		/* It can't fail: the counter is far from its end, and the descriptor is open while the writer is not AWAKE. */
		ssize_t ignored = write(writer.wake_fd, &one, sizeof one);
		(void)ignored;
	}
}

/* ---- producers ---- */

static void on_thread_exit(void *lanes) {
	pthread_mutex_lock(&writer.lock);
	if (here.generation == atomic_load_explicit(&writer.generation, memory_order_relaxed))
		for (struct log_lane *lane = lanes; lane != NULL;) {
			struct log_lane *next = lane->next_of_thread; /* the writer may free it as soon as it is told */
			atomic_store_explicit(&lane->is_left, true, memory_order_release);
			lane = next;
		}
	pthread_mutex_unlock(&writer.lock);
	here.lanes = NULL;
}

/* The first record of this thread for this output. */
static struct log_lane *add_lane(struct log_output *o) {
	struct log_lane *lane = mem_zalloc_lines(sizeof *lane);
	log_ring_init(&lane->ring, RING_BYTES);
	lane->output = o;
	pthread_mutex_lock(&writer.lock);
	unsigned generation = atomic_load_explicit(&writer.generation, memory_order_relaxed);
	if (here.generation != generation)
		here.lanes = NULL;
	here.generation = generation;
	lane->next_of_thread = here.lanes;
	here.lanes = lane;
	lane->next = atomic_load_explicit(&o->lanes, memory_order_relaxed);
	atomic_store_explicit(&o->lanes, lane, memory_order_seq_cst);
	pthread_setspecific(writer.exit_key, lane);
	pthread_mutex_unlock(&writer.lock);
	return lane;
}

static struct log_lane *lane_of(struct log_output *o) {
	if (here.generation == atomic_load_explicit(&writer.generation, memory_order_relaxed))
		for (struct log_lane *lane = here.lanes; lane != NULL; lane = lane->next_of_thread)
			if (lane->output == o)
				return lane;
	return add_lane(o);
}

bool log_output_write(struct log_output *o, struct str record) {
	bool is_filling;
	if (!log_ring_put(&lane_of(o)->ring, record, &is_filling)) {
		metric_add(METRIC_io_log_lost_total, 1);
		return false;
	}
	int mood = atomic_load_explicit(&writer.mood, memory_order_seq_cst);
	if (mood == ASLEEP || (mood == GATHERING && is_filling))
		wake();
	return true;
}

/* ---- the writer's thread ---- */

static void free_left_lanes(struct log_output *o) {
	struct log_lane *previous = NULL;
	for (struct log_lane *lane = atomic_load_explicit(&o->lanes, memory_order_acquire), *next; lane != NULL; lane = next) {
		next = lane->next;
		/* is_left first: what its thread put in before is visible once that is. */
		bool is_left = atomic_load_explicit(&lane->is_left, memory_order_acquire);
		if (is_left)
			log_ring_aim(&lane->ring);
		if (!is_left || log_ring_waiting(&lane->ring) > 0) {
			previous = lane;
			continue;
		}
		pthread_mutex_lock(&writer.lock);
		if (previous == NULL && atomic_load_explicit(&o->lanes, memory_order_relaxed) == lane) {
			atomic_store_explicit(&o->lanes, next, memory_order_relaxed);
		} else {
			if (previous == NULL) /* others were put before it meanwhile */
				previous = atomic_load_explicit(&o->lanes, memory_order_relaxed);
			while (previous->next != lane)
				previous = previous->next;
			previous->next = next;
		}
		pthread_mutex_unlock(&writer.lock);
		log_lane_destroy(lane);
	}
}

static bool has_records(void) {
	for (struct log_output *o = atomic_load_explicit(&writer.outputs, memory_order_seq_cst); o != NULL; o = o->next)
		if (!o->is_stuck && log_output_has_records(o))
			return true;
	return false;
}

static bool has_news(void) {
	return atomic_load_explicit(&writer.is_stopping, memory_order_seq_cst) ||
	       atomic_load_explicit(&writer.wants_reopen, memory_order_seq_cst) ||
	       atomic_load_explicit(&writer.flush_wanted, memory_order_seq_cst) !=
	           atomic_load_explicit(&writer.flush_done, memory_order_relaxed) ||
	       has_records();
}

/* Waits for a producer, for an output that is stuck, or for the time to pass (-1: no limit). */
static void rest(enum mood mood, int timeout_ms) {
	enum { POLLED = 16 }; /* more stuck outputs than this are tried again when something else wakes the writer */
	struct pollfd fds[POLLED] = { { .fd = writer.wake_fd, .events = POLLIN } };
	nfds_t n = 1;
	for (struct log_output *o = atomic_load_explicit(&writer.outputs, memory_order_acquire); o != NULL; o = o->next)
		if (o->is_stuck && n < POLLED)
			fds[n++] = (struct pollfd){ .fd = o->fd, .events = POLLOUT };
	atomic_store_explicit(&writer.mood, (int)mood, memory_order_seq_cst);
	if (mood == GATHERING || !has_news())
		poll(fds, n, timeout_ms);
	atomic_store_explicit(&writer.mood, AWAKE, memory_order_seq_cst);
	uint64_t count;
	ssize_t ignored = read(writer.wake_fd, &count, sizeof count); /* non-blocking: often there is nothing to read */
	(void)ignored;
}

/* One pass: what was there when it began, to every output. False when one is stuck. */
static bool pass(bool gives_up) {
	for (struct log_output *o = atomic_load_explicit(&writer.outputs, memory_order_acquire); o != NULL; o = o->next)
		log_output_aim(o);
	/* After the aim: a record that was handed over after log_writer_reopen returned is in this pass only when its wish is
	 * seen here, so it goes to the new file. */
	bool reopens = atomic_exchange_explicit(&writer.wants_reopen, false, memory_order_seq_cst);
	bool all_done = true;
	for (struct log_output *o = atomic_load_explicit(&writer.outputs, memory_order_acquire); o != NULL; o = o->next) {
		o->wants_reopen |= reopens;
		log_output_reopen_if_wanted(o);
		log_output_drain(o);
		if (o->is_stuck && gives_up)
			log_output_give_up(o);
		all_done &= !o->is_stuck;
		free_left_lanes(o);
	}
	return all_done;
}

static void acknowledge(uint64_t wanted) {
	if (wanted == atomic_load_explicit(&writer.flush_done, memory_order_relaxed))
		return;
	pthread_mutex_lock(&writer.lock);
	atomic_store_explicit(&writer.flush_done, wanted, memory_order_relaxed);
	pthread_cond_broadcast(&writer.flushed);
	pthread_mutex_unlock(&writer.lock);
}

static void *run(void *unused) {
	uint64_t waited_from_us = 0; /* since when somebody has waited for a stuck output; 0: nobody does */
	bool is_done = false;
	for (;;) {
		bool is_stopping = atomic_load_explicit(&writer.is_stopping, memory_order_seq_cst);
		uint64_t wanted = atomic_load_explicit(&writer.flush_wanted, memory_order_seq_cst);
		bool is_awaited = is_stopping || wanted != atomic_load_explicit(&writer.flush_done, memory_order_relaxed);
		uint64_t now = clock_update();
		if (!is_awaited || is_done)
			waited_from_us = 0;
		if (is_awaited && waited_from_us == 0)
			waited_from_us = now;
		is_done = pass(is_awaited && now - waited_from_us >= PATIENCE_MS * USEC_PER_MSEC);
		if (is_done)
			acknowledge(wanted);
		/* The pass itself may have logged that a write failed. */
		if (is_done && is_stopping && !has_records())
			return unused;
		if (!is_done && is_awaited)
			rest(GATHERING, PATIENCE_MS / 10);
		else if (!is_awaited) {
			rest(GATHERING, GATHER_MS);
			if (!has_news())
				rest(ASLEEP, -1);
		}
	}
}

/* ---- control ---- */

static void create_exit_key(void) {
	if (!writer.has_exit_key && pthread_key_create(&writer.exit_key, on_thread_exit) != 0)
		abort(); /* 1024 keys a process, and steerway makes a handful */
	writer.has_exit_key = true;
}

int log_writer_start(struct err *e) {
	sigset_t all, before;
	int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0)
		return err_errno(e, "log writer: eventfd");
	pthread_mutex_lock(&writer.lock);
	writer.wake_fd = wake_fd;
	atomic_store_explicit(&writer.is_stopping, false, memory_order_relaxed);
	/* No signal ends up here; SIGPIPE and SIGXFSZ come as errors of the write instead. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&writer.thread, NULL, run, NULL), result = 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer.is_running = error == 0;
	if (error != 0) {
		errno = error;
		result = err_errno(e, "log writer: thread");
		close(wake_fd);
		writer.wake_fd = -1;
	}
	pthread_mutex_unlock(&writer.lock);
	return result;
}

void log_writer_stop(void) {
	pthread_mutex_lock(&writer.lock);
	bool was_running = writer.is_running;
	writer.is_running = false;
	pthread_mutex_unlock(&writer.lock);
	if (was_running) {
		atomic_store_explicit(&writer.is_stopping, true, memory_order_seq_cst);
		wake();
		pthread_join(writer.thread, NULL);
		close(writer.wake_fd);
		writer.wake_fd = -1;
	}
	pthread_mutex_lock(&writer.lock);
	atomic_fetch_add_explicit(&writer.generation, 1, memory_order_relaxed);
	for (struct log_output *o = atomic_load_explicit(&writer.outputs, memory_order_acquire), *next; o != NULL; o = next) {
		next = o->next;
		log_output_destroy(o);
	}
	atomic_store_explicit(&writer.outputs, NULL, memory_order_relaxed);
	pthread_cond_broadcast(&writer.flushed);
	pthread_mutex_unlock(&writer.lock);
}

struct log_output *log_output_open(const char *path, struct err *e) {
	pthread_mutex_lock(&writer.lock);
	create_exit_key();
	struct log_output *o = atomic_load_explicit(&writer.outputs, memory_order_relaxed);
	while (o != NULL && !str_eq(str_from(o->path), str_from(path)))
		o = o->next;
	if (o == NULL && (o = log_output_create(path, e)) != NULL) {
		o->next = atomic_load_explicit(&writer.outputs, memory_order_relaxed);
		atomic_store_explicit(&writer.outputs, o, memory_order_seq_cst);
	}
	pthread_mutex_unlock(&writer.lock);
	return o;
}

void log_writer_reopen(void) {
	atomic_store_explicit(&writer.wants_reopen, true, memory_order_seq_cst);
	wake();
}

void log_writer_flush(void) {
	pthread_mutex_lock(&writer.lock);
	uint64_t wanted = atomic_fetch_add_explicit(&writer.flush_wanted, 1, memory_order_seq_cst) + 1;
	if (writer.is_running)
		wake();
	while (writer.is_running && atomic_load_explicit(&writer.flush_done, memory_order_relaxed) < wanted)
		pthread_cond_wait(&writer.flushed, &writer.lock);
	pthread_mutex_unlock(&writer.lock);
}
