/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chain of a zone: its names in canonical order (or their hashes in theirs), a record for each, and an index by which a query
 * finds the record that covers its name in some dozen comparisons of numbers. What queries read is in the zone's arena of what is
 * served; the records are the load's.
 */
#include "gslb/dnssec.h"

/* ---- on a query ---- */

/* The first 8 bytes of a label as a number that orders as they do. Label and name are padded: see dns_name. */
static inline uint64_t label_key(const uint8_t *label) {
	uint64_t key;
	memcpy(&key, label + 1, sizeof(key));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	key = __builtin_bswap64(key);
#endif
	return *label >= 8 ? key : *label == 0 ? 0 : key & ~UINT64_C(0) << (64 - 8 * *label);
}

static int label_compare(const uint8_t *a, const uint8_t *b) {
	int order = memcmp(a + 1, b + 1, *a < *b ? *a : *b);
	return order ? order : *a - *b;
}

/* The number of keys below `key`, without a branch that could be guessed wrong. */
static inline uint32_t keys_below(const uint64_t *keys, uint32_t n, uint64_t key) {
	const uint64_t *at = keys;
	while (n > 1) {
		uint32_t half = n / 2;
		at = at[half - 1] < key ? at + half : at;
		n -= half;
	}
	return (uint32_t)(at - keys) + (n == 1 && *at < key);
}

/* The first of the children from `at` on that is not below the label, whose key they share: a million of "customer-000001" may do so. */
static __attribute__((noinline)) uint32_t above_kin(const struct denial *d, uint32_t at, uint32_t end, uint64_t key,
                                                    const uint8_t *label) {
	uint32_t high = key < UINT64_MAX ? at + keys_below(d->keys + at, end - at, key + 1) : end;
	while (at < high) {
		uint32_t middle = at + (high - at) / 2;
		if (label_compare(d->labels + d->label_at[middle], label) < 0)
			at = middle + 1;
		else
			high = middle;
	}
	return at;
}

static uint32_t cover_by_name(const struct denial *d, const struct place *p, const uint8_t *label) {
	uint64_t key = label_key(label);
	uint32_t at = p->child + keys_below(d->keys + p->child, p->n_children, key), end = p->child + p->n_children;
	if (at < end && d->keys[at] == key)
		at = above_kin(d, at, end, key, label);
	return at == p->child ? p->match : d->last[at - 1];
}

/* Equal first 64 bits without equal hashes would take a search of 2^64 steps for each zone. Not in line: a search by name would pay for
 * its registers. */
static __attribute__((noinline)) uint32_t cover_by_hash(const struct denial *d, const uint8_t *name, size_t n) {
	uint8_t hash[20];
	nsec3_hash(hash, name, n);
	uint64_t key = dns_get64(hash);
	uint32_t at = d->starts[d->shift < 64 ? key >> d->shift : 0];
	while (at < d->n && d->keys[at] <= key)
		at++;
	return at == 0 ? d->n - 1 : at - 1;
}

uint32_t denial_cover(const struct denial *d, uint32_t place, const struct dns_name *name, unsigned below) {
	const uint8_t *label = name->wire + name->label_at[below];
	if (!d->is_nsec3)
		return cover_by_name(d, &d->places[place], label);
	return cover_by_hash(d, label, name->n - name->label_at[below]);
}

/* ---- names in order ---- */

bool denial_has(const struct node *n) {
	for (const struct node *p = n->parent; p; p = p->parent)
		if (p->is_cut || p->is_hidden)
			return false;
	return !n->is_hidden || n->is_cut;
}

/* NSEC has no record of names that have none themselves (RFC 4034 4: it would have to be signed). */
static bool is_empty(const struct node *n) {
	return !n->sets && !n->steered;
}

struct ordered {
	uint64_t key; /* of the label below the apex: decides most comparisons */
	struct node *node;
};
struct order {
	struct ordered *items;
	uint32_t n;
};

static int ordered_compare(const void *a, const void *b) {
	const struct ordered *oa = a, *ob = b;
	if (oa->key != ob->key)
		return oa->key < ob->key ? -1 : 1;
	return canonical_compare(oa->node, ob->node);
}

static uint64_t order_key(const struct zone *z, const struct node *n) {
	const uint8_t *label = n->name;
	for (unsigned i = n->n_labels - z->apex->n_labels; i > 1; i--)
		label += *label + 1u;
	return n == z->apex ? 0 : label_key(label);
}

static void order_make(struct order *o, struct zone *z) {
	uint32_t cap = 0;
	for (const struct node *n = z->first; n; n = n->next)
		cap++;
	o->items = mem_zalloc_array(cap, sizeof(*o->items));
	o->n = 0;
	for (struct node *n = z->first; n; n = n->next)
		if (denial_has(n))
			o->items[o->n++] = (struct ordered){ order_key(z, n), n };
	qsort(o->items, o->n, sizeof(*o->items), ordered_compare);
	for (uint32_t i = 0; i < o->n; i++)
		o->items[i].node->place = i;
}

static size_t node_types(uint16_t types[NSEC_TYPES_MAX], const struct node *n, bool is_nsec3) {
	bool is_steered = n->steered != NULL;
	return nsec_types(types, n, is_steered && nsec_has_address(n->steered, false),
	                  is_steered && nsec_has_address(n->steered, true), is_nsec3);
}

/* ---- NSEC ---- */

static void nsec_records(struct denial *d, struct zone *z, const struct order *o) {
	d->proofs = arena_alloc(&z->load, o->n * sizeof(*d->proofs));
	struct node **nodes = mem_zalloc_array(o->n, sizeof(struct node *));
	for (uint32_t i = 0; i < o->n; i++) {
		struct node *n = o->items[i].node;
		if (!is_empty(n))
			nodes[d->n++] = n;
		d->places[i].match = d->n - 1; /* the apex comes first, and has an SOA record */
	}
	for (uint32_t i = 0; i < d->n; i++) {
		uint16_t types[NSEC_TYPES_MAX];
		size_t n_types = node_types(types, nodes[i], false);
		struct rrset *s =
		    nsec_rrset(node_name(nodes[i + 1 < d->n ? i + 1 : 0]), types, n_types, z->negative_ttl, &z->load);
		s->line = nodes[i]->line;
		d->proofs[i] = (struct proof){ sign_owner_of(nodes[i]), s };
		struct rrset **last = &nodes[i]->sets;
		while (*last)
			last = &(*last)->next;
		*last = s;
	}
	mem_free(nodes);
}

/* Children stand together by their parent, in order; `o` is in the order of a walk from the top down. */
static void nsec_children(struct denial *d, struct zone *z, const struct order *o) {
	uint32_t *last = mem_zalloc_array(o->n, sizeof(*last)), next = 0;
	size_t bytes = 0;
	for (uint32_t i = o->n; i-- > 1;) {
		const struct node *n = o->items[i].node;
		uint32_t *above = &last[n->parent->place];
		last[i] = last[i] > d->places[i].match ? last[i] : d->places[i].match;
		*above = *above > last[i] ? *above : last[i];
		d->places[n->parent->place].n_children++;
		bytes += n->name[0] + 1u;
	}
	for (uint32_t i = 0; i < o->n; i++) {
		d->places[i].child = next;
		next += d->places[i].n_children;
		d->places[i].n_children = 0;
	}
	d->keys = arena_alloc(&z->arena, o->n * sizeof(*d->keys));
	d->last = arena_alloc(&z->arena, o->n * sizeof(*d->last));
	d->label_at = arena_alloc(&z->arena, o->n * sizeof(*d->label_at));
	d->labels = arena_alloc(&z->arena, bytes);
	bytes = 0;
	for (uint32_t i = 1; i < o->n; i++) {
		const struct node *n = o->items[i].node;
		struct place *above = &d->places[n->parent->place];
		uint32_t at = above->child + above->n_children++;
		d->keys[at] = label_key(n->name);
		d->last[at] = last[i];
		d->label_at[at] = (uint32_t)bytes;
		memcpy(d->labels + bytes, n->name, n->name[0] + 1u);
		bytes += n->name[0] + 1u;
	}
	mem_free(last);
}

/* ---- NSEC3 ---- */

struct hashed {
	uint8_t hash[20];
	struct node *node;
};

static int hashed_compare(const void *a, const void *b) {
	return memcmp(a, b, 20);
}

/* As many parts as hashes, or up to twice as many: one or two of them are looked at. */
static void nsec3_starts(struct denial *d, struct zone *z) {
	unsigned bits = 0;
	while (bits < 31 && UINT32_C(1) << bits < d->n)
		bits++;
	d->shift = 64 - bits;
	uint32_t n = UINT32_C(1) << bits;
	d->starts = arena_alloc(&z->arena, n * sizeof(*d->starts));
	for (uint32_t part = 0, at = 0; part < n; part++) {
		while (at < d->n && bits > 0 && d->keys[at] >> d->shift < part)
			at++;
		d->starts[part] = at;
	}
}

static void nsec3_records(struct denial *d, struct zone *z, const struct order *o) {
	struct hashed *h = mem_zalloc_array(o->n, sizeof(*h));
	d->n = o->n;
	for (uint32_t i = 0; i < o->n; i++) {
		h[i].node = o->items[i].node;
		nsec3_hash(h[i].hash, h[i].node->name, h[i].node->n_name);
	}
	qsort(h, d->n, sizeof(*h), hashed_compare);
	d->proofs = arena_alloc(&z->load, d->n * sizeof(*d->proofs));
	d->keys = arena_alloc(&z->arena, d->n * sizeof(*d->keys));
	for (uint32_t i = 0; i < d->n; i++) {
		uint16_t types[NSEC_TYPES_MAX];
		size_t n_types = node_types(types, h[i].node, true);
		struct sign_owner owner = { nsec3_name(arena_alloc(&z->load, NSEC3_NAME_BYTES(z)), h[i].hash, z),
			                    z->apex->n_labels + 1u };
		d->proofs[i] = (struct proof){ owner, nsec3_rrset(h[i + 1 < d->n ? i + 1 : 0].hash, types, n_types,
			                                          z->negative_ttl, &z->load) };
		d->keys[i] = dns_get64(h[i].hash);
		d->places[h[i].node->place].match = i;
	}
	mem_free(h);
	nsec3_starts(d, z);
}

/* ---- both ---- */

static void find_wildcards(struct denial *d, const struct order *o) {
	for (uint32_t i = 0; i < o->n; i++) {
		const struct node *n = o->items[i].node;
		uint8_t wire[DNS_NAME_MAX + 2] = { 1, '*' };
		struct dns_name name;
		memcpy(wire + 2, n->name, n->n_name);
		if (n->wildcard)
			d->places[i].no_wildcard = denial_match(d, n->wildcard);
		else if (dns_name_read(&name, str_slice((const char *)wire, n->n_name + 2u)))
			d->places[i].no_wildcard = denial_cover(d, i, &name, 0);
		/* Else no name is short enough to stand below it. */
	}
}

struct denial *denial_create(struct zone *z, bool is_nsec3) {
	struct denial *d = arena_zalloc(&z->arena, sizeof(*d));
	struct order o;
	order_make(&o, z);
	d->is_nsec3 = is_nsec3;
	d->places = arena_zalloc(&z->arena, o.n * sizeof(*d->places));
	if (is_nsec3) {
		nsec3_records(d, z, &o);
	} else {
		nsec_records(d, z, &o);
		nsec_children(d, z, &o);
	}
	find_wildcards(d, &o);
	d->fragments = arena_zalloc(&z->arena, d->n * sizeof(struct answer *));
	mem_free(o.items);
	return d;
}
