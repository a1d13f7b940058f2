/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects of slabs: whole, apart from each other, the lowest free place first; pages that many left go back to the system. */
#include "steerway/base/mem.h"
#include "steerway/base/slab.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OBJECT_BYTES = 7632, OBJECTS = 64 * 15, SPARE = 16 * 15 };

static struct slabs *slabs;
static unsigned char *all[OBJECTS];

static int create(void **state) {
	(void)state;
	slabs = slabs_create(OBJECT_BYTES, OBJECTS);
	return slabs ? 0 : -1;
}

static int destroy(void **state) {
	(void)state;
	slabs_destroy(slabs);
	return 0;
}

static void take_all(void) {
	for (size_t i = 0; i < OBJECTS; i++) {
		all[i] = slabs_take(slabs);
		assert_non_null(all[i]);
	}
}

static void give_all(void) {
	for (size_t i = 0; i < OBJECTS; i++)
		slabs_give(slabs, all[i]);
}

static void objects_are_apart(void **state) {
	(void)state;
	size_t bytes;
	uintptr_t first = slabs_range(slabs, &bytes);
	take_all();
	for (size_t i = 0; i < OBJECTS; i++) {
		uintptr_t at = (uintptr_t)all[i];
		assert_true(at % 16 == 0 && at >= first && at + OBJECT_BYTES <= first + bytes);
		assert_true(i == 0 || all[i] >= all[i - 1] + OBJECT_BYTES);
		memset(all[i], (int)(i % 251), OBJECT_BYTES);
	}
	for (size_t i = 0; i < OBJECTS; i++)
		assert_true(all[i][0] == i % 251 && memcmp(all[i], all[i] + 1, OBJECT_BYTES - 1) == 0);
	assert_null(slabs_take(slabs));
	give_all();
}

static void the_lowest_place_is_taken_first(void **state) {
	(void)state;
	static const size_t given[] = { 700, 3, 29, 959, 0, 14, 15 }, taken[] = { 0, 3, 14, 15, 29, 700, 959 };
	take_all();
	for (size_t i = 0; i < COUNT_OF(given); i++)
		slabs_give(slabs, all[given[i]]);
	for (size_t i = 0; i < COUNT_OF(taken); i++)
		assert_ptr_equal(slabs_take(slabs), all[taken[i]]);
	assert_null(slabs_take(slabs));
	give_all();
}

/* Pages that were given back come anew as zeroes. */
static void pages_go_back(void **state) {
	(void)state;
	size_t kept = 0;
	for (int round = 0; round < 3; round++) {
		take_all();
		for (size_t i = 0; i < OBJECTS; i++)
			memset(all[i], 0xff, OBJECT_BYTES);
		give_all();
	}
	take_all();
	for (size_t i = 0; i < OBJECTS; i++)
		kept += all[i][OBJECT_BYTES - 1] == 0xff;
	assert_int_equal(kept, SPARE);
	give_all();
}

static void *use(void *mark) {
	unsigned char *mine[8] = { 0 };
	uintptr_t wrong = 0;
	for (size_t i = 0; i < 100000; i++) {
		unsigned char **one = &mine[i * 7 % COUNT_OF(mine)];
		if (*one) {
			wrong += **one != *(unsigned char *)mark;
			slabs_give(slabs, *one);
		}
		*one = slabs_take(slabs);
		**one = *(unsigned char *)mark;
	}
	for (size_t i = 0; i < COUNT_OF(mine); i++)
		slabs_give(slabs, mine[i]);
	return (void *)wrong;
}

static void threads_share_them(void **state) {
	(void)state;
	unsigned char marks[2] = { 1, 2 };
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, &marks[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	take_all();
	give_all();
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects_are_apart, create, destroy),
		cmocka_unit_test_setup_teardown(the_lowest_place_is_taken_first, create, destroy),
		cmocka_unit_test_setup_teardown(pages_go_back, create, destroy),
		cmocka_unit_test_setup_teardown(threads_share_them, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
