/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DNS codec, without I/O and without allocation: a query is parsed into a lower-case name that is ready to be looked up;
 * the body of a reply (answer, authority, additional) is written once, at load, so that it can be sent behind any question
 * whose name ends as the one that it was written for.
 */
#ifndef STEERWAY_DNS_H
#define STEERWAY_DNS_H

#include "steerway/base/addr.h"
#include "steerway/base/err.h"
#include "steerway/base/str.h"

#include <arpa/inet.h>

#define DNS_HEADER_BYTES 12
#define DNS_NAME_MAX 255   /* bytes on the wire, the root's empty label included (RFC 1035 2.3.4) */
#define DNS_LABELS_MAX 127 /* without the root's */
#define DNS_LABEL_MAX 63
#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_BYTES 512   /* of an answer to a query without EDNS */
#define DNS_EDNS_BYTES 1232 /* of any answer over UDP: fits the smallest IPv6 MTU, so that nothing is fragmented (RFC 9715) */
#define DNS_OPT_BYTES 11    /* an OPT record without options */
#define DNS_CLASS_IN 1
#define DNS_CLASS_CH 3 /* CHAOS: questions about the server itself */

/* Bits of the second 16 of a header. */
#define DNS_FLAG_QR 0x8000
#define DNS_FLAG_AA 0x0400
#define DNS_FLAG_TC 0x0200
#define DNS_FLAG_RD 0x0100
#define DNS_OPCODE_MASK 0x7800

enum dns_rcode {
	DNS_SILENCE = -1, /* no answer at all */
#define DNS_RCODE(name, value, text) DNS_##name = value,
#include "steerway/tables/dns_rcodes.h"
#undef DNS_RCODE
};
/* Extended errors (RFC 8914) that steerway sends. */
enum dns_ede {
#define DNS_EDE(name, code, text) DNS_EDE_##name = code,
#include "steerway/tables/dns_edes.h"
#undef DNS_EDE
	DNS_EDE_NONE = 0xffff
};
/* Its extra text, empty when the code says it all. */
struct str dns_ede_text(unsigned code);
enum dns_type {
#define DNS_TYPE(name, value, target, compress) DNS_TYPE_##name = value,
#include "steerway/tables/dns_types.h"
#undef DNS_TYPE
};
enum dns_option {
	DNS_OPTION_NSID = 3,       /* RFC 5001 */
	DNS_OPTION_ECS = 8,        /* RFC 7871 */
	DNS_OPTION_COOKIE = 10,    /* RFC 7873 */
	DNS_OPTION_KEEPALIVE = 11, /* RFC 7828 */
	DNS_OPTION_EDE = 15,       /* RFC 8914 */
};
/* Row of a type, NULL when it has none. */
struct dns_type_row {
	const char *name;
	uint16_t type;
	int16_t target;
	bool compress;
};
const struct dns_type_row *dns_type_find(uint16_t type);

static inline uint16_t dns_get16(const void *from) {
	uint16_t wire;
	memcpy(&wire, from, sizeof(wire));
	return ntohs(wire);
}
static inline uint32_t dns_get32(const void *from) {
	uint32_t wire;
	memcpy(&wire, from, sizeof(wire));
	return ntohl(wire);
}
static inline uint64_t dns_get64(const void *from) {
	return (uint64_t)dns_get32(from) << 32 | dns_get32((const char *)from + 4);
}
static inline void dns_put16(void *to, unsigned v) {
	uint16_t wire = htons((uint16_t)v);
	memcpy(to, &wire, sizeof(wire));
}
static inline void dns_put32(void *to, uint32_t v) {
	uint32_t wire = htonl(v);
	memcpy(to, &wire, sizeof(wire));
}

/* ---- names ---- */

/* A name in wire form and lower case. Zeros follow it up to the next whole word and one word more, so that it, and every suffix
 * of it, can be hashed and compared by words (length bytes are at most 63 and no letters: lower-casing may ignore them). */
struct dns_name {
	_Alignas(8) uint8_t wire[DNS_NAME_MAX + 17];
	uint8_t label_at[DNS_LABELS_MAX + 1]; /* where each label starts */
	uint8_t n_labels;                     /* without the root's */
	uint8_t n;                            /* bytes, the root's label included: 1-255 */
};
/* A wire name without compression that starts at in.p; false when it is none or longer than `in` (or 255 bytes). */
bool dns_name_read(struct dns_name *out, struct str in);
/* A name as text (RFC 1035 5.1: `\.` and `\046` are a dot that parts no labels) to its wire form, whose case is kept. One that does not
 * end in a dot stands below `origin`, a wire name, and `@` is it; empty: the root, and `@` has no meaning. Returns its length, or 0
 * with the fault in *why, as "it has an empty label". */
size_t dns_name_from_text(uint8_t out[DNS_NAME_MAX], struct str text, struct str origin, const char **why);
/* One character of a text, which may be escaped so: how many bytes it took, 0 when it is malformed. */
size_t dns_char_from_text(struct str in, uint8_t *out);
#define DNS_NAME_TEXT_BYTES (4 * DNS_NAME_MAX)
/* The text of a whole wire name, with its dot at the end, as a slice of `out`. */
struct str dns_name_to_text(struct str wire, char out[DNS_NAME_TEXT_BYTES]);
/* "300", "1h30m" (units w, d, h, m, s in either case): seconds; false when it is none or above UINT32_MAX. */
bool dns_ttl_from_text(struct str text, uint32_t *out);
/* Of a lower-case wire name, zero-padded as above. The same name has the same hash wherever it stands. */
uint64_t dns_name_hash(const uint8_t *wire, size_t n);
/* Of two lower-case wire names of n bytes. By words, the last of which overlaps the one before it. */
static inline bool dns_name_eq(const uint8_t *a, const uint8_t *b, size_t n) {
	uint64_t x, y;
	if (n < sizeof(x))
		return memcmp(a, b, n) == 0;
	for (size_t i = 0; i + sizeof(x) < n; i += sizeof(x)) {
		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		if (x != y)
			return false;
	}
	memcpy(&x, a + n - sizeof(x), sizeof(x));
	memcpy(&y, b + n - sizeof(y), sizeof(y));
	return x == y;
}
/* The suffix that starts at label i (n_labels: the root). */
static inline struct str dns_name_suffix(const struct dns_name *name, unsigned i) {
	unsigned at = i < name->n_labels ? name->label_at[i] : name->n - 1u;
	return str_slice((const char *)name->wire + at, (size_t)name->n - at);
}

/* ---- queries ---- */

/* A client as routing sees it: its resolver's address, or the network that the resolver told (RFC 7871). */
struct client_net {
	uint64_t high, low; /* the address's bits from the top; IPv4 in the top 32 of `high`; those beyond n_bits are 0 */
	uint8_t n_bits;     /* known ones: 32 or 128, or the source prefix length */
	bool is_v6;
};
/* All bits of an address; its port is not looked at. */
static inline void client_net_read(struct client_net *out, const struct addr *a) {
	const void *wire = addr_wire(a).p;
	if (addr_is_v6(a))
		*out = (struct client_net){ dns_get64(wire), dns_get64((const char *)wire + 8), 128, true };
	else
		*out = (struct client_net){ (uint64_t)dns_get32(wire) << 32, 0, 32, false };
}
/* Forgets all bits beyond the first n_bits. */
void client_net_cut(struct client_net *c, unsigned n_bits);

enum dns_keepalive { DNS_KEEPALIVE_NONE, DNS_KEEPALIVE_ASKED, DNS_KEEPALIVE_MALFORMED /* FORMERR, but over UDP it is ignored */ };
#define DNS_COOKIE_CLIENT_BYTES 8
#define DNS_COOKIE_MAX 40

struct dns_query {
	uint64_t hash; /* of the name */
	uint16_t id, flags;
	uint16_t type, class;
	/* Side by side, so that a few moves set them all to none. */
	uint16_t udp_bytes; /* what the client says that it takes (EDNS) */
	bool has_question;  /* name, type and class are set, and an answer can echo the question */
	bool has_edns;
	bool has_options;  /* one of the following four is there */
	uint8_t version;   /* of EDNS */
	bool wants_dnssec; /* DO */
	bool wants_nsid;
	uint8_t keepalive;         /* enum dns_keepalive */
	uint8_t n_cookie;          /* 0: none; 8: the client's alone; 16 to 40: with the server's */
	uint8_t n_ecs;             /* bytes of the client subnet option; 0: none */
	const uint8_t *cookie;     /* in the message */
	const uint8_t *ecs;        /* in the message: family, source and scope prefix, address */
	struct client_net ecs_net; /* what it says; family 0: IPv4 of no bits */
	struct dns_name name;
};
/* DNS_NOERROR, what to answer with (FORMERR, NOTIMP, BADVERS), or DNS_SILENCE: no whole header, or a response (RFC 1035 4.1.1).
 * FORMERR: not one question (RFC 9619), but none is fine with a cookie (RFC 7873 5.4); a pointer in its name, two OPT records or an
 * odd one (RFC 6891 6.1.1), a malformed option, bytes behind the end. */
enum dns_rcode dns_query_parse(struct dns_query *out, struct str in);

/* ---- cookies (RFC 7873, RFC 9018) ---- */

#define DNS_COOKIE_SERVER_BYTES 16
#define DNS_COOKIE_KEYS_MAX 4
struct dns_cookie_keys {
	unsigned n; /* the first makes, all verify */
	uint8_t keys[DNS_COOKIE_KEYS_MAX][16];
};
/* Lines of 32 hexadecimal digits; 0, or -1 and what is wrong. */
int dns_cookie_keys_parse(struct dns_cookie_keys *out, struct str text, struct err *e);
/* The server's part for a client's cookie (8 bytes) and address (4 or 16 bytes). now_s: of 1970, as 32 bits. */
void dns_cookie_make(uint8_t out[DNS_COOKIE_SERVER_BYTES], const uint8_t key[16], const uint8_t *client, struct str address,
                     uint32_t now_s);
enum dns_cookie_verdict {
	DNS_COOKIE_BAD,
	DNS_COOKIE_GOOD,
	DNS_COOKIE_AGED, /* good, but the client should get a new one */
};
/* Of client's and server's part as they came (n bytes). Takes the same time wherever a wrong one differs. */
enum dns_cookie_verdict dns_cookie_check(const struct dns_cookie_keys *k, const uint8_t *cookie, size_t n, struct str address,
                                         uint32_t now_s);

/* ---- bodies of replies ---- */

#define DNS_WRITER_NAMES 2048
#define DNS_WRITER_POINTERS 4096

/*
 * Writes the sections behind a question with the name `base`. Names are compressed (RFC 1035 4.1.4) against the base and what was
 * written before. The body also fits behind a question whose name is a longer one that ends in `base` (a name that a wildcard
 * covers, one that does not exist, one below a delegation): each pointer, whose places are in `pointers`, is then raised by the
 * difference in length. Only the owner "the question's own name" is at the same place in each, and not among the pointers.
 */
struct dns_writer {
	size_t n;    /* bytes of the message so far, from its header on */
	size_t body; /* where the body starts */
	uint16_t n_names, n_pointers;
	size_t fixed; /* where type, class, TTL and length of the last record stand */
	bool
	    is_fragment; /* set behind dns_write_begin: names point to the base alone, so that the body fits behind another, too */
	bool is_full;    /* something did not fit: the body is of no use */
	uint16_t name_at[DNS_WRITER_NAMES];     /* places that a pointer may point to */
	uint16_t pointers[DNS_WRITER_POINTERS]; /* places of pointers, relative to the body */
	uint8_t message[DNS_MESSAGE_MAX + 1];
};
/* base: a lower-case wire name, not padded. */
void dns_write_begin(struct dns_writer *w, struct str base);
/* One record. owner: a wire name; empty: the question's own. rdata: not compressed; names in it are compressed where the type
 * allows it. */
void dns_write_record(struct dns_writer *w, struct str owner, uint16_t type, uint32_t ttl, struct str rdata);
/* Where the TTL of the last record stands. */
static inline size_t dns_write_ttl_at(const struct dns_writer *w) {
	return w->fixed + 4;
}
static inline struct str dns_write_body(const struct dns_writer *w) {
	return str_slice((const char *)w->message + w->body, w->n - w->body);
}

#endif
