/* SPDX-License-Identifier: BSD-2-Clause */
/* `resolve`: what DNS would answer, to whom, in which state of sites, and why. */
#include "admin/internal.h"

#include "steerway/base/mem.h"

#include <stdio.h>

static void on_alternative(void *arg, double percent, struct str sites, struct str addresses) {
	char share[16];
	json_t *o = json_object();
	snprintf(share, sizeof(share), "%.4g%%", percent);
	tree_put_text(o, "share", share);
	tree_put_str(o, "sites", sites.n > 0 ? sites : STR("none"));
	tree_put_str(o, "addresses", addresses.n > 0 ? addresses : STR("none"));
	json_array_append_new(arg, o);
}

/* "dr=down,app=up": sites and pools. */
static int states_parse(struct admin_call *c, struct gslb_question *q, struct str text) {
	struct fleet *f = c->admin->house.fleet;
	struct str part;
	while (str_next(&text, ',', &part)) {
		size_t equals = str_find_char(part, '=');
		struct gslb_state *s = &q->states[q->n_states];
		struct str word = equals < part.n ? str_skip(part, equals + 1) : STR("");
		s->name = str_slice(part.p, equals);
		s->is_up = str_eq(word, STR("up"));
		if (!s->is_up && !str_eq(word, STR("down")))
			return err_set(&c->err, "--at-state takes a list as dr=down,cloud=up, not `%.*s`", STR_ARG(part));
		if (!fleet_site_find(f, s->name) && !fleet_pool_find(f, s->name))
			return err_set(&c->err, "there is no site or pool `%.*s`; see `show sites`", STR_ARG(s->name));
		if (++q->n_states == COUNT_OF(q->states))
			return err_set(&c->err, "--at-state takes fewer than %zu states", COUNT_OF(q->states));
	}
	return 0;
}

static void put_steered(struct admin_call *c, const struct gslb_question *q, const struct gslb_resolution *r,
                        json_t *alternatives) {
	json_t *o = c->answer;
	tree_put_str(o, "steered_name", r->steered);
	tree_put_str(o, "policy", buf_str(&r->text));
	tree_put_int(o, "class", r->class);
	tree_put_int(o, "classes", r->n_classes);
	tree_put_int(o, "scope", r->scope);
	json_object_set_new(o, "usable", admin_sites_in(c->admin, r->usable_sites));
	tree_put_bool(o, "imagined", q->n_states > 0);
	tree_put_bool(o, "all_down", r->is_all_down);
	tree_put_int(o, "ttl_s", r->ttl_s);
	json_object_set(o, "answers", alternatives);
}

static void put_static(struct admin_call *c, const struct gslb_resolution *r) {
	struct str rest = buf_str(&r->text), line;
	json_t *records = json_array();
	tree_put_str(c->answer, "rcode", r->rcode);
	while (str_next(&rest, '\n', &line))
		if (line.n > 0) {
			json_t *o = json_object();
			tree_put_str(o, "record", line);
			json_array_append_new(records, o);
		}
	json_object_set_new(c->answer, "records", records);
}

int cmd_resolve(struct admin_call *c) {
	const struct str *client = admin_option(c, "--client"), *states = admin_option(c, "--at-state");
	struct gslb_question q = { .name = c->target, .type = c->second.n > 0 ? c->second : STR("A") };
	struct gslb_resolution r = { .n_classes = 0 };
	struct addr_net net;
	if (client && !addr_net_parse(&net, *client))
		return err_set(&c->err, "--client takes an address or a network as 192.0.2.0/24, not `%.*s`", STR_ARG(*client));
	if (states && states_parse(c, &q, *states) < 0)
		return -1;
	q.client = client ? &net : NULL;
	json_t *alternatives = json_array();
	int status = gslb_resolve(c->admin->house.gslb, &q, &r, on_alternative, alternatives, &c->err);
	if (status == 0) {
		c->answer = json_object();
		tree_put_str(c->answer, "name", q.name);
		tree_put_str(c->answer, "type", q.type);
		if (r.steered.n > 0)
			put_steered(c, &q, &r, alternatives);
		else
			put_static(c, &r);
	}
	json_decref(alternatives);
	buf_fini(&r.text);
	return status;
}
