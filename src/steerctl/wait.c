/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `drain ... --wait`: asks for `show drains` five times a second and prints a line whenever the phase changes. Ending steerctl does
 * not end the drain; `ready` does.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The row of `show drains`, borrowed from `rows`; NULL when the drain is over or was aborted. */
static const json_t *row_find(const json_t *rows, const char *kind, const char *name) {
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *k = json_string_value(json_object_get(row, "kind")), *n = json_string_value(json_object_get(row, "name"));
		if (k && n && strcmp(k, kind) == 0 && strcmp(n, name) == 0)
			return row;
	}
	return NULL;
}

static void phase_print(const json_t *row, const char *phase, double elapsed, bool as_json) {
	static const struct {
		const char *phase, *meaning;
	} meanings[] = {
		{ "dns", "withdrawn from DNS; waiting until caches forget it" },
		{ "requests", "no new requests; those in progress finish" },
		{ "sessions", "long streams may go on until the deadline" },
		{ "drained", "empty" },
	};
	const char *meaning = "";
	if (as_json) {
		char *text = json_dumps(row, JSON_COMPACT);
		printf("%s\n", text ? text : "null");
		free(text);
	} else {
		for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
			if (strcmp(meanings[i].phase, phase) == 0)
				meaning = meanings[i].meaning;
		printf("%7.1fs  %-9s %6lld in progress  %s\n", elapsed, phase, (long long)json_integer_value(json_object_get(row, "active")),
		       meaning);
	}
	fflush(stdout);
}

/* One look at the drain: -1 goes on, else the exit status. `seen` holds the phase that was printed last. */
static int look(int fd, const char *kind, const char *name, char seen[16], double started, bool as_json) {
	static char show[] = "show", drains[] = "drains", json[] = "--json";
	char *const words[] = { show, drains, json };
	struct answer a;
	if (client_ask(fd, words, 3, &a) < 0)
		return EXIT_TROUBLE;
	json_t *rows = json_loadb(a.body, a.n, 0, NULL);
	free(a.body);
	const json_t *row = row_find(rows, kind, name);
	const char *phase = row ? json_string_value(json_object_get(row, "phase")) : NULL;
	int status = -1;
	if (phase == NULL) {
		fprintf(stderr, "steerctl: the drain of %s %s was aborted: its admin state changed\n", kind, name);
		status = EXIT_REFUSED;
	} else if (strcmp(phase, seen) != 0) {
		snprintf(seen, 16, "%s", phase);
		phase_print(row, phase, seconds_now() - started, as_json);
		if (strcmp(phase, "drained") == 0)
			status = EXIT_DONE;
	}
	json_decref(rows);
	return status;
}

int wait_for_drain(int fd, const char *kind, const char *name, bool as_json) {
	const struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
	const double started = seconds_now();
	char seen[16] = "";
	for (;;) {
		int status = look(fd, kind, name, seen, started, as_json);
		if (status >= 0)
			return status;
		nanosleep(&pause, NULL);
	}
}
