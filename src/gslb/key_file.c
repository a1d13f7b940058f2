/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two files of a key, as BIND's (v1.3) and ldns' (v1.2) tools write them. The private one is lines "Field: value"; fields that
 * are not known are skipped, as these tools do, but for Revoke: its key would have to be published in another form (RFC 5011),
 * which is not built. The public one is a DNSKEY record, with the times in comments. Errors name line, field and remedy.
 */
#include "gslb/keys.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ldns/ldns.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *const key_event_names[KEY_EVENTS] = {
	[KEY_CREATED] = "Created",        [KEY_PUBLISH] = "Publish", [KEY_ACTIVATE] = "Activate",
	[KEY_INACTIVE] = "Inactive",      [KEY_DELETE] = "Delete",   [KEY_SYNC_PUBLISH] = "SyncPublish",
	[KEY_SYNC_DELETE] = "SyncDelete",
};
static const char *const field_names[KEY_FIELDS] = {
	[KEY_FIELD_PRIVATE] = "PrivateKey",
	[KEY_FIELD_MODULUS] = "Modulus",
	[KEY_FIELD_PUBLIC_EXPONENT] = "PublicExponent",
	[KEY_FIELD_PRIVATE_EXPONENT] = "PrivateExponent",
	[KEY_FIELD_PRIME1] = "Prime1",
	[KEY_FIELD_PRIME2] = "Prime2",
	[KEY_FIELD_EXPONENT1] = "Exponent1",
	[KEY_FIELD_EXPONENT2] = "Exponent2",
	[KEY_FIELD_COEFFICIENT] = "Coefficient",
};

/* ---- times ---- */

/* "20261128093859", and what a comment adds behind it: " (Sat Nov 28 09:38:59 2026)". */
static bool time_parse(struct str text, int64_t *out) {
	struct tm tm = { 0 };
	int *const parts[] = { &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec };
	if (text.n < 14 || (text.n > 14 && text.p[14] != ' '))
		return false;
	for (size_t i = 0, at = 0; i < COUNT_OF(parts); i++)
		for (size_t end = at + (i == 0 ? 4 : 2); at < end; at++) {
			if (text.p[at] < '0' || text.p[at] > '9')
				return false;
			*parts[i] = *parts[i] * 10 + (text.p[at] - '0');
		}
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out = timegm(&tm);
	return *out > 0;
}

/* 1: a time that was taken; 0: another field. */
static int time_take(struct key_times *t, struct str name, struct str value, struct err *e) {
	for (size_t i = 0; i < KEY_EVENTS; i++) {
		if (!str_eq(name, str_from(key_event_names[i])))
			continue;
		if (!time_parse(value, &t->at[i]))
			return err_set(e, "%s: no time; write it as YYYYMMDDHHMMSS in UTC, or let dnssec-settime do so",
			               key_event_names[i]);
		return 1;
	}
	if (str_eq(name, STR("Revoke")))
		return err_set(e, "Revoke: revoked keys (RFC 5011) are not supported; replace the key, then remove its files");
	return 0;
}

static void time_write(struct buf *out, const char *before, const char *name, int64_t at, bool is_comment) {
	struct tm tm;
	time_t t = (time_t)at;
	char text[48];
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), is_comment ? "%Y%m%d%H%M%S (%a %b %e %H:%M:%S %Y)" : "%Y%m%d%H%M%S", &tm);
	buf_printf(out, "%s%s: %s\n", before, name, text);
}

/* ---- the private file ---- */

static int algorithm_take(struct key_private *k, struct str value, struct err *e) {
	struct str number = str_slice(value.p, str_find_char(value, ' '));
	uint64_t v;
	if (!str_to_u64(number, &v) || !key_algorithm_find(v < 256 ? (unsigned)v : 0))
		return err_set(e, "Algorithm: `%.*s` is not supported; use ECDSAP256SHA256 (13), ED25519 (15) or RSASHA256 (8)",
		               (int)(value.n < 60 ? value.n : 60), value.p);
	k->algorithm = (uint8_t)v;
	return 0;
}

/* Base64, strictly: OpenSSL's decoder takes white space and leaves padding in the length. */
static bool base64_decode(struct key_bytes *out, struct str text) {
	uint8_t bytes[KEY_FIELD_BYTES + 3];
	if (text.n == 0 || text.n % 4 != 0 || text.n / 4 * 3 > sizeof(bytes))
		return false;
	size_t padding = text.p[text.n - 1] == '=' ? 1 + (text.p[text.n - 2] == '=') : 0;
	int n = EVP_DecodeBlock(bytes, (const uint8_t *)text.p, (int)text.n);
	bool is_whole = n == (int)(text.n / 4 * 3) && (size_t)n - padding <= KEY_FIELD_BYTES;
	if (is_whole) {
		out->n = (uint16_t)((size_t)n - padding);
		memcpy(out->p, bytes, out->n);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return is_whole;
}

static int field_take(struct key_private *k, struct str name, struct str value, struct err *e) {
	for (size_t i = 0; i < KEY_FIELDS; i++) {
		if (!str_eq(name, str_from(field_names[i])))
			continue;
		if (k->fields[i].n > 0)
			return err_set(e, "%s: stands twice; remove one", field_names[i]);
		if (!base64_decode(&k->fields[i], value))
			return err_set(e, "%s: not in base64, or too long; copy the file anew from where it was made",
			               field_names[i]);
		return 0;
	}
	return time_take(&k->times, name, value, e) < 0 ? -1 : 0;
}

static int line_take(struct key_private *k, struct str line, struct err *e) {
	size_t colon = str_find_char(line, ':');
	if (colon == line.n)
		return err_set(e, "not of the form `Field: value`; is this a private key file?");
	struct str name = str_trim(str_slice(line.p, colon)), value = str_trim(str_skip(line, colon + 1));
	if (str_eq(name, STR("Private-key-format")))
		return str_starts(value, STR("v1."))
		           ? 0
		           : err_set(e, "Private-key-format: only v1.x is known; write the key with current tools");
	return str_eq(name, STR("Algorithm")) ? algorithm_take(k, value, e) : field_take(k, name, value, e);
}

static bool line_next(struct str *rest, struct str *line) {
	if (!str_next(rest, '\n', line))
		return false;
	if (str_ends(*line, STR("\r")))
		line->n--;
	*line = str_trim(*line);
	return true;
}

int key_private_parse(struct key_private *out, struct str text, struct err *e) {
	*out = (struct key_private){ 0 };
	struct str line;
	for (unsigned n = 1; line_next(&text, &line); n++)
		if (line.n > 0 && line.p[0] != ';' && line_take(out, line, e) < 0)
			return err_context(e, "line %u", n);
	if (out->algorithm == 0)
		return err_set(e, "Algorithm: is missing; is this a private key file?");
	return 0;
}

void key_private_fini(struct key_private *k) {
	OPENSSL_cleanse(k, sizeof(*k));
}

void key_private_write(struct buf *out, const struct key_private *k) {
	buf_printf(out, "Private-key-format: v1.3\nAlgorithm: %u (%s)\n", k->algorithm, key_algorithm_find(k->algorithm)->name);
	for (size_t i = KEY_FIELDS; i-- > 0;) {
		size_t field = KEY_FIELDS - 1 - i; /* Modulus first, as tools do; PrivateKey has no company */
		if (k->fields[field].n == 0)
			continue;
		buf_printf(out, "%s: ", field_names[field]);
		char *to = buf_reserve(out, KEY_FIELD_BYTES * 2);
		out->n += (size_t)EVP_EncodeBlock((uint8_t *)to, k->fields[field].p, k->fields[field].n);
		buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < KEY_EVENTS; i++)
		if (k->times.at[i])
			time_write(out, "", key_event_names[i], k->times.at[i], false);
}

/* ---- the public file ---- */

static int comment_take(struct key_public *k, struct str line, struct err *e) {
	line = str_trim(str_skip(line, 1));
	size_t colon = str_find_char(line, ':');
	return colon == line.n || time_take(&k->times, str_slice(line.p, colon), str_trim(str_skip(line, colon + 1)), e) >= 0
	           ? 0
	           : -1;
}

static int record_take(struct key_public *k, struct str line, struct err *e) {
	char *text = mem_strdup(line);
	ldns_rr *rr = NULL;
	ldns_status s = ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL);
	const ldns_rdf *owner = s == LDNS_STATUS_OK ? ldns_rr_owner(rr) : NULL;
	bool is_key = owner && ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNSKEY && ldns_rr_rd_count(rr) == 4 &&
	              dns_name_read(&k->owner, str_slice((const char *)ldns_rdf_data(owner), ldns_rdf_size(owner)));
	k->n = 0;
	for (size_t i = 0; is_key && i < 4; i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		is_key = k->n + ldns_rdf_size(f) <= sizeof(k->rdata);
		if (is_key)
			memcpy(k->rdata + k->n, ldns_rdf_data(f), ldns_rdf_size(f));
		k->n = (uint16_t)(k->n + ldns_rdf_size(f));
	}
	ldns_rr_free(rr);
	mem_free(text);
	return is_key && k->n > 4 ? 0 : err_set(e, "no DNSKEY record; is this the .key file of a zone's key?");
}

int key_public_parse(struct key_public *out, struct str text, struct err *e) {
	*out = (struct key_public){ 0 };
	struct str line;
	for (unsigned n = 1; line_next(&text, &line); n++) {
		int result = 0;
		if (line.n > 0 && line.p[0] == ';')
			result = comment_take(out, line, e);
		else if (line.n > 0)
			result =
			    out->n > 0 ? err_set(e, "a second record; a key has a file of its own") : record_take(out, line, e);
		if (result < 0)
			return err_context(e, "line %u", n);
	}
	if (out->n == 0)
		return err_set(e, "no DNSKEY record; is this the .key file of a zone's key?");
	if (out->rdata[2] != 3) /* RFC 4034 2.1.2 */
		return err_set(e, "the DNSKEY record's protocol is %u, not 3; make the key anew", out->rdata[2]);
	if (!(dns_get16(out->rdata) & KEY_ZONE))
		return err_set(e, "the DNSKEY record is no zone's key (flags %u, not 256 or 257); make the key anew",
		               dns_get16(out->rdata));
	return 0;
}

void key_public_write(struct buf *out, const struct key_public *k) {
	ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, k->owner.n, k->owner.wire);
	char *owner = ldns_rdf2str(rdf);
	unsigned flags = dns_get16(k->rdata);
	buf_printf(out, "; This is a %s-signing key, keyid %u, for %s\n", flags & KEY_SEP ? "key" : "zone",
	           key_tag(k->rdata, k->n), owner);
	for (size_t i = 0; i < KEY_EVENTS; i++)
		if (k->times.at[i])
			time_write(out, "; ", key_event_names[i], k->times.at[i], true);
	buf_printf(out, "%s IN DNSKEY %u %u %u ", owner, flags, k->rdata[2], k->rdata[3]);
	char *to = buf_reserve(out, KEY_RDATA_BYTES * 2);
	out->n += (size_t)EVP_EncodeBlock((uint8_t *)to, k->rdata + 4, k->n - 4);
	buf_add_char(out, '\n');
	LDNS_FREE(owner);
	ldns_rdf_deep_free(rdf);
}

/* ---- files ---- */

int key_file_read(struct buf *out, const char *path, bool is_secret, struct err *e) {
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(e, "%s", path);
	int result = 0;
	if (fstat(fd, &st) < 0)
		result = err_errno(e, "%s", path);
	else if (!S_ISREG(st.st_mode) || st.st_size > KEY_FILE_BYTES)
		result = err_set(e, "%s: no plain file of at most %d bytes; is this a key?", path, KEY_FILE_BYTES);
	else if (is_secret && st.st_mode & (S_IRWXG | S_IRWXO))
		result = err_set(e, "%s: others than its owner may use this private key (mode %04o); chmod 600 it", path,
		                 st.st_mode & 07777);
	while (result == 0) {
		ssize_t n = read(fd, buf_reserve(out, 4096), 4096);
		if (n <= 0) {
			result = n < 0 ? err_errno(e, "%s", path) : 0;
			break;
		}
		out->n += (size_t)n;
		if (out->n > KEY_FILE_BYTES)
			result = err_set(e, "%s: longer than %d bytes; is this a key?", path, KEY_FILE_BYTES);
	}
	close(fd);
	return result;
}
