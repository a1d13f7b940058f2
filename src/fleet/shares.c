/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides, purely, which share of a pool's traffic each level of sites gets. Spill follows Envoy's priority levels: health of a
 * level = min(1, overprovision * usable / total); the first takes its health, the next what is left up to its own, and when
 * all together come to less than 1 they are scaled up to it. An infinite overprovision makes that plain failover.
 */
#include "private.h"

static double health_of(const struct share_level *l, double overprovision) {
	if (l->usable == 0)
		return 0;
	double health = overprovision * (double)l->usable / (double)l->total;
	return health < 1 ? health : 1;
}

static void share_spill(double overprovision, const struct share_level *levels, size_t n, double *share) {
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += health_of(&levels[i], overprovision);
	double scale = sum < 1 ? sum : 1;
	double left = sum > 0 ? 1 : 0;
	for (size_t i = 0; i < n; i++) {
		double want = sum > 0 ? health_of(&levels[i], overprovision) / scale : 0;
		share[i] = want < left ? want : left;
		left -= share[i];
	}
}

static void share_split(const struct share_level *levels, size_t n, double *share) {
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += levels[i].usable > 0 ? levels[i].weight : 0;
	bool is_given = false; /* without weights: the first usable level takes all */
	for (size_t i = 0; i < n; i++) {
		share[i] = 0;
		if (levels[i].usable == 0)
			continue;
		if (sum > 0)
			share[i] = (double)levels[i].weight / (double)sum;
		else
			share[i] = is_given ? 0 : 1;
		is_given = true;
	}
}

bool shares_panic(unsigned percent, const struct panic_level *levels, size_t n) {
	bool has_any = false;
	for (size_t i = 0; i < n; i++) {
		if (levels[i].allowed == 0)
			continue;
		if ((uint64_t)levels[i].up * 100 >= (uint64_t)levels[i].allowed * percent)
			return false;
		has_any = true;
	}
	return has_any;
}

void shares_compute(enum share_rule rule, double overprovision, const struct share_level *levels, size_t n, double *share) {
	if (rule == SHARE_SPLIT)
		share_split(levels, n, share);
	else
		share_spill(overprovision, levels, n, share);
}
