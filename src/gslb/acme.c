/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TXT records that an operator's tool puts into zones while they serve, for a while: the challenges of ACME (RFC 8555 8.4). What was
 * asked for hangs on the responder, so that a reload keeps it; what is answered is an overlay of each snapshot of zones, signed where
 * the zone is, switched by one pointer. Refused: names with data of their own that it would hide. Control thread.
 */
#include "gslb/acme.h"
#include "gslb/dnssec.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <urcu/urcu-memb.h>

/* Signatures of the overlay are made anew at least so often; they hold for an hour or more. */
#define REFRESH_US (UINT64_C(1200) * USEC_PER_SEC)

struct acme_text {
	struct list link;
	struct str text;
	uint32_t ttl_s;
	uint64_t expires_at_us;
	struct dns_name name;
	char bytes[];
};
#define TEXT_OF(it) CONTAINER_OF(it, struct acme_text, link)

/* ---- the overlay ---- */

static struct overlay_name *overlay_slot(const struct overlay *o, const struct dns_name *name, uint64_t hash) {
	struct overlay_name *it = o->names[hash % o->n_slots];
	while (it && !(it->name.n == name->n && memcmp(it->name.wire, name->wire, name->n) == 0))
		it = it->next;
	return it;
}

static struct overlay_name *overlay_add(struct overlay *o, const struct zone *unit, struct str wire) {
	struct dns_name name;
	dns_name_read(&name, wire);
	uint64_t hash = dns_name_hash(name.wire, name.n);
	struct overlay_name *it = overlay_slot(o, &name, hash);
	if (it)
		return it;
	it = arena_zalloc(&o->arena, sizeof(*it));
	it->name = name;
	it->unit = unit;
	it->next = o->names[hash % o->n_slots];
	o->names[hash % o->n_slots] = it;
	return it;
}

/* The answer of all texts of a name, from `first` of the list on. */
static void render_texts(struct acme *a, struct overlay *o, struct overlay_name *to, const struct acme_text *first) {
	struct node *n = arena_zalloc(&o->arena, sizeof(*n) + first->name.n + 16);
	struct rrset set = { .type = DNS_TYPE_TXT, .ttl = first->ttl_s };
	memcpy(n->name, first->name.wire, first->name.n);
	n->n_name = first->name.n;
	n->n_labels = first->name.n_labels;
	LIST_EACH(it, &a->texts) {
		const struct acme_text *t = TEXT_OF(it);
		if (t->name.n != first->name.n || memcmp(t->name.wire, first->name.wire, t->name.n) != 0)
			continue;
		struct rdata *d = arena_alloc(&o->arena, sizeof(*d) + 1 + t->text.n);
		d->next = NULL;
		d->n = (uint16_t)(1 + t->text.n);
		d->bytes[0] = (uint8_t)t->text.n;
		memcpy(d->bytes + 1, t->text.p, t->text.n);
		*(set.last ? &set.last->next : &set.first) = d;
		set.last = d;
		set.n++;
		set.ttl = t->ttl_s < set.ttl ? t->ttl_s : set.ttl;
	}
	if (to->unit->is_signed)
		set.sigs = zone_sign_rrset(to->unit, n, &set, &o->arena);
	RENDER_EACH(a->render, to->unit) {
		render_begin(a->render, to->unit, n, DNS_TYPE_TXT);
		render_rrset(a->render, RENDER_ANSWER, STR_NONE, &set);
		to->texts[1] = render_end(a->render, DNS_NOERROR, true, 0, &o->arena);
		if (a->render->with_dnssec == 0)
			to->texts[0] = to->texts[1];
	}
}

static bool has_type(const struct entry *e, uint16_t type) {
	for (unsigned k = 0; k < e->n_answers; k++)
		if (entry_answer(e, k)->type == type)
			return true;
	return false;
}

/* May the text stand there? Names in force are looked up as a query would. */
static const char *refusal(const struct zones *zs, const struct dns_name *name, const struct zone *z) {
	for (unsigned i = 0; i + z->unit->n_labels <= name->n_labels; i++) {
		const struct entry *e = zones_find_suffix(zs, name, i);
		if (!e)
			continue;
		const struct rules *r = entry_rules(e);
		if (!(r->otherwise[0]->flags & DNS_FLAG_AA))
			return "the name is delegated away by NS records; set it where these lead";
		if (i > 0)
			return r->dname ? "the name is below a DNAME record; set it where this leads" : NULL;
		if (has_type(e, DNS_TYPE_CNAME))
			return "the name has a CNAME record; set the text where this leads, or remove it";
		if (has_type(e, DNS_TYPE_TXT))
			return "the zone file has TXT records of this name, which would be hidden; remove them";
		return NULL;
	}
	return NULL;
}

/* Does a wildcard answer for the name's suffix that starts at label i? */
static bool is_covered(const struct zones *zs, const struct dns_name *name, unsigned i) {
	for (unsigned k = i; k <= name->n_labels; k++) {
		const struct entry *e = zones_find_suffix(zs, name, k);
		if (e)
			return k > i && !entry_rules(e)->below[0];
	}
	return false;
}

/* The texts, and the names between them and their zone, which then exist, too (RFC 8020): resolvers that ask label by label must
 * not hear that there is nothing below. Those that a wildcard answers for are left to it: a challenge must not take their addresses away,
 * though in a zone's own data it would (RFC 4592 2.2.3). */
static void overlay_put(struct acme *a, struct overlay *o, const struct zones *zs, const struct acme_text *t) {
	struct zone *z = zones_zone_of(zs, dns_name_suffix(&t->name, 0));
	if (!z || refusal(zs, &t->name, z))
		return;
	struct overlay_name *it = overlay_add(o, z->unit, dns_name_suffix(&t->name, 0));
	if (!it->texts[0])
		render_texts(a, o, it, t);
	for (unsigned i = 1; i + z->unit->n_labels < t->name.n_labels; i++)
		if (!is_covered(zs, &t->name, i))
			overlay_add(o, z->unit, dns_name_suffix(&t->name, i));
}

static struct overlay *overlay_create(struct acme *a, const struct zones *zs) {
	if (list_is_empty(&a->texts) || !zs)
		return NULL;
	struct overlay *o = mem_zalloc(sizeof(*o));
	arena_init(&o->arena, 4096);
	o->n_slots = 2 * (size_t)a->n + 1;
	o->names = arena_zalloc(&o->arena, o->n_slots * sizeof(struct overlay_name *));
	LIST_EACH(it, &a->texts)
		overlay_put(a, o, zs, TEXT_OF(it));
	return o;
}

void overlay_destroy(struct overlay *o) {
	if (!o)
		return;
	SNAPSHOT_FREE_BEGIN(o);
	arena_fini(&o->arena);
	mem_free(o);
}

bool overlay_find(const struct overlay *o, const struct dns_query *q, bool exists, struct found *out) {
	const struct overlay_name *it = overlay_slot(o, &q->name, q->hash);
	const struct answer *a = NULL;
	if (it && q->type == DNS_TYPE_TXT && it->texts[0])
		a = it->texts[q->wants_dnssec];
	else if (it && !exists && !it->unit->is_signed) /* a signed zone's proofs say that the name is not there */
		a = it->unit->nodata[0];
	if (a)
		out->answer = a;
	SNAPSHOT_READ_END(o);
	return a != NULL;
}

/* ---- the texts ---- */

void acme_publish(struct acme *a, struct zones *zs) {
	if (!zs)
		return;
	struct overlay *old = atomic_load_explicit(&zs->overlay, memory_order_relaxed);
	atomic_store_explicit(&zs->overlay, overlay_create(a, zs), memory_order_release);
	if (old) {
		urcu_memb_synchronize_rcu();
		overlay_destroy(old);
	}
}

static void text_remove(struct acme *a, struct acme_text *t) {
	list_remove(&t->link);
	a->n--;
	mem_free(t);
}

static void log_text(const char *event, const struct acme_text *t) {
	char name[DNS_NAME_TEXT_BYTES];
	log_info(event, LOG_STR("name", dns_name_to_text(dns_name_suffix(&t->name, 0), name)), LOG_STR("text", t->text));
}

/* When the next one expires, or signatures want to be made anew. */
static void wait_next(struct acme *a) {
	uint64_t next = clock_now_us() + REFRESH_US;
	if (!a->expiry.loop)
		return;
	LIST_EACH(it, &a->texts)
		next = TEXT_OF(it)->expires_at_us < next ? TEXT_OF(it)->expires_at_us : next;
	if (list_is_empty(&a->texts))
		deadline_clear(&a->expiry);
	else
		deadline_set(&a->expiry, next);
}

void acme_expire(struct acme *a, struct zones *zs) {
	uint64_t now_us = clock_now_us();
	LIST_EACH(it, &a->texts)
		if (TEXT_OF(it)->expires_at_us <= now_us) {
			log_text("acme_expired", TEXT_OF(it));
			text_remove(a, TEXT_OF(it));
		}
	acme_publish(a, zs);
	wait_next(a);
}

static struct acme_text *text_find(struct acme *a, const struct dns_name *name, struct str text, unsigned *n_of_name) {
	struct acme_text *found = NULL;
	*n_of_name = 0;
	LIST_EACH(it, &a->texts) {
		struct acme_text *t = TEXT_OF(it);
		if (t->name.n != name->n || memcmp(t->name.wire, name->wire, name->n) != 0)
			continue;
		++*n_of_name;
		if (str_eq(t->text, text))
			found = t;
	}
	return found;
}

/* The first label, or behind the account's (draft-ietf-acme-dns-account-label). */
static bool is_challenge(const struct dns_name *name) {
	for (unsigned i = 0; i < 2 && i < name->n_labels; i++)
		if (str_starts(dns_name_suffix(name, i), STR("\17_acme-challenge")))
			return true;
	return false;
}

int acme_set(struct acme *a, struct zones *zs, struct str name, const struct acme_record *r, struct err *e) {
	struct dns_name wire;
	unsigned n_of_name;
	if (zone_name_parse(&wire, name, NULL, e) < 0)
		return -1;
	struct zone *z = zs ? zones_zone_of(zs, dns_name_suffix(&wire, 0)) : NULL;
	if (!is_challenge(&wire))
		return err_set(e, "`%.*s` is not the name of a challenge; give _acme-challenge.NAME", STR_ARG(name));
	if (!z || wire.n_labels == z->unit->n_labels)
		return err_set(e, "`%.*s` is in no zone that is served; see `show zones`", STR_ARG(name));
	const char *why = refusal(zs, &wire, z);
	if (why)
		return err_set(e, "%.*s: %s", STR_ARG(name), why);
	if (r->text.n == 0 || r->text.n > ACME_TEXT_BYTES)
		return err_set(e, "a text takes 1 to %d bytes, not %zu", ACME_TEXT_BYTES, r->text.n);
	struct acme_text *t = text_find(a, &wire, r->text, &n_of_name);
	if (!t && (n_of_name == ACME_TEXTS_OF_NAME || a->n == ACME_TEXTS))
		return err_set(e,
		               "there are %u texts, %u of them of this name, which is as many as there may be; `acme clear` some",
		               a->n, n_of_name);
	if (!t) {
		t = mem_alloc(sizeof(*t) + r->text.n);
		t->name = wire;
		memcpy(t->bytes, r->text.p, r->text.n);
		t->text = str_slice(t->bytes, r->text.n);
		list_append(&a->texts, &t->link);
		a->n++;
	}
	t->ttl_s = r->ttl_s;
	t->expires_at_us = clock_now_us() + r->expires_us;
	log_text("acme_set", t);
	acme_publish(a, zs);
	wait_next(a);
	return 0;
}

int acme_clear(struct acme *a, struct zones *zs, struct str name, struct str text, struct err *e) {
	struct dns_name wire;
	unsigned n = 0;
	if (zone_name_parse(&wire, name, NULL, e) < 0)
		return -1;
	LIST_EACH(it, &a->texts) {
		struct acme_text *t = TEXT_OF(it);
		if (t->name.n != wire.n || memcmp(t->name.wire, wire.wire, wire.n) != 0 || (text.n > 0 && !str_eq(t->text, text)))
			continue;
		log_text("acme_cleared", t);
		text_remove(a, t);
		n++;
	}
	if (n == 0)
		return err_set(e, "%.*s has no such text; see `show acme`", STR_ARG(name));
	acme_publish(a, zs);
	wait_next(a);
	return 0;
}

void acme_each(struct acme *a, void (*each)(void *arg, const struct acme_record *r), void *arg) {
	uint64_t now_us = clock_now_us();
	LIST_EACH(it, &a->texts) {
		const struct acme_text *t = TEXT_OF(it);
		char name[DNS_NAME_TEXT_BYTES];
		struct acme_record r = { .name = dns_name_to_text(dns_name_suffix(&t->name, 0), name),
			                 .text = t->text,
			                 .ttl_s = t->ttl_s,
			                 .expires_us = t->expires_at_us > now_us ? t->expires_at_us - now_us : 0 };
		each(arg, &r);
	}
}

void acme_init(struct acme *a, struct render *r, struct loop *control, void (*on_expire)(struct deadline *d)) {
	list_init(&a->texts);
	a->n = 0;
	a->render = r;
	if (control)
		deadline_init(&a->expiry, control, on_expire);
}

void acme_fini(struct acme *a) {
	deadline_fini(&a->expiry);
	LIST_EACH(it, &a->texts)
		text_remove(a, TEXT_OF(it));
}
