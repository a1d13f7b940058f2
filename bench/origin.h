/* SPDX-License-Identifier: BSD-2-Clause
 * What the two protocols of the origin share. */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h2;

struct conn {
	int fd;
	char start[8];   /* of the request line: "GET /1m " */
	uint8_t seen;    /* of start */
	uint32_t ending; /* last four bytes */
	const char *from;
	size_t owed;
	struct h2 *h2; /* NULL: HTTP/1.1 */
};

/* ---- origin_h2.c: false: the connection is of no use any more ---- */

struct h2 *h2_new(void);
void h2_free(struct h2 *h);
bool h2_feed(struct h2 *h, int fd, const char *data, size_t length);
bool h2_flush(struct h2 *h, int fd);

#endif
