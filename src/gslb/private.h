/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder as its own files see it. */
#ifndef STEERWAY_GSLB_PRIVATE_H
#define STEERWAY_GSLB_PRIVATE_H

#include "gslb/zone.h"

#include "steerway/base/clock.h"

struct gslb {
	_Atomic(struct zones *) zones; /* NULL before the first commit */
	_Atomic(struct settings *) settings;
	uint8_t cookie_secret[16]; /* where the configuration has none */
	struct fleet *fleet;
	struct workers *workers;
	struct fleet_subscriber subscriber;
	struct render *render; /* the control thread's */
	struct list endpoints; /* served now */
	unsigned n_zones_kept; /* zones that serve an older version than their files are */
};

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
};
struct settings *settings_create(const struct cfg_dns *cfg, const uint8_t random_secret[16], struct err *e);
void settings_destroy(struct settings *s);
/* Of a question of class CH (RFC 4892). */
const struct answer *settings_chaos(const struct settings *s, const struct dns_query *q);

/* ---- answer.c, opt.c: a query under way ---- */

/* COOKIE_NONE: the client speaks no cookies, or the configuration does not. NEW: it has no valid one of ours yet. */
enum cookie_state { COOKIE_NONE, COOKIE_NEW, COOKIE_GOOD, COOKIE_AGED };
struct exchange {
	const struct gslb_client *client;
	const struct settings *settings;
	const struct dns_query *q;
	enum dns_rcode rcode; /* of the query itself; NOERROR: `found` has the answer's */
	enum cookie_state cookie;
	struct found found;
};
/* The client's address as bytes of the wire. */
static inline struct str client_address(const struct gslb_client *c) {
	return addr_is_v6(c->from) ? str_slice((const char *)&c->from->in6.sin6_addr, 16)
	                           : str_slice((const char *)&c->from->in.sin_addr, 4);
}

#define OPT_EDE_TEXT_MAX 48
/* OPT, the longest client subnet, cookie, NSID, keepalive, extended error. A question of any length and this fit 512 bytes. */
#define OPT_BYTES_MAX                                                                                                            \
	(DNS_OPT_BYTES + 4 + 20 + 4 + DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES + 4 + SETTINGS_NSID_MAX + 4 + 2 + 4 +    \
	 2 + OPT_EDE_TEXT_MAX)
/* The OPT record of the reply to a query that has one; its bytes. */
size_t opt_write(const struct exchange *x, uint8_t out[OPT_BYTES_MAX]);

/* ---- endpoint.c: an address that is served, over UDP and TCP, by every worker ---- */

struct tcp_server;
struct endpoint {
	struct list link;
	struct gslb *gslb;
	struct addr at;
	_Atomic unsigned max_connections; /* a worker's share */
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
