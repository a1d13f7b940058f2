/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing byte builder. It owns its memory and doubles it; what bounds the growth is whoever fills it. */
#include "steerway/base/buf.h"

#include "json.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST = 256 };

void buf_fini(struct buf *b) {
	mem_free(b->p);
	*b = (struct buf){ 0 };
}

char *buf_reserve(struct buf *b, size_t more) {
	if (b->p != NULL && more <= b->cap - b->n)
		return b->p + b->n;
	size_t need;
	if (__builtin_add_overflow(b->n, more, &need))
		need = SIZE_MAX; /* which no allocator has: it aborts and names the size */
	size_t cap = b->cap < SMALLEST ? SMALLEST : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	b->p = mem_realloc_array(b->p, cap, 1);
	b->cap = cap;
	return b->p + b->n;
}

void buf_add(struct buf *b, struct str s) {
	if (s.n == 0)
		return;
	memcpy(buf_reserve(b, s.n), s.p, s.n);
	b->n += s.n;
}

void buf_add_char(struct buf *b, char c) {
	*buf_reserve(b, 1) = c;
	b->n++;
}

/* Most texts fit into what is there already, and are rendered once. */
void buf_printf(struct buf *b, const char *format, ...) {
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	char *at = buf_reserve(b, 1);
	size_t room = b->cap - b->n;
	int n = vsnprintf(at, room, format, args);
	va_end(args);
	if (n < 0)
		abort(); /* only a format that is itself wrong */
	if ((size_t)n >= room)
		vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
	va_end(again);
	b->n += (size_t)n;
}

void buf_add_json(struct buf *b, struct str s) {
	buf_add_char(b, '"');
	while (s.n > 0) {
		size_t plain = json_plain(s);
		buf_add(b, str_slice(s.p, plain));
		s = str_skip(s, plain);
		if (s.n > 0)
			b->n += json_escape(&s, buf_reserve(b, JSON_CHAR_BYTES));
	}
	buf_add_char(b, '"');
}

void buf_consume(struct buf *b, size_t n) {
	b->n -= n;
	if (b->n > 0)
		memmove(b->p, b->p + n, b->n);
}
