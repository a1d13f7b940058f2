/* SPDX-License-Identifier: BSD-2-Clause */
/* Tunnels: who may ask for one, and which answer opens it. See tunnel.c. */
#ifndef STEERWAY_PROXY_TUNNEL_H
#define STEERWAY_PROXY_TUNNEL_H

#include "proxy/private.h"

/* Of a routed request: whether the server is asked (t->upgrade, t->is_connect). PROXY_END_COMPLETE, or why it is refused. */
enum proxy_end tunnel_ask(struct txn *t);
/* What asking adds to the request's head. */
void tunnel_forward(struct txn *t, struct http_head *h, struct forward *f);
/* Does this answer open it? Then `h` and `in` are made what the client's side is to get. *fault: it must not be passed on. */
bool tunnel_opens(struct txn *t, struct http_head *h, struct http_framing *in, enum http_fault *fault);

#endif
