/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses: what parses must format, and its text must parse to the same address again. */
#include "steerway/base/addr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct str in = { (const char *)data, size };
	char text[ADDR_TEXT_BYTES];
	struct addr a, again;
	if (addr_parse(&a, in)) {
		require(addr_parse(&again, addr_format(&a, text)) && addr_eq(&a, &again));
		require(addr_hash(&a, 1) == addr_hash(&again, 1));
	}
	if (addr_parse_ip(&a, in)) {
		require(addr_parse_ip(&again, addr_format_ip(&a, text)) && addr_eq(&a, &again));
		require(addr_port(&a) == 0);
	}
	return 0;
}
