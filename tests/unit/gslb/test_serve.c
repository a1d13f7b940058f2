/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder on real sockets and workers: UDP, TCP as RFC 7766 wants it, limits, and listeners that come and go by reload. */
#include "unit/gslb/fixture.h"

#include "steerway/base/rand.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

struct house {
	struct fixture *x;
	struct workers *workers;
	unsigned port, other_port;
	const char *dns; /* section of that name in what serve() loads */
};

/* Real time plus what the test adds to it. */
static _Atomic uint64_t leap_us;
static uint64_t leaping_clock(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000 + leap_us;
}

static struct sockaddr_in at(unsigned port) {
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons((uint16_t)port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* Below the range that the kernel gives to clients, so that none of another test's takes it meanwhile. */
static unsigned free_port(void) {
	for (;;) {
		struct sockaddr_in a = at(10000 + (unsigned)rand_below(rand_thread(), 20000));
		int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
		bool is_free =
		    bind(tcp, (struct sockaddr *)&a, sizeof(a)) == 0 && bind(udp, (struct sockaddr *)&a, sizeof(a)) == 0;
		close(tcp);
		close(udp);
		if (is_free)
			return ntohs(a.sin_port);
	}
}

static int client(int type, unsigned port) {
	struct sockaddr_in a = at(port);
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, type, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Reload with these ports; max_connections of each. */
static bool serve(struct house *h, const unsigned *ports, size_t n_ports, unsigned max_connections, struct err *e) {
	struct buf yaml = { 0 };
	buf_printf(&yaml, "listeners: { dns: { max_connections: %u, protocol: dns, bind: [", max_connections);
	for (size_t i = 0; i < n_ports; i++)
		buf_printf(&yaml, "%s'127.0.0.1:%u'", i ? ", " : "", ports[i]);
	buf_printf(&yaml, "] } }\nzones: { example.org: { file: example.org.zone } }\n%s", h->dns ? h->dns : "");
	buf_add_char(&yaml, '\0');
	bool is_done = fixture_reload(h->x, yaml.p, e);
	buf_fini(&yaml);
	return is_done;
}

static int setup(void **state) {
	struct house *h = mem_zalloc(sizeof(*h));
	struct err e;
	clock_set_source(leaping_clock);
	h->workers = workers_create(1, &e);
	assert_non_null(h->workers);
	h->x = fixture_create();
	gslb_destroy(h->x->gslb);
	h->x->gslb = gslb_create(h->x->fleet, h->workers, &e);
	struct buf zone = { 0 };
	buf_printf(&zone, "@ 60 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&zone, "big 60 A 10.0.%d.%d\n", i / 250, i % 250);
	buf_add_char(&zone, '\0');
	fixture_file(h->x, "example.org.zone", zone.p);
	buf_fini(&zone);
	h->port = free_port();
	h->other_port = free_port();
	if (!serve(h, &h->port, 1, 100, &e))
		fail_msg("%s", e.text);
	*state = h;
	return 0;
}

static int teardown(void **state) {
	struct house *h = *state;
	fixture_destroy(h->x);
	workers_destroy(h->workers);
	mem_free(h);
	clock_set_source(NULL);
	return 0;
}

/* ---- clients ---- */

static void tcp_send(int fd, const void *p, size_t n) {
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}
/* The fixture's query with its length before it. */
static size_t framed(const struct fixture *x, char *out) {
	dns_put16(out, (unsigned)x->n_query);
	memcpy(out + 2, x->query, x->n_query);
	return x->n_query + 2;
}
static bool recv_all(int fd, void *p, size_t n) {
	for (size_t got = 0; got < n;) {
		ssize_t r = recv(fd, (char *)p + got, n - got, 0);
		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	return true;
}
static bool tcp_recv(struct fixture *x, int fd) {
	char length[2];
	if (!recv_all(fd, length, 2))
		return false;
	x->n_answer = dns_get16(length);
	return recv_all(fd, x->answer, x->n_answer);
}
static const char *tcp_ask(struct fixture *x, int fd, const char *name) {
	char m[600];
	query_begin(x, name, 1);
	tcp_send(fd, m, framed(x, m));
	assert_true(tcp_recv(x, fd));
	return answer_text(x);
}
static const char *udp_ask(struct house *h, unsigned port) {
	struct fixture *x = h->x;
	int fd = client(SOCK_DGRAM, port);
	query_begin(x, "ns1.example.org", 1);
	assert_int_equal(send(fd, x->query, x->n_query, 0), x->n_query);
	ssize_t n = recv(fd, x->answer, sizeof(x->answer), 0);
	close(fd);
	if (n < 0)
		return "refused";
	x->n_answer = (size_t)n;
	return answer_text(x);
}

static const char ns1[] = "NOERROR aa\nan ns1.example.org. 60 IN A 192.0.2.1\n";

/* ---- tests ---- */

static void test_udp(void **state) {
	struct house *h = *state;
	for (int i = 0; i < 100; i++)
		assert_string_equal(udp_ask(h, h->port), ns1);
}

static void test_tcp_pieces(void **state) {
	struct house *h = *state;
	struct fixture *x = h->x;
	char m[1200];
	int fd = client(SOCK_STREAM, h->port);
	assert_string_equal(tcp_ask(x, fd, "ns1.example.org"), ns1);
	size_t n = framed(x, m);
	for (size_t i = 0; i < n; i++) /* byte by byte */
		tcp_send(fd, m + i, 1);
	assert_true(tcp_recv(x, fd));
	assert_string_equal(answer_text(x), ns1);
	memcpy(m + n, m, n); /* two and a half at once */
	memcpy(m + 2 * n, m, n);
	tcp_send(fd, m, 2 * n + n / 2);
	for (int i = 0; i < 2; i++) {
		assert_true(tcp_recv(x, fd));
		assert_string_equal(answer_text(x), ns1);
	}
	tcp_send(fd, m + 2 * n + n / 2, n - n / 2);
	assert_true(tcp_recv(x, fd));
	/* Whole where UDP would truncate. */
	tcp_ask(x, fd, "big.example.org");
	assert_int_equal(dns_get16(x->answer + 6), 1000);
	assert_int_equal(dns_get16(x->answer + 2) & DNS_FLAG_TC, 0);
	close(fd);
}

/* What is not answered, or answered with FORMERR, does not end the connection. */
static void test_tcp_odd_messages(void **state) {
	struct house *h = *state;
	struct fixture *x = h->x;
	char m[600];
	int fd = client(SOCK_STREAM, h->port);
	tcp_send(fd, "\0\0", 2);
	tcp_send(fd, "\0\3abc", 5);
	query_begin(x, "ns1.example.org", 1);
	x->query[2] = (char)0x80;
	tcp_send(fd, m, framed(x, m));
	assert_string_equal(tcp_ask(x, fd, "ns1.example.org"), ns1);
	char *longest = mem_zalloc(2 + 65535);
	query_begin(x, "ns1.example.org", 1);
	framed(x, longest);
	dns_put16(longest, 65535);
	tcp_send(fd, longest, 2 + 65535);
	mem_free(longest);
	assert_true(tcp_recv(x, fd));
	assert_int_equal(x->n_answer, 12);
	assert_int_equal(x->answer[3] & 15, DNS_FORMERR);
	assert_string_equal(tcp_ask(x, fd, "ns1.example.org"), ns1);
	close(fd);
}

/* A client that asks on and on without reading: bounded, and nothing is lost once it reads (RFC 7766 6.2.1.1). */
static void test_tcp_back_pressure(void **state) {
	struct house *h = *state;
	struct fixture *x = h->x;
	char m[600];
	int fd = client(SOCK_STREAM, h->port);
	query_begin(x, "big.example.org", 1);
	size_t n = framed(x, m), sent_bytes = 0;
	/* Until the server has not taken a byte for a while: then its buffers, and the kernel's, are full. */
	for (struct pollfd p = { .fd = fd, .events = POLLOUT }; poll(&p, 1, 500) == 1;) {
		ssize_t sent = send(fd, m + sent_bytes % n, n - sent_bytes % n, MSG_DONTWAIT | MSG_NOSIGNAL);
		assert_true(sent > 0);
		sent_bytes += (size_t)sent;
	}
	size_t whole = sent_bytes / n;
	assert_true(whole > 100);
	for (size_t i = 0; i < whole; i++) {
		assert_true(tcp_recv(x, fd));
		assert_int_equal(x->n_answer, 12 + 21 + 1000 * 16);
	}
	if (sent_bytes % n)
		tcp_send(fd, m + sent_bytes % n, n - sent_bytes % n);
	if (sent_bytes % n)
		assert_true(tcp_recv(x, fd));
	assert_string_equal(tcp_ask(x, fd, "ns1.example.org"), ns1);
	close(fd);
}

static void test_tcp_half_close(void **state) {
	struct house *h = *state;
	struct fixture *x = h->x;
	char m[600];
	int fd = client(SOCK_STREAM, h->port);
	query_begin(x, "ns1.example.org", 1);
	size_t n = framed(x, m);
	for (int i = 0; i < 50; i++)
		tcp_send(fd, m, n);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 50; i++)
		assert_true(tcp_recv(x, fd));
	assert_int_equal(recv(fd, m, 1, 0), 0);
	close(fd);
}

/* Idle, and stuck in the middle of a query: both are closed. */
static void test_tcp_timeouts(void **state) {
	struct house *h = *state;
	char byte;
	int idle = client(SOCK_STREAM, h->port), slow = client(SOCK_STREAM, h->port);
	tcp_ask(h->x, idle, "ns1.example.org");
	tcp_ask(h->x, slow, "ns1.example.org");
	leap_us += 5 * USEC_PER_SEC;                   /* a machine that stops for as long is too busy */
	tcp_send(slow, "\0\40abc", 5);                 /* no rest: the ten seconds run on */
	assert_string_equal(udp_ask(h, h->port), ns1); /* wakes the loop */
	assert_int_equal(recv(idle, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(recv(slow, &byte, 1, MSG_DONTWAIT), -1);
	leap_us += 6 * USEC_PER_SEC;
	udp_ask(h, h->port);
	assert_int_equal(recv(idle, &byte, 1, 0), 0);
	assert_true(recv(slow, &byte, 1, 0) <= 0); /* a reset, where the bytes were not read yet */
	close(idle);
	close(slow);
}

static void test_tcp_limit(void **state) {
	struct house *h = *state;
	struct fixture *x = h->x;
	struct err e;
	char m[600];
	assert_true(serve(h, &h->port, 1, 2, &e));
	int a = client(SOCK_STREAM, h->port), b = client(SOCK_STREAM, h->port), c = client(SOCK_STREAM, h->port);
	assert_string_equal(tcp_ask(x, a, "ns1.example.org"), ns1);
	assert_string_equal(tcp_ask(x, b, "ns1.example.org"), ns1);
	query_begin(x, "ns1.example.org", 1);
	tcp_send(c, m, framed(x, m)); /* waits in the kernel */
	assert_string_equal(tcp_ask(x, a, "ns1.example.org"), ns1);
	struct pollfd p = { .fd = c, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 100), 0);
	close(b);
	assert_true(tcp_recv(x, c));
	assert_string_equal(answer_text(x), ns1);
	close(a);
	close(c);
	assert_true(serve(h, &h->port, 1, 100, &e));
}

/* Those of one client, over all workers; with none left, one that closes makes room. */
static void test_tcp_limit_of_a_client(void **state) {
	struct house *h = *state;
	struct err e;
	char byte;
	h->dns = "dns: { limits: { exempt: [192.0.2.0/24] }, tcp: { max_connections_per_client: 2 } }\n";
	assert_true(serve(h, &h->port, 1, 100, &e));
	int64_t before = metric_sum(METRIC_gslb_tcp_refused_total);
	int a = client(SOCK_STREAM, h->port), b = client(SOCK_STREAM, h->port);
	assert_string_equal(tcp_ask(h->x, a, "ns1.example.org"), ns1);
	assert_string_equal(tcp_ask(h->x, b, "ns1.example.org"), ns1);
	int c = client(SOCK_STREAM, h->port);
	assert_true(recv(c, &byte, 1, 0) <= 0);
	assert_int_equal(metric_sum(METRIC_gslb_tcp_refused_total), before + 1);
	close(c);
	assert_string_equal(tcp_ask(h->x, a, "ns1.example.org"), ns1);
	shutdown(b, SHUT_WR);
	assert_int_equal(recv(b, &byte, 1, 0), 0); /* its end was seen */
	close(b);
	c = client(SOCK_STREAM, h->port);
	assert_string_equal(tcp_ask(h->x, c, "ns1.example.org"), ns1);
	close(a);
	close(c);
	h->dns = NULL;
	assert_true(serve(h, &h->port, 1, 100, &e));
}

/* RFC 7828 3.3.2, 3.4: the timeout in tenths of a second; 0 when nobody else can come in. */
static unsigned ask_keepalive(struct fixture *x, int fd) {
	char m[600];
	size_t n;
	query_begin(x, "ns1.example.org", 1);
	query_edns(x, 1232, 0, 0);
	query_option(x, DNS_OPTION_KEEPALIVE, "", 0);
	tcp_send(fd, m, framed(x, m));
	assert_true(tcp_recv(x, fd));
	const uint8_t *told = answer_option(x, DNS_OPTION_KEEPALIVE, &n);
	assert_non_null(told);
	assert_int_equal(n, 2);
	return dns_get16(told);
}
static void test_tcp_idle_timeout(void **state) {
	struct house *h = *state;
	struct err e;
	char byte;
	h->dns = "dns: { tcp: { idle_timeout: 30s } }\n";
	assert_true(serve(h, &h->port, 1, 2, &e));
	int a = client(SOCK_STREAM, h->port);
	assert_int_equal(ask_keepalive(h->x, a), 300);
	int b = client(SOCK_STREAM, h->port);
	assert_int_equal(ask_keepalive(h->x, b), 0);
	close(b);
	leap_us += 29 * USEC_PER_SEC;
	udp_ask(h, h->port);
	assert_int_equal(recv(a, &byte, 1, MSG_DONTWAIT), -1);
	leap_us += 2 * USEC_PER_SEC;
	udp_ask(h, h->port);
	assert_int_equal(recv(a, &byte, 1, 0), 0);
	close(a);
	h->dns = NULL;
	assert_true(serve(h, &h->port, 1, 100, &e));
}

static void test_reload_of_listeners(void **state) {
	struct house *h = *state;
	struct fixture *x = h->x;
	struct err e;
	int kept = client(SOCK_STREAM, h->port);
	assert_string_equal(tcp_ask(x, kept, "ns1.example.org"), ns1);
	unsigned both[] = { h->port, h->other_port };
	assert_true(serve(h, both, 2, 100, &e));
	assert_string_equal(udp_ask(h, h->other_port), ns1);
	assert_string_equal(udp_ask(h, h->port), ns1);
	assert_string_equal(tcp_ask(x, kept, "ns1.example.org"), ns1); /* an address that stays keeps its connections */
	int gone = client(SOCK_STREAM, h->other_port);
	assert_string_equal(tcp_ask(x, gone, "ns1.example.org"), ns1);
	assert_true(serve(h, both, 1, 100, &e));
	assert_string_equal(udp_ask(h, h->other_port), "refused");
	assert_int_equal(client(SOCK_STREAM, h->other_port), -1);
	char byte;
	assert_int_equal(recv(gone, &byte, 1, 0), 0);
	assert_string_equal(tcp_ask(x, kept, "ns1.example.org"), ns1);
	close(gone);
	close(kept);
}

static void test_port_taken(void **state) {
	struct house *h = *state;
	struct err e;
	struct sockaddr_in a = at(h->other_port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	unsigned both[] = { h->port, h->other_port };
	assert_false(serve(h, both, 2, 100, &e));
	assert_non_null(strstr(e.text, "listeners.dns: bind 127.0.0.1:"));
	close(fd);
	assert_string_equal(udp_ask(h, h->port), ns1);
}

struct asker {
	unsigned port;
	_Atomic bool stop, has_ended;
	_Atomic unsigned n_asked;
	unsigned n_right;
};
static void *ask_on(void *arg) {
	struct asker *a = arg;
	static const char query[] = "\0\1\0\0\0\1\0\0\0\0\0\0\3ns1\7example\3org\0\0\1\0\1";
	char answer[600];
	int fd = client(SOCK_DGRAM, a->port);
	for (; !a->stop; a->n_asked++) {
		if (send(fd, query, sizeof(query) - 1, 0) < 0)
			break;
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		a->n_right += n == 33 + 16 && memcmp(answer + 45, "\300\0\2\1", 4) == 0;
	}
	close(fd);
	a->has_ended = true;
	return NULL;
}

/* Reloads under queries: each is answered, from one zone or the other; a thread sanitizer sees who frees what when. */
static void test_reload_under_queries(void **state) {
	struct house *h = *state;
	struct asker a = { .port = h->port };
	pthread_t thread;
	struct err e;
	assert_int_equal(pthread_create(&thread, NULL, ask_on, &a), 0);
	/* Until both have happened often, whichever thread the machine lets run. */
	for (int i = 0; (i < 30 || a.n_asked <= 30) && !a.has_ended; i++)
		assert_true(serve(h, &h->port, 1, 100, &e));
	a.stop = true;
	pthread_join(thread, NULL);
	assert_true(a.n_asked > 30);
	assert_int_equal(a.n_right, a.n_asked);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_tcp_pieces),
		cmocka_unit_test(test_tcp_odd_messages),
		cmocka_unit_test(test_tcp_half_close),
		cmocka_unit_test(test_tcp_back_pressure),
		cmocka_unit_test(test_tcp_timeouts),
		cmocka_unit_test(test_tcp_limit),
		cmocka_unit_test(test_tcp_limit_of_a_client),
		cmocka_unit_test(test_tcp_idle_timeout),
		cmocka_unit_test(test_reload_of_listeners),
		cmocka_unit_test(test_port_taken),
		cmocka_unit_test(test_reload_under_queries),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
