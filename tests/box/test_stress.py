# SPDX-License-Identifier: BSD-2-Clause
"""Random clients against random servers, from a seed (STEERWAY_SEED for another): whatever they do to each other, the daemon lives, serves on,
counts nothing that is gone, and keeps neither descriptors nor memory."""
import os
import random
import socket
import ssl
import threading
import time

from edge import Edge
from http1 import Client, RawOrigin, chunks, ok
from lab import SANITIZER, wait_until
from origins import Certificate

SEED = int(os.environ.get("STEERWAY_SEED", "20261120"))
CLIENTS, SECONDS = 24, 4
STATES = ("steerway_proxy_sessions", "steerway_proxy_requests_active", "steerway_proxy_upstream_idle")


class Misbehaving:
	"""An origin that answers a share of the requests, and does something else to the rest."""

	def __init__(self, lab, seed):
		self.random, self.lock = random.Random(seed), threading.Lock()
		self.origin = RawOrigin(lab, self.serve)

	def draw(self, function):
		with self.lock:
			return function(self.random)

	def serve(self, c):
		c.sock.settimeout(5)
		while True:
			what = self.draw(lambda r: r.choices(list(self.WAYS), list(self.WAYS.values()))[0])
			size = self.draw(lambda r: int(2 ** r.uniform(0, 20)))
			if not what(self, c, size):
				return

	def good(self, c, size):
		request = c.request()
		if request is None:
			return False
		c.send(ok(b"" if request.method == "HEAD" else b"g" * size) if request.method != "HEAD"
		       else b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
		return True

	def chunked(self, c, size):
		request = c.request()
		if request is None:
			return False
		body = b"" if request.method == "HEAD" else chunks(b"c" * (size // 2 + 1), b"d" * (size // 3 + 1))
		c.send(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
		return True

	def pieces(self, c, size):
		request = c.request()
		if request is None:
			return False
		answer = ok(b"p" * 400) if request.method != "HEAD" else ok(b"")
		for i in range(0, len(answer), 37):
			c.send(answer[i:i + 37])
			time.sleep(.001)
		return True

	def until_close(self, c, size):
		if c.request():
			c.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"u" * size)
		return False

	def early(self, c, size):
		"""Answers at the head, and leaves the body where it is."""
		if c.request(with_body=False):
			c.send(ok(b"e" * size))
			time.sleep(.02)
		return False

	def short(self, c, size):
		if c.request():
			c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size + 10) + b"s" * size)
		return False

	def cut(self, c, size):
		if c.request(with_body=False):
			c.send(b"HTTP/1.1 200 OK\r\nContent-Le"[:size % 27])
		c.reset()
		return False

	def extra(self, c, size):
		if c.request():
			c.send(ok(b"") + b"HTTP/1.1 200 OK\r\n\r\nmore")
		return False

	def garbage(self, c, size):
		c.request(with_body=False)
		c.send(os.urandom(100))
		return False

	def closed(self, c, size):
		return False

	def late(self, c, size):
		c.request(with_body=False)
		time.sleep(.4)
		return False

	WAYS = {good: 50, chunked: 20, pieces: 5, until_close: 4, early: 5, short: 3, cut: 3, extra: 3, garbage: 2, closed: 3, late: 1}


class Clients:
	def __init__(self, edge, tls_address, tls, seed):
		self.edge, self.tls_address, self.tls = edge, tls_address, tls
		self.answers, self.lock = 0, threading.Lock()
		self.threads = [threading.Thread(target=self.run, args=(random.Random(seed + i),), daemon=True) for i in range(CLIENTS)]

	def run(self, r):
		end = time.monotonic() + SECONDS
		while time.monotonic() < end:
			try:
				is_tls = r.random() < .3
				more = {"tls": self.tls, "sni": "app.test"} if is_tls else {}
				c = Client(self.tls_address if is_tls else self.edge.web, seconds=.5,
				           receive_buffer=r.choice((None, None, 4096)), **more)
			except OSError:
				continue
			try:
				for _ in range(r.randrange(1, 6)):
					if not r.choices(list(self.WAYS), list(self.WAYS.values()))[0](self, c, r):
						break
			except (AssertionError, OSError, ValueError):
				pass
			finally:
				c.reset() if r.random() < .2 else c.close()

	def read(self, c, method="GET"):
		answer = c.response(method)
		with self.lock:
			self.answers += answer.status == 200
		return not answer.has_token("Connection", "close")

	def get(self, c, r):
		method = r.choice(("GET", "GET", "HEAD", "DELETE"))
		c.ask(method, f"/{r.random()}", version=r.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0")))
		return self.read(c, method)

	def post(self, c, r):
		c.ask("POST", "/post", body=b"b" * int(2 ** r.uniform(0, 19)))
		return self.read(c)

	def post_chunked(self, c, r):
		body = chunks(*(b"k" * r.randrange(1, 40000) for _ in range(r.randrange(1, 8))))
		c.ask("PUT", "/put", fields=[("Transfer-Encoding", "chunked")])
		for i in range(0, len(body), 20000):
			c.send(body[i:i + 20000])
		return self.read(c)

	def bad_chunks(self, c, r):
		c.ask("PUT", "/bad", fields=[("Transfer-Encoding", "chunked")])
		c.send(b"5\r\nhello\r\n" * r.randrange(1, 2000) + b"nonsense\r\n")
		return self.read(c)

	def split(self, c, r):
		data = b"\r\nPOST /split HTTP/1.1\r\nHost: app.test\r\nContent-Length: 20\r\nX: " + b"y" * r.randrange(200) + b"\r\n\r\n" + b"z" * 20
		while data:
			n = r.randrange(1, 40)
			c.send(data[:n])
			data = data[n:]
			time.sleep(.0005)
		return self.read(c)

	def pipeline(self, c, r):
		n = r.randrange(2, 12)
		c.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: app.test\r\n\r\n" % i if r.random() < .7 else
		                b"POST /%d HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc" % i for i in range(n)))
		if r.random() < .2 and not isinstance(c.sock, ssl.SSLSocket):
			c.sock.shutdown(socket.SHUT_WR)
		return all(self.read(c) for _ in range(n))

	def upload_and_read_nothing(self, c, r):
		c.ask("POST", "/stuck", fields=[("Content-Length", "3000000")])
		c.sock.settimeout(.3)
		for _ in range(r.randrange(1, 150)):
			c.send(b"w" * 20000)
		return False

	def slow_reader(self, c, r):
		c.ask("GET", "/slow")
		for _ in range(20):
			time.sleep(.01)
			c.sock.recv(3000)
		return False

	def leave(self, c, r):
		c.ask(r.choice(("GET", "POST")), "/leave", fields=r.choice(([], [("Content-Length", "10")])))
		return False

	def partial(self, c, r):
		c.send(b"GET / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n"[:r.randrange(50)])
		return False

	def expect(self, c, r):
		c.ask("POST", "/expect", fields=[("Expect", "100-continue"), ("Content-Length", "5")])
		time.sleep(r.choice((0, .01)))
		c.send(b"hello")
		return self.read(c)

	def malformed(self, c, r):
		c.send(r.choice((b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", b"A" * 70000,
		                 b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")))
		return self.read(c)

	WAYS = {get: 30, post: 10, post_chunked: 8, bad_chunks: 4, split: 4, pipeline: 12, upload_and_read_nothing: 3, slow_reader: 3,
	        leave: 6, partial: 4, expect: 4, malformed: 6}


def round_of(edge, tls_address, tls, seed):
	clients = Clients(edge, tls_address, tls, seed)
	for t in clients.threads:
		t.start()
	for t in clients.threads:
		t.join()
	edge.daemon.check()
	return clients.answers


def settle(edge):
	"""All that was under way has ended, and what was counted is given back."""
	def is_quiet():
		values = edge.daemon.metrics()
		left = {n: values[n] for n in STATES if values[n] != 0}
		assert not left, left
		return True
	wait_until(is_quiet, 20, "nothing under way any more", step=.1)
	for listener in edge.daemon.ctl_json("show", "listeners"):
		assert listener["connections"] == 0, listener
	for server in edge.daemon.ctl_json("show", "servers"):
		assert server["active"] == 0 and server["connections"] == 0, server


def test_stress(lab):
	tls_address = (lab.ip, lab.port())
	certificate = Certificate(lab, "app.test")
	edge = Edge(lab, {"cloud": [Misbehaving(lab, SEED).origin, Misbehaving(lab, SEED + 1).origin]},
	            listener={"timeouts": {"head": "1s", "body_idle": "1s", "send_idle": "1s", "keep_alive": "1s"}},
	            pool={"timeouts": {"connect": "1s", "response": "2s", "body_idle": "2s", "idle": "1s"}}, start=False)
	edge.config["listeners"]["tls"] = {"bind": ["%s:%d" % tls_address], "tls": {"certificates": [str(certificate.file)]},
	                                   "timeouts": edge.config["listeners"]["web"]["timeouts"]}
	edge.daemon = lab.steerway(edge.config)
	answers = round_of(edge, tls_address, certificate.trust(), SEED)
	assert answers > 50, f"only {answers} answers"
	settle(edge)
	descriptors, memory = edge.daemon.descriptors(), edge.daemon.rss_bytes()
	assert round_of(edge, tls_address, certificate.trust(), SEED + 1000) > 50
	settle(edge)
	# The last admin connections may still be on their way out.
	wait_until(lambda: edge.daemon.descriptors() <= descriptors, 5, f"at most {descriptors} descriptors")
	if not SANITIZER:
		assert edge.daemon.rss_bytes() < memory + 8 * 1024 * 1024, (edge.daemon.rss_bytes(), memory)
