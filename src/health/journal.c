/* SPDX-License-Identifier: BSD-2-Clause */
/* The last 512 changes of verdicts, in a ring that is allocated once; the oldest is overwritten. */
#include "health/target.h"

#include "steerway/base/mem.h"

#define JOURNAL_CHANGES 512

struct journal {
	uint64_t n; /* ever added */
	struct health_change changes[JOURNAL_CHANGES];
};

struct journal *journal_create(void) {
	return mem_zalloc(sizeof(struct journal));
}

void journal_destroy(struct journal *j) {
	mem_free(j);
}

struct health_change *journal_add(struct journal *j) {
	return &j->changes[j->n++ % JOURNAL_CHANGES];
}

const struct health_change *journal_get(const struct journal *j, size_t i_newest) {
	if (i_newest >= j->n || i_newest >= JOURNAL_CHANGES)
		return NULL;
	return &j->changes[(j->n - 1 - i_newest) % JOURNAL_CHANGES];
}
