/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text files of networks, a line each: a prefix, and words behind it. Comments begin with #. A fault names the line and what stands there.
 * Rows that were told by command are lines, too, in place of the file's of the same networks.
 */
#include "gslb/maps.h"

#include "steerway/base/mem.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1u << 30)

char *map_file_read(struct map_source *s, struct str *text, struct err *e) {
	int fd = open(s->path.p, O_RDONLY | O_CLOEXEC);
	char *bytes = NULL;
	size_t n = 0;
	ssize_t got = -1;
	if (fd < 0 || fstat(fd, &s->file) < 0)
		goto fail;
	if (s->file.st_size > FILE_BYTES_MAX) {
		err_set(e, "%s: larger than 1 GiB", s->path.p);
		close(fd);
		return NULL;
	}
	bytes = mem_alloc((size_t)s->file.st_size + 1);
	while (n < (size_t)s->file.st_size && (got = read(fd, bytes + n, (size_t)s->file.st_size - n)) > 0)
		n += (size_t)got;
	if (got < 0 && s->file.st_size > 0)
		goto fail;
	close(fd);
	*text = str_slice(bytes, n);
	return bytes;
fail:
	err_errno(e, "%s", s->path.p);
	mem_free(bytes);
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* The first word of *rest; blanks around it go. */
static struct str next_word(struct str *rest) {
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	struct str word = str_slice(rest->p, n);
	*rest = str_trim(str_skip(*rest, n));
	return word;
}

#define VALUE_MAX 60

int map_net_parse(struct client_net *out, struct str word, struct err *e) {
	struct addr_net net;
	if (!addr_net_parse(&net, word))
		return err_set(e,
		               "\"%.*s\" is no network; write it as 192.0.2.0/24 or 2001:db8::/32, with no bit set behind the "
		               "prefix",
		               (int)(word.n < VALUE_MAX ? word.n : VALUE_MAX), word.p);
	*out = client_net_of(&net.address, net.bits);
	return 0;
}

static int line_parse(struct map_line *out, struct str text, struct err *e) {
	out->rest = text;
	struct str word = next_word(&out->rest);
	if (map_net_parse(&out->net, word, e) < 0)
		return -1;
	if (out->rest.n == 0)
		return err_set(e, "nothing stands behind %.*s; say what it is, or remove the line", STR_ARG(word));
	return 0;
}

struct lines {
	struct client_prefix *items;
	size_t n, cap;
};

static void lines_add(struct lines *l, const struct map_line *line, uint32_t record) {
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->items = mem_realloc_array(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->n++] = (struct client_prefix){ .net = line->net, .class = record, .line = line->number };
}

static int cut(struct map_source *s, struct lines *l, struct err *e) {
	const struct client_prefix *twice = NULL;
	char text[ADDR_TEXT_BYTES];
	s->prefixes = client_map_cut(l->items, l->n, 0, &twice);
	if (s->prefixes)
		return 0;
	return err_set(e, "%.*s:%u: %.*s stands in line %u already; remove one of them", STR_ARG(s->path), twice->line,
	               STR_ARG(client_net_format(&twice->net, text)), twice[-1].line);
}

static int lines_parse(struct lines *l, const struct map_source *s, struct str text, bool is_told, map_record_fn *record,
                       void *arg, struct err *e) {
	struct map_line line = { .number = 0 };
	struct str row;
	int result = 0;
	while (result >= 0 && str_next(&text, '\n', &row)) {
		line.number += !is_told;
		row.n = str_find_char(row, '#');
		if (row.n > 0 && row.p[row.n - 1] == '\r')
			row.n--;
		row = str_trim(row);
		if (row.n == 0)
			continue;
		result = line_parse(&line, row, e);
		if (result == 0)
			result = record(arg, &line, e);
		if (result < 0 && is_told)
			err_context(e, "%.*s with what was told", STR_ARG(s->path));
		else if (result < 0)
			err_context(e, "%.*s:%u", STR_ARG(s->path), line.number);
		else
			lines_add(l, &line, (uint32_t)result);
	}
	return result < 0 ? -1 : 0;
}

int map_lines_parse(struct map_source *s, struct str text, map_record_fn *record, void *arg, struct err *e) {
	struct lines lines = { 0 };
	int result = lines_parse(&lines, s, text, false, record, arg, e);
	if (result == 0)
		result = lines_parse(&lines, s, s->told, true, record, arg, e);
	if (result == 0)
		result = cut(s, &lines, e);
	mem_free(lines.items);
	return result;
}
