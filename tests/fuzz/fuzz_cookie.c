/* SPDX-License-Identifier: BSD-2-Clause */
/* Cookie fields. The first byte says how long the name is that is looked for; the name, then the field follow. */
#include "http_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
	if (n == 0 || data[0] % 8u + 1u > n)
		return 0;
	struct str name = { (const char *)data + 1, data[0] % 8u };
	size_t rest = n - 1 - name.n;
	char *copy = exact_copy(data + 1 + name.n, rest);
	struct str field = { copy, rest }, value;
	if (http_cookie_find(field, name, &value)) {
		MUST(is_inside(value, field));
		for (size_t i = 0; i < value.n; i++)
			MUST(value.p[i] != ';');
		/* In front of all others it is found there, and is the same. */
		char *again = malloc(name.n + value.n + 2 + rest);
		MUST(again != NULL);
		size_t at = 0;
		memcpy(again, name.p, name.n);
		at += name.n;
		again[at++] = '=';
		if (value.n > 0)
			memcpy(again + at, value.p, value.n);
		at += value.n;
		again[at++] = ';';
		memcpy(again + at, copy, rest);
		struct str first;
		struct str kept = str_trim(value);
		bool is_quoted = kept.n >= 2 && kept.p[0] == '"' && kept.p[kept.n - 1] == '"'; /* again: there it loses them */
		bool is_found = http_cookie_find(str_slice(again, at + rest), name, &first);
		MUST(is_found);
		MUST(is_quoted || str_eq(first, kept));
		free(again);
	}
	free(copy);
	return 0;
}
