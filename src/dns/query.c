/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The query parser: reads as RFC 1035 4.1 and RFC 6891 6.1 do, from the top down, and each way out is the response code to
 * answer with. Writes only into the struct that it is lent; every byte of the message is checked to be there before it is read.
 */
#include "dns/edns.h"
#include "dns/name.h"

/* The question's name, lower-cased and hashed by words; its length, 0 when it is malformed. The header stands before it and type and
 * class behind, but what is read stays within the name's own words, and before. */
static size_t parse_name(struct dns_query *q, const uint8_t *p, size_t limit) {
	size_t n = name_walk(&q->name, p, limit);
	if (n == 0)
		return 0;
	uint64_t h = n;
	uint8_t *to = q->name.wire;
	size_t i = 0;
	for (; i + 16 <= n; i += 16) {
		bytes16_lower(to + i, p + i);
		h = word_hash(word_hash(h, word_load(to + i)), word_load(to + i + 8));
	}
	if (i + 8 <= n) {
		uint64_t w = word_lower(word_load(p + i));
		memcpy(to + i, &w, sizeof(w));
		h = word_hash(h, w);
		i += 8;
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

/* Everything behind the question: only an OPT record means something; the end of the last record is the end of the message. False: it is
 * malformed. */
static bool parse_records(struct dns_query *q, const uint8_t *p, size_t left, unsigned n_records, unsigned n_additional) {
	for (; n_records > 0; n_records--) {
		size_t owner = left > 0 && *p == 0 ? 1 : skip_owner(p, left); /* mostly it is OPT's, the root */
		if (owner == 0 || left - owner < 10)
			return false;
		const uint8_t *fixed = p + owner;
		size_t n_rdata = dns_get16(fixed + 8);
		if (left - owner - 10 < n_rdata)
			return false;
		if (dns_get16(fixed) == DNS_TYPE_OPT) {
			if (q->has_edns || owner != 1 || n_records > n_additional)
				return false;
			q->has_edns = true;
			q->udp_bytes = dns_get16(fixed + 2);
			q->version = fixed[5];
			q->wants_dnssec = fixed[6] & 0x80;
			/* Of another version not even the form of options is known (RFC 6891 6.1.3). */
			if (n_rdata > 0 && q->version == 0 && !edns_options_parse(q, fixed + 10, n_rdata))
				return false;
		}
		p = fixed + 10 + n_rdata;
		left -= owner + 10 + n_rdata;
	}
	return left == 0;
}

/* The question and where it ends; false when there is no whole one. */
static bool parse_question(struct dns_query *q, const uint8_t *p, size_t left, size_t *n_question) {
	size_t n = parse_name(q, p, left);
	if (n == 0 || left - n < 4)
		return false;
	q->type = dns_get16(p + n);
	q->class = dns_get16(p + n + 2);
	q->has_question = true;
	*n_question = n + 4;
	return true;
}

/* Other kinds of message have other rules for their sections: they are only echoed as far as they look like a query. */
static enum dns_rcode malformed(const struct dns_query *q) {
	return q->flags & DNS_OPCODE_MASK ? DNS_NOTIMP : DNS_FORMERR;
}

enum dns_rcode dns_query_parse(struct dns_query *q, struct str in) {
	const uint8_t *p = (const uint8_t *)in.p;
	if (in.n < DNS_HEADER_BYTES)
		return DNS_SILENCE;
	q->id = dns_get16(p);
	q->flags = dns_get16(p + 2);
	q->hash = 0;
	q->udp_bytes = 0;
	q->has_question = q->has_edns = q->has_options = q->wants_dnssec = q->wants_nsid = false;
	q->version = q->keepalive = q->n_cookie = q->n_ecs = 0;
	if (q->flags & DNS_FLAG_QR)
		return DNS_SILENCE;
	size_t n_question = 0, left = in.n - DNS_HEADER_BYTES;
	unsigned n_questions = dns_get16(p + 4), n_additional = dns_get16(p + 10);
	unsigned n_records = n_additional + dns_get16(p + 6) + dns_get16(p + 8);
	p += DNS_HEADER_BYTES;
	if (n_questions > 1 || (n_questions == 1 && !parse_question(q, p, left, &n_question)))
		return malformed(q);
	left -= n_question;
	if (n_records > 0 ? !parse_records(q, p + n_question, left, n_records, n_additional) : left > 0)
		return malformed(q);
	if (q->flags & DNS_OPCODE_MASK)
		return DNS_NOTIMP;
	if (q->version != 0)
		return DNS_BADVERS;
	return n_questions == 1 || q->n_cookie > 0 ? DNS_NOERROR : DNS_FORMERR;
}
