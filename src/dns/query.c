/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The query parser: reads as RFC 1035 4.1 and RFC 6891 6.1 do, from the top down, and each way out is the response code to
 * answer with. Writes only into the struct that it is lent; every byte of the message is checked to be there before it is read.
 */
#include "dns/name.h"

/* The question's name, lower-cased and hashed by words; its length, 0 when it is malformed. */
static size_t parse_name(struct dns_query *q, const uint8_t *p, size_t limit) {
	size_t n = name_walk(&q->name, p, limit);
	if (n == 0)
		return 0;
	uint64_t h = n;
	uint8_t *to = q->name.wire;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64_t w = word_lower(word_load(p + i));
		memcpy(to + i, &w, sizeof(w));
		h = word_hash(h, w);
	}
	if (i < n) {
		/* The last 1-7 bytes, read as the end of a whole word (the header stands before), so as not to read beyond. */
		uint64_t w = word_lower(word_tail(word_load(p + n - 8), n - i));
		memcpy(to + i, &w, sizeof(w));
		h = word_hash(h, w);
		i += 8;
	}
	memset(to + i, 0, 8);
	q->hash = h;
	return n;
}

/* The options of an OPT record fill its data exactly (RFC 6891 6.1.2). None of them is used yet. */
static bool options_are_whole(const uint8_t *p, size_t n) {
	while (n > 0) {
		if (n < 4 || n - 4 < dns_get16(p + 2))
			return false;
		size_t option = 4u + dns_get16(p + 2);
		p += option;
		n -= option;
	}
	return true;
}

/* Length of a record's owner, which may end in a pointer; 0 when it is malformed. The name itself is of no interest. */
static size_t skip_owner(const uint8_t *p, size_t left) {
	size_t at = 0;
	while (at < left && at < DNS_NAME_MAX) {
		if (p[at] == 0)
			return at + 1;
		if ((p[at] & 0xc0) == 0xc0)
			return at + 2 <= left ? at + 2 : 0;
		if (p[at] > DNS_LABEL_MAX)
			return 0;
		at += p[at] + 1u;
	}
	return 0;
}

/* Everything behind the question: only an OPT record means something; the end of the last record is the end of the message. */
static enum dns_rcode parse_records(struct dns_query *q, const uint8_t *p, size_t left, unsigned n_records, unsigned n_additional,
                                    unsigned *version) {
	for (; n_records > 0; n_records--) {
		size_t owner = skip_owner(p, left);
		if (owner == 0 || left - owner < 10)
			return DNS_FORMERR;
		const uint8_t *fixed = p + owner;
		size_t n_rdata = dns_get16(fixed + 8);
		if (left - owner - 10 < n_rdata)
			return DNS_FORMERR;
		if (dns_get16(fixed) == DNS_TYPE_OPT) {
			if (q->has_edns || owner != 1 || n_records > n_additional || !options_are_whole(fixed + 10, n_rdata))
				return DNS_FORMERR;
			q->has_edns = true;
			q->udp_bytes = dns_get16(fixed + 2);
			*version = fixed[5];
			q->wants_dnssec = fixed[6] & 0x80;
		}
		p = fixed + 10 + n_rdata;
		left -= owner + 10 + n_rdata;
	}
	return left == 0 ? DNS_NOERROR : DNS_FORMERR;
}

enum dns_rcode dns_query_parse(struct dns_query *q, struct str in) {
	const uint8_t *p = (const uint8_t *)in.p;
	if (in.n < DNS_HEADER_BYTES)
		return DNS_SILENCE;
	q->id = dns_get16(p);
	q->flags = dns_get16(p + 2);
	q->udp_bytes = 0;
	q->has_question = q->has_edns = q->wants_dnssec = false;
	if (q->flags & DNS_FLAG_QR)
		return DNS_SILENCE;
	/* Other kinds of message have other rules for their sections: they are only echoed as far as they look like a query. */
	enum dns_rcode malformed = q->flags & DNS_OPCODE_MASK ? DNS_NOTIMP : DNS_FORMERR;
	if (dns_get16(p + 4) != 1)
		return malformed;
	size_t n = parse_name(q, p + DNS_HEADER_BYTES, in.n - DNS_HEADER_BYTES);
	if (n == 0 || in.n - DNS_HEADER_BYTES - n < 4)
		return malformed;
	const uint8_t *fixed = p + DNS_HEADER_BYTES + n;
	q->type = dns_get16(fixed);
	q->class = dns_get16(fixed + 2);
	q->has_question = true;
	unsigned n_additional = dns_get16(p + 10), version = 0;
	unsigned n_records = n_additional + dns_get16(p + 6) + dns_get16(p + 8);
	if (parse_records(q, fixed + 4, in.n - DNS_HEADER_BYTES - n - 4, n_records, n_additional, &version) != DNS_NOERROR)
		return malformed;
	if (q->flags & DNS_OPCODE_MASK)
		return DNS_NOTIMP;
	return version == 0 ? DNS_NOERROR : DNS_BADVERS;
}
