/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random ticket keys by the clock: what is sealed with one key opens until two turns later, no matter over how many contexts; and
 * hostile tickets, every byte of which was changed in turn, lead to full handshakes.
 */
#include "io/tls_private.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_US (3600 * USEC_PER_SEC)

static uint64_t now_us = 1000 * HOUR_US;

static uint64_t test_clock(void) {
	return now_us;
}

static void pass(uint64_t us) {
	now_us += us;
	clock_update();
}

static char pem_path[] = "/tmp/steerway-tls-XXXXXX";

static void write_certificate(void) {
	int fd = mkstemp(pem_path);
	assert_true(fd >= 0);
	FILE *file = fdopen(fd, "w");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *c = X509_new();
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), 0);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)"app.test", -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(c));
	X509_set_pubkey(c, key);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	PEM_write_X509(file, c);
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	X509_free(c);
	EVP_PKEY_free(key);
	fclose(file);
}

static struct tls_server *server(const struct tls_server *previous) {
	const struct str path = str_from(pem_path);
	struct err e;
	struct tls_server_options o = {
		.certificate_paths = &path, .n_certificates = 1, .alpn = TLS_ALPN_HTTP1, .tickets = true, .previous = previous
	};
	struct tls_server *t = tls_server_create(&o, &e);
	if (!t)
		fail_msg("%s", e.text);
	return t;
}

static SSL_SESSION *given;

static int on_session(SSL *ssl, SSL_SESSION *session) {
	(void)ssl;
	SSL_SESSION_free(given);
	given = session;
	return 1;
}

/* A handshake over memory, with `session` to resume or NULL; the new session stands in `given`. Was it resumed? */
static bool shake(const struct tls_server *t, int version, SSL_SESSION *session) {
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(c, version);
	SSL_CTX_set_max_proto_version(c, version);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c, on_session);
	SSL *client = SSL_new(c), *peer = tls_server_new(t);
	BIO *a, *b;
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(peer, b, b);
	SSL_set_connect_state(client);
	if (session) { /* OpenSSL's client resumes one of TLS 1.3 only once */
		SSL_SESSION *copy = SSL_SESSION_dup(session);
		SSL_set_session(client, copy);
		SSL_SESSION_free(copy);
	}
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(peer);
	}
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(peer));
	char byte;
	SSL_read(client, &byte, 1); /* the ticket of TLS 1.3 comes behind the handshake */
	bool is_resumed = SSL_session_reused(client);
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(peer);
	SSL_CTX_free(c);
	ERR_clear_error();
	return is_resumed;
}

static SSL_SESSION *take(void) {
	SSL_SESSION *session = given;
	assert_non_null(session);
	given = NULL;
	return session;
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void test_keys_turn_over(void **state) {
	(void)state;
	for (size_t v = 0; v < COUNT_OF(versions); v++) {
		struct tls_server *t = server(NULL);
		assert_false(shake(t, versions[v], NULL));
		SSL_SESSION *first = take();
		pass(11 * HOUR_US);
		assert_true(shake(t, versions[v], first));
		pass(2 * HOUR_US); /* 13 h: the second key seals, the first still opens */
		assert_true(shake(t, versions[v], first));
		assert_false(shake(t, versions[v], NULL));
		SSL_SESSION *second = take();
		pass(12 * HOUR_US); /* 25 h */
		assert_false(shake(t, versions[v], first));
		assert_true(shake(t, versions[v], second));
		pass(100 * HOUR_US); /* nobody came for longer than a ticket lives: neither key is kept */
		assert_false(shake(t, versions[v], second));
		SSL_SESSION_free(first);
		SSL_SESSION_free(second);
		tls_server_destroy(t);
	}
}

static void test_keys_outlive_a_context(void **state) {
	(void)state;
	struct tls_server *old = server(NULL);
	assert_false(shake(old, TLS1_3_VERSION, NULL));
	SSL_SESSION *session = take();
	struct tls_server *new = server(old), *stranger = server(NULL);
	tls_server_destroy(old);
	assert_true(shake(new, TLS1_3_VERSION, session));
	assert_false(shake(stranger, TLS1_3_VERSION, session));
	pass(13 * HOUR_US);
	assert_true(shake(new, TLS1_3_VERSION, session));
	SSL_SESSION_free(session);
	tls_server_destroy(new);
	tls_server_destroy(stranger);
}

/* The session with byte `at` of its ticket changed; NULL behind its end. */
static SSL_SESSION *spoil(const SSL_SESSION *session, size_t at) {
	const unsigned char *ticket;
	size_t n;
	SSL_SESSION_get0_ticket(session, &ticket, &n);
	if (at >= n)
		return NULL;
	int length = i2d_SSL_SESSION(session, NULL);
	unsigned char *der = mem_alloc((size_t)length), *end = der;
	i2d_SSL_SESSION(session, &end);
	unsigned char *found = memmem(der, (size_t)length, ticket, n);
	assert_non_null(found);
	found[at] ^= 0x40;
	const unsigned char *p = der;
	SSL_SESSION *bad = d2i_SSL_SESSION(NULL, &p, length);
	mem_free(der);
	assert_non_null(bad);
	return bad;
}

static void test_spoiled_tickets(void **state) {
	(void)state;
	struct tls_server *t = server(NULL);
	shake(t, TLS1_3_VERSION, NULL);
	SSL_SESSION *session = take(), *bad;
	size_t n = 0;
	while ((bad = spoil(session, n)) != NULL) {
		assert_false(shake(t, TLS1_3_VERSION, bad));
		SSL_SESSION_free(bad);
		n++;
	}
	assert_true(n > 100);
	assert_true(shake(t, TLS1_3_VERSION, session));
	SSL_SESSION_free(session);
	tls_server_destroy(t);
}

static int setup(void **state) {
	(void)state;
	clock_set_source(test_clock);
	clock_update();
	write_certificate();
	return 0;
}

static int teardown(void **state) {
	(void)state;
	SSL_SESSION_free(given);
	unlink(pem_path);
	clock_set_source(NULL);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_turn_over),
		cmocka_unit_test(test_keys_outlive_a_context),
		cmocka_unit_test(test_spoiled_tickets),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
