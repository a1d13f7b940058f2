/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS on a stream. OpenSSL reads and writes through a BIO of our own: reading fills its whole record buffer with one recv
 * (read_ahead), writing collects all records of one call in a buffer of the thread, so that they leave with one send. What the
 * socket does not take waits as cipher text in the stream: OpenSSL never waits for writing.
 *
 * A call costs a packet and wakes the peer, so a ticket leaves with the answer and close_notify with the last bytes: of five calls a
 * resumed connection that asks once, three are left.
 *
 * An idle connection holds no buffers: OpenSSL's are released (SSL_MODE_RELEASE_BUFFERS), ours belong to the thread. So does the BIO,
 * which all connections of the thread share: it is told whose call it serves. The key exchange's keys and the session go when the
 * handshake is done.
 */
#include "io/tls_private.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
	RECORD_BYTES = 16 * 1024,               /* most plain text in a record (RFC 8446 5.1) */
	PLAIN_BYTES = STREAM_TLS_BYTES,         /* most plain text encrypted in one call */
	CIPHER_BYTES = PLAIN_BYTES + 16 * 1024, /* 512 records (RFC 6066 4) of 29 bytes overhead, or a handshake flight */
	TICKET_BYTES = 512,                     /* a longer one, with a client's certificate in it, leaves alone */
	TICKETS_MAX = 64,                       /* tickets of a thread that wait for an answer */
	SUITES_MAX = 5,                         /* cipher suites of TLS 1.3 (RFC 8446 B.4) */
};

#define TICKET_US (10 * USEC_PER_MSEC)

/* Cipher text that the socket has not taken yet. */
struct stream_cipher_text {
	size_t at, n;
	char bytes[];
};

/* A ticket that waits for the answer to the request that came with the client's Finished. */
struct ticket {
	struct stream *stream;
	size_t n;
	char cipher[TICKET_BYTES];
};

/* What finished connections share in place of a context and a session of their own (shed_session). */
struct stand_in {
	SSL_CTX *context; /* NULL until the first */
	SSL_SESSION *sessions[SUITES_MAX];
};

/* Where the records of the current call collect; per thread. */
static _Thread_local struct staging {
	BIO *bio;
	size_t n;
	char cipher[CIPHER_BYTES + TICKET_BYTES];
	char plain[RECORD_BYTES];
	size_t n_tickets;
	struct ticket tickets[TICKETS_MAX];
	struct deadline ticket_deadline;
	struct stand_in stand_in;
} * staging;

static struct staging *staging_here(void) {
	if (!staging)
		staging = mem_zalloc(sizeof(*staging));
	return staging;
}

void tls_thread_fini(void) {
	if (!staging)
		return;
	for (size_t i = 0; i < staging->n_tickets; i++)
		staging->tickets[i].stream->ticket = 0;
	deadline_fini(&staging->ticket_deadline);
	SSL_CTX_free(staging->stand_in.context);
	for (size_t i = 0; i < SUITES_MAX; i++)
		SSL_SESSION_free(staging->stand_in.sessions[i]);
	BIO_free(staging->bio);
	mem_free(staging);
	staging = NULL;
}

static int bio_read(BIO *b, char *to, int n) {
	struct stream *s = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	ssize_t got;
	if (s->is_drained && s->is_handshaking) { /* OpenSSL asks again after each flight, where the next can't be there yet */
		BIO_set_retry_read(b);
		return -1;
	}
	do
		got = recv(s->fd, to, (size_t)n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		s->is_drained = got < n && !s->has_hup;
		return (int)got;
	}
	if (got == 0) {
		s->has_eof = true;
		return 0;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		s->is_drained = true;
		BIO_set_retry_read(b);
	} else {
		s->error = errno;
	}
	return -1;
}

static int bio_write(BIO *b, const char *from, int n) {
	BIO_clear_retry_flags(b);
	if (staging_here()->n + (size_t)n > CIPHER_BYTES) {
		BIO_set_retry_write(b);
		return -1;
	}
	memcpy(staging->cipher + staging->n, from, (size_t)n);
	staging->n += (size_t)n;
	return n;
}

static long bio_ctrl(BIO *b, int command, long number, void *pointer) {
	(void)number;
	(void)pointer;
	struct stream *s = BIO_get_data(b);
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1; /* flushed at the end of each call */
	case BIO_CTRL_EOF:
		return s->has_eof;
	default:
		return 0;
	}
}

static BIO_METHOD *stream_bio_method(void) {
	static _Atomic(BIO_METHOD *) method;
	BIO_METHOD *m = atomic_load(&method);
	if (m)
		return m;
	m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "steerway stream");
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	BIO_METHOD *other = NULL;
	if (!atomic_compare_exchange_strong(&method, &other, m)) {
		BIO_meth_free(m);
		m = other;
	}
	return m;
}

/* The thread's BIO. */
static BIO *bio_here(void) {
	struct staging *here = staging_here();
	if (!here->bio && (here->bio = BIO_new(stream_bio_method())))
		BIO_set_init(here->bio, 1);
	return here->bio;
}

/* Before each call of OpenSSL that may read or write, which would take an error of before for its own. To ask whether there is one costs
 * 200 instructions, to clear 900. */
static void speak_for(struct stream *s) {
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	BIO_set_data(SSL_get_rbio(s->ssl), s);
}

static int stream_start_tls(struct stream *s, SSL *ssl) {
	BIO *b = ssl ? bio_here() : NULL;
	if (!b) {
		SSL_free(ssl);
		s->error = ENOMEM;
		return -1;
	}
	BIO_up_ref(b);
	SSL_set_bio(ssl, b, b);
	s->ssl = ssl;
	s->is_handshaking = true;
	return 0;
}

int stream_start_tls_server(struct stream *s, const struct tls_server *t) {
	return stream_start_tls(s, tls_server_new(t));
}

int stream_start_tls_client(struct stream *s, const struct tls_client *t, struct str server_name) {
	s->is_drained = true; /* a server does not speak first */
	return stream_start_tls(s, tls_client_new(t, s, server_name));
}

/* The socket's answer to sending `n` bytes: how many it took, or STREAM_AGAIN as 0 with can_write cleared, or STREAM_ERROR. */
static ssize_t send_cipher(struct stream *s, const char *p, size_t n, int flags) {
	ssize_t sent;
	do
		sent = send(s->fd, p, n, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			s->error = errno;
			return STREAM_ERROR;
		}
		sent = 0;
	}
	if ((size_t)sent < n)
		s->can_write = false;
	return sent;
}

int stream_flush(struct stream *s) {
	struct stream_cipher_text *u = s->unsent;
	if (!u)
		return 0;
	ssize_t sent = send_cipher(s, u->bytes + u->at, u->n - u->at, 0);
	if (sent < 0)
		return STREAM_ERROR;
	u->at += (size_t)sent;
	if (u->at < u->n)
		return STREAM_AGAIN;
	mem_free(u);
	s->unsent = NULL;
	return 0;
}

/* ---- tickets that wait ---- */

static void ticket_drop(struct stream *s) {
	if (s->ticket == 0)
		return;
	struct ticket *t = &staging->tickets[s->ticket - 1], *last = &staging->tickets[--staging->n_tickets];
	if (t != last) {
		*t = *last;
		t->stream->ticket = s->ticket;
	}
	s->ticket = 0;
}

/* In front of what is written in this call. */
static void ticket_release(struct stream *s) {
	if (s->ticket == 0)
		return;
	const struct ticket *t = &staging->tickets[s->ticket - 1];
	memmove(staging->cipher + t->n, staging->cipher, staging->n);
	memcpy(staging->cipher, t->cipher, t->n);
	staging->n += t->n;
	ticket_drop(s);
}

/* Sends what the last OpenSSL calls wrote; the rest waits behind what waits already. */
static int flush_staging(struct stream *s) {
	if (!staging || staging->n == 0)
		return 0;
	ticket_release(s);
	size_t n = staging->n, old = s->unsent ? s->unsent->n - s->unsent->at : 0;
	staging->n = 0;
	ssize_t sent = old ? 0 : send_cipher(s, staging->cipher, n, s->is_last_send ? MSG_MORE : 0);
	if (sent < 0)
		return STREAM_ERROR;
	if ((size_t)sent == n)
		return 0;
	struct stream_cipher_text *u = mem_alloc(sizeof(*u) + old + n - (size_t)sent);
	if (old)
		memcpy(u->bytes, s->unsent->bytes + s->unsent->at, old);
	memcpy(u->bytes + old, staging->cipher + sent, n - (size_t)sent);
	u->at = 0;
	u->n = old + n - (size_t)sent;
	mem_free(s->unsent);
	s->unsent = u;
	return 0;
}

/* The answers take their time: the tickets leave alone. */
static void on_ticket_deadline(struct deadline *d) {
	struct staging *here = CONTAINER_OF(d, struct staging, ticket_deadline);
	while (here->n_tickets > 0) {
		struct stream *s = here->tickets[here->n_tickets - 1].stream;
		ticket_release(s);
		(void)flush_staging(s); /* what failed to leave, the next read tells */
	}
}

/*
 * Keeps what the end of the handshake wrote, if that is nothing but a ticket, and if a request is there already, so that an answer
 * comes soon. A client whose request is still to come may be waiting for our acknowledgement (Nagle), which goes with the ticket.
 */
static bool ticket_hold(struct stream *s) {
	size_t n = staging ? staging->n : 0;
	if (n == 0 || n > TICKET_BYTES || staging->n_tickets == TICKETS_MAX || s->unsent || !SSL_is_server(s->ssl) ||
	    SSL_version(s->ssl) < TLS1_3_VERSION || !SSL_has_pending(s->ssl))
		return false;
	struct ticket *t = &staging->tickets[staging->n_tickets++];
	t->stream = s;
	t->n = n;
	memcpy(t->cipher, staging->cipher, n);
	staging->n = 0;
	s->ticket = (uint8_t)staging->n_tickets;
	if (!staging->ticket_deadline.loop)
		deadline_init(&staging->ticket_deadline, s->loop, on_ticket_deadline);
	if (staging->ticket_deadline.at_us == UINT64_MAX)
		deadline_set(&staging->ticket_deadline, clock_now_us() + TICKET_US);
	return true;
}

size_t stream_unsent(const struct stream *s) {
	return s->unsent ? s->unsent->n - s->unsent->at : 0;
}

/* Empties both keys of the key exchange, which OpenSSL would keep as long as the connection: 370 bytes with X25519, and with P-256
 * more. What stays is two shells that it frees in the end. */
static void forget_key_exchange(SSL *ssl) {
	EVP_PKEY *key;
	if (SSL_get_tmp_key(ssl, &key)) {
		EVP_PKEY_set_type(key, EVP_PKEY_EC); /* any type does: what it held goes */
		EVP_PKEY_free(key);
	}
	if (SSL_get_peer_tmp_key(ssl, &key)) {
		EVP_PKEY_set_type(key, EVP_PKEY_EC);
		EVP_PKEY_free(key);
	}
}

/* The thread's stand-in for sessions of this connection's cipher suite, the only thing of theirs that is asked for later (the log
 * tells it). */
static SSL_SESSION *stand_in_session(struct stand_in *all, const SSL *ssl) {
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
	for (size_t i = 0; suite && i < SUITES_MAX; i++) {
		SSL_SESSION **at = &all->sessions[i];
		if (!*at && (*at = SSL_SESSION_new()))
			SSL_SESSION_set_cipher(*at, suite);
		if (!*at || SSL_SESSION_get0_cipher(*at) == suite)
			return *at;
	}
	return NULL;
}

/* Is there something in the session that the connection needs behind its handshake? Before TLS 1.3 there is. */
static bool needs_session(const SSL *ssl) {
	const SSL_SESSION *session = SSL_get_session(ssl);
	return !SSL_is_server(ssl) || SSL_version(ssl) < TLS1_3_VERSION || !session || SSL_get0_peer_certificate(ssl) ||
	       SSL_SESSION_get_max_fragment_length(session) != TLSEXT_max_fragment_length_DISABLED;
}

/*
 * Gives back the session, 1,100 bytes which are in the client's ticket already. SSL_set_session would begin anew with a connection
 * whose method is not its context's, and a connection's is that of the version that was agreed on; so there is a context of that one
 * method, which takes the place of the listener's. From OpenSSL 3.2 on the context does not count there: sessions stay.
 */
static void shed_session(SSL *ssl) {
	if (needs_session(ssl) || OPENSSL_version_major() > 3 || OPENSSL_version_minor() > 1)
		return;
	struct stand_in *all = &staging_here()->stand_in;
	SSL_SESSION *session = stand_in_session(all, ssl);
	long verified = SSL_get_verify_result(ssl);
	if (!all->context)
		all->context = SSL_CTX_new(SSL_get_ssl_method(ssl));
	if (!session || !all->context || !SSL_set_SSL_CTX(ssl, all->context))
		return;
	SSL_set_session(ssl, session);
	SSL_set_verify_result(ssl, verified); /* it was taken out of the session */
}

static void count_handshake(SSL *ssl) {
	bool is_server = SSL_is_server(ssl);
	metric_add(is_server ? METRIC_io_tls_handshakes_total : METRIC_io_tls_client_handshakes_total, 1);
	if (SSL_session_reused(ssl))
		metric_add(is_server ? METRIC_io_tls_resumed_total : METRIC_io_tls_client_resumed_total, 1);
}

int stream_handshake(struct stream *s) {
	if (stream_flush(s) == STREAM_ERROR)
		return STREAM_ERROR;
	speak_for(s);
	if (s->can_read)
		s->is_drained = false;
	int r = SSL_do_handshake(s->ssl);
	int why = r == 1 ? 0 : SSL_get_error(s->ssl, r);
	int error = s->error;
	if ((r != 1 || !ticket_hold(s)) && flush_staging(s) < 0)
		return STREAM_ERROR;
	if (r == 1) {
		s->is_handshaking = false;
		count_handshake(s->ssl);
		forget_key_exchange(s->ssl);
		shed_session(s->ssl);
		/* Bytes may stand in OpenSSL's buffer already, of which no edge will tell. */
		if (SSL_has_pending(s->ssl))
			s->can_read = true;
		else if (s->is_drained)
			s->can_read = false;
		return 0;
	}
	if (why == SSL_ERROR_WANT_READ && !s->has_eof && !error) {
		s->can_read = false;
		return STREAM_AGAIN;
	}
	return STREAM_ERROR;
}

ssize_t tls_stream_recv(struct stream *s, void *to, size_t n) {
	size_t total = 0;
	speak_for(s);
	while (total < n) {
		size_t want = n - total < INT32_MAX ? n - total : INT32_MAX;
		int got = SSL_read(s->ssl, (char *)to + total, (int)want);
		if (got > 0) {
			total += (size_t)got;
			if (s->is_drained && !SSL_has_pending(s->ssl)) {
				s->can_read = false;
				break;
			}
			continue;
		}
		int why = SSL_get_error(s->ssl, got);
		if (staging && staging->n > 0 && flush_staging(s) < 0) /* the answer to a key update, or an alert */
			return STREAM_ERROR;
		if (why == SSL_ERROR_WANT_READ && !s->has_eof) {
			s->can_read = false;
			return total ? (ssize_t)total : STREAM_AGAIN;
		}
		if (total)
			return (ssize_t)total; /* the next call says what happened */
		if (why == SSL_ERROR_ZERO_RETURN) {
			s->has_eof = true;
			return STREAM_EOF;
		}
		if (!s->error && s->has_eof)
			s->error = ECONNRESET; /* a FIN without close_notify: what was read may have been cut short */
		return STREAM_ERROR;
	}
	if (total == n && SSL_has_pending(s->ssl)) /* of what OpenSSL holds already no edge tells */
		s->can_read = true;
	if (staging && staging->n > 0 && flush_staging(s) < 0)
		return STREAM_ERROR;
	return (ssize_t)total;
}

/* The next record's plain text: a long piece where it lies, short ones gathered into one record. Moves (*i, *at) on. */
static struct str next_plain(const struct iovec *iov, int n_iov, int *i, size_t *at) {
	while (*i < n_iov && *at == iov[*i].iov_len) {
		++*i;
		*at = 0;
	}
	if (*i == n_iov)
		return STR_NONE;
	size_t left = iov[*i].iov_len - *at;
	const char *p = (const char *)iov[*i].iov_base + *at;
	if (left >= RECORD_BYTES || *i == n_iov - 1) {
		size_t n = left < RECORD_BYTES ? left : RECORD_BYTES;
		*at += n;
		return str_slice(p, n);
	}
	size_t n = 0;
	while (*i < n_iov && n < RECORD_BYTES) {
		left = iov[*i].iov_len - *at;
		size_t take = left < RECORD_BYTES - n ? left : RECORD_BYTES - n;
		memcpy(staging->plain + n, (const char *)iov[*i].iov_base + *at, take);
		n += take;
		*at += take;
		if (*at == iov[*i].iov_len && *i < n_iov) {
			++*i;
			*at = 0;
		}
	}
	return str_slice(staging->plain, n);
}

ssize_t tls_stream_send(struct stream *s, const struct iovec *iov, int n_iov) {
	int waits = stream_flush(s);
	if (waits != 0)
		return waits;
	speak_for(s);
	s->answers_eof = s->has_eof;
	ticket_release(s);
	size_t total = 0, at = 0;
	int i = 0;
	while (total + RECORD_BYTES <= PLAIN_BYTES) {
		struct str plain = next_plain(iov, n_iov, &i, &at);
		if (plain.n == 0) {
			if (s->is_last_send)
				SSL_shutdown(s->ssl); /* writes close_notify */
			break;
		}
		int took = SSL_write(s->ssl, plain.p, (int)plain.n);
		if (took != (int)plain.n) { /* the BIO always takes: this is a broken connection */
			staging->n = 0;
			return STREAM_ERROR;
		}
		total += plain.n;
	}
	return flush_staging(s) < 0 ? STREAM_ERROR : (ssize_t)total;
}

void tls_stream_bye(struct stream *s) {
	if (s->error || s->is_handshaking || SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN)
		return;
	/* The peer said close_notify and closed, and nothing was sent to it since: ours would be answered with RST. One that has only
	 * ceased to send, and waits for the end of a response, is not met by this. */
	if (s->has_hup && s->has_eof && !s->answers_eof && SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN)
		return;
	speak_for(s);
	SSL_shutdown(s->ssl);
	if (s->unsent || flush_staging(s) < 0) { /* can't overtake what waits, and nobody will wait for it */
		if (staging)
			staging->n = 0;
	}
	ERR_clear_error();
}

void tls_stream_fini(struct stream *s) {
	ticket_drop(s);
	mem_free(s->unsent);
	s->unsent = NULL;
	SSL_free(s->ssl);
	s->ssl = NULL;
}

struct str tls_stream_error(const struct stream *s, char out[128]) {
	unsigned long code = ERR_peek_last_error();
	long verified = SSL_get_verify_result(s->ssl);
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	if (verified != X509_V_OK)
		snprintf(out, 128, "certificate verify failed: %s", X509_verify_cert_error_string(verified));
	else if (reason)
		snprintf(out, 128, "%s", reason);
	else
		snprintf(out, 128, "closed by the peer%s", s->is_handshaking ? " in the handshake" : "");
	return str_from(out);
}
