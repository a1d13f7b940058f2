/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands about DNSSEC keys: what serves is shown, files are changed (steerway/gslb/key_store.h), and the zone is signed anew with
 * them. What takes its time happens by the times in the files: no command has to be awaited.
 */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/gslb/key_store.h"

static int64_t now_s(void) {
	return (int64_t)(clock_wall_us() / USEC_PER_SEC);
}

static void put_time(json_t *o, const char *key, int64_t at) {
	char text[LOG_TIME_BYTES];
	log_format_time(text, (uint64_t)at * USEC_PER_SEC);
	if (at > 0 && at < INT64_MAX)
		tree_put_str(o, key, str_slice(text, 19)); /* to the second, UTC */
	else
		tree_put_text(o, key, NULL);
}

/* The zone of the configuration in force that the command names. */
static const struct cfg_zone *zone_find(struct admin_call *c) {
	const struct cfg_root *root = c->admin->house.config(c->admin->house.arg);
	struct str name = c->target;
	if (str_ends(name, STR(".")))
		name.n--;
	for (size_t i = 0; i < root->zones.n; i++)
		if (str_eq_nocase(root->zones.items[i].id, name)) {
			if (root->zones.items[i].dnssec.is_given)
				return &root->zones.items[i];
			err_set(&c->err, "zone %.*s is not signed; give it `dnssec` in the configuration", STR_ARG(name));
			return NULL;
		}
	err_set(&c->err, "there is no zone `%.*s`; see `show zones`", STR_ARG(c->target));
	return NULL;
}

static int kind_take(struct admin_call *c, enum key_kind *out) {
	const struct str *kind = admin_option(c, "--kind");
	return !kind || key_kind_parse(*kind, out) ? 0
	                                           : err_set(&c->err, "--kind takes csk, ksk or zsk, not `%.*s`", STR_ARG(*kind));
}

/* ---- show ---- */

static void put_next(json_t *o, const struct key_times *t) {
	int64_t now = now_s(), next = key_next_change(t, now);
	tree_put_text(o, "next", NULL);
	for (size_t i = KEY_PUBLISH; i < KEY_EVENTS; i++)
		if (t->at[i] == next)
			tree_put_text(o, "next", key_event_names[i]);
	put_time(o, "next_at", next);
}

static void on_key(void *arg, struct str zone, const struct key_info *k) {
	json_t *o = json_object();
	char tag[8];
	snprintf(tag, sizeof(tag), "%05u", k->tag);
	tree_put_str(o, "zone", zone);
	tree_put_text(o, "key", tag);
	tree_put_text(o, "algorithm", k->algorithm);
	tree_put_bool(o, "sep", k->has_sep);
	tree_put_text(o, "state", key_state_text(&k->times, now_s()));
	tree_put_text(o, "signs", k->signs);
	tree_put_bool(o, "cds", k->state & KEY_IS_SYNCED);
	put_next(o, &k->times);
	tree_put_text(o, "file", k->file);
	json_array_append_new(arg, o);
}

int cmd_show_keys(struct admin_call *c) {
	c->answer = json_array();
	gslb_each_key(c->admin->house.gslb, on_key, c->answer);
	return 0;
}

int cmd_dnssec_ds(struct admin_call *c) {
	const struct cfg_zone *z = zone_find(c);
	struct buf out = { 0 };
	int result = z ? key_store_ds(z->dnssec.keys.p, z->id, now_s(), &out, &c->err) : -1;
	if (result == 0)
		c->answer = tree_str(buf_str(&out));
	buf_fini(&out);
	return result;
}

/* ---- change ---- */

/* What will happen, a line each; the zone is signed with the changed keys. */
static int answer_changes(struct admin_call *c, const struct cfg_zone *z, struct buf *report, int result) {
	if (result == 0)
		result = gslb_sign_zone(c->admin->house.gslb, z->id, &c->err);
	if (result == 0)
		c->answer = tree_str(buf_str(report));
	buf_fini(report);
	return result;
}

int cmd_dnssec_generate(struct admin_call *c) {
	const struct cfg_zone *z = zone_find(c);
	enum key_kind kind = KEY_CSK;
	struct gslb_signing s;
	struct buf report = { 0 };
	unsigned tag;
	if (!z || kind_take(c, &kind) < 0)
		return -1;
	bool is_signed = gslb_signing_find(c->admin->house.gslb, z->id, &s);
	int result = key_store_generate(z->dnssec.keys.p, z->id, str_from(cfg_key_algorithm_text(z->dnssec.algorithm)), kind,
	                                is_signed ? &s.ttls : NULL, now_s(), &tag, &report, &c->err);
	return answer_changes(c, z, &report, result);
}

/* Without --kind: the keys that sign the zone. */
static enum key_kind kind_of(struct admin_call *c, const struct cfg_zone *z) {
	struct gslb_signing s;
	return gslb_signing_find(c->admin->house.gslb, z->id, &s) && s.has_zsk ? KEY_ZSK : KEY_CSK;
}

int cmd_dnssec_rollover(struct admin_call *c) {
	const struct cfg_zone *z = zone_find(c);
	struct gslb_signing s;
	struct buf report = { 0 };
	if (!z)
		return -1;
	enum key_kind kind = kind_of(c, z);
	if (kind_take(c, &kind) < 0)
		return -1;
	if (!gslb_signing_find(c->admin->house.gslb, z->id, &s))
		return err_set(&c->err, "zone %.*s is not served; see `show zones`", STR_ARG(z->id));
	int result = key_store_roll(z->dnssec.keys.p, z->id, str_from(cfg_key_algorithm_text(z->dnssec.algorithm)), kind, &s.ttls,
	                            now_s(), &report, &c->err);
	return answer_changes(c, z, &report, result);
}

int cmd_dnssec_finish(struct admin_call *c) {
	const struct cfg_zone *z = zone_find(c);
	const struct str *ttl = admin_option(c, "--ds-ttl");
	uint64_t ttl_ms = 86400000;
	struct buf report = { 0 };
	if (!z)
		return -1;
	if (ttl && admin_duration_parse(*ttl, &ttl_ms) < 0)
		return err_set(&c->err, "--ds-ttl takes a duration as 1h or 24h, not `%.*s`", STR_ARG(*ttl));
	int result = key_store_finish(z->dnssec.keys.p, z->id, (uint32_t)(ttl_ms / 1000), now_s(), &report, &c->err);
	return answer_changes(c, z, &report, result);
}
