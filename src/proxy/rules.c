/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields that a route removes, sets and adds. All values are rendered before anything is changed, so that they tell what came. The
 * fields' names and values are lent by the caller until the head has been sent on.
 */
#include "proxy/route.h"

size_t field_rules_bound(const struct field_rules *rules, const struct variables *v) {
	size_t n = 0;
	for (size_t i = 0; i < rules->n; i++)
		n += template_bound(&rules->items[i].value, v);
	return n;
}

static void fields_drop(struct http_head *h, unsigned n, const struct field_rule *rule) {
	if (rule->id != HTTP_FIELD_OTHER && !http_head_has(h, rule->id))
		return;
	for (unsigned i = 0; i < n; i++)
		if (h->fields[i].id == rule->id && (rule->id != HTTP_FIELD_OTHER || str_eq_nocase(h->fields[i].name, rule->name)))
			h->fields[i].is_dropped = true;
}

void field_rules_apply(const struct field_rules *rules, struct http_head *h, const struct variables *v, char *out) {
	/* What came stands before `came`; the new fields go behind it, where no later rule of this list finds them. */
	unsigned came = h->n_fields;
	struct str values[FIELD_VALUES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < rules->n; i++)
		if (rules->items[i].kind != FIELD_REMOVE) {
			values[n] = template_render(out, &rules->items[i].value, v, TEMPLATE_FIELD);
			out += template_bound(&rules->items[i].value, v);
			n++;
		}
	n = 0;
	for (size_t i = 0; i < rules->n; i++) {
		const struct field_rule *rule = &rules->items[i];
		if (rule->kind != FIELD_ADD)
			fields_drop(h, came, rule);
		if (rule->kind != FIELD_REMOVE && values[n++].n > 0)
			http_head_add(h, rule->id, rule->name, values[n - 1]);
	}
}
