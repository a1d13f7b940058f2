/* SPDX-License-Identifier: BSD-2-Clause */
/* /metrics: the rows of tables/metrics.h, then the families whose labels only the rooms above metric know. */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* A value of a server, site or pool; one row a family. */
struct server_family {
	const char *name;
	enum metric_type type;
	const char *help;
	double (*value)(struct admin *a, struct fleet_server *s);
};

#define SERVER_LOAD(member)                                                                                                      \
	static double server_##member(struct admin *a, struct fleet_server *s) {                                                 \
		struct admin_load load;                                                                                          \
		admin_server_load(a, s, &load);                                                                                  \
		return (double)load.member;                                                                                      \
	}
SERVER_LOAD(active)
SERVER_LOAD(open)
SERVER_LOAD(requests)
SERVER_LOAD(failures)
SERVER_LOAD(retries)

static double server_up(struct admin *a, struct fleet_server *s) {
	(void)a;
	return atomic_load_explicit(&s->verdict, memory_order_relaxed) == FLEET_UP;
}

static double server_in_service(struct admin *a, struct fleet_server *s) {
	(void)a;
	return atomic_load_explicit(&s->takes_requests, memory_order_relaxed);
}

static const struct server_family server_families[] = {
	{ "server_up", METRIC_GAUGE, "1 while the check finds the server up.", server_up },
	{ "server_in_service", METRIC_GAUGE, "1 while the server takes requests (health, admin states and drains together).",
	  server_in_service },
	{ "server_active", METRIC_GAUGE, "Requests in progress on the server.", server_active },
	{ "server_connections", METRIC_GAUGE, "Connections open to the server, idle ones included.", server_open },
	{ "server_requests_total", METRIC_COUNTER, "Requests sent to the server.", server_requests },
	{ "server_failures_total", METRIC_COUNTER, "Requests that failed on the server.", server_failures },
	{ "server_retries_total", METRIC_COUNTER, "Requests sent again after they failed on the server.", server_retries },
};

static void write_servers(struct admin *a, struct buf *out) {
	for (size_t i = 0; i < COUNT_OF(server_families); i++) {
		const struct server_family *family = &server_families[i];
		metric_family(out, family->name, family->type, family->help);
		LIST_EACH(p, fleet_pools(a->house.fleet))
			LIST_EACH(it, &POOL_OF(p)->servers) {
				struct fleet_server *s = SERVER_OF(it);
				const struct metric_label labels[] = { { "pool", s->pool->name },
					                               { "server", s->name },
					                               { "site", s->site->name } };
				metric_sample(out, family->name, labels, COUNT_OF(labels), family->value(a, s));
			}
	}
}

static double pool_usable_sites(struct fleet_pool *p) {
	return __builtin_popcountll(p->usable_sites);
}
static double pool_panic(struct fleet_pool *p) {
	return p->is_panicking;
}
static double pool_waiting(struct fleet_pool *p) {
	return fleet_waiting(p);
}
static double pool_spilled(struct fleet_pool *p) {
	return (double)fleet_spilled(p);
}

static const struct pool_family {
	const char *name;
	enum metric_type type;
	const char *help;
	double (*value)(struct fleet_pool *p);
} pool_families[] = {
	{ "pool_usable_sites", METRIC_GAUGE, "Sites that DNS may hand out for the pool.", pool_usable_sites },
	{ "pool_panic", METRIC_GAUGE, "1 while the pool ignores its verdicts, since too few servers are up.", pool_panic },
	{ "pool_waiting", METRIC_GAUGE, "Requests that wait since the pool, or every usable server, is at its limit.",
	  pool_waiting },
	{ "pool_spilled_total", METRIC_COUNTER, "Requests that went to another level of sites than the first.", pool_spilled },
};

static void write_sites(struct admin *a, struct buf *out) {
	metric_family(out, "site_state", METRIC_GAUGE, "1 for the admin state that the site is in.");
	LIST_EACH(it, fleet_sites(a->house.fleet))
		for (int state = FLEET_READY; state <= FLEET_FORCED_DOWN; state++) {
			const struct metric_label labels[] = { { "site", SITE_OF(it)->name },
				                               { "state", str_from(fleet_admin_text((enum fleet_admin)state)) } };
			metric_sample(out, "site_state", labels, 2, (int)SITE_OF(it)->admin == state);
		}
	metric_family(out, "site_drain_phase", METRIC_GAUGE,
	              "Phase of the site's drain: 0 none, 1 dns, 2 requests, 3 sessions, 4 drained.");
	LIST_EACH(it, fleet_sites(a->house.fleet)) {
		const struct metric_label labels[] = { { "site", SITE_OF(it)->name } };
		metric_sample(out, "site_drain_phase", labels, 1,
		              atomic_load_explicit(&SITE_OF(it)->drain.phase, memory_order_relaxed));
	}
}

static void write_pools(struct admin *a, struct buf *out) {
	for (size_t i = 0; i < COUNT_OF(pool_families); i++) {
		const struct pool_family *family = &pool_families[i];
		metric_family(out, family->name, family->type, family->help);
		LIST_EACH(it, fleet_pools(a->house.fleet)) {
			const struct metric_label labels[] = { { "pool", POOL_OF(it)->name } };
			metric_sample(out, family->name, labels, 1, family->value(POOL_OF(it)));
		}
	}
}

static void on_name_usable(void *arg, const struct gslb_name_state *n) {
	const struct metric_label labels[] = { { "name", n->name } };
	metric_sample(arg, "gslb_name_usable_sites", labels, 1, __builtin_popcountll(n->usable_sites));
}

static void on_name_ttl(void *arg, const struct gslb_name_state *n) {
	const struct metric_label labels[] = { { "name", n->name } };
	metric_sample(arg, "gslb_name_ttl_seconds", labels, 1, n->ttl_s);
}

static void write_names(struct admin *a, struct buf *out) {
	metric_family(out, "gslb_name_usable_sites", METRIC_GAUGE, "Usable sites of a steered name.");
	gslb_each_name(a->house.gslb, on_name_usable, out);
	metric_family(out, "gslb_name_ttl_seconds", METRIC_GAUGE, "TTL of the answers of a steered name.");
	gslb_each_name(a->house.gslb, on_name_ttl, out);
}

/* Answers of DNS by what they are; one row a part of a family, whose help begins it. */
static const struct answer_family {
	const char *name, *help, *label, *transport;
	enum gslb_count what;
} answer_families[] = {
	{ "gslb_answers_total", "DNS answers by response code and transport.", "rcode", "udp", GSLB_COUNT_UDP_RCODES },
	{ "gslb_answers_total", NULL, "rcode", "tcp", GSLB_COUNT_TCP_RCODES },
	{ "gslb_type_answers_total", "DNS answers by the type of the question.", "type", NULL, GSLB_COUNT_TYPES },
	{ "gslb_policy_answers_total", "DNS answers of steered names by their policy.", "policy", NULL, GSLB_COUNT_POLICIES },
	{ "gslb_site_answers_total", "DNS answers of steered names that hold a site's records.", "site", NULL, GSLB_COUNT_SITES },
};

struct answer_context {
	struct buf *out;
	const struct answer_family *family;
};

static void on_answer_count(void *arg, struct str value, uint64_t n) {
	const struct answer_context *c = arg;
	const struct answer_family *f = c->family;
	const struct metric_label labels[] = { { f->label, value },
		                               { "transport", f->transport ? str_from(f->transport) : STR_NONE } };
	metric_sample(c->out, f->name, labels, f->transport ? 2 : 1, (double)n);
}

static void write_answers(struct admin *a, struct buf *out) {
	for (size_t i = 0; i < COUNT_OF(answer_families); i++) {
		struct answer_context c = { out, &answer_families[i] };
		if (c.family->help)
			metric_family(out, c.family->name, METRIC_COUNTER, c.family->help);
		gslb_each_count(a->house.gslb, c.family->what, on_answer_count, &c);
	}
}

static void on_signature(void *arg, const struct gslb_signing *s) {
	const struct metric_label labels[] = { { "zone", s->zone } };
	int64_t now = (int64_t)(clock_wall_us() / USEC_PER_SEC);
	metric_sample(arg, "gslb_signature_left_seconds", labels, 1, s->first_end_s > now ? (double)(s->first_end_s - now) : 0);
}

static void write_signatures(struct admin *a, struct buf *out) {
	metric_family(out, "gslb_signature_left_seconds", METRIC_GAUGE, "Time until the first signature of a signed zone ends.");
	gslb_each_signing(a->house.gslb, on_signature, out);
}

static void write_ends(struct admin *a, struct buf *out) {
	metric_family(out, "proxy_ends_total", METRIC_COUNTER, "Requests by the way they ended.");
	for (int e = 0; e < PROXY_END_COUNT; e++) {
		const struct metric_label labels[] = { { "reason", str_from(proxy_end_name((enum proxy_end)e)) } };
		metric_sample(out, "proxy_ends_total", labels, 1, (double)proxy_end_count(a->house.proxy, (enum proxy_end)e));
	}
}

static double resident_bytes(void) {
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double descriptors_open(void) {
	DIR *d = opendir("/proc/self/fd");
	double n = -3; /* ".", ".." and the folder's own */
	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void gauge(struct buf *out, const char *name, const char *help, double value) {
	metric_family(out, name, METRIC_GAUGE, help);
	metric_sample(out, name, NULL, 0, value);
}

static void write_process(struct admin *a, struct buf *out) {
	const struct metric_label labels[] = { { "version", STR(PACKAGE_VERSION) } };
	struct rusage use;
	struct rlimit limit;
	getrusage(RUSAGE_SELF, &use);
	getrlimit(RLIMIT_NOFILE, &limit);
	metric_family(out, "build_info", METRIC_GAUGE, "1; the label is the version.");
	metric_sample(out, "build_info", labels, 1, 1);
	gauge(out, "fleet_epoch", "Number of the published health snapshot.", (double)fleet_epoch(a->house.fleet));
	gauge(out, "health_ready", "1 when every server has had its first probe.", health_is_ready(a->house.health));
	gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
	gauge(out, "process_open_fds", "Open descriptors.", descriptors_open());
	gauge(out, "process_max_fds", "Descriptors that may be open.", (double)limit.rlim_cur);
	metric_family(out, "process_cpu_seconds_total", METRIC_COUNTER, "CPU time used, user and system.");
	metric_sample(out, "process_cpu_seconds_total", NULL, 0,
	              (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	                  (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
}

void admin_write_metrics(struct admin *a, struct buf *out) {
	metric_write(out);
	write_servers(a, out);
	write_sites(a, out);
	write_pools(a, out);
	write_names(a, out);
	write_answers(a, out);
	write_signatures(a, out);
	write_ends(a, out);
	write_process(a, out);
}
