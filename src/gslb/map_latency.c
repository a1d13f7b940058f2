/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of type latency: "192.0.2.0/24 cloud=12ms onprem=30.5ms". A record is a line's round-trip times; lines of the same text share
 * one.
 */
#include "gslb/maps.h"

#include "steerway/base/mem.h"

#define SITES_MAX 64
#define MS_MAX 1000000

struct times {
	struct map_source *source;
	struct map numbers; /* text behind the prefix -> record, which is never 0 */
	struct str sites[SITES_MAX];
	size_t n, cap, cap_at;
};

/* "12ms", "12.345ms". */
static bool us_parse(struct str text, uint32_t *out) {
	if (!str_ends(text, STR("ms")))
		return false;
	text.n -= 2;
	size_t point = str_find_char(text, '.');
	struct str fraction = point < text.n ? str_skip(text, point + 1) : STR("0");
	uint64_t whole, parts;
	if (!str_to_u64(str_slice(text.p, point), &whole) || !str_to_u64(fraction, &parts) || fraction.n > 3 || whole > MS_MAX)
		return false;
	for (size_t i = fraction.n; i < 3; i++)
		parts *= 10;
	*out = (uint32_t)(whole * 1000 + parts);
	return true;
}

/* The column of a site, a new one when it has none; -1: too many. */
static int column(struct times *t, struct str site) {
	struct map_source *s = t->source;
	for (unsigned i = 0; i < s->n_sites; i++)
		if (str_eq(t->sites[i], site))
			return (int)i;
	if (s->n_sites == SITES_MAX)
		return -1;
	t->sites[s->n_sites] = arena_str(&s->arena, site);
	return (int)s->n_sites++;
}

static void time_add(struct times *t, struct map_time time) {
	struct map_source *s = t->source;
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		s->times = mem_realloc_array(s->times, t->cap, sizeof(*s->times));
	}
	s->times[t->n++] = time;
}

/* The record whose times were added last is whole. */
static void record_end(struct times *t) {
	struct map_source *s = t->source;
	if (s->n_records + 2 > t->cap_at) {
		t->cap_at = t->cap_at ? t->cap_at * 2 : 64;
		s->times_at = mem_realloc_array(s->times_at, t->cap_at, sizeof(*s->times_at));
	}
	s->times_at[0] = 0;
	s->times_at[++s->n_records] = (uint32_t)t->n;
}

int map_time_parse(struct str word, struct str *site, uint32_t *us, struct err *e) {
	size_t equals = str_find_char(word, '=');
	if (equals == 0 || equals == word.n || !us_parse(str_skip(word, equals + 1), us))
		return err_set(e, "\"%.*s\" is no round-trip time of a site; write it as cloud=12ms or cloud=12.5ms",
		               (int)(word.n < 60 ? word.n : 60), word.p);
	*site = str_slice(word.p, equals);
	return 0;
}

static int word_parse(struct times *t, struct str word, struct err *e) {
	struct map_source *s = t->source;
	struct str site;
	uint32_t us;
	if (map_time_parse(word, &site, &us, e) < 0)
		return -1;
	int at = column(t, site);
	if (at < 0)
		return err_set(e, "more than %d sites are named", SITES_MAX);
	for (size_t i = s->times_at[s->n_records]; i < t->n; i++)
		if (s->times[i].site == (uint32_t)at)
			return err_set(e, "site %.*s stands twice in this line; remove one", STR_ARG(site));
	time_add(t, (struct map_time){ us, (uint32_t)at });
	return 0;
}

static int record(void *arg, const struct map_line *line, struct err *e) {
	struct times *t = arg;
	uintptr_t known = (uintptr_t)map_get(&t->numbers, line->rest);
	struct str rest = line->rest, word;
	if (known)
		return (int)known;
	if (t->source->n_records == CLIENT_CLASSES_MAX - 1)
		return err_set(e, "more than %u different lines", CLIENT_CLASSES_MAX);
	while (str_next(&rest, ' ', &word)) {
		word = str_trim(word);
		if (word.n > 0 && word_parse(t, word, e) < 0)
			return -1;
	}
	record_end(t);
	map_put(&t->numbers, line->rest, (void *)(uintptr_t)(t->source->n_records - 1));
	return (int)t->source->n_records - 1;
}

int map_latency_parse(struct map_source *s, struct str text, struct err *e) {
	struct times t = { .source = s };
	record_end(&t); /* that of networks in no line */
	int result = map_lines_parse(s, text, record, &t, e);
	s->sites = arena_alloc(&s->arena, SITES_MAX * sizeof(*s->sites));
	memcpy(s->sites, t.sites, s->n_sites * sizeof(*s->sites));
	map_fini(&t.numbers);
	return result;
}

int map_latency_read(struct map_source *s, struct err *e) {
	struct str text;
	char *bytes = map_file_read(s, &text, e);
	if (!bytes)
		return -1;
	int result = map_latency_parse(s, text, e);
	mem_free(bytes);
	return result;
}
