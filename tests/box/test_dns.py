# SPDX-License-Identifier: BSD-2-Clause
"""DNS with real clients (dig, kdig) and raw messages: steered names, transports, limits, the life of a zone."""
import socket
import struct
import time

import dns
from dns import AA, RD, TC, Answer, ask, exchange_tcp, exchange_udp, query
from lab import PATIENCE, SLOW, STEERWAY, cases, free_port, need_tool, run, slowness, wait_until
from http1 import RawOrigin

ZONE = """$ORIGIN example.test.
$TTL 3600
@	IN SOA ns1 hostmaster 2026010101 7200 3600 1209600 300
@	IN NS ns1
@	IN NS ns2.elsewhere.test.
@	IN MX 10 mail
@	IN TXT "v=spf1 -all" "second string"
@	IN CAA 0 issue "ca.test"
ns1	IN A 192.0.2.53
ns1	IN AAAA 2001:db8::53
mail	600 IN A 192.0.2.25
alias	IN CNAME mail
chain	IN CNAME alias
outside	IN CNAME www.elsewhere.test.
a.b.deep	IN A 192.0.2.77
*.wild	IN A 192.0.2.99
sub.wild	IN TXT "closer"
multi	IN A 192.0.2.1
multi	IN A 192.0.2.2
multi	IN A 192.0.2.3
_http._tcp	IN SRV 0 5 80 mail
child	IN NS ns.child
ns.child	IN A 192.0.2.66
""" + "".join(f"big\tIN TXT \"{i:02d}{'x' * 180}\"\n" for i in range(12)) + "".join(f"wide\tIN A 198.51.100.{i}\n" for i in range(1, 101))


class House:
	"""Three sites with one (raw) server each, and a zone with names of every policy."""

	NAMES = {
		"app": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem", "dr"], "ttl": "5s..60s"},
		"first": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem"], "all_down": "first"},
		"none": {"policy": "failover", "pool": "app", "sites": ["cloud", "onprem"], "all_down": "none"},
		"www": {"policy": "weighted", "pool": "app", "sites": {"cloud": 75, "onprem": 25}, "ttl": "10s"},
		"@": {"policy": "failover", "pool": "app", "sites": ["cloud"]},
	}

	def __init__(self, lab, **root):
		self.lab = lab
		self.address = (lab.ip, self.port(lab.ip))
		lab.write("example.test.zone", ZONE)
		origin = RawOrigin(lab)
		self.config = {
			"listeners": {"dns": {"bind": ["%s:%d" % self.address], "protocol": "dns"}},
			"sites": {"cloud": {"addresses": ["198.51.100.10", "2001:db8:1::10"]}, "onprem": {"addresses": ["192.0.2.10"]},
			          "dr": {"addresses": ["203.0.113.10", "203.0.113.11"], "role": "standby"}},
			"pools": {"app": {"servers": [{"name": s, "address": origin.text, "site": s} for s in ("cloud", "onprem", "dr")]}},
			"zones": {"example.test": {"file": "example.test.zone", "names": self.NAMES}}, **root}
		self.daemon = lab.steerway(self.config)

	@staticmethod
	def port(ip):
		"""Free for both UDP and TCP."""
		while True:
			port = free_port(ip)
			with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
				try:
					s.bind((ip, port))
					return port
				except OSError:
					continue

	def ask(self, name, kind="A", **more):
		return ask(self.address, f"{name}.example.test" if name != "@" else "example.test", kind, **more)

	def dig(self, *words):
		need_tool("dig")
		return run("dig", f"@{self.address[0]}", "-p", self.address[1], "+norecurse", "+tries=1", "+time=5", *words).stdout

	def kdig(self, *words):
		need_tool("kdig")
		return run("kdig", f"@{self.address[0]}", "-p", self.address[1], "+norec", "+retry=0", "+timeout=5", *words).stdout


def shared(lab):
	return House(lab)


# ---- steered names ----

CLOUD, CLOUD6, ONPREM, DR = "198.51.100.10", "2001:db8:1::10", "192.0.2.10", ["203.0.113.10", "203.0.113.11"]


@cases(("UDP", False), ("TCP", True))
def test_steered(tcp, shared):
	a = shared.ask("app", tcp=tcp)
	assert a.rcode == "NOERROR" and a.flags & AA and not a.flags & TC, a
	assert a.data() == [CLOUD] and a.answers[0].ttl == 60, a
	six = shared.ask("app", "AAAA", tcp=tcp)
	assert six.data("AAAA") == [CLOUD6], six
	assert shared.ask("@", tcp=tcp).data() == [CLOUD]


def test_one_counter_an_answer(shared):
	before = shared.daemon.metrics()
	shared.ask("app")
	shared.ask("app", tcp=True)
	shared.ask("nowhere")
	shared.ask("mail")

	def moved():
		now = shared.daemon.metrics()
		return {n: now[f"steerway_gslb_{n}_total"] - before[f"steerway_gslb_{n}_total"]
		        for n in ("udp_queries", "tcp_queries", "steered", "nxdomain", "refused", "formerr")}
	expected = {"udp_queries": 3, "tcp_queries": 1, "steered": 2, "nxdomain": 1, "refused": 0, "formerr": 0}
	wait_until(lambda: moved() == expected, 5, f"counters {expected}")


def test_failover_by_operator(lab):
	"""Every step of the order, and back; TTLs at the lower end while not all is well."""
	h = House(lab)
	for site, expected in (("cloud", [ONPREM]), ("onprem", DR)):
		h.daemon.ctl("down", "site", site)
		wait_until(lambda: h.ask("app").data() == expected, 2, f"app answers {expected}")
		assert h.ask("app").answers[0].ttl == 5
	six = h.ask("app", "AAAA")
	assert six.rcode == "NOERROR" and not six.answers and six.authority[0].kind == "SOA", six
	names = {n["name"]: n for n in h.daemon.ctl_json("show", "names")}
	assert names["app.example.test."]["answers"] == ["dr"] and names["app.example.test."]["usable"] == ["dr"], names
	h.daemon.ctl("ready", "site", "cloud")
	wait_until(lambda: h.ask("app").data() == [CLOUD], 2, "app answers cloud again")
	h.daemon.ctl("ready", "site", "onprem")
	wait_until(lambda: h.ask("app").answers[0].ttl == 60, 2, "the long TTL is back")


def test_all_down(lab):
	h = House(lab)
	for site in ("cloud", "onprem", "dr"):
		h.daemon.ctl("down", "site", site)
	wait_until(lambda: h.ask("app").data() == sorted([CLOUD, ONPREM, *DR]), 2, "all_down: all")
	assert h.ask("first").data() == [CLOUD]
	none = h.ask("none")
	assert none.rcode == "NOERROR" and not none.answers and none.authority[0].kind == "SOA", none


def test_weighted(lab):
	h = House(lab)
	seen = [h.ask("www").data() for _ in range(400)]
	assert all(s in ([CLOUD], [ONPREM]) for s in seen), "more than one site in an answer"
	n = seen.count([CLOUD])
	assert 240 <= n <= 360, f"cloud {n} of 400, expected about 300"
	assert h.ask("www").answers[0].ttl == 10
	h.daemon.ctl("down", "site", "cloud")
	wait_until(lambda: [h.ask("www").data() for _ in range(20)] == [[ONPREM]] * 20, 2, "all to onprem")


# ---- static data, real clients ----

def test_dig_and_kdig(shared):
	for tool in (shared.dig, shared.kdig):
		for transport in ((), ("+tcp",)):
			assert tool("app.example.test", "A", "+short", *transport).split() == [CLOUD]
			out = tool("example.test", "SOA", *transport)
			assert "2026010101 7200 3600 1209600 300" in out and "NOERROR" in out, out
			assert " aa" in out.split("lags:")[1].split("\n")[0], out
			assert sorted(tool("multi.example.test", "A", "+short", *transport).split()) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
			out = tool("nowhere.example.test", "A", *transport)
			assert "NXDOMAIN" in out and "SOA" in out, out


def test_negative_answers(shared):
	missing, empty, within = shared.ask("nowhere"), shared.ask("mail", "AAAA"), shared.ask("b.deep")
	assert missing.rcode == "NXDOMAIN" and empty.rcode == "NOERROR" and within.rcode == "NOERROR", (missing, empty, within)
	for a in (missing, empty, within):
		assert not a.answers and [r.kind for r in a.authority] == ["SOA"] and a.flags & AA, a
		assert a.authority[0].ttl == 300, "RFC 2308 3: the lower of the SOA's TTL and its minimum"
		assert a.authority[0].name == "example.test."


def test_refused_outside(shared):
	for name in ("elsewhere.test", "test", "xexample.test", "."):
		a = ask(shared.address, name)
		assert a.rcode == "REFUSED" and not a.answers and not a.authority and not a.flags & AA, a


def test_case_is_kept(shared):
	"""The question comes back in the case it was asked in (0x20), and is found in any."""
	for name in ("aPP.eXamPLE.tEst", "APP.EXAMPLE.TEST", "mAiL.example.TEST"):
		for tcp in (False, True):
			a = ask(shared.address, name, tcp=tcp)
			assert a.questions[0][0] == name + "." and a.answers, a
			assert a.answers[0].name.lower() == name.lower() + "."


def test_flags(shared):
	"""RD is copied, RA never set, AD and CD not invented, Z clear."""
	for rd in (0, RD):
		a = shared.ask("app", flags=rd)
		assert a.flags & RD == rd and not a.flags & 0x00F0, f"{a.flags:04x}"


def test_edns(shared):
	"""OPT exactly when asked (RFC 6891)."""
	assert shared.ask("app").opt is None
	a = shared.ask("app", edns=4096)
	assert a.opt is not None and 512 <= a.opt.klass <= 4096 and a.opt.ttl >> 16 == 0, a
	bad = shared.ask("app", edns=1232, edns_version=1)
	assert bad.rcode == "BADVERS" and bad.opt.ttl >> 16 & 0xFF == 0 and not bad.answers, bad
	unknown = shared.ask("app", edns=1232, options=struct.pack("!HH", 65001, 3) + b"abc")
	assert unknown.rcode == "NOERROR" and unknown.data() == [CLOUD], unknown
	assert b"abc" not in unknown.wire[12:], "an unknown option was echoed"


@cases(("no EDNS", None, 512), ("EDNS 512", 512, 512), ("EDNS 100 counts as 512", 100, 512), ("EDNS 1232", 1232, 1232), ("EDNS 4096", 4096, 1232))
def test_sizes_and_truncation(edns, bound, shared):
	"""At most 1232 over UDP; TC without partial record sets; whole over TCP."""
	a = shared.ask("big", "TXT", edns=edns)
	assert a.flags & TC and not a.answers and len(a.wire) <= bound, a
	whole = shared.ask("big", "TXT", edns=edns, tcp=True)
	assert len(whole.answers) == 12 and not whole.flags & TC and len(whole.wire) > 1232
	wide = shared.ask("wide", edns=edns)
	assert len(wide.wire) <= bound and wide.flags & TC and not wide.answers
	assert len(shared.ask("wide", edns=edns, tcp=True).answers) == 100


def test_truncated_clients_retry(shared):
	assert len(shared.dig("big.example.test", "TXT", "+short").splitlines()) == 12
	assert shared.kdig("wide.example.test", "A", "+short").count("198.51.100.") == 100


BAD = [
	("two questions", lambda: two_questions(), "FORMERR"),
	("no question", lambda: struct.pack("!6H", 7, 0, 0, 0, 0, 0), "FORMERR"),
	("question cut short", lambda: query("app.example.test")[:-3], "FORMERR"),
	("name runs out", lambda: struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x3fabc", "FORMERR"),
	("pointer in the question", lambda: struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", "FORMERR"),
	("name of 256 bytes", lambda: struct.pack("!6H", 7, 0, 1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", "FORMERR"),
	("label of type 01", lambda: struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x41\0\0\1\0\1", "FORMERR"),
	("two OPT", lambda: two_opts(), "FORMERR"),
	("OPT cut short", lambda: query("app.example.test", edns=1232)[:-2], "FORMERR"),
	("OPT with a name", lambda: query("app.example.test", edns=1232).replace(b"\0\0\x29", b"\1a\0\0\x29"), "FORMERR"),
	("bytes behind", lambda: query("app.example.test") + b"xyz", "FORMERR"),
	("status opcode", lambda: query("app.example.test", opcode=2), "NOTIMP"),
	("update opcode", lambda: query("example.test", "SOA", opcode=5), "NOTIMP"),
]


def two_questions():
	q = bytearray(query("app.example.test"))
	q[5] = 2
	return bytes(q) + dns.name_wire("mail.example.test") + b"\0\1\0\1"


def two_opts():
	q = bytearray(query("app.example.test", edns=1232))
	q[11] = 2
	return bytes(q) + bytes(q[-11:])


@cases(*BAD)
def test_bad_messages(make, rcode, shared):
	message = make()
	for wire in (exchange_udp(shared.address, message), exchange_tcp(shared.address, message)[0]):
		assert wire is not None, "silence"
		assert wire[:2] == message[:2] and wire[2] & 0x80, wire[:4]
		assert dns.RCODES[wire[3] & 15] == rcode, wire[:12].hex()
		assert len(wire) <= len(message) + 16, "an answer that amplifies"


def test_silence(shared):
	"""No header, or a response: answering could make a loop."""
	dropped = shared.daemon.metric("steerway_gslb_dropped_total")
	response = bytearray(query("app.example.test"))
	response[2] |= 0x80
	messages = (b"", b"\0", b"\0" * 11, bytes(response))
	for message in messages[1:]:
		assert exchange_udp(shared.address, message, 0.2) is None, message
	shared.daemon.wait_metric("steerway_gslb_dropped_total", dropped + 3)
	assert shared.ask("app").data() == [CLOUD]


def test_random_garbage(shared):
	"""Mutations of good queries: whatever comes back is a DNS response with our id, and the daemon lives."""
	import random
	rng = random.Random(4)
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		s.connect(shared.address)
		s.setblocking(False)
		for i in range(3000):
			q = bytearray(query("app.example.test", edns=1232))
			for _ in range(rng.randrange(1, 6)):
				q[rng.randrange(2, len(q))] = rng.randrange(256)
			s.send(q[:rng.randrange(len(q) + 1)])
			try:
				wire = s.recv(65535)
				assert len(wire) >= 12 and wire[2] & 0x80
			except BlockingIOError:
				pass
	wait_until(lambda: exchange_udp(shared.address, query("app.example.test")), 10, "an answer, when there is room for a query again")
	assert shared.ask("app").data() == [CLOUD]


def test_any_and_transfers(shared):
	"""ANY is minimal (RFC 8482); transfers and other classes are declined, over TCP too."""
	a = shared.ask("@", "ANY")
	assert len(a.wire) < 512 and a.rcode in ("NOERROR", "NOTIMP", "REFUSED"), a
	for tcp in (False, True):
		t = shared.ask("@", "AXFR", tcp=tcp)
		assert t.rcode in ("REFUSED", "NOTIMP") and not t.answers, t
	assert ask(shared.address, "version.bind", "TXT", klass=3).rcode in ("REFUSED", "NOTIMP")


def test_tcp_pipelining(shared):
	"""Many questions in one write; every one is answered."""
	names = [("app", CLOUD), ("mail", "192.0.2.25"), ("alias", "192.0.2.25"), ("multi", "192.0.2.1")] * 25
	messages = [query(f"{n}.example.test", ident=i) for i, (n, _) in enumerate(names)]
	answers = {a.id: a for a in map(Answer, exchange_tcp(shared.address, *messages))}
	assert sorted(answers) == list(range(100))
	for i, (_, expected) in enumerate(names):
		assert expected in answers[i].data(), answers[i]


def test_tcp_byte_by_byte(shared):
	message = query("app.example.test")
	with socket.create_connection(shared.address, timeout=5 * PATIENCE) as s:
		for byte in struct.pack("!H", len(message)) + message:
			s.send(bytes([byte]))
		assert Answer(dns.read_tcp(s)).data() == [CLOUD]
		s.sendall(struct.pack("!H", len(message)) + message)
		assert Answer(dns.read_tcp(s)).data() == [CLOUD]


def test_tcp_silent_client_is_let_go(shared):
	"""Half a message for ever does not hold a connection for ever, nor does it hold others up."""
	held = [socket.create_connection(shared.address, timeout=60) for _ in range(20)]
	for s in held:
		s.send(b"\0")
	assert shared.ask("app", tcp=True).data() == [CLOUD]
	for s in held:
		s.close()


def test_udp_flood_then_answer(shared):
	"""Ten thousand queries without reading an answer leave it able to answer."""
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		s.connect(shared.address)
		q = query("big.example.test", "TXT", edns=1232)
		for _ in range(10000):
			s.send(q)
	wait_until(lambda: exchange_udp(shared.address, query("app.example.test")), 10, "an answer")


# ---- the zone's life ----

def test_zone_reload(lab):
	h = House(lab)
	lab.write("example.test.zone", ZONE.replace("2026010101", "2026010102") + "new IN A 192.0.2.200\n")
	h.daemon.reload()
	wait_until(lambda: h.ask("new").data() == ["192.0.2.200"], 2, "the new record")
	assert "2026010102" in h.ask("@", "SOA").answers[0].data
	assert [z["serial"] for z in h.daemon.ctl_json("show", "zones")] == [2026010102]
	assert h.ask("app").data() == [CLOUD]


def test_bad_zone_at_reload(lab):
	"""A zone whose file is faulty keeps its last good version: the reload, the log, the metric and `show zones` name file and line."""
	h = House(lab)
	lab.write("example.test.zone", ZONE.replace("2026010101", "2026010102") + "broken IN A 1.2.3.400\n")
	place = f"example.test.zone:{ZONE.count(chr(10)) + 1}: `1.2.3.400` is not an IPv4 address"
	assert place in h.daemon.reload().stdout
	assert h.ask("mail").data() == ["192.0.2.25"] and h.ask("app").data() == [CLOUD]
	(zone,) = h.daemon.ctl_json("show", "zones")
	assert zone["serial"] == 2026010101 and place in zone["fault"], zone
	assert h.daemon.metric("steerway_gslb_zones_kept") == 1 and "zone_kept" in h.daemon.log()
	lab.write("example.test.zone", ZONE.replace("2026010101", "2026010103"))
	h.daemon.reload()
	(zone,) = h.daemon.ctl_json("show", "zones")
	assert zone["serial"] == 2026010103 and zone["fault"] is None, zone


def test_bad_zone_at_start(lab):
	"""At start there is no version to keep: `check` and the daemon refuse, with file and line."""
	h = House(lab)
	lab.write("example.test.zone", ZONE + "broken IN A 1.2.3.400\n")
	refused = run(STEERWAY, "check", "-c", h.daemon.file, check=False)
	assert refused.returncode != 0 and f"example.test.zone:{ZONE.count(chr(10)) + 1}: " in refused.stdout, refused


def test_acme(lab):
	"""A challenge is seen by the next query, on whichever worker, and by no query after it was cleared or has expired."""
	h = House(lab)
	name = "_acme-challenge.www.example.test"

	def texts():
		return [r.data for r in ask(h.address, name, "TXT").answers]

	for text in ("one", "two"):
		h.daemon.ctl("acme", "set", name, text, "--expires", "1h")
		for _ in range(20): # a port each: workers share the address
			assert text in texts()
	assert [(r["name"], r["text"], r["ttl_s"]) for r in h.daemon.ctl_json("show", "acme")] == [(name + ".", t, 60) for t in ("one", "two")]
	h.daemon.reload()
	h.daemon.ctl("acme", "clear", name, "one")
	assert texts() == ["two"]
	h.daemon.ctl("acme", "set", name, "two", "--expires", "1s")
	wait_until(lambda: ask(h.address, name, "TXT").rcode == "NXDOMAIN", 5, "its end")
	refused = h.daemon.ctl("acme", "set", "www.example.test", "x", check=False)
	assert refused.returncode != 0 and "_acme-challenge.NAME" in refused.stdout + refused.stderr
	assert "acme_set" in h.daemon.log() and "acme_cleared" in h.daemon.log() and "acme_expired" in h.daemon.log()


def test_verdicts_steer(lab):
	"""The check's verdict moves the answer and back, without an operator."""
	origins = {s: RawOrigin(lab) for s in ("cloud", "onprem", "dr")}
	check = {"type": "tcp", "interval": "100ms", "timeout": "100ms", "rise": 2, "fall": 2}
	h = House(lab, checks={"t": check}, pools={"app": {"check": "t", "servers": [
		{"name": s, "address": o.text, "site": s} for s, o in origins.items()]}})
	assert h.ask("app").data() == [CLOUD]
	origins["cloud"].close()
	start = time.monotonic()
	wait_until(lambda: h.ask("app").data() == [ONPREM], 5, "onprem takes over")
	assert time.monotonic() - start < (2 * 0.1 + 1) * SLOW * slowness()
	RawOrigin(lab, port=origins["cloud"].address[1])
	wait_until(lambda: h.ask("app").data() == [CLOUD], 5, "cloud is back")
