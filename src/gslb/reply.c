/* SPDX-License-Identifier: BSD-2-Clause */
/* What few replies take: see reply.h. */
#include "gslb/reply.h"

void reply_raise_pointers(const struct answer *a, size_t n, unsigned by, char *body) {
	const uint16_t *at = answer_pointers(a), *end = at + a->n_pointers;
	while (end > at && end[-1] >= n)
		end--;
	for (; at < end; at++)
		dns_put16(body + *at, dns_get16(body + *at) + by);
}

void reply_shorten_ttls(const struct answer *a, uint32_t ttl_s, char *body) {
	const uint16_t *at = answer_ttls(a);
	for (unsigned i = 0; i < a->n_ttls; i++)
		if (dns_get32(body + at[i]) > ttl_s)
			dns_put32(body + at[i], ttl_s);
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
	size_t n = is_bare ? a->n_bare : a->n;
	if (question + n + n_more + n_opt > limit) { /* RFC 2181 9: no half RRset; the client asks again over TCP */
		flags |= DNS_FLAG_TC;
		dns_put16(out + 2, flags);
		reply_put_counts(out, 0, 0, n_opt > 0);
		return (struct reply){ flags, question };
	}
	dns_put16(out + 2, flags);
	reply_put_counts(out, answers, authority, (is_bare ? a->bare_additional : a->counts[2]) + (n_opt > 0));
	char *body = out + question;
	reply_put_body(a, n, q->name.n, body);
	if (f->ttl_s != UINT32_MAX)
		reply_shorten_ttls(a, f->ttl_s, body);
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
