/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making client maps: prefixes that lie in each other are cut into disjoint ones, several maps into one whose classes are combinations.
 * Whatever is put out goes through one place, which merges two halves of a network as soon as they are of the same class: there are
 * never more prefixes than answers need, and scopes are as short as they can be (RFC 7871 7.2.1, "deaggregate").
 */
#include "gslb/client_private.h"

#include "steerway/base/hash.h"
#include "steerway/base/mem.h"

struct entries {
	struct client_entry *items;
	size_t n, cap;
};
struct client_cut {
	struct entries family[2]; /* IPv4, IPv6 */
	uint32_t n_classes;
};

/* Is `b` the other half of the network whose first half is `a`? */
static bool are_halves(const struct client_entry *a, const struct client_entry *b) {
	return a->n_bits == b->n_bits && a->n_bits > 0 && (a->start ^ b->start) == (client_key)1 << (128 - a->n_bits);
}

static void put(struct client_cut *c, bool is_v6, client_key start, unsigned n_bits, uint32_t class) {
	struct entries *e = &c->family[is_v6];
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 64;
		e->items = mem_realloc_array(e->items, e->cap, sizeof(*e->items));
	}
	e->items[e->n++] = (struct client_entry){ .start = start, .class = class, .n_bits = (uint8_t)n_bits };
	c->n_classes = class >= c->n_classes ? class + 1 : c->n_classes;
	while (e->n > 1 && e->items[e->n - 2].class == class && are_halves(&e->items[e->n - 2], &e->items[e->n - 1])) {
		e->n--;
		e->items[e->n - 1].n_bits--;
	}
}

struct client_cut *client_cut_create(void) {
	return mem_zalloc(sizeof(struct client_cut));
}

void client_cut_add(struct client_cut *c, const struct client_net *net, uint32_t class) {
	put(c, net->is_v6, client_key_of(net), net->n_bits, class);
}

void client_cut_destroy(struct client_cut *c) {
	if (!c)
		return;
	mem_free(c->family[0].items);
	mem_free(c->family[1].items);
	mem_free(c);
}

struct client_map *client_cut_finish(struct client_cut *c) {
	struct client_map *m =
	    client_map_create(c->family[0].items, c->family[0].n, c->family[1].items, c->family[1].n, c->n_classes);
	client_cut_destroy(c);
	return m;
}

/* ---- overlapping prefixes ---- */

static int prefix_compare(const void *left, const void *right) {
	const struct client_prefix *a = left, *b = right;
	int order = client_net_compare(&a->net, &b->net);
	return order ? order : a->line < b->line ? -1 : a->line > b->line;
}

/* The first of the prefixes that is not in the lower half: they are sorted, and most networks hold few. */
static size_t lower_half(const struct client_prefix *p, size_t n, client_key upper) {
	size_t low = 0, step = 1;
	while (low + step <= n && client_key_of(&p[low + step - 1].net) < upper) {
		low += step;
		step *= 2;
	}
	size_t high = low + step <= n ? low + step - 1 : n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (client_key_of(&p[middle].net) < upper)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A network with the n sorted prefixes that lie in it; `class` is what holds where none of them does. At most 128 deep. Of those that
 * are the network itself the first one holds: the others are lines whose place it takes. */
static void cut(struct client_cut *c, bool is_v6, client_key start, unsigned n_bits, const struct client_prefix *p, size_t n,
                uint32_t class) {
	if (n > 0 && p->net.n_bits == n_bits)
		class = p->class;
	for (; n > 0 && p->net.n_bits == n_bits; n--)
		p++;
	if (n == 0) {
		put(c, is_v6, start, n_bits, class);
		return;
	}
	client_key upper = start | (client_key)1 << (127 - n_bits);
	size_t n_lower = lower_half(p, n, upper);
	cut(c, is_v6, start, n_bits + 1, p, n_lower, class);
	cut(c, is_v6, upper, n_bits + 1, p + n_lower, n - n_lower, class);
}

static bool are_sorted(const struct client_prefix *p, size_t n) {
	for (size_t i = 1; i < n; i++)
		if (prefix_compare(&p[i - 1], &p[i]) > 0)
			return false;
	return true;
}

struct client_map *client_map_cut(struct client_prefix *p, size_t n, uint32_t rest, const struct client_prefix **twice) {
	if (!are_sorted(p, n)) /* files mostly are */
		qsort(p, n, sizeof(*p), prefix_compare);
	size_t n_v4 = 0;
	for (size_t i = 0; i < n; i++) {
		n_v4 += !p[i].net.is_v6;
		if (i > 0 && p[i - 1].line > 0 && client_net_compare(&p[i - 1].net, &p[i].net) == 0) {
			*twice = &p[i];
			return NULL;
		}
	}
	struct client_cut *c = client_cut_create();
	c->n_classes = rest + 1;
	cut(c, false, 0, 0, p, n_v4, rest);
	cut(c, true, 0, 0, n > 0 ? p + n_v4 : p, n - n_v4, rest);
	return client_cut_finish(c);
}

/* ---- maps from maps ---- */

struct client_map *client_map_relabel(const struct client_map *m, const uint32_t *class_of) {
	struct client_cut *c = client_cut_create();
	for (unsigned is_v6 = 0; is_v6 < 2; is_v6++)
		for (size_t i = 0; i < (is_v6 ? m->v6.n : m->v4.n); i++) {
			struct client_entry e = client_map_entry(m, is_v6, i);
			put(c, is_v6, e.start, e.n_bits, class_of[e.class]);
		}
	return client_cut_finish(c);
}

/* Numbers for pairs of classes, in the order of their appearance. */
struct pairs {
	uint64_t *slots; /* pair + 1; 0: free */
	uint32_t *numbers;
	uint64_t *pairs; /* by number */
	size_t mask;
	uint32_t n;
};

static void pairs_grow(struct pairs *t) {
	struct pairs old = *t;
	t->mask = old.slots ? old.mask * 2 + 1 : 255;
	t->slots = mem_zalloc_array(t->mask + 1, sizeof(*t->slots));
	t->numbers = mem_zalloc_array(t->mask + 1, sizeof(*t->numbers));
	t->pairs = mem_realloc_array(t->pairs, t->mask / 2 + 1, sizeof(*t->pairs));
	for (uint32_t k = 0; k < t->n; k++) {
		size_t i = hash_mix(t->pairs[k]) & t->mask;
		while (t->slots[i] != 0)
			i = (i + 1) & t->mask;
		t->slots[i] = t->pairs[k] + 1;
		t->numbers[i] = k;
	}
	mem_free(old.slots);
	mem_free(old.numbers);
}

static uint32_t pairs_number(struct pairs *t, uint32_t a, uint32_t b) {
	uint64_t pair = (uint64_t)a << 32 | b;
	if (!t->slots || t->n > t->mask / 2)
		pairs_grow(t);
	size_t i = hash_mix(pair) & t->mask;
	while (t->slots[i] != 0 && t->slots[i] != pair + 1)
		i = (i + 1) & t->mask;
	if (t->slots[i] == 0) {
		t->slots[i] = pair + 1;
		t->pairs[t->n] = pair;
		t->numbers[i] = t->n++;
	}
	return t->numbers[i];
}

static void pairs_fini(struct pairs *t) {
	mem_free(t->slots);
	mem_free(t->numbers);
	mem_free(t->pairs);
}

/* Both are disjoint and cover everything: of two prefixes at a place one holds the other, and the shorter one goes on behind it. */
static void combine_family(struct client_cut *c, const struct client_map *a, const struct client_map *b, bool is_v6,
                           struct pairs *pairs) {
	size_t n_a = is_v6 ? a->v6.n : a->v4.n, n_b = is_v6 ? b->v6.n : b->v4.n;
	for (size_t i = 0, j = 0; i < n_a && j < n_b && pairs->n < CLIENT_CLASSES_MAX;) {
		struct client_entry x = client_map_entry(a, is_v6, i), y = client_map_entry(b, is_v6, j);
		client_key end_x = x.start | client_key_below(x.n_bits), end_y = y.start | client_key_below(y.n_bits);
		bool is_x = x.n_bits >= y.n_bits;
		put(c, is_v6, is_x ? x.start : y.start, is_x ? x.n_bits : y.n_bits, pairs_number(pairs, x.class, y.class));
		i += end_x <= end_y;
		j += end_y <= end_x;
	}
}

/* *tuples has n values for each class of `a`, and is replaced by one that has n + 1 for each of the result. */
static struct client_map *combine_two(const struct client_map *a, const struct client_map *b, unsigned n, uint32_t **tuples) {
	struct pairs pairs = { 0 };
	struct client_cut *c = client_cut_create();
	combine_family(c, a, b, false, &pairs);
	combine_family(c, a, b, true, &pairs);
	struct client_map *m = NULL;
	if (pairs.n < CLIENT_CLASSES_MAX)
		m = client_cut_finish(c);
	else
		client_cut_destroy(c);
	uint32_t *more = mem_zalloc_array((size_t)pairs.n * (n + 1), sizeof(*more));
	for (size_t k = 0; k < pairs.n; k++) {
		memcpy(&more[k * (n + 1)], &(*tuples)[(pairs.pairs[k] >> 32) * n], n * sizeof(*more));
		more[k * (n + 1) + n] = (uint32_t)pairs.pairs[k];
	}
	mem_free(*tuples);
	*tuples = more;
	pairs_fini(&pairs);
	return m;
}

struct client_map *client_map_combine(const struct client_map *const *maps, unsigned n, uint32_t **tuples) {
	uint32_t n_classes = maps[0]->n_classes;
	*tuples = mem_zalloc_array(n_classes, sizeof(**tuples));
	for (uint32_t i = 0; i < n_classes; i++)
		(*tuples)[i] = i;
	struct client_map *m = client_map_relabel(maps[0], *tuples);
	for (unsigned i = 1; i < n && m; i++) {
		struct client_map *more = combine_two(m, maps[i], i, tuples);
		client_map_destroy(m);
		m = more;
	}
	return m;
}
