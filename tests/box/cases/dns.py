# SPDX-License-Identifier: BSD-2-Clause
"""What a row of the DNS suites is made of, and the zones that rows ask about.

A row says the RFC and section that it reads from, the query and the whole answer as dns_text writes it:

	R(4592, "2.2.1", "a name below the wildcard", "host3.example. MX", "NOERROR aa", "an host3.example. 3600 MX 10 host1.example.", ...)

The query is `NAME TYPE` and what differs from the plainest one: edns=BYTES do rd cd ad tc aa ra z class=N opcode=N version=N opt=HEX, or raw
bytes. RD, opcode and an OPT record without options are expected back without being said.
"""
import dataclasses
import re

from dns_text import ask_wire

BITS = {"aa": 0x400, "tc": 0x200, "rd": 0x100, "ra": 0x80, "z": 0x40, "ad": 0x20, "cd": 0x10}
SERVER_EDNS_BYTES = 1232


@dataclasses.dataclass(eq=False)
class Case:
	"""`said`: lines of the answer, None for silence. `counted`: counters beside that of the transport and those that follow from
	the code. `only`: udp or tcp. `echoes`: the question comes back."""
	rfc: str
	section: str
	name: str
	asked: bytes
	said: list
	counted: dict
	only: str
	echoes: bool

	@property
	def label(self):
		return f"{self.rfc} {self.section}: {self.name}"


def asked_wire(text):
	"""The bytes of a query in a row's words."""
	name, kind, *words = text.split()
	more = {"flags": 0}
	for word in words:
		key, _, value = word.partition("=")
		if key in BITS and not value:
			more["flags"] |= BITS[key]
		elif key == "do":
			more["do"] = True
			more.setdefault("edns", SERVER_EDNS_BYTES)
		elif key == "opt":
			more["options"] = bytes.fromhex(value)
			more.setdefault("edns", SERVER_EDNS_BYTES)
		elif key == "ednsz":
			more["z"] = int(value, 0)
		else:
			more[{"class": "klass"}.get(key, key)] = int(value, 0)
	return ask_wire(name, kind, **more)


def R(rfc, section, name, asked, *said, only="", counted=None, echoes=True):
	wire = asked if isinstance(asked, bytes) else asked_wire(asked)
	if said == (None,):
		return Case(f"RFC {rfc}", section, name, wire, None, counted or {}, only, echoes)
	lines, flags = list(said), int.from_bytes(wire[2:4], "big")
	if flags & BITS["rd"]:
		lines[0] += " rd"
	if flags >> 11 & 15:
		lines[0] += f" opcode={flags >> 11 & 15}"
	if isinstance(asked, str) and re.search(r" (edns|version|opt)=| do\b", asked) and not any(l.startswith("opt ") for l in lines):
		lines.append(f"opt {SERVER_EDNS_BYTES}" + (" do" if re.search(r" do\b", asked) else ""))
	return Case(f"RFC {rfc}", section, name, wire, lines, counted or {}, only, echoes)


# ---- the zones ----

# RFC 4592 2.2.1, as it stands there; what it leaves open is filled in.
EXAMPLE = """$ORIGIN example.
example.                 3600 IN  SOA   ns.example.com. hostmaster.example. 1 7200 3600 1209600 600
example.                 3600     NS    ns.example.com.
example.                 3600     NS    ns.example.net.
*.example.               3600     TXT   "this is a wildcard"
*.example.               3600     MX    10 host1.example.
sub.*.example.           3600     TXT   "this is not a wildcard"
host1.example.           3600     A     192.0.2.1
_ssh._tcp.host1.example. 3600     SRV   0 0 22 host1.example.
_ssh._tcp.host2.example. 3600     SRV   0 0 22 host2.example.
subdel.example.          3600     NS    ns.example.com.
subdel.example.          3600     NS    ns.example.net.
"""
EXAMPLE_SOA = "ns example. 600 SOA ns.example.com. hostmaster.example. 1 7200 3600 1209600 600"

SITES = {"cloud": ["198.51.100.10", "2001:db8:1::10"], "onprem": ["192.0.2.10"], "dr": ["203.0.113.10"]}
NAMES = {
	"app": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem", "dr"], "ttl": "5s..60s"},
	"four": {"policy": "failover", "pool": "app", "sites": ["onprem"], "ttl": "30s"},
	"*.pool": {"policy": "failover", "pool": "app", "sites": ["cloud"], "ttl": "20s"},
	"mixed": {"policy": "failover", "pool": "app", "sites": ["onprem"], "ttl": "40s"},
}
TEST = r"""$ORIGIN example.test.
$TTL 3600
@	SOA ns1 hostmaster 2026010101 7200 3600 1209600 300
@	NS ns1
@	NS ns2.elsewhere.test.
@	MX 10 mail
@	MX 20 mail.elsewhere.test.
@	TXT "v=spf1 -all" "second string"
@	CAA 0 issue "ca.test"
ns1	A 192.0.2.53
ns1	AAAA 2001:db8::53
mail	600 A 192.0.2.25
alias	CNAME mail
chain	120 CNAME alias
outside	CNAME www.elsewhere.test.
tonowhere	CNAME nowhere
toempty	CNAME b.deep
towild	CNAME x.wild
tochild	CNAME www.child
tosteered	900 CNAME app
tomx	CNAME @
loop1	CNAME loop2
loop2	CNAME loop1
self	CNAME self
*.cw	CNAME mail
*.cwout	CNAME www.elsewhere.test.
a.b.deep	A 192.0.2.77
*.wild	A 192.0.2.99
sub.wild	TXT "closer"
a.ent.wild	A 192.0.2.98
mixed	TXT "beside a steered address"
mixed	MX 5 four
multi	A 192.0.2.1
multi	A 192.0.2.2
multi	A 192.0.2.3
ttls	300 A 192.0.2.4
ttls	100 A 192.0.2.5
ttls	200 A 192.0.2.6
zero	0 TXT "not to be kept"
huge	2147483647 TXT "the longest TTL"
same	A 192.0.2.7
same	A 192.0.2.7
_http._tcp	SRV 0 5 80 mail
_sip._udp	SRV 0 5 5060 .
hinfo	HINFO "PDP-11" "UNIX"
ptr	PTR mail
naptr	NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:info@example.test!" .
rp	RP mbox.mail txt.mail
kx	KX 10 mail
unknown	TYPE65280 \# 5 0102030405
empty	TYPE65281 \# 0
generic	TYPE1 \# 4 C0000208
genmx	MX \# 11 000A 04 6D61696C 02 7878 00
tlsa	TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
sshfp	SSHFP 1 1 0123456789abcdef0123456789abcdef01234567
svc	HTTPS 0 pool.svc
pool.svc	HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.80
_dns	SVCB 1 mail alpn=dot port=853
MixedCase	A 192.0.2.8
tomixed	CNAME mIXEDcASE
a\.b	A 192.0.2.11
sp\032ace	A 192.0.2.12
\000	A 192.0.2.13
\195\164	A 192.0.2.14
under_score	A 192.0.2.15
up\@at	A 192.0.2.16
long	TXT "LONG"
child	NS ns.child
child	NS ns2.elsewhere.test.
ns.child	A 192.0.2.66
ns.child	AAAA 2001:db8::66
lame	NS ns.elsewhere.test.
sibling	NS ns.child
secure	NS ns.secure
secure	DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure	A 192.0.2.67
www.secure	TXT "hidden by the cut"
crowd	NS ns1.crowd
served	NS ns1
served	DS 4711 13 2 fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
big	TXT "0"
""".replace('"LONG"', f'"{"x" * 255}" "{"y" * 255}"') + "".join(f"big\tTXT \"{i:02d}{'x' * 180}\"\n" for i in range(12)) \
	+ "".join(f"wide\tA 198.51.100.{i}\n" for i in range(1, 101)) \
	+ "".join(f"crowd\tNS ns{i}.crowd\nns{i}.crowd\tA 192.0.2.{100 + i}\nns{i}.crowd\tAAAA 2001:db8::{i:x}\n" for i in range(2, 13)) \
	+ "ns1.crowd\tA 192.0.2.101\n" \
	+ "".join(f"mx\tMX {i} mx{i}\nmx{i}\tA 192.0.2.{200 + i}\nmx{i}\tAAAA 2001:db8:2::{i:x}\n" for i in range(1, 13)) \
	+ "".join(f"hop{i}\tCNAME hop{i + 1}\n" for i in range(5)) + "hop5\tA 192.0.2.90\n"
TEST_SOA = "ns example.test. 300 SOA ns1.example.test. hostmaster.example.test. 2026010101 7200 3600 1209600 300"

# A zone of its own below example.test, on the same daemon: DS is the parent's, all else this one's (RFC 4035 3.1.4.1).
SERVED = """$ORIGIN served.example.test.
$TTL 60
@	SOA ns1.example.test. hostmaster 7 7200 3600 1209600 60
@	NS ns1.example.test.
www	A 192.0.2.70
up	CNAME mail.example.test.
"""
SERVED_SOA = "ns served.example.test. 60 SOA ns1.example.test. hostmaster.served.example.test. 7 7200 3600 1209600 60"

# RFC 1034 6.1: what C.ISI.EDU holds. The root of the examples is `rfc1034.` here; EDU is only delegated.
RFC1034 = """$ORIGIN rfc1034.
$TTL 86400
@	SOA SRI-NIC.ARPA HOSTMASTER.SRI-NIC.ARPA 870611 1800 300 604800 86400
	NS A.ISI.EDU
	NS C.ISI.EDU
	NS SRI-NIC.ARPA
MIL	NS SRI-NIC.ARPA
	NS A.ISI.EDU
EDU	NS SRI-NIC.ARPA
	NS C.ISI.EDU
SRI-NIC.ARPA	A 26.0.0.73
	A 10.0.0.51
	MX 0 SRI-NIC.ARPA
	HINFO DEC-2060 TOPS20
ACC.ARPA	A 26.6.0.65
	HINFO PDP-11/70 UNIX
	MX 10 ACC.ARPA
USC-ISIC.ARPA	CNAME C.ISI.EDU
73.0.0.26.IN-ADDR.ARPA	PTR SRI-NIC.ARPA
65.0.6.26.IN-ADDR.ARPA	PTR ACC.ARPA
51.0.0.10.IN-ADDR.ARPA	PTR SRI-NIC.ARPA
52.0.0.10.IN-ADDR.ARPA	PTR C.ISI.EDU
103.0.3.26.IN-ADDR.ARPA	PTR A.ISI.EDU
A.ISI.EDU	A 26.3.0.103
C.ISI.EDU	A 10.0.0.52
"""
RFC1034_SOA = "ns rfc1034. 86400 SOA SRI-NIC.ARPA.rfc1034. HOSTMASTER.SRI-NIC.ARPA.rfc1034. 870611 1800 300 604800 86400"
