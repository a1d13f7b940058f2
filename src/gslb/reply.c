/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reply's bytes: the question as it came, and behind it the answer that was rendered beforehand, with the proofs that go with
 * it. What does not fit is left out by whole sections: first the addresses that only spare a query, then everything (TC).
 */
#include "gslb/zone.h"

/* Copies 16 bytes at a time, the last ones overlapping: answers are short, and a call would cost as much as the copy. */
static inline void copy(char *to, const void *source, size_t n) {
	const char *from = source;
	if (n < 16) {
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
		return;
	}
	for (size_t i = 0; i + 16 < n; i += 16)
		memcpy(to + i, from + i, 16);
	memcpy(to + n - 16, from + n - 16, 16);
}

/* Behind a question longer than the one that it was rendered for, everything stands later: see dns_writer. */
static void raise_pointers(const struct answer *a, size_t n, unsigned by, char *body) {
	const uint16_t *at = answer_pointers(a);
	for (unsigned i = 0; i < a->n_pointers && at[i] < n; i++)
		dns_put16(body + at[i], dns_get16(body + at[i]) + by);
}

static inline void put_body(const struct answer *a, size_t n, unsigned n_name, char *body) {
	copy(body, a->bytes, n);
	if (a->base_n != n_name)
		raise_pointers(a, n, n_name - a->base_n, body);
}

/* An answer that may change soon is remembered for no longer (a negative one by its SOA, RFC 2308 5). */
static void shorten_ttls(const struct answer *a, uint32_t ttl_s, char *body) {
	const uint16_t *at = answer_ttls(a);
	for (unsigned i = 0; i < a->n_ttls; i++)
		if (dns_get32(body + at[i]) > ttl_s)
			dns_put32(body + at[i], ttl_s);
}

static void put_counts(char *out, unsigned answer, unsigned authority, unsigned additional) {
	dns_put16(out, 1);
	dns_put16(out + 2, answer);
	dns_put16(out + 4, authority);
	dns_put16(out + 6, additional);
}

size_t reply_write(const struct dns_query *q, const struct found *found, struct str in, size_t n_opt, size_t limit, char *out,
                   unsigned *flags) {
	const struct answer *a = found->answer;
	size_t question = DNS_HEADER_BYTES + q->name.n + 4u, n = a->n, n_more = 0;
	unsigned answers = a->counts[0];
	unsigned additional = a->counts[2], authority = a->counts[1];
	*flags = DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | a->flags;
	for (unsigned i = 0; i < found->n_proofs; i++) {
		n_more += found->proofs[i]->n;
		authority += found->proofs[i]->counts[1];
	}
	size_t n_cname = found->dname ? dname_cname_bytes(found->dname, q) : 0;
	if (found->dname && n_cname == 0)
		*flags |= DNS_YXDOMAIN; /* RFC 6672 2.2 */
	answers += n_cname > 0;
	n_more += n_cname;
	if (question + n + n_more + n_opt > limit || n_more > 0) { /* behind the additional section nothing else can stand */
		n = a->n_bare;
		additional = a->bare_additional;
	}
	copy(out, in.p, question);
	if (question + n + n_more + n_opt > limit) { /* RFC 2181 9: no half RRset; the client asks again over TCP */
		*flags |= DNS_FLAG_TC;
		dns_put16(out + 2, *flags);
		put_counts(out + 4, 0, 0, n_opt > 0);
		return question;
	}
	dns_put16(out + 2, *flags);
	put_counts(out + 4, answers, authority, additional + (n_opt > 0));
	char *body = out + question;
	put_body(a, n, q->name.n, body);
	if (a->n_ttls > 0)
		shorten_ttls(a, found->ttl_s, body);
	body += n;
	if (n_cname > 0) { /* the DNAME has nothing behind it */
		dname_cname_put(found->dname, q, in, body);
		body += n_cname;
	}
	for (unsigned i = 0; i < found->n_proofs; i++) {
		put_body(found->proofs[i], found->proofs[i]->n, q->name.n, body);
		body += found->proofs[i]->n;
	}
	return (size_t)(body - out);
}
