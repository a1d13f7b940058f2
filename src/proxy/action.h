/* SPDX-License-Identifier: BSD-2-Clause */
/* What routes do with transactions: the pool of a split, answers of a route's own, rewriting, rules for fields. */
#ifndef STEERWAY_PROXY_ACTION_H
#define STEERWAY_PROXY_ACTION_H

#include "proxy/private.h"

/* Finds t->route. PROXY_END_COMPLETE, or why there is none. */
enum proxy_end action_route(struct txn *t);
/* The pool that takes the request; NULL: the route answers itself. */
const struct pool_conf *action_pool(const struct txn *t);
/* The route's own answer: a redirect, a fixed one. Ends the transaction. */
void action_answer(struct txn *t);
/* No server takes requests: the route's maintenance answer, if it has one. Ends the transaction when true. */
bool action_maintain(struct txn *t);
/* Rewrites path and host as they go to the server, and applies the rules for the request's fields. False: the rewritten path
 * or host is none. */
bool action_forward(struct txn *t, struct forward *f);
/* Applies the rules for the response's fields. */
void action_respond(struct txn *t, struct http_head *h);

#endif
