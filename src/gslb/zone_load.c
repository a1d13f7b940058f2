/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone file becomes nodes with RRsets. ldns reads the file, record by record, so that every error has its line. Refused: what
 * can't be answered rightly yet (DNAME, signed zones, $INCLUDE) or stands outside of the zone. All memory is the snapshot's
 * arena.
 */
#include "gslb/zone.h"

#include "steerway/base/log.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>

#define DEFAULT_TTL 3600 /* of records before any $TTL that have none of their own */

struct rrset *node_rrset(const struct node *n, uint16_t type) {
	struct rrset *s = n->sets;
	while (s && s->type != type)
		s = s->next;
	return s;
}

bool zone_contains(const struct zone *z, const struct dns_name *name) {
	unsigned n = z->apex->n_labels;
	return name->n_labels >= n && str_eq(dns_name_suffix(name, name->n_labels - n), node_name(z->apex));
}

static struct node *node_create(struct zone *z, struct str wire, unsigned n_labels, int line) {
	struct node *n = arena_zalloc(&z->load, sizeof(*n) + wire.n + 16);
	memcpy(n->name, wire.p, wire.n);
	n->n_name = (uint8_t)wire.n;
	n->n_labels = (uint8_t)n_labels;
	n->line = line;
	*z->tail = n;
	z->tail = &n->next;
	map_put(&z->nodes, node_name(n), n);
	return n;
}

struct node *zone_node(struct zone *z, const struct dns_name *name, int line) {
	unsigned deepest = name->n_labels - z->apex->n_labels;
	struct node *parent = z->apex;
	for (unsigned i = deepest; i-- > 0;) {
		struct str wire = dns_name_suffix(name, i);
		struct node *n = map_get(&z->nodes, wire);
		if (!n) {
			n = node_create(z, wire, name->n_labels - i, line);
			n->parent = parent;
		}
		parent = n;
	}
	return parent;
}

struct str zone_name_text(struct zone *z, struct str wire) {
	ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire.n, wire.p);
	char *text = rdf ? ldns_rdf2str(rdf) : NULL;
	struct str out = arena_str(&z->load, text ? str_from(text) : STR("?"));
	LDNS_FREE(text);
	ldns_rdf_deep_free(rdf);
	return out;
}

int zone_name_parse(struct dns_name *out, struct str text, const struct zone *origin, struct err *e) {
	char full[2 * DNS_NAME_MAX + 8]; /* escapes do not come near to twice the length of a name that is right */
	int n;
	if (!origin || str_ends(text, STR(".")))
		n = snprintf(full, sizeof(full), "%.*s", STR_ARG(text));
	else if (str_eq(text, STR("@")))
		n = snprintf(full, sizeof(full), "%.*s", STR_ARG(origin->text));
	else
		n = snprintf(full, sizeof(full), "%.*s.%s", STR_ARG(text), origin->text.n > 1 ? origin->text.p : "");
	ldns_rdf *rdf = n > 0 && (size_t)n < sizeof(full) ? ldns_dname_new_frm_str(full) : NULL;
	bool is_name = rdf && dns_name_read(out, str_slice((const char *)ldns_rdf_data(rdf), ldns_rdf_size(rdf)));
	ldns_rdf_deep_free(rdf);
	return is_name ? 0 : err_set(e, "`%.*s` is not a domain name", STR_ARG(text));
}

/* ---- records ---- */

static struct rdata *rdata_create(struct zone *z, const ldns_rr *rr) {
	size_t n = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		n += ldns_rdf_size(ldns_rr_rdf(rr, i));
	if (n > UINT16_MAX)
		return NULL;
	struct rdata *d = arena_alloc(&z->load, sizeof(*d) + n);
	d->next = NULL;
	d->n = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		memcpy(d->bytes + d->n, ldns_rdf_data(f), ldns_rdf_size(f));
		d->n = (uint16_t)(d->n + ldns_rdf_size(f));
	}
	return d;
}

static bool rrset_has(const struct rrset *s, const struct rdata *d) {
	for (const struct rdata *it = s->first; it; it = it->next)
		if (it->n == d->n && memcmp(it->bytes, d->bytes, d->n) == 0)
			return true;
	return false;
}

static void node_add(struct zone *z, struct node *n, uint16_t type, uint32_t ttl, struct rdata *d, int line) {
	struct rrset *s = node_rrset(n, type);
	if (!s) {
		s = arena_zalloc(&z->load, sizeof(*s));
		*s = (struct rrset){ .type = type, .ttl = ttl, .line = line, .next = n->sets };
		n->sets = s;
		z->n_rrsets++;
	}
	if (rrset_has(s, d)) /* RFC 2181 5: a set has no duplicates */
		return;
	if (s->ttl != ttl) { /* RFC 2181 5.2: one TTL a set; the lowest harms no one */
		log_warn("zone_ttls_differ", LOG_STR("zone", z->text), LOG_STR("file", z->cfg->file),
		         LOG_U64("line", (uint64_t)line), LOG_U64("ttl", ttl < s->ttl ? ttl : s->ttl));
		s->ttl = ttl < s->ttl ? ttl : s->ttl;
	}
	*(s->last ? &s->last->next : &s->first) = d;
	s->last = d;
	s->n++;
}

static const char *type_refusal(uint16_t type) {
	switch (type) {
	case DNS_TYPE_DNAME:
		return "DNAME is not supported; use CNAME records";
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_NSEC:
	case DNS_TYPE_NSEC3:
	case DNS_TYPE_NSEC3PARAM:
		return "the zone is signed, and signed zones are not supported; give the file from before signing";
	case DNS_TYPE_OPT:
		return "this type can't stand in a zone";
	default:
		return type >= 128 && type <= 255 ? "this type can't stand in a zone" : NULL;
	}
}

static int record_add(struct zone *z, const ldns_rr *rr, int line, struct err *e) {
	const ldns_rdf *owner = ldns_rr_owner(rr);
	struct dns_name name;
	uint16_t type = (uint16_t)ldns_rr_get_type(rr);
	uint32_t ttl = ldns_rr_ttl(rr);
	if (!owner || !dns_name_read(&name, str_slice((const char *)ldns_rdf_data(owner), ldns_rdf_size(owner))))
		return err_set(e, "malformed name");
	if (!zone_contains(z, &name)) {
		struct str text = zone_name_text(z, dns_name_suffix(&name, 0));
		return err_set(e, "%.*s is outside of zone %.*s", STR_ARG(text), STR_ARG(z->text));
	}
	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
		return err_set(e, "only class IN is supported");
	if (type_refusal(type))
		return err_set(e, "%s", type_refusal(type));
	/* ldns takes data in RFC 3597's form ("\# 2 000a") that ends between two fields. */
	if (dns_type_find(type) && ldns_rr_rd_count(rr) < ldns_rr_descriptor_minimum(ldns_rr_descript(type)))
		return err_set(e, "the record's data ends before its last field");
	struct rdata *d = rdata_create(z, rr);
	if (!d)
		return err_set(e, "the record is longer than 65535 bytes");
	if (ttl > INT32_MAX) /* RFC 2181 8 */
		ttl = 0;
	node_add(z, zone_node(z, &name, line), type, ttl, d, line);
	return 0;
}

/* Skips blank lines and those with a comment alone, of which ldns would count the line that follows as a part. A record that
 * starts with white space keeps one blank of it: it inherits its owner. */
static void skip_lines(FILE *fp, int *line) {
	for (;;) {
		bool is_indented = false;
		int c;
		while ((c = getc(fp)) == ' ' || c == '\t' || c == '\r')
			is_indented = true;
		if (c == ';')
			while ((c = getc(fp)) != '\n' && c != EOF)
				;
		if (c == EOF)
			return;
		if (c != '\n') {
			ungetc(c, fp);
			if (is_indented)
				ungetc(' ', fp);
			return;
		}
		++*line;
	}
}

static int read_records(struct zone *z, FILE *fp, const ldns_rdf *apex, int *line, struct err *e) {
	uint32_t ttl = DEFAULT_TTL;
	ldns_rdf *origin = ldns_rdf_clone(apex), *previous = ldns_rdf_clone(apex);
	int result = 0;
	for (skip_lines(fp, line); result == 0 && !feof(fp); skip_lines(fp, line)) {
		ldns_rr *rr = NULL;
		int first = *line;
		ldns_status s = ldns_rr_new_frm_fp_l(&rr, fp, &ttl, &origin, &previous, line);
		if (s == LDNS_STATUS_OK)
			result = record_add(z, rr, first, e);
		else if (s == LDNS_STATUS_SYNTAX_INCLUDE)
			result = err_set(e, "$INCLUDE is not supported; put the records into one file");
		else if (s != LDNS_STATUS_SYNTAX_EMPTY && s != LDNS_STATUS_SYNTAX_TTL && s != LDNS_STATUS_SYNTAX_ORIGIN)
			result = err_set(e, "%s", ldns_get_errorstr_by_id(s));
		ldns_rr_free(rr);
		if (result < 0) {
			*line = first;
			break;
		}
	}
	if (result == 0 && ferror(fp))
		result = err_errno(e, "read");
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	return result;
}

struct zone *zone_load(struct zones *zs, const struct cfg_zone *cfg, struct err *e) {
	struct zone *z = mem_zalloc(sizeof(*z));
	arena_init(&z->arena, 64 * 1024);
	arena_init(&z->load, 64 * 1024);
	z->cfg = cfg;
	z->tail = &z->first;
	*zs->tail = z; /* from here on zones_destroy sees to it */
	zs->tail = &z->next;
	struct dns_name name = { 0 };
	if (zone_name_parse(&name, cfg->id, NULL, e) < 0)
		return NULL;
	z->text = zone_name_text(z, dns_name_suffix(&name, 0));
	z->apex = node_create(z, dns_name_suffix(&name, 0), name.n_labels, 0);
	FILE *fp = fopen(cfg->file.p, "re");
	if (!fp) {
		err_errno(e, "%s", cfg->file.p);
		return NULL;
	}
	ldns_rdf *apex = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, z->apex->n_name, z->apex->name);
	int line = 1;
	int result = read_records(z, fp, apex, &line, e);
	if (result < 0)
		err_context(e, "%s:%d", cfg->file.p, line);
	ldns_rdf_deep_free(apex);
	fclose(fp);
	return result < 0 ? NULL : z;
}
