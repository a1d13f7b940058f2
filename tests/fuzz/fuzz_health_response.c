/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile server against a health check: the first byte chooses method and expectation, the second seeds the cuts, the rest is
 * what the server sends before it closes. Cutting the bytes anywhere changes nothing, and memory stays within its bounds. The one
 * thing left to the machine is whether the expression, which is quadratic on purpose, used up its CPU time.
 */
#include "health/response.h"

#include "steerway/base/rand.h"

#include <stdio.h>
#include <stdlib.h>

static struct cfg_status_range ok = { 200, 299 };

struct outcome {
	bool is_success;
	char evidence[128];
};

static void check_bounds(const struct response *r) {
	if (r->body.n > RESPONSE_BODY_BYTES || r->head.n > RESPONSE_MAX_BYTES || r->taken > RESPONSE_MAX_BYTES)
		abort();
}

/* cuts: NULL: in one piece. */
static struct outcome judge(const struct expectation *x, enum http_method method, bool is_clean, struct str in,
                            struct rand *cuts) {
	struct response r;
	response_init(&r, x, method);
	bool is_decided = false;
	while (in.n > 0 && !is_decided) {
		size_t n = cuts == NULL ? in.n : 1 + (size_t)rand_below(cuts, rand_below(cuts, 2) ? 4 : in.n);
		if (n > in.n)
			n = in.n;
		is_decided = response_feed(&r, str_slice(in.p, n));
		in = str_skip(in, n);
		check_bounds(&r);
	}
	if (!is_decided)
		response_end(&r, is_clean);
	if (r.state != RESPONSE_DECIDED || r.evidence[0] == '\0')
		abort();
	struct outcome o = { .is_success = r.is_success };
	memcpy(o.evidence, r.evidence, sizeof o.evidence);
	response_fini(&r);
	return o;
}

static bool gave_up_for_time(const struct outcome *o) {
	return strstr(o->evidence, REGEX_TOO_SLOW) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct regex *regex;
	struct err e;
	if (size < 2)
		return 0;
	if (regex == NULL && (regex = regex_create(STR("o+k$"), &e)) == NULL)
		abort();
	struct expectation x = { .status = { &ok, 1 } };
	expectation_describe(&x);
	if (data[0] & 1)
		x.body = STR("ok");
	if (data[0] & 2) {
		x.regex = regex;
		x.regex_text = STR("o+k$");
	}
	enum http_method method = data[0] & 4 ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;
	bool is_clean = !(data[0] & 8);
	struct str in = { (const char *)data + 2, size - 2 };
	struct outcome whole = judge(&x, method, is_clean, in, NULL);
	struct rand cuts;
	rand_seed(&cuts, data[1]);
	for (int i = 0; i < 3; i++) {
		struct outcome cut = judge(&x, method, is_clean, in, &cuts);
		bool was_in_time = !gave_up_for_time(&whole) && !gave_up_for_time(&cut);
		if (was_in_time && (cut.is_success != whole.is_success || strcmp(cut.evidence, whole.evidence) != 0)) {
			fprintf(stderr, "whole: %d %s\ncut: %d %s\n", whole.is_success, whole.evidence, cut.is_success,
			        cut.evidence);
			abort();
		}
	}
	return 0;
}
