/* SPDX-License-Identifier: BSD-2-Clause */
/* Client maps against the plainest possible matcher, with random prefixes; what a scope promises; maps made of maps. */
#include "gslb/client_private.h"

#include "steerway/base/mem.h"
#include "steerway/base/rand.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define REST 7

static struct client_net net_of(const char *text) {
	struct addr_net n;
	assert_true(addr_net_parse(&n, str_from(text)));
	return client_net_of(&n.address, n.bits);
}

/* The first `bits` of a network alone. */
static struct client_net cut_to(struct client_net c, unsigned bits) {
	c.n_bits = (uint8_t)bits;
	c.high &= bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
	c.low &= bits <= 64 ? 0 : bits >= 128 ? UINT64_MAX : ~(UINT64_MAX >> (bits - 64));
	return c;
}
static bool holds(const struct client_net *prefix, const struct client_net *c) {
	struct client_net head = cut_to(*c, prefix->n_bits);
	return prefix->is_v6 == c->is_v6 && prefix->high == head.high && prefix->low == head.low;
}

/* Few different high bits, so that prefixes lie in each other; some in the last bits of IPv6. */
static struct client_net random_net(struct rand *r, unsigned bits_min) {
	struct client_net c = { .is_v6 = rand_below(r, 2) };
	c.high = (rand_next(r) & UINT64_C(0xe000000000000000)) | (rand_next(r) & rand_next(r) & rand_next(r));
	c.low = rand_next(r) & rand_next(r);
	if (!c.is_v6) {
		c.high &= UINT64_C(0xffffffff00000000);
		c.low = 0;
	}
	unsigned most = c.is_v6 ? 128 : 32;
	return cut_to(c, bits_min + (unsigned)rand_below(r, most - bits_min + 1));
}
/* Its last address, or a random one in it. */
static struct client_net address_in(struct rand *r, struct client_net c) {
	uint64_t high = rand_below(r, 2) ? UINT64_MAX : rand_next(r), low = rand_below(r, 2) ? UINT64_MAX : rand_next(r);
	unsigned bits = c.n_bits;
	c.high |= bits == 0 ? high : bits >= 64 ? 0 : high & UINT64_MAX >> bits;
	c.low |= bits <= 64 ? low : bits >= 128 ? 0 : low & UINT64_MAX >> (bits - 64);
	if (!c.is_v6)
		c.low = 0;
	return cut_to(c, c.is_v6 ? 128 : 32);
}

static bool is_known(const struct client_prefix *p, size_t n, const struct client_net *net) {
	for (size_t i = 0; i < n; i++)
		if (p[i].net.n_bits == net->n_bits && holds(&p[i].net, net))
			return true;
	return false;
}
static size_t random_prefixes(struct rand *r, struct client_prefix *p, size_t n, unsigned n_classes) {
	size_t made = 0;
	for (size_t i = 0; i < n; i++) {
		struct client_net net = random_net(r, 0);
		if (!is_known(p, made, &net))
			p[made++] = (struct client_prefix){ net, (uint32_t)rand_below(r, n_classes), (uint32_t)i };
	}
	return made;
}
static unsigned longest_match(const struct client_prefix *p, size_t n, const struct client_net *c) {
	const struct client_prefix *best = NULL;
	for (size_t i = 0; i < n; i++)
		if (holds(&p[i].net, c) && (!best || p[i].net.n_bits > best->net.n_bits))
			best = &p[i];
	return best ? best->class : REST;
}

static struct client_map *cut_map(struct client_prefix *p, size_t n) {
	const struct client_prefix *twice;
	struct client_map *m = client_map_cut(p, n, REST, &twice);
	assert_non_null(m);
	return m;
}

static void test_longest_match(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 1);
	for (unsigned round = 0; round < 300; round++) {
		struct client_prefix p[200];
		size_t n = random_prefixes(&r, p, rand_below(&r, COUNT_OF(p)), round % 2 ? 3 : 200);
		struct client_map *m = cut_map(p, n);
		for (unsigned i = 0; i < 300; i++) {
			struct client_net c = i < n ? address_in(&r, p[i].net) : address_in(&r, random_net(&r, 8));
			uint8_t scope;
			assert_int_equal(client_map_find(m, &c, &scope), longest_match(p, n, &c));
		}
		client_map_destroy(m);
	}
}

/* Few prefixes, on either side of the space: both ends of each prefix, and what is beside it. */
static void test_few(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 5);
	for (unsigned round = 0; round < 2000; round++) {
		struct client_prefix p[60];
		size_t n = round == 0 ? 2 : random_prefixes(&r, p, rand_below(&r, COUNT_OF(p)), 60);
		if (round == 0) {
			p[0] = (struct client_prefix){ .net = net_of("2001:db8::/32"), .class = 1 };
			p[1] = (struct client_prefix){ .net = net_of("fd00:1234::/32"), .class = 2 };
		}
		struct client_map *m = cut_map(p, n);
		for (unsigned is_v6 = 0; is_v6 < 2; is_v6++)
			for (size_t i = 0; i < (is_v6 ? m->v6.n : m->v4.n); i++) {
				struct client_entry at = client_map_entry(m, is_v6, i);
				client_key ends[] = { at.start, at.start | client_key_below(at.n_bits) };
				for (unsigned k = 0; k < 2; k++) {
					struct client_net c = { .high = (uint64_t)(ends[k] >> 64),
						                .n_bits = is_v6 ? 128 : 32,
						                .is_v6 = is_v6 };
					uint8_t scope;
					c.low = is_v6 ? (uint64_t)ends[k] : 0;
					c = cut_to(c, c.n_bits);
					assert_int_equal(client_map_find(m, &c, &scope), at.class);
					assert_int_equal(scope, at.n_bits);
				}
			}
		client_map_destroy(m);
	}
}

/* Whoever shares the bits of the scope gets the same class by the same scope: a resolver may answer them all from its cache. */
static void test_scope(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 2);
	for (unsigned round = 0; round < 200; round++) {
		struct client_prefix p[100];
		size_t n = random_prefixes(&r, p, COUNT_OF(p), 3);
		struct client_map *m = cut_map(p, n);
		if (round % 2) {
			uint16_t bucket[CLIENT_BUCKETS];
			for (unsigned i = 0; i < CLIENT_BUCKETS; i++)
				bucket[i] = (uint16_t)rand_below(&r, 5);
			client_map_spread(m, bucket, 5);
			assert_true(client_map_n_classes(m) % 5 == 0);
		}
		for (unsigned i = 0; i < 200; i++) {
			uint8_t scope, again;
			struct client_net c = address_in(&r, random_net(&r, 0));
			unsigned class = client_map_find(m, &c, &scope);
			assert_true(class < client_map_n_classes(m));
			assert_true(scope <= c.n_bits && (round % 2 == 0 || scope >= (c.is_v6 ? 56 : 24)));
			struct client_net kin = address_in(&r, cut_to(c, scope)), told = cut_to(c, scope);
			assert_int_equal(client_map_find(m, &kin, &again), class);
			assert_int_equal(again, scope);
			if (scope > 0) {
				assert_int_equal(client_map_find(m, &told, &again), class);
				assert_int_equal(again, scope);
			}
		}
		client_map_destroy(m);
	}
}

struct walk {
	struct client_net last[2];
	unsigned last_class[2], n[2];
};
static bool is_end(const struct client_net *c) {
	unsigned bits = c->n_bits;
	uint64_t high = bits == 0 ? UINT64_MAX : bits >= 64 ? 0 : UINT64_MAX >> bits;
	uint64_t low = bits <= 64 ? UINT64_MAX : bits >= 128 ? 0 : UINT64_MAX >> (bits - 64);
	return (c->high | high) == UINT64_MAX && (!c->is_v6 || (c->low | low) == UINT64_MAX);
}
/* Each prefix begins where the one before ends. */
static void on_prefix(void *arg, const struct client_net *c, unsigned class) {
	struct walk *w = arg;
	const struct client_net *before = &w->last[c->is_v6];
	if (w->n[c->is_v6]++ == 0) {
		assert_true(c->high == 0 && c->low == 0);
	} else {
		__extension__ typedef unsigned __int128 key;
		key start = (key)before->high << 64 | before->low;
		start += (key)1 << (128 - before->n_bits);
		assert_true(start == ((key)c->high << 64 | c->low));
		/* Two halves of the same class would be one. */
		struct client_net parent = cut_to(*c, c->n_bits - 1u);
		assert_false(class == w->last_class[c->is_v6] && before->n_bits == c->n_bits && holds(&parent, before));
	}
	w->last[c->is_v6] = *c;
	w->last_class[c->is_v6] = class;
}

static void test_disjoint_and_whole(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 3);
	for (unsigned round = 0; round < 200; round++) {
		struct client_prefix p[150];
		size_t n = random_prefixes(&r, p, rand_below(&r, COUNT_OF(p)), 1 + (unsigned)rand_below(&r, 4));
		struct client_map *m = cut_map(p, n);
		struct walk w = { 0 };
		client_map_each(m, on_prefix, &w);
		assert_true(is_end(&w.last[0]) && is_end(&w.last[1]));
		assert_int_equal(w.n[0] + w.n[1], client_map_n_prefixes(m));
		client_map_destroy(m);
	}
}

static void test_empty(void **state) {
	(void)state;
	struct client_map *m = cut_map(NULL, 0);
	uint8_t scope = 9;
	struct client_net v4 = net_of("192.0.2.1"), v6 = net_of("2001:db8::1");
	assert_int_equal(client_map_find(m, &v4, &scope), REST);
	assert_int_equal(scope, 0);
	assert_int_equal(client_map_find(m, &v6, &scope), REST);
	assert_int_equal(scope, 0);
	assert_int_equal(client_map_n_prefixes(m), 2);
	client_map_destroy(m);
}

/* RFC 7871 7.2.1: what is told may be too short to know; the scope says how long it takes. */
static void test_short_source(void **state) {
	(void)state;
	struct client_prefix p[] = { { net_of("10.1.2.0/24"), 1, 1 },
		                     { net_of("10.1.0.0/16"), 2, 2 },
		                     { net_of("2001:db8::/48"), 3, 3 } };
	struct client_map *m = cut_map(p, COUNT_OF(p));
	static const struct {
		const char *told;
		unsigned class, scope;
	} cases[] = {
		{ "10.1.2.0/24", 1, 24 },   { "10.1.2.77", 1, 24 },       { "10.1.0.0/16", 2, 23 },
		{ "10.1.128.0/20", 2, 17 }, { "2001:db8::/40", 3, 48 },   { "2001:db8::/56", 3, 48 },
		{ "0.0.0.0/0", REST, 0 },   { "2001:db8:1::", REST, 48 }, { "10.0.0.0/8", REST, 16 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct client_net c = net_of(cases[i].told);
		uint8_t scope;
		assert_int_equal(client_map_find(m, &c, &scope), cases[i].class);
		assert_int_equal(scope, cases[i].scope);
	}
	client_map_destroy(m);
}

static void test_the_same_prefix_twice(void **state) {
	(void)state;
	struct client_prefix p[] = { { net_of("10.1.0.0/16"), 2, 4 },
		                     { net_of("10.0.0.0/8"), 1, 3 },
		                     { net_of("10.1.0.0/16"), 1, 2 } };
	const struct client_prefix *twice = NULL;
	assert_null(client_map_cut(p, COUNT_OF(p), REST, &twice));
	assert_int_equal(twice->line, 4);
	assert_int_equal(twice[-1].line, 2);
}

/* What comes from no line takes the place of a line; lines are held against each other nevertheless. */
static void test_in_place_of_a_line(void **state) {
	(void)state;
	struct client_prefix p[] = { { net_of("10.1.0.0/16"), 2, 4 }, { net_of("10.0.0.0/8"), 1, 3 },
		                     { net_of("10.1.0.0/16"), 3, 0 }, { net_of("10.1.1.1/32"), 2, 5 },
		                     { net_of("10.1.1.1/32"), 1, 0 }, { net_of("0.0.0.0/0"), 1, 6 },
		                     { net_of("0.0.0.0/0"), 2, 0 },   { net_of("2001:db8::/32"), 2, 0 } };
	struct client_prefix twice_in_lines[] = { { net_of("10.1.0.0/16"), 2, 4 },
		                                  { net_of("10.1.0.0/16"), 3, 0 },
		                                  { net_of("10.1.0.0/16"), 1, 2 } };
	static const struct {
		const char *client;
		unsigned class, scope;
	} cases[] = { { "10.1.2.0/24", 3, 23 }, { "10.1.1.1/32", 1, 32 },     { "10.2.0.0/24", 1, 15 },
		      { "192.0.2.0/24", 2, 1 }, { "2001:db8:1::/48", 2, 32 }, { "2001:db9::/48", REST, 32 } };
	const struct client_prefix *twice = NULL;
	struct client_map *m = cut_map(p, COUNT_OF(p));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct client_net c = net_of(cases[i].client);
		uint8_t scope;
		assert_int_equal(client_map_find(m, &c, &scope), cases[i].class);
		assert_int_equal(scope, cases[i].scope);
	}
	client_map_destroy(m);
	assert_null(client_map_cut(twice_in_lines, COUNT_OF(twice_in_lines), REST, &twice));
	assert_int_equal(twice->line, 4);
	assert_int_equal(twice[-1].line, 2);
}

static void test_combined(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 4);
	for (unsigned round = 0; round < 100; round++) {
		struct client_prefix p[3][60];
		size_t n[3];
		struct client_map *maps[3];
		for (unsigned i = 0; i < 3; i++) {
			n[i] = random_prefixes(&r, p[i], COUNT_OF(p[i]), 6);
			maps[i] = cut_map(p[i], n[i]);
		}
		uint32_t *tuples;
		struct client_map *m = client_map_combine((const struct client_map *const *)maps, 1 + round % 3, &tuples);
		struct walk w = { 0 };
		client_map_each(m, on_prefix, &w);
		assert_true(is_end(&w.last[0]) && is_end(&w.last[1]));
		for (unsigned k = 0; k < 200; k++) {
			struct client_net c = address_in(&r, p[k % 3][k % n[k % 3]].net);
			uint8_t scope;
			unsigned class = client_map_find(m, &c, &scope);
			for (unsigned i = 0; i < 1 + round % 3; i++)
				assert_int_equal(tuples[class * (1 + round % 3) + i], longest_match(p[i], n[i], &c));
		}
		mem_free(tuples);
		client_map_destroy(m);
		for (unsigned i = 0; i < 3; i++)
			client_map_destroy(maps[i]);
	}
}

static void test_relabelled(void **state) {
	(void)state;
	struct rand r;
	struct client_prefix p[100];
	uint32_t class_of[101];
	rand_seed(&r, 5);
	size_t n = random_prefixes(&r, p, COUNT_OF(p), 100);
	struct client_map *m = cut_map(p, n);
	for (unsigned i = 0; i < COUNT_OF(class_of); i++)
		class_of[i] = i % 3;
	struct client_map *few = client_map_relabel(m, class_of);
	struct walk w = { 0 };
	client_map_each(few, on_prefix, &w);
	assert_true(client_map_n_prefixes(few) < client_map_n_prefixes(m));
	assert_int_equal(client_map_n_classes(few), 3);
	for (unsigned k = 0; k < 1000; k++) {
		struct client_net c = address_in(&r, p[k % n].net);
		uint8_t scope, shorter;
		assert_int_equal(client_map_find(m, &c, &scope) % 3, client_map_find(few, &c, &shorter));
		assert_true(shorter <= scope);
	}
	client_map_destroy(m);
	client_map_destroy(few);
}

/* The clients of a /24 or /56 stay together, and buckets are about alike. */
static void test_buckets(void **state) {
	(void)state;
	struct client_map *m = cut_map(NULL, 0);
	uint16_t bucket[CLIENT_BUCKETS];
	unsigned hits[CLIENT_BUCKETS] = { 0 };
	for (unsigned i = 0; i < CLIENT_BUCKETS; i++)
		bucket[i] = (uint16_t)i;
	client_map_spread(m, bucket, CLIENT_BUCKETS);
	for (uint64_t i = 0; i < 100 * CLIENT_BUCKETS; i++) {
		struct client_net c = { .high = i << 40, .n_bits = 32 },
				  kin = { .high = i << 40 | UINT64_C(0xfe) << 32, .n_bits = 32 };
		uint8_t scope;
		unsigned class = client_map_find(m, &c, &scope);
		assert_int_equal(scope, 24);
		assert_int_equal(client_map_find(m, &kin, &scope), class);
		hits[class - REST * CLIENT_BUCKETS]++;
	}
	for (unsigned i = 0; i < CLIENT_BUCKETS; i++) /* sigma 10 */
		assert_in_range(hits[i], 50, 150);
	struct client_net v6 = net_of("2001:db8:1:ab00::/56");
	uint8_t scope;
	client_map_find(m, &v6, &scope);
	assert_int_equal(scope, 56);
	client_map_destroy(m);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_match),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_disjoint_and_whole),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_short_source),
		cmocka_unit_test(test_the_same_prefix_twice),
		cmocka_unit_test(test_in_place_of_a_line),
		cmocka_unit_test(test_combined),
		cmocka_unit_test(test_relabelled),
		cmocka_unit_test(test_buckets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
