/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One parser and one writer a type: numbers with units, ranges, addresses, paths, text. Each refuses with what is wrong and how to
 * mend it; bounds come from the row. What members point to belongs to the caller's arena.
 */
#include "cfg/scalar.h"

#include "cfg/document.h"
#include "cfg/report.h"

#include "steerway/base/addr.h"
#include "steerway/base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pcre2.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 4096

struct unit {
	const char *text;
	uint64_t factor;
};

/* The largest first: the writer takes the first that divides. */
static const struct unit msec_units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
static const struct unit size_units[] = {
	{ "GiB", UINT64_C(1) << 30 },
	{ "MiB", 1 << 20 },
	{ "KiB", 1 << 10 },
	{ "GB", 1000000000 },
	{ "MB", 1000000 },
	{ "KB", 1000 },
	{ "B", 1 },
};

/* Splits "250ms" into digits and the rest; false without digits or above UINT64_MAX. */
static bool split_number(struct str text, uint64_t *number, struct str *rest) {
	size_t n = 0;
	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	*rest = str_skip(text, n);
	return str_to_u64(str_slice(text.p, n), number);
}

static bool scale(uint64_t number, struct str unit, const struct unit *units, size_t n, uint64_t *out) {
	for (size_t i = 0; i < n; i++)
		if (str_eq(unit, str_from(units[i].text)))
			return !__builtin_mul_overflow(number, units[i].factor, out);
	return false;
}

static bool number_msec(struct str text, uint64_t *out, struct err *why) {
	uint64_t number;
	struct str unit;
	if (split_number(text, &number, &unit)) {
		if (number == 0 && unit.n == 0) {
			*out = 0;
			return true;
		}
		if (scale(number, unit, msec_units, COUNT_OF(msec_units), out))
			return true;
		if (unit.n == 0)
			return err_set(why, "\"%.*s%s\" has no unit; write %.*ss or %.*sms", REPORT_VALUE(text), STR_ARG(text),
			               STR_ARG(text)) == 0;
	}
	return err_set(why, "\"%.*s%s\" is not a duration; write a whole number with ms, s, m, h or d, as 250ms",
	               REPORT_VALUE(text)) == 0;
}

static bool number_size(struct str text, uint64_t *out, struct err *why) {
	uint64_t number;
	struct str unit;
	if (split_number(text, &number, &unit) &&
	    scale(number, unit.n > 0 ? unit : STR("B"), size_units, COUNT_OF(size_units), out))
		return true;
	return err_set(why, "\"%.*s%s\" is not a size; write a whole number with B, KB, MB, GB, KiB, MiB or GiB, as 32KiB",
	               REPORT_VALUE(text)) == 0;
}

static bool number_plain(struct str text, uint64_t *out, struct err *why) {
	return str_to_u64(text, out) ||
	       err_set(why, "\"%.*s%s\" is not a whole number; write digits alone", REPORT_VALUE(text)) == 0;
}

static bool number_workers(struct str text, uint64_t *out, struct err *why) {
	if (!str_eq(text, STR("auto")))
		return str_to_u64(text, out) ||
		       err_set(why, "\"%.*s%s\" is no number of workers; write a number or auto", REPORT_VALUE(text)) == 0;
	cpu_set_t set;
	CPU_ZERO(&set);
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
	*out = n < 1 ? 1 : n > 256 ? 256 : (uint64_t)n;
	return true;
}

static bool number_suffixed(struct str text, const char *suffix, uint64_t *out) {
	uint64_t number;
	struct str rest;
	*out = 0;
	if (!split_number(text, &number, &rest) || !str_eq(rest, str_from(suffix)))
		return false;
	*out = number;
	return true;
}

static bool number_percent(struct str text, uint64_t *out, struct err *why) {
	return number_suffixed(text, "%", out) ||
	       err_set(why, "\"%.*s%s\" is not a percentage; write a whole number with %%, as 20%%", REPORT_VALUE(text)) == 0;
}

static bool number_rate(struct str text, uint64_t *out, struct err *why) {
	return number_suffixed(text, "rps", out) ||
	       err_set(why, "\"%.*s%s\" is not a rate; write requests a second, as 4000rps", REPORT_VALUE(text)) == 0;
}

static bool number_mode(struct str text, uint64_t *out, struct err *why) {
	*out = 0;
	for (size_t i = 0; i < text.n && i < 5; i++)
		*out = text.p[i] >= '0' && text.p[i] <= '7' ? *out * 8 + (uint64_t)(text.p[i] - '0') : 07777777;
	return ((text.n == 3 || (text.n == 4 && text.p[0] == '0')) && *out <= 0777) ||
	       err_set(why, "\"%.*s%s\" is not a mode; write octal digits, as \"0660\"", REPORT_VALUE(text)) == 0;
}

/* By type; NULL: not a whole number. */
static bool (*const number_of[SCHEMA_TYPE_COUNT])(struct str, uint64_t *, struct err *) = {
	[SCHEMA_UINT] = number_plain, [SCHEMA_WORKERS] = number_workers, [SCHEMA_MSEC] = number_msec,
	[SCHEMA_SIZE] = number_size,  [SCHEMA_PERCENT] = number_percent, [SCHEMA_RATE] = number_rate,
	[SCHEMA_MODE] = number_mode,  [SCHEMA_TTL] = number_msec,
};

static bool number_in_bounds(const struct scalar *s, struct str text, uint64_t number) {
	const struct schema_row *row = s->row;
	uint64_t bound;
	if (row->min && number_of[row->type](str_from(row->min), &bound, s->why) && number < bound)
		return err_set(s->why, "%.*s is below the smallest allowed value; write at least %s", STR_ARG(text), row->min) ==
		       0;
	if (row->max && number_of[row->type](str_from(row->max), &bound, s->why) && number > bound)
		return err_set(s->why, "%.*s is above the largest allowed value; write at most %s", STR_ARG(text), row->max) == 0;
	return true;
}

static bool parse_u64(const struct scalar *s, void *field) {
	uint64_t *out = field;
	return number_of[s->row->type](s->text, out, s->why) && number_in_bounds(s, s->text, *out);
}

static bool parse_u32(const struct scalar *s, void *field) {
	uint64_t number;
	if (!number_of[s->row->type](s->text, &number, s->why) || !number_in_bounds(s, s->text, number))
		return false;
	if (number > UINT32_MAX)
		return err_set(s->why, "%.*s%s is too large", REPORT_VALUE(s->text)) == 0;
	*(uint32_t *)field = (uint32_t)number;
	return true;
}

static bool parse_bool(const struct scalar *s, void *field) {
	*(bool *)field = str_eq(s->text, STR("true"));
	return *(bool *)field || str_eq(s->text, STR("false")) ||
	       err_set(s->why, "\"%.*s%s\" is neither true nor false; write one of them", REPORT_VALUE(s->text)) == 0;
}

/* "1.25": digits, and at most six behind the point; no sign, no exponent. */
static bool decimal_read(struct str text, double *out) {
	size_t point = str_find_char(text, '.');
	struct str fraction = point < text.n ? str_skip(text, point + 1) : STR("0");
	uint64_t whole, parts;
	if (!str_to_u64(str_slice(text.p, point), &whole) || !str_to_u64(fraction, &parts) || fraction.n > 6)
		return false;
	double divisor = 1;
	for (size_t i = 0; i < fraction.n; i++)
		divisor *= 10;
	*out = (double)whole + (double)parts / divisor;
	return true;
}

static bool parse_decimal(const struct scalar *s, void *field) {
	double *out = field, bound;
	if (!decimal_read(s->text, out))
		return err_set(s->why, "\"%.*s%s\" is not a number; write it as 1.25", REPORT_VALUE(s->text)) == 0;
	if (s->row->min && decimal_read(str_from(s->row->min), &bound) && *out < bound)
		return err_set(s->why, "%.*s is below the smallest allowed value; write at least %s", STR_ARG(s->text),
		               s->row->min) == 0;
	if (s->row->max && decimal_read(str_from(s->row->max), &bound) && *out > bound)
		return err_set(s->why, "%.*s is above the largest allowed value; write at most %s", STR_ARG(s->text),
		               s->row->max) == 0;
	return true;
}

/* One of the two numbers a call: latitude, then longitude. */
static bool parse_location(const struct scalar *s, void *field) {
	static const double most[] = { 90, 180 };
	struct cfg_location *out = field;
	bool is_negative = str_starts(s->text, STR("-"));
	double *degrees = &out->degrees[out->n];
	if (out->n == COUNT_OF(most))
		return err_set(s->why, "%.*s%s is one number too many; write [latitude, longitude]", REPORT_VALUE(s->text)) == 0;
	if (!decimal_read(str_skip(s->text, is_negative), degrees) || *degrees > most[out->n])
		return err_set(s->why, "\"%.*s%s\" is no %s; write degrees from -%g to %g, as -6.25", REPORT_VALUE(s->text),
		               out->n ? "longitude" : "latitude", most[out->n], most[out->n]) == 0;
	*degrees = is_negative ? -*degrees : *degrees;
	out->n++;
	return true;
}

/* Not empty, not huge, and nothing that C strings can't hold. */
static bool text_is_usable(const struct scalar *s) {
	if (s->text.n == 0)
		return err_set(s->why, "is empty; give a value or remove the key") == 0;
	if (s->text.n > TEXT_MAX)
		return err_set(s->why, "is longer than %d bytes; shorten it", TEXT_MAX) == 0;
	if (memchr(s->text.p, 0, s->text.n))
		return err_set(s->why, "holds a NUL byte; remove it") == 0;
	return true;
}

static bool parse_text(const struct scalar *s, void *field) {
	if (!text_is_usable(s))
		return false;
	*(struct str *)field = arena_str(s->arena, s->text);
	return true;
}

static bool parse_str(const struct scalar *s, void *field) {
	for (size_t i = 0; i < s->text.n; i++)
		if ((unsigned char)s->text.p[i] < 0x20 || s->text.p[i] == 0x7f)
			return err_set(s->why, "holds a control character; remove it") == 0;
	return parse_text(s, field);
}

static bool parse_path(const struct scalar *s, void *field) {
	struct str text = STR_NONE;
	if (!parse_str(s, &text))
		return false;
	/* "-" is a stream and no file. */
	*(struct str *)field = str_eq(text, STR("-")) ? text : path_resolve(s->arena, s->directory, text);
	return true;
}

int scalar_regex_captures(struct str pattern, struct err *why) {
	int code;
	uint32_t n = 0;
	PCRE2_SIZE offset;
	/* \C is refused as the checks refuse it: it could match half a character. */
	pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
	if (!compiled) {
		PCRE2_UCHAR text[128] = "";
		pcre2_get_error_message(code, text, sizeof(text));
		return err_set(why, "not a valid regular expression: %s; look at offset %zu", (const char *)text, (size_t)offset);
	}
	pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &n);
	pcre2_code_free(compiled);
	return (int)n;
}

static bool parse_regex(const struct scalar *s, void *field) {
	return parse_text(s, field) && scalar_regex_captures(s->text, s->why) >= 0;
}

static bool parse_enum(const struct scalar *s, void *field) {
	const struct schema_enum *values = schema_enum(s->row->param);
	struct nearest nearest;
	nearest_init(&nearest, s->text);
	for (unsigned i = 0; i < values->n; i++) {
		if (str_eq(s->text, str_from(values->texts[i]))) {
			memcpy(field, &i, sizeof(i));
			buf_fini(&nearest.all);
			return true;
		}
		nearest_offer(&nearest, str_from(values->texts[i]));
	}
	struct buf hint = { 0 };
	nearest_finish(&nearest, &hint, "write one of", "");
	err_set(s->why, "unknown value \"%.*s%s\"; %.*s", REPORT_VALUE(s->text), STR_ARG(buf_str(&hint)));
	buf_fini(&hint);
	return false;
}

/* Values of an enum as bits: one each call, or the default's "[a, b]". */
static bool parse_enums(const struct scalar *s, void *field) {
	uint32_t *bits = field;
	struct str rest = s->text, part;
	if (str_starts(rest, STR("[")) && str_ends(rest, STR("]")))
		rest = str_slice(rest.p + 1, rest.n - 2);
	while (str_next(&rest, ',', &part)) {
		struct scalar one = *s;
		unsigned value;
		one.text = str_trim(part);
		if (!parse_enum(&one, &value))
			return false;
		*bits |= UINT32_C(1) << value;
	}
	return true;
}

static bool parse_ttl(const struct scalar *s, void *field) {
	size_t dots = str_find(s->text, STR(".."));
	struct str ends[2] = { str_slice(s->text.p, dots), dots < s->text.n ? str_skip(s->text, dots + 2) : s->text };
	uint64_t ms[2] = { 0, 0 };
	if (ends[0].n == 0 || ends[1].n == 0)
		return err_set(s->why, "\"%.*s%s\" is not a TTL; write it as 30s or 5s..60s", REPORT_VALUE(s->text)) == 0;
	for (size_t i = 0; i < 2; i++) {
		if (!number_msec(ends[i], &ms[i], s->why) || !number_in_bounds(s, ends[i], ms[i]))
			return false;
		if (ms[i] % 1000 != 0)
			return err_set(s->why, "%.*s is no whole number of seconds; a TTL counts seconds", STR_ARG(ends[i])) == 0;
	}
	if (ms[0] > ms[1])
		return err_set(s->why, "%.*s runs backwards; write the shorter TTL first", STR_ARG(s->text)) == 0;
	*(struct cfg_ttl *)field = (struct cfg_ttl){ (uint32_t)(ms[0] / 1000), (uint32_t)(ms[1] / 1000) };
	return true;
}

/* ---- lists: each value is appended ---- */

/* Room for one more behind n; grows to the double at each power of two, so that the capacity needs no keeping. */
static void *items_append(struct arena *a, void *items, size_t n, size_t size) {
	if ((n & (n - 1)) != 0)
		return items;
	char *grown = arena_zalloc(a, (n ? 2 * n : 1) * size);
	if (n > 0)
		memcpy(grown, items, n * size);
	return grown;
}

static bool parse_addr(const struct scalar *s, void *field) {
	return addr_parse(field, s->text) ||
	       err_set(s->why, "\"%.*s%s\" is not an address with port; write it as \"192.0.2.1:80\" or \"[2001:db8::1]:80\"",
	               REPORT_VALUE(s->text)) == 0;
}

static bool addrs_add(const struct scalar *s, struct cfg_addrs *list, const struct addr *a) {
	for (size_t i = 0; i < list->n; i++)
		if (addr_eq(&list->items[i], a) && !(addr_port(a) == 0 && s->row->type == SCHEMA_ADDRS))
			return err_set(s->why, "%.*s is given twice; remove one", STR_ARG(s->text)) == 0;
	list->items = items_append(s->arena, list->items, list->n, sizeof(*a));
	list->items[list->n++] = *a;
	return true;
}

static bool parse_addrs(const struct scalar *s, void *field) {
	struct addr a;
	return parse_addr(s, &a) && addrs_add(s, field, &a);
}

static bool parse_ips(const struct scalar *s, void *field) {
	struct addr a;
	if (!addr_parse_ip(&a, s->text))
		return err_set(s->why, "\"%.*s%s\" is not an IP address; write it as 192.0.2.1 or \"2001:db8::1\", without port",
		               REPORT_VALUE(s->text)) == 0;
	return addrs_add(s, field, &a);
}

static bool parse_nets(const struct scalar *s, void *field) {
	struct cfg_nets *list = field;
	struct addr_net net;
	if (!addr_net_parse(&net, s->text))
		return err_set(
			   s->why,
			   "\"%.*s%s\" is no network; write it as 10.0.0.0/8 or \"2001:db8::/32\", with no bit set behind the "
			   "prefix",
			   REPORT_VALUE(s->text)) == 0;
	list->items = items_append(s->arena, list->items, list->n, sizeof(net));
	list->items[list->n++] = net;
	return true;
}

static bool parse_strs(const struct scalar *s, void *field) {
	struct cfg_strs *list = field;
	struct str text;
	if (!parse_str(s, &text))
		return false;
	list->items = items_append(s->arena, list->items, list->n, sizeof(text));
	list->items[list->n++] = text;
	return true;
}

static bool status_range_read(struct str text, struct cfg_status_range *out) {
	text = str_trim(text);
	size_t dash = str_find_char(text, '-');
	uint64_t first, last;
	if (!str_to_u64(str_slice(text.p, dash), &first) || !str_to_u64(dash < text.n ? str_skip(text, dash + 1) : text, &last))
		return false;
	*out = (struct cfg_status_range){ (uint16_t)first, (uint16_t)last };
	return first >= 100 && last <= 599 && first <= last;
}

static bool parse_status(const struct scalar *s, void *field) {
	struct cfg_status *list = field;
	struct str rest = s->text, part;
	if (s->text.n > TEXT_MAX)
		return text_is_usable(s);
	do { /* a comma at the end leaves an empty part, as one at the start does */
		struct cfg_status_range range;
		if (!str_next(&rest, ',', &part) || !status_range_read(part, &range))
			return err_set(s->why, "\"%.*s%s\" are no status codes; write them as 200-299 or 200,204,300-399",
			               REPORT_VALUE(s->text)) == 0;
		list->items = items_append(s->arena, list->items, list->n, sizeof(range));
		list->items[list->n++] = range;
	} while (rest.n > 0 || str_ends(s->text, STR(",")));
	return true;
}

int file_check(const char *path, struct err *why) {
	struct stat st;
	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		return err_errno(why, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(why, "cannot read %s: not a regular file", path);
	return 0;
}

static bool parse_paths(const struct scalar *s, void *field) {
	struct cfg_strs *list = field;
	struct str pattern;
	if (!parse_path(s, &pattern))
		return false;
	glob_t found = { 0 };
	bool is_good = glob(pattern.p, 0, NULL, &found) == 0;
	if (!is_good)
		err_set(s->why, "no file matches %s; mend the path, or put the file there", pattern.p);
	for (size_t i = 0; is_good && i < found.gl_pathc; i++) {
		struct err why;
		is_good = file_check(found.gl_pathv[i], &why) == 0;
		if (!is_good)
			err_set(s->why, "%s; mend its mode or the path", why.text);
		list->items = items_append(s->arena, list->items, list->n, sizeof(pattern));
		list->items[list->n++] = arena_str(s->arena, str_from(found.gl_pathv[i]));
	}
	globfree(&found);
	return is_good;
}

/* ---- writers ---- */

static void format_units(uint64_t number, const struct unit *units, size_t n, struct buf *out) {
	for (size_t i = 0; i < n; i++) {
		uint64_t f = units[i].factor;
		/* "60s" and not "1m": a lone unit is used only where the smaller one would be three digits. */
		if (number % f == 0 && (number / f >= 2 || i + 1 == n || number / units[i + 1].factor >= 100)) {
			buf_printf(out, "%llu%s", (unsigned long long)(number / f), units[i].text);
			return;
		}
	}
}

void scalar_format_msec(uint64_t ms, struct buf *out) {
	if (ms == 0)
		buf_add(out, STR("0s"));
	else
		format_units(ms, msec_units, COUNT_OF(msec_units), out);
}

static void format_msec(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	scalar_format_msec(*(const uint64_t *)field, out);
}

static void format_size(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	if (*(const uint64_t *)field == 0)
		buf_add_char(out, '0');
	else
		format_units(*(const uint64_t *)field, size_units, COUNT_OF(size_units), out);
}

static void format_u64(const struct schema_row *row, const void *field, struct buf *out) {
	buf_printf(out, "%llu%s", (unsigned long long)*(const uint64_t *)field, row->type == SCHEMA_RATE ? "rps" : "");
}

static void format_percent(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	buf_printf(out, "%u%%", *(const uint32_t *)field);
}

static void format_mode(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	buf_printf(out, "0%03o", *(const uint32_t *)field);
}

static void format_bool(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	buf_add(out, *(const bool *)field ? STR("true") : STR("false"));
}

static void format_decimal(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	buf_printf(out, "%.10g", *(const double *)field);
}

static void format_str(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	buf_add(out, *(const struct str *)field);
}

static void format_text(const struct schema_row *row, const void *field, struct buf *out) {
	(void)row;
	buf_add_json(out, *(const struct str *)field);
}

static void format_strs(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_strs *list = field;
	(void)row;
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(list->items[i]));
	buf_add_char(out, ']');
}

static void format_addr(const struct schema_row *row, const void *field, struct buf *out) {
	char text[ADDR_TEXT_BYTES];
	(void)row;
	buf_add(out, addr_format(field, text));
}

static void format_addrs(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_addrs *list = field;
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		char text[ADDR_TEXT_BYTES];
		buf_add(out, i ? STR(", ") : STR(""));
		buf_add(out,
		        row->type == SCHEMA_IPS ? addr_format_ip(&list->items[i], text) : addr_format(&list->items[i], text));
	}
	buf_add_char(out, ']');
}

static void format_nets(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_nets *list = field;
	(void)row;
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		char text[ADDR_TEXT_BYTES];
		buf_add(out, i ? STR(", ") : STR(""));
		buf_add(out, addr_net_format(&list->items[i], text));
	}
	buf_add_char(out, ']');
}

static void format_pairs(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_pairs *list = field;
	(void)row;
	buf_add(out, STR("{"));
	for (size_t i = 0; i < list->n; i++) {
		buf_printf(out, "%s%.*s: ", i ? ", " : " ", STR_ARG(list->items[i].name));
		buf_add_json(out, list->items[i].value);
	}
	buf_add(out, STR(" }"));
}

static void format_status(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_status *list = field;
	(void)row;
	for (size_t i = 0; i < list->n; i++) {
		const struct cfg_status_range *r = &list->items[i];
		buf_printf(out, r->first == r->last ? "%s%u" : "%s%u-%u", i ? "," : "", r->first, r->last);
	}
}

static void format_ttl(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_ttl *ttl = field;
	(void)row;
	scalar_format_msec(ttl->min_s * UINT64_C(1000), out);
	if (ttl->max_s == ttl->min_s)
		return;
	buf_add(out, STR(".."));
	scalar_format_msec(ttl->max_s * UINT64_C(1000), out);
}

static void format_enum(const struct schema_row *row, const void *field, struct buf *out) {
	unsigned value;
	memcpy(&value, field, sizeof(value));
	buf_add(out, str_from(schema_enum(row->param)->texts[value]));
}

static void format_enums(const struct schema_row *row, const void *field, struct buf *out) {
	const struct schema_enum *values = schema_enum(row->param);
	uint32_t bits;
	memcpy(&bits, field, sizeof(bits));
	buf_add_char(out, '[');
	for (unsigned i = 0, n = 0; i < values->n; i++)
		if (bits >> i & 1)
			buf_printf(out, "%s%s", n++ ? ", " : "", values->texts[i]);
	buf_add_char(out, ']');
}

static void format_weights(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_weights *list = field;
	(void)row;
	buf_add(out, STR("{"));
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%.*s: %u", i ? ", " : " ", STR_ARG(*schema_id(list->items[i].site)), list->items[i].weight);
	buf_add(out, STR(" }"));
}

static struct str member_name(const struct cfg_member *m) {
	return *schema_id(m->site ? (void *)m->site : (void *)m->policy);
}

static void format_members(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_members *list = field;
	(void)row;
	buf_add(out, list->is_map ? STR("{") : STR("["));
	for (size_t i = 0; i < list->n; i++) {
		const char *between = i ? ", " : list->is_map ? " " : "";
		buf_printf(out, "%s%.*s", between, STR_ARG(member_name(&list->items[i])));
		if (list->is_map)
			buf_printf(out, ": %u", list->items[i].weight);
	}
	buf_add(out, list->is_map ? STR(" }") : STR("]"));
}

static void format_cases(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_cases *list = field;
	buf_add(out, STR("{"));
	for (size_t i = 0; i < list->n; i++) {
		buf_printf(out, "%s%.*s: ", i ? ", " : " ", STR_ARG(list->items[i].key));
		format_members(row, &list->items[i].members, out);
	}
	buf_add(out, STR(" }"));
}

static void format_location(const struct schema_row *row, const void *field, struct buf *out) {
	const struct cfg_location *l = field;
	(void)row;
	buf_printf(out, "[%.10g, %.10g]", l->degrees[0], l->degrees[1]);
}

static void format_ref(const struct schema_row *row, const void *field, struct buf *out) {
	void *object;
	(void)row;
	memcpy(&object, field, sizeof(object));
	if (object)
		buf_add(out, *schema_id(object));
}

static void format_refs(const struct schema_row *row, const void *field, struct buf *out) {
	struct schema_items list;
	(void)row;
	memcpy(&list, field, sizeof(list));
	buf_add_char(out, '[');
	for (size_t i = 0; i < list.n; i++) {
		buf_add(out, i ? STR(", ") : STR(""));
		format_ref(row, (const char *)list.items + i * sizeof(void *), out);
	}
	buf_add_char(out, ']');
}

const struct scalar_type *scalar_type(enum schema_type type) {
	static const struct scalar_type types[SCHEMA_TYPE_COUNT] = {
		[SCHEMA_BOOL] = { "true or false", false, parse_bool, format_bool },
		[SCHEMA_UINT] = { "number", false, parse_u64, format_u64 },
		[SCHEMA_WORKERS] = { "number or auto", false, parse_u64, format_u64 },
		[SCHEMA_MSEC] = { "duration", false, parse_u64, format_msec },
		[SCHEMA_SIZE] = { "size", false, parse_u64, format_size },
		[SCHEMA_PERCENT] = { "percentage", false, parse_u32, format_percent },
		[SCHEMA_RATE] = { "rate", false, parse_u64, format_u64 },
		[SCHEMA_DECIMAL] = { "decimal number", false, parse_decimal, format_decimal },
		[SCHEMA_MODE] = { "file mode", false, parse_u32, format_mode },
		[SCHEMA_STR] = { "text", false, parse_str, format_str },
		[SCHEMA_TEXT] = { "text", false, parse_text, format_text },
		[SCHEMA_PATH] = { "path", false, parse_path, format_str },
		[SCHEMA_PATHS] = { "path, pattern, or list of them", true, parse_paths, format_strs },
		[SCHEMA_REGEX] = { "regular expression", false, parse_regex, format_text },
		[SCHEMA_ADDR] = { "address with port", false, parse_addr, format_addr },
		[SCHEMA_ADDRS] = { "address with port, or list of them", true, parse_addrs, format_addrs },
		[SCHEMA_IPS] = { "IP address, or list of them", true, parse_ips, format_addrs },
		[SCHEMA_NETS] = { "network, or list of them", true, parse_nets, format_nets },
		[SCHEMA_STRS] = { "text, or list of them", true, parse_strs, format_strs },
		[SCHEMA_STATUS] = { "status codes", true, parse_status, format_status },
		[SCHEMA_TTL] = { "duration or range of durations", false, parse_ttl, format_ttl },
		[SCHEMA_LOCATION] = { "latitude and longitude", true, parse_location, format_location },
		[SCHEMA_ENUM] = { "one of", false, parse_enum, format_enum },
		[SCHEMA_ENUMS] = { "one or more of", true, parse_enums, format_enums },
		[SCHEMA_INCLUDE] = { "path, pattern, or list of them", false, NULL, format_strs },
		[SCHEMA_WEIGHTS] = { "map of names and weights, or list of names", false, NULL, format_weights },
		[SCHEMA_MEMBERS] = { "list of names of sites and policies, or map of them with weights", false, NULL,
		                     format_members },
		[SCHEMA_CASES] = { "names of sites and policies, or lists of them, by case", false, NULL, format_cases },
		[SCHEMA_PAIRS] = { "texts by name", false, parse_str, format_pairs },
		[SCHEMA_OBJECT] = { "section", false, NULL, NULL },
		[SCHEMA_REF] = { "name", false, NULL, format_ref },
		[SCHEMA_REFS] = { "list of names", false, NULL, format_refs },
		[SCHEMA_MAP] = { "sections by name", false, NULL, NULL },
		[SCHEMA_LIST] = { "list of sections", false, NULL, NULL },
	};
	return &types[type];
}
