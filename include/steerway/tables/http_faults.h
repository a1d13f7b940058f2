/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP_FAULT(ID, status, "text"): why a message is refused. The status is what a client gets for its request; a fault in a
 * server's response is answered with 502, whatever the row says. */
/* First line (RFC 9112 3, 4) */
HTTP_FAULT(BAD_REQUEST_LINE, 400, "malformed request line")
HTTP_FAULT(BAD_METHOD, 400, "the method is not a token of at most 32 bytes")
HTTP_FAULT(BAD_STATUS_LINE, 502, "malformed status line")
HTTP_FAULT(BAD_STATUS, 502, "the status is not between 100 and 599")
HTTP_FAULT(VERSION_UNSUPPORTED, 505, "neither HTTP/1.0 nor HTTP/1.1")
HTTP_FAULT(TARGET_TOO_LONG, 414, "the request target is too long")
/* Size of the head */
HTTP_FAULT(HEAD_TOO_LARGE, 431, "the head is too large")
HTTP_FAULT(TOO_MANY_FIELDS, 431, "the head has too many fields")
/* Lines and fields (RFC 9112 2.2, 5) */
HTTP_FAULT(BARE_CR, 400, "CR without LF")
HTTP_FAULT(BARE_LF, 400, "LF without CR")
HTTP_FAULT(OBS_FOLD, 400, "folded field line")
HTTP_FAULT(BAD_FIELD_NAME, 400, "malformed field name")
HTTP_FAULT(BAD_FIELD_VALUE, 400, "control byte in a field value")
HTTP_FAULT(SPACE_BEFORE_COLON, 400, "white space in or after a field name")
/* Framing (RFC 9112 6) */
HTTP_FAULT(CONTENT_LENGTH_BAD, 400, "malformed Content-Length")
HTTP_FAULT(CONTENT_LENGTH_REPEATED, 400, "more than one Content-Length")
HTTP_FAULT(LENGTH_AND_CODING, 400, "both Content-Length and Transfer-Encoding")
HTTP_FAULT(CODING_BAD, 400, "malformed Transfer-Encoding, or chunked is not its one last coding")
HTTP_FAULT(CODING_UNSUPPORTED, 501, "a transfer coding other than chunked")
HTTP_FAULT(CODING_WITH_HTTP10, 400, "Transfer-Encoding in an HTTP/1.0 message")
HTTP_FAULT(CONNECTION_BAD, 400, "Connection has too many options")
HTTP_FAULT(EXPECTATION_UNSUPPORTED, 417, "an expectation other than 100-continue")
/* Host and target (RFC 9112 3.2, RFC 3986) */
HTTP_FAULT(HOST_MISSING, 400, "no Host in an HTTP/1.1 request")
HTTP_FAULT(HOST_REPEATED, 400, "more than one Host")
HTTP_FAULT(HOST_BAD, 400, "malformed host or port")
HTTP_FAULT(TARGET_BAD, 400, "malformed request target")
HTTP_FAULT(PATH_BAD, 400, "the path has a byte or an encoding that can be read in two ways")
/* Chunked coding (RFC 9112 7.1) */
HTTP_FAULT(CHUNK_SIZE_BAD, 400, "malformed chunk size")
HTTP_FAULT(CHUNK_TOO_LONG, 400, "the chunk size is above 2^63-1 or has more than 16 digits")
HTTP_FAULT(CHUNK_EXTENSION_BAD, 400, "malformed chunk extension")
HTTP_FAULT(CHUNK_EXTENSION_TOO_LONG, 400, "too many bytes of chunk extensions")
HTTP_FAULT(CHUNK_END_BAD, 400, "chunk data is not followed by CR LF")
HTTP_FAULT(TRAILER_BAD, 400, "malformed or forbidden trailer field")
HTTP_FAULT(TRAILER_TOO_LARGE, 431, "the trailer section is too large")
