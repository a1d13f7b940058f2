# SPDX-License-Identifier: BSD-2-Clause
"""Hostility on all ports at once: threads send what the fuzz corpora hold, mutated, in random pieces, with aborts, to clear-text HTTP,
TLS, DNS over UDP and TCP, the admin socket and admin HTTP, while an origin and a check's target answer likewise. What each sender
does follows from its seed. Afterwards the daemon answers on every port, holds nothing, and has not grown.

STEERWAY_HOSTILE_SECONDS=300 STEERWAY_HOSTILE_SEED=7 for a longer or another run."""
import os
import random
import signal
import socket
import ssl
import struct
import threading
import time

import dns
from edge import Edge, servers
from http1 import RawOrigin, fetch, ok
from lab import PATIENCE, ROOT, SANITIZER, SLOW, cases, timeout, wait_until
from origins import Certificate

SECONDS = float(os.environ.get("STEERWAY_HOSTILE_SECONDS", 6))
SEED = int(os.environ.get("STEERWAY_HOSTILE_SEED", 1))
GROWTH_BYTES = 12 << 20  # the allocator's noise; a leak of one head a connection is more in the shortest run
ZONE = """$TTL 60
@ SOA ns1 hostmaster 1 2 3 4 300
@ NS ns1
@ MX 10 mail
ns1 A 192.0.2.1
mail AAAA ::1
a TXT "x"
c CNAME d
d CNAME app
*.w CNAME d
*.v MX 1 mail
g CNAME none
l CNAME l
x.y.z A 192.0.2.2
s NS ns.s
ns.s A 192.0.2.3
_s._t SRV 1 2 3 mail
"""
ADMIN_LINES = [b"show sites", b"show pools --json", b"show servers --pool app", b"show listeners --json", b"show zones", b"show names --json",
               b"show drains", b"show events --last 9", b"show stats --json", b"explain app/cloud1 --json", b"explain app.z", b"version",
               b"help", b"drain site cloud", b"ready site cloud", b"down server app/cloud1", b"up pool evil", b"reload"]
ADMIN_GETS = [b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
              b"HEAD /healthz HTTP/1.0\r\n\r\n"]
EVIL = [b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n", b"HEAD /evil/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /evil HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
RST = struct.pack("ii", 1, 0)  # SO_LINGER: close resets
ODD = [0, 1, 9, 10, 13, 32, 34, 44, 47, 58, 59, 127, 128, 192, 255]


def corpus(name, skip=0, want=lambda p: True):
	"""The seeds of a fuzz target, without the bytes in front that steer it."""
	paths = sorted((ROOT / "tests" / "fuzz" / "corpus" / name).iterdir())
	seeds = [p.read_bytes()[skip:] for p in paths if want(p.name)]
	assert seeds, f"no corpus {name}"
	return seeds


def client_hello():
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	outgoing = ssl.MemoryBIO()
	tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="app.test")
	try:
		tls.do_handshake()
	except ssl.SSLWantReadError:
		return outgoing.read()


HTTP = corpus("h1_request") + corpus("forward", 1, lambda n: n.startswith("request")) + EVIL * 8 \
	+ [POST + s for s in corpus("h1_chunked")] + [b"GET " + s + b" HTTP/1.1\r\nHost: a\r\n\r\n" for s in corpus("http_target", 1)]
RESPONSES = corpus("h1_response") + corpus("forward", 1, lambda n: n.startswith("response")) + corpus("health_response", 2) \
	+ [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + s for s in corpus("h1_chunked")] + [ok(b"x" * 5000)]
QUERIES = corpus("dns_query", 1)
LINES = corpus("admin_line") + ADMIN_LINES
HELLOS = [client_hello()] + corpus("h1_request")


def mutate(rand, seeds):
	"""A seed as it is (one in four), or with some bytes changed, cut out, doubled, or with a piece of another seed in it."""
	data = bytearray(rand.choice(seeds))
	for _ in range(rand.choice((0, 1, 1, 2, 3, 8)) if rand.randrange(4) else 0):
		at, n = rand.randrange(len(data) + 1), rand.randrange(1, 17)
		what = rand.randrange(6)
		if what == 0 and at < len(data):
			data[at] ^= 1 << rand.randrange(8)
		elif what == 1 and at < len(data):
			data[at] = rand.choice(ODD)
		elif what == 2:
			del data[at:at + n]
		elif what == 3:
			data[at:at] = data[at:at + n] * rand.choice((1, 2, 200))
		elif what == 4:
			other = rand.choice(seeds)
			start = rand.randrange(len(other) + 1)
			data[at:at] = other[start:start + rand.randrange(64)]
		else:
			del data[at:]
	return bytes(data)


def send_pieces(rand, send, data):
	"""In one piece, or in some, with a rest between them or none."""
	cuts = sorted(rand.randrange(len(data) + 1) for _ in range(rand.choice((0, 0, 1, 2, 9))))
	for start, end in zip([0, *cuts], [*cuts, len(data)]):
		if end > start:
			send(data[start:end])
			if rand.randrange(3) == 0:
				time.sleep(rand.random() * 0.003)


def part(rand, s):
	"""Ends a connection, politely or not."""
	how = rand.randrange(5)
	try:
		if how == 0:
			s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
		elif how == 1:
			s.shutdown(socket.SHUT_WR)
		if how in (1, 2):
			s.settimeout(0.02)
			while s.recv(65536):
				pass
		elif how == 3:
			s.settimeout(0.005)
			s.recv(rand.randrange(1, 5000))
	except OSError:
		pass
	s.close()


class Hostile:
	def __init__(self, lab, probes=True):
		self.lab, self.sent, self.troubles = lab, {}, []
		self.plain, self.tls, self.dns = (lab.ip, lab.port()), (lab.ip, lab.port()), (lab.ip, lab.port())
		self.certificate = Certificate(lab, "app.test")
		self.trust = self.certificate.trust()
		self.insecure = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
		self.insecure.check_hostname, self.insecure.verify_mode = False, ssl.CERT_NONE
		good = [RawOrigin(lab) for _ in range(2)]
		evil = [RawOrigin(lab, self.serve_evil) for _ in range(2)]
		lab.write("z.zone", ZONE)
		limits = {"head": "500ms", "body_idle": "500ms", "send_idle": "500ms", "keep_alive": "1s"}
		edge = Edge(lab, {"cloud": good[:1], "onprem": good[1:]}, start=False,
		            pool={"timeouts": {"idle": "100ms", "response": "1s", "body_idle": "300ms"}},
		            pools={"evil": {"servers": servers(cloud=evil[:1], onprem=evil[1:]), "check": "evil", "retries": {"attempts": 2},
		                            "timeouts": {"idle": "100ms", "response": "300ms", "body_idle": "300ms"}}},
		            routes=[{"pool": "app"}, {"path": "/evil", "pool": "evil"}])
		config = edge.config
		config["checks"] = {"evil": {"type": "http", "path": "/check", "expect": {"status": "200-599", "body_regex": "^[a-o]*x?"},
		                             "interval": "100ms", "timeout": "50ms", "fall": 100, "rise": 1}}
		if not probes:
			config["checks"]["evil"]["interval"] = "1h"
		config["listeners"] = {
			"web": {"bind": ["%s:%d" % self.plain], "timeouts": limits},
			"secure": {"bind": ["%s:%d" % self.tls], "timeouts": {"handshake": "500ms", **limits},
			           "tls": {"certificates": [self.certificate.file]}},
			"dns": {"bind": ["%s:%d" % self.dns], "protocol": "dns"}}
		config["zones"] = {"z": {"file": "z.zone", "names": {
			"app": {"pool": "app", "sites": ["cloud", "onprem"]}, "n": {"pool": "evil", "sites": ["onprem"], "all_down": "none"},
			"wt": {"policy": "weighted", "pool": "app", "sites": {"cloud": 1, "onprem": 2}}}}}
		self.daemon = lab.steerway(config)

	def serve_evil(self, c):
		"""Something like a response to something like a request; more than one, a part of one, or none."""
		rand = random.Random(SEED * 1000003 + c.number)
		while c.request(with_body=False):
			for _ in range(rand.choice((1, 1, 1, 2, 0))):
				send_pieces(rand, c.send, mutate(rand, RESPONSES))
			if rand.randrange(3) == 0:
				return part(rand, c.sock)

	# ---- who sends what ----

	def stream(self, rand, address, seeds, wrap=None, frame=lambda rand, data: data):
		family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
		s = socket.socket(family, socket.SOCK_STREAM)
		try:
			s.settimeout(2 * SLOW)
			s.connect(address)
			if wrap:
				s = wrap(s)
			for _ in range(rand.choice((1, 1, 2, 5))):
				send_pieces(rand, s.sendall, frame(rand, mutate(rand, seeds)))
		except OSError:  # it closed on us, as it should
			pass
		part(rand, s)

	def clear(self, rand):
		self.stream(rand, self.plain, HTTP)

	def secure(self, rand):
		self.stream(rand, self.tls, HTTP, wrap=lambda s: self.insecure.wrap_socket(s, server_hostname="app.test"))

	def handshake(self, rand):
		self.stream(rand, self.tls, HELLOS)

	def admin_http(self, rand):
		self.stream(rand, self.daemon.admin, HTTP + ADMIN_GETS * 20)

	def admin_socket(self, rand):
		def line(rand, data):
			return b"\n" if b"stop" in data else data + rand.choice((b"\n", b"\n", b"\r\n", b""))
		self.stream(rand, str(self.daemon.socket), LINES, frame=line)

	def dns_tcp(self, rand):
		def framed(rand, data):
			length = len(data) if rand.randrange(8) else rand.choice((0, 1, 11, 4097, 65535))
			return struct.pack("!H", length) + data
		self.stream(rand, self.dns, QUERIES, frame=framed)

	def dns_udp(self, rand):
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
			s.connect(self.dns)
			for _ in range(rand.randrange(1, 40)):
				s.send(mutate(rand, QUERIES))
		time.sleep(0.002)

	SENDERS = (clear, clear, secure, handshake, admin_http, admin_socket, dns_tcp, dns_udp)

	def attack(self, seconds, seed):
		def work(sender, seed):
			rand, name = random.Random(seed), sender.__name__
			try:
				while time.monotonic() < end:
					sender(self, rand)
					self.sent[name] = self.sent.get(name, 0) + 1
			except Exception as e:
				self.troubles.append(f"{name}: {e!r}")
		end = time.monotonic() + seconds
		threads = [threading.Thread(target=work, args=(s, seed * 100 + i), daemon=True) for i, s in enumerate(self.SENDERS)]
		for t in threads:
			t.start()
		for t in threads:
			t.join()
		self.lab.check()
		assert not self.troubles, self.troubles

	# ---- how it is afterwards ----

	def make_ready(self):
		for kind, name in (("site", "cloud"), ("site", "onprem"), ("pool", "app"), ("pool", "evil"), ("server", "app/cloud1")):
			self.daemon.ctl("ready", kind, name)

	def must_answer(self):
		assert fetch(self.plain, "/").body == b"hello"
		assert fetch(self.tls, "/", tls=self.trust, sni="app.test").body == b"hello"
		for tcp in (False, True):
			assert dns.ask(self.dns, "aPP.z", tcp=tcp).data() == ["192.0.2.1"]
			assert dns.ask(self.dns, "x.z", "TXT", tcp=tcp, edns=1232).rcode == "NXDOMAIN"
		assert self.daemon.http("/healthz")[0] == 200
		assert len(self.daemon.ctl_json("show", "servers")) == 4

	def must_be_empty(self, descriptors):
		def empty():
			m = self.daemon.metrics()
			held = {n: m[f"steerway_proxy_{n}"] for n in ("sessions", "requests_active", "upstream_idle")}
			assert not any(held.values()), held
			n = self.daemon.descriptors()
			assert n <= descriptors, f"{n} descriptors, not {descriptors}"
			return True
		wait_until(empty, 10, "nothing open")


@cases(("dns", "dns", b"\0\x0c" + b"\0" * 12, b"\0"), ("admin socket", "socket", b"version\n", b"vers"),
       ("admin http", "admin", ADMIN_GETS[1], b"GET"))
def test_reset_behind_the_last_bytes(name, greeting, last, lab):
	"""Bytes and a reset that arrive together: the connection goes at once, not with its patience (10 s and 60 s)."""
	h = Hostile(lab, probes=False)
	address = {"dns": h.dns, "socket": str(h.daemon.socket), "admin": h.daemon.admin}[name]
	before = h.daemon.descriptors()
	clients = [socket.socket(socket.AF_UNIX if name == "socket" else socket.AF_INET, socket.SOCK_STREAM) for _ in range(5)]
	for c in clients:
		c.settimeout(5 * PATIENCE)
		c.connect(address)
		c.sendall(greeting)
		assert c.recv(1, socket.MSG_PEEK)  # served; what is left unread makes the close a reset
	h.daemon.process.send(signal.SIGSTOP)
	for c in clients:
		c.sendall(last)
		if name != "socket":
			c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
		c.close()
	h.daemon.process.send(signal.SIGCONT)
	wait_until(lambda: h.daemon.descriptors() <= before, 5 / PATIENCE, "all five are gone")


@timeout(60 + 2 * SECONDS)
def test_hostility_on_all_ports(lab):
	h = Hostile(lab)
	h.must_answer()
	wait_until(lambda: h.daemon.metric("steerway_proxy_upstream_idle") == 0, 5, "idle connections to servers end")
	# Probes are under way at any time: one descriptor each, and one for the look itself.
	descriptors = h.daemon.descriptors() + 4
	h.attack(SECONDS / 2, SEED)  # buffers, arenas and threads' caches come to their size
	h.make_ready()
	h.must_answer()
	h.must_be_empty(descriptors)
	before = h.daemon.rss_bytes()
	h.attack(SECONDS / 2, SEED + 1)
	h.make_ready()
	h.must_answer()
	h.must_be_empty(descriptors)
	grown = h.daemon.rss_bytes() - before
	if not SANITIZER:  # they keep what is freed
		assert grown < GROWTH_BYTES, f"grown by {grown} bytes over {h.sent}"
	# It was hostility: every sender had its turns, and every gate turned something away.
	assert all(h.sent[s.__name__] > 5 for s in h.SENDERS), h.sent
	metrics, ends = h.daemon.metrics(), h.daemon.ends()
	for name in ("gslb_formerr_total", "gslb_dropped_total", "gslb_notimp_total", "io_tls_failed_total", "health_probe_failures_total"):
		assert metrics[f"steerway_{name}"] > 0, name
	assert all(ends[end] > 0 for end in ("complete", "bad_request", "client_abort", "server_bad_response")), ends
	print(h.sent, ends, f"grown by {grown} bytes")
