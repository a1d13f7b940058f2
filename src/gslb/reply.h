/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reply's bytes: the question as it came, and behind it the answer that was rendered beforehand, with the proofs that go with it.
 * What does not fit is left out by whole sections: first the addresses that only spare a query, then everything (TC). Here stands what
 * nearly every reply takes, in reply.c the rest.
 */
#ifndef STEERWAY_GSLB_REPLY_H
#define STEERWAY_GSLB_REPLY_H

#include "gslb/zone.h"

/* Copies by words, the last of which overlaps the one before it: what a reply holds is short, and a call would cost as much. */
static inline __attribute__((always_inline)) void copy_short(void *to, const void *from, size_t n) {
	char *out = to;
	const char *in = from;
	if (n >= 16) {
		size_t i = 0;
		for (; i + 32 < n; i += 32) {
			memcpy(out + i, in + i, 16);
			memcpy(out + i + 16, in + i + 16, 16);
		}
		if (i + 16 < n)
			memcpy(out + i, in + i, 16);
		memcpy(out + n - 16, in + n - 16, 16);
	} else if (n >= 8) {
		memcpy(out, in, 8);
		memcpy(out + n - 8, in + n - 8, 8);
	} else if (n >= 4) {
		memcpy(out, in, 4);
		memcpy(out + n - 4, in + n - 4, 4);
	} else {
		for (size_t i = 0; i < n; i++)
			out[i] = in[i];
	}
}

struct reply {
	unsigned flags; /* of the header: the second 16 bits */
	size_t n;       /* bytes without OPT */
};
/* ---- reply.c ---- */

/* Behind a question longer than the one that it was rendered for, everything stands later: see dns_writer. n: bytes that are used. */
void reply_raise_pointers(const struct answer *a, size_t n, unsigned by, char *body);
/* What of steered records is not as it was rendered. */
void reply_put_steered(const struct found *f, char *body);
/* With proofs, with a CNAME that a DNAME makes, or too long: the question is there. */
struct reply reply_write_rest(const struct dns_query *q, const struct found *f, struct str in, size_t n_opt, size_t limit,
                              char *out);

/* ---- shared by both ---- */

static inline unsigned reply_flags(const struct dns_query *q, const struct answer *a) {
	return DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | a->flags;
}

static inline void reply_put_counts(char *out, unsigned answer, unsigned authority, unsigned additional) {
	dns_put16(out + 4, 1);
	dns_put16(out + 6, answer);
	dns_put16(out + 8, authority);
	dns_put16(out + 10, additional);
}

static inline void reply_put_body(const struct answer *a, size_t n, unsigned n_name, char *body) {
	copy_short(body, a->bytes, n);
	if (a->base_n != n_name)
		reply_raise_pointers(a, n, n_name - a->base_n, body);
}

/* Header, question and answer, of at most `limit` bytes with the n_opt of an OPT record that the caller writes behind it (0: none; it is
 * counted here). `in` is the query. */
static inline struct reply reply_write(const struct dns_query *q, const struct found *f, struct str in, size_t n_opt,
                                       size_t limit, char *out) {
	const struct answer *a = f->answer;
	size_t question = DNS_HEADER_BYTES + q->name.n + 4u, n = question + a->n;
	copy_short(out, in.p, question);
	if (n + n_opt > limit || f->n_proofs > 0 || f->dname)
		return reply_write_rest(q, f, in, n_opt, limit, out);
	unsigned flags = reply_flags(q, a);
	dns_put16(out + 2, flags);
	reply_put_counts(out, a->counts[0], a->counts[1], a->counts[2] + (n_opt > 0));
	reply_put_body(a, a->n, q->name.n, out + question);
	if (f->ttl_s != UINT32_MAX)
		reply_put_steered(f, out + question);
	return (struct reply){ flags, n };
}

#endif
