/* SPDX-License-Identifier: BSD-2-Clause
 * HTTP/2 of the origin (RFC 9113, prior knowledge): a request's end is answered with HEADERS and DATA that differ in the stream's number alone.
 * Header blocks are skipped, so that there is no state of HPACK; all answers of one read leave with one send. Windows are kept: an answer
 * waits until the connection's allows it (a stream's own always does: 13 bytes, and who would start with less?).
 */
#include "origin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define FRAME_HEAD 9
#define BODY "Hello, world\n"
#define STREAMS 1024u /* announced; as many answers may wait for the window */

/* :status 200, content-type text/plain, content-length 13: static names, literal values, never indexed. */
static const unsigned char block[] = { 0x88, 0x0f, 0x10, 10,  't',  'e',  'x', 't', '/', 'p',
	                               'l',  'a',  'i',  'n', 0x0f, 0x0d, 2,   '1', '3' };

struct h2 {
	bool is_greeted;
	int64_t window;
	uint32_t unread_credit; /* bytes of DATA taken and not given back yet */
	uint32_t waiting[STREAMS];
	unsigned waiting_first, waiting_count;
	uint32_t open_stream; /* a HEADERS without END_HEADERS: ends with the CONTINUATION that has it */
	bool is_open_end;
	char in[FRAME_HEAD + 16384]; /* a frame in pieces */
	size_t in_length;
	char *out;
	size_t out_length, out_room;
};

struct h2 *h2_new(void) {
	struct h2 *h = calloc(1, sizeof(*h));
	h->window = 65535;
	return h;
}

void h2_free(struct h2 *h) {
	if (h)
		free(h->out);
	free(h);
}

static void put(struct h2 *h, const void *data, size_t length) {
	if (h->out_length + length > h->out_room) {
		h->out_room = (h->out_length + length) * 2;
		h->out = realloc(h->out, h->out_room);
		if (!h->out)
			abort();
	}
	memcpy(h->out + h->out_length, data, length);
	h->out_length += length;
}

static uint32_t get32(const char *at) {
	const unsigned char *u = (const unsigned char *)at;
	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static void put_frame(struct h2 *h, unsigned type, unsigned flags, uint32_t stream, const void *payload, size_t length) {
	unsigned char head[FRAME_HEAD] = { 0,
		                           (unsigned char)(length >> 8),
		                           (unsigned char)length,
		                           (unsigned char)type,
		                           (unsigned char)flags,
		                           (unsigned char)(stream >> 24),
		                           (unsigned char)(stream >> 16),
		                           (unsigned char)(stream >> 8),
		                           (unsigned char)stream };
	put(h, head, sizeof(head));
	put(h, payload, length);
}

static void put_window(struct h2 *h, uint32_t credit) {
	unsigned char value[4] = { (unsigned char)(credit >> 24), (unsigned char)(credit >> 16), (unsigned char)(credit >> 8),
		                   (unsigned char)credit };
	put_frame(h, WINDOW_UPDATE, 0, 0, value, sizeof(value));
}

static void answer(struct h2 *h, uint32_t stream) {
	put_frame(h, HEADERS, END_HEADERS, stream, block, sizeof(block));
	put_frame(h, DATA, END_STREAM, stream, BODY, sizeof(BODY) - 1);
	h->window -= (int64_t)sizeof(BODY) - 1;
}

static bool request_end(struct h2 *h, uint32_t stream) {
	if (h->waiting_count == 0 && h->window >= (int64_t)sizeof(BODY) - 1) {
		answer(h, stream);
		return true;
	}
	if (h->waiting_count == STREAMS)
		return false;
	h->waiting[(h->waiting_first + h->waiting_count++) % STREAMS] = stream;
	return true;
}

static void answer_waiting(struct h2 *h) {
	while (h->waiting_count > 0 && h->window >= (int64_t)sizeof(BODY) - 1) {
		answer(h, h->waiting[h->waiting_first]);
		h->waiting_first = (h->waiting_first + 1) % STREAMS;
		h->waiting_count--;
	}
}

static bool take_headers(struct h2 *h, unsigned type, unsigned flags, uint32_t stream) {
	if (type == HEADERS)
		h->is_open_end = flags & END_STREAM;
	else if (stream != h->open_stream)
		return false;
	h->open_stream = flags & END_HEADERS ? 0 : stream;
	return h->open_stream || !h->is_open_end || request_end(h, stream);
}

/* Who reset a stream does not want its answer. */
static void forget_waiting(struct h2 *h, uint32_t stream) {
	unsigned kept = 0;
	for (unsigned i = 0; i < h->waiting_count; i++) {
		uint32_t s = h->waiting[(h->waiting_first + i) % STREAMS];
		if (s != stream)
			h->waiting[(h->waiting_first + kept++) % STREAMS] = s;
	}
	h->waiting_count = kept;
}

static bool take_frame(struct h2 *h, const char *frame, size_t length) {
	unsigned type = (unsigned char)frame[3], flags = (unsigned char)frame[4];
	uint32_t stream = get32(frame + 5) & 0x7fffffff;
	const char *payload = frame + FRAME_HEAD;
	switch (type) {
	case HEADERS:
	case CONTINUATION:
		return take_headers(h, type, flags, stream);
	case DATA:
		h->unread_credit += (uint32_t)length;
		return !(flags & END_STREAM) || request_end(h, stream);
	case SETTINGS:
		if (!(flags & ACK))
			put_frame(h, SETTINGS, ACK, 0, "", 0);
		return true;
	case PING:
		if (!(flags & ACK))
			put_frame(h, PING, ACK, 0, payload, length);
		return length == 8;
	case WINDOW_UPDATE:
		if (length != 4)
			return false;
		if (stream == 0) {
			h->window += get32(payload) & 0x7fffffff;
			answer_waiting(h);
		}
		return true;
	case RST_STREAM:
		forget_waiting(h, stream);
		return true;
	default:
		return true; /* GOAWAY: who says it closes; PRIORITY and what is unknown: RFC 9113, 4.1 */
	}
}

bool h2_flush(struct h2 *h, int fd) {
	if (h->out_length == 0)
		return true;
	ssize_t n = send(fd, h->out, h->out_length, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN;
	h->out_length -= (size_t)n;
	memmove(h->out, h->out + n, h->out_length);
	return true;
}

/* Whole frames of a run of bytes; how many bytes they were, or -1. */
static ssize_t take_frames(struct h2 *h, const char *data, size_t length) {
	size_t used = 0;
	while (length - used >= FRAME_HEAD) {
		size_t payload = get32(data + used) >> 8;
		if (payload > 16384)
			return -1;
		if (length - used < FRAME_HEAD + payload)
			break;
		if (!take_frame(h, data + used, payload))
			return -1;
		used += FRAME_HEAD + payload;
	}
	return (ssize_t)used;
}

/* The client's greeting, and ours. */
static ssize_t greet(struct h2 *h, const char *data, size_t length) {
	static const unsigned char settings[] = { 0, 3, 0, 0, STREAMS >> 8, STREAMS & 0xff };
	if (length < sizeof(PREFACE) - 1)
		return 0;
	if (memcmp(data, PREFACE, sizeof(PREFACE) - 1) != 0)
		return -1;
	h->is_greeted = true;
	put_frame(h, SETTINGS, 0, 0, settings, sizeof(settings));
	return sizeof(PREFACE) - 1;
}

static ssize_t take(struct h2 *h, const char *data, size_t length) {
	ssize_t greeting = h->is_greeted ? 0 : greet(h, data, length);
	if (greeting < 0 || !h->is_greeted)
		return greeting;
	ssize_t frames = take_frames(h, data + greeting, length - (size_t)greeting);
	return frames < 0 ? -1 : greeting + frames;
}

/* Whole frames where they lie; the rest of a read is kept in front of the next one. */
bool h2_feed(struct h2 *h, int fd, const char *data, size_t length) {
	while (h->in_length > 0 && length > 0) {
		size_t more = sizeof(h->in) - h->in_length < length ? sizeof(h->in) - h->in_length : length;
		memcpy(h->in + h->in_length, data, more);
		ssize_t used = take(h, h->in, h->in_length + more);
		if (used < 0 || (used == 0 && more < length))
			return false;
		if (used > 0) { /* what it held before is whole now: go on in the read itself */
			data += (size_t)used - h->in_length;
			length -= (size_t)used - h->in_length;
			h->in_length = 0;
		} else {
			h->in_length += more;
			length = 0;
		}
	}
	ssize_t used = length > 0 ? take(h, data, length) : 0;
	if (used < 0 || length - (size_t)used > sizeof(h->in))
		return false;
	if (length > 0) {
		h->in_length = length - (size_t)used;
		memcpy(h->in, data + used, h->in_length);
	}
	if (h->unread_credit > 16384) {
		put_window(h, h->unread_credit);
		h->unread_credit = 0;
	}
	return h2_flush(h, fd);
}
