/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus' text format (exposition format 0.0.4), from the rows of tables/metrics.h and from whoever has labelled families.
 * Names are constants of the program; only help texts and label values are escaped.
 */
#include "steerway/metric.h"

#include <inttypes.h>
#include <math.h>

static const struct {
	const char *name;
	enum metric_type type;
	const char *help;
} rows[] = {
#define METRIC(room, name, type, help) { #room "_" #name, METRIC_##type, help },
#include "steerway/tables/metrics.h"
#undef METRIC
};

const char *metric_name(enum metric m) {
	return rows[m].name;
}

const char *metric_help(enum metric m) {
	return rows[m].help;
}

/* A line feed becomes \n, and what stands in `escaped` gets a backslash. */
static void add_escaped(struct buf *out, struct str s, struct str escaped) {
	for (size_t i = 0; i < s.n; i++) {
		if (str_find_char(escaped, s.p[i]) < escaped.n)
			buf_add_char(out, '\\');
		if (s.p[i] == '\n')
			buf_add(out, STR("\\n"));
		else
			buf_add_char(out, s.p[i]);
	}
}

void metric_family(struct buf *out, const char *name, enum metric_type type, const char *help) {
	buf_printf(out, "# HELP steerway_%s ", name);
	add_escaped(out, str_from(help), STR("\\"));
	buf_printf(out, "\n# TYPE steerway_%s %s\n", name, type == METRIC_COUNTER ? "counter" : "gauge");
}

/* Whole numbers without an exponent as far as a double holds them exactly; else as many digits as make it exact. */
static void add_value(struct buf *out, double value) {
	if (isnan(value))
		buf_add(out, STR("NaN"));
	else if (isinf(value))
		buf_add(out, value > 0 ? STR("+Inf") : STR("-Inf"));
	else if (fabs(value) < 9007199254740992.0 && floor(value) == value)
		buf_printf(out, "%.0f", value);
	else
		buf_printf(out, "%.17g", value);
}

void metric_sample(struct buf *out, const char *name, const struct metric_label *labels, size_t n_labels, double value) {
	buf_printf(out, "steerway_%s", name);
	for (size_t i = 0; i < n_labels; i++) {
		buf_printf(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
		add_escaped(out, labels[i].value, STR("\\\""));
		buf_add_char(out, '"');
	}
	if (n_labels > 0)
		buf_add_char(out, '}');
	buf_add_char(out, ' ');
	add_value(out, value);
	buf_add_char(out, '\n');
}

void metric_write(struct buf *out) {
	for (enum metric m = 0; m < METRIC_COUNT; m++) {
		metric_family(out, rows[m].name, rows[m].type, rows[m].help);
		buf_printf(out, "steerway_%s %" PRId64 "\n", rows[m].name, metric_sum(m));
	}
}
