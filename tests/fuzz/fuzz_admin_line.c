/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of the admin socket into words: whatever comes, the words lie within the store, and quoting them again gives the same. */
#include "steerway/admin.h"
#include "steerway/base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quote(struct buf *out, struct str word) {
	buf_add_char(out, '\'');
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] == '\'')
			buf_add(out, STR("'\\''"));
		else
			buf_add_char(out, word.p[i]);
	}
	buf_add(out, STR("' "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct str line = { (const char *)data, size }, words[ADMIN_WORDS_MAX], again[ADMIN_WORDS_MAX];
	size_t n, m;
	struct err e;
	char *store = mem_alloc(size + 1);
	if (admin_words_split(line, store, words, &n, &e) == 0) {
		struct buf quoted = { 0 };
		for (size_t i = 0; i < n; i++) {
			if (words[i].p < store || words[i].p + words[i].n > store + size)
				abort();
			quote(&quoted, words[i]);
		}
		char *second = mem_alloc(quoted.n + 1);
		if (admin_words_split(buf_str(&quoted), second, again, &m, &e) < 0 || m != n)
			abort();
		for (size_t i = 0; i < n; i++)
			if (!str_eq(words[i], again[i]))
				abort();
		mem_free(second);
		buf_fini(&quoted);
	}
	mem_free(store);
	return 0;
}
