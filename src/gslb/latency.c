/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Round-trip times that operators tell by command. What was told hangs on the responder, so that reloads of the configuration and of
 * map files keep it; maps are made of their files and of these rows (maps.c). Refused: what a file could not say either, and sites
 * that are not configured. Control thread.
 */
#include "gslb/latency.h"

#include "gslb/maps.h"

#include "steerway/base/buf.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

struct latency_row {
	struct str map;
	struct str times; /* "cloud=12ms,onprem=30.5ms", without blanks */
	struct client_net net;
	char bytes[];
};

/* ---- arguments ---- */

static const struct cfg_map *map_find(const struct cfg_root *cfg, struct str map) {
	for (size_t i = 0; cfg && i < cfg->maps.n; i++)
		if (str_eq(cfg->maps.items[i].id, map))
			return &cfg->maps.items[i];
	return NULL;
}

static int map_check(const struct cfg_root *cfg, struct str map, struct err *e) {
	const struct cfg_map *m = map_find(cfg, map);
	if (!m)
		return err_set(e, "there is no map `%.*s`; name one of `maps` in the configuration", STR_ARG(map));
	if (m->type != CFG_MAP_TYPE_LATENCY)
		return err_set(e, "map %.*s is of type %s; name one of type latency", STR_ARG(map), cfg_map_type_text(m->type));
	return 0;
}

/* Its place in the configuration; -1: there is none of that name. */
static int site_index(const struct cfg_root *cfg, struct str site) {
	for (size_t i = 0; i < cfg->sites.n; i++)
		if (str_eq(cfg->sites.items[i].id, site))
			return (int)i;
	return -1;
}

static int times_take(const struct cfg_root *cfg, struct str times, struct buf *out, struct err *e) {
	uint64_t seen = 0; /* a configuration has 64 sites at most */
	struct str word = STR_NONE, site;
	uint32_t us;
	do {
		str_next(&times, ',', &word);
		word = str_trim(word);
		if (map_time_parse(word, &site, &us, e) < 0)
			return -1;
		int at = site_index(cfg, site);
		if (at < 0)
			return err_set(e, "there is no site `%.*s`; see `show sites`", STR_ARG(site));
		if (seen >> at & 1)
			return err_set(e, "site %.*s stands twice; tell one time of it", STR_ARG(site));
		seen |= UINT64_C(1) << at;
		buf_printf(out, "%s%.*s", out->n > 0 ? "," : "", STR_ARG(word));
	} while (times.n > 0);
	return 0;
}

/* ---- rows ---- */

static int row_compare(const struct latency_row *r, struct str map, const struct client_net *net) {
	int order = str_cmp(r->map, map);
	return order ? order : client_net_compare(&r->net, net);
}

/* Where the network's row stands, or would. */
static unsigned row_place(const struct latency *l, struct str map, const struct client_net *net, bool *is_there) {
	unsigned low = 0, high = l->n;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (row_compare(l->rows[middle], map, net) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*is_there = low < l->n && row_compare(l->rows[low], map, net) == 0;
	return low;
}

static struct latency_row *row_create(struct str map, const struct client_net *net, struct str times) {
	struct latency_row *r = mem_alloc(sizeof(*r) + map.n + times.n);
	memcpy(r->bytes, map.p, map.n);
	memcpy(r->bytes + map.n, times.p, times.n);
	r->map = str_slice(r->bytes, map.n);
	r->times = str_slice(r->bytes + map.n, times.n);
	r->net = *net;
	return r;
}

static int row_put(struct latency *l, struct str map, const struct client_net *net, struct str times, struct err *e) {
	bool is_there;
	unsigned at = row_place(l, map, net, &is_there);
	if (!is_there && l->n == LATENCY_ROWS)
		return err_set(
		    e,
		    "%d rows were told, which is as many as there may be; `latency clear` some, or write them into the "
		    "file of the map",
		    LATENCY_ROWS);
	if (is_there) {
		mem_free(l->rows[at]);
	} else {
		l->rows = mem_realloc_array(l->rows, l->n + 1, sizeof(struct latency_row *));
		memmove(&l->rows[at + 1], &l->rows[at], (l->n++ - at) * sizeof(struct latency_row *));
	}
	l->rows[at] = row_create(map, net, times);
	return 0;
}

int latency_set(struct latency *l, const struct cfg_root *cfg, const struct gslb_latency *row, struct err *e) {
	struct client_net net;
	struct buf times = { 0 };
	int result = -1;
	if (map_check(cfg, row->map, e) == 0 && map_net_parse(&net, row->network, e) == 0 &&
	    times_take(cfg, row->times, &times, e) == 0)
		result = row_put(l, row->map, &net, buf_str(&times), e);
	buf_fini(&times);
	return result;
}

/* Rows of which `keeps` says no are freed; how many they are. */
static unsigned rows_filter(struct latency *l, bool (*keeps)(const struct latency_row *r, const void *arg), const void *arg) {
	unsigned kept = 0, n = l->n;
	for (unsigned i = 0; i < n; i++)
		if (keeps(l->rows[i], arg))
			l->rows[kept++] = l->rows[i];
		else
			mem_free(l->rows[i]);
	l->n = kept;
	return n - kept;
}

struct cleared {
	struct str map;
	const struct client_net *net; /* NULL: all of the map */
};
static bool is_not_cleared(const struct latency_row *r, const void *arg) {
	const struct cleared *c = arg;
	return !str_eq(r->map, c->map) || (c->net && client_net_compare(&r->net, c->net) != 0);
}

int latency_clear(struct latency *l, const struct cfg_root *cfg, struct str map, struct str network, unsigned *n, struct err *e) {
	struct client_net net;
	if (map_check(cfg, map, e) < 0 || (network.n > 0 && map_net_parse(&net, network, e) < 0))
		return -1;
	struct cleared cleared = { .map = map, .net = network.n > 0 ? &net : NULL };
	*n = rows_filter(l, is_not_cleared, &cleared);
	if (*n == 0 && network.n > 0)
		return err_set(e, "nothing was told of %.*s in map %.*s; see `show latency`", STR_ARG(network), STR_ARG(map));
	return 0;
}

void latency_each(const struct latency *l, void (*each)(void *arg, const struct gslb_latency *row), void *arg) {
	for (unsigned i = 0; i < l->n; i++) {
		char text[ADDR_TEXT_BYTES];
		const struct latency_row *r = l->rows[i];
		struct gslb_latency row = { .map = r->map, .network = client_net_format(&r->net, text), .times = r->times };
		each(arg, &row);
	}
}

/* ---- rows in a configuration ---- */

static bool sites_are_known(const struct latency_row *r, const struct cfg_root *cfg) {
	struct str rest = r->times, word;
	while (str_next(&rest, ',', &word))
		if (site_index(cfg, str_slice(word.p, str_find_char(word, '='))) < 0)
			return false;
	return true;
}

void latency_lines(const struct latency *l, const struct cfg_root *cfg, struct str map, struct buf *out) {
	for (unsigned i = 0; i < l->n; i++) {
		char text[ADDR_TEXT_BYTES];
		const struct latency_row *r = l->rows[i];
		struct str rest = r->times, word;
		if (!str_eq(r->map, map) || !sites_are_known(r, cfg))
			continue;
		buf_add(out, client_net_format(&r->net, text));
		while (str_next(&rest, ',', &word))
			buf_printf(out, " %.*s", STR_ARG(word));
		buf_add_char(out, '\n');
	}
}

static bool is_known(const struct latency_row *r, const void *arg) {
	const struct cfg_root *cfg = arg;
	const struct cfg_map *m = map_find(cfg, r->map);
	return m && m->type == CFG_MAP_TYPE_LATENCY && sites_are_known(r, cfg);
}

void latency_forget(struct latency *l, const struct cfg_root *cfg) {
	unsigned n = rows_filter(l, is_known, cfg);
	if (n > 0)
		log_warn("latency_dropped", LOG_U64("rows", n),
		         LOG_CSTR("why", "their map, or a site of theirs, is gone from the configuration"));
}

void latency_fini(struct latency *l) {
	for (unsigned i = 0; i < l->n; i++)
		mem_free(l->rows[i]);
	mem_free(l->rows);
}
