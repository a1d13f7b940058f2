/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The authoritative DNS responder: zones of static records (zone files, read by ldns at load) and steered names, whose answers
 * are rendered beforehand and switched by pointer when fleet publishes. A query costs one hash look-up, no lock, no allocation.
 */
#ifndef STEERWAY_GSLB_H
#define STEERWAY_GSLB_H

#include "steerway/fleet.h"
#include "steerway/gslb/key_store.h"

struct gslb;
struct gslb *gslb_create(struct fleet *f, struct workers *w, struct err *e);
/* Stops serving on all workers, then frees. */
void gslb_destroy(struct gslb *g);

/* Reads the files of maps anew as soon as they change; from the next commit on. */
void gslb_watch(struct gslb *g, struct loop *control);
/* The same at once, for those that have changed; while zones are signed anew, as soon as that has ended. */
void gslb_reload_maps(struct gslb *g);

/* prepare reads the zone files and opens new sockets; commit switches zones and listeners. */
struct gslb_plan;
struct gslb_plan *gslb_prepare(struct gslb *g, const struct cfg_root *cfg, struct err *e);
void gslb_commit(struct gslb_plan *p);
void gslb_discard(struct gslb_plan *p);

/* What a steered name answers now, and why. */
struct gslb_name_state {
	struct str name; /* "app.example.org." */
	struct str zone;
	const struct cfg_name *cfg;
	const struct cfg_site *const *sites; /* that its policy leads to, however deep */
	unsigned n_sites;
	unsigned n_classes;      /* of clients, that may get different answers; 1: all get the same */
	struct str policy;       /* how the choice comes about; of several classes, for clients of whom nothing is known */
	uint64_t usable_sites;   /* mask by fleet_site.index, of the name's sites */
	uint64_t answered_sites; /* sites whose records are in the answers (weighted: that may be chosen) */
	uint32_t ttl_s;
	bool is_all_down;
};
/* Calls `each` for every steered name; control thread. */
void gslb_each_name(struct gslb *g, void (*each)(void *arg, const struct gslb_name_state *n), void *arg);
struct gslb_zone_state {
	struct str name;
	uint32_t serial;   /* of what is served */
	size_t n_rrsets;   /* static ones */
	size_t n_steered;  /* names */
	const char *fault; /* why the file is not served, but the last version of it that was right; NULL: it is served */
};
/* Calls `each` for every zone; control thread. */
void gslb_each_zone(struct gslb *g, void (*each)(void *arg, const struct gslb_zone_state *z), void *arg);

/* Answers so far, by what they are; by type: of the question. */
enum gslb_count { GSLB_COUNT_UDP_RCODES, GSLB_COUNT_TCP_RCODES, GSLB_COUNT_TYPES, GSLB_COUNT_POLICIES, GSLB_COUNT_SITES };
/* Calls `each` for every value; control thread. */
void gslb_each_count(struct gslb *g, enum gslb_count what, void (*each)(void *arg, struct str value, uint64_t n), void *arg);

/* What would be answered, and why. */
#define GSLB_STATES_MAX 32
struct gslb_question {
	struct str name, type;         /* "app.example.org", "A" */
	const struct addr_net *client; /* NULL: one of whom nothing is known */
	struct gslb_state {
		struct str name; /* of a site, or of a pool in all of its sites */
		bool is_up;
	} states[GSLB_STATES_MAX]; /* imagined, in place of what health and operator say */
	size_t n_states;
};
struct gslb_resolution {
	struct str steered; /* the steered name that decides; empty: static records alone */
	struct str rcode;   /* of static records: "NXDOMAIN" */
	struct buf text;    /* owned: how the choice comes about; static: the records, a line each */
	unsigned class, n_classes, scope;
	uint64_t usable_sites; /* mask by fleet_site.index */
	uint32_t ttl_s;
	bool is_all_down;
};
/* For each answer that a steered name may give, with its share of the draws. */
typedef void gslb_alternative_fn(void *arg, double percent, struct str sites, struct str addresses);
/* Changes nothing. -1 with `e`: no such type, no name. Control thread. */
int gslb_resolve(struct gslb *g, const struct gslb_question *q, struct gslb_resolution *out, gslb_alternative_fn *each, void *arg,
                 struct err *e);

/* Who asks, and how. */
struct gslb_client {
	const struct addr *from;
	bool is_tcp;      /* lifts the size limit */
	unsigned worker;  /* whose thread this is */
	uint16_t idle_ds; /* TCP: how long the connection may rest, in tenths of a second */
};

/* ---- ACME's challenges (RFC 8555 8.4): TXT records by command, for a while ---- */

#define ACME_TEXT_BYTES 255
struct acme_record {
	struct str name; /* "_acme-challenge.example.org." */
	struct str text;
	uint32_t ttl_s;
	uint64_t expires_us; /* from now */
};
/* Adds the text to those of the name, or sets its times anew; visible to the next query of any worker. The record's own name is not
 * looked at. */
int gslb_acme_set(struct gslb *g, struct str name, const struct acme_record *r, struct err *e);
/* text empty: all of the name. -1: there is none. */
int gslb_acme_clear(struct gslb *g, struct str name, struct str text, struct err *e);
void gslb_each_acme(struct gslb *g, void (*each)(void *arg, const struct acme_record *r), void *arg);

/* ---- round-trip times by command, in place of lines of maps of type latency ---- */

struct gslb_latency {
	struct str map;
	struct str network; /* "192.0.2.0/24" */
	struct str times;   /* "cloud=12ms,onprem=30.5ms" */
};
/* The whole row of the network, until it is told otherwise; not over a restart. The maps are made anew at once, or a moment later where
 * they just were, or where a zone is being signed. -1 with `e`: nothing has changed. */
int gslb_latency_set(struct gslb *g, const struct gslb_latency *row, struct err *e);
/* network empty: all of the map. *n: rows that were removed. -1: of that network none was told. */
int gslb_latency_clear(struct gslb *g, struct str map, struct str network, unsigned *n, struct err *e);
void gslb_each_latency(struct gslb *g, void (*each)(void *arg, const struct gslb_latency *row), void *arg);

/* ---- signed zones ---- */

/* From here on signatures are made anew in time, and keys' times are kept, on a thread beside. */
int gslb_keep_signed(struct gslb *g, struct loop *control, struct err *e);
/* Reads a zone's keys from their files and signs it with them: at once without gslb_keep_signed, else beside; -1 when that could
 * not begin. Zones are named as configured. */
int gslb_sign_zone(struct gslb *g, struct str zone, struct err *e);
struct key_info;
/* Calls `each` for every key of every signed zone, as it signs now. */
void gslb_each_key(struct gslb *g, void (*each)(void *arg, struct str zone, const struct key_info *k), void *arg);
struct gslb_signing {
	struct str zone;     /* "example.org." */
	int64_t first_end_s; /* when its first signature ends; since 1970 */
	int64_t next_s;      /* when it will be signed anew */
	bool has_zsk;        /* a key signs the zone, and not the keys */
	struct key_ttls ttls;
};
void gslb_each_signing(struct gslb *g, void (*each)(void *arg, const struct gslb_signing *s), void *arg);
bool gslb_signing_find(struct gslb *g, struct str zone, struct gslb_signing *out);

/* One message in, one out: the whole responder without sockets, for tests, fuzzing and bench. Returns the length, 0 for silence.
 * Within rcu_read_lock. */
size_t gslb_answer(struct gslb *g, const struct gslb_client *c, struct str query, char *out, size_t out_size);

#endif
