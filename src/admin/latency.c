/* SPDX-License-Identifier: BSD-2-Clause */
/* The `latency` commands: measured round-trip times, in place of lines of a map's file. What may be told is gslb's to decide. */
#include "admin/internal.h"

static void on_row(void *arg, const struct gslb_latency *row) {
	json_t *o = json_object();
	tree_put_str(o, "map", row->map);
	tree_put_str(o, "network", row->network);
	tree_put_str(o, "times", row->times);
	json_array_append_new(arg, o);
}

int cmd_show_latency(struct admin_call *c) {
	c->answer = json_array();
	gslb_each_latency(c->admin->house.gslb, on_row, c->answer);
	return 0;
}

/* Answers with what was told alone: a program tells thousands, and would get them all back each time. */
int cmd_latency_set(struct admin_call *c) {
	struct gslb_latency row = { .map = c->target, .network = c->second, .times = c->third };
	if (gslb_latency_set(c->admin->house.gslb, &row, &c->err) < 0)
		return -1;
	c->answer = json_array();
	on_row(c->answer, &row);
	return 0;
}

int cmd_latency_clear(struct admin_call *c) {
	unsigned n;
	if (gslb_latency_clear(c->admin->house.gslb, c->target, c->second, &n, &c->err) < 0)
		return -1;
	c->answer = json_object();
	tree_put_str(c->answer, "map", c->target);
	tree_put_int(c->answer, "cleared", n);
	return 0;
}
