/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What no single value of a map, a policy or a steered name shows: keys that its kind needs or has no use for, cases that can't be,
 * policies that are members of themselves, sites that could never be answered with.
 */
#include "cfg/checks.h"

#include "cfg/scalar.h"

#include "steerway/base/mem.h"

/* ---- what a policy of a kind takes ---- */

enum need { NEED_NO, NEED_MAY, NEED_YES };

static const struct {
	const char *name;
	enum need sites, weights, map, cases;
	uint32_t map_types; /* bits of enum cfg_map_type */
} kinds[] = {
#define SUBNETS (1u << CFG_MAP_TYPE_SUBNET)
#define PLACES (1u << CFG_MAP_TYPE_GEO)
#define TIMES (1u << CFG_MAP_TYPE_LATENCY)
	[CFG_POLICY_FAILOVER] = { "failover", NEED_YES, NEED_NO, NEED_NO, NEED_NO, 0 },
	[CFG_POLICY_WEIGHTED] = { "weighted", NEED_YES, NEED_YES, NEED_NO, NEED_NO, 0 },
	[CFG_POLICY_ALL] = { "all", NEED_YES, NEED_NO, NEED_NO, NEED_NO, 0 },
	[CFG_POLICY_CONSISTENT] = { "consistent", NEED_YES, NEED_MAY, NEED_NO, NEED_NO, 0 },
	[CFG_POLICY_GEO] = { "geo", NEED_MAY, NEED_NO, NEED_YES, NEED_MAY, PLACES },
	[CFG_POLICY_SUBNET] = { "subnet", NEED_NO, NEED_NO, NEED_YES, NEED_YES, SUBNETS },
	[CFG_POLICY_LATENCY] = { "latency", NEED_YES, NEED_NO, NEED_YES, NEED_NO, TIMES },
	[CFG_POLICY_VIEW] = { "view", NEED_NO, NEED_NO, NEED_YES, NEED_YES, SUBNETS | PLACES },
};

/* What a steered name and a section of `policies` have in common. */
struct choice {
	enum cfg_policy_kind kind;
	const struct cfg_members *sites;
	const struct cfg_map *map;
	const struct cfg_cases *cases;
	uint64_t min_up;
};

static struct choice choice_of_policy(const struct cfg_policy *p) {
	return (struct choice){ p->policy, &p->sites, p->map, &p->cases, p->min_up };
}

static struct choice choice_of(const struct instance *i) {
	const struct cfg_name *n = i->object;
	if (i->section == SCHEMA_SECTION_policy)
		return choice_of_policy(i->object);
	return n->use ? choice_of_policy(n->use) : (struct choice){ n->policy, &n->sites, n->map, &n->cases, n->min_up };
}

/* A steered name that takes its policy from elsewhere says nothing of it. */
static bool is_borrowed(const struct instance *i) {
	return i->section == SCHEMA_SECTION_name && ((const struct cfg_name *)i->object)->use;
}

static void check_key(struct loader *l, const struct instance *i, const char *key, enum need need, const char *kind,
                      const char *remedy) {
	const struct node *n = node_find(i->node, key);
	if (need == NEED_YES && !n)
		fault(l, i, NULL, "policy %s needs %s; %s", kind, key, remedy);
	if (need == NEED_NO && n) {
		struct place place = node_place(n);
		checks_fault(l, i, key, &place, "has no effect with policy %s; remove it, or set another policy", kind);
	}
}

static void check_weights(struct loader *l, const struct instance *i, const struct choice *c) {
	const struct node *n = node_find(i->node, "sites");
	const char *kind = kinds[c->kind].name;
	uint64_t sum = 0;
	if (!n || c->sites->n == 0 || kinds[c->kind].sites == NEED_NO)
		return;
	struct str first = c->sites->items[0].site ? c->sites->items[0].site->id : c->sites->items[0].policy->id;
	for (size_t k = 0; k < c->sites->n; k++)
		sum += c->sites->items[k].weight;
	if (kinds[c->kind].weights == NEED_YES && !c->sites->is_map)
		fault(l, i, "sites", "policy %s needs a weight for each site; write { %.*s: 50, ... }", kind, STR_ARG(first));
	else if (kinds[c->kind].weights == NEED_NO && c->sites->is_map)
		fault(l, i, "sites", "policy %s takes sites in order, not weights; write [%.*s, ...], or set policy: weighted",
		      kind, STR_ARG(first));
	else if (sum == 0)
		fault(l, i, "sites", "all weights are 0; give one site at least 1");
	else if (c->min_up > c->sites->n)
		fault(l, i, "min_up", "%llu exceeds the %zu members; lower it", (unsigned long long)c->min_up, c->sites->n);
}

static bool has_member(const struct cfg_members *all, const struct cfg_member *m) {
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].site == m->site && all->items[i].policy == m->policy)
			return true;
	return false;
}

/* How many members clients of a case may get: its own, and behind them those of `default`, which a view has no use for. */
static size_t case_size(const struct choice *c, const struct cfg_case *it) {
	size_t n = it->members.n;
	for (size_t k = 0; c->kind != CFG_POLICY_VIEW && k < c->cases->n; k++) {
		const struct cfg_case *rest = &c->cases->items[k];
		for (size_t j = 0; str_eq(rest->key, STR("default")) && j < rest->members.n; j++)
			n += !has_member(&it->members, &rest->members.items[j]);
	}
	return n;
}

static void check_case_sizes(struct loader *l, const struct instance *i, const struct choice *c) {
	if (kinds[c->kind].cases == NEED_NO)
		return;
	for (size_t k = 0; k < c->cases->n; k++) {
		const struct cfg_case *it = &c->cases->items[k];
		struct place place = checks_item_place(i, "cases", k);
		size_t n = case_size(c, it);
		if (c->min_up > n)
			checks_fault(l, i, "cases", &place,
			             "%.*s has %zu of the %llu members that min_up asks for; add some, or lower min_up",
			             STR_ARG(it->key), n, (unsigned long long)c->min_up);
	}
}

static void check_map_type(struct loader *l, const struct instance *i, const struct choice *c) {
	if (!c->map || kinds[c->kind].map_types == 0 || kinds[c->kind].map_types >> c->map->type & 1)
		return;
	fault(l, i, "map", "%.*s is a map of type %s, which policy %s can't go by; name another", STR_ARG(c->map->id),
	      cfg_map_type_text(c->map->type), kinds[c->kind].name);
}

/* Of two that exclude each other, one must be there. */
static void check_geo_way(struct loader *l, const struct instance *i) {
	const struct node *sites = node_find(i->node, "sites"), *cases = node_find(i->node, "cases");
	if (sites && cases) {
		struct place place = node_place(sites);
		checks_fault(l, i, "sites", &place,
		             "can't stand beside cases; keep one of them (sites: the nearest one answers)");
	} else if (!sites && !cases) {
		fault(l, i, NULL, "policy geo needs cases, or sites to take the nearest of; add one of them");
	}
}

static void check_choice(struct loader *l, const struct instance *i) {
	struct choice c = choice_of(i);
	const char *kind = kinds[c.kind].name;
	if (is_borrowed(i))
		return;
	check_key(l, i, "sites", kinds[c.kind].sites, kind, "write sites: [a, b]");
	check_key(l, i, "map", kinds[c.kind].map, kind, "name one of maps");
	check_key(l, i, "cases", kinds[c.kind].cases, kind, "write cases: { value: site, default: site }");
	if (c.kind == CFG_POLICY_GEO)
		check_geo_way(l, i);
	check_weights(l, i, &c);
	check_case_sizes(l, i, &c);
	check_map_type(l, i, &c);
}

static void check_use(struct loader *l, const struct instance *i) {
	static const char *const keys[] = { "policy", "sites", "map", "cases", "answers", "min_up" };
	for (size_t k = 0; is_borrowed(i) && k < COUNT_OF(keys); k++) {
		const struct node *n = node_find(i->node, keys[k]);
		if (!n)
			continue;
		struct place place = node_place(n);
		checks_fault(l, i, keys[k], &place, "has no effect beside use; remove one of them");
	}
}

/* ---- cases ---- */

static bool is_upper(struct str s, size_t n) {
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return s.n == n;
}

static bool place_is_valid(struct str key) {
	struct str rest = key, kind;
	uint64_t number;
	if (!str_next(&rest, '/', &kind))
		return false;
	if (str_eq(kind, STR("country")) || str_eq(kind, STR("continent")))
		return is_upper(rest, 2);
	if (str_eq(kind, STR("asn")))
		return str_to_u64(rest, &number) && number > 0 && number <= UINT32_MAX;
	/* ISO 3166-2: the country, and one to three letters or digits */
	return str_eq(kind, STR("region")) && rest.n >= 4 && rest.n <= 6 && is_upper(str_slice(rest.p, 2), 2) &&
	       rest.p[2] == '-' && checks_all_of(str_skip(rest, 3), "");
}

static void check_cases(struct loader *l, const struct instance *i) {
	struct choice c = choice_of(i);
	bool has_default = false;
	if (is_borrowed(i) || c.cases->n == 0)
		return;
	for (size_t k = 0; k < c.cases->n; k++) {
		struct str key = c.cases->items[k].key;
		struct place place = checks_item_place(i, "cases", k);
		bool is_default = str_eq(key, STR("default"));
		has_default |= is_default;
		if (c.map && c.map->type == CFG_MAP_TYPE_GEO && !is_default && !place_is_valid(key))
			checks_fault(l, i, "cases", &place,
			             "\"%.*s%s\" is no place; write it as country/DE, continent/EU, region/US-CA or asn/64500",
			             REPORT_VALUE(key));
	}
	if (!has_default)
		fault(l, i, "cases", "no default; add one, for clients that no case fits");
}

/* ---- members ---- */

/* Calls `each` for every member that stands in the section itself, with its place. */
static void each_member(const struct instance *i, const struct choice *c,
                        void (*each)(void *arg, const struct cfg_member *m, const char *key, struct place at), void *arg) {
	for (size_t k = 0; k < c->sites->n; k++)
		each(arg, &c->sites->items[k], "sites", checks_item_place(i, "sites", k));
	for (size_t k = 0; k < c->cases->n; k++)
		for (size_t j = 0; j < c->cases->items[k].members.n; j++)
			each(arg, &c->cases->items[k].members.items[j], "cases", checks_item_place(i, "cases", k));
}

struct member_check {
	struct loader *l;
	const struct instance *i;
	struct choice choice;
};

static void check_member(void *arg, const struct cfg_member *m, const char *key, struct place at) {
	const struct member_check *c = arg;
	bool is_by_distance = c->choice.kind == CFG_POLICY_GEO && strcmp(key, "sites") == 0;
	if (m->policy && m->policy->policy == CFG_POLICY_VIEW && c->choice.kind != CFG_POLICY_VIEW)
		checks_fault(
		    c->l, c->i, key, &at,
		    "%.*s is a view, which decides for good and can't be one member among others; make it the name's own "
		    "policy, or a case of a view",
		    STR_ARG(m->policy->id));
	if (m->policy && (is_by_distance || c->choice.kind == CFG_POLICY_LATENCY))
		checks_fault(c->l, c->i, key, &at, "%.*s is a policy, and has no %s of its own; name sites alone",
		             STR_ARG(m->policy->id), is_by_distance ? "location" : "round-trip time");
	if (m->site && is_by_distance && m->site->location.n == 0)
		checks_fault(c->l, c->i, key, &at, "site %.*s has no location to be near to; add sites.%.*s.location",
		             STR_ARG(m->site->id), STR_ARG(m->site->id));
}

static void check_members(struct loader *l, const struct instance *i) {
	struct member_check c = { l, i, choice_of(i) };
	if (!is_borrowed(i))
		each_member(i, &c.choice, check_member, &c);
}

/* Does a member lead to `to`? Each policy once: `seen` has a mark for every one of the root's. */
static bool leads_to(const struct cfg_root *root, const struct cfg_policy *from, const struct cfg_policy *to, bool *seen);

static bool members_lead_to(const struct cfg_root *root, const struct cfg_members *list, const struct cfg_policy *to,
                            bool *seen) {
	for (size_t k = 0; k < list->n; k++) {
		const struct cfg_policy *p = list->items[k].policy;
		if (p && (p == to || leads_to(root, p, to, seen)))
			return true;
	}
	return false;
}

static bool leads_to(const struct cfg_root *root, const struct cfg_policy *from, const struct cfg_policy *to, bool *seen) {
	if (seen[from - root->policies.items])
		return false;
	seen[from - root->policies.items] = true;
	for (size_t k = 0; k < from->cases.n; k++)
		if (members_lead_to(root, &from->cases.items[k].members, to, seen))
			return true;
	return members_lead_to(root, &from->sites, to, seen);
}

static void check_cycle(struct loader *l, const struct instance *i) {
	const struct cfg_policy *p = i->object;
	bool *seen = mem_zalloc_array(l->root->policies.n, sizeof(*seen));
	if (leads_to(l->root, p, p, seen))
		fault(l, i, NULL, "is a member of itself, if only through others; take it out of one of them");
	mem_free(seen);
}

static void check_policy_name(struct loader *l, const struct instance *i) {
	const struct cfg_policy *p = i->object;
	for (size_t k = 0; k < l->root->sites.n; k++)
		if (str_eq(l->root->sites.items[k].id, p->id))
			fault(l, i, NULL, "is the name of a site, too, so that members would mean either; change one of them");
}

/* ---- a name's sites, however deep ---- */

struct name_check {
	struct loader *l;
	const struct instance *i;
	const struct cfg_pool *pool;
	const char *key;
	bool *seen;     /* policies */
	uint64_t sites; /* seen, by their place in the root's map */
};

static void check_name_site(struct name_check *c, const struct cfg_site *site, struct place at) {
	size_t index = (size_t)(site - c->l->root->sites.items);
	if (index >= 64 || c->sites >> index & 1) /* too many sites are another fault */
		return;
	c->sites |= UINT64_C(1) << index;
	if (site->addresses.n == 0)
		checks_fault(c->l, c->i, c->key, &at, "site %.*s has no addresses to answer with; add sites.%.*s.addresses",
		             STR_ARG(site->id), STR_ARG(site->id));
	if (checks_sites_are_known(c->pool) && !checks_pool_serves(c->pool, site))
		checks_fault(c->l, c->i, c->key, &at, "pool %.*s has no server in site %.*s; add one, or remove the site here",
		             STR_ARG(c->pool->id), STR_ARG(site->id));
}

static void check_name_policy(struct name_check *c, const struct cfg_policy *p, struct place at);

static void check_name_members(struct name_check *c, const struct cfg_members *list, struct place at) {
	for (size_t k = 0; k < list->n; k++)
		if (list->items[k].site)
			check_name_site(c, list->items[k].site, at);
		else
			check_name_policy(c, list->items[k].policy, at);
}

static void check_name_policy(struct name_check *c, const struct cfg_policy *p, struct place at) {
	bool *seen = &c->seen[p - c->l->root->policies.items];
	if (*seen)
		return;
	*seen = true;
	check_name_members(c, &p->sites, at);
	for (size_t k = 0; k < p->cases.n; k++)
		check_name_members(c, &p->cases.items[k].members, at);
}

static void on_name_member(void *arg, const struct cfg_member *m, const char *key, struct place at) {
	struct name_check *c = arg;
	c->key = key;
	if (m->site)
		check_name_site(c, m->site, at);
	else
		check_name_policy(c, m->policy, at);
}

static void check_name_sites(struct loader *l, const struct instance *i) {
	const struct cfg_name *n = i->object;
	struct name_check c = { .l = l, .i = i, .pool = n->pool };
	struct choice own = { n->policy, &n->sites, n->map, &n->cases, n->min_up };
	c.seen = mem_zalloc_array(l->root->policies.n + 1, sizeof(*c.seen));
	if (n->use) {
		c.key = "use";
		check_name_policy(&c, n->use, node_find(i->node, "use")->at);
	} else {
		each_member(i, &own, on_name_member, &c);
	}
	mem_free(c.seen);
}

static void check_fallback(struct loader *l, const struct instance *i) {
	const struct cfg_name *n = i->object;
	const struct node *given = node_find(i->node, "fallback");
	if (n->all_down == CFG_ALL_DOWN_FALLBACK && !given)
		fault(l, i, "all_down", "fallback needs addresses; add fallback: [192.0.2.1]");
	if (n->all_down != CFG_ALL_DOWN_FALLBACK && given) {
		struct place place = node_place(given);
		checks_fault(l, i, "fallback", &place, "has an effect with all_down: fallback only; remove it, or set that");
	}
}

/* ---- sites and maps ---- */

static void check_location(struct loader *l, const struct instance *i) {
	const struct cfg_site *s = i->object;
	if (s->location.n == 1)
		fault(l, i, "location", "has a latitude alone; write [latitude, longitude]");
}

static void check_map_file(struct loader *l, const struct instance *i) {
	struct err why;
	if (file_check(((const struct cfg_map *)i->object)->file.p, &why) < 0)
		fault(l, i, "file", "%s; mend the path or its mode", why.text);
}

static const struct {
	enum schema_section_id section;
	void (*run)(struct loader *l, const struct instance *i);
	const char *reads;
} checks[] = {
	{ SCHEMA_SECTION_site, check_location, "location" },
	{ SCHEMA_SECTION_map, check_map_file, "file" },
	{ SCHEMA_SECTION_policy, check_policy_name, "" },
	{ SCHEMA_SECTION_policy, check_choice, "policy sites map cases min_up" },
	{ SCHEMA_SECTION_policy, check_cases, "map cases" },
	{ SCHEMA_SECTION_policy, check_members, "policy sites cases" },
	{ SCHEMA_SECTION_policy, check_cycle, "" },
	{ SCHEMA_SECTION_name, check_use, "use" },
	{ SCHEMA_SECTION_name, check_choice, "use policy sites map cases min_up" },
	{ SCHEMA_SECTION_name, check_cases, "use map cases" },
	{ SCHEMA_SECTION_name, check_members, "use policy sites cases" },
	{ SCHEMA_SECTION_name, check_name_sites, "use pool sites cases" },
	{ SCHEMA_SECTION_name, check_fallback, "all_down fallback" },
};

void checks_run_policy(struct loader *l, const struct instance *i) {
	for (size_t k = 0; k < COUNT_OF(checks); k++)
		if (checks[k].section == i->section && checks_are_sound(i, checks[k].reads))
			checks[k].run(l, i);
}
