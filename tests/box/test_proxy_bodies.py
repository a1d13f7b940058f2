# SPDX-License-Identifier: BSD-2-Clause
"""Bodies of any size, both ways, by length and in chunks: whole, in order, and under back-pressure at the price of a small one."""
import hashlib
import os
import threading
import time

from edge import Edge
from http1 import RawOrigin, ok
from lab import cases, need_no_sanitizer, need_tool, run, timeout
from origins import FILES, Nginx

MIB = 1024 * 1024


def pattern(n, seed=1):
	"""n bytes in which no two places look alike."""
	return hashlib.shake_128(bytes([seed])).digest(n)


def send_body(c, data, kind, step):
	"""As a Content-Length body, in chunks, or up to the close."""
	for at in range(0, len(data), step):
		part = data[at:at + step]
		c.send(b"%x\r\n%s\r\n" % (len(part), part) if kind == "chunked" else part)
	if kind == "chunked":
		c.send(b"0\r\n\r\n")


def field(kind, n):
	return {"chunked": b"Transfer-Encoding: chunked\r\n", "length": b"Content-Length: %d\r\n" % n, "close": b""}[kind]



SHAPES = [(f"{kind} {size} by {step}", kind, size, step) for kind in ("length", "chunked") for size, step in
          ((1, 1), (100, 1), (16384, 16384), (300_000, 997), (5 * MIB, 65536), (5 * MIB, 3 * MIB))]


@cases(*SHAPES)
def test_down(kind, size, step, lab):
	data = pattern(size)

	def serve(c):
		while c.request():
			c.send(b"HTTP/1.1 200 OK\r\n" + field(kind, size) + b"\r\n")
			send_body(c, data, kind, step)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	with edge.client() as c:
		for _ in range(3):
			assert c.get("/").body == data


@cases(*SHAPES)
def test_up(kind, size, step, lab):
	data = pattern(size, 2)
	origin = RawOrigin(lab)
	edge = Edge(lab, {"cloud": [origin]})
	with edge.client() as c:
		for _ in range(3):
			c.send(b"PUT / HTTP/1.1\r\nHost: app.test\r\n" + field(kind, size) + b"\r\n")
			send_body(c, data, kind, step)
			assert c.response().status == 200
	assert all(r.body == data for r in origin.requests) and len(origin.requests) == 3


def test_both_ways_at_once(lab):
	"""An echo: the response flows while the request still does."""
	def serve(c):
		request = c.request(with_body=False)
		n = int(request.get("Content-Length"))
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n)
		while n:
			part = c.take(min(n, 65536))
			n -= len(part)
			c.send(part)
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]})
	data = pattern(8 * MIB, 3)
	with edge.client() as c:
		c.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: %d\r\n\r\n" % len(data))
		sender = threading.Thread(target=c.send, args=(data,), daemon=True)
		sender.start()
		assert c.response().body == data
		sender.join(10)


def test_nginx_files(lab):
	"""The real origin's files, through real curl, one connection."""
	need_tool("curl")
	origin = Nginx(lab, "cloud")
	edge = Edge(lab, {"cloud": [origin]})
	for label, size in FILES.items():
		urls = ["http://%s:%d/%s" % (*edge.web, label)] * 5
		out = run("curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{num_connects}\n", *urls[:1],
		          *[w for u in urls[1:] for w in ("-o", "/dev/null", u)]).stdout
		assert [tuple(line.split()[:2]) for line in out.splitlines()] == [("200", str(size))] * 5, out
	assert len(origin.served()) == 5 * len(FILES)


def resident(edge):
	return edge.daemon.rss_bytes()


@timeout(120)
@cases(("length", "length"), ("chunked", "chunked"))
def test_huge_through_slow_reader(kind, lab):
	"""2 GiB through a reader that now and then stops: memory stays where a small body leaves it."""
	need_no_sanitizer("memory")
	total, part = 2 * 1024 * MIB, os.urandom(MIB)

	def serve(c):
		while request := c.request():
			if request.target == "/small":
				c.send(ok(b"x" * 1000))
				continue
			c.send(b"HTTP/1.1 200 OK\r\n" + field(kind, total) + b"\r\n")
			for _ in range(total // len(part)):
				if kind == "chunked":
					c.send(b"%x\r\n" % len(part))
				c.send(part)
				if kind == "chunked":
					c.send(b"\r\n")
			if kind == "chunked":
				c.send(b"0\r\n\r\n")
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1)
	assert edge.fetch("/small").status == 200
	before, most, got, pauses = resident(edge), 0, 0, 0
	with edge.client(receive_buffer=262144, seconds=60) as c:
		c.ask("GET", "/huge")
		head = c.head()
		assert head.status == 200
		buffer, next_look = bytearray(4 * MIB), 0
		got = len(c.buffer)
		while got < total:
			n = c.sock.recv_into(buffer)
			assert n > 0, f"closed after {got} bytes"
			got += n
			if got >= next_look:
				next_look += 64 * MIB
				time.sleep(0.02)  # the reader's own pace; nothing waits for it
				pauses += 1
				most = max(most, resident(edge))
	assert pauses > 16
	assert most - before < 4 * MIB, f"grew by {(most - before) / MIB:.1f} MiB"


@timeout(90)
def test_stalled_reader_bounds_memory(lab):
	"""200 readers that take nothing of 50 MiB each: the origin is held back, not buffered."""
	need_no_sanitizer("memory")
	sent = []

	def serve(c):
		c.request()
		c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (50 * MIB))
		part = b"x" * 65536
		try:
			for _ in range(800):
				c.send(part)
				sent.append(len(part))
		except OSError:
			pass
	edge = Edge(lab, {"cloud": [RawOrigin(lab, serve)]}, workers=1)
	before = resident(edge)
	clients = [edge.client(receive_buffer=4096) for _ in range(200)]
	for c in clients:
		c.ask("GET", "/")
	for c in clients:
		assert c.head().status == 200
	last = -1
	while last != sum(sent):  # until nothing moves any more
		last = sum(sent)
		time.sleep(0.3)
	grown = resident(edge) - before
	for c in clients:
		c.reset()
	edge.daemon.wait_metric("steerway_proxy_requests_active", 0)
	assert grown < 200 * 200 * 1024, f"{grown / 200 / 1024:.0f} KiB a stalled reader"


def test_slow_server_bounds_memory(lab):
	"""Back-pressure the other way: an upload to a server that reads slowly is held in the client."""
	need_no_sanitizer("memory")
	total = 200 * MIB

	def serve(c):
		request = c.request(with_body=False)
		origin.note(request)
		go.wait(20)
		left = total
		while left:
			left -= len(c.take(min(left, MIB)))
		c.send(ok())
	go = threading.Event()
	origin = RawOrigin(lab, serve)
	edge = Edge(lab, {"cloud": [origin]}, workers=1)
	before = resident(edge)
	with edge.client(seconds=60) as c:
		c.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: %d\r\n\r\n" % total)
		sent = []

		def send():
			part = b"x" * MIB
			for _ in range(total // MIB):
				c.send(part)
				sent.append(MIB)
		sender = threading.Thread(target=send, daemon=True)
		sender.start()
		origin.wait(1)
		last = -1
		while last != sum(sent):
			last = sum(sent)
			time.sleep(0.3)
		grown = resident(edge) - before
		assert last < total, "all of it was taken though the server read nothing"
		assert grown < 4 * MIB, f"grew by {grown / MIB:.1f} MiB"
		go.set()
		assert c.response().status == 200
		sender.join(10)
