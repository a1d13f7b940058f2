# SPDX-License-Identifier: BSD-2-Clause
"""DNS with bare hands: builds queries (odd ones too) and reads answers strictly. RFC 1035, 6891."""
import random
import socket
import struct

from lab import PATIENCE

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "OPT": 41, "CAA": 257,
         "AXFR": 252, "ANY": 255}
TYPE_NAMES = {v: k for k, v in TYPES.items()}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS"}
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080


def name_wire(name):
	"""Labels in the case they are given in."""
	if name in (".", ""):
		return b"\0"
	return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.rstrip(".").split(".")) + b"\0"


def query(name, kind="A", ident=None, flags=0, edns=None, klass=1, edns_version=0, edns_flags=0, options=b"", opcode=0):
	ident = random.randrange(65536) if ident is None else ident
	kind = TYPES.get(kind, kind)
	message = struct.pack("!6H", ident, flags | opcode << 11, 1, 0, 0, 1 if edns is not None else 0)
	message += name_wire(name) + struct.pack("!2H", kind, klass)
	if edns is not None:
		message += b"\0" + struct.pack("!2HBBHH", TYPES["OPT"], edns, 0, edns_version, edns_flags, len(options)) + options
	return message


class Record:
	def __init__(self, name, kind, klass, ttl, data):
		self.name, self.kind, self.klass, self.ttl, self.data = name, kind, klass, ttl, data

	def __repr__(self):
		return f"{self.name} {self.ttl} {self.kind} {self.data}"


class Answer:
	"""A message read whole; anything odd in it is an AssertionError."""

	def __init__(self, wire):
		self.wire = wire
		assert len(wire) >= 12, f"{len(wire)} bytes are no message"
		self.id, self.flags, n_questions, n_answers, n_authority, n_additional = struct.unpack("!6H", wire[:12])
		self.at = 12
		self.questions = [(self.name(), *self.unpack("!2H")) for _ in range(n_questions)]
		self.answers = [self.record() for _ in range(n_answers)]
		self.authority = [self.record() for _ in range(n_authority)]
		additional = [self.record() for _ in range(n_additional)]
		assert self.at == len(wire), f"{len(wire) - self.at} bytes behind the message"
		opts = [r for r in additional if r.kind == "OPT"]
		assert len(opts) < 2, "two OPT records"
		self.additional = [r for r in additional if r.kind != "OPT"]
		self.opt = opts[0] if opts else None
		rcode = self.flags & 15
		if self.opt:
			rcode |= self.opt.ttl >> 24 << 4
		self.rcode = RCODES.get(rcode, rcode)

	def unpack(self, form):
		size = struct.calcsize(form)
		assert self.at + size <= len(self.wire), "the message ends within a field"
		values = struct.unpack_from(form, self.wire, self.at)
		self.at += size
		return values

	def name(self):
		labels, at, jumped, hops = [], self.at, False, 0
		while True:
			assert at < len(self.wire), "a name runs out of the message"
			length = self.wire[at]
			if length >= 0xC0:
				target = (length & 0x3F) << 8 | self.wire[at + 1]
				assert target < at, "a compression pointer points forward"
				if not jumped:
					self.at = at + 2
				jumped, at, hops = True, target, hops + 1
				assert hops < 128, "a loop of pointers"
				continue
			assert length < 64, "an odd label type"
			at += 1
			if length == 0:
				break
			labels.append(self.wire[at:at + length].decode("latin-1"))
			at += length
		if not jumped:
			self.at = at
		return ".".join(labels) + "."

	def record(self):
		name = self.name()
		kind, klass, ttl, size = self.unpack("!2HIH")
		kind = TYPE_NAMES.get(kind, str(kind))
		end = self.at + size
		assert end <= len(self.wire), "a record runs out of the message"
		raw = self.wire[self.at:end]
		if kind == "A":
			data = socket.inet_ntop(socket.AF_INET, raw)
		elif kind == "AAAA":
			data = socket.inet_ntop(socket.AF_INET6, raw)
		elif kind in ("NS", "CNAME", "PTR"):
			data = self.name()
		elif kind == "MX":
			data = f"{self.unpack('!H')[0]} {self.name()}"
		elif kind == "SOA":
			data = f"{self.name()} {self.name()} {' '.join(map(str, self.unpack('!5I')))}"
		elif kind == "TXT":
			parts, at = [], 0
			while at < len(raw):
				parts.append(raw[at + 1:at + 1 + raw[at]].decode("latin-1"))
				at += 1 + raw[at]
			data = " ".join(parts)
		else:
			data = raw.hex()
		if kind in ("NS", "CNAME", "PTR", "MX", "SOA"):
			assert self.at == end, f"{kind} data and its length disagree"
		self.at = end
		return Record(name, kind, klass, ttl, data)

	def data(self, kind="A"):
		return sorted(r.data for r in self.answers if r.kind == kind)

	def __repr__(self):
		return f"<{self.rcode} flags {self.flags:04x} {self.answers} / {self.authority} / {self.additional} opt {self.opt}>"


def exchange_udp(address, message, seconds=3):
	"""The answer's bytes, or None for silence."""
	family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
	with socket.socket(family, socket.SOCK_DGRAM) as s:
		s.settimeout(seconds * PATIENCE)
		s.connect(address)
		s.send(message)
		try:
			return s.recv(65535)
		except TimeoutError:
			return None


def exchange_tcp(address, *messages, seconds=5):
	"""All messages in one write, then as many answers as there are messages."""
	with socket.create_connection(address, timeout=seconds * PATIENCE) as s:
		s.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))
		return [read_tcp(s) for _ in messages]


def read_tcp(s):
	def exactly(n):
		data = b""
		while len(data) < n:
			more = s.recv(n - len(data))
			assert more, "closed within a message"
			data += more
		return data
	return exactly(struct.unpack("!H", exactly(2))[0])


def ask(address, name, kind="A", tcp=False, **more):
	"""A question and its checked answer: id, question and case are those of the query, and it is a response."""
	message = query(name, kind, **more)
	wire = exchange_tcp(address, message)[0] if tcp else exchange_udp(address, message)
	assert wire is not None, f"no answer for {name} {kind}"
	answer = Answer(wire)
	assert answer.flags & QR, "not a response"
	assert wire[:2] == message[:2], "another id"
	if answer.questions:
		assert answer.questions[0][0] == name.rstrip(".") + ".", f"asked {name}, answered {answer.questions}"
	return answer
