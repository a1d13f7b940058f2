/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Admin HTTP: GET and HEAD of a few routes, in a table. Refuses bodies (413), other methods (405) and malformed heads (with the
 * codec's status); every refusal that leaves the framing in doubt ends the connection. There is no authentication: the listener
 * stands on loopback or a management network.
 */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"
#include "steerway/http.h"

#define HEAD_BYTES 8192
#define FIELDS_MAX 64
#define TEXT_PLAIN "text/plain; charset=utf-8"

/* Appends the body, returns the status. */
struct route {
	struct str path;
	const char *content_type;
	unsigned (*get)(struct admin *a, struct buf *body);
};

static unsigned get_healthz(struct admin *a, struct buf *body) {
	(void)a;
	buf_add(body, STR("alive\n"));
	return 200;
}

static unsigned get_readyz(struct admin *a, struct buf *body) {
	const char *why = NULL;
	if (a->house.is_stopping(a->house.arg))
		why = "stopping";
	else if (!health_is_ready(a->house.health))
		why = "not every server has had its first probe yet";
	buf_printf(body, "%s\n", why ? why : "ready");
	return why ? 503 : 200;
}

static unsigned get_metrics(struct admin *a, struct buf *body) {
	admin_write_metrics(a, body);
	return 200;
}

static const struct route routes[] = {
	{ STR_INIT("/healthz"), TEXT_PLAIN, get_healthz },
	{ STR_INIT("/readyz"), TEXT_PLAIN, get_readyz },
	{ STR_INIT("/metrics"), "text/plain; version=0.0.4; charset=utf-8", get_metrics },
};

struct response {
	unsigned status;
	const char *content_type;
	const char *extra; /* whole field lines, or "" */
	bool is_head, is_last;
	struct buf body;
};

static void response_write(struct buf *out, struct response *r) {
	char date[HTTP_DATE_BYTES];
	http_format_date(date, clock_wall_us() / USEC_PER_SEC);
	buf_printf(
	    out, "HTTP/1.1 %u %s\r\nDate: %.*s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%s%s\r\n",
	    r->status, http_status_text(r->status), HTTP_DATE_BYTES, date, r->content_type, r->body.n, r->extra,
	    r->is_last ? "Connection: close\r\n" : "");
	if (!r->is_head)
		buf_add(out, buf_str(&r->body));
	buf_fini(&r->body);
}

static void refuse(struct response *r, unsigned status, const char *text) {
	r->status = status;
	r->content_type = TEXT_PLAIN;
	buf_printf(&r->body, "%s\n", text);
}

static void route_run(struct admin *a, struct str path, struct response *r) {
	for (size_t i = 0; i < COUNT_OF(routes); i++)
		if (str_eq(path, routes[i].path)) {
			r->content_type = routes[i].content_type;
			r->status = routes[i].get(a, &r->body);
			return;
		}
	refuse(r, 404, "not here; there are /healthz, /readyz and /metrics");
}

static void request_run(struct admin *a, const struct http_head *head, struct response *r) {
	struct http_framing framing;
	struct http_target target;
	r->is_head = head->method == HTTP_METHOD_HEAD;
	enum http_fault fault = http_request_framing(head, &framing);
	if (fault == HTTP_FAULT_NONE)
		fault = http_target_parse(head->target, head->method, &target);
	if (fault != HTTP_FAULT_NONE) {
		refuse(r, http_fault_status(fault), http_fault_text(fault));
		return;
	}
	if (framing.body != HTTP_BODY_NONE && !(framing.body == HTTP_BODY_LENGTH && framing.length == 0)) {
		refuse(r, 413, "no request here has a body");
		return;
	}
	r->is_last = !framing.keep_alive || head->minor == 0;
	if (head->method != HTTP_METHOD_GET && head->method != HTTP_METHOD_HEAD) {
		r->extra = "Allow: GET, HEAD\r\n";
		refuse(r, 405, "GET and HEAD alone");
		return;
	}
	route_run(a, target.path, r);
}

static enum admin_next http_take(struct admin *a, struct str in, size_t *used, struct buf *out) {
	struct http_field fields[FIELDS_MAX];
	struct http_head head = { .fields = fields, .cap_fields = FIELDS_MAX };
	const struct h1_limits limits = { .head_bytes = HEAD_BYTES, .target_bytes = HEAD_BYTES / 2 };
	size_t scanned = 0;
	struct response r = { .extra = "", .is_last = true };
	enum parse p = h1_request_parse(&head, in, &limits, &scanned, used);
	if (p == PARSE_MORE && in.n < HEAD_BYTES)
		return ADMIN_MORE;
	if (p == PARSE_DONE) {
		request_run(a, &head, &r);
	} else {
		*used = in.n;
		enum http_fault fault = p == PARSE_BAD ? head.fault : HTTP_FAULT_HEAD_TOO_LARGE;
		refuse(&r, http_fault_status(fault), http_fault_text(fault));
	}
	bool is_last = r.is_last;
	response_write(out, &r);
	return is_last ? ADMIN_CLOSE : ADMIN_ANSWERED;
}

const struct admin_protocol admin_http_protocol = {
	.take = http_take,
	.input_bytes = HEAD_BYTES,
	.too_many = STR_INIT("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
};
