/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would be answered, and why, without asking: the same look-up as a query's, and for a steered name its policy evaluated for a client
 * and, if wished, for sites in another state than they are in. Changes nothing, counts nothing. Control thread.
 */
#include "gslb/private.h"
#include "gslb/reply.h"

#include "steerway/base/clock.h"

#include <ldns/ldns.h>

/* Other types have records that follow the addresses of both families. */
static bool is_wanted(const struct addr *a, uint16_t type) {
	return type != (addr_is_v6(a) ? DNS_TYPE_A : DNS_TYPE_AAAA);
}

static void add_addresses(struct buf *out, const struct cfg_addrs *list, uint16_t type) {
	char text[ADDR_TEXT_BYTES];
	for (size_t i = 0; i < list->n; i++)
		if (is_wanted(&list->items[i], type))
			buf_printf(out, "%s%.*s", out->n ? " " : "", STR_ARG(addr_format_ip(&list->items[i], text)));
}

static void tell_alternatives(const struct steered *s, const struct policy_choice *c, uint16_t type, gslb_alternative_fn *each,
                              void *arg) {
	uint64_t total = 0;
	for (unsigned i = 0; i < c->n; i++)
		total += c->alternatives[i].weight;
	for (unsigned i = 0; i < c->n; i++) {
		const struct policy_alternative *a = &c->alternatives[i];
		struct buf sites = { 0 }, addresses = { 0 };
		for (unsigned k = 0; k < a->n; k++) {
			const struct cfg_site *site = s->policy->sites[a->order[k]];
			buf_printf(&sites, "%s%.*s", k ? " " : "", STR_ARG(site->id));
			add_addresses(&addresses, &site->addresses, type);
		}
		if (a->is_fallback)
			add_addresses(&addresses, &s->cfg->fallback, type);
		each(arg, (double)a->weight * 100 / (double)total, buf_str(&sites), buf_str(&addresses));
		buf_fini(&sites);
		buf_fini(&addresses);
	}
}

/* What is usable with the states that the question imagines. */
static uint64_t usable_in(const struct steered *s, const struct gslb_question *q) {
	uint64_t usable = s->usable;
	for (unsigned i = 0; i < s->policy->n_sites; i++)
		for (size_t k = 0; k < q->n_states; k++) {
			bool is_it =
			    str_eq(q->states[k].name, s->policy->sites[i]->id) || str_eq(q->states[k].name, s->cfg->pool->id);
			if (is_it && q->states[k].is_up)
				usable |= UINT64_C(1) << i;
			else if (is_it)
				usable &= ~(UINT64_C(1) << i);
		}
	return usable;
}

static void resolve_steered(const struct steered *s, const struct gslb_question *q, const struct client_net *client,
                            uint16_t type, struct gslb_resolution *out, gslb_alternative_fn *each, void *arg) {
	const struct steered_set *set = atomic_load_explicit(&s->current, memory_order_relaxed);
	struct policy_choice c;
	uint8_t scope = 0;
	uint64_t usable = usable_in(s, q), all = s->policy->n_sites < 64 ? (UINT64_C(1) << s->policy->n_sites) - 1 : UINT64_MAX;
	out->steered = s->text;
	out->n_classes = s->policy->n_classes;
	out->class = s->policy->map ? client_map_find(s->policy->map, client, &scope) : 0;
	out->scope = scope;
	out->usable_sites = steered_mask(s, usable);
	out->ttl_s = usable == s->usable ? steered_ttl(s, set, clock_now_us())
	             : usable == all     ? s->cfg->ttl.max_s
	                                 : s->cfg->ttl.min_s;
	policy_explain(s->policy, usable, s->last[out->class], out->class, &out->text);
	policy_choose(s->policy, usable, s->last[out->class], out->class, &c);
	out->is_all_down = c.is_all_down;
	tell_alternatives(s, &c, type, each, arg);
}

/* The records of a static answer, a line each. */
static int say_records(const char *message, size_t n, struct gslb_resolution *out, struct err *e) {
	ldns_pkt *p = NULL;
	ldns_status status = ldns_wire2pkt(&p, (const uint8_t *)message, n);
	if (status != LDNS_STATUS_OK)
		return err_set(e, "%s", ldns_get_errorstr_by_id(status));
	const ldns_lookup_table *rcode = ldns_lookup_by_id(ldns_rcodes, (int)ldns_pkt_get_rcode(p));
	out->rcode = rcode ? str_from(rcode->name) : STR("?");
	const ldns_rr_list *sections[] = { ldns_pkt_answer(p), ldns_pkt_authority(p) };
	for (size_t k = 0; k < COUNT_OF(sections); k++)
		for (size_t i = 0; i < ldns_rr_list_rr_count(sections[k]); i++) {
			char *text = ldns_rr2str(ldns_rr_list_rr(sections[k], i));
			buf_add(&out->text, str_from(text)); /* it ends in a line feed */
			free(text);
		}
	ldns_pkt_free(p);
	return 0;
}

static int resolve_static(const struct dns_query *q, const struct found *found, struct gslb_resolution *out, struct err *e) {
	char query[DNS_HEADER_BYTES + DNS_NAME_MAX + 4] = { 0 }, *reply = mem_alloc(DNS_MESSAGE_MAX);
	size_t n = DNS_HEADER_BYTES + q->name.n;
	memcpy(query + DNS_HEADER_BYTES, q->name.wire, q->name.n);
	dns_put16(query + n, q->type);
	dns_put16(query + n + 2, q->class);
	int result = say_records(reply, reply_write(q, found, str_slice(query, n + 4), 0, DNS_MESSAGE_MAX, reply).n, out, e);
	mem_free(reply);
	return result;
}

/* "A", "TYPE65"; 0: none of the kind. */
static uint16_t type_parse(struct str text) {
	char name[24];
	return (uint16_t)ldns_get_rr_type_by_name(str_copy(name, sizeof(name), text));
}

int gslb_resolve(struct gslb *g, const struct gslb_question *q, struct gslb_resolution *out, gslb_alternative_fn *each, void *arg,
                 struct err *e) {
	const struct zones *zs = atomic_load_explicit(&g->zones, memory_order_relaxed);
	struct dns_query query = { .type = type_parse(q->type), .class = DNS_CLASS_IN, .has_question = true };
	struct client_net client = { .n_bits = 32 };
	struct found found;
	struct addr nobody = {
		.in.sin_family = AF_INET
	}; /* static answers are the same for all; of a steered one only the name counts here */
	if (q->client)
		client = client_net_of(&q->client->address, q->client->bits);
	if (query.type == 0)
		return err_set(e, "`%.*s` is no type of records; write one as A, AAAA or TYPE65", STR_ARG(q->type));
	if (zone_name_parse(&query.name, q->name, NULL, e) < 0)
		return -1;
	query.hash = dns_name_hash(query.name.wire, query.name.n);
	found_begin(&found);
	lookup(zs, &query, &nobody, 0, &found);
	if (!found.steered)
		return resolve_static(&query, &found, out, e);
	resolve_steered(found.steered, q, &client, query.type, out, each, arg);
	return 0;
}
