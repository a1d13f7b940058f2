/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of a listener. Certificates are chosen by SNI (exact name, then wildcard, then the first one's), and among those of one name
 * by key: ECDSA, RSA and Ed25519 stand side by side in one context, and the client's signature algorithms decide. There is a
 * context for each set of certificates that some name has.
 *
 * Client certificates: one that does not verify is refused in both modes, so that nothing unverified is ever told to a server.
 * A session can only be resumed where the same names are served under the same authorities, modes and revocation lists
 * (session id context): a new list takes effect at once, and a ticket does not lead past a listener that asks for certificates.
 *
 * Measured: the internal session cache off and one ticket make the cheapest handshake (230 against 265 us with defaults; without
 * any ticket the client stalls on a delayed ACK).
 */
#include "io/tls_private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/map.h"
#include "steerway/base/mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { SESSION_SECONDS = 12 * 3600, NAME_MAX_BYTES = 255, ALPN_MAX_BYTES = 12 };

/* Certificates that a name has, one a kind of key. */
struct tls_set {
	const struct tls_certificate *of[TLS_KINDS];
	SSL_CTX *context;
};

struct tls_name {
	char *text; /* lower case; a wildcard stands here without its '*': ".example.org" */
	struct tls_set set;
};

struct tls_server {
	struct tls_certificate **certificates;
	size_t n_certificates;
	struct tls_set *sets; /* each with a context of its own; the first is for clients that name nothing known */
	size_t n_sets;
	struct map by_name; /* -> struct tls_name */
	struct tls_tickets *tickets;
	X509_STORE *client_trust; /* NULL: clients need no certificate */
	STACK_OF(X509_NAME) * client_authorities;
	enum tls_client_auth client_auth;
	unsigned char trust_digest[EVP_MAX_MD_SIZE]; /* of the files of client_trust */
	unsigned char alpn[ALPN_MAX_BYTES];          /* what is spoken, in order, as on the wire */
	unsigned alpn_bytes;
};

/* ---- names ---- */

static struct str lower(struct str name, char out[NAME_MAX_BYTES + 1]) {
	for (size_t i = 0; i < name.n; i++)
		out[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	out[name.n] = '\0';
	return str_slice(out, name.n);
}

/* The wildcard above a name stands for one label (RFC 6125 6.4.3). */
static struct tls_name *wildcard_of(const struct tls_server *t, struct str name) {
	size_t dot = str_find_char(name, '.');
	return dot > 0 && dot < name.n ? map_get(&t->by_name, str_skip(name, dot)) : NULL;
}

static struct tls_name *name_find(const struct tls_server *t, struct str name) {
	char text[NAME_MAX_BYTES + 1];
	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return NULL;
	name = lower(name, text);
	struct tls_name *found = map_get(&t->by_name, name);
	return found ? found : wildcard_of(t, name);
}

struct naming {
	struct tls_server *server;
	const struct tls_certificate *certificate;
};

/* The first certificate of a kind that has the name serves it. */
static void name_add(void *arg, struct str name) {
	struct naming *n = arg;
	char text[NAME_MAX_BYTES + 1];
	if (str_starts(name, STR("*.")))
		name = str_skip(name, 1);
	if (name.n == 0 || name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
		return;
	name = lower(name, text);
	struct tls_name *entry = map_get(&n->server->by_name, name);
	if (!entry) {
		entry = mem_zalloc(sizeof(*entry));
		entry->text = mem_strdup(name);
		map_put(&n->server->by_name, str_from(entry->text), entry);
	}
	const struct tls_certificate **slot = &entry->set.of[n->certificate->kind];
	if (!*slot)
		*slot = n->certificate;
}

/* A name takes the kinds that it lacks from the wildcard above it: better that one than none for a client that needs it. */
static void set_complete(const struct tls_server *t, struct tls_name *name) {
	const struct tls_name *above = name->text[0] != '.' ? wildcard_of(t, str_from(name->text)) : NULL;
	for (int k = 0; above && k < TLS_KINDS; k++)
		if (!name->set.of[k])
			name->set.of[k] = above->set.of[k];
}

/* ---- callbacks of the handshake ---- */

static int on_server_name(SSL *ssl, int *alert, void *arg) {
	(void)alert;
	const struct tls_server *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_name *found = name ? name_find(t, str_from(name)) : NULL;
	if (found && found->set.context != SSL_get_SSL_CTX(ssl))
		SSL_set_SSL_CTX(ssl, found->set.context);
	return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg) {
	(void)ssl;
	const struct tls_server *t = arg;
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_n, t->alpn, t->alpn_bytes, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol (RFC 7301 3.2) */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A session does not outlive the client certificate that it stands for. */
static SSL_TICKET_RETURN on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_bytes,
                                          SSL_TICKET_STATUS status, void *arg) {
	(void)ssl;
	(void)name;
	(void)name_bytes;
	(void)arg;
	X509 *peer = session ? SSL_SESSION_get0_peer(session) : NULL;
	bool is_open = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
	if (is_open && peer && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	switch (status) {
	case SSL_TICKET_SUCCESS:
		return SSL_TICKET_RETURN_USE;
	case SSL_TICKET_SUCCESS_RENEW:
		return SSL_TICKET_RETURN_USE_RENEW;
	default:
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	}
}

/* ---- client certificates ---- */

static int digest_file(EVP_MD_CTX *digest, const char *path) {
	BIO *file = BIO_new_file(path, "r");
	char bytes[4096];
	int n = file ? 0 : -1;
	while (file && (n = BIO_read(file, bytes, sizeof(bytes))) > 0)
		EVP_DigestUpdate(digest, bytes, (size_t)n);
	BIO_free(file);
	return n < 0 ? -1 : 0;
}

static int trust_load(struct tls_server *t, const struct tls_server_options *o, EVP_MD_CTX *digest, struct err *e) {
	ERR_clear_error();
	t->client_trust = X509_STORE_new();
	t->client_authorities = SSL_load_client_CA_file(o->client_ca_path);
	if (!t->client_authorities || X509_STORE_load_file(t->client_trust, o->client_ca_path) != 1 ||
	    digest_file(digest, o->client_ca_path) < 0)
		return err_set(e, "%s: no certificates of authorities in PEM form: %s", o->client_ca_path, tls_reason());
	if (!o->client_crl_path)
		return 0;
	X509_LOOKUP *lookup = X509_STORE_add_lookup(t->client_trust, X509_LOOKUP_file());
	if (!lookup || X509_load_crl_file(lookup, o->client_crl_path, X509_FILETYPE_PEM) < 1 ||
	    digest_file(digest, o->client_crl_path) < 0)
		return err_set(e, "%s: no revocation lists in PEM form: %s", o->client_crl_path, tls_reason());
	X509_STORE_set_flags(t->client_trust, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

static void trust_drop(struct tls_server *t) {
	X509_STORE_free(t->client_trust);
	sk_X509_NAME_pop_free(t->client_authorities, X509_NAME_free);
	t->client_trust = NULL;
	t->client_authorities = NULL;
}

/* ---- what can be kept of the one before, when its files have become unusable ---- */

static bool keep_old(const struct tls_server_options *o, const char *what, const struct err *why) {
	if (!o->keeps_old || !o->previous)
		return false;
	log_error("tls_file_refused", LOG_CSTR("file", what), LOG_CSTR("why", why->text),
	          LOG_CSTR("then", "the old one serves on"));
	if (o->n_kept)
		++*o->n_kept;
	return true;
}

static struct tls_certificate *certificate_open(const struct tls_server_options *o, const char *path, struct err *e) {
	struct tls_certificate *c = tls_certificate_load(path, e);
	if (c || !keep_old(o, path, e))
		return c;
	for (size_t i = 0; i < o->previous->n_certificates; i++)
		if (strcmp(o->previous->certificates[i]->path, path) == 0)
			return tls_certificate_get(o->previous->certificates[i]);
	return NULL;
}

static int tickets_open(struct tls_server *t, const struct tls_server_options *o, struct err *e) {
	const struct tls_server *old = o->previous;
	if (!o->tickets)
		return 0;
	/* Random keys are kept, so that a reload ends no sessions. */
	if (!o->ticket_keys_path && old && old->tickets && tls_tickets_are_random(old->tickets))
		t->tickets = tls_tickets_get(old->tickets);
	else
		t->tickets = tls_tickets_create(o->ticket_keys_path, e);
	if (!t->tickets && old && old->tickets && keep_old(o, o->ticket_keys_path, e))
		t->tickets = tls_tickets_get(old->tickets);
	return t->tickets ? 0 : -1;
}

static int trust_open(struct tls_server *t, const struct tls_server_options *o, struct err *e) {
	const struct tls_server *old = o->previous;
	t->client_auth = o->client_auth;
	if (o->client_auth == TLS_CLIENT_AUTH_OFF)
		return 0;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	int status = EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 ? trust_load(t, o, digest, e) : -1;
	EVP_DigestFinal_ex(digest, t->trust_digest, NULL);
	EVP_MD_CTX_free(digest);
	if (status < 0 && old && old->client_trust && keep_old(o, o->client_ca_path, e)) {
		trust_drop(t);
		X509_STORE_up_ref(old->client_trust);
		t->client_trust = old->client_trust;
		t->client_authorities = SSL_dup_CA_list(old->client_authorities);
		memcpy(t->trust_digest, old->trust_digest, sizeof(t->trust_digest));
		status = 0;
	}
	return status;
}

/* ---- contexts ---- */

void tls_context_defaults(SSL_CTX *c) {
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
}

static void context_ask_for_certificate(SSL_CTX *c, const struct tls_server *t) {
	if (t->client_auth == TLS_CLIENT_AUTH_OFF)
		return;
	SSL_CTX_set1_cert_store(c, t->client_trust);
	SSL_CTX_set_client_CA_list(c, SSL_dup_CA_list(t->client_authorities));
	SSL_CTX_set_session_ticket_cb(c, NULL, on_ticket_opened, NULL);
	SSL_CTX_set_verify(
	    c, t->client_auth == TLS_CLIENT_AUTH_REQUIRED ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER,
	    NULL);
}

static SSL_CTX *context_create(struct tls_server *t, const struct tls_server_options *o, const struct tls_set *set,
                               struct err *e) {
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	if (!c) {
		err_set(e, "cannot make a TLS context: %s", tls_reason());
		return NULL;
	}
	tls_context_defaults(c);
	SSL_CTX_set_timeout(c, SESSION_SECONDS);
	SSL_CTX_set_num_tickets(c, o->tickets ? 1 : 0);
	if (!o->tickets)
		SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	SSL_CTX_set_tlsext_servername_callback(c, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(c, t);
	SSL_CTX_set_alpn_select_cb(c, on_alpn, t);
	context_ask_for_certificate(c, t);
	int status = tls_policy_apply(c, o->policy, o->min_version, e);
	if (status == 0 && t->tickets && tls_tickets_use(t->tickets, c) < 0)
		status = err_set(e, "OpenSSL does not take ticket keys: %s", tls_reason());
	for (int k = 0; status == 0 && k < TLS_KINDS; k++)
		if (set->of[k])
			status = tls_certificate_use(set->of[k], c, e);
	if (status == 0)
		return c;
	SSL_CTX_free(c);
	return NULL;
}

/* Gives `set` the context of its certificates, made when no other name has the same ones. */
static int set_resolve(struct tls_server *t, const struct tls_server_options *o, struct map *known, struct tls_set *set,
                       struct err *e) {
	struct str key = { (const char *)set->of, sizeof(set->of) };
	struct tls_set *same = map_get(known, key);
	if (!same) {
		set->context = context_create(t, o, set, e);
		if (!set->context)
			return -1;
		same = &t->sets[t->n_sets++];
		*same = *set;
		map_put(known, str_slice((const char *)same->of, sizeof(same->of)), same);
	}
	set->context = same->context;
	return 0;
}

struct first_name {
	struct tls_server *server;
	struct tls_name *name;
};

static void take_first_name(void *arg, struct str name) {
	struct first_name *f = arg;
	char text[NAME_MAX_BYTES + 1];
	if (!f->name && name.n > 0 && name.n <= NAME_MAX_BYTES)
		f->name = map_get(&f->server->by_name, lower(str_skip(name, str_starts(name, STR("*.")) ? 1 : 0), text));
}

static int contexts_create(struct tls_server *t, const struct tls_server_options *o, struct err *e) {
	struct map known = { 0 };
	struct first_name first = { t, NULL };
	struct tls_set unnamed = { 0 };
	t->sets = mem_zalloc_array(t->by_name.n + 1, sizeof(*t->sets));
	for (struct map_entry *entry = NULL; (entry = map_next(&t->by_name, entry));)
		set_complete(t, entry->value);
	unnamed.of[t->certificates[0]->kind] = t->certificates[0];
	tls_certificate_each_name(t->certificates[0], take_first_name, &first);
	int status = set_resolve(t, o, &known, first.name ? &first.name->set : &unnamed, e);
	for (struct map_entry *entry = NULL; status == 0 && (entry = map_next(&t->by_name, entry));)
		status = set_resolve(t, o, &known, &((struct tls_name *)entry->value)->set, e);
	map_fini(&known);
	return status;
}

/* ---- where a session may be resumed ---- */

static int compare_names(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Nodes that share ticket keys have certificates of their own, so the names count, and not the certificates. */
static int sessions_bind(struct tls_server *t, struct err *e) {
	unsigned char id[EVP_MAX_MD_SIZE];
	unsigned n_id = 0;
	size_t n = 0;
	const char **names = mem_zalloc_array(t->by_name.n, sizeof(*names));
	for (struct map_entry *entry = NULL; (entry = map_next(&t->by_name, entry));)
		names[n++] = ((struct tls_name *)entry->value)->text;
	qsort(names, n, sizeof(*names), compare_names);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
	EVP_DigestUpdate(digest, &t->client_auth, sizeof(t->client_auth));
	EVP_DigestUpdate(digest, t->trust_digest, sizeof(t->trust_digest));
	for (size_t i = 0; i < n; i++)
		EVP_DigestUpdate(digest, names[i], strlen(names[i]) + 1);
	int done = EVP_DigestFinal_ex(digest, id, &n_id);
	EVP_MD_CTX_free(digest);
	mem_free(names);
	for (size_t i = 0; done == 1 && i < t->n_sets; i++)
		done = SSL_CTX_set_session_id_context(t->sets[i].context, id, n_id);
	return done == 1 ? 0 : err_set(e, "cannot tell sessions apart: %s", tls_reason());
}

/* ---- a listener's TLS ---- */

static void alpn_add(struct tls_server *t, struct str name) {
	t->alpn[t->alpn_bytes++] = (unsigned char)name.n;
	memcpy(t->alpn + t->alpn_bytes, name.p, name.n);
	t->alpn_bytes += (unsigned)name.n;
}

static int certificates_open(struct tls_server *t, const struct tls_server_options *o, struct err *e) {
	t->certificates = mem_zalloc_array(o->n_certificates, sizeof(*t->certificates));
	if (o->n_certificates == 0)
		return err_set(e, "a TLS listener needs a certificate");
	for (size_t i = 0; i < o->n_certificates; i++) {
		struct tls_certificate *c = certificate_open(o, o->certificate_paths[i].p, e);
		if (!c)
			return -1;
		t->certificates[t->n_certificates++] = c;
		tls_certificate_each_name(c, name_add, &(struct naming){ t, c });
	}
	return 0;
}

struct tls_server *tls_server_create(const struct tls_server_options *o, struct err *e) {
	struct tls_server *t = mem_zalloc(sizeof(*t));
	if (o->alpn & TLS_ALPN_H2)
		alpn_add(t, STR("h2"));
	if (o->alpn & TLS_ALPN_HTTP1)
		alpn_add(t, STR("http/1.1"));
	if (tickets_open(t, o, e) == 0 && trust_open(t, o, e) == 0 && certificates_open(t, o, e) == 0 &&
	    contexts_create(t, o, e) == 0 && sessions_bind(t, e) == 0)
		return t;
	tls_server_destroy(t);
	return NULL;
}

void tls_server_destroy(struct tls_server *t) {
	if (!t)
		return;
	for (struct map_entry *entry = NULL; (entry = map_next(&t->by_name, entry));) {
		struct tls_name *name = entry->value;
		mem_free(name->text);
		mem_free(name);
	}
	map_fini(&t->by_name);
	for (size_t i = 0; i < t->n_sets; i++)
		SSL_CTX_free(t->sets[i].context);
	mem_free(t->sets);
	for (size_t i = 0; i < t->n_certificates; i++)
		tls_certificate_put(t->certificates[i]);
	mem_free(t->certificates);
	trust_drop(t);
	tls_tickets_put(t->tickets);
	mem_free(t);
}

SSL *tls_server_new(const struct tls_server *t) {
	SSL *ssl = SSL_new(t->sets[0].context);
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}
