/* SPDX-License-Identifier: BSD-2-Clause */
/* `tcp`: the server is up when it accepts a connection. */
#include "health/check.h"

static enum step tcp_done(struct probe *p) {
	return probe_succeed(p, "connected");
}

static const struct check_step tcp_steps[] = { PROBE_CONNECT, { tcp_done, NULL } };

const struct check_kind check_tcp = { .name = "tcp", .steps = tcp_steps };
