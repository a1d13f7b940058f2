/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and texts of how transactions end, from the rows of tables/ends.h. */
#include "proxy/ends.h"

static const struct {
	const char *name, *text;
	unsigned status;
} ends[PROXY_END_COUNT] = {
#define PROXY_END(id, name, status, text) [PROXY_END_##id] = { name, text, status },
#include "steerway/tables/ends.h"
#undef PROXY_END
};

const char *proxy_end_name(enum proxy_end e) {
	return ends[e].name;
}

const char *proxy_end_text(enum proxy_end e) {
	return ends[e].text;
}

unsigned proxy_end_status(enum proxy_end e) {
	return ends[e].status;
}
