/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path as it is routed and forwarded (RFC 3986 6.2.2): one spelling for each path, so that a rule cannot be walked around by
 * another spelling. What has no safe single reading is refused: %00, %2F, %5C, broken %-encoding, dot segments with parameters
 * ("/..;/" climbs in some servers).
 */
#include "http/private.h"

/* The byte that "%41" stands for, or -1. */
static int encoded_value(struct str path, size_t i) {
	if (path.n - i < 3)
		return -1;
	int high = http_hex_value(path.p[i + 1]), low = http_hex_value(path.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_upper_hex(char c) {
	return c < 'a';
}

/* Does the segment that starts at `start` consist of one or two dots? */
static bool is_dot_segment(const char *start, const char *end) {
	return (end - start == 1 || end - start == 2) && start[0] == '.' && end[-1] == '.';
}

/* May the encoded byte stand in a path? */
static bool is_encoded_allowed(int c) {
	return c > 0 && c != '/' && c != '\\';
}

/*
 * Checks the bytes from the start on. Returns where the first segment starts that has to be changed, path.n when none has,
 * or path.n + 1 when the path is to be refused for its bytes.
 */
static size_t first_change(struct str path) {
	size_t segment = 0, change = path.n; /* index of the '/' before the segment */
	if (path.n == 0 || path.p[0] != '/')
		return path.n + 1;
	for (size_t i = 0; i <= path.n; i++) {
		while (i < path.n && http_is(path.p[i], HTTP_CHAR_PLAIN))
			i++;
		if (i == path.n || path.p[i] == '/') {
			if (change == path.n && i > segment && is_dot_segment(path.p + segment + 1, path.p + i))
				change = segment;
			segment = i;
		} else if (path.p[i] == '%') {
			int c = encoded_value(path, i);
			if (!is_encoded_allowed(c))
				return path.n + 1;
			bool is_kept =
			    !http_is((char)c, HTTP_CHAR_UNRESERVED) && is_upper_hex(path.p[i + 1]) && is_upper_hex(path.p[i + 2]);
			if (!is_kept && change == path.n)
				change = segment;
		} else if (path.p[i] != ';' || is_dot_segment(path.p + segment + 1, path.p + i)) {
			return path.n + 1;
		}
	}
	return change;
}

/* Copies one segment with its '/' decoded to `out`; returns its end there, and where it ended in *at. */
static char *segment_copy(struct str path, size_t *at, char *out) {
	static const char hex[] = "0123456789ABCDEF";
	size_t i = *at;
	*out++ = path.p[i++];
	while (i < path.n && path.p[i] != '/') {
		int c = path.p[i] == '%' ? encoded_value(path, i) : -1;
		if (c < 0) {
			*out++ = path.p[i++];
			continue;
		}
		i += 3;
		if (http_is((char)c, HTTP_CHAR_UNRESERVED)) {
			*out++ = (char)c;
		} else {
			*out++ = '%';
			*out++ = hex[c >> 4];
			*out++ = hex[c & 15];
		}
	}
	*at = i;
	return out;
}

enum http_fault http_path_normalize(struct str path, char *out, struct str *normal) {
	size_t at = first_change(path);
	*normal = path;
	if (at > path.n)
		return HTTP_FAULT_PATH_BAD;
	if (at == path.n)
		return HTTP_FAULT_NONE;
	char *p = out + at;
	memcpy(out, path.p, at);
	while (at < path.n) {
		char *start = p;
		p = segment_copy(path, &at, p);
		if (is_dot_segment(start + 1, p)) {
			/* "/." gives way to what follows; "/.." takes the segment before it along. */
			bool is_up = p - start == 3;
			for (p = start; is_up && p > out && *--p != '/';)
				;
			if (at == path.n)
				*p++ = '/';
		} else {
			/* Dots that were encoded ("%2E;") show themselves only here. */
			const char *semicolon = memchr(start, ';', (size_t)(p - start));
			if (semicolon && is_dot_segment(start + 1, semicolon))
				return HTTP_FAULT_PATH_BAD;
		}
	}
	*normal = str_slice(out, (size_t)(p - out));
	return HTTP_FAULT_NONE;
}
