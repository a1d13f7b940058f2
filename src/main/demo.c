/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The demonstration: this process stays small and single-threaded; the origins and the real daemon are its children. It starts an
 * origin that was killed again after a while, and ends all of them by their ids. Children die with it (PR_SET_PDEATHSIG), and
 * it ends when its own parent does.
 */
#include "main/demo.h"
#include "main/daemon.h"
#include "main/main.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESTART_US (20 * USEC_PER_SEC)
#define STOP_US (6 * USEC_PER_SEC) /* drain_timeout is 2 s */

/* ---- ports ---- */

static void ports_choose(struct demo *d, unsigned base) {
	static const struct {
		const char *site, *address;
	} sites[DEMO_SITES] = { { "onprem", "127.0.0.11" }, { "cloud", "127.0.0.12" }, { "dr", "127.0.0.13" } };
	d->http = (uint16_t)(base ? base : 8080);
	d->https = (uint16_t)(base ? base + 1 : 8443);
	d->dns = (uint16_t)(base ? base + 2 : 5353);
	d->admin = (uint16_t)(base ? base + 3 : 8404);
	for (unsigned i = 0; i < DEMO_SITES; i++)
		d->origins[i] = (struct demo_origin){ .site = sites[i].site,
			                              .address = sites[i].address,
			                              .port = (uint16_t)((base ? base + 10 : 9000) + 1 + i) };
}

/* Without SO_REUSEPORT, so that a second demonstration, which could share the port, is seen too. */
static int port_check(const char *address, uint16_t port, int type, struct err *e) {
	struct addr at;
	int one = 1;
	if (!addr_parse_ip(&at, str_from(address)))
		return err_set(e, "%s is no address", address);
	addr_set_port(&at, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "socket");
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	int bound = bind(fd, &at.sa, addr_len(&at));
	if (bound == 0 && type == SOCK_STREAM)
		bound = listen(fd, 1);
	int result = 0;
	if (bound < 0 && errno == EADDRINUSE)
		result =
		    err_set(e, "%s port %u of %s is taken by another program; end it, or try `steerway demo --port-base 18000`",
		            type == SOCK_STREAM ? "TCP" : "UDP", port, address);
	else if (bound < 0)
		result = err_errno(e, "%s:%u", address, port);
	close(fd);
	return result;
}

static int ports_check(const struct demo *d, struct err *e) {
	static const char *const here = "127.0.0.1";
	if (port_check(here, d->http, SOCK_STREAM, e) < 0 || port_check(here, d->https, SOCK_STREAM, e) < 0 ||
	    port_check(here, d->dns, SOCK_STREAM, e) < 0 || port_check(here, d->dns, SOCK_DGRAM, e) < 0 ||
	    port_check(here, d->admin, SOCK_STREAM, e) < 0)
		return -1;
	for (size_t i = 0; i < DEMO_SITES; i++) {
		const struct demo_origin *o = &d->origins[i];
		if (port_check(o->address, o->port, SOCK_STREAM, e) < 0 || port_check(o->address, d->http, SOCK_STREAM, e) < 0 ||
		    port_check(o->address, d->https, SOCK_STREAM, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- processes ---- */

/* A child with its end of a pipe in *ready_fd; the parent gets 0 when a byte came through, -1 when the child ended before. Own process
 * group: a terminal's Ctrl-C goes to this process alone, which then ends them in order. */
static pid_t child_start(int death_signal, int *ready_fd) {
	int ends[2];
	pid_t parent = getpid();
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, death_signal);
		signal(SIGTTOU, SIG_IGN); /* a background process group may still log to the terminal */
		sigprocmask(SIG_SETMASK, &none, NULL);
		close(ends[0]);
		if (getppid() != parent)
			_exit(1);
		*ready_fd = ends[1];
		return 0;
	}
	close(ends[1]);
	*ready_fd = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

static int ready_wait(int fd) {
	char byte;
	ssize_t n;
	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	return n == 1 ? 0 : -1;
}

static int origin_start(struct demo_origin *o, struct err *e) {
	int ready_fd;
	char name[16];
	pid_t pid = child_start(SIGKILL, &ready_fd);
	if (pid < 0)
		return err_errno(e, "starting origin %s", o->site);
	if (pid == 0) {
		snprintf(name, sizeof(name), "origin-%s", o->site);
		prctl(PR_SET_NAME, name);
		demo_origin_serve(o, ready_fd);
	}
	o->pid = pid;
	return ready_wait(ready_fd) == 0 ? 0 : err_set(e, "origin %s did not start", o->site);
}

static int daemon_start(struct demo *d, struct err *e) {
	int ready_fd;
	char path[160];
	pid_t pid = child_start(SIGTERM, &ready_fd);
	if (pid < 0)
		return err_errno(e, "starting the daemon");
	if (pid == 0) {
		snprintf(path, sizeof(path), "%s/steerway.yaml", d->folder);
		exit(daemon_run(&(struct daemon_options){ .config_path = path, .ready_fd = ready_fd }));
	}
	d->daemon = pid;
	return ready_wait(ready_fd) == 0 ? 0 : err_set(e, "the daemon did not start; see the lines above");
}

/* ---- what it says ---- */

static void banner(const struct demo *d, const char *program) {
	char here[4096], ctl[4352];
	snprintf(here, sizeof(here), "%s", program);
	snprintf(ctl, sizeof(ctl), "%s/steerctl -s %s/admin.sock", dirname(here), d->folder);
	printf("\nsteerway runs (pid %d), with everything in %s\n\n", (int)d->daemon, d->folder);
	printf("  HTTP   http://127.0.0.1:%u        HTTPS  https://127.0.0.1:%u\n", d->http, d->https);
	printf("  DNS    127.0.0.1 port %u (UDP, TCP), zone example.org, steered names app and www\n", d->dns);
	printf("  admin  http://127.0.0.1:%u/metrics, socket %s/admin.sock\n\n", d->admin, d->folder);
	for (size_t i = 0; i < DEMO_SITES; i++)
		printf("  site %-7s address %s, origin on port %u, pid %d\n", d->origins[i].site, d->origins[i].address,
		       d->origins[i].port, (int)d->origins[i].pid);
	printf("\nTry, in another terminal (after the first line -s can be left out):\n\n");
	printf("  export STEERCTL_SOCKET=%s/admin.sock\n", d->folder);
	printf("  curl -k --resolve app.example.org:%u:127.0.0.1 https://app.example.org:%u/\n", d->https, d->https);
	printf("  dig @127.0.0.1 -p %u app.example.org +short\n", d->dns);
	printf("  %s show sites\n", ctl);
	printf("  %s explain app.example.org\n", ctl);
	printf("  %s drain site cloud --wait\n", ctl);
	printf("  %s ready site cloud\n", ctl);
	printf("\nKill an origin and watch the answer move (it is started again after %u s; -STOP and -CONT hold it still):\n\n",
	       (unsigned)(RESTART_US / USEC_PER_SEC));
	printf("  kill -KILL %d; watch -n 0.5 dig @127.0.0.1 -p %u app.example.org +short\n", (int)d->origins[0].pid, d->dns);
	printf("  %s explain app/%s-1\n", ctl, d->origins[0].site);
	printf("  tail -f %s/access.log\n", d->folder);
	printf("\nCtrl-C ends it and leaves nothing behind. The daemon's own log follows.\n\n");
	fflush(stdout);
}

/* ---- its life ---- */

/* Notes who ended. */
static void children_reap(struct demo *d) {
	pid_t pid;
	int status;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == d->daemon) {
			d->daemon = 0;
			d->is_daemon_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
			printf("demo: the daemon ended (%s %d)\n", WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		}
		for (size_t i = 0; i < DEMO_SITES; i++)
			if (pid == d->origins[i].pid) {
				d->origins[i].pid = 0;
				d->origins[i].restart_us = clock_update() + RESTART_US;
				printf("demo: origin %s (pid %d) ended; it is started again in %u s\n", d->origins[i].site,
				       (int)pid, (unsigned)(RESTART_US / USEC_PER_SEC));
			}
	}
	fflush(stdout);
}

static void origins_restart(struct demo *d) {
	uint64_t now = clock_update();
	struct err e;
	for (size_t i = 0; i < DEMO_SITES; i++) {
		struct demo_origin *o = &d->origins[i];
		if (o->pid != 0 || o->restart_us > now)
			continue;
		if (origin_start(o, &e) < 0)
			printf("demo: %s\n", e.text); /* its end is noted, and it is tried again */
		else
			printf("demo: origin %s runs again, pid %d\n", o->site, (int)o->pid);
		fflush(stdout);
	}
}

static uint64_t next_restart(const struct demo *d) {
	uint64_t at = UINT64_MAX;
	for (size_t i = 0; i < DEMO_SITES; i++)
		if (d->origins[i].pid == 0 && d->origins[i].restart_us < at)
			at = d->origins[i].restart_us;
	return at;
}

/* The next signal of the set, or 0 when `until_us` came first. */
static int signal_await(const sigset_t *set, uint64_t until_us) {
	uint64_t now = clock_update(), left = until_us > now ? until_us - now : 0;
	if (until_us == UINT64_MAX)
		left = 3600 * USEC_PER_SEC;
	const struct timespec t = { .tv_sec = (time_t)(left / USEC_PER_SEC), .tv_nsec = (long)(left % USEC_PER_SEC * 1000) };
	int number = sigtimedwait(set, NULL, &t);
	return number > 0 ? number : 0;
}

static void watch(struct demo *d, const sigset_t *set) {
	while (d->daemon != 0) {
		int number = signal_await(set, next_restart(d));
		if (number != 0 && number != SIGCHLD)
			return;
		children_reap(d);
		origins_restart(d);
	}
}

/* The daemon first, so that it can finish what is in progress with its origins. */
static void children_stop(struct demo *d, const sigset_t *set) {
	uint64_t until_us = clock_update() + STOP_US;
	if (d->daemon > 0)
		kill(d->daemon, SIGTERM);
	while (d->daemon > 0 && clock_update() < until_us) {
		if (waitpid(d->daemon, NULL, WNOHANG) == d->daemon)
			d->daemon = 0;
		else
			signal_await(set, until_us);
	}
	if (d->daemon > 0) {
		kill(d->daemon, SIGKILL);
		waitpid(d->daemon, NULL, 0);
	}
	for (size_t i = 0; i < DEMO_SITES; i++)
		if (d->origins[i].pid > 0) {
			kill(d->origins[i].pid, SIGKILL); /* it holds no state, and may be stopped */
			waitpid(d->origins[i].pid, NULL, 0);
		}
}

static void signals_hold(sigset_t *set) {
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	sigemptyset(set);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		sigaddset(set, numbers[i]);
	sigprocmask(SIG_BLOCK, set, NULL);
}

int demo_run(const struct demo_options *o) {
	struct demo d = { 0 };
	struct err e;
	sigset_t set;
	pid_t parent = getppid();
	int status = 1;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 1;
	signals_hold(&set);
	ports_choose(&d, o->port_base);
	if (ports_check(&d, &e) < 0 || demo_files_write(&d, &e) < 0)
		goto out;
	for (size_t i = 0; i < DEMO_SITES; i++)
		if (origin_start(&d.origins[i], &e) < 0)
			goto out;
	if (daemon_start(&d, &e) < 0)
		goto out;
	banner(&d, o->program);
	watch(&d, &set);
	status = d.daemon > 0 || d.is_daemon_well ? 0 : 1;
	e.text[0] = '\0';
out:
	if (status != 0 && e.text[0] != '\0')
		fprintf(stderr, "steerway demo: %s\n", e.text);
	children_stop(&d, &set);
	demo_files_remove(&d);
	if (status == 0)
		printf("\ndemo: ended; nothing is left behind\n");
	return status;
}
