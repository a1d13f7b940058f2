# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/1.1 and HTTP/2 on both sides at once, with ends that abort, reset, dawdle and break off, and reloads between. By a seed. At the
end every response that ended was intact, and nothing is left: no request, no connection, no place in a queue or at a server."""
import hashlib
import os
import random
import threading
import time

from edge import Edge, servers
from http1 import Client, Closed, RawOrigin, chunks
from http2 import END_HEADERS, END_STREAM, Origin2, connect, data, headers, request, rst
from lab import note, timeout, wait_until

SECONDS = 8
SIZES = (0, 1, 300, 5000, 70000, 150000)
WAYS = ("whole",) * 6 + ("late", "pieces", "trailers", "break", "reset")


def body_of(size, seed):
	return random.Random(seed).randbytes(size)


def parse(target):
	_, way, size, seed = target.split("/")
	return way, int(size), int(seed)


def digest(body):
	return hashlib.sha256(body).hexdigest()


def serve1(c):
	while m := c.request():
		way, size, seed = parse(m.target)
		body, check = body_of(size, seed), b"X-Sum: " + digest(m.body).encode() + b"\r\n"
		if way == "reset":
			return c.reset()
		if way == "late":
			time.sleep(0.05)
		if way in ("pieces", "trailers"):
			wire = chunks(*(body[i:i + 9000] for i in range(0, size, 9000)))
			wire = wire[:-2] + b"X-End: 1\r\n\r\n" if way == "trailers" else wire
			c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + check + b"\r\n" + wire)
		elif way == "break" and size > 1:
			return c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % size + check + b"\r\n" + body[:size // 2])
		else:
			c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % size + check + b"\r\n" + body)


def answer2(c, n, a):
	way, size, seed = parse(a.get(":path"))
	body = body_of(size, seed)
	if way == "reset":
		return c.send(rst(n, random.choice((0, 2, 7, 8))))
	if way == "late":
		time.sleep(0.01)
	c.send(headers(n, [(":status", "200"), ("x-sum", digest(a.body))], END_HEADERS))
	if way == "break" and size > 1:
		return c.send(data(n, body[:min(16000, size // 2)], 0), rst(n))
	spans = [body[i:i + 16000] for i in range(0, size, 16000)] or [b""]
	c.send(*(data(n, s, 0) for s in spans[:-1]))
	if way == "trailers":
		return c.send(data(n, spans[-1], 0), headers(n, [("x-end", "1")]))
	return c.send(data(n, spans[-1]))


def serve2(c):
	done = set()
	for _ in range(3000):  # then it closes, with whatever is under way
		f = c.step()
		a = c.streams.get(f.stream)
		if a and a.has_ended and f.stream not in done:
			done.add(f.stream)
			if a.reset is None:
				answer2(c, f.stream, a)


class Load:
	def __init__(self, edge, seed):
		self.edge, self.until = edge, time.monotonic() + SECONDS
		self.counts, self.wrong, self.lock = {"whole": 0, "cut": 0, "refused": 0, "given up": 0}, [], threading.Lock()
		self.threads = [threading.Thread(target=self.run, args=(one, random.Random(seed + i)), daemon=True)
		                for i, one in enumerate([self.client2] * 5 + [self.client1] * 3)]
		for t in self.threads:
			t.start()

	def run(self, one, r):
		try:
			while time.monotonic() < self.until:
				try:
					one(r)
				except (Closed, OSError):
					self.count("cut")
		except BaseException as e:
			self.wrong.append(repr(e))
			raise

	def count(self, what):
		with self.lock:
			self.counts[what] += 1

	def judge(self, target, sent, status, body, sum_of_sent):
		way, size, seed = parse(target)
		if status != 200:
			assert status in (413, 502, 503, 504), (target, status)
			return self.count("refused")
		assert body == body_of(size, seed), f"{target}: {len(body)} bytes"
		assert sum_of_sent == digest(sent), f"{target}: the server got another body"
		return self.count("whole")

	def choose(self, r):
		pool = r.choice("ab")
		target = f"/{r.choice(WAYS)}/{r.choice(SIZES)}/{r.randrange(50)}"
		sent = r.randbytes(r.choice((1, 4000, 60000))) if r.random() < 0.3 else b""
		return pool, target, sent

	def client1(self, r):
		with Client(self.edge.web, seconds=12) as c:
			for _ in range(r.randrange(1, 8)):
				pool, target, sent = self.choose(r)
				if r.random() < 0.1:
					c.send(b"POST %s HTTP/1.1\r\nHost: %s.test\r\nContent-Length: 9999\r\n\r\nabc" % (target.encode(), pool.encode()))
					self.count("given up")
					return c.reset() if r.random() < 0.5 else None
				c.ask("POST" if sent else "GET", target, host=f"{pool}.test", body=sent)
				if r.random() < 0.1:
					self.count("given up")
					return c.reset()
				m = c.response()
				self.judge(target, sent, m.status, m.body, m.get("X-Sum"))
				if m.has_token("Connection", "close"):
					return None

	def client2(self, r):
		with connect(self.edge.web, seconds=12) as c:
			asked = {}
			for n in range(1, 2 * r.randrange(2, 12), 2):
				pool, target, sent = self.choose(r)
				head = headers(n, request("POST" if sent else "GET", target, "http", f"{pool}.test"), END_HEADERS | (0 if sent else END_STREAM))
				spans = [sent[i:i + 16000] for i in range(0, len(sent), 16000)]
				c.send(head, *(data(n, s, END_STREAM if i == len(spans) - 1 else 0) for i, s in enumerate(spans)))
				asked[n] = target, sent
				if r.random() < 0.1:
					c.send(rst(n))
					self.count("given up")
					del asked[n]
			if r.random() < 0.1:
				time.sleep(r.random() * 0.3)
			if r.random() < 0.1:
				self.count("given up")
				return c.wire.reset()
			for n, (target, sent) in asked.items():
				a = c.answer(n)
				if a.reset is not None:
					self.count("cut")
				else:
					self.judge(target, sent, a.status, a.body, a.get("x-sum"))


@timeout(150)
def test_all_ways_at_once(lab):
	seed = int(os.environ.get("STEERWAY_SEED", random.randrange(1 << 30)))
	note(f"seed {seed}")
	pools = {"b": {"servers": servers(cloud=[Origin2(lab, serve2), Origin2(lab, serve2)]), "protocol": "http2", "max_streams": 7,
	               "limits": {"requests": 40}, "queue": {"length": 20, "timeout": "2s"}}}
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve1), RawOrigin(lab, serve1)]}, workers=2, pools=pools,
	            pool={"limits": {"requests": 12}, "queue": {"length": 20, "timeout": "2s"}, "timeouts": {"body_idle": "3s"}},
	            routes=[{"host": "a.test", "pool": "app"}, {"host": "b.test", "pool": "b"}])
	load = Load(edge, seed)
	r = random.Random(seed)
	while any(t.is_alive() for t in load.threads):
		time.sleep(0.4)
		pools["b"]["max_streams"] = r.choice((1, 3, 7, 100))
		edge.reconfigure()
		assert time.monotonic() < load.until + 100, "clients that wait for ever"
	assert not load.wrong, f"seed {seed}: {load.wrong}"
	note(str(load.counts))
	assert load.counts["whole"] > 50, load.counts

	def is_quiet():
		m = edge.daemon.metrics()
		left = {k: v for k, v in m.items() if v and (k in ("steerway_proxy_requests_active", "steerway_proxy_sessions", "steerway_fleet_queue")
		                                             or k.split("{")[0].endswith("server_active"))}
		assert not left, f"seed {seed}: {left}"
		return True
	wait_until(is_quiet, 10, "nothing in progress")
	for pool in "ab":
		assert edge.fetch("/whole/300/1", host=f"{pool}.test").body == body_of(300, 1)
