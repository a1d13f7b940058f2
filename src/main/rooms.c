/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration goes into the rooms all at once or not at all. The table's order is the order of preparing and committing: fleet
 * before those who look servers up in it, the operator's states before anyone serves by them.
 */
#include "main/daemon.h"

#include "steerway/base/mem.h"

struct room {
	const char *name;
	void *(*prepare)(struct daemon *d, const struct cfg_root *cfg, struct err *e);
	void (*commit)(void *plan);
	void (*discard)(void *plan);
};

#define ROOM_FUNCTIONS(room)                                                                                                     \
	static void *prepare_##room(struct daemon *d, const struct cfg_root *cfg, struct err *e) {                               \
		return room##_prepare(d->room, cfg, e);                                                                          \
	}                                                                                                                        \
	static void commit_##room(void *plan) {                                                                                  \
		room##_commit(plan);                                                                                             \
	}                                                                                                                        \
	static void discard_##room(void *plan) {                                                                                 \
		room##_discard(plan);                                                                                            \
	}
ROOM_FUNCTIONS(fleet)
ROOM_FUNCTIONS(state)
ROOM_FUNCTIONS(health)
ROOM_FUNCTIONS(proxy)
ROOM_FUNCTIONS(gslb)

#define ROOM(room)                                                                                                               \
	{ #room, prepare_##room, commit_##room, discard_##room }
static const struct room rooms[] = { ROOM(fleet), ROOM(state), ROOM(health), ROOM(proxy), ROOM(gslb) };

static void discard_first(void **plans, size_t n) {
	while (n-- > 0)
		rooms[n].discard(plans[n]);
}

static int prepare_all(struct daemon *d, const struct cfg_root *cfg, void **plans, struct err *e) {
	for (size_t i = 0; i < COUNT_OF(rooms); i++) {
		plans[i] = rooms[i].prepare(d, cfg, e);
		if (plans[i] == NULL) {
			discard_first(plans, i);
			return err_context(e, "%s", rooms[i].name);
		}
	}
	return 0;
}

int rooms_switch(struct daemon *d, const struct cfg_root *cfg, struct err *e) {
	void *plans[COUNT_OF(rooms)] = { NULL };
	if (prepare_all(d, cfg, plans, e) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(rooms); i++)
		rooms[i].commit(plans[i]);
	return 0;
}

int rooms_try(struct daemon *d, const struct cfg_root *cfg, struct err *e) {
	void *plans[COUNT_OF(rooms)] = { NULL };
	if (prepare_all(d, cfg, plans, e) < 0)
		return -1;
	discard_first(plans, COUNT_OF(rooms));
	return 0;
}
