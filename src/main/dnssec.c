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

struct call {
	const struct cfg_zone *zone;
	const struct cfg_dnssec *dnssec;
	const char *word; /* what stands behind the zone, or NULL */
	int64_t now;
};

static int run_generate(const struct call *c, struct err *e) {
	enum key_kind kind = KEY_CSK;
	unsigned tag;
	if (c->word && !key_kind_parse(str_from(c->word), &kind))
		return err_set(e, "`%s` is no kind of key; use csk (signs everything), ksk (the keys) or zsk (the zone)",
		               c->word);
	struct str algorithm = str_from(cfg_key_algorithm_text(c->dnssec->algorithm));
	if (key_store_generate(c->dnssec->keys.p, c->zone->id, algorithm, kind, c->now, &tag, e) < 0)
		return -1;
	return printf("%05u\n", tag) < 0 ? err_errno(e, "write") : 0;
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
	bool takes_word;
} commands[] = { { "generate", run_generate, true }, { "show", run_show, false }, { "ds", run_ds, false } };

static int run_in(const struct cfg_root *cfg, size_t command, const char *zone, const char *word, struct err *e) {
	struct call c = { .word = word, .now = (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC) };
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
	if (i == sizeof(commands) / sizeof(commands[0]) || argc < 2 || argc > (commands[i].takes_word ? 3 : 2))
		return -1;
	struct cfg *cfg = cfg_load(config_path, &faults);
	int status = 1;
	fwrite(faults.p ? faults.p : "", 1, faults.n, stderr);
	if (!cfg)
		fprintf(stderr, "steerway: %s can't be used; see the lines above\n", config_path);
	else if (run_in(cfg_root(cfg), i, argv[1], argc > 2 ? argv[2] : NULL, &e) < 0)
		fprintf(stderr, "steerway: %s\n", e.text);
	else
		status = fflush(stdout) != 0;
	buf_fini(&faults);
	cfg_destroy(cfg);
	return status;
}
