/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of any bytes. The first byte says what they are: text, which is refused with a reason or becomes a name of which the text is read
 * back as the same; or the wire's, which is refused or hashed and compared by its words as by its bytes.
 */
#include "require.h"

#include "steerway/dns.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of just its size, so that a sanitizer sees what is read or written beyond. */
static void try_text(struct str text, struct str origin) {
	uint8_t *out = malloc(DNS_NAME_MAX), *again = malloc(DNS_NAME_MAX);
	char shown[DNS_NAME_TEXT_BYTES];
	const char *why = NULL;
	size_t n = dns_name_from_text(out, text, origin, &why);
	if (n == 0) {
		require(why != NULL, "a refusal has a reason");
	} else {
		struct dns_name name;
		require(n <= DNS_NAME_MAX && dns_name_read(&name, str_slice((const char *)out, n)) && name.n == n,
		        "it is a whole name");
		struct str said = dns_name_to_text(str_slice((const char *)out, n), shown);
		require(dns_name_from_text(again, said, STR_NONE, &why) == n && memcmp(out, again, n) == 0,
		        "its text is read as the same name");
	}
	free(out);
	free(again);
}

static uint8_t lower(uint8_t c) {
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static void try_wire(const uint8_t *data, size_t size) {
	struct dns_name name, other;
	if (!dns_name_read(&name, str_slice((const char *)data, size)))
		return;
	require(name.n <= size && name.n_labels <= DNS_LABELS_MAX, "it is no longer than what it was read from");
	uint8_t *exact = malloc(name.n);
	for (size_t i = 0; i < name.n; i++)
		exact[i] = lower(data[i]);
	require(dns_name_eq(exact, name.wire, name.n), "it is in lower case");
	for (unsigned i = 0; i <= name.n_labels; i++) {
		struct str suffix = dns_name_suffix(&name, i);
		require(dns_name_read(&other, suffix), "each suffix is a name");
		require(dns_name_hash((const uint8_t *)suffix.p, suffix.n) == dns_name_hash(other.wire, other.n),
		        "a name has one hash");
	}
	exact[name.n / 2] ^= 0x80;
	require(!dns_name_eq(exact, name.wire, name.n), "another byte is another name");
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char origin[] = "\7example\3org";
	if (size == 0)
		return 0;
	char *copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	struct str rest = str_slice(copy, size - 1);
	if (data[0] == 't')
		try_text(rest, STR_NONE);
	else if (data[0] == 'o')
		try_text(rest, str_slice(origin, sizeof(origin)));
	else
		try_wire((const uint8_t *)copy, size - 1);
	free(copy);
	return 0;
}
