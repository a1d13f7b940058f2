# SPDX-License-Identifier: BSD-2-Clause
"""RFC 9112 6 to 9 and what RFC 9110 adds: framing, chunked, connections, expectations, fields of one hop."""
from cases.h1 import *  # noqa: F403

HELLO = coded(b"5\r\nhello\r\n0\r\n\r\n")


def length(value, body=b"hello"):
	return post(b"Content-Length: %s\r\n" % value, body)


def coding(value, body=b"0\r\n\r\n"):
	return post(b"Transfer-Encoding: %s\r\n" % value, body)


def size(line):
	return coded(line + b"\r\nhello\r\n0\r\n\r\n")


def trailer(lines):
	return coded(b"5\r\nhello\r\n0\r\n" + lines + b"\r\n")


def trailer_named(name):
	return trailer(name + b": 5\r\n")


CODINGS = section(
	"9112", "6.1",
	("chunked", HELLO, served()),
	("chunked_in_mixed_case", coding(b"cHuNkEd"), served(got=coding(b"chunked"))),
	("name_in_upper_case", post(b"TRANSFER-ENCODING: chunked\r\n", b"0\r\n\r\n"), served(got=coding(b"chunked"))),
	("chunked_with_get", get(b"Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0\r\n\r\n", served()),
	("length_before_coding", post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), refused(400, BOTH)),
	("coding_before_length", post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"), refused(400, BOTH)),
	("coding_and_length_zero", post(b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", b"0\r\n\r\n"), refused(400, BOTH)),
	("two_codings", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), refused(400, CODING)),
	("two_codings_of_different_case", post(b"Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n", b"0\r\n\r\n"), refused(400, CODING)),
	("coding_twice_in_a_line", coding(b"chunked, chunked"), refused(400, CODING)),
	("chunked_not_last", coding(b"chunked, identity"), refused(400, CODING)),
	("identity", coding(b"identity"), refused(501, CODING_UNKNOWN)),
	("identity_before_chunked", coding(b"identity, chunked"), refused(501, CODING_UNKNOWN)),
	("gzip_before_chunked", coding(b"gzip, chunked"), refused(501, CODING_UNKNOWN)),
	("gzip", coding(b"gzip"), refused(501, CODING_UNKNOWN)),
	("xchunked", coding(b"xchunked"), refused(501, CODING_UNKNOWN)),
	("chunked_with_a_parameter", coding(b"chunked;q=1"), refused(400, CODING)),
	("quoted", coding(b'"chunked"'), refused(400, CODING)),
	("comma_before", coding(b", chunked"), refused(400, CODING)),
	("comma_behind", coding(b"chunked,"), refused(400, CODING)),
	("space_inside", coding(b"chun ked"), refused(400, CODING)),
	("tab_inside", coding(b"chunked\tx"), refused(400, CODING)),
	("semicolon_behind", coding(b"chunked;"), refused(400, CODING)),
	("empty", coding(b""), refused(400, CODING)),
	("vertical_tab_before", coding(b"\x0bchunked"), refused(400, VALUE)),
	("nul_behind", coding(b"chunked\0"), refused(400, VALUE)),
	("not_ascii_behind", coding(b"chunked\xa0"), refused(400, CODING)),
	("in_http_1_0", post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", version=b"HTTP/1.0"), refused(400, CODING_10)),
	("underscore_in_the_name", post(b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", b"hello"), served()),
	why="RFC 9112 6.1, 6.3: a length beside a coding ought to be handled as an error, chunked is last and once, and HTTP/1.0 has no codings: whichever of two readings one takes, the server behind may take the other.",
)

CONTENT_LENGTHS = section(
	"9112", "6.2",
	("length", length(b"5"), served()),
	("length_zero", length(b"0", b""), served()),
	("white_space_around", length(b"\t5 \t"), served(got=length(b"5")),
	 "RFC 9112 5.1: OWS around a value is spaces and tabs, and not part of it."),
	("length_with_get", get(b"Content-Length: 5\r\n") + b"hello", served()),
	("body_of_line_ends", length(b"8", b"\r\n\r\n\r\n\r\n"), served()),
	("body_that_looks_like_a_request", length(b"%d" % len(GET), GET), served()),
	("empty", length(b""), refused(400, LENGTH)),
	("plus", length(b"+5"), refused(400, LENGTH)),
	("minus", length(b"-5"), refused(400, LENGTH)),
	("minus_zero", length(b"-0"), refused(400, LENGTH)),
	("hexadecimal", length(b"0x5"), refused(400, LENGTH)),
	("hexadecimal_digit", length(b"a"), refused(400, LENGTH)),
	("leading_zero", length(b"05"), refused(400, LENGTH)),
	("two_zeros", length(b"00", b""), refused(400, LENGTH)),
	("fraction", length(b"5.0"), refused(400, LENGTH)),
	("exponent", length(b"5e0"), refused(400, LENGTH)),
	("space_inside", length(b"1 1"), refused(400, LENGTH)),
	("underscore_inside", length(b"1_1"), refused(400, LENGTH)),
	("semicolon_behind", length(b"5;"), refused(400, LENGTH)),
	("comma_behind", length(b"5,"), refused(400, LENGTH)),
	("quoted", length(b'"5"'), refused(400, LENGTH)),
	("arabic_digit", length("\u0665".encode()), refused(400, LENGTH)),
	("superscript_digit", length(b"\xb2"), refused(400, LENGTH)),
	("above_2_63", length(b"9223372036854775808"), refused(400, LENGTH)),
	("above_2_64", length(b"18446744073709551621"), refused(400, LENGTH)),
	("hundred_digits", length(b"5" * 100), refused(400, LENGTH)),
	("vertical_tab_behind", length(b"5\x0b"), refused(400, VALUE)),
	("nul_behind", length(b"5\0"), refused(400, VALUE)),
	("list_of_equal_lengths", length(b"5, 5"), refused(400, LENGTH)),
	("list_of_different_lengths", length(b"5, 6", b"hello!"), refused(400, LENGTH)),
	why="RFC 9112 6.2: the length is decimal digits. A list, or leading zeros (octal where numbers are read in C's way), has a second reading.",
) + section(
	"9112", "6.3",
	("two_content_lengths", post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"), refused(400, LENGTHS)),
	("two_equal_content_lengths", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"), refused(400, LENGTHS)),
	("two_content_lengths_of_different_case", post(b"Content-Length: 5\r\ncontent-length: 0\r\n", b"hello"), refused(400, LENGTHS)),
	("no_length_is_no_body", post(b"", GET), served(2)),
	("bytes_behind_no_body_are_the_next_request", post(b"", b"hello\r\n"), refused(400, METHOD, got=post(b""), after=1)),
	("bytes_behind_a_body_are_the_next_request", length(b"5", b"hello" + GET), served(2)),
	("bytes_behind_the_last_chunk_are_the_next_request", HELLO + GET, served(2)),
	("body_too_large", length(b"65537", b""), refused(413, None, end="body_too_large"), LIMIT),
	("body_far_too_large", length(b"9223372036854775807", b""), refused(413, None, end="body_too_large"), LIMIT),
	("body_at_the_limit", length(b"65536", b"x" * 65536), served()),
	why="RFC 9112 6.3 allows equal lengths to be taken as one (MAY); steerway refuses repetitions, since the server behind may see but one of them.",
)

CHUNKS = section(
	"9112", "7.1",
	("many_chunks", coded(b"".join(b"%x\r\n%s\r\n" % (n, b"x" * n) for n in range(1, 60)) + b"0\r\n\r\n"), served()),
	("upper_case_digits", coded(b"A\r\n0123456789\r\n0\r\n\r\n"), served()),
	("leading_zeros", size(b"0005"), served()),
	("sixteen_digits", size(b"0000000000000005"), served()),
	("many_zeros_as_the_last", coded(b"5\r\nhello\r\n0000\r\n\r\n"), served()),
	("no_data", coded(b"0\r\n\r\n"), served()),
	("line_ends_as_data", coded(b"4\r\n\r\n\r\n\r\n0\r\n\r\n"), served()),
	("a_last_chunk_as_data", coded(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"), served()),
	("empty_size", size(b""), cut(400, CHUNK_SIZE)),
	("no_digit", size(b"g"), cut(400, CHUNK_SIZE)),
	("digit_and_letter", size(b"5g"), cut(400, CHUNK_SIZE)),
	("prefix_0x", size(b"0x5"), cut(400, CHUNK_SIZE)),
	("plus", size(b"+5"), cut(400, CHUNK_SIZE)),
	("minus", size(b"-5"), cut(400, CHUNK_SIZE)),
	("minus_one", size(b"-1"), cut(400, CHUNK_SIZE)),
	("space_before", size(b" 5"), cut(400, CHUNK_SIZE)),
	("underscore", size(b"5_0"), cut(400, CHUNK_SIZE)),
	("fraction", size(b"5.0"), cut(400, CHUNK_SIZE)),
	("comma", size(b"5,5"), cut(400, CHUNK_SIZE)),
	("nul", size(b"5\0"), cut(400, CHUNK_SIZE)),
	("not_ascii", size(b"5\xa0"), cut(400, CHUNK_SIZE)),
	("seventeen_digits", size(b"00000000000000005"), cut(400, CHUNK_LONG)),
	("above_2_63", size(b"8000000000000000"), cut(400, CHUNK_LONG)),
	("above_2_64", size(b"10000000000000005"), cut(400, CHUNK_LONG)),
	("all_ones", size(b"FFFFFFFFFFFFFFFF"), cut(400, CHUNK_LONG)),
	("size_ends_in_lf", size(b"5\nhello"), cut(400, BARE_LF)),
	("size_ends_in_cr", coded(b"5\rhello\r\n0\r\n\r\n"), cut(400, BARE_CR)),
	("size_ends_in_cr_cr_lf", size(b"5\r"), cut(400, BARE_CR)),
	("data_ends_in_lf", coded(b"5\r\nhello\n0\r\n\r\n"), cut(400, BARE_LF)),
	("data_ends_in_cr", coded(b"5\r\nhello\r0\r\n\r\n"), cut(400, BARE_CR)),
	("data_longer_than_its_size", coded(b"5\r\nhello!\r\n0\r\n\r\n"), cut(400, CHUNK_END)),
	("data_shorter_than_its_size", coded(b"5\r\nhell\r\n0\r\n\r\n"), cut(400, BARE_LF)),
	("data_shorter_by_two", coded(b"5\r\nhel\r\n0\r\n\r\n"), cut(400, CHUNK_END)),
	("no_line_end_behind_data", coded(b"5\r\nhello0\r\n\r\n"), cut(400, CHUNK_END)),
	("last_chunk_ends_in_lf", coded(b"5\r\nhello\r\n0\n\n"), cut(400, BARE_LF)),
	("empty_line_ends_in_lf", coded(b"5\r\nhello\r\n0\r\n\n"), cut(400, BARE_LF)),
	("data_behind_the_last_chunk", coded(b"5\r\nhello\r\n0\r\nhello\r\n\r\n"), cut(400, TRAILER)),
	("too_large", coded(b"8000\r\n" + b"x" * 0x8000 + b"\r\n9000\r\n" + b"x" * 0x9000 + b"\r\n0\r\n\r\n"), cut(413, None, "body_too_large"), LIMIT),
	why="RFC 9112 7.1: hexadecimal digits and CR LF. More than sixteen digits overflow somewhere; a line end that is taken loosely is how chunks are smuggled.",
) + section(
	"9112", "7.1.1",
	("extension", size(b"5;a"), served()),
	("extension_with_value", size(b"5;a=b"), served()),
	("extension_with_quoted_value", size(b'5;a="b c"'), served()),
	("extension_with_escape", size(b'5;a="b\\"c"'), served()),
	("two_extensions", size(b"5;a=b;c"), served()),
	("white_space_around", size(b"5 ; a = b"), served()),
	("extension_of_the_last_chunk", coded(b"5\r\nhello\r\n0;a=b\r\n\r\n"), served()),
	("empty", size(b"5;"), cut(400, EXTENSION)),
	("empty_name", size(b"5;=b"), cut(400, EXTENSION)),
	("empty_value", size(b"5;a="), cut(400, EXTENSION)),
	("two_semicolons", size(b"5;;a"), cut(400, EXTENSION)),
	("no_semicolon", size(b"5 a"), cut(400, EXTENSION)),
	("space_behind_the_size", size(b"5 "), cut(400, EXTENSION)),
	("two_values", size(b"5;a=b c"), cut(400, EXTENSION)),
	("open_quote", size(b'5;a="b'), cut(400, EXTENSION)),
	("text_behind_the_quotes", size(b'5;a="b"c'), cut(400, EXTENSION)),
	("control_byte_in_quotes", size(b'5;a="\x01"'), cut(400, EXTENSION)),
	("bare_cr", size(b"5;a=b\rc"), cut(400, BARE_CR)),
	("bare_lf", size(b"5;a\nb"), cut(400, BARE_LF)),
	("bare_lf_in_quotes", size(b'5;a="\n"'), cut(400, BARE_LF)),
	("endless", size(b"5;a=" + b"b" * 20000), cut(400, EXTENSION_LONG)),
	("many_small_ones", coded(b"".join(b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" for _ in range(1000)) + b"0\r\n\r\n"), cut(400, EXTENSION_LONG)),
	why="RFC 9112 7.1.1 has a grammar for extensions. Parsers that skip them by different rules (up to LF, up to CR, across quotes) disagree about where the data starts.",
) + section(
	"9112", "7.1.2",
	("trailer", trailer(b"X-Sum: 1\r\n"), served()),
	("two_trailers", trailer(b"X-Sum: 1\r\nX-Y:2\r\n"), served()),
	("bare_lf", trailer(b"X: 1\n"), cut(400, BARE_LF)),
	("bare_cr", trailer(b"X: a\rb\r\n"), cut(400, BARE_CR)),
	("no_colon", trailer(b"nonsense\r\n"), cut(400, TRAILER)),
	("space_before_colon", trailer(b"X : 1\r\n"), cut(400, TRAILER)),
	("folded", trailer(b"X: 1\r\n y\r\n"), cut(400, TRAILER)),
	("empty_name", trailer(b": 1\r\n"), cut(400, TRAILER)),
	("control_byte", trailer(b"X: \x01\r\n"), cut(400, TRAILER)),
	("pseudo_field", trailer(b":path: /\r\n"), cut(400, TRAILER)),
	("endless", trailer(b"A: bbbbbbbb\r\n" * 1000), cut(431, TRAILER_LARGE)),
	why="RFC 9112 7.1.2: trailers are field lines, with the same grammar, and bounded.",
) + section(
	"9110", "6.5.1",
	*(("trailer_" + name.decode().lower().replace("-", "_"), trailer_named(name), cut(400, TRAILER)) for name in (
		b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Trailer", b"Authorization", b"Cookie", b"Set-Cookie",
		b"X-Forwarded-For", b"Content-Encoding", b"Content-Type", b"Range", b"Expect", b"TE", b"Cache-Control")),
	("trailer_in_upper_case", trailer_named(b"CONTENT-LENGTH"), cut(400, TRAILER)),
	why="RFC 9110 6.5.1: fields of framing, routing, authentication and content handling must not be sent as trailers; a server that merges trailers would believe them.",
)

CLOSE = b"Connection: close\r\n"
SECOND = get(target=b"/2")
CONNECTIONS = section(
	"9112", "9.3",
	("close", get(CLOSE), served(got=GET, is_open=False)),
	("close_in_mixed_case", get(b"Connection: ClOsE\r\n"), served(got=GET, is_open=False)),
	("close_in_a_list", get(b"Connection: x, close ,y\r\n"), served(got=GET, is_open=False)),
	("close_in_the_second_line", get(b"Connection: x\r\nConnection: close\r\n"), served(got=GET, is_open=False)),
	("close_and_keep_alive", get(b"Connection: keep-alive, close\r\n"), served(got=GET, is_open=False)),
	("closed_is_another_option", get(b"Connection: closed\r\n"), served(got=GET)),
	("keep_alive", get(b"Connection: keep-alive\r\n"), served(got=GET)),
	("http_1_0_keep_alive", get(b"Connection: keep-alive\r\n", version=b"HTTP/1.0"), served(got=GET)),
	("http_1_0_proxy_connection", get(b"Proxy-Connection: keep-alive\r\n", version=b"HTTP/1.0"), served(got=GET, is_open=False)),
	("http_1_0_with_a_body", post(b"Content-Length: 5\r\n", b"hello", version=b"HTTP/1.0"), served(got=length(b"5"), is_open=False)),
	("nothing_is_read_behind_close", get(CLOSE) + SECOND, served(got=GET, is_open=False, behind=len(SECOND))),
	("nothing_is_read_behind_http_1_0", get(version=b"HTTP/1.0") + SECOND, served(got=GET, is_open=False, behind=len(SECOND))),
) + section(
	"9112", "9.3.2",
	("two_requests", GET + get(target=b"/2"), served(2)),
	("twenty_requests", b"".join(get(target=b"/%d" % i) for i in range(20)), served(20)),
	("empty_line_between", GET + b"\r\n" + GET, served(2, got=GET * 2)),
	("body_and_request", length(b"5") + HELLO + GET, served(3)),
	("good_and_bad", GET + get(b"X : y\r\n"), refused(400, SPACE, got=GET, after=1)),
	("two_good_and_garbage", GET + HELLO + b"\0\0\0", refused(400, METHOD, got=GET + HELLO, after=2)),
) + section(
	"9112", "9.6",
	("half_close_behind_a_request", GET, served(is_open=False, fin=True),
	 "RFC 9112 9.6: a half-close is no abort; who sent FIN can still read."),
	("half_close_behind_two_requests", GET + length(b"5"), served(2, is_open=False, fin=True),
	 "RFC 9112 9.6: a half-close is no abort; who sent FIN can still read."),
)

HOPS = section(
	"9110", "7.6.1",
	("named_field_is_dropped", get(b"Connection: x-a\r\nX-A: 1\r\nX-B: 2\r\n"), served(got=get(b"X-B: 2\r\n"))),
	("named_field_before_connection", get(b"X-A: 1\r\nX-B: 2\r\nConnection: X-a\r\n"), served(got=get(b"X-B: 2\r\n"))),
	("two_named_fields", get(b"X-A: 1\r\nX-B: 2\r\nConnection: X-A,,X-B\r\n"), served(got=GET)),
	("all_lines_of_a_named_field", get(b"Connection: X-A\r\nX-A: 1\r\nx-a: 2\r\n"), served(got=GET)),
	("host_can_not_be_named", get(b"Connection: Host\r\n"), served(got=GET)),
	("length_can_not_be_named", post(b"Connection: Content-Length\r\nContent-Length: 5\r\n", b"hello"), served(got=length(b"5"))),
	("coding_can_not_be_named", post(b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"), served(got=HELLO)),
	("cookie_can_not_be_named", get(b"Connection: Cookie\r\nCookie: a=1\r\n"), served(got=get(b"Cookie: a=1\r\n"))),
	("authorization_can_not_be_named", get(b"Connection: Authorization\r\nAuthorization: a\r\n"), served(got=get(b"Authorization: a\r\n"))),
	("forwarded_for_can_not_be_named", get(b"Connection: X-Forwarded-For\r\nX-Forwarded-For: a\r\n"), served(got=get(b"X-Forwarded-For: a\r\n"))),
	("keep_alive_is_dropped", get(b"Keep-Alive: timeout=5\r\n"), served(got=GET)),
	("proxy_connection_is_dropped", get(b"Proxy-Connection: close\r\n"), served(got=GET)),
	("te_is_dropped", get(b"TE: trailers\r\nConnection: TE\r\n"), served(got=GET)),
	("proxy_authorization_is_dropped", get(b"Proxy-Authorization: Basic eDp5\r\n"), served(got=GET)),
	("http2_settings_is_dropped", get(b"Connection: HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"), served(got=GET)),
	("thirty_two_options", get(b"Connection: " + b",".join(b"x%d" % i for i in range(32)) + b"\r\n"), served(got=GET)),
	("thirty_three_options", get(b"Connection: " + b",".join(b"x%d" % i for i in range(33)) + b"\r\n"), refused(400, CONNECTION),
	 "Each option is matched against each field: without a bound that is work at the attacker's will."),
) + section(
	"9110", "9.3.2",
	("head", get(method=b"HEAD"), served(method="HEAD")),
	("head_of_a_refusal", get(b"X : y\r\n", method=b"HEAD"), {**refused(400, SPACE), "method": "HEAD"}),
) + section(
	"9110", "9.3.6",
	("connect", get(method=b"CONNECT", target=b"app.test:443"),
	 {**refused(405, None, end="method_refused"), "is_open": True}),
	("connect_is_no_tunnel", get(method=b"CONNECT", target=b"app.test:443") + GET,
	 {**refused(405, None, end="method_refused"), "answers": [405, 200], "got": GET,
	  "log": [(405, "method_refused", None), (200, "complete", None)], "is_open": True},
	 "RFC 9110 9.3.6: CONNECT makes a tunnel, which nobody gets unless a route allows it."),
	why="RFC 9110 9.3.6: CONNECT makes a tunnel, which nobody gets unless a route allows it.",
) + section(
	"9110", "10.1.1",
	("continue_with_a_body", post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello"), served()),
	("continue_in_mixed_case", post(b"Expect: 100-Continue\r\nContent-Length: 5\r\n", b"hello"), served()),
	("unknown", post(b"Expect: tea\r\nContent-Length: 5\r\n", b"hello"), refused(417, EXPECTATION)),
	("continue_and_unknown", post(b"Expect: 100-continue, tea\r\nContent-Length: 5\r\n", b"hello"), refused(417, EXPECTATION)),
	("empty", get(b"Expect:\r\n"), refused(417, EXPECTATION)),
	why="RFC 9110 10.1.1: an expectation that is not understood may be refused with 417. To pass it on promises what nobody keeps.",
)

CASES = CODINGS + CONTENT_LENGTHS + CHUNKS + CONNECTIONS + HOPS
