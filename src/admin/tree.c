/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers as jansson trees, and the one way to print them. A key gives its heading and its unit: `since_s` becomes the column SINCE
 * with "4m12s" in it. Bytes that could move a terminal's cursor are replaced: evidence comes from servers, names from queries.
 */
#include "admin/internal.h"

#include "steerway/base/mem.h"

json_t *tree_str(struct str s) {
	json_t *j = json_stringn(s.n > 0 ? s.p : "", s.n);
	if (j != NULL)
		return j;
	char *ascii = mem_strdup(s);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)ascii[i] >= 0x80)
			ascii[i] = '?';
	j = json_stringn(ascii, s.n);
	mem_free(ascii);
	return j;
}

void tree_put_str(json_t *object, const char *key, struct str s) {
	json_object_set_new(object, key, tree_str(s));
}

void tree_put_text(json_t *object, const char *key, const char *text) {
	json_object_set_new(object, key, text ? tree_str(str_from(text)) : json_null());
}

void tree_put_int(json_t *object, const char *key, uint64_t value) {
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

void tree_put_bool(json_t *object, const char *key, bool value) {
	json_object_set_new(object, key, json_boolean(value));
}

static const struct {
	const char *suffix;
	double us; /* one of it */
} units[] = { { "_us", 1 }, { "_ms", 1e3 }, { "_s", 1e6 } };

static double unit_of(struct str key, size_t *label_bytes) {
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (str_ends(key, str_from(units[i].suffix))) {
			*label_bytes = key.n - strlen(units[i].suffix);
			return units[i].us;
		}
	*label_bytes = key.n;
	return 0;
}

/* Not finer than the unit it was measured in. */
static void duration_write(struct buf *out, double us, double unit) {
	uint64_t s = (uint64_t)(us / 1e6);
	if (us < 1e3 && unit < 1e3)
		buf_printf(out, "%.0fus", us);
	else if (us < 1e6 && unit < 1e6)
		buf_printf(out, "%.*fms", us < 1e4 && unit < 1e3 ? 1 : 0, us / 1e3);
	else if (us < 1e7 && unit < 1e6)
		buf_printf(out, "%.1fs", us / 1e6);
	else if (s < 60)
		buf_printf(out, "%us", (unsigned)s);
	else if (s < 3600)
		buf_printf(out, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		buf_printf(out, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	else
		buf_printf(out, "%ud%02uh", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24));
}

/* UTF-8 as it comes (jansson let nothing else in), without C0, DEL and C1. `lines`: LF and HTAB may stand. */
static void text_write(struct buf *out, struct str s, bool lines) {
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (lines && (c == '\n' || c == '\t')) {
			buf_add_char(out, (char)c);
		} else if (c < ' ' || c == 0x7f) {
			buf_add_char(out, '?');
		} else if (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0) {
			buf_add_char(out, '?');
			i++;
		} else {
			buf_add_char(out, (char)c);
		}
	}
}

static struct str string_of(const json_t *j) {
	return str_slice(json_string_value(j), json_string_length(j));
}

static void value_write(struct buf *out, struct str key, const json_t *j) {
	size_t ignored;
	double unit = unit_of(key, &ignored);
	switch (json_typeof(j)) {
	case JSON_STRING:
		text_write(out, json_string_length(j) > 0 ? string_of(j) : STR("-"), false);
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		if (unit > 0)
			duration_write(out, json_number_value(j) * unit, unit);
		else if (json_is_integer(j))
			buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
		else
			buf_printf(out, "%.2f", json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_printf(out, "%s", json_is_true(j) ? "yes" : "no");
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_array_size(j); i++) {
			if (i > 0)
				buf_add(out, STR(", "));
			value_write(out, key, json_array_get(j, i));
		}
		if (json_array_size(j) == 0)
			buf_add_char(out, '-');
		break;
	case JSON_OBJECT: /* commands nest no deeper than an object of tables */
	case JSON_NULL:
		buf_add_char(out, '-');
		break;
	}
}

static size_t width_of(struct str s) {
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void label_write(struct buf *out, struct str key, bool upper) {
	size_t n;
	unit_of(key, &n);
	for (size_t i = 0; i < n; i++) {
		char c = key.p[i] == '_' ? ' ' : key.p[i];
		buf_add_char(out, upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
	}
}

static void pad(struct buf *out, size_t width, size_t used) {
	for (size_t i = used; i < width; i++)
		buf_add_char(out, ' ');
}

static bool is_table(const json_t *j) {
	return json_is_array(j) && json_array_size(j) > 0 && json_is_object(json_array_get(j, 0));
}

/* Strings too long for one line stand under their key, a line each. */
#define LINE_BYTES 60
static bool is_lines(const json_t *j) {
	size_t bytes = 0;
	for (size_t i = 0; i < json_array_size(j) && json_is_string(json_array_get(j, i)); i++)
		bytes += json_string_length(json_array_get(j, i)) + 2;
	return bytes > LINE_BYTES;
}

static bool is_block(const json_t *j) {
	return is_table(j) || json_is_object(j) || is_lines(j);
}

static void lines_write(struct buf *out, const json_t *lines) {
	for (size_t i = 0; i < json_array_size(lines); i++) {
		buf_add(out, STR("- "));
		text_write(out, string_of(json_array_get(lines, i)), false);
		buf_add_char(out, '\n');
	}
}

struct cell {
	size_t at, n; /* of the text that all cells share */
	size_t width;
	bool is_number;
};

static struct cell cell_add(struct buf *text, struct str key, const json_t *value) {
	struct cell c = { .at = text->n };
	if (value == NULL) {
		label_write(text, key, true);
	} else {
		value_write(text, key, value);
		c.is_number = json_is_number(value);
	}
	c.n = text->n - c.at;
	c.width = width_of(str_slice(text->p + c.at, c.n));
	return c;
}

static void table_write(struct buf *out, const json_t *rows) {
	const json_t *first = json_array_get(rows, 0);
	size_t n_columns = json_object_size(first), n_rows = json_array_size(rows) + 1;
	struct cell *cells = mem_zalloc_array(n_rows * n_columns + 1, sizeof(*cells));
	size_t *widths = mem_zalloc_array(n_columns + 1, sizeof(*widths));
	struct buf text = { 0 };
	for (size_t r = 0; r < n_rows; r++) {
		const char *key;
		json_t *shape;
		size_t column = 0;
		json_object_foreach((json_t *)first, key, shape) {
			json_t *value = r > 0 ? json_object_get(json_array_get(rows, r - 1), key) : NULL;
			struct cell *c = &cells[r * n_columns + column];
			*c = cell_add(&text, str_from(key), value);
			if (c->width > widths[column])
				widths[column] = c->width;
			column++;
		}
	}
	for (size_t r = 0; r < n_rows; r++) {
		for (size_t column = 0; column < n_columns; column++) {
			const struct cell *c = &cells[r * n_columns + column];
			/* A heading stands as its column's numbers do. */
			bool right = n_rows > 1 && cells[(r > 0 ? r : 1) * n_columns + column].is_number;
			if (column > 0)
				buf_add(out, STR("  "));
			if (right)
				pad(out, widths[column], c->width);
			buf_add(out, str_slice(text.p + c->at, c->n));
			if (!right && column + 1 < n_columns)
				pad(out, widths[column], c->width);
		}
		buf_add_char(out, '\n');
	}
	buf_fini(&text);
	mem_free(cells);
	mem_free(widths);
}

static void object_write(struct buf *out, const json_t *object) {
	const char *key;
	json_t *value;
	size_t width = 0, label;
	json_object_foreach((json_t *)object, key, value) {
		unit_of(str_from(key), &label);
		if (!is_block(value) && label > width)
			width = label;
	}
	json_object_foreach((json_t *)object, key, value) {
		if (is_block(value))
			continue;
		unit_of(str_from(key), &label);
		label_write(out, str_from(key), false);
		pad(out, width + 2, label);
		value_write(out, str_from(key), value);
		buf_add_char(out, '\n');
	}
	json_object_foreach((json_t *)object, key, value) {
		if (!is_block(value))
			continue;
		buf_add_char(out, '\n');
		label_write(out, str_from(key), false);
		buf_add(out, STR(":\n"));
		(is_table(value) ? table_write : json_is_object(value) ? object_write : lines_write)(out, value);
	}
}

void admin_render_text(struct buf *out, const json_t *tree) {
	if (json_is_string(tree)) {
		text_write(out, string_of(tree), true);
		if (out->n > 0 && out->p[out->n - 1] != '\n')
			buf_add_char(out, '\n');
	} else if (json_is_object(tree)) {
		object_write(out, tree);
	} else if (is_table(tree)) {
		table_write(out, tree);
	} else {
		buf_add(out, STR("none\n"));
	}
}

static int on_json(const char *bytes, size_t n, void *arg) {
	buf_add(arg, str_slice(bytes, n));
	return 0;
}

void admin_render_json(struct buf *out, const json_t *tree) {
	json_dump_callback(tree, on_json, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	buf_add_char(out, '\n');
}
