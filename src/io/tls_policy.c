/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a listener agrees to: Mozilla's "intermediate" and "modern" (Server Side TLS 5.7), as two rows. Left out of intermediate are
 * its finite-field ciphers: every client since 2014 has elliptic curves, and a 2048-bit exponentiation costs the server more than all
 * the rest of a handshake. No algorithm with SHA-1 or SHA-224, for what clients may sign with either.
 *
 * The server's order holds, so that ECDSA goes before RSA (its signature costs a tenth), except that a client which puts ChaCha20
 * first, for want of AES instructions, gets it.
 */
#include "io/tls_private.h"

static const struct policy {
	uint16_t min_version;
	const char *ciphers, *suites, *groups, *signatures;
} policies[] = {
	[TLS_POLICY_INTERMEDIATE] = {
		.min_version = TLS1_2_VERSION,
		.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
		           "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
		.suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
		.groups = "X25519:P-256:P-384",
		.signatures = "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:"
		              "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
		              "rsa_pss_pss_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512",
	},
	[TLS_POLICY_MODERN] = {
		.min_version = TLS1_3_VERSION,
		.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256", /* never used: an empty list is an error */
		.suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
		.groups = "X25519:P-256:P-384",
		.signatures = "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:"
		              "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
		              "rsa_pss_pss_sha512",
	},
};

int tls_policy_apply(SSL_CTX *c, enum tls_policy policy, uint16_t min_version, struct err *e) {
	const struct policy *p = &policies[policy];
	uint16_t lowest = min_version > p->min_version ? min_version : p->min_version;
	SSL_CTX_set_security_level(c, 2); /* 112 bits: no RSA below 2048, nothing signed with SHA-1 */
	SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	if (SSL_CTX_set_min_proto_version(c, lowest) == 1 && SSL_CTX_set_cipher_list(c, p->ciphers) == 1 &&
	    SSL_CTX_set_ciphersuites(c, p->suites) == 1 && SSL_CTX_set1_groups_list(c, p->groups) == 1 &&
	    SSL_CTX_set1_sigalgs_list(c, p->signatures) == 1)
		return 0;
	return err_set(e, "OpenSSL does not know what the policy asks for: %s", tls_reason());
}
