/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts with variables in them, as pages of the proxy's own answers are: "${status} ${status_text}". Compiled at load. */
#ifndef STEERWAY_PROXY_PAGE_H
#define STEERWAY_PROXY_PAGE_H

#include "steerway/base/arena.h"
#include "steerway/base/err.h"

#include "proxy/accept.h"

/* What a page can tell; the names in ${} are page.c's. */
enum page_variable {
	PAGE_STATUS,
	PAGE_STATUS_TEXT,
	PAGE_REASON,
	PAGE_DETAIL,
	PAGE_REQUEST_ID,
	PAGE_NODE,
	PAGE_VARIABLE_COUNT,
};

struct page_piece {
	struct str text;  /* before the variable */
	uint8_t variable; /* enum page_variable; PAGE_VARIABLE_COUNT: the page ends */
};

struct page {
	struct page_piece *pieces; /* the last one has no variable */
	uint8_t form;              /* enum answer_form: how values are escaped */
};

enum { PAGE_BYTES_MAX = 256 * 1024 };

/* `text` and the page live in the arena. -1: an unknown variable. */
int page_compile(struct page *out, struct arena *a, struct str text, enum answer_form form, struct err *e);
/* Reads and compiles a file. -1: can't be read, is larger than PAGE_BYTES_MAX, or can't be compiled. */
int page_load(struct page *out, struct arena *a, const char *path, enum answer_form form, struct err *e);
/* Exactly the bytes that page_write writes. */
size_t page_size(const struct page *p, const struct str values[PAGE_VARIABLE_COUNT]);
/* Escaped as the page's form wants: HTML for a text or a quoted attribute, JSON for the inside of a string. */
char *page_write(char *at, const struct page *p, const struct str values[PAGE_VARIABLE_COUNT]);

#endif
