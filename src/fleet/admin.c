/* SPDX-License-Identifier: BSD-2-Clause */
/* The two inputs of the truth: health's verdicts, published at the end of the turn, and the operator's words, published at once. */
#include "private.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"

static void cause_set(struct fleet_server *s, struct str cause) {
	if (str_eq(s->cause, cause))
		return;
	struct str copy = { mem_strdup(cause), cause.n };
	mem_free((char *)s->cause.p);
	s->cause = copy;
}

void fleet_set_verdict(struct fleet *f, struct fleet_server *s, enum fleet_verdict v, uint64_t changes_at_us, struct str cause) {
	if (s->is_removed || !s->has_check)
		return;
	cause_set(s, cause);
	bool is_new = atomic_load_explicit(&s->verdict, memory_order_relaxed) != (int)v;
	if (!is_new && s->changes_at_us == changes_at_us)
		return;
	s->changes_at_us = changes_at_us;
	if (is_new) {
		atomic_store_explicit(&s->verdict, v, memory_order_relaxed);
		s->changed_us = clock_now_us();
	}
	fleet_touch(f, TARGET_SERVER(s));
	fleet_publish_soon(f);
}

bool admin_apply(struct fleet *f, struct fleet_target t, enum fleet_admin a) {
	struct target_part part = target_part(t);
	struct state_word old = target_word(part);
	enum fleet_phase phase = a == FLEET_DRAIN ? FLEET_PHASE_DRAINED : FLEET_PHASE_NONE;
	if (old.admin == a && old.phase == phase)
		return false;
	*part.admin = a;
	atomic_store_explicit(&part.drain->phase, phase, memory_order_relaxed);
	part.drain->started_us = a == FLEET_DRAIN ? clock_now_us() : 0;
	part.drain->phase_until_us = part.drain->deadline_ms = part.drain->deadline_us = 0;
	log_info(part.admin_event, LOG_STR(part.kind, part.name), LOG_CSTR("from", fleet_admin_text(old.admin)),
	         LOG_CSTR("to", fleet_admin_text(a)));
	fleet_touch(f, t);
	return true;
}

void fleet_set_admin(struct fleet *f, struct fleet_target t, enum fleet_admin a) {
	if (admin_apply(f, t, a))
		fleet_publish(f);
}
