/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event path: a loop a thread, deadlines, streams (TCP, with or without TLS), acceptors, UDP batches, worker threads and the
 * log writer. Knows nothing of HTTP or DNS.
 *
 * Descriptors are registered once, edge-triggered; readiness is latched in the stream, so that no epoll_ctl is made per request.
 * Everything belongs to one loop's thread, unless it says "any thread".
 */
#ifndef STEERWAY_IO_H
#define STEERWAY_IO_H

#include "steerway/base/addr.h"
#include "steerway/base/err.h"
#include "steerway/base/heap.h"
#include "steerway/base/list.h"
#include "steerway/base/str.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <sys/uio.h>

/* ---- loop ---- */

struct loop;

struct loop *loop_create(struct err *e);
void loop_destroy(struct loop *l);
/* Runs until loop_stop; then returns. clock_now_us is fresh in every callback. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l); /* any thread */
struct event_base *loop_base(struct loop *l);

/* A task runs once on the loop's thread. The caller owns it, and must not touch it until it has run. */
struct loop_task {
	struct loop_task *next;
	void (*run)(struct loop_task *task);
};
void loop_post(struct loop *l, struct loop_task *task); /* any thread */
/* Runs the task once behind all callbacks of this turn, before the loop waits again: what many callbacks add to can leave in one
 * call. Only from the loop's own callbacks. */
void loop_defer(struct loop *l, struct loop_task *task);
void loop_undefer(struct loop *l, struct loop_task *task); /* before its memory goes; harmless when it was not deferred */

/* Runs an event's callback again in the next turn, behind what is ready then. (An event that is made active in its own callback runs again
 * at once: libevent comes back to nothing else meanwhile.) */
struct loop_again {
	struct loop_task task;
	struct event *event;
};
void loop_again(struct loop *l, struct loop_again *a, struct event *e);

/* ---- deadlines: lazy, moving one later touches no timer structure ---- */

struct deadline {
	struct heap_node node; /* its key is when the loop looks at it next; never later than at_us */
	uint64_t at_us;        /* when it expires; UINT64_MAX: not set */
	struct loop *loop;
	void (*on_expire)(struct deadline *d);
};
void deadline_init(struct deadline *d, struct loop *l, void (*on_expire)(struct deadline *));
void deadline_set(struct deadline *d, uint64_t at_us); /* clock_now_us's time */
void deadline_clear(struct deadline *d);
void deadline_fini(struct deadline *d); /* before its memory goes; harmless on a zeroed one */

/* ---- TLS contexts: made on the control thread, used by all ---- */

struct tls_server; /* a listener's: several certificates, chosen by SNI and by what the client can verify */
struct tls_client; /* a pool's or a check's */

/* Mozilla's presets: TLS 1.2 and 1.3, or 1.3 alone. */
enum tls_policy { TLS_POLICY_INTERMEDIATE, TLS_POLICY_MODERN };
enum tls_client_auth { TLS_CLIENT_AUTH_OFF, TLS_CLIENT_AUTH_OPTIONAL, TLS_CLIENT_AUTH_REQUIRED };
/* Application protocols (RFC 7301), as bits; h2 goes first where both are spoken. */
enum { TLS_ALPN_HTTP1 = 1, TLS_ALPN_H2 = 2 };

struct tls_server_options {
	const struct str *certificate_paths; /* PEM: chain and key; NUL-terminated */
	size_t n_certificates;
	enum tls_policy policy;
	uint16_t min_version; /* TLS1_2_VERSION or TLS1_3_VERSION; 0: the policy's */
	unsigned alpn;        /* bits of TLS_ALPN_*; a client that offers none of them is refused */
	bool tickets;
	const char *ticket_keys_path;     /* NULL: random keys, turned over by time */
	enum tls_client_auth client_auth; /* other than off: */
	const char *client_ca_path;       /* PEM: the authorities to trust */
	const char *client_crl_path;      /* PEM: revocation lists of every authority in a chain; NULL: none is asked */
	/* Its random ticket keys are kept, so that a reload does not end sessions; or NULL. */
	const struct tls_server *previous;
	bool keeps_old; /* of a file that has become unusable, what `previous` made of it is kept, and the log says why */
	size_t *n_kept; /* counts those; or NULL */
};
/* Gives OpenSSL's connections memory that fits them. Once, before anything of OpenSSL is used; without it they have malloc's. */
void tls_memory_init(void);
/* NULL with `e`: names the file (and OpenSSL's reason). */
struct tls_server *tls_server_create(const struct tls_server_options *o, struct err *e);
void tls_server_destroy(struct tls_server *t);

struct tls_client_options {
	bool verify;
	const char *ca_path;          /* PEM; NULL: the system's */
	const char *certificate_path; /* PEM: chain and key to show to servers that ask; NULL: none */
	unsigned alpn;                /* one TLS_ALPN_*, or 0: nothing is offered */
	unsigned n_servers;           /* about so many are talked to; sessions are kept for them. 0: none is resumed */
};
struct tls_client *tls_client_create(const struct tls_client_options *o, struct err *e);
/* The same once more, sessions and all. */
struct tls_client *tls_client_share(const struct tls_client *t);
void tls_client_destroy(struct tls_client *t);

/* ---- streams ---- */

enum { STREAM_EOF = 0, STREAM_AGAIN = -1, STREAM_ERROR = -2 };

struct stream {
	struct event event;
	struct loop *loop;
	void (*on_ready)(struct stream *s); /* an edge: can_read or can_write became true */
	SSL *ssl;                           /* NULL: clear text */
	struct stream_cipher_text *unsent;  /* TLS records that the socket did not take yet; NULL: none */
	int fd;                             /* -1: closed */
	int error;                          /* errno of STREAM_ERROR; 0 when it was TLS's (stream_error says which) */
	bool can_read, can_write;
	bool is_connecting, is_handshaking;
	bool is_drained;   /* TLS: the socket gave less than asked for, so there is nothing more to read */
	bool is_last_send; /* a close follows these bytes at once: the FIN goes with them, and so does close_notify */
	bool has_hup;      /* the peer sent FIN: read until STREAM_EOF, there is no further edge */
	bool has_eof;
	bool answers_eof; /* TLS: sent something after STREAM_EOF */
	uint8_t ticket;   /* TLS: 1 + place among the tickets that wait for an answer; 0: none */
	uint8_t pace;     /* its owner's: see pending_room() */
	int low_water;    /* SO_RCVLOWAT as set; 0: never set */
};

/* Takes over an accepted, non-blocking descriptor. */
int stream_open(struct stream *s, struct loop *l, int fd, void (*on_ready)(struct stream *), struct err *e);
/* Starts a non-blocking connect; on_ready tells when it ended. */
int stream_connect(struct stream *s, struct loop *l, const struct addr *to, void (*on_ready)(struct stream *), struct err *e);
/* Of a connect that on_ready told about: 0 connected, STREAM_AGAIN not yet, or STREAM_ERROR (s->error). */
int stream_connect_result(struct stream *s);
int stream_start_tls_server(struct stream *s, const struct tls_server *t);
/* Of a connected stream. server_name: SNI, and the name that is verified; empty: no SNI, and the address is verified. Resumes a
 * session of that address and name when there is one. */
int stream_start_tls_client(struct stream *s, const struct tls_client *t, struct str server_name);
/* 0: done; STREAM_AGAIN; STREAM_EOF can't occur (it is STREAM_ERROR). */
int stream_handshake(struct stream *s);
/* Bytes, STREAM_EOF, STREAM_AGAIN (can_read is false then) or STREAM_ERROR.
 *
 * A short read clears can_read too. Between messages an owner may trust that and save a call that would find nothing; within a
 * message it reads until STREAM_AGAIN, because of a RST that came along with the last bytes no edge tells. */
ssize_t stream_recv(struct stream *s, void *to, size_t n);
/* As stream_recv on a clear-text connection, but the bytes stay. They count as seen: can_read is false behind this, until more arrive. */
ssize_t stream_peek(struct stream *s, void *to, size_t n);
#define STREAM_TLS_BYTES (256 * 1024) /* most that one stream_send() takes of a connection with TLS */
/* Bytes taken (may be fewer), STREAM_AGAIN (can_write is false then) or STREAM_ERROR. */
ssize_t stream_send(struct stream *s, const struct iovec *iov, int n_iov);
/* Cipher text that waits for the socket: call when can_write. 0: none left, STREAM_AGAIN, STREAM_ERROR. */
int stream_flush(struct stream *s);
size_t stream_unsent(const struct stream *s); /* its bytes */
/* Bytes that the kernel holds and the peer's has not acknowledged: a system call. */
size_t stream_unacknowledged(const struct stream *s);
/* Has the peer closed or sent bytes (on an idle connection either makes it unusable)? One non-blocking peek. */
bool stream_is_stale(struct stream *s);
/* Has on_ready called in the next turn, readable, though no event comes. */
void stream_ring(struct stream *s);
/* Bytes that the socket must hold before it is readable again (SO_RCVLOWAT); 1 is the normal state. */
void stream_set_low_water(struct stream *s, int bytes);
/* FIN (after close_notify): nothing more will be sent. */
void stream_shutdown_write(struct stream *s);
void stream_close(struct stream *s); /* harmless when closed */
/* Closes with RST, so that the peer can't take what it got for whole. */
void stream_abort(struct stream *s);
/* Text for logs: "Connection refused", "certificate verify failed: self-signed certificate". Written into `out`. */
struct str stream_error(const struct stream *s, char out[128]);

/* ---- what a TLS handshake agreed on; of clear text: false, empty ---- */

bool stream_alpn_is_h2(const struct stream *s);
/* SNI as the client sent it; empty: none. Lives as long as the stream. */
struct str stream_server_name(const struct stream *s);
/* A client's certificate, which was verified, in forms that are fit for header fields: visible ASCII and spaces. */
struct tls_peer {
	struct str subject;     /* RFC 2253: "CN=ann,O=Example" */
	struct str names;       /* "DNS:a.test, email:ann@a.test, URI:..., IP:192.0.2.1"; other kinds are left out */
	struct str serial;      /* hexadecimal */
	struct str fingerprint; /* SHA-256, hexadecimal */
	char store[4096];
};
bool stream_has_peer_certificate(const struct stream *s);
/* False: it showed none. What does not fit into the store is empty, never cut. */
bool stream_peer_certificate(const struct stream *s, struct tls_peer *out);

/* A buffer of the thread's own, shared by all its connections, for bytes that do not outlive the current callback. With half of it 1 MiB
 * in clear text costs half as much again. */
#define IO_SHARED_BYTES (512 * 1024)
char *io_shared_buffer(void);

/* ---- listening ---- */

/* Non-blocking, close-on-exec, SO_REUSEPORT sockets; -1 with `e`. */
int socket_listen_tcp(const struct addr *at, int backlog, struct err *e);
int socket_bind_udp(const struct addr *at, struct err *e);
int socket_listen_unix(const char *path, uint32_t mode, struct err *e); /* replaces a stale socket file */

/* Accepts on one listening socket for one loop. Pauses for a moment when descriptors run out, instead of spinning. */
struct acceptor {
	struct event event;
	struct deadline resume;
	int fd;
	bool is_paused;
	void (*on_accept)(struct acceptor *a, int fd, const struct addr *peer); /* takes the descriptor over */
	bool (*has_room)(struct acceptor *a); /* asked before each accept: a connection limit; NULL: none */
};
int acceptor_start(struct acceptor *a, struct loop *l, int listening_fd,
                   void (*on_accept)(struct acceptor *, int, const struct addr *), bool (*has_room)(struct acceptor *),
                   struct err *e);
/* There may be room again. Without it a full acceptor looks again after 20 ms, since room may come from another thread. */
void acceptor_resume(struct acceptor *a);
void acceptor_stop(struct acceptor *a); /* closes the socket; harmless when stopped or zeroed */

/* ---- UDP in batches (recvmmsg, sendmmsg); answers leave from the address that was asked ---- */

#define UDP_BATCH 64
#define UDP_MAX_BYTES 4096

struct udp_socket;
struct udp_message {
	const struct addr *from;
	struct str in;
	char *out;    /* room for UDP_MAX_BYTES */
	size_t n_out; /* written there; 0, as it comes: no answer */
};
/* Answers a batch, at most UDP_BATCH: together, so that what one waits for in memory can be fetched while others are read. */
typedef void (*udp_answer)(void *context, struct udp_message *messages, unsigned n);
struct udp_socket *udp_socket_start(struct loop *l, int fd, udp_answer answer, void *context, struct err *e);
void udp_socket_stop(struct udp_socket *u); /* closes the descriptor; NULL is harmless */

/* ---- files that change ---- */

/* Tells when files were written or replaced (through links of links, too): once things have been quiet for 200 ms, or 2 s after the
 * first change, and only when one of the files really is another one than before. */
struct file_watch;
struct file_set; /* files, and which ones they are (what stat tells) */
struct file_set *file_set_create(const struct str *paths, size_t n);
void file_set_destroy(struct file_set *set);
struct file_watch *file_watch_create(struct loop *l, void (*on_change)(void *arg), void *arg);
/* These files from now on; takes the set over, whose look counts as what is known. A folder that can't be watched is logged. */
void file_watch_set(struct file_watch *w, struct file_set *set);
void file_watch_destroy(struct file_watch *w); /* NULL is harmless */

/* ---- worker threads ---- */

struct workers;
struct workers *workers_create(unsigned n, struct err *e); /* running, with nothing to do yet; registered with RCU */
unsigned workers_count(const struct workers *w);
struct loop *workers_loop(const struct workers *w, unsigned i);
/* Runs fn on every worker's thread, and returns when it has run on all. From the control thread. */
void workers_call(struct workers *w, void (*fn)(void *arg, unsigned worker, struct loop *l), void *arg);
/* Stops the loops and joins the threads. */
void workers_destroy(struct workers *w);

/* ---- log writer: a thread that writes what others hand it; handing over never blocks ---- */

struct log_output;
int log_writer_start(struct err *e);
/* Writes out what was handed over, then ends the thread and closes the outputs. Nobody may write any more: the sink of base's log
 * has been set back before. An output that takes nothing for 2 s loses what is left. */
void log_writer_stop(void);
/* path "-": standard error. Opened for appending; the descriptor is reopened by log_writer_reopen. A path that is open already
 * gives the same output again, so that a reload adds none. Any thread; it lives until log_writer_stop. */
struct log_output *log_output_open(const char *path, struct err *e);
/* Any thread. One whole record with its '\n'. False (and METRIC_io_log_lost_total) when the ring is full. */
bool log_output_write(struct log_output *o, struct str record);
/* Opens the files again (after logrotate moved them). Any thread, or a signal's handler; what is written afterwards goes to the
 * new files. A file that can't be opened is logged, and the old one stays. */
void log_writer_reopen(void);
/* Waits until all that was handed over before is written (tests, shutdown), 2 s at most for an output that takes nothing. */
void log_writer_flush(void);

#endif
