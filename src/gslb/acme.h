/* SPDX-License-Identifier: BSD-2-Clause */
/* Challenges of ACME as zones serve them: texts of the responder, and each snapshot's overlay over its names. */
#ifndef STEERWAY_GSLB_ACME_H
#define STEERWAY_GSLB_ACME_H

#include "gslb/zone.h"
#include "steerway/base/list.h"
#include "steerway/io.h"

#define ACME_TEXTS 1000
#define ACME_TEXTS_OF_NAME 16

/* A name with texts, or one between it and its zone. */
struct overlay_name {
	struct overlay_name *next; /* of the same slot */
	const struct zone *unit;
	const struct answer *texts[2]; /* without and with DNSSEC; NULL: none */
	struct dns_name name;
};
/* Immutable. */
struct overlay {
	struct arena arena;
	struct overlay_name **names; /* by hash % n_slots */
	size_t n_slots;
};
void overlay_destroy(struct overlay *o);
/* A worker's: within rcu_read_lock. `exists`: the zone has the question's name itself. False: the zone answers. */
bool overlay_find(const struct overlay *o, const struct dns_query *q, bool exists, struct found *out);

struct acme {
	struct list texts;
	unsigned n;
	struct render *render; /* the control thread's */
	struct deadline expiry;
};
/* control: NULL in tests: acme_expire is called by hand. */
void acme_init(struct acme *a, struct render *r, struct loop *control, void (*on_expire)(struct deadline *d));
void acme_fini(struct acme *a);
/* Makes the overlay of a snapshot anew. */
void acme_publish(struct acme *a, struct zones *zs);
void acme_expire(struct acme *a, struct zones *zs);
int acme_set(struct acme *a, struct zones *zs, struct str name, const struct acme_record *r, struct err *e);
int acme_clear(struct acme *a, struct zones *zs, struct str name, struct str text, struct err *e);
void acme_each(struct acme *a, void (*each)(void *arg, const struct acme_record *r), void *arg);

#endif
