/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `steerway check`: what a start would refuse, without its side effects, but for what hangs on who starts it and where (user, ports,
 * folders of logs and sockets): a file may be checked on another machine than its own. The rooms prepare a copy of the configuration
 * without listeners and log files (a bound UDP socket would take queries away from the daemon that runs); what listeners need for TLS is loaded by itself.
 */
#include "main/daemon.h"

#include "steerway/base/log.h"

#include <stdio.h>
#include <urcu/urcu-memb.h>

static int rooms_check(struct daemon *d, const struct cfg_root *cfg, struct err *e) {
	struct cfg_root dry = *cfg;
	dry.listeners.n = 0;
	dry.log.access.is_given = dry.log.queries.is_given = false;
	int result = -1;
	if ((d->control = loop_create(e)) && (d->workers = workers_create(1, e)) &&
	    (d->fleet = fleet_create(d->control, d->workers, e)) && (d->health = health_create(d->control, d->fleet, e)) &&
	    (d->proxy = proxy_create(d->fleet, d->workers, d->control, e)) && (d->gslb = gslb_create(d->fleet, d->workers, e)) &&
	    (d->state = state_create(d->fleet, e)))
		result = rooms_try(d, &dry, e);
	state_destroy(d->state);
	gslb_destroy(d->gslb);
	proxy_destroy(d->proxy);
	health_destroy(d->health);
	fleet_destroy(d->fleet);
	workers_destroy(d->workers);
	loop_destroy(d->control);
	return result;
}

int daemon_check(const char *config_path) {
	struct daemon d = { .config_path = config_path };
	struct buf faults = { 0 };
	struct err e;
	int status = 1;
	log_set_level(LOG_LEVEL_WARN);
	urcu_memb_register_thread();
	d.cfg = cfg_load(config_path, &faults);
	fwrite(faults.p ? faults.p : "", 1, faults.n, stderr);
	if (d.cfg == NULL)
		fprintf(stderr, "steerway: %s can't be used; see the lines above\n", config_path);
	else if (proxy_check_tls(cfg_root(d.cfg), &e) < 0 || rooms_check(&d, cfg_root(d.cfg), &e) < 0)
		fprintf(stderr, "steerway: %s: %s\n", config_path, e.text);
	else
		status = printf("%s: all right\n", config_path) < 0;
	buf_fini(&faults);
	cfg_destroy(d.cfg);
	urcu_memb_unregister_thread();
	return status;
}
