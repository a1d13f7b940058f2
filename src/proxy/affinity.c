/* SPDX-License-Identifier: BSD-2-Clause */
/* What binds requests to servers: the key of a hash, and the session that a cookie or the client's address tells. */
#include "proxy/affinity.h"

#include "steerway/base/hash.h"

static uint64_t hash_of_client(const struct txn *t) {
	struct addr ip = t->session->peer;
	addr_set_port(&ip, 0);
	return addr_hash(&ip, 0);
}

uint64_t affinity_hash(const struct txn *t) {
	struct str value;
	switch (t->pool->hash_key) {
	case CFG_HASH_KEY_HOST:
		return hash_str(t->host, 0);
	case CFG_HASH_KEY_URI:
		return hash_str(t->path, 0);
	case CFG_HASH_KEY_HEADER:
		for (unsigned i = 0; i < t->head->n_fields; i++)
			if (!t->head->fields[i].is_dropped && str_eq_nocase(t->head->fields[i].name, t->pool->hash_name))
				return hash_str(t->head->fields[i].value, 0);
		break;
	case CFG_HASH_KEY_COOKIE:
		if (http_cookie_get(t->head, t->pool->hash_name, &value))
			return hash_str(value, 0);
		break;
	case CFG_HASH_KEY_CLIENT:
		break;
	}
	return hash_of_client(t);
}

uint64_t affinity_home(const struct txn *t) {
	struct str value;
	if (t->pool->sticky_by == CFG_STICKY_BY_SOURCE)
		return hash_of_client(t) | 1; /* 0 is none */
	return http_cookie_get(t->head, t->pool->sticky_cookie, &value) ? fleet_sticky_home(t->pool->fleet, value) : 0;
}

/* Tells the client the server of its session, where it does not know it yet. */
void affinity_tell(struct txn *t, struct http_head *h) {
	char text[FLEET_STICKY_BYTES];
	if (!fleet_sticky_cookie(t->pool->fleet, t->wanted.home, t->server, text))
		return;
	txn_widen_head(t, h, 1);
	struct http_set_cookie c = { .name = t->pool->sticky_cookie,
		                     .value = str_slice(text, sizeof(text)),
		                     .max_age_s = t->pool->sticky_age_s,
		                     .is_secure = t->session->stream.ssl != NULL };
	char *out = txn_reserve(t, c.name.n + c.value.n + HTTP_SET_COOKIE_BYTES);
	h->fields[h->n_fields++] = (struct http_field){ .name = STR("Set-Cookie"),
		                                        .value = str_slice(out, http_set_cookie_write(out, &c)),
		                                        .id = HTTP_FIELD_SET_COOKIE };
	h->seen[HTTP_FIELD_SET_COOKIE / 64] |= UINT64_C(1) << HTTP_FIELD_SET_COOKIE % 64;
}
