/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a handshake agreed on, and the client's certificate in forms that can stand in header fields. The bytes of a certificate are
 * its owner's choice even when an authority signed them: what is not visible ASCII is written as \HH, and so is the comma that would
 * part one name into two.
 */
#include "io/tls_private.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

bool stream_alpn_is_h2(const struct stream *s) {
	const unsigned char *chosen = NULL;
	unsigned n = 0;
	if (s->ssl)
		SSL_get0_alpn_selected(s->ssl, &chosen, &n);
	return n == 2 && memcmp(chosen, "h2", 2) == 0;
}

struct str stream_server_name(const struct stream *s) {
	const char *name = s->ssl ? SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
	return name ? str_from(name) : STR_NONE;
}

bool stream_has_peer_certificate(const struct stream *s) {
	return s->ssl && SSL_get0_peer_certificate(s->ssl) != NULL;
}

/* ---- texts, one behind the other in the store ---- */

struct writer {
	char *store;
	size_t at, size; /* at > size: it did not fit */
};

static void put(struct writer *w, const void *p, size_t n) {
	if (w->at + n <= w->size)
		memcpy(w->store + w->at, p, n);
	w->at += n;
}

static void put_hex(struct writer *w, const unsigned char *p, size_t n, const char *digits) {
	for (size_t i = 0; i < n; i++) {
		char pair[2] = { digits[p[i] >> 4], digits[p[i] & 15] };
		put(w, pair, 2);
	}
}

static void put_escaped(struct writer *w, const unsigned char *p, size_t n) {
	for (size_t i = 0; i < n; i++) {
		if (p[i] > 0x20 && p[i] < 0x7f && p[i] != ',' && p[i] != '\\') {
			put(w, &p[i], 1);
			continue;
		}
		put(w, "\\", 1);
		put_hex(w, &p[i], 1, "0123456789ABCDEF");
	}
}

/* What was put since `from`; too long, it is nothing at all. */
static struct str taken(struct writer *w, size_t from) {
	if (w->at > w->size) {
		w->at = from;
		return STR_NONE;
	}
	return str_slice(w->store + from, w->at - from);
}

static struct str subject(struct writer *w, X509 *peer) {
	size_t from = w->at;
	BIO *text = BIO_new(BIO_s_mem());
	const char *p;
	if (text && X509_NAME_print_ex(text, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253) >= 0) {
		long n = BIO_get_mem_data(text, &p);
		for (long i = 0; i < n; i++) /* escaped by OpenSSL already; this is for what it might let through */
			if ((unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x7f)
				put(w, &p[i], 1);
	}
	BIO_free(text);
	return taken(w, from);
}

static void put_name(struct writer *w, size_t from, const char *kind, const unsigned char *p, int n) {
	if (w->at > from)
		put(w, ", ", 2);
	put(w, kind, strlen(kind));
	put_escaped(w, p, n > 0 ? (size_t)n : 0);
}

static void put_ip(struct writer *w, size_t from, const ASN1_OCTET_STRING *ip) {
	char text[ADDR_TEXT_BYTES];
	struct addr a;
	memset(&a, 0, sizeof(a));
	int n = ASN1_STRING_length(ip);
	if (n == 4) {
		a.in.sin_family = AF_INET;
		memcpy(&a.in.sin_addr, ASN1_STRING_get0_data(ip), 4);
	} else if (n == 16) {
		a.in6.sin6_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, ASN1_STRING_get0_data(ip), 16);
	} else {
		return;
	}
	struct str s = addr_format_ip(&a, text);
	put_name(w, from, "IP:", (const unsigned char *)s.p, (int)s.n);
}

static struct str names(struct writer *w, X509 *peer) {
	size_t from = w->at;
	GENERAL_NAMES *all = X509_get_ext_d2i(peer, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(all, i);
		const char *kind = n->type == GEN_DNS     ? "DNS:"
		                   : n->type == GEN_EMAIL ? "email:"
		                   : n->type == GEN_URI   ? "URI:"
		                                          : NULL;
		if (kind) /* all three are IA5Strings */
			put_name(w, from, kind, ASN1_STRING_get0_data(n->d.ia5), ASN1_STRING_length(n->d.ia5));
		else if (n->type == GEN_IPADD)
			put_ip(w, from, n->d.iPAddress);
	}
	GENERAL_NAMES_free(all);
	return taken(w, from);
}

static struct str serial(struct writer *w, X509 *peer) {
	size_t from = w->at;
	const ASN1_INTEGER *number = X509_get0_serialNumber(peer);
	put_hex(w, ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number), "0123456789ABCDEF");
	return taken(w, from);
}

static struct str fingerprint(struct writer *w, X509 *peer) {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	size_t from = w->at;
	if (X509_digest(peer, EVP_sha256(), digest, &n) == 1)
		put_hex(w, digest, n, "0123456789abcdef");
	return taken(w, from);
}

bool stream_peer_certificate(const struct stream *s, struct tls_peer *out) {
	X509 *peer = s->ssl ? SSL_get0_peer_certificate(s->ssl) : NULL;
	out->subject = out->names = out->serial = out->fingerprint = STR_NONE;
	if (!peer)
		return false;
	struct writer w = { out->store, 0, sizeof(out->store) };
	out->fingerprint = fingerprint(&w, peer); /* the short ones first: they always fit */
	out->serial = serial(&w, peer);
	out->subject = subject(&w, peer);
	out->names = names(&w, peer);
	ERR_clear_error();
	return true;
}
