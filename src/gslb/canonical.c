/* SPDX-License-Identifier: BSD-2-Clause */
/* Canonical order of names and canonical form of data (RFC 4034 6). Pure. */
#include "gslb/dnssec.h"

/* ---- order ---- */

struct labels {
	uint8_t at[DNS_LABELS_MAX + 1];
	unsigned n;
};

static void labels_find(struct labels *l, const uint8_t *wire) {
	l->n = 0;
	for (unsigned at = 0; wire[at]; at += wire[at] + 1u)
		l->at[l->n++] = (uint8_t)at;
}

int canonical_compare(const struct node *a, const struct node *b) {
	struct labels la, lb;
	labels_find(&la, a->name);
	labels_find(&lb, b->name);
	for (unsigned i = 1; i <= la.n && i <= lb.n; i++) {
		const uint8_t *pa = a->name + la.at[la.n - i], *pb = b->name + lb.at[lb.n - i];
		size_t n = *pa < *pb ? *pa : *pb;
		int order = memcmp(pa + 1, pb + 1, n);
		if (order == 0)
			order = *pa - *pb;
		if (order != 0)
			return order;
	}
	return (int)la.n - (int)lb.n;
}

/* ---- data ---- */

/* Where names stand in the data of a type: behind `skip` bytes and `strings` character strings, `names` of them. NSEC is none of
 * these: RFC 6840 5.1 took it away, and HINFO, listed by mistake, has no names. */
static const struct {
	uint16_t type;
	uint8_t skip, strings, names;
} forms[] = {
	{ 2, 0, 0, 1 },   /* NS */
	{ 3, 0, 0, 1 },   /* MD */
	{ 4, 0, 0, 1 },   /* MF */
	{ 5, 0, 0, 1 },   /* CNAME */
	{ 6, 0, 0, 2 },   /* SOA */
	{ 7, 0, 0, 1 },   /* MB */
	{ 8, 0, 0, 1 },   /* MG */
	{ 9, 0, 0, 1 },   /* MR */
	{ 12, 0, 0, 1 },  /* PTR */
	{ 14, 0, 0, 2 },  /* MINFO */
	{ 15, 2, 0, 1 },  /* MX */
	{ 17, 0, 0, 2 },  /* RP */
	{ 18, 2, 0, 1 },  /* AFSDB */
	{ 21, 2, 0, 1 },  /* RT */
	{ 24, 18, 0, 1 }, /* SIG */
	{ 26, 2, 0, 2 },  /* PX */
	{ 30, 0, 0, 1 },  /* NXT */
	{ 33, 6, 0, 1 },  /* SRV */
	{ 35, 4, 3, 1 },  /* NAPTR */
	{ 36, 2, 0, 1 },  /* KX */
	{ 39, 0, 0, 1 },  /* DNAME */
	{ 46, 18, 0, 1 }, /* RRSIG */
};

/* Behind the name in lower case; `n` when the data ends in it. */
static size_t name_lower(uint8_t *p, size_t at, size_t n) {
	while (at < n && p[at] != 0) {
		size_t end = at + p[at] + 1u;
		for (at++; at < end && at < n; at++)
			if (p[at] >= 'A' && p[at] <= 'Z')
				p[at] |= 0x20;
	}
	return at + 1;
}

static int form_of(uint16_t type) {
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (forms[i].type == type)
			return (int)i;
	return -1;
}

void canonical_rdata(uint16_t type, uint8_t *rdata, size_t n) {
	int form = form_of(type);
	if (form < 0)
		return;
	size_t at = forms[form].skip;
	for (unsigned j = 0; j < forms[form].strings && at < n; j++)
		at += rdata[at] + 1u;
	for (unsigned j = 0; j < forms[form].names && at < n; j++)
		at = name_lower(rdata, at, n);
}

static bool is_same(uint16_t type, const struct rdata *a, const struct rdata *b) {
	uint8_t pair[2][DNS_NAME_MAX * 2 + 1024];
	if (a->n != b->n || a->n > sizeof(pair[0]))
		return false;
	memcpy(pair[0], a->bytes, a->n);
	memcpy(pair[1], b->bytes, b->n);
	canonical_rdata(type, pair[0], a->n);
	canonical_rdata(type, pair[1], b->n);
	return memcmp(pair[0], pair[1], a->n) == 0;
}

void canonical_unique(struct rrset *set) {
	if (set->n < 2 || form_of(set->type) < 0)
		return;
	for (struct rdata *d = set->first; d; d = d->next)
		for (struct rdata **it = &d->next; *it;) {
			if (!is_same(set->type, d, *it)) {
				it = &(*it)->next;
				continue;
			}
			*it = (*it)->next;
			set->n--;
		}
	for (set->last = set->first; set->last->next;)
		set->last = set->last->next;
}
