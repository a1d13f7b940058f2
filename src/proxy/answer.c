/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An answer of the proxy's own: which page tells it, and the fields that go with it. In gRPC it is trailers alone (status 200, the
 * code in grpc-status), since that is what its clients read. No byte of the client's is repeated but a request id that
 * request_id_is_valid let pass.
 */
#include "proxy/answer.h"

#include "proxy/ends.h"

#include "steerway/base/clock.h"
#include "steerway/base/mem.h"

/* ---- pages ---- */

#define JSON_START                                                                                                               \
	"{\"type\":\"about:blank\",\"title\":\"${status_text}\",\"status\":${status},\"detail\":\"${detail}\",\"reason\":\"${"   \
	"reason}\""
#define HTML_START                                                                                                               \
	"<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>${status} ${status_text}</title>\n"               \
	"<h1>${status} ${status_text}</h1>\n<p>${detail}</p>\n"

static const char *const own_texts[2][ANSWER_FORM_COUNT] = {
	{ [ANSWER_TEXT] = "${status} ${status_text}: ${detail}\n", [ANSWER_JSON] = JSON_START "}\n", [ANSWER_HTML] = HTML_START },
	{ [ANSWER_TEXT] = "${status} ${status_text}: ${detail}\nrequest ${request_id}\n",
	  [ANSWER_JSON] = JSON_START ",\"request_id\":\"${request_id}\"}\n",
	  [ANSWER_HTML] = HTML_START "<p>Request ${request_id}</p>\n" },
};

static int rule_compile(struct page_rule *out, struct arena *a, const struct cfg_page *from, struct err *e) {
	size_t bytes = from->status.n * sizeof(*from->status.items);
	out->statuses = (struct cfg_status){ arena_alloc(a, bytes), from->status.n };
	if (bytes > 0)
		memcpy(out->statuses.items, from->status.items, bytes);
	out->end = -1;
	for (int i = 0; i < PROXY_END_COUNT; i++)
		if (str_eq(from->reason, str_from(proxy_end_name((enum proxy_end)i))))
			out->end = i;
	if (from->reason.n > 0 && out->end < 0)
		return err_set(e, "\"%.*s\" is no end reason; those of the access log are", STR_ARG(from->reason));
	const struct str paths[ANSWER_FORM_COUNT] = {
		[ANSWER_TEXT] = from->text, [ANSWER_JSON] = from->json, [ANSWER_HTML] = from->html
	};
	if (from->text.n + from->json.n + from->html.n == 0)
		return err_set(e, "has no file; give it text, json or html");
	for (int form = 0; form < ANSWER_FORM_COUNT; form++)
		if (paths[form].n > 0 && page_load(&out->pages[form], a, paths[form].p, (enum answer_form)form, e) < 0)
			return -1;
	return 0;
}

int answer_pages_compile(struct answer_pages *out, struct arena *a, const struct cfg_answers *cfg, struct err *e) {
	for (int has_id = 0; has_id < 2; has_id++)
		for (int form = ANSWER_TEXT; form <= ANSWER_HTML; form++)
			if (page_compile(&out->own[has_id][form], a, str_from(own_texts[has_id][form]), (enum answer_form)form,
			                 e) < 0)
				return -1;
	out->retry_after_s = (uint32_t)((cfg->retry_after_ms + 999) / 1000); /* an hour at most */
	out->rules = arena_zalloc(a, (cfg->pages.n + 1) * sizeof(*out->rules));
	/* Two rounds: what names a reason is more exact than what names statuses. */
	for (int by_status = 0; by_status < 2; by_status++)
		for (size_t i = 0; i < cfg->pages.n; i++) {
			const struct cfg_page *from = &cfg->pages.items[i];
			if ((from->reason.n == 0) == by_status && rule_compile(&out->rules[out->n++], a, from, e) < 0)
				return err_context(e, "answers.pages[%zu]", i);
		}
	return 0;
}

static bool rule_fits(const struct page_rule *r, const struct answer_facts *f) {
	if (r->end >= 0 && r->end != (int)f->end)
		return false;
	for (size_t i = 0; i < r->statuses.n; i++)
		if (f->status >= r->statuses.items[i].first && f->status <= r->statuses.items[i].last)
			return true;
	return r->statuses.n == 0;
}

static const struct page *page_find(const struct answer_pages *pages, const struct answer_facts *f, bool *is_own) {
	for (size_t i = 0; i < pages->n; i++)
		if (pages->rules[i].pages[f->form].pieces && rule_fits(&pages->rules[i], f)) {
			*is_own = false;
			return &pages->rules[i].pages[f->form];
		}
	*is_own = true;
	return &pages->own[f->request_id.n > 0][f->form];
}

/* ---- gRPC ---- */

/* Where the reason tells more than the status: what was no overload, but took too long or was too much. Not sent to any server, or
 * not answered by one: UNAVAILABLE, which clients may try again. */
unsigned answer_grpc_status(enum proxy_end end, unsigned status) {
	switch (end) {
	case PROXY_END_SERVER_TIMEOUT:
	case PROXY_END_REQUEST_TIMEOUT:
	case PROXY_END_BODY_TIMEOUT:
	case PROXY_END_BODY_TOO_SLOW:
	case PROXY_END_HEAD_TIMEOUT:
		return GRPC_DEADLINE_EXCEEDED;
	case PROXY_END_BODY_TOO_LARGE:
		return GRPC_RESOURCE_EXHAUSTED;
	case PROXY_END_METHOD_REFUSED:
		return GRPC_UNIMPLEMENTED;
	case PROXY_END_DRAIN_DEADLINE:
	case PROXY_END_STOP_DEADLINE:
		return GRPC_UNAVAILABLE; /* here, but not elsewhere */
	default:
		return grpc_status_of_http(status);
	}
}

/* Percent-encoded as grpc-message wants it; the texts are our own, plain ASCII. */
static size_t message_bound(const char *text) {
	return 3 * strlen(text);
}

static size_t put_message(char *out, const char *text) {
	static const char hex[] = "0123456789ABCDEF";
	char *at = out;
	for (const char *p = text; *p; p++) {
		if (*p >= 0x20 && *p < 0x7f && *p != '%') {
			*at++ = *p;
			continue;
		}
		*at++ = '%';
		*at++ = hex[(unsigned char)*p >> 4];
		*at++ = hex[*p & 15];
	}
	return (size_t)(at - out);
}

/* ---- the answer ---- */

static struct str number(char *out, size_t size, uint64_t n) {
	size_t at = size;
	do
		out[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return str_slice(out + at, size - at);
}

static void page_values(struct str values[PAGE_VARIABLE_COUNT], const struct answer_facts *f, char status[3]) {
	values[PAGE_STATUS] = number(status, 3, f->status);
	values[PAGE_STATUS_TEXT] = str_from(http_status_text(f->status));
	values[PAGE_REASON] = str_from(proxy_end_name(f->end));
	values[PAGE_DETAIL] = str_from(f->detail);
	values[PAGE_REQUEST_ID] = f->request_id;
	values[PAGE_NODE] = f->node;
}

size_t answer_bound(const struct answer_pages *pages, const struct answer_facts *f) {
	if (f->form == ANSWER_GRPC)
		return message_bound(f->detail);
	bool is_own;
	char status[3];
	struct str values[PAGE_VARIABLE_COUNT];
	page_values(values, f, status);
	return page_size(page_find(pages, f, &is_own), values);
}

static void add(struct answer *a, enum http_field_id id, struct str name, struct str value) {
	http_head_add(&a->head, id, name, value); /* there is room */
}

static void add_status(struct answer *a, unsigned status, const char *detail, char *store) {
	add(a, HTTP_FIELD_GRPC_STATUS, STR("Grpc-Status"), number(a->grpc_status, sizeof(a->grpc_status), status));
	add(a, HTTP_FIELD_GRPC_MESSAGE, STR("Grpc-Message"), str_slice(store, put_message(store, detail)));
}

static void build_grpc(struct answer *a, const struct answer_facts *f, char *store) {
	a->head.status = 200;
	add(a, HTTP_FIELD_CONTENT_TYPE, STR("Content-Type"), STR("application/grpc"));
	add_status(a, answer_grpc_status(f->end, f->status), f->detail, store);
}

size_t answer_grpc_bound(enum proxy_end end) {
	return message_bound(proxy_end_text(end));
}

void answer_build_grpc_end(struct answer *out, enum proxy_end end, bool is_head, char *store) {
	struct answer_facts f = { .end = end, .status = proxy_end_status(end), .detail = proxy_end_text(end) };
	out->head = (struct http_head){ .minor = 1, .fields = out->fields, .cap_fields = COUNT_OF(out->fields) };
	if (is_head)
		build_grpc(out, &f, store);
	else
		add_status(out, answer_grpc_status(end, f.status), f.detail, store);
}

static void build_page(struct answer *a, const struct answer_pages *pages, const struct answer_facts *f, char *store) {
	static const struct str types[2][ANSWER_FORM_COUNT] = {
		{ [ANSWER_TEXT] = STR_INIT("text/plain; charset=utf-8"),
		  [ANSWER_JSON] = STR_INIT("application/json"),
		  [ANSWER_HTML] = STR_INIT("text/html; charset=utf-8") },
		{ [ANSWER_TEXT] = STR_INIT("text/plain"),
		  [ANSWER_JSON] = STR_INIT("application/problem+json"),
		  [ANSWER_HTML] = STR_INIT("text/html; charset=utf-8") },
	};
	bool is_own;
	char status[3];
	struct str values[PAGE_VARIABLE_COUNT];
	page_values(values, f, status);
	const struct page *page = page_find(pages, f, &is_own);
	a->body = str_slice(store, (size_t)(page_write(store, page, values) - store));
	a->head.status = (uint16_t)f->status;
	add(a, HTTP_FIELD_CONTENT_TYPE, STR("Content-Type"), types[is_own][f->form]);
	/* RFC 9110 15.5.6: all but CONNECT. */
	if (f->status == 405)
		add(a, HTTP_FIELD_ALLOW, STR("Allow"), STR("GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH"));
	uint32_t retry_after_s = f->retry_after_s > 0 ? f->retry_after_s : pages->retry_after_s;
	if (retry_after_s > 0 && (f->status == 429 || f->status == 503))
		add(a, HTTP_FIELD_RETRY_AFTER, STR("Retry-After"), number(a->number, sizeof(a->number), retry_after_s));
}

void answer_build(struct answer *out, const struct answer_pages *pages, const struct answer_facts *f, char *store) {
	out->head = (struct http_head){ .minor = 1, .fields = out->fields, .cap_fields = COUNT_OF(out->fields) };
	out->body = STR_NONE;
	http_format_date(out->date, clock_wall_us() / USEC_PER_SEC);
	add(out, HTTP_FIELD_DATE, STR("Date"), str_slice(out->date, sizeof(out->date)));
	if (f->form == ANSWER_GRPC)
		build_grpc(out, f, store);
	else
		build_page(out, pages, f, store);
	/* Some statuses may be kept by caches even without being asked to (RFC 9110 15.1); what the proxy says is about this moment. */
	add(out, HTTP_FIELD_CACHE_CONTROL, STR("Cache-Control"), STR("no-store"));
	add(out, HTTP_FIELD_CONTENT_LENGTH, STR("Content-Length"), number(out->length, sizeof(out->length), out->body.n));
	out->framing = (struct http_framing){ .body = HTTP_BODY_LENGTH, .length = out->body.n, .keep_alive = true };
	if (f->method == HTTP_METHOD_HEAD || out->body.n == 0) {
		out->body = STR_NONE;
		out->framing.body = HTTP_BODY_NONE;
	}
	out->head.reason = str_from(http_status_text(out->head.status));
}
