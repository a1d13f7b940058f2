/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A query's way (DESIGN 3): parse, look the answer up (lookup.c), copy it behind the question. No allocation, no lock, no call of
 * libc. What is not answered at all: responses and what is shorter than a header.
 */
#include "gslb/private.h"
#include "gslb/reply.h"

#include "steerway/metric.h"

enum { ANSWER_GROUP = 16 };

/* The whole answer for each code that needs no zone. */
#define PLAIN(rcode)                                                                                                             \
	{ .flags = (rcode)&0xf }
static const struct answer plain_noerror = PLAIN(DNS_NOERROR), plain_formerr = PLAIN(DNS_FORMERR),
			   plain_badvers = PLAIN(DNS_BADVERS), plain_badcookie = PLAIN(DNS_BADCOOKIE);
const struct answer answer_notimp = PLAIN(DNS_NOTIMP), answer_refused = PLAIN(DNS_REFUSED);

static const struct answer *plain_answer(enum dns_rcode rcode) {
	switch (rcode) {
	case DNS_NOERROR: /* nothing is asked but for a cookie */
		return &plain_noerror;
	case DNS_NOTIMP:
		return &answer_notimp;
	case DNS_BADVERS:
		return &plain_badvers;
	case DNS_BADCOOKIE:
		return &plain_badcookie;
	default:
		return &plain_formerr;
	}
}

static void count_error(unsigned rcode) {
	switch (rcode) {
#define COUNT(name, metric)                                                                                                      \
	case DNS_##name:                                                                                                         \
		metric_add(METRIC_gslb_##metric##_total, 1);                                                                     \
		break;
		COUNT(FORMERR, formerr)
		COUNT(NXDOMAIN, nxdomain)
		COUNT(NOTIMP, notimp)
		COUNT(REFUSED, refused)
		COUNT(BADVERS, badvers)
		COUNT(BADCOOKIE, badcookie)
#undef COUNT
	}
}

/* There is no question to be echoed: a header alone. */
static size_t write_header(const struct dns_query *q, unsigned rcode, size_t n_opt, char *out) {
	dns_put16(out, q->id);
	dns_put16(out + 2, DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | (rcode & 0xf));
	memset(out + 4, 0, 8);
	out[11] = n_opt > 0;
	return DNS_HEADER_BYTES;
}

/* How long the reply may be (RFC 6891 6.2.3, 6.2.5). */
static inline size_t limit_of(const struct batch *b, const struct dns_query *q) {
	if (q->udp_bytes <= b->min_bytes)
		return b->min_bytes;
	return q->udp_bytes < b->max_bytes ? q->udp_bytes : b->max_bytes;
}

static enum cookie_state check_cookie(const struct exchange *x) {
	switch (dns_cookie_check(&x->batch->settings->cookie_keys, x->q.cookie, x->q.n_cookie, addr_wire(x->message->from),
	                         (uint32_t)(clock_wall_us() / USEC_PER_SEC))) {
	case DNS_COOKIE_GOOD:
		return COOKIE_GOOD;
	case DNS_COOKIE_AGED:
		return COOKIE_AGED;
	default:
		return COOKIE_NEW;
	}
}

/* What the options say of the client, and what they can be refused for before anything is looked up. */
static enum dns_rcode heed_options(struct exchange *x) {
	const struct settings *s = x->batch->settings;
	struct dns_query *q = &x->q;
	bool is_tcp = x->batch->client->is_tcp;
	if (q->n_cookie > 0 && s->has_cookies)
		x->cookie = check_cookie(x);
	if (!s->takes_ecs)
		q->n_ecs = 0;
	else if (q->n_ecs > 0 && q->ecs_net.n_bits > s->ecs_bits[q->ecs_net.is_v6]) /* no more of it counts */
		client_net_cut(&q->ecs_net, s->ecs_bits[q->ecs_net.is_v6]);
	if (q->keepalive == DNS_KEEPALIVE_MALFORMED && is_tcp) /* RFC 7828 3.3.2: over UDP it is ignored */
		return DNS_FORMERR;
	/* RFC 7873 5.2.3, 5.2.4. Over TCP the address is proven without. */
	if (s->requires_cookies && x->cookie == COOKIE_NEW && !is_tcp)
		return DNS_BADCOOKIE;
	return DNS_NOERROR;
}

static inline void exchange_find(struct exchange *x) {
	const struct batch *b = x->batch;
	found_begin(&x->found);
	if (x->rcode != DNS_NOERROR || !x->q.has_question)
		x->found.answer = plain_answer(x->rcode);
	else if (x->q.class == DNS_CLASS_CH)
		x->found.answer = settings_chaos(b->settings, &x->q);
	else
		lookup(b->zones, &x->q, x->message->from, b->now_us, &x->found);
}

/* Parses. False: silence. */
static inline bool exchange_begin(struct exchange *x) {
	x->rcode = dns_query_parse(&x->q, x->message->in);
	x->cookie = COOKIE_NONE;
	if (x->rcode == DNS_SILENCE)
		return false;
	if (x->q.has_options) {
		enum dns_rcode refused = heed_options(x);
		x->rcode = x->rcode == DNS_NOERROR ? refused : x->rcode;
	}
	return true;
}

/* What stays of a reply that the client shall ask for again: the question, and TC. Returns its bytes without OPT. */
static size_t reply_truncate(const struct exchange *x, char *out) {
	out[2] |= DNS_FLAG_TC >> 8;
	dns_put16(out + 6, 0);
	dns_put16(out + 8, 0);
	dns_put16(out + 10, x->q.has_edns);
	return DNS_HEADER_BYTES + x->q.name.n + 4u;
}

/* Which policy chose which sites, and until when resolvers know them. */
static inline void count_steered(struct counts *c, const struct exchange *x) {
	const struct steered *s = x->found.steered;
	uint64_t ttl_s = x->found.ttl_s < s->cfg->ttl.max_s ? x->found.ttl_s : s->cfg->ttl.max_s;
	c->n_steered++;
	count_one(&c->policies[s->policy_kind]);
	for (unsigned i = 0; i < x->found.variant->n_sites; i++) {
		struct fleet_site *site = s->sites[x->found.variant->order[i]];
		count_one(&c->sites[site->index]);
		fleet_site_answered(site, x->batch->now_us + ttl_s * USEC_PER_SEC);
	}
}

/* What is not so in most replies. */
static void count_odd(const struct exchange *x, unsigned rcode, unsigned flags, size_t n) {
	struct counts *c = x->batch->counts;
	if (rcode != DNS_NOERROR)
		count_error(rcode);
	if (flags & DNS_FLAG_TC)
		metric_add(METRIC_gslb_truncated_total, 1);
	if (x->batch->settings->query_log && ++c->n_unlogged >= x->batch->settings->query_log_sample) {
		c->n_unlogged = 0;
		query_log_write(x, rcode, flags & DNS_FLAG_TC, n);
	}
}

/* Writes what was found; its bytes, or 0 when the client is beyond its limits. */
static inline size_t exchange_end(const struct exchange *x) {
	const struct batch *b = x->batch;
	const struct dns_query *q = &x->q;
	bool is_plain = opt_is_plain(x);
	char *out = x->message->out;
	uint8_t opt[OPT_BYTES_MAX];
	size_t n_opt = !q->has_edns ? 0 : is_plain ? DNS_OPT_BYTES : opt_write(x, false, opt);
	struct reply r;
	if (q->has_question) {
		r = reply_write(q, &x->found, x->message->in, n_opt, limit_of(b, q), out);
	} else {
		r = (struct reply){ x->rcode & 0xf, write_header(q, x->rcode, n_opt, out) };
	}
	if (r.n + n_opt > b->free_times * x->message->in.n && x->cookie < COOKIE_GOOD &&
	    !limits_exempt(&b->settings->limits, x->message->from)) {
		enum limits_verdict verdict = limits_judge(x, out, r.n + n_opt);
		if (verdict == LIMITS_DROP)
			return 0;
		if (verdict == LIMITS_TRUNCATE && q->has_question) {
			r.flags |= DNS_FLAG_TC;
			r.n = reply_truncate(x, out);
			if (!is_plain && n_opt > 0)
				n_opt = opt_write(x, true, opt);
		}
	}
	if (n_opt > 0 && is_plain)
		opt_write_plain(q, out + r.n);
	else if (n_opt > 0)
		copy_short(out + r.n, opt, n_opt);
	unsigned rcode = (unsigned)x->rcode | (r.flags & 0xf); /* the lower bits of the query's own code are in both */
	count_one(&b->answers[rcode % COUNTS_RCODES]);
	if (q->has_question)
		count_one(&b->counts->types[q->type < COUNTS_TYPES ? q->type : 0]);
	if (x->found.steered) {
		count_steered(b->counts, x);
		SNAPSHOT_READ_END(x->found.variant);
	}
	if (rcode | (r.flags & DNS_FLAG_TC) | b->has_log)
		count_odd(x, rcode, r.flags, r.n + n_opt);
	return r.n + n_opt;
}

/* Of 100,000 names hardly one is in a cache: a group goes each step together, so that the memory that one waits for comes while the
 * others are looked at. A group is so small that it stays in the first cache itself. */
static void answer_group(const struct batch *b, struct udp_message *m, unsigned n) {
	struct exchange all[ANSWER_GROUP], *end = all;
	for (unsigned i = 0; i < n; i++) {
		end->batch = b;
		end->message = &m[i];
		if (!exchange_begin(end))
			continue;
		if (b->zones)
			zones_prefetch_slot(b->zones, end->q.hash);
		end++;
	}
	if (b->zones && end > &all[1])
		for (struct exchange *x = all; x < end; x++)
			zones_prefetch_entry(b->zones, x->q.hash);
	for (struct exchange *x = all; x < end; x++) {
		exchange_find(x);
		__builtin_prefetch(x->found.answer);
		__builtin_prefetch((const char *)x->found.answer + 64);
	}
	for (struct exchange *x = all; x < end; x++)
		x->message->n_out = exchange_end(x);
	metric_add(b->client->is_tcp ? METRIC_gslb_tcp_queries_total : METRIC_gslb_udp_queries_total, n);
	if (end < all + n)
		metric_add(METRIC_gslb_dropped_total, all + n - end);
}

static void answer_batch(struct gslb *g, const struct gslb_client *c, struct udp_message *m, unsigned n, size_t out_size) {
	struct counts *counts = &g->counts[c->worker];
	const struct settings *s = atomic_load_explicit(&g->settings, memory_order_acquire);
	const struct batch b = { .gslb = g,
		                 .client = c,
		                 .zones = atomic_load_explicit(&g->zones, memory_order_acquire),
		                 .settings = s,
		                 .counts = counts,
		                 .answers = counts->answers[c->is_tcp],
		                 .has_log = s->query_log != NULL,
		                 .free_times = c->is_tcp ? UINT32_MAX : s->limits.free_times,
		                 .min_bytes = c->is_tcp ? out_size : DNS_UDP_BYTES,
		                 .max_bytes = c->is_tcp || out_size < s->max_udp_bytes ? out_size : s->max_udp_bytes,
		                 .now_us = clock_now_us() };
	for (unsigned at = 0; at < n; at += ANSWER_GROUP)
		answer_group(&b, m + at, n - at < ANSWER_GROUP ? n - at : ANSWER_GROUP);
	if (counts->n_steered > 0)
		metric_add(METRIC_gslb_steered_total, counts->n_steered);
	counts->n_steered = 0;
	SNAPSHOT_READ_END(b.zones);
	SNAPSHOT_READ_END(b.settings);
}

size_t gslb_answer(struct gslb *g, const struct gslb_client *c, struct str in, char *out, size_t out_size) {
	struct udp_message m = { .from = c->from, .in = in, .out = out };
	if (out_size >= DNS_UDP_BYTES)
		answer_batch(g, c, &m, 1, out_size);
	return m.n_out;
}

void gslb_answer_batch(struct gslb *g, unsigned worker, struct udp_message *m, unsigned n) {
	const struct gslb_client who = { .worker = worker };
	answer_batch(g, &who, m, n, UDP_MAX_BYTES);
}
