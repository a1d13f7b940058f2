/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chain and its search, for NSEC and NSEC3: the RFCs' examples, and seeded random zones against what ldns' comparison and hash
 * give by looking at every name.
 */
#include "unit/gslb/signed.h"

#include "gslb/sha1.c" /* both of its ways, whatever this processor can */

#include "steerway/base/rand.h"

#define HEAD "@ 3600 IN SOA ns h 7 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.1\n"

/* ---- SHA-1 ---- */

static void test_sha1(void **state) {
	(void)state;
	struct rand r;
	rand_seed(&r, 1);
	for (unsigned n = 0; n < 256; n++) {
		uint8_t in[256], expected[EVP_MAX_MD_SIZE], out[20];
		for (unsigned i = 0; i < n; i++)
			in[i] = (uint8_t)rand_next(&r);
		assert_int_equal(EVP_Digest(in, n, expected, NULL, EVP_sha1(), NULL), 1);
		sha1_short(out, in, n);
		assert_memory_equal(out, expected, 20);
	}
	for (unsigned i = 0; i < 100; i++) {
		uint32_t a[5], b[5];
		uint8_t in[64];
		for (unsigned j = 0; j < 64; j++)
			in[j] = (uint8_t)rand_next(&r);
		for (unsigned j = 0; j < 5; j++)
			a[j] = b[j] = (uint32_t)rand_next(&r);
		block(a, in);
		block_plain(b, in);
		assert_memory_equal(a, b, sizeof(a));
	}
}

/* RFC 5155 appendix A has a salt, which we do not use; ldns hashes without one. */
static void test_hash(void **state) {
	struct signed_zone *x = *state;
	static const char *const names[] = { "example.", "a.example.", "*.w.example.", "ns1.example." };
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	signed_must_load(x, HEAD);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		ldns_rdf *name = ldns_dname_new_frm_str(names[i]), *hash = ldns_nsec3_hash_name(name, 1, 0, 0, NULL);
		uint8_t own[20], wire[64];
		nsec3_hash(own, ldns_rdf_data(name), ldns_rdf_size(name));
		struct str owner = nsec3_name(wire, own, x->zone);
		assert_int_equal(owner.n, 33 + 9);
		assert_memory_equal(owner.p, ldns_rdf_data(hash), 33);
		ldns_rdf_deep_free(name);
		ldns_rdf_deep_free(hash);
	}
}

/* ---- the RFCs' examples ---- */

static void assert_next(const struct denial *d, uint32_t i, const char *owner, const char *next) {
	ldns_rdf *name = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, d->proofs[i].owner.name.n, d->proofs[i].owner.name.p);
	char *text = ldns_rdf2str(name);
	assert_string_equal(text, owner);
	LDNS_FREE(text);
	ldns_rdf_deep_free(name);
	name = ldns_dname_new_frm_str(next);
	assert_memory_equal(d->proofs[i].set->first->bytes, ldns_rdf_data(name), ldns_rdf_size(name));
	ldns_rdf_deep_free(name);
}

/* RFC 4034 6.1 */
static void test_order(void **state) {
	struct signed_zone *x = *state;
	static const char *const order[] = { "example.",         "a.example.",       "yljkjljk.a.example.",
		                             "z.a.example.",     "zabc.a.example.",  "ns.example.",
		                             "z.example.",       "\\001.z.example.", "*.z.example.",
		                             "\\200.z.example.", "example." };
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	signed_must_load(x,
	                 HEAD "\\200.z IN TXT a\nz IN TXT a\n*.z IN TXT a\nzABC.a.EXAMPLE. IN TXT a\nZ.a IN TXT a\na IN TXT a\n"
	                      "\\001.z IN TXT a\nyljkjljk.a IN TXT a\n");
	const struct denial *d = x->zone->denial;
	assert_int_equal(d->n, COUNT_OF(order) - 1);
	for (uint32_t i = 0; i < d->n; i++)
		assert_next(d, i, order[i], order[i + 1]);
}

/* RFC 4034 4.3: alfa.example.com. NSEC host.example.com. ( A MX RRSIG NSEC TYPE1234 ) */
static void test_bitmap(void **state) {
	(void)state;
	static const uint16_t types[] = { 1, 15, 46, 47, 1234 };
	static const uint8_t expected[] = { 0x04, 'h',  'o',  's',  't',  0x07, 'e',  'x',  'a',  'm',  'p',  'l',  'e',  0x03,
		                            'c',  'o',  'm',  0x00, 0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b,
		                            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		                            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20 };
	struct arena arena;
	arena_init(&arena, 1024);
	const struct rrset *s = nsec_rrset(str_slice("\4host\7example\3com", 18), types, COUNT_OF(types), 1, &arena);
	assert_int_equal(s->first->n, sizeof(expected));
	assert_memory_equal(s->first->bytes, expected, sizeof(expected));
	arena_fini(&arena);
}

static void assert_types(struct signed_zone *x, const char *name, const char *expected) {
	const struct denial *d = x->zone->denial;
	const struct proof *p = &d->proofs[denial_match(d, signed_node(x, name))];
	ldns_rr *rr = signed_rr(p->owner.name, p->set->type, p->set->ttl, p->set->first);
	const ldns_rdf *bits = ldns_nsec_get_bitmap(rr); /* NULL: empty */
	char *text = bits ? ldns_rdf2str(bits) : NULL;
	assert_string_equal(text ? text : "", expected);
	LDNS_FREE(text);
	ldns_rr_free(rr);
}

/* RFC 4035 2.3, RFC 5155 7.1, and what is in the way: cuts, empty non-terminals, wildcards, steered names. */
static const char special[] = HEAD "mail IN MX 1 x\nmail IN TXT t\nalias IN CNAME mail\n*.w IN A 192.0.2.3\n"
				   "cut IN NS ns.cut\nns.cut IN A 192.0.2.4\ncut IN TXT hidden\n"
				   "safe IN NS ns.safe\nsafe IN DS 1 8 1 0000000000000000000000000000000000000000\n"
				   "ns.safe IN A 192.0.2.4\nx.empty IN A 192.0.2.5\nodd IN TYPE65280 \\# 1 00\n"
				   "app IN TXT beside\n";
static const char special_names[] = "app: { pool: app, sites: [cloud] }, four: { pool: app, sites: [onprem, dr] }";

static void test_types_nsec(void **state) {
	struct signed_zone *x = *state;
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	strcpy(x->names, special_names);
	signed_must_load(x, special);
	assert_types(x, "example", "NS SOA RRSIG NSEC DNSKEY ");
	assert_types(x, "mail.example", "MX TXT RRSIG NSEC ");
	assert_types(x, "alias.example", "CNAME RRSIG NSEC ");
	assert_types(x, "*.w.example", "A RRSIG NSEC ");
	assert_types(x, "cut.example", "NS RRSIG NSEC ");
	assert_types(x, "safe.example", "NS DS RRSIG NSEC ");
	assert_types(x, "odd.example", "RRSIG NSEC TYPE65280 ");
	assert_types(x, "app.example", "A TXT AAAA RRSIG NSEC ");
	assert_types(x, "four.example", "A RRSIG NSEC ");
	/* An empty non-terminal is covered by the name before it, whose next one is below it. */
	const struct denial *d = x->zone->denial;
	assert_next(d, denial_match(d, signed_node(x, "empty.example")), "cut.example.", "x.empty.example.");
	assert_next(d, denial_match(d, signed_node(x, "w.example")), "safe.example.", "*.w.example.");
}

static void test_types_nsec3(void **state) {
	struct signed_zone *x = *state;
	signed_key(x, 13, 257, (struct key_times){ { 0 } });
	strcpy(x->names, special_names);
	strcpy(x->options, ", denial: nsec3");
	signed_must_load(x, special);
	assert_types(x, "example", "NS SOA RRSIG DNSKEY NSEC3PARAM ");
	assert_types(x, "mail.example", "MX TXT RRSIG ");
	assert_types(x, "*.w.example", "A RRSIG ");
	assert_types(x, "w.example", "");
	assert_types(x, "empty.example", "");
	assert_types(x, "cut.example", "NS ");
	assert_types(x, "safe.example", "NS DS RRSIG ");
	assert_types(x, "app.example", "A TXT AAAA RRSIG ");
	assert_types(x, "four.example", "A RRSIG ");
	/* Every name once, the empty ones too: what is below a cut is not the zone's. */
	assert_int_equal(x->zone->denial->n, 13);
	assert_null(node_rrset(signed_node(x, "mail.example"), DNS_TYPE_NSEC));
	/* RFC 9276 3.1, RFC 9077 3.2 */
	const struct rrset *s = x->zone->denial->proofs[0].set;
	assert_memory_equal(s->first->bytes, "\1\0\0\0\0\24", 6);
	assert_int_equal(s->ttl, 300);
}

/* ---- random zones ---- */

#define NAMES_MAX 400

/* Labels that order oddly: prefixes of each other, long equal beginnings, zeros, and bytes above 0x7f. */
static void add_label(struct buf *out, struct rand *r) {
	static const char *const odd[] = { "a",       "aa",    "a\\000", "a\\000b", "abcdefgh", "abcdefghi",
		                           "abcdefg", "\\255", "*",      "b-1",     "zz" };
	if (rand_below(r, 3) > 0)
		buf_printf(out, "%s.", odd[rand_below(r, COUNT_OF(odd))]);
	else
		buf_printf(out, "n%u.", (unsigned)rand_below(r, 50));
}

static void random_name(struct buf *out, struct rand *r) {
	out->n = 0;
	for (unsigned labels = 1 + (unsigned)rand_below(r, 3); labels > 0; labels--)
		add_label(out, r);
	buf_add(out, STR("example."));
	buf_add_char(out, '\0');
}

static void random_zone(struct buf *out, struct rand *r, unsigned names) {
	struct buf name = { 0 };
	out->n = 0;
	buf_add(out, STR(HEAD));
	for (unsigned i = 0; i < names; i++) {
		random_name(&name, r);
		bool is_cut = rand_below(r, 8) == 0 && name.p[0] != '*';
		buf_printf(out, "%s 60 IN %s\n", name.p, is_cut ? "NS ns.example." : "A 192.0.2.1");
	}
	buf_add_char(out, '\0');
	buf_fini(&name);
}

static ldns_rdf *rdf_of(struct str wire) {
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire.n, wire.p);
}

/* Looks at every record: the one that covers what is asked for, by ldns' comparison. */
static uint32_t cover_slowly(const struct denial *d, struct str name) {
	ldns_rdf *asked = rdf_of(name);
	if (d->is_nsec3) {
		ldns_rdf *hash = ldns_nsec3_hash_name(asked, 1, 0, 0, NULL);
		ldns_rdf_deep_free(asked);
		asked = hash;
	}
	uint32_t best = d->n - 1; /* of NSEC3 the last one covers what is before the first */
	bool is_any = false;
	for (uint32_t i = 0; i < d->n; i++) {
		ldns_rdf *owner = rdf_of(d->proofs[i].owner.name);
		int order =
		    d->is_nsec3 ? memcmp(ldns_rdf_data(owner), ldns_rdf_data(asked), 33) : ldns_dname_compare(owner, asked);
		ldns_rdf_deep_free(owner);
		if (order > 0)
			continue;
		assert_true(!is_any || i > best); /* the records stand in order */
		is_any = true;
		best = i;
	}
	ldns_rdf_deep_free(asked);
	return best;
}

static const struct node *encloser_of(struct zone *z, const struct dns_name *name, unsigned *below) {
	for (unsigned i = 1;; i++) {
		const struct node *n = zone_find(z, name, i);
		if (n) {
			*below = i - 1;
			return n;
		}
	}
}

static void ask_all(struct signed_zone *x, struct rand *r) {
	const struct denial *d = x->zone->denial;
	struct buf text = { 0 };
	unsigned asked = 0;
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		struct dns_name name;
		struct err e;
		unsigned below;
		random_name(&text, r);
		assert_int_equal(zone_name_parse(&name, str_from(text.p), NULL, &e), 0);
		if (zone_find(x->zone, &name, 0))
			continue;
		const struct node *ce = encloser_of(x->zone, &name, &below);
		if (!denial_has(ce) || ce->is_cut)
			continue;
		asked++;
		assert_int_equal(denial_cover(d, ce->place, &name, below),
		                 cover_slowly(d, dns_name_suffix(&name, d->is_nsec3 ? below : 0)));
		uint8_t wild[DNS_NAME_MAX + 2] = { 1, '*' };
		memcpy(wild + 2, ce->name, ce->n_name);
		assert_int_equal(denial_no_wildcard(d, ce), cover_slowly(d, str_slice((const char *)wild, ce->n_name + 2u)));
	}
	assert_true(asked > 10);
	buf_fini(&text);
}

/* Each name's own record; what exists is covered by nothing else. */
static void match_all(struct signed_zone *x) {
	const struct denial *d = x->zone->denial;
	for (const struct node *n = x->zone->first; n; n = n->next)
		if (denial_has(n))
			assert_int_equal(denial_match(d, n), cover_slowly(d, node_name(n)));
}

static void try_random(struct signed_zone *x, const char *options) {
	signed_key(x, 15, 257, (struct key_times){ { 0 } });
	strcpy(x->options, options);
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rand r;
		struct buf zone = { 0 };
		struct err e;
		rand_seed(&r, seed);
		random_zone(&zone, &r, 2 + (unsigned)rand_below(&r, seed * 25));
		if (!signed_load(x, zone.p, "", &e))
			fail_msg("seed %u: %s", (unsigned)seed, e.text);
		match_all(x);
		ask_all(x, &r);
		buf_fini(&zone);
	}
}

static void test_random_nsec(void **state) {
	try_random(*state, "");
}

static void test_random_nsec3(void **state) {
	try_random(*state, ", denial: nsec3");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha1),
		cmocka_unit_test_setup_teardown(test_hash, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_order, signed_setup, signed_teardown),
		cmocka_unit_test(test_bitmap),
		cmocka_unit_test_setup_teardown(test_types_nsec, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_types_nsec3, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_random_nsec, signed_setup, signed_teardown),
		cmocka_unit_test_setup_teardown(test_random_nsec3, signed_setup, signed_teardown),
	};
	return cmocka_run_group_tests_name("gslb/nsec", tests, NULL, NULL);
}
