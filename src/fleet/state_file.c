/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Admin states as text, a line each that is not ready, and back:
 *
 *	site cloud drain
 *	server app/c1 maint
 *
 * What was draining comes back as drained: after a restart there is nothing left to wait for. Lines with names or words that are
 * not known are logged and left out.
 */
#include "private.h"
#include "steerway/base/log.h"

static void write_line(void *arg, struct fleet_target t) {
	struct target_part part = target_part(t);
	if (*part.admin != FLEET_READY)
		buf_printf(arg, "%s %.*s %s\n", part.kind, STR_ARG(part.name), fleet_admin_text(*part.admin));
}

void fleet_state_write(struct fleet *f, struct buf *out) {
	target_each_known(f, write_line, out);
}

static bool admin_parse(struct str text, enum fleet_admin *out) {
	for (int a = FLEET_READY; a <= FLEET_FORCED_DOWN; a++)
		if (str_eq(text, str_from(fleet_admin_text((enum fleet_admin)a)))) {
			*out = (enum fleet_admin)a;
			return true;
		}
	return false;
}

/* The kind is the first word, the state the last; the name is all between, whatever is in it. */
static bool line_apply(struct fleet *f, struct str line, bool *is_changed) {
	size_t kind_end = str_find_char(line, ' '), name_end = line.n;
	while (name_end > kind_end && line.p[name_end - 1] != ' ')
		name_end--;
	if (name_end <= kind_end + 1)
		return false;
	struct str name = str_slice(line.p + kind_end + 1, name_end - kind_end - 2);
	struct fleet_target t;
	enum fleet_admin a;
	if (!admin_parse(str_skip(line, name_end), &a) || !target_find(f, str_slice(line.p, kind_end), name, &t))
		return false;
	*is_changed |= admin_apply(f, t, a);
	return true;
}

void fleet_state_read(struct fleet *f, struct str text) {
	bool is_changed = false;
	for (struct str line; str_next(&text, '\n', &line);) {
		line = str_trim(line);
		if (line.n > 0 && !line_apply(f, line, &is_changed))
			log_warn("state_line_ignored", LOG_STR("line", line));
	}
	if (is_changed)
		fleet_publish(f);
}
