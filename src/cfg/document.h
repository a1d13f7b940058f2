/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * YAML files as one tree of nodes with places: the main file and what it includes, merged at the top level. Knows no key but
 * `include`.
 */
#ifndef STEERWAY_CFG_DOCUMENT_H
#define STEERWAY_CFG_DOCUMENT_H

#include "cfg/report.h"

#include "steerway/base/arena.h"

#define DOCUMENT_FILE_BYTES (16u * 1024 * 1024)
#define DOCUMENT_DEPTH 32
#define DOCUMENT_INCLUDES 256

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	struct place at;
	struct str text; /* of a scalar; NUL-terminated */
	struct str key;  /* of a map's child */
	struct place key_at;
	struct node *first, *last; /* children in the file's order */
	struct node *next;
	size_t n;
};

struct document {
	struct arena *tree; /* nodes and their text; may go when the load is done */
	struct arena *keep; /* sources, whose names the snapshot's marks borrow */
	struct report *report;
	struct node *root; /* a map, always */
	struct source *sources, **next_source;
	unsigned n_sources;
	bool is_broken; /* a file could not be read to its end: to look for more would only find what follows from that */
};

void document_init(struct document *d, struct arena *tree, struct arena *keep, struct report *report);
/* Errors go to the report. */
void document_read(struct document *d, const char *path);
void document_read_text(struct document *d, struct str text, const char *name, const char *directory);

/* NULL: not there. */
struct node *node_find(const struct node *map, const char *key);
/* "a map", "a list", "a value", "nothing" */
const char *node_kind_text(enum node_kind kind);
/* Where the key stands for a map's child, where the value stands otherwise. */
struct place node_place(const struct node *n);

/* `directory`/`path`, or path itself when it is absolute; NUL-terminated. */
struct str path_resolve(struct arena *a, struct str directory, struct str path);

#endif
