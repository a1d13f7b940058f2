/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVCB and HTTPS records (RFC 9460): their text becomes RDATA with the parameters in order, and RDATA is checked as a client will,
 * which has to drop the whole set for one fault (2.2, 7). A parameter is a row. ldns is not asked: it mistakes escaped commas for
 * separators, and checks neither values nor `mandatory`.
 */
#include "gslb/zone_text.h"

#include "steerway/base/mem.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, ECH, IPV6HINT, DOHPATH, OHTTP, INVALID = 65535 };
#define PARAMS_MAX 256

/* A value's text (unescaped) to its wire form at out, of at most 65535 bytes: its length, or -1. */
typedef int value_read(struct str text, uint8_t *out);
/* Is the value right as it stands on the wire? */
typedef bool value_check(struct str value);

static uint16_t key_from_text(struct str text, bool *is_key);

/* ---- values ---- */

/* The next part of a comma-separated list (RFC 9460 A.1): `\,` and `\\` stand for themselves. False at the end. */
static bool list_next(struct str *rest, uint8_t *part, size_t *n, bool *is_last) {
	if (*is_last)
		return false;
	size_t i = 0;
	*n = 0;
	for (; i < rest->n && rest->p[i] != ','; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		part[(*n)++] = (uint8_t)rest->p[i];
	}
	*is_last = i >= rest->n;
	*rest = str_skip(*rest, *is_last ? i : i + 1);
	return true;
}

static int compare16(const void *a, const void *b) {
	return (int)dns_get16(a) - (int)dns_get16(b);
}

static int mandatory_read(struct str text, uint8_t *out) {
	struct str rest = text, part;
	size_t n = 0;
	if (str_ends(text, STR(",")))
		return -1;
	while (str_next(&rest, ',', &part)) {
		bool is_key;
		unsigned key = key_from_text(part, &is_key);
		if (!is_key)
			return -1;
		dns_put16(out + n, key);
		n += 2;
	}
	qsort(out, n / 2, 2, compare16);
	return (int)n;
}

static int alpn_read(struct str text, uint8_t *out) {
	size_t n = 0, part;
	bool is_last = false;
	while (list_next(&text, out + n + 1, &part, &is_last)) {
		if (part == 0 || part > UINT8_MAX)
			return -1;
		out[n] = (uint8_t)part;
		n += part + 1;
	}
	return (int)n;
}

static int empty_read(struct str text, uint8_t *out) {
	(void)out;
	return text.n == 0 ? 0 : -1;
}

static int port_read(struct str text, uint8_t *out) {
	uint64_t port;
	if (!str_to_u64(text, &port) || port > UINT16_MAX)
		return -1;
	dns_put16(out, (unsigned)port);
	return 2;
}

static int hints_read(struct str text, uint8_t *out, int family, size_t size) {
	struct str rest = text, part;
	size_t n = 0;
	if (str_ends(text, STR(",")))
		return -1;
	while (str_next(&rest, ',', &part)) {
		char address[INET6_ADDRSTRLEN];
		if (part.n >= sizeof(address) || inet_pton(family, str_copy(address, sizeof(address), part), out + n) != 1)
			return -1;
		n += size;
	}
	return (int)n;
}

static int ipv4hint_read(struct str text, uint8_t *out) {
	return hints_read(text, out, AF_INET, 4);
}

static int ipv6hint_read(struct str text, uint8_t *out) {
	return hints_read(text, out, AF_INET6, 16);
}

static int ech_read(struct str text, uint8_t *out) {
	if (text.n == 0 || text.n % 4 != 0)
		return -1;
	int n = EVP_DecodeBlock(out, (const unsigned char *)text.p, (int)text.n);
	if (n < 0)
		return -1;
	return n - (text.p[text.n - 1] == '=') - (text.p[text.n - 2] == '=');
}

static int plain_read(struct str text, uint8_t *out) {
	memcpy(out, text.p, text.n);
	return (int)text.n;
}

/* RFC 9460 8: ascending, each once, not itself. That each is there is checked with the others at hand. */
static bool mandatory_check(struct str v) {
	for (size_t i = 0; i + 1 < v.n; i += 2)
		if (dns_get16(v.p + i) == MANDATORY || (i > 0 && dns_get16(v.p + i) <= dns_get16(v.p + i - 2)))
			return false;
	return v.n > 0 && v.n % 2 == 0;
}

static bool alpn_check(struct str v) {
	size_t at = 0;
	while (at < v.n && v.p[at] != 0)
		at += (size_t)(uint8_t)v.p[at] + 1;
	return v.n > 0 && at == v.n;
}

static bool empty_check(struct str v) {
	return v.n == 0;
}

static bool port_check(struct str v) {
	return v.n == 2;
}

static bool ipv4hint_check(struct str v) {
	return v.n > 0 && v.n % 4 == 0;
}

static bool ipv6hint_check(struct str v) {
	return v.n > 0 && v.n % 16 == 0;
}

static bool some_check(struct str v) {
	return v.n > 0;
}

/* ---- parameters ---- */

static const struct param_row {
	struct str name;
	uint16_t key;
	value_read *read;
	value_check *check;
	const char *takes;
} rows[] = {
	{ STR_INIT("mandatory"), MANDATORY, mandatory_read, mandatory_check, "names of other parameters, each once" },
	{ STR_INIT("alpn"), ALPN, alpn_read, alpn_check, "protocols of 1 to 255 bytes, parted by commas" },
	{ STR_INIT("no-default-alpn"), NO_DEFAULT_ALPN, empty_read, empty_check, "no value" },
	{ STR_INIT("port"), PORT, port_read, port_check, "a port" },
	{ STR_INIT("ipv4hint"), IPV4HINT, ipv4hint_read, ipv4hint_check, "IPv4 addresses, parted by commas" },
	{ STR_INIT("ech"), ECH, ech_read, some_check, "an ECHConfigList in base64" },
	{ STR_INIT("ipv6hint"), IPV6HINT, ipv6hint_read, ipv6hint_check, "IPv6 addresses, parted by commas" },
	{ STR_INIT("dohpath"), DOHPATH, plain_read, some_check, "a path with {?dns}" }, /* RFC 9461 */
	{ STR_INIT("ohttp"), OHTTP, empty_read, empty_check, "no value" },              /* RFC 9540 */
};

static const struct param_row *row_find(unsigned key) {
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].key == key)
			return &rows[i];
	return NULL;
}

static uint16_t key_from_text(struct str text, bool *is_key) {
	uint64_t number;
	*is_key = true;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (str_eq(rows[i].name, text))
			return rows[i].key;
	*is_key = str_starts(text, STR("key")) && text.n > 3 && (text.p[3] != '0' || text.n == 4) &&
	          str_to_u64(str_skip(text, 3), &number) && number < INVALID;
	return *is_key ? (uint16_t)number : 0;
}

static int param_fault(unsigned key, struct err *e, const char *what) {
	const struct param_row *row = row_find(key);
	return row ? err_set(e, "%.*s: %s", STR_ARG(row->name), what) : err_set(e, "key%u: %s", key, what);
}

/* ---- the wire ---- */

static bool params_have(struct str params, unsigned key) {
	while (params.n > 0) {
		if (dns_get16(params.p) == key)
			return true;
		params = str_skip(params, 4u + dns_get16(params.p + 2));
	}
	return false;
}

/* What one parameter says of others. All of them are whole. */
static int relations_check(struct str params, struct err *e) {
	if (params_have(params, NO_DEFAULT_ALPN) && !params_have(params, ALPN))
		return err_set(e, "no-default-alpn takes alpn beside it (RFC 9460 7.1.1)");
	if (params.n == 0 || dns_get16(params.p) != MANDATORY)
		return 0;
	struct str keys = str_slice(params.p + 4, dns_get16(params.p + 2));
	for (; keys.n > 0; keys = str_skip(keys, 2))
		if (!params_have(params, dns_get16(keys.p)))
			return param_fault(dns_get16(keys.p), e, "`mandatory` names it, but it is not there (RFC 9460 8)");
	return 0;
}

static int params_check(struct str params, struct err *e) {
	int before = -1;
	for (struct str rest = params; rest.n > 0;) {
		if (rest.n < 4 || rest.n - 4 < dns_get16(rest.p + 2))
			return err_set(e, "the record's data ends before its last field");
		int key = dns_get16(rest.p);
		struct str value = str_slice(rest.p + 4, dns_get16(rest.p + 2));
		const struct param_row *row = row_find((unsigned)key);
		if (key == before)
			return param_fault((unsigned)key, e, "stands twice");
		if (key < before)
			return param_fault((unsigned)key, e, "not in ascending order (RFC 9460 2.2)");
		if (key == INVALID)
			return param_fault(INVALID, e, "reserved (RFC 9460 14.3.2)");
		if (row && !row->check(value))
			return err_set(e, "%.*s takes %s", STR_ARG(row->name), row->takes);
		before = key;
		rest = str_skip(rest, 4 + value.n);
	}
	return relations_check(params, e);
}

int zone_svcb_check(struct str rdata, struct err *e) {
	struct dns_name target;
	if (rdata.n < 3 || !dns_name_read(&target, str_skip(rdata, 2)))
		return err_set(e, "the record's data ends before its last field");
	struct str params = str_skip(rdata, 2u + target.n);
	if (dns_get16(rdata.p) == 0 && params.n > 0) /* RFC 9460 2.4.2 */
		return err_set(e, "priority 0 is an alias, which takes no parameters; give it another priority, or remove them");
	return params_check(params, e);
}

/* ---- the text ---- */

struct param {
	unsigned key;
	bool is_generic; /* keyNNNNN: the value is its wire form (2.1) */
	struct str text; /* the value, with its escapes */
};

static int param_compare(const void *a, const void *b) {
	return (int)((const struct param *)a)->key - (int)((const struct param *)b)->key;
}

static int param_split(const struct zone_word *word, struct param *out, struct err *e) {
	size_t equals = str_find_char(word->text, '=');
	struct str name = str_slice(word->text.p, equals);
	bool is_key;
	*out = (struct param){ .key = key_from_text(name, &is_key), .is_generic = str_starts(name, STR("key")) };
	if (!is_key || word->is_quoted)
		return err_set(e, "`%.*s` is no parameter of SVCB and HTTPS; use keyNNNNN for one without a name", STR_ARG(name));
	if (equals == word->text.n)
		return 0;
	out->text = str_skip(word->text, equals + 1);
	if (out->text.n >= 2 && out->text.p[0] == '"' && out->text.p[out->text.n - 1] == '"')
		out->text = str_slice(out->text.p + 1, out->text.n - 2);
	return 0;
}

/* The parameter's wire form to out; its length. `plain` is room for its value without escapes. */
static int param_write(const struct param *p, uint8_t *plain, uint8_t *out, struct err *e) {
	const struct param_row *row = p->is_generic ? NULL : row_find(p->key);
	size_t n = 0;
	for (size_t i = 0; i < p->text.n;) {
		size_t used = dns_char_from_text(str_skip(p->text, i), &plain[n++]);
		if (used == 0)
			return param_fault(p->key, e, "a backslash takes one character or three digits up to 255 behind it");
		i += used;
	}
	struct str text = str_slice((const char *)plain, n);
	int length = row ? row->read(text, out + 4) : plain_read(text, out + 4);
	if (length < 0)
		return err_set(e, "%.*s takes %s", STR_ARG(row->name), row->takes);
	dns_put16(out, p->key);
	dns_put16(out + 2, (unsigned)length);
	return length + 4;
}

/* A value's wire form is at most a byte longer than its text, but for `mandatory` (two bytes a key of at least four) and hints
 * ("::", and its comma, is 16 bytes). */
#define VALUE_GROWTH 8

static int params_write(struct param *params, size_t n_params, uint8_t *out, size_t n, struct err *e) {
	qsort(params, n_params, sizeof(*params), param_compare);
	for (size_t i = 0; i < n_params; i++) {
		size_t most = params[i].text.n;
		if (most > UINT16_MAX || most * VALUE_GROWTH + 8 + n > UINT16_MAX)
			return err_set(e, "the record's text is too long; write its data as `\\# length digits` (RFC 3597)");
		uint8_t *plain = mem_alloc(most + 1);
		int used = param_write(&params[i], plain, out + n, e);
		mem_free(plain);
		if (used < 0)
			return -1;
		n += (size_t)used;
	}
	return (int)n;
}

int zone_svcb_from_words(const struct zone_word *words, size_t n, struct str origin, uint8_t *out, struct err *e) {
	struct param params[PARAMS_MAX];
	uint64_t priority;
	const char *why;
	if (n < 2)
		return err_set(e, "the record's data ends before its last field");
	if (!str_to_u64(words[0].text, &priority) || priority > UINT16_MAX)
		return err_set(e, "`%.*s` is not a priority, 0 to 65535", STR_ARG(words[0].text));
	size_t target = dns_name_from_text(out + 2, words[1].text, origin, &why);
	if (target == 0)
		return err_set(e, "`%.*s` is not a domain name: %s", STR_ARG(words[1].text), why);
	if (n - 2 > PARAMS_MAX)
		return err_set(e, "more than %d parameters", PARAMS_MAX);
	dns_put16(out, (unsigned)priority);
	for (size_t i = 2; i < n; i++)
		if (param_split(&words[i], &params[i - 2], e) < 0)
			return -1;
	int length = params_write(params, n - 2, out, 2 + target, e);
	return length >= 0 && zone_svcb_check(str_slice((const char *)out, (size_t)length), e) < 0 ? -1 : length;
}
