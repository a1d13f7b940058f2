/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot order, as one list: each step starts after those above it stand, and stops before them. A step that fails stops
 * what was started and says why on standard error, whatever the log is.
 */
#include "main/daemon.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "config.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

static struct log_output *error_log; /* log_set_sink takes no argument */

static void on_log_line(struct str line) {
	log_output_write(error_log, line);
}

/* ---- process ---- */

static int start_process(struct daemon *d, struct err *e) {
	(void)d;
	struct rlimit files;
	signals_block();
	/* A thread's own, and inherited: before there are others. Nothing here executes programs. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, "PR_SET_NO_NEW_PRIVS");
	/* The soft limit is there for select(); steerway's bounds are its own. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	urcu_memb_register_thread();
	clock_update();
	return 0;
}

static void stop_process(struct daemon *d) {
	(void)d;
	urcu_memb_unregister_thread();
}

static int start_log_writer(struct daemon *d, struct err *e) {
	(void)d;
	return log_writer_start(e);
}

static void stop_log_writer(struct daemon *d) {
	(void)d;
	log_set_sink(NULL);
	log_writer_stop();
	error_log = NULL;
}

static int start_configuration(struct daemon *d, struct err *e) {
	struct buf faults = { 0 };
	d->cfg = cfg_load(d->config_path, &faults);
	fwrite(faults.p ? faults.p : "", 1, faults.n, stderr);
	buf_fini(&faults);
	return d->cfg ? 0 : err_set(e, "%s can't be used; see the lines above", d->config_path);
}

static void stop_configuration(struct daemon *d) {
	cfg_destroy(d->cfg);
}

static int start_privileges(struct daemon *d, struct err *e) {
	const struct cfg_root *cfg = cfg_root(d->cfg);
	if (privileges_resolve(cfg, &d->privileges, e) < 0)
		return -1;
	return privileges_give_logs(&d->privileges, cfg, e);
}

static int start_error_log(struct daemon *d, struct err *e) {
	const struct cfg_root *cfg = cfg_root(d->cfg);
	error_log = log_output_open(cfg->log.path.n > 0 ? cfg->log.path.p : "-", e);
	if (error_log == NULL)
		return err_context(e, "log.path");
	log_settings_apply(cfg);
	log_set_sink(on_log_line);
	return 0;
}

/* ---- rooms ---- */

static int start_loop(struct daemon *d, struct err *e) {
	d->control = loop_create(e);
	return d->control ? 0 : -1;
}

static void stop_loop(struct daemon *d) {
	loop_destroy(d->control);
}

static int start_workers(struct daemon *d, struct err *e) {
	d->workers = workers_create((unsigned)cfg_root(d->cfg)->workers, e);
	return d->workers ? 0 : -1;
}

static void stop_workers(struct daemon *d) {
	workers_destroy(d->workers);
}

static int start_fleet(struct daemon *d, struct err *e) {
	d->fleet = fleet_create(d->control, d->workers, e);
	return d->fleet ? 0 : -1;
}

static void stop_fleet(struct daemon *d) {
	fleet_destroy(d->fleet);
}

static int start_health(struct daemon *d, struct err *e) {
	d->health = health_create(d->control, d->fleet, e);
	return d->health ? 0 : -1;
}

static void stop_health(struct daemon *d) {
	health_destroy(d->health);
}

static int start_proxy(struct daemon *d, struct err *e) {
	d->proxy = proxy_create(d->fleet, d->workers, d->control, e);
	return d->proxy ? 0 : -1;
}

static void stop_proxy(struct daemon *d) {
	proxy_destroy(d->proxy);
}

static int start_gslb(struct daemon *d, struct err *e) {
	d->gslb = gslb_create(d->fleet, d->workers, e);
	if (!d->gslb)
		return -1;
	gslb_watch(d->gslb, d->control);
	return gslb_keep_signed(d->gslb, d->control, e);
}

static void stop_gslb(struct daemon *d) {
	gslb_destroy(d->gslb);
}

static int start_state(struct daemon *d, struct err *e) {
	d->state = state_create(d->fleet, e);
	return d->state ? 0 : -1;
}

static void stop_state(struct daemon *d) {
	state_destroy(d->state);
}

static int start_serving(struct daemon *d, struct err *e) {
	return rooms_switch(d, cfg_root(d->cfg), e);
}

static const struct cfg_root *house_config(void *arg) {
	return cfg_root(((struct daemon *)arg)->cfg);
}

static int house_reload(void *arg, struct buf *report) {
	return daemon_reload(arg, report);
}

static void house_stop(void *arg) {
	struct daemon *d = arg;
	if (!d->is_stopping) /* a second `stop` is the first one's echo, not impatience: that is what signals are for */
		daemon_stop(d);
}

static bool house_is_stopping(void *arg) {
	return ((struct daemon *)arg)->is_stopping;
}

static int start_admin(struct daemon *d, struct err *e) {
	const struct admin_house house = {
		.control = d->control,
		.workers = d->workers,
		.fleet = d->fleet,
		.health = d->health,
		.proxy = d->proxy,
		.gslb = d->gslb,
		.config = house_config,
		.reload = house_reload,
		.stop = house_stop,
		.is_stopping = house_is_stopping,
		.arg = d,
	};
	d->admin = admin_create(&house, &cfg_root(d->cfg)->admin, e);
	return d->admin ? 0 : -1;
}

static void stop_admin(struct daemon *d) {
	admin_destroy(d->admin);
}

static int start_unprivileged(struct daemon *d, struct err *e) {
	return privileges_drop(&d->privileges, e);
}

static int start_signals(struct daemon *d, struct err *e) {
	d->signals = signals_start(d, e);
	return d->signals ? 0 : -1;
}

static void stop_signals(struct daemon *d) {
	signals_stop(d->signals);
}

/* ---- the list ---- */

static const struct boot_step {
	const char *name;
	int (*start)(struct daemon *d, struct err *e);
	void (*stop)(struct daemon *d); /* NULL: nothing to take back */
} steps[] = {
	{ "process", start_process, stop_process },
	{ "log writer", start_log_writer, stop_log_writer },
	{ "configuration", start_configuration, stop_configuration },
	{ "privileges", start_privileges, NULL },
	{ "error log", start_error_log, NULL },
	{ "control loop", start_loop, stop_loop },
	{ "workers", start_workers, stop_workers },
	{ "fleet", start_fleet, stop_fleet },
	{ "health", start_health, stop_health },
	{ "proxy", start_proxy, stop_proxy },
	{ "gslb", start_gslb, stop_gslb },
	{ "state file", start_state, stop_state },
	{ "first configuration", start_serving, NULL },
	{ "admin", start_admin, stop_admin },
	{ "dropping privileges", start_unprivileged, NULL },
	{ "signals", start_signals, stop_signals },
};

static void steps_stop(struct daemon *d, size_t n) {
	while (n-- > 0)
		if (steps[n].stop != NULL)
			steps[n].stop(d);
}

static int steps_start(struct daemon *d, struct err *e) {
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		if (steps[i].start(d, e) < 0) {
			steps_stop(d, i);
			return -1;
		}
	return 0;
}

static void ready_tell(int fd) {
	char byte = 1;
	if (fd < 0)
		return;
	(void)!write(fd, &byte, 1);
	close(fd);
}

int daemon_run(const struct daemon_options *o) {
	struct daemon d = { .config_path = o->config_path };
	struct err e;
	tls_memory_init();
	if (steps_start(&d, &e) < 0) {
		fprintf(stderr, "steerway: %s\n", e.text);
		return 1;
	}
	const struct cfg_root *cfg = cfg_root(d.cfg);
	log_info("started", LOG_CSTR("version", PACKAGE_VERSION), LOG_STR("node", cfg->node.name),
	         LOG_U64("pid", (uint64_t)getpid()), LOG_U64("workers", cfg->workers), LOG_CSTR("file", d.config_path));
	ready_tell(o->ready_fd);
	loop_run(d.control);
	log_info("stopped", LOG_U64("pid", (uint64_t)getpid()));
	steps_stop(&d, COUNT_OF(steps));
	return 0;
}

static void on_drained(void *arg) {
	loop_stop(((struct daemon *)arg)->control);
}

void daemon_stop(struct daemon *d) {
	uint64_t timeout_ms = cfg_root(d->cfg)->drain_timeout_ms;
	if (d->is_stopping) {
		log_warn("stopping_at_once", LOG_CSTR("why", "told twice"));
		loop_stop(d->control);
		return;
	}
	d->is_stopping = true;
	log_info("stopping", LOG_U64("drain_timeout_ms", timeout_ms));
	proxy_stop(d->proxy, timeout_ms, on_drained, d);
}
