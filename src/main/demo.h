/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the demonstration share. */
#ifndef STEERWAY_MAIN_DEMO_H
#define STEERWAY_MAIN_DEMO_H

#include "steerway/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DEMO_SITES 3

struct demo_origin {
	const char *site, *address;
	uint16_t port;
	pid_t pid;           /* 0: it is dead */
	uint64_t restart_us; /* when it is started again */
};

struct demo {
	char folder[96];
	uint16_t http, https, dns, admin; /* ports */
	struct demo_origin origins[DEMO_SITES];
	pid_t daemon;        /* 0: it ended */
	bool is_daemon_well; /* it ended by itself, as told (`steerctl stop`) */
};

/* ---- demo_files.c ---- */

/* A folder of its own with certificate, zone and configuration. */
int demo_files_write(struct demo *d, struct err *e);
void demo_files_remove(const struct demo *d);

/* ---- demo_origin.c ---- */

/* Serves HTTP/1.1 on the origin's address until killed; never returns. ready_fd gets one byte when it listens. */
_Noreturn void demo_origin_serve(const struct demo_origin *o, int ready_fd);

#endif
