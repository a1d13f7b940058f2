/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of a snapshot, towards clients and towards servers, and the files that it hangs on. A configuration with an unusable file is
 * refused as a whole; when files change under a configuration that is in force, what was made of the old one is kept.
 */
#include "proxy/private.h"

#include "steerway/base/hash.h"
#include "steerway/base/log.h"

static const char *path_or_null(struct str path) {
	return path.n > 0 ? path.p : NULL;
}

struct tls_server *conf_listener_tls(const struct cfg_listener *from, const struct tls_server *old, size_t *n_kept,
                                     struct err *e) {
	static const enum tls_policy policies[] = {
		[CFG_TLS_POLICY_INTERMEDIATE] = TLS_POLICY_INTERMEDIATE, [CFG_TLS_POLICY_MODERN] = TLS_POLICY_MODERN
	};
	static const enum tls_client_auth modes[] = {
		[CFG_CLIENT_MODE_OPTIONAL] = TLS_CLIENT_AUTH_OPTIONAL, [CFG_CLIENT_MODE_REQUIRED] = TLS_CLIENT_AUTH_REQUIRED
	};
	const struct cfg_listener_tls *tls = &from->tls;
	bool has_h2 = from->http2.enabled && tls->alpn_bits >> CFG_ALPN_H2 & 1;
	struct tls_server_options o = {
		.certificate_paths = tls->certificates.items,
		.n_certificates = tls->certificates.n,
		.policy = policies[tls->policy],
		.min_version = tls->min_version == CFG_TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION,
		.alpn = (has_h2 ? TLS_ALPN_H2 : 0) | (tls->alpn_bits >> CFG_ALPN_HTTP1 & 1 ? TLS_ALPN_HTTP1 : 0),
		.tickets = tls->tickets,
		.ticket_keys_path = path_or_null(tls->ticket_keys),
		.client_auth = tls->client.is_given ? modes[tls->client.mode] : TLS_CLIENT_AUTH_OFF,
		.client_ca_path = path_or_null(tls->client.ca),
		.client_crl_path = path_or_null(tls->client.crl),
		.previous = old,
		.keeps_old = n_kept != NULL,
		.n_kept = n_kept,
	};
	struct tls_server *t = tls_server_create(&o, e);
	if (!t)
		err_context(e, "listeners.%.*s.tls", STR_ARG(from->id));
	return t;
}

int proxy_check_tls(const struct cfg_root *cfg, struct err *e) {
	for (size_t i = 0; i < cfg->listeners.n; i++) {
		const struct cfg_listener *l = &cfg->listeners.items[i];
		struct tls_server *t = l->tls.is_given ? conf_listener_tls(l, NULL, NULL, e) : NULL;
		if (l->tls.is_given && !t)
			return -1;
		tls_server_destroy(t);
	}
	return 0;
}

int conf_pool_tls(struct pool_conf *out, struct arena *a, const struct cfg_pool *from, const struct pool_conf *old,
                  size_t *n_kept, struct err *e) {
	const struct cfg_pool_tls *tls = &from->tls;
	if (!tls->is_given)
		return 0;
	struct tls_client_options o = { .verify = tls->verify,
		                        .ca_path = path_or_null(tls->ca),
		                        .certificate_path = path_or_null(tls->certificate),
		                        .alpn = from->protocol == CFG_SERVER_PROTOCOL_HTTP2 ? TLS_ALPN_H2 : TLS_ALPN_HTTP1,
		                        .n_servers = (unsigned)from->servers.n };
	out->tls_name = arena_str(a, tls->server_name);
	out->tls_key = hash_str(tls->ca, hash_str(tls->certificate, hash_str(tls->server_name, o.alpn * 2 + tls->verify))) | 1;
	out->tls = tls_client_create(&o, e);
	if (!out->tls && n_kept && old && old->tls) {
		log_error("tls_file_refused", LOG_STR("pool", from->id), LOG_CSTR("why", e->text),
		          LOG_CSTR("then", "the old one serves on"));
		++*n_kept;
		out->tls = tls_client_share(old->tls);
	}
	return out->tls ? 0 : err_context(e, "pools.%.*s.tls", STR_ARG(from->id));
}

/* ---- the files ---- */

struct paths {
	struct str *items;
	size_t n;
};

static void path_add(struct paths *p, struct str path) {
	if (path.n == 0)
		return;
	p->items = mem_realloc_array(p->items, p->n + 1, sizeof(*p->items));
	p->items[p->n++] = path;
}

struct file_set *conf_tls_files(const struct cfg_root *cfg) {
	struct paths all = { 0 };
	for (size_t i = 0; i < cfg->listeners.n; i++) {
		const struct cfg_listener_tls *tls = &cfg->listeners.items[i].tls;
		for (size_t k = 0; k < tls->certificates.n; k++)
			path_add(&all, tls->certificates.items[k]);
		path_add(&all, tls->ticket_keys);
		path_add(&all, tls->client.ca);
		path_add(&all, tls->client.crl);
	}
	for (size_t i = 0; i < cfg->pools.n; i++) {
		path_add(&all, cfg->pools.items[i].tls.ca);
		path_add(&all, cfg->pools.items[i].tls.certificate);
	}
	struct file_set *set = file_set_create(all.items, all.n);
	mem_free(all.items);
	return set;
}
