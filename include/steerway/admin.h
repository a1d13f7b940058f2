/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The admin socket (a line protocol, with steerctl in front of it) and admin HTTP. Commands are rows in tables/commands.h;
 * all of it runs on the control thread.
 */
#ifndef STEERWAY_ADMIN_H
#define STEERWAY_ADMIN_H

#include "steerway/fleet.h"
#include "steerway/gslb.h"
#include "steerway/health.h"
#include "steerway/proxy.h"

/* What commands work on. */
struct admin_house {
	struct loop *control;
	struct fleet *fleet;
	struct health *health;
	struct proxy *proxy;
	struct gslb *gslb;
	const struct cfg_root *(*config)(void *arg); /* the one in force */
	/* Reloads; appends to `report` what changed, or on -1 why nothing did. */
	int (*reload)(void *arg, struct buf *report);
	void (*stop)(void *arg);                     /* gracefully */
	bool (*is_stopping)(void *arg);
	void *arg;
};

struct admin;
/* Opens the socket and the HTTP listener that cfg names (before privileges are dropped, so that the socket can be given away). */
struct admin *admin_create(const struct admin_house *house, const struct cfg_admin *cfg, struct err *e);
void admin_destroy(struct admin *a); /* also removes the socket file */

#endif
