# SPDX-License-Identifier: BSD-2-Clause
"""Clients that send much, or little, to wear the proxy out: slow heads, slow bodies, slow reading, and the floods of HTTP/2 (RFC 9113 10.5).
Each attack must end for the attacker (an error code of GOAWAY, an end reason, a counter), must not let memory grow, and must leave a
good client beside it served. The good client's latency is printed; what is asserted of it is generous, since machines differ."""
import socket
import time

import http2
from bystander import Bystander
from edge import Edge
from http1 import Client, RawOrigin, ok
from http2 import continuation, data, headers, literal, ping, request, rst, settings, window_update
from lab import PATIENCE, SANITIZER, SLOW, cases, note, raise_descriptors, wait_until

GROWTH_BYTES = 24 << 20  # what the bounds of these connections add up to, and the allocator's noise
LISTENER = {"max_head": "16KiB", "http2": {"max_idle_frames": 200, "max_streams": 100},
            "timeouts": {"head": "700ms", "body_idle": "700ms", "send_idle": "700ms", "keep_alive": "10s"}}
LARGE = ok(bytes(4 << 20))  # made once: a hundred at a time would cost the good client beside them seconds
REQUEST = headers(1, request())


class Front:
	def __init__(self, lab):
		raise_descriptors(4000)
		self.origin = RawOrigin(lab, self.serve)
		self.edge = Edge(lab, {"cloud": [self.origin]}, listener=LISTENER, pool={"retries": {"attempts": 0}})
		self.daemon, self.address = self.edge.daemon, self.edge.web
		for _ in range(50):  # pools and arenas come to their size
			self.edge.fetch()

	def serve(self, c):
		while request := c.request():
			self.origin.note(request)
			c.send(LARGE if request.target == "/large" else ok())


def shared(lab):
	return Front(lab)


class Attack:
	"""`with Attack(front, reason): ...` around one; reason: the end that its transactions must have."""

	def __init__(self, front, reason=None, floods=0):
		self.front, self.reason, self.floods = front, reason, floods

	def __enter__(self):
		self.bystander = Bystander(self.front.address)
		self.bystander.__enter__()
		self.ends, self.rss = self.front.daemon.ends(), self.front.daemon.rss_bytes()
		self.before = self.front.daemon.metric("steerway_proxy_h2_floods_total")
		self.most = self.rss
		return self

	def look(self):
		self.most = max(self.most, self.front.daemon.rss_bytes())

	def ended(self):
		return self.front.daemon.ends().get(self.reason, 0) - self.ends.get(self.reason, 0)

	def __exit__(self, *failure):
		self.look()
		self.bystander.__exit__(*failure)
		if failure[0]:
			return
		grown = self.most - self.rss
		note(f"grown by {grown >> 10} KiB")
		assert SANITIZER or grown < GROWTH_BYTES, f"grown by {grown} bytes"
		if self.reason:
			wait_until(lambda: self.ended() > 0, 5, f"a transaction that ended as {self.reason}")
		floods = self.front.daemon.metric("steerway_proxy_h2_floods_total") - self.before
		assert floods == self.floods, f"{floods} floods counted, not {self.floods}"
		wait_until(lambda: self.front.daemon.metric("steerway_proxy_requests_active") == 0, 5, "nothing under way")


# ---- HTTP/1: little, for long ----

def crowd(front, n, first, **more):
	"""n clients, each of which says its first bytes at once: who says none is let go in silence after the same time as a slow head."""
	clients = []
	for _ in range(n):
		clients.append(Client(front.address, **more))
		clients[-1].send(first)
	return clients


def drip(clients, piece, seconds=10):
	"""Each client sends a piece now and then, until the daemon has closed all of them."""
	end, alive = time.monotonic() + seconds * PATIENCE, list(clients)
	while alive and time.monotonic() < end:
		for c in list(alive):
			try:
				c.sock.send(piece)
				c.sock.settimeout(0)
				if c.sock.recv(4096, socket.MSG_PEEK) is not None:
					alive.remove(c)
			except BlockingIOError:
				pass
			except OSError:
				alive.remove(c)
		time.sleep(0.02)
	return alive


def test_slow_heads(shared):
	"""Slowloris: a field now and then does not move the deadline of a head."""
	with Attack(shared, "head_timeout") as attack:
		clients = crowd(shared, 200, b"GET / HTTP/1.1\r\nHost: app.test\r\n")
		attack.look()
		assert not drip(clients, b"X: y\r\n"), "still fed"
		wait_until(lambda: attack.ended() == 200, 5, "200 heads that took too long")
		for c in clients:
			c.close()


def test_stalled_bodies(shared):
	with Attack(shared, "body_timeout") as attack:
		clients = crowd(shared, 100, b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
		attack.look()
		for c in clients:
			assert c.response().status == 408
		wait_until(lambda: attack.ended() == 100, 5, "100 bodies that paused")
		for c in clients:
			c.close()


def test_slow_reading(shared):
	"""Clients that ask for much and take nothing: the server is held back, not buffered."""
	with Attack(shared, "send_timeout") as attack:
		clients = crowd(shared, 50, b"GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n", receive_buffer=4096)
		while attack.ended() < 50:
			attack.look()
			time.sleep(0.02)
		for c in clients:
			c.close()


# ---- HTTP/2: frames ----

def flood(front, start, frames, rounds=2000):
	"""Sends `frames` (bytes, or by the round a function's) until the daemon ends the connection; the error that it gives."""
	c = http2.connect(front.address, is_polite=False, seconds=10)
	c.send(start)
	try:
		for i in range(rounds):
			c.send(frames(i) if callable(frames) else frames)
	except OSError:
		pass
	c.wire.sock.settimeout(10 * PATIENCE)
	error = c.ends()
	c.close()
	return error


def reset_pair(i):
	return b"".join(headers(n, request()) + rst(n) for n in range(1 + 20 * i, 21 + 20 * i, 2))


def made_reset(i):
	"""The client does nothing but break the rules of one stream after the other, so that it is the server that resets."""
	return b"".join(headers(n, request("POST"), http2.END_HEADERS) + window_update(0x7fffffff, n) for n in range(1 + 20 * i, 21 + 20 * i, 2))


POST = headers(1, request("POST"), http2.END_HEADERS)
FLOODS = [
	("rapid_reset", b"", reset_pair),  # CVE-2023-44487
	("resets_provoked", b"", made_reset),  # CVE-2025-8671
	("continuation", headers(1, b"", 0), continuation(1, literal("x", "y" * 1000), 0)),  # CVE-2024-27316 and its like
	("empty_continuation", headers(1, b"", 0), continuation(1, b"", 0) * 10),
	("settings", b"", settings((4, 65535)) * 10),  # CVE-2019-9515
	("empty_settings", b"", settings() * 10),
	("ping", b"", ping() * 10),  # CVE-2019-9512
	("ping_answers", b"", ping(flags=http2.ACK) * 10),
	("priority", b"", http2.frame(http2.PRIORITY, 0, 1, b"\0\0\0\0\1") * 10),  # CVE-2019-9513
	("empty_data", POST, data(1, b"", 0) * 10),  # CVE-2019-9518
	("padded_empty_data", POST, http2.frame(http2.DATA, http2.PADDED, 1, http2.padded(b"", 200)) * 10),
	("tiny_data", POST, data(1, b"x", 0) * 10),
	("unknown_frames", b"", http2.frame(0xbb, 0, 0, b"x") * 10),
	("window_updates_nobody_needs", b"", window_update(1) * 10),
]


@cases(*FLOODS)
def test_h2_flood(start, frames, shared):
	"""The attacker is told to calm down, and the connection closes."""
	served = len(shared.origin.connections)
	with Attack(shared, floods=1):
		error = flood(shared, start, frames)
		assert error == "ENHANCE_YOUR_CALM", error
	assert len(shared.origin.connections) - served < 400, "the flood went on to the server"


@cases(("PING", ping()), ("SETTINGS", settings((4, 65535))))
def test_h2_client_that_reads_nothing(frames, shared):
	"""Answers that nobody takes do not pile up: the daemon stops reading, or ends it."""
	with Attack(shared) as attack:
		c = http2.connect(shared.address, (http2.INITIAL_WINDOW_SIZE, 0x7fffffff), is_polite=False, receive_buffer=4096)
		c.wire.sock.settimeout(3 * SLOW)  # held back for so long, it is held back
		sent = 0
		try:
			while sent < 64 << 20:
				c.send(frames * 1000)
				sent += 1000 * len(frames)
				attack.look()
		except OSError:
			pass  # closed, or held back
		attack.floods = shared.daemon.metric("steerway_proxy_h2_floods_total") - attack.before
		attack.look()
		c.wire.reset()
		assert sent < 64 << 20


def test_h2_large_answers_that_nobody_reads(shared):
	"""With windows as large as they can be it is the socket that holds a hundred large answers back."""
	with Attack(shared, "send_timeout") as attack:
		c = http2.connect(shared.address, (http2.INITIAL_WINDOW_SIZE, 0x7fffffff), is_polite=False, receive_buffer=4096)
		c.send(window_update(0x7fffffff - 65535), *(headers(n, request(path="/large")) for n in range(1, 200, 2)))
		while attack.ended() < 100:
			attack.look()
			time.sleep(0.02)
		c.wire.reset()


def test_h2_window_stall(shared):
	"""A hundred large answers that the client gives no window for: little is held of each, and they end by send_idle."""
	with Attack(shared, "send_timeout") as attack:
		c = http2.connect(shared.address, (http2.INITIAL_WINDOW_SIZE, 0), is_polite=False, seconds=10)
		c.send(*(headers(n, request(path="/large")) for n in range(1, 200, 2)))
		while attack.ended() < 100:
			attack.look()
			time.sleep(0.02)
		c.until(lambda: all(c.on(n).reset for n in range(1, 200, 2)))
		assert all(not a.body for a in c.streams.values())
		c.close()


def test_h2_window_trickle(shared):
	"""A window of one byte at a time costs a frame each: it is told to calm down."""
	with Attack(shared, floods=1):
		c = http2.connect(shared.address, (http2.INITIAL_WINDOW_SIZE, 0), is_polite=False, seconds=10)
		c.send(headers(1, request(path="/large")))
		c.until(lambda: c.on(1).heads)
		try:
			for _ in range(100):  # together, so that they cost more than the bytes between them earn, however slow all is
				c.send(*(window_update(1, 1) for _ in range(50)))
		except OSError:
			pass
		assert c.ends() == "ENHANCE_YOUR_CALM"
		c.close()


def test_h2_header_bomb(shared):
	"""A kilobyte in the table, named thousands of times (HPACK bomb): refused at max_head, and none of it is kept."""
	bomb = headers(1, http2.encode(request()) + literal("x", "y" * 4000, 0x40) + b"\xbe" * 12000)
	with Attack(shared, "bad_request") as attack:
		clients = []
		for _ in range(50):
			c = http2.connect(shared.address, seconds=10)
			c.send(bomb)
			clients.append(c)
		for c in clients:
			assert c.answer(1).status == 431, c.streams
		attack.look()
		for c in clients:
			c.close()
		wait_until(lambda: attack.ended() == 50, 5, "50 refusals")


def test_h2_slow_head(shared):
	"""A header block that does not end is bounded by the same time as a head of HTTP/1.1."""
	with Attack(shared, "head_timeout"):
		clients = [http2.connect(shared.address, is_polite=False, seconds=10) for _ in range(50)]
		for c in clients:
			c.send(headers(1, b"", 0))
		for c in clients:
			c.ends()
			c.close()
