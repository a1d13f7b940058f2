/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A certificate with its chain and key, out of one PEM file. Refuses a key that is encrypted (nobody is there to type the
 * password), one that fits another certificate, and kinds of keys that TLS servers do not use.
 */
#include "io/tls_private.h"

#include "steerway/base/mem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

const char *tls_reason(void) {
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	return reason ? reason : "unknown error";
}

static int no_password(char *out, int size, int rwflag, void *arg) {
	(void)out;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static int read_chain(struct tls_certificate *c, BIO *file, struct err *e) {
	c->leaf = PEM_read_bio_X509_AUX(file, NULL, no_password, NULL);
	if (!c->leaf)
		return err_set(e, "%s: no certificate chain in PEM form: %s", c->path, tls_reason());
	c->chain = sk_X509_new_null();
	for (X509 *next; (next = PEM_read_bio_X509(file, NULL, no_password, NULL));)
		sk_X509_push(c->chain, next);
	unsigned long end = ERR_peek_last_error();
	if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE)
		return err_set(e, "%s: the chain behind the certificate is damaged: %s", c->path, tls_reason());
	ERR_clear_error();
	return 0;
}

static int read_key(struct tls_certificate *c, BIO *file, struct err *e) {
	(void)BIO_reset(file);
	c->key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
	if (!c->key)
		return err_set(e, "%s: no private key that can be read: %s; append the key, unencrypted, to the file", c->path,
		               tls_reason());
	if (X509_check_private_key(c->leaf, c->key) != 1)
		return err_set(e, "%s: the private key does not fit the certificate", c->path);
	switch (EVP_PKEY_get_base_id(c->key)) {
	case EVP_PKEY_EC:
		c->kind = TLS_KIND_ECDSA;
		return 0;
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		c->kind = TLS_KIND_RSA;
		return 0;
	case EVP_PKEY_ED25519:
		c->kind = TLS_KIND_EDDSA;
		return 0;
	default:
		return err_set(e, "%s: its key is neither ECDSA nor RSA nor Ed25519", c->path);
	}
}

struct tls_certificate *tls_certificate_load(const char *path, struct err *e) {
	struct tls_certificate *c = mem_zalloc(sizeof(*c));
	atomic_init(&c->refs, 1);
	c->path = mem_strdup(str_from(path));
	ERR_clear_error();
	BIO *file = BIO_new_file(path, "r");
	if (!file)
		err_set(e, "%s: cannot be read: %s", path, tls_reason());
	if (file && read_chain(c, file, e) == 0 && read_key(c, file, e) == 0) {
		BIO_free(file);
		return c;
	}
	BIO_free(file);
	ERR_clear_error();
	tls_certificate_put(c);
	return NULL;
}

struct tls_certificate *tls_certificate_get(struct tls_certificate *c) {
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void tls_certificate_put(struct tls_certificate *c) {
	if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	mem_free(c->path);
	mem_free(c);
}

int tls_certificate_use(const struct tls_certificate *c, SSL_CTX *context, struct err *e) {
	ERR_clear_error();
	if (SSL_CTX_use_cert_and_key(context, c->leaf, c->key, c->chain, 1) == 1)
		return 0;
	return err_set(e, "%s: cannot be used: %s", c->path, tls_reason());
}

void tls_certificate_each_name(const struct tls_certificate *c, void (*each)(void *arg, struct str name), void *arg) {
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type == GEN_DNS)
			each(arg, str_slice((const char *)ASN1_STRING_get0_data(n->d.dNSName),
			                    (size_t)ASN1_STRING_length(n->d.dNSName)));
	}
	if (!names) { /* only a certificate without alternative names is known by its subject (RFC 6125 6.4.4) */
		char common[256];
		int n = X509_NAME_get_text_by_NID(X509_get_subject_name(c->leaf), NID_commonName, common, sizeof(common));
		if (n > 0)
			each(arg, str_slice(common, (size_t)n));
	}
	GENERAL_NAMES_free(names);
}
