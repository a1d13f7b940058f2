/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a DNSSEC key does what: its times, as BIND's tools write them into its files, and what follows from them at a time. Pure.
 */
#ifndef STEERWAY_GSLB_KEY_TIMES_H
#define STEERWAY_GSLB_KEY_TIMES_H

#include <stdbool.h>
#include <stdint.h>

enum key_event {
	KEY_CREATED,
	KEY_PUBLISH,      /* the DNSKEY record appears */
	KEY_ACTIVATE,     /* signs from here on */
	KEY_INACTIVE,     /* signs no more */
	KEY_DELETE,       /* the DNSKEY record goes */
	KEY_SYNC_PUBLISH, /* CDS and CDNSKEY ask the parent for its DS record (RFC 7344) */
	KEY_SYNC_DELETE,  /* and these go */
	KEY_EVENTS
};
extern const char *const key_event_names[KEY_EVENTS]; /* "Publish" */

struct key_times {
	int64_t at[KEY_EVENTS]; /* seconds since 1970; 0: not set */
};
enum { KEY_IS_PUBLISHED = 1, KEY_IS_ACTIVE = 2, KEY_IS_SYNCED = 4 };
/* Bits KEY_IS_*. A key without Publish and Activate is published and active; one with Publish alone never becomes active; one
 * with Activate alone is published from then on. */
unsigned key_state_at(const struct key_times *t, int64_t now);
/* The next time after `now` that its state may change; INT64_MAX: none. */
int64_t key_next_change(const struct key_times *t, int64_t now);

#endif
