/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators do with DNSSEC keys: make them, look at them, tell the parent zone of them, replace them. On files alone, so that
 * it works without a daemon that serves. Zones are named as text ("example.org"), times are seconds since 1970.
 */
#ifndef STEERWAY_GSLB_KEY_STORE_H
#define STEERWAY_GSLB_KEY_STORE_H

#include "steerway/base/buf.h"
#include "steerway/base/err.h"
#include "steerway/gslb/key_times.h"

/* What a key is for: a CSK is a KSK without a ZSK beside it. */
enum key_kind { KEY_CSK, KEY_KSK, KEY_ZSK, KEY_KINDS };
extern const char *const key_kind_names[KEY_KINDS]; /* "csk" */
bool key_kind_parse(struct str text, enum key_kind *out);

struct key_info {
	const char *file;      /* without .key and .private */
	const char *algorithm; /* "ECDSAP256SHA256" */
	const char *signs;     /* "everything", "keys", "zone", or NULL: nothing now */
	unsigned tag;
	bool has_sep;
	unsigned state; /* KEY_IS_* */
	struct key_times times;
};
/* "active", "published" (not yet, or no more, signing), "retired", "future", "removed" */
const char *key_state_text(const struct key_times *t, int64_t now);

/* How long caches keep what. */
struct key_ttls {
	uint32_t dnskey_s; /* the DNSKEY records */
	uint32_t zone_s;   /* the longest TTL of the zone */
};
/* A new key, published now. Those of a zone in which none signed before `now` sign at once, and ask the parent for their DS records
 * (CDS). Beside keys that did, a ZSK signs when all caches have it, and a KSK or CSK signs at once and asks then; without `ttls`
 * (NULL) that time is not known, and no key is made. `report` gets what happens when, a line each. */
int key_store_generate(const char *directory, struct str zone, struct str algorithm, enum key_kind kind,
                       const struct key_ttls *ttls, int64_t now, unsigned *tag, struct buf *report, struct err *e);
/* Every key in the directory, in the order of their files. */
int key_store_each(const char *directory, struct str zone, int64_t now, void (*each)(void *arg, const struct key_info *k),
                   void *arg, struct err *e);
/* DS records (SHA-256) for the parent of each key that signs the zone's keys, or will: a line each, as in a zone file. */
int key_store_ds(const char *directory, struct str zone, int64_t now, struct buf *out, struct err *e);

/* Begins to replace the keys of that kind by one new key (RFC 7583). ZSK (whose algorithm has to have a KSK or CSK): it is published now, signs when all caches have it, and
 * the old ones go when no cache holds a signature of theirs. KSK and CSK: both sign from now on; when all caches have the new one,
 * CDS asks the parent for its DS record; key_store_finish, once the parent has it, ends the old ones. `report` gets what happens
 * when, a line each. */
int key_store_roll(const char *directory, struct str zone, struct str algorithm, enum key_kind kind, const struct key_ttls *ttls,
                   int64_t now, struct buf *report, struct err *e);
/* The parent has the DS record of the newest KSK or CSK, with that TTL: the other keys that sign keys go when caches have forgotten
 * theirs. Refused before that key's SyncPublish time, or when it has none. */
int key_store_finish(const char *directory, struct str zone, uint32_t ds_ttl_s, int64_t now, struct buf *report, struct err *e);

#endif
