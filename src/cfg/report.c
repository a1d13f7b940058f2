/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collects errors as lines and writes them sorted by file, line and column, so that all phases read as one pass over the file.
 * Refuses to keep more than REPORT_MAX. Owns the lines until report_flush.
 */
#include "cfg/report.h"

#include "steerway/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A line of a report is one line: what the file put into keys and values may hold anything. */
static void line_clean(char *p, size_t n) {
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
}

void report_add(struct report *r, struct place at, struct str path, const char *format, ...) {
	if (r->n == REPORT_MAX) {
		r->n_lost++;
		return;
	}
	char what[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	struct buf b = { 0 };
	buf_add(&b, at.source->name);
	if (at.line > 0)
		buf_printf(&b, ":%u:%u", at.line, at.column);
	buf_add(&b, STR(": "));
	if (path.n > 0) {
		buf_add(&b, path.n > 256 ? str_slice(path.p, 256) : path);
		buf_add(&b, STR(": "));
	}
	buf_add(&b, str_from(what));
	line_clean(b.p, b.n);
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->lines = mem_realloc_array(r->lines, r->cap, sizeof(*r->lines));
	}
	r->lines[r->n] = (struct report_line){ at.source->index, at.line, at.column, r->n, mem_strdup(buf_str(&b)) };
	r->n++;
	buf_fini(&b);
}

static int line_compare(const void *left, const void *right) {
	const struct report_line *a = left, *b = right;
	const uint64_t pairs[][2] = {
		{ a->file, b->file }, { a->line, b->line }, { a->column, b->column }, { a->sequence, b->sequence }
	};
	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		if (pairs[i][0] != pairs[i][1])
			return pairs[i][0] < pairs[i][1] ? -1 : 1;
	return 0;
}

size_t report_flush(struct report *r, struct buf *out) {
	size_t n = r->n + r->n_lost;
	if (r->n > 0)
		qsort(r->lines, r->n, sizeof(*r->lines), line_compare);
	for (size_t i = 0; i < r->n; i++) {
		buf_add(out, str_from(r->lines[i].text));
		buf_add_char(out, '\n');
		mem_free(r->lines[i].text);
	}
	if (r->n_lost > 0)
		buf_printf(out, "%zu more errors are not shown\n", r->n_lost);
	mem_free(r->lines);
	*r = (struct report){ 0 };
	return n;
}

void nearest_init(struct nearest *n, struct str typed) {
	*n = (struct nearest){ .typed = typed, .distance = SIZE_MAX };
}

void nearest_offer(struct nearest *n, struct str candidate) {
	size_t distance = str_distance(n->typed, candidate);
	if (distance < n->distance) {
		n->distance = distance;
		n->best = candidate;
	}
	/* A dozen is what a reader takes in. */
	if (n->n < 16)
		buf_printf(&n->all, "%s%.*s", n->n ? ", " : "", STR_ARG(candidate));
	else if (n->n == 16)
		buf_add(&n->all, STR(", ..."));
	n->n++;
}

void nearest_finish(struct nearest *n, struct buf *out, const char *label, const char *none) {
	/* A third of the letters may be wrong: two of "prot" (port), one of "ap" (app). */
	size_t bound = (n->typed.n + 2) / 3;
	if (n->n == 0)
		buf_add(out, str_from(none));
	else if (n->distance <= bound)
		buf_printf(out, "did you mean \"%.*s\"?", STR_ARG(n->best));
	else
		buf_printf(out, "%s %.*s", label, STR_ARG(buf_str(&n->all)));
	buf_fini(&n->all);
}
