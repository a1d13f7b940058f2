/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RRSIG records (RFC 4034 3). What is signed is made purely, in sign_data(). While a zone is loaded its sets are collected first and
 * signed then by as many threads as there are processors: 25 us each add up to 3 s for 100,000 sets. Owns the keys.
 */
#include "gslb/dnssec.h"

#include "steerway/base/hash.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define HEAD_BYTES 18        /* of RRSIG data, before the signer's name */
#define CLOCKS_DIFFER_S 3600 /* validators whose clock is late by so much still believe */
#define THREADS_MAX 16
#define JOBS_A_THREAD 256 /* a thread for less would cost more than it saves */
#define JOBS_AT_ONCE 32

struct job {
	struct sign_owner owner;
	struct rrset *set;
};
struct signer {
	struct zone *zone;
	struct keys keys;
	unsigned roles[SIGN_KEYS_MAX];
	struct key_signer *signers[SIGN_KEYS_MAX]; /* the control thread's */
	struct buf data;
	struct job *jobs;
	size_t n_jobs, cap_jobs;
	struct sign_how how;
	int64_t made, began, first_end;
	char *fault;
};

/* ---- what is signed ---- */

struct canonical {
	const uint8_t *p;
	size_t n;
};

static int canonical_order(const void *a, const void *b) {
	const struct canonical *ca = a, *cb = b;
	int order = memcmp(ca->p, cb->p, ca->n < cb->n ? ca->n : cb->n);
	return order ? order : (int)ca->n - (int)cb->n;
}

static void add_record(struct buf *out, struct str owner, const struct rrset *set, const struct canonical *c) {
	char fixed[10];
	dns_put16(fixed, set->type);
	dns_put16(fixed + 2, DNS_CLASS_IN);
	dns_put32(fixed + 4, set->ttl);
	dns_put16(fixed + 8, (unsigned)c->n);
	buf_add(out, owner);
	buf_add(out, str_slice(fixed, sizeof(fixed)));
	buf_add(out, str_slice((const char *)c->p, c->n));
}

void sign_data(struct buf *out, const uint8_t *head, size_t n_head, struct str owner, const struct rrset *set) {
	size_t bytes = 0, n = 0;
	for (const struct rdata *d = set->first; d; d = d->next)
		bytes += d->n;
	struct canonical few[16], *all = set->n > COUNT_OF(few) ? mem_zalloc_array(set->n, sizeof(*all)) : few;
	uint8_t *copies = mem_alloc(bytes), *to = copies;
	for (const struct rdata *d = set->first; d; d = d->next) {
		memcpy(to, d->bytes, d->n);
		canonical_rdata(set->type, to, d->n);
		all[n++] = (struct canonical){ to, d->n };
		to += d->n;
	}
	qsort(all, n, sizeof(*all), canonical_order);
	buf_add(out, str_slice((const char *)head, n_head));
	for (size_t i = 0; i < n; i++)
		if (i == 0 ||
		    canonical_order(&all[i - 1], &all[i]) != 0) /* two that differ in case alone are one (RFC 4034 6.3) */
			add_record(out, owner, set, &all[i]);
	mem_free(copies);
	if (all != few)
		mem_free(all);
}

/* ---- one signature ---- */

struct sign_owner sign_owner_of(const struct node *n) {
	return (struct sign_owner){ node_name(n), n->n_labels - (node_is_wildcard(n) ? 1u : 0) };
}

/* Which keys sign a set of that type. */
static unsigned role_of(uint16_t type) {
	return type == DNS_TYPE_DNSKEY || type == DNS_TYPE_CDS || type == DNS_TYPE_CDNSKEY ? KEY_SIGNS_KEYS : KEY_SIGNS_ZONE;
}

static struct rdata *room_for(const struct signer *s, const struct rrset *set, struct arena *arena) {
	struct rdata *first = NULL, **tail = &first;
	size_t n_name = s->zone->apex->n_name;
	for (size_t i = 0; i < s->keys.n; i++) {
		if (!(s->roles[i] & role_of(set->type)))
			continue;
		struct rdata *d = arena_zalloc(arena, sizeof(*d) + HEAD_BYTES + n_name + s->keys.items[i].n_signature);
		d->n = (uint16_t)(HEAD_BYTES + n_name + s->keys.items[i].n_signature);
		*tail = d;
		tail = &d->next;
	}
	return first;
}

/* Signatures of one moment do not all end in the same one, so that they are not all made anew at once. */
static int64_t end_of(const struct signer *s, struct sign_owner owner, uint16_t type, int64_t now) {
	const struct cfg_dnssec *c = &s->zone->cfg->dnssec;
	return now + (int64_t)(c->validity_ms / 1000) - (int64_t)(hash_str(owner.name, type) % (c->refresh_ms / 2000 + 1));
}

static void head_write(const struct signer *s, const struct key *k, uint8_t *p, struct sign_owner owner, const struct rrset *set,
                       int64_t now) {
	dns_put16(p, set->type);
	p[2] = k->algorithm->number;
	p[3] = (uint8_t)owner.labels;
	dns_put32(p + 4, set->ttl);
	dns_put32(p + 8, (uint32_t)end_of(s, owner, set->type, now)); /* serial arithmetic: RFC 4034 3.1.5 */
	dns_put32(p + 12, (uint32_t)(now - CLOCKS_DIFFER_S));
	dns_put16(p + 16, k->tag);
	memcpy(p + HEAD_BYTES, s->zone->apex->name, s->zone->apex->n_name);
}

static bool sign_set(const struct signer *s, struct key_signer *const *signers, struct buf *data, struct sign_owner owner,
                     const struct rrset *set, struct rdata *sigs, int64_t now) {
	size_t n_head = HEAD_BYTES + s->zone->apex->n_name;
	struct rdata *d = sigs;
	for (size_t i = 0; i < s->keys.n; i++) {
		if (!(s->roles[i] & role_of(set->type)))
			continue;
		head_write(s, &s->keys.items[i], d->bytes, owner, set, now);
		data->n = 0;
		sign_data(data, d->bytes, n_head, owner.name, set);
		if (!key_signer_sign(signers[i], buf_str(data), d->bytes + n_head, d->n - n_head))
			return false;
		d = d->next;
	}
	return true;
}

/* ---- many, by threads ---- */

struct pool {
	const struct signer *signer;
	int64_t now;
	_Atomic size_t next;
	_Atomic bool has_failed;
};

static void signers_make(const struct signer *s, struct key_signer *out[SIGN_KEYS_MAX]) {
	for (size_t i = 0; i < s->keys.n; i++)
		out[i] = s->roles[i] ? key_signer_create(s->keys.items[i].pkey, s->keys.items[i].algorithm) : NULL;
}

static bool is_cancelled(const struct signer *s) {
	return s->how.is_cancelled && atomic_load_explicit(s->how.is_cancelled, memory_order_relaxed);
}

static void *pool_work(void *arg) {
	struct pool *p = arg;
	const struct signer *s = p->signer;
	struct key_signer *signers[SIGN_KEYS_MAX];
	struct buf data = { 0 };
	signers_make(s, signers);
	size_t at;
	while (!is_cancelled(s) && (at = atomic_fetch_add_explicit(&p->next, JOBS_AT_ONCE, memory_order_relaxed)) < s->n_jobs)
		for (size_t i = at; i < at + JOBS_AT_ONCE && i < s->n_jobs; i++) {
			const struct job *j = &s->jobs[i];
			if (!sign_set(s, signers, &data, j->owner, j->set, j->set->sigs, p->now))
				atomic_store_explicit(&p->has_failed, true, memory_order_relaxed);
		}
	for (size_t i = 0; i < s->keys.n; i++)
		key_signer_destroy(signers[i]);
	buf_fini(&data);
	return NULL;
}

static unsigned threads_wanted(const struct signer *s) {
	cpu_set_t set;
	CPU_ZERO(&set);
	size_t n = s->how.max_threads, useful = s->n_jobs / JOBS_A_THREAD + 1;
	if (n == 0)
		n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
	n = n < THREADS_MAX ? n : THREADS_MAX;
	return (unsigned)(n < useful ? n : useful);
}

void signer_add(struct signer *s, struct sign_owner owner, struct rrset *set, struct arena *arena) {
	if (s->n_jobs == s->cap_jobs) {
		s->cap_jobs = s->cap_jobs ? 2 * s->cap_jobs : 64;
		s->jobs = mem_realloc_array(s->jobs, s->cap_jobs, sizeof(*s->jobs));
	}
	set->sigs = room_for(s, set, arena);
	s->jobs[s->n_jobs++] = (struct job){ owner, set };
}

static void ends_note(struct signer *s, struct sign_owner owner, uint16_t type, int64_t now) {
	int64_t end = end_of(s, owner, type, now);
	s->first_end = end < s->first_end ? end : s->first_end;
}

int signer_run(struct signer *s, int64_t now, struct err *e) {
	struct pool p = { .signer = s, .now = now };
	pthread_t threads[THREADS_MAX];
	unsigned n = 0, wanted = threads_wanted(s) - 1; /* this one works, too */
	while (n < wanted && pthread_create(&threads[n], NULL, pool_work, &p) == 0)
		n++;
	pool_work(&p);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	for (size_t i = 0; i < s->n_jobs; i++)
		ends_note(s, s->jobs[i].owner, s->jobs[i].set->type, now);
	mem_free(s->jobs);
	s->jobs = NULL;
	s->n_jobs = s->cap_jobs = 0;
	if (is_cancelled(s))
		return err_set(e, "given up");
	return p.has_failed ? err_set(e, "OpenSSL made no signature with a key of this zone") : 0;
}

struct rdata *signer_sign(struct signer *s, struct sign_owner owner, const struct rrset *set, int64_t now, struct arena *arena) {
	struct rdata *sigs = room_for(s, set, arena);
	if (!sign_set(s, s->signers, &s->data, owner, set, sigs, now))
		return NULL;
	ends_note(s, owner, set->type, now);
	return sigs;
}

/* ---- life ---- */

const struct keys *signer_keys(const struct signer *s) {
	return &s->keys;
}

int64_t signer_first_end(const struct signer *s) {
	return s->first_end;
}

int64_t signer_made(const struct signer *s) {
	return s->made;
}

int64_t signer_began(const struct signer *s) {
	return s->began;
}

const char *signer_fault(const struct signer *s) {
	return s->fault;
}

static bool roles_take_of(struct signer *s, int64_t at) {
	unsigned roles = 0;
	for (size_t i = 0; i < s->keys.n; i++)
		roles |= s->roles[i] = keys_role(&s->keys, i, at);
	s->began = at;
	return roles != 0;
}

static int roles_take(struct signer *s, const char *directory, int64_t now, struct err *e) {
	if (s->keys.n == 0)
		return err_set(e, "%s: no keys of zone %.*s; make one with `steerway dnssec generate`", directory,
		               STR_ARG(s->zone->text));
	if (s->keys.n > SIGN_KEYS_MAX)
		return err_set(e, "%s: more than %d keys of zone %.*s; remove those that are past their Delete time", directory,
		               SIGN_KEYS_MAX, STR_ARG(s->zone->text));
	if (roles_take_of(s, now))
		return 0;
	err_set(e, "%s: none of the %zu keys of zone %.*s is active now; look at their Activate and Inactive times", directory,
	        s->keys.n, STR_ARG(s->zone->text));
	if (!s->how.last_began || !roles_take_of(s, s->how.last_began))
		return -1;
	s->fault = mem_strdup(str_from(e->text));
	return 0;
}

struct signer *signer_create(struct zone *z, const struct sign_how *how, int64_t now, struct err *e) {
	struct signer *s = mem_zalloc(sizeof(*s));
	const char *directory = z->cfg->dnssec.keys.p;
	s->zone = z;
	s->made = now;
	s->first_end = INT64_MAX;
	s->how = *how;
	if (s->how.keys)
		keys_copy(&s->keys, s->how.keys);
	else if (keys_load(&s->keys, directory, node_name(z->apex), e) < 0)
		goto fail;
	if (roles_take(s, directory, now, e) < 0)
		goto fail;
	signers_make(s, s->signers);
	return s;
fail:
	signer_destroy(s);
	return NULL;
}

void signer_destroy(struct signer *s) {
	if (!s)
		return;
	for (size_t i = 0; i < SIGN_KEYS_MAX; i++)
		key_signer_destroy(s->signers[i]);
	keys_fini(&s->keys);
	buf_fini(&s->data);
	mem_free(s->fault);
	mem_free(s->jobs);
	mem_free(s);
}
