/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVCB and HTTPS records (RFC 9460) whose target is a steered name: their address hints are those that the name answers with, and
 * are left out where it has none. Pure; what is made lives in the caller's arena.
 */
#include "gslb/zone.h"

enum { KEY_MANDATORY = 0, KEY_IPV4HINT = 4, KEY_IPV6HINT = 6 };
#define HINTS_MAX 16 /* of each family: they only spare a query */

static size_t name_bytes(const uint8_t *name) {
	size_t n = 0;
	while (name[n])
		n += name[n] + 1u;
	return n + 1;
}

static bool has_key(const uint8_t *p, const uint8_t *end, unsigned key) {
	for (; end - p >= 4; p += 4 + dns_get16(p + 2))
		if (dns_get16(p) == key)
			return true;
	return false;
}

/* The steered name that a record's hints are of; NULL: it has no hints, is an alias (RFC 9460 2.4.2), or leads elsewhere. */
static struct steered *record_follows(const struct zone *z, const struct node *owner, const struct rdata *d) {
	const uint8_t *target = d->bytes + 2, *params = target + name_bytes(target), *end = d->bytes + d->n;
	struct dns_name name;
	if (dns_get16(d->bytes) == 0 || !(has_key(params, end, KEY_IPV4HINT) || has_key(params, end, KEY_IPV6HINT)))
		return NULL;
	if (*target == 0) /* RFC 9460 2.5.2: the owner */
		return owner->steered;
	if (!dns_name_read(&name, str_slice((const char *)target, (size_t)(params - target))) || !zone_contains(z, &name))
		return NULL;
	const struct node *n = zone_find(z, &name, 0);
	return n ? n->steered : NULL;
}

unsigned service_slots(const struct zone *z, const struct node *n, struct steered **follows) {
	unsigned slots = 0;
	for (unsigned slot = SLOT_SVCB; slot <= SLOT_HTTPS; slot++) {
		const struct rrset *set = node_rrset(n, slot_type(slot));
		for (const struct rdata *d = set ? set->first : NULL; d; d = d->next) {
			struct steered *s = record_follows(z, n, d);
			if (s)
				slots |= 1u << slot;
			if (s && !*follows)
				*follows = s;
		}
	}
	return slots;
}

/* ---- with the hints of now ---- */

static uint8_t *put_param(uint8_t *to, unsigned key, const void *value, size_t n) {
	dns_put16(to, key);
	dns_put16(to + 2, (unsigned)n);
	memcpy(to + 4, value, n);
	return to + 4 + n;
}

static uint8_t *put_hints(uint8_t *to, unsigned key, const struct rrset *addresses) {
	uint8_t *value = to + 4;
	if (addresses->n == 0)
		return to;
	for (const struct rdata *d = addresses->first; d && value < to + 4 + HINTS_MAX * d->n; d = d->next) {
		memcpy(value, d->bytes, d->n);
		value += d->n;
	}
	dns_put16(to, key);
	dns_put16(to + 2, (unsigned)(value - to - 4));
	return value;
}

/* Keys that must be understood, without those of hints that are not there (RFC 9460 8). */
static uint8_t *put_mandatory(uint8_t *to, const uint8_t *param, const struct rrset addresses[2]) {
	unsigned n = dns_get16(param + 2), n_kept = 0;
	uint8_t kept[UINT8_MAX];
	for (unsigned i = 0; i + 2 <= n && n_kept + 2 <= sizeof(kept); i += 2) {
		unsigned key = dns_get16(param + 4 + i);
		if ((key == KEY_IPV4HINT && addresses[0].n == 0) || (key == KEY_IPV6HINT && addresses[1].n == 0))
			continue;
		dns_put16(kept + n_kept, key);
		n_kept += 2;
	}
	return n_kept > 0 ? put_param(to, KEY_MANDATORY, kept, n_kept) : to;
}

static struct rdata *record_now(const struct rdata *d, const struct rrset addresses[2], struct arena *arena) {
	struct rdata *out = arena_alloc(arena, sizeof(*out) + d->n + HINTS_MAX * (4 + 16));
	size_t fixed = 2 + name_bytes(d->bytes + 2);
	const uint8_t *end = d->bytes + d->n;
	uint8_t *to = out->bytes + fixed;
	memcpy(out->bytes, d->bytes, fixed);
	for (const uint8_t *p = d->bytes + fixed; end - p >= 4; p += 4 + dns_get16(p + 2)) {
		unsigned key = dns_get16(p);
		if (key == KEY_MANDATORY)
			to = put_mandatory(to, p, addresses);
		else if (key == KEY_IPV4HINT || key == KEY_IPV6HINT)
			to = put_hints(to, key, &addresses[key == KEY_IPV6HINT]);
		else
			to = put_param(to, key, p + 4, dns_get16(p + 2));
	}
	out->n = (uint16_t)(to - out->bytes);
	out->next = NULL;
	return out;
}

struct rrset service_rrset(const struct steered *s, const struct node *n, uint16_t type, const struct rrset addresses[2],
                           struct arena *arena) {
	static const struct rrset none[2];
	const struct rrset *from = node_rrset(n, type);
	struct rrset out = { .type = type, .ttl = from->ttl < s->cfg->ttl.max_s ? from->ttl : s->cfg->ttl.max_s };
	for (const struct rdata *d = from->first; d; d = d->next) {
		const struct steered *follows = record_follows(s->zone, n, d);
		/* Of another steered name than this one the addresses are not at hand: no hints are better than wrong ones. */
		struct rdata *now = follows ? record_now(d, follows == s ? addresses : none, arena) : NULL;
		if (!now) {
			now = arena_alloc(arena, sizeof(*now) + d->n);
			memcpy(now, d, sizeof(*now) + d->n);
			now->next = NULL;
		}
		*(out.last ? &out.last->next : &out.first) = now;
		out.last = now;
		out.n++;
	}
	return out;
}
