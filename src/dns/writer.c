/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the body of a reply at load time. What does not fit makes the writer full, once and for good: the caller looks at the
 * end. Compression searches all places written before; load time can afford that, and an answer has few names.
 */
#include "steerway/dns.h"

/* A pointer has 14 bits; raised by up to a whole name (see dns.h) it must still fit. */
#define POINTER_MAX (0x3fff - DNS_NAME_MAX)

static uint8_t lower(uint8_t c) {
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static uint8_t *take(struct dns_writer *w, size_t n) {
	if (w->is_full || DNS_MESSAGE_MAX - w->n < n) {
		w->is_full = true;
		return NULL;
	}
	w->n += n;
	return w->message + w->n - n;
}

/* Is the name at `at` of the message (through pointers) the wire name `name`? ASCII case is ignored (RFC 4343). */
static bool name_is_at(const struct dns_writer *w, size_t at, const uint8_t *name) {
	for (;;) {
		while ((w->message[at] & 0xc0) == 0xc0)
			at = dns_get16(w->message + at) & 0x3fff;
		unsigned length = *name;
		if (w->message[at] != length)
			return false;
		if (length == 0)
			return true;
		for (unsigned i = 1; i <= length; i++)
			if (lower(w->message[at + i]) != lower(name[i]))
				return false;
		at += length + 1;
		name += length + 1;
	}
}

static size_t name_search(const struct dns_writer *w, const uint8_t *name) {
	for (unsigned i = 0; i < w->n_names; i++)
		if (name_is_at(w, w->name_at[i], name))
			return w->name_at[i];
	return 0;
}

static void name_remember(struct dns_writer *w, size_t at) {
	if (at <= POINTER_MAX && w->n_names < DNS_WRITER_NAMES && !w->is_fragment)
		w->name_at[w->n_names++] = (uint16_t)at;
}

static void write_name(struct dns_writer *w, const uint8_t *name, bool compress) {
	/* A name's own places are remembered only when it is whole: until then they end in bytes that are not written. */
	size_t places[DNS_LABELS_MAX];
	unsigned n_places = 0;
	for (; *name; name += *name + 1) {
		size_t at = compress && w->n_pointers < DNS_WRITER_POINTERS ? name_search(w, name) : 0;
		if (at) {
			uint8_t *to = take(w, 2);
			if (!to)
				return;
			dns_put16(to, 0xc000 | (unsigned)at);
			w->pointers[w->n_pointers++] = (uint16_t)(w->n - 2 - w->body);
			break;
		}
		uint8_t *to = take(w, *name + 1u);
		if (!to)
			return;
		places[n_places++] = w->n - *name - 1u;
		memcpy(to, name, *name + 1u);
	}
	if (!*name) {
		uint8_t *to = take(w, 1);
		if (!to)
			return;
		*to = 0;
	}
	for (unsigned i = 0; i < n_places; i++)
		name_remember(w, places[i]);
}

void dns_write_begin(struct dns_writer *w, struct str base) {
	w->is_full = w->is_fragment = false;
	w->n_names = w->n_pointers = 0;
	memset(w->message, 0, DNS_HEADER_BYTES);
	w->n = DNS_HEADER_BYTES;
	memcpy(w->message + w->n, base.p, base.n);
	for (size_t at = w->n; w->message[at]; at += w->message[at] + 1u)
		name_remember(w, at);
	w->n += base.n;
	memset(w->message + w->n, 0, 4); /* type and class: not part of the body */
	w->n += 4;
	w->body = w->n;
}

static size_t name_bytes(const uint8_t *name) {
	size_t n = 0;
	while (name[n])
		n += name[n] + 1u;
	return n + 1;
}

/* RDATA of the types of RFC 1035 that hold names: fixed bytes, then names, then fixed bytes. */
static void write_rdata(struct dns_writer *w, uint16_t type, struct str rdata) {
	const struct dns_type_row *row = dns_type_find(type);
	const uint8_t *p = (const uint8_t *)rdata.p, *end = p + rdata.n;
	if (row && row->compress) {
		if (row->target > 0) { /* what stands before the name */
			uint8_t *to = take(w, (size_t)row->target);
			if (!to)
				return;
			memcpy(to, p, (size_t)row->target);
			p += row->target;
		}
		for (int n_names = type == DNS_TYPE_SOA ? 2 : 1; n_names > 0; n_names--) {
			write_name(w, p, true);
			p += name_bytes(p);
		}
	}
	uint8_t *to = take(w, (size_t)(end - p));
	if (to && end > p)
		memcpy(to, p, (size_t)(end - p));
}

void dns_write_record(struct dns_writer *w, struct str owner, uint16_t type, uint32_t ttl, struct str rdata) {
	if (owner.n > 0) {
		write_name(w, (const uint8_t *)owner.p, true);
	} else {
		uint8_t *to = take(w, 2);
		if (to)
			dns_put16(to, 0xc000 | DNS_HEADER_BYTES);
	}
	uint8_t *fixed = take(w, 10);
	if (!fixed)
		return;
	w->fixed = w->n - 10;
	dns_put16(fixed, type);
	dns_put16(fixed + 2, DNS_CLASS_IN);
	dns_put32(fixed + 4, ttl);
	size_t start = w->n;
	write_rdata(w, type, rdata);
	dns_put16(fixed + 8, (unsigned)(w->n - start));
}
