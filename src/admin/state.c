/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that change something: admin states, drains, reload, stop. What may be drained, and in which phases, is fleet's to
 * decide; a reload is main's. Each answers with the state it led to.
 */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "config.h"

#include <unistd.h>

#define DRAIN_DEADLINE_MS 300000 /* WebSockets and long downloads get five minutes unless told otherwise */

/* The second word of the row says what its target is. */
static int target_find(struct admin_call *c, struct fleet_target *t) {
	struct fleet *f = c->admin->house.fleet;
	struct str kind = str_from(strchr(c->row->words, ' ') + 1);
	void *found;
	if (str_eq(kind, STR("site"))) {
		t->kind = FLEET_SITE;
		found = t->site = fleet_site_find(f, c->target);
	} else if (str_eq(kind, STR("pool"))) {
		t->kind = FLEET_POOL;
		found = t->pool = fleet_pool_find(f, c->target);
	} else {
		t->kind = FLEET_SERVER;
		found = t->server = fleet_server_find(f, c->target);
	}
	if (found == NULL)
		return err_set(&c->err, "there is no %.*s `%.*s`; see `show %.*ss`", STR_ARG(kind), STR_ARG(c->target),
		               STR_ARG(kind));
	return 0;
}

static json_t *target_tree(struct admin *a, struct fleet_target t) {
	switch (t.kind) {
	case FLEET_SITE:
		return admin_site_tree(a, t.site);
	case FLEET_POOL:
		return admin_pool_tree(a, t.pool);
	case FLEET_SERVER:
		return admin_server_tree(a, t.server);
	}
	return json_null();
}

int cmd_set(struct admin_call *c) {
	static const struct {
		const char *verb;
		enum fleet_admin admin;
	} verbs[] = {
		{ "ready ", FLEET_READY }, { "maint ", FLEET_MAINT }, { "up ", FLEET_FORCED_UP }, { "down ", FLEET_FORCED_DOWN }
	};
	struct fleet_target t;
	if (target_find(c, &t) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (str_starts(str_from(c->row->words), str_from(verbs[i].verb)))
			fleet_set_admin(c->admin->house.fleet, t, verbs[i].admin);
	c->answer = target_tree(c->admin, t);
	return 0;
}

int cmd_drain(struct admin_call *c) {
	const struct str *deadline = admin_option(c, "--deadline");
	struct fleet_drain_options o = { .deadline_ms = DRAIN_DEADLINE_MS, .force = admin_option(c, "--force") != NULL };
	struct fleet_target t;
	if (deadline != NULL && admin_duration_parse(*deadline, &o.deadline_ms) < 0)
		return err_set(&c->err, "--deadline takes a duration as 30s, 5m or 1h, not `%.*s`", STR_ARG(*deadline));
	if (target_find(c, &t) < 0)
		return -1;
	struct err why;
	if (fleet_drain(c->admin->house.fleet, t, &o, &why) < 0)
		return err_set(&c->err, "refused: %s; --force drains nevertheless", why.text);
	c->answer = target_tree(c->admin, t);
	return 0;
}

/* Zones whose files are faulty: the reload is done, but these are as they were. */
static void add_kept(void *arg, const struct gslb_zone_state *z) {
	struct buf line = { 0 };
	if (!z->fault)
		return;
	buf_printf(&line, "zone %.*s is faulty; its last good version, serial %u, serves on: %s", STR_ARG(z->name), z->serial,
	           z->fault);
	json_array_append_new(arg, tree_str(buf_str(&line)));
	buf_fini(&line);
}

int cmd_reload(struct admin_call *c) {
	struct buf report = { 0 };
	int status = c->admin->house.reload(c->admin->house.arg, &report);
	if (status < 0) {
		c->answer = tree_str(buf_str(&report)); /* every fault of the file, which struct err could not hold */
	} else {
		json_t *changes = json_array();
		struct str rest = buf_str(&report), line;
		while (str_next(&rest, '\n', &line))
			if (line.n > 0)
				json_array_append_new(changes, tree_str(line));
		c->answer = json_object();
		tree_put_text(c->answer, "reload", "done");
		tree_put_int(c->answer, "epoch", fleet_epoch(c->admin->house.fleet));
		gslb_each_zone(c->admin->house.gslb, add_kept, changes);
		json_object_set_new(c->answer, "changes", changes);
	}
	buf_fini(&report);
	return status;
}

int cmd_stop(struct admin_call *c) {
	c->admin->house.stop(c->admin->house.arg);
	c->answer = json_object();
	tree_put_text(c->answer, "stop", "under way");
	tree_put_int(c->answer, "deadline_ms", c->admin->house.config(c->admin->house.arg)->drain_timeout_ms);
	return 0;
}

int cmd_version(struct admin_call *c) {
	const struct cfg_root *root = c->admin->house.config(c->admin->house.arg);
	c->answer = json_object();
	tree_put_text(c->answer, "version", PACKAGE_VERSION);
	tree_put_str(c->answer, "node", root->node.name);
	tree_put_int(c->answer, "pid", (uint64_t)getpid());
	tree_put_int(c->answer, "uptime_s", (clock_now_us() - c->admin->started_us) / USEC_PER_SEC);
	return 0;
}
