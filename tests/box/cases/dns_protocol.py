# SPDX-License-Identifier: BSD-2-Clause
"""How messages are read and written, whatever they ask for: RFC 1035 4, 6891, 6895, 9619, and what no client should send."""
import struct

from cases.dns import R, TEST_SOA, asked_wire
from dns_text import labels_wire, name_wire

MAIL = "an mail.example.test. 600 A 192.0.2.25"
QUERY = "mail.example.test. A"


def message(body=b"", flags=0, qd=1, an=0, ns=0, ar=0):
	return struct.pack("!6H", 0, flags, qd, an, ns, ar) + body


def question(name="mail.example.test.", kind=1, klass=1):
	return name_wire(name) + struct.pack("!2H", kind, klass)


def opt(size=1232, data=b"", owner=b"\0", version=0, n_data=None):
	return owner + struct.pack("!2HBBHH", 41, size, 0, version, 0, len(data) if n_data is None else n_data) + data


def record(name=b"\0", kind=1, klass=1, data=b"\xc0\0\2\1", n_data=None):
	return name + struct.pack("!2HIH", kind, klass, 0, len(data) if n_data is None else n_data) + data


def bare(rfc, section, name, wire, rcode="FORMERR", **more):
	"""An answer that is a header alone: there is no question that could come back."""
	return R(rfc, section, name, wire, rcode, echoes=False, **more)


def good(rfc, section, name, asked, *more_lines, flags=""):
	return R(rfc, section, name, asked, ("NOERROR aa " + flags).strip(), MAIL, *more_lines)


RFC_1035_4 = [
	good(1035, "4.1.1", "the plainest query", QUERY),
	good(1035, "4.1.1", "RD is copied", QUERY + " rd"),
	good(1035, "4.1.1", "RA of a query means nothing, and we offer no recursion", QUERY + " ra"),
	good(1035, "4.1.1", "TC of a query means nothing", QUERY + " tc"),
	good(1035, "4.1.1", "AA of a query means nothing", QUERY + " aa"),
	good(1035, "4.1.1", "Z is zero in an answer, whatever it was", QUERY + " z"),
	good(4035, "3.1.6", "AD is not invented", QUERY + " ad"),
	good(4035, "3.1.6", "CD is cleared by an authoritative server", QUERY + " cd"),
	good(1035, "4.1.1", "all flags at once", QUERY + " rd ra tc aa z ad cd"),
	R(1035, "4.1.1", "RD and a refusal", "elsewhere.test. A rd", "REFUSED"),
	R(1035, "4.1.1", "RD and an NXDOMAIN", "nowhere.example.test. A rd", "NXDOMAIN aa", TEST_SOA),
	R(1035, "4.1.1", "a code in a query means nothing", message(question(), flags=5), "NOERROR aa", MAIL),
	R(1035, "4.1.1", "all codes set in a query", message(question(), flags=15), "NOERROR aa", MAIL),
	R(1035, "4.1.1", "a response is not answered", message(question(), flags=0x8000), None),
	R(1035, "4.1.1", "a response with an error is not answered", message(question(), flags=0x8001), None),
	R(1035, "4.1.1", "a response of another opcode is not answered", message(question(), flags=0xA800), None),
	R(1035, "4.1.1", "a response with an answer is not answered", message(question() + record(), flags=0x8400, an=1), None),
	R(1035, "4.1.1", "a header alone that says it is a response", message(flags=0x8000, qd=0), None),
	bare(1035, "4.1.2", "no question where one is counted", message()),
	bare(1035, "4.1.2", "a question without its class", message(question()[:-2])),
	bare(1035, "4.1.2", "a question without type and class", message(question()[:-4])),
	bare(1035, "4.1.2", "a name without its end", message(name_wire("mail.example.test")[:-1])),
	bare(1035, "3.1", "a label that is longer than the message", message(b"\x3fabc")),
	bare(1035, "4.1.4", "a label of type 01", message(b"\x41" + b"a" * 65 + b"\0\0\1\0\1")),
	bare(1035, "4.1.4", "a label of type 10", message(b"\x81" + b"a" * 65 + b"\0\0\1\0\1")),
	bare(1035, "4.1.4", "a pointer to itself", message(b"\xc0\x0c\0\1\0\1")),
	bare(1035, "4.1.4", "a pointer into the header", message(b"\xc0\0\0\1\0\1")),
	bare(1035, "4.1.4", "a pointer forward", message(b"\xc0\x12\0\1\0\1\0")),
	bare(1035, "4.1.4", "a pointer behind the message", message(b"\xff\xff\0\1\0\1")),
	bare(1035, "4.1.4", "half a pointer", message(b"\xc0")),
	bare(1035, "4.1.4", "a pointer behind labels", message(b"\4mail\xc0\x0c\0\1\0\1")),
	bare(1035, "4.1.4", "two pointers in a circle", message(b"\xc0\x0e\xc0\x0c\0\1\0\1")),
	bare(1035, "2.3.4", "a name of 256 bytes", message(labels_wire([b"a" * 63] * 3 + [b"b" * 62]) + b"\0\1\0\1")),
	bare(1035, "2.3.4", "a name of 128 labels", message(labels_wire([b"a"] * 128) + b"\0\1\0\1")),
	R(1035, "2.3.4", "a name of 127 labels is one", message(labels_wire([b"a"] * 127) + b"\0\1\0\1"), "REFUSED"),
	R(1035, "2.3.4", "a name of 255 bytes is one", message(labels_wire([b"a" * 63] * 3 + [b"b" * 61]) + b"\0\1\0\1"), "REFUSED"),
	R(1035, "4.1.3", "an answer in a query is read over", message(question() + record(), an=1), "NOERROR aa", MAIL),
	R(1035, "4.1.3", "an answer whose owner is a pointer", message(question() + record(b"\xc0\x0c"), an=1), "NOERROR aa", MAIL),
	R(1035, "4.1.3", "an authority record in a query is read over", message(question() + record(), ns=1), "NOERROR aa", MAIL),
	R(1035, "4.1.3", "an additional record in a query is read over", message(question() + record(), ar=1), "NOERROR aa", MAIL),
	R(1035, "4.1.3", "a record of each section", message(question() + record() * 3, an=1, ns=1, ar=1), "NOERROR aa", MAIL),
	R(1035, "4.1.1", "an answer counted that is not there", message(question(), an=1), "FORMERR"),
	R(1035, "4.1.1", "an authority record counted that is not there", message(question(), ns=1), "FORMERR"),
	R(1035, "4.1.1", "an additional record counted that is not there", message(question(), ar=1), "FORMERR"),
	R(1035, "4.1.1", "65535 of each counted", message(question(), an=65535, ns=65535, ar=65535), "FORMERR"),
	R(1035, "4.1.1", "counts whose sum is 65536", message(question(), an=32768, ns=32768), "FORMERR"),
	R(1035, "4.1.1", "a record that is not counted", message(question() + record()), "FORMERR"),
	R(1035, "4.1.1", "one byte behind the message", message(question() + b"\0"), "FORMERR"),
	R(1035, "4.1.3", "a record without its data", message(question() + record(n_data=4, data=b""), ar=1), "FORMERR"),
	R(1035, "4.1.3", "a record with less data than it says", message(question() + record(n_data=65535), ar=1), "FORMERR"),
	R(1035, "4.1.3", "a record with more data than it says", message(question() + record(n_data=3), ar=1), "FORMERR"),
	R(1035, "4.1.4", "a record whose owner is half a pointer", message(question() + b"\xc0", ar=1), "FORMERR"),
	R(1035, "4.1.4", "a record whose owner has a label of type 01", message(question() + b"\x41" + b"a" * 80, ar=1), "FORMERR"),
	R(1035, "4.2.1", "512 bytes of query: as many records as that takes", message(question() + record() * 32, ar=32), "NOERROR aa", MAIL),
]

RFC_9619 = [
	bare(9619, "4", "QDCOUNT 2, and two questions", message(question() * 2, qd=2)),
	bare(9619, "4", "QDCOUNT 2, and one question", message(question(), qd=2)),
	bare(9619, "4", "QDCOUNT 65535", message(question(), qd=65535)),
	R(9619, "4", "QDCOUNT 1, and two questions: bytes behind the message", message(question() * 2), "FORMERR"),
	bare(1035, "4.1.2", "QDCOUNT 0, and a question behind", message(question(), qd=0)),
	bare(1035, "4.1.2", "QDCOUNT 0, and nothing at all", message(qd=0)),
]

# RFC 6895 2.2: opcodes; all but QUERY get NOTIMP, in a query that is otherwise good, and none of them the daemon's death.
OPCODES = [R(6895, "2.2", f"opcode {code} ({name})", f"{QUERY} opcode={code}", "NOTIMP") for code, name in
           [(1, "IQUERY, obsolete by RFC 3425"), (2, "STATUS"), (3, "unassigned"), (4, "NOTIFY"), (5, "UPDATE"), (6, "DSO")] +
           [(i, "unassigned") for i in range(7, 16)]]
OPCODES += [
	R(1996, "3.7", "a NOTIFY with its SOA record", message(question("example.test.", 6) + record(kind=6, data=b"\0\0" + bytes(20)), flags=0x2400, an=1), "NOTIMP"),
	R(2136, "2", "an UPDATE with a record", message(question("example.test.", 6) + record(), flags=0x2800, ns=1), "NOTIMP"),
	bare(6895, "2.2", "opcode 2 with no question (RFC 8490 5.4 for opcode 6)", message(qd=0, flags=2 << 11), "NOTIMP"),
	bare(6895, "2.2", "opcode 6 with no question", message(qd=0, flags=6 << 11), "NOTIMP"),
	bare(6895, "2.2", "an unknown opcode, and a question that is cut", message(question()[:-3], flags=9 << 11), "NOTIMP"),
]

CLASSES = [R(6895, "3.2", f"class {number} ({name})", f"{QUERY} class={number}", "REFUSED") for number, name in
           ((0, "reserved"), (2, "CSNET"), (3, "CHAOS"), (4, "HESIOD"), (5, "unassigned"), (254, "NONE"), (255, "ANY"), (256, "unassigned"),
            (0xFF00, "private"), (65535, "reserved"))]

# RFC 6895 3.1: what can be asked for but is no data. Transfers come later; all the others nobody serves.
TYPES = [R(6895, "3.1", f"type {number} ({name})", f"example.test. {name if name != '-' else f'TYPE{number}'}", rcode) for number, name, rcode in
         ((128, "-", "NOTIMP"), (200, "-", "NOTIMP"), (248, "-", "NOTIMP"), (249, "TKEY", "NOTIMP"), (250, "TSIG", "NOTIMP"), (251, "IXFR", "REFUSED"),
          (252, "AXFR", "REFUSED"), (253, "MAILB", "NOTIMP"), (254, "MAILA", "NOTIMP"))]
TYPES += [R(5936, "2.2", "a transfer of a zone that is not here", "elsewhere.test. AXFR", "REFUSED"),
          R(5936, "2.2", "a transfer of a name that is no zone", "mail.example.test. AXFR", "REFUSED")]

RFC_6891 = [
	good(6891, "6.1.1", "an OPT record comes back when there was one", QUERY + " edns=1232"),
	good(6891, "6.2.3", "a size below 512 counts as 512", QUERY + " edns=0"),
	good(6891, "6.2.3", "the largest size", QUERY + " edns=65535"),
	good(3225, "3", "DO is copied", QUERY + " do"),
	good(6891, "6.1.4", "unknown flags of EDNS are ignored, and zero in the answer", QUERY + " edns=1232 ednsz=0x7fff"),
	R(6891, "6.1.3", "version 1: BADVERS, and our own version", QUERY + " edns=1232 version=1", "BADVERS"),
	R(6891, "6.1.3", "version 255", QUERY + " edns=1232 version=255", "BADVERS"),
	R(6891, "6.1.3", "version 1 of a name that is not here", "elsewhere.test. A edns=1232 version=1", "BADVERS"),
	R(6891, "6.1.3", "an extended code in a query means nothing", message(question() + b"\0" + struct.pack("!2HBBHH", 41, 1232, 255, 0, 0, 0), ar=1),
	  "NOERROR aa", MAIL, "opt 1232"),
	good(6891, "6.1.2", "an unknown option is ignored, and not echoed", QUERY + " edns=1232 opt=fde90003616263"),
	good(6891, "6.1.2", "an unknown option of no bytes", QUERY + " edns=1232 opt=fde90000"),
	good(6891, "6.1.2", "the same option twice", QUERY + " edns=1232 opt=fde90000fde90000"),
	R(6891, "6.1.1", "two OPT records", message(question() + opt() * 2, ar=2), "FORMERR", "opt 1232"),
	R(6891, "6.1.1", "an OPT record in front of another record", message(question() + opt() + record(), ar=2), "NOERROR aa", MAIL, "opt 1232"),
	R(6891, "6.1.1", "an OPT record behind another record", message(question() + record() + opt(), ar=2), "NOERROR aa", MAIL, "opt 1232"),
	R(6891, "6.1.1", "an OPT record in the answer section", message(question() + opt(), an=1), "FORMERR"),
	R(6891, "6.1.1", "an OPT record in the authority section", message(question() + opt(), ns=1), "FORMERR"),
	R(6891, "6.1.2", "an OPT record with an owner", message(question() + opt(owner=b"\1a\0"), ar=1), "FORMERR"),
	R(6891, "6.1.2", "an OPT record whose owner is a pointer to a root", message(question() + opt(owner=b"\xc0\x1d"), ar=1), "FORMERR"),
	R(6891, "6.1.2", "an option that is cut", message(question() + opt(data=b"\xfd\xe9\0\4abc"), ar=1), "FORMERR", "opt 1232"),
	R(6891, "6.1.2", "an option without its length", message(question() + opt(data=b"\xfd\xe9"), ar=1), "FORMERR", "opt 1232"),
	R(6891, "6.1.2", "half an option behind a whole one", message(question() + opt(data=b"\xfd\xe9\0\1a\xfd"), ar=1), "FORMERR", "opt 1232"),
	R(6891, "6.1.2", "an option whose length is 65535", message(question() + opt(data=b"\xfd\xe9\xff\xffabc"), ar=1), "FORMERR", "opt 1232"),
	R(6891, "6.1.2", "options that end in front of the record's end", message(question() + opt(data=b"\xfd\xe9\0\0\0\0\0"), ar=1), "FORMERR", "opt 1232"),
	R(6891, "6.1.1", "the OPT record's data run out of the message", message(question() + opt(n_data=8), ar=1), "FORMERR"),
	R(6891, "7", "an OPT record in a query of another opcode", message(question() + opt(), flags=2 << 11, ar=1), "NOTIMP", "opt 1232"),
	R(6891, "7", "REFUSED has an OPT record when the query had, which says why (RFC 8914 4.21)", "elsewhere.test. A edns=1232", "REFUSED", "opt 1232 15=0014"),
	R(6891, "7", "NXDOMAIN as well", "nowhere.example.test. A edns=1232", "NXDOMAIN aa", TEST_SOA),
	R(6891, "7", "a truncated answer as well", "wide.example.test. A edns=512", "NOERROR aa tc", only="udp"),
	R(6891, "6.2.5", "513 bytes offered and used at most", "mx.example.test. MX edns=513", "NOERROR aa",
	  *(f"an mx.example.test. 3600 MX {i} mx{i}.example.test." for i in range(1, 13)), only="udp"),
]

# Every length of a good query with EDNS but the whole one: too short for a header is silence, the rest FORMERR; with the question
# back as soon as it is whole, and never with the OPT record, which is cut.
WHOLE = asked_wire(QUERY + " edns=1232 opt=fde90003616263")
QUESTION_END = 12 + len(question())
CUT = [R(1035, "4.1", f"a query cut to {n} bytes", WHOLE[:n], None) for n in range(12)]
CUT += [R(1035, "4.1", f"a query cut to {n} bytes", WHOLE[:n], "FORMERR", echoes=n >= QUESTION_END) for n in range(12, len(WHOLE))]

CASES = RFC_1035_4 + RFC_9619 + OPCODES + CLASSES + TYPES + RFC_6891 + CUT
