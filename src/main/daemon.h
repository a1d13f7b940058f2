/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon as main's files share it. Everything here runs on the control thread, which is the process's first.
 */
#ifndef STEERWAY_MAIN_DAEMON_H
#define STEERWAY_MAIN_DAEMON_H

#include "steerway/admin.h"

#include <sys/types.h>

struct state;
struct daemon_signals;

/* Who the daemon becomes after it has bound its sockets. */
struct privileges {
	bool is_change; /* false: it stays who it is */
	char user[64];
	uid_t uid;
	gid_t gid;
};

struct daemon {
	const char *config_path;
	struct cfg *cfg;
	struct privileges privileges;
	struct loop *control;
	struct workers *workers;
	struct fleet *fleet;
	struct health *health;
	struct proxy *proxy;
	struct gslb *gslb;
	struct state *state;
	struct admin *admin;
	struct daemon_signals *signals;
	bool is_stopping;
};

struct daemon_options {
	const char *config_path;
	int ready_fd; /* gets one byte when everything serves, then is closed; -1: none */
};
/* Runs until it is stopped; returns the exit status. Says on standard error why it could not start. */
int daemon_run(const struct daemon_options *o);
/* Stops gracefully: no new connections, drain_timeout for what is in progress. The second time: at once. */
void daemon_stop(struct daemon *d);
/* Exit status of `steerway check`: loads the file, certificates and zones; binds nothing. */
int daemon_check(const char *config_path);

/* ---- rooms.c ---- */

/* Prepares every room; when all agree, commits every one; else discards, and -1 with `e` says which room and why. */
int rooms_switch(struct daemon *d, const struct cfg_root *cfg, struct err *e);
/* Prepares every room and discards again. */
int rooms_try(struct daemon *d, const struct cfg_root *cfg, struct err *e);

/* ---- reload.c ---- */

/* Appends what changed to `report`; on -1 why nothing did. */
int daemon_reload(struct daemon *d, struct buf *report);
/* Level and format of the error log. */
void log_settings_apply(const struct cfg_root *cfg);

/* ---- privileges.c ---- */

/* Refuses root without `user` and without `run_as_root`, unknown names, and a `user` that we are not and can't become. */
int privileges_resolve(const struct cfg_root *cfg, struct privileges *out, struct err *e);
/* Makes the log files and gives them to the user that the daemon becomes, who has to open them again after a rotation. */
int privileges_give_logs(const struct privileges *p, const struct cfg_root *cfg, struct err *e);
/* Becomes that user for good, on all threads. This thread alone keeps CAP_NET_BIND_SERVICE, so that a reload can bind low ports. */
int privileges_drop(const struct privileges *p, struct err *e);

/* ---- state.c: admin states over a restart ---- */

struct state *state_create(struct fleet *f, struct err *e);
void state_destroy(struct state *s); /* writes what is not written yet */
struct state_plan;
/* The first one reads the file, if there is one. */
struct state_plan *state_prepare(struct state *s, const struct cfg_root *cfg, struct err *e);
void state_commit(struct state_plan *p);
void state_discard(struct state_plan *p);

/* ---- signals.c ---- */

void signals_block(void); /* before any thread starts, so that all of them inherit it */
struct daemon_signals *signals_start(struct daemon *d, struct err *e);
void signals_stop(struct daemon_signals *s);

#endif
