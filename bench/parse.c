/* SPDX-License-Identifier: BSD-2-Clause
 * What it takes ldns alone to read a zone file, keeping nothing: the floor of loading. Prints how many records there are. */
#include <ldns/ldns.h>
#include <stdio.h>

int main(int argc, char **argv) {
	FILE *in = argc == 3 ? fopen(argv[1], "r") : NULL;
	ldns_rdf *origin = in ? ldns_dname_new_frm_str(argv[2]) : NULL, *previous = NULL;
	if (!origin) {
		fputs("usage: parse zone_file origin\n", stderr);
		return 2;
	}
	uint32_t ttl = 3600;
	int line = 0;
	unsigned long n = 0;
	while (!feof(in)) {
		ldns_rr *record = NULL;
		ldns_status s = ldns_rr_new_frm_fp_l(&record, in, &ttl, &origin, &previous, &line);
		n += s == LDNS_STATUS_OK;
		ldns_rr_free(record);
		if (s != LDNS_STATUS_OK && s != LDNS_STATUS_SYNTAX_EMPTY && s != LDNS_STATUS_SYNTAX_TTL &&
		    s != LDNS_STATUS_SYNTAX_ORIGIN) {
			fprintf(stderr, "%s:%d: %s\n", argv[1], line, ldns_get_errorstr_by_id(s));
			return 1;
		}
	}
	printf("%lu\n", n);
	return 0;
}
