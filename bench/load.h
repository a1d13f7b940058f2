/* SPDX-License-Identifier: BSD-2-Clause
 * What the parts of the HTTP load share: a connection and its TLS. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <openssl/ssl.h>

struct request;

struct conn {
	int fd; /* -1: closed */
	bool is_under_way, is_answered, is_shaken, is_resumed;
	const struct request *request;
	size_t sent, got;
	size_t expected;                   /* of the answer with its head; 0: its head is not whole */
	size_t answer_head, answer_length; /* of the answer before */
	uint64_t started_ns, done_ns;
	SSL *ssl;
	SSL_SESSION *session; /* newest ticket, kept over connections */
	char head[1024];      /* a head in pieces */
};

/* ---- load_tls.c ---- */

void tls_init(bool is_wanted, bool is_resumed, const char *name);
void tls_fini(void);
void tls_attach(struct conn *c);
void tls_detach(struct conn *c);
void tls_forget(struct conn *c);
int tls_handshake(struct conn *c); /* 1 done, 0 not yet, -1 failed */
/* As conn_read() of load.c: bytes, 0 the end, -1 not now, -2 failed. */
ssize_t tls_read(struct conn *c, void *at, size_t room);
ssize_t tls_write(struct conn *c, const void *data, size_t length);

uint64_t now_ns(void);

#endif
