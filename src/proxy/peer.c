/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client's certificate means for its requests: what servers are told of it, and which requests its connection is not for.
 *
 * Once one listener asks for certificates, no listener lets a client's own fields of these names pass, or it could say what it
 * likes through another one. Names with '_' for '-' go, too: many servers can't tell them apart.
 */
#include "proxy/private.h"

enum { PEER_FIELDS = 5 };

bool peer_is_misdirected(const struct txn *t) {
	const struct stream *s = &t->session->stream;
	struct str named = stream_server_name(s);
	struct addr ip;
	if (t->listener->cfg.tls.client.mode == CFG_CLIENT_MODE_REQUIRED && !stream_has_peer_certificate(s))
		return true; /* a reload began to require one */
	if (t->host.n == 0)
		return false;
	if (named.n == 0) /* an address is not sent as SNI (RFC 6066 3) */
		return !addr_parse_ip(&ip, t->host) && t->host.p[0] != '[';
	return !str_eq_nocase(named, t->host);
}

static bool is_ours(struct str name) {
	static const struct str prefix = STR_INIT("x-ssl-client");
	if (name.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++) {
		char c = name.p[i] == '_' ? '-' : (char)(name.p[i] | 0x20);
		if (c != prefix.p[i] && name.p[i] != prefix.p[i])
			return false;
	}
	return true;
}

static void add(struct txn *t, struct http_head *h, enum http_field_id id, struct str name, struct str value) {
	if (value.n == 0)
		return;
	h->seen[id / 64] |= UINT64_C(1) << (id % 64);
	h->fields[h->n_fields++] = (struct http_field){ .name = name, .value = txn_keep(t, value), .id = (uint8_t)id };
}

void peer_tell(struct txn *t, struct http_head *h) {
	for (unsigned i = 0; i < h->n_fields; i++)
		if (is_ours(h->fields[i].name))
			h->fields[i].is_dropped = true;
	if (!t->listener->cfg.tls.client.is_given)
		return;
	struct tls_peer peer;
	bool is_shown = stream_peer_certificate(&t->session->stream, &peer);
	txn_widen_head(t, h, PEER_FIELDS);
	add(t, h, HTTP_FIELD_X_SSL_CLIENT_VERIFY, STR("X-SSL-Client-Verify"), is_shown ? STR("SUCCESS") : STR("NONE"));
	add(t, h, HTTP_FIELD_X_SSL_CLIENT_SUBJECT, STR("X-SSL-Client-Subject"), peer.subject);
	add(t, h, HTTP_FIELD_X_SSL_CLIENT_SAN, STR("X-SSL-Client-SAN"), peer.names);
	add(t, h, HTTP_FIELD_X_SSL_CLIENT_SERIAL, STR("X-SSL-Client-Serial"), peer.serial);
	add(t, h, HTTP_FIELD_X_SSL_CLIENT_FINGERPRINT, STR("X-SSL-Client-Fingerprint"), peer.fingerprint);
}
