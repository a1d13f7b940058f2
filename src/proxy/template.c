/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renders texts with variables. Whatever a client put into a value, no line can end in it: the codec lets no control byte in, and
 * here they are left out once more, since not every value comes from there.
 */
#include "proxy/template.h"

int template_compile(struct template *t, struct arena *a, struct str text, struct err *e) {
	struct cfg_template_part part;
	struct str rest = text;
	size_t n = 0;
	int r;
	while ((r = cfg_template_next(&rest, &part, e)) > 0)
		n++;
	if (r < 0)
		return -1;
	struct template_part *parts = arena_zalloc(a, (n + 1) * sizeof(*parts));
	rest = text;
	for (size_t i = 0; cfg_template_next(&rest, &part, e) > 0; i++)
		parts[i] = (struct template_part){ .variable = part.variable,
			                           .field_id = (uint8_t)http_field_lookup(part.text),
			                           .capture = (uint8_t)part.capture,
			                           .text = arena_str(a, part.text) };
	*t = (struct template){ parts, n };
	return 0;
}

/* The first field of that name that may pass on: what a client may not say is dropped before, and what a rule takes away after. */
static struct str field_value(const struct http_head *h, const struct template_part *p) {
	if (!h || (p->field_id != HTTP_FIELD_OTHER && !http_head_has(h, p->field_id)))
		return STR("");
	for (unsigned i = 0; i < h->n_fields; i++)
		if (h->fields[i].id == p->field_id && !h->fields[i].is_dropped &&
		    (p->field_id != HTTP_FIELD_OTHER || str_eq_nocase(h->fields[i].name, p->text)))
			return h->fields[i].value;
	return STR("");
}

static struct str value_of(const struct template_part *p, const struct variables *v) {
	switch (p->variable) {
	case CFG_VARIABLE_TEXT:
		return p->text;
	case CFG_VARIABLE_CAPTURE:
		return v->captures[p->capture];
	case CFG_VARIABLE_HEADER:
		return field_value(v->head, p);
	default:
		return v->values[p->variable];
	}
}

size_t template_bound(const struct template *t, const struct variables *v) {
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += 3 * value_of(&t->parts[i], v).n; /* %-encoding */
	return n;
}

static bool is_unreserved(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static char *put_encoded(char *at, struct str s) {
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.n; i++) {
		if (is_unreserved(s.p[i])) {
			*at++ = s.p[i];
			continue;
		}
		*at++ = '%';
		*at++ = hex[(uint8_t)s.p[i] >> 4];
		*at++ = hex[s.p[i] & 15];
	}
	return at;
}

static char *put_clean(char *at, struct str s) {
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] >= 0x20 ? s.p[i] != 0x7f : s.p[i] == '\t')
			*at++ = s.p[i];
	return at;
}

/* Path and query came through the codec as such, and captures are cut out of a path. */
static bool is_uri(enum cfg_variable v) {
	return v == CFG_VARIABLE_TEXT || v == CFG_VARIABLE_PATH || v == CFG_VARIABLE_QUERY || v == CFG_VARIABLE_CAPTURE ||
	       v == CFG_VARIABLE_HOST; /* an address has brackets and colons */
}

struct str template_render(char *out, const struct template *t, const struct variables *v, enum template_use use) {
	char *at = out;
	for (size_t i = 0; i < t->n; i++) {
		bool is_encoded = use == TEMPLATE_URI && !is_uri(t->parts[i].variable);
		at = (is_encoded ? put_encoded : put_clean)(at, value_of(&t->parts[i], v));
	}
	struct str done = str_slice(out, (size_t)(at - out));
	return use == TEMPLATE_FIELD ? str_trim(done) : done;
}
