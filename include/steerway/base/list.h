/* SPDX-License-Identifier: BSD-2-Clause */
/* An intrusive doubly linked ring: a list head is a node that links to itself. */
#ifndef STEERWAY_BASE_LIST_H
#define STEERWAY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l) {
	l->prev = l->next = l;
}
static inline bool list_is_empty(const struct list *l) {
	return l->next == l;
}
static inline void list_insert_after(struct list *at, struct list *node) {
	node->prev = at;
	node->next = at->next;
	at->next->prev = node;
	at->next = node;
}
static inline void list_append(struct list *head, struct list *node) {
	list_insert_after(head->prev, node);
}
static inline void list_remove(struct list *node) {
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
/* The body may remove `it`. */
#define LIST_EACH(it, head)                                                                                                      \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

#endif
