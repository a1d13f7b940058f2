/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a record become its RDATA: addresses and names here, since zones mostly consist of them, SVCB and HTTPS in
 * zone_svcb.c, all other types by ldns. What ldns lets through is looked at: numbers that do not fit their field, and data in RFC
 * 3597's form, which has to be what its type says when that is known.
 */
#include "gslb/zone_text.h"

#include "steerway/base/mem.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdio.h>

/* ---- types ---- */

/* Of a type that ldns has a name for; it has rows without one, too. */
static const ldns_rr_descriptor *descriptor_find(uint16_t type) {
	const ldns_rr_descriptor *d = ldns_rr_descript(type);
	return d && d->_name && strncmp(d->_name, "TYPE", 4) != 0 ? d : NULL;
}

bool zone_type_from_text(struct str text, uint16_t *type) {
	static const struct {
		struct str name;
		uint16_t type;
	} frequent[] = { { STR_INIT("A"), DNS_TYPE_A },         { STR_INIT("AAAA"), DNS_TYPE_AAAA },
		         { STR_INIT("CNAME"), DNS_TYPE_CNAME }, { STR_INIT("NS"), DNS_TYPE_NS },
		         { STR_INIT("MX"), DNS_TYPE_MX },       { STR_INIT("TXT"), DNS_TYPE_TXT },
		         { STR_INIT("PTR"), DNS_TYPE_PTR },     { STR_INIT("SRV"), DNS_TYPE_SRV },
		         { STR_INIT("DS"), DNS_TYPE_DS } };
	for (size_t i = 0; i < COUNT_OF(frequent); i++)
		if (str_eq_nocase(frequent[i].name, text)) {
			*type = frequent[i].type;
			return true;
		}
	uint64_t number;
	if (text.n > 4 && str_eq_nocase(str_slice(text.p, 4), STR("TYPE")) && str_to_u64(str_skip(text, 4), &number)) {
		*type = (uint16_t)number;
		return number <= UINT16_MAX;
	}
	*type = (uint16_t)ldns_get_rr_type_by_name(text.p); /* a NUL follows */
	return *type != 0;
}

const char *zone_type_text(uint16_t type, char out[ZONE_TYPE_TEXT_BYTES]) {
	const ldns_rr_descriptor *d = descriptor_find(type);
	if (d)
		snprintf(out, ZONE_TYPE_TEXT_BYTES, "%s", d->_name);
	else
		snprintf(out, ZONE_TYPE_TEXT_BYTES, "TYPE%u", type);
	return out;
}

/* ---- RFC 3597 5: \# length digits ---- */

static int hex_digit(char c) {
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static int generic_read(const struct zone_word *words, size_t n, uint8_t *out, struct err *e) {
	uint64_t length, digits = 0;
	if (n < 2 || !str_to_u64(words[1].text, &length) || length > UINT16_MAX)
		return err_set(e, "behind `\\#` stands the length of the data, 0 to 65535");
	for (size_t i = 2; i < n; i++)
		for (size_t k = 0; k < words[i].text.n; k++, digits++) {
			int v = hex_digit(words[i].text.p[k]);
			if (v < 0)
				return err_set(e, "`%.*s` is not hexadecimal", STR_ARG(words[i].text));
			if (digits < 2 * length)
				out[digits / 2] = (uint8_t)(digits % 2 ? out[digits / 2] | v : v << 4);
		}
	if (digits != 2 * length)
		return err_set(e, "%llu hexadecimal digits are not the %llu bytes that `\\#` says", (unsigned long long)digits,
		               (unsigned long long)length);
	return (int)length;
}

/* Do the fields that ldns found make up the whole data? It follows compression pointers and leaves bytes behind the last field. */
static bool fields_are(const ldns_rr *rr, struct str rdata) {
	size_t at = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		size_t n = ldns_rdf_size(f);
		if (n > rdata.n - at || memcmp(rdata.p + at, ldns_rdf_data(f), n) != 0)
			return false;
		at += n;
	}
	return at == rdata.n;
}

/* Is the data what its type says? Of a type that is not known anything is. */
static int wire_check(uint16_t type, struct str rdata, struct err *e) {
	const ldns_rr_descriptor *d = descriptor_find(type);
	if (!d)
		return 0;
	if (type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS)
		return zone_svcb_check(rdata, e);
	uint8_t *record = mem_zalloc(11 + rdata.n); /* of the root */
	size_t at = 0;
	ldns_rr *rr = NULL;
	dns_put16(record + 1, type);
	dns_put16(record + 3, DNS_CLASS_IN);
	dns_put16(record + 9, (unsigned)rdata.n);
	memcpy(record + 11, rdata.p, rdata.n);
	ldns_status s = ldns_wire2rr(&rr, record, 11 + rdata.n, &at, LDNS_SECTION_ANSWER);
	mem_free(record);
	int result = 0;
	if (s != LDNS_STATUS_OK || ldns_rr_rd_count(rr) < ldns_rr_descriptor_minimum(d))
		result = err_set(e, "the record's data ends before its last field, or a field of it is malformed");
	else if (!fields_are(rr, rdata))
		result = err_set(e, "the record's data has bytes behind its last field, or a compressed name");
	if (s == LDNS_STATUS_OK)
		ldns_rr_free(rr);
	return result;
}

/* ---- the types that zones consist of ---- */

static int address_read(uint16_t type, const struct zone_word *words, size_t n, uint8_t *out, struct err *e) {
	bool is_v6 = type == DNS_TYPE_AAAA;
	if (n != 1)
		return err_set(e, "an %s record takes one address", is_v6 ? "AAAA" : "A");
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, words[0].text.p, out) != 1)
		return err_set(e, "`%.*s` is not an IPv%d address", STR_ARG(words[0].text), is_v6 ? 6 : 4);
	return is_v6 ? 16 : 4;
}

static int name_read(const struct zone_word *words, size_t n, struct str origin, uint8_t *out, struct err *e) {
	const char *why;
	if (n != 1)
		return err_set(e, "the record takes one name");
	size_t used = dns_name_from_text(out, words[0].text, origin, &why);
	return used > 0 ? (int)used : err_set(e, "`%.*s` is not a domain name: %s", STR_ARG(words[0].text), why);
}

/* ---- all others ---- */

/* ldns takes numbers modulo the size of their field. */
static int numbers_check(const ldns_rr_descriptor *d, const struct zone_word *words, size_t n, struct err *e) {
	for (size_t i = 0; i < n && i < ldns_rr_descriptor_maximum(d); i++) {
		uint64_t max, v;
		switch (ldns_rr_descriptor_field_type(d, i)) {
		case LDNS_RDF_TYPE_INT8:
			max = UINT8_MAX;
			break;
		case LDNS_RDF_TYPE_INT16:
			max = UINT16_MAX;
			break;
		case LDNS_RDF_TYPE_INT32:
			max = UINT32_MAX;
			break;
		case LDNS_RDF_TYPE_PERIOD: { /* of SOA */
			uint32_t ttl;
			if (!dns_ttl_from_text(words[i].text, &ttl))
				return err_set(e, "`%.*s` is not a time in seconds", STR_ARG(words[i].text));
			continue;
		}
		default:
			continue;
		}
		if (!str_to_u64(words[i].text, &v) || v > max)
			return err_set(e, "`%.*s` is not a number from 0 to %llu", STR_ARG(words[i].text),
			               (unsigned long long)max);
	}
	return 0;
}

/* ldns takes any word that begins so for the beginning of generic data, wherever it stands. */
static int generic_check(const struct zone_word *words, size_t n, struct err *e) {
	for (size_t i = 0; i < n; i++)
		if (!words[i].is_quoted && str_starts(words[i].text, STR("\\#")))
			return err_set(e,
			               "`%.*s`: `\\#` stands alone in front of generic data (RFC 3597); a # takes no backslash",
			               (int)(words[i].text.n < 80 ? words[i].text.n : 80), words[i].text.p);
	return 0;
}

/* The field that ldns did not like, when it can be told. */
static int field_fault(uint16_t type, const ldns_rr_descriptor *d, const struct zone_word *words, size_t n, ldns_status s,
                       struct err *e) {
	char text[ZONE_TYPE_TEXT_BYTES];
	if (n < ldns_rr_descriptor_minimum(d))
		return err_set(e, "the record's data ends before its last field");
	for (size_t i = 0; i < n && i < ldns_rr_descriptor_maximum(d); i++) {
		ldns_rdf *f = words[i].text.n <= UINT16_MAX
		                  ? ldns_rdf_new_frm_str(ldns_rr_descriptor_field_type(d, i), words[i].text.p)
		                  : NULL;
		ldns_rdf_deep_free(f);
		if (!f)
			return err_set(e, "`%.*s` is not what field %zu of a %s record takes",
			               (int)(words[i].text.n < 80 ? words[i].text.n : 80), words[i].text.p, i + 1,
			               zone_type_text(type, text));
	}
	return err_set(e, "the data of the %s record is malformed (%s)", zone_type_text(type, text), ldns_get_errorstr_by_id(s));
}

/* The record as ldns reads it, all on one line; its length, 0 when it is longer than ldns takes. */
static size_t line_write(char *out, size_t size, uint16_t type, const struct zone_word *words, size_t n) {
	char name[ZONE_TYPE_TEXT_BYTES];
	size_t at = (size_t)snprintf(out, size, ". 0 IN %s", zone_type_text(type, name));
	for (size_t i = 0; i < n; i++) {
		/* ldns wants a quoted text in the last field of these, which need not be (RFC 8659 4.1.1, RFC 7553 4.4). */
		bool is_quoted = words[i].is_quoted || ((type == LDNS_RR_TYPE_CAA || type == LDNS_RR_TYPE_URI) && i == 2);
		if (size - at < words[i].text.n + 4)
			return 0;
		at += (size_t)snprintf(out + at, size - at, is_quoted ? " \"%.*s\"" : " %.*s", STR_ARG(words[i].text));
	}
	return at;
}

static int ldns_read(uint16_t type, const struct zone_word *words, size_t n, struct str origin, uint8_t *out, struct err *e) {
	char line[LDNS_MAX_PACKETLEN];
	const ldns_rr_descriptor *d = descriptor_find(type);
	if (!d)
		return err_set(e, "data of a type without a name is written as `\\# length digits` (RFC 3597)");
	if (line_write(line, sizeof(line), type, words, n) == 0)
		return err_set(e,
		               "the record's text is longer than 65535 bytes; write its data as `\\# length digits` (RFC 3597)");
	if (generic_check(words, n, e) < 0 || numbers_check(d, words, n, e) < 0)
		return -1;
	ldns_rr *rr = NULL;
	ldns_rdf *below = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.n, origin.p);
	ldns_status s = ldns_rr_new_frm_str(&rr, line, 0, below, NULL);
	ldns_rdf_deep_free(below);
	if (s != LDNS_STATUS_OK)
		return field_fault(type, d, words, n, s, e);
	size_t at = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr) && at <= UINT16_MAX; i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		size_t bytes = ldns_rdf_size(f);
		if (bytes > 0 && bytes <= UINT16_MAX - at) /* the data of an empty field is NULL */
			memcpy(out + at, ldns_rdf_data(f), bytes);
		at += bytes;
	}
	bool is_whole = ldns_rr_rd_count(rr) >= ldns_rr_descriptor_minimum(d);
	ldns_rr_free(rr);
	if (!is_whole)
		return err_set(e, "the record's data ends before its last field");
	return at <= UINT16_MAX ? (int)at : err_set(e, "the record's data is longer than 65535 bytes");
}

int zone_rdata_from_words(uint16_t type, const struct zone_word *words, size_t n, struct str origin, uint8_t *out,
                          struct err *e) {
	if (n > 0 && !words[0].is_quoted && str_eq(words[0].text, STR("\\#"))) {
		int length = generic_read(words, n, out, e);
		return length >= 0 && wire_check(type, str_slice((const char *)out, (size_t)length), e) < 0 ? -1 : length;
	}
	switch (type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		return address_read(type, words, n, out, e);
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
	case DNS_TYPE_DNAME:
		return name_read(words, n, origin, out, e);
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		return zone_svcb_from_words(words, n, origin, out, e);
	default:
		break;
	}
	int length = ldns_read(type, words, n, origin, out, e);
	return length >= 0 && wire_check(type, str_slice((const char *)out, (size_t)length), e) < 0 ? -1 : length;
}
