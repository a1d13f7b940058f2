/* SPDX-License-Identifier: BSD-2-Clause */
/* The character classes, computed by the compiler from the grammar's own words. */
#include "http/private.h"

#define IS_ALPHA(c) (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')
#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_VISIBLE(c) ((c) > 0x20 && (c) < 0x7f)
#define IS_DELIMITER(c)                                                                                                          \
	((c) == '"' || (c) == '(' || (c) == ')' || (c) == ',' || (c) == '/' || ((c) >= ':' && (c) <= '@') ||                     \
	 ((c) >= '[' && (c) <= ']') || (c) == '{' || (c) == '}')
#define IS_TEXT(c) ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f))
#define IS_UNRESERVED(c) (IS_ALPHA(c) || IS_DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')

#define IS_PATH(c) (IS_VISIBLE(c) && (c) != '?' && (c) != '#' && (c) != '\\')

#define CLASSES(c)                                                                                                               \
	((IS_VISIBLE(c) && !IS_DELIMITER(c) ? HTTP_CHAR_TOKEN : 0) | (IS_TEXT(c) ? HTTP_CHAR_TEXT : 0) |                         \
	 (IS_TEXT(c) && (c) != '"' && (c) != '\\' ? HTTP_CHAR_QDTEXT : 0) | (IS_UNRESERVED(c) ? HTTP_CHAR_UNRESERVED : 0) |      \
	 (IS_PATH(c) ? HTTP_CHAR_PATH : 0) | (IS_PATH(c) && (c) != '/' && (c) != '%' && (c) != ';' ? HTTP_CHAR_PLAIN : 0) |      \
	 (IS_VISIBLE(c) && (c) != '#' ? HTTP_CHAR_QUERY : 0))
#define ROW4(c) CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define ROW16(c) ROW4(c), ROW4((c) + 4), ROW4((c) + 8), ROW4((c) + 12)

const uint8_t http_chars[256] = {
	ROW16(0x00), ROW16(0x10), ROW16(0x20), ROW16(0x30), ROW16(0x40), ROW16(0x50), ROW16(0x60), ROW16(0x70),
	ROW16(0x80), ROW16(0x90), ROW16(0xa0), ROW16(0xb0), ROW16(0xc0), ROW16(0xd0), ROW16(0xe0), ROW16(0xf0),
};
