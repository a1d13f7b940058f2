/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of zone files (RFC 1035 5.1), before it means anything to a zone:
 *
 *	zone_file.c    a path -> bytes
 *	zone_scan.c    bytes -> entries of words, with their lines
 *	zone_rdata.c   words of a record -> its RDATA              (ldns)
 *	zone_svcb.c    the same of SVCB and HTTPS
 */
#ifndef STEERWAY_GSLB_ZONE_TEXT_H
#define STEERWAY_GSLB_ZONE_TEXT_H

#include "steerway/base/arena.h"
#include "steerway/base/err.h"
#include "steerway/dns.h"

#include <sys/types.h>
#include <time.h>

/* A word without what parts it from others; escapes, and quotes that do not stand around the whole, are left as they are. A NUL
 * follows it. */
struct zone_word {
	struct str text;
	bool is_quoted;
};

#define ZONE_WORDS_MAX 16384
#define ZONE_ENTRY_BYTES (128 * 1024) /* words and their NULs; 65535 bytes of data as hexadecimal digits fit */
struct zone_entry {
	size_t n;
	int line;         /* of its first word; when the entry is faulty, the line to look at */
	bool is_indented; /* white space stands before its first word */
	size_t n_text;
	struct zone_word words[ZONE_WORDS_MAX];
	char text[ZONE_ENTRY_BYTES];
};

struct zone_scan {
	struct str in; /* what is left */
	int line;
	bool is_line_start;
};
void zone_scan_init(struct zone_scan *s, struct str text);
/* 1: the next entry, which holds until the next call; 0: the end; -1: `e` says why. */
int zone_scan_next(struct zone_scan *s, struct zone_entry *out, struct err *e);

/* A file as it was read. */
struct zone_file {
	struct str path; /* with a NUL */
	struct str text;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
	time_t read_s;
};
/* In a file of its own, so that a program may bring another one. path.p ends in NUL. */
int zone_file_read(struct zone_file *out, struct str path, struct arena *arena, struct err *e);
/* Does the path still lead to the same file, as it was? */
bool zone_file_is_unchanged(const struct zone_file *f);

/* "MX", "TYPE15"; false: no type. */
bool zone_type_from_text(struct str text, uint16_t *type);
#define ZONE_TYPE_TEXT_BYTES 32
/* "MX", or "TYPE65280" of one without a name. */
const char *zone_type_text(uint16_t type, char out[ZONE_TYPE_TEXT_BYTES]);

/* The RDATA that the words say, not compressed, to `out` of UINT16_MAX bytes; its length, or -1 with `e`. Names that do not end in a
 * dot stand below `origin`. */
int zone_rdata_from_words(uint16_t type, const struct zone_word *words, size_t n, struct str origin, uint8_t *out, struct err *e);

/* zone_svcb.c (RFC 9460 2.1). */
int zone_svcb_from_words(const struct zone_word *words, size_t n, struct str origin, uint8_t *out, struct err *e);
/* Is it right, as it stands on the wire? */
int zone_svcb_check(struct str rdata, struct err *e);

#endif
