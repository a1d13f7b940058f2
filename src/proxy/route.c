/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of routes: by host, and for each host exact paths and prefixes in hash tables and regular expressions in a list. A list
 * holds routes of the same host and path, which differ in conditions. Host and path lead to a few lists, whatever the number of
 * routes; the best rank among their routes that match wins.
 *
 * walk() alone knows which lists; finding and explaining both go through it, so that an explanation tells what happens.
 */
#include "proxy/route.h"

#include "steerway/base/mem.h"
#include "proxy/route_compile.h"

#include <stdlib.h>

enum { HOST_BYTES = 256 };

/* ---- looking up ---- */

struct walk {
	const struct route_request *q;
	const struct route *best;
	uint32_t best_rank;
	bool gave_up;
	const struct route **out; /* of the candidates */
	size_t n, max;
};

typedef void visit_fn(struct walk *w, const struct route_list *list);

/* The letters A to Z of eight bytes to lower case: bit 7 of each byte says which they are, and a letter's case is bit 5. */
static inline uint64_t lower_word(uint64_t x) {
	const uint64_t ones = UINT64_C(0x0101010101010101), sevens = 0x7f * ones;
	uint64_t from_a = (x & sevens) + (0x80 - 'A') * ones, above_z = (x & sevens) + (0x7f - 'Z') * ones;
	return x | ((from_a ^ above_z) & ~x & 0x80 * ones) >> 2;
}

static struct str lower_case(struct str in, char out[HOST_BYTES]) {
	size_t n = in.n <= HOST_BYTES ? in.n : 0; /* longer than a domain name can be: no route has it */
	uint64_t word;
	for (size_t i = 0; n >= sizeof(word) && i < n; i += sizeof(word)) {
		size_t at = i + sizeof(word) <= n ? i : n - sizeof(word); /* the last ones overlap */
		memcpy(&word, in.p + at, sizeof(word));
		word = lower_word(word);
		memcpy(out + at, &word, sizeof(word));
	}
	for (size_t i = 0; n < sizeof(word) && i < n; i++)
		out[i] = (char)(in.p[i] >= 'A' && in.p[i] <= 'Z' ? in.p[i] | 0x20 : in.p[i]);
	return str_slice(out, n);
}

/* Prefixes from long to short. Each byte of the path is looked at once, and only borders of segments at which some prefix of that
 * length ends are hashed. */
static inline __attribute__((always_inline)) void walk_prefixes(struct walk *w, const struct route_host *h, struct str path,
                                                                visit_fn *visit) {
	const struct route *before = w->best; /* another host's */
	for (size_t n = path.n < h->longest ? path.n : h->longest; n > 1; n--) {
		if (!(h->lengths >> (n & 63) & 1) || !(n == path.n || path.p[n] == '/' || path.p[n - 1] == '/'))
			continue;
		const struct route_list *list = map_get(&h->prefixes, str_slice(path.p, n));
		if (list)
			visit(w, list);
		if (w->best != before && h->has_one_priority)
			return;
	}
	visit(w, &h->root);
}

static inline __attribute__((always_inline)) void walk_host(struct walk *w, const struct route_host *h, struct str path,
                                                            visit_fn *visit) {
	if (h->first_rank >= w->best_rank)
		return;
	const struct route_list *exact = h->exact.n > 0 ? map_get(&h->exact, path) : NULL;
	const struct route *before = w->best;
	if (exact)
		visit(w, exact);
	if (h->regexes.first && !(w->best != before && h->has_one_priority))
		visit(w, &h->regexes);
	if (!(w->best != before && h->has_one_priority))
		walk_prefixes(w, h, path, visit);
}

/* The lists that host and path lead to, in the default order. */
static inline __attribute__((always_inline)) void walk(struct walk *w, const struct route_table *t, visit_fn *visit) {
	struct str path = w->q->path, host = w->q->host;
	char lower[HOST_BYTES];
	if (path.n == 0 || path.p[0] != '/')
		path = STR("/"); /* OPTIONS * asks about the server as a whole */
	if (host.n > 0 && (t->hosts.n > 0 || t->wildcards.n > 0)) {
		host = lower_case(host, lower);
		const struct route_host *h = map_get(&t->hosts, host);
		if (h)
			walk_host(w, h, path, visit);
		for (size_t i = 0; t->wildcards.n > 0 && i < host.n; i++)
			if (host.p[i] == '.' && host.n - i - 1 <= t->longest_wildcard && i > 0 &&
			    (h = map_get(&t->wildcards, str_skip(host, i + 1))) != NULL)
				walk_host(w, h, path, visit);
	}
	walk_host(w, &t->any, path, visit);
}

static void visit_best(struct walk *w, const struct route_list *list) {
	const struct condition *at;
	for (const struct route *r = list->first; r && r->rank < w->best_rank; r = r->next) {
		bool is_plain = r->n_conditions == 0 && !r->regex;
		enum route_miss miss = is_plain ? ROUTE_MATCHES : route_match(r, w->q, &at);
		if (miss != ROUTE_MATCHES && miss != ROUTE_GAVE_UP)
			continue;
		w->gave_up = miss == ROUTE_GAVE_UP;
		w->best = r;
		w->best_rank = r->rank;
		return;
	}
}

const struct route *route_table_find(const struct route_table *t, const struct route_request *q, bool *gave_up) {
	struct walk w = { .q = q, .best_rank = UINT32_MAX };
	walk(&w, t, visit_best);
	*gave_up = w.gave_up;
	return w.gave_up ? NULL : w.best;
}

static void visit_all(struct walk *w, const struct route_list *list) {
	for (const struct route *r = list->first; r && w->n < w->max; r = r->next)
		w->out[w->n++] = r;
}

static int by_rank(const void *a, const void *b) {
	const struct route *const *x = a, *const *y = b;
	return ((*x)->rank > (*y)->rank) - ((*x)->rank < (*y)->rank);
}

size_t route_table_candidates(const struct route_table *t, const struct route_request *q, const struct route **out, size_t max) {
	struct walk w = { .q = q, .best_rank = UINT32_MAX, .out = out, .max = max };
	walk(&w, t, visit_all);
	if (w.n > 0)
		qsort(out, w.n, sizeof(*out), by_rank);
	return w.n;
}

const struct pool_conf *route_split_pick(const struct route *r, uint64_t draw) {
	uint64_t at = draw % r->shares[r->n_shares - 1].up_to;
	size_t i = 0;
	while (at >= r->shares[i].up_to)
		i++;
	return r->shares[i].pool;
}

/* ---- building ---- */

static bool is_wildcard(struct str host) {
	return str_starts(host, STR("*."));
}

/* The one order: what stands first here is looked at first. */
static int by_order(const void *a, const void *b) {
	const struct route *x = *(const struct route *const *)a, *y = *(const struct route *const *)b;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	/* Exact hosts, then wildcards from long to short, then any. */
	size_t hx = is_wildcard(x->host) ? x->host.n : x->host.n > 0 ? SIZE_MAX : 0;
	size_t hy = is_wildcard(y->host) ? y->host.n : y->host.n > 0 ? SIZE_MAX : 0;
	if (hx != hy)
		return hx > hy ? -1 : 1;
	if (x->path_kind != y->path_kind)
		return x->path_kind < y->path_kind ? -1 : 1;
	if (x->path_kind == ROUTE_PATH_PREFIX && x->path.n != y->path.n)
		return x->path.n > y->path.n ? -1 : 1;
	if (x->n_conditions != y->n_conditions)
		return x->n_conditions > y->n_conditions ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static void list_add(struct route_list *l, struct route *r) {
	if (l->last)
		l->last->next = r;
	else
		l->first = r;
	l->last = r;
}

static struct route_list *list_of(struct map *m, struct arena *a, struct str path) {
	struct route_list *l = map_get(m, path);
	if (!l) {
		l = arena_zalloc(a, sizeof(*l));
		map_put(m, path, l);
	}
	return l;
}

static struct route_host *host_of(struct route_table *t, struct arena *a, struct str host) {
	if (host.n == 0)
		return &t->any;
	bool is_wild = is_wildcard(host);
	struct map *m = is_wild ? &t->wildcards : &t->hosts;
	struct str key = is_wild ? str_skip(host, 2) : host;
	struct route_host *h = map_get(m, key);
	if (!h) {
		h = arena_zalloc(a, sizeof(*h));
		h->first_rank = UINT32_MAX;
		h->has_one_priority = true;
		map_put(m, key, h);
	}
	if (is_wild && key.n > t->longest_wildcard)
		t->longest_wildcard = key.n;
	return h;
}

/* In the order of ranks. */
static void table_add(struct route_table *t, struct arena *a, struct route *r) {
	struct route_host *h = host_of(t, a, r->host);
	if (h->first_rank == UINT32_MAX) {
		h->first_rank = r->rank;
		h->priority = r->priority;
	}
	h->has_one_priority = h->has_one_priority && h->priority == r->priority;
	if (r->path_kind == ROUTE_PATH_EXACT) {
		list_add(list_of(&h->exact, a, r->path), r);
	} else if (r->path_kind == ROUTE_PATH_REGEX) {
		list_add(&h->regexes, r);
	} else if (r->path.n == 1) {
		list_add(&h->root, r);
	} else {
		list_add(list_of(&h->prefixes, a, r->path), r);
		h->lengths |= UINT64_C(1) << (r->path.n & 63);
		h->longest = r->path.n > h->longest ? r->path.n : h->longest;
	}
}

int route_table_init(struct route_table *t, struct arena *a, const struct cfg_root *cfg,
                     const struct pool_conf *(*pool_of)(void *arg, const struct cfg_pool *p), void *arg, struct err *e) {
	*t = (struct route_table){ .any = { .first_rank = UINT32_MAX, .has_one_priority = true } };
	t->routes = arena_zalloc(a, (cfg->routes.n + 1) * sizeof(struct route *));
	struct route_compiler c = { .table = t, .arena = a, .pool_of = pool_of, .arg = arg };
	for (size_t i = 0; i < cfg->routes.n; i++) {
		t->routes[i] = route_compile(&c, &cfg->routes.items[i], (uint32_t)i, e);
		if (!t->routes[i])
			return err_context(e, "%.*s:%u:%u: routes[%zu]", STR_ARG(cfg->routes.items[i].mark.file),
			                   cfg->routes.items[i].mark.line, cfg->routes.items[i].mark.column, i);
		t->n++;
	}
	if (t->n > 0)
		qsort(t->routes, t->n, sizeof(struct route *), by_order);
	for (size_t i = 0; i < t->n; i++) {
		t->routes[i]->rank = (uint32_t)i;
		table_add(t, a, t->routes[i]);
	}
	return 0;
}

static void host_fini(struct route_host *h) {
	map_fini(&h->exact);
	map_fini(&h->prefixes);
}

static void hosts_fini(struct map *m) {
	for (struct map_entry *e = NULL; (e = map_next(m, e));)
		host_fini(e->value);
	map_fini(m);
}

void route_table_fini(struct route_table *t) {
	hosts_fini(&t->hosts);
	hosts_fini(&t->wildcards);
	host_fini(&t->any);
	for (size_t i = 0; i < t->n_regexes; i++)
		pattern_destroy(t->regexes[i]);
	mem_free(t->regexes);
	*t = (struct route_table){ 0 };
}
