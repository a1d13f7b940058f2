/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lays out one round of smooth weighted round robin: every server occurs as often as its weight says, spread as evenly as the
 * weights allow (nginx's rule: each step adds its weight to every server, the highest is chosen and pays the sum of weights).
 *
 * At step t a server chosen k times stands at t * weight - sum * k. Among servers of equal weight that order is a plain round,
 * so only one of each distinct weight has to be looked at: O(length * distinct weights), of which there are at most ~180 in a
 * round of SCHEDULE_MAX.
 */
#include "private.h"

#include <stdlib.h>

static uint32_t gcd(uint32_t a, uint32_t b) {
	while (b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Divides all by what they have in common; returns their sum. */
static uint64_t divide_common(uint32_t *w, size_t n) {
	uint32_t common = 0;
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		common = gcd(w[i], common);
	for (size_t i = 0; i < n; i++)
		sum += w[i] /= common;
	return sum;
}

size_t schedule_reduce(const uint32_t *weights, size_t n, uint32_t *reduced) {
	if (n == 0)
		return 0;
	memcpy(reduced, weights, n * sizeof(*weights));
	uint64_t sum = divide_common(reduced, n);
	if (sum <= SCHEDULE_MAX)
		return (size_t)sum;
	for (size_t i = 0; i < n; i++) {
		uint64_t coarse = ((uint64_t)reduced[i] * SCHEDULE_MAX + sum / 2) / sum;
		reduced[i] = coarse > 0 ? (uint32_t)coarse : 1;
	}
	return (size_t)divide_common(reduced, n);
}

struct weighted {
	uint32_t weight, index;
};

/* Heaviest first, equals in their order. */
static int weighted_compare(const void *a, const void *b) {
	const struct weighted *x = a, *y = b;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

struct equals {
	const struct weighted *first;
	uint32_t n, next;
	int64_t rounds; /* how often the next one was chosen already */
};

static size_t group_equals(const struct weighted *sorted, size_t n, struct equals *groups) {
	size_t n_groups = 0;
	for (size_t i = 0; i < n; i++) {
		if (n_groups == 0 || groups[n_groups - 1].first->weight != sorted[i].weight)
			groups[n_groups++] = (struct equals){ .first = &sorted[i] };
		groups[n_groups - 1].n++;
	}
	return n_groups;
}

void schedule_fill(const uint32_t *reduced, size_t n, uint32_t *out) {
	struct weighted *sorted = mem_zalloc_array(n + 1, sizeof(*sorted));
	struct equals *groups = mem_zalloc_array(n + 1, sizeof(*groups));
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		sorted[i] = (struct weighted){ reduced[i], (uint32_t)i };
		sum += reduced[i];
	}
	qsort(sorted, n, sizeof(*sorted), weighted_compare);
	size_t n_groups = group_equals(sorted, n, groups);
	for (int64_t t = 1; t <= sum; t++) {
		struct equals *best = NULL;
		int64_t best_at = 0;
		for (struct equals *g = groups; g < groups + n_groups; g++) {
			int64_t at = t * g->first->weight - sum * g->rounds;
			if (best && (at < best_at || (at == best_at && g->first[g->next].index > best->first[best->next].index)))
				continue;
			best = g;
			best_at = at;
		}
		out[t - 1] = best->first[best->next].index;
		if (++best->next == best->n) {
			best->next = 0;
			best->rounds++;
		}
	}
	mem_free(groups);
	mem_free(sorted);
}
