# SPDX-License-Identifier: BSD-2-Clause
"""RFC 9113 (and 7541, 8441) towards clients: frames in raw bytes, and what must come of each stream and of the connection."""
import dataclasses

from cases import h1
from http2 import *  # noqa: F403

PSEUDO_UNKNOWN = "pseudo-header field that has no place here"
PSEUDO_LATE = "pseudo-header field behind another field"
PSEUDO_REPEATED = "repeated pseudo-header field"
PSEUDO_MISSING = "missing pseudo-header field"
PSEUDO_FORBIDDEN = "pseudo-header field that the method does not allow"
UPPER_CASE = "upper-case letter in a field name"
SPECIFIC = "connection-specific field in HTTP/2"
SCHEME = "the scheme is neither http nor https"
DIFFER = ":authority and Host differ"
LENGTH_WRONG = "Content-Length differs from the body"
NOT_LAST = "trailers that do not end the message"


@dataclasses.dataclass(eq=False)
class Case:
	"""`sent`: behind the preface, SETTINGS included. `streams`: id -> status, or the error codes of a reset, one of which it is. `error`:
	None: the connection lives on and serves another request; else the codes of GOAWAY, one of which it is. `got`: what origins see.
	`log`: (status, end, fault) of each record, in any order. `to_h2`: what an HTTP/2 server sees, where it sees more. `cuttable`: False
	when a request is whole, and may be answered, before the bytes that malform it."""
	section: str
	name: str
	sent: bytes
	streams: dict
	error: tuple
	got: list
	log: list
	rfc: str = "9113"
	cuttable: bool = True
	to_h2: list = None

	@property
	def label(self):
		return f"rfc{self.rfc}_{self.section.replace('.', '_')}_{self.name}"


def served(*got, streams=(1,)):
	"""Every stream gets its 200; without `got` the origin sees plain GETs."""
	got = list(got) or [plain()] * len(streams)
	return {"streams": {s: 200 for s in streams}, "error": None, "got": got, "log": [(200, "complete", None)] * len(got)}


def refused(fault, status=400):
	"""A malformed request: its stream gets a refusal, the connection lives on, the origin sees nothing."""
	return {"streams": {1: status}, "error": None, "got": [], "log": [(status, "bad_request", fault)]}


def cut(fault):
	"""Malformed in its body: a refusal or a reset, and nothing whole at the origin."""
	return refused(fault)


def reset(*codes, log=()):
	return {"streams": {1: codes}, "error": None, "got": [], "log": list(log)}


def ended(*codes, log=()):
	"""The connection ends with GOAWAY."""
	return {"streams": {}, "error": codes, "got": [], "log": list(log)}


BROKEN = (0, "h2_error", None)  # the record of a request whose connection ended so


def plain(method="GET", target="/", host="app.test", fields=(), body=b"", trailers=()):
	return Seen(method, target, host, list(fields), body, list(trailers))


def section(number, *rows, rfc="9113", first=settings()):
	return [Case(number, name, first + sent, rfc=rfc, **want) for name, sent, want in rows]


def get(*fields, stream=1, path="/"):
	return headers(stream, request("GET", path, "http", "app.test", *fields))


def post(*fields, stream=1):
	return headers(stream, request("POST", "/", "http", "app.test", *fields), END_HEADERS)


def pseudo(*fields):
	return headers(1, fields)


GET = get()
M, S, P, A = (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "app.test")
BLOCK = encode([M, S, P, A])

PREFACES = section(
	"3.4",
	("ping_before_settings", ping(), ended("PROTOCOL_ERROR")),
	("headers_before_settings", GET, ended("PROTOCOL_ERROR")),
	("settings_ack_before_settings", settings(flags=ACK), ended("PROTOCOL_ERROR")),
	("unknown_frame_before_settings", frame(0xbb, 0, 0, b"x"), ended("PROTOCOL_ERROR")),
	first=b"",
) + section(
	"3.4",
	("settings_and_request_at_once", GET, served()),
	("settings_twice", settings() + GET, served()),
)

FRAMES = section(
	"4.1",
	("unknown_type_is_ignored", frame(0xbb, 0xff, 0, b"whatever") + GET, served()),
	("unknown_type_on_a_stream", frame(0xbb, 0, 1, b"whatever") + GET, served()),
	("unknown_type_behind_the_request", GET + frame(0xfa, 0, 1), served()),
	("unknown_flags_are_ignored", headers(1, BLOCK, END_STREAM | END_HEADERS | 0xd2 & ~PADDED & ~PRIORITIZED) + ping(flags=0xfe), served()),
	("reserved_bit_is_ignored", headers(1 | 1 << 31, BLOCK), served()),
) + section(
	"4.2",
	("headers_too_large", headers(1, BLOCK + b"\0" * 16400), ended("FRAME_SIZE_ERROR")),
	("data_too_large", post() + data(1, b"x" * 16385), {**ended("FRAME_SIZE_ERROR", log=[BROKEN])}),
	("unknown_type_too_large", frame(0xbb, 0, 0, b"", length=16385) + b"x" * 16385, ended("FRAME_SIZE_ERROR")),
	("length_of_sixteen_mebibytes", frame(DATA, 0, 1, b"", length=0xffffff), ended("FRAME_SIZE_ERROR", "PROTOCOL_ERROR")),
	("data_at_the_limit", post() + data(1, b"x" * 16384), served(plain("POST", body=b"x" * 16384))),
	("settings_of_five_bytes", frame(SETTINGS, 0, 0, b"12345"), ended("FRAME_SIZE_ERROR")),
	("settings_of_seven_bytes", frame(SETTINGS, 0, 0, b"1234567"), ended("FRAME_SIZE_ERROR")),
	("ping_of_seven_bytes", frame(PING, 0, 0, b"1234567"), ended("FRAME_SIZE_ERROR")),
	("ping_of_nine_bytes", frame(PING, 0, 0, b"123456789"), ended("FRAME_SIZE_ERROR")),
	("empty_ping", frame(PING, 0, 0), ended("FRAME_SIZE_ERROR")),
	("rst_stream_of_three_bytes", post() + frame(RST_STREAM, 0, 1, b"123"), ended("FRAME_SIZE_ERROR", log=[BROKEN])),
	("rst_stream_of_five_bytes", post() + frame(RST_STREAM, 0, 1, b"12345"), ended("FRAME_SIZE_ERROR", log=[BROKEN])),
	("window_update_of_three_bytes", frame(WINDOW_UPDATE, 0, 0, b"123"), ended("FRAME_SIZE_ERROR")),
	("window_update_of_five_bytes", frame(WINDOW_UPDATE, 0, 0, b"12345"), ended("FRAME_SIZE_ERROR")),
	("goaway_of_seven_bytes", frame(GOAWAY, 0, 0, b"1234567"), ended("FRAME_SIZE_ERROR")),
	("headers_shorter_than_its_priority", frame(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, b"1234"), ended("FRAME_SIZE_ERROR")),
)

COMPRESSION = section(
	"2.3.3",
	("index_0", headers(1, BLOCK + b"\x80"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("index_beyond_the_tables", headers(1, BLOCK + b"\xbe"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("name_index_beyond_the_tables", headers(1, BLOCK + b"\x7f\0\1x"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("static_table", headers(1, b"\x82\x84\x86" + integer(1, 4) + text("app.test")), served()),
	("dynamic_table", headers(1, BLOCK + literal("x-a", "1", 0x40)) + headers(3, BLOCK + b"\xbe"),
	 served(plain(fields=[("x-a", "1")]), plain(fields=[("x-a", "1")]), streams=(1, 3))),
	rfc="7541",
) + section(
	"5.1",
	("integer_without_end", headers(1, BLOCK + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("integer_cut_off", headers(1, BLOCK + b"\xff"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("string_longer_than_the_block", headers(1, BLOCK + b"\0\3x-a\x7f1"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("name_without_value", headers(1, BLOCK + b"\0\3x-a"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	rfc="7541",
) + section(
	"5.2",
	("huffman", headers(1, BLOCK + b"\0" + integer(len(huffman(b"x-a")), 7, 0x80) + huffman(b"x-a") + integer(len(huffman(b"yes")), 7, 0x80)
	                    + huffman(b"yes")), served(plain(fields=[("x-a", "yes")]))),
	("huffman_with_the_end_mark", headers(1, BLOCK + b"\0\3x-a\x84\xff\xff\xff\xff"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("huffman_padded_with_zeros", headers(1, BLOCK + b"\0\3x-a\x81\x18"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("huffman_padded_with_a_byte", headers(1, BLOCK + b"\0\3x-a\x82\x1f\xff"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	rfc="7541",
) + section(
	"6.3",
	("table_size_update", headers(1, b"\x20" + BLOCK), served()),
	("table_size_above_what_was_allowed", headers(1, integer(4097, 5, 0x20) + BLOCK), ended("COMPRESSION_ERROR", log=[BROKEN])),
	("table_size_behind_a_field", headers(1, BLOCK + b"\x20"), ended("COMPRESSION_ERROR", log=[BROKEN])),
	rfc="7541",
)

STREAMS = section(
	"5.1",
	("data_on_an_idle_stream", data(1, b"x"), ended("PROTOCOL_ERROR")),
	("rst_stream_on_an_idle_stream", rst(1), ended("PROTOCOL_ERROR")),
	("window_update_on_an_idle_stream", window_update(1, 1), ended("PROTOCOL_ERROR")),
	("continuation_on_an_idle_stream", continuation(1, BLOCK), ended("PROTOCOL_ERROR")),
	("priority_on_an_idle_stream", frame(PRIORITY, 0, 1, b"\0\0\0\0\1") + GET, served()),
	("rst_stream_of_a_request", post() + rst(1), {"streams": {}, "error": None, "got": [], "log": [(0, "client_abort", None)]}),
	("window_update_on_a_reset_stream", post() + rst(1) + window_update(1, 1), {"streams": {}, "error": None, "got": [], "log": [(0, "client_abort", None)]}),
	("rst_stream_on_a_reset_stream", post() + rst(1) + rst(1), {"streams": {}, "error": None, "got": [], "log": [(0, "client_abort", None)]}),
	("priority_on_a_reset_stream", post() + rst(1) + frame(PRIORITY, 0, 1, b"\0\0\0\0\1"), {"streams": {}, "error": None, "got": [], "log": [(0, "client_abort", None)]}),
) + section(
	"5.1.1",
	("even_stream", headers(2, BLOCK), ended("PROTOCOL_ERROR")),
	("stream_0", headers(0, BLOCK), ended("PROTOCOL_ERROR")),
	("large_stream", headers(0x7ffffffd - 1000 * 2, BLOCK), served(streams=(0x7ffffffd - 2000,))),
	("skipped_streams", get(stream=5) + get(stream=9), served(plain(), plain(), streams=(5, 9))),
	# Skipped streams count as closed, and what comes on closed ones is dropped (5.1): nghttp2 does not tell them from streams that it
	# has just reset, of which frames may be under way.
	("lower_stream_is_closed", get(stream=5) + get(stream=3), served(streams=(5,))),
	("data_on_a_lower_stream", get(stream=5) + data(3, b"x"), served(streams=(5,))),
)

PADDING = section(
	"6.1",
	("data_on_stream_0", data(0, b"x"), ended("PROTOCOL_ERROR")),
	("padding", post() + frame(DATA, END_STREAM | PADDED, 1, padded(b"hello", 9)), served(plain("POST", body=b"hello"))),
	("padding_of_no_bytes", post() + frame(DATA, END_STREAM | PADDED, 1, padded(b"hello", 0)), served(plain("POST", body=b"hello"))),
	("padding_alone", post() + frame(DATA, END_STREAM | PADDED, 1, padded(b"", 9)), served(plain("POST"))),
	("padding_as_long_as_the_frame", post() + frame(DATA, END_STREAM | PADDED, 1, padded(b"", 4, 5)), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("padding_longer_than_the_frame", post() + frame(DATA, END_STREAM | PADDED, 1, padded(b"hello", 1, 100)), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("padded_without_a_byte", post() + frame(DATA, END_STREAM | PADDED, 1), ended("FRAME_SIZE_ERROR", "PROTOCOL_ERROR", log=[BROKEN])),
	("empty_data_in_between", post() + data(1, b"he", 0) + data(1, b"", 0) + data(1, b"llo", 0) + data(1), served(plain("POST", body=b"hello"))),
) + section(
	"6.2",
	("padding", headers(1, padded(BLOCK, 20), END_STREAM | END_HEADERS | PADDED), served()),
	("padding_longer_than_the_frame", headers(1, padded(BLOCK, 1, 255), END_STREAM | END_HEADERS | PADDED), ended("PROTOCOL_ERROR")),
	("priority", headers(1, b"\0\0\0\0\x0f" + BLOCK, END_STREAM | END_HEADERS | PRIORITIZED), served()),
	("padding_and_priority", headers(1, padded(b"\0\0\0\3\x0f" + BLOCK, 3), END_STREAM | END_HEADERS | PRIORITIZED | PADDED), served()),
)

CONTROL = section(
	"6.3",
	("priority_on_stream_0", frame(PRIORITY, 0, 0, b"\0\0\0\1\1"), ended("PROTOCOL_ERROR")),
	("priority_is_ignored", GET + frame(PRIORITY, 0, 1, b"\0\0\0\7\xff"), served()),
	("exclusive_priority_is_ignored", frame(PRIORITY, 0, 1, b"\x80\0\0\3\xff") + GET, served()),
) + section(
	"6.4",
	("rst_stream_on_stream_0", rst(0), ended("PROTOCOL_ERROR")),
	("unknown_error_code", post() + rst(1, 0xdeadbeef), {"streams": {}, "error": None, "got": [], "log": [(0, "client_abort", None)]}),
) + section(
	"6.5",
	("settings_on_a_stream", settings(stream=1), ended("PROTOCOL_ERROR")),
	("settings_ack_with_payload", settings((3, 1), flags=ACK), ended("FRAME_SIZE_ERROR")),
	("unknown_setting_is_ignored", settings((0xbaba, 7)) + GET, served()),
	("settings_repeated", settings(*[(INITIAL_WINDOW_SIZE, n) for n in (1, 2, 70000)]) + GET, served()),
) + section(
	"6.5.2",
	("enable_push_2", settings((ENABLE_PUSH, 2)), ended("PROTOCOL_ERROR")),
	("initial_window_above_2_31", settings((INITIAL_WINDOW_SIZE, 1 << 31)), ended("FLOW_CONTROL_ERROR")),
	("max_frame_size_below_16384", settings((MAX_FRAME_SIZE, 16383)), ended("PROTOCOL_ERROR")),
	("max_frame_size_above_2_24", settings((MAX_FRAME_SIZE, 1 << 24)), ended("PROTOCOL_ERROR")),
	("no_priorities_2", settings((NO_RFC7540_PRIORITIES, 2)), ended("PROTOCOL_ERROR")),
	("all_that_is_allowed", settings((HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (MAX_CONCURRENT_STREAMS, 0), (INITIAL_WINDOW_SIZE, 0x7fffffff),
	                                 (MAX_FRAME_SIZE, 0xffffff), (MAX_HEADER_LIST_SIZE, 1 << 20)) + GET, served()),
) + section(
	"6.6",
	("push_promise_of_a_client", frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + BLOCK), ended("PROTOCOL_ERROR")),
	("push_promise_on_an_open_stream", post() + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + BLOCK), ended("PROTOCOL_ERROR", log=[BROKEN])),
) + section(
	"6.7",
	("ping_on_a_stream", ping(stream=1), ended("PROTOCOL_ERROR")),
	("ping_answer_unasked", ping(flags=ACK) + GET, served()),
	("ping_before_the_request", ping() + GET, served()),
) + section(
	"6.8",
	("goaway_on_a_stream", goaway(stream=1), ended("PROTOCOL_ERROR")),
) + section(
	"6.9",
	("window_update_of_0_on_the_connection", window_update(0), ended("PROTOCOL_ERROR")),
	# A stream error may be made one of the connection (5.4.1).
	("window_update_of_0_on_a_stream", post() + window_update(0, 1), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("reserved_bit_of_an_increment", window_update(1 | 1 << 31) + GET, served()),
) + section(
	"6.9.1",
	("window_above_2_31_on_the_connection", window_update(0x7fffffff), ended("FLOW_CONTROL_ERROR")),
	("window_above_2_31_on_a_stream", post() + window_update(0x7fffffff, 1), reset("FLOW_CONTROL_ERROR", log=[(0, "client_abort", None)])),
	("window_at_2_31_on_the_connection", window_update(0x7fffffff - 65535) + GET, served()),
) + section(
	"6.9.2",
	# The RFC ends the connection, nghttp2 the stream: what was sent on it stays within the window that it had.
	("initial_window_lifts_a_window_above_2_31", post() + window_update(0x7fff0000 - 65535, 1) + settings((INITIAL_WINDOW_SIZE, 0x7fffffff)),
	 reset("FLOW_CONTROL_ERROR", log=[(0, "client_abort", None)])),
)

HALVES = BLOCK[:20], BLOCK[20:]
OPEN = headers(1, HALVES[0], END_STREAM)
CONTINUATIONS = section(
	"6.10",
	("continuation", OPEN + continuation(1, HALVES[1]), served()),
	("eight_continuations", headers(1, b"", END_STREAM) + b"".join(continuation(1, BLOCK[i:i + 9], 0) for i in range(0, len(BLOCK), 9))
	 + continuation(1), {**served(), "cuttable": False}),  # nghttp2 allows eight, and counts one again for each read that cuts its frame header
	("too_many_continuations", headers(1, b"", END_STREAM) + b"".join(continuation(1, BLOCK[i:i + 1], 0) for i in range(len(BLOCK)))
	 + continuation(1), ended("ENHANCE_YOUR_CALM", log=[BROKEN])),
	("continuation_without_headers", continuation(1, BLOCK), ended("PROTOCOL_ERROR")),
	("continuation_behind_the_end", post() + continuation(1, b""), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("continuation_on_stream_0", OPEN + continuation(0, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("continuation_of_another_stream", OPEN + continuation(3, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("data_in_between", OPEN + data(1, b"x") + continuation(1, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("ping_in_between", OPEN + ping() + continuation(1, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("settings_in_between", OPEN + settings() + continuation(1, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("window_update_in_between", OPEN + window_update(1) + continuation(1, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("rst_stream_in_between", OPEN + rst(1), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("headers_of_another_stream_in_between", OPEN + get(stream=3), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("headers_again", OPEN + headers(1, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
	("unknown_frame_in_between", OPEN + frame(0xbb, 0, 1) + continuation(1, HALVES[1]), ended("PROTOCOL_ERROR", log=[BROKEN])),
)

MESSAGES = section(
	"8.1",
	("body", post() + data(1, b"hello"), served(plain("POST", body=b"hello"))),
	("body_in_pieces", post() + b"".join(data(1, b"%d" % i, 0) for i in range(10)) + data(1), served(plain("POST", body=b"0123456789"))),
	("trailers", post() + data(1, b"hello", 0) + headers(1, [("x-sum", "1"), ("x-b", "2")]),
	 served(plain("POST", body=b"hello", trailers=[("x-sum", "1"), ("x-b", "2")]))),
	("trailers_without_body", post() + headers(1, [("x-sum", "1")]), served(plain("POST", trailers=[("x-sum", "1")]))),
	("trailers_that_do_not_end", post() + data(1, b"hello", 0) + headers(1, [("x-sum", "1")], END_HEADERS), cut(NOT_LAST)),
	("pseudo_field_in_trailers", post() + data(1, b"hello", 0) + headers(1, [(":path", "/x")]), cut(PSEUDO_UNKNOWN)),
	("status_in_trailers", post() + data(1, b"hello", 0) + headers(1, [(":status", "200")]), cut(PSEUDO_UNKNOWN)),
	("upper_case_in_trailers", post() + data(1, b"hello", 0) + headers(1, [("X-Sum", "1")]), cut(UPPER_CASE)),
	("control_byte_in_trailers", post() + data(1, b"hello", 0) + headers(1, [("x-sum", "a\r\nb: c")]), cut(h1.VALUE)),
	("framing_in_trailers", post() + data(1, b"hello", 0) + headers(1, [("content-length", "5")]), cut(h1.TRAILER)),
	("connection_in_trailers", post() + data(1, b"hello", 0) + headers(1, [("connection", "close")]), cut(SPECIFIC)),
) + section(
	"8.1.1",
	("content_length", post(("content-length", "5")) + data(1, b"hello"), served(plain("POST", body=b"hello"))),
	("content_length_in_pieces", post(("content-length", "5")) + data(1, b"hel", 0) + data(1, b"lo", 0) + data(1), served(plain("POST", body=b"hello"))),
	("content_length_and_trailers", post(("content-length", "5")) + data(1, b"hello", 0) + headers(1, [("x-sum", "1")]),
	 {**served(plain("POST", body=b"hello")), "to_h2": [plain("POST", body=b"hello", trailers=[("x-sum", "1")])]}),
	("body_longer_than_its_length", post(("content-length", "4")) + data(1, b"hello"), {**cut(LENGTH_WRONG), "cuttable": False}),
	("body_shorter_than_its_length", post(("content-length", "6")) + data(1, b"hello"), cut(LENGTH_WRONG)),
	("no_body_but_a_length", get(("content-length", "5")), refused(LENGTH_WRONG)),
	("empty_data_but_a_length", post(("content-length", "5")) + data(1), cut(LENGTH_WRONG)),
	("trailers_instead_of_the_length", post(("content-length", "5")) + headers(1, [("x", "y")]), cut(LENGTH_WRONG)),
	("body_but_a_length_of_0", post(("content-length", "0")) + data(1, b"hello"), {**cut(LENGTH_WRONG), "cuttable": False}),
	("length_of_0_without_body", get(("content-length", "0")), served(plain())),
	("length_of_0_and_empty_data", post(("content-length", "0")) + data(1), served(plain("POST"))),
	("two_lengths", post(("content-length", "5"), ("content-length", "5")), refused(h1.LENGTHS)),
	("signed_length", post(("content-length", "+5")), refused(h1.LENGTH)),
	("list_of_lengths", post(("content-length", "5,5")), refused(h1.LENGTH)),
)

FIELDS = section(
	"8.2.1",
	("upper_case", get(("X-a", "1")), refused(UPPER_CASE)),
	("upper_case_last", get(("x-A", "1")), refused(UPPER_CASE)),
	("upper_case_known_name", get(("Cookie", "1")), refused(UPPER_CASE)),
	("empty_name", get(("", "1")), refused(h1.NAME)),
	("space_in_the_name", get(("x a", "1")), refused(h1.NAME)),
	("space_behind_the_name", get(("transfer-encoding ", "chunked")), refused(h1.NAME)),
	("colon_in_the_name", get(("x:a", "1")), refused(h1.NAME)),
	("crlf_in_the_name", get(("x\r\ny", "1")), refused(h1.NAME)),
	("lf_in_the_name", get(("x\n", "1")), refused(h1.NAME)),
	("nul_in_the_name", get(("x\0", "1")), refused(h1.NAME)),
	("delete_in_the_name", get(("x\x7f", "1")), refused(h1.NAME)),
	("not_ascii_in_the_name", get(("x\xe9", "1")), refused(h1.NAME)),
	("request_in_the_name", get(("x: 1\r\ntransfer-encoding", "chunked")), refused(h1.NAME)),
	("nul_in_the_value", get(("x", "a\0b")), refused(h1.VALUE)),
	("cr_in_the_value", get(("x", "a\rb")), refused(h1.VALUE)),
	("lf_in_the_value", get(("x", "a\nb")), refused(h1.VALUE)),
	("crlf_in_the_value", get(("x", "a\r\nhost: evil")), refused(h1.VALUE)),
	("request_in_the_value", get(("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: app.test\r\n\r\n")), refused(h1.VALUE)),
	("control_in_the_value", get(("x", "a\x01b")), refused(h1.VALUE)),
	("delete_in_the_value", get(("x", "a\x7fb")), refused(h1.VALUE)),
	("space_before_the_value", get(("x", " a")), refused(h1.VALUE)),
	("space_behind_the_value", get(("x", "a ")), refused(h1.VALUE)),
	("tab_before_the_value", get(("x", "\ta")), refused(h1.VALUE)),
	("obs_text_in_the_value", get(("x", "\x80\xe9\xff")), served(plain(fields=[("x", "\x80\xe9\xff")]))),
	("tab_in_the_value", get(("x", "a\tb")), served(plain(fields=[("x", "a\tb")]))),
	("empty_value", get(("x", "")), served(plain(fields=[("x", "")]))),
	("all_token_bytes", get(("x!#$%&'*+-.^_`|~9", "1")), served(plain(fields=[("x!#$%&'*+-.^_`|~9", "1")]))),
	("order_is_kept", get(("x", "1"), ("y", "2"), ("x", "3")), served(plain(fields=[("x", "1"), ("y", "2"), ("x", "3")]))),
	("never_indexed", headers(1, BLOCK + literal("authorization", "x", 0x10)), served(plain(fields=[("authorization", "x")]))),
) + section(
	"8.2.2",
	("connection", get(("connection", "close")), refused(SPECIFIC)),
	("connection_that_names_a_field", get(("connection", "x-a"), ("x-a", "1")), refused(SPECIFIC)),
	("keep_alive", get(("keep-alive", "timeout=5")), refused(SPECIFIC)),
	("proxy_connection", get(("proxy-connection", "close")), refused(SPECIFIC)),
	("transfer_encoding", post(("transfer-encoding", "chunked")), refused(SPECIFIC)),
	("transfer_encoding_and_length", post(("transfer-encoding", "chunked"), ("content-length", "5")), refused(SPECIFIC)),
	("upgrade", get(("upgrade", "websocket")), refused(SPECIFIC)),
	("te_of_trailers", get(("te", "trailers")), {**served(), "to_h2": [plain(fields=[("te", "trailers")])]}),
	("te_of_gzip", get(("te", "gzip")), refused(SPECIFIC)),
	("te_of_more_than_trailers", get(("te", "trailers, gzip")), refused(SPECIFIC)),
) + section(
	"8.2.3",
	("cookie_crumbs", get(("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")),
	 served(plain(fields=[("cookie", "a=1; b=2; c=3"), ("x", "y")]))),
	("one_cookie", get(("cookie", "a=1; b=2")), served(plain(fields=[("cookie", "a=1; b=2")]))),
)

PSEUDOS = section(
	"8.3",
	("unknown", pseudo(M, S, P, A, (":x", "y")), refused(PSEUDO_UNKNOWN)),
	("colon_alone", pseudo(M, S, P, A, (":", "y")), refused(PSEUDO_UNKNOWN)),
	("upper_case", pseudo(M, S, A, (":Path", "/")), refused(PSEUDO_UNKNOWN)),
	("status_in_a_request", pseudo(M, S, P, A, (":status", "200")), refused(PSEUDO_UNKNOWN)),
	("behind_another_field", pseudo(M, S, P, ("x", "y"), A), refused(PSEUDO_LATE)),
	("path_behind_another_field", pseudo(M, S, A, ("x", "y"), P), refused(PSEUDO_LATE)),
	("any_order", pseudo(A, P, S, M), served()),
) + section(
	"8.3.1",
	("no_method", pseudo(S, P, A), refused(PSEUDO_MISSING)),
	("no_scheme", pseudo(M, P, A), refused(PSEUDO_MISSING)),
	("no_path", pseudo(M, S, A), refused(PSEUDO_MISSING)),
	("nothing", pseudo(), refused(PSEUDO_MISSING)),
	("fields_alone", pseudo(("host", "app.test")), refused(PSEUDO_MISSING)),
	("two_methods", pseudo(M, S, P, A, M), refused(PSEUDO_REPEATED)),
	("two_schemes", pseudo(M, S, S, P, A), refused(PSEUDO_REPEATED)),
	("two_paths", pseudo(M, S, P, (":path", "/evil"), A), refused(PSEUDO_REPEATED)),
	("two_authorities", pseudo(M, S, P, A, A), refused(PSEUDO_REPEATED)),
	("neither_authority_nor_host", pseudo(M, S, P), refused(h1.HOST_MISSING)),
	("host_alone", pseudo(M, S, P, ("host", "app.test")), served()),
	("equal_host", get(("host", "app.test")), served()),
	("other_host", get(("host", "evil.test")), refused(DIFFER)),
	("two_hosts", get(("host", "app.test"), ("host", "app.test")), refused(h1.HOSTS)),
	("empty_authority", pseudo(M, S, P, (":authority", "")), refused(h1.HOST)),
	("user_in_the_authority", pseudo(M, S, P, (":authority", "u@app.test")), refused(h1.HOST)),
	("path_in_the_authority", pseudo(M, S, P, (":authority", "app.test/x")), refused(h1.HOST)),
	("crlf_in_the_authority", pseudo(M, S, P, (":authority", "app.test\r\nx: y")), refused(h1.HOST)),
	("space_in_the_authority", pseudo(M, S, P, (":authority", "app test")), refused(h1.HOST)),
	("odd_port", pseudo(M, S, P, (":authority", "app.test:x")), refused(h1.HOST)),
	("port", pseudo(M, S, P, (":authority", "app.test:8080")), served(plain(host="app.test:8080"))),
	("empty_method", pseudo((":method", ""), S, P, A), refused(h1.METHOD)),
	("space_in_the_method", pseudo((":method", "GET /x HTTP/1.1\r\nx:"), S, P, A), refused(h1.METHOD)),
	("control_in_the_method", pseudo((":method", "GE\0T"), S, P, A), refused(h1.METHOD)),
	("lower_case_method", pseudo((":method", "get"), S, P, A), served(plain("get"))),
	("empty_scheme", pseudo(M, (":scheme", ""), P, A), refused(SCHEME)),
	("other_scheme", pseudo(M, (":scheme", "ftp"), P, A), refused(SCHEME)),
	("crlf_in_the_scheme", pseudo(M, (":scheme", "http\r\nx"), P, A), refused(SCHEME)),
	("empty_path", pseudo(M, S, (":path", ""), A), refused(h1.TARGET)),
	("path_without_slash", pseudo(M, S, (":path", "x"), A), refused(h1.TARGET)),
	("absolute_path", pseudo(M, S, (":path", "http://evil.test/"), A), refused(h1.TARGET)),
	("asterisk", pseudo(M, S, (":path", "*"), A), refused(h1.TARGET)),
	("asterisk_for_options", pseudo((":method", "OPTIONS"), S, (":path", "*"), A), served(plain("OPTIONS", "*"))),
	("space_in_the_path", pseudo(M, S, (":path", "/ HTTP/1.1"), A), refused(h1.TARGET)),
	("crlf_in_the_path", pseudo(M, S, (":path", "/ HTTP/1.1\r\nx: y\r\n\r\n"), A), refused(h1.TARGET)),
	("nul_in_the_path", pseudo(M, S, (":path", "/\0"), A), refused(h1.TARGET)),
	("not_ascii_in_the_path", pseudo(M, S, (":path", "/\xe9"), A), refused(h1.TARGET)),
	("fragment_in_the_path", pseudo(M, S, (":path", "/#x"), A), refused(h1.TARGET)),
	("encoded_slash_in_the_path", pseudo(M, S, (":path", "/a%2fb"), A), refused(h1.PATH)),
	("dot_segments_in_the_path", pseudo(M, S, (":path", "/a/../b?c=d"), A), served(plain(target="/b?c=d"))),
	("long_path", get(path="/" + "a" * 1023), served(plain(target="/" + "a" * 1023))),
	("path_beyond_the_limit", get(path="/" + "a" * 1024), refused(h1.TARGET_LONG, 414)),
	("head", headers(1, request("HEAD")), served(plain("HEAD"))),
) + section(
	"10.5.1",
	("head_beyond_the_limit", get(("x", "a" * 5000)), refused(h1.HEAD_LARGE, 431)),
	("fields_beyond_the_limit", get(*[("a", "1")] * 30), refused(h1.FIELDS_MANY, 431)),
	("head_beyond_the_limit_by_the_table", headers(1, BLOCK + literal("x-a", "v" * 1000, 0x40) + b"\xbe" * 10), refused(h1.HEAD_LARGE, 431)),
) + section(
	"8.5",
	("connect", pseudo((":method", "CONNECT"), (":authority", "app.test:443")),
	 {"streams": {1: 405}, "error": None, "got": [], "log": [(405, "method_refused", None)]}),
	("connect_with_path", pseudo((":method", "CONNECT"), (":authority", "app.test:443"), P), refused(PSEUDO_FORBIDDEN)),
	("connect_with_scheme", pseudo((":method", "CONNECT"), (":authority", "app.test:443"), S), refused(PSEUDO_FORBIDDEN)),
	("connect_without_authority", pseudo((":method", "CONNECT")), refused(PSEUDO_MISSING)),
	("connect_without_port", pseudo((":method", "CONNECT"), (":authority", "app.test")), refused(h1.TARGET)),
) + section(
	"4",
	("protocol_without_connect", pseudo(M, S, P, A, (":protocol", "websocket")), refused(PSEUDO_FORBIDDEN)),
	("extended_connect_without_path", pseudo((":method", "CONNECT"), S, A, (":protocol", "websocket")), refused(PSEUDO_MISSING)),
	("two_protocols", pseudo((":method", "CONNECT"), S, P, A, (":protocol", "websocket"), (":protocol", "x")), refused(PSEUDO_REPEATED)),
	rfc="8441",
) + section(
	"10.1.1",
	("unknown_expectation", post(("expect", "tea")), refused(h1.EXPECTATION, 417)),
	rfc="9110",
)

MANY = section(
	"5.1.2",
	("many_streams", b"".join(get(stream=1 + 2 * i) for i in range(16)), served(*[plain()] * 16, streams=range(1, 33, 2))),
	("bodies_interleaved", post(stream=1) + post(stream=3) + data(1, b"a", 0) + data(3, b"b", 0) + data(1, b"c") + data(3, b"d"),
	 served(plain("POST", body=b"ac"), plain("POST", body=b"bd"), streams=(1, 3))),
	("good_and_malformed", get(stream=1) + headers(3, request("GET", "/", "http", "app.test", ("X", "y"))) + get(stream=5),
	 {"streams": {1: 200, 3: 400, 5: 200}, "error": None, "got": [plain()] * 2,
	  "log": [(200, "complete", None)] * 2 + [(400, "bad_request", UPPER_CASE)]}),
)

CASES = PREFACES + FRAMES + COMPRESSION + STREAMS + PADDING + CONTROL + CONTINUATIONS + MESSAGES + FIELDS + PSEUDOS + MANY
