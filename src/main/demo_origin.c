/* SPDX-License-Identifier: BSD-2-Clause */
/* An origin of the demonstration: a process with libevent's small HTTP server; every answer says who gave it. */
#include "main/demo.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct demo_origin *self;

static void answer(struct evhttp_request *request, const char *text) {
	struct evbuffer *body = evbuffer_new();
	evbuffer_add_printf(body, "%s", text);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain");
	evhttp_add_header(evhttp_request_get_output_headers(request), "X-Site", self->site);
	evhttp_send_reply(request, 200, "OK", body);
	evbuffer_free(body);
}

static void on_health(struct evhttp_request *request, void *arg) {
	(void)arg;
	answer(request, "ok\n");
}

static void on_request(struct evhttp_request *request, void *arg) {
	(void)arg;
	char text[128];
	snprintf(text, sizeof(text), "hello from site %s (origin %s:%u, pid %d)\n", self->site, self->address, self->port,
	         (int)getpid());
	answer(request, text);
}

_Noreturn void demo_origin_serve(const struct demo_origin *o, int ready_fd) {
	char byte = 1;
	self = o;
	struct event_base *base = event_base_new();
	struct evhttp *http = base ? evhttp_new(base) : NULL;
	if (http == NULL || evhttp_bind_socket(http, o->address, o->port) < 0) {
		fprintf(stderr, "demo: origin %s can't listen on %s:%u\n", o->site, o->address, o->port);
		_exit(1);
	}
	evhttp_set_max_headers_size(http, 64 * 1024);
	evhttp_set_max_body_size(http, 16 * 1024 * 1024);
	evhttp_set_cb(http, "/health", on_health, NULL);
	evhttp_set_gencb(http, on_request, NULL);
	(void)!write(ready_fd, &byte, 1);
	close(ready_fd);
	event_base_dispatch(base);
	_exit(0);
}
