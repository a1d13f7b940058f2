/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as configuration. Either it loads, and then loading it again differs in nothing; or each error is one clean line that
 * begins with the file's name. Inputs that could name other files by include or pattern are left out: they would read this machine.
 */
#include "steerway/cfg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds)
		abort();
}

static bool has(struct str text, struct str word) {
	return str_find(text, word) < text.n;
}

static bool reads_this_machine(struct str text) {
	bool may_escape = has(text, STR("\\x")) || has(text, STR("\\u")) || has(text, STR("\\U")) || has(text, STR("\\\n")) ||
	                  has(text, STR("\\\r"));
	bool has_pattern = has(text, STR("*")) || has(text, STR("?"));
	return has(text, STR("include")) || may_escape || (has_pattern && has(text, STR("/")));
}

static void check_errors(struct str errors) {
	struct str line;
	require(errors.n > 0 && errors.p[errors.n - 1] == '\n');
	while (str_next(&errors, '\n', &line)) {
		if (line.n == 0)
			continue;
		require(str_starts(line, STR("fuzz.yaml:")) || str_ends(line, STR(" more errors are not shown")));
		require(line.n < 2048);
		for (size_t i = 0; i < line.n; i++)
			require((unsigned char)line.p[i] >= 0x20 && line.p[i] != 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct str text = { (const char *)data, size };
	struct buf out = { 0 };
	if (reads_this_machine(text))
		return 0;
	struct cfg *c = cfg_load_text(text, "fuzz.yaml", "/nonexistent", &out);
	if (!c) {
		check_errors(buf_str(&out));
	} else {
		struct cfg *again = cfg_load_text(text, "fuzz.yaml", "/nonexistent", &out);
		require(again != NULL);
		require(cfg_diff(c, again, &out) == 0 && out.n == 0);
		cfg_destroy(again);
	}
	cfg_destroy(c);
	buf_fini(&out);
	return 0;
}
