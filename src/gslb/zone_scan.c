/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone file's bytes become entries of words (RFC 1035 5.1): comments, parentheses over several lines, quotes, escapes, and the
 * line of each. What a word means is not decided here. Refused: what is not closed, a NUL, an entry longer than any record.
 */
#include "gslb/zone_text.h"

enum { END = -1 };

void zone_scan_init(struct zone_scan *s, struct str text) {
	s->in = text;
	s->line = 1;
	s->is_line_start = true;
}

static inline int next(struct zone_scan *s) {
	if (s->in.n == 0)
		return END;
	int c = (unsigned char)*s->in.p;
	s->in = str_skip(s->in, 1);
	return c;
}

/* The byte that was read last will be read again. */
static inline void unread(struct zone_scan *s, int c) {
	if (c >= 0)
		s->in = str_slice(s->in.p - 1, s->in.n + 1);
}

/* Bytes beyond what an entry may have are counted, and missed at its end. */
static inline void put(struct zone_entry *en, int c) {
	if (en->n_text < sizeof(en->text))
		en->text[en->n_text] = (char)c;
	en->n_text++;
}

static int fault(struct zone_entry *en, int line, struct err *e, const char *what) {
	en->line = line;
	return err_set(e, "%s", what);
}

static inline bool ends_word(int c) {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '(' || c == ')' || c < 0;
}

/* Up to the closing quote, which is not put. */
static int read_quoted(struct zone_scan *s, struct zone_entry *en, struct err *e) {
	for (;;) {
		int c = next(s);
		if (c == '"')
			return 0;
		if (c == '\\') {
			put(en, c);
			c = next(s);
		}
		if (c == '\n' || c < 0)
			return fault(en, s->line, e,
			             "a quote is not closed on its line; close it, or write `\\\"` for a quote within a text");
		if (c == 0)
			return fault(en, s->line, e, "a NUL byte; write it as `\\000`, or give a text file");
		put(en, c);
	}
}

static int read_bare(struct zone_scan *s, struct zone_entry *en, struct err *e) {
	for (;;) {
		int c = next(s);
		if (ends_word(c)) {
			unread(s, c);
			return 0;
		}
		put(en, c);
		if (c == '"') { /* alpn="h2,h3" */
			if (read_quoted(s, en, e) < 0)
				return -1;
			put(en, '"');
		} else if (c == '\\') {
			c = next(s);
			if (c == '\n' || c <= 0)
				return fault(en, s->line, e,
				             "a backslash at the end of a line; use parentheses for an entry of several lines");
			put(en, c);
		} else if (c == 0) {
			return fault(en, s->line, e, "a NUL byte; write it as `\\000`, or give a text file");
		}
	}
}

static int read_word(struct zone_scan *s, struct zone_entry *en, int first, struct err *e) {
	if (en->n == ZONE_WORDS_MAX)
		return fault(en, en->line, e, "an entry of more than 16384 words; write its data with fewer blanks");
	if (en->n == 0) {
		en->line = s->line;
		en->is_indented = !s->is_line_start;
	}
	s->is_line_start = false;
	bool is_quoted = first == '"';
	size_t at = en->n_text;
	if (!is_quoted)
		unread(s, first);
	if ((is_quoted ? read_quoted(s, en, e) : read_bare(s, en, e)) < 0)
		return -1;
	size_t end = en->n_text;
	put(en, 0);
	if (en->n_text > sizeof(en->text))
		return fault(en, en->line, e, "an entry longer than any record can be; is a quote or parenthesis not closed?");
	en->words[en->n++] = (struct zone_word){ .text = str_slice(en->text + at, end - at), .is_quoted = is_quoted };
	return 0;
}

static int skip_comment(struct zone_scan *s) {
	int c;
	do
		c = next(s);
	while (c != '\n' && c >= 0);
	return c;
}

int zone_scan_next(struct zone_scan *s, struct zone_entry *en, struct err *e) {
	unsigned depth = 0;
	int opened = 0; /* the line of the outermost parenthesis */
	en->n = en->n_text = 0;
	en->line = s->line;
	for (;;) {
		int c = next(s);
		if (c == ';')
			c = skip_comment(s);
		switch (c) {
		case ' ':
		case '\t':
		case '\r':
			s->is_line_start = false;
			break;
		case '\n':
			s->line++;
			s->is_line_start = true;
			if (en->n > 0 && depth == 0)
				return 1;
			break;
		case '(':
			if (depth++ == 0)
				opened = s->line;
			break;
		case ')':
			if (depth-- == 0)
				return fault(en, s->line, e, "a `)` without its `(`");
			break;
		case END:
			if (depth > 0)
				return fault(en, opened, e, "a parenthesis is not closed before the end of the file");
			return en->n > 0;
		default:
			if (read_word(s, en, c, e) < 0)
				return -1;
		}
	}
}
