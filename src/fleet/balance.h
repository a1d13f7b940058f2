/* SPDX-License-Identifier: BSD-2-Clause */
/* The algorithms that balance.c registers. */
#ifndef STEERWAY_FLEET_BALANCE_H
#define STEERWAY_FLEET_BALANCE_H

#include "private.h"

extern const struct balance_ops balance_rr, balance_least, balance_p2c, balance_hash, balance_random, balance_ewma;

#endif
