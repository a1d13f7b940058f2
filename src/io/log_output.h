/* SPDX-License-Identifier: BSD-2-Clause */
/* One file, pipe or standard error, and the rings that feed it. All of the writer's thread, except where log_writer.c says otherwise. */
#ifndef STEERWAY_SRC_IO_LOG_OUTPUT_H
#define STEERWAY_SRC_IO_LOG_OUTPUT_H

#include "log_ring.h"
#include "steerway/io.h"

/* The way of one thread to one output. */
struct log_lane {
	struct log_ring ring;
	struct log_output *output;
	struct log_lane *next;           /* of the output; changed under the writer's lock */
	struct log_lane *next_of_thread; /* the producer's */
	_Atomic bool is_left;            /* its thread has ended */
};

struct log_output {
	struct log_output *next; /* constant once it is listed */
	char *path;
	int fd;
	bool is_socket;
	bool wants_reopen;
	bool is_stuck;          /* the descriptor takes nothing now (EAGAIN) */
	bool is_failing;        /* the last write failed, and it has been said */
	bool is_torn;           /* the last line written lacks its end */
	struct log_lane *begun; /* a record of it is written in part: it goes first */
	uint64_t lost;          /* records, since it began to fail */
	_Atomic(struct log_lane *) lanes;
};

struct log_output *log_output_create(const char *path, struct err *e);
/* With its lanes. */
void log_output_destroy(struct log_output *o);
void log_lane_destroy(struct log_lane *lane);
/* Are there records, in a pass or beyond it? */
bool log_output_has_records(const struct log_output *o);
/* Begins a pass. */
void log_output_aim(struct log_output *o);
/* Writes the pass out until it is done, or is_stuck. What the descriptor refuses is dropped. */
void log_output_drain(struct log_output *o);
/* Drops and counts what the pass still holds, because the output has been stuck for too long while somebody waits. */
void log_output_give_up(struct log_output *o);
/* Keeps the old file when the new one can't be opened. Waits until no record is cut in two by it. */
void log_output_reopen_if_wanted(struct log_output *o);

#endif
