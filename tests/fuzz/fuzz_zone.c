/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone file of any bytes: it is refused with a reason, or served. When it is served, each name that the tree of answers may
 * stumble over is asked for, and every answer can be parsed (by ldns).
 */
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/dns.h"
#include "steerway/gslb.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct fleet *fleet;
static struct gslb *gslb;
static struct cfg *cfg;
static int fd;

static void require(bool holds, const char *what) {
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	char yaml[1024];
	struct err e;
	struct buf errors = { 0 };
	fd = memfd_create("zone", 0);
	snprintf(yaml, sizeof(yaml),
	         "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
	         "sites: { s: { addresses: [192.0.2.10] } }\n"
	         "pools: { p: { servers: [ { name: a, address: '127.0.0.1:1', site: s } ] } }\n"
	         "zones: { z: { file: /proc/self/fd/%d, names: { app: { pool: p, sites: [s] } } } }\n",
	         fd);
	cfg = cfg_load_text(str_from(yaml), "fuzz.yaml", "/", &errors);
	require(cfg != NULL, errors.p);
	log_set_level(LOG_LEVEL_ERROR);
	fleet = fleet_create(NULL, NULL, &e);
	gslb = gslb_create(fleet, NULL, &e);
	struct fleet_plan *fp = fleet_prepare(fleet, cfg_root(cfg), &e);
	require(fp != NULL, e.text);
	fleet_commit(fp);
	return 0;
}

static void ask(const char *wire, size_t n_wire, unsigned type) {
	static char out[DNS_MESSAGE_MAX];
	char query[12 + DNS_NAME_MAX + 4] = { 0, 1, 0, 0, 0, 1 };
	memcpy(query + 12, wire, n_wire);
	dns_put16(query + 12 + n_wire, type);
	query[12 + n_wire + 3] = 1;
	struct addr from = { .in = { .sin_family = AF_INET } };
	struct gslb_client client = { .from = &from, .is_tcp = true };
	size_t n = gslb_answer(gslb, &client, str_slice(query, 12 + n_wire + 4), out, sizeof(out));
	ldns_pkt *p = NULL;
	require(n > 0 && ldns_wire2pkt(&p, (uint8_t *)out, n) == LDNS_STATUS_OK, "the answer can be parsed");
	ldns_pkt_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char *const names[] = { "\1z",         "\1a\1z",  "\1b\1a\1z", "\1c\1b\1a\1z", "\3app\1z",
		                             "\1x\3app\1z", "\2ns\1z", "\1*\1z",    "\1*\1a\1z" };
	static const unsigned types[] = { 1, 2, 5, 6, 15, 16, 28, 33, 43, 255, 65280 };
	struct err e = { "" };
	require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size, "a file in memory");
	struct gslb_plan *plan = gslb_prepare(gslb, cfg_root(cfg), &e);
	if (!plan) {
		require(e.text[0] != '\0', "a refusal has a reason");
		return 0;
	}
	gslb_commit(plan);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		for (size_t j = 0; j < COUNT_OF(types); j++)
			ask(names[i], strlen(names[i]) + 1, types[j]);
	return 0;
}
