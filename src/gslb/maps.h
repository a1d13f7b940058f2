/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of the configuration: what files know of clients' networks. A source is one file read: disjoint prefixes, each with a record.
 * Sources outlive reloads that change neither the map nor its file; policies are compiled from them and keep nothing of them.
 *
 *	maps.c         the set of them, by name; which are read anew
 *	map_lines.c    what the two kinds of text files have in common
 *	map_subnet.c, map_latency.c, map_geo.c    a type each
 *	latency.c      rows that were told by command, which a source is made with
 */
#ifndef STEERWAY_GSLB_MAPS_H
#define STEERWAY_GSLB_MAPS_H

#include "gslb/client_map.h"

#include "steerway/base/arena.h"
#include "steerway/base/err.h"
#include "steerway/base/map.h"
#include "steerway/cfg.h"

#include <sys/stat.h>

/* Where a network is; what is not known is empty or 0. */
struct map_place {
	char continent[4], country[4], region[8]; /* "EU", "DE", "DE-BY" */
	uint32_t asn;
	bool has_location;
	float degrees[2]; /* latitude, longitude */
};

/* A measured round-trip time. */
struct map_time {
	uint32_t us;
	uint32_t site; /* of the source's list */
};

/* What of a place policies ask for. */
enum {
	MAP_WANTS_CONTINENT = 1,
	MAP_WANTS_COUNTRY = 2,
	MAP_WANTS_REGION = 4,
	MAP_WANTS_ASN = 8,
	MAP_WANTS_LOCATION = 16,
};

struct map_source {
	unsigned n_holders;
	unsigned wants; /* geo */
	enum cfg_map_type type;
	struct str name, path;
	struct stat file;            /* as it was when it was read */
	struct str told;             /* latency: lines in place of the file's, as they were then */
	struct client_map *prefixes; /* classes are records; record 0: nothing is known */
	uint32_t n_records;
	struct str *values;     /* subnet: by record */
	struct str *sites;      /* latency: the sites that are measured */
	unsigned n_sites;       /* likewise */
	struct map_time *times; /* latency: those of record i stand from times_at[i] to before times_at[i + 1] */
	uint32_t *times_at;
	struct map_place *places; /* geo: by record */
	struct arena arena;
};

/* NULL with `e`: "maps/nets.txt:12: ...". */
struct map_source *map_source_read(const struct cfg_map *cfg, unsigned wants, struct str told, struct err *e);
struct map_source *map_source_hold(struct map_source *s);
void map_source_release(struct map_source *s);

/* A type each: fill a source that is zeroed but for its name, path, told lines and arena. */
int map_subnet_read(struct map_source *s, struct err *e);
int map_latency_read(struct map_source *s, struct err *e);
int map_geo_read(struct map_source *s, struct err *e);

/* ---- map_lines.c: "prefix words # comment" ---- */

struct map_line {
	struct client_net net;
	struct str rest; /* what stands behind the prefix, without comment; not empty */
	unsigned number; /* 0: it was told */
};
/* The same from memory, for tests and fuzzing. */
int map_subnet_parse(struct map_source *s, struct str text, struct err *e);
int map_latency_parse(struct map_source *s, struct str text, struct err *e);
/* What to make of lines: their record, or -1 with `e` (which lacks the place). */
typedef int map_record_fn(void *arg, const struct map_line *line, struct err *e);
int map_lines_parse(struct map_source *s, struct str text, map_record_fn *record, void *arg, struct err *e);
/* What files and commands have in common. */
int map_net_parse(struct client_net *out, struct str word, struct err *e);
/* "cloud=12.5ms"; the site is a slice of it. */
int map_time_parse(struct str word, struct str *site, uint32_t *us, struct err *e);
/* The whole file; its text is freed by mem_free. */
char *map_file_read(struct map_source *s, struct str *text, struct err *e);

/* ---- maps.c ---- */

struct maps {
	size_t n;
	struct map_source **items; /* as in the configuration */
	struct map trees;          /* policies compiled from them, by their text: policy_tree.c's */
};
struct latency;
/* Those of `old` (NULL: none) whose map, file and told rows (NULL: none) are the same are shared. With `kept` a file with a fault is no
 * error: its old source serves on, *kept counts them. */
struct maps *maps_create(const struct cfg_root *cfg, const struct maps *old, const struct latency *told, size_t *kept,
                         struct err *e);
/* The same ones, and what was compiled from them, without a look at files or rows. */
struct maps *maps_hold(const struct maps *from);
void maps_destroy(struct maps *m);
const struct map_source *maps_find(const struct maps *m, struct str name);

#endif
