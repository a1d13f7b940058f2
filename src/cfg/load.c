/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tree -> structs, by walking the schema: values parsed, defaults applied, references resolved when everything has its place. Goes
 * on after an error, so that one run finds them all. The snapshot owns one arena with all it points to; the tree goes at the end.
 */
#include "cfg/load.h"

#include "cfg/docs.h"
#include "cfg/scalar.h"

#include "steerway/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#define VALUES_MAX 4096 /* of a list of addresses, paths...: they are searched for repeats one by one */

struct cfg {
	struct arena arena;
	struct cfg_root *root;
};

/* A reference, resolved when all maps are read. */
struct fixup {
	const struct schema_row *row;
	void *field;
	const struct node *node;
	struct instance *owner;
	struct str path;
	struct fixup *next;
};

static void load_section(struct loader *l, const struct instance *parent, enum schema_section_id id, void *object,
                         const struct node *node, struct place at);

/* row NULL: the whole section is at fault. */
__attribute__((format(printf, 5, 6))) static void fault(struct loader *l, struct instance *owner, const struct schema_row *row,
                                                        struct place at, const char *format, ...) {
	char what[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	owner->faulty |= row ? UINT64_C(1) << (row - schema_section(owner->section)->rows) : UINT64_MAX;
	report_add(l->report, at, buf_str(&l->path), "%s", what);
}

/* Puts a key behind the path; returns what path_pop needs. */
static size_t path_push(struct loader *l, struct str key) {
	size_t n = l->path.n;
	if (n > 0)
		buf_add_char(&l->path, '.');
	buf_add(&l->path, key);
	return n;
}

static size_t path_push_index(struct loader *l, size_t i) {
	size_t n = l->path.n;
	buf_printf(&l->path, "[%zu]", i);
	return n;
}

static void path_pop(struct loader *l, size_t n) {
	l->path.n = n;
}

static struct cfg_mark mark_of(struct place at) {
	return (struct cfg_mark){ at.source->name, at.line, at.column };
}

static struct instance *instance_add(struct loader *l, enum schema_section_id id, void *object, const struct node *node,
                                     struct place at) {
	struct instance *i = arena_zalloc(l->tree, sizeof(*i));
	*i = (struct instance){ .section = id, .object = object, .node = node, .at = at };
	i->path = arena_str(l->tree, buf_str(&l->path));
	*l->next_instance = i;
	l->next_instance = &i->next;
	return i;
}

/* ---- values ---- */

static void load_scalar(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n,
                        void *field) {
	const struct scalar_type *type = scalar_type(row->type);
	struct err why;
	if (n->kind == NODE_NULL) {
		fault(l, owner, row, node_place(n), "has no value; give one or remove the key");
	} else if (n->kind != NODE_SCALAR) {
		struct buf type_text = { 0 };
		docs_type(&type_text, row);
		fault(l, owner, row, n->at, "expected one value (%.*s), found %s; write one value", STR_ARG(buf_str(&type_text)),
		      node_kind_text(n->kind));
		buf_fini(&type_text);
	} else {
		struct scalar s = { row, n->text, n->at.source->directory, l->keep, &why };
		if (!type->parse(&s, field))
			fault(l, owner, row, n->at, "%s", why.text);
	}
}

/* One value, or a list of them. */
static void load_scalars(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n,
                         void *field) {
	if (n->kind != NODE_LIST) {
		load_scalar(l, owner, row, n, field);
		return;
	}
	if (n->n == 0 && row->dflt)
		fault(l, owner, row, n->at, "is an empty list; give at least one value");
	if (n->n > VALUES_MAX) {
		fault(l, owner, row, n->at, "%zu values are more than %d; give fewer", n->n, VALUES_MAX);
		return;
	}
	for (const struct node *item = n->first; item; item = item->next)
		load_scalar(l, owner, row, item, field);
}

static bool is_kind(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n,
                    enum node_kind want) {
	if (n->kind == want || n->kind == NODE_NULL)
		return true;
	fault(l, owner, row, n->at, "expected %s, found %s; %s", node_kind_text(want), node_kind_text(n->kind),
	      want == NODE_MAP ? "write \"name: ...\" entries" : "begin each item with \"- \"");
	return false;
}

/* Texts by name: each value is parsed as a TEXT of one line. */
static void load_pairs(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n,
                       void *field) {
	struct cfg_pairs *list = field;
	if (!is_kind(l, owner, row, n, NODE_MAP))
		return;
	if (n->n == 0 || n->n > VALUES_MAX) {
		fault(l, owner, row, node_place(n), "holds %zu entries; write \"name: text\" entries, at most %d", n->n,
		      VALUES_MAX);
		return;
	}
	list->items = arena_zalloc(l->keep, n->n * sizeof(*list->items));
	for (const struct node *item = n->first; item; item = item->next) {
		struct cfg_pair *pair = &list->items[list->n++];
		size_t length = path_push(l, item->key);
		*pair = (struct cfg_pair){ arena_str(l->keep, item->key), STR(""), mark_of(node_place(item)) };
		load_scalar(l, owner, row, item, &pair->value);
		path_pop(l, length);
	}
}

/* What the default of a path is relative to: the folder of the file that is not included by another. */
static struct str main_directory(const struct loader *l) {
	const struct source *s = l->document->sources;
	while (s && s->parent)
		s = s->next;
	return s ? s->directory : STR_NONE;
}

static void load_default(struct loader *l, const struct schema_row *row, void *field) {
	if (!row->dflt || schema_is_required(row))
		return;
	struct err why;
	struct scalar s = { row, str_from(row->dflt), main_directory(l), l->keep, &why };
	scalar_type(row->type)->parse(&s, field);
}

static void load_include(struct loader *l, const struct schema_row *row, struct instance *owner, void *field) {
	struct cfg_strs *list = field;
	size_t index = (size_t)(row - schema_section(owner->section)->rows);
	list->items = arena_zalloc(l->keep, (l->document->n_sources + 1) * sizeof(*list->items));
	for (const struct source *s = l->document->sources; s; s = s->next)
		if (s->parent)
			list->items[list->n++] = s->name;
	*schema_given(owner->object) |= (uint64_t)(list->n > 0) << index;
}

/* ---- sections ---- */

/* Items of a MAP or LIST, in one array so that pointers to them hold. */
static void load_items(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n,
                       void *field) {
	const struct schema_section *s = schema_section(row->param);
	if (!is_kind(l, owner, row, n, row->type == SCHEMA_MAP ? NODE_MAP : NODE_LIST))
		return;
	if (n->n == 0) {
		if (schema_is_required(row))
			fault(l, owner, row, node_place(n), "is empty; give at least one");
		return;
	}
	struct schema_items list = { arena_zalloc(l->keep, n->n * s->bytes), n->n };
	memcpy(field, &list, sizeof(list));
	size_t i = 0;
	for (const struct node *item = n->first; item; item = item->next, i++) {
		void *object = (char *)list.items + i * s->bytes;
		size_t length = row->type == SCHEMA_MAP ? path_push(l, item->key) : path_push_index(l, i);
		*schema_id(object) = row->type == SCHEMA_MAP ? arena_str(l->keep, item->key) : STR("");
		load_section(l, owner, row->param, object, item, node_place(item));
		path_pop(l, length);
	}
}

static void fixup_add(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n, void *field) {
	struct fixup *f = arena_zalloc(l->tree, sizeof(*f));
	*f = (struct fixup){ row, field, n, owner, arena_str(l->tree, buf_str(&l->path)), NULL };
	*l->next_fixup = f;
	l->next_fixup = &f->next;
}

static void load_key(struct loader *l, struct instance *owner, const struct schema_row *row, const struct node *n) {
	void *field = schema_field(owner->object, row);
	*schema_given(owner->object) |= UINT64_C(1) << (row - schema_section(owner->section)->rows);
	switch (row->type) {
	case SCHEMA_OBJECT:
		load_section(l, owner, row->param, field, n, node_place(n));
		break;
	case SCHEMA_MAP:
	case SCHEMA_LIST:
		load_items(l, owner, row, n, field);
		break;
	case SCHEMA_PAIRS:
		load_pairs(l, owner, row, n, field);
		break;
	case SCHEMA_REF:
	case SCHEMA_REFS:
	case SCHEMA_WEIGHTS:
	case SCHEMA_MEMBERS:
	case SCHEMA_CASES:
		fixup_add(l, owner, row, n, field);
		break;
	default:
		(scalar_type(row->type)->is_list ? load_scalars : load_scalar)(l, owner, row, n, field);
	}
}

static void load_absent_key(struct loader *l, struct instance *owner, const struct schema_row *row) {
	void *field = schema_field(owner->object, row);
	if (row->type == SCHEMA_OBJECT)
		load_section(l, owner, row->param, field, NULL, owner->at);
	else if (row->type == SCHEMA_INCLUDE)
		load_include(l, row, owner, field);
	else if (owner->node && schema_is_required(row))
		fault(l, owner, row, owner->at, "is required but missing; add \"%s: ...\"", row->key);
	else
		load_default(l, row, field);
}

static void report_unknown(struct loader *l, const struct schema_section *s, const struct node *n) {
	struct nearest nearest;
	struct buf hint = { 0 };
	nearest_init(&nearest, n->key);
	for (size_t i = 0; i < s->n_rows; i++)
		nearest_offer(&nearest, str_from(s->rows[i].key));
	nearest_finish(&nearest, &hint, "allowed here:", "no key is allowed here");
	/* Not fault(): the keys that are known stay as sound as they were. */
	report_add(l->report, n->key_at, buf_str(&l->path), "unknown key; %.*s", STR_ARG(buf_str(&hint)));
	buf_fini(&hint);
}

/* node NULL: the section is absent and gets its defaults. */
static void load_section(struct loader *l, const struct instance *parent, enum schema_section_id id, void *object,
                         const struct node *node, struct place at) {
	const struct schema_section *s = schema_section(id);
	struct instance *self = instance_add(l, id, object, node, at);
	self->parent = parent;
	*schema_mark(object) = mark_of(at);
	*schema_is_given(object) = node != NULL;
	if (schema_id(object)->p == NULL)
		*schema_id(object) = STR("");
	if (node && !is_kind(l, self, NULL, node, NODE_MAP))
		return;
	for (const struct node *n = node ? node->first : NULL; n; n = n->next) {
		const struct schema_row *row = schema_find(s, n->key);
		size_t length = path_push(l, n->key);
		if (row)
			load_key(l, self, row, n);
		else
			report_unknown(l, s, n);
		path_pop(l, length);
	}
	for (size_t i = 0; i < s->n_rows; i++) {
		size_t length = path_push(l, str_from(s->rows[i].key));
		if (!schema_key_is_given(s, &s->rows[i], object))
			load_absent_key(l, self, &s->rows[i]);
		path_pop(l, length);
	}
}

/* ---- references ---- */

/* NULL: unknown, which is reported. */
static void *reference_find(struct loader *l, const struct fixup *f, struct str name, struct place at) {
	const struct schema_row *home = schema_home(f->row->param);
	const struct schema_section *s = schema_section(f->row->param);
	struct schema_items all = schema_items_of(l->root, home);
	for (size_t i = 0; i < all.n; i++)
		if (str_eq(*schema_id((char *)all.items + i * s->bytes), name))
			return (char *)all.items + i * s->bytes;
	struct nearest nearest;
	struct buf hint = { 0 }, none = { 0 };
	nearest_init(&nearest, name);
	for (size_t i = 0; i < all.n; i++)
		nearest_offer(&nearest, *schema_id((char *)all.items + i * s->bytes));
	buf_printf(&none, "there are none, add it under \"%s\"%c", home->key, '\0');
	nearest_finish(&nearest, &hint, "there are:", none.p);
	fault(l, f->owner, f->row, at, "no %s \"%.*s%s\"; %.*s", s->name, REPORT_VALUE(name), STR_ARG(buf_str(&hint)));
	buf_fini(&hint);
	buf_fini(&none);
	return NULL;
}

static void *reference_resolve(struct loader *l, const struct fixup *f, const struct node *n) {
	if (n->kind == NODE_SCALAR)
		return reference_find(l, f, n->text, n->at);
	fault(l, f->owner, f->row, n->at, "expected the name of a %s, found %s; write the name",
	      schema_section(f->row->param)->name, node_kind_text(n->kind));
	return NULL;
}

static bool is_repeated(struct loader *l, const struct fixup *f, void *const *seen, size_t n, const void *object,
                        struct place at) {
	for (size_t i = 0; i < n; i++)
		if (seen[i] == object) {
			fault(l, f->owner, f->row, at, "\"%.*s\" is given twice; remove one", STR_ARG(*schema_id(seen[i])));
			return true;
		}
	return false;
}

/* Objects of a list (or of one value); their number is returned. */
static size_t resolve_list(struct loader *l, const struct fixup *f, void **out) {
	const struct node *single[1] = { f->node };
	size_t n = 0;
	for (const struct node *item = f->node->kind == NODE_LIST ? f->node->first : single[0]; item;
	     item = f->node->kind == NODE_LIST ? item->next : NULL) {
		void *object = reference_resolve(l, f, item);
		if (object && !is_repeated(l, f, out, n, object, item->at))
			out[n++] = object;
	}
	return n;
}

static void resolve_refs(struct loader *l, const struct fixup *f) {
	void **objects = arena_zalloc(l->keep, (f->node->n + 1) * sizeof(*objects));
	struct schema_items list = { objects, 0 };
	list.n = resolve_list(l, f, objects);
	memcpy(f->field, &list, sizeof(list));
}

static uint32_t weight_read(struct loader *l, const struct fixup *f, const struct node *n) {
	uint64_t weight;
	if (n->kind == NODE_SCALAR && str_to_u64(n->text, &weight) && weight <= 1000000)
		return (uint32_t)weight;
	struct str found = n->kind == NODE_SCALAR ? n->text : str_from(node_kind_text(n->kind));
	fault(l, f->owner, f->row, n->at, "\"%.*s%s\" is not a weight; write a whole number from 0 to 1000000",
	      REPORT_VALUE(found));
	return 0;
}

/* A list (each weighs 1) or a map. */
static void resolve_weights(struct loader *l, const struct fixup *f) {
	struct cfg_weights *out = f->field;
	size_t room = f->node->n + 1;
	out->items = arena_zalloc(l->keep, room * sizeof(*out->items));
	if (f->node->kind == NODE_MAP) {
		for (const struct node *n = f->node->first; n; n = n->next) {
			size_t length = path_push(l, n->key);
			void *site = reference_find(l, f, n->key, n->key_at);
			uint32_t weight = weight_read(l, f, n);
			if (site)
				out->items[out->n++] = (struct cfg_weight){ .site = site, .weight = weight };
			path_pop(l, length);
		}
	} else {
		void **sites = arena_zalloc(l->tree, room * sizeof(*sites));
		out->n = resolve_list(l, f, sites);
		for (size_t i = 0; i < out->n; i++)
			out->items[i] = (struct cfg_weight){ .site = sites[i], .weight = 1 };
	}
}

/* ---- members of policies: sites and other policies ---- */

/* Of the root's map of that section; NULL: there is none of that name. Offers all names to `nearest`. */
static void *item_find(struct loader *l, enum schema_section_id id, struct str name, struct nearest *nearest) {
	const struct schema_section *s = schema_section(id);
	struct schema_items all = schema_items_of(l->root, schema_home(id));
	void *found = NULL;
	for (size_t i = 0; i < all.n; i++) {
		void *item = (char *)all.items + i * s->bytes;
		nearest_offer(nearest, *schema_id(item));
		if (str_eq(*schema_id(item), name))
			found = item;
	}
	return found;
}

static bool member_find(struct loader *l, const struct fixup *f, struct str name, struct place at, struct cfg_member *out) {
	struct nearest nearest;
	struct buf hint = { 0 };
	nearest_init(&nearest, name);
	out->site = item_find(l, SCHEMA_SECTION_site, name, &nearest);
	out->policy = item_find(l, SCHEMA_SECTION_policy, name, &nearest);
	bool is_found = out->site || out->policy;
	if (out->site) /* a policy of the same name is another fault */
		out->policy = NULL;
	nearest_finish(&nearest, &hint, "there are:", "there are none, add it under \"sites\" or \"policies\"");
	if (!is_found)
		fault(l, f->owner, f->row, at, "no site or policy \"%.*s%s\"; %.*s", REPORT_VALUE(name), STR_ARG(buf_str(&hint)));
	buf_fini(&hint);
	return is_found;
}

/* A value of a list, or of a map with weights. */
static void member_add(struct loader *l, const struct fixup *f, const struct node *n, bool is_map, struct cfg_members *out) {
	struct cfg_member m = { .weight = is_map ? weight_read(l, f, n) : 1 };
	if (!is_map && n->kind != NODE_SCALAR) {
		fault(l, f->owner, f->row, n->at, "expected the name of a site or policy, found %s; write the name",
		      node_kind_text(n->kind));
		return;
	}
	struct str name = is_map ? n->key : n->text;
	struct place at = is_map ? n->key_at : n->at;
	if (!member_find(l, f, name, at, &m))
		return;
	for (size_t i = 0; i < out->n; i++)
		if (out->items[i].site == m.site && out->items[i].policy == m.policy) {
			fault(l, f->owner, f->row, at, "\"%.*s\" is given twice; remove one", STR_ARG(name));
			return;
		}
	out->items[out->n++] = m;
}

static void resolve_members(struct loader *l, const struct fixup *f, const struct node *from, struct cfg_members *out) {
	bool is_list = from->kind != NODE_SCALAR;
	out->items = arena_zalloc(l->keep, (from->n + 1) * sizeof(*out->items));
	out->is_map = from->kind == NODE_MAP;
	for (const struct node *n = is_list ? from->first : from; n; n = is_list ? n->next : NULL) {
		size_t length = out->is_map ? path_push(l, n->key) : l->path.n;
		member_add(l, f, n, out->is_map, out);
		path_pop(l, length);
	}
}

static void resolve_cases(struct loader *l, const struct fixup *f) {
	struct cfg_cases *out = f->field;
	if (!is_kind(l, f->owner, f->row, f->node, NODE_MAP))
		return;
	out->items = arena_zalloc(l->keep, f->node->n * sizeof(*out->items));
	for (const struct node *n = f->node->first; n; n = n->next) {
		struct cfg_case *c = &out->items[out->n++];
		size_t length = path_push(l, n->key);
		c->key = arena_str(l->keep, n->key);
		c->mark = mark_of(node_place(n));
		if (n->kind == NODE_NULL || n->kind == NODE_MAP || (n->kind == NODE_LIST && n->n == 0))
			fault(l, f->owner, f->row, node_place(n), "expected a site or policy, or a list of them; write [a, b]");
		else
			resolve_members(l, f, n, &c->members);
		path_pop(l, length);
	}
}

static void resolve_all(struct loader *l) {
	for (const struct fixup *f = l->fixups; f; f = f->next) {
		l->path.n = 0;
		buf_add(&l->path, f->path);
		if (f->node->kind == NODE_NULL) {
			fault(l, f->owner, f->row, node_place(f->node), "has no value; give one or remove the key");
		} else if (f->node->n == 0 && f->node->kind != NODE_SCALAR) {
			fault(l, f->owner, f->row, f->node->at, "is empty; give at least one name");
		} else if (f->row->type == SCHEMA_REF) {
			void *object = reference_resolve(l, f, f->node);
			memcpy(f->field, &object, sizeof(object));
		} else if (f->row->type == SCHEMA_MEMBERS) {
			resolve_members(l, f, f->node, f->field);
		} else {
			(f->row->type == SCHEMA_REFS    ? resolve_refs
			 : f->row->type == SCHEMA_CASES ? resolve_cases
			                                : resolve_weights)(l, f);
		}
	}
	l->path.n = 0;
}

/* ---- what is another's when absent, and names whose case means nothing ---- */

static struct str domain_settle(struct loader *l, struct str name) {
	if (name.n == 0)
		return name;
	char *p = arena_alloc(l->keep, name.n + 1);
	for (size_t i = 0; i < name.n; i++)
		p[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	size_t n = name.n > 1 && p[name.n - 1] == '.' ? name.n - 1 : name.n;
	p[n] = '\0';
	return str_slice(p, n);
}

static void settle_check(struct cfg_check *c) {
	if (c->fast_interval_ms == 0)
		c->fast_interval_ms = c->interval_ms;
	if (c->down_interval_ms == 0)
		c->down_interval_ms = c->interval_ms;
	if (c->tls.server_name.n == 0)
		c->tls.server_name = c->host;
}

static void settle_pool(struct cfg_pool *p) {
	const struct schema_section *s = schema_section(SCHEMA_SECTION_server);
	const struct schema_row *connections = schema_find(s, STR("max_connections"));
	const struct schema_row *requests = schema_find(s, STR("max_requests"));
	for (size_t i = 0; i < p->servers.n; i++) {
		if (!schema_key_is_given(s, connections, &p->servers.items[i]))
			p->servers.items[i].max_connections = p->max_connections;
		if (!schema_key_is_given(s, requests, &p->servers.items[i]))
			p->servers.items[i].max_requests = p->max_requests;
	}
}

static void settle(struct loader *l) {
	struct cfg_root *r = l->root;
	for (size_t i = 0; i < r->checks.n; i++)
		settle_check(&r->checks.items[i]);
	for (size_t i = 0; i < r->pools.n; i++)
		settle_pool(&r->pools.items[i]);
	for (size_t i = 0; i < r->routes.n; i++)
		r->routes.items[i].host = domain_settle(l, r->routes.items[i].host);
	for (size_t i = 0; i < r->zones.n; i++) {
		struct cfg_zone *z = &r->zones.items[i];
		z->id = domain_settle(l, z->id);
		for (size_t j = 0; j < z->names.n; j++)
			z->names.items[j].id = domain_settle(l, z->names.items[j].id);
	}
}

/* ---- the front door ---- */

/* What was read into `d` as structs of `c`. */
static void cfg_fill(struct cfg *c, struct document *d) {
	struct loader l = {
		.keep = d->keep,
		.tree = d->tree,
		.report = d->report,
		.document = d,
	};
	l.next_instance = &l.instances;
	l.next_fixup = &l.fixups;
	c->root = l.root = arena_zalloc(d->keep, sizeof(*c->root));
	load_section(&l, NULL, SCHEMA_SECTION_root, l.root, d->root, d->root->at);
	resolve_all(&l);
	settle(&l);
	checks_run(&l);
	buf_fini(&l.path);
}

/* Reads `path`, or `text` when path is NULL. */
static struct cfg *cfg_read(const char *path, struct str text, const char *name, const char *directory, struct buf *errors) {
	struct cfg *c = mem_zalloc(sizeof(*c));
	struct arena tree;
	struct report report = { 0 };
	struct document d;
	arena_init(&c->arena, 16384);
	arena_init(&tree, 65536);
	document_init(&d, &tree, &c->arena, &report);
	if (path)
		document_read(&d, path);
	else
		document_read_text(&d, text, name, directory);
	if (!d.is_broken)
		cfg_fill(c, &d);
	bool is_good = report_flush(&report, errors) == 0 && !d.is_broken;
	arena_fini(&tree);
	if (is_good)
		return c;
	cfg_destroy(c);
	return NULL;
}

struct cfg *cfg_load(const char *path, struct buf *errors) {
	return cfg_read(path, STR_NONE, NULL, NULL, errors);
}

struct cfg *cfg_load_text(struct str text, const char *name, const char *directory, struct buf *errors) {
	return cfg_read(NULL, text, name, directory ? directory : "", errors);
}

void cfg_destroy(struct cfg *c) {
	if (!c)
		return;
	arena_fini(&c->arena);
	mem_free(c);
}

const struct cfg_root *cfg_root(const struct cfg *c) {
	return c->root;
}
