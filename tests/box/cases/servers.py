# SPDX-License-Identifier: BSD-2-Clause
"""Servers that misbehave: their bytes, and what the client gets for them (RFC 9112 4 to 9, RFC 9110 7 and 15)."""
import dataclasses

from cases import h1

STATUS_LINE = "malformed status line"
STATUS = "the status is not between 100 and 599"


@dataclasses.dataclass(eq=False)
class Case:
	"""`then`: what the server does behind its bytes: it waits for more requests, closes or resets. `status`, `body`, `fields`: what the
	client gets, with these field lines exactly; a status of 0: some of a message, or nothing, but never a whole one. `interim`: the 1xx
	before it. `reused`: the next request comes on the same connection to the server. `cuttable`: bytes behind the response reach
	steerway with it, so it may not be cut at will."""
	rfc: str
	section: str
	name: str
	sent: bytes
	status: int
	end: str
	fault: str = None
	body: bytes = b""
	fields: bytes = None
	interim: tuple = ()
	reused: bool = True
	then: str = "waits"
	method: str = "GET"
	cuttable: bool = True
	logged: int = 0

	@property
	def label(self):
		return f"rfc{self.rfc}_{self.section.replace('.', '_')}_{self.name}"


def passed(body=b"hello", status=200, **more):
	return {"status": status, "end": "complete", "body": body, **more}


def bad(fault, **more):
	"""Nothing of it is passed on."""
	return {"status": 502, "end": "server_bad_response", "fault": fault, "reused": False, **more}


def cut(fault, **more):
	"""The head was good; where the body is not, the client's connection closes and the message stays incomplete."""
	return {"status": 0, "logged": 200, "end": "server_bad_response", "fault": fault, "reused": False, **more}


def lost(**more):
	"""The server went away before any of its response could be passed on."""
	return {"status": 502, "end": "server_closed", "reused": False, "then": "closes", **more}


def broken_off(**more):
	return {"status": 0, "logged": 200, "end": "server_closed", "reused": False, "then": "closes", **more}


def section(rfc, number, *rows):
	return [Case(rfc, number, name, sent, **want) for name, sent, want in rows]


OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n"
CODED = b"Transfer-Encoding: chunked\r\n"


def head(line, fields=FIVE, body=b"hello"):
	return line + b"\r\n" + fields + b"\r\n" + body


def ok(fields=FIVE, body=b"hello"):
	return OK + fields + b"\r\n" + body


def coded(body):
	return ok(CODED, body)


def size(line):
	return coded(line + b"\r\nhello\r\n0\r\n\r\n")


def trailer(lines):
	return coded(b"5\r\nhello\r\n0\r\n" + lines + b"\r\n")


STATUS_LINES = section(
	"9112", "4",
	("lower_case_version", head(b"http/1.1 200 OK"), bad(STATUS_LINE)),
	("no_version", head(b"200 OK"), bad(STATUS_LINE)),
	("other_protocol", head(b"ICY 200 OK"), bad(STATUS_LINE)),
	("version_2", head(b"HTTP/2.0 200 OK"), bad(h1.VERSION)),
	("version_1_2", head(b"HTTP/1.2 200 OK"), bad(h1.VERSION)),
	("two_digit_minor", head(b"HTTP/1.10 200 OK"), bad(STATUS_LINE)),
	("short_version", head(b"HTTP/2 200"), bad(STATUS_LINE)),
	("two_spaces", head(b"HTTP/1.1  200 OK"), bad(STATUS_LINE)),
	("tab", head(b"HTTP/1.1\t200 OK"), bad(STATUS_LINE)),
	("no_space", head(b"HTTP/1.1200 OK"), bad(STATUS_LINE)),
	("no_status", head(b"HTTP/1.1 OK"), bad(STATUS_LINE)),
	("version_alone", head(b"HTTP/1.1"), bad(STATUS_LINE)),
	("two_digits", head(b"HTTP/1.1 20 OK"), bad(STATUS_LINE)),
	("four_digits", head(b"HTTP/1.1 2000 OK"), bad(STATUS_LINE)),
	("letter_in_the_status", head(b"HTTP/1.1 2x0 OK"), bad(STATUS_LINE)),
	("negative", head(b"HTTP/1.1 -20 OK"), bad(STATUS_LINE)),
	("reason_without_space", head(b"HTTP/1.1 200OK"), bad(STATUS_LINE)),
	("tab_before_the_reason", head(b"HTTP/1.1 200\tOK"), bad(STATUS_LINE)),
	("status_000", head(b"HTTP/1.1 000 No"), bad(STATUS)),
	("status_099", head(b"HTTP/1.1 099 No"), bad(STATUS)),
	("status_600", head(b"HTTP/1.1 600 No"), bad(STATUS)),
	("status_999", head(b"HTTP/1.1 999 No"), bad(STATUS)),
	("nul_in_the_reason", head(b"HTTP/1.1 200 O\0K"), bad(STATUS_LINE)),
	("control_in_the_reason", head(b"HTTP/1.1 200 O\x1bK"), bad(STATUS_LINE)),
	("bare_cr_in_the_reason", head(b"HTTP/1.1 200 O\rK"), bad(h1.BARE_CR)),
	("bare_lf_behind_the_reason", b"HTTP/1.1 200 OK\n" + FIVE + b"\r\nhello", bad(h1.BARE_LF)),
	("space_before", b" " + ok(), bad(STATUS_LINE)),
	("empty_line_before", b"\r\n" + ok(), bad(STATUS_LINE)),
	("body_without_head", b"hello", {**bad(STATUS_LINE), "then": "closes"}),
	("html_without_head", b"<html>\r\n\r\n</html>", bad(STATUS_LINE)),
	("a_request_instead", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bad(STATUS_LINE)),
	("a_tls_alert", b"\x15\x03\x01\0\x02\x02\x16", bad(STATUS_LINE)),
	("http_2_settings", b"\0\0\0\4\0\0\0\0\0", bad(STATUS_LINE)),
	("an_ssh_greeting", b"SSH-2.0-OpenSSH_9.2\r\n", bad(STATUS_LINE)),
	("no_reason", head(b"HTTP/1.1 200"), passed(fields=FIVE)),
	("empty_reason", head(b"HTTP/1.1 200 "), passed(fields=FIVE)),
	("reason_of_odd_text", head(b"HTTP/1.1 200 Tr\xe8s bien\t!"), passed(fields=FIVE)),
	("status_599", head(b"HTTP/1.1 599 Last"), passed(status=599)),
	("unknown_status", head(b"HTTP/1.1 299 Odd"), passed(status=299)),
)

FIELDS = section(
	"9112", "5",
	("no_colon", ok(b"nonsense\r\n" + FIVE), bad(h1.NAME)),
	("empty_name", ok(b": x\r\n" + FIVE), bad(h1.NAME)),
	("at_sign_in_the_name", ok(b"X@: x\r\n" + FIVE), bad(h1.NAME)),
	("nul_in_the_name", ok(b"X\0Y: x\r\n" + FIVE), bad(h1.NAME)),
	("not_ascii_in_the_name", ok(b"X\xe9: x\r\n" + FIVE), bad(h1.NAME)),
	("pseudo_field", ok(b":status: 200\r\n" + FIVE), bad(h1.NAME)),
	("space_before_colon", ok(b"X : x\r\n" + FIVE), bad(h1.SPACE)),
	("space_before_colon_of_the_length", ok(b"Content-Length : 5\r\n"), bad(h1.SPACE)),
	("folded", ok(b"X: y\r\n z\r\n" + FIVE), bad(h1.FOLD)),
	("folded_length", ok(b"Content-Length:\r\n 5\r\n"), bad(h1.FOLD)),
	("white_space_before_the_first_field", ok(b" X: y\r\n" + FIVE), bad(h1.FOLD)),
	("nul_in_a_value", ok(b"X: a\0b\r\n" + FIVE), bad(h1.VALUE)),
	("control_in_a_value", ok(b"X: a\x08b\r\n" + FIVE), bad(h1.VALUE)),
	("bare_lf_splits_the_response", ok(b"X: a\nSet-Cookie: evil=1\r\n" + FIVE), bad(h1.BARE_LF)),
	("bare_cr_splits_the_response", ok(b"X: a\rSet-Cookie: evil=1\r\n" + FIVE), bad(h1.BARE_CR)),
	("bare_lf_ends_the_head", OK + FIVE + b"\nhello", bad(h1.BARE_LF)),
	("too_many", ok(b"A: b\r\n" * 256 + FIVE), bad(h1.FIELDS_MANY)),
	("endless", OK + b"A: b\r\n" * 30000, bad(h1.FIELDS_MANY)),
	("too_large", ok(b"A: " + b"b" * 70000 + b"\r\n" + FIVE), bad(h1.HEAD_LARGE)),
	("endless_name", OK + b"A" * 70000, bad(h1.HEAD_LARGE)),
	("many", ok(b"A: b\r\n" * 255 + FIVE), passed(fields=b"A: b\r\n" * 255 + FIVE)),
	("large", ok(b"A: " + b"b" * 60000 + b"\r\n" + FIVE), passed(fields=b"A: " + b"b" * 60000 + b"\r\n" + FIVE)),
	("odd_but_legal", ok(b"x-LOW: \xe9\xff\t\"\r\nX-Empty: \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + FIVE),
	 passed(fields=b"x-LOW: \xe9\xff\t\"\r\nX-Empty: \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + FIVE)),
)

FRAMING = section(
	"9112", "6.1",
	("length_and_coding", ok(FIVE + CODED, b"0\r\n\r\n"), bad(h1.BOTH)),
	("coding_and_length", ok(CODED + FIVE, b"0\r\n\r\n"), bad(h1.BOTH)),
	("two_codings", ok(CODED + CODED, b"0\r\n\r\n"), bad(h1.CODING)),
	("coding_twice_in_a_line", ok(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), bad(h1.CODING)),
	("chunked_not_last", ok(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"), bad(h1.CODING)),
	("gzip_before_chunked", ok(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), bad(h1.CODING_UNKNOWN)),
	("gzip", ok(b"Transfer-Encoding: gzip\r\n"), bad(h1.CODING_UNKNOWN)),
	("identity", ok(b"Transfer-Encoding: identity\r\n"), bad(h1.CODING_UNKNOWN)),
	("xchunked", ok(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), bad(h1.CODING_UNKNOWN)),
	("empty", ok(b"Transfer-Encoding:\r\n"), bad(h1.CODING)),
	("vertical_tab", ok(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), bad(h1.VALUE)),
	("in_http_1_0", b"HTTP/1.0 200 OK\r\n" + CODED + b"\r\n0\r\n\r\n", bad(h1.CODING_10)),
) + section(
	"9112", "6.2",
	("empty", ok(b"Content-Length:\r\n"), bad(h1.LENGTH)),
	("plus", ok(b"Content-Length: +5\r\n"), bad(h1.LENGTH)),
	("minus", ok(b"Content-Length: -1\r\n"), bad(h1.LENGTH)),
	("hexadecimal", ok(b"Content-Length: 0x5\r\n"), bad(h1.LENGTH)),
	("leading_zero", ok(b"Content-Length: 05\r\n"), bad(h1.LENGTH)),
	("list", ok(b"Content-Length: 5, 5\r\n"), bad(h1.LENGTH)),
	("space_inside", ok(b"Content-Length: 5 5\r\n"), bad(h1.LENGTH)),
	("above_2_63", ok(b"Content-Length: 9223372036854775808\r\n"), bad(h1.LENGTH)),
	("above_2_64", ok(b"Content-Length: 18446744073709551621\r\n"), bad(h1.LENGTH)),
) + section(
	"9112", "6.3",
	("two_lengths", ok(FIVE + b"Content-Length: 6\r\n", b"hello!"), bad(h1.LENGTHS)),
	("two_equal_lengths", ok(FIVE + FIVE), bad(h1.LENGTHS)),
	("length", ok(), passed(fields=FIVE)),
	("length_zero", ok(b"Content-Length: 0\r\n", b""), passed(b"", fields=b"Content-Length: 0\r\n")),
	("bytes_behind_the_body", ok(body=b"hello!"), passed(reused=False, cuttable=False)),
	("bytes_behind_no_body", ok(b"Content-Length: 0\r\n", b"hello"), passed(b"", reused=False, cuttable=False)),
	("a_second_response", ok() + ok(body=b"evil!"), passed(reused=False, cuttable=False)),
	("a_second_bad_response", ok() + b"HTTP/1.1 200 \0\r\n\r\n", passed(reused=False, cuttable=False)),
	("body_too_short", ok(body=b"hell"), broken_off()),
	("no_body", ok(body=b""), broken_off()),
	("body_too_short_and_reset", ok(body=b"hell"), broken_off(then="resets")),
	("until_the_close", ok(b"", b"hello"), passed(fields=CODED, reused=False, then="closes")),
	("until_the_close_empty", ok(b"", b""), passed(b"", fields=CODED, reused=False, then="closes")),
	("until_the_close_and_reset", ok(b"", b"hello"), broken_off(then="resets")),
	("head_with_length", ok(body=b""), passed(b"", fields=FIVE, method="HEAD")),
	("head_with_coding", coded(b""), passed(b"", fields=b"", method="HEAD")),
	("head_with_neither", ok(b"", b""), passed(b"", fields=b"", method="HEAD")),
	("head_with_a_body", ok(), passed(b"", method="HEAD", reused=False, cuttable=False)),
	("head_with_both", ok(FIVE + CODED, b""), bad(h1.BOTH, method="HEAD")),
	("head_with_bad_length", ok(b"Content-Length: x\r\n", b""), bad(h1.LENGTH, method="HEAD")),
	("no_content", head(b"HTTP/1.1 204 No Content", b"", b""), passed(b"", 204, fields=b"")),
	("no_content_with_length", head(b"HTTP/1.1 204 No Content", b"Content-Length: 0\r\n", b""), passed(b"", 204, fields=b"")),
	("no_content_with_a_body", head(b"HTTP/1.1 204 No Content"), passed(b"", 204, fields=b"", reused=False, cuttable=False)),
	("no_content_with_chunks", head(b"HTTP/1.1 204 No Content", CODED, b"0\r\n\r\n"), passed(b"", 204, fields=b"", reused=False, cuttable=False)),
	("no_content_with_both", head(b"HTTP/1.1 204 No Content", CODED + FIVE, b""), bad(h1.BOTH)),
	("not_modified", head(b"HTTP/1.1 304 Not Modified", b"ETag: \"x\"\r\n", b""), passed(b"", 304, fields=b"ETag: \"x\"\r\n")),
	("not_modified_with_length", head(b"HTTP/1.1 304 Not Modified", FIVE, b""), passed(b"", 304, fields=FIVE)),
	("not_modified_with_a_body", head(b"HTTP/1.1 304 Not Modified"), passed(b"", 304, fields=FIVE, reused=False, cuttable=False)),
	("http_1_0_with_length", b"HTTP/1.0 200 OK\r\n" + FIVE + b"\r\nhello", passed(fields=FIVE, reused=False)),
	("http_1_0_keep_alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + FIVE + b"\r\nhello", passed(fields=FIVE)),
	("http_1_0_until_the_close", b"HTTP/1.0 200 OK\r\n\r\nhello", passed(fields=CODED, reused=False, then="closes")),
)

CHUNKS = section(
	"9112", "7.1",
	("chunked", size(b"5"), passed(fields=CODED)),
	("many", coded(b"".join(b"%x\r\n%s\r\n" % (n, b"x" * n) for n in range(1, 60)) + b"0\r\n\r\n"), passed(b"x" * (60 * 59 // 2))),
	("extension", size(b'5;a="b c"'), passed()),
	("empty_size", size(b""), cut(h1.CHUNK_SIZE)),
	("no_digit", size(b"g"), cut(h1.CHUNK_SIZE)),
	("prefix_0x", size(b"0x5"), cut(h1.CHUNK_SIZE)),
	("minus", size(b"-5"), cut(h1.CHUNK_SIZE)),
	("space_before", size(b" 5"), cut(h1.CHUNK_SIZE)),
	("seventeen_digits", size(b"00000000000000005"), cut(h1.CHUNK_LONG)),
	("above_2_63", size(b"8000000000000000"), cut(h1.CHUNK_LONG)),
	("above_2_64", size(b"10000000000000005"), cut(h1.CHUNK_LONG)),
	("size_ends_in_lf", size(b"5\nhello"), cut(h1.BARE_LF)),
	("size_ends_in_cr", coded(b"5\rhello\r\n0\r\n\r\n"), cut(h1.BARE_CR)),
	("data_ends_in_lf", coded(b"5\r\nhello\n0\r\n\r\n"), cut(h1.BARE_LF)),
	("data_longer_than_its_size", coded(b"5\r\nhello!\r\n0\r\n\r\n"), cut(h1.CHUNK_END)),
	("second_chunk_bad", coded(b"5\r\nhello\r\nxyz\r\n"), cut(h1.CHUNK_SIZE)),
	("bad_extension", size(b"5;="), cut(h1.EXTENSION)),
	("space_behind_the_size", size(b"5 "), cut(h1.EXTENSION)),
	("endless_extension", size(b"5;a=" + b"b" * 20000), cut(h1.EXTENSION_LONG)),
	("no_last_chunk", coded(b"5\r\nhello\r\n"), broken_off()),
	("no_last_chunk_and_reset", coded(b"5\r\nhello\r\n"), broken_off(then="resets")),
	("half_a_chunk", coded(b"5\r\nhel"), broken_off()),
	("half_a_size", coded(b"5"), broken_off()),
	("half_a_last_chunk", coded(b"5\r\nhello\r\n0\r\n"), broken_off()),
	("bytes_behind_the_last_chunk", size(b"5") + b"x", passed(reused=False, cuttable=False)),
	("a_response_behind_the_last_chunk", size(b"5") + ok(), passed(reused=False, cuttable=False)),
) + section(
	"9112", "7.1.2",
	("trailer", trailer(b"X-Sum: 1\r\n"), passed()),
	("no_colon", trailer(b"nonsense\r\n"), cut(h1.TRAILER)),
	("space_before_colon", trailer(b"X : 1\r\n"), cut(h1.TRAILER)),
	("folded", trailer(b"X: 1\r\n y\r\n"), cut(h1.TRAILER)),
	("bare_lf", trailer(b"X: 1\n"), cut(h1.BARE_LF)),
	("control_byte", trailer(b"X: \0\r\n"), cut(h1.TRAILER)),
	("endless", trailer(b"A: bbbbbbbb\r\n" * 1000), cut(h1.TRAILER_LARGE)),
	("content_length", trailer(b"Content-Length: 5\r\n"), cut(h1.TRAILER)),
	("transfer_encoding", trailer(b"Transfer-Encoding: chunked\r\n"), cut(h1.TRAILER)),
	("set_cookie", trailer(b"Set-Cookie: a=1\r\n"), cut(h1.TRAILER)),
)

ENDINGS = section(
	"9112", "8",
	("no_response", b"", lost()),
	("no_response_and_reset", b"", lost(then="resets")),
	("half_a_status_line", b"HTTP/1.1 2", lost()),
	("half_a_head", OK + b"Content-Le", lost()),
	("half_a_head_and_reset", OK + b"Content-Le", lost(then="resets")),
	("head_without_its_empty_line", OK + FIVE, lost()),
) + section(
	"9112", "9.3",
	("close", ok(b"Connection: close\r\n" + FIVE), passed(fields=FIVE, reused=False)),
	("close_in_a_list", ok(b"Connection: x, CLOSE\r\n" + FIVE), passed(fields=FIVE, reused=False)),
	("keep_alive_and_close", ok(b"Connection: keep-alive\r\nConnection: close\r\n" + FIVE), passed(fields=FIVE, reused=False)),
	("closes_without_a_word", ok(), passed(reused=False, then="closes")),
	("resets_behind_the_response", ok(), passed(reused=False, then="resets")),
)

EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
SEMANTICS = section(
	"9110", "7.6.1",
	("named_field_is_dropped", ok(b"Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\n" + FIVE), passed(fields=b"X-B: 2\r\n" + FIVE)),
	("length_can_not_be_named", ok(b"Connection: Content-Length\r\n" + FIVE), passed(fields=FIVE)),
	("cookie_can_not_be_named", ok(b"Connection: Set-Cookie\r\nSet-Cookie: a=1\r\n" + FIVE), passed(fields=b"Set-Cookie: a=1\r\n" + FIVE)),
	("keep_alive_is_dropped", ok(b"Keep-Alive: timeout=5\r\n" + FIVE), passed(fields=FIVE)),
	("proxy_connection_is_dropped", ok(b"Proxy-Connection: keep-alive\r\n" + FIVE), passed(fields=FIVE)),
	("proxy_authenticate_is_dropped", ok(b"Proxy-Authenticate: Basic\r\n" + FIVE), passed(fields=FIVE)),
	("upgrade_is_dropped", ok(b"Connection: upgrade\r\nUpgrade: h2c\r\n" + FIVE), passed(fields=FIVE)),
	("thirty_three_options", ok(b"Connection: " + b",".join(b"x%d" % i for i in range(33)) + b"\r\n" + FIVE), bad(h1.CONNECTION)),
) + section(
	"9110", "15.2",
	("continue_unasked", b"HTTP/1.1 100 Continue\r\n\r\n" + ok(), passed(interim=(100,))),
	("early_hints", EARLY + ok(), passed(interim=(103,))),
	("unknown_interim", head(b"HTTP/1.1 199 Odd", b"", b"") + ok(), passed(interim=(199,))),
	("sixteen", EARLY * 16 + ok(), passed(interim=(103,) * 16)),
	("seventeen", EARLY * 17 + ok(), bad(STATUS, interim=(103,) * 16)),
	("endless", EARLY * 2000, bad(STATUS, interim=(103,) * 16)),
	("interim_and_nothing", EARLY, lost(interim=(103,))),
	("interim_and_bad", EARLY + head(b"HTTP/1.1 2 OK"), bad(STATUS_LINE, interim=(103,))),
	("interim_with_a_body", head(b"HTTP/1.1 100 Continue", FIVE, b"hello") + ok(), bad(STATUS_LINE, interim=(100,))),
	("interim_with_both", head(b"HTTP/1.1 100 Continue", FIVE + CODED, b"") + ok(), bad(h1.BOTH)),
	("interim_in_http_1_0", b"HTTP/1.0 100 Continue\r\n\r\n" + ok(), passed(interim=(100,))),
	("interim_closes", head(b"HTTP/1.1 103 Early Hints", b"Connection: close\r\n", b"") + ok(), passed(interim=(103,))),
) + section(
	"9110", "15.2.2",
	("switching_unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", bad(STATUS)),
	("switching_without_upgrade", b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + ok(), bad(STATUS)),
	("switching_behind_early_hints", EARLY + b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", bad(STATUS, interim=(103,))),
	("switching_for_head", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", bad(STATUS, method="HEAD")),
)

CASES = STATUS_LINES + FIELDS + FRAMING + CHUNKS + ENDINGS + SEMANTICS
