# SPDX-License-Identifier: BSD-2-Clause
"""Clients that are slow on purpose, and such as only look it: slowhttptest's four modes, and minimum rates (min_rates) in both protocols.

Each attacker must be gone within the bounds that the listener sets, with its end reason, while a good client beside is served and
memory stays bounded; who pauses, or is slow, but within the bounds, must get all of its answer."""
import re
import signal
import time

import http2
from bystander import Bystander
from edge import Edge
from http1 import Client, RawOrigin, chunks, ok
from http2 import INITIAL_WINDOW_SIZE, data, headers, request, window_update
from lab import SANITIZER, SLOW, cases, need_tool, note, raise_descriptors, slowness, wait_until

GROWTH_BYTES = 48 << 20  # hundreds of connections, with their heads or with 64 KiB and more of a response each
RATE = 1000
LISTENER = {"max_head": "32KiB", "timeouts": {"head": "2s", "body_idle": "2s", "send_idle": "2s", "keep_alive": "20s"},
            "min_rates": {"body": RATE, "send": RATE, "window": "1500ms"}}
BOUND = 6.0  # seconds: twice the longest of these bounds (what the kernel took counts as progress once), and what a busy machine adds
LARGE = ok(bytes(4 << 20))  # made once: hundreds at a time would cost the good client beside them seconds


class Front:
	def __init__(self, lab):
		raise_descriptors(4000)
		self.lab, self.origin = lab, RawOrigin(lab, self.serve)
		self.edge = Edge(lab, {"cloud": [self.origin]}, listener=LISTENER, pool={"retries": {"attempts": 0}, "timeouts": {"response": "60s"}})
		self.daemon, self.address = self.edge.daemon, self.edge.web
		for _ in range(50):  # pools and arenas come to their size
			self.edge.fetch()

	def serve(self, c):
		while message := c.request(with_body=False):
			if message.target == "/early":  # begins to answer before it has the body
				c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
				c.body(message)
				c.send(b"0\r\n\r\n")
				continue
			c.body(message)
			c.send(LARGE if message.target == "/large" else ok(b"%d" % len(message.body or b"")))

	def ended(self, reason):
		return self.daemon.ends().get(reason, 0)


def shared(lab):
	return Front(lab)


# ---- slowhttptest ----

@cases(
	("slow_headers", "/attack", 300, ["-H", "-i", "1", "-x", "24"], "head_timeout"),
	("slow_body", "/attack", 300, ["-B", "-i", "1", "-x", "10", "-s", "100000"], "body_too_slow"),
	("ranges", "/attack", 300, ["-R", "-t", "GET", "-a", "1", "-b", "1500", "-i", "1"], "complete"),
	("slow_reading", "/large", 200, ["-X", "-n", "1", "-z", "32", "-w", "512", "-y", "1024", "-k", "3", "-i", "1"], "send_too_slow"),
)
def test_slowhttptest(path, crowd, options, reason, shared):
	"""Each attacker is gone within the bounds; the tool itself finds the service there at all times."""
	need_tool("slowhttptest")
	daemon, bound = shared.daemon, BOUND * SLOW
	wait_until(lambda: daemon.metric("steerway_proxy_sessions") == 0, 10, "the connections of the test before are closed")
	seen, ended, rss, samples = len(daemon.access()), shared.ended(reason), daemon.rss_bytes(), []

	def is_over():
		samples.append((daemon.metric("steerway_proxy_sessions"), daemon.rss_bytes()))
		all_came = not tool.is_alive() or (reason != "complete" and shared.ended(reason) - ended >= crowd * 0.9)
		return all_came and samples[-1][0] <= 2  # the good client, and perhaps the tool's own probe

	with Bystander(shared.address):
		tool = shared.lab.start(f"slowhttptest{options[0]}", ["slowhttptest", *options, "-c", str(crowd), "-r", str(crowd), "-l", str(int(8 * SLOW * slowness())),
		                                                     "-p", "5", "-u", "http://%s:%d%s" % (*shared.address, path)])
		wait_until(is_over, 8 + BOUND, "all of the attackers are gone", 0.05)
		tool.stop(signal.SIGINT)  # it has its say

	def attackers():
		found = [r for r in daemon.access()[seen:] if r["path"] in (path, "") and r["end"] == reason]  # a head that was not whole has none
		return found if len(found) >= crowd * 0.9 else None
	records = wait_until(attackers, 2, f"{crowd} transactions that ended as {reason}")
	longest = max(r["total_us"] for r in records) / 1e6
	most, grown = max(n for n, _ in samples), max(n for _, n in samples) - rss
	note(f"{most:.0f} connections at most; {len(records)} ended as {reason}, the last after {longest:.1f} s; grown by {grown >> 10} KiB")
	assert reason == "complete" or most > crowd / 2, f"at most {most} connections: no attack"
	assert longest < bound or longest < bound * slowness(), f"one lasted for {longest} s"
	assert SANITIZER or grown < GROWTH_BYTES, f"grown by {grown} bytes"
	verdicts = re.findall(r"service available:\s+(\w+)", re.sub(r"\x1b\[[\d;]*[mHJ]", "", tool.text()))
	assert "YES" in verdicts and "NO" not in verdicts, tool.text()[-2000:]


# ---- HTTP/1: just too slow, just fast enough ----

def post(client, n, target="/"):
	client.send(b"POST %s HTTP/1.1\r\nHost: app.test\r\nContent-Length: %d\r\n\r\n" % (target.encode(), n))


def trickle(client, piece, every, n):
	"""n pieces, each behind a pause; the answer can come at any time."""
	try:
		for _ in range(n):
			time.sleep(every)
			client.send(piece)
	except OSError:
		pass


def test_body_below_the_rate(shared):
	"""Never idle, yet too slow."""
	ended, start = shared.ended("body_too_slow"), time.monotonic()
	with Client(shared.address) as c:
		post(c, 100000)
		trickle(c, b"x" * 50, 0.1, 17)
		answer = c.response()
		assert answer.status == 408 and answer.has_token("Connection", "close"), answer
		assert 1.4 < time.monotonic() - start < BOUND * SLOW * slowness()
	assert shared.ended("body_too_slow") == ended + 1
	assert shared.daemon.wait_access(lambda r: r["end"] == "body_too_slow")["status"] == 408


def test_body_above_the_rate(shared):
	with Client(shared.address) as c:
		post(c, 10000)
		trickle(c, b"x" * 250, 0.1, 40)
		assert c.response().body == b"10000"


def test_chunks_below_the_rate(shared):
	"""The coding's own bytes count as body: they are what the client sends."""
	with Client(shared.address) as c:
		c.ask("POST", fields=[("Transfer-Encoding", "chunked")])
		trickle(c, chunks(b"x")[:-5], 0.1, 17)
		assert c.response().status == 408


def test_answer_that_begins_before_the_body_ends(shared):
	"""Then both sides talk, and only pauses are bounded."""
	with Client(shared.address) as c:
		post(c, 10, "/early")
		trickle(c, b"x", 0.4, 10)
		assert c.response().body == b"hello"


def test_reading_below_the_rate(shared):
	ended, start = shared.ended("send_too_slow"), time.monotonic()
	with Client(shared.address, receive_buffer=4096, segment=536) as c:
		c.ask(target="/large")
		try:
			while time.monotonic() < start + 8 * SLOW and shared.ended("send_too_slow") == ended:
				c.sock.recv(50)
				time.sleep(0.1)
		except ConnectionError:
			pass
	assert shared.ended("send_too_slow") == ended + 1
	assert time.monotonic() - start < BOUND * SLOW * slowness()


def test_reading_above_the_rate(shared):
	"""Loopback's kernel holds megabytes, and tells of room after a third of them: it must be asked what has left."""
	with Client(shared.address, receive_buffer=16384) as c:
		c.ask(target="/large")
		start, got = time.monotonic(), 0
		while time.monotonic() < start + 5:
			got += len(c.sock.recv(2000))
			time.sleep(0.1)
		while chunk := c.sock.recv(1 << 20):
			got += len(chunk)
			if got > 4 << 20:
				break
		assert got > 4 << 20


# ---- HTTP/2 ----

def test_h2_data_below_the_rate(shared):
	"""The stream ends, the connection and its other streams go on."""
	ended = shared.ended("body_too_slow")
	with http2.connect(shared.address, seconds=10) as c:
		c.send(headers(1, request("POST"), http2.END_HEADERS))
		for i in range(17):
			time.sleep(0.1)
			c.send(data(1, b"x" * 50, 0))
		assert c.answer(1).status == 408
		c.send(headers(3, request()))
		assert c.answer(3).status == 200
	assert shared.ended("body_too_slow") == ended + 1


def test_h2_data_above_the_rate(shared):
	with http2.connect(shared.address, seconds=10) as c:
		c.send(headers(1, request("POST"), http2.END_HEADERS))
		for i in range(40):
			time.sleep(0.1)
			c.send(data(1, b"x" * 300, http2.END_STREAM if i == 39 else 0))
		assert c.answer(1).status == 200


def test_h2_streams_share_the_rate(shared):
	"""Ten uploads over a link that carries the rate for one of them."""
	with http2.connect(shared.address, seconds=10) as c:
		streams = range(1, 21, 2)
		c.send(*(headers(n, request("POST"), http2.END_HEADERS) for n in streams))
		for i in range(12):
			time.sleep(0.3)
			c.send(*(data(n, b"x" * 60, http2.END_STREAM if i == 11 else 0) for n in streams))
		assert all(c.answer(n).status == 200 for n in streams)


def test_h2_window_below_the_rate(shared):
	"""A window that opens by a little, often enough not to be idle."""
	ended = shared.ended("send_too_slow")
	with http2.connect(shared.address, (INITIAL_WINDOW_SIZE, 0), is_polite=False, seconds=10) as c:
		c.send(headers(1, request(path="/large")), headers(3, request()))
		c.until(lambda: c.on(1).heads)
		c.send(window_update(1000, 3))
		for i in range(10):
			time.sleep(0.3)
			c.send(window_update(100, 1))
		c.until(lambda: c.on(1).reset)
		assert c.answer(3).status == 200
	assert shared.ended("send_too_slow") == ended + 1


def test_h2_window_above_the_rate(shared):
	with http2.connect(shared.address, (INITIAL_WINDOW_SIZE, 0), is_polite=False, seconds=10) as c:
		c.send(headers(1, request(path="/large")))
		for i in range(12):
			time.sleep(0.3)
			c.send(window_update(600, 1))
		c.until(lambda: len(c.on(1).body) == 7200)
		assert not c.on(1).reset


def test_h2_reading_below_the_rate(shared):
	"""Windows as large as they can be, and a socket that is hardly read: the connection is cut."""
	ended, start = shared.ended("send_too_slow"), time.monotonic()
	c = http2.connect(shared.address, (INITIAL_WINDOW_SIZE, 0x7fffffff), is_polite=False, receive_buffer=4096, segment=536)
	c.send(window_update(0x7fffffff - 65535), *(headers(n, request(path="/large")) for n in range(1, 20, 2)))
	try:
		while time.monotonic() < start + 8 * SLOW and shared.ended("send_too_slow") == ended:
			c.wire.sock.recv(50)
			time.sleep(0.1)
	except ConnectionError:
		pass
	wait_until(lambda: shared.ended("send_too_slow") == ended + 10, 2, "all of its requests ended")
	assert time.monotonic() - start < BOUND * SLOW * slowness()
	c.wire.reset()
