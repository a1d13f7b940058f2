/* SPDX-License-Identifier: BSD-2-Clause */
/* A reply's bytes: the question as it came, and the answer that was rendered beforehand behind it. */
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

/* Behind a question longer than the one that the answer was rendered for, everything stands later: see dns_writer. */
static void raise_pointers(const struct answer *a, size_t n, unsigned by, char *body) {
	for (unsigned i = 0; i < a->n_pointers && a->pointers[i] < n; i++)
		dns_put16(body + a->pointers[i], dns_get16(body + a->pointers[i]) + by);
}

size_t reply_write(const struct dns_query *q, const struct found *found, struct str in, size_t n_opt, size_t limit, char *out,
                   unsigned *flags) {
	const struct answer *a = found->answer;
	size_t question = DNS_HEADER_BYTES + q->name.n + 4u, n = a->n;
	const uint8_t *counts = a->counts[n_opt > 0];
	*flags = DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)) | a->flags;
	if (question + n + n_opt > limit) {
		n = a->n_bare;
		counts = a->counts_bare[n_opt > 0];
		if (question + n + n_opt > limit) { /* RFC 2181 9: no half RRset; the client asks again over TCP */
			n = 0;
			counts = answer_refused.counts[n_opt > 0];
			*flags |= DNS_FLAG_TC;
		}
	}
	copy(out, in.p, question);
	dns_put16(out + 2, *flags);
	memcpy(out + 4, counts, 8);
	if (n > 0) {
		copy(out + question, a->bytes, n);
		if (a->base_n != q->name.n)
			raise_pointers(a, n, q->name.n - a->base_n, out + question);
	}
	return question + n;
}
