/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP as a pure codec: heads, framing, chunked coding, fields, targets. No I/O, no allocation; slices point into the bytes
 * that the caller lends. Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2), RFC 3986 (URI).
 *
 * Strict where two parsers could read one message differently (request smuggling): see enum http_fault.
 */
#ifndef STEERWAY_HTTP_H
#define STEERWAY_HTTP_H

#include "steerway/base/addr.h"
#include "steerway/base/parse.h"
#include "steerway/base/str.h"

/* Flags of a known field; what each means is told at the head of tables/http_fields.h. */
#define HTTP_FIELD_HOP_BY_HOP 1
#define HTTP_FIELD_PROTECTED 2
#define HTTP_FIELD_NOT_IN_TRAILER 4

/* Known field names; HTTP_FIELD_OTHER is 0. Rows in tables/http_fields.h. */
enum http_field_id {
	HTTP_FIELD_OTHER,
#define HTTP_FIELD(id, name, flags) HTTP_FIELD_##id,
#include "steerway/tables/http_fields.h"
#undef HTTP_FIELD
	HTTP_FIELD_COUNT
};

enum http_method {
	HTTP_METHOD_OTHER,
#define HTTP_METHOD(name, is_safe, is_idempotent) HTTP_METHOD_##name,
#include "steerway/tables/http_methods.h"
#undef HTTP_METHOD
	HTTP_METHOD_COUNT
};
/* Exact case (RFC 9110 9.1); HTTP_METHOD_OTHER for one without a row. */
enum http_method http_method_lookup(struct str name);
bool http_method_is_safe(enum http_method m);
bool http_method_is_idempotent(enum http_method m); /* RFC 9110 9.2.2 */

/* What is wrong with a message, and the status that tells the client. Rows in tables/http_faults.h. */
enum http_fault {
	HTTP_FAULT_NONE,
#define HTTP_FAULT(id, status, text) HTTP_FAULT_##id,
#include "steerway/tables/http_faults.h"
#undef HTTP_FAULT
	HTTP_FAULT_COUNT
};
unsigned http_fault_status(enum http_fault f);
const char *http_fault_text(enum http_fault f);

struct http_field {
	struct str name, value; /* value without surrounding white space */
	uint8_t id;             /* enum http_field_id */
	bool is_dropped;        /* not to be forwarded: hop-by-hop, or replaced by the proxy */
	bool is_line;           /* stands in the input as "name: value" CRLF; whoever gives it another name or value clears it */
};

struct http_head {
	/* request */
	enum http_method method;
	struct str method_name; /* as sent */
	struct str target;      /* as sent */
	/* response */
	uint16_t status;
	struct str reason;
	/* both */
	uint8_t minor; /* HTTP/1.minor: 0 or 1 */
	uint16_t n_fields, cap_fields;
	struct http_field *fields; /* cap_fields of them, lent by the caller */
	uint64_t seen[2];          /* bit set of the known field ids that occur: seen[id / 64] >> id % 64 */
	enum http_fault fault;     /* why PARSE_BAD */
};

struct h1_limits {
	uint32_t head_bytes;   /* whole head, HTTP_FAULT_HEAD_TOO_LARGE (431) */
	uint32_t target_bytes; /* request target, HTTP_FAULT_TARGET_TOO_LONG (414) */
};

/* A request head, from its first byte (one or two leading CRLF are skipped, RFC 9112 2.2) to the empty line. `in` holds all
 * that has arrived; called again with more it starts over, so `*scanned` (0 at first, kept by the caller between calls for one
 * head) lets it look for the end in the new bytes only, until the end is there; a fault is told at the latest with the end or when
 * the length doubles. *scanned is 0 again after PARSE_DONE and PARSE_BAD. More fields than cap_fields: fault
 * TOO_MANY_FIELDS (431). CR LF line ends only. */
enum parse h1_request_parse(struct http_head *out, struct str in, const struct h1_limits *limits, size_t *scanned, size_t *used);
/* A response head, likewise (no leading CRLF). */
enum parse h1_response_parse(struct http_head *out, struct str in, const struct h1_limits *limits, size_t *scanned, size_t *used);

static inline bool http_head_has(const struct http_head *h, enum http_field_id id) {
	return h->seen[id / 64] >> (id % 64) & 1;
}
/* First field with the id, or NULL. */
const struct http_field *http_field_find(const struct http_head *h, enum http_field_id id);
/* Puts a field behind the others; false: no room is left in `fields`. */
bool http_head_add(struct http_head *h, enum http_field_id id, struct str name, struct str value);
/* Marks all fields with the id as dropped. */
void http_head_drop(struct http_head *h, enum http_field_id id);
/* Id of a name in any case. */
enum http_field_id http_field_lookup(struct str name);
/* Lower-case name of a known field, empty for HTTP_FIELD_OTHER; HTTP_FIELD_HOP_BY_HOP etc., 0 for HTTP_FIELD_OTHER. */
struct str http_field_name(enum http_field_id id);
unsigned http_field_flags(enum http_field_id id);
/* Is `token` in the comma-separated list values of any field `id`? Case ignored. */
bool http_field_has_token(const struct http_head *h, enum http_field_id id, struct str token);

/* How the body is delimited (RFC 9112 6.3). */
enum http_body { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_UNTIL_CLOSE };
struct http_framing {
	enum http_body body;
	uint64_t length;      /* of HTTP_BODY_LENGTH; may be 0 ("Content-Length: 0") */
	bool keep_alive;      /* the sender lets the connection persist (RFC 9112 9.3) */
	bool expect_continue; /* request: waits for 100 (RFC 9110 10.1.1) */
	bool has_upgrade;     /* Upgrade is there and named in Connection */
	struct str
	    host; /* request: of the Host field, without its port (http_authority_parse); lives as long as the head's bytes */
};
/* Both return HTTP_FAULT_NONE or why the message must be refused: Content-Length beside Transfer-Encoding, several or odd
 * Content-Lengths, a Transfer-Encoding that is not exactly "chunked" or comes with HTTP/1.0, Host missing or repeated... */
enum http_fault http_request_framing(const struct http_head *h, struct http_framing *out);
/* method: of the request that is answered; a HEAD answer, 1xx, 204 and 304 have no body. */
enum http_fault http_response_framing(const struct http_head *h, enum http_method method, struct http_framing *out);

/* Marks hop-by-hop fields (RFC 9110 7.6.1) and those that Connection names as dropped. Connection may not take away fields
 * that the message's meaning or framing hangs on (Host, Content-Length, Transfer-Encoding, Authorization, Cache-Control...):
 * naming one of those is ignored. */
void http_drop_hop_by_hop(struct http_head *h);

/* Chunked coding (RFC 9112 7.1). Zeroed: at the start. */
struct h1_chunked {
	uint64_t left; /* bytes of chunk data that are still to come */
	uint32_t state;
	uint32_t count;           /* bytes of chunk-size line or trailers so far, for their bounds */
	uint32_t extension_bytes; /* of extensions in excess of the data, for their bound over the whole body */
	uint32_t trailer_bytes;   /* that the last call consumed, see h1_chunked_trailer */
	enum http_fault fault;
};
/* Takes some of `in`: *used bytes were consumed, of which *data (a slice of in, may be empty) is body. PARSE_MORE: call again
 * with in+*used (when *used is in.n, with later bytes). PARSE_DONE: the last chunk and the trailers ended within *used. Raw bytes that
 * were consumed are strict enough to be forwarded as they are. Chunk extensions and trailers are bounded (4 KiB each, and 16 KiB
 * of extensions in excess of the data over the whole body), bare CR or LF refused, and so are trailers that must come in a head
 * (HTTP_FIELD_NOT_IN_TRAILER). PARSE_BAD: *used is where the fault is, *data is empty, further calls answer the same. */
enum parse h1_chunked_next(struct h1_chunked *c, struct str in, size_t *used, struct str *data);
/* The part of the trailer section among the `used` bytes that the last call consumed of `in`: their end, or empty. With its line ends; the
 * parts together are the whole section. */
static inline struct str h1_chunked_trailer(const struct h1_chunked *c, struct str in, size_t used) {
	return str_slice(in.p + used - c->trailer_bytes, c->trailer_bytes);
}
/* A whole trailer section, with its empty line, to fields (RFC 9112 7.1.2). PARSE_BAD also for names that must come in a head. */
enum parse h1_trailers_parse(struct http_head *out, struct str section);

/* HTTP/2 heads (RFC 9113 8.2-8.5, RFC 8441), built of fields as HPACK decodes them. The result is what an HTTP/1.1 parse would have
 * given: minor 1; a request's first field is Host with the value of :authority (a Host that equals it is dropped, one that differs
 * refused); target is :path, or :authority for plain CONNECT; the crumbs of Cookie are joined. Pseudo-header fields are no fields.
 * Limits are those of HTTP/1.1: head_bytes bounds what is stored, cap_fields the fields (with Host). */
enum h2_head_kind { H2_REQUEST, H2_RESPONSE, H2_TRAILERS };
struct h2_head_builder {
	struct http_head *head; /* its `fault` tells why it is refused */
	char *bytes;            /* what names and values are copied into */
	size_t used, cap;       /* of it */
	size_t target_max;
	enum h2_head_kind kind;
	unsigned pseudo_seen;
	bool has_regular;
	struct str scheme;    /* "http" or "https"; empty for plain CONNECT */
	struct str authority; /* as sent; empty when there was none */
	struct str protocol;  /* of extended CONNECT, else empty. Whoever did not offer it refuses it: PSEUDO_FORBIDDEN */
};
/* out: fields and cap_fields are set, all else is written. bytes: limits->head_bytes of them; they live as long as the head. */
void h2_head_begin(struct h2_head_builder *b, struct http_head *out, enum h2_head_kind kind, char *bytes,
                   const struct h1_limits *limits);
/* The first fault stays: adding more, and the end, answer the same. */
enum http_fault h2_head_add(struct h2_head_builder *b, struct str name, struct str value);
enum http_fault h2_head_end(struct h2_head_builder *b);
/* As http_request_framing and http_response_framing, for heads so built. is_end: END_STREAM came with the head. A body without
 * Content-Length is HTTP_BODY_CHUNKED (that is how HTTP/1.1 would send it); a response that ends with its head without telling a
 * length has HTTP_BODY_LENGTH of 0. keep_alive is always set, has_upgrade never. */
enum http_fault h2_request_framing(const struct http_head *h, bool is_end, struct http_framing *out);
enum http_fault h2_response_framing(const struct http_head *h, enum http_method method, bool is_end, struct http_framing *out);

/* The PROXY protocol (HAProxy's doc/proxy-protocol.txt): a header of version 1 or 2 at the start of a connection. */
struct proxy_header {
	uint8_t version;                 /* 1 or 2 */
	bool has_addresses;              /* false (LOCAL, UNKNOWN, not TCP): the connection's own addresses hold */
	struct addr source, destination; /* the client, and what it connected to; IPv4 never in IPv6's form */
	/* version 2 alone; slices, and empty where not told */
	struct str alpn, authority, unique_id; /* authority: the server name that the client asked for */
	bool has_checksum;                     /* CRC-32C; it was right */
	bool has_tls_info, is_tls;             /* is_tls: the client came over TLS */
	bool has_certificate, is_verified;     /* of the client */
	struct str tls_version, common_name;
};
/* A whole header is longer for nobody who means well; longer ones are PARSE_BAD. */
#define PROXY_HEADER_BYTES_MAX 4096
/* Exact: PARSE_BAD from the first byte that no header could have. PARSE_MORE: call again with all bytes and more. */
enum parse proxy_header_parse(struct proxy_header *out, struct str in, size_t *used);
/* Enough for any header that is written: addresses, ALPN, authority, unique id and checksum. */
#define PROXY_HEADER_WRITE_BYTES 768
/* Version 1, or 2 with the TLVs that are set (has_checksum asks for one). No addresses: UNKNOWN, or LOCAL. Returns its length. */
size_t proxy_header_write(char out[PROXY_HEADER_WRITE_BYTES], const struct proxy_header *h);

/* A request target (RFC 9112 3.2), and the authority it or Host gives. An absolute-form with neither path nor query is
 * HTTP_TARGET_ASTERISK under OPTIONS (RFC 9112 3.2.4), scheme and authority set. Schemes: http and https. */
enum http_target_form { HTTP_TARGET_ORIGIN, HTTP_TARGET_ABSOLUTE, HTTP_TARGET_AUTHORITY, HTTP_TARGET_ASTERISK };
struct http_target {
	enum http_target_form form;
	struct str scheme;    /* absolute-form */
	struct str authority; /* absolute-form and authority-form */
	struct str path;      /* as sent; "/" where absolute-form has none */
	struct str query;     /* with its '?', or empty */
};
enum http_fault http_target_parse(struct str target, enum http_method method, struct http_target *out);
/* Host without port and trailing dot (IPv6 in its brackets), the port apart (0: none). Narrower than RFC 3986: letters, digits
 * and -._~, no empty label, at most 253 bytes; no user information; port 1 to 65535. */
enum http_fault http_authority_parse(struct str authority, struct str *host, uint16_t *port);
/* The path as it is routed and forwarded: %-encoded unreserved characters decoded, hex digits upper case, dot segments
 * removed (RFC 3986 6.2.2). Refuses encoded NUL, and encoded '/' or '\\' (two parsers could differ), broken %-encoding, dot
 * segments with parameters ("/..;/"). Writes at most path.n bytes to `out`; when nothing changes, *normal is `path` itself and nothing is written. */
enum http_fault http_path_normalize(struct str path, char *out, struct str *normal);

/* The value of the first cookie of that name (case counts) among those of a Cookie field; without its quotes. */
bool http_cookie_find(struct str field, struct str name, struct str *value);
/* The same over all Cookie fields of a request. */
bool http_cookie_get(const struct http_head *h, struct str name, struct str *value);
/* The value of a Set-Cookie field, for the whole host: HttpOnly, SameSite=Lax. Writes at most name.n + value.n +
 * HTTP_SET_COOKIE_BYTES, returns how many. */
#define HTTP_SET_COOKIE_BYTES 80
struct http_set_cookie {
	struct str name, value;
	uint64_t max_age_s; /* 0: until the browser is closed */
	bool is_secure;
};
size_t http_set_cookie_write(char *out, const struct http_set_cookie *c);

/* "Fri, 20 Nov 2026 21:41:00 GMT" (RFC 9110 5.6.7). */
#define HTTP_DATE_BYTES 29
void http_format_date(char out[HTTP_DATE_BYTES], uint64_t unix_seconds);
/* "Not Found"; "Unknown" for a status without a name. */
const char *http_status_text(unsigned status);

#endif
