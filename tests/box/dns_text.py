# SPDX-License-Identifier: BSD-2-Clause
"""Whole DNS messages as lines of text, so that a row of a table can say all of an answer, and two servers' answers can be compared.

The reader is strict: what RFC 1035 4.1 does not allow is an AssertionError, so is a compressed name in data whose names RFC 3597 4
lets nobody compress, and a pointer that does not point backwards.
"""
import ipaddress
import struct

TYPES = {
	"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MB": 7, "MG": 8, "MR": 9, "NULL": 10, "PTR": 12, "HINFO": 13, "MINFO": 14, "MX": 15, "TXT": 16,
	"RP": 17, "AFSDB": 18, "KX": 36, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "CERT": 37, "DNAME": 39, "OPT": 41, "APL": 42, "DS": 43,
	"SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "TLSA": 52, "SMIMEA": 53, "HIP": 55, "CDS": 59,
	"CDNSKEY": 60, "OPENPGPKEY": 61, "CSYNC": 62, "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "SPF": 99, "EUI48": 108, "EUI64": 109, "TKEY": 249,
	"TSIG": 250, "IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254, "ANY": 255, "URI": 256, "CAA": 257, "TA": 32768, "DLV": 32769,
}
TYPE_NAMES = {v: k for k, v in TYPES.items()}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS", 23: "BADCOOKIE"}
FLAGS = (("aa", 0x400), ("tc", 0x200), ("rd", 0x100), ("ra", 0x80), ("z", 0x40), ("ad", 0x20), ("cd", 0x10))
CLASSES = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}

# Data as a row of fields: n a name that may be compressed, N one that may not, 1 2 4 numbers, s a character string, the last one: * the rest.
FORMS = {
	"NS": "n", "CNAME": "n", "PTR": "n", "MB": "n", "MG": "n", "MR": "n", "MINFO": "nn", "SOA": "nn44444", "MX": "2n", "DNAME": "N", "SRV": "222N",
	"RP": "NN", "AFSDB": "2N", "KX": "2N", "HINFO": "ss", "NAPTR": "22sssN", "CAA": "1s*", "DS": "211*", "CDS": "211*", "DNSKEY": "211*",
	"CDNSKEY": "211*", "SSHFP": "11*", "TLSA": "111*", "SVCB": "2N*", "HTTPS": "2N*", "NSEC": "N*", "RRSIG": "2114442N*", "URI": "22*",
}


def type_name(number):
	return TYPE_NAMES.get(number, f"TYPE{number}")


def type_number(name):
	return TYPES[name] if name in TYPES else int(name.removeprefix("TYPE"))


def label_text(label):
	"""RFC 1035 5.1, with everything escaped that could be read in another way."""
	return "".join(chr(c) if chr(c).isalnum() and c < 128 or c in b"-_*" else f"\\{chr(c)}" if 33 <= c < 127 else f"\\{c:03d}" for c in label)


def name_text(labels):
	return "".join(label_text(l) + "." for l in labels) or "."


def text_labels(text):
	"""The labels of a name as RFC 1035 5.1 writes it; it is absolute with or without its last dot."""
	labels, label, at = [], bytearray(), 0
	while at < len(text):
		c = text[at]
		if c == "\\":
			is_number = text[at + 1:at + 4].isdigit() and len(text) >= at + 4
			label.append(int(text[at + 1:at + 4]) if is_number else ord(text[at + 1]))
			at += 4 if is_number else 2
			continue
		at += 1
		if c != ".":
			label.append(ord(c))
		elif label:
			labels.append(bytes(label))
			label = bytearray()
	return labels + ([bytes(label)] if label else [])


def labels_wire(labels):
	return b"".join(bytes([len(l)]) + l for l in labels) + b"\0"


def name_wire(text):
	return labels_wire(text_labels(text))


class Record:
	"""`data` is the RDATA with its names spelled out."""
	__slots__ = ("labels", "type", "klass", "ttl", "data")

	def __init__(self, labels, kind, klass, ttl, data):
		self.labels, self.type, self.klass, self.ttl, self.data = labels, kind, klass, ttl, data

	@property
	def owner(self):
		return name_text(self.labels)

	def key(self):
		"""Equal for equal records, whatever the case of the owner."""
		return labels_wire(self.labels).lower(), self.type, self.klass, self.ttl, self.data

	def __str__(self):
		klass = "" if self.klass == 1 else f" {CLASSES.get(self.klass, self.klass)}"
		return f"{self.owner} {self.ttl}{klass} {type_name(self.type)} {data_text(self.type, self.data)}".rstrip()

	__repr__ = __str__


def data_text(kind, data):
	name = type_name(kind)
	if name in ("A", "AAAA") and len(data) in (4, 16):
		return str(ipaddress.ip_address(data))
	try:
		if name == "TXT":
			return " ".join(string_text(s) for s in strings(data))
		if name == "NSEC":
			labels, at = plain_name(data, 0)
			return " ".join([name_text(labels), *bitmap_types(data[at:])])
		if name == "NSEC3":
			return nsec3_text(data)
		if name in FORMS:
			return " ".join(fields_text(FORMS[name], data))
	except (IndexError, struct.error):
		pass
	return f"\\# {len(data)} {data.hex()}".rstrip()


def strings(data):
	at, found = 0, []
	while at < len(data):
		found.append(data[at + 1:at + 1 + data[at]])
		at += 1 + data[at]
	return found


def string_text(s):
	return '"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in s) + '"'


def plain_name(data, at):
	labels = []
	while data[at]:
		assert data[at] < 64, "a compressed name in data that lets nobody compress it (RFC 3597 4)"
		labels.append(data[at + 1:at + 1 + data[at]])
		at += 1 + data[at]
	return labels, at + 1


def bitmap_types(bitmap):
	"""RFC 4034 4.1.2, with its rules on what may be there."""
	at, found, last = 0, [], -1
	while at < len(bitmap):
		window, n = bitmap[at], bitmap[at + 1]
		assert window > last and 1 <= n <= 32 and bitmap[at + 1 + n], f"a bitmap that is none: {bitmap.hex()}"
		bits = bitmap[at + 2:at + 2 + n]
		found += [type_name(window * 256 + i) for i in range(8 * n) if bits[i >> 3] & 0x80 >> (i & 7)]
		at, last = at + 2 + n, window
	return found


BASE32HEX = "0123456789abcdefghijklmnopqrstuv"


def base32hex(data):
	bits = "".join(f"{b:08b}" for b in data)
	return "".join(BASE32HEX[int(bits[i:i + 5].ljust(5, "0"), 2)] for i in range(0, len(bits), 5))


def nsec3_text(data):
	algorithm, flags, iterations, n_salt = struct.unpack_from("!BBHB", data)
	salt, at = data[5:5 + n_salt], 5 + n_salt
	n_hash = data[at]
	following = data[at + 1:at + 1 + n_hash]
	return " ".join([f"{algorithm} {flags} {iterations} {salt.hex() or '-'} {base32hex(following)}", *bitmap_types(data[at + 1 + n_hash:])])


def fields_text(form, data):
	at, out = 0, []
	for f in form:
		if f in "nN":
			labels, at = plain_name(data, at)
			out.append(name_text(labels))
		elif f in "124":
			n = int(f)
			out.append(str(int.from_bytes(data[at:at + n], "big")))
			at += n
		elif f == "s":
			out.append(string_text(data[at + 1:at + 1 + data[at]]))
			at += 1 + data[at]
		else:
			out += [data[at:].hex()] if at < len(data) else []
			at = len(data)
	assert at == len(data), "data that ends behind its last field"
	return out


class Message:
	"""A message read whole."""
	__slots__ = ("wire", "id", "flags", "counts", "questions", "answer", "authority", "additional", "opt", "at")

	def __init__(self, wire):
		assert len(wire) >= 12, f"{len(wire)} bytes are no message"
		self.wire = wire
		self.id, self.flags, *self.counts = struct.unpack_from("!6H", wire)
		self.at, self.questions = 12, []
		for _ in range(self.counts[0]):
			labels = self.name()
			self.questions.append((labels, *struct.unpack_from("!2H", wire, self.at)))
			self.at += 4
		self.answer, self.authority, additional = ([self.record() for _ in range(n)] for n in self.counts[1:])
		assert self.at == len(wire), f"{len(wire) - self.at} bytes behind the message"
		opts = [r for r in additional if r.type == 41]
		assert len(opts) < 2 and not any(r.labels for r in opts), "OPT records: at most one, of the root (RFC 6891 6.1.1)"
		self.opt = opts[0] if opts else None
		self.additional = [r for r in additional if r.type != 41]

	def name(self):
		wire, at, labels, behind = self.wire, self.at, [], None
		lowest = at
		while True:
			assert at < len(wire), "a name runs out of the message"
			n = wire[at]
			if n == 0:
				break
			if n >= 0xC0:
				target = (n & 0x3F) << 8 | wire[at + 1]
				assert 12 <= target < lowest, "a compression pointer that does not point backwards to a name"
				behind = behind or at + 2
				at = lowest = target
				continue
			assert n < 64, "a label of an unknown kind"
			labels.append(wire[at + 1:at + 1 + n])
			at += 1 + n
		self.at = behind or at + 1
		assert sum(map(len, labels)) + len(labels) < 255, "a name of more than 255 bytes"
		return labels

	def record(self):
		labels = self.name()
		kind, klass, ttl, n = struct.unpack_from("!2HIH", self.wire, self.at)
		self.at += 10
		end = self.at + n
		assert end <= len(self.wire), "a record runs out of the message"
		form = FORMS.get(TYPE_NAMES.get(kind))
		data = self.wire[self.at:end]
		if form and "n" in form:
			data = b""
			for f in form:
				if f == "n":
					data += labels_wire(self.name())
				else:
					data += self.wire[self.at:self.at + int(f)]
					self.at += int(f)
			assert self.at == end, "data and its length disagree"
		self.at = end
		return Record(labels, kind, klass, ttl, data)

	@property
	def rcode(self):
		number = self.flags & 15 | (self.opt.ttl >> 24 << 4 if self.opt else 0)
		return RCODES.get(number, f"RCODE{number}")

	def options(self):
		"""[(code, bytes)] of the OPT record."""
		data, found = self.opt.data if self.opt else b"", []
		while data:
			code, n = struct.unpack_from("!2H", data)
			assert len(data) >= 4 + n, "an option that runs out of its record"
			found.append((code, data[4:4 + n]))
			data = data[4 + n:]
		return found

	def head(self):
		"""Rcode and flags, as the first line of a row has them."""
		assert self.flags & 0x8000, "not a response"
		opcode = self.flags >> 11 & 15
		return " ".join([self.rcode] + [n for n, bit in FLAGS if self.flags & bit] + ([f"opcode={opcode}"] if opcode else []))

	def opt_line(self):
		if not self.opt:
			return []
		flags = self.opt.ttl & 0xFFFF
		assert self.opt.ttl >> 16 & 0xFF == 0, "an EDNS version that there is not"
		assert flags & 0x7FFF == 0, "Z bits of EDNS are set (RFC 6891 6.1.4)"
		return [" ".join([f"opt {self.opt.klass}"] + ["do"] * bool(flags) + [f"{code}={data.hex()}" for code, data in self.options()])]

	def lines(self):
		"""All of it but id and question; the records of a section in alphabetical order."""
		sections = (("an", self.answer), ("ns", self.authority), ("ar", self.additional))
		return [self.head()] + [line for mark, records in sections for line in sorted(f"{mark} {r}" for r in records)] + self.opt_line()

	def __repr__(self):
		return f"<{'; '.join(self.lines())}>"


def ask_wire(name, kind, ident=0, flags=0, klass=1, edns=None, do=False, version=0, options=b"", opcode=0, z=0):
	"""A query; `name` may be labels or text, `kind` a number or a name; `edns` is the size that an OPT record offers."""
	labels = text_labels(name) if isinstance(name, str) else name
	kind = type_number(kind) if isinstance(kind, str) else kind
	wire = struct.pack("!6H", ident, flags | opcode << 11, 1, 0, 0, int(edns is not None)) + labels_wire(labels) + struct.pack("!2H", kind, klass)
	if edns is not None:
		wire += struct.pack("!BHHBBHH", 0, 41, edns, 0, version, 0x8000 * do | z, len(options)) + options
	return wire
