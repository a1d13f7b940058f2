/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of record types and extended errors: the rows of their tables. For load time; a query compares numbers. */
#include "steerway/dns.h"

static const struct dns_type_row rows[] = {
#define DNS_TYPE(name, value, target, compress) { #name, value, target, compress },
#include "steerway/tables/dns_types.h"
#undef DNS_TYPE
};

const struct dns_type_row *dns_type_find(uint16_t type) {
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

struct str dns_ede_text(unsigned code) {
	switch (code) {
#define DNS_EDE(name, value, text)                                                                                               \
	case value:                                                                                                              \
		return STR(text);
#include "steerway/tables/dns_edes.h"
#undef DNS_EDE
	default:
		return STR_NONE;
	}
}
