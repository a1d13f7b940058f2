/* SPDX-License-Identifier: BSD-2-Clause */
/* A signed zone of a text, with keys made for it; its sets as ldns' records, which are verified by ldns. */
#ifndef TESTS_GSLB_SIGNED_H
#define TESTS_GSLB_SIGNED_H

#include "unit/gslb/fixture.h"

#include "gslb/dnssec.h"

#include "steerway/base/file.h"

#include <sys/stat.h>

struct signed_zone {
	char directory[32];
	char options[256]; /* of dnssec, behind the keys */
	char names[512];   /* steered ones */
	struct cfg *cfg;
	struct zones *zones;
	struct zone *zone;
};

#define SIGNED_APEX str_slice("\7example\0", 9)

/* A key of a zone (a wire name), with the times given; its tag. */
static inline unsigned signed_key_of(struct signed_zone *x, struct str zone, unsigned algorithm, unsigned flags,
                                     struct key_times times) {
	struct key_private private = { .algorithm = (uint8_t)algorithm, .times = times };
	struct key_public public = { .times = times, .rdata = { (uint8_t)(flags >> 8), (uint8_t)flags, 3, (uint8_t)algorithm } };
	struct err e;
	char path[96], folder[64];
	snprintf(folder, sizeof(folder), "%s/keys", x->directory);
	mkdir(folder, 0700);
	assert_true(dns_name_read(&public.owner, zone));
	assert_int_equal(key_algorithm_find(algorithm)->generate(&private, &public, &e), 0);
	char *stem = key_stem(folder, zone, algorithm, key_tag(public.rdata, public.n));
	struct buf text = { 0 };
	key_public_write(&text, &public);
	snprintf(path, sizeof(path), "%s.key", stem);
	assert_int_equal(file_replace(path, buf_str(&text), 0644, &e), 0);
	text.n = 0;
	key_private_write(&text, &private);
	snprintf(path, sizeof(path), "%s.private", stem);
	assert_int_equal(file_replace(path, buf_str(&text), 0600, &e), 0);
	buf_fini(&text);
	mem_free(stem);
	return key_tag(public.rdata, public.n);
}

static inline unsigned signed_key(struct signed_zone *x, unsigned algorithm, unsigned flags, struct key_times times) {
	return signed_key_of(x, SIGNED_APEX, algorithm, flags, times);
}

static inline struct signed_zone *signed_create(void) {
	struct signed_zone *x = mem_zalloc(sizeof(*x));
	strcpy(x->directory, "/tmp/steerway-signed-XXXXXX");
	assert_non_null(mkdtemp(x->directory));
	return x;
}

static inline void signed_unload(struct signed_zone *x) {
	zones_destroy(x->zones);
	cfg_destroy(x->cfg);
	x->zones = NULL;
	x->cfg = NULL;
}

/* Loads and signs zone `example`. False with `e` when it is refused. `below`: more zones, in YAML. */
static inline bool signed_load(struct signed_zone *x, const char *text, const char *below, struct err *e) {
	char path[64];
	struct buf yaml = { 0 }, errors = { 0 };
	signed_unload(x);
	snprintf(path, sizeof(path), "%s/zone", x->directory);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	buf_printf(&yaml,
	           "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES
	           "zones:\n  example: { file: zone, dnssec: { keys: keys%s }, names: { %s } }\n%s",
	           x->options, x->names, below);
	x->cfg = cfg_load_text(buf_str(&yaml), "test.yaml", x->directory, &errors);
	if (!x->cfg)
		fail_msg("%.*s", STR_ARG(buf_str(&errors)));
	x->zones = zones_create(cfg_root(x->cfg), NULL, NULL, e);
	x->zone = x->zones ? x->zones->first : NULL;
	buf_fini(&yaml);
	buf_fini(&errors);
	return x->zones != NULL;
}

static inline void signed_must_load(struct signed_zone *x, const char *text) {
	struct err e;
	if (!signed_load(x, text, "", &e))
		fail_msg("%s", e.text);
}

static inline void signed_destroy(struct signed_zone *x) {
	char command[64];
	signed_unload(x);
	snprintf(command, sizeof(command), "rm -rf %s", x->directory);
	assert_int_equal(system(command), 0);
	mem_free(x);
}

/* ---- as ldns sees it ---- */

static inline ldns_rr *signed_rr(struct str owner, uint16_t type, uint32_t ttl, const struct rdata *d) {
	uint8_t wire[DNS_NAME_MAX + 10 + UINT16_MAX];
	ldns_rr *rr = NULL;
	size_t at = 0;
	memcpy(wire, owner.p, owner.n);
	dns_put16(wire + owner.n, type);
	dns_put16(wire + owner.n + 2, 1);
	dns_put32(wire + owner.n + 4, ttl);
	dns_put16(wire + owner.n + 8, d->n);
	memcpy(wire + owner.n + 10, d->bytes, d->n);
	assert_int_equal(ldns_wire2rr(&rr, wire, owner.n + 10 + d->n, &at, LDNS_SECTION_ANSWER), LDNS_STATUS_OK);
	return rr;
}

static inline ldns_rr_list *signed_list(struct str owner, uint16_t type, uint32_t ttl, const struct rdata *first) {
	ldns_rr_list *list = ldns_rr_list_new();
	for (const struct rdata *d = first; d; d = d->next)
		assert_true(ldns_rr_list_push_rr(list, signed_rr(owner, type, ttl, d)));
	return list;
}

/* Every signature over the set is right; as many as `n`. */
static inline void signed_verify(struct signed_zone *x, struct str owner, const struct rrset *set, const struct rdata *sigs,
                                 unsigned n) {
	const struct rrset *keys = node_rrset(x->zone->apex, DNS_TYPE_DNSKEY);
	ldns_rr_list *key_list = signed_list(SIGNED_APEX, DNS_TYPE_DNSKEY, keys->ttl, keys->first);
	ldns_rr_list *list = signed_list(owner, set->type, set->ttl, set->first);
	unsigned seen = 0;
	for (const struct rdata *d = sigs; d; d = d->next, seen++) {
		ldns_rr *sig = signed_rr(owner, DNS_TYPE_RRSIG, set->ttl, d);
		ldns_status s = ldns_verify_rrsig_keylist(list, sig, key_list, NULL);
		if (s != LDNS_STATUS_OK)
			fail_msg("type %u: %s", set->type, ldns_get_errorstr_by_id(s));
		ldns_rr_free(sig);
	}
	assert_int_equal(seen, n);
	ldns_rr_list_deep_free(list);
	ldns_rr_list_deep_free(key_list);
}

static inline struct node *signed_node(struct signed_zone *x, const char *name) {
	struct dns_name n;
	struct err e;
	assert_int_equal(zone_name_parse(&n, str_from(name), NULL, &e), 0);
	struct node *node = zone_find(x->zone, &n, 0);
	if (!node)
		fail_msg("no node %s", name);
	return node;
}

static inline int signed_setup(void **state) {
	*state = signed_create();
	return 0;
}

static inline int signed_teardown(void **state) {
	signed_destroy(*state);
	return 0;
}

#endif
