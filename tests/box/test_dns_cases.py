# SPDX-License-Identifier: BSD-2-Clause
"""The RFCs of DNS, row by row (cases/dns*.py). Each row goes over UDP and TCP, and over UDP once more with the question in random case,
which must change nothing but the case that comes back. Asserted are header, every record with its TTL, the question's bytes, and
which counters moved; and that another client's query is answered behind it."""
import fnmatch
import random
import socket
import struct

import dns
from cases import dns as table
from cases import dns_names, dns_options, dns_protocol
from dns_text import Message, ask_wire
from http1 import RawOrigin
from lab import PATIENCE, cases, wait_until
from test_dns import House

ALL = dns_names.CASES + dns_protocol.CASES + dns_options.CASES
RCODE_COUNTERS = {"NXDOMAIN": "nxdomain", "FORMERR": "formerr", "NOTIMP": "notimp", "REFUSED": "refused", "BADVERS": "badvers",
                  "BADCOOKIE": "badcookie"}


class Server:
	"""A daemon, a socket that asks the rows' questions, and a bystander's."""

	ZONES = {"example": table.EXAMPLE, "example.test": table.TEST, "served.example.test": table.SERVED, "rfc1034": table.RFC1034}
	PROBE = "example.test."

	def __init__(self, lab):
		self.address = (lab.ip, House.port(lab.ip))
		origin = RawOrigin(lab)
		for zone, text in self.ZONES.items():
			lab.write(f"{zone}.zone", text)
		self.daemon = lab.steerway({
			"listeners": {"dns": {"bind": ["%s:%d" % self.address], "protocol": "dns"}},
			"dns": dns_options.IDENTITY,
			"sites": {s: {"addresses": a} for s, a in table.SITES.items()},
			"pools": {"app": {"servers": [{"name": s, "address": origin.text, "site": s} for s in table.SITES]}},
			"zones": {z: {"file": f"{z}.zone", **({"names": table.NAMES} if z == "example.test" else {})} for z in self.ZONES},
		})
		self.udp, self.bystander = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
		for s in (self.udp, self.bystander):
			s.connect(self.address)
			s.settimeout(3 * PATIENCE)
			lab.on_close(s.close)
		self.random = random.Random(1)
		self.counted = self.counters()  # as of the last look

	def stamp(self, wire):
		"""The query with an id of its own, and that id."""
		ident = struct.pack("!H", self.random.randrange(65536))
		return ident + wire[2:] if len(wire) > 2 else wire

	def ask_udp(self, wire, sock=None):
		(sock or self.udp).send(wire)
		return (sock or self.udp).recv(65535)

	def is_silent(self, wire):
		"""A good query behind it, on the same socket so to the same worker, is the first to be answered."""
		follow = self.stamp(ask_wire(self.PROBE, "SOA"))
		self.udp.send(wire)
		return self.ask_udp(follow)[:2] == follow[:2]

	def assert_serves_others(self):
		query = self.stamp(ask_wire(self.PROBE, "SOA"))
		answer = Message(self.ask_udp(query, self.bystander))
		assert answer.wire[:2] == query[:2] and answer.answer, f"another client got {answer}"

	def counters(self):
		return {k.removeprefix("steerway_gslb_").removesuffix("_total"): int(v) for k, v in self.daemon.metrics().items()
		        if k.startswith("steerway_gslb_") and "{" not in k and k.endswith("_total")}


def shared(lab):
	return Server(lab)


def question_end(wire):
	at = 12
	while wire[at]:
		at += 1 + wire[at]
	return at + 5


def random_case(wire, seed):
	"""The same query, its question's letters in upper or lower case (what draft-vixie-dnsext-dns0x20 does)."""
	rng = random.Random(seed)
	flipped = bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 and rng.random() < 0.5 else c for c in wire[12:question_end(wire) - 4])
	# Lengths of labels are below 64, so that no letter is one.
	return wire[:12] + flipped + wire[question_end(wire) - 4:]


def comparable(lines, ignore_case):
	head, *rest = lines
	rows = [" ".join(sorted(head.split())), *rest]
	return sorted(r.lower() for r in rows) if ignore_case else sorted(rows)


def judge(case, query, wire, ignore_case=False):
	answer = Message(wire)
	assert wire[:2] == query[:2], f"another id: {answer}"
	end = question_end(query) if case.echoes else 12
	assert answer.counts[0] == int(case.echoes) and wire[12:end] == query[12:end], f"the question is not that of the query: {wire[:80].hex()}"
	said, opt = list(case.said), answer.opt_line()
	if opt and said[-1].startswith("opt ") and fnmatch.fnmatchcase(opt[0], said[-1]):
		said[-1] = opt[0]
	got, wanted = comparable(answer.lines(), ignore_case), comparable(said, ignore_case)
	assert got == wanted, "\n".join(["", "got", *answer.lines(), "wanted", *case.said])


def ways(case):
	return [w for w in ("udp", "tcp") if case.only in ("", w)]


def expected_counters(case, n_udp, n_tcp, n_probes):
	n = n_udp + n_tcp
	moved = {"udp_queries": n_udp + n_probes, "tcp_queries": n_tcp, **{k: v * n for k, v in case.counted.items()}}
	if case.said is None:
		moved["dropped"] = n
		return {k: v for k, v in moved.items() if v}
	rcode, *flags = case.said[0].split()
	if rcode in RCODE_COUNTERS:
		moved[RCODE_COUNTERS[rcode]] = n
	if "tc" in flags:
		moved["truncated"] = n
	return {k: v for k, v in moved.items() if v}


def send_silent(case, server):
	assert server.is_silent(server.stamp(case.asked)), "an answer"
	if "tcp" not in ways(case):
		return 1, 0
	with socket.create_connection(server.address, timeout=3 * PATIENCE) as s:
		follow = server.stamp(ask_wire(server.PROBE, "SOA"))
		s.sendall(b"".join(struct.pack("!H", len(m)) + m for m in (case.asked, follow)))
		s.shutdown(socket.SHUT_WR)
		try:
			while s.recv(4096):
				pass
		except ConnectionResetError:
			pass
	return 1, 1


def send_case(case, server):
	n = {"udp": 0, "tcp": 0}
	if "udp" in ways(case):
		query = server.stamp(case.asked)
		judge(case, query, server.ask_udp(query))
		n["udp"] += 1
		if case.echoes:
			query = random_case(server.stamp(case.asked), case.label)
			judge(case, query, server.ask_udp(query), ignore_case=True)
			n["udp"] += 1
	if "tcp" in ways(case):
		query = server.stamp(case.asked)
		judge(case, query, dns.exchange_tcp(server.address, query)[0])
		n["tcp"] += 1
	return n["udp"], n["tcp"]


@cases(*((case.label, case) for case in ALL))
def test_rfc(case, shared):
	before = shared.counted
	n_udp, n_tcp = send_silent(case, shared) if case.said is None else send_case(case, shared)
	shared.assert_serves_others()
	expected = expected_counters(case, n_udp, n_tcp, 2 if case.said is None else 1)

	def moved():
		shared.counted = shared.counters()
		return {k: v - before[k] for k, v in shared.counted.items() if v != before[k]}
	wait_until(lambda: moved() == expected or not print(f"moved {moved()}"), 2, f"counters moved by {expected}", step=0.2)


def test_enough_cases():
	assert len(ALL) >= 300 and len({c.label for c in ALL}) == len(ALL)
