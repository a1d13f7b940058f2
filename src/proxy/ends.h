/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STEERWAY_PROXY_ENDS_H
#define STEERWAY_PROXY_ENDS_H

#include "steerway/proxy.h"

/* What the client gets when no response was begun; 0: nothing. */
unsigned proxy_end_status(enum proxy_end e);

#endif
