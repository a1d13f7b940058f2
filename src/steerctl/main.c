/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steerctl: hands its words to the daemon and prints the answer. Knows only its own options (-s, --wait); which commands there are
 * is the daemon's to say (`steerctl help`). Exit status: 0 done, 1 refused, 2 no daemon or wrong usage.
 */
#include "client.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/steerway/admin.sock"

static const char usage[] = "usage: steerctl [-s SOCKET] COMMAND...\n"
			    "\n"
			    "  steerctl help                          every command of the daemon\n"
			    "  steerctl show sites|pools|servers|listeners|zones|names|drains|events|stats\n"
			    "  steerctl drain site cloud --wait       withdraw it from DNS, empty it, show each phase\n"
			    "  steerctl ready site cloud              and back\n"
			    "  steerctl explain app/c1                why is it in this state?\n"
			    "  steerctl reload | stop | version\n"
			    "\n"
			    "  -s, --socket SOCKET  the daemon's admin socket; else $STEERCTL_SOCKET, else " SOCKET_DEFAULT "\n"
			    "  --json     answer as JSON\n"
			    "  --wait     with drain: follow it until it is done; 1 when it was aborted\n"
			    "  --version  of steerctl\n";

struct command {
	char **words;
	size_t n;
	bool wants_wait, wants_json;
};

/* Takes --wait out, which is ours; sees --json, which is the daemon's. */
static void command_scan(struct command *c) {
	size_t kept = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->words[i], "--wait") == 0) {
			c->wants_wait = true;
			continue;
		}
		if (strcmp(c->words[i], "--json") == 0)
			c->wants_json = true;
		c->words[kept++] = c->words[i];
	}
	c->n = kept;
}

/* The third word of `drain <kind> <name>` that is no option: options may stand anywhere. */
static const char *drain_name(const struct command *c) {
	for (size_t i = 2; i < c->n; i++) {
		if (strcmp(c->words[i], "--deadline") == 0)
			i++;
		else if (strncmp(c->words[i], "--", 2) != 0)
			return c->words[i];
	}
	return NULL;
}

static int command_run(int fd, struct command *c) {
	struct answer a;
	if (client_ask(fd, c->words, c->n, &a) < 0)
		return EXIT_TROUBLE;
	bool is_quiet = a.is_ok && c->wants_wait; /* the phases tell it */
	if (!is_quiet)
		fwrite(a.body, 1, a.n, a.is_ok || c->wants_json ? stdout : stderr);
	free(a.body);
	if (!a.is_ok)
		return EXIT_REFUSED;
	return c->wants_wait ? wait_for_drain(fd, c->words[1], drain_name(c), c->wants_json) : EXIT_DONE;
}

static int wrong(const char *what) {
	fprintf(stderr, "steerctl: %s\n%s", what, usage);
	return EXIT_TROUBLE;
}

int main(int argc, char **argv) {
	const char *path = getenv("STEERCTL_SOCKET");
	int at = 1;
	if (path == NULL || *path == '\0')
		path = SOCKET_DEFAULT;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
			return fputs(usage, stdout) < 0;
		if (strcmp(argv[at], "--version") == 0)
			return printf("steerctl %s\n", PACKAGE_VERSION) < 0;
		if (strcmp(argv[at], "--json") == 0)
			break; /* the daemon's */
		if (strcmp(argv[at], "-s") != 0 && strcmp(argv[at], "--socket") != 0)
			return wrong("no such option");
		if (at + 1 == argc)
			return wrong("-s takes the path of a socket");
		path = argv[++at];
	}
	struct command c = { .words = argv + at, .n = (size_t)(argc - at) };
	command_scan(&c);
	if (c.n == 0)
		return wrong("a command is missing");
	if (c.wants_wait && (strcmp(c.words[0], "drain") != 0 || drain_name(&c) == NULL))
		return wrong("--wait goes with drain <site|pool|server> <name>");
	int fd = client_connect(path);
	if (fd < 0)
		return EXIT_TROUBLE;
	int status = command_run(fd, &c);
	close(fd);
	return fflush(stdout) == 0 ? status : EXIT_TROUBLE;
}
