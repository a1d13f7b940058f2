/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys made and replaced on their files, on a clock that is moved by hand. What must hold at any time of a replacement: something signs,
 * what signs has been published for as long as caches may lack it, and what was published stays for as long as caches need it.
 */
#include "unit/gslb/fixture.h"

#include "gslb/keys.h"
#include "steerway/gslb/key_store.h"

#include <sys/stat.h>

#define START 1800000000
#define HOUR 3600
#define DAY 86400
static const struct key_ttls ttls = { .dnskey_s = 2 * HOUR, .zone_s = DAY };

struct store {
	char path[64];
	struct buf report;
};

static int setup(void **state) {
	struct store *x = mem_zalloc(sizeof(*x));
	strcpy(x->path, "/tmp/steerway-store-XXXXXX");
	assert_non_null(mkdtemp(x->path));
	strcat(x->path, "/keys");
	*state = x;
	return 0;
}

static int teardown(void **state) {
	struct store *x = *state;
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %.26s", x->path);
	assert_int_equal(system(command), 0);
	buf_fini(&x->report);
	mem_free(x);
	return 0;
}

static unsigned generate(struct store *x, enum key_kind kind, int64_t now) {
	unsigned tag;
	struct err e;
	if (key_store_generate(x->path, STR("example.org"), STR("ecdsap256sha256"), kind, &ttls, now, &tag, &x->report, &e) < 0)
		fail_msg("%s", e.text);
	return tag;
}

static void generate_refused(struct store *x, const char *zone, const char *algorithm, enum key_kind kind,
                             const struct key_ttls *t, int64_t now, const char *says) {
	struct err e = { "" };
	unsigned tag;
	assert_int_equal(key_store_generate(x->path, str_from(zone), str_from(algorithm), kind, t, now, &tag, &x->report, &e),
	                 -1);
	if (!strstr(e.text, says))
		fail_msg("`%s` does not say `%s`", e.text, says);
}

static void roll_to(struct store *x, const char *algorithm, enum key_kind kind, int64_t now) {
	struct err e;
	if (key_store_roll(x->path, STR("example.org"), str_from(algorithm), kind, &ttls, now, &x->report, &e) < 0)
		fail_msg("%s", e.text);
}

static void roll_to_refused(struct store *x, const char *algorithm, enum key_kind kind, int64_t now, const char *says) {
	struct err e = { "" };
	assert_int_equal(key_store_roll(x->path, STR("example.org"), str_from(algorithm), kind, &ttls, now, &x->report, &e), -1);
	if (!strstr(e.text, says))
		fail_msg("`%s` does not say `%s`", e.text, says);
}

static void finish(struct store *x, int64_t now) {
	struct err e;
	if (key_store_finish(x->path, STR("example.org"), DAY, now, &x->report, &e) < 0)
		fail_msg("%s", e.text);
}

static void roll(struct store *x, enum key_kind kind, int64_t now) {
	roll_to(x, "ecdsap256sha256", kind, now);
}

static void refused(struct store *x, enum key_kind kind, int64_t now, const char *says) {
	roll_to_refused(x, "ecdsap256sha256", kind, now, says);
}

static struct keys load(struct store *x) {
	struct keys k;
	struct err e;
	if (keys_load(&k, x->path, str_slice("\7example\3org", 13), &e) < 0)
		fail_msg("%s", e.text);
	return k;
}

/* Roles of all keys, in the order of their making; the state of each. */
static size_t at(const struct keys *k, unsigned tag) {
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].tag == tag)
			return i;
	fail_msg("no key %u", tag);
	return 0;
}

/* As other tools write a key's times. */
static void edit(struct store *x, unsigned tag, const char *script) {
	char command[512];
	struct keys k = load(x);
	const char *stem = k.items[at(&k, tag)].stem;
	snprintf(command, sizeof(command), "sed -i '%s' %s.key %s.private", script, stem, stem);
	keys_fini(&k);
	assert_int_equal(system(command), 0);
}

static unsigned other_than(const struct keys *k, unsigned a, unsigned b) {
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].tag != a && k->items[i].tag != b)
			return k->items[i].tag;
	fail_msg("no third key");
	return 0;
}

static void test_generate(void **state) {
	struct store *x = *state;
	struct stat st;
	char path[256];
	unsigned tag = generate(x, KEY_CSK, START);
	struct keys k = load(x);
	assert_int_equal(k.n, 1);
	assert_int_equal(k.items[0].tag, tag);
	assert_int_equal(k.items[0].flags, 257);
	assert_int_equal(keys_role(&k, 0, START), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	assert_int_equal(key_state_at(&k.items[0].times, START), KEY_IS_PUBLISHED | KEY_IS_ACTIVE | KEY_IS_SYNCED);
	snprintf(path, sizeof(path), "%s.private", k.items[0].stem);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(x->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	keys_fini(&k);
	generate_refused(x, "example.org", "rsasha1", KEY_CSK, &ttls, START,
	                 "algorithm `rsasha1` is not known; use ecdsap256sha256, ed25519 or rsasha256");
	generate_refused(x, "a..b", "ed25519", KEY_CSK, &ttls, START, "`a..b` is not a zone name");
}

/* RFC 6781 4.1.1.1: it would sign alone what the CSK signed, so caches have to have it first. */
static void test_zsk_beside_csk(void **state) {
	struct store *x = *state;
	int64_t now = START + 30 * DAY, known = now + ttls.dnskey_s + HOUR;
	unsigned csk = generate(x, KEY_CSK, START);
	generate_refused(x, "example.org", "ecdsap256sha256", KEY_ZSK, NULL, now, "use `steerctl dnssec generate`");
	unsigned zsk = generate(x, KEY_ZSK, now);
	struct keys k = load(x);
	assert_int_equal(k.n, 2);
	assert_int_equal(key_state_at(&k.items[at(&k, zsk)].times, now), KEY_IS_PUBLISHED);
	assert_int_equal(keys_role(&k, at(&k, csk), known - 1), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	assert_int_equal(keys_role(&k, at(&k, zsk), known - 1), 0);
	assert_int_equal(keys_role(&k, at(&k, csk), known), KEY_SIGNS_KEYS);
	assert_int_equal(keys_role(&k, at(&k, zsk), known), KEY_SIGNS_ZONE);
	keys_fini(&k);
}

/* The parent's DS record names the old one, which goes on; the new one's is asked for when no cache needs the old one. */
static void test_ksk_beside_csk(void **state) {
	struct store *x = *state;
	int64_t now = START + 30 * DAY, known = now + ttls.zone_s + HOUR;
	unsigned csk = generate(x, KEY_CSK, START), ksk = generate(x, KEY_KSK, now);
	struct keys k = load(x);
	for (int64_t t = now; t <= known; t += HOUR) {
		assert_int_equal(keys_role(&k, at(&k, csk), t), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
		assert_int_equal(keys_role(&k, at(&k, ksk), t), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	}
	assert_false(key_state_at(&k.items[at(&k, ksk)].times, known - 1) & KEY_IS_SYNCED);
	assert_true(key_state_at(&k.items[at(&k, ksk)].times, known) & KEY_IS_SYNCED);
	keys_fini(&k);
}

/* A lone key without SEP would leave the DNSKEY records to a KSK at once, while the parent's DS record names it alone. */
static void test_ksk_beside_lone_zsk(void **state) {
	struct store *x = *state;
	generate(x, KEY_ZSK, START);
	generate_refused(x, "example.org", "ecdsap256sha256", KEY_KSK, &ttls, START + DAY, "has no SEP flag");
	generate_refused(x, "example.org", "ecdsap256sha256", KEY_CSK, &ttls, START + DAY, "has no SEP flag");
	struct keys k = load(x);
	assert_int_equal(k.n, 1);
	keys_fini(&k);
}

static void test_ds(void **state) {
	struct store *x = *state;
	struct err e;
	struct buf out = { 0 };
	unsigned ksk = generate(x, KEY_KSK, START);
	generate(x, KEY_ZSK, START);
	if (key_store_ds(x->path, STR("example.org"), START, &out, &e) < 0)
		fail_msg("%s", e.text);
	buf_add_char(&out, '\0');
	struct keys k = load(x);
	ldns_rr *key = NULL, *ds = NULL, *expected;
	struct buf text = { 0 };
	buf_printf(&text, "%s.key", k.items[at(&k, ksk)].stem);
	buf_add_char(&text, '\0');
	FILE *f = fopen(text.p, "r");
	char line[512];
	while (fgets(line, sizeof(line), f))
		if (line[0] != ';')
			assert_int_equal(ldns_rr_new_frm_str(&key, line, 0, NULL, NULL), LDNS_STATUS_OK);
	fclose(f);
	expected = ldns_key_rr2ds(key, LDNS_SHA256);
	assert_int_equal(ldns_rr_new_frm_str(&ds, out.p, ldns_rr_ttl(expected), NULL, NULL), LDNS_STATUS_OK);
	assert_int_equal(ldns_rr_compare(ds, expected), 0);
	ldns_rr_free(key);
	ldns_rr_free(ds);
	ldns_rr_free(expected);
	keys_fini(&k);
	buf_fini(&out);
	buf_fini(&text);
}

/* RFC 7583 3.2.1 */
static void test_zsk(void **state) {
	struct store *x = *state;
	unsigned ksk = generate(x, KEY_KSK, START), old = generate(x, KEY_ZSK, START);
	int64_t now = START + 30 * DAY;
	roll(x, KEY_ZSK, now);
	struct keys k = load(x);
	unsigned new = other_than(&k, ksk, old);
	int64_t known = now + ttls.dnskey_s + HOUR;
	const struct {
		int64_t now;
		unsigned old, new; /* roles */
		unsigned old_state, new_state;
	} steps[] = {
		{ now, KEY_SIGNS_ZONE, 0, KEY_IS_PUBLISHED | KEY_IS_ACTIVE, KEY_IS_PUBLISHED },
		{ known - 1, KEY_SIGNS_ZONE, 0, KEY_IS_PUBLISHED | KEY_IS_ACTIVE, KEY_IS_PUBLISHED },
		{ known, 0, KEY_SIGNS_ZONE, KEY_IS_PUBLISHED, KEY_IS_PUBLISHED | KEY_IS_ACTIVE },
		{ known + ttls.zone_s, 0, KEY_SIGNS_ZONE, KEY_IS_PUBLISHED, KEY_IS_PUBLISHED | KEY_IS_ACTIVE },
		{ known + ttls.zone_s + HOUR, 0, KEY_SIGNS_ZONE, 0, KEY_IS_PUBLISHED | KEY_IS_ACTIVE },
	};
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		assert_int_equal(keys_role(&k, at(&k, old), steps[i].now), steps[i].old);
		assert_int_equal(keys_role(&k, at(&k, new), steps[i].now), steps[i].new);
		assert_int_equal(keys_role(&k, at(&k, ksk), steps[i].now), KEY_SIGNS_KEYS);
		assert_int_equal(key_state_at(&k.items[at(&k, old)].times, steps[i].now), steps[i].old_state);
		assert_int_equal(key_state_at(&k.items[at(&k, new)].times, steps[i].now), steps[i].new_state);
	}
	keys_fini(&k);
	refused(x, KEY_ZSK, now + 60, "a replacement is under way");
	refused(x, KEY_CSK, now + 60, "no csk signs this zone now");
	/* Once the new one signs, the next may follow. */
	roll(x, KEY_ZSK, known + DAY);
	k = load(x);
	assert_int_equal(k.n, 4);
	keys_fini(&k);
}

/* RFC 7583 3.3.1: both sign until the parent has the new DS record. `kind` is KSK, or CSK. */
static void roll_ksk(struct store *x, enum key_kind kind, unsigned role, uint32_t known_s) {
	struct err e;
	unsigned old = generate(x, kind, START), zsk = kind == KEY_KSK ? generate(x, KEY_ZSK, START) : old;
	int64_t now = START + 30 * DAY, known = now + known_s + HOUR, parent = known + 3 * DAY;
	roll(x, kind, now);
	struct keys k = load(x);
	unsigned new = other_than(&k, old, zsk);
	assert_int_equal(keys_role(&k, at(&k, old), now), role);
	assert_int_equal(keys_role(&k, at(&k, new), now), role);
	assert_true(key_state_at(&k.items[at(&k, old)].times, known - 1) & KEY_IS_SYNCED);
	assert_false(key_state_at(&k.items[at(&k, new)].times, known - 1) & KEY_IS_SYNCED);
	assert_false(key_state_at(&k.items[at(&k, old)].times, known) & KEY_IS_SYNCED);
	assert_true(key_state_at(&k.items[at(&k, new)].times, known) & KEY_IS_SYNCED);
	keys_fini(&k);
	refused(x, kind, now + 60, "`dnssec finish` ends it");
	assert_int_equal(key_store_finish(x->path, STR("example.org"), DAY, known - 1, &x->report, &e), -1);
	assert_non_null(strstr(e.text, "caches may not have key"));
	if (key_store_finish(x->path, STR("example.org"), DAY, parent, &x->report, &e) < 0)
		fail_msg("%s", e.text);
	k = load(x);
	int64_t end = parent + DAY + HOUR;
	assert_int_equal(keys_role(&k, at(&k, old), end - 1), role);
	assert_int_equal(key_state_at(&k.items[at(&k, old)].times, end), 0);
	assert_int_equal(keys_role(&k, at(&k, new), end), role);
	keys_fini(&k);
	assert_int_equal(key_store_finish(x->path, STR("example.org"), DAY, end, &x->report, &e), -1);
	assert_non_null(strstr(e.text, "no replacement is under way"));
	buf_add_char(&x->report, '\0');
	assert_non_null(strstr(x->report.p, "asks the parent for its DS record (CDS)"));
	assert_non_null(strstr(x->report.p, "signs no more, and is removed"));
}

static void test_ksk(void **state) {
	roll_ksk(*state, KEY_KSK, KEY_SIGNS_KEYS, ttls.dnskey_s);
}

static void test_csk(void **state) {
	roll_ksk(*state, KEY_CSK, KEY_SIGNS_KEYS | KEY_SIGNS_ZONE, ttls.zone_s);
}

/* The configuration has another algorithm now. A ZSK of it would be alone, and sign everything: it looked like the newest CSK. */
static void test_other_algorithm(void **state) {
	struct store *x = *state;
	int64_t now = START + 30 * DAY;
	unsigned ksk = generate(x, KEY_KSK, START), zsk = generate(x, KEY_ZSK, START);
	roll_to_refused(x, "ed25519", KEY_ZSK, now,
	                "the zone's ksk is of another algorithm than ed25519; replace it first (--kind ksk)");
	roll_to(x, "ed25519", KEY_KSK, now);
	struct keys k = load(x);
	unsigned new = other_than(&k, ksk, zsk);
	keys_fini(&k);
	now += 10 * DAY;
	finish(x, now);
	now += 10 * DAY; /* the old ZSK has no KSK any more */
	finish(x, now);
	k = load(x);
	assert_int_equal(keys_role(&k, at(&k, ksk), now), 0);
	assert_int_equal(keys_role(&k, at(&k, zsk), now + 2 * DAY), 0);
	assert_int_equal(keys_role(&k, at(&k, new), now + 2 * DAY), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	keys_fini(&k);
}

/* One without SEP that no DS record was asked for signs keys for want of another: it is not what the parent's DS record names. */
static void test_finish_keeps_what_the_parent_knows(void **state) {
	struct store *x = *state;
	struct err e;
	int64_t now = START + 30 * DAY;
	unsigned csk = generate(x, KEY_CSK, START), zsk;
	if (key_store_generate(x->path, STR("example.org"), STR("ed25519"), KEY_ZSK, &ttls, START, &zsk, &x->report, &e) < 0)
		fail_msg("%s", e.text);
	edit(x, zsk, "s/Activate: .*/Activate: 20270120000000/"); /* START and some days */
	generate_refused(x, "example.org", "rsasha256", KEY_ZSK, &ttls, now,
	                 "the zone's ksk is of another algorithm than rsasha256");
	finish(x, now);
	struct keys k = load(x);
	assert_int_equal(keys_role(&k, at(&k, csk), now + 9 * DAY), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	assert_int_equal(k.items[at(&k, csk)].times.at[KEY_INACTIVE], 0);
	assert_int_equal(keys_role(&k, at(&k, zsk), now + 9 * DAY), 0);
	keys_fini(&k);
}

/* The newer of two KSKs of other tools never asked: neither is known to be the parent's. */
static void test_finish_without_sync(void **state) {
	struct store *x = *state;
	struct err e;
	generate(x, KEY_CSK, START);
	unsigned tag = generate(x, KEY_CSK, START + DAY);
	edit(x, tag, "/SyncPublish/d");
	assert_int_equal(key_store_finish(x->path, STR("example.org"), DAY, START + 9 * DAY, &x->report, &e), -1);
	assert_non_null(strstr(e.text, "has no SyncPublish time"));
}

/* A lone key without SEP signs everything, and the parent's DS record names it: its successor must not take the keys from it. */
static void test_csk_without_sep(void **state) {
	struct store *x = *state;
	unsigned old = generate(x, KEY_ZSK, START), role = KEY_SIGNS_KEYS | KEY_SIGNS_ZONE;
	int64_t now = START + 30 * DAY, known = now + ttls.zone_s + HOUR, end = known + DAY + HOUR;
	roll(x, KEY_CSK, now);
	struct keys k = load(x);
	unsigned new = other_than(&k, old, old);
	keys_fini(&k);
	refused(x, KEY_CSK, now + 60, "`dnssec finish` ends it");
	finish(x, known);
	k = load(x);
	assert_int_equal(keys_role(&k, at(&k, old), now), role);
	assert_int_equal(keys_role(&k, at(&k, old), end - 1), role);
	assert_int_equal(keys_role(&k, at(&k, new), now), role);
	assert_int_equal(keys_role(&k, at(&k, old), end), 0);
	assert_int_equal(keys_role(&k, at(&k, new), end), role);
	keys_fini(&k);
}

static void count_key(void *arg, const struct key_info *k) {
	unsigned *n = arg;
	assert_string_equal(k->algorithm, "ECDSAP256SHA256");
	assert_string_equal(k->signs, k->has_sep ? "keys" : "zone");
	assert_string_equal(key_state_text(&k->times, START + 1), "active");
	assert_string_equal(key_state_text(&k->times, START - 1), "future");
	++*n;
}

static void test_each(void **state) {
	struct store *x = *state;
	struct err e;
	unsigned n = 0;
	generate(x, KEY_KSK, START);
	generate(x, KEY_ZSK, START);
	assert_int_equal(key_store_each(x->path, STR("example.org"), START, count_key, &n, &e), 0);
	assert_int_equal(n, 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zsk_beside_csk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ksk_beside_csk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ksk_beside_lone_zsk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zsk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ksk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_algorithm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_finish_keeps_what_the_parent_knows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_finish_without_sync, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csk_without_sep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each, setup, teardown),
	};
	return cmocka_run_group_tests_name("gslb/key_store", tests, NULL, NULL);
}
