/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference for terminals, and what the forms of the documentation share. Prints rows; knows no key. */
#include "cfg/docs.h"

#include "cfg/scalar.h"

#define DOCS_WIDTH 100

void docs_wrap(struct buf *out, struct str prefix, size_t width, struct str text) {
	struct str word;
	size_t column = 0;
	while (str_next(&text, ' ', &word)) {
		if (column > 0 && column + 1 + word.n > width) {
			buf_add_char(out, '\n');
			column = 0;
		}
		buf_add(out, column == 0 ? prefix : STR(" "));
		column += column == 0 ? prefix.n : 1;
		buf_add(out, word);
		column += word.n;
	}
	buf_add_char(out, '\n');
}

static void docs_enum(struct buf *out, const struct schema_row *row) {
	const struct schema_enum *values = schema_enum(row->param);
	for (size_t i = 0; i < values->n; i++)
		buf_printf(out, "%s%s", i ? ", " : "", values->texts[i]);
}

void docs_type(struct buf *out, const struct schema_row *row) {
	const char *section = row->type == SCHEMA_ENUM || row->type == SCHEMA_ENUMS ? "" : schema_section(row->param)->name;
	switch (row->type) {
	case SCHEMA_ENUM:
		buf_add(out, STR("one of "));
		docs_enum(out, row);
		break;
	case SCHEMA_ENUMS:
		buf_add(out, STR("list of "));
		docs_enum(out, row);
		break;
	case SCHEMA_REF:
		buf_printf(out, "name of a %s", section);
		break;
	case SCHEMA_REFS:
		buf_printf(out, "list of names of %ss", section);
		break;
	case SCHEMA_WEIGHTS:
		buf_printf(out, "list of names of %ss, or map of them with weights", section);
		break;
	default:
		buf_add(out, str_from(scalar_type(row->type)->name));
	}
	if (row->min && row->max)
		buf_printf(out, ", %s to %s", row->min, row->max);
	else if (row->min || row->max)
		buf_printf(out, ", at %s %s", row->min ? "least" : "most", row->min ? row->min : row->max);
}

void docs_default(struct buf *out, const struct schema_row *row) {
	if (schema_is_required(row))
		buf_add(out, STR("required"));
	else if (row->dflt)
		buf_printf(out, "default %s", row->dflt);
	else
		buf_add(out, STR("optional"));
}

void docs_path(struct buf *path, const struct schema_row *row) {
	const char *items = row->type == SCHEMA_MAP ? ".<name>" : row->type == SCHEMA_LIST ? "[]" : "";
	buf_printf(path, "%s%s%s", path->n ? "." : "", row->key, items);
}

static void text_section(struct buf *out, struct buf *path, const struct schema_section *s) {
	for (size_t i = 0; i < s->n_rows; i++) {
		const struct schema_row *row = &s->rows[i];
		size_t n = path->n;
		struct buf facts = { 0 };
		docs_path(path, row);
		docs_type(&facts, row);
		buf_add(&facts, STR("; "));
		docs_default(&facts, row);
		buf_printf(&facts, "; a change takes %s", row->is_restart ? "a restart" : "a reload");
		buf_printf(out, "%.*s\n", STR_ARG(buf_str(path)));
		docs_wrap(out, STR("    "), DOCS_WIDTH, buf_str(&facts));
		docs_wrap(out, STR("    "), DOCS_WIDTH, str_from(row->doc));
		buf_add_char(out, '\n');
		buf_fini(&facts);
		if (docs_has_section(row))
			text_section(out, path, schema_section(row->param));
		path->n = n;
	}
}

static void docs_write_text(struct buf *out) {
	struct buf path = { 0 };
	text_section(out, &path, schema_section(SCHEMA_SECTION_root));
	buf_fini(&path);
}

void cfg_write_docs(struct buf *out, enum cfg_docs form) {
	static void (*const writers[])(struct buf *) = {
		[CFG_DOCS_TEXT] = docs_write_text,
		[CFG_DOCS_SAMPLE] = docs_write_sample,
		[CFG_DOCS_MAN] = docs_write_man,
	};
	writers[form](out);
}
