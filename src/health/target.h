/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is probed: a check at an address, with the verdict and history that outlive reloads, and the servers that go by it.
 */
#ifndef STEERWAY_HEALTH_TARGET_H
#define STEERWAY_HEALTH_TARGET_H

#include "health/check.h"
#include "steerway/base/map.h"

struct journal;
struct target;

struct health {
	struct loop *loop;
	struct fleet *fleet;
	struct rand rand;
	const struct check_kind *(*find_kind)(enum cfg_check_type type); /* check_kind_find, but in simulations */
	struct map targets;                                              /* by target->key */
	struct map subscriptions;                                        /* by the server's address in memory */
	struct journal *journal;
	size_t n_first_pending; /* targets without a first vote */
	bool is_ready; /* once every target of a commit has had its first vote; stays, so that a reload does not undo it */
	uint64_t blind_until_us; /* probes without a vote before this belong to the episode that was logged */
};

/* A server that goes by a target's verdict. */
struct subscription {
	struct list link;            /* the target's */
	struct fleet_server *server; /* its bytes are the key in health->subscriptions */
	struct target *target;
	enum fleet_verdict told; /* what fleet knows from here; FLEET_UNKNOWN: nothing yet */
	uint64_t told_changes_at_us;
	bool is_kept; /* a commit has met it */
};

struct target {
	struct health *health;
	struct check *check;   /* a reference */
	struct addr address;   /* that is probed */
	struct str key;        /* question, address, terms; owned */
	size_t identity_bytes; /* of key: without the terms */
	struct list subscriptions;
	struct verdict verdict;
	char cause[sizeof(((struct health_probe *)0)->evidence)]; /* of the verdict */
	struct deadline next;                                     /* of the next probe; not set while one runs */
	struct probe *probe;
	uint64_t started_us, ended_us; /* the last probe */
	bool is_first_pending, is_kept;
	uint64_t n_probes; /* since it began; the last HEALTH_EVIDENCE of them: */
	struct health_probe history[HEALTH_EVIDENCE];
};

/* Question, address and terms as bytes. */
void target_key(struct buf *out, size_t *identity_bytes, const struct check *c, const struct addr *probed);
/* The server's address, or its port replaced by the check's. */
struct addr target_address(const struct check *c, const struct addr *server);
/* Is not probed before target_start. */
struct target *target_create(struct health *h, struct check *c, const struct addr *probed);
/* Goes on where another target with the same question stood (the terms were changed). */
void target_inherit(struct target *t, const struct target *from);
void target_start(struct target *t, uint64_t at_us);
/* Its subscriptions must be gone. */
void target_destroy(struct target *t);
/* A live request to one of its servers failed. */
void target_suspect(struct target *t);

struct subscription *subscription_find(const struct health *h, struct fleet_server *const *s);
struct subscription *subscription_create(struct health *h, struct fleet_server *s);
void subscription_move(struct subscription *s, struct target *t);
void subscription_destroy(struct health *h, struct subscription *s);
/* Tells fleet what the target's verdict is, when that is news; a change is logged and put in the journal. */
void subscription_tell(struct subscription *s);

/* ---- journal.c: a ring of changes ---- */

struct journal *journal_create(void);
void journal_destroy(struct journal *j);
/* The record to fill; the oldest one when the ring is full. */
struct health_change *journal_add(struct journal *j);
const struct health_change *journal_get(const struct journal *j, size_t i_newest);

#endif
