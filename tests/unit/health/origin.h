/* SPDX-License-Identifier: BSD-2-Clause */
/* A tiny origin on 127.0.0.1: a thread that answers one connection after the other as a row says. For tests of probes. */
#ifndef TESTS_HEALTH_ORIGIN_H
#define TESTS_HEALTH_ORIGIN_H

#include "steerway/base/addr.h"
#include "steerway/base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum origin_end {
	ORIGIN_CLOSES, /* FIN after the answer */
	ORIGIN_HOLDS,  /* waits until the peer has gone */
	ORIGIN_RESETS, /* RST after the answer */
};

struct origin_answer {
	struct str bytes;  /* sent once the request head is here */
	struct str filler; /* then this, `times` times */
	unsigned times;
	enum origin_end end;
	bool is_piecemeal; /* a byte a send */
};

struct origin {
	struct addr address;
	int fd;
	pthread_t thread;
	SSL_CTX *tls; /* NULL: clear text */
	const struct origin_answer *answer;
	char request[4096]; /* the last one, NUL-terminated; read it after origin_stop */
	_Atomic unsigned connections;
};

struct origin_peer {
	int fd;
	SSL *ssl;
};

static ssize_t peer_read(struct origin_peer *p, char *to, size_t n) {
	return p->ssl ? SSL_read(p->ssl, to, (int)n) : recv(p->fd, to, n, 0);
}

static bool peer_write(struct origin_peer *p, struct str s, bool is_piecemeal) {
	size_t piece = is_piecemeal ? 1 : s.n;
	for (size_t at = 0; at < s.n; at += piece) {
		ssize_t n = p->ssl ? SSL_write(p->ssl, s.p + at, (int)piece) : send(p->fd, s.p + at, piece, MSG_NOSIGNAL);
		if (n != (ssize_t)piece)
			return false;
	}
	return true;
}

static void origin_serve(struct origin *o, struct origin_peer *p) {
	size_t n = 0;
	char drain[512];
	o->request[0] = '\0';
	while (strstr(o->request, "\r\n\r\n") == NULL) {
		ssize_t got = peer_read(p, o->request + n, sizeof o->request - 1 - n);
		if (got <= 0)
			return;
		n += (size_t)got;
		o->request[n] = '\0';
	}
	bool goes_on = peer_write(p, o->answer->bytes, o->answer->is_piecemeal);
	for (unsigned i = 0; i < o->answer->times && goes_on; i++)
		goes_on = peer_write(p, o->answer->filler, false);
	while (o->answer->end == ORIGIN_HOLDS && peer_read(p, drain, sizeof drain) > 0)
		;
	if (o->answer->end == ORIGIN_RESETS) {
		struct linger now = { 1, 0 };
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	}
}

static void *origin_run(void *arg) {
	struct origin *o = arg;
	for (;;) {
		struct origin_peer p = { .fd = accept(o->fd, NULL, NULL) };
		if (p.fd < 0)
			return NULL;
		atomic_fetch_add(&o->connections, 1);
		if (o->tls) {
			p.ssl = SSL_new(o->tls);
			SSL_set_fd(p.ssl, p.fd);
		}
		if (!p.ssl || SSL_accept(p.ssl) == 1) {
			origin_serve(o, &p);
			if (p.ssl && o->answer->end == ORIGIN_CLOSES)
				SSL_shutdown(p.ssl);
		}
		SSL_free(p.ssl);
		close(p.fd);
	}
}

/* A listening socket on a free port of 127.0.0.1. */
static int origin_listen(struct addr *at) {
	socklen_t n = sizeof at->in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*at = (struct addr){ .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	if (fd < 0 || bind(fd, &at->sa, sizeof at->in) < 0 || listen(fd, 1024) < 0 || getsockname(fd, &at->sa, &n) < 0) {
		perror("origin_listen");
		abort();
	}
	return fd;
}

static inline void origin_start(struct origin *o, const struct origin_answer *answer, SSL_CTX *tls) {
	memset(o, 0, sizeof *o);
	o->fd = origin_listen(&o->address);
	o->answer = answer;
	o->tls = tls;
	if (pthread_create(&o->thread, NULL, origin_run, o) != 0)
		abort();
}

static inline void origin_stop(struct origin *o) {
	shutdown(o->fd, SHUT_RDWR); /* wakes accept */
	pthread_join(o->thread, NULL);
	close(o->fd);
}

/* ---- a self-signed certificate for a DNS name and 127.0.0.1 ---- */

struct origin_identity {
	EVP_PKEY *key;
	X509 *certificate;
	char path[64]; /* PEM of the certificate: the authority to trust */
};

static inline void origin_identity_create(struct origin_identity *id, const char *dns_name) {
	id->key = EVP_EC_gen("P-256");
	X509 *c = id->certificate = X509_new();
	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_set_pubkey(c, id->key);
	X509_NAME *name = X509_get_subject_name(c);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)dns_name, -1, -1, 0);
	X509_set_issuer_name(c, name);
	char names[128];
	snprintf(names, sizeof names, "DNS:%s,IP:127.0.0.1", dns_name);
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	X509_add_ext(c, x, -1);
	X509_EXTENSION_free(x);
	X509_sign(c, id->key, EVP_sha256());
	snprintf(id->path, sizeof id->path, "/tmp/steerway-ca-XXXXXX");
	int fd = mkstemp(id->path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f || PEM_write_X509(f, c) != 1)
		abort();
	fclose(f);
}

static inline SSL_CTX *origin_identity_server(const struct origin_identity *id) {
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate(c, id->certificate) != 1 || SSL_CTX_use_PrivateKey(c, id->key) != 1)
		abort();
	return c;
}

static inline void origin_identity_destroy(struct origin_identity *id) {
	unlink(id->path);
	X509_free(id->certificate);
	EVP_PKEY_free(id->key);
}

#endif
