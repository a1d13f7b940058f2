/* SPDX-License-Identifier: BSD-2-Clause */
/* What binds requests to servers. Of a routed transaction, while the client's head is there. */
#ifndef STEERWAY_PROXY_AFFINITY_H
#define STEERWAY_PROXY_AFFINITY_H

#include "proxy/private.h"

uint64_t affinity_hash(const struct txn *t); /* balance: hash */
uint64_t affinity_home(const struct txn *t); /* of its session; 0: none */
/* Tells the client the server of its session, where it does not know it yet: Set-Cookie in `h`. */
void affinity_tell(struct txn *t, struct http_head *h);

#endif
