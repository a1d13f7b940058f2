/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunnels: connections that become something else than HTTP. By Upgrade (RFC 9110 7.8), by extended CONNECT from HTTP/2 clients
 * (RFC 8441), by CONNECT. A server of HTTP/1.1 is asked with Upgrade in either case, and only its 101, or 2xx to CONNECT, opens the
 * tunnel: bytes that a client sends before are not passed on.
 *
 * An Upgrade that the route does not allow is ignored, as a server may; an extended CONNECT can't be, and is refused.
 */
#include "proxy/tunnel.h"

#include "steerway/base/rand.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

enum { KEY_BYTES = 24 /* of Sec-WebSocket-Key: 16 bytes in base64 */, ACCEPT_BYTES = 28 };

static bool is_allowed(const struct txn *t, struct str protocol) {
	struct str allowed = t->route->upgrade;
	if (t->pool->back != &h1_client_end || t->request.body != HTTP_BODY_NONE)
		return false;
	return str_eq(allowed, STR("any")) || str_eq_nocase(allowed, protocol);
}

enum proxy_end tunnel_ask(struct txn *t) {
	if (t->method == HTTP_METHOD_CONNECT) {
		t->is_connect = t->route->connect && t->pool->back == &h1_client_end;
		return t->is_connect ? PROXY_END_COMPLETE : PROXY_END_METHOD_REFUSED;
	}
	if (t->is_extended_connect) {
		t->upgrade = t->extended_protocol;
		return is_allowed(t, t->upgrade) ? PROXY_END_COMPLETE : PROXY_END_UPGRADE_REFUSED;
	}
	if (!t->request.has_upgrade)
		return PROXY_END_COMPLETE;
	struct str protocol = http_field_find(t->head, HTTP_FIELD_UPGRADE)->value;
	if (is_allowed(t, protocol))
		t->upgrade = txn_keep(t, protocol);
	return PROXY_END_COMPLETE;
}

static bool is_websocket(const struct txn *t) {
	return str_eq_nocase(t->upgrade, STR("websocket"));
}

void tunnel_forward(struct txn *t, struct http_head *h, struct forward *f) {
	f->upgrade = t->upgrade;
	if (!t->is_extended_connect || !is_websocket(t))
		return;
	/* HTTP/2 knows no key (RFC 8441 5): this side of it is ours to send, and to verify. */
	unsigned char nonce[16];
	for (size_t i = 0; i < sizeof(nonce); i += 8) {
		uint64_t r = rand_next(rand_thread());
		memcpy(nonce + i, &r, 8);
	}
	char *key = txn_reserve(t, KEY_BYTES + 1);
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce));
	t->websocket_key = str_slice(key, KEY_BYTES);
	http_head_drop(h, HTTP_FIELD_SEC_WEBSOCKET_KEY);
	txn_widen_head(t, h, 1);
	http_head_add(h, HTTP_FIELD_SEC_WEBSOCKET_KEY, STR("Sec-WebSocket-Key"), t->websocket_key);
}

/* RFC 6455 4.2.2 */
static bool accepts_key(const struct txn *t, const struct http_head *h) {
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_BYTES + sizeof(guid)], expected[ACCEPT_BYTES + 1];
	unsigned char digest[SHA_DIGEST_LENGTH];
	memcpy(text, t->websocket_key.p, KEY_BYTES);
	memcpy(text + KEY_BYTES, guid, sizeof(guid) - 1);
	SHA1((const unsigned char *)text, KEY_BYTES + sizeof(guid) - 1, digest);
	EVP_EncodeBlock((unsigned char *)expected, digest, sizeof(digest));
	const struct http_field *f = http_field_find(h, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT);
	return f && str_eq(f->value, str_slice(expected, ACCEPT_BYTES));
}

static bool is_switch(const struct txn *t, const struct http_head *h) {
	const struct http_field *to = http_field_find(h, HTTP_FIELD_UPGRADE);
	if (h->status != 101 || t->upgrade.n == 0 || !to || !str_eq_nocase(to->value, t->upgrade))
		return false;
	return t->websocket_key.n == 0 || accepts_key(t, h);
}

bool tunnel_opens(struct txn *t, struct http_head *h, struct http_framing *in, enum http_fault *fault) {
	bool is_success = h->status >= 200 && h->status < 300;
	bool opens = t->is_connect ? is_success : is_switch(t, h);
	/* A 101 that nobody asked for; a 2xx that HTTP/2 would take for an open tunnel (RFC 8441 5). */
	if (!opens && (h->status == 101 || (t->is_extended_connect && is_success)))
		*fault = HTTP_FAULT_BAD_STATUS;
	if (!opens)
		return false;
	*in = (struct http_framing){ .body = HTTP_BODY_UNTIL_CLOSE };
	http_head_drop(h, HTTP_FIELD_CONTENT_LENGTH); /* neither has one (RFC 9110 9.3.6) */
	http_head_drop(h, HTTP_FIELD_TRANSFER_ENCODING);
	if (t->is_extended_connect) {
		h->status = 200;
		http_head_drop(h, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT);
	}
	return true;
}
