/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patterns of the operator against paths and values that a client chose, on a worker's thread. Anchored at both ends, so that there
 * is one start to try and PCRE2's match limit bounds the whole match. Patterns match bytes, not UTF-8, for a value may hold anything.
 * The compiled pattern is shared by all threads; what a match writes to is the thread's own.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "proxy/pattern.h"

#include "steerway/base/mem.h"

#include <pcre2.h>
#include <stdlib.h>

#define MATCH_LIMIT 20000   /* a fraction of a millisecond of compiled code */
#define HEAP_LIMIT_KIB 1024 /* of the interpreter, where there is no JIT */
#define JIT_STACK_BYTES (128 * 1024)

struct pattern {
	pcre2_code *code;
};

struct pattern_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

struct pattern *pattern_create(struct str pattern, struct err *e) {
	int code = 0;
	PCRE2_SIZE at = 0;
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
	                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (!compiled) {
		PCRE2_UCHAR reason[128] = "";
		pcre2_get_error_message(code, reason, sizeof(reason));
		err_set(e, "%s at offset %zu", (const char *)reason, (size_t)at);
		return NULL;
	}
	/* Without JIT (a hardened kernel refuses executable memory) the interpreter serves, within the same bounds. */
	pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
	struct pattern *r = mem_zalloc(sizeof(*r));
	r->code = compiled;
	return r;
}

void pattern_destroy(struct pattern *r) {
	if (!r)
		return;
	pcre2_code_free(r->code);
	mem_free(r);
}

unsigned pattern_captures(const struct pattern *r) {
	uint32_t n = 0;
	pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &n);
	return n;
}

struct pattern_scratch *pattern_scratch_create(void) {
	struct pattern_scratch *s = mem_zalloc(sizeof(*s));
	s->data = pcre2_match_data_create(PATTERN_CAPTURES, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(16 * 1024, JIT_STACK_BYTES, NULL);
	if (!s->data || !s->context)
		abort(); /* as every allocation, see mem.h */
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	if (s->stack)
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	return s;
}

void pattern_scratch_destroy(struct pattern_scratch *s) {
	if (!s)
		return;
	pcre2_jit_stack_free(s->stack);
	pcre2_match_context_free(s->context);
	pcre2_match_data_free(s->data);
	mem_free(s);
}

static void captures_copy(const struct pattern_scratch *s, struct str subject, int n, struct str captures[PATTERN_CAPTURES]) {
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->data);
	n = n == 0 ? PATTERN_CAPTURES : n; /* 0: it has more captures than there is room for */
	for (int i = 0; i < PATTERN_CAPTURES; i++) {
		bool is_set = i < n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];
		captures[i] = is_set ? str_slice(subject.p + at[2 * i], at[2 * i + 1] - at[2 * i]) : STR("");
	}
}

enum pattern_match pattern_match(const struct pattern *r, struct pattern_scratch *s, struct str subject,
                                 struct str captures[PATTERN_CAPTURES]) {
	if (subject.n == 0)
		subject = STR(""); /* PCRE2 wants an address */
	int n = pcre2_match(r->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, s->data, s->context);
	if (n < 0)
		return n == PCRE2_ERROR_NOMATCH ? PATTERN_FAILS : PATTERN_GAVE_UP;
	if (captures)
		captures_copy(s, subject, n, captures);
	return PATTERN_MATCHES;
}
