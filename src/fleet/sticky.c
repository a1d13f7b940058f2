/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sticky sessions: which server a client's cookie (or address) names, whatever the balance algorithm would say.
 *
 * A cookie is HMAC-SHA256 of pool and server name under the pool's secret, cut to 24 bytes, as base64url. It names the server and
 * proves itself in one: nobody can make one without the secret, and nothing about the server can be read from it. All valid ones are
 * worked out on a commit, so that a request costs a look-up and a comparison in constant time, and no HMAC. The first 8 characters
 * find the row; what could be guessed of them by timing leaves 144 bits.
 *
 * Tables are immutable, and freed a grace period after they were replaced.
 */
#include "private.h"

#include "steerway/metric.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <unistd.h>

enum { KEYS_MAX = 4, KEY_BYTES_MIN = 16, FILE_BYTES_MAX = 4096, RING_WALK_MAX = 512 };

struct sticky_keys {
	size_t n;
	struct str keys[KEYS_MAX]; /* in `text` */
	char text[FILE_BYTES_MAX];
};

struct sticky_row {
	uint64_t id; /* the text's first 8 bytes; 0: free */
	struct fleet_server *server;
	bool is_current; /* of the first key: the others are only known still */
	char text[FLEET_STICKY_BYTES];
};

struct sticky_table {
	struct sticky_table *next; /* of those that wait to be freed */
	struct ring_point *ring;   /* by source: of `servers` */
	size_t n_ring;
	struct fleet_server **servers;
	uint64_t mask; /* by cookie: a power of two less one */
	struct sticky_row rows[];
};

/* ---- keys ---- */

struct sticky_keys *sticky_keys_read(const char *path, struct err *e) {
	struct sticky_keys *k = mem_zalloc(sizeof(*k));
	struct str rest, line;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, k->text, sizeof(k->text));
	if (n < 0)
		err_errno(e, "cannot read %s", path);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		goto fail;
	rest = str_slice(k->text, (size_t)n);
	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			continue;
		if (line.n < KEY_BYTES_MIN || k->n == KEYS_MAX) {
			err_set(e, "%s: a line each secret, at least %d bytes long, at most %d of them", path, KEY_BYTES_MIN,
			        KEYS_MAX);
			goto fail;
		}
		k->keys[k->n++] = line;
	}
	if (k->n > 0)
		return k;
	err_set(e, "%s: holds no secret", path);
fail:
	sticky_keys_free(k);
	return NULL;
}

void sticky_keys_free(struct sticky_keys *k) {
	if (!k)
		return;
	OPENSSL_cleanse(k, sizeof(*k));
	mem_free(k);
}

void sticky_sign(struct str key, struct str pool, struct str server, char out[FLEET_STICKY_BYTES]) {
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char message[256], mac[EVP_MAX_MD_SIZE] = { 0 };
	size_t n = 0;
	/* Names have at most 63 bytes, and no NUL, so that no two pairs make the same message. */
	memcpy(message, pool.p, pool.n);
	message[n = pool.n] = 0;
	memcpy(message + ++n, server.p, server.n);
	HMAC(EVP_sha256(), key.p, (int)key.n, message, n + server.n, mac, NULL);
	for (size_t i = 0, at = 0; i < FLEET_STICKY_BYTES; i += 4, at += 3) {
		uint32_t group = (uint32_t)mac[at] << 16 | (uint32_t)mac[at + 1] << 8 | mac[at + 2];
		for (size_t k = 0; k < 4; k++)
			out[i + k] = digits[group >> (18 - 6 * k) & 63];
	}
}

/* ---- tables ---- */

static uint64_t id_of(const char text[FLEET_STICKY_BYTES]) {
	uint64_t id;
	memcpy(&id, text, sizeof(id));
	return id;
}

static const struct sticky_row *row_find(const struct sticky_table *t, uint64_t id) {
	for (uint64_t at = hash_mix(id);; at++) {
		const struct sticky_row *row = &t->rows[at & t->mask];
		if (row->id == id)
			return row;
		if (row->id == 0)
			return NULL;
	}
}

static void row_put(struct sticky_table *t, struct fleet_server *s, struct str key, bool is_current) {
	struct sticky_row row = { .server = s, .is_current = is_current };
	sticky_sign(key, s->pool->name, s->name, row.text);
	row.id = id_of(row.text);
	if (is_current)
		atomic_store_explicit(&s->sticky_id, row.id, memory_order_relaxed);
	uint64_t at = hash_mix(row.id);
	while (t->rows[at & t->mask].id != 0)
		at++;
	t->rows[at & t->mask] = row;
}

static struct sticky_table *table_of_cookies(const struct fleet_layout *l, const struct sticky_keys *k) {
	size_t room = 16;
	while (room < 2 * (l->n_servers * k->n + 1))
		room *= 2;
	struct sticky_table *t = mem_zalloc(sizeof(*t) + room * sizeof(t->rows[0]));
	t->mask = room - 1;
	for (size_t key = 0; key < k->n; key++)
		for (size_t i = 0; i < l->n_servers; i++)
			row_put(t, l->servers[i].server, k->keys[key], key == 0);
	return t;
}

static struct sticky_table *table_of_sources(const struct fleet_layout *l) {
	struct sticky_table *t = mem_zalloc(sizeof(*t));
	t->servers = mem_zalloc_array(l->n_servers + 1, sizeof(struct fleet_server *));
	for (size_t i = 0; i < l->n_servers; i++)
		t->servers[i] = l->servers[i].server;
	t->ring = layout_ring(l, &t->n_ring);
	return t;
}

struct sticky_table *sticky_table_create(const struct fleet_pool *p) {
	const struct cfg_sticky *cfg = &atomic_load_explicit(&p->cfg, memory_order_relaxed)->sticky;
	if (!cfg->is_given || p->layout->n_servers == 0)
		return NULL;
	return cfg->by == CFG_STICKY_BY_SOURCE ? table_of_sources(p->layout) : table_of_cookies(p->layout, p->sticky_keys);
}

void sticky_table_retire(struct fleet *f, struct sticky_table *t) {
	if (!t)
		return;
	t->next = f->retired_tables;
	f->retired_tables = t;
}

void sticky_tables_free(struct fleet *f) {
	for (struct sticky_table *t = f->retired_tables, *next; t; t = next) {
		next = t->next;
		sticky_table_free(t);
	}
	f->retired_tables = NULL;
}

void sticky_table_free(struct sticky_table *t) {
	if (!t)
		return;
	VIEW_FREE_BEGIN(t);
	mem_free(t->ring);
	mem_free(t->servers);
	mem_free(t);
}

/* ---- requests ---- */

static struct sticky_table *table_of(const struct fleet_pool *p) {
	return atomic_load_explicit(&p->sticky, memory_order_acquire);
}

static bool is_open(const struct fleet_server *s) {
	return atomic_load_explicit(&s->takes_sticky, memory_order_acquire);
}

uint64_t fleet_sticky_home(const struct fleet_pool *p, struct str cookie) {
	const struct sticky_table *t = table_of(p);
	if (!t || t->ring)
		return 0;
	bool is_ours = cookie.n == FLEET_STICKY_BYTES && id_of(cookie.p) != 0;
	const struct sticky_row *row = is_ours ? row_find(t, id_of(cookie.p)) : NULL;
	uint64_t home = row && CRYPTO_memcmp(row->text, cookie.p, FLEET_STICKY_BYTES) == 0 ? row->id : 0;
	VIEW_READ_END(t);
	if (home == 0)
		metric_add(METRIC_fleet_sticky_misses_total, 1);
	return home;
}

/* The first one from the hash on that may serve its clients; one that comes or goes moves only its own. */
static struct fleet_server *source_find(const struct sticky_table *t, uint64_t source) {
	uint32_t hash = (uint32_t)(hash_mix(source) >> 32);
	size_t low = 0, high = t->n_ring;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->ring[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = 0; i < t->n_ring && i < RING_WALK_MAX; i++) {
		struct fleet_server *s = t->servers[t->ring[(low + i) % t->n_ring].index];
		if (is_open(s))
			return s;
	}
	return NULL;
}

struct fleet_server *sticky_find(const struct fleet_pool *p, uint64_t home) {
	const struct sticky_table *t = table_of(p);
	struct fleet_server *s = NULL;
	if (!t || home == 0)
		return NULL;
	if (t->ring) {
		s = source_find(t, home);
	} else {
		const struct sticky_row *row = row_find(t, home);
		s = row && is_open(row->server) ? row->server : NULL;
	}
	VIEW_READ_END(t);
	return s;
}

bool fleet_sticky_cookie(const struct fleet_pool *p, uint64_t home, const struct fleet_server *s, char out[FLEET_STICKY_BYTES]) {
	const struct sticky_table *t = table_of(p);
	if (!t || t->ring)
		return false;
	const struct sticky_row *of_home = home != 0 ? row_find(t, home) : NULL;
	const struct sticky_row *row = row_find(t, atomic_load_explicit(&s->sticky_id, memory_order_relaxed));
	/* Served elsewhere only for this time, since its own is at its limit or did not answer: it keeps its cookie. */
	bool is_due = row && !(of_home && of_home->is_current && is_open(of_home->server));
	if (is_due)
		memcpy(out, row->text, FLEET_STICKY_BYTES);
	VIEW_READ_END(t);
	return is_due;
}
