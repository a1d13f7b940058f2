/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps of type subnet: "192.0.2.0/24 office". A record is a value. */
#include "gslb/maps.h"

#include "steerway/base/mem.h"

struct values {
	struct map_source *source;
	struct map numbers; /* value -> record, which is never 0 */
	size_t cap;
};

static void value_add(struct values *v, struct str value) {
	struct map_source *s = v->source;
	if (s->n_records == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 64;
		s->values = mem_realloc_array(s->values, v->cap, sizeof(*s->values));
	}
	s->values[s->n_records++] = arena_str(&s->arena, value);
}

static int record(void *arg, const struct map_line *line, struct err *e) {
	struct values *v = arg;
	struct map_source *s = v->source;
	for (size_t i = 0; i < line->rest.n; i++)
		if ((unsigned char)line->rest.p[i] <= ' ' || line->rest.p[i] == 0x7f)
			return err_set(e, "more than one word behind the network; write one, as in \"192.0.2.0/24 office\"");
	uintptr_t known = (uintptr_t)map_get(&v->numbers, line->rest);
	if (known)
		return (int)known;
	if (s->n_records == CLIENT_CLASSES_MAX - 1)
		return err_set(e, "more than %u different values", CLIENT_CLASSES_MAX);
	value_add(v, line->rest);
	map_put(&v->numbers, s->values[s->n_records - 1], (void *)(uintptr_t)(s->n_records - 1));
	return (int)s->n_records - 1;
}

int map_subnet_parse(struct map_source *s, struct str text, struct err *e) {
	struct values v = { .source = s };
	value_add(&v, STR(""));
	int result = map_lines_parse(s, text, record, &v, e);
	map_fini(&v.numbers);
	return result;
}

int map_subnet_read(struct map_source *s, struct err *e) {
	struct str text;
	char *bytes = map_file_read(s, &text, e);
	if (!bytes)
		return -1;
	int result = map_subnet_parse(s, text, e);
	mem_free(bytes);
	return result;
}
