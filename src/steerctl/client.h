/* SPDX-License-Identifier: BSD-2-Clause */
/* steerctl's side of the line protocol (steerway/admin.h). It links none of the daemon's code: it has to work when the house burns. */
#ifndef STEERCTL_CLIENT_H
#define STEERCTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_TROUBLE = 2 };

struct answer {
	bool is_ok;
	char *body; /* NUL-terminated; free it */
	size_t n;
};

/* A connected socket, or -1 with a message on standard error. */
int client_connect(const char *path);
/* Sends the words as one line; 0 with the answer, or -1 with a message on standard error. */
int client_ask(int fd, char *const *words, size_t n, struct answer *out);

/* Follows the drain that was just begun, a line a phase. Returns the exit status. */
int wait_for_drain(int fd, const char *kind, const char *name, bool as_json);

#endif
