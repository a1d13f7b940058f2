/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes: which one takes a request, and what it does with it. A table is built once a reload and never changes; looking up costs
 * the same for one route and for ten thousand, but for regular expressions of one host, which are tried one by one.
 *
 * One order over all routes decides (struct route.rank): the highest priority; then the most exact host; then exact path, regular
 * expression, prefix from long to short; then more conditions; then the file's order.
 */
#ifndef STEERWAY_PROXY_ROUTE_H
#define STEERWAY_PROXY_ROUTE_H

#include "steerway/base/map.h"

#include "proxy/template.h"

struct pool_conf;

enum condition_kind { CONDITION_PRESENT, CONDITION_ABSENT, CONDITION_EXACT, CONDITION_PREFIX, CONDITION_REGEX };
struct condition {
	enum condition_kind kind;
	uint8_t field_id; /* of a field */
	struct str name, text;
	const struct pattern *regex;
};
struct conditions {
	struct condition *items;
	size_t n;
};

enum field_rule_kind { FIELD_REMOVE, FIELD_SET, FIELD_ADD };
struct field_rule {
	enum field_rule_kind kind;
	uint8_t id;
	struct str name;
	struct template value;
};
struct field_rules {
	struct field_rule *items; /* as they are applied: remove, set, add */
	size_t n, n_values;
};

struct rewrite {
	struct str strip_prefix;     /* empty: none */
	const struct pattern *regex; /* NULL: none */
	struct template path, host;  /* path: the whole one, or what replaces a match of `regex`; no parts: none */
};

/* An answer of the route's own. */
struct route_answer {
	uint16_t status;
	struct str body, content_type;
	uint32_t retry_after_s; /* 0: none */
};

struct route_share {
	const struct pool_conf *pool;
	uint64_t up_to; /* shares so far */
};

enum route_action { ROUTE_POOL, ROUTE_SPLIT, ROUTE_REDIRECT, ROUTE_ANSWER };
enum route_path { ROUTE_PATH_EXACT, ROUTE_PATH_REGEX, ROUTE_PATH_PREFIX };

struct route {
	/* identity */
	uint32_t index; /* in the file's list */
	uint32_t rank;  /* place in the one order, from 0 */
	uint32_t priority;
	struct cfg_mark mark;
	/* match */
	struct str host; /* lower case, "*.example.org", or empty: any */
	struct str path; /* normalised; the pattern of a regular expression */
	enum route_path path_kind;
	enum cfg_scheme scheme;
	uint16_t methods; /* a bit each; 0: any */
	uint32_t n_conditions;
	const struct pattern *regex; /* of the path */
	struct cfg_strs other_methods;
	struct cfg_nets clients;
	struct conditions fields, query;
	const struct route *next; /* of the same list, of a higher rank */
	/* action */
	enum route_action action;
	const struct pool_conf *pool; /* ROUTE_POOL */
	enum cfg_urgency urgency;     /* the class that waits in a queue */
	struct route_share *shares;   /* ROUTE_SPLIT; the last one's up_to is the sum */
	size_t n_shares;
	enum cfg_split_by split_by;
	struct template location;               /* ROUTE_REDIRECT */
	struct route_answer answer;             /* its status is the redirect's, too */
	const struct route_answer *maintenance; /* NULL: none */
	const struct rewrite *rewrite;          /* NULL: none */
	struct str upgrade;                     /* protocol that clients may switch to, "any" or "none" */
	bool connect;                           /* passes CONNECT on */
	const struct field_rules *request_rules, *response_rules;
};

struct route_list {
	struct route *first, *last;
};
struct route_host {
	struct map exact, prefixes;      /* path -> struct route_list */
	struct route_list regexes, root; /* root: prefix "/" */
	size_t longest;                  /* of the prefixes */
	uint64_t lengths;                /* bits: a prefix of length % 64 is there */
	uint32_t first_rank;
	uint32_t priority;
	bool has_one_priority; /* then ranks rise in the order of looking */
};
struct route_table {
	struct map hosts, wildcards; /* lower case -> struct route_host; wildcards without "*." */
	size_t longest_wildcard;
	struct route_host any;
	struct route **routes; /* by rank */
	size_t n;
	struct pattern **regexes; /* all, to free */
	size_t n_regexes;
};

struct route_request {
	struct str host;  /* without port, in any case; empty: none */
	struct str path;  /* normalised, or "*" */
	struct str query; /* with its '?', or empty */
	enum http_method method;
	struct str method_name;
	const struct http_head *head;
	const struct addr *client;
	bool is_tls;
	struct pattern_scratch *scratch;
};

enum route_miss {
	ROUTE_MATCHES,
	ROUTE_MISS_PATH, /* a regular expression; others are not looked at when the path differs */
	ROUTE_MISS_SCHEME,
	ROUTE_MISS_METHOD,
	ROUTE_MISS_CLIENT,
	ROUTE_MISS_FIELD,
	ROUTE_MISS_QUERY,
	ROUTE_GAVE_UP, /* a regular expression took too long: whether it matches is not known */
};

/* Compiles all routes of a configuration. pool_of: the compiled pool of a configured one. Everything but the maps and regular
 * expressions lives in the arena. 0, or -1 with the route's place and what is wrong; route_table_fini takes half of it. */
int route_table_init(struct route_table *t, struct arena *a, const struct cfg_root *cfg,
                     const struct pool_conf *(*pool_of)(void *arg, const struct cfg_pool *p), void *arg, struct err *e);
void route_table_fini(struct route_table *t);

/* NULL: no route. *gave_up: a regular expression took too long before one was found, so none may be taken. */
const struct route *route_table_find(const struct route_table *t, const struct route_request *q, bool *gave_up);
/* The routes that the host and path lead to, in the order in which they decide; at most `max`. Returns their number. */
size_t route_table_candidates(const struct route_table *t, const struct route_request *q, const struct route **out, size_t max);

/* Does the route, which host and path led to, take the request? *at: the condition that fails, of MISS_FIELD and MISS_QUERY. */
enum route_miss route_match(const struct route *r, const struct route_request *q, const struct condition **at);

/* ROUTE_SPLIT: the pool of a draw. */
const struct pool_conf *route_split_pick(const struct route *r, uint64_t draw);

/* ---- rewrite.c ---- */

/* The path as the server gets it: written to what `reserve` gives, or the request's own. STR_NONE: it would be no path. */
struct rewriting {
	struct str path, host; /* in: as they came; out: as they go on */
	char *(*reserve)(void *arg, size_t n);
	void *arg;
	struct pattern_scratch *scratch;
};
/* False: what came out is no path, or no host. */
bool route_rewrite(const struct route *r, struct variables *v, struct rewriting *w);
/* Where a redirect leads. False: a regular expression gave up. */
bool route_location(const struct route *r, struct variables *v, struct rewriting *w, struct str *location);

/* ---- rules.c ---- */

enum { FIELD_VALUES_MAX = 64 }; /* of one list of rules; cfg lets no more in */

/* Most bytes of the values that the rules write. */
size_t field_rules_bound(const struct field_rules *rules, const struct variables *v);
/* Applies them to a head with room for rules->n_values more fields; the values are written to `out`. */
void field_rules_apply(const struct field_rules *rules, struct http_head *h, const struct variables *v, char *out);

#endif
