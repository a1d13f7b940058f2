# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/2 with bare hands (RFC 9113, RFC 7541): frames as bytes, field blocks of literals alone, and a decoder for what comes back. A client
that sends exactly what it is given, and an origin that answers as it is told; neither has a rule that keeps it from doing wrong."""
import dataclasses
import struct
import threading

from http1 import Client, Closed, RawOrigin, Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
TYPES = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"]
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 32
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
          "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES = 8, 9

# ---- frames out ----


def frame(kind, flags, stream, payload=b"", length=None):
	length = len(payload) if length is None else length
	return struct.pack("!I", length)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def settings(*pairs, flags=0, stream=0):
	return frame(SETTINGS, flags, stream, b"".join(struct.pack("!HI", k, v) for k, v in pairs))


def ping(payload=b"12345678", flags=0, stream=0):
	return frame(PING, flags, stream, payload)


def window_update(n, stream=0):
	return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", n))


def rst(stream, error=8):
	return frame(RST_STREAM, 0, stream, struct.pack("!I", error))


def goaway(last=0, error=0, text=b"", stream=0):
	return frame(GOAWAY, 0, stream, struct.pack("!II", last, error) + text)


def data(stream, payload=b"", flags=END_STREAM):
	return frame(DATA, flags, stream, payload)


def headers(stream, block, flags=END_STREAM | END_HEADERS):
	return frame(HEADERS, flags, stream, block if isinstance(block, bytes) else encode(block))


def continuation(stream, block=b"", flags=END_HEADERS):
	return frame(CONTINUATION, flags, stream, block)


def padded(payload, n, said=None):
	return bytes([n if said is None else said]) + payload + b"\0" * n

# ---- HPACK ----


def integer(value, bits, first=0):
	most = (1 << bits) - 1
	if value < most:
		return bytes([first | value])
	out, value = [first | most], value - most
	while value >= 128:
		out.append(value & 127 | 128)
		value >>= 7
	return bytes([*out, value])


def text(value):
	value = value if isinstance(value, bytes) else value.encode("latin-1")
	return integer(len(value), 7) + value


def literal(name, value, first=0):
	"""A literal with its name: not indexed, or by `first` 0x40 indexed, 0x10 never indexed."""
	return bytes([first]) + text(name) + text(value)


def encode(fields):
	return b"".join(literal(n, v) for n, v in fields)


STATIC = [line.split("=", 1) if "=" in line else (line, "") for line in """:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate""".split("\n")]

# RFC 7541 appendix B: bits of each byte's code, and of the end mark's, as digits of base 36. The codes follow from them (canonical Huffman).
CODE_BITS = ("dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f56565666577666567655677777fbeds"
             "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu")


def _codes():
	bits = [int(c, 36) for c in CODE_BITS]
	found, code, before = {}, 0, 0
	for symbol in sorted(range(257), key=lambda s: (bits[s], s)):
		code <<= bits[symbol] - before
		before = bits[symbol]
		found[before, code] = symbol
		code += 1
	return found


CODES = _codes()
CODE_OF = {symbol: (n, code) for (n, code), symbol in CODES.items()}


def huffman(value):
	bits = "".join(format(CODE_OF[b][1], f"0{CODE_OF[b][0]}b") for b in value)
	bits += "1" * (-len(bits) % 8)
	return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:] if bits else b""


def unhuffman(value):
	out, code, n = bytearray(), 0, 0
	for byte in value:
		for at in range(7, -1, -1):
			code, n = code << 1 | byte >> at & 1, n + 1
			symbol = CODES.get((n, code))
			if symbol is not None:
				assert symbol != 256, "the end mark in a string"
				out.append(symbol)
				code, n = 0, 0
	assert n < 8 and code == (1 << n) - 1, "bad padding of a string"
	return bytes(out)


class Decoder:
	def __init__(self, most=4096):
		self.table, self.most = [], most

	def entry(self, i):
		assert i > 0, "index 0"
		return tuple(STATIC[i - 1]) if i <= len(STATIC) else self.table[i - len(STATIC) - 1]

	def add(self, name, value):
		self.table.insert(0, (name, value))
		while sum(len(n) + len(v) + 32 for n, v in self.table) > self.most:
			self.table.pop()

	def decode(self, block):
		at, fields = 0, []

		def number(bits):
			nonlocal at
			most = (1 << bits) - 1
			value = block[at] & most
			at += 1
			shift = 0
			while value >= most:
				byte = block[at]
				at += 1
				value += (byte & 127) << shift
				shift += 7
				if byte < 128:
					break
			return value

		def string():
			nonlocal at
			is_coded = block[at] & 128
			n = number(7)
			value = block[at:at + n]
			at += n
			return (unhuffman(value) if is_coded else value).decode("latin-1")

		while at < len(block):
			first = block[at]
			if first & 0x80:
				fields.append(self.entry(number(7)))
				continue
			if first & 0xe0 == 0x20:
				self.most = number(5)
				self.table = [] if self.most == 0 else self.table
				continue
			i = number(6 if first & 0x40 else 4)
			field = (self.entry(i)[0] if i else string(), string())
			if first & 0x40:
				self.add(*field)
			fields.append(field)
		return fields

# ---- a connection ----


@dataclasses.dataclass
class Frame:
	kind: int
	flags: int
	stream: int
	payload: bytes

	def __repr__(self):
		name = TYPES[self.kind] if self.kind < len(TYPES) else str(self.kind)
		return f"<{name} stream={self.stream} flags={self.flags:#x} {self.payload[:60]!r}>"

	@property
	def error(self):
		code = struct.unpack("!I", self.payload[4:8] if self.kind == GOAWAY else self.payload[:4])[0]
		return ERRORS[code] if code < len(ERRORS) else str(code)


class Answer:
	"""What came on a stream."""

	def __init__(self):
		self.heads, self.body, self.trailers, self.reset, self.has_ended = [], b"", None, None, False

	@property
	def head(self):
		return self.heads[-1] if self.heads else []

	@property
	def status(self):
		return int(dict(self.head).get(":status", 0))

	def get(self, name, default=None):
		return dict(self.head).get(name, default)

	@property
	def is_over(self):
		return self.has_ended or self.reset is not None

	def __repr__(self):
		return f"<{self.heads} {len(self.body)} bytes, trailers {self.trailers}, ended {self.has_ended}, reset {self.reset}>"


class Connection:
	"""Frames over a wire, told apart by stream; SETTINGS and PING are answered, windows given back, unless told otherwise."""

	def __init__(self, wire, is_polite=True):
		self.wire, self.is_polite, self.decoder = wire, is_polite, Decoder()
		self.streams, self.frames, self.goaway, self.block, self.settings = {}, [], None, b"", {}

	def send(self, *frames):
		self.wire.send(b"".join(frames))

	def read_frame(self):
		head = self.wire.take(9)
		length = int.from_bytes(head[:3], "big")
		return Frame(head[3], head[4], int.from_bytes(head[5:], "big") & 0x7fffffff, self.wire.take(length))

	def on(self, stream):
		return self.streams.setdefault(stream, Answer())

	def step(self):
		"""Takes one frame in."""
		f = self.read_frame()
		self.frames.append(f)
		if f.kind == SETTINGS and not f.flags & ACK:
			self.settings.update(struct.unpack("!HI", f.payload[i:i + 6]) for i in range(0, len(f.payload), 6))
			if self.is_polite:
				self.reply(settings(flags=ACK))
		elif f.kind == PING and not f.flags & ACK and self.is_polite:
			self.reply(ping(f.payload, ACK))
		elif f.kind == GOAWAY:
			self.goaway = f
		elif f.kind == RST_STREAM:
			self.on(f.stream).reset = f.error
		elif f.kind in (HEADERS, CONTINUATION):
			self.on_block(f)
		elif f.kind == DATA:
			self.on_data(f)
		return f

	def reply(self, frames):
		try:
			self.send(frames)
		except OSError:
			pass

	def on_block(self, f):
		payload, answer = f.payload, self.on(f.stream)
		if f.kind == HEADERS and f.flags & PADDED:
			payload = payload[1:len(payload) - payload[0]]
		if f.kind == HEADERS and f.flags & PRIORITIZED:
			payload = payload[5:]
		self.block += payload
		if f.kind == HEADERS:
			self.ends_stream = bool(f.flags & END_STREAM)
		if not f.flags & END_HEADERS:
			return
		fields, self.block = self.decoder.decode(self.block), b""
		if answer.heads and not answer.head[0][1].startswith("1"):
			answer.trailers = fields
		else:
			answer.heads.append(fields)
		answer.has_ended = self.ends_stream

	def on_data(self, f):
		answer = self.on(f.stream)
		payload = f.payload[1:len(f.payload) - f.payload[0]] if f.flags & PADDED else f.payload
		answer.body += payload
		answer.has_ended = bool(f.flags & END_STREAM)
		if self.is_polite and f.payload:
			self.reply(window_update(len(f.payload)) + (b"" if answer.has_ended else window_update(len(f.payload), f.stream)))

	def until(self, condition):
		while not condition():
			self.step()

	def answer(self, stream):
		"""What came on the stream, when it is over."""
		self.until(lambda: self.on(stream).is_over)
		return self.streams[stream]

	def ends(self):
		"""Reads up to the close; the error of the GOAWAY before it, or None."""
		try:
			while True:
				self.step()
		except Closed:
			return self.goaway and self.goaway.error

	def close(self):
		self.wire.close()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()


def request(method="GET", path="/", scheme="http", authority="app.test", *fields):
	return [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority), *fields]


def connect(address, *pairs, is_polite=True, **more):
	"""A client's connection with prior knowledge; its preface and SETTINGS are sent."""
	c = Connection(Client(address, **more), is_polite)
	c.send(PREFACE, settings(*pairs))
	return c


@dataclasses.dataclass
class Seen:
	"""A request as an origin saw it; fields in order, without Host and framing."""
	method: str
	target: str
	host: str
	fields: list
	body: bytes = b""
	trailers: list = dataclasses.field(default_factory=list)

	FRAMING = ("host", "content-length", "transfer-encoding")

	@classmethod
	def of_message(cls, m):
		trailers = [tuple(p.strip() for p in t.decode("latin-1").split(":", 1)) for t in m.trailers]
		return cls(m.method, m.target, m.get("Host"), [(n.lower(), v) for n, v in m.fields if n.lower() not in cls.FRAMING], m.body,
		           [(n.lower(), v) for n, v in trailers])

	@classmethod
	def of_answer(cls, a):
		pseudo = dict(f for f in a.head if f[0].startswith(":"))
		return cls(pseudo[":method"], pseudo.get(":path"), pseudo.get(":authority", a.get("host")),
		           [f for f in a.head if not f[0].startswith(":") and f[0] not in cls.FRAMING], a.body, a.trailers or [])


class Origin2(RawOrigin):
	"""Speaks HTTP/2 with prior knowledge. Answers 200 to what it can read, or does as serve(connection) says."""

	def __init__(self, lab, serve=None, pairs=(), **more):
		self.seen, self.serve2, self.pairs = [], serve or self.answer_all, pairs
		self.seen_lock = threading.Lock()
		super().__init__(lab, self.open, **more)

	def open(self, wire):
		try:
			assert wire.take(len(PREFACE)) == PREFACE, "no preface"
		except Closed:
			return
		c = Connection(wire)
		c.number = wire.number
		c.send(settings(*self.pairs))
		try:
			self.serve2(c)
		except Closed:
			pass

	def answer_all(self, c):
		done = set()
		while True:
			f = c.step()
			a = c.streams.get(f.stream)
			if a and a.has_ended and f.stream not in done:
				done.add(f.stream)
				with self.seen_lock:
					self.seen.append(Seen.of_answer(a))
				is_head = a.get(":method") == "HEAD"
				c.send(headers(f.stream, [(":status", "200"), ("content-length", "5")], END_HEADERS | (END_STREAM if is_head else 0)),
				       b"" if is_head else data(f.stream, b"hello"))


__all__ = [n for n in dir() if not n.startswith("_") and n not in ("Wire", "dataclasses", "struct", "threading")]
