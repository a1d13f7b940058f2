/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words to a row of tables/commands.h, its arguments checked against the row's own text, then its handler. A command that is not
 * in the table is refused with the nearest that is. Also what is printed from the rows: `help` and the manual page's list.
 */
#include "admin/internal.h"

#include "steerway/base/mem.h"

#include <stdio.h>

const struct admin_row admin_rows[] = {
#define ADMIN(words, arguments, handler, help) { words, arguments, handler, help },
#include "steerway/tables/commands.h"
#undef ADMIN
};
const size_t admin_n_rows = COUNT_OF(admin_rows);

/* How many of the row's words stand at the front of `words`. */
static size_t words_match(const struct admin_row *row, const struct str *words, size_t n, bool *is_whole) {
	struct str rest = str_from(row->words), part;
	size_t matched = 0;
	while (str_next(&rest, ' ', &part)) {
		if (matched == n || !str_eq(words[matched], part)) {
			*is_whole = false;
			return matched;
		}
		matched++;
	}
	*is_whole = true;
	return matched;
}

/* The command whose text is nearest to what was typed, or NULL when none is near. */
static const struct admin_row *row_nearest(const struct str *words, size_t n) {
	char typed[64];
	const struct admin_row *nearest = NULL;
	size_t best = 4;
	for (size_t i = 0; i < admin_n_rows; i++) {
		bool two = strchr(admin_rows[i].words, ' ') != NULL && n > 1;
		snprintf(typed, sizeof(typed), two ? "%.*s %.*s" : "%.*s", STR_ARG(words[0]), two ? (int)words[1].n : 0,
		         two ? words[1].p : "");
		size_t d = str_distance(str_from(typed), str_from(admin_rows[i].words));
		if (d < best) {
			best = d;
			nearest = &admin_rows[i];
		}
	}
	return nearest;
}

/* "drain" alone: "drain what? site, pool, server". */
static int row_missing(const struct str *words, size_t n, struct err *e) {
	struct buf could = { 0 };
	for (size_t i = 0; i < admin_n_rows; i++) {
		struct str rest = str_from(admin_rows[i].words), first;
		if (str_next(&rest, ' ', &first) && str_eq(first, words[0]) && rest.n > 0)
			buf_printf(&could, "%s%.*s", could.n > 0 ? ", " : "", STR_ARG(rest));
	}
	const struct admin_row *nearest = row_nearest(words, n);
	if (could.n > 0 && n == 1)
		err_set(e, "%.*s what? One of: %.*s", STR_ARG(words[0]), STR_ARG(buf_str(&could)));
	else if (nearest != NULL)
		err_set(e, "no such command; did you mean `%s`? `help` lists all", nearest->words);
	else if (could.n > 0)
		err_set(e, "%.*s can't take `%.*s`; one of: %.*s", STR_ARG(words[0]), STR_ARG(words[1]),
		        STR_ARG(buf_str(&could)));
	else
		err_set(e, "no such command: `%.*s`; `help` lists all", STR_ARG(words[0]));
	buf_fini(&could);
	return -1;
}

static const struct admin_row *row_find(const struct str *words, size_t n, size_t *used, struct err *e) {
	if (n == 0) {
		err_set(e, "an empty line is no command; `help` lists all");
		return NULL;
	}
	for (size_t i = 0; i < admin_n_rows; i++) {
		bool is_whole;
		*used = words_match(&admin_rows[i], words, n, &is_whole);
		if (is_whole)
			return &admin_rows[i];
	}
	row_missing(words, n, e);
	return NULL;
}

enum option_form { OPTION_UNKNOWN, OPTION_FLAG, OPTION_VALUE };
/* What the row's text says about an option: "[--x]" or "[--x VALUE]". */
static enum option_form option_form(const struct admin_row *row, struct str name) {
	const char *text = row->arguments;
	while ((text = strchr(text, '[')) != NULL) {
		text++;
		if (strncmp(text, name.p, name.n) == 0 && text[name.n] == ']')
			return OPTION_FLAG;
		if (strncmp(text, name.p, name.n) == 0 && text[name.n] == ' ')
			return OPTION_VALUE;
	}
	return OPTION_UNKNOWN;
}

static int usage(const struct admin_row *row, const char *what, struct str word, struct err *e) {
	return err_set(e, "%s%s%.*s%s; usage: %s%s%s", what, word.n > 0 ? " `" : "", STR_ARG(word), word.n > 0 ? "`" : "",
	               row->words, row->arguments[0] ? " " : "", row->arguments);
}

/* The <x> and [<x>] of a row; *n_needed: those without brackets, which come first. */
static size_t places_of(const struct admin_row *row, size_t *n_needed) {
	size_t n = 0;
	*n_needed = 0;
	for (const char *at = row->arguments; (at = strchr(at, '<')) != NULL; at++) {
		n++;
		*n_needed += at == row->arguments || at[-1] != '[';
	}
	return n;
}

static int arguments_take(struct admin_call *c, const struct str *words, size_t n) {
	struct str *const places[] = { &c->target, &c->second, &c->third };
	size_t n_taken = 0, n_needed, n_places = places_of(c->row, &n_needed);
	for (size_t i = 0; i < n; i++) {
		if (!str_starts(words[i], STR("--"))) {
			if (n_taken == n_places)
				return usage(c->row, "one word too many:", words[i], &c->err);
			if (words[i].n == 0)
				return usage(c->row, "the name is empty", STR(""), &c->err);
			*places[n_taken++] = words[i];
			continue;
		}
		enum option_form form = option_form(c->row, words[i]);
		if (form == OPTION_UNKNOWN)
			return usage(c->row, "no such option:", words[i], &c->err);
		if (c->n_options == ADMIN_OPTIONS_MAX)
			return usage(c->row, "too many options", STR(""), &c->err);
		if (form == OPTION_VALUE && i + 1 == n)
			return usage(c->row, "no value stands behind", words[i], &c->err);
		struct admin_option *o = &c->options[c->n_options++];
		o->name = words[i];
		if (form == OPTION_VALUE)
			o->value = words[++i];
	}
	if (n_taken < n_needed)
		return usage(c->row, n_taken == 0 ? "a name is missing" : "a word is missing", STR(""), &c->err);
	return 0;
}

int admin_run(struct admin *a, const struct str *words, size_t n, json_t **answer) {
	struct admin_call c = { .admin = a };
	size_t used;
	c.row = row_find(words, n, &used, &c.err);
	int status = c.row == NULL || arguments_take(&c, words + used, n - used) < 0 || c.row->run(&c) < 0 ? -1 : 0;
	*answer = status < 0 && c.answer == NULL ? tree_str(str_from(c.err.text)) : c.answer;
	return status;
}

const struct str *admin_option(const struct admin_call *c, const char *name) {
	for (size_t i = 0; i < c->n_options; i++)
		if (str_eq(c->options[i].name, str_from(name)))
			return &c->options[i].value;
	return NULL;
}

int admin_duration_parse(struct str text, uint64_t *ms) {
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	size_t digits = 0;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	uint64_t value;
	if (digits > 9 || !str_to_u64(str_slice(text.p, digits), &value))
		return -1;
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (str_eq(str_skip(text, digits), str_from(units[i].unit))) {
			*ms = value * units[i].ms;
			return 0;
		}
	return -1;
}

int cmd_help(struct admin_call *c) {
	c->answer = json_array();
	for (size_t i = 0; i < admin_n_rows; i++) {
		json_t *row = json_object();
		tree_put_text(row, "command", admin_rows[i].words);
		tree_put_text(row, "arguments", admin_rows[i].arguments);
		tree_put_text(row, "help", admin_rows[i].help);
		json_array_append_new(c->answer, row);
	}
	return 0;
}

void admin_write_man(struct buf *out) {
	buf_add(out, STR(".Bl -tag -width Ds\n"));
	for (size_t i = 0; i < admin_n_rows; i++) {
		buf_printf(out, ".It Cm %s", admin_rows[i].words);
		if (admin_rows[i].arguments[0])
			buf_printf(out, " No %s", admin_rows[i].arguments);
		buf_printf(out, "\n%s\n", admin_rows[i].help);
	}
	buf_add(out, STR(".El\n"));
}
