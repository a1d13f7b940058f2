/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures: every set of a zone verifies (by ldns), by the keys that should have signed it; what is not the zone's own has none. */
#include "unit/gslb/signed.h"

#define HEAD                                                                                                                     \
	"@ 3600 IN SOA ns.Example. Host.example. 7 3600 600 86400 300\n"                                                         \
	"@ IN NS ns.EXAMPLE.\n@ IN NS b.ns.example.\n"                                                                           \
	"ns IN A 192.0.2.1\nns IN AAAA 2001:db8::1\nb.ns IN A 192.0.2.2\n"
/* Names in upper case, in every type that has canonical names in it, and some that have not. */
static const char text[] = HEAD "a IN MX 10 Mail.Example.\na IN MX 5 mail.example.\n"
				"a IN TXT \"Text\" \"b\"\na IN RP Who.Example. Txt.Example.\n"
				"a IN SRV 1 2 3 Host.Example.\na IN NAPTR 1 2 \"U\" \"E2U+sip\" \"!X!Y!\" Repl.Example.\n"
				"a IN AFSDB 1 Db.Example.\na IN KX 1 Kx.Example.\na IN PX 1 Pa.Example. Pb.Example.\n"
				"a IN RT 1 Rt.Example.\na IN MINFO R.Example. E.Example.\na IN HINFO CPU Os\n"
				"a IN CAA 0 issue \"CA.example\"\na IN PTR P.Example.\n"
				"c IN CNAME A.Example.\n"
				"*.w IN TXT wild\n*.w IN A 192.0.2.7\n"
				"sub IN NS ns.Sub\nsub IN NS other.test.\nns.sub IN A 192.0.2.8\n"
				"safe IN NS ns.safe\nsafe IN DS 1 13 2 "
				"0000000000000000000000000000000000000000000000000000000000000000\nns.safe IN A 192.0.2.9\n"
				"same IN NS A.Test.\nsame IN DS 1 8 1 0000000000000000000000000000000000000000\n"
				"case IN MX 1 X.example.\ncase IN MX 1 x.example.\n";

static bool is_ours(const struct node *n, const struct rrset *s) {
	return denial_has(n) && (!n->is_cut || s->type == DNS_TYPE_DS || s->type == DNS_TYPE_NSEC);
}

/* Every set: signed by `of_zone` keys (the apex' keys by `of_keys`) when it is the zone's own to give, else by none. */
static unsigned verify_all(struct signed_zone *x, unsigned of_keys, unsigned of_zone) {
	unsigned n = 0;
	for (const struct node *it = x->zone->first; it; it = it->next)
		for (const struct rrset *s = it->sets; s; s = s->next) {
			if (!is_ours(it, s)) {
				assert_null(s->sigs);
				continue;
			}
			bool is_keys = s->type == DNS_TYPE_DNSKEY || s->type == DNS_TYPE_CDS || s->type == DNS_TYPE_CDNSKEY;
			signed_verify(x, node_name(it), s, s->sigs, is_keys ? of_keys : of_zone);
			n++;
		}
	const struct denial *d = x->zone->denial;
	for (uint32_t i = 0; i < d->n; i++)
		signed_verify(x, d->proofs[i].owner.name, d->proofs[i].set, d->proofs[i].set->sigs, of_zone);
	return n;
}

static void test_algorithms(void **state) {
	struct signed_zone *x = *state;
	static const unsigned algorithms[] = { 13, 15, 8 };
	for (unsigned i = 0; i < COUNT_OF(algorithms); i++) {
		char command[64];
		snprintf(command, sizeof(command), "rm -rf %s/keys", x->directory);
		assert_int_equal(system(command), 0);
		signed_key(x, algorithms[i], 257, (struct key_times){ { 0 } });
		strcpy(x->options, i == 1 ? ", denial: nsec3" : "");
		signed_must_load(x, text);
		assert_true(x->zone->is_signed);
		assert_true(verify_all(x, 1, 1) > 20);
	}
}

/* KSK and ZSK, each its own; two algorithms sign everything twice (RFC 4035 2.2). */
static void test_split(void **state) {
	struct signed_zone *x = *state;
	unsigned ksk = signed_key(x, 13, 257, (struct key_times){ { 0 } }),
		 zsk = signed_key(x, 13, 256, (struct key_times){ { 0 } });
	signed_must_load(x, text);
	verify_all(x, 1, 1);
	const struct node *apex = x->zone->apex;
	assert_int_equal(dns_get16(node_rrset(apex, DNS_TYPE_DNSKEY)->sigs->bytes + 16), ksk);
	assert_int_equal(dns_get16(node_rrset(apex, DNS_TYPE_SOA)->sigs->bytes + 16), zsk);
	assert_int_equal(node_rrset(apex, DNS_TYPE_DNSKEY)->n, 2);
	signed_key(x, 15, 256, (struct key_times){ { 0 } });
	signed_must_load(x, text);
	verify_all(x, 2, 2);
}

/* A key that is published only, one that signs no more, one that is gone. */
static void test_times(void **state) {
	struct signed_zone *x = *state;
	int64_t now = (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC);
	unsigned active = signed_key(x, 13, 256, (struct key_times){ { [KEY_PUBLISH] = now - 100, [KEY_ACTIVATE] = now - 50 } });
	signed_key(x, 13, 256, (struct key_times){ { [KEY_PUBLISH] = now - 10, [KEY_ACTIVATE] = now + 1000 } });
	signed_key(x, 13, 256, (struct key_times){ { [KEY_ACTIVATE] = now - 100, [KEY_INACTIVE] = now - 50 } });
	signed_key(x, 13, 256, (struct key_times){ { [KEY_ACTIVATE] = now - 100, [KEY_DELETE] = now - 50 } });
	signed_must_load(x, text);
	verify_all(x, 1, 1);
	assert_int_equal(node_rrset(x->zone->apex, DNS_TYPE_DNSKEY)->n, 3);
	assert_int_equal(dns_get16(node_rrset(x->zone->apex, DNS_TYPE_SOA)->sigs->bytes + 16), active);
}

static void test_fields(void **state) {
	struct signed_zone *x = *state;
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	strcpy(x->options, ", validity: 10d, refresh: 4d");
	signed_must_load(x, text);
	int64_t now = (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC), first = INT64_MAX;
	for (const struct node *it = x->zone->first; it; it = it->next)
		for (const struct rrset *s = it->sets; s; s = s->next) {
			if (!s->sigs)
				continue;
			const uint8_t *p = s->sigs->bytes;
			int64_t end = dns_get32(p + 8);
			assert_int_equal(dns_get16(p), s->type);
			assert_int_equal(p[3], it->n_labels - node_is_wildcard(it));
			assert_int_equal(dns_get32(p + 4), s->ttl);
			assert_in_range(end, now + 8 * 86400 - 60, now + 10 * 86400);
			assert_in_range(dns_get32(p + 12), now - 3660, now - 3600);
			first = end < first ? end : first;
		}
	assert_true(signer_first_end(x->zone->signer) == first);
	/* They do not all end at once. */
	assert_true(first < now + 9 * 86400);
}

/* RFC 7344, RFC 8078. */
static void test_sync(void **state) {
	struct signed_zone *x = *state;
	int64_t now = (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC);
	unsigned tag =
	    signed_key(x, 13, 257, (struct key_times){ { [KEY_PUBLISH] = 1, [KEY_ACTIVATE] = 1, [KEY_SYNC_PUBLISH] = now } });
	signed_key(x, 13, 256, (struct key_times){ { 0 } });
	signed_must_load(x, text);
	verify_all(x, 1, 1);
	const struct rrset *cds = node_rrset(x->zone->apex, DNS_TYPE_CDS), *key = node_rrset(x->zone->apex, DNS_TYPE_CDNSKEY);
	assert_non_null(cds);
	assert_non_null(key);
	assert_int_equal(cds->n, 1);
	assert_int_equal(dns_get16(cds->first->bytes), tag);
	assert_int_equal(dns_get16(cds->sigs->bytes + 16), tag);
	ldns_rr *rr = signed_rr(SIGNED_APEX, DNS_TYPE_DNSKEY, 1, key->first), *ds = ldns_key_rr2ds(rr, LDNS_SHA256);
	assert_memory_equal(ldns_rdf_data(ldns_rr_rdf(ds, 3)), cds->first->bytes + 4, 32);
	ldns_rr_free(rr);
	ldns_rr_free(ds);
	strcpy(x->options, ", cds: delete");
	signed_must_load(x, text);
	verify_all(x, 1, 1);
	cds = node_rrset(x->zone->apex, DNS_TYPE_CDS);
	assert_int_equal(cds->n, 1);
	assert_memory_equal(cds->first->bytes, "\0\0\0\0\0", 5);
	assert_memory_equal(node_rrset(x->zone->apex, DNS_TYPE_CDNSKEY)->first->bytes, "\0\0\3\0\0", 5);
}

static void test_sync_always(void **state) {
	struct signed_zone *x = *state;
	signed_key(x, 15, 257, (struct key_times){ { 0 } });
	signed_must_load(x, text);
	assert_null(node_rrset(x->zone->apex, DNS_TYPE_CDS));
	strcpy(x->options, ", cds: always");
	signed_must_load(x, text);
	assert_int_equal(node_rrset(x->zone->apex, DNS_TYPE_CDS)->n, 1);
	verify_all(x, 1, 1);
}

/* More sets than one thread gets. */
static void test_many(void **state) {
	struct signed_zone *x = *state;
	struct buf zone = { 0 };
	buf_add(&zone, STR(HEAD));
	for (unsigned i = 0; i < 600; i++)
		buf_printf(&zone, "n%u IN A 192.0.2.%u\n", i, i % 256);
	buf_add_char(&zone, '\0');
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	signed_must_load(x, zone.p);
	assert_true(verify_all(x, 1, 1) > 1200);
	buf_fini(&zone);
}

/* What is made while the zone serves. */
static void test_at_once(void **state) {
	struct signed_zone *x = *state;
	strcpy(x->names, "app: { policy: weighted, pool: app, sites: { cloud: 1, onprem: 1 } }, '*.any': { pool: app, sites: [dr] }");
	for (unsigned nsec3 = 0; nsec3 < 2; nsec3++) {
		struct arena arena;
		arena_init(&arena, 4096);
		strcpy(x->options, nsec3 ? ", denial: nsec3" : "");
		if (!nsec3)
			signed_key(x, 13, 257, (struct key_times){ { 0 } });
		signed_must_load(x, text);
		verify_all(x, 1, 1);
		static const char *const names[] = { "app.example", "*.any.example" };
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			const struct node *n = signed_node(x, names[i]);
			struct rdata *d = arena_alloc(&arena, sizeof(*d) + 4);
			*d = (struct rdata){ .n = 4 };
			memcpy(d->bytes, "\300\0\2\1", 4);
			struct rrset set = { .type = DNS_TYPE_A, .ttl = 60, .first = d, .last = d, .n = 1 };
			struct rdata *sigs = zone_sign_rrset(x->zone, n, &set, &arena);
			assert_null(set.sigs);
			signed_verify(x, node_name(n), &set, sigs, 1);
			for (unsigned has = 0; has < 4; has++) {
				struct proof p;
				zone_deny(x->zone, n, has & 1, has & 2, &p, &arena);
				signed_verify(x, p.owner.name, p.set, p.set->sigs, 1);
				ldns_rr *rr = signed_rr(p.owner.name, p.set->type, p.set->ttl, p.set->first);
				const ldns_rdf *bits = ldns_nsec_get_bitmap(rr);
				assert_int_equal(ldns_nsec_bitmap_covers_type(bits, LDNS_RR_TYPE_A), has & 1);
				assert_int_equal(ldns_nsec_bitmap_covers_type(bits, LDNS_RR_TYPE_AAAA), has >> 1);
				assert_int_equal(ldns_nsec_bitmap_covers_type(bits, LDNS_RR_TYPE_TXT), 0);
				ldns_rr_free(rr);
				/* It stands in the place of the chain's own. */
				const struct rrset *own = x->zone->denial->proofs[denial_match(x->zone->denial, n)].set;
				assert_memory_equal(own->first->bytes, p.set->first->bytes, 10);
			}
		}
		arena_fini(&arena);
	}
}

static void refused(struct signed_zone *x, const char *zone, const char *below, const char *says) {
	struct err e;
	assert_false(signed_load(x, zone, below, &e));
	if (!strstr(e.text, says) || !str_starts(str_from(e.text), STR("zones.example.dnssec: ")))
		fail_msg("`%s` does not say `%s`", e.text, says);
}

static void test_refusals(void **state) {
	struct signed_zone *x = *state;
	char folder[64];
	refused(x, text, "", "/keys: No such file or directory");
	snprintf(folder, sizeof(folder), "%s/keys", x->directory);
	assert_int_equal(mkdir(folder, 0700), 0);
	refused(x, text, "", "/keys: no keys of zone example.; make one with `steerway dnssec generate`");
	signed_key(x, 13, 256, (struct key_times){ { [KEY_PUBLISH] = 1, [KEY_ACTIVATE] = INT32_MAX } });
	refused(x, text, "", "none of the 1 keys of zone example. is active now; look at their Activate and Inactive times");
	signed_key(x, 13, 256, (struct key_times){ { 0 } });
}

/* A signed zone proves that what it does not delegate does not exist. */
static void test_nested(void **state) {
	struct signed_zone *x = *state;
	struct err e;
	char path[64];
	snprintf(path, sizeof(path), "%s/below", x->directory);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("@ 60 IN SOA ns h 1 1 1 1 1\n@ IN NS ns\nns IN A 192.0.2.1\n", f);
	fclose(f);
	signed_key(x, 13, 256, (struct key_times){ { 0 } });
	refused(x, text, "  below.example: { file: below }\n",
	        "below.example. is a zone of its own, but this signed zone does not delegate it");
	char delegated[sizeof(text) + 64];
	snprintf(delegated, sizeof(delegated), "%sbelow IN NS ns.below\nns.below IN A 192.0.2.1\n", text);
	if (!signed_load(x, delegated, "  below.example: { file: below }\n", &e))
		fail_msg("%s", e.text);
	verify_all(x, 1, 1);
	assert_non_null(node_rrset(signed_node(x, "below.example"), DNS_TYPE_NSEC)->sigs);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_algorithms, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_split, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_times, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_fields, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_sync, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_sync_always, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_many, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_at_once, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_refusals, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_nested, signed_setup, signed_teardown),
	};
	return cmocka_run_group_tests_name("gslb/sign", tests, NULL, NULL);
}
