/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of proxy share: the objects and who owns them.
 *
 *	listener   a bound address; lives by identity (name + address) over reloads
 *	conf       a snapshot: routes, listener settings, TLS contexts; held by count while a transaction or handshake uses it
 *	session    a client connection; owned by its worker
 *	txn        one request and its response (txn.c); owned by the end towards the client; knows neither protocol nor socket
 *	upstream   a connection to a server; owned by its worker
 *
 * A txn joins two ends. An HTTP/1.1 end (h1_server.c, h1_client.c) is a whole connection, which serves one txn at a time; an HTTP/2
 * end is a stream of a connection that other txns share.
 *
 * Everything here but prepare, commit and stop runs on a worker's thread, between worker_enter and worker_leave.
 */
#ifndef STEERWAY_PROXY_PRIVATE_H
#define STEERWAY_PROXY_PRIVATE_H

#include "steerway/base/map.h"
#include "steerway/base/mem.h"
#include "steerway/http.h"
#include "steerway/metric.h"
#include "steerway/proxy.h"

#include "proxy/answer.h"
#include "proxy/body.h"
#include "proxy/pace.h"
#include "proxy/retry.h"
#include "proxy/route.h"
#include "proxy/trace.h"

/* ---- snapshot (conf.c) ---- */

struct proxy_listener;

struct listener_conf {
	struct cfg_listener cfg; /* numbers and enums; its strings live in the snapshot's arena */
	struct tls_server *tls;  /* NULL: clear text */
	uint32_t index;
};

/* A head that comes in as HTTP/2; as large as the rows of max_head and max_fields let it be. */
struct h2_block {
	struct http_field fields[1000 + 32]; /* the row of max_fields, and HEAD_ROOM */
	char bytes[256 * 1024];
};

/* What one write of an HTTP/2 connection gathers. */
struct h2_run {
	size_t n;
	char bytes[];
};

struct pool_conf {
	struct str name;
	struct fleet_pool *fleet; /* set by conf_link */
	struct cfg_retries retries;
	struct cfg_pool_timeouts timeouts;
	enum cfg_hash_key hash_key;
	struct str hash_name;
	enum cfg_sticky_by sticky_by;
	bool is_sticky;
	struct str sticky_cookie; /* its name */
	uint64_t sticky_age_s;
	uint32_t queue_retry_after_s; /* 0: as for all answers */
	enum cfg_proxy_protocol proxy_protocol;
	bool is_hashed;
	bool is_measured;           /* its balance wants latencies */
	const struct end_ops *back; /* the protocol that its servers speak */
	uint32_t max_streams;       /* HTTP/2: requests at once on a connection */
	struct tls_client *tls;     /* NULL: clear text */
	struct str tls_name;        /* SNI, and the name that is verified; empty: the address is */
	uint64_t tls_key;           /* what connections were made under: others' are not used; 0: clear text */
};

struct conf_ref {
	_Alignas(64) _Atomic uint64_t count; /* of one worker: only it writes */
};

struct conf {
	struct arena arena;
	struct list link; /* among the retired ones */
	struct str node_name;
	struct pool_conf *pools;
	size_t n_pools;
	struct route_table routes;
	struct answer_pages answers;
	bool tells_peers; /* some listener asks for client certificates: fields that tell of one are the proxy's alone */
	struct listener_conf **by_listener; /* by proxy_listener.id; NULL where this snapshot has none */
	size_t n_by_listener;
	struct tls_server **tls;
	size_t n_tls;
	struct log_output *access_log; /* NULL: none; owned by the proxy */
	enum cfg_log_format access_format;
	struct conf_ref *refs; /* one a worker */
	unsigned n_workers;
};

/* n_kept: of a certificate, key or list that can't be used, what `previous` made of it is kept and counted; NULL: it is an error. */
struct conf *conf_create(struct proxy *p, const struct cfg_root *cfg, const struct conf *previous, size_t *n_kept, struct err *e);
/* After fleet's commit: finds its pools. */
void conf_link(struct conf *c, struct fleet *f);
void conf_destroy(struct conf *c);
/* Beyond the callback that found it in force (conf_here); give it back with conf_put. */
struct conf *conf_hold(struct conf *c, unsigned worker);
void conf_put(struct conf *c, unsigned worker);
bool conf_is_held(const struct conf *c);
const struct listener_conf *conf_listener(const struct conf *c, const struct proxy_listener *l);

/* ---- its TLS (conf_tls.c) ---- */

struct tls_server *conf_listener_tls(const struct cfg_listener *from, const struct tls_server *old, size_t *n_kept,
                                     struct err *e);
int conf_pool_tls(struct pool_conf *out, struct arena *a, const struct cfg_pool *from, const struct pool_conf *old,
                  size_t *n_kept, struct err *e);
/* Every file that TLS hangs on. */
struct file_set *conf_tls_files(const struct cfg_root *cfg);

/* ---- listeners (listener.c) ---- */

struct proxy_acceptor {
	struct acceptor acceptor;
	struct proxy_listener *listener;
	struct proxy_worker *worker;
	int fd; /* opened in prepare, until the acceptor has it */
};

struct proxy_listener {
	struct list link;
	char *name;
	struct addr address;
	uint32_t id; /* place in conf.by_listener, never used twice */
	_Atomic uint64_t connections;
	_Atomic uint64_t max_connections;
	bool is_tls;
	bool is_used, is_new; /* by the configuration that is being prepared; opened for it */
	bool is_stopped;      /* its sockets are closed for good; it waits for its last session */
	unsigned n_acceptors;
	struct proxy_acceptor acceptors[]; /* one a worker */
};

struct proxy_listener *listener_create(struct proxy *p, const struct cfg_listener *cfg, const struct addr *at, struct err *e);
void listener_destroy(struct proxy_listener *l); /* stopped, or never started */
void listener_start_here(struct proxy_listener *l, struct proxy_worker *w);
void listener_stop_here(struct proxy_listener *l, struct proxy_worker *w);
/* A session of it ended: accepting goes on if it had paused at the limit. */
void listener_release(struct proxy_listener *l, struct proxy_worker *w);

/* ---- worker (worker.c) ---- */

struct proxy_worker {
	struct proxy *proxy;
	struct loop *loop;
	unsigned index;
	unsigned depth; /* of callbacks, for worker_enter */
	bool is_stopping;
	struct list sessions;
	struct session *running; /* within session_run; NULL: none */
	struct list txns;
	struct list idle_upstreams;                              /* all servers', newest first, for sweeping */
	struct list dead_sessions, dead_upstreams, dead_streams; /* to free when the outermost callback ends */
	struct list h2_marked;                                   /* connections to flush at the end of the turn */
	struct loop_task flush;
	bool flush_is_deferred;
	char *h2_in; /* what HTTP/2 connections read, and gather to write; NULL until the first */
	struct h2_run *h2_run;
	struct h2_block *h2_block; /* the head that is coming in */
	struct txn *free_txns;
	unsigned n_free_txns;
	struct pattern_scratch *pattern_scratch;
	struct loop_task sweep; /* posted when fleet published */
	_Atomic bool sweep_is_posted;
	struct deadline stop_deadline;
	struct loop_task stopped; /* posted to control when the last session ended after proxy_stop */
	bool stopped_is_posted;
	_Atomic uint64_t ends[PROXY_END_COUNT];
};

/* Brackets every callback from io: within it snapshots stay, and objects that ended are freed only behind the outermost one. */
void worker_enter(struct proxy_worker *w);
void worker_leave(struct proxy_worker *w);
void worker_init(struct proxy_worker *w, struct proxy *p, unsigned index);
void worker_fini(struct proxy_worker *w);
/* Any thread: idle connections to servers that take no requests are to be closed. */
void worker_post_sweep(struct proxy_worker *w);
/* Stops accepting, winds down all sessions; cuts what is left at p->stop_at_us. */
void worker_stop_here(struct proxy_worker *w);
/* Ends the transactions that `server` serves. */
void worker_cut_here(struct proxy_worker *w, const struct fleet_server *server, enum proxy_end end);

struct proxy {
	struct fleet *fleet;
	struct workers *threads;
	struct loop *control;
	struct conf *_Atomic conf; /* RCU; in force */
	struct list listeners;
	struct list retired; /* snapshots that still may be held */
	struct deadline sweep_retired;
	const struct cfg_root *cfg; /* in force; the daemon frees it behind the next commit */
	struct file_watch *watch;   /* of the files that TLS hangs on */
	uint32_t next_listener_id;
	struct log_output *access_log;
	struct fleet_subscriber subscriber;
	unsigned n_stopped; /* workers without sessions, after proxy_stop */
	uint64_t stop_at_us;
	void (*on_stopped)(void *arg);
	void *on_stopped_arg;
	unsigned n_workers;
	struct proxy_worker *workers;
};

/* The snapshot in force, until worker_leave. The next call may give another one: look once, and hold what is kept. */
static inline struct conf *conf_here(const struct proxy *p) {
	return atomic_load_explicit(&p->conf, memory_order_acquire);
}

/* ---- transaction (txn.c) ---- */

struct txn;
struct forward;

/* What an end says after it took a span. It never calls the txn from within. */
enum end_state {
	END_READY,  /* takes more */
	END_FULL,   /* took it, but no more until it calls txn_on_response_drained / txn_on_request_drained */
	END_BROKEN, /* the connection failed, or the transaction is over */
};

/*
 * One end of a transaction: a protocol on the client's or the server's side. A txn joins two of them and knows neither.
 *
 * An end calls the txn when something arrives or when it takes more again; the txn calls the ends through this table. Once the txn
 * has called `finish` the end must forget it.
 */
struct end_ops {
	const char *protocol; /* for the log: "h1" */
	bool codes_chunks;    /* bodies of unknown length are chunked: between two such ends they pass as they come */
	/* Lays a head ready: it leaves with the first send_body. A server's side sends t->request_head; h is NULL. */
	void (*send_head)(struct txn *t, struct http_head *h, const struct http_framing *in);
	/* Sends a span of the body; is_last: the body ends with it, and with t->trailers. The span may be empty. */
	enum end_state (*send_body)(struct txn *t, struct str span, bool is_last);
	/* Goes on reading body from here. */
	void (*resume)(struct txn *t);
	/* How much body it would take gladly now: what the other end reads at most at once. */
	size_t (*room)(const struct txn *t);
	/* The txn needs this end no more. is_clean: the messages were whole, so that the connection may serve another. */
	void (*finish)(struct txn *t, bool is_clean);
};
extern const struct end_ops h1_server_end, h1_client_end, h2_server_end, h2_client_end;

/* Fields that the proxy may add to a head behind those that came. */
enum { HEAD_ROOM = 32 };
enum { TRAILERS_MAX = 64 };

enum { TXN_TRIED_MAX = 11, TXN_STORE_BYTES = 3072 };

struct txn {
	struct txn *next_free;
	struct list link; /* the worker's */
	struct session *session;
	struct upstream *upstream;                    /* NULL: none yet, or given back */
	struct h2_stream *front_stream, *back_stream; /* of HTTP/2 ends */
	struct proxy_worker *worker;
	const struct end_ops *front, *back;
	struct conf *conf; /* held */
	const struct listener_conf *listener;
	const struct pool_conf *pool; /* NULL until routed */
	struct fleet_server *server;  /* picked: counts as active */
	struct fleet_server *tried[TXN_TRIED_MAX];
	uint8_t n_tried, n_retries, step;
	bool holds_retry;              /* one of the pool's retry budget */
	bool is_reused;                /* the upstream connection had served before */
	bool wants_fresh;              /* an idle connection proved stale: make a new one */
	bool is_unprocessed;           /* the back end says so before it fails: the server did not begin with the request */
	uint64_t tried_sites;          /* mask */
	struct pending *kept_trailers; /* behind it */
	struct replay replay;          /* the request's body as far as it left */
	uint64_t replay_bytes;         /* how much of it may be kept; 0: it is sent once */
	struct deadline deadline;      /* the first of these; 0: not set */
	uint64_t request_by_us;        /* the response must have ended */
	uint64_t try_by_us;            /* its head must be there, or another server is asked */
	uint64_t again_at_us;          /* the next try begins */

	/* request; the slices point into the store */
	struct http_head *head; /* only within txn_start */
	const struct route *route;
	enum http_method method;
	uint8_t minor;
	struct str method_name, target; /* target: path and query as they are forwarded */
	struct str path, query;         /* normalised; the query with its '?' */
	struct str authority, host;     /* as sent, empty when the client sent none; without port */
	struct http_framing request;
	struct str
	    request_head; /* as it goes to the server, in HTTP/1.1's form with Host first: HTTP/2 makes fields of its lines */
	const struct http_head *trailers; /* of the body whose last span is being passed on; NULL: none */
	bool wants_trailers;              /* TE: trailers (RFC 9110 10.1.4) */
	struct str upgrade;               /* protocol that the server is asked to switch to; empty: none */
	struct str extended_protocol;     /* of is_extended_connect */
	struct str websocket_key;         /* of our own making; empty: the client's goes through */
	bool is_connect, is_extended_connect;
	bool is_tunnel;    /* the server has agreed: both ways are bytes until they end */
	struct str accept; /* of the client, all lines */
	struct trace_names names;
	bool is_grpc;
	struct fleet_request wanted; /* what is asked of fleet; lives while it waits there */
	struct fleet_waiter waiter;
	bool request_is_raw;  /* chunked on both sides: forwarded as it came */
	bool head_is_sent;    /* the server may have seen the request */
	bool request_is_done; /* the front end has given all of it */

	/* of an HTTP/1.1 front end, which keeps nothing of it between requests */
	struct {
		struct str staged;       /* a response head that waits for its first span; in the store */
		struct body_reader body; /* of the request */
		bool is_chunked;         /* the response */
	} h1;

	/* response */
	uint16_t status;
	uint8_t n_interim;
	bool response_is_raw, response_is_begun, response_is_done;
	bool close_front; /* the client connection ends with this transaction */
	bool is_ending;
	struct pace paces[2]; /* of the client, by enum way */

	/* for the log; microseconds of clock_now_us, 0: not reached */
	uint64_t start_us, head_us, picked_us, connected_us, first_byte_us;
	uint64_t bytes_in, body_in, bytes_out, epoch;
	enum http_fault fault; /* of PROXY_END_BAD_REQUEST and PROXY_END_SERVER_BAD_RESPONSE */
	enum proxy_end end;
	struct txn_overflow *overflow; /* what does not fit into the store */
	size_t store_used;
	char store[TXN_STORE_BYTES];
};

/* From the front end. start_us: when the first byte of the request arrived. */
struct txn *txn_create(struct session *s, const struct end_ops *front, struct conf *c, const struct listener_conf *l,
                       uint64_t start_us);
void txn_start(struct txn *t, struct http_head *h);
enum end_state txn_on_request_span(struct txn *t, struct str span, bool is_last);
void txn_on_response_drained(struct txn *t);
/* The front end has no more to give for now: what was laid ready for the server leaves. */
void txn_flush_request(struct txn *t);
/* How much of the request's body to read at once; with no server to take it, no more than has to be thrown away. */
static inline size_t txn_request_room(const struct txn *t) {
	return t->upstream ? t->back->room(t) : ROOM_LEAST;
}
/* Ends the transaction: with an answer of the row's status (or `status`, when not 0) if none was begun, else by a cut. */
void txn_fail(struct txn *t, enum proxy_end end, unsigned status);
/* Ends it with this answer, none having been begun. */
void txn_answer(struct txn *t, enum proxy_end end, struct http_head *h, const struct http_framing *in, struct str body);

/* From the back end. */
void txn_on_connected(struct txn *t);
void txn_on_interim_head(struct txn *t, struct http_head *h);
/* A status may count as a failure: the txn then has called `finish`, and asks another server. */
void txn_on_response_head(struct txn *t, struct http_head *h, const struct http_framing *in);
enum end_state txn_on_response_span(struct txn *t, struct str span, bool is_last);
void txn_on_request_drained(struct txn *t);
/* The server's side failed: another server when that is safe, else the end. */
void txn_on_back_failed(struct txn *t, enum proxy_end end);

/* n bytes that live as long as the transaction. */
char *txn_reserve(struct txn *t, size_t n);
/* A copy in the store. */
struct str txn_keep(struct txn *t, struct str s);
/* Room for `more` fields in the request's or response's head: one that came nearly full moves into the store. */
void txn_widen_head(struct txn *t, struct http_head *h, size_t more);
void txn_free_all(struct proxy_worker *w);

/* ---- client connection (session.c: its life; h1_server.c: the protocol) ---- */

enum session_state {
	SESSION_PROXY_HEADER,
	SESSION_HANDSHAKE,
	SESSION_IDLE,
	SESSION_HEAD,
	SESSION_TXN,
	SESSION_H2,
	SESSION_LINGER,
	SESSION_DEAD
};

struct session {
	struct stream stream;
	struct deadline deadline;
	struct list link; /* the worker's sessions, or its dead ones */
	struct proxy_worker *worker;
	struct proxy_listener *listener;
	struct conf *handshake_conf; /* held until the TLS handshake has ended, whose callbacks use it */
	struct txn *txn;             /* HTTP/1.1: the one in progress */
	struct h2_conn *h2;          /* NULL: HTTP/1.1 */
	struct pending *in;          /* read ahead: a partial head, or pipelined requests; NULL: none */
	struct pending *out;         /* what the socket did not take; NULL: none */
	uint64_t tls_us;             /* when TLS began; then how long it took, 0 when the first transaction has told it */
	uint64_t head_us;            /* first byte of the head in progress */
	size_t scanned;              /* of a partial head, see h1_request_parse */
	struct addr peer;            /* the client; told by a PROXY header where there is one */
	uint32_t lingered_bytes;
	struct proxied *proxied;      /* what else it told; NULL: none came */
	struct upstream *own_upstream; /* can take a request, of this session alone: our PROXY header told the server whose it is */
	uint8_t state;
	bool wants_body, needs_more, is_running, winds_down;
	bool has_asked;  /* a first request came: what follows is no HTTP/2 preface */
	bool is_h2_idle; /* no streams: the time between requests runs */
	bool holds_rest; /* bytes behind the head that is being looked at */
};

void session_accept(struct proxy_acceptor *a, int fd, const struct addr *peer);
/* Runs the connection's state until it waits for something. Harmless within itself. */
void session_run(struct session *s);
/* Ends now; what is in progress is logged with `end`. */
void session_cut(struct session *s, enum proxy_end end);
/* No further request: closes now when idle, else behind the transaction. */
void session_wind_down(struct session *s);
/* Closes; frees at the end of the callback. is_abort: with RST, for a response that was cut short. */
void session_close(struct session *s, bool is_abort);
void session_free(struct session *s);
/* The local address that the client connected to; as text with its port. */
struct addr session_local(const struct session *s);
struct str session_local_address(const struct session *s, char out[ADDR_TEXT_BYTES]);
/* Waits for the next request. */
void session_await(struct session *s);
/* FIN, then reads away what the client still sends, within bounds, so that no RST destroys the answer on its way. */
void session_linger(struct session *s);
/* h1_server.c; both return whether to go on at once. */
bool h1_server_read_head(struct session *s);
bool h1_server_run_txn(struct session *s);
/* The deadline of a transaction passed. */
void h1_server_expire(struct session *s);
/* The head did not arrive in time: 408. */
void h1_server_head_timeout(struct session *s);
/* h2_server.c. Start makes it SESSION_H2; -1: no memory for it. */
int h2_server_start(struct session *s, const struct listener_conf *lc);
void h2_server_run(struct session *s);
void h2_server_expire(struct session *s);
/* Ends all streams; the caller closes. */
void h2_server_cut(struct session *s, enum proxy_end end);
void h2_server_wind_down(struct session *s);

/* ---- connections to servers (upstream.c: the pool; h1_client.c: the protocol) ---- */

enum upstream_state { UPSTREAM_CONNECTING, UPSTREAM_HANDSHAKE, UPSTREAM_BUSY, UPSTREAM_IDLE, UPSTREAM_DEAD };

struct upstream {
	struct stream stream;
	struct deadline deadline;
	struct list link;      /* its server's idle ones, or the worker's dead ones */
	struct list idle_link; /* the worker's idle ones */
	struct proxy_worker *worker;
	struct fleet_server *server;
	uint64_t tls_key;    /* its pool_conf's when it was opened */
	struct txn *txn;     /* HTTP/1.1: the one that it serves; NULL: idle */
	struct pending *in;  /* a partial response head, or spans that wait for the client */
	struct pending *out; /* request bytes that the socket did not take */
	struct session *owner; /* whose requests alone it takes; NULL: anyone's */
	struct str staged;   /* a request head that waits for its first span */
	struct h2_conn *h2;  /* NULL: HTTP/1.1 */
	uint32_t n_txns;     /* on it */
	struct body_reader body;
	size_t scanned;
	uint64_t response_by_us; /* when the response head must be there; set when the request has left */
	uint8_t state;
	bool head_is_done;   /* of the response */
	bool is_paused;      /* the client's side is full */
	bool is_reusable;    /* the server lets it persist, and has sent nothing that was not asked for */
	bool send_is_broken; /* what can't be sent is dropped: the server may have answered already */
	bool out_is_chunked;
	bool is_listed;           /* among its server's that can take a request */
	bool opens_tunnel;        /* it has just been agreed on */
	bool is_shutting;         /* a tunnel: FIN behind what waits */
	uint64_t tunnel_until_us; /* 0: open end */
	bool is_retired;          /* HTTP/2: takes no further request, and closes behind the last */
	bool has_served;
};

enum acquire { ACQUIRE_IDLE, ACQUIRE_CONNECTING, ACQUIRE_AT_LIMIT, ACQUIRE_FAILED };
/* A connection to t->server, bound to t. */
enum acquire upstream_acquire(struct txn *t);
/* Unbinds it; keeps it idle, or closes it. */
void upstream_release(struct upstream *u, bool is_reusable);
void upstream_close(struct upstream *u);
/* Takes no further request: closes now, or behind those that it serves. */
void upstream_retire(struct upstream *u);
void upstream_free(struct upstream *u);
/* Closes `n` idle connections to the pool's servers, the longest idle first. */
void upstream_yield(struct proxy_worker *w, const struct fleet_pool *p, unsigned n);
/* Closes idle connections to servers that take no requests (all: to every server). */
void upstream_sweep(struct proxy_worker *w, bool all);
/* Goes on with connecting and the TLS handshake. 0: the connection can be used; STREAM_AGAIN; STREAM_ERROR. */
int upstream_open(struct upstream *u);
/* HTTP/2: a transaction left. It may take another, idle for so long. */
void upstream_unbind(struct upstream *u, uint64_t idle_ms);
void upstream_unlist(struct upstream *u);
/* h2_client.c */
int h2_client_start(struct upstream *u, uint32_t max_streams);
void h2_client_run(struct upstream *u);
void h2_client_look(struct upstream *u); /* reads, whatever the events said */
void h2_client_bind(struct upstream *u, struct txn *t);
/* Ends what is under way, and closes. */
void h2_client_fail(struct upstream *u, enum proxy_end end);
uint32_t h2_client_max_streams(const struct upstream *u);
const struct pool_conf *h2_client_pool(const struct upstream *u);
/* h1_client.c */
void h1_client_run(struct upstream *u);
/* When the state of u tells that it now waits for something else: sets its deadline. */
void h1_client_arm(struct upstream *u);
/* Its deadline passed with the low-water mark up: takes it down and reads on. False: it was not up. */
bool h1_client_lower_water(struct upstream *u);

/* ---- the PROXY protocol (proxied.c) ---- */

/* What a PROXY header told of a session. */
struct proxied {
	struct addr via;         /* the proxy that sent it */
	struct addr destination; /* what the client connected to there; its family is AF_UNSPEC when that was not told */
	struct str alpn, authority, unique_id; /* slices of bytes */
	char bytes[];
};
/* Must a connection from there begin with a header? */
bool proxied_is_expected(const struct listener_conf *lc, const struct addr *peer);
/* Reads the header and not a byte more. 0: done, s->peer is the client; STREAM_AGAIN; STREAM_ERROR: refused, and logged. */
int proxied_read(struct session *s);
/* Logs and counts a connection that is closed for its header. */
void proxied_refuse(const struct session *s, const char *why);
/* Lays the header of u->owner ready on a connection that has just been opened: it leaves with what is sent next. 0, or STREAM_ERROR. */
int proxied_announce(struct upstream *u, unsigned version);

/* ---- heads as they are sent on (forward.c) ---- */

struct forward {
	enum cfg_forwarded mode;
	struct str client_ip; /* text, no brackets */
	bool client_is_v6, is_tls;
	struct str host;       /* Host as it is forwarded, with its port */
	bool host_is_given;    /* the client sent one, which X-Forwarded-Host and Forwarded tell: */
	struct str asked_host; /* as it came */
	struct str target;     /* path and query as they are forwarded */
	struct str upgrade;    /* to which the server is asked to switch; empty: none */
};
/* Most bytes that forward_request writes. */
size_t forward_request_bound(const struct http_head *h, const struct forward *f);
/* Writes the request head; returns its length. Drops hop-by-hop fields. */
size_t forward_request(char *out, struct http_head *h, const struct forward *f, enum http_body body);
/* Drops what is not to be passed on: hop-by-hop fields, a length where there may be none. */
void forward_strip_response(struct http_head *h);
size_t forward_response_bound(const struct http_head *h);
/* is_chunked: the body leaves chunked. connection, upgrade: values of these fields, or empty; upgrade has at most 64 bytes. */
size_t forward_response(char *out, struct http_head *h, bool is_chunked, struct str connection, struct str upgrade);

/* ---- certificates of clients (peer.c) ---- */

/* Was the connection made for another host than the request's, or without the certificate that is required by now? */
bool peer_is_misdirected(const struct txn *t);
/* Puts what servers are told of the client's certificate into the head, in place of what the client said of it. */
void peer_tell(struct txn *t, struct http_head *h);

/* ---- how long a client is waited for (patience.c; what it comes to: pace.h) ---- */

enum way { WAY_BODY, WAY_SEND };
struct pace_bounds patience_of_listener(const struct cfg_listener *l, enum way way);
/* sharers: transactions of its connection, which share the rate. */
struct pace_bounds patience_of(const struct txn *t, enum way way, unsigned sharers);
/* PROXY_END_COMPLETE: the transaction goes on. */
enum proxy_end patience_end(enum way way, enum pace_verdict v);

/* ---- access log (access_log.c) ---- */

void access_log_write(const struct txn *t);

#endif
