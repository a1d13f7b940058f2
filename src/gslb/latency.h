/* SPDX-License-Identifier: BSD-2-Clause */
/* Round-trip times that operators tell by command: rows of maps of type latency, in place of the lines of their files. */
#ifndef STEERWAY_GSLB_LATENCY_H
#define STEERWAY_GSLB_LATENCY_H

#include "steerway/cfg.h"
#include "steerway/gslb.h"

#define LATENCY_ROWS 4096

struct latency_row;
/* A zeroed one is empty. The control thread's. */
struct latency {
	struct latency_row **rows; /* by map, then by network */
	unsigned n;
};
void latency_fini(struct latency *l);

/* -1 with `e`: what is wrong with the arguments, or that there are too many rows; nothing has changed then. */
int latency_set(struct latency *l, const struct cfg_root *cfg, const struct gslb_latency *row, struct err *e);
/* network empty: all of the map. *n: rows that are gone. -1: that network has none. */
int latency_clear(struct latency *l, const struct cfg_root *cfg, struct str map, struct str network, unsigned *n, struct err *e);
void latency_each(const struct latency *l, void (*each)(void *arg, const struct gslb_latency *row), void *arg);

/* The map's rows as lines of a file, but for those that name a site which `cfg` does not have. */
void latency_lines(const struct latency *l, const struct cfg_root *cfg, struct str map, struct buf *out);
/* Drops the rows that mean nothing in `cfg`: of no map of type latency, or with such a site. */
void latency_forget(struct latency *l, const struct cfg_root *cfg);

#endif
