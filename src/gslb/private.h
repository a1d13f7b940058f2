/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder as its own files see it. */
#ifndef STEERWAY_GSLB_PRIVATE_H
#define STEERWAY_GSLB_PRIVATE_H

#include "gslb/acme.h"
#include "gslb/latency.h"
#include "gslb/rate.h"
#include "gslb/zone.h"

#include "steerway/base/clock.h"
#include "steerway/io.h"

struct gslb {
	_Atomic(struct zones *) zones; /* NULL before the first commit */
	_Atomic(struct settings *) settings;
	uint8_t cookie_secret[16]; /* where the configuration has none */
	struct counts *counts;     /* by worker */
	unsigned n_workers;        /* at least 1: without workers the caller's thread stands for one */
	struct fleet *fleet;
	struct workers *workers;
	struct fleet_subscriber subscriber;
	struct render *render; /* the control thread's */
	struct acme acme;
	struct latency latency;
	struct deadline latency_due;  /* maps are to be made anew of what was told */
	uint64_t latency_earliest_us; /* but not before that */
	struct list endpoints;        /* served now */
	struct file_watch *watch;     /* the files of maps; NULL: nobody watches */
	unsigned n_zones_kept;        /* zones that serve an older version than their files are */
	struct resign *resign;
	bool do_maps_wait;          /* maps have changed while zones were being signed */
	const struct cfg_root *cfg; /* in force */
};

/* How many zones are kept, as the metric tells it. */
void gslb_count_kept(struct gslb *g, const struct zones *zs);

/* ---- counts.c: how many answers of which kind, in cells of each worker ---- */

#define COUNTS_RCODES 32
#define COUNTS_TYPES 320 /* by number; 0: and above */
#define COUNT_ONE(value, text) +1
enum { COUNTS_POLICIES = 0 CFG_POLICY_KIND_VALUES(COUNT_ONE) };
#undef COUNT_ONE
struct counts {
	_Alignas(64) _Atomic uint64_t answers[2][COUNTS_RCODES]; /* by is_tcp */
	_Atomic uint64_t types[COUNTS_TYPES];
	_Atomic uint64_t policies[COUNTS_POLICIES];
	_Atomic uint64_t sites[64]; /* by fleet_site.index */
	/* The worker's own. */
	uint32_t n_unlogged; /* queries since the last one that was logged */
	uint32_t n_steered;  /* answers of the batch in progress */
};
static inline void count_one(_Atomic uint64_t *cell) {
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1, memory_order_relaxed);
}
/* Sites that are gone: their index goes to others. */
void counts_forget_sites(struct gslb *g);

/* ---- limits.c: what a client gets that may have forged its address ---- */

enum limits_kind {
	LIMITS_POSITIVE,
	LIMITS_NODATA,
	LIMITS_NXDOMAIN,
	LIMITS_REFERRAL,
	LIMITS_ERROR,
	LIMITS_AMPLIFICATION, /* bytes beyond what always passes */
	LIMITS_KINDS
};
struct limits {
	uint32_t free_times; /* replies of at most so many times the query are not judged; 0: all are, UINT32_MAX: none */
	uint8_t bits[2];     /* of a network, by is_v6 */
	uint32_t amplification, slip;
	uint32_t rates[LIMITS_KINDS]; /* a second, of one worker; 0: no bound (of bytes: none) */
	struct rate_table **tables;   /* by worker */
	unsigned n_tables;
	struct limits_net {
		uint32_t address, mask; /* as on the wire */
	} * exempt_v4;
	struct addr_net *exempt; /* all */
	size_t n_exempt_v4, n_exempt;
};
void limits_init(struct limits *l, const struct cfg_dns_limits *cfg, unsigned n_workers);
void limits_fini(struct limits *l);
bool limits_exempt_v6(const struct limits *l, const struct addr *a);
/* In line: every longer answer asks. */
static inline bool limits_exempt(const struct limits *l, const struct addr *a) {
	if (addr_is_v6(a))
		return limits_exempt_v6(l, a);
	for (size_t i = 0; i < l->n_exempt_v4; i++)
		if (((l->exempt_v4[i].address ^ a->in.sin_addr.s_addr) & l->exempt_v4[i].mask) == 0)
			return true;
	return false;
}
enum limits_verdict { LIMITS_PASS, LIMITS_TRUNCATE, LIMITS_DROP };
/* Of a reply of n bytes in all, over UDP, to a client without a valid cookie who is not exempt. */
struct exchange;
enum limits_verdict limits_judge(const struct exchange *x, const char *reply, size_t n);

/* ---- map_reload.c: maps that change while they are in force ---- */

struct file_set *map_files(const struct cfg_root *cfg);
/* What gslb_reload_maps left for the end of signing. */
void maps_catch_up(struct gslb *g);
void latency_init(struct gslb *g, struct loop *control);

static inline struct zones *zones_now(const struct gslb *g) {
	return atomic_load_explicit(&g->zones, memory_order_relaxed);
}

/* ---- resign.c: signed zones kept signed ---- */

struct resign;
/* control NULL: nothing happens by itself. */
struct resign *resign_create(struct gslb *g, struct loop *control, struct err *e);
void resign_destroy(struct resign *s);
/* Is it under way? Then it holds parts of the zones that serve, and their maps. */
bool resign_is_busy(const struct resign *s);
/* Before anyone else looks at, or ends, the zones that serve. */
void resign_cancel(struct resign *s);
/* The zones that serve are others, or what was under way was cancelled. */
void resign_schedule(struct resign *s);
/* One zone with keys read anew. */
int resign_zone(struct resign *s, const struct zone *z, struct err *e);
/* On this thread, until it is done; reads_keys: as resign_zone. resign_due: if anything is. */
int resign_now(struct resign *s, const struct zone *reads_keys, struct err *e);
int resign_due(struct resign *s, struct err *e);

/* ---- settings.c: the section `dns:`, compiled ---- */

#define SETTINGS_NSID_MAX 64
enum settings_text { SETTINGS_IDENTITY, SETTINGS_VERSION, SETTINGS_TEXTS };
struct settings {
	size_t max_udp_bytes;
	bool takes_ecs, has_cookies, requires_cookies;
	uint8_t ecs_bits[2]; /* looked at, by is_v6 */
	uint8_t n_nsid, nsid[SETTINGS_NSID_MAX];
	struct answer *texts[SETTINGS_TEXTS]; /* of questions about the server; NULL: refused */
	struct dns_cookie_keys cookie_keys;
	struct limits limits;
	struct log_output *query_log; /* NULL: none */
	uint32_t query_log_sample;    /* one of so many */
	bool query_log_is_json;
	uint64_t tcp_idle_us;
	unsigned tcp_per_client; /* connections; 0: no bound */
};
struct settings *settings_create(const struct cfg_root *root, const struct gslb *g, struct err *e);
void settings_destroy(struct settings *s);
/* Of a question of class CH (RFC 4892). */
const struct answer *settings_chaos(const struct settings *s, const struct dns_query *q);

/* ---- answer.c, opt.c: a query under way ---- */

/* COOKIE_NONE: the client speaks no cookies, or the configuration does not. NEW: it has no valid one of ours yet. */
enum cookie_state { COOKIE_NONE, COOKIE_NEW, COOKIE_GOOD, COOKIE_AGED };
/* What is the same for all queries that are answered together. */
struct batch {
	struct gslb *gslb;
	const struct gslb_client *client; /* its `from` is not looked at: each message has a sender of its own */
	const struct zones *zones;        /* NULL before the first commit */
	const struct settings *settings;
	struct counts *counts;
	_Atomic uint64_t *answers; /* of them, by response code */
	bool has_log;
	uint32_t free_times;         /* limits.free_times; over TCP nothing is of concern */
	size_t min_bytes, max_bytes; /* a reply may be so long at least, and at most; in between the client decides */
	uint64_t now_us;             /* clock_now_us */
};
struct exchange {
	const struct batch *batch;
	struct udp_message *message; /* also where it came over TCP */
	enum dns_rcode rcode;        /* of the query itself; NOERROR: `found` has the answer's */
	enum cookie_state cookie;
	struct found found;
	struct dns_query q;
};
#define OPT_EDE_TEXT_MAX 48
/* OPT, the longest client subnet, cookie, NSID, keepalive, extended error. A question of any length and this fit 512 bytes. */
#define OPT_BYTES_MAX                                                                                                            \
	(DNS_OPT_BYTES + 4 + 20 + 4 + DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES + 4 + SETTINGS_NSID_MAX + 4 + 2 + 4 +    \
	 2 + OPT_EDE_TEXT_MAX)
/* Most replies have no options, and a code of four bits. */
static inline bool opt_is_plain(const struct exchange *x) {
	return !x->q.has_options && x->found.ede == DNS_EDE_NONE && x->rcode <= 0xf;
}
static inline void opt_write_plain(const struct dns_query *q, char *out) {
	static const uint8_t opt[DNS_OPT_BYTES] = { 0, 0, DNS_TYPE_OPT, DNS_EDNS_BYTES >> 8, DNS_EDNS_BYTES & 0xff };
	memcpy(out, opt, sizeof(opt));
	out[7] = q->wants_dnssec ? (char)0x80 : 0; /* RFC 3225 3: DO is copied */
}
/* The OPT record of the reply to a query that has one; its bytes. is_bare: without what the client can do without. */
size_t opt_write(const struct exchange *x, bool is_bare, uint8_t out[OPT_BYTES_MAX]);
/* query_log.c: what was asked, and the n bytes that it was answered with. */
void query_log_write(const struct exchange *x, unsigned rcode, bool is_truncated, size_t n);
/* gslb_answer for a whole batch of UDP. */
void gslb_answer_batch(struct gslb *g, unsigned worker, struct udp_message *messages, unsigned n);

/* ---- endpoint.c: an address that is served, over UDP and TCP, by every worker ---- */

#define ENDPOINT_CLIENTS 8192
struct tcp_server;
struct endpoint {
	struct list link;
	struct gslb *gslb;
	struct addr at;
	_Atomic unsigned max_connections; /* a worker's share */
	_Atomic unsigned *clients;        /* TCP connections by hash of the client: ENDPOINT_CLIENTS of them */
	int backlog;
	bool is_kept; /* by the plan under way */
	struct endpoint_part {
		struct endpoint *endpoint;
		unsigned worker;
		int udp_fd, tcp_fd; /* -1: taken over by `udp` and `server`, or closed */
		struct udp_socket *udp;
		struct tcp_server *server;
	} * parts; /* one a worker */
};
/* Opens the sockets; nothing is served yet. */
struct endpoint *endpoint_create(struct gslb *g, const struct addr *at, const struct cfg_listener *cfg, struct err *e);
/* Of one that does not serve. */
void endpoint_destroy(struct endpoint *n);
void endpoint_configure(struct endpoint *n, const struct cfg_listener *cfg);
/* On all workers; from the control thread. */
void endpoint_start(struct endpoint *n);
void endpoint_stop(struct endpoint *n);

/* ---- tcp.c: DNS over TCP (RFC 7766), a server an endpoint and worker ---- */

struct tcp_server *tcp_server_start(struct endpoint_part *p, struct loop *l, int fd, struct err *e);
/* Closes its connections, too. */
void tcp_server_stop(struct tcp_server *s);
void tcp_server_set_backlog(struct tcp_server *s, int backlog);

#endif
