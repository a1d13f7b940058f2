/* SPDX-License-Identifier: BSD-2-Clause */
/* The manual page steerway.yaml(5) as roff (man macros): the frame stands here, sections and keys come from the rows. */
#include "cfg/docs.h"

#include "steerway/base/mem.h"

static const char page_head[] =
    ".\\\" Printed by `steerway config-reference --man`; do not edit.\n"
    ".TH STEERWAY.YAML 5 \"\" steerway \"File formats\"\n"
    ".SH NAME\n"
    "steerway.yaml \\- configuration of the steerway daemon\n"
    ".SH DESCRIPTION\n"
    "One YAML file configures\n"
    ".BR steerway (8);\n"
    "\\fBinclude\\fR takes more. Every key is listed below with its type, default, and what it takes to change it: a reload "
    "(SIGHUP, or\n"
    ".BR \"steerctl reload\" )\n"
    "or a restart. A key that has no default and is not required may be left out.\n"
    ".PP\n"
    "A key that is unknown, given twice, or would have no effect is an error. All errors of all files are reported in one run, "
    "one a line:\n"
    ".PP\n"
    ".nf\n"
    ".RS 4\n"
    "file:line:column: key.path: what is wrong; how to mend it\n"
    ".RE\n"
    ".fi\n"
    ".PP\n"
    "Anchors, aliases and tags of YAML are not supported. A file may have 16 MiB and 32 levels; 256 files may be included. "
    "Included files are\n"
    "read in the order given; the entries of their maps and lists are added to those of the including file.\n"
    ".SH VALUES\n"
    ".TP\n.B duration\nA whole number with \\fBms\\fR, \\fBs\\fR, \\fBm\\fR, \\fBh\\fR or \\fBd\\fR: 250ms, 5s, 7d.\n"
    ".TP\n.B size\nA whole number of bytes, or one with \\fBB\\fR, \\fBKB\\fR, \\fBMB\\fR, \\fBGB\\fR (powers of 1000), "
    "\\fBKiB\\fR, \\fBMiB\\fR "
    "or \\fBGiB\\fR (powers of 1024): 32KiB.\n"
    ".TP\n.B percentage\nA whole number with \\fB%\\fR: 20%.\n"
    ".TP\n.B rate\nA whole number of requests a second: 4000rps.\n"
    ".TP\n.B address with port\n192.0.2.1:80 or [2001:db8::1]:80, in quotes.\n"
    ".TP\n.B path\nRelative ones start at the directory of the file that they stand in. Patterns (*, ?, [...]) are expanded "
    "where the type says so.\n"
    ".TP\n.B name of a site, check or pool\nThe key under which it stands in \\fBsites\\fR, \\fBchecks\\fR or \\fBpools\\fR. "
    "Names begin with a letter\n"
    "or digit and have letters, digits, \\fB_\\fR, \\fB.\\fR and \\fB\\-\\fR, at most 63.\n"
    ".PP\n"
    "Where a list is expected, a single value is a list of one.\n";

static const char page_example[] = "listeners:\n"
				   "  web: { bind: \"0.0.0.0:8080\" }\n"
				   "  dns: { bind: \"0.0.0.0:5353\", protocol: dns }\n"
				   "sites:\n"
				   "  cloud:  { addresses: [198.51.100.10], capacity: 8000rps }\n"
				   "  onprem: { addresses: [192.0.2.10], capacity: 4000rps }\n"
				   "checks:\n"
				   "  app: { type: http, path: /health, interval: 2s, timeout: 1s }\n"
				   "pools:\n"
				   "  app:\n"
				   "    check: app\n"
				   "    prefer: [cloud, onprem]\n"
				   "    servers:\n"
				   "      - { name: c1, address: \"10.1.1.11:8080\", site: cloud }\n"
				   "      - { name: p1, address: \"10.0.1.11:8080\", site: onprem }\n"
				   "routes:\n"
				   "  - { host: app.example.org, pool: app }\n"
				   "zones:\n"
				   "  example.org:\n"
				   "    file: zones/example.org.zone\n"
				   "    names:\n"
				   "      app: { policy: failover, pool: app, sites: [cloud, onprem], ttl: 5s..60s }\n";

/* Text as roff: hyphens that stay hyphens, no line that looks like a request, `words` in bold. */
static void roff_text(struct buf *out, struct str text) {
	bool is_bold = false, is_line_start = true;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (is_line_start && (c == '.' || c == '\''))
			buf_add(out, STR("\\&"));
		is_line_start = c == '\n';
		if (c == '`') {
			is_bold = !is_bold;
			buf_add(out, is_bold ? STR("\\fB") : STR("\\fR"));
		} else if (c == '-') {
			buf_add(out, STR("\\-"));
		} else if (c == '\\') {
			buf_add(out, STR("\\e"));
		} else {
			buf_add_char(out, c);
		}
	}
}

static void man_row(struct buf *out, const struct schema_row *row) {
	struct buf facts = { 0 };
	docs_type(&facts, row);
	buf_add(&facts, STR("; "));
	docs_default(&facts, row);
	if (row->is_restart)
		buf_add(&facts, STR("; takes a restart"));
	buf_printf(out, ".TP\n\\fB%s\\fR (", row->key);
	roff_text(out, buf_str(&facts));
	buf_add(out, STR(")\n"));
	roff_text(out, str_from(row->doc));
	buf_add_char(out, '\n');
	buf_fini(&facts);
}

/* The keys of one section, then the sections below it. */
static void man_section(struct buf *out, struct buf *path, const struct schema_section *s) {
	buf_add(out, STR(".SS \""));
	roff_text(out, path->n > 0 ? buf_str(path) : STR("Top level"));
	buf_add(out, STR("\"\n"));
	for (size_t i = 0; i < s->n_rows; i++)
		man_row(out, &s->rows[i]);
	for (size_t i = 0; i < s->n_rows; i++) {
		size_t n = path->n;
		if (!docs_has_section(&s->rows[i]))
			continue;
		docs_path(path, &s->rows[i]);
		man_section(out, path, schema_section(s->rows[i].param));
		path->n = n;
	}
}

static void man_variables(struct buf *out) {
	static const struct {
		const char *name, *doc;
		enum cfg_known known;
	} rows[] = {
#define VARIABLE(id, name, known, doc) { name, doc, CFG_KNOWN_##known },
#include "steerway/tables/variables.h"
#undef VARIABLE
	};
	static const char *const where[] = { "", ", in request_headers and response_headers", ", in response_headers" };
	buf_add(out, STR(".SH VARIABLES\nWhat the texts of \\fBroutes\\fR may hold: \\fB${name}\\fR; \\fB$$\\fR is a dollar. "
	                 "What a client "
	                 "sent can't end a line; in a path or URL it is percent-encoded.\n"));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		buf_printf(out, ".TP\n.B ${%s%s}\n", rows[i].name, strchr(rows[i].name, ':') ? "NAME" : "");
		roff_text(out, str_from(rows[i].doc));
		buf_printf(out, "%s\n", where[rows[i].known]);
	}
}

void docs_write_man(struct buf *out) {
	struct buf path = { 0 };
	buf_add(out, str_from(page_head));
	buf_add(out, STR(".SH KEYS\n"));
	man_section(out, &path, schema_section(SCHEMA_SECTION_root));
	man_variables(out);
	buf_add(out, STR(".SH EXAMPLE\nA proxy and the DNS in front of it, for a service in two sites:\n.PP\n.nf\n.RS 4\n"));
	roff_text(out, str_from(page_example));
	buf_add(out, STR(".RE\n.fi\n.SH SEE ALSO\n.BR steerctl (1),\n.BR steerway (8)\n"));
	buf_fini(&path);
}
