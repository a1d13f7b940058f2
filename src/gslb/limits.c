/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client over UDP gets that may have forged its address: not more than a rate of each kind of answer, and not many bytes for
 * few. A valid cookie, TCP and the exempt networks are beyond doubt. The kind is read off the reply as it was written.
 *
 * Amplification is bounded twice. Answers of up to `amplification` times the query always pass. What longer ones have beyond that is
 * taken from an allowance of the client's network, and truncated when it is used up: a resolver that asks seldom gets its DNSSEC answers
 * over UDP, as it should; an attacker gets as much for his victim as a single such resolver would, however much he sends.
 */
#include "gslb/private.h"

#include "steerway/base/hash.h"
#include "steerway/metric.h"

static enum limits_kind kind_of(const struct exchange *x, const char *reply) {
	unsigned flags = dns_get16(reply + 2);
	if ((flags & 0xf) == DNS_NXDOMAIN)
		return LIMITS_NXDOMAIN;
	if (x->rcode != DNS_NOERROR || (flags & 0xf) != DNS_NOERROR)
		return LIMITS_ERROR;
	if (dns_get16(reply + 6) > 0 || flags & DNS_FLAG_TC)
		return LIMITS_POSITIVE;
	return flags & DNS_FLAG_AA ? LIMITS_NODATA : LIMITS_REFERRAL;
}

bool limits_exempt_v6(const struct limits *l, const struct addr *a) {
	for (size_t i = 0; i < l->n_exempt; i++)
		if (addr_net_has(&l->exempt[i], a))
			return true;
	return false;
}

/* The bucket of the client's network and a kind; nobody outside can tell which networks share one. */
static uint64_t key_of(const struct limits *l, const struct addr *from, enum limits_kind kind) {
	struct client_net net;
	client_net_read(&net, from);
	client_net_cut(&net, l->bits[net.is_v6]);
	return hash_mix(hash_mix(net.high ^ hash_process_seed()) ^ net.low ^ (uint64_t)kind << 1 ^ net.is_v6);
}

enum limits_verdict limits_judge(const struct exchange *x, const char *reply, size_t n) {
	const struct limits *l = &x->batch->settings->limits;
	struct rate_table *t = l->tables[x->batch->client->worker];
	uint32_t now_ms = (uint32_t)(clock_now_us() / USEC_PER_MSEC);
	enum limits_kind kind = kind_of(x, reply);
	uint32_t n_refused = l->rates[kind] > 0 ? rate_take(t, key_of(l, x->message->from, kind), l->rates[kind], 1, now_ms) : 0;
	if (n_refused > 0) {
		bool is_slip = l->slip > 0 && n_refused % l->slip == 0;
		metric_add(is_slip ? METRIC_gslb_rate_slipped_total : METRIC_gslb_rate_dropped_total, 1);
		return is_slip ? LIMITS_TRUNCATE : LIMITS_DROP;
	}
	size_t free_bytes = l->amplification * x->message->in.n;
	if (l->amplification == 0 || n <= free_bytes ||
	    rate_take(t, key_of(l, x->message->from, LIMITS_AMPLIFICATION), l->rates[LIMITS_AMPLIFICATION],
	              (uint32_t)(n - free_bytes), now_ms) == 0)
		return LIMITS_PASS;
	metric_add(METRIC_gslb_amplification_truncated_total, 1);
	return LIMITS_TRUNCATE;
}

/* ---- as configured ---- */

static uint32_t share(uint64_t per_second, unsigned n_workers) {
	return per_second == 0 || per_second > n_workers ? (uint32_t)(per_second / n_workers) : 1;
}

static void exempt_init(struct limits *l, const struct cfg_nets *nets) {
	l->exempt_v4 = mem_zalloc_array(nets->n, sizeof(*l->exempt_v4));
	l->exempt = mem_zalloc_array(nets->n, sizeof(*l->exempt));
	l->n_exempt = nets->n;
	for (size_t i = 0; i < nets->n; i++) {
		const struct addr_net *n = &nets->items[i];
		l->exempt[i] = *n;
		if (addr_is_v6(&n->address))
			continue;
		uint32_t mask = n->bits > 0 ? ~UINT32_C(0) << (32 - n->bits) : 0;
		l->exempt_v4[l->n_exempt_v4++] = (struct limits_net){ n->address.in.sin_addr.s_addr, htonl(mask) };
	}
}

void limits_init(struct limits *l, const struct cfg_dns_limits *cfg, unsigned n_workers) {
	const uint64_t rates[LIMITS_KINDS] = {
		[LIMITS_POSITIVE] = cfg->positive, [LIMITS_NODATA] = cfg->nodata,
		[LIMITS_NXDOMAIN] = cfg->nxdomain, [LIMITS_REFERRAL] = cfg->referral,
		[LIMITS_ERROR] = cfg->error,       [LIMITS_AMPLIFICATION] = cfg->amplification_allowance_bytes
	};
	l->amplification = (uint32_t)cfg->amplification;
	l->free_times = l->amplification > 0 ? l->amplification : UINT32_MAX;
	for (int i = 0; i < LIMITS_KINDS; i++) {
		l->rates[i] = share(rates[i], n_workers);
		if (i != LIMITS_AMPLIFICATION && rates[i] > 0)
			l->free_times = 0;
	}
	l->slip = (uint32_t)cfg->slip;
	l->bits[false] = (uint8_t)cfg->prefix_v4;
	l->bits[true] = (uint8_t)cfg->prefix_v6;
	exempt_init(l, &cfg->exempt);
	l->n_tables = n_workers;
	l->tables = mem_zalloc_array(n_workers, sizeof(struct rate_table *));
	for (unsigned i = 0; i < n_workers; i++)
		l->tables[i] = rate_table_create(cfg->table);
}

void limits_fini(struct limits *l) {
	for (unsigned i = 0; i < l->n_tables; i++)
		rate_table_destroy(l->tables[i]);
	mem_free(l->tables);
	mem_free(l->exempt_v4);
	mem_free(l->exempt);
}
