/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts with variables, compiled once a reload; rendered for each request that needs one. */
#ifndef STEERWAY_PROXY_TEMPLATE_H
#define STEERWAY_PROXY_TEMPLATE_H

#include "steerway/base/arena.h"
#include "steerway/base/err.h"
#include "steerway/cfg.h"
#include "steerway/http.h"

#include "proxy/pattern.h"

struct template_part {
	enum cfg_variable variable;
	uint8_t field_id, capture;
	struct str text; /* of TEXT; the field's name of HEADER */
};

struct template {
	const struct template_part *parts; /* in the snapshot's arena */
	size_t n;
};

/* The values, by variable; HEADER looks into `head`. */
struct variables {
	struct str values[CFG_VARIABLE_COUNT];
	const struct http_head *head; /* NULL: no fields */
	struct str captures[PATTERN_CAPTURES];
};

enum template_use {
	TEMPLATE_FIELD, /* a field's value: control bytes of variables are left out, blanks at its ends too */
	TEMPLATE_URI,   /* part of a URI: what of a variable may not stand there is %-encoded; of ${path} and ${query} nothing */
};

/* 0, or -1 when the text is no template. */
int template_compile(struct template *t, struct arena *a, struct str text, struct err *e);
/* Most bytes that template_render writes. */
size_t template_bound(const struct template *t, const struct variables *v);
/* Returns what it wrote, a slice of `out`. */
struct str template_render(char *out, const struct template *t, const struct variables *v, enum template_use use);

#endif
