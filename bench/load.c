/* SPDX-License-Identifier: BSD-2-Clause
 * The load of HTTP/1.1 measurements: one thread, one epoll, closed loop or paced, over kept, new, TLS or resumed connections.
 *
 * It has to be lighter than what it measures, and the same for every program, so it trusts its peers: answers carry Content-Length, and one
 * whose head is as long as the one before on that connection has the same length. Anything else than a whole 200 is an error, counted.
 * It runs in two phases with a gate between: after the warm-up nothing is under way, it writes `begin` and waits for a line; whoever measures
 * reads counters there. A JSON line ends the second phase; connections stay open until standard input closes.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct options {
	struct sockaddr_in address;
	const char *path, *host; /* `%` stands for a number below `variants` */
	unsigned connections, in_flight, variants;
	uint64_t warm_requests, requests; /* 0 requests: by time */
	double seconds, rate;             /* rate 0: closed loop */
	bool is_new, is_tls, is_resumed, is_idle;
} opt = { .path = "/13", .host = "app.test", .connections = 64, .variants = 1, .warm_requests = 2000, .seconds = 2 };

struct request {
	char *text;
	size_t length;
};

static struct request *requests; /* one a variant */
static struct conn *conns;
static struct conn **idle; /* a ring of those that nothing is under way on */
static unsigned idle_first, idle_count, under_way;
static int poller;
static char buffer[256 * 1024];

/* The phase under way: what it was asked for, what came of it. */
static struct phase {
	uint64_t started_ns, end_ns, wanted, begun, done, errors, resumed, new_connections;
	struct histogram latency;
} phase;

uint64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
	perror(what);
	exit(1);
}

/* ---- connections ---- */

static void conn_open(struct conn *c) {
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (connect(c->fd, (struct sockaddr *)&opt.address, sizeof(opt.address)) < 0 && errno != EINPROGRESS)
		die("connect");
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
	if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e) < 0)
		die("epoll_ctl");
	if (opt.is_tls)
		tls_attach(c);
	phase.new_connections++;
}

static void conn_close(struct conn *c) {
	if (c->ssl)
		tls_detach(c);
	close(c->fd);
	c->fd = -1;
	c->answer_length = c->answer_head = 0;
}

static void conn_rest(struct conn *c) {
	c->is_under_way = false;
	under_way--;
	idle[(idle_first + idle_count++) % opt.connections] = c;
}

static void conn_fail(struct conn *c) {
	phase.errors++;
	conn_close(c);
	conn_rest(c);
}

/* ---- one request ---- */

/* >0 bytes, 0 the end, -1 not now, -2 an error. */
static ssize_t conn_read(struct conn *c, void *at, size_t room) {
	if (c->ssl)
		return tls_read(c, at, room);
	ssize_t n = recv(c->fd, at, room, 0);
	return n >= 0 ? n : errno == EAGAIN ? -1 : -2;
}

static ssize_t conn_write(struct conn *c, const void *data, size_t length) {
	if (c->ssl)
		return tls_write(c, data, length);
	ssize_t n = send(c->fd, data, length, MSG_NOSIGNAL);
	return n >= 0 ? n : errno == EAGAIN || errno == ENOTCONN ? -1 : -2;
}

/* Head and body of the answer from its head; 0: the head is not whole; -1: nothing that was asked for. */
static ssize_t answer_measure(struct conn *c, const char *head, size_t length) {
	const char *end = memmem(head, length, "\r\n\r\n", 4);
	if (!end)
		return length >= sizeof(c->head) ? -1 : 0;
	if (memcmp(head, "HTTP/1.1 200", 12) != 0)
		return -1;
	for (const char *line = memchr(head, '\n', length); line && line < end;
	     line = memchr(line + 1, '\n', (size_t)(end - line))) {
		if (strncasecmp(line + 1, "content-length:", 15) != 0)
			continue;
		c->answer_head = (size_t)(end + 4 - head);
		c->answer_length = c->answer_head + strtoul(line + 16, NULL, 10);
		return (ssize_t)c->answer_length;
	}
	return -1;
}

/* The whole length of the answer that begins with this, as answer_measure(). */
static ssize_t answer_length(struct conn *c, const char *data, size_t length) {
	size_t head = c->answer_head;
	if (head && length >= head && memcmp(data + head - 4, "\r\n\r\n", 4) == 0 && memcmp(data, "HTTP/1.1 200", 12) == 0)
		return (ssize_t)c->answer_length;
	return answer_measure(c, data, length);
}

/* Bytes of the answer; false: no answer that was asked for. */
static bool answer_feed(struct conn *c, const char *data, size_t length) {
	if (c->expected == 0) {
		if (c->got > 0) { /* a head in pieces */
			size_t more = length < sizeof(c->head) - c->got ? length : sizeof(c->head) - c->got;
			memcpy(c->head + c->got, data, more);
		}
		ssize_t whole =
		    c->got > 0 ? answer_length(c, c->head, c->got + length > sizeof(c->head) ? sizeof(c->head) : c->got + length)
			       : answer_length(c, data, length);
		if (whole < 0 || (whole == 0 && c->got + length > sizeof(c->head)))
			return false;
		if (whole == 0 && c->got == 0)
			memcpy(c->head, data, length);
		c->expected = (size_t)whole;
	}
	c->got += length;
	return c->expected == 0 || c->got <= c->expected;
}

static void request_done(struct conn *c) {
	c->done_ns = now_ns();
	histogram_add(&phase.latency, c->done_ns - c->started_ns);
	phase.done++;
	phase.resumed += c->is_resumed;
	c->is_answered = true;
}

/* Takes what has come. An edge is used up by a short read only when nothing else can be waiting: bodies and TLS read on. */
static void conn_take(struct conn *c) {
	for (;;) {
		ssize_t n = conn_read(c, buffer, sizeof(buffer));
		if (n == -1)
			return;
		if (n <= 0) {
			if (n == 0 && c->is_answered && opt.is_new) {
				conn_close(c);
				conn_rest(c);
			} else {
				conn_fail(c);
			}
			return;
		}
		if (c->is_answered || !answer_feed(c, buffer, (size_t)n)) {
			conn_fail(c);
			return;
		}
		if (c->expected && c->got == c->expected) {
			request_done(c);
			if (!opt.is_new) {
				conn_rest(c);
				return;
			}
		}
	}
}

/* Goes on with a connection as far as it can. */
static void conn_drive(struct conn *c) {
	if (c->ssl && !c->is_shaken) {
		int r = tls_handshake(c);
		if (r < 0)
			conn_fail(c);
		if (r <= 0)
			return;
	}
	while (c->sent < c->request->length) {
		ssize_t n = conn_write(c, c->request->text + c->sent, c->request->length - c->sent);
		if (n == -1)
			return;
		if (n < 0) {
			conn_fail(c);
			return;
		}
		c->sent += (size_t)n;
		if (c->sent == c->request->length)
			return; /* the answer rings */
	}
	conn_take(c);
}

static void request_start(uint64_t since_ns) {
	struct conn *c = idle[idle_first];
	idle_first = (idle_first + 1) % opt.connections;
	idle_count--;
	under_way++;
	c->is_under_way = true;
	c->is_answered = false;
	c->sent = c->got = c->expected = 0;
	c->request =
	    &requests[phase.begun % opt.variants * 7919 % opt.variants]; /* a prime stride: neighbours are not neighbours */
	phase.begun++;
	c->started_ns = since_ns;
	if (c->fd < 0)
		conn_open(c);
	conn_drive(c);
}

/* ---- the loop ---- */

static bool phase_wants(uint64_t now) {
	return phase.wanted ? phase.begun < phase.wanted : now < phase.end_ns;
}

/* Starts what is due. The time until the next one, in ns, where that is known; else -1. */
static int64_t pump(void) {
	uint64_t now = now_ns();
	if (opt.rate == 0) {
		while (under_way < opt.in_flight && idle_count > 0 && phase_wants(now))
			request_start(now_ns());
		return -1;
	}
	for (;;) {
		uint64_t due = phase.started_ns + (uint64_t)((double)phase.begun * 1e9 / opt.rate);
		if (!phase_wants(due))
			return -1;
		if (due > now)
			return (int64_t)(due - now);
		if (idle_count == 0)
			return -1;
		request_start(due); /* late or not: what waits for a connection counts as latency */
	}
}

static void on_event(struct conn *c, uint32_t events) {
	if (c->is_under_way) {
		conn_drive(c);
	} else if (c->fd >= 0 && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
		phase.errors++; /* closed although it was to be kept */
		conn_close(c);
	}
}

static void run_phase(uint64_t wanted, double seconds) {
	memset(&phase, 0, sizeof(phase));
	phase.started_ns = now_ns();
	phase.wanted = wanted;
	phase.end_ns = phase.started_ns + (uint64_t)(seconds * 1e9);
	for (;;) {
		int64_t next = pump();
		if (under_way == 0 && next < 0)
			break;
		struct epoll_event events[256];
		struct timespec wait = { .tv_sec = next / 1000000000, .tv_nsec = next % 1000000000 };
		int n = epoll_pwait2(poller, events, 256, next < 0 ? NULL : &wait, NULL);
		if (n < 0 && errno != EINTR)
			die("epoll_pwait2");
		for (int i = 0; i < n; i++) {
			on_event(events[i].data.ptr, events[i].events);
			pump();
		}
	}
	phase.end_ns = now_ns();
}

/* One request on each connection, so that all of them are open and were of use. */
static void open_all(void) {
	unsigned in_flight = opt.in_flight;
	double rate = opt.rate;
	opt.in_flight = in_flight < 32 ? in_flight : 32;
	opt.rate = 0;
	run_phase(opt.connections, 0);
	opt.in_flight = in_flight;
	if (opt.warm_requests && !opt.is_idle)
		run_phase(opt.warm_requests, 0);
	opt.rate = rate;
}

/* ---- in and out ---- */

static void gate(void) {
	char line[16];
	puts("begin");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static void report(void) {
	double seconds = (double)(phase.end_ns - phase.started_ns) / 1e9;
	printf("{\"requests\": %lu, \"errors\": %lu, \"seconds\": %.6f, \"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
	       "\"p999_us\": %.1f, "
	       "\"connections\": %lu, \"resumed\": %lu}\n",
	       phase.done, phase.errors, seconds, (double)phase.done / seconds, histogram_us(&phase.latency, 0.5),
	       histogram_us(&phase.latency, 0.99), histogram_us(&phase.latency, 0.999), phase.new_connections, phase.resumed);
	fflush(stdout);
}

/* `%` in a text becomes the number. */
static void put_variant(FILE *out, const char *text, unsigned number) {
	for (; *text; text++)
		if (*text == '%')
			fprintf(out, "%u", number);
		else
			fputc(*text, out);
}

static void requests_make(void) {
	requests = calloc(opt.variants, sizeof(*requests));
	for (unsigned i = 0; i < opt.variants; i++) {
		FILE *out = open_memstream(&requests[i].text, &requests[i].length);
		fputs("GET ", out);
		put_variant(out, opt.path, i);
		fputs(" HTTP/1.1\r\nHost: ", out);
		put_variant(out, opt.host, i);
		fputs(opt.is_new ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n", out);
		fclose(out);
	}
}

static void conns_make(void) {
	conns = calloc(opt.connections, sizeof(*conns));
	idle = calloc(opt.connections, sizeof(struct conn *));
	for (; idle_count < opt.connections; idle_count++) {
		conns[idle_count].fd = -1;
		idle[idle_count] = &conns[idle_count];
	}
}

static void clean_up(void) {
	for (unsigned i = 0; i < opt.connections; i++) {
		if (conns[i].fd >= 0)
			conn_close(&conns[i]);
		tls_forget(&conns[i]);
	}
	for (unsigned i = 0; i < opt.variants; i++)
		free(requests[i].text);
	free(requests);
	free(conns);
	free(idle);
	tls_fini();
	close(poller);
}

static _Noreturn void usage(void) {
	fputs("usage: load [-c connections] [-f in flight] [-d seconds | -n requests] [-r requests/s] [-w warm-up requests]\n"
	      "            [-u path] [-H host] [-V variants of `%` in both] [-N (new connections)] [-T (TLS 1.3)] [-R (resumed)] "
	      "[-I (idle)] ip port\n",
	      stderr);
	exit(2);
}

static void arguments(int argc, char **argv) {
	for (int o; (o = getopt(argc, argv, "c:f:d:n:r:w:u:H:V:NTRI")) != -1;) {
		switch (o) {
		case 'c':
			opt.connections = (unsigned)atoi(optarg);
			break;
		case 'f':
			opt.in_flight = (unsigned)atoi(optarg);
			break;
		case 'd':
			opt.seconds = atof(optarg);
			break;
		case 'n':
			opt.requests = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			opt.rate = atof(optarg);
			break;
		case 'w':
			opt.warm_requests = strtoul(optarg, NULL, 10);
			break;
		case 'u':
			opt.path = optarg;
			break;
		case 'H':
			opt.host = optarg;
			break;
		case 'V':
			opt.variants = (unsigned)atoi(optarg);
			break;
		case 'N':
			opt.is_new = true;
			break;
		case 'T':
			opt.is_tls = true;
			break;
		case 'R':
			opt.is_resumed = true;
			break;
		case 'I':
			opt.is_idle = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2 || !opt.connections || !opt.variants)
		usage();
	opt.address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[optind + 1])) };
	if (inet_pton(AF_INET, argv[optind], &opt.address.sin_addr) != 1)
		usage();
	if (!opt.in_flight || opt.in_flight > opt.connections)
		opt.in_flight = opt.connections;
}

int main(int argc, char **argv) {
	arguments(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	poller = epoll_create1(EPOLL_CLOEXEC);
	requests_make();
	conns_make();
	tls_init(opt.is_tls, opt.is_resumed, opt.host);
	open_all();
	uint64_t errors = phase.errors;
	gate();
	if (!opt.is_idle)
		run_phase(opt.requests, opt.seconds);
	else
		phase.errors = errors;
	report();
	while (getchar() != EOF)
		;
	clean_up();
	return 0;
}
