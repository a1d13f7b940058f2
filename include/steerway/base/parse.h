/* SPDX-License-Identifier: BSD-2-Clause */
/* How every parser answers: it never reads a socket, allocates nothing, and fills what the caller lends. */
#ifndef STEERWAY_BASE_PARSE_H
#define STEERWAY_BASE_PARSE_H

enum parse {
	PARSE_DONE, /* the element is complete; *used says how many bytes it took */
	PARSE_MORE, /* every byte so far is right, but the element is not complete */
	PARSE_BAD,  /* no continuation of these bytes can be right */
};

#endif
