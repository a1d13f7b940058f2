/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line protocol (admin.h): a line becomes words, words a command, its tree an answer with its length before it. Refuses
 * control bytes (a terminal's escape sequence in a name would come back in an error text) and lines without an end.
 */
#include "admin/internal.h"

#include "steerway/base/mem.h"
#include "steerway/metric.h"

/* One word, from its first byte; *at moves behind it. Returns the bytes written to `to`, or -1. */
static ssize_t word_take(struct str line, size_t *at, char *to, struct err *e) {
	size_t n = 0, i = *at;
	char quote = 0;
	for (; i < line.n; i++) {
		char c = line.p[i];
		if (quote == 0 && (c == ' ' || c == '\t'))
			break;
		if (quote == 0 && (c == '\'' || c == '"')) {
			quote = c;
		} else if (c == quote && quote != 0) {
			quote = 0;
		} else {
			bool is_escape =
			    c == '\\' &&
			    (quote == 0 || (quote == '"' && i + 1 < line.n && (line.p[i + 1] == '"' || line.p[i + 1] == '\\')));
			if (is_escape && i + 1 == line.n)
				return err_set(e, "nothing stands behind the last backslash");
			if (is_escape)
				c = line.p[++i];
			to[n++] = c;
		}
	}
	if (quote != 0)
		return err_set(e, "a %c is not closed", quote);
	*at = i;
	return (ssize_t)n;
}

int admin_words_split(struct str line, char *store, struct str words[ADMIN_WORDS_MAX], size_t *n, struct err *e) {
	*n = 0;
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return err_set(e, "byte %zu is a control byte (0x%02x)", i + 1, (unsigned char)line.p[i]);
	for (size_t i = 0; i < line.n;) {
		if (line.p[i] == ' ' || line.p[i] == '\t') {
			i++;
			continue;
		}
		if (*n == ADMIN_WORDS_MAX)
			return err_set(e, "more than %d words", ADMIN_WORDS_MAX);
		ssize_t bytes = word_take(line, &i, store, e);
		if (bytes < 0)
			return -1;
		words[(*n)++] = str_slice(store, (size_t)bytes);
		store += bytes;
	}
	return 0;
}

static void answer_write(struct buf *out, bool is_ok, struct str body) {
	buf_printf(out, "%s %zu\n", is_ok ? "ok" : "error", body.n);
	buf_add(out, body);
}

/* Takes the tree. */
static void tree_write(struct buf *out, bool is_ok, bool as_json, json_t *tree) {
	struct buf body = { 0 };
	if (!is_ok && as_json) {
		json_t *o = json_object();
		json_object_set_new(o, "error", tree);
		tree = o;
	}
	(as_json ? admin_render_json : admin_render_text)(&body, tree);
	answer_write(out, is_ok, buf_str(&body));
	buf_fini(&body);
	json_decref(tree);
}

/* Takes `--json` out of the words. */
static bool json_take(struct str *words, size_t *n) {
	size_t kept = 0;
	for (size_t i = 0; i < *n; i++)
		if (!str_eq(words[i], STR("--json")))
			words[kept++] = words[i];
	bool found = kept != *n;
	*n = kept;
	return found;
}

static void line_run(struct admin *a, struct str line, struct buf *out) {
	char store[ADMIN_LINE_BYTES];
	struct str words[ADMIN_WORDS_MAX];
	size_t n;
	struct err e;
	json_t *answer = NULL;
	if (admin_words_split(line, store, words, &n, &e) < 0) {
		tree_write(out, false, false, tree_str(str_from(e.text)));
		return;
	}
	bool as_json = json_take(words, &n);
	metric_add(METRIC_admin_commands_total, 1);
	bool is_ok = admin_run(a, words, n, &answer) == 0;
	tree_write(out, is_ok, as_json, answer);
}

static enum admin_next line_take(struct admin *a, struct str in, size_t *used, struct buf *out) {
	size_t end = str_find_char(in, '\n');
	if (end >= ADMIN_LINE_BYTES) {
		*used = in.n;
		tree_write(out, false, false, tree_str(STR("the line is longer than 4096 bytes")));
		return ADMIN_CLOSE;
	}
	if (end == in.n)
		return ADMIN_MORE;
	*used = end + 1;
	struct str line = str_slice(in.p, end > 0 && in.p[end - 1] == '\r' ? end - 1 : end);
	line_run(a, line, out);
	return ADMIN_ANSWERED;
}

const struct admin_protocol admin_line_protocol = {
	.take = line_take,
	.input_bytes = ADMIN_LINE_BYTES,
	.too_many = STR_INIT("error 57\nall 64 connections of the admin socket are in use; retry\n"),
};
