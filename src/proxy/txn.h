/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a transaction share: txn.c (life, relay, end), txn_steps.c (the way to a server), txn_retry.c (the step back). */
#ifndef STEERWAY_PROXY_TXN_H
#define STEERWAY_PROXY_TXN_H

#include "proxy/action.h"

enum step { STEP_NEXT, STEP_WAIT, STEP_BALANCE_AGAIN, STEP_END };

/* txn.c */
void txn_release_server(struct txn *t);
void txn_give_back(struct txn *t, bool is_clean); /* the connection to the server; harmless without one */
/* txn_steps.c */
enum step txn_end_step(struct txn *t, enum proxy_end end); /* txn_fail, as a step */
void txn_balance_again(struct txn *t);
/* txn_retry.c */
void txn_bound(struct txn *t, uint64_t us); /* for the whole request, from its head on; the nearest bound holds */
void txn_arm(struct txn *t);                /* its clock: the nearest of the bounds that are set */
enum step txn_try_again(struct txn *t, enum proxy_end failed);
/* From here on the server is thinking: another one may be asked when that takes too long. */
void txn_await_response(struct txn *t);
bool txn_counts_as_failure(const struct txn *t, unsigned status);
/* Such a status came: true when another server is asked instead. */
bool txn_status_failed(struct txn *t);

/* A counter that only this worker writes. */
static inline void txn_count(_Atomic uint64_t *counter) {
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

#endif
