/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of io share among themselves. */
#ifndef STEERWAY_IO_PRIVATE_H
#define STEERWAY_IO_PRIVATE_H

#include "steerway/io.h"

/* First thing in every callback from libevent: time is fresh afterwards. */
void loop_enter(struct loop *l);

/* TLS on a stream (tls_stream.c). */
ssize_t tls_stream_recv(struct stream *s, void *to, size_t n);
ssize_t tls_stream_send(struct stream *s, const struct iovec *iov, int n_iov);
/* close_notify, as far as the socket takes it at once. */
void tls_stream_bye(struct stream *s);
/* Frees the TLS part. */
void tls_stream_fini(struct stream *s);
struct str tls_stream_error(const struct stream *s, char out[128]);

/* Frees what this thread holds for its streams and datagrams. */
void stream_thread_fini(void);
void tls_thread_fini(void);
void udp_thread_fini(void);

#endif
