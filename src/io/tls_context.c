/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS contexts: for listeners an SSL_CTX a certificate, chosen by SNI (exact name, then wildcard, then the first); for clients
 * one with the authorities to trust.
 *
 * Measured: the internal session cache off and one ticket make the cheapest handshake (230 against 265 us with defaults; without
 * any ticket the client stalls on a delayed ACK).
 */
#include "io/private.h"

#include "steerway/base/map.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { TICKET_KEY_BYTES = 80 };

struct tls_name {
	char *text; /* lower case; a wildcard stands here without its '*': ".example.org" */
	SSL_CTX *context;
};

struct tls_server {
	SSL_CTX **contexts;
	size_t n_contexts;
	struct map by_name; /* -> struct tls_name */
	unsigned char ticket_keys[TICKET_KEY_BYTES];
};

struct tls_client {
	SSL_CTX *context;
	bool verify;
};

static const char *openssl_reason(void) {
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	return reason ? reason : "unknown error";
}

/* ---- names of a certificate ---- */

static struct tls_name *name_find(const struct tls_server *t, struct str name) {
	char lower[256];
	if (name.n == 0 || name.n >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	struct str exact = { lower, name.n };
	struct tls_name *found = map_get(&t->by_name, exact);
	size_t dot = found ? 0 : str_find_char(exact, '.');
	if (!found && dot > 0 && dot < exact.n) /* a wildcard stands for one label (RFC 6125 6.4.3) */
		found = map_get(&t->by_name, str_skip(exact, dot));
	return found;
}

static void name_add(struct tls_server *t, struct str name, SSL_CTX *context) {
	if (str_starts(name, STR("*.")))
		name = str_skip(name, 1);
	if (name.n == 0 || name.n > 255 || memchr(name.p, 0, name.n))
		return;
	struct tls_name *entry = mem_zalloc(sizeof(*entry));
	entry->text = mem_strdup(name);
	for (char *c = entry->text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 32);
	entry->context = context;
	if (map_get(&t->by_name, str_from(entry->text))) { /* the first certificate that has the name serves it */
		mem_free(entry->text);
		mem_free(entry);
		return;
	}
	map_put(&t->by_name, str_from(entry->text), entry);
}

static void names_of_certificate(struct tls_server *t, SSL_CTX *context) {
	X509 *certificate = SSL_CTX_get0_certificate(context);
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type == GEN_DNS)
			name_add(t,
			         str_slice((const char *)ASN1_STRING_get0_data(n->d.dNSName),
			                   (size_t)ASN1_STRING_length(n->d.dNSName)),
			         context);
	}
	if (!names) { /* only a certificate without alternative names is known by its subject (RFC 6125 6.4.4) */
		char common[256];
		int n = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common, sizeof(common));
		if (n > 0)
			name_add(t, str_slice(common, (size_t)n), context);
	}
	GENERAL_NAMES_free(names);
}

/* ---- callbacks of the handshake ---- */

static int on_server_name(SSL *ssl, int *alert, void *arg) {
	(void)alert;
	const struct tls_server *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_name *found = name ? name_find(t, str_from(name)) : NULL;
	if (found && found->context != SSL_get_SSL_CTX(ssl))
		SSL_set_SSL_CTX(ssl, found->context);
	return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg) {
	(void)ssl;
	(void)arg;
	static const unsigned char spoken[] = "\x08http/1.1";
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_n, spoken, sizeof(spoken) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol (RFC 7301 3.2) */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void on_info(const SSL *ssl, int where, int ret) {
	(void)ret;
	if (!(where & SSL_CB_HANDSHAKE_DONE) || !SSL_is_server(ssl))
		return;
	metric_add(METRIC_io_tls_handshakes_total, 1);
	if (SSL_session_reused(ssl))
		metric_add(METRIC_io_tls_resumed_total, 1);
}

/* ---- contexts ---- */

static void context_defaults(SSL_CTX *c) {
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c, 1);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20");
}

static SSL_CTX *server_context_create(struct tls_server *t, const struct tls_server_options *o, const char *path, struct err *e) {
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	if (!c) {
		err_set(e, "cannot make a TLS context: %s", openssl_reason());
		return NULL;
	}
	context_defaults(c);
	SSL_CTX_set_min_proto_version(c, o->min_version);
	SSL_CTX_set_session_id_context(c, (const unsigned char *)"steerway", 8);
	SSL_CTX_set_num_tickets(c, o->tickets ? 1 : 0);
	if (!o->tickets)
		SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	SSL_CTX_set_tlsext_ticket_keys(c, t->ticket_keys, TICKET_KEY_BYTES);
	SSL_CTX_set_tlsext_servername_callback(c, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(c, t);
	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	SSL_CTX_set_info_callback(c, on_info);
	if (SSL_CTX_use_certificate_chain_file(c, path) != 1)
		err_set(e, "%s: no certificate chain in PEM form: %s", path, openssl_reason());
	else if (SSL_CTX_use_PrivateKey_file(c, path, SSL_FILETYPE_PEM) != 1)
		err_set(e, "%s: no private key that fits the certificate: %s; append the key to the file", path,
		        openssl_reason());
	else if (SSL_CTX_check_private_key(c) != 1)
		err_set(e, "%s: the private key does not fit the certificate", path);
	else
		return c;
	SSL_CTX_free(c);
	return NULL;
}

struct tls_server *tls_server_create(const struct tls_server_options *o, struct err *e) {
	struct tls_server *t = mem_zalloc(sizeof(*t));
	t->contexts = mem_zalloc_array(o->n_certificates, sizeof(*t->contexts));
	if (o->previous)
		memcpy(t->ticket_keys, o->previous->ticket_keys, TICKET_KEY_BYTES);
	else if (RAND_bytes(t->ticket_keys, TICKET_KEY_BYTES) != 1) {
		err_set(e, "no random bytes for ticket keys: %s", openssl_reason());
		goto fail;
	}
	for (size_t i = 0; i < o->n_certificates; i++) {
		SSL_CTX *c = server_context_create(t, o, o->certificate_paths[i].p, e);
		if (!c)
			goto fail;
		t->contexts[t->n_contexts++] = c;
		names_of_certificate(t, c);
	}
	if (t->n_contexts > 0)
		return t;
	err_set(e, "a TLS listener needs a certificate");
fail:
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
	for (size_t i = 0; i < t->n_contexts; i++)
		SSL_CTX_free(t->contexts[i]);
	mem_free(t->contexts);
	OPENSSL_cleanse(t->ticket_keys, TICKET_KEY_BYTES);
	mem_free(t);
}

struct tls_client *tls_client_create(bool verify, const char *ca_path, struct err *e) {
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	if (!c) {
		err_set(e, "cannot make a TLS context: %s", openssl_reason());
		return NULL;
	}
	context_defaults(c);
	SSL_CTX_set_verify(c, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	int loaded = 1;
	if (verify)
		loaded = ca_path ? SSL_CTX_load_verify_file(c, ca_path) : SSL_CTX_set_default_verify_paths(c);
	if (loaded != 1) {
		err_set(e, "%s: no certificates of authorities in PEM form: %s", ca_path ? ca_path : "system's authorities",
		        openssl_reason());
		SSL_CTX_free(c);
		return NULL;
	}
	struct tls_client *t = mem_zalloc(sizeof(*t));
	t->context = c;
	t->verify = verify;
	return t;
}

void tls_client_destroy(struct tls_client *t) {
	if (!t)
		return;
	SSL_CTX_free(t->context);
	mem_free(t);
}

SSL *tls_server_new(const struct tls_server *t) {
	SSL *ssl = SSL_new(t->contexts[0]);
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

SSL *tls_client_new(const struct tls_client *t, struct str server_name) {
	SSL *ssl = SSL_new(t->context);
	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	char name[256];
	if (server_name.n == 0 || server_name.n >= sizeof(name))
		return ssl;
	str_copy(name, sizeof(name), server_name);
	struct addr ip;
	bool is_ip = addr_parse_ip(&ip, server_name); /* an address is verified, but not sent as SNI (RFC 6066 3) */
	if (!is_ip)
		SSL_set_tlsext_host_name(ssl, name);
	if (t->verify && (is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) : SSL_set1_host(ssl, name)) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}
