/* SPDX-License-Identifier: BSD-2-Clause */
/* A responder on zone files made for a test: configuration by YAML, health by hand, questions and answers as text (through ldns,
 * which is not what wrote them). */
#ifndef TESTS_GSLB_FIXTURE_H
#define TESTS_GSLB_FIXTURE_H

#include "steerway/base/buf.h"
#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "steerway/dns.h"
#include "steerway/gslb.h"
#include "steerway/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <ldns/ldns.h>

struct fixture {
	char directory[32];
	struct cfg *cfg;
	struct fleet *fleet;
	struct gslb *gslb;
	struct addr client; /* 198.51.100.200 */
	char query[DNS_MESSAGE_MAX];
	size_t n_query;
	char answer[DNS_MESSAGE_MAX];
	size_t n_answer;
	struct buf text;
};

/* Three sites with a server each in pool `app`. */
#define FIXTURE_SITES                                                                                                            \
	"checks: { app: { type: tcp } }\n"                                                                                       \
	"sites:\n"                                                                                                               \
	"  cloud: { addresses: [198.51.100.10, '2001:db8:1::10'], capacity: 100rps }\n"                                          \
	"  onprem: { addresses: [192.0.2.10] }\n"                                                                                \
	"  dr: { addresses: [203.0.113.10, 203.0.113.11], role: standby }\n"                                                     \
	"pools:\n"                                                                                                               \
	"  app:\n"                                                                                                               \
	"    check: app\n"                                                                                                       \
	"    servers:\n"                                                                                                         \
	"      - { name: c1, address: '127.0.0.1:1', site: cloud }\n"                                                            \
	"      - { name: p1, address: '127.0.0.1:2', site: onprem }\n"                                                           \
	"      - { name: d1, address: '127.0.0.1:3', site: dr }\n"

static inline void fixture_file(const struct fixture *x, const char *name, const char *text) {
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", x->directory, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The responder's state as if by a reload; false with `e` when gslb refuses. */
static inline bool fixture_reload(struct fixture *x, const char *yaml, struct err *e) {
	struct buf errors = { 0 };
	struct cfg *cfg = cfg_load_text(str_from(yaml), "test.yaml", x->directory, &errors);
	if (!cfg)
		fail_msg("%.*s", STR_ARG(buf_str(&errors)));
	buf_fini(&errors);
	struct fleet_plan *fleet = fleet_prepare(x->fleet, cfg_root(cfg), e);
	assert_non_null(fleet);
	struct gslb_plan *plan = gslb_prepare(x->gslb, cfg_root(cfg), e);
	if (!plan) {
		fleet_discard(fleet);
		cfg_destroy(cfg);
		return false;
	}
	fleet_commit(fleet);
	gslb_commit(plan);
	cfg_destroy(x->cfg);
	x->cfg = cfg;
	return true;
}

static inline struct fixture *fixture_create(void) {
	struct fixture *x = mem_zalloc(sizeof(*x));
	struct err e;
	strcpy(x->directory, "/tmp/steerway-gslb-XXXXXX");
	assert_non_null(mkdtemp(x->directory));
	x->fleet = fleet_create(NULL, NULL, &e);
	x->gslb = gslb_create(x->fleet, NULL, &e);
	assert_non_null(x->gslb);
	assert_true(addr_parse(&x->client, STR("198.51.100.200:5353")));
	return x;
}

static inline void fixture_destroy(struct fixture *x) {
	char command[64];
	gslb_destroy(x->gslb);
	fleet_destroy(x->fleet);
	cfg_destroy(x->cfg);
	buf_fini(&x->text);
	snprintf(command, sizeof(command), "rm -rf %s", x->directory);
	assert_int_equal(system(command), 0);
	mem_free(x);
}

/* ---- questions ---- */

static inline void query_add(struct fixture *x, const void *p, size_t n) {
	memcpy(x->query + x->n_query, p, n);
	x->n_query += n;
}
static inline void query_add16(struct fixture *x, unsigned v) {
	dns_put16(x->query + x->n_query, v);
	x->n_query += 2;
}
/* "app.example.org" (no escapes) as labels, case kept. */
static inline void query_add_name(struct fixture *x, const char *name) {
	while (*name) {
		size_t n = strcspn(name, ".");
		char length = (char)n;
		query_add(x, &length, 1);
		query_add(x, name, n);
		name += n + (name[n] == '.');
	}
	query_add(x, "", 1);
}
static inline void query_begin(struct fixture *x, const char *name, unsigned type) {
	x->n_query = 0;
	query_add16(x, 0x1234);
	query_add16(x, DNS_FLAG_RD);
	query_add16(x, 1);
	query_add(x, "\0\0\0\0\0\0", 6);
	query_add_name(x, name);
	query_add16(x, type);
	query_add16(x, 1);
}
/* An OPT record behind: `flags` is the high word's rest: version and DO. */
static inline void query_edns(struct fixture *x, unsigned udp_bytes, unsigned version, unsigned flags) {
	query_add(x, "\0\0\x29", 3);
	query_add16(x, udp_bytes);
	query_add16(x, version);
	query_add16(x, flags);
	query_add16(x, 0);
	x->query[11]++;
}
/* An option into the OPT record, which is the end of the query. */
static inline void query_option(struct fixture *x, unsigned code, const void *data, size_t n) {
	size_t at = x->n_query, n_options = 0;
	query_add16(x, code);
	query_add16(x, (unsigned)n);
	query_add(x, data, n);
	/* Its length stands behind the 9 bytes of the record, and behind a question. */
	size_t opt = 12;
	while (x->query[5] && x->query[opt])
		opt += (size_t)x->query[opt] + 1;
	opt += x->query[5] ? 5 : 0;
	n_options = dns_get16(x->query + opt + 9);
	assert_int_equal(opt + 11 + n_options, at);
	dns_put16(x->query + opt + 9, (unsigned)(n_options + 4 + n));
}
static inline void query_send(struct fixture *x, bool is_tcp, size_t out_size) {
	/* On the heap, at its exact size: a sanitizer sees every byte too much. */
	char *in = mem_alloc(x->n_query + 1), *out = mem_alloc(out_size);
	memcpy(in, x->query, x->n_query);
	struct gslb_client client = { .from = &x->client, .is_tcp = is_tcp };
	x->n_answer = gslb_answer(x->gslb, &client, str_slice(in, x->n_query), out, out_size);
	memcpy(x->answer, out, x->n_answer);
	mem_free(in);
	mem_free(out);
}

/* ---- answers ---- */

/* An option of the answer, whose OPT record is its end; NULL: it has none. */
static inline const uint8_t *answer_option(const struct fixture *x, unsigned code, size_t *n) {
	ldns_pkt *p = NULL;
	assert_int_equal(ldns_wire2pkt(&p, (const uint8_t *)x->answer, x->n_answer), LDNS_STATUS_OK);
	size_t n_options = ldns_pkt_edns_data(p) ? ldns_rdf_size(ldns_pkt_edns_data(p)) : 0;
	ldns_pkt_free(p);
	const uint8_t *at = (const uint8_t *)x->answer + x->n_answer - n_options, *found = NULL;
	for (size_t left = n_options; left > 0;) {
		size_t n_data = dns_get16(at + 2);
		if (dns_get16(at) == code) {
			assert_null(found); /* none comes twice */
			found = at + 4;
			*n = n_data;
		}
		at += 4 + n_data;
		left -= 4 + n_data;
	}
	return found;
}

static inline void text_add_section(struct buf *out, const char *name, const ldns_rr_list *list) {
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_OPT)
			continue;
		char *text = ldns_rr2str(rr);
		for (char *p = text; *p; p++)
			*p = *p == '\t' ? ' ' : *p;
		buf_printf(out, "%s %s", name, text);
		free(text);
	}
}
/* "NOERROR aa\nan app.example.org. 60 IN A 192.0.2.10\n..."; edns, tc when set. */
static inline const char *answer_text(struct fixture *x) {
	ldns_pkt *p = NULL;
	ldns_status s = ldns_wire2pkt(&p, (const uint8_t *)x->answer, x->n_answer);
	if (s != LDNS_STATUS_OK)
		fail_msg("the answer is malformed: %s", ldns_get_errorstr_by_id(s));
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	x->text.n = 0;
	buf_printf(&x->text, "%s%s%s%s\n", rcode, ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "",
	           ldns_pkt_edns(p) ? " edns" : "");
	free(rcode);
	text_add_section(&x->text, "an", ldns_pkt_answer(p));
	text_add_section(&x->text, "ns", ldns_pkt_authority(p));
	text_add_section(&x->text, "ar", ldns_pkt_additional(p));
	buf_add_char(&x->text, '\0');
	ldns_pkt_free(p);
	return x->text.p;
}
static inline void assert_echo(const struct fixture *x) {
	size_t n = 12;
	while (x->query[n])
		n += (size_t)x->query[n] + 1;
	n += 5;
	assert_true(x->n_answer >= n);
	assert_memory_equal(x->answer, x->query, 2);
	assert_memory_equal(x->answer + 12, x->query + 12, n - 12);
}
static inline const char *ask(struct fixture *x, const char *name, unsigned type) {
	query_begin(x, name, type);
	query_send(x, false, 4096);
	assert_echo(x);
	return answer_text(x);
}

#endif
