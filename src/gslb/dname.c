/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNAME (RFC 6672): names below its owner stand below its target instead. The record itself is rendered beforehand; the CNAME that
 * tells a resolver without DNAME the new name depends on the question, and is written behind it. The resolver follows the target.
 */
#include "gslb/zone.h"

#define CNAME_HEAD_BYTES 12 /* owner (a pointer to the question), type, class, TTL, length */

const struct dname *dname_create(const struct node *owner, const struct rrset *set, struct arena *arena) {
	const struct rdata *target = set->first;
	struct dname *d = arena_alloc(arena, sizeof(*d) + target->n);
	d->ttl = set->ttl;
	d->n_owner = owner->n_name;
	d->n_target = (uint8_t)target->n;
	memcpy(d->target, target->bytes, target->n);
	return d;
}

/* Labels of the question's name before the owner, then the target (RFC 6672 2.2). */
static size_t new_name_bytes(const struct dname *d, const struct dns_query *q) {
	return (size_t)q->name.n - d->n_owner + d->n_target;
}

size_t dname_cname_bytes(const struct dname *d, const struct dns_query *q) {
	size_t n = new_name_bytes(d, q);
	return n <= DNS_NAME_MAX ? CNAME_HEAD_BYTES + n : 0;
}

void dname_cname_put(const struct dname *d, const struct dns_query *q, struct str in, char *to) {
	size_t before = (size_t)q->name.n - d->n_owner;
	dns_put16(to, 0xc000 | DNS_HEADER_BYTES);
	dns_put16(to + 2, DNS_TYPE_CNAME);
	dns_put16(to + 4, DNS_CLASS_IN);
	dns_put32(to + 6, d->ttl); /* RFC 6672 3.1 */
	dns_put16(to + 10, (unsigned)new_name_bytes(d, q));
	memcpy(to + CNAME_HEAD_BYTES, in.p + DNS_HEADER_BYTES, before); /* in the case in which it was asked */
	memcpy(to + CNAME_HEAD_BYTES + before, d->target, d->n_target);
}
