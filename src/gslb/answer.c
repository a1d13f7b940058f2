/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A query's way (DESIGN 3): parse, look the answer up (lookup.c), copy it behind the question. No allocation, no lock, no call of
 * libc. What is not answered at all: responses and what is shorter than a header.
 */
#include "gslb/private.h"

#include "steerway/metric.h"

enum { ANSWER_GROUP = 16 };

/* The whole answer for each code that needs no zone. */
#define PLAIN(rcode)                                                                                                             \
	{ .flags = (rcode)&0xf }
static const struct answer plain_formerr = PLAIN(DNS_FORMERR), plain_badvers = PLAIN(DNS_BADVERS),
			   plain_badcookie = PLAIN(DNS_BADCOOKIE);
const struct answer answer_notimp = PLAIN(DNS_NOTIMP), answer_refused = PLAIN(DNS_REFUSED);

static const struct answer *plain_answer(enum dns_rcode rcode) {
	switch (rcode) {
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

static size_t limit_of(const struct settings *s, const struct dns_query *q, bool is_tcp) {
	if (is_tcp)
		return DNS_MESSAGE_MAX;
	if (q->udp_bytes <= DNS_UDP_BYTES) /* RFC 6891 6.2.3 */
		return DNS_UDP_BYTES;
	return q->udp_bytes < s->max_udp_bytes ? q->udp_bytes : s->max_udp_bytes;
}

/* The client as routing sees it: what its resolver says of it, or the resolver itself, also when that says nothing (RFC 7871 7.1.2). */
static void find_client(const struct exchange *x, struct client_net *out) {
	const struct dns_query *q = &x->q;
	if (q->n_ecs > 0 && q->ecs_net.n_bits > 0 && x->settings->takes_ecs) {
		*out = q->ecs_net;
		client_net_cut(out, x->settings->ecs_bits[out->is_v6]);
	} else {
		client_net_read(out, (const uint8_t *)client_address(&x->client).p, addr_is_v6(x->client.from));
	}
}

static enum cookie_state find_cookie(const struct exchange *x) {
	const struct settings *s = x->settings;
	const struct dns_query *q = &x->q;
	if (q->n_cookie == 0 || !s->has_cookies)
		return COOKIE_NONE;
	switch (dns_cookie_check(&s->cookie_keys, q->cookie, q->n_cookie, client_address(&x->client),
	                         (uint32_t)(clock_wall_us() / USEC_PER_SEC))) {
	case DNS_COOKIE_GOOD:
		return COOKIE_GOOD;
	case DNS_COOKIE_AGED:
		return COOKIE_AGED;
	default:
		return COOKIE_NEW;
	}
}

/* What the query can be refused for before anything is looked up. */
static enum dns_rcode judge(const struct exchange *x, enum dns_rcode parsed) {
	if (parsed != DNS_NOERROR)
		return parsed;
	if (x->q.keepalive == DNS_KEEPALIVE_MALFORMED && x->client.is_tcp) /* RFC 7828 3.3.2: over UDP it is ignored */
		return DNS_FORMERR;
	/* RFC 7873 5.2.3, 5.2.4. Over TCP the address is proven without. */
	if (x->settings->requires_cookies && x->cookie == COOKIE_NEW && !x->client.is_tcp)
		return DNS_BADCOOKIE;
	return DNS_NOERROR;
}

static void exchange_find(struct exchange *x) {
	x->found = (struct found)FOUND_NOTHING;
	if (x->rcode != DNS_NOERROR) {
		x->found.answer = plain_answer(x->rcode);
	} else if (x->q.class == DNS_CLASS_CH && x->q.has_question) {
		x->found.answer = settings_chaos(x->settings, &x->q);
	} else if (x->q.has_question) {
		struct client_net net;
		find_client(x, &net);
		lookup(x->zones, &x->q, &net, &x->found);
	}
}

/* Parses. False: silence. */
static inline bool exchange_begin(struct exchange *x, struct gslb *g, const struct gslb_client *c, struct str in) {
	enum dns_rcode parsed = dns_query_parse(&x->q, in);
	metric_add(c->is_tcp ? METRIC_gslb_tcp_queries_total : METRIC_gslb_udp_queries_total, 1);
	if (parsed == DNS_SILENCE) {
		metric_add(METRIC_gslb_dropped_total, 1);
		return false;
	}
	x->in = in;
	x->zones = atomic_load_explicit(&g->zones, memory_order_acquire);
	x->settings = atomic_load_explicit(&g->settings, memory_order_acquire);
	x->cookie = find_cookie(x);
	x->rcode = judge(x, parsed);
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

/* Writes what was found; its bytes, at most out_size, or 0 when the client is beyond its limits. */
static inline size_t exchange_end(const struct exchange *x, struct gslb *g, char *out, size_t out_size) {
	struct counts *counts = &g->counts[x->client.worker];
	uint8_t opt[OPT_BYTES_MAX];
	size_t n_opt = x->q.has_edns ? opt_write(x, false, opt) : 0, n;
	unsigned flags = x->rcode & 0xf;
	if (x->q.has_question) {
		size_t limit = limit_of(x->settings, &x->q, x->client.is_tcp);
		n = reply_write(&x->q, &x->found, x->in, n_opt, limit < out_size ? limit : out_size, out, &flags);
	} else {
		n = write_header(&x->q, x->rcode, n_opt, out);
	}
	if (!x->client.is_tcp && x->cookie < COOKIE_GOOD && limits_concern(&x->settings->limits, x->in.n, n + n_opt)) {
		enum limits_verdict verdict = limits_judge(x, out, n + n_opt);
		if (verdict == LIMITS_DROP)
			return 0;
		if (verdict == LIMITS_TRUNCATE && x->q.has_question) {
			flags |= DNS_FLAG_TC;
			n = reply_truncate(x, out);
			n_opt = x->q.has_edns ? opt_write(x, true, opt) : 0;
		}
	}
	if (n_opt == DNS_OPT_BYTES) /* nearly always: two moves instead of a call */
		memcpy(out + n, opt, DNS_OPT_BYTES);
	else if (n_opt > 0)
		memcpy(out + n, opt, n_opt);
	unsigned rcode = x->rcode == DNS_NOERROR ? flags & 0xf : (unsigned)x->rcode;
	counts_add(counts, x, rcode);
	if (rcode != DNS_NOERROR)
		count_error(rcode);
	if (flags & DNS_FLAG_TC)
		metric_add(METRIC_gslb_truncated_total, 1);
	if (x->settings->query_log && ++counts->n_unlogged >= x->settings->query_log_sample) {
		counts->n_unlogged = 0;
		query_log_write(x, fleet_epoch(g->fleet), rcode, flags & DNS_FLAG_TC, n + n_opt);
	}
	SNAPSHOT_READ_END(x->found.variant);
	SNAPSHOT_READ_END(x->zones);
	SNAPSHOT_READ_END(x->settings);
	return n + n_opt;
}

/* Of 100,000 names hardly one is in a cache: a group goes each step together, so that the memory that one waits for comes while the
 * others are looked at. A group is so small that it stays in the first cache itself. `who` has no address: each message has. */
static void answer_group(struct gslb *g, const struct gslb_client *who, struct udp_message *m, unsigned n, size_t out_size) {
	struct exchange all[ANSWER_GROUP];
	struct udp_message *messages[ANSWER_GROUP];
	unsigned n_live = 0;
	for (unsigned i = 0; i < n; i++) {
		struct exchange *x = &all[n_live];
		x->client = *who;
		x->client.from = m[i].from;
		if (!exchange_begin(x, g, who, m[i].in))
			continue;
		if (x->zones && x->q.has_question)
			zones_prefetch_slot(x->zones, x->q.hash);
		messages[n_live++] = &m[i];
	}
	for (unsigned i = 0; n_live > 1 && i < n_live; i++)
		if (all[i].zones && all[i].q.has_question)
			zones_prefetch_entry(all[i].zones, all[i].q.hash);
	for (unsigned i = 0; i < n_live; i++) {
		exchange_find(&all[i]);
		__builtin_prefetch(all[i].found.answer);
		__builtin_prefetch((const char *)all[i].found.answer + 64);
	}
	for (unsigned i = 0; i < n_live; i++)
		messages[i]->n_out = exchange_end(&all[i], g, messages[i]->out, out_size);
}

size_t gslb_answer(struct gslb *g, const struct gslb_client *c, struct str in, char *out, size_t out_size) {
	struct udp_message m = { .from = c->from, .in = in, .out = out };
	if (out_size >= DNS_UDP_BYTES)
		answer_group(g, c, &m, 1, out_size);
	return m.n_out;
}

void gslb_answer_batch(struct gslb *g, unsigned worker, struct udp_message *m, unsigned n) {
	const struct gslb_client who = { .worker = worker };
	for (unsigned at = 0; at < n; at += ANSWER_GROUP)
		answer_group(g, &who, m + at, n - at < ANSWER_GROUP ? n - at : ANSWER_GROUP, UDP_MAX_BYTES);
}
