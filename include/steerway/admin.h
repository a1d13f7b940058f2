/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The admin socket (a line protocol, with steerctl in front of it) and admin HTTP. Commands are rows in tables/commands.h;
 * all of it runs on the control thread.
 *
 * The line protocol. Request: one line of words, at most ADMIN_LINE_BYTES with its LF (a CR before it is ignored). Words are
 * parted by SP or HTAB and quoted as in a shell: '...' as it is, "..." with \" and \\, \ before any byte outside of quotes. A word
 * `--json` asks for JSON. Response: a line `ok <n>` or `error <n>`, then exactly n bytes of text or JSON; then the next request.
 * Requests are answered in order. A line that is too long is answered with an error and a close; control bytes with an error.
 */
#ifndef STEERWAY_ADMIN_H
#define STEERWAY_ADMIN_H

#include "steerway/fleet.h"
#include "steerway/gslb.h"
#include "steerway/health.h"
#include "steerway/proxy.h"

#define ADMIN_LINE_BYTES 4096
#define ADMIN_WORDS_MAX 32

/* What commands work on. */
struct admin_house {
	struct loop *control;
	struct workers *workers; /* NULL in tests: one slot a server */
	struct fleet *fleet;
	struct health *health;
	struct proxy *proxy;
	struct gslb *gslb;
	const struct cfg_root *(*config)(void *arg); /* the one in force */
	/* Reloads; appends to `report` what changed, or on -1 why nothing did. */
	int (*reload)(void *arg, struct buf *report);
	void (*stop)(void *arg); /* gracefully */
	bool (*is_stopping)(void *arg);
	void *arg;
};

struct admin;
/* Opens the socket and the HTTP listener that cfg names (before privileges are dropped, so that the socket can be given away:
 * to admin.socket.user and .group, or else to the user and group that the daemon will become). */
struct admin *admin_create(const struct admin_house *house, const struct cfg_admin *cfg, struct err *e);
void admin_destroy(struct admin *a); /* also removes the socket file */

/* Splits a line (without its LF) into words. Unquoted bytes are written to `store` (line.n of them suffice), to which the words
 * point. -1: a quote that is not closed, a control byte, more than ADMIN_WORDS_MAX words. */
int admin_words_split(struct str line, char *store, struct str words[ADMIN_WORDS_MAX], size_t *n, struct err *e);

/* Every command with its arguments and help, from the rows: as the manual page's list (mdoc). */
void admin_write_man(struct buf *out);

#endif
