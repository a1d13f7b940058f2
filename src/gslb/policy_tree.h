/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy compiled: what policy_tree.c makes of the configuration, and policy.c chooses by. */
#ifndef STEERWAY_GSLB_POLICY_TREE_H
#define STEERWAY_GSLB_POLICY_TREE_H

#include "gslb/policy.h"

struct policy_member {
	const struct policy_node *node; /* a policy of its own; NULL: a site */
	uint8_t place;                  /* of a site */
	bool is_standby;                /* its turn comes when no other is usable, where the policy itself has no order */
	uint32_t weight;
};
/* Members to look at, by index, the preferred ones first. */
struct policy_row {
	uint16_t n;
	const uint16_t *members;
};
struct policy_node {
	const struct policy_kind *kind;
	struct str id;  /* of `policies`; empty: the name's own */
	uint64_t sites; /* of it and all below */
	uint16_t n;
	uint16_t answers; /* members that go into an answer at most */
	uint16_t min_up;  /* usable ones that it takes for the policy to be usable */
	const struct policy_member *members;
	const struct policy_row *rows;
};

/* What is evaluated against. */
struct policy_view {
	const struct policy *policy;
	uint64_t usable;
};
/* One row a kind, in policy_kinds.c. */
struct policy_kind {
	/* Of a usable node: the answers, their weights adding up to about POLICY_WHOLE. */
	void (*choose)(const struct policy_view *v, const struct policy_node *n, struct policy_choice *out);
};
#define POLICY_WHOLE (UINT64_C(1) << 32)

const struct policy_kind *policy_kind_find(enum cfg_policy kind);
/* The members to look at, for this class of clients. */
const struct policy_row *policy_row_of(const struct policy_view *v, const struct policy_node *n);
bool policy_member_is_usable(const struct policy_view *v, const struct policy_member *m);
void policy_member_choose(const struct policy_view *v, const struct policy_member *m, struct policy_choice *out);

#endif
