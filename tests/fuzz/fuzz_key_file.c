/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both files of a DNSSEC key, of any bytes: refused with a reason, or what is written of it reads back as the same. The first byte
 * says which of the two it is.
 */
#include "require.h"

#include "gslb/keys.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_private(struct str text) {
	struct key_private k, again;
	struct err e = { "" };
	struct buf out = { 0 };
	if (key_private_parse(&k, text, &e) < 0) {
		require(e.text[0] != '\0', "a refusal has a reason");
		return;
	}
	key_private_write(&out, &k);
	require(key_private_parse(&again, buf_str(&out), &e) == 0, "what was written can be read");
	require(memcmp(&k, &again, sizeof(k)) == 0, "it is the same key");
	buf_fini(&out);
}

static void try_public(struct str text) {
	struct key_public k, again;
	struct err e = { "" };
	struct buf out = { 0 };
	if (key_public_parse(&k, text, &e) < 0) {
		require(e.text[0] != '\0', "a refusal has a reason");
		return;
	}
	char owner[DNS_NAME_TEXT_BYTES];
	if (dns_name_to_text(dns_name_suffix(&k.owner, 0), owner).n >= LDNS_MAX_DOMAINLEN)
		return; /* with its escapes longer than ldns reads */
	key_public_write(&out, &k);
	require(key_public_parse(&again, buf_str(&out), &e) == 0, "what was written can be read");
	require(k.n == again.n && memcmp(k.rdata, again.rdata, k.n) == 0, "it is the same record");
	require(memcmp(&k.times, &again.times, sizeof(k.times)) == 0, "it has the same times");
	require(str_eq(dns_name_suffix(&k.owner, 0), dns_name_suffix(&again.owner, 0)), "it is of the same zone");
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0)
		return 0;
	struct str text = str_slice((const char *)data + 1, size - 1);
	if (data[0] == 'k')
		try_public(text);
	else
		try_private(text);
	return 0;
}
