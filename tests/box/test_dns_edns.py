# SPDX-License-Identifier: BSD-2-Clause
"""EDNS options, questions about the server, and limits, by raw bytes and by real clients; each says its RFC."""
import json
import socket
import struct

import dns
from dns import TC, Answer, ask, exchange_tcp, exchange_udp, query
from lab import PATIENCE, cases, measured, need_tool, wait_until
from test_dns import House

NSID, ECS, COOKIE, KEEPALIVE = 3, 8, 10, 11
SETTINGS = {"nsid": "edge-1", "identity": "edge-1.example.org", "version": "none of yours", "tcp": {"idle_timeout": "20s"}}


def option(code, data=b""):
	return struct.pack("!HH", code, len(data)) + data


def options_of(answer):
	raw, found = bytes.fromhex(answer.opt.data), []
	while raw:
		code, size = struct.unpack("!HH", raw[:4])
		assert len(raw) >= 4 + size, "an option runs out of OPT"
		found.append((code, raw[4:4 + size]))
		raw = raw[4 + size:]
	return found


def shared(lab):
	return House(lab, dns=SETTINGS)


def test_nothing_unasked(shared):
	"""RFC 6891 6.1.1, RFC 5001 2.2, RFC 7871 7.2.2: no option answers none."""
	assert options_of(shared.ask("app", edns=1232)) == []


def test_nsid(shared):
	"""RFC 5001"""
	assert options_of(shared.ask("app", edns=1232, options=option(NSID))) == [(NSID, b"edge-1")]
	need_tool("kdig")
	assert "edge-1" in shared.kdig("app.example.test", "A", "+nsid")
	assert "edge-1" in shared.dig("app.example.test", "A", "+nsid")


@cases(("IPv4", bytes([0, 1, 24, 0, 198, 51, 100])), ("IPv4, whole", bytes([0, 1, 32, 0, 198, 51, 100, 7])), ("IPv6", bytes([0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 1, 2, 3])),
       ("opted out", bytes([0, 1, 0, 0])), ("family 0", bytes(4)))
def test_client_subnet(sent, shared):
	"""RFC 7871 7.2.1: echoed as it came; scope 0, since the answer does not depend on it."""
	assert options_of(shared.ask("app", edns=1232, options=option(ECS, sent))) == [(ECS, sent)]
	assert "CLIENT-SUBNET" in shared.dig("app.example.test", "A", "+subnet=198.51.100.0/24")


@cases(("a scope", bytes([0, 1, 24, 8, 198, 51, 100])), ("address too long", bytes([0, 1, 16, 0, 198, 51, 100])), ("address too short", bytes([0, 1, 24, 0, 198])),
       ("bits behind the prefix", bytes([0, 1, 23, 0, 198, 51, 101])), ("33 bits of IPv4", bytes([0, 1, 33, 0, 1, 2, 3, 4, 0])), ("an unknown family", bytes([0, 9, 0, 0])),
       ("nothing", b""))
def test_malformed_client_subnet(sent, shared):
	"""RFC 7871 6, 7.1.2"""
	for tcp in (False, True):
		a = shared.ask("app", edns=1232, options=option(ECS, sent), tcp=tcp)
		assert a.rcode == "FORMERR" and not a.answers and a.opt is not None, a


def test_keepalive(shared):
	"""RFC 7828 3.3.2: over TCP the timeout in tenths of a second; over UDP it is ignored; a client sends none."""
	assert options_of(shared.ask("app", edns=1232, options=option(KEEPALIVE), tcp=True)) == [(KEEPALIVE, struct.pack("!H", 200))]
	assert options_of(shared.ask("app", edns=1232, options=option(KEEPALIVE))) == []
	assert shared.ask("app", edns=1232, options=option(KEEPALIVE, b"\0\1"), tcp=True).rcode == "FORMERR"
	assert shared.ask("app", edns=1232, options=option(KEEPALIVE, b"\0\1")).rcode == "NOERROR"


def test_about_the_server(shared):
	"""RFC 4892: as configured; nothing else of class CH."""
	for name, text in (("version.bind", "none of yours"), ("VERSION.server", "none of yours"), ("id.server", "edge-1.example.org"), ("hostname.bind", "edge-1.example.org")):
		for tcp in (False, True):
			a = ask(shared.address, name, "TXT", klass=3, tcp=tcp)
			assert a.rcode == "NOERROR" and [r.klass for r in a.answers] == [3], a
			assert [r.data for r in a.answers] == [text], a
	for name, kind in (("version.bind", "A"), ("authors.bind", "TXT"), ("app.example.test", "A")):
		assert ask(shared.address, name, kind, klass=3).rcode == "REFUSED"


def test_answers_are_counted(lab):
	"""By code and transport, type, policy and site."""
	h = House(lab)
	rows = ('steerway_gslb_answers_total{rcode="NOERROR",transport="udp"}', 'steerway_gslb_answers_total{rcode="NXDOMAIN",transport="tcp"}',
	        'steerway_gslb_type_answers_total{type="A"}', 'steerway_gslb_type_answers_total{type="other"}', 'steerway_gslb_policy_answers_total{policy="failover"}',
	        'steerway_gslb_site_answers_total{site="cloud"}')
	h.ask("app")
	h.ask("nowhere", tcp=True)
	h.ask("mail", 65280)
	wait_until(lambda: [h.daemon.metrics().get(r) for r in rows] == [2, 1, 2, 1, 1, 1], 5, "each once")


def flood(address, message, n):
	"""Answers to n queries of one socket: whole, truncated."""
	whole = truncated = 0
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		s.connect(address)
		s.settimeout(0.5 * PATIENCE)
		for _ in range(n):
			s.send(message)
		try:
			while whole + truncated < n:
				if Answer(s.recv(65535)).flags & TC:
					truncated += 1
				else:
					whole += 1
		except TimeoutError:
			pass
	return whole, truncated


def test_rates(lab):
	"""A flood gets its two seconds' worth and every second answer beyond truncated; a valid cookie and TCP get all."""
	h = House(lab, workers=1, dns={"limits": {"positive": 5, "exempt": ["192.0.2.0/24"]}})
	with measured() as t:
		whole, truncated = flood(h.address, query("app.example.test"), 60)
		assert 10 <= whole <= 10 + 5 * (t() + 1), (whole, truncated)
	assert abs(truncated - (60 - whole) / 2) <= 1, (whole, truncated)
	h.daemon.wait_metric("steerway_gslb_rate_slipped_total", truncated)
	assert h.ask("app", tcp=True).answers
	cookie = options_of(ask(h.address, "nowhere.example.test", edns=1232, options=option(COOKIE, b"clientck")))[0][1]
	assert len(cookie) == 24
	assert flood(h.address, query("app.example.test", edns=1232, options=option(COOKIE, cookie)), 60) == (60, 0)


def test_no_amplification(lab):
	"""Strict: no answer over UDP is longer than three times its query, unless the client shows a valid cookie; TCP has all of it."""
	h = House(lab, dns={"limits": {"amplification_allowance": 0, "exempt": ["192.0.2.0/24"]}})
	for name in ("app", "wide", "big", "@", "multi", "nowhere", "x.child"):
		for kind in ("A", "TXT", "NS", "SOA", "ANY"):
			full = f"{name}.example.test" if name != "@" else "example.test"
			message = query(full, kind, edns=4096, edns_flags=0x8000)
			wire = exchange_udp(h.address, message)
			assert wire is not None and len(wire) <= 3 * len(message), f"{full} {kind}: {len(wire)} bytes for {len(message)}"
			Answer(wire)
	assert h.ask("wide", edns=1232).flags & TC
	assert len(h.ask("wide", tcp=True).answers) == 100
	assert len(h.dig("multi.example.test", "A", "+short").split()) == 3


def test_connections_of_a_client(lab):
	"""RFC 7766 6.2.2, 10: a bound for each client; who closes one may open another."""
	h = House(lab, dns={"limits": {"exempt": ["192.0.2.0/24"]}, "tcp": {"max_connections_per_client": 3}})
	held = [socket.create_connection(h.address, timeout=5 * PATIENCE) for _ in range(3)]
	message = query("app.example.test")
	for s in held:
		s.sendall(struct.pack("!H", len(message)) + message)
		assert Answer(dns.read_tcp(s)).answers
	with socket.create_connection(h.address, timeout=5 * PATIENCE) as s:
		try:
			assert s.recv(1) == b""
		except ConnectionResetError:
			pass
	h.daemon.wait_metric("steerway_gslb_tcp_refused_total", 1)
	held.pop().close()

	def works():
		try:
			return Answer(exchange_tcp(h.address, message)[0]).answers
		except (AssertionError, ConnectionError):
			return False
	wait_until(works, 5, "room for another")
	for s in held:
		s.close()


# ---- the query log ----

def records(path):
	with open(path) as f:
		return [json.loads(line) for line in f if line.endswith("\n")]


def test_query_log(lab):
	"""A record a query: clients as networks, names as zone files write them, which sites and why."""
	path = str(lab.path("queries.log"))
	h = House(lab, workers=1, log={"queries": {"path": path}})  # of several workers the records may stand in any order
	h.ask("APP", edns=1232, edns_flags=0x8000, options=option(ECS, bytes([0, 1, 32, 0, 198, 51, 100, 7])))
	h.ask("nowhere", 65280, tcp=True)
	exchange_udp(h.address, query("a\"b\\\x01.example.test"))
	exchange_udp(h.address, struct.pack("!6H", 7, 0, 0, 0, 0, 0))
	wait_until(lambda: len(records(path)) >= 4, 5, "four records")
	steered, tcp, odd, empty = records(path)[:4]
	network = "127.0.0.0/24"  # the kernel asks a loopback address from 127.0.0.1
	assert all(r["client"] == network and "ts" in r and r["epoch"] >= 1 for r in (steered, tcp, odd, empty)), steered
	expected = {"transport": "udp", "name": "app.example.test.", "type": "A", "do": 1, "ecs": "198.51.100.0/24", "cookie": "none", "rcode": "NOERROR", "truncated": 0,
	            "steered": "app.example.test.", "policy": "failover", "sites": "cloud", "scope": 0, "fallback": 0}
	assert {k: steered.get(k) for k in expected} == expected, steered
	assert (tcp["transport"], tcp["name"], tcp["type"], tcp["rcode"]) == ("tcp", "nowhere.example.test.", "TYPE65280", "NXDOMAIN") and "steered" not in tcp, tcp
	assert odd["name"] == 'a"b\\\\\\001.example.test.', odd
	assert empty["rcode"] == "FORMERR" and "name" not in empty, empty


def test_query_log_sample_and_text(lab):
	path = str(lab.path("queries.log"))
	h = House(lab, workers=1, log={"queries": {"path": path, "format": "text", "sample": 10}})
	for _ in range(40):
		h.ask("app")
	wait_until(lambda: open(path).read().count("\n") == 4, 5, "one of ten")
	assert " name=app.example.test. type=A " in open(path).read()
