/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers, EDNS, sizes and malformed queries: what the responder makes of each, byte by byte. */
#include "unit/gslb/fixture.h"

#define YAML                                                                                                                     \
	"listeners: { dns: { bind: ['127.0.0.1:5300'], protocol: dns } }\nzones: { example.org: { file: example.org.zone } }\n"

static void write_zone(const struct fixture *x) {
	struct buf b = { 0 };
	buf_printf(&b, "@ 3600 IN SOA ns1 hostmaster 1 2 3 4 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\nweb 60 A 192.0.2.4\n");
	for (int i = 0; i < 40; i++) /* 12 + 23 + 40 * 16 = 675 bytes: fits 1232, not 512 */
		buf_printf(&b, "forty 60 A 192.0.3.%d\n", i);
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "hundred 60 A 192.0.4.%d\n", i);
	for (int i = 0; i < 10; i++) /* 435 bytes, with the addresses 595: the answer alone fits 512 */
		buf_printf(&b, "mx 60 MX %d host-with-a-long-name-%d\nhost-with-a-long-name-%d 60 A 192.0.5.%d\n", i, i, i, i);
	for (int i = 0; i < 10; i++) /* in-domain glue, which a referral needs */
		buf_printf(&b, "cut 60 NS host-with-a-long-name-%d.cut\nhost-with-a-long-name-%d.cut 60 A 192.0.6.%d\n", i, i, i);
	for (int i = 0; i < 10; i++) /* glue beside the cut, which it can do without */
		buf_printf(&b, "kin 60 NS host-with-a-long-name-%d\n", i);
	buf_add_char(&b, '\0');
	fixture_file(x, "example.org.zone", b.p);
	buf_fini(&b);
}

static int setup(void **state) {
	struct fixture *x = fixture_create();
	struct err e;
	write_zone(x);
	if (!fixture_reload(x, YAML, &e))
		fail_msg("%s", e.text);
	*state = x;
	return 0;
}
static int teardown(void **state) {
	fixture_destroy(*state);
	return 0;
}

static unsigned rcode(const struct fixture *x) {
	return x->answer[3] & 15;
}
static unsigned flags(const struct fixture *x) {
	return dns_get16(x->answer + 2);
}
static unsigned count(const struct fixture *x, int section) {
	return dns_get16(x->answer + 4 + 2 * section);
}

static void test_silence(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_dropped_total);
	for (size_t n = 0; n < 12; n++) {
		query_begin(x, "web.example.org", 1);
		x->n_query = n;
		query_send(x, false, 4096);
		assert_int_equal(x->n_answer, 0);
	}
	query_begin(x, "web.example.org", 1);
	x->query[2] = (char)0x80; /* a response: answering it could start a loop of two servers */
	query_send(x, false, 4096);
	assert_int_equal(x->n_answer, 0);
	assert_int_equal(metric_sum(METRIC_gslb_dropped_total), before + 13);
}

/* Each cut of a good query is FORMERR, with the question only where it is whole. */
static void test_truncated_queries(void **state) {
	struct fixture *x = *state;
	query_begin(x, "web.example.org", 1);
	size_t question = x->n_query;
	query_edns(x, 1232, 0, 0);
	size_t whole = x->n_query;
	for (size_t n = 12; n < whole; n++) {
		x->n_query = n;
		query_send(x, false, 4096);
		assert_int_equal(rcode(x), DNS_FORMERR);
		assert_int_equal(flags(x) & 0x8700, 0x8100);
		assert_int_equal(count(x, 0), n >= question);
		assert_int_equal(x->n_answer, n >= question ? question : 12);
	}
	x->n_query = whole;
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_NOERROR);
	query_add(x, "\0", 1); /* trailing garbage */
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_FORMERR);
}

/* RFC 9619 */
static void test_question_count(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_formerr_total);
	static const unsigned counts[] = { 0, 2, 256, 65535 };
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		query_begin(x, "web.example.org", 1);
		dns_put16(x->query + 4, counts[i]);
		query_send(x, false, 4096);
		static const uint8_t expected[] = { 0x12, 0x34, 0x81, 0x01, 0, 0, 0, 0, 0, 0, 0, 0 };
		assert_int_equal(x->n_answer, 12);
		assert_memory_equal(x->answer, expected, 12);
	}
	assert_int_equal(metric_sum(METRIC_gslb_formerr_total), before + 4);
}

static void test_bad_names(void **state) {
	struct fixture *x = *state;
	static const struct {
		const char *bytes;
		size_t n;
	} names[] = {
		{ "\xc0\x0c", 2 },                        /* a pointer to itself */
		{ "\3web\xc0\x0c", 6 },                   /* and to the name's start */
		{ "\xc0\x00", 2 },      { "\x40x\0", 3 }, /* label type 01 */
		{ "\x80x\0", 3 },                         /* label type 10 */
		{ "\x3fshort\0", 7 },                     /* a label beyond the end */
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		query_begin(x, "", 1);
		x->n_query = 12;
		query_add(x, names[i].bytes, names[i].n);
		query_add(x, "\0\1\0\1", 4);
		query_send(x, false, 4096);
		assert_int_equal(x->n_answer, 12);
		assert_int_equal(rcode(x), DNS_FORMERR);
	}
}

/* RFC 1035 2.3.4: 255 bytes at most; 127 labels. */
static void test_longest_names(void **state) {
	struct fixture *x = *state;
	for (int n_labels = 126; n_labels <= 128; n_labels++) {
		query_begin(x, "", 1);
		x->n_query = 12;
		for (int i = 0; i < n_labels; i++)
			query_add(x, "\1a", 2);
		query_add(x, "\0\0\1\0\1", 5);
		query_send(x, false, 4096);
		assert_int_equal(rcode(x), n_labels <= 127 ? DNS_REFUSED : DNS_FORMERR);
	}
	/* The longest name inside the zone: the SOA's pointers still hit. */
	query_begin(x, "", 1);
	x->n_query = 12;
	for (int i = 0; i < 121; i++)
		query_add(x, "\1a", 2);
	query_add(x, "\7example\3org\0\0\1\0\1", 17);
	query_send(x, false, 4096);
	assert_string_equal(answer_text(x),
	                    "NXDOMAIN aa\nns example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 300\n");
}

static void test_opcodes(void **state) {
	struct fixture *x = *state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		query_begin(x, "web.example.org", 1);
		x->query[2] = (char)(opcode << 3 | 1);
		query_send(x, false, 4096);
		assert_int_equal(rcode(x), DNS_NOTIMP);
		assert_int_equal(flags(x) & 0xff00, 0x8100 | opcode << 11);
		assert_echo(x);
		x->n_query = 20; /* and what looks like no query */
		query_send(x, false, 4096);
		assert_int_equal(rcode(x), DNS_NOTIMP);
		assert_int_equal(x->n_answer, 12);
	}
}

/* Of the query's flags RD alone comes back: AD, CD, Z, AA, TC and RA do not (RFC 4035 3.1.6). */
static void test_flags(void **state) {
	struct fixture *x = *state;
	query_begin(x, "web.example.org", 1);
	x->query[2] = 0x07;
	x->query[3] = (char)0xff;
	query_send(x, false, 4096);
	assert_int_equal(flags(x), 0x8500);
	x->query[2] = 0;
	query_send(x, false, 4096);
	assert_int_equal(flags(x), 0x8400);
}

/* RFC 6891 6.1, 7 */
static void test_opt_iff_asked(void **state) {
	struct fixture *x = *state;
	query_begin(x, "web.example.org", 1);
	query_send(x, false, 4096);
	assert_int_equal(count(x, 3), 0);
	query_edns(x, 4096, 0, 0x8000);
	query_send(x, false, 4096);
	assert_int_equal(count(x, 3), 1);
	static const uint8_t with_do[] = { 0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0x80, 0, 0, 0 };
	assert_memory_equal(x->answer + x->n_answer - 11, with_do, 11);
	query_begin(x, "none.example.com", 1); /* REFUSED has it, too */
	query_edns(x, 512, 0, 0x7fff);         /* and unknown flags do not come back */
	query_send(x, false, 4096);
	/* With the extended error "not authoritative" (RFC 8914 4.21). */
	static const uint8_t plain[] = { 0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 20 };
	assert_int_equal(count(x, 3), 1);
	assert_memory_equal(x->answer + x->n_answer - sizeof(plain), plain, sizeof(plain));
}

/* RFC 6891 6.1.3 */
static void test_badvers(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_badvers_total);
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 1, 0);
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), 0);
	assert_int_equal(count(x, 1), 0);
	assert_int_equal(count(x, 3), 1);
	assert_int_equal(x->answer[x->n_answer - 6], 1); /* 16 = 1 << 4 | 0 */
	assert_int_equal(x->answer[x->n_answer - 5], 0); /* the version that we speak */
	assert_int_equal(metric_sum(METRIC_gslb_badvers_total), before + 1);
}

/* RFC 6891 6.1.1, 6.1.2 */
static void test_bad_opt(void **state) {
	struct fixture *x = *state;
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	query_edns(x, 1232, 0, 0); /* two */
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_FORMERR);
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	x->query[11] = 0;
	x->query[7] = 1; /* in the answer section */
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_FORMERR);
	query_begin(x, "web.example.org", 1);
	query_add(x, "\1x\0\0\x29\4\xd0\0\0\0\0\0\0", 13); /* of a name other than the root */
	x->query[11] = 1;
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_FORMERR);
	query_begin(x, "web.example.org", 1);
	query_edns(x, 1232, 0, 0);
	x->query[x->n_query - 1] = 5; /* an option that ends beyond the data */
	query_add(x, "\0\14\0\2x", 5);
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_FORMERR);
	x->query[x->n_query - 2] = 1; /* and one that does not: unknown ones are ignored */
	query_send(x, false, 4096);
	assert_int_equal(rcode(x), DNS_NOERROR);
}

/* RFC 1035 4.2.1, RFC 6891 6.2.3, RFC 9715: 512 without EDNS, at most 1232 with; no half RRset (RFC 2181 9). */
static void test_truncation(void **state) {
	struct fixture *x = *state;
	int64_t before = metric_sum(METRIC_gslb_truncated_total);
	static const struct {
		const char *name;
		unsigned udp_bytes; /* 0: no EDNS */
		unsigned n_answers;
	} rows[] = {
		{ "forty.example.org", 0, 0 },   { "forty.example.org", 512, 0 },  { "forty.example.org", 0xffff, 40 },
		{ "forty.example.org", 685, 0 }, { "forty.example.org", 686, 40 }, { "hundred.example.org", 0xffff, 0 },
		{ "forty.example.org", 1, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		query_begin(x, rows[i].name, 1);
		if (rows[i].udp_bytes)
			query_edns(x, rows[i].udp_bytes, 0, 0);
		query_send(x, false, 4096);
		assert_int_equal(count(x, 1), rows[i].n_answers);
		assert_int_equal(!!(flags(x) & DNS_FLAG_TC), rows[i].n_answers == 0);
		assert_int_equal(count(x, 2), 0);
		assert_int_equal(count(x, 3), rows[i].udp_bytes > 0);
		assert_echo(x);
		answer_text(x);
	}
	assert_int_equal(metric_sum(METRIC_gslb_truncated_total), before + 5);
	query_begin(x, "hundred.example.org", 1);
	query_send(x, true, DNS_MESSAGE_MAX);
	assert_int_equal(count(x, 1), 100);
	assert_int_equal(flags(x) & DNS_FLAG_TC, 0);
}

/* Addresses that only spare a query are left out without TC; glue that is needed is not (RFC 9471). */
static void test_additional_left_out(void **state) {
	struct fixture *x = *state;
	query_begin(x, "mx.example.org", 15);
	query_send(x, false, 4096);
	assert_int_equal(flags(x) & DNS_FLAG_TC, 0);
	assert_int_equal(count(x, 1), 10);
	assert_int_equal(count(x, 3), 0);
	answer_text(x);
	query_edns(x, 1232, 0, 0);
	query_send(x, false, 4096);
	assert_int_equal(count(x, 3), 11);
	query_begin(x, "cut.example.org", 1);
	query_send(x, false, 4096);
	assert_int_equal(flags(x), 0x8100 | DNS_FLAG_TC);
	assert_int_equal(count(x, 2), 0);
	query_send(x, true, DNS_MESSAGE_MAX);
	assert_int_equal(count(x, 2), 10);
	assert_int_equal(count(x, 3), 10);
	query_begin(x, "x.kin.example.org", 1);
	query_send(x, false, 4096);
	assert_int_equal(flags(x), 0x8100);
	assert_int_equal(count(x, 2), 10);
	assert_int_equal(count(x, 3), 0);
	answer_text(x);
}

/* The answer never exceeds the room that it is given. */
static void test_small_rooms(void **state) {
	struct fixture *x = *state;
	query_begin(x, "forty.example.org", 1);
	query_send(x, true, 511);
	assert_int_equal(x->n_answer, 0);
	query_send(x, true, 512);
	assert_true(flags(x) & DNS_FLAG_TC);
	query_send(x, true, 12 + 19 + 4 + 40 * 16);
	assert_int_equal(x->n_answer, 12 + 19 + 4 + 40 * 16);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence),        cmocka_unit_test(test_truncated_queries),
		cmocka_unit_test(test_question_count), cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_longest_names),  cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_flags),          cmocka_unit_test(test_opt_iff_asked),
		cmocka_unit_test(test_badvers),        cmocka_unit_test(test_bad_opt),
		cmocka_unit_test(test_truncation),     cmocka_unit_test(test_additional_left_out),
		cmocka_unit_test(test_small_rooms),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
