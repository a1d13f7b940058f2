/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The section `dns:` as queries need it: an immutable snapshot beside the zones', switched by one pointer on a reload. Cookie
 * secrets are wiped when it goes. A random secret belongs to the responder, so that a reload does not disown the cookies made before.
 */
#include "gslb/private.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

enum { SECRETS_BYTES_MAX = 4096, CHAOS_TEXT_MAX = 200 };

static int read_secrets(struct dns_cookie_keys *out, const char *path, struct err *e) {
	char text[SECRETS_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	int result = 0;
	if (n < 0)
		result = err_errno(e, "cannot read %s", path);
	else if (dns_cookie_keys_parse(out, str_slice(text, (size_t)n), e) < 0)
		result = err_context(e, "%s", path);
	if (fd >= 0)
		close(fd);
	OPENSSL_cleanse(text, sizeof(text));
	return result;
}

/* The answer to a question about the server: one TXT record of class CH and TTL 0. */
static struct answer *chaos_create(struct str text, const char *key, struct err *e) {
	static const uint8_t head[] = { 0xc0, DNS_HEADER_BYTES, 0, DNS_TYPE_TXT, 0, DNS_CLASS_CH, 0, 0, 0, 0, 0 };
	if (text.n > CHAOS_TEXT_MAX) {
		err_set(e, "dns.%s: %zu bytes are more than %d; shorten the text", key, text.n, CHAOS_TEXT_MAX);
		return NULL;
	}
	struct answer *a = mem_zalloc(sizeof(*a) + sizeof(head) + 2 + text.n);
	*a = (struct answer){ .flags = DNS_FLAG_AA, .type = DNS_TYPE_TXT, .counts = { 1 } };
	a->n = (uint16_t)(sizeof(head) + 2 + text.n);
	memcpy(a->bytes, head, sizeof(head));
	a->bytes[sizeof(head)] = (uint8_t)(text.n + 1);
	a->bytes[sizeof(head) + 1] = (uint8_t)text.n;
	memcpy(a->bytes + sizeof(head) + 2, text.p, text.n);
	return a;
}

const struct answer *settings_chaos(const struct settings *s, const struct dns_query *q) {
	static const struct {
		struct str name;
		enum settings_text text;
	} names[] = { { STR_INIT("\7version\4bind"), SETTINGS_VERSION },
		      { STR_INIT("\7version\6server"), SETTINGS_VERSION },
		      { STR_INIT("\2id\6server"), SETTINGS_IDENTITY },
		      { STR_INIT("\10hostname\4bind"), SETTINGS_IDENTITY } };
	if (q->type == DNS_TYPE_TXT || q->type == DNS_TYPE_ANY)
		for (size_t i = 0; i < COUNT_OF(names); i++)
			if (str_eq(str_slice((const char *)q->name.wire, q->name.n - 1u), names[i].name) &&
			    s->texts[names[i].text])
				return s->texts[names[i].text];
	return &answer_refused;
}

static int compile_cookies(struct settings *s, const struct cfg_dns_cookies *cfg, const uint8_t random_secret[16],
                           struct err *e) {
	s->has_cookies = cfg->enabled;
	s->requires_cookies = cfg->require;
	if (cfg->secret.n > 0)
		return read_secrets(&s->cookie_keys, cfg->secret.p, e);
	s->cookie_keys.n = 1;
	memcpy(s->cookie_keys.keys[0], random_secret, 16);
	return 0;
}

static int open_log(struct settings *s, const struct cfg_log_queries *cfg, struct err *e) {
	if (!cfg->is_given)
		return 0;
	s->query_log = log_output_open(cfg->path.p, e); /* the same one again on a reload */
	s->query_log_is_json = cfg->format == CFG_LOG_FORMAT_JSON;
	s->query_log_sample = (uint32_t)cfg->sample;
	return s->query_log ? 0 : err_context(e, "log.queries.path");
}

struct settings *settings_create(const struct cfg_root *root, const struct gslb *g, struct err *e) {
	const struct cfg_dns *cfg = &root->dns;
	struct settings *s = mem_zalloc(sizeof(*s));
	s->max_udp_bytes = cfg->max_udp;
	s->tcp_idle_us = cfg->tcp.idle_timeout_ms * USEC_PER_MSEC;
	s->tcp_per_client = (unsigned)cfg->tcp.max_connections_per_client;
	limits_init(&s->limits, &cfg->limits, g->n_workers);
	s->takes_ecs = cfg->ecs.enabled;
	s->ecs_bits[false] = (uint8_t)cfg->ecs.max_prefix_v4;
	s->ecs_bits[true] = (uint8_t)cfg->ecs.max_prefix_v6;
	if (cfg->nsid.n > SETTINGS_NSID_MAX) {
		err_set(e, "dns.nsid: %zu bytes are more than %d; shorten it", cfg->nsid.n, SETTINGS_NSID_MAX);
		goto fail;
	}
	s->n_nsid = (uint8_t)cfg->nsid.n;
	memcpy(s->nsid, cfg->nsid.n > 0 ? cfg->nsid.p : "", cfg->nsid.n);
	if ((cfg->identity.n > 0 && !(s->texts[SETTINGS_IDENTITY] = chaos_create(cfg->identity, "identity", e))) ||
	    (cfg->version.n > 0 && !(s->texts[SETTINGS_VERSION] = chaos_create(cfg->version, "version", e))))
		goto fail;
	if (compile_cookies(s, &cfg->cookies, g->cookie_secret, e) < 0 || open_log(s, &root->log.queries, e) < 0)
		goto fail;
	return s;
fail:
	settings_destroy(s);
	return NULL;
}

void settings_destroy(struct settings *s) {
	if (!s)
		return;
	SNAPSHOT_FREE_BEGIN(s);
	for (size_t i = 0; i < COUNT_OF(s->texts); i++)
		mem_free(s->texts[i]);
	limits_fini(&s->limits);
	OPENSSL_cleanse(&s->cookie_keys, sizeof(s->cookie_keys));
	mem_free(s);
}
