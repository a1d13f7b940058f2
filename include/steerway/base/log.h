/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The error log: a constant event name, then typed fields; one record for each change of state, written where it is decided.
 *
 *	log_info("server_down", LOG_STR("server", s->name), LOG_U64("fails", n));
 *
 * A record is rendered as one line of text or JSON and handed to the sink, which must not block (io's log writer; standard
 * error until that runs).
 */
#ifndef STEERWAY_BASE_LOG_H
#define STEERWAY_BASE_LOG_H

#include "steerway/base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
	const char *key;
	enum { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_F64, LOG_FIELD_BOOL } type;
	union {
		struct str str;
		uint64_t u64;
		int64_t i64;
		double f64;
		bool boolean;
	};
};

#define LOG_STR(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_STR, .str = (v) })
#define LOG_CSTR(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_STR, .str = str_from(v) })
#define LOG_U64(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_U64, .u64 = (v) })
#define LOG_I64(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_I64, .i64 = (v) })
#define LOG_F64(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_F64, .f64 = (v) })
#define LOG_BOOL(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_BOOL, .boolean = (v) })

void log_record(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields);

#define LOG_AT(level, event, ...)                                                                                                \
	do {                                                                                                                     \
		if (log_enabled(level))                                                                                          \
			log_record(level, event, (struct log_field[]){ __VA_ARGS__ },                                            \
			           sizeof((struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field));                      \
	} while (0)
/* Every record carries at least one field. */
#define log_debug(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)

bool log_enabled(enum log_level level);
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
/* line ends in '\n'. NULL restores standard error. Returns nothing: a sink that is full counts what it lost. */
void log_set_sink(void (*sink)(struct str line));
/* Wall time as RFC 3339 with microseconds, "2026-11-20T21:41:00.123456Z" (27 bytes, no NUL). */
#define LOG_TIME_BYTES 27
void log_format_time(char out[LOG_TIME_BYTES], uint64_t wall_us);

#endif
