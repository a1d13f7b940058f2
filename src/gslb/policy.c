/* SPDX-License-Identifier: BSD-2-Clause */
/* Which sites a steered name answers with: pure functions of its configuration and of what is usable. */
#include "gslb/zone.h"

static uint64_t sites_all(const struct cfg_name *name) {
	return name->sites.n < 64 ? (UINT64_C(1) << name->sites.n) - 1 : UINT64_MAX;
}

static uint64_t first_of(uint64_t sites) {
	return sites & -sites;
}

static struct policy_choice choose_all_down(const struct cfg_name *name) {
	struct policy_choice c = { .is_together = true, .is_all_down = true };
	switch (name->all_down) {
	case CFG_ALL_DOWN_ALL:
		c.sites = sites_all(name);
		break;
	case CFG_ALL_DOWN_FIRST:
		c.sites = first_of(sites_all(name));
		break;
	case CFG_ALL_DOWN_NONE:
		break;
	}
	return c;
}

/* Standby sites have their turn when no active one is usable; a weight of 0 likewise, when no other is left. */
static uint64_t weighted_of(const struct cfg_name *name, uint64_t usable) {
	uint64_t active = 0, weighted = 0;
	for (unsigned i = 0; i < name->sites.n; i++)
		if (name->sites.items[i].site->role == CFG_SITE_ROLE_ACTIVE)
			active |= UINT64_C(1) << i;
	if (usable & active)
		usable &= active;
	for (unsigned i = 0; i < name->sites.n; i++)
		if (name->sites.items[i].weight > 0)
			weighted |= UINT64_C(1) << i;
	return usable & weighted ? usable & weighted : usable;
}

struct policy_choice policy_choose(const struct cfg_name *name, uint64_t usable) {
	if (usable == 0)
		return choose_all_down(name);
	switch (name->policy) {
	case CFG_POLICY_FAILOVER:
		return (struct policy_choice){ .sites = first_of(usable), .is_together = true };
	case CFG_POLICY_WEIGHTED:
		return (struct policy_choice){ .sites = weighted_of(name, usable) };
	}
	return choose_all_down(name);
}

uint64_t policy_weight(const struct cfg_name *name, const struct policy_choice *c, unsigned site) {
	for (unsigned i = 0; i < name->sites.n; i++)
		if (c->sites >> i & 1 && name->sites.items[i].weight > 0)
			return name->sites.items[site].weight;
	return 1; /* none of them has a weight: all alike */
}
