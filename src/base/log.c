/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renders a record of the error log as one line and hands it to the sink. The line is built in 4 KiB on the stack: a string that
 * does not fit is cut between characters, a field that does not fit ends the record; either way the line is closed
 * properly and ends in truncated=true. Bytes from peers can't break a line or reach a terminal: see json.h.
 */
#include "steerway/base/log.h"

#include "json.h"
#include "steerway/base/clock.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

static void write_stderr(struct str line) {
	/* What standard error does not take is gone: there is nowhere else to say so. */
	ssize_t ignored = write(STDERR_FILENO, line.p, line.n);
	(void)ignored;
}

typedef void (*log_sink)(struct str line);
static _Atomic(log_sink) sink = write_stderr;
static _Atomic int lowest_level = LOG_LEVEL_INFO;
static _Atomic int chosen_format = LOG_FORMAT_TEXT;

bool log_enabled(enum log_level level) {
	return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

void log_set_level(enum log_level level) {
	atomic_store_explicit(&lowest_level, (int)level, memory_order_relaxed);
}

void log_set_format(enum log_format format) {
	atomic_store_explicit(&chosen_format, (int)format, memory_order_relaxed);
}

void log_set_sink(void (*to)(struct str line)) {
	atomic_store_explicit(&sink, to != NULL ? to : write_stderr, memory_order_release);
}

/* ---- time ---- */

static void put_digits(char *to, unsigned value, int width) {
	while (width-- > 0) {
		to[width] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Days since 1970-01-01 to a date: years begin in March here, so that the leap day is a year's last. */
static void put_date(char out[10], uint64_t days) {
	uint64_t from_era_0 = days + 719468; /* 0000-03-01 */
	uint64_t era = from_era_0 / 146097, day_of_era = from_era_0 % 146097;
	uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month_from_march = (5 * day_of_year + 2) / 153;
	uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	put_digits(out, (unsigned)(era * 400 + year_of_era + (month <= 2)), 4);
	out[4] = '-';
	put_digits(out + 5, (unsigned)month, 2);
	out[7] = '-';
	put_digits(out + 8, (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1), 2);
}

static void put_second(char out[LOG_TIME_BYTES], uint64_t seconds) {
	unsigned of_day = (unsigned)(seconds % 86400);
	memcpy(out, "0000-00-00T00:00:00.000000Z", LOG_TIME_BYTES);
	put_date(out, seconds / 86400);
	put_digits(out + 11, of_day / 3600, 2);
	put_digits(out + 14, of_day / 60 % 60, 2);
	put_digits(out + 17, of_day % 60, 2);
}

void log_format_time(char out[LOG_TIME_BYTES], uint64_t wall_us) {
	static const uint64_t last_us = UINT64_C(253402300799999999); /* 9999-12-31T23:59:59.999999Z */
	if (wall_us > last_us)
		wall_us = last_us;
	uint64_t seconds = wall_us / USEC_PER_SEC;
	/* A thread that logs requests asks thousands of times within a second. */
	static _Thread_local uint64_t shown_seconds = UINT64_MAX;
	static _Thread_local char shown[LOG_TIME_BYTES];
	if (seconds != shown_seconds) {
		put_second(shown, seconds);
		shown_seconds = seconds;
	}
	memcpy(out, shown, LOG_TIME_BYTES);
	put_digits(out + 20, (unsigned)(wall_us % USEC_PER_SEC), 6);
}

/* ---- the line ---- */

static const struct str truncated_text = STR_INIT(" truncated=true"), truncated_json = STR_INIT(",\"truncated\":true");
/* Kept free for the end of a cut line: a quote, the mark, a brace, a newline. */
enum { TAIL_BYTES = 24 };

struct line {
	char p[LINE_BYTES];
	size_t n;
	bool is_json, is_cut;
};

static size_t room(const struct line *l) {
	return LINE_BYTES - TAIL_BYTES - l->n;
}

static void put(struct line *l, struct str s) {
	if (s.n > 0)
		memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
}

/* A quoted string, cut when it does not fit; the caller left room for the quotes. */
static void put_quoted(struct line *l, struct str s) {
	put(l, STR("\""));
	while (s.n > 0 && !l->is_cut) {
		char escaped[JSON_CHAR_BYTES];
		struct str piece = str_slice(s.p, json_plain(s));
		if (piece.n > 0)
			s = str_skip(s, piece.n);
		else
			piece = str_slice(escaped, json_escape(&s, escaped));
		if (piece.n > room(l) - 1) {
			l->is_cut = true;
			piece.n = piece.p == escaped ? 0 : room(l) - 1;
		}
		put(l, piece);
	}
	put(l, STR("\""));
}

/* Does the text format show it without quotes? */
static bool is_bare(struct str s) {
	if (s.n == 0 || json_plain(s) < s.n)
		return false;
	return str_find_char(s, ' ') == s.n && str_find_char(s, '=') == s.n;
}

static struct str render_number(const struct log_field *f, bool is_json, char *out, size_t size) {
	int n = 0;
	switch (f->type) {
	case LOG_FIELD_STR:
		break;
	case LOG_FIELD_U64:
		n = snprintf(out, size, "%llu", (unsigned long long)f->u64);
		break;
	case LOG_FIELD_I64:
		n = snprintf(out, size, "%lld", (long long)f->i64);
		break;
	case LOG_FIELD_F64:
		/* JSON has no word for infinity or NaN. */
		n = is_json && !isfinite(f->f64) ? snprintf(out, size, "null") : snprintf(out, size, "%.15g", f->f64);
		break;
	case LOG_FIELD_BOOL:
		n = snprintf(out, size, "%s", f->boolean ? "true" : "false");
		break;
	}
	return str_slice(out, (size_t)n);
}

static void put_field(struct line *l, const struct log_field *f) {
	char number[32];
	bool is_str = f->type == LOG_FIELD_STR;
	struct str key = str_from(f->key), value = is_str ? f->str : render_number(f, l->is_json, number, sizeof number);
	bool is_quoted = is_str && (l->is_json || !is_bare(value));
	/* A quoted value can be cut down to its quotes; a number, or a bare word that is too long, can't be cut in the middle. */
	if (is_str && !is_quoted && value.n > room(l))
		is_quoted = true;
	size_t least = key.n + 4 + (is_quoted ? 2 + JSON_CHAR_BYTES : value.n);
	if (least > room(l)) {
		l->is_cut = true;
		return;
	}
	put(l, l->is_json ? STR(",\"") : STR(" "));
	put(l, key);
	put(l, l->is_json ? STR("\":") : STR("="));
	if (is_quoted)
		put_quoted(l, value);
	else
		put(l, value);
}

void log_record(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields) {
	static const struct str levels[] = { STR_INIT("debug"), STR_INIT("info"), STR_INIT("warn"), STR_INIT("error") };
	char time[LOG_TIME_BYTES];
	struct line l;
	l.n = 0;
	l.is_cut = false;
	l.is_json = atomic_load_explicit(&chosen_format, memory_order_relaxed) == LOG_FORMAT_JSON;
	log_format_time(time, clock_wall_fresh_us());

	put(&l, l.is_json ? STR("{\"ts\":\"") : STR_NONE);
	put(&l, str_slice(time, sizeof time));
	put(&l, l.is_json ? STR("\",\"level\":\"") : STR(" "));
	put(&l, levels[level]);
	put(&l, l.is_json ? STR("\",\"event\":\"") : STR(" "));
	put(&l, str_slice(event, strnlen(event, 128)));
	put(&l, l.is_json ? STR("\"") : STR_NONE);
	for (size_t i = 0; i < n_fields && !l.is_cut; i++)
		put_field(&l, &fields[i]);
	if (l.is_cut)
		put(&l, l.is_json ? truncated_json : truncated_text);
	put(&l, l.is_json ? STR("}\n") : STR("\n"));
	log_sink to = atomic_load_explicit(&sink, memory_order_acquire);
	to(str_slice(l.p, l.n));
}
