/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the server gets to see of path and host, and where redirects lead. What comes out is looked at as if a client had sent it: a
 * path is normalised again, and a host must be one. Captures of regular expressions are taken here, by matching once more: only
 * routes that use them pay for them.
 */
#include "proxy/route.h"

static struct str render(const struct template *t, const struct variables *v, struct rewriting *w) {
	return template_render(w->reserve(w->arg, template_bound(t, v)), t, v, TEMPLATE_URI);
}

static bool has_captures(const struct template *t) {
	for (size_t i = 0; i < t->n; i++)
		if (t->parts[i].variable == CFG_VARIABLE_CAPTURE)
			return true;
	return false;
}

/* On segment borders: "/api" off "/api/x" and "/api", not off "/apix". */
static struct str strip(struct str path, struct str prefix) {
	if (prefix.n > 0 && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	if (!str_starts(path, prefix) || (path.n > prefix.n && path.p[prefix.n] != '/'))
		return path;
	return path.n > prefix.n ? str_skip(path, prefix.n) : STR("/");
}

/* The new path, before it is looked at. False: a regular expression gave up. */
static bool path_make(const struct route *r, struct variables *v, struct rewriting *w) {
	const struct rewrite *re = r->rewrite;
	if (re->strip_prefix.n > 0) {
		w->path = strip(w->path, re->strip_prefix);
		return true;
	}
	if (re->path.n == 0)
		return true;
	const struct pattern *regex = re->regex ? re->regex : has_captures(&re->path) ? r->regex : NULL;
	if (regex) {
		enum pattern_match m = pattern_match(regex, w->scratch, w->path, v->captures);
		if (m != PATTERN_MATCHES)
			return m == PATTERN_FAILS;
	}
	w->path = render(&re->path, v, w);
	return true;
}

bool route_rewrite(const struct route *r, struct variables *v, struct rewriting *w) {
	struct str before = w->path, normal;
	if (!path_make(r, v, w))
		return false;
	if (w->path.p != before.p) {
		if (http_path_normalize(w->path, w->reserve(w->arg, w->path.n), &normal) != HTTP_FAULT_NONE)
			return false;
		w->path = normal;
	}
	if (r->rewrite->host.n > 0) {
		struct str host;
		uint16_t port;
		w->host = render(&r->rewrite->host, v, w);
		return http_authority_parse(w->host, &host, &port) == HTTP_FAULT_NONE;
	}
	return true;
}

bool route_location(const struct route *r, struct variables *v, struct rewriting *w, struct str *location) {
	if (r->regex && has_captures(&r->location) &&
	    pattern_match(r->regex, w->scratch, w->path, v->captures) != PATTERN_MATCHES)
		return false;
	*location = render(&r->location, v, w);
	/* Two slashes at the start would name a host: of the operator's choice, when his own text has both, but never of a client's. */
	const struct template_part *first = &r->location.parts[0];
	bool is_meant = first->variable == CFG_VARIABLE_TEXT && str_starts(first->text, STR("//"));
	while (!is_meant && str_starts(*location, STR("//")))
		*location = str_skip(*location, 1);
	return true;
}
