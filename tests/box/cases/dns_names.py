# SPDX-License-Identifier: BSD-2-Clause
"""Which data answers a question: RFC 1034, 1035, 2181, 2308, 3597, 4343, 4592, 6604, 8020, 8482, 9460, 9471."""
from cases.dns import EXAMPLE_SOA, R, RFC1034_SOA, SERVED_SOA, TEST_SOA

MAIL = "an mail.example.test. 600 A 192.0.2.25"
AR_MAIL = "ar mail.example.test. 600 A 192.0.2.25"
AR_NS1 = ["ar ns1.example.test. 3600 A 192.0.2.53", "ar ns1.example.test. 3600 AAAA 2001:db8::53"]
CHILD = ["ns child.example.test. 3600 NS ns.child.example.test.", "ns child.example.test. 3600 NS ns2.elsewhere.test.",
         "ar ns.child.example.test. 3600 A 192.0.2.66", "ar ns.child.example.test. 3600 AAAA 2001:db8::66"]
SECURE = ["ns secure.example.test. 3600 NS ns.secure.example.test.", "ar ns.secure.example.test. 3600 A 192.0.2.67"]
CLOUD = "an app.example.test. 60 A 198.51.100.10"


def chain(*hops):
	return [f"an {a}.example.test. 3600 CNAME {b}.example.test." for a, b in zip(hops, hops[1:])]


def data(rfc, section, what, name, kind, text, ttl=3600, extra=()):
	return R(rfc, section, what, f"{name}.example.test. {kind}", "NOERROR aa", f"an {name}.example.test. {ttl} {kind} {text}", *extra)


def nodata(rfc, section, what, asked, **more):
	return R(rfc, section, what, asked, "NOERROR aa", TEST_SOA, **more)


def nxdomain(rfc, section, what, asked, **more):
	return R(rfc, section, what, asked, "NXDOMAIN aa", TEST_SOA, **more)


# RFC 1034 6.2: the examples, asked of C.ISI.EDU.
RFC_1034_6 = [
	R(1034, "6.2.1", "QNAME=SRI-NIC.ARPA, QTYPE=A", "SRI-NIC.ARPA.rfc1034. A", "NOERROR aa",
	  "an SRI-NIC.ARPA.rfc1034. 86400 A 10.0.0.51", "an SRI-NIC.ARPA.rfc1034. 86400 A 26.0.0.73"),
	R(1034, "6.2.2", "QNAME=SRI-NIC.ARPA, QTYPE=*: minimal by RFC 8482 4.2, of the name's own data", "SRI-NIC.ARPA.rfc1034. ANY", "NOERROR aa",
	  'an SRI-NIC.ARPA.rfc1034. 86400 HINFO "DEC-2060" "TOPS20"'),
	R(1034, "6.2.3", "QNAME=SRI-NIC.ARPA, QTYPE=MX: addresses of the exchange are additional", "SRI-NIC.ARPA.rfc1034. MX", "NOERROR aa",
	  "an SRI-NIC.ARPA.rfc1034. 86400 MX 0 SRI-NIC.ARPA.rfc1034.", "ar SRI-NIC.ARPA.rfc1034. 86400 A 10.0.0.51", "ar SRI-NIC.ARPA.rfc1034. 86400 A 26.0.0.73"),
	R(1034, "6.2.4", "QNAME=SRI-NIC.ARPA, QTYPE=NS: the name exists, the type does not", "SRI-NIC.ARPA.rfc1034. NS", "NOERROR aa", RFC1034_SOA),
	R(1034, "6.2.5", "QNAME=SIR-NIC.ARPA, QTYPE=A: a mistyped name", "SIR-NIC.ARPA.rfc1034. A", "NXDOMAIN aa", RFC1034_SOA),
	R(1034, "6.2.6", "QNAME=BRL.MIL, QTYPE=A: a referral with the addresses of its servers", "BRL.MIL.rfc1034. A", "NOERROR",
	  "ns MIL.rfc1034. 86400 NS A.ISI.EDU.rfc1034.", "ns MIL.rfc1034. 86400 NS SRI-NIC.ARPA.rfc1034.", "ar A.ISI.EDU.rfc1034. 86400 A 26.3.0.103",
	  "ar SRI-NIC.ARPA.rfc1034. 86400 A 10.0.0.51", "ar SRI-NIC.ARPA.rfc1034. 86400 A 26.0.0.73"),
	R(1034, "6.2.7", "QNAME=USC-ISIC.ARPA, QTYPE=A: the alias, and where it leads (delegated here)", "USC-ISIC.ARPA.rfc1034. A", "NOERROR aa",
	  "an USC-ISIC.ARPA.rfc1034. 86400 CNAME C.ISI.EDU.rfc1034.", "ns EDU.rfc1034. 86400 NS C.ISI.EDU.rfc1034.", "ns EDU.rfc1034. 86400 NS SRI-NIC.ARPA.rfc1034.",
	  "ar C.ISI.EDU.rfc1034. 86400 A 10.0.0.52", "ar SRI-NIC.ARPA.rfc1034. 86400 A 10.0.0.51", "ar SRI-NIC.ARPA.rfc1034. 86400 A 26.0.0.73"),
	R(1034, "6.2.8", "QNAME=USC-ISIC.ARPA, QTYPE=CNAME: the alias itself, not followed", "USC-ISIC.ARPA.rfc1034. CNAME", "NOERROR aa",
	  "an USC-ISIC.ARPA.rfc1034. 86400 CNAME C.ISI.EDU.rfc1034."),
	R(1034, "6.1", "the root's own servers, and glue of those that stand below a cut", "rfc1034. NS", "NOERROR aa",
	  "an rfc1034. 86400 NS A.ISI.EDU.rfc1034.", "an rfc1034. 86400 NS C.ISI.EDU.rfc1034.", "an rfc1034. 86400 NS SRI-NIC.ARPA.rfc1034.",
	  "ar SRI-NIC.ARPA.rfc1034. 86400 A 10.0.0.51", "ar SRI-NIC.ARPA.rfc1034. 86400 A 26.0.0.73"),
	R(1034, "6.1", "the root's SOA", "rfc1034. SOA", "NOERROR aa", "an rfc1034. 86400 SOA SRI-NIC.ARPA.rfc1034. HOSTMASTER.SRI-NIC.ARPA.rfc1034. 870611 1800 300 604800 86400"),
	R(1034, "6.1", "a pointer record", "51.0.0.10.IN-ADDR.ARPA.rfc1034. PTR", "NOERROR aa", "an 51.0.0.10.IN-ADDR.ARPA.rfc1034. 86400 PTR SRI-NIC.ARPA.rfc1034."),
	R(1034, "6.1", "a name between the root and data is there", "ARPA.rfc1034. A", "NOERROR aa", RFC1034_SOA),
	R(1034, "6.1", "nor is the root without", "rfc1034. A", "NOERROR aa", RFC1034_SOA),
]

RFC_1034 = [
	R(1034, "4.3.2", "step 3a: the whole name matches", "mail.example.test. A", "NOERROR aa", MAIL),
	R(1034, "4.3.2", "step 3a: all records of the type, as one set", "multi.example.test. A", "NOERROR aa",
	  *(f"an multi.example.test. 3600 A 192.0.2.{i}" for i in (1, 2, 3))),
	nodata(1034, "4.3.2", "the name matches, the type does not", "mail.example.test. AAAA"),
	R(1034, "4.3.2", "step 3a: an alias, and the search goes on at its target", "alias.example.test. A", "NOERROR aa", *chain("alias", "mail"), MAIL),
	R(1034, "4.3.2", "step 3a: aliases of aliases, each with its own TTL", "chain.example.test. A", "NOERROR aa",
	  "an chain.example.test. 120 CNAME alias.example.test.", *chain("alias", "mail"), MAIL),
	R(1034, "4.3.2", "step 3a: five aliases in a row", "hop0.example.test. A", "NOERROR aa", *chain(*(f"hop{i}" for i in range(6))),
	  "an hop5.example.test. 3600 A 192.0.2.90"),
	R(1034, "3.6.2", "asked for CNAME, the alias is not followed", "chain.example.test. CNAME", "NOERROR aa",
	  "an chain.example.test. 120 CNAME alias.example.test."),
	R(1034, "4.3.2", "an alias to a name that is not served here", "outside.example.test. A", "NOERROR aa",
	  "an outside.example.test. 3600 CNAME www.elsewhere.test."),
	R(1034, "4.3.2", "an alias to the apex", "tomx.example.test. MX", "NOERROR aa", "an tomx.example.test. 3600 CNAME example.test.",
	  "an example.test. 3600 MX 10 mail.example.test.", "an example.test. 3600 MX 20 mail.elsewhere.test.", AR_MAIL),
	R(1034, "5.2.2", "an alias to itself ends", "self.example.test. A", "NOERROR aa", *chain("self", "self")),
	R(1034, "5.2.2", "aliases in a circle end, each told once", "loop1.example.test. A", "NOERROR aa", *chain("loop1", "loop2", "loop1")),
	R(1034, "4.3.2", "step 3b: a referral is not authoritative", "www.child.example.test. A", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: any type below the cut", "www.child.example.test. TXT", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: any depth below the cut", "a.b.c.child.example.test. A", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: at the cut itself", "child.example.test. A", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: NS at the cut is a referral too", "child.example.test. NS", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: SOA at the cut is the child's", "child.example.test. SOA", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: glue is no authoritative data", "ns.child.example.test. A", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: ANY at the cut", "child.example.test. ANY", "NOERROR", *CHILD),
	R(1034, "4.3.2", "step 3b: what is hidden below a cut", "www.secure.example.test. TXT", "NOERROR", *SECURE),
	R(1034, "4.3.2", "step 3a with 3b: an alias that leads below a cut", "tochild.example.test. A", "NOERROR aa",
	  "an tochild.example.test. 3600 CNAME www.child.example.test.", *CHILD),
	R(1034, "4.2.1", "glue of a sibling's server", "x.sibling.example.test. A", "NOERROR", "ns sibling.example.test. 3600 NS ns.child.example.test.",
	  "ar ns.child.example.test. 3600 A 192.0.2.66", "ar ns.child.example.test. 3600 AAAA 2001:db8::66"),
	R(1034, "4.2.1", "no glue for a server elsewhere", "x.lame.example.test. A", "NOERROR", "ns lame.example.test. 3600 NS ns.elsewhere.test."),
	nxdomain(1034, "4.3.2", "step 3c: no such name", "nowhere.example.test. A"),
	nxdomain(1034, "4.3.2", "step 3c: no such name, several labels deep", "a.b.c.nowhere.example.test. A"),
	nxdomain(1034, "4.3.2", "step 3c: below a name with data", "www.mail.example.test. A"),
	nxdomain(1034, "4.3.2", "below an alias (no DNAME): not the alias's target", "x.alias.example.test. A"),
	nodata(1034, "3.1", "a name with nothing but names below it", "b.deep.example.test. A"),
	nodata(1034, "3.1", "and one above it", "deep.example.test. A"),
	R(1034, "3.7.1", "a name outside of every zone", "elsewhere.test. A", "REFUSED"),
	R(1034, "3.7.1", "the parent of a zone", "test. A", "REFUSED"),
	R(1034, "3.7.1", "the root", ". NS", "REFUSED"),
	R(1034, "3.7.1", "a name that ends as a zone does, within a label", "xexample.test. A", "REFUSED"),
	R(1034, "3.7.1", "a sibling of a zone", "example.test1. A", "REFUSED"),
	R(1034, "4.2.1", "the zone below, on the same server: its data are authoritative", "www.served.example.test. A", "NOERROR aa",
	  "an www.served.example.test. 60 A 192.0.2.70"),
	R(1034, "4.2.1", "its SOA", "served.example.test. SOA", "NOERROR aa",
	  "an served.example.test. 60 SOA ns1.example.test. hostmaster.served.example.test. 7 7200 3600 1209600 60"),
	R(1034, "4.2.1", "its NS set is its own, not the parent's", "served.example.test. NS", "NOERROR aa",
	  "an served.example.test. 60 NS ns1.example.test."),
	R(1034, "4.2.1", "what is not in it", "nowhere.served.example.test. A", "NXDOMAIN aa", SERVED_SOA),
	R(1034, "4.2.1", "no data in it", "www.served.example.test. MX", "NOERROR aa", SERVED_SOA),
]

RFC_1035 = [
	R(1035, "3.3.9", "MX: the exchange's addresses are additional; those of hosts elsewhere are not here", "example.test. MX", "NOERROR aa",
	  "an example.test. 3600 MX 10 mail.example.test.", "an example.test. 3600 MX 20 mail.elsewhere.test.", AR_MAIL),
	R(1035, "3.3.11", "NS: the servers' addresses are additional", "example.test. NS", "NOERROR aa",
	  "an example.test. 3600 NS ns1.example.test.", "an example.test. 3600 NS ns2.elsewhere.test.", *AR_NS1),
	R(1035, "3.3.13", "SOA, with its own TTL when asked for", "example.test. SOA", "NOERROR aa",
	  "an example.test. 3600 SOA ns1.example.test. hostmaster.example.test. 2026010101 7200 3600 1209600 300"),
	R(1035, "3.3.14", "TXT of two strings", "example.test. TXT", "NOERROR aa", 'an example.test. 3600 TXT "v=spf1 -all" "second string"'),
	R(1035, "3.3.14", "TXT of two strings of 255 bytes", "long.example.test. TXT edns=1232", "NOERROR aa",
	  f'an long.example.test. 3600 TXT "{"x" * 255}" "{"y" * 255}"'),
	data(1035, "3.3.2", "HINFO", "hinfo", "HINFO", '"PDP-11" "UNIX"'),
	data(1035, "3.3.12", "PTR: no additional section", "ptr", "PTR", "mail.example.test."),
	data(1035, "3.4.1", "A", "mail", "A", "192.0.2.25", ttl=600),
	data(1035, "3.2.1", "a TTL of zero", "zero", "TXT", '"not to be kept"', ttl=0),
	data(1035, "5.1", "an escaped dot is no separator", r"a\.b", "A", "192.0.2.11"),
	nxdomain(1035, "5.1", "and the name that it would be with one is another", "a.b.example.test. A"),
	data(1035, "5.1", "a blank in a label", r"sp\032ace", "A", "192.0.2.12"),
	data(1035, "5.1", "a zero byte in a label", r"\000", "A", "192.0.2.13"),
	data(1035, "5.1", "an escaped @", r"up\@at", "A", "192.0.2.16"),
	data(2181, "11", "bytes above 127 in a label", r"\195\164", "A", "192.0.2.14"),
	data(2181, "11", "an underscore in a label", "under_score", "A", "192.0.2.15"),
	nxdomain(1035, "2.3.4", "a label of 63 bytes", "a" * 63 + ".example.test. A"),
	nxdomain(1035, "2.3.4", "a name of 255 bytes", ".".join(["a" * 63] * 3 + ["b" * 48]) + ".example.test. A"),
	nxdomain(1035, "2.3.4", "a name of 120 labels", "a." * 118 + "example.test. A"),
	R(1035, "4.1.4", "a name of 255 bytes at a wildcard: the owner is the question, the longest there is",
	  ".".join(["a" * 63] * 3 + ["b" * 43]) + ".wild.example.test. A", "NOERROR aa",
	  "an " + ".".join(["a" * 63] * 3 + ["b" * 43]) + ".wild.example.test. 3600 A 192.0.2.99"),
]

RFC_2181 = [
	R(2181, "5.2", "records of one set that differ in TTL leave with the lowest", "ttls.example.test. A", "NOERROR aa",
	  *(f"an ttls.example.test. 100 A 192.0.2.{i}" for i in (4, 5, 6))),
	R(2181, "5", "a record that stands twice is sent once", "same.example.test. A", "NOERROR aa", "an same.example.test. 3600 A 192.0.2.7"),
	data(2181, "8", "the longest TTL", "huge", "TXT", '"the longest TTL"', ttl=2147483647),
	R(2181, "6.1", "NS at the apex are authoritative", "served.example.test. NS", "NOERROR aa", "an served.example.test. 60 NS ns1.example.test."),
	R(2181, "9", "a set that does not fit is not sent in part", "big.example.test. TXT", "NOERROR aa tc", only="udp"),
	R(2181, "9", "nor with EDNS", "big.example.test. TXT edns=4096", "NOERROR aa tc", only="udp"),
	R(2181, "9", "addresses alike", "wide.example.test. A edns=1232", "NOERROR aa tc", only="udp"),
	R(2181, "9", "the whole set over TCP", "wide.example.test. A", "NOERROR aa",
	  *(f"an wide.example.test. 3600 A 198.51.100.{i}" for i in range(1, 101)), only="tcp"),
	R(2181, "9", "additional data that do not fit are left out without TC", "mx.example.test. MX", "NOERROR aa",
	  *(f"an mx.example.test. 3600 MX {i} mx{i}.example.test." for i in range(1, 13)), only="udp"),
	R(2181, "9", "and sent where there is room", "mx.example.test. MX edns=1232", "NOERROR aa",
	  *(f"an mx.example.test. 3600 MX {i} mx{i}.example.test." for i in range(1, 13)),
	  *(f"ar mx{i}.example.test. 3600 A 192.0.2.{200 + i}" for i in range(1, 13)),
	  *(f"ar mx{i}.example.test. 3600 AAAA 2001:db8:2::{i:x}" for i in range(1, 13))),
	R(2181, "10.1", "an alias has no other data: NS of it is that of its target", "alias.example.test. NS", "NOERROR aa", *chain("alias", "mail"), TEST_SOA),
]

RFC_2308 = [
	nxdomain(2308, "2.1", "the SOA record in the authority section, AA", "nowhere.example.test. MX"),
	R(2308, "2.1", "an alias to a name that does not exist: NXDOMAIN, and the alias in the answer", "tonowhere.example.test. A", "NXDOMAIN aa",
	  "an tonowhere.example.test. 3600 CNAME nowhere.example.test.", TEST_SOA),
	nodata(2308, "2.2", "no data: the SOA record alone", "multi.example.test. TXT"),
	R(2308, "2.2", "an alias to a name without the type", "alias.example.test. AAAA", "NOERROR aa", *chain("alias", "mail"), TEST_SOA),
	R(2308, "2.2", "an alias to a name that has no data at all", "toempty.example.test. A", "NOERROR aa",
	  "an toempty.example.test. 3600 CNAME b.deep.example.test.", TEST_SOA),
	nodata(2308, "2.2.1", "the apex without the type", "example.test. AAAA"),
	R(2308, "3", "the TTL is the lower of SOA's own and its minimum, here both", "x.served.example.test. A", "NXDOMAIN aa", SERVED_SOA),
	R(2308, "5", "that of the minimum where it is lower", "missing.host1.example. A", "NXDOMAIN aa", EXAMPLE_SOA),
	R(2308, "2.1.1", "an NXDOMAIN is none of a referral", "nowhere.child.example.test. A", "NOERROR", *CHILD),
]

RFC_3597 = [
	data(3597, "3", "an unknown type as opaque bytes", "unknown", "TYPE65280", r"\# 5 0102030405"),
	data(3597, "5", "data of no bytes", "empty", "TYPE65281", r"\# 0"),
	R(3597, "5", "a known type written as an unknown one", "generic.example.test. A", "NOERROR aa", "an generic.example.test. 3600 A 192.0.2.8"),
	R(3597, "5", "a known type with data in the generic form", "genmx.example.test. MX", "NOERROR aa", "an genmx.example.test. 3600 MX 10 mail.xx."),
	nodata(3597, "3", "a type that nobody knows, of a name that exists", "mail.example.test. TYPE65279"),
	nodata(3597, "3", "type 65535, reserved", "mail.example.test. TYPE65535"),
	nodata(3597, "3", "type 0, reserved", "mail.example.test. TYPE0"),
	nxdomain(3597, "3", "a type that nobody knows, of a name that does not", "nowhere.example.test. TYPE65279"),
	R(3597, "3", "a type that nobody knows, at a wildcard", "x.wild.example.test. TYPE65279", "NOERROR aa", TEST_SOA),
	R(3597, "3", "a type that nobody knows, at an alias", "alias.example.test. TYPE65279", "NOERROR aa", *chain("alias", "mail"), TEST_SOA),
	R(3597, "3", "a type that nobody knows, below a cut", "x.child.example.test. TYPE65279", "NOERROR", *CHILD),
	# dns_text refuses compressed names in these, so that being read at all is the point.
	data(3597, "4", "SRV: its target is not compressed; its address is additional", "_http._tcp", "SRV", "0 5 80 mail.example.test.", extra=[AR_MAIL]),
	data(2782, "SRV", "a target of `.`: the service is not there", "_sip._udp", "SRV", "0 5 5060 ."),
	data(3597, "4", "NAPTR", "naptr", "NAPTR", '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.test!" .'),
	data(3597, "4", "RP", "rp", "RP", "mbox.mail.example.test. txt.mail.example.test."),
	R(8659, "4", "CAA", "example.test. CAA", "NOERROR aa", "an example.test. 3600 CAA 0 \"issue\" " + b"ca.test".hex()),
	data(6698, "2.1", "TLSA", "tlsa", "TLSA", "3 1 1 " + "0123456789abcdef" * 4),
	data(4255, "3.1", "SSHFP", "sshfp", "SSHFP", "1 1 " + "0123456789abcdef" * 2 + "01234567"),
	nodata(3597, "3", "a type of DNSSEC in a zone without it", "mail.example.test. RRSIG"),
	nodata(3597, "3", "NSEC alike", "mail.example.test. NSEC"),
	nodata(3597, "3", "DNSKEY at the apex alike", "example.test. DNSKEY"),
]

RFC_4343 = [
	R(4343, "4", "the question's case comes back, and so does the owner's", "MAIL.eXample.TEST. A", "NOERROR aa", "an MAIL.eXample.TEST. 600 A 192.0.2.25"),
	R(4343, "3.1", "a name of the zone in mixed case is found in lower case", "mixedcase.example.test. A", "NOERROR aa",
	  "an mixedcase.example.test. 3600 A 192.0.2.8"),
	R(4343, "3.1", "and in upper case", "MIXEDCASE.EXAMPLE.TEST. A", "NOERROR aa", "an MIXEDCASE.EXAMPLE.TEST. 3600 A 192.0.2.8"),
	R(4343, "4.1", "an alias's target is found in any case", "tomixed.example.test. A", "NOERROR aa",
	  "an tomixed.example.test. 3600 CNAME mIXEDcASE.example.test.", "an mIXEDcASE.example.test. 3600 A 192.0.2.8"),
	nxdomain(4343, "2", "[ is not { in another case", r"\123.example.test. A"),
	nxdomain(4343, "2", "bytes above 127 have no case", r"\195\132.example.test. A"),
	nxdomain(4343, "2", "@ is not ` in another case", r"up\096at.example.test. A"),
	nxdomain(4343, "2", "0x20 set is not the same as NUL", r"\032.example.test. A"),
	R(4343, "3", "a wildcard's owner is the question as it came", "QuiTe.WILD.example.test. A", "NOERROR aa", "an QuiTe.WILD.example.test. 3600 A 192.0.2.99"),
	R(4343, "3", "a steered name in mixed case", "aPP.eXaMpLe.tEsT. A", "NOERROR aa", "an aPP.eXaMpLe.tEsT. 60 A 198.51.100.10", counted={"steered": 1}),
	R(4343, "4.1", "SOA of an NXDOMAIN for an upper-case question", "NOWHERE.EXAMPLE.TEST. A", "NXDOMAIN aa",
	  "ns EXAMPLE.TEST. 300 SOA ns1.EXAMPLE.TEST. hostmaster.EXAMPLE.TEST. 2026010101 7200 3600 1209600 300"),
]

TXT, MX, H1 = '3600 TXT "this is a wildcard"', "3600 MX 10 host1.example.", "ar host1.example. 3600 A 192.0.2.1"
DELEGATED = ["ns subdel.example. 3600 NS ns.example.com.", "ns subdel.example. 3600 NS ns.example.net."]
RFC_4592 = [
	R(4592, "2.2.1", "QNAME=host3.example. QTYPE=MX: synthesised", "host3.example. MX", "NOERROR aa", f"an host3.example. {MX}", H1),
	R(4592, "2.2.1", "QNAME=host3.example. QTYPE=A: no data, for there is no A at *.example.", "host3.example. A", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.2.1", "QNAME=foo.bar.example. QTYPE=TXT: synthesised, bar.example. does not exist", "foo.bar.example. TXT", "NOERROR aa",
	  f"an foo.bar.example. {TXT}"),
	R(4592, "2.2.1", "QNAME=host1.example. QTYPE=MX: not synthesised, for host1.example. exists", "host1.example. MX", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.2.1", "QNAME=sub.*.example. QTYPE=MX: not synthesised, for sub.*.example. exists", "sub.*.example. MX", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.2.1", "QNAME=_telnet._tcp.host1.example. QTYPE=SRV: not synthesised, for _tcp.host1.example. exists",
	  "_telnet._tcp.host1.example. SRV", "NXDOMAIN aa", EXAMPLE_SOA),
	R(4592, "2.2.1", "QNAME=host.subdel.example. QTYPE=A: not synthesised, for subdel.example. is a cut", "host.subdel.example. A", "NOERROR", *DELEGATED),
	R(4592, "2.2.1", "QNAME=ghost.*.example. QTYPE=MX: not synthesised, for *.example. exists", "ghost.*.example. MX", "NXDOMAIN aa", EXAMPLE_SOA),
	R(4592, "2.2.2", "host2.example. is an empty non-terminal: no data", "host2.example. A", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.2.2", "_tcp.host2.example. alike", "_tcp.host2.example. TXT", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.2.2", "nothing is synthesised below an empty non-terminal", "x.host2.example. TXT", "NXDOMAIN aa", EXAMPLE_SOA),
	R(4592, "2.2.2", "nor below the one below", "x._tcp.host1.example. TXT", "NXDOMAIN aa", EXAMPLE_SOA),
	R(4592, "2.1.1", "*.example. asked for itself is a name like others", "*.example. TXT", "NOERROR aa", f"an *.example. {TXT}"),
	R(4592, "2.1.1", "and has no data of other types", "*.example. A", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.1.3", "sub.*.example. is no wildcard", "sub.*.example. TXT", "NOERROR aa", 'an sub.*.example. 3600 TXT "this is not a wildcard"'),
	R(4592, "2.1.3", "nor does it match anything else", "sub.x.example. TXT", "NOERROR aa", f"an sub.x.example. {TXT}"),
	R(4592, "2.1.2", "an asterisk within a label is an asterisk", "a*.example. TXT", "NOERROR aa", f"an a*.example. {TXT}"),
	R(4592, "2.1.2", "two asterisks are no wildcard", "**.example. TXT", "NOERROR aa", f"an **.example. {TXT}"),
	R(4592, "2.1.3", "a name below the wildcard by an asterisk label", "*.*.example. TXT", "NXDOMAIN aa", EXAMPLE_SOA),
	R(4592, "3.3.1", "many labels below the closest encloser", "a.b.c.d.e.example. TXT", "NOERROR aa", f"an a.b.c.d.e.example. {TXT}"),
	R(4592, "3.3.1", "a name at the apex is no wildcard's", "example. TXT", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "3.3.2", "the wildcard of a higher name is not taken when the closest encloser has none", "x.host1.example. TXT", "NXDOMAIN aa", EXAMPLE_SOA),
	R(4592, "4.2", "the cut beside the wildcard: NS at it", "subdel.example. NS", "NOERROR", *DELEGATED),
	R(4592, "4.6", "DS at the cut is not synthesised", "subdel.example. DS", "NOERROR aa", EXAMPLE_SOA),
	R(4592, "2.2.1", "a wildcard at depth: a name below it", "x.wild.example.test. A", "NOERROR aa", "an x.wild.example.test. 3600 A 192.0.2.99"),
	R(4592, "2.2.1", "a wildcard at depth: its parent has nothing", "wild.example.test. A", "NOERROR aa", TEST_SOA),
	R(4592, "2.2.1", "a wildcard at depth: a name of another type shadows it", "sub.wild.example.test. A", "NOERROR aa", TEST_SOA),
	nxdomain(4592, "2.2.1", "a wildcard at depth: nothing below the name that shadows it", "x.sub.wild.example.test. A"),
	nodata(4592, "2.2.2", "a wildcard at depth: an empty non-terminal shadows it", "ent.wild.example.test. A"),
	nxdomain(4592, "2.2.2", "a wildcard at depth: nothing below the empty non-terminal", "x.ent.wild.example.test. A"),
	R(4592, "3.3.3", "an alias whose target is a wildcard's", "towild.example.test. A", "NOERROR aa",
	  "an towild.example.test. 3600 CNAME x.wild.example.test.", "an x.wild.example.test. 3600 A 192.0.2.99"),
	R(4592, "4.4", "a CNAME at a wildcard is synthesised and followed", "x.cw.example.test. A", "NOERROR aa",
	  "an x.cw.example.test. 3600 CNAME mail.example.test.", MAIL),
	R(4592, "4.4", "asked for itself it is not followed", "x.cw.example.test. CNAME", "NOERROR aa", "an x.cw.example.test. 3600 CNAME mail.example.test."),
	R(4592, "4.4", "out of the zone", "x.cwout.example.test. A", "NOERROR aa", "an x.cwout.example.test. 3600 CNAME www.elsewhere.test."),
	R(4592, "4.4", "no data at its target", "x.cw.example.test. AAAA", "NOERROR aa", "an x.cw.example.test. 3600 CNAME mail.example.test.", TEST_SOA),
	R(4592, "3.3.1", "a steered wildcard", "x.pool.example.test. A", "NOERROR aa", "an x.pool.example.test. 20 A 198.51.100.10", counted={"steered": 1}),
	R(4592, "3.3.1", "a steered wildcard's other family", "x.y.pool.example.test. AAAA", "NOERROR aa", "an x.y.pool.example.test. 20 AAAA 2001:db8:1::10",
	  counted={"steered": 1}),
	nodata(4592, "3.3.1", "a steered wildcard has no other types", "x.pool.example.test. MX"),
	R(4592, "2.1.1", "a steered wildcard asked for itself", "*.pool.example.test. A", "NOERROR aa", "an *.pool.example.test. 20 A 198.51.100.10",
	  counted={"steered": 1}),
]

RFC_6604 = [
	R(6604, "3", "the code is that of the last name: it does not exist", "tonowhere.example.test. TXT", "NXDOMAIN aa",
	  "an tonowhere.example.test. 3600 CNAME nowhere.example.test.", TEST_SOA),
	R(6604, "3", "it exists", "toempty.example.test. TXT", "NOERROR aa", "an toempty.example.test. 3600 CNAME b.deep.example.test.", TEST_SOA),
	R(6604, "2.1", "AA is that of the first name, though the last one is delegated", "tochild.example.test. AAAA", "NOERROR aa",
	  "an tochild.example.test. 3600 CNAME www.child.example.test.", *CHILD),
]

RFC_8020 = [
	nxdomain(8020, "2", "below a name that does not exist", "x.nowhere.example.test. A"),
	nodata(8020, "3.1", "an empty non-terminal is no NXDOMAIN", "deep.example.test. TXT"),
	nodata(8020, "3.1", "nor is the one of a service's name", "_tcp.example.test. SRV"),
	nodata(8020, "3.1", "nor that of a steered wildcard", "pool.example.test. A"),
]

RFC_8482 = [
	R(8482, "4.2", "a made-up HINFO where the name has none", "mail.example.test. ANY", "NOERROR aa", 'an mail.example.test. 3600 HINFO "RFC8482" ""'),
	R(8482, "4.2", "the name's own one where it has", "hinfo.example.test. ANY", "NOERROR aa", 'an hinfo.example.test. 3600 HINFO "PDP-11" "UNIX"'),
	R(8482, "4.1", "an alias is answered as it is", "alias.example.test. ANY", "NOERROR aa", *chain("alias", "mail")),
	R(8482, "4.2", "at a wildcard", "x.wild.example.test. ANY", "NOERROR aa", 'an x.wild.example.test. 3600 HINFO "RFC8482" ""'),
	R(8482, "4.2", "of a steered name, which is not steered for it", "app.example.test. ANY", "NOERROR aa", 'an app.example.test. 3600 HINFO "RFC8482" ""'),
	R(8482, "4.2", "of the apex", "example.test. ANY", "NOERROR aa", 'an example.test. 3600 HINFO "RFC8482" ""'),
	R(8482, "4.2", "of a set that is too large: never truncated", "big.example.test. ANY", "NOERROR aa", 'an big.example.test. 3600 HINFO "RFC8482" ""'),
	nxdomain(8482, "4", "a name that does not exist still does not", "nowhere.example.test. ANY"),
	nodata(8482, "4", "nor has an empty non-terminal got anything", "b.deep.example.test. ANY"),
]

RFC_9460 = [
	data(9460, "2.4.2", "AliasMode", "svc", "HTTPS", "0 pool.svc.example.test."),
	data(9460, "2.4.3", "ServiceMode: keys in order of their numbers", "pool.svc", "HTTPS", "1 . " + "0001000602683202683300040004c0000250"),
	data(9460, "4.1", "SVCB: the target's address is additional", "_dns", "SVCB", "1 mail.example.test. 0001000403646f74" + "000300020355", extra=[AR_MAIL]),
	nodata(9460, "2", "no HTTPS at a name without", "mail.example.test. HTTPS"),
]

CROWD_NS = [f"ns crowd.example.test. 3600 NS ns{i}.crowd.example.test." for i in range(1, 13)]
CROWD_GLUE = ["ar ns1.crowd.example.test. 3600 A 192.0.2.101"] + [line for i in range(2, 13) for line in (
	f"ar ns{i}.crowd.example.test. 3600 A 192.0.2.{100 + i}", f"ar ns{i}.crowd.example.test. 3600 AAAA 2001:db8::{i:x}")]
RFC_9471 = [
	R(9471, "3.1", "all glue of servers below the cut", "www.crowd.example.test. A edns=1232", "NOERROR", *CROWD_NS, *CROWD_GLUE),
	R(9471, "3.1", "TC when it does not fit, rather than a part", "www.crowd.example.test. A", "NOERROR tc", only="udp"),
	R(9471, "3.1", "over TCP all of it", "www.crowd.example.test. A", "NOERROR", *CROWD_NS, *CROWD_GLUE, only="tcp"),
	R(9471, "3.1", "glue of a server in the cut's own zone", "www.secure.example.test. A", "NOERROR", *SECURE),
	R(9471, "3.2", "glue of a sibling's server, when it fits", "www.sibling.example.test. MX", "NOERROR", "ns sibling.example.test. 3600 NS ns.child.example.test.",
	  "ar ns.child.example.test. 3600 A 192.0.2.66", "ar ns.child.example.test. 3600 AAAA 2001:db8::66"),
]

RFC_4035_UNSIGNED = [
	data(4035, "3.1.4.1", "DS at a cut is the parent's, and authoritative", "secure", "DS", "12345 13 2 " + "0123456789abcdef" * 4),
	nodata(4035, "3.1.4.1", "no DS at an insecure cut", "child.example.test. DS"),
	R(4035, "3.1.4.1", "DS below the cut is the child's matter", "x.secure.example.test. DS", "NOERROR", *SECURE),
	R(4035, "3.1.4.1", "DS of a zone whose parent is served, too: the parent answers", "served.example.test. DS", "NOERROR aa",
	  "an served.example.test. 3600 DS 4711 13 2 " + "fedcba9876543210" * 4),
	nodata(4035, "3.1.4.1", "DS of the apex, whose parent is not served", "example.test. DS"),
	nodata(4035, "3.1.4.1", "DS of a name that is no cut", "mail.example.test. DS"),
]

STEERED = [
	R(1034, "4.3.2", "a steered name", "app.example.test. A", "NOERROR aa", CLOUD, counted={"steered": 1}),
	R(3596, "2", "its other family", "app.example.test. AAAA", "NOERROR aa", "an app.example.test. 60 AAAA 2001:db8:1::10", counted={"steered": 1}),
	R(2308, "2.2", "a steered name whose site has no IPv6", "four.example.test. AAAA", "NOERROR aa",
	  TEST_SOA.replace(" 300 SOA", " 30 SOA"), counted={"steered": 1}),
	nodata(2308, "2.2", "a steered name's other types", "app.example.test. TXT"),
	data(1034, "4.3.2", "static data beside a steered address", "mixed", "TXT", '"beside a steered address"'),
	R(1034, "4.3.2", "the steered address beside static data", "mixed.example.test. A", "NOERROR aa", "an mixed.example.test. 40 A 192.0.2.10",
	  counted={"steered": 1}),
	R(1034, "3.6.2", "an alias to a steered name", "tosteered.example.test. A", "NOERROR aa", "an tosteered.example.test. 900 CNAME app.example.test.", CLOUD,
	  counted={"steered": 1}),
	R(1034, "3.6.2", "an alias to a steered name, and a type that is not steered", "tosteered.example.test. MX", "NOERROR aa",
	  "an tosteered.example.test. 900 CNAME app.example.test.", TEST_SOA),
	nxdomain(8020, "2", "below a steered name", "x.app.example.test. A"),
]

CASES = (RFC_1034_6 + RFC_1034 + RFC_1035 + RFC_2181 + RFC_2308 + RFC_3597 + RFC_4343 + RFC_4592 + RFC_6604 + RFC_8020 + RFC_8482 + RFC_9460
         + RFC_9471 + RFC_4035_UNSIGNED + STEERED)
