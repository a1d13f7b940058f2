/* SPDX-License-Identifier: BSD-2-Clause */
/* The `acme` commands: texts that prove to a certificate authority who a name belongs to. What may be set is gslb's to decide. */
#include "admin/internal.h"

#define ACME_TTL_MS 60000
#define ACME_TTL_MAX_MS (24 * 3600000u)
#define ACME_EXPIRES_MS 3600000
#define ACME_EXPIRES_MAX_MS (24 * 3600000u)

/* The option's duration, or what it is without it. */
static int duration_take(struct admin_call *c, const char *option, uint64_t max_ms, uint64_t *ms) {
	const struct str *text = admin_option(c, option);
	if (text != NULL && (admin_duration_parse(*text, ms) < 0 || *ms < 1000 || *ms > max_ms))
		return err_set(&c->err, "%s takes a duration of 1s to %uh, not `%.*s`", option, (unsigned)(max_ms / 3600000),
		               STR_ARG(*text));
	return 0;
}

static void on_record(void *arg, const struct acme_record *r) {
	json_t *o = json_object();
	tree_put_str(o, "name", r->name);
	tree_put_str(o, "text", r->text);
	tree_put_int(o, "ttl_s", r->ttl_s);
	tree_put_int(o, "expires_s", (r->expires_us + 999999) / 1000000);
	json_array_append_new(arg, o);
}

int cmd_show_acme(struct admin_call *c) {
	c->answer = json_array();
	gslb_each_acme(c->admin->house.gslb, on_record, c->answer);
	return 0;
}

int cmd_acme_set(struct admin_call *c) {
	uint64_t ttl_ms = ACME_TTL_MS, expires_ms = ACME_EXPIRES_MS;
	if (duration_take(c, "--ttl", ACME_TTL_MAX_MS, &ttl_ms) < 0 ||
	    duration_take(c, "--expires", ACME_EXPIRES_MAX_MS, &expires_ms) < 0)
		return -1;
	struct acme_record r = { .text = c->second, .ttl_s = (uint32_t)(ttl_ms / 1000), .expires_us = expires_ms * 1000 };
	return gslb_acme_set(c->admin->house.gslb, c->target, &r, &c->err) < 0 ? -1 : cmd_show_acme(c);
}

int cmd_acme_clear(struct admin_call *c) {
	return gslb_acme_clear(c->admin->house.gslb, c->target, c->second, &c->err) < 0 ? -1 : cmd_show_acme(c);
}
