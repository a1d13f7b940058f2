/* SPDX-License-Identifier: BSD-2-Clause */
/* `explain route`: the routes that a request leads to, in the order in which they are looked at, and what the one that takes it does. */
#include "admin/internal.h"

#include "steerway/base/mem.h"

struct told {
	json_t *candidates, *effects;
	const char *taken; /* NULL: none so far */
	char name[64];
};

static void on_candidate(void *arg, const struct proxy_candidate *c) {
	struct told *t = arg;
	json_t *o = json_object();
	tree_put_text(o, "route", c->name);
	tree_put_text(o, "place", c->place);
	tree_put_text(o, "host", c->host);
	tree_put_text(o, "path", c->path);
	tree_put_int(o, "priority", c->priority);
	tree_put_text(o, "why", c->why);
	json_array_append_new(t->candidates, o);
	if (c->is_taken)
		t->taken = str_copy(t->name, sizeof(t->name), str_from(c->name));
}

static void on_effect(void *arg, const char *what, const char *text) {
	struct told *t = arg;
	json_t *o = json_object();
	tree_put_text(o, "what", what);
	tree_put_str(o, "text", str_from(text));
	json_array_append_new(t->effects, o);
}

int cmd_explain_route(struct admin_call *c) {
	const struct str *method = admin_option(c, "--method"), *client = admin_option(c, "--client");
	struct str fields[ADMIN_OPTIONS_MAX];
	struct proxy_question q = { .method = method ? *method : STR("GET"),
		                    .url = c->target,
		                    .client = client ? *client : STR("127.0.0.1"),
		                    .fields = fields };
	for (size_t i = 0; i < c->n_options; i++)
		if (str_eq(c->options[i].name, STR("--header")))
			fields[q.n_fields++] = c->options[i].value;
	struct told t = { .candidates = json_array(), .effects = json_array() };
	struct proxy_explained out = { .candidate = on_candidate, .effect = on_effect, .arg = &t };
	int status = proxy_explain_route(c->admin->house.proxy, &q, &out, &c->err);
	if (status == 0) {
		c->answer = json_object();
		tree_put_str(c->answer, "request", q.url);
		tree_put_text(c->answer, "taken_by", t.taken ? t.taken : "none");
		json_object_set(c->answer, "candidates", t.candidates);
		json_object_set(c->answer, "effects", t.effects);
	}
	json_decref(t.candidates);
	json_decref(t.effects);
	return status;
}
