/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration: YAML -> a typed, immutable snapshot. The structs below are made from the rows of tables/config.h; the snapshot
 * owns every byte they point to. Durations are milliseconds (member_ms), sizes bytes (member_bytes), shares percent.
 */
#ifndef STEERWAY_CFG_H
#define STEERWAY_CFG_H

#include "steerway/base/addr.h"
#include "steerway/base/buf.h"
#include "steerway/base/str.h"
#include "steerway/tables/config.h"

#define CFG_REQUIRED "\001" /* a default that no file can spell */

struct cfg_mark {
	struct str file;
	uint32_t line, column; /* 1-based */
};
struct cfg_strs {
	struct str *items;
	size_t n;
};
struct cfg_addrs {
	struct addr *items;
	size_t n;
};
struct cfg_nets {
	struct addr_net *items;
	size_t n;
};
struct cfg_pair {
	struct str name, value;
	struct cfg_mark mark;
};
struct cfg_pairs {
	struct cfg_pair *items;
	size_t n;
};
struct cfg_status_range {
	uint16_t first, last;
};
struct cfg_status {
	struct cfg_status_range *items;
	size_t n;
};
struct cfg_ttl {
	uint32_t min_s, max_s;
};
struct cfg_site;
struct cfg_pool;
struct cfg_weight {
	union { /* as the row's param says */
		struct cfg_site *site;
		struct cfg_pool *pool;
	};
	uint32_t weight; /* 1 each when given as a list */
};
struct cfg_weights {
	struct cfg_weight *items;
	size_t n;
};
struct cfg_policy;
/* Of a policy: a site, or another policy. */
struct cfg_member {
	struct cfg_site *site;     /* NULL: it is the other */
	struct cfg_policy *policy; /* likewise */
	uint32_t weight;           /* 1 each when given as a list */
};
struct cfg_members {
	struct cfg_member *items;
	size_t n;
	bool is_map; /* given with weights */
};
struct cfg_case {
	struct str key;
	struct cfg_mark mark;
	struct cfg_members members; /* in the order of preference */
};
struct cfg_cases {
	struct cfg_case *items;
	size_t n;
};
struct cfg_location {
	double degrees[2]; /* latitude, longitude */
	size_t n;          /* 0: none; 2 */
};

/* enum cfg_balance { CFG_BALANCE_ROUND_ROBIN, ... } */
#define CFG_PROTOCOL_V(v, text) CFG_PROTOCOL_##v,
#define CFG_SERVER_PROTOCOL_V(v, text) CFG_SERVER_PROTOCOL_##v,
#define CFG_FORWARDED_V(v, text) CFG_FORWARDED_##v,
#define CFG_PROXY_PROTOCOL_V(v, text) CFG_PROXY_PROTOCOL_##v,
#define CFG_TLS_VERSION_V(v, text) CFG_TLS_VERSION_##v,
#define CFG_TLS_POLICY_V(v, text) CFG_TLS_POLICY_##v,
#define CFG_CLIENT_MODE_V(v, text) CFG_CLIENT_MODE_##v,
#define CFG_TRACEPARENT_V(v, text) CFG_TRACEPARENT_##v,
#define CFG_REQUEST_ID_V(v, text) CFG_REQUEST_ID_##v,
#define CFG_ALPN_V(v, text) CFG_ALPN_##v,
#define CFG_SITE_ROLE_V(v, text) CFG_SITE_ROLE_##v,
#define CFG_CHECK_TYPE_V(v, text) CFG_CHECK_TYPE_##v,
#define CFG_BALANCE_V(v, text) CFG_BALANCE_##v,
#define CFG_HASH_KEY_V(v, text) CFG_HASH_KEY_##v,
#define CFG_PATH_MATCH_V(v, text) CFG_PATH_MATCH_##v,
#define CFG_SCHEME_V(v, text) CFG_SCHEME_##v,
#define CFG_SPLIT_BY_V(v, text) CFG_SPLIT_BY_##v,
#define CFG_URGENCY_V(v, text) CFG_URGENCY_##v,
#define CFG_STICKY_BY_V(v, text) CFG_STICKY_BY_##v,
#define CFG_POLICY_V(v, text) CFG_POLICY_##v,
#define CFG_MAP_TYPE_V(v, text) CFG_MAP_TYPE_##v,
#define CFG_ORDER_V(v, text) CFG_ORDER_##v,
#define CFG_ALL_DOWN_V(v, text) CFG_ALL_DOWN_##v,
#define CFG_KEY_ALGORITHM_V(v, text) CFG_KEY_ALGORITHM_##v,
#define CFG_DENIAL_V(v, text) CFG_DENIAL_##v,
#define CFG_CDS_V(v, text) CFG_CDS_##v,
#define CFG_LOG_LEVEL_V(v, text) CFG_LOG_LEVEL_##v,
#define CFG_LOG_FORMAT_V(v, text) CFG_LOG_FORMAT_##v,
#define CFG_DECLARE_ENUM(name, VALUES, NAME) enum cfg_##name{ VALUES(CFG_##NAME##_V) };
CFG_ENUMS(CFG_DECLARE_ENUM)
#undef CFG_DECLARE_ENUM

/* The member of a row, by its type. */
#define CFG_MEMBER_BOOL(k, param) bool k;
#define CFG_MEMBER_UINT(k, param) uint64_t k;
#define CFG_MEMBER_WORKERS(k, param) uint64_t k; /* `auto` is already resolved */
#define CFG_MEMBER_MSEC(k, param) uint64_t k##_ms;
#define CFG_MEMBER_SIZE(k, param) uint64_t k##_bytes;
#define CFG_MEMBER_PERCENT(k, param) uint32_t k##_percent;
#define CFG_MEMBER_RATE(k, param) uint64_t k##_rps;
#define CFG_MEMBER_DECIMAL(k, param) double k;
#define CFG_MEMBER_MODE(k, param) uint32_t k;
#define CFG_MEMBER_STR(k, param) struct str k;
#define CFG_MEMBER_TEXT(k, param) struct str k; /* as STR, but control characters (not NUL) are allowed */
#define CFG_MEMBER_PATH(k, param) struct str k; /* relative ones are resolved against the file that names them; NUL-terminated */
#define CFG_MEMBER_PATHS(k, param) struct cfg_strs k;   /* each pattern expanded, sorted; NUL-terminated */
#define CFG_MEMBER_INCLUDE(k, param) struct cfg_strs k; /* the files that were included, in the order of reading */
#define CFG_MEMBER_REGEX(k, param) struct str k;
#define CFG_MEMBER_ADDR(k, param) struct addr k;
#define CFG_MEMBER_ADDRS(k, param) struct cfg_addrs k;
#define CFG_MEMBER_IPS(k, param) struct cfg_addrs k;
#define CFG_MEMBER_NETS(k, param) struct cfg_nets k;
#define CFG_MEMBER_STRS(k, param) struct cfg_strs k;
#define CFG_MEMBER_PAIRS(k, param) struct cfg_pairs k; /* texts by name, in the file's order */
#define CFG_MEMBER_STATUS(k, param) struct cfg_status k;
#define CFG_MEMBER_TTL(k, param) struct cfg_ttl k;
#define CFG_MEMBER_WEIGHTS(k, param) struct cfg_weights k;
#define CFG_MEMBER_MEMBERS(k, param) struct cfg_members k;
#define CFG_MEMBER_CASES(k, param) struct cfg_cases k;
#define CFG_MEMBER_LOCATION(k, param) struct cfg_location k;
#define CFG_MEMBER_ENUM(k, param) enum cfg_##param k;
#define CFG_MEMBER_ENUMS(k, param) uint32_t k##_bits;     /* bit of each value that stands there: 1 << CFG_ALPN_H2 */
#define CFG_MEMBER_OBJECT(k, param) struct cfg_##param k; /* is_given says whether it stands in the file */
#define CFG_MEMBER_REF(k, param) struct cfg_##param *k;   /* NULL: absent */
#define CFG_MEMBER_REFS(k, param)                                                                                                \
	struct {                                                                                                                 \
		struct cfg_##param **items;                                                                                      \
		size_t n;                                                                                                        \
	} k;
#define CFG_MEMBER_MAP(k, param)                                                                                                 \
	struct {                                                                                                                 \
		struct cfg_##param *items;                                                                                       \
		size_t n;                                                                                                        \
	} k; /* in the file's order */
#define CFG_MEMBER_LIST(k, param)                                                                                                \
	struct {                                                                                                                 \
		struct cfg_##param *items;                                                                                       \
		size_t n;                                                                                                        \
	} k;
#define CFG_MEMBER(k, TYPE, param, dflt, min, max, reload, doc) CFG_MEMBER_##TYPE(k, param)

/* Each section also has: id, the name it stands under in a map (empty elsewhere; zones and steered names in lower case without
 * final dot); mark, its place; is_given; given, a bit for each of its rows in order: the key stands in the file.
 *
 * Keys that "are another's when absent" are filled in already: check.fast_interval, check.down_interval, server.max_connections,
 * check.tls.server_name. An absent OBJECT holds its defaults. */
#define CFG_DECLARE_SECTION(name, KEYS)                                                                                          \
	struct cfg_##name {                                                                                                      \
		struct str id;                                                                                                   \
		struct cfg_mark mark;                                                                                            \
		bool is_given;                                                                                                   \
		uint64_t given;                                                                                                  \
		KEYS(CFG_MEMBER)                                                                                                 \
	};
CFG_SECTIONS(CFG_DECLARE_SECTION)
#undef CFG_DECLARE_SECTION

/* Texts with variables. Rows in tables/variables.h; `known` says from when on a variable has its value. */
enum cfg_known { CFG_KNOWN_REQUEST, CFG_KNOWN_POOL, CFG_KNOWN_SERVER };
enum cfg_variable {
#define VARIABLE(id, name, known, doc) CFG_VARIABLE_##id,
#include "steerway/tables/variables.h"
#undef VARIABLE
	CFG_VARIABLE_COUNT,
	CFG_VARIABLE_CAPTURE = CFG_VARIABLE_COUNT, /* ${0} to ${9}, of the regular expression that belongs to the text */
	CFG_VARIABLE_TEXT,
};
struct cfg_template_part {
	enum cfg_variable variable;
	struct str text;  /* of TEXT: it; of HEADER: the field's name */
	unsigned capture; /* of CAPTURE */
};
struct err;
/* Cuts the next part off *rest: 1; 0 at the end; -1 and why for what is no variable. */
int cfg_template_next(struct str *rest, struct cfg_template_part *out, struct err *why);
enum cfg_known cfg_variable_known(enum cfg_variable v);

struct cfg; /* a snapshot */

/* Reads `path` and what it includes. On failure NULL, with every error found as lines in `errors`:
 * "site.yaml:14:7: pools.api.check.timeout: 5s exceeds interval 2s; lower it or raise interval". */
struct cfg *cfg_load(const char *path, struct buf *errors);
/* The same from memory; relative paths are resolved against `directory`. */
struct cfg *cfg_load_text(struct str text, const char *name, const char *directory, struct buf *errors);
void cfg_destroy(struct cfg *c);
const struct cfg_root *cfg_root(const struct cfg *c);

/* What a reload from `old` to `new` would change, a line each ("pools.app.servers.c1.weight: 1 -> 5"); returns the number of
 * changes of keys that only a restart can change (their lines say so). */
size_t cfg_diff(const struct cfg *old, const struct cfg *new, struct buf *out);

/* Documentation from the rows. */
enum cfg_docs { CFG_DOCS_TEXT, CFG_DOCS_SAMPLE, CFG_DOCS_MAN };
void cfg_write_docs(struct buf *out, enum cfg_docs form);
/* Text of an enum value, as it stands in files: cfg_balance_text(CFG_BALANCE_P2C) is "p2c". */
#define CFG_DECLARE_TEXT(name, VALUES, NAME) const char *cfg_##name##_text(enum cfg_##name value);
CFG_ENUMS(CFG_DECLARE_TEXT)
#undef CFG_DECLARE_TEXT

#endif
