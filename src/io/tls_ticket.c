/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of session tickets, shared by all workers of a listener. From a file, so that several nodes open each other's tickets: the
 * first key seals, all open. Without one: random keys, turned over every 12 hours; the one before still opens, which is as long as a
 * ticket lives. A ticket of a key that is not here is no error: the handshake is a full one.
 *
 * A key that leaks uncovers the TLS 1.2 sessions of its tickets (RFC 5077 5.5), which is why keys have to be turned over, and why
 * they never touch the disk unless the operator put them there.
 *
 * The file: a key a line in base64, of 48 bytes (name 16, AES-128 16, HMAC 16) or 80 bytes (name 16, HMAC 32, AES-256 32); empty
 * lines and lines that begin with '#' are skipped. `openssl rand 80 | base64 -w 108` makes one.
 */
#include "io/tls_private.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define TURN_US (12 * 3600 * USEC_PER_SEC)
enum { NAME_BYTES = 16, IV_BYTES = 16, KEYS_MAX = 16, LINE_BYTES = 256, SHORT_BYTES = 48, LONG_BYTES = 80 };

struct ticket_key {
	unsigned char name[NAME_BYTES], hmac[32], aes[32];
	uint8_t n; /* bytes of hmac and of aes */
};

struct tls_tickets {
	_Atomic unsigned refs;
	bool is_random;
	pthread_mutex_t lock; /* random keys turn over while workers use them: 20 ns of a handshake of 200 us */
	uint64_t turned_us;   /* when keys[0] became the first */
	struct ticket_key keys[KEYS_MAX];
	size_t n;
	EVP_CIPHER *aes128, *aes256; /* fetched once: OpenSSL would look them up by name for each ticket */
};

/* ---- keys ---- */

static int key_random(struct ticket_key *k) {
	k->n = 32;
	return RAND_bytes(k->name, NAME_BYTES) == 1 && RAND_bytes(k->hmac, 32) == 1 && RAND_bytes(k->aes, 32) == 1 ? 0 : -1;
}

static bool key_parse(struct ticket_key *k, struct str line) {
	unsigned char raw[LINE_BYTES];
	if (line.n % 4 != 0 || line.n / 4 * 3 > sizeof(raw))
		return false;
	int n = EVP_DecodeBlock(raw, (const unsigned char *)line.p, (int)line.n); /* counts padding as bytes */
	for (size_t i = line.n; n > 0 && i > 0 && line.p[i - 1] == '='; i--)
		n--;
	if (n == SHORT_BYTES || n == LONG_BYTES)
		memcpy(k->name, raw, NAME_BYTES);
	if (n == SHORT_BYTES) {
		k->n = 16;
		memcpy(k->aes, raw + 16, 16);
		memcpy(k->hmac, raw + 32, 16);
	} else if (n == LONG_BYTES) {
		k->n = 32;
		memcpy(k->hmac, raw + 16, 32);
		memcpy(k->aes, raw + 48, 32);
	}
	OPENSSL_cleanse(raw, sizeof(raw));
	return n == SHORT_BYTES || n == LONG_BYTES;
}

static int keys_read(struct tls_tickets *t, const char *path, FILE *file, struct err *e) {
	char text[LINE_BYTES];
	int status = 0;
	for (unsigned n = 1; status == 0 && fgets(text, sizeof(text), file); n++) {
		struct str line = str_trim(str_slice(text, strcspn(text, "\r\n")));
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (t->n == KEYS_MAX)
			status = err_set(e, "%s:%u: more than %d keys; remove the oldest", path, n, KEYS_MAX);
		else if (!key_parse(&t->keys[t->n], line))
			status = err_set(e,
			                 "%s:%u: no ticket key; write 48 or 80 random bytes in base64 on one line: openssl rand "
			                 "80 | base64 -w 108",
			                 path, n);
		else
			t->n++;
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (status == 0 && t->n == 0)
		status = err_set(
		    e, "%s: no ticket key in it; write 80 random bytes in base64 on one line: openssl rand 80 | base64 -w 108",
		    path);
	return status;
}

struct tls_tickets *tls_tickets_create(const char *path, struct err *e) {
	struct tls_tickets *t = mem_zalloc(sizeof(*t));
	int status = 0;
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	t->is_random = path == NULL;
	t->aes128 = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	t->aes256 = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (t->is_random) {
		t->turned_us = clock_now_us();
		t->n = 1;
		if (key_random(&t->keys[0]) < 0)
			status = err_set(e, "no random bytes for ticket keys: %s", tls_reason());
	} else {
		FILE *file = fopen(path, "re");
		status = file ? keys_read(t, path, file, e) : err_errno(e, "%s", path);
		if (file)
			fclose(file);
	}
	if (status == 0 && t->aes128 && t->aes256)
		return t;
	if (status == 0)
		err_set(e, "OpenSSL has no AES for tickets: %s", tls_reason());
	tls_tickets_put(t);
	return NULL;
}

struct tls_tickets *tls_tickets_get(struct tls_tickets *t) {
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void tls_tickets_put(struct tls_tickets *t) {
	if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
		return;
	EVP_CIPHER_free(t->aes128);
	EVP_CIPHER_free(t->aes256);
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t->keys, sizeof(t->keys));
	mem_free(t);
}

bool tls_tickets_are_random(const struct tls_tickets *t) {
	return t->is_random;
}

/* Random keys that are due move back one place; those older than a ticket lives go. */
static void turn_over(struct tls_tickets *t, uint64_t now_us) {
	struct ticket_key fresh;
	if (!t->is_random || now_us - t->turned_us < TURN_US || now_us < t->turned_us || key_random(&fresh) < 0)
		return;
	bool before_is_dead = now_us - t->turned_us >= 2 * TURN_US;
	t->keys[1] = t->keys[0];
	t->keys[0] = fresh;
	t->n = before_is_dead ? 1 : 2;
	t->turned_us = now_us;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
}

/* A copy of the key of this name, or of the one that seals (name NULL). Its place, or -1. */
static int key_take(struct tls_tickets *t, const unsigned char *name, struct ticket_key *out) {
	int found = -1;
	pthread_mutex_lock(&t->lock);
	turn_over(t, clock_now_us());
	for (size_t i = 0; found < 0 && i < t->n; i++)
		if (!name || memcmp(t->keys[i].name, name, NAME_BYTES) == 0) {
			*out = t->keys[i];
			found = (int)i;
		}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* ---- OpenSSL's question ---- */

static int context_index(void) {
	static _Atomic int index = -1;
	int i = atomic_load(&index);
	if (i >= 0)
		return i;
	i = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	int none = -1;
	return atomic_compare_exchange_strong(&index, &none, i) ? i : none;
}

/* An initialisation vector for the next ticket: each is used once, and none is a secret. OpenSSL's generator takes 6,000 instructions
 * and asks for the process id, whether for 16 bytes or for 256. */
static int next_iv(unsigned char iv[IV_BYTES]) {
	static _Thread_local unsigned char pool[16][IV_BYTES];
	static _Thread_local size_t n;
	if (n == 0) {
		if (RAND_bytes(pool[0], sizeof(pool)) != 1)
			return 0;
		n = COUNT_OF(pool);
	}
	memcpy(iv, pool[--n], IV_BYTES);
	return 1;
}

/* -1 error, 0 no such key, 1 done, 2 done, and give a new ticket. */
static int on_ticket_key(SSL *ssl, unsigned char name[NAME_BYTES], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                         int seals) {
	struct tls_tickets *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index());
	struct ticket_key k;
	int at = t ? key_take(t, seals ? NULL : name, &k) : -1;
	if (at < 0)
		return 0;
	const EVP_CIPHER *aes = k.n == 16 ? t->aes128 : t->aes256;
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.hmac, k.n),
		                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end() };
	int done = EVP_MAC_CTX_set_params(mac, params);
	if (seals) {
		memcpy(name, k.name, NAME_BYTES);
		done = done == 1 && next_iv(iv) == 1 && EVP_EncryptInit_ex(cipher, aes, NULL, k.aes, iv) == 1;
	} else {
		done = done == 1 && EVP_DecryptInit_ex(cipher, aes, NULL, k.aes, iv) == 1;
	}
	OPENSSL_cleanse(&k, sizeof(k));
	if (!done)
		return -1;
	/* In TLS 1.3 each ticket is for one use (RFC 8446 C.4), so that each resumption has to give the next one. */
	return !seals && (at > 0 || SSL_version(ssl) >= TLS1_3_VERSION) ? 2 : 1;
}

int tls_tickets_use(struct tls_tickets *t, SSL_CTX *context) {
	return SSL_CTX_set_ex_data(context, context_index(), t) == 1 &&
	               SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket_key) == 1
	           ? 0
	           : -1;
}
