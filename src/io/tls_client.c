/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS to servers: whom to trust, what to show, what to speak, and the sessions that servers gave to be resumed.
 *
 * A session skips the verification of the certificate, so it must not outlive what was verified: sessions belong to the context
 * (a reload makes another one) and are found again by address and name alone. One of TLS 1.3 is used once (RFC 8446 C.4).
 */
#include "io/tls_private.h"

#include "steerway/base/clock.h"
#include "steerway/base/hash.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
	SLOT_SESSIONS = 4,      /* a server gives two tickets a connection, and several connections may begin at once */
	SLOTS_MAX = 4096,       /* 4 sessions of about 1 KiB each: 16 MiB at most */
	SESSION_SECONDS = 3600, /* how long a verification counts, whatever the server says */
};

struct saved_session {
	struct addr address;
	uint64_t name_hash;
	SSL_SESSION *session; /* NULL: empty */
};

/* Belongs to the SSL_CTX, which connections keep alive when their tls_client is gone already. */
struct session_store {
	pthread_mutex_t lock; /* taken once or twice a handshake: 20 ns of 250 us */
	uint64_t seed;
	size_t n_slots; /* a power of two */
	struct saved_session sessions[][SLOT_SESSIONS];
};

struct tls_client {
	SSL_CTX *context;
	bool verify;
};

/* ---- sessions ---- */

static void store_free(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long number, void *arg) {
	(void)parent;
	(void)data;
	(void)index;
	(void)number;
	(void)arg;
	struct session_store *store = pointer;
	if (!store)
		return;
	for (size_t i = 0; i < store->n_slots; i++)
		for (size_t k = 0; k < SLOT_SESSIONS; k++)
			SSL_SESSION_free(store->sessions[i][k].session);
	pthread_mutex_destroy(&store->lock);
	mem_free(store);
}

static int store_index(void) {
	static _Atomic int index = -1;
	int i = atomic_load(&index);
	if (i >= 0)
		return i;
	i = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, store_free);
	int none = -1;
	return atomic_compare_exchange_strong(&index, &none, i) ? i : none;
}

static bool peer_of(int fd, struct addr *out) {
	socklen_t n = sizeof(*out);
	memset(out, 0, sizeof(*out));
	return getpeername(fd, &out->sa, &n) == 0;
}

static struct saved_session *slot_of(struct session_store *store, const struct addr *a) {
	return store->sessions[addr_hash(a, store->seed) & (store->n_slots - 1)];
}

static bool is_fresh(const SSL_SESSION *session) {
	int64_t age = (int64_t)(clock_wall_us() / USEC_PER_SEC) - SSL_SESSION_get_time(session);
	long life = SSL_SESSION_get_timeout(session);
	return age >= -60 && age < (life < SESSION_SECONDS ? life : SESSION_SECONDS) && SSL_SESSION_is_resumable(session);
}

static uint64_t hash_name(const struct session_store *store, const char *name) {
	return name ? hash_str(str_from(name), store->seed) : 0;
}

/* The newest session of that server, if any: the caller's to free. */
static SSL_SESSION *session_take(struct session_store *store, const struct addr *a, const char *name) {
	struct saved_session *slot = slot_of(store, a);
	SSL_SESSION *found = NULL;
	uint64_t name_hash = hash_name(store, name);
	pthread_mutex_lock(&store->lock);
	for (size_t k = 0; !found && k < SLOT_SESSIONS; k++) {
		struct saved_session *s = &slot[k];
		if (!s->session || s->name_hash != name_hash || !addr_eq(&s->address, a))
			continue;
		found = s->session;
		s->session = NULL;
		if (!is_fresh(found)) {
			SSL_SESSION_free(found);
			found = NULL;
		} else if (SSL_SESSION_get_protocol_version(found) < TLS1_3_VERSION && SSL_SESSION_up_ref(found) == 1) {
			s->session = found; /* it may be resumed as often as one likes */
		}
	}
	pthread_mutex_unlock(&store->lock);
	return found;
}

/* OpenSSL has a new session of this connection; 1: it is ours now. */
static int on_new_session(SSL *ssl, SSL_SESSION *session) {
	struct session_store *store = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), store_index());
	struct stream *s = BIO_get_data(SSL_get_rbio(ssl));
	struct addr a;
	if (!store || !peer_of(s->fd, &a))
		return 0;
	struct saved_session *slot = slot_of(store, &a);
	uint64_t name_hash = hash_name(store, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	pthread_mutex_lock(&store->lock);
	SSL_SESSION *oldest = slot[SLOT_SESSIONS - 1].session;
	memmove(&slot[1], &slot[0], (SLOT_SESSIONS - 1) * sizeof(*slot));
	slot[0] = (struct saved_session){ a, name_hash, session };
	pthread_mutex_unlock(&store->lock);
	SSL_SESSION_free(oldest);
	return 1;
}

static int sessions_keep(SSL_CTX *c, unsigned n_servers) {
	size_t n = 1;
	while (n < n_servers && n < SLOTS_MAX)
		n *= 2;
	struct session_store *store = mem_zalloc(sizeof(*store) + n * sizeof(*store->sessions));
	pthread_mutex_init(&store->lock, NULL);
	store->seed = hash_process_seed();
	store->n_slots = n;
	if (SSL_CTX_set_ex_data(c, store_index(), store) != 1) {
		store_free(NULL, store, NULL, 0, 0, NULL);
		return -1;
	}
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c, on_new_session);
	return 0;
}

/* ---- contexts ---- */

static int context_fill(SSL_CTX *c, const struct tls_client_options *o, struct err *e) {
	tls_context_defaults(c);
	SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20");
	SSL_CTX_set_verify(c, o->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	int loaded = 1;
	if (o->verify)
		loaded = o->ca_path ? SSL_CTX_load_verify_file(c, o->ca_path) : SSL_CTX_set_default_verify_paths(c);
	if (loaded != 1)
		return err_set(e, "%s: no certificates of authorities in PEM form: %s",
		               o->ca_path ? o->ca_path : "system's authorities", tls_reason());
	if (o->certificate_path) {
		struct tls_certificate *own = tls_certificate_load(o->certificate_path, e);
		int status = own ? tls_certificate_use(own, c, e) : -1;
		tls_certificate_put(own);
		if (status < 0)
			return -1;
	}
	static const unsigned char h2[] = "\x02h2", http1[] = "\x08http/1.1";
	if ((o->alpn == TLS_ALPN_H2 && SSL_CTX_set_alpn_protos(c, h2, sizeof(h2) - 1) != 0) ||
	    (o->alpn == TLS_ALPN_HTTP1 && SSL_CTX_set_alpn_protos(c, http1, sizeof(http1) - 1) != 0) ||
	    (o->n_servers > 0 && sessions_keep(c, o->n_servers) < 0))
		return err_set(e, "cannot make a TLS context: %s", tls_reason());
	return 0;
}

struct tls_client *tls_client_create(const struct tls_client_options *o, struct err *e) {
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	if (!c)
		err_set(e, "cannot make a TLS context: %s", tls_reason());
	if (!c || context_fill(c, o, e) < 0) {
		SSL_CTX_free(c);
		return NULL;
	}
	struct tls_client *t = mem_zalloc(sizeof(*t));
	t->context = c;
	t->verify = o->verify;
	return t;
}

struct tls_client *tls_client_share(const struct tls_client *t) {
	struct tls_client *same = mem_zalloc(sizeof(*same));
	*same = *t;
	SSL_CTX_up_ref(same->context);
	return same;
}

void tls_client_destroy(struct tls_client *t) {
	if (!t)
		return;
	SSL_CTX_free(t->context);
	mem_free(t);
}

/* ---- a connection ---- */

/* Sends the name as SNI and has it verified; an address is verified, but not sent (RFC 6066 3). */
static int name_peer(SSL *ssl, const struct tls_client *t, struct str text, char name[256]) {
	struct addr ip;
	str_copy(name, 256, text);
	if (addr_parse_ip(&ip, text)) {
		int done = t->verify ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) : 1;
		name[0] = '\0';
		return done == 1 ? 0 : -1;
	}
	if (SSL_set_tlsext_host_name(ssl, name) != 1)
		return -1;
	if (!t->verify)
		return 0;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 ? 0 : -1;
}

SSL *tls_client_new(const struct tls_client *t, struct stream *s, struct str server_name) {
	struct session_store *store = SSL_CTX_get_ex_data(t->context, store_index());
	char name[256] = "", text[ADDR_TEXT_BYTES];
	struct addr peer;
	if (server_name.n >= sizeof(name))
		return NULL;
	bool has_peer = (store || (t->verify && server_name.n == 0)) && peer_of(s->fd, &peer);
	if (server_name.n == 0 && t->verify && !has_peer)
		return NULL; /* nothing to verify by */
	SSL *ssl = SSL_new(t->context);
	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	if (server_name.n == 0 && t->verify)
		server_name = addr_format_ip(&peer, text);
	if (server_name.n > 0 && name_peer(ssl, t, server_name, name) < 0) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_SESSION *session = store && has_peer ? session_take(store, &peer, name[0] ? name : NULL) : NULL;
	if (session) {
		SSL_set_session(ssl, session);
		SSL_SESSION_free(session);
	}
	return ssl;
}
