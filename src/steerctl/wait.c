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
		const char *k = json_string_value(json_object_get(row, "kind")),
			   *n = json_string_value(json_object_get(row, "name"));
		if (k && n && strcmp(k, kind) == 0 && strcmp(n, name) == 0)
			return row;
	}
	return NULL;
}

/* In their order. */
static const struct {
	const char *name, *meaning;
} phases[] = {
	{ "dns", "withdrawn from DNS; waiting until caches forget it" },
	{ "requests", "no new requests; those in progress finish" },
	{ "sessions", "long streams may go on until the deadline" },
	{ "drained", "empty" },
};
enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

static int phase_number(const char *name) {
	for (int i = 0; name != NULL && i < PHASES; i++)
		if (strcmp(phases[i].name, name) == 0)
			return i;
	return -1;
}

static void phase_print(const json_t *row, int phase, double elapsed, bool as_json) {
	if (as_json) {
		json_t *copy = json_copy((json_t *)row);
		json_object_set_new(copy, "phase", json_string(phases[phase].name));
		char *text = json_dumps(copy, JSON_COMPACT);
		printf("%s\n", text ? text : "null");
		free(text);
		json_decref(copy);
	} else {
		printf("%7.1fs  %-9s %6lld in progress  %s\n", elapsed, phases[phase].name,
		       (long long)json_integer_value(json_object_get(row, "active")), phases[phase].meaning);
	}
	fflush(stdout);
}

struct watched {
	const char *kind, *name;
	bool as_json;
	double started;
	int seen; /* the phase that was printed last */
};

/* One look at the drain: -1 goes on, else the exit status. Phases that came and went between two looks are printed too. */
static int look(int fd, struct watched *w) {
	static char show[] = "show", drains[] = "drains", json[] = "--json";
	char *const words[] = { show, drains, json };
	struct answer a;
	if (client_ask(fd, words, 3, &a) < 0)
		return EXIT_TROUBLE;
	json_t *rows = json_loadb(a.body, a.n, 0, NULL);
	free(a.body);
	const json_t *row = row_find(rows, w->kind, w->name);
	int phase = row ? phase_number(json_string_value(json_object_get(row, "phase"))) : -1;
	int status = -1;
	if (phase < 0) {
		fprintf(stderr, "steerctl: the drain of %s %s was aborted: its admin state changed\n", w->kind, w->name);
		status = EXIT_REFUSED;
	}
	while (w->seen < phase)
		phase_print(row, ++w->seen, seconds_now() - w->started, w->as_json);
	if (phase == PHASES - 1)
		status = EXIT_DONE;
	json_decref(rows);
	return status;
}

int wait_for_drain(int fd, const char *kind, const char *name, bool as_json) {
	const struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };
	/* Only a site has the DNS phase, the first. */
	struct watched w = { .kind = kind,
		             .name = name,
		             .as_json = as_json,
		             .started = seconds_now(),
		             .seen = strcmp(kind, "site") == 0 ? -1 : 0 };
	for (;;) {
		int status = look(fd, &w);
		if (status >= 0)
			return status;
		nanosleep(&pause, NULL);
	}
}
