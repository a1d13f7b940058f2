/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of this room share: a folder for files that goes at the end, and loads that must or must not succeed. */
#ifndef CFG_TEST_H
#define CFG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "steerway/base/mem.h"
#include "steerway/cfg.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The text of `b` with a NUL behind it. */
static inline const char *buf_text(struct buf *b) {
	*buf_reserve(b, 1) = '\0';
	return b->p;
}

static inline struct cfg *load_good(const char *yaml) {
	struct buf errors = { 0 };
	struct cfg *c = cfg_load_text(str_from(yaml), "t.yaml", "", &errors);
	assert_string_equal(buf_text(&errors), "");
	assert_non_null(c);
	buf_fini(&errors);
	return c;
}

static inline void load_bad(const char *yaml, const char *want) {
	struct buf errors = { 0 };
	struct cfg *c = cfg_load_text(str_from(yaml), "t.yaml", "", &errors);
	assert_string_equal(buf_text(&errors), want);
	assert_null(c);
	buf_fini(&errors);
}

/* ---- files, in a folder of the test's own that is the working directory while it runs ---- */

struct folder {
	char path[64], before[4096];
};

static inline void folder_create(struct folder *f) {
	snprintf(f->path, sizeof(f->path), "/tmp/steerway-cfg-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	assert_non_null(getcwd(f->before, sizeof(f->before)));
	assert_int_equal(chdir(f->path), 0);
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void folder_destroy(struct folder *f) {
	assert_int_equal(chdir(f->before), 0);
	assert_int_equal(nftw(f->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void file_write(const char *path, const char *text) {
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static inline void file_text(const char *path, struct buf *out) {
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	for (size_t n; (n = fread(buf_reserve(out, 65536), 1, 65536, f)) > 0;)
		out->n += n;
	assert_int_equal(fclose(f), 0);
}

#endif
