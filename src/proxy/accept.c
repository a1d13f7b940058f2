/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content negotiation for the few forms that the proxy itself can write. Reads at most RANGES_MAX media ranges, each once; a
 * malformed range counts for nothing, and the others still do. Parameters but q are ignored: none of our forms has one
 * that a client could ask for.
 */
#include "proxy/accept.h"

#include "steerway/base/mem.h"

enum { RANGES_MAX = 32, Q_ONE = 1000 };

/* What the forms are called. Among equals the first wins. */
static const struct offer {
	struct str type, subtype;
	enum answer_form form;
} offers[] = {
	{ STR_INIT("text"), STR_INIT("plain"), ANSWER_TEXT },
	{ STR_INIT("application"), STR_INIT("problem+json"), ANSWER_JSON },
	{ STR_INIT("application"), STR_INIT("json"), ANSWER_JSON },
	{ STR_INIT("text"), STR_INIT("html"), ANSWER_HTML },
};

/* How exactly a range names a form; the most exact one decides over q (RFC 9110 12.5.1). */
enum precision { PRECISION_NONE, PRECISION_ANY, PRECISION_TYPE, PRECISION_EXACT };

struct range {
	struct str type, subtype;
	unsigned q; /* thousandths */
};

struct match {
	enum precision precision;
	unsigned q, position;
};

/* Up to `separator` outside of quoted strings; the rest behind it. */
static struct str cut(struct str *rest, char separator) {
	bool is_quoted = false;
	size_t i = 0;
	for (; i < rest->n && (is_quoted || rest->p[i] != separator); i++) {
		if (rest->p[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
	}
	struct str part = str_slice(rest->p, i);
	*rest = str_skip(*rest, i < rest->n ? i + 1 : i);
	return part;
}

/* qvalue = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3"0" ] (RFC 9110 12.4.2) */
static bool q_parse(struct str s, unsigned *q) {
	if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
		return false;
	*q = s.p[0] == '1' ? Q_ONE : 0;
	unsigned place = 100;
	for (size_t i = 2; i < s.n; i++, place /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*q += (unsigned)(s.p[i] - '0') * place;
	}
	return *q <= Q_ONE;
}

static bool range_parse(struct str s, struct range *out) {
	struct str type = str_trim(cut(&s, ';'));
	size_t slash = str_find_char(type, '/');
	if (slash == 0 || slash + 1 >= type.n)
		return false;
	*out = (struct range){ str_slice(type.p, slash), str_skip(type, slash + 1), Q_ONE };
	while (s.n > 0) {
		struct str parameter = str_trim(cut(&s, ';'));
		if (parameter.n < 2 || (parameter.p[0] | 0x20) != 'q' || parameter.p[1] != '=')
			continue;
		return q_parse(str_skip(parameter, 2), &out->q); /* what stands behind q is no longer the media type's */
	}
	return true;
}

static enum precision precision_of(const struct range *r, const struct offer *o) {
	bool is_any_subtype = str_eq(r->subtype, STR("*"));
	if (str_eq(r->type, STR("*")))
		return is_any_subtype ? PRECISION_ANY : PRECISION_NONE;
	if (!str_eq_nocase(r->type, o->type))
		return PRECISION_NONE;
	if (is_any_subtype)
		return PRECISION_TYPE;
	return str_eq_nocase(r->subtype, o->subtype) ? PRECISION_EXACT : PRECISION_NONE;
}

/* By q; then what is named more exactly, since many clients end a list of equals with
 * "anything" and mean the others;
 * then what stands first. */
static bool is_better(const struct match *a, const struct match *b) {
	if (a->q != b->q)
		return a->q > b->q;
	if (a->precision != b->precision)
		return a->precision > b->precision;
	return a->position < b->position;
}

enum answer_form accept_choose(struct str accept) {
	struct match matches[COUNT_OF(offers)] = { 0 };
	for (unsigned position = 0; accept.n > 0 && position < RANGES_MAX; position++) {
		struct range r;
		if (!range_parse(str_trim(cut(&accept, ',')), &r))
			continue;
		for (size_t i = 0; i < COUNT_OF(offers); i++) {
			enum precision p = precision_of(&r, &offers[i]);
			if (p > matches[i].precision)
				matches[i] = (struct match){ p, r.q, position };
		}
	}
	size_t best = 0;
	for (size_t i = 1; i < COUNT_OF(offers); i++)
		if (is_better(&matches[i], &matches[best]))
			best = i;
	return matches[best].q > 0 ? offers[best].form : ANSWER_TEXT;
}

/* ---- gRPC ---- */

bool grpc_is_content_type(struct str value) {
	static const struct str name = STR_INIT("application/grpc");
	if (value.n < name.n || !str_eq_nocase(str_slice(value.p, name.n), name))
		return false;
	return value.n == name.n || value.p[name.n] == '+' || value.p[name.n] == ';' || value.p[name.n] == ' ';
}

bool grpc_timeout_parse(struct str value, uint64_t *us) {
	static const struct {
		char unit;
		uint64_t us;
	} units[] = { { 'H', UINT64_C(3600000000) }, { 'M', 60000000 }, { 'S', 1000000 }, { 'm', 1000 }, { 'u', 1 } };
	uint64_t n;
	if (value.n < 2 || value.n > 9 || !str_to_u64(str_slice(value.p, value.n - 1), &n))
		return false;
	char unit = value.p[value.n - 1];
	if (unit == 'n') {
		*us = (n + 999) / 1000;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (units[i].unit == unit) {
			*us = n * units[i].us; /* below 2^59 */
			return true;
		}
	return false;
}

unsigned grpc_status_of_http(unsigned status) {
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}
