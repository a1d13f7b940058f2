/* SPDX-License-Identifier: BSD-2-Clause */
/* The map against a plain array, the heap against its order. */
#include "steerway/base/heap.h"
#include "steerway/base/map.h"
#include "steerway/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "steerway/base/rand.h"

static void test_map_empty(void **state) {
	(void)state;
	struct map m = { 0 };
	assert_null(map_get(&m, STR("a")));
	assert_null(map_del(&m, STR("a")));
	assert_null(map_next(&m, NULL));
	map_fini(&m);
}

static void test_map_basics(void **state) {
	(void)state;
	struct map m = { 0 };
	int one, two;
	assert_null(map_put(&m, STR("k"), &one));
	assert_ptr_equal(map_put(&m, STR("k"), &two), &one);
	assert_int_equal(m.n, 1);
	assert_null(map_put(&m, STR(""), &one)); /* an empty key is a key */
	assert_null(map_put(&m, STR("k\0x"), &one));
	assert_ptr_equal(map_get(&m, STR("k")), &two);
	assert_ptr_equal(map_get(&m, STR_NONE), &one);
	assert_null(map_get(&m, STR("K")));
	assert_ptr_equal(map_del(&m, STR("k")), &two);
	assert_null(map_get(&m, STR("k")));
	assert_int_equal(m.n, 2);
	map_fini(&m);
	assert_null(m.slots);
}

enum { KEYS = 700 };

static void check_against_model(const struct map *m, char keys[KEYS][16], void *const model[KEYS]) {
	size_t n = 0, iterated = 0;
	for (size_t i = 0; i < KEYS; i++) {
		assert_ptr_equal(map_get(m, str_from(keys[i])), model[i]);
		n += model[i] != NULL;
	}
	for (struct map_entry *e = NULL; (e = map_next(m, e));) {
		assert_ptr_equal(map_get(m, e->key), e->value);
		iterated++;
	}
	assert_int_equal(m->n, n);
	assert_int_equal(iterated, n);
}

/* Phases that mostly put and phases that mostly delete, so that runs of full slots form and are torn up. */
static void test_map_against_a_model(void **state) {
	(void)state;
	static char keys[KEYS][16];
	static int values[16];
	void *model[KEYS] = { NULL };
	struct map m = { 0 };
	struct rand r;
	rand_seed(&r, 3);
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof keys[i], "k%d", i);
	for (int step = 0; step < 60000; step++) {
		size_t k = rand_below(&r, KEYS);
		bool puts = rand_below(&r, 10) < (step / 5000 % 2 == 0 ? 8U : 2U);
		void *value = puts ? &values[rand_below(&r, COUNT_OF(values))] : NULL;
		void *before = puts ? map_put(&m, str_from(keys[k]), value) : map_del(&m, str_from(keys[k]));
		assert_ptr_equal(before, model[k]);
		model[k] = value;
		if (step % 997 == 0)
			check_against_model(&m, keys, model);
	}
	check_against_model(&m, keys, model);
	assert_true(m.cap <= 1024); /* deletions leave nothing behind that would make it grow */
	map_fini(&m);
}

static void check_heap(const struct heap *h) {
	for (uint32_t i = 0; i < h->n; i++) {
		assert_int_equal(h->nodes[i]->index, i + 1);
		if (i > 0)
			assert_true(h->nodes[(i - 1) / 2]->key <= h->nodes[i]->key);
	}
}

static void test_heap_keeps_its_order(void **state) {
	(void)state;
	enum { NODES = 300 };
	struct heap_node nodes[NODES] = { 0 };
	struct heap h = { 0 };
	struct rand r;
	uint32_t n = 0;
	rand_seed(&r, 4);
	assert_null(heap_min(&h));
	for (int step = 0; step < 20000; step++) {
		struct heap_node *node = &nodes[rand_below(&r, NODES)];
		uint64_t key = rand_below(&r, 20) > 0 ? rand_below(&r, 500) : UINT64_MAX;
		if (node->index == 0) {
			node->key = key;
			heap_insert(&h, node);
			n++;
		} else if (rand_below(&r, 2)) {
			node->key = key;
			heap_update(&h, node);
		} else {
			heap_remove(&h, node);
			assert_int_equal(node->index, 0);
			n--;
		}
		assert_int_equal(h.n, n);
		if (step % 16 == 0)
			check_heap(&h);
	}
	for (uint64_t last = 0; h.n > 0;) {
		struct heap_node *min = heap_min(&h);
		assert_true(min->key >= last);
		last = min->key;
		heap_remove(&h, min);
	}
	heap_insert(&h, &nodes[0]);
	heap_fini(&h);
	assert_int_equal(nodes[0].index, 0);
	heap_fini(&h);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_empty),
		cmocka_unit_test(test_map_basics),
		cmocka_unit_test(test_map_against_a_model),
		cmocka_unit_test(test_heap_keeps_its_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
