/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a reload would change: walks the schema over two snapshots and compares each key as it would stand in the file. Sections of
 * maps are matched by name, those of lists by their `name` key, or by index when they have none.
 */
#include "cfg/scalar.h"

#include "steerway/base/map.h"
#include "steerway/base/mem.h"

struct diff {
	struct buf *out;
	struct buf path;
	size_t n_restart;
};

static void diff_section(struct diff *d, const struct schema_section *s, const void *old, const void *new);

/* Writes "path: what" for a key of `row`. */
static void diff_line(struct diff *d, const struct schema_row *row, struct str what) {
	buf_printf(d->out, "%.*s: %.*s%s\n", STR_ARG(buf_str(&d->path)), STR_ARG(what),
	           row->is_restart ? " (takes a restart)" : "");
	d->n_restart += row->is_restart;
}

static size_t path_push(struct diff *d, struct str key) {
	size_t n = d->path.n;
	if (n > 0)
		buf_add_char(&d->path, '.');
	buf_add(&d->path, key);
	return n;
}

/* The value as text; "absent" for a key that neither the file nor a default gives. */
static void value_write(const struct schema_section *s, const struct schema_row *row, const void *object, struct buf *out) {
	if (!schema_key_is_given(s, row, object) && !row->dflt)
		buf_add(out, STR("absent"));
	else
		scalar_type(row->type)->format(row, schema_field_const(object, row), out);
}

static void diff_value(struct diff *d, const struct schema_section *s, const struct schema_row *row, const void *old,
                       const void *new) {
	struct buf before = { 0 }, after = { 0 };
	value_write(s, row, old, &before);
	value_write(s, row, new, &after);
	if (!str_eq(buf_str(&before), buf_str(&after))) {
		buf_add(&before, STR(" -> "));
		buf_add(&before, buf_str(&after));
		diff_line(d, row, buf_str(&before));
	}
	buf_fini(&before);
	buf_fini(&after);
}

static bool is_present(const void *object) {
	return *schema_is_given((void *)(uintptr_t)object);
}

/* An OBJECT whose absence means its defaults is compared key by key; another comes or goes as a whole. */
static void diff_object(struct diff *d, const struct schema_row *row, const void *old, const void *new) {
	const struct schema_section *s = schema_section(row->param);
	size_t before = d->out->n;
	bool comes_or_goes = is_present(old) != is_present(new);
	if (!comes_or_goes || !schema_has_required(s))
		diff_section(d, s, old, new);
	if (comes_or_goes && d->out->n == before)
		diff_line(d, row, is_present(new) ? STR("added") : STR("removed"));
}

/* What an item of a list or map is matched by; empty: its index. */
static struct str item_name(const struct schema_section *s, const void *item) {
	const struct schema_row *name = schema_find(s, STR("name"));
	struct str id = *schema_id((void *)(uintptr_t)item);
	return id.n > 0 || !name ? id : *(const struct str *)schema_field_const(item, name);
}

/* The items of one list by name (an index for those without). */
static struct map items_index(const struct schema_section *s, struct schema_items list, struct str *names) {
	struct map m = { 0 };
	for (size_t i = 0; i < list.n; i++) {
		char *item = (char *)list.items + i * s->bytes;
		struct str name = item_name(s, item);
		char digits[24];
		if (name.n == 0) {
			struct buf b = { 0 };
			buf_printf(&b, "[%zu]", i);
			name = str_from(str_copy(digits, sizeof(digits), buf_str(&b)));
			buf_fini(&b);
		}
		names[i] = (struct str){ mem_strdup(name), name.n };
		map_put(&m, names[i], item);
	}
	return m;
}

static void items_forget(struct map *m, struct str *names, size_t n) {
	map_fini(m);
	for (size_t i = 0; i < n; i++)
		mem_free((void *)(uintptr_t)names[i].p);
	mem_free(names);
}

static size_t path_push_item(struct diff *d, struct str name) {
	if (!str_starts(name, STR("[")))
		return path_push(d, name);
	size_t n = d->path.n;
	buf_add(&d->path, name);
	return n;
}

static void diff_items(struct diff *d, const struct schema_row *row, const void *old, const void *new) {
	const struct schema_section *s = schema_section(row->param);
	struct schema_items before = schema_items_of(old, row), after = schema_items_of(new, row);
	struct str *old_names = mem_zalloc_array(before.n + 1, sizeof(*old_names));
	struct str *new_names = mem_zalloc_array(after.n + 1, sizeof(*new_names));
	struct map old_items = items_index(s, before, old_names), new_items = items_index(s, after, new_names);
	for (size_t i = 0; i < before.n; i++) {
		size_t length = path_push_item(d, old_names[i]);
		const void *item = map_get(&new_items, old_names[i]);
		if (item)
			diff_section(d, s, (const char *)before.items + i * s->bytes, item);
		else
			diff_line(d, row, STR("removed"));
		d->path.n = length;
	}
	for (size_t i = 0; i < after.n; i++) {
		size_t length = path_push_item(d, new_names[i]);
		if (!map_get(&old_items, new_names[i]))
			diff_line(d, row, STR("added"));
		d->path.n = length;
	}
	items_forget(&old_items, old_names, before.n);
	items_forget(&new_items, new_names, after.n);
}

static void diff_section(struct diff *d, const struct schema_section *s, const void *old, const void *new) {
	for (size_t i = 0; i < s->n_rows; i++) {
		const struct schema_row *row = &s->rows[i];
		size_t length = path_push(d, str_from(row->key));
		if (row->type == SCHEMA_OBJECT)
			diff_object(d, row, schema_field_const(old, row), schema_field_const(new, row));
		else if (row->type == SCHEMA_MAP || row->type == SCHEMA_LIST)
			diff_items(d, row, old, new);
		else if (schema_key_is_given(s, row, old) || schema_key_is_given(s, row, new))
			/* What stands in neither file is the default, or another key's value, which is compared itself. */
			diff_value(d, s, row, old, new);
		d->path.n = length;
	}
}

size_t cfg_diff(const struct cfg *old, const struct cfg *new, struct buf *out) {
	struct diff d = { .out = out };
	diff_section(&d, schema_section(SCHEMA_SECTION_root), cfg_root(old), cfg_root(new));
	buf_fini(&d.path);
	return d.n_restart;
}
