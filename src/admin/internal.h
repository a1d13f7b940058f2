/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this room share. A command builds one jansson tree; render turns that same tree into JSON or into a table
 * for people, so that no command knows which was asked for.
 */
#ifndef STEERWAY_ADMIN_INTERNAL_H
#define STEERWAY_ADMIN_INTERNAL_H

#include "steerway/admin.h"

#include <jansson.h>

struct admin_service; /* a listening socket and its clients; service.c */

struct admin {
	struct admin_house house;
	struct admin_service *socket, *http; /* NULL: not configured */
	char *socket_path;                   /* removed at the end */
	uint64_t started_us;
};

/* ---- protocols: bytes in, bytes out, no sockets ---- */

enum admin_next {
	ADMIN_MORE,     /* the request is not whole; nothing was used */
	ADMIN_ANSWERED, /* *used bytes were a request, its answer stands in `out` */
	ADMIN_CLOSE,    /* likewise, and the connection ends after the answer */
};
struct admin_protocol {
	enum admin_next (*take)(struct admin *a, struct str in, size_t *used, struct buf *out);
	size_t input_bytes;  /* no request is longer; take sees at most so many */
	struct str too_many; /* sent to a client above ADMIN_CLIENTS_MAX before it is closed */
};
extern const struct admin_protocol admin_line_protocol, admin_http_protocol;

#define ADMIN_CLIENTS_MAX 64
/* Takes the listening descriptor over. */
struct admin_service *admin_service_start(struct admin *a, const struct admin_protocol *protocol, int fd, struct err *e);
void admin_service_stop(struct admin_service *s); /* NULL is harmless */

/* ---- commands ---- */

struct admin_call;
struct admin_row {
	const char *words, *arguments;
	int (*run)(struct admin_call *c);
	const char *help;
};
extern const struct admin_row admin_rows[];
extern const size_t admin_n_rows;

#define ADMIN_OPTIONS_MAX 8
struct admin_option {
	struct str name, value; /* "--deadline" */
};
struct admin_call {
	struct admin *admin;
	const struct admin_row *row;
	struct str target;        /* the <x>; empty when the row has none */
	struct str second, third; /* the others, or the [<x>]; empty when not given */
	struct admin_option options[ADMIN_OPTIONS_MAX];
	size_t n_options;
	json_t *answer; /* set by the handler; on -1 a string that says why, or NULL when err does */
	struct err err;
};
/* Runs the command; returns 0 with its tree in *answer, or -1 with a string there that says why. The caller's to release. */
int admin_run(struct admin *a, const struct str *words, size_t n, json_t **answer);
/* The option's value (empty for a flag), or NULL when it was not given. */
const struct str *admin_option(const struct admin_call *c, const char *name);
/* "250ms", "10s", "5m", "1h"; -1: something else. */
int admin_duration_parse(struct str text, uint64_t *ms);

#define ADMIN(words, arguments, handler, help) int handler(struct admin_call *c);
#include "steerway/tables/commands.h"
#undef ADMIN

/* ---- trees ---- */

/* Bytes that are not UTF-8 become '?': names and evidence may come from anywhere. */
json_t *tree_str(struct str s);
void tree_put_str(json_t *object, const char *key, struct str s);
void tree_put_text(json_t *object, const char *key, const char *text); /* NULL: null */
void tree_put_int(json_t *object, const char *key, uint64_t value);
void tree_put_bool(json_t *object, const char *key, bool value);

/* For people: an object as aligned lines, an array of objects as a table, a string as it is. Keys give headings and units: _ms, _us,
 * _s are durations. Control bytes never reach the terminal. */
void admin_render_text(struct buf *out, const json_t *tree);
void admin_render_json(struct buf *out, const json_t *tree);

/* ---- shared by show, explain and metrics ---- */

struct admin_load {
	uint64_t active, requests, failures, retries, open;
};
void admin_server_load(const struct admin *a, const struct fleet_server *s, struct admin_load *out);
/* Names of the sites in a mask of fleet_site.index. */
json_t *admin_sites_in(struct admin *a, uint64_t mask);
json_t *admin_server_tree(struct admin *a, struct fleet_server *s);
json_t *admin_site_tree(struct admin *a, struct fleet_site *s);
json_t *admin_pool_tree(struct admin *a, struct fleet_pool *p);
json_t *admin_name_tree(struct admin *a, const struct gslb_name_state *n);
void tree_put_server_name(json_t *object, const char *key, const struct fleet_server *s);
/* Whole /metrics. */
void admin_write_metrics(struct admin *a, struct buf *out);

/* `struct fleet_site *s` of a link; LIST_EACH's loop variable is the link. */
#define SITE_OF(link_) CONTAINER_OF(link_, struct fleet_site, link)
#define POOL_OF(link_) CONTAINER_OF(link_, struct fleet_pool, link)
#define SERVER_OF(link_) CONTAINER_OF(link_, struct fleet_server, link)

#endif
