# SPDX-License-Identifier: BSD-2-Clause
"""Many cases over one running daemon: what each of them did is told apart by where the origin's, the log's and the counters' tails
were before it, so no case waits for anything but its own answer."""
import json
import random
import socket
import time

from http1 import Closed, Client, RawOrigin
from lab import wait_until


def splits(data, seed, n=3, behind=0):
	"""`data` whole, and cut n ways that follow from the seed; the last cuts it into as many pieces as is bearable. The last `behind` bytes
	are not cut off from the one before them."""
	rand = random.Random(seed)
	ways, end = [[data]], len(data) - behind
	for i in range(n):
		most = min(end - 1, 64 if i == n - 1 else 1 + rand.randrange(5))
		cuts = sorted(rand.sample(range(1, end), most)) if most > 0 else []
		ways.append([data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])])
	return ways


def send_pieces(wire, pieces):
	"""A rest between pieces lets most of them arrive as reads of their own; no result hangs on it."""
	try:
		for i, piece in enumerate(pieces):
			if i:
				time.sleep(0.0002)
			wire.send(piece)
	except OSError:
		pass  # refused before it was whole


class Recorder(RawOrigin):
	"""Answers 200 to what it can read, and keeps the bytes: of whole messages in order, and of those that broke off."""

	def __init__(self, lab, **more):
		self.whole, self.broken = [], []
		super().__init__(lab, self.record, **more)

	def record(self, c):
		while True:
			try:
				request = c.head()
				c.body(request)
			except Closed:
				if c.buffer:
					self.broken.append(c.buffer)
				return
			self.whole.append(request.raw_head + (request.raw_body or request.body))
			c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (b"" if request.method == "HEAD" else b"hello"))


class LogTail:
	"""The access log's records since the last look."""

	def __init__(self, daemon):
		self.daemon, self.at = daemon, 0

	def take(self, n):
		"""The next n records, and no more. They are written behind the answers."""
		def enough():
			if not self.daemon.access_path.exists():
				return None
			with open(self.daemon.access_path, "rb") as file:
				file.seek(self.at)
				lines = file.read().split(b"\n")[:-1]
			return lines if len(lines) >= n else None
		lines = wait_until(enough, 5, f"{n} records in the access log", step=0.001)
		self.at += sum(len(line) + 1 for line in lines)
		records = [json.loads(line) for line in lines]
		assert len(records) == n, f"{len(records)} records, not {n}: {records}"
		return records


class EndCounters:
	"""How far steerway_proxy_ends_total went since the last look."""

	def __init__(self, daemon):
		self.daemon, self.last = daemon, daemon.ends()

	def moved(self):
		before, self.last = self.last, self.daemon.ends()
		return {k: v - before[k] for k, v in self.last.items() if v != before[k]}


PROBE = b"GET /probe HTTP/1.1\r\nHost: app.test\r\n\r\n"


def probe(c):
	"""Is the connection still good for a request?"""
	c.send(PROBE)
	answer = c.response()
	assert answer.status == 200, f"a request behind it: {answer}"


def half_close(c):
	c.sock.shutdown(socket.SHUT_WR)


def connect(address, seconds=5):
	return Client(address, seconds=seconds)
