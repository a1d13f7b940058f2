/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages are cut into pieces once, at load: texts that are copied, each followed by a variable that is escaped. A variable that is
 * unknown is refused then; a `$` that begins none stands for itself.
 */
#include "proxy/page.h"

#include "steerway/base/mem.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *const variables[PAGE_VARIABLE_COUNT] = {
	[PAGE_STATUS] = "status", [PAGE_STATUS_TEXT] = "status_text", [PAGE_REASON] = "reason",
	[PAGE_DETAIL] = "detail", [PAGE_REQUEST_ID] = "request_id",   [PAGE_NODE] = "node",
};

/* ---- compiling ---- */

/* The next piece of *rest; *has_variable: one stands behind its text. */
static int take_piece(struct str *rest, struct page_piece *out, struct err *e) {
	size_t at = str_find(*rest, STR("${"));
	out->text = str_slice(rest->p, at);
	out->variable = PAGE_VARIABLE_COUNT;
	*rest = str_skip(*rest, at);
	if (rest->n == 0)
		return 0;
	struct str name = str_skip(*rest, 2);
	bool is_closed = str_find_char(name, '}') < name.n;
	name.n = str_find_char(name, '}');
	for (uint8_t v = 0; v < PAGE_VARIABLE_COUNT && is_closed; v++)
		if (str_eq(name, str_from(variables[v])))
			out->variable = v;
	if (out->variable == PAGE_VARIABLE_COUNT)
		return err_set(
		    e,
		    "\"${%.*s}\" is no variable; there are ${status}, ${status_text}, ${reason}, ${detail}, ${request_id} "
		    "and ${node}",
		    name.n > 40 ? 40 : (int)name.n, name.p);
	*rest = str_skip(*rest, 2 + name.n + 1);
	return 0;
}

int page_compile(struct page *out, struct arena *a, struct str text, enum answer_form form, struct err *e) {
	size_t n = 1;
	for (struct str rest = text; (rest = str_skip(rest, str_find(rest, STR("${")))).n > 0; rest = str_skip(rest, 2))
		n++;
	*out = (struct page){ arena_alloc(a, n * sizeof(struct page_piece)), (uint8_t)form };
	struct str rest = arena_str(a, text);
	for (size_t i = 0; i < n; i++)
		if (take_piece(&rest, &out->pieces[i], e) < 0)
			return -1;
	return 0;
}

int page_load(struct page *out, struct arena *a, const char *path, enum answer_form form, struct err *e) {
	FILE *f = fopen(path, "re");
	if (!f)
		return err_errno(e, "%s", path);
	struct stat st;
	int result = -1;
	char *text = NULL;
	if (fstat(fileno(f), &st) < 0) {
		err_errno(e, "%s", path);
	} else if (!S_ISREG(st.st_mode)) {
		err_set(e, "%s: is no file", path);
	} else {
		text = mem_alloc(PAGE_BYTES_MAX + 1);
		size_t n = fread(text, 1, PAGE_BYTES_MAX + 1, f);
		if (ferror(f))
			err_errno(e, "%s", path);
		else if (n > PAGE_BYTES_MAX)
			err_set(e, "%s: is larger than 256KiB", path);
		else if (page_compile(out, a, str_slice(text, n), form, e) < 0)
			err_context(e, "%s", path);
		else
			result = 0;
	}
	mem_free(text);
	fclose(f);
	return result;
}

/* ---- writing ---- */

static struct str escape_html(char c) {
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '"':
		return STR("&quot;");
	case '\'':
		return STR("&#39;");
	default:
		return STR_NONE;
	}
}

/* The escaped form of c, in `room` when it is made up; STR_NONE: c itself. */
static struct str escape(enum answer_form form, char c, char room[6]) {
	static const char hex[] = "0123456789abcdef";
	if (form == ANSWER_HTML)
		return escape_html(c);
	if (form != ANSWER_JSON || ((unsigned char)c >= 0x20 && c != '"' && c != '\\'))
		return STR_NONE;
	memcpy(room, "\\u00", 4);
	room[4] = hex[(unsigned char)c >> 4];
	room[5] = hex[c & 15];
	return str_slice(room, 6);
}

/* at NULL: only counts. */
static size_t put(char *at, struct str s) {
	if (at && s.n > 0)
		memcpy(at, s.p, s.n);
	return s.n;
}

static size_t put_escaped(char *at, enum answer_form form, struct str value) {
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char room[6];
		struct str escaped = escape(form, value.p[i], room);
		n += put(at ? at + n : NULL, escaped.n > 0 ? escaped : str_slice(value.p + i, 1));
	}
	return n;
}

static size_t render(char *at, const struct page *p, const struct str values[PAGE_VARIABLE_COUNT]) {
	size_t n = 0;
	for (const struct page_piece *piece = p->pieces;; piece++) {
		n += put(at ? at + n : NULL, piece->text);
		if (piece->variable == PAGE_VARIABLE_COUNT)
			return n;
		n += put_escaped(at ? at + n : NULL, p->form, values[piece->variable]);
	}
}

size_t page_size(const struct page *p, const struct str values[PAGE_VARIABLE_COUNT]) {
	return render(NULL, p, values);
}

char *page_write(char *at, const struct page *p, const struct str values[PAGE_VARIABLE_COUNT]) {
	return at + render(at, p, values);
}
