/* SPDX-License-Identifier: BSD-2-Clause
 * The origin of measurements, as cheap as can be: `origin IP PORT H2PORT` answers HTTP/1.1 on one port and HTTP/2 with prior knowledge on
 * the other, from one thread, with bytes that are made once. It trusts who asks (the programs under test): requests have no body and
 * are not pipelined; of a path only its start counts (/13, /10k, /1m), and over HTTP/2, where header blocks are not even decoded, every answer is the
 * one of 13 bytes. What does not fit ends the connection.
 */
#include "origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct answer {
	char *text;
	size_t length;
};

static struct answer small, middle, large;
static int poller;
static char buffer[64 * 1024];

static void answer_make(struct answer *a, size_t size, const char *body) {
	FILE *out = open_memstream(&a->text, &a->length);
	fprintf(out, "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", size);
	for (size_t i = 0; i < size; i++)
		fputc(body[i % strlen(body)], out);
	fclose(out);
}

static void conn_close(struct conn *c) {
	close(c->fd);
	h2_free(c->h2);
	free(c);
}

/* What a connection owes goes out as far as the socket takes it. */
static bool conn_flush(struct conn *c) {
	while (c->owed > 0) {
		ssize_t n = send(c->fd, c->from, c->owed, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		c->from += n;
		c->owed -= (size_t)n;
	}
	return true;
}

/* A request is whole when what was read ends as heads end: nobody sends another before the answer. */
static bool h1_feed(struct conn *c, const char *data, size_t length) {
	for (size_t i = 0; c->seen < sizeof(c->start) && i < length; i++)
		c->start[c->seen++] = data[i];
	for (size_t i = length < 4 ? 0 : length - 4; i < length; i++)
		c->ending = c->ending << 8 | (unsigned char)data[i];
	if (c->ending != 0x0d0a0d0a)
		return true;
	if (c->owed > 0 || c->seen < sizeof(c->start))
		return false;
	const struct answer *a = memcmp(c->start, "GET /1m", 7) == 0   ? &large
	                         : memcmp(c->start, "GET /10", 7) == 0 ? &middle
	                                                               : &small;
	c->seen = 0;
	c->ending = 0;
	c->from = a->text;
	c->owed = a->length;
	return conn_flush(c);
}

static bool conn_take(struct conn *c) {
	for (;;) {
		ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		if (c->h2 ? !h2_feed(c->h2, c->fd, buffer, (size_t)n) : !h1_feed(c, buffer, (size_t)n))
			return false;
		if ((size_t)n < sizeof(buffer))
			return true; /* drained; what comes later rings again */
	}
}

static void on_event(struct conn *c, uint32_t events) {
	bool is_good = true;
	if (events & EPOLLOUT)
		is_good = c->h2 ? h2_flush(c->h2, c->fd) : conn_flush(c);
	if (is_good && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		is_good = conn_take(c);
	if (!is_good || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		conn_close(c);
}

static void on_accept(int listener, bool is_h2) {
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		struct conn *c = calloc(1, sizeof(*c));
		c->fd = fd;
		c->h2 = is_h2 ? h2_new() : NULL;
		struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) < 0)
			conn_close(c);
	}
}

static int listen_on(const char *ip, const char *port) {
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (inet_pton(AF_INET, ip, &at.sin_addr) != 1 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 4096) < 0) {
		fprintf(stderr, "origin: %s:%s: %s\n", ip, port, strerror(errno));
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv) {
	if (argc != 4) {
		fputs("usage: origin IP PORT H2PORT\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	answer_make(&small, 13, "Hello, world\n");
	answer_make(&middle, 10 * 1024, "0123456789abcdef");
	answer_make(&large, 1024 * 1024, "0123456789abcdef");
	poller = epoll_create1(EPOLL_CLOEXEC);
	int listeners[2] = { listen_on(argv[1], argv[2]), listen_on(argv[1], argv[3]) };
	for (int i = 0; i < 2; i++)
		epoll_ctl(poller, EPOLL_CTL_ADD, listeners[i],
		          &(struct epoll_event){ .events = EPOLLIN, .data.ptr = &listeners[i] });
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(poller, events, 256, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &listeners[0] || events[i].data.ptr == &listeners[1])
				on_accept(*(int *)events[i].data.ptr, events[i].data.ptr == &listeners[1]);
			else
				on_event(events[i].data.ptr, events[i].events);
		}
	}
}
