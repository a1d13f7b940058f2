/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of methods, faults and statuses as functions. */
#include "http/private.h"

enum http_method http_method_lookup(struct str name) {
	static const struct str methods[HTTP_METHOD_COUNT] = {
#define HTTP_METHOD(name, is_safe, is_idempotent) [HTTP_METHOD_##name] = STR_INIT(#name),
#include "steerway/tables/http_methods.h"
#undef HTTP_METHOD
	};
	for (unsigned i = HTTP_METHOD_OTHER + 1; i < HTTP_METHOD_COUNT; i++)
		if (str_eq(name, methods[i]))
			return (enum http_method)i;
	return HTTP_METHOD_OTHER;
}

bool http_method_is_safe(enum http_method m) {
	static const bool table[HTTP_METHOD_COUNT] = {
#define HTTP_METHOD(name, is_safe, is_idempotent) [HTTP_METHOD_##name] = is_safe,
#include "steerway/tables/http_methods.h"
#undef HTTP_METHOD
	};
	return table[m];
}

bool http_method_is_idempotent(enum http_method m) {
	static const bool table[HTTP_METHOD_COUNT] = {
#define HTTP_METHOD(name, is_safe, is_idempotent) [HTTP_METHOD_##name] = is_idempotent,
#include "steerway/tables/http_methods.h"
#undef HTTP_METHOD
	};
	return table[m];
}

static const struct {
	uint16_t status;
	const char *text;
} faults[HTTP_FAULT_COUNT] = {
	[HTTP_FAULT_NONE] = { 0, "no fault" },
#define HTTP_FAULT(id, status, text) [HTTP_FAULT_##id] = { status, text },
#include "steerway/tables/http_faults.h"
#undef HTTP_FAULT
};

unsigned http_fault_status(enum http_fault f) {
	return faults[f].status;
}

const char *http_fault_text(enum http_fault f) {
	return faults[f].text;
}

const char *http_status_text(unsigned status) {
	switch (status) {
#define HTTP_STATUS(number, reason)                                                                                              \
	case number:                                                                                                             \
		return reason;
#include "steerway/tables/http_statuses.h"
#undef HTTP_STATUS
	default:
		return "Unknown";
	}
}
