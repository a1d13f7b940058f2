/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams in batches over a real socket: a flood that fills every batch is answered whole, over many turns of the loop, with the
 * socket out of epoll's sight meanwhile; what comes alone afterwards finds it watched again. Also when the kernel will not watch it for
 * a while: then the loop looks by itself, and at the others too.
 */
#include "io/private.h"

#include "steerway/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { FLOOD = 10 * 16 * UDP_BATCH, ALONE = 3, AT_ONCE = 4 * UDP_BATCH };

static struct loop *loop;
static struct event replies;
static int server_fd, client_fd;
static unsigned asked, answered, heard, full_batches, watched_when_full, unwatched_when_alone;
static unsigned n_refused, to_refuse; /* of epoll_ctl() for the server's socket */

/* In the place of libc's, which libevent would call. */
int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event) {
	if (op == EPOLL_CTL_ADD && fd == server_fd && n_refused < to_refuse && answered > 0) {
		n_refused++;
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

/* One of this process's epoll descriptors says that it has fd. */
static bool is_watched(int fd) {
	char wanted[32], path[64], text[4096];
	snprintf(wanted, sizeof wanted, "tfd: %8d ", fd);
	DIR *dir = opendir("/proc/self/fdinfo");
	assert_non_null(dir);
	bool is_found = false;
	for (struct dirent *d; (d = readdir(dir)) && !is_found;) {
		snprintf(path, sizeof path, "/proc/self/fdinfo/%.32s", d->d_name);
		int info = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = info < 0 ? -1 : read(info, text, sizeof text - 1);
		if (info >= 0)
			close(info);
		text[n < 0 ? 0 : n] = '\0';
		is_found = strstr(text, wanted) != NULL;
	}
	closedir(dir);
	return is_found;
}

static void ask(unsigned n) {
	for (; n > 0; n--, asked++)
		assert_int_equal(send(client_fd, &asked, sizeof asked, 0), sizeof asked);
}

/* In order, and none missing. The client's socket holds fewer replies than a turn of the loop makes. */
static void hear(void) {
	for (unsigned number; recv(client_fd, &number, sizeof number, MSG_DONTWAIT) == sizeof number;)
		assert_int_equal(number, heard++);
}

static void on_datagrams(void *context, struct udp_message *messages, unsigned n) {
	assert_ptr_equal(context, loop);
	if (n == UDP_BATCH && full_batches++ < 100)
		watched_when_full += is_watched(server_fd);
	if (answered >= FLOOD)
		unwatched_when_alone += !is_watched(server_fd);
	for (unsigned i = 0; i < n; i++) {
		unsigned number;
		assert_int_equal(messages[i].in.n, sizeof number);
		memcpy(&number, messages[i].in.p, sizeof number);
		assert_int_equal(number, answered++);
		memcpy(messages[i].out, messages[i].in.p, messages[i].n_out = sizeof number);
	}
	hear();
	if (asked < FLOOD)
		ask(n < FLOOD - asked ? n : FLOOD - asked);
}

/* The client has heard all of the flood: now it asks one by one. */
static void on_reply(evutil_socket_t fd, short what, void *arg) {
	(void)fd, (void)what, (void)arg;
	hear();
	to_refuse = 0; /* another descriptor had its turn */
	if (heard == asked && asked >= FLOOD + ALONE)
		loop_stop(loop);
	else if (heard == asked)
		ask(1);
}

static void flood(void) {
	struct err e;
	asked = answered = heard = full_batches = watched_when_full = unwatched_when_alone = n_refused = 0;
	struct addr at = { .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof at;
	assert_non_null(loop = loop_create(&e));
	server_fd = socket_bind_udp(&at, &e);
	client_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(getsockname(server_fd, &at.sa, &n), 0);
	assert_int_equal(connect(client_fd, &at.sa, n), 0);
	struct udp_socket *u = udp_socket_start(loop, server_fd, on_datagrams, loop, &e);
	assert_non_null(u);
	event_assign(&replies, loop_base(loop), client_fd, EV_READ | EV_PERSIST, on_reply, NULL);
	event_add(&replies, NULL);
	ask(AT_ONCE);
	loop_run(loop);
	assert_int_equal(answered, FLOOD + ALONE);
	assert_true(full_batches >= 100);
	assert_int_equal(watched_when_full, 0);
	assert_int_equal(unwatched_when_alone, 0);
	event_del(&replies);
	close(client_fd);
	udp_socket_stop(u);
	udp_thread_fini();
	loop_destroy(loop);
}

static void test_a_flood_and_what_comes_alone(void **state) {
	(void)state;
	flood();
}

static void quiet(int severity, const char *text) {
	(void)severity, (void)text;
}

/* libevent's word for each refusal is not for the test's output. */
static void test_no_watches_left(void **state) {
	(void)state;
	to_refuse = UINT_MAX;
	event_set_log_callback(quiet);
	flood();
	event_set_log_callback(NULL);
	assert_true(n_refused > 0);
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_flood_and_what_comes_alone),
		                            cmocka_unit_test(test_no_watches_left) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
