/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of an OPT record, which is put behind a question that is in order: whatever stands in them, what is kept of them lies within
 * the message and holds what its RFC promises; and no cookie that we did not make is taken for one.
 */
#include "require.h"

#include "steerway/base/mem.h"
#include "steerway/dns.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	return 0;
}

static bool is_inside(const uint8_t *p, size_t n, const char *message, size_t n_message) {
	return (const char *)p >= message && (size_t)((const char *)p - message) + n <= n_message;
}

/* RFC 7871 6: the address as long as its prefix, and nothing behind it. */
static void check_ecs(const struct dns_query *q) {
	unsigned family = dns_get16(q->ecs), source = q->ecs[2];
	struct client_net cut = q->ecs_net;
	require(q->n_ecs == 4 + (source + 7) / 8 && q->ecs[3] == 0, "length and scope");
	require(source <= (family == 2 ? 128 : family == 1 ? 32 : 0) && q->ecs_net.n_bits == source, "bits of the family");
	require(q->ecs_net.is_v6 == (family == 2), "family");
	client_net_cut(&cut, source);
	require(cut.high == q->ecs_net.high && cut.low == q->ecs_net.low, "no bit behind the prefix");
}

static void check_cookie(const struct dns_query *q) {
	static const struct dns_cookie_keys keys = { .n = 2, .keys = { "nobody knows it!", "nor knows this.." } };
	uint8_t ours[DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES];
	require(q->n_cookie == 8 || (q->n_cookie >= 16 && q->n_cookie <= 40), "length of a cookie");
	require(dns_cookie_check(&keys, q->cookie, q->n_cookie, STR("\xc0\0\2\1"), 1000) == DNS_COOKIE_BAD, "a forged cookie");
	memcpy(ours, q->cookie, DNS_COOKIE_CLIENT_BYTES);
	dns_cookie_make(ours + DNS_COOKIE_CLIENT_BYTES, keys.keys[0], ours, STR("\xc0\0\2\1"), 1000);
	require(dns_cookie_check(&keys, ours, sizeof(ours), STR("\xc0\0\2\1"), 1000) == DNS_COOKIE_GOOD, "a cookie of ours");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char head[] = "\xab\xcd\1\0\0\1\0\0\0\0\0\1\1a\0\0\1\0\1\0\0\x29\x04\xd0\0\0\0\0";
	size_t n_head = sizeof(head) - 1, n = n_head + 2 + size;
	struct dns_query q;
	if (size > 60000)
		return 0;
	char *message = mem_alloc(n); /* at its exact size: a sanitizer sees every byte read beyond */
	memcpy(message, head, n_head);
	dns_put16(message + n_head, (unsigned)size);
	memcpy(message + n_head + 2, data, size);
	enum dns_rcode rcode = dns_query_parse(&q, str_slice(message, n));
	require(rcode == DNS_NOERROR || rcode == DNS_FORMERR, "options decide between two codes");
	require(q.has_question && q.has_edns && q.udp_bytes == 1232, "what stands before the options is known anyway");
	if (rcode == DNS_NOERROR && q.n_ecs > 0) {
		require(is_inside(q.ecs, q.n_ecs, message, n), "the subnet is in the message");
		check_ecs(&q);
	}
	if (rcode == DNS_NOERROR && q.n_cookie > 0) {
		require(is_inside(q.cookie, q.n_cookie, message, n), "the cookie is in the message");
		check_cookie(&q);
	}
	mem_free(message);
	return 0;
}
