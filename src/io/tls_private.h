/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the TLS files of io share: certificates as they stand in files, the keys of tickets, and what a policy allows.
 *
 * Contexts are made on the control thread and used by all. Certificates and ticket keys are counted, so that a new context can
 * keep an old one's when the file has become unusable.
 */
#ifndef STEERWAY_IO_TLS_PRIVATE_H
#define STEERWAY_IO_TLS_PRIVATE_H

#include "io/private.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

/* OpenSSL's reason for what just failed. */
const char *tls_reason(void);
/* What contexts of both sides have in common. */
void tls_context_defaults(SSL_CTX *c);

/* ---- certificates (tls_certificate.c) ---- */

/* A context holds at most one certificate of each: the client's signature algorithms choose among them. */
enum tls_kind { TLS_KIND_ECDSA, TLS_KIND_RSA, TLS_KIND_EDDSA, TLS_KINDS };

struct tls_certificate {
	_Atomic unsigned refs;
	char *path;
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
	enum tls_kind kind;
};

/* From a PEM file with the leaf, the chain behind it, and the key in any place; one reference. */
struct tls_certificate *tls_certificate_load(const char *path, struct err *e);
struct tls_certificate *tls_certificate_get(struct tls_certificate *c);
void tls_certificate_put(struct tls_certificate *c); /* NULL is harmless */
int tls_certificate_use(const struct tls_certificate *c, SSL_CTX *context, struct err *e);
/* Each name it is valid for (dNSNames; without any, the common name), as it stands there. */
void tls_certificate_each_name(const struct tls_certificate *c, void (*each)(void *arg, struct str name), void *arg);

/* ---- policies (tls_policy.c) ---- */

/* Versions, ciphers, groups and signature algorithms. min_version 0: the policy's. */
int tls_policy_apply(SSL_CTX *c, enum tls_policy policy, uint16_t min_version, struct err *e);

/* ---- keys of session tickets (tls_ticket.c) ---- */

struct tls_tickets;
/* path NULL: random keys, turned over by time. One reference. */
struct tls_tickets *tls_tickets_create(const char *path, struct err *e);
struct tls_tickets *tls_tickets_get(struct tls_tickets *t);
void tls_tickets_put(struct tls_tickets *t);
bool tls_tickets_are_random(const struct tls_tickets *t);
/* Has the context seal and open its tickets with them; they must outlive its handshakes. */
int tls_tickets_use(struct tls_tickets *t, SSL_CTX *context);

/* ---- sessions ---- */

SSL *tls_server_new(const struct tls_server *t); /* NULL when out of memory */
/* Of a connected descriptor. */
SSL *tls_client_new(const struct tls_client *t, struct stream *s, struct str server_name);

#endif
