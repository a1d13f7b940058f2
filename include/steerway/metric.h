/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters and gauges, one cell a thread and metric, summed by the reader: adding costs one store to a line that no other
 * thread writes. Rows stand in tables/metrics.h; labelled families (a sample a server, site or end reason) are written by
 * whoever knows the labels, through metric_family and metric_sample.
 */
#ifndef STEERWAY_METRIC_H
#define STEERWAY_METRIC_H

#include "steerway/base/buf.h"

#include <stdatomic.h>

enum metric {
#define METRIC(room, name, type, help) METRIC_##room##_##name,
#include "steerway/tables/metrics.h"
#undef METRIC
	METRIC_COUNT
};

struct metric_cells {
	_Atomic uint64_t value[METRIC_COUNT];
};

extern _Thread_local struct metric_cells *metric_cells_here;

/* Gives this thread its cells (once); cells outlive their thread, so that sums never go back. */
struct metric_cells *metric_thread_cells(void);

/* A gauge is taken down by adding a negative number. */
static inline void metric_add(enum metric m, int64_t delta) {
	struct metric_cells *cells = metric_cells_here ? metric_cells_here : metric_thread_cells();
	uint64_t old = atomic_load_explicit(&cells->value[m], memory_order_relaxed);
	atomic_store_explicit(&cells->value[m], old + (uint64_t)delta, memory_order_relaxed);
}

/* Over all threads. */
int64_t metric_sum(enum metric m);
/* Every row, as Prometheus text (exposition format 0.0.4): steerway_<room>_<name>. */
void metric_write(struct buf *out);

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };
struct metric_label {
	const char *name;
	struct str value;
};
/* The HELP and TYPE lines of steerway_<name>, before its samples. */
void metric_family(struct buf *out, const char *name, enum metric_type type, const char *help);
void metric_sample(struct buf *out, const char *name, const struct metric_label *labels, size_t n_labels, double value);

/* For `show stats` and tests: "room_name" and help of a row. */
const char *metric_name(enum metric m);
const char *metric_help(enum metric m);

#endif
