/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chunked coding (RFC 9112 7.1) as a machine that takes bytes as they come and holds none.
 *
 * The bytes that it accepts may be forwarded as they are: sizes of at most 16 digits, extensions and trailers by their grammar
 * and bounded, CR LF only, and no trailer that a careless receiver could merge into framing, routing or authentication.
 */
#include "http/private.h"

#define SIZE_DIGITS_MAX 16
#define LINE_BYTES_MAX 4096    /* chunk-size line with its extensions */
#define TRAILER_BYTES_MAX 4096 /* whole trailer section */
/* Extension bytes that a body may have in excess of its data: many small chunks with long extensions are an attack on whoever
 * pays by the byte. */
#define EXTENSION_EXCESS_MAX 16384

/* The low byte of h1_chunked.state; above it stands the length of the trailer's name so far. */
enum state {
	SIZE_START, /* the first digit */
	SIZE,
	EXT_BEFORE_SEMICOLON, /* white space came: only ';' may follow */
	EXT_NAME_START,
	EXT_NAME,
	EXT_BEFORE_EQUALS, /* white space came after the name: '=' or ';' */
	EXT_VALUE_START,
	EXT_TOKEN,
	EXT_QUOTED,
	EXT_ESCAPED,
	EXT_QUOTED_END,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	DONE,
};
#define STATE_BITS 8

static enum http_fault go(struct h1_chunked *c, enum state next) {
	c->state = next;
	return HTTP_FAULT_NONE;
}

/* FNV-1a without case, a byte at a time, since a name may come in pieces. */
#define NAME_HASH_START UINT64_C(0xcbf29ce484222325)
static uint64_t name_hash_add(uint64_t hash, char b) {
	return (hash ^ (uint8_t)(b | 0x20)) * UINT64_C(0x100000001b3);
}

/* A name that collides with a forbidden one is refused too: that hurts only who went looking for it. */
static bool is_forbidden_trailer(uint64_t hash, size_t name_bytes) {
	for (unsigned id = HTTP_FIELD_OTHER + 1; id < HTTP_FIELD_COUNT; id++) {
		struct str name = http_field_name(id);
		if (name.n != name_bytes || !(http_field_flags(id) & HTTP_FIELD_NOT_IN_TRAILER))
			continue;
		uint64_t h = NAME_HASH_START;
		for (size_t i = 0; i < name.n; i++)
			h = name_hash_add(h, name.p[i]);
		if (h == hash)
			return true;
	}
	return false;
}

static enum http_fault size_digit(struct h1_chunked *c, char b) {
	if (c->count > SIZE_DIGITS_MAX || c->left >> 59)
		return HTTP_FAULT_CHUNK_TOO_LONG;
	c->left = c->left << 4 | (unsigned)http_hex_value(b);
	return go(c, SIZE);
}

/* What may follow a complete size, name or value: the line's end, another extension, or white space before one. */
static enum http_fault after_part(struct h1_chunked *c, char b, enum state after_space, enum http_fault other) {
	switch (b) {
	case '\r':
		return go(c, SIZE_LF);
	case ';':
		return go(c, EXT_NAME_START);
	case ' ':
	case '\t':
		return go(c, after_space);
	default:
		return other;
	}
}

static enum http_fault size_line_step(struct h1_chunked *c, char b) {
	if (++c->count > LINE_BYTES_MAX)
		return HTTP_FAULT_CHUNK_EXTENSION_TOO_LONG;
	switch ((enum state)c->state) {
	case SIZE_START:
		return http_hex_value(b) < 0 ? HTTP_FAULT_CHUNK_SIZE_BAD : size_digit(c, b);
	case SIZE:
		if (http_hex_value(b) >= 0)
			return size_digit(c, b);
		if (b != '\r')
			c->extension_bytes++;
		return after_part(c, b, EXT_BEFORE_SEMICOLON, HTTP_FAULT_CHUNK_SIZE_BAD);
	default:
		break;
	}
	if (++c->extension_bytes > EXTENSION_EXCESS_MAX)
		return HTTP_FAULT_CHUNK_EXTENSION_TOO_LONG;
	switch ((enum state)c->state) {
	case EXT_BEFORE_SEMICOLON:
		return http_is_space(b) ? HTTP_FAULT_NONE : b == ';' ? go(c, EXT_NAME_START) : HTTP_FAULT_CHUNK_EXTENSION_BAD;
	case EXT_NAME_START:
		if (http_is_space(b))
			return HTTP_FAULT_NONE;
		return http_is(b, HTTP_CHAR_TOKEN) ? go(c, EXT_NAME) : HTTP_FAULT_CHUNK_EXTENSION_BAD;
	case EXT_NAME:
		if (http_is(b, HTTP_CHAR_TOKEN))
			return HTTP_FAULT_NONE;
		return b == '=' ? go(c, EXT_VALUE_START) : after_part(c, b, EXT_BEFORE_EQUALS, HTTP_FAULT_CHUNK_EXTENSION_BAD);
	case EXT_BEFORE_EQUALS:
		if (http_is_space(b))
			return HTTP_FAULT_NONE;
		return b == '=' ? go(c, EXT_VALUE_START) : b == ';' ? go(c, EXT_NAME_START) : HTTP_FAULT_CHUNK_EXTENSION_BAD;
	case EXT_VALUE_START:
		if (http_is_space(b))
			return HTTP_FAULT_NONE;
		return b == '"'                      ? go(c, EXT_QUOTED)
		       : http_is(b, HTTP_CHAR_TOKEN) ? go(c, EXT_TOKEN)
		                                     : HTTP_FAULT_CHUNK_EXTENSION_BAD;
	case EXT_TOKEN:
		return http_is(b, HTTP_CHAR_TOKEN) ? HTTP_FAULT_NONE
		                                   : after_part(c, b, EXT_BEFORE_SEMICOLON, HTTP_FAULT_CHUNK_EXTENSION_BAD);
	case EXT_QUOTED:
		if (http_is(b, HTTP_CHAR_QDTEXT))
			return HTTP_FAULT_NONE;
		return b == '"' ? go(c, EXT_QUOTED_END) : b == '\\' ? go(c, EXT_ESCAPED) : HTTP_FAULT_CHUNK_EXTENSION_BAD;
	case EXT_ESCAPED:
		return http_is(b, HTTP_CHAR_TEXT) ? go(c, EXT_QUOTED) : HTTP_FAULT_CHUNK_EXTENSION_BAD;
	default: /* EXT_QUOTED_END */
		return after_part(c, b, EXT_BEFORE_SEMICOLON, HTTP_FAULT_CHUNK_EXTENSION_BAD);
	}
}

static enum http_fault size_line_end(struct h1_chunked *c) {
	c->count = 0;
	c->extension_bytes -= c->left < c->extension_bytes ? (uint32_t)c->left : c->extension_bytes;
	return go(c, c->left ? DATA : TRAILER_START);
}

static enum http_fault trailer_step(struct h1_chunked *c, char b) {
	size_t name_bytes = c->state >> STATE_BITS;
	if (++c->count > TRAILER_BYTES_MAX)
		return HTTP_FAULT_TRAILER_TOO_LARGE;
	if ((c->state & 0xff) == TRAILER_VALUE)
		return b == '\r' ? go(c, TRAILER_LF) : http_is(b, HTTP_CHAR_TEXT) ? HTTP_FAULT_NONE : HTTP_FAULT_TRAILER_BAD;
	if (name_bytes == 0) {
		if (b == '\r')
			return go(c, END_LF);
		c->left = NAME_HASH_START;
	} else if (b == ':') {
		bool is_forbidden = is_forbidden_trailer(c->left, name_bytes);
		c->left = 0;
		return is_forbidden ? HTTP_FAULT_TRAILER_BAD : go(c, TRAILER_VALUE);
	}
	if (!http_is(b, HTTP_CHAR_TOKEN))
		return HTTP_FAULT_TRAILER_BAD;
	c->left = name_hash_add(c->left, b);
	c->state = TRAILER_NAME | (uint32_t)(name_bytes + 1) << STATE_BITS;
	return HTTP_FAULT_NONE;
}

/* One byte outside of chunk data. */
static enum http_fault step(struct h1_chunked *c, char b) {
	switch ((enum state)(c->state & 0xff)) {
	case SIZE_LF:
		return b == '\n' ? size_line_end(c) : HTTP_FAULT_BARE_CR;
	case DATA_CR:
		return b == '\r' ? go(c, DATA_LF) : b == '\n' ? HTTP_FAULT_BARE_LF : HTTP_FAULT_CHUNK_END_BAD;
	case DATA_LF:
		return b == '\n' ? go(c, SIZE_START) : HTTP_FAULT_BARE_CR;
	case TRAILER_LF:
		c->trailer_bytes++;
		return b == '\n' ? go(c, TRAILER_START) : HTTP_FAULT_BARE_CR;
	case END_LF:
		c->trailer_bytes++;
		return b == '\n' ? go(c, DONE) : HTTP_FAULT_BARE_CR;
	case TRAILER_START:
	case TRAILER_NAME:
	case TRAILER_VALUE:
		c->trailer_bytes++;
		return b == '\n' ? HTTP_FAULT_BARE_LF : trailer_step(c, b);
	default:
		return b == '\n' ? HTTP_FAULT_BARE_LF : size_line_step(c, b);
	}
}

enum parse h1_chunked_next(struct h1_chunked *c, struct str in, size_t *used, struct str *data) {
	size_t i = 0;
	*data = str_slice(in.p, 0);
	*used = 0;
	c->trailer_bytes = 0;
	if (c->fault != HTTP_FAULT_NONE)
		return PARSE_BAD;
	while (i < in.n && c->state != DONE) {
		if (c->state == DATA) {
			if (data->n)
				break; /* one slice a call */
			*data = str_slice(in.p + i, c->left < in.n - i ? (size_t)c->left : in.n - i);
			i += data->n;
			c->left -= data->n;
			if (c->left == 0)
				c->state = DATA_CR;
			continue;
		}
		c->fault = step(c, in.p[i]);
		if (c->fault != HTTP_FAULT_NONE) {
			/* Data before the fault is handed out first, so that the answers do not hang on how the input was cut. */
			*used = i;
			c->trailer_bytes -= c->trailer_bytes > 0; /* the faulty byte was not consumed */
			return data->n ? PARSE_MORE : PARSE_BAD;
		}
		i++;
	}
	*used = i;
	return c->state == DONE ? PARSE_DONE : PARSE_MORE;
}
