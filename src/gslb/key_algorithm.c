/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The algorithms, a row each at the end: how a key is made of its files' fields, generated, and signed with, by OpenSSL. A private
 * key that does not belong to the public one beside it is refused here: its signatures would be bogus everywhere.
 */
#include "gslb/keys.h"

#include "steerway/base/mem.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define CURVE_BYTES 32 /* a number of P-256, and a key of Ed25519 */
#define RSA_BITS 2048
#define RSA_BITS_MIN 1024 /* RFC 5702 2.1 has no lower bound; validators refuse less */
#define RSA_BITS_MAX 4096

static int field_missing(struct err *e, const char *field) {
	return err_set(e, "%s: missing, or not as long as the algorithm wants; copy the file anew from where it was made", field);
}

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM_BLD *bld) {
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* Takes `key` when private and public part belong together. */
static EVP_PKEY *key_checked(EVP_PKEY *key, struct err *e) {
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	bool is_pair = ctx && EVP_PKEY_pairwise_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (is_pair)
		return key;
	EVP_PKEY_free(key);
	err_set(e, "the private key does not belong to the DNSKEY record of the .key file; restore both files from one backup");
	return NULL;
}

/* ---- ECDSA P-256 (RFC 6605) ---- */

static EVP_PKEY *ecdsa_load(const struct key_private *from, const struct key_public *public, struct err *e) {
	const struct key_bytes *d = &from->fields[KEY_FIELD_PRIVATE];
	if (d->n == 0 || d->n > CURVE_BYTES) { /* ldns-keygen leaves zeros at the front out: one key of 256 is shorter */
		field_missing(e, "PrivateKey");
		return NULL;
	}
	uint8_t point[1 + 2 * CURVE_BYTES] = { 4 }; /* not compressed */
	memcpy(point + 1, public->rdata + 4, 2 * CURVE_BYTES);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *number = BN_secure_new();
	BN_bin2bn(d->p, d->n, number);
	EVP_PKEY *key = NULL;
	if (OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, number) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		key = key_from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(number);
	return key_checked(key, e);
}

static int ecdsa_generate(struct key_private *out, struct key_public *public, struct err *e) {
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	BIGNUM *d = NULL;
	uint8_t point[1 + 2 * CURVE_BYTES];
	size_t n = 0;
	bool is_made = key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) &&
	               BN_bn2binpad(d, out->fields[KEY_FIELD_PRIVATE].p, CURVE_BYTES) == CURVE_BYTES &&
	               EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n) &&
	               n == sizeof(point) && point[0] == 4;
	out->fields[KEY_FIELD_PRIVATE].n = CURVE_BYTES;
	if (is_made)
		memcpy(public->rdata + 4, point + 1, 2 * CURVE_BYTES);
	public->n = 4 + 2 * CURVE_BYTES;
	BN_clear_free(d);
	EVP_PKEY_free(key);
	return is_made ? 0 : err_set(e, "OpenSSL could make no key");
}

/* One number of a DER signature, filled up to its full length. */
static const uint8_t *der_number(const uint8_t *p, const uint8_t *end, uint8_t out[CURVE_BYTES]) {
	if (end - p < 2 || p[0] != 2 || p[1] > CURVE_BYTES + 1 || end - p - 2 < p[1])
		return NULL;
	size_t n = p[1];
	for (p += 2; n > 0 && *p == 0; n--)
		p++;
	if (n > CURVE_BYTES)
		return NULL;
	memset(out, 0, CURVE_BYTES);
	memcpy(out + CURVE_BYTES - n, p, n);
	return p + n;
}

static bool der_to_pair(const uint8_t *p, size_t n, uint8_t out[2 * CURVE_BYTES]) {
	const uint8_t *end = p + n;
	if (n < 2 || p[0] != 0x30 || p[1] != n - 2)
		return false;
	p = der_number(p + 2, end, out);
	p = p ? der_number(p, end, out + CURVE_BYTES) : NULL;
	return p == end;
}

/* ---- Ed25519 (RFC 8080) ---- */

static EVP_PKEY *ed25519_load(const struct key_private *from, const struct key_public *public, struct err *e) {
	const struct key_bytes *d = &from->fields[KEY_FIELD_PRIVATE];
	if (d->n != CURVE_BYTES) {
		field_missing(e, "PrivateKey");
		return NULL;
	}
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d->p, d->n);
	uint8_t derived[CURVE_BYTES];
	size_t n = sizeof(derived);
	if (key && EVP_PKEY_get_raw_public_key(key, derived, &n) == 1 && memcmp(derived, public->rdata + 4, n) == 0)
		return key;
	EVP_PKEY_free(key);
	return key_checked(NULL, e);
}

static int ed25519_generate(struct key_private *out, struct key_public *public, struct err *e) {
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	size_t n = CURVE_BYTES, n_public = CURVE_BYTES;
	bool is_made = key && EVP_PKEY_get_raw_private_key(key, out->fields[KEY_FIELD_PRIVATE].p, &n) == 1 &&
	               EVP_PKEY_get_raw_public_key(key, public->rdata + 4, &n_public) == 1;
	out->fields[KEY_FIELD_PRIVATE].n = CURVE_BYTES;
	public->n = 4 + CURVE_BYTES;
	EVP_PKEY_free(key);
	return is_made ? 0 : err_set(e, "OpenSSL could make no key");
}

/* ---- RSA with SHA-256 (RFC 5702; the public key as in RFC 3110) ---- */

static const struct {
	enum key_field field;
	const char *param, *name;
} rsa_parts[] = {
	{ KEY_FIELD_MODULUS, OSSL_PKEY_PARAM_RSA_N, "Modulus" },
	{ KEY_FIELD_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E, "PublicExponent" },
	{ KEY_FIELD_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D, "PrivateExponent" },
	{ KEY_FIELD_PRIME1, OSSL_PKEY_PARAM_RSA_FACTOR1, "Prime1" },
	{ KEY_FIELD_PRIME2, OSSL_PKEY_PARAM_RSA_FACTOR2, "Prime2" },
	{ KEY_FIELD_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT1, "Exponent1" },
	{ KEY_FIELD_EXPONENT2, OSSL_PKEY_PARAM_RSA_EXPONENT2, "Exponent2" },
	{ KEY_FIELD_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "Coefficient" },
};

static size_t rsa_public(uint8_t *out, const struct key_bytes *exponent, const struct key_bytes *modulus) {
	if (exponent->n == 0 || exponent->n > 255 || 1u + exponent->n + modulus->n > KEY_RDATA_BYTES - 4)
		return 0;
	out[0] = (uint8_t)exponent->n;
	memcpy(out + 1, exponent->p, exponent->n);
	memcpy(out + 1 + exponent->n, modulus->p, modulus->n);
	return 1u + exponent->n + modulus->n;
}

static EVP_PKEY *rsa_load(const struct key_private *from, const struct key_public *public, struct err *e) {
	BIGNUM *numbers[COUNT_OF(rsa_parts)] = { NULL };
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	const char *missing = NULL;
	for (size_t i = 0; !missing && i < COUNT_OF(rsa_parts); i++) {
		const struct key_bytes *f = &from->fields[rsa_parts[i].field];
		numbers[i] = BN_secure_new();
		if (f->n == 0 || !BN_bin2bn(f->p, f->n, numbers[i]) ||
		    !OSSL_PARAM_BLD_push_BN(bld, rsa_parts[i].param, numbers[i]))
			missing = rsa_parts[i].name;
	}
	uint8_t expected[KEY_RDATA_BYTES];
	size_t n = rsa_public(expected, &from->fields[KEY_FIELD_PUBLIC_EXPONENT], &from->fields[KEY_FIELD_MODULUS]);
	int bits = numbers[0] ? BN_num_bits(numbers[0]) : 0;
	if (missing)
		field_missing(e, missing);
	else if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		err_set(e, "Modulus: %d bits, not %d to %d; make a key of 2048 bits", bits, RSA_BITS_MIN, RSA_BITS_MAX);
	else if (n != public->n - 4u || memcmp(expected, public->rdata + 4, n) != 0)
		key_checked(NULL, e);
	else
		key = key_checked(key_from_params("RSA", bld), e);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		BN_clear_free(numbers[i]);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static int rsa_generate(struct key_private *out, struct key_public *public, struct err *e) {
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
	bool is_made = key != NULL;
	for (size_t i = 0; is_made && i < COUNT_OF(rsa_parts); i++) {
		struct key_bytes *f = &out->fields[rsa_parts[i].field];
		BIGNUM *number = NULL;
		is_made = EVP_PKEY_get_bn_param(key, rsa_parts[i].param, &number) && BN_num_bytes(number) <= KEY_FIELD_BYTES;
		if (is_made)
			f->n = (uint16_t)BN_bn2bin(number, f->p);
		BN_clear_free(number);
	}
	EVP_PKEY_free(key);
	size_t n =
	    is_made ? rsa_public(public->rdata + 4, &out->fields[KEY_FIELD_PUBLIC_EXPONENT], &out->fields[KEY_FIELD_MODULUS]) : 0;
	public->n = (uint16_t)(4 + n);
	return n > 0 ? 0 : err_set(e, "OpenSSL could make no key");
}

/* ---- the table ---- */

static const struct key_algorithm algorithms[] = {
	{ "ECDSAP256SHA256", "ecdsap256sha256", 2 * CURVE_BYTES, ecdsa_load, ecdsa_generate, true, 13 },
	{ "ED25519", "ed25519", CURVE_BYTES, ed25519_load, ed25519_generate, false, 15 },
	{ "RSASHA256", "rsasha256", 0, rsa_load, rsa_generate, true, 8 },
};

const struct key_algorithm *key_algorithm_find(unsigned number) {
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (algorithms[i].number == number)
			return &algorithms[i];
	return NULL;
}

const struct key_algorithm *key_algorithm_named(struct str name) {
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (str_eq_nocase(name, str_from(algorithms[i].lower)))
			return &algorithms[i];
	return NULL;
}

/* ---- signing ---- */

/* Contexts are made once: looking algorithms up anew for each signature costs 2 us, a tenth of an ECDSA one. */
struct key_signer {
	const struct key_algorithm *algorithm;
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *sign; /* of a digest */
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
};

struct key_signer *key_signer_create(EVP_PKEY *pkey, const struct key_algorithm *a) {
	struct key_signer *s = mem_zalloc(sizeof(*s));
	s->algorithm = a;
	s->pkey = pkey;
	s->digest = EVP_MD_CTX_new();
	if (a->is_digested) {
		s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
		s->sign = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
		if (!s->sign || EVP_PKEY_sign_init(s->sign) <= 0 || EVP_PKEY_CTX_set_signature_md(s->sign, s->sha256) <= 0 ||
		    (EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_CTX_set_rsa_padding(s->sign, RSA_PKCS1_PADDING) <= 0)) {
			EVP_PKEY_CTX_free(s->sign);
			s->sign = NULL; /* every signature fails, and its caller says so */
		}
	}
	return s;
}

void key_signer_destroy(struct key_signer *s) {
	if (!s)
		return;
	EVP_PKEY_CTX_free(s->sign);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->sha256);
	mem_free(s);
}

static bool sign_digest(struct key_signer *s, struct str data, uint8_t *out, size_t n_out) {
	uint8_t hash[EVP_MAX_MD_SIZE], der[KEY_SIGNATURE_BYTES];
	unsigned n_hash = 0;
	size_t n = sizeof(der);
	bool is_signed = s->sign && EVP_DigestInit_ex2(s->digest, s->sha256, NULL) == 1 &&
	                 EVP_DigestUpdate(s->digest, data.p, data.n) == 1 && EVP_DigestFinal_ex(s->digest, hash, &n_hash) == 1 &&
	                 EVP_PKEY_sign(s->sign, der, &n, hash, n_hash) == 1;
	if (!is_signed)
		return false;
	if (s->algorithm->public_bytes) /* a curve */
		return n_out == 2 * CURVE_BYTES && der_to_pair(der, n, out);
	if (n != n_out)
		return false;
	memcpy(out, der, n);
	return true;
}

bool key_signer_sign(struct key_signer *s, struct str data, uint8_t *out, size_t n_out) {
	if (s->algorithm->is_digested)
		return sign_digest(s, data, out, n_out);
	size_t n = n_out;
	return EVP_DigestSignInit(s->digest, NULL, NULL, NULL, s->pkey) == 1 &&
	       EVP_DigestSign(s->digest, out, &n, (const uint8_t *)data.p, data.n) == 1 && n == n_out;
}
