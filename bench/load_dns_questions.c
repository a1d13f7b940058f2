/* SPDX-License-Identifier: BSD-2-Clause
 * The questions, written once: every name, with every client subnet in turn. */
#include "load_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRIDE 7919 /* a prime: neighbours in time are no neighbours in a zone */

static struct question *questions;
static char *text; /* all of them */
static size_t n_text;
static unsigned n_questions, at;

static void put(FILE *out, const void *bytes, size_t n) {
	fwrite(bytes, 1, n, out);
}

static void put_label(FILE *out, const char *label, size_t n) {
	if (n == 0 || n > 63) {
		fprintf(stderr, "load_dns: %s: not a name\n", opt.name);
		exit(2);
	}
	fputc((int)n, out);
	put(out, label, n);
}

static void put_name(FILE *out, unsigned number) {
	char name[256];
	const char *variable = strchr(opt.name, '%');
	int before = variable ? (int)(variable - opt.name) : (int)strlen(opt.name);
	if (variable)
		snprintf(name, sizeof(name), "%.*s%u%s", before, opt.name, number, variable + 1);
	else
		snprintf(name, sizeof(name), "%s", opt.name);
	for (char *label = strtok(name, "."); label; label = strtok(NULL, "."))
		put_label(out, label, strlen(label));
	fputc(0, out);
}

/* OPT of 1,232 bytes; ECS with a source of 24 bits: 10.0.0.0/24, 10.0.1.0/24... */
static void put_opt(FILE *out, unsigned number) {
	uint8_t record[] = { 0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, 0, opt.is_dnssec ? 0x80 : 0, 0, 0, opt.subnets ? 11 : 0 };
	put(out, record, sizeof(record));
	if (!opt.subnets)
		return;
	unsigned subnet = number % opt.subnets;
	uint8_t ecs[] = { 0, 8, 0, 7, 0, 1, 24, 0, 10, (uint8_t)(subnet >> 8), (uint8_t)subnet };
	put(out, ecs, sizeof(ecs));
}

static void put_question(FILE *out, unsigned number) {
	bool has_opt = opt.has_edns || opt.is_dnssec || opt.subnets;
	uint8_t header[12] = { 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, has_opt },
		kind[4] = { (uint8_t)(opt.type >> 8), (uint8_t)opt.type, 0, 1 };
	put(out, header, sizeof(header));
	put_name(out, number % opt.variants);
	put(out, kind, sizeof(kind));
	if (has_opt)
		put_opt(out, number);
}

void questions_make(void) {
	n_questions = opt.variants > opt.subnets ? opt.variants : opt.subnets;
	questions = calloc(n_questions, sizeof(*questions));
	size_t *ends = calloc(n_questions, sizeof(*ends));
	FILE *out = open_memstream(&text, &n_text);
	if (!questions || !ends || !out)
		die("memory");
	for (unsigned i = 0; i < n_questions; i++) {
		put_question(out, i);
		ends[i] = (size_t)ftell(out);
	}
	fclose(out);
	for (unsigned i = 0; i < n_questions; i++) {
		size_t start = i ? ends[i - 1] : 0;
		questions[i] = (struct question){ (const uint8_t *)text + start, ends[i] - start };
	}
	free(ends);
}

void questions_free(void) {
	free(questions);
	free(text);
}

const struct question *question_next(void) {
	at = (at + STRIDE) % n_questions;
	return &questions[at];
}
