/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms of the documentation, one file each, and what they share. */
#ifndef STEERWAY_CFG_DOCS_H
#define STEERWAY_CFG_DOCS_H

#include "cfg/schema.h"

/* Text in lines of at most `width` bytes, each behind `prefix`. */
void docs_wrap(struct buf *out, struct str prefix, size_t width, struct str text);
/* What a value may be: "duration, 100ms to 10m", "one of http, dns", "name of a site". */
void docs_type(struct buf *out, const struct schema_row *row);
/* "required", "default 10s", or "optional". */
void docs_default(struct buf *out, const struct schema_row *row);
/* Adds the part of a path that stands for `row`: ".servers[]" for a list, ".pools.<name>" for a map. */
void docs_path(struct buf *path, const struct schema_row *row);
static inline bool docs_has_section(const struct schema_row *row) {
	return row->type == SCHEMA_OBJECT || row->type == SCHEMA_MAP || row->type == SCHEMA_LIST;
}

void docs_write_man(struct buf *out);
void docs_write_sample(struct buf *out);

#endif
