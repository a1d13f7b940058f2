/* SPDX-License-Identifier: BSD-2-Clause */
/* The chunked coding, RFC 9112 7.1: each case whole, cut at every byte, and byte by byte. */
#include "http_case.h"

struct row {
	const char *name;
	struct str in;
	struct str body;
	enum http_fault fault;
	size_t behind; /* bytes of `in` that follow the end; SIZE_MAX: PARSE_MORE */
};

#define OK(name, in, body, behind)                                                                                               \
	{ name, STR_INIT(in), STR_INIT(body), HTTP_FAULT_NONE, behind }
#define MORE(name, in, body)                                                                                                     \
	{ name, STR_INIT(in), STR_INIT(body), HTTP_FAULT_NONE, SIZE_MAX }
#define BAD(name, in, body, fault)                                                                                               \
	{ name, STR_INIT(in), STR_INIT(body), HTTP_FAULT_##fault, 0 }
#define END "0\r\n\r\n"
#define ABC "3\r\nabc\r\n"

static const struct row rows[] = {
	OK("7.1 one chunk", ABC END, "abc", 0),
	OK("7.1 two chunks", ABC "1\r\nd\r\n" END, "abcd", 0),
	OK("7.1 empty body", END, "", 0),
	OK("7.1 bytes behind", ABC END "GET /", "abc", 5),
	OK("7.1 hex in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n" END, "01234567890123456789a", 0),
	OK("7.1 leading zeros", "0000000000000003\r\nabc\r\n000\r\n\r\n", "abc", 0),
	OK("7.1 line ends in the data", "4\r\n\r\n\r\n\r\n" END, "\r\n\r\n", 0),
	OK("7.1 NUL in the data", "1\r\n\0\r\n" END, "\0", 0),
	OK("7.1.1 extension", "3;a\r\nabc\r\n" END, "abc", 0),
	OK("7.1.1 extension with a value", "3;a=b\r\nabc\r\n0;x=y\r\n\r\n", "abc", 0),
	OK("7.1.1 two extensions", "3;a=b;c\r\nabc\r\n" END, "abc", 0),
	OK("7.1.1 white space", "3 ;\ta = b ; c\r\nabc\r\n" END, "abc", 0),
	OK("7.1.1 quoted value", "3;a=\"b;\\\"\t\xe9=\\\\\"\r\nabc\r\n" END, "abc", 0),
	OK("7.1.1 empty quoted value, then more", "3;a=\"\";b=\"\" ;c\r\nabc\r\n" END, "abc", 0),
	OK("7.1.2 trailer", ABC "0\r\nX-Sum: 1\r\n\r\n", "abc", 0),
	OK("7.1.2 two trailers", ABC "0\r\nX-Sum: a b\t\r\nGrpc-Status:0\r\n\r\nx", "abc", 1),
	OK("7.1.2 empty trailer value", ABC "0\r\na:\r\n\r\n", "abc", 0),
	OK("7.1.2 name that a forbidden one starts with", ABC "0\r\nContent-Lengt: 1\r\nContent-Lengths: 1\r\n\r\n", "abc", 0),

	MORE("nothing", "", ""),
	MORE("digit", "3", ""),
	MORE("size", "3\r", ""),
	MORE("size line", "3\r\n", ""),
	MORE("half of the data", "3\r\nab", "ab"),
	MORE("data", "3\r\nabc", "abc"),
	MORE("data and CR", "3\r\nabc\r", "abc"),
	MORE("chunk", ABC, "abc"),
	MORE("last chunk", ABC "0\r\n", "abc"),
	MORE("trailer", ABC "0\r\na: b\r\n", "abc"),
	MORE("half an end", ABC "0\r\n\r", "abc"),
	MORE("the largest size", "7fffffffffffffff\r\nab", "ab"),

	BAD("7.1 no size", "\r\nabc", "", CHUNK_SIZE_BAD),
	BAD("7.1 not hexadecimal", "g\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 0x", "0x3\r\nabc\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 minus", "-1\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 plus", "+3\r\nabc\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 space before", " 3\r\nabc\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 space behind", "3 \r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1 underscore", "1_0\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 semicolon first", ";a\r\n", "", CHUNK_SIZE_BAD),
	BAD("7.1 NUL", "\0", "", CHUNK_SIZE_BAD),
	BAD("7.1 2^63", "8000000000000000\r\n", "", CHUNK_TOO_LONG),
	BAD("7.1 2^64 + 3", "10000000000000003\r\nabc", "", CHUNK_TOO_LONG),
	BAD("7.1 17 digits", "00000000000000003\r\nabc", "", CHUNK_TOO_LONG),
	BAD("7.1 bare LF after the size", "3\nabc\r\n" END, "", BARE_LF),
	BAD("7.1 bare CR after the size", "3\rabc\r\n" END, "", BARE_CR),
	BAD("7.1 data too long", "3\r\nabcd\r\n" END, "abc", CHUNK_END_BAD),
	BAD("7.1 data without its end", "3\r\nabc0\r\n\r\n", "abc", CHUNK_END_BAD),
	BAD("7.1 bare LF after the data", "3\r\nabc\n" END, "abc", BARE_LF),
	BAD("7.1 bare CR after the data", "3\r\nabc\rx", "abc", BARE_CR),
	BAD("7.1.1 empty name", "3;\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 empty name, then another", "3;;a\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 no value", "3;a=\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 space behind a name", "3;a \r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 space behind a value", "3;a=b \r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 two words", "3;a b\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 bare LF", "3;a\nabc\r\n", "", BARE_LF),
	BAD("7.1.1 bare CR", "3;a\rb\r\n", "", BARE_CR),
	BAD("7.1.1 line end in quotes", "3;a=\"\r\n\"\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 LF in quotes", "3;a=\"\n\"\r\nabc\r\n", "", BARE_LF),
	BAD("7.1.1 control byte in quotes", "3;a=\"\x01\"\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 escaped CR", "3;a=\"\\\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.1 bytes behind the quotes", "3;a=\"b\"c\r\nabc\r\n", "", CHUNK_EXTENSION_BAD),
	BAD("7.1.2 no colon", ABC "0\r\nfoo\r\n\r\n", "abc", TRAILER_BAD),
	BAD("7.1.2 empty name", ABC "0\r\n: b\r\n\r\n", "abc", TRAILER_BAD),
	BAD("7.1.2 space before the colon", ABC "0\r\na : b\r\n\r\n", "abc", TRAILER_BAD),
	BAD("7.1.2 obs-fold", ABC "0\r\na: b\r\n c\r\n\r\n", "abc", TRAILER_BAD),
	BAD("7.1.2 NUL", ABC "0\r\na: \0\r\n\r\n", "abc", TRAILER_BAD),
	BAD("7.1.2 bare LF", ABC "0\r\na: b\n\r\n", "abc", BARE_LF),
	BAD("7.1.2 bare LF as the end", ABC "0\r\n\n", "abc", BARE_LF),
	BAD("7.1.2 bare CR", ABC "0\r\na: b\rc\r\n\r\n", "abc", BARE_CR),
	BAD("7.1.2 bare CR at the end", ABC "0\r\n\rx", "abc", BARE_CR),
	BAD("6.5.1 Content-Length as a trailer", ABC "0\r\nContent-Length: 3\r\n\r\n", "abc", TRAILER_BAD),
	BAD("6.5.1 any case", ABC "0\r\na: b\r\ntRANSFER-eNCODING: chunked\r\n\r\n", "abc", TRAILER_BAD),
	BAD("6.5.1 Host as a trailer", ABC "0\r\nHost: b\r\n\r\n", "abc", TRAILER_BAD),
	BAD("6.5.1 X-Forwarded-For as a trailer", ABC "0\r\nX-Forwarded-For: b\r\n\r\n", "abc", TRAILER_BAD),
};

struct decoded {
	struct h1_chunked machine;
	enum parse result;
	size_t used, body_bytes;
	char body[65536];
};

/* Decodes what `in` holds, from heap copies of pieces of `first` and then `every` bytes. */
static void decode(struct decoded *d, struct str in, size_t first, size_t every) {
	memset(&d->machine, 0, sizeof d->machine);
	d->used = d->body_bytes = 0;
	d->result = PARSE_MORE;
	for (size_t piece = first; d->result == PARSE_MORE && d->used < in.n; piece = every) {
		struct str copy = exact_copy(str_slice(in.p + d->used, piece < in.n - d->used ? piece : in.n - d->used)),
			   rest = copy;
		while (d->result == PARSE_MORE && rest.n) {
			size_t used;
			struct str data;
			d->result = h1_chunked_next(&d->machine, rest, &used, &data);
			assert_true(used <= rest.n);
			assert_true(data.n == 0 || (data.p >= rest.p && data.p + data.n <= rest.p + used));
			assert_true(used > 0 || d->result != PARSE_MORE);
			assert_true(d->body_bytes + data.n <= sizeof d->body);
			memcpy(d->body + d->body_bytes, data.p, data.n);
			d->body_bytes += data.n;
			d->used += used;
			rest = str_skip(rest, used);
		}
		free((char *)copy.p);
	}
	/* The last call may have handed out data before a fault that is known already. */
	if (d->result == PARSE_MORE && d->machine.fault != HTTP_FAULT_NONE)
		d->result = PARSE_BAD;
}

static void row_check(const struct row *r, size_t first, size_t every) {
	static struct decoded d;
	decode(&d, r->in, first, every);
	enum parse expected = r->fault ? PARSE_BAD : r->behind == SIZE_MAX ? PARSE_MORE : PARSE_DONE;
	if (d.result != expected || d.machine.fault != r->fault)
		fail_msg("%s (cut at %zu): result %d, fault: %s", r->name, first, (int)d.result,
		         http_fault_text(d.machine.fault));
	if (!str_eq(str_slice(d.body, d.body_bytes), r->body))
		fail_msg("%s (cut at %zu): body '%.*s'", r->name, first, (int)d.body_bytes, d.body);
	if (expected == PARSE_DONE)
		assert_int_equal(d.used, r->in.n - r->behind);
	if (expected == PARSE_MORE)
		assert_int_equal(d.used, r->in.n);
}

static void test_rows(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t cut = 1; cut <= rows[i].in.n; cut++)
			row_check(&rows[i], cut, SIZE_MAX);
		row_check(&rows[i], 1, 1);
		row_check(&rows[i], 2, 3);
	}
}

/* `head`, then `n` times `unit`, then `tail`. */
static struct str repeated(const char *head, const char *unit, size_t n, const char *tail) {
	static char out[262144];
	size_t at = (size_t)snprintf(out, sizeof out, "%s", head);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, sizeof out - at, "%s", unit);
	at += (size_t)snprintf(out + at, sizeof out - at, "%s", tail);
	assert_true(at < sizeof out);
	return str_slice(out, at);
}

static void bound_check(struct str in, enum http_fault fault) {
	static struct decoded d;
	decode(&d, in, SIZE_MAX, SIZE_MAX);
	assert_int_equal(d.machine.fault, fault);
	assert_int_equal(d.result, fault ? PARSE_BAD : PARSE_DONE);
	decode(&d, in, 1, 1);
	assert_int_equal(d.machine.fault, fault);
}

static void test_bounds(void **state) {
	(void)state;
	/* A chunk-size line: 4096 bytes with its CR. */
	bound_check(repeated("1;", "a", 4096 - 3, "\r\nx\r\n" END), HTTP_FAULT_NONE);
	bound_check(repeated("1;", "a", 4096 - 2, "\r\nx\r\n" END), HTTP_FAULT_CHUNK_EXTENSION_TOO_LONG);
	/* The trailer section: 4096 bytes without LFs. */
	bound_check(repeated("0\r\na:", "b", 4096 - 4, "\r\n\r\n"), HTTP_FAULT_NONE);
	bound_check(repeated("0\r\na:", "b", 4096 - 3, "\r\n\r\n"), HTTP_FAULT_TRAILER_TOO_LARGE);
	bound_check(repeated("0\r\n", "a:b\r\n", 1023, "\r\n"), HTTP_FAULT_NONE);
	bound_check(repeated("0\r\n", "a:b\r\n", 1024, "\r\n"), HTTP_FAULT_TRAILER_TOO_LARGE);
	/* Extensions over the whole body: each of the first chunks has 11 bytes more of them (CR counts) than of data. */
	bound_check(repeated("", "1;aaaaaaaaaa\r\nx\r\n", 16384 / 11 - 2, END), HTTP_FAULT_NONE);
	bound_check(repeated("", "1;aaaaaaaaaa\r\nx\r\n", 16384 / 11 + 2, END), HTTP_FAULT_CHUNK_EXTENSION_TOO_LONG);
	bound_check(repeated("", "6;aaaa\r\nxxxxxx\r\n", 10000, END), HTTP_FAULT_NONE);
}

static void test_answers_stay(void **state) {
	struct h1_chunked c = { 0 };
	size_t used;
	struct str data;
	(void)state;
	assert_int_equal(h1_chunked_next(&c, STR(ABC "x"), &used, &data), PARSE_MORE);
	assert_int_equal(data.n, 3);
	assert_int_equal(used, sizeof ABC - 1);
	assert_int_equal(h1_chunked_next(&c, STR("x"), &used, &data), PARSE_BAD);
	assert_int_equal(h1_chunked_next(&c, STR(END), &used, &data), PARSE_BAD);
	assert_int_equal(used, 0);
	c = (struct h1_chunked){ 0 };
	assert_int_equal(h1_chunked_next(&c, STR(END "x"), &used, &data), PARSE_DONE);
	assert_int_equal(used, sizeof END - 1);
	assert_int_equal(h1_chunked_next(&c, STR("x"), &used, &data), PARSE_DONE);
	assert_int_equal(used, 0);
}

/* The parts of the trailer section that the calls tell, in pieces of `every` bytes. */
static struct str trailer_of(struct str in, size_t every) {
	static char section[8192];
	struct h1_chunked c = { 0 };
	size_t n = 0, at = 0;
	for (enum parse r = PARSE_MORE; r == PARSE_MORE && at < in.n;) {
		struct str piece = str_slice(in.p + at, every < in.n - at ? every : in.n - at), data;
		size_t used;
		r = h1_chunked_next(&c, piece, &used, &data);
		struct str part = h1_chunked_trailer(&c, piece, used);
		memcpy(section + n, part.p, part.n);
		n += part.n;
		at += used;
	}
	return str_slice(section, n);
}

static void test_trailers(void **state) {
	static const struct {
		const char *in, *section;
		unsigned n_fields;
	} cases[] = {
		{ ABC END "x", "\r\n", 0 },
		{ ABC "0;a\r\n\r\n", "\r\n", 0 },
		{ ABC "0\r\nX-Sum: 1\r\n\r\nx", "X-Sum: 1\r\n\r\n", 1 },
		{ ABC "0\r\nGrpc-Status:0\r\na: \t b c \r\n\r\n", "Grpc-Status:0\r\na: \t b c \r\n\r\n", 2 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (size_t every = 1; every < 64; every++) {
			struct str section = trailer_of(str_from(cases[i].in), every);
			assert_true(str_eq(section, str_from(cases[i].section)));
			struct http_field fields[4];
			struct http_head h = { .fields = fields, .cap_fields = 4 };
			struct str copy = exact_copy(section);
			assert_int_equal(h1_trailers_parse(&h, copy), PARSE_DONE);
			assert_int_equal(h.n_fields, cases[i].n_fields);
			if (h.n_fields == 2) {
				assert_int_equal(fields[0].id, HTTP_FIELD_GRPC_STATUS);
				assert_true(str_eq(fields[1].name, STR("a")) && str_eq(fields[1].value, STR("b c")));
			}
			free((char *)copy.p);
		}
	}
}

static void test_trailers_refused(void **state) {
	struct http_field fields[2];
	struct http_head h = { .fields = fields, .cap_fields = 2 };
	(void)state;
	assert_int_equal(h1_trailers_parse(&h, STR("a: b\r\nc: d\r\ne: f\r\n\r\n")), PARSE_BAD);
	assert_int_equal(h.fault, HTTP_FAULT_TOO_MANY_FIELDS);
	assert_int_equal(h1_trailers_parse(&h, STR("a: b\r\nHost: d\r\n\r\n")), PARSE_BAD);
	assert_int_equal(h.fault, HTTP_FAULT_TRAILER_BAD);
	assert_int_equal(h1_trailers_parse(&h, STR("a : b\r\n\r\n")), PARSE_BAD);
	assert_int_equal(h.fault, HTTP_FAULT_SPACE_BEFORE_COLON);
	assert_int_equal(h1_trailers_parse(&h, STR("a: b\r\n")), PARSE_MORE);
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_bounds),
		                            cmocka_unit_test(test_answers_stay), cmocka_unit_test(test_trailers),
		                            cmocka_unit_test(test_trailers_refused) };
	return cmocka_run_group_tests_name("http/h1_chunked", tests, NULL, NULL);
}
