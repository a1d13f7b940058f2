/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zones signed anew while they serve, on a clock that is moved by hand: when, with which keys, what stays as it was, and what a
 * failure leaves.
 */
#include "unit/gslb/signed.h"

#include "gslb/private.h"
#include "gslb/zone_text.h"

#include "steerway/base/log.h"
#include "steerway/metric.h"
#include "steerway/gslb/key_store.h"

#include <event2/event.h>
#include <pthread.h>
#include <urcu/urcu-memb.h>

#define DAY INT64_C(86400)

static uint64_t test_us;
static uint64_t source(void) {
	return test_us;
}

static int64_t now_s(void) {
	return (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC);
}

static void move(int64_t seconds) {
	test_us += (uint64_t)seconds * USEC_PER_SEC;
	clock_update();
}

struct test {
	struct fixture *x;
	struct signed_zone keys; /* its directory is the fixture's: signed_key writes there */
};

static const char zone[] = "@ 3600 IN SOA ns h 7 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.1\na IN TXT first\n"
			   "below IN NS ns.below\nns.below IN A 192.0.2.9\nc IN CNAME a\n";
static const char zone_below[] = "@ 3600 IN SOA ns h 7 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.1\n";
#define YAML                                                                                                                     \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES "zones:\n"                             \
	"  other: { file: below }\n"                                                                                             \
	"  example: { file: zone, dnssec: { keys: keys, validity: 14d, refresh: 5d }, names: { app: { pool: app, sites: "        \
	"[cloud, "                                                                                                               \
	"onprem], all_down: first } } }\n"                                                                                       \
	"  below.example: { file: below }\n"

/* A name that leads clients by a map. */
#define YAML_MAP                                                                                                                 \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n" FIXTURE_SITES                                        \
	"maps: { nets: { type: subnet, file: nets } }\n"                                                                         \
	"zones: { example: { file: zone, dnssec: { keys: keys }, names: { app: { pool: app, policy: subnet, map: nets, "         \
	"cases: { office: onprem, default: cloud }, all_down: first } } } }\n"

static int setup(void **state) {
	struct test *t = mem_zalloc(sizeof(*t));
	test_us = 1000 * USEC_PER_SEC;
	clock_set_source(source);
	clock_update();
	urcu_memb_register_thread();
	log_set_level(LOG_LEVEL_ERROR);
	t->x = fixture_create();
	strcpy(t->keys.directory, t->x->directory);
	fixture_file(t->x, "zone", zone);
	fixture_file(t->x, "below", zone_below);
	*state = t;
	return 0;
}

static int teardown(void **state) {
	struct test *t = *state;
	fixture_destroy(t->x);
	urcu_memb_unregister_thread();
	clock_set_source(NULL);
	mem_free(t);
	return 0;
}

static void load_text(struct test *t, const char *yaml) {
	struct err e;
	if (!fixture_reload(t->x, yaml, &e))
		fail_msg("%s", e.text);
}

static void load(struct test *t) {
	load_text(t, YAML);
}

static struct zone *zone_of(struct test *t, const char *text) {
	for (struct zone *z = zones_now(t->x->gslb)->first; z; z = z->next)
		if (str_eq(z->text, str_from(text)))
			return z;
	fail_msg("no zone %s", text);
	return NULL;
}

/* The first signature over a set. */
static const uint8_t *sig_of(struct zone *z, uint16_t type) {
	return node_rrset(z->apex, type)->sigs->bytes;
}

static void run(struct test *t) {
	struct err e;
	if (resign_due(t->x->gslb->resign, &e) < 0)
		fail_msg("%s", e.text);
}

/* Nothing happens before the refresh time; then everything is as before, but for the signatures. */
static void test_refresh(void **state) {
	struct test *t = *state;
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	load(t);
	struct zone *before = zone_of(t, "example."), *other = zone_of(t, "other."), *below = zone_of(t, "below.example.");
	int64_t at = zone_sign_at(before);
	assert_in_range(at, now_s() + 6 * DAY, now_s() + 9 * DAY);
	move(at - now_s() - 1);
	run(t);
	assert_ptr_equal(zone_of(t, "example."), before);
	/* An operator is at work on the file: what serves must not hang on it. */
	fixture_file(t->x, "zone", "not ready");
	const char *answer = ask(t->x, "a.example", 16);
	assert_string_equal(answer, "NOERROR aa\nan a.example. 3600 IN TXT \"first\"\n");
	move(1);
	run(t);
	struct zone *after = zone_of(t, "example.");
	assert_ptr_not_equal(after, before);
	assert_ptr_equal(zone_of(t, "other.")->unit, other->unit); /* nothing of it is signed */
	assert_ptr_not_equal(zone_of(t, "below.example."), below);
	assert_in_range(dns_get32(sig_of(after, DNS_TYPE_SOA) + 8), now_s() + 11 * DAY, now_s() + 14 * DAY);
	assert_in_range(zone_sign_at(after), now_s() + 6 * DAY, now_s() + 9 * DAY);
	assert_string_equal(ask(t->x, "a.example", 16), "NOERROR aa\nan a.example. 3600 IN TXT \"first\"\n");
	assert_string_equal(ask(t->x, "ns.below.example", 1), "NOERROR aa\nan ns.below.example. 3600 IN A 192.0.2.1\n");
	assert_string_equal(ask(t->x, "ns.other", 1), "NOERROR aa\nan ns.other. 3600 IN A 192.0.2.1\n");
	assert_non_null(strstr(ask(t->x, "app.example", 1), "an app.example. 60 IN A"));
	/* And again: a copy of a copy. */
	for (unsigned i = 0; i < 3; i++) {
		move(10 * DAY);
		run(t);
		assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 1);
		assert_int_equal(zone_of(t, "example.")->denial->n, 6);
		assert_in_range(dns_get32(sig_of(zone_of(t, "example."), DNS_TYPE_SOA) + 8), now_s() + 11 * DAY,
		                now_s() + 14 * DAY);
	}
}

/* The name's own NSEC record says that it has signatures: who asks for them gets some, at an alias the alias's. */
static void test_type_rrsig(void **state) {
	struct test *t = *state;
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	load(t);
	assert_non_null(strstr(ask(t->x, "a.example", 46), "NOERROR aa\nan a.example. 3600 IN RRSIG TXT 13 2 3600 "));
	assert_non_null(strstr(ask(t->x, "c.example", 46), "NOERROR aa\nan c.example. 3600 IN RRSIG CNAME 13 2 3600 "));
	assert_null(strstr(ask(t->x, "below.example", 46), "an "));
}

/* A key's time comes without a reload, and without its files. */
static void test_key_time(void **state) {
	struct test *t = *state;
	int64_t start = now_s();
	unsigned old = signed_key(
	    &t->keys, 13, 257,
	    (struct key_times){ { [KEY_ACTIVATE] = start - 10, [KEY_INACTIVE] = start + DAY, [KEY_DELETE] = start + 2 * DAY } });
	unsigned new =
	    signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_PUBLISH] = start, [KEY_ACTIVATE] = start + DAY } });
	char command[96];
	load(t);
	snprintf(command, sizeof(command), "rm -rf %s/keys", t->x->directory);
	assert_int_equal(system(command), 0);
	assert_true(zone_sign_at(zone_of(t, "example.")) == start + DAY);
	assert_int_equal(dns_get16(sig_of(zone_of(t, "example."), DNS_TYPE_SOA) + 16), old);
	move(DAY);
	run(t);
	assert_int_equal(dns_get16(sig_of(zone_of(t, "example."), DNS_TYPE_SOA) + 16), new);
	assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 2);
	move(DAY);
	run(t);
	assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 1);
	assert_in_range(zone_sign_at(zone_of(t, "example.")), now_s() + 6 * DAY, now_s() + 9 * DAY);
}

static unsigned signed_by(struct zone *z) {
	return dns_get16(sig_of(z, DNS_TYPE_SOA) + 16);
}

static char logged[4096];
static void log_keep(struct str line) {
	str_copy(logged, sizeof(logged), line);
}

/* The only key of a zone ends, and has no successor: it signs on, and no other zone waits for the operator. */
static void test_no_key_left(void **state) {
	struct test *t = *state;
	struct err e;
	struct str other = str_slice("\5other\0", 7);
	int64_t start = now_s();
	unsigned only =
	    signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_ACTIVATE] = start - 10, [KEY_INACTIVE] = start + DAY } });
	signed_key_of(&t->keys, other, 13, 257, (struct key_times){ { 0 } });
	load_text(t, "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones:\n"
	             "  example: { file: zone, dnssec: { keys: keys, validity: 14d, refresh: 5d } }\n"
	             "  other: { file: below, dnssec: { keys: keys, validity: 14d, refresh: 5d } }\n");
	log_set_sink(log_keep);
	for (unsigned i = 0; i < 3; i++) { /* also what was kept is kept */
		*logged = '\0';
		move(i == 0 ? DAY : 10 * DAY);
		run(t);
		assert_non_null(strstr(logged, "error zone_keys_kept zone=example. why=\""));
		assert_non_null(strstr(logged, "/keys: none of the 1 keys of zone example. is active now"));
		assert_int_equal(signed_by(zone_of(t, "example.")), only);
		assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 1);
		assert_in_range(zone_sign_at(zone_of(t, "example.")), now_s() + 6 * DAY, now_s() + 9 * DAY);
		assert_in_range(zone_sign_at(zone_of(t, "other.")), now_s() + 6 * DAY, now_s() + 9 * DAY);
	}
	/* What is done to the keys of the other one holds; so does, in the end, what is done to its own. */
	signed_key_of(&t->keys, other, 13, 257, (struct key_times){ { 0 } });
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("other"), &e), 0);
	assert_int_equal(node_rrset(zone_of(t, "other.")->apex, DNS_TYPE_DNSKEY)->n, 2);
	unsigned next =
	    signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_PUBLISH] = now_s(), [KEY_ACTIVATE] = now_s() + DAY } });
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), 0);
	assert_int_equal(signed_by(zone_of(t, "example.")), only);
	assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 2);
	*logged = '\0';
	move(DAY);
	run(t);
	assert_int_equal(signed_by(zone_of(t, "example.")), next);
	assert_string_equal(logged, "");
	log_set_sink(NULL);
}

static void fault_look(void *arg, const struct gslb_zone_state *z) {
	const char **fault = arg;
	if (str_eq(z->name, STR("example.")))
		*fault = z->fault;
}
static const char *fault_of_example(struct test *t) {
	const char *fault = NULL;
	gslb_each_zone(t->x->gslb, fault_look, &fault);
	return fault;
}

static void reload_other(struct test *t, const char *text, unsigned serial) {
	static const char yaml[] = "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones:\n"
				   "  example: { file: zone, dnssec: { keys: keys, validity: 14d, refresh: 5d } }\n"
				   "  other: { file: below, dnssec: { keys: keys, validity: 14d, refresh: 5d } }\n";
	fixture_file(t->x, "below", text);
	load_text(t, yaml);
	assert_int_equal(zone_of(t, "other.")->serial, serial);
	assert_true(zone_of(t, "other.")->is_signed);
	assert_null(zone_of(t, "other.")->fault);
}

/* A reload finds the keys of one zone past their time, or none: it is signed on by those that were, and the other one is as new. */
static void test_reload_without_keys(void **state) {
	struct test *t = *state;
	static const char changed[] = "@ 3600 IN SOA ns h 8 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2.1\n";
	char command[96];
	int64_t start = now_s();
	unsigned only =
	    signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_ACTIVATE] = start - 10, [KEY_INACTIVE] = start + DAY } });
	signed_key_of(&t->keys, str_slice("\5other\0", 7), 13, 257, (struct key_times){ { 0 } });
	reload_other(t, zone_below, 7);
	assert_null(fault_of_example(t));
	log_set_sink(log_keep);
	for (unsigned i = 0; i < 4; i++) {
		move(i == 0 ? DAY : 10 * DAY);
		if (i == 2) {
			snprintf(command, sizeof(command), "rm %s/keys/Kexample.*", t->x->directory);
			assert_int_equal(system(command), 0);
		}
		*logged = '\0';
		reload_other(t, i % 2 ? zone_below : changed, i % 2 ? 7 : 8);
		assert_non_null(strstr(logged, "error zone_kept zone=example. serial=7 why=\"zones.example.dnssec: "));
		assert_non_null(strstr(fault_of_example(t), i < 2 ? "/keys: none of the 1 keys of zone example. is active now"
		                                                  : "/keys: no keys of zone example.; make one"));
		assert_int_equal(signed_by(zone_of(t, "example.")), only);
		assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 1);
		assert_in_range(zone_sign_at(zone_of(t, "example.")), now_s() + 6 * DAY, now_s() + 9 * DAY);
	}
	move(10 * DAY); /* and it is signed anew in time */
	run(t);
	assert_int_equal(signed_by(zone_of(t, "example.")), only);
	unsigned next = signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	*logged = '\0';
	reload_other(t, zone_below, 7);
	assert_null(fault_of_example(t));
	assert_string_equal(logged, "");
	assert_int_equal(signed_by(zone_of(t, "example.")), next);
	log_set_sink(NULL);
}

/* Keys were all that was wrong, so that with new ones nothing is. */
static void test_keys_that_come_back(void **state) {
	struct test *t = *state;
	struct err e;
	char command[96];
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	load(t);
	zone_of(t, "example.")->files[0].read_s += 60; /* what was written right before it was read could have changed unseen */
	snprintf(command, sizeof(command), "rm %s/keys/Kexample.*", t->x->directory);
	assert_int_equal(system(command), 0);
	log_set_sink(log_keep);
	assert_true(fixture_reload(t->x, YAML, &e));
	log_set_sink(NULL);
	assert_non_null(strstr(fault_of_example(t), "/keys: no keys of zone example.; make one"));
	assert_int_equal(metric_sum(METRIC_gslb_zones_kept), 1);
	move(10 * DAY);
	run(t); /* by the old ones */
	assert_non_null(fault_of_example(t));
	unsigned next = signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), 0);
	assert_int_equal(signed_by(zone_of(t, "example.")), next);
	assert_null(fault_of_example(t));
	assert_int_equal(metric_sum(METRIC_gslb_zones_kept), 0);
}

/* Its file and its keys at once; the text that is kept is signed by the keys that are there. */
static void test_reload_of_faulty_text(void **state) {
	struct test *t = *state;
	int64_t start = now_s();
	signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_ACTIVATE] = start - 10, [KEY_INACTIVE] = start + DAY } });
	signed_key_of(&t->keys, str_slice("\5other\0", 7), 13, 257, (struct key_times){ { 0 } });
	reload_other(t, zone_below, 7);
	fixture_file(t->x, "zone", "@ 3600 IN SOA ns h 8 3600 600 86400 300\n@ IN NS ns\nns IN A 192.0.2\n");
	move(DAY);
	log_set_sink(log_keep);
	reload_other(t, zone_below, 7);
	assert_non_null(strstr(fault_of_example(t), "zone:3: `192.0.2` is not an IPv4 address"));
	assert_int_equal(zone_of(t, "example.")->serial, 7);
	unsigned next = signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	reload_other(t, zone_below, 7);
	assert_non_null(fault_of_example(t));
	assert_int_equal(signed_by(zone_of(t, "example.")), next);
	log_set_sink(NULL);
}

/* What was never signed has no keys to go on with: the reload is refused. */
static void test_first_signing_without_keys(void **state) {
	struct test *t = *state;
	struct err e;
	signed_key_of(&t->keys, str_slice("\5other\0", 7), 13, 257, (struct key_times){ { 0 } });
	load_text(t, "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones: { example: { file: zone } }\n");
	assert_false(fixture_reload(t->x, YAML, &e));
	assert_non_null(strstr(e.text, "zones.example.dnssec: "));
	assert_non_null(strstr(e.text, "/keys: no keys of zone example.; make one with `steerway dnssec generate`"));
	assert_false(zone_of(t, "example.")->is_signed);
}

/* Signed anew of what is in memory: no file of a map is looked at, however it changed. */
static void test_maps(void **state) {
	struct test *t = *state;
	char path[96];
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	fixture_file(t->x, "nets", "198.51.100.0/24 office\n");
	load_text(t, YAML_MAP);
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 192.0.2.10\n"));
	fixture_file(t->x, "nets", "198.51.0.0/20 office\n");
	move(10 * DAY);
	run(t);
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 192.0.2.10\n"));
	gslb_reload_maps(t->x->gslb);
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 198.51.100.10\n"));
	snprintf(path, sizeof(path), "%s/nets", t->x->directory);
	assert_int_equal(unlink(path), 0);
	log_set_sink(log_keep);
	*logged = '\0';
	move(10 * DAY);
	run(t);
	assert_string_equal(logged, "");
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 198.51.100.10\n"));
	log_set_sink(NULL);
}

/* Keys that were changed are read when told so; faulty ones change nothing. */
static void test_files(void **state) {
	struct test *t = *state;
	struct err e;
	unsigned first = signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	load(t);
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	if (gslb_sign_zone(t->x->gslb, STR("example"), &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n, 2);
	char path[96];
	snprintf(path, sizeof(path), "keys/Kexample.+013+%05u.private", first);
	fixture_file(t->x, path, "nonsense");
	struct zone *before = zone_of(t, "example.");
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), -1);
	assert_non_null(strstr(e.text, ".private: line 1: not of the form `Field: value`"));
	assert_ptr_equal(zone_of(t, "example."), before);
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("other"), &e), -1);
	assert_non_null(strstr(e.text, "other is not signed"));
}

static void test_signing(void **state) {
	struct test *t = *state;
	struct gslb_signing s;
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	load(t);
	assert_true(gslb_signing_find(t->x->gslb, STR("example"), &s));
	assert_false(s.has_zsk);
	assert_int_equal(s.ttls.dnskey_s, 3600);
	assert_int_equal(s.ttls.zone_s, 3600);
	assert_true(s.first_end_s == signer_first_end(zone_of(t, "example.")->signer));
	assert_false(gslb_signing_find(t->x->gslb, STR("other"), &s));
}

/* ---- with a loop: all of it happens by itself, the clock is the real one ---- */

static struct loop *loop_begin(struct test *t) {
	struct err e;
	clock_set_source(NULL);
	clock_update();
	struct loop *l = loop_create(&e);
	assert_non_null(l);
	assert_int_equal(gslb_keep_signed(t->x->gslb, l, &e), 0);
	return l;
}

/* For so long at most that what has not come by then never does. */
static void loop_once(struct loop *l) {
	struct timeval most = { .tv_sec = 20 };
	event_base_loopexit(loop_base(l), &most);
	assert_int_equal(event_base_loop(loop_base(l), EVLOOP_ONCE), 0);
	assert_false(event_base_got_exit(loop_base(l)));
}

static void loop_end(struct test *t, struct loop *l) {
	gslb_destroy(t->x->gslb);
	t->x->gslb = NULL;
	loop_destroy(l);
}

static void test_thread(void **state) {
	struct test *t = *state;
	struct err e;
	struct loop *l = loop_begin(t);
	int64_t start = now_s();
	signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_ACTIVATE] = start - 10, [KEY_INACTIVE] = start + 1 } });
	unsigned new = signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_PUBLISH] = start, [KEY_ACTIVATE] = start + 1 } });
	load(t);
	while (signed_by(zone_of(t, "example.")) != new)
		loop_once(l);
	/* One that is under way when a reload comes is given up; so is one when the responder ends. */
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), 0);
	load(t);
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), 0);
	loop_end(t, l);
}

/* Files of maps that change while zones are signed do not keep them from it, and are read as soon as it has ended, or was given up. */
static void test_maps_wait(void **state) {
	struct test *t = *state;
	struct err e;
	struct loop *l = loop_begin(t);
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	fixture_file(t->x, "nets", "198.51.100.0/24 office\n");
	load_text(t, YAML_MAP);
	signed_key(&t->keys, 13, 257, (struct key_times){ { 0 } });
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), 0);
	fixture_file(t->x, "nets", "198.51.0.0/20 office\n");
	gslb_reload_maps(t->x->gslb);
	while (node_rrset(zone_of(t, "example.")->apex, DNS_TYPE_DNSKEY)->n < 2) {
		assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 192.0.2.10\n"));
		loop_once(l);
	}
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 198.51.100.10\n"));
	/* Given up for a reload, which is refused. */
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), 0);
	fixture_file(t->x, "nets", "198.51.100.0/24 office\n");
	gslb_reload_maps(t->x->gslb);
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 198.51.100.10\n"));
	assert_false(fixture_reload(t->x,
	                            "listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\n"
	                            "zones: { new: { file: nets } }\n",
	                            &e));
	assert_non_null(strstr(ask(t->x, "app.example", 1), "IN A 192.0.2.10\n"));
	loop_end(t, l);
}

/* As when the system is out of threads. */
static void threads_refuse(bool do_refuse) {
	static pthread_attr_t normal;
	pthread_attr_t huge;
	if (!do_refuse) {
		assert_int_equal(pthread_setattr_default_np(&normal), 0);
		return;
	}
	assert_int_equal(pthread_getattr_default_np(&normal), 0);
	pthread_attr_init(&huge);
	pthread_attr_setstacksize(&huge, (size_t)1 << 50); /* no address space has that */
	assert_int_equal(pthread_setattr_default_np(&huge), 0);
	pthread_attr_destroy(&huge);
}

/* An operator's word ends what is under way; when it can't begin itself, the other is still due. */
static void test_no_thread(void **state) {
	struct test *t = *state;
	struct err e;
	struct loop *l = loop_begin(t);
	int64_t start = now_s();
	signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_ACTIVATE] = start - 10, [KEY_INACTIVE] = start + 2 } });
	unsigned new = signed_key(&t->keys, 13, 257, (struct key_times){ { [KEY_PUBLISH] = start, [KEY_ACTIVATE] = start + 2 } });
	load(t);
	while (!resign_is_busy(t->x->gslb->resign))
		loop_once(l);
	threads_refuse(true);
	assert_int_equal(gslb_sign_zone(t->x->gslb, STR("example"), &e), -1);
	threads_refuse(false);
	assert_non_null(strstr(e.text, "no thread could be started"));
	assert_int_not_equal(signed_by(zone_of(t, "example.")), new);
	while (signed_by(zone_of(t, "example.")) != new)
		loop_once(l);
	loop_end(t, l);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refresh, setup, teardown),
		cmocka_unit_test_setup_teardown(test_type_rrsig, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_key_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_without_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_that_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_of_faulty_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_signing_without_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maps_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_thread, setup, teardown),
	};
	return cmocka_run_group_tests_name("gslb/resign", tests, NULL, NULL);
}
