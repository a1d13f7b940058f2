/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of record types: the rows of tables/dns_types.h. For load time; a query compares numbers. */
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
