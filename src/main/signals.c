/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals, as events of the control loop; blocked from the start, so that one that comes early waits for its handler. */
#include "main/daemon.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <signal.h>

static void on_stop(struct daemon *d) {
	daemon_stop(d);
}

static void on_reload(struct daemon *d) {
	struct buf report = { 0 };
	daemon_reload(d, &report);
	buf_fini(&report);
}

static void on_reopen(struct daemon *d) {
	(void)d;
	log_writer_reopen();
}

static const struct {
	int number;
	const char *name;
	void (*run)(struct daemon *d);
} signals[] = {
	{ SIGTERM, "SIGTERM", on_stop },
	{ SIGINT, "SIGINT", on_stop },
	{ SIGHUP, "SIGHUP", on_reload },
	{ SIGUSR1, "SIGUSR1", on_reopen },
};

struct daemon_signals {
	struct daemon *daemon;
	struct event *events[COUNT_OF(signals)];
};

static void signals_mask(int how) {
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		sigaddset(&set, signals[i].number);
	pthread_sigmask(how, &set, NULL);
}

void signals_block(void) {
	signal(SIGPIPE, SIG_IGN);
	signals_mask(SIG_BLOCK);
}

static void on_signal(evutil_socket_t number, short what, void *arg) {
	(void)what;
	struct daemon_signals *s = arg;
	clock_update(); /* libevent brought us here, not a descriptor of the loop's */
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		if (signals[i].number == number) {
			log_info("signal", LOG_CSTR("name", signals[i].name));
			signals[i].run(s->daemon);
		}
}

struct daemon_signals *signals_start(struct daemon *d, struct err *e) {
	struct daemon_signals *s = mem_zalloc(sizeof(*s));
	s->daemon = d;
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		s->events[i] = evsignal_new(loop_base(d->control), signals[i].number, on_signal, s);
		if (s->events[i] == NULL || event_add(s->events[i], NULL) < 0) {
			err_set(e, "%s can't be handled", signals[i].name);
			signals_stop(s);
			return NULL;
		}
	}
	signals_mask(SIG_UNBLOCK);
	return s;
}

void signals_stop(struct daemon_signals *s) {
	if (s == NULL)
		return;
	signals_mask(SIG_BLOCK); /* the end is under way: a signal now has nothing to add */
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		if (s->events[i] != NULL)
			event_free(s->events[i]);
	mem_free(s);
}
