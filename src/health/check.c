/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compiles configured checks and says what makes two of them the same. The registry of kinds stands here, a line a kind.
 */
#include "health/check.h"

#include "steerway/base/mem.h"

static const struct check_kind *const kinds[] = {
	[CFG_CHECK_TYPE_TCP] = &check_tcp,
	[CFG_CHECK_TYPE_HTTP] = &check_http,
	[CFG_CHECK_TYPE_HTTPS] = &check_https,
};

const struct check_kind *check_kind_find(enum cfg_check_type type) {
	return (size_t)type < COUNT_OF(kinds) ? kinds[type] : NULL;
}

/* With its length before it, so that no two lists of strings give the same bytes. */
static void add_str(struct buf *b, struct str s) {
	buf_printf(b, "%zu:", s.n);
	buf_add(b, s);
}

static void add_question(struct buf *b, const struct check_kind *kind, const struct cfg_check *cfg) {
	add_str(b, str_from(kind->name));
	buf_printf(b, "%u ", (unsigned)cfg->port);
	add_str(b, cfg->method);
	add_str(b, cfg->path);
	add_str(b, cfg->host);
	for (size_t i = 0; i < cfg->expect.status.n; i++)
		buf_printf(b, "%u-%u ", cfg->expect.status.items[i].first, cfg->expect.status.items[i].last);
	add_str(b, cfg->expect.body);
	add_str(b, cfg->expect.body_regex);
	buf_printf(b, "%d ", cfg->tls.verify);
	add_str(b, cfg->tls.ca);
	add_str(b, cfg->tls.server_name);
}

static void add_terms(struct buf *b, const struct cfg_check *cfg) {
	const uint64_t terms[] = {
		cfg->interval_ms, cfg->fast_interval_ms, cfg->down_interval_ms, cfg->jitter_percent, cfg->timeout_ms, cfg->rise,
		cfg->fall
	};
	for (size_t i = 0; i < COUNT_OF(terms); i++)
		buf_printf(b, "%llu ", (unsigned long long)terms[i]);
}

struct check *check_create(const struct check_kind *kind, const struct cfg_check *cfg, struct err *e) {
	struct check *c = mem_zalloc(sizeof *c);
	c->refs = 1;
	c->kind = kind;
	c->rise = (unsigned)cfg->rise;
	c->fall = (unsigned)cfg->fall;
	c->port = (uint16_t)cfg->port;
	schedule_init(&c->schedule, cfg);
	add_question(&c->question, kind, cfg);
	add_terms(&c->terms, cfg);
	if (kind->compile != NULL && kind->compile(c, cfg, e) < 0) {
		err_context(e, "%.*s:%u: checks.%.*s", STR_ARG(cfg->mark.file), cfg->mark.line, STR_ARG(cfg->id));
		check_release(c);
		return NULL;
	}
	return c;
}

void check_set_proxy_version(struct check *c, unsigned version) {
	c->proxy_version = (uint8_t)version;
	if (version > 0)
		buf_printf(&c->question, "proxy %u ", version);
}

struct check *check_hold(struct check *c) {
	c->refs++;
	return c;
}

void check_release(struct check *c) {
	if (c == NULL || --c->refs > 0)
		return;
	if (c->kind->release != NULL)
		c->kind->release(c);
	buf_fini(&c->question);
	buf_fini(&c->terms);
	mem_free(c);
}
