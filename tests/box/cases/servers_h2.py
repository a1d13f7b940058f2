# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/2 servers that misbehave: frames as an answer to the request on stream n, and what the client gets for them."""
import dataclasses
import typing

from cases import h1, h2
from cases.servers import STATUS, bad, broken_off, cut, lost, passed
from http2 import *  # noqa: F403


def lines(fields, has_body):
	"""As an HTTP/1.1 client gets them."""
	text = "".join(f"{n}: {v}\r\n" for n, v in fields).encode("latin-1")
	return text + (b"Transfer-Encoding: chunked\r\n" if has_body and b"content-length" not in text else b"")


@dataclasses.dataclass(eq=False)
class Case:
	"""As that of cases/servers.py; `make(n)` gives the frames."""
	rfc: str
	section: str
	name: str
	make: typing.Callable
	status: int
	end: str
	fault: str = None
	body: bytes = b""
	fields: list = None
	interim: tuple = ()
	reused: bool = True
	then: str = "waits"
	method: str = "GET"
	logged: int = 0
	cuttable: bool = True

	@property
	def label(self):
		return f"rfc{self.rfc}_{self.section.replace('.', '_')}_{self.name}"


def section(number, *rows, rfc="9113"):
	return [Case(rfc, number, name, make, **want) for name, make, want in rows]


def malformed(fault, **more):
	"""A stream error: the connection serves on."""
	return bad(fault, **{"reused": True, **more})


def torn(fault, **more):
	return cut(fault, **{"reused": True, **more})


def gone(**more):
	"""A connection error: nothing of it was passed on."""
	return lost(**{"then": "waits", **more})


S200 = (":status", "200")
FIVE = ("content-length", "5")


def head(n, *fields, flags=END_HEADERS):
	return headers(n, list(fields), flags)


def ok(n, *fields):
	return head(n, S200, *fields) + data(n, b"hello")


def field(name, value):
	return lambda n: ok(n, (name, value))


def status(value):
	return lambda n: head(n, (":status", value)) + data(n, b"hello")


def behind(*frames):
	"""A good answer, whose first byte of body the frames follow."""
	return lambda n: head(n, S200) + data(n, b"h", 0) + b"".join(f(n) if callable(f) else f for f in frames)


def early(n):
	return head(n, (":status", "103"), ("link", "</a>"))


MESSAGES = section(
	"8.1",
	("answer", ok, passed(fields=[])),
	("answer_with_length", lambda n: ok(n, FIVE), passed(fields=[FIVE])),
	("answer_without_body", lambda n: head(n, S200, flags=END_HEADERS | END_STREAM), passed(b"")),
	("no_content", lambda n: head(n, (":status", "204"), flags=END_HEADERS | END_STREAM), passed(b"", 204, fields=[])),
	("not_modified_with_length", lambda n: head(n, (":status", "304"), FIVE, flags=END_HEADERS | END_STREAM), passed(b"", 304, fields=[FIVE])),
	("head", lambda n: head(n, S200, FIVE, flags=END_HEADERS | END_STREAM), passed(b"", fields=[FIVE], method="HEAD")),
	("many_pieces", lambda n: head(n, S200) + b"".join(data(n, b"%d" % i, 0) for i in range(10)) + data(n), passed(b"0123456789")),
	("padding", lambda n: head(n, S200) + frame(DATA, PADDED | END_STREAM, n, padded(b"hello", 9)), passed()),
	("trailers", lambda n: head(n, S200) + data(n, b"hello", 0) + headers(n, [("x-sum", "1")]), passed()),
	("early_hints", lambda n: early(n) + ok(n), passed(interim=(103,))),
	("sixteen_interim", lambda n: early(n) * 16 + ok(n), passed(interim=(103,) * 16)),
	("seventeen_interim", lambda n: early(n) * 17 + ok(n), malformed(STATUS, interim=(103,) * 16)),
	("interim_that_ends", lambda n: head(n, (":status", "103"), flags=END_HEADERS | END_STREAM), malformed(STATUS)),
	("switching", lambda n: head(n, (":status", "101")) + data(n, b"x"), malformed(STATUS)),
	("data_before_the_head", lambda n: data(n, b"hello"), gone()),
	("trailers_that_do_not_end", behind(lambda n: head(n, ("x-sum", "1"))), torn(h2.NOT_LAST)),
	("status_in_trailers", behind(lambda n: headers(n, [S200])), torn(h2.PSEUDO_UNKNOWN)),
	("upper_case_in_trailers", behind(lambda n: headers(n, [("X", "1")])), torn(h2.UPPER_CASE)),
	("crlf_in_trailers", behind(lambda n: headers(n, [("x", "a\r\nb: c")])), torn(h1.VALUE)),
	("framing_in_trailers", behind(lambda n: headers(n, [("content-length", "5")])), torn(h1.TRAILER)),
	("no_error_behind_the_answer", lambda n: ok(n) + rst(n, 0), passed()),
) + section(
	"8.1.1",
	("body_longer_than_its_length", lambda n: ok(n, ("content-length", "4")), torn(h2.LENGTH_WRONG, cuttable=False)),
	("body_shorter_than_its_length", lambda n: ok(n, ("content-length", "6")), torn(h2.LENGTH_WRONG)),
	("no_body_but_a_length", lambda n: head(n, S200, FIVE, flags=END_HEADERS | END_STREAM), malformed(h2.LENGTH_WRONG)),
	("two_lengths", lambda n: ok(n, FIVE, FIVE), malformed(h1.LENGTHS)),
	("signed_length", field("content-length", "+5"), malformed(h1.LENGTH)),
	("list_of_lengths", field("content-length", "5, 5"), malformed(h1.LENGTH)),
	("no_content_with_a_body", lambda n: head(n, (":status", "204")) + data(n, b"hello"), passed(b"", 204)),
)

FIELDS = section(
	"8.2.1",
	("upper_case", field("X", "1"), malformed(h2.UPPER_CASE)),
	("empty_name", field("", "1"), malformed(h1.NAME)),
	("space_in_the_name", field("x y", "1"), malformed(h1.NAME)),
	("colon_in_the_name", field("x:y", "1"), malformed(h1.NAME)),
	("crlf_in_the_name", field("x: 1\r\nset-cookie", "a"), malformed(h1.NAME)),
	("crlf_in_the_value", field("x", "a\r\nset-cookie: a"), malformed(h1.VALUE)),
	("lf_in_the_value", field("x", "a\nset-cookie: a"), malformed(h1.VALUE)),
	("cr_in_the_value", field("x", "a\rb"), malformed(h1.VALUE)),
	("nul_in_the_value", field("x", "a\0b"), malformed(h1.VALUE)),
	("response_in_the_value", field("x", "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), malformed(h1.VALUE)),
	("obs_text", field("x", "\xe9"), passed(fields=[("x", "\xe9")])),
	("too_many", lambda n: headers(n, [S200] + [("a", "b")] * 1100, END_HEADERS) + data(n, b"hello"), malformed(h1.FIELDS_MANY)),
) + section(
	"8.2.2",
	("connection", field("connection", "close"), malformed(h2.SPECIFIC)),
	("keep_alive", field("keep-alive", "timeout=5"), malformed(h2.SPECIFIC)),
	("proxy_connection", field("proxy-connection", "close"), malformed(h2.SPECIFIC)),
	("transfer_encoding", field("transfer-encoding", "chunked"), malformed(h2.SPECIFIC)),
	("upgrade", field("upgrade", "x"), malformed(h2.SPECIFIC)),
) + section(
	"8.3.2",
	("no_status", lambda n: head(n, ("x", "y")) + data(n, b"hello"), malformed(h2.PSEUDO_MISSING)),
	("two_statuses", lambda n: ok(n, S200), malformed(h2.PSEUDO_REPEATED)),
	("status_behind_a_field", lambda n: head(n, ("x", "y"), S200) + data(n), malformed(h2.PSEUDO_LATE)),
	("path_in_a_response", field(":path", "/"), malformed(h2.PSEUDO_UNKNOWN)),
	("unknown", field(":x", "y"), malformed(h2.PSEUDO_UNKNOWN)),
	("two_digits", status("20"), malformed(STATUS)),
	("four_digits", status("2000"), malformed(STATUS)),
	("letters", status("2x0"), malformed(STATUS)),
	("with_reason", status("200 OK"), malformed(STATUS)),
	("crlf", status("200\r\nx: y"), malformed(STATUS)),
	("status_000", status("000"), malformed(STATUS)),
	("status_600", status("600"), malformed(STATUS)),
	("empty", status(""), malformed(STATUS)),
)

CONNECTIONS = section(
	"5.4.2",
	("reset_before_the_answer", lambda n: rst(n, 8), gone(reused=True)),
	("reset_behind_the_head", lambda n: head(n, S200) + rst(n, 2), broken_off(then="waits", reused=True)),
	("reset_in_the_body", behind(lambda n: rst(n, 2)), broken_off(then="waits", reused=True)),
	("closed_before_the_answer", lambda n: b"", lost()),
	("closed_in_a_frame", lambda n: head(n, S200)[:5], lost()),
	("closed_behind_the_head", lambda n: head(n, S200), broken_off()),
	("closed_in_the_body", behind(), broken_off()),
	("connection_reset_in_the_body", behind(), broken_off(then="resets")),
	("closed_behind_the_answer", ok, passed(reused=False, then="closes")),
) + section(
	"6.8",
	("goaway_before_the_answer", lambda n: goaway(n) + ok(n), passed(reused=False)),
	("goaway_with_an_error", lambda n: goaway(n, 2) + ok(n), passed(reused=False)),
	# Whole, so that no request is sent in between: that one would be a retry, of which there are none here.
	("goaway_behind_the_answer", lambda n: ok(n) + goaway(n), passed(reused=False, cuttable=False)),
) + section(
	"5.4.1",
	("http_1_instead", lambda n: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", gone()),
	("push_promise", lambda n: frame(PUSH_PROMISE, END_HEADERS, n, b"\0\0\0\2" + encode(request())), gone()),
	("headers_on_an_even_stream", lambda n: head(2, S200), gone()),
	("headers_on_an_idle_stream", lambda n: head(n + 100, S200), gone()),
	("headers_on_stream_0", lambda n: head(0, S200), gone()),
	("data_on_stream_0", lambda n: data(0, b"x"), gone()),
	("frame_too_large", lambda n: head(n, S200) + data(n, b"x" * 16385), broken_off(then="waits")),
	("padding_too_long", behind(lambda n: frame(DATA, PADDED, n, padded(b"", 3, 9))), broken_off(then="waits")),
	("ping_of_seven_bytes", lambda n: frame(PING, 0, 0, b"1234567"), gone()),
	("bad_settings", lambda n: settings((INITIAL_WINDOW_SIZE, 1 << 31)), gone()),
	("enable_push", lambda n: settings((ENABLE_PUSH, 1)), gone()),
	("window_update_of_0", lambda n: window_update(0), gone()),
	("window_above_2_31", lambda n: window_update(0x7fffffff), gone()),
	("bad_index", lambda n: headers(n, b"\x88\xff\xff\x7f"), gone()),
	("continuation_alone", lambda n: continuation(n, b"\x88"), gone()),
	("ping_in_a_block", lambda n: headers(n, b"\x88", 0) + ping() + continuation(n), gone()),
	("unknown_frame_is_ignored", lambda n: frame(0xbb, 0, n, b"x") + ok(n), passed()),
) + section(
	"10.5",
	("ping_flood", lambda n: ping() * 20000, gone()),
	("settings_flood", lambda n: settings() * 20000, gone()),
	("empty_data_flood", lambda n: head(n, S200) + data(n, b"", 0) * 20000, broken_off(then="waits")),
	("continuation_flood", lambda n: headers(n, b"\x88", 0) + continuation(n, literal("x", "y" * 1000), 0) * 1000, gone()),
	("head_too_large", lambda n: headers(n, b"\x88" + literal("x", "y" * 16000), 0) + b"".join(continuation(n, literal("x", "y" * 16000), 0) for _ in range(5))
	 + continuation(n) + data(n, b"hello"), malformed(h1.HEAD_LARGE)),
)

CASES = MESSAGES + FIELDS + CONNECTIONS
