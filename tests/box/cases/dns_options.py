# SPDX-License-Identifier: BSD-2-Clause
"""Options of EDNS and what else a query can ask about the server: RFC 4892, 5001, 7828, 7830, 7871, 7873. An asterisk in an `opt` line
stands for what nobody can know beforehand."""
from cases.dns import R, TEST_SOA

MAIL = "an mail.example.test. 600 A 192.0.2.25"
CLOUD = "an app.example.test. 60 A 198.51.100.10"
CLIENT = "2464c4abcf10c957"  # RFC 9018 A.1
COOKIE = f"000a0008{CLIENT}"
FULL = f"opt 1232 10={CLIENT}01000000*"  # version 1, three bytes reserved, time, hash (RFC 9018 4)
IDENTITY = {"identity": "edge-1.example.test", "version": "one two", "nsid": "edge-1"}


def option(code, data=""):
	return f"{code:04x}{len(data) // 2:04x}{data}"


def asks(rfc, section, name, options, *more, **others):
	"""Of static data: the options change nothing in it."""
	return R(rfc, section, name, f"mail.example.test. A opt={options}", "NOERROR aa", MAIL, *more, **others)


def malformed(rfc, section, name, options, **more):
	return R(rfc, section, name, f"mail.example.test. A opt={options}", "FORMERR", **more)


def ecs(family, source, address="", scope=0):
	return option(8, f"{family:04x}{source:02x}{scope:02x}{address}")


def echoed(family, source, address=""):
	"""Scope 0: holds for everyone."""
	return f"opt 1232 8={family:04x}{source:02x}00{address}"


RFC_7871 = [
	asks(7871, "7.2.1", "an IPv4 /24: family, prefix and address come back, with scope 0 for static data", ecs(1, 24, "c63364"), echoed(1, 24, "c63364")),
	asks(7871, "7.2.1", "an IPv6 /56", ecs(2, 56, "20010db8000100"), echoed(2, 56, "20010db8000100")),
	asks(7871, "7.2.1", "a whole IPv4 address", ecs(1, 32, "c6336401"), echoed(1, 32, "c6336401")),
	asks(7871, "7.2.1", "a whole IPv6 address", ecs(2, 128, "20010db8" + "00" * 11 + "01"), echoed(2, 128, "20010db8" + "00" * 11 + "01")),
	asks(7871, "7.2.1", "a prefix that ends within a byte", ecs(1, 20, "c63360"), echoed(1, 20, "c63360")),
	asks(7871, "7.1.2", "source prefix 0: the client wants not to be looked at", ecs(1, 0), echoed(1, 0)),
	asks(7871, "7.1.2", "source prefix 0 of IPv6", ecs(2, 0), echoed(2, 0)),
	asks(7871, "7.1.2", "source prefix 0 of no family, as dig writes it", ecs(0, 0), echoed(0, 0)),
	R(7871, "7.2.1", "a name that is steered by health alone: scope 0", f"app.example.test. A opt={ecs(1, 24, 'c63364')}", "NOERROR aa", CLOUD, echoed(1, 24, "c63364"),
	  counted={"steered": 1}),
	R(7871, "7.2.1", "an NXDOMAIN holds for everyone", f"nowhere.example.test. A opt={ecs(1, 24, 'c63364')}", "NXDOMAIN aa", TEST_SOA, echoed(1, 24, "c63364")),
	R(7871, "7.2.1", "a refusal holds for everyone", f"elsewhere.test. A opt={ecs(1, 24, 'c63364')}", "REFUSED", echoed(1, 24, "c63364") + " 15=0014"),
	R(7871, "7.2.1", "a truncated answer has the option", f"wide.example.test. A opt={ecs(1, 24, 'c63364')}", "NOERROR aa tc", echoed(1, 24, "c63364"), only="udp"),
	malformed(7871, "7.2.1", "too few bytes of address", ecs(1, 24, "c633")),
	malformed(7871, "7.2.1", "too many bytes of address", ecs(1, 24, "c6336400")),
	malformed(7871, "7.2.1", "all bytes of address behind a short prefix", ecs(1, 8, "c6336401")),
	malformed(7871, "7.2.1", "a bit set behind the prefix", ecs(1, 20, "c6336f")),
	malformed(7871, "7.2.1", "the last bit set behind a /31", ecs(1, 31, "c6336401")),
	malformed(7871, "6", "a scope in a query", ecs(1, 24, "c63364", scope=24)),
	malformed(7871, "6", "a prefix longer than IPv4 addresses are", ecs(1, 33, "c633640100")),
	malformed(7871, "6", "a prefix longer than IPv6 addresses are", ecs(2, 129, "20" * 17)),
	malformed(7871, "6", "an unknown family", ecs(3, 8, "c6")),
	malformed(7871, "6", "a prefix of no family", ecs(0, 8, "c6")),
	malformed(7871, "6", "no bytes", option(8)),
	malformed(7871, "6", "cut in front of the scope", option(8, "000118")),
	malformed(7871, "6", "two of them", ecs(1, 24, "c63364") + ecs(1, 24, "c63365")),
]

RFC_7873 = [
	asks(7873, "5.2.3", "a client cookie alone: it comes back with a server cookie", COOKIE, FULL),
	asks(7873, "5.2.4", "a server cookie that is not ours: a new one", option(10, CLIENT + "00" * 16), FULL),
	asks(7873, "5.2.4", "a server cookie of 8 bytes", option(10, CLIENT + "00" * 8), FULL),
	asks(7873, "5.2.4", "a server cookie of 32 bytes", option(10, CLIENT + "00" * 32), FULL),
	malformed(7873, "5.2.2", "no bytes", option(10)),
	malformed(7873, "5.2.2", "7 bytes", option(10, CLIENT[:14])),
	malformed(7873, "5.2.2", "9 bytes", option(10, CLIENT + "00")),
	malformed(7873, "5.2.2", "15 bytes", option(10, CLIENT + "00" * 7)),
	malformed(7873, "5.2.2", "41 bytes", option(10, CLIENT + "00" * 33)),
	asks(7873, "5.2", "two of them: the first counts", COOKIE + option(10, "ff" * 8), FULL),
	R(7873, "5.2.3", "a refusal has a cookie", f"elsewhere.test. A opt={COOKIE}", "REFUSED", FULL),
	R(7873, "5.2.3", "an NXDOMAIN has a cookie", f"nowhere.example.test. A opt={COOKIE}", "NXDOMAIN aa", TEST_SOA, FULL),
	R(7873, "5.2.3", "options of a version that we don't know are not read", f"mail.example.test. A version=1 opt={COOKIE}", "BADVERS"),
	R(7873, "5.4", "no question, but a cookie: NOERROR, and a server cookie",
	  bytes.fromhex("0000" + "0000" + "0000" * 3 + "0001" + "00" + "0029" + "04d0" + "00000000" + "000c" + COOKIE), "NOERROR", FULL, echoes=False),
	R(7873, "5.4", "no question, and a malformed cookie",
	  bytes.fromhex("0000" + "0000" + "0000" * 3 + "0001" + "00" + "0029" + "04d0" + "00000000" + "0008" + "000a0004" + "01020304"), "FORMERR", "opt 1232", echoes=False),
]

RFC_5001 = [
	asks(5001, "2.2", "NSID to who asks", option(3), "opt 1232 3=" + b"edge-1".hex()),
	asks(5001, "2.1", "data in the query mean nothing", option(3, "abcdef"), "opt 1232 3=" + b"edge-1".hex()),
	R(5001, "2.2", "with a refusal", f"elsewhere.test. A opt={option(3)}", "REFUSED", "opt 1232 3=" + b"edge-1".hex() + " 15=0014"),
]

RFC_7828 = [
	asks(7828, "3.3.2", "over TCP the idle time is told, in tenths of a second", option(11), "opt 1232 11=????", only="tcp"),
	asks(7828, "3.3.1", "over UDP the option means nothing", option(11), only="udp"),
	malformed(7828, "3.2.1", "a client that tells a time itself", option(11, "0064"), only="tcp"),
]

OTHERS = [
	asks(7830, "4", "padding is no reason to pad what anyone can read", option(12, "00" * 64)),
	asks(8914, "3", "an extended error in a query means nothing", option(15, "0000")),
	asks(6891, "6.1.2", "many options, known and unknown", option(65001, "00") + option(3) + COOKIE + option(12) + ecs(1, 24, "c63364"),
	     f"opt 1232 10={CLIENT}01000000* 8=00011800c63364 3=" + b"edge-1".hex()),
]


def chaos(name, text):
	return R(4892, "1", f"{name} of class CH", f"{name}. TXT class=3", "NOERROR aa", f'an {name}. 0 CH TXT "{text}"')


RFC_4892 = [
	chaos("id.server", "edge-1.example.test"),
	chaos("hostname.bind", "edge-1.example.test"),
	chaos("version.server", "one two"),
	chaos("version.bind", "one two"),
	R(4892, "1", "in mixed case", "ID.Server. TXT class=3", "NOERROR aa", 'an ID.Server. 0 CH TXT "edge-1.example.test"'),
	R(4892, "1", "another name", "authors.bind. TXT class=3", "REFUSED"),
	R(4892, "1", "a name below", "x.id.server. TXT class=3", "REFUSED"),
	R(4892, "1", "another type", "id.server. A class=3", "REFUSED"),
	R(4892, "1", "class IN", "id.server. TXT", "REFUSED"),
	R(4892, "1", "with EDNS", "id.server. TXT class=3 edns=1232", "NOERROR aa", 'an id.server. 0 CH TXT "edge-1.example.test"'),
]

CASES = RFC_7871 + RFC_7873 + RFC_5001 + RFC_7828 + OTHERS + RFC_4892
