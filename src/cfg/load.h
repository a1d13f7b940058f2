/* SPDX-License-Identifier: BSD-2-Clause */
/* What load.c knows while it makes a snapshot, for the cross-checks that run at its end. */
#ifndef STEERWAY_CFG_LOAD_H
#define STEERWAY_CFG_LOAD_H

#include "cfg/document.h"
#include "cfg/schema.h"

/* One section of the file that became an object. */
struct instance {
	enum schema_section_id section;
	void *object;
	const struct instance *parent; /* the section that holds it; NULL: the root */
	const struct node *node;       /* NULL: absent, the object holds defaults */
	struct str path;               /* "pools.app.servers[2]" */
	struct place at;
	uint64_t faulty; /* bits of its rows whose value is at fault: cross-checks can't trust it; all: the section is */
	struct instance *next;
};

struct fixup;
struct loader {
	struct cfg_root *root;
	struct arena *keep; /* the snapshot's */
	struct arena *tree; /* the load's */
	struct report *report;
	const struct document *document;
	struct buf path;                             /* of the key in hand */
	struct instance *instances, **next_instance; /* in the file's order, a section before what it holds */
	struct fixup *fixups, **next_fixup;
};

/* Runs every cross-check (checks.c). */
void checks_run(struct loader *l);

#endif
