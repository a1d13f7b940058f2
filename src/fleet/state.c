/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decides, purely, whether a server takes requests and whether DNS may name a site. The operator's word at any level wins over
 * the probes; a word against (down, maint, a drain that has reached the requests) at any level wins over a word for (up).
 */
#include "private.h"

static const char *const verdict_texts[] = { [FLEET_UNKNOWN] = "unknown", [FLEET_UP] = "up", [FLEET_DOWN] = "down" };
static const char *const admin_texts[] = { [FLEET_READY] = "ready",
	                                   [FLEET_DRAIN] = "drain",
	                                   [FLEET_MAINT] = "maint",
	                                   [FLEET_FORCED_UP] = "up",
	                                   [FLEET_FORCED_DOWN] = "down" };
static const char *const phase_texts[] = { [FLEET_PHASE_NONE] = "none",
	                                   [FLEET_PHASE_DNS] = "dns",
	                                   [FLEET_PHASE_REQUESTS] = "requests",
	                                   [FLEET_PHASE_SESSIONS] = "sessions",
	                                   [FLEET_PHASE_DRAINED] = "drained" };

const char *fleet_verdict_text(enum fleet_verdict v) {
	return verdict_texts[v];
}

const char *fleet_admin_text(enum fleet_admin a) {
	return admin_texts[a];
}

const char *fleet_phase_text(enum fleet_phase p) {
	return phase_texts[p];
}

bool state_is_against(struct state_word w) {
	return w.admin == FLEET_MAINT || w.admin == FLEET_FORCED_DOWN ||
	       (w.admin == FLEET_DRAIN && w.phase >= FLEET_PHASE_REQUESTS);
}

bool state_takes_requests(enum fleet_verdict v, struct state_word server, struct state_word pool, struct state_word site) {
	if (state_is_against(server) || state_is_against(pool) || state_is_against(site))
		return false;
	if (server.admin == FLEET_FORCED_UP || pool.admin == FLEET_FORCED_UP || site.admin == FLEET_FORCED_UP)
		return true;
	/* Unknown takes requests: at start there is no verdict yet, and the first result decides. */
	return v != FLEET_DOWN;
}

static bool is_against_sticky(struct state_word w) {
	return state_is_against(w) && !(w.admin == FLEET_DRAIN && w.phase == FLEET_PHASE_REQUESTS);
}

bool state_takes_sticky(enum fleet_verdict v, struct state_word server, struct state_word pool, struct state_word site) {
	static const struct state_word ready = { FLEET_READY, FLEET_PHASE_NONE };
	if (is_against_sticky(server) || is_against_sticky(pool) || is_against_sticky(site))
		return false;
	return state_takes_requests(v, server.admin == FLEET_DRAIN ? ready : server, pool.admin == FLEET_DRAIN ? ready : pool,
	                            site.admin == FLEET_DRAIN ? ready : site);
}

unsigned state_ramp(uint64_t since_us, uint64_t slow_start_us) {
	if (since_us >= slow_start_us)
		return 100;
	return RAMP_MIN + (unsigned)((100 - RAMP_MIN) * since_us / slow_start_us);
}

bool state_is_answerable(struct state_word site) {
	return site.admin == FLEET_READY || site.admin == FLEET_FORCED_UP;
}
