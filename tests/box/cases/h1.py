# SPDX-License-Identifier: BSD-2-Clause
"""What a case of HTTP/1 in front is made of: bytes of a client, and what must come of them."""
import dataclasses

H = b"Host: app.test\r\n"

# Why a head or a body is refused, in the words of the access log.
REQUEST_LINE = "malformed request line"
METHOD = "the method is not a token of at most 32 bytes"
VERSION = "neither HTTP/1.0 nor HTTP/1.1"
TARGET_LONG = "the request target is too long"
HEAD_LARGE = "the head is too large"
FIELDS_MANY = "the head has too many fields"
BARE_CR = "CR without LF"
BARE_LF = "LF without CR"
FOLD = "folded field line"
NAME = "malformed field name"
VALUE = "control byte in a field value"
SPACE = "white space in or after a field name"
LENGTH = "malformed Content-Length"
LENGTHS = "more than one Content-Length"
BOTH = "both Content-Length and Transfer-Encoding"
CODING = "malformed Transfer-Encoding, or chunked is not its one last coding"
CODING_UNKNOWN = "a transfer coding other than chunked"
CODING_10 = "Transfer-Encoding in an HTTP/1.0 message"
CONNECTION = "Connection has too many options"
EXPECTATION = "an expectation other than 100-continue"
HOST_MISSING = "no Host in an HTTP/1.1 request"
HOSTS = "more than one Host"
HOST = "malformed host or port"
TARGET = "malformed request target"
PATH = "the path has a byte or an encoding that can be read in two ways"
CHUNK_SIZE = "malformed chunk size"
CHUNK_LONG = "the chunk size is above 2^63-1 or has more than 16 digits"
EXTENSION = "malformed chunk extension"
EXTENSION_LONG = "too many bytes of chunk extensions"
CHUNK_END = "chunk data is not followed by CR LF"
TRAILER = "malformed or forbidden trailer field"
TRAILER_LARGE = "the trailer section is too large"


@dataclasses.dataclass(eq=False)
class Case:
	"""`answers`: the statuses that the client gets. `got`: all bytes of whole requests at the origin. `log`: (status, end, fault)
	of each record. `is_open`: another request is served behind them; else the connection closes. `fin`: the client half-closes
	behind its bytes. `behind`: the last so many bytes come together with the one before them, because that one ends what the client
	called its last request: RFC 9112 9.6 lets it send no more, and what comes later may meet a closed socket, whose reset takes the
	answer along. `why`: why ours is right where haproxy or nginx does something else."""
	rfc: str
	section: str
	name: str
	sent: bytes
	answers: list
	got: bytes
	log: list
	is_open: bool
	is_head_refused: bool
	fin: bool = False
	behind: int = 0
	method: str = "GET"
	why: str = ""

	@property
	def label(self):
		return f"rfc{self.rfc}_{self.section.replace('.', '_')}_{self.name}"


def served(n=1, got=None, is_open=True, method="GET", fin=False, behind=0):
	"""n requests pass; got=None: byte by byte as they were sent."""
	return {"answers": [200] * n, "got": got, "log": [(200, "complete", None)] * n, "is_open": is_open, "is_head_refused": False,
	        "method": method, "fin": fin, "behind": behind}


def refused(status, fault, got=b"", after=0, end="bad_request"):
	"""`after` good requests pass, whose bytes are `got`; the next is answered by a refusal and a close, and none of it goes on."""
	return {"answers": [200] * after + [status], "got": got, "log": [(200, "complete", None)] * after + [(status, end, fault)],
	        "is_open": False, "is_head_refused": True}


def cut(status, fault, end="bad_request"):
	"""As refused, but for what stands in a body: its begin may have gone on, its end must not."""
	return {**refused(status, fault, end=end), "is_head_refused": False}


def section(rfc, number, *rows, why=""):
	"""rows: (name, bytes, what must come of it[, why]). The section's `why` is that of its refusals; to take what a peer refuses
	needs one of its own."""
	made = []
	for name, sent, want, *own in rows:
		want = dict(want)
		want["got"] = sent if want["got"] is None else want["got"]
		is_refusal = want["answers"][-1] >= 400
		made.append(Case(rfc, number, name, sent, why=own[0] if own else why if is_refusal else "", **want))
	return made


LIMIT = "It is beyond a limit of this listener; the peer's own limit is higher."


def get(fields=b"", target=b"/", method=b"GET", version=b"HTTP/1.1", host=H):
	return b"%s %s %s\r\n%s%s\r\n" % (method, target, version, host, fields)


def post(fields, body=b"", target=b"/x", version=b"HTTP/1.1"):
	return b"POST %s %s\r\n%s%s\r\n%s" % (target, version, H, fields, body)


def coded(body, fields=b""):
	return post(fields + b"Transfer-Encoding: chunked\r\n", body)


GET = get()
