/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and TTLs as people write them in zone files and configurations (RFC 1035 5.1). The caller owns all memory. */
#include "steerway/dns.h"

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

size_t dns_char_from_text(struct str in, uint8_t *out) {
	if (in.n == 0)
		return 0;
	*out = (uint8_t)in.p[0];
	if (in.p[0] != '\\')
		return 1;
	if (in.n < 2)
		return 0;
	if (!is_digit(in.p[1])) {
		*out = (uint8_t)in.p[1];
		return 2;
	}
	if (in.n < 4 || !is_digit(in.p[2]) || !is_digit(in.p[3]))
		return 0;
	unsigned v = (unsigned)(in.p[1] - '0') * 100 + (unsigned)(in.p[2] - '0') * 10 + (unsigned)(in.p[3] - '0');
	*out = (uint8_t)v;
	return v <= UINT8_MAX ? 4 : 0;
}

static size_t refuse(const char **why, const char *text) {
	*why = text;
	return 0;
}

size_t dns_name_from_text(uint8_t out[DNS_NAME_MAX], struct str text, struct str origin, const char **why) {
	size_t n = 1, label = 0; /* bytes so far; where the length of the label under way stands */
	if (text.n == 0)
		return refuse(why, "it is empty");
	if (str_eq(text, STR(".")) || (str_eq(text, STR("@")) && origin.n > 0)) {
		struct str whole = text.p[0] == '.' ? str_slice("", 1) : origin;
		memcpy(out, whole.p, whole.n);
		return whole.n;
	}
	for (size_t i = 0; i < text.n;) {
		if (text.p[i] == '.') {
			if (n == label + 1)
				return refuse(why, "it has an empty label");
			out[label] = (uint8_t)(n - label - 1);
			label = n++;
			i++;
			continue;
		}
		uint8_t c;
		size_t used = dns_char_from_text(str_skip(text, i), &c);
		if (used == 0)
			return refuse(why, "a backslash takes one character or three digits up to 255 behind it");
		if (n - label - 1 == DNS_LABEL_MAX)
			return refuse(why, "a label has more than 63 bytes");
		if (n >= DNS_NAME_MAX - 1) /* one is the root's */
			return refuse(why, "it has more than 255 bytes");
		out[n++] = c;
		i += used;
	}
	if (n == label + 1) { /* it ended in a dot */
		out[label] = 0;
		return n;
	}
	out[label] = (uint8_t)(n - label - 1);
	if (origin.n == 0)
		origin = str_slice("", 1);
	if (n + origin.n > DNS_NAME_MAX)
		return refuse(why, "it has more than 255 bytes");
	memcpy(out + n, origin.p, origin.n);
	return n + origin.n;
}

struct str dns_name_to_text(struct str wire, char out[DNS_NAME_TEXT_BYTES]) {
	size_t n = 0;
	for (size_t at = 0; at < wire.n && wire.p[at]; at += (uint8_t)wire.p[at] + 1u) {
		for (size_t i = 1; i <= (uint8_t)wire.p[at]; i++) {
			uint8_t c = (uint8_t)wire.p[at + i];
			if (c <= ' ' || c >= 0x7f) {
				out[n++] = '\\';
				out[n++] = (char)('0' + c / 100);
				out[n++] = (char)('0' + c / 10 % 10);
				out[n++] = (char)('0' + c % 10);
				continue;
			}
			if (strchr(".\\\"();@$", c))
				out[n++] = '\\';
			out[n++] = (char)c;
		}
		out[n++] = '.';
	}
	if (n == 0)
		out[n++] = '.';
	return str_slice(out, n);
}

bool dns_ttl_from_text(struct str text, uint32_t *out) {
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = { { 'w', 604800 }, { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t sum = 0, number = 0;
	bool has_digits = false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (is_digit(c)) {
			number = number * 10 + (unsigned)(c - '0');
			has_digits = true;
		} else {
			size_t u = 0;
			while (u < sizeof(units) / sizeof(units[0]) && units[u].unit != (c | 0x20))
				u++;
			if (!has_digits || u == sizeof(units) / sizeof(units[0]))
				return false;
			sum += number * units[u].seconds;
			number = 0;
			has_digits = false;
		}
		if (number > UINT32_MAX || sum > UINT32_MAX)
			return false;
	}
	if (text.n == 0 || sum + number > UINT32_MAX)
		return false;
	*out = (uint32_t)(sum + number);
	return true;
}
