/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many answers there were, by what they are: cells of each worker's own, so that counting costs a store to a line that no other
 * thread writes, summed by the reader.
 */
#include "gslb/private.h"

/* Over all workers, of a cell of the first one. */
static uint64_t sum(const struct gslb *g, const _Atomic uint64_t *cell) {
	uint64_t n = 0;
	for (unsigned i = 0; i < g->n_workers; i++) {
		const char *same = (const char *)cell + i * sizeof(*g->counts);
		n += atomic_load_explicit((const _Atomic uint64_t *)(const void *)same, memory_order_relaxed);
	}
	return n;
}

typedef void (*each_count)(void *arg, struct str value, uint64_t n);

static void each_rcode(const struct gslb *g, bool is_tcp, each_count each, void *arg) {
#define DNS_RCODE(name, value, text) each(arg, STR(#name), sum(g, &g->counts->answers[is_tcp][value]));
#include "steerway/tables/dns_rcodes.h"
#undef DNS_RCODE
}

/* Of types that have no row there is one sum. */
static void each_type(const struct gslb *g, each_count each, void *arg) {
	uint64_t others = 0;
	for (unsigned i = 0; i < COUNTS_TYPES; i++)
		others += sum(g, &g->counts->types[i]);
#define DNS_TYPE(name, value, target, compress)                                                                                  \
	if ((value) < COUNTS_TYPES) {                                                                                            \
		uint64_t n = sum(g, &g->counts->types[(value) < COUNTS_TYPES ? (value) : 0]);                                    \
		each(arg, STR(#name), n);                                                                                        \
		others -= n;                                                                                                     \
	}
#include "steerway/tables/dns_types.h"
#undef DNS_TYPE
	each(arg, STR("other"), others);
}

void gslb_each_count(struct gslb *g, enum gslb_count what, each_count each, void *arg) {
	switch (what) {
	case GSLB_COUNT_UDP_RCODES:
	case GSLB_COUNT_TCP_RCODES:
		each_rcode(g, what == GSLB_COUNT_TCP_RCODES, each, arg);
		break;
	case GSLB_COUNT_TYPES:
		each_type(g, each, arg);
		break;
	case GSLB_COUNT_POLICIES:
		for (unsigned i = 0; i < COUNTS_POLICIES; i++)
			each(arg, str_from(cfg_policy_kind_text((enum cfg_policy_kind)i)), sum(g, &g->counts->policies[i]));
		break;
	case GSLB_COUNT_SITES:
		LIST_EACH(it, fleet_sites(g->fleet)) {
			const struct fleet_site *s = CONTAINER_OF(it, struct fleet_site, link);
			each(arg, s->name, sum(g, &g->counts->sites[s->index]));
		}
	}
}

void counts_forget_sites(struct gslb *g) {
	uint64_t live = 0;
	LIST_EACH(it, fleet_sites(g->fleet))
		live |= UINT64_C(1) << CONTAINER_OF(it, struct fleet_site, link)->index;
	for (unsigned i = 0; i < g->n_workers; i++)
		for (unsigned site = 0; site < 64; site++)
			if (!(live >> site & 1))
				atomic_store_explicit(&g->counts[i].sites[site], 0, memory_order_relaxed);
}
