/* SPDX-License-Identifier: BSD-2-Clause
 * TLS of the load: 1.3 only, certificates not verified (their signature still is), and a ticket for each connection's place to resume by.
 * Without -R no session is ever offered, so that every connection is a full handshake. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

static SSL_CTX *context;
static const char *server_name;
static bool is_resuming;

/* The library gives us its reference when this returns 1. Tickets of resumed connections are left: those of h2o 2.2 do not resume again, and what is
 * to be measured is resumption, not who allows how many. */
static int on_ticket(SSL *ssl, SSL_SESSION *session) {
	struct conn *c = SSL_get_app_data(ssl);
	if (SSL_session_reused(ssl))
		return 0;
	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

void tls_init(bool is_wanted, bool is_resumed, const char *name) {
	if (!is_wanted)
		return;
	context = SSL_CTX_new(TLS_client_method());
	server_name = name;
	is_resuming = is_resumed;
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context,
	                               is_resumed ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
	if (is_resumed)
		SSL_CTX_sess_set_new_cb(context, on_ticket);
}

void tls_fini(void) {
	SSL_CTX_free(context);
}

void tls_attach(struct conn *c) {
	c->ssl = SSL_new(context);
	if (!c->ssl || !SSL_set_fd(c->ssl, c->fd)) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_set_app_data(c->ssl, c);
	SSL_set_tlsext_host_name(c->ssl, server_name);
	SSL_set_connect_state(c->ssl);
	if (is_resuming && c->session) { /* a copy: the library spoils a TLS 1.3 session that was used */
		SSL_SESSION *copy = SSL_SESSION_dup(c->session);
		SSL_set_session(c->ssl, copy);
		SSL_SESSION_free(copy);
	}
	c->is_shaken = c->is_resumed = false;
}

/* Closed as clients close: with a close_notify. A session would be marked bad without it. */
void tls_detach(struct conn *c) {
	if (c->is_shaken)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	c->ssl = NULL;
	ERR_clear_error();
}

void tls_forget(struct conn *c) {
	SSL_SESSION_free(c->session);
	c->session = NULL;
}

static ssize_t verdict(struct conn *c, int r) {
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return -2;
	}
}

int tls_handshake(struct conn *c) {
	int r = SSL_do_handshake(c->ssl);
	if (r != 1)
		return verdict(c, r) == -1 ? 0 : -1;
	c->is_shaken = true;
	c->is_resumed = SSL_session_reused(c->ssl);
	return 1;
}

ssize_t tls_read(struct conn *c, void *at, size_t room) {
	int r = SSL_read(c->ssl, at, (int)room);
	return r > 0 ? r : verdict(c, r);
}

ssize_t tls_write(struct conn *c, const void *data, size_t length) {
	int r = SSL_write(c->ssl, data, (int)length);
	return r > 0 ? r : verdict(c, r);
}
