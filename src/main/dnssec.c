/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `steerway dnssec`: keys of a zone made and shown without a daemon that serves, above all before its first start. The folder and
 * the algorithm are those of the configuration, which may name files that do not exist yet. A replacement takes what a serving daemon knows
 * of TTLs: that is steerctl's.
 */
#include "main/main.h"

#include "steerway/base/clock.h"
#include "steerway/cfg.h"
#include "steerway/gslb/key_store.h"

#include <stdio.h>

enum { WORDS_MAX = 2 };

struct call {
	const struct cfg_zone *zone;
	const struct cfg_dnssec *dnssec;
	char *const *words; /* what stands behind the zone */
	size_t n_words;
	int64_t now;
};

static int kinds_take(const struct call *c, enum key_kind *kinds, struct err *e) {
	for (size_t i = 0; i < c->n_words; i++)
		if (!key_kind_parse(str_from(c->words[i]), &kinds[i]))
			return err_set(e, "`%s` is no kind of key; use csk (signs everything), ksk (the keys) or zsk (the zone)",
			               c->words[i]);
	return 0;
}

/* Keys that are made at one time (c->now) are first ones together: none of them waits for another to be known. */
static int run_generate(const struct call *c, struct err *e) {
	enum key_kind kinds[WORDS_MAX] = { KEY_CSK };
	struct str algorithm = str_from(cfg_key_algorithm_text(c->dnssec->algorithm));
	struct buf report = { 0 }; /* of first keys: all at once */
	int result = kinds_take(c, kinds, e);
	for (size_t i = 0; result == 0 && (i < c->n_words || i == 0); i++) {
		unsigned tag;
		result = key_store_generate(c->dnssec->keys.p, c->zone->id, algorithm, kinds[i], NULL, c->now, &tag, &report, e);
		if (result == 0 && printf("%05u\n", tag) < 0)
			result = err_errno(e, "write");
	}
	buf_fini(&report);
	return result;
}

static void show_key(void *arg, const struct key_info *k) {
	const struct call *c = arg;
	printf("%05u  %-15s  %s  %-9s  signs %-10s  %s\n", k->tag, k->algorithm, k->has_sep ? "SEP" : "   ",
	       key_state_text(&k->times, c->now), k->signs ? k->signs : "nothing", k->file);
}

static int run_show(const struct call *c, struct err *e) {
	return key_store_each(c->dnssec->keys.p, c->zone->id, c->now, show_key, (void *)(uintptr_t)c, e);
}

static int run_ds(const struct call *c, struct err *e) {
	struct buf out = { 0 };
	int result = key_store_ds(c->dnssec->keys.p, c->zone->id, c->now, &out, e);
	if (result == 0 && fwrite(out.p, 1, out.n, stdout) != out.n)
		result = err_errno(e, "write");
	buf_fini(&out);
	return result;
}

static const struct {
	const char *word;
	int (*run)(const struct call *c, struct err *e);
	int words_max;
} commands[] = { { "generate", run_generate, WORDS_MAX }, { "show", run_show, 0 }, { "ds", run_ds, 0 } };

static int run_in(const struct cfg_root *cfg, size_t command, const char *zone, char *const *words, int n, struct err *e) {
	struct call c = { .words = words, .n_words = (size_t)n, .now = (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC) };
	for (size_t i = 0; i < cfg->zones.n; i++)
		if (str_eq_nocase(cfg->zones.items[i].id, str_from(zone)))
			c.zone = &cfg->zones.items[i];
	if (!c.zone)
		return err_set(e, "the configuration has no zone %s", zone);
	c.dnssec = &c.zone->dnssec;
	if (!c.dnssec->is_given)
		return err_set(e, "zones.%s has no `dnssec`; write `dnssec: { keys: DIRECTORY }` there", zone);
	return commands[command].run(&c, e);
}

int dnssec_run(const char *config_path, int argc, char **argv) {
	struct buf faults = { 0 };
	struct err e;
	size_t i = 0;
	while (i < sizeof(commands) / sizeof(commands[0]) && (argc < 1 || strcmp(argv[0], commands[i].word) != 0))
		i++;
	if (i == sizeof(commands) / sizeof(commands[0]) || argc < 2 || argc > 2 + commands[i].words_max)
		return -1;
	struct cfg *cfg = cfg_load(config_path, &faults);
	int status = 1;
	fwrite(faults.p ? faults.p : "", 1, faults.n, stderr);
	if (!cfg)
		fprintf(stderr, "steerway: %s can't be used; see the lines above\n", config_path);
	else if (run_in(cfg_root(cfg), i, argv[1], argv + 2, argc - 2, &e) < 0)
		fprintf(stderr, "steerway: %s\n", e.text);
	else
		status = fflush(stdout) != 0;
	buf_fini(&faults);
	cfg_destroy(cfg);
	return status;
}
