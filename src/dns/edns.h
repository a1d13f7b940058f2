/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a query's OPT record, for the parser of queries. */
#ifndef STEERWAY_DNS_EDNS_H
#define STEERWAY_DNS_EDNS_H

#include "steerway/dns.h"

/* Fills in what the options say. False when they do not fill the n bytes exactly, or when one that is known is malformed. */
bool edns_options_parse(struct dns_query *q, const uint8_t *p, size_t n);

#endif
