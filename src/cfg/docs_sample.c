/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commented sample: every row once, with its documentation, in a configuration that loads. Rows give keys, texts and defaults;
 * the tables here give only the values of the example. "#key: value" is a key that is left out: its default, or an example.
 */
#include "cfg/docs.h"

#include "steerway/base/mem.h"

#define SAMPLE_WIDTH 110

/* By path without names. A value that begins with '#' is shown commented out, a section's with all that it holds; of a map, the
 * name of the section that is shown. */
static const struct {
	const char *path, *value;
} examples[] = {
	{ "include", "#[conf.d/*.yaml]" },
	{ "node.name", "edge-1" },
	{ "node.site", "onprem" },
	{ "user", "steerway" },
	{ "group", "#steerway" },
	{ "listeners", "web" },
	{ "listeners.bind", "[\"0.0.0.0:443\", \"[::]:443\"]" },
	{ "listeners.tls.certificates", "[tls/*.pem]" },
	{ "listeners.tls.ticket_keys", "#tls/ticket.keys" },
	{ "listeners.tls.client.mode", "optional" },
	{ "listeners.tls.client.ca", "tls/ca.pem" },
	{ "listeners.tls.client.crl", "#tls/ca.crl" },
	{ "sites", "cloud" },
	{ "sites.addresses", "[198.51.100.10, \"2001:db8:1::10\"]" },
	{ "sites.location", "[53.3, -6.2]" },
	{ "sites.capacity", "8000rps" },
	{ "checks", "app" },
	{ "checks.type", "https" },
	{ "checks.port", "#9443" },
	{ "checks.path", "/health" },
	{ "listeners.tracing.traceparent", "create" },
	{ "listeners.proxy_protocol.from", "[10.0.0.0/8]" },
	{ "listeners.tracing.request_id", "replace" },
	{ "checks.host", "app.example.org" },
	{ "checks.expect.status", "200-299" },
	{ "checks.expect.body", "ok" },
	{ "checks.expect.body_regex", "#\"^ok\"" },
	{ "checks.tls.ca", "#tls/ca.pem" },
	{ "checks.tls.server_name", "#origin.example.org" },
	{ "checks.fast_interval", "500ms" },
	{ "checks.down_interval", "#5s" },
	{ "pools", "app" },
	{ "pools.balance", "least_requests" },
	{ "pools.check", "app" },
	{ "pools.prefer", "[cloud, onprem, dr]" },
	{ "pools.split", "#{ cloud: 70, onprem: 20, dr: 10 }" },
	{ "pools.tls.ca", "#tls/ca.pem" },
	{ "pools.tls.server_name", "app.example.org" },
	{ "pools.tls.certificate", "#tls/site.pem" },
	{ "pools.servers.name", "c1" },
	{ "pools.servers.address", "\"10.1.1.11:8443\"" },
	{ "pools.servers.site", "cloud" },
	{ "pools.servers.max_connections", "#500" },
	{ "pools.servers.max_requests", "#200" },
	{ "pools.max_requests", "200" },
	{ "pools.queue.length", "100" },
	{ "pools.hash_name", "#X-Tenant" },
	{ "pools.sticky.secret", "tls/sticky.secret" },
	{ "pools.retries.try_timeout", "5s" },
	{ "pools.retries.statuses", "#502-504" },
	{ "pools.retries.backoff", "25ms" },
	{ "pools.timeouts.request", "#60s" },
	{ "routes.host", "app.example.org" },
	{ "routes.path", "/" },
	{ "routes.methods", "#[GET, HEAD]" },
	{ "routes.headers", "#X-Canary" },
	{ "routes.headers.exact", "\"1\"" },
	{ "routes.headers.prefix", "#v2" },
	{ "routes.headers.regex", "#\"v[0-9]+\"" },
	{ "routes.query", "#version" },
	{ "routes.query.exact", "\"2\"" },
	{ "routes.query.prefix", "#2." },
	{ "routes.query.regex", "#\"[0-9]+\"" },
	{ "routes.clients", "#[10.0.0.0/8]" },
	{ "routes.pool", "app" },
	{ "routes.split", "#{ app: 95, canary: 5 }" },
	{ "routes.redirect", "#" },
	{ "routes.redirect.location", "\"https://www.example.org${path}${query}\"" },
	{ "routes.redirect.https", "#true" },
	{ "routes.answer", "#" },
	{ "routes.answer.body", "\"gone\\n\"" },
	{ "routes.maintenance.body", "\"Back soon.\\n\"" },
	{ "routes.maintenance.retry_after", "#5m" },
	{ "routes.rewrite", "#" },
	{ "routes.rewrite.strip_prefix", "/api" },
	{ "routes.rewrite.path", "#/index.html" },
	{ "routes.rewrite.regex", "#\"/v([0-9]+)/(.*)\"" },
	{ "routes.rewrite.replace", "#\"/${2}\"" },
	{ "routes.rewrite.host", "#app.internal.example" },
	{ "routes.request_headers.remove", "[X-Internal]" },
	{ "routes.request_headers.set", "{ X-Real-IP: \"${client_ip}\" }" },
	{ "routes.request_headers.add", "#{ Via: steerway }" },
	{ "routes.response_headers.remove", "[X-Powered-By]" },
	{ "routes.response_headers.set", "{ X-Served-By: \"${site}/${server}\" }" },
	{ "routes.response_headers.add", "#{ Vary: Origin }" },
	{ "answers.pages.status", "500-599" },
	{ "answers.pages.reason", "#no_server" },
	{ "answers.pages.text", "#pages/5xx.txt" },
	{ "answers.pages.json", "#pages/5xx.json" },
	{ "answers.pages.html", "pages/5xx.html" },
	{ "maps", "networks" },
	{ "maps.type", "subnet" },
	{ "maps.file", "maps/networks.txt" },
	{ "policies", "split" },
	{ "policies.policy", "view" },
	{ "policies.sites", "#[cloud, onprem]" },
	{ "policies.map", "networks" },
	{ "policies.cases", "{ office: onprem, default: [cloud, dr] }" },
	{ "policies.answers", "#2" },
	{ "zones", "example.org" },
	{ "zones.file", "zones/example.org.zone" },
	{ "zones.dnssec", "#" },
	{ "zones.dnssec.keys", "keys" },
	{ "zones.names", "app" },
	{ "zones.names.policy", "failover" },
	{ "zones.names.pool", "app" },
	{ "zones.names.use", "#split" },
	{ "zones.names.sites", "[cloud, onprem, dr]" },
	{ "zones.names.map", "#networks" },
	{ "zones.names.cases", "#{ office: onprem, default: cloud }" },
	{ "zones.names.answers", "#2" },
	{ "zones.names.fallback", "#[192.0.2.80]" },
	{ "dns.identity", "#edge-1.example.org" },
	{ "dns.version", "#none of yours" },
	{ "dns.nsid", "#edge-1" },
	{ "dns.cookies.secret", "#dns-cookies" },
	{ "admin.socket.mode", "\"0660\"" },
	{ "admin.socket.user", "#root" },
	{ "admin.socket.group", "steerway" },
	{ "admin.http.bind", "\"127.0.0.1:8404\"" },
	{ "admin.state_file", "/var/lib/steerway/state" },
	{ "log.path", "#/var/log/steerway/error.log" },
	{ "log.access.path", "/var/log/steerway/access.log" },
	{ "log.queries.path", "/var/log/steerway/queries.log" },
};

/* Sections beside the documented one, in the order of the rows. */
static const struct {
	const char *path, *text;
} neighbours[] = {
	{ "listeners", "plain: { bind: [\"0.0.0.0:80\", \"[::]:80\"] }" },
	{ "listeners", "dns: { bind: [\"0.0.0.0:53\", \"[::]:53\"], protocol: dns }" },
	{ "sites", "onprem: { addresses: [192.0.2.10], capacity: 4000rps }" },
	{ "sites", "dr: { addresses: [203.0.113.10], role: standby, capacity: 4000rps }" },
	{ "checks", "port: { type: tcp, interval: 5s }" },
	{ "pools.servers", "- { name: p1, address: \"10.0.1.11:8443\", site: onprem, weight: 5 }" },
	{ "pools.servers", "- { name: d1, address: \"10.2.1.11:8443\", site: dr }" },
	{ "routes", "- { path: /static, pool: app }" },
	{ "maps", "rtt: { type: latency, file: maps/times.txt }" },
	{ "policies", "nearest: { policy: latency, map: rtt, sites: [cloud, onprem] }" },
	{ "zones.names", "intranet: { use: split, pool: app }" },
	{ "zones.names", "www: { policy: weighted, pool: app, sites: { cloud: 70, onprem: 30 } }" },
};

struct sample {
	struct buf *out;
	struct buf path; /* without names */
	bool is_left_out;
};

static void sample_section(struct sample *s, const struct schema_section *section, unsigned indent);

static const char *sample_value(struct str path) {
	for (size_t i = 0; i < COUNT_OF(examples); i++)
		if (str_eq(path, str_from(examples[i].path)))
			return examples[i].value;
	return NULL;
}

static void sample_indent(struct sample *s, unsigned indent) {
	buf_printf(s->out, "%*s", (int)indent, "");
}

/* The row's text as comment, with what the example can't show. */
static void sample_comment(struct sample *s, const struct schema_row *row, unsigned indent) {
	struct buf text = { 0 };
	buf_add(&text, str_from(row->doc));
	/* Most enums tell their values in the documentation, with what they mean. */
	if (row->min || row->max || (row->type == SCHEMA_ENUM && !strchr(row->doc, '`'))) {
		buf_add(&text, STR(" ("));
		docs_type(&text, row);
		buf_add_char(&text, ')');
	}
	if (row->is_restart)
		buf_add(&text, STR(" A change takes a restart."));
	struct buf prefix = { 0 };
	buf_printf(&prefix, "%*s# ", (int)indent, "");
	docs_wrap(s->out, buf_str(&prefix), SAMPLE_WIDTH, buf_str(&text));
	buf_fini(&prefix);
	buf_fini(&text);
}

static void sample_neighbours(struct sample *s, unsigned indent) {
	for (size_t i = 0; i < COUNT_OF(neighbours); i++)
		if (str_eq(buf_str(&s->path), str_from(neighbours[i].path))) {
			sample_indent(s, indent);
			buf_printf(s->out, "%s\n", neighbours[i].text);
		}
}

static void sample_nested(struct sample *s, const struct schema_row *row, unsigned indent);

/* A section that is left out: the same lines behind "#". */
static void sample_left_out(struct sample *s, const struct schema_row *row, unsigned indent) {
	struct buf section = { 0 }, *out = s->out;
	s->out = &section;
	s->is_left_out = true;
	sample_nested(s, row, indent);
	s->is_left_out = false;
	s->out = out;
	struct str rest = buf_str(&section), line;
	while (str_next(&rest, '\n', &line))
		buf_printf(out, "%*s%s%.*s\n", (int)indent, "", str_starts(str_skip(line, indent), STR("# ")) ? "" : "#",
		           (int)(line.n - indent), line.p + indent);
	buf_fini(&section);
}

static void sample_nested(struct sample *s, const struct schema_row *row, unsigned indent) {
	const struct schema_section *section = schema_section(row->param);
	const char *value = sample_value(buf_str(&s->path));
	if (value && value[0] == '#' && !s->is_left_out) {
		sample_left_out(s, row, indent);
		return;
	}
	sample_indent(s, indent);
	buf_printf(s->out, "%s:\n", row->key);
	if (row->type != SCHEMA_OBJECT) {
		const char *name = row->type == SCHEMA_MAP ? value + (value[0] == '#') : "-";
		indent += 2;
		sample_indent(s, indent);
		buf_printf(s->out, "%s%s\n", name, row->type == SCHEMA_MAP ? ":" : "");
	}
	sample_section(s, section, indent + 2);
	if (row->type != SCHEMA_OBJECT)
		sample_neighbours(s, indent);
}

static void sample_key(struct sample *s, const struct schema_row *row, unsigned indent) {
	const char *value = sample_value(buf_str(&s->path));
	bool is_left_out = !value || value[0] == '#';
	if (!value)
		value = row->dflt ? row->dflt : "";
	sample_indent(s, indent);
	buf_printf(s->out, "%s%s: %s\n", is_left_out ? "#" : "", row->key, value + (value[0] == '#'));
}

static void sample_section(struct sample *s, const struct schema_section *section, unsigned indent) {
	for (size_t i = 0; i < section->n_rows; i++) {
		const struct schema_row *row = &section->rows[i];
		size_t n = s->path.n;
		buf_printf(&s->path, "%s%s", n ? "." : "", row->key);
		if (indent == 0)
			buf_add_char(s->out, '\n');
		sample_comment(s, row, indent);
		(docs_has_section(row) ? sample_nested : sample_key)(s, row, indent);
		s->path.n = n;
	}
}

void docs_write_sample(struct buf *out) {
	struct sample s = { .out = out };
	buf_add(out,
	        STR("# steerway.yaml: every key once, with its documentation. A line as \"#key: value\" is a key left out: its\n"
	            "# default, or an example. Printed by `steerway config-reference --sample`; see steerway.yaml(5).\n"));
	sample_section(&s, schema_section(SCHEMA_SECTION_root), 0);
	buf_fini(&s.path);
}
