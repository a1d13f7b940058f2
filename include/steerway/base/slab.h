/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one size, for one that malloc rounds up too far: 15 of them in as few pages as hold them. All lie in one range of
 * addresses, so that whether a pointer is one of them is a comparison. Any thread may take and give.
 */
#ifndef STEERWAY_BASE_SLAB_H
#define STEERWAY_BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slabs;

/* `object_bytes`: a multiple of 16, to which objects are aligned. Room for at least `n` of them, which costs addresses until it is
 * used. NULL: the system has no such range of addresses. */
struct slabs *slabs_create(size_t object_bytes, size_t n);
void slabs_destroy(struct slabs *s);
/* The bytes are any; NULL: all are taken. */
void *slabs_take(struct slabs *s);
void slabs_give(struct slabs *s, void *object);
/* Where all objects lie: the first address and how many bytes. */
uintptr_t slabs_range(const struct slabs *s, size_t *bytes);

#endif
