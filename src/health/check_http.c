/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `http` and `https`: one request a connection; response.c judges the answer. Refuses what would not make one well-formed request
 * (a method that is no token, white space in path or host). A check owns its strings, regular expression and TLS context; a probe
 * its request and response.
 */
#include "config.h"
#include "health/check.h"
#include "health/response.h"

#include "steerway/base/arena.h"
#include "steerway/base/mem.h"

struct http_own {
	struct arena arena;
	struct str method, path, host, server_name;
	enum http_method framing_method; /* as far as the framing of the answer hangs on it */
	bool has_request_body;
	struct expectation expect;
	struct tls_client *tls; /* NULL: clear text */
};

struct http_probe {
	struct buf request;
	size_t sent;
	struct response response;
};

/* ---- the check ---- */

static bool is_visible(struct str s) {
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
			return false;
	}
	return s.n > 0;
}

static bool is_token(struct str s) {
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    memchr(others, c, sizeof others - 1) == NULL)
			return false;
	}
	return s.n > 0;
}

static int http_verify(const struct cfg_check *cfg, struct err *e) {
	if (!is_token(cfg->method) || str_eq(cfg->method, STR("CONNECT")))
		return err_set(e, "method: \"%.*s\" can't be asked for; use GET or HEAD", STR_ARG(cfg->method));
	if (!is_visible(cfg->path))
		return err_set(e, "path: \"%.*s\" holds white space or control bytes; percent-encode them", STR_ARG(cfg->path));
	if (cfg->host.n > 0 && !is_visible(cfg->host))
		return err_set(e, "host: \"%.*s\" holds white space or control bytes", STR_ARG(cfg->host));
	return 0;
}

static void http_release(struct check *c) {
	struct http_own *h = c->own;
	if (h == NULL)
		return;
	tls_client_destroy(h->tls);
	regex_destroy(h->expect.regex);
	arena_fini(&h->arena);
	mem_free(h);
}

static int http_compile_expect(struct http_own *h, const struct cfg_expect *cfg, struct err *e) {
	struct expectation *x = &h->expect;
	x->status.n = cfg->status.n;
	x->status.items = arena_alloc(&h->arena, cfg->status.n * sizeof *cfg->status.items);
	for (size_t i = 0; i < cfg->status.n; i++)
		x->status.items[i] = cfg->status.items[i];
	expectation_describe(x);
	x->body = arena_str(&h->arena, cfg->body);
	x->regex_text = arena_str(&h->arena, cfg->body_regex);
	if (x->regex_text.n > 0) {
		x->regex = regex_create(x->regex_text, e);
		if (x->regex == NULL)
			return err_context(e, "expect.body_regex");
	}
	return 0;
}

static int http_compile(struct check *c, const struct cfg_check *cfg, struct err *e) {
	struct http_own *h = mem_zalloc(sizeof *h);
	c->own = h;
	arena_init(&h->arena, 1024);
	if (http_verify(cfg, e) < 0)
		return -1;
	h->method = arena_str(&h->arena, cfg->method);
	h->path = arena_str(&h->arena, cfg->path);
	h->host = arena_str(&h->arena, cfg->host);
	h->server_name = arena_str(&h->arena, cfg->tls.server_name);
	h->framing_method = str_eq(h->method, STR("HEAD")) ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;
	/* A method that expects content says that there is none (RFC 9110 8.6). */
	h->has_request_body = str_eq(h->method, STR("POST")) || str_eq(h->method, STR("PUT")) || str_eq(h->method, STR("PATCH"));
	return http_compile_expect(h, &cfg->expect, e);
}

static int https_compile(struct check *c, const struct cfg_check *cfg, struct err *e) {
	if (http_compile(c, cfg, e) < 0)
		return -1;
	struct http_own *h = c->own;
	/* No sessions: a probe is to verify the certificate each time. */
	struct tls_client_options o = { .verify = cfg->tls.verify, .ca_path = cfg->tls.ca.n > 0 ? cfg->tls.ca.p : NULL };
	h->tls = tls_client_create(&o, e);
	return h->tls != NULL ? 0 : err_context(e, "tls.ca");
}

/* ---- the probe ---- */

/* Name for SNI and verification: host without its port; the address when nothing is configured (io verifies it as an address and
 * does not send it). */
static struct str tls_name(const struct http_own *h, const struct addr *to, char text[ADDR_TEXT_BYTES]) {
	struct str host;
	uint16_t port;
	if (h->server_name.n > 0)
		return h->server_name;
	if (h->host.n > 0 && http_authority_parse(h->host, &host, &port) == HTTP_FAULT_NONE) {
		if (host.n > 2 && host.p[0] == '[')
			host = str_slice(host.p + 1, host.n - 2);
		return host;
	}
	return h->host.n > 0 ? h->host : addr_format_ip(to, text);
}

static enum step http_tls(struct probe *p) {
	const struct http_own *h = p->check->own;
	struct stream *s = &p->stream;
	char text[ADDR_TEXT_BYTES];
	if (s->ssl == NULL && stream_start_tls_client(s, h->tls, tls_name(h, &p->address, text)) < 0)
		return probe_vote(p, VOTE_NONE, "no vote: tls: out of memory");
	if (s->unsent != NULL && stream_flush(s) == STREAM_ERROR)
		return probe_fail_stream(p, "tls");
	switch (stream_handshake(s)) {
	case 0:
		return STEP_NEXT;
	case STREAM_AGAIN:
		return STEP_WAIT;
	default:
		return probe_fail_stream(p, "tls");
	}
}

static void http_write_request(struct buf *b, const struct http_own *h, const struct addr *to) {
	char text[ADDR_TEXT_BYTES];
	struct str host = h->host.n > 0 ? h->host : addr_format(to, text);
	buf_printf(b, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n", STR_ARG(h->method), STR_ARG(h->path), STR_ARG(host));
	buf_add(b, STR("User-Agent: steerway/" PACKAGE_VERSION "\r\nAccept: */*\r\nConnection: close\r\n"));
	if (h->has_request_body)
		buf_add(b, STR("Content-Length: 0\r\n"));
	buf_add(b, STR("\r\n"));
}

static enum step http_send(struct probe *p) {
	struct http_probe *hp = probe_own(p);
	const struct http_own *h = p->check->own;
	if (hp->request.n == 0) {
		http_write_request(&hp->request, h, &p->address);
		response_init(&hp->response, &h->expect, h->framing_method);
	}
	while (hp->sent < hp->request.n) {
		struct iovec iov = { hp->request.p + hp->sent, hp->request.n - hp->sent };
		ssize_t n = stream_send(&p->stream, &iov, 1);
		if (n == STREAM_AGAIN)
			return STEP_WAIT;
		if (n < 0)
			return probe_fail_stream(p, "send");
		hp->sent += (size_t)n;
	}
	return STEP_NEXT;
}

/* Reads as long as the response is in this state. */
static enum step http_receive(struct probe *p, int state) {
	struct response *r = &((struct http_probe *)probe_own(p))->response;
	struct stream *s = &p->stream;
	if (s->unsent != NULL && stream_flush(s) == STREAM_ERROR)
		return probe_fail_stream(p, "send");
	while ((int)r->state == state) {
		ssize_t n = stream_recv(s, io_shared_buffer(), IO_SHARED_BYTES);
		if (n == STREAM_AGAIN)
			return STEP_WAIT;
		if (n == STREAM_ERROR && !s->has_eof)
			return probe_fail_stream(p, "read");
		if (n > 0)
			response_feed(r, str_slice(io_shared_buffer(), (size_t)n));
		else
			response_end(r, n == STREAM_EOF);
	}
	if (r->state != RESPONSE_DECIDED)
		return STEP_NEXT;
	return r->is_success ? probe_succeed(p, r->evidence) : probe_vote(p, VOTE_FAILURE, "%s", r->evidence);
}

static enum step http_receive_head(struct probe *p) {
	return http_receive(p, RESPONSE_HEAD);
}

static enum step http_receive_body(struct probe *p) {
	return http_receive(p, RESPONSE_BODY);
}

static void http_end(struct probe *p) {
	struct http_probe *hp = probe_own(p);
	buf_fini(&hp->request);
	response_fini(&hp->response);
}

#define HTTP_STEPS                                                                                                               \
	{ http_send, "request not taken within" }, { http_receive_head, "no response head within" }, {                           \
		http_receive_body, "response body not complete within"                                                           \
	}

static const struct check_step http_steps[] = { PROBE_CONNECT, HTTP_STEPS };
static const struct check_step https_steps[] = { PROBE_CONNECT, { http_tls, "tls: no handshake within" }, HTTP_STEPS };

const struct check_kind check_http = {
	.name = "http",
	.own_bytes = sizeof(struct http_probe),
	.steps = http_steps,
	.compile = http_compile,
	.release = http_release,
	.end = http_end,
};
const struct check_kind check_https = {
	.name = "https",
	.own_bytes = sizeof(struct http_probe),
	.steps = https_steps,
	.compile = https_compile,
	.release = http_release,
	.end = http_end,
};
