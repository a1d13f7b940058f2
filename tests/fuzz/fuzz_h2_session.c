/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy as a whole in one thread, on wires instead of sockets (fake_io.h): a client that speaks HTTP/2 as the bytes say, servers of
 * both protocols that answer as the bytes say, time that passes as they say. The input: a byte of modes, then steps (see `steps`),
 * each a byte (low half: which step; high half: its argument) and what belongs to it.
 *
 * After every turn the books of each connection agree. What is sent can be read, by client and servers, in one way only (wire_read.h).
 * In the end nothing is left: neither a session nor a stream, a connection, a request that counts. And with MODE_PIECES all of it once
 * more, with reads that give the same bytes in pieces: the client gets the same.
 */
#include "proxy/h2.h"
#include "steerway/base/log.h"

#include "fake_io.h"
#include "wire_read.h"

#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
	MODE_PIECES = 1,       /* run twice, and compare; peers take all at once then */
	MODE_TURNS = 2,        /* what the client sends comes in two turns */
	MODE_NO_PREFACE = 4,   /* so it may be HTTP/1.1 */
	MODE_NO_SETTINGS = 8,  /* servers don't begin with theirs */
	MODE_TURN_A_STEP = 16, /* each step is a turn */
	PORT_H1 = 3,
	PORT_H2 = 4,
	STEPS_MAX = 300,
	BYTES_MAX = 400 * 1000, /* that an input may make of itself */
};

static const char config[] =
    "listeners: { web: { bind: '127.0.0.1:80', max_head: 2KiB, max_fields: 20, max_body: 100KiB,\n"
    "  tracing: { request_id: keep, return_request_id: true },\n"
    "  http2: { max_streams: 6, stream_window: 64KiB, connection_window: 64KiB, max_idle_frames: 40 } } }\n"
    "sites: { s: {}, t: {} }\n"
    "pools:\n"
    "  h1: { prefer: [s, t], servers: [{ name: a, address: '127.0.0.1:3', site: s }, { name: b, address: '127.0.0.2:3', site: t "
    "}],\n"
    "        retries: { statuses: '503', try_timeout: 2s, backoff: 10ms } }\n"
    "  h2: { prefer: [s, t], protocol: http2, max_streams: 3, retries: { attempts: 3, statuses: '503' },\n"
    "        servers: [{ name: a, address: '127.0.0.1:4', site: s }, { name: b, address: '127.0.0.2:4', site: t }] }\n"
    "  dead: { prefer: [s, t], servers: [{ name: a, address: '127.0.0.1:1', site: s }, { name: b, address: '127.0.0.2:3', site: "
    "t }] }\n"
    "  hangs: { protocol: http2, servers: [{ name: a, address: '127.0.0.1:2', site: s }] }\n"
    "  tight: { limits: { requests: 1 }, queue: { length: 2, timeout: 1s }, servers: [{ name: a, address: '127.0.0.1:3', site: s "
    "}] }\n"
    "  tight2: { protocol: http2, max_streams: 1, limits: { connections: 1 }, queue: { length: 2, timeout: 1s },\n"
    "        proxy_protocol: v2, servers: [{ name: a, address: '127.0.0.1:4', site: s }] }\n"
    "routes:\n"
    "  - { path: /a, answer: { status: 200, body: answered } }\n"
    "  - { path: /r, redirect: { location: 'https://x${path}${query}' } }\n"
    "  - { path: /1, pool: h1, connect: true, upgrade: any }\n"
    "  - { path: /2, pool: h2, response_headers: { remove: [Server], add: { Via: '${host} ${path}' } } }\n"
    "  - { path: /d, pool: dead }\n"
    "  - { path: /h, pool: hangs }\n"
    "  - { path: /q, pool: tight }\n"
    "  - { path: /t, pool: tight2 }\n"
    "  - { host: c, pool: h1, connect: true }\n"
    "  - { path: /, pool: h1, rewrite: { path: '/new${path}' } }\n";

static struct {
	struct cfg *cfg;
	struct fleet *fleet;
	struct proxy *proxy;
	struct proxy_worker *worker;
	struct proxy_acceptor *acceptor;
	struct addr peer;
} house;

static void keep_quiet(struct str line) {
	(void)line;
}

static void house_open(void) {
	struct err e;
	struct buf errors = { 0 };
	log_set_sink(keep_quiet);
	clock_set_source(fake_clock);
	urcu_memb_register_thread();
	struct cfg *c = house.cfg = cfg_load_text(str_from(config), "fuzz.yaml", "/", &errors);
	if (!c)
		fprintf(stderr, "%.*s", STR_ARG(buf_str(&errors)));
	MUST(c != NULL);
	house.fleet = fleet_create(NULL, &fake_workers, &e);
	MUST(house.fleet != NULL);
	struct fleet_plan *fleet_plan = fleet_prepare(house.fleet, cfg_root(c), &e);
	MUST(fleet_plan != NULL);
	house.proxy = proxy_create(house.fleet, &fake_workers, &fake_loop, &e);
	struct proxy_plan *plan = proxy_prepare(house.proxy, cfg_root(c), &e);
	MUST(plan != NULL);
	fleet_commit(fleet_plan);
	proxy_commit(plan);
	house.worker = &house.proxy->workers[0];
	house.acceptor = &CONTAINER_OF(house.proxy->listeners.next, struct proxy_listener, link)->acceptors[0];
	MUST(addr_parse(&house.peer, STR("192.0.2.7:4711")));
	fake_turn();
}

/* ---- one life of a client connection ---- */

static struct {
	const uint8_t *p;
	size_t n;
	unsigned modes, n_greeted;
	uint32_t next_stream;
	size_t made; /* bytes */
	struct rand cuts;
} in;

static uint8_t take(void) {
	if (in.n == 0)
		return 0;
	in.n--;
	return *in.p++;
}

static struct str take_bytes(size_t n) {
	n = n < in.n ? n : in.n;
	struct str s = str_slice((const char *)in.p, n);
	in.p += n;
	in.n -= n;
	return s;
}

/* Books of an HTTP/2 connection. */
static void conn_check(const struct h2_conn *c) {
	size_t out = 0, withheld = 0, n = 0;
	LIST_EACH(it, &c->streams) {
		const struct h2_stream *s = CONTAINER_OF(it, struct h2_stream, link);
		MUST(s->conn == c && (s->txn || s->id > 0));
		MUST(!s->txn || s->txn->front_stream == s || s->txn->back_stream == s);
		out += pending_str(s->out).n;
		withheld += pending_str(s->in).n;
		n++;
	}
	MUST(out == c->out_bytes && n == c->n_streams);
	MUST(list_is_empty(&c->told) || c->is_broken || c->out || c->stream->is_connecting);
	if (c->is_broken || c->closing >= H2_CLOSING_FINAL || !nghttp2_session_want_read(c->ng))
		return;
	/* What was received is withheld, or was given back: but for what is too little to tell, or can't be told now. */
	size_t window = (size_t)nghttp2_session_get_effective_local_window_size(c->ng);
	size_t received = (size_t)nghttp2_session_get_effective_recv_data_length(c->ng);
	MUST(received >= withheld && (c->out || c->stream->is_connecting || received - withheld <= window / 2));
}

static void books_check(void) {
	for (unsigned i = 0; i < n_wires; i++) {
		struct stream *s = wires[i].stream;
		const struct h2_conn *c = !s       ? NULL
		                          : i == 0 ? CONTAINER_OF(s, struct session, stream)->h2
		                                   : CONTAINER_OF(s, struct upstream, stream)->h2;
		if (c)
			conn_check(c);
	}
	MUST(house.worker->depth == 0 && list_is_empty(&house.worker->h2_marked));
	MUST(list_is_empty(&house.worker->dead_sessions) && list_is_empty(&house.worker->dead_streams));
}

static void turn(void) {
	static const char settings[9] = { 0, 0, 0, NGHTTP2_SETTINGS };
	fake_turn();
	for (; in.n_greeted < n_wires; in.n_greeted++)
		if (in.n_greeted > 0 && addr_port(&wires[in.n_greeted].to) == PORT_H2 && !(in.modes & MODE_NO_SETTINGS))
			wire_send(&wires[in.n_greeted], str_slice(settings, sizeof(settings)));
	fake_turn();
	books_check();
}

static void say(struct wire *w, struct str bytes) {
	in.made += bytes.n;
	if (w == &wires[0] && in.modes & MODE_TURNS && bytes.n > 1) {
		size_t cut = 1 + (size_t)rand_below(&in.cuts, bytes.n - 1);
		wire_send(w, str_slice(bytes.p, cut));
		turn();
		bytes = str_skip(bytes, cut);
	}
	wire_send(w, bytes);
}

static void say_frame(struct wire *w, uint8_t type, uint8_t flags, uint32_t id, struct str payload) {
	char frame[9 + 65536];
	const uint8_t head[9] = { (uint8_t)(payload.n >> 16), (uint8_t)(payload.n >> 8), (uint8_t)payload.n, type,       flags,
		                  (uint8_t)(id >> 24),        (uint8_t)(id >> 16),       (uint8_t)(id >> 8), (uint8_t)id };
	MUST(payload.n <= sizeof(frame) - sizeof(head));
	memcpy(frame, head, sizeof(head));
	if (payload.n > 0)
		memcpy(frame + sizeof(head), payload.p, payload.n);
	say(w, str_slice(frame, sizeof(head) + payload.n));
}

/* One of the servers' wires, or NULL. */
static struct wire *server(unsigned argument) {
	return n_wires > 1 ? &wires[1 + argument % (n_wires - 1)] : NULL;
}

static bool speaks_h2(const struct wire *w) {
	return addr_port(&w->to) == PORT_H2;
}

static uint32_t stream_number(uint8_t b) {
	return b == 0xff ? 0x7fffffff : b == 0xfe ? 0x80000001 : b;
}

/* ---- steps ---- */

static void any_frame(struct wire *w) {
	uint8_t type = take(), flags = take();
	uint32_t id = stream_number(take());
	say_frame(w, type, flags, id, take_bytes(take()));
}

static void step_client_frame(unsigned argument) {
	(void)argument;
	any_frame(&wires[0]);
}

static void step_server_frame(unsigned argument) {
	struct wire *w = server(argument);
	if (w)
		any_frame(w);
}

static void literal(struct buf *b, struct str name, struct str value) {
	buf_add_char(b, 0);
	buf_add_char(b, (char)name.n);
	buf_add(b, name);
	buf_add_char(b, (char)value.n);
	buf_add(b, value);
}

static void length_field(struct buf *b, unsigned length) {
	char text[12];
	snprintf(text, sizeof(text), "%u", length);
	literal(b, STR("content-length"), str_from(text));
}

/* Bits of its byte: the method, END_STREAM, a field as the bytes say, a length, te, no END_HEADERS, extended CONNECT. */
static void step_request(unsigned argument) {
	static const char *const paths[] = { "/a", "/r?x", "/1", "/1/x", "/2", "/2/y?z", "/d",   "/h",
		                             "/q", "/q",   "/t", "/t",   "/",  "*",      "/%2e", "/1/../2" };
	static const char *const methods[] = { "GET", "POST", "HEAD", "CONNECT" };
	uint8_t bits = take();
	struct buf b = { 0 };
	uint8_t method = bits & 3;
	literal(&b, STR(":method"), str_from(bits & 128 ? "CONNECT" : methods[method]));
	if (method != 3 || bits & 128) {
		literal(&b, STR(":scheme"), STR("http"));
		literal(&b, STR(":path"), str_from(paths[argument]));
	}
	if (bits & 128)
		literal(&b, STR(":protocol"), STR("websocket"));
	literal(&b, STR(":authority"), str_from(method != 3 ? "h" : argument & 1 ? "c:80" : "e:80"));
	if (bits & 16)
		length_field(&b, take());
	if (bits & 32)
		literal(&b, STR("te"), STR("trailers"));
	if (bits & 8) {
		struct str name = take_bytes(take() & 31);
		literal(&b, name, take_bytes(take() & 127));
	}
	uint8_t flags = (bits & 4 ? NGHTTP2_FLAG_END_STREAM : 0) | (bits & 64 ? 0 : NGHTTP2_FLAG_END_HEADERS);
	say_frame(&wires[0], NGHTTP2_HEADERS, flags, in.next_stream, buf_str(&b));
	in.next_stream += 2;
	buf_fini(&b);
}

static struct str body(size_t n) {
	static char bytes[65536];
	memset(bytes, 'b', sizeof(bytes));
	return str_slice(bytes, n);
}

/* 0 to 127 bytes, or so many times 129. */
static struct str take_body(void) {
	uint8_t b = take();
	return body((b & 127u) * (b & 128 ? 129 : 1));
}

/* The last stream but so many. */
static uint32_t recent(unsigned argument) {
	uint32_t back = 2 * (argument & 7) + 2;
	return in.next_stream > back ? in.next_stream - back : 1;
}

static void step_client_data(unsigned argument) {
	struct str bytes = take_body();
	say_frame(&wires[0], NGHTTP2_DATA, argument & 8 ? NGHTTP2_FLAG_END_STREAM : 0, recent(argument), bytes);
}

static void step_client_bytes(unsigned argument) {
	(void)argument;
	say(&wires[0], take_bytes(take()));
}

static void step_server_bytes(unsigned argument) {
	struct str bytes = take_bytes(take());
	if (server(argument))
		say(server(argument), bytes);
}

static void respond_h1(struct wire *w, uint8_t which) {
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n",
		"5\r\nhello\r\n",
		"0\r\n\r\n",
		"0\r\nT: 1\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nServer: x\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 200\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	};
	say(w, str_from(texts[which & 15]));
}

/* Bits of `which`: the status, END_STREAM, a length. The stream is the low half of the next byte. */
static void respond_h2(struct wire *w, uint8_t which) {
	static const char *const statuses[] = { "200", "200", "204", "304", "503", "100", "103", "101" };
	struct buf b = { 0 };
	uint32_t id = 1 + 2 * (take() & 15u);
	literal(&b, STR(":status"), str_from(statuses[which & 7]));
	if (which & 16)
		length_field(&b, take());
	if (which & 32)
		literal(&b, STR("x-f"), take_bytes(take() & 127));
	say_frame(w, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (which & 8 ? NGHTTP2_FLAG_END_STREAM : 0), id, buf_str(&b));
	buf_fini(&b);
}

static void step_response(unsigned argument) {
	struct wire *w = server(argument);
	uint8_t which = take();
	if (!w)
		return;
	if (speaks_h2(w))
		respond_h2(w, which);
	else
		respond_h1(w, which);
}

static void step_server_data(unsigned argument) {
	struct wire *w = server(argument);
	struct str bytes = take_body();
	uint8_t where = take();
	if (!w)
		return;
	if (speaks_h2(w))
		say_frame(w, NGHTTP2_DATA, where & 128 ? NGHTTP2_FLAG_END_STREAM : 0, 1 + 2 * (where & 15u), bytes);
	else
		say(w, bytes);
}

static void step_turn(unsigned argument) {
	(void)argument;
	turn();
}

static void step_time(unsigned argument) {
	static const uint64_t ms[] = { 1, 10, 25, 100, 500, 1001, 2001, 3000, 10001, 15000, 30001, 60001, 600001, 0, 0, 0 };
	turn();
	fake_advance(ms[argument] * USEC_PER_MSEC);
	turn();
}

static void step_room(unsigned argument) {
	uint8_t b = take();
	struct wire *w = argument == 0 ? &wires[0] : server(argument);
	if (w && !(in.modes & MODE_PIECES))
		wire_take(w, b == 255 ? SIZE_MAX : b * (size_t)(b & 1 ? 1 : 200));
}

static void step_end(unsigned argument) {
	struct wire *w = argument < 4 ? &wires[0] : server(argument >> 1);
	if (w && argument & 1)
		wire_fin(w);
	else if (w)
		wire_reset(w);
}

static void step_flood(unsigned argument) {
	uint8_t type = take(), flags = take(), id = take(), n = take();
	for (unsigned i = 0; i < 4 + 4 * argument; i++)
		say_frame(&wires[0], type, flags, stream_number(id), body(n & 15));
}

static void step_operator(unsigned argument) {
	turn();
	worker_enter(house.worker);
	struct session *s = wires[0].stream ? CONTAINER_OF(wires[0].stream, struct session, stream) : NULL;
	if (argument == 0)
		upstream_sweep(house.worker, true);
	else if (s && argument < 8)
		session_wind_down(s);
	else if (s && argument == 8)
		session_cut(s, PROXY_END_STOP_DEADLINE);
	worker_leave(house.worker);
	for (unsigned i = 9; i <= 11 && argument >= 9; i++) {
		static const char *const names[] = { "h1/a", "h2/a", "h2/b" };
		if (argument == i)
			worker_cut_here(house.worker, fleet_server_find(house.fleet, str_from(names[i - 9])),
			                PROXY_END_DRAIN_DEADLINE);
	}
}

/* WINDOW_UPDATE, RST_STREAM, SETTINGS with a window, of the client or (8) a server. */
static void step_control(unsigned argument) {
	struct wire *w = argument & 8 ? server(argument >> 4) : &wires[0];
	uint8_t id = take(), value = take();
	char number[6] = { 0, 4, 0, 0, (char)(argument & 4 ? value : 0), (char)value };
	if (!w)
		return;
	if ((argument & 3) == 0)
		say_frame(w, NGHTTP2_WINDOW_UPDATE, 0, stream_number(id), str_slice(number + 2, 4));
	else if ((argument & 3) == 1)
		say_frame(w, NGHTTP2_RST_STREAM, 0, stream_number(id), str_slice(number + 2, 4));
	else if ((argument & 3) == 2)
		say_frame(w, NGHTTP2_SETTINGS, 0, 0, str_slice(number, 6));
	else
		say_frame(w, NGHTTP2_GOAWAY, 0, 0, str_slice((const char[8]){ 0, 0, 0, (char)id, 0, 0, 0, (char)value }, 8));
}

static void (*const steps[16])(unsigned argument) = {
	step_client_frame, step_request,     step_client_data,  step_turn,    step_client_bytes, step_server_frame,
	step_response,     step_server_data, step_server_bytes, step_turn,    step_time,         step_room,
	step_end,          step_flood,       step_operator,     step_control,
};

/* ---- the end ---- */

static void servers_check_empty(void) {
	LIST_EACH(p, fleet_pools(house.fleet)) {
		struct fleet_pool *pool = CONTAINER_OF(p, struct fleet_pool, link);
		MUST(fleet_waiting(pool) == 0 && atomic_load(&pool->retrying) == 0);
		LIST_EACH(it, &pool->servers) {
			struct fleet_server *s = CONTAINER_OF(it, struct fleet_server, link);
			MUST(atomic_load(&s->connections) == 0 && atomic_load(&s->in_progress) == 0);
			MUST(atomic_load(&s->slots[0].active) == 0 && atomic_load(&s->slots[0].open) == 0 &&
			     s->slots[0].n_idle == 0);
		}
	}
}

/* The peers take all, the client goes, and time passes. */
static void close_all(void) {
	turn();
	for (unsigned i = 0; i < n_wires; i++)
		wire_take(&wires[i], SIZE_MAX);
	turn();
	if (!wires[0].has_fin && !wires[0].is_reset)
		wire_fin(&wires[0]);
	for (unsigned i = 0; i < 6; i++) {
		turn();
		fake_advance(601 * USEC_PER_SEC);
	}
	turn();
	const struct proxy_worker *w = house.worker;
	MUST(list_is_empty(&w->sessions) && list_is_empty(&w->txns) && list_is_empty(&w->idle_upstreams));
	MUST(atomic_load(&house.acceptor->listener->connections) == 0);
	for (unsigned i = 0; i < n_wires; i++)
		MUST(!wires[i].stream);
	servers_check_empty();
}

/* What of a request reaches a server before it is called off is chance: that is read, too, but not compared. */
static uint64_t read_all(void) {
	for (unsigned i = 1; i < n_wires; i++) {
		struct str out = buf_str(&wires[i].out);
		bool has_proxy_header = str_starts(out, STR("\r\n\r\n\0\r\nQUIT\n"));
		if (has_proxy_header && out.n >= 16)
			out = str_skip(out, 16 + (size_t)((uint8_t)out.p[14] << 8 | (uint8_t)out.p[15]));
		if (speaks_h2(&wires[i]))
			h2_read(out, true);
		else
			h1_requests_read(out);
	}
	bool is_h2 = wires[0].out.n > 9 && wires[0].out.p[3] == NGHTTP2_SETTINGS;
	return is_h2 ? h2_read(buf_str(&wires[0].out), false) : 0;
}

static uint64_t live(const uint8_t *data, size_t n) {
	in.p = data + 1;
	in.n = n - 1;
	in.modes = data[0];
	in.n_greeted = 0;
	in.next_stream = 1;
	in.made = 0;
	rand_seed(&in.cuts, n);
	rand_seed(rand_thread(), 1);
	fake_now_us = FAKE_START_US;
	clock_update();
	n_wires = 0;
	wire_add();
	worker_enter(house.worker);
	atomic_store(&house.acceptor->listener->connections, 0);
	session_accept(house.acceptor, WIRE_FD, &house.peer);
	worker_leave(house.worker);
	if (!(in.modes & MODE_NO_PREFACE))
		wire_send(&wires[0], STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
	for (unsigned i = 0; i < STEPS_MAX && in.n > 0 && in.made < BYTES_MAX; i++) {
		uint8_t b = take();
		steps[b & 15](b >> 4);
		if (in.modes & MODE_TURN_A_STEP)
			turn();
	}
	close_all();
	return read_all();
}

static struct rand pieces;

static size_t piece(size_t n) {
	uint64_t draw = rand_next(&pieces);
	switch (draw & 3) {
	case 0:
		return 1 + (size_t)(draw >> 8) % 9;
	case 1:
		return 1 + (size_t)(draw >> 8) % n;
	case 2:
		return 1 + n / 2;
	default:
		return 1 + (size_t)(draw >> 8) % 64;
	}
}

/*
 * How far the proxy had come when a frame arrived counts: behind the client's GOAWAY, where a connection ends once nothing is under way;
 * and where more is sent than a window lets, which reads give back.
 */
static bool depends_on_reads(void) {
	if (in.made > 64 * 1024)
		return true;
	struct str said = str_skip(buf_str(&wires[0].in), 24);
	while (said.n >= 9) {
		const uint8_t *h = (const uint8_t *)said.p;
		size_t n = 9 + ((size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2]);
		if (h[3] == NGHTTP2_GOAWAY)
			return true;
		said = str_skip(said, n < said.n ? n : said.n);
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	if (!house.proxy)
		house_open();
	if (n < 2)
		return 0;
	uint64_t whole = live(data, n);
	if (data[0] & MODE_PIECES) {
		fake_piece = piece;
		rand_seed(&pieces, hash_bytes(data, n, 0));
		MUST(live(data, n) == whole || depends_on_reads());
		fake_piece = NULL;
	}
	return 0;
}
