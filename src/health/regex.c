/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches patterns of the operator against bodies of a server, on the control thread. PCRE2's match limit counts for each start
 * position alone, so a pattern as plain as `a*b` can still take seconds on 64 KiB of "a": starts are tried in windows (offset
 * limit), and between windows this thread's CPU time is looked at (wall time would count what other processes took). Patterns
 * match bytes, not UTF-8, for a body may hold anything.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "health/regex.h"

#include "steerway/base/mem.h"

#include <pcre2.h>
#include <time.h>

#define MATCH_LIMIT 200000  /* about 1 ms of compiled code for one start */
#define HEAP_LIMIT_KIB 1024 /* of the interpreter, where there is no JIT */
#define WINDOW_STARTS 64
#define BUDGET_MS 20
#define JIT_STACK_BYTES (512 * 1024)

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

struct regex *regex_create(struct str pattern, struct err *e) {
	struct regex *r = mem_zalloc(sizeof *r);
	int code = 0;
	PCRE2_SIZE at = 0;
	r->code =
	    pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (r->code == NULL) {
		PCRE2_UCHAR reason[128];
		pcre2_get_error_message(code, reason, sizeof reason);
		err_set(e, "%s at offset %zu", (const char *)reason, (size_t)at);
		goto fail;
	}
	/* Without JIT (a hardened kernel refuses executable memory) the interpreter serves, within the same bounds. */
	if (pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0)
		r->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_BYTES, NULL);
	r->data = pcre2_match_data_create(1, NULL);
	r->context = pcre2_match_context_create(NULL);
	if (r->data == NULL || r->context == NULL) {
		err_set(e, "out of memory");
		goto fail;
	}
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
	if (r->stack != NULL)
		pcre2_jit_stack_assign(r->context, NULL, r->stack);
	return r;
fail:
	regex_destroy(r);
	return NULL;
}

void regex_destroy(struct regex *r) {
	if (r == NULL)
		return;
	pcre2_jit_stack_free(r->stack);
	pcre2_match_context_free(r->context);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	mem_free(r);
}

static int64_t cpu_us(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

enum regex_match regex_match(struct regex *r, struct str subject, const char **why) {
	int64_t give_up_us = cpu_us() + BUDGET_MS * 1000;
	for (size_t start = 0; start <= subject.n; start += WINDOW_STARTS) {
		if (start > 0 && cpu_us() > give_up_us) { /* behind the last window the answer is known, however late */
			*why = REGEX_TOO_SLOW;
			return REGEX_GAVE_UP;
		}
		pcre2_set_offset_limit(r->context, start + WINDOW_STARTS - 1);
		/* A window after the first would let `\G` match there; anchors other than that look at the whole subject. */
		int rc =
		    pcre2_match(r->code, (PCRE2_SPTR)(subject.n > 0 ? subject.p : ""), subject.n, start, 0, r->data, r->context);
		if (rc >= 0)
			return REGEX_MATCHES;
		if (rc != PCRE2_ERROR_NOMATCH) {
			*why = rc == PCRE2_ERROR_MATCHLIMIT ? "match limit exceeded" : "out of stack";
			return REGEX_GAVE_UP;
		}
	}
	return REGEX_FAILS;
}
