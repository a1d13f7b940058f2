/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map files: whatever the text, it is refused with its line or becomes disjoint prefixes that cover everything and find, for the ends of
 * every network, what the plainest longest-prefix matcher finds. The first byte chooses the type.
 */
#include "gslb/maps.h"

#include "steerway/base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64

static void require(bool holds) {
	if (!holds)
		abort();
}

struct line {
	struct client_net net;
	struct str rest;
};

__extension__ typedef unsigned __int128 key;
static key key_of(const struct client_net *c) {
	return (key)c->high << 64 | c->low;
}
static key below(unsigned n_bits) {
	return n_bits == 0 ? ~(key)0 : n_bits == 128 ? 0 : ~(key)0 >> n_bits;
}

/* What an accepted text says, taken apart by other means. */
static size_t lines_read(struct str text, struct line *out) {
	size_t n = 0;
	struct str row;
	while (str_next(&text, '\n', &row)) {
		row = str_slice(row.p, str_find_char(row, '#'));
		if (row.n > 0 && row.p[row.n - 1] == '\r')
			row.n--;
		row = str_trim(row);
		size_t word = 0;
		struct addr_net net;
		while (word < row.n && row.p[word] != ' ' && row.p[word] != '\t')
			word++;
		if (row.n == 0)
			continue;
		require(n < LINES_MAX && addr_net_parse(&net, str_slice(row.p, word)));
		out[n].net = client_net_of(&net.address, net.bits);
		out[n++].rest = str_trim(str_skip(row, word));
	}
	return n;
}

static const struct line *longest(const struct line *lines, size_t n, const struct client_net *c) {
	const struct line *best = NULL;
	for (size_t i = 0; i < n; i++)
		if (lines[i].net.is_v6 == c->is_v6 && (key_of(c) & ~below(lines[i].net.n_bits)) == key_of(&lines[i].net) &&
		    (!best || lines[i].net.n_bits > best->net.n_bits))
			best = &lines[i];
	return best;
}

static void check_at(const struct map_source *s, const struct line *lines, size_t n, bool is_v6, key at) {
	struct client_net c = { .high = (uint64_t)(at >> 64), .low = (uint64_t)at, .n_bits = is_v6 ? 128 : 32, .is_v6 = is_v6 };
	uint8_t scope, again;
	if (!is_v6) {
		c.high = c.high >> 32 << 32;
		c.low = 0;
	}
	unsigned record = client_map_find(s->prefixes, &c, &scope);
	const struct line *want = longest(lines, n, &c);
	require(record < s->n_records && scope <= c.n_bits && (record == 0) == !want);
	if (want) { /* the same text, the same record */
		unsigned its = client_map_find(s->prefixes, &want->net, &again);
		const struct line *first = longest(lines, n, &want->net);
		require(!str_eq(first->rest, want->rest) || its == record);
		require(s->type != CFG_MAP_TYPE_SUBNET || str_eq(s->values[record], want->rest));
	}
}

static void check_prefix(void *arg, const struct client_net *prefix, unsigned class) {
	key *next = arg; /* by family: where the next one has to start */
	(void)class;
	require(key_of(prefix) == next[prefix->is_v6]);
	next[prefix->is_v6] = key_of(prefix) + below(prefix->n_bits) + 1;
}

static size_t count_lines(struct str text) {
	size_t n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct str text = { (const char *)data + 1, size - 1 };
	struct line lines[LINES_MAX];
	struct err e = { "" };
	if (size == 0 || count_lines(text) > LINES_MAX)
		return 0;
	struct map_source *s = mem_zalloc(sizeof(*s));
	arena_init(&s->arena, 1024);
	s->n_holders = 1;
	s->type = data[0] & 1 ? CFG_MAP_TYPE_LATENCY : CFG_MAP_TYPE_SUBNET;
	s->path = STR("map");
	if ((s->type == CFG_MAP_TYPE_LATENCY ? map_latency_parse : map_subnet_parse)(s, text, &e) == 0) {
		size_t n = lines_read(text, lines);
		key next[2] = { 0, 0 };
		client_map_each(s->prefixes, check_prefix, next);
		require(next[0] == 0 && next[1] == 0); /* round to the start: everything is covered */
		for (size_t i = 0; i < n; i++) {
			key first = key_of(&lines[i].net), last = first | below(lines[i].net.n_bits);
			bool is_v6 = lines[i].net.is_v6;
			key unit = is_v6 ? 1 : (key)1 << 96;
			check_at(s, lines, n, is_v6, first);
			check_at(s, lines, n, is_v6, last);
			check_at(s, lines, n, is_v6, first - unit);
			check_at(s, lines, n, is_v6, last + 1);
		}
	} else {
		require(str_starts(str_from(e.text), STR("map:")));
	}
	map_source_release(s);
	return 0;
}
