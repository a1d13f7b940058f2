/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole responder, one query in, one answer out. The first byte says how: bit 0 TCP, bits 1-3 which sites are down; bits 4-5
 * how much room there is. What must hold for every answer is in check_answer; that it can be parsed is ldns's verdict.
 */
#include "require.h"

#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/dns.h"
#include "steerway/gslb.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define N_SITES 3
static struct gslb *responders[1 << N_SITES]; /* by the sites that are down */
static struct addr from;

static const char zone[] =
    "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\n@ 3600 MX 10 mail\nns1 3600 A 192.0.2.1\nmail 60 AAAA ::1\n"
    "a 60 TXT \"x\"\nc 60 CNAME d\nd 60 CNAME app\n*.w 60 CNAME d\n*.v 60 MX 1 mail\ng 60 CNAME none\nl 60 CNAME l\n"
    "x.y.z 60 A 192.0.2.2\ns 60 NS ns.s\ns 60 NS mail\nns.s 60 A 192.0.2.3\ns 60 DS 1 13 2 00\nt 60 CNAME h.s\n"
    "_s._t 60 SRV 1 2 3 mail\n";
static const char yaml[] =
    "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
    "sites:\n"
    "  s0: { addresses: [192.0.2.10, '2001:db8::10'] }\n"
    "  s1: { addresses: [192.0.2.11] }\n"
    "  s2: { addresses: ['2001:db8::12'] }\n"
    "pools: { p: { servers: [ { name: a, address: '127.0.0.1:1', site: s0 }, { name: b, address: '127.0.0.1:2', site: s1 },\n"
    "  { name: c, address: '127.0.0.1:3', site: s2 } ] } }\n"
    "zones:\n"
    "  z:\n"
    "    file: z.zone\n"
    "    names: { app: { pool: p, sites: [s0, s1, s2] }, wt: { policy: weighted, pool: p, sites: { s0: 1, s1: 2 } },\n"
    "             r: { policy: all, pool: p, sites: [s0, s1, s2], order: rotate },\n"
    "             n: { pool: p, sites: [s1, s2], all_down: none }, '@': { pool: p, sites: [s0], all_down: first } }\n";

static struct gslb *responder_create(const struct cfg_root *cfg, unsigned down) {
	struct err e = { "" };
	struct fleet *fleet = fleet_create(NULL, NULL, &e);
	struct gslb *g = gslb_create(fleet, NULL, &e);
	struct fleet_plan *fp = fleet_prepare(fleet, cfg, &e);
	struct gslb_plan *gp = gslb_prepare(g, cfg, &e);
	require(fp && gp, e.text);
	fleet_commit(fp);
	gslb_commit(gp);
	for (unsigned i = 0; i < N_SITES; i++) {
		struct fleet_target t = { .kind = FLEET_SITE, .site = fleet_site_find(fleet, cfg->sites.items[i].id) };
		fleet_set_admin(fleet, t, down >> i & 1 ? FLEET_FORCED_DOWN : FLEET_READY);
	}
	return g;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	char directory[] = "/tmp/steerway-fuzz-XXXXXX", path[64];
	struct buf errors = { 0 };
	require(mkdtemp(directory) != NULL, "a temporary folder");
	snprintf(path, sizeof(path), "%s/z.zone", directory);
	FILE *f = fopen(path, "w");
	require(f && fputs(zone, f) >= 0 && fclose(f) == 0, "a zone file");
	static struct cfg *cfg; /* the responders read it */
	cfg = cfg_load_text(str_from(yaml), "fuzz.yaml", directory, &errors);
	require(cfg != NULL, errors.p);
	log_set_level(LOG_LEVEL_ERROR);
	require(addr_parse(&from, STR("198.51.100.200:5353")), "an address");
	for (unsigned down = 0; down < COUNT_OF(responders); down++)
		responders[down] = responder_create(cfg_root(cfg), down);
	unlink(path);
	rmdir(directory);
	return 0;
}

/* Length of the query's question, as a reader of RFC 1035 would find it; 0 when it has none that could be echoed. */
static size_t question_bytes(const uint8_t *q, size_t n) {
	size_t at = 12, n_name = 0;
	if (dns_get16(q + 4) != 1)
		return 0;
	for (; at < n && q[at]; at += q[at] + 1u, n_name = at - 12)
		if (q[at] > 63)
			return 0;
	return at + 5 <= n && n_name + 1 <= 255 ? at + 5 - 12 : 0;
}

static void check_answer(const uint8_t *q, size_t n_q, const uint8_t *a, size_t n, bool is_tcp, size_t room) {
	size_t question = question_bytes(q, n_q);
	unsigned rcode = a[3] & 15, n_additional = dns_get16(a + 10);
	require(n >= 12 && n <= room, "the answer fits its room");
	require(memcmp(q, a, 2) == 0, "the id is kept");
	require(a[2] & 0x80, "QR is set");
	require((a[2] & 0x79) == (q[2] & 0x79), "opcode and RD are kept");
	require((a[3] & 0xf0) == 0, "RA, Z, AD and CD are clear");
	require(dns_get16(a + 4) == (question ? 1 : 0), "the question is echoed where there is one");
	require(n >= 12 + question && memcmp(q + 12, a + 12, question) == 0, "and byte for byte");
	ldns_pkt *p = NULL;
	require(ldns_wire2pkt(&p, a, n) == LDNS_STATUS_OK, "the answer can be parsed");
	bool has_edns = ldns_pkt_edns(p);
	size_t limit = is_tcp ? 65535 : has_edns ? 1232 : 512;
	require(n <= limit, "and is no longer than the client takes");
	bool is_tc = a[2] & 2;
	require(!is_tc || (!is_tcp || room < 65535), "TC is not for TCP");
	require(!is_tc || (dns_get16(a + 6) == 0 && dns_get16(a + 8) == 0 && n_additional == has_edns),
	        "TC comes without records");
	require(rcode == 0 || rcode == 3 || (dns_get16(a + 6) == 0 && dns_get16(a + 8) == 0 && n_additional == has_edns),
	        "an error comes without records");
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_answer(p)); i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(ldns_pkt_answer(p), i));
		require(text != NULL, "every record can be printed");
		free(text);
	}
	ldns_pkt_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const size_t rooms[] = { DNS_MESSAGE_MAX, UDP_MAX_BYTES, 600, 512 };
	if (size == 0 || size - 1 > DNS_MESSAGE_MAX)
		return 0;
	bool is_tcp = data[0] & 1;
	size_t room = rooms[data[0] >> 4 & 3];
	char *in = mem_alloc(size), *out = mem_alloc(room);
	memcpy(in, data + 1, size - 1);
	struct gslb_client client = { .from = &from, .is_tcp = is_tcp };
	size_t n = gslb_answer(responders[data[0] >> 1 & 7], &client, str_slice(in, size - 1), out, room);
	if (size - 1 < 12 || in[2] & 0x80)
		require(n == 0, "silence");
	else
		check_answer((uint8_t *)in, size - 1, (uint8_t *)out, n, is_tcp, room);
	mem_free(in);
	mem_free(out);
	return 0;
}
