/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of faults on cold paths. Never allocates; a text that is too long is cut. */
#include "steerway/base/err.h"

#include "steerway/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, const char *format, ...) {
	/* Arguments may point into e->text, so it is not written to while they are read. */
	char text[sizeof e->text];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	memcpy(e->text, text, sizeof text);
	return -1;
}

/* "head: tail", cut to what an err holds. */
static int join(struct err *e, struct str head, struct str tail) {
	char text[sizeof e->text];
	size_t n = head.n < sizeof text - 1 ? head.n : sizeof text - 1;
	memcpy(text, head.p, n);
	if (n + 2 < sizeof text) {
		memcpy(text + n, ": ", 2);
		n += 2;
	}
	str_copy(text + n, sizeof text - n, tail);
	memcpy(e->text, text, sizeof text);
	return -1;
}

int err_context(struct err *e, const char *format, ...) {
	char head[sizeof e->text];
	va_list args;
	va_start(args, format);
	vsnprintf(head, sizeof head, format, args);
	va_end(args);
	return join(e, str_from(head), str_from(e->text));
}

int err_errno(struct err *e, const char *format, ...) {
	int number = errno;
	char head[sizeof e->text], reason[128];
	va_list args;
	va_start(args, format);
	vsnprintf(head, sizeof head, format, args);
	va_end(args);
	return join(e, str_from(head), str_from(strerror_r(number, reason, sizeof reason)));
}
