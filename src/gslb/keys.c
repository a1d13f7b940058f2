/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a zone: found in a directory by their files' names, and what each of them is for at a time. What holds at a time is
 * a pure function of the keys' times; nothing here reads the clock.
 */
#include "gslb/keys.h"

#include "steerway/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

/* ---- times ---- */

unsigned key_state_at(const struct key_times *t, int64_t now) {
	bool reached[KEY_EVENTS];
	for (size_t i = 0; i < KEY_EVENTS; i++)
		reached[i] = t->at[i] && t->at[i] <= now;
	if (reached[KEY_DELETE])
		return 0;
	bool is_untimed = !t->at[KEY_PUBLISH] && !t->at[KEY_ACTIVATE];
	unsigned state = 0;
	if (is_untimed || reached[KEY_PUBLISH] || reached[KEY_ACTIVATE])
		state |= KEY_IS_PUBLISHED;
	if ((is_untimed || reached[KEY_ACTIVATE]) && !reached[KEY_INACTIVE])
		state |= KEY_IS_ACTIVE;
	if (state && reached[KEY_SYNC_PUBLISH] && !reached[KEY_SYNC_DELETE])
		state |= KEY_IS_SYNCED;
	return state;
}

int64_t key_next_change(const struct key_times *t, int64_t now) {
	int64_t next = INT64_MAX;
	for (size_t i = KEY_PUBLISH; i < KEY_EVENTS; i++)
		if (t->at[i] > now && t->at[i] < next)
			next = t->at[i];
	return next;
}

int64_t keys_next_change(const struct keys *k, int64_t now) {
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < k->n; i++) {
		int64_t own = key_next_change(&k->items[i].times, now);
		next = own < next ? own : next;
	}
	return next;
}

unsigned keys_role(const struct keys *k, size_t i, int64_t now) {
	const struct key *key = &k->items[i];
	if (!(key_state_at(&key->times, now) & KEY_IS_ACTIVE))
		return 0;
	bool has[2] = { false, false }; /* active ones of this algorithm, without and with SEP */
	for (size_t j = 0; j < k->n; j++)
		if (k->items[j].algorithm == key->algorithm && key_state_at(&k->items[j].times, now) & KEY_IS_ACTIVE)
			has[k->items[j].flags & KEY_SEP] = true;
	if (key->flags & KEY_SEP)
		return KEY_SIGNS_KEYS | (has[0] ? 0 : KEY_SIGNS_ZONE);
	return KEY_SIGNS_ZONE | (has[1] ? 0 : KEY_SIGNS_KEYS);
}

/* ---- DNSKEY and DS ---- */

uint16_t key_tag(const uint8_t *rdata, size_t n) { /* RFC 4034 appendix B */
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

void key_digest(uint8_t out[32], struct str owner, const uint8_t *rdata, size_t n) {
	uint8_t data[DNS_NAME_MAX + KEY_RDATA_BYTES];
	memcpy(data, owner.p, owner.n);
	memcpy(data + owner.n, rdata, n);
	EVP_Digest(data, owner.n + n, out, NULL, EVP_sha256(), NULL);
}

/* ---- files ---- */

/* The file's name spells the zone as tools do: lower case, and what would be awkward in a path as %XX. */
static void stem_name(struct buf *out, struct str owner) {
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_*";
	buf_add_char(out, 'K');
	for (size_t i = 0; i < owner.n && owner.p[i]; i++) {
		size_t n = (uint8_t)owner.p[i];
		for (size_t j = 1; j <= n; j++)
			if (owner.p[i + j] && strchr(plain, owner.p[i + j]))
				buf_add_char(out, owner.p[i + j]);
			else
				buf_printf(out, "%%%02X", (uint8_t)owner.p[i + j]);
		buf_add_char(out, '.');
		i += n;
	}
	if (owner.n == 1)
		buf_add_char(out, '.');
}

char *key_stem(const char *directory, struct str owner, unsigned algorithm, unsigned tag) {
	struct buf b = { 0 };
	buf_printf(&b, "%s/", directory);
	stem_name(&b, owner);
	buf_printf(&b, "+%03u+%05u", algorithm, tag);
	char *stem = mem_strdup(buf_str(&b));
	buf_fini(&b);
	return stem;
}

static int read_public(struct key_public *out, const char *path, struct str zone, struct err *e) {
	struct buf text = { 0 };
	int result = key_file_read(&text, path, false, e);
	if (result == 0 && (result = key_public_parse(out, buf_str(&text), e)) < 0)
		err_context(e, "%s", path);
	buf_fini(&text);
	if (result == 0 && !str_eq(dns_name_suffix(&out->owner, 0), zone))
		return err_set(
		    e, "%s: the DNSKEY record is of another zone than the file's name says; name the file after its zone", path);
	return result;
}

static int read_private(struct key_private *out, const char *path, const struct key_public *public, struct err *e) {
	struct buf text = { 0 };
	int result = key_file_read(&text, path, true, e);
	if (result == 0 && (result = key_private_parse(out, buf_str(&text), e)) < 0)
		err_context(e, "%s", path);
	if (text.p)
		OPENSSL_cleanse(text.p, text.cap);
	buf_fini(&text);
	if (result == 0 && out->algorithm != public->rdata[3])
		return err_set(e, "%s: Algorithm: %u, but the .key file says %u; restore both files from one backup", path,
		               out->algorithm, public->rdata[3]);
	return result;
}

static void key_init(struct key *k, const struct key_public *public, const struct key_private *private, EVP_PKEY *pkey) {
	bool has_times = false;
	for (size_t i = 0; i < KEY_EVENTS; i++)
		has_times |= private->times.at[i] != 0;
	k->algorithm = key_algorithm_find(private->algorithm);
	k->pkey = pkey;
	k->times = has_times ? private->times : public->times;
	k->flags = dns_get16(public->rdata);
	k->tag = key_tag(public->rdata, public->n);
	k->n_signature = (uint16_t)(k->algorithm->public_bytes ? 64 : EVP_PKEY_get_size(pkey));
	k->n_rdata = public->n;
	k->rdata = mem_alloc(public->n);
	memcpy(k->rdata, public->rdata, public->n);
}

static int key_load(struct key *k, const char *stem, struct str zone, struct err *e) {
	struct buf path = { 0 };
	struct key_public public;
	struct key_private private = { 0 };
	buf_printf(&path, "%s.key", stem);
	buf_add_char(&path, '\0');
	int result = read_public(&public, path.p, zone, e);
	const struct key_algorithm *a = result == 0 ? key_algorithm_find(public.rdata[3]) : NULL;
	if (result == 0 && (!a || (a->public_bytes && a->public_bytes != public.n - 4u)))
		result = err_set(
		    e, "%s: the DNSKEY record's algorithm (%u) is not supported, or its key has not that algorithm's length",
		    path.p, public.rdata[3]);
	path.n = 0;
	buf_printf(&path, "%s.private", stem);
	buf_add_char(&path, '\0');
	if (result == 0)
		result = read_private(&private, path.p, &public, e);
	if (result == 0) {
		EVP_PKEY *pkey = a->load(&private, &public, e);
		if (pkey)
			key_init(k, &public, &private, pkey);
		else
			result = err_context(e, "%s", path.p);
	}
	key_private_fini(&private);
	buf_fini(&path);
	return result;
}

/* "Kexample.org.+013+01234.key" of the prefix "Kexample.org.+". */
static bool is_key_of(struct str file, struct str prefix) {
	uint64_t number;
	return str_starts(file, prefix) && str_ends(file, STR(".key")) && file.n == prefix.n + 13 &&
	       str_to_u64(str_slice(file.p + prefix.n, 3), &number) && file.p[prefix.n + 3] == '+' &&
	       str_to_u64(str_slice(file.p + prefix.n + 4, 5), &number);
}

static int names_compare(const void *a, const void *b) {
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The stems of the zone's keys, sorted. */
static int stems_find(char ***out, size_t *n, const char *directory, struct str zone, struct err *e) {
	struct buf prefix = { 0 };
	DIR *d = opendir(directory);
	if (!d)
		return err_errno(e, "%s", directory);
	stem_name(&prefix, zone);
	buf_add_char(&prefix, '+');
	for (struct dirent *it; (it = readdir(d));) {
		struct str file = str_from(it->d_name);
		if (!is_key_of(file, buf_str(&prefix)))
			continue;
		struct buf stem = { 0 };
		buf_printf(&stem, "%s/%.*s", directory, (int)(file.n - 4), file.p);
		*out = mem_realloc_array(*out, *n + 1, sizeof(**out));
		(*out)[(*n)++] = mem_strdup(buf_str(&stem));
		buf_fini(&stem);
	}
	closedir(d);
	buf_fini(&prefix);
	if (*n > 0)
		qsort(*out, *n, sizeof(**out), names_compare);
	return 0;
}

int keys_load(struct keys *out, const char *directory, struct str zone, struct err *e) {
	char **stems = NULL;
	size_t n = 0;
	*out = (struct keys){ 0 };
	int result = stems_find(&stems, &n, directory, zone, e);
	if (n > 0)
		out->items = mem_zalloc_array(n, sizeof(*out->items));
	for (size_t i = 0; i < n; i++) {
		if (result == 0 && (result = key_load(&out->items[out->n], stems[i], zone, e)) == 0)
			out->items[out->n++].stem = stems[i];
		else
			mem_free(stems[i]);
	}
	mem_free(stems);
	if (result < 0)
		keys_fini(out);
	return result;
}

void keys_fini(struct keys *k) {
	for (size_t i = 0; i < k->n; i++) {
		EVP_PKEY_free(k->items[i].pkey);
		mem_free(k->items[i].rdata);
		mem_free(k->items[i].stem);
	}
	mem_free(k->items);
	*k = (struct keys){ 0 };
}

void keys_copy(struct keys *out, const struct keys *from) {
	out->items = mem_zalloc_array(from->n, sizeof(*out->items));
	out->n = from->n;
	for (size_t i = 0; i < from->n; i++) {
		struct key *to = &out->items[i];
		*to = from->items[i];
		EVP_PKEY_up_ref(to->pkey);
		to->rdata = mem_alloc(to->n_rdata);
		memcpy(to->rdata, from->items[i].rdata, to->n_rdata);
		to->stem = mem_strdup(str_from(to->stem));
	}
}
