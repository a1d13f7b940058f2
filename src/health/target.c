/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A target's life: probe, vote, verdict, telling the servers that go by it, next probe. One probe at a time. Owns its probe,
 * its key and history; subscriptions are owned by the room (health->subscriptions) and hang on one target each.
 */
#include "health/target.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"
#include "steerway/metric.h"

#include <stdio.h>

/* Probes without a vote that come closer than this are one episode, and one log line. */
#define BLIND_EPISODE_US (10 * USEC_PER_SEC)

/* ---- identity ---- */

struct addr target_address(const struct check *c, const struct addr *server) {
	struct addr a = *server;
	if (c->port != 0)
		addr_set_port(&a, c->port);
	return a;
}

void target_key(struct buf *out, size_t *identity_bytes, const struct check *c, const struct addr *probed) {
	char text[ADDR_TEXT_BYTES];
	buf_add(out, addr_format(probed, text));
	buf_add_char(out, ' ');
	buf_add(out, buf_str(&c->question));
	*identity_bytes = out->n;
	buf_add(out, buf_str(&c->terms));
}

/* ---- telling fleet ---- */

static void log_change(const struct subscription *s, enum fleet_verdict from, uint64_t duration_us) {
	const struct fleet_server *server = s->server;
	const struct target *t = s->target;
	char name[sizeof(((struct health_change *)0)->server)];
	bool is_up = s->told == FLEET_UP;
	snprintf(name, sizeof name, "%.*s/%.*s", STR_ARG(server->pool->name), STR_ARG(server->name));
	const struct log_field fields[] = {
		LOG_CSTR("server", name),
		LOG_STR("site", server->site->name),
		LOG_CSTR("from", fleet_verdict_text(from)),
		LOG_CSTR("to", fleet_verdict_text(s->told)),
		LOG_CSTR("cause", t->cause),
		is_up ? LOG_U64("successes", t->verdict.successes) : LOG_U64("fails", t->verdict.failures),
		LOG_U64("duration_ms", duration_us / USEC_PER_MSEC),
		LOG_STR("check", server->pool->cfg->check != NULL ? server->pool->cfg->check->id : STR("")),
		LOG_U64("epoch", fleet_epoch_due(t->health->fleet)),
	};
	enum log_level level = is_up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
	if (log_enabled(level))
		log_record(level, is_up ? "server_up" : "server_down", fields, COUNT_OF(fields));
	struct health_change *change = journal_add(t->health->journal);
	change->wall_us = clock_wall_us();
	change->epoch = fleet_epoch_due(t->health->fleet);
	change->from = from;
	change->to = s->told;
	str_copy(change->server, sizeof change->server, str_from(name));
	str_copy(change->cause, sizeof change->cause, str_from(t->cause));
	metric_add(METRIC_health_verdict_changes_total, 1);
}

void subscription_tell(struct subscription *s) {
	const struct target *t = s->target;
	struct fleet_server *server = s->server;
	uint64_t changes_at_us = schedule_change(&t->check->schedule, &t->verdict, t->check->rise, t->check->fall, t->next.at_us);
	/* Before the first vote there is nothing to say: a server that a reload gives another check keeps its verdict until then.
	 */
	if (t->verdict.state == FLEET_UNKNOWN || (s->told == t->verdict.state && s->told_changes_at_us == changes_at_us))
		return;
	enum fleet_verdict from = (enum fleet_verdict)atomic_load(&server->verdict);
	uint64_t duration_us = clock_now_us() - server->changed_us;
	s->told = t->verdict.state;
	s->told_changes_at_us = changes_at_us;
	fleet_set_verdict(t->health->fleet, server, s->told, changes_at_us, str_from(t->cause));
	if (from != s->told)
		log_change(s, from, duration_us);
}

/* ---- subscriptions ---- */

static struct str subscription_key(struct fleet_server *const *s) {
	return str_slice((const char *)s, sizeof *s);
}

struct subscription *subscription_find(const struct health *h, struct fleet_server *const *s) {
	return map_get(&h->subscriptions, subscription_key(s));
}

struct subscription *subscription_create(struct health *h, struct fleet_server *s) {
	struct subscription *sub = mem_zalloc(sizeof *sub);
	sub->server = s;
	list_init(&sub->link);
	map_put(&h->subscriptions, subscription_key(&sub->server), sub);
	return sub;
}

void subscription_move(struct subscription *s, struct target *t) {
	if (s->target == t)
		return;
	list_remove(&s->link);
	list_append(&t->subscriptions, &s->link);
	s->target = t;
	s->told = FLEET_UNKNOWN;
}

void subscription_destroy(struct health *h, struct subscription *s) {
	map_del(&h->subscriptions, subscription_key(&s->server));
	list_remove(&s->link);
	mem_free(s);
}

/* ---- probing ---- */

static void plan_next(struct target *t) {
	uint64_t at = schedule_next(&t->check->schedule, &t->verdict, t->started_us, t->ended_us, &t->health->rand);
	deadline_set(&t->next, at);
}

static void keep_evidence(struct target *t, const struct probe_result *r) {
	struct health_probe *p = &t->history[t->n_probes++ % HEALTH_EVIDENCE];
	p->wall_us = r->wall_us;
	p->duration_us = r->duration_us;
	p->is_success = r->vote == VOTE_SUCCESS;
	p->has_vote = r->vote != VOTE_NONE;
	memcpy(p->evidence, r->evidence, sizeof p->evidence);
}

static void note_no_vote(struct target *t, const struct probe_result *r) {
	struct health *h = t->health;
	metric_add(METRIC_health_probes_unknown_total, 1);
	if (t->ended_us >= h->blind_until_us) {
		char text[ADDR_TEXT_BYTES];
		log_warn("health_blind", LOG_STR("address", addr_format(&t->address, text)), LOG_CSTR("cause", r->evidence));
	}
	h->blind_until_us = t->ended_us + BLIND_EPISODE_US;
}

static void note_first_vote(struct target *t) {
	struct health *h = t->health;
	if (!t->is_first_pending)
		return;
	t->is_first_pending = false;
	if (--h->n_first_pending == 0)
		h->is_ready = true;
}

static void tell_all(struct target *t) {
	LIST_EACH(it, &t->subscriptions)
		subscription_tell(CONTAINER_OF(it, struct subscription, link));
}

static void on_result(void *owner, const struct probe_result *r) {
	struct target *t = owner;
	t->ended_us = clock_now_us();
	keep_evidence(t, r);
	metric_add(METRIC_health_probes_total, 1);
	if (r->vote == VOTE_FAILURE)
		metric_add(METRIC_health_probe_failures_total, 1);
	if (r->vote == VOTE_NONE)
		note_no_vote(t, r);
	else
		note_first_vote(t);
	if (verdict_vote(&t->verdict, r->vote, t->check->rise, t->check->fall))
		memcpy(t->cause, r->evidence, sizeof t->cause);
	plan_next(t);
	tell_all(t);
}

static void on_next(struct deadline *d) {
	struct target *t = CONTAINER_OF(d, struct target, next);
	t->started_us = clock_now_us();
	probe_start(&t->probe, t->check, t->health->loop, &t->address, on_result, t);
}

void target_suspect(struct target *t) {
	/* A running probe answers the question; one that is down already can't fall further. */
	if (t->probe != NULL || t->verdict.state == FLEET_DOWN)
		return;
	deadline_set(&t->next, schedule_suspect(&t->check->schedule, t->next.at_us, t->ended_us, clock_now_us()));
	tell_all(t); /* what is in transition changes earlier */
}

/* ---- life ---- */

struct target *target_create(struct health *h, struct check *c, const struct addr *probed) {
	struct target *t = mem_zalloc(sizeof *t);
	struct buf key = { 0 };
	target_key(&key, &t->identity_bytes, c, probed);
	t->key = buf_str(&key);
	t->health = h;
	t->check = check_hold(c);
	t->address = *probed;
	t->is_first_pending = true;
	h->n_first_pending++;
	list_init(&t->subscriptions);
	deadline_init(&t->next, h->loop, on_next);
	return t;
}

void target_inherit(struct target *t, const struct target *from) {
	t->verdict = from->verdict;
	memcpy(t->cause, from->cause, sizeof t->cause);
	t->started_us = from->started_us;
	t->ended_us = from->ended_us;
	t->n_probes = from->n_probes;
	memcpy(t->history, from->history, sizeof t->history);
	if (t->is_first_pending && !from->is_first_pending) {
		t->is_first_pending = false;
		t->health->n_first_pending--;
	}
}

void target_start(struct target *t, uint64_t at_us) {
	deadline_set(&t->next, at_us);
}

void target_destroy(struct target *t) {
	probe_cancel(&t->probe);
	deadline_fini(&t->next);
	if (t->is_first_pending)
		t->health->n_first_pending--;
	check_release(t->check);
	mem_free((void *)(uintptr_t)t->key.p);
	mem_free(t);
}
