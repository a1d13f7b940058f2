/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Composes YAML events into nodes and merges included files into the root. Refuses anchors, aliases, tags, keys that are no
 * plain values, keys given twice, more than one document a file, files above 16 MiB, nesting above 32, more than 256 includes and
 * files that include themselves. Without aliases a tree is never larger than its text.
 */
#include "cfg/document.h"

#include "steerway/base/map.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct composer {
	struct document *document;
	const struct source *source;
	struct str text;
	yaml_parser_t yaml;
};

void document_init(struct document *d, struct arena *tree, struct arena *keep, struct report *report) {
	*d = (struct document){ .tree = tree, .keep = keep, .report = report };
	d->next_source = &d->sources;
	d->root = arena_zalloc(tree, sizeof(*d->root));
	d->root->kind = NODE_MAP;
}

struct node *node_find(const struct node *map, const char *key) {
	for (struct node *n = map ? map->first : NULL; n; n = n->next)
		if (str_eq(n->key, str_from(key)))
			return n;
	return NULL;
}

const char *node_kind_text(enum node_kind kind) {
	static const char *const texts[] = { "nothing", "a value", "a list", "a map" };
	return texts[kind];
}

struct place node_place(const struct node *n) {
	return n->key_at.source ? n->key_at : n->at;
}

struct str path_resolve(struct arena *a, struct str directory, struct str path) {
	if (directory.n == 0 || str_starts(path, STR("/")))
		return arena_str(a, path);
	const char *slash = str_ends(directory, STR("/")) ? "" : "/";
	return arena_printf(a, "%.*s%s%.*s", STR_ARG(directory), slash, STR_ARG(path));
}

/* The part of a path before its last '/', empty for the working directory. */
static struct str path_directory(struct str path) {
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

static struct source *source_add(struct document *d, struct str name, struct str directory, const struct source *parent) {
	struct source *s = arena_zalloc(d->keep, sizeof(*s));
	s->name = arena_str(d->keep, name);
	s->directory = arena_str(d->keep, directory);
	s->index = d->n_sources++;
	s->parent = parent;
	*d->next_source = s;
	d->next_source = &s->next;
	return s;
}

/* ---- composing ---- */

static struct place place_of(const struct composer *c, yaml_mark_t mark) {
	return (struct place){ c->source, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 };
}

static void compose_fault(struct composer *c, struct place at, const char *what) {
	c->document->is_broken = true;
	report_add(c->document->report, at, STR_NONE, "%s", what);
}

static uint32_t line_of_offset(struct str text, size_t offset) {
	uint32_t line = 1;
	for (size_t i = 0; i < offset && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

static void yaml_fault(struct composer *c) {
	const yaml_parser_t *y = &c->yaml;
	struct place at = place_of(c, y->problem_mark);
	if (y->error == YAML_READER_ERROR)
		at = (struct place){ c->source, line_of_offset(c->text, y->problem_offset), 1 };
	c->document->is_broken = true;
	report_add(c->document->report, at, STR_NONE, "not valid YAML: %s%s%s; %s", y->problem ? y->problem : "out of memory",
	           y->context ? " " : "", y->context ? y->context : "",
	           y->error == YAML_READER_ERROR ? "save the file as UTF-8 text" : "check indentation, quotes and brackets");
}

static bool compose_next(struct composer *c, yaml_event_t *event) {
	if (yaml_parser_parse(&c->yaml, event))
		return true;
	yaml_fault(c);
	return false;
}

static struct node *node_create(struct composer *c, enum node_kind kind, yaml_mark_t mark) {
	struct node *n = arena_zalloc(c->document->tree, sizeof(*n));
	n->kind = kind;
	n->at = place_of(c, mark);
	return n;
}

static void node_append(struct node *parent, struct node *child) {
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
}

/* An anchor is harmless by itself and a tag could be ignored, but neither would mean here what its writer meant by it. */
static void compose_refuse_extras(struct composer *c, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag) {
	if (anchor)
		compose_fault(c, place_of(c, e->start_mark),
		              "anchors (&name) are not supported; write the value where it is used");
	if (tag)
		compose_fault(c, place_of(c, e->start_mark), "tags (!name) are not supported; remove it");
}

static bool scalar_is_null(const yaml_event_t *e) {
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	struct str text = str_slice((const char *)e->data.scalar.value, e->data.scalar.length);
	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < COUNT_OF(nulls); i++)
		if (str_eq(text, str_from(nulls[i])))
			return true;
	return false;
}

static struct node *compose_scalar(struct composer *c, const yaml_event_t *e) {
	struct node *n = node_create(c, scalar_is_null(e) ? NODE_NULL : NODE_SCALAR, e->start_mark);
	n->text = arena_str(c->document->tree, str_slice((const char *)e->data.scalar.value, e->data.scalar.length));
	compose_refuse_extras(c, e, e->data.scalar.anchor, e->data.scalar.tag);
	return n;
}

static struct node *compose_node(struct composer *c, const yaml_event_t *start, unsigned depth);

/* The key of a map's next child; false at its end (*child is NULL) or on a fault (*child is untouched). */
static bool compose_key(struct composer *c, const yaml_event_t *e, struct str *key, struct place *at) {
	*at = place_of(c, e->start_mark);
	if (e->type != YAML_SCALAR_EVENT) {
		compose_fault(c, *at,
		              "a key must be a plain value; write \"key: value\" (and quote text that begins with [, {, * or &)");
		return false;
	}
	compose_refuse_extras(c, e, e->data.scalar.anchor, e->data.scalar.tag);
	*key = arena_str(c->document->tree, str_slice((const char *)e->data.scalar.value, e->data.scalar.length));
	return true;
}

/* Children up to the end event. False: a fault, which is reported. */
static bool compose_children(struct composer *c, struct node *parent, unsigned depth) {
	yaml_event_type_t end = parent->kind == NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	for (;;) {
		yaml_event_t event;
		if (!compose_next(c, &event))
			return false;
		if (event.type == end) {
			yaml_event_delete(&event);
			return true;
		}
		struct str key = STR_NONE;
		struct place key_at = { 0 };
		if (parent->kind == NODE_MAP) {
			bool is_key = compose_key(c, &event, &key, &key_at);
			yaml_event_delete(&event);
			if (!is_key || !compose_next(c, &event))
				return false;
		}
		struct node *child = compose_node(c, &event, depth + 1);
		yaml_event_delete(&event);
		if (!child)
			return false;
		child->key = key;
		child->key_at = key_at;
		node_append(parent, child);
	}
}

/* NULL: a fault, which is reported. */
static struct node *compose_node(struct composer *c, const yaml_event_t *start, unsigned depth) {
	if (depth > DOCUMENT_DEPTH) {
		compose_fault(c, place_of(c, start->start_mark), "nested deeper than 32 levels; nothing in this file needs that");
		return NULL;
	}
	switch (start->type) {
	case YAML_SCALAR_EVENT:
		return compose_scalar(c, start);
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT: {
		bool is_map = start->type == YAML_MAPPING_START_EVENT;
		struct node *n = node_create(c, is_map ? NODE_MAP : NODE_LIST, start->start_mark);
		compose_refuse_extras(c, start, is_map ? start->data.mapping_start.anchor : start->data.sequence_start.anchor,
		                      is_map ? start->data.mapping_start.tag : start->data.sequence_start.tag);
		return compose_children(c, n, depth) ? n : NULL;
	}
	default:
		compose_fault(c, place_of(c, start->start_mark), "aliases (*name) are not supported; write the value out");
		return NULL;
	}
}

/* The events around the one document of a file. NULL: empty (is_broken is unchanged) or a fault. */
static struct node *compose_stream(struct composer *c) {
	struct node *root = NULL;
	bool is_done = false;
	while (!is_done) {
		yaml_event_t event;
		if (!compose_next(c, &event))
			return NULL;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (root) {
				compose_fault(c, place_of(c, event.start_mark),
				              "a second document begins here; put it into a file of its own");
				is_done = true;
			}
			break;
		case YAML_STREAM_END_EVENT:
			is_done = true;
			break;
		default:
			root = compose_node(c, &event, 1);
			is_done = !root;
		}
		yaml_event_delete(&event);
	}
	return root;
}

/* ---- keys given twice ---- */

static void path_add(struct buf *path, struct str key) {
	if (path->n > 0)
		buf_add_char(path, '.');
	buf_add(path, key);
}

static void report_twice(struct document *d, struct buf *path, const struct node *again, const struct node *earlier) {
	size_t n = path->n;
	path_add(path, again->key);
	report_add(d->report, again->key_at, buf_str(path), "given twice, first at %.*s:%u:%u; remove one",
	           STR_ARG(earlier->key_at.source->name), earlier->key_at.line, earlier->key_at.column);
	path->n = n;
}

/* Moves the children of `from` behind those of `map`, leaving out (and reporting) keys that are there already. */
static void map_take(struct document *d, struct node *map, struct node *from, struct buf *path) {
	struct map seen = { 0 };
	for (struct node *n = map->first; n; n = n->next)
		map_put(&seen, n->key, n);
	struct node *next = from->first;
	for (struct node *n; (n = next);) {
		next = n->next;
		n->next = NULL;
		struct node *earlier = map_get(&seen, n->key);
		if (earlier) {
			report_twice(d, path, n, earlier);
			continue;
		}
		map_put(&seen, n->key, n);
		node_append(map, n);
	}
	map_fini(&seen);
}

/* In every map below `n`. */
static void drop_repeated(struct document *d, struct node *n, struct buf *path) {
	if (n->kind == NODE_MAP) {
		struct node unique = { .kind = NODE_MAP };
		map_take(d, &unique, n, path);
		n->first = unique.first;
		n->last = unique.last;
		n->n = unique.n;
	}
	size_t index = 0;
	for (struct node *child = n->first; child; child = child->next) {
		size_t length = path->n;
		if (n->kind == NODE_MAP)
			path_add(path, child->key);
		else
			buf_printf(path, "[%zu]", index++);
		drop_repeated(d, child, path);
		path->n = length;
	}
}

/* ---- files ---- */

/* Adds the top level of one file to the root: maps and lists grow, anything else may stand in one file only. */
static void root_merge(struct document *d, struct node *file) {
	struct buf path = { 0 };
	drop_repeated(d, file, &path);
	struct node *next = file->first;
	for (struct node *n; (n = next);) {
		next = n->next;
		n->next = NULL;
		if (str_eq(n->key, STR("include")))
			continue;
		struct node *there = NULL;
		for (struct node *c = d->root->first; c && !there; c = c->next)
			there = str_eq(c->key, n->key) ? c : NULL;
		if (!there) {
			node_append(d->root, n);
		} else if (there->kind == NODE_MAP && n->kind == NODE_MAP) {
			path_add(&path, n->key);
			map_take(d, there, n, &path);
			path.n = 0;
		} else if (there->kind == NODE_LIST && n->kind == NODE_LIST && n->n > 0) {
			*(there->last ? &there->last->next : &there->first) = n->first;
			there->last = n->last;
			there->n += n->n;
		} else if (there->kind == NODE_NULL) { /* "pools:" with nothing in it */
			there->kind = n->kind;
			there->text = n->text;
			there->first = n->first;
			there->last = n->last;
			there->n = n->n;
		} else if (n->kind != NODE_NULL && !(n->kind == NODE_LIST && there->kind == NODE_LIST)) {
			report_twice(d, &path, n, there);
		}
	}
	buf_fini(&path);
}

static void file_include(struct document *d, const struct source *from, const struct node *item);

static void source_compose(struct document *d, const struct source *s, struct str text) {
	struct composer c = { .document = d, .source = s, .text = text };
	if (!yaml_parser_initialize(&c.yaml)) {
		compose_fault(&c, (struct place){ s, 0, 0 }, "out of memory");
		return;
	}
	yaml_parser_set_input_string(&c.yaml, (const unsigned char *)text.p, text.n);
	struct node *root = compose_stream(&c);
	yaml_parser_delete(&c.yaml);
	if (!root)
		return;
	if (root->kind != NODE_MAP && root->kind != NODE_NULL) {
		compose_fault(&c, root->at, "expected a map of sections; write \"key: ...\" lines");
		return;
	}
	struct node *include = node_find(root, "include");
	root_merge(d, root);
	if (!include)
		return;
	if (include->kind == NODE_LIST)
		for (const struct node *n = include->first; n; n = n->next)
			file_include(d, s, n);
	else
		file_include(d, s, include);
}

/* Reads at most DOCUMENT_FILE_BYTES. False with the reason in `why`. */
static bool file_read(int fd, struct buf *out, const char **why) {
	for (;;) {
		ssize_t n = read(fd, buf_reserve(out, 65536), 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*why = strerror(errno);
			return false;
		}
		if (n == 0)
			return true;
		out->n += (size_t)n;
		if (out->n > DOCUMENT_FILE_BYTES) {
			*why = "larger than 16 MiB";
			return false;
		}
	}
}

/* Opens a file and says which one it is. Included ones must be regular files: reading a pipe could wait for ever. */
static int file_open(const char *path, bool is_main, struct stat *st, const char **why) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | (is_main ? 0 : O_NONBLOCK));
	if (fd < 0 || fstat(fd, st) < 0) {
		*why = strerror(errno);
	} else if (S_ISDIR(st->st_mode)) {
		*why = "is a directory";
	} else if (!is_main && !S_ISREG(st->st_mode)) {
		*why = "not a regular file";
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_loop(const struct source *from, const struct stat *st) {
	for (; from; from = from->parent)
		if (from->inode == st->st_ino && from->device == st->st_dev)
			return true;
	return false;
}

/* Reads one file, for `item` of `from`'s include (both NULL: the main file). */
static void file_add(struct document *d, const char *path, const struct source *from, const struct node *item) {
	struct stat st;
	struct buf text = { 0 };
	const char *why = NULL;
	int fd = file_open(path, !from, &st, &why);
	if (fd >= 0 && is_loop(from, &st)) {
		why = "it would include itself";
	} else if (fd >= 0 && d->n_sources > DOCUMENT_INCLUDES) {
		why = "more than 256 files are included";
	} else if (fd >= 0 && file_read(fd, &text, &why)) {
		struct source *s = source_add(d, str_from(path), path_directory(str_from(path)), from);
		s->device = st.st_dev;
		s->inode = st.st_ino;
		source_compose(d, s, buf_str(&text));
	}
	if (why) {
		d->is_broken = true;
		if (item)
			report_add(d->report, item->at, STR("include"), "cannot read %s: %s; mend the path or remove it", path,
			           why);
		else
			report_add(d->report, (struct place){ source_add(d, str_from(path), STR_NONE, NULL), 0, 0 }, STR_NONE,
			           "cannot read it: %s", why);
	}
	if (fd >= 0)
		close(fd);
	buf_fini(&text);
}

static void file_include(struct document *d, const struct source *from, const struct node *item) {
	if (item->kind != NODE_SCALAR || item->text.n == 0 || strlen(item->text.p) != item->text.n) {
		d->is_broken = true;
		report_add(d->report, item->at, STR("include"),
		           "expected a path or a list of paths, found %s; write \"include: conf.d/*.yaml\"",
		           item->kind == NODE_SCALAR ? "an unusable one" : node_kind_text(item->kind));
		return;
	}
	struct str path = path_resolve(d->tree, from->directory, item->text);
	if (strpbrk(path.p, "*?[") == NULL) {
		file_add(d, path.p, from, item);
		return;
	}
	/* A pattern may match nothing: an empty conf.d is a usual thing. */
	glob_t found = { 0 };
	if (glob(path.p, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			file_add(d, found.gl_pathv[i], from, item);
	globfree(&found);
}

void document_read(struct document *d, const char *path) {
	file_add(d, path, NULL, NULL);
	if (d->sources)
		d->root->at = (struct place){ d->sources, 1, 1 };
}

void document_read_text(struct document *d, struct str text, const char *name, const char *directory) {
	struct source *s = source_add(d, str_from(name), str_from(directory), NULL);
	d->root->at = (struct place){ s, 1, 1 };
	if (text.n > DOCUMENT_FILE_BYTES) {
		d->is_broken = true;
		report_add(d->report, (struct place){ s, 0, 0 }, STR_NONE, "larger than 16 MiB");
		return;
	}
	source_compose(d, s, text);
}
