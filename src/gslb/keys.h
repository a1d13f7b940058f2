/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNSSEC keys: the files that hold them, what they are for at a time, and what they can do.
 *
 *	key_file.c       the two files of a key, K<zone>+<algorithm>+<tag>.key and .private, as BIND's and ldns' tools write them
 *	key_algorithm.c  algorithms: a row each; keys loaded, made, signed with (OpenSSL)
 *	keys.c           the keys of a zone, and what each is at a time
 *	key_store.c      what operators do with them
 */
#ifndef STEERWAY_GSLB_KEYS_H
#define STEERWAY_GSLB_KEYS_H

#include "steerway/base/buf.h"
#include "steerway/base/err.h"
#include "steerway/dns.h"
#include "steerway/gslb/key_times.h"

#include <openssl/evp.h>

#define KEY_SEP 0x0001       /* DNSKEY flags (RFC 4034 2.1.1): secure entry point */
#define KEY_ZONE 0x0100      /* a zone's key */
#define KEY_FIELD_BYTES 520  /* a number of RSA-4096, and some */
#define KEY_RDATA_BYTES 1048 /* a DNSKEY's data: RSA-4096 with a long exponent */
#define KEY_SIGNATURE_BYTES 512
#define KEY_FILE_BYTES (16 * 1024) /* no key file is longer */

/* ---- key_file.c: pure, but for the two that read and write ---- */

enum key_field {
	KEY_FIELD_PRIVATE, /* of the elliptic curves; the others are RSA's */
	KEY_FIELD_MODULUS,
	KEY_FIELD_PUBLIC_EXPONENT,
	KEY_FIELD_PRIVATE_EXPONENT,
	KEY_FIELD_PRIME1,
	KEY_FIELD_PRIME2,
	KEY_FIELD_EXPONENT1,
	KEY_FIELD_EXPONENT2,
	KEY_FIELD_COEFFICIENT,
	KEY_FIELDS
};
struct key_bytes {
	uint16_t n;
	uint8_t p[KEY_FIELD_BYTES];
};
/* What a .private file says. Holds secrets: key_private_fini. */
struct key_private {
	uint8_t algorithm;
	struct key_times times;
	struct key_bytes fields[KEY_FIELDS];
};
/* What a .key file says: a DNSKEY record, and the times in comments. */
struct key_public {
	struct dns_name owner;
	struct key_times times;
	uint16_t n;
	uint8_t rdata[KEY_RDATA_BYTES];
};
/* -1 with "line 3: PrivateKey: not in base64; ...". */
int key_private_parse(struct key_private *out, struct str text, struct err *e);
int key_public_parse(struct key_public *out, struct str text, struct err *e);
void key_private_fini(struct key_private *k);
void key_private_write(struct buf *out, const struct key_private *k);
void key_public_write(struct buf *out, const struct key_public *k);
/* A whole file. `is_secret`: refused when others than its owner may read it. */
int key_file_read(struct buf *out, const char *path, bool is_secret, struct err *e);

/* ---- key_algorithm.c ---- */

struct key_algorithm {
	const char *name;    /* as IANA has it */
	const char *lower;   /* as operators type it */
	size_t public_bytes; /* of the DNSKEY's public key; 0: varies */
	EVP_PKEY *(*load)(const struct key_private *from, const struct key_public *public, struct err *e);
	int (*generate)(struct key_private *out, struct key_public *public, struct err *e);
	bool is_digested; /* what is signed is a SHA-256 digest */
	uint8_t number;
};
const struct key_algorithm *key_algorithm_find(unsigned number);
const struct key_algorithm *key_algorithm_named(struct str name);

/* Signs many times with one key, in one thread. */
struct key_signer;
struct key_signer *key_signer_create(EVP_PKEY *pkey, const struct key_algorithm *a);
void key_signer_destroy(struct key_signer *s);
/* The signature as RRSIG holds it: RSA's number, r|s (RFC 6605 4), or RFC 8080's; `n_out` bytes of it, which is known before. */
bool key_signer_sign(struct key_signer *s, struct str data, uint8_t *out, size_t n_out);

/* ---- keys.c ---- */

struct key {
	const struct key_algorithm *algorithm;
	EVP_PKEY *pkey;
	struct key_times times;
	uint16_t flags, tag;
	uint16_t n_signature;
	uint16_t n_rdata; /* of its DNSKEY record */
	uint8_t *rdata;
	char *stem; /* path of its files, without .key and .private */
};
struct keys {
	struct key *items; /* in the order of their files' names */
	size_t n;
};
/* All keys of `zone` (a wire name) in the directory. None is no error; a file that can't be used is. */
int keys_load(struct keys *out, const char *directory, struct str zone, struct err *e);
void keys_fini(struct keys *k);
void keys_copy(struct keys *out, const struct keys *from);

/* What key i says of itself to operators, as of `now`. */
struct key_info;
void key_info_fill(struct key_info *out, const struct keys *k, size_t i, int64_t now);

/* What each key does at a time: bits KEY_SIGNS_*. Of each algorithm with an active key something signs everything: its keys with
 * SEP the DNSKEY, CDS and CDNSKEY records, the others the rest; where one kind is missing the other does both. */
enum { KEY_SIGNS_KEYS = 1, KEY_SIGNS_ZONE = 2 };
unsigned keys_role(const struct keys *k, size_t i, int64_t now);
/* The next time (after `now`) at which any key changes its state; INT64_MAX: never. */
int64_t keys_next_change(const struct keys *k, int64_t now);

uint16_t key_tag(const uint8_t *rdata, size_t n);
/* Digest of a DS record with SHA-256 (RFC 4509) of a DNSKEY record. */
void key_digest(uint8_t out[32], struct str owner, const uint8_t *rdata, size_t n);
/* "/etc/steerway/keys/Kexample.org.+013+01234"; free with mem_free. */
char *key_stem(const char *directory, struct str owner, unsigned algorithm, unsigned tag);

#endif
