/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys made, shown and replaced, on their files. Each file is replaced whole; a new key's files are written before those of the keys
 * that it replaces get their end, so that what is interrupted leaves a zone with keys that sign. Refused: a replacement while one
 * is under way.
 */
#include "gslb/keys.h"

#include "steerway/base/file.h"
#include "steerway/base/mem.h"
#include "steerway/gslb/key_store.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define MARGIN_S 3600 /* for clocks, and resolvers that keep things somewhat longer */

const char *const key_kind_names[KEY_KINDS] = { [KEY_CSK] = "csk", [KEY_KSK] = "ksk", [KEY_ZSK] = "zsk" };

bool key_kind_parse(struct str text, enum key_kind *out) {
	for (unsigned i = 0; i < KEY_KINDS; i++)
		if (str_eq(text, str_from(key_kind_names[i]))) {
			*out = (enum key_kind)i;
			return true;
		}
	return false;
}

const char *key_state_text(const struct key_times *t, int64_t now) {
	unsigned state = key_state_at(t, now);
	if (state & KEY_IS_ACTIVE)
		return "active";
	if (state)
		return t->at[KEY_INACTIVE] && t->at[KEY_INACTIVE] <= now ? "retired" : "published";
	return t->at[KEY_DELETE] && t->at[KEY_DELETE] <= now ? "removed" : "future";
}

static int zone_parse(struct dns_name *out, struct str zone, struct err *e) {
	char text[2 * DNS_NAME_MAX];
	ldns_rdf *rdf = zone.n < sizeof(text) ? ldns_dname_new_frm_str(str_copy(text, sizeof(text), zone)) : NULL;
	bool is_name = rdf && dns_name_read(out, str_slice((const char *)ldns_rdf_data(rdf), ldns_rdf_size(rdf)));
	ldns_rdf_deep_free(rdf);
	return is_name
	           ? 0
	           : err_set(e, "`%.*s` is not a zone name; write it as example.org", (int)(zone.n < 100 ? zone.n : 100), zone.p);
}

static int keys_of(struct keys *out, struct dns_name *name, const char *directory, struct str zone, struct err *e) {
	return zone_parse(name, zone, e) < 0 ? -1 : keys_load(out, directory, dns_name_suffix(name, 0), e);
}

/* ---- writing ---- */

static int write_public(const char *stem, const struct key_public *k, struct err *e) {
	struct buf path = { 0 }, text = { 0 };
	buf_printf(&path, "%s.key", stem);
	buf_add_char(&path, '\0');
	key_public_write(&text, k);
	int result = file_replace(path.p, buf_str(&text), 0644, e);
	buf_fini(&path);
	buf_fini(&text);
	return result;
}

static int write_private(const char *stem, const struct key_private *k, struct err *e) {
	struct buf path = { 0 }, text = { 0 };
	buf_printf(&path, "%s.private", stem);
	buf_add_char(&path, '\0');
	buf_reserve(&text, KEY_FILE_BYTES); /* it never moves: no copy of the secret is left behind */
	key_private_write(&text, k);
	int result = file_replace(path.p, buf_str(&text), 0600, e);
	OPENSSL_cleanse(text.p, text.cap);
	buf_fini(&path);
	buf_fini(&text);
	return result;
}

/* The tag tells keys apart in signatures and files: one that is taken, or has been, is not used again. */
static bool tag_is_taken(const struct keys *k, unsigned tag) {
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].tag == tag)
			return true;
	return false;
}

static const struct key_algorithm *algorithm_find(struct str name, struct err *e) {
	const struct key_algorithm *a = key_algorithm_named(name);
	if (!a)
		err_set(e, "algorithm `%.*s` is not known; use ecdsap256sha256, ed25519 or rsasha256",
		        (int)(name.n < 100 ? name.n : 100), name.p);
	return a;
}

static int make(const char *directory, const struct dns_name *zone, const struct keys *existing, const struct key_algorithm *a,
                unsigned flags, const struct key_times *times, unsigned *tag, struct err *e) {
	struct key_private private = { .algorithm = a->number, .times = *times };
	struct key_public public = { .owner = *zone, .times = *times };
	dns_put16(public.rdata, KEY_ZONE | flags);
	public.rdata[2] = 3;
	public.rdata[3] = a->number;
	int result;
	do {
		result = a->generate(&private, &public, e);
		*tag = key_tag(public.rdata, public.n);
	} while (result == 0 && tag_is_taken(existing, *tag));
	char *stem = key_stem(directory, dns_name_suffix(zone, 0), a->number, *tag);
	if (result == 0)
		result = write_private(stem, &private, e) < 0 || write_public(stem, &public, e) < 0 ? -1 : 0;
	key_private_fini(&private);
	mem_free(stem);
	return result;
}

static int times_write(const struct key *k, const struct key_times *times, struct err *e) {
	struct buf path = { 0 }, text = { 0 };
	struct key_private private = { 0 };
	struct key_public public;
	buf_printf(&path, "%s.private", k->stem);
	buf_add_char(&path, '\0');
	int result = key_file_read(&text, path.p, true, e) < 0 || key_private_parse(&private, buf_str(&text), e) < 0 ? -1 : 0;
	if (text.p)
		OPENSSL_cleanse(text.p, text.cap);
	path.n = text.n = 0;
	buf_printf(&path, "%s.key", k->stem);
	buf_add_char(&path, '\0');
	if (result == 0)
		result = key_file_read(&text, path.p, false, e) < 0 || key_public_parse(&public, buf_str(&text), e) < 0 ? -1 : 0;
	if (result == 0) {
		private.times = public.times = *times;
		result = write_private(k->stem, &private, e) < 0 || write_public(k->stem, &public, e) < 0 ? -1 : 0;
	}
	key_private_fini(&private);
	buf_fini(&path);
	buf_fini(&text);
	return result;
}

/* ---- what happens when ---- */

static void report_add(struct buf *report, int64_t at, const char *what, unsigned tag) {
	struct tm tm;
	time_t t = (time_t)at;
	char text[32];
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm);
	buf_printf(report, "%s  key %05u %s\n", text, tag, what);
}

static void report_new(struct buf *report, const struct key_times *t, unsigned tag) {
	report_add(report, t->at[KEY_PUBLISH], "is published", tag);
	report_add(report, t->at[KEY_ACTIVATE], "signs", tag);
	if (t->at[KEY_SYNC_PUBLISH])
		report_add(report, t->at[KEY_SYNC_PUBLISH], "asks the parent for its DS record (CDS)", tag);
}

/* When no cache holds a DNSKEY set without a key that is published now. A CSK's signatures over the zone stand beside those of other
 * keys: none made by these alone may be left in a cache, either. */
static int64_t known_at(const struct key_ttls *ttls, bool is_csk, int64_t now) {
	uint32_t known_s = is_csk && ttls->zone_s > ttls->dnskey_s ? ttls->zone_s : ttls->dnskey_s;
	return now + known_s + MARGIN_S;
}

/* ---- making and looking ---- */

/* Some key that signs at that time, of the algorithm (NULL: of any) and with these flags; NULL: none. */
static const struct key *active_find(const struct keys *k, const struct key_algorithm *a, unsigned flags, int64_t at) {
	for (size_t i = 0; i < k->n; i++) {
		const struct key *key = &k->items[i];
		if ((!a || key->algorithm == a) && (key->flags & flags) == flags && key_state_at(&key->times, at) & KEY_IS_ACTIVE)
			return key;
	}
	return NULL;
}

/* A ZSK that is alone of its algorithm signs everything, and no DS record leads to it: finish() would have to tell it from a CSK. */
static int refuse_lone_zsk(const struct key_algorithm *a, struct err *e) {
	return err_set(e, "the zone's ksk is of another algorithm than %s; replace it first (--kind ksk)", a->lower);
}

/* A key without SEP that signs everything hands the DNSKEY records over to the first one with it (keys_role), at once and whatever
 * DS record the parent has: no time could be right for that. */
static int entry_check(const struct keys *k, const struct key_algorithm *a, int64_t at, struct err *e) {
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].algorithm == a && !(k->items[i].flags & KEY_SEP) && keys_role(k, i, at) & KEY_SIGNS_KEYS)
			return err_set(
			    e,
			    "key %05u signs the zone's keys and has no SEP flag: beside a key with it, it would sign them no "
			    "more, while the parent's DS record names it; `dnssec rollover` replaces it",
			    k->items[i].tag);
	return 0;
}

/* When a new key does what. A zone's first keys, which are all made at one time, do everything at once; beside keys that signed
 * before, a ZSK signs (alone, where there was a CSK) when caches have it: RFC 6781 4.1.1.1. */
static int times_plan(struct key_times *out, const struct keys *k, const struct key_algorithm *a, enum key_kind kind,
                      const struct key_ttls *ttls, int64_t now, struct err *e) {
	const struct key *active = active_find(k, NULL, 0, now - 1);
	*out = (struct key_times){ { [KEY_CREATED] = now, [KEY_PUBLISH] = now, [KEY_ACTIVATE] = now } };
	if (active && !ttls)
		return err_set(
		    e,
		    "key %05u signs this zone already, and how long caches lack another is not known here; use `steerctl "
		    "dnssec generate` while the daemon serves the zone (first keys, as ksk and zsk, are made together)",
		    active->tag);
	if (kind == KEY_ZSK && active && !active_find(k, a, 0, now - 1))
		return refuse_lone_zsk(a, e);
	if (kind != KEY_ZSK && entry_check(k, a, now - 1, e) < 0)
		return -1;
	int64_t known = active ? known_at(ttls, kind != KEY_ZSK, now) : now;
	out->at[kind == KEY_ZSK ? KEY_ACTIVATE : KEY_SYNC_PUBLISH] = known;
	return 0;
}

int key_store_generate(const char *directory, struct str zone, struct str algorithm, enum key_kind kind,
                       const struct key_ttls *ttls, int64_t now, unsigned *tag, struct buf *report, struct err *e) {
	struct keys k;
	struct dns_name name;
	struct key_times t;
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "%s", directory);
	if (keys_of(&k, &name, directory, zone, e) < 0)
		return -1;
	const struct key_algorithm *a = algorithm_find(algorithm, e);
	int result = a ? times_plan(&t, &k, a, kind, ttls, now, e) : -1;
	if (result == 0)
		result = make(directory, &name, &k, a, kind == KEY_ZSK ? 0 : KEY_SEP, &t, tag, e);
	if (result == 0)
		report_new(report, &t, *tag);
	keys_fini(&k);
	return result;
}

void key_info_fill(struct key_info *out, const struct keys *k, size_t i, int64_t now) {
	static const char *const signs[] = { NULL, "keys", "zone", "everything" };
	const struct key *key = &k->items[i];
	*out = (struct key_info){ .file = key->stem,
		                  .algorithm = key->algorithm->name,
		                  .signs = signs[keys_role(k, i, now)],
		                  .tag = key->tag,
		                  .has_sep = key->flags & KEY_SEP,
		                  .state = key_state_at(&key->times, now),
		                  .times = key->times };
}

int key_store_each(const char *directory, struct str zone, int64_t now, void (*each)(void *arg, const struct key_info *k),
                   void *arg, struct err *e) {
	struct keys k;
	struct dns_name name;
	if (keys_of(&k, &name, directory, zone, e) < 0)
		return -1;
	for (size_t i = 0; i < k.n; i++) {
		struct key_info info;
		key_info_fill(&info, &k, i, now);
		each(arg, &info);
	}
	keys_fini(&k);
	return 0;
}

static void ds_write(struct buf *out, struct str zone, const struct key *k, const struct dns_name *name) {
	uint8_t digest[32];
	key_digest(digest, dns_name_suffix(name, 0), k->rdata, k->n_rdata);
	buf_printf(out, "%.*s%s IN DS %u %u 2 ", STR_ARG(zone), str_ends(zone, STR(".")) ? "" : ".", k->tag,
	           k->algorithm->number);
	for (size_t i = 0; i < sizeof(digest); i++)
		buf_printf(out, "%02x", digest[i]);
	buf_add_char(out, '\n');
}

int key_store_ds(const char *directory, struct str zone, int64_t now, struct buf *out, struct err *e) {
	struct keys k;
	struct dns_name name;
	size_t before = out->n;
	if (keys_of(&k, &name, directory, zone, e) < 0)
		return -1;
	for (size_t i = 0; i < k.n; i++)
		if (keys_role(&k, i, now) & KEY_SIGNS_KEYS)
			ds_write(out, zone, &k.items[i], &name);
	keys_fini(&k);
	return out->n > before
	           ? 0
	           : err_set(e, "%s: no key of zone %.*s signs its keys now; make one with `steerway dnssec generate`", directory,
	                     STR_ARG(zone));
}

/* ---- replacing ---- */

/* Is it one that is to be replaced: active, and of that kind? */
static bool is_replaced(const struct keys *k, size_t i, enum key_kind kind, int64_t now) {
	static const unsigned roles[KEY_KINDS] = {
		[KEY_CSK] = KEY_SIGNS_KEYS | KEY_SIGNS_ZONE, [KEY_KSK] = KEY_SIGNS_KEYS, [KEY_ZSK] = KEY_SIGNS_ZONE
	};
	return keys_role(k, i, now) == roles[kind];
}

/* Exactly one active key of the kind (of each algorithm one), and none that waits for its turn or its end. */
static int roll_check(const struct keys *k, enum key_kind kind, int64_t now, struct err *e) {
	unsigned n = 0;
	for (size_t i = 0; i < k->n; i++) {
		const struct key *key = &k->items[i];
		bool is_kind = kind == KEY_ZSK ? !(key->flags & KEY_SEP) : key->flags & KEY_SEP;
		unsigned state = key_state_at(&key->times, now);
		if (is_kind && (key->times.at[KEY_ACTIVATE] > now || (state & KEY_IS_ACTIVE && key->times.at[KEY_INACTIVE])))
			return err_set(e,
			               "a replacement is under way: key %05u changes its state soon; see `show keys`, and wait",
			               key->tag);
		n += is_replaced(k, i, kind, now);
	}
	if (n == 0)
		return err_set(e, "no %s signs this zone now; see `show keys`", key_kind_names[kind]);
	if (n > 1 && kind != KEY_ZSK)
		return err_set(
		    e,
		    "%u %ss sign this zone: a replacement is under way; `dnssec finish` ends it when the parent has the new DS "
		    "record",
		    n, key_kind_names[kind]);
	return 0;
}

/* The flag of a replacement is that of what it replaces: beside a key with SEP, one without would sign keys no more. */
static unsigned sep_of_replaced(const struct keys *k, enum key_kind kind, int64_t now) {
	for (size_t i = 0; i < k->n; i++)
		if (is_replaced(k, i, kind, now))
			return k->items[i].flags & KEY_SEP;
	return 0;
}

static int end_zsk(const struct key *k, const struct key_ttls *ttls, int64_t at, struct buf *report, struct err *e) {
	struct key_times t = k->times;
	t.at[KEY_INACTIVE] = at;
	t.at[KEY_DELETE] = at + ttls->zone_s + MARGIN_S;
	if (times_write(k, &t, e) < 0)
		return -1;
	report_add(report, t.at[KEY_INACTIVE], "signs no more", k->tag);
	report_add(report, t.at[KEY_DELETE], "is removed", k->tag);
	return 0;
}

static int end_sync(const struct key *k, int64_t at, struct err *e) {
	struct key_times t = k->times;
	t.at[KEY_SYNC_DELETE] = at;
	return t.at[KEY_SYNC_PUBLISH] ? times_write(k, &t, e) : 0;
}

static int roll(const struct keys *k, const struct dns_name *name, const char *directory, const struct key_algorithm *a,
                enum key_kind kind, const struct key_ttls *ttls, int64_t now, struct buf *report, struct err *e) {
	int64_t known = known_at(ttls, kind == KEY_CSK, now);
	if (roll_check(k, kind, now, e) < 0)
		return -1;
	if (kind == KEY_ZSK && !active_find(k, a, KEY_SEP, known))
		return refuse_lone_zsk(a, e);
	struct key_times t = { { [KEY_CREATED] = now, [KEY_PUBLISH] = now, [KEY_ACTIVATE] = kind == KEY_ZSK ? known : now } };
	if (kind != KEY_ZSK)
		t.at[KEY_SYNC_PUBLISH] = known;
	unsigned tag;
	if (make(directory, name, k, a, sep_of_replaced(k, kind, now), &t, &tag, e) < 0)
		return -1;
	report_new(report, &t, tag);
	if (kind != KEY_ZSK)
		buf_printf(report, "Once the parent has the DS record: steerctl dnssec finish\n");
	for (size_t i = 0; i < k->n; i++)
		if (is_replaced(k, i, kind, now) &&
		    (kind == KEY_ZSK ? end_zsk(&k->items[i], ttls, known, report, e) : end_sync(&k->items[i], known, e)) < 0)
			return -1;
	return 0;
}

int key_store_roll(const char *directory, struct str zone, struct str algorithm, enum key_kind kind, const struct key_ttls *ttls,
                   int64_t now, struct buf *report, struct err *e) {
	struct keys k;
	struct dns_name name;
	if (keys_of(&k, &name, directory, zone, e) < 0)
		return -1;
	const struct key_algorithm *a = algorithm_find(algorithm, e);
	int result = a ? roll(&k, &name, directory, a, kind, ttls, now, report, e) : -1;
	keys_fini(&k);
	return result;
}

/* The newest KSK or CSK; NULL when there are not two keys that sign keys. One without SEP signs them for want of one with it, and is
 * what the parent's DS record names only when that was asked for. */
static const struct key *newest(const struct keys *k, int64_t now) {
	const struct key *best = NULL;
	unsigned n = 0;
	for (size_t i = 0; i < k->n; i++) {
		const struct key *key = &k->items[i];
		if (!(keys_role(k, i, now) & KEY_SIGNS_KEYS))
			continue;
		n++;
		bool is_entry = key->flags & KEY_SEP || key->times.at[KEY_SYNC_PUBLISH];
		if (is_entry && (!best || key->times.at[KEY_ACTIVATE] > best->times.at[KEY_ACTIVATE]))
			best = key;
	}
	return n > 1 ? best : NULL;
}

/* All others end: so it has to be one whose DS record the parent was asked for. */
static int keep_check(const struct key *keep, int64_t now, struct err *e) {
	if (!keep)
		return err_set(
		    e, "no replacement is under way: beside the newest ksk or csk none signs the zone's keys; see `show keys`");
	if (!keep->times.at[KEY_SYNC_PUBLISH])
		return err_set(
		    e,
		    "key %05u is the newest, and has no SyncPublish time: nothing says that the parent was asked for its DS "
		    "record; once the parent has it, set one (dnssec-settime -P sync now)",
		    keep->tag);
	if (keep->times.at[KEY_SYNC_PUBLISH] > now)
		return err_set(e,
		               "caches may not have key %05u yet: only from its SyncPublish time on may the parent have its DS "
		               "record alone; "
		               "see `show keys`, and wait",
		               keep->tag);
	return 0;
}

static int finish(const struct keys *k, uint32_t ds_ttl_s, int64_t now, struct buf *report, struct err *e) {
	const struct key *keep = newest(k, now);
	if (keep_check(keep, now, e) < 0)
		return -1;
	for (size_t i = 0; i < k->n; i++) {
		if (&k->items[i] == keep || !(keys_role(k, i, now) & KEY_SIGNS_KEYS) || k->items[i].times.at[KEY_INACTIVE])
			continue;
		struct key_times t = k->items[i].times;
		t.at[KEY_INACTIVE] = t.at[KEY_DELETE] = now + ds_ttl_s + MARGIN_S;
		if (times_write(&k->items[i], &t, e) < 0)
			return -1;
		report_add(report, t.at[KEY_DELETE], "signs no more, and is removed", k->items[i].tag);
	}
	return 0;
}

int key_store_finish(const char *directory, struct str zone, uint32_t ds_ttl_s, int64_t now, struct buf *report, struct err *e) {
	struct keys k;
	struct dns_name name;
	if (keys_of(&k, &name, directory, zone, e) < 0)
		return -1;
	int result = finish(&k, ds_ttl_s, now, report, e);
	keys_fini(&k);
	return result;
}
