/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone file of any bytes: it is refused with a reason, or served. When it is served, each name that the tree of answers may
 * stumble over is asked for, and every answer can be parsed (by ldns). Behind lines "%%" stand the files "1", "2" and "3", which are
 * all that $INCLUDE can reach.
 */
#include "require.h"

#include "gslb/zone_text.h"

#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/dns.h"
#include "steerway/gslb.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__lsan_default_suppressions(void);

/*
 * Read by LeakSanitizer. ldns 1.8 forgets the fields that it had read of a malformed record: some bytes of a zone that is refused.
 * A leak of ours would be a record, and ldns_rr_new() is not in this list.
 */
const char *__lsan_default_suppressions(void) {
	return "leak:ldns_rdf_new_frm_data\n";
}

static struct fleet *fleet;
static struct gslb *gslb;
static struct cfg *cfg;
enum { PARTS = 4 }; /* the zone's file, and those that it may include */
static struct str parts[PARTS];

/* In the place of the one that reads any file. The configuration names one that there is. */
int zone_file_read(struct zone_file *out, struct str path, struct arena *arena, struct err *e) {
	const char *name = strrchr(path.p, '/') + 1;
	bool is_zone = str_eq(path, STR("/proc/self/exe")), is_part = name[0] >= '1' && name[0] < '0' + PARTS && !name[1];
	if (!is_zone && !is_part)
		return err_set(e, "%s: no such file", path.p);
	int part = is_zone ? 0 : name[0] - '0';
	*out = (struct zone_file){ .path = path, .text = arena_str(arena, parts[part]), .inode = (ino_t)part };
	return 0;
}

bool zone_file_is_unchanged(const struct zone_file *f) {
	(void)f;
	return false;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	struct err e;
	struct buf errors = { 0 };
	static const char yaml[] = "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
				   "dns: { limits: { table: 1024 } }\n" /* to clear the default takes most of a run */
				   "sites: { s: { addresses: [192.0.2.10] } }\n"
				   "pools: { p: { servers: [ { name: a, address: '127.0.0.1:1', site: s } ] } }\n"
				   "zones: { z: { file: /proc/self/exe, names: { app: { pool: p, sites: [s] } } } }\n";
	cfg = cfg_load_text(str_from(yaml), "fuzz.yaml", "/", &errors);
	require(cfg != NULL, errors.p);
	log_set_level(LOG_LEVEL_ERROR);
	fleet = fleet_create(NULL, NULL, &e);
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

static void parts_split(struct str input) {
	for (int i = 0; i < PARTS; i++) {
		size_t n = i == PARTS - 1 ? input.n : str_find(input, STR("\n%%\n"));
		parts[i] = str_slice(input.p, n);
		input = n < input.n ? str_skip(input, n + 4) : STR("");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char *const names[] = { "\1z",         "\1a\1z",  "\1b\1a\1z", "\1c\1b\1a\1z", "\3app\1z",
		                             "\1x\3app\1z", "\2ns\1z", "\1*\1z",    "\1*\1a\1z" };
	static const unsigned types[] = { 1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 64, 65, 255, 65280 };
	struct err e = { "" };
	parts_split(str_slice((const char *)data, size));
	gslb_destroy(gslb); /* with an older zone a faulty one is no error */
	gslb = gslb_create(fleet, NULL, &e);
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
