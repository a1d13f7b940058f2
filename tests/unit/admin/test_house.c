/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and HTTP routes by bytes, on real rooms without listeners: what they answer, what they change, what they refuse. */
#include "admin/internal.h"
#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <cmocka.h>

static const char text[] = "sites:\n"
			   "  a: { addresses: [192.0.2.1], capacity: 100rps }\n"
			   "  b: { addresses: [192.0.2.2], capacity: 100rps }\n"
			   "pools:\n"
			   "  p:\n"
			   "    servers:\n"
			   "      - { name: one, address: \"127.0.0.1:1\", site: a }\n"
			   "      - { name: two, address: \"127.0.0.1:2\", site: b }\n";

struct house {
	struct admin admin;
	struct cfg *cfg;
	bool is_stopping;
	int reload_status;
};

static const struct cfg_root *on_config(void *arg) {
	return cfg_root(((struct house *)arg)->cfg);
}

static int on_reload(void *arg, struct buf *report) {
	buf_add(report, STR("first line\nsecond line\n"));
	return ((struct house *)arg)->reload_status;
}

static void on_stop(void *arg) {
	((struct house *)arg)->is_stopping = true;
}

static bool on_is_stopping(void *arg) {
	return ((struct house *)arg)->is_stopping;
}

static int setup(void **state) {
	struct house *h = mem_zalloc(sizeof(*h));
	struct admin_house *rooms = &h->admin.house;
	struct buf errors = { 0 };
	struct err e;
	urcu_memb_register_thread();
	clock_update();
	log_set_level(LOG_LEVEL_ERROR);
	h->cfg = cfg_load_text(str_from(text), "test", ".", &errors);
	assert_non_null(h->cfg);
	*rooms = (struct admin_house){
		.config = on_config, .reload = on_reload, .stop = on_stop, .is_stopping = on_is_stopping, .arg = h
	};
	assert_non_null(rooms->control = loop_create(&e));
	assert_non_null(rooms->workers = workers_create(1, &e));
	assert_non_null(rooms->fleet = fleet_create(rooms->control, rooms->workers, &e));
	assert_non_null(rooms->health = health_create(rooms->control, rooms->fleet, &e));
	assert_non_null(rooms->proxy = proxy_create(rooms->fleet, rooms->workers, rooms->control, &e));
	assert_non_null(rooms->gslb = gslb_create(rooms->fleet, rooms->workers, &e));
	fleet_commit(fleet_prepare(rooms->fleet, cfg_root(h->cfg), &e));
	health_commit(health_prepare(rooms->health, cfg_root(h->cfg), &e));
	*state = h;
	return 0;
}

static int teardown(void **state) {
	struct house *h = *state;
	struct admin_house *rooms = &h->admin.house;
	gslb_destroy(rooms->gslb);
	proxy_destroy(rooms->proxy);
	health_destroy(rooms->health);
	fleet_destroy(rooms->fleet);
	workers_destroy(rooms->workers);
	loop_destroy(rooms->control);
	cfg_destroy(h->cfg);
	mem_free(h);
	urcu_memb_unregister_thread();
	return 0;
}

/* The bytes of an answer, NUL-terminated; freed by the next call. */
static const char *ask(struct house *h, const struct admin_protocol *p, const char *in, enum admin_next next) {
	static struct buf out;
	size_t used = 0;
	buf_fini(&out);
	out = (struct buf){ 0 };
	assert_int_equal(p->take(&h->admin, str_from(in), &used, &out), next);
	assert_int_equal(used, next == ADMIN_MORE ? 0 : strlen(in));
	buf_add_char(&out, '\0');
	return out.p;
}

/* The JSON answer of a command; the caller releases it. */
static json_t *run(struct house *h, const char *line) {
	char with_json[256];
	snprintf(with_json, sizeof(with_json), "%s --json\n", line);
	const char *answer = ask(h, &admin_line_protocol, with_json, ADMIN_ANSWERED);
	json_t *tree = json_loads(strchr(answer, '\n') + 1, 0, NULL);
	assert_non_null(tree);
	return tree;
}

static void expect(struct house *h, const char *line, const char *key, const char *value) {
	json_t *tree = run(h, line);
	const char *got = json_string_value(json_object_get(tree, key));
	assert_non_null(got);
	assert_string_equal(got, value);
	json_decref(tree);
}

static void test_show(void **state) {
	struct house *h = *state;
	json_t *sites = run(h, "show sites"), *servers = run(h, "show servers --site b");
	assert_int_equal(json_array_size(sites), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(sites, 0), "name")), "a");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(sites, 0), "in_service")), 1);
	assert_int_equal(json_array_size(servers), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(servers, 0), "name")), "p/two");
	json_decref(sites);
	json_decref(servers);
	expect(h, "show servers --site c", "error", "there is no site `c`; see `show sites`");
	/* Every show, in both forms. */
	for (size_t i = 0; i < admin_n_rows; i++)
		if (strncmp(admin_rows[i].words, "show ", 5) == 0) {
			char line[64];
			json_decref(run(h, admin_rows[i].words));
			snprintf(line, sizeof(line), "%s\n", admin_rows[i].words);
			assert_memory_equal(ask(h, &admin_line_protocol, line, ADMIN_ANSWERED), "ok ", 3);
		}
}

static void test_states(void **state) {
	struct house *h = *state;
	static const char *const verbs[][2] = { { "maint", "maint" }, { "up", "up" }, { "down", "down" }, { "ready", "ready" } };
	static const char *const targets[] = { "site a", "pool p", "server p/one" };
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		for (size_t k = 0; k < COUNT_OF(targets); k++) {
			char line[64];
			snprintf(line, sizeof(line), "%s %s", verbs[i][0], targets[k]);
			expect(h, line, "admin", verbs[i][1]);
		}
	expect(h, "maint site nope", "error", "there is no site `nope`; see `show sites`");
	expect(h, "maint server p", "error", "there is no server `p`; see `show servers`");
}

static void test_drain(void **state) {
	struct house *h = *state;
	expect(h, "drain site a --deadline 1s", "admin", "drain");
	json_t *drains = run(h, "show drains"), *row = json_array_get(drains, 0);
	assert_int_equal(json_array_size(drains), 1);
	assert_string_equal(json_string_value(json_object_get(row, "kind")), "site");
	assert_string_equal(json_string_value(json_object_get(row, "name")), "a");
	assert_true(json_is_string(json_object_get(row, "phase")));
	json_decref(drains);
	json_t *why = run(h, "explain p/one");
	const char *first = json_string_value(json_array_get(json_object_get(why, "why"), 0));
	assert_non_null(first);
	assert_memory_equal(first, "site a is being drained by the operator", 39);
	json_decref(why);
	expect(h, "ready site a", "admin", "ready");
	drains = run(h, "show drains");
	assert_int_equal(json_array_size(drains), 0);
	json_decref(drains);
}

static void test_explain(void **state) {
	struct house *h = *state;
	expect(h, "explain p/one", "kind", "server");
	expect(h, "explain a", "kind", "site");
	expect(h, "explain p", "kind", "pool");
	expect(h, "explain q", "error",
	       "there is no server (pool/server), site, pool or steered name `q`; see `show servers`, `show names`");
}

/* Without zones in force nothing can be told. */
static void test_latency_without_zones(void **state) {
	struct house *h = *state;
	expect(h, "latency set rtt 10.0.0.0/8 a=1ms", "error", "there is no map `rtt`; name one of `maps` in the configuration");
	expect(h, "latency clear rtt", "error", "there is no map `rtt`; name one of `maps` in the configuration");
}

/* What was told is answered, and shown; a map's file is not needed by anyone else here. */
static void test_latency(void **state) {
	struct house *h = *state;
	char path[] = "/tmp/steerway-house-XXXXXX", yaml[512];
	struct buf errors = { 0 };
	struct err e;
	close(mkstemp(path));
	snprintf(yaml, sizeof(yaml), "%smaps: { rtt: { type: latency, file: %s } }\n", text, path);
	struct cfg *cfg = cfg_load_text(str_from(yaml), "test", ".", &errors);
	if (!cfg)
		fail_msg("%.*s", STR_ARG(buf_str(&errors)));
	struct gslb_plan *plan = gslb_prepare(h->admin.house.gslb, cfg_root(cfg), &e);
	if (!plan)
		fail_msg("%s", e.text);
	gslb_commit(plan);
	json_t *set = run(h, "latency set rtt 10.0.0.0/8 a=1ms,b=2.5ms"), *shown = run(h, "show latency");
	assert_true(json_equal(set, shown));
	json_t *row = json_array_get(shown, 0);
	assert_int_equal(json_array_size(shown), 1);
	assert_string_equal(json_string_value(json_object_get(row, "map")), "rtt");
	assert_string_equal(json_string_value(json_object_get(row, "network")), "10.0.0.0/8");
	assert_string_equal(json_string_value(json_object_get(row, "times")), "a=1ms,b=2.5ms");
	assert_string_equal(ask(h, &admin_line_protocol, "show latency\n", ADMIN_ANSWERED),
	                    "ok 54\nMAP  NETWORK     TIMES\nrtt  10.0.0.0/8  a=1ms,b=2.5ms\n");
	json_t *cleared = run(h, "latency clear rtt 10.0.0.0/8");
	assert_int_equal(json_integer_value(json_object_get(cleared, "cleared")), 1);
	expect(h, "latency clear rtt 10.0.0.0/8", "error", "nothing was told of 10.0.0.0/8 in map rtt; see `show latency`");
	json_decref(set);
	json_decref(shown);
	json_decref(cleared);
	plan = gslb_prepare(h->admin.house.gslb, cfg_root(h->cfg), &e);
	assert_non_null(plan);
	gslb_commit(plan);
	cfg_destroy(cfg);
	unlink(path);
}

static void test_reload(void **state) {
	struct house *h = *state;
	json_t *done = run(h, "reload"), *changes = json_object_get(done, "changes");
	assert_int_equal(json_array_size(changes), 2);
	assert_string_equal(json_string_value(json_array_get(changes, 1)), "second line");
	json_decref(done);
	h->reload_status = -1;
	assert_string_equal(ask(h, &admin_line_protocol, "reload\n", ADMIN_ANSWERED), "error 23\nfirst line\nsecond line\n");
}

static void test_http(void **state) {
	struct house *h = *state;
	static const struct {
		const char *request, *status, *body; /* body NULL: any */
		enum admin_next next;
	} rows[] = {
		{ "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "alive\n", ADMIN_ANSWERED },
		{ "GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "alive\n", ADMIN_ANSWERED },
		{ "GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "alive\n", ADMIN_ANSWERED },
		{ "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200 OK", "alive\n", ADMIN_CLOSE },
		{ "GET /healthz HTTP/1.0\r\n\r\n", "200 OK", "alive\n", ADMIN_CLOSE },
		{ "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "", ADMIN_ANSWERED },
		{ "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "ready\n", ADMIN_ANSWERED },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", NULL, ADMIN_ANSWERED },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", NULL, ADMIN_ANSWERED },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405 Method Not Allowed", NULL,
		  ADMIN_ANSWERED },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "413 Content Too Large", NULL, ADMIN_CLOSE },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "413 Content Too Large", NULL,
		  ADMIN_CLOSE },
		{ "GET /metrics HTTP/1.1\r\n\r\n", "400 Bad Request", NULL, ADMIN_CLOSE },
		{ "\x16\x03\x01\x02\r\n\r\n", "400 Bad Request", NULL, ADMIN_CLOSE },
		{ "GET /metrics HTTP/1.1\r\nHost", NULL, NULL, ADMIN_MORE },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *answer = ask(h, &admin_http_protocol, rows[i].request, rows[i].next);
		if (rows[i].status == NULL) {
			assert_string_equal(answer, "");
			continue;
		}
		assert_memory_equal(answer, "HTTP/1.1 ", 9);
		assert_memory_equal(answer + 9, rows[i].status, strlen(rows[i].status));
		assert_int_equal(strstr(answer, "\r\nConnection: close\r\n") != NULL, rows[i].next == ADMIN_CLOSE);
		const char *body = strstr(answer, "\r\n\r\n") + 4;
		size_t length = strtoul(strstr(answer, "Content-Length: ") + 16, NULL, 10);
		if (rows[i].request[0] != 'H')
			assert_int_equal(strlen(body), length);
		if (rows[i].body != NULL)
			assert_string_equal(body, rows[i].body);
	}
	assert_non_null(strstr(ask(h, &admin_http_protocol, rows[9].request, ADMIN_ANSWERED), "\r\nAllow: GET, HEAD\r\n"));
}

static void test_http_head_too_large(void **state) {
	struct house *h = *state;
	size_t n = admin_http_protocol.input_bytes;
	char *in = mem_alloc(n + 1);
	memset(in, 'x', n);
	memcpy(in, "GET / HTTP/1.1\r\nX: ", 19);
	in[n] = '\0';
	assert_memory_equal(ask(h, &admin_http_protocol, in, ADMIN_CLOSE) + 9, "431", 3);
	mem_free(in);
}

static void test_metrics(void **state) {
	struct house *h = *state;
	json_decref(run(h, "maint server p/two"));
	const char *text_out = ask(h, &admin_http_protocol, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", ADMIN_ANSWERED);
	static const char *const lines[] = {
		"\nsteerway_server_up{pool=\"p\",server=\"one\",site=\"a\"} 1\n",
		"\nsteerway_server_in_service{pool=\"p\",server=\"two\",site=\"b\"} 0\n",
		"\nsteerway_site_state{site=\"a\",state=\"ready\"} 1\n",
		"\nsteerway_site_state{site=\"a\",state=\"drain\"} 0\n",
		"\nsteerway_pool_usable_sites{pool=\"p\"} 1\n",
		"\nsteerway_proxy_ends_total{reason=\"no_server\"} 0\n",
		"\n# TYPE steerway_server_requests_total counter\n",
		"\n# TYPE steerway_admin_commands_total counter\n",
	};
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		if (strstr(text_out, lines[i]) == NULL)
			fail_msg("not on /metrics: %s", lines[i]);
	json_decref(run(h, "ready server p/two"));
}

static void test_stopping(void **state) {
	struct house *h = *state;
	expect(h, "stop", "stop", "under way");
	assert_true(h->is_stopping);
	assert_memory_equal(ask(h, &admin_http_protocol, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", ADMIN_ANSWERED) + 9, "503",
	                    3);
	assert_memory_equal(ask(h, &admin_http_protocol, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", ADMIN_ANSWERED) + 9, "200",
	                    3);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_show),     cmocka_unit_test(test_states),
		cmocka_unit_test(test_drain),    cmocka_unit_test(test_explain),
		cmocka_unit_test(test_reload),   cmocka_unit_test(test_http),
		cmocka_unit_test(test_metrics),  cmocka_unit_test(test_http_head_too_large),
		cmocka_unit_test(test_stopping), cmocka_unit_test(test_latency_without_zones),
		cmocka_unit_test(test_latency),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
