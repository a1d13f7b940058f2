/* SPDX-License-Identifier: BSD-2-Clause */
/* What few replies take: see reply.h. */
#include "gslb/reply.h"

#include "steerway/base/rand.h"

void reply_raise_pointers(const struct answer *a, size_t n, unsigned by, char *body) {
	if (!a->has_more)
		return;
	const struct answer_more *more = answer_more(a);
	const uint16_t *at = more->places, *end = at + more->n_pointers;
	while (n < a->n && end > at && end[-1] >= n)
		end--;
	for (; at < end; at++) {
		char *pointer = body + *at;
		dns_put16(pointer, dns_get16(pointer) + by);
	}
}

/* An answer that may change soon is remembered for no longer (a negative one by its SOA, RFC 2308 5). */
static void shorten_ttls(const struct answer *a, uint32_t ttl_s, char *body) {
	const struct answer_more *more = answer_more(a);
	const uint16_t *at = answer_ttls(more);
	for (unsigned i = 0; i < more->n_ttls; i++)
		if (dns_get32(body + at[i]) > ttl_s)
			dns_put32(body + at[i], ttl_s);
}

/* A record around its TTL: type, class; length of RDATA, RDATA. */
enum { TYPE_BEFORE_TTL = 4, RDATA_BEHIND_TTL = 6 };

/* Another address first, by a draw, and the others behind it in a circle. Only RDATA moves: the records' owners may be written in different
 * ways. To signatures the order is nothing (RFC 4034 6.3). */
static void rotate_addresses(const struct answer *a, char *body) {
	const struct answer_more *more = answer_more(a);
	const uint16_t *at = answer_ttls(more);
	size_t n_address = a->type == DNS_TYPE_A ? 4 : 16;
	unsigned n = 0;
	if (a->type != DNS_TYPE_A && a->type != DNS_TYPE_AAAA)
		return;
	while (n < more->n_ttls && dns_get16(a->bytes + at[n] - TYPE_BEFORE_TTL) == a->type) /* not the SOA, nor signatures */
		n++;
	if (n < 2)
		return;
	unsigned from = (unsigned)rand_below(rand_thread(), n);
	for (unsigned i = 0; i < n; i++, from = from + 1 == n ? 0 : from + 1)
		memcpy(body + at[i] + RDATA_BEHIND_TTL, a->bytes + at[from] + RDATA_BEHIND_TTL, n_address);
}

void reply_put_steered(const struct found *f, char *body) {
	if (!f->answer->has_more)
		return;
	shorten_ttls(f->answer, f->ttl_s, body);
	if (f->steered->cfg->order == CFG_ORDER_ROTATE)
		rotate_addresses(f->answer, body);
}

struct reply reply_write_rest(const struct dns_query *q, const struct found *f, struct str in, size_t n_opt, size_t limit,
                              char *out) {
	const struct answer *a = f->answer;
	unsigned answers = a->counts[0], authority = a->counts[1], flags = reply_flags(q, a);
	size_t question = DNS_HEADER_BYTES + q->name.n + 4u, n_more = 0;
	for (unsigned i = 0; i < f->n_proofs; i++) {
		n_more += f->proofs[i]->n;
		authority += f->proofs[i]->counts[1];
	}
	size_t n_cname = f->dname ? dname_cname_bytes(f->dname, q) : 0;
	if (f->dname && n_cname == 0)
		flags |= DNS_YXDOMAIN; /* RFC 6672 2.2 */
	answers += n_cname > 0;
	n_more += n_cname;
	/* Behind the additional section nothing else can stand. */
	bool is_bare = n_more > 0 || question + a->n + n_opt > limit;
	const struct answer_more *more = is_bare && a->has_more ? answer_more(a) : NULL;
	size_t n = more ? more->n_bare : a->n;
	if (question + n + n_more + n_opt > limit) { /* RFC 2181 9: no half RRset; the client asks again over TCP */
		flags |= DNS_FLAG_TC;
		dns_put16(out + 2, flags);
		reply_put_counts(out, 0, 0, n_opt > 0);
		return (struct reply){ flags, question };
	}
	dns_put16(out + 2, flags);
	reply_put_counts(out, answers, authority, (more ? more->bare_additional : a->counts[2]) + (n_opt > 0));
	char *body = out + question;
	reply_put_body(a, n, q->name.n, body);
	if (f->ttl_s != UINT32_MAX)
		reply_put_steered(f, body);
	body += n;
	if (n_cname > 0) { /* the DNAME has nothing behind it */
		dname_cname_put(f->dname, q, in, body);
		body += n_cname;
	}
	for (unsigned i = 0; i < f->n_proofs; i++) {
		reply_put_body(f->proofs[i], f->proofs[i]->n, q->name.n, body);
		body += f->proofs[i]->n;
	}
	return (struct reply){ flags, (size_t)(body - out) };
}
