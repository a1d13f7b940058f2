/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reload: read, compare, prepare, commit. Refuses a file with faults, a change that takes a restart, and what a room can't
 * prepare; the old state then serves on untouched. The old snapshot goes when no worker can be reading it any more.
 */
#include "main/daemon.h"

#include "steerway/base/log.h"
#include "steerway/metric.h"

#include <urcu/urcu-memb.h>

_Static_assert((int)CFG_LOG_LEVEL_DEBUG == (int)LOG_LEVEL_DEBUG && (int)CFG_LOG_LEVEL_ERROR == (int)LOG_LEVEL_ERROR,
               "same order");
_Static_assert((int)CFG_LOG_FORMAT_TEXT == (int)LOG_FORMAT_TEXT && (int)CFG_LOG_FORMAT_JSON == (int)LOG_FORMAT_JSON,
               "same order");

void log_settings_apply(const struct cfg_root *cfg) {
	log_set_level((enum log_level)cfg->log.level);
	log_set_format((enum log_format)cfg->log.format);
}

/* What a reload would change; -1 when some of it takes a restart. */
static int compare(const struct cfg *old, const struct cfg *new, struct buf *report) {
	struct buf changes = { 0 };
	size_t n_restart = cfg_diff(old, new, &changes);
	if (n_restart > 0)
		buf_printf(report,
		           "a restart is needed for %zu of these changes, so none was made; restart, or change them back:\n",
		           n_restart);
	buf_add(report, buf_str(&changes));
	buf_fini(&changes);
	return n_restart > 0 ? -1 : 0;
}

static int reload(struct daemon *d, struct buf *report) {
	struct err e;
	if (d->is_stopping) {
		buf_add(report, STR("not reloaded: the daemon is stopping\n"));
		return -1;
	}
	struct cfg *new = cfg_load(d->config_path, report), *old = d->cfg;
	if (new == NULL)
		return -1;
	if (compare(old, new, report) < 0) {
		cfg_destroy(new);
		return -1;
	}
	if (rooms_switch(d, cfg_root(new), &e) < 0) {
		report->n = 0;
		buf_printf(report, "%s\n", e.text);
		cfg_destroy(new);
		return -1;
	}
	d->cfg = new;
	log_settings_apply(cfg_root(new));
	urcu_memb_synchronize_rcu(); /* workers read pools' settings in the old one */
	cfg_destroy(old);
	return 0;
}

/* Lines as one field of a log record. */
static void lines_join(struct buf *out, struct str lines) {
	struct str line;
	while (str_next(&lines, '\n', &line))
		if (line.n > 0)
			buf_printf(out, "%s%.*s", out->n > 0 ? "; " : "", STR_ARG(line));
}

int daemon_reload(struct daemon *d, struct buf *report) {
	struct buf text = { 0 };
	int status = reload(d, report);
	lines_join(&text, buf_str(report));
	metric_add(status == 0 ? METRIC_main_reloads_total : METRIC_main_reload_failures_total, 1);
	if (status == 0)
		log_info("reloaded", LOG_CSTR("file", d->config_path), LOG_U64("epoch", fleet_epoch(d->fleet)),
		         LOG_STR("changes", buf_str(&text)));
	else
		log_error("reload_refused", LOG_CSTR("file", d->config_path), LOG_STR("why", buf_str(&text)));
	buf_fini(&text);
	return status;
}
